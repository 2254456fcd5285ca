"""Pictures for a briefing, 1920 × 1080 pixels each: map, candidates and timeline of an operation.

They show what the report shows, in letters that can be read across a room. The same content gives the same
pictures.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import numpy as np
import shapely
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from airbeat import __version__
from airbeat.geo.notation import decimal_degrees, mgrs_grid
from airbeat.language.words import _
from airbeat.ops.happenings import Happening
from airbeat.report.canvas import Canvas
from airbeat.report.content import CandidateEntry, FlightRow, ReportContent, TimelineRow
from airbeat.report.html import report_figures
from airbeat.report.lettering import fitted, wrapped
from airbeat.report.picture_content import Mark, picture_of_plans
from airbeat.report.picture_map import (
    AREA,
    FENCE,
    FENCE_DASH,
    INK,
    KEEPOUT,
    SEEN,
    TRANSIT_DASH,
    map_image,
    north_arrow,
    scale_bar,
    sortie_colour,
)

__all__ = ["BRIEFING_SIZE_PX", "briefing_pictures"]

BRIEFING_SIZE_PX = (1920, 1080)
_MARGIN = 40
_MAP_BOX = (_MARGIN, 116, 1380, 990)
_PANEL = (1416, 1880)
_SOFT, _AMBER_INK, _RULE = "#5d5a52", "#6b3d00", "#d0ccc0"
_COLUMNS, _ROWS = 6, 2
_CROP_PX = (292, 250)
_CARD_PX = (308, 418)
_CONFIRMED, _CANDIDATE = "#d55e00", "#cc3377"
_LIST_ROWS = 13
_TOLD = (
    "Search area",
    "Flight ended",
    "Flown time",
    "Photographs received",
    "Inside at least one footprint",
    "GSD planned",
    "GSD flown",
    "Candidates",
    "Planned time",
)
"""Figures of the report that the map tells too."""
_LANES = (
    ("flight", ("mission.", "flight.", "dispatch."), "#0072b2"),
    ("search", ("search.", "frame.", "candidate."), "#009e73"),
    ("review", ("review.",), "#cc3377"),
    ("hand-over", ("handover.", "note"), "#e69f00"),
)
"""Lanes of the timeline: name, beginnings of the kinds of events in it, colour."""


def briefing_pictures(content: ReportContent) -> dict[str, bytes]:
    """The pictures as PNG files, by their names; candidates and timeline only where there are any.

    Raises:
        GeometryError: the plan shows nothing: no line, area or place.
    """
    pictures = {"map.png": _map_sheet(content)}
    if content.searched is not None and content.searched.candidates:
        pictures["candidates.png"] = _candidate_sheet(content, content.searched.candidates)
    if content.timeline:
        pictures["timeline.png"] = _timeline_sheet(content, content.timeline)
    return pictures


def _sheet(content: ReportContent, what: str) -> Canvas:
    """An empty sheet with its headline, and at the bottom what must not be overlooked."""
    sheet = Canvas(BRIEFING_SIZE_PX)
    room = BRIEFING_SIZE_PX[0] - 2 * _MARGIN
    title = fitted(f"{content.plan.name}: {what}", 40, room, bold=True)
    sheet.text((_MARGIN, 60), title, size_px=40, bold=True, colour=INK)
    said = [_("This area is not cleared: a person may be here and not on this picture.")]
    if content.simulated:
        said.append(_("Exercise: flown by airbeat's embedded vehicle (not ArduPilot) over synthetic ground."))
    text = fitted(" ".join(said), 24, room, bold=True)
    sheet.text((_MARGIN, 1056), text, size_px=24, bold=True, colour=_AMBER_INK)
    return sheet


def _png(image: Image.Image, content: ReportContent) -> bytes:
    about = PngInfo()
    about.add_itxt("Title", content.plan.name)
    about.add_itxt("Software", f"airbeat {__version__}")
    about.add_itxt("airbeat:source_sha256", content.plan.provenance.source_sha256)
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True, pnginfo=about)
    return stream.getvalue()


# the map


def _map_sheet(content: ReportContent) -> bytes:
    searched = content.searched
    candidates = searched.candidates if searched else ()
    tracks = tuple(flight.track for flight in content.flights) or (
        (content.flown.track,) if content.flown else ()
    )
    picture = replace(
        picture_of_plans([content.plan], figures=()),
        seen=shapely.union_all(searched.footprints) if searched and searched.footprints else None,
        tracks=tracks,
        marks=tuple(
            Mark(position=c.position, label=str(c.number), colour=_colour(c)) for c in reversed(candidates)
        ),
    )
    sheet = _sheet(content, _("planned, flown and searched"))
    left, top, right, bottom = _MAP_BOX
    drawn = map_image(picture, (right - left, bottom - top))
    sheet.rectangle((left - 1, top - 1, right + 1, bottom + 1), edge="#555555")
    y = _panel_figures(sheet, content)
    _panel_legend(sheet, content, y + 26)
    north_arrow(sheet, right - 30, bottom + 2)
    scale_bar(sheet, right - 60, bottom + 8, drawn)
    image = sheet.finished()
    image.paste(drawn.image, (left, top))
    return _png(image, content)


def _colour(entry: CandidateEntry) -> str:
    return _CONFIRMED if entry.confirmed else _CANDIDATE


def _panel_figures(sheet: Canvas, content: ReportContent) -> float:
    """The most telling figures; the y [px] below them."""
    left, right = _PANEL
    wanted = {_(name) for name in _TOLD}
    y = float(_MAP_BOX[1])
    for figure in report_figures(content):
        if figure.label not in wanted:
            continue
        sheet.text((left, y + 18), fitted(figure.label, 19, right - left), size_px=19, colour=_SOFT)
        for line in wrapped(figure.value, 25, right - left, bold=True)[:2]:
            sheet.text((left, y + 47), line, size_px=25, bold=True, colour=INK)
            y += 31
        y += 32
    return y


def _panel_legend(sheet: Canvas, content: ReportContent, y: float) -> None:
    """What the map's lines, surfaces and signs mean."""
    left, right = _PANEL
    box = partial(shapely.box, left, xmax=left + 52)
    entries = [("area", _("area to look at")), ("planned", _("planned line"))]
    if content.plan.fence is not None:
        entries[1:1] = [("fence", _("fence: stay inside")), ("keepout", _("keep-out or hole"))]
    if content.flown or content.flights:
        entries.append(("flown", _("flown")))
    if content.searched is not None:
        entries += [
            ("seen", _("photographed and searched by program")),
            ("candidate", _("candidate, by its number")),
        ]
        if any(c.confirmed for c in content.searched.candidates):
            entries.append(("confirmed", _("person or clue, as reviewers say")))
    for kind, label in entries:
        way = np.array([[left, y + 11], [left + 52, y + 11]], dtype=float)
        shape = box(ymin=y, ymax=y + 22)
        if kind == "area":
            sheet.fill(shape, AREA, opacity=0.55)
            sheet.outline(shape, INK)
        elif kind == "fence":
            sheet.line(way, FENCE, stroke_px=3, dash_px=FENCE_DASH)
        elif kind == "keepout":
            sheet.hatch(shape, KEEPOUT)
            sheet.outline(shape, KEEPOUT)
        elif kind == "planned":
            dash = TRANSIT_DASH if content.flown or content.flights else ()
            sheet.line(way, sortie_colour(0), stroke_px=3, dash_px=dash)
        elif kind == "flown":
            sheet.line(way, INK, stroke_px=3)
        elif kind == "seen":
            sheet.fill(shape, SEEN, opacity=0.35)
        else:
            sheet.badge(
                left + 26, y + 11, "1", _CANDIDATE if kind == "candidate" else _CONFIRMED, square=True
            )
        sheet.text((left + 66, y + 18), fitted(label, 20, right - left - 66), size_px=20, colour=INK)
        y += 36


