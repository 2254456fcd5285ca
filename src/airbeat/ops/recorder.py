"""Telling an operation's log what happens, also beside a flight that must not wait for it."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airbeat.errors import AirbeatError

if TYPE_CHECKING:
    from airbeat.ops.happenings import Happening
    from airbeat.ops.log import OperationsLog

__all__ = ["Aside", "Recorder", "files_of"]

_AT_ONCE = 500
_LAST_S = 30.0


class Recorder:
    """Tells an operation's log what happens; does nothing where there is no log.

    Args:
        log: the log, or None.
        actor: who causes what is told.
    """

    def __init__(self, log: OperationsLog | None, *, actor: str) -> None:
        self.log = log
        self._actor = actor

    def tell(self, kind: Happening, /, **payload: Any) -> None:
        """Add one event."""
        if self.log is not None:
            self.log.append(kind.value, payload, actor=self._actor)

    def tell_all(self, happenings: Iterable[tuple[Happening, Mapping[str, Any]]]) -> None:
        """Add many events, some hundreds at a time."""
        if self.log is None:
            return
        waiting = [(kind.value, payload) for kind, payload in happenings]
        for start in range(0, len(waiting), _AT_ONCE):
            self.log.append_all(waiting[start : start + _AT_ONCE], actor=self._actor)


class Aside:
    """Tells a log from a thread of its own, for a flight: it must not wait for a database, nor fail with it.

    Use it in a ``with`` block; at its end what is left is written, for as long as ``_LAST_S``.

    Args:
        recorder: what is told.
        say: given the reason, once, when the log cannot be written.
    """

    def __init__(self, recorder: Recorder, say: Callable[[str], None]) -> None:
        self._recorder = recorder
        self._say = say
        self._waiting: queue.Queue[tuple[Happening, dict[str, Any]] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._write, name="operations log", daemon=True)
        self._failed = ""

    def __enter__(self) -> Aside:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.put(None)
        self._thread.join(_LAST_S)
        if self._thread.is_alive():
            self._failed = self._failed or f"it did not answer for {_LAST_S:g} s"
        if self._failed:
            self._say(f"the operations log does not hold all of this flight: {self._failed}")

    def tell(self, kind: Happening, /, **payload: Any) -> None:
        """Add one event, soon."""
        self._waiting.put((kind, payload))

    def _write(self) -> None:
        while (happening := self._waiting.get()) is not None:
            try:
                self._recorder.tell(happening[0], **happening[1])
            except AirbeatError as error:
                self._failed = self._failed or str(error)


def files_of(paths: Iterable[Path]) -> list[dict[str, str]]:
    """Name and SHA-256 of files that were just written."""
    return [{"file": p.name, "sha256": hashlib.sha256(p.read_bytes()).hexdigest()} for p in sorted(paths)]
