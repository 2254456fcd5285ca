"""What ArduPilot would refuse, drop or do differently: capacity, commands, parameters, order of items.

The limits are those measured on ArduCopter 4.7 (see the decision records); other boards may hold less.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from airbeat.checks.findings import Finding, Severity
from airbeat.mission.commands import MavCmd, command_name
from airbeat.mission.plan import FlightPlan, PlanItem

__all__ = ["check_autopilot"]

MAX_ITEMS = 650
"""Mission items with home."""
MAX_FENCE_VERTICES = 70
MAX_RALLY_POINTS = 46

REFUSED = frozenset(
    {MavCmd.DO_MOUNT_CONFIGURE, MavCmd.DO_SET_CAM_TRIGG_INTERVAL, MavCmd.SET_CAMERA_MODE, 4501}
)
REFUSED_BY_SOME = frozenset({MavCmd.DO_SET_ROI_LOCATION, MavCmd.DO_SET_ROI_NONE})
_NAN_YAW_ACCEPTED = frozenset(
    {MavCmd.NAV_WAYPOINT, MavCmd.NAV_LOITER_UNLIM, MavCmd.NAV_TAKEOFF, MavCmd.NAV_LAND, 84, 85}
)
_ENDS = frozenset({MavCmd.NAV_RETURN_TO_LAUNCH, MavCmd.NAV_LAND})
_PLACE_NEEDED = frozenset({MavCmd.NAV_WAYPOINT, MavCmd.NAV_SPLINE_WAYPOINT})
_JUMPS = frozenset({MavCmd.DO_JUMP, MavCmd.DO_JUMP_TAG})
_FOR_EVER = -1


def check_autopilot(plan: FlightPlan) -> Iterator[Finding]:
    """Findings about what the autopilot makes of the items."""
    if not plan.items:
        yield Finding(
            severity=Severity.ERROR,
            code="no-items",
            message="the mission has no items",
            remedy="plan something to fly",
        )
        return
    yield from _capacity(plan)
    for number, item in plan.numbered():
        yield from _item(number, item)
    yield from _order(plan)
    yield from _jumps(plan)
    yield from _datums(plan)


def _too_many(code: str, count: int, limit: int, what: str) -> Iterator[Finding]:
    if count > limit:
        yield Finding(
            severity=Severity.ERROR,
            code=code,
            message=f"{count} {what}: ArduPilot holds {limit}",
            remedy="split the plan into sorties, or simplify the shapes",
        )


def _capacity(plan: FlightPlan) -> Iterator[Finding]:
    yield from _too_many("too-many-items", len(plan.items) + 1, MAX_ITEMS, "items with home")
    yield from _too_many("too-many-rally-points", len(plan.rally or ()), MAX_RALLY_POINTS, "rally points")
    if plan.fence:
        vertices = sum(len(p.vertices) for p in plan.fence.polygons) + len(plan.fence.circles)
        yield from _too_many("fence-too-large", vertices, MAX_FENCE_VERTICES, "fence vertices and circles")


def _item(number: int, item: PlanItem) -> Iterator[Finding]:
    name = command_name(item.command)

    def finding(severity: Severity, code: str, message: str, remedy: str) -> Finding:
        return Finding(
            severity=severity,
            code=code,
            message=f"item {number}, {name}: {message}",
            items=(number,),
            place=item.position,
            remedy=remedy,
        )

    is_known = item.command in MavCmd.__members__.values()
    if item.command in REFUSED or item.command >= MavCmd.NAV_FENCE_RETURN_POINT:
        yield finding(
            Severity.ERROR, "unsupported-command", "ArduPilot refuses it in missions", "remove or replace it"
        )
    elif item.command in REFUSED_BY_SOME:
        yield finding(
            Severity.WARNING,
            "command-refused-by-some",
            "some ArduPilot versions refuse it",
            "use DO_SET_ROI (201), which works everywhere",
        )
    elif not is_known:
        yield finding(
            Severity.WARNING,
            "unknown-command",
            "not checked, airbeat does not know what it does",
            "check by hand what the vehicle will do there",
        )
    yaw_may_be_unset = item.command in _NAN_YAW_ACCEPTED
    for n, value in enumerate((*item.params, *item.extra), start=1):
        if not math.isfinite(value) and not (n == 4 and yaw_may_be_unset and math.isnan(value)):
            yield finding(
                Severity.ERROR, "parameter-not-a-number", f"parameter {n} is {value}", "write 0 instead"
            )
    if item.command in _PLACE_NEEDED and item.position is None:
        yield finding(
            Severity.WARNING,
            "waypoint-without-place",
            "without a place it happens wherever the vehicle is",
            "give it a place, or remove it",
        )
    if item.command == MavCmd.NAV_SPLINE_WAYPOINT:
        yield finding(
            Severity.WARNING,
            "spline-leg",
            "flown as a curve, but checked as a straight leg",
            "use ordinary waypoints near the fence",
        )


def _order(plan: FlightPlan) -> Iterator[Finding]:
    moves = [(n, i) for n, i in plan.numbered() if i.is_nav]
    if not moves or moves[0][1].command not in (MavCmd.NAV_TAKEOFF, 84):
        yield Finding(
            severity=Severity.ERROR,
            code="first-not-takeoff",
            message="the first item that moves the vehicle is not a take-off: ArduPilot does not start this",
            items=(moves[0][0],) if moves else (),
            remedy="begin with NAV_TAKEOFF",
        )
    last = moves[-1][0] if moves else 0
    end = next((n for n, i in moves if i.command in _ENDS), None)
    if end is None:
        yield Finding(
            severity=Severity.WARNING,
            code="no-return",
            message="the mission ends without return or landing: the vehicle stays in the air at its end",
            items=(last,) if last else (),
            remedy="end with RETURN_TO_LAUNCH",
        )
    elif end != last and not any(i.command in _JUMPS for i in plan.items):
        yield Finding(
            severity=Severity.WARNING,
            code="items-after-return",
            message=f"the items behind item {end}, where the mission returns or lands, may never be flown",
            items=tuple(n for n, _ in moves if n > end),
            remedy="move the return to the end",
        )
    late = [n for n, i in plan.numbered() if n > last and i.command != MavCmd.JUMP_TAG]
    if len(late) > 1:
        yield Finding(
            severity=Severity.ERROR,
            code="actions-after-last-leg",
            message=f"{len(late)} actions behind the last item that moves the vehicle: only the first runs",
            items=tuple(late),
            remedy="put them before the last item",
        )
    yield from _camera_off(plan)


def _camera_off(plan: FlightPlan) -> Iterator[Finding]:
    switched_on = 0
    for number, item in plan.numbered():
        if item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
            switched_on = number if item.params[0] > 0 else 0
        if item.command in _ENDS and switched_on:
            yield Finding(
                severity=Severity.ERROR,
                code="camera-on-at-return",
                message=f"the camera trigger of item {switched_on} is still on when item {number} returns",
                items=(switched_on, number),
                remedy="set DO_SET_CAM_TRIGG_DIST to 0 before the return",
            )
            return
    if switched_on:
        yield Finding(
            severity=Severity.ERROR,
            code="camera-on-at-return",
            message=f"the camera trigger of item {switched_on} is never switched off",
            items=(switched_on,),
            remedy="set DO_SET_CAM_TRIGG_DIST to 0 before the return",
        )


def _jumps(plan: FlightPlan) -> Iterator[Finding]:
    tags = {i.params[0] for i in plan.items if i.command == MavCmd.JUMP_TAG}
    for number, item in plan.numbered():
        if item.command not in _JUMPS:
            continue
        target = item.params[0]
        valid = target in tags if item.command == MavCmd.DO_JUMP_TAG else 1 <= target <= len(plan.items)
        if not valid:
            yield Finding(
                severity=Severity.ERROR,
                code="jump-target",
                message=f"item {number} jumps to {target:g}, which is not in the mission",
                items=(number,),
                remedy="jump to an item or tag of this mission",
            )
        if item.params[1] == _FOR_EVER:
            yield Finding(
                severity=Severity.WARNING,
                code="endless-jump",
                message=f"item {number} jumps for ever: the mission ends when the battery does",
                items=(number,),
                remedy="give the number of repeats",
            )


def _datums(plan: FlightPlan) -> Iterator[Finding]:
    by_datum: dict[str, list[int]] = {}
    for number, item in plan.waypoints():
        if item.altitude is not None and item.command != MavCmd.NAV_LAND:
            by_datum.setdefault(item.altitude.datum.value, []).append(number)
    if len(by_datum) > 1:
        most = max(by_datum.values(), key=len)
        yield Finding(
            severity=Severity.WARNING,
            code="height-datums-mixed",
            message=f"heights are measured from {' and '.join(sorted(by_datum))} in one mission",
            items=tuple(n for numbers in by_datum.values() if numbers is not most for n in numbers),
            remedy="measure all heights from home unless there is a reason",
        )
