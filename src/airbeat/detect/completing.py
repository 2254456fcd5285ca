"""Completes frames as they arrive, one by one, with what is known of their flight by then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from airbeat.errors import AirbeatError, FrameError, InputFileError
from airbeat.frames.meta import FrameMeta
from airbeat.frames.pairing import completed
from airbeat.frames.reader import read_frame_meta
from airbeat.frames.sources import SourceFrame
from airbeat.frames.telemetry import Telemetry, read_telemetry
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.locate.relief import TerrainGround, terrain_for_frames

__all__ = ["Completing", "FromTelemetry", "ground_around"]

_MOST_PAIRED = 300
"""Frames from which the clocks' offset is told; those before are not needed any more."""


class Completing(Protocol):
    """Completes what frames say of themselves as they arrive."""

    def key(self) -> str:
        """Says from what, for frames that are kept."""

    def __call__(self, frame: SourceFrame) -> FrameMeta | None:
        """A frame's metadata; None for what it says itself."""


class FromTelemetry:
    """Completes frames from a flight log, each by the frames that came before it.

    A log that is still being written is read again when it has grown. A frame of which the log says nothing
    yet, or whose clock cannot be told from the log's, gets no place and a finding that says so: whoever
    searches the whole folder again after the flight has its place too.

    Args:
        telemetry: see `airbeat.frames.pairing`.
        camera_pitch_deg: of a camera that turns with the airframe.

    Raises:
        InputFileError: the log cannot be read.
    """

    def __init__(self, telemetry: Path, *, camera_pitch_deg: float | None = None) -> None:
        self._path = telemetry
        self._camera_pitch_deg = camera_pitch_deg
        self._before: list[FrameMeta] = []
        self._state: tuple[int, int] | None = None
        self._telemetry = self._read()

    def key(self) -> str:
        """See `Completing`."""
        return f"{self._path.resolve()} {self._camera_pitch_deg}"

    def __call__(self, frame: SourceFrame) -> FrameMeta | None:
        """See `Completing`."""
        try:
            meta = frame.meta or read_frame_meta(frame.path)
        except FrameError:
            return None  # whoever searches it says what is wrong
        self._before = [*self._before[-_MOST_PAIRED:], meta]
        try:
            self._telemetry = self._read()
            return completed(self._before, self._telemetry, camera_pitch_deg=self._camera_pitch_deg)[-1]
        except AirbeatError as error:
            said = f"nothing was taken from {self._path.name}: {error.message}"
            return replace(meta, findings=(*meta.findings, said))

    def _read(self) -> Telemetry:
        try:
            status = self._path.stat()
        except OSError as error:
            raise InputFileError(
                Message("cannot be read: {reason}", reason=error.strerror), where=str(self._path)
            ) from error
        state = (status.st_size, status.st_mtime_ns)
        if state != self._state:
            self._telemetry = read_telemetry(self._path)
            self._state = state
        return self._telemetry


def ground_around(terrain: Iterable[Path], home: LatLon) -> TerrainGround:
    """A height model for frames of which none is there yet: five kilometres around the take-off place.

    Raises:
        TerrainError: a file cannot be read or has no heights there.
    """
    anywhere = FrameMeta(path=Path(), width_px=1, height_px=1, position=home, gimbal_pitch_deg=0.0)
    return terrain_for_frames(tuple(terrain), [anywhere], home=home)
