"""A place on the command line: LAT,LON."""

from __future__ import annotations

import click

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon

__all__ = ["LAT_LON"]


class _LatLonType(click.ParamType[LatLon]):
    name = "LAT,LON"

    def convert(
        self, value: str | LatLon, param: click.Parameter | None, ctx: click.Context | None
    ) -> LatLon:
        if isinstance(value, LatLon):
            return value
        parts = value.split(",")
        try:
            lat, lon = (float(p) for p in parts)
            return LatLon(lat_deg=lat, lon_deg=lon)
        except GeometryError as error:
            self.fail(str(error), param, ctx)
        except ValueError:
            self.fail(f"{value!r} is not LAT,LON in degrees, e.g. 51.1800,8.4900", param, ctx)


LAT_LON = _LatLonType()
"""click type: "51.18,8.49" to a WGS84 position."""
