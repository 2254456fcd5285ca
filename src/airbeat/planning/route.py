"""Shortest flights inside the free space: a small visibility graph searched for flight time.

The graph's nodes are the reflex vertices of the free space, simplified towards its inside until there are
few enough of them. Every leg that is handed out has been tested against the free space itself.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

__all__ = ["Router", "polygons_of"]

Points = npt.NDArray[np.float64]

_MAX_NODES = 1000
_SEEN_NODES = 120
_FINER = 5
_FINEST_INSET_M = 0.05
_ALL_PAIRS = 300
_NEIGHBOURHOOD = 100
_ROWS_AT_ONCE = 256
_NODE_LINKS = 16
_NEAR_NODES = 16
_ANY_LINKS = 6
"""Links to so many nearest nodes are tried even where they do not touch a corner."""


def polygons_of(geometry: Any) -> list[Any]:
    """The polygons with area inside any geometry, nested collections included."""
    if geometry.geom_type == "Polygon":
        return [geometry] if geometry.area > 0 else []
    return [p for part in getattr(geometry, "geoms", ()) for p in polygons_of(part)]


class Router:
    """Ways inside one free space.

    Args:
        free: local (Multi)Polygon [m] that no leg may leave.
        leg_time: time of a straight leg from stop to stop [s], for an array of lengths [m].
        max_nodes: size of the visibility graph.
    """

    def __init__(
        self, free: Any, leg_time: Callable[[Points], Points], *, max_nodes: int = _MAX_NODES
    ) -> None:
        self.free = free
        self.leg_time = leg_time
        self._max_nodes = max_nodes
        self._test = free.buffer(0.01, quad_segs=1, join_style="mitre")
        shapely.prepare(self._test)
        self._nodes, self._before, self._after, self._inset = _reflex_nodes(free, max_nodes)
        self._graph: list[list[tuple[int, float]]] | None = None
        self._between_nodes: Points | None = None
        self._visible_from: dict[tuple[float, float], tuple[npt.NDArray[np.int64], Points]] = {}
        self._routes: dict[
            tuple[float, float, float, float], tuple[float, list[tuple[float, float]]] | None
        ] = {}

    def clear(self, a: Points, b: Points) -> npt.NDArray[np.bool_]:
        """Which straight legs a[i] → b[i] (arrays (n, 2)) stay inside the free space."""
        if len(a) == 0:
            return np.zeros(0, bool)
        return np.asarray(shapely.covers(self._test, shapely.linestrings(np.stack([a, b], axis=1))))

    def inside(self, points: Points) -> npt.NDArray[np.bool_]:
        """Which points (n, 2) lie in the free space."""
        return np.asarray(shapely.intersects_xy(self._test, points[:, 0], points[:, 1]))

    def route(self, a: Iterable[float], b: Iterable[float]) -> tuple[float, list[tuple[float, float]]] | None:
        """The fastest way found from a to b: (time [s], points with both ends), or None where none exists."""
        (ax, ay), (bx, by) = a, b
        key = (float(ax), float(ay), float(bx), float(by))
        if key not in self._routes:
            found = self._search(key[:2], key[2:])
            if found is None and self._inset > _FINEST_INSET_M:
                found = self._finer.route(key[:2], key[2:])
            self._routes[key] = found
            self._routes[key[2:] + key[:2]] = None if found is None else (found[0], found[1][::-1])
        return self._routes[key]

    def times_s(self, points: Points, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> Points:
        """Times of the fastest ways between pairs of many points [s]; inf where this graph knows none.

        The straight legs are tested all at once, and the ways of the others are put together from what each
        point sees of the graph and the ways inside it: as ``route`` finds them, for thousands of pairs.

        Args:
            points: (n, 2) places in the free space [m].
            first, second: (m,) numbers of the points of each pair.
        """
        length = np.hypot(*(points[second] - points[first]).T)
        times = np.where(self.clear(points[first], points[second]), self.leg_time(length), np.inf)
        blocked = np.flatnonzero(np.isinf(times))
        if len(blocked) == 0 or len(self._nodes) == 0:
            return times
        through = self._node_times()
        used = np.unique(np.concatenate([first[blocked], second[blocked]]))
        seen = np.full((len(points), len(self._nodes)), np.inf)
        for k in used.tolist():
            nodes, leg_s = self._seen((float(points[k, 0]), float(points[k, 1])))
            seen[k, nodes] = leg_s
        for k in np.unique(first[blocked]).tolist():
            mine = blocked[first[blocked] == k]
            near = np.flatnonzero(np.isfinite(seen[k]))
            if len(near):
                reach = (seen[k, near, None] + through[near]).min(axis=0)
                times[mine] = (reach[None] + seen[second[mine]]).min(axis=1)
        return times

    def _node_times(self) -> Points:
        """(n, n) times of the fastest ways between the graph's nodes [s]."""
        if self._between_nodes is None:
            graph = self._links()
            rows = []
            for start in range(len(graph)):
                best = np.full(len(graph), np.inf)
                best[start] = 0.0
                heap = [(0.0, start)]
                while heap:
                    here, k = heapq.heappop(heap)
                    if here > best[k]:
                        continue
                    for j, t in graph[k]:
                        if here + t < best[j]:
                            best[j] = here + t
                            heapq.heappush(heap, (here + t, j))
                rows.append(best)
            self._between_nodes = np.array(rows)
        return self._between_nodes

    @cached_property
    def _finer(self) -> Router:
        """A router that knows smaller pockets, for the few places that this one cannot reach."""
        return Router(self.free, self.leg_time, max_nodes=_FINER * self._max_nodes)

    def _search(
        self, a: tuple[float, float], b: tuple[float, float]
    ) -> tuple[float, list[tuple[float, float]]] | None:
        pa, pb = np.array([a]), np.array([b])
        if self.clear(pa, pb)[0]:
            return float(self.leg_time(np.hypot(*(pb - pa).T))[0]), [a, b]
        if len(self._nodes) == 0:
            return None
        first, first_time = self._seen(a)
        last, last_time = self._seen(b)
        if len(first) == 0 or len(last) == 0:
            return None
        graph = self._links()
        goal = dict(zip(last.tolist(), last_time.tolist(), strict=True))
        ahead = self.leg_time(np.hypot(*(self._nodes - pb).T)).tolist()
        best = {int(k): float(t) for k, t in zip(first, first_time, strict=True)}
        came: dict[int, int] = {}
        heap = [(t + ahead[k], k) for k, t in best.items()]
        heapq.heapify(heap)
        end, end_time, done = -1, math.inf, set()
        while heap:
            bound, k = heapq.heappop(heap)
            if bound >= end_time:
                break
            if k in done:
                continue
            done.add(k)
            if k in goal and best[k] + goal[k] < end_time:
                end, end_time = k, best[k] + goal[k]
            for j, t in graph[k]:
                through = best[k] + t
                if through < best.get(j, math.inf):
                    best[j] = through
                    came[j] = k
                    heapq.heappush(heap, (through + ahead[j], j))
        if end < 0:
            return None
        way = [end]
        while way[-1] in came:
            way.append(came[way[-1]])
        return end_time, [a, *(tuple(map(float, self._nodes[k])) for k in reversed(way)), b]  # type: ignore[list-item]

    def _seen(self, p: tuple[float, float]) -> tuple[npt.NDArray[np.int64], Points]:
        """Nodes that a point sees and could turn round, with the times to them."""
        if p not in self._visible_from:
            here = np.array(p)
            away = np.hypot(*(self._nodes - here).T)
            # The nearest ones whatever their corner: a point may lie in the nodes' inset.
            ranked = np.argsort(away, kind="stable")[:_SEEN_NODES]
            useful = ranked[(np.arange(len(ranked)) < _NEAR_NODES) | self._tangent(here, ranked)]
            ok = self.clear(np.broadcast_to(here, (len(useful), 2)), self._nodes[useful])
            seen = useful[ok]
            self._visible_from[p] = seen, self.leg_time(np.hypot(*(self._nodes[seen] - here).T))
        return self._visible_from[p]

    def _tangent(self, origin: Points, nodes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether a leg from origin touches each node's corner without cutting into it."""
        d = self._nodes[nodes] - origin
        s1 = _cross(d, self._before[nodes])
        s2 = _cross(d, self._after[nodes])
        # A point closer to an obstacle than the nodes' inset lies inside the corner's wedge.
        slack = 3.0 * self._inset * np.hypot(*d.T) + 1e-9
        return np.asarray((s1 * s2 <= 0) | (np.minimum(np.abs(s1), np.abs(s2)) <= slack))

    def _links(self) -> list[list[tuple[int, float]]]:
        """The visibility graph, made on first use."""
        if self._graph is None:
            n = len(self._nodes)
            i, j = _neighbouring(self._nodes)
            d = self._nodes[j] - self._nodes[i]
            keep = np.ones(len(i), bool)
            length = np.hypot(*d.T)
            for k in (i, j):
                s1, s2 = _cross(d, self._before[k]), _cross(d, self._after[k])
                keep &= (s1 * s2 <= 0) | (np.minimum(np.abs(s1), np.abs(s2)) <= 3.0 * self._inset * length)
            keep |= _nearest_links(i, j, length, n, limit=_ANY_LINKS)
            i, j, length = i[keep], j[keep], length[keep]
            near = _nearest_links(i, j, length, n, limit=_NODE_LINKS)
            i, j, length = i[near], j[near], length[near]
            ok = self.clear(self._nodes[i], self._nodes[j])
            times = self.leg_time(length[ok]).tolist()
            self._graph = [[] for _ in range(n)]
            for p, q, t in zip(i[ok].tolist(), j[ok].tolist(), times, strict=True):
                self._graph[p].append((q, t))
                self._graph[q].append((p, t))
        return self._graph


def _cross(a: Points, b: Points) -> npt.NDArray[np.float64]:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def _neighbouring(nodes: Points) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs i < j of nodes of which one is among the nearest of the other."""
    n = len(nodes)
    if n <= _ALL_PAIRS:
        i, j = np.triu_indices(n, 1)
        return i, j
    found = []
    x, y = nodes.T.astype(np.float32)
    for first in range(0, n, _ROWS_AT_ONCE):
        rows = np.arange(first, min(n, first + _ROWS_AT_ONCE))
        squared = (x[rows, None] - x) ** 2 + (y[rows, None] - y) ** 2
        near = np.argpartition(squared, _NEIGHBOURHOOD, axis=1)[:, :_NEIGHBOURHOOD]
        found.append(np.stack([np.repeat(rows, _NEIGHBOURHOOD), near.ravel()]))
    pairs = np.sort(np.hstack(found), axis=0)
    pairs = np.unique(pairs[:, pairs[0] != pairs[1]], axis=1)
    return pairs[0], pairs[1]


def _nearest_links(
    i: npt.NDArray[np.int64], j: npt.NDArray[np.int64], length: Points, n: int, *, limit: int
) -> npt.NDArray[np.bool_]:
    """Which candidate links are among the shortest of either end."""
    rank = np.full((2, len(i)), limit, dtype=np.int64)
    for row, ends in enumerate((i, j)):
        order = np.lexsort((length, ends))
        counts = np.bincount(ends, minlength=n)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        rank[row, order] = np.arange(len(i)) - first
    return np.asarray(rank.min(axis=0) < limit)


def _reflex_nodes(free: Any, max_nodes: int) -> tuple[Points, Points, Points, float]:
    """Reflex corners of the free space: (position, edge before, edge after), each (n, 2), and their inset."""
    inset = _FINEST_INSET_M
    while True:
        inner = free.buffer(-inset, quad_segs=2, join_style="mitre").simplify(inset * 0.9)
        found = _corners(inner)
        necks = _necks(free, inner, inset) if inset > 0.1 else []
        if necks:
            exact = _corners(free.simplify(0.01))
            near = shapely.dwithin(shapely.points(exact[0]), shapely.union_all(necks), 4 * inset)
            found = tuple(np.vstack([f, k[near]]) for f, k in zip(found, exact, strict=True))
        if len(found[0]) <= max_nodes or inset > 30:
            return found[0], found[1], found[2], inset
        inset *= 1.7


def _necks(free: Any, inner: Any, inset: float) -> list[Any]:
    """Parts of the free space that are lost with the inset and join two places of what is left."""
    opened = inner.buffer(1.1 * inset, quad_segs=4)
    parts = [p for p in polygons_of(free.difference(opened)) if p.area > 0.1 * inset**2]
    edge = free.boundary
    shapely.prepare(edge)
    return [part for part, mouths in zip(parts, _mouths(parts, edge), strict=True) if mouths > 1]


def _mouths(parts: list[Any], edge: Any) -> list[int]:
    """How many separate stretches of each part's outline do not lie on the free space's edge."""
    rings = [shapely.get_coordinates(p.exterior) for p in parts]
    if not rings:
        return []
    middles = np.vstack([(c[1:] + c[:-1]) / 2 for c in rings])
    open_side = ~shapely.dwithin(edge, shapely.points(middles), 1e-4)
    ends = np.cumsum([len(c) - 1 for c in rings])
    return [int((side & ~np.roll(side, 1)).sum()) for side in np.split(open_side, ends[:-1])]


def _corners(region: Any) -> tuple[Points, ...]:
    positions, before, after = [], [], []
    for polygon in polygons_of(region):
        for ring in shapely.get_rings(shapely.orient_polygons(polygon)):
            c = shapely.get_coordinates(ring)[:-1]
            into, out = c - np.roll(c, 1, axis=0), np.roll(c, -1, axis=0) - c
            reflex = _cross(into, out) < 0
            positions.append(c[reflex])
            before.append(into[reflex])
            after.append(out[reflex])
    if not positions:
        empty = np.empty((0, 2))
        return empty, empty, empty
    return np.vstack(positions), np.vstack(before), np.vstack(after)
