"""Ground from a height model, seen from a height above home: which needs home's height in the model.

A photograph says how high above the take-off place it was taken; a model says how high the ground is above
its sea level. What joins them is the height of the take-off place in the model's own terms. It is best read
from the model itself at the take-off place: then neither the geoid nor the GPS's altitude matters, only
differences within the model. Without the place, the photographs' altitudes above sea level less their
heights above home give it, as wrong as those altitudes are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from airbeat.errors import TerrainError
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.terrain import Terrain

__all__ = ["TerrainGround", "terrain_ground"]

_MODEL_SIGMA_M = 2.0
"""Copernicus GLO-30: relative linear error below 2 m (slopes to 20 %) or 4 m (steeper) at 90 %, so σ 1.2 to
2.4 m (Copernicus DEM product handbook, 2022). Coarser models are worse; give their own value."""
_GPS_ALTITUDE_SIGMA_M = 8.0
"""Altitudes of receivers without RTK, and the few metres between geoids; judgement after the 10 to 30 m that
users of other programs report as errors on single flights."""
_RTK_ALTITUDE_SIGMA_M = 1.0
_RTK_SIGMA_M = 0.5
_DRIFT_M = 10.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TerrainGround:
    """A height model and where home is in it.

    Attributes:
        terrain: the model.
        home_height_m: height of the take-off place in the model [m above its sea level].
        sigma_m: one standard deviation of the ground's height against home's: the model's and home's [m].
        source: how home's height is known, in words.
    """

    terrain: Terrain
    home_height_m: float
    sigma_m: float = _MODEL_SIGMA_M
    source: str = "given by hand"

    def height_above_home_m(self, position: LatLon) -> float:
        """Height of the ground at a place above home [m]; NaN where the model has none."""
        return float(self.terrain.heights_m(position.lon_deg, position.lat_deg)[0]) - self.home_height_m


def terrain_ground(
    terrain: Terrain,
    frames: Sequence[FrameMeta],
    *,
    home: LatLon | None = None,
    model_sigma_m: float = _MODEL_SIGMA_M,
) -> TerrainGround:
    """A height model made ready for the photographs of one flight.

    Args:
        terrain: the model of the neighbourhood.
        frames: the flight's photographs.
        home: the take-off place, if it is known.
        model_sigma_m: one standard deviation of the difference of two of the model's heights [m].

    Raises:
        TerrainError: the model has no height at home, or neither home nor altitudes are known.
    """
    if home is not None:
        height = float(terrain.heights_m(home.lon_deg, home.lat_deg)[0])
        if not math.isfinite(height):
            raise TerrainError(
                f"the model has no height at the take-off place {home}",
                where=terrain.name,
                remedy="add the tile that holds it",
            )
        return TerrainGround(
            terrain=terrain,
            home_height_m=height,
            sigma_m=model_sigma_m,
            source=f"the model's {height:.1f} m at the take-off place",
        )
    known = [
        (f.amsl_m - f.height_above_home_m, f.height_sigma_m)
        for f in frames
        if f.amsl_m is not None and f.height_above_home_m is not None
    ]
    if not known:
        raise TerrainError(
            "the height of the take-off place is not known: the photographs have no altitude above sea level",
            where=terrain.name,
            remedy="give the take-off place (--home LAT,LON)",
        )
    heights = np.array([height for height, _ in known])
    fine = all(sigma is not None and sigma < _RTK_SIGMA_M for _, sigma in known)
    altitude_sigma_m = _RTK_ALTITUDE_SIGMA_M if fine else _GPS_ALTITUDE_SIGMA_M
    middle = float(np.median(heights))
    spread = float(np.max(np.abs(heights - middle)))
    if spread > _DRIFT_M:
        altitude_sigma_m = math.hypot(altitude_sigma_m, spread / 2)
    return TerrainGround(
        terrain=terrain,
        home_height_m=middle,
        sigma_m=math.hypot(model_sigma_m, altitude_sigma_m),
        source=f"the photographs' altitudes above sea level, ±{altitude_sigma_m:.0f} m: {middle:.1f} m",
    )
