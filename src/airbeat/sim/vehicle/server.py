"""The embedded vehicle on the network: a TCP server and a UDP peer around the stepped core.

One thread steps the core in simulation time and serves the sockets. Loopback only, unless asked. Bytes
from the network are hostile: what does not parse is dropped, what is too much closes the link, and the
core never sees either.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from airbeat.errors import AirbeatError, LinkError
from airbeat.language.words import Message
from airbeat.link.dialect import mavlink
from airbeat.sim.shot import CameraShot
from airbeat.sim.vehicle.config import TrackPoint, VehicleConfig
from airbeat.sim.vehicle.copter import STEP_S, Copter
from airbeat.sim.vehicle.modes import FlightMode

__all__ = ["EmbeddedVehicle"]

_LOG = logging.getLogger(__name__)

_MAX_CLIENTS = 8
_READ_BYTES = 8192
_SLOW_CLIENT_BYTES = 64 * 1024
_DEAF_CLIENT_BYTES = 4 * 1024 * 1024
_DEAF_CLIENT_S = 5.0
_BATCH_S = 0.02
"""Real time for which steps are taken before the sockets are looked at again."""
_UPLOAD_SPEEDUP = 4.0
"""While something is being uploaded: its 8 s timeout is simulation time, the ground station's is not."""
_IDLE_SPEEDUP = 20.0
"""While disarmed and told to fly as fast as the machine can."""
_ARMED_SPEEDUP = 4.0
"""While armed on the ground and not started: it disarms itself after 10 s of simulation time."""


@dataclass(slots=True)
class _Client:
    number: int
    sock: socket.socket
    address: Any
    udp: bool
    decoder: Any
    encoder: Any
    pending: bytearray = field(default_factory=bytearray)
    deaf_since: float | None = None


