"""Polygons and lines of ESRI shapefiles and GeoPackages, in WGS84, read without trusting them.

Both are read from memory through GDAL (pyogrio, ``pip install "airbeat[gis]"``), after what GDAL would have
to believe is looked at: the members of the archive, the shapefile's header, the GeoPackage's schema.
Coordinates are converted from the reference system that the file names; one that names none is refused.
"""

from __future__ import annotations

import math
import re
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.polygons import Outline
from airbeat.language.words import Message
from airbeat.mission.archive import is_archive, read_members, zip_bytes
from airbeat.mission.schema import MAX_VERTICES

__all__ = [
    "SHAPEFILE_PARTS",
    "GisFeature",
    "gis_features",
    "is_geopackage",
    "is_shapefile",
    "zipped_shapefile",
]

SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
"""The files of a shapefile that are read."""
_SHP_MAGIC = b"\x00\x00\x27\x0a"
_SQLITE_MAGIC = b"SQLite format 3\x00"
_GEOPACKAGE_IDS = (b"GPKG", b"GP10", b"GP11")
"""application_id, at byte 68; without it GDAL takes the file for any SQLite database."""
_MAX_FEATURES = 5_000
_MAX_UNPACKED_BYTES = 32 * 1024 * 1024
_MAX_LAYERS = 50
_MAX_PRJ_BYTES = 20_000
_MAX_SQL_STEPS = 2_000_000
_WIDTHS = ("corridor_width_m", "corridor_w", "width_m")
"""A shapefile's names have at most 10 characters."""
_ROLES = ("area", "corridor", "keepout")
_POLYGONS, _LINES = ("Polygon", "MultiPolygon"), ("LineString", "MultiLineString", "LinearRing")


@dataclass(frozen=True, slots=True, kw_only=True)
class GisFeature:
    """One geometry with the feature's attributes, and a note on where its coordinates come from."""

    properties: Mapping[str, Any]
    outlines: tuple[Outline, ...] = ()
    line: tuple[LatLon, ...] = ()


def is_geopackage(content: bytes) -> bool:
    """Whether the bytes are an SQLite database, as a GeoPackage is."""
    return content.startswith(_SQLITE_MAGIC)


def is_shapefile(content: bytes) -> bool:
    """Whether the bytes are a shapefile's main file, or a zip archive with one in it.

    Raises:
        GeometryError: an archive that cannot be read.
    """
    if not is_archive(content):
        return content.startswith(_SHP_MAGIC)
    return bool(_members(content, (".shp",)))


def zipped_shapefile(parts: Mapping[str, bytes]) -> bytes:
    """The files of one shapefile, by suffix, as the archive that `gis_features` reads."""
    return zip_bytes({f"shapes{suffix}": content for suffix, content in parts.items()})


def gis_features(content: bytes, *, notes: list[str]) -> Iterator[GisFeature]:
    """Polygons and lines of a zipped shapefile or a GeoPackage, in WGS84.

    Args:
        content: the file.
        notes: takes what was done to the coordinates.

    Raises:
        GeometryError: pyogrio is not installed, a damaged file, no reference system or one that cannot be
            converted, several layers without roles, too many features or vertices.
    """
    data = _checked_geopackage(content) if is_geopackage(content) else _checked_shapefile(content)
    layers = [layer for layer in _layers(data) if layer.features]
    unsaid = [layer.name for layer in layers if layer.role is None and layer.unsaid]
    if len(layers) > 1 and unsaid:
        raise GeometryError(
            Message(
                "{layers} layers, and what {unsaid} is for is not said",
                layers=len(layers),
                unsaid=", ".join(repr(n[:40]) for n in unsaid),
            ),
            remedy="keep one layer, name layers area and keepout, or give features a field role",
        )
    for layer in layers:
        notes += layer.notes
        yield from layer.features


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    name: str
    role: str | None
    unsaid: bool
    features: tuple[GisFeature, ...]
    notes: tuple[str, ...]


def _gdal() -> Any:
    try:
        import pyogrio
    except ImportError as error:
        raise GeometryError(
            "shapefiles and GeoPackages need pyogrio, which is not installed",
            remedy="pip install 'airbeat[gis]', or export the area as GeoJSON or KML",
        ) from error
    return pyogrio


def _members(content: bytes, suffixes: tuple[str, ...]) -> dict[str, bytes]:
    return read_members(
        content, suffixes=suffixes, where="", error=GeometryError, most_bytes=_MAX_UNPACKED_BYTES
    )


