"""What the autopilot would refuse, drop, round or do differently: capacity, commands, parameters, order."""

from __future__ import annotations

import math
from collections.abc import Iterator

from airbeat.checks.catalogue import found
from airbeat.checks.conditions import ARDUPILOT, Autopilot
from airbeat.checks.findings import Finding
from airbeat.geo.coordinates import AltitudeDatum
from airbeat.language.words import N_, Message
from airbeat.mission.commands import MavCmd, command_name
from airbeat.mission.plan import FlightPlan, PlanItem

__all__ = ["MAX_ITEMS", "check_autopilot"]

MAX_ITEMS = ARDUPILOT.max_items
"""Mission items with home."""

_NAN_YAW_ACCEPTED = frozenset(
    {MavCmd.NAV_WAYPOINT, MavCmd.NAV_LOITER_UNLIM, MavCmd.NAV_TAKEOFF, MavCmd.NAV_LAND, 84, 85}
)
_PLACE_NEEDED = frozenset({MavCmd.NAV_WAYPOINT, MavCmd.NAV_SPLINE_WAYPOINT})
_FLIGHT_ENDING = {
    185: N_("it ends the flight at once"),
    208: N_("it may release the parachute"),
    400: N_("it may stop the motors"),
}
_PAYLOAD = frozenset({MavCmd.DO_SET_RELAY, 182, MavCmd.DO_SET_SERVO, 184, 211, 42600, 94})
_WHOLE_TURN_M = 255.0


def check_autopilot(plan: FlightPlan, autopilot: Autopilot = ARDUPILOT) -> Iterator[Finding]:
    """Findings about what the autopilot makes of each item and of the plan as a whole."""
    if not plan.items:
        yield found("no-items", "the mission has no items", remedy="plan something to fly")
        return
    yield from _capacity(plan, autopilot)
    for number, item in plan.numbered():
        yield from _command(number, item, autopilot)
        yield from _numbers(number, item, autopilot)
        yield from _effects(number, item)
    yield from _curves(plan)
    yield from _datums(plan)
    yield from _rally_rounding(plan, autopilot)


def _capacity(plan: FlightPlan, autopilot: Autopilot) -> Iterator[Finding]:
    vertices = 0
    if plan.fence:
        vertices = sum(len(p.vertices) for p in plan.fence.polygons) + len(plan.fence.circles)
    for code, count, limit, what in (
        ("too-many-items", len(plan.items) + 1, autopilot.max_items, N_("items with home")),
        ("too-many-rally-points", len(plan.rally or ()), autopilot.max_rally_points, N_("rally points")),
        ("fence-too-large", vertices, autopilot.max_fence_vertices, N_("fence vertices and circles")),
    ):
        if count > limit:
            yield found(
                code,
                Message(
                    "{count} {what}: {title} holds {limit}",
                    count=count,
                    what=Message(what),
                    title=autopilot.title,
                    limit=limit,
                ),
                remedy="split the plan into sorties, or simplify the shapes",
            )


def _about(code: str, number: int, item: PlanItem, message: str, remedy: str) -> Finding:
    return found(
        code,
        Message(
            "item {number}, {command_name}: {message}",
            number=number,
            command_name=command_name(item.command),
            message=Message(message),
        ),
        items=(number,),
        place=item.position,
        remedy=remedy,
    )


def _command(number: int, item: PlanItem, autopilot: Autopilot) -> Iterator[Finding]:
    is_zone = MavCmd.NAV_FENCE_RETURN_POINT <= item.command <= MavCmd.NAV_RALLY_POINT
    is_known = item.command in MavCmd.__members__.values()
    is_refused = item.command in autopilot.refused or (
        autopilot.accepted is not None and item.command not in autopilot.accepted
    )
    if is_refused or is_zone or (autopilot.accepted is None and item.command >= MavCmd.NAV_RALLY_POINT):
        yield _about(
            "unsupported-command",
            number,
            item,
            Message("{title} refuses it in missions", title=autopilot.title),
            "remove or replace it",
        )
    elif item.command in autopilot.refused_by_some:
        yield _about(
            "command-refused-by-some",
            number,
            item,
            Message("some {title} versions refuse it", title=autopilot.title),
            "use DO_SET_ROI (201), which works everywhere",
        )
    elif not is_known and item.command not in _FLIGHT_ENDING and item.command not in _PAYLOAD:
        yield _about(
            "unknown-command",
            number,
            item,
            "not checked, airbeat does not know what it does",
            "check by hand what the vehicle will do there",
        )
    if item.command in _PLACE_NEEDED and item.position is None:
        yield _about(
            "waypoint-without-place",
            number,
            item,
            "without a place it happens wherever the vehicle is",
            "give it a place, or remove it",
        )
    above_terrain = item.altitude is not None and item.altitude.datum is AltitudeDatum.AGL
    if above_terrain and not autopilot.terrain_frame:
        yield _about(
            "frame-unsupported",
            number,
            item,
            Message("a height above terrain, which {title} refuses in missions", title=autopilot.title),
            "give the height above home or above sea level",
        )


