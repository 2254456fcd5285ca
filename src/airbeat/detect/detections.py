"""Detections: what any detector returns, as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Detections", "Detector"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """Boxes of one frame, best first.

    Attributes:
        xyxy_px: (n, 4) float array: left, top, right, bottom [px of the full frame].
        scores: (n,) float array, 0…1, descending.

    Raises:
        ValueError: the arrays' shapes do not agree.
    """

    xyxy_px: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.xyxy_px.ndim != 2 or self.xyxy_px.shape[1] != 4:
            raise ValueError(f"xyxy_px: expected shape (n, 4), got {self.xyxy_px.shape}")
        if self.scores.shape != (len(self.xyxy_px),):
            raise ValueError(f"scores: expected shape ({len(self.xyxy_px)},), got {self.scores.shape}")

    def __len__(self) -> int:
        return len(self.scores)


class Detector(Protocol):
    """A detector is a plain callable."""

    def __call__(self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float, modality: str) -> Detections:
        """Find person candidates in one frame.

        Args:
            image_bgr: (height, width, 3) uint8.
            gsd_m_px: ground sampling distance of the frame [m/px].
            modality: "rgb" or "thermal".
        """
        ...
