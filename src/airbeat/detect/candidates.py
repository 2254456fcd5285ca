"""The same person in overlapping frames becomes one candidate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.geo.frame import LocalFrame
from airbeat.locate.accuracy import GroundPoint, fuse, relative_covariance

__all__ = ["Candidate", "Look", "tie"]

_GATE_SIGMA_SQUARED = 9.21
"""99 % of a two-dimensional normal distribution."""

_SMALLEST_GATE_M = 1.5
_LARGEST_GATE_M = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One box of one frame with its place on the ground.

    Attributes:
        frame: number of the frame.
        box: number of the box in its frame.
        score: the detector's score, 0…1.
        point: where it is.
    """

    frame: int
    box: int
    score: float
    point: GroundPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A person candidate: one or more looks at what is taken for the same thing.

    Attributes:
        looks: best score first, at most one a frame.
        point: fused position.
        score: the best look's score, 0…1.
    """

    looks: tuple[Look, ...]
    point: GroundPoint
    score: float


def _pairs(looks: Sequence[Look], xy: npt.NDArray[np.float64]) -> list[tuple[float, int, int]]:
    """Pairs of looks from different frames that can be one thing: (distance [σ²], i, j), nearest first."""
    points = shapely.points(xy)
    left, right = shapely.STRtree(points).query(points, predicate="dwithin", distance=_LARGEST_GATE_M)
    found = []
    for i, j in zip(left.tolist(), right.tolist(), strict=True):
        if i >= j or looks[i].frame == looks[j].frame:
            continue
        apart = xy[i] - xy[j]
        covariance = relative_covariance(looks[i].point, looks[j].point) + 0.01 * np.eye(2)
        measure = float(apart @ np.linalg.solve(covariance, apart))
        if measure <= _GATE_SIGMA_SQUARED or math.hypot(*apart) <= _SMALLEST_GATE_M:
            found.append((measure, i, j))
    return sorted(found)


def tie(looks: Sequence[Look]) -> list[Candidate]:
    """Tie looks into candidates, best score first.

    Pairs are joined nearest first, by their distance over the errors they do not share, and never two looks
    of one frame: people who stand side by side stay two candidates. The result does not depend on the
    order of the looks.
    """
    looks = sorted(looks, key=lambda k: (k.frame, k.box))
    if not looks:
        return []
    frame = LocalFrame.around(
        shapely.MultiPoint([(k.point.position.lon_deg, k.point.position.lat_deg) for k in looks])
    )
    xy = frame.to_xy(k.point.position for k in looks)
    group = list(range(len(looks)))
    members: dict[int, list[int]] = {i: [i] for i in group}
    for _, i, j in _pairs(looks, xy):
        a, b = sorted((group[i], group[j]))
        if a == b or {looks[k].frame for k in members[a]} & {looks[k].frame for k in members[b]}:
            continue
        middles = xy[members[a]].mean(axis=0) - xy[members[b]].mean(axis=0)
        if math.hypot(*middles) > _LARGEST_GATE_M:
            continue
        for k in members[b]:
            group[k] = a
        members[a] += members.pop(b)
    candidates = [_candidate([looks[k] for k in ks]) for ks in members.values()]
    return sorted(candidates, key=lambda c: (-c.score, c.looks[0].frame, c.looks[0].box))


def _candidate(looks: list[Look]) -> Candidate:
    best_first = sorted(looks, key=lambda k: (-k.score, k.frame, k.box))
    return Candidate(
        looks=tuple(best_first), point=fuse([k.point for k in best_first]), score=best_first[0].score
    )