def _checked_shapefile(content: bytes) -> bytes:
    """The archive with the one shapefile in it and nothing else, under a name of our own."""
    members = _members(content, SHAPEFILE_PARTS)
    main = [name for name in members if name.lower().endswith(".shp")]
    if len(main) != 1:
        raise GeometryError(
            Message("the archive holds {main} shapefiles, one is wanted", main=len(main)),
            remedy="keep the area's alone",
        )
    stem = PurePosixPath(main[0]).with_suffix("")
    parts = {
        PurePosixPath(name).suffix.lower(): data
        for name, data in members.items()
        if PurePosixPath(name).with_suffix("") == stem
    }
    shp = parts[".shp"]
    if len(shp) < 100 or not shp.startswith(_SHP_MAGIC):
        raise GeometryError("the .shp is damaged: it does not begin as one", remedy="export it again")
    if ".shx" not in parts:
        raise GeometryError("the shapefile's .shx is missing", remedy="put all its files side by side")
    prj = parts.get(".prj", b"")
    if not prj.strip():
        raise GeometryError(
            "the shapefile has no .prj, which says what its coordinates are",
            remedy="export it again in WGS 84 (EPSG:4326) with its .prj, or fetch the .prj it was made with",
        )
    if len(prj) > _MAX_PRJ_BYTES:
        raise GeometryError(
            Message("the .prj has {prj} bytes", prj=len(prj)), remedy="export the shapefile again"
        )
    return zipped_shapefile(parts)


