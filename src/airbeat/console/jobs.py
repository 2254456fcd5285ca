"""Work that takes longer than a request: named, watched, cancelled, and asked for from any page."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import reduce
from typing import Any

from airbeat.errors import AirbeatError, MissionFileError
from airbeat.language.words import Message, translated

__all__ = ["Busy", "Cancelled", "Job", "JobState", "Jobs", "error_words"]

_KEPT = 20
"""Finished jobs that are still told of."""
_SAID = 30
_JOIN_S = 5.0


class JobState(StrEnum):
    """Where a job is."""

    RUNNING = "running"
    ASKING = "asking"
    """It waits for somebody to say yes."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Busy(Exception):  # noqa: N818 - an answer, not a failure
    """What the job needs is in use."""


class Cancelled(Exception):  # noqa: N818 - an answer, not a failure
    """Somebody wanted the job stopped."""


def error_words(error: AirbeatError) -> Message:
    """An error for the page: of a mission file every problem by its key, for nobody sees its lines there."""
    if isinstance(error, MissionFileError):
        return reduce(
            lambda before, last: Message("{before}; {last}", before=before, last=last),
            (_words(p.message, p.remedy, key=p.key) for p in error.problems),
        )
    return _words(error.message, error.remedy)


def _words(message: str, remedy: str, *, key: str = "") -> Message:
    said = Message(message)
    if key:
        said = Message("{key}: {said}", key=key, said=said)
    return Message("{said} ({remedy})", said=said, remedy=Message(remedy)) if remedy else said


