"""Gentle curves flown round fewer corners: autopilots hold only so many mission items."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from airbeat.planning.estimate import STOP_ANGLE_DEG

__all__ = ["thinned"]

Points = npt.NDArray[np.float64]
Point = tuple[float, float]

_STOP_RAD = math.radians(STOP_ANGLE_DEG)
_TURN_RAD = 0.94 * _STOP_RAD
_WIDER = 1.01
"""Curves stay so much wider than need be: waypoints are written with a few millimetres' error."""
_SAME_M = 0.01


def thinned(line: Points, *, tolerance_m: float, turn_radius_m: float) -> Points:
    """A line without the corners that it needs neither for its shape nor to turn without a stop.

    Corners with a stop stay. The others are left out one by one, those nearest to the leg that replaces them
    first, while every turn is flown without a stop; then those that remain move outwards, so that on both
    sides of the old line the new one takes as much ground.

    Args:
        line: (n, 2) corners [m].
        tolerance_m: how far corners that are left out may lie beside the new legs [m].
        turn_radius_m: turns wider than this need no stop [m].
    """
    line = line[np.concatenate([[True], np.hypot(*np.diff(line, axis=0).T) > _SAME_M])]
    if len(line) < 3:
        return line
    radius_m = _WIDER * turn_radius_m
    return _balanced(line, _Thinner(line, tolerance_m, radius_m).kept(), radius_m)


class _Thinner:
    """The corners that are left of a line, each knowing its neighbours."""

    def __init__(self, line: Points, tolerance_m: float, radius_m: float) -> None:
        self.line, self.tolerance_m, self.radius_m = line, tolerance_m, radius_m
        self.at = [(x, y) for x, y in line.tolist()]
        last = len(line) - 1
        self.before, self.after = list(range(-1, last)), list(range(1, last + 2))
        stops = (_turn_rad(self.at[k - 1 : k + 2]) >= _STOP_RAD for k in range(1, last))
        self.stays = [True, *stops, True]

    def kept(self) -> list[int]:
        """Numbers of the corners that remain."""
        waiting: list[tuple[float, int]] = []
        gone: set[int] = set()

        def wait(k: int) -> None:
            beside_m = math.inf if self.stays[k] else self._beside_m(k)
            if beside_m <= self.tolerance_m:
                heapq.heappush(waiting, (beside_m, k))

        for k in range(len(self.at)):
            wait(k)
        while waiting:
            beside_m, k = heapq.heappop(waiting)
            if k in gone or (now_m := self._beside_m(k)) > self.tolerance_m:
                continue
            if now_m > beside_m + 1e-9:
                heapq.heappush(waiting, (now_m, k))
                continue
            a, b = self.before[k], self.after[k]
            self.after[a], self.before[b] = b, a
            gone.add(k)
            wait(a)
            wait(b)
        return [k for k in range(len(self.at)) if k not in gone]

    def _beside_m(self, k: int) -> float:
        """How far beside the new leg that lies which it replaces once a corner goes [m]; inf: a stop."""
        a, b = self.before[k], self.after[k]
        leg = self.line[b] - self.line[a]
        length = math.hypot(*leg)
        if length < _SAME_M:
            return math.inf
        beside = self.line[a + 1 : b] - self.line[a]
        beside_m = float(np.abs(beside[:, 0] * leg[1] - beside[:, 1] * leg[0]).max()) / length
        if beside_m > self.tolerance_m:
            return math.inf
        gentle = (self.stays[a] or self._is_gentle(self.before[a], a, b)) and (
            self.stays[b] or self._is_gentle(a, b, self.after[b])
        )
        return beside_m if gentle else math.inf

    def _is_gentle(self, a: int, k: int, b: int) -> bool:
        return _is_gentle((self.at[a], self.at[k], self.at[b]), self.radius_m)


def _is_gentle(corner: Sequence[Point], radius_m: float) -> bool:
    """Whether a corner between two others is flown without a stop, whatever comes before and after."""
    turn_rad = _turn_rad(corner)
    shorter_m = min(math.dist(corner[0], corner[1]), math.dist(corner[1], corner[2]))
    return turn_rad <= _TURN_RAD and shorter_m >= turn_rad * radius_m


def _turn_rad(corner: Sequence[Point]) -> float:
    """Change of heading at a corner between two others [rad]."""
    (ax, ay), (x, y), (bx, by) = corner
    change = math.atan2(by - y, bx - x) - math.atan2(y - ay, x - ax)
    return abs((change + math.pi) % (2 * math.pi) - math.pi)


def _balanced(line: Points, kept: list[int], radius_m: float) -> Points:
    """The corners that remain, moved so that their legs have what they replace on both sides."""
    beside = []
    for a, b in pairwise(kept):
        leg = line[b] - line[a]
        x, y = (line[a : b + 1] - line[a]).T
        # The polygon between the stretch and its leg: how far the stretch lies to the left in the mean.
        mean = float((x[1:] * y[:-1] - x[:-1] * y[1:]).sum()) / 2 / max(float(leg @ leg), 1e-9)
        beside.append(mean * np.array([-leg[1], leg[0]]))
    old = [(x, y) for x, y in line[kept].tolist()]
    gentle = [n for n in range(1, len(old) - 1) if _is_gentle(old[n - 1 : n + 2], radius_m)]
    moves = np.zeros((len(old), 2))
    for n in gentle:
        moves[n] = (beside[n - 1] + beside[n]) / 2
    while True:
        new = [(x, y) for x, y in (line[kept] + moves).tolist()]
        stops = [n for n in gentle if not _is_gentle(new[n - 1 : n + 2], radius_m)]
        if not stops:
            return np.array(new)
        for n in stops:
            moves[n - 1 : n + 2] = 0.0
