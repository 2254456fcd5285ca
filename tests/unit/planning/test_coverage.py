"""Coverage paths see the area, stay inside it, and take less time than plain sweeping would."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from airbeat.errors import GeometryError, PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.planning.coverage import CoveragePath, plan_coverage

FRAME = LocalFrame(LatLon(lat_deg=47.2, lon_deg=9.5))
FIELD = shapely.box(0, 0, 800, 500)


def _there(shape: shapely.Geometry) -> shapely.Geometry:
    return FRAME.to_geographic(shape)


def _line(path: CoveragePath) -> shapely.LineString:
    """The path in this test's own frame, by way of longitude and latitude."""
    return FRAME.to_local(path.frame.to_geographic(shapely.LineString(path.line)))


def _coverage(path: CoveragePath, free: shapely.Geometry, swath_m: float) -> float:
    return _line(path).buffer(swath_m / 2, quad_segs=32).intersection(free).area / free.area


def _outside_m(path: CoveragePath, space: shapely.Geometry) -> float:
    return _line(path).difference(space.buffer(0.5)).length


def test_a_field_is_covered_faster_than_by_full_lines_and_hops() -> None:
    path = plan_coverage(_there(FIELD), spacing_m=80)
    assert _coverage(path, FIELD, 80) >= 0.998
    assert _coverage(path, FIELD, 80) == pytest.approx(path.coverage_fraction, abs=5e-4)
    assert _outside_m(path, FIELD) == path.outside_m == 0.0
    full_lines = 7 * (800 / 10 + 4) + 6 * (80 / 10 + 4)
    assert path.duration_s < 0.99 * full_lines
    assert path.length_m == pytest.approx(_line(path).length, rel=1e-3)


def test_ten_percent_of_overlap_covers_all_but_a_ten_thousandth() -> None:
    hexagon = shapely.Point(0, 0).buffer(400, quad_segs=1).union(shapely.box(0, -150, 700, 150))
    path = plan_coverage(_there(hexagon), spacing_m=72, swath_m=80)
    assert _coverage(path, hexagon, 80) >= 0.9999
    assert _outside_m(path, hexagon) == 0.0


def test_holes_and_keep_outs_that_cross_the_outline_are_flown_round() -> None:
    holes = [shapely.box(200, 200, 300, 300), shapely.box(550, 100, 640, 400)]
    keepout = shapely.box(350, 300, 450, 700)
    area = FIELD.difference(shapely.union_all(holes))
    path = plan_coverage(_there(area), spacing_m=40, keepouts=[_there(keepout)])
    free = area.difference(keepout)
    assert _outside_m(path, free) == path.outside_m == path.keepout_m == 0.0
    assert _coverage(path, free, 40) >= 0.998


def test_a_ring_is_flown_round_and_not_across() -> None:
    ring = shapely.Point(0, 0).buffer(800).difference(shapely.Point(0, 0).buffer(560))
    path = plan_coverage(_there(ring), spacing_m=80)
    assert _coverage(path, ring, 80) >= 0.998
    assert _outside_m(path, ring) == 0.0
    assert path.turns <= 16


def test_a_corridor_is_flown_along_its_line() -> None:
    line = shapely.LineString([(0, 0), (900, 100), (1500, 700), (2500, 800)])
    path = plan_coverage(_there(line), spacing_m=50, corridor_width_m=150)
    corridor = line.buffer(75, quad_segs=4)
    assert _outside_m(path, corridor) == 0.0
    assert _coverage(path, corridor, 50) >= 0.998
    assert path.length_m <= 1.15 * (corridor.area / 50 - math.pi * 50 / 4)


def test_a_corridor_that_doubles_back_is_hardly_longer_flown_than_its_area_needs() -> None:
    bends = [
        (0, 0),
        (450, 90),
        (900, 60),
        (960, 110),
        (900, 190),
        (420, 240),
        (60, 300),
        (20, 380),
        (80, 450),
    ]
    line = shapely.LineString([*bends, (500, 420), (900, 520)])
    path = plan_coverage(_there(line), spacing_m=50, corridor_width_m=150)
    bound = line.buffer(75).area / 50 - math.pi * 50 / 4
    assert path.coverage_fraction >= 0.998
    assert path.length_m <= 1.08 * bound


def test_arms_are_swept_along_themselves_wherever_strips_of_the_whole_would_lie() -> None:
    teeth = [shapely.box(x, 200, x + 120, 1200) for x in (0, 190, 430, 690, 880)]
    path = plan_coverage(_there(shapely.union_all([shapely.box(0, 0, 1000, 200), *teeth])), spacing_m=80)
    up_and_down, bar = 5 * 2 * 1000, 3 * 1000
    assert path.coverage_fraction >= 0.998
    assert path.length_m < up_and_down + bar + 500


def test_an_area_thinner_than_a_swath_is_one_line() -> None:
    sliver = shapely.box(0, 0, 3000, 6)
    path = plan_coverage(_there(sliver), spacing_m=80)
    assert _coverage(path, sliver, 80) >= 0.998
    assert path.length_m < 3000


