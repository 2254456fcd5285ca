"""Sightings as GPX 1.1, KML 2.2 and Cursor on Target."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

from airbeat.formats.limits import clean_text
from airbeat.formats.sighting import Sighting

__all__ = ["write_cot", "write_sightings_gpx", "write_sightings_kml"]

_GPX = "http://www.topografix.com/GPX/1/1"
_KML = "http://www.opengis.net/kml/2.2"
_OURS = "urn:airbeat:sighting:1"
_UNKNOWN_M = 9999999.0
"""What CoT writes for a value that is not known."""

_COT_LASTS = timedelta(days=7)


def _text(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = "\n".join(clean_text(t, limit=5000) for t in text.splitlines())


def _document(root: ET.Element) -> str:
    ET.indent(root, space=" ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _zulu(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def write_sightings_gpx(sightings: Sequence[Sighting]) -> str:
    """GPX 1.1 waypoints; ``ele`` is the height of the ground above mean sea level, left out if not known."""
    root = ET.Element("gpx", {"version": "1.1", "creator": "airbeat", "xmlns": _GPX, "xmlns:airbeat": _OURS})
    for sighting in sightings:
        position = sighting.position
        point = ET.SubElement(root, "wpt", lat=f"{position.lat_deg:.7f}", lon=f"{position.lon_deg:.7f}")
        if sighting.msl_m is not None:
            _text(point, "ele", f"{sighting.msl_m:.1f}")
        if sighting.seen_utc is not None:
            _text(point, "time", _zulu(sighting.seen_utc))
        _text(point, "name", sighting.title)
        _text(point, "desc", sighting.description())
        _text(point, "src", f"airbeat, {sighting.method}")
        _text(point, "sym", "Flag, Red" if sighting.verdict == "person" else "Flag, Blue")
        _text(point, "type", f"{sighting.verdict} {sighting.status}")
        more = ET.SubElement(point, "extensions")
        for tag, text in (
            ("uid", sighting.uid),
            ("ce90_m", f"{sighting.ce90_m:.1f}"),
            ("hae_m", "" if sighting.hae_m is None else f"{sighting.hae_m:.1f}"),
            ("sha256", sighting.sha256),
        ):
            if text:
                _text(more, f"airbeat:{tag}", text)
    return _document(root)


def write_sightings_kml(sightings: Sequence[Sighting]) -> str:
    """KML 2.2 placemarks: on the ground, or at the stated height above sea level where that is known."""
    root = ET.Element("kml", xmlns=_KML)
    document = ET.SubElement(root, "Document")
    _text(document, "name", "Sightings")
    for verdict, colour in (("person", "ff0000ff"), ("clue", "ffff8000")):
        style = ET.SubElement(document, "Style", id=verdict)
        icon = ET.SubElement(style, "IconStyle")
        _text(icon, "color", colour)
        _text(icon, "scale", "1.2")
    for sighting in sightings:
        place = ET.SubElement(document, "Placemark", id=sighting.uid)
        _text(place, "name", sighting.title)
        _text(place, "description", sighting.description())
        if sighting.seen_utc is not None:
            _text(ET.SubElement(place, "TimeStamp"), "when", _zulu(sighting.seen_utc))
        _text(place, "styleUrl", f"#{sighting.verdict}")
        data = ET.SubElement(place, "ExtendedData")
        for label, text in sighting.facts().items():
            _text(ET.SubElement(data, "Data", name=label), "value", text)
        point = ET.SubElement(place, "Point")
        position, height_m = sighting.position, sighting.msl_m
        _text(point, "altitudeMode", "clampToGround" if height_m is None else "absolute")
        height = "" if height_m is None else f",{height_m:.1f}"
        _text(point, "coordinates", f"{position.lon_deg:.7f},{position.lat_deg:.7f}{height}")
    return _document(root)


def write_cot(sighting: Sighting) -> str:
    """One Cursor-on-Target event (version 2.0), stale a week after the decision.

    ``hae`` is the height above the ellipsoid; it and ``le`` are 9999999.0 where they are not known.
    """
    begun = sighting.decided_utc
    event = ET.Element(
        "event",
        {
            "version": "2.0",
            "uid": sighting.uid,
            "type": "a-u-G",
            "how": "h-c",
            "time": _zulu(begun),
            "start": _zulu(begun),
            "stale": _zulu(begun + _COT_LASTS),
        },
    )
    ET.SubElement(
        event,
        "point",
        {
            "lat": f"{sighting.position.lat_deg:.7f}",
            "lon": f"{sighting.position.lon_deg:.7f}",
            "hae": f"{_UNKNOWN_M if sighting.hae_m is None else sighting.hae_m:.1f}",
            "ce": f"{sighting.ce90_m:.1f}",
            "le": f"{_UNKNOWN_M:.1f}",
        },
    )
    detail = ET.SubElement(event, "detail")
    ET.SubElement(detail, "contact", callsign=clean_text(sighting.title, limit=80))
    _text(detail, "remarks", sighting.description())
    return _document(event)
