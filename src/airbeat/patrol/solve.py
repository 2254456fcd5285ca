"""Which solver a problem goes to, and what is said of stops that no tour serves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from airbeat.patrol.bulk import bulk_tours
from airbeat.patrol.insertion import solve_by_insertion
from airbeat.patrol.tours import Tour, TourProblem, timed, total_s
from airbeat.patrol.vrp import pyvrp_is_there, solve_with_pyvrp

__all__ = ["HANDFUL", "solve_tours"]

HANDFUL = 8
"""Up to so many stops are tried without PyVRP first."""
_INSERTIONS = 300
_PER_STOP = 60
_MOST_WORK = 4_200_000
"""Iterations times stops: six to nine seconds of one core that is shared."""
_ROUNDS = 6
_MANY = 300
"""From so many stops on `bulk_tours` does without the extra, and begins for it where ways are unknown."""
_NEIGHBOURS_OF_MANY = 35
"""From `_MANY` stops on, all ways known: the last of PyVRP's fifty find little for a fifth of the time."""
_UNSERVED_S = 1e7
"""A stop that is left out costs more than all travel."""


def solve_tours(
    problem: TourProblem, *, seed: int = 0, effort: float = 1.0, with_pyvrp: bool | None = None
) -> tuple[list[Tour], list[int]]:
    """Tours over as many stops as can be served, and the numbers of the others.

    Times of ways that tours use and that were only reckoned are found and the tours made again, until all
    that they use is known.

    Args:
        problem: what is served.
        seed: of the search.
        effort: 1 for the usual budget of iterations.
        with_pyvrp: whether to use the extra; None uses it where it is installed.
    """
    if not problem.names:
        return [], []
    extra = pyvrp_is_there() if with_pyvrp is None else with_pyvrp
    if len(problem.names) >= _MANY and not (extra and _complete(problem)):
        return _many(problem, seed=seed, effort=effort, extra=extra)
    if not extra or len(problem.names) <= HANDFUL:
        tours, left = solve_by_insertion(problem, iterations=max(1, round(_INSERTIONS * effort)), seed=seed)
        if not left or not extra:
            return _settled(problem, tours, left)
    return _with_extra(problem, seed=seed, effort=effort)


def _settled(
    problem: TourProblem, tours: Sequence[Tour], left: Sequence[int]
) -> tuple[list[Tour], list[int]]:
    """The tours with all ways known; stops of those that are no longer feasible are put in again."""
    if _complete(problem) or not _make_exact(problem, tours):
        return list(tours), list(left)
    again, unserved = solve_by_insertion(problem, iterations=1)
    _make_exact(problem, again)
    return again, unserved


def _many(problem: TourProblem, *, seed: int, effort: float, extra: bool) -> tuple[list[Tour], list[int]]:
    """Tours over many stops: by insertion, then by the extra; all ways that they use are known."""
    tours, left = _inserted(problem, seed=seed)
    if not extra:
        return tours, left
    found = solve_with_pyvrp(
        problem, iterations=_iterations(problem, effort), seed=seed, initial=tours, required=not left
    )
    if found is not None:
        better, unserved = _inserted(problem, seed=seed, begun=found)
        if _price(problem, better) < _price(problem, tours):
            return better, unserved
    return tours, left


def _inserted(problem: TourProblem, *, seed: int, begun: Sequence[Tour] = ()) -> tuple[list[Tour], list[int]]:
    tours, left = bulk_tours(problem, seed=seed, begun=begun)
    while _make_exact(problem, tours):
        tours, left = bulk_tours(problem, seed=seed, begun=tours)
    return tours, left


def _iterations(problem: TourProblem, effort: float) -> int:
    stops = len(problem.names)
    return max(1, round(effort * min(_PER_STOP * stops, _MOST_WORK / stops)))


def _with_extra(problem: TourProblem, *, seed: int, effort: float) -> tuple[list[Tour], list[int]]:
    iterations = _iterations(problem, effort)
    neighbours = _NEIGHBOURS_OF_MANY if len(problem.names) >= _MANY else None
    required = True
    best: tuple[float, list[Tour]] | None = None
    tours: list[Tour] | None = None
    for round_ in range(_ROUNDS):
        budget = iterations if round_ == 0 else max(1, iterations // 8)
        tours = solve_with_pyvrp(
            problem,
            iterations=budget,
            seed=seed,
            initial=tours,
            required=required,
            neighbours=neighbours,
        )
        if tours is None and required:
            required = False
            tours = solve_with_pyvrp(
                problem, iterations=budget, seed=seed, required=False, neighbours=neighbours
            )
        if tours is None:
            break
        changed = _make_exact(problem, tours)
        feasible = all(timed(problem, t).feasible for t in tours)
        price = _price(problem, tours)
        if feasible and (best is None or price < best[0]):
            best = (price, tours)
        if not changed:
            break
    if best is None:
        return solve_by_insertion(problem, iterations=1, seed=seed)
    return best[1], _left(problem, best[1])


def _complete(problem: TourProblem) -> bool:
    """Whether all ways are known."""
    return all(legs.complete for legs in problem.legs)


def _price(problem: TourProblem, tours: Sequence[Tour]) -> float:
    return total_s(problem, tours) + _UNSERVED_S * len(_left(problem, tours))


def _left(problem: TourProblem, tours: Sequence[Tour]) -> list[int]:
    served = {problem.choices[c].stop for t in tours for c in t.choices}
    return [s for s in range(len(problem.names)) if s not in served]


def _make_exact(problem: TourProblem, tours: Sequence[Tour]) -> bool:
    """Find the ways that tours use; whether one was not known before."""
    changed = False
    for tour in tours:
        slot = problem.slots[tour.slot]
        chosen = [problem.choices[c] for c in tour.choices]
        stops = [(slot.place, slot.place), *((c.start, c.end) for c in chosen), (slot.place, slot.place)]
        pairs = np.array([(a[1], b[0]) for a, b in pairwise(stops) if a[1] != b[0]], dtype=np.int64)
        if len(pairs):
            changed |= problem.legs[slot.profile].make_exact(pairs[:, 0], pairs[:, 1])
    return changed
