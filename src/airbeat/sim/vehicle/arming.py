"""Arming checks, in ArduCopter's order and words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airbeat.sim.vehicle.modes import FlightMode

if TYPE_CHECKING:
    from airbeat.sim.vehicle.copter import Copter

__all__ = ["arming_problem", "pre_arm_problem"]


def _mandatory_problem(copter: Copter) -> str | None:
    """What not even disabled or forced checks let pass."""
    if not copter.booted:
        return "AHRS: not using configured AHRS type"
    needs_position = copter.mode.needs_position or (copter.fence.enabled and bool(copter.fence.kinds & 6))
    if needs_position and not copter.position_ok:
        return "Need Position Estimate" if copter.mode.needs_position else "Fence requires position"
    return None


def pre_arm_problem(copter: Copter) -> str | None:
    """What keeps the vehicle from being armed whatever the mode, or None."""
    problem = _mandatory_problem(copter)
    if problem is not None:
        return problem
    if copter.params["ARMING_CHECK"] == 0:
        return None
    if copter.guidance.battery.remaining_share < 0.05:
        return "Battery 1 below minimum arming voltage"
    lowest_v = copter.params["BATT_ARM_VOLT"]
    if lowest_v > 0 and copter.guidance.battery.voltage_v < lowest_v:
        return "Battery 1 below minimum arming voltage"
    fence = copter.fence.pre_arm_problem()
    if fence is not None:
        return fence
    if any(item.terrain for item in copter.missions.items[1:]):
        return "terrain required but disabled"
    if copter.mode is FlightMode.AUTO and copter.missions.count() < 2:
        return "Mode requires mission"
    return None


def arming_problem(copter: Copter, *, force: bool) -> str | None:
    """Why the vehicle cannot be armed now, or None."""
    problem = _mandatory_problem(copter) if force else pre_arm_problem(copter)
    if problem is not None or force:
        return problem
    in_auto = copter.mode is FlightMode.AUTO and int(copter.params["AUTO_OPTIONS"]) & 1
    if not (copter.mode.can_arm or in_auto):
        return f"{copter.mode.name} mode not armable"
    return None
