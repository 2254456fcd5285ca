"""Files from outside, read with a limit."""

from __future__ import annotations

from pathlib import Path

from airbeat.errors import InputFileError
from airbeat.language.words import Message

__all__ = ["read_limited"]


def read_limited(path: Path, most_bytes: int) -> bytes:
    """The whole of a file.

    Raises:
        InputFileError: it cannot be read, or is larger than ``most_bytes``.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(most_bytes + 1)
    except OSError as error:
        raise InputFileError(
            Message("cannot be read: {reason}", reason=error.strerror), where=str(path)
        ) from error
    if len(data) > most_bytes:
        raise InputFileError(
            Message("larger than {most_mb} MB", most_mb=most_bytes // 1_000_000), where=str(path)
        )
    return data
