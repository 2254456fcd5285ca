"""QGroundControl ``.plan``: mission, geofence and rally points in one JSON file.

Written in full double precision, so reading back gives the same numbers. What QGroundControl has no key
for (notes, roles, ceiling, provenance) goes into a top-level object ``airbeat``, which QGroundControl
ignores and drops when it saves the file. Not carried: airframe, survey, estimate. A plan's editable patterns
are written and read as QGroundControl's survey and corridor scan items (`airbeat.formats.qgc_complex`).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from airbeat import __version__
from airbeat.errors import PlanFileError
from airbeat.formats.items import (
    FRAME_OF_DATUM,
    RawItem,
    fit_for_ardupilot,
    from_raw,
    height_m,
    infer_roles,
    to_raw,
)
from airbeat.formats.jsontext import (
    get_list,
    get_number,
    get_object,
    latlon,
    load_object,
    number,
    shown,
    whole,
)
from airbeat.formats.limits import (
    MAX_ITEMS,
    MAX_RALLY_POINTS,
    MAX_VERTICES,
    check_count,
    clean_text,
    sha256_of_text,
)
from airbeat.formats.qgc_complex import complex_object, pattern_kind, read_settings
from airbeat.formats.qgc_vehicle import FIXED_WING, drawn_for
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.language.words import Message
from airbeat.mission.editable import EditablePattern
from airbeat.mission.plan import (
    Fence,
    FenceCircle,
    FencePolygon,
    FlightPlan,
    ItemRole,
    PlanItem,
    Provenance,
    RallyPoint,
)

__all__ = ["read_qgc_plan", "write_qgc_plan"]

_MODE_OF_DATUM = {AltitudeDatum.HOME: 1, AltitudeDatum.AMSL: 2, AltitudeDatum.AGL: 4}
_FRAME_OF_MODE = {1: 3, 2: 0, 3: 0, 4: 10}
_CALCULATED_ABOVE_TERRAIN = 3
_MIXED_MODES = 0
_ALTITUDE_KEYS = ("Altitude", "AltitudeMode", "AMSLAltAboveTerrain")
_EXTENSION = "airbeat"
_MAX_NOTES = 200


def write_qgc_plan(plan: FlightPlan) -> str:
    """A plan as the text of a QGroundControl ``.plan`` file.

    Raises:
        PlanFileError: a rally point whose height above home is not known, or a number JSON cannot hold.
    """
    speed = plan.speed_m_s
    datums = {i.altitude.datum for _, i in plan.numbered() if i.altitude}
    mode = _MODE_OF_DATUM[datums.pop()] if len(datums) == 1 else (_MIXED_MODES if datums else 1)
    document = {
        "fileType": "Plan",
        "version": 1,
        "groundStation": "QGroundControl",
        "mission": {
            "version": 2,
            "firmwareType": 3,
            "vehicleType": 2,
            "cruiseSpeed": 15 if speed is None else speed,
            "hoverSpeed": 5 if speed is None else speed,
            "globalPlanAltitudeMode": mode,
            "plannedHomePosition": [plan.home.lat_deg, plan.home.lon_deg, plan.home_amsl_m or 0.0],
            "items": _entries(plan),
        },
        "geoFence": _fence_object(plan.fence),
        "rallyPoints": {
            "version": 2,
            "points": [_rally_array(r, n, plan) for n, r in enumerate(plan.rally or (), start=1)],
        },
        _EXTENSION: _extension_object(plan),
    }
    try:
        return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    except ValueError as e:
        raise PlanFileError(Message("the plan holds a number that JSON cannot: {e}", e=e)) from None


def _entries(plan: FlightPlan) -> list[dict[str, Any]]:
    """The mission's items; those of an editable pattern inside its complex item."""
    objects = [_item_object(item, number) for number, item in plan.numbered()]
    entries: list[dict[str, Any]] = []
    done = 0
    for pattern in plan.editable_patterns:
        inner = [
            {key: value for key, value in entry.items() if key not in _ALTITUDE_KEYS}
            for entry in objects[pattern.first - 1 : pattern.last]
        ]
        entries += [*objects[done : pattern.first - 1], complex_object(pattern, inner)]
        done = pattern.last
    return entries + objects[done:]


