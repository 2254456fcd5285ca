"""Height of the EGM96 geoid ("mean sea level" of GPS receivers) above the WGS84 ellipsoid.

The grid is PROJ's (egm96_15); where it is not installed the height is unknown, and never taken for 0: PROJ
itself would then pass ellipsoidal heights through as if they were heights above the sea.
"""

from __future__ import annotations

import math
import warnings
from functools import cache
from typing import Any

from airbeat.geo.coordinates import LatLon

__all__ = ["geoid_height_m"]


@cache
def _transformer() -> Any | None:
    from pyproj.transformer import TransformerGroup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the grid is missing; None says so
        group = TransformerGroup("EPSG:4979", "EPSG:4326+5773", always_xy=True)
    return group.transformers[0] if group.best_available and group.transformers else None


def geoid_height_m(position: LatLon) -> float | None:
    """EGM96 geoid above the ellipsoid [m], -107…86; None where PROJ's grid is not installed."""
    transformer = _transformer()
    if transformer is None:
        return None
    height_m = -float(transformer.transform(position.lon_deg, position.lat_deg, 0.0)[2])
    return height_m if math.isfinite(height_m) and -120.0 < height_m < 100.0 else None
