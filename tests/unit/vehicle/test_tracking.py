"""How far changing drag pushes a vehicle off its line, against flights of ArduCopter SITL 4.7."""

from __future__ import annotations

import pytest

from airbeat.vehicle.airframe import AIRFRAMES
from airbeat.vehicle.tracking import pushed_off_m
from airbeat.vehicle.waypoint_flight import NavLimits, corner_points

QUAD = AIRFRAMES["arducopter-quad"]
TURNS = [
    ((0.0, 8.0), (8.0, 0.0)),
    ((8.0, 0.0), (0.0, -8.0)),
    ((0.0, -8.0), (-8.0, 0.0)),
    ((8.0, 0.0), (0.0, 0.0)),
]


@pytest.mark.parametrize(("wind_m_s", "measured_m"), [(0.0, 0.81), (8.0, 0.86), (12.0, 1.75)])
def test_the_bound_holds_what_ardupilot_did_and_is_not_idle(wind_m_s: float, measured_m: float) -> None:
    bound = max(pushed_off_m(QUAD, a, b, wind_to_m_s=(wind_m_s, 0.0)) for a, b in TURNS)
    assert measured_m <= bound < 2 * measured_m


def test_a_corner_is_cut_inside_and_by_less_than_the_waypoint_radius() -> None:
    limits = NavLimits.of(QUAD, 8.0)
    way = corner_points(
        (0.0, 0.0, 30.0), (0.0, 100.0, 30.0), (100.0, 100.0, 30.0), arriving=limits, leaving=limits
    )
    assert len(way) > 2
    assert all(x >= -1e-9 and y <= 100.0 + 1e-9 for x, y, _ in way)
    assert 0.3 < min(x**2 + (y - 100.0) ** 2 for x, y, _ in way) ** 0.5 < 2.0
