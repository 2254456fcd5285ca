"""Area files, in which nothing is flown yet: written as GeoJSON, KML, GeoPackage or zipped shapefile.

What is written are the features of an area file: outlines with their role, corridors with their width, in
WGS84. `airbeat.mission.areafile` reads all of these, and KMZ and QGroundControl plans too.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import shapely

from airbeat import __version__
from airbeat.errors import GeometryError, UsageError
from airbeat.formats.losses import Loss, Precision, same_ring
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.mission.archive import zip_bytes
from airbeat.mission.areafeature import Feature
from airbeat.mission.gisarea import is_geopackage, is_shapefile

__all__ = ["AREA_FORMATS", "AreaFormat", "area_format_for", "area_losses", "is_gis"]

_KML_NAMESPACE = "http://www.opengis.net/kml/2.2"
_WIDTH = "corridor_width_m"
_SHAPEFILE_WIDTH = "corridor_w"
_EARLIEST = "2000-01-01T00:00:00.000Z"
"""A GeoPackage without a clock: the same content gives the same rows."""
_PRECISION = Precision()


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaFormat:
    """One format of area files.

    Attributes:
        key: its short name.
        title: what people call it.
        suffixes: of its files; the first is what airbeat writes.
        write: features as the bytes of a file; raises UsageError where pyogrio is needed and not installed.
    """

    key: str
    title: str
    suffixes: tuple[str, ...]
    write: Callable[[Sequence[Feature]], bytes]


def is_gis(content: bytes) -> bool:
    """Whether a file's bytes are a shapefile or a GeoPackage, which hold areas and never a plan."""
    try:
        return is_geopackage(content) or is_shapefile(content)
    except GeometryError:  # the reader of archives will say what is wrong with it
        return False


def area_format_for(path: Path) -> AreaFormat:
    """The format that an area file of this name is written in.

    Raises:
        UsageError: the suffix is none of an area file.
    """
    suffix = path.suffix.lower()
    found = next((known for known in AREA_FORMATS if suffix in known.suffixes), None)
    if found is None:
        raise UsageError(
            Message(
                "{path!r}: an area without a flight cannot be written as {suffix!r}",
                path=path.name,
                suffix=suffix,
            ),
            remedy=Message(
                "there are {area_formats}; or plan it first: airbeat plan --area",
                area_formats=", ".join(known.suffixes[0] for known in AREA_FORMATS),
            ),
        )
    return found


def area_losses(meant: Sequence[Feature], held: Sequence[Feature]) -> tuple[Loss, ...]:
    """What of an area file's features another file of them does not hold, feature by feature."""
    found: list[Loss] = []
    left = list(held)
    for number, feature in enumerate(meant, start=1):
        match = next((other for other in left if _same(feature, other)), None)
        if match is None:
            found.append(Loss(where=f"feature {number} ({_words(feature)})", text="not held"))
            continue
        left.remove(match)
        gone = sorted(set(map(str, feature.properties)) - set(map(str, match.properties)) - _KNOWN)
        if gone:
            names = ", ".join(gone[:20]) + (" …" if len(gone) > 20 else "")
            found.append(
                Loss(where=f"feature {number} ({_words(feature)})", text=f"properties not held: {names}")
            )
    return tuple(found)


_KNOWN = {"role", _WIDTH, _SHAPEFILE_WIDTH, "width_m"}


def _words(feature: Feature) -> str:
    return str(feature.role or ("line" if feature.line else "area"))


def _same(a: Feature, b: Feature) -> bool:
    mine, theirs = _rings(a), _rings(b)
    return (
        a.role is b.role
        and a.width_m == b.width_m
        and len(a.line) == len(b.line)
        and all(distance_m(p, q) <= _PRECISION.place_m for p, q in zip(a.line, b.line, strict=True))
        and len(mine) == len(theirs)
        and all(same_ring(p, q, _PRECISION) for p, q in zip(mine, theirs, strict=True))
    )


def _rings(feature: Feature) -> list[tuple[LatLon, ...]]:
    rings = [ring for outline in feature.outlines for ring in (outline.shell, *outline.holes)]
    return [ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring for ring in rings]


def _pairs(ring: Sequence[LatLon], *, closed: bool) -> list[list[float]]:
    pairs = [[place.lon_deg, place.lat_deg] for place in ring]
    return [*pairs, pairs[0]] if closed and pairs and pairs[0] != pairs[-1] else pairs


def _geometry(feature: Feature) -> Any:
    """The feature as shapely geometry, longitude first."""
    if feature.line:
        return shapely.LineString(_pairs(feature.line, closed=False))
    polygons = [
        shapely.Polygon(
            _pairs(outline.shell, closed=True), [_pairs(hole, closed=True) for hole in outline.holes]
        )
        for outline in feature.outlines
    ]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def _said(feature: Feature) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if feature.role is not None:
        said["role"] = feature.role.value
    if feature.width_m is not None:
        said[_WIDTH] = feature.width_m
    return said


