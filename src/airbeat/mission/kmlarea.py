"""Polygons and lines of a KML 2.2 file, read without trusting it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.polygons import Outline
from airbeat.language.words import Message
from airbeat.mission.areafeature import check_length, is_shown_only, points_left_out
from airbeat.mission.xmltree import local_name, xml_tree

__all__ = ["Placemark", "kml_features"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placemark:
    """One geometry of a placemark with the placemark's ExtendedData."""

    properties: dict[str, Any]
    outlines: tuple[Outline, ...] = ()
    line: tuple[LatLon, ...] = ()


def kml_features(content: bytes, *, notes: list[str]) -> Iterator[Placemark]:
    """Polygons and LineStrings of every placemark, wherever it stands in folders.

    Args:
        content: the file's bytes.
        notes: takes how many points and tracks were left out.

    Raises:
        GeometryError: not readable as XML, a DTD or entities, nested more than 40 deep, no KML, or
            coordinates that are no degrees.
    """
    root = xml_tree(content, kind="KML", error=GeometryError)
    if local_name(root) != "kml":
        raise GeometryError(
            Message("not KML: the file's first element is {local_name!r}", local_name=local_name(root)[:40])
        )
    points: list[str] = []
    tracks = 0
    for number, placemark in enumerate((e for e in root.iter() if local_name(e) == "Placemark"), start=1):
        try:
            yield from _geometries(placemark)
        except GeometryError as error:
            raise GeometryError(error.message, where=f"placemark {number}", remedy=error.remedy) from error
        if not is_shown_only(_properties(placemark).get("airbeat_kind")):
            names = [local_name(e) for e in placemark.iter()]
            points += [_name(placemark)] * names.count("Point")
            tracks += names.count("Track")
    if points:
        notes.append(points_left_out(points))
    if tracks:
        notes.append(
            Message("{tracks} gx:Track(s) left out: save the way as a path (LineString)", tracks=tracks)
        )


def _name(placemark: Any) -> str:
    return next(((c.text or "").strip() for c in placemark if local_name(c) == "name"), "")


def _geometries(placemark: Any) -> Iterator[Placemark]:
    properties = _properties(placemark)
    for element in placemark.iter():
        if local_name(element) == "Polygon":
            yield Placemark(properties=properties, outlines=(_outline(element),))
        elif local_name(element) == "LineString":
            yield Placemark(properties=properties, line=_coordinates(element))


def _properties(placemark: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for element in placemark.iter():
        if local_name(element) == "Data":
            values = [c for c in element if local_name(c) == "value"]
            found[element.get("name", "")] = (values[0].text or "").strip() if values else ""
        elif local_name(element) == "SimpleData":
            found[element.get("name", "")] = (element.text or "").strip()
    return found


def _outline(polygon: Any) -> Outline:
    shells: list[tuple[LatLon, ...]] = []
    holes: list[tuple[LatLon, ...]] = []
    for boundary in polygon:
        rings = [_coordinates(ring) for ring in boundary if local_name(ring) == "LinearRing"]
        if local_name(boundary) == "outerBoundaryIs":
            shells += rings
        elif local_name(boundary) == "innerBoundaryIs":
            holes += rings
    if len(shells) != 1:
        raise GeometryError(Message("a polygon needs one outer boundary (got {shells})", shells=len(shells)))
    return Outline(shell=shells[0], holes=tuple(holes))


def _coordinates(element: Any) -> tuple[LatLon, ...]:
    texts = [c.text or "" for c in element if local_name(c) == "coordinates"]
    tuples = [tuple_text for text in texts for tuple_text in text.split()]
    check_length(len(tuples))
    return tuple(_position(tuple_text) for tuple_text in tuples)


def _position(text: str) -> LatLon:
    try:
        lon, lat = (float(part) for part in text.split(",")[:2])
    except ValueError:
        raise GeometryError(
            Message("not a position: {words!r}", words=text[:40]),
            remedy="write longitude,latitude without spaces between",
        ) from None
    if not (abs(lon) <= 360 and abs(lat) <= 90):
        raise GeometryError(
            Message("{words!r} is no longitude and latitude in degrees", words=text[:40]),
            remedy="the order is longitude,latitude",
        )
    lon = lon - 360.0 if lon > 180.0 else lon + 360.0 if lon < -180.0 else lon
    return LatLon(lat_deg=lat, lon_deg=lon)
