"""Zip archives (KMZ, zipped shapefiles) from outside: the members asked for, up to a limit of bytes.

Nothing is ever unpacked to disk, so a name that climbs out of the archive can do nothing; it is refused
all the same, because no honest program writes one.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath

from airbeat.errors import InputFileError
from airbeat.language.words import Message

__all__ = ["is_archive", "read_members", "zip_bytes"]

MAX_MEMBERS = 2_000
MAX_UNPACKED_BYTES = 8 * 1024 * 1024
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""A zip archive without a clock: the same content gives the same bytes."""


def is_archive(data: bytes) -> bool:
    """Whether the bytes begin as a zip archive."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def read_members(
    data: bytes,
    *,
    suffixes: tuple[str, ...],
    where: str,
    error: type[InputFileError],
    most_bytes: int = MAX_UNPACKED_BYTES,
) -> dict[str, bytes]:
    """The members whose names end in one of the suffixes, by name, in the archive's order.

    Args:
        data: the archive.
        suffixes: of the members that are wanted, in lower case.
        where: for messages.
        error: which error to raise.
        most_bytes: what the members may unpack to together.

    Raises:
        InputFileError: of the class given: no zip archive, damaged, encrypted, too many or too large
            members, two members of one name, or a name that is absolute or climbs (``..``).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _members(archive, suffixes, where, error, most_bytes)
    except InputFileError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as cause:
        raise error(
            Message("the archive is damaged: {cause}", cause=cause),
            where=where,
            remedy="export the file again",
        ) from cause


def _members(
    archive: zipfile.ZipFile,
    suffixes: tuple[str, ...],
    where: str,
    error: type[InputFileError],
    most_bytes: int,
) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > MAX_MEMBERS:
        raise error(
            Message(
                "the archive has {count} members, at most {most} are read",
                count=len(entries),
                most=MAX_MEMBERS,
            ),
            where=where,
        )
    found: dict[str, bytes] = {}
    room = most_bytes
    for entry in entries:
        _check_name(entry.filename, where, error)
        if not entry.filename.lower().endswith(suffixes):
            continue
        if entry.filename in found:
            raise error(Message("two members are called {name!r}", name=entry.filename), where=where)
        if entry.flag_bits & 0x1:
            raise error(Message("the archive is encrypted"), where=where, remedy="save it without password")
        with archive.open(entry) as stream:
            content = stream.read(room + 1)
        room -= len(content)
        if room < 0:
            raise error(
                Message("the archive unpacks to more than {most_mb} MB", most_mb=most_bytes // 1024 // 1024),
                where=where,
                remedy="such a file is small; check that this is one",
            )
        found[entry.filename] = content
    return found


def _check_name(name: str, where: str, error: type[InputFileError]) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise error(
            Message("a member's name climbs out of the archive: {name!r}", name=name[:60]),
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
