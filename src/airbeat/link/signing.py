"""MAVLink 2 message signing: the key, the clock of the signatures, and what is taken unsigned all the same.

https://mavlink.io/en/guide/message_signing.html
"""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path
from typing import Any

from airbeat.errors import InputFileError
from airbeat.link.dialect import mavlink

__all__ = ["KEY_BYTES", "now_10us", "read_signing_key", "sign_with"]

KEY_BYTES = 32
_EPOCH_S = 1_420_070_400
"""2015-01-01, from which signatures count, as seconds since 1970."""
_LONGEST_FILE_BYTES = 4096
_UNSIGNED = frozenset({mavlink.MAVLINK_MSG_ID_RADIO_STATUS, mavlink.MAVLINK_MSG_ID_RADIO})
"""Made by telemetry radios, which know no key."""


def now_10us() -> int:
    """The time of a signature: units of 10 µs since 2015-01-01."""
    return max(round((time.time() - _EPOCH_S) * 1e5), 0)


def read_signing_key(path: Path) -> bytes:
    """The 32 bytes of a key from a file with 64 hexadecimal digits or a passphrase.

    A passphrase becomes a key by SHA-256, as in MAVProxy, Mission Planner and QGroundControl.

    Raises:
        InputFileError: the file cannot be read, is empty or holds more than one line.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST_FILE_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputFileError(
            "the signing key cannot be read", where=str(path), remedy="give a small text file"
        ) from None
    line = text.removesuffix("\n").removesuffix("\r")
    if not line or "\n" in line or len(text) > _LONGEST_FILE_BYTES:
        raise InputFileError(
            "a signing key is one line: 64 hexadecimal digits, or a passphrase", where=str(path), remedy=""
        )
    if re.fullmatch(r"[0-9A-Fa-f]{64}", line):
        return bytes.fromhex(line)
    return hashlib.sha256(line.encode()).digest()


def sign_with(mav: Any, key: bytes) -> None:
    """Has a pymavlink codec sign what it packs and refuse what is unsigned or signed with another key."""
    mav.signing.secret_key = key
    mav.signing.sign_outgoing = True
    mav.signing.link_id = 0
    mav.signing.timestamp = now_10us()
    mav.signing.allow_unsigned_callback = lambda _mav, message_id: message_id in _UNSIGNED
