"""What steep ground does to sweeps that follow it: how high they pass over each cell, and what that costs.

An aircraft that cannot climb as fast as the ground rises begins to climb earlier, and one that cannot descend
as fast as it falls stays high for longer: it passes higher over the ground than asked for, and people are
smaller in its photographs. How much so depends on the direction of the sweeps and on their speed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.planning.follow import climb_limited
from airbeat.search.detection import DetectionCurve, Posture
from airbeat.search.field import turned_path
from airbeat.search.grid import SearchGrid
from airbeat.search.sweepwidth import LateralRange, lateral_range
from airbeat.vehicle.camera import Camera

__all__ = ["Fading", "fading", "swept_heights_m"]

Array = npt.NDArray[np.float64]

_HEIGHTS = 24
_HIGHEST = 8.0
"""Heights up to so many times the wanted one are told apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fading:
    """What is left of the detection in a swath when it is photographed from higher up.

    Attributes:
        heights_m: (n,) rising heights above ground [m].
        share: (n,) mean detection within the swath from there as a share of the lateral-range curve's, 0…1.
    """

    heights_m: Array
    share: Array

    def at(self, height_m: Array) -> Array:
        """Shares at heights above ground [m], of the same shape."""
        return np.interp(height_m, self.heights_m, self.share)


def fading(
    camera: Camera, lateral: LateralRange, height_m: float, curve: DetectionCurve, *, posture: Posture
) -> Fading:
    """How detection fades with the height.

    Args:
        camera: the camera.
        lateral: the curve that is reckoned with.
        height_m: greatest height above ground that it holds for [m].
        curve: how surely so many pixels are found.
        posture: how the person is thought to be.
    """
    heights = height_m * np.geomspace(1.0, _HIGHEST, _HEIGHTS)
    means = []
    for height in heights:
        high = lateral_range(camera, float(height), curve, posture=posture)
        means.append(float(np.interp(lateral.x_m, high.x_m, high.p).mean()))
    nominal = max(float(lateral.p.mean()), 1e-9)
    return Fading(heights_m=heights, share=np.minimum(np.array(means) / nominal, 1.0))


def swept_heights_m(
    grid: SearchGrid,
    ground_m: Array,
    angle_rad: float,
    *,
    height_m: float,
    climb_m_m: float,
    descent_m_m: float,
) -> Array:
    """(rows, columns) height above ground at which sweeps in one direction pass over each cell [m].

    Each sweep is taken to run through the whole map, and the way that passes higher counts.

    Args:
        grid: the cells.
        ground_m: (rows, columns) height of the ground, NaN nowhere [m].
        angle_rad: direction of the sweeps, from east towards north [rad].
        height_m: wanted height above ground [m].
        climb_m_m: how much can be climbed on a metre of way [m/m].
        descent_m_m: how much can be descended on one [m/m].
    """
    x, y = np.meshgrid(grid.x_m(), grid.y_m())
    middles = turned_path(np.column_stack([x.ravel(), y.ravel()]), -angle_rad)
    low = middles.min(axis=0)
    columns, rows = (np.rint((middles.max(axis=0) - low) / grid.cell_m) + 1).astype(int)
    u, v = np.meshgrid(low[0] + np.arange(columns) * grid.cell_m, low[1] + np.arange(rows) * grid.cell_m)
    places = turned_path(np.column_stack([u.ravel(), v.ravel()]), angle_rad)
    wanted = _between(grid, ground_m, places).reshape(rows, columns) + height_m
    along = np.arange(columns) * grid.cell_m
    climb, descent = along * climb_m_m, along * descent_m_m
    ahead = np.array([climb_limited(row, climb_m=climb, descent_m=descent) for row in wanted])
    back = np.array([climb_limited(row, climb_m=descent, descent_m=climb) for row in wanted])
    column = np.clip(np.rint((middles[:, 0] - low[0]) / grid.cell_m).astype(int), 0, columns - 1)
    row = np.clip(np.rint((middles[:, 1] - low[1]) / grid.cell_m).astype(int), 0, rows - 1)
    raised = np.maximum(ahead, back) - wanted
    return np.asarray(raised[row, column].reshape(grid.shape) + height_m)


def _between(grid: SearchGrid, values: Array, xy: Array) -> Array:
    """(n,) values between the four nearest middles of cells; beyond the outermost ones theirs."""
    rows, columns = grid.shape
    c = np.clip((xy[:, 0] - grid.west_m) / grid.cell_m - 0.5, 0.0, columns - 1.0)
    r = np.clip((xy[:, 1] - grid.south_m) / grid.cell_m - 0.5, 0.0, rows - 1.0)
    left = np.minimum(c.astype(np.int64), max(columns - 2, 0))
    low = np.minimum(r.astype(np.int64), max(rows - 2, 0))
    right, high = np.minimum(left + 1, columns - 1), np.minimum(low + 1, rows - 1)
    a, b = c - left, r - low
    south = values[low, left] * (1 - a) + values[low, right] * a
    north = values[high, left] * (1 - a) + values[high, right] * a
    return np.asarray(south * (1 - b) + north * b)
