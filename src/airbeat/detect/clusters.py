"""Ties looks by ground position and appearance: frame by frame first, then what belongs together after all.

The first pass takes the frames in order and gives each look to the nearest cluster that may have it; its
time grows with the looks, however many of them are at one place. A cluster begun by a look that was far off
is joined with its neighbour by the second pass.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.detect.appearance import LENGTH, unlikeness

__all__ = ["APART_M", "Clusters", "LookArrays"]

Array = npt.NDArray[np.float64]

_GATE_SIGMA_SQUARED = 9.21
"""99 % of a two-dimensional normal distribution."""

_SMALLEST_GATE_M = 1.5
_LARGEST_GATE_M = 8.0
_CELL_M = 2 * _LARGEST_GATE_M
APART_M = 12.0
"""Looks that are farther apart than this are never in one cluster, whose sides are at most the largest gate
(so its diagonal is 11.4 m)."""
_LEAST_VARIANCE_M2 = 0.01
_COLOUR_SIGMA = 0.3
"""Unlikeness of two looks at one person, as far as it counts like one standard deviation of position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookArrays:
    """Looks as a struct of arrays, sorted by frame.

    Attributes:
        frames: (n,) number of the frame, not descending.
        xy_m: (n, 2) place east, north [m].
        terms_m: (n, k, 2) what one standard deviation of each source of error does to it [m].
        shared: (n, k) share of each source's variance that is the same in all frames, 0…1.
        appearance: (n, `appearance.LENGTH`) uint8.
    """

    frames: npt.NDArray[np.int_]
    xy_m: Array
    terms_m: Array
    shared: Array
    appearance: npt.NDArray[np.uint8]


