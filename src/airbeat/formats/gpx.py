"""GPX 1.1: the waypoints of a plan as a route, home and rally points as waypoints.

By the schema of Topografix (http://www.topografix.com/GPX/1/1): ``lat`` and ``lon`` in WGS84 degrees, ``ele``
above mean sea level [m]. A height that cannot be told above sea level has no ``ele``. What a route point
cannot say stands in its ``extensions`` under airbeat's own namespace; GPX has no fence.
"""

from __future__ import annotations

import hashlib
import math
from itertools import chain
from pathlib import PurePath
from typing import Any
from xml.etree import ElementTree as ET

from airbeat import __version__
from airbeat.errors import PlanFileError
from airbeat.formats.carried import ITEMS_KEY
from airbeat.formats.drawn import Drawn, drawn_latlon, plan_of_drawing
from airbeat.formats.features import MapFeature, map_features
from airbeat.formats.limits import MAX_ITEMS, check_count, clean_text
from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.language.words import Message
from airbeat.mission.plan import FlightPlan
from airbeat.mission.xmltree import local_name, xml_tree

__all__ = ["gpx_longitude", "read_gpx", "write_gpx"]

_GPX = "http://www.topografix.com/GPX/1/1"
_AIRBEAT = "urn:airbeat:gpx:1"
_SYMBOLS = {"home": "Residence", "rally": "Airport", "last-seen": "Flag, Red"}
_CARRIED = (
    "seq",
    "height_m",
    "height_datum",
    "amsl_m",
    "speed_m_s",
    "max_height_m",
    "breach_return",
    ITEMS_KEY,
)


