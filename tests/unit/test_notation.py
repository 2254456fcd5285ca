"""Coordinates written for people, against pyproj's own UTM."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Proj

from airbeat.geo.coordinates import LatLon
from airbeat.geo.notation import decimal_degrees, degrees_minutes, mgrs_grid


@pytest.mark.parametrize(
    ("lat", "lon", "text"),
    [
        (51.18, 8.49, "51° 10.800' N 008° 29.400' E"),
        (-33.85, 151.2, "33° 51.000' S 151° 12.000' E"),
        (59.9999999, -0.00001, "60° 00.000' N 000° 00.001' W"),
    ],
)
def test_minutes_are_written_as_aircraft_read_them(lat: float, lon: float, text: str) -> None:
    assert degrees_minutes(LatLon(lat_deg=lat, lon_deg=lon)) == text


def test_decimal_degrees_have_six_places() -> None:
    assert decimal_degrees(LatLon(lat_deg=51.18, lon_deg=-8.5)) == "51.180000, -8.500000"


@given(st.floats(40, 50), st.floats(6.01, 11.99))
def test_mgrs_digits_are_the_utm_metres_of_pyproj(lat: float, lon: float) -> None:
    east, north = Proj(proj="utm", zone=32, ellps="WGS84")(lon, lat)
    grid = mgrs_grid(LatLon(lat_deg=lat, lon_deg=lon)).split()
    for digits, metres in zip(grid[2:], (east, north), strict=True):
        assert min(abs(int(digits) - metres % 100_000), abs(int(digits) + 100_000 - metres % 100_000)) < 2.0


def test_eight_digits_are_ten_metres() -> None:
    assert mgrs_grid(LatLon(lat_deg=51.18, lon_deg=8.49), precision_m=10) == "32U MB 6435 6996"
    with pytest.raises(ValueError, match="expected 1, 10, 100 or 1000"):
        mgrs_grid(LatLon(lat_deg=51.18, lon_deg=8.49), precision_m=7)
