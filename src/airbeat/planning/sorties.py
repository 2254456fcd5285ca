"""Coverage flown in sorties: each begins and ends at home, lands with reserve, and several vehicles share them.

Route first, then cut: one path over the area (``coverage``), cut where it costs least (``cutting``), shared among
the vehicles (``fleet``), and kept apart in height and time (``airspace``). Pure: the same input and seed give the
same sorties.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.planning.airspace import COLUMN_S, Slot, layer_heights_m, starts_s
from airbeat.planning.coverage import TOLERANCE_M, CoveragePath, plan_coverage
from airbeat.planning.cutting import CutTour, Legs, Piece, best_pieces, pairs, piece_prices_s
from airbeat.planning.estimate import FlightModel, stop_lengths_m
from airbeat.planning.ferry import Ferry, FlightRooms
from airbeat.planning.fleet import Share, share_tour, transitions
from airbeat.planning.idle import idle_stretches
from airbeat.planning.repair import FreeArea, free_area
from airbeat.planning.route import polygons_of
from airbeat.vehicle.airframe import Airframe

__all__ = ["Drone", "FleetPlan", "Sortie", "plan_sorties"]

Points = npt.NDArray[np.float64]

_STEPS_M = (150.0, 40.0)
"""Distances between places to cut inside a leg: the second where the first cannot do."""
_MOST_COMPARED = 3e8
_MOST_PLACES = 900
_OTHER_ITEMS = 7
"""Items of a sortie beside its corners: take-off, speed, camera on and off, return, and home itself."""
_IDLE_LOSS = 1e-4
"""Share of the area that may get lost where ways that see nothing new are left out."""
_TRIES = 6


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
    model: FlightModel = FlightModel()
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

    @property
    def items(self) -> int:
        """Mission items it takes, home included."""
        return len(self.line) - 2 + _OTHER_ITEMS


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """Sorties that together cover an area.

    Attributes:
        frame: the local frame.
        sorties: in the order of the vehicles and their flights.
        parts: for each vehicle the local (Multi)Polygon that is its own; they do not overlap.
        path: the one path that was cut.
        coverage_fraction: share of the area seen while photographing, 0…1.
        unseen: local (Multi)Polygon that is not seen, or None.
        outside_m: length flown more than 0.5 m outside the space, declared transits excepted [m].
        keepout_m: length flown more than 0.5 m inside keep-outs or holes [m].
        makespan_s: from the first take-off to the last landing [s].
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    free: FreeArea
    drones: tuple[Drone, ...]
    homes: Points
    layers_m: list[float]
    rooms: FlightRooms
    swath_m: float
    most_items: int
    swap_s: float


_Flights = list[tuple[int, Points, Points, Points]]
"""(drone, way out, work, way back)."""


def plan_sorties(
    area: Any,
    *,
    drones: Sequence[Drone],
    spacing_m: float,
    swath_m: float | None = None,
    keepouts: Sequence[Any] = (),
    fence: Any | None = None,
    corridor_width_m: float | None = None,
    margin_m: float = 0.0,
    angle_deg: float | None = None,
    most_items: int = 650,
    swap_s: float = 0.0,
    seed: int = 0,
    effort: int = 1,
    progress: Callable[[float], None] | None = None,
) -> FleetPlan:
    """Cover an area in sorties that begin and end at home: fewest first, then least time.

    Several vehicles share the area so that the last one is done as early as possible.

    Args:
        area: geographic (Multi)Polygon, lon/lat degrees WGS84, or LineString of a corridor.
        drones: the vehicles.
        spacing_m: distance between lines [m].
        swath_m: width that a line sees [m]; None for the spacing.
        keepouts: geographic polygons that may cross the area's outline.
        fence: geographic polygon to stay in; None stays in the free area, save on ways that it cannot hold.
        corridor_width_m: full width of a corridor [m].
        margin_m: distance kept from the fence's edge and from keep-outs [m].
        angle_deg: bearing of all lines [degrees clockwise from north]; None chooses freely.
        most_items: mission items that the autopilot holds, home included.
        swap_s: time on the ground between two flights of a vehicle [s].
        seed: of the ordering.
        effort: how hard to look.
        progress: called with 0…1.

    Raises:
        GeometryError: a shape that cannot be repaired.
        PlanningError: nothing can be flown, a place that cannot be reached and left on one battery, or a
            mission that the autopilot cannot hold.
    """
    if not drones:
        raise PlanningError("no drone to fly with", remedy="give at least one")
    free = free_area(
        area, keepouts=keepouts, fence=fence, corridor_width_m=corridor_width_m, margin_m=margin_m
    )
    path = plan_coverage(
        area,
        spacing_m=spacing_m,
        swath_m=swath_m,
        keepouts=keepouts,
        fence=fence,
        corridor_width_m=corridor_width_m,
        margin_m=margin_m,
        angle_deg=angle_deg,
        model=drones[0].model,
        seed=seed,
        effort=effort,
        progress=None if progress is None else lambda share: progress(0.9 * share),
    )
    homes = free.frame.to_xy([d.home for d in drones])
    task = _Task(
        free=free,
        drones=tuple(drones),
        homes=homes,
        layers_m=layer_heights_m(len(drones)),
        rooms=FlightRooms(free, homes, drones[0].model),
        swath_m=spacing_m if swath_m is None else swath_m,
        most_items=most_items,
        swap_s=swap_s,
    )
    plan = _cut(task, path)
    if progress:
        progress(1.0)
    return plan


