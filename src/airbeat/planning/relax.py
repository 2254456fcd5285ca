"""Bends a flown path corner by corner towards less flight time for the area it must see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from airbeat.planning.estimate import STOP_ANGLE_DEG, FlightModel
from airbeat.planning.grid import CoverGrid, Points, Segments
from airbeat.planning.route import Router

__all__ = ["Corner", "Relaxer"]

Point = tuple[float, float]

_ALONG = (-1.0, -0.5, -0.2, -0.07, 0.1, 0.3, 0.8)
"""Moves along an adjoining leg, as shares of half the swath; negative shortens it."""
_ASIDE = ((0.0, 0.15), (0.0, 0.4), (0.4, 0.2), (0.9, 0.5), (-0.4, 0.2))
"""Moves (along, across) of a line's end, tried to both sides."""
_WORTH_S = 0.03
_LARGEST_WINDOW_CELLS = 30_000
_OPTIONS = 12
_STOP_RAD = math.radians(STOP_ANGLE_DEG)


_AWAKE = (math.inf, -math.inf)


@dataclass(slots=True, eq=False)
class Corner:
    """One corner of the path.

    Attributes:
        at: (x, y) [m].
        line_ahead: the leg to the next corner is a sweep line.
        fixed: the corner may not move.
        asleep: prices between which none of its moves pays, as long as nothing near it changes [s].
    """

    at: Point
    line_ahead: bool = False
    fixed: bool = False
    asleep: tuple[float, float] = _AWAKE

    def __post_init__(self) -> None:
        self.at = (float(self.at[0]), float(self.at[1]))


