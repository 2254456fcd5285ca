"""``--operation``: what commands do is also told to the log of the whole operation, where one is named."""

from __future__ import annotations

import getpass
import hashlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.errors import AirbeatError

if TYPE_CHECKING:
    from airbeat.detect.run import DetectionRun
    from airbeat.ops.happenings import Happening
    from airbeat.ops.log import OperationsLog

__all__ = [
    "Aside",
    "Recorder",
    "SearchRecord",
    "files_of",
    "operation_option",
    "recorded_search",
    "recording",
    "user_name",
]

_AT_ONCE = 500
_LAST_S = 30.0

operation_option = click.option(
    "--operation",
    envvar="AIRBEAT_OPERATION",
    metavar="FILE|URL",
    help="Operations log that is told what is done here: an SQLite file, or postgresql://HOST/DATABASE. "
    "[env: AIRBEAT_OPERATION]",
)


def user_name() -> str:
    """Who sits at this machine, as far as it knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


class Recorder:
    """Tells an operation's log what happens; does nothing where there is no log."""

    def __init__(self, log: OperationsLog | None) -> None:
        self.log = log
        self._actor = user_name()

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


@contextmanager
def recording(operation: str | None) -> Iterator[Recorder]:
    """The recorder of an operation; the log is opened before anything is done, so that it can refuse.

    Raises:
        UsageError: the log cannot be reached or written.
        InputFileError: the file is there but is no log.
    """
    if operation is None:
        yield Recorder(None)
        return
    from airbeat.ops.log import OperationsLog

    with OperationsLog(operation) as log:
        yield Recorder(log)


def files_of(paths: Iterable[Path]) -> list[dict[str, str]]:
    """Name and SHA-256 of files that were just written."""
    return [{"file": p.name, "sha256": hashlib.sha256(p.read_bytes()).hexdigest()} for p in sorted(paths)]


class SearchRecord:
    """Tells of a search, as often as there is more of it, what the log does not say yet.

    Files that cannot be searched are told of once in every search: what is wrong with them may have changed.

    Args:
        recorder: what is told.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._frames: set[str] = set()
        self._refused: set[tuple[str, str]] = set()
        self._found: set[frozenset[_LookKey]] = set()
        self._looks: set[_LookKey] = set()
        if recorder.log is None:
            return
        from airbeat.ops.happenings import Happening

        kinds = [Happening.FRAME_SEARCHED.value, Happening.CANDIDATE_FOUND.value]
        for event in recorder.log.events(kinds=kinds):
            if event.kind == Happening.FRAME_SEARCHED:
                self._frames.add(event.payload["sha256"])
            else:
                self._know(_looks_key(event.payload["looks"]))

    def so_far(self, run: DetectionRun) -> None:
        """Tell of new frames, of files that cannot be searched, and of candidates that nobody knew of.

        Raises:
            UsageError: the log cannot be written; what is told next includes all this.
        """
        self._tell(run, self._looks.isdisjoint)

    def ended(self, run: DetectionRun) -> None:
        """Tell of what is new, of candidates that have other looks than was said, and of the end.

        Raises:
            UsageError: the log cannot be written.
        """
        from airbeat.ops.happenings import Happening

        if self._recorder.log is None:
            return
        told = self._tell(run, lambda looks: looks not in self._found)
        self._recorder.tell(
            Happening.SEARCH_ENDED,
            source=run.source,
            detector=run.detector,
            threshold=run.threshold,
            frames=len(run.frames),
            refused=len(run.refused),
            candidates=len(run.candidates),
            new_candidates=told,
            files=files_of([run.json_path]),
        )

    def _tell(self, run: DetectionRun, is_new: Callable[[frozenset[_LookKey]], bool]) -> int:
        from airbeat.ops.happenings import Happening

        if self._recorder.log is None:
            return 0
        frames = [f for f in _frames(run) if f["sha256"] not in self._frames]
        refused = [{"file": r.path.name, "reason": r.reason} for r in run.refused]
        refused = [r for r in refused if (r["file"], r["reason"]) not in self._refused]
        candidates = [c for c in _candidates(run) if is_new(_looks_key(c["looks"]))]
        self._recorder.tell_all(
            [
                *((Happening.FRAME_SEARCHED, f) for f in frames),
                *((Happening.FRAME_REFUSED, r) for r in refused),
                *((Happening.CANDIDATE_FOUND, c) for c in candidates),
            ]
        )
        self._frames |= {f["sha256"] for f in frames}
        self._refused |= {(r["file"], r["reason"]) for r in refused}
        for candidate in candidates:
            self._know(_looks_key(candidate["looks"]))
        return len(candidates)

    def _know(self, looks: frozenset[_LookKey]) -> None:
        self._found.add(looks)
        self._looks |= looks


_LookKey = tuple[str, tuple[float, ...]]


def recorded_search(recorder: Recorder, run: DetectionRun) -> None:
    """Tell of a finished search: frames and candidates that the log has not yet, and its end."""
    SearchRecord(recorder).ended(run)


def _looks_key(looks: Iterable[Mapping[str, Any]]) -> frozenset[_LookKey]:
    return frozenset((look["sha256"], tuple(look["xyxy_px"])) for look in looks)


def _frames(run: DetectionRun) -> Iterator[dict[str, Any]]:
    for frame in run.frames:
        meta = frame.meta
        yield {
            "file": meta.path.name,
            "sha256": meta.sha256,
            "gsd_m_px": frame.gsd_m_px,
            "boxes": len(frame.detections.xyxy_px),
            "lat_deg": meta.position.lat_deg if meta.position else None,
            "lon_deg": meta.position.lon_deg if meta.position else None,
        }


def _candidates(run: DetectionRun) -> Iterator[dict[str, Any]]:
    for record in run.candidates:
        point = record.candidate.point
        yield {
            "candidate": record.id,
            "score": record.candidate.score,
            "lat_deg": point.position.lat_deg if point else None,
            "lon_deg": point.position.lon_deg if point else None,
            "ce90_m": point.ce90_m if point else None,
            "looks": [{"sha256": sha, "xyxy_px": list(box)} for sha, box in record.boxes],
        }
