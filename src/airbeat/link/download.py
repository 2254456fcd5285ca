"""Reading a mission, fence or rally points back: a sans-I/O state machine (see ``transfer``)."""

from __future__ import annotations

import math
from typing import Any

from airbeat.link.dialect import mavlink
from airbeat.link.items import MissionType, WireItem
from airbeat.link.timing import RetryTimer
from airbeat.link.transfer import Peer, result_name

__all__ = ["DownloadMachine"]

_MOST_ITEMS = 5000
"""No autopilot stores more; a larger count is nonsense."""
_STARTING_PATIENCE_S = 6.0
"""An autopilot that is starting says UNSUPPORTED of what it will support."""
_DENIED_WAIT_S = 1.0
_DENIED_PATIENCE_S = 15.0
"""ArduPilot refuses reading while somebody uploads, and ends an upload after 8 s of silence."""


class DownloadMachine:
    """Asks for the count, then for the items, several at a time, each again until it is there.

    After ``done``: ``items`` is the complete content, or None; ``failure`` then says why not.
    """

    def __init__(
        self,
        peer: Peer,
        mission_type: MissionType,
        *,
        timer: RetryTimer | None = None,
        patience_s: float = 30.0,
    ) -> None:
        self.items: tuple[WireItem, ...] | None = None
        self.failure = ""
        self.denied = False
        self.done = False
        self.repeats = 0
        self.next_time_s = math.inf
        self._peer = peer
        self._type = mission_type
        self._timer = timer or RetryTimer()
        self._patience_s = patience_s
        self._count: int | None = None
        self._got: dict[int, WireItem] = {}
        self._asked: dict[int, tuple[float, bool]] = {}
        self._next_seq = 0
        self._list_asked: tuple[float, bool] = (0.0, False)
        self._heard_s = 0.0
        self._denied_since_s: float | None = None

    @property
    def progress(self) -> tuple[int, int]:
        """Items read, items there are (0 while unknown)."""
        return len(self._got), self._count or 0

    def start(self, now_s: float) -> list[Any]:
        """Asks how many items there are."""
        self._heard_s = now_s
        self._list_asked = (now_s, False)
        self.next_time_s = now_s + self._timer.timeout_s
        return [self._request_list()]

    def on_message(self, message: Any, now_s: float) -> list[Any]:
        """Takes MISSION_COUNT, MISSION_ITEM_INT and MISSION_ACK of our type; ignores all else."""
        if self.done:
            return []
        kind = message.get_type()
        if kind not in ("MISSION_COUNT", "MISSION_ITEM_INT", "MISSION_ACK"):
            return []
        if message.mission_type != self._type or not self._peer.is_for_us(message):
            return []
        if kind == "MISSION_COUNT":
            return self._on_count(message.count, now_s)
        if kind == "MISSION_ITEM_INT":
            return self._on_item(message, now_s)
        return self._on_ack(message.type, now_s)

    def on_time(self, now_s: float) -> list[Any]:
        """Asks again for what did not come; gives up after long silence."""
        if self.done or now_s < self.next_time_s:
            return []
        if now_s - self._heard_s > self._patience_s:
            return self._fail(f"no answer for {self._patience_s:.0f} s while reading the {self._type.words}")
        if self._count is None:
            self._timer.expired()
            self.repeats += 1
            self._list_asked = (now_s, True)
            self.next_time_s = now_s + self._timer.timeout_s
            return [self._request_list()]
        timeout_s = self._timer.timeout_s
        late = [seq for seq, (asked_s, _) in self._asked.items() if asked_s + timeout_s <= now_s]
        if late:
            self._timer.expired()
            self.repeats += len(late)
        for seq in late:
            self._asked[seq] = (now_s, True)
        self._plan_next_time()
        return [self._request(seq) for seq in late]

    def wait_for_upload(self) -> None:
        """The refusal to be read has a known reason that goes by: our own upload still goes on."""
        self._denied_since_s = None

    def _on_count(self, count: int, now_s: float) -> list[Any]:
        if self._count is not None:
            return self._changed(now_s) if count != self._count else []
        self._heard_s = now_s
        asked_s, repeated = self._list_asked
        if not repeated:
            self._timer.measured(now_s - asked_s)
        self._timer.answered()
        if count > _MOST_ITEMS:
            return self._fail(f"the vehicle claims to hold {count} items")
        self._count = count
        return self._ask_more(now_s)

    def _on_item(self, message: Any, now_s: float) -> list[Any]:
        self._heard_s = now_s
        seq = message.seq
        if self._count is None or seq not in self._asked:
            return []
        asked_s, repeated = self._asked.pop(seq)
        if not repeated:
            self._timer.measured(now_s - asked_s)
        self._timer.answered()
        self._got[seq] = WireItem.from_message(message)
        return self._ask_more(now_s)

    def _on_ack(self, result: int, now_s: float) -> list[Any]:
        if result in (
            mavlink.MAV_MISSION_ACCEPTED,
            mavlink.MAV_MISSION_INVALID_SEQUENCE,
            mavlink.MAV_MISSION_ERROR,
        ):
            return []  # left over from an upload: what counts here are counts and items
        unsupported = result == mavlink.MAV_MISSION_UNSUPPORTED
        if result != mavlink.MAV_MISSION_DENIED and not (unsupported and self._count is None):
            return []
        self._heard_s = now_s
        self._forget()
        if self._denied_since_s is None:
            self._denied_since_s = now_s
        if now_s - self._denied_since_s > (_STARTING_PATIENCE_S if unsupported else _DENIED_PATIENCE_S):
            self.denied = not unsupported
            words = f"reading the {self._type.words} was refused: {result_name(result)}"
            return self._fail(f"the vehicle does not offer {self._type.words}" if unsupported else words)
        self._list_asked = (now_s, True)
        self.next_time_s = now_s + _DENIED_WAIT_S
        return []

    def _changed(self, now_s: float) -> list[Any]:
        """Another number of items than before: somebody wrote meanwhile, what was read is worth nothing."""
        self._forget()
        self.repeats += 1
        self._list_asked = (now_s, True)
        self.next_time_s = now_s + self._timer.timeout_s
        return [self._request_list()]

    def _forget(self) -> None:
        self._count = None
        self._got.clear()
        self._asked.clear()
        self._next_seq = 0

    def _ask_more(self, now_s: float) -> list[Any]:
        assert self._count is not None  # noqa: S101
        if len(self._got) == self._count:
            self.items = tuple(self._got[seq] for seq in range(self._count))
            self.done = True
            self.next_time_s = math.inf
            return [self._ack()]
        outgoing = []
        while self._next_seq < self._count and len(self._asked) < self._timer.window:
            self._asked[self._next_seq] = (now_s, False)
            outgoing.append(self._request(self._next_seq))
            self._next_seq += 1
        self._plan_next_time()
        return outgoing

    def _plan_next_time(self) -> None:
        self.next_time_s = min(asked_s for asked_s, _ in self._asked.values()) + self._timer.timeout_s

    def _fail(self, why: str) -> list[Any]:
        self.failure = why
        self.done = True
        self.next_time_s = math.inf
        return []

    def _request_list(self) -> Any:
        return mavlink.MAVLink_mission_request_list_message(
            self._peer.system, self._peer.component, int(self._type)
        )

    def _request(self, seq: int) -> Any:
        return mavlink.MAVLink_mission_request_int_message(
            self._peer.system, self._peer.component, seq, int(self._type)
        )

    def _ack(self) -> Any:
        return mavlink.MAVLink_mission_ack_message(
            self._peer.system, self._peer.component, mavlink.MAV_MISSION_ACCEPTED, int(self._type)
        )
