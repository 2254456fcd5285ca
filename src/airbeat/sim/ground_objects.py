"""Person-sized objects of a hillside: rocks, stumps, logs, and now and then something people left."""

from __future__ import annotations

import math

import numpy as np

from airbeat.sim.ground_parts import Bgr, Capsule, Facet
from airbeat.sim.people import BRIGHT_CLOTHES, EARTH_CLOTHES

__all__ = ["make_clutter"]

Parts = tuple[Capsule | Facet, ...]

# Shares of what lies about on a hillside; things left by people are rare there.
_SHARES = {
    "rock": 0.46,
    "log": 0.2,
    "stump": 0.17,
    "brush": 0.125,
    "tarp": 0.015,
    "bag": 0.015,
    "clothes": 0.015,
}


def make_clutter(rng: np.random.Generator) -> tuple[str, Parts]:
    """One object: its kind and its parts in its own frame."""
    kinds = list(_SHARES)
    kind = kinds[int(rng.choice(len(kinds), p=list(_SHARES.values())))]
    makers = {
        "rock": _rock,
        "log": _log,
        "stump": _stump,
        "brush": _brush,
        "tarp": _tarp,
        "bag": _bag,
        "clothes": _clothes,
    }
    return kind, makers[kind](rng)


def _varied(bgr: Bgr, rng: np.random.Generator, spread: float = 0.12, gain: float = 1.0) -> Bgr:
    value = np.clip(np.array(bgr) * gain * (1 + spread * rng.standard_normal()) + rng.normal(0, 4, 3), 0, 255)
    return int(value[0]), int(value[1]), int(value[2])


def _cloth(rng: np.random.Generator) -> Bgr:
    palette = [*EARTH_CLOTHES.values(), *BRIGHT_CLOTHES.values()]
    return palette[int(rng.integers(len(palette)))]


def _rock(rng: np.random.Generator) -> Parts:
    """Layers of an irregular block, each smaller and lighter than the one below."""
    grey: Bgr = ((104, 112, 118), (126, 132, 136), (88, 98, 108), (138, 148, 156))[int(rng.integers(4))]
    length, width = float(rng.uniform(0.3, 0.95)), float(rng.uniform(0.22, 0.6))
    height = float(rng.uniform(0.2, 0.6)) * width * 1.6
    n = int(rng.integers(7, 11))
    angle = np.sort((np.arange(n) + rng.uniform(-0.35, 0.35, n)) * (2 * math.pi / n))
    radius = rng.uniform(0.78, 1.1, n)
    ring = np.column_stack([np.cos(angle) * width * radius, np.sin(angle) * length * radius])
    top = ring * rng.uniform(0.45, 0.75) + rng.normal(0, 0.05, 2)
    facets: list[Facet] = []
    for k in range(n):
        m = (k + 1) % n
        out = ring[k] + ring[m]
        facing = out / (np.hypot(*out) + 1e-9)
        corners = tuple(
            (float(p[0]), float(p[1]), z)
            for p, z in ((ring[k], 0.0), (ring[m], 0.0), (top[m], height), (top[k], height))
        )
        facets.append(Facet(corners, _varied(grey, rng, 0.1, 0.72 + 0.16 * float(facing[1]))))
    lid = tuple((float(p[0]), float(p[1]), height) for p in top)
    facets.append(Facet(lid, _varied(grey, rng, 0.08, 1.12)))
    return tuple(facets)


def _log(rng: np.random.Generator) -> Parts:
    bark: Bgr = ((52, 66, 84), (74, 88, 102), (96, 108, 118), (40, 52, 70))[int(rng.integers(4))]
    bark = _varied(bark, rng)
    length, radius = float(rng.uniform(1.2, 3.4)), float(rng.uniform(0.09, 0.2))
    bend = float(rng.normal(0, 0.12))
    half = length / 2
    parts: list[Capsule | Facet] = [
        Capsule((0, -half, radius), (bend, 0, radius), radius, radius * 0.92, bark),
        Capsule((bend, 0, radius), (0, half, radius * 0.8), radius * 0.92, radius * 0.7, bark),
    ]
    if rng.random() < 0.6:
        side = float(rng.choice([-1.0, 1.0]))
        parts.append(
            Capsule(
                (bend, half * 0.2, radius), (side * rng.uniform(0.4, 0.9), half * 0.7, 0.2), 0.05, 0.03, bark
            )
        )
    return tuple(parts)


