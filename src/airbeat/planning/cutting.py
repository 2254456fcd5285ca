"""Where a covering path may be cut, and what flying between such places takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from airbeat.planning.estimate import FlightModel, stop_lengths_m

__all__ = ["CutTour", "Legs", "Piece", "pairs"]

Points = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


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
            for a, b in pairwise(stops.tolist())
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


def pairs(points: Points) -> list[tuple[float, float]]:
    """Rows as pairs of numbers."""
    return [(float(x), float(y)) for x, y in points]


def _nearest(sorted_values: Points, values: Points) -> Numbers:
    """Numbers of the nearest of some ascending values."""
    right = np.clip(np.searchsorted(sorted_values, values), 1, len(sorted_values) - 1)
    left = right - 1
    nearer_left = values - sorted_values[left] <= sorted_values[right] - values
    return np.asarray(np.where(nearer_left, left, right))
