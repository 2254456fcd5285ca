"""When somebody is on duty, and in which windows of it a visit is due. All times are UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from airbeat.mission.beat import DAY_MIN, Beat, Visit

__all__ = ["Shift", "crowded_in", "shifts_on", "visit_windows"]

_LEAST_S = 60.0
"""A window of which less than this falls into a shift is not due in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Hours on duty.

    Attributes:
        name: of the times that it comes from.
        day: local day on which it begins.
        begin, end: UTC.
    """

    name: str
    day: date
    begin: datetime
    end: datetime

    @property
    def duration_s(self) -> float:
        """How long it is [s]."""
        return (self.end - self.begin).total_seconds()


def shifts_on(beat: Beat, day: date) -> list[Shift]:
    """The shifts that begin on a local day, in their order.

    A beat without shifts is on duty in the times of its visits, and all day where no visit has any.
    """
    names = beat.shifts or tuple(dict.fromkeys(n for v in beat.visits for n in v.duty.times))
    if not names:
        begin, end = beat.at(day, 0), beat.at(day, DAY_MIN)
        return [Shift(name="day", day=day, begin=begin.astimezone(UTC), end=end.astimezone(UTC))]
    found = [
        Shift(name=name, day=day, begin=begin.astimezone(UTC), end=end.astimezone(UTC))
        for name in names
        for begin, end in beat.windows((name,), day)
    ]
    return sorted(found, key=lambda s: (s.begin, s.name))


def visit_windows(beat: Beat, visit: Visit, shift: Shift) -> list[tuple[datetime, datetime]]:
    """The windows in which a visit is due in a shift; the whole shift for a visit without times."""
    if not visit.duty.times:
        return [(shift.begin, shift.end)]
    found = set()
    for day in (shift.day - timedelta(days=1), shift.day, shift.day + timedelta(days=1)):
        for begin, end in beat.windows(visit.duty.times, day):
            first, last = max(begin.astimezone(UTC), shift.begin), min(end.astimezone(UTC), shift.end)
            if (last - first).total_seconds() >= _LEAST_S:
                found.add((first, last))
    return sorted(found)


def crowded_in(beat: Beat, shift: Shift) -> frozenset[str]:
    """Names of the crowd zones where people are at some time of a shift."""

    def meets(names: tuple[str, ...]) -> bool:
        return any(
            begin < shift.end and end > shift.begin
            for day in (shift.day - timedelta(days=1), shift.day)
            for begin, end in beat.windows(names, day)
        )

    return frozenset(z.name for z in beat.crowds if not z.times or meets(z.times))
