"""Where a covering path may be cut, what flying between the cuts takes, and the best cuts for one battery.

A path is cut route-first: the order stays, and dynamic programming over all cut places finds the cuts with the
fewest sorties and, among those, the least time, ways from and to home included (Beasley 1983, "Route
first–cluster second methods for vehicle routing").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.planning.estimate import FlightModel, stop_lengths_m

__all__ = ["CutTour", "Legs", "Piece", "best_pieces", "pairs", "piece_prices_s"]

Points = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

_MID_LEG_S = 30.0
"""A cut inside a leg is taken only where it saves this much time, or a sortie."""
_SORTIE_S = 1e7
"""What one sortie more costs: more than any saving of time."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a tour between two of its nodes, flown by one sortie."""

    first: int
    last: int


class CutTour:
    """A path and its nodes: the places where it may be cut.

    Nodes are all full stops, and places ``step_m`` apart inside longer legs.

    Args:
        line: (n, 2) corners [m].
        model: tells where the vehicle stops.
        step_m: distance between nodes inside a leg [m].
        idle: stretches (from, to), in metres along the path, that need not be flown where a sortie ends
            before them and the next begins behind them.

    Attributes:
        line: the corners without repeated ones.
        arc_m: (m,) place of each node along the path [m].
        xy: (m, 2) the nodes.
        inside_leg: (m,) whether the vehicle would not stop there by itself.
        corners: (m,) corners of the path up to each node.
        onward: (m,) the node where the next sortie may begin when one ends here: the node itself, or the
            other end of an idle stretch.
    """

    def __init__(
        self,
        line: Points,
        *,
        model: FlightModel,
        step_m: float,
        idle: Sequence[tuple[float, float]] = (),
    ) -> None:
        apart = np.hypot(*np.diff(line, axis=0).T) > 0.01
        self.line = line[np.concatenate([[True], apart])]
        self.along_m = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(self.line, axis=0).T))])
        lengths = stop_lengths_m(pairs(self.line), turn_radius_m=model.turn_radius_m)
        stops = np.concatenate([[0.0], np.cumsum(lengths)])
        stops[-1] = self.along_m[-1]
        inside = [
            np.linspace(a, b, max(1, math.floor((b - a) / step_m)) + 1)[1:-1]
            for a, b in zip(stops[:-1], stops[1:], strict=True)
        ]
        ends = np.array([x for stretch in idle for x in stretch])
        arcs = np.unique(np.round(np.concatenate([stops, ends, *inside]), 6))
        arcs = arcs[np.concatenate([[True], np.diff(arcs) > 0.01])]
        self.arc_m = np.append(arcs[:-1], self.along_m[-1])
        self.xy = np.column_stack([np.interp(self.arc_m, self.along_m, self.line[:, k]) for k in (0, 1)])
        self.inside_leg = np.abs(self.arc_m - stops[_nearest(stops, self.arc_m)]) > 0.02
        self.corners = np.searchsorted(self.along_m, self.arc_m + 1e-6, "right")
        self.onward = np.arange(len(self.arc_m))
        for a, b in idle:
            self.onward[_nearest(self.arc_m, np.array([a]))[0]] = _nearest(self.arc_m, np.array([b]))[0]

    def part(self, piece: Piece) -> Points:
        """(k, 2) corners of a piece."""
        first, last = self.arc_m[piece.first], self.arc_m[piece.last]
        inner = (self.along_m > first + 0.01) & (self.along_m < last - 0.01)
        return np.vstack([self.xy[piece.first], self.line[inner], self.xy[piece.last]])


