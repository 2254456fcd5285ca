"""Sorties planned for the ways from and to home: lines that point at it, shared out, and bent together.

Each zone of the area gets the direction whose sorties take least; the tracks are shared among sorties
(``ruin``), and all of them together are bent like one path that comes home between them (``relax``), in which
the ways from and to home see the ground as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.planning.cutting import pairs
from airbeat.planning.job import Job, worth_visiting
from airbeat.planning.layout import layouts, sweep_of
from airbeat.planning.rounding import rounded
from airbeat.planning.route import polygons_of
from airbeat.planning.sortie import SortieTask
from airbeat.planning.sortienet import SortieNet
from airbeat.planning.together import bent_together

__all__ = ["petals"]

Points = npt.NDArray[np.float64]

_ANGLES = 8
_SCREENING_STEPS = 2
_STEPS = 25
_REPAIR_STEPS = 0.3
"""Steps of the sharing for each piece of a track."""
_SHAPED = 2
"""So many of the layouts of single paths are tried as well."""
_SORTIE_S = 2000.0
_MORE = (1.1, 1.0)
"""Sorties are shared out as if batteries gave so much more, as bending and rounding make them shorter: the
first that then fit."""
_TRIES = 6
_FIRMER = 2.0
_FIRMER_S = 10.0
"""The pieces of a sortie that is too long count as longer by so many times more than it is, and so many s."""
_OVER = 2.0
"""What each second costs that a sortie is too long while it is shared again."""
_SMALL_SPACINGS = 6.0
"""Zones are not divided where that leaves one of less than so many spacings squared."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Choice:
    """The best direction of a zone."""

    tracks: list[Points]
    time_s: float
    angle_rad: float


def petals(
    task: SortieTask,
    job: Job,
    *,
    angle_rad: float | None,
    most_points: int,
    progress: Callable[[float], None] | None,
) -> list[Points] | None:
    """(n, 2) corners of sorties from home to home that see the area together, or None where none were found.

    Args:
        task: for one vehicle.
        job: what is covered, with the vehicle's home.
        angle_rad: the only direction of lines; None chooses.
        most_points: that a sortie may have.
        progress: called with 0…1.

    Raises:
        PlanningError: a track that no way from home leads to.
    """
    usable_s = task.drones[0].usable_s(task.layers_m[0])
    tracks, main_rad = _tracks(task, job, usable_s, angle_rad, progress)
    if not tracks:
        return None
    for k, more in enumerate(_MORE):
        net = SortieNet(tracks, job=job, rooms=task.rooms, home=task.homes[0], usable_s=usable_s)
        part = None if progress is None else partial(_part, progress, k)
        lines = _fitted(
            net, job, usable_s, more=more, main_rad=main_rad, most_points=most_points, progress=part
        )
        if lines is not None:
            return lines
    return None


def _part(progress: Callable[[float], None], k: int, done: float) -> None:
    progress(0.5 + 0.5 * (k + done) / len(_MORE))


def _fitted(
    net: SortieNet,
    job: Job,
    usable_s: float,
    *,
    more: float,
    main_rad: float,
    most_points: int,
    progress: Callable[[float], None] | None,
) -> list[Points] | None:
    """Tracks shared, bent and rounded, and shared again while sorties are too long; None if they stay so."""
    sharing: dict[str, Any] = {"usable_s": more * usable_s, "sortie_s": _SORTIE_S, "seed": job.seed}
    routes = net.shared(steps=_STEPS * job.effort, **sharing)
    for k in range(_TRIES):
        if progress:
            progress(k / _TRIES)
        bent = bent_together(job, [net.legs(route) for route in routes], angle_rad=main_rad)
        lines = rounded(job, bent, most_points=most_points)
        # What holds too many points for the autopilot counts as too long in the same measure.
        times_s = [
            max(job.model.path_time_s(pairs(line)), usable_s * len(line) / most_points) for line in lines
        ]
        if max(times_s, default=math.inf) <= usable_s:
            return lines
        if len(lines) < len(routes):
            return None
        for route, time_s in zip(routes, times_s, strict=True):
            if time_s > usable_s:
                net.burden(route, _FIRMER * (time_s - usable_s) + _FIRMER_S)
        routes = net.shared(steps=_REPAIR_STEPS, initial=routes, over=_OVER, **sharing)
    return None