# candidates


def _candidate_sheet(content: ReportContent, candidates: Sequence[CandidateEntry]) -> bytes:
    best = sorted(candidates, key=lambda c: (not c.confirmed, c.dismissed, -c.score, c.number))
    page = best[: _COLUMNS * _ROWS]
    sheet = _sheet(content, _("{shown} of {all} candidates", shown=len(page), all=len(candidates)))
    crops = []
    for number, entry in enumerate(page):
        row, column = divmod(number, _COLUMNS)
        x, y = _MARGIN + column * _CARD_PX[0], 104 + row * (_CARD_PX[1] + 30)
        _card(sheet, x, y, entry)
        crop = _crop(entry)
        if crop is not None:
            crops.append((crop, x + (_CROP_PX[0] - crop.width) // 2, y + (_CROP_PX[1] - crop.height) // 2))
    image = sheet.finished()
    for crop, x, y in crops:
        image.paste(crop, (x, y))
    return _png(image, content)


def _card(sheet: Canvas, x: int, y: int, entry: CandidateEntry) -> None:
    width, height = _CROP_PX
    sheet.rectangle((x, y, x + width, y + height), fill="#e9e7e0")
    if entry.crop is None:
        sheet.text((x + 12, y + 30), _("no cut-out"), size_px=20, colour=_SOFT)
    sheet.rectangle((x, y + height, x + width, y + height + 6), fill=_colour(entry))
    y += height + 6
    score = _("score {score:.2f}", score=entry.score)
    rows = [
        (_("Candidate {number}", number=entry.number), 25, True, INK),
        (f"{score} · CE90 {entry.ce90_m:.0f} m", 20, False, _SOFT),
        (mgrs_grid(entry.position), 20, False, INK),
        (decimal_degrees(entry.position), 20, False, INK),
        *((line, 20, True, _AMBER_INK) for line in wrapped(entry.decision, 20, width, bold=True)[:2]),
    ]
    for text, size, bold, colour in rows:
        y += size + 7
        sheet.text((x, y), fitted(text, size, width, bold=bold), size_px=size, bold=bold, colour=colour)


def _crop(entry: CandidateEntry) -> Image.Image | None:
    """The cut-out, as large as its frame on the sheet; None where it cannot be read."""
    if entry.crop is None:
        return None
    try:
        with Image.open(entry.crop, formats=("JPEG",)) as crop:
            return ImageOps.contain(crop.convert("RGB"), _CROP_PX)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


# the timeline


def _timeline_sheet(content: ReportContent, rows: Sequence[TimelineRow]) -> bytes:
    sheet = _sheet(content, _("what happened when (UTC)"))
    first, last = _span(rows, content.flights)
    left, right, top = _MARGIN + 190.0, BRIEFING_SIZE_PX[0] - _MARGIN - 30.0, 130.0
    names = (_("flight"), _("search"), _("review"), _("hand-over"))
    share = partial(_share, first=first, last=last)
    for (lane, kinds, colour), name in zip(_LANES, names, strict=True):
        middle = top + 30
        sheet.text(
            (_MARGIN, middle + 8), fitted(name, 24, 180, bold=True), size_px=24, bold=True, colour=colour
        )
        sheet.line(np.array([[left, middle], [right, middle]]), _RULE, stroke_px=2)
        if lane == "flight":
            for flight in content.flights:
                ends = [left + share(moment) * (right - left) for moment in _ends(flight)]
                if ends:
                    sheet.rectangle((ends[0], middle - 6, max(ends[1], ends[0] + 3), middle + 6), fill=colour)
        for row in rows:
            if row.kind.startswith(kinds):
                sheet.disc(left + share(row.time_utc) * (right - left), middle, 8, colour)
        top += 54
    _axis(sheet, (left, right), top + 8, first, last)
    _list(sheet, rows, top + 62)
    return _png(sheet.finished(), content)


def _ends(flight: FlightRow) -> tuple[datetime, ...]:
    """When a flight began and ended; nothing where its record does not say."""
    if flight.begun_utc is None:
        return ()
    return flight.begun_utc, flight.begun_utc + timedelta(seconds=flight.duration_s or 0.0)


def _span(rows: Sequence[TimelineRow], flights: Sequence[FlightRow]) -> tuple[datetime, datetime]:
    moments = [*(row.time_utc for row in rows), *(moment for flight in flights for moment in _ends(flight))]
    first, last = min(moments), max(moments)
    return first, max(last, first + timedelta(seconds=60))


def _share(moment: datetime, first: datetime, last: datetime) -> float:
    """Where a moment lies between the first and the last, 0…1."""
    return (moment - first) / (last - first)


def _axis(sheet: Canvas, ends: tuple[float, float], y: float, first: datetime, last: datetime) -> None:
    """Six hours along the lanes."""
    left, right = ends
    days = first.date() != last.date()
    for k in range(6):
        x = left + k * (right - left) / 5
        moment = first + k * (last - first) / 5
        sheet.line(np.array([[x, y - 8], [x, y]]), _SOFT, stroke_px=2)
        text = f"{moment:%m-%d %H:%M}" if days else f"{moment:%H:%M:%S}"
        sheet.text((x, y + 24), text, size_px=20, colour=_SOFT, anchor="ms")


def _list(sheet: Canvas, rows: Sequence[TimelineRow], top: float) -> None:
    """The rows that matter most, in two columns, in their order."""
    room = 2 * _LIST_ROWS
    kept = sorted(range(len(rows)), key=lambda k: (_weight(rows[k]), k))[:room]
    shown = [rows[k] for k in sorted(kept)]
    width = (BRIEFING_SIZE_PX[0] - 2 * _MARGIN - 40) / 2
    for number, row in enumerate(shown):
        column, line = divmod(number, _LIST_ROWS)
        x, y = _MARGIN + column * (width + 40), top + 44 * line
        colour = next((c for _name, kinds, c in _LANES if row.kind.startswith(kinds)), _SOFT)
        sheet.rectangle((x, y + 4, x + 8, y + 30), fill=colour)
        sheet.text((x + 20, y + 25), f"{row.time_utc:%m-%d %H:%M:%S}", size_px=21, colour=_SOFT)
        words = fitted(f"{row.words} ({row.actor})", 21, width - 200)
        sheet.text((x + 196, y + 25), words, size_px=21, colour=INK)
    if len(rows) > len(shown):
        left_out = _("… and {count} more, in the report", count=len(rows) - len(shown))
        sheet.text((_MARGIN, top + 44 * _LIST_ROWS + 22), left_out, size_px=20, colour=_SOFT)


def _weight(row: TimelineRow) -> int:
    """0 for what a briefing must have, more for what it can do without."""
    if row.kind in {
        Happening.FLIGHT_SAID.value,
        Happening.FRAME_SEARCHED.value,
        Happening.FRAME_REFUSED.value,
    }:
        return 2
    return 1 if row.kind == Happening.REVIEW_DECISION.value and not row.found else 0