def _stump(rng: np.random.Generator) -> Parts:
    radius, height = float(rng.uniform(0.16, 0.38)), float(rng.uniform(0.2, 0.55))
    bark = _varied((44, 58, 76), rng)
    wood = _varied(((112, 150, 178), (96, 116, 132), (128, 170, 200))[int(rng.integers(3))], rng)
    parts: list[Capsule | Facet] = [
        Capsule((0, 0, 0.1), (0, 0, height - radius * 0.3), radius * 1.15, radius, bark)
    ]
    for turn in rng.uniform(0, 2 * math.pi, 4):
        reach = radius * float(rng.uniform(1.4, 2.2))
        parts.append(
            Capsule(
                (0, 0, 0.12), (math.cos(turn) * reach, math.sin(turn) * reach, 0.03), radius * 0.4, 0.04, bark
            )
        )
    angle = np.arange(14) * (2 * math.pi / 14)
    ring = radius * (0.9 + 0.06 * rng.standard_normal(14))
    disc = [
        (float(r * math.cos(a)), float(r * math.sin(a)), height + radius * 0.6)
        for r, a in zip(ring, angle, strict=True)
    ]
    parts.append(Facet(tuple(disc), wood))
    return tuple(parts)


def _brush(rng: np.random.Generator) -> Parts:
    """A heap of dead branches."""
    brown: Bgr = ((56, 74, 98), (84, 102, 120), (60, 96, 104))[int(rng.integers(3))]
    parts = []
    for _ in range(int(rng.integers(14, 26))):
        x, y = rng.normal(0, 0.3, 2)
        turn, half = float(rng.uniform(0, math.pi)), float(rng.uniform(0.3, 0.75))
        low, high = float(rng.uniform(0.02, 0.15)), float(rng.uniform(0.1, 0.45))
        dx, dy = math.cos(turn) * half, math.sin(turn) * half
        parts.append(
            Capsule((x - dx, y - dy, low), (x + dx, y + dy, high), 0.03, 0.018, _varied(brown, rng, 0.2))
        )
    return tuple(parts)


def _tarp(rng: np.random.Generator) -> Parts:
    colour = ((150, 90, 40), (60, 96, 62), (60, 110, 110), (200, 204, 206), (40, 104, 226))[
        int(rng.integers(5))
    ]
    width, length = float(rng.uniform(0.6, 1.3)), float(rng.uniform(0.8, 1.7))
    xs, ys = np.linspace(-width / 2, width / 2, 4), np.linspace(-length / 2, length / 2, 4)
    grid = np.zeros((4, 4, 3))
    grid[..., 0], grid[..., 1] = np.meshgrid(xs, ys)
    grid[..., :2] += rng.normal(0, 0.07, (4, 4, 2))
    grid[..., 2] = rng.uniform(0.02, 0.22, (4, 4))
    facets = []
    for i in range(3):
        for j in range(3):
            square = [grid[i, j], grid[i, j + 1], grid[i + 1, j + 1], grid[i + 1, j]]
            tilt = float(square[0][2] - square[2][2] + 0.5 * (square[1][2] - square[3][2]))
            shade = float(np.clip(0.95 + 1.6 * tilt, 0.6, 1.25))
            corners = tuple((float(c[0]), float(c[1]), float(c[2])) for c in square)
            facets.append(Facet(corners, _varied(colour, rng, 0.03, shade)))
    return tuple(facets)


def _bag(rng: np.random.Generator) -> Parts:
    colour = _cloth(rng)
    dark = _varied(colour, rng, 0.05, 0.6)
    length, radius = float(rng.uniform(0.3, 0.55)), float(rng.uniform(0.13, 0.2))
    return (
        Capsule((0, -length / 2, radius), (0, length / 2, radius), radius, radius * 0.85, colour),
        Capsule((radius * 0.8, -0.1, radius), (radius * 0.8, 0.12, radius), 0.09, 0.09, dark),
        Capsule((-radius, -length / 2, 0.05), (-radius * 1.2, length / 2, 0.05), 0.03, 0.03, dark),
    )


def _clothes(rng: np.random.Generator) -> Parts:
    """A jacket or a blanket thrown down."""
    colour = _cloth(rng)
    parts: list[Capsule | Facet] = []
    for _ in range(int(rng.integers(3, 6))):
        a, b = rng.normal(0, 0.2, 2), rng.normal(0, 0.2, 2)
        thick = float(rng.uniform(0.06, 0.15))
        parts.append(
            Capsule(
                (float(a[0]), float(a[1]), thick * 0.6),
                (float(b[0]), float(b[1]), thick * 0.6),
                thick,
                thick * 0.8,
                _varied(colour, rng, 0.08, 0.95),
            )
        )
    return tuple(parts)
