"""What is known about where the person may be, each source as a layer, and the map they make together.

A layer says how probable each cell is if that source alone were right; what its sum lacks to 1 lies beyond
the map. The map is the mean of the layers, weighted by how much each source is trusted:
POA = Σ w·layer / Σ w. Nothing is multiplied: a source that knows nothing of a place must not rule it out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.errors import GeometryError
from airbeat.search.grid import ProbabilityMap, SearchGrid
from airbeat.search.looks import sample_points

__all__ = ["DEFAULT_REST", "Layer", "combined", "raster_layer", "region_layer"]

Array = npt.NDArray[np.float64]

DEFAULT_REST = 0.05
"""The rest of the world, where neither the case file nor a ring says more."""
_LEAST_M2 = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """One source's view.

    Attributes:
        name: the source, as people call it.
        weight: how much it is trusted beside the others, above 0.
        poa: (rows, columns) probability of each cell, with a sum of 1 or less.
    """

    name: str
    weight: float
    poa: Array


def region_layer(grid: SearchGrid, regions: Sequence[tuple[Any, float]]) -> Array:
    """(rows, columns) probability from regions with weights: coordinator's polygons, buffered lines.

    A region's share is its weight over the sum of all weights, spread evenly over its own area; what of a
    region lies beyond the map is lost to the rest of the world. Regions may overlap.

    Args:
        grid: the cells.
        regions: local (Multi)Polygons, and weights of 0 or more.

    Raises:
        GeometryError: the weights sum to nothing, or a region has no area.
    """
    total = sum(weight for _, weight in regions)
    if not total > 0:
        raise GeometryError("the weights sum to nothing", remedy="give at least one region a weight above 0")
    layer = np.zeros(grid.shape)
    for geometry, weight in regions:
        if geometry.area < _LEAST_M2:
            raise GeometryError("a region has no area", remedy="draw it larger, or give its buffer_m")
        layer += weight / total * grid.shares(geometry) * grid.cell_area_m2 / geometry.area
    return layer


def raster_layer(
    grid: SearchGrid, density_at: Callable[[Array], Array], *, samples_per_side: int = 3
) -> Array:
    """(rows, columns) probability from a raster of densities, in proportion to its mean in each cell.

    Args:
        grid: the cells.
        density_at: takes (n, 2) local x and y [m] and gives (n,) densities of 0 or more; NaN where it has
            none, which counts as 0.
        samples_per_side: a cell's mean is taken over so many times so many points.

    Raises:
        GeometryError: a density below 0, or none above 0 on the map.
    """
    points = sample_points(grid, samples_per_side)
    values = np.nan_to_num(density_at(points.reshape(-1, 2)), nan=0.0, posinf=np.inf, neginf=-np.inf)
    if not np.isfinite(values).all() or (values < 0).any():
        raise GeometryError("a density is negative or not finite", remedy="give values of 0 or more")
    n = samples_per_side
    means = values.reshape(grid.rows, n, grid.columns, n).mean(axis=(1, 3))
    total = float(means.sum())
    if not total > 0:
        raise GeometryError(
            "the densities on the map sum to nothing", remedy="check where the raster lies, and its values"
        )
    return np.asarray(means / total, dtype=np.float64)


def combined(grid: SearchGrid, layers: Sequence[Layer], *, rest: float | None) -> ProbabilityMap:
    """The map that all layers make: their mean by weight.

    Args:
        grid: the cells.
        layers: the sources; none is an even map.
        rest: share of the rest of the world, 0…<1; None takes what the layers themselves put beyond the
            map, but at least ``DEFAULT_REST``.

    Raises:
        GeometryError: weights that sum to nothing, layers that leave the map empty, or a rest outside 0…<1.
    """
    if not layers:
        return ProbabilityMap.normalised(grid, np.ones(grid.shape), DEFAULT_REST if rest is None else rest)
    total = sum(layer.weight for layer in layers)
    if not total > 0 or any(layer.weight < 0 for layer in layers):
        raise GeometryError(
            "the layers' weights sum to nothing", remedy="give at least one layer a weight above 0"
        )
    mixed = np.sum([layer.weight / total * layer.poa for layer in layers], axis=0)
    inside = float(mixed.sum())
    if not inside > 0:
        raise GeometryError("everything lies beyond the map", remedy="change the map's extent")
    if rest is None:
        rest = max(1.0 - inside, DEFAULT_REST)
    return ProbabilityMap.normalised(grid, mixed, rest)
