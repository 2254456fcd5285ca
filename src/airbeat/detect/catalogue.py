"""Which detectors there are, by name, and which of them a frame is searched with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from airbeat.detect.detections import Detections, Detector
from airbeat.detect.exercise import ExerciseDetector
from airbeat.errors import UsageError
from airbeat.frames.meta import FrameMeta

__all__ = ["NAMES", "AutoDetector", "PerFrameDetector", "detector_for", "detector_named", "smallest_score"]

_DRAWN_BY_THE_EMBEDDED_CAMERA = "embedded simulation (synthetic image)"


@runtime_checkable
class PerFrameDetector(Protocol):
    """A detector that is another one for every frame, by the frame's metadata or by the frames around it."""

    def for_frame(self, meta: FrameMeta, neighbours: Sequence[FrameMeta] = ()) -> Detector:
        """The detector to search a frame with.

        Args:
            meta: the frame.
            neighbours: frames taken just before and after it, if known, nearest first.
        """
        ...


def detector_for(detector: Detector, meta: FrameMeta, neighbours: Sequence[FrameMeta] = ()) -> Detector:
    """What a frame is to be searched with: ``detector``, or what it chooses for the frame."""
    return detector.for_frame(meta, neighbours) if isinstance(detector, PerFrameDetector) else detector


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoDetector:
    """The default: by modality, and the exercise detector for what the embedded camera drew.

    Attributes:
        rgb: searches photographs.
        thermal: searches thermal frames.
        exercise: searches frames whose metadata say that the embedded camera made them.
    """

    rgb: Detector
    thermal: Detector
    exercise: Detector

    def for_frame(self, meta: FrameMeta, neighbours: Sequence[FrameMeta] = ()) -> Detector:
        """See `PerFrameDetector`."""
        if _DRAWN_BY_THE_EMBEDDED_CAMERA in meta.software:
            return self.exercise
        return detector_for(self.thermal if meta.modality == "thermal" else self.rgb, meta, neighbours)

    def __call__(self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float, modality: str) -> Detections:
        """See `airbeat.detect.detections.Detector`; for a frame of which nothing else is known."""
        detector = self.thermal if modality == "thermal" else self.rgb
        return detector(image_bgr, gsd_m_px=gsd_m_px, modality=modality)

    @property
    def smallest_score(self) -> float:
        """No box of any frame scores less."""
        return min(smallest_score(d) for d in (self.rgb, self.thermal, self.exercise))


def smallest_score(detector: Detector) -> float:
    """The threshold a detector applies itself; 0 where it does not say."""
    return float(getattr(detector, "smallest_score", 0.0))


def _exercise(threshold: float | None, max_false_per_frame: float | None) -> Detector:
    if max_false_per_frame is not None:
        return ExerciseDetector.for_false_candidates(max_false_per_frame)
    return ExerciseDetector(threshold=threshold)


def _auto(threshold: float | None, max_false_per_frame: float | None) -> Detector:
    exercise = _exercise(threshold, max_false_per_frame)
    return AutoDetector(rgb=exercise, thermal=exercise, exercise=exercise)


_MAKERS: dict[str, Callable[[float | None, float | None], Detector]] = {
    "auto": _auto,
    "exercise": _exercise,
}

NAMES = tuple(_MAKERS)
"""Names that `detector_named` knows."""


def detector_named(
    name: str, *, threshold: float | None = None, max_false_per_frame: float | None = None
) -> Detector:
    """The detector of a name; picklable.

    Args:
        name: one of `NAMES`.
        threshold: smallest score of a box, 0…1; None for the detector's own.
        max_false_per_frame: take the lowest threshold whose measured rate of false alarms per frame is not
            above this instead.

    Raises:
        UsageError: no such detector, a threshold outside 0…1 or beside a rate, or a rate that was never
            measured.
    """
    if threshold is not None and max_false_per_frame is not None:
        raise UsageError("a threshold and a rate of false candidates exclude each other", remedy="give one")
    if threshold is not None and not 0 <= threshold <= 1:
        raise UsageError(f"threshold {threshold} is outside 0…1")
    if name not in _MAKERS:
        raise UsageError(f"no detector {name!r}", remedy=f"there are: {', '.join(NAMES)}")
    return _MAKERS[name](threshold, max_false_per_frame)
