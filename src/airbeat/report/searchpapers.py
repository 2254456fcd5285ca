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
from airbeat.language.words import N_, Message, _, current_language, translated
from airbeat.mission.case import Drone, Missing
from airbeat.report.flown import FlightFile
from airbeat.search.build import UNNAMED_SEGMENT
from airbeat.search.segments import SegmentRow

__all__ = ["SEGMENT_HEADS", "activity_log", "papers_html", "segment_cells", "segment_name"]

SEGMENT_HEADS = (
    N_("segment"), N_("A km²"), "POA", "W m", "L km", "C", "POD %", N_("gap %"), "POS %", N_("POA now"),
    N_("1 min more"),
)  # fmt: skip
"""Heads of the segment table's columns, in English; they are translated where they are shown."""
_MAX_EVENTS = 300
_MOST_NAMES = 6
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


def segment_name(name: str) -> str:
    """A segment's own name, or in the reader's language what lies in none."""
    return _(name) if name == UNNAMED_SEGMENT else name


def segment_cells(row: SegmentRow) -> list[str]:
    """The cells of one line of the segment table, as text, under ``SEGMENT_HEADS``."""
    return [
        segment_name(row.name),
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
            LogEntry(
                time_utc=begun,
                text=_("watching {vehicle}: {plan}", vehicle=flight.vehicle.name, plan=flight.plan.name),
                source=name,
            )
        )
        told = [e for e in flight.events if not e.text.startswith(_ROUTINE)]
        for event in told[:_MAX_EVENTS]:
            at = begun + timedelta(seconds=event.time_s - start_s)
            text = f"{_(event.kind)}: {translated(event.text)}"
            entries.append(LogEntry(time_utc=at, text=text, source=name))
        left_out += len(flight.events) - len(told[:_MAX_EVENTS])
        end = begun + timedelta(seconds=max(times, default=start_s) - start_s)
        text = f"{_(flight.outcome)}: {translated(flight.explanation)}"
        entries.append(LogEntry(time_utc=end, text=text, source=name))
    for record in records:
        source = _("update {number}", number=record.number)
        if record.taken_utc is not None:
            said = (_("first photograph that counts was taken"), _("last photograph that counts was taken"))
            for moment, text in zip(record.taken_utc, said, strict=True):
                at = datetime.fromisoformat(moment).astimezone(UTC)
                entries.append(LogEntry(time_utc=at, text=text, source=source))
        made = datetime.fromisoformat(record.made_utc).astimezone(UTC)
        text = _(
            "map updated: {counted} of {expected} photographs counted",
            counted=record.images.counted,
            expected=record.images.expected,
        )
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
    period = ""
    if log:
        period = _("{first} to {last} UTC", first=_minute(log[0].time_utc), last=_minute(log[-1].time_utc))
    low, high = status.success
    text: str = _template().render(
        version=__version__,
        name=status.name,
        case_sha=case.case.provenance.source_sha256[:12],
        not_cleared=_(NOT_CLEARED),
        warnings=[translated(n) for n in status.notes if "not for flight" in n or n == EXERCISE],
        opos=_("{low:.1%} to {high:.1%}", low=low, high=high),
        rest_before=f"{status.rest_before:.1%}",
        rest_after=f"{status.rest_after:.1%}",
        images=_images(status),
        picture="data:image/png;base64," + base64.b64encode(picture_png).decode("ascii"),
        heads=[_(head) for head in SEGMENT_HEADS],
        rows=_rows(case, status),
        next_basis=translated(status.next_basis),
        next_best=segment_name(status.next_best),
        subject=_subject(case.case.missing),
        drones=[_drone(drone) for drone in case.case.drones],
        pod_assumes=translated(assumptions(case)),
        updates=[_update(record) for record in status.updates],
        not_searched=_not_searched(status),
        finds=[_find(find) for find in status.finds],
        undecided=status.undecided,
        notes=[translated(note) for note in status.notes],
        period=period,
        vehicles=list(dict.fromkeys(flight.vehicle.name for _, flight in flights)),
        flights=flights,
        log=[{"time": f"{e.time_utc:%m-%d %H:%M:%S}", "text": e.text, "source": e.source} for e in log],
        log_left_out=left_out,
        language=current_language().replace("_", "-"),
        _=_,
    )
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # names of files need not be UTF-8


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _subject(missing: Missing) -> str:
    """The person sought, as the case file says."""
    who = _(missing.category.value) if missing.category else _("category not stated")
    if missing.last_seen_utc:
        who = _("{who}, last seen {time} UTC", who=who, time=_minute(missing.last_seen_utc))
    return _(
        "{who}; last known at {place}; posture assumed: {posture}",
        who=who,
        place=decimal_degrees(missing.last_known),
        posture=_(missing.posture.value),
    )


def _drone(drone: Drone) -> str:
    return _(
        "{name}: {airframe}, camera {camera}, {height_m:g} m {datum}, {speed_m_s:g} m/s, "
        "batteries: {batteries}",
        name=drone.name,
        airframe=drone.airframe.name,
        camera=drone.camera.name,
        height_m=drone.height.value_m,
        datum=drone.height.datum.value,
        speed_m_s=drone.speed_m_s,
        batteries=drone.batteries,
    )


