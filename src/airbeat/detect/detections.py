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
        detectors: (n,) array of text: which detector found each box, "" where it does not say.

    Raises:
        ValueError: the arrays' shapes do not agree.
    """

    xyxy_px: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    detectors: npt.NDArray[np.str_] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.xyxy_px.ndim != 2 or self.xyxy_px.shape[1] != 4:
            raise ValueError(f"xyxy_px: expected shape (n, 4), got {self.xyxy_px.shape}")
        if self.scores.shape != (len(self.xyxy_px),):
            raise ValueError(f"scores: expected shape ({len(self.xyxy_px)},), got {self.scores.shape}")
        if self.detectors is None:
            object.__setattr__(self, "detectors", np.full(len(self.scores), ""))
        if self.detectors.shape != self.scores.shape:
            raise ValueError(f"detectors: expected shape {self.scores.shape}, got {self.detectors.shape}")

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def none(cls) -> Detections:
        """No boxes."""
        return cls(xyxy_px=np.empty((0, 4)), scores=np.empty(0))

    @classmethod
    def best_first(
        cls, xyxy_px: npt.NDArray[np.float64], scores: npt.NDArray[np.float64], *, detector: str = ""
    ) -> Detections:
        """Boxes in any order, put in order; all found by one detector.

        Args:
            xyxy_px: (n, 4).
            scores: (n,).
            detector: its name.
        """
        order = np.argsort(-scores, kind="stable")
        names = np.full(len(scores), detector)
        return cls(xyxy_px=xyxy_px[order], scores=scores[order], detectors=names)

    def only(self, which: npt.NDArray[np.bool_]) -> Detections:
        """Those boxes for which ``which``, (n,) of bool, is true."""
        return Detections(
            xyxy_px=self.xyxy_px[which], scores=self.scores[which], detectors=self.detectors[which]
        )


class Detector(Protocol):
    """A detector is a plain callable, picklable for the worker processes.

    Boxes scoring less than its own threshold are left out by the detector itself.
    """

    def __call__(self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float, modality: str) -> Detections:
        """Find person candidates in one frame.

        Args:
            image_bgr: (height, width, 3) uint8.
            gsd_m_px: ground sampling distance of the frame [m/px]; NaN where it is not known.
            modality: "rgb" or "thermal".
        """
        ...
