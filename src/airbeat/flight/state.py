"""A flight's state on disk, kept up to date while it is flown, so that another run can go on with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import Field

import airbeat
from airbeat.errors import UsageError
from airbeat.flight.record import FlightOutcome, FlightRecord
from airbeat.flight.watch import FlightProgress
from airbeat.formats.atomic import write_files
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.link.items import canonical_sha256, mission_items
from airbeat.link.telemetry import PhotoTaken
from airbeat.mission.plan import FlightPlan
from airbeat.report.artefact import Part, read_artefact

__all__ = [
    "SORTIE_FLOWN",
    "FlightState",
    "Place",
    "ResumePoint",
    "StateKeeper",
    "StatePhoto",
    "plan_sha256",
    "read_state",
]

SORTIE_FLOWN = "sortie flown"
"""Outcome of a sortie that ended as planned, with more to come."""
_WRITE_EVERY_S = 0.5
_MOST_ITEMS = 65_535


class Place(Part):
    """A position, WGS84."""

    lat_deg: float = Field(ge=-90, le=90)
    lon_deg: float = Field(ge=-180, le=180)

    @classmethod
    def of(cls, position: LatLon) -> Place:
        """From a position."""
        return cls(lat_deg=position.lat_deg, lon_deg=position.lon_deg)

    @property
    def position(self) -> LatLon:
        """As everything else takes it."""
        return LatLon(lat_deg=self.lat_deg, lon_deg=self.lon_deg)


class StatePhoto(Place):
    """One photograph that the autopilot reported.

    Attributes:
        item: the plan's item that was under way.
        index: the autopilot's image number.
        time_us: as CAMERA_FEEDBACK says.
        height_above_home_m: [m].
        yaw_deg: the aircraft's heading [degrees].
    """

    item: int
    index: int
    time_us: int
    height_above_home_m: float
    yaw_deg: float


class ResumePoint(Part):
    """Where a plan was interrupted.

    Attributes:
        item: the plan's item whose leg is flown again.
        along_m: from where on, measured from the leg's start [m].
    """

    item: int = Field(ge=1, le=_MOST_ITEMS)
    along_m: float = Field(ge=0)


class _Source(Part):
    source_sha256: str = ""


class FlightState(Part):
    """``state.json``.

    Attributes:
        plan_sha256: of the plan's mission as it goes over the wire (`plan_sha256`).
        plan_name: for people.
        provenance: of the plan.
        items: how many items the plan has.
        sortie: 1 for the first flight of the plan.
        item: the plan's item under way; 0 before the take-off.
        place: where the vehicle was last heard flying that item, or None.
        photos: of all sorties.
        resumed_at: where this sortie took the plan up, or None for a whole plan.
        resumed_from: where the vehicle was then, when it was in the air.
        until: the last item of this sortie, where one battery does not carry the rest of the plan; else None.
        outcome: how the last sortie ended, "sortie flown" where it ended as planned with more to come;
            empty while it is flown, or when the program died.
    """

    schema_name: Literal["airbeat/flight-state/1"] = Field(alias="schema")
    tool_version: str = airbeat.__version__
    plan_sha256: str
    plan_name: str = ""
    provenance: _Source = _Source()
    items: int = Field(ge=0, le=_MOST_ITEMS)
    sortie: int = Field(ge=1)
    item: int = Field(ge=0, le=_MOST_ITEMS)
    place: Place | None = None
    photos: list[StatePhoto] = Field(default_factory=list, max_length=1_000_000)
    resumed_at: ResumePoint | None = None
    resumed_from: Place | None = None
    until: int | None = Field(default=None, ge=1, le=_MOST_ITEMS)
    outcome: str = ""

    def save(self, path: Path) -> None:
        """Writes ``state.json``, whole or not at all.

        Raises:
            UsageError: it cannot be written.
        """
        write_files({path: self.model_dump_json(by_alias=True) + "\n"}, overwrite=True)

    def require_plan(self, plan: FlightPlan) -> None:
        """Refuses another plan than the one that was flown.

        Raises:
            UsageError: it is another one.
        """
        if self.plan_sha256 != plan_sha256(plan) or self.items != len(plan.items):
            raise UsageError(
                Message(
                    "the state belongs to another plan than this one ({plan_name!r}, {items} items)",
                    plan_name=self.plan_name,
                    items=self.items,
                ),
                remedy="give the mission file that was flown, unchanged, or its exported .plan file; "
                "airbeat ledger and airbeat plan --gaps fill what is missing with a new plan",
            )


def plan_sha256(plan: FlightPlan) -> str:
    """SHA-256 of a plan's mission items as MAVLink carries them."""
    return canonical_sha256(mission_items(plan))


