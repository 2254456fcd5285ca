"""A mission as it is drawn on the page: to the text of a mission file, and from an uploaded file.

What is drawn becomes a mission file, so that planning it is what ``airbeat plan`` does. Uploaded files are
hostile: they name no other file, their own name is never used, and they are read by the same limits as any.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import shapely
from pydantic import Field, ValidationError

from airbeat.console.bodies import Body
from airbeat.errors import InputFileError, UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import Message
from airbeat.mission.areafile import AreaFile, parse_area
from airbeat.mission.closerlook import yaml_text
from airbeat.mission.loader import parse_mission, read_tree
from airbeat.mission.mission import Mission
from airbeat.mission.template import fence_round

__all__ = [
    "PATTERN_NEEDS",
    "Choices",
    "Drawing",
    "ReadFile",
    "fence_of",
    "is_text",
    "mission_text",
    "read_upload",
]

_NAME = "the file"
_MOST_CORNERS = 2000
_KEPT = ("rally", "wind", "last_seen")
_HEAD = "# Drawn in the console of airbeat: look at heights and obstacles before you fly it.\n"
PATTERN_NEEDS = {
    "lawnmower": "area",
    "parallel": "area",
    "creeping-line": "area",
    "perimeter": "area",
    "corridor": "line",
    "track-line": "line",
    "waypoints": "line",
    "orbit": "place",
    "expanding-square": "place",
    "sector": "place",
}
"""What must be drawn for each pattern; contour needs a height model, which only a mission file names."""


class Spot(Body):
    """A place, WGS84 [degrees]."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)

    @classmethod
    def of(cls, position: LatLon) -> Spot:
        """From a position."""
        return cls(lat=round(position.lat_deg, 8), lon=round(position.lon_deg, 8))

    @property
    def position(self) -> LatLon:
        """As everything else takes it."""
        return LatLon(lat_deg=self.lat, lon_deg=self.lon)


Ring = Annotated[list[Spot], Field(min_length=3, max_length=_MOST_CORNERS)]
Rings = Annotated[list[Ring], Field(max_length=100)]


class Drawing(Body):
    """What is drawn: polygons (outline, then holes), fence, keep-outs, line, place, take-off place."""

    area: Annotated[
        list[Annotated[list[Ring], Field(min_length=1, max_length=100)]], Field(max_length=100)
    ] = Field(default_factory=list)
    inclusion: Rings = Field(default_factory=list)
    exclusion: Rings = Field(default_factory=list)
    line: Annotated[list[Spot], Field(max_length=_MOST_CORNERS)] = Field(default_factory=list)
    place: Spot | None = None
    home: Spot | None = None


class Choices(Body):
    """What is chosen beside the map; camera and airframe "" are those of the file that was read."""

    name: str = Field(default="Search", min_length=1, max_length=100)
    pattern: str = Field(default="lawnmower", max_length=40)
    camera: str = Field(default="", max_length=100)
    airframe: str = Field(default="", max_length=100)
    autopilot: str = Field(default="", max_length=20)
    height_m: float | None = Field(default=None, gt=0, le=5000)
    gsd_cm_px: float | None = Field(default=None, gt=0, le=1000)
    side_overlap: float = Field(default=0.3, ge=0, lt=1)
    front_overlap: float = Field(default=0.3, ge=0, lt=1)
    speed_m_s: float = Field(default=8.0, gt=0, le=60)
    max_height_m: float | None = Field(default=None, gt=0, le=5000)
    margin_m: float | None = Field(default=None, ge=0, le=500)
    radius_m: float | None = Field(default=None, gt=0, le=5000)
    width_m: float | None = Field(default=None, gt=0, le=5000)
    surveyed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """What an uploaded file draws.

    Attributes:
        drawing: for the map.
        choices: those that the file makes.
        kept: blocks of a mission file that the page does not show, for the mission made of it.
        notes: what the reader must know.
    """

    drawing: Drawing
    choices: dict[str, Any]
    kept: dict[str, Any]
    notes: tuple[str, ...]


