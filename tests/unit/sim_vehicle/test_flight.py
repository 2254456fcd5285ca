"""The vehicle flies: legs, corners, photographs, return, wind, fence, battery, all on simulation time."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from airbeat.geo.frame import distance_m
from airbeat.link.dialect import mavlink
from airbeat.vehicle.airframe import AIRFRAMES
from airbeat.vehicle.waypoint_flight import FlightStop, flight_parts

QUAD = AIRFRAMES["arducopter-quad"]


def test_a_straight_leg_takes_what_the_trapezoid_says_plus_the_jerk(
    desk: Any, take_off: Any, go_home: Any
) -> None:
    """Stop to stop over 300 m at 10 m/s: L/v + v/a = 34 s, and 2.8 s for the limited jerk (WPNAV_JERK 1)."""
    station = desk()
    station.fly([take_off, station.way(0, 300, hold_s=1), go_home])
    times = station.reached_at()
    flown = times[2] - times[1] - 1.0
    assert flown == pytest.approx(QUAD.leg_time_s(300.0, 10.0) + 2.8, abs=0.8)


def test_corners_are_rounded_within_the_radius_and_not_flown_at_full_speed(
    desk: Any, take_off: Any, go_home: Any
) -> None:
    station = desk()
    station.fly([take_off, station.way(0, 200), station.way(200, 200), station.way(200, 0), go_home])
    corner = station.copter.latlon(0, 200)
    near = [p for p in station.copter.track if distance_m(p.position, corner) < 15.0]
    closest = min(distance_m(p.position, corner) for p in near)
    slowest = min(p.speed_m_s for p in near)
    assert 0.2 < closest < 2.5
    assert 1.0 < slowest < 6.0


@pytest.mark.parametrize("wind_m_s", [0.0, 6.0, 10.0])
def test_a_flight_draws_what_the_energy_model_says(
    desk: Any, take_off: Any, go_home: Any, wind_m_s: float
) -> None:
    """Wind from the north; the model has no gusts and the same wind at every height."""
    station = desk(params={"SIM_WIND_SPD": wind_m_s, "SIM_WIND_DIR": 0.0})
    station.fly([take_off, station.way(0, 400), station.way(300, 400), station.way(300, 0), go_home])
    height_m = station.way(0, 400)["z"]
    stops = [FlightStop(place=(x, y, height_m)) for x, y in ((0.0, 400.0), (300.0, 400.0), (300.0, 0.0))]
    parts = flight_parts(QUAD, stops, speed_m_s=10.0, wind_to_m_s=(0.0, -wind_m_s))
    modelled_wh = sum(p.energy_wh for p in parts)
    assert modelled_wh == pytest.approx(station.copter.guidance.battery.used_wh, rel=0.03)


def test_a_waypoint_with_a_delay_is_a_stop(desk: Any, take_off: Any, go_home: Any) -> None:
    station = desk()
    station.fly([take_off, station.way(0, 100, hold_s=5), station.way(0, 200), go_home])
    place = station.copter.latlon(0, 100)
    still = [p for p in station.copter.track if p.speed_m_s < 0.2 and distance_m(p.position, place) < 1.0]
    assert len(still) * 0.2 >= 4.5


def test_photographs_are_taken_every_trigger_distance_between_on_and_off(
    desk: Any, take_off: Any, go_home: Any
) -> None:
    """DO_SET_CAM_TRIGG_DIST 20 m, one at once, over a 400 m leg; off before RTL."""
    station = desk()
    on = {"command": 206, "param1": 20.0, "param3": 1.0}
    off = {"command": 206}
    station.fly([take_off, station.way(0, 50), on, station.way(0, 450, hold_s=1), off, go_home])
    assert 20 <= len(station.shots) <= 21
    gaps = [
        distance_m(a.position, b.position) for a, b in zip(station.shots, station.shots[1:], strict=False)
    ]
    assert min(gaps) >= 19.9
    assert max(gaps) <= 20.5
    assert [s.index for s in station.shots] == list(range(1, len(station.shots) + 1))
    feedback = [m for m in station.heard if m.get_type() == "CAMERA_FEEDBACK"]
    assert len(feedback) == len(station.shots)


def test_the_camera_looks_straight_down_and_its_yaw_follows_the_airframe(
    desk: Any, take_off: Any, go_home: Any
) -> None:
    station = desk(seed=5, wind_m_s=8.0, wind_from_deg=300.0)
    on = {"command": 206, "param1": 10.0}
    station.fly([take_off, on, station.way(300, 0), {"command": 206}, go_home])
    level = station.shots[3:-3]
    assert len(level) > 15
    assert all(abs(s.gimbal_pitch_deg + 90.0) < 1.5 and abs(s.gimbal_roll_deg) < 1.5 for s in level)
    assert all(abs(s.gimbal_yaw_deg - s.yaw_deg) < 0.01 for s in level)
    assert max(abs(s.roll_deg) + abs(s.pitch_deg) for s in level) > 2.0
    assert all(0.0 < distance_m(s.position, s.measured_position) < 5.0 for s in level)


@pytest.mark.parametrize("wind_m_s", [0.0, 9.0])
def test_return_ends_within_a_metre_of_home(desk: Any, take_off: Any, go_home: Any, wind_m_s: float) -> None:
    station = desk(wind_m_s=wind_m_s, wind_from_deg=250.0, seed=2)
    station.fly([take_off, station.way(150, 80), go_home])
    end = station.copter.track[-1]
    assert distance_m(end.position, station.copter.config.home) < 1.0
    assert end.height_above_home_m < 0.1
    assert station.texts()[-1] == "Disarming motors"


def test_wind_leans_the_airframe_and_costs_energy(desk: Any, take_off: Any, go_home: Any) -> None:
    used = []
    for wind in (0.0, 10.0):
        station = desk(wind_m_s=wind, wind_from_deg=0.0)
        station.fly([take_off, station.way(0, 300), go_home])
        used.append(station.copter.guidance.battery.used_wh)
    assert used[1] > used[0] * 1.01


def test_the_return_climbs_to_rtl_alt_and_goes_to_a_near_rally_point(
    desk: Any, take_off: Any, go_home: Any
) -> None:
    """RTL_ALT 80 m; a rally point within RALLY_LIMIT_KM is preferred to home."""
    station = desk(params={"RTL_ALT": 8000})
    x, y = station.place(120, 0)
    assert station.upload([{"command": 5100, "x": x, "y": y, "z": 20.0}], 2) == 0
    station.fly([take_off, station.way(200, 0), go_home])
    assert max(p.height_above_home_m for p in station.copter.track) == pytest.approx(80.0, abs=0.7)
    assert distance_m(station.copter.track[-1].position, station.copter.latlon(120, 0)) < 1.0


def test_a_rally_point_beyond_its_limit_is_ignored(desk: Any, take_off: Any, go_home: Any) -> None:
    station = desk(params={"RALLY_LIMIT_KM": 0.05})
    x, y = station.place(-200, 0)
    station.upload([{"command": 5100, "x": x, "y": y, "z": 20.0}], 2)
    station.fly([take_off, station.way(100, 0), go_home])
    assert distance_m(station.copter.track[-1].position, station.copter.config.home) < 1.0


@pytest.mark.parametrize(
    ("params", "words"),
    [({"FENCE_RADIUS": 150}, "Circle fence breached"), ({"FENCE_ALT_MAX": 40}, "Max Alt fence breached")],
)
def test_leaving_the_fence_ends_in_a_return(
    desk: Any, take_off: Any, go_home: Any, params: dict[str, float], words: str
) -> None:
    station = desk(params={"FENCE_ENABLE": 1, **params})
    station.fly([take_off, station.way(0, 400), go_home])
    assert words in station.texts()
    assert any(m.get_type() == "FENCE_STATUS" and m.breach_status for m in station.heard)
    assert station.copter.mode.name == "RTL"
    assert distance_m(station.copter.track[-1].position, station.copter.config.home) < 1.0
    assert max(distance_m(p.position, station.copter.config.home) for p in station.copter.track) < 180.0


def test_flying_into_an_exclusion_polygon_ends_in_a_return(desk: Any, take_off: Any, go_home: Any) -> None:
    station = desk(params={"FENCE_ENABLE": 1, "FENCE_TYPE": 4})
    corners = [station.place(*c) for c in ((-50, 150), (50, 150), (50, 250), (-50, 250))]
    fence = [{"command": 5002, "param1": 4.0, "x": x, "y": y, "frame": 0} for x, y in corners]
    assert station.upload(fence, 1) == mavlink.MAV_MISSION_ACCEPTED
    station.fly([take_off, station.way(0, 400), go_home])
    assert "Polygon fence breached" in station.texts()
    assert distance_m(station.copter.track[-1].position, station.copter.config.home) < 1.0


def test_more_than_100_m_outside_the_circle_the_vehicle_lands(desk: Any, take_off: Any, go_home: Any) -> None:
    """ArduCopter gives up returning when the breach is further than 100 m."""
    station = desk()
    station.upload([{"command": 16}, take_off, station.way(0, 400), go_home])
    station.start()
    station.run_until(lambda: station.copter.guidance.body.position[1] > 300.0)
    station.set_parameter("FENCE_RADIUS", 100)
    station.set_parameter("FENCE_ENABLE", 1)
    station.run_until(lambda: not station.copter.armed)
    assert station.copter.mode.name == "LAND"
    assert station.copter.guidance.body.position[1] > 250.0


def test_a_speed_change_takes_effect_on_the_leg(desk: Any, take_off: Any, go_home: Any) -> None:
    station = desk()
    slow = {"command": 178, "param1": 1.0, "param2": 4.0, "param3": -1.0}
    station.fly([take_off, slow, station.way(0, 150), station.way(0, 160), go_home])
    on_leg = [p.speed_m_s for p in station.copter.track if p.mission_item == 3]
    assert max(on_leg) == pytest.approx(4.0, abs=0.2)


def test_a_speed_change_in_the_middle_of_a_leg_is_smooth(desk: Any, take_off: Any, go_home: Any) -> None:
    station = desk()
    station.upload([{"command": 16}, take_off, station.way(0, 400), go_home])
    station.start()
    station.run_until(lambda: station.copter.guidance.body.position[1] > 100.0)
    assert station.command(178, 1, 5.0) == mavlink.MAV_RESULT_ACCEPTED
    station.run_until(lambda: station.copter.guidance.body.position[1] > 200.0)
    steady = [
        p for p in station.copter.track if 150 < distance_m(p.position, station.copter.config.home) < 200
    ]
    assert steady[-1].speed_m_s == pytest.approx(5.0, abs=0.2)
    speeds = [p.speed_m_s for p in station.copter.track]
    jumps = [abs(b - a) for a, b in itertools.pairwise(speeds)]
    assert max(jumps) < 1.2


def test_jumps_repeat_a_leg(desk: Any, take_off: Any, go_home: Any) -> None:
    station = desk()
    jump = {"command": 177, "param1": 2.0, "param2": 2.0}
    station.fly([take_off, station.way(0, 60), station.way(60, 60), jump, go_home])
    said = station.texts()
    assert said.count("Reached command #2") == 3
    assert "Mission: 4 Jump 2/2" in said


def test_a_condition_holds_back_the_commands_behind_it(desk: Any, take_off: Any, go_home: Any) -> None:
    """CONDITION_DISTANCE 100 m, then a photograph: it is taken 100 m before the waypoint."""
    station = desk()
    near, shoot = {"command": 114, "param1": 100.0}, {"command": 203, "x": 1}
    station.fly([take_off, station.way(0, 10), near, shoot, station.way(0, 300), go_home])
    assert len(station.shots) == 1
    assert distance_m(station.shots[0].position, station.copter.latlon(0, 300)) == pytest.approx(
        100.0, abs=1.0
    )


def test_a_region_of_interest_turns_nose_and_camera(desk: Any, take_off: Any, go_home: Any) -> None:
    station = desk()
    x, y = station.place(100, 100)
    look = {"command": 201, "x": x, "y": y, "z": 0.0}
    on = {"command": 206, "param1": 10.0}
    station.fly([take_off, station.way(0, 20), look, on, station.way(0, 180), {"command": 206}, go_home])
    for shot in station.shots[4:-1]:
        bearing = math.degrees(
            math.atan2(100.0 - 0.0, 100.0 - station.copter.frame.to_xy([shot.position])[0][1])
        )
        assert abs((shot.gimbal_yaw_deg - bearing + 180) % 360 - 180) < 3.0
        assert -70.0 < shot.gimbal_pitch_deg < -20.0


def test_guided_flies_to_a_place_and_lands_there(desk: Any) -> None:
    station = desk()
    station.mode(4)
    station.command(400, 1)
    assert station.command(22, 0, 0, 0, 0, 0, 0, 20.0) == mavlink.MAV_RESULT_ACCEPTED
    station.run_until(lambda: station.copter.guidance.takeoff_complete)
    x, y = station.place(40, 30)
    station.send(
        mavlink.MAVLink_set_position_target_global_int_message(
            0, 1, 1, 6, 0x0FF8, x, y, 25.0, 0, 0, 0, 0, 0, 0, 0, 0
        )
    )
    station.run_until(lambda: station.copter.guidance.reached)
    station.run(3.0)
    here = station.copter.guidance.body.position
    assert here == pytest.approx((40.0, 30.0, 25.0), abs=0.3)
    assert station.command(21) == mavlink.MAV_RESULT_ACCEPTED
    station.run_until(lambda: not station.copter.armed)
    assert station.copter.guidance.body.position[0] == pytest.approx(40.0, abs=0.3)


def test_brake_stops_within_a_few_seconds_and_auto_goes_on(desk: Any, take_off: Any, go_home: Any) -> None:
    station = desk()
    station.upload([{"command": 16}, take_off, station.way(0, 400), go_home])
    station.start()
    station.run_until(lambda: station.copter.guidance.body.position[1] > 150.0)
    station.mode(17)
    station.run(8.0)
    body = station.copter.guidance.body
    assert math.hypot(body.velocity[0], body.velocity[1]) < 0.1
    assert body.position[1] < 200.0
    station.mode(3)
    station.run_until(lambda: not station.copter.armed)
    assert "Reached command #2" in station.texts()


def test_an_empty_battery_ends_the_flight_where_it_is(desk: Any, take_off: Any, go_home: Any) -> None:
    station = desk()
    station.copter.guidance.battery.used_wh = QUAD.battery_wh * 0.94
    station.upload([{"command": 16}, take_off, station.way(0, 3000), station.way(0, 0), go_home])
    station.start()
    station.run_until(lambda: not station.copter.armed)
    assert station.copter.mode.name == "LAND"
    assert station.copter.guidance.battery.remaining_share == 0.0
    assert station.command(400, 1) == mavlink.MAV_RESULT_FAILED
    assert station.command(42651, 1, 100) == mavlink.MAV_RESULT_ACCEPTED
    assert station.command(400, 1) == mavlink.MAV_RESULT_FAILED  # LAND mode is not armable
    station.mode(4)
    assert station.command(400, 1) == mavlink.MAV_RESULT_ACCEPTED
