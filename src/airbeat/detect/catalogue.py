"""Which detectors there are, by name, and which of them a frame is searched with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from airbeat.detect.anomaly import AnomalyDetector
from airbeat.detect.calibration import CalibratedDetector, calibration, threshold_for_rate
from airbeat.detect.detections import Detections, Detector
from airbeat.detect.exercise import ExerciseDetector
from airbeat.detect.external import ExternalDetector
from airbeat.detect.fusion import FusedDetector
from airbeat.detect.motion import MotionDetector
from airbeat.detect.network import NetworkDetector, network_figures
from airbeat.detect.thermal import ThermalDetector
from airbeat.errors import UsageError
from airbeat.frames.meta import FrameMeta
from airbeat.language.words import Message

__all__ = [
    "NAMES",
    "AutoDetector",
    "ByModality",
    "PerFrameDetector",
    "detector_for",
    "detector_named",
    "is_drawn",
    "smallest_score",
]

_DRAWN_BY_THE_EMBEDDED_CAMERA = "embedded simulation (synthetic image)"


def is_drawn(meta: FrameMeta) -> bool:
    """Whether a frame says that the embedded camera drew it."""
    return _DRAWN_BY_THE_EMBEDDED_CAMERA in meta.software


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
class ByModality:
    """One detector for photographs and one for thermal frames.

    Attributes:
        rgb: searches photographs.
        thermal: searches thermal frames.
    """

    rgb: Detector
    thermal: Detector

    def for_frame(self, meta: FrameMeta, neighbours: Sequence[FrameMeta] = ()) -> Detector:
        """See `PerFrameDetector`."""
        return detector_for(self._of(meta.modality), meta, neighbours)

    def __call__(self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float, modality: str) -> Detections:
        """See `airbeat.detect.detections.Detector`; for a frame of which nothing else is known."""
        return self._of(modality)(image_bgr, gsd_m_px=gsd_m_px, modality=modality)

    def _of(self, modality: str) -> Detector:
        return self.thermal if modality == "thermal" else self.rgb

    @property
    def smallest_score(self) -> float:
        """No box of any frame scores less."""
        return min(smallest_score(self.rgb), smallest_score(self.thermal))


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoDetector(ByModality):
    """The default: by modality, and the exercise detector for what the embedded camera drew.

    Attributes:
        exercise: searches frames whose metadata say that the embedded camera made them.
    """

    exercise: Detector

    def for_frame(self, meta: FrameMeta, neighbours: Sequence[FrameMeta] = ()) -> Detector:
        """See `PerFrameDetector`."""
        if is_drawn(meta):
            return self.exercise
        return ByModality.for_frame(self, meta, neighbours)

    @property
    def smallest_score(self) -> float:
        """No box of any frame scores less."""
        return min(smallest_score(d) for d in (self.rgb, self.thermal, self.exercise))


def smallest_score(detector: Detector) -> float:
    """The threshold a detector applies itself; 0 where it does not say."""
    return float(getattr(detector, "smallest_score", 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """A detector that says its name on every box, and its threshold."""

    name: str
    detector: Detector
    smallest_score: float

    def __call__(self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float, modality: str) -> Detections:
        found = self.detector(image_bgr, gsd_m_px=gsd_m_px, modality=modality)
        return Detections.best_first(found.xyxy_px, found.scores, detector=self.name)


@dataclass(frozen=True, slots=True)
class _Limit:
    """How a threshold is wished: given, by a rate, or neither."""

    threshold: float | None
    max_false_per_frame: float | None

    def applied(self, default: float, curve: tuple[tuple[float, float], ...]) -> float:
        if self.max_false_per_frame is not None:
            return threshold_for_rate(curve, self.max_false_per_frame)
        return default if self.threshold is None else self.threshold


_EVERYTHING = _Limit(0.0, None)


def _has_network(modality: str) -> bool:
    try:
        network_figures(modality)
    except UsageError:
        return False
    return True


def _exercise(limit: _Limit) -> Detector:
    if limit.max_false_per_frame is not None:
        return ExerciseDetector.for_false_candidates(limit.max_false_per_frame)
    return ExerciseDetector(threshold=limit.threshold)


def _network_of(modality: str, limit: _Limit) -> Detector | None:
    """The network of a modality; None if none ships."""
    if not _has_network(modality):
        return None
    figures = network_figures(modality)
    threshold = limit.applied(figures.threshold, figures.false_per_frame)
    return _Named(name="network", detector=NetworkDetector(threshold=threshold), smallest_score=threshold)


def _anomaly_of(modality: str, limit: _Limit) -> Detector:
    table = calibration("anomaly", modality)
    if table is None:
        raise UsageError(
            Message("the anomaly detector was not measured on {modality} pictures", modality=modality)
        )
    threshold = limit.applied(table.threshold, table.false_per_frame)
    return CalibratedDetector(raw=AnomalyDetector(), probability=table.probability, threshold=threshold)


def _fused_of(modality: str, limit: _Limit) -> Detector:
    """Network and anomaly fused, if that was measured; else the network, else the anomaly alone."""
    table = calibration("auto", modality)
    network = _network_of(modality, _EVERYTHING)
    if table is not None and network is not None:
        return FusedDetector(
            first=network,
            second=_anomaly_of(modality, _EVERYTHING),
            weights=tuple(table.fusion.items()),
            threshold=limit.applied(table.threshold, table.false_per_frame),
        )
    return _network_of(modality, limit) or _anomaly_of(modality, limit)


def _auto(limit: _Limit) -> Detector:
    return AutoDetector(
        rgb=_fused_of("rgb", limit), thermal=_fused_of("thermal", limit), exercise=_exercise(limit)
    )


def _network(limit: _Limit) -> Detector:
    plain = _Named(name="network", detector=NetworkDetector(), smallest_score=0.0)
    return ByModality(rgb=_network_of("rgb", limit) or plain, thermal=_network_of("thermal", limit) or plain)


def _anomaly(limit: _Limit) -> Detector:
    return ByModality(rgb=_anomaly_of("rgb", limit), thermal=_anomaly_of("thermal", limit))


def _thermal(limit: _Limit) -> Detector:
    threshold = _threshold_only(limit, "thermal", ThermalDetector().threshold)
    return _Named(name="thermal", detector=ThermalDetector(threshold=threshold), smallest_score=threshold)


def _motion(limit: _Limit) -> Detector:
    return MotionDetector(threshold=_threshold_only(limit, "motion", MotionDetector().threshold))


def _external(path: Path, limit: _Limit) -> Detector:
    detector = ExternalDetector(path=path)
    return replace(detector, threshold=_threshold_only(limit, "external", detector.threshold))


def _threshold_only(limit: _Limit, name: str, default: float) -> float:
    if limit.max_false_per_frame is not None:
        raise UsageError(
            Message("no curve of false candidates was measured for the {name} detector", name=name),
            remedy="give a threshold",
        )
    return default if limit.threshold is None else limit.threshold


_MAKERS: dict[str, Callable[[_Limit], Detector]] = {
    "auto": _auto,
    "network": _network,
    "anomaly": _anomaly,
    "thermal": _thermal,
    "motion": _motion,
    "exercise": _exercise,
}

NAMES = tuple(_MAKERS)
"""Names that `detector_named` knows, beside ``external:FILE.onnx``."""

EXTERNAL = "external:"


def detector_named(
    name: str, *, threshold: float | None = None, max_false_per_frame: float | None = None
) -> Detector:
    """The detector of a name; picklable.

    Args:
        name: one of `NAMES`, or ``external:FILE.onnx``.
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
        raise UsageError(Message("threshold {threshold} is outside 0…1", threshold=threshold))
    limit = _Limit(threshold, max_false_per_frame)
    if name.startswith(EXTERNAL):
        return _external(Path(name.removeprefix(EXTERNAL)), limit)
    if name not in _MAKERS:
        raise UsageError(
            Message("no detector {name!r}", name=name),
            remedy=Message("there are: {detectors}, external:FILE.onnx", detectors=", ".join(NAMES)),
        )
    return _MAKERS[name](limit)
