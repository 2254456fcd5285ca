"""What writing and reading a file by MAVFTP share: sessions begun anew, busy vehicles, silence."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from airbeat.link.ftp_requests import FtpRequests
from airbeat.link.ftp_wire import FtpError, FtpOpcode, FtpPacket
from airbeat.link.timing import RetryTimer
from airbeat.link.transfer import Peer

__all__ = ["BUSY", "LOST", "FtpSession", "ftp_timer", "session_numbers"]

BUSY = frozenset({FtpError.INVALID_SESSION, FtpError.NO_SESSIONS_AVAILABLE, FtpError.FAIL})
"""Refusals of an opening that go by: ArduPilot serves one session, and ends it after 3 s of silence."""
LOST = frozenset({FtpError.INVALID_SESSION, FtpError.FILE_NOT_FOUND, FtpError.FAIL})
"""Refusals of writing and reading that tell that the session is no longer ours."""
_BUSY_WAIT_S = 3.3
"""ArduPilot ends a session after 3 s without sending a reply, and a refusal to us is a reply as well: asking
more often would keep the other session alive."""
_FAIL_WAIT_S = 0.3
_BUSY_PATIENCE_S = 10.0
_UNANSWERED_S = 6.0
"""No word by FTP for so long, while the vehicle says other things, means that it does not speak it."""
_MOST_SESSIONS = 6
_LEAST_TIMEOUT_S = 0.04


def ftp_timer() -> RetryTimer:
    """When to ask again by MAVFTP: sooner than elsewhere, for a request that arrives twice changes nothing.

    It counts for the last requests of a file: no later answer tells that they were lost.
    """
    return RetryTimer(least_s=_LEAST_TIMEOUT_S)


def session_numbers(now_s: float) -> Iterator[int]:
    """Session numbers 1…250 that others, and we ourselves a while ago, are unlikely to use."""
    number = int(now_s * 20.0) % 250
    while True:
        yield number + 1
        number = (number + 1) % 250


class FtpSession(ABC):
    """One file, through as many sessions as it takes. A sans-I/O machine (see ``transfer``).

    After ``done``: ``failure`` is empty, or says why it could not be done. ``is_silent`` then tells that
    the vehicle stopped answering, so that it is not known what came of it.

    Args:
        numbers: session numbers; each session takes the next.
        patience_s: silence by FTP after which the machine gives up [s].
    """

    def __init__(
        self, peer: Peer, *, numbers: Iterator[int], timer: RetryTimer, patience_s: float = 30.0
    ) -> None:
        self.done = False
        self.failure = ""
        self.is_silent = False
        self.sessions = 0
        self.next_time_s = math.inf
        self._peer = peer
        self._numbers = numbers
        self._timer = timer
        self._patience_s = patience_s
        self._requests = FtpRequests(peer, session=0, first_seq=0, timer=timer)
        self._earlier_repeats = 0
        self._started_s = self._answered_s = self._heard_s = 0.0
        self._was_answered = False
        self._busy_since_s: float | None = None
        self._resume_s: float | None = None
        self._closing = False

    @property
    def repeats(self) -> int:
        """Requests sent again."""
        return self._earlier_repeats + self._requests.repeats

    @abstractmethod
    def _open(self, now_s: float) -> None:
        """Queues the first requests of a session."""

    @abstractmethod
    def _on_reply(self, reply: FtpPacket, now_s: float) -> None:
        """Takes an answer to one of our requests."""

    @abstractmethod
    def _on_pause(self, now_s: float) -> None:
        """Does what waited for ``_wanted_time_s``."""

    @abstractmethod
    def _wanted_time_s(self) -> float:
        """When ``_on_pause`` wants to be called."""

    def start(self, now_s: float) -> list[Any]:
        """Opens the file."""
        self._started_s = self._answered_s = self._heard_s = now_s
        self._begin_session(now_s)
        return self._outgoing(now_s)

    def on_message(self, message: Any, now_s: float) -> list[Any]:
        """Takes FILE_TRANSFER_PROTOCOL; of everything else only notes that the vehicle is there."""
        if self.done:
            return []
        self._heard_s = now_s
        if message.get_type() != "FILE_TRANSFER_PROTOCOL" or not self._peer.is_for_us(message):
            return []
        reply = self._requests.take(message, now_s)
        if reply is None:
            return []
        self._answered_s = now_s
        self._was_answered = True
        if not self._closing:
            self._on_reply(reply, now_s)
        elif reply.req_opcode == FtpOpcode.TERMINATE_SESSION:
            self._begin_session(now_s)
        return self._outgoing(now_s)

    def on_time(self, now_s: float) -> list[Any]:
        """Sends what is due; gives up after long silence."""
        if self.done or now_s < self.next_time_s:
            return []
        if now_s - self._answered_s > self._patience_s:
            self.is_silent = True
            self._fail(f"the vehicle did not answer by MAVFTP for {self._patience_s:.0f} s")
            return []
        if (
            not self._was_answered
            and now_s - self._started_s > _UNANSWERED_S
            and now_s - self._heard_s < _UNANSWERED_S / 2
        ):
            self._fail("the vehicle does not answer by MAVFTP")
            return []
        if self._resume_s is not None and now_s >= self._resume_s:
            self._resume_s = None
            self._begin_session(now_s)
        if not self._closing:
            self._on_pause(now_s)
        return self._outgoing(now_s)

    def _outgoing(self, now_s: float) -> list[Any]:
        if self.done:
            self.next_time_s = math.inf
            return []
        messages = self._requests.outgoing(now_s)
        resume_s = math.inf if self._resume_s is None else self._resume_s
        give_up_s = now_s + 1.0
        wanted_s = math.inf if self._closing else self._wanted_time_s()
        self.next_time_s = min(self._requests.next_time_s, wanted_s, resume_s, give_up_s)
        return messages

    def _begin_session(self, now_s: float) -> None:
        self._earlier_repeats += self._requests.repeats
        self._requests = FtpRequests(
            self._peer,
            session=next(self._numbers),
            first_seq=self._requests.next_seq + 1 if self.sessions else int(now_s * 1000.0),
            timer=self._timer,
        )
        self.sessions += 1
        self._closing = False
        self._open(now_s)

    def _begin_again(self, why: str) -> None:
        """The session is of no use: another one once it is closed, or the end."""
        if self.sessions >= _MOST_SESSIONS:
            self._fail(f"MAVFTP sessions do not last: {why}")
            return
        self._closing = True
        self._requests.drop(*FtpOpcode)
        self._requests.ask(FtpOpcode.TERMINATE_SESSION)

    def _on_busy(self, reply: FtpPacket, now_s: float) -> None:
        """The file could not be opened because a session is open: later again, or the end."""
        if self._busy_since_s is None:
            self._busy_since_s = now_s
        if now_s - self._busy_since_s > _BUSY_PATIENCE_S:
            self._fail(f"another ground station holds the vehicle's MAVFTP session: {reply.error_words}")
            return
        self._requests.drop(*FtpOpcode)
        self._resume_s = now_s + _BUSY_WAIT_S
        if reply.error == FtpError.FAIL:
            # A session of this number is open: our own, whose opening was answered but the answer lost.
            self._requests.ask(FtpOpcode.TERMINATE_SESSION)
            self._resume_s = now_s + max(_FAIL_WAIT_S, self._timer.timeout_s)
        self.sessions -= 1  # waiting for others does not count

    def _fail(self, why: str) -> None:
        self.failure = why
        self.done = True
        self.next_time_s = math.inf
