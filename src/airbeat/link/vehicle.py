"""One vehicle behind a link: its state, its parameters, and what it can be told to do."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from airbeat.errors import LinkError, RefusedByVehicleError
from airbeat.language.words import Message
from airbeat.link.connection import Link
from airbeat.link.dialect import mavlink
from airbeat.link.ftp_choice import FtpOfferMachine, Via
from airbeat.link.ftp_download import ViaDownloadMachine
from airbeat.link.ftp_settle import FtpSettleMachine
from airbeat.link.ftp_upload import ViaUploadMachine
from airbeat.link.guarded import NO_ANSWER, GuardedCommandMachine, left_to_pilot, not_taken_back
from airbeat.link.items import MissionType, WireItem
from airbeat.link.requests import CommandMachine, CommandResult, ParameterReadMachine, ParameterSetMachine
from airbeat.link.telemetry import (
    EventKind,
    Happening,
    Telemetry,
    TelemetryReader,
    VehicleEvent,
    is_armed,
    mode_of,
    modes_of,
)
from airbeat.link.timing import RetryTimer
from airbeat.link.transfer import TransferResult

__all__ = ["Identity", "Vehicle"]

_SILENCE_S = 20.0
_EVENTS = 10_000
_RESTORE = "restore the link; the pilot's transmitter still controls the vehicle"
_STREAMS_HZ = {
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 5.0,
    mavlink.MAVLINK_MSG_ID_ATTITUDE: 2.0,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS: 1.0,
    mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: 1.0,
    mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: 1.0,
    mavlink.MAVLINK_MSG_ID_MISSION_CURRENT: 2.0,
    mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: 2.0,
}
_WISHED_HZ = {
    mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: 1.0,
    mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: 4.0,
}
"""What a log should hold for a proof of what was seen, where the vehicle can say it."""
_OBSERVED_HZ = 2
_EMBEDDED = "embedded vehicle"
_TEXTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the vehicle says it is.

    Attributes:
        name: "embedded vehicle", or "ArduPilot Copter 4.7.0-dev", or what is known.
        is_embedded: whether it is airbeat's own simulation, which is not ArduPilot.
        banner: its own words.
    """

    name: str
    is_embedded: bool
    banner: str = ""

    def to_json(self) -> dict[str, Any]:
        """For ``--json`` and records."""
        return {"name": self.name, "is_embedded": self.is_embedded, "banner": self.banner}


