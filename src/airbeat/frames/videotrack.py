"""Where a video's frames were taken, by the subtitles that the drone wrote beside it.

Subtitles count from the video's own beginning, so no clock's offset has to be told.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from airbeat.errors import AirbeatError, FrameError
from airbeat.frames.focal import focal_length_px
from airbeat.frames.meta import FrameMeta
from airbeat.frames.pairing import filled
from airbeat.frames.reader import read_frame_meta
from airbeat.frames.subtitles import read_subtitles
from airbeat.frames.telemetry import poses_of

__all__ = ["TrackBeside", "VideoTrack", "subtitles_beside"]

_LONGEST_BEYOND_S = 1.0
"""Subtitles of one entry a second end before the video does by as much."""


def subtitles_beside(video: Path) -> Path | None:
    """The subtitle file of a video's name in its folder; None where there is none."""
    return next((p for end in (".SRT", ".srt") if (p := video.with_suffix(end)).is_file()), None)


class VideoTrack:
    """What a video's subtitles say of its frames.

    Args:
        path: the ``.srt`` file.

    Raises:
        InputFileError: it cannot be read, or says no place.
    """

    def __init__(self, path: Path) -> None:
        poses = sorted(read_subtitles(path), key=lambda pose: pose.video_time_s)
        self.name = path.name
        self._poses = poses_of([pose.row(by_video=True) for pose in poses])
        self._focal_35mm = np.array([pose.focal_35mm for pose in poses])

    def placed(self, meta: FrameMeta, second_s: float) -> FrameMeta:
        """A frame with what the subtitles say of its second in the video; what it says itself is kept."""
        times_s = self._poses.times_s
        at_s = float(np.clip(second_s, times_s[0], times_s[-1]))
        pose = self._poses.at(at_s) if abs(at_s - second_s) <= _LONGEST_BEYOND_S else None
        if pose is None:
            said = f"{self.name} says nothing of second {second_s:.1f} of the video"
            return replace(meta, findings=(*meta.findings, said))
        placed = filled(meta, pose, self.name, f"second {second_s:.1f} of the video", None)
        nearest = int(np.argmin(np.abs(times_s - at_s)))
        return self._with_focal_length(placed, float(self._focal_35mm[nearest]))

    def _with_focal_length(self, meta: FrameMeta, focal_35mm: float) -> FrameMeta:
        if meta.focal_length_px is not None or not math.isfinite(focal_35mm):
            return meta
        focal, said = focal_length_px(
            width_px=meta.width_px,
            height_px=meta.height_px,
            model="",
            calibrated_px=None,
            calibrated_centre_x_px=None,
            focal_mm=None,
            focal_35mm=focal_35mm,
            digital_zoom=None,
        )
        return replace(meta, focal_length_px=focal, findings=(*meta.findings, *said))


class _Unreadable:
    """Subtitles that cannot be used, which every frame says."""

    def __init__(self, path: Path, error: AirbeatError) -> None:
        self._said = f"nothing was taken from {path.name}: {error.message}"

    def placed(self, meta: FrameMeta, second_s: float) -> FrameMeta:
        return replace(meta, findings=(*meta.findings, self._said))


class TrackBeside:
    """Places frames of a video by the subtitles beside it, if there are any."""

    def __init__(self, video: Path) -> None:
        self._track: VideoTrack | _Unreadable | None = None
        path = subtitles_beside(video)
        if path is None:
            return
        try:
            self._track = VideoTrack(path)
        except AirbeatError as error:
            self._track = _Unreadable(path, error)

    def meta_of(self, frame: Path, second_s: float) -> FrameMeta | None:
        """A frame's metadata; None where the frame's file says all that is known."""
        if self._track is None:
            return None
        try:
            return self._track.placed(read_frame_meta(frame), second_s)
        except FrameError:
            return None  # whoever searches it says what is wrong
