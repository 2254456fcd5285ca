"""What a drone flies after its look at an incident: the rest of its mission if it can, else the way home."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from airbeat.checks.coverage import outside_fence_m
from airbeat.errors import PlanningError, UsageError
from airbeat.flight.order import Order
from airbeat.flight.resume import resume_plan, resume_point
from airbeat.flight.state import FlightState, ResumePoint, StateKeeper
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.link.telemetry import Telemetry
from airbeat.mission.beat import BeatDrone
from airbeat.mission.commands import MavCmd
from airbeat.mission.forecast import forecast
from airbeat.mission.plan import FlightPlan, ItemRole
from airbeat.planning.items import return_item, waypoint

__all__ = ["BATTERY_UNKNOWN", "Onward", "onward"]

BATTERY_UNKNOWN = Message("it does not say how full its battery is")


@dataclass(frozen=True, slots=True, kw_only=True)
class Onward:
    """What is flown after the look.

    Attributes:
        plan: the rest of the mission, or the way home.
        why_home: why it goes home; empty where it goes on.
        rest: the rest of the mission, where there is one that can be flown, now or later.
        point: where that takes the mission up.
        hovers: where the drone is.
    """

    plan: FlightPlan
    why_home: str = ""
    rest: FlightPlan | None = None
    point: ResumePoint | None = None
    hovers: LatLon

    def keeper(self, path: Path, plan: FlightPlan, state: FlightState) -> StateKeeper:
        """Keeps the state of the interrupted mission, so that it can be gone on with later."""
        return StateKeeper(
            path,
            plan,
            flown=self.rest or plan,
            earlier=state,
            resumed_at=self.point,
            resumed_from=self.hovers,
            sortie=state.sortie + 1,
        )


def onward(
    now: Telemetry, order: Order, plan: FlightPlan | None, state: FlightState | None, *, hovers: LatLon
) -> Onward:
    """The rest of the mission if there is one that is clear and the battery carries it, else the way home.

    Raises:
        PlanningError: there is no way home either.
    """
    if plan is None or state is None:
        home = _home_plan(order, hovers)
        return Onward(plan=home, why_home="it flew no mission to go on with", hovers=hovers)
    try:
        point = resume_point(plan, state)
        rest = resume_plan(plan, state, start=hovers, exact=True, margin_m=order.margin_m)
    except (UsageError, PlanningError) as error:
        return Onward(plan=_home_plan(order, hovers), why_home=error.message, hovers=hovers)
    why: str = ""
    if not _way_back_is_clear(order, plan, rest, point, hovers):
        why = Message("the way back to its beat would leave the fence or enter a keep-out")
    elif (share := now.battery_share_lately) is None:
        why = BATTERY_UNKNOWN
    elif (short_wh := _short_wh(rest, order.drone, share)) > 0:
        why = Message("the battery lacks {short_wh:.0f} Wh for the rest of its mission", short_wh=short_wh)
    flown = _home_plan(order, hovers) if why else rest
    return Onward(plan=flown, why_home=why, rest=rest, point=point, hovers=hovers)


def _way_back_is_clear(
    order: Order, plan: FlightPlan, rest: FlightPlan, point: ResumePoint | None, hovers: LatLon
) -> bool:
    """Whether the legs to the interrupted leg keep to the fences of the beat and of the mission.

    A mission without a flown leg is begun anew: then the leg to its first place.
    """
    places = [(n, i.position) for n, i in rest.waypoints() if i.command != MavCmd.NAV_TAKEOFF]
    added = len(rest.items) - (len(plan.items) - point.item + 1) if point else places[0][0] if places else 0
    track = (hovers, *(place for n, place in places if place is not None and n <= added))
    return order.is_clear(track) and (plan.fence is None or outside_fence_m(track, plan.fence) == 0.0)


def _home_plan(order: Order, start: LatLon) -> FlightPlan:
    """From where it looked, and hovers now, back to its pad."""
    height_m = order.drone.altitude.value_m
    plan = order.plan(start)
    back = [waypoint(place, height_m, ItemRole.TRANSIT) for place in order.way_home(start)]
    items = (*plan.items[:2], *back, return_item())
    return replace(plan, name=f"{order.drone.name} home", items=items)


def _short_wh(rest: FlightPlan, drone: BeatDrone, battery_share: float) -> float:
    """Energy that the rest of a mission needs and the battery lacks above its reserve [Wh]."""
    known = forecast(rest)
    if known is None:
        return 0.0
    airframe = drone.airframe
    return known.energy_wh - (battery_share - airframe.reserve_share) * airframe.battery_wh
