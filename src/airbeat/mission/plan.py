"""FlightPlan: the one type that planning makes and checks, formats, link and flight take.

A FlightPlan can hold any MAVLink mission, also one that somebody else drew. Item numbers are those of
the MAVLink mission: home is item 0 and is not in ``items``, so ``items[0]`` is item 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from airbeat.geo.coordinates import Altitude, LatLon
from airbeat.geo.terrain import Terrain
from airbeat.language.words import N_, Message
from airbeat.mission.commands import command_name, is_nav
from airbeat.mission.editable import EditablePattern
from airbeat.vehicle.airframe import Airframe
from airbeat.vehicle.camera import Camera

__all__ = [
    "OTHER_VEHICLE",
    "Estimate",
    "Fence",
    "FenceCircle",
    "FencePolygon",
    "FlightPlan",
    "ItemRole",
    "PlanItem",
    "Provenance",
    "RallyPoint",
    "Survey",
]

OTHER_VEHICLE = N_("not for a multicopter")
"""What the note of a plan says that was drawn for another kind of vehicle."""


class ItemRole(StrEnum):
    """Why an item is in the plan; pictures and reports use it, vehicles never see it."""

    TAKEOFF = "takeoff"
    TRANSIT = "transit"
    """Flown to get somewhere: to the area, round a keep-out, between lines."""
    SWEEP = "sweep"
    """The item that ends a leg flown with the camera on (a sweep line)."""
    VISIT = "visit"
    """A fixed point that is itself the purpose."""
    RETURN = "return"
    ACTION = "action"
    """DO_ and CONDITION_ commands."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItem:
    """One mission item.

    Attributes:
        command: MAV_CMD number.
        params: param1…param4; NaN where the format said "unset".
        position: param5/param6 when the command takes a place; None for commands without one.
        altitude: param7 with its datum (HOME = frame 3, AMSL = frame 0, AGL = frame 10); None without one.
        extra: raw param5…param7 of commands whose last three parameters are not a place.
        autocontinue: as in MISSION_ITEM_INT.
        role: why the item is there.
    """

    command: int
    params: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    position: LatLon | None = None
    altitude: Altitude | None = None
    extra: tuple[float, float, float] = (0.0, 0.0, 0.0)
    autocontinue: bool = True
    role: ItemRole = ItemRole.OTHER

    @property
    def is_nav(self) -> bool:
        """Whether the item moves the vehicle and holds the mission until it is done."""
        return is_nav(self.command)

    def __str__(self) -> str:
        place = f" at {self.position}" if self.position else ""
        height = f", {self.altitude}" if self.altitude else ""
        return f"{command_name(self.command)}{place}{height}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FencePolygon:
    """A fence polygon; vertices are not repeated at the end. The name is a label and no part of equality."""

    inclusion: bool
    vertices: tuple[LatLon, ...]
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceCircle:
    """A fence circle with its radius [m]. The name is a label and no part of equality."""

    inclusion: bool
    centre: LatLon
    radius_m: float
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """The geofence: stay in at least one inclusion zone, out of every exclusion zone.

    Attributes:
        max_height_m: ceiling above home [m]; None where the file states none.
        breach_return: QGC's optional breach-return point and its height above home [m].
    """

    polygons: tuple[FencePolygon, ...] = ()
    circles: tuple[FenceCircle, ...] = ()
    max_height_m: float | None = None
    breach_return: tuple[LatLon, float] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the fence has no zone at all (it may still have a ceiling)."""
        return not self.polygons and not self.circles


@dataclass(frozen=True, slots=True, kw_only=True)
class RallyPoint:
    """An alternative landing place with its height above home (or AMSL). The name is no part of equality."""

    position: LatLon
    altitude: Altitude
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the plan photographs, and how.

    Attributes:
        area: geographic shapely (Multi)Polygon, lon/lat degrees, WGS84: what is to be photographed.
        camera: the camera the spacing was computed for.
        height_agl_m: lowest planned height above ground on the lines [m]; above flat ground at home's height
            where the plan has no height model.
        gsd_m_px: coarsest ground sampling distance across track [m/px].
        footprint_across_m: footprint across the track that counts [m].
        footprint_along_m: footprint along the track [m].
        spacing_m: distance between neighbouring lines [m].
        trigger_distance_m: distance between photographs on a line [m].
        sweep_angle_deg: bearing of the sweep lines [degrees, 0…180).
        coverage_fraction: share of ``area`` inside the planned footprints, 0…1.
        unseen: geographic (Multi)Polygon that no camera inside the fence sees, or None.
        margin_m: distance kept from the fence's edge and from keep-outs [m].
        gimbal_pitch_deg: camera pitch [degrees; -90 looks straight down].
        corridor_line: the centre line where ``area`` is a corridor's ground; else empty.
        corridor_width_m: that corridor's full width [m]; else 0.
        turn_around_m: how far each line runs on beyond the area where the fence allows [m].
    """

    area: Any
    camera: Camera
    height_agl_m: float
    gsd_m_px: float
    footprint_across_m: float
    footprint_along_m: float
    spacing_m: float
    trigger_distance_m: float
    sweep_angle_deg: float
    coverage_fraction: float
    unseen: Any | None = None
    margin_m: float = 0.0
    gimbal_pitch_deg: float = -90.0
    corridor_line: tuple[LatLon, ...] = ()
    corridor_width_m: float = 0.0
    turn_around_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What flying the plan takes, by the vehicle model.

    Attributes:
        length_m: horizontal path length from take-off to landing, return included [m].
        duration_s: take-off to landing [s].
        photos: number of photographs.
        turns: stops at corners.
        battery_share: energy used as a share of the usable battery (1.0 = down to the reserve).
        batteries: whole batteries needed.
    """

    length_m: float
    duration_s: float
    photos: int
    turns: int
    battery_share: float
    batteries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a plan came from: every artefact carries it."""

    schema_version: int = 1
    tool_version: str = ""
    source_name: str = ""
    source_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightPlan:
    """A mission with its fence, rally points, home, and what is known about it.

    Attributes:
        name: the operation's name.
        home: planned take-off place.
        home_amsl_m: its height above mean sea level [m], or None when unknown.
        items: mission items 1…n (home, item 0, is not among them).
        fence: None when the source states no fence (a vehicle's own fence is then left alone).
        rally: rally points; None when the source states none.
        speed_m_s: cruise speed [m/s].
        airframe: vehicle model, or None for plans read from a foreign file.
        survey: what is photographed; None for plans that photograph nothing.
        estimate: by the vehicle model; None for plans read from a foreign file.
        last_seen: where the missing person was last seen, if the mission says so.
        terrain: height model of the ground, or None where flat ground is assumed.
        patterns: runs of items that a ground-control program can draw anew; see ``editable_patterns``.
        notes: what the reader must know (datum conversions, repairs, "unsurveyed; not for flight as it is").
        provenance: schema version, tool version and hash of the input.
    """

    name: str
    home: LatLon
    home_amsl_m: float | None = None
    items: tuple[PlanItem, ...] = ()
    fence: Fence | None = None
    rally: tuple[RallyPoint, ...] | None = None
    speed_m_s: float | None = None
    airframe: Airframe | None = None
    survey: Survey | None = None
    estimate: Estimate | None = None
    last_seen: LatLon | None = None
    terrain: Terrain | None = field(default=None, compare=False, repr=False)
    patterns: tuple[EditablePattern, ...] = ()
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def numbered(self) -> Iterator[tuple[int, PlanItem]]:
        """Items with their MAVLink sequence numbers (1, 2, …)."""
        return enumerate(self.items, start=1)

    @property
    def editable_patterns(self) -> tuple[EditablePattern, ...]:
        """Those of ``patterns`` whose items still stand where they were, in order and without overlap."""
        kept: list[EditablePattern] = []
        for pattern in sorted(self.patterns, key=lambda p: p.first):
            begin = pattern.first - 1
            free = begin >= (kept[-1].last if kept else 0)
            if free and pattern.items and self.items[begin : begin + len(pattern.items)] == pattern.items:
                kept.append(pattern)
        return tuple(kept)

    @property
    def height_above_ground(self) -> str:
        """How high the lines are above the ground and what that supposes, for people; empty without lines."""
        if self.survey is None:
            return ""
        if self.terrain is None:
            return Message(
                "{height_agl_m:.1f} m (flat ground assumed)", height_agl_m=self.survey.height_agl_m
            )
        return Message(
            "at least {height_agl_m:.1f} m by {terrain}",
            height_agl_m=self.survey.height_agl_m,
            terrain=self.terrain.name,
        )

    def waypoints(self) -> list[tuple[int, PlanItem]]:
        """The items that move the vehicle to a place, with their sequence numbers."""
        return [(n, i) for n, i in self.numbered() if i.is_nav and i.position is not None]
