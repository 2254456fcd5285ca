"""Times between the places of a tour, led round keep-outs: all of them, or those that tours use.

Up to some hundred places every way is found at first. Of thousands, a leg counts as if it were free until it
is used: less than it takes, so that none is passed over. Ways to the nearest places and to the launch sites
are found at first, the others once a tour uses them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from airbeat.planning.route import Router

__all__ = ["UNREACHABLE_S", "LegTimes"]

Points = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

UNREACHABLE_S = 1e6
"""Time of a way that does not exist [s]."""
_ALL_PLACES = 700
_NEAREST = 12
_CHUNK = 200_000


class LegTimes:
    """Times between places, stop to stop [s].

    Args:
        places: (x, y) of each place [m].
        router: of the free space, with the leg times of the drone.
        hubs: numbers of places from and to which all ways are found at first.
        everything: whether all ways are found at first; None decides by how many there are.

    Attributes:
        time_s: (n, n) symmetric times as far as known.
    """

    def __init__(
        self,
        places: Sequence[tuple[float, float]],
        router: Router,
        *,
        hubs: Iterable[int] = (),
        everything: bool | None = None,
    ) -> None:
        self.places = list(places)
        self.router = router
        self._xy = np.array(self.places, dtype=np.float64).reshape(-1, 2)
        n = len(self._xy)
        self.complete = n <= _ALL_PLACES if everything is None else everything
        self.time_s: Points = np.empty((n, n))
        for rows in np.array_split(np.arange(n), max(1, n * n // 4_000_000)):
            apart = np.hypot(*(self._xy[rows, None] - self._xy[None]).transpose(2, 0, 1))
            self.time_s[rows] = router.leg_time(apart)
        np.fill_diagonal(self.time_s, 0.0)
        self._known = np.eye(n, dtype=bool)
        first, second = np.triu_indices(n, 1) if self.complete else self._first_pairs(hubs)
        self.make_exact(first, second)

    def _first_pairs(self, hubs: Iterable[int]) -> tuple[Numbers, Numbers]:
        n = len(self._xy)
        near = np.vstack(
            [
                np.argpartition(self.time_s[rows], _NEAREST, axis=1)[:, : _NEAREST + 1]
                for rows in np.array_split(np.arange(n), max(1, n // 500))
            ]
        )
        first = np.repeat(np.arange(n), near.shape[1])
        second = near.ravel()
        for hub in hubs:
            first = np.concatenate([first, np.full(n, hub)])
            second = np.concatenate([second, np.arange(n)])
        pairs = np.unique(np.sort(np.stack([first, second]), axis=0), axis=1)
        pairs = pairs[:, pairs[0] != pairs[1]]
        return pairs[0], pairs[1]

    def make_exact(self, first: Numbers, second: Numbers) -> bool:
        """Find the ways between pairs of places; whether one was not known before."""
        new = ~self._known[first, second]
        first, second = first[new], second[new]
        for part in np.array_split(np.arange(len(first)), max(1, math.ceil(len(first) / _CHUNK))):
            i, j = first[part], second[part]
            times = self.router.times_s(self._xy, i, j)
            for k in np.flatnonzero(np.isinf(times)).tolist():
                found = self.router.route(self.places[int(i[k])], self.places[int(j[k])])
                times[k] = UNREACHABLE_S if found is None else found[0]
            self.time_s[i, j] = self.time_s[j, i] = times
            self._known[i, j] = self._known[j, i] = True
        return len(first) > 0

    def way(self, i: int, j: int) -> list[tuple[float, float]]:
        """Places of the way behind its start; empty where it does not exist."""
        if self.places[i] == self.places[j]:
            return [self.places[j]]
        found = self.router.route(self.places[i], self.places[j])
        return [] if found is None else found[1][1:]
