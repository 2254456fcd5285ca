"""Where frames come from, one by one: a folder, a folder that is still filling, a video, a stream."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from airbeat.errors import FrameError
from airbeat.frames.folder import VIDEOS, FolderListing, as_text, list_folder
from airbeat.frames.meta import FrameMeta
from airbeat.frames.reader import has_its_end
from airbeat.frames.video import VideoSampling, sampled_frames
from airbeat.frames.videotrack import TrackBeside

__all__ = ["FolderSource", "FollowedFolder", "FrameSource", "ListedFrames", "SourceFrame", "VideoSource"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFrame:
    """A frame that is there to be searched.

    Attributes:
        path: the file.
        name: what it is called in results: its path below the folder, with ``/`` between names.
        meta: its metadata, where they are known already.
        video: the video that it is a frame of; None for a photograph or a frame of a stream.
        second_s: at which second of the video [s].
    """

    path: Path
    name: str
    meta: FrameMeta | None = None
    video: Path | None = None
    second_s: float = 0.0


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
            yield SourceFrame(path=meta.path, name=as_text(meta.path.name), meta=meta)


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
            UsageError: results would lie among its photographs.
        """
        listed = list_folder(self.folder, leave_out=self.leave_out)
        self.ignored, self.left_out = listed.ignored, tuple(map(as_text, listed.left_out))
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
            yield SourceFrame(path=path, name=as_text(name))
        self.passed += 1


@dataclass(kw_only=True)
class FollowedFolder(FolderSource):
    """A folder that is still filling: files are taken once they are all there, and again when they change.

    A photograph that has its end mark and did not change between two looks is all there. One of a kind that
    has no such mark is, once it has not changed for ``settle_s``. A video, and a photograph that lacks its
    mark, is taken as it is after ``give_up_s``.

    Attributes:
        quiet_s: the end is when nothing has changed for so long [s]; infinite for never.
        poll_s: how often to look [s]; in large folders less often, so that no more than a fifth of the time
            is spent on it.
        settle_s: see above [s].
        give_up_s: see above [s].
        stopped: asked every time; True ends it too.
    """

    quiet_s: float = 60.0
    poll_s: float = 0.15
    settle_s: float = 1.0
    give_up_s: float = 10.0
    stopped: Callable[[], bool] = lambda: False

    def __iter__(self) -> Iterator[SourceFrame | None]:
        taken: dict[str, _State] = {}
        waiting: dict[str, _Waiting] = {}
        changed_s = time.monotonic()
        while not self.stopped() and time.monotonic() - changed_s < self.quiet_s:
            begun_s = time.monotonic()
            files = self.listing().files
            self.total = len(files)
            for name in files:
                state = _state(self.folder / name)
                if taken.get(name) == state:
                    continue
                before = waiting.get(name)
                if before is None or before.state != state:
                    waiting[name] = _Waiting(state, since_s=time.monotonic())
                    changed_s = time.monotonic()
                elif self._is_there(name, before):
                    taken[name] = state
                    del waiting[name]
                    changed_s = time.monotonic()
                    yield from self._frames_of(name)
                    if self.stopped():
                        return
            for name in waiting.keys() - set(files):
                del waiting[name]
            yield None
            time.sleep(max(self.poll_s, _PART_OF_TIME * (time.monotonic() - begun_s)))
        if not self.stopped():
            for name in sorted(waiting):
                yield from self._frames_of(name)  # what never came to an end is reported as it is

    def _is_there(self, name: str, file: _Waiting) -> bool:
        """Whether a file that did not change between two looks is all there."""
        if file.state[0] <= 0:
            return False
        if file.has_end is _NOT_ASKED:
            file.has_end = has_its_end(self.folder / name)
        if file.has_end:
            return True
        is_marked = file.has_end is not None or Path(name).suffix.lower() in VIDEOS
        patience_s = self.give_up_s if is_marked else self.settle_s
        return time.monotonic() - file.since_s >= min(patience_s, self.quiet_s)


_PART_OF_TIME = 4.0
_NOT_ASKED = "not asked"
_State = tuple[int, int]


@dataclass(slots=True)
class _Waiting:
    """A file that may not be all there, as it was at the last look, and since when it has been like that."""

    state: _State
    since_s: float
    has_end: bool | str | None = _NOT_ASKED


def _state(path: Path) -> _State:
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
        lost: for a stream that is to be waited for: told why it cannot be had now; it is then opened again
            and again until ``stopped``. None: the first time is the end, and is refused.
    """

    address: str
    frames_dir: Path
    sampling: VideoSampling = field(default_factory=VideoSampling)
    stopped: Callable[[], bool] = lambda: False
    lost: Callable[[str], None] | None = None

    def __iter__(self) -> Iterator[SourceFrame | None]:
        if "://" not in self.address:
            yield from _of_video(self, self.address, Path(self.address).name, stopped=self.stopped)
            return
        for path in sorted((self.frames_dir / _STREAM).glob("*.jpg")):
            yield self._frame(path)  # what was received before a restart belongs to it too
        if self.lost is None:
            yield from _of_video(self, self.address, _STREAM, stopped=self.stopped)
            return
        wait_s = _FIRST_WAIT_S
        while not self.stopped():
            why = "the stream has ended"
            try:
                for path in sampled_frames(
                    self.address, self.frames_dir / _STREAM, self.sampling, stopped=self.stopped
                ):
                    wait_s = _FIRST_WAIT_S
                    yield self._frame(path)
            except FrameError as error:
                why = error.message
            if self.stopped():
                return
            self.lost(f"{why}; it is opened again in {wait_s:.0f} s")
            until_s = time.monotonic() + wait_s
            while not self.stopped() and time.monotonic() < until_s:
                time.sleep(0.1)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _frame(self, path: Path) -> SourceFrame:
        return SourceFrame(path=path, name=as_text(path.relative_to(self.frames_dir).as_posix()))


_STREAM = "stream"
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 15.0


def _of_video(
    source: FolderSource | VideoSource,
    address: str,
    name: str,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[SourceFrame]:
    folder, called = source.frames_dir, as_text(name)
    source.refused[:] = [r for r in source.refused if r[0] != called]  # it has changed, and is tried again
    try:
        is_live = "://" in address
        beside = None if is_live else TrackBeside(Path(address))
        for path in sampled_frames(address, folder / name, source.sampling, stopped=stopped):
            second_s = 0.0 if is_live else float(path.stem)  # a frame is called by it
            yield SourceFrame(
                path=path,
                name=as_text(path.relative_to(folder).as_posix()),
                meta=None if beside is None else beside.meta_of(path, second_s),
                video=None if is_live else Path(address),
                second_s=second_s,
            )
    except FrameError as error:
        remedy = f" ({error.remedy})" if error.remedy else ""
        source.refused.append((called, Path(address), f"{error.message}{remedy}"))
