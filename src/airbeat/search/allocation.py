"""Where effort belongs: the optimal split of search effort over cells, and the ranking for one sure look.

With exponential detection, p·(1 - exp(-a·t)), the best split of a total T is a threshold on the rate of
return (Charnes and Cooper 1958; Stone, Theory of Optimal Search, 1975, section 2.2): every cell that gets
effort ends at one rate λ = p·a·exp(-a·t), and cells whose first hour returns less than λ get none. With a
sensor that sees nearly everything on its first pass a second one is worth little, and ground is taken in
the order of its probability per hour instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.errors import PlanningError
from airbeat.language.words import Message

__all__ = ["Allocation", "allocate_effort", "rank_once"]

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Effort by cell.

    Attributes:
        effort: (n,) effort of each cell, in the unit of the budget; 0 where none is worth it.
        found: probability of finding within that effort, 0…1.
        return_rate: λ, what one more unit of effort would add to ``found``, per unit.
        searched: how many cells get effort.
    """

    effort: Values
    found: float
    return_rate: float
    searched: int


def allocate_effort(probability: Values, rate: Values, budget: float) -> Allocation:
    """The split of a budget that maximises Σ p·(1 - exp(-a·t)). Exact, O(n log n).

    Sorted by p·a, for the first k cells ln λ_k = [Σ ln(p·a)/a - T] / Σ 1/a; the largest k whose last cell
    still returns more than λ_k is taken, and t = ln(p·a/λ)/a there.

    Args:
        probability: (n,) probability that the cell holds the person, none negative.
        rate: (n,) a = W·v/A, the coverage that one unit of effort buys in the cell [1/unit], none negative;
            0 for a cell that cannot be searched.
        budget: the effort T there is, positive.

    Raises:
        PlanningError: arrays of different length, values that are no such numbers, no cell worth anything,
            or no budget.
    """
    p, a = _checked(probability, rate)
    if not (np.isfinite(budget) and budget > 0):
        raise PlanningError(
            Message("there is no effort to allocate: the budget is {budget:g}", budget=budget),
            remedy="allow a positive flight time",
        )
    first = p * a
    order = np.argsort(-first, kind="stable")
    order = order[first[order] > 0]
    if not order.size:
        raise PlanningError(
            "no cell can be found in: every probability times its search rate is 0",
            remedy="give the map some probability where the aircraft can fly",
        )
    log_first = np.log(first[order])
    inverse = 1.0 / a[order]
    log_level = (np.cumsum(log_first * inverse) - budget) / np.cumsum(inverse)
    last = int(np.flatnonzero(log_first > log_level)[-1])
    chosen = order[: last + 1]
    effort = np.zeros_like(p)
    effort[chosen] = (log_first[: last + 1] - log_level[last]) * inverse[: last + 1]
    found = float(np.sum(p * -np.expm1(-a * effort)))
    return Allocation(
        effort=effort, found=found, return_rate=float(np.exp(log_level[last])), searched=len(chosen)
    )


def rank_once(
    probability: Values, cost: Values, budget: float, *, detection: float = 1.0, transit: float = 0.0
) -> Allocation:
    """Cells taken once each, by probability per effort, until the budget less the transit is spent.

    For a near-definite sensor. The last cell may be searched in part, which makes this the bound that no
    single flight with this detection and cost can exceed.

    Args:
        probability: (n,) probability that the cell holds the person, none negative.
        cost: (n,) effort of one look at the whole cell, positive; infinity for one that cannot be flown over.
        budget: the effort there is.
        detection: probability that one look finds a person who is there, 0…1.
        transit: effort of the ways to the ground and back, paid before anything is searched.

    Raises:
        PlanningError: as :func:`allocate_effort`, or a transit that leaves nothing of the budget.
    """
    cost = np.asarray(cost, dtype=np.float64)
    if not (cost > 0).all():
        raise PlanningError(
            "a cell's cost of one look must be positive", remedy="give a sweep width and speed above 0"
        )
    p, speed = _checked(probability, 1.0 / cost)
    if not 0.0 < detection <= 1.0:
        raise PlanningError(
            Message("detection must be above 0 and at most 1 (got {detection:g})", detection=detection)
        )
    left = budget - transit
    if not left > 0:
        raise PlanningError(
            Message(
                "the ways out and back take {transit:g} of a budget of {budget:g}: none is left",
                transit=transit,
                budget=budget,
            ),
            remedy="allow more flight time, or launch nearer to the ground to be searched",
        )
    density = p * speed
    order = np.argsort(-density, kind="stable")
    order = order[density[order] > 0]
    if not order.size:
        raise PlanningError(
            "no cell can be found in: every probability is 0",
            remedy="give the map some probability where the aircraft can fly",
        )
    before = np.cumsum(cost[order]) - cost[order]
    share = np.clip((left - before) / cost[order], 0.0, 1.0)
    effort = np.zeros_like(p)
    effort[order] = share * cost[order]
    searched = int(np.count_nonzero(share))
    rate = detection * float(density[order[searched - 1]]) if left < cost[order].sum() else 0.0
    found = detection * float(np.sum(p[order] * share))
    return Allocation(effort=effort, found=found, return_rate=rate, searched=searched)


def _checked(probability: Values, rate: Values) -> tuple[Values, Values]:
    p, a = np.asarray(probability, dtype=np.float64), np.asarray(rate, dtype=np.float64)
    if p.ndim != 1 or p.shape != a.shape:
        raise PlanningError(
            Message(
                "probabilities of shape {shape} and rates of shape {shape_2} do not go together",
                shape=p.shape,
                shape_2=a.shape,
            )
        )
    for name, values in (("probability", p), ("search rate", a)):
        wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
        if wrong.size:
            raise PlanningError(
                Message(
                    "the {name} of cell {wrong} is {values:g}",
                    name=name,
                    wrong=wrong[0],
                    values=values[wrong[0]],
                ),
                remedy="every value must be a number of 0 or more",
            )
    return p, a
