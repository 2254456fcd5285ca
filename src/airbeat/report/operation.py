"""What an operation's log, its flights and its case say, as the coordinator's report shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import GeometryError, InputFileError
from airbeat.flight.casefolder import CaseFolder, UpdateRecord
from airbeat.flight.searchstatus import Status
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import _, ngettext, translated
from airbeat.ops.happenings import Happening, words_of
from airbeat.ops.log import Event, OperationsLog
from airbeat.ops.reviews import Reviews, Verdict
from airbeat.report.content import DecisionRow, FlightRow, SegmentLine, SegmentsPart, TimelineRow
from airbeat.report.flown import FlightFile

__all__ = ["decision_rows", "flight_row", "segments_part", "timeline"]

MOST_ROWS = 500
"""How many lines of the timeline a report shows."""
_ROUTINE = ("Mission: ", "Reached command ")
"""Status texts of every waypoint say nothing that a coordinator needs."""
_MANY = (Happening.FRAME_SEARCHED.value, Happening.FRAME_REFUSED.value, Happening.CANDIDATE_FOUND.value)
"""Kinds that come by the thousand: a run of them is one line."""


def flight_row(name: str, flight: FlightFile) -> FlightRow:
    """One flight as a line of the table of flights.

    Raises:
        InputFileError: a position of the track is impossible.
    """
    try:
        track = tuple(LatLon(lat_deg=row[1], lon_deg=row[2]) for row in flight.track)
    except GeometryError as error:
        raise InputFileError(error.message, where=f"{name}: track", remedy=error.remedy) from error
    return FlightRow(
        name=name,
        vehicle=flight.vehicle.name,
        begun_utc=_moment(flight.begun_utc),
        duration_s=flight.duration_s,
        outcome=f"{_(flight.outcome)}: {translated(flight.explanation)}",
        photos=len(flight.photos),
        items=(flight.last_item, flight.items),
        battery_shares=(flight.battery_at_takeoff_share, flight.battery_at_end_share),
        track=track,
    )


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def timeline(log: OperationsLog, flights: Sequence[FlightRow]) -> tuple[tuple[TimelineRow, ...], int]:
    """What happened, oldest first, and how many events were left out.

    Frames and candidates are counted run by run; what the vehicle says of every waypoint is left out. Flights
    that the log does not know begin with the hour of their record.

    Args:
        log: of the operation, or of the search's folder.
        flights: what was flown.
    """
    events = log.events()
    rows: list[TimelineRow] = []
    left_out = 0
    for kind, run in groupby(events, key=lambda e: e.kind if e.kind in _MANY else e.number):
        several = list(run)
        if kind in _MANY:
            rows.append(_counted(several))
        elif _is_routine(several[0]):
            left_out += 1
        else:
            rows.append(_row(several[0]))
    if not any(e.kind == Happening.FLIGHT_BEGUN.value for e in events):
        rows += [row for flight in flights for row in _of_flight(flight)]
    rows.sort(key=lambda row: row.time_utc)
    return tuple(rows[:MOST_ROWS]), left_out + max(0, len(rows) - MOST_ROWS)


def _is_routine(event: Event) -> bool:
    said = str(event.payload.get("text", ""))
    return event.kind == Happening.FLIGHT_SAID.value and said.startswith(_ROUTINE)


def _row(event: Event) -> TimelineRow:
    words = translated(words_of(event))
    found = event.payload.get("verdict") in {Verdict.PERSON.value, Verdict.CLUE.value}
    return TimelineRow(time_utc=event.time_utc, actor=event.actor, words=words, kind=event.kind, found=found)


def _counted(events: Sequence[Event]) -> TimelineRow:
    first, count = events[0], len(events)
    if count == 1:
        return _row(first)
    if first.kind == Happening.FRAME_SEARCHED.value:
        words = ngettext("{count} photograph searched", "{count} photographs searched", count)
    elif first.kind == Happening.FRAME_REFUSED.value:
        words = ngettext("{count} photograph not searched", "{count} photographs not searched", count)
    else:
        words = ngettext("{count} candidate found", "{count} candidates found", count)
    return TimelineRow(time_utc=first.time_utc, actor=first.actor, words=words, kind=first.kind)


def _of_flight(flight: FlightRow) -> Iterable[TimelineRow]:
    if flight.begun_utc is not None:
        words = _(
            "{name}: {vehicle}; {outcome}", name=flight.name, vehicle=flight.vehicle, outcome=flight.outcome
        )
        kind = Happening.FLIGHT_BEGUN.value
        yield TimelineRow(time_utc=flight.begun_utc, actor=_("flight record"), words=words, kind=kind)


def decision_rows(reviews: Reviews) -> tuple[DecisionRow, ...]:
    """The last word of each reviewer on each candidate, in the candidates' order."""
    state, by_reviewer = reviews.state(), reviews.by_reviewer()
    rows = []
    for candidate in reviews.candidates:
        said = sorted(by_reviewer.get(candidate.id, {}).values(), key=lambda d: d.event)
        disputed = len({d.verdict for d in said}) > 1
        rows += [
            DecisionRow(
                candidate=candidate.id,
                reviewer=decision.reviewer,
                verdict=decision.verdict.value,
                note=decision.note,
                time_utc=decision.time_utc,
                counts=decision.event == state[candidate.id].event,
                disputed=disputed,
            )
            for decision in said
        ]
    return tuple(rows)


def segments_part(case: CaseFolder, status: Status, *, picture_png: bytes) -> SegmentsPart:
    """The segment table of a case: how well each was searched, when, and by whom.

    An update belongs to a segment where one of its footprints has a cell of the segment in it.

    Args:
        case: the case's folder.
        status: where the search stands.
        picture_png: the case's two maps.
    """
    inside = [(record, _cells(case, record)) for record in status.updates]
    shares = dict(case.model.segments)
    lines = []
    for row in status.segments:
        shown = [record for record, cells in inside if bool((cells & (shares[row.name] > 0)).any())]
        moments = [
            datetime.fromisoformat(text).astimezone(UTC)
            for record in shown
            for text in record.taken_utc or ()
        ]
        lines.append(
            SegmentLine(
                name=row.name,
                area_m2=row.area_m2,
                poa_after=row.poa_after,
                pod=(row.pod_low, row.pod_high),
                gap=row.gap,
                taken_utc=(min(moments), max(moments)) if moments else None,
                flights=tuple(
                    dict.fromkeys(ledger.plan_name or ledger.file for r in shown for ledger in r.ledgers)
                ),
                reviewers=tuple(dict.fromkeys(name for r in shown for name in r.reviewers)),
            )
        )
    return SegmentsPart(
        name=status.name,
        lines=tuple(lines),
        success=status.success,
        rest=(status.rest_before, status.rest_after),
        picture_png=picture_png,
        notes=tuple(map(translated, status.notes)),
    )


def _cells(case: CaseFolder, record: UpdateRecord) -> npt.NDArray[np.bool_]:
    """(rows, columns), row 0 in the south: cells whose middle lies in one of an update's footprints."""
    grid = case.model.grid
    shape = grid.frame.to_local(shapely.union_all([shapely.Polygon(ring) for ring in record.footprints]))
    shapely.prepare(shape)
    x, y = np.meshgrid(grid.x_m(), grid.y_m())
    return np.asarray(shapely.contains_xy(shape, x, y), dtype=bool)