def _item_object(item: PlanItem, number: int) -> dict[str, Any]:
    raw = to_raw(item, number=number)
    result: dict[str, Any] = {
        "type": "SimpleItem",
        "command": raw.command,
        "frame": raw.frame,
        "autoContinue": raw.autocontinue,
        "doJumpId": number,
        "params": [None if math.isnan(p) else p for p in raw.params],
    }
    if item.altitude is not None:
        result["Altitude"] = item.altitude.value_m
        result["AltitudeMode"] = _MODE_OF_DATUM[item.altitude.datum]
        result["AMSLAltAboveTerrain"] = None
    return result


def _pair(position: LatLon) -> list[float]:
    return [position.lat_deg, position.lon_deg]


def _fence_object(fence: Fence | None) -> dict[str, Any]:
    fence = fence or Fence()
    result: dict[str, Any] = {
        "version": 2,
        "polygons": [
            {"version": 1, "inclusion": p.inclusion, "polygon": [_pair(v) for v in p.vertices]}
            for p in fence.polygons
        ],
        "circles": [
            {
                "version": 1,
                "inclusion": c.inclusion,
                "circle": {"center": _pair(c.centre), "radius": c.radius_m},
            }
            for c in fence.circles
        ],
    }
    if fence.breach_return:
        result["breachReturn"] = [*_pair(fence.breach_return[0]), fence.breach_return[1]]
    return result


def _rally_array(rally: RallyPoint, number: int, plan: FlightPlan) -> list[float]:
    height = rally.altitude.value_m
    if rally.altitude.datum is AltitudeDatum.AMSL and plan.home_amsl_m is not None:
        height -= plan.home_amsl_m
    elif rally.altitude.datum is not AltitudeDatum.HOME:
        raise PlanFileError(
            Message(
                "rally point {number} is {altitude}, and how high that is above home is not known",
                number=number,
                altitude=rally.altitude,
            ),
            remedy="give its height above home",
        )
    return [*_pair(rally.position), height]


def _extension_object(plan: FlightPlan) -> dict[str, Any]:
    return {
        "schema_version": plan.provenance.schema_version,
        "tool_version": plan.provenance.tool_version or __version__,
        "source_name": plan.provenance.source_name,
        "source_sha256": plan.provenance.source_sha256,
        "name": plan.name,
        "notes": list(plan.notes),
        "roles": [item.role.value for item in plan.items],
        "speed_m_s": plan.speed_m_s,
        "home_amsl_m": plan.home_amsl_m,
        "fence": None if plan.fence is None else {"max_height_m": plan.fence.max_height_m},
        "last_seen": _pair(plan.last_seen) if plan.last_seen else None,
    }


def read_qgc_plan(text: str, *, name: str, as_is: bool = False) -> FlightPlan:
    """A plan from the text of a ``.plan`` file.

    Survey and corridor items are expanded into the items they hold, and their settings kept as the plan's
    patterns; settings that QGroundControl could not load either are left out, with a note. An empty geoFence
    reads as no fence, since QGroundControl writes one into every file. Unknown keys are ignored.

    Args:
        text: the file's text.
        name: the file's name, for messages and as the plan's name.
        as_is: whether items that ArduPilot refuses stay as they are, for the checks to find.

    Raises:
        PlanFileError: with the item number and what to do about it.
    """
    document = load_object(text, name=name)
    if document.get("fileType") != "Plan":
        raise PlanFileError('fileType is not "Plan"', where=name, remedy="save it from the Plan view of QGC")
    mission = get_object(document, "mission", where=name)
    geofence = get_object(document, "geoFence", where=name)
    rally_points = get_object(document, "rallyPoints", where=name)
    extension = document.get(_EXTENSION)
    own = extension if isinstance(extension, dict) else {}

    notes: list[str] = []
    speed = _speed(mission, own, where=f"{name}: mission")
    settings: dict[int, dict[str, Any]] = {}
    raws = _raw_items(mission, notes, settings, name=name)
    if not own:
        notes += _expansions(mission, raws, name=name)
    notes += drawn_for(mission)
    kept, changes = fit_for_ardupilot(raws, speed_m_s=speed, as_is=as_is)
    items = _with_roles([from_raw(raw) for raw in kept], own.get("roles"))
    home, home_amsl_m = _home(mission, own, where=f"{name}: plannedHomePosition")
    if home_amsl_m is None:
        notes.append("the file does not say how high home lies above sea level")
    fence = _fence(geofence, own, where=f"{name}: geoFence")
    if fence is None and "fence" not in own:
        notes.append("the file has no fence zones: the vehicle's own fence stays as it is")
    rally = _rally(rally_points, where=f"{name}: rallyPoints")
    last_seen = own.get("last_seen")
    return FlightPlan(
        name=clean_text(own.get("name"), limit=200) or PurePath(name).stem,
        home=home,
        home_amsl_m=home_amsl_m,
        items=items,
        fence=fence,
        rally=rally,
        speed_m_s=speed,
        patterns=_patterns(kept, items, settings),
        last_seen=None if last_seen is None else latlon(last_seen, where=f"{name}: last_seen")[0],
        notes=tuple(dict.fromkeys((*_own_notes(own), *notes, *changes))),
        provenance=Provenance(
            tool_version=__version__, source_name=PurePath(name).name, source_sha256=sha256_of_text(text)
        ),
    )


