"""Bends a flown path, many corners at a time, towards less flight time for the area it must see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.planning.estimate import STOP_ANGLE_DEG, FlightModel
from airbeat.planning.grid import CoverGrid, Points, Segments, Tally
from airbeat.planning.moves import KINDS, Corners, Moves
from airbeat.planning.route import Router

__all__ = ["Corner", "Relaxer"]

Point = tuple[float, float]
Numbers = npt.NDArray[np.int64]

_WORTH_S = 0.03
_LARGEST_WINDOW_CELLS = 30_000
_AT_ONCE = 40_000
"""Spans that are looked at together, so that they stay in the processor's cache."""
_SWEEPS = 8
_CHOICES = 4
_APART = 4
"""Corners fewer than this apart are not moved together: what one move saves depends on its neighbours."""
_OPTIONS = 12
_STOP_COS = math.cos(math.radians(STOP_ANGLE_DEG))


@dataclass(slots=True, eq=False)
class Corner:
    """One corner of the path.

    Attributes:
        at: (x, y) [m].
        line_ahead: the leg to the next corner is a sweep line.
        fixed: the corner may not move.
    """

    at: Point
    line_ahead: bool = False
    fixed: bool = False


@dataclass(slots=True, kw_only=True)
class _Change:
    """A move that pays: what it replaces, by what, and where it changes what is seen."""

    corner: int
    to: Points
    gain_s: float
    more: int
    first: tuple[int, int]
    after: tuple[int, int]


