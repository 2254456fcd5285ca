"""Corners flown as arcs: a turn no tighter than v²/a needs no stop.

A stop costs v/a, and a gentle corner cut by an arc of radius v²/a loses next to nothing of what is seen. An
arc is flown as legs that turn by less than a stop takes, which the vehicle model (``stop_lengths_m``) and
autopilots that pass waypoints in flight treat alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.planning.cutting import pairs
from airbeat.planning.estimate import STOP_ANGLE_DEG
from airbeat.planning.job import Job
from airbeat.planning.thinning import thinned
from airbeat.planning.tightbends import straightened

__all__ = ["rounded"]

Points = npt.NDArray[np.float64]

_WIDER = 1.01
"""Arcs are so much wider than need be: waypoints are written with a few millimetres' error."""
_STEP_RAD = math.radians(0.9 * STOP_ANGLE_DEG)
_WIDEST_RAD = math.radians(120.0)
_WORTH_S = 0.1
_TOLERANCE_M = 0.2
"""How far sorties with too many points may be flown beside their gentle curves."""


@dataclass(slots=True, kw_only=True)
class _Line:
    """A sortie with the arcs that replace some of its corners.

    Attributes:
        at: (n, 2) its corners [m].
        taken_m: (n − 1,) how much of each leg its arcs take [m].
        arcs: points of the arc at each rounded corner.
    """

    at: Points
    taken_m: Points
    arcs: dict[int, Points] = field(default_factory=dict)

    def points(self, first: int = 0, last: int | None = None) -> Points:
        """Its points from one corner to another, arcs in the place of rounded corners."""
        last = len(self.at) - 1 if last is None else last
        return np.vstack([self.arcs.get(k, self.at[k : k + 1]) for k in range(first, last + 1)])


def rounded(job: Job, lines: Sequence[Points], *, most_points: int) -> list[Points]:
    """Sorties with arcs in the place of those corners where this saves more than the ground lost is worth.

    Bends too tight for an arc get fewer corners first (``tightbends``), and so do the gentle curves of
    sorties that have too many points (``thinning``).

    Args:
        job: what is covered; no more of it than it allows is left unseen.
        lines: (n, 2) corners of each sortie [m].
        most_points: that a sortie may have.
    """
    how = {"tolerance_m": _TOLERANCE_M, "turn_radius_m": job.model.turn_radius_m}
    lines = [thinned(line, **how) if len(line) > most_points else line for line in straightened(job, lines)]
    rounder = _Rounder(job, lines, most_points)
    corners = sorted(
        (angle, n, k)
        for n, line in enumerate(lines)
        for k, angle in enumerate(_turns_rad(line), start=1)
        if math.radians(STOP_ANGLE_DEG) <= angle <= _WIDEST_RAD
    )
    for angle, n, k in corners:
        rounder.round(n, k, angle)
    return [line.points() for line in rounder.lines]


class _Rounder:
    """Sorties while their corners are rounded, gentle ones first, and what ground that has cost so far."""

    def __init__(self, job: Job, lines: Sequence[Points], most_points: int) -> None:
        self.job, self.most_points = job, most_points
        self.lines = [_Line(at=line, taken_m=np.zeros(len(line) - 1)) for line in lines]
        self._legs = [(n, k) for n, line in enumerate(lines) for k in range(len(line) - 1)]
        self._tree = shapely.STRtree(
            shapely.linestrings(np.vstack([np.stack([x[:-1], x[1:]], axis=1) for x in lines]))
        )
        unseen_m2 = job.target.difference(_seen(self._tree.geometries, job.radius_m)).area
        self._spare_m2 = (1 - job.least_share) * job.target.area - unseen_m2
        self._price_s_m2 = job.price / (2 * job.radius_m * job.model.speed_m_s)

    def round(self, n: int, k: int, angle_rad: float) -> None:
        """Round a corner of a sortie where an arc fits, stays in the space and pays."""
        line, job = self.lines[n], self.job
        radius = _WIDER * job.model.turn_radius_m
        tangent_m = radius * math.tan(angle_rad / 2)
        corner = line.at[k - 1 : k + 2]
        if (line.taken_m[k - 1 : k + 1] + tangent_m > np.hypot(*np.diff(corner, axis=0).T)).any():
            return
        arc = _arc(corner, tangent_m, radius, angle_rad)
        before = line.points()
        if (
            len(before) - 1 + len(arc) > self.most_points
            or not job.near.clear(np.vstack([corner[:-1], arc[:-1]]), np.vstack([corner[1:], arc[1:]])).all()
        ):
            return
        line.arcs[k] = arc
        saved_s = job.model.path_time_s(pairs(before)) - job.model.path_time_s(pairs(line.points()))
        lost_m2 = self._lost_m2(n, k, corner[1], arc) if saved_s > _WORTH_S else math.inf
        if lost_m2 > max(0.0, self._spare_m2) or saved_s < _WORTH_S + self._price_s_m2 * lost_m2:
            del line.arcs[k]
            return
        self._spare_m2 -= lost_m2
        line.taken_m[k - 1 : k + 1] += tangent_m

    def _lost_m2(self, n: int, k: int, corner: Points, arc: Points) -> float:
        """What nothing sees any more once the arc replaces the corner [m²]."""
        radius = self.job.radius_m
        sharp = shapely.LineString([arc[0], corner, arc[-1]])
        own = self.lines[n].points(k - 1, k + 1)
        lost = sharp.buffer(radius).difference(shapely.LineString(own).buffer(radius))
        if lost.area < 1.0:
            return float(lost.area)
        seeing = [self._legs[i] for i in self._tree.query(lost, "dwithin", radius).tolist()]
        others = [self.lines[m].points(j, j + 1) for m, j in seeing if (m, j) not in ((n, k - 1), (n, k))]
        near = shapely.union_all([shapely.LineString(p).buffer(radius) for p in others])
        lost = lost.difference(near)
        if lost.is_empty:
            return 0.0
        return float(shapely.clip_by_rect(self.job.target, *lost.bounds).intersection(lost).area)


def _arc(corner: Points, tangent_m: float, radius_m: float, angle_rad: float) -> Points:
    """(m, 2) points of an arc that touches both legs of a corner (3, 2), no leg of it inside the radius."""
    into, out = (d / math.hypot(*d) for d in np.diff(corner, axis=0))
    side = 1.0 if into[0] * out[1] > into[1] * out[0] else -1.0
    centre = corner[1] - tangent_m * into + side * radius_m * np.array([-into[1], into[0]])
    steps = math.ceil(angle_rad / _STEP_RAD)
    # Touching the circle from outside: half a step at each end, so that every turn is a whole step.
    turn = side * angle_rad * (np.arange(steps) + 0.5) / steps
    start = (corner[1] - tangent_m * into - centre) / math.cos(angle_rad / steps / 2)
    c, s = np.cos(turn), np.sin(turn)
    return np.asarray(centre + np.column_stack([c * start[0] - s * start[1], s * start[0] + c * start[1]]))


def _turns_rad(line: Points) -> list[float]:
    """Change of heading at each inner corner [rad]."""
    heading = np.arctan2(*np.diff(line, axis=0).T[::-1])
    change = (np.diff(heading) + math.pi) % (2 * math.pi) - math.pi
    return [float(abs(c)) for c in change]


def _seen(legs: npt.NDArray[np.object_], radius_m: float) -> Any:
    return shapely.union_all(shapely.buffer(legs, radius_m, quad_segs=16))
