"""The vocabulary of an operation: what kinds of events there are, and each of them in a line of words.

What an event holds is written down with its kind; a reader may count on those keys. Files are given as
``{"file": NAME, "sha256": HASH}``, so that a bundle finds them wherever they lie.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airbeat.language.words import Message

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
        return Message("no position")
    ce90 = f" ± {p['ce90_m']:.0f} m" if p.get("ce90_m") is not None else ""
    return f"{p['lat_deg']:.6f}, {p['lon_deg']:.6f}{ce90}"


def _ended(p: dict[str, Any]) -> str:
    lasted = ""
    if p.get("duration_s") is not None:
        lasted = Message(" after {duration_s:.0f} s", duration_s=p["duration_s"])
    return Message(
        "flight of {plan} ended{lasted}: {explanation}; {photos} photographs",
        plan=p["plan"],
        lasted=lasted,
        explanation=p["explanation"],
        photos=p["photos"],
    )


def _decided(p: dict[str, Any]) -> str:
    verdict = Message(p["verdict"])
    if p.get("note"):
        return Message(
            "{candidate} is decided on: {verdict} ({note})",
            candidate=p["candidate"],
            verdict=verdict,
            note=p["note"],
        )
    return Message("{candidate} is decided on: {verdict}", candidate=p["candidate"], verdict=verdict)


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    Happening.MISSION_PLANNED: lambda p: Message(
        "{plan} planned, {items} items", plan=p["plan"], items=p["items"]
    ),
    Happening.MISSION_UPLOADED: lambda p: Message(
        "{plan} uploaded to {vehicle}: {outcome}", plan=p["plan"], vehicle=p["vehicle"], outcome=p["outcome"]
    ),
    Happening.MISSION_EXPORTED: lambda p: Message(
        "{plan} exported: {file}, {losses} things not held",
        plan=p["plan"],
        file=p["files"][0]["file"],
        losses=len(p["losses"]),
    ),
    Happening.FLIGHT_CONFIRMED: lambda p: Message(
        "arming of {vehicle} for {plan} confirmed", vehicle=p["vehicle"], plan=p["plan"]
    ),
    Happening.FLIGHT_ORDERED: lambda p: Message(
        "{wish} ordered for {vehicle}", wish=p["wish"], vehicle=p["vehicle"]
    ),
    Happening.FLIGHT_BEGUN: lambda p: Message(
        "flight of {plan} begins on {vehicle}", plan=p["plan"], vehicle=p["vehicle"]
    ),
    Happening.FLIGHT_SAID: lambda p: f"{p['kind']}: {p['text']}",
    Happening.FLIGHT_ENDED: _ended,
    Happening.SEARCH_BEGUN: lambda p: Message("search of {source} begins", source=p["source"]),
    Happening.FRAME_SEARCHED: lambda p: Message(
        "{file} searched, {boxes} boxes", file=p["file"], boxes=p["boxes"]
    ),
    Happening.FRAME_REFUSED: lambda p: Message(
        "{file} not searched: {reason}", file=p["file"], reason=p["reason"]
    ),
    Happening.CANDIDATE_FOUND: lambda p: Message(
        "candidate {candidate}, score {score:.2f}, {place}",
        candidate=p["candidate"],
        score=p["score"],
        place=_place(p),
    ),
    Happening.SEARCH_ENDED: lambda p: Message(
        "search of {source} ended: {frames} frames, {refused} not searched, {candidates} candidates",
        source=p["source"],
        frames=p["frames"],
        refused=p["refused"],
        candidates=p["candidates"],
    ),
    Happening.REVIEW_DECISION: _decided,
    Happening.REVIEW_UNDO: lambda p: Message(
        "the decision of event {undone} on {candidate} is taken back",
        undone=p["undone"],
        candidate=p["candidate"],
    ),
    Happening.HANDOVER_WRITTEN: lambda p: Message("{files} hand-over files written", files=len(p["files"])),
    Happening.DISPATCH_RANKED: lambda p: Message(
        "{units} units ranked for {kind}", units=len(p["units"]), kind=p["kind"]
    ),
    Happening.DISPATCH_ORDER: lambda p: Message("{sent} ordered to {kind}", sent=p["sent"], kind=p["kind"]),
    Happening.DISPATCH_DONE: lambda p: f"{p['unit']}: {p['ending']} ({p['explanation']})",
    Happening.DISPATCH_FAILED: lambda p: Message("{unit} was not sent: {why}", unit=p["unit"], why=p["why"]),
    Happening.ACT_FAILED: lambda p: Message("{what} failed: {why}", what=p["what"], why=p["why"]),
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
