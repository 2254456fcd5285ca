"""From lines to one flown way: which line next, in which direction, and how to get there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from airbeat.planning.freespace import FlightSpace
from airbeat.planning.order import order_tracks
from airbeat.planning.route import Router

__all__ = ["Leg", "fly_lines", "with_gate"]

Points = npt.NDArray[np.float64]
_UNREACHABLE_S = 1e7
_ROUNDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One straight flown leg.

    Attributes:
        start: (x, y) [m].
        end: (x, y) [m].
        camera_on: whether it is part of a sweep line.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    camera_on: bool


def fly_lines(
    lines: Sequence[Points],
    *,
    home: tuple[float, float],
    near: Router,
    far: Router,
    iterations: int,
    seed: int,
    entry: tuple[float, float] | None = None,
) -> tuple[list[Leg], list[int]]:
    """Fly every line once, from home and back, on the fastest way found.

    Args:
        lines: each (2, 2): both ends of a sweep line [m].
        home: where the flight begins and ends.
        near: router of the space between the lines.
        far: router of the ways from and to home, and between parts that ``near`` does not join.
        iterations: budget of the ordering.
        seed: of the ordering.
        entry: the first line is the one with an end nearest to this place.

    Returns:
        The legs in flying order, and the numbers of lines that cannot be reached from home.
    """
    reachable = [k for k, line in enumerate(lines) if far.route(home, line[0]) is not None]
    lost = sorted(set(range(len(lines))) - set(reachable))
    if not reachable:
        return [], lost
    ends = np.vstack([lines[k] for k in reachable])
    costs = _Costs(ends, home, near, far)
    if entry is not None:
        costs.prefer_entry(entry)
    order = costs.solve(iterations, seed)
    legs: list[Leg] = []
    at = home
    for k, backwards in order:
        a, b = (2 * k + 1, 2 * k) if backwards else (2 * k, 2 * k + 1)
        start, end = _pair(ends[a]), _pair(ends[b])
        legs += _joined(costs.way(at, start, from_home=not legs))
        legs.append(Leg(start=start, end=end, camera_on=True))
        at = end
    legs += _joined(costs.way(at, home, from_home=True))
    return legs, lost


def with_gate(legs: list[Leg], space: FlightSpace) -> list[Leg]:
    """Legs that begin and end at the gate, made to begin and end at home."""
    if space.gate == space.home:
        return legs
    out = Leg(start=space.home, end=space.gate, camera_on=False)
    back = Leg(start=space.gate, end=space.home, camera_on=False)
    return [out, *legs, back]


def _pair(p: Points) -> tuple[float, float]:
    return float(p[0]), float(p[1])


def _joined(way: list[tuple[float, float]]) -> list[Leg]:
    return [
        Leg(start=a, end=b, camera_on=False)
        for a, b in pairwise(way)
        if abs(a[0] - b[0]) + abs(a[1] - b[1]) > 0.01
    ]


class _Costs:
    """Times between line ends: exact where seen straight or once used, estimated elsewhere."""

    def __init__(self, ends: Points, home: tuple[float, float], near: Router, far: Router) -> None:
        self.ends, self.home, self.near, self.far = ends, home, near, far
        n = len(ends)
        i, j = np.triu_indices(n, 1)
        length = np.hypot(*(ends[i] - ends[j]).T)
        clear = near.clear(ends[i], ends[j])
        time = near.leg_time(np.where(clear, length, 1.5 * length)) + np.where(clear, 0.0, 8.0)
        self.link = np.zeros((n, n))
        self.link[i, j] = self.link[j, i] = time
        self.known = np.eye(n, dtype=bool)
        self.known[i, j] = self.known[j, i] = clear
        self.start = np.array([self._home_time(p) for p in ends])
        self.finish = self.start.copy()

    def _home_time(self, p: Points) -> float:
        found = self.far.route(self.home, p)
        return _UNREACHABLE_S if found is None else found[0]

    def prefer_entry(self, entry: tuple[float, float]) -> None:
        away = np.hypot(*(self.ends - np.array(entry)).T)
        self.start = self.start + np.where(away <= away.min() + 1e-6, 0.0, _UNREACHABLE_S / 100)

    def way(
        self, a: tuple[float, float], b: tuple[float, float], *, from_home: bool
    ) -> list[tuple[float, float]]:
        found = None if from_home else self.near.route(a, b)
        found = found or self.far.route(a, b)
        if found is None:  # pragma: no cover - lines unreachable from home were left out before
            raise AssertionError("no way between two reachable places")
        return found[1]

    def solve(self, iterations: int, seed: int) -> list[tuple[int, bool]]:
        """Order; make the used estimates exact; order again while that changes anything."""
        best: list[tuple[int, bool]] = []
        best_total = np.inf
        order: list[tuple[int, bool]] | None = None
        for round_ in range(_ROUNDS):
            order = order_tracks(
                self.link,
                start=self.start,
                finish=self.finish,
                initial=order,
                seed=seed,
                iterations=iterations if round_ == 0 else iterations // 4,
            )
            changed = self._make_exact(order)
            total = self._total(order)
            if total < best_total - 1e-9:
                best, best_total = order, total
            if not changed:
                break
        return best

    def _steps(self, order: list[tuple[int, bool]]) -> list[tuple[int, int]]:
        out = [2 * k if back else 2 * k + 1 for k, back in order]
        into = [2 * k + 1 if back else 2 * k for k, back in order]
        return list(zip(out, into[1:], strict=False))

    def _make_exact(self, order: list[tuple[int, bool]]) -> bool:
        changed = False
        for a, b in self._steps(order):
            if not self.known[a, b]:
                found = self.near.route(self.ends[a], self.ends[b]) or self.far.route(
                    self.ends[a], self.ends[b]
                )
                time = _UNREACHABLE_S if found is None else found[0]
                self.link[a, b] = self.link[b, a] = time
                self.known[a, b] = self.known[b, a] = True
                changed = True
        return changed

    def _total(self, order: list[tuple[int, bool]]) -> float:
        first = 2 * order[0][0] + order[0][1]
        last = 2 * order[-1][0] + (not order[-1][1])
        links = sum(self.link[a, b] for a, b in self._steps(order))
        return float(self.start[first] + links + self.finish[last])