class Vehicle:
    """State and commands of the vehicle on a link.

    Get it with ``Vehicle.on(link)``. Events, photographs and positions wait in a queue of limited length
    until ``happened`` is called; the oldest are dropped when nobody calls.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self._reader = TelemetryReader()
        self._changed = threading.Condition()
        self._events: queue.Queue[Happening] = queue.Queue(_EVENTS)
        self._texts: list[str] = []
        self._texts_heard = 0
        self._offers_ftp: bool | None = None
        link.add_callback(self._take)

    @classmethod
    def on(cls, link: Link) -> Vehicle:
        """The vehicle on a link: always the same object for the same link."""
        if not isinstance(link.vehicle, cls):
            link.vehicle = cls(link)
        return link.vehicle

    @property
    def now(self) -> Telemetry:
        """The state as last heard."""
        return self._reader.now

    def _take(self, message: Any) -> None:
        with self._changed:
            for event in self._reader.take(message, time.monotonic()):
                if isinstance(event, VehicleEvent) and event.kind is EventKind.STATUSTEXT:
                    self._texts = [*self._texts[1 - _TEXTS :], event.text]
                    self._texts_heard += 1
                if self._events.full():
                    with contextlib.suppress(queue.Empty):
                        self._events.get_nowait()
                self._events.put_nowait(event)
            self._changed.notify_all()

    def happened(self) -> list[Happening]:
        """Events, photographs and positions since the last call, in order."""
        result: list[Happening] = []
        while True:
            try:
                result.append(self._events.get_nowait())
            except queue.Empty:
                return result

    @property
    def recent_texts(self) -> list[str]:
        """The last status texts, oldest first."""
        return list(self._texts)

    def wait(self, condition: Callable[[Telemetry], bool], *, timeout_s: float, what: str = "") -> bool:
        """Waits for a condition on the state, for at most so many seconds of the vehicle's time.

        A vehicle that does not tell its time, as without telemetry streams, is waited for in real time; where
        it has not told it yet, its seconds count from when it does.

        Raises:
            LinkError: the vehicle fell silent for 20 s of real time.
        """
        started_s = told_s = self.now.time_s
        untold_since_s = time.monotonic()
        with self._changed:
            while not condition(self.now):
                if self.now.time_s != told_s:
                    started_s = self.now.time_s if told_s == 0.0 else started_s
                    told_s, untold_since_s = self.now.time_s, time.monotonic()
                elif time.monotonic() - untold_since_s > timeout_s:
                    return False
                started_s = min(started_s, self.now.time_s)  # its clock begins again when it restarts
                if self.now.time_s - started_s > timeout_s:
                    return False
                if self.link.silence_s > _SILENCE_S:
                    raise self._silent(f"while waiting for {what or 'its state to change'}")
                self._changed.wait(0.2)
        return True

    def _silent(self, context: str) -> LinkError:
        return LinkError(
            Message(
                "{url}: no word from the vehicle for {silence_s:.0f} s {context}",
                url=self.link.url,
                silence_s=self.link.silence_s,
                context=context,
            ),
            remedy=_RESTORE,
        )

    @property
    def says_embedded(self) -> bool:
        """Whether it has said by itself that it is airbeat's own simulation."""
        return any(_EMBEDDED in text for text in [*self.link.greeting, *self._texts])

    # Commands

    def command(self, command: int, *params: float, tries: int = 5) -> CommandResult:
        """Sends a COMMAND_LONG with param1… and waits for its answer."""
        machine = CommandMachine(self.link.peer, command, params, tries=tries)
        self.link.run(machine)
        assert machine.result is not None  # noqa: S101
        return machine.result

    def start_telemetry(self) -> None:
        """Asks for the messages that ``now`` is made of."""
        for message_id, rate_hz in _STREAMS_HZ.items():
            answer = self.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, message_id, 1e6 / rate_hz, tries=3)
            if answer.result in ("UNSUPPORTED", "NO_ANSWER"):
                self._request_streams()
                break
        else:
            for message_id, rate_hz in _WISHED_HZ.items():
                self.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, message_id, 1e6 / rate_hz, tries=2)
        self.command(mavlink.MAV_CMD_REQUEST_MESSAGE, mavlink.MAVLINK_MSG_ID_HOME_POSITION, tries=2)

    def _request_streams(self) -> None:
        peer = self.link.peer
        self.link.send(
            mavlink.MAVLink_request_data_stream_message(
                peer.system, peer.component, mavlink.MAV_DATA_STREAM_ALL, 4, 1
            )
        )

    def ask_for_observation(self) -> None:
        """Asks for position, battery and mission item by messages that are no commands.

        ArduPilot sends what is asked for to whoever listens on the same port of the autopilot.
        """
        peer = self.link.peer
        for stream in (mavlink.MAV_DATA_STREAM_POSITION, mavlink.MAV_DATA_STREAM_EXTENDED_STATUS):
            self.link.send(
                mavlink.MAVLink_request_data_stream_message(
                    peer.system, peer.component, stream, _OBSERVED_HZ, 1
                )
            )

    def request_home(self) -> None:
        """Asks for HOME_POSITION."""
        self.command(mavlink.MAV_CMD_REQUEST_MESSAGE, mavlink.MAVLINK_MSG_ID_HOME_POSITION, tries=3)

    def set_mode(
        self,
        name: str,
        *,
        only_from: Collection[str] | None = None,
        urgent: bool = False,
        timeout_s: float = 10.0,
    ) -> None:
        """Switches the flight mode and waits until the vehicle says that it has.

        A pilot's own change of the mode always wins: the mode is asked for anew before every sending, and
        `airbeat.link.guarded` says what can go wrong within one round trip of the link. A pilot's mode that
        was overridden then is given back.

        Args:
            name: the mode.
            only_from: modes out of which it may be switched; None for the one that it is in now.
            urgent: whether people want it to stop, return or land: see `airbeat.link.guarded`.
            timeout_s: how long the vehicle may take to say so [s of its own time].

        Raises:
            RefusedByVehicleError: no such mode, somebody else has set another one, or it was refused.
            LinkError: it is not known to have switched; it may do so yet.
        """
        modes = modes_of(self.now.vehicle_type or mavlink.MAV_TYPE_QUADROTOR)
        if name not in modes:
            raise RefusedByVehicleError(Message("this vehicle has no mode {name}", name=name))
        before = self._texts_heard
        known = set(only_from or ())

        def allowed(heartbeat: Any) -> bool:
            if not known:
                known.add(mode_of(heartbeat))
            return mode_of(heartbeat) in known

        machine = self._switch(modes[name], allowed=allowed, urgent=urgent)
        answer = machine.result
        self._yield_to_pilot(machine, ours=name)
        assert answer is not None  # noqa: S101
        if answer.accepted:
            self.wait(lambda t: t.mode not in known - {name}, timeout_s=timeout_s, what=f"mode {name}")
            if self.now.mode == name:
                return
            if self.now.mode not in known:
                raise left_to_pilot(self.now.mode)
        words = Message(
            "the vehicle did not switch to {name}: {result}, it is in {mode}",
            name=name,
            result=answer.result,
            mode=self.now.mode,
        )
        if answer.result == NO_ANSWER:
            raise LinkError(words, remedy=_RESTORE)
        raise RefusedByVehicleError(
            words,
            remedy=self._reasons(before) or "wait for a position fix, and check the pilot's mode switch",
        )

    def _yield_to_pilot(self, machine: GuardedCommandMachine, *, ours: str) -> None:
        """Where somebody was overridden within the link's round trip, give him the mode back that he set.

        Raises:
            RefusedByVehicleError: somebody else changed something.
        """
        if machine.overruled_by is None:
            return
        theirs = machine.overruled_by
        if machine.done_anyway:
            back = self._switch(
                theirs.custom_mode, allowed=lambda heartbeat: mode_of(heartbeat) == ours, urgent=True
            )
            if back.overruled_by is None and (back.result is None or not back.result.accepted):
                raise not_taken_back(mode_of(theirs), ours)
            theirs = back.overruled_by or theirs
        raise left_to_pilot(mode_of(theirs))

    def _switch(self, number: int, *, allowed: Callable[[Any], bool], urgent: bool) -> GuardedCommandMachine:
        """DO_SET_MODE, as long as it is allowed by what the vehicle says."""
        return self._guarded(
            mavlink.MAV_CMD_DO_SET_MODE,
            mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED,
            number,
            allowed=allowed,
            reached=lambda heartbeat: heartbeat.custom_mode == number,
            urgent=urgent,
        )

    def _guarded(self, command: int, *params: float, **when: Any) -> GuardedCommandMachine:
        machine = GuardedCommandMachine(self.link.peer, command, params, **when)
        self.link.run(machine)
        return machine

    def arm(self, *, mode: str | None = None, timeout_s: float = 15.0) -> None:
        """Arms, with the autopilot's own checks.

        Args:
            mode: only in this mode; None for any.
            timeout_s: how long the vehicle may take to say so [s of its own time].

        Raises:
            RefusedByVehicleError: with the autopilot's reasons, or because somebody changed the mode.
        """
        before = self._texts_heard
        machine = self._guarded(
            mavlink.MAV_CMD_COMPONENT_ARM_DISARM,
            1.0,
            allowed=lambda heartbeat: not is_armed(heartbeat) and mode in (None, mode_of(heartbeat)),
            reached=is_armed,
        )
        answer = machine.result
        if machine.overruled_by is not None:
            if machine.done_anyway and not self.disarm().accepted:
                raise not_taken_back(mode_of(machine.overruled_by), "ARM")
            raise left_to_pilot(mode_of(machine.overruled_by))
        assert answer is not None  # noqa: S101
        if answer.accepted and self.wait(lambda t: t.armed is True, timeout_s=timeout_s, what="arming"):
            return
        raise RefusedByVehicleError(
            Message("the vehicle refused to arm: {result}", result=answer.result),
            remedy=self._reasons(before) or "read the autopilot's messages and clear what they name",
        )

    def _reasons(self, before: int) -> str:
        fresh = min(self._texts_heard - before, _TEXTS)
        return "; ".join(dict.fromkeys(self._texts[len(self._texts) - fresh :]))

    def disarm(self) -> CommandResult:
        """Disarms; the autopilot refuses in flight."""
        return self.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 0.0)

    def start_mission(self, *, only_from: str) -> CommandResult:
        """MISSION_START with both parameters 0, as ArduPilot demands; the vehicle must be armed.

        ArduCopter switches to AUTO from any mode for that, so it is only sent in one.

        Args:
            only_from: the mode in which it may be sent.

        Raises:
            RefusedByVehicleError: somebody has changed the mode.
        """
        machine = self._guarded(
            mavlink.MAV_CMD_MISSION_START,
            allowed=lambda heartbeat: is_armed(heartbeat) and mode_of(heartbeat) == only_from,
            reached=lambda heartbeat: mode_of(heartbeat) == "AUTO",
        )
        self._yield_to_pilot(machine, ours="AUTO")
        assert machine.result is not None  # noqa: S101
        return machine.result

    def set_current_item(self, seq: int) -> CommandResult:
        """Makes a mission item the current one."""
        answer = self.command(mavlink.MAV_CMD_DO_SET_MISSION_CURRENT, float(seq))
        if answer.result == "UNSUPPORTED":
            peer = self.link.peer
            self.link.send(mavlink.MAVLink_mission_set_current_message(peer.system, peer.component, seq))
            reached = self.wait(lambda t: t.mission_seq == seq, timeout_s=5.0, what="the current item")
            return CommandResult(accepted=reached, result="ACCEPTED" if reached else "NO_ANSWER")
        return answer

    # Parameters

    def parameters(self, names: Iterable[str]) -> dict[str, float]:
        """Values by name; those that the vehicle does not have are missing."""
        machine = ParameterReadMachine(self.link.peer, names)
        self.link.run(machine)
        return machine.values

    def set_parameter(self, name: str, value: float) -> None:
        """Sets a parameter.

        Raises:
            RefusedByVehicleError: the vehicle does not have it or holds another value.
        """
        machine = ParameterSetMachine(self.link.peer, name, value)
        self.link.run(machine)
        held = machine.held
        if held is None:
            raise RefusedByVehicleError(Message("the vehicle does not know parameter {name}", name=name))
        if abs(held - value) > 1e-5 * max(1.0, abs(value)):
            raise RefusedByVehicleError(
                Message(
                    "parameter {name}: set to {value:g}, the vehicle holds {held:g}",
                    name=name,
                    value=value,
                    held=held,
                )
            )

    # Transfers

    def settle_files(self) -> bool:
        """Ends a file that was left open by MAVFTP and would replace what is uploaded now.

        Returns:
            Whether it is known that none is open: also of a vehicle without MAVFTP.
        """
        if self._offers_ftp is None:
            offer = FtpOfferMachine(self.link.peer, timer=RetryTimer())
            self.link.run(offer)
            self._offers_ftp = offer.offered
        if self._offers_ftp is False:
            return True
        settle = FtpSettleMachine(self.link.peer, timer=RetryTimer())
        self.link.run(settle)
        return not settle.failure

    def upload(
        self,
        mission_type: MissionType,
        items: Sequence[WireItem],
        *,
        progress: Callable[[int, int], None] | None = None,
        via: Via = Via.AUTO,
    ) -> TransferResult:
        """Uploads and reads back; ``progress`` gets steps done and steps in all."""
        machine = ViaUploadMachine(self.link.peer, mission_type, items, via=via, offers_ftp=self._offers_ftp)
        self.link.run(machine, progress=(lambda: progress(*machine.progress)) if progress else None)
        self._offers_ftp = machine.offers_ftp
        assert machine.result is not None  # noqa: S101
        return machine.result

    def download(self, mission_type: MissionType, *, via: Via = Via.AUTO) -> tuple[WireItem, ...]:
        """What the vehicle holds.

        Raises:
            LinkError: it could not be read.
        """
        machine = ViaDownloadMachine(self.link.peer, mission_type, via=via, offers_ftp=self._offers_ftp)
        self.link.run(machine)
        self._offers_ftp = machine.offers_ftp
        if machine.items is None:
            raise LinkError(f"{self.link.url}: {machine.failure}", remedy="check the link and try again")
        return machine.items

    # Identity

    def identity(self) -> Identity:
        """Asks who the vehicle is: AUTOPILOT_VERSION and its banner of status texts."""
        version = self._autopilot_version()
        if not any(_is_banner(t) for t in self._texts):
            self.command(mavlink.MAV_CMD_DO_SEND_BANNER, tries=2)
            with self._changed:
                self._changed.wait_for(lambda: any(_is_banner(t) for t in self._texts), timeout=1.5)
        banner = next((t for t in reversed(self._texts) if _is_banner(t)), "")
        if _EMBEDDED in banner or _is_embedded_version(version):
            return Identity(name=_EMBEDDED, is_embedded=True, banner=banner)
        if banner:
            return Identity(name=f"ArduPilot {banner}", is_embedded=False, banner=banner)
        if version is None:
            return Identity(name="unidentified autopilot", is_embedded=False)
        number = version.flight_sw_version
        text = f"{number >> 24}.{number >> 16 & 0xFF}.{number >> 8 & 0xFF}"
        return Identity(name=f"autopilot firmware {text}", is_embedded=False)

    def _autopilot_version(self) -> Any | None:
        with self.link.subscribe({"AUTOPILOT_VERSION"}) as messages:
            for _ in range(3):
                self.command(
                    mavlink.MAV_CMD_REQUEST_MESSAGE, mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION, tries=2
                )
                message = messages.get(1.0)
                if message is not None:
                    return message
        return None


def _is_banner(text: str) -> bool:
    return _EMBEDDED in text or text.startswith(("ArduCopter V", "ArduPlane V", "ArduRover V", "Rover V"))


def _is_embedded_version(version: Any | None) -> bool:
    return version is not None and bytes(version.flight_custom_version).rstrip(b"\0") == b"airbeat"
