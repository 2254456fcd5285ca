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

from airbeat.vehicle.airframe import Airframe
from airbeat.vehicle.speed_profile import Limits, SpeedProfile

__all__ = ["FlightStop", "NavLimits", "Vector", "flight_time_s", "may_turn", "snap_m_s4"]

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
_RETURN_WAIT_S = 7.7
"""RTL_LOIT_TIME 5 s, coming to rest before it and beginning to descend: measured on ArduCopter 4.7, 7.6 to
8.2 s in four flights."""
_TAKE_OFF_EARLY_S = 0.1
"""A take-off counts as done that much before the climb has come to rest."""
_SCAN_S = 0.02


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
    """

    place: Vector
    hold_s: float = 0.0
    passes: bool = True


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


def flight_time_s(airframe: Airframe, stops: Sequence[FlightStop], *, speed_m_s: float) -> float:
    """Time in the air: straight up from home (0, 0), over waypoints, return to launch and landing [s].

    Flat still air, no yaw turns that hold the vehicle up. The vehicle takes off to the first waypoint's
    height, stops at the last waypoint, returns at its height and lands at home.

    Args:
        airframe: vehicle model.
        stops: the waypoints in order, without home.
        speed_m_s: speed of the legs; the return is flown at ArduCopter's own.
    """
    if not stops:
        return 0.0
    limits = NavLimits.of(airframe, speed_m_s)
    height_m = stops[0].place[2]
    climb_s = height_m / limits.climb_m_s + limits.climb_m_s / limits.acceleration_z_m_s2 - _TAKE_OFF_EARLY_S
    places = [(0.0, 0.0, height_m), *(s.place for s in stops)]
    legs = [_leg(a, b, limits) for a, b in pairwise(places)]
    total = climb_s + sum(profile.duration_s for _, profile in legs) + sum(s.hold_s for s in stops)
    for stop, leg, following in zip(stops, legs, legs[1:], strict=False):
        if stop.passes and stop.hold_s == 0.0 and min(leg[1].length_m, following[1].length_m) > 0.0:
            total -= _overlap_s(leg, following, limits)
    last = stops[-1].place
    home_leg = _leg(last, (0.0, 0.0, last[2]), NavLimits.of(airframe, _RETURN_SPEED_M_S))
    return total + home_leg[1].duration_s + _RETURN_WAIT_S + airframe.landing_time_s(last[2])
