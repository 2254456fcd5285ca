"""What a QGroundControl plan was drawn for: the autopilot and the kind of vehicle, in words."""

from __future__ import annotations

from typing import Any

from airbeat.formats.jsontext import shown
from airbeat.mission.plan import OTHER_VEHICLE

__all__ = ["FIXED_WING", "drawn_for"]

FIXED_WING = 1
"""MAV_TYPE_FIXED_WING."""
_AUTOPILOTS = {12: "PX4", 0: "a generic autopilot"}
_ARDUPILOT = 3
_MULTICOPTERS = frozenset({0, 2, 3, 4, 13, 14, 15, 29, 35})
"""MAV_TYPEs that fly as a multicopter does, a generic one among them."""
_OTHERS = {
    FIXED_WING: "a fixed-wing aircraft",
    10: "a ground rover",
    11: "a boat",
    12: "a submarine",
    **dict.fromkeys(range(19, 26), "a VTOL aircraft"),
}


def drawn_for(mission: dict[str, Any]) -> list[str]:
    """Notes on a plan's autopilot and vehicle, none where both are what airbeat plans for.

    Args:
        mission: the plan's ``mission`` object, whose ``firmwareType`` is a MAV_AUTOPILOT and whose
            ``vehicleType`` is a MAV_TYPE.
    """
    notes = []
    firmware, vehicle = (_number(mission.get(key)) for key in ("firmwareType", "vehicleType"))
    if firmware in _AUTOPILOTS:
        notes.append(
            f"the plan was drawn for {_AUTOPILOTS[firmware]} (firmwareType {firmware}); it is read and"
            " written as ArduPilot flies it, and checked so unless another autopilot is named"
        )
    elif mission.get("firmwareType") is not None and firmware != _ARDUPILOT:
        said = shown(mission["firmwareType"])
        notes.append(f"firmwareType {said} is not known; read as ArduPilot flies it")
    if mission.get("vehicleType") is not None and vehicle not in _MULTICOPTERS:
        kind = _OTHERS.get(vehicle, "another kind of vehicle")
        notes.append(f"drawn for {kind} (vehicleType {shown(mission['vehicleType'])}), {OTHER_VEHICLE}")
    return notes


def _number(value: object) -> int:
    """A whole number of the file, -1 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
