"""Reading by MAVFTP or by the item protocol, whichever the vehicle offers (sans-I/O, see ``transfer``)."""

from __future__ import annotations

import math
from typing import Any

from airbeat.errors import LinkError
from airbeat.link.download import DownloadMachine
from airbeat.link.ftp_choice import FtpOfferMachine, Via
from airbeat.link.ftp_read import FtpReadMachine
from airbeat.link.ftp_session import ftp_timer, session_numbers
from airbeat.link.ftp_wire import decode_items
from airbeat.link.items import MissionType, WireItem
from airbeat.link.transfer import Machine, Peer

__all__ = ["ViaDownloadMachine"]


class ViaDownloadMachine:
    """Reads what the vehicle holds. After ``done``: ``items``, or None and ``failure`` says why not.

    Args:
        via: which way; AUTO goes back to the item protocol on any doubt.
        offers_ftp: whether the vehicle said that it speaks MAVFTP; None asks it.
    """

    def __init__(
        self,
        peer: Peer,
        mission_type: MissionType,
        *,
        via: Via = Via.AUTO,
        offers_ftp: bool | None = None,
        patience_s: float = 30.0,
    ) -> None:
        self.items: tuple[WireItem, ...] | None = None
        self.failure = ""
        self.done = False
        self.offers_ftp = offers_ftp
        self._peer = peer
        self._type = mission_type
        self._via = via
        self._patience_s = patience_s
        self._timer = ftp_timer()
        self._machine: Machine | None = None

    @property
    def next_time_s(self) -> float:
        """When ``on_time`` must be called at the latest."""
        return math.inf if self._machine is None or self.done else self._machine.next_time_s

    def start(self, now_s: float) -> list[Any]:
        """The first messages of the way that is taken."""
        if self._via is Via.AUTO and self.offers_ftp is None:
            return self._run(FtpOfferMachine(self._peer, timer=self._timer), now_s)
        if self._via is Via.FTP or (self._via is Via.AUTO and self.offers_ftp):
            return self._by_ftp(now_s)
        return self._by_items(now_s)

    def on_message(self, message: Any, now_s: float) -> list[Any]:
        """Takes what the present step takes."""
        if self.done or self._machine is None:
            return []
        return self._machine.on_message(message, now_s) + self._next(now_s)

    def on_time(self, now_s: float) -> list[Any]:
        """Asks again for what did not come."""
        if self.done or self._machine is None:
            return []
        return self._machine.on_time(now_s) + self._next(now_s)

    def _run(self, machine: Machine, now_s: float) -> list[Any]:
        self._machine = machine
        return machine.start(now_s)

    def _by_ftp(self, now_s: float) -> list[Any]:
        numbers = session_numbers(now_s)
        read = FtpReadMachine(
            self._peer, self._type, numbers=numbers, timer=self._timer, patience_s=self._patience_s
        )
        return self._run(read, now_s)

    def _by_items(self, now_s: float) -> list[Any]:
        return self._run(DownloadMachine(self._peer, self._type, patience_s=self._patience_s), now_s)

    def _next(self, now_s: float) -> list[Any]:
        machine = self._machine
        if machine is None or not machine.done:
            return []
        if isinstance(machine, FtpOfferMachine):
            self.offers_ftp = machine.offered
            return self._by_ftp(now_s) if machine.offered else self._by_items(now_s)
        if isinstance(machine, FtpReadMachine):
            return self._after_ftp(machine, now_s)
        assert isinstance(machine, DownloadMachine)  # noqa: S101
        self.items, self.failure, self.done = machine.items, machine.failure, True
        return []

    def _after_ftp(self, read: FtpReadMachine, now_s: float) -> list[Any]:
        failure = read.failure
        if read.content is not None:
            try:
                self.items = decode_items(self._type, read.content)
            except LinkError as e:
                failure = e.message
        if self.items is None and self._via is Via.AUTO and not read.is_silent:
            return self._by_items(now_s)
        self.failure, self.done = failure, True
        return []
