"""The hand-made thermal detector: small spots that are warmer or cooler than the ground around them.

It needs no weights and can be read. The network (`airbeat.detect.network`) finds far more; figures of both
are in ``docs/model-person-thermal.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.detect.detections import Detections
from airbeat.frames.opencv import opencv

__all__ = ["ThermalDetector"]

Floats = npt.NDArray[np.float64]

_PERSON_M = (0.5, 0.9, 1.6)
"""Sizes of spots looked for: a head and shoulders from above, a body aslant, a body lying or standing [m]."""

_UNKNOWN_GSD_SIDES_PX = (10.0, 14.0, 20.0)
"""The same where the GSD is not known: what persons measured on frames flown at 60 to 130 m."""

_SIDES_PX = (5.0, 60.0)
"""Spots outside this range are not looked for: too few pixels to tell, or too many for this method."""

_CORE, _HOLE, _SURROUND = 0.7, 1.5, 3.5
"""Sides of the spot's middle, of the hole of the ring around it, and of the ring, over the spot's side."""

_FLOOR_GREY = 5.0
_SHARE_OF_PEAK = 0.5
_LEAST_FILL, _MOST_ELONGATED = 0.35, 4.0
_SIZE_RATIO = (0.35, 2.2)
_DARK_COUNTS = 0.75
_SPOTS = 150
_LOG_ODDS = (-4.0, 1.0)
_DEFAULT_THRESHOLD = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalDetector:
    """A `Detector` of warm and cool spots of a person's size.

    A spot's contrast is its mean less that of the ring around it, over the ring's own spread: hot, uneven
    ground must be outdone by more than a cold even one. Cool spots count as well, since on sunlit ground a
    person is the cooler; they count less. The spot's half-height outline must be compact and of a person's
    size. Spots are sought at three sizes through the GSD, or, where that is NaN, at 10 to 20 px.

    Attributes:
        threshold: candidates scoring less are left out. A score rises with contrast and is no probability.
    """

    threshold: float = _DEFAULT_THRESHOLD

    def __call__(
        self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float = math.nan, modality: str = "thermal"
    ) -> Detections:
        """See `airbeat.detect.detections.Detector`; a GSD of NaN means that it is not known."""
        cv2 = opencv()
        grey = cv2.transform(image_bgr, np.full((1, 3), 1 / 3, np.float32)).astype(np.float32)
        sides: tuple[float, ...] = _UNKNOWN_GSD_SIDES_PX
        if math.isfinite(gsd_m_px) and gsd_m_px > 0:
            sides = tuple(size / gsd_m_px for size in _PERSON_M)
        sides = tuple(s for s in sides if _SIDES_PX[0] <= s <= _SIDES_PX[1])
        found = [_spots(cv2, grey, side) for side in sides]
        boxes = np.concatenate([np.empty((0, 4)), *(b for b, _ in found)])
        contrast = np.concatenate([np.empty(0), *(c for _, c in found)])
        scores = 1 / (1 + np.exp(-(_LOG_ODDS[0] + _LOG_ODDS[1] * contrast)))
        order = np.argsort(-scores, kind="stable")
        kept = _distinct(boxes, [int(k) for k in order if scores[k] >= self.threshold])
        return Detections(xyxy_px=boxes[kept], scores=scores[kept])


def _spots(cv2: Any, grey: npt.NDArray[np.float32], side_px: float) -> tuple[Floats, Floats]:
    """Spots of about a size: (n, 4) boxes xyxy [px] and (n,) contrast in spreads of the ring around."""
    core = max(3, round(side_px * _CORE) | 1)
    mean, spread = _ring(cv2, grey, round(side_px * _HOLE) | 1, round(side_px * _SURROUND) | 1)
    inner = cv2.GaussianBlur(grey, (core, core), core / 4, borderType=cv2.BORDER_REFLECT)
    relative = (inner - mean) / spread
    height = np.where(relative < 0, -_DARK_COUNTS * relative, relative)
    reach = max(3, round(side_px * 0.6) | 1)
    y, x = np.nonzero((height >= cv2.dilate(height, np.ones((reach, reach), np.uint8))) & (height > 1))
    best = np.argsort(-height[y, x], kind="stable")[:_SPOTS]
    boxes, contrast = [], []
    for row, column in zip(y[best].tolist(), x[best].tolist(), strict=True):
        box = _outline(cv2, inner, mean, (column, row), side_px)
        if box is not None:
            boxes.append(box)
            contrast.append(float(height[row, column]))
    return np.array(boxes, np.float64).reshape(-1, 4), np.array(contrast)


def _ring(
    cv2: Any, grey: npt.NDArray[np.float32], hole_px: int, around_px: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Mean grey and spread of the square ring around every pixel, the hole left out."""
    total, squares = np.zeros_like(grey), np.zeros_like(grey)
    pixels = around_px**2 - hole_px**2
    for side_px, sign in ((around_px, 1), (hole_px, -1)):
        share = np.float32(sign * side_px**2 / pixels)
        kernel = (side_px, side_px)
        total = total + share * cv2.boxFilter(grey, -1, kernel, borderType=cv2.BORDER_REFLECT)
        squares = squares + share * cv2.sqrBoxFilter(grey, -1, kernel, borderType=cv2.BORDER_REFLECT)
    spread = np.sqrt(np.maximum(squares - total * total, 0)) + np.float32(_FLOOR_GREY)
    return total, spread.astype(np.float32)


def _outline(
    cv2: Any,
    inner: npt.NDArray[np.float32],
    mean: npt.NDArray[np.float32],
    place: tuple[int, int],
    side_px: float,
) -> tuple[float, float, float, float] | None:
    """Box xyxy around the spot's half-height outline [px], or None if that has no person's size or shape."""
    column, row = place
    reach = math.ceil(side_px * 1.3)
    top, left = max(0, row - reach), max(0, column - reach)
    window = inner[top : row + reach + 1, left : column + reach + 1]
    ground = float(mean[row, column])
    risen = (window - ground) / (float(inner[row, column]) - ground)
    _, labels, stats, _ = cv2.connectedComponentsWithStats((risen >= _SHARE_OF_PEAK).astype(np.uint8))
    x, y, width, height, area = (int(v) for v in stats[labels[row - top, column - left]])
    ratio = math.sqrt(width * height) / side_px
    compact = area >= _LEAST_FILL * width * height and max(width, height) <= _MOST_ELONGATED * min(
        width, height
    )
    if not compact or not _SIZE_RATIO[0] <= ratio <= _SIZE_RATIO[1]:
        return None
    return (left + x, top + y, left + x + width, top + y + height)


def _distinct(boxes: Floats, ranked: list[int]) -> list[int]:
    """Of the ranked boxes those whose middle lies in no better one, and that hold no better one's middle."""
    kept: list[int] = []
    for k in ranked:
        middle = (boxes[k, :2] + boxes[k, 2:]) / 2
        rivals = boxes[kept]
        middles = (rivals[:, :2] + rivals[:, 2:]) / 2
        inside = ((rivals[:, :2] <= middle) & (middle <= rivals[:, 2:])).all(axis=1)
        holds = ((boxes[k, :2] <= middles) & (middles <= boxes[k, 2:])).all(axis=1)
        if not (inside | holds).any():
            kept.append(k)
    return kept
