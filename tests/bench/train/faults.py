"""The camera's faults, and what it writes over a picture: laid over training pictures when they are finished.

Every function draws from the generator that it is given, and from nothing else.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

__all__ = ["camera_faults", "overprint"]

Random = np.random.Generator


def overprint(random: Random, picture: np.ndarray) -> None:
    """Write a maker's mark or a time over a picture, as some cameras do."""
    side = picture.shape[0]
    text = "".join(random.choice(list("abcdjiMPRO0123456789: -"), int(random.integers(2, 12))))
    at = (int(random.integers(0, side * 2 // 3)), int(random.integers(10, side)))
    level = float(random.choice((20, 235, 250)))
    cv2.putText(
        picture, text, at, 0, random.uniform(0.3, 1.1), (level, level, level), int(random.integers(1, 3)), 16
    )


def _lens(random: Random, picture: np.ndarray) -> np.ndarray:
    """Blur, shake, loss of resolution, grain, sensor noise and sharpening."""
    chance, side = random.random, picture.shape[0]
    out = picture
    if chance() < 0.55:
        out = cv2.GaussianBlur(out, (0, 0), random.uniform(0.3, 1.15))
    if chance() < 0.08:
        kernel = np.zeros((7, 7), np.float32)
        turn = random.uniform(0, math.pi)
        end = np.array([math.cos(turn), math.sin(turn)]) * random.uniform(1, 3)
        cv2.line(
            kernel,
            tuple((3 - end).round().astype(int).tolist()),
            tuple((3 + end).round().astype(int).tolist()),
            1.0,
        )
        out = cv2.filter2D(out, -1, kernel / kernel.sum())
    if chance() < 0.2:
        factor = random.uniform(0.5, 0.9)
        small = cv2.resize(out, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        out = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
    if chance() < 0.45:
        noise = random.standard_normal((side, side, 3), dtype=np.float32)
        if chance() < 0.4:
            noise = cv2.resize(noise[: side // 2, : side // 2], (side, side))
        out = out + noise * np.float32(random.uniform(0.5, 7))
    if chance() < 0.45:
        amount = random.uniform(0.2, 1.3)
        out = cv2.addWeighted(
            out, 1 + amount, cv2.GaussianBlur(out, (0, 0), random.uniform(0.8, 2.0)), -amount, 0
        )
    return out


def camera_faults(random: Random, picture: np.ndarray) -> np.ndarray:
    """Lay blur, sharpening, colour, haze, noise and compression over a float32 picture; uint8."""
    chance = random.random
    out = _lens(random, np.ascontiguousarray(picture, dtype=np.float32))
    mix = np.eye(3)
    keep = 0.0 if chance() < 0.04 else random.uniform(0.35, 1.5)
    if keep == 0.0 or chance() < 0.6:
        mix = keep * mix + (1 - keep) / 3
    if chance() < 0.7:
        mix = np.diag(np.exp(random.normal(size=3) * 0.06)) @ mix
    out = np.clip(cv2.transform(out, mix.astype(np.float32)), 0, 255).astype(np.uint8)
    tone = 255 * (np.arange(256) / 255) ** math.exp(random.normal() * 0.18)
    if chance() < 0.25:  # haze lifts the darks
        tone = tone * random.uniform(0.55, 0.9) + random.uniform(20, 90)
    if chance() < 0.5:
        mean = float(np.median(tone[out[::8, ::8]]))
        tone = (tone - mean) * random.uniform(0.7, 1.4) + mean + random.uniform(-25, 25)
    out = cv2.LUT(out, np.clip(tone, 0, 255).astype(np.uint8))
    if chance() < 0.6:
        quality = int(random.integers(28, 96))
        out = cv2.imdecode(
            cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR
        )
    return out
