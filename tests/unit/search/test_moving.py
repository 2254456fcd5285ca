"""Looks without a find on a map that moves, and who looks where next."""

from __future__ import annotations

import numpy as np
import pytest

from airbeat.search.moving import MovingBelief, assigned


def spot(row: int, column: int, *, size: int = 15) -> np.ndarray:
    r, c = np.indices((size, size))
    values = np.exp(-((r - row) ** 2 + (c - column) ** 2) / 4.0)
    return values / values.sum()


def test_a_look_without_a_find_follows_bayes() -> None:
    belief = MovingBelief((15, 15), detection=0.8, blur=0.0)
    prior = spot(7, 7)
    belief.step(prior)

    belief.looked((7, 7))

    missed = 1.0 - 0.8 * prior[7, 7]
    assert belief.now[7, 7] == pytest.approx(0.2 * prior[7, 7] / missed)
    assert belief.now[3, 4] == pytest.approx(prior[3, 4] / missed)
    assert belief.now.sum() == pytest.approx(1.0)


def test_evidence_moves_with_the_map() -> None:
    belief = MovingBelief((15, 15), detection=1.0, blur=0.0)
    belief.step(spot(7, 6))
    belief.looked((7, 6))

    belief.step(spot(7, 7))

    assert belief.now[7, 7] == pytest.approx(0.0, abs=1e-12)
    assert belief.now[7, 6] > 0.05


def test_evidence_fades_where_the_map_spreads() -> None:
    belief = MovingBelief((15, 15), detection=1.0, blur=0.1)
    belief.step(spot(7, 7))
    belief.looked((7, 7))

    for _ in range(10):
        belief.step(spot(7, 7))

    assert 0.0 < belief.now[7, 7] < spot(7, 7)[7, 7]


def test_a_searcher_on_the_likeliest_cell_looks_there_and_others_elsewhere() -> None:
    belief = spot(7, 7)

    chosen = assigned(belief, [(7, 7), (0, 0), (14, 14)], detection=0.9)

    assert chosen[0] == (7, 7)
    assert len(set(chosen)) == 3


def test_of_two_equal_places_the_nearer_is_taken() -> None:
    belief = np.zeros((15, 15))
    belief[2, 2] = belief[12, 12] = 0.5

    assert assigned(belief, [(4, 4)], detection=1.0) == [(2, 2)]
