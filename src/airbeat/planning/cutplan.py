"""A covering path cut into flights that fit batteries, and shared among vehicles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from airbeat.errors import PlanningError
from airbeat.language.words import Message
from airbeat.planning.coverage import CoveragePath
from airbeat.planning.cutting import CutTour, Piece, pairs
from airbeat.planning.estimate import FlightModel
from airbeat.planning.ferry import Ferry
from airbeat.planning.fleet import share_tour, transitions
from airbeat.planning.idle import idle_stretches
from airbeat.planning.sortie import OTHER_ITEMS, Drone, FleetPlan, Flight, SortieTask
from airbeat.planning.sortiefigures import measured
from airbeat.planning.splitting import best_pieces, piece_prices_s

__all__ = ["cut_plan"]

_STEPS_M = (150.0, 40.0)
"""Distances between places to cut inside a leg: the second where the first cannot do."""
_MOST_COMPARED = 3e8
_MOST_PLACES = 900
_IDLE_LOSS = 1e-4
"""Share of the area that may get lost where ways that see nothing new are left out."""
_TRIES = 6
_SHORTEST_M = 0.1
"""Less than the tolerance by which a path may leave the space."""


def cut_plan(task: SortieTask, path: CoveragePath) -> FleetPlan:
    """The path cut, with the stretches left out that see nothing new where that holds the coverage."""
    if np.hypot(*np.diff(path.line, axis=0).T).sum() < _SHORTEST_M:
        # One place sees all: a leg, however short, so that there is something to fly.
        path = replace(path, line=np.vstack([path.line[0], path.line[0] + [_SHORTEST_M, 0.0]]))
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
            Message(
                "the area cannot be reached and left on one battery: there and back takes "
                "{there_min:.1f} min of {usable:.1f} min that a battery gives above the reserve, "
                "{short:.1f} min too much",
                there_min=there_min,
                usable=usable[drone] / 60,
                short=short[node] / 60,
            ),
            where=str(place),
            remedy="move home nearer, use larger batteries or a smaller area",
        )
    return PlanningError(
        Message(
            "no sortie has time to cover anything here with no more than {most_items} mission "
            "items: there and back takes {there_min:.1f} min of {usable:.1f} min that a battery "
            "gives above the reserve",
            most_items=task.most_items,
            there_min=there_min,
            usable=usable[drone] / 60,
        ),
        where=str(place),
        remedy="move home nearer, use larger batteries, or simplify the shapes",
    )
