"""Positions and altitudes that cannot be confused with one another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from airbeat.errors import GeometryError
from airbeat.language.words import Message

__all__ = ["Altitude", "AltitudeDatum", "LatLon"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatLon:
    """A WGS84 position.

    Attributes:
        lat_deg: latitude [degrees north, -90…90].
        lon_deg: longitude [degrees east, -180…180].

    Raises:
        GeometryError: not a number, or out of range.
    """

    lat_deg: float
    lon_deg: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lat_deg) and math.isfinite(self.lon_deg)):
            raise GeometryError(
                Message(
                    "position {lat_deg}, {lon_deg} is not a number",
                    lat_deg=self.lat_deg,
                    lon_deg=self.lon_deg,
                )
            )
        if not -90.0 <= self.lat_deg <= 90.0:
            raise GeometryError(
                Message("latitude {lat_deg} is outside -90…90", lat_deg=self.lat_deg),
                remedy="check that latitude and longitude are not swapped",
            )
        if not -180.0 <= self.lon_deg <= 180.0:
            raise GeometryError(Message("longitude {lon_deg} is outside -180…180", lon_deg=self.lon_deg))

    def __str__(self) -> str:
        return f"{self.lat_deg:.7f}, {self.lon_deg:.7f}"


class AltitudeDatum(StrEnum):
    """What a height is measured from."""

    HOME = "home"
    """Above the take-off place (MAVLink frame 3, QGC "relative")."""
    AMSL = "amsl"
    """Above mean sea level (MAVLink frame 0)."""
    AGL = "agl"
    """Above the ground right below (MAVLink frame 10, "terrain")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Altitude:
    """A height with the datum it is measured from.

    Attributes:
        value_m: height [m].
        datum: what it is measured from.
    """

    value_m: float
    datum: AltitudeDatum

    def __post_init__(self) -> None:
        if not math.isfinite(self.value_m):
            raise GeometryError(Message("height {value_m} is not a number", value_m=self.value_m))

    def __str__(self) -> str:
        return f"{self.value_m:g} m {self.datum.value}"
