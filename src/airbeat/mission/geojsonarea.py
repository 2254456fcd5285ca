"""Polygons and lines of a GeoJSON file, or of a QGroundControl plan, read without trusting them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.polygons import Outline
from airbeat.language.words import Message
from airbeat.mission.areafeature import (
    AreaRole,
    Feature,
    check_length,
    is_shown_only,
    points_left_out,
    role_of,
    width_of,
)
from airbeat.mission.planarea import is_qgc_plan, plan_areas

__all__ = ["json_features", "require_wgs84"]

MAX_FEATURES = 5_000
_MAX_NESTING = 8
_MOST_PARTS = 400_000
"""Lists and objects in one file."""


def json_features(content: bytes, *, notes: list[str]) -> Iterator[Feature]:
    """The features of a GeoJSON file; of a QGroundControl plan the areas that it draws.

    Args:
        content: the file's bytes.
        notes: takes how many points were left out.

    Raises:
        GeometryError: not UTF-8, not JSON, coordinates that are no degrees, another reference system.
    """
    parts = content.count(b"[") + content.count(b"{")
    if parts > _MOST_PARTS:
        raise GeometryError(
            Message("{parts} lists and objects (at most {most_parts})", parts=parts, most_parts=_MOST_PARTS),
            remedy="simplify the outline to a few metres",
        )
    try:
        document = json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except GeometryError:
        raise
    except UnicodeDecodeError as error:
        raise GeometryError("not UTF-8 text", remedy="save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise GeometryError(
            Message("not readable as JSON: {msg}", msg=error.msg),
            where=f"line {error.lineno}, column {error.colno}",
        ) from error
    except (RecursionError, ValueError) as error:
        raise GeometryError("not readable as JSON: nested too deep, or a number too long") from error
    if not isinstance(document, dict):
        raise GeometryError("not a GeoJSON object")
    if is_qgc_plan(document):
        yield from _of_plan(document)
        return
    require_wgs84(document.get("crs"))
    if document.get("type") == "FeatureCollection":
        members = document.get("features")
        if not isinstance(members, list):
            raise GeometryError("a FeatureCollection without features")
        if len(members) > MAX_FEATURES:
            raise GeometryError(
                Message(
                    "{members} features (at most {max_features})",
                    members=len(members),
                    max_features=MAX_FEATURES,
                )
            )
    else:
        members = [document]
    own_map = isinstance(document.get("airbeat"), dict)
    points: list[str] = []
    for number, member in enumerate(members, start=1):
        try:
            yield from _geojson_feature(member, points, own_map=own_map)
        except GeometryError as error:
            where = ", ".join(p for p in (f"feature {number}", error.where) if p)
            raise GeometryError(error.message, where=where, remedy=error.remedy) from error
    if points and not own_map:
        notes.append(points_left_out(points))


def _of_plan(document: dict[str, Any]) -> Iterator[Feature]:
    for area in plan_areas(document):
        yield Feature(
            role=AreaRole.CORRIDOR if area.line else None,
            width_m=area.width_m,
            outlines=area.outlines,
            line=area.line,
        )


def _refuse_constant(text: str) -> float:
    raise GeometryError(Message("{words} is not a number that JSON knows", words=text))


def require_wgs84(crs: Any) -> None:
    """Refuses a ``crs`` member (GeoJSON of 2008) that names another reference system than WGS84.

    Raises:
        GeometryError: it does.
    """
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = str(properties.get("name", "")) if isinstance(properties, dict) else ""
    if not (name.endswith("CRS84") or name.endswith(":4326")):
        raise GeometryError(
            Message("coordinates in another reference system ({name!r})", name=name[:60]),
            remedy="export the file again in WGS84 (EPSG:4326)",
        )


def _geojson_feature(member: Any, points: list[str], *, own_map: bool) -> Iterator[Feature]:
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
    role, width_m = role_of(properties), width_of(properties)
    title = str(properties.get("title") or properties.get("name") or "")
    for outlines, line in _geojson_geometry(geometry, 0, points, title):
        yield Feature(
            role=role,
            width_m=width_m,
            outlines=outlines,
            line=line,
            properties=properties,
            shown_only=own_map and is_shown_only(properties.get("kind")),
        )


def _geojson_geometry(
    geometry: Any, depth: int, points: list[str], title: str
) -> Iterator[tuple[tuple[Outline, ...], tuple[LatLon, ...]]]:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind == "GeometryCollection":
        if depth >= _MAX_NESTING:
            raise GeometryError("geometry collections nested too deep")
        for member in _list(geometry.get("geometries")):
            yield from _geojson_geometry(member, depth + 1, points, title)
    elif kind in ("Polygon", "MultiPolygon"):
        polygons = _list(geometry.get("coordinates"))
        if kind == "Polygon":
            polygons = [polygons]
        yield tuple(_outline(p) for p in polygons), ()
    elif kind in ("LineString", "MultiLineString"):
        lines = _list(geometry.get("coordinates"))
        for line in [lines] if kind == "LineString" else lines:
            yield (), _ring(line)
    elif kind in ("Point", "MultiPoint"):
        points.append(title)
    else:
        raise GeometryError(Message("unknown geometry type {kind!r}", kind=str(kind)[:40]))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise GeometryError("coordinates are not a list")
    return value


def _ring(value: Any) -> tuple[LatLon, ...]:
    check_length(len(_list(value)))
    return tuple(_position(p) for p in value)


def _outline(rings: Any) -> Outline:
    check_length(sum(len(_list(ring)) for ring in _list(rings)))
    read = [_ring(ring) for ring in rings]
    if not read:
        raise GeometryError("a polygon without an outline")
    return Outline(shell=read[0], holes=tuple(read[1:]))


def _position(value: Any) -> LatLon:
    pair = value[:2] if isinstance(value, list) else []
    if len(pair) != 2 or any(isinstance(v, bool) or not isinstance(v, int | float) for v in pair):
        raise GeometryError(
            Message("not a position: {number!r}", number=str(value)[:60]),
            remedy="write [longitude, latitude]",
        )
    lon, lat = pair
    if abs(lon) > 360 or abs(lat) > 90:
        raise GeometryError(
            Message(
                "[{lon}, {lat}] is no longitude and latitude in degrees", lon=str(lon)[:20], lat=str(lat)[:20]
            ),
            remedy="the order is [longitude, latitude]; export projected coordinates again in WGS84",
        )
    return LatLon(lat_deg=float(lat), lon_deg=_within_180(float(lon)))


def _within_180(lon_deg: float) -> float:
    if lon_deg > 180.0:
        return lon_deg - 360.0
    return lon_deg + 360.0 if lon_deg < -180.0 else lon_deg
