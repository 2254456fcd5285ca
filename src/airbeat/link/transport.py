"""Bytes to and from a vehicle over TCP, UDP or a serial line, by URLs as pymavlink takes them."""

from __future__ import annotations

import contextlib
import importlib
import re
import select
import socket
import time
from typing import Any, Protocol

from airbeat.errors import DependencyError, LinkError, UsageError
from airbeat.language.words import Message

__all__ = ["Transport", "open_transport", "require_address"]

_READ_BYTES = 65536
_DEFAULT_BAUD = 57600
_BARE = r"[A-Za-z0-9_.-]+:\d+"
_URL_REMEDY = (
    "write tcp:HOST:PORT, tcpin:HOST:PORT, udp:HOST:PORT (listens), udpin:HOST:PORT, udpout:HOST:PORT, "
    "or a serial device as /dev/ttyACM0,57600 or COM3,57600"
)


class Transport(Protocol):
    """A byte pipe. ``read`` returns b"" when nothing came in time and raises OSError when the pipe broke."""

    def read(self, timeout_s: float) -> bytes:
        """What arrived, waiting at most so long [s]."""

    def write(self, data: bytes) -> None:
        """Sends one packet."""

    def close(self) -> None:
        """Closes the pipe; may be called twice."""


class _TcpTransport:
    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(5.0)

    def read(self, timeout_s: float) -> bytes:
        ready, _, _ = select.select([self._socket], [], [], timeout_s)
        if not ready:
            return b""
        data = self._socket.recv(_READ_BYTES)
        if not data:
            raise ConnectionResetError("the other end closed the connection")
        return data

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # already closed by the other end
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class _UdpTransport:
    """UDP; a listening end answers to whoever spoke last."""

    def __init__(self, *, listen: tuple[str, int] | None, peer: tuple[str, int] | None) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._peer: Any = peer
        self._fixed_peer = peer is not None
        if listen is not None:
            self._socket.bind(listen)

    def read(self, timeout_s: float) -> bytes:
        ready, _, _ = select.select([self._socket], [], [], timeout_s)
        if not ready:
            return b""
        try:
            data, sender = self._socket.recvfrom(_READ_BYTES)
        except ConnectionRefusedError:
            return b""  # ICMP: nobody listens there yet
        if not self._fixed_peer:
            self._peer = sender
        return data

    def write(self, data: bytes) -> None:
        if self._peer is None:
            return
        with contextlib.suppress(ConnectionRefusedError):
            self._socket.sendto(data, self._peer)

    def close(self) -> None:
        self._socket.close()


class _SerialTransport:
    def __init__(self, device: str, baud: int) -> None:
        try:
            serial = importlib.import_module("serial")
        except ImportError as e:
            raise DependencyError(
                "serial lines need the package pyserial", remedy="pip install pyserial"
            ) from e
        self._serial = serial.Serial(device, baud, timeout=0.1, write_timeout=5.0)

    def read(self, timeout_s: float) -> bytes:
        self._serial.timeout = timeout_s
        data: bytes = self._serial.read(1)
        if data and self._serial.in_waiting:
            data += self._serial.read(min(self._serial.in_waiting, _READ_BYTES))
        return data

    def write(self, data: bytes) -> None:
        self._serial.write(data)

    def close(self) -> None:
        self._serial.close()


def _host_port(text: str, url: str) -> tuple[str, int]:
    match = re.fullmatch(r"(?P<host>[^:]*):(?P<port>\d{1,5})", text)
    if not match or not 0 < int(match["port"]) < 65536:
        raise UsageError(Message("{url!r} is no vehicle address", url=url), remedy=_URL_REMEDY)
    return match["host"], int(match["port"])


def _tcp_connect(address: tuple[str, int], timeout_s: float) -> Transport:
    """Connects, trying again while the other end refuses: simulators take a moment to listen."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        left_s = deadline_s - time.monotonic()
        try:
            return _TcpTransport(socket.create_connection(address, timeout=max(left_s, 0.1)))
        except ConnectionRefusedError:
            if left_s < 0.5:
                raise
            time.sleep(0.2)


def _tcp_accept(address: tuple[str, int], timeout_s: float) -> Transport:
    with socket.create_server(address) as server:
        server.settimeout(timeout_s)
        accepted, _ = server.accept()
        return _TcpTransport(accepted)


def open_transport(url: str, *, timeout_s: float) -> Transport:
    """Opens a vehicle URL.

    ``tcp:HOST:PORT`` connects, ``tcpin:`` waits for a connection, ``udp:`` and ``udpin:`` listen,
    ``udpout:`` sends first, a bare ``HOST:PORT`` listens on UDP, anything else is a serial device with an
    optional ``,BAUD``.

    Raises:
        UsageError: the URL cannot be understood.
        LinkError: it cannot be opened; says what was tried.
    """
    scheme, _, rest = url.partition(":")
    try:
        if scheme == "tcp":
            return _tcp_connect(_host_port(rest, url), timeout_s)
        if scheme == "tcpin":
            return _tcp_accept(_host_port(rest, url), timeout_s)
        if scheme in ("udp", "udpin"):
            return _UdpTransport(listen=_host_port(rest, url), peer=None)
        if scheme == "udpout":
            host, port = _host_port(rest, url)
            return _UdpTransport(listen=None, peer=(socket.gethostbyname(host), port))
        if re.fullmatch(_BARE, url):
            return _UdpTransport(listen=_host_port(url, url), peer=None)
        return _open_serial(url)
    except (UsageError, DependencyError, LinkError):
        raise
    except OSError as e:
        raise LinkError(
            Message("cannot open {url}: {reason}", url=url, reason=_reason(e)),
            remedy="check that the vehicle or simulator is running, and the address and port",
        ) from e


def _open_serial(url: str) -> Transport:
    device, baud = _device_baud(url)
    return _SerialTransport(device, baud)


def _device_baud(url: str) -> tuple[str, int]:
    device, _, baud = url.partition(",")
    if not (device.startswith("/") or re.fullmatch(r"COM\d+", device, re.IGNORECASE)):
        raise UsageError(Message("{url!r} is no vehicle address", url=url), remedy=_URL_REMEDY)
    if baud and not re.fullmatch(r"\d{3,8}", baud):
        raise UsageError(Message("{url!r}: {baud!r} is no baud rate", url=url, baud=baud), remedy=_URL_REMEDY)
    return device, int(baud) if baud else _DEFAULT_BAUD


def require_address(url: str) -> None:
    """Refuses what ``open_transport`` would not understand, without opening anything.

    Raises:
        UsageError: the URL cannot be understood.
    """
    scheme, _, rest = url.partition(":")
    if scheme in ("tcp", "tcpin", "udp", "udpin", "udpout"):
        _host_port(rest, url)
    elif re.fullmatch(_BARE, url):
        _host_port(url, url)
    else:
        _device_baud(url)


def _reason(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused, nothing listens there"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return error.strerror or str(error)
