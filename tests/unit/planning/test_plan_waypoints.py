"""Fixed waypoints are flown in order, round keep-outs, with their dwell, heading, gimbal and photograph."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, permutations
from typing import Any

import pytest

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.mission.commands import MavCmd
from airbeat.mission.mission import FixedPoint, WaypointPattern
from airbeat.mission.plan import FlightPlan, ItemRole
from airbeat.planning.plan import plan_mission


def test_points_are_visited_in_order_round_the_keep_outs(hillside: Any) -> None:
    places = [hillside.place(150, 300), hillside.place(260, 300), hillside.place(10, 150)]
    points = tuple(FixedPoint(position=p, dwell_s=2.5) for p in places)
    plan = plan_mission(hillside.mission(area=None, pattern=WaypointPattern(points=points)))
    visits = [i for i in plan.items if i.role is ItemRole.VISIT]
    assert [i.position for i in visits] == places
    assert [i.params[0] for i in visits] == [3.0, 3.0, 3.0]
    assert any(i.role is ItemRole.TRANSIT for i in plan.items)
    assert hillside.metres_outside(plan, margin_m=4.9) == 0.0
    assert plan.survey is None


def test_heading_gimbal_and_photograph_happen_while_the_vehicle_holds(hillside: Any) -> None:
    point = FixedPoint(
        position=hillside.place(100, 100), dwell_s=1, heading_deg=450.0, gimbal_pitch_deg=-45.0, photo=True
    )
    plan = plan_mission(hillside.mission(area=None, pattern=WaypointPattern(points=(point,))))
    at = [i.role for i in plan.items].index(ItemRole.VISIT)
    group = plan.items[at : at + 6]
    assert [i.command for i in group] == [
        MavCmd.NAV_WAYPOINT,
        MavCmd.DO_MOUNT_CONTROL,
        MavCmd.CONDITION_YAW,
        MavCmd.CONDITION_DELAY,
        MavCmd.DO_DIGICAM_CONTROL,
        MavCmd.NAV_WAYPOINT,
    ]
    assert group[1].params[0] == -45.0
    assert group[2].params[0] == 90.0
    assert group[4].extra[0] == 1.0
    assert group[0].position == group[5].position
    assert group[5].params[0] >= 8.0
    assert plan.estimate is not None
    assert plan.estimate.photos == 1


def test_a_point_in_a_keep_out_is_refused_by_its_name(hillside: Any) -> None:
    point = FixedPoint(position=hillside.place(60, 150), name="spring")
    with pytest.raises(PlanningError, match="spring"):
        plan_mission(hillside.mission(area=None, pattern=WaypointPattern(points=(point,))))


def test_no_points_are_refused(hillside: Any) -> None:
    with pytest.raises(PlanningError, match="no points"):
        plan_mission(hillside.mission(area=None, pattern=WaypointPattern(points=())))


def _zigzag(hillside: Any) -> tuple[FixedPoint, ...]:
    """Points that the order given visits to and fro, with all that may be asked for at one."""
    asked = [(390, 20), (10, 20), (390, 250), (20, 280), (120, 20), (300, 250)]
    return tuple(
        FixedPoint(
            position=hillside.place(x, y),
            dwell_s=3.0 + k,
            heading_deg=10.0 * k if k % 2 else None,
            gimbal_pitch_deg=-50.0 + k,
            photo=k % 3 == 0,
            name=f"post {k}",
        )
        for k, (x, y) in enumerate(asked)
    )


def test_the_shortest_order_is_the_fastest_of_all_orders(hillside: Any) -> None:
    points = _zigzag(hillside)[:4]
    mission = hillside.mission(area=None, pattern=WaypointPattern(points=points, shortest=True))
    chosen = plan_mission(mission)
    every = [
        plan_mission(replace(mission, pattern=WaypointPattern(points=order)))
        for order in permutations(points)
    ]
    fastest_s = min(p.estimate.duration_s for p in every if p.estimate)
    assert chosen.estimate is not None
    assert chosen.estimate.duration_s <= fastest_s + 2.0  # the search reckons with a stop at each corner
    assert chosen.estimate.duration_s < every[0].estimate.duration_s - 20.0


def test_a_reordered_point_keeps_its_dwell_heading_gimbal_and_photograph(hillside: Any) -> None:
    points = _zigzag(hillside)
    mission = hillside.mission(area=None, pattern=WaypointPattern(points=points))
    given = plan_mission(mission)
    chosen = plan_mission(replace(mission, pattern=replace(mission.pattern, shortest=True)))

    def visits(plan: FlightPlan) -> list[tuple[Any, ...]]:
        """What happens at each point, in no order."""
        at: dict[Any, list[Any]] = {}
        here = None
        for item in plan.items[2:-1]:
            here = item.position if item.is_nav else here
            if item.role in (ItemRole.VISIT, ItemRole.ACTION):
                at.setdefault(here, []).append(item)
        return sorted(map(tuple, at.values()), key=str)

    assert visits(chosen) == visits(given)
    assert chosen.estimate is not None
    assert given.estimate is not None
    assert chosen.estimate.duration_s < given.estimate.duration_s
    assert hillside.metres_outside(chosen, margin_m=4.9) == 0.0
    said = next(n for n in chosen.notes if n.startswith("points flown in the order"))
    flown = list(dict.fromkeys(i.position for i in chosen.items if i.role is ItemRole.VISIT))
    names = {p.position: p.name for p in points}
    assert ", ".join(names[p] for p in flown) in said


def test_an_order_that_is_the_shortest_already_is_kept_and_said(hillside: Any) -> None:
    points = tuple(FixedPoint(position=hillside.place(x, 20)) for x in (100, 200, 300))
    plan = plan_mission(hillside.mission(area=None, pattern=WaypointPattern(points=points, shortest=True)))
    assert [i.position for i in plan.items if i.role is ItemRole.VISIT] == [p.position for p in points]
    assert "the order given is the shortest found for the 3 points" in plan.notes


def test_a_point_out_of_reach_is_named_when_the_order_is_free(hillside: Any) -> None:
    points = (*_zigzag(hillside), FixedPoint(position=hillside.place(60, 150)))
    with pytest.raises(PlanningError, match="point 7 cannot be reached"):
        plan_mission(hillside.mission(area=None, pattern=WaypointPattern(points=points, shortest=True)))


def test_heights_count_in_the_order(hillside: Any) -> None:
    """Two towers and two low points: climbing twice takes longer than the way."""
    heights = {0: 100.0, 12: 10.0, 24: 100.0, 36: 10.0}
    points = tuple(
        FixedPoint(position=hillside.place(x, 20), altitude=Altitude(value_m=h, datum=AltitudeDatum.HOME))
        for x, h in heights.items()
    )
    plan = plan_mission(hillside.mission(area=None, pattern=WaypointPattern(points=points, shortest=True)))
    flown = [i.altitude.value_m for i in plan.items if i.role is ItemRole.VISIT and i.altitude]
    assert sum(abs(b - a) for a, b in pairwise(flown)) == 90.0


def test_a_heading_alone_waits_until_the_hold_has_begun(hillside: Any) -> None:
    """As the first command behind a waypoint it would be reset by the start of the leg behind it."""
    point = FixedPoint(position=hillside.place(100, 100), heading_deg=90.0)
    plan = plan_mission(hillside.mission(area=None, pattern=WaypointPattern(points=(point,))))
    at = [i.role for i in plan.items].index(ItemRole.VISIT)
    assert [i.command for i in plan.items[at : at + 4]] == [
        MavCmd.NAV_WAYPOINT,
        MavCmd.CONDITION_DELAY,
        MavCmd.CONDITION_YAW,
        MavCmd.NAV_WAYPOINT,
    ]
