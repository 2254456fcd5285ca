"""Any place a camera can see is found again from its pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.locate.ground import footprint, locate_pixel, pixel_of

CAMERAS = st.builds(
    FrameMeta,
    path=st.just(Path("a.jpg")),
    width_px=st.just(4000),
    height_px=st.just(3000),
    position=st.builds(
        LatLon, lat_deg=st.floats(-85, 85, allow_nan=False), lon_deg=st.floats(-180, 180, allow_nan=False)
    ),
    height_above_home_m=st.floats(5, 400),
    gimbal_yaw_deg=st.floats(-180, 360),
    gimbal_pitch_deg=st.floats(-90, -50),
    gimbal_roll_deg=st.floats(-20, 20),
    focal_length_px=st.floats(2800, 8000),
)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(meta=CAMERAS, x=st.floats(0, 4000), y=st.floats(0, 3000), ground=st.floats(-100, 4))
def test_ground_to_pixel_to_ground_comes_back(meta, x, y, ground):
    point = locate_pixel(meta, x, y, ground_height_m=ground)
    pixel = pixel_of(meta, [point.position], ground_height_m=ground)[0]
    np.testing.assert_allclose(pixel, (x, y), atol=0.01)
    again = locate_pixel(meta, *pixel, ground_height_m=ground)
    assert distance_m(point.position, again.position) < 1e-3
    assert 0 <= again.semi_minor_m <= again.semi_major_m
    assert again.ce90_m <= again.semi_major_m + 1e-9


@settings(derandomize=True, max_examples=40, deadline=None)
@given(meta=CAMERAS)
def test_the_footprint_is_a_simple_polygon(meta):
    shape = footprint(meta)
    lon = [c[0] for c in shape.exterior.coords]
    assert max(lon) - min(lon) > 180 or shape.is_valid
