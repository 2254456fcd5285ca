"""Areas from GeoJSON and KML files: what to look at, along which corridor, and what to keep out of.

GeoJSON (RFC 7946): Feature, FeatureCollection, GeometryCollection or a bare geometry. Properties may say
``role: area | corridor | keepout``; a corridor is a LineString with ``corridor_width_m``, its full width.
Without a role polygons are the area. KML 2.2: Polygon with innerBoundaryIs, MultiGeometry, LineString; the
role and width may stand in ExtendedData. Of a map that airbeat wrote the area alone is read.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import LineString

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.datums import MapDatum, to_wgs84
from airbeat.geo.polygons import Outline, assemble, frame_around, unite
from airbeat.mission.kmlarea import kml_features
from airbeat.mission.schema import MAX_VERTICES

__all__ = [
    "AreaFile",
    "AreaRole",
    "Corridor",
    "Feature",
    "free_area",
    "parse_area",
    "read_area_file",
    "read_features",
]

MAX_BYTES = 10_000_000
MAX_FEATURES = 5_000
MAX_CORRIDOR_WIDTH_M = 10_000.0
_MAX_NESTING = 8


class AreaRole(StrEnum):
    """What a feature of an area file is for."""

    AREA = "area"
    CORRIDOR = "corridor"
    KEEPOUT = "keepout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corridor:
    """A line to be searched along.

    Attributes:
        line: its vertices.
        width_m: full width [m].
    """

    line: tuple[LatLon, ...]
    width_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaFile:
    """What an area file says, in WGS84.

    Attributes:
        area: geographic shapely (Multi)Polygon: areas and corridors, keep-outs not yet taken off.
        keepouts: geographic shapely Polygons and MultiPolygons.
        corridors: corridors as lines; their ground is part of ``area``.
        only_corridors: whether the file draws no other area.
        notes: repairs and features that were left out.
        vertices: how many vertices were read.
        moved: one vertex as drawn and as converted from its datum.
        source_name: file name.
        source_sha256: SHA-256 of the file.
    """

    area: Any
    keepouts: tuple[Any, ...] = ()
    corridors: tuple[Corridor, ...] = ()
    only_corridors: bool = False
    notes: tuple[str, ...] = ()
    vertices: int = 0
    moved: tuple[LatLon, LatLon] | None = None
    source_name: str = ""
    source_sha256: str = ""

    @property
    def free(self) -> Any:
        """``area`` without the keep-outs.

        Raises:
            GeometryError: nothing is left.
        """
        return free_area(self.area, self.keepouts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One geometry with its role, as it stands in the file; ``shown_only`` if it is part of a plan's map.

    ``properties`` are those of the GeoJSON feature, or the KML placemark's ExtendedData as text.
    """

    role: AreaRole | None
    width_m: float | None
    outlines: tuple[Outline, ...] = ()
    line: tuple[LatLon, ...] = ()
    shown_only: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict, compare=False)


def read_area_file(path: Path, *, datum: MapDatum = MapDatum.WGS84) -> AreaFile:
    """The area in a GeoJSON or KML file; coordinates in ``datum`` are converted.

    Raises:
        GeometryError: no such file, larger than 10 MB, not GeoJSON or KML, no usable polygon, more than
            20,000 vertices, coordinates that are no degrees, a ring that cannot be repaired safely.
    """
    return parse_area(_content(path), name=path.name, datum=datum)


def read_features(path: Path, *, datum: MapDatum = MapDatum.WGS84) -> tuple[tuple[Feature, ...], str]:
    """Every polygon and line of a GeoJSON or KML file in WGS84, and the file's SHA-256.

    Raises:
        GeometryError: as :func:`read_area_file`, but for the shapes' own soundness, which is not looked at.
    """
    content = _content(path)
    try:
        if len(content) > MAX_BYTES:
            raise GeometryError(f"larger than {MAX_BYTES // 1_000_000} MB", remedy="simplify the lines")
        features = tuple(_converted(f, datum) for f in _features(content) if not f.shown_only)
    except GeometryError as error:
        where = ", ".join(p for p in (path.name, error.where) if p)
        raise GeometryError(error.message, where=where, remedy=error.remedy) from error
    return features, hashlib.sha256(content).hexdigest()


