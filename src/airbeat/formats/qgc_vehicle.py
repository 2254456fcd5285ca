"""What a QGroundControl plan was drawn for: the autopilot and the kind of vehicle, in words."""

from __future__ import annotations

from typing import Any

from airbeat.formats.jsontext import shown
from airbeat.language.words import N_, Message
from airbeat.mission.plan import OTHER_VEHICLE

__all__ = ["FIXED_WING", "drawn_for"]

FIXED_WING = 1
"""MAV_TYPE_FIXED_WING."""
_AUTOPILOTS = {12: "PX4", 0: "a generic autopilot"}
_ARDUPILOT = 3
_MULTICOPTERS = frozenset({0, 2, 3, 4, 13, 14, 15, 29, 35})
"""MAV_TYPEs that fly as a multicopter does, a generic one among them."""
_OTHERS = {
    FIXED_WING: N_("a fixed-wing aircraft"),
    10: N_("a ground rover"),
    11: N_("a boat"),
    12: N_("a submarine"),
    **dict.fromkeys(range(19, 26), N_("a VTOL aircraft")),
}


def drawn_for(mission: dict[str, Any]) -> list[str]:
    """Notes on a plan's autopilot and vehicle, none where both are what airbeat plans for.

    Args:
        mission: the plan's ``mission`` object, whose ``firmwareType`` is a MAV_AUTOPILOT and whose
            ``vehicleType`` is a MAV_TYPE.
    """
    notes: list[str] = []
    firmware, vehicle = (_number(mission.get(key)) for key in ("firmwareType", "vehicleType"))
    if firmware in _AUTOPILOTS:
        notes.append(
            Message(
                "the plan was drawn for {autopilot} (firmwareType {firmware}); it is read and written "
                "as ArduPilot flies it, and checked so unless another autopilot is named",
                autopilot=_AUTOPILOTS[firmware],
                firmware=firmware,
            )
        )
    elif mission.get("firmwareType") is not None and firmware != _ARDUPILOT:
        said = shown(mission["firmwareType"])
        notes.append(Message("firmwareType {said} is not known; read as ArduPilot flies it", said=said))
    if mission.get("vehicleType") is not None and vehicle not in _MULTICOPTERS:
        kind = _OTHERS.get(vehicle, N_("another kind of vehicle"))
        notes.append(
            Message(
                "drawn for {kind} (vehicleType {said}), {other_vehicle}",
                kind=Message(kind),
                said=shown(mission["vehicleType"]),
                other_vehicle=Message(OTHER_VEHICLE),
            )
        )
    return notes


def _number(value: object) -> int:
    """A whole number of the file, -1 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