def _write_geojson(features: Sequence[Feature]) -> bytes:
    members = [
        {"type": "Feature", "properties": _said(f), "geometry": shapely.geometry.mapping(_oriented(f))}
        for f in features
    ]
    collection = {
        "type": "FeatureCollection",
        "airbeat": {"schema_version": 1, "tool_version": __version__},
        "features": members,
    }
    return (json.dumps(collection, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _oriented(feature: Feature) -> Any:
    """Outlines counter-clockwise, holes clockwise (RFC 7946, section 3.1.6)."""
    return shapely.orient_polygons(_geometry(feature), exterior_cw=False)


def _write_kml(features: Sequence[Feature]) -> bytes:
    root = ET.Element("kml", xmlns=_KML_NAMESPACE)
    document = ET.SubElement(root, "Document")
    for number, feature in enumerate(features, start=1):
        placemark = ET.SubElement(document, "Placemark")
        ET.SubElement(placemark, "name").text = f"{_words(feature)} {number}"
        said = _said(feature)
        if said:
            extended = ET.SubElement(placemark, "ExtendedData")
            for name, value in said.items():
                ET.SubElement(ET.SubElement(extended, "Data", name=name), "value").text = str(value)
        parts = [feature] if feature.line else list(_single(feature))
        parent = placemark if len(parts) == 1 else ET.SubElement(placemark, "MultiGeometry")
        for part in parts:
            _kml_shape(parent, part)
    ET.indent(root, space=" ")
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _single(feature: Feature) -> list[Feature]:
    return [
        Feature(role=feature.role, width_m=feature.width_m, outlines=(outline,))
        for outline in feature.outlines
    ]


def _kml_shape(parent: ET.Element, feature: Feature) -> None:
    if feature.line:
        _kml_coordinates(ET.SubElement(parent, "LineString"), feature.line, closed=False)
        return
    polygon = ET.SubElement(parent, "Polygon")
    outline = feature.outlines[0]
    for tag, ring in (("outerBoundaryIs", outline.shell), *(("innerBoundaryIs", h) for h in outline.holes)):
        boundary = ET.SubElement(ET.SubElement(polygon, tag), "LinearRing")
        _kml_coordinates(boundary, ring, closed=True)


def _kml_coordinates(parent: ET.Element, ring: Sequence[LatLon], *, closed: bool) -> None:
    rows = [f"{lon!r},{lat!r}" for lon, lat in _pairs(ring, closed=closed)]
    ET.SubElement(parent, "coordinates").text = " ".join(rows)


def _write_geopackage(features: Sequence[Feature]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "area.gpkg"
        _gdal_write(path, features, driver="GPKG", layer="features", width=_WIDTH)
        return path.read_bytes()


def _write_shapefile(features: Sequence[Feature]) -> bytes:
    kinds = {bool(feature.line) for feature in features}
    held = [f for f in features if not f.line] if len(kinds) > 1 else list(features)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "area.shp"
        _gdal_write(path, held, driver="ESRI Shapefile", layer="area", width=_SHAPEFILE_WIDTH)
        return zip_bytes({part.name: part.read_bytes() for part in sorted(Path(folder).iterdir())})


def _gdal_write(path: Path, features: Sequence[Feature], *, driver: str, layer: str, width: str) -> None:
    try:
        import pyogrio
    except ImportError as error:
        raise UsageError(
            "shapefiles and GeoPackages need pyogrio, which is not installed",
            remedy="pip install 'airbeat[gis]', or write .geojson or .kml",
        ) from error
    shapes = [_geometry(feature) for feature in features]
    kinds = {shape.geom_type for shape in shapes}
    roles = np.array([f.role.value if f.role else None for f in features], dtype=object)
    widths = np.array([np.nan if f.width_m is None else f.width_m for f in features])
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _EARLIEST})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pyogrio.raw.write(
                os.fspath(path),
                shapely.to_wkb(np.array(shapes, dtype=object)),
                [roles, widths],
                np.array(["role", width]),
                driver=driver,
                layer=layer,
                geometry_type=kinds.pop() if len(kinds) == 1 else _common_type(kinds),
                crs="EPSG:4326",
                encoding="UTF-8",
            )
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _common_type(kinds: set[str]) -> str:
    return "MultiPolygon" if kinds <= {"Polygon", "MultiPolygon"} else "Unknown"


AREA_FORMATS = (
    AreaFormat(key="geojson", title="GeoJSON area", suffixes=(".geojson", ".json"), write=_write_geojson),
    AreaFormat(key="kml", title="KML area", suffixes=(".kml",), write=_write_kml),
    AreaFormat(key="gpkg", title="GeoPackage area", suffixes=(".gpkg",), write=_write_geopackage),
    AreaFormat(key="shapefile", title="zipped ESRI shapefile", suffixes=(".zip",), write=_write_shapefile),
)
"""Every format of area files that is written, in the order of the help texts."""
