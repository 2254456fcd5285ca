"""What a plan in sorties is made of: drones, flights, and the plan itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.planning.coverage import CoveragePath
from airbeat.planning.estimate import FlightModel
from airbeat.planning.ferry import FlightRooms
from airbeat.planning.repair import FreeArea
from airbeat.vehicle.airframe import Airframe

__all__ = ["OTHER_ITEMS", "Drone", "FleetPlan", "Flight", "Sortie", "SortieTask", "photos_along"]

Points = npt.NDArray[np.float64]

OTHER_ITEMS = 7
"""Items of a sortie beside its corners: take-off, speed, camera on and off, return, and home itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drone:
    """A vehicle of the fleet.

    Attributes:
        home: where its sorties begin and end.
        model: what its legs cost.
        endurance_s: flight time of one battery, down to nothing [s]; inf where batteries do not matter.
        reserve_share: share of it that must be left at landing, 0…1.
        airframe: for the time of climbs and landings; None leaves them out.
        height_m: height at which it photographs above home [m]; None leaves climbs and landings out.
    """

    home: LatLon
    model: FlightModel = field(default_factory=FlightModel)
    endurance_s: float = math.inf
    reserve_share: float = 0.0
    airframe: Airframe | None = None
    height_m: float | None = None

    def up_s(self, layer_m: float) -> float:
        """Time from the ground to the layer [s]; 0 where not known."""
        if self.airframe is None or self.height_m is None:
            return 0.0
        return self.airframe.climb_time_s(self.height_m + layer_m)

    def down_s(self, layer_m: float) -> float:
        """Time from the layer to the ground [s]; 0 where not known."""
        if self.airframe is None or self.height_m is None:
            return 0.0
        return self.airframe.landing_time_s(self.height_m + layer_m)

    def vertical_s(self, layer_m: float) -> float:
        """Time of a sortie's height changes: up to the layer, down to photograph, up again, land [s]."""
        if self.airframe is None or self.height_m is None:
            return 0.0
        between = self.airframe.climb_time_s(layer_m) + self.airframe.climb_time_s(-layer_m)
        return self.up_s(layer_m) + between + self.down_s(layer_m)

    def usable_s(self, layer_m: float) -> float:
        """Time for flying over the ground in one sortie, the reserve left [s]."""
        return self.endurance_s * (1.0 - self.reserve_share) - self.vertical_s(layer_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sortie:
    """One flight from home over a part of the area and back.

    Attributes:
        number: 1, 2, … in the plan.
        drone: number of the vehicle, from 1.
        line: (n, 2) flown corners, home first and last [m].
        work: numbers of the corners between which it photographs: (first, last).
        transits: stretches of the line, each (k, 2): the way out, the way back, and ways outside the space.
        layer_m: height of the ways out and back above that at which it photographs [m].
        start_s: take-off after the first one of the plan [s].
        duration_s: take-off to landing [s].
        length_m: length of the line [m].
        turns: stops at corners.
    """

    number: int
    drone: int
    line: Points
    work: tuple[int, int]
    transits: tuple[Points, ...]
    layer_m: float
    start_s: float
    duration_s: float
    length_m: float
    turns: int

    @property
    def work_line(self) -> Points:
        """(k, 2) corners between which it photographs."""
        return self.line[self.work[0] : self.work[1] + 1]

    def photos(self, trigger_m: float) -> int:
        """Photographs taken, one every so many metres [m]."""
        return photos_along(float(shapely.LineString(self.work_line).length), trigger_m)

    @property
    def items(self) -> int:
        """Mission items it takes, home included."""
        return len(self.line) - 2 + OTHER_ITEMS


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """Sorties that together cover an area.

    Attributes:
        frame: the local frame.
        sorties: in the order of the vehicles and their flights.
        parts: for each vehicle the local (Multi)Polygon that is its own; they do not overlap.
        path: the one path that was cut, or the best one to cut where lines were laid out for home instead.
        coverage_fraction: share of the area seen while photographing, 0…1.
        unseen: local (Multi)Polygon that is not seen, or None.
        outside_m: length flown more than 0.5 m outside the space, declared transits excepted [m].
        keepout_m: length flown more than 0.5 m inside keep-outs or holes [m].
        makespan_s: from the first take-off to the last landing [s].
        nearest_m: least distance of two drones in the air at one height [m]; inf where none meet.
        notes: what the reader must know.
    """

    frame: LocalFrame
    sorties: tuple[Sortie, ...]
    parts: tuple[Any, ...]
    path: CoveragePath
    coverage_fraction: float
    unseen: Any | None
    outside_m: float
    keepout_m: float
    makespan_s: float
    nearest_m: float
    notes: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Flight time of all sorties together [s]."""
        return sum(s.duration_s for s in self.sorties)

    @property
    def length_m(self) -> float:
        """Length of all sorties together [m]."""
        return sum(s.length_m for s in self.sorties)

    @property
    def turns(self) -> int:
        """Stops at corners of all sorties together."""
        return sum(s.turns for s in self.sorties)

    @property
    def unseen_area_m2(self) -> float:
        """Area that no sortie sees [m²]."""
        return 0.0 if self.unseen is None else float(self.unseen.area)


def photos_along(length_m: float, trigger_m: float) -> int:
    """Photographs on a path flown with the trigger on: at its start, every so many metres, and at its end."""
    return 2 + math.floor(length_m / trigger_m - 1e-9)


@dataclass(frozen=True, slots=True, kw_only=True)
class SortieTask:
    """What is to be cut into sorties: everything that does not depend on the path.

    Attributes:
        free: the free area.
        drones: the vehicles.
        homes: (n, 2) their launch places [m].
        layers_m: heights of their ways out and back above that at which they photograph [m].
        rooms: where ways from and to home may run.
        swath_m: width that a path sees [m].
        most_items: mission items that the autopilot holds, home included.
        swap_s: time on the ground between two flights of a vehicle [s].
    """

    free: FreeArea
    drones: tuple[Drone, ...]
    homes: Points
    layers_m: list[float]
    rooms: FlightRooms
    swath_m: float
    most_items: int
    swap_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """A flight before it is measured.

    Attributes:
        drone: number of the vehicle, from 0.
        out: (a, 2) corners from home to the work.
        work: (b, 2) corners between which it photographs.
        back: (c, 2) corners from the work to home.
    """

    drone: int
    out: Points
    work: Points
    back: Points

    @property
    def line(self) -> Points:
        """(n, 2) all corners, home first and last."""
        return np.vstack([self.out[:-1], self.work, self.back[1:]])

    @property
    def work_corners(self) -> tuple[int, int]:
        """Numbers of the first and the last corner of the work in the line."""
        first = len(self.out) - 1
        return first, first + len(self.work) - 1
