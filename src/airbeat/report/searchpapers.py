"""The coordinator's papers of a case as one HTML file that prints on A4: where the search stands, an
assignment sheet for each segment (after ICS 204 and SAR 104), the debrief, and the activity log (ICS 214).

What is known is filled in; what people have to say themselves is left empty.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat import __version__
from airbeat.errors import InputFileError
from airbeat.flight.casefolder import CaseFolder, FindRow, UpdateRecord
from airbeat.flight.searchstatus import NOT_CLEARED, Status
from airbeat.flight.searchupdate import EXERCISE, assumptions
from airbeat.geo.notation import decimal_degrees, degrees_minutes, mgrs_grid
from airbeat.language.words import Message
from airbeat.report.flown import FlightFile
from airbeat.search.segments import SegmentRow

__all__ = ["SEGMENT_HEADS", "activity_log", "papers_html", "segment_cells"]

SEGMENT_HEADS = (
    "segment", "A km²", "POA", "W m", "L km", "C", "POD %", "gap %", "POS %", "POA now", "1 min more",
)  # fmt: skip
_MAX_EVENTS = 300
_ROUTINE = ("Mission: ", "Reached command ")
"""Status texts of every waypoint say nothing that a coordinator's log needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line of the activity log: when (UTC), what, and which file says so."""

    time_utc: datetime
    text: str
    source: str


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = files("airbeat.report").joinpath("templates/searchpapers.html").read_text(encoding="utf-8")
    return environment.from_string(text)


def segment_cells(row: SegmentRow) -> list[str]:
    """The cells of one line of the segment table, as text, under ``SEGMENT_HEADS``."""
    return [
        row.name,
        f"{row.area_m2 / 1e6:.3f}",
        f"{row.poa_before:.1%}",
        f"{row.sweep_width_m:.0f}" if row.sweep_width_m > 0 else "–",
        f"{row.length_m / 1000:.2f}",
        f"{row.coverage:.2f}",
        f"{100 * row.pod_low:.0f}–{100 * row.pod_high:.0f}",
        f"{100 * row.gap:.0f}",
        f"{100 * row.pos_low:.1f}–{100 * row.pos_high:.1f}",
        f"{row.poa_after:.1%}",
        f"+{100 * row.next_best:.2f} %",
    ]


def activity_log(
    records: Sequence[UpdateRecord], flights: Sequence[tuple[str, FlightFile]]
) -> tuple[list[LogEntry], int]:
    """The timed log, oldest first, and how many flight events were left out.

    Args:
        records: the updates.
        flights: names and contents of flight records.

    Raises:
        InputFileError: a flight record does not say when it was begun.
    """
    entries, left_out = [], 0
    for name, flight in flights:
        begun = _moment(flight.begun_utc, name)
        times = [row[0] for row in flight.track] + [e.time_s for e in flight.events]
        start_s = min(times, default=0.0)
        entries.append(
            LogEntry(time_utc=begun, text=f"watching {flight.vehicle.name}: {flight.plan.name}", source=name)
        )
        told = [e for e in flight.events if not e.text.startswith(_ROUTINE)]
        for event in told[:_MAX_EVENTS]:
            at = begun + timedelta(seconds=event.time_s - start_s)
            entries.append(LogEntry(time_utc=at, text=f"{event.kind}: {event.text}", source=name))
        left_out += len(flight.events) - len(told[:_MAX_EVENTS])
        end = begun + timedelta(seconds=max(times, default=start_s) - start_s)
        entries.append(LogEntry(time_utc=end, text=f"{flight.outcome}: {flight.explanation}", source=name))
    for record in records:
        source = f"update {record.number}"
        if record.taken_utc is not None:
            for moment, which in zip(record.taken_utc, ("first", "last"), strict=True):
                at = datetime.fromisoformat(moment).astimezone(UTC)
                text = f"{which} photograph that counts was taken"
                entries.append(LogEntry(time_utc=at, text=text, source=source))
        made = datetime.fromisoformat(record.made_utc).astimezone(UTC)
        text = f"map updated: {record.images.counted} of {record.images.expected} photographs counted"
        entries.append(LogEntry(time_utc=made, text=text, source=source))
    return sorted(entries, key=lambda e: e.time_utc), left_out


