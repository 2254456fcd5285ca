"""Zip archives (KMZ) from outside: the members that are asked for, and never more than a limit of bytes.

Nothing is ever unpacked to disk, so a name that climbs out of the archive can do nothing; it is refused
all the same, because no honest program writes one.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath

from airbeat.errors import PlanFileError
from airbeat.formats.limits import MAX_FILE_BYTES

__all__ = ["is_archive", "read_members", "zip_bytes"]

MAX_MEMBERS = 2_000
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""A zip archive without a clock: the same content gives the same bytes."""


def is_archive(data: bytes) -> bool:
    """Whether the bytes begin as a zip archive."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def read_members(data: bytes, *, suffixes: tuple[str, ...], where: str) -> dict[str, bytes]:
    """The members whose names end in one of the suffixes, by name, in the archive's order.

    Raises:
        PlanFileError: no zip archive, damaged, encrypted, too many or too large members, two members of one
            name, or a name that is absolute or climbs (``..``).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _members(archive, suffixes, where)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
        if isinstance(error, PlanFileError):
            raise
        raise PlanFileError(
            f"the archive is damaged: {error}", where=where, remedy="export the file again"
        ) from error


def _members(archive: zipfile.ZipFile, suffixes: tuple[str, ...], where: str) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > MAX_MEMBERS:
        raise PlanFileError(
            f"the archive has {len(entries)} members, at most {MAX_MEMBERS} are read", where=where
        )
    found: dict[str, bytes] = {}
    room = MAX_FILE_BYTES
    for entry in entries:
        _check_name(entry.filename, where)
        if not entry.filename.lower().endswith(suffixes):
            continue
        if entry.filename in found:
            raise PlanFileError(f"two members are called {entry.filename!r}", where=where)
        if entry.flag_bits & 0x1:
            raise PlanFileError("the archive is encrypted", where=where, remedy="save it without password")
        with archive.open(entry) as stream:
            content = stream.read(room + 1)
        room -= len(content)
        if room < 0:
            raise PlanFileError(
                f"the archive unpacks to more than {MAX_FILE_BYTES // 1024 // 1024} MB",
                where=where,
                remedy="a plan file is small; check that this is one",
            )
        found[entry.filename] = content
    return found


def _check_name(name: str, where: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise PlanFileError(
            f"a member's name climbs out of the archive: {name[:60]!r}",
            where=where,
            remedy="do not use this file; ask where it comes from",
        )


def zip_bytes(members: Mapping[str, str | bytes]) -> bytes:
    """A zip archive of these members, the same bytes for the same content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, date_time=_EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()
