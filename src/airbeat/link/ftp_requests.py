"""Requests of one MAVFTP session: several under way at a time, each sent again until it is answered."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

from airbeat.link.ftp_wire import FtpOpcode, FtpPacket
from airbeat.link.timing import RetryTimer
from airbeat.link.transfer import Peer

__all__ = ["FtpRequests"]

_AT_ONCE = 2
_EVERY_S = 0.0012
"""ArduPilot queues five requests and drops what comes on top. It empties the queue every 2.5 to 5.6 ms (two
passes of SITL's main loop), so that more than two at once after a pause fill it before it is served."""
_ENOUGH = 0.999
"""Of an allowance of one packet: sums of short times are not exact."""
_WINDOW = 16.0
_LEAST_WINDOW = 4.0
_MOST_WINDOW = 48.0
_QUEUEING_S = 0.1
"""Round trips longer than the shortest by this and a half tell that the link is full."""
_REORDER_S = 0.003
"""Least time that a request may be overtaken by; asking again for what was only overtaken does no harm."""
_AFTER_BURST = 1000
"""A burst numbers its packets on from its request; ArduPilot takes a request numbered one below the last
reply for a repeated one, so the numbers after a burst stay clear of it."""


@dataclass(slots=True)
class _Pending:
    packet: FtpPacket
    sent_s: float = -math.inf
    order: int = -1
    under_way: bool = False
    repeated: bool = False


class FtpRequests:
    """Sends requests and matches replies by session, number and what they answer; sans-I/O.

    A reply to a request sent later tells after a short grace that an earlier one was lost; the last ones
    wait for the retransmission time-out. Stale and duplicate replies are dropped. A burst's request counts
    as answered by its first packet; all of its packets are handed on.

    Args:
        session: number of the session, chosen by us, as ArduPilot lets the client do.
        first_seq: number of the first request.
        timer: shared with what is asked before and after.
    """

    def __init__(self, peer: Peer, *, session: int, first_seq: int, timer: RetryTimer) -> None:
        self.session = session
        self.repeats = 0
        self.next_time_s = math.inf
        self._peer = peer
        self._timer = timer
        self._seq = first_seq & 0xFFFF
        self._pending: dict[int, _Pending] = {}
        self._queue: deque[int] = deque()
        self._window = _WINDOW
        self._orders = 0
        self._newest_answered = -1
        self._shortest_s = math.inf
        self._smoothed_s = 0.0
        self._shrunk_s = -math.inf
        self._allowance = float(_AT_ONCE)
        self._counted_s = -math.inf

    @property
    def next_seq(self) -> int:
        """Number of the next request."""
        return self._seq

    def waits_for(self, *opcodes: FtpOpcode) -> bool:
        """Whether such a request is unanswered."""
        return any(p.packet.opcode in opcodes for p in self._pending.values())

    def ask(self, opcode: FtpOpcode, *, offset: int = 0, data: bytes = b"", size: int | None = None) -> None:
        """Queues a request; ``outgoing`` sends it."""
        packet = FtpPacket(
            seq=self._seq,
            session=self.session,
            opcode=int(opcode),
            size=len(data) if size is None else size,
            offset=offset,
            data=data,
        )
        self._pending[self._seq] = _Pending(packet)
        self._queue.append(self._seq)
        self._seq = (self._seq + (_AFTER_BURST if opcode is FtpOpcode.BURST_READ_FILE else 1)) & 0xFFFF

    def drop(self, *opcodes: FtpOpcode) -> None:
        """Forgets unanswered requests of these kinds."""
        for seq in [s for s, p in self._pending.items() if p.packet.opcode in opcodes]:
            self._forget(seq)

    def take(self, message: Any, now_s: float) -> FtpPacket | None:
        """The reply that a FILE_TRANSFER_PROTOCOL message is to one of our requests, or None."""
        reply = FtpPacket.from_message(message)
        if reply.session != self.session or reply.opcode not in (FtpOpcode.ACK, FtpOpcode.NAK):
            return None
        if reply.req_opcode == FtpOpcode.BURST_READ_FILE:
            asked = [s for s, p in self._pending.items() if p.packet.opcode == reply.req_opcode]
            for seq in asked:
                self._answered(seq, now_s)
            return reply
        seq = (reply.seq - 1) & 0xFFFF
        pending = self._pending.get(seq)
        if pending is None or pending.packet.opcode != reply.req_opcode:
            return None
        self._answered(seq, now_s)
        return reply

    def outgoing(self, now_s: float) -> list[Any]:
        """What to send now; sets ``next_time_s``."""
        self._mark_lost(now_s)
        if now_s > self._counted_s:
            self._allowance = min(_AT_ONCE, self._allowance + (now_s - self._counted_s) / _EVERY_S)
            self._counted_s = now_s
        messages = []
        under_way = sum(p.under_way for p in self._pending.values())
        while self._queue and under_way < int(self._window) and self._allowance > _ENOUGH:
            pending = self._pending[self._queue.popleft()]
            pending.repeated = pending.repeated or pending.order >= 0
            self.repeats += pending.order >= 0
            pending.sent_s, pending.order, pending.under_way = now_s, self._orders, True
            self._orders += 1
            self._allowance -= 1.0
            under_way += 1
            messages.append(pending.packet.to_peer(self._peer))
        waits = [self._deadline_s(p) for p in self._pending.values() if p.under_way]
        if self._queue and under_way < int(self._window):
            waits.append(now_s + (1.0 - self._allowance) * _EVERY_S)
        self.next_time_s = min(waits, default=math.inf)
        return messages

    def _forget(self, seq: int) -> _Pending:
        pending = self._pending.pop(seq)
        if not pending.under_way:
            self._queue.remove(seq)
        return pending

    def _answered(self, seq: int, now_s: float) -> None:
        pending = self._forget(seq)
        self._newest_answered = max(self._newest_answered, pending.order)
        self._timer.answered()
        if pending.repeated:
            return
        round_trip_s = now_s - pending.sent_s
        self._timer.measured(round_trip_s)
        self._shortest_s = min(self._shortest_s, round_trip_s)
        self._smoothed_s += (round_trip_s - self._smoothed_s) / (8 if self._smoothed_s else 1)
        if round_trip_s <= 1.5 * self._shortest_s + _QUEUEING_S:
            self._window = min(self._window + 1.0, _MOST_WINDOW)
        elif round_trip_s > 2.0 * self._shortest_s + 2 * _QUEUEING_S:
            self._shrink(now_s)

    def _shrink(self, now_s: float) -> None:
        """Fewer at a time, once in a round trip."""
        if now_s - self._shrunk_s > self._smoothed_s:
            self._shrunk_s = now_s
            self._window = max(0.7 * self._window, _LEAST_WINDOW)

    def _deadline_s(self, pending: _Pending) -> float:
        time_out_s = pending.sent_s + self._timer.timeout_s
        if pending.order >= self._newest_answered:
            return time_out_s
        grace_s = max(self._shortest_s / 4, _REORDER_S) if self._smoothed_s else self._timer.timeout_s
        return min(time_out_s, pending.sent_s + self._smoothed_s + grace_s)

    def _mark_lost(self, now_s: float) -> None:
        late = [s for s, p in self._pending.items() if p.under_way and self._deadline_s(p) <= now_s]
        if any(self._pending[s].order >= self._newest_answered for s in late):
            self._timer.expired()
            self._shrink(now_s)
        for seq in late:
            self._pending[seq].under_way = False
        self._queue.extendleft(reversed(late))