class EmbeddedVehicle:
    """A simulated copter that speaks MAVLink over TCP, and over UDP with ``udp_port``.

    Use as a context manager; the vehicle runs in a thread of its own until the block ends::

        with EmbeddedVehicle(config) as vehicle:
            connect_to(vehicle.url)

    Args:
        config: place, airframe, weather, seed, speed-up.
        port: TCP port; 0 takes a free one.
        host: address to listen on; loopback unless said otherwise.
        udp_port: UDP port to listen on as well; None for none, 0 takes a free one.
        on_shot: called in the vehicle's thread for each photograph; the simulation waits for it.

    Attributes:
        on_shot: may also be set later.
        url: ``tcp:HOST:PORT`` as pymavlink takes it.
        udp_url: ``udpout:HOST:PORT``, or "" without UDP.

    Raises:
        LinkError: the port cannot be had (on entering the block).
    """

    def __init__(
        self,
        config: VehicleConfig,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        udp_port: int | None = None,
        on_shot: Callable[[CameraShot], None] | None = None,
    ) -> None:
        self.config = config
        self.on_shot = on_shot
        self.url = self.udp_url = ""
        self.shots: list[CameraShot] = []
        self.failure: BaseException | None = None
        self._host, self._port, self._udp_port = host, port, udp_port
        began = config.epoch_utc
        self._copter = Copter(config, epoch_s=time.time() if began is None else began.timestamp())
        self._copter.on_shot = self._shot
        self._selector: selectors.BaseSelector | None = None
        self._listener: socket.socket | None = None
        self._udp: socket.socket | None = None
        self._clients: dict[int, _Client] = {}
        self._udp_peers: dict[Any, int] = {}
        self._next_number = 1
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    # -- life -------------------------------------------------------------------------------------

    def __enter__(self) -> EmbeddedVehicle:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Open the ports and begin to simulate."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            self._listener = socket.create_server((self._host, self._port), family=family)
            if self._udp_port is not None:
                self._udp = socket.socket(family, socket.SOCK_DGRAM)
                self._udp.bind((self._host, self._udp_port))
        except (OSError, OverflowError) as error:
            self._close_sockets()
            raise LinkError(
                Message(
                    "cannot listen on {host}:{port}: {error}", host=self._host, port=self._port, error=error
                ),
                remedy="choose another port",
            ) from error
        self._selector = selectors.DefaultSelector()
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self.url = f"tcp:{self._host}:{self._listener.getsockname()[1]}"
        if self._udp is not None:
            self._udp.setblocking(False)
            self._selector.register(self._udp, selectors.EVENT_READ, self._read_udp)
            self.udp_url = f"udpout:{self._host}:{self._udp.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, name="embedded-vehicle", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, close the ports, and raise what broke the simulation, if anything did.

        Raises:
            AirbeatError: ``on_shot`` or the simulation failed.
        """
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=30.0)
        self._close_sockets()
        if self.failure is not None:
            failure, self.failure = self.failure, None
            if isinstance(failure, AirbeatError):
                raise failure
            raise AirbeatError(
                Message("the embedded vehicle stopped: {failure}", failure=failure)
            ) from failure

    def _close_sockets(self) -> None:
        for client in list(self._clients.values()):
            self._drop(client)
        for sock in (self._listener, self._udp):
            if sock is not None:
                sock.close()
        if self._selector is not None:
            self._selector.close()
        self._listener = self._udp = self._selector = None

    # -- truth ------------------------------------------------------------------------------------

    @property
    def track(self) -> list[TrackPoint]:
        """The true flown track so far."""
        return list(self._copter.track)

    @property
    def time_s(self) -> float:
        """Simulation time since boot [s]."""
        return self._copter.time_s

    @property
    def armed(self) -> bool:
        """Whether the motors run."""
        return self._copter.armed

    def _shot(self, shot: CameraShot) -> None:
        self.shots.append(shot)
        if self.on_shot is not None:
            self.on_shot(shot)

    # -- simulation -------------------------------------------------------------------------------

    def _speedup(self) -> float:
        """Simulated seconds per second now; infinity for as fast as it can."""
        copter = self._copter
        wanted = copter.params["SIM_SPEEDUP"]
        if wanted <= 0.0:
            waiting = _ARMED_SPEEDUP if copter.armed else _IDLE_SPEEDUP
            wanted = waiting if copter.guidance.on_ground else float("inf")
        if copter.armed and copter.guidance.on_ground and copter.mode is not FlightMode.AUTO:
            wanted = min(wanted, _ARMED_SPEEDUP)
        return min(wanted, _UPLOAD_SPEEDUP) if copter.uploading else wanted

    def _run(self) -> None:
        try:
            self._loop()
        except Exception as error:  # noqa: BLE001 - whatever broke is raised in the owner's thread by close()
            self.failure = error
            _LOG.error("embedded vehicle stopped: %s", error)
            self._close_sockets()

    def _loop(self) -> None:
        copter = self._copter
        due = time.monotonic()
        reboots = copter.reboots
        while not self._stop.is_set():
            now = time.monotonic()
            speedup = self._speedup()
            if self._held_up(now):
                due = now
            elif speedup == float("inf"):
                self._steps_until(now + _BATCH_S)
                due = now
            else:
                due = max(due, now - 0.25)
                end = now + _BATCH_S
                while due <= now < end:
                    copter.step()
                    due += STEP_S / self._speedup()
                    if copter.outbox:
                        self._route()
                    now = time.monotonic()
            if copter.reboots != reboots:
                reboots = copter.reboots
                self._hang_up_tcp()
            self._route()
            self._serve(max(0.0, min(due - time.monotonic(), 0.05)))

    def _steps_until(self, end: float) -> None:
        while time.monotonic() < end and self._copter.armed:
            for _ in range(10):
                self._copter.step()
            self._route()

    def _held_up(self, now: float) -> bool:
        """Whether a client that reads too slowly makes the simulation wait; a deaf one is dropped."""
        waiting = False
        for client in list(self._clients.values()):
            if len(client.pending) < _SLOW_CLIENT_BYTES:
                client.deaf_since = None
                continue
            client.deaf_since = client.deaf_since or now
            if now - client.deaf_since > _DEAF_CLIENT_S or len(client.pending) > _DEAF_CLIENT_BYTES:
                _LOG.warning("client %s does not read; dropped", client.address)
                self._drop(client)
            else:
                waiting = True
        return waiting

    # -- sockets ----------------------------------------------------------------------------------

    def _serve(self, timeout_s: float) -> None:
        if self._selector is None:
            return
        for key, _ in self._selector.select(timeout_s):
            key.data()
        for client in list(self._clients.values()):
            if client.pending and not client.udp:
                self._flush(client)

    def _add(self, sock: socket.socket, address: Any, *, udp: bool) -> _Client:
        system = int(self._copter.params["SYSID_THISMAV"])
        decoder = mavlink.MAVLink(None)
        decoder.robust_parsing = True
        client = _Client(self._next_number, sock, address, udp, decoder, mavlink.MAVLink(None, system, 1))
        self._next_number += 1
        self._clients[client.number] = client
        self._copter.connect(client.number)
        return client

    def _accept(self) -> None:
        assert self._listener is not None  # noqa: S101 - registered with the selector
        try:
            sock, address = self._listener.accept()
        except OSError:
            return
        if len(self._clients) >= _MAX_CLIENTS:
            sock.close()
            return
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = self._add(sock, address, udp=False)
        if self._selector is not None:
            self._selector.register(sock, selectors.EVENT_READ, lambda: self._read_tcp(client))

    def _read_tcp(self, client: _Client) -> None:
        try:
            data = client.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        self._receive(client, data)

    def _read_udp(self) -> None:
        assert self._udp is not None  # noqa: S101 - registered with the selector
        for _ in range(64):
            try:
                data, address = self._udp.recvfrom(_READ_BYTES)
            except OSError:
                return
            number = self._udp_peers.get(address)
            client = self._clients.get(number) if number is not None else None
            if client is None:
                if not any(byte in data for byte in (0xFD, 0xFE)):
                    continue
                self._forget_udp_peers()
                if len(self._clients) >= _MAX_CLIENTS:
                    continue
                client = self._add(self._udp, address, udp=True)
                self._udp_peers[address] = client.number
            self._receive(client, data)

    def _forget_udp_peers(self) -> None:
        """UDP says no goodbye: the oldest peer makes room for a new one."""
        while len(self._clients) >= _MAX_CLIENTS and self._udp_peers:
            self._drop(self._clients[next(iter(self._udp_peers.values()))])

    def _receive(self, client: _Client, data: bytes) -> None:
        for message in self._parse(client, data):
            self._copter.handle(client.number, message)
            self._route()
            if client.number not in self._clients:
                return

    @staticmethod
    def _parse(client: _Client, data: bytes) -> Iterator[Any]:
        try:
            messages = client.decoder.parse_buffer(data) or []
        except (mavlink.MAVError, struct.error, ValueError, IndexError):
            # A frame with a good checksum and an impossible content: start afresh behind it.
            client.decoder = mavlink.MAVLink(None)
            client.decoder.robust_parsing = True
            return
        for message in messages:
            if message.get_type() != "BAD_DATA" and not message.get_type().startswith("UNKNOWN"):
                yield message

    def _route(self) -> None:
        """Pack what the core wants to say and hand it to its links."""
        outbox, self._copter.outbox = self._copter.outbox, []
        for link, message in outbox:
            for client in list(self._clients.values()) if link is None else [self._clients.get(link)]:
                if client is not None:
                    self._queue(client, message)

    def _queue(self, client: _Client, message: Any) -> None:
        client.encoder.srcSystem = int(self._copter.params["SYSID_THISMAV"])
        packed = message.pack(client.encoder)
        client.encoder.seq = (client.encoder.seq + 1) % 256
        if client.udp:
            with contextlib.suppress(OSError):
                client.sock.sendto(packed, client.address)
            return
        client.pending += packed
        if len(client.pending) >= 1024:
            self._flush(client)

    def _flush(self, client: _Client) -> None:
        try:
            sent = client.sock.send(client.pending)
        except BlockingIOError:
            return
        except OSError:
            self._drop(client)
            return
        del client.pending[:sent]

    def _hang_up_tcp(self) -> None:
        """A reboot closes TCP links, as ArduPilot's simulation does."""
        self._route()
        for client in list(self._clients.values()):
            if not client.udp:
                self._flush(client)
                self._drop(client)

    def _drop(self, client: _Client) -> None:
        if self._clients.pop(client.number, None) is None:
            return
        self._copter.disconnect(client.number)
        self._udp_peers.pop(client.address, None)
        if not client.udp:
            if self._selector is not None:
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(client.sock)
            client.sock.close()