@dataclass
class Job:
    """One piece of work. Its own thread writes, requests read; all through its lock.

    Attributes:
        id: "job-1" and so on.
        kind: plan, look, upload, fly, search, dispatch or send.
        title: for people.
        by: who wanted it.
        about: what it is about: ids that pages need to find it again.
    """

    id: str
    kind: str
    title: str
    by: str
    about: dict[str, Any]
    begun_utc: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    _state: JobState = JobState.RUNNING
    _share: float = 0.0
    _label: str = ""
    _said: deque[str] = field(default_factory=lambda: deque(maxlen=_SAID))
    _question: dict[str, Any] | None = None
    _answer: tuple[bool, str] | None = None
    _result: dict[str, Any] | None = None
    _live: dict[str, Any] = field(default_factory=dict)
    _error: str = ""
    _may_cancel: bool = True
    _is_cancelled: bool = False
    _order: str | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    # -- the work's side --------------------------------------------------------------------------

    def progress(self, share: float, /, *, label: str = "") -> None:
        """Tell how far it is, 0…1.

        Raises:
            Cancelled: it is to stop.
        """
        with self._changed:
            self._share = min(max(share, 0.0), 1.0)
            self._label = label or self._label
        self.stop_if_cancelled()

    def told(self, share: float, label: str) -> None:
        """As `progress`, for those who tell by position."""
        self.progress(share, label=label)

    def stop_if_cancelled(self) -> None:
        """Stop where somebody wants that.

        Raises:
            Cancelled: it is to stop.
        """
        with self._changed:
            if self._is_cancelled and self._may_cancel:
                raise Cancelled

    def say(self, text: str) -> None:
        """Tell people something."""
        with self._changed:
            self._said.append(text)

    def live(self, values: dict[str, Any]) -> None:
        """Tell how things are now, for the page."""
        with self._changed:
            self._live = values

    def hold_on(self) -> None:
        """From now on it is not cancelled: what is under way must be ended in order."""
        with self._changed:
            self._may_cancel = False

    def ask(self, question: dict[str, Any], *, timeout_s: float) -> tuple[bool, str]:
        """Wait for an answer; whether it is yes, and who gave it. No answer in time is no.

        Raises:
            Cancelled: it is to stop.
        """
        with self._changed:
            self._question, self._answer, self._state = question, None, JobState.ASKING
            self._changed.wait_for(lambda: self._answer is not None or self._is_cancelled, timeout_s)
            answer, self._question, self._state = self._answer, None, JobState.RUNNING
        if answer is None:
            self.stop_if_cancelled()
        return answer or (False, "")

    def take_order(self) -> str | None:
        """What somebody wants done with a flight; given once."""
        with self._changed:
            order, self._order = self._order, None
            return order

    # -- the requests' side -----------------------------------------------------------------------

    def answer(self, *, yes: bool, by: str) -> bool:
        """Answer what it asks; False where it asks nothing any more.

        After a yes it is not cancelled: what is under way then must be ended in order.
        """
        with self._changed:
            if self._state is not JobState.ASKING or self._is_cancelled or self._answer is not None:
                return False
            self._answer = (yes, by)
            self._may_cancel = self._may_cancel and not yes
            self._changed.notify_all()
            return True

    def question(self) -> dict[str, Any] | None:
        """What it asks now."""
        with self._changed:
            return self._question

    def order(self, wish: str) -> bool:
        """Want something done with the flight; False where none is under way."""
        with self._changed:
            if not self._live.get("flying"):
                return False
            self._order = wish
            return True

    def cancel(self) -> bool:
        """Want it stopped; False where it has ended, or cannot be stopped any more."""
        with self._changed:
            if self.has_ended or not self._may_cancel:
                return False
            self._is_cancelled = True
            self._changed.notify_all()
            return True

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes."""
        return self._state not in (JobState.RUNNING, JobState.ASKING)

    def to_json(self) -> dict[str, Any]:
        """For the page, in the current language as far as the catalogue has it."""
        with self._changed:
            return {
                "id": self.id,
                "kind": self.kind,
                "title": self.title,
                "by": self.by,
                "about": self.about,
                "begun_utc": self.begun_utc,
                "state": self._state.value,
                "share": round(self._share, 4),
                "label": translated(self._label),
                "said": [translated(said) for said in self._said],
                "question": self._question,
                "live": self._live,
                "result": self._result,
                "error": translated(self._error),
                "may_cancel": self._may_cancel and not self.has_ended,
            }

    def end(self, state: JobState, *, result: dict[str, Any] | None = None, error: str = "") -> None:
        """Note how it ended."""
        with self._changed:
            self._state, self._result, self._error = state, result, error
            self._live = {**self._live, "flying": False} if self._live else {}


class Jobs:
    """All jobs of one console, each in a thread of its own.

    Args:
        failed: told of a job that failed or was cancelled, with the reason.
    """

    def __init__(self, *, failed: Callable[[Job, str], None] = lambda _job, _why: None) -> None:
        self._failed = failed
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._held: dict[str, str] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._count = 0

    def begin(
        self,
        kind: str,
        title: str,
        *,
        by: str,
        work: Callable[[Job], dict[str, Any]],
        holds: str = "",
        **about: Any,
    ) -> Job:
        """Begin a job.

        Args:
            kind: what kind of work.
            title: for people.
            by: who wants it.
            work: does it and returns its result, JSON; called in the job's thread.
            holds: what only one job may use at a time, e.g. a vehicle; "" for nothing.
            about: ids that pages need.

        Raises:
            Busy: another job holds it.
        """
        with self._lock:
            if holds and holds in self._held:
                other = self._jobs[self._held[holds]]
                raise Busy(f"{other.title} is under way, by {other.by}: one at a time")
            self._count += 1
            job = Job(id=f"job-{self._count}", kind=kind, title=title, by=by, about=about)
            self._jobs[job.id] = job
            if holds:
                self._held[holds] = job.id
            ended = [j for j in self._jobs.values() if j.has_ended]
            for old in ended[: max(len(ended) - _KEPT, 0)]:
                del self._jobs[old.id]
            thread = threading.Thread(target=self._run, args=(job, work, holds), name=job.id, daemon=True)
            self._threads[job.id] = thread
        thread.start()
        return job

    def find(self, job: str) -> Job | None:
        """A job by its id."""
        with self._lock:
            return self._jobs.get(job)

    def all(self) -> list[dict[str, Any]]:
        """All jobs, the newest first."""
        with self._lock:
            jobs = list(self._jobs.values())
        return [job.to_json() for job in reversed(jobs)]

    def close(self) -> None:
        """Cancel what can be cancelled, stop watching what flies, and wait a moment for it."""
        with self._lock:
            threads, jobs = list(self._threads.values()), list(self._jobs.values())
        for job in jobs:
            if not job.cancel():
                job.order("leave")
        for thread in threads:
            thread.join(_JOIN_S)

    def _run(self, job: Job, work: Callable[[Job], dict[str, Any]], holds: str) -> None:
        why = ""
        try:
            result = work(job)
        except Cancelled:
            state, result, why = JobState.CANCELLED, None, "cancelled"
        except AirbeatError as error:
            state, result, why = JobState.FAILED, None, error_words(error)
        except Exception as error:  # noqa: BLE001 - our bug: said on the page, without a traceback
            state, result, why = (
                JobState.FAILED,
                None,
                Message("internal error: {kind}", kind=type(error).__name__),
            )
        else:
            state = JobState.DONE
        # Whoever sees that it has ended may begin the next at once.
        with self._lock:
            if holds:
                self._held.pop(holds, None)
        job.end(state, result=result, error=why if state is JobState.FAILED else "")
        if why:
            self._tell(job, why)
        with self._lock:
            self._threads.pop(job.id, None)

    def _tell(self, job: Job, why: str) -> None:
        try:
            self._failed(job, why)
        except AirbeatError as error:
            job.say(f"the operations log does not hold that: {error}")
