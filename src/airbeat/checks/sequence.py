"""Whether the items stand in an order that flies: take-off, actions, camera, jumps, the end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from airbeat.checks.catalogue import found
from airbeat.checks.conditions import Autopilot, Conditions
from airbeat.checks.findings import Finding
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.mission.commands import MavCmd, command_name
from airbeat.mission.legs import Leg, legs
from airbeat.mission.plan import FlightPlan

__all__ = ["check_sequence"]

_TAKEOFFS = frozenset({MavCmd.NAV_TAKEOFF, 84})
_ENDS = frozenset({MavCmd.NAV_RETURN_TO_LAUNCH, MavCmd.NAV_LAND})
_JUMPS = frozenset({MavCmd.DO_JUMP, MavCmd.DO_JUMP_TAG})
_FOR_EVER = -1
_SAME_PLACE_M = 0.3
_SAME_HEIGHT_M = 0.3
_AT_HOME_M = 5.0
_ACTIONS_IN_NO_TIME = 2


def check_sequence(plan: FlightPlan, conditions: Conditions) -> Iterator[Finding]:
    """Findings about the order of the items; none for a plan without items."""
    autopilot = conditions.autopilot
    if not plan.items:
        return
    yield from _start(plan, autopilot)
    yield from _end(plan)
    if not conditions.is_part:
        yield from _landing(plan)
    yield from _camera(plan)
    yield from _jumps(plan)
    flown = [leg for leg in legs(plan) if plan.items[leg.number - 1].command not in _JUMPS]
    yield from _repeated_places(plan, flown)
    yield from _actions(plan, flown)
    yield from _waiting(plan, autopilot)


def _start(plan: FlightPlan, autopilot: Autopilot) -> Iterator[Finding]:
    moves = [(n, i) for n, i in plan.numbered() if i.is_nav]
    if autopilot.needs_takeoff and (not moves or moves[0][1].command not in _TAKEOFFS):
        yield found(
            "first-not-takeoff",
            Message(
                "the first item that moves the vehicle is not a take-off: {title} does not start this",
                title=autopilot.title,
            ),
            items=(moves[0][0],) if moves else (),
            remedy="begin with NAV_TAKEOFF",
        )
    again = [n for n, i in moves[1:] if i.command in _TAKEOFFS]
    if again:
        yield found(
            "takeoff-again",
            Message("a second take-off, item {again}: in the air it is a climb at best", again=again[0]),
            items=tuple(again),
            remedy="begin with one take-off, and fly several sorties as several plans",
        )


def _end(plan: FlightPlan) -> Iterator[Finding]:
    moves = [(n, i) for n, i in plan.numbered() if i.is_nav]
    last = moves[-1][0] if moves else 0
    end = next((n for n, i in moves if i.command in _ENDS), None)
    if end is None:
        yield found(
            "no-return",
            "the mission ends without return or landing: the vehicle stays in the air at its end",
            items=(last,) if last else (),
            remedy="end with RETURN_TO_LAUNCH",
        )
    elif end != last and not any(i.command in _JUMPS for i in plan.items):
        yield found(
            "items-after-return",
            Message(
                "the items behind item {end}, where the mission returns or lands, may never be flown", end=end
            ),
            items=tuple(n for n, _ in moves if n > end),
            remedy="move the return to the end",
        )
    late = [n for n, i in plan.numbered() if n > last and i.command != MavCmd.JUMP_TAG]
    if len(late) > 1:
        yield found(
            "actions-after-last-leg",
            Message(
                "{late} actions behind the last item that moves the vehicle: only the first runs",
                late=len(late),
            ),
            items=tuple(late),
            remedy="put them before the last item",
        )


def _landing(plan: FlightPlan) -> Iterator[Finding]:
    for number, item in plan.numbered():
        if item.command != MavCmd.NAV_LAND or item.position is None:
            continue
        away_m = distance_m(plan.home, item.position)
        if away_m > _AT_HOME_M:
            yield found(
                "landing-away-from-home",
                Message("lands {away_m:.0f} m from home", away_m=away_m),
                items=(number,),
                place=item.position,
                remedy="make sure that the place is free and somebody is there, or return to home",
            )


def _camera(plan: FlightPlan) -> Iterator[Finding]:
    switched_on, airborne = 0, False
    for number, item in plan.numbered():
        airborne = airborne or item.is_nav
        if item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
            switched_on = number if item.params[0] > 0 else 0
            if switched_on and not airborne:
                yield found(
                    "camera-on-before-takeoff",
                    Message("the camera trigger of item {number} is set before the take-off", number=number),
                    items=(number,),
                    remedy="set it behind the waypoint at which the first line begins",
                )
        if item.command in _ENDS and switched_on:
            yield found(
                "camera-on-at-return",
                Message(
                    "the camera trigger of item {switched_on} is still on when item {number} returns",
                    switched_on=switched_on,
                    number=number,
                ),
                items=(switched_on, number),
                remedy="set DO_SET_CAM_TRIGG_DIST to 0 before the return",
            )
            return
    if switched_on:
        yield found(
            "camera-on-at-return",
            Message(
                "the camera trigger of item {switched_on} is never switched off", switched_on=switched_on
            ),
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
            yield found(
                "jump-target",
                Message(
                    "item {number} jumps to {target:g}, which is not in the mission",
                    number=number,
                    target=target,
                ),
                items=(number,),
                remedy="jump to an item or tag of this mission",
            )
        if item.params[1] == _FOR_EVER:
            yield found(
                "endless-jump",
                Message(
                    "item {number} jumps for ever: the mission ends when the battery does", number=number
                ),
                items=(number,),
                remedy="give the number of repeats",
            )


def _same_place(a: Leg, b: Leg) -> bool:
    if distance_m(a.end, b.end) > _SAME_PLACE_M:
        return False
    heights = (a.end_altitude, b.end_altitude)
    if heights[0] is None or heights[1] is None or heights[0].datum is not heights[1].datum:
        return heights[0] == heights[1]
    return abs(heights[0].value_m - heights[1].value_m) <= _SAME_HEIGHT_M


def _repeated_places(plan: FlightPlan, flown: list[Leg]) -> Iterator[Finding]:
    """Waypoints twice in a row at one place: the vehicle stops there for nothing."""
    twice = []
    for before, after in pairwise(flown):
        items = (plan.items[before.number - 1], plan.items[after.number - 1])
        both = all(i.command == MavCmd.NAV_WAYPOINT and not i.params[0] > 0 for i in items)
        if both and after.number == before.number + 1 and _same_place(before, after):
            twice.append(after.number)
    if twice:
        yield found(
            "waypoint-repeated",
            Message("item {twice} is at the place and height of the one before it", twice=twice[0]),
            items=tuple(twice),
            place=plan.items[twice[0] - 1].position,
            remedy="remove one of the two",
        )


def _actions(plan: FlightPlan, flown: list[Leg]) -> Iterator[Finding]:
    """Actions that are dropped: the leg that they belong to is over before they have run."""
    by_number = {leg.number: leg for leg in flown}
    moves = [n for n, i in plan.numbered() if i.is_nav]
    for before, after in pairwise(moves):
        actions = [n for n in range(before + 1, after) if plan.items[n - 1].command != MavCmd.JUMP_TAG]
        conditions = [n for n in actions if plan.items[n - 1].command == MavCmd.CONDITION_DELAY]
        leg = by_number.get(after)
        if leg is None or not actions or plan.items[after - 1].params[0] > 0:
            continue
        height_m = 0.0
        if leg.start_altitude and leg.end_altitude:
            height_m = abs(leg.end_altitude.value_m - leg.start_altitude.value_m)
        length_m = distance_m(leg.start, leg.end) + height_m
        if length_m < _SAME_PLACE_M and len(actions) >= _ACTIONS_IN_NO_TIME and leg.number != moves[0]:
            yield found(
                "actions-may-be-dropped",
                Message(
                    "{actions} actions belong to the leg to item {after}, which is over at once: one "
                    "runs per cycle, and those left are dropped",
                    actions=len(actions),
                    after=after,
                ),
                items=tuple(actions),
                place=leg.end,
                remedy=Message(
                    "put them before item {before}, or let the vehicle wait at item {after}",
                    before=before,
                    after=after,
                ),
            )
        for number in conditions:
            delay_s = plan.items[number - 1].params[0]
            if delay_s * (plan.speed_m_s or 0.0) > length_m:
                yield found(
                    "condition-outlasts-leg",
                    Message(
                        "item {number}, {command_name}, waits {delay_s:g} s, but the leg to item {after} is "
                        "{length_m:.0f} m long: what stands behind it never runs",
                        number=number,
                        command_name=command_name(MavCmd.CONDITION_DELAY),
                        delay_s=delay_s,
                        after=after,
                        length_m=length_m,
                    ),
                    items=(number,),
                    place=leg.end,
                    remedy="wait less, or hold at a waypoint",
                )


def _waiting(plan: FlightPlan, autopilot: Autopilot) -> Iterator[Finding]:
    for number, item in plan.numbered():
        if item.command == MavCmd.NAV_LOITER_UNLIM:
            yield found(
                "loiter-for-ever",
                Message(
                    "item {number} waits without end: what stands behind it is flown only when somebody "
                    "says so",
                    number=number,
                ),
                items=(number,),
                place=item.position,
                remedy="use NAV_LOITER_TIME, or make sure that somebody ends the wait",
            )
        elif not item.autocontinue and item.is_nav:
            yield found(
                "no-autocontinue",
                Message(
                    "item {number} is not to go on by itself; {autopilot} goes on all the same"
                    if autopilot.key == "ardupilot"
                    else "item {number} is not to go on by itself; {autopilot} waits there for a person",
                    number=number,
                    autopilot=autopilot.title,
                ),
                items=(number,),
                place=item.position,
                remedy="set autocontinue; where it should wait, give it a time",
            )