def mission_text(drawing: Drawing, choices: Choices, kept: Mapping[str, Any]) -> str:
    """The text of the mission file of what is drawn.

    Args:
        drawing: what is drawn.
        choices: what is chosen.
        kept: as of the file that was read; empty where it was drawn from nothing.

    Raises:
        UsageError: something that the pattern needs is not drawn.
    """
    needs = PATTERN_NEEDS.get(choices.pattern)
    if needs is None:
        raise UsageError(
            Message("no pattern {pattern!r} to draw", pattern=choices.pattern),
            remedy=Message("choose one of: {patterns}", patterns=", ".join(PATTERN_NEEDS)),
        )
    drawn = {"area": drawing.area, "line": drawing.line, "place": drawing.place}[needs]
    if not drawn:
        words = {"area": Message("an area"), "line": Message("a line"), "place": Message("a place")}[needs]
        raise UsageError(
            Message("{pattern} needs {words} on the map", pattern=choices.pattern, words=words),
            remedy=Message("draw {words} first", words=words),
        )
    if drawing.home is None:
        raise UsageError("nothing says where to take off", remedy="set the take-off place on the map")
    kind = "waypoints" if choices.pattern == "waypoints" else "search"
    data: dict[str, Any] = {
        "airbeat": 1,
        "kind": kind,
        "name": " ".join("".join(c if c.isprintable() else " " for c in choices.name).split()) or "Search",
        "status": "surveyed" if choices.surveyed else "unsurveyed",
        "home": _home(drawing.home, kept.get("home")),
        **_fence(drawing, choices, kept.get("fence")),
        **{key: kept[key] for key in _KEPT if key in kept},
        **({"area": {"polygons": [_polygon(p) for p in drawing.area]}} if needs == "area" else {}),
        "height": _height(choices),
        "speed_m_s": choices.speed_m_s,
        "camera": choices.camera or kept.get("camera", ""),
        "airframe": _airframe(choices, kept.get("airframe")),
        kind: _pattern(drawing, choices, kept.get("pattern")),
    }
    return _HEAD + yaml_text(data)


def fence_of(drawing: Drawing) -> list[Spot]:
    """A fence round what is drawn, as ``airbeat new`` draws it.

    Raises:
        UsageError: nothing is drawn yet.
    """
    corners = [s for polygon in drawing.area for s in polygon[0]] + drawing.line
    corners += [drawing.place] if drawing.place else []
    if not corners:
        raise UsageError("there is nothing to fence in", remedy="draw an area first")
    frame = LocalFrame(corners[0].position)

    def local(spots: list[Spot]) -> Any:
        return frame.to_xy([s.position for s in spots])

    shapes = [shapely.make_valid(shapely.Polygon(local(p[0]))) for p in drawing.area]
    if len(drawing.line) > 1:
        shapes.append(shapely.LineString(local(drawing.line)).buffer(1.0))
    if drawing.place:
        shapes.append(shapely.Point(local([drawing.place])[0]).buffer(1.0))
    home = (drawing.home or corners[0]).position
    outline = fence_round(shapely.union_all(shapes), frame, home)
    return [Spot.of(p) for p in frame.to_latlon(shapely.get_coordinates(outline.exterior)[:-1])]


def read_upload(content: bytes) -> ReadFile:
    """What an uploaded mission file or area file draws; what is in it decides.

    Raises:
        InputFileError: it is neither, or wrong, or names another file.
    """
    start = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] in (b"{", b"[", b"<") or not is_text(content):
        return _read_area(parse_area(content, name=_NAME))
    return _read_mission(content)


def is_text(content: bytes) -> bool:
    """Whether it is none of the binary files: archives, shapefiles, databases."""
    return content[:2] != b"PK" and b"\0" not in content[:4096]


def _read_area(area: AreaFile) -> ReadFile:
    line = [Spot.of(p) for p in area.corridors[0].line] if len(area.corridors) == 1 else []
    drawing = _limited(
        area=[] if area.only_corridors else _polygons(area.area),
        exclusion=[ring for shape in area.keepouts for ring in (p[0] for p in _polygons(shape))],
        line=line,
    )
    choices: dict[str, Any] = {}
    if line and area.only_corridors:
        choices = {"pattern": "corridor", "width_m": area.corridors[0].width_m}
    return ReadFile(drawing=drawing, choices=choices, kept={}, notes=area.notes)


