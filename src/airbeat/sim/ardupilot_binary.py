"""Find a real ArduCopter SITL binary, and know what it is before it is started."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from airbeat.errors import InputFileError, LinkError
from airbeat.language.words import Message

__all__ = [
    "BINARY_VARIABLE",
    "Looked",
    "SitlBinary",
    "cache_folder",
    "find_binary",
    "inspect_binary",
    "look_for_binaries",
    "parameter_file",
    "takes_parameter_file",
]

BINARY_VARIABLE = "AIRBEAT_SITL_BINARY"
"""Environment variable that names a binary; it is used, or refused, before anything else is looked at."""

_MIN_BYTES = 500_000
_MAX_BYTES = 500_000_000
_HELP_TIMEOUT_S = 20.0
_RELEASE = re.compile(
    rb"((?:ArduCopter|APM:Copter) V(\d+)\.(\d+)(?:\.(\d+))?(-[0-9A-Za-z.]+)?) \(([0-9a-f]{6,40})\)"
)
_REMEDY = Message(
    "set {variable}, run `airbeat sitl fetch` where there is a network, or put arducopter on the PATH",
    variable=BINARY_VARIABLE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SitlBinary:
    """An ArduCopter SITL executable that was looked into.

    Attributes:
        path: the executable.
        version: as the firmware announces itself, e.g. ``ArduCopter V4.6.3``.
        git_hash: the commit it was built from, abbreviated.
        numbers: (major, minor, patch, 1 for a release or 0 for anything before it), for comparison.
        source: where it was found, in words.
    """

    path: Path
    version: str
    git_hash: str
    numbers: tuple[int, int, int, int]
    source: str

    def __str__(self) -> str:
        return f"{self.version} ({self.git_hash}) at {self.path}, from {self.source}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One place that was looked at: what was found there, or why it cannot be used."""

    place: str
    binary: SitlBinary | None = None
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.binary.version if self.binary else self.problem}"


def cache_folder() -> Path:
    """The cache that dronekit-sitl keeps; binaries are in ``copter-VERSION/apm`` below it."""
    return Path.home() / ".dronekit" / "sitl"


def parameter_file() -> Path:
    """Our parameter file for ArduCopter SITL: inside the wheel, or in ``sitl/`` of a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "sitl_data", package.parents[1] / "sitl"):
        if (folder / "copter.parm").is_file():
            return folder / "copter.parm"
    raise InputFileError("the SITL parameter file copter.parm is missing", remedy="reinstall airbeat")


def inspect_binary(path: Path, *, source: str) -> SitlBinary:
    """Look into a file that should be an ArduCopter SITL executable, without running it.

    Args:
        path: the file.
        source: where it came from, in words.

    Raises:
        InputFileError: it is not one.
    """
    where = str(path)
    if not path.is_file():
        raise InputFileError("no such file", where=where)
    size = path.stat().st_size
    if not _MIN_BYTES <= size <= _MAX_BYTES:
        raise InputFileError(Message("{size} bytes is no size for ArduCopter SITL", size=size), where=where)
    content = path.read_bytes()
    if content[:4] != b"\x7fELF":
        raise InputFileError("is not an ELF executable", where=where, remedy="SITL binaries run on Linux")
    found = _RELEASE.search(content)
    if found is None:
        raise InputFileError("does not name itself ArduCopter with a version", where=where)
    if not os.access(path, os.X_OK):
        raise InputFileError("is not executable", where=where, remedy=f"chmod +x {path}")
    name, major, minor, patch, suffix, git_hash = found.groups()
    return SitlBinary(
        path=path.resolve(),
        version=name.decode(),
        git_hash=git_hash.decode(),
        numbers=(int(major), int(minor), int(patch or 0), 0 if suffix else 1),
        source=source,
    )


def takes_parameter_file(path: Path) -> bool:
    """Run the binary with ``--help``: whether it takes ``--defaults`` (ArduCopter 3.6 and later do).

    Raises:
        InputFileError: it does not run on this machine, or is something else.
    """
    try:
        result = subprocess.run(  # noqa: S603 - an executable that the user named or the finder inspected
            [path, "--help"],
            capture_output=True,
            timeout=_HELP_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputFileError(Message("does not run here: {error}", error=error), where=str(path)) from error
    text = result.stdout + result.stderr
    if b"--home" not in text and b"--instance" not in text:
        raise InputFileError("--help does not print the options of ArduPilot SITL", where=str(path))
    return b"--defaults" in text


def _look_at(path: Path, source: str) -> Looked:
    try:
        return Looked(place=f"{source}, {path}", binary=inspect_binary(path, source=source))
    except (InputFileError, OSError) as error:
        return Looked(place=f"{source}, {path}", problem=getattr(error, "message", str(error)))


def look_for_binaries() -> list[Looked]:
    """Every place a binary may be, in the order of preference: variable, cache (newest first), PATH.

    A set ``AIRBEAT_SITL_BINARY`` is the only place looked at: a wrong value must not be passed over.
    """
    named = os.environ.get(BINARY_VARIABLE)
    if named:
        return [_look_at(Path(named).expanduser(), BINARY_VARIABLE)]
    looked = [Looked(place=BINARY_VARIABLE, problem="is not set")]
    cache = cache_folder()
    cached = [_look_at(path, "dronekit-sitl's cache") for path in sorted(cache.glob("copter-*/apm"))]
    cached.sort(key=lambda entry: entry.binary.numbers if entry.binary else (), reverse=True)
    looked += cached or [Looked(place=f"dronekit-sitl's cache, {cache}", problem="has no copter-*/apm")]
    on_path = shutil.which("arducopter")
    if on_path:
        looked.append(_look_at(Path(on_path), "PATH"))
    else:
        looked.append(Looked(place="PATH", problem="has no arducopter"))
    return looked


def find_binary() -> SitlBinary:
    """The binary to use.

    Raises:
        LinkError: there is none; the message lists what was looked at.
    """
    looked = look_for_binaries()
    for entry in looked:
        if entry.binary is not None:
            return entry.binary
    places = "; ".join(map(str, looked))
    raise LinkError(
        Message("no ArduPilot SITL binary on this machine; looked at {places}", places=places), remedy=_REMEDY
    )
