"""The raster that a search reckons on, and a probability map on it.

Row 0 is the southernmost row and column 0 the westernmost, so that arrays run as x (east) and y (north) do.
Pictures and GeoTIFF files run the other way and are turned where they are read or drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import GeometryError
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import Message

__all__ = ["MAX_CELLS", "ProbabilityMap", "SearchGrid"]

Array = npt.NDArray[np.float64]

MAX_CELLS = 1_000_000
"""Most cells of a grid: 30 km × 30 km at 30 m."""
_SUM_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchGrid:
    """Square cells in a local frame; arrays over it have the shape (rows, columns), row 0 in the south.

    Attributes:
        frame: where x (east) and y (north) are measured from.
        west_m: x of the western edge of column 0 [m].
        south_m: y of the southern edge of row 0 [m].
        cell_m: side of a cell [m].
        rows: number of rows, counted northwards.
        columns: number of columns, counted eastwards.

    Raises:
        GeometryError: no cells, too many of them, or an edge that is no finite number.
    """

    frame: LocalFrame
    west_m: float
    south_m: float
    cell_m: float
    rows: int
    columns: int

    def __post_init__(self) -> None:
        if not all(math.isfinite(v) for v in (self.west_m, self.south_m, self.cell_m)) or self.cell_m <= 0:
            raise GeometryError(
                Message(
                    "no grid begins at ({west_m:g}, {south_m:g}) m with cells of {cell_m:g} m",
                    west_m=self.west_m,
                    south_m=self.south_m,
                    cell_m=self.cell_m,
                ),
                remedy="give finite edges and a cell size above 0",
            )
        if self.rows < 1 or self.columns < 1 or self.rows * self.columns > MAX_CELLS:
            raise GeometryError(
                Message(
                    "{rows} × {columns} cells (1 to {max_cells} in all)",
                    rows=self.rows,
                    columns=self.columns,
                    max_cells=MAX_CELLS,
                ),
                remedy="choose larger cells or a smaller extent",
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.rows, self.columns

    @property
    def cell_area_m2(self) -> float:
        """Area of one cell [m²]."""
        return self.cell_m * self.cell_m

    @property
    def area_m2(self) -> float:
        """Area of all cells [m²]."""
        return self.cell_area_m2 * self.rows * self.columns

    def x_m(self) -> Array:
        """(columns,) x of the cells' middles, west to east [m]."""
        return np.asarray(self.west_m + (np.arange(self.columns) + 0.5) * self.cell_m, dtype=np.float64)

    def y_m(self) -> Array:
        """(rows,) y of the cells' middles, south to north [m]."""
        return np.asarray(self.south_m + (np.arange(self.rows) + 0.5) * self.cell_m, dtype=np.float64)

    def boxes(self) -> npt.NDArray[np.object_]:
        """(rows, columns) local shapely boxes, one for each cell."""
        x = self.west_m + np.arange(self.columns + 1) * self.cell_m
        y = self.south_m + np.arange(self.rows + 1) * self.cell_m
        boxes: npt.NDArray[np.object_] = shapely.box(
            x[None, :-1], y[:-1, None], x[None, 1:], y[1:, None]
        ).reshape(self.shape)
        return boxes

    def outline(self) -> Any:
        """The outer edge, a local shapely box."""
        return shapely.box(
            self.west_m,
            self.south_m,
            self.west_m + self.columns * self.cell_m,
            self.south_m + self.rows * self.cell_m,
        )

    def shares(self, geometry: Any) -> Array:
        """(rows, columns) share of each cell's area inside a local (Multi)Polygon, 0…1, exact."""
        share = np.zeros(self.shape)
        if geometry.is_empty:
            return share
        left, low, right, high = shapely.bounds(geometry)
        first_column, last_column = self._span(left, right, self.west_m, self.columns)
        first_row, last_row = self._span(low, high, self.south_m, self.rows)
        if first_column >= last_column or first_row >= last_row:
            return share
        window = (slice(first_row, last_row), slice(first_column, last_column))
        x = self.west_m + np.arange(first_column, last_column + 1) * self.cell_m
        y = self.south_m + np.arange(first_row, last_row + 1) * self.cell_m
        boxes = shapely.box(x[None, :-1], y[:-1, None], x[None, 1:], y[1:, None])
        shapely.prepare(geometry)
        inside = shapely.contains_properly(geometry, boxes)
        edge = ~inside & shapely.intersects(geometry, boxes)
        found = inside.astype(float)
        found[edge] = shapely.area(shapely.intersection(boxes[edge], geometry)) / self.cell_area_m2
        share[window] = np.clip(found, 0.0, 1.0)
        return share

    def _span(self, low: float, high: float, origin: float, count: int) -> tuple[int, int]:
        first = math.floor((low - origin) / self.cell_m)
        last = math.ceil((high - origin) / self.cell_m)
        return min(max(first, 0), count), min(max(last, 0), count)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProbabilityMap:
    """Where the missing person may be. Immutable: the array is a read-only copy of what was given.

    Attributes:
        grid: the cells.
        poa: (rows, columns) probability that the person is in each cell; row 0 in the south.
        rest: probability that the person is nowhere on the map ("rest of the world"), 0…1.

    Raises:
        GeometryError: another shape than the grid's, a negative or not finite value, or a sum other than 1.
    """

    grid: SearchGrid
    poa: Array
    rest: float

    def __post_init__(self) -> None:
        poa = np.array(self.poa, dtype=np.float64)
        if poa.shape != self.grid.shape:
            raise GeometryError(
                Message(
                    "a map of shape {shape} on a grid of {shape_2}", shape=poa.shape, shape_2=self.grid.shape
                )
            )
        if not (np.isfinite(poa).all() and math.isfinite(self.rest)) or (poa < 0).any() or self.rest < 0:
            raise GeometryError("a probability is negative or not finite", remedy="check the map's sources")
        total = float(poa.sum()) + self.rest
        if abs(total - 1.0) > _SUM_TOLERANCE:
            raise GeometryError(
                Message("the probabilities sum to {total:.9g} instead of 1", total=total),
                remedy="use ProbabilityMap.normalised",
            )
        poa.setflags(write=False)
        object.__setattr__(self, "poa", poa)
        object.__setattr__(self, "rest", float(self.rest))

    @classmethod
    def normalised(cls, grid: SearchGrid, weights: npt.ArrayLike, rest: float) -> ProbabilityMap:
        """A map whose cells share ``1 - rest`` in proportion to weights.

        Raises:
            GeometryError: a weight is negative or not finite, they sum to nothing, or ``rest`` is not 0…<1.
        """
        array = np.asarray(weights, dtype=np.float64)
        if not np.isfinite(array).all() or (array < 0).any():
            raise GeometryError("a weight is negative or not finite", remedy="give weights of 0 or more")
        total = float(array.sum())
        if not total > 0:
            raise GeometryError("the weights sum to nothing", remedy="give at least one weight above 0")
        if not 0 <= rest < 1:
            raise GeometryError(
                Message("the rest of the world holds {rest:g} (0 to below 1)", rest=rest),
                remedy="change rest_of_world",
            )
        poa = array / total * (1.0 - rest)
        return cls(grid=grid, poa=poa, rest=max(0.0, 1.0 - float(poa.sum())))

    def density_per_m2(self) -> Array:
        """(rows, columns) probability per square metre."""
        density: Array = self.poa / self.grid.cell_area_m2
        return density
