"""The rest of a flight takes as long as its legs; the whole as long as the plan says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airbeat.flight.schedule import Schedule
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import Estimate, FlightPlan, PlanItem

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)


def _at(north_m: float) -> LatLon:
    return LatLon(lat_deg=51.18 + north_m / 111_250, lon_deg=8.49)


def _plan() -> FlightPlan:
    height = Altitude(value_m=40, datum=AltitudeDatum.HOME)
    return FlightPlan(
        name="x",
        home=HOME,
        speed_m_s=10.0,
        items=(
            PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=height),
            PlanItem(command=MavCmd.DO_CHANGE_SPEED, params=(1, 5, -1, 0)),
            PlanItem(command=MavCmd.NAV_WAYPOINT, position=_at(500), altitude=height, params=(10, 0, 0, 0)),
            PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),
        ),
    )


def test_legs_add_up_to_the_whole() -> None:
    schedule = Schedule(_plan())
    # climb 40/2.5 + 2.5/1; out at 5 m/s, back at 10 m/s, each ending its speed with 2.5 m/s² and 1 m/s³;
    # 10 s there; 7.7 s over home; landing 30/1.5 + 10/0.5
    assert schedule.duration_s == pytest.approx(18.4 + 104.8 + 10 + 57 + 7.7 + 40, abs=1.5)
    assert schedule.left_s(1, HOME, 0.0) == pytest.approx(schedule.duration_s)


def test_what_is_left_shrinks_along_the_way() -> None:
    schedule = Schedule(_plan())
    left = [
        schedule.left_s(1, HOME, 20.0),
        schedule.left_s(3, HOME, 40.0),
        schedule.left_s(3, _at(250), 40.0),
        schedule.left_s(4, _at(500), 40.0),
        schedule.left_s(4, HOME, 40.0),
        schedule.left_s(4, HOME, 5.0),
        schedule.left_s(4, HOME, 0.0),
    ]
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0.0


def test_where_the_items_do_not_tell_the_plans_own_estimate_sets_the_scale() -> None:
    estimate = Estimate(length_m=1, duration_s=540.0, photos=0, turns=0, battery_share=0.1, batteries=1)
    plan = _plan()
    circling = PlanItem(command=MavCmd.NAV_LOITER_TURNS, position=_at(500), params=(3, 0, 20, 0))
    plan = replace(plan, items=(*plan.items[:-1], circling, plan.items[-1]))
    schedule = Schedule(replace(plan, estimate=estimate))
    assert schedule.duration_s == pytest.approx(540.0)
    assert schedule.left_s(9, HOME, 0.0) == 0.0
