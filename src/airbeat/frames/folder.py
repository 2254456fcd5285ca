"""Folders of photographs, read whole or walked through."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from airbeat.errors import FrameError, UsageError
from airbeat.frames.meta import FrameMeta
from airbeat.frames.reader import read_frame_meta
from airbeat.language.words import Message

__all__ = ["PHOTOGRAPHS", "VIDEOS", "FolderListing", "FolderScan", "as_text", "list_folder", "scan_folder"]

PHOTOGRAPHS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".dng"})
VIDEOS = frozenset({".mp4", ".mov", ".mkv", ".avi", ".m4v", ".ts", ".mts", ".webm"})
"""Suffixes, lower case."""

RESULTS = "candidates.json"
"""A folder that holds this file was written by a search; its cut-outs are no photographs."""


def as_text(name: str) -> str:
    r"""A file's name as results may hold it: bytes of it that are no UTF-8 are written out (``\\xff``).

    Cards from systems with another encoding bring such names; JSON readers refuse them as they are.
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderScan(Sequence[FrameMeta]):
    """The photographs of a folder, in the order of their names; a sequence of its frames.

    Attributes:
        frames: what was read.
        ignored: how many files are no photographs by their name, hidden ones not counted.
        folders: names of the folders in this one; what is in them was not read.
        duplicates: files with the same bytes as an earlier one, with that one.
        refused: photographs that could not be read, with the reason. They were not searched.
    """

    frames: tuple[FrameMeta, ...]
    ignored: int = 0
    folders: tuple[str, ...] = ()
    duplicates: tuple[tuple[Path, Path], ...] = ()
    refused: tuple[tuple[Path, str], ...] = ()

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[FrameMeta]:
        return iter(self.frames)

    @overload
    def __getitem__(self, index: int) -> FrameMeta: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[FrameMeta, ...]: ...
    def __getitem__(self, index: int | slice) -> FrameMeta | tuple[FrameMeta, ...]:
        return self.frames[index]


def scan_folder(folder: Path, *, on_frame: Callable[[int, int], None] | None = None) -> FolderScan:
    """Read the metadata of every photograph in a folder (not in folders below it, nor hidden files).

    Some systems leave a hidden file beside each photograph of a card (``._DJI_0001.JPG``).

    Args:
        folder: where the photographs are.
        on_frame: called after each photograph with (done, of).

    Raises:
        FrameError: no such folder, or it cannot be listed.
    """
    try:
        entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    except OSError as error:
        raise FrameError(
            Message("the folder cannot be read: {reason}", reason=error.strerror),
            where=str(folder),
            remedy="name a folder of photographs",
        ) from error
    files = [p for p in entries if p.is_file()]
    photographs = [p for p in files if p.suffix.lower() in PHOTOGRAPHS]
    frames: list[FrameMeta] = []
    first: dict[str, Path] = {}
    duplicates: list[tuple[Path, Path]] = []
    refused: list[tuple[Path, str]] = []
    for number, path in enumerate(photographs, start=1):
        try:
            meta = read_frame_meta(path)
        except FrameError as error:
            refused.append((path, error.message))
        else:
            if meta.sha256 in first:
                duplicates.append((path, first[meta.sha256]))
            else:
                first[meta.sha256] = path
                frames.append(meta)
        if on_frame is not None:
            on_frame(number, len(photographs))
    return FolderScan(
        frames=tuple(frames),
        ignored=len(files) - len(photographs),
        folders=tuple(p.name for p in entries if p.is_dir()),
        duplicates=tuple(duplicates),
        refused=tuple(refused),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderListing:
    """The files of a folder and of all folders below it; nothing of them was read but their names.

    Attributes:
        files: photographs and videos, as paths below the folder with ``/`` between names, sorted.
        ignored: how many files are neither by their name, hidden ones not counted.
        left_out: other folders below that were not looked into: results of a search, or not readable.
    """

    files: tuple[str, ...]
    ignored: int
    left_out: tuple[str, ...]


def list_folder(folder: Path, *, leave_out: Collection[Path] = ()) -> FolderListing:
    """List the photographs and videos of a folder, those of the folders below it too.

    Hidden files and folders are passed over, links to folders are not followed, and so nothing is listed
    twice.

    Args:
        folder: where to begin.
        leave_out: folders that are not looked into.

    Raises:
        FrameError: no such folder, or it cannot be listed.
        UsageError: the folder itself is to be left out.
    """
    files: list[str] = []
    left_out: list[str] = []
    ignored = 0
    closed = {p.resolve() for p in leave_out}
    if folder.resolve() in closed:
        raise UsageError(
            Message(
                "results in {folder} would lie among its photographs, and be searched with them next time",
                folder=folder,
            ),
            remedy="choose another folder for them",
        )

    def failed(error: OSError) -> None:
        path = Path(error.filename or folder)
        if path == folder:
            raise FrameError(
                Message("the folder cannot be read: {reason}", reason=error.strerror),
                where=str(folder),
                remedy="name a folder of photographs",
            ) from error
        left_out.append(path.relative_to(folder).as_posix())

    for root, below, names in os.walk(folder, onerror=failed):
        here = Path(root)
        if here != folder and (RESULTS in names or here.resolve() in closed):
            if here.resolve() not in closed:
                left_out.append(here.relative_to(folder).as_posix())
            below.clear()
            continue
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in names:
            suffix = Path(name).suffix.lower()
            if name.startswith("."):
                continue
            if suffix in PHOTOGRAPHS or suffix in VIDEOS:
                files.append((here / name).relative_to(folder).as_posix())
            else:
                ignored += 1
    return FolderListing(files=tuple(sorted(files)), ignored=ignored, left_out=tuple(sorted(left_out)))
