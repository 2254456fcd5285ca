"""The parameters of the embedded vehicle: ArduCopter's names, units and defaults for what is modelled.

The one default that differs on purpose is CAM1_TYPE: it is 1 here (a camera is fitted), 0 in ArduCopter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from airbeat.errors import UsageError
from airbeat.language.words import Message
from airbeat.link.dialect import mavlink
from airbeat.vehicle.airframe import Airframe

__all__ = ["ParameterStore", "default_parameters"]

_INT8 = mavlink.MAV_PARAM_TYPE_INT8
_INT16 = mavlink.MAV_PARAM_TYPE_INT16
_INT32 = mavlink.MAV_PARAM_TYPE_INT32
_REAL32 = mavlink.MAV_PARAM_TYPE_REAL32

_RANGES = {_INT8: (-128, 127), _INT16: (-32768, 32767), _INT32: (-(2**31), 2**31 - 1)}

# name: (default, MAVLink type). Units are ArduCopter's: cm, cm/s, cm/s², metres where said so there.
_DEFAULTS: dict[str, tuple[float, int]] = {
    "ANGLE_MAX": (3000, _INT16),
    "ARMING_CHECK": (1, _INT32),
    "ATC_SLEW_YAW": (6000, _REAL32),
    "AUTO_OPTIONS": (0, _INT32),
    "BATT_ARM_VOLT": (0, _REAL32),
    "BATT_CAPACITY": (3300, _INT32),
    "BATT_CRT_VOLT": (0, _REAL32),
    "BATT_FS_CRT_ACT": (0, _INT8),
    "BATT_FS_LOW_ACT": (0, _INT8),
    "BATT_LOW_MAH": (0, _REAL32),
    "BATT_LOW_VOLT": (10.5, _REAL32),
    "BATT_MONITOR": (4, _INT8),
    "CAM1_INTRVAL_MIN": (0, _REAL32),
    "CAM1_TRIGG_DIST": (0, _REAL32),
    "CAM1_TYPE": (1, _INT8),
    "CAM_AUTO_ONLY": (0, _INT8),
    "CAM_MAX_ROLL": (0, _INT16),
    "DISARM_DELAY": (10, _INT8),
    "FENCE_ACTION": (1, _INT8),
    "FENCE_ALT_MAX": (100, _REAL32),
    "FENCE_ALT_MIN": (-10, _REAL32),
    "FENCE_AUTOENABLE": (0, _INT8),
    "FENCE_ENABLE": (0, _INT8),
    "FENCE_MARGIN": (2, _REAL32),
    "FENCE_OPTIONS": (1, _INT16),
    "FENCE_RADIUS": (300, _REAL32),
    "FENCE_TOTAL": (0, _INT8),
    "FENCE_TYPE": (7, _INT8),
    "FRAME_CLASS": (1, _INT8),
    "FS_GCS_ENABLE": (0, _INT8),
    "FS_GCS_TIMEOUT": (5, _REAL32),
    "FS_OPTIONS": (16, _INT32),
    "FS_THR_ENABLE": (1, _INT8),
    "LAND_ALT_LOW": (1000, _INT16),
    "LAND_SPEED": (50, _INT16),
    "LAND_SPEED_HIGH": (0, _INT16),
    "LOIT_SPEED": (1250, _REAL32),
    "MIS_OPTIONS": (0, _INT16),
    "MIS_RESTART": (0, _INT8),
    "MIS_TOTAL": (0, _INT16),
    "MNT1_TYPE": (1, _INT8),
    "RALLY_INCL_HOME": (1, _INT8),
    "RALLY_LIMIT_KM": (0.3, _REAL32),
    "RALLY_TOTAL": (0, _INT8),
    "RTL_ALT": (1500, _INT32),
    "RTL_ALT_FINAL": (0, _INT16),
    "RTL_CLIMB_MIN": (0, _INT16),
    "RTL_CONE_SLOPE": (3, _REAL32),
    "RTL_LOIT_TIME": (5000, _INT32),
    "RTL_SPEED": (0, _INT16),
    "SIM_SPEEDUP": (1, _REAL32),
    "SIM_WIND_DIR": (180, _REAL32),
    "SIM_WIND_SPD": (0, _REAL32),
    "SYSID_ENFORCE": (0, _INT8),
    "SYSID_MYGCS": (255, _INT16),
    "SYSID_THISMAV": (1, _INT16),
    "WPNAV_ACCEL": (250, _REAL32),
    "WPNAV_ACCEL_C": (0, _REAL32),
    "WPNAV_ACCEL_Z": (100, _REAL32),
    "WPNAV_JERK": (1, _REAL32),
    "WPNAV_RADIUS": (200, _REAL32),
    "WPNAV_SPEED": (1000, _REAL32),
    "WPNAV_SPEED_DN": (150, _REAL32),
    "WPNAV_SPEED_UP": (250, _REAL32),
    "WP_YAW_BEHAVIOR": (2, _INT8),
}

_READ_ONLY = {"FENCE_TOTAL", "MIS_TOTAL", "RALLY_TOTAL"}


def default_parameters(airframe: Airframe) -> dict[str, tuple[float, int]]:
    """ArduCopter's defaults, with the speeds, accelerations and battery of the airframe."""
    table = dict(_DEFAULTS)
    for name, value in (
        ("WPNAV_SPEED", min(1000.0, airframe.max_speed_m_s * 100.0)),
        ("WPNAV_ACCEL", airframe.acceleration_m_s2 * 100.0),
        ("WPNAV_SPEED_UP", airframe.climb_m_s * 100.0),
        ("WPNAV_SPEED_DN", airframe.descent_m_s * 100.0),
        ("LAND_SPEED", airframe.land_speed_m_s * 100.0),
        ("LAND_ALT_LOW", airframe.land_slow_height_m * 100.0),
        ("BATT_CAPACITY", round(airframe.battery_wh / 22.2 * 1000.0)),
    ):
        table[name] = (float(value), table[name][1])
    return table


class ParameterStore:
    """Named values that live through a reboot. Values are floats; integer types are rounded and bounded."""

    def __init__(self, airframe: Airframe, changed: Mapping[str, float] | None = None) -> None:
        table = default_parameters(airframe)
        self._types = {name: kind for name, (_, kind) in table.items()}
        self._values = {name: float(value) for name, (value, _) in table.items()}
        self.names = tuple(sorted(table))
        for name, value in (changed or {}).items():
            if not self.set(name, value):
                raise UsageError(
                    Message(
                        "parameter {name} = {value} is not one of the embedded vehicle's",
                        name=name,
                        value=value,
                    ),
                    remedy=Message("it has: {names}", names=", ".join(self.names)),
                )

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def kind(self, name: str) -> int:
        """The parameter's MAV_PARAM_TYPE."""
        return self._types[name]

    def index(self, name: str) -> int:
        """Its place in the list, from 0."""
        return self.names.index(name)

    def is_read_only(self, name: str) -> bool:
        """Whether a ground station cannot write it."""
        return name in _READ_ONLY

    def set(self, name: str, value: float) -> bool:
        """Store a value; False when the name is unknown or the value is not a number."""
        if name not in self._values or not math.isfinite(value):
            return False
        bounds = _RANGES.get(self._types[name])
        if bounds is not None:
            value = float(min(max(math.floor(value + 0.5), bounds[0]), bounds[1]))
        self._values[name] = value
        return True
