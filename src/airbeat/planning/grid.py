"""What of the area a path has seen: one sample point in each small square, counted while the path changes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

__all__ = ["CoverGrid", "Points", "Segments", "Tally", "Window", "crossings", "ring_edges"]

Points = npt.NDArray[np.float64]
Segments = npt.NDArray[np.float64]
"""(n, 4): x, y of both ends [m]."""
Window = tuple[slice, slice]
"""Rows and columns of the raster."""

_GOLDEN = (math.sqrt(5) - 1) / 2
_SKEW_RAD = 0.08
"""Rows run a little askew to the given direction: a gap along a line must not fit between two rows."""
_MOST_EXCHANGED = 3
"""Segments that are exchanged at once."""
_OUTSIDE = 16_000
"""Count of squares outside the area: no path makes them unseen."""


class CoverGrid:
    """Counts, per square, the segments that see its sample point.

    A segment sees everything within ``radius_m`` of it (a disc swept along it), which of each row of samples
    is one span. The sample points of each row are shifted by a golden share of a square against those of the
    row before: the most even lattice there is, so that a path cannot be fitted to the raster instead of to
    the area.

    Args:
        area: local (Multi)Polygon to be seen [m].
        radius_m: half the swath [m].
        cell_m: side of the squares [m].
        angle_rad: direction of the raster's rows; work is least where most of the path runs along them.

    Attributes:
        radius: half the swath [m].
        cell: side of the squares [m].
        count: (rows, columns) how many segments see each square; large outside the area.
        cells: squares of the area.
        missing: squares of the area that no segment sees.
    """

    def __init__(self, area: Any, *, radius_m: float, cell_m: float, angle_rad: float = 0.0) -> None:
        self.radius, self.cell = radius_m, cell_m
        c, s = math.cos(angle_rad + _SKEW_RAD), math.sin(angle_rad + _SKEW_RAD)
        self._turn = np.array([[c, -s], [s, c]])
        area = shapely.transform(area, lambda xy: xy @ self._turn)
        x0, y0, x1, y1 = area.bounds
        self._x0, self._y0 = x0 - cell_m, y0 - cell_m
        nx = max(2, math.ceil((x1 - x0) / cell_m) + 2)
        ny = max(2, math.ceil((y1 - y0) / cell_m) + 2)
        self._shifts = np.arange(ny) * _GOLDEN % 1.0
        self._ys = self._y0 + (np.arange(ny) + 0.5) * cell_m
        inside = self._inside(area, nx)
        self.count = np.where(inside, 0, _OUTSIDE).astype(np.int16)
        self.cells = self.missing = int(inside.sum())
        self._tally: Tally | None = None
        self._stale = np.ones(ny, dtype=bool)

    def _inside(self, area: Any, nx: int) -> npt.NDArray[np.bool_]:
        """Which sample points lie inside the area: even-odd along rows."""
        row, x = crossings(*ring_edges(area), self._ys)
        flips = np.zeros((len(self._ys), nx + 1), dtype=np.int32)
        np.add.at(flips, (row, self._column(x, row, nx)), 1)
        return np.asarray(np.cumsum(flips[:, :-1], axis=1) % 2 == 1)

    def _column(self, x: Points, row: npt.NDArray[np.int64], nx: int) -> npt.NDArray[np.int64]:
        """The first sample at or beyond x in its row."""
        column = np.ceil((x - self._x0) / self.cell - self._shifts[row])
        return np.asarray(np.clip(column, 0, nx), dtype=np.int64)

    def add(self, segments: Segments) -> None:
        """See along segments."""
        ny, nx = self.count.shape
        ends = self.turned(segments.reshape(-1, 2)).reshape(-1, 2, 2)
        first, after = self.boxes(ends.min(axis=1), ends.max(axis=1))
        which, row = _rows_of(first[:, 0], after[:, 0])
        change = np.zeros((ny, nx + 1), dtype=np.int16)
        starts, past = self.spans(ends.reshape(-1, 4)[which], row[:, None])
        np.add.at(change, (row, starts[:, 0]), 1)
        np.add.at(change, (row, past[:, 0]), -1)
        self._stale[:] = True
        self.count += np.cumsum(change[:, :-1], axis=1, dtype=np.int16)
        self.missing = int((self.count <= 0).sum())

    def turned(self, points: Points) -> Points:
        """Points (…, 2) in the raster's own axes: x along its rows."""
        return np.asarray(points @ self._turn)

    def window(self, points: Points) -> Window:
        """The squares within reach of the box, along the raster, round some points (n, 2)."""
        return self._window(points @ self._turn)

    def _window(self, points: Points) -> Window:
        low, high = self.boxes(points.min(axis=0)[None], points.max(axis=0)[None])
        (top, left), (bottom, right) = low[0].tolist(), high[0].tolist()
        return slice(top, bottom), slice(left, right)

    def boxes(self, low: Points, high: Points) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Squares within reach of boxes (n, 2) along the raster: first and past the last (row, column)."""
        reach = self.radius + self.cell
        origin = np.array([self._x0, self._y0])
        most = np.array(self.count.shape)
        after = np.clip(np.floor((high + reach - origin) / self.cell)[:, ::-1] + 1, 0, most)
        first = np.clip(np.floor((low - reach - origin) / self.cell)[:, ::-1], 0, after)
        return first.astype(np.int64), after.astype(np.int64)

    def missing_samples(self, window: Window = (slice(None), slice(None))) -> Points:
        """Sample points (n, 2) of the area, or of a window of it, that no segment sees."""
        row, column = np.nonzero(self.count[window] <= 0)
        row += window[0].start or 0
        column += window[1].start or 0
        x = self._x0 + (column + self._shifts[row]) * self.cell
        return np.asarray(np.column_stack([x, self._ys[row]]) @ self._turn.T)

    def exchange(self, now: Segments, new: Segments) -> None:
        """Forget segments (…, k, 4) that had been added, and see new ones; NaN segments are none.

        Several exchanges at once have leading dimensions.
        """
        count = max(now.shape[-2], new.shape[-2])
        if count == 0:
            return
        both = np.full((2, math.prod(now.shape[:-2]), count, 4), np.nan)
        for side, segments in enumerate((now, new)):
            both[side, :, : segments.shape[-2]] = segments.reshape(both.shape[1], segments.shape[-2], 4)
        both = self.turned(both.reshape(-1, 2)).reshape(both.shape)
        heights = both[..., 1::2].transpose(1, 0, 2, 3).reshape(both.shape[1], -1)
        low, high = np.nanmin(heights, axis=1), np.nanmax(heights, axis=1)
        first, after = self.boxes(np.stack([low, low], axis=1), np.stack([high, high], axis=1))
        which, row = _rows_of(first[:, 0], after[:, 0])
        starts, ends = (x[..., 0] for x in self.spans(both[:, which], row[:, None, None]))
        # A span that appears or goes grows from, or shrinks to, its own start.
        for side in (0, 1):
            none = starts[side] >= ends[side]
            starts[side][none] = ends[side][none] = starts[1 - side][none]
        for sign, marks in ((1, starts), (-1, ends)):
            for before, later in marks.transpose(2, 0, 1):
                at = np.flatnonzero(before != later)
                self._stale[row[at]] = True
                self._shift(row[at], before[at], later[at], sign)

    def _shift(
        self,
        row: npt.NDArray[np.int64],
        before: npt.NDArray[np.int64],
        later: npt.NDArray[np.int64],
        side: int,
    ) -> None:
        """Move the starts (side 1) or ends (side −1) of spans in some rows, none of which meet."""
        length = np.abs(before - later)
        which = np.repeat(np.arange(len(row)), length)
        place = row * self.count.shape[1] + np.minimum(before, later)
        squares = np.arange(len(which)) + (place - np.cumsum(length) + length)[which]
        flat = self.count.reshape(-1)
        counts = flat[squares]
        self.missing -= int(np.count_nonzero(counts <= 0))
        counts += (side * np.sign(before - later)).astype(np.int16)[which]
        flat[squares] = counts
        self.missing += int(np.count_nonzero(counts <= 0))

    def tally(self) -> Tally:
        """What is seen, made ready for questions."""
        if self._tally is None:
            self._tally = Tally(self)
        return self._tally

    def stale(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Those of some rows that have changed since they were last asked for."""
        asked = np.zeros(len(self._stale), dtype=bool)
        asked[rows] = True
        changed = np.flatnonzero(asked & self._stale)
        self._stale[changed] = False
        return changed

    def spans(
        self, segments: Segments, rows: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The samples that segments see of some rows: the first and one after the last, each (…, n).

        At height c above its start, a disc of radius r swept along (dx, dy) reaches furthest to the right
        from t along the way, where t·dx + √(r² − (c − t·dy)²) is greatest: c − t·dy = ∓r·dx/√(dx² + dy²).

        Args:
            segments: (…, 4) in the raster's axes; those that are not numbers see nothing.
            rows: (…, n) their rows.
        """
        nx = self.count.shape[1]
        r, cell = np.float32(self.radius), np.float32(self.cell)
        ax, ay, bx, by = (segments[..., k, None] for k in range(4))
        dx, dy = (bx - ax).astype(np.float32), (by - ay).astype(np.float32)
        dy = np.where(np.abs(dy) < 1e-6, np.float32(1e-6), dy)
        inverse = 1 / dy
        lean = r * dx * np.sign(dy) / np.sqrt(dx * dx + dy * dy) * inverse
        c = (self._ys[rows] - ay).astype(np.float32)
        middle = c * inverse
        reach = np.abs(r * inverse)
        low, high = np.maximum(middle - reach, 0), np.minimum(middle + reach, 1)
        offset = ((self._x0 - ax) / self.cell + self._shifts[rows]).astype(np.float32)
        unseen = ~(low <= high)
        found = []
        for side in (-1, 1):
            t = middle + np.float32(side) * lean
            np.minimum(np.maximum(t, low, out=t), high, out=t)
            u = c - t * dy
            np.multiply(u, u, out=u)
            np.sqrt(np.maximum(r * r - u, 0, out=u), out=u)
            t *= dx
            x = t + u if side > 0 else t - u
            x /= cell
            x -= offset
            x[unseen] = side
            found.append(np.floor(x, out=x) if side > 0 else np.ceil(x, out=x))
        first = np.minimum(np.maximum(found[0], 0), nx)
        after = np.minimum(np.maximum(found[1] + 1, first), nx)
        after[unseen] = first[unseen] = 0
        return first.astype(np.int64), after.astype(np.int64)


class Tally:
    """The counts of a grid, summed along its rows.

    Args:
        grid: whose counts.
    """

    def __init__(self, grid: CoverGrid) -> None:
        self._grid = grid
        self._height, width = grid.count.shape
        self._stride = width + 1
        self._sums = np.zeros((_MOST_EXCHANGED + 1, self._height, self._stride), dtype=np.int32)

    def _fresh(self, rows: npt.NDArray[np.int64]) -> None:
        """Sum those rows again that have changed."""
        rows = self._grid.stale(rows)
        if len(rows) == 0:
            return
        count = self._grid.count[rows]
        for n, sums in enumerate(self._sums):
            sums[rows, 1:] = np.cumsum(count <= n, axis=1, dtype=np.int32)

    def missing_in(self, first: npt.NDArray[np.int64], after: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Squares that nobody sees in boxes from (row, column) ``first`` to before ``after``, each (n, 2)."""
        box, row = _rows_of(first[:, 0], after[:, 0])
        self._fresh(row)
        heights = after[:, 0] - first[:, 0]
        ends = np.cumsum(heights)
        missing = self._sums[0]
        each = missing[row, after[box, 1]] - missing[row, first[box, 1]]
        sums = np.concatenate([[0], np.cumsum(each)])
        return np.asarray(sums[ends] - sums[ends - heights], dtype=np.int64)

    def more_missing(
        self,
        now: npt.NDArray[np.float64],
        new: npt.NDArray[np.float64],
        owner: npt.NDArray[np.int64],
        row: npt.NDArray[np.int64],
        height: int,
    ) -> npt.NDArray[np.int64]:
        """How many more squares nobody would see with each of several replacements of segments.

        A square becomes unseen where as many of the replaced segments see it as it counts, and none of the
        new ones does. The ends of the replaced segments' spans divide every row into pieces of equal depth.

        Args:
            now: (t, s, 4) segments to be replaced, in the raster's axes, which are part of the count.
            new: (v, s, 4) replacements; segments that are not numbers see nothing.
            owner: (v,) which of t each replaces.
            row: (t,) first row outside of which nothing changes.
            height: rows from there.
        """
        height = min(height, self._height)
        rows = np.minimum(row, self._height - height)[:, None] + np.arange(height)
        self._fresh(rows)
        a, b = self._grid.spans(now, rows[:, None])
        edge = np.sort(np.concatenate([a, b], axis=1), axis=1)
        depth = np.zeros((len(now), edge.shape[1] + 1, height), dtype=np.int64)
        depth[:, 1:] = (a[:, None] <= edge[:, :, None]).sum(axis=2) - (b[:, None] <= edge[:, :, None]).sum(
            axis=2
        )
        base = depth * (self._height * self._stride) + rows[:, None] * self._stride
        counted = self._sums.ravel()
        step = counted[base[:, :-1] + edge] - counted[base[:, 1:] + edge]
        before = np.zeros(depth.shape, dtype=np.int64)
        np.cumsum(step, axis=1, out=before[:, 1:])
        freed = before[:, -1].sum(axis=1)
        place = owner[:, None, None] * (depth.shape[1] * height) + np.arange(height)
        edges = edge[owner]
        sums = []
        for x in self._grid.spans(new, rows[owner, None]):
            piece = (x[:, None] >= edges[:, :, None]).sum(axis=1)
            at = place + piece * height
            sums.append(np.sort(counted[base.ravel()[at] + x] + before.ravel()[at], axis=1))
        low, high = sums
        # Spans sorted by start and, apart, by end: between an end and the next start nothing is seen.
        seen = (high[:, -1] - low[:, 0]).sum(axis=1)
        seen -= np.maximum(low[:, 1:] - high[:, :-1], 0).sum(axis=(1, 2))
        return np.asarray(freed[owner] - seen, dtype=np.int64)


def _rows_of(
    first: npt.NDArray[np.int64], after: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """All rows of several ranges: which range, and the row."""
    heights = after - first
    which = np.repeat(np.arange(len(first)), heights)
    return which, np.arange(len(which)) + (first - np.cumsum(heights) + heights)[which]


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
