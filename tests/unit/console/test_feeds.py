"""Who tells the fleet: flights that another program records, and vehicles by their addresses."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from airbeat.console.feeds import Feeds, named_addresses
from airbeat.console.fleet import Fleet
from airbeat.console.layers import MapLayers
from airbeat.errors import InputFileError, UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.link.observe import Sight
from airbeat.link.telemetry import PhotoTaken, PositionFix, Telemetry
from airbeat.mission.loader import load_mission
from airbeat.planning.plan import plan_mission
from airbeat.report.searched import read_search_results

MISSION = Path(__file__).parents[3] / "missions" / "demo-hillside.yaml"


def state(folder: Path, photos: int, *, outcome: str = "", age_s: float = 0.0) -> None:
    rows = [
        {"item": 3, "index": n, "time_us": n * 10**6, "lat_deg": 49.3945 + n * 1e-4, "lon_deg": 8.7308}
        | {"height_above_home_m": 70.0, "yaw_deg": 10.0}
        for n in range(photos)
    ]
    words = {"schema": "airbeat/flight-state/1", "plan_sha256": "0" * 64, "plan_name": "demo", "items": 35}
    words |= {"sortie": 1, "item": 3, "place": {"lat_deg": 49.395, "lon_deg": 8.731}, "photos": rows}
    path = folder / "state.json"
    path.write_text(json.dumps(words | {"outcome": outcome}))
    os.utime(path, (time.time() - age_s,) * 2)


def until(condition, timeout_s: float = 10.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, "it did not come to pass"
        time.sleep(0.02)


@pytest.fixture
def fleet():
    return Fleet()


@pytest.fixture
def fed(fleet, monkeypatch, tmp_path):
    """A folder in which a flight is recorded, and the fleet that is told of it."""
    monkeypatch.setattr("airbeat.console.feeds._LOOK_S", 0.05)
    folder = tmp_path / "sortie-1"
    folder.mkdir()
    survey = plan_mission(load_mission(MISSION)).survey
    feeds = Feeds(fleet, vehicles={}, folders=[folder], survey=survey)
    yield folder
    feeds.close()


def test_a_flight_that_another_program_records_is_shown_with_its_footprints(fleet, fed):
    assert fleet.states() == []
    state(fed, 2)
    until(lambda: len(fleet.footprints()) == 2)
    until(fleet.states)
    (row,) = fleet.states()
    assert (row["name"], row["kind"], row["mission_item"], row["mission_items"]) == (
        "sortie-1",
        "file",
        3,
        35,
    )
    assert (row["lat_deg"], row["stale"], row["battery_percent"]) == (49.395, False, None)
    state(fed, 5, age_s=-0.5)
    until(lambda: len(fleet.footprints()) == 5)
    ring = fleet.footprints()[0]["geometry"]["coordinates"][0]
    assert all(abs(lat - 49.3945) < 0.001 and abs(lon - 8.7308) < 0.001 for lon, lat in ring)


def test_a_flight_that_has_ended_is_no_vehicle_any_more(fleet, fed):
    state(fed, 1)
    until(fleet.states)
    state(fed, 1, outcome="completed", age_s=-0.5)
    until(lambda: not fleet.states())


def test_a_flight_whose_program_died_is_stale_and_a_very_old_one_is_not_shown(fleet, fed):
    state(fed, 1, age_s=120.0)
    until(fleet.states)
    assert fleet.states()[0]["stale"] is True
    state(fed, 1, age_s=7200.0)
    until(lambda: not fleet.states())


def test_a_state_that_is_damaged_changes_nothing(fleet, fed):
    (fed / "state.json").write_text('{"schema": "airbeat/flight-state/1", "items": 1e99')
    time.sleep(0.2)
    state(fed, 1)
    until(fleet.states)


def test_a_vehicle_is_heard_by_its_positions_and_before_it_has_any_by_its_word(fleet):
    told = Feeds(fleet, vehicles={}, folders=[], survey=None)._teller("D1")
    known = {"is_embedded": False, "is_ardupilot": True}
    told(Sight(now=Telemetry(mode="STABILIZE"), happened=(), **known))
    (row,) = fleet.states()
    assert (row["kind"], row["mode"], row["lat_deg"], row["stale"]) == ("ArduPilot", "STABILIZE", None, False)
    place = LatLon(lat_deg=51.0, lon_deg=8.0)
    fix = PositionFix(time_s=1, position=place, height_above_home_m=0, amsl_m=0, speed_m_s=0)
    told(Sight(now=Telemetry(mode="AUTO", position=place), happened=(fix,), **known))
    assert fleet.states()[0]["mode"] == "AUTO"
    told(Sight(now=Telemetry(mode="LAND", position=place), happened=(), **known))
    assert fleet.states()[0]["mode"] == "AUTO", "a position that is not told again grows old"


@pytest.mark.parametrize("height_m", [float("nan"), float("inf"), -50.0, 0.0])
def test_a_photograph_with_impossible_numbers_has_no_footprint_and_stops_nothing(fleet, height_m):
    survey = plan_mission(load_mission(MISSION)).survey
    told = Feeds(fleet, vehicles={}, folders=[], survey=survey)._teller("D1")
    place = LatLon(lat_deg=51.0, lon_deg=8.0)
    words = {"index": 1, "time_us": 1, "vehicle_time_s": 1.0, "position": place, "amsl_m": 200.0}
    photo = PhotoTaken(**words, height_above_home_m=height_m, roll_deg=0.0, pitch_deg=0.0, yaw_deg=0.0)
    told(Sight(now=Telemetry(), is_embedded=True, is_ardupilot=False, happened=(photo,)))
    assert fleet.footprints() == []
    assert len(fleet.states()) == 1


def test_vehicles_are_named_or_called_by_their_address():
    words = ["D1=tcp:10.0.0.7:5760", "udpin:0.0.0.0:14550"]
    assert named_addresses(words) == {"D1": "tcp:10.0.0.7:5760", "udpin:0.0.0.0:14550": "udpin:0.0.0.0:14550"}


@pytest.mark.parametrize(
    "words",
    [
        ["D1=tcp:a:1", "D1=tcp:b:1"],
        ["D1=tcp:a:1", "D2=tcp:a:1"],
        ["=tcp:a:1"],
        ["D1="],
        [""],
        ["a\nb=tcp:a:1"],
    ],
)
def test_vehicles_that_are_named_twice_or_not_at_all_are_refused(words):
    with pytest.raises(UsageError, match="--vehicle"):
        named_addresses(words)


def test_an_address_that_is_none_is_refused_before_anything_is_watched(fleet):
    with pytest.raises(UsageError, match="no vehicle address"):
        Feeds(fleet, vehicles={"D1": "tcp:127.0.0.1:1", "D2": "carrier pigeon"}, folders=[], survey=None)


def test_the_layers_are_made_again_when_a_flight_has_been_recorded(search_folder, tmp_path):
    results = read_search_results(search_folder(3) / "candidates.json")
    flight = tmp_path / "flight"
    flight.mkdir()
    layers = MapLayers(lambda: results, None, [flight])
    assert (layers.version(), layers()["flown"], layers.version()) == (1, [], 1)
    track = [[n, 51.0 + n * 1e-5, 8.0, 50.0, 450.0, 5.0] for n in range(4)]
    words = {"schema": "airbeat/flight/1", "plan": {"name": "x"}, "vehicle": {"name": "D1"}, "track": track}
    words |= {
        "outcome": "completed",
        "explanation": "",
        "takeoff_time_s": 0.0,
        "duration_s": 4.0,
        "events": [],
    }
    (flight / "flight.json").write_text(json.dumps(words))
    assert layers.version() == 2
    assert len(layers()["flown"][0]["geometry"]["coordinates"]) == 4
    (flight / "flight.json").write_text("{")
    with pytest.raises(InputFileError):
        layers.version()
