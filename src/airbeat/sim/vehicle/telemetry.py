"""What the vehicle tells without being asked, and the single messages it gives on request.

Streams are per link. As with ArduPilot nothing but HEARTBEAT, STATUSTEXT and events comes before a ground
station asks, by REQUEST_DATA_STREAM or SET_MESSAGE_INTERVAL. All times are simulation time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airbeat.link.dialect import mavlink
from airbeat.sim.shot import CameraShot
from airbeat.sim.vehicle.messages import Messages

if TYPE_CHECKING:
    from airbeat.sim.vehicle.copter import Copter

__all__ = ["STREAMS", "Telemetry"]

_HEARTBEAT = 0

STREAMS: dict[int, tuple[int, ...]] = {
    int(mavlink.MAV_DATA_STREAM_EXTENDED_STATUS): (1, 42, 24, 62, 162, 87),
    int(mavlink.MAV_DATA_STREAM_POSITION): (33, 32),
    int(mavlink.MAV_DATA_STREAM_EXTRA1): (30,),
    int(mavlink.MAV_DATA_STREAM_EXTRA2): (74,),
    int(mavlink.MAV_DATA_STREAM_EXTRA3): (2, 168, 147, 193),
}
"""Message ids of each data stream, as ArduCopter groups them."""


class Telemetry:
    """Builds messages from the vehicle's state and keeps the intervals of every link."""

    def __init__(self, copter: Copter) -> None:
        self._copter = copter
        self._intervals: dict[int, dict[int, float]] = {}
        self._due: dict[int, dict[int, float]] = {}
        self._params_left: dict[int, list[str]] = {}
        self.item_reached: int | None = None
        self._messages = Messages(copter)
        self._builders = self._messages.builders

    # -- links and intervals ----------------------------------------------------------------------

    def links(self) -> list[int]:
        """Links that are open."""
        return list(self._intervals)

    def open(self, link: int) -> None:
        """A link opens: heartbeats only."""
        self._intervals[link] = {_HEARTBEAT: 1.0 / self._step_s}
        self._due[link] = {_HEARTBEAT: self._copter.step_count + 1}

    def close(self, link: int) -> None:
        """A link is gone."""
        for table in (self._intervals, self._due, self._params_left):
            table.pop(link, None)

    @property
    def _step_s(self) -> float:
        from airbeat.sim.vehicle.copter import STEP_S

        return STEP_S

    def knows(self, message_id: int) -> bool:
        """Whether the vehicle can send that message."""
        return message_id in self._builders

    def set_interval(self, link: int, message_id: int, interval_us: float) -> bool:
        """SET_MESSAGE_INTERVAL: -1 (or 0, the default) stops a message; never faster than a step."""
        if message_id not in self._builders or link not in self._intervals:
            return False
        if interval_us <= 0:
            if message_id != _HEARTBEAT:
                self._intervals[link].pop(message_id, None)
                self._due[link].pop(message_id, None)
            return True
        steps = max(1.0, min(interval_us, 3.6e9) / 1e6 / self._step_s)
        self._intervals[link][message_id] = steps
        self._due[link][message_id] = self._copter.step_count + 1
        return True

    def interval_us(self, link: int, message_id: int) -> int:
        """The interval of a message [µs]; -1 when it is off."""
        steps = self._intervals.get(link, {}).get(message_id)
        return -1 if steps is None else round(steps * self._step_s * 1e6)

    def request_stream(self, link: int, stream: int, rate_hz: int, *, on: bool) -> None:
        """REQUEST_DATA_STREAM; stream 0 is all of them."""
        chosen = STREAMS.values() if stream == 0 else [STREAMS.get(stream, ())]
        for ids in chosen:
            for message_id in ids:
                self.set_interval(link, message_id, 1e6 / rate_hz if on and rate_hz > 0 else -1)

    def list_parameters(self, link: int) -> None:
        """PARAM_REQUEST_LIST: all of them, a few a step."""
        self._params_left[link] = list(self._copter.params.names)

    def send_now(self, link: int | None, message_id: int) -> bool:
        """Send one message on request; False when it is not known."""
        builder = self._builders.get(message_id)
        if builder is None:
            return False
        message = builder()
        if message is not None:
            self._copter.send(link, message)
        return True

    def step(self) -> None:
        """Send what is due."""
        copter, now = self._copter, self._copter.step_count
        if self.item_reached is not None:
            copter.send(None, mavlink.MAVLink_mission_item_reached_message(self.item_reached))
            self.item_reached = None
        built: dict[int, Any] = {}
        for link, due in self._due.items():
            for message_id, at in due.items():
                if now >= at:
                    due[message_id] = max(at + self._intervals[link][message_id], float(now))
                    if message_id not in built:
                        built[message_id] = self._builders[message_id]()
                    if built[message_id] is not None:
                        copter.send(link, built[message_id])
        for link, names in list(self._params_left.items()):
            for name in names[:5]:
                copter.send(link, self.param_value(name))
            del names[:5]
            if not names:
                del self._params_left[link]

    # -- events -----------------------------------------------------------------------------------

    def heartbeat_now(self) -> None:
        """Mode or arming changed: say so at once."""
        self._copter.send(None, self._messages.heartbeat())

    def announce_home(self) -> None:
        """Home moved."""
        message = self._messages.home_position()
        if message is not None:
            self._copter.send(None, message)

    def fence_now(self) -> None:
        """A fence was breached, or no longer is."""
        message = self._messages.fence_status()
        if message is not None:
            self._copter.send(None, message)

    def camera_feedback(self, shot: CameraShot) -> None:
        """CAMERA_FEEDBACK: the place as measured, and the airframe's attitude, not the gimbal's."""
        copter = self._copter
        place, height = shot.measured_position, shot.measured_height_above_home_m
        message = mavlink.MAVLink_camera_feedback_message(
            round((copter.epoch_s + shot.time_s) * 1e6),
            0,
            0,
            copter.shutter.images & 0xFFFF,
            round(place.lat_deg * 1e7),
            round(place.lon_deg * 1e7),
            height + copter.home_xyz[2] + copter.config.home_amsl_m,
            height,
            shot.roll_deg,
            shot.pitch_deg,
            shot.measured_yaw_deg,
            0.0,
            int(mavlink.CAMERA_FEEDBACK_PHOTO),
            copter.shutter.images & 0xFFFF,
        )
        copter.send(None, message)

    def param_value(self, name: str, *, listed: bool = True) -> Any:
        """PARAM_VALUE; a changed parameter is told without its index, as ArduPilot does."""
        params = self._copter.params
        return mavlink.MAVLink_param_value_message(
            name.encode("ascii"),
            params[name],
            params.kind(name),
            len(params),
            params.index(name) if listed else 65535,
        )

    def mission_current(self, seq: int | None = None) -> Any:
        """MISSION_CURRENT; ``seq`` as a ground station asked for it."""
        return self._messages.mission_current(seq)