def _cut(task: _Task, path: CoveragePath) -> FleetPlan:
    """The path cut, with the stretches left out that see nothing new where that holds the coverage."""
    idle = idle_stretches(path.line, task.free.target, swath_m=task.swath_m, model=task.drones[0].model)
    if idle:
        plan = _measured(task, path, _flights(task, path, idle))
        if plan.coverage_fraction >= path.coverage_fraction - _IDLE_LOSS:
            return plan
    return _measured(task, path, _flights(task, path, []))


def _flights(task: _Task, path: CoveragePath, idle: Sequence[tuple[float, float]]) -> _Flights:
    """The flights of all vehicles.

    Raises:
        PlanningError: a place that cannot be reached and left on one battery, or too many items.
    """
    for step_m in _STEPS_M:
        tour = CutTour(path.line, model=task.drones[0].model, step_m=step_m, idle=idle)
        ferries = _ferries(task, tour)
        found = _shared(task, tour, ferries)
        if found is not None:
            return found
    raise _out_of_reach(task, tour, ferries)


def _ferries(task: _Task, tour: CutTour) -> list[Ferry]:
    """Each vehicle's ways to the nodes; vehicles of one home and model share them."""
    known: dict[tuple[float, float, FlightModel], Ferry] = {}
    result = []
    for drone, home in zip(task.drones, task.homes, strict=True):
        key = (float(home[0]), float(home[1]), drone.model)
        if key not in known:
            known[key] = Ferry(task.rooms, home, tour.xy, drone.model)
        result.append(known[key])
    return result


def _shared(task: _Task, tour: CutTour, ferries: Sequence[Ferry]) -> _Flights | None:
    """The tour shared among the vehicles and cut into flights, or None where that cannot be."""
    if len(task.drones) == 1:
        pieces = _pieces(task, tour, ferries[0], 0, 0, len(tour.arc_m) - 1)
        return None if pieces is None else [_flown(tour, ferries[0], 0, p) for p in pieces]
    kinds = _kinds(task)
    counts = [len(k) for k in kinds]
    places = _places(tour, transitions(counts))
    prices = [
        piece_prices_s(
            tour,
            Legs(tour, task.drones[kind[0]].model),
            ferries[kind[0]].times_s,
            places,
            usable_s=task.drones[kind[-1]].usable_s(task.layers_m[kind[-1]]),
            most_corners=_most_corners(task, tour, ferries[kind[0]]),
            swap_s=task.swap_s,
        )
        for kind in kinds
    ]
    shares = share_tour(prices, counts)
    return None if shares is None else _assigned(task, tour, ferries, kinds, places, shares)


def _assigned(
    task: _Task,
    tour: CutTour,
    ferries: Sequence[Ferry],
    kinds: Sequence[Sequence[int]],
    places: npt.NDArray[np.int64],
    shares: Sequence[Share],
) -> _Flights | None:
    free_drones = [list(kind) for kind in kinds]
    flights: dict[int, _Flights] = {}
    for share in shares:
        drone = free_drones[share.kind].pop(0)
        pieces = _pieces(task, tour, ferries[drone], drone, int(places[share.first]), int(places[share.last]))
        if pieces is None:
            return None
        flights[drone] = [_flown(tour, ferries[drone], drone, p) for p in pieces]
    return [flight for drone in sorted(flights) for flight in flights[drone]]


def _kinds(task: _Task) -> list[list[int]]:
    """Numbers of the vehicles that are alike, kind by kind."""
    kinds: dict[Drone, list[int]] = {}
    for number, drone in enumerate(task.drones):
        kinds.setdefault(drone, []).append(number)
    return list(kinds.values())


