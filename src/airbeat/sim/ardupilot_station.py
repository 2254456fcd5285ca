"""A bare ground station for conformance tests: it sends what it is told, keeps every answer, repairs nothing.

Time is simulation time throughout (the vehicle's own ``time_boot_ms``), so that a wait means the same at
every speed-up; a wall clock only guards against a simulation that stands still. ``airbeat.link`` is what
users fly with; it would hide exactly the acks, repeats and refusals that conformance tests are about.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from airbeat.errors import LinkError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.link.dialect import mavlink

__all__ = ["COPTER_MODES", "MISSION", "Item", "Station", "item"]

COPTER_MODES = {"STABILIZE": 0, "AUTO": 3, "GUIDED": 4, "LOITER": 5, "RTL": 6, "LAND": 9, "BRAKE": 17}
MISSION: int = mavlink.MAV_MISSION_TYPE_MISSION

_STILL_S = 20.0
_LEAST_WAIT_S = 2.0
_CLOCK_HZ = 20.0
PacketCallback = Callable[[bytes, str, float], None]
Item = dict[str, Any]
"""Fields of a MISSION_ITEM_INT without addresses, number and type."""


def item(
    command: int,
    place: LatLon | None = None,
    height_m: float = 0.0,
    *,
    params: Sequence[float] = (0.0, 0.0, 0.0, 0.0),
    frame: int = mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT,
    x: int = 0,
    y: int = 0,
) -> Item:
    """A mission item; ``x`` and ``y`` are used where no place is given."""
    if place is not None:
        x, y = round(place.lat_deg * 1e7), round(place.lon_deg * 1e7)
    one, two, three, four = (*params, 0.0, 0.0, 0.0, 0.0)[:4]
    return {
        "command": command,
        "frame": frame,
        "param1": one,
        "param2": two,
        "param3": three,
        "param4": four,
        "x": x,
        "y": y,
        "z": height_m,
    }


class Station:
    """One TCP connection to one vehicle.

    Args:
        url: ``tcp:HOST:PORT``.
        system: our MAVLink system id.
        component: our MAVLink component id.
        on_packet: called with every raw packet, sent or received, its message type and the simulation
            time [s]; heartbeats are not reported.

    Attributes:
        heard: every message of the vehicle since the connection, in order; each with ``heard_at``, its place
            in there, and ``heard_s``, what the vehicle's clock said last up to it [s].
        now_s: the vehicle's clock [s since its boot].
        on_packet: as given; may be changed.
        beats: whether heartbeats are sent (1 Hz of wall time).
    """

    def __init__(
        self,
        url: str,
        *,
        system: int = 255,
        component: int = 190,
        on_packet: PacketCallback | None = None,
    ) -> None:
        _, host, port = url.split(":")
        self.heard: list[Any] = []
        self.now_s = 0.0
        self.beats = True
        self._address = (host, int(port))
        self.on_packet = on_packet
        self._mav = mavlink.MAVLink(None, srcSystem=system, srcComponent=component)
        self._mav.robust_parsing = True
        self._beat_due_s = 0.0
        self._progress_s = time.monotonic()
        self._socket = self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _connect(self) -> socket.socket:
        deadline = time.monotonic() + _STILL_S
        while True:
            try:
                connection = socket.create_connection(self._address, timeout=5.0)
            except OSError as error:
                if time.monotonic() > deadline:
                    raise LinkError(
                        Message("cannot connect: {error}", error=error), where=f"{self._address}"
                    ) from error
                time.sleep(0.05)
            else:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection

    def reconnect(self) -> None:
        """Connect again, after a reboot of the vehicle."""
        self._socket.close()
        self._socket = self._connect()
        self.now_s = 0.0
        self._beat_due_s = 0.0
        self._progress_s = time.monotonic()

    # --- one message at a time

    def send(self, message: Any, *, as_system: int | None = None) -> None:
        """Send a message, also under another system id."""
        own = self._mav.srcSystem
        self._mav.srcSystem = own if as_system is None else as_system
        packet: bytes = message.pack(self._mav)
        self._mav.srcSystem = own
        if self.on_packet:
            self.on_packet(packet, message.get_type(), self.now_s)
        self.send_packet(packet)

    def send_packet(self, packet: bytes) -> None:
        """Send a packet as it is."""
        self._socket.sendall(packet)

    def pump(self, wall_s: float = 0.05) -> None:
        """Take in what arrives within ``wall_s`` of wall time; send a heartbeat when one is due."""
        if self.beats and time.monotonic() >= self._beat_due_s:
            self._beat_due_s = time.monotonic() + 1.0
            self._socket.sendall(
                self._mav.heartbeat_encode(mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, 0).pack(
                    self._mav
                )
            )
        self._socket.settimeout(wall_s)
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            data = b""
        else:
            if not data:
                raise LinkError("the vehicle closed the connection", where=f"{self._address}")
        for message in self._mav.parse_buffer(data) or []:
            if message.get_type() == "BAD_DATA" or message.get_srcComponent() != 1:
                continue
            self._take(message)
        if time.monotonic() - self._progress_s > _STILL_S:
            raise LinkError(Message("simulation time stands still at {now_s:.1f} s", now_s=self.now_s))

    def _take(self, message: Any) -> None:
        boot_ms = getattr(message, "time_boot_ms", None)
        if boot_ms is not None and boot_ms / 1000.0 != self.now_s:
            self.now_s = boot_ms / 1000.0
            self._progress_s = time.monotonic()
        if self.on_packet and message.get_type() != "HEARTBEAT":
            self.on_packet(bytes(message.get_msgbuf()), message.get_type(), self.now_s)
        message.heard_at = len(self.heard)
        message.heard_s = self.now_s
        self.heard.append(message)

    def mark(self) -> int:
        """A place in ``heard``: what comes later is after it."""
        return len(self.heard)

    def since(self, mark: int, *types: str) -> list[Any]:
        """What was heard after a mark, of these types (all types when none is named)."""
        return [m for m in self.heard[mark:] if not types or m.get_type() in types]

    def wait(self, condition: Callable[[], Any], what: str, timeout_s: float = 10.0) -> Any:
        """Wait until a condition is true; returns its value.

        Some wall time must have passed as well: on a busy machine a fast simulation runs ahead of us.

        Raises:
            TimeoutError: it was not within ``timeout_s`` of simulation time; says what was wanted.
        """
        start_s = self.now_s
        least_s = time.monotonic() + _LEAST_WAIT_S
        while not (value := condition()):
            if self.now_s - start_s > timeout_s and time.monotonic() > least_s:
                last = ", ".join(self.texts(0)[-4:])
                raise TimeoutError(
                    f"wanted {what} within {timeout_s:g} s of simulation time; last said: {last}"
                )
            self.pump()
        return value

    def expect(
        self,
        *types: str,
        after: int,
        where: Callable[[Any], bool] = lambda _message: True,
        timeout_s: float = 10.0,
    ) -> Any:
        """The first message of some types after a mark; waits for it."""
        seen = after

        def find() -> Any:
            nonlocal seen
            while seen < len(self.heard):
                message = self.heard[seen]
                seen += 1
                if message.get_type() in types and where(message):
                    return message
            return None

        return self.wait(find, " or ".join(types), timeout_s)

    def sleep(self, duration_s: float) -> None:
        """Let simulation time pass."""
        until_s = self.now_s + duration_s
        self.wait(lambda: self.now_s >= until_s, "time to pass", duration_s + 60.0)

    def texts(self, mark: int) -> list[str]:
        """STATUSTEXTs after a mark."""
        return [m.text for m in self.since(mark, "STATUSTEXT")]

    # --- small conversations

    def command(self, number: int, *params: float, timeout_s: float = 10.0) -> int:
        """Send a COMMAND_LONG and return the MAV_RESULT of its ack."""
        seven = (*params, *([0.0] * 7))[:7]
        mark = self.mark()
        self.send(mavlink.MAVLink_command_long_message(1, 1, number, 0, *seven))
        ack = self.expect("COMMAND_ACK", after=mark, where=lambda m: m.command == number, timeout_s=timeout_s)
        result: int = ack.result
        return result

    def stream(self, message_id: int, rate_hz: float) -> None:
        """Ask for a message at a rate of simulation time; nothing comes unasked."""
        self.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, message_id, 1e6 / rate_hz)

    def start_clock(self) -> None:
        """Ask for the messages that the waits and the flight helpers look at."""
        deadline = time.monotonic() + _STILL_S
        interval = (1, 1, mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, 0, mavlink.MAVLINK_MSG_ID_SYSTEM_TIME)
        while self.now_s == 0.0:
            self.send(mavlink.MAVLink_command_long_message(*interval, 1e6 / _CLOCK_HZ, 0, 0, 0, 0, 0))
            self.pump(0.2)
            if time.monotonic() > deadline:
                raise LinkError("the vehicle does not tell its time")
        self.stream(mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT, 10.0)
        self.stream(mavlink.MAVLINK_MSG_ID_MISSION_CURRENT, 5.0)

    def last(self, kind: str) -> Any | None:
        """The latest message of a type, or None."""
        return next((m for m in reversed(self.heard) if m.get_type() == kind), None)

    def get(self, kind: str) -> Any:
        """The next message of a type that comes by itself."""
        return self.expect(kind, after=self.mark())

    def parameter(self, name: str) -> float:
        """Read a parameter."""
        mark = self.mark()
        self.send(mavlink.MAVLink_param_request_read_message(1, 1, name.encode(), -1))
        answer = self.expect("PARAM_VALUE", after=mark, where=lambda m: m.param_id == name)
        value: float = answer.param_value
        return value

    def set_parameter(self, name: str, value: float) -> None:
        """Write a parameter and wait for its echo."""
        mark = self.mark()
        self.send(
            mavlink.MAVLink_param_set_message(1, 1, name.encode(), value, mavlink.MAV_PARAM_TYPE_REAL32)
        )
        answer = self.expect("PARAM_VALUE", after=mark, where=lambda m: m.param_id == name)
        if not math.isclose(answer.param_value, value, rel_tol=1e-5):
            raise LinkError(
                Message(
                    "{name} is {answer:g} after setting it to {value:g}",
                    name=name,
                    answer=answer.param_value,
                    value=value,
                )
            )

    # --- missions, fences, rally points

    def send_item(self, seq: int, fields: Item, kind: int = MISSION, **how: Any) -> None:
        """Send one MISSION_ITEM_INT; ``how`` as for `send`."""
        f = fields
        message = mavlink.MAVLink_mission_item_int_message(
            1, 1, seq, f["frame"], f["command"], 0, 1,
            f["param1"], f["param2"], f["param3"], f["param4"], f["x"], f["y"], f["z"], kind,
        )  # fmt: skip
        self.send(message, **how)

    def send_count(self, count: int, kind: int = MISSION, **how: Any) -> int:
        """Send MISSION_COUNT and return the mark before it."""
        mark = self.mark()
        self.send(mavlink.MAVLink_mission_count_message(1, 1, count, kind), **how)
        return mark

    def request(self, after: int, seq: int | None = None, timeout_s: float = 10.0) -> Any:
        """The next request for an item (of this number) after a mark."""
        return self.expect(
            "MISSION_REQUEST",
            "MISSION_REQUEST_INT",
            after=after,
            where=lambda m: seq is None or m.seq == seq,
            timeout_s=timeout_s,
        )

    def ack(self, after: int, kind: int = MISSION, timeout_s: float = 10.0) -> int:
        """The type of the next MISSION_ACK for a mission type after a mark."""
        found = self.expect(
            "MISSION_ACK", after=after, where=lambda m: m.mission_type == kind, timeout_s=timeout_s
        )
        result: int = found.type
        return result

    def upload(self, items: Sequence[Item], kind: int = MISSION) -> int:
        """Send items as they are asked for and return the MISSION_ACK type that ends it.

        A mission's item 0 is home and is put in front of ``items``. INVALID_SEQUENCE does not end an upload.
        """
        if kind == MISSION:
            items = [item(mavlink.MAV_CMD_NAV_WAYPOINT, frame=mavlink.MAV_FRAME_GLOBAL), *items]
        mark = self.send_count(len(items), kind)
        while True:
            answer = self.expect(
                "MISSION_REQUEST",
                "MISSION_REQUEST_INT",
                "MISSION_ACK",
                after=mark,
                where=lambda m: m.mission_type == kind,
            )
            mark = answer.heard_at + 1
            if answer.get_type() != "MISSION_ACK":
                self.send_item(answer.seq, items[answer.seq], kind)
            elif answer.type != mavlink.MAV_MISSION_INVALID_SEQUENCE:
                result: int = answer.type
                return result

    def count(self, kind: int = MISSION) -> int:
        """How many items the vehicle says it has (home included)."""
        mark = self.mark()
        self.send(mavlink.MAVLink_mission_request_list_message(1, 1, kind))
        answer = self.expect("MISSION_COUNT", after=mark, where=lambda m: m.mission_type == kind)
        result: int = answer.count
        return result

    def fetch(self, seq: int, kind: int = MISSION) -> Any:
        """Read one stored item."""
        mark = self.mark()
        self.send(mavlink.MAVLink_mission_request_int_message(1, 1, seq, kind))
        return self.expect(
            "MISSION_ITEM_INT", after=mark, where=lambda m: m.seq == seq and m.mission_type == kind
        )

    def download(self, kind: int = MISSION) -> list[Any]:
        """Read all stored items (home included)."""
        return [self.fetch(seq, kind) for seq in range(self.count(kind))]

    def clear(self, kind: int = MISSION) -> int:
        """MISSION_CLEAR_ALL; returns the MISSION_ACK type."""
        mark = self.mark()
        self.send(mavlink.MAVLink_mission_clear_all_message(1, 1, kind))
        return self.ack(mark, kind)

    # --- flight

    @property
    def is_armed(self) -> bool:
        """By the latest heartbeat."""
        beat = self.last("HEARTBEAT")
        return beat is not None and bool(beat.base_mode & mavlink.MAV_MODE_FLAG_SAFETY_ARMED)

    @property
    def mode(self) -> int | None:
        """custom_mode of the latest heartbeat."""
        beat = self.last("HEARTBEAT")
        return None if beat is None else int(beat.custom_mode)

    @property
    def position(self) -> LatLon:
        """By the latest GLOBAL_POSITION_INT."""
        fix = self.last("GLOBAL_POSITION_INT") or self.get("GLOBAL_POSITION_INT")
        return LatLon(lat_deg=fix.lat / 1e7, lon_deg=fix.lon / 1e7)

    @property
    def height_m(self) -> float:
        """Above home, by the latest GLOBAL_POSITION_INT [m]."""
        fix = self.last("GLOBAL_POSITION_INT") or self.get("GLOBAL_POSITION_INT")
        return float(fix.relative_alt) / 1000.0

    @property
    def current(self) -> int:
        """Number of the current mission item, by the latest MISSION_CURRENT."""
        message = self.last("MISSION_CURRENT") or self.get("MISSION_CURRENT")
        return int(message.seq)

    def wait_ready(self, timeout_s: float = 120.0) -> None:
        """Wait until the vehicle arms in GUIDED, which needs a position; it is disarmed again.

        The pre-arm bit of SYS_STATUS is no help: it speaks of the mode the vehicle happens to be in.
        """
        guided = float(COPTER_MODES["GUIDED"])
        deadline_s = self.now_s + timeout_s
        while (
            self.command(mavlink.MAV_CMD_DO_SET_MODE, 1.0, guided) != mavlink.MAV_RESULT_ACCEPTED
            or self.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1.0) != mavlink.MAV_RESULT_ACCEPTED
        ):
            if self.now_s > deadline_s:
                raise TimeoutError(f"not ready within {timeout_s:g} s; last said: {self.texts(0)[-4:]}")
            self.sleep(1.0)
        self.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 0.0)
        mark = self.mark()
        self.wait(lambda: self.since(mark, "HEARTBEAT") and not self.is_armed, "disarming")

    def set_mode(self, name: str, timeout_s: float = 10.0) -> None:
        """Change the mode and wait until the heartbeat says it."""
        number = COPTER_MODES[name]
        result = self.command(
            mavlink.MAV_CMD_DO_SET_MODE, mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED, float(number)
        )
        if result != mavlink.MAV_RESULT_ACCEPTED:
            raise LinkError(
                Message("mode {name} was refused with MAV_RESULT {result}", name=name, result=result)
            )
        self.wait(lambda: self.mode == number, f"mode {name}", timeout_s)

    def arm(self) -> int:
        """Arm; returns the MAV_RESULT."""
        result = self.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1.0, timeout_s=30.0)
        if result == mavlink.MAV_RESULT_ACCEPTED:
            self.wait(lambda: self.is_armed, "the heartbeat to say armed")
        return result

    def start_mission(self) -> None:
        """GUIDED, arm, MISSION_START, as the firmware wants it."""
        self.set_mode("GUIDED")
        if self.arm() != mavlink.MAV_RESULT_ACCEPTED:
            raise LinkError(Message("arming was refused: {said}", said=", ".join(self.texts(0)[-4:])))
        if self.command(mavlink.MAV_CMD_MISSION_START) != mavlink.MAV_RESULT_ACCEPTED:
            raise LinkError(Message("MISSION_START was refused: {said}", said=", ".join(self.texts(0)[-4:])))

    def land(self, timeout_s: float = 180.0) -> None:
        """LAND where it is and wait until it has disarmed itself."""
        if self.is_armed:
            self.set_mode("LAND")
            self.wait(lambda: not self.is_armed, "landing and disarming", timeout_s)
