"""The same seed flies the same flight, bit for bit; another one does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any


def _flight(desk: Any, mission: Any, seed: int, waits_s: float) -> tuple[list[Any], list[Any]]:
    station = desk(seed=seed, wind_m_s=7.0, wind_from_deg=80.0)
    station.run(waits_s)
    on = {"command": 206, "param1": 15.0, "param3": 1.0}
    station.fly([mission[0], on, station.way(0, 200), station.way(120, 200), {"command": 206}, mission[1]])
    track = [
        (round(p.flight_s, 6), p.position, p.height_above_home_m, p.speed_m_s, p.yaw_deg)
        for p in station.copter.track
        if p.flight_s > 0
    ]
    shots = [replace(s, time_s=0.0) for s in station.shots]
    return track, shots


def test_the_same_seed_flies_the_same_track_whenever_it_starts(
    desk: Any, take_off: Any, go_home: Any
) -> None:
    """Waiting is done in fifths of a second so that both tracks are sampled at the same flight times."""
    mission = (take_off, go_home)
    first, second = _flight(desk, mission, 7, 0.0), _flight(desk, mission, 7, 31.4)
    assert first == second
    assert len(first[1]) > 15


def test_another_seed_flies_another_track(desk: Any, take_off: Any, go_home: Any) -> None:
    mission = (take_off, go_home)
    first, second = _flight(desk, mission, 7, 0.0), _flight(desk, mission, 8, 0.0)
    assert first[0] != second[0]
    assert first[1] != second[1]
