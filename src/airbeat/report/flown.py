"""Reads a flight record (``flight.json``) into the report's flown part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from airbeat.checks.coverage import outside_fence_m
from airbeat.errors import GeometryError, InputFileError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import _, translated
from airbeat.mission.plan import FlightPlan
from airbeat.report.artefact import Part, read_artefact
from airbeat.report.content import FlownPart

__all__ = ["FlightFile", "flown_part", "read_flight_file"]

_MAX_EVENTS = 200


class EventRow(Part):
    """Something that happened in flight."""

    time_s: float
    kind: str
    text: str


class VehicleRow(Part):
    """Who flew."""

    name: str


class PlanRow(Part):
    """Which plan was flown."""

    name: str = ""
    source_name: str = ""
    source_sha256: str = ""


class PhotoRow(Part):
    """A photograph that the autopilot reported; only how many there are is of interest here."""


class FlightFile(Part):
    """``flight.json`` as ``airbeat fly`` writes it."""

    plan: PlanRow = PlanRow()
    vehicle: VehicleRow
    outcome: str
    explanation: str
    begun_utc: str = ""
    takeoff_time_s: float | None
    duration_s: float | None
    track: list[tuple[float, float, float, float, float, float]]
    events: list[EventRow]
    photos: list[PhotoRow] = Field(default_factory=list)
    last_item: int = 0
    items: int = 0
    battery_at_takeoff_share: float | None = Field(default=None, ge=0, le=1)
    battery_at_end_share: float | None = Field(default=None, ge=0, le=1)

    @field_validator("track", mode="before")
    @classmethod
    def _first_six(cls, rows: Any) -> Any:
        """Time, place, heights and speed; what later versions write behind them is not needed here."""
        if not isinstance(rows, list):
            return rows
        return [row[:6] if isinstance(row, list) else row for row in rows]


def read_flight_file(path: Path) -> FlightFile:
    """Read a flight record.

    Raises:
        InputFileError: too large, not JSON, or not what ``airbeat fly`` writes.
    """
    return read_artefact(path, FlightFile, remedy="give the folder that airbeat fly wrote")


def _difference(flown: PlanRow, plan: FlightPlan) -> str:
    """How the plan that was flown differs from the report's; "" where it does not, or nothing says so."""
    mine = plan.provenance
    if not (flown.source_sha256 and mine.source_sha256) or flown.source_sha256 == mine.source_sha256:
        return ""
    file = flown.source_name or "a file without a name"
    return f"{file} with SHA-256 {flown.source_sha256[:16]}…, the plan {flown.name!r}"


def flown_part(flight: FlightFile, *, plan: FlightPlan) -> FlownPart:
    """What was flown, how far outside the plan's fence, and whether it was this plan.

    Raises:
        InputFileError: a position of the track is impossible.
    """
    try:
        track = tuple(LatLon(lat_deg=row[1], lon_deg=row[2]) for row in flight.track)
    except GeometryError as error:
        raise InputFileError(error.message, where="track", remedy=error.remedy) from error
    start_s = flight.takeoff_time_s or 0.0
    events = tuple((e.time_s - start_s, f"{e.kind}: {e.text}") for e in flight.events[:_MAX_EVENTS])
    return FlownPart(
        vehicle=flight.vehicle.name,
        track=track,
        duration_s=flight.duration_s,
        outcome=f"{_(flight.outcome)}: {translated(flight.explanation)}",
        outside_fence_m=outside_fence_m(track, plan.fence) if plan.fence is not None else None,
        events=events,
        events_left_out=len(flight.events) - len(events),
        of_another_plan=_difference(flight.plan, plan),
    )
