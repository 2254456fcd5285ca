"""What needs the metadata of all frames of a flight before the first is searched: telemetry and terrain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from airbeat.errors import FrameError, UsageError
from airbeat.frames.meta import FrameMeta
from airbeat.frames.pairing import complete_from_telemetry
from airbeat.frames.reader import read_frame_meta
from airbeat.frames.sources import FollowedFolder, FrameSource, SourceFrame
from airbeat.geo.coordinates import LatLon
from airbeat.locate.heading import checked_headings, heading_by_pictures
from airbeat.locate.relief import TerrainGround, terrain_for_frames

__all__ = ["PreparedFrames", "prepared"]


@dataclass(kw_only=True)
class PreparedFrames(FrameSource):
    """Frames whose metadata were read, and completed, beforehand.

    Attributes:
        frames: in their order.
    """

    frames: list[SourceFrame] = field(default_factory=list)

    def __iter__(self) -> Iterator[SourceFrame | None]:
        self.total = len(self.frames)
        for frame in self.frames:
            self.passed += 1
            yield frame


def prepared(
    source: FrameSource,
    *,
    telemetry: Path | None = None,
    camera_pitch_deg: float | None = None,
    terrain: Sequence[Path] = (),
    home: LatLon | None = None,
) -> tuple[PreparedFrames, TerrainGround | None]:
    """Read all metadata, complete them from telemetry, and make a height model ready.

    Headings that are written the wrong way round are found, held against the pictures, and put right.

    Args:
        source: gives the frames of one flight.
        telemetry: flight log that completes what the frames do not say.
        camera_pitch_deg: pitch of a camera that turns with the airframe.
        terrain: height models.
        home: the take-off place.

    Raises:
        UsageError: the source has no end that could be waited for.
        InputFileError: the log or a height model cannot be used.
    """
    if isinstance(source, FollowedFolder):
        raise UsageError(
            "telemetry and terrain need the whole flight", remedy="search the folder once it is full"
        )
    found, metas = [], []
    refused: list[tuple[str, Path, str]] = []
    for frame in source:
        if frame is None:
            continue
        try:
            metas.append(read_frame_meta(frame.path))
        except FrameError as error:
            remedy = f" ({error.remedy})" if error.remedy else ""
            refused.append((frame.name, frame.path, f"{error.message}{remedy}"))
        else:
            found.append(frame)
    if telemetry is not None:
        metas = list(complete_from_telemetry(metas, telemetry, camera_pitch_deg=camera_pitch_deg))
    metas = list(checked_headings(metas, look=heading_by_pictures))
    done = [
        SourceFrame(path=frame.path, name=frame.name, meta=meta)
        for frame, meta in zip(found, metas, strict=True)
    ]
    ready = PreparedFrames(
        name=source.name,
        frames=done,
        ignored=source.ignored,
        left_out=source.left_out,
        refused=[*source.refused, *refused],
    )
    return ready, _ground(terrain, metas, home)


def _ground(terrain: Sequence[Path], metas: Sequence[FrameMeta], home: LatLon | None) -> TerrainGround | None:
    return terrain_for_frames(terrain, metas, home=home) if terrain else None
