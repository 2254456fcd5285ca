"""Frames made by hand for the locate tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon


@pytest.fixture
def frame() -> Callable[..., FrameMeta]:
    """A 4000x3000 frame, 2000 px focal length, 100 m above home, straight down, image up north."""

    def make(**changes: Any) -> FrameMeta:
        values: dict[str, Any] = {
            "path": Path("IMG_0001.JPG"),
            "width_px": 4000,
            "height_px": 3000,
            "position": LatLon(lat_deg=51.0, lon_deg=8.0),
            "height_above_home_m": 100.0,
            "gimbal_yaw_deg": 0.0,
            "gimbal_pitch_deg": -90.0,
            "gimbal_roll_deg": 0.0,
            "focal_length_px": 2000.0,
        }
        return FrameMeta(**(values | changes))

    return make
