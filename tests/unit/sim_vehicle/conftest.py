"""A ground station without sockets: it speaks to the stepped core in encoded MAVLink messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from airbeat.geo.coordinates import LatLon
from airbeat.link.dialect import mavlink
from airbeat.sim.shot import CameraShot
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.copter import STEP_S, Copter

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)
HOME_AMSL_M = 400.0


class Desk:
    """Uploads, commands and waits; every message goes through the wire format."""

    def __init__(self, config: VehicleConfig) -> None:
        self.copter = Copter(config)
        self.copter.connect(1)
        self.shots: list[CameraShot] = []
        self.copter.on_shot = self.shots.append
        self.heard: list[Any] = []
        self._encoder = mavlink.MAVLink(None, 255, 190)

    def send(self, message: Any, *, system: int = 255, link: int = 1) -> list[Any]:
        """Send a message; returns what came back at once."""
        self._encoder.srcSystem = system
        packed = message.pack(self._encoder)
        self.copter.handle(link, mavlink.MAVLink(None).parse_buffer(packed)[0])
        return self.take()

    def take(self) -> list[Any]:
        """What the vehicle said since the last look."""
        said = [message for _, message in self.copter.outbox]
        self.copter.outbox.clear()
        self.heard += said
        return said

    def run(self, seconds: float) -> list[Any]:
        """Let simulation time pass."""
        said: list[Any] = []
        for _ in range(round(seconds / STEP_S)):
            self.copter.step()
            said += self.take()
        return said

    def run_until(self, condition: Callable[[], bool], timeout_s: float = 900.0) -> float:
        """Step until a condition holds; returns how long it took [s]."""
        start = self.copter.time_s
        while not condition():
            self.copter.step()
            self.take()
            assert self.copter.time_s - start < timeout_s, f"not within {timeout_s} s; {self.texts()[-5:]}"
        return self.copter.time_s - start

    def command(self, number: int, *params: float) -> int:
        """COMMAND_LONG; returns the MAV_RESULT."""
        values = [*params, *([0.0] * (7 - len(params)))]
        said = self.send(mavlink.MAVLink_command_long_message(1, 1, number, 0, *values))
        results = [m.result for m in said if m.get_type() == "COMMAND_ACK" and m.command == number]
        assert len(results) == 1
        return int(results[0])

    def mode(self, number: int) -> int:
        """Change the flight mode; returns the MAV_RESULT."""
        return self.command(mavlink.MAV_CMD_DO_SET_MODE, 1, number)

    def set_parameter(self, name: str, value: float) -> None:
        """PARAM_SET."""
        self.send(mavlink.MAVLink_param_set_message(1, 1, name.encode(), value, 9))

    def texts(self) -> list[str]:
        """Every STATUSTEXT so far."""
        return [m.text for m in self._of("STATUSTEXT")]

    def _of(self, kind: str) -> list[Any]:
        texts = [m for m in self.heard if m.get_type() == kind]
        for message in texts:
            if isinstance(message.text, bytes):
                message.text = message.text.decode()
        return texts

    def place(self, east_m: float, north_m: float) -> tuple[int, int]:
        """Metres from the start to 1e-7 degrees."""
        p = self.copter.latlon(east_m, north_m)
        return round(p.lat_deg * 1e7), round(p.lon_deg * 1e7)

    def upload(self, items: Sequence[Mapping[str, Any]], mission_type: int = 0) -> int:
        """Upload items; returns the final MAV_MISSION_RESULT."""
        said = self.send(mavlink.MAVLink_mission_count_message(1, 1, len(items), mission_type))
        for seq, fields in enumerate(items):
            values = {
                "frame": 3,
                "current": 0,
                "autocontinue": 1,
                "param1": 0.0,
                "param2": 0.0,
                "param3": 0.0,
                "param4": 0.0,
                "x": 0,
                "y": 0,
                "z": 0.0,
                **fields,
            }
            message = mavlink.MAVLink_mission_item_int_message(1, 1, seq, mission_type=mission_type, **values)
            said = self.send(message)
        acks = [m.type for m in said if m.get_type() == "MISSION_ACK"]
        assert acks, [m.get_type() for m in said]
        return int(acks[-1])

    def way(
        self, east_m: float, north_m: float, height_m: float = 50.0, hold_s: float = 0.0
    ) -> dict[str, Any]:
        """A NAV_WAYPOINT."""
        x, y = self.place(east_m, north_m)
        return {"command": 16, "x": x, "y": y, "z": height_m, "param1": hold_s}

    def fly(self, items: Sequence[Mapping[str, Any]]) -> float:
        """Upload behind a home item, arm in GUIDED, start, fly to the end; returns the duration [s]."""
        assert self.upload([{"command": 16}, *items]) == mavlink.MAV_MISSION_ACCEPTED
        self.start()
        return self.run_until(lambda: not self.copter.armed)

    def start(self) -> None:
        """Arm in GUIDED and start the mission."""
        assert self.mode(4) == mavlink.MAV_RESULT_ACCEPTED
        assert self.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1) == mavlink.MAV_RESULT_ACCEPTED
        assert self.command(mavlink.MAV_CMD_MISSION_START) == mavlink.MAV_RESULT_ACCEPTED

    def reached_at(self) -> dict[int, float]:
        """When each "Reached command #n" was said, from the track's mission item changes [flight s]."""
        times: dict[int, float] = {}
        for before, after in zip(self.copter.track, self.copter.track[1:], strict=False):
            if before.mission_item != after.mission_item:
                times[before.mission_item] = after.flight_s
        return times


@pytest.fixture
def desk() -> Callable[..., Desk]:
    """``desk(**config)``: a vehicle that is ready to arm, and the station that talks to it."""

    def make(**changes: Any) -> Desk:
        config = VehicleConfig(home=HOME, home_amsl_m=HOME_AMSL_M, **changes)
        made = Desk(config)
        made.run(config.ready_s + 1.0)
        return made

    return make


@pytest.fixture
def booting() -> Desk:
    """A vehicle that has just been switched on."""
    return Desk(VehicleConfig(home=HOME, home_amsl_m=HOME_AMSL_M, boot_s=2.0, ready_s=5.0))


@pytest.fixture
def take_off() -> dict[str, Any]:
    """A NAV_TAKEOFF to 50 m."""
    return {"command": 22, "z": 50.0}


@pytest.fixture
def go_home() -> dict[str, Any]:
    """A NAV_RETURN_TO_LAUNCH."""
    return {"command": 20}
