"""What a drone of a beat takes: legs from stop to stop, climbs, the landing, by the vehicle model."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from airbeat.mission.beat import Beat, BeatDrone, LaunchSite
from airbeat.mission.mission import Mission, MissionKind, WaypointPattern
from airbeat.patrol.batteries import Pack
from airbeat.planning.common import usable_speed_m_s
from airbeat.planning.estimate import stop_lengths_m
from airbeat.vehicle.speed_profile import SpeedProfile
from airbeat.vehicle.waypoint_flight import NavLimits

__all__ = ["DroneClock", "drone_mission"]

Points = npt.NDArray[np.float64]

_RETURN_WAIT_S = 8.0
"""Coming to rest over the launch site, and ArduCopter's wait before it descends."""
_PREPARE_S = 3.0
"""Arming and spooling up count against the battery."""
_TABLE_M = np.concatenate([np.linspace(0.0, 20.0, 41), np.geomspace(21.0, 2000.0, 120)])


def drone_mission(beat: Beat, site: LaunchSite, drone: BeatDrone) -> Mission:
    """A mission with all that planning asks of a drone; its pattern holds no points."""
    return Mission(
        name=beat.name,
        kind=MissionKind.PATROL,
        home=site.position,
        home_amsl_m=site.amsl_m,
        pattern=WaypointPattern(points=()),
        height=drone.altitude,
        speed_m_s=drone.speed_m_s,
        camera=drone.camera,
        airframe=drone.airframe,
        fence=beat.fence,
        rally=beat.rally,
        margin_m=beat.margin_m,
        wind=beat.wind,
        notes=beat.notes,
        provenance=beat.provenance,
    )


class DroneClock:
    """Times of one kind of drone.

    Args:
        beat: for the wind.
        site: where it starts.
        drone: what flies.
    """

    def __init__(self, beat: Beat, site: LaunchSite, drone: BeatDrone) -> None:
        self.mission = drone_mission(beat, site, drone)
        self.drone = drone
        self.height_m = drone.altitude.value_m
        self.speed_m_s, self.notes = usable_speed_m_s(self.mission)
        wind = beat.wind.speed_m_s if beat.wind else 0.0
        self.way_speed_m_s = max(self.speed_m_s - wind, 0.5) if wind else self.speed_m_s
        """Speed that every leg makes good, whatever its direction [m/s]."""

    def pack(self, beat: Beat, site: int, *, share: float = 1.0) -> Pack:
        """Its batteries, each used to a share of what it holds above its reserve.

        Args:
            beat: for the chargers.
            site: number of the launch site.
            share: of a battery.
        """
        drone = self.drone
        return Pack(
            site=site,
            chargers=beat.sites[site].chargers,
            batteries=drone.batteries,
            charge_s=drone.charge_s,
            swap_s=drone.swap_s,
            flight_s=share * self.battery_s,
        )

    @cached_property
    def _leg_table_s(self) -> Points:
        limits = NavLimits.of(self.drone.airframe, self.way_speed_m_s).along((1.0, 0.0, 0.0))
        return np.array([SpeedProfile(float(m), limits).duration_s for m in _TABLE_M])

    def legs_s(self, length_m: Points) -> Points:
        """Times of straight level legs from stop to stop [s], for an array of lengths [m]."""
        beyond = np.maximum(length_m - _TABLE_M[-1], 0.0) / self.way_speed_m_s
        return np.asarray(np.interp(length_m, _TABLE_M, self._leg_table_s) + beyond)

    def path_s(self, line: Points, speed_m_s: float | None = None) -> float:
        """Time along a line (n, 2) with a stop at each real corner [s]."""
        slower = 1.0 if speed_m_s is None else max(1.0, self.speed_m_s / speed_m_s)
        radius = self.speed_m_s**2 / self.drone.airframe.acceleration_m_s2
        lengths = stop_lengths_m([(float(x), float(y)) for x, y in line], turn_radius_m=radius)
        return float(self.legs_s(np.array(lengths)).sum()) * slower

    def climb_s(self, height_m: float) -> float:
        """Time to climb (or, negative, to descend) by so many metres on the spot [s]."""
        way = 1.0 if height_m >= 0 else -1.0
        limits = NavLimits.of(self.drone.airframe, self.way_speed_m_s).along((0.0, 0.0, way))
        return SpeedProfile(abs(height_m), limits).duration_s

    @cached_property
    def up_s(self) -> float:
        """From the ground to the height of the patrol [s]."""
        return _PREPARE_S + self.climb_s(self.height_m)

    @cached_property
    def down_s(self) -> float:
        """From the height of the patrol to the ground [s]."""
        return _RETURN_WAIT_S + self.drone.airframe.landing_time_s(self.height_m)

    @property
    def battery_s(self) -> float:
        """Flight time of one battery down to its reserve [s], take-off and landing included."""
        return self.drone.airframe.endurance_s
