"""QGC WPL 110: the ``.waypoints`` text file of Mission Planner, MAVProxy and QGroundControl.

One row an item: index, current, frame, command, param1…param4, latitude, longitude, height, autocontinue;
row 0 is home. Written with TABs and eight decimals (places to 0.6 mm; pymavlink and Mission Planner split
on whitespace, QGroundControl on TABs alone). The format has no place for comments that every program
accepts, so a file carries no provenance, no fence and no rally points.
"""

from __future__ import annotations

import math
import re
from pathlib import PurePath

from airbeat import __version__
from airbeat.errors import InputFileError, PlanFileError
from airbeat.formats.items import RawItem, fit_for_ardupilot, from_raw, infer_roles, to_raw
from airbeat.formats.limits import MAX_ITEMS, check_count, clean_text, sha256_of_text
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.mission.commands import MavCmd, command_name
from airbeat.mission.plan import FlightPlan, Provenance

__all__ = ["HEADER", "raw_rows", "read_wpl", "row", "write_wpl"]

HEADER = "QGC WPL 110"
_FIELDS = (
    "index",
    "current",
    "frame",
    "command",
    "param1",
    "param2",
    "param3",
    "param4",
    "latitude",
    "longitude",
    "height",
    "autocontinue",
)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?|[-+]?nan", re.ASCII | re.IGNORECASE)
_LONGEST_LINE = 2_000
_NO_FENCE = "a .waypoints file holds no fence and no rally points: the vehicle's own stay as they are"


def write_wpl(plan: FlightPlan) -> str:
    """A plan's mission as QGC WPL 110 text; unset (NaN) parameters become 0, as ArduPilot wants them.

    Raises:
        PlanFileError: an item holds a number that MAVLink cannot carry.
    """
    home = (plan.home.lat_deg, plan.home.lon_deg, plan.home_amsl_m or 0.0)
    rows = [row(0, 1, RawItem(command=16, frame=0, params=(0.0,) * 4 + home, jump_id=0, where="home"))]
    rows += [row(number, 0, to_raw(item, number=number)) for number, item in plan.numbered()]
    return "\n".join([HEADER, *rows]) + "\n"


def row(number: int, current: int, raw: RawItem) -> str:
    """One item as a row of the file, without the end of the line."""
    numbers = (f"{0.0 if math.isnan(p) else p:.8f}" for p in raw.params)
    fields = (number, current, raw.frame, raw.command, *numbers, int(raw.autocontinue))
    return "\t".join(map(str, fields))


def read_wpl(text: str, *, name: str, as_is: bool = False) -> FlightPlan:
    """A plan from QGC WPL 110 text, in the dialects of QGroundControl, Mission Planner and MAVProxy.

    Args:
        text: the file's text.
        name: the file's name, for messages and as the plan's name.
        as_is: whether items that ArduPilot refuses stay as they are, for the checks to find.

    Raises:
        PlanFileError: with the line and what to do about it.
    """
    raws = raw_rows(text, name=name)
    home, home_amsl_m, notes = _home(raws[0])
    kept, changes = fit_for_ardupilot(raws[1:], speed_m_s=None, as_is=as_is)
    items = infer_roles([from_raw(raw) for raw in kept])
    return FlightPlan(
        name=PurePath(name).stem,
        home=home,
        home_amsl_m=home_amsl_m,
        items=items,
        notes=(*notes, *changes, _NO_FENCE),
        provenance=Provenance(
            tool_version=__version__, source_name=PurePath(name).name, source_sha256=sha256_of_text(text)
        ),
    )


def raw_rows(text: str, *, name: str) -> list[RawItem]:
    """The rows of QGC WPL 110 text, home among them; at least one.

    Raises:
        PlanFileError: with the line and what to do about it.
    """
    lines = text.splitlines()
    header = lines[0].strip() if lines else ""
    if header != HEADER:
        raise PlanFileError(
            Message(
                "the first line is {clean_text!r}, not {header!r}",
                clean_text=clean_text(header, limit=40),
                header=HEADER,
            ),
            where=f"{name}:1",
            remedy="save the mission as a .waypoints file (QGC WPL 110)",
        )
    raws: list[RawItem] = []
    for number, line in enumerate(lines[1:], start=2):
        if line.startswith("#") or not line.strip():
            continue
        check_count(len(raws), MAX_ITEMS, what="items", where=f"{name}:{number}")
        raws.append(_raw_item(line, index=len(raws), where=f"{name}:{number}"))
    if not raws:
        raise PlanFileError("the file has no rows", where=name, remedy="row 0 is home, then the items")
    return raws


def _raw_item(line: str, *, index: int, where: str) -> RawItem:
    fields = line.split() if len(line) <= _LONGEST_LINE else []
    if len(fields) != len(_FIELDS):
        raise PlanFileError(
            Message(
                "{fields} fields, {fields_2} are needed",
                fields=len(fields) or "too many",
                fields_2=len(_FIELDS),
            ),
            where=where,
            remedy=Message("a row is {fields}", fields=", ".join(_FIELDS)),
        )
    values = [_number(text, field, where) for text, field in zip(fields, _FIELDS, strict=True)]
    whole = [values[i] for i in (0, 1, 2, 3, 11)]
    if not all(v.is_integer() and 0 <= v <= 0xFFFF for v in whole):
        raise PlanFileError(
            "index, current, frame, command and autocontinue must be whole numbers", where=where
        )
    if values[0] != index:
        raise PlanFileError(
            Message(
                "row {index} has index {values:g}: a row is missing, doubled or out of order",
                index=index,
                values=values[0],
            ),
            where=where,
            remedy="save the mission again; rows count 0, 1, 2, …",
        )
    return RawItem(
        command=int(values[3]),
        frame=int(values[2]),
        params=tuple(values[4:11]),
        autocontinue=bool(values[11]),
        jump_id=index,
        where=f"{where}: item {index}",
    )


def _number(text: str, field: str, where: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise PlanFileError(
            Message(
                "{field} is {clean_text!r}, which is not a number",
                field=field,
                clean_text=clean_text(text, limit=40),
            ),
            where=where,
            remedy="write numbers with a decimal point",
        )
    return float(text)


def _home(raw: RawItem) -> tuple[LatLon, float | None, list[str]]:
    """Row 0: position, height above sea level if it states one, and what to say about it."""
    if raw.command not in (0, MavCmd.NAV_WAYPOINT):  # Mission Planner may write home with command 0
        kind = "a fence or rally file" if raw.command >= MavCmd.NAV_FENCE_RETURN_POINT else "no home"
        raise PlanFileError(
            Message("row 0 is {command_name}: {kind}", command_name=command_name(raw.command), kind=kind),
            where=raw.where,
            remedy="give a mission file; its row 0 is home, command 16",
        )
    lat, lon, amsl_m = raw.params[4:]
    try:
        home = LatLon(lat_deg=lat, lon_deg=lon)
    except InputFileError as e:
        raise PlanFileError(
            Message("home: {message}", message=e.message), where=raw.where, remedy=e.remedy
        ) from None
    if raw.frame in (0, 5) and math.isfinite(amsl_m) and amsl_m != 0.0:
        return home, amsl_m, []
    return home, None, ["the file does not say how high home lies above sea level"]
