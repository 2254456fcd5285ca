"""Where the vehicle's target is at each step: shaped stops, straight legs, blended corners.

Vectors are (east, north, up) in metres from the vehicle's start. ArduCopter flies waypoints as
stop-to-stop legs and lets the next leg begin before the present one ends, as far as the corner stays
within WPNAV_RADIUS of the waypoint, under the legs' speed and under the cornering acceleration; so does
this module.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from airbeat.vehicle.speed_profile import SpeedProfile
from airbeat.vehicle.waypoint_flight import NavLimits, Vector, may_turn

__all__ = ["AxisShaper", "Leg", "LegNavigator", "Target", "shaped_axis_step"]

ZERO: Vector = (0.0, 0.0, 0.0)


@dataclass(slots=True)
class Target:
    """What the position controller is asked for: position [m], velocity [m/s], acceleration [m/s²]."""

    position: Vector
    velocity: Vector = ZERO
    acceleration: Vector = ZERO


def _approach_speed(error: float, acceleration: float, gain: float) -> float:
    """Speed from which a distance can still be stopped in; proportional to it (gain 1/s) at the end."""
    distance = abs(error)
    linear = acceleration / (gain * gain)
    if distance <= linear:
        return error * gain
    return math.copysign(math.sqrt(2.0 * acceleration * (distance - linear / 2.0)), error)


def shaped_axis_step(
    state: tuple[float, float, float],
    goal: float,
    *,
    speed_up: float,
    speed_down: float,
    acceleration: float,
    jerk: float,
    gain: float,
    dt: float,
) -> tuple[float, float, float]:
    """One step of (position, speed, acceleration) towards a goal at rest, within the limits."""
    p, v, a = state
    wanted_speed = min(max(_approach_speed(goal - p, acceleration * 0.7, gain), -speed_down), speed_up)
    wanted = min(max((wanted_speed - v) * 4.0 * gain, -acceleration), acceleration)
    a += min(max(wanted - a, -jerk * dt), jerk * dt)
    v_new = v + a * dt
    return p + (v + v_new) * dt / 2.0, v_new, a


class AxisShaper:
    """A one-dimensional target that moves to a goal within speed, acceleration and jerk limits."""

    def __init__(self, position: float, speed: float, acceleration: float = 0.0) -> None:
        self.state = (position, speed, acceleration)

    def step(
        self,
        goal: float,
        *,
        speed_up: float,
        speed_down: float,
        acceleration: float,
        jerk: float,
        gain: float,
        dt: float,
    ) -> tuple[float, float, float]:
        """Advance by dt and return (position, speed, acceleration)."""
        self.state = shaped_axis_step(
            self.state,
            goal,
            speed_up=speed_up,
            speed_down=speed_down,
            acceleration=acceleration,
            jerk=jerk,
            gain=gain,
            dt=dt,
        )
        return self.state


class Leg:
    """A straight leg with its speed profile and how far in time it has been flown.

    ``rate`` scales time: it is not 1 only while the speed limit has just been changed on the way, and
    then returns to 1 within the acceleration limit.
    """

    def __init__(self, origin: Vector, destination: Vector, limits: NavLimits) -> None:
        self.origin = origin
        self.destination = destination
        d = (destination[0] - origin[0], destination[1] - origin[1], destination[2] - origin[2])
        length = math.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
        self.unit: Vector = (d[0] / length, d[1] / length, d[2] / length) if length > 1e-9 else ZERO
        self.profile = SpeedProfile(length, limits.along(self.unit))
        self.time_s = 0.0
        self.rate = 1.0
        self.rate_change = 0.0

    @property
    def finished(self) -> bool:
        return self.time_s >= self.profile.duration_s

    @property
    def remaining_s(self) -> float:
        return max(self.profile.duration_s - self.time_s, 0.0)

    def advance(self, dt: float) -> None:
        """Let time pass on this leg."""
        self.time_s += dt * self.rate
        self.rate_change = 0.0
        if self.rate != 1.0:
            speed = max(self.profile.state(self.time_s)[1], 0.5)
            step = self.profile.limits.acceleration_m_s2 * 0.6 / speed * dt
            change = min(max(1.0 - self.rate, -step), step)
            self.rate += change
            self.rate_change = change / dt

    def along(self, time_s: float | None = None) -> tuple[float, float, float]:
        """Distance, speed and acceleration along the leg now, or at another time."""
        if time_s is not None:
            return self.profile.state(time_s)
        s, v, a = self.profile.state(self.time_s)
        return s, v * self.rate, a * self.rate * self.rate + v * self.rate_change

    def change_limits(self, limits: NavLimits) -> None:
        """Go on with other limits from the same place and speed."""
        distance, speed, _ = self.along()
        self.profile = SpeedProfile(self.profile.length_m, limits.along(self.unit))
        if self.time_s <= 0.0:
            return
        self.time_s = self.profile.time_at(distance)
        planned = self.profile.state(self.time_s)[1]
        self.rate = min(max(speed / max(planned, 0.1), 0.1), 4.0)


def _add(base: Vector, unit: Vector, amount: float) -> Vector:
    return (base[0] + unit[0] * amount, base[1] + unit[1] * amount, base[2] + unit[2] * amount)


class LegNavigator:
    """Flies from waypoint to waypoint: legs, blended corners, and a smooth stop where it was interrupted."""

    def __init__(self, limits: NavLimits, start: Target) -> None:
        self.limits = limits
        stop = _stopping_point(start, limits)
        self._residual = [
            AxisShaper(start.position[i] - stop[i], start.velocity[i], start.acceleration[i])
            for i in range(3)
        ]
        self._residual_done = all(
            abs(axis.state[0]) < 1e-9 and abs(axis.state[1]) < 1e-9 for axis in self._residual
        )
        self.destination = stop
        self.paused = False
        self._rate = 1.0
        self._previous: Leg | None = None
        self._leg: Leg | None = None
        self._next: Leg | None = None
        self.reached = True

    @property
    def leg_length_m(self) -> float:
        """Length of the present leg [m]."""
        return self._leg.profile.length_m if self._leg else 0.0

    def set_destination(self, destination: Vector, following: Vector | None = None) -> None:
        """Fly to a place next; with ``following``, round the corner towards that place without stopping."""
        origin = self.destination
        self._previous = self._leg
        if self._next is not None and self._next.destination == destination and self._next.time_s > 0.0:
            self._leg = self._next
        else:
            self._leg = Leg(origin, destination, self.limits)
        self.destination = destination
        self._next = Leg(destination, following, self.limits) if following is not None else None
        self.reached = False

    def change_limits(self, limits: NavLimits) -> None:
        """New speeds, from now on."""
        self.limits = limits
        if self._leg is not None and not self._leg.finished:
            self._leg.change_limits(limits)
        if self._next is not None:
            self._next.change_limits(limits)

    def advance(self, dt: float, pace: float, position: Vector) -> Target:
        """The target after dt.

        Args:
            pace: 0…1; below 1 the target waits for a vehicle that cannot keep up (a head wind).
            position: where the vehicle is; a stop counts as reached within the radius of the waypoint.
        """
        rate_change = self._pause_rate(dt)
        step = dt * pace * self._rate
        p, v, a = self.destination, ZERO, ZERO
        for leg in (self._previous, self._leg):
            if leg is not None:
                leg.advance(step)
                distance, speed, acceleration = leg.along()
                p = _add(p, leg.unit, distance - leg.profile.length_m)
                v, a = _add(v, leg.unit, speed), _add(a, leg.unit, acceleration)
        if self._previous is not None and self._previous.finished:
            self._previous = None
        finished = self._leg is None or self._leg.finished
        if self._leg is not None and self._next is not None and self._turning(self._leg, self._next):
            self._next.advance(step)
            distance, speed, acceleration = self._next.along()
            p = _add(p, self._next.unit, distance)
            v, a = _add(v, self._next.unit, speed), _add(a, self._next.unit, acceleration)
            finished = finished or self._next.time_s >= self._leg.remaining_s
        if not self.reached and finished:
            self.reached = self._next is not None or math.dist(position, self.destination) <= max(
                self.limits.radius_m, 0.05
            )
        if self._rate != 1.0:
            rate = self._rate
            a = _add((a[0] * rate * rate, a[1] * rate * rate, a[2] * rate * rate), v, rate_change)
            v = (v[0] * rate, v[1] * rate, v[2] * rate)
        return self._with_residual(Target(p, v, a), dt)

    def _pause_rate(self, dt: float) -> float:
        """Slow time down to a stand while paused, and up again, within the acceleration limit [1/s]."""
        wanted = 0.0 if self.paused else 1.0
        if self._rate == wanted:
            return 0.0
        step = self.limits.acceleration_m_s2 / self.limits.speed_m_s * dt
        before = self._rate
        self._rate += min(max(wanted - before, -step), step)
        return (self._rate - before) / dt

    def _turning(self, leg: Leg, following: Leg) -> bool:
        if following.profile.length_m <= 1e-6:
            return False
        return following.time_s > 0.0 or may_turn(
            (leg.unit, leg.profile), (following.unit, following.profile), leg.remaining_s, self.limits
        )

    def _with_residual(self, target: Target, dt: float) -> Target:
        if self._residual_done:
            return target
        limits = self.limits
        parts = []
        for i, axis in enumerate(self._residual):
            acceleration = limits.acceleration_m_s2 if i < 2 else limits.acceleration_z_m_s2
            parts.append(
                axis.step(
                    0.0,
                    speed_up=50.0,
                    speed_down=50.0,
                    acceleration=acceleration * 2.0,
                    jerk=10.0,
                    gain=1.0,
                    dt=dt,
                )
            )
        if all(abs(p) < 0.01 and abs(v) < 0.01 for p, v, _ in parts):
            self._residual_done = True
        p, v, a = target.position, target.velocity, target.acceleration
        return Target(
            (p[0] + parts[0][0], p[1] + parts[1][0], p[2] + parts[2][0]),
            (v[0] + parts[0][1], v[1] + parts[1][1], v[2] + parts[2][1]),
            (a[0] + parts[0][2], a[1] + parts[1][2], a[2] + parts[2][2]),
        )


def _stopping_point(start: Target, limits: NavLimits) -> Vector:
    """Where a target moving like this comes to rest under half again the acceleration limit."""
    speed = math.hypot(start.velocity[0], start.velocity[1])
    distance = speed * speed / (2.0 * limits.acceleration_m_s2) + speed * 0.5
    scale = distance / speed if speed > 1e-6 else 0.0
    vz = start.velocity[2]
    rise = math.copysign(vz * vz / (2.0 * limits.acceleration_z_m_s2) + abs(vz) * 0.3, vz) if vz else 0.0
    return (
        start.position[0] + start.velocity[0] * scale,
        start.position[1] + start.velocity[1] * scale,
        start.position[2] + rise,
    )
