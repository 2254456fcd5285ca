"""What there is to find, as a raster that sweeps are laid over, and the paths that are flown over it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "Field",
    "Place",
    "Points",
    "charged_m",
    "cut_to",
    "path_length_m",
    "turned_path",
    "without_repeats",
]

Points = npt.NDArray[np.float64]
Cells = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Place = tuple[float, float]

STRAIGHT_RAD = math.radians(10.0)
"""A smaller change of direction is flown without braking."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field:
    """Cells worth seeing and cells not to fly over; row 0 is the southernmost.

    Attributes:
        values: (rows, columns) what seeing a cell is worth: its probability times the detection there.
        cell_m: side of a cell [m].
        west_m: x of the western edge of column 0 [m].
        south_m: y of the southern edge of row 0 [m].
        closed: (rows, columns) cells that no leg may cross, or None.
    """

    values: Points
    cell_m: float
    west_m: float
    south_m: float
    closed: Mask | None = None

    def x_m(self) -> Points:
        """(columns,) x of the cells' middles [m]."""
        return np.asarray(self.west_m + (np.arange(self.values.shape[1]) + 0.5) * self.cell_m)

    def y_m(self) -> Points:
        """(rows,) y of the cells' middles [m]."""
        return np.asarray(self.south_m + (np.arange(self.values.shape[0]) + 0.5) * self.cell_m)

    def turned(self, angle_rad: float, cell_m: float) -> Field:
        """The field in axes turned by an angle, on cells of another size that hold their share of the worth.

        The new x axis points at ``angle_rad`` from east towards north. Each new cell takes the density at its
        middle, so cells much smaller than the old ones keep the worth of any strip laid over them.
        """
        rows, columns = self.values.shape
        corners = np.array(
            [(self.west_m + c * columns * self.cell_m, self.south_m + r * rows * self.cell_m)
             for r in (0, 1) for c in (0, 1)]
        )  # fmt: skip
        box = turned_path(corners, -angle_rad)
        low, high = box.min(axis=0), box.max(axis=0)
        count = np.ceil((high - low) / cell_m - 1e-9).astype(int)
        u = low[0] + (np.arange(count[0]) + 0.5) * cell_m
        v = low[1] + (np.arange(count[1]) + 0.5) * cell_m
        c, s = math.cos(angle_rad), math.sin(angle_rad)
        column = np.floor((u[None, :] * c - v[:, None] * s - self.west_m) / self.cell_m).astype(int)
        row = np.floor((u[None, :] * s + v[:, None] * c - self.south_m) / self.cell_m).astype(int)
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        column, row = np.clip(column, 0, columns - 1), np.clip(row, 0, rows - 1)
        values = np.where(inside, self.values[row, column], 0.0) * (cell_m / self.cell_m) ** 2
        closed = None if self.closed is None else ~inside | self.closed[row, column]
        return Field(values=values, cell_m=cell_m, west_m=float(low[0]), south_m=float(low[1]), closed=closed)

    def cells_near(self, a: Place, b: Place, reach_m: float) -> Cells:
        """Flat numbers of the cells whose middle lies within reach of a leg."""
        rows, columns = self.values.shape
        x0, y0 = self.west_m + self.cell_m / 2, self.south_m + self.cell_m / 2
        c0 = max(0, math.ceil((min(a[0], b[0]) - reach_m - x0) / self.cell_m - 1e-9))
        c1 = min(columns, math.floor((max(a[0], b[0]) + reach_m - x0) / self.cell_m + 1e-9) + 1)
        r0 = max(0, math.ceil((min(a[1], b[1]) - reach_m - y0) / self.cell_m - 1e-9))
        r1 = min(rows, math.floor((max(a[1], b[1]) + reach_m - y0) / self.cell_m + 1e-9) + 1)
        if c1 <= c0 or r1 <= r0:
            return np.zeros(0, dtype=np.int64)
        dx = (x0 + np.arange(c0, c1) * self.cell_m - a[0])[None, :]
        dy = (y0 + np.arange(r0, r1) * self.cell_m - a[1])[:, None]
        ux, uy = b[0] - a[0], b[1] - a[1]
        length2 = ux * ux + uy * uy
        if length2 > 0:
            t = np.clip((dx * ux + dy * uy) / length2, 0.0, 1.0)
            dx, dy = dx - t * ux, dy - t * uy
        row, column = np.nonzero(dx * dx + dy * dy <= reach_m * reach_m + 1e-9)
        return np.asarray((row + r0) * columns + column + c0, dtype=np.int64)

    def seen(self, path: Points, reach_m: float) -> Mask:
        """(rows, columns) the cells whose middle lies within reach of a path (n, 2)."""
        seen = np.zeros(self.values.size, dtype=bool)
        for (ax, ay), (bx, by) in zip(path[:-1].tolist(), path[1:].tolist(), strict=True):
            seen[self.cells_near((ax, ay), (bx, by), reach_m)] = True
        return seen.reshape(self.values.shape)

    def open_along(self, a: Place, b: Place) -> bool:
        """Whether a leg crosses no closed cell, sampled every half cell."""
        if self.closed is None:
            return True
        steps = max(1, math.ceil(math.dist(a, b) / (self.cell_m / 2)))
        t = np.linspace(0.0, 1.0, steps + 1)
        column = np.floor((a[0] + t * (b[0] - a[0]) - self.west_m) / self.cell_m).astype(int)
        row = np.floor((a[1] + t * (b[1] - a[1]) - self.south_m) / self.cell_m).astype(int)
        rows, columns = self.values.shape
        if row.min() < 0 or column.min() < 0 or row.max() >= rows or column.max() >= columns:
            return False
        return not bool(self.closed[row, column].any())


