"""The order and direction in which tracks are flown: an open tour with fixed edges.

Iterated local search (2-opt and block moves on neighbour lists, local double bridges) with a budget of
iterations, never of wall time, so that the same input gives the same tour on every machine. Problems of
up to nine tracks are solved exactly by fast-tsp, whose larger searches are bounded by wall time only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import fast_tsp
import numpy as np
import numpy.typing as npt

__all__ = ["order_tracks"]

_NEIGHBOURS = 10
_EXACT_TRACKS = 9


def order_tracks(
    link: npt.NDArray[np.float64],
    *,
    start: npt.NDArray[np.float64] | None = None,
    finish: npt.NDArray[np.float64] | None = None,
    iterations: int,
    seed: int = 0,
    initial: Sequence[tuple[int, bool]] | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[tuple[int, bool]]:
    """The cheapest order found for flying n tracks, each once, in either direction.

    Args:
        link: (2n, 2n) symmetric cost of getting from one track end to another; ends 2k and 2k+1 belong to
            track k.
        start: (2n,) cost of reaching each end first; zero where the tour may begin anywhere.
        finish: (2n,) cost of leaving from each end last.
        iterations: how many perturbations are tried.
        seed: of the perturbations.
        initial: a tour to start from instead of the greedy one.
        progress: called with 0…1.

    Returns:
        (track, reversed) in flying order; a reversed track is entered at its end 2k+1.
    """
    n = len(link) // 2
    if n == 0:
        return []
    start = np.zeros(2 * n) if start is None else start
    finish = np.zeros(2 * n) if finish is None else finish
    cost = np.full((2 * n + 2, 2 * n + 2), 1e12)
    cost[: 2 * n, : 2 * n] = link
    cost[2 * n, : 2 * n] = cost[: 2 * n, 2 * n] = start
    cost[2 * n + 1, : 2 * n] = cost[: 2 * n, 2 * n + 1] = finish
    if n <= _EXACT_TRACKS:
        return _exact(cost)
    search = _Search(cost, _greedy(cost) if initial is None else _nodes(initial, n))
    search.run(iterations, seed, progress)
    return [(a // 2, a % 2 == 1) for a in search.tour[1:-1:2]]


def _nodes(order: Sequence[tuple[int, bool]], n: int) -> list[int]:
    inner = [node for k, rev in order for node in ((2 * k + 1, 2 * k) if rev else (2 * k, 2 * k + 1))]
    return [2 * n, *inner, 2 * n + 1]


def _exact(cost: npt.NDArray[np.float64]) -> list[tuple[int, bool]]:
    """fast-tsp's exact solver on the nodes; an offset on link edges keeps the fixed edges in."""
    n = len(cost) // 2 - 1
    if n == 1:
        forward, backward = cost[2, 0] + cost[1, 3], cost[2, 1] + cost[0, 3]
        return [(0, bool(backward < forward))]
    finite = cost[cost < 1e11]
    scale = 20_000.0 / max(float(finite.max()), 1e-9)
    matrix = np.minimum(np.rint(cost * scale), 22_000).astype(np.int64) + 24_000
    for k in range(n + 1):
        matrix[2 * k, 2 * k + 1] = matrix[2 * k + 1, 2 * k] = 0
    np.fill_diagonal(matrix, 0)
    cycle = fast_tsp.find_tour(matrix)
    at = cycle.index(2 * n)
    cycle = cycle[at:] + cycle[:at]
    if cycle[1] == 2 * n + 1:
        cycle = [cycle[0], *reversed(cycle[1:])]
    return [(a // 2, a % 2 == 1) for a in cycle[1:-1:2]]


def _greedy(cost: npt.NDArray[np.float64]) -> list[int]:
    """Nearest unvisited end next."""
    n = len(cost) // 2 - 1
    tour = [2 * n]
    open_cost = cost.copy()
    open_cost[:, 2 * n :] = np.inf
    for _ in range(n):
        a = int(np.argmin(open_cost[tour[-1]]))
        b = a ^ 1
        open_cost[:, [a, b]] = np.inf
        tour += [a, b]
    return [*tour, 2 * n + 1]


class _Search:
    """Local search on [start, a0, b0, a1, b1, …, finish]: links join even positions to the next odd one."""

    def __init__(self, cost: npt.NDArray[np.float64], tour: list[int]) -> None:
        self.c: list[list[float]] = cost.tolist()
        self.tour = tour
        self.pos = [0] * len(tour)
        for p, node in enumerate(tour):
            self.pos[node] = p
        near = cost.copy()
        np.fill_diagonal(near, np.inf)
        rows = np.arange(len(near))
        near[rows, rows ^ 1] = np.inf
        k = min(_NEIGHBOURS, len(near) - 1)
        self.near: list[list[int]] = np.argsort(near, axis=1, kind="stable")[:, :k].tolist()

    def run(self, iterations: int, seed: int, progress: Callable[[float], None] | None) -> None:
        self._improve(list(self.tour))
        rng = random.Random(seed)
        tracks = len(self.tour) // 2 - 1
        for i in range(iterations):
            tour, pos = self.tour[:], self.pos[:]
            gain, touched = self._double_bridge(rng, tracks)
            gain += self._improve(touched)
            if gain < -1e-9:
                self.tour, self.pos = tour, pos
            if progress and i % 256 == 0:
                progress(i / iterations)

    def _double_bridge(self, rng: random.Random, tracks: int) -> tuple[float, list[int]]:
        """Swap two adjacent blocks of tracks; returns the gain (negative when worse) and touched nodes."""
        span = min(tracks, 24)
        first = rng.randrange(0, tracks - span + 1)
        i, j, k = sorted(rng.sample(range(first, first + span + 1), 3))
        t, c = self.tour, self.c
        a, b, m, o, y, z = t[2 * i], t[2 * i + 1], t[2 * j], t[2 * j + 1], t[2 * k], t[2 * k + 1]
        gain = c[a][b] + c[m][o] + c[y][z] - c[a][o] - c[y][b] - c[m][z]
        self._put(2 * i + 1, t[2 * j + 1 : 2 * k + 1] + t[2 * i + 1 : 2 * j + 1])
        return gain, [a, b, m, o, y, z]

    def _put(self, at: int, nodes: list[int]) -> None:
        self.tour[at : at + len(nodes)] = nodes
        pos = self.pos
        for p, node in enumerate(nodes, at):
            pos[node] = p

    def _improve(self, queue: list[int]) -> float:
        """Apply improving moves from the queued nodes until none is left; returns the gain."""
        total = 0.0
        waiting = set(queue)
        while queue:
            node = queue.pop()
            waiting.discard(node)
            found = self._two_opt(node) or self._move_block(node)
            while found:
                total += found[0]
                for touched in found[1]:
                    if touched not in waiting:
                        waiting.add(touched)
                        queue.append(touched)
                found = self._two_opt(node) or self._move_block(node)
        return total

    def _two_opt(self, u: int) -> tuple[float, tuple[int, ...]] | None:
        t, pos, c = self.tour, self.pos, self.c
        p = pos[u]
        forward = p % 2 == 0
        x = t[p + 1] if forward else t[p - 1]
        base = c[u][x]
        for v in self.near[u]:
            cuv = c[u][v]
            if cuv >= base:
                return None
            q = pos[v]
            if q % 2 == p % 2:
                y = t[q + 1] if forward else t[q - 1]
                gain = base + c[v][y] - cuv - c[x][y]
                if gain > 1e-9:
                    lo, hi = (p, q) if p < q else (q, p)
                    if forward:
                        self._put(lo + 1, t[hi:lo:-1])
                    else:
                        self._put(lo, t[hi - 1 : lo - 1 : -1])
                    return gain, (u, x, v, y)
        return None

    def _move_block(self, u: int) -> tuple[float, tuple[int, ...]] | None:
        """Take the block of one to three tracks that ends in u and put that end next to a near node."""
        t, pos, c, last = self.tour, self.pos, self.c, len(self.tour) - 1
        p = pos[u]
        if p in (0, last):
            return None
        forward = p % 2 == 0
        x = t[p + 1] if forward else t[p - 1]
        base = c[u][x]
        for tracks in (1, 2, 3):
            lo, hi = (p - 2 * tracks + 1, p) if forward else (p, p + 2 * tracks - 1)
            if lo < 1 or hi >= last:
                break
            w = t[lo] if forward else t[hi]
            z = t[lo - 1] if forward else t[hi + 1]
            removed = base + c[w][z] - c[x][z]
            for v in self.near[u]:
                cuv = c[u][v]
                if cuv >= removed:
                    break
                q = pos[v]
                if lo <= q <= hi:
                    continue
                even = q % 2 == 0
                y = t[q + 1] if even else t[q - 1]
                gain = removed + c[v][y] - cuv - c[w][y]
                if gain > 1e-9 and not (lo <= pos[y] <= hi):
                    self._reinsert(lo, hi, min(q, pos[y]), u if even else w)
                    return gain, (u, w, x, z, v, y)
        return None

    def _reinsert(self, lo: int, hi: int, gap: int, head: int) -> None:
        """Move tour[lo…hi] between positions gap and gap+1, entered at its node ``head``."""
        t = self.tour
        block = t[lo : hi + 1]
        if block[0] != head:
            block.reverse()
        if gap < lo:
            self._put(gap + 1, block + t[gap + 1 : lo])
        else:
            self._put(lo, t[hi + 1 : gap + 1] + block)
