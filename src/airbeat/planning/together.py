"""Sorties bent together, like one path that comes home between them.

The ways from and to home see the ground as well as the lines do, so that lines end where a way has been.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from airbeat.planning.cutting import pairs
from airbeat.planning.job import Draft, Job
from airbeat.planning.relax import Corner

__all__ = ["bent_together"]

Points = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_GENTLE_RAD = math.radians(45.0)
_ROUNDS = (3.0, 1.0, 1.0)
"""The price of unseen ground round by round."""


def bent_together(job: Job, sorties: Sequence[tuple[Points, Flags]], *, angle_rad: float) -> list[Points]:
    """Sorties whose corners were moved until they take no less time for what they must see together.

    Args:
        job: what is covered.
        sorties: each (n, 2) corners from home to home, and for its n − 1 legs whether they are sweep lines.
        angle_rad: main direction of the lines.

    Returns:
        (n, 2) corners of each sortie; those with nothing left to see are gone.
    """
    home = pairs(sorties[0][0])[0]
    corners = [Corner(at=home, fixed=True)]
    for line, sweeps in sorties:
        leaves = ~job.near.clear(line[:-1], line[1:])
        for k, place in enumerate(pairs(line)[1:], start=1):
            corners[-1].line_ahead = bool(sweeps[k - 1])
            last = k == len(line) - 1
            fixed = last or bool(leaves[k - 1 : k + 1].any())
            corners.append(Corner(at=home if last else place, fixed=fixed))
    draft = Draft(job, corners, angle_rad=angle_rad, gentle_rad=_GENTLE_RAD)
    for price in _ROUNDS:
        draft.improve(price)
    path = np.array(draft.completed()[0])
    at = np.flatnonzero((path == np.array(home)).all(axis=1))
    return [path[a : b + 1] for a, b in pairwise(at.tolist()) if b > a + 1]
