"""A plan as KML 2.2 for Google Earth, CalTopo and ATAK: longitude, latitude, height; explicit altitudeMode.

Heights are absolute (above sea level) where the plan tells them; otherwise heights above home are drawn
above the ground below, and the placemark says so. Elements stand in the order of the OGC schema
(07-147r2), styles are inside the file, and no picture is loaded from the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from airbeat.formats.features import COLOURS, MapFeature, document_properties, map_features
from airbeat.formats.limits import clean_text
from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.mission.plan import FlightPlan

__all__ = ["write_kml"]

_NAMESPACE = "http://www.opengis.net/kml/2.2"
_FOLDERS = (
    ("Area", ("area", "unseen")),
    ("Fence", ("fence-inclusion", "fence-exclusion")),
    ("Planned path", ("path",)),
    ("Waypoints", ("waypoint",)),
    ("Places", ("home", "rally", "last-seen")),
)
_ABOVE_GROUND = "Heights above home are drawn above the ground below: the height of home is not known."


def write_kml(plan: FlightPlan) -> str:
    """The plan's map as the text of a KML file."""
    root = ET.Element("kml", xmlns=_NAMESPACE)
    document = ET.SubElement(root, "Document")
    about = document_properties(plan)
    notes = about.pop("notes")
    _text(document, "name", plan.name)
    _text(document, "open", "1")
    _text(document, "description", "\n".join(notes))
    for kind, colour in COLOURS.items():
        _style(document, kind, colour)
    _extended_data(document, about)
    features = map_features(plan)
    for title, kinds in _FOLDERS:
        chosen = [f for f in features if f.kind in kinds]
        if not chosen:
            continue
        folder = ET.SubElement(document, "Folder")
        _text(folder, "name", title)
        for feature in chosen:
            _placemark(folder, feature, plan.home_amsl_m)
    ET.indent(root, space=" ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _text(parent: ET.Element, tag: str, text: str) -> None:
    lines = [clean_text(line, limit=5000) for line in text.splitlines()]
    ET.SubElement(parent, tag).text = "\n".join(lines)


def _style(document: ET.Element, kind: str, colour: str) -> None:
    style = ET.SubElement(document, "Style", id=kind)
    red, green, blue = colour[1:3], colour[3:5], colour[5:7]
    icon = ET.SubElement(style, "IconStyle")
    _text(icon, "color", f"ff{blue}{green}{red}")  # KML colours are aabbggrr
    _text(icon, "scale", "0.6" if kind == "waypoint" else "1.1")
    label = ET.SubElement(style, "LabelStyle")
    _text(label, "scale", "0.7" if kind == "waypoint" else "1")
    line = ET.SubElement(style, "LineStyle")
    _text(line, "color", f"ff{blue}{green}{red}")
    _text(line, "width", "2")
    fill = ET.SubElement(style, "PolyStyle")
    _text(fill, "color", f"30{blue}{green}{red}")


def _extended_data(parent: ET.Element, values: dict[str, Any]) -> None:
    if not values:
        return
    extended = ET.SubElement(parent, "ExtendedData")
    for name, value in values.items():
        data = ET.SubElement(extended, "Data", name=name)
        shown = " ".join(map(str, value)) if isinstance(value, list) else str(value)
        _text(data, "value", shown)


def _placemark(parent: ET.Element, feature: MapFeature, home_amsl_m: float | None) -> None:
    placemark = ET.SubElement(parent, "Placemark")
    _text(placemark, "name", feature.title)
    mode, heights_m = _drawn_heights(feature.heights, home_amsl_m)
    if any(h is not None and h.datum is AltitudeDatum.HOME for h in feature.heights):
        _text(placemark, "description", _ABOVE_GROUND if mode == "relativeToGround" else "")
    _text(placemark, "styleUrl", f"#{feature.kind}")
    _extended_data(placemark, {"airbeat_kind": feature.kind, **feature.properties})
    geometry = feature.geometry
    if geometry.geom_type == "Point":
        _point(placemark, geometry, mode, heights_m)
    elif geometry.geom_type == "LineString":
        _line(placemark, geometry, mode, heights_m)
    elif geometry.geom_type == "Polygon":
        _polygon(placemark, geometry)
    else:
        multi = ET.SubElement(placemark, "MultiGeometry")
        for part in geometry.geoms:
            _polygon(multi, part)


def _drawn_heights(
    heights: Sequence[Altitude | None], home_amsl_m: float | None
) -> tuple[str, list[float] | None]:
    """The altitudeMode that all of the heights allow, and the heights in it [m]."""
    known = [h for h in heights if h is not None]
    if not known or len(known) < len(heights):
        return "clampToGround", None
    if all(h.datum is AltitudeDatum.AMSL for h in known):
        return "absolute", [h.value_m for h in known]
    if home_amsl_m is not None and all(h.datum is not AltitudeDatum.AGL for h in known):
        return "absolute", [
            h.value_m + (home_amsl_m if h.datum is AltitudeDatum.HOME else 0.0) for h in known
        ]
    if all(h.datum is not AltitudeDatum.AMSL for h in known):
        return "relativeToGround", [h.value_m for h in known]
    return "clampToGround", None


def _coordinates(parent: ET.Element, pairs: Any, heights_m: Sequence[float] | None) -> None:
    rows = []
    for index, (lon, lat) in enumerate(pairs):
        height = f",{heights_m[index]:.2f}" if heights_m is not None else ""
        rows.append(f"{_within_180(lon):.8f},{lat:.8f}{height}")
    ET.SubElement(parent, "coordinates").text = " ".join(rows)


def _within_180(lon_deg: float) -> float:
    return lon_deg - 360.0 if lon_deg > 180.0 else lon_deg


def _point(parent: ET.Element, geometry: Any, mode: str, heights_m: Sequence[float] | None) -> None:
    point = ET.SubElement(parent, "Point")
    _text(point, "altitudeMode", mode)
    _coordinates(point, geometry.coords, heights_m)


def _line(parent: ET.Element, geometry: Any, mode: str, heights_m: Sequence[float] | None) -> None:
    line = ET.SubElement(parent, "LineString")
    _text(line, "tessellate", "1" if mode == "clampToGround" else "0")
    _text(line, "altitudeMode", mode)
    _coordinates(line, geometry.coords, heights_m)


def _polygon(parent: ET.Element, geometry: Any) -> None:
    polygon = ET.SubElement(parent, "Polygon")
    _text(polygon, "tessellate", "1")
    _text(polygon, "altitudeMode", "clampToGround")
    rings = [("outerBoundaryIs", geometry.exterior)]
    rings += [("innerBoundaryIs", ring) for ring in geometry.interiors]
    for tag, ring in rings:
        boundary = ET.SubElement(polygon, tag)
        _coordinates(ET.SubElement(boundary, "LinearRing"), ring.coords, None)
