"""The vehicle's side of the item protocol, on simulation time, and what it says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from airbeat.errors import UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.link.dialect import mavlink
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.copter import BANNER, Copter

PLAIN = {
    "frame": 3,
    "current": 0,
    "autocontinue": 1,
    "param1": 0.0,
    "param2": 0.0,
    "param3": 0.0,
    "param4": 0.0,
    "x": 511800000,
    "y": 84900000,
    "z": 50.0,
}


def _item(seq: int, mission_type: int = 0, **fields: Any) -> Any:
    values = {**PLAIN, "command": 16, **fields}
    return mavlink.MAVLink_mission_item_int_message(1, 1, seq, mission_type=mission_type, **values)


def _kinds(messages: list[Any]) -> list[str]:
    return [m.get_type() for m in messages]


def test_it_says_that_it_is_not_ardupilot(desk: Any) -> None:
    """In a STATUSTEXT at connect and in AUTOPILOT_VERSION; the heartbeat claims compatibility only."""
    station = desk()
    assert station.texts()[0] == BANNER == "airbeat embedded vehicle, not ArduPilot"
    said = station.send(mavlink.MAVLink_command_long_message(1, 1, 512, 0, 148, 0, 0, 0, 0, 0, 0))
    version = next(m for m in said if m.get_type() == "AUTOPILOT_VERSION")
    assert bytes(version.flight_custom_version) == b"airbeat\0"
    assert version.capabilities & mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FENCE
    beats = [m for m in station.run(3.0) if m.get_type() == "HEARTBEAT"]
    assert len(beats) == 3
    assert beats[0].autopilot == mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA
    assert beats[0].type == mavlink.MAV_TYPE_QUADROTOR


def test_a_silent_upload_is_asked_for_again_each_second_and_given_up_after_eight(desk: Any) -> None:
    """Requests every 1 s; after 8 s OPERATION_CANCELLED and "Mission upload timeout"."""
    station = desk()
    first = station.send(mavlink.MAVLink_mission_count_message(1, 1, 3, 0))
    assert _kinds(first) == ["MISSION_REQUEST"]
    said = station.run(10.0)
    assert _kinds(said).count("MISSION_REQUEST") == 7
    acks = [m for m in said if m.get_type() == "MISSION_ACK"]
    assert [m.type for m in acks] == [mavlink.MAV_MISSION_OPERATION_CANCELLED]
    assert "Mission upload timeout" in station.texts()


def test_an_abandoned_upload_leaves_a_truncated_mission(desk: Any) -> None:
    """Missions are not atomic: MISSION_COUNT truncates, items are written in place."""
    station = desk()
    station.upload([{"command": 16}] + [{**PLAIN, "command": 16}] * 9)
    station.send(mavlink.MAVLink_mission_count_message(1, 1, 4, 0))
    station.run(10.0)
    assert station.copter.missions.count() == 4


def test_a_bad_fence_leaves_the_old_one(desk: Any) -> None:
    """Fences are buffered: an inconsistent set gets ERROR and changes nothing."""
    station = desk()
    circle = {**PLAIN, "command": 5003, "param1": 200.0, "frame": 0}
    corner = {**PLAIN, "command": 5001, "param1": 3.0, "frame": 0}
    assert station.upload([circle], 1) == mavlink.MAV_MISSION_ACCEPTED
    assert station.upload([corner, corner], 1) == mavlink.MAV_MISSION_ERROR
    assert [i.command for i in station.copter.fence.items] == [5003]


def test_nothing_can_be_stored_while_booting(booting: Any) -> None:
    """NO_SPACE and "Only 0 items are supported"; seq 0 is 0, 0, 0 before there is a home."""
    station = booting
    said = station.send(mavlink.MAVLink_mission_count_message(1, 1, 3, 0))
    assert [m.type for m in said if m.get_type() == "MISSION_ACK"] == [mavlink.MAV_MISSION_NO_SPACE]
    station.run(3.0)
    assert "Only 0 items are supported" in station.texts()
    home = station.send(mavlink.MAVLink_mission_request_int_message(1, 1, 0, 0))[0]
    assert (home.x, home.y, home.z) == (0, 0, 0)
    assert station.mode(4) == mavlink.MAV_RESULT_ACCEPTED
    assert station.command(400, 1) == mavlink.MAV_RESULT_FAILED
    station.run(3.0)
    assert "Arm: Need Position Estimate" in station.texts()
    home = station.send(mavlink.MAVLink_mission_request_int_message(1, 1, 0, 0))[0]
    assert (home.x, home.y) == (511800000, 84900000)


def test_a_reboot_keeps_parameters_and_mission_and_forgets_the_rest(desk: Any) -> None:
    """CAM1_TYPE takes effect at boot; a reboot drops a running upload."""
    station = desk(params={"CAM1_TYPE": 0})
    station.upload([{"command": 16}, {**PLAIN, "command": 16}])
    assert station.command(203, 0, 0, 0, 0, 1) == mavlink.MAV_RESULT_FAILED
    station.set_parameter("CAM1_TYPE", 1)
    assert station.command(203, 0, 0, 0, 0, 1) == mavlink.MAV_RESULT_FAILED
    station.send(mavlink.MAVLink_mission_count_message(1, 1, 3, 1))
    assert station.command(246, 1) == mavlink.MAV_RESULT_ACCEPTED
    assert station.copter.time_s == 0.0
    assert not station.copter.uploading
    station.run(6.0)
    assert station.copter.missions.count() == 2
    assert station.command(203, 0, 0, 0, 0, 1) == mavlink.MAV_RESULT_ACCEPTED


def test_parameters_are_listed_read_and_set_by_name(desk: Any) -> None:
    station = desk()
    station.send(mavlink.MAVLink_param_request_list_message(1, 1))
    values = [m for m in station.run(2.0) if m.get_type() == "PARAM_VALUE"]
    assert len(values) == values[0].param_count == len(station.copter.params)
    assert [m.param_index for m in values] == list(range(len(values)))
    said = station.send(mavlink.MAVLink_param_set_message(1, 1, b"WPNAV_SPEED", 850.0, 9))
    assert (said[0].param_value, said[0].param_index) == (850.0, 65535)
    said = station.send(mavlink.MAVLink_param_request_read_message(1, 1, b"WPNAV_SPEED", -1))
    assert said[0].param_value == 850.0
    assert station.send(mavlink.MAVLink_param_set_message(1, 1, b"NO_SUCH", 1.0, 9)) == []
    station.send(mavlink.MAVLink_param_set_message(1, 1, b"WPNAV_SPEED", float("nan"), 9))
    assert station.copter.params["WPNAV_SPEED"] == 850.0


def test_an_unknown_parameter_in_the_configuration_is_refused() -> None:
    with pytest.raises(UsageError, match="WPNAV_SPEEED"):
        Copter(VehicleConfig(home=LatLon(lat_deg=1.0, lon_deg=1.0), params={"WPNAV_SPEEED": 1.0}))


def test_streams_come_at_the_rate_asked_for(desk: Any) -> None:
    station = desk()
    assert not any(m.get_type() == "ATTITUDE" for m in station.run(2.0))
    assert station.command(511, 30, 100_000) == mavlink.MAV_RESULT_ACCEPTED
    assert sum(m.get_type() == "ATTITUDE" for m in station.run(10.0)) == 100
    station.send(mavlink.MAVLink_request_data_stream_message(1, 1, 0, 4, 1))
    kinds = _kinds(station.run(5.0))
    for kind in ("SYS_STATUS", "GLOBAL_POSITION_INT", "VFR_HUD", "BATTERY_STATUS", "MISSION_CURRENT"):
        assert kinds.count(kind) == 20, kind
    station.send(mavlink.MAVLink_request_data_stream_message(1, 1, 0, 4, 0))
    assert set(_kinds(station.run(2.0))) == {"HEARTBEAT"}


def test_timesync_and_ping_are_answered(desk: Any) -> None:
    station = desk()
    said = station.send(mavlink.MAVLink_timesync_message(0, 123456))
    assert said[0].ts1 == 123456
    assert said[0].tc1 > 0
    assert station.send(mavlink.MAVLink_ping_message(77, 5, 0, 0))[0].target_system == 255


def test_messages_for_other_systems_are_ignored(desk: Any) -> None:
    station = desk()
    assert station.send(mavlink.MAVLink_mission_request_list_message(2, 1, 0)) == []
    assert station.send(mavlink.MAVLink_mission_request_list_message(1, 50, 0)) == []
    assert _kinds(station.send(mavlink.MAVLink_mission_request_list_message(0, 0, 0))) == ["MISSION_COUNT"]


def test_an_idle_armed_vehicle_disarms_after_its_delay(desk: Any) -> None:
    """DISARM_DELAY 10 s."""
    station = desk()
    station.mode(4)
    station.command(400, 1)
    station.run(9.0)
    assert station.copter.armed
    station.run(2.0)
    assert not station.copter.armed
