"""From lines to one flown way: which line next, in which direction, and how to get there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from airbeat.errors import PlanningError
from airbeat.language.words import Message
from airbeat.planning.freespace import FlightSpace
from airbeat.planning.order import order_tracks
from airbeat.planning.route import Router

__all__ = ["Leg", "Links", "entered", "fly_lines", "with_gate"]

Points = npt.NDArray[np.float64]
_UNREACHABLE_S = 1e7
_ROUNDS = 6
_DETOUR = 1.4
_DETOUR_S = 8.0
"""A link that is not straight is first taken for this much longer, with two more stops."""
_ALL_PAIRS_ENDS = 60
_NEAR_ENDS = 16
_CHUNK_ENDS = 256
"""Ends compared with all others at once, so that memory stays bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One straight flown leg.

    Attributes:
        start: (x, y) [m].
        end: (x, y) [m].
        camera_on: whether it is part of a sweep line.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    camera_on: bool


def fly_lines(
    lines: Sequence[Points],
    *,
    home: tuple[float, float],
    near: Router,
    far: Router,
    iterations: int,
    seed: int,
    entry: tuple[float, float] | None = None,
) -> tuple[list[Leg], list[int]]:
    """Fly every line once, from home and back, on the fastest way found.

    Args:
        lines: each (2, 2): both ends of a sweep line [m].
        home: where the flight begins and ends.
        near: router of the space between the lines.
        far: router of the ways from and to home, and between parts that ``near`` does not join.
        iterations: budget of the ordering.
        seed: of the ordering.
        entry: the first line is the one with an end nearest to this place.

    Returns:
        The legs in flying order, and the numbers of lines that cannot be reached from home.
    """
    reachable = [k for k, line in enumerate(lines) if far.route(home, line[0]) is not None]
    lost = sorted(set(range(len(lines))) - set(reachable))
    if not reachable:
        return [], lost
    links = Links(np.vstack([lines[k] for k in reachable]), near, far)
    start = finish = np.array([_home_time(far, home, p) for p in links.ends])
    if entry is not None:
        away = np.hypot(*(links.ends - np.array(entry)).T)
        start = start + np.where(away <= away.min() + 1e-6, 0.0, _UNREACHABLE_S / 100)
    order = links.solve(start=start, finish=finish, iterations=iterations, seed=seed)
    legs: list[Leg] = []
    at = home
    for a, b in entered(order):
        begin, end = _pair(links.ends[a]), _pair(links.ends[b])
        legs += _joined(links.way(at, begin) if legs else _way(far, at, begin))
        legs.append(Leg(start=begin, end=end, camera_on=True))
        at = end
    legs += _joined(_way(far, at, home))
    return legs, lost


def entered(order: Sequence[tuple[int, bool]]) -> list[tuple[int, int]]:
    """Numbers of the (first, last) end of each track in flying order."""
    return [(2 * k + 1, 2 * k) if backwards else (2 * k, 2 * k + 1) for k, backwards in order]


def _home_time(far: Router, home: tuple[float, float], p: Points) -> float:
    found = far.route(home, p)
    return _UNREACHABLE_S if found is None else found[0]


def _way(router: Router, a: tuple[float, float], b: tuple[float, float]) -> list[tuple[float, float]]:
    found = router.route(a, b)
    if found is None:
        raise PlanningError(
            Message("no way inside the fence between two places at {a} and {b} (local metres)", a=a, b=b),
            remedy="widen the fence or use a smaller margin",
        )
    return found[1]


def with_gate(legs: list[Leg], space: FlightSpace) -> list[Leg]:
    """Legs that begin and end at the gate, made to begin and end at home."""
    if space.gate == space.home:
        return legs
    out = Leg(start=space.home, end=space.gate, camera_on=False)
    back = Leg(start=space.gate, end=space.home, camera_on=False)
    return [out, *legs, back]


def _pair(p: Points) -> tuple[float, float]:
    return float(p[0]), float(p[1])


def _joined(way: list[tuple[float, float]]) -> list[Leg]:
    return [
        Leg(start=a, end=b, camera_on=False)
        for a, b in pairwise(way)
        if abs(a[0] - b[0]) + abs(a[1] - b[1]) > 0.01
    ]


