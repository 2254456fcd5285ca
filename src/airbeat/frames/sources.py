"""Where frames come from, one by one: a folder, a folder that is still filling, a video, a stream."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from airbeat.errors import FrameError
from airbeat.frames.folder import VIDEOS, FolderListing, list_folder
from airbeat.frames.meta import FrameMeta
from airbeat.frames.video import VideoSampling, sampled_frames

__all__ = ["FolderSource", "FollowedFolder", "FrameSource", "ListedFrames", "SourceFrame", "VideoSource"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFrame:
    """A frame that is there to be searched.

    Attributes:
        path: the file.
        name: what it is called in results: its path below the folder, with ``/`` between names.
        meta: its metadata, where they are known already.
    """

    path: Path
    name: str
    meta: FrameMeta | None = None


@dataclass(kw_only=True)
class FrameSource(ABC):
    """Gives frames in a fixed order; None where there is none for the moment.

    Attributes:
        name: what the user called it.
        total: how many files there are in all, 0 where nobody knows; grows with a folder that fills.
        passed: how many of them have been given out or refused.
        ignored: how many files are neither photographs nor videos by their name.
        left_out: folders that were not looked into.
        refused: (name, path, reason) of videos of which no frame, or not every frame, could be had.
    """

    name: str
    total: int = 0
    passed: int = 0
    ignored: int = 0
    left_out: tuple[str, ...] = ()
    refused: list[tuple[str, Path, str]] = field(default_factory=list)

    @abstractmethod
    def __iter__(self) -> Iterator[SourceFrame | None]:
        """The frames."""


@dataclass(kw_only=True)
class ListedFrames(FrameSource):
    """Frames whose metadata are known already.

    Attributes:
        metas: any iterable; it may wait for the next photograph of a flight that goes on.
    """

    metas: Iterator[FrameMeta]

    def __iter__(self) -> Iterator[SourceFrame | None]:
        for meta in self.metas:
            self.passed += 1
            yield SourceFrame(path=meta.path, name=meta.path.name, meta=meta)


@dataclass(kw_only=True)
class FolderSource(FrameSource):
    """The photographs, and frames of the videos, of a folder and of those below it, by name.

    Attributes:
        folder: the folder.
        leave_out: folders below it that are not looked into.
        frames_dir: where the frames of videos are kept.
        sampling: which frames of a video are taken.
    """

    folder: Path
    frames_dir: Path
    sampling: VideoSampling = field(default_factory=VideoSampling)
    leave_out: tuple[Path, ...] = ()

    def listing(self) -> FolderListing:
        """What is in the folder now.

        Raises:
            FrameError: it cannot be read.
        """
        listed = list_folder(self.folder, leave_out=self.leave_out)
        self.ignored, self.left_out = listed.ignored, listed.left_out
        return listed

    def __iter__(self) -> Iterator[SourceFrame | None]:
        files = self.listing().files
        self.total = len(files)
        for name in files:
            yield from self._frames_of(name)

    def _frames_of(self, name: str) -> Iterator[SourceFrame]:
        path = self.folder / name
        if path.suffix.lower() in VIDEOS:
            yield from _of_video(self, str(path), name)
        else:
            yield SourceFrame(path=path, name=name)
        self.passed += 1


@dataclass(kw_only=True)
class FollowedFolder(FolderSource):
    """A folder that is still filling: files are taken once they have stopped growing.

    Attributes:
        quiet_s: the end is when nothing has changed for so long [s].
        poll_s: how often to look [s].
        stopped: asked every time; True ends it too.
    """

    quiet_s: float = 60.0
    poll_s: float = 1.0
    stopped: Callable[[], bool] = lambda: False

    def __iter__(self) -> Iterator[SourceFrame | None]:
        taken: set[str] = set()
        sizes: dict[str, tuple[int, int]] = {}
        changed_s = time.monotonic()
        while not self.stopped() and time.monotonic() - changed_s < self.quiet_s:
            files = self.listing().files
            self.total = len(files)
            now = {name: _state(self.folder / name) for name in files if name not in taken}
            for name, state in now.items():
                if sizes.get(name) != state:
                    changed_s = time.monotonic()
                elif state[0] > 0:
                    taken.add(name)
                    yield from self._frames_of(name)
                    if self.stopped():
                        return
            sizes = now
            yield None
            time.sleep(self.poll_s)
        for name in sorted(sizes.keys() - taken):
            yield from self._frames_of(name)  # what never stopped growing is reported as it is


def _state(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (-1, 0)
    return status.st_size, status.st_mtime_ns


@dataclass(kw_only=True)
class VideoSource(FrameSource):
    """Frames of one video file or stream (``rtsp://…``, ``udp://…``).

    Attributes:
        address: path or URL.
        frames_dir: where the frames are kept.
        sampling: which frames are taken.
        stopped: asked at every frame; True ends it.
    """

    address: str
    frames_dir: Path
    sampling: VideoSampling = field(default_factory=VideoSampling)
    stopped: Callable[[], bool] = lambda: False

    def __iter__(self) -> Iterator[SourceFrame | None]:
        stem = "stream" if "://" in self.address else Path(self.address).name
        if stem == "stream":  # what was received before a restart belongs to it too
            for path in sorted((self.frames_dir / stem).glob("*.jpg")):
                yield SourceFrame(path=path, name=path.relative_to(self.frames_dir).as_posix())
        yield from _of_video(self, self.address, stem, stopped=self.stopped)


def _of_video(
    source: FolderSource | VideoSource,
    address: str,
    name: str,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[SourceFrame]:
    folder = source.frames_dir
    try:
        for path in sampled_frames(address, folder / name, source.sampling, stopped=stopped):
            yield SourceFrame(path=path, name=path.relative_to(folder).as_posix())
    except FrameError as error:
        remedy = f" ({error.remedy})" if error.remedy else ""
        source.refused.append((name, Path(address), f"{error.message}{remedy}"))
