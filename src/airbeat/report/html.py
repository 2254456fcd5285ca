"""The coordinator's report: one self-contained HTML file, without scripts or external files."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from airbeat import __version__
from airbeat.errors import InputFileError
from airbeat.geo.notation import decimal_degrees, degrees_minutes, mgrs_grid
from airbeat.language.words import _, current_language, ngettext, translated
from airbeat.report.content import (
    CandidateEntry,
    Figure,
    FlightRow,
    ReportContent,
    SearchedPart,
    SegmentLine,
    SegmentsPart,
)
from airbeat.report.svgmap import beyond_map, map_svg

__all__ = ["report_figures", "report_html"]

_MAX_CROP_BYTES = 2_000_000


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = files("airbeat.report").joinpath("templates/report.html").read_text(encoding="utf-8")
    return environment.from_string(text)


def _clock(duration_s: float) -> str:
    minutes, seconds = divmod(round(duration_s), 60)
    return _("{minutes} min {seconds:02d} s", minutes=minutes, seconds=seconds)


def _period(first: datetime, last: datetime) -> str:
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    end = f"{last:%H:%M}" if last.date() == first.date() else f"{last:%Y-%m-%d %H:%M}"
    return _("{first:%Y-%m-%d %H:%M} to {end} UTC", first=first, end=end)


def _crop_uri(crop: Path | None) -> str:
    if crop is None:
        return ""
    data = crop.read_bytes()
    if len(data) > _MAX_CROP_BYTES or not data.startswith(b"\xff\xd8"):
        raise InputFileError("is not a JPEG cut-out of reasonable size", where=str(crop))
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


def _plan_figures(content: ReportContent) -> list[Figure]:
    plan, rows = content.plan, []
    if plan.survey:
        from airbeat.geo.frame import LocalFrame

        survey = plan.survey
        area_m2 = LocalFrame.around(survey.area).to_local(survey.area).area
        rows += [
            Figure(label=_("Search area"), value=f"{area_m2 / 1e6:.3f} km² ({area_m2 / 1e4:.1f} ha)"),
            Figure(label=_("Camera"), value=survey.camera.name),
            Figure(label=_("Height above ground"), value=translated(plan.height_above_ground)),
            Figure(label=_("GSD planned"), value=f"{survey.gsd_m_px * 100:.2f} cm/px"),
            Figure(label=_("Line spacing"), value=f"{survey.spacing_m:.1f} m"),
            Figure(label=_("Photograph every"), value=f"{survey.trigger_distance_m:.1f} m"),
        ]
    if plan.estimate:
        estimate = plan.estimate
        rows += [
            Figure(label=_("Planned length"), value=f"{estimate.length_m / 1000:.2f} km"),
            Figure(label=_("Planned time"), value=_clock(estimate.duration_s)),
            Figure(label=_("Planned photographs"), value=str(estimate.photos)),
            Figure(
                label=_("Batteries"),
                value=_(
                    "{count} ({share:.0%} of one)", count=estimate.batteries, share=estimate.battery_share
                ),
            ),
        ]
    return rows


def report_figures(content: ReportContent) -> list[Figure]:
    """The table of figures, in reading order: planned, flown, searched."""
    rows = _plan_figures(content)
    if content.flown:
        flown = content.flown
        rows += [
            Figure(label=_("Vehicle"), value=flown.vehicle),
            Figure(label=_("Flight ended"), value=flown.outcome),
        ]
        if flown.duration_s is not None:
            rows.append(Figure(label=_("Flown time"), value=_clock(flown.duration_s)))
        if flown.outside_fence_m is not None:
            rows.append(Figure(label=_("Outside the fence at most"), value=f"{flown.outside_fence_m:.1f} m"))
    if content.searched:
        searched = content.searched
        rows += [
            Figure(label=_("Photographs received"), value=str(searched.frames_received)),
            Figure(label=_("Photographs searched by program"), value=str(searched.frames_searched)),
            Figure(label=_("Photographs reviewed by people"), value=_("0 — not yet reviewed")),
        ]
        if searched.coverage_fraction is not None:
            share = _("{share:.2%} of the area", share=searched.coverage_fraction)
            rows.append(Figure(label=_("Inside at least one footprint"), value=share))
        if searched.gsd_range_m_px:
            low, high = (100 * v for v in searched.gsd_range_m_px)
            rows.append(Figure(label=_("GSD flown"), value=f"{low:.2f}–{high:.2f} cm/px"))
        if searched.taken_utc:
            rows.append(Figure(label=_("Photographs taken"), value=_period(*searched.taken_utc)))
        rows.append(Figure(label=_("Detector"), value=searched.detector))
        rows.append(Figure(label=_("Candidates"), value=_candidates(searched)))
    return rows


def _candidates(searched: SearchedPart) -> str:
    count = len(searched.candidates)
    if not searched.reviewed:
        return _("{count}, none confirmed", count=count)
    return _(
        "{count}; {reviewed} reviewed, {confirmed} confirmed",
        count=count,
        reviewed=searched.reviewed,
        confirmed=searched.confirmed,
    )


def _card(entry: CandidateEntry) -> dict[str, Any]:
    looks = (
        _("seen in {looks} of {all} photographs", looks=entry.looks, all=entry.chances)
        if entry.chances is not None
        else _("seen in {looks} photographs", looks=entry.looks)
    )
    return {
        "number": entry.number,
        "crop": _crop_uri(entry.crop),
        "decimal": decimal_degrees(entry.position),
        "minutes": degrees_minutes(entry.position),
        "mgrs": mgrs_grid(entry.position),
        "ce90": f"{entry.ce90_m:.1f} m",
        "score": f"{entry.score:.2f}",
        "looks": looks,
        "frames": ", ".join(entry.frames),
        "decision": entry.decision,
    }


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _flight(row: FlightRow) -> dict[str, str]:
    begun = "–" if row.begun_utc is None else f"{row.begun_utc:%Y-%m-%d %H:%M}"
    return {
        "name": row.name,
        "vehicle": row.vehicle,
        "begun": begun,
        "duration": "–" if row.duration_s is None else _clock(row.duration_s),
        "battery": " → ".join(_share(share) for share in row.battery_shares),
        "photos": str(row.photos),
        "last_item": f"{row.items[0]}/{row.items[1]}",
        "outcome": row.outcome,
    }


def _segment(line: SegmentLine) -> dict[str, str]:
    low, high = line.pod
    return {
        "name": line.name,
        "area": f"{line.area_m2 / 1e6:.3f}",
        "poa": f"{line.poa_after:.1%}",
        "pod": f"{100 * low:.0f}–{100 * high:.0f} %",
        "gap": f"{line.gap:.0%}",
        "when": _period(*line.taken_utc) if line.taken_utc else "–",
        "who": ", ".join((*line.flights, *line.reviewers)) or "–",
    }


def _segments(part: SegmentsPart | None) -> dict[str, Any] | None:
    if part is None:
        return None
    low, high = part.success
    return {
        "name": part.name,
        "lines": [_segment(line) for line in part.lines],
        "success": _("{low:.1%} to {high:.1%}", low=low, high=high),
        "rest": _("{before:.1%} before any search, {now:.1%} now", before=part.rest[0], now=part.rest[1]),
        "picture": "data:image/png;base64," + base64.b64encode(part.picture_png).decode("ascii"),
        "notes": part.notes,
    }


def report_html(content: ReportContent) -> str:
    """The whole report as HTML text.

    Raises:
        InputFileError: a candidate's cut-out is not a JPEG of reasonable size.
    """
    from markupsafe import Markup

    searched = content.searched
    # The map holds only numbers and escaped text made by svgmap.
    svg = Markup(map_svg(content))  # noqa: S704
    text: str = _template().render(
        plan=content.plan,
        svg=svg,
        beyond_map=beyond_map(content),
        figures=report_figures(content),
        exercise_figures=content.exercise_figures,
        cards=[_card(c) for c in searched.candidates] if searched else [],
        searched=searched,
        unusable=searched.unusable if searched else (),
        unplaced=searched.unplaced if searched else (),
        flown=content.flown,
        warnings=content.warnings,
        assumptions=content.assumptions,
        simulated=content.simulated,
        flights=[_flight(row) for row in content.flights],
        segments=_segments(content.segments),
        decisions=content.decisions,
        disputed=sorted({row.candidate for row in content.decisions if row.disputed}),
        timeline=content.timeline,
        timeline_left_out=content.timeline_left_out,
        language=current_language().replace("_", "-"),
        _=_,
        ngettext=ngettext,
        translated=translated,
        version=__version__,
    )
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # names of files need not be UTF-8
