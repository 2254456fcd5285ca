"""Keeps account of a search: which frames are done, which are the same, which could not be searched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from airbeat.detect.journal import Entry, Journal, RecordedFrames
from airbeat.detect.records import FrameRefusal
from airbeat.detect.search import Found, FrameTask
from airbeat.frames.meta import FrameMeta
from airbeat.frames.reader import MAX_FILE_BYTES
from airbeat.frames.sources import FrameSource, SourceFrame

__all__ = ["Register", "hash_of"]


class Register:
    """Hands out the frames that are still to be searched and takes their results.

    A frame is known by what is in it, not by its name: copies and hard links of a frame are listed as
    duplicates and searched once.

    Args:
        journal: holds what earlier runs finished, and takes what this one finishes.

    Attributes:
        reused: how many frames were taken over from an earlier run.
        changes: counts up with every frame that is there anew.
    """

    def __init__(self, journal: Journal) -> None:
        self.reused = 0
        self.changes = 0
        self._journal = journal
        self._done: dict[str, _Done] = {}
        self._refused: list[FrameRefusal] = []
        self._copies: dict[str, tuple[str, Path]] = {}
        self._by_name: dict[str, str] = {}
        self._sizes: set[int] = set()
        self._links: dict[tuple[int, int], str] = {}
        self._linked: dict[str, str] = {}

    @property
    def refused(self) -> list[FrameRefusal]:
        """Frames that were not searched."""
        return self._refused

    @property
    def duplicates(self) -> list[tuple[str, str]]:
        """Files with the same bytes as another: name, and name of the other."""
        copies = [(name, self._done[identity].name) for name, (identity, _) in self._copies.items()]
        return [*copies, *self._linked.items()]

    @property
    def finished(self) -> int:
        """Frames that are done with, one way or another."""
        return len(self._done) + len(self._refused) + len(self._copies) + len(self._linked)

    def take_over(self, frames: Iterable[tuple[str, Path, str]]) -> int:
        """Count frames that an earlier run finished, whether their files are still there or not.

        Args:
            frames: name, path and SHA-256 of each.

        Returns:
            How many of them are in the journal.
        """
        before = len(self._done)
        for name, path, sha256 in frames:
            entry = self._journal.last_named(name)
            if entry is None or entry.sha256 in self._done:
                continue
            if RecordedFrames(self._journal.lines, ((entry, name, path),))[0].meta.sha256 == sha256:
                self._accept(entry, name, path, is_listed=False)
        self.reused += len(self._done) - before
        return len(self._done) - before

    def tasks(
        self,
        source: FrameSource,
        progress: Callable[[int, int], None] | None = None,
        *,
        completed: Callable[[SourceFrame], FrameMeta | None] = lambda frame: frame.meta,
    ) -> Iterator[FrameTask | None]:
        """What is to be searched of a source; None where it has nothing for the moment.

        Args:
            source: gives the frames.
            progress: called for frames that need no search with (done, of).
            completed: metadata of a frame that is to be searched, if they are more than it says itself.
        """
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
                meta=completed(frame),
                identity="" if frame.meta is None else _identity(frame.meta),
                is_listed=_is_listed(frame),
                neighbours=tuple(n.path for n in neighbours),
            )

    def take(self, task: FrameTask, outcome: Found | FrameRefusal) -> None:
        """Write a result down."""
        if isinstance(outcome, FrameRefusal):
            if not task.is_listed:
                self._forget(task.name)
            self._refused.append(outcome)
            return
        identity = task.identity or outcome.frame.meta.sha256
        if identity in self._done:  # a copy that was searched at the same time
            self._copy(task.name, task.path, identity)
            return
        size, mtime_ns, _ = _state(task.path)
        entry = self._journal.add(
            outcome.frame, outcome.crops, sha256=identity, size_bytes=size, mtime_ns=mtime_ns
        )
        self._accept(entry, task.name, task.path, is_listed=task.is_listed)

    def frames(self) -> RecordedFrames:
        """The searched frames: by name, or as they came where their metadata were given."""
        ordered = sorted(self._done.values(), key=lambda d: "" if d.is_listed else d.name)
        return RecordedFrames(self._journal.lines, tuple((d.entry, d.name, d.path) for d in ordered))

    def _accept(self, entry: Entry, name: str, path: Path, *, is_listed: bool) -> None:
        if not is_listed:
            self._forget(name)
            self._by_name[name] = entry.sha256
        self._done[entry.sha256] = _Done(entry, name, path, is_listed)
        self.changes += 1

    def _copy(self, name: str, path: Path, identity: str) -> None:
        if self._done[identity].name != name:
            self._forget(name)
            self._copies[name] = (identity, path)

    def _forget(self, name: str) -> None:
        """Let go of what a file was before it changed; a copy of that takes its place."""
        self._copies.pop(name, None)
        self._refused = [r for r in self._refused if r.name != name]
        identity = self._by_name.pop(name, None)
        if identity is None:
            return
        entry = self._done.pop(identity).entry
        for copy, (of, path) in self._copies.items():
            if of == identity:
                self._accept(entry, copy, path, is_listed=False)
                return

    def _is_known(self, frame: SourceFrame) -> bool:
        """Whether a frame needs no search: finished earlier, or the same as another."""
        if frame.meta is not None:
            entry = self._journal.with_hash(_identity(frame.meta))
        else:
            size, mtime_ns, link = _state(frame.path)
            if link is not None and (same := self._links.setdefault(link, frame.name)) != frame.name:
                self._linked[frame.name] = same
                return True
            entry = self._journal.named(frame.name, size, mtime_ns)
            if entry is None and 0 < size <= MAX_FILE_BYTES:
                if size in self._sizes or self._journal.has_size(size):
                    entry = self._journal.with_hash(hash_of(frame.path))
                self._sizes.add(size)
        if entry is None:
            return False
        if entry.sha256 in self._done:
            self._copy(frame.name, frame.path, entry.sha256)
        else:
            self._accept(entry, frame.name, frame.path, is_listed=_is_listed(frame))
            self.reused += 1
        return True


@dataclass(frozen=True, slots=True)
class _Done:
    """A frame that was searched, and the name and path it has now."""

    entry: Entry
    name: str
    path: Path
    is_listed: bool


def _is_listed(frame: SourceFrame) -> bool:
    """Whether a frame was given with its metadata, in a list; one of a video has a name of its own."""
    return frame.meta is not None and frame.video is None


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


def hash_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; "" where it cannot be read or is larger than a photograph may be."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return ""
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
