"""A mission that one battery cannot fly: several plans that each can, and that together do the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import shapely

from airbeat.checks.findings import Severity
from airbeat.checks.plan import check_plan
from airbeat.errors import PlanningError
from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.mission.commands import MavCmd
from airbeat.mission.mission import FixedPoint, LawnmowerPattern, MissionKind, WaypointPattern
from airbeat.mission.plan import FlightPlan, ItemRole
from airbeat.planning.batteries import needs_splitting, split_flight
from airbeat.planning.plan import plan_mission
from airbeat.vehicle.airframe import airframe_profile

MOST = 650


def small_battery(usable_s: float) -> Any:
    """The usual airframe with a battery that lasts so long down to the reserve."""
    airframe = airframe_profile("arducopter-quad")
    return replace(
        airframe, battery_wh=usable_s * airframe.hover_power_w / 3600 / (1 - airframe.reserve_share)
    )


def photographed(plan: FlightPlan) -> list[tuple[float, float]]:
    """Places where lines begin or end, rounded."""
    result = []
    here = plan.home
    for item in plan.items:
        if item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
            result.append((round(here.lat_deg, 6), round(here.lon_deg, 6)))
        here = item.position or here
    return result


def assert_each_can_be_flown(hillside: Any, plans: tuple[FlightPlan, ...]) -> None:
    for plan in plans:
        assert plan.estimate is not None
        assert plan.estimate.battery_share <= 1.0
        assert plan.items[0].command == MavCmd.NAV_TAKEOFF
        assert plan.items[-1].command == MavCmd.NAV_RETURN_TO_LAUNCH
        assert hillside.metres_outside(plan) == pytest.approx(0.0, abs=0.01)
        assert not [f for f in check_plan(plan) if f.severity is Severity.ERROR]
        assert f"of {len(plans)}" in plan.name
        assert not any("one battery is not enough" in note for note in plan.notes)


def test_a_plan_that_one_battery_flies_stays_as_it_is(hillside: Any) -> None:
    plan = plan_mission(hillside.mission())
    assert not needs_splitting(plan, most_items=MOST)
    assert needs_splitting(plan, most_items=len(plan.items))


def test_a_survey_is_cut_between_its_lines_and_nothing_is_lost(hillside: Any) -> None:
    mission = hillside.mission(airframe=small_battery(320.0))
    plan = plan_mission(mission)
    assert needs_splitting(plan, most_items=MOST)
    plans = split_flight(mission, plan, most_items=MOST)
    assert_each_can_be_flown(hillside, plans)
    assert len(plans) >= plan.estimate.batteries
    ends = [place for part in plans for place in photographed(part)]
    assert sorted(ends) == sorted(photographed(plan))
    assert sum(p.estimate.photos for p in plans) == plan.estimate.photos
    areas = [hillside.frame.to_local(p.survey.area) for p in plans]
    whole = shapely.union_all(areas)
    assert whole.area == pytest.approx(hillside.area.area * plan.survey.coverage_fraction, rel=1e-3)
    assert sum(a.area for a in areas) == pytest.approx(whole.area, rel=1e-6)


def test_the_parts_of_a_split_take_what_their_estimates_say(hillside: Any) -> None:
    mission = hillside.mission()
    plan = plan_mission(mission)
    (whole,) = split_flight(mission, plan, most_items=MOST)
    assert whole.estimate.length_m == pytest.approx(plan.estimate.length_m, rel=0.02)
    assert whole.estimate.duration_s == pytest.approx(plan.estimate.duration_s, rel=0.02)
    assert whole.estimate.photos == plan.estimate.photos


def test_lines_too_long_for_a_battery_are_cut_inside(hillside: Any) -> None:
    strip = shapely.box(0, 0, 400, 10)
    mission = hillside.mission(
        area=hillside.frame.to_geographic(strip),
        home=hillside.place(200, -30),
        airframe=small_battery(180.0),
        speed_m_s=6.0,
        pattern=LawnmowerPattern(angle_deg=90.0),
        fence=None,
        margin_m=0.0,
    )
    plan = plan_mission(mission)
    assert plan.estimate.battery_share > 1.0
    plans = split_flight(mission, plan, most_items=MOST)
    assert len(plans) > 1
    assert all(p.estimate.battery_share <= 1.0 for p in plans)
    swept = [hillside.frame.to_local(p.survey.area) for p in plans]
    assert shapely.union_all(swept).area == pytest.approx(strip.area, rel=1e-3)


def test_more_items_than_the_autopilot_holds_make_more_sorties(hillside: Any) -> None:
    mission = hillside.mission()
    plan = plan_mission(mission)
    plans = split_flight(mission, plan, most_items=20)
    assert_each_can_be_flown(hillside, plans)
    assert len(plans) > 1
    assert all(len(p.items) + 1 <= 20 for p in plans)
    with pytest.raises(PlanningError, match="at most 6 mission items"):
        split_flight(mission, plan, most_items=6)


def test_fixed_points_are_cut_between_points_and_keep_what_is_done_there(hillside: Any) -> None:
    points = tuple(
        FixedPoint(
            position=hillside.place(x, y),
            dwell_s=20.0,
            photo=True,
            altitude=Altitude(value_m=h, datum=AltitudeDatum.HOME),
        )
        for x, y, h in ((400, 0, 40), (420, 200, 60), (300, 350, 50), (20, 340, 40))
    )
    mission = hillside.mission(
        kind=MissionKind.WAYPOINTS,
        pattern=WaypointPattern(points=points),
        area=None,
        airframe=small_battery(270.0),
    )
    plan = plan_mission(mission)
    plans = split_flight(mission, plan, most_items=MOST)
    assert len(plans) > 1
    assert_each_can_be_flown(hillside, plans)
    visits = [i for p in plans for i in p.items if i.role is ItemRole.VISIT]
    assert visits == [i for i in plan.items if i.role is ItemRole.VISIT]
    shots = [i for p in plans for i in p.items if i.command == MavCmd.DO_DIGICAM_CONTROL]
    assert len(shots) == 4
    assert sum(p.estimate.photos for p in plans) == 4


def test_a_place_that_no_battery_reaches_is_refused_with_the_minutes(hillside: Any) -> None:
    mission = hillside.mission(airframe=small_battery(120.0))
    plan = plan_mission(mission)
    with pytest.raises(PlanningError, match=r"of 2\.0 min above the reserve, \d+\.\d min too much"):
        split_flight(mission, plan, most_items=MOST)
