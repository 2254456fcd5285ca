"""How ArduCopter flies waypoints: S-curve legs from stop to stop, of which the next begins before a corner.

The next leg begins as soon as the corner stays within WPNAV_RADIUS of the waypoint, under the legs' speed
and under the cornering acceleration; both legs' motions then add up. The embedded vehicle flies by these
rules, and the time model counts by them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from airbeat.errors import PlanningError
from airbeat.language.words import Message
from airbeat.vehicle.airframe import Airframe
from airbeat.vehicle.power import fastest_air_speed_m_s, flight_power_w
from airbeat.vehicle.speed_profile import Limits, SpeedProfile

__all__ = [
    "FlightPart",
    "FlightStop",
    "NavLimits",
    "Vector",
    "corner_points",
    "flight_parts",
    "flight_time_s",
    "may_turn",
    "return_part",
    "snap_m_s4",
]

Vector = tuple[float, float, float]
"""East, north, up [m]."""
_JERK_M_S3 = 1.0
"""WPNAV_JERK."""
_ATTITUDE_S = 0.15
"""ATC_INPUT_TC; half of what it allows is used, as the attitude controller must follow."""
_RADIUS_M = 2.0
"""WPNAV_RADIUS."""
_VERTICAL_ACCELERATION_M_S2 = 1.0
"""WPNAV_ACCEL_Z."""
_RETURN_SPEED_M_S = 10.0
"""RTL_SPEED 0: WPNAV_SPEED, whatever the mission's speed was."""
_RETURN_HEIGHT_M = 15.0
"""RTL_ALT."""
_RETURN_LEAST_M = 2.0
"""RTL_ALT_MIN, below which no cone leads."""
_RETURN_CONE_SLOPE = 3.0
"""RTL_CONE_SLOPE: so many metres up for each metre away."""
_LEAST_WAY_M_S = 0.5
"""A leg against the wind that is flown slower than this is not flown."""
_RETURN_WAIT_S = 7.7
"""RTL_LOIT_TIME 5 s, coming to rest before it and beginning to descend: measured on ArduCopter 4.7, 7.6 to
8.2 s in four flights."""
_TAKE_OFF_EARLY_S = 0.1
"""A take-off counts as done that much before the climb has come to rest."""
_SCAN_S = 0.02
_CORNER_STEPS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class NavLimits:
    """Limits of waypoint flight, from the WPNAV_ parameters, in SI units."""

    speed_m_s: float
    climb_m_s: float
    descent_m_s: float
    acceleration_m_s2: float
    acceleration_z_m_s2: float
    corner_acceleration_m_s2: float
    jerk_m_s3: float
    snap_m_s4: float
    radius_m: float

    def along(self, unit: Vector) -> Limits:
        """The limits along a direction: the tighter of the horizontal and the vertical ones."""
        horizontal = math.hypot(unit[0], unit[1])
        vertical = abs(unit[2])
        speed = acceleration = math.inf
        if horizontal > 1e-9:
            speed = self.speed_m_s / horizontal
            acceleration = self.acceleration_m_s2 / horizontal
        if vertical > 1e-9:
            rate = self.climb_m_s if unit[2] > 0 else self.descent_m_s
            speed = min(speed, rate / vertical)
            acceleration = min(acceleration, self.acceleration_z_m_s2 / vertical)
        return Limits(
            speed_m_s=speed,
            acceleration_m_s2=acceleration,
            jerk_m_s3=self.jerk_m_s3,
            snap_m_s4=self.snap_m_s4,
        )

    @classmethod
    def of(cls, airframe: Airframe, speed_m_s: float) -> NavLimits:
        """Those of an airframe, with ArduCopter's defaults for what an airframe does not say."""
        return cls(
            speed_m_s=min(speed_m_s, airframe.max_speed_m_s),
            climb_m_s=airframe.climb_m_s,
            descent_m_s=airframe.descent_m_s,
            acceleration_m_s2=airframe.acceleration_m_s2,
            acceleration_z_m_s2=_VERTICAL_ACCELERATION_M_S2,
            corner_acceleration_m_s2=airframe.corner_acceleration_m_s2,
            jerk_m_s3=_JERK_M_S3,
            snap_m_s4=snap_m_s4(_JERK_M_S3),
            radius_m=_RADIUS_M,
        )


