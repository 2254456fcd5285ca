"""What sorties take at least: yardsticks for plans, ways from and to home included.

``sweep_bound`` is the ferry-aware form of the ideal sweep (all lines in one direction, no connector but one
hop between neighbours); ``ring_bound`` holds for any flight whatever. Decision record 0004 argues both.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.planning.estimate import FlightModel
from airbeat.planning.ferry import FlightRooms, Way

__all__ = ["Bound", "ring_bound", "sweep_bound"]

Points = npt.NDArray[np.float64]

_RINGS = 150
_MOST_SORTIES = 1000
_LEAST_LINE_M = 1.0
_CIRCLE_QUAD_SEGMENTS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The least that sorties take.

    Attributes:
        sorties: their number.
        total_s: flight time of all together [s].
    """

    sorties: int
    total_s: float


def ring_bound(
    target: Any, home: tuple[float, float], *, swath_m: float, usable_s: float, model: FlightModel
) -> Bound:
    """A bound on any sorties from and to home that see an area, whatever way they fly.

    Let d be the distance from home, r half the swath w, v the speed, a the acceleration and A(ρ) the area
    farther than ρ from home.

    1. A disc of radius r that moves along a path of length ℓ sees at most w·ℓ that it did not see at its
       start. What a sortie sees beyond ρ + r it sees from beyond ρ, and from where it crosses ρ it sees
       nothing beyond ρ + r yet: so all sorties together fly at least A(ρ + r)/w beyond ρ.
    2. A sortie that flies beyond ρ flies at least 2ρ within ρ and speeds up and slows down at least once,
       which costs v/a: at most v·(usable − v/a) − 2ρ are left. So at least
       N(ρ) = ⌈A(ρ + r)/(w·(v·(usable − v/a) − 2ρ))⌉ sorties fly beyond ρ.
    3. Each of those crosses every circle within ρ at least twice, so that within ρ the sorties fly at least
       2·∫₀^ρ N together.

    For every ρ therefore: time ≥ (2·∫₀^ρ N + A(ρ + r)/w)/v + N(0)·v/a; the largest of these is the bound.

    Args:
        target: local (Multi)Polygon to be seen.
        home: launch place [m].
        swath_m: width that a path sees [m].
        usable_s: longest flight [s].
        model: speed and acceleration.

    Returns:
        The bound; inf where the area reaches farther than a flight does.
    """
    v, ramp_s = model.speed_m_s, model.speed_m_s / model.acceleration_m_s2
    here = shapely.Point(home)
    reach = float(np.hypot(*(shapely.get_coordinates(target) - home).T).max())
    rings = np.linspace(0.0, reach, _RINGS + 1)
    outer = (rings + swath_m / 2) / math.cos(math.pi / 4 / _CIRCLE_QUAD_SEGMENTS)
    beyond = np.array(
        [target.difference(here.buffer(x, quad_segs=_CIRCLE_QUAD_SEGMENTS)).area for x in outer]
    )
    room_m = v * (usable_s - ramp_s) - 2 * rings
    if (beyond[room_m <= 0] > 0).any():
        return Bound(sorties=_MOST_SORTIES, total_s=math.inf)
    needed = np.ceil(beyond / (swath_m * np.maximum(room_m, 1e-9)) - 1e-9)
    needed = np.maximum.accumulate(needed[::-1])[::-1]
    crossing_m = 2 * np.concatenate([[0.0], np.cumsum(needed[1:] * np.diff(rings))])
    sorties = max(1, int(needed[0]))
    return Bound(sorties=sorties, total_s=float((crossing_m + beyond / swath_m).max() / v + sorties * ramp_s))


