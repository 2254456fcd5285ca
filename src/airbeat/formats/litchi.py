"""Litchi mission CSV: one row a waypoint, with up to fifteen actions.

Columns and action numbers are those of the files that Litchi's Mission Hub exports (and that litchi_wp and
drone-flightplan write): 0 stay (ms), 1 photograph, 2 and 3 start and stop recording, 4 turn the aircraft,
5 tilt the camera. Heights count from the take-off place; home itself has no column. Photographs by distance
belong to the leg that begins at their row.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from pathlib import PurePath

from airbeat import __version__
from airbeat.errors import InputFileError, PlanFileError
from airbeat.formats.items import height_m, infer_roles
from airbeat.formats.limits import MAX_ITEMS, check_count, clean_text
from airbeat.formats.wayline import Action, ActionKind, PhotoSpan, Wayline, WaylinePoint, items_of, wayline_of
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import bearing_deg, distance_m
from airbeat.language.words import Message
from airbeat.mission.plan import FlightPlan, Provenance

__all__ = ["COLUMNS", "is_litchi", "read_litchi", "write_litchi"]

_ACTIONS = 15
_LEAST_CURVE_M = 0.3
_CURVE_SHARE = 0.4
_MOST_WAYPOINTS = 99
"""What Litchi takes in practice."""

COLUMNS = (
    "latitude",
    "longitude",
    "altitude(m)",
    "heading(deg)",
    "curvesize(m)",
    "rotationdir",
    "gimbalmode",
    "gimbalpitchangle",
    *(f"action{what}{n}" for n in range(1, _ACTIONS + 1) for what in ("type", "param")),
    "altitudemode",
    "speed(m/s)",
    "poi_latitude",
    "poi_longitude",
    "poi_altitude(m)",
    "poi_altitudemode",
    "photo_timeinterval",
    "photo_distinterval",
)
_NUMBER_OF = {
    ActionKind.HOVER: 0,
    ActionKind.PHOTO: 1,
    ActionKind.RECORD: 2,
    ActionKind.STOP_RECORDING: 3,
    ActionKind.HEADING: 4,
    ActionKind.GIMBAL_PITCH: 5,
}
_KIND_OF = {number: kind for kind, number in _NUMBER_OF.items()}
_OPTIONAL = {
    "curvesize(m)": "0",
    "altitudemode": "0",
    "speed(m/s)": "0",
    "photo_distinterval": "-1",
    "photo_timeinterval": "-1",
}


def write_litchi(plan: FlightPlan) -> str:
    """A plan as the text of a Litchi CSV file.

    Raises:
        PlanFileError: no waypoint or more than 99, more than 15 actions at one, or a height that cannot be
            told above home.
    """
    wayline = wayline_of(plan)
    if len(wayline.points) > _MOST_WAYPOINTS:
        raise PlanFileError(
            Message(
                "{points} waypoints, Litchi takes {most_waypoints}",
                points=len(wayline.points),
                most_waypoints=_MOST_WAYPOINTS,
            ),
            remedy="split the mission, or export it for DJI Pilot 2 (.kmz)",
        )
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for index in range(len(wayline.points)):
        writer.writerow(_row(wayline, index))
    return buffer.getvalue()


def _row(wayline: Wayline, index: int) -> list[str]:
    point = wayline.points[index]
    if len(point.actions) > _ACTIONS:
        raise PlanFileError(
            Message(
                "{actions} actions at waypoint {index}, Litchi takes {actions_2}",
                actions=len(point.actions),
                index=index + 1,
                actions_2=_ACTIONS,
            ),
            remedy="spread them over two waypoints",
        )
    actions: list[str] = []
    for action in point.actions:
        value = action.value * 1000.0 if action.kind is ActionKind.HOVER else action.value
        actions += [str(_NUMBER_OF[action.kind]), f"{value:g}"]
    actions += ["-1", "0"] * (_ACTIONS - len(point.actions))
    every_m = next((s.distance_m for s in wayline.spans if s.first <= index < s.last), None)
    onward = wayline.points[index + 1].position if index + 1 < len(wayline.points) else None
    bearing = 0.0 if onward in (None, point.position) else bearing_deg(point.position, onward)
    return [
        f"{point.position.lat_deg:.8f}",
        f"{point.position.lon_deg:.8f}",
        f"{point.height_m:g}",
        f"{bearing:.1f}",
        f"{_curve_m(wayline, index):.1f}",
        "0",
        "0",
        "0",
        *actions,
        "0",
        f"{point.speed_m_s or 0.0:g}",
        "0",
        "0",
        "0",
        "0",
        "-1",
        "-1" if every_m is None else f"{every_m:g}",
    ]


def _curve_m(wayline: Wayline, index: int) -> float:
    """Radius of the curve past a smooth waypoint [m]: the curves of two neighbours must fit on their leg."""
    if not wayline.points[index].smooth:
        return 0.0
    here = wayline.points[index].position
    beside = [wayline.points[n].position for n in (index - 1, index + 1) if 0 <= n < len(wayline.points)]
    shortest_m = min((distance_m(here, other) for other in beside), default=0.0)
    return max(_LEAST_CURVE_M, _CURVE_SHARE * shortest_m)


def is_litchi(text: str) -> bool:
    """Whether the text begins with Litchi's header."""
    return text.lstrip("\ufeff \r\n").lower().startswith("latitude,longitude,altitude(m)")


