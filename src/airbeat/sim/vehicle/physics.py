"""Point-mass physics of a multicopter: lean to accelerate, drag against the moving air, gusts, battery.

The airframe leans by an angle that gives the wanted horizontal acceleration (a = g·tan θ), reaches it
with a lag, and is pushed by the air it moves through (quadratic drag). Nothing here reads a clock; gusts
are a function of the seed and of the time since the flight began.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from airbeat.sim.vehicle.trajectory import Target
from airbeat.vehicle.airframe import Airframe
from airbeat.vehicle.power import GRAVITY_M_S2, climb_power_w
from airbeat.vehicle.waypoint_flight import Vector

__all__ = ["Battery", "Body", "Harmonics", "PositionController", "Wind", "wrap_180"]

_TILT_LAG_S = 0.2
_CLIMB_LAG_S = 0.10


def wrap_180(angle_deg: float) -> float:
    """The same angle in -180…180 degrees."""
    return (angle_deg + 180.0) % 360.0 - 180.0


class Harmonics:
    """A smooth, zero-mean noise signal: a fixed sum of sines, so it is a pure function of time.

    Frequencies are spread over decades around 1/``correlation_s``, amplitudes fall with frequency as in
    a first-order spectrum, and the standard deviation over time is ``sigma``.
    """

    def __init__(self, rng: random.Random, *, sigma: float, correlation_s: float, terms: int = 7) -> None:
        raw = []
        for i in range(terms):
            ratio = 10.0 ** (-1.0 + 2.0 * (i + rng.uniform(0.2, 0.8)) / terms)
            weight = math.sqrt(ratio / (1.0 + ratio * ratio))
            raw.append((ratio / correlation_s, weight, rng.uniform(0.0, 2.0 * math.pi)))
        total = math.sqrt(sum(w * w for _, w, _ in raw) / 2.0)
        self._terms = tuple((omega, w * sigma / total, phase) for omega, w, phase in raw) if sigma else ()

    def at(self, t: float) -> float:
        """The signal's value at time t [s]."""
        value = 0.0
        for omega, amplitude, phase in self._terms:
            value += amplitude * math.sin(omega * t + phase)
        return value


