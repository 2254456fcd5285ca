"""Areas from map files: what to look at, along which corridor, and what to keep out of.

GeoJSON (RFC 7946): Feature, FeatureCollection, GeometryCollection or a bare geometry. Properties may say
``role: area | corridor | keepout``; a corridor is a LineString with ``corridor_width_m``, its full width.
Without a role polygons are the area. KML 2.2 and KMZ: Polygon with innerBoundaryIs, MultiGeometry,
LineString; the role and width may stand in ExtendedData. ESRI shapefiles (``.shp`` with its files beside it,
or all in a ``.zip``) and GeoPackages: the role and width are fields, or the role is the layer's name. Of a
QGroundControl plan the areas of its surveys and corridor scans; of a map that airbeat wrote the area alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import shapely
from shapely.geometry import LineString

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.datums import MapDatum, to_wgs84
from airbeat.geo.polygons import Outline, assemble, frame_around, unite
from airbeat.language.words import Message
from airbeat.mission.archive import read_members
from airbeat.mission.areafeature import AreaRole, Feature, is_shown_only, role_of, width_of
from airbeat.mission.geojsonarea import json_features
from airbeat.mission.gisarea import (
    SHAPEFILE_PARTS,
    gis_features,
    is_geopackage,
    is_shapefile,
    zipped_shapefile,
)
from airbeat.mission.kmlarea import kml_features
from airbeat.mission.schema import MAX_VERTICES

__all__ = [
    "AreaFile",
    "AreaRole",
    "Corridor",
    "Feature",
    "area_content",
    "free_area",
    "parse_area",
    "parse_features",
    "read_area_file",
    "read_features",
]

MAX_BYTES = 10_000_000


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


def read_area_file(path: Path, *, datum: MapDatum = MapDatum.WGS84) -> AreaFile:
    """The area in an area file; coordinates in ``datum`` are converted.

    Raises:
        GeometryError: no such file, larger than 10 MB, none of the area files, no usable polygon, more than
            20,000 vertices, coordinates that are no degrees, a ring that cannot be repaired safely.
    """
    return parse_area(area_content(path), name=path.name, datum=datum)


def read_features(path: Path, *, datum: MapDatum = MapDatum.WGS84) -> tuple[tuple[Feature, ...], str]:
    """Every polygon and line of an area file in WGS84, and the file's SHA-256.

    Raises:
        GeometryError: as :func:`read_area_file`, but for the shapes' own soundness, which is not looked at.
    """
    content = area_content(path)
    features, _ = parse_features(content, name=path.name, datum=datum)
    return features, hashlib.sha256(content).hexdigest()


def parse_features(
    content: bytes, *, name: str, datum: MapDatum = MapDatum.WGS84
) -> tuple[tuple[Feature, ...], tuple[str, ...]]:
    """Every polygon and line in the content of an area file, in WGS84, and notes on how they were read.

    Raises:
        GeometryError: as :func:`read_features`.
    """
    notes: list[str] = []
    try:
        if len(content) > MAX_BYTES:
            raise GeometryError(
                Message("larger than {max_bytes} MB", max_bytes=MAX_BYTES // 1_000_000),
                remedy="simplify the lines",
            )
        features = tuple(_converted(f, datum) for f in _features(content, notes) if not f.shown_only)
    except GeometryError as error:
        where = ", ".join(p for p in (name, error.where) if p)
        raise GeometryError(error.message, where=where, remedy=error.remedy) from error
    return features, tuple(f"{name}: {note}" for note in notes)


def area_content(path: Path) -> bytes:
    """An area file, up to one byte more than may be read; a shapefile with its files as one archive.

    Raises:
        GeometryError: no such file, or one that cannot be read.
    """
    try:
        found, folder = path.is_file(), path.is_dir()
    except ValueError:
        found = folder = False
    if folder:
        raise GeometryError("is a folder", where=path.name, remedy="name the area file inside it")
    if not found:
        raise GeometryError("no such area file", where=path.name, remedy="paths start at the mission file")
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if content[:2] != b"PK" and is_shapefile(content):
            return _whole_shapefile(path, content)
        if is_geopackage(content):
            _refuse_open_database(path)
    except OSError as error:
        raise GeometryError(
            Message("cannot be read: {reason}", reason=error.strerror), where=path.name
        ) from error
    return content


def _whole_shapefile(path: Path, content: bytes) -> bytes:
    """A shapefile's main file and those of its name beside it, as one archive."""
    parts = {".shp": content}
    beside = {entry.name.lower(): entry for entry in path.parent.iterdir()}
    for suffix in SHAPEFILE_PARTS:
        entry = beside.get(path.with_suffix(suffix).name.lower())
        if suffix != ".shp" and entry is not None and entry.is_file():
            with entry.open("rb") as stream:
                parts[suffix] = stream.read(MAX_BYTES + 1)
    if sum(map(len, parts.values())) > MAX_BYTES:
        raise GeometryError(
            Message("larger than {max_bytes} MB", max_bytes=MAX_BYTES // 1_000_000),
            where=path.name,
            remedy="simplify the outline",
        )
    return zipped_shapefile(parts)


def _refuse_open_database(path: Path) -> None:
    log = path.with_name(path.name + "-wal")
    if log.is_file() and log.stat().st_size > 0:
        raise GeometryError(
            "another program has changes in it that are not in the file yet",
            where=path.name,
            remedy="close the layer in the program that drew it, and try again",
        )


def parse_area(content: bytes, *, name: str, datum: MapDatum = MapDatum.WGS84) -> AreaFile:
    """The area in the content of an area file; ``name`` is for messages.

    Raises:
        GeometryError: as :func:`read_area_file`.
    """
    try:
        if len(content) > MAX_BYTES:
            raise GeometryError(
                Message("larger than {max_bytes} MB", max_bytes=MAX_BYTES // 1_000_000),
                remedy="simplify the outline",
            )
        notes: list[str] = []
        read = list(_few(_features(content, notes)))
        return _build(read, notes, name, hashlib.sha256(content).hexdigest(), datum)
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


def _features(content: bytes, notes: list[str]) -> Iterator[Feature]:
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if is_geopackage(content) or is_shapefile(content):
        yield from _gis(content, notes)
        return
    if content[:2] == b"PK":
        content = _kml_of(content)
        start = b"<"
    if start == b"<":
        for placemark in kml_features(content, notes=notes):
            yield Feature(
                role=role_of(placemark.properties),
                width_m=width_of(placemark.properties),
                outlines=placemark.outlines,
                line=placemark.line,
                properties=placemark.properties,
                shown_only=is_shown_only(placemark.properties.get("airbeat_kind")),
            )
    elif start in (b"{", b"["):
        yield from json_features(content, notes=notes)
    else:
        raise GeometryError(
            "none of the area files: GeoJSON, KML, KMZ, shapefile, GeoPackage, QGroundControl plan",
            remedy="export the area as GeoJSON (WGS84) or KML",
        )


def _gis(content: bytes, notes: list[str]) -> Iterator[Feature]:
    for found in gis_features(content, notes=notes):
        yield Feature(
            role=role_of(found.properties),
            width_m=width_of(found.properties),
            outlines=found.outlines,
            line=found.line,
            properties=found.properties,
            shown_only=is_shown_only(found.properties.get("airbeat_kind")),
        )


def _kml_of(content: bytes) -> bytes:
    """The one KML file of a KMZ archive, or its doc.kml."""
    members = read_members(content, suffixes=(".kml",), where="", error=GeometryError, most_bytes=MAX_BYTES)
    main = [name for name in members if PurePosixPath(name).name.lower() == "doc.kml"]
    if len(members) != 1 and len(main) != 1:
        raise GeometryError(
            Message("the archive holds {members} KML files and no shapefile", members=len(members)),
            remedy="give one with a doc.kml, or a .zip with one shapefile",
        )
    return members[main[0]] if main else next(iter(members.values()))


def _few(features: Iterator[Feature]) -> Iterator[Feature]:
    """The features, up to the number of vertices that an area may have."""
    vertices = 0
    for feature in features:
        vertices += _vertex_count(feature)
        if vertices > MAX_VERTICES:
            raise GeometryError(
                Message(
                    "{vertices} vertices or more (at most {max_vertices})",
                    vertices=vertices,
                    max_vertices=MAX_VERTICES,
                ),
                remedy="simplify the outline to a few metres",
            )
        yield feature


def _vertex_count(feature: Feature) -> int:
    return len(feature.line) + sum(len(o.shell) + sum(map(len, o.holes)) for o in feature.outlines)


def _build(read: list[Feature], said: list[str], name: str, sha256: str, datum: MapDatum) -> AreaFile:
    features = [f for f in read if not f.shown_only]
    drawn = _first_vertex(features)
    features = [_converted(f, datum) for f in features]
    converted = _first_vertex(features)
    vertices = sum(map(_vertex_count, features))
    areas = [o for f in features if f.role in (None, AreaRole.AREA) for o in f.outlines]
    corridors = tuple(_corridor(f) for f in features if f.role is AreaRole.CORRIDOR)
    notes = [f"{name}: {note}" for note in said]
    if len(features) < len(read):
        notes.append(
            Message(
                "{name}: a plan's map, of which the area alone was read, not its fence or keep-outs",
                name=name,
            )
        )
    skipped = sum(1 for f in features if f.line and f.role is not AreaRole.CORRIDOR)
    if skipped:
        notes.append(
            Message("{name}: {skipped} line(s) without role corridor left out", name=name, skipped=skipped)
        )
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
