"""What detectors' scores are worth, as measured: tables that ship beside them, made by tests/bench."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.detect.detections import Detections, Detector
from airbeat.errors import UsageError
from airbeat.language.words import Message

__all__ = ["CalibratedDetector", "Calibration", "calibration", "threshold_for_rate"]

_FILE = "calibration.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What was measured of one detector on one modality; ``calibration.json`` says on which photographs.

    Attributes:
        probability: (score, share of boxes scored so that were persons), both rising.
        threshold: probability from which it reports by default.
        false_per_frame: (false alarms per image, probability from which on there are no more).
        fusion: for the fused detector, see `airbeat.detect.fusion`; empty for others.
    """

    probability: tuple[tuple[float, float], ...]
    threshold: float
    false_per_frame: tuple[tuple[float, float], ...]
    fusion: dict[str, tuple[float, ...]]


@cache
def calibration(detector: str, modality: str) -> Calibration | None:
    """The tables of a detector for a modality; None if it was not measured."""
    text = resources.files("airbeat.detect").joinpath(_FILE).read_text(encoding="utf-8")
    tables: dict[str, Any] = json.loads(text)["detectors"]
    if modality not in tables.get(detector, {}):
        return None
    data = tables[detector][modality]
    return Calibration(
        probability=tuple((score, share) for score, share in data["probability"]),
        threshold=data["threshold"],
        false_per_frame=tuple((rate, threshold) for rate, threshold in data["false_per_frame"]),
        fusion={case: tuple(weights) for case, weights in data.get("fusion", {}).items()},
    )


def threshold_for_rate(curve: tuple[tuple[float, float], ...], max_per_frame: float) -> float:
    """The lowest threshold whose measured rate of false alarms per frame is not above this.

    Args:
        curve: (rate, threshold) pairs.
        max_per_frame: wanted.

    Raises:
        UsageError: lower than was ever measured, or no number.
    """
    fitting = [threshold for rate, threshold in curve if rate <= max_per_frame]
    if not fitting:
        raise UsageError(
            Message(
                "a rate of {max_per_frame:g} false candidates per frame was never measured",
                max_per_frame=max_per_frame,
            ),
            remedy=Message(
                "give {least:g} or more", least=min((rate for rate, _ in curve), default=math.inf)
            ),
        )
    return min(fitting)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedDetector:
    """A `Detector` whose scores are made probabilities by a measured table.

    Attributes:
        raw: gives scores in its own measure, and leaves none out.
        probability: (score, share of boxes scored so that were persons), both rising.
        threshold: boxes of a lower probability are left out.
    """

    raw: Detector
    probability: tuple[tuple[float, float], ...]
    threshold: float

    @property
    def smallest_score(self) -> float:
        """The threshold."""
        return self.threshold

    def __call__(self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float, modality: str) -> Detections:
        """See `airbeat.detect.detections.Detector`."""
        found = self.raw(image_bgr, gsd_m_px=gsd_m_px, modality=modality)
        scores, shares = np.array(self.probability, dtype=float).T
        probable = Detections(
            xyxy_px=found.xyxy_px, scores=np.interp(found.scores, scores, shares), detectors=found.detectors
        )
        return probable.only(probable.scores >= self.threshold)
