"""MAVFTP packets, and the files in which ArduPilot keeps missions, fences and rally points.

Packets: https://mavlink.io/en/services/ftp.html (FILE_TRANSFER_PROTOCOL's 251 bytes of payload). Files:
ArduPilot's AP_Filesystem_Mission, which answers for ``@MISSION/mission.dat``, ``fence.dat`` and
``rally.dat``: a header of five uint16 (magic, mission type, options, first item, items), then the items as
MISSION_ITEM_INT payloads of 38 bytes. A written file is taken when its session is closed, whole or not at
all: a wrong magic, a wrong number of items or an item of zeros refuses it.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from airbeat.errors import LinkError
from airbeat.language.words import Message
from airbeat.link.dialect import mavlink
from airbeat.link.items import MissionType, WireItem
from airbeat.link.transfer import Peer

__all__ = [
    "DATA_BYTES",
    "HEADER",
    "ITEM",
    "MAGIC",
    "FtpError",
    "FtpOpcode",
    "FtpPacket",
    "decode_items",
    "encode_items",
    "file_chunks",
    "file_crc32",
    "file_name",
    "file_size",
    "read_count",
]

DATA_BYTES = 239
HEADER = struct.Struct("<5H")
ITEM = struct.Struct("<4f2if2H6B")
MAGIC = 0x763D
_PACKET = struct.Struct("<H6BI")
_PAYLOAD_BYTES = 251
_MOST_ITEMS = 5000
"""No autopilot stores more; a larger count is nonsense."""
_ITEMS_A_CHUNK = DATA_BYTES // ITEM.size


class FtpOpcode(IntEnum):
    """What a packet asks for or answers."""

    NONE = 0
    TERMINATE_SESSION = 1
    RESET_SESSIONS = 2
    LIST_DIRECTORY = 3
    OPEN_FILE_RO = 4
    READ_FILE = 5
    CREATE_FILE = 6
    WRITE_FILE = 7
    REMOVE_FILE = 8
    CREATE_DIRECTORY = 9
    REMOVE_DIRECTORY = 10
    OPEN_FILE_WO = 11
    TRUNCATE_FILE = 12
    RENAME = 13
    CALC_FILE_CRC32 = 14
    BURST_READ_FILE = 15
    ACK = 128
    NAK = 129


class FtpError(IntEnum):
    """First byte of a NAK."""

    NONE = 0
    FAIL = 1
    FAIL_ERRNO = 2
    INVALID_DATA_SIZE = 3
    INVALID_SESSION = 4
    NO_SESSIONS_AVAILABLE = 5
    END_OF_FILE = 6
    UNKNOWN_COMMAND = 7
    FILE_EXISTS = 8
    FILE_PROTECTED = 9
    FILE_NOT_FOUND = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FtpPacket:
    """One request or reply.

    Attributes:
        seq: number of the request; its reply carries the next one, a burst's replies those after it.
        session: number of the session.
        opcode: FtpOpcode number.
        size: bytes of ``data`` that count; in requests for reading, how many are wanted.
        req_opcode: in replies, what is answered.
        burst_complete: the last packet of a burst.
        offset: place in the file [bytes].
        data: at most 239 bytes.
    """

    seq: int
    session: int
    opcode: int
    size: int = 0
    req_opcode: int = 0
    burst_complete: bool = False
    offset: int = 0
    data: bytes = b""

    @property
    def error(self) -> int:
        """A NAK's reason (FtpError number); 0 for anything else."""
        if self.opcode != FtpOpcode.NAK:
            return int(FtpError.NONE)
        return self.data[0] if self.data else int(FtpError.FAIL)

    @property
    def error_words(self) -> str:
        """A NAK's reason in words."""
        try:
            name = FtpError(self.error).name
        except ValueError:
            name = f"error {self.error}"
        is_errno = self.error == FtpError.FAIL_ERRNO and len(self.data) > 1
        return f"{name} {self.data[1]}" if is_errno else name

    def message(self, *, target_system: int, target_component: int) -> Any:
        """The FILE_TRANSFER_PROTOCOL message for a system."""
        head = _PACKET.pack(
            self.seq & 0xFFFF,
            self.session,
            self.opcode,
            self.size,
            self.req_opcode,
            int(self.burst_complete),
            0,
            self.offset,
        )
        payload = (head + self.data).ljust(_PAYLOAD_BYTES, b"\0")
        return mavlink.MAVLink_file_transfer_protocol_message(0, target_system, target_component, payload)

    def to_peer(self, peer: Peer) -> Any:
        """The message for a vehicle."""
        return self.message(target_system=peer.system, target_component=peer.component)

    @classmethod
    def from_message(cls, message: Any) -> FtpPacket:
        """From a received FILE_TRANSFER_PROTOCOL; ``data`` holds at most the ``size`` bytes that count."""
        payload = bytes(message.payload)
        seq, session, opcode, size, req_opcode, complete, _, offset = _PACKET.unpack_from(payload)
        return cls(
            seq=seq,
            session=session,
            opcode=opcode,
            size=size,
            req_opcode=req_opcode,
            burst_complete=bool(complete),
            offset=offset,
            data=payload[_PACKET.size : _PACKET.size + min(size, DATA_BYTES)],
        )


