"""How far from the point last known lost persons are found, by category and terrain.

Distances hold 25, 50, 75 and 95 % of the cases of the International Search and Rescue Incident Database
(R. Koester, Lost Person Behavior, 2008), in statute miles; for some categories dry country has one row for
mountains and flat ground together.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import UsageError
from airbeat.language.words import Message
from airbeat.mission.case import Category, TerrainKind
from airbeat.search.grid import SearchGrid

__all__ = ["KM_PER_MILE", "RING_SHARES", "Category", "TerrainKind", "ring_distances_m", "ring_layer"]

Array = npt.NDArray[np.float64]

KM_PER_MILE = 1.609344
RING_SHARES = (0.25, 0.25, 0.25, 0.20)
"""Probability in each annulus, from the inside; 0.05 lies beyond the last."""
_QUAD_SEGMENTS = 90


_Row = tuple[float, float, float, float] | None
_KINDS = tuple(TerrainKind)
_MILES: dict[Category, tuple[_Row, ...]] = {
    Category.DEMENTIA: (
        (0.2, 0.5, 1.2, 5.1), (0.2, 0.6, 1.5, 7.9), (0.6, 1.2, 1.9, 3.8), (0.3, 1.0, 2.2, 7.3),
        (0.2, 0.7, 2.0, 7.8),
    ),
    Category.CHILD_1_3: (
        (0.1, 0.2, 0.6, 2.0), (0.1, 0.2, 0.6, 2.0), (0.4, 0.8, 2.4, 5.6), (0.4, 0.8, 2.4, 5.6),
        (0.1, 0.3, 0.5, 0.7),
    ),
    Category.CHILD_4_6: (
        (0.1, 0.5, 0.9, 2.3), (0.1, 0.4, 0.9, 4.1), (0.4, 1.2, 2.0, 5.1), (0.4, 1.2, 2.0, 5.1),
        (0.06, 0.3, 0.6, 2.1),
    ),
    Category.CHILD_7_9: (
        (0.5, 1.0, 2.0, 7.0), (0.1, 0.5, 1.3, 5.0), (0.3, 0.8, 2.0, 4.5), (0.3, 0.8, 2.0, 4.5),
        (0.1, 0.3, 0.9, 3.2),
    ),
    Category.HIKER: (
        (0.7, 1.9, 3.6, 11.3), (0.4, 1.1, 2.0, 6.1), (1.0, 2.0, 4.0, 11.9), (0.8, 1.3, 4.1, 8.1), None,
    ),
    Category.DESPONDENT: (
        (0.2, 0.7, 2.0, 13.3), (0.2, 0.5, 1.4, 10.7), (0.5, 1.0, 2.1, 11.1), (0.3, 1.2, 2.3, 12.8),
        (0.06, 0.3, 0.9, 8.1),
    ),
    Category.HUNTER: (
        (0.6, 1.3, 3.0, 10.7), (0.4, 1.0, 1.9, 8.5), (1.3, 3.0, 5.0, 13.8), (1.0, 1.9, 4.0, 7.0), None,
    ),
    Category.GATHERER: (
        (0.9, 2.0, 4.0, 8.0), (0.9, 2.0, 4.0, 8.0), (1.0, 1.6, 3.6, 6.9), (1.0, 1.6, 3.6, 6.9), None,
    ),
}  # fmt: skip


def ring_distances_m(category: Category, terrain: TerrainKind) -> tuple[float, float, float, float]:
    """Distances within which 25, 50, 75 and 95 % were found [m].

    Raises:
        UsageError: the table has none for this pair.
    """
    row = _MILES[category][_KINDS.index(terrain)]
    if row is None:
        known = [k.value for k, miles in zip(_KINDS, _MILES[category], strict=True) if miles]
        raise UsageError(
            Message(
                "no distances are known for {category} in {terrain} terrain",
                category=category.value,
                terrain=terrain.value,
            ),
            remedy=Message("choose terrain: {known}; or draw regions instead", known=", ".join(known)),
        )
    a, b, c, d = (miles * KM_PER_MILE * 1000.0 for miles in row)
    return a, b, c, d


def ring_layer(
    grid: SearchGrid, centre_xy_m: tuple[float, float], distances_m: tuple[float, float, float, float]
) -> Array:
    """(rows, columns) probability of each cell; what the sum lacks to 1 lies beyond the map or the last ring.

    Each annulus holds its share, spread evenly over its area; a cell takes what of an annulus lies in it.

    Args:
        grid: the cells.
        centre_xy_m: the point last known, in the grid's frame [m].
        distances_m: rising radii of the rings [m].
    """
    layer = np.zeros(grid.shape)
    inner, inner_m2 = np.zeros(grid.shape), 0.0
    for share, radius_m in zip(RING_SHARES, distances_m, strict=True):
        disc = shapely.Point(centre_xy_m).buffer(radius_m, quad_segs=_QUAD_SEGMENTS)
        inside = grid.shares(disc)
        layer += share * (inside - inner) * grid.cell_area_m2 / (disc.area - inner_m2)
        inner, inner_m2 = inside, disc.area
    return np.clip(layer, 0.0, None)
