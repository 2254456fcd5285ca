"""The error ellipse, its circle, and what several looks do to them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from airbeat.geo.coordinates import LatLon
from airbeat.locate.accuracy import ErrorBudget, ErrorTerm, circular_error_90_m, fuse, ground_point
from airbeat.locate.ground import locate_pixel

HERE = LatLon(lat_deg=51.0, lon_deg=8.0)


@pytest.mark.parametrize(
    ("major", "minor", "expected"),
    [(1.0, 1.0, math.sqrt(-2 * math.log(0.1))), (1.0, 0.0, 1.64485), (2.0, 1.0, 3.4765), (0.0, 0.0, 0.0)],
)
def test_the_circle_holds_nine_tenths(major, minor, expected):
    assert circular_error_90_m(major, minor) == pytest.approx(expected, rel=2e-3)
    if major:
        drawn = np.random.default_rng(1).normal(size=(200_000, 2)) * (major, minor)
        assert np.mean(np.hypot(*drawn.T) <= expected) == pytest.approx(0.9, abs=0.003)


def test_the_ellipse_points_along_its_longer_axis():
    terms = [
        ErrorTerm(source="a", east_m=3.0, north_m=3.0, shared=0.0),
        ErrorTerm(source="b", east_m=1.0, north_m=-1.0, shared=0.0),
    ]
    point = ground_point(HERE, terms)
    assert point.major_bearing_deg == pytest.approx(45.0)
    assert point.semi_major_m == pytest.approx(2.1460 * 3 * math.sqrt(2), rel=1e-3)
    assert point.semi_minor_m == pytest.approx(2.1460 * math.sqrt(2), rel=1e-3)


def one_look(shared):
    terms = [
        ErrorTerm(source="gps east", east_m=2.0, north_m=0.0, shared=shared),
        ErrorTerm(source="gps north", east_m=0.0, north_m=2.0, shared=shared),
    ]
    return ground_point(HERE, terms)


def test_independent_errors_average_out_and_shared_ones_stay():
    single = one_look(0.0).ce90_m
    assert fuse([one_look(0.0)] * 4).ce90_m == pytest.approx(single / 2)
    assert fuse([one_look(1.0)] * 4).ce90_m == pytest.approx(single)
    assert fuse([one_look(0.5)] * 4).ce90_m == pytest.approx(single * math.sqrt(0.5 + 0.5 / 4))


def test_a_height_error_cancels_between_looks_from_opposite_sides(frame):
    """The shared height moves one look east and the other west; their mean stays."""
    budget = ErrorBudget(gps_m=0, tilt_deg=0, heading_deg=0, terrain_m=0, pixel_px=0, height_shared=1.0)
    left = locate_pixel(frame(), 0, 1500, budget=budget)
    right = locate_pixel(frame(), 4000, 1500, budget=budget)
    assert left.ce90_m == pytest.approx(1.645, rel=1e-3)
    assert fuse([left, right]).ce90_m == pytest.approx(0.0, abs=1e-6)
    assert fuse([right, right]).ce90_m == pytest.approx(right.ce90_m)


def test_the_better_look_weighs_more(frame):
    near = locate_pixel(frame(), 2000, 1500)
    far = locate_pixel(frame(gimbal_pitch_deg=-30.0), 2000, 600)
    fused = fuse([near, far])
    assert near.ce90_m < far.ce90_m
    assert abs(fused.position.lat_deg - near.position.lat_deg) < abs(
        fused.position.lat_deg - far.position.lat_deg
    )


def test_one_look_is_itself_and_none_is_an_error(frame):
    point = locate_pixel(frame(), 10, 10)
    assert fuse([point]) is point
    with pytest.raises(ValueError, match="at least one"):
        fuse([])


@pytest.mark.parametrize("change", [{"gps_m": -1.0}, {"tilt_deg": math.nan}, {"gps_shared": 1.5}])
def test_an_impossible_budget_is_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        ErrorBudget(**change)
