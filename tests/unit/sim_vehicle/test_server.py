"""The vehicle on the wire, driven by a client that others wrote (pymavlink's mavutil)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from airbeat.errors import AirbeatError, LinkError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.link.dialect import mavlink
from airbeat.sim.shot import CameraShot
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)


class Client:
    """mavutil as its users use it."""

    def __init__(self, url: str) -> None:
        from pymavlink import mavutil

        self.link = mavutil.mavlink_connection(url, source_system=255, dialect="ardupilotmega")
        self.beat()
        assert self.link.wait_heartbeat(timeout=10) is not None

    def beat(self) -> None:
        self.link.mav.heartbeat_send(6, 8, 0, 0, 0)

    def want(self, *kinds: str, timeout_s: float = 20.0) -> Any:
        message = self.link.recv_match(type=list(kinds), blocking=True, timeout=timeout_s)
        assert message is not None, kinds
        return message

    def command(self, number: int, *params: float) -> int:
        values = [*params, *([0.0] * (7 - len(params)))]
        self.link.mav.command_long_send(1, 1, number, 0, *values)
        while True:
            ack = self.want("COMMAND_ACK")
            if ack.command == number:
                return int(ack.result)

    def upload(self, items: list[tuple[int, float, int, int, float]]) -> int:
        self.link.mav.mission_count_send(1, 1, len(items), 0)
        while True:
            asked = self.want("MISSION_REQUEST", "MISSION_REQUEST_INT", "MISSION_ACK")
            if asked.get_type() == "MISSION_ACK":
                return int(asked.type)
            command, param1, x, y, z = items[asked.seq]
            self.link.mav.mission_item_int_send(
                1, 1, asked.seq, 3, command, 0, 1, param1, 0, 0, 0, x, y, z, 0
            )


@pytest.fixture
def vehicle() -> Iterator[EmbeddedVehicle]:
    config = VehicleConfig(home=HOME, home_amsl_m=400.0, speedup=50.0, boot_s=0.0, ready_s=1.0)
    with EmbeddedVehicle(config, udp_port=0) as running:
        yield running


def _mission() -> list[tuple[int, float, int, int, float]]:
    x, y = 511800000, 84900000
    return [
        (16, 0, x, y, 0),
        (22, 0, 0, 0, 30),
        (206, 10, 0, 0, 0),
        (16, 0, x + 9000, y, 30),
        (206, 0, 0, 0, 0),
        (20, 0, 0, 0, 0),
    ]


@pytest.mark.parametrize("way", ["tcp", "udp"])
def test_mavutil_uploads_a_mission_reads_it_back_and_flies_it(vehicle: EmbeddedVehicle, way: str) -> None:
    shots: list[CameraShot] = []
    vehicle.on_shot = shots.append
    client = Client(vehicle.url if way == "tcp" else vehicle.udp_url)
    client.link.mav.command_long_send(1, 1, 511, 0, 193, 200_000, 0, 0, 0, 0, 0)
    while not client.want("EKF_STATUS_REPORT").flags & mavlink.EKF_POS_HORIZ_ABS:
        pass
    assert client.upload(_mission()) == mavlink.MAV_MISSION_ACCEPTED
    client.link.mav.mission_request_list_send(1, 1, 0)
    assert client.want("MISSION_COUNT").count == 6
    client.link.mav.mission_request_int_send(1, 1, 3, 0)
    item = client.want("MISSION_ITEM_INT")
    assert (item.command, item.x, item.z) == (16, 511809000, 30.0)
    assert client.command(176, 1, 4) == 0
    assert client.command(400, 1) == 0
    assert client.command(300) == 0
    deadline = time.monotonic() + 60.0
    while client.want("HEARTBEAT").base_mode & mavlink.MAV_MODE_FLAG_SAFETY_ARMED:
        assert time.monotonic() < deadline
    client.link.close()
    assert 8 <= len(shots) <= 11
    assert vehicle.shots == shots
    assert distance_m(vehicle.track[-1].position, HOME) < 1.0
    assert max(p.height_above_home_m for p in vehicle.track) == pytest.approx(30.0, abs=0.7)


def test_several_stations_hear_the_vehicle_at_once(vehicle: EmbeddedVehicle) -> None:
    first, second = Client(vehicle.url), Client(vehicle.url)
    first.command(511, 30, 100_000)
    assert first.want("ATTITUDE")
    assert second.link.recv_match(type="ATTITUDE", blocking=True, timeout=0.3) is None
    first.link.close()
    assert second.want("HEARTBEAT")
    second.link.close()


def test_a_reboot_closes_tcp_links_and_the_vehicle_comes_back(vehicle: EmbeddedVehicle) -> None:
    client = Client(vehicle.url)
    assert client.command(246, 1) == mavlink.MAV_RESULT_ACCEPTED
    client.link.close()
    again = Client(vehicle.url)
    assert vehicle.time_s < 60.0
    again.link.close()


def test_a_failing_camera_is_reported_when_the_block_ends() -> None:
    def broken(shot: CameraShot) -> None:
        raise ValueError("no space left on the card")

    config = VehicleConfig(home=HOME, boot_s=0.0, ready_s=0.0, speedup=20.0)
    vehicle = EmbeddedVehicle(config, on_shot=broken)
    vehicle.start()
    client = Client(vehicle.url)
    client.link.mav.command_long_send(1, 1, 203, 0, 0, 0, 0, 0, 1, 0, 0)
    deadline = time.monotonic() + 10.0
    while vehicle.failure is None and time.monotonic() < deadline:
        time.sleep(0.02)
    client.link.close()
    with pytest.raises(AirbeatError, match="no space left on the card"):
        vehicle.close()


def test_a_port_in_use_is_a_link_error(vehicle: EmbeddedVehicle) -> None:
    port = int(vehicle.url.rsplit(":", 1)[1])
    with pytest.raises(LinkError, match="choose another port"):
        EmbeddedVehicle(VehicleConfig(home=HOME), port).start()
