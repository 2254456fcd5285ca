"""Lawnmower missions become plans that stay inside, see everything and are what a Copter executes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.mission.commands import MavCmd
from airbeat.mission.mission import LawnmowerPattern
from airbeat.mission.plan import Fence, ItemRole
from airbeat.planning.plan import plan_mission


def test_no_leg_leaves_the_fence_or_touches_a_keep_out_and_the_margin_is_kept(hillside: Any) -> None:
    plan = plan_mission(hillside.mission())
    assert hillside.metres_outside(plan, margin_m=4.9) == 0.0


def test_the_area_is_covered_even_with_position_attitude_and_heading_errors(hillside: Any) -> None:
    plan = plan_mission(hillside.mission())
    assert plan.survey is not None
    assert hillside.coverage(plan) == pytest.approx(plan.survey.coverage_fraction, abs=1e-4)
    assert min(hillside.coverage(plan, seed=s) for s in range(5)) >= 0.995


def test_without_a_fence_the_sweep_stays_inside_the_area_and_out_of_its_holes(hillside: Any) -> None:
    plan = plan_mission(hillside.mission(fence=None, margin_m=0.0))
    corners = hillside.corners(plan)
    first = next(k for k, i in enumerate(plan.waypoints()) if i[1].role is ItemRole.SWEEP)
    last = max(k for k, i in enumerate(plan.waypoints()) if i[1].role is ItemRole.SWEEP)
    between = shapely.LineString(corners[first : last + 1])
    assert between.difference(hillside.area.buffer(0.05)).length == 0.0
    assert plan.survey is not None
    assert plan.survey.coverage_fraction > 0.998


def test_the_ways_from_and_to_home_go_round_a_keep_out(hillside: Any) -> None:
    wall = hillside.zone([(-20, -58), (-10, -58), (-10, 200), (-20, 200)], inclusion=False)
    fence = dataclasses.replace(hillside.fence, polygons=(*hillside.fence.polygons, wall))
    plan = plan_mission(hillside.mission(fence=fence, margin_m=1.0))
    assert hillside.metres_outside(plan, fence, margin_m=0.9) == 0.0


def test_items_are_what_a_copter_executes(hillside: Any) -> None:
    plan = plan_mission(hillside.mission())
    commands = [i.command for i in plan.items]
    assert commands[:2] == [MavCmd.NAV_TAKEOFF, MavCmd.DO_CHANGE_SPEED]
    assert plan.items[1].params == (1.0, 8.0, -1.0, 0.0)
    assert commands[-1] == MavCmd.NAV_RETURN_TO_LAUNCH
    camera = 0.0
    for item in plan.items:
        if item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
            assert item.params[2] == 1.0
            assert (item.params[0] > 0) != (camera > 0), "camera switched on twice or off twice"
            camera = item.params[0]
        elif item.is_nav:
            assert (camera > 0) == (item.role is ItemRole.SWEEP)
    assert camera == 0.0
    heights = {i.altitude for i in plan.items if i.position}
    assert heights == {Altitude(value_m=60, datum=AltitudeDatum.HOME)}


def test_figures_agree_with_the_items(hillside: Any) -> None:
    plan = plan_mission(hillside.mission())
    assert plan.estimate is not None
    corners = hillside.corners(plan)
    assert plan.estimate.length_m == pytest.approx(np.hypot(*np.diff(corners, axis=0).T).sum(), abs=0.5)
    sweeps = sum(1 for i in plan.items if i.role is ItemRole.SWEEP)
    assert plan.estimate.photos > 2 * sweeps
    fastest = plan.estimate.length_m / 8.0 + 60 / 2.5
    assert fastest < plan.estimate.duration_s < 2 * fastest + 60


def test_spacing_and_trigger_distance_come_from_the_overlaps(hillside: Any) -> None:
    pattern = LawnmowerPattern(side_overlap=0.4, front_overlap=0.5)
    survey = plan_mission(hillside.mission(pattern=pattern)).survey
    assert survey is not None
    assert survey.spacing_m == pytest.approx(0.6 * survey.footprint_across_m)
    assert survey.trigger_distance_m == pytest.approx(0.5 * survey.footprint_along_m)
    assert survey.gsd_m_px == pytest.approx(survey.footprint_across_m / 4000)


def test_a_camera_too_slow_for_the_speed_lowers_it_and_says_so(hillside: Any) -> None:
    camera = dataclasses.replace(hillside.mission().camera, min_interval_s=10.0)
    plan = plan_mission(hillside.mission(camera=camera))
    assert plan.survey is not None
    assert plan.speed_m_s == pytest.approx(plan.survey.trigger_distance_m / 10.0)
    assert any("speed lowered" in note for note in plan.notes)


def test_a_given_angle_is_kept(hillside: Any) -> None:
    plan = plan_mission(hillside.mission(pattern=LawnmowerPattern(angle_deg=30.0)))
    assert plan.survey is not None
    assert plan.survey.sweep_angle_deg == pytest.approx(30.0)
    corners = hillside.corners(plan)
    sweeps = [k for k, (_, i) in enumerate(plan.waypoints()) if i.role is ItemRole.SWEEP]
    for k in sweeps:
        east, north = corners[k] - corners[k - 1]
        assert np.degrees(np.arctan2(east, north)) % 180 == pytest.approx(30.0, abs=0.1)


def test_the_sweep_begins_at_the_entry(hillside: Any) -> None:
    pattern = LawnmowerPattern(entry=hillside.place(400, 300), angle_deg=90.0)
    plan = plan_mission(hillside.mission(pattern=pattern))
    corners = hillside.corners(plan)
    first = next(k for k, (_, i) in enumerate(plan.waypoints()) if i.role is ItemRole.SWEEP)
    assert np.hypot(*(corners[first - 1] - [400, 300])) < 60


def test_the_same_mission_and_seed_give_the_same_plan(hillside: Any) -> None:
    assert plan_mission(hillside.mission(), seed=3).items == plan_mission(hillside.mission(), seed=3).items


def test_home_in_the_margin_is_left_by_the_shortest_way(hillside: Any) -> None:
    plan = plan_mission(hillside.mission(home=hillside.place(-58, -30), margin_m=20.0))
    assert hillside.metres_outside(plan) == 0.0


def test_what_cannot_be_seen_is_reported(hillside: Any) -> None:
    fence = Fence(polygons=(hillside.zone([(-60, -60), (200, -60), (200, 380), (-60, 380)], inclusion=True),))
    plan = plan_mission(hillside.mission(fence=fence))
    assert plan.survey is not None
    assert plan.survey.coverage_fraction < 0.9
    assert plan.survey.unseen is not None
    missing = hillside.frame.to_local(plan.survey.unseen).area / hillside.area.area
    assert missing == pytest.approx(1 - plan.survey.coverage_fraction, abs=1e-3)
    assert any("cannot be seen" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"area": None}, "needs an area"),
        ({"margin_m": 400.0}, "margin"),
        ({"height": Altitude(value_m=500, datum=AltitudeDatum.HOME)}, "ceiling"),
        ({"height": Altitude(value_m=500, datum=AltitudeDatum.AMSL)}, "mean sea level"),
        ({"speed_m_s": 0.0}, "speed"),
        ({"pattern": LawnmowerPattern(side_overlap=1.0)}, "spacing"),
    ],
)
def test_what_cannot_be_flown_is_refused_with_a_remedy(
    hillside: Any, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(PlanningError, match=words) as caught:
        plan_mission(hillside.mission(**changes))
    assert caught.value.remedy


def test_home_in_a_keep_out_is_refused(hillside: Any) -> None:
    with pytest.raises(PlanningError, match="home"):
        plan_mission(hillside.mission(home=hillside.place(60, 150)))


@pytest.mark.parametrize("angle_deg", [20.0, None])
def test_more_lines_than_anybody_flies_are_refused_before_they_are_drawn(
    hillside: Any, angle_deg: float | None
) -> None:
    pattern = LawnmowerPattern(spacing_m=0.02, trigger_distance_m=400.0, angle_deg=angle_deg)
    with pytest.raises(PlanningError, match=r"about \d+ lines 0.02 m apart \(at most 2000\)"):
        plan_mission(hillside.mission(pattern=pattern))


def test_more_photographs_than_anybody_looks_at_are_refused(hillside: Any) -> None:
    pattern = LawnmowerPattern(spacing_m=2.0, trigger_distance_m=0.5)
    with pytest.raises(PlanningError, match="photographs"):
        plan_mission(hillside.mission(pattern=pattern))
