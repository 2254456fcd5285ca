"""Run a real ArduCopter SITL: own ports, own process group, own empty working folder, always stopped."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from airbeat.errors import InputFileError, LinkError, UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.sim.ardupilot_binary import SitlBinary, find_binary, parameter_file, takes_parameter_file

__all__ = ["MAX_INSTANCE", "ArduPilotSitl", "merge_parameters", "read_parameters"]

MAX_INSTANCE = 99
"""Instances 0…99; instance N listens on TCP ports 5760, 5762 and 5763, each + 10 N."""

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 10.0
_READY_LINE = b"Waiting for connection"
_TCP_PORTS = (5760, 5762, 5763)
_RC_IN_PORT = 5501
_MAX_PARAMETER_BYTES = 1_000_000
_SITL_WRITES = ("eeprom.bin", "logs", "terrain", "mav.parm", "@MISSION", "scripts")


def read_parameters(path: Path) -> dict[str, float]:
    """Read an ArduPilot parameter file (``NAME VALUE`` or ``NAME,VALUE``, ``#`` comments).

    Raises:
        InputFileError: with file and line, for anything else.
    """
    try:
        if path.stat().st_size > _MAX_PARAMETER_BYTES:
            raise InputFileError("is too large for a parameter file", where=str(path))
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(Message("cannot be read: {error}", error=error), where=str(path)) from error
    values: dict[str, float] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#", 1)[0].replace(",", " ").split()
        if not words:
            continue
        try:
            name, value = words
            values[name] = float(value)
        except ValueError as error:
            raise InputFileError(
                Message("expected a name and a number, got {line!r}", line=line.strip()[:60]),
                where=f"{path}:{number}",
            ) from error
    return values


def merge_parameters(files: Sequence[Path], extra: Mapping[str, float]) -> str:
    """One parameter file out of several; later files, and then ``extra``, win."""
    values: dict[str, float] = {}
    for path in files:
        values |= read_parameters(path)
    values |= extra
    return "".join(f"{name} {value:.9g}\n" for name, value in values.items())


class _Instance:
    """A claim on an instance number: a locked file, and ports that nobody listens on."""

    def __init__(self, number: int | None) -> None:
        if number is not None and not 0 <= number <= MAX_INSTANCE:
            raise UsageError(
                Message(
                    "instance {number} is outside 0…{max_instance}", number=number, max_instance=MAX_INSTANCE
                )
            )
        self._lock: IO[str] | None = None
        numbers = range(MAX_INSTANCE + 1) if number is None else (number,)
        taken = ""
        for candidate in numbers:
            taken = self._claim(candidate)
            if not taken:
                self.number = candidate
                return
        raise LinkError(
            Message("no free SITL instance: {taken}", taken=taken) if number is None else taken,
            remedy="stop what runs there, or choose another --instance",
        )

    def _claim(self, number: int) -> str:
        import fcntl

        path = Path(tempfile.gettempdir()) / f"airbeat-sitl-{os.getuid()}-{number}.lock"
        lock = path.open("w", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            return Message("instance {number} is in use by another airbeat", number=number)
        port = _busy_port(number)
        if port is not None:
            lock.close()
            return Message("port {port} of instance {number} is in use", port=port, number=number)
        self._lock = lock
        return ""

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _busy_port(instance: int) -> int | None:
    wanted = [(socket.SOCK_STREAM, port) for port in _TCP_PORTS] + [(socket.SOCK_DGRAM, _RC_IN_PORT)]
    for kind, base in wanted:
        port = base + 10 * instance
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return port
    return None


@dataclass(kw_only=True)
class _Running:
    """What a started SITL holds: its instance number, its temporary folder, its supervisor."""

    claim: _Instance
    root: Path
    supervisor: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.root / "sitl.log"


class ArduPilotSitl:
    """A running ArduCopter SITL, to be used as a context manager.

    ArduPilot waits with booting until a client connects to ``url``; each port takes one client at a time.

    Args:
        home: where the vehicle stands.
        home_amsl_m: height of that place above mean sea level [m].
        heading_deg: where its nose points [degrees from north].
        speedup: simulation time over wall time that is asked for.
        instance: 0…99, which sets the ports; None takes the first free one.
        binary: the executable; None looks for one (`find_binary`).
        parameters: values that replace those of the parameter file.
        state_folder: keeps parameters, missions and logs from run to run; None uses a new empty folder and
            removes it afterwards.
        wipe: begin with an empty ``state_folder``.

    Raises:
        LinkError: no binary, ports taken, or SITL did not start.
        InputFileError: the binary or a parameter file cannot be used.
    """

    def __init__(
        self,
        *,
        home: LatLon,
        home_amsl_m: float = 0.0,
        heading_deg: float = 0.0,
        speedup: float = 10.0,
        instance: int | None = None,
        binary: SitlBinary | None = None,
        parameters: Mapping[str, float] | None = None,
        state_folder: Path | None = None,
        wipe: bool = False,
    ) -> None:
        if os.name != "posix":
            raise LinkError("ArduPilot SITL binaries run on Linux only", remedy="use WSL, or `airbeat sim`")
        if not 0.1 <= speedup <= 1000:
            raise UsageError(Message("speed-up {speedup:g} is outside 0.1…1000", speedup=speedup))
        self.home = home
        self.home_amsl_m = home_amsl_m
        self.heading_deg = heading_deg
        self.speedup = speedup
        self._wanted_instance = instance
        self._binary = binary
        self._parameters = dict(parameters or {})
        self._state_folder = None if state_folder is None else state_folder.resolve()
        self._wipe = wipe
        self._running: _Running | None = None

    @property
    def binary(self) -> SitlBinary:
        """The executable that is used."""
        if self._binary is None:
            self._binary = find_binary()
        return self._binary

    @property
    def version(self) -> str:
        """As the firmware announces itself, with the commit: ``ArduCopter V4.6.3 (…)``."""
        return f"{self.binary.version} ({self.binary.git_hash})"

    def _run(self) -> _Running:
        if self._running is None:
            raise LinkError("ArduPilot SITL is not running", remedy="start it first")
        return self._running

    @property
    def instance(self) -> int:
        """The instance number in use."""
        return self._run().claim.number

    @property
    def urls(self) -> tuple[str, str, str]:
        """The three MAVLink ports, as pymavlink writes them; the first one starts the boot."""
        first, second, third = (f"tcp:127.0.0.1:{port + 10 * self.instance}" for port in _TCP_PORTS)
        return first, second, third

    @property
    def url(self) -> str:
        """The first MAVLink port, e.g. ``tcp:127.0.0.1:5760``."""
        return self.urls[0]

    @property
    def working_folder(self) -> Path:
        """Where SITL runs: ``eeprom.bin``, ``logs/``."""
        return self._state_folder or self._run().root / "run"

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        supervisor = None if self._running is None else self._running.supervisor
        return supervisor is not None and supervisor.poll() is None

    @property
    def output(self) -> str:
        """What SITL printed so far (its end, at most 10 000 characters)."""
        if self._running is None or not self._running.log.is_file():
            return ""
        return self._running.log.read_bytes()[-10_000:].decode(errors="replace")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start SITL and wait until it listens on its first port."""
        if self._running is not None:
            raise UsageError("this ArduPilot SITL runs already")
        binary = self.binary
        if not takes_parameter_file(binary.path):
            raise InputFileError(
                Message("{version} takes no parameter file", version=binary.version),
                where=str(binary.path),
                remedy="`airbeat sitl fetch` brings a current one",
            )
        defaults = merge_parameters([parameter_file()], self._parameters)
        claim = _Instance(self._wanted_instance)
        running = _Running(claim=claim, root=Path(tempfile.mkdtemp(prefix="airbeat-sitl-")))
        self._running = running
        try:
            (running.root / "defaults.parm").write_text(defaults, encoding="ascii")
            self._prepare_working_folder()
            running.supervisor = self._start_supervisor(running, binary)
            _wait_until_listening(running.supervisor, running.log)
        except BaseException:
            self.stop()
            raise

    def _prepare_working_folder(self) -> None:
        folder = self.working_folder
        folder.mkdir(parents=True, exist_ok=True)
        if not self._wipe:
            return
        strangers = [p.name for p in folder.iterdir() if p.name not in _SITL_WRITES]
        if strangers:
            raise UsageError(
                Message(
                    "{folder} holds what SITL did not write: {strangers}",
                    folder=folder,
                    strangers=", ".join(sorted(strangers)[:5]),
                ),
                remedy="give another folder; this one is not wiped",
            )
        for name in _SITL_WRITES:
            path = folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _start_supervisor(self, running: _Running, binary: SitlBinary) -> subprocess.Popen[bytes]:
        home = (
            f"{self.home.lat_deg:.7f},{self.home.lon_deg:.7f},{self.home_amsl_m:.2f},{self.heading_deg:.1f}"
        )
        spec = {
            "binary": str(binary.path),
            "instance": running.claim.number,
            "args": ["--model", "quad", f"--home={home}", "--speedup", f"{self.speedup:g}"],
            "defaults": str(running.root / "defaults.parm"),
            "working_folder": str(self.working_folder),
            "log": str(running.log),
            "remove": str(running.root),
        }
        with running.log.open("ab") as log:
            supervisor = subprocess.Popen(
                [sys.executable, "-P", "-m", "airbeat.sim.ardupilot_supervisor"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        with contextlib.suppress(BrokenPipeError):
            _lifeline(supervisor).write(json.dumps(spec).encode() + b"\n")
            _lifeline(supervisor).flush()
        return supervisor

    def stop(self) -> None:
        """Stop SITL, its process group and its folder; does nothing when there is none."""
        running, self._running = self._running, None
        if running is None:
            return
        if running.supervisor is not None:
            _stop_supervisor(running.supervisor)
        shutil.rmtree(running.root, ignore_errors=True)
        running.claim.release()


def _lifeline(supervisor: subprocess.Popen[bytes]) -> IO[bytes]:
    if supervisor.stdin is None:
        raise LinkError("the SITL supervisor has no standard input")
    return supervisor.stdin


def _stop_supervisor(supervisor: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        _lifeline(supervisor).close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        supervisor.wait(_STOP_TIMEOUT_S)
    if supervisor.returncode is None or supervisor.returncode < 0:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(supervisor.pid, signal.SIGKILL)
        supervisor.wait()


def _wait_until_listening(supervisor: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    printed = b""
    while time.monotonic() < deadline:
        ended = supervisor.poll() is not None
        printed = log.read_bytes()
        if ended:
            break
        if _READY_LINE in printed:
            return
        time.sleep(0.05)
    last = printed.decode(errors="replace").strip().splitlines()[-3:]
    said = " / ".join(last) or Message("it printed nothing")
    raise LinkError(Message("ArduPilot SITL did not start: {said}", said=said))
