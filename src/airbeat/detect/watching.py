"""A search that stays: results are written as frames arrive, until somebody ends it.

Each writing is whole: `candidates.json` always holds all that was found so far, and a candidate keeps its
name for as long as it is there.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from airbeat.detect.completing import Completing
from airbeat.detect.journal import Journal
from airbeat.detect.naming import LookKey, Names, look_box
from airbeat.detect.run import WORK, DetectionRun, Search, Searching, on_this_machine
from airbeat.detect.search import FrameTask, SearchSettings
from airbeat.errors import InputFileError, UsageError
from airbeat.frames.folder import as_text
from airbeat.frames.sources import FrameSource
from airbeat.language.words import Message

__all__ = ["watch_source"]

_REST = 1.0
"""Between two writings at least so long as this many times the last one took."""


def watch_source(
    source: FrameSource,
    settings: SearchSettings,
    *,
    out_dir: Path,
    told: Callable[[DetectionRun], None],
    path_of: Callable[[str], Path],
    completing: Completing | None = None,
    searching: Searching | None = None,
    overwrite: bool = False,
) -> DetectionRun:
    """Search what a source gives for as long as it gives anything, and write results as they are found.

    Results are there from the start. Frames that an earlier watch of the same source finished are taken over,
    whether their files are still there or not, and candidates keep the names they have.

    Args:
        source: gives the frames, and often None: results are written then.
        settings: what they are searched with.
        out_dir: as for `airbeat.detect.run.detect_source`.
        told: called with each result once it is written.
        path_of: where a frame of a name lies.
        completing: completes frames' metadata.
        searching: searches frames elsewhere than in processes of this machine.
        overwrite: whether results of another source may be replaced.

    Returns:
        The last result.

    Raises:
        UsageError: `out_dir` cannot be written, holds results of another source, or is in use.
        InputFileError: the results that are there cannot be read.
    """
    searching = searching or on_this_machine(None)
    earlier = _earlier(out_dir, as_text(source.name), overwrite=overwrite)
    key = settings.key()
    if completing is not None:
        key = hashlib.sha256(f"{key} {completing.key()}".encode()).hexdigest()[:16]
    journal = Journal(out_dir / WORK, key)
    try:
        names = Names(earlier.names(), given=earlier.summary.names_given)
        search = Search(source, settings, out_dir=out_dir, journal=journal, names=names, again=True)
        frames = [(f.file, path_of(f.file), f.sha256) for f in earlier.frames]
        taken_over = search.register.take_over(frames)
        publisher = _Publisher(search, told, holds=taken_over < len(frames))
        if not publisher.holds:
            publisher.write()
        tasks = search.register.tasks(source, completed=completing or (lambda frame: frame.meta))
        for task, outcome in searching(publisher.between(tasks), settings):
            search.register.take(task, outcome)
            publisher.done()
        return publisher.write()
    finally:
        journal.close()


class _Publisher:
    """Writes results when there is news, and leaves time for the search in between.

    Args:
        search: whose results are written.
        told: called with each result.
        holds: whether not all of earlier results was taken over: these then stay until there is nothing to
            search for the moment, or candidates would be missing meanwhile that were there before.
    """

    def __init__(self, search: Search, told: Callable[[DetectionRun], None], *, holds: bool) -> None:
        self._search = search
        self._told = told
        self.holds = holds
        self._under_way = 0
        self._written: tuple[int, ...] = ()
        self._next_s = 0.0

    def between(self, tasks: Iterable[FrameTask | None]) -> Iterator[FrameTask | None]:
        """The tasks as they come; results are written where there is none for the moment."""
        for task in tasks:
            if task is None:
                self.holds = self.holds and self._under_way > 0
                self._when_due()
            else:
                self._under_way += 1
            yield task

    def done(self) -> None:
        """A task is done."""
        self._under_way -= 1
        self._when_due()

    def _when_due(self) -> None:
        if not self.holds and time.monotonic() >= self._next_s and self._written != self._search.counts():
            self.write()

    def write(self) -> DetectionRun:
        """Write results now."""
        begun_s = time.monotonic()
        self._written = self._search.counts()
        run = self._search.written()
        self._told(run)
        self._next_s = time.monotonic() + _REST * (time.monotonic() - begun_s)
        return run


class _Frame(BaseModel):
    file: str
    sha256: str


class _Look(BaseModel):
    sha256: str
    xyxy_px: tuple[float, float, float, float]


class _Candidate(BaseModel):
    id: str
    looks: list[_Look]


class _Summary(BaseModel):
    names_given: int = 0


class _Earlier(BaseModel):
    """What a watch needs of the results that are there already."""

    source: str | None = None
    summary: _Summary = _Summary()
    frames: list[_Frame] = []
    candidates: list[_Candidate] = []

    def names(self) -> dict[str, list[LookKey]]:
        """Looks by candidate."""
        return {c.id: [(k.sha256, look_box(k.xyxy_px)) for k in c.looks] for c in self.candidates}


def _earlier(out_dir: Path, source: str, *, overwrite: bool) -> _Earlier:
    """What an earlier watch of the same source found; nothing where another's results may be replaced."""
    earlier = _results_in(out_dir)
    if earlier.source in {None, source}:
        return earlier
    if not overwrite:
        raise UsageError(
            Message("{folder} holds the results of {source}", folder=out_dir, source=earlier.source),
            remedy="choose another folder, or say --overwrite to replace them",
        )
    return _Earlier()


def _results_in(out_dir: Path) -> _Earlier:
    path = out_dir / "candidates.json"
    try:
        return _Earlier.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return _Earlier()
    except OSError as error:
        raise InputFileError(
            Message("cannot be read: {reason}", reason=error.strerror), where=str(path)
        ) from error
    except ValidationError as error:
        raise InputFileError(
            "is not what a search writes", where=str(path), remedy="choose another folder"
        ) from error
