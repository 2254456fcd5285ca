"""What a route of another program lacks before it can be flown, and the same route with it."""

from __future__ import annotations

from dataclasses import replace

from airbeat.errors import UsageError
from airbeat.formats.drawn import NO_HEIGHTS
from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.language.words import Message
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan, ItemRole, PlanItem

__all__ = ["completed", "lacking"]

_TAKEOFFS = (MavCmd.NAV_TAKEOFF, 84)
"""84 is MAV_CMD_NAV_VTOL_TAKEOFF."""
_ENDS = (MavCmd.NAV_RETURN_TO_LAUNCH, MavCmd.NAV_LAND, 85)
"""85 is MAV_CMD_NAV_VTOL_LAND."""


def lacking(plan: FlightPlan) -> tuple[str, ...]:
    """What must be added before the plan can be flown, with what adds it; empty for nothing."""
    if not plan.items:
        return ()
    found = []
    heightless = _heightless(plan)
    if heightless:
        found.append(
            f"{len(heightless)} waypoints have no height (the first is item {heightless[0] + 1}):"
            " --height-m gives it"
        )
    if not _takes_off(plan):
        found.append("the first item is no take-off, which ArduPilot needs: --takeoff adds it")
    if not _comes_back(plan):
        found.append("it ends without a return or landing: --takeoff adds a return")
    return tuple(found)


def completed(plan: FlightPlan, *, height_m: float | None = None, takeoff: bool = False) -> FlightPlan:
    """The plan with the height where it has none, and with take-off and return where it lacks them.

    Args:
        plan: any plan; what it has stays as it is.
        height_m: above home for waypoints without a height [m]; None leaves them.
        takeoff: add a take-off at home before the first item and a return behind the last.

    Raises:
        UsageError: a height that is none, or a take-off to a height that nothing says.
    """
    if height_m is not None:
        plan = _with_height(plan, height_m)
    return _with_ends(plan, height_m) if takeoff and plan.items else plan


def _heightless(plan: FlightPlan) -> list[int]:
    return [
        index
        for index, item in enumerate(plan.items)
        if item.is_nav and item.position is not None and item.altitude is None
    ]


def _takes_off(plan: FlightPlan) -> bool:
    first = next((item for item in plan.items if item.is_nav), None)
    return first is not None and first.command in _TAKEOFFS


def _comes_back(plan: FlightPlan) -> bool:
    return any(item.command in _ENDS for item in plan.items)


def _with_height(plan: FlightPlan, height_m: float) -> FlightPlan:
    if not 0.0 < height_m <= 10_000.0:
        raise UsageError(
            Message("a height of {height_m:g} m", height_m=height_m),
            remedy="say --height-m with metres above home",
        )
    altitude = Altitude(value_m=height_m, datum=AltitudeDatum.HOME)
    items, heightless = list(plan.items), _heightless(plan)
    if not heightless:
        return plan
    for index in heightless:
        items[index] = replace(items[index], altitude=altitude)
    notes = [note for note in plan.notes if note != NO_HEIGHTS]
    notes.append(
        Message(
            "{waypoints} waypoints were given {height_m:g} m above home",
            waypoints=len(heightless),
            height_m=height_m,
        )
    )
    return replace(plan, items=tuple(items), notes=tuple(notes))


def _with_ends(plan: FlightPlan, height_m: float | None) -> FlightPlan:
    items, notes, patterns = list(plan.items), list(plan.notes), plan.editable_patterns
    if not _takes_off(plan):
        climb_m = _climb_m(plan) if height_m is None else height_m
        altitude = Altitude(value_m=climb_m, datum=AltitudeDatum.HOME)
        start = PlanItem(
            command=MavCmd.NAV_TAKEOFF, position=plan.home, altitude=altitude, role=ItemRole.TAKEOFF
        )
        items = [start, *(_jumping_on(item) for item in items)]
        patterns = tuple(
            replace(p, first=p.first + 1, items=tuple(items[p.first : p.last + 1])) for p in patterns
        )
        notes.append(Message("a take-off to {climb_m:g} m above home was added as item 1", climb_m=climb_m))
    if not _comes_back(plan):
        items.append(PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH, role=ItemRole.RETURN))
        notes.append("a return to launch was added as the last item")
    return replace(plan, items=tuple(items), notes=tuple(notes), patterns=patterns)


def _climb_m(plan: FlightPlan) -> float:
    first = next((item.altitude for item in plan.items if item.is_nav and item.altitude), None)
    if first is None or first.datum is not AltitudeDatum.HOME or not first.value_m > 0:
        raise UsageError(
            "how high to take off is not said: the first waypoint has no height above home",
            remedy="say --height-m with metres above home",
        )
    return first.value_m


def _jumping_on(item: PlanItem) -> PlanItem:
    """The item behind one that was put before all: a jump goes to the same item as before."""
    if item.command != MavCmd.DO_JUMP:
        return item
    return replace(item, params=(item.params[0] + 1.0, *item.params[1:]))