def sweep_bound(
    target: Any,
    home: tuple[float, float],
    *,
    swath_m: float,
    usable_s: float,
    model: FlightModel,
    rooms: FlightRooms,
    angles: int = 18,
    phases: int = 2,
) -> Bound:
    """A bound on sorties that sweep an area in lines of one direction, cut at the ends of lines.

    For one direction, the lines are the pieces of parallels a swath apart, their lengths scaled to area/swath
    in total. Sorties that fly them pass from line to line n − N times, at no less than a hop of one swath
    each; and each flies from home to one end of its first line and home from an end of its last. These are 2N
    different ends, so the ways take at least as long as those to the 2N ends that are fastest to reach inside
    the fence. N is the smallest number for which all this fits into N flights. The bound is the least over
    directions and positions of the lines. Without ways and batteries it is the ideal of the area.

    Args:
        target: local (Multi)Polygon to be seen.
        home: launch place [m].
        swath_m: distance between lines [m].
        usable_s: longest flight [s].
        model: what legs cost.
        rooms: where the ways from and to home may run.
        angles: directions tried, evenly over half a turn.
        phases: positions of the lines tried for each direction.
    """
    known: dict[tuple[float, float], float] = {}
    best = Bound(sorties=_MOST_SORTIES, total_s=math.inf)
    for k in range(angles):
        for phase in range(phases):
            ends, lengths = _lines(target, math.pi * k / angles, swath_m, phase / phases)
            if len(lengths):
                work_s = float(model.leg_times_s(lengths * (target.area / swath_m / lengths.sum())).sum())
                ferries = _fastest(ends, home, model, rooms, known)
                bound = _sorties(work_s, len(lengths), ferries, model.leg_time_s(swath_m), usable_s)
                best = min(best, bound, key=lambda b: b.total_s)
    return best


def _sorties(work_s: float, lines: int, ferries: Iterator[float], hop_s: float, usable_s: float) -> Bound:
    ferry_s = 0.0
    for sorties in range(1, lines + 1):
        ferry_s += next(ferries) + next(ferries)
        total_s = work_s + (lines - sorties) * hop_s + ferry_s
        if total_s <= sorties * usable_s:
            return Bound(sorties=sorties, total_s=total_s)
    return Bound(sorties=lines, total_s=work_s + ferry_s)


def _lines(target: Any, angle_rad: float, swath_m: float, phase: float) -> tuple[Points, Points]:
    """((2n, 2) ends, (n,) lengths) of the pieces of parallels inside the area [m]."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    turn = np.array([[c, -s], [s, c]])
    turned = shapely.transform(target, lambda xy: xy @ turn)
    x0, y0, x1, y1 = turned.bounds
    heights = np.arange(y0 + (0.5 - phase) * swath_m, y1 + swath_m / 2, swath_m)
    across = shapely.linestrings([[(x0 - 1.0, y), (x1 + 1.0, y)] for y in heights])
    pieces = shapely.get_parts(shapely.get_parts(shapely.intersection(across, turned)))
    pieces = [p for p in pieces if p.geom_type == "LineString" and p.length > _LEAST_LINE_M]
    if not pieces:
        return np.empty((0, 2)), np.empty(0)
    ends = np.vstack([shapely.get_coordinates(p)[[0, -1]] for p in pieces])
    return ends @ turn.T, np.array([p.length for p in pieces])


def _fastest(
    ends: Points,
    home: tuple[float, float],
    model: FlightModel,
    rooms: FlightRooms,
    known: dict[tuple[float, float], float],
) -> Iterator[float]:
    """Times of the ways from home to the ends, fastest first; ways are only looked for where they matter."""
    straight = model.leg_times_s(np.hypot(*(ends - home).T))
    heap = [(float(t), False, k) for k, t in enumerate(straight)]
    heapq.heapify(heap)
    while heap:
        time_s, exact, k = heapq.heappop(heap)
        if exact:
            yield time_s
            continue
        place = (float(ends[k][0]), float(ends[k][1]))
        if place not in known:
            way: Way | None = rooms.way(home, place)
            known[place] = math.inf if way is None else model.path_time_s(way)
        heapq.heappush(heap, (known[place], True, k))
