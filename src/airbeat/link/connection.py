"""A MAVLink connection: reads in a thread, sends heartbeats, hands messages to those who asked for them."""

from __future__ import annotations

import contextlib
import queue
import struct
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from airbeat.errors import LinkError, UsageError
from airbeat.language.words import Message
from airbeat.link.dialect import mavlink
from airbeat.link.signing import KEY_BYTES, now_10us, sign_with
from airbeat.link.transfer import Machine, Peer
from airbeat.link.transport import Transport, open_transport

__all__ = ["Link", "Subscription", "connect"]

_HEARTBEAT_S = 1.0
_READ_S = 0.1
_RECONNECT_S = 0.5
_QUEUE_SIZE = 20_000
_AUTOPILOT_COMPONENT = 1
_GREETINGS = 10


class Subscription:
    """Messages of some types, in the order of their arrival, until closed. Use it in a ``with`` block."""

    def __init__(self, link: Link, types: frozenset[str] | None) -> None:
        self._link = link
        self._types = types
        self._queue: queue.Queue[Any] = queue.Queue(_QUEUE_SIZE)
        self.dropped = 0

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def offer(self, message: Any) -> None:
        """Takes a message if it is of a wanted type; drops it, counted, when nobody reads."""
        if self._types is not None and message.get_type() not in self._types:
            return
        try:
            self._queue.put_nowait(message)
        except queue.Full:
            self.dropped += 1

    def get(self, timeout_s: float) -> Any | None:
        """The next message, or None when none came in time."""
        try:
            return self._queue.get(timeout=timeout_s) if timeout_s > 0 else self._queue.get_nowait()
        except queue.Empty:
            return None

    def close(self) -> None:
        """Ends the subscription."""
        self._link.unsubscribe(self)


