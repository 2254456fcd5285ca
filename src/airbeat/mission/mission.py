"""Mission: what a mission file means once it has been read, checked and converted to WGS84."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from airbeat.geo.coordinates import Altitude, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.geo.terrain import Terrain
from airbeat.mission.plan import Fence, Provenance, RallyPoint
from airbeat.vehicle.airframe import Airframe
from airbeat.vehicle.camera import Camera

__all__ = [
    "ContourPattern",
    "CorridorPattern",
    "CreepingLinePattern",
    "DatumPattern",
    "Drift",
    "ExpandingSquarePattern",
    "FixedPoint",
    "LawnmowerPattern",
    "Look",
    "LoopPattern",
    "Mission",
    "MissionKind",
    "OrbitPattern",
    "ParallelPattern",
    "Pattern",
    "PerimeterPattern",
    "SearchPattern",
    "SectorPattern",
    "SurveyPattern",
    "TrackLinePattern",
    "WaypointPattern",
    "Wind",
]


class MissionKind(StrEnum):
    """What a mission is for."""

    SEARCH = "search"
    PATROL = "patrol"
    WAYPOINTS = "waypoints"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wind:
    """The wind expected during the flight.

    Attributes:
        from_deg: where it comes from [degrees clockwise from north].
        speed_m_s: its speed [m/s].
        nose_into_wind: whether the nose points into the air flow, so that photographs are turned against
            the track by the crab angle; else it points along the track, as multicopters fly by default.
    """

    from_deg: float
    speed_m_s: float
    nose_into_wind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyPattern:
    """What every pattern of photographed lines shares.

    Attributes:
        side_overlap: overlap of neighbouring lines' footprints, 0…<1; ignored where ``spacing_m`` is set.
        front_overlap: overlap of successive photographs, 0…<1; ignored where ``trigger_distance_m`` is set.
        spacing_m: distance between lines [m], or None to derive it from the overlap.
        trigger_distance_m: distance between photographs [m], or None to derive it from the overlap.
        gimbal_pitch_deg: camera pitch [degrees; -90 looks straight down], commanded before the first line;
            None looks straight down and commands nothing.
        hover_s: how long the vehicle stands still for each photograph [s]; None photographs in flight.
        turn_around_m: how far each line runs on beyond the area where the fence allows [m].
    """

    side_overlap: float = 0.3
    front_overlap: float = 0.3
    spacing_m: float | None = None
    trigger_distance_m: float | None = None
    gimbal_pitch_deg: float | None = None
    hover_s: float | None = None
    turn_around_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LawnmowerPattern(SurveyPattern):
    """Parallel sweep lines.

    Attributes:
        angle_deg: bearing of the lines [degrees clockwise from north], or None for the fastest.
        crosshatch: whether the area is flown again with lines at 90° to the first.
        entry: the place near which the sweep should begin, or None for nearest to home.
        start_into_wind: whether the first line is flown into the wind.
    """

    angle_deg: float | None = None
    crosshatch: bool = False
    entry: LatLon | None = None
    start_into_wind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CorridorPattern(SurveyPattern):
    """Lines side by side along a centre line.

    Attributes:
        line: corners of the centre line.
        width_m: full width to be photographed [m].
        lines: how many lines, or None for as many as the spacing needs.
    """

    line: tuple[LatLon, ...]
    width_m: float
    lines: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPoint:
    """One fixed waypoint.

    Attributes:
        position: where.
        altitude: height, or None for the mission's.
        dwell_s: how long to stay [s].
        heading_deg: where the nose points [degrees clockwise from north], or None to leave it.
        gimbal_pitch_deg: camera pitch [degrees; -90 looks straight down], or None to leave it.
        photo: whether to take a photograph there.
        name: what the place is called.
    """

    position: LatLon
    altitude: Altitude | None = None
    dwell_s: float = 0.0
    heading_deg: float | None = None
    gimbal_pitch_deg: float | None = None
    photo: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaypointPattern:
    """Fixed points.

    Attributes:
        points: where to stop.
        shortest: whether they are flown in the order that takes least time; else in the order given.
    """

    points: tuple[FixedPoint, ...]
    shortest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopPattern:
    """What closed, photographed loops share.

    Attributes:
        clockwise: the direction, seen from above.
        heights_m: heights of the loops in flying order [m], in the datum of the mission's height; empty for
            one loop at the mission's height.
        turns: how often each loop is flown.
        trigger_distance_m: distance between photographs [m], or None to derive it.
        tolerance_m: how far the straight legs may cut off curves [m].
    """

    clockwise: bool = True
    heights_m: tuple[float, ...] = ()
    turns: int = 1
    trigger_distance_m: float | None = None
    tolerance_m: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class OrbitPattern(LoopPattern):
    """Circles round a place, nose and camera pointed at it.

    Attributes:
        centre: what is circled.
        radius_m: of the circle [m].
        photos_per_turn: photographs on a circle; ignored where ``trigger_distance_m`` is set.
        target_height_m: height of what the camera looks at above the ground at the centre [m].
    """

    centre: LatLon
    radius_m: float
    photos_per_turn: int = 36
    target_height_m: float = 0.0

    def extent(self) -> list[LatLon]:
        """The corners of the square round the circle."""
        r = self.radius_m
        return LocalFrame(self.centre).to_latlon([(x, y) for x in (-r, r) for y in (-r, r)])


class Look(StrEnum):
    """Where the nose points on a perimeter."""

    AHEAD = "ahead"
    INWARD = "inward"
    OUTWARD = "outward"


@dataclass(frozen=True, slots=True, kw_only=True)
class PerimeterPattern(LoopPattern):
    """Closed loops along the edge of the area.

    Attributes:
        offset_m: distance from the edge, negative inside the area and positive outside it [m].
        front_overlap: overlap of successive photographs, 0…<1; ignored where ``trigger_distance_m`` is set.
        gimbal_pitch_deg: camera pitch [degrees; -90 looks straight down], or None to leave it looking down.
        look: where the nose points.
    """

    offset_m: float = 0.0
    front_overlap: float = 0.6
    gimbal_pitch_deg: float | None = None
    look: Look = Look.AHEAD


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelPattern(SurveyPattern):
    """Legs side by side over the area, the first half a spacing inside its edge (IAMSAR PS).

    Attributes:
        angle_deg: bearing of the legs [degrees clockwise from north], or None for the area's long axis.
    """

    angle_deg: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreepingLinePattern(SurveyPattern):
    """Legs along the area's short axis that advance along its long one (IAMSAR CS).

    Attributes:
        angle_deg: bearing of the advance [degrees clockwise from north], or None for the area's long axis.
        start: the place at whose end of the area it begins, or None for home's.
    """

    angle_deg: float | None = None
    start: LatLon | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How a datum moves.

    Attributes:
        toward_deg: where it drifts to [degrees clockwise from north].
        speed_m_s: how fast [m/s].
        elapsed_s: how long it has drifted from the place given when the first leg begins [s].
    """

    toward_deg: float
    speed_m_s: float
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DatumPattern(SurveyPattern):
    """What the patterns about one place share.

    Attributes:
        centre: the datum.
        radius_m: how far from it is searched [m].
        first_leg_deg: course of the first leg [degrees clockwise from north]; None: downdrift, else upwind,
            else north.
        drift: how the datum moves while it is searched for, or None.
    """

    centre: LatLon
    radius_m: float
    first_leg_deg: float | None = None
    drift: Drift | None = None

    def extent(self) -> list[LatLon]:
        """The corners of the square round what may be flown."""
        drifted_m = 0.0 if self.drift is None else self.drift.speed_m_s * (self.drift.elapsed_s + 3600.0)
        r = 2 * self.radius_m + drifted_m
        return LocalFrame(self.centre).to_latlon([(x, y) for x in (-r, r) for y in (-r, r)])


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandingSquarePattern(DatumPattern):
    """Legs that grow by a spacing at every second turn (IAMSAR SS).

    Attributes:
        starboard: whether all turns are to the right.
    """

    starboard: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SectorPattern(DatumPattern):
    """Diameters through the datum, joined by chords; all turns to starboard (IAMSAR VS).

    Attributes:
        passes: 1, or 2 for a second pass turned by half a sector.
        sector_deg: angle between neighbouring diameters [degrees]; divides 180.
    """

    passes: int = 1
    sector_deg: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackLinePattern(SurveyPattern):
    """Passes along a line and back beside it (IAMSAR TS).

    Attributes:
        line: corners of the line.
        passes: the first on the line, the others a spacing to its right, left, two to its right and so on.
    """

    line: tuple[LatLon, ...]
    passes: int = 1

    def extent(self) -> list[LatLon]:
        """The line's corners."""
        return list(self.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContourPattern(SurveyPattern):
    """Rings of one ground height each over the area, from the top down (IAMSAR OS).

    Attributes:
        step_m: height between rings [m], or None for spacing times the sine of the area's mean slope.
    """

    step_m: float | None = None


SearchPattern: TypeAlias = (
    ParallelPattern
    | CreepingLinePattern
    | ExpandingSquarePattern
    | SectorPattern
    | TrackLinePattern
    | ContourPattern
)
"""The patterns of the search manuals."""


Pattern: TypeAlias = (
    LawnmowerPattern | CorridorPattern | WaypointPattern | OrbitPattern | PerimeterPattern | SearchPattern
)
"""What a mission may fly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """A mission file after reading: everything in WGS84, profiles resolved, paths loaded.

    Attributes:
        name: the operation's name.
        kind: search, patrol or waypoints.
        home: take-off place.
        home_amsl_m: its height above mean sea level [m], or None when unknown.
        fence: the geofence; None when the file has none (planning then stays inside the area's own outline).
        rally: rally points, or None.
        area: geographic shapely Polygon/MultiPolygon, lon/lat degrees WGS84 (a corridor's own ground where
            the pattern is one); None for fixed waypoints.
        pattern: what to fly.
        height: flight height with its datum.
        speed_m_s: cruise speed [m/s].
        camera: camera profile.
        airframe: airframe profile.
        margin_m: distance kept from the fence's edge and from keep-outs [m].
        last_seen: where the missing person was last seen, or None.
        wind: the wind to plan for, or None.
        terrain: height model of the ground, or None for flat ground.
        terrain_tolerance_m: how far heights above ground may differ from what was asked for [m].
        notes: what every output must say (datum conversions, repairs, "not for flight").
        provenance: name and SHA-256 of the mission file.
    """

    name: str
    kind: MissionKind
    home: LatLon
    pattern: Pattern
    height: Altitude
    speed_m_s: float
    camera: Camera
    airframe: Airframe
    home_amsl_m: float | None = None
    fence: Fence | None = None
    rally: tuple[RallyPoint, ...] | None = None
    area: Any | None = None
    margin_m: float = 0.0
    last_seen: LatLon | None = None
    wind: Wind | None = None
    terrain: Terrain | None = field(default=None, compare=False, repr=False)
    terrain_tolerance_m: float = 5.0
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
