"""Download an ArduCopter SITL binary into dronekit-sitl's cache, checked before it is put there.

Current versions come from ArduPilot's firmware server
(``/Copter/stable-4.6.3/SITL_x86_64_linux_gnu/arducopter``), versions before 3.6 from dronekit-sitl's
archive (``/sitl/copter/sitl-linux-copter-3.3.tar.gz``). Both are asked over HTTPS.
"""

from __future__ import annotations

import contextlib
import io
import os
import platform
import re
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from airbeat.errors import InputFileError, LinkError, UsageError
from airbeat.language.words import Message
from airbeat.sim.ardupilot_binary import (
    BINARY_VARIABLE,
    SitlBinary,
    cache_folder,
    inspect_binary,
    takes_parameter_file,
)

__all__ = ["FIRMWARE_SERVER", "LEGACY_SERVER", "fetch_binary"]

FIRMWARE_SERVER = "https://firmware.ardupilot.org"
LEGACY_SERVER = "https://dronekit-assets.s3.amazonaws.com"

_TIMEOUT_S = 30.0
_MAX_BYTES = 200_000_000
_BLOCK_BYTES = 1 << 16
_FIRST_ON_FIRMWARE_SERVER = (3, 6)
_NAMED = {"stable": "stable", "beta": "beta", "latest": "latest"}
_NO_NETWORK = Message("without a network, copy a binary here and set {variable}", variable=BINARY_VARIABLE)


def _board() -> str:
    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64"):
        return "SITL_x86_64_linux_gnu"
    if machine.startswith(("arm", "aarch64")):
        return "SITL_arm_linux_gnueabihf"
    raise UsageError(
        Message("there is no ArduPilot SITL binary for {machine}", machine=machine),
        remedy="use `airbeat sim`",
    )


def _get(url: str, *, progress: Callable[[float], None] | None = None) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise UsageError(Message("{url} is not an HTTP address", url=url))
    request = urllib.request.Request(url, headers={"User-Agent": "airbeat"})  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310 - checked above
            total = int(response.headers.get("Content-Length") or 0)
            if total > _MAX_BYTES:
                raise InputFileError(Message("{total} bytes is too large", total=total), where=url)
            content = bytearray()
            while block := response.read(_BLOCK_BYTES):
                content += block
                if len(content) > _MAX_BYTES:
                    raise InputFileError(
                        Message("is larger than {max_bytes} bytes", max_bytes=_MAX_BYTES), where=url
                    )
                if progress and total:
                    progress(len(content) / total)
    except urllib.error.HTTPError as error:
        with error:
            raise _MissingError(
                Message("the server answers {code} {reason}", code=error.code, reason=error.reason), where=url
            ) from error
    except InputFileError:  # it is a ValueError too, and says itself what is wrong
        raise
    except (OSError, HTTPException, ValueError) as error:
        raise LinkError(
            Message("cannot be downloaded: {error}", error=error), where=url, remedy=_NO_NETWORK
        ) from error
    if total and len(content) != total:
        raise LinkError(
            Message("the download ended after {got} of {total} bytes", got=len(content), total=total),
            where=url,
            remedy="try again",
        )
    return bytes(content)


class _MissingError(Exception):
    """The server was reached and does not give this file."""

    def __init__(self, message: str, *, where: str) -> None:
        super().__init__(f"{where}: {message}")
        self.message = message
        self.where = where


def _from_archive(content: bytes, where: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                name = Path(member.name).name
                if name not in ("apm", "default_eeprom.bin") or not member.isfile():
                    continue
                if member.size > _MAX_BYTES:
                    raise InputFileError(Message("{name} in it is too large", name=name), where=where)
                extracted = archive.extractfile(member)
                if extracted is not None:
                    files[name] = extracted.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputFileError(
            Message("is not a readable archive: {error}", error=error), where=where
        ) from error
    if "apm" not in files:
        raise InputFileError("has no apm in it", where=where)
    return files


def _check_commit(address: str, binary: SitlBinary) -> None:
    """Compare with the commit that the firmware server states, where it states one."""
    try:
        text = _get(address).decode("utf-8", errors="replace")
    except _MissingError:
        return
    stated = re.search(r"commit ([0-9a-f]{40})", text)
    if stated and not stated.group(1).startswith(binary.git_hash):
        raise InputFileError(
            Message(
                "the binary says commit {git_hash}, the server {stated}",
                git_hash=binary.git_hash,
                stated=stated.group(1)[:8],
            ),
            where=address,
            remedy="try again; the server may be changing over to a new build",
        )


def _download(
    version: str, firmware_server: str, legacy_server: str, progress: Callable[[float], None] | None
) -> tuple[dict[str, bytes], str, str]:
    """Files by name, the address of the file that states the commit (or ""), and where they came from."""
    numbered = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.\d+)?(?:-[0-9A-Za-z.]+)?", version)
    if numbered is None and version not in _NAMED:
        raise UsageError(
            Message("no version {version!r}", version=version),
            remedy="write stable, beta, latest or a number such as 4.6.3",
        )
    try:
        if numbered and (int(numbered.group(1)), int(numbered.group(2))) < _FIRST_ON_FIRMWARE_SERVER:
            url = f"{legacy_server}/sitl/copter/sitl-linux-copter-{version.removeprefix('v')}.tar.gz"
            return _from_archive(_get(url, progress=progress), url), "", "dronekit-sitl's archive"
        name = f"stable-{version.removeprefix('v')}" if numbered else _NAMED[version]
        folder = f"{firmware_server}/Copter/{name}/{_board()}"
        content = _get(f"{folder}/arducopter", progress=progress)
        return {"apm": content}, f"{folder}/git-version.txt", "ArduPilot's firmware server"
    except _MissingError as error:
        raise LinkError(
            Message("no version {version} to download: {message}", version=version, message=error.message),
            where=error.where,
            remedy="write stable, or a number such as 4.6.3",
        ) from error


def _write(path: Path, content: bytes, *, mode: int) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(mode)


def fetch_binary(
    version: str = "stable",
    *,
    cache: Path | None = None,
    firmware_server: str = FIRMWARE_SERVER,
    legacy_server: str = LEGACY_SERVER,
    progress: Callable[[float], None] | None = None,
) -> SitlBinary:
    """Download, check and put a binary into the cache; nothing is left behind when a check fails.

    Checked are the size that the server stated, that it is an ELF executable naming itself ArduCopter, the
    commit that the server states, and that it runs here with ``--help``.

    Args:
        version: ``stable``, ``beta``, ``latest``, or a number such as ``4.6.3``.
        cache: instead of dronekit-sitl's own.
        firmware_server: address of ArduPilot's firmware server.
        legacy_server: address of dronekit-sitl's archive.
        progress: called with the share done, 0…1.

    Raises:
        LinkError: no network, or the server does not have it.
        InputFileError: what came is not a usable binary.
        UsageError: no such version name.
    """
    files, commit_address, source = _download(version, firmware_server, legacy_server, progress)
    target_root = cache or cache_folder()
    target_root.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".fetch-", dir=target_root))
    try:
        for name, content in files.items():
            _write(work / name, content, mode=0o755 if name == "apm" else 0o644)
        binary = inspect_binary(work / "apm", source=source)
        if commit_address:
            _check_commit(commit_address, binary)
        takes_parameter_file(binary.path)
        target = target_root / f"copter-{binary.version.split(' V', 1)[1]}"
        target.mkdir(exist_ok=True)
        for name in sorted(files, reverse=True):
            (work / name).replace(target / name)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(work)
    return inspect_binary(target / "apm", source=source)
