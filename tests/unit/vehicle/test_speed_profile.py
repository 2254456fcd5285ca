"""The speed profile of a leg: continuous, within its limits, as short as they allow."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airbeat.vehicle.speed_profile import Limits, SpeedProfile

COPTER = Limits(speed_m_s=10.0, acceleration_m_s2=2.5, jerk_m_s3=1.0, snap_m_s4=math.pi / (2.0 * 0.15) * 0.5)


def test_a_long_leg_takes_its_length_over_the_speed_plus_one_ramp() -> None:
    """v/a + a/j + t_j: 4 s + 2.5 s + 0.3 s of ramp, and 300 m at 10 m/s."""
    profile = SpeedProfile(300.0, COPTER)
    assert profile.top_speed_m_s == 10.0
    assert profile.ramp_s == pytest.approx(6.8)
    assert profile.duration_s == pytest.approx(36.8)


def test_a_short_leg_is_flown_slower_than_the_limit() -> None:
    assert SpeedProfile(40.0, COPTER).top_speed_m_s < 7.5


def test_a_leg_of_no_length_is_over_at_once() -> None:
    profile = SpeedProfile(0.0, COPTER)
    assert profile.duration_s == 0.0
    assert profile.state(1.0) == (0.0, 0.0, 0.0)


@given(
    length_m=st.floats(0.05, 5000.0),
    speed=st.floats(0.2, 20.0),
    acceleration=st.floats(0.5, 5.0),
    jerk=st.floats(0.5, 20.0),
)
def test_position_speed_and_acceleration_are_continuous_and_within_limits(
    length_m: float, speed: float, acceleration: float, jerk: float
) -> None:
    limits = Limits(
        speed_m_s=speed, acceleration_m_s2=acceleration, jerk_m_s3=jerk, snap_m_s4=jerk * math.pi / 0.6
    )
    profile = SpeedProfile(length_m, limits)
    steps = 400
    dt = profile.duration_s / steps
    previous = profile.state(0.0)
    for i in range(1, steps + 1):
        now = profile.state(i * dt)
        assert now[1] <= speed * (1 + 1e-9)
        assert abs(now[2]) <= acceleration * (1 + 1e-9)
        assert abs(now[2] - previous[2]) <= jerk * dt * (1 + 1e-6) + 1e-9
        moved = now[0] - previous[0]
        assert abs(moved - (now[1] + previous[1]) / 2 * dt) <= jerk * dt**3 + 1e-9
        assert moved >= -1e-9
        previous = now
    assert previous[0] == pytest.approx(length_m)


@given(distance=st.floats(0.0, 300.0))
def test_the_time_at_a_distance_is_the_inverse_of_the_state(distance: float) -> None:
    profile = SpeedProfile(300.0, COPTER)
    assert profile.state(profile.time_at(distance))[0] == pytest.approx(distance, abs=1e-3)
