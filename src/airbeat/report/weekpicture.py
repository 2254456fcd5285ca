"""The week of a patrol as one PNG picture: a row a day, a bar a flight, and how long each visit waits."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from PIL.PngImagePlugin import PngInfo

from airbeat import __version__
from airbeat.mission.plan import Provenance
from airbeat.report.canvas import Canvas
from airbeat.report.lettering import fitted
from airbeat.report.picture_map import INK, sortie_colour

__all__ = ["WeekBar", "WeekPicture", "draw_week"]

_SIZE_PX = (1600, 1200)
_LEFT, _RIGHT, _TOP, _BOTTOM = 150, 1576, 110, 760
_SOFT, _GRID, _SHIFT = "#5d5a52", "#d9d6cf", "#f0eee8"
_AMBER, _AMBER_INK, _RED = "#ffe2a8", "#6b3d00", "#b3261e"
_MOST_VISITS = 36
_COLUMNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekBar:
    """A flight: local begin and end, and the number of the drone from 0."""

    begin: datetime
    end: datetime
    drone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekPicture:
    """What the picture shows.

    Attributes:
        title: headline.
        days: one row each, in order.
        shifts: local begin and end of each shift.
        bars: the flights.
        drones: names, in the order of their numbers.
        waits: name of each visit, its longest wait and the most it may wait [min]; None for no limit.
        figures: one line of figures.
        warning: what must be known at once; empty for nothing.
        provenance: of the beat.
    """

    title: str
    days: Sequence[date]
    shifts: Sequence[tuple[datetime, datetime]]
    bars: Sequence[WeekBar]
    drones: Sequence[str]
    waits: Sequence[tuple[str, float, float | None]]
    figures: str
    warning: str = ""
    provenance: Provenance


def draw_week(picture: WeekPicture) -> bytes:
    """The picture as the bytes of a PNG file of 1600 × 1200 pixels; the same week gives the same picture."""
    sheet = Canvas(_SIZE_PX)
    sheet.text((24, 52), fitted(picture.title, 36, 1000, bold=True), size_px=36, bold=True)
    if picture.warning:
        sheet.rectangle((1090, 22, 1576, 66), fill=_AMBER, edge=_AMBER_INK)
        sheet.text((1333, 51), fitted(picture.warning.upper(), 18, 470, bold=True), size_px=18, bold=True,
                   colour=_AMBER_INK, anchor="ms")  # fmt: skip
    sheet.text((24, 88), fitted(picture.figures, 17, 1540), size_px=17, colour=_SOFT)
    _days(sheet, picture)
    _legend(sheet, picture)
    _waits(sheet, picture)
    source = (
        f"airbeat {picture.provenance.tool_version or __version__}, from {picture.provenance.source_name}"
    )
    sheet.text((24, 1186), f"A plan: nothing here has been flown. {source}", size_px=13, colour=_SOFT)
    about = PngInfo()
    about.add_itxt("Title", picture.title)
    about.add_itxt("airbeat:source_sha256", picture.provenance.source_sha256)
    stream = io.BytesIO()
    sheet.finished().save(stream, "PNG", optimize=True, pnginfo=about, dpi=(150, 150))
    return stream.getvalue()


def _hours(picture: WeekPicture) -> tuple[float, float]:
    """First and last hour that the rows show; hours over 24 are of the next day."""
    begins = [b.hour + b.minute / 60 for b, _ in picture.shifts]
    ends = [_hour(e, b.date()) for b, e in picture.shifts]
    return float(int(min(begins, default=0.0))), float(-int(-max(ends, default=24.0)))


def _hour(moment: datetime, day: date) -> float:
    return (moment.date() - day).days * 24 + moment.hour + moment.minute / 60 + moment.second / 3600


def _days(sheet: Canvas, picture: WeekPicture) -> None:
    first, last = _hours(picture)
    height = (_BOTTOM - _TOP) / max(len(picture.days), 1)

    def x(hour: float) -> float:
        return _LEFT + (hour - first) / max(last - first, 1.0) * (_RIGHT - _LEFT)

    step = 1 if last - first <= 14 else 2
    rows = {day: _TOP + k * height for k, day in enumerate(picture.days)}
    for begin, end in picture.shifts:
        if begin.date() in rows:
            y = rows[begin.date()]
            box = (x(_hour(begin, begin.date())), y + 2, x(_hour(end, begin.date())), y + height - 2)
            sheet.rectangle(box, fill=_SHIFT)
    for hour in range(int(first), int(last) + 1, step):
        sheet.rectangle((x(hour), _TOP, x(hour) + 1, _BOTTOM), fill=_GRID)
        sheet.text((x(hour), _BOTTOM + 18), f"{hour % 24:02d}:00", size_px=13, colour=_SOFT, anchor="ms")
    lanes = max(len(picture.drones), 1)
    for day, y in rows.items():
        sheet.text((24, y + height / 2 + 5), f"{day:%a %d %b}", size_px=16, colour=INK)
        sheet.rectangle((_LEFT, y, _RIGHT, y + 1), fill=_GRID)
    for bar in picture.bars:
        day = bar.begin.date()
        if day not in rows:
            continue
        lane = (height - 8) / lanes
        top = rows[day] + 4 + bar.drone * lane
        left, right = x(_hour(bar.begin, day)), x(_hour(bar.end, day))
        box = (left, top, max(right, left + 2), top + max(lane - 1, 2))
        sheet.rectangle(box, fill=sortie_colour(bar.drone))


def _legend(sheet: Canvas, picture: WeekPicture) -> None:
    x = float(_LEFT)
    for number, name in enumerate(picture.drones[:14]):
        sheet.rectangle((x, _BOTTOM + 34, x + 16, _BOTTOM + 46), fill=sortie_colour(number))
        sheet.text((x + 22, _BOTTOM + 46), fitted(name, 14, 76), size_px=14)
        x += 102


def _waits(sheet: Canvas, picture: WeekPicture) -> None:
    """Longest waits, those nearest to their limit first."""
    top = _BOTTOM + 80
    sheet.text((24, top), "Longest wait of each visit, and the most it may wait", size_px=18, bold=True)

    def rank(row: tuple[str, float, float | None]) -> float:
        return -(row[1] / row[2]) if row[2] else 0.0

    rows = sorted(picture.waits, key=rank)
    width = (1576 - 24) / _COLUMNS
    per_column = _MOST_VISITS // _COLUMNS
    for number, (name, wait, limit) in enumerate(rows[:_MOST_VISITS]):
        x, y = 24 + number // per_column * width, top + 28 + number % per_column * 23
        over = limit is not None and wait > limit + 0.02
        text = f"{wait:.0f} min" + (f" of {limit:.0f}" if limit is not None else "")
        sheet.text((x, y), fitted(name, 15, int(width) - 150), size_px=15)
        sheet.text((x + width - 30, y), text, size_px=15, colour=_RED if over else INK, anchor="rs")
    if len(rows) > _MOST_VISITS:
        sheet.text((24, 1164), f"and {len(rows) - _MOST_VISITS} more visits", size_px=14, colour=_SOFT)
