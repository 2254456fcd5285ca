"""Mission items as the files hold them (frame and seven numbers) and as FlightPlan holds them.

Shared by the readers and writers of QGC ``.plan`` and QGC WPL 110, which both carry raw MAVLink items.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from airbeat.errors import PlanFileError
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.language.words import Message
from airbeat.mission.commands import MavCmd, command_name, takes_place
from airbeat.mission.plan import ItemRole, PlanItem

__all__ = ["FRAME_OF_DATUM", "RawItem", "fit_for_ardupilot", "from_raw", "height_m", "infer_roles", "to_raw"]

FRAME_MISSION = 2
"""MAV_FRAME_MISSION: the item has no place."""
FRAME_OF_DATUM = {AltitudeDatum.AMSL: 0, AltitudeDatum.HOME: 3, AltitudeDatum.AGL: 10}
"""MAV_FRAME_GLOBAL, _GLOBAL_RELATIVE_ALT and _GLOBAL_TERRAIN_ALT."""

_DATUM_OF_FRAME = {
    0: AltitudeDatum.AMSL,
    3: AltitudeDatum.HOME,
    10: AltitudeDatum.AGL,
    # The _INT variants say the same of the height; ArduPilot reads them back as the frames above.
    5: AltitudeDatum.AMSL,
    6: AltitudeDatum.HOME,
    11: AltitudeDatum.AGL,
    # ArduPilot stores a place in MAV_FRAME_MISSION as AMSL.
    FRAME_MISSION: AltitudeDatum.AMSL,
}
_HIGHEST_FRAME = 21
_HIGHEST_HEIGHT_M = 100_000.0
_FLOAT32_MAX = 3.4028234663852886e38

CONDITION_GATE = 4501
_NAN_YAW_ACCEPTED = frozenset(
    {MavCmd.NAV_WAYPOINT, MavCmd.NAV_LOITER_UNLIM, MavCmd.NAV_TAKEOFF, MavCmd.NAV_LAND, 84, 85}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawItem:
    """One mission item as a file holds it.

    Attributes:
        command: MAV_CMD number.
        frame: MAV_FRAME number.
        params: param1…param7; for places param5 and param6 are latitude and longitude [degrees].
        autocontinue: as in MISSION_ITEM_INT.
        jump_id: what DO_JUMP calls this item.
        where: file and item number, for messages.
        group: which complex item of the file it belongs to, from 1; 0 for none.
    """

    command: int
    frame: int
    params: tuple[float, ...]
    autocontinue: bool = True
    jump_id: int
    where: str
    group: int = 0


def height_m(value: float, *, where: str) -> float:
    """A height that can be one [m].

    Raises:
        PlanFileError: not a number, or further from the ground than any aircraft of ours flies.
    """
    if not math.isfinite(value) or abs(value) > _HIGHEST_HEIGHT_M:
        raise PlanFileError(
            Message("{value:g} m cannot be a height", value=value),
            where=where,
            remedy="give the height in metres",
        )
    return value


def to_raw(item: PlanItem, *, number: int) -> RawItem:
    """A plan's item with its frame and seven numbers; what a place does not state becomes 0.

    Raises:
        PlanFileError: a parameter is infinite, or too large for a MAVLink float.
    """
    where = f"item {number}"
    tail = item.extra
    frame = FRAME_MISSION
    if item.position is not None or item.altitude is not None:
        frame = FRAME_OF_DATUM[item.altitude.datum if item.altitude else AltitudeDatum.HOME]
        tail = (
            item.position.lat_deg if item.position else 0.0,
            item.position.lon_deg if item.position else 0.0,
            item.altitude.value_m if item.altitude else 0.0,
        )
    params = (*item.params, *tail)
    _check_floats(params, where)
    return RawItem(
        command=item.command,
        frame=frame,
        params=params,
        autocontinue=item.autocontinue,
        jump_id=number,
        where=where,
    )


def from_raw(raw: RawItem) -> PlanItem:
    """What a raw item means.

    Latitude and longitude both 0 (or unset) mean "here" in a mission, so such an item has no position.

    Raises:
        PlanFileError: a number out of range, or a frame that has no place on Earth.
    """
    _check_floats(raw.params, raw.where)
    if not 0 <= raw.command <= 0xFFFF:
        raise PlanFileError(
            Message("command {command} is not a MAV_CMD number", command=raw.command), where=raw.where
        )
    if not 0 <= raw.frame <= _HIGHEST_FRAME:
        raise PlanFileError(
            Message("frame {frame} is not a MAV_FRAME number", frame=raw.frame), where=raw.where
        )
    p1, p2, p3, p4, p5, p6, p7 = raw.params
    item = PlanItem(
        command=raw.command,
        params=(p1, p2, p3, p4),
        extra=(p5, p6, p7),
        autocontinue=raw.autocontinue,
    )
    if not takes_place(raw.command):
        return item
    item = replace(item, extra=(0.0, 0.0, 0.0))
    here = all(math.isnan(p) or p == 0.0 for p in (p5, p6))
    if here and (math.isnan(p7) or (raw.frame == FRAME_MISSION and p7 == 0.0)):
        return item
    datum = _DATUM_OF_FRAME.get(raw.frame)
    if datum is None:
        raise PlanFileError(
            Message("frame {frame} is not a global frame", frame=raw.frame),
            where=raw.where,
            remedy="use frame 0 (above sea level), 3 (above home) or 10 (above terrain)",
        )
    position = None
    if not here:
        try:
            position = LatLon(lat_deg=p5, lon_deg=p6)
        except ValueError as e:
            raise PlanFileError(
                getattr(e, "message", str(e)),
                where=raw.where,
                remedy=getattr(e, "remedy", "") or "give latitude and longitude in degrees",
            ) from None
    altitude = None if math.isnan(p7) else Altitude(value_m=height_m(p7, where=raw.where), datum=datum)
    return replace(item, position=position, altitude=altitude)


def _check_floats(params: Iterable[float], where: str) -> None:
    for number, value in enumerate(params, start=1):
        if abs(value) > _FLOAT32_MAX:  # infinities too; NaN compares false
            raise PlanFileError(
                Message("parameter {number} is {value:g}: too large for MAVLink", number=number, value=value),
                where=where,
            )


def infer_roles(items: Sequence[PlanItem]) -> tuple[PlanItem, ...]:
    """Items with the roles that their commands tell: a leg flown with the camera triggering is a sweep."""
    result = []
    camera_on = False
    for item in items:
        if not item.is_nav:
            role = ItemRole.ACTION
            if item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
                camera_on = item.params[0] > 0
        elif item.command in (MavCmd.NAV_TAKEOFF, 84):
            role = ItemRole.TAKEOFF
        elif item.command in (MavCmd.NAV_RETURN_TO_LAUNCH, MavCmd.NAV_LAND, 85):
            role = ItemRole.RETURN
        elif item.position is None:
            role = ItemRole.OTHER
        else:
            role = ItemRole.SWEEP if camera_on else ItemRole.TRANSIT
        result.append(replace(item, role=role))
    return tuple(result)


def fit_for_ardupilot(
    raws: Sequence[RawItem], *, speed_m_s: float | None, as_is: bool = False
) -> tuple[list[RawItem], list[str]]:
    """Converts or drops what ArduPilot refuses in missions, and says so; with ``as_is`` only numbers jumps.

    CONDITION_GATE (4501) becomes a waypoint, because the camera commands behind it belong to that place;
    DO_SET_CAM_TRIGG_INTERVAL (214) becomes a trigger distance at the speed set before it; SET_CAMERA_MODE
    (530) is dropped. NaN becomes 0 where ArduPilot answers INVALID_PARAM. DO_JUMP targets, read as the
    items' ``jump_id``, become the numbers that the items have in the result.

    Raises:
        PlanFileError: a DO_JUMP to an item that the file does not have, but not with ``as_is``.
    """
    if as_is:
        places = {raw.jump_id: n for n, raw in reversed(list(enumerate(raws, start=1)))}
        return [_with_jump_target(raw, places, len(raws), as_is=True) for raw in raws], []
    kept: list[RawItem] = []
    notes: list[str] = []
    new_number: dict[int, int] = {}
    unset: list[int] = []
    for raw in raws:
        new_number.setdefault(raw.jump_id, len(kept) + 1)
        if raw.command == MavCmd.DO_CHANGE_SPEED and raw.params[1] > 0:
            speed_m_s = raw.params[1]
        converted, note = _replace_unsupported(raw, speed_m_s)
        if note:
            notes.append(note)
        if converted is None:
            continue
        cleaned = _without_nan(converted)
        if cleaned is not converted:
            unset.append(len(kept) + 1)
        kept.append(cleaned)
    if unset:
        numbers = ", ".join(map(str, unset[:20])) + (" …" if len(unset) > 20 else "")
        notes.append(
            Message(
                "unset (NaN) parameters that ArduPilot refuses were read as 0 in items {numbers}",
                numbers=numbers,
            )
        )
    return [_with_jump_target(raw, new_number, len(kept)) for raw in kept], notes


def _replace_unsupported(raw: RawItem, speed_m_s: float | None) -> tuple[RawItem | None, str]:
    if raw.command == MavCmd.SET_CAMERA_MODE:
        return None, f"{raw.where}: {command_name(raw.command)} (530) dropped, ArduPilot refuses it"
    if raw.command == CONDITION_GATE:
        waypoint = replace(
            raw, command=int(MavCmd.NAV_WAYPOINT), params=(0.0, 0.0, 0.0, math.nan, *raw.params[4:])
        )
        return waypoint, f"{raw.where}: CONDITION_GATE (4501) converted to a waypoint at the same place"
    if raw.command != MavCmd.DO_SET_CAM_TRIGG_INTERVAL:
        return raw, ""
    name = f"{raw.where}: {command_name(raw.command)} (214)"
    interval_s = raw.params[0] / 1000.0
    if not interval_s > 0:
        distance_m, note = 0.0, f"{name} with no interval converted to camera off"
    elif speed_m_s:
        distance_m = interval_s * speed_m_s
        note = (
            f"{name} of {interval_s:g} s converted to a trigger every {distance_m:g} m at {speed_m_s:g} m/s"
        )
    else:
        return None, f"{name} dropped, so no photographs are taken there: the file states no speed"
    trigger = int(MavCmd.DO_SET_CAM_TRIGG_DIST)
    return replace(raw, command=trigger, frame=2, params=(distance_m, *(0.0,) * 6)), note


def _without_nan(raw: RawItem) -> RawItem:
    place = takes_place(raw.command)
    params = tuple(
        0.0
        if math.isnan(p) and not (place and n > 4) and not (n == 4 and raw.command in _NAN_YAW_ACCEPTED)
        else p
        for n, p in enumerate(raw.params, start=1)
    )
    return (
        raw if all(a is b for a, b in zip(params, raw.params, strict=True)) else replace(raw, params=params)
    )


def _with_jump_target(
    raw: RawItem, new_number: dict[int, int], count: int, *, as_is: bool = False
) -> RawItem:
    target = raw.params[0]
    lost = raw.command == MavCmd.DO_JUMP and (not math.isfinite(target) or int(target) not in new_number)
    if raw.command != MavCmd.DO_JUMP or (as_is and lost):
        return raw
    if new_number.get(int(target), count + 1) > count:
        raise PlanFileError(
            Message("DO_JUMP to item {target:g}, which the file does not have", target=target),
            where=raw.where,
            remedy="let it jump to an item of this mission",
        )
    return replace(raw, params=(float(new_number[int(target)]), *raw.params[1:]))
