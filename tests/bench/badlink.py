"""A bad radio link on loopback: TCP on both sides, and in between MAVLink packets are late or lost."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import random
import selectors
import socket
import threading
import time
from types import TracebackType
from typing import Self


def whole_packets(buffer: bytearray) -> list[bytes]:
    """Takes the complete MAVLink packets out of a buffer; bytes that begin no packet are thrown away."""
    packets = []
    while buffer:
        if buffer[0] not in (0xFD, 0xFE):
            del buffer[0]
            continue
        if len(buffer) < 3:
            break
        size = buffer[1] + (8 if buffer[0] == 0xFE else 12 + 13 * (buffer[2] & 1))
        if len(buffer) < size:
            break
        packets.append(bytes(buffer[:size]))
        del buffer[:size]
    return packets


class BadLink:
    """Forwards one client at a time to a vehicle's TCP port; the vehicle's side stays connected.

    Attributes:
        delay_s: each way.
        loss: share of packets lost, each way.
        sent: packets that clients have sent since ``reset``, with their bytes.
    """

    def __init__(self, vehicle: tuple[str, int]) -> None:
        self.delay_s = self.loss = 0.0
        self.sent = self.sent_bytes = 0
        self._rng = random.Random(0)
        self._vehicle = socket.create_connection(vehicle)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._client: socket.socket | None = None
        self._buffers = {"up": bytearray(), "down": bytearray()}
        self._late: list[tuple[float, int, str, bytes]] = []
        self._order = itertools.count()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._vehicle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        for sock in (self._vehicle, self._listener, self._client):
            if sock is not None:
                sock.close()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def reset(self, *, delay_s: float, loss: float, seed: int) -> None:
        """Another link from now on."""
        self.delay_s, self.loss, self._rng = delay_s, loss, random.Random(seed)
        self.sent = self.sent_bytes = 0

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            self._selector = selector
            selector.register(self._vehicle, selectors.EVENT_READ, "down")
            selector.register(self._listener, selectors.EVENT_READ, "new")
            while not self._stop.is_set():
                wait_s = self._late[0][0] - time.monotonic() if self._late else 0.1
                for key, _ in selector.select(max(0.0, min(wait_s, 0.1))):
                    self._ready(key.data)
                while self._late and self._late[0][0] <= time.monotonic():
                    _, _, way, packet = heapq.heappop(self._late)
                    self._deliver(way, packet)

    def _ready(self, what: str) -> None:
        if what == "new":
            self._hang_up()
            self._client, _ = self._listener.accept()
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(self._client, selectors.EVENT_READ, "up")
            return
        source = self._vehicle if what == "down" else self._client
        try:
            data = source.recv(65536) if source is not None else b""
        except OSError:
            data = b""
        if not data:
            if what == "down":
                self._stop.set()
            self._hang_up()
            return
        self._buffers[what] += data
        for packet in whole_packets(self._buffers[what]):
            if what == "up":
                self.sent += 1
                self.sent_bytes += len(packet)
            if self._rng.random() < self.loss:
                continue
            if self.delay_s:
                heapq.heappush(self._late, (time.monotonic() + self.delay_s, next(self._order), what, packet))
            else:
                self._deliver(what, packet)

    def _deliver(self, way: str, packet: bytes) -> None:
        target = self._client if way == "down" else self._vehicle
        if target is not None:
            with contextlib.suppress(OSError):
                target.sendall(packet)

    def _hang_up(self) -> None:
        if self._client is not None:
            self._selector.unregister(self._client)
            self._client.close()
            self._client = None
        self._buffers["up"].clear()
