"""Calendars: iCalendar (RFC 5545) files that calendar programs subscribe to or import."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event

from airbeat import __version__

__all__ = ["CalendarEvent", "write_calendar"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEvent:
    """An entry of a calendar.

    Attributes:
        begin, end: with a time zone.
        title: one line.
        text: description, of any number of lines.
        place: where; empty for nowhere.
        who: told apart from others at the same time.
    """

    begin: datetime
    end: datetime
    title: str
    text: str = ""
    place: str = ""
    who: str = ""


def write_calendar(name: str, events: Sequence[CalendarEvent], *, stamp: datetime, source: str = "") -> bytes:
    """The calendar as bytes; the same events give the same bytes.

    Args:
        name: of the calendar.
        events: its entries; times are written in UTC, which every program converts.
        stamp: when it was made, as the format wants to know.
        source: what the entries' identifiers are made of beside who and when, such as a file's SHA-256.
    """
    calendar = Calendar()
    calendar.add("prodid", f"-//airbeat//airbeat {__version__}//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", name)
    for entry in events:
        begin = _whole(entry.begin)
        event = Event()
        key = f"{source}|{entry.who}|{begin.isoformat()}".encode()
        event.add("uid", f"{hashlib.sha256(key).hexdigest()[:32]}@airbeat")
        event.add("dtstamp", stamp.astimezone(UTC))
        event.add("dtstart", begin)
        event.add("dtend", max(_whole(entry.end), begin + timedelta(seconds=1)))
        event.add("summary", entry.title)
        if entry.text:
            event.add("description", entry.text)
        if entry.place:
            event.add("location", entry.place)
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _whole(moment: datetime) -> datetime:
    """UTC without fractions, which the format does not know."""
    return moment.astimezone(UTC).replace(microsecond=0)
