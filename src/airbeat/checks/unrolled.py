"""A plan as one flight: jumps flown as often as they say, circles as what they take, heights above home."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.commands import MavCmd
from airbeat.mission.legs import height_above_home_m
from airbeat.mission.plan import FlightPlan, ItemRole, PlanItem
from airbeat.vehicle.airframe import AIRFRAMES, Airframe
from airbeat.vehicle.waypoint_flight import FlightPart, FlightStop, Vector, flight_parts

__all__ = ["CRUISE_M_S", "Flight", "Stop", "fly"]

CRUISE_M_S = 8.0
"""Assumed where neither the plan nor its items state a speed [m/s]."""
_MOST_STEPS = 5_000
"""Items flown, repeats included; a plan that needs more does not end in any battery's time."""
_ENDS = frozenset({MavCmd.NAV_RETURN_TO_LAUNCH, MavCmd.NAV_LAND})
_TAKEOFFS = frozenset({MavCmd.NAV_TAKEOFF, 84})
_HOLDS = frozenset({MavCmd.NAV_WAYPOINT, MavCmd.NAV_LOITER_TIME, MavCmd.NAV_DELAY})
_STOPS = frozenset(
    {MavCmd.NAV_LOITER_TIME, MavCmd.NAV_DELAY, MavCmd.NAV_LOITER_UNLIM, MavCmd.NAV_LOITER_TURNS}
)
_CIRCLE_M = 10.0
"""CIRCLE_RADIUS, ArduCopter's default where an item states none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One waypoint of the flight.

    Attributes:
        number: its item.
        position: where.
        place: local east, north, height above home [m].
        hold_s: time spent there [s].
        passes: whether the vehicle goes round the corner without stopping.
        speed_m_s: speed of the leg to it [m/s].
        acceptance_m: acceptance radius that the item states [m], 0 where it states none.
        above_m: height above ground that the vehicle keeps by itself (datum AGL) [m], or None.
    """

    number: int
    position: LatLon
    place: Vector
    hold_s: float
    passes: bool
    speed_m_s: float
    acceptance_m: float = 0.0
    above_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """A plan as one flight.

    Attributes:
        plan: what is flown.
        frame: the local frame, its origin at home.
        airframe: the plan's, or the built-in quadcopter.
        base_m: height of the ground at home by the plan's height model [m], 0 without one.
        climb_m: height of the take-off above home [m].
        stops: the waypoints in the order flown; of a flight without end the first rounds.
        ends: the item that returns or lands, 0 where none does.
        lands_there: whether it lands at the last waypoint instead of returning.
        is_whole: whether the flight was followed to its end.
    """

    plan: FlightPlan
    frame: LocalFrame
    airframe: Airframe
    base_m: float
    climb_m: float
    stops: tuple[Stop, ...]
    ends: int
    lands_there: bool
    is_whole: bool

    def parts(self, wind_to_m_s: tuple[float, float] = (0.0, 0.0)) -> tuple[FlightPart, ...]:
        """Time and energy of the take-off, of each stop, and of the return with the landing.

        Raises:
            PlanningError: the wind is too strong to fly a leg.
        """
        stops = [
            FlightStop(place=s.place, hold_s=s.hold_s, passes=s.passes, speed_m_s=s.speed_m_s)
            for s in self.stops
        ]
        return flight_parts(
            self.airframe,
            stops,
            speed_m_s=self.plan.speed_m_s or CRUISE_M_S,
            take_off_height_m=self.climb_m,
            return_to=None if self.lands_there else (0.0, 0.0, 0.0),
            wind_to_m_s=wind_to_m_s,
        )


