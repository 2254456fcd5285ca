"""Uploading by MAVFTP or by the item protocol, whichever the vehicle offers (sans-I/O, see ``transfer``).

MAVFTP is quick, but it does not say what was wrong: ArduPilot acknowledges the end of a file whether it
took it or not, and stops storing a mission at the first item it does not like. So the verdict comes from
reading back, and whatever is not plainly well is left to the item protocol, which names the item and the
reason and leaves no half mission behind.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from airbeat.errors import LinkError
from airbeat.language.words import Message
from airbeat.link.download import DownloadMachine
from airbeat.link.ftp_choice import FtpOfferMachine, Via
from airbeat.link.ftp_read import FtpReadMachine
from airbeat.link.ftp_session import ftp_timer, session_numbers
from airbeat.link.ftp_wire import decode_items, encode_items, file_chunks, file_name
from airbeat.link.ftp_write import FtpWriteMachine
from airbeat.link.items import MissionType, WireItem, canonical_sha256, compare_items
from airbeat.link.transfer import Machine, Outcome, Peer, TransferResult
from airbeat.link.upload import UploadMachine

__all__ = ["ViaUploadMachine"]

_DIFFERS = "READ_BACK_DIFFERS"


class ViaUploadMachine:
    """One upload to the verdict; ``result`` is there once ``done``.

    Args:
        items: what to upload, numbered from 0; missions begin with home as item 0.
        via: which way; AUTO goes back to the item protocol on any doubt, FTP refuses instead.
        offers_ftp: whether the vehicle said that it speaks MAVFTP; None asks it.
        patience_s: silence of the vehicle after which the outcome is unknown [s].

    Attributes:
        offers_ftp: what the vehicle said, for the next upload.
    """

    def __init__(
        self,
        peer: Peer,
        mission_type: MissionType,
        items: Sequence[WireItem],
        *,
        via: Via = Via.AUTO,
        offers_ftp: bool | None = None,
        patience_s: float = 30.0,
    ) -> None:
        self.result: TransferResult | None = None
        self.offers_ftp = offers_ftp
        self._peer = peer
        self._type = mission_type
        self._items = tuple(items)
        self._via = via
        self._patience_s = patience_s
        self._timer = ftp_timer()
        self._numbers: Iterator[int] = iter(())
        self._machine: Machine | None = None
        self._write: FtpWriteMachine | None = None
        self._clears = False
        self._doubt = ""
        self._refused: TransferResult | None = None
        self._repeats = 0
        self._started_s = 0.0

    @property
    def done(self) -> bool:
        """Whether the verdict is there."""
        return self.result is not None

    @property
    def next_time_s(self) -> float:
        """When ``on_time`` must be called at the latest."""
        return math.inf if self._machine is None or self.done else self._machine.next_time_s

    @property
    def progress(self) -> tuple[int, int]:
        """Steps done and steps in all: every item is sent once and read once."""
        total, machine = len(self._items), self._machine
        if isinstance(machine, UploadMachine):
            return machine.progress
        if isinstance(machine, FtpWriteMachine):
            return min(machine.written * 6, total), 2 * total
        if isinstance(machine, FtpReadMachine):
            return total + min(machine.bytes_read // 38, total), 2 * total
        return (2 * total if self.done else 0), 2 * total

    def start(self, now_s: float) -> list[Any]:
        """The first messages of the way that is taken."""
        self._started_s = now_s
        self._numbers = session_numbers(now_s)
        if self._via is Via.ITEM or not self._is_worth_a_file():
            return self._by_items(now_s)
        if self._via is Via.AUTO and self.offers_ftp is None:
            return self._run(FtpOfferMachine(self._peer, timer=self._timer), now_s)
        if self._via is Via.AUTO and not self.offers_ftp:
            return self._by_items(now_s)
        return self._by_ftp(now_s)

    def on_message(self, message: Any, now_s: float) -> list[Any]:
        """Takes what the present step takes."""
        if self.done or self._machine is None:
            return []
        return self._machine.on_message(message, now_s) + self._next(now_s)

    def on_time(self, now_s: float) -> list[Any]:
        """Sends again what went unanswered; gives up after long silence."""
        if self.done or self._machine is None:
            return []
        return self._machine.on_time(now_s) + self._next(now_s)

    def _is_worth_a_file(self) -> bool:
        """An empty list is a single message by the item protocol; a lone home makes two items by a file."""
        return len(self._items) > (1 if self._type is MissionType.MISSION else 0)

    # Steps

    def _run(self, machine: Machine, now_s: float) -> list[Any]:
        self._machine = machine
        return machine.start(now_s)

    def _by_ftp(self, now_s: float) -> list[Any]:
        self._write = FtpWriteMachine(
            self._peer,
            file_name(self._type),
            file_chunks(encode_items(self._type, self._items)),
            numbers=self._numbers,
            timer=self._timer,
            patience_s=self._patience_s,
        )
        return self._run(self._write, now_s)

    def _by_items(self, now_s: float, doubt: str = "") -> list[Any]:
        self._doubt = doubt
        return self._run(
            UploadMachine(self._peer, self._type, self._items, patience_s=self._patience_s), now_s
        )

    def _clear(self, now_s: float, refused: TransferResult) -> list[Any]:
        self._refused = refused
        return self._run(UploadMachine(self._peer, self._type, (), patience_s=self._patience_s), now_s)

    def _next(self, now_s: float) -> list[Any]:
        machine = self._machine
        if machine is None or not machine.done or self.done:
            return []
        if isinstance(machine, FtpOfferMachine):
            self.offers_ftp = machine.offered
            return self._by_ftp(now_s) if machine.offered else self._by_items(now_s)
        if isinstance(machine, FtpWriteMachine):
            return self._after_write(machine, now_s)
        if isinstance(machine, FtpReadMachine):
            return self._after_read(machine, now_s)
        if isinstance(machine, DownloadMachine):
            return self._after_item_read(machine, now_s)
        assert isinstance(machine, UploadMachine)  # noqa: S101
        assert machine.result is not None  # noqa: S101
        if self._refused is not None:
            return self._after_clear(self._refused, machine.result, now_s)
        return self._after_items(machine.result, now_s)

    def _after_write(self, write: FtpWriteMachine, now_s: float) -> list[Any]:
        self._repeats += write.repeats
        if write.is_silent:
            return self._finish_unknown(now_s, write.failure)
        if not write.failure:
            read = FtpReadMachine(
                self._peer,
                self._type,
                numbers=self._numbers,
                timer=self._timer,
                expected=len(self._items),
                patience_s=self._patience_s,
            )
            return self._run(read, now_s)
        if self._via is Via.FTP:
            return self._read_items(now_s, write.failure)
        return self._by_items(now_s, write.failure)

    def _read_items(self, now_s: float, doubt: str) -> list[Any]:
        self._doubt = doubt
        return self._run(DownloadMachine(self._peer, self._type, patience_s=self._patience_s), now_s)

    def _after_read(self, read: FtpReadMachine, now_s: float) -> list[Any]:
        self._repeats += read.repeats
        if read.is_silent:
            return self._finish_unknown(now_s, read.failure)
        if read.content is None:
            return self._read_items(now_s, read.failure)
        try:
            held = decode_items(self._type, read.content)
        except LinkError as e:
            return self._read_items(now_s, e.message)
        return self._judge(held, now_s)

    def _after_item_read(self, read: DownloadMachine, now_s: float) -> list[Any]:
        self._repeats += read.repeats
        if read.items is None:
            return self._finish_unknown(now_s, read.failure)
        return self._judge(read.items, now_s)

    def _judge(self, held: tuple[WireItem, ...], now_s: float) -> list[Any]:
        differences = compare_items(self._items, held)
        if not differences:
            return self._finish_verified(now_s, held)
        if self._via is Via.AUTO:
            return self._by_items(now_s, f"after the upload by MAVFTP {differences[0]}")
        refused = self._refusal(held, differences, now_s)
        if self._holds_a_part(held):
            return self._clear(now_s, refused)
        return self._finish(refused, now_s)

    def _after_items(self, result: TransferResult, now_s: float) -> list[Any]:
        if self._doubt:
            result = replace(
                result,
                message=Message(
                    "{message} (by the item protocol: {doubt})", message=result.message, doubt=self._doubt
                ),
                attempts=2,
            )
        if result.outcome is Outcome.REFUSED and self._holds_a_part(result.read_back or ()):
            return self._clear(now_s, result)
        return self._finish(result, now_s)

    def _after_clear(self, refused: TransferResult, cleared: TransferResult, now_s: float) -> list[Any]:
        held = cleared.read_back
        if cleared.outcome is Outcome.VERIFIED:
            refused = replace(
                refused,
                on_vehicle=Message("no {words} (the incomplete one was cleared)", words=self._type.words),
                read_back=held,
                sha256=cleared.sha256,
            )
        else:
            refused = replace(
                refused,
                on_vehicle=Message(
                    "a part of this {words}, not cleared: do not fly it", words=self._type.words
                ),
            )
        return self._finish(refused, now_s)

    def _holds_a_part(self, held: Sequence[WireItem]) -> bool:
        """Whether what the vehicle holds is the beginning of what a file brought, and not all of it."""
        if self._write is None or not self._write.may_have_changed or self._type is MissionType.FENCE:
            return False
        count = len(held) - (self._type is MissionType.MISSION)
        return (
            count > 0 and len(held) < len(self._items) and not compare_items(self._items[: len(held)], held)
        )

    # Verdicts

    def _finish(self, result: TransferResult, now_s: float) -> list[Any]:
        self.result = replace(
            result, repeats=result.repeats + self._repeats, duration_s=now_s - self._started_s
        )
        return []

    def _finish_verified(self, now_s: float, held: tuple[WireItem, ...]) -> list[Any]:
        rally = self._type is MissionType.RALLY
        count = len(self._items) - (self._type is MissionType.MISSION)
        what = (
            Message("{count} rally points", count=count)
            if rally
            else Message("{count} {words} items", count=count, words=self._type.words)
        )
        how = f", {self._doubt}" if self._doubt else ""
        result = TransferResult(
            mission_type=self._type,
            outcome=Outcome.VERIFIED,
            message=Message("{what} uploaded by MAVFTP, read back and the same{how}", what=what, how=how),
            on_vehicle=Message("the complete {words}", words=self._type.words),
            read_back=held,
            sha256=canonical_sha256(held),
            attempts=self._attempts(),
        )
        return self._finish(result, now_s)

    def _attempts(self) -> int:
        return max(self._write.sessions, 1) if self._write is not None else 1

    def _refusal(self, held: tuple[WireItem, ...], differences: list[str], now_s: float) -> TransferResult:
        words = self._type.words
        count = max(len(held) - (self._type is MissionType.MISSION), 0)
        changed = self._write is not None and self._write.may_have_changed
        unsure = not count and not changed  # a vehicle that starts names none of what it keeps
        if unsure:
            on_vehicle = Message(
                "what it had before: nothing was written (it names no {words} now)", words=words
            )
        elif not count:
            on_vehicle = Message("no {words}", words=words)
        elif not changed or self._type is MissionType.FENCE:
            on_vehicle = Message("the {words} it had before ({count} items)", words=words, count=count)
        else:
            on_vehicle = Message(
                "{count} items that are not this plan's {words}: do not fly them", count=count, words=words
            )
        why = self._doubt or Message(
            "the vehicle did not take the {words} as it was sent by MAVFTP", words=words
        )
        return TransferResult(
            mission_type=self._type,
            outcome=Outcome.REFUSED,
            message=why,
            remedy="upload by the item protocol (--via item), which names the item and the reason",
            result=_DIFFERS,
            differences=tuple(differences),
            on_vehicle=on_vehicle,
            read_back=None if unsure else held,
            sha256="" if unsure else canonical_sha256(held),
            attempts=self._attempts(),
        )

    def _finish_unknown(self, now_s: float, why: str) -> list[Any]:
        words = self._type.words
        result = TransferResult(
            mission_type=self._type,
            outcome=Outcome.UNKNOWN,
            message=Message("{why}; what {words} it holds is not known", why=why, words=words),
            remedy="restore the link and upload again; do not fly before the upload is verified",
            on_vehicle=Message(
                "unknown: it may hold the old {words}, this one, or a part of it", words=words
            ),
            attempts=self._attempts(),
        )
        return self._finish(result, now_s)
