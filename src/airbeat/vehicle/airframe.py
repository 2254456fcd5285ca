"""Airframe profiles and the time and energy model of a multicopter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from airbeat.errors import PlanningError
from airbeat.language.words import Message

__all__ = ["AIRFRAMES", "Airframe", "airframe_profile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Airframe:
    """A multicopter as the planner sees it.

    Attributes:
        name: profile name.
        max_speed_m_s: fastest horizontal speed [m/s].
        acceleration_m_s2: horizontal acceleration along a leg [m/s²] (ArduCopter WPNAV_ACCEL).
        corner_acceleration_m_s2: lateral acceleration in corners [m/s²].
        climb_m_s: climb speed [m/s].
        descent_m_s: descent speed [m/s].
        land_speed_m_s: final landing speed below ``land_slow_height_m`` [m/s].
        land_slow_height_m: height below which the final landing speed applies [m].
        battery_wh: battery capacity [Wh].
        reserve_share: share of the battery that must be left at landing, 0…1.
        hover_power_w: electrical power in the hover and in slow flight [W].
        mass_kg: take-off mass [kg].
        autopilot: "ardupilot", "px4" or "dji".
    """

    name: str
    max_speed_m_s: float
    acceleration_m_s2: float
    corner_acceleration_m_s2: float
    climb_m_s: float
    descent_m_s: float
    land_speed_m_s: float
    battery_wh: float
    hover_power_w: float
    reserve_share: float = 0.25
    land_slow_height_m: float = 10.0
    mass_kg: float = 2.0
    autopilot: str = "ardupilot"

    @property
    def usable_energy_wh(self) -> float:
        """Energy down to the reserve [Wh]."""
        return self.battery_wh * (1.0 - self.reserve_share)

    @property
    def endurance_s(self) -> float:
        """Flight time down to the reserve [s]."""
        return self.usable_energy_wh / self.hover_power_w * 3600.0

    def leg_time_s(self, length_m: float, speed_m_s: float) -> float:
        """Time of a straight leg from stop to stop (trapezoidal speed profile) [s].

        L/v + v/a, or 2·√(L/a) where the leg is too short to reach v.
        """
        a = self.acceleration_m_s2
        v = min(speed_m_s, self.max_speed_m_s)
        if length_m >= v * v / a:
            return length_m / v + v / a
        return 2.0 * math.sqrt(length_m / a)

    def climb_time_s(self, height_change_m: float) -> float:
        """Time to change height by so many metres, up or down [s]."""
        return (
            height_change_m / self.climb_m_s if height_change_m >= 0 else -height_change_m / self.descent_m_s
        )

    def landing_time_s(self, height_m: float) -> float:
        """Time from a height above the landing place to the ground [s]."""
        slow = min(height_m, self.land_slow_height_m)
        return (height_m - slow) / self.descent_m_s + slow / self.land_speed_m_s

    def energy_wh(self, duration_s: float) -> float:
        """Energy of a flight of that duration [Wh]."""
        return self.hover_power_w * duration_s / 3600.0

    def path_time_s(self, lengths_m: Sequence[float], speed_m_s: float) -> float:
        """Time of legs flown one after another with a stop at each corner [s]."""
        return sum(self.leg_time_s(length, speed_m_s) for length in lengths_m)


AIRFRAMES: dict[str, Airframe] = {
    a.name: a
    for a in (
        Airframe(
            name="arducopter-quad",
            max_speed_m_s=15.0,
            acceleration_m_s2=2.5,
            corner_acceleration_m_s2=5.0,
            climb_m_s=2.5,
            descent_m_s=1.5,
            land_speed_m_s=0.5,
            battery_wh=180.0,
            hover_power_w=340.0,
            mass_kg=3.0,
        ),
        Airframe(
            name="dji-mavic-3e",
            max_speed_m_s=15.0,
            acceleration_m_s2=3.0,
            corner_acceleration_m_s2=4.0,
            climb_m_s=6.0,
            descent_m_s=6.0,
            land_speed_m_s=0.5,
            battery_wh=77.0,
            hover_power_w=110.0,
            mass_kg=0.92,
            autopilot="dji",
        ),
        Airframe(
            name="dji-m30t",
            max_speed_m_s=15.0,
            acceleration_m_s2=3.0,
            corner_acceleration_m_s2=4.0,
            climb_m_s=6.0,
            descent_m_s=5.0,
            land_speed_m_s=0.5,
            battery_wh=262.0,
            hover_power_w=390.0,
            mass_kg=3.77,
            autopilot="dji",
        ),
    )
}
"""Built-in airframe profiles by name."""


def airframe_profile(name: str) -> Airframe:
    """The built-in profile of that name.

    Raises:
        PlanningError: no such profile; the message lists those there are.
    """
    try:
        return AIRFRAMES[name]
    except KeyError:
        raise PlanningError(
            Message("no airframe profile {name!r}", name=name),
            remedy=Message("choose one of: {airframes}", airframes=", ".join(sorted(AIRFRAMES))),
        ) from None
