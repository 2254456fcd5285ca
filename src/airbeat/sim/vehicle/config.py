"""How an embedded vehicle is set up, and the truth it leaves behind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from airbeat.errors import UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.vehicle.airframe import AIRFRAMES, Airframe

__all__ = ["TrackPoint", "VehicleConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleConfig:
    """The embedded vehicle's place, airframe, weather and seed.

    Attributes:
        home: where it stands.
        home_amsl_m: height of that place above mean sea level [m].
        home_heading_deg: which way it faces [degrees clockwise from true north].
        seed: gusts and measurement noise are a function of this and of the time since take-off.
        speedup: simulated seconds per second; 0 flies as fast as the machine can.
        wind_m_s: steady wind [m/s]; gusts come on top (SIM_WIND_SPD).
        wind_from_deg: where the wind comes from [degrees] (SIM_WIND_DIR).
        gps_noise_m: standard deviation of the horizontal position error, per axis [m].
        height_noise_m: standard deviation of the height error [m].
        heading_noise_deg: standard deviation of the heading error [degrees].
        gimbal_noise_deg: residual of the gimbal's stabilisation in roll and pitch [degrees].
        airframe: what it flies like; sets the defaults of the speed, acceleration and battery parameters.
        params: parameters that differ from their defaults, by ArduCopter name.
        epoch_utc: what its GPS calls the moment of its boot; None for the present.
        boot_s: until then missions cannot be stored (as ArduPilot while booting) [s].
        ready_s: until then there is no position estimate and no home [s].
        mission_capacity: mission items, home included.
        fence_capacity: fence vertices and circles.
        rally_capacity: rally points.
    """

    home: LatLon
    home_amsl_m: float = 0.0
    home_heading_deg: float = 0.0
    seed: int = 0
    speedup: float = 1.0
    wind_m_s: float = 0.0
    wind_from_deg: float = 180.0
    gps_noise_m: float = 0.7
    height_noise_m: float = 0.5
    heading_noise_deg: float = 1.0
    gimbal_noise_deg: float = 0.3
    airframe: Airframe = AIRFRAMES["arducopter-quad"]
    params: Mapping[str, float] = field(default_factory=dict)
    epoch_utc: datetime | None = None
    boot_s: float = 1.0
    ready_s: float = 4.0
    mission_capacity: int = 650
    fence_capacity: int = 70
    rally_capacity: int = 46

    def __post_init__(self) -> None:
        for name, low, high in (
            ("home_amsl_m", -500.0, 9000.0),
            ("speedup", 0.0, 1000.0),
            ("wind_m_s", 0.0, 60.0),
            ("gps_noise_m", 0.0, 100.0),
            ("height_noise_m", 0.0, 100.0),
            ("heading_noise_deg", 0.0, 90.0),
            ("gimbal_noise_deg", 0.0, 45.0),
            ("boot_s", 0.0, 600.0),
            ("ready_s", 0.0, 600.0),
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise UsageError(
                    Message(
                        "{name}: expected {low:g}…{high:g}, got {value}",
                        name=name,
                        low=low,
                        high=high,
                        value=value,
                    )
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPoint:
    """One point of the true flown track.

    Attributes:
        time_s: simulation time since boot [s].
        flight_s: time since this flight began its take-off [s]; the same for the same seed.
        position: true position.
        height_above_home_m: true height above the place of take-off [m].
        amsl_m: true height above mean sea level [m].
        speed_m_s: true horizontal speed [m/s].
        yaw_deg: true heading [degrees clockwise from true north].
        mode: ArduCopter's name of the flight mode.
        mission_item: the mission item being flown, 0 for none.
    """

    time_s: float
    flight_s: float
    position: LatLon
    height_above_home_m: float
    amsl_m: float
    speed_m_s: float
    yaw_deg: float
    mode: str
    mission_item: int
