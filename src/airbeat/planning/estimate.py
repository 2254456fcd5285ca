"""What a plan takes to fly, by the vehicle model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.mission.plan import Estimate
from airbeat.vehicle.airframe import Airframe

__all__ = ["STOP_ANGLE_DEG", "FlightModel", "estimate_flight", "leg_times_s", "stop_lengths_m"]

STOP_ANGLE_DEG = 5.0
"""A heading change of this much or more is flown with a full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightModel:
    """How a multicopter flies a path: straight legs with a full stop at every real corner.

    Attributes:
        speed_m_s: cruise speed [m/s].
        acceleration_m_s2: speeding up and slowing down [m/s²].
    """

    speed_m_s: float = 10.0
    acceleration_m_s2: float = 2.5

    @property
    def turn_radius_m(self) -> float:
        """Turns wider than this are flown without slowing down: v²/a [m]."""
        return self.speed_m_s**2 / self.acceleration_m_s2

    def leg_time_s(self, length_m: float) -> float:
        """Time of one straight leg from stop to stop [s]."""
        v, a = self.speed_m_s, self.acceleration_m_s2
        return length_m / v + v / a if length_m >= v * v / a else 2.0 * math.sqrt(length_m / a)

    def leg_times_s(self, lengths_m: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Times of straight legs from stop to stop [s]."""
        return leg_times_s(lengths_m, speed_m_s=self.speed_m_s, acceleration_m_s2=self.acceleration_m_s2)

    def path_time_s(self, path: Sequence[tuple[float, float]]) -> float:
        """Time of a whole path [s]."""
        return sum(map(self.leg_time_s, stop_lengths_m(path, turn_radius_m=self.turn_radius_m)))


def leg_times_s(
    lengths_m: npt.NDArray[np.float64], *, speed_m_s: float, acceleration_m_s2: float
) -> npt.NDArray[np.float64]:
    """Times of straight legs from stop to stop: L/v + v/a, or 2·√(L/a) where L < v²/a [s]."""
    v, a = speed_m_s, acceleration_m_s2
    return np.where(lengths_m >= v * v / a, lengths_m / v + v / a, 2.0 * np.sqrt(lengths_m / a))


def stop_lengths_m(
    path: Sequence[tuple[float, float]], *, turn_radius_m: float, stop_angle_deg: float = STOP_ANGLE_DEG
) -> list[float]:
    """Lengths between stops along a path [m].

    The vehicle stops where its heading changes by ``stop_angle_deg`` or more. A turn made of small steps
    counts as one: heading change adds up while the local radius (shorter neighbouring leg ÷ angle) is
    below ``turn_radius_m`` (v²/a) and less than that much path lies between the steps.
    """
    points = [p for k, p in enumerate(path) if k == 0 or math.dist(p, path[k - 1]) > 0.01]
    if len(points) < 2:
        return []
    lengths: list[float] = []
    since_stop = turned = since_turn = 0.0
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        into = math.dist(before, here)
        since_stop += into
        since_turn += into
        angle = math.atan2(here[1] - before[1], here[0] - before[0])
        change = math.atan2(after[1] - here[1], after[0] - here[0]) - angle
        change = abs((change + math.pi) % (2 * math.pi) - math.pi)
        if since_turn > turn_radius_m:
            turned = 0.0
        if change > 1e-6 and min(into, math.dist(here, after)) / change < turn_radius_m:
            turned += change
            since_turn = 0.0
        if math.degrees(max(change, turned)) >= stop_angle_deg:
            lengths.append(since_stop)
            since_stop = turned = 0.0
    return [*lengths, since_stop + math.dist(points[-2], points[-1])]


def estimate_flight(
    path: Sequence[tuple[float, float]],
    *,
    airframe: Airframe,
    speed_m_s: float,
    height_m: float,
    photos: int,
    dwell_s: float = 0.0,
    climbing_s: float = 0.0,
) -> Estimate:
    """Length, time and battery of a flight.

    Args:
        path: local (x, y) from home over all waypoints back to home [m].
        airframe: vehicle model.
        speed_m_s: cruise speed [m/s].
        height_m: height of the flight above home [m].
        photos: number of photographs.
        dwell_s: time spent waiting at fixed points [s].
        climbing_s: time of height changes on the way beyond take-off and landing [s].
    """
    radius = speed_m_s**2 / airframe.acceleration_m_s2
    lengths = stop_lengths_m(path, turn_radius_m=radius)
    duration = (
        airframe.climb_time_s(height_m)
        + airframe.path_time_s(lengths, speed_m_s)
        + dwell_s
        + climbing_s
        + airframe.landing_time_s(height_m)
    )
    share = airframe.energy_wh(duration) / airframe.usable_energy_wh
    return Estimate(
        length_m=sum(lengths),
        duration_s=duration,
        photos=photos,
        turns=max(0, len(lengths) - 1),
        battery_share=share,
        batteries=max(1, math.ceil(share - 1e-9)),
    )
