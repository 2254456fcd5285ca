"""Reads DJI WPML ``.kmz`` files: the wayline that the aircraft flies, and home from the template."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from airbeat import __version__
from airbeat.errors import InputFileError, PlanFileError
from airbeat.formats.archive import read_members
from airbeat.formats.items import height_m, infer_roles
from airbeat.formats.limits import MAX_ITEMS, check_count, clean_text
from airbeat.formats.wayline import (
    Action,
    ActionKind,
    Finish,
    PhotoSpan,
    Wayline,
    WaylinePoint,
    items_of,
)
from airbeat.formats.wpml import AIRCRAFT, CURVE, FINISH, FLY_TO, FUNCTIONS, LOST_LINK, RELATIVE, STOP
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.mission.plan import FlightPlan, Provenance
from airbeat.mission.xmltree import local_name, xml_tree

__all__ = ["read_wpml"]


def read_wpml(data: bytes, *, name: str) -> FlightPlan:
    """A plan from the bytes of a DJI ``.kmz``.

    ``waylines.wpml`` decides; home comes from the template's reference take-off point, and where there is
    none the first waypoint stands for it, which the plan's notes say. Actions that have no MAVLink command,
    and headings that do not follow the line, are left out and said.

    Raises:
        PlanFileError: with the waypoint's index and what to do about it.
    """
    members = read_members(data, suffixes=(".kml", ".wpml"), where=name)
    waylines = _member(members, "waylines.wpml", name)
    reader = _Reader(name)
    root = _root(waylines, f"{name}: waylines.wpml")
    template = next((m for n, m in members.items() if PurePath(n).name == "template.kml"), None)
    if template is None:
        reader.notes.append("the file has no template.kml: FlightHub 2 would refuse it")
    wayline = reader.wayline(root, None if template is None else _root(template, f"{name}: template.kml"))
    home = wayline.home
    if home is None:
        home = wayline.points[0].position
        reader.notes.append("the file states no take-off place: the first waypoint stands for it")
    if wayline.home_amsl_m is None:
        reader.notes.append("the file does not say how high home lies above sea level")
    reader.notes.append("a DJI wayline holds no fence and no rally points")
    return FlightPlan(
        name=PurePath(name).stem,
        home=home,
        home_amsl_m=wayline.home_amsl_m,
        items=infer_roles(items_of(wayline)),
        speed_m_s=wayline.speed_m_s,
        notes=tuple(dict.fromkeys(reader.notes)),
        provenance=Provenance(
            tool_version=__version__,
            source_name=PurePath(name).name,
            source_sha256=hashlib.sha256(data).hexdigest(),
        ),
    )


def _member(members: dict[str, bytes], wanted: str, name: str) -> bytes:
    found = [content for member, content in members.items() if PurePath(member).name == wanted]
    if len(found) != 1:
        raise PlanFileError(
            Message("the archive holds {count} {wanted}", count=len(found), wanted=wanted)
            if found
            else Message("the archive holds no {wanted}", wanted=wanted),
            where=name,
            remedy="give a .kmz that DJI Pilot 2 or FlightHub 2 exported",
        )
    return found[0]


def _root(content: bytes, where: str) -> Any:
    try:
        return xml_tree(content, kind="wayline", error=PlanFileError)
    except PlanFileError as error:
        place = f"{where}: {error.where}".rstrip(": ")
        raise PlanFileError(error.message, where=place, remedy=error.remedy) from error


def _children(element: Any, name: str) -> list[Any]:
    return [child for child in element if local_name(child) == name]


def _child(element: Any, *path: str) -> Any | None:
    for name in path:
        found = _children(element, name) if element is not None else []
        element = found[0] if found else None
    return element


def _string(element: Any, *path: str) -> str:
    found = _child(element, *path)
    return "" if found is None else (found.text or "").strip()


class _Reader:
    """Reads one file; gathers what must be said about it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.notes: list[str] = []

    def wayline(self, waylines: Any, template: Any | None) -> Wayline:
        where = f"{self.name}: waylines.wpml"
        document = _child(waylines, "Document")
        folders = _children(document, "Folder") if document is not None else []
        if len(folders) != 1:
            raise PlanFileError(
                Message("{folders} waylines in one file, exactly one can be read", folders=len(folders)),
                where=where,
                remedy="export one wayline at a time",
            )
        config, folder = _child(document, "missionConfig"), folders[0]
        mode = _string(folder, "executeHeightMode")
        if mode != RELATIVE:
            raise PlanFileError(
                Message(
                    "executeHeightMode {clean_text!r}: heights that do not count from the take-off place "
                    "cannot be read without a geoid or terrain model",
                    clean_text=clean_text(mode, limit=40),
                ),
                where=where,
                remedy='plan it with heights "relative to takeoff point" (ALT)',
            )
        speed = self.optional(folder, "autoFlightSpeed", where=where)
        placemarks = _children(folder, "Placemark")
        check_count(len(placemarks), MAX_ITEMS, what="waypoints", where=where)
        if not placemarks:
            raise PlanFileError("the wayline has no waypoint", where=where)
        points, spans = [], []
        for index, placemark in enumerate(placemarks):
            point, found = self.point(placemark, index, len(placemarks), where=f"{where}: waypoint {index}")
            points.append(point)
            spans += found
        self.notes += [*_said_of(config), *_turns(placemarks)]
        approach = self.optional(config, "globalTransitionalSpeed", where=where)
        home, home_amsl_m = self.home(template)
        return Wayline(
            home=home,
            home_amsl_m=home_amsl_m,
            take_off_height_m=self.optional(config, "takeOffSecurityHeight", where=where),
            speed_m_s=speed,
            approach_speed_m_s=approach,
            points=tuple(points),
            spans=_apart(spans, self.notes),
            finish=self.finish(config),
        )

    def finish(self, config: Any | None) -> Finish:
        action = _string(config, "finishAction")
        if action == "gotoFirstWaypoint":
            self.notes.append("the wayline ends by flying to its first waypoint; read as staying there")
        return next((finish for finish, word in FINISH.items() if word == action), Finish.STAY)

    def home(self, template: Any | None) -> tuple[LatLon | None, float | None]:
        text = _string(template, "Document", "missionConfig", "takeOffRefPoint")
        where = f"{self.name}: template.kml: takeOffRefPoint"
        if not text:
            return None, None
        parts = text.split(",")
        if len(parts) != 3:
            raise PlanFileError("not latitude,longitude,height", where=where)
        lat, lon, height = (_number(part, where=where, what="takeOffRefPoint") for part in parts)
        amsl_m = height_m(height, where=where)
        return _latlon(lat, lon, where), amsl_m if amsl_m != 0.0 else None

    def optional(self, element: Any | None, name: str, *, where: str) -> float | None:
        text = _string(element, name)
        return _number(text, where=where, what=name) if text else None

    def required(self, element: Any | None, name: str, *, where: str) -> float:
        return _number(_string(element, name), where=where, what=name)

    def point(
        self, placemark: Any, index: int, count: int, *, where: str
    ) -> tuple[WaylinePoint, list[PhotoSpan]]:
        if self.required(placemark, "index", where=where) != index:
            raise PlanFileError(
                "its index does not follow the one before", where=where, remedy="indices count 0, 1, 2, …"
            )
        parts = _string(placemark, "Point", "coordinates").split(",")
        if len(parts) not in (2, 3):
            raise PlanFileError("coordinates must be longitude,latitude", where=where)
        lon, lat = (_number(part, where=where, what="a coordinate") for part in parts[:2])
        mode = _string(placemark, "waypointHeadingParam", "waypointHeadingMode")
        if mode and mode != "followWayline":
            self.notes.append(
                Message(
                    "waypoint {index}: heading mode {mode} is not read",
                    index=index,
                    mode=clean_text(mode, limit=40),
                )
            )
        actions: list[Action] = []
        spans: list[PhotoSpan] = []
        for group in _children(placemark, "actionGroup"):
            self.group(group, index, count, actions, spans, where=where)
        turn = _string(placemark, "waypointTurnParam", "waypointTurnMode")
        return (
            WaylinePoint(
                position=_latlon(lat, lon, where),
                height_m=height_m(self.required(placemark, "executeHeight", where=where), where=where),
                speed_m_s=self.optional(placemark, "waypointSpeed", where=where),
                actions=tuple(actions),
                smooth=turn not in ("", STOP),
            ),
            spans,
        )

    def group(
        self,
        group: Any,
        index: int,
        count: int,
        actions: list[Action],
        spans: list[PhotoSpan],
        *,
        where: str,
    ) -> None:
        trigger = _string(group, "actionTrigger", "actionTriggerType")
        found = [self.action(a, where=where) for a in _children(group, "action")]
        known = [action for action in found if action is not None]
        first = self.required(group, "actionGroupStartIndex", where=where)
        last = self.required(group, "actionGroupEndIndex", where=where)
        if not (first.is_integer() and last.is_integer() and 0 <= first <= last < count):
            raise PlanFileError(
                Message(
                    "an action group from waypoint {first:g} to {last:g} of {count}",
                    first=first,
                    last=last,
                    count=count,
                ),
                where=where,
            )
        if trigger == "reachPoint" and first == last == index:
            actions += known
        elif trigger == "multipleDistance" and any(a.kind is ActionKind.PHOTO for a in known):
            distance = self.required(_child(group, "actionTrigger"), "actionTriggerParam", where=where)
            if not distance > 0:
                raise PlanFileError(
                    Message("photographs every {distance:g} m", distance=distance), where=where
                )
            if first < last:
                spans.append(PhotoSpan(first=int(first), last=int(last), distance_m=distance))
        elif known:
            self.notes.append(
                Message(
                    "waypoint {index}: actions with trigger {trigger!r} are not read",
                    index=index,
                    trigger=clean_text(trigger, limit=40),
                )
            )

    def action(self, element: Any, *, where: str) -> Action | None:
        function = _string(element, "actionActuatorFunc")
        params = _child(element, "actionActuatorFuncParam")
        kind = next((k for k, word in FUNCTIONS.items() if word == function), None)
        if kind is None:
            self.notes.append(
                Message(
                    "{where}: action {function!r} is not read",
                    where=where,
                    function=clean_text(function, limit=40),
                )
            )
            return None
        if kind is ActionKind.HOVER:
            return Action(kind=kind, value=self.required(params, "hoverTime", where=where))
        if kind is ActionKind.HEADING:
            heading = self.required(params, "aircraftHeading", where=where)
            return Action(kind=kind, value=heading % 360.0)
        if kind is ActionKind.GIMBAL_PITCH:
            if _string(params, "gimbalPitchRotateEnable") == "0":
                self.notes.append(
                    Message("{where}: a gimbal turn about another axis than pitch is not read", where=where)
                )
                return None
            return Action(kind=kind, value=self.required(params, "gimbalPitchRotateAngle", where=where))
        return Action(kind=kind)


