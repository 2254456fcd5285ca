"""Tracks are ordered well, reproducibly, and all of them exactly once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product

import numpy as np
import pytest

from airbeat.planning.order import order_tracks

Total = Callable[[np.ndarray, list[tuple[int, bool]]], float]


def _random_links(tracks: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    ends = rng.random((2 * tracks, 2)) * 1000
    return np.hypot(*(ends[:, None] - ends[None]).transpose(2, 0, 1))


@pytest.mark.parametrize("tracks", [1, 2, 5, 9, 10, 60])
def test_every_track_is_flown_once_in_one_direction(tracks: int) -> None:
    order = order_tracks(_random_links(tracks, 1), iterations=50)
    assert sorted(k for k, _ in order) == list(range(tracks))


def test_small_problems_are_solved_exactly(link_total: Total) -> None:
    link = _random_links(5, 2)
    best = min(
        link_total(link, list(zip(perm, turns, strict=True)))
        for perm in permutations(range(5))
        for turns in product([False, True], repeat=5)
    )
    assert link_total(link, order_tracks(link, iterations=1)) == pytest.approx(best, rel=1e-3)


def test_more_iterations_never_make_the_tour_longer(link_total: Total) -> None:
    link = _random_links(60, 3)
    totals = [link_total(link, order_tracks(link, iterations=n)) for n in (0, 100, 1000)]
    assert totals[0] >= totals[1] >= totals[2]
    assert totals[2] < totals[0]


def test_start_and_finish_costs_decide_where_the_tour_begins_and_ends() -> None:
    link = _random_links(30, 4)
    start, finish = np.full(60, 1e5), np.full(60, 1e5)
    start[7] = finish[20] = 0.0
    order = order_tracks(link, start=start, finish=finish, iterations=200)
    assert order[0] == (3, True)
    assert order[-1] == (10, True)


def test_the_same_seed_gives_the_same_tour() -> None:
    link = _random_links(40, 5)
    assert order_tracks(link, iterations=100, seed=9) == order_tracks(link, iterations=100, seed=9)
