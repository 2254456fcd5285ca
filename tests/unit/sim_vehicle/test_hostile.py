"""Anything may arrive: any field values, any bytes. The vehicle goes on."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from airbeat.geo.coordinates import LatLon
from airbeat.link.dialect import mavlink
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.copter import Copter
from airbeat.sim.vehicle.server import EmbeddedVehicle

CONFIG = VehicleConfig(home=LatLon(lat_deg=51.18, lon_deg=8.49), boot_s=0.0, ready_s=0.0, speedup=50.0)

MESSAGES = [
    mavlink.MAVLink_mission_count_message,
    mavlink.MAVLink_mission_item_int_message,
    mavlink.MAVLink_mission_item_message,
    mavlink.MAVLink_mission_request_int_message,
    mavlink.MAVLink_mission_request_message,
    mavlink.MAVLink_mission_request_list_message,
    mavlink.MAVLink_mission_clear_all_message,
    mavlink.MAVLink_mission_set_current_message,
    mavlink.MAVLink_mission_write_partial_list_message,
    mavlink.MAVLink_command_long_message,
    mavlink.MAVLink_command_int_message,
    mavlink.MAVLink_set_mode_message,
    mavlink.MAVLink_set_position_target_global_int_message,
    mavlink.MAVLink_request_data_stream_message,
    mavlink.MAVLink_param_request_read_message,
    mavlink.MAVLink_param_set_message,
    mavlink.MAVLink_timesync_message,
    mavlink.MAVLink_ping_message,
    mavlink.MAVLink_heartbeat_message,
]

INTEGERS = {
    "uint8_t": (0, 255),
    "int8_t": (-128, 127),
    "uint16_t": (0, 65535),
    "int16_t": (-32768, 32767),
    "uint32_t": (0, 2**32 - 1),
    "int32_t": (-(2**31), 2**31 - 1),
    "uint64_t": (0, 2**64 - 1),
    "int64_t": (-(2**63), 2**63 - 1),
}
COMMANDS = [16, 17, 18, 19, 20, 21, 22, 93, 112, 114, 115, 176, 177, 178, 179, 192, 193, 201, 203, 205, 206]
COMMANDS += [207, 224, 246, 300, 400, 410, 511, 512, 520, 600, 601, 1000, 2000, 2001, 5001, 5003, 5004, 5100]


def _field(name: str, kind: str) -> st.SearchStrategy[Any]:
    if name == "command":
        return st.sampled_from(COMMANDS) | st.integers(0, 65535)
    if name == "mission_type":
        return st.integers(0, 2) | st.integers(0, 255)
    if name in ("seq", "count", "start_index", "end_index"):
        return st.integers(0, 6)
    if kind == "char":
        return st.sampled_from([b"WPNAV_SPEED", b"FENCE_ENABLE", b"\xff\xfe", b""])
    if kind in INTEGERS:
        low, high = INTEGERS[kind]
        return st.integers(0, min(high, 4)) | st.integers(low, high)
    return st.floats(width=32) | st.sampled_from([0.0, 1.0, 3.0, 50.0])


@st.composite
def hostile_messages(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Any:
    """A well-formed message with arbitrary content, addressed to the vehicle."""
    kind = draw(st.sampled_from(MESSAGES))
    values = []
    for name, field_type in zip(kind.fieldnames, kind.fieldtypes, strict=True):
        if name in ("target_system", "target_component"):
            values.append(1)
        else:
            values.append(draw(_field(name, field_type)))
    return kind(*values)


@settings(max_examples=150)
@given(st.lists(hostile_messages(), min_size=1, max_size=25))
def test_no_message_breaks_the_vehicle(messages: list[Any]) -> None:
    copter = Copter(CONFIG)
    copter.connect(1)
    encoder = mavlink.MAVLink(None, 255, 190)
    answers = mavlink.MAVLink(None, 1, 1)
    for message in messages:
        for received in mavlink.MAVLink(None).parse_buffer(message.pack(encoder)) or []:
            copter.handle(1, received)
        for _ in range(20):
            copter.step()
    for _, answer in copter.outbox:
        answer.pack(answers)


def _beats(link: socket.socket, seconds: float) -> int:
    parser = mavlink.MAVLink(None)
    parser.robust_parsing = True
    link.settimeout(0.5)
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end and count < 3:
        for message in parser.parse_buffer(link.recv(4096)) or []:
            count += message.get_type() == "HEARTBEAT"
    return count


def test_garbage_floods_and_disconnects_do_not_stop_the_server() -> None:
    noise = random.Random(1)
    with EmbeddedVehicle(CONFIG, udp_port=0) as vehicle:
        host, port = vehicle.url.split(":")[1:]
        for size in (1, 100, 60_000):
            with socket.create_connection((host, int(port)), timeout=5) as link:
                link.sendall(noise.randbytes(size))
        udp_port = int(vehicle.udp_url.rsplit(":", 1)[1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for _ in range(50):
                peer.sendto(noise.randbytes(300), (host, udp_port))
            peer.sendto(b"\xfd" * 1000, (host, udp_port))
        good = mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 0, 3).pack(mavlink.MAVLink(None, 255, 190))
        with socket.create_connection((host, int(port)), timeout=5) as link:
            link.sendall(b"\xfd\xff" + noise.randbytes(200) + good)
            assert _beats(link, 5.0) >= 3


def test_more_clients_than_allowed_are_turned_away_and_the_others_served() -> None:
    with EmbeddedVehicle(CONFIG) as vehicle:
        host, port = vehicle.url.split(":")[1:]
        links = [socket.create_connection((host, int(port)), timeout=5) for _ in range(12)]
        try:
            assert _beats(links[0], 5.0) >= 3
            links[11].settimeout(5.0)
            assert links[11].recv(10) == b""
        finally:
            for link in links:
                link.close()
