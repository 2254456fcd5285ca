"""Bends tighter than v²/a flown round few corners: a curve in small steps would stop again and again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.planning.cutting import pairs
from airbeat.planning.estimate import stop_lengths_m
from airbeat.planning.job import Job

__all__ = ["straightened"]

Points = npt.NDArray[np.float64]

_TOLERANCES = (0.03, 0.06, 0.12, 0.25, 0.5)
"""How far the corners that are left out may lie beside the new legs, in spacings."""
_WORTH_S = 0.5
_AROUND = 0.5
"""A bend begins and ends so many turn radii beside its first and last stop."""
_FAR = 1.5
"""A corner in the place of a whole bend lies no more than so many turn radii from it."""
_ROUNDS = 2


def straightened(job: Job, lines: Sequence[Points]) -> list[Points]:
    """Sorties whose tight bends have fewer corners, where that saves more than the ground lost is worth.

    Args:
        job: what is covered; no more of it than it allows is left unseen.
        lines: (n, 2) corners of each sortie [m].
    """
    found = list(lines)
    for _ in range(_ROUNDS):
        tight = [_bends(line, job.model.turn_radius_m) for line in found]
        if not any(tight):
            break
        found = _Straightener(job, found).done(tight)
    return found


def _bends(line: Points, radius_m: float) -> list[tuple[int, int]]:
    """First and last corner of the stretches that stop at least twice within a turn radius."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    stops = np.cumsum(stop_lengths_m(pairs(line), turn_radius_m=radius_m))[:-1]
    if len(stops) < 2:
        return []
    groups = np.split(stops, np.flatnonzero(np.diff(stops) > radius_m) + 1)
    found: list[tuple[int, int]] = []
    for group in groups:
        if len(group) < 2:
            continue
        first = int(np.searchsorted(along, group[0] - _AROUND * radius_m, "right")) - 1
        last = int(np.searchsorted(along, group[-1] + _AROUND * radius_m, "left"))
        first, last = max(first, found[-1][1] if found else 0), min(last, len(line) - 1)
        if last > first + 1:
            found.append((first, last))
    return found


class _Straightener:
    """Sorties while their bends are replaced, and what ground that has cost so far."""

    def __init__(self, job: Job, lines: Sequence[Points]) -> None:
        self.job, self.lines = job, lines
        self._legs = [(n, k) for n, line in enumerate(lines) for k in range(len(line) - 1)]
        self._tree = shapely.STRtree(
            shapely.linestrings(np.vstack([np.stack([x[:-1], x[1:]], axis=1) for x in lines]))
        )
        seen = shapely.union_all(shapely.buffer(self._tree.geometries, job.radius_m, quad_segs=16))
        self._spare_m2 = (1 - job.least_share) * job.target.area - job.target.difference(seen).area
        self._price_s_m2 = job.price / (2 * job.radius_m * job.model.speed_m_s)
        self._gone: set[tuple[int, int]] = set()
        self._new: list[Any] = []

    def done(self, bends: Sequence[Sequence[tuple[int, int]]]) -> list[Points]:
        """The sorties with those bends replaced where that pays."""
        out = []
        for n, line in enumerate(self.lines):
            pieces, at = [], 0
            for first, last in bends[n]:
                pieces += [line[at:first], self._best(n, first, last)[:-1]]
                at = last
            out.append(np.vstack([*pieces, line[at:]]))
        return out

    def _best(self, n: int, first: int, last: int) -> Points:
        """The stretch between two corners of a sortie, or what is flown in its place."""
        line, job = self.lines[n], self.job
        old = line[first : last + 1]
        around = slice(max(0, first - 1), last + 2)
        context = line[around], line[around.start : first], line[last + 1 : last + 2]
        now_s = job.model.path_time_s(pairs(context[0]))
        best, best_s, best_m2 = old, _WORTH_S, 0.0
        for new in _options(line, first, last, job.spacing_m, job.model.turn_radius_m):
            if not job.near.clear(new[:-1], new[1:]).all():
                continue
            saved_s = now_s - job.model.path_time_s(pairs(np.vstack([context[1], new, context[2]])))
            if saved_s <= best_s:
                continue
            lost_m2 = self._lost_m2(n, first, last, new)
            if lost_m2 <= max(0.0, self._spare_m2) and saved_s - self._price_s_m2 * lost_m2 > best_s:
                best, best_s, best_m2 = new, saved_s - self._price_s_m2 * lost_m2, lost_m2
        if best is not old:
            self._spare_m2 -= best_m2
            self._gone |= {(n, k) for k in range(first, last)}
            self._new.append(shapely.LineString(best).buffer(job.radius_m))
        return best

    def _lost_m2(self, n: int, first: int, last: int, new: Points) -> float:
        """What nothing sees any more once the new corners replace a stretch [m²]."""
        radius, old = self.job.radius_m, self.lines[n][first : last + 1]
        lost = shapely.LineString(old).buffer(radius).difference(shapely.LineString(new).buffer(radius))
        own = {(n, k) for k in range(first, last)} | self._gone
        others = [i for i in self._tree.query(lost, "dwithin", radius) if self._legs[i] not in own]
        near = shapely.buffer(self._tree.geometries[others], radius)
        lost = lost.difference(shapely.union_all([*near, *(x for x in self._new if x.intersects(lost))]))
        if lost.is_empty:
            return 0.0
        return float(shapely.clip_by_rect(self.job.target, *lost.bounds).intersection(lost).area)


def _options(line: Points, first: int, last: int, spacing_m: float, radius_m: float) -> Iterator[Points]:
    """Other corners for a stretch, its ends kept: fewer of its own, or the one where its ends would meet."""
    stretch = line[first : last + 1]
    count = len(stretch)
    for tolerance in _TOLERANCES:
        new = shapely.get_coordinates(shapely.LineString(stretch).simplify(tolerance * spacing_m))
        if len(new) < count:
            count = len(new)
            yield new
    if first > 0 and last < len(line) - 1:
        into, out = stretch[0] - line[first - 1], line[last + 1] - stretch[-1]
        cross = float(into[0] * out[1] - into[1] * out[0])
        if abs(cross) > 0.05 * math.hypot(*into) * math.hypot(*out):
            gap = stretch[-1] - stretch[0]
            ahead = float(gap[0] * out[1] - gap[1] * out[0]) / cross
            corner = stretch[0] + ahead * into
            if ahead > 0 and float((stretch[-1] - corner) @ out) > 0:
                far = max(math.dist(corner, a) for a in (stretch[0], stretch[-1]))
                if far < _FAR * radius_m + max(math.dist(a, b) for a, b in pairwise(stretch)):
                    yield np.vstack([stretch[0], corner, stretch[-1]])
