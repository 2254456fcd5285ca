"""Coverage flown in sorties: each begins and ends at home with reserve left; several vehicles share them.

Route first, then cut: one path over the area (``coverage``), cut where it costs least (``splitting``), shared
among the vehicles (``fleet``), and kept apart in height and time (``airspace``). One vehicle with several
sorties also tries lines that are laid out and shared for the ways from and to home (``petals``). Pure: the
same input and seed give the same sorties.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.planning.airspace import layer_heights_m
from airbeat.planning.coverage import CoveragePath, plan_coverage
from airbeat.planning.cutting import CutTour, Piece, pairs
from airbeat.planning.estimate import FlightModel
from airbeat.planning.ferry import Ferry, FlightRooms
from airbeat.planning.fleet import share_tour, transitions
from airbeat.planning.idle import idle_stretches
from airbeat.planning.job import Job, make_job
from airbeat.planning.petals import petals
from airbeat.planning.repair import free_area
from airbeat.planning.sortie import OTHER_ITEMS, Drone, FleetPlan, Flight, SortieTask
from airbeat.planning.sortiefigures import measured
from airbeat.planning.splitting import best_pieces, piece_prices_s
from airbeat.planning.together import bent_together

__all__ = ["MORE_EFFORT", "plan_sorties"]

Points = npt.NDArray[np.float64]

_STEPS_M = (150.0, 40.0)
"""Distances between places to cut inside a leg: the second where the first cannot do."""
_MOST_COMPARED = 3e8
_MOST_PLACES = 900
_IDLE_LOSS = 1e-4
"""Share of the area that may get lost where ways that see nothing new are left out."""
_TRIES = 6
_SHARES = (1.03, 1.0, 0.98)
"""Batteries that sorties are cut for before they are bent, in shares of the real ones: bending saves time."""
_LINE_SPACINGS = 2.0
"""Legs longer than so many spacings are taken for sweep lines when sorties are bent."""
MORE_EFFORT = 1
"""A path for several batteries is worth more planning than a quick look: 1 to 2 % less time in the air."""


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
    paths: Sequence[CoveragePath] | None = None,
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
        paths: covering paths to cut, the best of which is taken; None plans one from anywhere to anywhere and
            one from and to the launch place, and for one vehicle with several sorties also lines that point
            at home (``petals``).
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
    homes = free.frame.to_xy([d.home for d in drones])
    task = SortieTask(
        free=free,
        drones=tuple(drones),
        homes=homes,
        layers_m=layer_heights_m([d.height_m for d in drones]),
        rooms=FlightRooms(free, homes, drones[0].model),
        swath_m=spacing_m if swath_m is None else swath_m,
        most_items=most_items,
        swap_s=swap_s,
    )
    if paths is not None:
        return min((_cut(task, path) for path in paths), key=partial(_rank, task))
    how: dict[str, Any] = {
        "spacing_m": spacing_m,
        "swath_m": swath_m,
        "keepouts": keepouts,
        "fence": fence,
        "corridor_width_m": corridor_width_m,
        "margin_m": margin_m,
        "angle_deg": angle_deg,
        "seed": seed,
        "effort": effort + MORE_EFFORT,
    }
    best = _cut_best(task, area, how, progress)
    if len(drones) > 1 or len(best.sorties) == 1:
        return best
    job = make_job(
        free,
        spacing_m=spacing_m,
        swath_m=task.swath_m,
        model=drones[0].model,
        home=drones[0].home,
        seed=seed,
        effort=effort,
    )
    angle = None if angle_deg is None else math.radians(90.0 - angle_deg)
    rest = None if progress is None else partial(_part, progress, 0.4, 0.6)
    return min([best, *_planned_from_home(task, job, best, angle, rest)], key=partial(_rank, task))


def _cut_best(
    task: SortieTask, area: Any, how: dict[str, Any], progress: Callable[[float], None] | None
) -> FleetPlan:
    """The better of a path from anywhere to anywhere and one from and to the launch place, cut."""
    gates: list[LatLon | None] = [None, _gate(task)]
    paths = [
        plan_coverage(
            area,
            home=gate,
            model=task.drones[0].model,
            progress=None if progress is None else partial(_part, progress, 0.2 * k, 0.2),
            **how,
        )
        for k, gate in enumerate(gates)
    ]
    return min((_cut(task, path) for path in paths), key=partial(_rank, task))


def _part(progress: Callable[[float], None], first: float, share: float, done: float) -> None:
    progress(first + share * done)


def _planned_from_home(
    task: SortieTask,
    job: Job,
    cut: FleetPlan,
    angle_rad: float | None,
    progress: Callable[[float], None] | None,
) -> list[FleetPlan]:
    """Cut sorties bent together, and sorties laid out for home: those that keep what the cut ones keep."""
    job = replace(job, least_share=max(job.least_share, cut.coverage_fraction))
    plans = []
    for share in _SHARES:
        plan = _bent(task, job, cut.path, share)
        if plan is not None and _is_sound(task, plan, cut):
            plans.append(plan)
            break
    try:
        lines = petals(task, job, angle_rad=angle_rad, progress=progress)
    except PlanningError:
        lines = None  # the cut plan stands where some track cannot be reached
    if lines:
        plan = measured(task, cut.path, [_photographing(job, line) for line in lines])
        plans += [plan] if _is_sound(task, plan, cut) else []
    return plans


def _bent(task: SortieTask, job: Job, path: CoveragePath, share: float) -> FleetPlan | None:
    """The path cut for batteries of another size, and its sorties bent together."""
    drone = replace(task.drones[0], endurance_s=task.drones[0].endurance_s * share)
    try:
        cut = _cut(replace(task, drones=(drone,)), path)
    except PlanningError:
        return None
    long_m = _LINE_SPACINGS * job.spacing_m
    legs = [(s.line, np.hypot(*np.diff(s.line, axis=0).T) > long_m) for s in cut.sorties]
    lines = bent_together(job, legs, angle_rad=0.0)
    return measured(task, path, [_photographing(job, line) for line in lines])


def _is_sound(task: SortieTask, plan: FleetPlan, cut: FleetPlan) -> bool:
    """Whether a plan sees as much as the cut one, stays where that stays, and fits batteries and memory."""
    drone, layer_m = task.drones[0], task.layers_m[0]
    longest_s = drone.usable_s(layer_m) + drone.vertical_s(layer_m)
    return (
        plan.coverage_fraction >= cut.coverage_fraction - _IDLE_LOSS / 2
        and plan.outside_m <= cut.outside_m
        and plan.keepout_m <= cut.keepout_m
        and all(s.duration_s <= longest_s + 1e-6 and s.items <= task.most_items for s in plan.sorties)
    )


def _photographing(job: Job, line: Points) -> Flight:
    """A flight that photographs wherever it is inside the space, the ways from and to home included."""
    inside = np.flatnonzero(job.near.clear(line[:-1], line[1:]))
    first, last = (int(inside[0]), int(inside[-1]) + 1) if len(inside) else (0, len(line) - 1)
    return Flight(drone=0, out=line[: first + 1], work=line[first : last + 1], back=line[last:])


def _gate(task: SortieTask) -> LatLon:
    """Where the way from the first home enters the space: a path from there and back suits sorties."""
    way = shapely.shortest_line(shapely.Point(task.homes[0]), task.free.space)
    return task.free.frame.to_latlon(shapely.get_coordinates(way)[-1:])[0]


def _rank(task: SortieTask, plan: FleetPlan) -> tuple[float, float]:
    """Fewest sorties, then least time; for several vehicles the earliest end."""
    if len(task.drones) == 1:
        return float(len(plan.sorties)), plan.duration_s
    return plan.makespan_s, plan.duration_s


def _cut(task: SortieTask, path: CoveragePath) -> FleetPlan:
    """The path cut, with the stretches left out that see nothing new where that holds the coverage."""
    idle = idle_stretches(path.line, task.free.target, swath_m=task.swath_m, model=task.drones[0].model)
    if idle:
        plan = measured(task, path, _flights(task, path, idle))
        if plan.coverage_fraction >= path.coverage_fraction - _IDLE_LOSS:
            return plan
    return measured(task, path, _flights(task, path, []))


def _flights(task: SortieTask, path: CoveragePath, idle: Sequence[tuple[float, float]]) -> list[Flight]:
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


def _ferries(task: SortieTask, tour: CutTour) -> list[Ferry]:
    """Each vehicle's ways to the nodes; vehicles of one home and model share them."""
    known: dict[tuple[float, float, FlightModel], Ferry] = {}
    result = []
    for drone, home in zip(task.drones, task.homes, strict=True):
        key = (float(home[0]), float(home[1]), drone.model)
        if key not in known:
            known[key] = Ferry(task.rooms, home, tour, drone.model)
        result.append(known[key])
    return result


