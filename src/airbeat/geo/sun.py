"""Where the sun stands, to decide whether a flight is by day, in twilight or at night."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message

__all__ = ["sun_altitude_deg"]

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def sun_altitude_deg(position: LatLon, when: datetime) -> float:
    """Height of the sun's middle above the horizon, without refraction [degrees].

    The low-precision formulas of the Astronomical Almanac (section C, "Sun"): 0.01° between 1950 and 2050.

    Args:
        position: the observer.
        when: a time with its time zone.

    Raises:
        GeometryError: the time has no time zone.
    """
    if when.tzinfo is None:
        raise GeometryError(
            Message("{isoformat} has no time zone", isoformat=when.isoformat()),
            remedy="add one, e.g. +02:00 or Z",
        )
    days = (when - _J2000).total_seconds() / 86400.0
    mean_longitude = math.radians(280.460 + 0.9856474 * days)
    anomaly = math.radians(357.528 + 0.9856003 * days)
    longitude = mean_longitude + math.radians(1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    obliquity = math.radians(23.439 - 4e-7 * days)
    ascension = math.atan2(math.cos(obliquity) * math.sin(longitude), math.cos(longitude))
    declination = math.asin(math.sin(obliquity) * math.sin(longitude))
    sidereal = math.radians(15.0 * (18.697374558 + 24.06570982441908 * days) + position.lon_deg)
    latitude = math.radians(position.lat_deg)
    sine = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(declination) * math.cos(
        sidereal - ascension
    )
    return math.degrees(math.asin(max(-1.0, min(1.0, sine))))
