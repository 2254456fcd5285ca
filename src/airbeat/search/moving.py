"""Searching for somebody who moves: what misses say of a moving map, and who looks where next.

The map of where the person may be comes from outside, one for each step (a drift model, say). What is added
here is the evidence of looks without a find: it is carried along with the map's centre, spreads as the map
spreads, and lowers the map's values where nobody was found.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["MovingBelief", "assigned"]

Values = npt.NDArray[np.float64]
Cell = tuple[int, int]

_NEIGHBOURHOOD = 2
"""Cells to either side that a look at a place may be followed by."""


class MovingBelief:
    """A moving probability map and the looks that found nothing.

    Attributes:
        now: (rows, columns) where the person is, given that no look has found anybody; sums to 1, or is the
            map itself before the first step.
    """

    def __init__(self, shape: Cell, *, detection: float, blur: float = 0.02) -> None:
        """Nothing looked at yet.

        Args:
            shape: rows and columns.
            detection: probability that a look at the person's cell finds the person, 0…1.
            blur: share of a cell's evidence that spreads to its eight neighbours in one step, 0…1.
        """
        self._missed = np.ones(shape)
        self._detection = detection
        self._blur = blur
        self._centre: tuple[float, float] | None = None
        self._moved = np.zeros(2)
        self.now = np.full(shape, 1.0 / (shape[0] * shape[1]))

    def step(self, prior: Values) -> None:
        """Take the map of the next moment."""
        total = float(prior.sum())
        if total > 0:
            rows, columns = np.indices(prior.shape)
            centre = float((rows * prior).sum() / total), float((columns * prior).sum() / total)
            if self._centre is not None:
                self._carry(centre[0] - self._centre[0], centre[1] - self._centre[1])
            self._centre = centre
            posterior = prior * self._missed
            self.now = posterior / max(float(posterior.sum()), 1e-300)
        if self._blur > 0:
            self._missed = (1 - self._blur) * self._missed + self._blur * _ring_mean(self._missed)

    def looked(self, cell: Cell) -> None:
        """Count one look without a find (Bayes)."""
        self._missed[cell] *= 1.0 - self._detection
        self.now[cell] *= 1.0 - self._detection
        self.now /= max(float(self.now.sum()), 1e-300)

    def _carry(self, down: float, right: float) -> None:
        """Move the evidence with the map, by whole cells once they have come together."""
        self._moved += (down, right)
        whole = np.rint(self._moved).astype(int)
        if whole.any():
            self._moved -= whole
            moved = np.ones_like(self._missed)
            rows, columns = moved.shape
            dr, dc = int(whole[0]), int(whole[1])
            moved[max(0, dr) : rows + min(0, dr), max(0, dc) : columns + min(0, dc)] = self._missed[
                max(0, -dr) : rows + min(0, -dr), max(0, -dc) : columns + min(0, -dc)
            ]
            self._missed = moved


def _ring_mean(values: Values) -> Values:
    """Mean of the eight neighbours; beyond the edge is as at the edge."""
    padded = np.pad(values, 1, mode="edge")
    rows, columns = values.shape
    total = sum(padded[r : r + rows, c : c + columns] for r in range(3) for c in range(3)) - values
    return np.asarray(total / 8.0)


def assigned(belief: Values, searchers: Sequence[Cell], *, detection: float, horizon: int = 12) -> list[Cell]:
    """The cell that each searcher should look at next; its own where it should look at once.

    A look costs one step, as does a move to one of the eight neighbours. A cell is worth what the look there
    finds and, for the steps that remain of the horizon, what its neighbourhood offers at two steps a look,
    by the step. Pairs of searcher and cell are taken best first; the neighbourhood of a cell that is taken
    is worth less to the others.

    Args:
        belief: (rows, columns) probability of each cell.
        searchers: row and column of each.
        detection: probability that a look finds a person who is there.
        horizon: steps looked ahead.
    """
    size = 2 * _NEIGHBOURHOOD + 1
    padded = np.pad(belief, _NEIGHBOURHOOD)
    rows, columns = belief.shape
    around = sum(padded[r : r + rows, c : c + columns] for r in range(size) for c in range(size)) - belief
    around = np.asarray(around) / (size * size - 1)
    row, column = np.indices(belief.shape)
    steps = [np.maximum(abs(row - r), abs(column - c)) for r, c in searchers]
    discount = np.ones_like(belief)
    waiting = set(range(len(searchers)))
    chosen: list[Cell] = list(searchers)
    while waiting:
        best = (-1.0, -1, (0, 0))
        for number in waiting:
            left = np.clip(horizon - steps[number] - 1, 0, None) / 2.0
            rate = (
                detection * discount * (belief + left * around) / np.maximum(steps[number] + 1, horizon / 2)
            )
            at = int(rate.argmax())
            if rate.flat[at] > best[0]:
                best = (float(rate.flat[at]), number, (at // columns, at % columns))
        _, number, cell = best
        chosen[number] = cell
        waiting.discard(number)
        near = np.maximum(abs(row - cell[0]), abs(column - cell[1])) <= _NEIGHBOURHOOD
        discount = np.where(near, discount * 0.5, discount)
        discount[cell] = 0.0
    return chosen
