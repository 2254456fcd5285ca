"""The small process between us and ArduPilot SITL: whatever happens to us, SITL is stopped.

dronekit-sitl's ``SITL.launch`` starts the binary, but it gives it no process group of its own, stops it
only in an ``atexit`` handler (which a killed Python never runs), and leaves its temporary folders behind.
So its launcher is used as it is, in a process of our own that is the leader of a new session: SITL shares
its process group, and this process stops SITL and removes the working folder when its standard input ends
(the parent stopped it, was killed, or crashed), when its parent changes, or on SIGTERM, SIGINT, SIGHUP.
Two more traits of ``SITL.launch`` are worked round by the arguments: it accepts a working folder only
together with ``use_saved_data`` and an ``eeprom.bin`` (an empty one is the same as a wiped one: ArduPilot
fills it), and it collects the output in an unbounded queue (drained here into a log of limited size).

Run as ``python -m airbeat.sim.ardupilot_supervisor``; one line of JSON on standard input says what to do.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["main"]

_LOG_LIMIT_BYTES = 4_000_000
_STOP_TIMEOUT_S = 3.0
_POLL_S = 0.1


def _launch_with_dronekit(
    spec: dict[str, Any], log: BinaryIO
) -> tuple[subprocess.Popen[bytes], Callable[[], None]]:
    import dronekit_sitl

    eeprom = Path(spec["working_folder"]) / "eeprom.bin"
    eeprom.touch()
    sitl = dronekit_sitl.SITL(
        path=spec["binary"], instance=spec["instance"], defaults_filepath=spec["defaults"]
    )
    sitl.launch(list(spec["args"]), wd=spec["working_folder"], use_saved_data=True)

    def drain() -> None:
        for stream in (sitl.stdout, sitl.stderr):
            while (line := stream.readline()) is not None:
                if log.tell() < _LOG_LIMIT_BYTES:
                    log.write(line)
        log.flush()

    process: subprocess.Popen[bytes] = sitl.p
    return process, drain


def _launch_plainly(
    spec: dict[str, Any], log: BinaryIO
) -> tuple[subprocess.Popen[bytes], Callable[[], None]]:
    command = [spec["binary"], *spec["args"], "-I", str(spec["instance"]), "--defaults", spec["defaults"]]
    process = subprocess.Popen(  # noqa: S603 - the binary that the caller inspected
        command, cwd=spec["working_folder"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )
    return process, lambda: None


def _launch(spec: dict[str, Any], log: BinaryIO) -> tuple[subprocess.Popen[bytes], Callable[[], None]]:
    try:
        return _launch_with_dronekit(spec, log)
    except ImportError as error:
        log.write(f"without dronekit-sitl: {error}\n".encode())
        log.flush()
        return _launch_plainly(spec, log)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _watch(process: subprocess.Popen[bytes], lifeline: int, drain: Callable[[], None]) -> None:
    parent = os.getppid()
    while process.poll() is None and os.getppid() == parent:
        drain()
        readable, _, _ = select.select([lifeline], [], [], _POLL_S)
        if readable and not os.read(lifeline, 4096):
            return


def _read_line(descriptor: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(descriptor, 1)
        if not piece:
            break
        line += piece
    return line


def main() -> int:
    """Run one SITL until the lifeline ends: 0. SITL ended by itself: 1, and the parent removes the folder."""
    lifeline = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    spec: dict[str, Any] = json.loads(_read_line(lifeline))

    def stop_now(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, stop_now)
    process: subprocess.Popen[bytes] | None = None
    code: int | None = None
    try:
        with Path(spec["log"]).open("ab") as log:
            process, drain = _launch(spec, log)
            with contextlib.suppress(KeyboardInterrupt):
                _watch(process, lifeline, drain)
            code = process.poll()
            drain()
    finally:
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        if process is not None:
            _stop(process)
        if code is None:
            shutil.rmtree(spec["remove"], ignore_errors=True)
    return 0 if code is None else 1


if __name__ == "__main__":
    sys.exit(main())
