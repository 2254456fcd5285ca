"""Flights measured: what each sortie takes, what all of them see, and when they start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.language.words import Message
from airbeat.planning.airspace import COLUMN_S, Slot
from airbeat.planning.coverage import TOLERANCE_M, CoveragePath
from airbeat.planning.cutting import pairs
from airbeat.planning.estimate import stop_lengths_m
from airbeat.planning.route import polygons_of
from airbeat.planning.separation import APART_M, Track, separated_starts_s
from airbeat.planning.sortie import FleetPlan, Flight, Sortie, SortieTask

__all__ = ["measured"]

Points = npt.NDArray[np.float64]


def measured(task: SortieTask, path: CoveragePath, flights: Sequence[Flight]) -> FleetPlan:
    """The plan with its figures, recomputed from the corners alone."""
    sorties, nearest_m = _timed(task, [_sortie(task, k, f) for k, f in enumerate(flights, start=1)])
    target = task.free.target
    seen = [
        _seen([s.work_line for s in sorties if s.drone == d + 1], task.swath_m)
        for d in range(len(task.drones))
    ]
    parts, taken = [], shapely.Polygon()
    for swept in seen:
        own = shapely.union_all(polygons_of(swept.intersection(target).difference(taken)))
        parts.append(own)
        taken = taken.union(swept)
    unseen = polygons_of(target.difference(taken))
    outside_m, keepout_m = _violations(task, sorties)
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
        nearest_m=nearest_m,
        notes=(*path.notes, *_notes(task, sorties, nearest_m)),
    )


def _notes(task: SortieTask, sorties: Sequence[Sortie], nearest_m: float) -> list[str]:
    notes: list[str] = []
    idle = sorted(set(range(1, len(task.drones) + 1)) - {s.drone for s in sorties})
    if idle:
        notes.append(
            Message(
                "drone {map} would not make it faster and stays on the ground", map=", ".join(map(str, idle))
            )
        )
    if nearest_m < APART_M:
        notes.append(
            Message(
                "two drones come within {nearest_m:.0f} m of one another at one height: fly them in turn",
                nearest_m=nearest_m,
            )
        )
    return notes


def _seen(lines: Sequence[Points], swath_m: float) -> Any:
    if not lines:
        return shapely.Polygon()
    legs = np.vstack([np.stack([line[:-1], line[1:]], axis=1) for line in lines])
    return shapely.union_all(shapely.buffer(shapely.linestrings(legs), swath_m / 2, quad_segs=16))


def _sortie(task: SortieTask, number: int, flight: Flight) -> Sortie:
    vehicle, layer_m = task.drones[flight.drone], task.layers_m[flight.drone]
    line, (first, last) = flight.line, flight.work_corners
    lengths = stop_lengths_m(pairs(line), turn_radius_m=vehicle.model.turn_radius_m)
    ways = [line[: first + 1], line[last:]]
    return Sortie(
        number=number,
        drone=flight.drone + 1,
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


def _leaving(task: SortieTask, work: Points) -> list[Points]:
    """Runs of legs of the work that leave the space: ways between disjoint parts."""
    if len(polygons_of(task.free.space)) == 1 or len(work) < 2:
        return []
    legs = shapely.linestrings(np.stack([work[:-1], work[1:]], axis=1))
    leaves = ~shapely.covers(task.free.space.buffer(TOLERANCE_M), legs)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], leaves, [False]]).astype(int)))
    return [work[a : b + 1] for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _timed(task: SortieTask, sorties: Sequence[Sortie]) -> tuple[list[Sortie], float]:
    """The sorties with their starts, and how near two drones come at one height [m]."""
    if len(task.drones) == 1:
        ends = np.cumsum([0.0, *(s.duration_s + task.swap_s for s in sorties)])
        return [replace(s, start_s=float(t)) for s, t in zip(sorties, ends, strict=False)], math.inf
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
    tracks = [_track(task, s) for s in sorties]
    starts, nearest_m = separated_starts_s(slots, tracks, swap_s=task.swap_s)
    return [replace(s, start_s=t) for s, t in zip(sorties, starts, strict=True)], nearest_m


def _track(task: SortieTask, sortie: Sortie) -> Track:
    """Where a sortie is when: up to its layer, out, down to photograph, up again, back, and down."""
    drone = task.drones[sortie.drone - 1]
    up_s, down_s = drone.up_s(sortie.layer_m), drone.down_s(sortie.layer_m)
    vertical_s = drone.vertical_s(sortie.layer_m)
    change_s = (vertical_s - up_s - down_s) / 2
    legs_s = drone.model.leg_times_s(np.hypot(*np.diff(sortie.line, axis=0).T))
    along_s = np.concatenate([[0.0], np.cumsum(legs_s)])
    along_s *= (sortie.duration_s - vertical_s) / max(along_s[-1], 1e-9)
    first, last = sortie.work
    out_s, work_s, back_s = (along_s[: first + 1], along_s[first : last + 1], along_s[last:])
    times = np.concatenate(
        [[0.0], up_s + out_s, up_s + change_s + work_s, up_s + 2 * change_s + back_s, [sortie.duration_s]]
    )
    xy = np.vstack(
        [
            sortie.line[:1],
            sortie.line[: first + 1],
            sortie.line[first : last + 1],
            sortie.line[last:],
            sortie.line[-1:],
        ]
    )
    height_m = drone.height_m or 0.0
    layer_m = height_m + sortie.layer_m
    there_s, done_s = up_s + out_s[-1], up_s + change_s + work_s[-1]
    home_again_s = sortie.duration_s - down_s
    return Track(
        drone=sortie.drone,
        times_s=times,
        xy=xy,
        spans=(
            (0.0, up_s, -math.inf, layer_m),
            (up_s, there_s, layer_m, layer_m),
            (there_s, there_s + change_s, height_m, layer_m),
            (there_s + change_s, done_s, height_m, height_m),
            (done_s, done_s + change_s, height_m, layer_m),
            (done_s + change_s, home_again_s, layer_m, layer_m),
            (home_again_s, sortie.duration_s, -math.inf, layer_m),
        ),
    )


def _violations(task: SortieTask, sorties: Sequence[Sortie]) -> tuple[float, float]:
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