def _own_notes(own: dict[str, Any]) -> list[str]:
    notes = own.get("notes")
    cleaned = [clean_text(note) for note in notes[:_MAX_NOTES]] if isinstance(notes, list) else []
    return [note for note in cleaned if note]


def _with_roles(items: list[PlanItem], roles: object) -> tuple[PlanItem, ...]:
    """The roles that airbeat wrote, where they still fit the items; else those that the commands tell."""
    known = {role.value: role for role in ItemRole}
    if isinstance(roles, list) and len(roles) == len(items):
        stated = [known.get(role) if isinstance(role, str) else None for role in roles]
        if None not in stated:
            return tuple(replace(i, role=r) for i, r in zip(items, stated, strict=True) if r is not None)
    return infer_roles(items)


def _speed(mission: dict[str, Any], own: dict[str, Any], *, where: str) -> float | None:
    if "speed_m_s" in own and own["speed_m_s"] is None:
        return None
    key = "cruiseSpeed" if mission.get("vehicleType") == FIXED_WING else "hoverSpeed"
    value = mission.get(key)
    speed = 0.0 if value is None else number(value, where=where, what=key)
    return speed if speed > 0 else None


def _home(mission: dict[str, Any], own: dict[str, Any], *, where: str) -> tuple[LatLon, float | None]:
    """Home and its height; 0 m is what programs write when they do not know it."""
    array = mission.get("plannedHomePosition")
    home, _ = latlon(array, where=where)
    stated = array[2] if isinstance(array, list) and len(array) > 2 else None
    if stated is None:
        return home, None
    amsl_m = height_m(number(stated, where=where, what="the height of home"), where=where)
    known = amsl_m != 0.0 or own.get("home_amsl_m") is not None
    return home, amsl_m if known else None


def _expansions(mission: dict[str, Any], raws: list[RawItem], *, name: str) -> list[str]:
    counts = Counter(raw.group for raw in raws if raw.group)
    kinds = [mission["items"][group - 1]["complexItemType"] for group in counts]
    return [
        f"{name}: item {group}: {kind} expanded into its {count} items"
        for kind, (group, count) in zip(kinds, counts.items(), strict=True)
    ]


def _patterns(
    kept: list[RawItem], items: tuple[PlanItem, ...], settings: dict[int, dict[str, Any]]
) -> tuple[EditablePattern, ...]:
    """The file's surveys and corridor scans, with what became of their items."""
    numbers: dict[int, list[int]] = {}
    for place, raw in enumerate(kept, start=1):
        if raw.group in settings:
            numbers.setdefault(raw.group, []).append(place)
    return tuple(
        EditablePattern(first=run[0], items=items[run[0] - 1 : run[-1]], **settings[group])
        for group, run in numbers.items()
    )


