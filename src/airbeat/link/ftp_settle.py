"""Ending a file that somebody left open on the vehicle by MAVFTP: a sans-I/O machine (see ``transfer``).

ArduPilot keeps a file open when its station falls silent, and takes it, if it is complete, as soon as another
session sends anything after 3 s: a mission that was given up long ago then replaces the one on the vehicle,
also one that was uploaded and verified in between. So a session that does nothing comes first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import repeat

from airbeat.link.ftp_session import BUSY, FtpSession
from airbeat.link.ftp_wire import FtpOpcode, FtpPacket
from airbeat.link.timing import RetryTimer
from airbeat.link.transfer import Peer

__all__ = ["FtpSettleMachine"]

_SESSION = 254
"""A number that our own files never have: the vehicle must take it for another session."""


class FtpSettleMachine(FtpSession):
    """Sends a request that does nothing; ``failure`` is empty once no file of anybody is open any more."""

    def __init__(self, peer: Peer, *, timer: RetryTimer, patience_s: float = 30.0) -> None:
        numbers: Iterator[int] = repeat(_SESSION)
        super().__init__(peer, numbers=numbers, timer=timer, patience_s=patience_s)

    def _open(self, now_s: float) -> None:
        self._requests.ask(FtpOpcode.NONE)

    def _on_reply(self, reply: FtpPacket, now_s: float) -> None:
        if reply.opcode == FtpOpcode.NAK and reply.error in BUSY:
            self._on_busy(reply, now_s)
            return
        self.done = True
        self.next_time_s = math.inf

    def _wanted_time_s(self) -> float:
        return math.inf

    def _on_pause(self, now_s: float) -> None:
        """Nothing is waited for but the reply."""
