"""MAVFTP as ArduPilot answers it, for the files that hold mission, fence and rally points.

Behaviour follows ArduPilot's GCS_FTP and AP_Filesystem_Mission: one session at a time, numbered by the
client, and taken over after 3 s of silence; a repeated request gets the last reply again; a written file is
taken when its session is closed, and the answer to closing does not say whether it was. A file with a wrong
header, a wrong number of items or an item of zeros changes nothing; a mission with a bad item behind good
ones is stored up to that item.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airbeat.link.dialect import mavlink
from airbeat.link.ftp_wire import (
    DATA_BYTES,
    HEADER,
    ITEM,
    MAGIC,
    FtpError,
    FtpOpcode,
    FtpPacket,
    file_crc32,
    file_name,
)
from airbeat.link.items import MissionType
from airbeat.mission.commands import MavCmd
from airbeat.sim.vehicle.storage import FenceList, ItemList

if TYPE_CHECKING:
    from airbeat.sim.vehicle.copter import Copter

__all__ = ["FtpServer"]

_SESSION_TIMEOUT_S = 3.0
_STATED_SIZE = 1024 * 1024
"""ArduPilot does not count a file's bytes before it is read, and names this size instead."""
_MOST_BYTES = 65535 * ITEM.size + HEADER.size
_BURST_PACKETS = 500
_NO_CLEAR = 1
_ENOSPC = 28
_ACCEPTED = int(mavlink.MAV_MISSION_ACCEPTED)
_FIELDS = (
    *("param1", "param2", "param3", "param4", "x", "y", "z", "seq", "command"),
    *("target_system", "target_component", "frame", "current", "autocontinue", "mission_type"),
)
_FILES = {file_name(kind): kind for kind in MissionType}


class _RefusedError(Exception):
    """A NAK: its data bytes."""

    def __init__(self, *data: int) -> None:
        super().__init__(data)
        self.data = bytes(data)


