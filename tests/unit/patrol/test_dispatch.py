"""Who is at an incident first: drones by their ways and batteries, people on the ground by their distance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import shapely

from airbeat.errors import UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.mission.beat import Beat
from airbeat.mission.beatloader import parse_beat
from airbeat.mission.mission import Wind
from airbeat.patrol.dispatch import (
    ARM_S,
    DETOUR,
    DIVERT_S,
    Dispatcher,
    DroneState,
    GroundState,
    Incident,
    ring_of,
)

PAD = LatLon(lat_deg=47.2692, lon_deg=11.4041)
BEAT = """\
airbeat: 1
kind: patrol
name: Test
time_zone: UTC
launch:
  - name: pad
    lat: 47.2692
    lon: 11.4041
    drones: [{name: one, camera: embedded-12mp, airframe: arducopter-quad,
              height: {value_m: 40, datum: home}, speed_m_s: 8}]
fence:
  margin_m: 3
  inclusion:
    - polygon: [{lat: 47.2687, lon: 11.4030}, {lat: 47.2730, lon: 11.4030},
                {lat: 47.2730, lon: 11.4095}, {lat: 47.2687, lon: 11.4095}]
  exclusion:
    - polygon: [{lat: 47.2700, lon: 11.4050}, {lat: 47.2715, lon: 11.4050},
                {lat: 47.2715, lon: 11.4070}, {lat: 47.2700, lon: 11.4070}]
crowds:
  - name: square
    stand_off_m: 10
    outline: [{lat: 47.2705, lon: 11.4080}, {lat: 47.2709, lon: 11.4080}, {lat: 47.2709, lon: 11.4086},
              {lat: 47.2705, lon: 11.4086}]
beat:
  points: [{name: gate, lat: 47.2720, lon: 11.4045}]
