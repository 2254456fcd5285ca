"""Chinese map datums: there and back, and against independently published pairs of coordinates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airbeat.geo.coordinates import LatLon
from airbeat.geo.datums import MapDatum, from_wgs84, in_china_box, to_wgs84
from airbeat.geo.frame import distance_m

CHINESE = [MapDatum.GCJ02, MapDatum.BD09]
IN_CHINA = st.builds(
    lambda lat, lon: LatLon(lat_deg=lat, lon_deg=lon), st.floats(18, 53.5), st.floats(74, 134)
)
ANYWHERE = st.builds(
    lambda lat, lon: LatLon(lat_deg=lat, lon_deg=lon), st.floats(-90, 90), st.floats(-180, 180)
)


@pytest.mark.parametrize("datum", CHINESE)
@given(place=IN_CHINA)
def test_there_and_back_ends_within_a_millimetre(datum: MapDatum, place: LatLon) -> None:
    (shown,) = from_wgs84([place], datum)
    (back,) = to_wgs84([shown], datum)
    assert distance_m(place, back) < 0.001


@pytest.mark.parametrize(("datum", "most_m"), [(MapDatum.GCJ02, 1000.0), (MapDatum.BD09, 2500.0)])
@given(place=IN_CHINA)
def test_inside_china_the_map_is_tens_to_some_hundred_metres_off(
    datum: MapDatum, most_m: float, place: LatLon
) -> None:
    (shown,) = from_wgs84([place], datum)
    assert 10.0 < distance_m(place, shown) < most_m


@pytest.mark.parametrize("datum", CHINESE)
@given(place=ANYWHERE)
def test_outside_the_box_nothing_moves_and_nothing_fails_anywhere(datum: MapDatum, place: LatLon) -> None:
    (converted,) = to_wgs84([place], datum)
    if not in_china_box(converted):
        assert converted == place


@given(place=ANYWHERE)
def test_wgs84_is_left_alone(place: LatLon) -> None:
    assert to_wgs84([place], MapDatum.WGS84) == [place]
