"""Chinese map datums against coordinates that were published elsewhere."""

from __future__ import annotations

import pytest

from airbeat.geo.coordinates import LatLon
from airbeat.geo.datums import MapDatum, from_wgs84, in_china_box, to_wgs84
from airbeat.geo.frame import distance_m


def test_lists_keep_their_order_and_length() -> None:
    places = [LatLon(lat_deg=30.0 + i, lon_deg=110.0 + i) for i in range(5)]
    moved = to_wgs84(places, MapDatum.GCJ02)
    assert len(moved) == 5
    assert all(distance_m(a, b) < 1000 for a, b in zip(places, moved, strict=True))
    assert to_wgs84([], MapDatum.BD09) == []


def test_the_box_is_the_published_one() -> None:
    assert in_china_box(LatLon(lat_deg=39.9, lon_deg=116.4))
    assert not in_china_box(LatLon(lat_deg=47.0, lon_deg=11.0))
    assert not in_china_box(LatLon(lat_deg=35.7, lon_deg=139.7))


@pytest.mark.parametrize("datum", list(MapDatum))
def test_labels_are_what_people_write(datum: MapDatum) -> None:
    assert datum.label.replace("-", "").lower() == datum.value


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
        ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
        ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
    ],
    ids=["Shanghai", "Shenzhen", "Beijing"],
)
def test_gcj02_agrees_with_the_pairs_that_eviltransform_tests_itself_with(
    wgs84: tuple[float, float], gcj02: tuple[float, float]
) -> None:
    true, shown = LatLon(lat_deg=wgs84[0], lon_deg=wgs84[1]), LatLon(lat_deg=gcj02[0], lon_deg=gcj02[1])
    assert distance_m(from_wgs84([true], MapDatum.GCJ02)[0], shown) < 0.5
    assert distance_m(to_wgs84([shown], MapDatum.GCJ02)[0], true) < 0.5


def test_bd09_lies_beyond_gcj02_by_the_known_shift() -> None:
    place = LatLon(lat_deg=39.908, lon_deg=116.3975)
    (gcj,) = from_wgs84([place], MapDatum.GCJ02)
    (bd,) = from_wgs84([place], MapDatum.BD09)
    assert bd.lat_deg - gcj.lat_deg == pytest.approx(0.006, abs=0.0005)
    assert bd.lon_deg - gcj.lon_deg == pytest.approx(0.0065, abs=0.0005)
