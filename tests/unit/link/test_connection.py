"""Connections open, fail with words that help, record what passes, and close cleanly."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airbeat.errors import InputFileError, LinkError, UsageError
from airbeat.link import connection
from airbeat.link.connection import Link, connect
from airbeat.link.dialect import mavlink
from airbeat.link.signing import read_signing_key, sign_with
from airbeat.link.transport import open_transport


class _TinyVehicle:
    """Sends an autopilot's heartbeat to whoever connects; counts what it gets."""

    def __init__(
        self,
        *,
        silent: bool = False,
        autopilot: int = mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA,
        key: bytes | None = None,
    ) -> None:
        self.key = key
        self.senders: set[tuple[int, int]] = set()
        self.refused = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(0.1)
        self.url = f"tcp:127.0.0.1:{self.server.getsockname()[1]}"
        self.silent = silent
        self.autopilot = autopilot
        self.received: list[str] = []
        self.drop = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        mav = mavlink.MAVLink(None, srcSystem=7, srcComponent=1)
        mav.robust_parsing = True
        if self.key is not None:
            sign_with(mav, self.key)
        while not self._stop.is_set():
            try:
                client, _ = self.server.accept()
            except TimeoutError:
                continue
            with client:
                client.settimeout(0.05)
                while not (self._stop.is_set() or self.drop.is_set()):
                    if not self.silent:
                        beat = mavlink.MAVLink_heartbeat_message(2, self.autopilot, 81, 0, 3, 3)
                        client.sendall(b"noise" + beat.pack(mav))
                    try:
                        data = client.recv(4096)
                    except TimeoutError:
                        continue
                    if not data:
                        break
                    for message in mav.parse_buffer(data) or []:
                        if message.get_type() != "BAD_DATA":
                            self.senders.add((message.get_srcSystem(), message.get_srcComponent()))
                        self.received.append(message.get_type())
                    self.refused = mav.signing.reject_count
            self.drop.clear()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.server.close()


@pytest.fixture
def tiny() -> Iterator[_TinyVehicle]:
    vehicle = _TinyVehicle()
    yield vehicle
    vehicle.close()


def test_the_vehicles_ids_come_from_its_heartbeat(tiny: _TinyVehicle) -> None:
    with connect(tiny.url, timeout_s=5) as link:
        assert (link.peer.system, link.peer.component) == (7, 1)
        deadline = time.monotonic() + 5
        while "HEARTBEAT" not in tiny.received and time.monotonic() < deadline:
            time.sleep(0.02)
    assert "HEARTBEAT" in tiny.received, "we send heartbeats too"


def _until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_we_speak_under_the_ids_that_we_are_given(tiny: _TinyVehicle) -> None:
    with connect(tiny.url, timeout_s=5, source_system=42, source_component=191):
        assert _until(lambda: (42, 191) in tiny.senders)
    assert tiny.senders == {(42, 191)}


@pytest.mark.parametrize("ids", [{"source_system": 0}, {"source_system": 256}, {"source_component": 0}])
def test_ids_beyond_one_byte_are_refused(ids: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="must be 1 to 255"):
        connect("tcp:127.0.0.1:9", timeout_s=0.1, **ids)


