"""What all transfers share: whom we talk to, what came of it, and what answers mean.

The machines are sans-I/O. Feed ``start(now_s)``, then every received message to ``on_message`` and the
passing of time to ``on_time``; each returns the messages to send. ``next_time_s`` says when ``on_time``
wants to be called at the latest, and ``done`` when the result is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from airbeat.link.dialect import mavlink
from airbeat.link.items import MissionType, WireItem

__all__ = ["Machine", "Outcome", "Peer", "TransferResult", "remedy_for", "result_name"]


class Machine(Protocol):
    """A sans-I/O exchange with the vehicle."""

    @property
    def done(self) -> bool:
        """Whether the result is there."""

    @property
    def next_time_s(self) -> float:
        """When ``on_time`` must be called at the latest."""

    def start(self, now_s: float) -> list[Any]:
        """The first messages to send."""

    def on_message(self, message: Any, now_s: float) -> list[Any]:
        """What to send upon a received message."""

    def on_time(self, now_s: float) -> list[Any]:
        """What to send because time passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The vehicle's ids and our own."""

    system: int
    component: int
    own_system: int
    own_component: int

    def is_for_us(self, message: Any) -> bool:
        """Whether a message with target fields is addressed to us (or to everybody)."""
        return message.target_system in (0, self.own_system) and message.target_component in (
            0,
            self.own_component,
        )


class Outcome(StrEnum):
    """What came of a transfer."""

    VERIFIED = "verified"
    """Read back, and it says the same as what was sent."""
    REFUSED = "refused"
    """The vehicle said no, or holds something else."""
    UNKNOWN = "unknown"
    """The link or the vehicle fell silent; what it holds was not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferResult:
    """What came of one upload.

    Attributes:
        mission_type: what was uploaded.
        outcome: verified, refused or unknown.
        message: one sentence for people.
        remedy: what to do about it; empty when verified.
        item: the item that was refused, or None.
        result: MAV_MISSION_RESULT name of a refusal, else empty.
        differences: between what was sent and what was read back, in words.
        on_vehicle: what the vehicle is known to hold now, in words.
        read_back: what was read from the vehicle at the end, or None when it was not read.
        sha256: canonical hash of the read-back, or empty.
        attempts: how often the transfer was begun.
        repeats: messages that had to be sent again.
        duration_s: from the first message to the verdict [s of the caller's clock].
    """

    mission_type: MissionType
    outcome: Outcome
    message: str
    remedy: str = ""
    item: int | None = None
    result: str = ""
    differences: tuple[str, ...] = ()
    on_vehicle: str = ""
    read_back: tuple[WireItem, ...] | None = None
    sha256: str = ""
    attempts: int = 1
    repeats: int = 0
    duration_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "type": self.mission_type.name.lower(),
            "outcome": self.outcome.value,
            "message": self.message,
            "remedy": self.remedy,
            "item": self.item,
            "result": self.result,
            "differences": list(self.differences),
            "on_vehicle": self.on_vehicle,
            "items_on_vehicle": None if self.read_back is None else len(self.read_back),
            "sha256": self.sha256,
            "attempts": self.attempts,
            "repeats": self.repeats,
            "duration_s": round(self.duration_s, 3),
        }


def result_name(result: int) -> str:
    """MAV_MISSION_RESULT name without its prefix, or the number."""
    entry = mavlink.enums["MAV_MISSION_RESULT"].get(result)
    return str(entry.name).removeprefix("MAV_MISSION_") if entry else f"result {result}"


_REMEDIES = {
    "UNSUPPORTED_FRAME": "give the item's height above home, above sea level or above terrain",
    "UNSUPPORTED": "the autopilot does not know this command in a mission: remove or replace it",
    "NO_SPACE": "split the mission: the vehicle cannot store so many items",
    "INVALID": "correct the item's values",
    "DENIED": "another ground station is uploading or the vehicle does not allow it now: try again later",
    "ERROR": "correct the item: a jump beyond the end, a broken fence polygon or a bad value",
    "READ_BACK_DIFFERS": "do not fly it: upload again, and stop other ground stations that write to it",
    "OPERATION_CANCELLED": "the vehicle timed out: move closer or improve the link, then upload again",
}


def remedy_for(result: str) -> str:
    """What to do about a refusal, by its result name."""
    if result.startswith("INVALID_PARAM"):
        return f"correct parameter {result.removeprefix('INVALID_PARAM').lstrip('_')[:1]} of the item"
    return _REMEDIES.get(result, "correct the item and upload again")