def snap_m_s4(jerk_m_s3: float) -> float:
    """How fast the jerk may rise: within the attitude controller's time constant [m/s⁴]."""
    return jerk_m_s3 * math.pi / (2.0 * _ATTITUDE_S) * 0.5


_Leg = tuple[Vector, SpeedProfile]
"""Direction and profile."""


def _add(at: Vector, unit: Vector, length: float) -> Vector:
    return (at[0] + unit[0] * length, at[1] + unit[1] * length, at[2] + unit[2] * length)


def may_turn(leg: _Leg, following: _Leg, left_s: float, limits: NavLimits) -> bool:
    """Whether the next leg can begin ``left_s`` before the end of a leg.

    Args:
        leg: direction and profile of the present leg.
        following: those of the next one.
        left_s: time left on the present leg [s].
        limits: WPNAV_RADIUS and the cornering acceleration are used.
    """
    (unit, profile), (next_unit, next_profile) = leg, following
    if left_s > profile.ramp_s + next_profile.ramp_s or left_s >= next_profile.duration_s / 2:
        return False
    if profile.state(profile.duration_s - left_s)[0] < profile.length_m / 2:
        return False
    s1, v1, a1 = profile.state(profile.duration_s - left_s / 2.0)
    s2, v2, a2 = next_profile.state(left_s / 2.0)
    zero = (0.0, 0.0, 0.0)
    corner = _add(_add(zero, unit, s1 - profile.length_m), next_unit, s2)
    velocity = _add(_add(zero, unit, v1), next_unit, v2)
    acceleration = _add(_add(zero, unit, a1), next_unit, a2)
    slower = min(profile.limits.speed_m_s, next_profile.limits.speed_m_s)
    return (
        math.hypot(*corner) < limits.radius_m
        and math.hypot(velocity[0], velocity[1]) < slower
        and math.hypot(acceleration[0], acceleration[1]) < limits.corner_acceleration_m_s2
    )


def _overlap_s(leg: _Leg, following: _Leg, limits: NavLimits) -> float:
    """How long before the end of a leg the next one begins."""
    most_s = min(leg[1].ramp_s + following[1].ramp_s, following[1].duration_s / 2, leg[1].duration_s / 2)
    for step in range(int(most_s / _SCAN_S), 0, -1):
        if may_turn(leg, following, step * _SCAN_S, limits):
            return step * _SCAN_S
    return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightStop:
    """A waypoint as the time model sees it.

    Attributes:
        place: local east, north, height above home [m].
        hold_s: time spent there [s]; above 0 the vehicle comes to a stop first.
        passes: whether a vehicle that does not hold here goes round the corner without stopping.
        speed_m_s: speed of the leg to it [m/s]; None for the flight's.
    """

    place: Vector
    hold_s: float = 0.0
    passes: bool = True
    speed_m_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightPart:
    """One part of a flight: how long it takes [s] and what it draws from the battery [Wh]."""

    duration_s: float
    energy_wh: float


def _leg(origin: Vector, destination: Vector, limits: NavLimits) -> _Leg:
    length = math.dist(origin, destination)
    if length < 1e-6:
        return (0.0, 0.0, 0.0), SpeedProfile(0.0, limits.along((1.0, 0.0, 0.0)))
    unit = (
        (destination[0] - origin[0]) / length,
        (destination[1] - origin[1]) / length,
        (destination[2] - origin[2]) / length,
    )
    return unit, SpeedProfile(length, limits.along(unit))


def _return_height_m(last: Vector, place: Vector) -> float:
    """RTL_ALT or the place's own height, but not below the present one, and lower close to the place."""
    cone_m = max(math.dist(last[:2], place[:2]) * _RETURN_CONE_SLOPE, _RETURN_LEAST_M)
    return max(last[2], min(max(_RETURN_HEIGHT_M, place[2]), cone_m))