def _checked_geopackage(content: bytes) -> bytes:
    """The database after a look at its schema: nothing in it may compute when it is read."""
    if content[68:72] not in _GEOPACKAGE_IDS:
        raise GeometryError(
            "an SQLite database, but no GeoPackage", remedy="export the area as GeoPackage or GeoJSON"
        )
    data = bytearray(content)
    data[18:20] = b"\x01\x01"  # a database that was left in WAL mode is whole without its log
    connection = sqlite3.connect(":memory:")
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return int(steps > _MAX_SQL_STEPS // 1000)

    try:
        connection.deserialize(bytes(data))
        connection.set_progress_handler(count, 1000)
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master LIMIT 2000").fetchall()
        contents = connection.execute("SELECT table_name FROM gpkg_contents LIMIT 2000").fetchall()
    except (sqlite3.Error, OverflowError, MemoryError, ValueError) as error:
        raise GeometryError(
            Message("not a sound GeoPackage: {error}", error=str(error)[:80]), remedy="export the area again"
        ) from error
    finally:
        connection.close()
    listed = {str(row[0]).lower() for row in contents}
    for kind, name, sql in rows:
        if str(name).lower() in listed or str(name).lower().startswith("gpkg_"):
            _check_table(str(kind), str(name), str(sql or ""))
    return bytes(data)


def _check_table(kind: str, name: str, sql: str) -> None:
    computed = re.search(r"\bAS\s*\(|\bGENERATED\b", sql, re.IGNORECASE)
    if kind == "view" or (kind == "table" and (computed or re.match(r"\s*CREATE\s+VIRTUAL", sql, re.I))):
        raise GeometryError(
            Message("{name!r} is a view or computes its columns, which is not read", name=name[:40]),
            remedy="export the layer to a new GeoPackage",
        )


def _layers(data: bytes) -> Iterator[_Layer]:
    gdal = _gdal()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names = [str(name) for name, kind in gdal.list_layers(data).tolist() if kind is not None]
            if len(names) > _MAX_LAYERS:
                raise GeometryError(
                    Message("{names} layers (at most {max_layers})", names=len(names), max_layers=_MAX_LAYERS)
                )
            read = [
                (name, *gdal.raw.read(data, layer=name, max_features=_MAX_FEATURES + 1, force_2d=True))
                for name in names
            ]
    except (RuntimeError, ValueError, OSError, MemoryError, NameError) as error:
        # NameError: pyogrio 0.13 names a variable that it did not set for some reference systems
        if isinstance(error, GeometryError):
            raise
        raise GeometryError(
            Message("not readable: {error}", error=str(error)[:120]), remedy="export the area again"
        ) from error
    for name, meta, _, geometries, fields in read:
        yield _layer(name, meta, geometries, fields)


def _layer(name: str, meta: Mapping[str, Any], geometries: Any, fields: list[Any]) -> _Layer:
    if len(geometries) > _MAX_FEATURES:
        raise GeometryError(
            Message(
                "{geometries} features (at most {max_features})",
                geometries=len(geometries),
                max_features=_MAX_FEATURES,
            )
        )
    try:
        with np.errstate(invalid="ignore"):
            shapes = shapely.from_wkb(geometries, on_invalid="raise")
    except shapely.errors.ShapelyError as error:
        raise GeometryError(
            Message("a damaged geometry: {error}", error=str(error)[:80]), remedy="export it again"
        ) from error
    vertices = int(shapely.get_num_coordinates(shapes).sum())
    if vertices > MAX_VERTICES:
        raise GeometryError(
            Message(
                "{vertices} vertices (at most {max_vertices})", vertices=vertices, max_vertices=MAX_VERTICES
            ),
            remedy="simplify the outline to a few metres",
        )
    columns = {str(field).lower(): values for field, values in zip(meta["fields"], fields, strict=True)}
    drawn = [n for n, s in enumerate(shapes) if s is not None and s.geom_type in (*_POLYGONS, *_LINES)]
    drawn += [n for n, s in enumerate(shapes) if s is not None and s.geom_type == "GeometryCollection"]
    if not drawn:
        return _Layer(name=name, role=None, unsaid=False, features=(), notes=())
    convert, notes = _conversion(meta.get("crs"), shapes[drawn])
    role = name.lower().rstrip("s") if name.lower().rstrip("s") in _ROLES else None
    features: list[GisFeature] = []
    unsaid = False
    for number in drawn:
        properties = _properties(columns, number, role)
        unsaid = unsaid or "role" not in properties
        features += _features(shapes[number], properties, convert)
    return _Layer(name=name, role=role, unsaid=unsaid, features=tuple(features), notes=notes)


def _properties(columns: Mapping[str, Any], number: int, role: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, values in columns.items():
        value = values[number].item() if isinstance(values[number], np.generic) else values[number]
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            continue
        found[field] = value.strip() if isinstance(value, str) else value
    if role is not None:
        found.setdefault("role", role)
    width = next((found[key] for key in _WIDTHS if key in found), None)
    if width is not None:
        found["corridor_width_m"] = width
    return found


def _features(shape: Any, properties: dict[str, Any], convert: Any) -> Iterator[GisFeature]:
    if shape.geom_type == "GeometryCollection":
        for part in shape.geoms:
            yield from _features(part, properties, convert)
        return
    parts = [part for part in shapely.get_parts(shape).tolist() if not part.is_empty]
    if shape.geom_type in _POLYGONS and parts:
        outlines = tuple(
            Outline(shell=convert(part.exterior), holes=tuple(convert(hole) for hole in part.interiors))
            for part in parts
        )
        yield GisFeature(properties=properties, outlines=outlines)
    elif shape.geom_type in _LINES:
        for part in parts:
            yield GisFeature(properties=properties, line=convert(part))


def _conversion(crs: Any, shapes: Any) -> tuple[Any, tuple[str, ...]]:
    """What brings a layer's rings to WGS84, and the note to make of it."""
    known = _crs(crs)
    bounds = shapely.total_bounds(shapes)
    if known.is_projected and np.all(np.abs(bounds) <= (360.0, 90.0, 360.0, 90.0)):
        raise GeometryError(
            Message("the coordinates are degrees, but the file says they are {known}", known=known.name),
            remedy="give it the reference system it was drawn in, and export it again",
        )
    try:
        transformer = Transformer.from_crs(known, CRS("EPSG:4326"), always_xy=True, allow_ballpark=False)
        notes = _conversion_notes(known, transformer)
    except ProjError as error:
        raise GeometryError(
            Message("coordinates in {known!r} cannot be converted", known=known.name[:60]),
            remedy="export it in WGS 84 (EPSG:4326)",
        ) from error

    def convert(ring: Any) -> tuple[LatLon, ...]:
        xy = shapely.get_coordinates(ring)
        try:
            lon, lat = transformer.transform(xy[:, 0], xy[:, 1], errcheck=True)
        except ProjError as error:
            raise _no_degrees(known) from error
        return _places(np.asarray(lon), np.asarray(lat), known)

    return convert, notes


def _conversion_notes(known: CRS, transformer: Transformer) -> tuple[str, ...]:
    if known.to_epsg(min_confidence=70) == 4326 or known == CRS("OGC:CRS84"):
        return ()
    accuracy_m = transformer.accuracy
    if accuracy_m < 1.0:
        return (Message("coordinates converted from {system}", system=known.name),)
    return (
        Message(
            "coordinates converted from {system}, to within {accuracy_m:g} m",
            system=known.name,
            accuracy_m=accuracy_m,
        ),
    )


def _crs(crs: Any) -> CRS:
    missing = GeometryError(
        "the file does not say which reference system its coordinates are in",
        remedy="set the layer's reference system and export it again, best in WGS 84 (EPSG:4326)",
    )
    if not crs:
        raise missing
    try:
        known = CRS.from_user_input(crs)
    except (ProjError, ValueError) as error:
        raise GeometryError(
            Message("the reference system is not known: {crs!r}", crs=str(crs)[:60]),
            remedy="export it in WGS 84 (EPSG:4326)",
        ) from error
    if known.is_compound:
        known = known.sub_crs_list[0]
    if re.match(r"(undefined|unknown)", known.name, re.IGNORECASE) or known.is_engineering:
        raise missing
    return known


def _no_degrees(known: CRS) -> GeometryError:
    return GeometryError(
        Message("coordinates that are none in {known!r}", known=known.name[:60]),
        remedy="check the reference system, and that x is the longitude or easting",
    )


def _places(
    lon_deg: npt.NDArray[np.float64], lat_deg: npt.NDArray[np.float64], known: CRS
) -> tuple[LatLon, ...]:
    fine = np.isfinite(lon_deg) & np.isfinite(lat_deg) & (np.abs(lat_deg) <= 90) & (np.abs(lon_deg) <= 360)
    if not bool(fine.all()):
        raise _no_degrees(known)
    wrapped = np.where(np.abs(lon_deg) > 180.0, (lon_deg + 180.0) % 360.0 - 180.0, lon_deg)
    return tuple(
        LatLon(lat_deg=lat, lon_deg=lon) for lon, lat in zip(wrapped.tolist(), lat_deg.tolist(), strict=True)
    )
