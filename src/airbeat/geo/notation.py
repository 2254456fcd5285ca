"""How coordinates are written for people: decimal degrees, degrees and decimal minutes, MGRS."""

from __future__ import annotations

from functools import cache
from typing import Any

from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message

__all__ = ["decimal_degrees", "degrees_minutes", "mgrs_grid"]


@cache
def _converter() -> Any:
    import mgrs

    return mgrs.MGRS()


def decimal_degrees(position: LatLon) -> str:
    """Decimal degrees with six places (0.1 m), e.g. ``"51.180000, 8.490000"``."""
    return f"{position.lat_deg:.6f}, {position.lon_deg:.6f}"


def _minutes(value_deg: float, positive: str, negative: str, width: int) -> str:
    thousandths = round(abs(value_deg) * 60_000)
    degrees, rest = divmod(thousandths, 60_000)
    return f"{degrees:0{width}d}° {rest / 1000:06.3f}' {positive if value_deg >= 0 else negative}"


def degrees_minutes(position: LatLon) -> str:
    """Degrees and decimal minutes, as aircraft read them, e.g. ``"51° 10.800' N 008° 29.400' E"``."""
    return f"{_minutes(position.lat_deg, 'N', 'S', 2)} {_minutes(position.lon_deg, 'E', 'W', 3)}"


def mgrs_grid(position: LatLon, *, precision_m: int = 1) -> str:
    """MGRS/USNG grid reference as land teams read it, e.g. ``"32U MB 64354 69965"``.

    Args:
        precision_m: 1, 10, 100 or 1000: five to two digits for easting and northing each.

    Raises:
        ValueError: another precision.
    """
    digits = {1: 5, 10: 4, 100: 3, 1000: 2}.get(precision_m)
    if digits is None:
        raise ValueError(
            Message("precision_m: expected 1, 10, 100 or 1000, got {precision_m}", precision_m=precision_m)
        )
    text: str = _converter().toMGRS(position.lat_deg, position.lon_deg, MGRSPrecision=digits)
    grid, numbers = text[: -2 * digits], text[-2 * digits :]
    return f"{grid[:-2]} {grid[-2:]} {numbers[:digits]} {numbers[digits:]}".strip()
