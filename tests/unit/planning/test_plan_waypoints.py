"""Fixed waypoints are flown in order, round keep-outs, with their dwell, heading, gimbal and photograph."""

from __future__ import annotations

from typing import Any

import pytest

from airbeat.errors import PlanningError
from airbeat.mission.commands import MavCmd
from airbeat.mission.mission import FixedPoint, WaypointPattern
from airbeat.mission.plan import ItemRole
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
