"""How near vehicles come to one another at one height, and starts that keep them apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from airbeat.planning.airspace import LAYER_STEP_M, Slot, starts_s

__all__ = ["APART_M", "Track", "nearest_m", "separated_starts_s"]

Points = npt.NDArray[np.float64]

APART_M = 15.0
"""Vehicles at one height keep this distance, by waiting on the ground."""
_WAIT_S = 10.0
_TRIES = 30
_SAMPLE_S = 1.0
_BESIDE_S = 3.0
"""A change of height is taken to last so much longer before and after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Where a flight is and which heights it may be at, from its take-off on.

    Attributes:
        drone: number of the vehicle.
        times_s: (n,) ascending, from 0 at the take-off [s].
        xy: (n, 2) place at those times, straight between them [m].
        spans: (begin [s], end [s], lowest [m], highest [m]) of the heights, which may overlap.
    """

    drone: int
    times_s: Points
    xy: Points
    spans: tuple[tuple[float, float, float, float], ...]

    def heights(self, times_s: Points) -> tuple[Points, Points]:
        """Lowest and highest height at some times [m]."""
        low, high = np.full(len(times_s), np.inf), np.full(len(times_s), -np.inf)
        for begin, end, lowest, highest in self.spans:
            now = (times_s >= begin - _BESIDE_S) & (times_s <= end + _BESIDE_S)
            low[now] = np.minimum(low[now], lowest)
            high[now] = np.maximum(high[now], highest)
        return low, high


def nearest_m(tracks: Sequence[Track], starts: Sequence[float]) -> tuple[float, int]:
    """The least distance of two vehicles at one height [m], and which flight of the two starts later.

    Heights less than half a layer apart are one height. Over a launch place that both share, vehicles are
    kept apart in time instead; that is not counted here. (inf, -1) where no two meet at one height.
    """
    best = (math.inf, -1)
    for i, j in combinations(range(len(tracks)), 2):
        if tracks[i].drone != tracks[j].drone:
            distance_m = _pair_m(tracks[i], starts[i], tracks[j], starts[j])
            if distance_m < best[0]:
                best = (distance_m, i if starts[i] > starts[j] else j)
    return best


def _pair_m(a: Track, a_start: float, b: Track, b_start: float) -> float:
    begin, end = max(a_start, b_start), min(a_start + a.times_s[-1], b_start + b.times_s[-1])
    if end <= begin:
        return math.inf
    times = np.arange(begin, end, _SAMPLE_S)
    places, lows, highs, at_home = [], [], [], []
    for track, start in ((a, a_start), (b, b_start)):
        now = times - start
        places.append(np.column_stack([np.interp(now, track.times_s, track.xy[:, k]) for k in (0, 1)]))
        low, high = track.heights(now)
        lows.append(low)
        highs.append(high)
        at_home.append(np.hypot(*(places[-1] - track.xy[0]).T) < APART_M)
    slack = LAYER_STEP_M / 2
    meet = (lows[0] < highs[1] + slack) & (lows[1] < highs[0] + slack)
    if math.dist(a.xy[0], b.xy[0]) < APART_M:
        meet &= ~(at_home[0] & at_home[1])
    if not meet.any():
        return math.inf
    return float(np.hypot(*(places[0] - places[1])[meet].T).min())


def separated_starts_s(
    slots: Sequence[Slot], tracks: Sequence[Track], *, swap_s: float
) -> tuple[list[float], float]:
    """Starts of flights that keep the launch places to one at a time and vehicles at one height apart.

    Where two come too near, the later one waits on the ground, ten seconds at a time; if that does not help,
    the starts that keep them farthest apart are taken.

    Returns:
        The starts [s], and the least distance of two vehicles at one height [m] (inf where none meet).
    """
    slots = list(slots)
    starts = starts_s(slots, swap_s=swap_s)
    nearest, later = nearest_m(tracks, starts)
    best = (starts, nearest)
    for _ in range(_TRIES):
        if nearest >= APART_M:
            break
        slots[later] = replace(slots[later], not_before_s=starts[later] + _WAIT_S)
        starts = starts_s(slots, swap_s=swap_s)
        nearest, later = nearest_m(tracks, starts)
        if nearest > best[1]:
            best = (starts, nearest)
    return best