def fly(plan: FlightPlan) -> Flight:
    """The flight of a plan, whoever drew it; waiting without end is passed over.

    Heights above terrain are those of the plan's height model, and of flat ground at home's height without
    one; so are heights above sea level where home's height is not known.
    """
    frame = LocalFrame(plan.home)
    base_m = _ground_m(plan, plan.home)
    places: dict[LatLon, tuple[float, float]] = {}
    positions = list(dict.fromkeys(i.position for i in plan.items if i.position is not None))
    for position, (x, y) in zip(positions, frame.to_xy(positions), strict=True):
        places[position] = (float(x), float(y))
    at, here, climb_m = (0.0, 0.0, 0.0), plan.home, 0.0
    speed_m_s = plan.speed_m_s or CRUISE_M_S
    stops: list[Stop] = []
    ends, lands, whole = 0, False, False
    airborne = False
    for number, item in _steps(plan):
        if number == 0:
            whole = True
            break
        if item.command == MavCmd.DO_CHANGE_SPEED and item.params[0] in (0.0, 1.0) and item.params[1] > 0:
            speed_m_s = item.params[1]
        if not item.is_nav:
            continue
        here = item.position or here
        x, y = places.get(here, at[:2])
        height_m = _height_m(item, plan, at[2], base_m)
        if item.command == MavCmd.NAV_RETURN_TO_LAUNCH:
            ends, whole = number, True
            break
        if item.command in _TAKEOFFS and not airborne:
            airborne, climb_m, at = True, height_m, (0.0, 0.0, height_m)
            here = plan.home
            continue
        if not airborne:
            airborne, climb_m = True, height_m
        if item.command == MavCmd.NAV_LAND:
            height_m = at[2]
        at = (x, y, height_m)
        stops.append(_stop(number, item, here, at, speed_m_s))
        if item.command == MavCmd.NAV_LAND:
            ends, lands, whole = number, True, True
            break
    if not whole:
        stops = stops[: 2 * len(plan.items)]
    return Flight(
        plan=plan,
        frame=frame,
        airframe=plan.airframe or AIRFRAMES["arducopter-quad"],
        base_m=base_m,
        climb_m=climb_m,
        stops=tuple(stops),
        ends=ends,
        lands_there=lands,
        is_whole=whole,
    )


def _stop(number: int, item: PlanItem, here: LatLon, at: Vector, speed_m_s: float) -> Stop:
    hold_s = max(item.params[0], 0.0) if item.command in _HOLDS and math.isfinite(item.params[0]) else 0.0
    if item.command == MavCmd.NAV_LOITER_TURNS:
        radius_m = abs(item.params[2]) or _CIRCLE_M
        hold_s = 2 * math.pi * radius_m * max(item.params[0], 1.0) / speed_m_s
    follows = item.altitude is not None and item.altitude.datum is AltitudeDatum.AGL
    states_radius = item.command == MavCmd.NAV_WAYPOINT and math.isfinite(item.params[1])
    return Stop(
        number=number,
        position=here,
        place=at,
        hold_s=hold_s,
        passes=item.command not in _STOPS and item.command != MavCmd.NAV_LAND,
        speed_m_s=speed_m_s,
        acceptance_m=max(item.params[1], 0.0) if states_radius else 0.0,
        above_m=item.altitude.value_m if follows and item.altitude is not None else None,
    )


def _steps(plan: FlightPlan) -> Iterator[tuple[int, PlanItem]]:
    """Items in the order flown; (0, …) at the end of the mission, nothing where it does not end."""
    tags = {i.params[0]: n for n, i in plan.numbered() if i.command == MavCmd.JUMP_TAG}
    left: dict[int, float] = {}
    at = 1
    for _ in range(_MOST_STEPS):
        if at > len(plan.items):
            yield 0, PlanItem(command=int(MavCmd.NAV_RETURN_TO_LAUNCH), role=ItemRole.RETURN)
            return
        item = plan.items[at - 1]
        yield at, item
        target: float | None = None
        if item.command == MavCmd.DO_JUMP:
            target = item.params[0]
        elif item.command == MavCmd.DO_JUMP_TAG:
            target = tags.get(item.params[0])
        repeats = left.setdefault(at, item.params[1]) if target is not None else 0.0
        if target is not None and repeats != 0 and 1 <= target <= len(plan.items):
            left[at] = repeats - 1
            at = int(target)
        else:
            at += 1


def _ground_m(plan: FlightPlan, position: LatLon) -> float:
    if plan.terrain is None:
        return 0.0
    height_m = float(plan.terrain.heights_m(position.lon_deg, position.lat_deg)[0])
    return 0.0 if math.isnan(height_m) else height_m


def _height_m(item: PlanItem, plan: FlightPlan, keeps_m: float, base_m: float) -> float:
    altitude: Altitude | None = item.altitude
    if altitude is None or altitude.value_m == 0.0:
        return keeps_m
    if altitude.datum is AltitudeDatum.AGL and plan.terrain is not None and item.position is not None:
        return altitude.value_m + _ground_m(plan, item.position) - base_m
    known = height_above_home_m(altitude, home_amsl_m=plan.home_amsl_m)
    return altitude.value_m if known is None else known
