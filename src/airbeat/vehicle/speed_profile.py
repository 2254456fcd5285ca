"""Jerk-limited speed profiles: how far along a straight leg the target is at a time.

A leg is flown from stop to stop. The acceleration pulse is a trapezoid whose edges have raised-cosine
jerk, so jerk, acceleration and speed are all continuous: with jerk J, snap S and acceleration A the
jerk rises in t_j = πJ/(2S), one edge lasts A/J + t_j, and by symmetry a pulse that ends at speed v
lasts v/A + A/J + t_j and covers v/2 times that. ArduCopter flies the same family of curves
(WPNAV_ACCEL, WPNAV_JERK; its "S-curves").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Limits", "SpeedProfile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Kinematic limits along one leg: speed [m/s], acceleration [m/s²], jerk [m/s³], snap [m/s⁴]."""

    speed_m_s: float
    acceleration_m_s2: float
    jerk_m_s3: float
    snap_m_s4: float


@dataclass(frozen=True, slots=True)
class _Pulse:
    """One acceleration pulse from rest: jerk ramps t_j, constant jerk t_2, constant acceleration t_4."""

    jerk: float
    t_j: float
    t_2: float
    t_4: float

    @property
    def duration_s(self) -> float:
        return 4.0 * self.t_j + 2.0 * self.t_2 + self.t_4


def _pulse(speed: float, limits: Limits) -> _Pulse:
    """The shortest pulse from rest to a speed within the limits."""
    snap = limits.snap_m_s4
    t_j = math.pi * limits.jerk_m_s3 / (2.0 * snap)
    jerk = limits.jerk_m_s3
    peak = limits.acceleration_m_s2
    if peak < jerk * t_j:
        # The acceleration limit is met before the jerk limit: shorter, weaker jerk at the same snap.
        t_j = math.sqrt(math.pi * peak / (2.0 * snap))
        jerk = 2.0 * snap * t_j / math.pi
    edge = peak / jerk + t_j
    if speed >= peak * edge:
        return _Pulse(jerk, t_j, peak / jerk - t_j, speed / peak - edge)
    if speed >= 2.0 * jerk * t_j * t_j:
        reached = jerk * (math.sqrt(t_j * t_j + 4.0 * speed / jerk) - t_j) / 2.0
        return _Pulse(jerk, t_j, max(reached / jerk - t_j, 0.0), 0.0)
    t_j = (math.pi * speed / (4.0 * snap)) ** (1.0 / 3.0)
    return _Pulse(2.0 * snap * t_j / math.pi, t_j, 0.0, 0.0)


# One piece of a pulse: (start time, duration, kind, jerk, acceleration, speed, position at its start);
# kind 0 = jerk constant, +1 = jerk rising from 0 to its value, -1 = falling from its value to 0.
_Piece = tuple[float, float, int, float, float, float, float]


def _piece_state(piece: _Piece, t: float) -> tuple[float, float, float]:
    """Position, speed and acceleration, t seconds into a piece."""
    _, duration, kind, jerk, a, v, p = piece
    if kind == 0:
        return p + t * (v + t * (a / 2.0 + t * jerk / 6.0)), v + t * (a + t * jerk / 2.0), a + t * jerk
    half = jerk / 2.0
    w = math.pi / duration
    sine, cosine = math.sin(w * t), math.cos(w * t)
    wave = float(kind) * half
    acceleration = a + half * t - wave * sine / w
    speed = v + a * t + half * t * t / 2.0 + wave * (cosine - 1.0) / (w * w)
    position = p + v * t + a * t * t / 2.0 + half * t**3 / 6.0 + wave * (sine / w - t) / (w * w)
    return position, speed, acceleration


class SpeedProfile:
    """Distance along a straight leg over time, from stop to stop.

    Attributes:
        length_m: the leg's length [m].
        top_speed_m_s: the speed reached [m/s]; less than the limit on a short leg.
        ramp_s: duration of the acceleration, and of the deceleration [s].
        duration_s: duration of the leg [s].
    """

    def __init__(self, length_m: float, limits: Limits) -> None:
        self.length_m = length_m
        self.limits = limits
        if length_m <= 1e-6:
            self.top_speed_m_s = self.ramp_s = self.duration_s = 0.0
            self._pieces: list[_Piece] = []
            return
        speed = limits.speed_m_s
        pulse = _pulse(speed, limits)
        if speed * pulse.duration_s > length_m:
            low, high = 0.0, speed
            for _ in range(60):
                speed = (low + high) / 2.0
                pulse = _pulse(speed, limits)
                if speed * pulse.duration_s > length_m:
                    high = speed
                else:
                    low = speed
            speed = low
            pulse = _pulse(speed, limits)
        self.top_speed_m_s = speed
        self.ramp_s = pulse.duration_s
        self.duration_s = self.ramp_s + length_m / speed
        self._pieces = self._build(pulse)

    @staticmethod
    def _build(pulse: _Pulse) -> list[_Piece]:
        jerk, t_j, t_2, t_4 = pulse.jerk, pulse.t_j, pulse.t_2, pulse.t_4
        pieces: list[_Piece] = []
        t = a = v = p = 0.0
        for duration, kind, value in (
            (t_j, 1, jerk),
            (t_2, 0, jerk),
            (t_j, -1, jerk),
            (t_4, 0, 0.0),
            (t_j, 1, -jerk),
            (t_2, 0, -jerk),
            (t_j, -1, -jerk),
        ):
            if duration <= 0.0:
                continue
            piece = (t, duration, kind, value, a, v, p)
            pieces.append(piece)
            p, v, a = _piece_state(piece, duration)
            t += duration
        return pieces

    def state(self, t: float) -> tuple[float, float, float]:
        """Distance [m], speed [m/s] and acceleration [m/s²] along the leg after t seconds."""
        if t <= 0.0 or not self._pieces:
            return 0.0, 0.0, 0.0
        if t >= self.duration_s:
            return self.length_m, 0.0, 0.0
        if t > self.duration_s / 2.0:
            distance, speed, acceleration = self._first_half(self.duration_s - t)
            return self.length_m - distance, speed, -acceleration
        return self._first_half(t)

    def _first_half(self, t: float) -> tuple[float, float, float]:
        if t >= self.ramp_s:
            v = self.top_speed_m_s
            return v * self.ramp_s / 2.0 + v * (t - self.ramp_s), v, 0.0
        for piece in reversed(self._pieces):
            if t >= piece[0]:
                return _piece_state(piece, t - piece[0])
        return 0.0, 0.0, 0.0

    def time_at(self, distance_m: float) -> float:
        """The time at which a distance along the leg is reached [s]."""
        low, high = 0.0, self.duration_s
        for _ in range(50):
            middle = (low + high) / 2.0
            if self.state(middle)[0] < distance_m:
                low = middle
            else:
                high = middle
        return high
