"""The anomaly detector: rare against the ground around it, of a person's size, unlike the frame's clutter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.detect.blobs import Blob, measure_blobs
from airbeat.detect.detections import Detections
from airbeat.detect.rarity import peaks, rarity_map, working_image
from airbeat.errors import UsageError

__all__ = ["AnomalyDetector", "plausible_size"]

_PEAKS_APART_M = 0.8
_PEAKS_PER_FRAME = 300
_FALSE_PER_FRAME = ((0.25, 0.99), (0.5, 0.913), (1.0, 0.633), (2.0, 0.444), (5.0, 0.261))
"""Measured on frames of the embedded camera, seeds 100–103: false candidates per frame, threshold."""

_LENGTH_M = (0.25, 2.6)
_WIDTH_M = (0.15, 1.5)


def plausible_size(blob: Blob) -> bool:
    """Whether an outline can be a person, lying, standing or seen from the side, blur included."""
    return _LENGTH_M[0] <= blob.length_m <= _LENGTH_M[1] and _WIDTH_M[0] <= blob.width_m <= _WIDTH_M[1]


def person_score(blob: Blob) -> float:
    """How much a blob's measurements speak for a person, 0…1."""
    odds = (
        -8.0
        + 1.6 * math.log(max(blob.contrast, 1.0))
        + 0.9 * math.log(max(blob.rarity, 1.0))
        + 0.05 * min(blob.chroma_change, 40.0)
        + 0.25 * blob.unusual
        - 0.8 * blob.twins
        - 0.03 * blob.roughness
    )
    return 1 / (1 + math.exp(-odds))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyDetector:
    """A `Detector` that needs no training data beyond the weights of a few physical measurements.

    Attributes:
        threshold: candidates scoring less are left out.
    """

    threshold: float = 0.633

    @classmethod
    def for_false_candidates(cls, max_per_frame: float) -> AnomalyDetector:
        """The detector with the lowest threshold whose measured rate of false candidates is not above this.

        Raises:
            UsageError: lower than was ever measured.
        """
        fitting = [threshold for rate, threshold in _FALSE_PER_FRAME if rate <= max_per_frame]
        if not fitting:
            raise UsageError(
                f"{max_per_frame:g} false candidates per frame were never reached",
                remedy=f"give {_FALSE_PER_FRAME[0][0]:g} or more",
            )
        return cls(threshold=min(fitting))

    def __call__(
        self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float, modality: str = "rgb"
    ) -> Detections:
        """See `airbeat.detect.detections.Detector`."""
        blobs = self.blobs(image_bgr, gsd_m_px=gsd_m_px)
        scored = sorted(((person_score(b), b.xyxy_px) for b in blobs), key=lambda s: (-s[0], s[1]))
        scored = [s for s in scored if s[0] >= self.threshold]
        return Detections(
            xyxy_px=np.array([box for _, box in scored]).reshape(-1, 4),
            scores=np.array([score for score, _ in scored]),
        )

    def blobs(self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float) -> list[Blob]:
        """Everything of a person's size that is rare in the frame, unscored."""
        working = working_image(image_bgr, gsd_m_px)
        rarity, coarse_gsd = rarity_map(working)
        places = peaks(rarity, coarse_gsd, apart_m=_PEAKS_APART_M, limit=_PEAKS_PER_FRAME)
        places[:, :2] *= coarse_gsd / working.gsd_m_px
        return [b for b in measure_blobs(working, places) if plausible_size(b)]
