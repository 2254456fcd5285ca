"""The vocabulary of an operation: what kinds of events there are, and each of them in a line of words.

What an event holds is written down with its kind; a reader may count on those keys. Files are given as
``{"file": NAME, "sha256": HASH}``, so that a bundle finds them wherever they lie.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airbeat.ops.log import Event

__all__ = ["Happening", "words_of"]


class Happening(StrEnum):
    """What may happen in an operation.

    Keys of the payloads: mission.planned and mission.uploaded ``plan, files, items``, the latter with
    ``vehicle, outcome``; mission.exported ``plan, files, losses``; flight.confirmed (somebody agreed to it)
    and flight.begun ``plan, vehicle``; flight.ordered ``plan, vehicle, wish``; flight.said ``kind, text,
    severity, time_s``; flight.ended ``plan, outcome, explanation, duration_s, photos, files``; search.begun
    ``source``; frame.searched ``file, sha256, gsd_m_px, boxes, lat_deg, lon_deg``; frame.refused ``file,
    reason``; candidate.found ``candidate, score, lat_deg, lon_deg, ce90_m, looks``; search.ended ``source,
    detector, threshold, frames, refused, candidates``; handover.written ``files``; dispatch.ranked and
    dispatch.order ``kind, lat_deg, lon_deg, units``, the latter with ``sent``; dispatch.done ``unit, ending,
    explanation``; dispatch.failed ``unit, why``; act.failed ``what, why``; note ``text``.
    """

    MISSION_PLANNED = "mission.planned"
    MISSION_UPLOADED = "mission.uploaded"
    MISSION_EXPORTED = "mission.exported"
    FLIGHT_CONFIRMED = "flight.confirmed"
    FLIGHT_BEGUN = "flight.begun"
    FLIGHT_ORDERED = "flight.ordered"
    FLIGHT_SAID = "flight.said"
    FLIGHT_ENDED = "flight.ended"
    SEARCH_BEGUN = "search.begun"
    FRAME_SEARCHED = "frame.searched"
    FRAME_REFUSED = "frame.refused"
    CANDIDATE_FOUND = "candidate.found"
    SEARCH_ENDED = "search.ended"
    REVIEW_DECISION = "review.decision"
    REVIEW_UNDO = "review.undo"
    HANDOVER_WRITTEN = "handover.written"
    DISPATCH_RANKED = "dispatch.ranked"
    DISPATCH_ORDER = "dispatch.order"
    DISPATCH_DONE = "dispatch.done"
    DISPATCH_FAILED = "dispatch.failed"
    ACT_FAILED = "act.failed"
    NOTE = "note"


def _place(p: dict[str, Any]) -> str:
    if p.get("lat_deg") is None:
        return "no position"
    ce90 = f" ± {p['ce90_m']:.0f} m" if p.get("ce90_m") is not None else ""
    return f"{p['lat_deg']:.6f}, {p['lon_deg']:.6f}{ce90}"


def _ended(p: dict[str, Any]) -> str:
    lasted = f" after {p['duration_s']:.0f} s" if p.get("duration_s") is not None else ""
    return f"flight of {p['plan']} ended{lasted}: {p['explanation']}; {p['photos']} photographs"


def _decided(p: dict[str, Any]) -> str:
    return f"{p['candidate']} is decided on: {p['verdict']}" + (f" ({p['note']})" if p.get("note") else "")


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    Happening.MISSION_PLANNED: lambda p: f"{p['plan']} planned, {p['items']} items",
    Happening.MISSION_UPLOADED: lambda p: f"{p['plan']} uploaded to {p['vehicle']}: {p['outcome']}",
    Happening.MISSION_EXPORTED: lambda p: (
        f"{p['plan']} exported: {p['files'][0]['file']}, {len(p['losses'])} things not held"
    ),
    Happening.FLIGHT_CONFIRMED: lambda p: f"arming of {p['vehicle']} for {p['plan']} confirmed",
    Happening.FLIGHT_ORDERED: lambda p: f"{p['wish']} ordered for {p['vehicle']}",
    Happening.FLIGHT_BEGUN: lambda p: f"flight of {p['plan']} begins on {p['vehicle']}",
    Happening.FLIGHT_SAID: lambda p: f"{p['kind']}: {p['text']}",
    Happening.FLIGHT_ENDED: _ended,
    Happening.SEARCH_BEGUN: lambda p: f"search of {p['source']} begins",
    Happening.FRAME_SEARCHED: lambda p: f"{p['file']} searched, {p['boxes']} boxes",
    Happening.FRAME_REFUSED: lambda p: f"{p['file']} not searched: {p['reason']}",
    Happening.CANDIDATE_FOUND: lambda p: f"candidate {p['candidate']}, score {p['score']:.2f}, {_place(p)}",
    Happening.SEARCH_ENDED: lambda p: (
        f"search of {p['source']} ended: {p['frames']} frames, {p['refused']} not searched, "
        f"{p['candidates']} candidates"
    ),
    Happening.REVIEW_DECISION: _decided,
    Happening.REVIEW_UNDO: lambda p: f"the decision of event {p['undone']} on {p['candidate']} is taken back",
    Happening.HANDOVER_WRITTEN: lambda p: f"{len(p['files'])} hand-over files written",
    Happening.DISPATCH_RANKED: lambda p: f"{len(p['units'])} units ranked for {p['kind']}",
    Happening.DISPATCH_ORDER: lambda p: f"{p['sent']} ordered to {p['kind']}",
    Happening.DISPATCH_DONE: lambda p: f"{p['unit']}: {p['ending']} ({p['explanation']})",
    Happening.DISPATCH_FAILED: lambda p: f"{p['unit']} was not sent: {p['why']}",
    Happening.ACT_FAILED: lambda p: f"{p['what']} failed: {p['why']}",
    Happening.NOTE: lambda p: str(p["text"]),
}


def words_of(event: Event) -> str:
    """An event in a line; its kind alone where its payload is not as this version writes it."""
    words = _WORDS.get(event.kind)
    if words is None:
        return event.kind
    try:
        return words(event.payload)
    except (KeyError, TypeError, ValueError):
        return event.kind
