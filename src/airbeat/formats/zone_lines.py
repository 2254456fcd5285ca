"""Fence and rally files from before MAVLink carried them as missions. They are read, not written.

Mission Planner saved them as ``.fen`` and ``.ral``, older MAVProxy as text. A fence is a place a line,
latitude first: the point to return to, then the polygon, which is closed. A rally file has lines ``RALLY
latitude longitude height break_height landing_direction flags``; the last three are for fixed-wing aircraft.
Lines that begin with # are comments. As pymavlink's mavwp.py reads both.
"""

from __future__ import annotations

import math
import re
from pathlib import PurePath

from airbeat import __version__
from airbeat.errors import InputFileError, PlanFileError
from airbeat.formats.items import height_m
from airbeat.formats.limits import MAX_RALLY_POINTS, MAX_VERTICES, check_count, clean_text, sha256_of_text
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.language.words import Message
from airbeat.mission.plan import Fence, FencePolygon, FlightPlan, Provenance, RallyPoint

__all__ = ["lines_kind", "read_zone_lines"]

_RALLY = "RALLY"
_RALLY_FIELDS = 7
_PLACE = re.compile(r"[-+]?[0-9.]+\s+[-+]?[0-9.]+", re.ASCII)
_LEAST_FENCE = 5
"""The return point, three corners and the first of them again."""
_LONGEST_LINE = 400
_Line = tuple[list[str], str]
"""The fields of a line, and where it stands."""


def lines_kind(start: str) -> str | None:
    """ "fence" or "rally" for the beginning of such a file, None for anything else."""
    for line in start.splitlines()[:20]:
        if line.startswith("#") or not line.strip():
            continue
        if line.split()[0] == _RALLY:
            return "rally"
        return "fence" if _PLACE.fullmatch(line.strip()) else None
    return None


def read_zone_lines(text: str, *, name: str) -> FlightPlan:
    """The fence or the rally points of such a file, as a plan without items.

    Raises:
        PlanFileError: with the line and what to do about it.
    """
    lines: list[_Line] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#") or not line.strip():
            continue
        check_count(len(lines), MAX_VERTICES + 2, what="places", where=f"{name}:{number}")
        lines.append((line[:_LONGEST_LINE].split(), f"{name}:{number}"))
    is_rally = lines_kind(text) == "rally"
    notes = ["the file states no home: its first place stands for it"]
    fence = None if is_rally else _fence(lines, name, notes)
    rally = _rally(lines, name, notes) if is_rally else None
    home = rally[0].position if rally else fence.polygons[0].vertices[0] if fence else None
    if home is None:
        raise PlanFileError("the file holds no place", where=name)
    return FlightPlan(
        name=PurePath(name).stem,
        home=home,
        items=(),
        fence=fence,
        rally=rally,
        notes=tuple(notes),
        provenance=Provenance(
            tool_version=__version__, source_name=PurePath(name).name, source_sha256=sha256_of_text(text)
        ),
    )


def _fence(lines: list[_Line], name: str, notes: list[str]) -> Fence:
    for fields, where in lines:
        if len(fields) != 2:
            raise PlanFileError(
                Message("{fields} fields, a line is latitude and longitude", fields=len(fields)),
                where=where,
                remedy="save it again",
            )
    places = [_place(fields, where) for fields, where in lines]
    if len(places) < _LEAST_FENCE or places[1] != places[-1]:
        raise PlanFileError(
            "not the point to return to and a closed polygon of three corners or more",
            where=name,
            remedy="save the fence again, or as QGC WPL 110",
        )
    notes.append("the file states no height for the point to return to after a breach: 0 m stands for it")
    ring = FencePolygon(inclusion=True, vertices=tuple(places[1:-1]))
    return Fence(polygons=(ring,), breach_return=(places[0], 0.0))


def _rally(lines: list[_Line], name: str, notes: list[str]) -> tuple[RallyPoint, ...]:
    points = []
    planes = False
    for fields, where in lines:
        if len(fields) != _RALLY_FIELDS or fields[0] != _RALLY:
            raise PlanFileError(
                Message("not {word} and six numbers", word=_RALLY),
                where=where,
                remedy="save the rally points again",
            )
        height = Altitude(value_m=height_m(_number(fields[3], where), where=where), datum=AltitudeDatum.HOME)
        planes = planes or any(_number(text, where) != 0.0 for text in fields[4:])
        points.append(RallyPoint(position=_place(fields[1:3], where), altitude=height))
    check_count(len(points), MAX_RALLY_POINTS, what="rally points", where=name)
    if planes:
        notes.append("break heights, landing directions and flags are for fixed-wing aircraft and not kept")
    return tuple(points)


def _place(fields: list[str], where: str) -> LatLon:
    try:
        return LatLon(lat_deg=_number(fields[0], where), lon_deg=_number(fields[1], where))
    except InputFileError as error:
        raise PlanFileError(error.message, where=error.where or where, remedy=error.remedy) from None


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise PlanFileError(Message("{text!r} is not a number", text=clean_text(text, limit=40)), where=where)
    return value
