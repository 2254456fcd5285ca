"""Uploading a mission, fence or rally points: a sans-I/O state machine (see ``transfer``).

The verdict comes from reading back, never from an acknowledgement. Protocol facts this rests on
(ArduPilot's MissionItemProtocol): the vehicle asks for items and asks again; an item it did not ask for
gets INVALID_SEQUENCE and changes nothing; a bad item ends the upload; after the last item is stored,
sending it again gets ERROR; missions and rally points are written in place, fences all at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from airbeat.language.words import Message
from airbeat.link.dialect import mavlink
from airbeat.link.download import DownloadMachine
from airbeat.link.items import MissionType, WireItem, canonical_sha256, compare_items
from airbeat.link.timing import RetryTimer
from airbeat.link.transfer import Outcome, Peer, TransferResult, remedy_for, result_name
from airbeat.mission.commands import command_name

__all__ = ["UploadMachine"]

_SETTLE_S = 1.5
"""ArduPilot asks again every second while an upload lives: silence for longer confirms its end."""
_WAIT_S = 1.5
"""Between attempts while the vehicle boots or another station uploads."""
_BOOT_PATIENCE_S = 60.0
_FULL_PATIENCE_S = 6.0
"""NO_SPACE without a word on capacity may come from an autopilot that is still booting."""
_DENIED_PATIENCE_S = 15.0
_MOST_ATTEMPTS = 4
_MOST_CLEARS = 6
_AMBIGUOUS = ("ERROR", "UNSUPPORTED")
"""ERROR is said of a bad item, but also of one sent again to a vehicle that no longer listened; UNSUPPORTED
of an unknown command, but also of anything by an autopilot that is starting."""
_COUNT_REFUSALS = ("NO_SPACE", "DENIED", "ERROR", "UNSUPPORTED")
"""What is said of a count that changed nothing."""
_CAPACITY = re.compile(r"[Oo]nly (\d+) items are supported")


class _Phase(Enum):
    COUNT = auto()
    """MISSION_COUNT sent, nothing asked for yet."""
    WAIT = auto()
    """Waiting before MISSION_COUNT is sent again."""
    ITEMS = auto()
    """The vehicle asks for items."""
    SETTLE = auto()
    """The vehicle said no; waiting whether it goes on asking all the same."""
    READ_BACK = auto()
    CLEAR = auto()
    """MISSION_CLEAR_ALL sent, so that no half mission stays."""
    DONE = auto()


@dataclass(frozen=True, slots=True)
class _Ending:
    """How an attempt ended: result name and the item it was about."""

    result: str
    item: int | None


_UNCERTAIN = _Ending("", None)


class UploadMachine:
    """One upload from MISSION_COUNT to the verdict; ``result`` is there once ``done``.

    Args:
        items: what to upload, numbered from 0; missions begin with home as item 0.
        patience_s: silence of the vehicle after which the outcome is unknown [s].
    """

    def __init__(
        self,
        peer: Peer,
        mission_type: MissionType,
        items: Sequence[WireItem],
        *,
        patience_s: float = 30.0,
    ) -> None:
        self.result: TransferResult | None = None
        self.next_time_s = math.inf
        self._peer = peer
        self._type = mission_type
        self._items = tuple(items)
        self._patience_s = patience_s
        self._timer = RetryTimer()
        self._phase = _Phase.COUNT
        self._read_back: DownloadMachine | None = None
        self._started_s = 0.0
        self._heard_s = 0.0
        self._attempts = 0
        self._repeats = 0
        self._capacity: int | None = None
        self._trouble_since_s: float | None = None
        self._touched = False
        self._completed = False
        self._cleared = False
        self._clears = 0
        self._ending = _UNCERTAIN
        self._ending_is_sure = True
        self._earlier_endings: list[_Ending] = []
        self._asked_for = 0
        self._sent_at: dict[int, float] = {}
        self._sent_again: set[int] = set()

    @property
    def done(self) -> bool:
        """Whether the verdict is there."""
        return self.result is not None

    @property
    def progress(self) -> tuple[int, int]:
        """Steps done and steps in all: every item is sent once and read once."""
        total = len(self._items)
        if self._read_back is not None:
            return total + min(self._read_back.progress[0], total), 2 * total
        return min(len(self._sent_at), total), 2 * total

    def start(self, now_s: float) -> list[Any]:
        """Announces the upload."""
        self._started_s = self._heard_s = now_s
        return self._begin_attempt(now_s)

    def on_message(self, message: Any, now_s: float) -> list[Any]:
        """Takes requests, acknowledgements, read-back and STATUSTEXT; ignores all else."""
        if self.done:
            return []
        kind = message.get_type()
        if kind == "STATUSTEXT":
            found = _CAPACITY.search(message.text)
            if found and self._phase in (_Phase.COUNT, _Phase.WAIT):
                self._capacity = int(found.group(1))
            return []
        if kind not in (
            "MISSION_REQUEST",
            "MISSION_REQUEST_INT",
            "MISSION_ACK",
            "MISSION_COUNT",
            "MISSION_ITEM_INT",
        ):
            return []
        if message.mission_type != self._type or not self._peer.is_for_us(message):
            return []
        self._heard_s = now_s
        if kind.startswith("MISSION_REQUEST"):
            return self._on_request(message.seq, now_s)
        outgoing = self._on_ack(message.type, now_s) if kind == "MISSION_ACK" else []
        if self._read_back is not None and not self.done:
            outgoing = outgoing + self._read_back.on_message(message, now_s) + self._after_read_back(now_s)
        return outgoing

    def on_time(self, now_s: float) -> list[Any]:
        """Sends again what went unanswered; gives up after long silence."""
        if self.done or now_s < self.next_time_s:
            return []
        if now_s - self._heard_s > self._patience_s:
            return self._finish_unknown(now_s, f"the vehicle did not answer for {self._patience_s:.0f} s")
        if self._phase is _Phase.READ_BACK:
            assert self._read_back is not None  # noqa: S101
            return self._read_back.on_time(now_s) + self._after_read_back(now_s)
        if self._phase is _Phase.SETTLE:
            return self._begin_read_back(now_s)
        if self._phase is _Phase.WAIT:
            return self._send_count(now_s)
        self._timer.expired()
        self._repeats += 1
        if self._phase is _Phase.CLEAR:
            return self._send_clear(now_s)
        if self._phase is _Phase.COUNT:
            return self._send_count(now_s)
        return self._send_item(self._asked_for, now_s)

    # Attempts

    def _begin_attempt(self, now_s: float) -> list[Any]:
        self._attempts += 1
        self._read_back = None
        self._completed = False
        self._ending = _UNCERTAIN
        self._asked_for = 0
        self._sent_at.clear()
        self._sent_again.clear()
        return self._send_count(now_s)

    def _send_count(self, now_s: float) -> list[Any]:
        self._phase = _Phase.COUNT
        self.next_time_s = now_s + self._timer.timeout_s
        return [
            mavlink.MAVLink_mission_count_message(
                self._peer.system, self._peer.component, len(self._items), int(self._type)
            )
        ]

    def _send_item(self, seq: int, now_s: float) -> list[Any]:
        if seq in self._sent_at:
            self._sent_again.add(seq)
        self._sent_at[seq] = now_s
        self.next_time_s = now_s + self._timer.timeout_s
        return [
            self._items[seq].message(target_system=self._peer.system, target_component=self._peer.component)
        ]

    def _on_request(self, seq: int, now_s: float) -> list[Any]:
        if seq >= len(self._items) or self._phase in (_Phase.CLEAR, _Phase.DONE):
            return []
        if self._phase is _Phase.READ_BACK:
            # Either an old request on its way, then the item is ignored, or the upload goes on after all.
            assert self._read_back is not None  # noqa: S101
            self._read_back.wait_for_upload()
            self._touched = True
            if self._ending.item is None or seq > self._ending.item:
                self._ending = _UNCERTAIN  # that refusal was an old one
            return [
                self._items[seq].message(
                    target_system=self._peer.system, target_component=self._peer.component
                )
            ]
        self._touched = True
        self._trouble_since_s = None
        previous = seq - 1
        if self._phase is _Phase.ITEMS and previous in self._sent_at and previous not in self._sent_again:
            if seq not in self._sent_at:
                self._timer.measured(now_s - self._sent_at[previous])
        else:
            self._timer.answered()
        if self._ending.item is not None and seq > self._ending.item:
            self._ending = _UNCERTAIN  # the vehicle went past the item: that refusal was an old one
        if seq in self._sent_at:
            self._repeats += 1
        self._phase = _Phase.ITEMS
        self._asked_for = seq
        return self._send_item(seq, now_s)

    def _on_ack(self, result: int, now_s: float) -> list[Any]:
        if result == mavlink.MAV_MISSION_INVALID_SEQUENCE:
            return []
        if self._phase is _Phase.CLEAR:
            return self._on_clear_ack(result, now_s)
        if self._phase not in (_Phase.COUNT, _Phase.ITEMS, _Phase.SETTLE):
            return []
        if result == mavlink.MAV_MISSION_ACCEPTED:
            if not self._items or len(self._items) - 1 in self._sent_at:
                self._completed = True
                return self._begin_read_back(now_s)
            return []  # an acknowledgement of an earlier upload
        name = result_name(result)
        if self._phase is _Phase.COUNT:
            return self._on_count_refused(name, now_s)
        if name == "OPERATION_CANCELLED":
            self._ending = _Ending(name, None)
            return self._begin_read_back(now_s)
        if self._ending is _UNCERTAIN or self._ending.result in _AMBIGUOUS:
            self._ending = _Ending(name, self._asked_for)
            self._ending_is_sure = name not in _AMBIGUOUS or self._asked_for not in self._sent_again
        if self._phase is not _Phase.SETTLE:
            self._phase = _Phase.SETTLE
            self.next_time_s = now_s + _SETTLE_S
        return []

    def _on_count_refused(self, name: str, now_s: float) -> list[Any]:
        if name == "OPERATION_CANCELLED":
            return []  # the end of an earlier upload
        if self._trouble_since_s is None:
            self._trouble_since_s = now_s
        waited_s = now_s - self._trouble_since_s
        patience_s = {
            "NO_SPACE": _FULL_PATIENCE_S,
            "DENIED": _DENIED_PATIENCE_S,
            "ERROR": _FULL_PATIENCE_S,
            "UNSUPPORTED": _FULL_PATIENCE_S,
        }.get(name, _FULL_PATIENCE_S)  # what is said of items only is of an earlier upload
        if name == "NO_SPACE" and self._capacity is not None:
            patience_s = _BOOT_PATIENCE_S if self._capacity == 0 else 0.0
        if waited_s < patience_s:
            self._phase = _Phase.WAIT
            self.next_time_s = now_s + _WAIT_S
            return []
        self._ending = _Ending(name, None)
        self._phase = _Phase.SETTLE
        self.next_time_s = now_s + min(_SETTLE_S, patience_s or _SETTLE_S)
        return []

    # Reading back

    def _begin_read_back(self, now_s: float) -> list[Any]:
        self._phase = _Phase.READ_BACK
        self._read_back = DownloadMachine(
            self._peer, self._type, timer=self._timer, patience_s=self._patience_s
        )
        outgoing = self._read_back.start(now_s)
        self.next_time_s = self._read_back.next_time_s
        return outgoing

    def _after_read_back(self, now_s: float) -> list[Any]:
        read = self._read_back
        if read is None or self._phase is not _Phase.READ_BACK:
            return []
        self.next_time_s = read.next_time_s
        if not read.done:
            return []
        self._repeats += read.repeats
        if read.items is None:
            return self._finish_unread(now_s, read)
        if self._cleared:
            return self._finish_refused(now_s, read.items, [])
        differences = compare_items(self._items, read.items)
        if not differences:
            return self._finish_verified(now_s, read.items)
        if self._may_try_again():
            self._earlier_endings.append(self._ending)
            return self._begin_attempt(now_s)
        if (
            self._touched
            and not self._completed
            and self._type is not MissionType.FENCE
            and len(read.items) > 1
        ):
            self._phase = _Phase.CLEAR
            return self._send_clear(now_s)
        return self._finish_refused(now_s, read.items, differences)

    def _may_try_again(self) -> bool:
        if self._attempts >= _MOST_ATTEMPTS:
            return False
        if self._ending.result in ("", "OPERATION_CANCELLED"):
            return True
        if self._ending.result in _AMBIGUOUS:
            return not self._ending_is_sure or self._ending not in self._earlier_endings
        return False

    # Leaving no half mission behind

    def _send_clear(self, now_s: float) -> list[Any]:
        self._clears += 1
        if self._clears > _MOST_CLEARS:
            self._cleared = True
            return self._begin_read_back(now_s)
        self.next_time_s = now_s + self._timer.timeout_s
        return [
            mavlink.MAVLink_mission_clear_all_message(
                self._peer.system, self._peer.component, int(self._type)
            )
        ]

    def _on_clear_ack(self, result: int, now_s: float) -> list[Any]:
        self._cleared = True
        return self._begin_read_back(now_s)

    # Verdicts

    def _finish(self, now_s: float, **fields: Any) -> list[Any]:
        self._phase = _Phase.DONE
        self.next_time_s = math.inf
        self.result = TransferResult(
            mission_type=self._type,
            attempts=self._attempts,
            repeats=self._repeats,
            duration_s=now_s - self._started_s,
            **fields,
        )
        return []

    def _finish_verified(self, now_s: float, held: tuple[WireItem, ...]) -> list[Any]:
        count = len(self._items) - (self._type is MissionType.MISSION)
        what = (
            Message("{count} {words} items", count=count, words=self._type.words)
            if self._type is not MissionType.RALLY
            else Message("{count} rally points", count=count)
        )
        return self._finish(
            now_s,
            outcome=Outcome.VERIFIED,
            message=Message("{what} uploaded, read back and the same", what=what),
            on_vehicle=Message("the complete {words}", words=self._type.words),
            read_back=held,
            sha256=canonical_sha256(held),
        )

    def _finish_refused(self, now_s: float, held: tuple[WireItem, ...], differences: list[str]) -> list[Any]:
        result, item = self._ending.result or "READ_BACK_DIFFERS", self._ending.item
        if self._completed:
            result, item = "READ_BACK_DIFFERS", None
        return self._finish(
            now_s,
            outcome=Outcome.REFUSED,
            message=self._refusal_sentence(result, item),
            remedy=self._refusal_remedy(result),
            item=item,
            result=result,
            differences=tuple(differences),
            on_vehicle=self._content_words(held),
            read_back=held,
            sha256=canonical_sha256(held),
        )

    def _refusal_sentence(self, result: str, item: int | None) -> str:
        if result == "READ_BACK_DIFFERS":
            return Message(
                "the vehicle accepted the {words}, but holds something else", words=self._type.words
            )
        if result == "NO_SPACE" and self._capacity:
            return Message(
                "the vehicle can store {capacity} items, the {words} has {items}",
                capacity=self._capacity,
                words=self._type.words,
                items=len(self._items),
            )
        if result == "DENIED":
            return Message("the vehicle denied the upload of the {words}", words=self._type.words)
        if item is not None:
            name = command_name(self._items[item].command)
            return Message(
                "the vehicle refused item {item} ({name}) of the {words}: {result}",
                item=item,
                name=name,
                words=self._type.words,
                result=result,
            )
        return Message("the vehicle refused the {words}: {result}", words=self._type.words, result=result)

    def _refusal_remedy(self, result: str) -> str:
        if result == "NO_SPACE" and not self._capacity:
            return Message("wait until the autopilot has started, or upload fewer items")
        return remedy_for(result)

    def _content_words(self, held: Sequence[WireItem]) -> str:
        words = self._type.words
        significant = len(held) - (1 if self._type is MissionType.MISSION and held else 0)
        if significant <= 0:
            cleared = Message(" (the incomplete one was cleared)") if self._cleared else ""
            return Message("no {words}{cleared}", words=words, cleared=cleared)
        # A count that was taken unnoticed has cut a longer mission to just as many items.
        perhaps_cut = len(held) == len(self._items) and self._ending.result not in _COUNT_REFUSALS
        if self._type is MissionType.FENCE or not (self._touched or perhaps_cut):
            return Message(
                "the {words} it had before ({significant} items)", words=words, significant=significant
            )
        return Message(
            "{significant} items that are not this plan's {words}: do not fly them",
            significant=significant,
            words=words,
        )

    def _finish_unread(self, now_s: float, read: DownloadMachine) -> list[Any]:
        if read.denied and self._ending.result == "DENIED" and not self._touched:
            return self._finish(
                now_s,
                outcome=Outcome.REFUSED,
                message=Message(
                    "another ground station is uploading the {words}: DENIED", words=self._type.words
                ),
                remedy=remedy_for("DENIED"),
                result="DENIED",
                on_vehicle=Message("what the other ground station is writing"),
            )
        return self._finish_unknown(now_s, read.failure)

    def _finish_unknown(self, now_s: float, why: str) -> list[Any]:
        unsaid = Message(
            "unknown: it may hold the old {words}, this one, or a part of it", words=self._type.words
        )
        return self._finish(
            now_s,
            outcome=Outcome.UNKNOWN,
            message=Message("{why}; what {words} it holds is not known", why=why, words=self._type.words),
            remedy="restore the link and upload again; do not fly before the upload is verified",
            on_vehicle=unsaid,
        )
