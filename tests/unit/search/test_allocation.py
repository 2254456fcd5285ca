"""Optimal effort: against a numerical optimiser, against its own conditions, and what is refused."""

import numpy as np
import pytest
from scipy.optimize import minimize

from airbeat.errors import PlanningError
from airbeat.search.allocation import allocate_effort, rank_once


def _numerically(p: np.ndarray, a: np.ndarray, budget: float) -> float:
    """The best split found by a general optimiser from an even start."""
    result = minimize(
        lambda t: -np.sum(p * (1 - np.exp(-a * t))),
        np.full(len(p), budget / len(p)),
        jac=lambda t: -p * a * np.exp(-a * t),
        bounds=[(0, budget)] * len(p),
        constraints=[{"type": "eq", "fun": lambda t: t.sum() - budget, "jac": np.ones_like}],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    assert result.success
    return -float(result.fun)


@pytest.mark.parametrize("seed", range(8))
def test_allocation_finds_what_a_numerical_optimiser_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 25))
    p = rng.dirichlet(np.full(n, 0.5))
    a = rng.uniform(0.05, 4.0, n)
    budget = float(rng.uniform(0.1, 20.0))

    best = allocate_effort(p, a, budget)

    assert best.effort.sum() == pytest.approx(budget, rel=1e-9)
    assert (best.effort >= 0).all()
    assert best.found == pytest.approx(_numerically(p, a, budget), abs=1e-7)


def test_every_cell_that_gets_effort_ends_at_the_same_rate_of_return() -> None:
    p, a = np.array([0.5, 0.3, 0.15, 0.05]), np.array([1.0, 0.5, 2.0, 0.1])

    best = allocate_effort(p, a, 2.0)

    rates = p * a * np.exp(-a * best.effort)
    used = best.effort > 0
    assert rates[used] == pytest.approx(best.return_rate)
    assert (rates[~used] <= best.return_rate).all()
    assert best.searched == used.sum() == 3


def test_two_cells_share_effort_as_the_formula_says() -> None:
    # ln λ = (ln .6 + ln .3 - 2)/2, t = ln(p/λ): the richer cell gets ln 2 hours more.
    best = allocate_effort(np.array([0.6, 0.3]), np.array([1.0, 1.0]), 2.0)

    assert best.effort[0] - best.effort[1] == pytest.approx(np.log(2.0))
    assert best.return_rate == pytest.approx(np.sqrt(0.6 * 0.3) * np.exp(-1.0))


def test_little_effort_all_goes_to_the_cell_that_returns_most() -> None:
    best = allocate_effort(np.array([0.2, 0.7]), np.array([4.0, 1.0]), 0.01)

    assert best.effort.tolist() == pytest.approx([0.01, 0.0])


def test_a_cell_that_cannot_be_searched_gets_nothing() -> None:
    best = allocate_effort(np.array([0.9, 0.1]), np.array([0.0, 1.0]), 3.0)

    assert best.effort.tolist() == pytest.approx([0.0, 3.0])


def test_one_sure_look_takes_the_densest_cells_and_pays_for_the_way() -> None:
    p, cost = np.array([0.4, 0.3, 0.2, 0.1]), np.array([4.0, 1.0, 1.0, 2.0])

    once = rank_once(p, cost, 4.0, detection=0.9, transit=1.0)

    assert once.effort.tolist() == pytest.approx([1.0, 1.0, 1.0, 0.0])  # .3 and .2 an hour, then .1
    assert once.found == pytest.approx(0.9 * (0.3 + 0.2 + 0.4 / 4))
    assert once.return_rate == pytest.approx(0.09)


def test_a_budget_for_everything_looks_everywhere_once() -> None:
    once = rank_once(np.array([0.5, 0.25]), np.array([1.0, 2.0]), 10.0)

    assert once.found == pytest.approx(0.75)
    assert once.return_rate == 0.0


@pytest.mark.parametrize(
    ("probability", "rate", "budget", "says"),
    [
        ([0.5, 0.5], [1.0, 1.0], 0.0, "budget is 0"),
        ([0.5, 0.5], [1.0, 1.0], float("nan"), "budget is nan"),
        ([0.0, 0.0], [1.0, 1.0], 1.0, "every probability times its search rate is 0"),
        ([0.5, -0.1], [1.0, 1.0], 1.0, "probability of cell 1 is -0.1"),
        ([0.5, 0.5], [1.0, float("inf")], 1.0, "search rate of cell 1 is inf"),
        ([0.5], [1.0, 1.0], 1.0, "do not go together"),
    ],
)
def test_impossible_input_is_refused_with_the_number_to_change(
    probability: list[float], rate: list[float], budget: float, says: str
) -> None:
    with pytest.raises(PlanningError, match=says):
        allocate_effort(np.array(probability), np.array(rate), budget)


def test_a_transit_that_takes_the_whole_budget_is_refused_with_both_numbers() -> None:
    with pytest.raises(PlanningError, match="take 5 of a budget of 4"):
        rank_once(np.array([1.0]), np.array([1.0]), 4.0, transit=5.0)
