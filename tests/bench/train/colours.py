"""Colours of people and their clothes, as linear reflectance of blue, green and red."""

from __future__ import annotations

import numpy as np

__all__ = ["cloth_colour", "hair_colour", "linear", "skin_colour"]


def linear(red: float, green: float, blue: float) -> np.ndarray:
    """Linear reflectance (blue, green, red) of an sRGB colour 0…1."""
    return (np.clip(np.array([blue, green, red]), 0, 1) ** 2.2).astype(np.float32)


def cloth_colour(random: np.random.Generator) -> np.ndarray:
    """The colour of a piece of clothing, as people wear them outdoors."""
    u = random.uniform
    kind = random.choice(8, p=(0.18, 0.15, 0.12, 0.13, 0.17, 0.17, 0.05, 0.03))
    if kind == 0:  # black
        return linear(*(u(0.08, 0.22) + u(-0.02, 0.02, 3)))
    if kind == 1:  # dark blue, dark grey
        grey = u(0.15, 0.35)
        return linear(grey, grey + u(-0.02, 0.03), grey + u(0, 0.15))
    if kind == 2:  # denim
        depth = u(0.25, 0.6)
        return linear(depth * 0.75, depth * 0.9, depth * 1.15)
    if kind == 3:  # white, light grey
        return linear(*(u(0.7, 0.97) + u(-0.03, 0.03, 3)))
    if kind == 4:  # earth colours
        value, warm = u(0.2, 0.65), u(0.6, 0.95)
        return linear(value, value * warm, value * warm * u(0.5, 0.85))
    if kind == 5:  # any hue
        hue, depth, value = u(0, 1), u(0.4, 1), u(0.35, 0.9)
        wave = np.clip(np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
        return linear(*(value * (1 - depth + depth * wave)))
    if kind == 6:  # hi-vis
        return linear(*((0.8, 0.98, 0.15), (1.0, 0.45, 0.1))[int(random.integers(2))])
    return linear(*(u(0.4, 0.6) + u(-0.03, 0.03, 3)))


def skin_colour(random: np.random.Generator) -> np.ndarray:
    tone = random.uniform(0, 1) ** 1.3
    light, dark = np.array([0.91, 0.72, 0.60]), np.array([0.30, 0.19, 0.14])
    return linear(*(light + (dark - light) * tone + random.uniform(-0.03, 0.03)))


def hair_colour(random: np.random.Generator) -> np.ndarray:
    shades = ((0.06, 0.05, 0.05), (0.16, 0.10, 0.07), (0.30, 0.20, 0.12), (0.62, 0.48, 0.30), (0.6, 0.6, 0.6))
    return linear(*np.array(shades[int(random.choice(5, p=(0.42, 0.25, 0.15, 0.10, 0.08)))]))