def file_name(mission_type: MissionType) -> str:
    """Where ArduPilot keeps it."""
    return f"@MISSION/{mission_type.name.lower()}.dat"


def file_size(count: int) -> int:
    """Bytes of a file of so many items."""
    return HEADER.size + count * ITEM.size


def file_crc32(content: bytes) -> int:
    """CRC-32 as CalcFileCRC32 of ArduPilot gives it: begun with 0 and not inverted at the end."""
    return zlib.crc32(content, 0xFFFFFFFF) ^ 0xFFFFFFFF


def encode_items(mission_type: MissionType, items: Sequence[WireItem]) -> bytes:
    """The file that uploads the items, in place of all that was there."""
    parts = [HEADER.pack(MAGIC, int(mission_type), 0, 0, len(items))]
    for item in items:
        fields = (*item.params, item.x, item.y, item.z, item.seq, item.command)
        flags = (0, 0, item.frame, 0, int(item.autocontinue), int(mission_type))
        parts.append(ITEM.pack(*fields, *flags))
    return b"".join(parts)


def file_chunks(content: bytes) -> list[tuple[int, bytes]]:
    """The pieces in which a file is written, with their offsets; cut between items.

    So a piece that never arrived is a whole item of zeros or a missing header, and a session that is
    closed too early by somebody else stores nothing.
    """
    step = _ITEMS_A_CHUNK * ITEM.size
    cuts = [0, *range(HEADER.size + step, len(content), step), len(content)]
    return [(a, content[a:b]) for a, b in itertools.pairwise(cuts)]


def read_count(mission_type: MissionType, content: bytes) -> int:
    """The number of items that a file's header names.

    Raises:
        LinkError: no header, or one of another file.
    """
    if len(content) < HEADER.size:
        raise LinkError(Message("the vehicle's {file_name} has no header", file_name=file_name(mission_type)))
    magic, kind, _, _, count = HEADER.unpack_from(content)
    if magic != MAGIC or kind != mission_type or count > _MOST_ITEMS:
        raise LinkError(
            Message(
                "the vehicle's {file_name} begins with {hex}, which is not the header of {words}",
                file_name=file_name(mission_type),
                hex=content[: HEADER.size].hex(),
                words=mission_type.words,
            )
        )
    return int(count)


def decode_items(mission_type: MissionType, content: bytes) -> tuple[WireItem, ...]:
    """What a read file holds; items are numbered by their place in the file.

    Raises:
        LinkError: the file is not what its header says.
    """
    count = read_count(mission_type, content)
    if len(content) != file_size(count):
        raise LinkError(
            Message(
                "the vehicle's {file_name} has {content} bytes, {file_size} are needed for {count} items",
                file_name=file_name(mission_type),
                content=len(content),
                file_size=file_size(count),
                count=count,
            )
        )
    items = []
    for seq, fields in enumerate(ITEM.iter_unpack(content[HEADER.size :])):
        p1, p2, p3, p4, x, y, z, _, command, _, _, frame, _, autocontinue, _ = fields
        items.append(
            WireItem(
                seq=seq,
                command=command,
                frame=frame,
                params=(p1, p2, p3, p4),
                x=x,
                y=y,
                z=z,
                autocontinue=bool(autocontinue),
                mission_type=mission_type,
            )
        )
    return tuple(items)
