"""What a plan takes to fly, item by item, by the vehicle model of ``vehicle.waypoint_flight``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from airbeat.geo.coordinates import AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.mission.commands import MavCmd
from airbeat.mission.legs import height_above_home_m
from airbeat.mission.plan import FlightPlan, PlanItem, RallyPoint
from airbeat.vehicle.airframe import AIRFRAMES
from airbeat.vehicle.waypoint_flight import FlightPart, FlightStop, Vector, flight_parts

__all__ = ["Forecast", "forecast", "return_point"]

_CRUISE_M_S = 8.0
"""Assumed where neither the plan nor its items state a speed."""
_HOLDS = frozenset({MavCmd.NAV_WAYPOINT, MavCmd.NAV_LOITER_TIME, MavCmd.NAV_DELAY})
"""Commands whose param1 is a waiting time in seconds."""
_STOPS_ALWAYS = frozenset({MavCmd.NAV_LOITER_TIME, MavCmd.NAV_DELAY})
_ENDS = frozenset({MavCmd.NAV_RETURN_TO_LAUNCH, MavCmd.NAV_LAND})
_KNOWN = frozenset({MavCmd.NAV_TAKEOFF, MavCmd.NAV_SPLINE_WAYPOINT, *_HOLDS, *_ENDS})
_RALLY_LIMIT_M = 300.0
"""RALLY_LIMIT_KM of ArduCopter: rally points farther away are ignored."""
_JUMPS = frozenset({MavCmd.DO_JUMP, MavCmd.DO_JUMP_TAG})


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What flying a plan takes.

    Attributes:
        items: time and energy of each NAV item, by its number: the leg to it and the hold there; the
            return with the landing.
    """

    items: Mapping[int, FlightPart]

    @property
    def duration_s(self) -> float:
        """From leaving the ground to touching it again [s]."""
        return sum(part.duration_s for part in self.items.values())

    @property
    def energy_wh(self) -> float:
        """Drawn from the battery [Wh]."""
        return sum(part.energy_wh for part in self.items.values())


def forecast(plan: FlightPlan, *, wind_to_m_s: tuple[float, float] = (0.0, 0.0)) -> Forecast | None:
    """Time and energy of a plan's items as ArduCopter flies them; flat ground at home's height.

    Args:
        wind_to_m_s: velocity of the air, east and north [m/s].

    Returns:
        None for a plan that is not one flight from a take-off to a return or a landing, or whose items
        (jumps, circles, waiting without end) do not tell how long they take.

    Raises:
        PlanningError: the wind is too strong to fly a leg.
    """
    numbered = [(n, i) for n, i in plan.numbered() if i.is_nav]
    commands = [i.command for _, i in numbered]
    if len(commands) < 2 or commands[0] != MavCmd.NAV_TAKEOFF or commands[-1] not in _ENDS:
        return None
    again = any(c in (MavCmd.NAV_TAKEOFF, *_ENDS) for c in commands[1:-1])
    if again or not _KNOWN.issuperset(commands) or any(i.command in _JUMPS for i in plan.items):
        return None
    take_off, last = numbered[0], numbered[-1]
    height_m = _height_m(take_off[1], plan, 0.0)
    stops = _stops(plan, height_m)
    lands = last[1].command == MavCmd.NAV_LAND
    if lands and last[1].position is not None:
        stops.append((last[0], _stop(last[1], plan, stops[-1][1].place if stops else (0.0, 0.0, height_m))))
    if not stops:
        return None
    parts = flight_parts(
        plan.airframe or AIRFRAMES["arducopter-quad"],
        [stop for _, stop in stops],
        speed_m_s=plan.speed_m_s or _CRUISE_M_S,
        take_off_height_m=height_m,
        return_to=None if lands else _return_place(plan, stops[-1][1].place),
        wind_to_m_s=wind_to_m_s,
    )
    items: dict[int, FlightPart] = {}
    for number, part in zip([take_off[0], *(n for n, _ in stops), last[0]], parts, strict=True):
        before = items.get(number, FlightPart(duration_s=0.0, energy_wh=0.0))
        items[number] = FlightPart(
            duration_s=before.duration_s + part.duration_s, energy_wh=before.energy_wh + part.energy_wh
        )
    return Forecast(items=items)


def return_point(plan: FlightPlan, position: LatLon) -> RallyPoint | None:
    """The rally point that a return from a position leads to; None for home.

    ArduCopter takes the nearest of home and the rally points that are not farther than RALLY_LIMIT_KM.
    """
    near = min(plan.rally or (), key=lambda p: distance_m(p.position, position), default=None)
    if near is None:
        return None
    away_m = distance_m(near.position, position)
    return near if away_m < min(distance_m(plan.home, position), _RALLY_LIMIT_M) else None


def _return_place(plan: FlightPlan, last: Vector) -> Vector:
    frame = LocalFrame(plan.home)
    rally = return_point(plan, frame.to_latlon([last[:2]])[0])
    if rally is None:
        return (0.0, 0.0, 0.0)
    x, y = frame.to_xy([rally.position])[0]
    height_m = height_above_home_m(rally.altitude, home_amsl_m=plan.home_amsl_m)
    return (float(x), float(y), height_m or 0.0)


def _height_m(item: PlanItem, plan: FlightPlan, keeps_m: float) -> float:
    """Height above home; heights above terrain count as they are, 0 keeps the height."""
    if item.altitude is None or item.altitude.value_m == 0.0:
        return keeps_m
    if item.altitude.datum is AltitudeDatum.AMSL:
        return item.altitude.value_m - (plan.home_amsl_m or 0.0)
    return item.altitude.value_m


def _stop(item: PlanItem, plan: FlightPlan, before: Vector) -> FlightStop:
    x, y = before[:2]
    if item.position is not None:
        x, y = (float(v) for v in LocalFrame(plan.home).to_xy([item.position])[0])
    lands = item.command == MavCmd.NAV_LAND
    return FlightStop(
        place=(x, y, before[2] if lands else _height_m(item, plan, before[2])),
        hold_s=max(item.params[0], 0.0) if item.command in _HOLDS else 0.0,
        passes=item.command not in _STOPS_ALWAYS and not lands,
    )


def _stops(plan: FlightPlan, height_m: float) -> list[tuple[int, FlightStop]]:
    """The waypoints with their numbers, each with the speed in force on the leg to it."""
    stops: list[tuple[int, FlightStop]] = []
    at, speed_m_s = (0.0, 0.0, height_m), None
    for number, item in plan.numbered():
        if item.command == MavCmd.DO_CHANGE_SPEED and item.params[0] in (0.0, 1.0) and item.params[1] > 0:
            speed_m_s = item.params[1]
        elif item.is_nav and item.command not in (MavCmd.NAV_TAKEOFF, *_ENDS):
            stop = replace(_stop(item, plan, at), speed_m_s=speed_m_s)
            stops.append((number, stop))
            at = stop.place
    return stops
