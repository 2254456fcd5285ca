"""Where a line of sight meets the ground of a height model, exactly.

Between four cells the model is a bilinear surface, and along a straight line over one such patch its height
is a quadratic in the distance. So the ray is cut where it crosses from patch to patch, the quadratic of its
clearance is found for each piece, and the first zero is solved for: no step that could jump over a ridge,
no stopping short. The ray rises over the curved Earth by s²/2R (8 cm at 1 km); refraction, which takes an
eighth of that back, is left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.errors import TerrainError
from airbeat.geo.frame import LocalFrame
from airbeat.geo.terrain import EDGE_CELLS, Terrain
from airbeat.language.words import Message

__all__ = ["FARTHEST_M", "RayHit", "first_hit"]

Array = npt.NDArray[np.float64]

FARTHEST_M = 15_000.0
"""Rays are followed this far over the ground."""
_EARTH_M = 6_371_000.0
_SHORTEST_M, _LONGEST_M = 50.0, 400.0
"""Pieces within which the map's projection is taken as linear: within 4 mm of it."""
_CELLS_A_PIECE = 32
_AT = np.array([0.1, 0.5, 0.9])
_TO_QUADRATIC = np.linalg.inv(np.column_stack([np.ones(3), _AT, _AT**2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class RayHit:
    """Where a ray meets the ground.

    Attributes:
        east_m: east of the frame's origin [m].
        north_m: north of the frame's origin [m].
        height_m: of the ground there, above the model's sea level [m].
        distance_m: along the ray [m].
    """

    east_m: float
    north_m: float
    height_m: float
    distance_m: float


def first_hit(
    terrain: Terrain,
    frame: LocalFrame,
    origin_m: Sequence[float] | Array,
    direction: Sequence[float] | Array,
    *,
    farthest_m: float = FARTHEST_M,
) -> RayHit:
    """The first place at which a ray meets the ground.

    Args:
        terrain: the height model.
        frame: local frame of the origin's coordinates; its centre should be near.
        origin_m: east, north of the frame's centre, height above the model's sea level [m].
        direction: east, north, up; any length but zero.
        farthest_m: how far over the ground the ray is followed [m].

    Raises:
        TerrainError: the origin is below the ground, the ray meets no ground within ``farthest_m``, or it
            passes where the model has no heights, below the model's highest place.
    """
    east, north, height = (float(v) for v in origin_m)
    unit = np.asarray(direction, dtype=float) / np.linalg.norm(direction)
    across = math.hypot(unit[0], unit[1])
    lowest, highest = _range_m(terrain)
    here = terrain.heights_m(*frame.to_lon_lat([(east, north)]))[0]
    if here > height:
        raise TerrainError(
            Message("the ray begins {here:.1f} m below the ground of the model", here=here - height),
            where=terrain.name,
            remedy="check what the heights are measured from",
        )
    if unit[2] >= 0 and height > highest:
        raise TerrainError("the ray looks up, over all ground", where=terrain.name)
    start = max(0.0, (height - highest) / -unit[2]) if unit[2] < 0 else 0.0
    end = farthest_m / across if across > 1e-12 else height - lowest + 1.0
    step = float(np.clip(_CELLS_A_PIECE * terrain.resolution_m, _SHORTEST_M, _LONGEST_M)) / max(across, 1e-12)
    at = min(start, end)
    while at < end:
        until = min(at + step, end)
        found = _in_piece(terrain, frame, (east, north, height), unit, (at, until))
        if found is not None:
            place = np.array([east, north]) + found * unit[:2]
            return RayHit(
                east_m=float(place[0]),
                north_m=float(place[1]),
                height_m=_ray_height(height, unit, found),
                distance_m=found,
            )
        if unit[2] < 0 and _ray_height(height, unit, until) < lowest:
            break
        at = until
    raise TerrainError(
        Message("the ray meets no ground within {farthest_m:.0f} km", farthest_m=farthest_m / 1000),
        where=terrain.name,
    )


def _ray_height(height_m: float, unit: Array, distance_m: float) -> float:
    across = math.hypot(unit[0], unit[1]) * distance_m
    return float(height_m + unit[2] * distance_m + across**2 / (2 * _EARTH_M))


def _in_piece(
    terrain: Terrain,
    frame: LocalFrame,
    origin: tuple[float, float, float],
    unit: Array,
    ends: tuple[float, float],
) -> float | None:
    """Distance along the ray of the first meeting between two distances; None if there is none."""
    span = ends[1] - ends[0]
    xy = np.array(origin[:2]) + np.outer(ends, unit[:2])
    lon, lat = frame.to_lon_lat(xy)
    cells = [grid.to_cells(lon, lat) for grid in terrain.grids]
    cuts = _cuts(terrain, cells)
    begin, length = cuts[:-1], np.diff(cuts)
    share = (begin[:, None] + length[:, None] * _AT).ravel()
    ground = _heights(terrain, cells, share)
    distance = ends[0] + share * span
    across = math.hypot(unit[0], unit[1]) * distance
    clearance = origin[2] + unit[2] * distance + across**2 / (2 * _EARTH_M) - ground
    c0, c1, c2 = (clearance.reshape(-1, 3) @ _TO_QUADRATIC.T).T
    meets = _first_zero(c0, c1, c2)
    lower = np.minimum(distance.reshape(-1, 3)[:, 0], distance.reshape(-1, 3)[:, 2])
    unknown = np.isnan(c0) & (origin[2] + unit[2] * lower < _range_m(terrain)[1] + 1.0)
    hits = np.flatnonzero(np.isfinite(meets))
    gaps = np.flatnonzero(unknown)
    if len(gaps) and (not len(hits) or gaps[0] < hits[0]):
        raise TerrainError(
            "the ray passes where the model has no heights",
            where=terrain.name,
            remedy="add the neighbouring tile, or a model without holes",
        )
    if not len(hits):
        return None
    piece = hits[0]
    return float(ends[0] + (begin[piece] + meets[piece] * length[piece]) * span)


def _range_m(terrain: Terrain) -> tuple[float, float]:
    """Lowest and highest height of the model [m]."""
    ranges = [grid.range_m for grid in terrain.grids if math.isfinite(grid.range_m[0])]
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def _cuts(terrain: Terrain, cells: Sequence[tuple[Array, Array]]) -> Array:
    """Shares of a piece at which its line crosses into another patch of any grid, 0 and 1 included."""
    cuts = [np.array([0.0, 1.0])]
    for grid, columns_rows in zip(terrain.grids, cells, strict=True):
        rows, columns = grid.heights_m.shape
        for (first, last), count in zip(columns_rows, (columns, rows), strict=True):
            if math.isfinite(first) and math.isfinite(last) and first != last:
                low, high = max(min(first, last), -1.0), min(max(first, last), float(count))
                lines = np.arange(math.ceil(low), math.floor(high) + 1)
                edges = [-EDGE_CELLS, count - 1 + EDGE_CELLS]
                cuts.append((np.concatenate([lines, edges]) - first) / (last - first))
    return np.unique(np.clip(np.concatenate(cuts), 0.0, 1.0))


def _heights(terrain: Terrain, cells: Sequence[tuple[Array, Array]], share: Array) -> Array:
    """Heights along a piece; where grids overlap the first one counts."""
    heights = np.full(len(share), np.nan)
    for grid, (columns, rows) in zip(terrain.grids, cells, strict=True):
        unknown = np.isnan(heights)
        if not unknown.any():
            break
        at = share[unknown]
        heights[unknown] = grid.at_cells(
            columns[0] + at * (columns[1] - columns[0]), rows[0] + at * (rows[1] - rows[0])
        )
    return heights


def _first_zero(c0: Array, c1: Array, c2: Array) -> Array:
    """Where c0 + c1 u + c2 u² first falls to zero, u in 0…1; NaN where it does not."""
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(c1 * c1 - 4 * c2 * c0)
        half = -(c1 + np.copysign(root, c1)) / 2  # the form that loses no digits
        candidates = np.stack([half / c2, c0 / half])
        candidates[~((candidates >= 0.0) & (candidates <= 1.0))] = np.inf
        first = candidates.min(axis=0)
        first[c0 <= 0.0] = 0.0
    return np.where(np.isfinite(first) & np.isfinite(c0), first, np.nan)