def _raw_items(
    mission: dict[str, Any], notes: list[str], settings: dict[int, dict[str, Any]], *, name: str
) -> list[RawItem]:
    raws: list[RawItem] = []
    entries = get_list(mission, "items", where=f"{name}: mission", limit=MAX_ITEMS)
    for index, entry in enumerate(entries, start=1):
        where = f"{name}: item {index}"
        if not isinstance(entry, dict):
            raise PlanFileError("an item must be an object", where=where)
        if entry.get("type") == "ComplexItem":
            raws += [replace(raw, group=index) for raw in _expanded(entry, notes, where=where)]
            _read_settings(entry, index, settings, notes, where=where)
        else:
            raws.append(_simple_item(entry, notes, where=where, alone=True))
        check_count(len(raws), MAX_ITEMS, what="items", where=where)
    # Files by other programs often lack doJumpId: then an item's number is its place, as in QGroundControl.
    return [r if r.jump_id else replace(r, jump_id=n) for n, r in enumerate(raws, start=1)]


def _expanded(entry: dict[str, Any], notes: list[str], *, where: str) -> list[RawItem]:
    kind = entry.get("complexItemType")
    if pattern_kind(entry) is None:
        raise PlanFileError(
            Message("a complex item of kind {shown} cannot be read", shown=shown(kind)),
            where=where,
            remedy="only survey and CorridorScan hold their items; save the mission as .waypoints",
        )
    if "TransectStyleComplexItem" not in entry and "grid" in entry:
        raise PlanFileError(
            Message("the {kind} was saved by an old QGroundControl, which did not save its items", kind=kind),
            where=where,
            remedy="open it in QGroundControl and save it again, or plan its polygon with --area",
        )
    transect = get_object(entry, "TransectStyleComplexItem", where=where)
    inner = get_list(transect, "Items", where=where, limit=MAX_ITEMS)
    if not inner:
        raise PlanFileError(
            Message("the {kind} holds no items: nothing of it would be flown", kind=kind),
            where=where,
            remedy="open it in QGroundControl, edit it and save it again, or plan its polygon with --area",
        )
    result = []
    for index, item in enumerate(inner, start=1):
        place = f"{where}.{index}"
        if not isinstance(item, dict):
            raise PlanFileError("an item must be an object", where=place)
        result.append(_simple_item(item, notes, where=place, alone=False))
    return result


def _read_settings(
    entry: dict[str, Any], index: int, settings: dict[int, dict[str, Any]], notes: list[str], *, where: str
) -> None:
    try:
        settings[index] = read_settings(entry, where=where)
    except PlanFileError as error:
        said = Message("its settings are not kept, its items are: {why}", why=Message(error.message))
        notes.append(Message("{where}: {said}", where=error.where, said=said))


def _simple_item(entry: dict[str, Any], notes: list[str], *, where: str, alone: bool) -> RawItem:
    if entry.get("type") not in ("SimpleItem", "missionItem"):
        raise PlanFileError(
            Message("type {shown} is not SimpleItem or ComplexItem", shown=shown(entry.get("type"))),
            where=where,
        )
    values = get_list(entry, "params", where=where, limit=7)
    if len(values) != 7:
        raise PlanFileError(
            Message("params has {values} entries, exactly 7 are needed", values=len(values)), where=where
        )
    params = tuple(
        math.nan if v is None else number(v, where=where, what=f"parameter {n}")
        for n, v in enumerate(values, start=1)
    )
    jump_id = entry.get("doJumpId")
    raw = RawItem(
        command=whole(entry.get("command"), where=where, what="command"),
        frame=whole(entry.get("frame"), where=where, what="frame"),
        params=params,
        autocontinue=entry.get("autoContinue", True) is not False,
        jump_id=0 if jump_id is None else whole(jump_id, where=where, what="doJumpId"),
        where=where,
    )
    if alone:
        _note_altitude_mode(entry, raw, notes)
    return raw