def _shared(task: SortieTask, tour: CutTour, ferries: Sequence[Ferry]) -> list[Flight] | None:
    """The tour shared among the vehicles and cut into flights, or None where that cannot be."""
    if len(task.drones) == 1:
        return _cut_for(task, tour, ferries[0], 0, Piece(0, len(tour.arc_m) - 1))
    kinds = _kinds(task)
    counts = [len(k) for k in kinds]
    places = _places(tour, transitions(counts))
    prices = [
        piece_prices_s(
            tour,
            ferries[kind[0]],
            places,
            usable_s=task.drones[kind[-1]].usable_s(task.layers_m[kind[-1]]),
            most_corners=task.most_items - OTHER_ITEMS,
            swap_s=task.swap_s,
        )
        for kind in kinds
    ]
    shares = share_tour(prices, counts)
    if shares is None:
        return None
    flights: dict[int, list[Flight]] = {}
    for share in shares:
        drone = kinds[share.kind].pop(0)
        stretch = Piece(int(places[share.first]), int(places[share.last]))
        cut = _cut_for(task, tour, ferries[drone], drone, stretch)
        if cut is None:
            return None
        flights[drone] = cut
    return [flight for drone in sorted(flights) for flight in flights[drone]]


def _kinds(task: SortieTask) -> list[list[int]]:
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


