"""Crowds over time: five colours, alerts that must last before they count, and that rise while they last.

A reading's colour is that of the highest threshold that it reaches. A zone's alert rises to a colour when
every reading for the watch's persistence has reached it, and falls in the same way; an alert that lasts for
the watch's time of escalation goes one colour up, and again, to red. A time without readings proves nothing:
what had begun to last begins anew, what was raised stays.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from airbeat.mission.beat import CrowdWatch

__all__ = ["AlertChange", "Colour", "Reading", "ZoneWatch", "colour_of"]

_GAP_S = 30.0
"""Readings farther apart than this, or than the persistence, do not follow one another [s]."""


class Colour(IntEnum):
    """The five alert colours."""

    GREEN = 0
    BLUE = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4

    @property
    def word(self) -> str:
        """As people read it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How many people one frame shows in a zone.

    Attributes:
        zone: its name.
        time_utc: when.
        frame: name of the frame.
        sha256: of the frame.
        persons: in the part of the zone that it shows.
        low, high: 95 % interval of that.
        shown_m2: size of that part [m²].
        shown_share: that part over the zone, 0…1.
    """

    zone: str
    time_utc: datetime
    frame: str
    sha256: str
    persons: float
    low: float
    high: float
    shown_m2: float
    shown_share: float

    @property
    def density_m2(self) -> float:
        """Persons per square metre."""
        return self.persons / self.shown_m2

    @property
    def whole(self) -> float:
        """Persons in the whole zone, were they as dense everywhere as in the part that is shown."""
        return self.persons / self.shown_share

    def value(self, measure: str) -> float:
        """What a watch compares with its thresholds."""
        return self.density_m2 if measure == "density" else self.whole


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChange:
    """An alert that was raised, escalated or lowered.

    Attributes:
        zone: its name.
        time_utc: when.
        what: "raised", "escalated" or "lowered".
        colour: now.
        before: the colour before.
        measured: the colour of the reading alone, without escalation.
        value: of the reading, in the watch's measure.
        reading: that decided it.
        since: since when the alert is above green; None when it is green.
        escalations: how often it was escalated since then.
    """

    zone: str
    time_utc: datetime
    what: str
    colour: Colour
    before: Colour
    measured: Colour
    value: float
    reading: Reading
    since: datetime | None
    escalations: int


def colour_of(value: float, watch: CrowdWatch) -> Colour:
    """The colour of a value: that of the highest threshold that it reaches."""
    return Colour(sum(value >= threshold for threshold in watch.thresholds))


class ZoneWatch:
    """The state of one zone; give it the readings in the order of their times.

    Args:
        zone: its name.
        watch: thresholds and times.
    """

    def __init__(self, zone: str, watch: CrowdWatch) -> None:
        self.zone = zone
        self.watch = watch
        self.base = Colour.GREEN
        self.escalations = 0
        self._reached: dict[Colour, datetime] = {}
        self._missed: dict[Colour, datetime] = {}
        self._since: datetime | None = None
        self._stepped: datetime | None = None
        self._last: datetime | None = None
        self._recent: deque[Reading] = deque()

    @property
    def colour(self) -> Colour:
        """The alert now: the measured colour, raised by its escalations."""
        if self.base is Colour.GREEN:
            return Colour.GREEN
        return Colour(min(self.base + self.escalations, Colour.RED))

    @property
    def mean_value(self) -> float:
        """Mean of the readings of the last persistence, in the watch's measure; 0 before the first.

        Errors of single frames partly cancel in it.
        """
        values = [r.value(self.watch.measure) for r in self._recent]
        return sum(values) / len(values) if values else 0.0

    def take(self, reading: Reading) -> list[AlertChange]:
        """What a reading changes: nothing, or one or two changes of the alert.

        Raises:
            ValueError: it is older than the one before.
        """
        now = reading.time_utc
        if self._last is not None and now < self._last:
            raise ValueError(f"a reading of {now} after one of {self._last}")
        gap = timedelta(seconds=max(_GAP_S, self.watch.persist_s))
        if self._last is not None and now - self._last > gap:
            self._reached, self._missed = {}, {}
            self._stepped = now if self._stepped is not None else None
        self._last = now
        self._recent.append(reading)
        while now - self._recent[0].time_utc > timedelta(seconds=self.watch.persist_s):
            self._recent.popleft()
        value = reading.value(self.watch.measure)
        measured = colour_of(value, self.watch)
        self._note(measured, now)
        changes = []
        before = self.colour
        lasted = self._lasting(now)
        if lasted != self.base:
            self._set(lasted, now)
            if self.colour != before:
                what = "raised" if self.colour > before else "lowered"
                changes.append(self._change(what, before, measured, value, reading))
        elif self._may_escalate(now) and measured >= self.base:
            self.escalations += 1
            self._stepped = now
            changes.append(self._change("escalated", before, measured, value, reading))
        return changes

    def _note(self, measured: Colour, now: datetime) -> None:
        """Since when every reading has reached, or has missed, each colour."""
        for colour in Colour:
            if measured >= colour:
                self._reached.setdefault(colour, now)
                self._missed.pop(colour, None)
            else:
                self._missed.setdefault(colour, now)
                self._reached.pop(colour, None)

    def _lasting(self, now: datetime) -> Colour:
        """The colour that the readings have kept for long enough, or the present one."""
        wait = timedelta(seconds=self.watch.persist_s)
        up = [
            c
            for c in Colour
            if c > self.base and now - self._reached.get(c, now) >= wait and c in self._reached
        ]
        if up:
            return max(up)
        down = [c for c in Colour if c <= self.base and c in self._missed and now - self._missed[c] >= wait]
        return Colour(min(down) - 1) if down else self.base

    def _set(self, base: Colour, now: datetime) -> None:
        if self.base is Colour.GREEN:
            self._since = now
        if base < self.base:
            self.escalations = 0
        self.base = base
        self._stepped = now
        if base is Colour.GREEN:
            self._since = self._stepped = None
            self.escalations = 0

    def _may_escalate(self, now: datetime) -> bool:
        if self.base is Colour.GREEN or self.colour is Colour.RED or self._stepped is None:
            return False
        return (now - self._stepped).total_seconds() >= self.watch.escalate_s

    def _change(
        self, what: str, before: Colour, measured: Colour, value: float, reading: Reading
    ) -> AlertChange:
        return AlertChange(
            zone=self.zone,
            time_utc=reading.time_utc,
            what=what,
            colour=self.colour,
            before=before,
            measured=measured,
            value=value,
            reading=reading,
            since=self._since,
            escalations=self.escalations,
        )