class Legs:
    """What one vehicle model takes between the nodes of a tour.

    Times add up exactly: from a node to the vehicle's next stop, whole legs, and from its last stop.
    """

    def __init__(self, tour: CutTour, model: FlightModel) -> None:
        self.model = model
        lengths = np.array(stop_lengths_m(pairs(tour.line), turn_radius_m=model.turn_radius_m))
        stops = np.concatenate([[0.0], np.cumsum(lengths)])
        self._leg = np.clip(np.searchsorted(stops, tour.arc_m + 0.02, "right") - 1, 0, len(lengths) - 1)
        self._into = np.maximum(tour.arc_m - stops[self._leg], 0.0)
        self._into[self._into < 0.02] = 0.0
        self._left = model.leg_times_s(np.maximum(lengths[self._leg] - self._into, 0.0))
        self._whole = np.concatenate([[0.0], np.cumsum(model.leg_times_s(lengths))])
        self._arc = tour.arc_m

    def from_node_s(self, node: int) -> Points:
        """Times from a node to each later node [s]."""
        leg, into = self._leg[node + 1 :], self._into[node + 1 :]
        same = self.model.leg_times_s(self._arc[node + 1 :] - self._arc[node])
        through = self._left[node] + self._whole[leg] - self._whole[self._leg[node] + 1]
        return np.asarray(np.where(leg == self._leg[node], same, through + self.model.leg_times_s(into)))


def best_pieces(
    tour: CutTour,
    legs: Legs,
    ferry_s: Points,
    *,
    usable_s: float,
    most_corners: int,
    first: int = 0,
    last: int = -1,
) -> list[Piece] | None:
    """The cuts of nodes first…last into the fewest sorties and, with as many, the least time.

    Args:
        tour: what is cut.
        legs: what flying takes.
        ferry_s: (m,) time between home and each node, the same both ways [s].
        usable_s: longest flight [s].
        most_corners: most corners of a piece.
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
        flight = ferry_s[node] + legs.from_node_s(node)[: last - node] + ferry_s[node + 1 : last + 1]
        few = tour.corners[node + 1 : last + 1] - tour.corners[node] < most_corners
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
    legs: Legs,
    ferry_s: Points,
    nodes: Numbers,
    *,
    usable_s: float,
    most_corners: int,
    swap_s: float,
) -> Points:
    """What one vehicle takes from each to each of some nodes, in as many sorties as it needs.

    Args:
        tour: what is cut.
        legs: what flying takes.
        ferry_s: (m,) time between home and each node [s].
        nodes: (n,) ascending numbers of the nodes where vehicles may take over.
        usable_s: longest flight [s].
        most_corners: most corners of a piece.
        swap_s: time between two flights [s].

    Returns:
        (n, n) times; inf where the second node is not behind the first or cannot be reached [s].
    """
    n = len(nodes)
    flight = np.full((n, n), np.inf)
    for k, node in enumerate(nodes.tolist()[:-1]):
        ends = nodes[k + 1 :]
        time = ferry_s[node] + legs.from_node_s(node)[ends - node - 1] + ferry_s[ends]
        fits = (time <= usable_s) & (tour.corners[ends] - tour.corners[node] < most_corners)
        flight[k, k + 1 :] = np.where(fits, time, np.inf)
    place = {node: k for k, node in enumerate(nodes.tolist())}
    for node in range(n - 1, -1, -1):
        onward = place.get(int(tour.onward[nodes[node]]), node)
        if onward != node:
            flight[node] = np.minimum(flight[node], flight[onward])
            flight[node, node + 1 : onward + 1] = np.minimum(flight[node, node + 1 : onward + 1], 0.0)
    total = flight.copy()
    for k in range(2, n):
        through = total[:k, 1:k] + (flight[1:k, k] + swap_s)
        total[:k, k] = np.minimum(total[:k, k], through.min(axis=1))
    return total


def pairs(points: Points) -> list[tuple[float, float]]:
    """Rows as pairs of numbers."""
    return [(float(x), float(y)) for x, y in points]


def _nearest(sorted_values: Points, values: Points) -> Numbers:
    """Numbers of the nearest of some ascending values."""
    right = np.clip(np.searchsorted(sorted_values, values), 1, len(sorted_values) - 1)
    left = right - 1
    nearer_left = values - sorted_values[left] <= sorted_values[right] - values
    return np.asarray(np.where(nearer_left, left, right))
