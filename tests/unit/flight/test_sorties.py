"""Plans that one battery does not carry are cut into sorties that together fly everything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from airbeat.checks.conditions import Conditions
from airbeat.checks.findings import Severity
from airbeat.checks.plan import check_plan
from airbeat.errors import PlanningError
from airbeat.flight.begin import for_batteries
from airbeat.flight.sorties import next_sortie, sorties
from airbeat.geo.frame import distance_m
from airbeat.mission.commands import MavCmd
from airbeat.mission.forecast import forecast
from airbeat.mission.loader import load_mission
from airbeat.mission.plan import FlightPlan
from airbeat.planning.plan import plan_mission

MISSIONS = Path(__file__).resolve().parents[3] / "missions"


def _plan(name: str, battery_wh: float) -> FlightPlan:
    plan = plan_mission(load_mission(MISSIONS / f"{name}.yaml"))
    assert plan.airframe is not None
    return replace(plan, airframe=replace(plan.airframe, battery_wh=battery_wh))


def test_a_plan_that_one_battery_carries_is_left_alone() -> None:
    plan = _plan("demo-hillside", 180.0)
    assert [(s.plan, s.until) for s in sorties(plan)] == [(plan, None)]


@pytest.mark.parametrize(("name", "battery_wh"), [("demo-hillside", 36.0), ("forest-edge-sweep", 60.0)])
def test_every_sortie_fits_its_battery_and_together_they_fly_every_item(name: str, battery_wh: float) -> None:
    plan = _plan(name, battery_wh)
    assert plan.airframe is not None
    flown = sorties(plan)
    assert len(flown) > 1
    begin = 0
    wanted = {(i.position, i.role) for _, i in plan.waypoints() if i.command == MavCmd.NAV_WAYPOINT}
    for sortie in flown:
        needed = forecast(sortie.plan)
        assert needed is not None
        assert needed.energy_wh <= plan.airframe.usable_energy_wh
        assert sortie.plan.items[0].command == MavCmd.NAV_TAKEOFF
        assert sortie.plan.items[-1].command == MavCmd.NAV_RETURN_TO_LAUNCH
        errors = [
            f for f in check_plan(sortie.plan, Conditions(is_part=True)) if f.severity is Severity.ERROR
        ]
        assert errors == []
        wanted -= {(i.position, i.role) for i in sortie.plan.items}
        assert sortie.until is None or sortie.until > begin
        begin = sortie.until or begin
    assert wanted == set()
    assert flown[-1].until is None


def test_a_sortie_ends_with_the_camera_off_above_home() -> None:
    """A rally point lies nearer to where it is cut, and a return from there would lead to it."""
    plan = _plan("demo-hillside", 36.0)
    sortie = next_sortie(plan)
    triggers = [i for i in sortie.plan.items if i.command == MavCmd.DO_SET_CAM_TRIGG_DIST]
    assert triggers[-1].params[0] == 0.0
    last = [i for _, i in sortie.plan.waypoints()][-1]
    assert last.position is not None
    assert distance_m(last.position, plan.home) < 0.5


def test_the_checks_of_the_whole_allow_a_battery_for_each_sortie() -> None:
    plan = _plan("forest-edge-sweep", 60.0)
    assert plan.estimate is not None
    plan = replace(plan, estimate=replace(plan.estimate, battery_share=1.9))
    assert any(f.code == "battery-share" for f in check_plan(plan))
    whole = for_batteries(plan)
    assert not any(f.code == "battery-share" for f in check_plan(whole))
    assert any("sorties, a battery each" in note for note in whole.notes)


def test_a_point_too_far_for_one_battery_is_named() -> None:
    with pytest.raises(PlanningError, match="does not carry it to item 3 and back home"):
        sorties(_plan("forest-edge-sweep", 8.0))


def test_fixed_points_are_not_cut_in_the_middle_of_a_visit() -> None:
    plan = _plan("school-gate-patrol", 40.0)
    flown = sorties(plan)
    assert len(flown) > 1
    for sortie in flown[:-1]:
        assert sortie.until is not None
        here = plan.items[sortie.until - 1].position
        following = next(i for n, i in plan.waypoints() if n > sortie.until)
        assert here is not None
        assert following.position is not None
        assert distance_m(here, following.position) > 1.0
