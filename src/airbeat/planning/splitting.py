"""The best cuts of a tour: fewest sorties, then least time, ways from and to home included.

A path is cut route-first: the order stays, and dynamic programming over all cut places finds the best cuts
(Beasley 1983, "Route first–cluster second methods for vehicle routing").
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from airbeat.planning.cutting import CutTour, Piece
from airbeat.planning.ferry import Ferry

__all__ = ["best_pieces", "piece_prices_s"]

Points = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

_MID_LEG_S = 30.0
"""A cut inside a leg is taken only where it saves this much time, or a sortie."""
_SORTIE_S = 1e7
"""What one sortie more costs: more than any saving of time."""


def best_pieces(
    tour: CutTour,
    ferry: Ferry,
    *,
    usable_s: float,
    most_corners: int,
    first: int = 0,
    last: int = -1,
) -> list[Piece] | None:
    """The cuts of nodes first…last into the fewest sorties and, with as many, the least time.

    Args:
        tour: what is cut.
        ferry: what flights take.
        usable_s: longest flight [s].
        most_corners: most corners of a flight.
        first: node to begin at.
        last: node to end at; -1 for the tour's last.

    Returns:
        The pieces in flying order, or None where some node cannot be reached and left within a flight.
    """
    last = len(tour.arc_m) - 1 if last < 0 else last
    best = np.full(last + 1, np.inf)
    came = np.full((last + 1, 2), -1)
    best[first] = 0.0
    for node in range(first, last):
        if not math.isfinite(best[node]):
            continue
        onward = min(int(tour.onward[node]), last)
        if best[node] < best[onward]:
            best[onward], came[onward] = best[node], came[node]
        flight = ferry.flights_s(node)[: last - node]
        few = ferry.corners(node)[: last - node] <= most_corners
        fits = np.flatnonzero((flight <= usable_s) & few)
        ends = node + 1 + fits
        price = best[node] + _SORTIE_S + flight[fits] + _MID_LEG_S * tour.inside_leg[ends]
        better = price < best[ends]
        best[ends[better]] = price[better]
        came[ends[better]] = np.column_stack([np.full(better.sum(), node), ends[better]])
    if not math.isfinite(best[last]):
        return None
    pieces = []
    here = last
    while here > first and came[here, 0] >= 0:
        start, end = came[here].tolist()
        pieces.append(Piece(start, end))
        here = start
    return pieces[::-1]


def piece_prices_s(
    tour: CutTour,
    ferry: Ferry,
    nodes: Numbers,
    *,
    usable_s: float,
    most_corners: int,
    swap_s: float,
) -> Points:
    """What one vehicle takes from each to each of some nodes, in as many sorties as it needs.

    Args:
        tour: what is cut.
        ferry: what flights take.
        nodes: (n,) ascending numbers of the nodes where vehicles may take over.
        usable_s: longest flight [s].
        most_corners: most corners of a flight.
        swap_s: time between two flights [s].

    Returns:
        (n, n) times; inf where the second node is not behind the first or cannot be reached [s].
    """
    n = len(nodes)
    flight = np.full((n, n), np.inf)
    for k, node in enumerate(nodes.tolist()[:-1]):
        ends = nodes[k + 1 :]
        time = ferry.flights_s(node)[ends - node - 1]
        fits = (time <= usable_s) & (ferry.corners(node)[ends - node - 1] <= most_corners)
        flight[k, k + 1 :] = np.where(fits, time, np.inf)
    place = {node: k for k, node in enumerate(nodes.tolist())}
    for node in range(n - 1, -1, -1):
        onward = place.get(int(tour.onward[nodes[node]]), node)
        if onward != node:
            flight[node] = np.minimum(flight[node], flight[onward])
            flight[node, node + 1 : onward + 1] = np.minimum(flight[node, node + 1 : onward + 1], 0.0)
    if np.isfinite(flight[np.triu_indices(n, 1)]).all():
        return flight  # nothing is gained by landing in between
    total = flight.copy()
    for k in range(2, n):
        through = total[:k, 1:k] + (flight[1:k, k] + swap_s)
        total[:k, k] = np.minimum(total[:k, k], through.min(axis=1))
    return total
