"""What a multicopter draws from its battery in moving air, and how fast it can fly through it.

The airframe leans to push against drag, which grows with the square of the air speed; thrust carries its
weight and that push. Electrical power grows with thrust to the power 1.5 (induced power of a rotor in the
hover, momentum theory: P = T^1.5 / √(2ρA)), and climbing adds the gain of potential energy.
"""

from __future__ import annotations

import math

from airbeat.vehicle.airframe import Airframe

__all__ = ["GRAVITY_M_S2", "climb_power_w", "drag_coefficient", "fastest_air_speed_m_s", "flight_power_w"]

GRAVITY_M_S2 = 9.80665
_CRUISE_LEAN_DEG = 25.0
"""Lean at 1.3 times the airframe's top speed: sets the drag coefficient."""
_MOST_LEAN_DEG = 30.0
"""ArduCopter's ANGLE_MAX: what limits the speed against the wind."""
_CLIMB_EFFICIENCY = 0.6


def drag_coefficient(airframe: Airframe) -> float:
    """Quadratic drag per mass [1/m]: the airframe leans 25° at 1.3 times its top speed in still air."""
    top = 1.3 * airframe.max_speed_m_s
    return GRAVITY_M_S2 * math.tan(math.radians(_CRUISE_LEAN_DEG)) / (top * top)


def fastest_air_speed_m_s(airframe: Airframe) -> float:
    """Air speed at which drag balances the push of the greatest lean: √(g·tan θ / drag) [m/s]."""
    return math.sqrt(GRAVITY_M_S2 * math.tan(math.radians(_MOST_LEAN_DEG)) / drag_coefficient(airframe))


def climb_power_w(airframe: Airframe, climb_m_s: float) -> float:
    """Power to gain height, m·g·v over the efficiency of the drive [W]; nothing comes back in a descent."""
    return airframe.mass_kg * GRAVITY_M_S2 * max(climb_m_s, 0.0) / _CLIMB_EFFICIENCY


def flight_power_w(airframe: Airframe, *, air_speed_m_s: float, climb_m_s: float) -> float:
    """Electrical power of steady flight [W]."""
    push = drag_coefficient(airframe) * air_speed_m_s**2 / GRAVITY_M_S2
    thrust = math.hypot(1.0, push)
    return airframe.hover_power_w * math.pow(thrust, 1.5) + climb_power_w(airframe, climb_m_s)
