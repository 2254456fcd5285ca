"""Who flies which stretch of a tour, so that the last of several vehicles is done as early as possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

__all__ = ["Share", "share_tour", "transitions"]

Points = npt.NDArray[np.float64]
State = tuple[int, ...]

_SLACK = 1.001
"""The makespan may grow by this factor where that saves time in total."""


@dataclass(frozen=True, slots=True)
class Share:
    """A stretch of the tour, from place to place of the price tables, for one vehicle of a kind."""

    kind: int
    first: int
    last: int


def transitions(counts: Sequence[int]) -> int:
    """How many tables ``share_tour`` compares for so many vehicles of each kind."""
    return sum(sum(n < c for n, c in zip(state, counts, strict=True)) for state in _states(counts))


def share_tour(prices_s: Sequence[Points], counts: Sequence[int]) -> list[Share] | None:
    """Cut a tour into one stretch a vehicle: least longest time, then (nearly) least time in total. Exact.

    Dynamic programming over the place on the tour and the vehicles used so far, so that vehicles of several
    kinds come in the best order; vehicles that help nobody are left out.

    Args:
        prices_s: for each kind of vehicle, (n, n) times of the stretches between places; inf where it cannot.
        counts: how many vehicles there are of each kind.

    Returns:
        The stretches in tour order, or None where no sharing reaches the last place.
    """
    longest, _ = _solve(prices_s, counts, np.maximum, np.inf)
    makespan = min(float(done[-1]) for done in longest.values())
    if not np.isfinite(makespan):
        return None
    total, came = _solve(prices_s, counts, np.add, makespan * _SLACK)
    state = min(total, key=lambda s: (float(total[s][-1]), s))
    place = len(prices_s[0]) - 1
    shares = []
    while place > 0:
        kind, start = came[state][:, place].tolist()
        shares.append(Share(kind, start, place))
        state = _without(state, kind)
        place = start
    return shares[::-1]


def _solve(
    prices_s: Sequence[Points],
    counts: Sequence[int],
    joined: Callable[[Points, Points], Points],
    limit_s: float,
) -> tuple[dict[State, Points], dict[State, npt.NDArray[np.int64]]]:
    """For each set of vehicles the best value up to each place, and (kind, start) of the last stretch."""
    n = len(prices_s[0])
    best = {state: np.full(n, np.inf) for state in _states(counts)}
    came = {state: np.full((2, n), -1) for state in best}
    best[tuple(0 for _ in counts)][0] = 0.0
    for state in best:
        for kind, count in enumerate(counts):
            if state[kind] == count:
                continue
            after = (*state[:kind], state[kind] + 1, *state[kind + 1 :])
            price = prices_s[kind]
            value = joined(best[state][:, None], np.where(price <= limit_s, price, np.inf))
            start = value.argmin(axis=0)
            least = value[start, np.arange(n)]
            better = least < best[after]
            best[after][better] = least[better]
            came[after][:, better] = np.stack([np.full(better.sum(), kind), start[better]])
    return best, came


def _states(counts: Sequence[int]) -> list[State]:
    """All numbers of vehicles used, fewest first."""
    return sorted(product(*(range(c + 1) for c in counts)), key=lambda s: (sum(s), s))


def _without(state: State, kind: int) -> State:
    return (*state[:kind], state[kind] - 1, *state[kind + 1 :])
