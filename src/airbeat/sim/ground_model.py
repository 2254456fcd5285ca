"""The shape of the embedded ground where a mission names a height model: its heights on a local raster."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.geo.terrain import Terrain

__all__ = ["ModelHeights"]

Array = npt.NDArray[np.float64]

_ROOM_M = 400.0
_FINEST_M = 2.0
_MOST_ACROSS = 1200


class ModelHeights:
    """Heights of a model above home, at any place of a local frame; level with home where it has none.

    Args:
        terrain: the height model.
        frame: the local frame.
        area: geographic (Multi)Polygon round which the heights are needed, 400 m round it included; beyond
            that they are those of its edge.
        home: take-off place, where the height is zero.
    """

    def __init__(self, terrain: Terrain, *, frame: LocalFrame, area: Any, home: LatLon) -> None:
        x0, y0, x1, y1 = frame.to_local(area).bounds
        span = max(x1 - x0, y1 - y0) + 2 * _ROOM_M
        self._step_m = max(terrain.resolution_m / 2, _FINEST_M, span / _MOST_ACROSS)
        self._west_m, self._south_m = x0 - _ROOM_M, y0 - _ROOM_M
        x = self._west_m + np.arange(int((x1 - x0 + 2 * _ROOM_M) / self._step_m) + 2) * self._step_m
        y = self._south_m + np.arange(int((y1 - y0 + 2 * _ROOM_M) / self._step_m) + 2) * self._step_m
        places = np.stack(np.meshgrid(x, y), axis=-1)
        lon_lat = shapely.get_coordinates(frame.to_geographic(shapely.multipoints(places.reshape(-1, 2))))
        home_m = terrain.heights_m(home.lon_deg, home.lat_deg)[0]
        heights = terrain.heights_m(lon_lat[:, 0], lon_lat[:, 1]) - home_m
        self._heights_m = np.nan_to_num(heights, nan=0.0).reshape(len(y), len(x))

    def __call__(self, x_m: Array, y_m: Array) -> Array:
        """Heights above home [m] at local places of any shape."""
        rows, columns = self._heights_m.shape
        c = np.clip((np.asarray(x_m) - self._west_m) / self._step_m, 0.0, columns - 1.001)
        r = np.clip((np.asarray(y_m) - self._south_m) / self._step_m, 0.0, rows - 1.001)
        left, low = c.astype(np.int64), r.astype(np.int64)
        u, v = c - left, r - low
        south = self._heights_m[low, left] * (1 - u) + self._heights_m[low, left + 1] * u
        north = self._heights_m[low + 1, left] * (1 - u) + self._heights_m[low + 1, left + 1] * u
        return np.asarray(south * (1 - v) + north * v)
