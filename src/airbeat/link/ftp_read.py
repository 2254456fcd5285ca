"""Reading a file by MAVFTP, with its checksum: a sans-I/O state machine (see ``transfer``)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from airbeat.errors import LinkError
from airbeat.link.ftp_session import BUSY, LOST, FtpSession
from airbeat.link.ftp_wire import (
    DATA_BYTES,
    FtpError,
    FtpOpcode,
    FtpPacket,
    file_crc32,
    file_name,
    file_size,
    read_count,
)
from airbeat.link.items import MissionType
from airbeat.link.timing import RetryTimer
from airbeat.link.transfer import Peer

__all__ = ["FtpReadMachine"]

_QUIET_GAPS = 3.0
_LEAST_QUIET_S = 0.1
_MOST_READINGS = 2
"""A checksum that differs may come of a home position that moved in between: read once more."""
_SHORT_S = 0.03
"""Round trips up to here are so short that asking for every piece is quicker than a burst, which ArduPilot
sends at a measured pace."""
_READING = (FtpOpcode.BURST_READ_FILE, FtpOpcode.READ_FILE)


class FtpReadMachine(FtpSession):
    """Opens a mission file, has it sent in one burst, asks for what got lost, and compares the checksum.

    Over a short link all pieces are asked for instead, several at a time.

    Args:
        expected: how many items there should be, to ask for them before the header has arrived.

    After ``done`` without ``failure``, ``content`` is the file. What is read and the vehicle's own CRC-32
    of it agree; else the machine fails.
    """

    def __init__(
        self,
        peer: Peer,
        mission_type: MissionType,
        *,
        numbers: Iterator[int],
        timer: RetryTimer,
        expected: int = 0,
        patience_s: float = 30.0,
    ) -> None:
        super().__init__(peer, numbers=numbers, timer=timer, patience_s=patience_s)
        self.content: bytes | None = None
        self._type = mission_type
        self._expected = expected
        self._name = file_name(mission_type).encode("ascii")
        self._readings = 0
        self._pieces: dict[int, bytes] = {}
        self._size: int | None = None
        self._crc32: int | None = None
        self._bursting = False
        self._is_open = self._met_end = False
        self._data_s = math.inf
        self._longest_gap_s = 0.0
        self._opened_seq = 0

    @property
    def bytes_read(self) -> int:
        """How much has arrived."""
        return sum(map(len, self._pieces.values()))

    def on_message(self, message: Any, now_s: float) -> list[Any]:
        """Takes replies; closes the session when the file is there."""
        outgoing = super().on_message(message, now_s)
        if self.done and not outgoing and self._is_open:
            self._is_open = False
            return self._goodbye()
        return outgoing

    def _goodbye(self) -> list[Any]:
        """Closes the session without waiting for the answer; twice, for one may be lost."""
        last = FtpPacket(
            seq=self._requests.next_seq,
            session=self._requests.session,
            opcode=int(FtpOpcode.TERMINATE_SESSION),
        )
        return [last.to_peer(self._peer)] * 2

    def _open(self, now_s: float) -> None:
        self._pieces.clear()
        self._size = self._crc32 = None
        self._bursting = not 0.0 < self._timer.round_trip_s < _SHORT_S
        self._is_open = self._met_end = False
        self._data_s = math.inf
        self._requests.ask(FtpOpcode.OPEN_FILE_RO, data=self._name)
        self._requests.ask(FtpOpcode.CALC_FILE_CRC32, data=self._name)
        if self._bursting:
            self._requests.ask(FtpOpcode.BURST_READ_FILE, size=DATA_BYTES)
        else:
            self._ask_missing(file_size(self._expected))

    def _on_reply(self, reply: FtpPacket, now_s: float) -> None:
        if reply.opcode == FtpOpcode.NAK:
            self._on_refused(reply, now_s)
        elif reply.req_opcode == FtpOpcode.OPEN_FILE_RO:
            self._opened()
            self._ask_burst()
        elif reply.req_opcode == FtpOpcode.CALC_FILE_CRC32 and len(reply.data) == 4:
            self._crc32 = int.from_bytes(reply.data, "little")
        elif reply.req_opcode in _READING:
            self._on_data(reply, now_s)
        if not self.done:
            self._check(now_s)

    def _opened(self) -> None:
        if not self._is_open:
            self._opened_seq = self._requests.next_seq
        self._is_open = True
        self._busy_since_s = None

    def _on_refused(self, reply: FtpPacket, now_s: float) -> None:
        error, asked = reply.error, reply.req_opcode
        if asked == FtpOpcode.OPEN_FILE_RO:
            if self._is_open:
                return  # it was repeated, and had been opened the first time
            if error in BUSY:
                self._on_busy(reply, now_s)
            else:
                self._fail(f"the vehicle refused to open {self._name.decode()}: {reply.error_words}")
        elif asked == FtpOpcode.BURST_READ_FILE and error == FtpError.END_OF_FILE:
            self._opened()
            self._end_burst()
        elif error in LOST:
            was_asked_after = (reply.seq - 1 - self._opened_seq) & 0xFFFF < 0x8000
            if self._is_open and was_asked_after:
                self._begin_again(reply.error_words)
            else:  # it overtook the opening
                self._ask_burst()
        elif asked == FtpOpcode.READ_FILE and error == FtpError.END_OF_FILE:
            self._met_end = True  # beyond what there is, when more was expected
        else:
            self._fail(f"the vehicle refused to read {self._name.decode()}: {reply.error_words}")

    def _on_data(self, reply: FtpPacket, now_s: float) -> None:
        self._opened()
        self._requests.drop(FtpOpcode.OPEN_FILE_RO)
        if self._data_s < now_s:
            self._longest_gap_s = max(self._longest_gap_s, now_s - self._data_s)
        self._data_s = now_s
        if reply.offset % DATA_BYTES or not reply.data:
            return
        self._pieces[reply.offset] = reply.data
        if reply.offset == 0:
            try:
                self._size = file_size(read_count(self._type, reply.data))
            except LinkError as e:
                self._fail(e.message)
                return
        if self._bursting and self._size is not None and reply.offset + len(reply.data) >= self._size:
            self._end_burst()

    def _ask_burst(self) -> None:
        """Asks for the burst again if it was refused before the opening."""
        waits = self._requests.waits_for(FtpOpcode.BURST_READ_FILE)
        if self._is_open and self._bursting and not self._pieces and not waits:
            self._requests.ask(FtpOpcode.BURST_READ_FILE, size=DATA_BYTES)

    def _end_burst(self) -> None:
        """Asks for what the burst did not bring; the beginning first, which tells how much there is."""
        if not self._bursting:
            return
        self._bursting = False
        self._requests.drop(FtpOpcode.BURST_READ_FILE)
        self._ask_missing()

    def _ask_missing(self, guess: int = DATA_BYTES) -> None:
        end = guess if self._size is None else self._size
        for offset in range(0, end, DATA_BYTES):
            if offset not in self._pieces:
                self._requests.ask(FtpOpcode.READ_FILE, offset=offset, size=DATA_BYTES)

    def _quiet_s(self) -> float:
        return max(_QUIET_GAPS * self._longest_gap_s, self._timer.timeout_s, _LEAST_QUIET_S)

    def _wanted_time_s(self) -> float:
        return self._data_s + self._quiet_s() if self._bursting else math.inf

    def _on_pause(self, now_s: float) -> None:
        if now_s >= self._wanted_time_s():
            self._end_burst()

    def _check(self, now_s: float) -> None:
        if self._bursting or self._requests.waits_for(*_READING):
            return
        if self._resume_s is not None or self._closing:
            return
        if self._size is None or any(o not in self._pieces for o in range(0, self._size, DATA_BYTES)):
            if self._met_end and self._size is not None:
                self._begin_again("the file became shorter while it was read")
            elif self._is_open:
                self._ask_missing()
            return
        if self._crc32 is None:
            if not self._requests.waits_for(FtpOpcode.CALC_FILE_CRC32):
                self._requests.ask(FtpOpcode.CALC_FILE_CRC32, data=self._name)
            return
        content = b"".join(self._pieces[offset] for offset in range(0, self._size, DATA_BYTES))
        if len(content) == self._size and file_crc32(content) == self._crc32:
            self.content = content
            self.done = True
            return
        self._readings += 1
        if self._readings < _MOST_READINGS:
            self._begin_again("the checksum differs")
        else:
            self._fail("what was read and the vehicle's checksum of it differ")
