"""The ground of a case's map by its height model: heights, steepness, and where the model has none."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import GeometryError
from airbeat.geo.terrain import Terrain
from airbeat.language.words import N_, Message
from airbeat.mission.case import Case
from airbeat.search.grid import SearchGrid

__all__ = ["FLAT_GROUND", "SLOPE_RULE", "cell_heights_m", "ground_of", "slope_deg", "slope_factor"]

Array = npt.NDArray[np.float64]

FLAT_GROUND = Message("no height model (terrain): flat ground was assumed")
SLOPE_RULE = N_(
    "slope factor by the height model: the cosine of the slope, which is what a camera looking straight down "
    "sees of a person lying up and down it"
)


@lru_cache(maxsize=8)
def cell_heights_m(grid: SearchGrid, terrain: Terrain, east_m: float = 0.0, north_m: float = 0.0) -> Array:
    """(rows, columns) height of the ground at the middle of each cell, or so far beside it [m]; NaN unknown.

    Heights are the model's own, above its sea level. The same array is given again, and cannot be written to.
    """
    x, y = np.meshgrid(grid.x_m() + east_m, grid.y_m() + north_m)
    places = shapely.multipoints(np.column_stack([x.ravel(), y.ravel()]))
    lon_lat = shapely.get_coordinates(grid.frame.to_geographic(places))
    heights = np.asarray(terrain.heights_m(lon_lat[:, 0], lon_lat[:, 1]), dtype=np.float64).reshape(
        grid.shape
    )
    heights.flags.writeable = False
    return heights


def slope_deg(grid: SearchGrid, terrain: Terrain) -> Array:
    """(rows, columns) how steep the ground of each cell is [degrees]; NaN where the model does not tell.

    By differences over a whole cell, or over two of the model's where those are larger.
    """
    half = max(grid.cell_m / 2, terrain.resolution_m)
    here = cell_heights_m(grid, terrain)
    rises = []
    for east, north in ((half, 0.0), (0.0, half)):
        ahead = cell_heights_m(grid, terrain, east, north)
        behind = cell_heights_m(grid, terrain, -east, -north)
        both = (ahead - behind) / (2 * half)
        one = np.where(np.isnan(behind), (ahead - here) / half, (here - behind) / half)
        rises.append(np.where(np.isnan(both), one, both))
    return np.degrees(np.arctan(np.hypot(*rises)))


def slope_factor(slope_deg: Array) -> Array:
    """Share of its length that somebody lying up and down a slope shows to a camera looking straight down.

    cos θ, by geometry alone: what breaks or overhangs on steep ground hides more. 1 where the slope is NaN.
    """
    return np.where(np.isnan(slope_deg), 1.0, np.cos(np.radians(slope_deg)))


def ground_of(case: Case, grid: SearchGrid) -> tuple[Array | None, list[str]]:
    """(rows, columns) heights of the ground by the case's model, or None, and what must be known of it.

    Raises:
        GeometryError: the model does not cover the map, and the case does not say that flat ground be
            assumed beyond it.
    """
    if case.terrain is None:
        return None, [FLAT_GROUND]
    heights = cell_heights_m(grid, case.terrain)
    unknown = np.isnan(heights)
    if not unknown.any():
        return heights, []
    rows, columns = np.nonzero(unknown)
    x, y = grid.x_m()[columns], grid.y_m()[rows]
    low, high = grid.frame.to_latlon(np.array([[x.min(), y.min()], [x.max(), y.max()]]))
    km2 = unknown.sum() * grid.cell_area_m2 / 1e6
    south_west, north_east = (f"{place.lat_deg:.5f}, {place.lon_deg:.5f}" for place in (low, high))
    what = Message(
        "{terrain} has no heights for {share} of the map ({km2:.2f} km², between {south_west} and "
        "{north_east})",
        terrain=case.terrain.name,
        share=_percent(float(unknown.mean())),
        km2=km2,
        south_west=south_west,
        north_east=north_east,
    )
    if case.flat_beyond:
        return heights, [f"{what}: flat ground was assumed there"]
    raise GeometryError(
        what,
        where=case.where("terrain.file"),
        remedy="add the neighbouring file, use a smaller map, or write beyond: flat under terrain to have "
        "flat ground assumed there",
    )


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else f"{share:.2%}"
