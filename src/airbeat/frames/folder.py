"""Folders of photographs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from airbeat.errors import FrameError
from airbeat.frames.meta import FrameMeta
from airbeat.frames.reader import read_frame_meta

__all__ = ["FolderScan", "scan_folder"]

_SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff"}


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
            f"the folder cannot be read: {error.strerror}",
            where=str(folder),
            remedy="name a folder of photographs",
        ) from error
    files = [p for p in entries if p.is_file()]
    photographs = [p for p in files if p.suffix.lower() in _SUFFIXES]
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
