"""Coverage recomputed from footprints, and tracks against the fence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import shapely

from airbeat.checks.coverage import coverage_fraction, outside_fence_m, uncovered
from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon

At = Callable[[float, float], LatLon]
FRAME = LocalFrame(LatLon(lat_deg=51.18, lon_deg=8.49))


def box(west: float, south: float, east: float, north: float) -> object:
    """A rectangle given in metres round the frame's origin, as a geographic shape."""
    return FRAME.to_geographic(shapely.box(west, south, east, north))


def test_half_covered_is_half() -> None:
    assert coverage_fraction(box(0, 0, 100, 100), [box(-10, -10, 50, 110)], FRAME) == pytest.approx(0.5)


def test_overlapping_footprints_count_once() -> None:
    footprints = [box(0, 0, 60, 100), box(40, 0, 80, 100), box(0, 0, 60, 100)]
    assert coverage_fraction(box(0, 0, 100, 100), footprints, FRAME) == pytest.approx(0.8)


def test_nothing_photographed_is_nothing_covered() -> None:
    area = box(0, 0, 100, 100)
    assert coverage_fraction(area, [], FRAME) == 0.0
    assert coverage_fraction(area, [None, shapely.Polygon(), box(200, 0, 300, 100)], FRAME) == pytest.approx(
        0.0, abs=1e-9
    )


def test_the_hole_of_an_area_does_not_count() -> None:
    ring = FRAME.to_geographic(shapely.box(0, 0, 100, 100).difference(shapely.box(25, 25, 75, 75)))
    assert coverage_fraction(ring, [box(0, 0, 100, 50)], FRAME) == pytest.approx(0.5)


def test_a_footprint_that_crosses_itself_counts_what_it_encloses() -> None:
    bow = FRAME.to_geographic(shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)]))
    assert coverage_fraction(box(0, 0, 100, 100), [bow], FRAME) == pytest.approx(0.5)


def test_what_is_uncovered_is_a_place_on_the_map() -> None:
    rest = FRAME.to_local(uncovered(box(0, 0, 100, 100), [box(0, 0, 100, 60)]))
    assert rest.bounds == pytest.approx((0, 60, 100, 100), abs=0.01)
    assert uncovered(box(0, 0, 100, 100), [box(-1, -1, 101, 101)]).is_empty


def test_an_area_without_inside_is_refused() -> None:
    with pytest.raises(GeometryError, match="0 m²"):
        coverage_fraction(shapely.Polygon([(8, 51), (9, 51), (8, 51)]), [], FRAME)


@pytest.fixture
def fence(at: At) -> Fence:
    corners = tuple(at(*c) for c in ((0, 0), (200, 0), (200, 200), (0, 200)))
    keep_out = FenceCircle(inclusion=False, centre=at(100, 100), radius_m=20.0)
    return Fence(polygons=(FencePolygon(inclusion=True, vertices=corners),), circles=(keep_out,))


@pytest.mark.parametrize(
    ("track", "outside_m"),
    [
        ([], 0.0),
        ([(50, 50)], 0.0),
        ([(50, 50), (50, 150)], 0.0),
        ([(50, 50), (50, 200.4)], 0.0),
        ([(50, 50), (50, 203)], 3.0),
        ([(50, 50), (-7, 50), (50, 50)], 7.0),
        ([(-4, 50)], 4.0),
        ([(50, 100), (150, 100)], 20.0),
        ([(50, 110), (150, 110)], 10.0),
    ],
)
def test_a_track_is_measured_by_its_furthest_point_outside(
    fence: Fence, at: At, track: list[tuple[float, float]], outside_m: float
) -> None:
    assert outside_fence_m([at(*p) for p in track], fence) == pytest.approx(outside_m, abs=0.02)


def test_a_fence_of_keep_outs_alone_has_no_outside(fence: Fence, at: At) -> None:
    only = Fence(circles=fence.circles)
    assert outside_fence_m([at(-5000, 0), at(-5000, 100)], only) == 0.0
    assert outside_fence_m([at(100, 100)], only) == pytest.approx(20.0, abs=0.01)
    assert outside_fence_m([at(100, 100)], Fence()) == 0.0


def test_the_tolerance_is_the_callers(fence: Fence, at: At) -> None:
    track = [at(50, 50), at(50, 203)]
    assert outside_fence_m(track, fence, tolerance_m=4.0) == 0.0


def test_an_area_with_a_spike_is_measured_without_it() -> None:
    corners = [(0, 0), (100, 0), (100, 100), (50, 100), (50, 160), (50, 100), (0, 100)]
    spiked = FRAME.to_geographic(shapely.Polygon(corners))
    assert coverage_fraction(spiked, [box(0, 0, 50, 100)], FRAME) == pytest.approx(0.5)
    assert FRAME.to_local(uncovered(spiked, [box(0, 0, 50, 100)])).area == pytest.approx(5000, rel=1e-3)