class Links:
    """Times between the ends of tracks: exact where seen straight or once used, estimated elsewhere.

    Args:
        ends: (2n, 2) both ends of every track [m].
        near: router of the space that the flight should stay in.
        far: router used between places that ``near`` does not join.
        setback_m: ways that first go back along a straight track by this much, or three times as much, are
            tried where the straight way is not free; 0 tries none.
        straight: (n,) which tracks are straight.
    """

    def __init__(
        self,
        ends: Points,
        near: Router,
        far: Router | None = None,
        *,
        setback_m: float = 0.0,
        straight: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        self.ends, self.near, self.far = ends, near, far
        n = len(ends)
        i, j = _nearest_pairs(ends)
        clear = near.clear(ends[i], ends[j])
        x, y = ends.T
        length = np.hypot(x[:, None] - x, y[:, None] - y)
        self.link = near.leg_time(_DETOUR * length) + _DETOUR_S
        self.known = np.eye(n, dtype=bool)
        self._ways: dict[tuple[int, int], list[tuple[float, float]]] = {}
        if setback_m > 0 and straight is not None:
            blocked = ~clear & np.repeat(straight, 2)[i] & np.repeat(straight, 2)[j]
            self._try_setbacks(i[blocked], j[blocked], setback_m)
        i, j = i[clear], j[clear]
        self.link[i, j] = self.link[j, i] = near.leg_time(length[i, j])
        self.known[i, j] = self.known[j, i] = True

    def _try_setbacks(self, i: npt.NDArray[np.int64], j: npt.NDArray[np.int64], setback: float) -> None:
        """Ways between blocked ends that leave the tracks a little before their ends."""
        inward = self.ends[np.arange(len(self.ends)) ^ 1] - self.ends
        length = np.hypot(*inward.T)
        unit = inward / np.maximum(length, 1e-9)[:, None]
        best = np.full(len(i), np.inf)
        for a, b in ((1, 0), (0, 1), (1, 1), (3, 1), (1, 3), (3, 3)):
            fits = (length[i] > a * setback) & (length[j] > b * setback) & (i // 2 != j // 2)
            p = self.ends[i] + unit[i] * (a * setback)
            q = self.ends[j] + unit[j] * (b * setback)
            time = self.near.leg_time(np.hypot(*(q - p).T))
            for steps in (a, b):
                time = time + (self.near.leg_time(np.full(len(i), steps * setback)) if steps else 0.0)
            worth = np.flatnonzero(fits & (time < best) & (time < self.link[i, j] + setback))
            for k in worth[self.near.clear(p[worth], q[worth])].tolist():
                best[k] = time[k]
                way = [self.ends[i[k]], *([p[k]] if a else []), *([q[k]] if b else []), self.ends[j[k]]]
                self._ways[int(i[k]), int(j[k])] = [_pair(x) for x in way]
        found = np.isfinite(best)
        self.link[i[found], j[found]] = self.link[j[found], i[found]] = best[found]
        self.known[i[found], j[found]] = self.known[j[found], i[found]] = True

    def way_between(self, first: int, second: int) -> list[tuple[float, float]]:
        """Points of the way from one track end to another, by their numbers.

        Raises:
            PlanningError: there is none.
        """
        if (first, second) in self._ways:
            return self._ways[first, second]
        if (second, first) in self._ways:
            return self._ways[second, first][::-1]
        return self.way(_pair(self.ends[first]), _pair(self.ends[second]))

    def way(self, a: tuple[float, float], b: tuple[float, float]) -> list[tuple[float, float]]:
        """Points of the way from a to b.

        Raises:
            PlanningError: there is none.
        """
        found = self.near.route(a, b)
        if found is None and self.far is not None:
            return _way(self.far, a, b)
        return _way(self.near, a, b) if found is None else found[1]

    def solve(
        self, *, iterations: int, seed: int, start: Points | None = None, finish: Points | None = None
    ) -> list[tuple[int, bool]]:
        """Order the tracks; make the used estimates exact; order again while that changes anything."""
        start = np.zeros(len(self.ends)) if start is None else start
        finish = np.zeros(len(self.ends)) if finish is None else finish
        best: list[tuple[int, bool]] = []
        best_total = np.inf
        order: list[tuple[int, bool]] | None = None
        for round_ in range(_ROUNDS):
            order = order_tracks(
                self.link,
                start=start,
                finish=finish,
                initial=order,
                seed=seed,
                iterations=iterations if round_ == 0 else iterations // 4,
            )
            changed = self._make_exact(order)
            total = self._total(order, start, finish)
            if total < best_total - 1e-9:
                best, best_total = order, total
            if not changed:
                break
        return best

    def _steps(self, order: list[tuple[int, bool]]) -> list[tuple[int, int]]:
        flown = entered(order)
        return [(a[1], b[0]) for a, b in pairwise(flown)]

    def _make_exact(self, order: list[tuple[int, bool]]) -> bool:
        changed = False
        for a, b in self._steps(order):
            if not self.known[a, b]:
                found = self.near.route(self.ends[a], self.ends[b])
                if found is None and self.far is not None:
                    found = self.far.route(self.ends[a], self.ends[b])
                time = _UNREACHABLE_S if found is None else found[0]
                self.link[a, b] = self.link[b, a] = time
                self.known[a, b] = self.known[b, a] = True
                changed = True
        return changed

    def _total(self, order: list[tuple[int, bool]], start: Points, finish: Points) -> float:
        flown = entered(order)
        links = sum(self.link[a, b] for a, b in self._steps(order))
        return float(start[flown[0][0]] + links + finish[flown[-1][1]])


def _nearest_pairs(ends: Points) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs i < j of which one is among the nearest of the other."""
    n = len(ends)
    if n <= _ALL_PAIRS_ENDS:
        i, j = np.triu_indices(n, 1)
        return i, j
    near = np.vstack([_nearest(ends, part) for part in np.array_split(ends, math.ceil(n / _CHUNK_ENDS))])
    pairs = np.stack([np.repeat(np.arange(n), near.shape[1]), near.ravel()])
    pairs = np.unique(np.sort(pairs, axis=0), axis=1)
    return pairs[0], pairs[1]


def _nearest(ends: Points, some: Points) -> npt.NDArray[np.int64]:
    """Numbers of the ends nearest to some of them, without the first, which is the end itself."""
    squared = (some[:, :1] - ends[:, 0]) ** 2 + (some[:, 1:] - ends[:, 1]) ** 2
    return np.argsort(squared, axis=1, kind="stable")[:, 1 : _NEAR_ENDS + 1]
