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
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely

from airbeat.errors import TerrainError
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.geo.terrain import Terrain, read_terrain
from airbeat.language.words import Message

__all__ = ["TerrainGround", "above_home", "terrain_for_frames", "terrain_ground"]

_MODEL_SIGMA_M = 2.0
"""Copernicus GLO-30: relative linear error below 2 m (slopes to 20 %) or 4 m (steeper) at 90 %, so σ 1.2 to
2.4 m (Copernicus DEM product handbook, 2022). Coarser models are worse; give their own value."""
_GPS_ALTITUDE_SIGMA_M = 8.0
"""Altitudes of receivers without RTK, and the few metres between geoids; judgement after the 10 to 30 m that
users of other programs report as errors on single flights."""
_RTK_ALTITUDE_SIGMA_M = 1.0
_RTK_SIGMA_M = 0.5
_DRIFT_M = 10.0
_RELIEF_M = 100.0
_NEAREST_M, _FARTHEST_M = 300.0, 5000.0


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
                Message("the model has no height at the take-off place {home}", home=home),
                where=terrain.name,
                remedy="add the tile that holds it",
            )
        by_altitude = any(f.height_above_home_m is None and f.amsl_m is not None for f in frames)
        return TerrainGround(
            terrain=terrain,
            home_height_m=height,
            sigma_m=math.hypot(model_sigma_m, _GPS_ALTITUDE_SIGMA_M) if by_altitude else model_sigma_m,
            source=f"the model's {height:.1f} m at the take-off place",
        )
    known = [
        (f.amsl_m - f.height_above_home_m, f.height_sigma_m)
        for f in frames
        if f.amsl_m is not None and f.height_above_home_m is not None
    ]
    if not known:
        raise TerrainError(
            "the height of the take-off place is not known: no photograph says both its height above it and"
            " its altitude above sea level",
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


def above_home(frames: Sequence[FrameMeta], ground: TerrainGround) -> list[FrameMeta]:
    """Photographs with their heights above home where they say only their altitude above sea level.

    So the geotags of ArduPilot's and PX4's ground stations do. The height is as wrong as that altitude is.
    """
    done = []
    for frame in frames:
        if frame.height_above_home_m is None and frame.amsl_m is not None:
            height_m = frame.amsl_m - ground.home_height_m
            said = (
                f"the height above home, {height_m:.1f} m, is the altitude above sea level less the take-off"
                f" place's in {ground.terrain.name}, ±{_GPS_ALTITUDE_SIGMA_M:.0f} m"
            )
            frame = replace(frame, height_above_home_m=height_m, findings=(*frame.findings, said))
        done.append(frame)
    return done


def terrain_for_frames(
    paths: Sequence[Path], frames: Sequence[FrameMeta], *, home: LatLon | None = None
) -> TerrainGround:
    """Read the height model of what the photographs of one flight may show, ready to be located on.

    Args:
        paths: HGT tiles and GeoTIFF files.
        frames: the flight's photographs.
        home: the take-off place, if it is known.

    Raises:
        TerrainError: a file cannot be read or has no heights there, no photograph has a position, or home's
            height is not known.
    """
    terrain = read_terrain(paths, _bounds_deg(paths, frames, home))
    return terrain_ground(terrain, frames, home=home)


def _bounds_deg(
    paths: Sequence[Path], frames: Sequence[FrameMeta], home: LatLon | None
) -> tuple[float, float, float, float]:
    """West, south, east, north of all cameras, home, and as far around as a photograph may look."""
    places = [f.position for f in frames if f.position is not None]
    if not places:
        raise TerrainError(
            "no photograph says where it was taken",
            where=", ".join(path.name for path in paths),
            remedy="give their telemetry",
        )
    places += [home] if home is not None else []
    points = shapely.MultiPoint([(p.lon_deg, p.lat_deg) for p in places])
    frame = LocalFrame.around(points)
    xy = frame.to_xy(places)
    reach_m = max(_reach_m(f) for f in frames)
    low, high = xy.min(axis=0) - reach_m, xy.max(axis=0) + reach_m
    corners = frame.to_latlon([low, (low[0], high[1]), high, (high[0], low[1])])
    return (
        corners[0].lon_deg if abs(corners[0].lat_deg) > abs(corners[1].lat_deg) else corners[1].lon_deg,
        min(c.lat_deg for c in corners),
        corners[3].lon_deg if abs(corners[3].lat_deg) > abs(corners[2].lat_deg) else corners[2].lon_deg,
        max(c.lat_deg for c in corners),
    )


def _reach_m(meta: FrameMeta) -> float:
    """How far away a photograph may show ground that is worth locating, generously [m]."""
    height_m = max(meta.height_above_home_m or 0.0, 0.0) + _RELIEF_M
    pitch = -90.0 if meta.gimbal_pitch_deg is None else meta.gimbal_pitch_deg
    half_view = 45.0
    if meta.focal_length_px is not None:
        half_view = math.degrees(
            math.atan(math.hypot(meta.width_px, meta.height_px) / 2 / meta.focal_length_px)
        )
    highest = pitch + half_view  # as high as the picture looks, above the horizon
    if highest > -2.0:
        return _FARTHEST_M
    below = math.radians(min(-highest, 89.0))
    return float(np.clip(height_m / math.tan(below), _NEAREST_M, _FARTHEST_M))
