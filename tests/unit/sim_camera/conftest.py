"""A small ground and a level pose over it, shared by the tests of the embedded camera."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import shapely

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.sim.ground import Ground
from airbeat.sim.shot import CameraShot
from airbeat.vehicle.camera import Camera, camera_profile

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)


def make_ground(seed: int, *, side_m: float = 300.0, persons: int = 24, relief_m: float = 7.0) -> Ground:
    frame = LocalFrame(HOME)
    half = side_m / 2
    area = frame.to_geographic(shapely.box(-half, -half, half, half))
    return Ground(seed=seed, frame=frame, area=area, home=HOME, persons=persons, relief_m=relief_m)


def make_shot(ground: Ground, **changes: Any) -> CameraShot:
    """A level nadir pose 70 m above home; ``xy_m`` places it."""
    x, y = changes.pop("xy_m", (0.0, 0.0))
    at = ground.frame.to_latlon([(x, y)])[0]
    shot = CameraShot(
        index=1,
        time_s=12.25,
        position=at,
        height_above_home_m=70.0,
        amsl_m=490.0,
        roll_deg=1.5,
        pitch_deg=-4.0,
        yaw_deg=30.0,
        gimbal_pitch_deg=-90.0,
        gimbal_yaw_deg=30.0,
        gimbal_roll_deg=0.0,
        measured_position=at,
        measured_height_above_home_m=70.4,
        measured_yaw_deg=31.0,
    )
    return replace(shot, **changes)


@pytest.fixture(scope="session")
def ground() -> Ground:
    return make_ground(5)


@pytest.fixture(scope="session")
def grounds() -> Any:
    return make_ground


@pytest.fixture(scope="session")
def shots() -> Any:
    return make_shot


@pytest.fixture(scope="session")
def small_camera() -> Camera:
    """The middle of the embedded camera's picture: the same GSD on a quarter of the width."""
    whole = camera_profile("embedded-12mp")
    return replace(
        whole,
        name="test",
        sensor_width_mm=whole.sensor_width_mm / 4,
        sensor_height_mm=whole.sensor_height_mm / 4,
        image_width_px=1000,
        image_height_px=750,
    )
