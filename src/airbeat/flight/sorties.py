"""A plan that one battery does not carry, flown sortie by sortie: where each sortie ends.

A sortie is the plan up to one of its waypoints, the way home inside the fence, and the return. The rest is
what ``resume_plan`` makes of the plan behind that waypoint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from airbeat.errors import PlanningError
from airbeat.flight.resume import plan_from, way_inside
from airbeat.flight.state import ResumePoint
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.mission.commands import MavCmd
from airbeat.mission.forecast import Forecast, forecast
from airbeat.mission.legs import legs
from airbeat.mission.plan import FlightPlan, ItemRole, PlanItem
from airbeat.vehicle.airframe import AIRFRAMES

__all__ = ["Sortie", "cut_after", "next_sortie", "sorties"]

_SAME_PLACE_M = 0.5
_MOST_SORTIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Sortie:
    """What one battery carries of a plan.

    Attributes:
        plan: what is flown: take-off to landing.
        until: the last of the uncut plan's items that it flies; None when it flies all of them.
    """

    plan: FlightPlan
    until: int | None = None


def sorties(plan: FlightPlan) -> list[Sortie]:
    """All sorties of a whole plan, ``until`` in the plan's own numbers.

    Raises:
        PlanningError: a part of the plan that cannot be split is too long for one battery.
    """
    found: list[Sortie] = []
    rest, offset, least = plan, 0, 0
    while len(found) < _MOST_SORTIES:
        sortie = next_sortie(rest, least=least)
        until = None if sortie.until is None else sortie.until + offset
        found.append(replace(sortie, until=until))
        if until is None:
            return found
        behind = next(n for n, i in plan.numbered() if n > until and i.is_nav)
        rest = plan_from(plan, ResumePoint(item=behind, along_m=0.0))
        offset = len(plan.items) - len(rest.items)
        least = behind - offset
    raise PlanningError(
        Message("the plan needs more than {most_sorties} batteries", most_sorties=_MOST_SORTIES),
        remedy="split the area, or fly higher",
    )


def next_sortie(plan: FlightPlan, *, least: int = 0) -> Sortie:
    """As much of a plan as one battery carries down to its reserve; all of it where nobody can tell.

    Args:
        plan: a whole plan, or the rest of one, from its take-off.
        least: the item that the sortie has to reach at least.

    Raises:
        PlanningError: one battery does not carry the vehicle there and back.
    """
    airframe = plan.airframe or AIRFRAMES["arducopter-quad"]
    usable_wh = airframe.usable_energy_wh
    whole = forecast(plan)
    if whole is None or whole.energy_wh <= usable_wh:
        return Sortie(plan=plan)
    spent_wh = 0.0
    within: list[int] = []
    for number, part in whole.items.items():
        spent_wh += part.energy_wh
        if spent_wh < usable_wh and number >= least and _may_end(plan, number):
            within.append(number)
    for number in reversed(within):
        cut = cut_after(plan, number)
        needed = None if cut is None else forecast(cut)
        if cut is not None and needed is not None and needed.energy_wh <= usable_wh:
            return Sortie(plan=_estimated(plan, cut, needed, usable_wh), until=number)
    first = max(least, next((n for n, i in plan.numbered() if i.command == MavCmd.NAV_WAYPOINT), 0))
    raise PlanningError(
        Message(
            "one battery of {name} does not carry it to item {first} and back home",
            name=airframe.name,
            first=first,
        ),
        remedy="move home closer, or fly with a larger battery",
    )


def _may_end(plan: FlightPlan, number: int) -> bool:
    """Not at the take-off, the landing, or between two waypoints at the same place."""
    item = plan.items[number - 1]
    if item.command != MavCmd.NAV_WAYPOINT or item.position is None:
        return False
    following = next((i for n, i in plan.numbered() if n > number and i.is_nav), None)
    if following is None or following.position is None:
        return False
    return distance_m(item.position, following.position) > _SAME_PLACE_M


def cut_after(plan: FlightPlan, number: int) -> FlightPlan | None:
    """A plan that ends behind one of its waypoints: camera off, home inside the fence, and landing.

    Returns:
        None where no way home inside the fence is known.
    """
    end = plan.items[number - 1]
    assert end.position is not None  # noqa: S101 - `_may_end` and the state's `until` see to it
    way = way_inside(plan, plan.home, end.position)
    if way is None and plan.fence is not None and not plan.fence.is_empty:
        return None
    altitude = next((leg.end_altitude for leg in legs(plan) if leg.number == number), end.altitude)
    home: Sequence[LatLon] = [*reversed(way or []), *([plan.home] if plan.rally else [])]
    back = [
        PlanItem(command=MavCmd.NAV_WAYPOINT, position=place, altitude=altitude, role=ItemRole.TRANSIT)
        for place in home
    ]
    items = (*plan.items[:number], *_closing(plan, number), *back)
    return replace(
        plan,
        items=(*items, PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH, role=ItemRole.RETURN)),
        notes=(*plan.notes, f"one battery does not carry all of {plan.name!r}: ends behind item {number}"),
        estimate=None,
    )


def _closing(plan: FlightPlan, number: int) -> list[PlanItem]:
    """The commands that end the series of photographs behind an item; made up where the plan has none."""
    closing: list[PlanItem] = []
    for item in plan.items[number:]:
        if item.command != MavCmd.DO_SET_CAM_TRIGG_DIST or item.params[0] != 0.0:
            break
        closing.append(item)
    if closing:
        return closing
    triggers = [i for i in plan.items[:number] if i.command == MavCmd.DO_SET_CAM_TRIGG_DIST]
    if triggers and triggers[-1].params[0] > 0.0:
        return [PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST, role=ItemRole.ACTION)]
    return []


def _estimated(plan: FlightPlan, cut: FlightPlan, needed: Forecast, usable_wh: float) -> FlightPlan:
    if plan.estimate is None:
        return cut
    whole_s = max(plan.estimate.duration_s, 1.0)
    share = needed.energy_wh / usable_wh
    estimate = replace(
        plan.estimate,
        length_m=sum(distance_m(one.start, one.end) for one in legs(cut)),
        duration_s=needed.duration_s,
        photos=round(plan.estimate.photos * min(needed.duration_s / whole_s, 1.0)),
        battery_share=share,
        batteries=max(1, math.ceil(share - 1e-9)),
    )
    return replace(cut, estimate=estimate)
