"""Routes of other programs that lack heights, a take-off or a return."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from airbeat.errors import UsageError
from airbeat.formats.complete import completed, lacking
from airbeat.formats.geojson_read import read_geojson
from airbeat.formats.qgc_plan import read_qgc_plan
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan

GOLDEN = Path(__file__).parents[2] / "golden" / "formats"
TRACK = '{"type": "LineString", "coordinates": [[8.49, 51.18], [8.5, 51.18], [8.5, 51.19]]}'


@pytest.fixture
def track() -> FlightPlan:
    return read_geojson(TRACK, name="track.geojson")


def test_what_a_route_lacks_is_said_with_what_supplies_it(track: FlightPlan) -> None:
    heights, start, end = lacking(track)
    assert "3 waypoints have no height (the first is item 1): --height-m" in heights
    assert "--takeoff" in start
    assert "return" in end


def test_a_plan_that_can_be_flown_lacks_nothing(full_plan: FlightPlan) -> None:
    assert lacking(full_plan) == ()
    assert completed(full_plan, height_m=50.0, takeoff=True) == full_plan
    assert lacking(replace(full_plan, items=())) == ()


def test_height_take_off_and_return_are_supplied_and_noted(track: FlightPlan) -> None:
    plan = completed(track, height_m=60.0, takeoff=True)
    assert [i.command for i in plan.items] == [22, 16, 16, 16, 20]
    assert [str(i.altitude) for i in plan.items[:-1]] == ["60 m home"] * 4
    assert lacking(plan) == ()
    notes = "\n".join(plan.notes)
    assert "3 waypoints were given 60 m above home" in notes
    assert "no heights" not in notes
    assert "a take-off to 60 m above home was added as item 1" in notes


def test_a_take_off_climbs_to_the_first_waypoint_or_is_refused(track: FlightPlan) -> None:
    with pytest.raises(UsageError, match="how high to take off is not said"):
        completed(track, takeoff=True)
    given = completed(track, height_m=45.0)
    assert str(completed(given, takeoff=True).items[0].altitude) == "45 m home"


@pytest.mark.parametrize("height_m", [0.0, -5.0, 1e9, float("nan")])
def test_a_height_that_is_none_is_refused(track: FlightPlan, height_m: float) -> None:
    with pytest.raises(UsageError, match="height"):
        completed(track, height_m=height_m)


def test_jumps_and_surveys_follow_their_items_behind_an_added_take_off() -> None:
    text = (GOLDEN / "survey_drawn_in_qgc.plan").read_text()
    plan = read_qgc_plan(text, name="x.plan")
    without = replace(
        plan,
        items=tuple(
            replace(i, params=(i.params[0] - 1, *i.params[1:])) if i.command == MavCmd.DO_JUMP else i
            for i in plan.items[1:]
        ),
        patterns=tuple(replace(p, first=p.first - 1) for p in plan.patterns),
    )
    again = completed(without, height_m=50.0, takeoff=True)
    assert [i.params[0] for i in again.items if i.command == MavCmd.DO_JUMP] == [
        i.params[0] for i in plan.items if i.command == MavCmd.DO_JUMP
    ]
    assert [(p.first, p.last) for p in again.editable_patterns] == [
        (p.first, p.last) for p in plan.editable_patterns
    ]