def _images(status: Status) -> str:
    i = status.images
    return _(
        "Photographs: {expected} expected, {received} received, {reviewed} reviewed, {counted} counted",
        expected=i.expected,
        received=i.received,
        reviewed=i.reviewed,
        counted=i.counted,
    )


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
                "name": segment_name(row.name),
                "cells": segment_cells(row),
                "middle": mgrs_grid(middle),
                "searched": row.length_m > 0,
                "ground": _ground(case, weights),
                "work": _(
                    "Taken as visible: {visible:.0%} of the ground. One more minute here adds {more:.2f} % "
                    "of success ({basis}).",
                    visible=hidden,
                    more=100 * row.next_best,
                    basis=translated(status.next_basis),
                ),
            }
        )
    return found


def _ground(case: CaseFolder, weights: npt.NDArray[np.float64]) -> str:
    """How high and how steep a segment's ground is by the height model, or that it was taken as flat."""
    heights, steep = case.model.ground_m, case.model.slope_deg
    if heights is None or steep is None or case.case.terrain is None:
        return _("Flat ground was assumed.")
    known = (weights > 0) & ~np.isnan(heights)
    unknown = float(weights[np.isnan(heights)].sum() / weights.sum())
    if not known.any():
        return _("Flat ground was assumed: {terrain} has no heights here.", terrain=case.case.terrain.name)
    slope = np.nan_to_num(steep[known])
    ground = _(
        "Ground {low_m:.0f} to {high_m:.0f} m above sea level by {terrain}, slopes {mean_deg:.0f}° in the "
        "mean, {most_deg:.0f}° at most.",
        low_m=heights[known].min(),
        high_m=heights[known].max(),
        terrain=case.case.terrain.name,
        mean_deg=np.average(slope, weights=weights[known]),
        most_deg=slope.max(),
    )
    if unknown:
        missing = _("Flat ground was assumed for {share:.0%}, of which it has no heights.", share=unknown)
        return f"{ground} {missing}"
    return ground


def _update(record: UpdateRecord) -> dict[str, Any]:
    i = record.images
    gsd, heights = record.gsd_m_px, record.heights_m
    taken = _("not stated")
    if record.taken_utc is not None:
        first, last = (datetime.fromisoformat(t).astimezone(UTC) for t in record.taken_utc)
        taken = _("{first} to {last}", first=_minute(first), last=f"{last:%H:%M}")
    return {
        "number": record.number,
        "ledgers": ", ".join(row.plan_name or row.file for row in record.ledgers),
        "taken": taken,
        "images": f"{i.expected} / {i.received} / {i.reviewed} / {i.counted}",
        "gsd": f"{100 * gsd[0]:.1f}–{100 * gsd[1]:.1f}" if gsd else "–",
        "heights": f"{heights[0]:.0f}–{heights[1]:.0f}" if heights else "–",
        "method": translated(record.method),
        "curve": translated(record.curve),
        "altitude": translated(record.altitude_source),
    }


def _not_searched(status: Status) -> list[str]:
    """What was to be searched and was not, with the reason, grouped."""
    lines = []
    for record in status.updates:
        missing = record.images.expected - record.images.received
        if missing > 0:
            lines.append(
                _(
                    "Update {number}: {missing} photographs were taken but not received.",
                    number=record.number,
                    missing=missing,
                )
            )
        if record.gap_area_m2 >= 1.0:
            lines.append(
                _(
                    "Update {number}: {gap_m2:.0f} m² of the planned area in no photograph.",
                    number=record.number,
                    gap_m2=record.gap_area_m2,
                )
            )
        reasons: dict[str, list[str]] = {}
        for row in record.left_out:
            reasons.setdefault(row.reason.split(":")[0], []).append(row.file)
        for reason, names in reasons.items():
            shown = ", ".join(names[:_MOST_NAMES])
            if len(names) > _MOST_NAMES:
                shown = _("{files} and {more} more", files=shown, more=len(names) - _MOST_NAMES)
            lines.append(
                _(
                    "Update {number}: {count} photographs do not count: {reason} ({files}).",
                    number=record.number,
                    count=len(names),
                    reason=translated(reason),
                    files=shown,
                )
            )
    return lines + [
        _(
            "{segment}: {gap:.0%} of the ground in no photograph that counts.",
            segment=segment_name(segment.name),
            gap=segment.gap,
        )
        for segment in status.segments
        if segment.gap > 0.005
    ]


def _find(find: FindRow) -> dict[str, Any]:
    place = find.position
    return {
        "id": find.id,
        "decision": _(find.decision),
        "decimal": decimal_degrees(place) if place else _("not known"),
        "minutes": degrees_minutes(place) if place else "",
        "mgrs": mgrs_grid(place) if place else "",
        "ce90": "" if find.ce90_m is None else f"{find.ce90_m:.1f}",
        "note": find.note,
    }
