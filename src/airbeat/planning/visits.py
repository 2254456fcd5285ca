"""The order in which places are visited: the closed tour from and to home that takes least time.

Up to nineteen places are ordered exactly (Held and Karp 1962, by fast-tsp, times rounded to a part in 40,000
of the longest leg). More are ordered by the local search of :mod:`airbeat.planning.order`, whose budget is
iterations, so that the same input and seed give the same tour on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import fast_tsp
import numpy as np
import numpy.typing as npt

from airbeat.planning.order import order_tracks
from airbeat.planning.route import Router
from airbeat.vehicle.airframe import Airframe

__all__ = ["EXACT_PLACES", "VisitTimes", "shortest_tour"]

EXACT_PLACES = 19
"""So many places are ordered exactly."""
_MOST_TICKS = 40_000
"""The solver counts in 16 bits."""
_ROUNDS = 30
_ALL_PLACES = 100
"""Among so many places every way is found at first; among more, those to the nearest."""
_NEAREST = 12
_UNREACHABLE_S = 1e7

Places = Sequence[tuple[float, float]]


class VisitTimes:
    """Times between home (number 0) and the places to visit (1…n), stop to stop and round keep-outs [s].

    A leg takes as long as its way or its change of height, whichever is longer; a climb and a descent of the
    same height count the same, as a closed tour has as much of one as of the other. Until the way is known, a
    leg that is not free counts as if it were: less than it takes, so that none is passed over.

    Args:
        home: (x, y) where the tour begins and ends [m].
        places: (x, y) of each place [m].
        heights_m: height of each place [m].
        router: of the free space.
        airframe: for the time that changes of height take.
    """

    def __init__(
        self,
        home: tuple[float, float],
        places: Places,
        heights_m: Sequence[float],
        *,
        router: Router,
        airframe: Airframe,
    ) -> None:
        self.places = [home, *places]
        self._router = router
        xy = np.array(self.places)
        n = len(xy)
        self._rise_s = np.zeros((n, n))
        self._rise_s[1:, 1:] = _rise_times_s(heights_m, airframe)
        length = np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1))
        first, second = np.triu_indices(n, 1)
        clear = np.eye(n, dtype=bool)
        clear[first, second] = clear[second, first] = router.clear(xy[first], xy[second])
        straight_s = np.where(np.eye(n, dtype=bool), 0.0, router.leg_time(length))
        self.time_s: npt.NDArray[np.float64] = np.maximum(straight_s, self._rise_s)
        self._known = clear

    def make_exact(self, i: int, j: int) -> bool:
        """Find the way between two places; whether it was not known before."""
        if self._known[i, j]:
            return False
        found = self._router.route(self.places[i], self.places[j])
        time_s = _UNREACHABLE_S if found is None else max(found[0], float(self._rise_s[i, j]))
        self.time_s[i, j] = self.time_s[j, i] = time_s
        self._known[i, j] = self._known[j, i] = True
        return True

    def make_nearest_exact(self, count: int) -> None:
        """Find the ways from each place to so many of the nearest others."""
        for i, near in enumerate(np.argsort(self.time_s, axis=1, kind="stable")[:, : count + 1].tolist()):
            for j in near:
                self.make_exact(i, j)

    def tour_s(self, order: Sequence[int]) -> float:
        """Time of the tour that visits places by their numbers 0…n-1, from and to home [s]."""
        stops = [0, *(k + 1 for k in order), 0]
        for i, j in pairwise(stops):
            self.make_exact(i, j)
        return float(sum(self.time_s[i, j] for i, j in pairwise(stops)))


def _rise_times_s(heights_m: Sequence[float], airframe: Airframe) -> npt.NDArray[np.float64]:
    """(n, n) mean of the times of a climb and of a descent between heights [s]."""
    levels, at = np.unique(np.array(heights_m, dtype=np.float64), return_inverse=True)
    table = np.array([[airframe.climb_time_s(float(b - a)) for b in levels] for a in levels])
    return np.asarray(((table + table.T) / 2)[np.ix_(at, at)])


def shortest_tour(times: VisitTimes, *, iterations: int, seed: int = 0) -> list[int]:
    """Numbers 0…n-1 of the places on the tour that takes least time.

    Of the two directions the one is taken that begins with the place listed first.

    Args:
        times: between the places.
        iterations: budget of the search beyond nineteen places.
        seed: of that search.
    """
    n = len(times.places) - 1
    if n <= 2:
        return list(range(n))
    order = _exact(times) if n <= EXACT_PLACES else _searched(times, iterations=iterations, seed=seed)
    return order if order[0] < order[-1] else order[::-1]


def _exact(times: VisitTimes) -> list[int]:
    times.make_nearest_exact(len(times.places))
    reachable = times.time_s[times.time_s < _UNREACHABLE_S]
    ticks = np.rint(times.time_s * (_MOST_TICKS / max(float(reachable.max()), 1e-9)))
    cycle = fast_tsp.find_tour(np.minimum(ticks, 2 * _MOST_TICKS - 20_000).astype(np.int64))
    at = cycle.index(0)
    return [k - 1 for k in (*cycle[at + 1 :], *cycle[:at])]


def _searched(times: VisitTimes, *, iterations: int, seed: int) -> list[int]:
    """Order, make exact what the order uses, order again while that changes anything."""
    count = len(times.places)
    times.make_nearest_exact(count if count <= _ALL_PLACES + 1 else _NEAREST)
    best: list[int] = []
    best_s = math.inf
    order: list[tuple[int, bool]] | None = None
    for round_ in range(_ROUNDS):
        ends = np.repeat(np.arange(1, len(times.places)), 2)
        gate = times.time_s[0, ends]
        order = order_tracks(
            times.time_s[np.ix_(ends, ends)],
            start=gate,
            finish=gate,
            iterations=iterations if round_ == 0 else iterations // 4,
            seed=seed,
            initial=order,
        )
        visits = [k for k, _ in order]
        stops = [0, *(k + 1 for k in visits), 0]
        changed = [times.make_exact(i, j) for i, j in pairwise(stops)]
        if (taken_s := times.tour_s(visits)) < best_s - 1e-9:
            best, best_s = visits, taken_s
        if not any(changed):
            break
    return best