def _read_mission(content: bytes) -> ReadFile:
    tree = read_tree(content, _NAME).data
    _refuse_files(tree)
    with tempfile.TemporaryDirectory() as nowhere:
        mission = parse_mission(content.decode("utf-8-sig"), name=_NAME, base_dir=Path(nowhere))
    block = tree.get(tree["kind"], {})
    pattern = block.get("pattern", "waypoints" if tree["kind"] == "waypoints" else "lawnmower")
    if pattern not in PATTERN_NEEDS:
        raise InputFileError(
            Message("the pattern {pattern!r} is not drawn here", pattern=pattern),
            remedy="plan the file on the command line: airbeat plan",
        )
    notes = list(mission.notes)
    datums = {str(tree.get("datum", "wgs84"))} | set(_datums(tree))
    if datums - {"wgs84"}:
        notes.append("coordinates were converted to WGS84; rally points, last seen and wind are not kept")
    kept = {k: tree[k] for k in (*_KEPT, "camera", "airframe", "home", "fence") if k in tree}
    kept["pattern"] = block
    if datums - {"wgs84"}:
        kept = {k: kept[k] for k in ("camera", "airframe") if k in kept}
    drawing = _drawn(mission, PATTERN_NEEDS[pattern])
    return ReadFile(
        drawing=drawing, choices=_choices(tree, block, mission, pattern), kept=kept, notes=tuple(notes)
    )


def _drawn(mission: Mission, needs: str) -> Drawing:
    fence, pattern = mission.fence, mission.pattern
    line = getattr(pattern, "line", None) or [p.position for p in getattr(pattern, "points", ())]
    centre = getattr(pattern, "centre", None)
    return _limited(
        area=_polygons(mission.area) if needs == "area" and mission.area is not None else [],
        inclusion=[[Spot.of(v) for v in p.vertices] for p in fence.polygons if p.inclusion] if fence else [],
        exclusion=[[Spot.of(v) for v in p.vertices] for p in fence.polygons if not p.inclusion]
        if fence
        else [],
        line=[Spot.of(p) for p in line] if needs == "line" else [],
        place=Spot.of(centre) if needs == "place" and centre is not None else None,
        home=Spot.of(mission.home),
    )


def _choices(
    tree: Mapping[str, Any], block: Mapping[str, Any], mission: Mission, pattern: str
) -> dict[str, Any]:
    overlap, height, fence = block.get("overlap", {}), tree["height"], tree.get("fence", {})
    return {
        "name": mission.name,
        "pattern": pattern,
        "camera": tree["camera"] if isinstance(tree["camera"], str) else "",
        "airframe": tree["airframe"] if isinstance(tree["airframe"], str) else "",
        "height_m": height.get("value_m"),
        "gsd_cm_px": height.get("gsd_cm_px"),
        "side_overlap": overlap.get("side", 0.3),
        "front_overlap": overlap.get("front", 0.3),
        "speed_m_s": mission.speed_m_s,
        "max_height_m": fence.get("max_height_m"),
        "margin_m": fence.get("margin_m"),
        "radius_m": block.get("radius_m"),
        "width_m": block.get("width_m"),
        "surveyed": tree.get("status") == "surveyed",
    }


def _refuse_files(tree: Mapping[str, Any]) -> None:
    """A file that was uploaded names no other: it would be one of this machine's.

    Raises:
        InputFileError: it does.
    """
    area = tree.get("area")
    named = ["area"] if isinstance(area, str) or (isinstance(area, dict) and "file" in area) else []
    named += ["terrain"] if "terrain" in tree else []
    named += [key for key, value in tree.items() if isinstance(value, dict) and "file" in value]
    if named:
        raise InputFileError(
            Message("{named} names another file, and only what is in this one is read here", named=named[0]),
            remedy="draw it in this file, or plan it on the command line: airbeat plan",
        )


def _datums(value: Any) -> list[str]:
    """Datums named anywhere but in heights, whose datum is another thing."""
    if isinstance(value, dict):
        own = [str(value["datum"])] if "datum" in value and "value_m" not in value else []
        return own + [d for k, v in value.items() if k != "height" for d in _datums(v)]
    return [d for v in value for d in _datums(v)] if isinstance(value, list) else []


def _limited(**shapes: Any) -> Drawing:
    """A drawing that a page can edit.

    Raises:
        InputFileError: it has too many corners or shapes.
    """
    rings = [r for p in shapes.get("area", []) for r in p]
    rings += [*shapes.get("inclusion", []), *shapes.get("exclusion", []), shapes.get("line", [])]
    corners = sum(map(len, rings))
    remedy = Message("simplify the lines, or plan the file on the command line: airbeat plan")
    if corners > _MOST_CORNERS:
        raise InputFileError(
            Message(
                "{corners} corners are more than a page can edit (at most {most_corners})",
                corners=corners,
                most_corners=_MOST_CORNERS,
            ),
            remedy=remedy,
        )
    try:
        return Drawing(**shapes)
    except ValidationError as error:
        raise InputFileError(
            Message("{rings} shapes are more than a page can edit", rings=len(rings)), remedy=remedy
        ) from error


