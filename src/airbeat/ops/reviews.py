"""What reviewers said of candidates: events that are added, never overwritten. The last one counts.

A decision holds the bytes' hash and the box of every look of its candidate. After a new search the same
candidate may have another number: decisions follow the looks, not the number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from airbeat.language.words import N_
from airbeat.ops.log import Event, OperationsLog

__all__ = ["Decision", "LookKey", "Reviewable", "Reviews", "Standing", "Verdict", "carry_over"]

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
        confirmed, dismissed, open_still = N_("confirmed"), N_("dismissed"), N_("candidate")
        return {"person": confirmed, "clue": confirmed, "no": dismissed}.get(self.value, open_still)


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
        return self.undo_event(candidate_id, decisions[-1].event, reviewer=reviewer) if decisions else None

    def undo_event(self, candidate_id: str, number: int, *, reviewer: str) -> Event:
        """Take the decision of one event back.

        Raises:
            KeyError: no such candidate.
        """
        return self._log.append(_UNDONE, self._payload(candidate_id) | {"undone": number}, actor=reviewer)

    def state(self) -> dict[str, Decision]:
        """The decision that counts, by candidate; undecided ones are not in it."""
        return {key: decisions[-1] for key, decisions in self._decisions().items() if decisions}

    def by_reviewer(self) -> dict[str, dict[str, Decision]]:
        """The last decision of each reviewer, by candidate: a second look does not replace the first."""
        found: dict[str, dict[str, Decision]] = {}
        for key, decisions in self._decisions().items():
            for decision in decisions:
                found.setdefault(key, {})[decision.reviewer] = decision
        return found

    def lost(self) -> int:
        """Decisions on candidates that are no longer there."""
        return sum(
            self._candidate_of(event) is None and event.kind == _DECIDED
            for event in self._log.events(kinds=(_DECIDED,))
        )

    def _payload(self, candidate_id: str) -> dict[str, Any]:
        looks = [{"sha256": sha, "xyxy_px": list(box)} for sha, box in self._by_id[candidate_id].looks]
        return {"candidate": candidate_id, "looks": looks}

    def standing(self) -> Standing:
        """What stands, for who asks often."""
        return Standing(self._log, self._candidate_of)

    def _decisions(self) -> dict[str, list[Decision]]:
        found: dict[str, list[Decision]] = {}
        for event in self._log.events(kinds=(_DECIDED, _UNDONE)):
            _take_in(event, self._candidate_of(event), found)
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


class Standing:
    """The last decision of each reviewer, kept up with the log: only what was added since is read.

    Not for several threads at once.

    Args:
        log: where decisions are kept.
        candidate_of: the candidate that an event speaks of; None for none that is still there.

    Attributes:
        last_event: number of the last event that was taken in.
    """

    def __init__(self, log: OperationsLog, candidate_of: Callable[[Event], str | None]) -> None:
        self._log = log
        self._candidate_of = candidate_of
        self._decisions: dict[str, list[Decision]] = {}
        self._found: dict[str, dict[str, Decision]] = {}
        self.last_event = 0

    def by_reviewer(self) -> dict[str, dict[str, Decision]]:
        """As `Reviews.by_reviewer`; what was returned before does not change."""
        fresh = self._log.events(after=self.last_event)
        changed = {_take_in(event, self._candidate_of(event), self._decisions) for event in fresh} - {None}
        if fresh:
            self.last_event = fresh[-1].number
        if changed:
            now = {key: {d.reviewer: d for d in self._decisions[key]} for key in changed if key is not None}
            self._found = self._found | now
        return self._found


def _take_in(event: Event, candidate: str | None, found: dict[str, list[Decision]]) -> str | None:
    """Add what an event says of a candidate to what was found before it; the candidate."""
    if candidate is not None:
        decisions = found.setdefault(candidate, [])
        if event.kind == _DECIDED:
            decisions.append(_decision(event))
        elif event.kind == _UNDONE:
            decisions[:] = [d for d in decisions if d.event != event.payload["undone"]]
    return candidate


def carry_over(old: OperationsLog, new: OperationsLog) -> int:
    """Copy the decisions of one log to the end of another; each says when and where it was made.

    Returns:
        How many events were copied. Those that were carried over before are left out.
    """
    known = {e.payload.get("carried_from") for e in new.events(kinds=(_DECIDED, _UNDONE))}
    numbers = {e.payload["carried_from"]: e.number for e in new.events() if "carried_from" in e.payload}
    copied = 0
    hashes = {e.number: e.sha256 for e in old.events()}
    for event in old.events(kinds=(_DECIDED, _UNDONE)):
        if event.sha256 in known:
            continue
        payload = event.payload | {"carried_from": event.sha256, "decided_utc": event.time_utc.isoformat()}
        if event.kind == _UNDONE:
            payload["undone"] = numbers[hashes[event.payload["undone"]]]
        numbers[event.sha256] = new.append(event.kind, payload, actor=event.actor).number
        copied += 1
    return copied


def _decision(event: Event) -> Decision:
    return Decision(
        verdict=Verdict(event.payload["verdict"]),
        note=event.payload["note"],
        reviewer=event.actor,
        time_utc=datetime.fromisoformat(event.payload.get("decided_utc") or event.time_utc.isoformat()),
        event=event.number,
    )