def read_state(path: Path) -> FlightState:
    """Reads ``state.json``.

    Raises:
        InputFileError: it is not what ``airbeat fly`` writes.
    """
    return read_artefact(path, FlightState, remedy="give the state.json that airbeat fly wrote")


class StateKeeper:
    """Keeps ``state.json`` up to date during a flight: pass its methods to ``fly_plan``.

    The first write, on making it, must succeed; when a later one fails, ``say`` is told once and the flight
    goes on.

    Args:
        path: the file.
        plan: the whole plan.
        flown: the plan itself, or what ``resume_plan`` made of it, before it was cut for one battery.
        earlier: the state that this flight goes on from.
        resumed_at: where it takes the plan up.
        resumed_from: where the vehicle is, when it is in the air already.
        until: the last item of this sortie, where one battery does not carry the rest of the plan.
        say: told when the file can no longer be written.

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        plan: FlightPlan,
        *,
        flown: FlightPlan,
        earlier: FlightState | None = None,
        resumed_at: ResumePoint | None = None,
        resumed_from: LatLon | None = None,
        sortie: int = 1,
        until: int | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._path = path
        self._offset = len(plan.items) - len(flown.items)
        self._behind = next((n for n, i in plan.numbered() if until and n > until and i.is_nav), None)
        self._say = say
        self._failed = False
        self._changed = False
        self._written_s = 0.0
        self.state = FlightState(
            schema="airbeat/flight-state/1",
            plan_sha256=plan_sha256(plan),
            plan_name=plan.name,
            provenance=_Source(source_sha256=plan.provenance.source_sha256),
            items=len(plan.items),
            sortie=sortie,
            item=earlier.item if earlier else 0,
            photos=list(earlier.photos) if earlier else [],
            resumed_at=resumed_at,
            resumed_from=Place.of(resumed_from) if resumed_from else None,
            until=until,
        )
        self._save()

    def progress(self, step: FlightProgress) -> None:
        """To be told where the flight is."""
        now = step.state
        if step.phase == "flying" and step.elapsed_s > 0 and now.armed and now.mode == "AUTO":
            floor = self.state.resumed_at.item if self.state.resumed_at else 0
            item = (now.mission_seq or 0) + self._offset
            if item >= floor:
                if item != self.state.item and not (self._behind and self.state.item == self._behind):
                    self._written_s = 0.0  # at once
                self._changed = True
                self.state.item = item
                self.state.place = Place.of(now.position) if now.position else None
                if self._behind is not None and self.state.until is not None and item > self.state.until:
                    self.state.item, self.state.place = self._behind, None  # on the way home
            elif self.state.item != floor:
                self.state.item, self._changed = floor, True
        if self._changed and time.monotonic() - self._written_s > _WRITE_EVERY_S:
            self._try_save()

    def photo(self, photo: PhotoTaken) -> None:
        """To be told of each photograph."""
        self.state.photos.append(
            StatePhoto(
                item=self.state.item,
                index=photo.index,
                time_us=photo.time_us,
                lat_deg=photo.position.lat_deg,
                lon_deg=photo.position.lon_deg,
                height_above_home_m=photo.height_above_home_m,
                yaw_deg=photo.yaw_deg,
            )
        )
        self._changed, self._written_s = True, 0.0

    def finish(self, record: FlightRecord) -> None:
        """To be given the flight's record."""
        self.state.outcome = record.outcome.value
        if record.outcome is FlightOutcome.COMPLETED and self._behind is not None:
            self.state.item, self.state.place = self._behind, None
            self.state.outcome = SORTIE_FLOWN
        self._try_save()

    def _try_save(self) -> None:
        try:
            self._save()
        except UsageError as error:
            if not self._failed:
                self._say(f"the flight's state can no longer be saved, so it cannot be resumed: {error}")
            self._failed = True

    def _save(self) -> None:
        self.state.save(self._path)
        self._written_s = time.monotonic()
        self._changed = False
