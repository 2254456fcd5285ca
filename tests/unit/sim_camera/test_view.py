"""Perspective: projection and ray casting agree, and angles turn the way they are documented to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from airbeat.errors import UsageError
from airbeat.sim.camera_view import View
from airbeat.vehicle.camera import camera_profile

CAMERA = camera_profile("embedded-12mp")


@pytest.mark.parametrize(
    "pose",
    [
        {},
        {"gimbal_pitch_deg": -75.0, "gimbal_yaw_deg": 123.0, "gimbal_roll_deg": 4.0},
        {"gimbal_pitch_deg": -88.0, "gimbal_yaw_deg": 301.0, "gimbal_roll_deg": -3.0, "xy_m": (80.0, -60.0)},
    ],
)
def test_a_pixels_ray_meets_the_ground_where_that_ground_projects_to_the_pixel(
    ground: Any, shots: Any, pose: dict[str, Any]
) -> None:
    view = View(ground, CAMERA, shots(ground, **pose))
    rng = np.random.default_rng(3)
    pixels = rng.uniform((0, 0), (4000, 3000), (200, 2))
    xy = view.ground_points(pixels)
    back, depth = view.project(np.column_stack([xy, ground.height_m(xy)]))
    assert (depth > 0).all()
    assert np.abs(back - pixels).max() < 0.15


def test_the_images_up_points_where_the_gimbal_yaws(ground: Any, shots: Any) -> None:
    view = View(ground, CAMERA, shots(ground, gimbal_yaw_deg=90.0))
    (pixel,), _ = view.project([(20.0, 0.0, 0.0)])
    assert pixel[1] < 1500 - 500
    assert pixel[0] == pytest.approx(2000, abs=5)


def test_a_gimbal_pitched_up_from_nadir_looks_ahead(ground: Any, shots: Any) -> None:
    view = View(ground, CAMERA, shots(ground, gimbal_yaw_deg=0.0, gimbal_pitch_deg=-80.0))
    ((x, y),) = view.ground_points([(2000, 1500)])
    assert x == pytest.approx(0.0, abs=0.01)
    height = float(ground.height_m([(x, y)])[0])
    assert y == pytest.approx((70.0 - height) * np.tan(np.radians(10.0)), abs=0.02)


def test_a_positive_roll_lowers_the_right_side(ground: Any, shots: Any) -> None:
    level = View(ground, CAMERA, shots(ground, gimbal_yaw_deg=0.0, gimbal_pitch_deg=-70.0))
    rolled = View(
        ground, CAMERA, shots(ground, gimbal_yaw_deg=0.0, gimbal_pitch_deg=-70.0, gimbal_roll_deg=5.0)
    )
    assert level.right[2] == pytest.approx(0.0, abs=1e-12)
    assert rolled.right[2] < -0.01


def test_higher_ground_shows_at_another_scale(ground: Any, shots: Any) -> None:
    """The relief is not painted on: a metre of ground spans more pixels where the ground is higher."""
    rng = np.random.default_rng(0)
    xy = rng.uniform((-150, -150), (150, 150), (500, 2))
    heights = ground.height_m(xy)
    assert np.ptp(heights) > 3.0
    low, high = xy[heights.argmin()], xy[heights.argmax()]

    def pixels_per_metre(at: Any) -> float:
        view = View(ground, CAMERA, shots(ground, xy_m=tuple(at), gimbal_yaw_deg=0.0))
        z = float(ground.height_m([at])[0])
        ends, _ = view.project([(at[0] - 0.5, at[1], z), (at[0] + 0.5, at[1], z)])
        return float(np.hypot(*(ends[1] - ends[0])))

    expected = (70.0 - heights.min()) / (70.0 - heights.max())
    assert pixels_per_metre(high) / pixels_per_metre(low) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("pose", "wording"),
    [
        ({"gimbal_pitch_deg": -30.0}, "off the vertical"),
        ({"height_above_home_m": 1.0}, "above the embedded ground"),
    ],
)
def test_a_pose_that_cannot_be_drawn_is_refused(
    ground: Any, shots: Any, pose: dict[str, Any], wording: str
) -> None:
    with pytest.raises(UsageError, match=wording):
        View(ground, CAMERA, shots(ground, **pose))
