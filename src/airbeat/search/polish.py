"""Local search on flown paths: what each leg really sees, no cell counted twice, metre by metre.

Paths that come out of straight tracks overlook what their turns see and what lies beside their ends. Here
single corners are moved, left out and put in, and each change is judged by the cells it uncovers and newly
covers and by the length it costs, at a price of a metre that is raised and lowered until the path meets its
length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from airbeat.search.field import (
    STRAIGHT_RAD,
    Cells,
    Field,
    Place,
    Points,
    charged_m,
    cut_to,
    without_repeats,
)

__all__ = ["Cover", "polished"]

_CACHED_LEGS = 200_000
_LEAST_GAIN = 1e-12
_PRICE_STEP = 0.3
_FIRST_PRICE = 0.6
"""Of the mean worth of a metre: what a metre at the edge of the searched ground is worth, to begin with."""
_LONGEST_STEP = 3
"""Corners are moved by 1, 2, … 2^(this - 1) steps."""


class Cover:
    """How often each cell is seen, and what all that are seen are worth together (``value``)."""

    def __init__(self, field: Field, reach_m: float) -> None:
        """Nothing seen yet; ``reach_m`` is half the sweep width [m]."""
        self.field = field
        self.reach_m = reach_m
        self.value = 0.0
        self._worth = np.ascontiguousarray(field.values).ravel()
        self._counts = np.zeros(self._worth.size, dtype=np.int32)
        self._cells: dict[tuple[Place, Place], Cells] = {}
        self._open: dict[tuple[Place, Place], bool] = {}

    def cells(self, a: Place, b: Place) -> Cells:
        """Flat numbers of the cells that a leg sees and that are worth anything."""
        key = (a, b) if a <= b else (b, a)
        found = self._cells.get(key)
        if found is None:
            found = self.field.cells_near(a, b, self.reach_m)
            found = found[self._worth[found] > 0]
            if len(self._cells) >= _CACHED_LEGS:
                self._cells.clear()
            self._cells[key] = found
        return found

    def open_along(self, a: Place, b: Place) -> bool:
        """Whether a leg crosses no closed cell."""
        if self.field.closed is None:
            return True
        key = (a, b) if a <= b else (b, a)
        found = self._open.get(key)
        if found is None:
            if len(self._open) >= _CACHED_LEGS:
                self._open.clear()
            found = self._open[key] = self.field.open_along(a, b)
        return found

    def add(self, a: Place, b: Place) -> None:
        """Count what a leg sees."""
        cells = self.cells(a, b)
        counts = self._counts[cells]
        self.value += float(self._worth[cells[counts == 0]].sum())
        self._counts[cells] = counts + 1

    def take(self, a: Place, b: Place) -> None:
        """Count it no longer."""
        cells = self.cells(a, b)
        counts = self._counts[cells]
        self.value -= float(self._worth[cells[counts == 1]].sum())
        self._counts[cells] = counts - 1


class _Path:
    """One path in a cover that several may share."""

    def __init__(self, cover: Cover, path: Points, launch: Place | None, turn_m: float) -> None:
        self.cover = cover
        self.places = _places(path)
        self.launch = launch
        self.turn_m = turn_m
        for a, b in pairwise(self.places):
            cover.add(a, b)

    def flown_m(self) -> float:
        return charged_m(np.array(self.places), launch=self.launch, turn_m=self.turn_m)

    def put(self, path: Points) -> None:
        """Fly another path instead."""
        for a, b in pairwise(self.places):
            self.cover.take(a, b)
        self.places = _places(path)
        for a, b in pairwise(self.places):
            self.cover.add(a, b)

    def replace(self, first: int, last: int, new: list[Place], price: float) -> bool:
        """Put other places for places[first:last] if that is worth its price; whether it was done."""
        places, cover = self.places, self.cover
        head, tail = places[max(0, first - 1) : first], places[last : last + 1]
        before, after = [*head, *places[first:last], *tail], [*head, *new, *tail]
        if len(after) < 2 or any(a == b for a, b in pairwise(after)):
            return False
        if not all(cover.open_along(a, b) for a, b in pairwise(after)):
            return False
        trial = [*places[:first], *new, *places[last:]]
        grown = len(trial) - len(places)
        begin, end = max(0, first - 2), last + 2
        more_m = self._cost(trial, begin, end + grown) - self._cost(places, begin, end)
        value = cover.value
        for a, b in pairwise(after):
            cover.add(a, b)
        for a, b in pairwise(before):
            cover.take(a, b)
        if cover.value - value > price * more_m + _LEAST_GAIN:
            self.places = trial
            return True
        for a, b in pairwise(before):
            cover.add(a, b)
        for a, b in pairwise(after):
            cover.take(a, b)
        cover.value = value
        return False

    def _cost(self, places: list[Place], begin: int, end: int) -> float:
        """Cost of a stretch [m]; the ways from and to the launch place with it."""
        stretch = places[begin:end]
        total = sum(math.dist(a, b) for a, b in pairwise(stretch))
        if self.turn_m > 0:
            turns = sum(_turns(*corner) for corner in zip(stretch, stretch[1:], stretch[2:], strict=False))
            total += turns * self.turn_m
        if self.launch is not None:
            total += math.dist(self.launch, places[0]) + math.dist(places[-1], self.launch)
        return total


def _turns(a: Place, b: Place, c: Place) -> bool:
    """Whether a corner changes direction by more than some degrees."""
    ux, uy, vx, vy = b[0] - a[0], b[1] - a[1], c[0] - b[0], c[1] - b[1]
    return abs(math.atan2(ux * vy - uy * vx, ux * vx + uy * vy)) > STRAIGHT_RAD


def _places(path: Points) -> list[Place]:
    return [(float(x), float(y)) for x, y in path]


def polished(
    field: Field,
    paths: Sequence[Points],
    lengths_m: Sequence[float],
    *,
    reach_m: float,
    step_m: float,
    launch: Place | None = None,
    turn_m: float = 0.0,
    rounds: int = 12,
    seed: int = 0,
) -> tuple[list[Points], float]:
    """Paths together worth at least as much as those given, within the same lengths, and that worth.

    Args:
        field: the map; legs that run along its rows or columns are tried first.
        paths: (n, 2) places of each [m]; empty ones stay empty.
        lengths_m: what each may fly, ways from and to the launch place and turns included [m].
        reach_m: half the sweep width [m].
        step_m: how far a corner is moved at least [m].
        launch: the launch place, or None.
        turn_m: what a turn costs [m].
        rounds: how often all corners are gone through.
        seed: of the order in which they are.
    """
    rng = np.random.default_rng(seed)
    cover = Cover(field, reach_m)
    flown = {k: _Path(cover, path, launch, turn_m) for k, path in enumerate(paths) if len(path) > 1}
    best, best_value = list(paths), cover.value
    length = sum(path.flown_m() for path in flown.values())
    prices = dict.fromkeys(flown, _FIRST_PRICE * cover.value / max(length, 1.0))
    for _ in range(rounds if flown else 0):
        for k, path in flown.items():
            _round(path, prices[k], rng, step_m)
            excess = path.flown_m() / lengths_m[k] - 1.0
            prices[k] *= math.exp(min(_PRICE_STEP, max(-_PRICE_STEP, 3.0 * excess)))
        kept = {k: path.places for k, path in flown.items()}
        for k, path in flown.items():
            fits, _ = cut_to(
                without_repeats(np.array(path.places)), lengths_m[k], launch=launch, turn_m=turn_m
            )
            path.put(fits)
        if cover.value > best_value:
            best_value = cover.value
            for k, path in flown.items():
                best[k] = np.array(path.places).reshape(-1, 2)
        for k, path in flown.items():
            path.put(np.array(kept[k]))
    return best, best_value


def _round(path: _Path, price: float, rng: np.random.Generator, step_m: float) -> None:
    """Go through all corners once in a random order."""
    for pick in rng.permutation(len(path.places) * 4):
        kind, k = int(pick) % 4, int(pick) // 4
        if k >= len(path.places):
            continue
        by_m = step_m * (1 << int(rng.integers(0, _LONGEST_STEP)))
        if kind == 0:
            _move(path, k, k + 1, by_m, price)
        elif kind == 1:
            _move(path, k, min(k + 2, len(path.places)), by_m, price)
        elif kind == 2:
            if len(path.places) > 3:
                path.replace(k, k + 1, [], price)
        else:
            _bump(path, k, by_m, price, rng=rng, step_m=step_m)


def _move(path: _Path, first: int, last: int, by_m: float, price: float) -> None:
    """Move a corner, or both ends of a leg together, along either axis."""
    for dx, dy in ((by_m, 0.0), (-by_m, 0.0), (0.0, by_m), (0.0, -by_m)):
        path.replace(first, last, [(x + dx, y + dy) for x, y in path.places[first:last]], price)


def _bump(path: _Path, k: int, by_m: float, price: float, *, rng: np.random.Generator, step_m: float) -> None:
    """Lead a part of a leg aside, at right angles."""
    if k + 1 >= len(path.places):
        return
    (ax, ay), (bx, by) = path.places[k], path.places[k + 1]
    length = math.dist((ax, ay), (bx, by))
    steps = int(length / step_m)
    if steps < 3:
        return
    first, last = sorted(int(v) for v in rng.integers(0, steps + 1, 2))
    if first == last:
        return
    ux, uy = (bx - ax) / length, (by - ay) / length
    p = (ax + ux * first * step_m, ay + uy * first * step_m)
    q = (ax + ux * last * step_m, ay + uy * last * step_m)
    for side in (by_m, -by_m):
        raised = [(x - uy * side, y + ux * side) for x, y in (p, q)]
        if path.replace(k + 1, k + 1, [p, *raised, q], price):
            return