def _content(path: Path) -> bytes:
    """The file, up to one byte more than may be read."""
    try:
        found, folder = path.is_file(), path.is_dir()
    except ValueError:
        found = folder = False
    if folder:
        raise GeometryError("is a folder", where=path.name, remedy="name the GeoJSON or KML file inside it")
    if not found:
        raise GeometryError("no such area file", where=path.name, remedy="paths start at the mission file")
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise GeometryError(f"cannot be read: {error.strerror}", where=path.name) from error


def parse_area(content: bytes, *, name: str, datum: MapDatum = MapDatum.WGS84) -> AreaFile:
    """The area in the content of a GeoJSON or KML file; ``name`` is for messages.

    Raises:
        GeometryError: as :func:`read_area_file`.
    """
    try:
        if len(content) > MAX_BYTES:
            raise GeometryError(f"larger than {MAX_BYTES // 1_000_000} MB", remedy="simplify the outline")
        return _build(list(_features(content)), name, hashlib.sha256(content).hexdigest(), datum)
    except GeometryError as error:
        where = ", ".join(p for p in (name, error.where) if p)
        raise GeometryError(error.message, where=where, remedy=error.remedy) from error


def free_area(area: Any, keepouts: tuple[Any, ...]) -> Any:
    """A geographic area without geographic keep-outs.

    Raises:
        GeometryError: nothing is left.
    """
    if not keepouts:
        return area
    frame = frame_around(_vertices_of(area))
    left = unite([frame.to_local(area).difference(unite([frame.to_local(k) for k in keepouts]))])
    if left.area < 1.0:
        raise GeometryError("the keep-outs cover the whole area", remedy="check which is which")
    return frame.to_geographic(left)


def _vertices_of(geometry: Any) -> list[LatLon]:
    return [LatLon(lat_deg=lat, lon_deg=lon) for lon, lat in shapely.get_coordinates(geometry).tolist()]


def _features(content: bytes) -> Iterator[Feature]:
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if content[:2] == b"PK":
        raise GeometryError("a zip archive", remedy="unpack the KMZ file and give the doc.kml inside it")
    if start == b"<":
        for placemark in kml_features(content):
            yield Feature(
                role=_role(placemark.properties),
                width_m=_width(placemark.properties),
                outlines=placemark.outlines,
                line=placemark.line,
                properties=placemark.properties,
                shown_only=_is_shown_only(placemark.properties.get("airbeat_kind")),
            )
    elif start in (b"{", b"["):
        yield from _geojson_features(content)
    else:
        raise GeometryError("neither GeoJSON nor KML", remedy="export the area as GeoJSON (WGS84) or KML")


def _is_shown_only(kind: Any) -> bool:
    """Whether a feature of a map that airbeat wrote is something else than the area."""
    return kind is not None and kind != "area"


def _build(read: list[Feature], name: str, sha256: str, datum: MapDatum) -> AreaFile:
    features = [f for f in read if not f.shown_only]
    drawn = _first_vertex(features)
    features = [_converted(f, datum) for f in features]
    converted = _first_vertex(features)
    vertices = sum(
        len(f.line) + sum(len(o.shell) + sum(map(len, o.holes)) for o in f.outlines) for f in features
    )
    if vertices > MAX_VERTICES:
        raise GeometryError(
            f"{vertices} vertices (at most {MAX_VERTICES})", remedy="simplify the outline to a few metres"
        )
    areas = [o for f in features if f.role in (None, AreaRole.AREA) for o in f.outlines]
    corridors = tuple(_corridor(f) for f in features if f.role is AreaRole.CORRIDOR)
    notes: list[str] = []
    if len(features) < len(read):
        notes.append(f"{name}: a plan's map, of which the area alone was read, not its fence or keep-outs")
    skipped = sum(1 for f in features if f.line and f.role is not AreaRole.CORRIDOR)
    if skipped:
        notes.append(f"{name}: {skipped} line(s) without role corridor left out")
    geometries = []
    if areas:
        shape = assemble(areas)
        geometries.append(shape.geometry)
        notes += [f"{name}: {n}" for n in shape.notes]
    keepouts = []
    for feature in features:
        if feature.role is AreaRole.KEEPOUT and feature.outlines:
            shape = assemble(feature.outlines)
            keepouts.append(shape.geometry)
            notes += [f"{name}: keep-out: {n}" for n in shape.notes]
    return AreaFile(
        area=_with_corridors(geometries, corridors),
        keepouts=tuple(keepouts),
        corridors=corridors,
        only_corridors=not areas,
        notes=tuple(notes),
        vertices=vertices,
        moved=(drawn, converted) if drawn and converted else None,
        source_name=name,
        source_sha256=sha256,
    )