def _said_of(config: Any | None) -> Iterator[str]:
    """What a file says of aircraft, lost link and the way to the first waypoint, where it is not kept."""
    if config is None:
        return
    numbers = [
        _string(config, "droneInfo", "droneEnumValue"),
        _string(config, "droneInfo", "droneSubEnumValue") or "0",
        _string(config, "payloadInfo", "payloadEnumValue"),
    ]
    if numbers[0]:
        known = {
            (str(a.drone), str(a.drone_sub), str(a.payload)): (key, a.title) for key, a in AIRCRAFT.items()
        }.get((numbers[0], numbers[1], numbers[2]))
        drone, sub, payload = (clean_text(number, limit=20) for number in numbers)
        yield (
            f"the file is for a {known[1]} (--aircraft {known[0]} writes one for it)"
            if known
            else f"the file is for an aircraft that airbeat does not know (drone {drone}/{sub}, payload"
            f" {payload or 'none'})"
        )
    lost = (_string(config, "exitOnRCLost"), _string(config, "executeRCLostAction"))
    if lost[0] and lost[:1] != LOST_LINK[:1]:
        yield "without radio contact the aircraft goes on with the wayline; that is not kept"
    elif lost[1] and lost[1] != LOST_LINK[1]:
        yield f"without radio contact: {clean_text(lost[1], limit=40)}; that is not kept"
    fly_to = _string(config, "flyToWaylineMode")
    if fly_to and fly_to != FLY_TO:
        yield f"flyToWaylineMode {clean_text(fly_to, limit=40)}: the first leg may climb on its way; not kept"