class _Clock:
    """Time that passes only where somebody reads from the pipe; the pipe is silent."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.written: list[bytes] = []
        self.over = threading.Event()

    def monotonic(self) -> float:
        return self.now_s

    def read(self, timeout_s: float) -> bytes:
        if self.now_s >= 1010.0:
            self.over.set()
            return b""
        self.now_s += timeout_s
        return b""

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.over.set()


def test_mavlink_2_is_spoken_whatever_the_environment_says() -> None:
    code = (
        "from airbeat.link.dialect import mavlink as m; from pymavlink import mavutil; "
        "h = m.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3); "
        "print(h.pack(m.MAVLink(None))[0], mavutil.mavlink20())"
    )
    environment = {k: v for k, v in os.environ.items() if k != "MAVLINK20"} | {"MAVLINK20": "0"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["253", "True"]


def test_a_heartbeat_goes_out_every_second_also_into_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Clock()
    monkeypatch.setattr(connection, "time", clock)
    with Link("fake", clock, source_system=255, source_component=190):
        assert clock.over.wait(10.0)
        beats = len(clock.written)
    assert beats in (10, 11), "one a second over ten seconds"


KEY = bytes(range(32))


def test_with_a_key_both_ends_sign_and_understand_each_other() -> None:
    vehicle = _TinyVehicle(key=KEY)
    try:
        with connect(vehicle.url, timeout_s=5, signing_key=KEY) as link:
            assert link.vehicle_signs
            assert _until(lambda: "HEARTBEAT" in vehicle.received)
        assert vehicle.refused == 0
    finally:
        vehicle.close()


def test_a_vehicle_that_signs_is_recognised_and_takes_nothing_unsigned() -> None:
    vehicle = _TinyVehicle(key=KEY)
    try:
        with connect(vehicle.url, timeout_s=5) as link:
            assert link.vehicle_signs
            assert _until(lambda: vehicle.refused > 0)
        assert "HEARTBEAT" not in vehicle.received
    finally:
        vehicle.close()


@pytest.mark.parametrize("vehicles_key", [None, bytes(32)], ids=["unsigned", "another key"])
def test_a_vehicle_without_our_key_is_not_believed(vehicles_key: bytes | None) -> None:
    vehicle = _TinyVehicle(key=vehicles_key)
    try:
        with pytest.raises(LinkError, match="not signed with this signing key"):
            connect(vehicle.url, timeout_s=1, signing_key=KEY)
    finally:
        vehicle.close()


def test_a_key_comes_from_a_file_as_digits_or_as_a_passphrase(tmp_path: Path) -> None:
    digits, words = tmp_path / "digits", tmp_path / "words"
    digits.write_text(KEY.hex() + "\n")
    words.write_text("correct horse\n")
    assert read_signing_key(digits) == KEY
    assert read_signing_key(words) == hashlib.sha256(b"correct horse").digest()


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb\n", b"\xff\xfe", b"x" * 5000])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(InputFileError, match="signing key"):
        read_signing_key(path)


def test_a_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(UsageError, match="32 bytes"):
        connect("tcp:127.0.0.1:9", timeout_s=0.1, signing_key=b"short")


def test_a_refused_connection_says_what_was_tried_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(LinkError, match=f"tcp:127.0.0.1:{port}: connection refused.*running"):
        connect(f"tcp:127.0.0.1:{port}", timeout_s=0.3)


def test_a_port_that_is_silent_says_so() -> None:
    vehicle = _TinyVehicle(silent=True)
    try:
        with pytest.raises(LinkError, match="no vehicle's heartbeat"):
            connect(vehicle.url, timeout_s=1)
    finally:
        vehicle.close()


def test_another_ground_station_is_no_vehicle() -> None:
    vehicle = _TinyVehicle(autopilot=mavlink.MAV_AUTOPILOT_INVALID)
    try:
        with pytest.raises(LinkError, match="no vehicle's heartbeat"):
            connect(vehicle.url, timeout_s=1)
    finally:
        vehicle.close()


@pytest.mark.parametrize(
    "url", ["", "tcp:", "tcp:host", "tcp:host:99999", "udpin:x:y", "/dev/ttyX,fast", "ftp:a"]
)
def test_an_address_that_makes_no_sense_is_refused_with_the_forms_there_are(url: str) -> None:
    with pytest.raises(UsageError, match="tcp:HOST:PORT"):
        open_transport(url, timeout_s=0.1)


def test_a_serial_device_that_is_not_there_is_a_link_error(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="cannot open"):
        open_transport(f"{tmp_path}/ttyACM0,57600", timeout_s=0.1)


def test_a_broken_connection_is_opened_again(tiny: _TinyVehicle) -> None:
    words: list[str] = []
    with connect(tiny.url, timeout_s=5, on_status=words.append) as link:
        tiny.drop.set()
        deadline = time.monotonic() + 10
        while not any("again" in w and "lost" not in w for w in words) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert link.connected
    assert "connection lost" in words[0]
    assert "connected again" in words[-1]


def test_everything_that_passes_is_recorded_in_order(tiny: _TinyVehicle, tmp_path: Path) -> None:
    path = tmp_path / "flight.tlog"
    before_us = time.time_ns() // 1000
    with connect(tiny.url, timeout_s=5, tlog=path) as link, link.subscribe({"HEARTBEAT"}) as beats:
        assert beats.get(5.0) is not None
    data = path.read_bytes()
    parser, senders, at = mavlink.MAVLink(None), set(), 0
    while at < len(data):
        (time_us,) = struct.unpack_from(">Q", data, at)
        assert before_us <= time_us <= time.time_ns() // 1000
        length = data[at + 9] + 12
        (message,) = parser.parse_buffer(data[at + 8 : at + 8 + length])
        senders.add(message.get_srcSystem())
        at += 8 + length
    assert senders == {7, 255}


def test_udp_listens_and_answers_whoever_spoke() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as vehicle:
        vehicle.bind(("127.0.0.1", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        transport = open_transport(f"udpin:127.0.0.1:{port}", timeout_s=1)
        transport.write(b"nobody yet")
        vehicle.sendto(b"hello", ("127.0.0.1", port))
        assert transport.read(2.0) == b"hello"
        transport.write(b"answer")
        vehicle.settimeout(2.0)
        assert vehicle.recv(100) == b"answer"
        transport.close()


def test_closing_twice_is_harmless_and_ends_the_thread(tiny: _TinyVehicle) -> None:
    link = connect(tiny.url, timeout_s=5)
    link.close()
    link.close()
    assert not any(t.name.startswith("airbeat link") for t in threading.enumerate())
