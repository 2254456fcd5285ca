"""A plan from a KML or KMZ file: airbeat's own map, or a route as one LineString or as points."""

from __future__ import annotations

import hashlib
import math
from pathlib import PurePath
from typing import Any

from airbeat.errors import PlanFileError
from airbeat.formats.archive import read_members
from airbeat.formats.drawn import Drawn, drawn_latlon, plan_of_drawing
from airbeat.formats.limits import MAX_ITEMS, check_count, clean_text
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.language.words import Message
from airbeat.mission.archive import is_archive
from airbeat.mission.plan import FlightPlan
from airbeat.mission.xmltree import local_name, xml_tree

__all__ = ["read_kml"]

_MAX_POSITIONS = 100_000
_DATUM = {"absolute": AltitudeDatum.AMSL, "relativeToGround": AltitudeDatum.AGL}
_FORMS = {"Point": "point", "LineString": "line", "Polygon": "polygon"}
_Row = tuple[float, float, float | None]


def read_kml(data: bytes, *, name: str) -> FlightPlan:
    """A plan from the bytes of a KML 2.2 file, or of a KMZ archive with one KML file in it.

    Of a foreign file heights are read where the altitudeMode says what they count from: ``absolute`` above
    sea level, ``relativeToGround`` above the ground below. Network links are not followed.

    Raises:
        PlanFileError: with the placemark's number and what to do about it.
    """
    content = _kml_of(data, name) if is_archive(data) else data
    try:
        root = xml_tree(content, kind="KML", error=PlanFileError)
    except PlanFileError as error:
        place = f"{name}: {error.where}".rstrip(": ")
        raise PlanFileError(error.message, where=place, remedy=error.remedy) from error
    if local_name(root) != "kml":
        raise PlanFileError(
            Message(
                "the first element is {clean_text!r}, not kml",
                clean_text=clean_text(local_name(root), limit=40),
            ),
            where=name,
        )
    document = next((e for e in root if local_name(e) == "Document"), root)
    notes = [clean_text(line) for line in _text(document, "description").splitlines()[:200]]
    if any(local_name(e) == "NetworkLink" for e in root.iter()):
        notes.append("network links are not followed")
    placemarks = [e for e in root.iter() if local_name(e) == "Placemark"]
    check_count(len(placemarks), 2 * MAX_ITEMS, what="placemarks", where=name)
    positions = sum(len((e.text or "").split()) for e in root.iter() if local_name(e) == "coordinates")
    check_count(positions, _MAX_POSITIONS, what="positions", where=name)
    shapes = [
        shape
        for number, placemark in enumerate(placemarks, start=1)
        for shape in _shapes(placemark, where=f"{name}: placemark {number}")
    ]
    return plan_of_drawing(
        shapes,
        name=clean_text(_text(document, "name"), limit=200) or PurePath(name).stem,
        file_name=PurePath(name).name,
        notes=[note for note in notes if note],
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _kml_of(data: bytes, name: str) -> bytes:
    members = read_members(data, suffixes=(".kml",), where=name)
    if len(members) == 1:
        return next(iter(members.values()))
    main = [content for member, content in members.items() if PurePath(member).name == "doc.kml"]
    if len(main) != 1:
        raise PlanFileError(
            Message("the archive holds {members} KML files and no doc.kml", members=len(members)),
            where=name,
            remedy="export it again",
        )
    return main[0]


def _text(element: Any, name: str) -> str:
    return next(((c.text or "").strip() for c in element if local_name(c) == name), "")


def _shapes(placemark: Any, *, where: str) -> list[Drawn]:
    properties = _extended(placemark)
    kind = str(properties.get("airbeat_kind", ""))
    if kind == "path":
        return []
    return [
        _shape(element, kind, properties, where)
        for element in placemark.iter()
        if local_name(element) in _FORMS
    ]


def _extended(placemark: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for element in placemark.iter():
        if local_name(element) == "Data":
            found[element.get("name", "")] = _text(element, "value")
        elif local_name(element) == "SimpleData":
            found[element.get("name", "")] = (element.text or "").strip()
    return found


def _shape(element: Any, kind: str, properties: dict[str, Any], where: str) -> Drawn:
    form = _FORMS[local_name(element)]
    rows = _coordinates(element if form != "polygon" else _outer_ring(element, where), where)
    places: tuple[LatLon, ...] = tuple(drawn_latlon(lat, lon, where=where) for lon, lat, _ in rows)
    if form == "polygon" and len(places) > 1 and places[0] == places[-1]:
        places = places[:-1]
    if not places or (form == "polygon" and len(places) < 3):
        raise PlanFileError("too few coordinates", where=where)
    datum = _DATUM.get(_text(element, "altitudeMode"))
    heights: tuple[Altitude | None, ...] = ()
    if form != "polygon":
        heights = tuple(
            None if datum is None or z is None else Altitude(value_m=z, datum=datum) for _, _, z in rows
        )
    return Drawn(kind=kind, form=form, places=places, heights=heights, properties=properties, where=where)


def _outer_ring(polygon: Any, where: str) -> Any:
    for boundary in polygon:
        if local_name(boundary) == "outerBoundaryIs":
            rings = [ring for ring in boundary if local_name(ring) == "LinearRing"]
            if len(rings) == 1:
                return rings[0]
    raise PlanFileError("a polygon needs one outer boundary", where=where)


def _coordinates(element: Any, where: str) -> list[_Row]:
    return [_row(text, where) for text in _text(element, "coordinates").split()]


def _row(text: str, where: str) -> _Row:
    parts = text.split(",")
    try:
        values = [float(part) for part in parts if part]
    except ValueError:
        values = []
    if len(values) not in (2, 3) or not all(math.isfinite(v) for v in values):
        raise PlanFileError(
            Message("not a position: {clean_text!r}", clean_text=clean_text(text, limit=40)),
            where=where,
            remedy="write longitude,latitude[,height] without spaces between",
        )
    return values[0], values[1], values[2] if len(values) > 2 else None
