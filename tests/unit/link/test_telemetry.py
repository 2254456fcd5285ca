"""Messages become one state, events and photographs."""

from __future__ import annotations

from typing import Any

import pytest

from airbeat.link.dialect import mavlink
from airbeat.link.requests import CommandMachine, ParameterReadMachine, ParameterSetMachine
from airbeat.link.telemetry import EventKind, PhotoTaken, PositionFix, StatusTextAssembler, TelemetryReader
from airbeat.link.transfer import Peer

PEER = Peer(system=1, component=1, own_system=255, own_component=190)


def _heartbeat(mode: int, *, armed: bool) -> Any:
    base = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | (mavlink.MAV_MODE_FLAG_SAFETY_ARMED if armed else 0)
    return mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_QUADROTOR, 3, base, mode, 4, 3)


def _position(time_s: float, lat_deg: float = 51.18) -> Any:
    return mavlink.MAVLink_global_position_int_message(
        round(time_s * 1000), round(lat_deg * 1e7), 84900000, 450000, 50000, 300, 400, -100, 9000
    )


def _text(text: str, *, number: int = 0, chunk: int = 0) -> Any:
    message = mavlink.MAVLink_statustext_message(4, text.encode(), number, chunk)
    return mavlink.MAVLink(None).parse_buffer(message.pack(mavlink.MAVLink(None)))[0]


def test_position_and_speed_are_read_with_their_units() -> None:
    reader = TelemetryReader()
    (fix,) = reader.take(_position(12.5), 0.0)
    assert isinstance(fix, PositionFix)
    now = reader.now
    assert now.position is not None
    assert (now.time_s, now.position.lat_deg, now.height_above_home_m, now.amsl_m) == (
        12.5,
        51.18,
        50.0,
        450.0,
    )
    assert (now.speed_m_s, now.climb_m_s, now.heading_deg) == (5.0, 1.0, 90.0)


def test_a_fix_carries_what_the_landing_detector_had_said_before_it() -> None:
    reader = TelemetryReader()
    said = []
    for state in (None, mavlink.MAV_LANDED_STATE_IN_AIR, mavlink.MAV_LANDED_STATE_ON_GROUND):
        if state is not None:
            reader.take(mavlink.MAVLink_extended_sys_state_message(0, state), 0.0)
        (fix,) = reader.take(_position(1.0), 0.0)
        assert isinstance(fix, PositionFix)
        said.append(fix.landed)
    assert said == [None, False, True]


def test_a_position_of_zero_is_no_position() -> None:
    reader = TelemetryReader()
    message = _position(1.0)
    message.lat = message.lon = 0
    assert reader.take(message, 0.0) == []
    assert reader.now.position is None


def test_modes_and_arming_are_events_only_when_they_change() -> None:
    reader = TelemetryReader()
    kinds = []
    for mode, armed in ((4, False), (4, False), (4, True), (3, True), (3, False)):
        kinds += [(e.kind, e.text) for e in reader.take(_heartbeat(mode, armed=armed), 0.0)]
    assert kinds == [
        (EventKind.MODE, "GUIDED"),
        (EventKind.ARMED, "armed"),
        (EventKind.MODE, "AUTO"),
        (EventKind.DISARMED, "disarmed"),
    ]


def test_a_clock_that_goes_back_is_a_restart_but_a_late_message_is_not() -> None:
    reader = TelemetryReader()
    reader.take(_position(100.0), 0.0)
    assert not any(getattr(e, "kind", None) is EventKind.REBOOT for e in reader.take(_position(99.5), 0.0))
    assert reader.now.time_s == 100.0
    assert any(getattr(e, "kind", None) is EventKind.REBOOT for e in reader.take(_position(2.0), 0.0))
    assert reader.now.time_s == 2.0


def test_a_photograph_is_reported_once_however_often_it_is_sent() -> None:
    reader = TelemetryReader()
    message = mavlink.MAVLink_camera_feedback_message(
        5_000_000, 1, 0, 7, 511800000, 84900000, 450.0, 50.0, 1.0, -2.0, 90.0, 0.0, 0, 7
    )
    (photo,) = reader.take(message, 0.0)
    assert isinstance(photo, PhotoTaken)
    assert (photo.index, photo.height_above_home_m, photo.yaw_deg) == (7, 50.0, 90.0)
    assert reader.take(message, 0.0) == []


def test_long_status_texts_are_put_together_in_any_order() -> None:
    whole = "PreArm: " + "x" * 60
    texts = StatusTextAssembler()
    assert texts.take(_text(whole[50:], number=9, chunk=1), 0.0) == []
    assert texts.take(_text(whole[:50], number=9, chunk=0), 0.1) == [(4, whole)]


def test_a_status_text_with_a_lost_chunk_is_shown_with_its_gap() -> None:
    texts = StatusTextAssembler()
    assert texts.take(_text("end", number=3, chunk=1), 0.0) == []
    assert texts.flush(10.0) == [(4, "…end")]
    assert texts.take(_text("a" * 50, number=4, chunk=0), 20.0) == []
    assert texts.flush(30.0) == [(4, "a" * 50 + "…")]


def _ack(command: int, result: int, *, system: int = 255) -> Any:
    return mavlink.MAVLink_command_ack_message(command, result, 0, 0, system, 190)


def test_a_command_is_sent_again_until_it_is_answered() -> None:
    machine = CommandMachine(PEER, 400, [1.0])
    assert machine.start(0.0)[0].confirmation == 0
    assert machine.on_message(_ack(300, 0), 0.1) == []
    assert machine.on_message(_ack(400, 0, system=254), 0.1) == []
    assert machine.on_time(1.1)[0].confirmation == 1
    machine.on_message(_ack(400, mavlink.MAV_RESULT_IN_PROGRESS), 1.2)
    assert machine.on_time(5.0) == []
    machine.on_message(_ack(400, mavlink.MAV_RESULT_FAILED), 6.0)
    assert machine.result is not None
    assert (machine.result.accepted, machine.result.result) == (False, "FAILED")


def test_a_command_without_any_answer_says_so() -> None:
    machine = CommandMachine(PEER, 400, [], tries=2)
    machine.start(0.0)
    machine.on_time(1.1)
    machine.on_time(2.2)
    assert machine.result is not None
    assert machine.result.result == "NO_ANSWER"


def _value(name: str, value: float) -> Any:
    message = mavlink.MAVLink_param_value_message(name.encode(), value, 9, 100, 1)
    return mavlink.MAVLink(None).parse_buffer(message.pack(mavlink.MAVLink(None)))[0]


def test_parameters_are_read_and_missing_ones_left_out() -> None:
    machine = ParameterReadMachine(PEER, ["RTL_ALT", "NONSENSE"])
    assert len(machine.start(0.0)) == 2
    machine.on_message(_value("OTHER", 5.0), 0.1)
    machine.on_message(_value("RTL_ALT", 1500.0), 0.1)
    now_s = 0.1
    while not machine.done:
        now_s += 0.5
        machine.on_time(now_s)
        assert now_s < 30
    assert machine.values == {"RTL_ALT": 1500.0}


@pytest.mark.parametrize(("held", "done"), [(0.1, True), (7.0, False)])
def test_setting_a_parameter_is_done_only_when_the_vehicle_says_its_value(held: float, done: bool) -> None:
    machine = ParameterSetMachine(PEER, "X", 0.1)
    machine.start(0.0)
    machine.on_message(_value("X", held), 0.1)
    assert machine.done is done
