"""A plan from a GeoJSON file: airbeat's own map, or a route as one LineString or as points."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from airbeat.errors import PlanFileError
from airbeat.formats.drawn import Drawn, drawn_latlon, plan_of_drawing
from airbeat.formats.jsontext import load_object, number
from airbeat.formats.limits import MAX_ITEMS, check_count, clean_text, sha256_of_text
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.language.words import Message
from airbeat.mission.geojsonarea import require_wgs84
from airbeat.mission.plan import FlightPlan

__all__ = ["read_geojson"]

_MAX_POSITIONS = 100_000
_MAX_NESTING = 8
_MULTI = {"MultiPoint": "Point", "MultiLineString": "LineString", "MultiPolygon": "Polygon"}


def read_geojson(text: str, *, name: str) -> FlightPlan:
    """A plan from the text of a GeoJSON file (RFC 7946: longitude first, WGS84).

    A third coordinate is a height above the ellipsoid by the standard; programs write other heights there,
    so it is not read, and the notes say so.

    Raises:
        PlanFileError: with the feature's number and what to do about it.
        GeometryError: coordinates in another reference system.
    """
    document = load_object(text, name=name, kind="GeoJSON")
    require_wgs84(document.get("crs"))
    reader = _Reader(name)
    shapes = reader.shapes(document)
    about = document.get("airbeat")
    own = about if isinstance(about, dict) else {}
    notes = own.get("notes")
    said = [clean_text(n) for n in notes[:200]] if isinstance(notes, list) else []
    return plan_of_drawing(
        shapes,
        name=clean_text(own.get("name"), limit=200) or PurePath(name).stem,
        file_name=PurePath(name).name,
        notes=[*said, *reader.notes],
        sha256=sha256_of_text(text),
    )


class _Reader:
    def __init__(self, name: str) -> None:
        self.name = name
        self.notes: list[str] = []
        self._positions = 0

    def shapes(self, document: dict[str, Any]) -> list[Drawn]:
        kind = document.get("type")
        features = document.get("features") if kind == "FeatureCollection" else [document]
        if not isinstance(features, list):
            raise PlanFileError("features must be a list", where=self.name)
        check_count(len(features), 2 * MAX_ITEMS, what="features", where=self.name)
        result: list[Drawn] = []
        for index, feature in enumerate(features, start=1):
            where = f"{self.name}: feature {index}"
            if not isinstance(feature, dict):
                raise PlanFileError("a feature must be an object", where=where)
            geometry = feature.get("geometry") if feature.get("type") == "Feature" else feature
            properties = feature.get("properties")
            known = properties if isinstance(properties, dict) else {}
            if isinstance(geometry, dict):
                result += self._shapes_of(geometry, known, where)
        return result

    def _shapes_of(
        self, geometry: dict[str, Any], properties: dict[str, Any], where: str, depth: int = 0
    ) -> list[Drawn]:
        if geometry.get("type") == "GeometryCollection" and isinstance(geometry.get("geometries"), list):
            if depth >= _MAX_NESTING:
                raise PlanFileError("geometry collections nested too deep", where=where)
            members = [m for m in geometry["geometries"] if isinstance(m, dict)]
            return [s for m in members for s in self._shapes_of(m, properties, where, depth + 1)]
        kind, coordinates = geometry.get("type"), geometry.get("coordinates")
        if not isinstance(kind, str) or not isinstance(coordinates, list):
            raise PlanFileError("a geometry needs type and coordinates", where=where)
        parts = coordinates if kind in _MULTI else [coordinates]
        return [
            shape
            for part in parts
            if (shape := self._shape(_MULTI.get(kind, kind), part, properties, where)) is not None
        ]

    def _shape(self, kind: str, coordinates: Any, properties: dict[str, Any], where: str) -> Drawn | None:
        stated = properties.get("kind")
        own = stated if isinstance(stated, str) else ""
        if kind == "Point":
            form, rows = "point", [coordinates]
        elif kind == "LineString":
            form, rows = "line", coordinates
        elif kind == "Polygon":
            form = "polygon"
            rows = coordinates[0] if isinstance(coordinates, list) and coordinates else []
        else:
            self.notes.append(
                Message(
                    "{where}: geometry {kind!r} is not read", where=where, kind=clean_text(kind, limit=40)
                )
            )
            return None
        if own == "path":
            return None
        if not isinstance(rows, list):
            raise PlanFileError("coordinates must be lists", where=where)
        places = tuple(self._place(row, where) for row in rows)
        if form == "polygon" and len(places) > 1 and places[0] == places[-1]:
            places = places[:-1]
        if not places or (form == "polygon" and len(places) < 3):
            raise PlanFileError("too few coordinates", where=where)
        return Drawn(
            kind=own,
            form=form,
            places=places,
            heights=() if form != "point" else (self._height(properties, where),),
            properties=properties,
            where=where,
        )

    def _place(self, row: Any, where: str) -> LatLon:
        self._positions += 1
        check_count(self._positions, _MAX_POSITIONS, what="positions", where=self.name)
        if not isinstance(row, list) or len(row) < 2:
            raise PlanFileError("a position must be [longitude, latitude]", where=where)
        lon, lat = (number(v, where=where, what="a coordinate") for v in row[:2])
        if len(row) > 2:
            self.notes.append("third coordinates are heights above the ellipsoid and not read")
        return drawn_latlon(lat, lon, where=where)

    def _height(self, properties: dict[str, Any], where: str) -> Altitude | None:
        value, datum = properties.get("height_m"), properties.get("height_datum")
        if value is None or datum not in {d.value for d in AltitudeDatum}:
            return None
        return Altitude(value_m=number(value, where=where, what="height_m"), datum=AltitudeDatum(datum))
