"""Spline waypoints: the curve that ArduCopter flies is what is held against the fence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from airbeat.checks.conditions import Conditions
from airbeat.checks.plan import check_plan
from airbeat.checks.splines import curves
from airbeat.checks.unrolled import fly
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon, FlightPlan, PlanItem

At = Callable[[float, float], LatLon]


def plan_of(at: At, *places: tuple[int, float, float, float], hold_s: float = 0.0) -> FlightPlan:
    """A take-off to 50 m, places as (command, east, north, height), the last one held, and a return."""

    def item(command: int, x: float, y: float, z: float, hold_s: float = 0.0) -> PlanItem:
        return PlanItem(
            command=command,
            params=(hold_s, 0.0, 0.0, 0.0),
            position=at(x, y),
            altitude=Altitude(value_m=z, datum=AltitudeDatum.HOME),
        )

    flown = [item(*place, hold_s=hold_s if place is places[-1] else 0.0) for place in places]
    corners = tuple(at(*c) for c in ((-50, -50), (250, -50), (250, 250), (-50, 250)))
    return FlightPlan(
        name="curve",
        home=at(0, 0),
        items=(
            item(MavCmd.NAV_TAKEOFF, 0, 0, 50),
            *flown,
            PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),
        ),
        fence=Fence(polygons=(FencePolygon(inclusion=True, vertices=corners),), max_height_m=60.0),
        speed_m_s=8.0,
    )


def codes(plan: FlightPlan, **conditions: float) -> set[str]:
    return {f.code for f in check_plan(plan, Conditions(**conditions))}  # type: ignore[arg-type]


STRAIGHT, SPLINE = MavCmd.NAV_WAYPOINT, MavCmd.NAV_SPLINE_WAYPOINT


def test_a_curve_begins_along_the_leg_before_it_and_ends_towards_the_next_place(at: At) -> None:
    ((number, places),) = curves(
        fly(plan_of(at, (STRAIGHT, 60, 0, 50), (SPLINE, 60, 100, 50), (STRAIGHT, 0, 100, 50)))
    )
    assert number == 3
    assert places[0] == pytest.approx([60, 0, 50], abs=1e-6)
    assert places[-1] == pytest.approx([60, 100, 50], abs=1e-6)
    assert places[:, 0].max() == pytest.approx(75, abs=0.05), "60 + (60 + 60) / 8, half way"
    assert places[:, 2] == pytest.approx(50)
    first = places[1] - places[0]
    assert first[0] > 0
    assert abs(first[1]) < 0.1 * first[0]


def test_a_curve_before_another_ends_in_the_direction_of_the_chord_over_both(at: At) -> None:
    (_, first), (_, second) = curves(
        fly(plan_of(at, (STRAIGHT, 50, 0, 50), (SPLINE, 100, 50, 50), (SPLINE, 100, 150, 50), hold_s=2.0))
    )
    end, begin = first[-1] - first[-2], second[1] - second[0]
    chord = np.array([50.0, 150.0, 0.0]) / np.hypot(50, 150)
    assert end / np.linalg.norm(end) == pytest.approx(chord, abs=0.05)
    assert begin / np.linalg.norm(begin) == pytest.approx(chord, abs=0.05)


def test_tangents_that_are_long_for_a_short_leg_are_scaled_down(at: At) -> None:
    ((_, places),) = curves(
        fly(plan_of(at, (STRAIGHT, 200, 0, 50), (SPLINE, 200, 10, 50), (STRAIGHT, 0, 10, 50)))
    )
    assert places[:, 0].max() == pytest.approx(200 + 40 / 8, abs=0.1), "tangents of 20 m each, not 200 m"


def test_where_the_vehicle_stops_a_curve_between_two_stops_is_straight(at: At) -> None:
    ((_, places),) = curves(fly(plan_of(at, (SPLINE, 60, 100, 50), hold_s=3.0)))
    assert np.abs(places[:, 0] * 100 - places[:, 1] * 60).max() < 1e-6


def test_a_curve_that_enters_a_keep_out_is_found_where_the_straight_leg_passes_it(at: At) -> None:
    plan = plan_of(at, (STRAIGHT, 60, 0, 50), (SPLINE, 60, 100, 50), (STRAIGHT, 0, 100, 50))
    assert "curve-outside-fence" not in codes(plan)
    assert plan.fence is not None
    circle = FenceCircle(inclusion=False, centre=at(85, 50), radius_m=15.0)
    closed = replace(plan, fence=replace(plan.fence, circles=(circle,)))
    findings = [f for f in check_plan(closed) if f.code == "curve-outside-fence"]
    assert [f.items for f in findings] == [(3,)]
    assert "leg-outside-fence" not in codes(closed)
    straight = tuple(replace(i, command=STRAIGHT) if i.command == SPLINE else i for i in closed.items)
    assert codes(replace(closed, items=straight)).isdisjoint({"curve-outside-fence", "leg-outside-fence"})


def test_a_curve_keeps_the_margin_that_is_asked_for(at: At) -> None:
    plan = plan_of(at, (STRAIGHT, 60, 0, 50), (SPLINE, 60, 100, 50), (STRAIGHT, 0, 100, 50))
    assert plan.fence is not None
    circle = FenceCircle(inclusion=False, centre=at(95, 50), radius_m=15.0)
    closed = replace(plan, fence=replace(plan.fence, circles=(circle,)))
    assert "margin-short" not in codes(closed, margin_m=4.0)
    assert "margin-short" in codes(closed, margin_m=10.0)


def test_a_curve_that_rises_over_the_ceiling_between_its_ends_is_found(at: At) -> None:
    rising = [(STRAIGHT, 40, 0, 20), (SPLINE, 100, 0, 58), (SPLINE, 160, 0, 58), (STRAIGHT, 220, 0, 20)]
    plan = plan_of(at, *rising)
    assert [f.items for f in check_plan(plan) if f.code == "above-ceiling"] == [(4,)]
    straight = tuple(replace(i, command=STRAIGHT) if i.command == SPLINE else i for i in plan.items)
    assert "above-ceiling" not in codes(replace(plan, items=straight))