def _moment(text: str, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None:
        raise InputFileError(
            Message("begun_utc {text!r} is no time with a zone", text=text[:40]),
            where=name,
            remedy="give what airbeat fly wrote",
        )
    return moment.astimezone(UTC)


def papers_html(
    case: CaseFolder, status: Status, *, picture_png: bytes, flights: Sequence[tuple[str, FlightFile]]
) -> str:
    """All papers as HTML text.

    Raises:
        InputFileError: a flight record does not say when it was begun.
    """
    log, left_out = activity_log(status.updates, flights)
    missing = case.case.missing
    seen = f", last seen {missing.last_seen_utc:%Y-%m-%d %H:%M} UTC" if missing.last_seen_utc else ""
    who = missing.category.value if missing.category else "category not stated"
    period = ""
    if log:
        period = f"{log[0].time_utc:%Y-%m-%d %H:%M} to {log[-1].time_utc:%Y-%m-%d %H:%M} UTC"
    low, high = status.success
    text: str = _template().render(
        version=__version__,
        name=status.name,
        case_sha=case.case.provenance.source_sha256[:12],
        not_cleared=NOT_CLEARED,
        warnings=[n for n in status.notes if "not for flight" in n or n == EXERCISE],
        opos=f"{low:.1%} to {high:.1%}",
        rest_before=f"{status.rest_before:.1%}",
        rest_after=f"{status.rest_after:.1%}",
        images=_images(status),
        picture="data:image/png;base64," + base64.b64encode(picture_png).decode("ascii"),
        heads=SEGMENT_HEADS,
        rows=_rows(case, status),
        next_basis=status.next_basis,
        next_best=status.next_best,
        subject=f"{who}{seen}; last known at {decimal_degrees(missing.last_known)}; posture assumed: "
        f"{missing.posture.value}",
        drones=[
            f"{d.name}: {d.airframe.name}, camera {d.camera.name}, {d.height.value_m:g} m "
            f"{d.height.datum.value}, {d.speed_m_s:g} m/s, batteries: {d.batteries}"
            for d in case.case.drones
        ],
        pod_assumes=assumptions(case),
        updates=[_update(record) for record in status.updates],
        not_searched=_not_searched(status),
        finds=[_find(find) for find in status.finds],
        undecided=status.undecided,
        notes=status.notes,
        period=period,
        vehicles=list(dict.fromkeys(flight.vehicle.name for _, flight in flights)),
        flights=flights,
        log=[{"time": f"{e.time_utc:%m-%d %H:%M:%S}", "text": e.text, "source": e.source} for e in log],
        log_left_out=left_out,
    )
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # names of files need not be UTF-8


def _images(status: Status) -> str:
    i = status.images
    way = f"{i.received} received, {i.reviewed} reviewed, {i.counted} counted"
    return f"Photographs: {i.expected} expected, {way}"


def _rows(case: CaseFolder, status: Status) -> list[dict[str, Any]]:
    grid = case.model.grid
    shares = dict(case.model.segments)
    found = []
    for row in status.segments:
        weights = shares[row.name]
        x = float((weights.sum(axis=0) * grid.x_m()).sum() / weights.sum())
        y = float((weights.sum(axis=1) * grid.y_m()).sum() / weights.sum())
        middle = grid.frame.to_latlon(np.array([[x, y]]))[0]
        hidden = float((weights * case.model.visible).sum() / weights.sum())
        found.append(
            {
                "name": row.name,
                "cells": segment_cells(row),
                "middle": mgrs_grid(middle),
                "searched": row.length_m > 0,
                "ground": _ground(case, weights),
                "work": f"Taken as visible: {hidden:.0%} of the ground. One more minute here adds "
                f"{100 * row.next_best:.2f} % of success ({status.next_basis}).",
            }
        )
    return found


def _ground(case: CaseFolder, weights: npt.NDArray[np.float64]) -> str:
    """How high and how steep a segment's ground is by the height model, or that it was taken as flat."""
    heights, steep = case.model.ground_m, case.model.slope_deg
    if heights is None or steep is None or case.case.terrain is None:
        return "Flat ground was assumed."
    known = (weights > 0) & ~np.isnan(heights)
    unknown = float(weights[np.isnan(heights)].sum() / weights.sum())
    missing = f" Flat ground was assumed for {unknown:.0%}, of which it has no heights." if unknown else ""
    if not known.any():
        return f"Flat ground was assumed: {case.case.terrain.name} has no heights here."
    slope = np.nan_to_num(steep[known])
    return (
        f"Ground {heights[known].min():.0f} to {heights[known].max():.0f} m above sea level by "
        f"{case.case.terrain.name}, slopes {np.average(slope, weights=weights[known]):.0f}° in the mean, "
        f"{slope.max():.0f}° at most.{missing}"
    )


def _update(record: UpdateRecord) -> dict[str, Any]:
    i = record.images
    gsd, heights = record.gsd_m_px, record.heights_m
    taken = "not stated"
    if record.taken_utc is not None:
        first, last = (datetime.fromisoformat(t).astimezone(UTC) for t in record.taken_utc)
        taken = f"{first:%Y-%m-%d %H:%M} to {last:%H:%M}"
    return {
        "number": record.number,
        "ledgers": ", ".join(row.plan_name or row.file for row in record.ledgers),
        "taken": taken,
        "images": f"{i.expected} / {i.received} / {i.reviewed} / {i.counted}",
        "gsd": f"{100 * gsd[0]:.1f}–{100 * gsd[1]:.1f}" if gsd else "–",
        "heights": f"{heights[0]:.0f}–{heights[1]:.0f}" if heights else "–",
        "method": record.method,
        "curve": record.curve,
        "altitude": record.altitude_source,
    }


def _not_searched(status: Status) -> list[str]:
    """What was to be searched and was not, with the reason, grouped."""
    lines = []
    for record in status.updates:
        missing = record.images.expected - record.images.received
        if missing > 0:
            lines.append(f"Update {record.number}: {missing} photographs were taken but not received.")
        if record.gap_area_m2 >= 1.0:
            lines.append(
                f"Update {record.number}: {record.gap_area_m2:.0f} m² of the planned area in no photograph."
            )
        reasons: dict[str, list[str]] = {}
        for row in record.left_out:
            reasons.setdefault(row.reason.split(":")[0], []).append(row.file)
        for reason, names in reasons.items():
            shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
            lines.append(
                f"Update {record.number}: {len(names)} photographs do not count: {reason} ({shown})."
            )
    gaps = [(segment.name, segment.gap) for segment in status.segments if segment.gap > 0.005]
    return lines + [f"{name}: {gap:.0%} of the ground in no photograph that counts." for name, gap in gaps]


def _find(find: FindRow) -> dict[str, Any]:
    place = find.position
    return {
        "id": find.id,
        "decision": find.decision,
        "decimal": decimal_degrees(place) if place else "not known",
        "minutes": degrees_minutes(place) if place else "",
        "mgrs": mgrs_grid(place) if place else "",
        "ce90": "" if find.ce90_m is None else f"{find.ce90_m:.1f}",
        "note": find.note,
    }
