"""What reviewers said of candidates: events that are added, never overwritten. The last one counts.

A decision holds the bytes' hash and the box of every look of its candidate. After a new search the same
candidate may have another number: decisions follow the looks, not the number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from airbeat.ops.log import Event, OperationsLog

__all__ = ["Decision", "LookKey", "Reviewable", "Reviews", "Verdict"]

_DECIDED, _UNDONE = "review.decision", "review.undo"

LookKey = tuple[str, tuple[float, ...]]
"""SHA-256 of a frame and the box in it [px]."""


class Verdict(StrEnum):
    """What a candidate is, as somebody saw it."""

    PERSON = "person"
    CLUE = "clue"
    NO = "no"
    UNSURE = "unsure"

    @property
    def status(self) -> str:
        """As hand-over files have it."""
        return {"person": "confirmed", "clue": "confirmed", "no": "dismissed"}.get(self.value, "candidate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewable:
    """A candidate that can be decided on.

    Attributes:
        id: what it is called now.
        looks: its looks.
    """

    id: str
    looks: tuple[LookKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided last about a candidate.

    Attributes:
        verdict: what it is.
        note: what the reviewer wrote.
        reviewer: who said so.
        time_utc: when.
        event: number of the event in the log.
    """

    verdict: Verdict
    note: str
    reviewer: str
    time_utc: datetime
    event: int


class Reviews:
    """The decisions on the candidates of one search.

    Args:
        log: where they are kept.
        candidates: what there is to decide on.
    """

    def __init__(self, log: OperationsLog, candidates: Sequence[Reviewable]) -> None:
        self._log = log
        self.candidates = tuple(candidates)
        self._by_id = {c.id: c for c in candidates}
        self._by_look = {look: c.id for c in candidates for look in c.looks}

    def decide(self, candidate_id: str, verdict: Verdict, *, reviewer: str, note: str = "") -> Event:
        """Add a decision.

        Raises:
            KeyError: no such candidate.
        """
        return self._log.append(
            _DECIDED,
            self._payload(candidate_id) | {"verdict": verdict.value, "note": note},
            actor=reviewer,
        )

    def undo(self, candidate_id: str, *, reviewer: str) -> Event | None:
        """Take the last decision on a candidate back; the one before it counts again, if there is one.

        Returns:
            The event, None where there is no decision to take back.
        """
        decisions = self._decisions().get(candidate_id)
        if not decisions:
            return None
        return self._log.append(
            _UNDONE, self._payload(candidate_id) | {"undone": decisions[-1].event}, actor=reviewer
        )

    def state(self) -> dict[str, Decision]:
        """The decision that counts, by candidate; undecided ones are not in it."""
        return {key: decisions[-1] for key, decisions in self._decisions().items() if decisions}

    def lost(self) -> int:
        """Decisions on candidates that are no longer there."""
        return sum(
            self._candidate_of(event) is None and event.kind == _DECIDED for event in self._log.events()
        )

    def _payload(self, candidate_id: str) -> dict[str, Any]:
        looks = [{"sha256": sha, "xyxy_px": list(box)} for sha, box in self._by_id[candidate_id].looks]
        return {"candidate": candidate_id, "looks": looks}

    def _decisions(self) -> dict[str, list[Decision]]:
        found: dict[str, list[Decision]] = {}
        for event in self._log.events():
            candidate = self._candidate_of(event)
            if candidate is None:
                continue
            decisions = found.setdefault(candidate, [])
            if event.kind == _DECIDED:
                decisions.append(_decision(event))
            elif event.kind == _UNDONE:
                decisions[:] = [d for d in decisions if d.event != event.payload["undone"]]
        return found

    def _candidate_of(self, event: Event) -> str | None:
        if event.kind not in {_DECIDED, _UNDONE}:
            return None
        return self._first_known(event.payload["looks"])

    def _first_known(self, looks: Iterable[dict[str, Any]]) -> str | None:
        for look in looks:
            found = self._by_look.get((look["sha256"], tuple(look["xyxy_px"])))
            if found is not None:
                return found
        return None


def _decision(event: Event) -> Decision:
    return Decision(
        verdict=Verdict(event.payload["verdict"]),
        note=event.payload["note"],
        reviewer=event.actor,
        time_utc=event.time_utc,
        event=event.number,
    )
