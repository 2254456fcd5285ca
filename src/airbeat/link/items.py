"""FlightPlan to MISSION_ITEM_INT fields and back, and the comparison that knows what ArduPilot loses.

Protocol: https://mavlink.io/en/services/mission.html. What is lost follows ArduPilot's AP_Mission
(``mavlink_int_to_mission_cmd`` and back), AC_PolyFence_loader and AP_Rally for a copter.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from airbeat.errors import PlanFileError
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.language.words import Message
from airbeat.link.dialect import mavlink
from airbeat.mission.commands import MavCmd, command_name, takes_place
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon, FlightPlan, PlanItem, RallyPoint

__all__ = [
    "MissionType",
    "WireItem",
    "canonical_sha256",
    "compare_items",
    "fence_from_items",
    "fence_items",
    "losses",
    "mission_items",
    "plan_items_from_wire",
    "rally_from_items",
    "rally_items",
]


class MissionType(IntEnum):
    """MAV_MISSION_TYPE."""

    MISSION = 0
    FENCE = 1
    RALLY = 2

    @property
    def words(self) -> str:
        """What people call it: mission, fence or rally points."""
        return (Message("mission"), Message("fence"), Message("rally points"))[self]


FRAME_MISSION = 2
_FRAME_OF_DATUM = {AltitudeDatum.AMSL: 0, AltitudeDatum.HOME: 3, AltitudeDatum.AGL: 10}
_BASE_FRAME = {5: 0, 6: 3, 11: 10, FRAME_MISSION: 0}
"""What ArduPilot stores for the _INT frames, and for MAV_FRAME_MISSION on a place."""
_DATUM_OF_FRAME = {frame: datum for datum, frame in _FRAME_OF_DATUM.items()}
_NAN_PARAM4_ACCEPTED = frozenset(
    {MavCmd.NAV_WAYPOINT, MavCmd.NAV_LOITER_UNLIM, MavCmd.NAV_TAKEOFF, MavCmd.NAV_LAND, 84, 85}
)
_INT32 = 2**31


def float32(value: float) -> float:
    """A number as it arrives in a MAVLink float field."""
    result: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class WireItem:
    """The fields of one MISSION_ITEM_INT.

    Attributes:
        seq: sequence number; 0 is home in missions.
        command: MAV_CMD number.
        frame: MAV_FRAME number.
        params: param1…param4.
        x: latitude [1e-7 degrees] for places, else param5.
        y: longitude [1e-7 degrees] for places, else param6.
        z: height [m] for places, else param7.
        autocontinue: as in the message.
        mission_type: mission, fence or rally.
    """

    seq: int
    command: int
    frame: int
    params: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    x: int = 0
    y: int = 0
    z: float = 0.0
    autocontinue: bool = True
    mission_type: MissionType = MissionType.MISSION

    def message(self, *, target_system: int, target_component: int) -> Any:
        """The MISSION_ITEM_INT message for a vehicle."""
        return mavlink.MAVLink_mission_item_int_message(
            target_system,
            target_component,
            self.seq,
            self.frame,
            self.command,
            0,
            int(self.autocontinue),
            *self.params,
            self.x,
            self.y,
            self.z,
            int(self.mission_type),
        )

    @classmethod
    def from_message(cls, message: Any) -> WireItem:
        """From a received MISSION_ITEM_INT.

        Raises:
            ValueError: a mission type that is none of the three.
        """
        return cls(
            seq=message.seq,
            command=message.command,
            frame=message.frame,
            params=(message.param1, message.param2, message.param3, message.param4),
            x=message.x,
            y=message.y,
            z=message.z,
            autocontinue=bool(message.autocontinue),
            mission_type=MissionType(message.mission_type),
        )


def _degrees_e7(value_deg: float) -> int:
    return round(value_deg * 1e7)


def _zero_for_nan(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _as_int32(value: float, where: str) -> int:
    if not math.isfinite(value) or not -_INT32 <= round(value) < _INT32:
        raise PlanFileError(Message("{value:g} does not fit a MAVLink integer", value=value), where=where)
    return round(value)


def _wire(seq: int, item: PlanItem) -> WireItem:
    where = f"item {seq}"
    for number, value in enumerate(item.params, start=1):
        if math.isinf(value):
            raise PlanFileError(Message("parameter {number} is infinite", number=number), where=where)
    keeps_nan = item.command in _NAN_PARAM4_ACCEPTED
    p1, p2, p3 = (_zero_for_nan(p) for p in item.params[:3])
    p4 = item.params[3] if keeps_nan else _zero_for_nan(item.params[3])
    if item.position is None and item.altitude is None:
        place = takes_place(item.command)
        x, y = (_as_int32(_zero_for_nan(v), where) for v in item.extra[:2])
        z = _zero_for_nan(item.extra[2])
        frame = _FRAME_OF_DATUM[AltitudeDatum.HOME] if place else FRAME_MISSION
    else:
        frame = _FRAME_OF_DATUM[item.altitude.datum if item.altitude else AltitudeDatum.HOME]
        x = _degrees_e7(item.position.lat_deg) if item.position else 0
        y = _degrees_e7(item.position.lon_deg) if item.position else 0
        z = item.altitude.value_m if item.altitude else 0.0
    return WireItem(
        seq=seq,
        command=item.command,
        frame=frame,
        params=(p1, p2, p3, p4),
        x=x,
        y=y,
        z=z,
        autocontinue=item.autocontinue,
    )


def mission_items(plan: FlightPlan) -> list[WireItem]:
    """The plan's mission with home as item 0.

    NaN becomes 0 where ArduPilot would answer INVALID_PARAM.

    Raises:
        PlanFileError: a number that no MAVLink field can hold.
    """
    home = WireItem(
        seq=0,
        command=MavCmd.NAV_WAYPOINT,
        frame=0,
        x=_degrees_e7(plan.home.lat_deg),
        y=_degrees_e7(plan.home.lon_deg),
        z=plan.home_amsl_m or 0.0,
    )
    return [home, *(_wire(seq, item) for seq, item in plan.numbered())]


def fence_items(fence: Fence) -> list[WireItem]:
    """The fence's zones; every vertex carries its polygon's vertex count, and polygons are contiguous.

    The ceiling is no item but a parameter (FENCE_ALT_MAX).
    """
    rows: list[tuple[int, float, LatLon]] = []
    for polygon in fence.polygons:
        command = (
            MavCmd.NAV_FENCE_POLYGON_VERTEX_INCLUSION
            if polygon.inclusion
            else MavCmd.NAV_FENCE_POLYGON_VERTEX_EXCLUSION
        )
        rows += [(command, float(len(polygon.vertices)), vertex) for vertex in polygon.vertices]
    for circle in fence.circles:
        command = MavCmd.NAV_FENCE_CIRCLE_INCLUSION if circle.inclusion else MavCmd.NAV_FENCE_CIRCLE_EXCLUSION
        rows.append((command, circle.radius_m, circle.centre))
    if fence.breach_return is not None:
        rows.append((MavCmd.NAV_FENCE_RETURN_POINT, 0.0, fence.breach_return[0]))
    return [
        WireItem(
            seq=seq,
            command=command,
            frame=0,
            params=(p1, 0.0, 0.0, 0.0),
            x=_degrees_e7(position.lat_deg),
            y=_degrees_e7(position.lon_deg),
            mission_type=MissionType.FENCE,
        )
        for seq, (command, p1, position) in enumerate(rows)
    ]


def rally_items(rally: Iterable[RallyPoint]) -> list[WireItem]:
    """The rally points."""
    return [
        WireItem(
            seq=seq,
            command=MavCmd.NAV_RALLY_POINT,
            frame=_FRAME_OF_DATUM[point.altitude.datum],
            x=_degrees_e7(point.position.lat_deg),
            y=_degrees_e7(point.position.lon_deg),
            z=point.altitude.value_m,
            mission_type=MissionType.RALLY,
        )
        for seq, point in enumerate(rally)
    ]


def _position(item: WireItem) -> LatLon:
    return LatLon(lat_deg=item.x / 1e7, lon_deg=item.y / 1e7)


def plan_items_from_wire(items: Sequence[WireItem]) -> tuple[PlanItem, ...]:
    """Mission items 1…n as the plan holds them; item 0 (home) is left out.

    Raises:
        GeometryError: a place that is not on Earth.
        PlanFileError: a place in a frame that is not a global one.
    """
    return tuple(_plan_item(item) for item in items if item.seq > 0)


def _plan_item(item: WireItem) -> PlanItem:
    if not takes_place(item.command):
        return PlanItem(
            command=item.command,
            params=item.params,
            extra=(float(item.x), float(item.y), item.z),
            autocontinue=item.autocontinue,
        )
    datum = _DATUM_OF_FRAME.get(_BASE_FRAME.get(item.frame, item.frame))
    if datum is None:
        raise PlanFileError(
            Message("frame {frame} is not a global frame", frame=item.frame), where=f"item {item.seq}"
        )
    return PlanItem(
        command=item.command,
        params=item.params,
        position=_position(item) if item.x or item.y else None,
        altitude=Altitude(value_m=item.z, datum=datum),
        autocontinue=item.autocontinue,
    )


def fence_from_items(items: Sequence[WireItem]) -> Fence:
    """The fence that a vehicle holds.

    Raises:
        PlanFileError: vertices that do not add up to polygons, or a command that is no fence item.
    """
    polygons: list[FencePolygon] = []
    circles: list[FenceCircle] = []
    breach_return: tuple[LatLon, float] | None = None
    vertices: list[LatLon] = []
    for item in items:
        where = f"fence item {item.seq}"
        if item.command in (
            MavCmd.NAV_FENCE_POLYGON_VERTEX_INCLUSION,
            MavCmd.NAV_FENCE_POLYGON_VERTEX_EXCLUSION,
        ):
            vertices.append(_position(item))
            if len(vertices) == round(item.params[0]):
                inclusion = item.command == MavCmd.NAV_FENCE_POLYGON_VERTEX_INCLUSION
                polygons.append(FencePolygon(inclusion=inclusion, vertices=tuple(vertices)))
                vertices = []
            continue
        if vertices:
            raise PlanFileError("a polygon ends before its last vertex", where=where)
        if item.command in (MavCmd.NAV_FENCE_CIRCLE_INCLUSION, MavCmd.NAV_FENCE_CIRCLE_EXCLUSION):
            inclusion = item.command == MavCmd.NAV_FENCE_CIRCLE_INCLUSION
            circles.append(FenceCircle(inclusion=inclusion, centre=_position(item), radius_m=item.params[0]))
        elif item.command == MavCmd.NAV_FENCE_RETURN_POINT:
            breach_return = (_position(item), item.z)
        else:
            raise PlanFileError(
                Message("{command_name} is no fence item", command_name=command_name(item.command)),
                where=where,
            )
    if vertices:
        raise PlanFileError("the last polygon is incomplete", where="fence")
    return Fence(polygons=tuple(polygons), circles=tuple(circles), breach_return=breach_return)


def rally_from_items(items: Sequence[WireItem]) -> tuple[RallyPoint, ...]:
    """The rally points that a vehicle holds."""
    return tuple(
        RallyPoint(
            position=_position(item),
            altitude=Altitude(
                value_m=item.z,
                datum=_DATUM_OF_FRAME.get(_BASE_FRAME.get(item.frame, item.frame), AltitudeDatum.HOME),
            ),
        )
        for item in items
    )


# Parameters that ArduCopter keeps, by command; those of commands not named here are compared in full.
_KEPT_PARAMS: dict[int, tuple[int, ...]] = {
    MavCmd.NAV_WAYPOINT: (1,),
    MavCmd.NAV_LOITER_UNLIM: (),
    MavCmd.NAV_LOITER_TURNS: (1, 3),
    MavCmd.NAV_LOITER_TIME: (1,),
    MavCmd.NAV_RETURN_TO_LAUNCH: (),
    MavCmd.NAV_LAND: (1,),
    MavCmd.NAV_TAKEOFF: (1,),
    MavCmd.NAV_SPLINE_WAYPOINT: (1,),
    MavCmd.NAV_GUIDED_ENABLE: (1,),
    MavCmd.CONDITION_DELAY: (1,),
    MavCmd.CONDITION_DISTANCE: (1,),
    MavCmd.DO_SET_MODE: (1,),
    MavCmd.DO_JUMP: (1, 2),
    MavCmd.DO_CHANGE_SPEED: (1, 2, 3),
    MavCmd.DO_SET_HOME: (1,),
    MavCmd.DO_SET_RELAY: (1, 2),
    MavCmd.DO_SET_SERVO: (1, 2),
    MavCmd.DO_LAND_START: (),
    MavCmd.DO_SET_ROI_LOCATION: (),
    MavCmd.DO_SET_ROI_NONE: (),
    MavCmd.DO_SET_ROI: (1,),
    MavCmd.DO_MOUNT_CONTROL: (1, 2, 3),
    MavCmd.DO_SET_CAM_TRIGG_DIST: (1, 3),
    MavCmd.DO_FENCE_ENABLE: (1,),
    MavCmd.JUMP_TAG: (1,),
    MavCmd.DO_JUMP_TAG: (1, 2),
}
_WHOLE_PARAM1 = frozenset(
    {
        MavCmd.NAV_WAYPOINT,
        MavCmd.NAV_LOITER_TIME,
        MavCmd.NAV_LAND,
        MavCmd.NAV_TAKEOFF,
        MavCmd.NAV_SPLINE_WAYPOINT,
    }
)
"""Commands whose param1 ArduPilot keeps as a whole number."""
_NO_TAIL = frozenset(command for command in _KEPT_PARAMS if not takes_place(command))
"""Commands whose param5…param7 mean nothing and are not stored."""
_HEIGHT_TOLERANCE_M = 0.011
"""Heights are stored as truncated centimetres."""
_RALLY_HEIGHT_TOLERANCE_M = 1.0
"""Rally heights are stored as truncated whole metres."""
_WIDE_TURN_RADIUS_M = 255.0


@dataclass(frozen=True, slots=True)
class _Canonical:
    """What of an item survives in ArduCopter; two items say the same when all of it agrees."""

    command: int
    frame: int
    params: tuple[float, ...]
    x: int
    y: int
    z: float


def _kept_params(item: WireItem) -> tuple[float, ...]:
    kept = _KEPT_PARAMS.get(item.command, (1, 2, 3, 4))
    params = [float32(_zero_for_nan(p)) if n in kept else 0.0 for n, p in enumerate(item.params, start=1)]
    if item.command in _WHOLE_PARAM1:
        params[0] = float(math.trunc(params[0]))
    if item.command == MavCmd.NAV_LOITER_TURNS and abs(params[2]) > _WIDE_TURN_RADIUS_M:
        params[2] = math.copysign(math.floor(abs(params[2]) / 10 + 0.5) * 10.0, params[2])
    if item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
        params[2] = float(params[2] == 1.0)
    return tuple(params)


def _canonical(item: WireItem) -> _Canonical:
    if item.mission_type is MissionType.FENCE:
        return _Canonical(item.command, 0, (float32(item.params[0]),), item.x, item.y, 0.0)
    frame = _BASE_FRAME.get(item.frame, item.frame)
    if item.mission_type is MissionType.RALLY:
        return _Canonical(item.command, frame, (), item.x, item.y, float32(item.z))
    if takes_place(item.command):
        return _Canonical(item.command, frame, _kept_params(item), item.x, item.y, float32(item.z))
    tail = (0, 0, 0.0) if item.command in _NO_TAIL else (item.x, item.y, float32(item.z))
    return _Canonical(item.command, 0, _kept_params(item), *tail)


def _significant(items: Sequence[WireItem]) -> list[WireItem]:
    """Without a mission's item 0, which is the vehicle's live home and ignores what is written."""
    return [i for i in items if not (i.mission_type is MissionType.MISSION and i.seq == 0)]


def _difference(sent: WireItem, held: WireItem) -> str:
    """What differs in one item, in words; empty when nothing does."""
    want, got = _canonical(sent), _canonical(held)
    if want.command != got.command:
        return f"sent {command_name(want.command)}, the vehicle holds {command_name(got.command)}"
    parts = []
    if want.frame != got.frame:
        parts.append(f"frame {want.frame} became {got.frame}")
    for number, (a, b) in enumerate(zip(want.params, got.params, strict=True), start=1):
        if not math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6):
            parts.append(f"parameter {number}: sent {a:g}, holds {b:g}")
    if (want.x, want.y) != (got.x, got.y):
        parts.append(
            f"position: sent {want.x / 1e7:.7f}, {want.y / 1e7:.7f}, "
            f"holds {got.x / 1e7:.7f}, {got.y / 1e7:.7f}"
        )
    rally = sent.mission_type is MissionType.RALLY
    tolerance = _RALLY_HEIGHT_TOLERANCE_M if rally else _HEIGHT_TOLERANCE_M
    if not abs(want.z - got.z) < tolerance:
        parts.append(f"height: sent {want.z:g} m, holds {got.z:g} m")
    return f"{command_name(want.command)}: {'; '.join(parts)}" if parts else ""


def compare_items(sent: Sequence[WireItem], held: Sequence[WireItem]) -> list[str]:
    """Differences between what was sent and what was read back, in words; empty when they say the same.

    Known losses of ArduPilot are no differences: a mission's item 0, frames 5/6/11, centimetre heights,
    whole seconds on waypoints, parameters a command does not use, whole metres of rally heights.
    """
    want, got = _significant(sent), _significant(held)
    differences = []
    if len(want) != len(got):
        differences.append(f"sent {len(want)} items, the vehicle holds {len(got)}")
    for a, b in zip(want, got, strict=False):
        text = _difference(a, b)
        if text:
            differences.append(f"item {a.seq}: {text}")
    return differences


def losses(items: Sequence[WireItem]) -> list[str]:
    """What of a mission ArduCopter will not store, in words: one line per command and parameter."""
    found: dict[tuple[int, str], list[int]] = {}
    for item in _significant(items):
        if item.mission_type is not MissionType.MISSION:
            continue
        kept = _kept_params(item)
        for n, (sent, held) in enumerate(zip(item.params, kept, strict=True), start=1):
            if not math.isclose(_zero_for_nan(sent), held, rel_tol=1e-6, abs_tol=1e-6):
                found.setdefault((item.command, f"parameter {n}"), []).append(item.seq)
    return [
        f"{command_name(command)}: ArduCopter does not keep {what} as given "
        f"(items {', '.join(map(str, seqs[:10]))}{' …' if len(seqs) > 10 else ''})"
        for (command, what), seqs in found.items()
    ]


def canonical_sha256(items: Sequence[WireItem]) -> str:
    """Hash of what a vehicle holds: equal for two read-backs of the same content.

    Heights are rounded to centimetres, rally heights to metres.
    """
    digest = hashlib.sha256()
    for item in _significant(items):
        c = _canonical(item)
        step = 1.0 if item.mission_type is MissionType.RALLY else 0.01
        params = (*c.params, 0.0, 0.0, 0.0, 0.0)[:4]
        digest.update(struct.pack("<HB4fiii", c.command, c.frame, *params, c.x, c.y, round(c.z / step)))
    return digest.hexdigest()