def _tracks(
    task: SortieTask,
    job: Job,
    usable_s: float,
    angle_rad: float | None,
    progress: Callable[[float], None] | None,
) -> tuple[list[Points], float]:
    """Tracks over the whole area, each zone's in its best direction; and the largest zone's direction."""
    angles = [math.pi * k / _ANGLES for k in range(_ANGLES)] if angle_rad is None else [angle_rad]
    chosen: list[_Choice] = []
    parts = worth_visiting(job)
    for k, part in enumerate(parts):
        ways = [_best(task, job, [part], usable_s, angles, shaped=_SHAPED)]
        halves = _halves(part, task.homes[0], job.spacing_m)
        if len(halves) > 1 and job.free.centre is None:
            ways.append(_best(task, job, halves, usable_s, angles, shaped=0))
        chosen += min(ways, key=lambda choices: sum(c.time_s for c in choices))
        if progress:
            progress(0.5 * (k + 1) / len(parts))
    return [t for c in chosen for t in c.tracks], chosen[0].angle_rad if chosen else 0.0


def _best(
    task: SortieTask,
    job: Job,
    zones: Sequence[Any],
    usable_s: float,
    angles: Sequence[float],
    *,
    shaped: int,
) -> list[_Choice]:
    """The tracks of each zone whose sorties take least, the zone being all there is."""
    chosen = []
    for zone in zones:
        options = []
        for angle, tracks in _options(job, zone, angles, shaped):
            net = SortieNet(tracks, job=job, rooms=task.rooms, home=task.homes[0], usable_s=usable_s)
            routes = net.shared(usable_s=usable_s, sortie_s=0.0, steps=_SCREENING_STEPS, seed=job.seed)
            options.append(_Choice(tracks=tracks, time_s=net.time_s(routes), angle_rad=angle))
        if not options:
            return [_Choice(tracks=[], time_s=math.inf, angle_rad=0.0)]
        chosen.append(min(options, key=lambda option: option.time_s))
    return chosen


def _options(
    job: Job, zone: Any, angles: Sequence[float], shaped: int
) -> Iterator[tuple[float, list[Points]]]:
    """(direction, tracks) worth trying over a zone: every direction, and layouts made for its shape."""
    how: dict[str, Any] = {
        "spacing_m": job.spacing_m,
        "radius_m": job.radius_m,
        "model": job.model,
        "allowance_m2": (1 - job.least_share) * zone.area / 2,
    }
    if len(angles) > 1 and shaped:
        made = layouts(zone, job.space, centre=job.free.centre, centre_width_m=job.free.centre_width_m, **how)
        for layout in made[:shaped]:
            yield layout.angle_rad, layout.tracks
        if job.free.centre is not None:
            return
    for angle in angles:
        tracks = sweep_of(zone, job.space, angle, **how)
        if tracks:
            yield angle, tracks


def _halves(part: Any, home: Points, spacing_m: float) -> list[Any]:
    """What lies on both sides of home along the longer side of a part; the part itself where one is small."""
    box = shapely.get_coordinates(shapely.minimum_rotated_rectangle(part))
    sides = np.diff(box[:3], axis=0)
    along = sides[np.hypot(*sides.T).argmax()]
    along = along / np.hypot(*along)
    across = np.array([-along[1], along[0]])
    size = float(np.hypot(*np.ptp(box, axis=0))) + float(shapely.Point(home).distance(part))
    half = shapely.Polygon(
        [
            home - size * across,
            home + size * across,
            home + size * (across + along),
            home + size * (along - across),
        ]
    )
    zones = [*polygons_of(part.intersection(half)), *polygons_of(part.difference(half))]
    large = [z for z in zones if z.area > (_SMALL_SPACINGS * spacing_m) ** 2]
    if len(large) < 2:
        return [part]
    return [z for z in zones if z.area > spacing_m**2]