class Wind:
    """Steady wind plus gusts; gust sigma is 12 % of the wind (15 % of it vertically), as over open ground."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(f"airbeat-gusts-{seed}")
        self._along = Harmonics(rng, sigma=1.0, correlation_s=4.0)
        self._across = Harmonics(rng, sigma=0.8, correlation_s=3.0)
        self._up = Harmonics(rng, sigma=0.15, correlation_s=1.5)

    def velocity(self, t: float, speed_m_s: float, from_deg: float, share: float) -> Vector:
        """Velocity of the air [m/s]; ``share`` 0…1 scales it down close to the ground."""
        if speed_m_s <= 0.0:
            return (0.0, 0.0, 0.0)
        gust = 0.12 * speed_m_s
        along = (speed_m_s + gust * self._along.at(t)) * share
        across = gust * self._across.at(t) * share
        to = math.radians(from_deg + 180.0)
        east, north = math.sin(to), math.cos(to)
        return (
            along * east + across * north,
            along * north - across * east,
            gust * self._up.at(t) * share,
        )


class Battery:
    """Energy drawn from a pack: power rises with thrust and with air speed, voltage sags with current."""

    def __init__(self, airframe: Airframe) -> None:
        self.airframe = airframe
        self.cells = max(3, round(airframe.battery_wh / 22.2)) if airframe.battery_wh < 120 else 6
        self.used_wh = 0.0
        self.used_mah = 0.0
        self.power_w = 0.0

    @property
    def remaining_share(self) -> float:
        """What is left, 1…0."""
        return max(0.0, 1.0 - self.used_wh / self.airframe.battery_wh)

    @property
    def voltage_v(self) -> float:
        """Terminal voltage under the present load [V]."""
        rest = self.cells * (3.45 + 0.72 * self.remaining_share)
        return rest * (1.0 - 0.04 * self.power_w / max(self.airframe.hover_power_w, 1.0) / 2.0)

    @property
    def current_a(self) -> float:
        """Current [A]."""
        return self.power_w / self.voltage_v

    def draw(self, power_w: float, dt: float) -> None:
        """Take energy out."""
        self.power_w = power_w
        self.used_wh += power_w * dt / 3600.0
        self.used_mah += self.current_a * dt / 3.6

    def swap(self) -> None:
        """A full pack."""
        self.used_wh = self.used_mah = 0.0


@dataclass(slots=True)
class Body:
    """The true state of the airframe. Angles in degrees, the rest in metres and seconds, east-north-up."""

    position: Vector = (0.0, 0.0, 0.0)
    velocity: Vector = (0.0, 0.0, 0.0)
    acceleration: Vector = (0.0, 0.0, 0.0)
    yaw_deg: float = 0.0
    yaw_rate_deg_s: float = 0.0
    tilt: tuple[float, float] = (0.0, 0.0)
    """Horizontal specific thrust, east and north [m/s²]."""
    lift: float = 0.0
    """Vertical acceleration made by thrust beyond gravity [m/s²]."""
    air_speed_m_s: float = 0.0
    roll_deg: float = field(default=0.0)
    pitch_deg: float = field(default=0.0)

    def move(self, wanted: Vector, wind: Vector, drag: float, dt: float) -> None:
        """One step of flight towards a wanted acceleration [m/s²] in moving air."""
        blend = 1.0 - math.exp(-dt / _TILT_LAG_S)
        tx = self.tilt[0] + (wanted[0] - self.tilt[0]) * blend
        ty = self.tilt[1] + (wanted[1] - self.tilt[1]) * blend
        self.tilt = (tx, ty)
        self.lift += (wanted[2] - self.lift) * (1.0 - math.exp(-dt / _CLIMB_LAG_S))
        vx, vy, vz = self.velocity
        rx, ry, rz = wind[0] - vx, wind[1] - vy, wind[2] - vz
        self.air_speed_m_s = math.sqrt(rx * rx + ry * ry + rz * rz)
        push = drag * self.air_speed_m_s
        ax, ay, az = tx + push * rx, ty + push * ry, self.lift
        nvx, nvy, nvz = vx + ax * dt, vy + ay * dt, vz + az * dt
        p = self.position
        self.position = (
            p[0] + (vx + nvx) * dt / 2.0,
            p[1] + (vy + nvy) * dt / 2.0,
            p[2] + (vz + nvz) * dt / 2.0,
        )
        self.velocity = (nvx, nvy, nvz)
        self.acceleration = (ax, ay, az)
        heading = math.radians(self.yaw_deg)
        sine, cosine = math.sin(heading), math.cos(heading)
        up = GRAVITY_M_S2 + self.lift
        self.pitch_deg = -math.degrees(math.atan2(tx * sine + ty * cosine, up))
        self.roll_deg = math.degrees(math.atan2(tx * cosine - ty * sine, up))

    def rest(self, height_m: float) -> None:
        """Stand still on the ground."""
        self.position = (self.position[0], self.position[1], height_m)
        self.velocity = self.acceleration = (0.0, 0.0, 0.0)
        self.tilt = (0.0, 0.0)
        self.lift = self.roll_deg = self.pitch_deg = self.yaw_rate_deg_s = self.air_speed_m_s = 0.0

    def turn(self, wanted_deg: float, rate_deg_s: float, dt: float) -> None:
        """One step of yaw towards a heading, within a rate and 90°/s² of yaw acceleration."""
        error = wrap_180(wanted_deg - self.yaw_deg)
        braking = math.copysign(math.sqrt(2.0 * 60.0 * abs(error)), error)
        wanted_rate = min(max(braking, -rate_deg_s), rate_deg_s)
        if abs(error) < 2.0:
            wanted_rate = error * 3.0
        change = min(max(wanted_rate - self.yaw_rate_deg_s, -90.0 * dt), 90.0 * dt)
        self.yaw_rate_deg_s += change
        self.yaw_deg = (self.yaw_deg + self.yaw_rate_deg_s * dt) % 360.0


class PositionController:
    """Acceleration that brings the body to the target: position 1/s, velocity 2/s (5/s upward), integral.

    The gains are those of ArduCopter (PSC_POSXY_P, PSC_VELXY_P and _I, PSC_POSZ_P, PSC_VELZ_P).
    """

    def __init__(self, max_lean_deg: float) -> None:
        self.max_lean_deg = max_lean_deg
        self._integral = (0.0, 0.0)

    def reset(self) -> None:
        """Forget the learnt wind."""
        self._integral = (0.0, 0.0)

    def acceleration(self, target: Target, body: Body, dt: float) -> Vector:
        """Wanted acceleration [m/s²], horizontally within the lean limit."""
        tp, tv, ta = target.position, target.velocity, target.acceleration
        p, v = body.position, body.velocity
        ex = tv[0] + (tp[0] - p[0]) - v[0]
        ey = tv[1] + (tp[1] - p[1]) - v[1]
        ix, iy = self._integral
        ax, ay = ta[0] + 2.0 * ex + ix, ta[1] + 2.0 * ey + iy
        limit = GRAVITY_M_S2 * math.tan(math.radians(self.max_lean_deg))
        size = math.hypot(ax, ay)
        if size > limit:
            ax, ay = ax * limit / size, ay * limit / size
        else:
            self._integral = (ix + ex * dt, iy + ey * dt)
        ez = tv[2] + (tp[2] - p[2]) - v[2]
        az = min(max(ta[2] + 5.0 * ez, -5.0), 5.0)
        return (ax, ay, az)


def flight_power_w(airframe: Airframe, body: Body) -> float:
    """Electrical power [W]: hover power scaled with thrust^1.5, plus the power to climb."""
    up = GRAVITY_M_S2 + body.lift
    thrust = math.sqrt(up * up + body.tilt[0] ** 2 + body.tilt[1] ** 2) / GRAVITY_M_S2
    power_w = airframe.hover_power_w * math.pow(max(thrust, 0.1), 1.5)
    return power_w + climb_power_w(airframe, body.velocity[2])
