"""Keeps account of a search: which frames are done, which are the same, which could not be searched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from airbeat.detect.journal import Entry, Journal, RecordedFrames
from airbeat.detect.records import FrameRefusal
from airbeat.detect.search import Found, FrameTask
from airbeat.frames.meta import FrameMeta
from airbeat.frames.reader import MAX_FILE_BYTES
from airbeat.frames.sources import FrameSource, SourceFrame

__all__ = ["Register"]


class Register:
    """Hands out the frames that are still to be searched and takes their results.

    A frame is known by what is in it, not by its name: copies and hard links of a frame are listed as
    duplicates and searched once.

    Args:
        journal: holds what earlier runs finished, and takes what this one finishes.

    Attributes:
        refused: frames that were not searched.
        duplicates: (name, name of the one with the same bytes).
        reused: how many frames were taken over from an earlier run.
    """

    def __init__(self, journal: Journal) -> None:
        self.refused: list[FrameRefusal] = []
        self.duplicates: list[tuple[str, str]] = []
        self.reused = 0
        self._journal = journal
        self._done: list[tuple[Entry, str, Path, bool]] = []
        self._names: dict[str, str] = {}
        self._sizes: set[int] = set()
        self._links: dict[tuple[int, int], str] = {}

    @property
    def finished(self) -> int:
        """Frames that are done with, one way or another."""
        return len(self._done) + len(self.refused) + len(self.duplicates)

    def tasks(
        self, source: FrameSource, progress: Callable[[int, int], None] | None = None
    ) -> Iterator[FrameTask | None]:
        """What is to be searched of a source; None where it has nothing for the moment."""
        for frame, neighbours in _with_neighbours(source):
            if frame is None:
                yield None
                continue
            if self._is_known(frame):
                if progress is not None:
                    progress(self.finished, max(source.total, self.finished))
                continue
            yield FrameTask(
                path=frame.path,
                name=frame.name,
                meta=frame.meta,
                neighbours=tuple(n.path for n in neighbours),
            )

    def take(self, task: FrameTask, outcome: Found | FrameRefusal) -> None:
        """Write a result down."""
        if isinstance(outcome, FrameRefusal):
            self.refused.append(outcome)
            return
        meta = outcome.frame.meta
        identity = _identity(task.meta) if task.meta is not None else meta.sha256
        if identity in self._names:  # a copy that was searched at the same time
            self.duplicates.append((task.name, self._names[identity]))
            return
        size, mtime_ns, _ = _state(task.path)
        entry = self._journal.add(
            outcome.frame, outcome.crops, sha256=identity, size_bytes=size, mtime_ns=mtime_ns
        )
        self._accept(entry, task.name, task.path, is_listed=task.meta is not None)

    def refuse_videos(self, source: FrameSource) -> None:
        """Take over what a source itself could not use."""
        self.refused += [FrameRefusal(path=path, name=name, reason=why) for name, path, why in source.refused]

    def frames(self) -> RecordedFrames:
        """The searched frames: by name, or as they came where their metadata were given."""
        ordered = sorted(self._done, key=lambda d: "" if d[3] else d[1])
        return RecordedFrames(self._journal.lines, tuple((e, name, path) for e, name, path, _ in ordered))

    def _accept(self, entry: Entry, name: str, path: Path, *, is_listed: bool) -> None:
        self._names[entry.sha256] = name
        self._done.append((entry, name, path, is_listed))

    def _is_known(self, frame: SourceFrame) -> bool:
        """Whether a frame needs no search: finished earlier, or the same as another."""
        if frame.meta is not None:
            entry = self._journal.with_hash(_identity(frame.meta))
        else:
            size, mtime_ns, link = _state(frame.path)
            if link is not None and (same := self._links.setdefault(link, frame.name)) != frame.name:
                self.duplicates.append((frame.name, same))
                return True
            entry = self._journal.named(frame.name, size, mtime_ns)
            if entry is None and 0 < size <= MAX_FILE_BYTES:
                if size in self._sizes or self._journal.has_size(size):
                    entry = self._journal.with_hash(_hash(frame.path))
                self._sizes.add(size)
        if entry is None:
            return False
        if entry.sha256 in self._names:
            self.duplicates.append((frame.name, self._names[entry.sha256]))
        else:
            self._accept(entry, frame.name, frame.path, is_listed=frame.meta is not None)
            self.reused += 1
        return True


def _identity(meta: FrameMeta) -> str:
    """What a frame with given metadata is: its bytes and those metadata, whatever the file's name."""
    return hashlib.sha256(repr(replace(meta, path=Path())).encode()).hexdigest()


def _state(path: Path) -> tuple[int, int, tuple[int, int] | None]:
    """Size, time of change, and what identifies a file of several names; zeros where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0, None
    link = (status.st_dev, status.st_ino) if status.st_nlink > 1 else None
    return status.st_size, status.st_mtime_ns, link


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""  # whoever searches it will say so


def _with_neighbours(
    frames: Iterable[SourceFrame | None],
) -> Iterator[tuple[SourceFrame | None, list[SourceFrame]]]:
    """Each frame with the one before and the one after it; where nothing comes, without the one after."""
    before: SourceFrame | None = None
    waiting: SourceFrame | None = None
    for frame in frames:
        if waiting is not None:
            yield waiting, [f for f in (before, frame) if f is not None]
            before = waiting
        waiting = frame
        if frame is None:
            yield None, []
    if waiting is not None:
        yield waiting, [before] if before is not None else []