def _places(tour: CutTour, tables: int) -> npt.NDArray[np.int64]:
    """The nodes where one vehicle may take over from another: all, or some evenly along the tour."""
    most = int(min(_MOST_PLACES, max(40.0, math.sqrt(_MOST_COMPARED / tables))))
    if len(tour.arc_m) <= most:
        return np.arange(len(tour.arc_m))
    even = np.searchsorted(tour.arc_m, np.linspace(0.0, tour.arc_m[-1] - 0.01, most))
    stops = np.flatnonzero(~tour.inside_leg)
    snapped = stops[np.abs(stops[:, None] - even[None]).argmin(axis=0)]
    near = np.abs(tour.arc_m[snapped] - tour.arc_m[even]) < tour.arc_m[-1] / most / 2
    return np.unique(np.concatenate([[0], np.where(near, snapped, even), [len(tour.arc_m) - 1]]))


def _most_corners(task: _Task, tour: CutTour, ferry: Ferry) -> int:
    """Corners of a piece that leave room for the ways from and to home in the autopilot's memory."""
    farthest = int(np.argmax(np.where(np.isfinite(ferry.times_s), ferry.times_s, -1.0)))
    way = ferry.way(farthest)
    ways = 2 * (len(way) if way is not None else 2)
    room = task.most_items - _OTHER_ITEMS - ways
    if room < 2:
        raise PlanningError(
            f"the ways from and to home take {ways} mission items; the autopilot holds {task.most_items}",
            remedy="move home, or simplify the shapes",
        )
    return room


def _pieces(
    task: _Task, tour: CutTour, ferry: Ferry, drone: int, first: int, last: int
) -> list[Piece] | None:
    """A vehicle's stretch cut into flights, each of which is measured to be short enough."""
    vehicle = task.drones[drone]
    usable_s = limit_s = vehicle.usable_s(task.layers_m[drone])
    legs = Legs(tour, vehicle.model)
    for _ in range(_TRIES):
        pieces = best_pieces(
            tour,
            legs,
            ferry.times_s,
            usable_s=limit_s,
            most_corners=_most_corners(task, tour, ferry),
            first=first,
            last=last,
        )
        if pieces is None:
            return None
        flown = [_joined(*_flown(tour, ferry, drone, p)[1:])[0] for p in pieces]
        over = max((vehicle.model.path_time_s(pairs(line)) - usable_s for line in flown), default=0.0)
        if over <= 1e-6:
            return pieces
        limit_s -= over
    return None


def _flown(tour: CutTour, ferry: Ferry, drone: int, piece: Piece) -> tuple[int, Points, Points, Points]:
    out, back = ferry.way(piece.first), ferry.way(piece.last)
    if out is None or back is None:
        raise AssertionError("a piece was cut where no way from home leads")
    return drone, np.array(out), tour.part(piece), np.array(back[::-1])


def _joined(out: Points, work: Points, back: Points) -> tuple[Points, tuple[int, int]]:
    """The whole line without repeated corners, and the numbers of the first and last corner of the work."""
    line = np.vstack([out[:-1], work, back[1:]])
    if len(line) < 2:
        line = np.vstack([work, back])
    first, last = len(out) - 1, len(out) - 1 + len(work) - 1
    return line, (first, last)


def _out_of_reach(task: _Task, tour: CutTour, ferries: Sequence[Ferry]) -> PlanningError:
    """Why the tour cannot be cut: the place that is hardest to serve, and how much is missing."""
    times = np.array([f.times_s for f in ferries])
    usable = np.array([d.usable_s(h) for d, h in zip(task.drones, task.layers_m, strict=True)])
    short = (2 * times - usable[:, None]).min(axis=0)
    node = int(short.argmax())
    place = task.free.frame.to_latlon([tour.xy[node]])[0]
    if not math.isfinite(short[node]):
        return PlanningError(
            "a part of the area cannot be reached from home without crossing a keep-out",
            where=str(place),
            remedy="move home or open a way through the keep-outs",
        )
    drone = int((2 * times[:, node] - usable).argmin())
    there_min = 2 * times[drone, node] / 60
    if short[node] > 0:
        return PlanningError(
            f"the area cannot be reached and left on one battery: to here and back takes {there_min:.1f} min "
            f"of {usable[drone] / 60:.1f} min that a battery gives above the reserve, "
            f"{short[node] / 60:.1f} min too much",
            where=str(place),
            remedy="move home nearer, use larger batteries or a smaller area",
        )
    return PlanningError(
        f"no flight is long enough to cover anything here: to here and back takes {there_min:.1f} min of "
        f"{usable[drone] / 60:.1f} min that a battery gives above the reserve",
        where=str(place),
        remedy="move home nearer, use larger batteries or a smaller area",
    )