def _first_vertex(features: list[Feature]) -> LatLon | None:
    rings = [r for f in features for r in (*(o.shell for o in f.outlines), f.line) if r]
    return rings[0][0] if rings else None


def _converted(feature: Feature, datum: MapDatum) -> Feature:
    def move(ring: tuple[LatLon, ...]) -> tuple[LatLon, ...]:
        return tuple(to_wgs84(ring, datum))

    return Feature(
        role=feature.role,
        width_m=feature.width_m,
        outlines=tuple(
            Outline(shell=move(o.shell), holes=tuple(move(h) for h in o.holes)) for o in feature.outlines
        ),
        line=move(feature.line),
        properties=feature.properties,
    )


def _corridor(feature: Feature) -> Corridor:
    if len(set(feature.line)) < 2:
        raise GeometryError("a corridor needs a line of at least 2 different points")
    if feature.width_m is None:
        raise GeometryError("a corridor has no corridor_width_m", remedy="give its full width in metres")
    return Corridor(line=feature.line, width_m=feature.width_m)


def _with_corridors(geometries: list[Any], corridors: tuple[Corridor, ...]) -> Any:
    if not corridors:
        if not geometries:
            raise GeometryError("no polygon in the file", remedy="draw the area as a closed polygon")
        return geometries[0]
    points = [p for c in corridors for p in c.line] + [p for g in geometries for p in _vertices_of(g)]
    frame = frame_around(points)
    ground = [LineString(frame.to_xy(c.line)).buffer(c.width_m / 2, quad_segs=4) for c in corridors]
    return frame.to_geographic(unite(ground + [frame.to_local(g) for g in geometries]))


def _role(properties: dict[str, Any]) -> AreaRole | None:
    role = properties.get("role")
    if role is None:
        return None
    try:
        return AreaRole(role)
    except ValueError:
        raise GeometryError(
            f"unknown role {str(role)[:40]!r}", remedy=f"roles: {', '.join(AreaRole)}; or leave it out"
        ) from None


def _width(properties: dict[str, Any]) -> float | None:
    value = properties.get("corridor_width_m")
    if value is None:
        return None
    try:
        width_m = float(value)
    except (TypeError, ValueError, OverflowError):
        width_m = math.nan
    if isinstance(value, bool) or not 0 < width_m <= MAX_CORRIDOR_WIDTH_M:
        raise GeometryError(f"corridor_width_m must be 0 to 10000 (got {str(value)[:40]!r})")
    return width_m


# GeoJSON


def _geojson_features(content: bytes) -> Iterator[Feature]:
    try:
        document = json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except GeometryError:
        raise
    except UnicodeDecodeError as error:
        raise GeometryError("not UTF-8 text", remedy="save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise GeometryError(
            f"not readable as JSON: {error.msg}", where=f"line {error.lineno}, column {error.colno}"
        ) from error
    except (RecursionError, ValueError) as error:
        raise GeometryError("not readable as JSON: nested too deep, or a number too long") from error
    if not isinstance(document, dict):
        raise GeometryError("not a GeoJSON object")
    _require_wgs84(document.get("crs"))
    if document.get("type") == "FeatureCollection":
        members = document.get("features")
        if not isinstance(members, list):
            raise GeometryError("a FeatureCollection without features")
        if len(members) > MAX_FEATURES:
            raise GeometryError(f"{len(members)} features (at most {MAX_FEATURES})")
    else:
        members = [document]
    for number, member in enumerate(members, start=1):
        try:
            yield from _geojson_feature(member, own_map=isinstance(document.get("airbeat"), dict))
        except GeometryError as error:
            where = ", ".join(p for p in (f"feature {number}", error.where) if p)
            raise GeometryError(error.message, where=where, remedy=error.remedy) from error


