"""Stretches of a path that see nothing which the rest of it does not see as well."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.planning.estimate import FlightModel, stop_lengths_m
from airbeat.planning.grid import CoverGrid

__all__ = ["idle_stretches"]

Points = npt.NDArray[np.float64]

_CELLS_PER_SWATH = 20
_MOST_CELLS = 2_000_000


def idle_stretches(
    line: Points, target: Any, *, swath_m: float, model: FlightModel
) -> list[tuple[float, float]]:
    """Legs between stops without which the rest of the path sees just as much, all of them left out together.

    Ways between lines through ground that is swept anyway are such stretches.

    Args:
        line: (n, 2) corners of the path, without repeated ones [m].
        target: local (Multi)Polygon to be seen.
        swath_m: width that the path sees [m].
        model: tells where the vehicle stops.

    Returns:
        (from, to) in metres along the path, ascending; neighbouring ones joined.
    """
    x0, y0, x1, y1 = target.bounds
    cell = max(swath_m / _CELLS_PER_SWATH, math.sqrt((x1 - x0) * (y1 - y0) / _MOST_CELLS))
    grid = CoverGrid(target, radius_m=swath_m / 2, cell_m=cell)
    segments = np.hstack([line[:-1], line[1:]])
    grid.add(segments)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    corners = [(float(x), float(y)) for x, y in line]
    stops = np.concatenate([[0.0], np.cumsum(stop_lengths_m(corners, turn_radius_m=model.turn_radius_m))])
    numbers = np.searchsorted(along, stops - 0.01)
    found: list[tuple[float, float]] = []
    for first, last in zip(numbers[:-1].tolist(), numbers[1:].tolist(), strict=True):
        leg = segments[first:last]
        if len(leg) and not _is_needed(grid, leg):
            if found and abs(found[-1][1] - along[first]) < 0.01:
                found[-1] = (found[-1][0], float(along[last]))
            else:
                found.append((float(along[first]), float(along[last])))
    return found


def _is_needed(grid: CoverGrid, leg: Points) -> bool:
    """Whether some sample is seen by nothing but this leg; one that is not needed leaves the grid."""
    nothing = np.empty((0, 4))
    missing = grid.missing
    grid.exchange(leg, nothing)
    if grid.missing == missing:
        return False
    grid.exchange(nothing, leg)
    return True