class Relaxer:
    """A path whose corners may move, with the samples it sees.

    The objective is flight time plus a price for every square that nobody sees.

    Args:
        path: corners in flying order.
        grid: counts of what is seen; the path is added to it.
        router: of the space that moved legs must stay in.
        model: what legs cost.
    """

    def __init__(
        self, path: Sequence[Corner], *, grid: CoverGrid, router: Router, model: FlightModel
    ) -> None:
        self.path = list(path)
        self.grid, self.router, self.model = grid, router, model
        places = [c.at for c in self.path]
        grid.add(_segments(places if len(places) > 1 else places * 2))
        self.missing = grid.missing
        self._price, self._budget, self._range = 0.0, math.inf, (-math.inf, math.inf)

    @property
    def points(self) -> list[Point]:
        """The corners' places."""
        return [c.at for c in self.path]

    def round(self, price_s: float, budget_cells: float = math.inf) -> int:
        """Try every corner once; returns how many changed.

        Args:
            price_s: what one unseen square costs [s].
            budget_cells: changes may not leave more squares unseen than this.
        """
        self._price, self._budget = price_s, budget_cells
        changed = 0
        i = 0
        while i < len(self.path):
            corner = self.path[i]
            if not corner.fixed and not corner.asleep[0] <= price_s <= corner.asleep[1]:
                self._range = (-math.inf, math.inf)
                if self._change(i):
                    changed += 1
                    self._wake(i - 3, i + 3)
                else:
                    corner.asleep = (self._range[0], self._range[1])
            i += 1
        return changed

    def wake(self) -> None:
        """Look at every corner again: what lies beside it may have changed."""
        self._wake(0, len(self.path))

    def _wake(self, first: int, last: int) -> None:
        for corner in self.path[max(0, first) : max(0, last)]:
            corner.asleep = _AWAKE

    def _change(self, i: int) -> bool:
        """The first kind of move of corner i that pays: along its legs, with the next corner, sideways."""
        path, end = self.path, len(self.path) - 1
        for j in (i - 1, i + 1):
            if 0 <= j <= end:
                moves = self._along(i, j)
                other = [path[2 * i - j].at] if 0 <= 2 * i - j <= end else []
                if moves and self._best_of(i, i, moves, [path[i].at, *other]):
                    return True
        if 0 < i < end - 1 and not path[i + 1].fixed:
            if self._best_of(i, i + 1, self._pair_moves(i), [path[i].at, path[i + 1].at]):
                return True
            around = [c.at for c in path[i - 1 : i + 3]]
            if self._best_of(i, i + 1, [[]], around):
                return True
        around = [c.at for c in path[max(0, i - 1) : i + 2]]
        return self._best_of(i, i, self._sideways(i), around)

    def _along(self, i: int, j: int) -> list[list[Point]]:
        """Corner i moved along its leg to corner j, or beyond; sweep lines beyond corner i are not turned."""
        path = self.path
        k = 2 * i - j
        if 0 <= k < len(path) and path[min(i, k)].line_ahead and not path[min(i, j)].line_ahead:
            return []
        x, y = path[i].at
        dx, dy, length = _direction(path[j].at, path[i].at)
        r = self.grid.radius
        return [
            [(x + s * r * dx, y + s * r * dy)] for s in _ALONG if length > 1e-6 and -s * r < 0.95 * length
        ]

    def _sideways(self, i: int) -> list[list[Point]]:
        """Corner i left out, moved across its sweep line, or towards the chord of its neighbours."""
        path, end, r = self.path, len(self.path) - 1, self.grid.radius
        x, y = path[i].at
        moves: list[list[Point]] = [[]] if end > 1 else []
        for j in (i - 1, i + 1):
            if 0 <= j <= end and path[min(i, j)].line_ahead:
                dx, dy, _ = _direction(path[j].at, path[i].at)
                steps = [(a, side * c) for a, c in _ASIDE for side in (1, -1)]
                moves += [[(x + r * (a * dx - c * dy), y + r * (a * dy + c * dx))] for a, c in steps]
        if 0 < i < end and not path[i].line_ahead and not path[i - 1].line_ahead:
            foot = _foot(path[i].at, path[i - 1].at, path[i + 1].at)
            moves += [[(x + s * (foot[0] - x), y + s * (foot[1] - y))] for s in (0.25, 0.6)]
        return moves

    def _pair_moves(self, i: int) -> list[list[Point]]:
        path, r = self.path, self.grid.radius
        a, b = path[i].at, path[i + 1].at
        moves: list[list[Point]] = []
        ax, ay, la = _direction(path[i - 1].at, a)
        bx, by, lb = _direction(path[i + 2].at, b)
        for s in (-1.0, -0.4, -0.15, 0.2, 0.6):
            if -s * r < 0.95 * min(la, lb):
                moves.append([(a[0] + s * r * ax, a[1] + s * r * ay), (b[0] + s * r * bx, b[1] + s * r * by)])
        return moves

    def _best_of(self, first: int, last: int, moves: list[list[Point]], around: list[Point]) -> bool:
        """Apply the best of several replacements of path[first…last] that pays and can be flown.

        ``around`` and the moves' own points span the box outside of which nothing is seen differently.
        """
        if not moves:
            return False
        p = [c.at for c in self.path[max(0, first - 2) : last + 3]]
        k = min(first, 2)
        head, old, tail = p[:k], p[k : k + last - first + 1], p[k + last - first + 1 :]
        old_time = self._time([*head, *old, *tail])
        now = _segments([*head[-1:], *old, *tail[:1]])
        new = [_segments([*head[-1:], *m, *tail[:1]]) for m in moves]
        rows, columns = self.grid.window(np.array([*around, *(p for m in moves for p in m)]))
        if (rows.stop - rows.start) * (columns.stop - columns.start) > _LARGEST_WINDOW_CELLS:
            return False
        more = self._more_missing(self.grid.depending(rows, columns, now), now, new)
        saved = [old_time - self._time([*head, *m, *tail]) for m in moves]
        gains = [s - self._price * d for s, d in zip(saved, more, strict=True)]
        for c in sorted(range(len(moves)), key=gains.__getitem__, reverse=True):
            if gains[c] < _WORTH_S:
                break
            if more[c] > 0 and self.missing + more[c] > self._budget:
                continue
            if bool(self.router.clear(new[c][:, :2], new[c][:, 2:]).all()):
                self.missing += more[c]
                self.grid.exchange(rows, columns, now, new[c])
                self._replace(first, last, moves[c])
                return True
        self._narrow(saved, more)
        return False

    def _more_missing(self, samples: Points, now: Segments, new: list[Segments]) -> list[int]:
        """How many more of the samples nobody would see with each of several replacements."""
        if len(samples) == 0:
            return [0] * len(new)
        lost = len(samples) - (int(self.grid.sees(samples, now).any(axis=0).sum()) if len(now) else 0)
        filled = [k for k, s in enumerate(new) if len(s)]
        seen_by = np.zeros(len(new), dtype=np.int64)
        if filled:
            starts = np.cumsum([0, *(len(new[k]) for k in filled[:-1])])
            seen = self.grid.sees(samples, np.vstack([new[k] for k in filled]))
            seen_by[filled] = np.logical_or.reduceat(seen, starts, axis=0).sum(axis=1)
        return [int(n) for n in len(samples) - seen_by - lost]

    def _narrow(self, saved: list[float], more: list[int]) -> None:
        """Note the prices below or above which one of these moves would pay."""
        low, high = self._range
        for s, d in zip(saved, more, strict=True):
            if d > 0 and s > _WORTH_S:
                low = max(low, min((s - _WORTH_S) / d, self._price))
            elif d < 0:
                high = min(high, max((_WORTH_S - s) / -d, self._price))
        self._range = (low, high)

    def _replace(self, first: int, last: int, points: list[Point]) -> None:
        old = self.path[first : last + 1]
        if len(points) == len(old):
            for corner, at in zip(old, points, strict=True):
                corner.at = at
            return
        if first > 0:
            self.path[first - 1].line_ahead = False
        self.path[first : last + 1] = []

    def _time(self, points: Sequence[Point]) -> float:
        """Time along a few corners, with stops at both ends [s]."""
        leg, total, run, heading = self.model.leg_time_s, 0.0, 0.0, None
        for (ax, ay), (bx, by) in pairwise(points):
            dx, dy = bx - ax, by - ay
            length = math.hypot(dx, dy)
            if length < 0.01:
                continue
            now = math.atan2(dy, dx)
            if heading is not None and abs((now - heading + math.pi) % (2 * math.pi) - math.pi) >= _STOP_RAD:
                total += leg(run)
                run = 0.0
            heading = now
            run += length
        return total + leg(run)

    def insert(self, price_s: float, *, down_to: int = 0) -> int:
        """Bend the path to where squares are missing, most of them first; returns how many bends were made.

        Args:
            price_s: what one unseen square costs [s]; a bend that costs more than it finds is not made.
            down_to: stop when no more squares than this are missing.
        """
        made = 0
        for samples in self._clusters():
            if self.missing <= down_to:
                break
            rows, columns = self.grid.window(samples)
            open_samples = self.grid.depending(rows, columns, np.empty((0, 4)))
            near = np.abs(open_samples - samples.mean(axis=0)).max(axis=1) < 1.2 * self.grid.radius
            if near.any():
                made += self._visit(open_samples[near], price_s)
        return made

    def visit(self, samples: Points) -> bool:
        """Bend the path until it sees all of some points (n, 2), at any price, in groups if need be.

        Returns:
            Whether anything was bent.
        """
        if len(samples) == 0:
            return False
        spread = samples - samples.mean(axis=0)
        if np.hypot(*spread.T).max() <= 0.9 * self.grid.radius:
            return self._visit(samples, math.inf)
        order = np.argsort(spread @ np.linalg.svd(spread, full_matrices=False)[2][0], kind="stable")
        halves = np.array_split(samples[order], 2)
        bent = [self.visit(half) for half in halves]
        return any(bent)

    def _clusters(self) -> list[Points]:
        """Missing samples in groups small enough to be seen from one place, largest group first."""
        samples = self.grid.missing_samples()
        if len(samples) == 0:
            return []
        bins = np.floor((samples - samples.min(axis=0)) / (1.2 * self.grid.radius)).astype(np.int64)
        _, group, size = np.unique(
            bins[:, 0] * 1_000_003 + bins[:, 1], return_inverse=True, return_counts=True
        )
        order = np.argsort(group, kind="stable")
        parts = np.split(samples[order], np.cumsum(size)[:-1])
        return [parts[k] for k in np.argsort(-size, kind="stable")]

    def _visit(self, samples: Points, price_s: float) -> bool:
        """Bend the cheapest leg towards samples, or leave one for them and come back, if that pays."""
        points = np.array(self.points)
        turnable = np.array([not (c.line_ahead or c.fixed) for c in self.path[:-1]], dtype=bool)
        a, b, z, near = points[:-1], points[1:], samples.mean(axis=0), 0.7 * self.grid.radius
        times = self.model.leg_times_s
        d = b - a
        length = np.hypot(*d.T)
        share = np.clip(((z - a) * d).sum(axis=1) / np.maximum(length**2, 1e-9), 0.0, 1.0)
        foot = a + share[:, None] * d
        away = np.maximum(np.hypot(*(z - foot).T), 1e-9)
        short = z + np.minimum(1.0, near / away)[:, None] * (foot - z)
        bend = times(np.hypot(*(short - a).T)) + times(np.hypot(*(short - b).T)) - times(length)
        spike = times(length * share) + times(length * (1 - share)) + 2 * times(np.hypot(*(short - foot).T))
        extend = times(np.maximum(0.0, np.hypot(*(points[[0, -1]] - z).T) - near))
        cost = np.concatenate([np.where(turnable, bend, np.inf), spike - times(length), extend])
        for option in np.argsort(cost, kind="stable")[:_OPTIONS].tolist():
            if cost[option] > price_s * len(samples):
                break
            kind, k = divmod(option, max(1, len(a)))
            goal = foot[k] if kind < 2 else points[0 if k == 0 else -1]
            place = self._nearest_seeing(samples, goal)
            if place is None or math.isinf(cost[option]):
                continue
            corner = (float(goal[0]), float(goal[1]))
            at = k + 1 if kind < 2 else (0 if k == 0 else len(self.path))
            if self._pays(at, [corner, place, corner] if kind == 1 else [place], cost[option], price_s):
                return True
        return self._visit_far(samples, points, price_s)

    def _pays(self, at: int, new: list[Point], cost_s: float, price_s: float) -> bool:
        """Put corners before corner ``at`` if the squares gained, less those lost, are worth it."""
        around = self.points[max(0, at - 1) : at + 1]
        inner = 0 < at < len(self.path)
        legs = _segments([*around[:1], *new, *around[1:]] if inner else [*new, *around])
        if not bool(self.router.clear(legs[:, :2], legs[:, 2:]).all()):
            return False
        old = _segments(around) if inner else np.empty((0, 4))
        rows, columns = self.grid.window(np.array([*around, *new]))
        more = self._more_missing(self.grid.depending(rows, columns, old), old, [legs])[0]
        if more > 0 or (cost_s > -more * price_s if math.isfinite(price_s) else False):
            return False
        self._put(at, new)
        return True

    def _visit_far(self, samples: Points, points: Points, price_s: float) -> bool:
        """Fly to samples from the nearest corner and back, round what is in the way."""
        z = samples.mean(axis=0)
        place = self._nearest_seeing(samples, z)
        if place is None:
            return False
        for k in np.argsort(np.hypot(*(points - z).T), kind="stable")[:3].tolist():
            way = self.router.route(self.path[k].at, place)
            if way is not None and 2 * way[0] <= price_s * len(samples):
                self._put(k + 1, [*way[1][1:], *way[1][-2::-1]])
                return True
        return False

    def _nearest_seeing(self, samples: Points, goal: Points) -> Point | None:
        """The flyable place nearest to the goal, on the way from the samples' middle, that sees all."""
        middle = samples.mean(axis=0)
        shares = np.array([0.9, 0.75, 0.6, 0.45, 0.3, 0.15, 0.0])
        few = samples[:: max(1, len(samples) // 40)]
        places = np.vstack([middle + shares[:, None] * (goal - middle), few])
        reach = 0.98 * self.grid.radius
        far = np.sqrt(((places[:, None, :] - samples[None]) ** 2).sum(axis=2)).max(axis=1)
        for k in np.flatnonzero(far <= reach)[:12]:
            if self.router.inside(places[k : k + 1])[0]:
                return float(places[k, 0]), float(places[k, 1])
        return None

    def _put(self, at: int, new: list[Point]) -> None:
        """New corners before corner ``at``."""
        around = self.points[max(0, at - 1) : at + 1]
        inner = 0 < at < len(self.path)
        line = inner and self.path[at - 1].line_ahead
        if inner:
            self.grid.add(_segments(around), times=-1)
            self.grid.add(_segments([around[0], *new, around[-1]]))
        else:
            self.grid.add(_segments([*new, around[0]]))
        corners = [Corner(at=p) for p in new]
        corners[-1].line_ahead = line
        self.path[at:at] = corners
        self._wake(at - 3, at + len(new) + 3)
        self.missing = self.grid.missing


def _segments(points: Sequence[Point]) -> Segments:
    """Segments between successive points; none for fewer than two."""
    array = np.array(points, dtype=float).reshape(-1, 2)
    return np.hstack([array[:-1], array[1:]])


def _direction(a: Point, b: Point) -> tuple[float, float, float]:
    """Unit vector from a to b, and the distance."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy)
    return (dx / length, dy / length, length) if length > 0 else (0.0, 0.0, 0.0)


def _foot(p: Point, a: Point, b: Point) -> Point:
    """The point of the segment a…b nearest to p."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    squared = dx * dx + dy * dy
    t = 0.0 if squared == 0 else min(1.0, max(0.0, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / squared))
    return a[0] + t * dx, a[1] + t * dy
