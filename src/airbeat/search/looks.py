"""What the reviewed photographs say about each piece of ground: looks, view angles, POD, gaps.

A second photograph of a spot from the same direction shows the same leaves in front of the same person, so
its chance is not independent of the first's. Of all looks from one direction the best one counts; looks from
different directions multiply. Directions are straight down (within 40° of it) and four quadrants of oblique
views. That is stricter than binning views straight down by azimuth too, as some tools do: straight down an
azimuth says nothing about what hides the ground.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from airbeat.errors import GeometryError
from airbeat.search.grid import SearchGrid
from airbeat.search.pod import pod_band

__all__ = ["NADIR_WITHIN_DEG", "VIEW_BINS", "Searched", "ViewLedger", "sample_points", "view_bins"]

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NADIR_WITHIN_DEG = 40.0
"""Views steeper than this are one direction: the whole of most pictures taken straight down."""
VIEW_BINS = 5
"""Straight down, and oblique from the north, east, south and west."""


def sample_points(grid: SearchGrid, per_side: int) -> Array:
    """(rows·n, columns·n, 2) x and y of n × n points in each cell, row 0 in the south [m]."""
    step = grid.cell_m / per_side
    x = grid.west_m + (np.arange(grid.columns * per_side) + 0.5) * step
    y = grid.south_m + (np.arange(grid.rows * per_side) + 0.5) * step
    return np.stack(np.meshgrid(x, y), axis=-1)


def view_bins(east_m: Array, north_m: Array, up_m: Array) -> tuple[Integers, Array]:
    """Direction bin and off-nadir angle [degrees] of looks.

    Args:
        east_m: how far the camera is east of the spot [m].
        north_m: north of it [m].
        up_m: above it [m].

    Returns:
        Bins 0…4 (0 straight down; 1…4 from the north, east, south, west) and angles, of the same shape.
    """
    off = np.degrees(np.arctan2(np.hypot(east_m, north_m), up_m))
    azimuth = np.degrees(np.arctan2(east_m, north_m)) % 360.0
    quadrant = (np.floor((azimuth + 45.0) / 90.0).astype(np.int64) % 4) + 1
    return np.where(off <= NADIR_WITHIN_DEG, 0, quadrant), off


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Searched:
    """How well each cell was searched; all arrays (rows, columns), row 0 in the south.

    Attributes:
        coverage: C, independent looks weighted by their chance, averaged over the cell.
        pod_low: by the exponential law at the lower end of the detection curve.
        pod_high: by the inverse cube law at its upper end.
        seen: share of the cell that any photograph that counts shows, 0…1.
    """

    coverage: Array
    pod_low: Array
    pod_high: Array
    seen: Array


@dataclass(slots=True, eq=False)
class ViewLedger:
    """Collects looks at n × n points of each cell.

    Attributes:
        grid: the cells.
        per_side: n; 3 tells a cell half seen from one seen whole.
    """

    grid: SearchGrid
    per_side: int = 3
    _low: npt.NDArray[np.float32] = field(init=False, repr=False)
    _mean: npt.NDArray[np.float32] = field(init=False, repr=False)
    _high: npt.NDArray[np.float32] = field(init=False, repr=False)
    _seen: npt.NDArray[np.bool_] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rows, columns = self.grid.rows * self.per_side, self.grid.columns * self.per_side
        self._low = np.zeros((VIEW_BINS, rows, columns), dtype=np.float32)
        self._mean = np.zeros_like(self._low)
        self._high = np.zeros_like(self._low)
        self._seen = np.zeros((rows, columns), dtype=bool)

    def add(
        self, row: Integers, column: Integers, bins: Integers, chances: tuple[Array, Array, Array]
    ) -> None:
        """The look of one photograph at points; each point at most once.

        Args:
            row: (n,) rows of the points, as :func:`sample_points` has them.
            column: (n,) their columns.
            bins: (n,) direction bins.
            chances: (n,) lower end, value and upper end of the chance to find a person there, 0…1.

        Raises:
            GeometryError: a chance outside 0…1.
        """
        for store, values in zip((self._low, self._mean, self._high), chances, strict=True):
            if not ((values >= 0) & (values <= 1)).all():
                raise GeometryError("a chance of detection is outside 0 to 1")
            store[bins, row, column] = np.maximum(store[bins, row, column], values)
        self._seen[row, column] = True

    def searched(self) -> Searched:
        """What all looks together are worth: the best of each direction, directions added to a coverage.

        The band is taken at every point and then averaged over the cell, so that ground seen twice does not
        make up for ground not seen.
        """
        low, mean, high = (store.astype(np.float64).sum(axis=0) for store in self._stores())
        band = pod_band(low, high)
        return Searched(
            coverage=self._mean_of(mean),
            pod_low=self._mean_of(band.low),
            pod_high=self._mean_of(np.minimum(band.high, 1.0)),
            seen=self._mean_of(self._seen.astype(np.float64)),
        )

    def independent_pod(self) -> Array:
        """(rows, columns) 1 − Π(1−p) over directions, between the two laws of the band as a rule."""
        missed = np.prod(1.0 - self._mean.astype(np.float64), axis=0)
        return self._mean_of(1.0 - missed)

    def _stores(self) -> tuple[npt.NDArray[np.float32], ...]:
        return self._low, self._mean, self._high

    def _mean_of(self, values: Array) -> Array:
        n = self.per_side
        blocks = values.reshape(self.grid.rows, n, self.grid.columns, n)
        return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float64)