def _polygons(geometry: Any) -> list[list[list[Spot]]]:
    def ring(line: Any) -> list[Spot]:
        return [Spot.of(LatLon(lat_deg=lat, lon_deg=lon)) for lon, lat in shapely.get_coordinates(line)[:-1]]

    shapes = [p for p in shapely.get_parts(geometry) if p.geom_type == "Polygon"]
    return [[ring(p.exterior), *map(ring, p.interiors)] for p in shapes]


def _points(ring: list[Spot]) -> list[dict[str, float]]:
    return [{"lat": s.lat, "lon": s.lon} for s in ring]


def _polygon(rings: list[list[Spot]]) -> dict[str, Any]:
    holes = [_points(r) for r in rings[1:]]
    return {"outline": _points(rings[0]), **({"holes": holes} if holes else {})}


def _home(home: Spot, kept: Any) -> dict[str, Any]:
    """The take-off place; its height above sea level stays known where it was not moved."""
    data: dict[str, Any] = {"lat": home.lat, "lon": home.lon}
    if isinstance(kept, dict) and "amsl_m" in kept:
        unmoved = abs(kept["lat"] - home.lat) < 1e-7 and abs(kept["lon"] - home.lon) < 1e-7
        data |= {"amsl_m": kept["amsl_m"]} if unmoved else {}
    return data


def _fence(drawing: Drawing, choices: Choices, kept: Any) -> dict[str, Any]:
    kept = kept if isinstance(kept, dict) else {}
    data: dict[str, Any] = {}
    for side, rings in (("inclusion", drawing.inclusion), ("exclusion", drawing.exclusion)):
        zones: list[dict[str, Any]] = [{"polygon": _points(r)} for r in rings]
        zones += [zone for zone in kept.get(side, []) if "circle" in zone]
        data |= {side: zones} if zones else {}
    if not data:
        return {}
    data |= {"max_height_m": choices.max_height_m} if choices.max_height_m is not None else {}
    data |= {"margin_m": choices.margin_m} if choices.margin_m is not None else {}
    return {"fence": data}


def _height(choices: Choices) -> dict[str, Any]:
    if (choices.height_m is None) == (choices.gsd_cm_px is None):
        raise UsageError("height and GSD exclude each other", remedy="give one of the two")
    if choices.height_m is not None:
        return {"value_m": choices.height_m, "datum": "home"}
    return {"gsd_cm_px": choices.gsd_cm_px}


def _airframe(choices: Choices, kept: Any) -> Any:
    chosen = choices.airframe or kept or ""
    if not choices.autopilot:
        return chosen
    return (chosen if isinstance(chosen, dict) else {"profile": chosen}) | {"autopilot": choices.autopilot}


def _pattern(drawing: Drawing, choices: Choices, kept: Any) -> dict[str, Any]:
    """The block of the pattern: what the file said of the same one, and what the page shows anew."""
    name = choices.pattern
    data: dict[str, Any] = {"pattern": name}
    if isinstance(kept, dict) and kept.get("pattern", "lawnmower") == name:
        data |= kept
    if name in ("orbit", "expanding-square", "sector"):
        assert drawing.place is not None  # noqa: S101 - asked for before
        if choices.radius_m is None:
            raise UsageError(Message("{name} needs a radius", name=name), remedy="give the radius in metres")
        data |= {"centre": _points([drawing.place])[0], "radius_m": choices.radius_m}
    if name in ("corridor", "track-line"):
        data["line"] = _points(drawing.line)
    if name == "corridor":
        if choices.width_m is None:
            raise UsageError("a corridor needs a width", remedy="give its full width in metres")
        data["width_m"] = choices.width_m
    if name == "waypoints":
        before = data.get("points", [])
        data["points"] = [
            (
                {k: v for k, v in before[n].items() if k not in ("lat", "lon", "datum")}
                if n < len(before)
                else {}
            )
            | spot
            for n, spot in enumerate(_points(drawing.line))
        ]
        return data
    if name == "orbit":
        return data
    overlap = {"front": choices.front_overlap} | (
        {} if name == "perimeter" else {"side": choices.side_overlap}
    )
    if "trigger_distance_m" in data:
        overlap.pop("front")
    if "spacing_m" in data or "lines" in data:
        overlap.pop("side", None)
    return data | {"overlap": overlap} if overlap else data
