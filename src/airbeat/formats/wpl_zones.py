"""Fence and rally points as QGC WPL 110, as MAVProxy and Mission Planner keep them: files of their own.

Commands 5000 to 5004 are a fence, 5100 rally points. A polygon is one row a vertex with the number of
vertices in param1, a circle has its radius [m] there; heights are above home.

The two programs disagree about row 0. MAVProxy and pymavlink send every row to the vehicle: a file for them
has no home row, and home stands in a comment, which they pass over. Mission Planner drops row 0 of a fence or
rally file whatever it is (its pull request 2739): a file for it begins with home. Both are read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import PurePath

from airbeat import __version__
from airbeat.errors import PlanFileError
from airbeat.formats.items import RawItem, height_m
from airbeat.formats.limits import MAX_VERTICES, sha256_of_text
from airbeat.formats.wpl import HEADER, raw_rows, row
from airbeat.formats.zone_lines import lines_kind, read_zone_lines
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.language.words import Message
from airbeat.mission.commands import MavCmd, command_name
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon, FlightPlan, Provenance, RallyPoint

__all__ = [
    "read_fence_wpl",
    "read_rally_wpl",
    "read_zones_wpl",
    "write_fence_wpl",
    "write_rally_wpl",
    "zone_kind",
]

_ABOVE_HOME = 3
_HOME_COMMENT = re.compile(r"# home (\S{1,40}) (\S{1,40}) (\S{1,40})", re.ASCII)
_HOME = 0
_VERTEX = {
    MavCmd.NAV_FENCE_POLYGON_VERTEX_INCLUSION: True,
    MavCmd.NAV_FENCE_POLYGON_VERTEX_EXCLUSION: False,
}
_CIRCLE = {MavCmd.NAV_FENCE_CIRCLE_INCLUSION: True, MavCmd.NAV_FENCE_CIRCLE_EXCLUSION: False}


def write_fence_wpl(plan: FlightPlan, *, home_row: bool = False) -> str:
    """The plan's fence zones as QGC WPL 110 text; the ceiling is a parameter of the vehicle, not a zone.

    Args:
        plan: what to write.
        home_row: begin with home, for Mission Planner.

    Raises:
        PlanFileError: the plan states no fence zone.
    """
    fence = plan.fence
    if fence is None or fence.is_empty:
        raise PlanFileError("the plan has no fence zone", remedy="there is no fence file to write")
    raws: list[RawItem] = []
    if fence.breach_return is not None:
        place, height = fence.breach_return
        raws.append(_raw(MavCmd.NAV_FENCE_RETURN_POINT, 0.0, place, height))
    for polygon in fence.polygons:
        command = next(c for c, inclusion in _VERTEX.items() if inclusion is polygon.inclusion)
        count = float(len(polygon.vertices))
        raws += [_raw(command, count, vertex, 0.0) for vertex in polygon.vertices]
    for circle in fence.circles:
        command = next(c for c, inclusion in _CIRCLE.items() if inclusion is circle.inclusion)
        raws.append(_raw(command, circle.radius_m, circle.centre, 0.0))
    return _text(plan, raws, home_row=home_row)


def write_rally_wpl(plan: FlightPlan, *, home_row: bool = False) -> str:
    """The plan's rally points as QGC WPL 110 text.

    Args:
        plan: what to write.
        home_row: begin with home, for Mission Planner.

    Raises:
        PlanFileError: no rally point, or one whose height above home is not known.
    """
    if not plan.rally:
        raise PlanFileError("the plan has no rally point", remedy="there is no rally file to write")
    raws = []
    for number, rally in enumerate(plan.rally, start=1):
        height = rally.altitude.value_m
        if rally.altitude.datum is AltitudeDatum.AMSL and plan.home_amsl_m is not None:
            height -= plan.home_amsl_m
        elif rally.altitude.datum is not AltitudeDatum.HOME:
            raise PlanFileError(
                Message(
                    "rally point {number} is {altitude}, and how high that is above home is not known",
                    number=number,
                    altitude=rally.altitude,
                ),
                remedy="give its height above home",
            )
        raws.append(_raw(MavCmd.NAV_RALLY_POINT, 0.0, rally.position, height))
    return _text(plan, raws, home_row=home_row)


def _raw(command: int, first: float, place: LatLon, height: float) -> RawItem:
    return RawItem(
        command=int(command),
        frame=_ABOVE_HOME,
        params=(first, 0.0, 0.0, 0.0, place.lat_deg, place.lon_deg, height),
        jump_id=0,
        where="",
    )


def _text(plan: FlightPlan, raws: Sequence[RawItem], *, home_row: bool) -> str:
    home = (plan.home.lat_deg, plan.home.lon_deg, plan.home_amsl_m or 0.0)
    if not home_row:
        comment = "# home {:.8f} {:.8f} {:.8f}".format(*home)
        return "\n".join([HEADER, comment, *(row(n, 0, raw) for n, raw in enumerate(raws))]) + "\n"
    first = RawItem(command=16, frame=_HOME, params=(0.0,) * 4 + home, jump_id=0, where="home")
    rows = [row(0, 1, first), *(row(n, 0, raw) for n, raw in enumerate(raws, start=1))]
    return "\n".join([HEADER, *rows]) + "\n"


def read_fence_wpl(text: str, *, name: str) -> Fence:
    """The fence of a QGC WPL 110 fence file, with or without home in row 0.

    Raises:
        PlanFileError: with the line and what to do about it.
    """
    raws = _zone_rows(text, name)
    polygons: list[FencePolygon] = []
    circles: list[FenceCircle] = []
    breach_return = None
    at = 0
    while at < len(raws):
        raw = raws[at]
        if raw.command in _VERTEX:
            count = _vertex_count(raws, at)
            ring = tuple(_place(r) for r in raws[at : at + count])
            polygons.append(FencePolygon(inclusion=_VERTEX[MavCmd(raw.command)], vertices=ring))
            at += count
            continue
        if raw.command in _CIRCLE:
            if not raw.params[0] > 0:
                raise PlanFileError(
                    Message("a circle of radius {params:g} m", params=raw.params[0]), where=raw.where
                )
            circles.append(
                FenceCircle(
                    inclusion=_CIRCLE[MavCmd(raw.command)], centre=_place(raw), radius_m=raw.params[0]
                )
            )
        elif raw.command == MavCmd.NAV_FENCE_RETURN_POINT:
            breach_return = (_place(raw), height_m(raw.params[6], where=raw.where))
        else:
            raise PlanFileError(
                Message("{command_name} is no part of a fence", command_name=command_name(raw.command)),
                where=raw.where,
                remedy="give a fence file",
            )
        at += 1
    return Fence(polygons=tuple(polygons), circles=tuple(circles), breach_return=breach_return)


def _vertex_count(raws: Sequence[RawItem], at: int) -> int:
    """How many rows a polygon has: each of them must be a vertex of it and say so."""
    first = raws[at]
    count = first.params[0]
    whole = count.is_integer() and 3 <= count <= MAX_VERTICES
    rows = raws[at : at + int(count)] if whole else []
    if (
        not whole
        or len(rows) != count
        or any(r.command != first.command or r.params[0] != count for r in rows)
    ):
        raise PlanFileError(
            Message("a polygon of {count:g} vertices is not followed by as many rows", count=count),
            where=first.where,
            remedy="save the fence again",
        )
    return int(count)


def read_rally_wpl(text: str, *, name: str) -> tuple[RallyPoint, ...]:
    """The rally points of a QGC WPL 110 rally file, with or without home in row 0.

    Raises:
        PlanFileError: with the line and what to do about it.
    """
    points = []
    for raw in _zone_rows(text, name):
        if raw.command != MavCmd.NAV_RALLY_POINT:
            raise PlanFileError(
                Message("{command_name} is no rally point", command_name=command_name(raw.command)),
                where=raw.where,
                remedy="give a rally file",
            )
        datum = AltitudeDatum.AMSL if raw.frame in (0, 5) else AltitudeDatum.HOME
        height = height_m(raw.params[6], where=raw.where)
        points.append(RallyPoint(position=_place(raw), altitude=Altitude(value_m=height, datum=datum)))
    return tuple(points)


def zone_kind(text: str, *, name: str) -> str | None:
    """ "fence" or "rally" for such a file, None for a mission file.

    Raises:
        PlanFileError: no QGC WPL 110 rows.
    """
    command = raw_rows(text, name=name)[-1].command
    if command == MavCmd.NAV_RALLY_POINT:
        return "rally"
    return "fence" if MavCmd.NAV_FENCE_RETURN_POINT <= command < MavCmd.NAV_RALLY_POINT else None


def read_zones_wpl(text: str, *, name: str) -> FlightPlan:
    """A fence or rally file as a plan without items; home is row 0 or in a comment, or else the first place.

    Files of the time before QGC WPL held fences (`airbeat.formats.zone_lines`) are read too.

    Raises:
        PlanFileError: with the line and what to do about it.
    """
    if lines_kind(text) is not None:
        return read_zone_lines(text, name=name)
    is_rally = zone_kind(text, name=name) == "rally"
    fence = None if is_rally else read_fence_wpl(text, name=name)
    rally = read_rally_wpl(text, name=name) if is_rally else None
    first = raw_rows(text, name=name)[0]
    commented = _commented_home(text, name=name)
    has_home = commented is not None or first.command < MavCmd.NAV_FENCE_RETURN_POINT
    first = commented or first
    amsl_m = first.params[6] if has_home else 0.0
    return FlightPlan(
        name=PurePath(name).stem,
        home=_place(first),
        home_amsl_m=amsl_m if amsl_m != 0.0 and math.isfinite(amsl_m) else None,
        fence=fence,
        rally=rally,
        notes=() if has_home else ("the file states no home: its first place stands for it",),
        provenance=Provenance(
            tool_version=__version__, source_name=PurePath(name).name, source_sha256=sha256_of_text(text)
        ),
    )


def _commented_home(text: str, *, name: str) -> RawItem | None:
    """Home as airbeat writes it beside the rows; None where no comment states it."""
    for number, line in enumerate(text.splitlines()[:20], start=1):
        match = _HOME_COMMENT.fullmatch(line.strip())
        if match is None:
            continue
        try:
            values = tuple(float(part) for part in match.groups())
        except ValueError:
            return None
        where = f"{name}:{number}: home"
        return RawItem(command=16, frame=_HOME, params=(0.0,) * 4 + values, jump_id=0, where=where)
    return None


def _zone_rows(text: str, name: str) -> list[RawItem]:
    raws = raw_rows(text, name=name)
    if raws[0].command < MavCmd.NAV_FENCE_RETURN_POINT:
        raws = raws[1:]
    if not raws:
        raise PlanFileError("the file has no rows but home", where=name)
    return raws


def _place(raw: RawItem) -> LatLon:
    lat, lon = raw.params[4:6]
    if math.isnan(lat) or math.isnan(lon):
        raise PlanFileError("a place is not a number", where=raw.where)
    try:
        return LatLon(lat_deg=lat, lon_deg=lon)
    except ValueError as error:
        raise PlanFileError(str(error), where=raw.where, remedy="check latitude and longitude") from None