class FtpServer:
    """The vehicle's side of MAVFTP."""

    def __init__(self, copter: Copter) -> None:
        self._copter = copter
        self._open: MissionType | None = None
        self._written: bytearray | None = None
        self._session: int | None = None
        self._sent_s = -_SESSION_TIMEOUT_S
        self._last: tuple[tuple[int, int], FtpPacket] | None = None

    @property
    def writing(self) -> bool:
        """Whether a ground station is writing a file."""
        return self._written is not None

    def handle(self, link: int, message: Any) -> None:
        """Takes a FILE_TRANSFER_PROTOCOL message."""
        request = FtpPacket.from_message(message)
        if request.opcode in (FtpOpcode.ACK, FtpOpcode.NAK):
            return
        who = (message.get_srcSystem(), message.get_srcComponent())
        if self._last is not None and self._last[0] == who:
            reply = self._last[1]
            if (reply.session, reply.seq) == (request.session, (request.seq + 1) & 0xFFFF):
                self._reply(link, who, reply)
                return
        try:
            if request.size > DATA_BYTES:
                raise _RefusedError(FtpError.INVALID_DATA_SIZE)
            self._check_session(request)
            if request.opcode == FtpOpcode.BURST_READ_FILE:
                self._burst(link, who, request)
            else:
                offset, data = self._answer(request)
                self._reply(link, who, _packet(request, FtpOpcode.ACK, offset=offset, data=data))
        except _RefusedError as refusal:
            self._reply(link, who, _packet(request, FtpOpcode.NAK, data=refusal.data))

    def _reply(self, link: int, who: tuple[int, int], reply: FtpPacket) -> None:
        self._last = (who, reply)
        self._sent_s = self._copter.time_s
        if reply.req_opcode == FtpOpcode.TERMINATE_SESSION:
            self._sent_s = -_SESSION_TIMEOUT_S
        self._copter.send(link, reply.message(target_system=who[0], target_component=who[1]))

    def _check_session(self, request: FtpPacket) -> None:
        if request.session == self._session or self._open is None:
            return
        if request.opcode in (FtpOpcode.TERMINATE_SESSION, FtpOpcode.RESET_SESSIONS):
            return
        if self._copter.time_s - self._sent_s < _SESSION_TIMEOUT_S:
            raise _RefusedError(FtpError.INVALID_SESSION)
        self._close()

    def _answer(self, request: FtpPacket) -> tuple[int, bytes]:
        """Offset and data of the acknowledgement."""
        opcode = request.opcode
        if opcode in (FtpOpcode.TERMINATE_SESSION, FtpOpcode.RESET_SESSIONS):
            if request.session == self._session:
                self._close()
        elif opcode == FtpOpcode.OPEN_FILE_RO:
            if self._open is not None and self._copter.time_s - self._sent_s > _SESSION_TIMEOUT_S:
                self._close()
            self._begin(request, writing=False)
            return 0, _STATED_SIZE.to_bytes(4, "little")
        elif opcode in (FtpOpcode.CREATE_FILE, FtpOpcode.OPEN_FILE_WO):
            self._begin(request, writing=True)
        elif opcode == FtpOpcode.READ_FILE:
            content = self._readable()[request.offset : request.offset + min(request.size, DATA_BYTES)]
            if not content:
                raise _RefusedError(FtpError.END_OF_FILE)
            return request.offset, content
        elif opcode == FtpOpcode.WRITE_FILE:
            self._write(request)
            return request.offset, b""
        elif opcode == FtpOpcode.CALC_FILE_CRC32:
            return 0, file_crc32(self._content(self._named(request))).to_bytes(4, "little")
        elif opcode != FtpOpcode.NONE:
            self._copter.say(int(mavlink.MAV_SEVERITY_DEBUG), f"Unsupported FTP: {opcode}")
            raise _RefusedError(FtpError.FAIL)
        return 0, b""

    # Files

    def _named(self, request: FtpPacket) -> MissionType:
        name = request.data.split(b"\0", 1)[0]
        if not name or len(name) != request.size:
            raise _RefusedError(FtpError.INVALID_DATA_SIZE)
        kind = _FILES.get(name.decode("ascii", "replace"))
        if kind is None:
            raise _RefusedError(FtpError.FILE_NOT_FOUND)
        return kind

    def _begin(self, request: FtpPacket, *, writing: bool) -> None:
        if self._open is not None:
            raise _RefusedError(FtpError.FAIL)
        self._open = self._named(request)
        self._session = request.session
        self._written = bytearray() if writing else None

    def _readable(self) -> bytes:
        if self._open is None:
            raise _RefusedError(FtpError.FILE_NOT_FOUND)
        if self._written is not None:
            raise _RefusedError(FtpError.FAIL)
        return self._content(self._open)

    def _write(self, request: FtpPacket) -> None:
        if self._open is None:
            raise _RefusedError(FtpError.FILE_NOT_FOUND)
        if self._written is None:
            raise _RefusedError(FtpError.FAIL)
        end = request.offset + len(request.data)
        if request.offset == 0 and len(request.data) >= HEADER.size:
            # The header's count gives the file its size; what is never written stays zero.
            count = HEADER.unpack_from(request.data)[-1]
            end = max(end, HEADER.size + count * ITEM.size)
        if end > _MOST_BYTES:
            raise _RefusedError(FtpError.FAIL_ERRNO, _ENOSPC)
        self._written.extend(bytes(max(0, end - len(self._written))))
        self._written[request.offset : request.offset + len(request.data)] = request.data

    def _burst(self, link: int, who: tuple[int, int], request: FtpPacket) -> None:
        content = self._readable()
        step = request.size or DATA_BYTES
        offset = request.offset
        for number in range(_BURST_PACKETS):
            data = content[offset : offset + step]
            end = number == _BURST_PACKETS - 1
            opcode = FtpOpcode.ACK if data else FtpOpcode.NAK
            reply = _packet(
                request,
                opcode,
                number=number,
                offset=offset,
                data=data or bytes([FtpError.END_OF_FILE]),
                burst_complete=end and bool(data),
            )
            self._reply(link, who, reply)
            if not data:
                return
            offset += len(data)

    def _content(self, kind: MissionType) -> bytes:
        items = self._copter.transfers[int(kind)].items
        count = _stored(items)
        parts = [HEADER.pack(MAGIC, int(kind), 0, 0, count)]
        for seq in range(count):
            fields = items.fields(seq)
            if isinstance(fields, int):
                break
            parts.append(ITEM.pack(*(fields.get(name, 0) for name in _FIELDS)))
        return b"".join(parts)

    # Taking a written file

    def _close(self) -> None:
        kind, written = self._open, self._written
        self._open = self._written = self._session = None
        if kind is not None and written is not None:
            self._take(kind, bytes(written))

    def _take(self, kind: MissionType, content: bytes) -> None:
        if len(content) < HEADER.size:
            return
        magic, _, options, start, count = HEADER.unpack_from(content)
        body = content[HEADER.size :]
        packed = [body[at : at + ITEM.size] for at in range(0, len(body) - ITEM.size + 1, ITEM.size)]
        if magic != MAGIC or len(packed) != count or not all(map(any, packed)):
            return
        packets = [SimpleNamespace(**dict(zip(_FIELDS, ITEM.unpack(p), strict=True))) for p in packed]
        items = self._copter.transfers[int(kind)].items
        if isinstance(items, FenceList):
            self._take_fence(items, packets, options)
        else:
            _take_in_place(items, packets, options=options, start=start)

    def _take_fence(self, items: FenceList, packets: list[SimpleNamespace], options: int) -> None:
        if options & _NO_CLEAR or len(packets) > items.capacity:
            return
        fresh = FenceList(items.capacity, items.watch)
        fresh.begin(len(packets))
        for seq, packet in enumerate(packets):
            packet.seq = seq
            if fresh.put(packet, len(packets) - 1) != _ACCEPTED:
                return
        for severity, words in fresh.finish()[1]:
            self._copter.say(severity, words)


def _take_in_place(items: ItemList, packets: list[SimpleNamespace], *, options: int, start: int) -> None:
    """Missions and rally points: emptied, then stored up to the first item that is refused."""
    is_rally = items.mission_type == MissionType.RALLY
    if options & _NO_CLEAR:
        if is_rally:
            return
    else:
        items.clear()
        start = 0 if is_rally else start
    for number, packet in enumerate(packets):
        packet.seq = number + start
        target = packet.param1
        if packet.command == MavCmd.DO_JUMP and not is_rally and not 1 <= target < len(packets):
            return
        if items.put(packet, len(packets) - 1) != _ACCEPTED:
            return


def _stored(items: ItemList) -> int:
    """Items that are stored now; a fence counts those of an upload that has begun."""
    return len(items.watch.items) if isinstance(items, FenceList) else items.count()


def _packet(
    request: FtpPacket,
    opcode: FtpOpcode,
    *,
    number: int = 0,
    offset: int = 0,
    data: bytes = b"",
    burst_complete: bool = False,
) -> FtpPacket:
    return FtpPacket(
        seq=(request.seq + 1 + number) & 0xFFFF,
        session=request.session,
        opcode=int(opcode),
        size=len(data),
        req_opcode=request.opcode,
        burst_complete=burst_complete,
        offset=offset,
        data=data,
    )
