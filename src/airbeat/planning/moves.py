"""The ways in which a corner of a path may be moved, for many corners at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["KINDS", "Corners", "Moves"]

Points = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

_ALONG = (-0.8, -0.3, -0.08, 0.12, 0.5)
"""Moves along an adjoining leg, as shares of half the swath; negative shortens it."""
_ASIDE = ((0.0, 0.15), (0.0, 0.4), (0.4, 0.2), (0.9, 0.5), (-0.4, 0.2))
"""Moves (along, across) of a line's end, tried to both sides."""
_TOGETHER = (-1.0, -0.4, -0.15, 0.2, 0.6)
_CHORD = (0.25, 0.6)
_CONTEXT = 3


class Corners:
    """The corners of a path, as arrays.

    Args:
        at: (n, 2) places in flying order [m].
        line: (n,) whether the leg to the next corner is a sweep line.
        fixed: (n,) which corners may not move.
    """

    def __init__(self, at: Points, line: Flags, fixed: Flags) -> None:
        self.at, self.line, self.fixed = at, line, fixed
        self._placed = np.full((len(at) + 2 * _CONTEXT, 2), np.nan)
        self._placed[_CONTEXT:-_CONTEXT] = at
        self._lined = np.zeros(len(at) + 2 * _CONTEXT, dtype=bool)
        self._lined[_CONTEXT : _CONTEXT + len(at) - 1] = line[:-1]

    def place(self, i: Numbers) -> Points:
        """(…, 2) places; not a number before the first and after the last corner."""
        return np.asarray(self._placed[i + _CONTEXT])

    def is_line(self, i: Numbers) -> Flags:
        """Whether the leg from each corner is a sweep line."""
        return np.asarray(self._lined[i + _CONTEXT])


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Replacements of ``replaced`` successive corners.

    Attributes:
        corner: (v,) number of the first corner that is replaced.
        to: (v, replaced, 2) their new places [m]; not a number where a corner is left out.
        around: (v, n, 2) places that, with ``to``, span the box outside of which the same is seen [m].
    """

    corner: Numbers
    to: Points
    around: Points

    @property
    def replaced(self) -> int:
        """Corners that a move replaces."""
        return int(self.to.shape[1])


def _along(side: int) -> Callable[[Corners, Numbers, float], Moves]:
    """Corners moved along their leg to one side, or beyond it; no sweep line on the other side is turned."""

    def moves(c: Corners, i: Numbers, radius: float) -> Moves:
        here = c.place(i)
        direction, length = _directions(c.place(i + side), here)
        allowed = (length > 1e-6) & (~c.is_line(np.minimum(i, i - side)) | c.is_line(np.minimum(i, i + side)))
        found = []
        for s in _ALONG:
            ok = np.flatnonzero(allowed & (-s * radius < 0.95 * length))
            found.append((ok, (here[ok] + s * radius * direction[ok])[:, None]))
        return _gathered(i, found, np.stack([here, c.place(i - side)], axis=1))

    return moves


def _pairs(c: Corners, i: Numbers, radius: float) -> Moves:
    """Two successive corners left out, or moved along the legs before and after them."""
    inner = (i > 0) & (i < len(c.at) - 2)
    inner[inner] = ~c.fixed[i[inner] + 1]
    i = i[inner]
    around = c.place(i[:, None] + np.array([-1, 0, 1, 2]))
    a, b = around[:, 1], around[:, 2]
    before, length_before = _directions(around[:, 0], a)
    after, length_after = _directions(around[:, 3], b)
    found = [(np.arange(len(i)), np.full((len(i), 2, 2), np.nan))]
    for s in _TOGETHER:
        ok = np.flatnonzero(-s * radius < 0.95 * np.minimum(length_before, length_after))
        moved = [a[ok] + s * radius * before[ok], b[ok] + s * radius * after[ok]]
        found.append((ok, np.stack(moved, axis=1)))
    return _gathered(i, found, around)


def _sideways(c: Corners, i: Numbers, radius: float) -> Moves:
    """Corners left out, moved across their sweep line, or towards the chord of their neighbours."""
    around = c.place(i[:, None] + np.array([-1, 0, 1]))
    here = around[:, 1]
    found = []
    if len(c.at) > 2:
        found.append((np.arange(len(i)), np.full((len(i), 2), np.nan)))
    for side in (-1, 1):
        ok = np.flatnonzero(c.is_line(np.minimum(i, i + side)))
        d, _ = _directions(around[ok, 1 + side], here[ok])
        across = np.stack([-d[:, 1], d[:, 0]], axis=1)
        for a, b in _ASIDE:
            found += [(ok, here[ok] + radius * (a * d + sign * b * across)) for sign in (1, -1)]
    free = ~(c.is_line(i) | c.is_line(i - 1)) & (i > 0) & (i < len(c.at) - 1)
    ok = np.flatnonzero(free)
    chord = around[ok, 2] - around[ok, 0]
    share = ((here[ok] - around[ok, 0]) * chord).sum(axis=1) / np.maximum((chord**2).sum(axis=1), 1e-12)
    foot = around[ok, 0] + np.clip(share, 0.0, 1.0)[:, None] * chord
    found += [(ok, here[ok] + s * (foot - here[ok])) for s in _CHORD]
    return _gathered(i, [(k, to[:, None]) for k, to in found], around)


KINDS: tuple[Callable[[Corners, Numbers, float], Moves], ...] = (
    _along(-1),
    _along(1),
    _pairs,
    _sideways,
)
"""From corners, the numbers of some and half the swath [m] to their moves, in the order they are tried."""


def _gathered(i: Numbers, found: list[tuple[Numbers, Points]], around: Points) -> Moves:
    """All moves, corner by corner."""
    task = np.concatenate([k for k, _ in found])
    to = np.concatenate([to for _, to in found])
    order = np.argsort(task, kind="stable")
    task, to = task[order], to[order]
    return Moves(corner=i[task], to=to, around=around[task])


def _directions(a: Points, b: Points) -> tuple[Points, Points]:
    """Unit vectors from a to b, zero where they coincide, and the distances; NaN where one of them is."""
    d = b - a
    length = np.hypot(d[:, 0], d[:, 1])
    return d / np.where(length > 0, length, 1.0)[:, None], length
