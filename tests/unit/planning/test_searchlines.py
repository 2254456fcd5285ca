"""The search manuals' patterns: exact courses, lengths and turns, and plans inside the fence."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from airbeat.checks.plan import check_plan
from airbeat.errors import PlanningError
from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.geo.terrain import HeightGrid, Terrain
from airbeat.mission.commands import MavCmd
from airbeat.mission.mission import (
    ContourPattern,
    CreepingLinePattern,
    Drift,
    ExpandingSquarePattern,
    ParallelPattern,
    SectorPattern,
    TrackLinePattern,
    Wind,
)
from airbeat.mission.plan import FlightPlan, ItemRole
from airbeat.planning.plan import plan_mission
from airbeat.planning.searchlines import (
    contour_lines,
    drifted,
    expanding_square,
    sector_search,
    swept_legs,
    track_passes,
)


def courses(corners: np.ndarray) -> list[int]:
    """Courses of the legs [degrees clockwise from north, 0…359]."""
    step = np.diff(corners, axis=0)
    return [round(math.degrees(math.atan2(dx, dy))) % 360 for dx, dy in step]


def lengths(corners: np.ndarray) -> np.ndarray:
    return np.hypot(*np.diff(corners, axis=0).T)


def swept(hillside: Any, plan: FlightPlan) -> np.ndarray:
    """(n, 2) corners flown with the camera on [m]."""
    here, camera_on, corners = plan.home, False, []
    for item in plan.items:
        if item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
            camera_on = item.params[0] > 0
            corners += [here] if camera_on and (not corners or corners[-1] != here) else []
        elif item.is_nav and item.position is not None:
            here = item.position
            corners += [here] if camera_on else []
    return np.asarray(hillside.frame.to_xy(corners))


# sector search


@pytest.mark.parametrize("first_deg", [0.0, 35.0, 270.0])
def test_a_sector_search_flies_nine_legs_of_r_on_the_courses_of_the_manual(first_deg: float) -> None:
    corners = sector_search(radius_m=200.0, first_leg_deg=first_deg)

    wanted = [round(first_deg + c) % 360 for c in (0, 120, 240, 240, 0, 120, 120, 240, 0)]
    assert courses(corners) == wanted
    assert lengths(corners) == pytest.approx([200.0] * 9)
    assert lengths(corners).sum() == pytest.approx(9 * 200.0)


def test_a_sector_search_begins_ends_and_crosses_at_the_datum() -> None:
    corners = sector_search(radius_m=150.0, first_leg_deg=20.0)

    at_datum = np.flatnonzero(np.hypot(*corners.T) < 1e-9)
    assert at_datum.tolist() == [0, 3, 6, 9]  # between legs 3 and 4, and 6 and 7


@pytest.mark.parametrize("sector_deg", [20.0, 30.0, 36.0, 45.0, 90.0])
def test_other_sectors_have_chords_of_2r_sin_half_and_turns_of_90_plus_half_to_starboard(
    sector_deg: float,
) -> None:
    corners = sector_search(radius_m=100.0, first_leg_deg=0.0, sector_deg=sector_deg)

    chord = 200.0 * math.sin(math.radians(sector_deg / 2))
    assert set(np.round(lengths(corners), 6)) == {round(v, 6) for v in (100.0, chord)}
    heading = np.array([math.degrees(math.atan2(dx, dy)) for dx, dy in np.diff(corners, axis=0)])
    turns = np.diff(heading) % 360.0
    turned = turns[(turns > 1e-6) & (turns < 360.0 - 1e-6)]
    assert turned == pytest.approx(90.0 + sector_deg / 2)


# expanding square


@pytest.mark.parametrize(("radius_m", "rounds"), [(19.0, 0), (50.0, 1), (100.0, 2), (260.0, 6)])
def test_an_expanding_square_has_4m_plus_1_legs_and_2m_plus_1_squared_s_of_length(
    radius_m: float, rounds: int
) -> None:
    corners = expanding_square(radius_m=radius_m, reach_m=20.0, spacing_m=40.0, first_leg_deg=90.0)

    assert rounds == math.ceil((radius_m - 20.0) / 40.0)
    assert len(corners) - 1 == 4 * rounds + 1
    assert lengths(corners) == pytest.approx([40.0 * math.ceil(k / 2) for k in range(1, 4 * rounds + 2)])
    assert lengths(corners).sum() == pytest.approx((2 * rounds + 1) ** 2 * 40.0)


@pytest.mark.parametrize(("starboard", "turn"), [(True, 90), (False, 270)])
def test_all_turns_of_an_expanding_square_are_90_degrees_one_way(starboard: bool, turn: int) -> None:
    corners = expanding_square(
        radius_m=200.0, reach_m=20.0, spacing_m=40.0, first_leg_deg=30.0, starboard=starboard
    )

    flown = courses(corners)
    assert flown[0] == 30
    assert {(b - a) % 360 for a, b in pairwise(flown)} == {turn}


@given(radius_m=st.floats(10, 500), spacing_m=st.floats(5, 80), first_deg=st.sampled_from([0.0, 90.0]))
def test_an_expanding_square_sees_the_whole_square(
    radius_m: float, spacing_m: float, first_deg: float
) -> None:
    corners = expanding_square(
        radius_m=radius_m, reach_m=spacing_m / 2, spacing_m=spacing_m, first_leg_deg=first_deg
    )
    seen = shapely.LineString(corners).buffer(spacing_m / 2 + 1e-6, cap_style="square", join_style="mitre")

    assert seen.covers(shapely.box(-radius_m, -radius_m, radius_m, radius_m).buffer(-1e-6))


# parallel and creeping line


def test_parallel_legs_lie_half_a_spacing_inside_the_edge_and_a_spacing_apart() -> None:
    area = shapely.box(0, 0, 400, 200)

    legs = swept_legs(area, area, angle_rad=0.0, spacing_m=50.0, begin=(0.0, 0.0))

    assert [leg[0][1] for leg in legs] == pytest.approx([25.0, 75.0, 125.0, 175.0])
    assert [leg[:, 0].tolist() for leg in legs] == [[0, 400], [400, 0], [0, 400], [400, 0]]


def test_the_last_leg_lies_half_a_spacing_inside_the_far_edge_where_the_width_is_no_multiple() -> None:
    area = shapely.box(0, 0, 400, 180)

    legs = swept_legs(area, area, angle_rad=0.0, spacing_m=50.0, begin=(400.0, 180.0))

    assert [leg[0][1] for leg in legs] == pytest.approx([155.0, 105.0, 55.0, 25.0])
    assert legs[0][:, 0].tolist() == [400, 0]


def test_a_strip_narrower_than_the_spacing_gets_one_leg_along_its_middle() -> None:
    area = shapely.box(0, 0, 400, 30)

    (leg,) = swept_legs(area, area, angle_rad=0.0, spacing_m=50.0, begin=(0.0, 0.0))

    assert leg[:, 1].tolist() == pytest.approx([15.0, 15.0])


@given(
    corners=st.lists(st.tuples(st.floats(0, 500), st.floats(0, 500)), min_size=4, max_size=8),
    angle=st.floats(0, math.pi),
)
def test_parallel_legs_see_the_whole_of_any_convex_area(corners: list[Any], angle: float) -> None:
    area = shapely.MultiPoint(corners).convex_hull
    assume(area.geom_type == "Polygon" and shapely.minimum_clearance(area) > 1e-3)
    assume(area.buffer(-15.0).area > 0)
    legs = swept_legs(area, area, angle_rad=angle, spacing_m=40.0, begin=(0.0, 0.0))

    along = np.array([math.cos(angle), math.sin(angle)]) * 2000.0  # run on beyond the slanting edges
    seen = [
        shapely.LineString([p - along * s, q + along * s]).buffer(20.0 + 1e-3, cap_style="flat")
        for p, q in legs
        for s in [np.sign((q - p) @ along)]
    ]
    assert shapely.difference(area, shapely.union_all(seen)).area < 0.03 * area.area


def test_a_creeping_line_advances_along_the_long_axis_from_where_it_is_told(hillside: Any) -> None:
    area = hillside.frame.to_geographic(shapely.box(0, 0, 400, 150))
    pattern = CreepingLinePattern(spacing_m=50.0, start=hillside.place(400, 0))

    corners = swept(hillside, plan_mission(hillside.mission(area=area, pattern=pattern, fence=None)))

    assert np.unique(np.round(corners[:, 0])).tolist() == [25, 75, 125, 175, 225, 275, 325, 375]
    assert corners[0, 0] == pytest.approx(375.0, abs=0.1)
    assert set(courses(corners)) == {0, 180, 270}


def test_a_parallel_sweep_keeps_out_of_keep_outs_and_names_its_course(hillside: Any) -> None:
    plan = plan_mission(hillside.mission(pattern=ParallelPattern(spacing_m=40.0)))

    assert [str(f) for f in check_plan(plan) if f.severity.value == "error"] == []
    assert any(note.startswith("parallel sweep: ") for note in plan.notes)
    assert plan.survey is not None
    assert plan.survey.sweep_angle_deg == pytest.approx(90.0, abs=5.0)


# track line


def test_track_passes_lie_on_the_line_then_right_and_left_of_it_to_and_fro() -> None:
    passes = track_passes(np.array([[0.0, 0.0], [0.0, 300.0]]), passes=4, spacing_m=30.0)

    assert [p[:, 0].round(6).tolist() for p in passes] == [[0, 0], [30, 30], [-30, -30], [60, 60]]
    assert [bool(p[-1, 1] > p[0, 1]) for p in passes] == [True, False, True, False]


def test_a_track_line_is_flown_corner_by_corner(hillside: Any) -> None:
    line = tuple(hillside.place(x, y) for x, y in ((0, -20), (300, -20), (440, 60)))

    plan = plan_mission(hillside.mission(area=None, pattern=TrackLinePattern(line=line)))

    assert swept(hillside, plan) == pytest.approx(np.array([[0, -20], [300, -20], [440, 60]]), abs=0.02)


# about a datum


def test_a_pattern_that_leaves_the_fence_is_refused_with_the_place(hillside: Any) -> None:
    pattern = SectorPattern(centre=hillside.place(300, -20), radius_m=100.0)
    with pytest.raises(PlanningError, match="the sector search leaves the fence") as caught:
        plan_mission(hillside.mission(area=None, pattern=pattern))
    assert caught.value.where.startswith("51.1")


def test_the_second_pass_of_a_sector_search_is_turned_by_30_degrees(hillside: Any) -> None:
    pattern = SectorPattern(centre=hillside.place(330, 180), radius_m=60.0, passes=2, first_leg_deg=10.0)

    corners = swept(hillside, plan_mission(hillside.mission(area=None, pattern=pattern)))

    flown = courses(corners)
    assert len(flown) == 18
    assert [(b - a) % 360 for a, b in zip(flown[:9], flown[9:], strict=True)] == pytest.approx(
        [30] * 9, abs=1
    )


@pytest.mark.parametrize(
    ("drift", "wind", "course"),
    [
        (None, None, 0),
        (None, Wind(from_deg=250.0, speed_m_s=4.0), 250),
        (Drift(toward_deg=120.0, speed_m_s=0.01), Wind(from_deg=250.0, speed_m_s=4.0), 120),
    ],
)
def test_the_first_leg_goes_downdrift_or_else_upwind(
    hillside: Any, drift: Drift | None, wind: Wind | None, course: int
) -> None:
    pattern = ExpandingSquarePattern(
        centre=hillside.place(330, 180), radius_m=45.0, spacing_m=30.0, drift=drift
    )

    plan = plan_mission(hillside.mission(area=None, pattern=pattern, wind=wind))

    assert courses(swept(hillside, plan))[0] == pytest.approx(course, abs=1)


def test_drift_moves_each_corner_by_the_time_until_it_is_reached() -> None:
    still = np.array([[0.0, 0.0], [100.0, 0.0], [100.0, 100.0]])

    moved = drifted(still, [10.0, 20.0], velocity_m_s=(0.5, -0.1), elapsed_s=60.0)

    assert (moved - still) == pytest.approx(np.array([[30.0, -6.0], [35.0, -7.0], [45.0, -9.0]]))


# contours


def cone(hillside: Any, *, steepness: float) -> Terrain:
    """A hill whose ground falls evenly from (200, 150)."""
    at = np.arange(-900.0, 1300.0, 5.0)
    x, y = np.meshgrid(at, at)
    heights = 600.0 - steepness * np.hypot(x - 200.0, y - 150.0)

    def to_cells(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        east, north = hillside.frame._proj(lon, lat)
        return (np.asarray(east) + 900.0) / 5.0, (np.asarray(north) + 900.0) / 5.0

    grid = HeightGrid(heights_m=heights.astype(np.float32), to_cells=to_cells, resolution_m=5.0)
    return Terrain(grids=(grid,), name="cone.hgt", sha256=("0" * 64,))


def test_contour_lines_of_a_cone_are_circles_of_the_right_radius() -> None:
    at = np.arange(-100.0, 101.0, 2.0)
    height = 50.0 - 0.5 * np.hypot(at[None, :], at[:, None])

    lines = contour_lines(at, at, height, [35.0, 20.0], shapely.box(-100, -100, 100, 100))

    assert len(lines) == 2
    for line, radius in zip(lines, (30.0, 60.0), strict=True):
        assert np.hypot(*line.T) == pytest.approx(radius, abs=0.1)
        assert line[0] == pytest.approx(line[-1])


def test_contours_are_flown_from_the_top_down_s_sin_slope_apart(hillside: Any) -> None:
    steepness = 0.3
    area = hillside.frame.to_geographic(shapely.Point(200, 150).buffer(140))
    mission = hillside.mission(
        area=area,
        fence=None,
        home=hillside.place(200, 0),
        height=Altitude(value_m=60.0, datum=AltitudeDatum.AGL),
        pattern=ContourPattern(spacing_m=40.0),
        terrain=cone(hillside, steepness=steepness),
    )

    plan = plan_mission(mission)

    flown = swept(hillside, plan)
    radii = np.hypot(*(flown - [200.0, 150.0]).T)
    step_m = 40.0 * math.sin(math.atan(steepness))
    on_ground = np.round((radii * steepness - step_m / 2) / step_m, 1)
    rings = [int(r) for r in on_ground if abs(r - round(r)) <= 0.15]
    assert len(rings) > 0.9 * len(radii)
    assert rings == sorted(rings)
    assert max(rings) >= 2
    assert any("of height apart" in note for note in plan.notes)


def test_ground_too_flat_for_contours_is_refused_with_what_to_do(hillside: Any) -> None:
    mission = hillside.mission(
        pattern=ContourPattern(spacing_m=40.0), terrain=cone(hillside, steepness=0.001)
    )
    with pytest.raises(PlanningError, match=r"too flat for contours.*pattern: parallel"):
        plan_mission(mission)


def test_a_pattern_about_a_datum_is_surveyed_for_the_ledger(hillside: Any) -> None:
    pattern = ExpandingSquarePattern(centre=hillside.place(330, 180), radius_m=80.0)

    plan = plan_mission(hillside.mission(area=None, pattern=pattern))

    assert plan.survey is not None
    ground = hillside.frame.to_local(plan.survey.area)
    spacing = plan.survey.spacing_m
    half = math.ceil((80.0 - plan.survey.footprint_across_m / 2) / spacing) * spacing + spacing / 2
    assert ground.covers(shapely.box(330 - half, 180 - half, 330 + half, 180 + half).buffer(-0.5))
    assert plan.survey.coverage_fraction > 0.999
    assert sum(i.role is ItemRole.SWEEP for i in plan.items) == 5