class _Air:
    """What moving air makes of a leg: the ground speed that is left, and the power that it takes."""

    def __init__(self, airframe: Airframe, wind_to_m_s: tuple[float, float]) -> None:
        self._airframe = airframe
        self._wind = wind_to_m_s
        self._fastest_m_s = fastest_air_speed_m_s(airframe)

    def limits(self, origin: Vector, destination: Vector, speed_m_s: float) -> NavLimits:
        """Limits of a leg whose ground speed a head or cross wind may not allow.

        Raises:
            PlanningError: the wind is too strong to fly there.
        """
        east, north = destination[0] - origin[0], destination[1] - origin[1]
        length = math.hypot(east, north)
        if length > 1e-6 and self._wind != (0.0, 0.0):
            along = (self._wind[0] * east + self._wind[1] * north) / length
            across = (self._wind[0] * north - self._wind[1] * east) / length
            left = math.sqrt(max(self._fastest_m_s**2 - across**2, 0.0)) + along
            if left < _LEAST_WAY_M_S:
                raise PlanningError(
                    Message(
                        "a wind of {hypot:.0f} m/s is too strong for {airframe}",
                        hypot=math.hypot(*self._wind),
                        airframe=self._airframe.name,
                    ),
                    remedy="wait for less wind",
                )
            speed_m_s = min(speed_m_s, left)
        return NavLimits.of(self._airframe, speed_m_s)

    def part(self, way: Vector, duration_s: float) -> FlightPart:
        """A part of the flight that takes the vehicle so far [m] in so long [s]."""
        if duration_s <= 0.0:
            return FlightPart(duration_s=0.0, energy_wh=0.0)
        air_m_s = math.hypot(way[0] / duration_s - self._wind[0], way[1] / duration_s - self._wind[1])
        power_w = flight_power_w(self._airframe, air_speed_m_s=air_m_s, climb_m_s=way[2] / duration_s)
        return FlightPart(duration_s=duration_s, energy_wh=power_w * duration_s / 3600.0)


def flight_parts(
    airframe: Airframe,
    stops: Sequence[FlightStop],
    *,
    speed_m_s: float,
    take_off_height_m: float | None = None,
    return_to: Vector | None = (0.0, 0.0, 0.0),
    wind_to_m_s: tuple[float, float] = (0.0, 0.0),
) -> tuple[FlightPart, ...]:
    """A flight straight up from home (0, 0), over waypoints, back to home, and down, as ArduCopter flies it.

    Flat ground, no yaw turns that hold the vehicle up, ArduCopter's default parameters where the airframe
    says nothing.

    Args:
        airframe: vehicle model.
        stops: the waypoints in order, without home.
        speed_m_s: speed of the legs that have none of their own; the return is flown at ArduCopter's own.
        take_off_height_m: height of the climb above home [m]; the first waypoint's where it is None.
        return_to: where the return (RTL) leads and how high it is flown at least: home, or a rally point;
            None for a landing at the last waypoint.
        wind_to_m_s: velocity of the air, east and north [m/s].

    Returns:
        The take-off, each waypoint (the leg to it and the hold), and the return with the landing.

    Raises:
        PlanningError: the wind is too strong to fly a leg.
    """
    if not stops:
        return ()
    air = _Air(airframe, wind_to_m_s)
    limits = NavLimits.of(airframe, speed_m_s)
    height_m = stops[0].place[2] if take_off_height_m is None else take_off_height_m
    climb_s = height_m / limits.climb_m_s + limits.climb_m_s / limits.acceleration_z_m_s2 - _TAKE_OFF_EARLY_S
    places = [(0.0, 0.0, height_m), *(s.place for s in stops)]
    rules = [
        air.limits(a, b, stop.speed_m_s or speed_m_s)
        for (a, b), stop in zip(pairwise(places), stops, strict=True)
    ]
    legs = [_leg(a, b, rule) for (a, b), rule in zip(pairwise(places), rules, strict=True)]
    parts = [air.part((0.0, 0.0, height_m), climb_s)]
    known: dict[tuple[Vector, Vector, Vector, NavLimits], float] = {}  # legs that a mission flies again
    for n, (stop, leg) in enumerate(zip(stops, legs, strict=True)):
        duration_s = leg[1].duration_s
        following = legs[n + 1] if n + 1 < len(legs) else None
        passes = stop.passes and stop.hold_s == 0.0 and following is not None
        if passes and following and min(leg[1].length_m, following[1].length_m) > 0.0:
            corner = (places[n], places[n + 1], places[n + 2], rules[n])
            if corner not in known:
                known[corner] = _overlap_s(leg, following, rules[n])
            duration_s -= known[corner]
        a, b = places[n], places[n + 1]
        moved = air.part((b[0] - a[0], b[1] - a[1], b[2] - a[2]), duration_s)
        held = air.part((0.0, 0.0, 0.0), stop.hold_s)
        parts.append(
            FlightPart(
                duration_s=moved.duration_s + held.duration_s, energy_wh=moved.energy_wh + held.energy_wh
            )
        )
    return (*parts, _way_down(air, airframe, stops[-1].place, return_to))