class Clusters:
    """Clusters of looks at one thing each; at most one look of a frame in each.

    Args:
        looks: sorted by frame.
    """

    def __init__(self, looks: LookArrays) -> None:
        count, sources = looks.shared.shape
        self._looks = looks
        self._used = 0
        self._members: list[list[int]] = []
        self._weight = np.zeros(count)
        self._xy = np.zeros((count, 2))
        self._bounds = np.zeros((count, 4))
        self._terms = np.zeros((count, sources, 2))
        self._shared = np.zeros((count, sources))
        self._colours = np.zeros((count, LENGTH))
        self._cells: defaultdict[tuple[int, int], list[int]] = defaultdict(list)

    def tied(self) -> list[list[int]]:
        """Groups of look numbers; every look is in one."""
        starts = np.flatnonzero(np.diff(self._looks.frames, prepend=self._looks.frames[0] - 1))
        for start, end in zip(starts, [*starts[1:], len(self._looks.frames)], strict=True):
            self._take_frame(np.arange(start, end))
        self._join()
        return [m for m in self._members if m]

    def _take_frame(self, looks: npt.NDArray[np.int_]) -> None:
        """Give each look of a frame to a cluster of its own: nearest pairs first, new ones for the rest."""
        near = self._near(self._looks.xy_m[looks])
        free, open_ = set(looks.tolist()), set(near.tolist())
        if len(near):
            cost = self._cost(
                self._looks.xy_m[looks],
                self._looks.terms_m[looks],
                self._looks.shared[looks],
                self._looks.appearance[looks],
                near,
            )
            rows, columns = np.nonzero(np.isfinite(cost))
            for k in np.argsort(cost[rows, columns], kind="stable"):
                look, cluster = int(looks[rows[k]]), int(near[columns[k]])
                if look in free and cluster in open_ and self._holds(cluster, self._looks.xy_m[look]):
                    self._add(cluster, look)
                    free.discard(look)
                    open_.discard(cluster)
        for look in sorted(free):
            self._begin(look)

    def _near(self, xy: Array) -> npt.NDArray[np.int_]:
        """Clusters that looks at these places may belong to, in ascending order."""
        found: set[int] = set()
        for column, row in {(int(x), int(y)) for x, y in np.floor(xy / _CELL_M)}:
            for i in range(column - 1, column + 2):
                for j in range(row - 1, row + 2):
                    found.update(self._cells.get((i, j), ()))
        return np.array(sorted(found), dtype=int)

    def _cost(
        self,
        xy: Array,
        terms: Array,
        shared: Array,
        colours: npt.NDArray[np.uint8],
        clusters: npt.NDArray[np.int_],
    ) -> Array:
        """(n, m) squared distance of looks from clusters [σ²], infinite where they cannot be one thing."""
        apart = xy[:, None, :] - self._xy[clusters][None, :, :]
        own = np.einsum("nki,nkj->nij", terms, terms)
        others = np.einsum("mki,mkj->mij", self._terms[clusters], self._terms[clusters])
        share = np.sqrt(shared[:, None, :] * self._shared[clusters][None, :, :])
        cross = np.einsum("nmk,nki,mkj->nmij", share, terms, self._terms[clusters], optimize=True)
        covariance = own[:, None] + others[None] - cross - cross.transpose(0, 1, 3, 2)
        covariance = covariance + _LEAST_VARIANCE_M2 * np.eye(2)
        square = np.einsum("nmi,nmi->nm", apart, np.linalg.solve(covariance, apart[..., None])[..., 0])
        distance = np.linalg.norm(apart, axis=2)
        fits = (square <= _GATE_SIGMA_SQUARED) | (distance <= _SMALLEST_GATE_M)
        fits &= distance <= _LARGEST_GATE_M
        colour = unlikeness(colours, self._mean_colours(clusters)) / _COLOUR_SIGMA
        cost: Array = np.where(fits, square + colour**2, np.inf)
        return cost

    def _mean_colours(self, clusters: npt.NDArray[np.int_]) -> npt.NDArray[np.uint8]:
        mean = self._colours[clusters] / self._weight[clusters, None]
        return np.clip(np.round(mean), 0, 255).astype(np.uint8)

    def _holds(self, cluster: int, xy: Array) -> bool:
        """Whether a cluster stays smaller than the largest gate with this place."""
        low = np.minimum(self._bounds[cluster, :2], xy)
        high = np.maximum(self._bounds[cluster, 2:], xy)
        return bool((high - low).max() <= _LARGEST_GATE_M)

    def _begin(self, look: int) -> None:
        cluster, self._used = self._used, self._used + 1
        self._members.append([])
        xy = self._looks.xy_m[look]
        self._bounds[cluster] = (*xy, *xy)
        self._add(cluster, look)
        column, row = (int(v) for v in np.floor(xy / _CELL_M))
        self._cells[column, row].append(cluster)

    def _add(self, cluster: int, look: int) -> None:
        self._members[cluster].append(look)
        self._weight[cluster] += 1
        part = 1 / self._weight[cluster]
        for mean, values in (
            (self._xy, self._looks.xy_m),
            (self._terms, self._looks.terms_m),
            (self._shared, self._looks.shared),
        ):
            mean[cluster] += (values[look] - mean[cluster]) * part
        self._colours[cluster] += self._looks.appearance[look]
        xy = self._looks.xy_m[look]
        self._bounds[cluster, :2] = np.minimum(self._bounds[cluster, :2], xy)
        self._bounds[cluster, 2:] = np.maximum(self._bounds[cluster, 2:], xy)

    def _join(self) -> None:
        """Join clusters without a common frame, nearest first."""
        used = slice(self._used)
        tree = shapely.STRtree(shapely.points(self._xy[used]))
        left, right = tree.query(tree.geometries, predicate="dwithin", distance=_LARGEST_GATE_M)
        pairs = sorted(
            (cost, i, j)
            for i, js in _by_left(left, right)
            for j, cost in zip(js.tolist(), self._cost_of(i, js), strict=True)
            if math.isfinite(cost)
        )
        into = list(range(self._used))
        frames = [{int(self._looks.frames[k]) for k in members} for members in self._members]
        for _, i, j in pairs:
            a, b = sorted((_root(into, i), _root(into, j)))
            if a == b or not frames[a].isdisjoint(frames[b]) or not self._fit_together(a, b):
                continue
            self._merge(a, b)
            frames[a] |= frames[b]
            into[b] = a

    def _cost_of(self, i: int, others: npt.NDArray[np.int_]) -> list[float]:
        colours = self._mean_colours(np.array([i]))
        one = slice(i, i + 1)
        cost = self._cost(self._xy[one], self._terms[one], self._shared[one], colours, others)
        return [float(v) for v in cost[0]]

    def _fit_together(self, a: int, b: int) -> bool:
        low = np.minimum(self._bounds[a, :2], self._bounds[b, :2])
        high = np.maximum(self._bounds[a, 2:], self._bounds[b, 2:])
        return bool((high - low).max() <= _LARGEST_GATE_M)

    def _merge(self, a: int, b: int) -> None:
        whole = self._weight[a] + self._weight[b]
        for mean in (self._xy, self._terms, self._shared):
            mean[a] = (mean[a] * self._weight[a] + mean[b] * self._weight[b]) / whole
        self._colours[a] += self._colours[b]
        self._weight[a] = whole
        self._bounds[a, :2] = np.minimum(self._bounds[a, :2], self._bounds[b, :2])
        self._bounds[a, 2:] = np.maximum(self._bounds[a, 2:], self._bounds[b, 2:])
        self._members[a] += self._members[b]
        self._members[b] = []


def _by_left(
    left: npt.NDArray[np.int_], right: npt.NDArray[np.int_]
) -> list[tuple[int, npt.NDArray[np.int_]]]:
    """Pairs (i, j > i) by their first: [(i, array of j)]."""
    ahead = left < right
    left, right = left[ahead], right[ahead]
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    starts = np.flatnonzero(np.diff(left, prepend=-1))
    return (
        [(int(left[s]), part) for s, part in zip(starts, np.split(right, starts[1:]), strict=True)]
        if len(left)
        else []
    )


def _root(into: list[int], i: int) -> int:
    while into[i] != i:
        into[i] = into[into[i]]
        i = into[i]
    return i
