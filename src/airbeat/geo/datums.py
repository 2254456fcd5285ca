"""Chinese map datums: GCJ-02 and BD-09 to WGS84 and back.

Chinese maps are drawn in GCJ-02 (Gaode/Amap, Tencent, Google's map of China) or BD-09 (Baidu), 50-700 m
away from WGS84. The formulas are the published reconstruction of the GCJ-02 offset on the Krassovsky 1940
ellipsoid ("eviltransform", 2013) and Baidu's polar shift of it; neither is an official specification.

Outside a bounding box round China the published rule applies no offset. The box is coarse: it also holds
places (Mongolia, parts of its neighbours) where maps are drawn in WGS84.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from airbeat.geo.coordinates import LatLon

__all__ = ["MapDatum", "from_wgs84", "in_china_box", "to_wgs84"]

_Array = npt.NDArray[np.float64]

_KRASSOVSKY_A_M = 6378245.0
_KRASSOVSKY_EE = 0.00669342162296594323
_BD_X_PI = math.pi * 3000.0 / 180.0
_BOX_LAT_DEG = (0.8293, 55.8271)
_BOX_LON_DEG = (72.004, 137.8347)
_MAX_STEPS = 50
_TOLERANCE_DEG = 1e-11
"""About a micrometre."""


class MapDatum(StrEnum):
    """What the coordinates of a mission file were read off."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"

    @property
    def label(self) -> str:
        """The name people write: WGS84, GCJ-02, BD-09."""
        return {"wgs84": "WGS84", "gcj02": "GCJ-02", "bd09": "BD-09"}[self.value]


def in_china_box(point: LatLon) -> bool:
    """Whether the published rule applies the Chinese offset at this WGS84 position."""
    return bool(_inside(np.array([[point.lat_deg, point.lon_deg]]))[0])


def to_wgs84(points: Sequence[LatLon], datum: MapDatum) -> list[LatLon]:
    """Positions read off a map of that datum, in WGS84.

    The forward formula is inverted by iteration, to within a micrometre of it. Where the result lies outside
    the China box the coordinates are returned as they are.
    """
    return _mapped(points, datum, _inverse)


def from_wgs84(points: Sequence[LatLon], datum: MapDatum) -> list[LatLon]:
    """WGS84 positions as a map of that datum shows them."""
    return _mapped(points, datum, lambda forward, array: forward(array))


def _mapped(
    points: Sequence[LatLon],
    datum: MapDatum,
    apply: Callable[[Callable[[_Array], _Array], _Array], _Array],
) -> list[LatLon]:
    if datum is MapDatum.WGS84 or not points:
        return list(points)
    forward = _gcj02_from_wgs84 if datum is MapDatum.GCJ02 else _bd09_from_wgs84
    source = np.array([[p.lat_deg, p.lon_deg] for p in points], dtype=float)
    moved = apply(forward, source)
    wgs84 = moved if apply is _inverse else source
    result = np.where(_inside(wgs84)[:, None], moved, source)
    return [LatLon(lat_deg=float(lat), lon_deg=float(lon)) for lat, lon in result]


def _inside(lat_lon: _Array) -> npt.NDArray[np.bool_]:
    lat, lon = lat_lon[:, 0], lat_lon[:, 1]
    inside: npt.NDArray[np.bool_] = (
        (lat >= _BOX_LAT_DEG[0])
        & (lat <= _BOX_LAT_DEG[1])
        & (lon >= _BOX_LON_DEG[0])
        & (lon <= _BOX_LON_DEG[1])
    )
    return inside


def _inverse(forward: Callable[[_Array], _Array], target: _Array) -> _Array:
    """Fixed-point iteration x ← x + (target − forward(x)); the offset's slope is below 0.01."""
    guess = target.copy()
    for _ in range(_MAX_STEPS):
        step = target - forward(guess)
        guess = guess + step
        guess[:, 0] = np.clip(guess[:, 0], -90.0, 90.0)
        guess[:, 1] = np.clip(guess[:, 1], -180.0, 180.0)
        if np.max(np.abs(step)) < _TOLERANCE_DEG:
            break
    return guess


def _wave(amplitude: float, u: _Array, period_factor: float) -> _Array:
    result: _Array = amplitude * np.sin(u * period_factor * math.pi)
    return result


def _gcj02_from_wgs84(lat_lon: _Array) -> _Array:
    lat, lon = lat_lon[:, 0], lat_lon[:, 1]
    x, y = lon - 105.0, lat - 35.0
    common = (_wave(20.0, x, 6.0) + _wave(20.0, x, 2.0)) * 2.0 / 3.0
    root = np.sqrt(np.abs(x))
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    d_lat = d_lat + (_wave(20.0, y, 1.0) + _wave(40.0, y, 1.0 / 3.0)) * 2.0 / 3.0
    d_lat = d_lat + (_wave(160.0, y, 1.0 / 12.0) + _wave(320.0, y, 1.0 / 30.0)) * 2.0 / 3.0
    d_lon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    d_lon = d_lon + (_wave(20.0, x, 1.0) + _wave(40.0, x, 1.0 / 3.0)) * 2.0 / 3.0
    d_lon = d_lon + (_wave(150.0, x, 1.0 / 12.0) + _wave(300.0, x, 1.0 / 30.0)) * 2.0 / 3.0
    phi = np.radians(lat)
    magic = 1.0 - _KRASSOVSKY_EE * np.sin(phi) ** 2
    d_lat = np.degrees(d_lat * magic * np.sqrt(magic) / (_KRASSOVSKY_A_M * (1.0 - _KRASSOVSKY_EE)))
    d_lon = np.degrees(d_lon * np.sqrt(magic) / (_KRASSOVSKY_A_M * np.maximum(np.cos(phi), 1e-6)))
    return np.column_stack([lat + d_lat, lon + d_lon])


def _bd09_from_wgs84(lat_lon: _Array) -> _Array:
    gcj = _gcj02_from_wgs84(lat_lon)
    lat, lon = gcj[:, 0], gcj[:, 1]
    z = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_X_PI)
    theta = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_X_PI)
    return np.column_stack([z * np.sin(theta) + 0.006, z * np.cos(theta) + 0.0065])