def _note_altitude_mode(entry: dict[str, Any], raw: RawItem, notes: list[str]) -> None:
    """The frame and param7 are what QGroundControl uploads; says where its display keys tell otherwise."""

    def note(said: Message) -> None:
        notes.append(Message("{where}: {said}", where=raw.where, said=said))

    if entry.get("AltitudeMode") is None:
        if raw.frame == FRAME_OF_DATUM[AltitudeDatum.AGL]:
            note(Message("read as above terrain; QGroundControl would load it as above sea level"))
        return
    mode = whole(entry["AltitudeMode"], where=raw.where, what="AltitudeMode")
    stated = entry.get("Altitude")
    altitude = None if stated is None else number(stated, where=raw.where, what="Altitude")
    flown = f"{raw.params[6]:g} m"
    said: dict[str, object] = {"mode": mode, "frame": raw.frame, "altitude": altitude, "flown": flown}
    if _FRAME_OF_MODE.get(mode, raw.frame) != raw.frame:
        note(Message("AltitudeMode {mode} contradicts frame {frame}; the frame is flown", **said))
    if mode == _CALCULATED_ABOVE_TERRAIN:
        note(Message("height above terrain, calculated by QGroundControl as {flown} AMSL", **said))
    elif altitude is not None and altitude != raw.params[6]:
        note(Message("Altitude {altitude:g} contradicts params; {flown} is flown", **said))


def _fence(geofence: dict[str, Any], own: dict[str, Any], *, where: str) -> Fence | None:
    polygons = tuple(
        _polygon(entry, where=f"{where}: polygon {n}")
        for n, entry in enumerate(
            get_list(geofence, "polygons", where=where, limit=MAX_VERTICES, optional=True), start=1
        )
    )
    check_count(sum(len(p.vertices) for p in polygons), MAX_VERTICES, what="fence vertices", where=where)
    circles = tuple(
        _circle(entry, where=f"{where}: circle {n}")
        for n, entry in enumerate(
            get_list(geofence, "circles", where=where, limit=MAX_VERTICES, optional=True), start=1
        )
    )
    breach_return = None
    if geofence.get("breachReturn") is not None:
        place, (height,) = latlon(geofence["breachReturn"], where=f"{where}: breachReturn", size=3)
        breach_return = (place, height_m(height, where=f"{where}: breachReturn"))
    stated = own.get("fence")
    ceiling = stated.get("max_height_m") if isinstance(stated, dict) else None
    if not (polygons or circles or breach_return or isinstance(stated, dict)):
        return None
    return Fence(
        polygons=polygons,
        circles=circles,
        max_height_m=None if ceiling is None else number(ceiling, where=where, what="max_height_m"),
        breach_return=breach_return,
    )


def _inclusion(entry: object, *, where: str) -> tuple[dict[str, Any], bool]:
    if not isinstance(entry, dict) or not isinstance(entry.get("inclusion"), bool):
        raise PlanFileError("inclusion must be true or false", where=where, remedy="say which kind it is")
    return entry, entry["inclusion"]


def _polygon(entry: object, *, where: str) -> FencePolygon:
    zone, inclusion = _inclusion(entry, where=where)
    places = get_list(zone, "polygon", where=where, limit=MAX_VERTICES)
    vertices = [latlon(v, where=f"{where}, vertex {n}")[0] for n, v in enumerate(places, start=1)]
    if len(vertices) > 1 and vertices[0] == vertices[-1]:
        vertices.pop()
    if len(vertices) < 3:
        raise PlanFileError(
            Message("{vertices} vertices, a polygon needs 3", vertices=len(vertices)), where=where
        )
    return FencePolygon(inclusion=inclusion, vertices=tuple(vertices))


def _circle(entry: object, *, where: str) -> FenceCircle:
    zone, inclusion = _inclusion(entry, where=where)
    circle = get_object(zone, "circle", where=where)
    centre, _ = latlon(circle.get("center"), where=where)
    radius = get_number(circle, "radius", where=where)
    if not 0 < radius <= 1e7:
        raise PlanFileError(
            Message("radius {radius:g} m", radius=radius), where=where, remedy="give a radius above 0 m"
        )
    return FenceCircle(inclusion=inclusion, centre=centre, radius_m=radius)


def _rally(rally_points: dict[str, Any], *, where: str) -> tuple[RallyPoint, ...] | None:
    result = []
    points = get_list(rally_points, "points", where=where, limit=MAX_RALLY_POINTS, optional=True)
    for n, point in enumerate(points, start=1):
        place, (height,) = latlon(point, where=f"{where}: point {n}", size=3)
        altitude = Altitude(value_m=height_m(height, where=f"{where}: point {n}"), datum=AltitudeDatum.HOME)
        result.append(RallyPoint(position=place, altitude=altitude))
    return tuple(result) or None
