"""Any believable lens is undone by its inverse, and places are found again through it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from airbeat.frames.lens import Lens
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.locate.ground import locate_pixel, pixel_of

LENSES = st.builds(
    Lens,
    centre_x_px=st.floats(1950, 2050),
    centre_y_px=st.floats(1450, 1550),
    k1=st.floats(-0.2, 0.2),
    k2=st.floats(-0.03, 0.05),
    k3=st.floats(-0.02, 0.02),
    p1=st.floats(-0.002, 0.002),
    p2=st.floats(-0.002, 0.002),
)
META = FrameMeta(
    path=Path("a.jpg"),
    width_px=4000,
    height_px=3000,
    position=LatLon(lat_deg=-33.0, lon_deg=151.0),
    height_above_home_m=80.0,
    gimbal_yaw_deg=200.0,
    gimbal_pitch_deg=-75.0,
    gimbal_roll_deg=3.0,
    focal_length_px=3200.0,
)


@given(lens=LENSES, x=st.floats(-0.6, 0.6), y=st.floats(-0.45, 0.45))
def test_distorted_and_undistorted_undo_each_other(lens, x, y):
    ray = np.array([[x, y]])
    seen = lens.distorted(ray)
    if np.hypot(x, y) < 0.9 * lens.reach():
        np.testing.assert_allclose(lens.undistorted(seen), ray, atol=1e-9)


@given(lens=LENSES, x=st.floats(0, 4000), y=st.floats(0, 3000), speed=st.floats(-20, 20))
def test_ground_to_pixel_to_ground_comes_back_through_lens_and_shutter(lens, x, y, speed):
    meta = replace(META, lens=lens, readout_s=0.04, velocity_north_m_s=speed, velocity_east_m_s=speed / 3)
    point = locate_pixel(meta, x, y)
    np.testing.assert_allclose(pixel_of(meta, [point.position])[0], (x, y), atol=0.01)


@given(
    k1=st.floats(-1e3, 1e3),
    k2=st.floats(-1e3, 1e3),
    k3=st.floats(-1e3, 1e3),
    x=st.floats(-3, 3),
    y=st.floats(-3, 3),
)
def test_any_numbers_give_a_ray_that_the_lens_shows_there_or_none(k1, k2, k3, x, y):
    lens = Lens(centre_x_px=0.0, centre_y_px=0.0, k1=k1, k2=k2, k3=k3)
    seen = np.array([[x, y]])
    ray = lens.undistorted(seen)
    if np.isfinite(ray).all():
        np.testing.assert_allclose(lens.distorted(ray), seen, atol=1e-6)