class Link:
    """A connection to one vehicle. Made by ``connect``; use it in a ``with`` block or call ``close``.

    Attributes:
        url: as given.
        peer: the vehicle's ids and our own.
        connected: whether the pipe is open now; a broken TCP pipe is opened again in the background.
        vehicle: what ``Vehicle.on`` keeps here.
        vehicle_signs: whether the vehicle's messages carry signatures.
        greeting: status texts that came before the vehicle's first heartbeat.
        is_ardupilot: whether the heartbeat says so; the embedded vehicle says so too, and that it is not in
            its greeting.
    """

    def __init__(
        self,
        url: str,
        transport: Transport,
        *,
        source_system: int,
        source_component: int,
        tlog: Path | None = None,
        on_status: Callable[[str], None] | None = None,
        signing_key: bytes | None = None,
    ) -> None:
        self.url = url
        self.vehicle_signs = self.is_ardupilot = False
        self.greeting: list[str] = []
        self.connected = True
        self.vehicle: object = None
        self.peer = Peer(system=0, component=0, own_system=source_system, own_component=source_component)
        self._transport = transport
        self._on_status = on_status or (lambda _text: None)
        self._mav = mavlink.MAVLink(None, srcSystem=source_system, srcComponent=source_component)
        self._mav.robust_parsing = True
        self._signing = signing_key is not None
        if signing_key is not None:
            sign_with(self._mav, signing_key)
        self._send_lock = threading.Lock()
        self._listeners_lock = threading.Lock()
        self._subscriptions: list[Subscription] = []
        self._callbacks: list[Callable[[Any], None]] = []
        self._closing = threading.Event()
        self._found = threading.Event()
        self._heard_s = time.monotonic()
        self._heartbeat_due_s = 0.0
        self._tlog: BinaryIO | None = tlog.open("ab") if tlog else None
        self._thread = threading.Thread(target=self._run, name=f"airbeat link {url}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def silence_s(self) -> float:
        """How long the vehicle has been silent [s of real time]."""
        return time.monotonic() - self._heard_s

    def wait_for_vehicle(self, timeout_s: float) -> None:
        """Waits for an autopilot's heartbeat.

        Raises:
            LinkError: none came in time.
        """
        if self._found.wait(timeout_s):
            return
        if not self.connected:
            raise LinkError(
                Message(
                    "{url}: the connection was closed by the other end before a vehicle was heard",
                    url=self.url,
                ),
                remedy="some simulators serve one client at a time: close the other ground station",
            )
        if self._mav.signing.reject_count or self._mav.signing.badsig_count:
            raise LinkError(
                Message("{url}: what is heard is not signed with this signing key", url=self.url),
                remedy="give the key that was set up on the vehicle, or none if it does not sign",
            )
        raise LinkError(
            Message(
                "{url}: connected, but no vehicle's heartbeat within {timeout_s:.0f} s",
                url=self.url,
                timeout_s=timeout_s,
            ),
            remedy="check the baud rate, that the autopilot is powered, and that this port speaks MAVLink",
        )

    def subscribe(self, types: Iterable[str] | None = None) -> Subscription:
        """Messages of the vehicle from now on; all types when none are named."""
        subscription = Subscription(self, frozenset(types) if types is not None else None)
        with self._listeners_lock:
            self._subscriptions.append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Ends a subscription; it may already have ended."""
        with self._listeners_lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)

    def add_callback(self, callback: Callable[[Any], None]) -> None:
        """Has every message of the vehicle passed to a function, in the reader's thread: be quick."""
        with self._listeners_lock:
            self._callbacks.append(callback)

    def send(self, *messages: Any) -> None:
        """Sends messages; what a broken pipe swallows is lost, as on a radio."""
        for message in messages:
            with self._send_lock:
                if self._closing.is_set():
                    return
                if self._signing:
                    self._mav.signing.timestamp = max(self._mav.signing.timestamp, now_10us())
                packet = message.pack(self._mav)
                self._mav.seq = (self._mav.seq + 1) % 256
                try:
                    self._transport.write(packet)
                except OSError:
                    self.connected = False
                self._record(packet)

    def run(self, machine: Machine, *, progress: Callable[[], None] | None = None) -> None:
        """Drives a sans-I/O machine until it is done; real time is its clock."""
        with self.subscribe() as messages:
            self.send(*machine.start(time.monotonic()))
            while not machine.done:
                wait_s = min(max(machine.next_time_s - time.monotonic(), 0.0), 1.0)
                message = messages.get(wait_s)
                if self._closing.is_set():
                    raise LinkError(Message("{url}: the link was closed", url=self.url))
                now_s = time.monotonic()
                if message is not None:
                    self.send(*machine.on_message(message, now_s))
                self.send(*machine.on_time(now_s))
                if progress is not None:
                    progress()

    def close(self) -> None:
        """Closes the connection and waits for the reader to end; may be called twice."""
        self._closing.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=5.0)
        with self._send_lock:
            self._transport.close()
            if self._tlog is not None:
                self._tlog.close()
                self._tlog = None

    # The reader's thread

    def _run(self) -> None:
        while not self._closing.is_set():
            if not self.connected and not self._reconnect():
                continue
            self._beat()
            try:
                data = self._transport.read(_READ_S)
            except (OSError, ValueError) as e:
                if not self._closing.is_set():
                    self._on_status(f"{self.url}: connection lost ({e}); trying again")
                self.connected = False
                continue
            if data:
                self._parse(data)

    def _reconnect(self) -> bool:
        with contextlib.suppress(OSError):
            self._transport.close()
        try:
            transport = open_transport(self.url, timeout_s=0.1)
        except (LinkError, UsageError):
            self._closing.wait(_RECONNECT_S)
            return False
        with self._send_lock:
            self._transport = transport
            self.connected = True
        self._on_status(f"{self.url}: connected again")
        return True

    def _beat(self) -> None:
        now_s = time.monotonic()
        if now_s < self._heartbeat_due_s:
            return
        self._heartbeat_due_s = now_s + _HEARTBEAT_S
        self.send(
            mavlink.MAVLink_heartbeat_message(
                mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, mavlink.MAV_STATE_ACTIVE, 3
            )
        )

    def _parse(self, data: bytes) -> None:
        for message in self._mav.parse_buffer(data) or []:
            if message.get_type() == "BAD_DATA":
                continue
            self._record(bytes(message.get_msgbuf()))
            self._dispatch(message)

    def _dispatch(self, message: Any) -> None:
        system, component = message.get_srcSystem(), message.get_srcComponent()
        if not self._found.is_set():
            if not _is_autopilot_heartbeat(message):
                if message.get_type() == "STATUSTEXT" and len(self.greeting) < _GREETINGS:
                    self.greeting.append(message.text)
                return
            self.peer = Peer(
                system=system,
                component=component,
                own_system=self.peer.own_system,
                own_component=self.peer.own_component,
            )
            self.vehicle_signs = _is_signed(message)
            self.is_ardupilot = message.autopilot == mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA
            self._found.set()
        if (system, component) != (self.peer.system, self.peer.component):
            return
        self._heard_s = time.monotonic()
        with self._listeners_lock:
            subscriptions, callbacks = list(self._subscriptions), list(self._callbacks)
        for callback in callbacks:
            callback(message)
        for subscription in subscriptions:
            subscription.offer(message)

    def _record(self, packet: bytes) -> None:
        if self._tlog is not None:
            self._tlog.write(struct.pack(">Q", time.time_ns() // 1000) + packet)


def _is_signed(message: Any) -> bool:
    """By the packet's own flag: pymavlink says so only of those whose signature it can check."""
    packet = bytes(message.get_msgbuf())
    return packet[0] == mavlink.PROTOCOL_MARKER_V2 and bool(packet[2] & mavlink.MAVLINK_IFLAG_SIGNED)


def _is_autopilot_heartbeat(message: Any) -> bool:
    return bool(
        message.get_type() == "HEARTBEAT"
        and message.get_srcSystem() != 0
        and message.get_srcComponent() == _AUTOPILOT_COMPONENT
        and message.autopilot != mavlink.MAV_AUTOPILOT_INVALID
        and message.type != mavlink.MAV_TYPE_GCS
    )


def connect(
    url: str,
    *,
    source_system: int = 255,
    source_component: int = 190,
    timeout_s: float = 30.0,
    tlog: Path | None = None,
    on_status: Callable[[str], None] | None = None,
    signing_key: bytes | None = None,
) -> Link:
    """Connects to a vehicle and waits for its heartbeat.

    Args:
        url: as pymavlink takes them: ``tcp:HOST:PORT``, ``tcpin:``, ``udp:``, ``udpin:``, ``udpout:``, or a
            serial device with an optional ``,BAUD``.
        source_system: our MAVLink system id; 255 is the ground station ArduPilot's failsafe listens to.
        source_component: our MAVLink component id.
        timeout_s: how long to try [s].
        tlog: records everything sent and received there, in the ground stations' usual format (8 bytes
            big-endian microseconds since 1970, then the packet).
        on_status: told in words when the connection is lost and found again.
        signing_key: 32 bytes; what is sent is signed with it, and what is heard must be.

    Raises:
        UsageError: an id is not within 1…255, the key does not have 32 bytes, or the URL cannot be
            understood.
        LinkError: nothing listens, or no vehicle was heard; says what to do.
    """
    for what, number in (("system", source_system), ("component", source_component)):
        if not 1 <= number <= 255:
            raise UsageError(Message("{what} id {number}: must be 1 to 255", what=what, number=number))
    if signing_key is not None and len(signing_key) != KEY_BYTES:
        raise UsageError(
            Message(
                "a signing key has {key_bytes} bytes, this one {signing_key}",
                key_bytes=KEY_BYTES,
                signing_key=len(signing_key),
            )
        )
    started_s = time.monotonic()
    link = Link(
        url,
        open_transport(url, timeout_s=timeout_s),
        source_system=source_system,
        source_component=source_component,
        tlog=tlog,
        on_status=on_status,
        signing_key=signing_key,
    )
    try:
        link.wait_for_vehicle(max(timeout_s - (time.monotonic() - started_s), 1.0))
    except BaseException:
        link.close()
        raise
    return link