def _measured(task: _Task, path: CoveragePath, flights: _Flights) -> FleetPlan:
    """The plan with its figures, recomputed from the corners alone."""
    sorties = _timed(task, [_sortie(task, k, *flight) for k, flight in enumerate(flights, start=1)])
    target = task.free.target
    seen = [_seen([s.work_line for s in sorties if s.drone == d + 1], task.swath_m) for d in range(len(task.drones))]
    parts, taken = [], shapely.Polygon()
    for swept in seen:
        own = shapely.union_all(polygons_of(swept.intersection(target).difference(taken)))
        parts.append(own)
        taken = taken.union(swept)
    unseen = polygons_of(target.difference(taken))
    outside_m, keepout_m = _violations(task, path, sorties)
    return FleetPlan(
        frame=task.free.frame,
        sorties=tuple(sorties),
        parts=tuple(parts),
        path=path,
        coverage_fraction=1.0 - sum(p.area for p in unseen) / target.area,
        unseen=shapely.union_all(unseen) if unseen else None,
        outside_m=outside_m,
        keepout_m=keepout_m,
        makespan_s=max(s.start_s + s.duration_s for s in sorties),
        notes=(*path.notes, *_notes(task, sorties)),
    )


def _notes(task: _Task, sorties: Sequence[Sortie]) -> list[str]:
    idle = sorted(set(range(1, len(task.drones) + 1)) - {s.drone for s in sorties})
    if not idle:
        return []
    return [f"drone {', '.join(map(str, idle))} would not make it faster and stays on the ground"]


def _seen(lines: Sequence[Points], swath_m: float) -> Any:
    if not lines:
        return shapely.Polygon()
    legs = np.vstack([np.stack([line[:-1], line[1:]], axis=1) for line in lines])
    return shapely.union_all(shapely.buffer(shapely.linestrings(legs), swath_m / 2, quad_segs=16))


def _sortie(task: _Task, number: int, drone: int, out: Points, work: Points, back: Points) -> Sortie:
    vehicle, layer_m = task.drones[drone], task.layers_m[drone]
    line, (first, last) = _joined(out, work, back)
    lengths = stop_lengths_m(pairs(line), turn_radius_m=vehicle.model.turn_radius_m)
    ways = [line[: first + 1], line[last:]]
    return Sortie(
        number=number,
        drone=drone + 1,
        line=line,
        work=(first, last),
        transits=(
            *(w for w in ways if len(w) > 1 and shapely.LineString(w).length > 0.01),
            *_leaving(task, line[first : last + 1]),
        ),
        layer_m=layer_m,
        start_s=0.0,
        duration_s=sum(map(vehicle.model.leg_time_s, lengths)) + vehicle.vertical_s(layer_m),
        length_m=float(sum(lengths)),
        turns=max(0, len(lengths) - 1),
    )


def _leaving(task: _Task, work: Points) -> list[Points]:
    """Runs of legs of the work that leave the space: ways between disjoint parts."""
    if len(polygons_of(task.free.space)) == 1 or len(work) < 2:
        return []
    legs = shapely.linestrings(np.stack([work[:-1], work[1:]], axis=1))
    leaves = ~shapely.covers(task.free.space.buffer(TOLERANCE_M), legs)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], leaves, [False]]).astype(int)))
    return [work[a : b + 1] for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _timed(task: _Task, sorties: Sequence[Sortie]) -> list[Sortie]:
    """The sorties with the starts that keep the launch places to one vehicle at a time."""
    if len(task.drones) == 1:
        ends = np.cumsum([0.0, *(s.duration_s + task.swap_s for s in sorties)])
        return [replace(s, start_s=float(t)) for s, t in zip(sorties, ends, strict=False)]
    slots = []
    for s in sorties:
        vehicle = task.drones[s.drone - 1]
        slots.append(
            Slot(
                vehicle=s.drone,
                place=(float(s.line[0][0]), float(s.line[0][1])),
                duration_s=s.duration_s,
                up_s=vehicle.up_s(s.layer_m) or COLUMN_S,
                down_s=vehicle.down_s(s.layer_m) or COLUMN_S,
            )
        )
    return [replace(s, start_s=t) for s, t in zip(sorties, starts_s(slots, swap_s=task.swap_s), strict=True)]


def _violations(task: _Task, path: CoveragePath, sorties: Sequence[Sortie]) -> tuple[float, float]:
    """(metres outside the space and in no transit, metres inside keep-outs or holes)."""
    allowed = task.free.space.buffer(TOLERANCE_M)
    closed = task.free.closed.buffer(-TOLERANCE_M)
    shapely.prepare(allowed)
    outside = keepout = 0.0
    for s in sorties:
        legs = shapely.linestrings(np.stack([s.line[:-1], s.line[1:]], axis=1))
        leaving = legs[~shapely.covers(allowed, legs)]
        keepout += float(shapely.length(shapely.intersection(leaving, closed)).sum())
        declared = shapely.union_all([shapely.LineString(t) for t in s.transits]).buffer(0.01)
        out = shapely.difference(shapely.difference(leaving, allowed), declared)
        outside += float(shapely.length(out).sum())
    return outside, keepout