def turned_path(path: Points, angle_rad: float) -> Points:
    """A path (n, 2) turned about the origin from east towards north."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.column_stack([path[:, 0] * c - path[:, 1] * s, path[:, 0] * s + path[:, 1] * c])


def path_length_m(path: Points) -> float:
    """Length of a path (n, 2) [m]."""
    return float(np.hypot(*np.diff(path, axis=0).T).sum())


def turns_of(path: Points) -> int:
    """How many corners of a path change its direction by more than some degrees."""
    return int(np.count_nonzero(_is_turn(path)))


def _is_turn(path: Points) -> Mask:
    """(n - 2,) whether the path turns at each of its corners."""
    step = np.diff(path, axis=0)
    ahead = (step[1:] * step[:-1]).sum(axis=1)
    aside = step[:-1, 0] * step[1:, 1] - step[:-1, 1] * step[1:, 0]
    return np.asarray(np.abs(np.arctan2(aside, ahead)) > STRAIGHT_RAD)


def charged_m(path: Points, *, launch: Place | None, turn_m: float) -> float:
    """What a path costs: its length, its turns, and the ways from and to the launch place [m].

    Args:
        path: (n, 2) places [m].
        launch: the launch place, or None where no way is charged.
        turn_m: what a turn costs, as a length at cruise speed [m].
    """
    if not len(path):
        return 0.0
    total = path_length_m(path) + turns_of(path) * turn_m
    if launch is not None:
        total += math.dist(launch, path[0]) + math.dist(path[-1], launch) + 2 * turn_m
    return total


def cut_to(
    path: Points, length_m: float, *, launch: Place | None = None, turn_m: float = 0.0
) -> tuple[Points, Points]:
    """The longest beginning of a path that fits a length, way out and back included, and the rest of it."""
    nothing = np.zeros((0, 2))
    if charged_m(path, launch=launch, turn_m=turn_m) <= length_m:
        return path, nothing
    steps = np.hypot(*np.diff(path, axis=0).T)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    charged = at[:-1] + turn_m * np.concatenate(
        [[0.0], np.cumsum(_is_turn(path))]
    )  # to where each leg begins
    if launch is not None:
        charged += math.dist(launch, path[0]) + 2 * turn_m
    if charged[0] + (0.0 if launch is None else math.dist(path[0], launch)) > length_m:
        return nothing, path
    home = 0.0 if launch is None else np.hypot(*(path[:-1] - launch).T)
    leg = int(np.flatnonzero(charged + home <= length_m)[-1])  # the last that can be begun
    a, b, step_m = path[leg].tolist(), path[leg + 1].tolist(), float(steps[leg])
    low, high = 0.0, 1.0
    for _ in range(40):
        share = (low + high) / 2
        flown = float(charged[leg]) + share * step_m
        if launch is not None:
            flown += math.hypot(
                a[0] + share * (b[0] - a[0]) - launch[0], a[1] + share * (b[1] - a[1]) - launch[1]
            )
        low, high = (share, high) if flown <= length_m else (low, share)
    along_m = float(at[leg]) + low * step_m
    return _parted(path, at, along_m) if along_m > 0.01 else (nothing, path)


def _parted(path: Points, at: Points, length_m: float) -> tuple[Points, Points]:
    k = min(max(int(np.searchsorted(at, length_m, side="right")) - 1, 0), len(path) - 2)
    share = (length_m - at[k]) / max(at[k + 1] - at[k], 1e-12)
    place = path[k] + share * (path[k + 1] - path[k])
    return without_repeats(np.vstack([path[: k + 1], place])), without_repeats(
        np.vstack([place, path[k + 1 :]])
    )


def without_repeats(path: Points) -> Points:
    """A path without places that repeat the one before."""
    if len(path) < 2:
        return path
    moved = np.hypot(*np.diff(path, axis=0).T) > 1e-6
    return np.asarray(path[np.concatenate([[True], moved])])
