"""Mission files: from YAML text to a :class:`~airbeat.mission.mission.Mission`, or all problems at once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from airbeat import __version__
from airbeat.errors import MissionFileError, Problem
from airbeat.geo.coordinates import LatLon
from airbeat.geo.datums import MapDatum
from airbeat.language.words import Message
from airbeat.mission.ground import resolve_terrain
from airbeat.mission.mission import CorridorPattern, Mission, MissionKind
from airbeat.mission.patterns import corridor_ground, line_path, resolve_pattern
from airbeat.mission.plan import Fence, FencePolygon, Provenance
from airbeat.mission.resolve import (
    Ledger,
    ResolvedArea,
    check_vertices,
    resolve_airframe,
    resolve_area,
    resolve_camera,
    resolve_fence,
    resolve_height,
    resolve_place,
    resolve_rally,
    resolve_wind,
)
from airbeat.mission.sanity import Parts, check_parts
from airbeat.mission.schema import MissionFile, Section
from airbeat.mission.wording import MAX_HINTS, key_hint, problems_of, shown
from airbeat.mission.yamltree import YamlTree, YamlTreeError, read_yaml

__all__ = [
    "MAX_BYTES",
    "TOLERANCE_M",
    "UNSURVEYED",
    "draft_of",
    "load_mission",
    "parse_mission",
    "problems_in",
    "provenance_of",
    "read_content",
    "read_tree",
]

MAX_BYTES = 1_000_000
"""Largest mission file [bytes]; outlines of more vertices belong into an area file."""

UNSURVEYED = "unsurveyed; not for flight as it is"
"""The note of a mission whose ``status`` is ``unsurveyed``; checks warn of it."""

MAX_PROBLEMS = 50
TOLERANCE_M = 5.0
"""How far heights above ground may differ from what was asked for, unless the mission says so [m]."""
_PATTERN_KEYS = ("search", "patrol", "waypoints")


def load_mission(path: Path) -> Mission:
    """Read a mission file; an area file that it names is looked up beside it.

    Raises:
        MissionFileError: all problems of the file, with line and column.
    """
    name = str(path)
    return _load(read_content(path), name, path.parent)


def read_content(path: Path) -> bytes:
    """A mission or case file, up to one byte more than may be read.

    Raises:
        MissionFileError: it cannot be read.
    """
    name = str(path)
    try:
        if path.is_dir():
            raise _one(name, "is a folder", "give the mission file inside it")
        if not path.is_file():
            raise _one(name, "no such file", "check the path; airbeat new writes a mission file")
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, MissionFileError):
            raise
        reason = error.strerror if isinstance(error, OSError) else Message("no usable path")
        raise _one(name, Message("cannot be read: {reason}", reason=reason)) from error


def parse_mission(text: str, *, name: str, base_dir: Path) -> Mission:
    """Read a mission from text; ``name`` stands in messages, ``base_dir`` is where area files are looked up.

    Raises:
        MissionFileError: all problems of the text, with line and column.
    """
    return _load(text.encode("utf-8", "surrogatepass"), name, base_dir)


def _one(name: str, message: str, remedy: str = "", *, line: int = 0, column: int = 0) -> MissionFileError:
    return MissionFileError(name, [Problem(line=line, column=column, key="", message=message, remedy=remedy)])


def _load(content: bytes, name: str, base_dir: Path) -> Mission:
    ledger = Ledger(tree=read_tree(content, name))
    if "beat" in ledger.tree.data:
        ledger.add(("beat",), "is a beat, not one flight", "airbeat patrol plan reads it")
        raise MissionFileError(name, problems_in(ledger))
    draft = draft_of(MissionFile, ledger)
    mission = _mission(draft, base_dir, ledger, provenance_of(content, name))
    if mission is None:
        raise MissionFileError(name, problems_in(ledger))
    return mission


def read_tree(content: bytes, name: str) -> YamlTree:
    """The YAML of a mission or case file.

    Raises:
        MissionFileError: no text, no YAML, or no list of keys.
    """
    try:
        tree = read_yaml(_text(content, name))
    except YamlTreeError as error:
        raise MissionFileError(name, [error.problem]) from error
    if not isinstance(tree.data, dict):
        raise _one(
            name,
            Message("a mission file is a list of 'key: value' lines (got {got})", got=shown(tree.data)),
            "airbeat new writes a mission file to start from",
            line=1,
            column=1,
        )
    return tree


def provenance_of(content: bytes, name: str) -> Provenance:
    """Name and SHA-256 of a file."""
    return Provenance(
        tool_version=__version__,
        source_name=Path(name).name,
        source_sha256=hashlib.sha256(content).hexdigest(),
    )


def problems_in(ledger: Ledger) -> list[Problem]:
    """All problems of a file in the order of its lines, the first 50 of them."""
    problems = sorted(
        {*ledger.tree.problems, *ledger.problems}, key=lambda p: (p.line, p.column, p.key, p.message)
    )
    if len(problems) <= MAX_PROBLEMS:
        return problems
    rest = len(problems) - MAX_PROBLEMS
    last = problems[MAX_PROBLEMS]
    more = Problem(
        line=last.line,
        column=last.column,
        key="",
        message=Message("and {rest} more problems from here on", rest=rest),
    )
    return [*problems[:MAX_PROBLEMS], more]


def _text(content: bytes, name: str) -> str:
    if len(content) > MAX_BYTES:
        raise _one(
            name,
            Message("larger than {most_mb} MB", most_mb=MAX_BYTES // 1_000_000),
            "put the outline into a GeoJSON or KML area file",
        )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _one(name, "is UTF-16 text", "save the file as UTF-8")
    if b"\0" in content:
        raise _one(name, "is no text file (it holds NUL bytes)", "save the file as UTF-8 text")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        raise _one(
            name,
            Message("byte 0x{byte:02X} is not UTF-8 text", byte=content[error.start]),
            "save the file as UTF-8",
            line=before.count(b"\n") + 1,
            column=len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1,
        ) from error
    return text


File = TypeVar("File", bound=Section)


def draft_of(model: type[File], ledger: Ledger) -> File:
    """The blocks that can be read, each validated on its own; problems of the others go to the ledger.

    Args:
        model: of the whole file; assigning to its fields validates.
        ledger: holds the file's tree.
    """
    tree = ledger.tree
    draft = model.model_construct()
    meant: list[str] = []
    for key, value in tree.data.items():
        if (key,) in tree.unusable and value is None:
            continue
        if key not in model.model_fields:
            hint = key_hint(key, model.model_fields) if len(meant) < MAX_HINTS else ""
            meant.append(hint)
            ledger.add((key,), "unknown key", hint)
        elif value is None:
            ledger.add((key,), "has no value", "write a value, or leave the key out")
        else:
            try:
                setattr(draft, key, value)
            except ValidationError as error:
                ledger.problems += problems_of(error, tree, model)
    for key, field in model.model_fields.items():
        if field.is_required() and key not in tree.data and f"did you mean {key}?" not in meant:
            ledger.add((key,), "is missing", field.description or "")
    return draft


def _mission(draft: MissionFile, base_dir: Path, ledger: Ledger, provenance: Provenance) -> Mission | None:
    """The mission, or None after reporting what is wrong."""
    ledger.datum = MapDatum(draft.datum)
    if draft.status == "unsurveyed":
        ledger.notes.append(UNSURVEYED)
    key = _pattern_key(draft, ledger)
    parts = _parts(draft, key, base_dir, ledger)
    check_vertices(ledger)
    check_parts(parts, ledger)
    _note_fence(parts, ledger)
    if ledger.problems or ledger.tree.problems:
        return None
    if (
        parts.home is None
        or parts.pattern is None
        or parts.height is None
        or parts.speed_m_s is None
        or parts.camera is None
        or parts.airframe is None
    ):
        return None
    return Mission(
        name=draft.name,
        kind=MissionKind(draft.kind),
        home=parts.home,
        home_amsl_m=parts.home_amsl_m,
        fence=parts.fence,
        rally=parts.rally,
        area=parts.area,
        pattern=parts.pattern,
        height=parts.height,
        speed_m_s=parts.speed_m_s,
        camera=parts.camera,
        airframe=parts.airframe,
        margin_m=parts.margin_m or 0.0,
        last_seen=parts.last_seen,
        wind=parts.wind,
        terrain=parts.terrain,
        terrain_tolerance_m=parts.terrain_tolerance_m or TOLERANCE_M,
        notes=tuple(dict.fromkeys([*ledger.datum_notes(), *ledger.notes])),
        provenance=provenance,
    )


def _pattern_key(draft: MissionFile, ledger: Ledger) -> str:
    """The block that says what is flown: the one named after the kind."""
    kind = getattr(draft, "kind", None)
    given = [k for k in _PATTERN_KEYS if k in ledger.tree.data]
    if kind is None:
        return given[0] if given else "search"
    for other in given:
        if other != kind:
            ledger.add(
                (other,),
                Message("does not go with kind: {kind}", kind=kind),
                Message("name the block {kind}, or change kind", kind=kind),
            )
    if not given:
        ledger.add((kind,), "is missing", _PATTERN_HINTS[kind])
    return str(kind)


_PATTERN_HINTS = {
    "search": "search: {pattern: lawnmower, overlap: {side: 0.3, front: 0.3}}",
    "patrol": "patrol: {points: [{lat: 47.26931, lon: 11.40412, dwell_s: 20}]}",
    "waypoints": "waypoints: {points: [{lat: 47.26931, lon: 11.40412}]}",
}


_AREA_NEEDED = {
    "lawnmower": "a lawnmower pattern needs the area to sweep",
    "perimeter": "a perimeter pattern needs the area whose edge it flies along",
    "parallel": "a parallel pattern needs the area to sweep",
    "creeping-line": "a creeping-line pattern needs the area to sweep",
    "contour": "a contour pattern needs the area whose slopes it follows",
}


_WITHOUT_AREA = {
    "expanding-square": "its centre and radius_m say what it searches; leave the area out",
    "sector": "its centre and radius_m say what it searches; leave the area out",
    "track-line": "its line says what it searches; leave the area out",
}


def _parts(draft: MissionFile, key: str, base_dir: Path, ledger: Ledger) -> Parts:
    def block(name: str) -> Any:
        return getattr(draft, name, None)

    parts = Parts(pattern_key=key, speed_m_s=block("speed_m_s"))
    if home := block("home"):
        parts.home, parts.home_amsl_m = resolve_place(home, ledger), home.amsl_m
    if fence := block("fence"):
        parts.fence, parts.margin_m = resolve_fence(fence, ledger), fence.margin_m
    if rally := block("rally"):
        parts.rally = resolve_rally(rally, ledger)
    if last_seen := block("last_seen"):
        parts.last_seen = resolve_place(last_seen, ledger)
    if camera := block("camera"):
        parts.camera = resolve_camera(camera, ledger)
    if airframe := block("airframe"):
        parts.airframe = resolve_airframe(airframe, ledger)
    if wind := block("wind"):
        parts.wind = resolve_wind(wind)
    if height := block("height"):
        pitch_deg = getattr(block(key), "gimbal_pitch_deg", None)
        parts.height = resolve_height(
            height,
            parts.camera,
            ("height",),
            ledger,
            pitch_deg=-90.0 if pitch_deg is None else pitch_deg,
            tolerance_m=getattr(block("terrain"), "tolerance_m", None),
        )
    if pattern := block(key):
        parts.pattern = resolve_pattern(
            pattern,
            key,
            parts.camera,
            ledger,
            base_dir=base_dir,
            tolerance_m=getattr(block("terrain"), "tolerance_m", None),
            last_seen=parts.last_seen,
        )
        _check_ground_of(pattern.pattern, ledger)
    if isinstance(parts.pattern, CorridorPattern):
        parts.area_path = line_path(key, ledger)
        parts.area = corridor_ground(parts.pattern, key, ledger)
        if "area" in ledger.tree.data:
            ledger.add(("area",), "does not go with a corridor", "its line and width_m are its area")
    elif area := block("area"):
        resolved = resolve_area(area, base_dir, ledger)
        if resolved is not None:
            parts.area = resolved.geometry
            parts.fence = _with_keepouts(parts.fence, resolved)
    if terrain := block("terrain"):
        parts.terrain_tolerance_m = terrain.tolerance_m
        parts.terrain = resolve_terrain(terrain, parts, base_dir, ledger)
    return parts


def _check_ground_of(pattern: str, ledger: Ledger) -> None:
    """Note a problem where a pattern lacks the area or the height model that it needs, or needs no area."""
    needs = _AREA_NEEDED.get(pattern)
    if needs and "area" not in ledger.tree.data:
        ledger.add(("area",), "is missing", needs)
    if pattern == "contour" and "terrain" not in ledger.tree.data:
        ledger.add(("terrain",), "is missing", "a contour pattern needs a height model of the ground")
    if pattern in _WITHOUT_AREA and "area" in ledger.tree.data:
        ledger.add(
            ("area",), Message("does not go with pattern: {pattern}", pattern=pattern), _WITHOUT_AREA[pattern]
        )


def _with_keepouts(fence: Fence | None, area: ResolvedArea) -> Fence | None:
    """The fence with an area file's keep-outs as exclusion polygons; a file without a fence gets none."""
    if fence is None:
        return None
    exclusions = tuple(
        FencePolygon(
            inclusion=False,
            vertices=tuple(LatLon(lat_deg=lat, lon_deg=lon) for lon, lat in part.exterior.coords[:-1]),
        )
        for keepout in area.keepouts
        for part in _parts_of(keepout)
    )
    return Fence(
        polygons=fence.polygons + exclusions,
        circles=fence.circles,
        max_height_m=fence.max_height_m,
        breach_return=fence.breach_return,
    )


def _parts_of(geometry: Any) -> list[Any]:
    return list(geometry.geoms) if geometry.geom_type == "MultiPolygon" else [geometry]


def _note_fence(parts: Parts, ledger: Ledger) -> None:
    if "fence" not in ledger.tree.data:
        ledger.notes.append("the mission has no geofence")
    elif parts.fence is not None and not parts.fence.is_empty and parts.margin_m is None:
        ledger.notes.append("no fence.margin_m: legs may run along the fence's very edge")