def _curves(plan: FlightPlan) -> Iterator[Finding]:
    curved = [n for n, i in plan.numbered() if i.command == MavCmd.NAV_SPLINE_WAYPOINT]
    if curved:
        yield found(
            "spline-leg",
            Message(
                "{curved} legs to spline waypoints are flown as curves, along which fence and "
                "ceiling are checked; ground, battery and photographs along the straight legs",
                curved=len(curved),
            ),
            items=tuple(curved),
            place=plan.items[curved[0] - 1].position,
            remedy="use ordinary waypoints where the ground is near",
        )


def _numbers(number: int, item: PlanItem, autopilot: Autopilot) -> Iterator[Finding]:
    """Parameters that are refused, and those that storage rounds."""
    yaw_may_be_unset = item.command in _NAN_YAW_ACCEPTED or not autopilot.nan_refused
    for n, value in enumerate((*item.params, *item.extra), start=1):
        unset = math.isnan(value) and ((n == 4 and yaw_may_be_unset) or not autopilot.nan_refused)
        if not math.isfinite(value) and not unset:
            yield _about(
                "parameter-not-a-number",
                number,
                item,
                Message("parameter {n} is {value}", n=n, value=value),
                "write 0 instead",
            )
    if autopilot.key != "ardupilot":
        return
    hold_s, radius_m = item.params[0], abs(item.params[2])
    if item.command == MavCmd.NAV_WAYPOINT and math.isfinite(hold_s) and hold_s % 1.0:
        yield _about(
            "hold-rounded",
            number,
            item,
            Message(
                "a hold of {hold_s:g} s is stored as {stored_s} s", hold_s=hold_s, stored_s=math.floor(hold_s)
            ),
            "give whole seconds",
        )
    if item.command == MavCmd.NAV_LOITER_TURNS and radius_m > _WHOLE_TURN_M and radius_m % 10.0:
        yield _about(
            "turn-radius-rounded",
            number,
            item,
            Message("a radius of {radius_m:g} m is stored in steps of 10 m above 255 m", radius_m=radius_m),
            "give a multiple of 10 m",
        )


def _effects(number: int, item: PlanItem) -> Iterator[Finding]:
    """Items that change what the flight rests on."""
    if item.command == MavCmd.DO_FENCE_ENABLE and item.params[0] != 1.0:
        yield _about(
            "fence-disabled-by-mission",
            number,
            item,
            "switches the fence off in flight",
            "remove it: the fence must hold during the whole flight",
        )
    if item.command == MavCmd.DO_SET_HOME:
        yield _about(
            "home-changed-by-mission",
            number,
            item,
            "moves home in flight: returns lead there, and heights above home change their meaning",
            "remove it, or check the ways to the new home by hand",
        )
    if item.command in _FLIGHT_ENDING:
        yield _about(
            "flight-ending-command",
            number,
            item,
            _FLIGHT_ENDING[item.command],
            "remove it from the mission",
        )
    if item.command in _PAYLOAD:
        yield _about(
            "payload-action",
            number,
            item,
            "drives a servo, a relay or a gripper: what it moves or drops is not checked",
            "make sure that nothing falls on people",
        )


def _datums(plan: FlightPlan) -> Iterator[Finding]:
    by_datum: dict[str, list[int]] = {}
    for number, item in plan.waypoints():
        if item.altitude is not None and item.command != MavCmd.NAV_LAND:
            by_datum.setdefault(item.altitude.datum.value, []).append(number)
    if len(by_datum) > 1:
        most = max(by_datum.values(), key=len)
        yield found(
            "height-datums-mixed",
            Message(
                "heights are measured from {by_datum} in one mission", by_datum=" and ".join(sorted(by_datum))
            ),
            items=tuple(n for numbers in by_datum.values() if numbers is not most for n in numbers),
            remedy="measure all heights from home unless there is a reason",
        )


def _rally_rounding(plan: FlightPlan, autopilot: Autopilot) -> Iterator[Finding]:
    for index, rally in enumerate(plan.rally or (), start=1):
        value_m = rally.altitude.value_m
        if autopilot.key == "ardupilot" and value_m % 1.0:
            yield found(
                "rally-height-rounded",
                Message(
                    "rally point {index}: a height of {value_m:g} m is stored as {floor} m",
                    index=index,
                    value_m=value_m,
                    floor=math.floor(value_m),
                ),
                place=rally.position,
                remedy="give whole metres",
            )