"""
BEHIND = Incident(position=LatLon(lat_deg=47.2707, lon_deg=11.4083), kind="fight")
"""Behind the keep-out, seen from the pad."""
ON_PAD = DroneState(name="one", position=PAD)
ABOVE_PAD = DroneState(name="one", position=PAD, height_m=40.0, flying=True)


@pytest.fixture(scope="module")
def beat() -> Beat:
    return parse_beat(BEAT.encode(), name="beat.yaml", base_dir=Path())


def test_the_way_keeps_to_the_fence_and_out_of_keep_outs(beat: Beat) -> None:
    dispatcher = Dispatcher(beat)
    arrival = dispatcher.drone(BEHIND, ON_PAD)
    line = shapely.LineString(dispatcher.space.frame.to_xy(arrival.way))
    assert dispatcher.space.free.buffer(0.05).covers(line)
    assert len(arrival.way) > 2
    assert arrival.length_m > distance_m(PAD, BEHIND.position) - 25.0
    assert arrival.away_m == pytest.approx(20.0, abs=0.5)  # looks at it from half its height away


def test_a_drone_in_the_air_saves_the_climb_and_the_arming(beat: Beat) -> None:
    dispatcher = Dispatcher(beat)
    pad, air = (dispatcher.drone(BEHIND, s).arrival_s or 0.0 for s in (ON_PAD, ABOVE_PAD))
    climb_s = 40.0 / 2.5
    assert pad - air == pytest.approx(ARM_S - DIVERT_S + climb_s, abs=3.0)


def test_a_battery_that_is_changed_first_delays_the_drone(beat: Beat) -> None:
    dispatcher = Dispatcher(beat)
    soon = dispatcher.drone(BEHIND, ON_PAD).arrival_s
    later = dispatcher.drone(BEHIND, replace(ON_PAD, ready_s=90.0)).arrival_s
    assert later == pytest.approx((soon or 0.0) + 90.0)


def test_wind_against_the_way_delays_the_drone_and_costs_battery(beat: Beat) -> None:
    still = Dispatcher(beat).drone(BEHIND, ABOVE_PAD)
    east = Dispatcher(beat, wind=(12.0, 70.0)).drone(BEHIND, ABOVE_PAD)
    assert (east.arrival_s or 0.0) > (still.arrival_s or 0.0) + 3.0
    assert east.battery_share > still.battery_share
    windy = replace(beat, wind=Wind(from_deg=70.0, speed_m_s=12.0))
    assert Dispatcher(windy).drone(BEHIND, ABOVE_PAD).arrival_s == east.arrival_s
    storm = Dispatcher(beat, wind=(40.0, 70.0)).drone(BEHIND, ABOVE_PAD)
    assert storm.arrival_s is None
    assert "too strong" in storm.why_not


def test_a_low_battery_shortens_the_look_and_then_keeps_the_drone_away(beat: Beat) -> None:
    dispatcher = Dispatcher(beat)
    full = dispatcher.drone(BEHIND, ABOVE_PAD, look_s=600.0)
    assert full.look_s == 600.0
    low = dispatcher.drone(BEHIND, replace(ABOVE_PAD, battery_share=0.40), look_s=600.0)
    assert 60.0 < low.look_s < 600.0
    assert any("its battery carries a look of" in note for note in low.notes)
    assert low.battery_share == pytest.approx(0.40 - 0.25, abs=0.001)
    empty = dispatcher.drone(BEHIND, replace(ABOVE_PAD, battery_share=0.28), look_s=600.0)
    assert empty.arrival_s is None
    assert empty.why_not.startswith("battery: 28 %")


def test_an_incident_outside_the_fence_is_looked_at_from_inside_or_not_at_all(beat: Beat) -> None:
    near = Incident(position=LatLon(lat_deg=47.2735, lon_deg=11.4060))
    dispatcher = Dispatcher(beat)
    arrival = dispatcher.drone(near, ON_PAD)
    assert 50.0 < arrival.away_m < 65.0
    assert "looks from inside the fence" in arrival.notes
    far = Incident(position=LatLon(lat_deg=47.2800, lon_deg=11.4060))
    refused = dispatcher.drone(far, ON_PAD)
    assert refused.arrival_s is None
    assert "outside the fence" in refused.why_not


def test_a_crowd_is_looked_at_from_its_stand_off(beat: Beat) -> None:
    crowded = Dispatcher(beat, crowded=frozenset({"square"})).drone(BEHIND, ON_PAD)
    assert crowded.arrival_s is not None
    assert 20.0 < crowded.away_m < 45.0


def test_units_on_the_ground_are_ranked_beside_drones(beat: Beat) -> None:
    car = GroundState(name="car", position=BEHIND.position, speed_m_s=10.0)
    foot = GroundState(name="foot", position=PAD, speed_m_s=1.5, age_s=1200.0)
    ranked = Dispatcher(beat).rank(
        BEHIND, [ON_PAD, replace(ON_PAD, why_not="it is being repaired")], [car, foot]
    )
    assert [a.unit for a in ranked] == ["car", "one", "foot", "one"]
    assert ranked[-1].ring == "never"
    assert ranked[2].arrival_s == pytest.approx(DETOUR * distance_m(PAD, BEHIND.position) / 1.5)
    assert ranked[2].notes == ("its position is 20 min old",)
    assert ranked[2].bearing_deg == pytest.approx(62.0, abs=3.0)


@pytest.mark.parametrize(
    ("time_s", "ring"),
    [(60.0, "within 1 min"), (61.0, "within 3 min"), (300.0, "within 5 min"), (301.0, "after 5 min")],
)
def test_a_time_falls_in_its_ring(time_s: float, ring: str) -> None:
    assert ring_of(time_s) == ring


def test_a_drone_that_the_beat_does_not_have_is_refused(beat: Beat) -> None:
    with pytest.raises(UsageError, match="no drone 'nine' in this beat"):
        Dispatcher(beat).drone(BEHIND, replace(ON_PAD, name="nine"))
