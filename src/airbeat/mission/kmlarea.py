"""Polygons and lines of a KML 2.2 file, read without trusting it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.polygons import Outline

__all__ = ["Placemark", "kml_features"]

MAX_DEPTH = 40
MAX_ELEMENTS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Placemark:
    """One geometry of a placemark with the placemark's ExtendedData."""

    properties: dict[str, Any]
    outlines: tuple[Outline, ...] = ()
    line: tuple[LatLon, ...] = ()


def kml_features(content: bytes) -> Iterator[Placemark]:
    """Polygons and LineStrings of every placemark, wherever it stands in folders.

    Raises:
        GeometryError: not readable as XML, a DTD or entities, nested more than 40 deep, no KML, or
            coordinates that are no degrees.
    """
    root = _tree(content)
    if _local(root) != "kml":
        raise GeometryError(f"not KML: the file's first element is {_local(root)[:40]!r}")
    for number, placemark in enumerate((e for e in root.iter() if _local(e) == "Placemark"), start=1):
        try:
            yield from _geometries(placemark)
        except GeometryError as error:
            raise GeometryError(error.message, where=f"placemark {number}", remedy=error.remedy) from error


class _Bounded:
    """Builds the tree and stops at the limits on depth and number of elements."""

    def __init__(self) -> None:
        from xml.etree.ElementTree import TreeBuilder

        self._builder = TreeBuilder()
        self._depth = 0
        self._elements = 0

    def start(self, tag: str, attributes: dict[str, str]) -> Any:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise GeometryError(f"more than {MAX_DEPTH} levels or {MAX_ELEMENTS} elements")
        return self._builder.start(tag, attributes)

    def end(self, tag: str) -> Any:
        self._depth -= 1
        return self._builder.end(tag)

    def data(self, text: str) -> None:
        self._builder.data(text)

    def close(self) -> Any:
        return self._builder.close()


def _tree(content: bytes) -> Any:
    parser = DefusedXMLParser(target=_Bounded(), forbid_dtd=True)
    try:
        parser.feed(content)
        return parser.close()
    except GeometryError:
        raise
    except ParseError as error:
        line, column = error.position
        raise GeometryError(
            "not readable as XML", where=f"line {line}, column {column + 1}", remedy="export the KML again"
        ) from error
    except DefusedXmlException as error:
        raise GeometryError("document type definitions and entities are not read") from error
    except (LookupError, ValueError) as error:
        raise GeometryError("not readable as XML: unknown encoding", remedy="save it as UTF-8") from error


def _local(element: Any) -> str:
    return str(element.tag).rsplit("}", 1)[-1]


def _geometries(placemark: Any) -> Iterator[Placemark]:
    properties = _properties(placemark)
    for element in placemark.iter():
        if _local(element) == "Polygon":
            yield Placemark(properties=properties, outlines=(_outline(element),))
        elif _local(element) == "LineString":
            yield Placemark(properties=properties, line=_coordinates(element))


def _properties(placemark: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for element in placemark.iter():
        if _local(element) == "Data":
            values = [c for c in element if _local(c) == "value"]
            found[element.get("name", "")] = (values[0].text or "").strip() if values else ""
        elif _local(element) == "SimpleData":
            found[element.get("name", "")] = (element.text or "").strip()
    return found


def _outline(polygon: Any) -> Outline:
    shells: list[tuple[LatLon, ...]] = []
    holes: list[tuple[LatLon, ...]] = []
    for boundary in polygon:
        rings = [_coordinates(ring) for ring in boundary if _local(ring) == "LinearRing"]
        if _local(boundary) == "outerBoundaryIs":
            shells += rings
        elif _local(boundary) == "innerBoundaryIs":
            holes += rings
    if len(shells) != 1:
        raise GeometryError(f"a polygon needs one outer boundary (got {len(shells)})")
    return Outline(shell=shells[0], holes=tuple(holes))


def _coordinates(element: Any) -> tuple[LatLon, ...]:
    texts = [c.text or "" for c in element if _local(c) == "coordinates"]
    return tuple(_position(tuple_text) for text in texts for tuple_text in text.split())


def _position(text: str) -> LatLon:
    try:
        lon, lat = (float(part) for part in text.split(",")[:2])
    except ValueError:
        raise GeometryError(
            f"not a position: {text[:40]!r}", remedy="write longitude,latitude without spaces between"
        ) from None
    if not (abs(lon) <= 360 and abs(lat) <= 90):
        raise GeometryError(
            f"{text[:40]!r} is no longitude and latitude in degrees", remedy="the order is longitude,latitude"
        )
    lon = lon - 360.0 if lon > 180.0 else lon + 360.0 if lon < -180.0 else lon
    return LatLon(lat_deg=lat, lon_deg=lon)
