"""The hand-made thermal detector on painted frames."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from airbeat.detect.thermal import ThermalDetector


def frame(spots: tuple[tuple[int, int, int], ...], *, size_px: tuple[int, int] = (5, 8)) -> np.ndarray:
    """Ground of 110 grey with a little grain, and elliptic spots (middle x, y, grey)."""
    grey = 110 + np.random.default_rng(2).normal(0, 2, (240, 320)).astype(np.float32)
    for x, y, level in spots:
        cv2.ellipse(grey, (x, y), size_px, 0, 0, 360, level, -1, cv2.LINE_AA)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def places(image: np.ndarray, **options: float) -> list[tuple[float, float]]:
    found = ThermalDetector()(image, modality="thermal", **options)
    return [((a + c) / 2, (b + d) / 2) for a, b, c, d in found.xyxy_px]


def near(found: list[tuple[float, float]], x: int, y: int) -> bool:
    return any(math.hypot(a - x, b - y) < 4 for a, b in found)


def test_a_warm_and_a_cool_spot_of_a_persons_size_are_found():
    found = places(frame(((80, 60, 200), (220, 150, 30))))
    assert near(found, 80, 60)
    assert near(found, 220, 150)


def test_a_warm_spot_outranks_a_cool_one_of_the_same_contrast():
    found = places(frame(((80, 60, 190), (220, 150, 30))))
    assert math.hypot(found[0][0] - 80, found[0][1] - 60) < 4


def test_even_ground_has_no_candidate():
    assert places(frame(())) == []


def test_a_long_thing_is_no_person():
    assert not near(places(frame(((160, 120, 200),), size_px=(60, 2))), 160, 120)


def test_the_gsd_decides_what_has_a_persons_size():
    image = frame(((160, 120, 200),), size_px=(5, 8))
    assert near(places(image, gsd_m_px=0.08), 160, 120)
    assert not near(places(image, gsd_m_px=0.4), 160, 120)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (31, 33)])
def test_frames_of_any_size_are_searched(size: tuple[int, int]):
    image = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    found = ThermalDetector(threshold=0.0)(image, gsd_m_px=math.nan, modality="thermal")
    assert (found.xyxy_px <= (size[0], size[1], size[0], size[1])).all()
    assert (np.diff(found.scores) <= 0).all()
