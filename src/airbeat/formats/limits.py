"""What a plan file may be at most, and how text and bytes from outside are taken in."""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path

from airbeat.errors import PlanFileError
from airbeat.language.words import Message

__all__ = [
    "MAX_FILE_BYTES",
    "MAX_ITEMS",
    "MAX_RALLY_POINTS",
    "MAX_VERTICES",
    "check_count",
    "clean_text",
    "decode",
    "read_bytes",
    "sha256_of_text",
]

MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_ITEMS = 10_000
"""ArduPilot holds at most 718; MAVLink itself counts to 65 535."""
MAX_VERTICES = 2_000
"""ArduPilot holds 70."""
MAX_RALLY_POINTS = 1_000


def read_bytes(path: Path) -> bytes:
    """The whole of a regular file, up to ``MAX_FILE_BYTES``.

    Raises:
        PlanFileError: no such file, not a file, not readable, or too large.
    """
    try:
        if not path.is_file():
            raise PlanFileError("no such file", where=str(path), remedy="check the path")
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as e:
        if isinstance(e, PlanFileError):
            raise
        reason = getattr(e, "strerror", None) or e
        raise PlanFileError(
            Message("cannot be read: {reason}", reason=reason), where=str(path), remedy="check the file"
        ) from e
    if len(data) > MAX_FILE_BYTES:
        raise PlanFileError(
            Message("larger than {max_file_bytes} MB", max_file_bytes=MAX_FILE_BYTES // 1024 // 1024),
            where=str(path),
            remedy="a plan file is small; check that this is one",
        )
    return data


def decode(data: bytes, *, where: str) -> str:
    """Bytes as UTF-8 text, with or without a byte order mark.

    Raises:
        PlanFileError: another encoding.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise PlanFileError(
            Message("byte {start} is not UTF-8 text", start=e.start),
            where=where,
            remedy="save the file with UTF-8 encoding",
        ) from None


def sha256_of_text(text: str) -> str:
    """SHA-256 of the text as UTF-8, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def clean_text(value: object, *, limit: int = 1000) -> str:
    """Text from outside without control characters and lone surrogates, cut to ``limit`` characters."""
    text = value if isinstance(value, str) else ""
    return "".join(c for c in text[:limit] if unicodedata.category(c) not in ("Cc", "Cs")).strip()


def check_count(count: int, limit: int, *, what: str, where: str) -> None:
    """Refuses more of something than a plan file may hold.

    Raises:
        PlanFileError: more than ``limit``.
    """
    if count > limit:
        raise PlanFileError(
            Message("{count} {what}, at most {limit} are read", count=count, what=what, limit=limit),
            where=where,
            remedy="split the plan",
        )