def test_both_ways_to_write_an_area_across_the_antimeridian_give_one_plan() -> None:
    split = shapely.MultiPolygon([shapely.box(179.99, 10, 180, 10.01), shapely.box(-180, 10, -179.99, 10.01)])
    jump = shapely.Polygon([(179.99, 10), (-179.99, 10), (-179.99, 10.01), (179.99, 10.01)])
    plans = [plan_coverage(shape, spacing_m=100) for shape in (split, jump)]
    for plan in plans:
        assert plan.outside_m == 0.0
        assert plan.transits == ()
        assert plan.coverage_fraction >= 0.998
    assert plans[0].duration_s == pytest.approx(plans[1].duration_s, rel=0.02)


def test_parts_that_do_not_touch_are_joined_by_declared_transits() -> None:
    parts = shapely.MultiPolygon([shapely.box(0, 0, 300, 300), shapely.box(500, 0, 800, 300)])
    keepout = shapely.box(380, -100, 420, 400)
    path = plan_coverage(_there(parts), spacing_m=50, keepouts=[_there(keepout)])
    assert _coverage(path, parts, 50) >= 0.998
    assert path.transits
    assert path.keepout_m == 0.0
    assert _line(path).intersection(keepout.buffer(-0.5)).length == 0.0
    declared = FRAME.to_local(
        path.frame.to_geographic(shapely.MultiLineString([t.tolist() for t in path.transits]))
    )
    assert _line(path).difference(declared.buffer(0.5)).difference(parts.buffer(0.5)).length < 0.1


def test_a_self_crossing_outline_is_repaired_and_said() -> None:
    bowtie = shapely.Polygon([(0, 0), (600, 400), (600, 0), (0, 400)])
    path = plan_coverage(_there(bowtie), spacing_m=40)
    assert any("repaired" in note and "Self-intersection" in note for note in path.notes)
    assert path.coverage_fraction >= 0.998
    assert path.outside_m == 0.0


def test_a_flight_from_home_begins_and_ends_there() -> None:
    home = FRAME.to_latlon([[-100, -50]])[0]
    path = plan_coverage(_there(FIELD), spacing_m=80, home=home)
    ends = shapely.get_coordinates(_line(path))[[0, -1]]
    assert np.abs(ends - [-100, -50]).max() < 0.01
    assert path.coverage_fraction >= 0.998


def test_the_direction_of_the_lines_can_be_fixed() -> None:
    path = plan_coverage(_there(FIELD), spacing_m=80, angle_deg=0.0)
    legs = np.diff(shapely.get_coordinates(_line(path)), axis=0)
    long_legs = legs[np.hypot(*legs.T) > 200]
    bearings = np.degrees(np.arctan2(long_legs[:, 0], long_legs[:, 1])) % 180
    assert len(long_legs) >= 8
    assert np.minimum(bearings, 180 - bearings).max() < 8


def test_a_larger_fence_and_a_margin_are_used_and_kept() -> None:
    fence = shapely.box(-100, -100, 900, 600)
    path = plan_coverage(_there(FIELD), spacing_m=80, fence=_there(fence), margin_m=20)
    assert _outside_m(path, fence.buffer(-20)) == 0.0
    assert path.coverage_fraction >= 0.998


def test_the_same_input_and_seed_give_the_same_path() -> None:
    star = shapely.Point(0, 0).buffer(500, quad_segs=2).difference(shapely.box(0, -30, 600, 30))
    paths = [plan_coverage(_there(star), spacing_m=60, seed=4).line for _ in range(2)]
    assert np.array_equal(*paths)


def test_progress_ends_at_one() -> None:
    shares: list[float] = []
    plan_coverage(_there(FIELD), spacing_m=80, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_what_no_camera_inside_sees_is_a_polygon() -> None:
    fence = shapely.box(0, 0, 400, 500)
    path = plan_coverage(_there(FIELD), spacing_m=80, fence=_there(fence))
    assert path.unseen_area_m2 == pytest.approx(360 * 500, rel=0.02)
    assert path.coverage_fraction == pytest.approx(1 - path.unseen_area_m2 / FIELD.area, abs=1e-6)


def test_a_part_walled_in_by_keep_outs_is_left_out_and_said() -> None:
    keepout = shapely.Point(600, 250).buffer(160).difference(shapely.Point(600, 250).buffer(90))
    path = plan_coverage(_there(FIELD), spacing_m=50, keepouts=[_there(keepout)])
    inner = shapely.Point(600, 250).buffer(90)
    assert path.keepout_m == path.outside_m == 0.0
    assert path.transits == ()
    assert path.unseen_area_m2 == pytest.approx(inner.area, rel=0.1)
    assert any("cannot be reached" in note for note in path.notes)


@pytest.mark.parametrize("spacing", [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_spacing_is_refused(spacing: float) -> None:
    with pytest.raises(PlanningError, match="spacing"):
        plan_coverage(_there(FIELD), spacing_m=spacing)


def test_shapes_without_a_surface_are_refused() -> None:
    with pytest.raises(GeometryError, match="no surface"):
        plan_coverage(_there(shapely.Polygon([(0, 0), (500, 0), (0, 0)])), spacing_m=50)
    with pytest.raises(GeometryError, match="not numbers"):
        plan_coverage(shapely.MultiPoint([(9.5, 47.2), (math.inf, 47.2)]), spacing_m=50)
    with pytest.raises(GeometryError, match="width"):
        plan_coverage(_there(shapely.LineString([(0, 0), (500, 0)])), spacing_m=50)
    with pytest.raises(PlanningError, match="leave nothing"):
        plan_coverage(_there(FIELD), spacing_m=50, keepouts=[_there(FIELD.buffer(10))])
