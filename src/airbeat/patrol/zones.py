"""A beat divided into zones: balanced by time, or as somebody drew them; and the drones that serve each.

Balanced zones are pieces of one tour over everything, cut so that the longest takes as little time as can be
(route first, cluster second: Beasley 1983). Pieces of a good tour are compact, and their times are known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.mission.beat import Beat
from airbeat.patrol.legtimes import LegTimes
from airbeat.patrol.space import BeatSpace
from airbeat.patrol.work import Job
from airbeat.planning.order import order_tracks

__all__ = ["Zone", "balanced_cut", "shared_among", "zones_of"]

_ORDER_ITERATIONS = 3000
_SHARING_TURNS = 400
_OUTLINE_M = 30.0
"""How far round its visits a zone is drawn [m]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A part of the beat.

    Attributes:
        name: as tables call it; empty where the beat is one zone.
        jobs: numbers of its jobs.
        drones: numbers of the drones that serve it.
        work_s: time of its jobs and the ways between them [s].
        outline: local polygon round its jobs, for pictures.
    """

    name: str
    jobs: tuple[int, ...]
    drones: tuple[int, ...]
    work_s: float
    outline: Any


def zones_of(
    beat: Beat, jobs: Sequence[Job], space: BeatSpace, legs: LegTimes, ends: Sequence[tuple[int, int]]
) -> list[Zone]:
    """The zones of a beat, each with at least one drone; one zone where the beat asks for none.

    Args:
        beat: what it wishes.
        jobs: all of them.
        space: for the local frame.
        legs: times between places.
        ends: numbers of the places where the first way of each job begins and ends.
    """
    drones = list(range(len(beat.drones)))
    wish = beat.zones
    if not jobs:
        return []
    order = _tour(legs, ends)
    if wish is None or (not wish.areas and wish.count <= 1):
        parts, names = [order], [""]
    elif wish.areas:
        shapes = [space.frame.to_local(area) for _, area in wish.areas]
        middles = shapely.points(np.array([job.middle for job in jobs]))
        nearest = np.argmin(np.array([shapely.distance(middles, s) for s in shapes]), axis=0)
        parts = [[k for k in order if nearest[k] == number] for number in range(len(shapes))]
        names = [name for name, _ in wish.areas]
    else:
        parts = _parts(beat, jobs, space, legs, ends)
        names = [f"zone {number}" for number in range(1, len(parts) + 1)]
    kept = [(name, part) for name, part in zip(names, parts, strict=True) if part]
    served = _shared(beat, [part for _, part in kept], jobs, space, drones)
    zones = []
    for (name, part), crew in zip(kept, served, strict=True):
        steps, services = _times(part, jobs, legs, ends)
        hull = shapely.MultiPoint(np.array([jobs[k].middle for k in part])).convex_hull
        zones.append(
            Zone(
                name=name,
                jobs=tuple(part),
                drones=tuple(crew),
                work_s=sum(steps) + sum(services),
                outline=hull.buffer(_OUTLINE_M),
            )
        )
    return zones


def _parts(
    beat: Beat,
    jobs: Sequence[Job],
    space: BeatSpace,
    legs: LegTimes,
    ends: Sequence[tuple[int, int]],
) -> list[list[int]]:
    """Zones balanced by time: jobs shared among the launch sites, then a tour over each site's cut."""
    count = min(beat.zones.count if beat.zones else 1, len(jobs))
    homes = [n for n, site in enumerate(beat.sites) if site.drones]
    drones = [len(beat.sites[n].drones) for n in homes]
    if count < len(homes):
        homes, drones = [homes[0]], [1]
    counts = [max(1, round(count * d / sum(drones))) for d in drones]
    while sum(counts) != count:
        by = 1 if sum(counts) < count else -1
        ideal = [count * d / sum(drones) - c for d, c in zip(drones, counts, strict=True)]
        counts[int(np.argmax(np.array(ideal) * by))] += by
    middles = np.array([job.middle for job in jobs])
    near = np.sort(legs.time_s[np.ix_([e for _, e in ends], [s for s, _ in ends])], axis=1)
    loads = np.array([job.ways[0].service_s for job in jobs]) + near[:, 1 : 2 + (len(jobs) > 2)].mean(axis=1)
    places = np.array([space.sites[n] for n in homes])
    owner = shared_among(middles, loads, places, np.array(counts) / count)
    parts = []
    for number, pieces in enumerate(counts):
        mine = np.flatnonzero(owner == number).tolist()
        if not mine:
            continue
        order = [mine[k] for k in _tour(legs, [ends[j] for j in mine])]
        steps, services = _times(order, jobs, legs, ends)
        parts += balanced_cut(order, steps, services, min(pieces, len(mine)))
    return parts


