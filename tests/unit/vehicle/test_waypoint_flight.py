"""The time model: against flights that ArduCopter made, and against the navigator it shares rules with."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from airbeat.sim.vehicle.trajectory import LegNavigator, Target
from airbeat.vehicle.airframe import AIRFRAMES
from airbeat.vehicle.waypoint_flight import FlightStop, NavLimits, Vector, flight_time_s

QUAD = AIRFRAMES["arducopter-quad"]


def _time_s(*stops: FlightStop, speed_m_s: float) -> float:
    return flight_time_s(QUAD, stops, speed_m_s=speed_m_s)


def _lawnmower(legs: int, length_m: float, step_m: float, height_m: float) -> list[FlightStop]:
    rows = []
    for k in range(legs):
        for x in (0.0, length_m) if k % 2 == 0 else (length_m, 0.0):
            rows.append(FlightStop(place=(x, k * step_m, height_m)))
    return rows


def test_legs_take_what_arducopter_takes() -> None:
    """Measured on SITL 4.7-dev: 300 m legs 40 m apart at 10 m/s take 33 s, the side step 7 s."""
    two = _time_s(*_lawnmower(6, 300.0, 40.0, 50.0), speed_m_s=10.0)
    one = _time_s(*_lawnmower(4, 300.0, 40.0, 50.0), speed_m_s=10.0)
    way_home_s = (math.hypot(0.0, 200.0) - math.hypot(0.0, 120.0)) / 10.0
    assert two - one - way_home_s == pytest.approx(2 * (33.0 + 7.0), rel=0.03)


@pytest.mark.parametrize(
    ("stops", "speed_m_s", "flown_s"),
    [
        # Four points with holds round a school, one of them lower, and the return.
        (
            [
                ((-9.8, 159.0, 45.0), 60.0),
                ((152.0, 175.7, 45.0), 45.0),
                ((182.1, -7.8, 35.0), 30.0),
                ((46.6, -30.0, 45.0), 45.0),
            ],
            6.0,
            393.8,
        ),
        # Three points with holds over a river.
        (
            [
                ((-30.2, 133.4, 60.0), 20.0),
                ((22.7, -177.9, 60.0), 20.0),
                ((-68.0, -411.4, 60.0), 30.0),
            ],
            7.0,
            324.2,
        ),
    ],
)
def test_a_patrol_takes_what_arducopter_took(
    stops: list[tuple[Vector, float]], speed_m_s: float, flown_s: float
) -> None:
    """Flown on SITL 4.7.0-dev (76aed8f8), from leaving the ground to touching it, without wind."""
    planned = [FlightStop(place=place, hold_s=hold_s) for place, hold_s in stops]
    assert _time_s(*planned, speed_m_s=speed_m_s) == pytest.approx(flown_s, rel=0.03)


def test_corners_are_counted_as_the_embedded_vehicle_flies_them() -> None:
    places: list[Vector] = [(0, 0, 30), (80, 0, 30), (80, 20, 30), (10, 25, 30), (40, 60, 30), (130, 70, 30)]
    limits = NavLimits.of(QUAD, 8.0)
    navigator = LegNavigator(limits, Target(places[0]))
    flown_s, dt = 0.0, 0.02
    for n, place in enumerate(places[1:], start=1):
        navigator.set_destination(place, places[n + 1] if n + 1 < len(places) else None)
        while not navigator.reached:
            navigator.advance(dt, 1.0, place)
            flown_s += dt
    stops = [FlightStop(place=p) for p in places[1:]]
    still = [FlightStop(place=places[0], passes=False)]
    counted_s = _time_s(*still, *stops, speed_m_s=8.0) - _time_s(*still, stops[-1], speed_m_s=8.0)
    direct_s = 0.0
    navigator = LegNavigator(limits, Target(places[0]))
    navigator.set_destination(places[-1])
    while not navigator.reached:
        navigator.advance(dt, 1.0, places[-1])
        direct_s += dt
    assert counted_s == pytest.approx(flown_s - direct_s, abs=0.3)


def test_stopping_at_corners_takes_longer_than_rounding_them() -> None:
    rounded = _lawnmower(4, 100.0, 20.0, 40.0)
    stopping = [FlightStop(place=s.place, passes=False) for s in rounded]
    assert _time_s(*stopping, speed_m_s=8.0) > _time_s(*rounded, speed_m_s=8.0) + 5.0


def test_holds_heights_and_distances_all_cost_time() -> None:
    base = [FlightStop(place=(0.0, 100.0, 40.0)), FlightStop(place=(100.0, 100.0, 40.0))]
    time_s = _time_s(*base, speed_m_s=8.0)
    assert _time_s(
        base[0], FlightStop(place=(100.0, 100.0, 40.0), hold_s=30.0), speed_m_s=8.0
    ) == pytest.approx(time_s + 30.0)
    assert _time_s(*base, speed_m_s=5.0) > time_s
    higher = [FlightStop(place=(*s.place[:2], 70.0)) for s in base]
    assert _time_s(*higher, speed_m_s=8.0) == pytest.approx(time_s + 30.0 / 2.5 + 30.0 / 1.5)
    for a, b in pairwise((50.0, 100.0, 200.0)):
        near, far = (_time_s(FlightStop(place=(0.0, d, 40.0)), speed_m_s=8.0) for d in (a, b))
        assert far > near


def test_a_flight_without_waypoints_takes_no_time() -> None:
    assert _time_s(speed_m_s=8.0) == 0.0
