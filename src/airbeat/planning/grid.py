"""What of the area a path has seen: one sample point in each small square, counted while the path changes."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

__all__ = ["CoverGrid", "Points", "Segments", "crossings", "ring_edges"]

Points = npt.NDArray[np.float64]
Segments = npt.NDArray[np.float64]
"""(n, 4): x, y of both ends [m]."""

_PIECE_RADII = 12.0
_GOLDEN = (math.sqrt(5) - 1) / 2
_SKEW_RAD = 0.08
"""Rows run a little askew to the given direction: a gap along a line must not fit between two rows."""


class CoverGrid:
    """Counts, per square, the segments that see its sample point.

    A segment sees everything within ``radius_m`` of it (a disc swept along it). The sample points of each
    row are shifted by a golden share of a square against those of the row before: the most even lattice there
    is, so that a path cannot be fitted to the raster instead of to the area.

    Args:
        area: local (Multi)Polygon to be seen [m].
        radius_m: half the swath [m].
        cell_m: side of the squares [m].
        angle_rad: direction of the raster's rows; work is least where most of the path runs along them.
    """

    def __init__(self, area: Any, *, radius_m: float, cell_m: float, angle_rad: float = 0.0) -> None:
        self.radius, self.cell = radius_m, cell_m
        c, s = math.cos(angle_rad + _SKEW_RAD), math.sin(angle_rad + _SKEW_RAD)
        self._turn = np.array([[c, -s], [s, c]])
        area = shapely.transform(area, lambda xy: xy @ self._turn)
        x0, y0, x1, y1 = area.bounds
        self.x0, self.y0 = x0 - cell_m, y0 - cell_m
        nx = max(2, math.ceil((x1 - x0) / cell_m) + 2)
        ny = max(2, math.ceil((y1 - y0) / cell_m) + 2)
        shifts = np.arange(ny) * _GOLDEN % 1.0
        self.ys = self.y0 + (np.arange(ny) + 0.5) * cell_m
        self.xs = self.x0 + (np.arange(nx)[None, :] + shifts[:, None]) * cell_m
        self.mask = _inside(area, self.xs, self.ys)
        self.count = np.zeros((ny, nx), dtype=np.int16)
        self.cells = int(self.mask.sum())

    @property
    def missing(self) -> int:
        """Squares of the area that no segment sees."""
        return int((self.mask & (self.count <= 0)).sum())

    def add(self, segments: Segments, times: int = 1) -> None:
        """See (or with ``times=-1`` forget) along segments."""
        for ax, ay, bx, by in (segments.reshape(-1, 2) @ self._turn).reshape(-1, 4).tolist():
            parts = max(1, math.ceil(math.hypot(bx - ax, by - ay) / (_PIECE_RADII * self.radius)))
            cuts = np.linspace(0.0, 1.0, parts + 1)
            for first, last in pairwise(cuts):
                piece = np.array(
                    [[ax + (bx - ax) * s for s in (first, last)], [ay + (by - ay) * s for s in (first, last)]]
                )
                rows, columns = self._window(piece.T)
                if rows.start < rows.stop and columns.start < columns.stop:
                    seen = self._sees_piece((ax, ay, bx, by), first, last, rows, columns)
                    self.count[rows, columns] += times * seen

    def _sees_piece(
        self,
        segment: tuple[float, float, float, float],
        first: float,
        last: float,
        rows: slice,
        columns: slice,
    ) -> npt.NDArray[np.bool_]:
        """Samples within reach whose nearest point lies in this share of the segment, each counted once."""
        ax, ay, bx, by = segment
        dx, dy = bx - ax, by - ay
        x, y = self.xs[rows, columns] - ax, self.ys[rows, None] - ay
        squared = dx * dx + dy * dy
        if squared == 0.0:
            return np.asarray(x * x + y * y <= self.radius**2)
        raw = (x * dx + y * dy) / squared
        t = np.clip(raw, 0.0, 1.0)
        near = (x - t * dx) ** 2 + (y - t * dy) ** 2 <= self.radius**2
        if first > 0.0:
            near &= raw >= first
        if last < 1.0:
            near &= raw < last
        return np.asarray(near)

    def window(self, points: Points) -> tuple[slice, slice]:
        """The squares within reach of the box, along the raster, round some points (n, 2)."""
        return self._window(points @ self._turn)

    def _window(self, points: Points) -> tuple[slice, slice]:
        reach = self.radius + self.cell
        (x_low, y_low), (x_high, y_high) = points.min(axis=0), points.max(axis=0)
        ny, nx = self.count.shape
        rows = slice(
            max(0, int((y_low - reach - self.y0) / self.cell)),
            min(ny, max(0, int((y_high + reach - self.y0) / self.cell) + 1)),
        )
        columns = slice(
            max(0, int((x_low - reach - self.x0) / self.cell)),
            min(nx, max(0, int((x_high + reach - self.x0) / self.cell) + 1)),
        )
        return rows, columns

    def missing_samples(self) -> Points:
        """Sample points (n, 2) of the area that no segment sees."""
        row, column = np.nonzero(self.mask & (self.count <= 0))
        return np.asarray(np.column_stack([self.xs[row, column], self.ys[row]]) @ self._turn.T)

    def depending(self, rows: slice, columns: slice, segments: Segments) -> Points:
        """Sample points (n, 2) of a window that nothing but the given segments of the path sees."""
        window = self.count[rows, columns]
        row, column = np.nonzero(self.mask[rows, columns] & (window <= len(segments)))
        points = self._points(rows, columns, row, column)
        if len(segments) == 0 or len(points) == 0:
            return points
        return np.asarray(points[window[row, column] <= self.sees(points, segments).sum(axis=0)])

    def exchange(self, rows: slice, columns: slice, old: Segments, new: Segments) -> None:
        """Forget old segments and see new ones, inside a window outside of which they see the same."""
        row, column = np.nonzero(self.mask[rows, columns])
        points = self._points(rows, columns, row, column)
        if len(points) == 0:
            return
        change = np.zeros(len(points), dtype=np.int16)
        for segments, sign in ((old, -1), (new, 1)):
            if len(segments):
                change += sign * self.sees(points, segments).sum(axis=0, dtype=np.int16)
        self.count[rows, columns][row, column] += change

    def _points(
        self, rows: slice, columns: slice, row: npt.NDArray[np.int64], column: npt.NDArray[np.int64]
    ) -> Points:
        x = self.xs[rows, columns][row, column]
        return np.asarray(np.stack([x, self.ys[rows][row]], axis=1) @ self._turn.T)

    def sees(self, points: Points, segments: Segments) -> npt.NDArray[np.bool_]:
        """(m, n): which of n points each of m segments sees."""
        origin = points[0]
        ends = (segments.reshape(-1, 2) - origin).reshape(-1, 4).astype(np.float32)
        near = (points - origin).astype(np.float32)
        ax, ay, dx, dy = (ends[:, k, None] for k in range(4))
        dx, dy = dx - ax, dy - ay
        scale = 1.0 / np.maximum(dx * dx + dy * dy, np.float32(1e-6))
        px, py = near[:, 0] - ax, near[:, 1] - ay
        t = px * (dx * scale)
        t += py * (dy * scale)
        np.clip(t, 0.0, 1.0, out=t)
        px -= t * dx
        py -= t * dy
        px *= px
        py *= py
        px += py
        return np.asarray(px <= np.float32(self.radius**2))


def _inside(area: Any, xs: Points, ys: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which sample points, row by row of one height each, lie inside the area: even-odd along rows."""
    row, x = crossings(*ring_edges(area), ys)
    order = np.lexsort((x, row))
    row, x = row[order], x[order]
    bounds = np.searchsorted(row, np.arange(len(ys) + 1))
    out = np.zeros(xs.shape, dtype=bool)
    for k in range(len(ys)):
        cuts = x[bounds[k] : bounds[k + 1]]
        if len(cuts):
            out[k] = np.searchsorted(cuts, xs[k]) % 2 == 1
    return out


def ring_edges(area: Any) -> tuple[Points, Points]:
    """Both ends of every edge of every ring, each (n, 2)."""
    coords, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(area)), return_index=True)
    same = ring[1:] == ring[:-1]
    return coords[:-1][same], coords[1:][same]


def crossings(
    start: Points, end: Points, ys: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Where edges cross the horizontal lines at ascending heights ``ys``: (line number, x), unsorted.

    Half-open at the upper end of each edge, so that rings cross every line an even number of times.
    """
    low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
    first, last = np.searchsorted(ys, low, "left"), np.searchsorted(ys, high, "left")
    n = last - first
    edge = np.repeat(np.arange(len(start)), n)
    row = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n) + np.repeat(first, n)
    a, b = start[edge], end[edge]
    x = a[:, 0] + (ys[row] - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1])
    return row, x
