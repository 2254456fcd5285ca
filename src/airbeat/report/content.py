"""What a coordinator's report is made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from airbeat.geo.coordinates import LatLon
from airbeat.mission.plan import FlightPlan

__all__ = [
    "CandidateEntry",
    "DecisionRow",
    "Figure",
    "FlightRow",
    "FlownPart",
    "ReportContent",
    "SearchedPart",
    "SegmentLine",
    "SegmentsPart",
    "TimelineRow",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateEntry:
    """One candidate person as the report shows it.

    Attributes:
        number: what people call it on the radio, from 1.
        position: where on the ground.
        ce90_m: radius that holds the true place with 90 % probability [m].
        score: the detector's score, 0…1.
        looks: photographs in which it was seen.
        chances: photographs whose footprint holds the place, or None when not known.
        crop: JPEG file with the cut-out, or None.
        frames: names of those photographs.
        decision: what a reviewer said it is, with the reviewer's name and note; "" where nobody has.
        confirmed: whether it is a person or a clue, as reviewers say.
        dismissed: whether it is neither, as reviewers say.
    """

    number: int
    position: LatLon
    ce90_m: float
    score: float
    looks: int
    chances: int | None
    crop: Path | None
    frames: tuple[str, ...]
    decision: str = ""
    confirmed: bool = False
    dismissed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FlownPart:
    """What was really flown.

    Attributes:
        vehicle: what the vehicle says of itself.
        track: flown positions in order.
        duration_s: take-off to landing [s], or None when not both were seen.
        outcome: how the flight ended.
        outside_fence_m: how far the track was outside the fence at most [m], or None without a fence.
        events: (seconds since take-off, text).
        events_left_out: how many later events are in the flight record alone.
        of_another_plan: what was flown, where that was not the file that the report is about; else "".
    """

    vehicle: str
    track: tuple[LatLon, ...]
    duration_s: float | None
    outcome: str
    outside_fence_m: float | None
    events: tuple[tuple[float, str], ...] = ()
    events_left_out: int = 0
    of_another_plan: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedPart:
    """What was photographed, recomputed from the photographs' own metadata.

    Attributes:
        frames_received: photographs in the folder.
        frames_searched: photographs the detector could use.
        footprints: geographic polygons (lon, lat) of the searched photographs.
        coverage_fraction: share of the area inside those footprints, 0…1; None without an area.
        uncovered: geographic geometry of the rest, or None.
        gsd_range_m_px: smallest and largest GSD, or None.
        detector: name and setting of the detector.
        candidates: best first.
        unusable: (file name, reason) of photographs that could not be searched.
        unplaced: (file name, boxes) of photographs that show something but do not say where it is.
        taken_utc: when the first and the last photograph were taken, or None when none says so.
        synthetic: whether photographs say of themselves that they are synthetic.
        reviewed: how many candidates somebody has decided on.
        confirmed: how many of them are persons or clues.
    """

    frames_received: int
    frames_searched: int
    footprints: tuple[Any, ...]
    coverage_fraction: float | None
    uncovered: Any | None
    gsd_range_m_px: tuple[float, float] | None
    detector: str
    candidates: tuple[CandidateEntry, ...]
    unusable: tuple[tuple[str, str], ...] = ()
    unplaced: tuple[tuple[str, int], ...] = ()
    taken_utc: tuple[datetime, datetime] | None = None
    synthetic: bool = False
    reviewed: int = 0
    confirmed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightRow:
    """One flight: a sortie, on one battery.

    Attributes:
        name: of its record.
        vehicle: what the vehicle says of itself.
        begun_utc: when this station began to watch, or None when the record does not say.
        duration_s: take-off to landing [s], or None when not both were seen.
        outcome: how it ended, for people.
        photos: photographs that the autopilot reported.
        items: the last mission item that was current, and how many there are.
        battery_shares: what the battery held at take-off and at the end, 0…1; None where nothing told it.
        track: flown positions in order.
    """

    name: str
    vehicle: str
    begun_utc: datetime | None
    duration_s: float | None
    outcome: str
    photos: int
    items: tuple[int, int]
    battery_shares: tuple[float | None, float | None]
    track: tuple[LatLon, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """One thing that happened: when, who says so, what, its kind, and whether somebody found something."""

    time_utc: datetime
    actor: str
    words: str
    kind: str = ""
    found: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """What one reviewer said of one candidate last.

    Attributes:
        candidate: its id.
        reviewer: who.
        verdict: as it is kept: person, clue, no or unsure.
        note: what the reviewer wrote.
        time_utc: when.
        counts: whether it is the last word on the candidate.
        disputed: whether reviewers of this candidate disagree.
    """

    candidate: str
    reviewer: str
    verdict: str
    note: str
    time_utc: datetime
    counts: bool
    disputed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentLine:
    """One segment: its area [m²], POA now, POD band and gap as shares, when it was photographed, by whom.

    Attributes:
        name: of the segment.
        area_m2: [m²].
        poa_after: chance that the person is there after all searches, 0…1.
        pod: lower and upper end, 0…1.
        gap: share of the area that no photograph that counts shows.
        taken_utc: first and last photograph of the updates that show it, or None.
        flights: names of those updates' ledgers.
        reviewers: who reviewed their photographs.
    """

    name: str
    area_m2: float
    poa_after: float
    pod: tuple[float, float]
    gap: float
    taken_utc: tuple[datetime, datetime] | None
    flights: tuple[str, ...]
    reviewers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentsPart:
    """Where a search over many flights stands.

    Attributes:
        name: of the case.
        lines: its segments.
        success: OPOS, lower and upper end.
        rest: share of the rest of the world, before any search and now.
        picture_png: its two maps.
        notes: what the reader must know.
    """

    name: str
    lines: tuple[SegmentLine, ...]
    success: tuple[float, float]
    rest: tuple[float, float]
    picture_png: bytes
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the report's table of figures."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """Everything a report shows; parts that did not happen are None and are said to be absent.

    Attributes:
        plan: the flight plan.
        flown: the flight, or None when nothing was flown.
        searched: the photographs' part, or None when none were searched.
        warnings: findings of the checks, one sentence each.
        assumptions: what was assumed, one sentence each.
        simulated: whether vehicle and photographs are simulated; the report then says so at the top.
        exercise_figures: figures that exist only because the exercise knows the truth.
        flights: every flight, in the order flown.
        timeline: what happened, oldest first.
        timeline_left_out: how many routine events the operation's log alone holds.
        decisions: what reviewers said, by candidate.
        segments: where a search over many flights stands, or None where there is no case.
    """

    plan: FlightPlan
    flown: FlownPart | None = None
    searched: SearchedPart | None = None
    warnings: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    simulated: bool = False
    exercise_figures: tuple[Figure, ...] = ()
    flights: tuple[FlightRow, ...] = ()
    timeline: tuple[TimelineRow, ...] = ()
    timeline_left_out: int = 0
    decisions: tuple[DecisionRow, ...] = ()
    segments: SegmentsPart | None = None