class Relaxer:
    """A path whose corners may move, with the samples it sees.

    The objective is flight time plus a price for every square that nobody sees.

    Args:
        path: corners in flying order.
        grid: counts of what is seen; the path is added to it.
        router: of the space that moved legs must stay in.
        model: what legs cost.
        gentle_rad: corners that turn by no more than this will be flown as arcs without a stop, where the
            legs are long enough; 0 stops at all.
    """

    def __init__(
        self,
        path: Sequence[Corner],
        *,
        grid: CoverGrid,
        router: Router,
        model: FlightModel,
        gentle_rad: float = 0.0,
    ) -> None:
        self._at = np.array([c.at for c in path], dtype=float)
        self._line = np.array([c.line_ahead for c in path], dtype=bool)
        self._fixed = np.array([c.fixed for c in path], dtype=bool)
        # Prices between which no move of a corner pays, as long as nothing near it changes.
        self._low, self._high = np.full(len(path), math.inf), np.full(len(path), -math.inf)
        self._waiting = np.zeros(len(path), dtype=bool)
        self.grid, self.router, self.model = grid, router, model
        self._gentle_cos = math.cos(gentle_rad)
        grid.add(_segments(self._at if len(path) > 1 else np.repeat(self._at, 2, axis=0)))

    @property
    def missing(self) -> int:
        """Squares of the area that the path does not see."""
        return self.grid.missing

    @property
    def points(self) -> list[Point]:
        """The corners' places."""
        return [(x, y) for x, y in self._at.tolist()]

    def round(self, price_s: float, budget_cells: float = math.inf) -> int:
        """Try every corner once; returns how many changed.

        Moves that do not touch one another are made together; the rest is looked at again.

        Args:
            price_s: what one unseen square costs [s].
            budget_cells: changes may not leave more squares unseen than this.
        """
        changed = 0
        self._waiting = ~self._fixed & ~((self._low <= price_s) & (price_s <= self._high))
        for _ in range(_SWEEPS):
            waiting = np.flatnonzero(self._waiting)
            if len(waiting) == 0:
                break
            changed += self._apply(self._changes(waiting, price_s, budget_cells), budget_cells)
        return changed

    def _changes(self, waiting: Numbers, price_s: float, budget: float) -> list[_Change]:
        """For each corner the best of the first kind of moves that pays; corners without one fall asleep."""
        corners = Corners(self._at, self._line, self._fixed)
        tally = self.grid.tally()
        low, high = np.full(len(self._at), -math.inf), np.full(len(self._at), math.inf)
        found: list[_Change] = []
        for kind in KINDS:
            if len(waiting) == 0:
                break
            moves = kind(corners, waiting, self.grid.radius)
            if len(moves.corner) == 0:
                continue
            changes = self._paying(
                corners, moves, tally=tally, price_s=price_s, budget=budget, asleep=(low, high)
            )
            found += changes
            waiting = waiting[~np.isin(waiting, [c.corner for c in changes])]
        self._waiting[waiting] = False
        self._low[waiting], self._high[waiting] = low[waiting], high[waiting]
        return found

    def _paying(
        self,
        corners: Corners,
        moves: Moves,
        *,
        tally: Tally,
        price_s: float,
        budget: float,
        asleep: tuple[Points, Points],
    ) -> list[_Change]:
        """The best move of each corner that pays and can be flown; notes between which prices none would."""
        here, k = moves.corner, moves.replaced
        owners, owner = np.unique(here, return_inverse=True)
        old = corners.place(owners[:, None] + np.arange(k))
        before, after = (corners.place(owners[:, None] + np.array(j)) for j in ([-2, -1], [k, k + 1]))
        old_times = self._times(np.concatenate([before, old, after], axis=1))
        saved = old_times[owner] - self._times(
            np.concatenate([before[owner], moves.to, after[owner]], axis=1)
        )
        starts = np.searchsorted(owner, np.arange(len(owners)))
        touched = self.grid.turned(np.concatenate([moves.around, moves.to], axis=1))
        first, past = self.grid.boxes(
            np.minimum.reduceat(np.nanmin(touched, axis=1), starts),
            np.maximum.reduceat(np.nanmax(touched, axis=1), starts),
        )
        # No move can gain more than all that is missing within reach.
        hidden = tally.missing_in(first, past)
        more = -hidden[owner]
        height = past[:, 0] - first[:, 0]
        small = height * (past[:, 1] - first[:, 1]) <= _LARGEST_WINDOW_CELLS
        hopeful = np.flatnonzero((saved - price_s * more >= _WORTH_S) & small[owner])
        now = self.grid.turned(_legs(np.concatenate([before[:, 1:], old, after[:, :1]], axis=1)))
        legs = _legs(
            np.concatenate([before[owner[hopeful], 1:], moves.to[hopeful], after[owner[hopeful], :1]], axis=1)
        )
        turned = self.grid.turned(legs)
        counted = self._counted(tally, now, turned, owner=owner[hopeful], first=first[:, 0], height=height)
        more[hopeful] = counted
        _narrow(saved, more, starts, price_s=price_s, asleep=asleep, corner=owners)
        gain = saved[hopeful] - price_s * counted
        pays = (gain >= _WORTH_S) & ((counted <= 0) | (self.missing + counted <= budget))
        chosen = self._flyable(gain, owner[hopeful], pays, legs)
        return [
            _Change(
                corner=int(owners[owner[hopeful[c]]]),
                to=moves.to[hopeful[c]],
                gain_s=float(gain[c]),
                more=int(counted[c]),
                first=tuple(first[owner[hopeful[c]]].tolist()),
                after=tuple(past[owner[hopeful[c]]].tolist()),
            )
            for c in chosen
        ]

    def _counted(
        self, tally: Tally, now: Points, new: Points, *, owner: Numbers, first: Numbers, height: Numbers
    ) -> Numbers:
        """What each replacement leaves unseen, in batches of about equal height."""
        out = np.zeros(len(new), dtype=np.int64)
        ranked = np.argsort(height[owner], kind="stable")
        tall = height[owner[ranked]]
        k = 0
        while k < len(ranked):
            least = int(tall[k])
            most = k + max(1, _AT_ONCE // max(1, new.shape[1] * least))
            last = min(most, int(np.searchsorted(tall, 1.4 * least + 4, "right")))
            batch = ranked[k:last]
            tasks, which = np.unique(owner[batch], return_inverse=True)
            out[batch] = tally.more_missing(
                now[tasks].reshape(len(tasks), -1, 4),
                new[batch].reshape(len(batch), -1, 4),
                which,
                first[tasks],
                int(tall[last - 1]),
            )
            k = last
        return out

    def _flyable(self, gain: Points, owner: Numbers, pays: npt.NDArray[np.bool_], legs: Points) -> Numbers:
        """The best move of each owner that stays in the space, of its few best ones."""
        order = np.lexsort((-gain, owner))
        order = order[pays[order]]
        chosen: list[Numbers] = []
        for _ in range(_CHOICES):
            if len(order) == 0:
                break
            leads = np.concatenate([[True], owner[order[1:]] != owner[order[:-1]]])
            best = order[leads]
            tried = legs[best].reshape(-1, 4)
            real = ~np.isnan(tried).any(axis=1)
            ok = np.ones(len(tried), dtype=bool)
            ok[real] = self.router.clear(tried[real, :2], tried[real, 2:])
            won = best[np.asarray(ok.reshape(len(best), -1).all(axis=1))]
            chosen.append(won)
            order = order[~leads & ~np.isin(owner[order], owner[won])]
        return np.concatenate(chosen) if chosen else np.empty(0, dtype=np.int64)

    def _apply(self, changes: list[_Change], budget: float) -> int:
        """Make the changes that gain most and do not disturb one another; returns how many."""
        made: list[_Change] = []
        changes = sorted(changes, key=lambda c: (-c.gain_s, c.corner))
        corner = np.array([c.corner for c in changes], dtype=np.int64)
        first = np.array([c.first for c in changes], dtype=np.int64).reshape(-1, 2)
        after = np.array([c.after for c in changes], dtype=np.int64).reshape(-1, 2)
        disturbed = np.zeros(len(changes), dtype=bool)
        missing = self.missing
        for n, change in enumerate(changes):
            if disturbed[n] or (change.more > 0 and missing + change.more > budget):
                continue
            made.append(change)
            disturbed |= np.abs(corner - change.corner) < _APART
            disturbed |= ((first < after[n]) & (first[n] < after)).all(axis=1)
            missing += change.more
        for replaced in (1, 2):
            some = [c for c in made if len(c.to) == replaced]
            if some:
                corners = Corners(self._at, self._line, self._fixed)
                numbers = np.array([c.corner for c in some])
                old = corners.place(numbers[:, None] + np.arange(-1, replaced + 1))
                new = old.copy()
                new[:, 1:-1] = [c.to for c in some]
                self.grid.exchange(*(_legs(p).reshape(len(some), -1, 4) for p in (old, new)))
        gone: list[int] = []
        for change in made:
            i, k = change.corner, len(change.to)
            self._waiting[i] = False
            self._low[max(0, i - 3) : i + 3], self._high[max(0, i - 3) : i + 3] = math.inf, -math.inf
            if np.isnan(change.to).any():
                gone += range(i, i + k)
                self._line[max(0, i - 1)] = False
            else:
                self._at[i : i + k] = change.to
        if gone:
            for name in ("_at", "_line", "_fixed", "_low", "_high", "_waiting"):
                setattr(self, name, np.delete(getattr(self, name), gone, axis=0))
        return len(made)

    def _times(self, paths: Points) -> Points:
        """Times along m paths (m, n, 2) of a few corners, stopping at both ends [s]; NaN corners are none."""
        m = len(paths)
        total, run, ux, uy, before = np.zeros((5, m))
        last = paths[:, 0].copy()
        for k in range(1, paths.shape[1]):
            d = paths[:, k] - last
            length = np.sqrt((d * d).sum(axis=1))
            real = length >= 0.01
            along = ux * d[:, 0] + uy * d[:, 1]
            stop = real & (along < _STOP_COS * length) & (run > 0)
            if self._gentle_cos < 1.0:
                # An arc of radius R takes R·tan(φ/2) of both legs; half a leg is left for its other corner.
                takes = (
                    2.0
                    * self.model.turn_radius_m
                    * np.sqrt(np.maximum(length - along, 0.0) / np.maximum(length + along, 1e-9))
                )
                stop &= (along < self._gentle_cos * length) | (takes > np.minimum(before, length))
                before = np.where(real, length, before)
            total += np.where(stop, self.model.leg_times_s(run), 0.0)
            run = np.where(stop, 0.0, run) + np.where(real, length, 0.0)
            unit = d / np.where(real, length, 1.0)[:, None]
            ux, uy = np.where(real, unit[:, 0], ux), np.where(real, unit[:, 1], uy)
            given = ~np.isnan(paths[:, k, 0])
            last[given & (real | np.isnan(last[:, 0]))] = paths[given & (real | np.isnan(last[:, 0])), k]
        return np.asarray(total + self.model.leg_times_s(run))

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
            open_samples = self.grid.missing_samples(self.grid.window(samples))
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
        points = self._at
        turnable = ~(self._line | self._fixed)[:-1]
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
            at = k + 1 if kind < 2 else (0 if k == 0 else len(points))
            if self._pays(at, [corner, place, corner] if kind == 1 else [place], cost[option], price_s):
                return True
        return self._visit_far(samples, points, price_s)

    def _pays(self, at: int, new: list[Point], cost_s: float, price_s: float) -> bool:
        """Put corners before corner ``at`` if the squares gained, less those lost, are worth it."""
        around = self._at[max(0, at - 1) : at + 1]
        inner = 0 < at < len(self._at)
        legs = _segments(np.array([*around[:1], *new, *around[1:]] if inner else [*new, *around]))
        if not bool(self.router.clear(legs[:, :2], legs[:, 2:]).all()):
            return False
        old = _segments(around)
        missing = self.missing
        self.grid.exchange(old, legs)
        more = self.missing - missing
        if more > 0 or (cost_s > -more * price_s if math.isfinite(price_s) else False):
            self.grid.exchange(legs, old)
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
            way = self.router.route(points[k], place)
            if way is not None and 2 * way[0] <= price_s * len(samples):
                new = [*way[1][1:], *way[1][-2::-1]]
                after = self._at[k : k + 2]
                self.grid.exchange(_segments(after), _segments(np.array([after[0], *new, *after[1:]])))
                self._put(k + 1, new)
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
        """New corners, whose legs have been seen along, before corner ``at``."""
        line = 0 < at < len(self._at) and bool(self._line[at - 1])
        n = len(new)
        self._at = np.insert(self._at, at, np.array(new), axis=0)
        self._line = np.insert(self._line, at, [*[False] * (n - 1), line])
        self._fixed = np.insert(self._fixed, at, [False] * n)
        self._low, self._high = (np.insert(x, at, [math.inf] * n) for x in (self._low, self._high))
        self._low[max(0, at - 3) : at + n + 3], self._high[max(0, at - 3) : at + n + 3] = math.inf, -math.inf


def _legs(points: Points) -> Points:
    """(m, n − 1, 2, 2): legs between successive points of m paths (m, n, 2); NaN points are passed over."""
    start = points[:, 0].copy()
    out = np.empty((len(points), points.shape[1] - 1, 2, 2))
    for k in range(1, points.shape[1]):
        out[:, k - 1, 0], out[:, k - 1, 1] = start, points[:, k]
        given = ~np.isnan(points[:, k, 0])
        start[given] = points[given, k]
    out[np.isnan(out).any(axis=(2, 3))] = np.nan
    return out


def _narrow(
    saved: Points,
    more: Numbers,
    starts: Numbers,
    *,
    price_s: float,
    asleep: tuple[Points, Points],
    corner: Numbers,
) -> None:
    """Note for each corner the prices below or above which one of its moves would pay."""
    low, high = asleep
    spread = np.maximum(np.abs(more), 1)
    gives = np.where((more > 0) & (saved > _WORTH_S), (saved - _WORTH_S) / spread, -math.inf)
    takes = np.where(more < 0, (_WORTH_S - saved) / spread, math.inf)
    low[corner] = np.maximum(low[corner], np.minimum(np.maximum.reduceat(gives, starts), price_s))
    high[corner] = np.minimum(high[corner], np.maximum(np.minimum.reduceat(takes, starts), price_s))


def _segments(points: Points) -> Segments:
    """Segments between successive points (n, 2); none for fewer than two."""
    return np.hstack([points[:-1], points[1:]])
