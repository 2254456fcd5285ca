"""The journal of a search: what was finished stays finished, whenever the program is killed.

Two files that only grow: the cut-outs, one after the other, and a line for each finished frame. A frame's
cut-outs are written before its line. When a journal is opened, a line that was cut short and cut-outs that
belong to no line are taken off again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, overload

from airbeat.detect.records import SearchedFrame, frame_from_json, frame_to_json
from airbeat.errors import InputFileError, UsageError
from airbeat.language.words import Message

__all__ = ["Entry", "Journal", "RecordedFrames"]

_LINES, _CROPS = "frames.jsonl", "crops.pack"
_SYNC_BYTES = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where a finished frame lies in the journal, and what file it was.

    Attributes:
        name: the file's path below the folder that was searched.
        sha256: of the file, hexadecimal.
        size_bytes: of the file.
        mtime_ns: when the file was last changed [ns since 1970].
        at: first byte of the frame's record in the journal.
        length: bytes of the record.
    """

    name: str
    sha256: str
    size_bytes: int
    mtime_ns: int
    at: int
    length: int


class Journal:
    """The finished frames of one output folder, searched with the settings of one key.

    Lines of other settings stay in the file and are not seen.

    Args:
        folder: made if it is missing.
        key: says with what the frames were searched.

    Attributes:
        lines: the file of finished frames.

    Raises:
        UsageError: the folder cannot be written, or another search is using it.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.lines = folder / _LINES
        self._key = key
        self._by_name: dict[str, Entry] = {}
        self._by_sha: dict[str, Entry] = {}
        self._sizes: set[int] = set()
        self._unsynced = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lines = _locked(self.lines)
            self._crops: IO[bytes] = (folder / _CROPS).open("a+b")
        except OSError as error:
            raise UsageError(
                Message("{folder} cannot be written: {reason}", folder=folder, reason=error.strerror),
                remedy="choose another folder",
            ) from error
        self._open()

    def _open(self) -> None:
        room = self._crops.seek(0, os.SEEK_END)
        self._lines.seek(0)
        at = used = 0
        for line in self._lines:
            if not line.endswith(b"\n"):
                break
            head, _, record = line.partition(b"\t")
            with suppress(ValueError, KeyError, TypeError):
                fields = json.loads(head)
                if fields["crops_end"] <= room:
                    used = max(used, fields["crops_end"])
                    if fields["key"] == self._key:
                        self._remember(fields, at + len(head) + 1, len(record) - 1)
            at += len(line)
        self._lines.truncate(at)
        self._crops.truncate(used)
        self._end = at
        self._crops_end = used

    def _remember(self, fields: dict[str, object], at: int, length: int) -> Entry:
        entry = Entry(
            name=str(fields["name"]),
            sha256=str(fields["sha256"]),
            size_bytes=int(str(fields["size"])),
            mtime_ns=int(str(fields["mtime_ns"])),
            at=at,
            length=length,
        )
        self._by_name[entry.name] = entry
        self._by_sha[entry.sha256] = entry
        self._sizes.add(entry.size_bytes)
        return entry

    def __len__(self) -> int:
        return len(self._by_sha)

    def named(self, name: str, size_bytes: int, mtime_ns: int) -> Entry | None:
        """The finished frame of that name, if the file has not changed since by size and time."""
        entry = self._by_name.get(name)
        return entry if entry and (entry.size_bytes, entry.mtime_ns) == (size_bytes, mtime_ns) else None

    def last_named(self, name: str) -> Entry | None:
        """The frame that was finished last under that name, whatever has become of its file."""
        return self._by_name.get(name)

    def with_hash(self, sha256: str) -> Entry | None:
        """The finished frame with those bytes, whatever its name."""
        return self._by_sha.get(sha256)

    def has_size(self, size_bytes: int) -> bool:
        """Whether a finished file had that many bytes; without one no file can have the same hash."""
        return size_bytes in self._sizes

    def add(
        self, frame: SearchedFrame, crops: Sequence[bytes], *, sha256: str, size_bytes: int, mtime_ns: int
    ) -> Entry:
        """Write a finished frame down.

        Args:
            frame: its boxes' ``crop`` is filled in here.
            crops: JPEG of each box.
            sha256: of the file, hexadecimal.
            size_bytes: of the file.
            mtime_ns: when the file was last changed.

        Raises:
            UsageError: the disk is full.
        """
        boxes = []
        try:
            for box, crop in zip(frame.boxes, crops, strict=True):
                boxes.append(replace(box, crop=(self._crops_end, len(crop))))
                self._crops.write(crop)
                self._crops_end += len(crop)
            self._crops.flush()
            fields: dict[str, object] = {
                "key": self._key,
                "name": frame.name,
                "sha256": sha256,
                "size": size_bytes,
                "mtime_ns": mtime_ns,
                "crops_end": self._crops_end,
            }
            head = json.dumps(fields).encode() + b"\t"
            meta = replace(frame.meta, path=Path())  # it is put in again when the frame is read
            record = frame_to_json(replace(frame, boxes=tuple(boxes), meta=meta))
            self._lines.write(head + record + b"\n")
            self._lines.flush()
            self._sync(sum(map(len, crops)) + len(record))
        except OSError as error:
            raise UsageError(
                Message("the journal cannot be written: {reason}", reason=error.strerror),
                remedy="free space on the disk, and start again: what is finished is kept",
            ) from error
        entry = self._remember(fields, self._end + len(head), len(record))
        self._end += len(head) + len(record) + 1
        return entry

    def _sync(self, written: int) -> None:
        """Now and then everything goes to the disk, should the power fail."""
        self._unsynced += written
        if self._unsynced >= _SYNC_BYTES:
            os.fsync(self._crops.fileno())
            os.fsync(self._lines.fileno())
            self._unsynced = 0

    def crop(self, where: tuple[int, int]) -> bytes:
        """The JPEG of a box, by its ``crop``."""
        self._crops.seek(where[0])
        return self._crops.read(where[1])

    def close(self) -> None:
        """Close the files; frames can no longer be read."""
        self._lines.close()
        self._crops.close()


def _locked(path: Path) -> IO[bytes]:
    """The file, opened to be added to and kept to ourselves, where the system can do that."""
    stream: IO[bytes] = path.open("a+b")
    try:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        return stream
    except BlockingIOError as error:
        stream.close()
        raise UsageError(
            Message("another search writes to {folder}", folder=path.parent),
            remedy="wait for its end, or choose another folder",
        ) from error
    return stream


@dataclass(frozen=True, slots=True)
class RecordedFrames(Sequence[SearchedFrame]):
    """Frames of a search in their order; each is read from the journal when it is asked for.

    Attributes:
        lines: the journal's file of frames.
        entries: where they lie, in order; and the name and path that each has now.
        kept: frames that were read, by their place, where there is memory for all; else None.
    """

    lines: Path
    entries: tuple[tuple[Entry, str, Path], ...]
    kept: dict[int, SearchedFrame] | None = None

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> SearchedFrame: ...
    @overload
    def __getitem__(self, index: slice) -> RecordedFrames: ...
    def __getitem__(self, index: int | slice) -> SearchedFrame | RecordedFrames:
        if isinstance(index, slice):
            return RecordedFrames(self.lines, self.entries[index], self.kept)
        with self.lines.open("rb") as stream:
            return self._read(stream, *self.entries[index])

    def __iter__(self) -> Iterator[SearchedFrame]:
        with self.lines.open("rb") as stream:
            for entry, name, path in self.entries:
                yield self._read(stream, entry, name, path)

    def _read(self, stream: IO[bytes], entry: Entry, name: str, path: Path) -> SearchedFrame:
        frame = None if self.kept is None else self.kept.get(entry.at)
        if frame is None or frame.name != name:
            stream.seek(entry.at)
            try:
                frame = frame_from_json(stream.read(entry.length))
            except ValueError as error:
                raise InputFileError(
                    Message("what was kept of {name} is damaged", name=entry.name),
                    where=str(self.lines),
                    remedy="delete the folder work in the output folder, and search again",
                ) from error
            frame = replace(frame, name=name, meta=replace(frame.meta, path=path))
            if self.kept is not None:
                self.kept[entry.at] = frame
        return frame
