"""The fleet tells of each vehicle what it last said, how old that is, and where it has flown."""

from __future__ import annotations

import json
import threading

import pytest
import shapely

from airbeat.console.fleet import STALE_S, Fleet, VehicleKind, VehicleState
from airbeat.geo.coordinates import LatLon
from airbeat.link.telemetry import Telemetry


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def fleet(clock):
    return Fleet(clock=clock)


def at(north_m, **more):
    place = LatLon(lat_deg=51.0 + north_m / 111_200, lon_deg=8.0)
    return VehicleState(kind=VehicleKind.EMBEDDED, position=place, **more)


def test_a_vehicle_is_shown_with_all_that_it_said(fleet):
    said = Telemetry(
        mode="AUTO",
        armed=True,
        position=LatLon(lat_deg=51.5, lon_deg=8.25),
        height_above_home_m=60.04,
        speed_m_s=8.04,
        heading_deg=271.4,
        mission_seq=7,
        mission_total=31,
        battery_share=0.625,
    )
    fleet.heard("D1", VehicleState.of(said, kind=VehicleKind.ARDUPILOT))
    (row,) = fleet.states()
    assert row == {
        "name": "D1",
        "kind": "ArduPilot",
        "lat_deg": 51.5,
        "lon_deg": 8.25,
        "height_above_home_m": 60.0,
        "heading_deg": 271.0,
        "speed_m_s": 8.0,
        "battery_percent": 62.0,
        "mode": "AUTO",
        "armed": True,
        "mission_item": 7,
        "mission_items": 31,
        "age_s": 0.0,
        "stale": False,
        "track": [[8.25, 51.5]],
    }


def test_what_was_not_said_is_none_and_a_nonsense_number_too(fleet):
    fleet.heard("D1", VehicleState(height_above_home_m=float("nan"), battery_share=float("inf")))
    (row,) = fleet.states()
    assert row["height_above_home_m"] is None
    assert row["battery_percent"] is None
    assert row["lat_deg"] is None
    assert row["track"] == []
    json.dumps(row, allow_nan=False)


def test_a_vehicle_that_fell_silent_is_stale_and_stays_where_it_was(fleet, clock):
    fleet.heard("D1", at(0))
    clock.now_s += STALE_S
    assert fleet.states()[0]["stale"] is False
    clock.now_s += 0.5
    (row,) = fleet.states()
    assert (row["stale"], row["age_s"], row["lat_deg"]) == (True, 3.5, 51.0)
    fleet.heard("D1", at(5))
    assert fleet.states()[0]["stale"] is False


def test_what_was_old_when_it_was_heard_is_as_old(fleet):
    fleet.heard("D1", at(0), age_s=60.0)
    assert (fleet.states()[0]["age_s"], fleet.states()[0]["stale"]) == (60.0, True)


def test_a_vehicle_that_is_expected_and_silent_is_shown_as_stale_without_an_age(fleet):
    fleet.expect("tcp:127.0.0.1:5760")
    (row,) = fleet.states()
    assert (row["age_s"], row["stale"], row["lat_deg"]) == (None, True, None)


def test_the_track_grows_by_metres_not_by_messages(fleet):
    for north_m in (0, 0.2, 0.4, 5, 5.1, 10):
        fleet.heard("D1", at(north_m))
    assert len(fleet.states()[0]["track"]) == 3
    assert "track" not in fleet.states(tracks=False)[0]


def test_a_long_track_is_thinned_and_keeps_both_ends(fleet):
    for number in range(9001):
        fleet.heard("D1", at(number * 4.0))
    track = fleet.states()[0]["track"]
    assert 1000 < len(track) <= 4001
    assert track[0] == [8.0, 51.0]
    assert track[-1][1] == pytest.approx(51.0 + 9000 * 4.0 / 111_200, abs=1e-4)
    assert track == sorted(track, key=lambda p: p[1])


def test_no_more_vehicles_are_taken_than_a_map_can_show(fleet):
    for number in range(60):
        fleet.heard(f"D{number}", at(0))
    assert len(fleet.states()) == 50


def test_footprints_of_a_flight_under_way_are_told_once_to_who_counts_them(fleet):
    for number in range(3):
        fleet.photographed("D1", shapely.box(8.0, 51.0 + number, 8.1, 51.1 + number))
    first = fleet.footprints()
    assert [f["properties"] for f in first] == [{"name": "D1", "number": n} for n in (1, 2, 3)]
    assert first[0]["geometry"]["type"] == "Polygon"
    assert [f["properties"]["number"] for f in fleet.footprints(after=2)] == [3]


def test_vehicles_are_heard_and_told_of_in_several_threads(fleet):
    def fly(name):
        for number in range(300):
            fleet.heard(name, at(2.0 * number))
            assert all("stale" in row for row in fleet.states())

    threads = [threading.Thread(target=fly, args=(f"D{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = fleet.states()
    assert [row["name"] for row in rows] == ["D0", "D1", "D2", "D3"]
    assert {len(row["track"]) for row in rows} == {300}