def _way_down(air: _Air, airframe: Airframe, last: Vector, place: Vector | None) -> FlightPart:
    """From the last waypoint to the ground."""
    if place is None:
        return air.part((0.0, 0.0, -last[2]), airframe.landing_time_s(last[2]))
    height_m = _return_height_m(last, place)
    above, over_place = (last[0], last[1], height_m), (place[0], place[1], height_m)
    rise = _leg(last, above, NavLimits.of(airframe, _RETURN_SPEED_M_S))[1].duration_s
    home = _leg(above, over_place, air.limits(above, over_place, _RETURN_SPEED_M_S))[1].duration_s
    parts = [
        air.part((0.0, 0.0, height_m - last[2]), rise),
        air.part((place[0] - last[0], place[1] - last[1], 0.0), home),
        air.part((0.0, 0.0, 0.0), _RETURN_WAIT_S),
        air.part((0.0, 0.0, -height_m), airframe.landing_time_s(height_m)),
    ]
    return FlightPart(duration_s=sum(p.duration_s for p in parts), energy_wh=sum(p.energy_wh for p in parts))


def return_part(
    airframe: Airframe,
    last: Vector,
    *,
    return_to: Vector | None = (0.0, 0.0, 0.0),
    wind_to_m_s: tuple[float, float] = (0.0, 0.0),
) -> FlightPart:
    """The return (RTL) from a place to another and the landing there; None lands where it is.

    Raises:
        PlanningError: the wind is too strong to fly it.
    """
    return _way_down(_Air(airframe, wind_to_m_s), airframe, last, return_to)


def corner_points(
    before: Vector, at: Vector, after: Vector, *, arriving: NavLimits, leaving: NavLimits
) -> list[Vector]:
    """The way round a corner that is not stopped at: from where it leaves one leg to where it joins the next.

    While the legs overlap their motions add up, so that the way lies inside the corner, less than
    WPNAV_RADIUS from it. ``[at]`` where the vehicle comes to a stop there.

    Args:
        before: the waypoint before [m].
        at: the corner [m].
        after: the waypoint behind it [m].
        arriving: limits of the leg to the corner.
        leaving: limits of the leg from it.
    """
    first, second = _leg(before, at, arriving), _leg(at, after, leaving)
    if min(first[1].length_m, second[1].length_m) <= 0.0:
        return [at]
    overlap_s = _overlap_s(first, second, arriving)
    if overlap_s <= 0.0:
        return [at]
    begin_s = first[1].duration_s - overlap_s
    points = []
    for k in range(_CORNER_STEPS + 1):
        now_s = overlap_s * k / _CORNER_STEPS
        left_m = first[1].state(begin_s + now_s)[0] - first[1].length_m
        points.append(_add(_add(at, first[0], left_m), second[0], second[1].state(now_s)[0]))
    return points


def flight_time_s(airframe: Airframe, stops: Sequence[FlightStop], *, speed_m_s: float) -> float:
    """Time in the air, without wind: the sum of ``flight_parts`` [s]."""
    return sum(p.duration_s for p in flight_parts(airframe, stops, speed_m_s=speed_m_s))
