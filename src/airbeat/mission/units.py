"""The units file (``kind: units``): who can be sent, where they are, and how drones are reached.

Positions in it are as last known; a drone with an address (``connect``) is asked instead, a unit with a GPX
track is where the track ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from airbeat.errors import MissionFileError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.mission.beatschema import Name
from airbeat.mission.caseschema import FileName, aware_moment
from airbeat.mission.loader import draft_of, problems_in, read_content, read_tree
from airbeat.mission.resolve import Ledger
from airbeat.mission.schema import Section, complaint, version

__all__ = ["DroneEntry", "GroundEntry", "Units", "load_units"]

Lat = Annotated[float, Field(ge=-90, le=90)]
Lon = Annotated[float, Field(ge=-180, le=180)]


Moment = Annotated[datetime, BeforeValidator(aware_moment)]


class _DroneSection(Section):
    name: Name = Field(description="a drone of the beat, name: drone 1")
    connect: Name | None = None
    plan: FileName | None = None
    state: FileName | None = None
    lat: Lat | None = None
    lon: Lon | None = None
    height_m: float = Field(default=0.0, ge=0, le=500)
    battery_percent: float = Field(default=100.0, ge=0, le=100)
    ready_in_min: float = Field(default=0.0, ge=0, le=1440)
    out_of_service: Name | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.lat is None) != (self.lon is None):
            raise complaint("lat and lon go together", "give both, or neither for a drone on its pad")
        if self.state is not None and self.plan is None:
            raise complaint("state goes with plan", "plan: the mission that it flies")
        return self


class _GroundSection(Section):
    name: Name = Field(description="its call sign, name: car 12")
    lat: Lat | None = None
    lon: Lon | None = None
    gpx: FileName | None = None
    speed_m_s: float | None = Field(default=None, gt=0, le=70)
    heard: Moment | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.lat is None) != (self.lon is None):
            raise complaint("lat and lon go together", "give both, or gpx: track.gpx")
        if (self.lat is None) == (self.gpx is None):
            raise complaint("must hold either lat and lon or gpx", "where was it last heard?")
        if self.gpx is None and self.speed_m_s is None:
            raise complaint("has no speed", "speed_m_s: 12 for a car in a city, 1.5 on foot")
        return self


class _UnitsFile(Section):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, validate_assignment=True)

    airbeat: Annotated[Literal[1], BeforeValidator(version)] = Field(description="airbeat: 1")
    kind: Literal["units"] = Field(description="kind: units")
    beat: FileName = Field(description="the beat whose drones can be sent, beat: school-runs.yaml")
    drones: Annotated[list[_DroneSection], Field(max_length=200)] | None = None
    ground: Annotated[list[_GroundSection], Field(max_length=500)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DroneEntry:
    """A drone of the beat.

    Attributes:
        name: as in the beat.
        connect: its address, or None.
        plan: the mission that it flies, or None.
        state: ``state.json`` of that flight, or None.
        position: last known; None for its pad.
        height_m: above its pad [m].
        battery_share: 0…1.
        ready_s: until it can go [s].
        out_of_service: why it cannot go; empty where it can.
    """

    name: str
    connect: str | None = None
    plan: Path | None = None
    state: Path | None = None
    position: LatLon | None = None
    height_m: float = 0.0
    battery_share: float = 1.0
    ready_s: float = 0.0
    out_of_service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundEntry:
    """People on the ground.

    Attributes:
        name: their call sign.
        position: last known, or None where ``gpx`` says it.
        gpx: a track, or None.
        speed_m_s: at which they can go, or None for what the track says.
        heard: when the position was heard, or None.
    """

    name: str
    position: LatLon | None = None
    gpx: Path | None = None
    speed_m_s: float | None = None
    heard: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """A units file after reading.

    Attributes:
        beat: path of the beat file.
        drones, ground: who can be sent.
    """

    beat: Path
    drones: tuple[DroneEntry, ...]
    ground: tuple[GroundEntry, ...]


def load_units(path: Path) -> Units:
    """Read a units file; files that it names are looked up beside it.

    Raises:
        MissionFileError: all problems of the file, with line and column.
    """
    name = str(path)
    ledger = Ledger(tree=read_tree(read_content(path), name))
    draft = draft_of(_UnitsFile, ledger)
    drones = getattr(draft, "drones", None) or []
    ground = getattr(draft, "ground", None) or []
    names: set[str] = set()
    for key, rows in (("drones", drones), ("ground", ground)):
        for number, row in enumerate(rows):
            if row.name in names:
                ledger.add(
                    (key, number, "name"),
                    Message("is there twice (got {name!r})", name=row.name),
                    "names are unique",
                )
            names.add(row.name)
    if not names and not ledger.problems:
        ledger.add((), "there is nobody to send", "drones: [{name: drone 1}]")
    if ledger.problems or ledger.tree.problems:
        raise MissionFileError(name, problems_in(ledger))
    base = path.parent
    return Units(
        beat=base / draft.beat,
        drones=tuple(_drone(row, base) for row in drones),
        ground=tuple(_on_ground(row, base) for row in ground),
    )


def _place(row: Any) -> LatLon | None:
    return None if row.lat is None else LatLon(lat_deg=row.lat, lon_deg=row.lon)


def _drone(row: _DroneSection, base: Path) -> DroneEntry:
    return DroneEntry(
        name=row.name,
        connect=row.connect,
        plan=base / row.plan if row.plan else None,
        state=base / row.state if row.state else None,
        position=_place(row),
        height_m=row.height_m,
        battery_share=row.battery_percent / 100.0,
        ready_s=row.ready_in_min * 60.0,
        out_of_service=row.out_of_service or "",
    )


def _on_ground(row: _GroundSection, base: Path) -> GroundEntry:
    return GroundEntry(
        name=row.name,
        position=_place(row),
        gpx=base / row.gpx if row.gpx else None,
        speed_m_s=row.speed_m_s,
        heard=row.heard,
    )
