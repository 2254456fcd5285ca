"""Watching a vehicle without touching it: no command, parameter or mission item is ever sent.

What is sent is a heartbeat once a second, by which routers and UDP ends know where to send, and, where no
position is heard, REQUEST_DATA_STREAM. The heartbeat does not come from system 255, whose heartbeats
ArduPilot's ground-station failsafe counts: somebody who only watches must not keep it from acting.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from airbeat.errors import LinkError
from airbeat.link.connection import Link, connect
from airbeat.link.telemetry import Happening, PositionFix, Telemetry
from airbeat.link.transport import require_address
from airbeat.link.vehicle import Vehicle

__all__ = ["OBSERVER_SYSTEM", "Observer", "Sight"]

OBSERVER_SYSTEM = 254
"""Our MAVLink system id as one who only watches."""
_CONNECT_S = 3.0
_AGAIN_S = 2.0
_LOOK_S = 0.2
_HEARD_S = 1.0
"""A vehicle that said anything so lately is heard, also where it has no position to tell [s]."""
_NO_POSITION_S = 2.5
"""Streams are asked for when no position has come for so long [s]."""
_FIRST_ASK_S = 1.0
_ASK_EVERY_S = 5.0
_GONE_S = 15.0
"""A vehicle that was silent for so long may come back as another one: the link is made anew [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was seen of a vehicle since the last time.

    Attributes:
        now: its state.
        is_embedded: whether it has said that it is airbeat's own simulation.
        is_ardupilot: whether it says that it is ArduPilot, and not that it is the embedded vehicle.
        happened: events, photographs and positions, in order.
    """

    now: Telemetry
    is_embedded: bool
    is_ardupilot: bool
    happened: tuple[Happening, ...]


class Observer:
    """Watches one address in a thread of its own, and connects again whenever it must.

    Args:
        url: as ``connect`` takes it.
        told: called in that thread, several times a second while the vehicle is heard; be quick.

    Raises:
        UsageError: the URL cannot be understood.
    """

    def __init__(self, url: str, told: Callable[[Sight], None]) -> None:
        require_address(url)
        self._url, self._told = url, told
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"airbeat observer {url}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._closing.set()
        self._thread.join(timeout=2 * _CONNECT_S)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                with connect(self._url, source_system=OBSERVER_SYSTEM, timeout_s=_CONNECT_S) as link:
                    self._watch(link)
            except LinkError:
                self._closing.wait(_AGAIN_S)

    def _watch(self, link: Link) -> None:
        vehicle = Vehicle.on(link)
        ask_s = time.monotonic() + _FIRST_ASK_S
        while not self._closing.is_set() and link.silence_s < _GONE_S:
            happened = tuple(vehicle.happened())
            now_s = time.monotonic()
            if any(isinstance(event, PositionFix) for event in happened):
                ask_s = now_s + _NO_POSITION_S
            elif now_s >= ask_s and link.silence_s < _NO_POSITION_S:
                vehicle.ask_for_observation()
                ask_s = now_s + _ASK_EVERY_S
            if happened or link.silence_s < _HEARD_S:
                embedded = vehicle.says_embedded
                self._told(
                    Sight(
                        now=vehicle.now,
                        is_embedded=embedded,
                        is_ardupilot=link.is_ardupilot and not embedded,
                        happened=happened,
                    )
                )
            self._closing.wait(_LOOK_S)
