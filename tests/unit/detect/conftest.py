"""Ground with things on it, painted for the detector's tests, and frames as a card would hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon

Painter = Callable[..., np.ndarray]


@pytest.fixture(scope="session")
def paint() -> Painter:
    """A grassy ground at 5 cm/px, 30 x 40 m, with lying figures (x, y, BGR of jacket, BGR of trousers)."""

    def make(figures: Sequence[tuple[int, int, Any, Any]] = (), *, seed: int = 3) -> np.ndarray:
        random = np.random.default_rng(seed)
        noise = random.normal(0, 1, (600, 800, 3)).astype(np.float32)
        patches = cv2.GaussianBlur(random.normal(0, 1, (600, 800)).astype(np.float32), (0, 0), 25)
        image = np.empty((600, 800, 3), np.float32)
        image[:] = (55, 105, 90)
        image += 18 * cv2.GaussianBlur(noise, (0, 0), 1.2) + 300 * patches[:, :, None] * (0.5, 1.0, 0.9)
        for x, y, jacket, trousers in figures:
            cv2.ellipse(image, (x, y), (4, 8), 0, 0, 360, jacket, -1, cv2.LINE_AA)
            cv2.ellipse(image, (x, y + 15), (4, 10), 0, 0, 360, trousers, -1, cv2.LINE_AA)
            cv2.circle(image, (x, y - 10), 3, (110, 140, 190), -1, cv2.LINE_AA)
        return np.clip(image, 0, 255).astype(np.uint8)

    return make


@pytest.fixture
def card(tmp_path: Path) -> Callable[..., FrameMeta]:
    """Writes an image and gives the frame that a reader would: 5 cm/px, straight down, image up north."""
    folder = tmp_path / "card"
    folder.mkdir()

    def make(image: np.ndarray, name: str = "DJI_0001.JPG", **changes: Any) -> FrameMeta:
        path = folder / name
        ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])
        assert ok
        path.write_bytes(data.tobytes())
        values: dict[str, Any] = {
            "path": path,
            "sha256": hashlib.sha256(data.tobytes()).hexdigest(),
            "width_px": image.shape[1],
            "height_px": image.shape[0],
            "position": LatLon(lat_deg=51.0, lon_deg=8.0),
            "height_above_home_m": 50.0,
            "gimbal_yaw_deg": 0.0,
            "gimbal_pitch_deg": -90.0,
            "gimbal_roll_deg": 0.0,
            "focal_length_px": 1000.0,
        }
        return FrameMeta(**(values | changes))

    return make