def read_litchi(text: str, *, name: str) -> FlightPlan:
    """A plan from the text of a Litchi CSV file; the first waypoint stands for home, which is said.

    Raises:
        PlanFileError: with the line and what to do about it.
    """
    rows = _rows(text, name)
    notes: list[str] = []
    points = [_point(row, notes, where=f"{name}:{line}") for line, row in rows]
    spans = _spans([_distance(row, where=f"{name}:{line}") for line, row in rows])
    if any(_number(row, "photo_timeinterval", where=f"{name}:{line}") > 0 for line, row in rows):
        notes.append("photographs by time interval are not read; give a distance")
    notes.append(
        "the file states no take-off place: the first waypoint stands for it, and heights count from where"
        " the aircraft takes off"
    )
    notes.append("a Litchi file holds no fence, no rally points and no return")
    wayline = Wayline(home=points[0].position, points=tuple(points), spans=tuple(spans))
    return FlightPlan(
        name=PurePath(name).stem,
        home=points[0].position,
        items=infer_roles(items_of(wayline)),
        notes=tuple(dict.fromkeys(notes)),
        provenance=Provenance(
            tool_version=__version__,
            source_name=PurePath(name).name,
            source_sha256=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        ),
    )


def _rows(text: str, name: str) -> list[tuple[int, dict[str, str]]]:
    try:
        reader = csv.reader(io.StringIO(text.lstrip("\ufeff")), strict=True)
        header = [field.strip().lower() for field in next(reader, [])]
        missing = [c for c in COLUMNS[:3] if c not in header]
        if missing:
            raise PlanFileError(
                Message("no column {missing!r}", missing=missing[0]),
                where=f"{name}:1",
                remedy="export the mission from Litchi as CSV",
            )
        rows: list[tuple[int, dict[str, str]]] = []
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if len(fields) != len(header):
                raise PlanFileError(
                    Message(
                        "{fields} fields, the header has {header}", fields=len(fields), header=len(header)
                    ),
                    where=f"{name}:{reader.line_num}",
                )
            check_count(len(rows) + 1, MAX_ITEMS, what="waypoints", where=name)
            rows.append((reader.line_num, dict(zip(header, fields, strict=True))))
    except csv.Error as error:
        raise PlanFileError(Message("not readable as CSV: {error}", error=error), where=name) from error
    if not rows:
        raise PlanFileError("the file has no waypoint", where=name)
    return rows


def _number(row: dict[str, str], column: str, *, where: str) -> float:
    text = row.get(column, _OPTIONAL.get(column, "")).strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise PlanFileError(
            Message(
                "{column} is {clean_text!r}, which is not a number",
                column=column,
                clean_text=clean_text(text, limit=40),
            ),
            where=where,
        )
    return value


def _distance(row: dict[str, str], *, where: str) -> float:
    return max(0.0, _number(row, "photo_distinterval", where=where))


def _point(row: dict[str, str], notes: list[str], *, where: str) -> WaylinePoint:
    if _number(row, "altitudemode", where=where) != 0:
        raise PlanFileError(
            "altitudemode 1: heights above the ground below cannot be read without a terrain model",
            where=where,
            remedy='switch "above ground" off in Litchi and export again',
        )
    try:
        position = LatLon(
            lat_deg=_number(row, "latitude", where=where), lon_deg=_number(row, "longitude", where=where)
        )
    except InputFileError as error:
        if isinstance(error, PlanFileError):
            raise
        raise PlanFileError(error.message, where=where, remedy=error.remedy) from None
    speed = _number(row, "speed(m/s)", where=where)
    return WaylinePoint(
        position=position,
        height_m=height_m(_number(row, "altitude(m)", where=where), where=where),
        speed_m_s=speed if speed > 0 else None,
        actions=tuple(_actions(row, notes, where=where)),
        smooth=_number(row, "curvesize(m)", where=where) > 0,
    )


def _actions(row: dict[str, str], notes: list[str], *, where: str) -> list[Action]:
    actions = []
    for n in range(1, _ACTIONS + 1):
        if not row.get(f"actiontype{n}", "").strip():
            continue
        number = _number(row, f"actiontype{n}", where=where)
        if number < 0:
            continue
        kind = _KIND_OF.get(int(number)) if number.is_integer() else None
        if kind is None:
            notes.append(
                Message("{where}: action {number:g} is not known and not read", where=where, number=number)
            )
            continue
        value = _number(row, f"actionparam{n}", where=where)
        if kind is ActionKind.HOVER:
            value /= 1000.0
        elif kind is ActionKind.HEADING:
            value %= 360.0
        elif kind is not ActionKind.GIMBAL_PITCH:
            value = 0.0
        actions.append(Action(kind=kind, value=value))
    return actions


def _spans(distances_m: list[float]) -> list[PhotoSpan]:
    """Runs of legs with one distance; the last row begins no leg."""
    spans: list[PhotoSpan] = []
    for index, every_m in enumerate(distances_m[:-1]):
        if every_m <= 0:
            continue
        if spans and spans[-1].last == index and spans[-1].distance_m == every_m:
            spans[-1] = PhotoSpan(first=spans[-1].first, last=index + 1, distance_m=every_m)
        else:
            spans.append(PhotoSpan(first=index, last=index + 1, distance_m=every_m))
    return spans
