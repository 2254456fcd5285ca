"""The plan formats: what each is called, what it can hold, and what reads and writes it.

Which format a file has is decided by what is in it, never by its name; which one is written, by the suffix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from airbeat.errors import PlanFileError, UsageError
from airbeat.formats.archive import read_members
from airbeat.formats.areas import is_gis
from airbeat.formats.geojson import write_geojson
from airbeat.formats.geojson_read import read_geojson
from airbeat.formats.gpx import read_gpx, write_gpx
from airbeat.formats.kml import write_kml
from airbeat.formats.kml_read import read_kml
from airbeat.formats.limits import decode
from airbeat.formats.litchi import is_litchi, read_litchi, write_litchi
from airbeat.formats.losses import Precision
from airbeat.formats.qgc_plan import read_qgc_plan, write_qgc_plan
from airbeat.formats.wpl import read_wpl, write_wpl
from airbeat.formats.wpl_zones import read_zones_wpl, write_fence_wpl, write_rally_wpl, zone_kind
from airbeat.formats.wpml import write_wpml
from airbeat.formats.wpml_read import read_wpml
from airbeat.formats.zone_lines import lines_kind
from airbeat.language.words import Message
from airbeat.mission.archive import is_archive
from airbeat.mission.plan import FlightPlan

__all__ = ["FORMATS", "PlanFormat", "format_for", "format_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFormat:
    """One plan format.

    Attributes:
        key: its short name.
        title: what people call it.
        suffixes: of its files; the first is what airbeat writes.
        write: a plan as the bytes of a file.
        read: the plan in a file's bytes; the second argument is the file's name, for messages.
        holds: of "items", "actions", "fence", "rally", "home", "speed", "last-seen" and "patterns": what it
            can hold; what one file really lost is found by `airbeat.formats.losses`.
        partly: of those, what it holds in part: DJI's and Litchi's routes know some commands only, a row of
            WPL has no unset values, WPL and DJI no home at 0 m (which stands for unknown there), a fence file
            no ceiling, a GeoJSON map a zone across the antimeridian in two parts.
        precision: to which it states its numbers.
        read_as_is: as ``read``, without replacing what ArduPilot refuses; None where that is the same.
        others: whether other programs see all of it, or part is in an extension that only airbeat reads.
    """

    key: str
    title: str
    suffixes: tuple[str, ...]
    write: Callable[[FlightPlan], bytes]
    read: Callable[[bytes, str], FlightPlan]
    holds: frozenset[str]
    partly: frozenset[str] = frozenset()
    precision: Precision
    others: str = ""
    read_as_is: Callable[[bytes, str], FlightPlan] | None = None


def _text(write: Callable[[FlightPlan], str]) -> Callable[[FlightPlan], bytes]:
    return lambda plan: write(plan).encode("utf-8")


def _decoded(read: Callable[..., FlightPlan]) -> Callable[[bytes, str], FlightPlan]:
    return lambda data, name: read(decode(data, where=name), name=name)


def _bytes(read: Callable[..., FlightPlan]) -> Callable[[bytes, str], FlightPlan]:
    return lambda data, name: read(data, name=name)


_ROUTE = frozenset({"items", "actions", "home", "speed"})
_ALL = _ROUTE | {"fence", "rally", "last-seen"}
_EXTENSION = "what happens at a waypoint stands in an extension that only airbeat reads"

FORMATS = (
    PlanFormat(
        key="plan",
        title="QGroundControl .plan",
        suffixes=(".plan",),
        write=_text(write_qgc_plan),
        read=_decoded(read_qgc_plan),
        read_as_is=_decoded(partial(read_qgc_plan, as_is=True)),
        holds=_ALL | {"patterns"},
        precision=Precision(place_m=1e-6, height_m=1e-6, number=1e-9),
    ),
    PlanFormat(
        key="waypoints",
        title="QGC WPL 110 mission",
        suffixes=(".waypoints", ".txt"),
        write=_text(write_wpl),
        read=_decoded(read_wpl),
        read_as_is=_decoded(partial(read_wpl, as_is=True)),
        holds=frozenset({"items", "actions", "home"}),
        partly=frozenset({"items", "home"}),
        precision=Precision(number=1e-7),
    ),
    PlanFormat(
        key="fence",
        title="QGC WPL 110 fence",
        suffixes=(".fence",),
        write=_text(write_fence_wpl),
        read=_decoded(read_zones_wpl),
        holds=frozenset({"fence", "home"}),
        partly=frozenset({"fence", "home"}),
        precision=Precision(number=1e-7),
    ),
    PlanFormat(
        key="rally",
        title="QGC WPL 110 rally points",
        suffixes=(".rally",),
        write=_text(write_rally_wpl),
        read=_decoded(read_zones_wpl),
        holds=frozenset({"rally", "home"}),
        partly=frozenset({"home"}),
        precision=Precision(number=1e-7),
    ),
    PlanFormat(
        key="dji",
        title="DJI WPML wayline",
        suffixes=(".kmz",),
        write=write_wpml,
        read=_bytes(read_wpml),
        holds=_ROUTE,
        partly=frozenset({"home", "items", "actions"}),
        precision=Precision(number=1e-5),
    ),
    PlanFormat(
        key="litchi",
        title="Litchi mission",
        suffixes=(".csv",),
        write=_text(write_litchi),
        read=_decoded(read_litchi),
        holds=frozenset({"items", "actions"}),
        partly=frozenset({"items", "actions"}),
        precision=Precision(number=1e-5),
    ),
    PlanFormat(
        key="kml",
        title="KML map",
        suffixes=(".kml",),
        write=_text(write_kml),
        read=_bytes(read_kml),
        holds=_ALL,
        precision=Precision(number=1e-9),
        others=_EXTENSION,
    ),
    PlanFormat(
        key="gpx",
        title="GPX 1.1 route",
        suffixes=(".gpx",),
        write=_text(write_gpx),
        read=_bytes(read_gpx),
        holds=_ROUTE | {"rally", "last-seen"},
        precision=Precision(number=1e-9),
        others=_EXTENSION,
    ),
    PlanFormat(
        key="geojson",
        title="GeoJSON map",
        suffixes=(".geojson", ".json"),
        write=_text(write_geojson),
        read=_decoded(read_geojson),
        holds=_ALL,
        partly=frozenset({"fence"}),
        precision=Precision(number=1e-9),
        others=_EXTENSION,
    ),
)
"""Every format, in the order of the help texts."""

_BY_KEY = {known.key: known for known in FORMATS}


def format_for(path: Path) -> PlanFormat:
    """The format that a file of this name is written in.

    Raises:
        UsageError: the suffix is none of a plan file.
    """
    suffix = path.suffix.lower()
    found = next((known for known in FORMATS if suffix in known.suffixes), None)
    if found is None:
        raise UsageError(
            Message("{path!r}: no plan format has the suffix {suffix!r}", path=path.name, suffix=suffix),
            remedy=Message("there are {formats}", formats=", ".join(known.suffixes[0] for known in FORMATS)),
        )
    return found


def format_of(data: bytes, *, name: str) -> PlanFormat:
    """The format of a file's bytes.

    Raises:
        PlanFileError: empty, or none that is known.
    """
    if is_gis(data):
        raise PlanFileError(
            "a shapefile or GeoPackage holds areas, not a plan",
            where=name,
            remedy="plan it first: airbeat plan --area, or name it in a mission file",
        )
    if is_archive(data):
        members = read_members(data, suffixes=(".wpml",), where=name)
        return _BY_KEY["dji" if members else "kml"]
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{"):
        return _BY_KEY["plan" if b'"fileType"' in data else "geojson"]
    if start.startswith(b"QGC WPL"):
        return _BY_KEY[zone_kind(decode(data, where=name), name=name) or "waypoints"]
    if start.startswith(b"<"):
        return _BY_KEY["gpx" if b"<gpx" in data[:4096] else "kml"]
    kind = lines_kind(start.decode("utf-8", "replace"))
    if kind is not None:
        return _BY_KEY[kind]
    if is_litchi(start.decode("utf-8", "replace")):
        return _BY_KEY["litchi"]
    decode(data, where=name)
    raise PlanFileError(
        "none of the plan formats" if start else "the file is empty",
        where=name,
        remedy=Message("there are {formats}", formats=", ".join(known.title for known in FORMATS)),
    )
