"""What needs the metadata of all frames of a flight before the first is searched.

Headings that are written the wrong way round, which only shows in several frames; telemetry; terrain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from airbeat.errors import FrameError, UsageError
from airbeat.frames.meta import FrameMeta
from airbeat.frames.pairing import complete_from_telemetry, with_camera_pitch
from airbeat.frames.reader import read_frame_meta
from airbeat.frames.sources import FolderSource, FollowedFolder, FrameSource, SourceFrame
from airbeat.frames.videotrack import VideoTrack
from airbeat.geo.coordinates import LatLon
from airbeat.locate.heading import checked_headings, heading_by_pictures
from airbeat.locate.relief import TerrainGround, above_home, terrain_for_frames

__all__ = ["PreparedFrames", "is_whole", "prepared"]


@dataclass(kw_only=True)
class PreparedFrames(FrameSource):
    """Frames whose metadata were read, and completed, beforehand.

    Attributes:
        frames: in their order.
        headings: what the comparison of their headings found, with the number of photographs.
    """

    frames: list[SourceFrame] = field(default_factory=list)
    headings: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[SourceFrame | None]:
        self.total = len(self.frames)
        for frame in self.frames:
            self.passed += 1
            yield frame


def is_whole(source: FrameSource) -> bool:
    """Whether all of a flight's photographs are there already, so that their headings can be compared."""
    return isinstance(source, FolderSource) and not isinstance(source, FollowedFolder)


def prepared(
    source: FrameSource,
    *,
    telemetry: Path | None = None,
    camera_pitch_deg: float | None = None,
    terrain: Sequence[Path] = (),
    home: LatLon | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[PreparedFrames, TerrainGround | None]:
    """Read all metadata, complete them from telemetry, and make a height model ready.

    Headings that are written the wrong way round are found, held against the pictures, and put right.

    Args:
        source: gives the frames of one flight.
        telemetry: flight log that completes what the frames do not say.
        camera_pitch_deg: pitch of a camera that turns with the airframe, for frames that do not say it.
        terrain: height models.
        home: the take-off place.
        progress: called after each frame with the share that is done, 0…1.

    Raises:
        UsageError: the source has no end that could be waited for.
        InputFileError: the log or a height model cannot be used.
    """
    if isinstance(source, FollowedFolder):
        raise UsageError(
            "telemetry, terrain and a camera's pitch need the whole flight",
            remedy="search the folder once it is full",
        )
    found, metas, refused = _read(source, progress)
    if telemetry is not None:
        metas = _completed(found, metas, telemetry, camera_pitch_deg)
    metas = [with_camera_pitch(meta, camera_pitch_deg) for meta in metas]
    ground = _ground(terrain, metas, home)
    metas = metas if ground is None else above_home(metas, ground)
    as_written = metas
    metas = list(checked_headings(metas, look=heading_by_pictures))
    said = Counter(
        finding
        for before, after in zip(as_written, metas, strict=True)
        for finding in after.findings[len(before.findings) :]
    )
    done = [
        SourceFrame(path=frame.path, name=frame.name, meta=meta)
        for frame, meta in zip(found, metas, strict=True)
    ]
    ready = PreparedFrames(
        name=source.name,
        frames=done,
        headings=tuple(f"{count} photographs: {text}" for text, count in said.items()),
        ignored=source.ignored,
        left_out=source.left_out,
        refused=[*source.refused, *refused],
    )
    return ready, ground


def _read(
    source: FrameSource, progress: Callable[[float], None] | None
) -> tuple[list[SourceFrame], list[FrameMeta], list[tuple[str, Path, str]]]:
    """A source's frames, their metadata, and (name, path, reason) of those that have none."""
    found, metas, refused = [], [], []
    for frame in source:
        if frame is None:
            continue
        try:
            metas.append(frame.meta or read_frame_meta(frame.path))
        except FrameError as error:
            remedy = f" ({error.remedy})" if error.remedy else ""
            refused.append((frame.name, frame.path, f"{error.message}{remedy}"))
        else:
            found.append(frame)
        if progress is not None:
            progress(source.passed / max(source.total, source.passed, 1))
    return found, metas, refused


def _completed(
    frames: Sequence[SourceFrame],
    metas: Sequence[FrameMeta],
    telemetry: Path,
    camera_pitch_deg: float | None,
) -> list[FrameMeta]:
    """Metadata completed from a log: those of a video's frames from its own subtitles by the video's time."""
    done = list(metas)
    videos = {frame.video for frame in frames if frame.video is not None}
    own = [
        i
        for i, frame in enumerate(frames)
        if frame.video is not None and (len(videos) == 1 or frame.video.stem == telemetry.stem)
    ]
    if own and telemetry.suffix.lower() == ".srt":
        track = VideoTrack(telemetry)
        for i in own:
            done[i] = track.placed(metas[i], frames[i].second_s)
    else:
        own = []
    others = sorted(set(range(len(metas))) - set(own))
    if others or not metas:
        by_clock = complete_from_telemetry(
            [metas[i] for i in others], telemetry, camera_pitch_deg=camera_pitch_deg
        )
        for i, meta in zip(others, by_clock, strict=True):
            done[i] = meta
    return done


def _ground(terrain: Sequence[Path], metas: Sequence[FrameMeta], home: LatLon | None) -> TerrainGround | None:
    return terrain_for_frames(terrain, metas, home=home) if terrain else None