def _refuse_constant(text: str) -> float:
    raise GeometryError(f"{text} is not a number that JSON knows")


def _require_wgs84(crs: Any) -> None:
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = str(properties.get("name", "")) if isinstance(properties, dict) else ""
    if not (name.endswith("CRS84") or name.endswith(":4326")):
        raise GeometryError(
            f"coordinates in another reference system ({name[:60]!r})",
            remedy="export the file again in WGS84 (EPSG:4326)",
        )


def _geojson_feature(member: Any, *, own_map: bool) -> Iterator[Feature]:
    if not isinstance(member, dict):
        raise GeometryError("not a GeoJSON object")
    properties: Any = {}
    geometry: Any = member
    if member.get("type") == "Feature":
        properties = member.get("properties") or {}
        geometry = member.get("geometry")
        if geometry is None:
            return
    if not isinstance(properties, dict):
        raise GeometryError("properties must be an object")
    role, width_m = _role(properties), _width(properties)
    for outlines, line in _geojson_geometry(geometry, 0):
        yield Feature(
            role=role,
            width_m=width_m,
            outlines=outlines,
            line=line,
            properties=properties,
            shown_only=own_map and _is_shown_only(properties.get("kind")),
        )


def _geojson_geometry(geometry: Any, depth: int) -> Iterator[tuple[tuple[Outline, ...], tuple[LatLon, ...]]]:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind == "GeometryCollection":
        if depth >= _MAX_NESTING:
            raise GeometryError("geometry collections nested too deep")
        for member in _list(geometry.get("geometries")):
            yield from _geojson_geometry(member, depth + 1)
    elif kind in ("Polygon", "MultiPolygon"):
        polygons = _list(geometry.get("coordinates"))
        if kind == "Polygon":
            polygons = [polygons]
        yield tuple(_outline(p) for p in polygons), ()
    elif kind in ("LineString", "MultiLineString"):
        lines = _list(geometry.get("coordinates"))
        for line in [lines] if kind == "LineString" else lines:
            yield (), tuple(_position(p) for p in _list(line))
    elif kind not in ("Point", "MultiPoint"):
        raise GeometryError(f"unknown geometry type {str(kind)[:40]!r}")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise GeometryError("coordinates are not a list")
    return value


def _outline(rings: Any) -> Outline:
    read = [tuple(_position(p) for p in _list(ring)) for ring in _list(rings)]
    if not read:
        raise GeometryError("a polygon without an outline")
    return Outline(shell=read[0], holes=tuple(read[1:]))


def _position(value: Any) -> LatLon:
    pair = value[:2] if isinstance(value, list) else []
    if len(pair) != 2 or any(isinstance(v, bool) or not isinstance(v, int | float) for v in pair):
        raise GeometryError(f"not a position: {str(value)[:60]!r}", remedy="write [longitude, latitude]")
    lon, lat = pair
    if abs(lon) > 360 or abs(lat) > 90:
        raise GeometryError(
            f"[{str(lon)[:20]}, {str(lat)[:20]}] is no longitude and latitude in degrees",
            remedy="the order is [longitude, latitude]; export projected coordinates again in WGS84",
        )
    return LatLon(lat_deg=float(lat), lon_deg=_within_180(float(lon)))


def _within_180(lon_deg: float) -> float:
    if lon_deg > 180.0:
        return lon_deg - 360.0
    return lon_deg + 360.0 if lon_deg < -180.0 else lon_deg
