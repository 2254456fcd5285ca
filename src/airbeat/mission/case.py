"""Case: what a case file means once it has been read, checked and converted to WGS84.

A case is a search for one missing person: who, where last known, what the coordinator believes, what hides
the ground, and what there is to search with. The search room makes a probability map of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.geo.coordinates import Altitude, LatLon
from airbeat.geo.terrain import Terrain
from airbeat.mission.mission import Wind
from airbeat.mission.plan import Fence, Provenance
from airbeat.vehicle.airframe import Airframe
from airbeat.vehicle.camera import Camera

__all__ = [
    "Case",
    "Category",
    "Cover",
    "Drone",
    "Extent",
    "Launch",
    "Missing",
    "Posture",
    "RasterSource",
    "RegionSource",
    "Task",
    "TerrainKind",
    "WeightedRaster",
    "WeightedShape",
]

Array = npt.NDArray[np.float64]


class Category(StrEnum):
    """Who is missing."""

    DEMENTIA = "dementia"
    CHILD_1_3 = "child 1-3"
    CHILD_4_6 = "child 4-6"
    CHILD_7_9 = "child 7-9"
    HIKER = "hiker"
    DESPONDENT = "despondent"
    HUNTER = "hunter"
    GATHERER = "gatherer"


class TerrainKind(StrEnum):
    """What country it is; "mountain" and "flat" are temperate."""

    MOUNTAIN = "mountain"
    FLAT = "flat"
    DRY_MOUNTAIN = "dry mountain"
    DRY_FLAT = "dry flat"
    URBAN = "urban"


class Posture(StrEnum):
    """How the person is thought to be; "either" counts the posture that shows fewer pixels."""

    STANDING = "standing"
    LYING = "lying"
    EITHER = "either"


class Task(StrEnum):
    """What the reviewer must be able to do with what is in the picture."""

    DETECT = "detect"
    RECOGNISE = "recognise"
    IDENTIFY = "identify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Who is missing, and where the person was last known to be.

    Attributes:
        last_known: the point last known.
        category: for the ring table, or None where no rings are wanted.
        terrain: for the ring table.
        weight: how much the rings are trusted beside the other layers.
        posture: how the person is thought to be.
        last_seen_utc: when, or None when unknown.
    """

    last_known: LatLon
    category: Category | None = None
    terrain: TerrainKind = TerrainKind.FLAT
    weight: float = 1.0
    posture: Posture = Posture.EITHER
    last_seen_utc: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The map's edges [degrees] and the side of its cells [m].

    ``reach_m`` is set where the map is a square so far round the point last known; the edges then are those
    of that square on its middle lines.
    """

    south_deg: float
    west_deg: float
    north_deg: float
    east_deg: float
    cell_m: float
    reach_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedShape:
    """A named shape.

    Attributes:
        name: what people call it.
        weight: its share beside the others of its source, 0 or more.
        geometry: geographic shapely geometry (lon, lat degrees).
        buffer_m: how far round a line counts; 0 for polygons [m].
    """

    name: str
    weight: float
    geometry: Any
    buffer_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSource:
    """The coordinator's regions, or linear features with their buffers.

    Attributes:
        weight: how much the source is trusted beside the others.
        shapes: at least one.
    """

    weight: float
    shapes: tuple[WeightedShape, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightedRaster:
    """Densities on a raster: only their proportions matter.

    Attributes:
        values: (rows, columns) of 0 or more, rows from the top; NaN where the file has none.
        to_cells: longitudes and latitudes [degrees] to (columns, rows); whole numbers are middles of cells.
    """

    values: Array
    to_cells: Any

    def at(self, lon_deg: Array, lat_deg: Array) -> Array:
        """(n,) value of the cell that holds each place; NaN outside."""
        column, row = (np.floor(np.asarray(v) + 0.5) for v in self.to_cells(lon_deg, lat_deg))
        rows, columns = self.values.shape
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        c = np.where(inside, column, 0).astype(np.int64)
        r = np.where(inside, row, 0).astype(np.int64)
        return np.where(inside, self.values[r, c], np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterSource:
    """A raster as a layer: name, how much it is trusted, and its content."""

    name: str
    weight: float
    raster: WeightedRaster


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Ground that hides people.

    Attributes:
        name: what people call it.
        canopy: share of the ground that leaves do not hide, 0…1.
        slope: the same for ground turned away or broken, 0…1; None to derive it from the height model, 1
            without one.
        geometry: geographic (Multi)Polygon; None for everything that no other cover names.
    """

    name: str
    canopy: float
    slope: float | None = None
    geometry: Any | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A place to take off and land."""

    name: str
    position: LatLon
    amsl_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drone:
    """An aircraft that is there.

    Attributes:
        name: its call sign.
        camera: what it looks with.
        airframe: how it flies.
        height: at which it searches.
        speed_m_s: at which it searches [m/s].
        batteries: how many it has.
    """

    name: str
    camera: Camera
    airframe: Airframe
    height: Altitude
    speed_m_s: float
    batteries: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case file after reading: everything in WGS84, files loaded.

    Attributes:
        name: the operation's name.
        missing: who, and where last known.
        extent: of the map.
        rest_of_world: probability that the person is beyond the map, or None to derive it.
        regions: the coordinator's, or None.
        lines: linear features, or None.
        rasters: maps from elsewhere.
        covers: what hides the ground; the one without a geometry counts where no other does.
        task: what a reviewer must be able to do, for the default detection curve.
        curve: the measured detection curve's JSON document, or None for the default.
        curve_name: its file's name.
        segments: named pieces of ground for the segment table; empty for the regions or blocks.
        launches: where to take off.
        drones: what there is to fly.
        fence: the geofence, or None.
        terrain: height model of the ground, or None for flat ground.
        terrain_tolerance_m: how far heights above ground may differ from what was asked for [m].
        flat_beyond: whether ground is taken as flat where the height model has none.
        wind: the wind to plan for, or None.
        notes: what every output must say.
        provenance: name and SHA-256 of the case file.
        inputs: (name, SHA-256) of every other file that was read.
        places: "file:line:column" by dotted key, for later refusals.
    """

    name: str
    missing: Missing
    extent: Extent
    rest_of_world: float | None = None
    regions: RegionSource | None = None
    lines: RegionSource | None = None
    rasters: tuple[RasterSource, ...] = ()
    covers: tuple[Cover, ...] = ()
    task: Task = Task.RECOGNISE
    curve: Any | None = None
    curve_name: str = ""
    segments: tuple[WeightedShape, ...] = ()
    launches: tuple[Launch, ...] = ()
    drones: tuple[Drone, ...] = ()
    fence: Fence | None = None
    terrain: Terrain | None = field(default=None, compare=False, repr=False)
    terrain_tolerance_m: float = 5.0
    flat_beyond: bool = False
    wind: Wind | None = None
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    inputs: tuple[tuple[str, str], ...] = ()
    places: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def where(self, key: str) -> str:
        """``file:line:column: key`` of a dotted key, or of the nearest block round it that the file has."""
        at = key
        while at and at not in self.places:
            at = at[: max(at.rfind("."), at.rfind("["), 0)]
        return f"{self.places.get(at, self.provenance.source_name)}: {key}"