def _tour(legs: LegTimes, ends: Sequence[tuple[int, int]]) -> list[int]:
    """Numbers of the jobs along one tour over all of them."""
    both = np.array([place for pair in ends for place in pair])
    link = legs.time_s[np.ix_(both, both)]
    return [k for k, _ in order_tracks(link, iterations=_ORDER_ITERATIONS)]


def _times(
    order: Sequence[int], jobs: Sequence[Job], legs: LegTimes, ends: Sequence[tuple[int, int]]
) -> tuple[list[float], list[float]]:
    """Times of the ways between the jobs of a tour, and of the jobs [s]."""
    steps = [float(legs.time_s[ends[a][1], ends[b][0]]) for a, b in pairwise(order)]
    return steps, [jobs[k].ways[0].service_s for k in order]


def shared_among(
    places: npt.NDArray[np.float64],
    loads: npt.NDArray[np.float64],
    homes: npt.NDArray[np.float64],
    shares: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """Which home each place belongs to, such that every home has its share of the load.

    Each place goes to the home that is nearest when a price is added to its distance, and prices rise where
    there is too much and fall where there is too little (a power diagram; Aurenhammer et al. 1998).

    Args:
        places: (n, 2) [m].
        loads: (n,) of each.
        homes: (k, 2) [m].
        shares: (k,) of the whole load, adding up to 1.
    """
    away = np.hypot(*(places[:, None] - homes[None]).transpose(2, 0, 1))
    price = np.zeros(len(homes))
    step = float(away.min(axis=1).mean() + 1.0)
    best, best_over = np.argmin(away, axis=1), np.inf
    for turn in range(_SHARING_TURNS):
        chosen = np.argmin(away + price, axis=1)
        load = np.bincount(chosen, weights=loads, minlength=len(homes)) / loads.sum() / shares
        over = float(load.max())
        if over < best_over - 1e-12:
            best, best_over = chosen, over
        price += step * (load - 1.0) / (1.0 + turn / 20.0)
    return np.asarray(best)


def balanced_cut(
    order: Sequence[int], steps_s: Sequence[float], services_s: Sequence[float], count: int
) -> list[list[int]]:
    """A tour in at most so many pieces of which the longest takes as little time as can be.

    Args:
        order: what is visited.
        steps_s: times between one and the next [s].
        services_s: times at each [s].
        count: most pieces.
    """
    low = max(services_s)
    high = sum(services_s) + sum(steps_s)
    best = _filled(order, steps_s, services_s, high)
    for _ in range(60):
        limit = (low + high) / 2
        pieces = _filled(order, steps_s, services_s, limit)
        if len(pieces) <= count:
            best, high = pieces, limit
        else:
            low = limit
        if high - low < 1e-3:
            break
    return best


def _filled(
    order: Sequence[int], steps_s: Sequence[float], services_s: Sequence[float], limit_s: float
) -> list[list[int]]:
    """Pieces filled up to a limit one after another."""
    pieces: list[list[int]] = []
    used = math.inf
    for number, visit in enumerate(order):
        more = services_s[number] + (steps_s[number - 1] if number else 0.0)
        if used + more > limit_s + 1e-9:
            pieces.append([])
            used, more = 0.0, services_s[number]
        pieces[-1].append(visit)
        used += more
    return pieces


def _shared(
    beat: Beat,
    parts: Sequence[Sequence[int]],
    jobs: Sequence[Job],
    space: BeatSpace,
    drones: Sequence[int],
) -> list[list[int]]:
    """Drones of each part: every drone serves one part at least, every part has one at least.

    The nearest pairs of a drone and a part are made first, and no part has more drones than its even share
    before the others have theirs.
    """
    homes = np.array([space.sites[beat.sites.index(site)] for site, _ in beat.drones])
    middles = np.array([np.mean([jobs[k].middle for k in part], axis=0) for part in parts])
    away = np.hypot(*(homes[:, None] - middles[None]).transpose(2, 0, 1))
    pairs = sorted(((float(away[d, p]), d, p) for d in drones for p in range(len(parts))), key=lambda x: x)
    crews: list[list[int]] = [[] for _ in parts]
    most_parts = math.ceil(len(parts) / len(drones))
    most_drones = math.ceil(len(drones) / len(parts))
    taken = dict.fromkeys(drones, 0)
    for _, drone, part in pairs:
        if len(crews[part]) < most_drones and taken[drone] < most_parts:
            crews[part].append(drone)
            taken[drone] += 1
    for part, crew in enumerate(crews):
        if not crew:
            crew.append(int(np.argmin(away[:, part])))
    return [sorted(crew) for crew in crews]
