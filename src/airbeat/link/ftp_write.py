"""Writing a file by MAVFTP: a sans-I/O state machine (see ``transfer``)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from enum import Enum, auto

from airbeat.link.ftp_session import BUSY, LOST, FtpSession
from airbeat.link.ftp_wire import FtpError, FtpOpcode, FtpPacket
from airbeat.link.timing import RetryTimer
from airbeat.link.transfer import Peer

__all__ = ["FtpWriteMachine"]


class _Phase(Enum):
    OPEN = auto()
    WRITE = auto()
    CLOSE = auto()
    """All is written and acknowledged; closing makes it valid."""
    ABORT = auto()
    """Closing an incomplete file, which the vehicle throws away."""


class FtpWriteMachine(FtpSession):
    """Creates a file, writes it in pieces, several at a time, and closes it when all are acknowledged.

    ``may_have_changed`` tells whether the vehicle may have taken the file, also without our closing it: a
    session that another one finds idle for 3 s is closed, and its file taken if it is complete.

    Args:
        chunks: offsets and pieces (``file_chunks``).
    """

    def __init__(
        self,
        peer: Peer,
        name: str,
        chunks: Sequence[tuple[int, bytes]],
        *,
        numbers: Iterator[int],
        timer: RetryTimer,
        patience_s: float = 30.0,
    ) -> None:
        super().__init__(peer, numbers=numbers, timer=timer, patience_s=patience_s)
        self.written = 0
        self.may_have_changed = False
        self._name = name.encode("ascii")
        self._chunks = tuple(chunks)
        self._phase = _Phase.OPEN
        self._opening = FtpOpcode.CREATE_FILE
        self._reason = ""

    def _open(self, now_s: float) -> None:
        self._phase = _Phase.OPEN
        self.written = 0
        self._requests.ask(self._opening, data=self._name)

    def _on_reply(self, reply: FtpPacket, now_s: float) -> None:
        refused = reply.opcode == FtpOpcode.NAK
        if reply.req_opcode == FtpOpcode.TERMINATE_SESSION:
            self._on_closed(reply)
        elif self._phase is _Phase.OPEN and reply.req_opcode == self._opening:
            if refused:
                self._on_open_refused(reply, now_s)
                return
            self._busy_since_s = None
            self._phase = _Phase.WRITE
            self.may_have_changed = True
            for offset, data in self._chunks:
                self._requests.ask(FtpOpcode.WRITE_FILE, offset=offset, data=data)
        elif self._phase is _Phase.WRITE and reply.req_opcode == FtpOpcode.WRITE_FILE:
            if refused:
                self._on_write_refused(reply, now_s)
                return
            self.written += 1
            if self.written == len(self._chunks):
                self._phase = _Phase.CLOSE
                self._requests.ask(FtpOpcode.TERMINATE_SESSION)

    def _wanted_time_s(self) -> float:
        return math.inf

    def _on_pause(self, now_s: float) -> None:
        """Writing waits for replies only."""

    def _on_open_refused(self, reply: FtpPacket, now_s: float) -> None:
        if reply.error in BUSY:
            self._on_busy(reply, now_s)
        elif reply.error == FtpError.FILE_EXISTS and self._opening is FtpOpcode.CREATE_FILE:
            self._opening = FtpOpcode.OPEN_FILE_WO
            self._begin_again(reply.error_words)
        else:
            self._fail(f"the vehicle refused to open {self._name.decode()}: {reply.error_words}")

    def _on_write_refused(self, reply: FtpPacket, now_s: float) -> None:
        if reply.error in LOST:
            self._begin_again(reply.error_words)
            return
        self._reason = f"the vehicle refused to write {self._name.decode()}: {reply.error_words}"
        self._phase = _Phase.ABORT
        self._requests.drop(FtpOpcode.WRITE_FILE)
        self._requests.ask(FtpOpcode.TERMINATE_SESSION)

    def _on_closed(self, reply: FtpPacket) -> None:
        if self._phase is _Phase.ABORT:
            self._fail(self._reason)
        elif self._phase is _Phase.CLOSE:
            self.done = True
            if reply.opcode == FtpOpcode.NAK:
                self.failure = f"the vehicle refused {self._name.decode()}: {reply.error_words}"