def write_gpx(plan: FlightPlan) -> str:
    """The plan as the text of a GPX 1.1 file."""
    root = ET.Element(
        "gpx",
        {
            "xmlns": _GPX,
            "xmlns:airbeat": _AIRBEAT,
            "version": "1.1",
            "creator": f"airbeat {plan.provenance.tool_version or __version__}",
        },
    )
    metadata = ET.SubElement(root, "metadata")
    _put(metadata, "name", plan.name)
    _put(metadata, "desc", "\n".join(plan.notes))
    features = map_features(plan)
    for feature in features:
        if feature.kind in _SYMBOLS:
            _point(root, "wpt", feature, plan.home_amsl_m)
    route = [feature for feature in features if feature.kind == "waypoint"]
    if route:
        element = ET.SubElement(root, "rte")
        _put(element, "name", plan.name)
        for feature in route:
            _point(element, "rtept", feature, plan.home_amsl_m)
    ET.indent(root, space=" ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _put(parent: ET.Element, name: str, text: str) -> None:
    lines = [clean_text(line, limit=5000) for line in text.splitlines()]
    ET.SubElement(parent, name).text = "\n".join(lines)


def _point(parent: ET.Element, name: str, feature: MapFeature, home_amsl_m: float | None) -> None:
    lon, lat = feature.geometry.x, feature.geometry.y
    point = ET.SubElement(parent, name, lat=f"{lat:.8f}", lon=gpx_longitude(lon, decimals=8))
    amsl_m = home_amsl_m if feature.kind == "home" else _amsl_m(feature.heights[0], home_amsl_m)
    if amsl_m is not None:
        _put(point, "ele", f"{amsl_m:.3f}")
    _put(point, "name", feature.title)
    if feature.kind in _SYMBOLS:
        _put(point, "sym", _SYMBOLS[feature.kind])
    _put(point, "type", feature.kind)
    carried = {key: feature.properties[key] for key in _CARRIED if feature.properties.get(key) is not None}
    if carried:
        extensions = ET.SubElement(point, "extensions")
        for key, value in carried.items():
            ET.SubElement(extensions, f"airbeat:{key}").text = str(value)


def gpx_longitude(lon_deg: float, *, decimals: int) -> str:
    """A longitude as GPX 1.1 has it: from -180, which stands for 180 too, to less than 180."""
    text = f"{lon_deg:.{decimals}f}"
    return f"-{text}" if float(text) == 180.0 else text


def _amsl_m(height: Altitude | None, home_amsl_m: float | None) -> float | None:
    if height is None or height.datum is AltitudeDatum.AGL:
        return None
    if height.datum is AltitudeDatum.AMSL:
        return height.value_m
    return None if home_amsl_m is None else height.value_m + home_amsl_m


def read_gpx(data: bytes, *, name: str) -> FlightPlan:
    """A plan from the bytes of a GPX file: airbeat's own, or its one route, track or set of waypoints.

    ``ele`` of a foreign file is read as metres above mean sea level, as the schema has it.

    Raises:
        PlanFileError: with the point's number and what to do about it.
    """
    try:
        root = xml_tree(data, kind="GPX", error=PlanFileError)
    except PlanFileError as error:
        place = f"{name}: {error.where}".rstrip(": ")
        raise PlanFileError(error.message, where=place, remedy=error.remedy) from error
    if local_name(root) != "gpx":
        raise PlanFileError(
            Message(
                "the first element is {clean_text!r}, not gpx",
                clean_text=clean_text(local_name(root), limit=40),
            ),
            where=name,
        )
    metadata = next((e for e in root if local_name(e) == "metadata"), None)
    notes = [] if metadata is None else [clean_text(n) for n in _text(metadata, "desc").splitlines()[:200]]
    title = "" if metadata is None else clean_text(_text(metadata, "name"), limit=200)
    shapes = _shapes(root, name, notes)
    return plan_of_drawing(
        shapes,
        name=title or PurePath(name).stem,
        file_name=PurePath(name).name,
        notes=[note for note in (*notes, "a GPX file holds no fence") if note],
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _shapes(root: Any, name: str, notes: list[str]) -> list[Drawn]:
    waypoints = [_drawn(e, f"{name}: wpt {n}") for n, e in enumerate(_all(root, "wpt"), start=1)]
    routes = [_all(route, "rtept") for route in _all(root, "rte")]
    tracks = [
        [point for segment in _all(track, "trkseg") for point in _all(segment, "trkpt")]
        for track in _all(root, "trk")
    ]
    count = len(waypoints) + sum(map(len, routes)) + sum(map(len, tracks))
    check_count(count, 2 * MAX_ITEMS, what="points", where=name)
    if any(shape.kind == "home" for shape in waypoints):
        points = [_drawn(e, f"{name}: rtept {n}") for n, e in enumerate(chain.from_iterable(routes), start=1)]
        return waypoints + points
    routes = [route for route in routes if route]
    lines = routes or [track for track in tracks if track]
    if routes and any(tracks):
        notes.append("tracks of the file are not read: its route is what is to be flown")
    elif any(len(_all(track, "trkseg")) > 1 for track in _all(root, "trk")):
        notes.append("the track has several segments: they are joined, the gaps are flown straight")
    return waypoints + [
        _line(line, f"{name}: {'route' if routes else 'track'} {n}") for n, line in enumerate(lines, start=1)
    ]


def _all(element: Any, name: str) -> list[Any]:
    return [child for child in element if local_name(child) == name]


def _text(element: Any, name: str) -> str:
    return next(((c.text or "").strip() for c in element if local_name(c) == name), "")


def _drawn(element: Any, where: str) -> Drawn:
    properties: dict[str, Any] = {}
    for extensions in _all(element, "extensions"):
        properties |= {local_name(c): (c.text or "").strip() for c in extensions}
    kind = _text(element, "type")
    lat, lon = _number(element.get("lat"), "lat", where), _number(element.get("lon"), "lon", where)
    ele = _text(element, "ele")
    height = None
    if ele:
        height = Altitude(value_m=_number(ele, "ele", where), datum=AltitudeDatum.AMSL)
    return Drawn(
        kind=kind if kind == "waypoint" or kind in _SYMBOLS else "",
        form="point",
        places=(drawn_latlon(lat, lon, where=where),),
        heights=(height,),
        properties=properties,
        where=where,
    )


def _line(points: list[Any], where: str) -> Drawn:
    drawn = [_drawn(point, f"{where}, point {n}") for n, point in enumerate(points, start=1)]
    return Drawn(
        kind="",
        form="line",
        places=tuple(d.places[0] for d in drawn),
        heights=tuple(d.heights[0] for d in drawn),
        where=where,
    )


def _number(text: str | None, what: str, where: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise PlanFileError(
            Message(
                "{what} is {clean_text!r}, not a number",
                what=what,
                clean_text=clean_text(text or "", limit=40),
            ),
            where=where,
        )
    return value