def _turns(placemarks: Sequence[Any]) -> Iterator[str]:
    """Turns that are neither a stop nor a curve through the waypoint, by their mode."""
    found: dict[str, list[int]] = {}
    for index, placemark in enumerate(placemarks):
        mode = _string(placemark, "waypointTurnParam", "waypointTurnMode")
        if mode not in ("", STOP, CURVE):
            found.setdefault(mode, []).append(index)
    for mode, indices in found.items():
        yield (
            f"turn mode {clean_text(mode, limit=60)} of {len(indices)} waypoints (the first is {indices[0]})"
            " is read as a curve through the waypoint"
        )


def _apart(spans: list[PhotoSpan], notes: list[str]) -> tuple[PhotoSpan, ...]:
    """Spans in order; one that begins before the one before has ended is left out and said."""
    kept: list[PhotoSpan] = []
    for span in sorted(spans, key=lambda s: (s.first, s.last)):
        if kept and span.first < kept[-1].last:
            notes.append(
                Message(
                    "photographs by distance from waypoint {first} overlap others; not read", first=span.first
                )
            )
        else:
            kept.append(span)
    return tuple(kept)


def _number(text: str, *, where: str, what: str) -> float:
    try:
        value = float(text.strip()[:60])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise PlanFileError(
            Message(
                "{what} is {clean_text!r}, which is not a number",
                what=what,
                clean_text=clean_text(text, limit=40),
            ),
            where=where,
        )
    return value


def _latlon(lat_deg: float, lon_deg: float, where: str) -> LatLon:
    try:
        return LatLon(lat_deg=lat_deg, lon_deg=lon_deg)
    except InputFileError as error:
        raise PlanFileError(error.message, where=where, remedy=error.remedy) from None