def _cut_for(
    task: SortieTask, tour: CutTour, ferry: Ferry, drone: int, stretch: Piece
) -> list[Flight] | None:
    """A vehicle's stretch cut into flights, each of which is measured to be short enough."""
    vehicle = task.drones[drone]
    usable_s = limit_s = vehicle.usable_s(task.layers_m[drone])
    for _ in range(_TRIES):
        pieces = best_pieces(
            tour,
            ferry,
            usable_s=limit_s,
            most_corners=task.most_items - OTHER_ITEMS,
            first=stretch.first,
            last=stretch.last,
        )
        if pieces is None:
            return None
        flights = [_flown(tour, ferry, drone, p) for p in pieces]
        over_s = max((vehicle.model.path_time_s(pairs(f.line)) - usable_s for f in flights), default=0.0)
        if over_s <= 1e-6:
            return flights
        limit_s -= over_s
    return None


def _flown(tour: CutTour, ferry: Ferry, drone: int, piece: Piece) -> Flight:
    out, back = ferry.way(piece.first), ferry.way(piece.last)
    if out is None or back is None:
        raise AssertionError("a piece was cut where no way from home leads")
    return Flight(drone=drone, out=np.array(out), work=tour.part(piece), back=np.array(back[::-1]))


def _out_of_reach(task: SortieTask, tour: CutTour, ferries: Sequence[Ferry]) -> PlanningError:
    """Why the tour cannot be cut: the place that is hardest to serve, and how much is missing."""
    times = np.array([f.times_s for f in ferries])
    usable = np.array([d.usable_s(h) for d, h in zip(task.drones, task.layers_m, strict=True)])
    lost = np.isinf(times).all(axis=0)
    if lost.any():
        return PlanningError(
            "a part of the area cannot be reached from home without crossing a keep-out",
            where=str(task.free.frame.to_latlon(tour.xy[lost][:1])[0]),
            remedy="move home or open a way through the keep-outs",
        )
    times = np.where(np.isinf(times), 1e9, times)
    short = (2 * times - usable[:, None]).min(axis=0)
    node = int(short.argmax())
    place = task.free.frame.to_latlon([tour.xy[node]])[0]
    drone = int((2 * times[:, node] - usable).argmin())
    there_min = 2 * times[drone, node] / 60
    if short[node] > 0:
        return PlanningError(
            f"the area cannot be reached and left on one battery: there and back takes {there_min:.1f} min "
            f"of {usable[drone] / 60:.1f} min that a battery gives above the reserve, "
            f"{short[node] / 60:.1f} min too much",
            where=str(place),
            remedy="move home nearer, use larger batteries or a smaller area",
        )
    return PlanningError(
        f"no sortie has time to cover anything here with no more than {task.most_items} mission items: there "
        f"and back takes {there_min:.1f} min of {usable[drone] / 60:.1f} min that a battery gives above the "
        "reserve",
        where=str(place),
        remedy="move home nearer, use larger batteries, or simplify the shapes",
    )
