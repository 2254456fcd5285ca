"""What a beat asks for on one day: which visit, between which hours, how often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise

from airbeat.mission.beat import Beat, Duty, Visit
from airbeat.patrol.shifts import shifts_on, visit_windows

__all__ = ["Requirement", "Span", "Stretch", "requirements"]

Span = tuple[datetime, datetime]
"""Begin and end, UTC: Python counts hours between two local times as the clock shows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Part of a requirement's hours in which one interval holds.

    Attributes:
        begin, end: of the part, UTC.
        max_interval_s: most time between two visits [s], or None.
    """

    begin: datetime
    end: datetime
    max_interval_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One visit that a day asks for: at least once between two times, and as often as its stretches say.

    Attributes:
        visit: of the beat.
        begin, end: the hours in which it counts, UTC.
        zone: of the clock that people read.
        min_interval_s: visits closer to the last one than this do not count [s].
        stretches: the hours divided where the interval changes, in order.
    """

    visit: Visit
    begin: datetime
    end: datetime
    zone: tzinfo
    min_interval_s: float
    stretches: tuple[Stretch, ...]


def requirements(beat: Beat, day: date) -> tuple[Requirement, ...]:
    """What a local day asks for, visit by visit in the order of the file.

    A visit with times of its own is asked for in each of their windows, as far as somebody is on duty then;
    one without in each shift.
    """
    found: list[Requirement] = []
    shifts = shifts_on(beat, day)
    for visit in beat.visits:
        duty = visit.duty
        spans = dict.fromkeys(window for shift in shifts for window in visit_windows(beat, visit, shift))
        found += [
            Requirement(
                visit=visit,
                begin=begin,
                end=end,
                zone=beat.time_zone,
                min_interval_s=duty.min_interval_s,
                stretches=_stretches(beat, duty, day, (begin, end)),
            )
            for begin, end in spans
        ]
    return tuple(found)


def _windows(beat: Beat, names: tuple[str, ...], day: date) -> list[Span]:
    return [(begin.astimezone(UTC), end.astimezone(UTC)) for begin, end in beat.windows(names, day)]


def _common(a: Span, b: Span) -> Span | None:
    begin, end = max(a[0], b[0]), min(a[1], b[1])
    return (begin, end) if begin < end else None


def _stretches(beat: Beat, duty: Duty, day: date, span: Span) -> tuple[Stretch, ...]:
    """The span cut at the borders of the times with a duty of their own; the first that fits counts."""
    special = [
        (both, other.max_interval_s)
        for name, other in duty.during
        for around in (-1, 0)  # windows of the evening before may reach into this day
        for window in _windows(beat, (name,), day + timedelta(days=around))
        if (both := _common(window, span)) is not None
    ]
    borders = sorted({*span, *(edge for (begin, end), _ in special for edge in (begin, end))})
    parts = []
    for begin, end in pairwise(borders):
        fitting = [limit for (first, last), limit in special if first <= begin and end <= last]
        parts.append(
            Stretch(begin=begin, end=end, max_interval_s=fitting[0] if fitting else duty.max_interval_s)
        )
    return tuple(parts)
