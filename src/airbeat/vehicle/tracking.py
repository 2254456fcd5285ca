"""How far a multicopter is pushed off its line while its position controller takes up a change of drag."""

from __future__ import annotations

import math

from airbeat.vehicle.airframe import Airframe
from airbeat.vehicle.power import drag_coefficient

__all__ = ["pushed_off_m"]

_POSITION_GAIN_1_S = 1.0
"""PSC_POSXY_P, ArduCopter's default: metres a second asked for per metre of error."""
_VELOCITY_GAIN_1_S = 2.0
"""PSC_VELXY_P, ArduCopter's default: metres a second squared per metre a second of error."""

_TRACKING_M = 0.3


def _drag_m_s2(
    airframe: Airframe, velocity_m_s: tuple[float, float], wind_to_m_s: tuple[float, float]
) -> tuple[float, float]:
    """Acceleration by drag, quadratic in the air speed [m/s²]."""
    air = (wind_to_m_s[0] - velocity_m_s[0], wind_to_m_s[1] - velocity_m_s[1])
    scale = drag_coefficient(airframe) * math.hypot(*air)
    return air[0] * scale, air[1] * scale


def pushed_off_m(
    airframe: Airframe,
    before_m_s: tuple[float, float],
    after_m_s: tuple[float, float],
    *,
    wind_to_m_s: tuple[float, float],
) -> float:
    """How far a change of velocity in wind lets a vehicle be pushed off its line for a while [m].

    The controller's integrator holds against the drag of the leg before; the drag of the new leg differs from
    it by Δa, and until that is learnt the proportional part holds it at Δa / (PSC_POSXY_P · PSC_VELXY_P).
    ArduCopter's waypoint flight feeds its own accelerations forward, but not drag. 0.3 m are added for the
    tracking itself: on ArduCopter SITL 4.7, legs of 100 m at 8 m/s with right angles, 0.81, 0.86 and 1.75 m
    beyond the corners were measured in 0, 8 and 12 m/s of wind; this gives 0.84, 1.45 and 1.84 m.

    Args:
        airframe: sets the drag.
        before_m_s: ground velocity on the leg before, east and north [m/s].
        after_m_s: on the leg after [m/s].
        wind_to_m_s: velocity of the air [m/s].
    """
    first = _drag_m_s2(airframe, before_m_s, wind_to_m_s)
    second = _drag_m_s2(airframe, after_m_s, wind_to_m_s)
    change = math.hypot(second[0] - first[0], second[1] - first[1])
    return _TRACKING_M + change / (_POSITION_GAIN_1_S * _VELOCITY_GAIN_1_S)
