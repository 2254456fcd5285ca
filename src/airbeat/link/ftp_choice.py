"""Which way a mission goes: by MAVFTP where the autopilot offers it, else by the item protocol."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Any

from airbeat.link.dialect import mavlink
from airbeat.link.timing import RetryTimer
from airbeat.link.transfer import Peer

__all__ = ["FtpOfferMachine", "Via"]

_MOST_TRIES = 5


class Via(StrEnum):
    """How missions, fences and rally points are transferred."""

    AUTO = "auto"
    """By MAVFTP where the autopilot says that it speaks it; on any doubt by the item protocol."""
    ITEM = "item"
    FTP = "ftp"


class FtpOfferMachine:
    """Asks for AUTOPILOT_VERSION; ``offered`` is then yes, no, or None when no answer came."""

    def __init__(self, peer: Peer, *, timer: RetryTimer) -> None:
        self.offered: bool | None = None
        self.done = False
        self.next_time_s = math.inf
        self._peer = peer
        self._timer = timer
        self._tries = 0
        self._asked_s = 0.0

    def start(self, now_s: float) -> list[Any]:
        """The question."""
        self._tries += 1
        self._asked_s = now_s
        self.next_time_s = now_s + self._timer.timeout_s
        command, wanted = mavlink.MAV_CMD_REQUEST_MESSAGE, mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION
        return [
            mavlink.MAVLink_command_long_message(
                self._peer.system, self._peer.component, command, 0, wanted, 0, 0, 0, 0, 0, 0
            )
        ]

    def on_message(self, message: Any, now_s: float) -> list[Any]:
        """Takes AUTOPILOT_VERSION; ignores all else."""
        if self.done or message.get_type() != "AUTOPILOT_VERSION":
            return []
        if self._tries == 1:
            self._timer.measured(now_s - self._asked_s)
        self._timer.answered()
        self.offered = bool(message.capabilities & mavlink.MAV_PROTOCOL_CAPABILITY_FTP)
        self._end()
        return []

    def on_time(self, now_s: float) -> list[Any]:
        """Asks again, or gives up."""
        if self.done or now_s < self.next_time_s:
            return []
        self._timer.expired()
        if self._tries < _MOST_TRIES:
            return self.start(now_s)
        self._end()
        return []

    def _end(self) -> None:
        self.done = True
        self.next_time_s = math.inf
