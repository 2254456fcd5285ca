"""A second look at what a network found: how the frame, the surroundings and the other boxes bear on a box.

A fully convolutional network judges every place by itself. Whether a warm spot is a person shows better
beside the others: persons of one frame are of one size and keep company, lamps and car parts stand where the
picture is busy, and how much is warm by day says nothing by night. `evidence` measures that; a weighted sum
of it and of its products two by two, fitted as a logistic regression to the boxes found in held-out frames,
replaces the network's log odds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.frames.opencv import opencv

__all__ = ["EVIDENCE", "SecondLook", "evidence", "rescored", "terms"]

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

_COMPANY_PX = (40, 80, 160, 320)
_NEAREST_PX = 100
_NARROW_PX, _BROAD_PX = 33, 65
_NOBODY_LOG_ODDS = -5.0
_FARTHEST = 3.0

EVIDENCE = (
    "log_odds",
    *(f"log_persons_within_{reach}_px" for reach in _COMPANY_PX),
    "best_other_log_odds",
    f"best_log_odds_within_{_NEAREST_PX}_px",
    "log_side",
    "log_height_over_width",
    "log_side_over_frame_mean",
    "log_side_over_frame_mean_size",
    "frame_mean_log_side",
    "frame_mean",
    "frame_spread",
    "frame_skewness",
    "frame_log_edges",
    "log_edges_narrow",
    "log_edges_broad",
    "log_spread_broad",
    "mean_broad",
    "contrast",
    "contrast_size",
    "level",
    "share_darker",
)
"""Names of the columns of `evidence`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLook:
    """A fitted second look: what `terms` are made with, and how they are weighed.

    Attributes:
        middle: mean of each column of the `EVIDENCE` where it was fitted.
        spread: its standard deviation there.
        weights: of the terms.
        offset: added to the weighted sum.
    """

    middle: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...]
    offset: float


def terms(seen: Floats, middle: Sequence[float] | Floats, spread: Sequence[float] | Floats) -> Floats:
    """(n, k + k (k + 1) / 2) the k columns of evidence in units of their spread, and all products of two.

    Evidence farther than 3 spreads from the middle is taken for 3: nothing is known of what lies there.
    """
    units = np.clip((seen - np.asarray(middle)) / np.asarray(spread), -_FARTHEST, _FARTHEST)
    first, second = np.triu_indices(units.shape[1])
    return np.hstack([units, units[:, first] * units[:, second]])


def rescored(image_bgr: Image, boxes: Floats, log_odds: Floats, *, scale: float, look: SecondLook) -> Floats:
    """(n,) log odds that boxes are persons, from all `evidence`.

    Args:
        image_bgr: (height, width, 3).
        boxes: (n, 4) xyxy [px of the image].
        log_odds: (n,) the network's.
        scale: pixels that the network searched per pixel of the image; the evidence is taken there.
        look: how the evidence is weighed.
    """
    if scale != 1 and len(boxes):
        cv2, (height, width) = opencv(), image_bgr.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image_bgr = cv2.resize(image_bgr, size, interpolation=way)
        boxes = boxes * np.tile((size[0] / width, size[1] / height), 2)
    seen = evidence(image_bgr, boxes, log_odds)
    made: Floats = terms(seen, look.middle, look.spread) @ np.array(look.weights) + look.offset
    return made


def evidence(image_bgr: Image, boxes: Floats, log_odds: Floats) -> Floats:
    """(n, len(EVIDENCE)) what bears on each box being a person; arguments as of `rescored`, at scale 1.

    Grey values are those of the first channel. `persons` within a reach are the sum of the other boxes'
    probabilities, lengths are pixels of the image, and `broad` and `narrow` are squares of 65 and 33 px.
    """
    if not len(boxes):
        return np.empty((0, len(EVIDENCE)))
    columns = [log_odds, *_company(boxes, log_odds), *_sizes(boxes, log_odds)]
    columns += _greys(np.ascontiguousarray(image_bgr[:, :, 0]), boxes)
    return np.column_stack([np.broadcast_to(column, len(boxes)) for column in columns])


def _company(boxes: Floats, log_odds: Floats) -> list[Floats]:
    """The other boxes: how many persons they make up within each reach, and the best of them."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    apart = np.hypot(*(middles[:, None] - middles[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    chances = 1 / (1 + np.exp(-log_odds))
    persons = [np.log((apart < reach) @ chances + 0.1) for reach in _COMPANY_PX]
    reaches = (np.inf, _NEAREST_PX)
    best = [np.where(apart < reach, log_odds, _NOBODY_LOG_ODDS).max(axis=1) for reach in reaches]
    return [*persons, *best]


def _sizes(boxes: Floats, log_odds: Floats) -> list[Any]:
    """Side and shape, and the side beside the mean of the frame's boxes, the likely persons counting most."""
    width, height = np.maximum(boxes[:, 2:] - boxes[:, :2], 1).T
    side = np.log(width * height) / 2
    share = (1 + np.exp(-log_odds)) ** -2
    mean = (share * side).sum() / share.sum()
    return [side, np.log(height / width), side - mean, np.abs(side - mean), mean]


def _greys(grey: Image, boxes: Floats) -> list[Any]:
    """Grey values of the frame, around the boxes, and in them."""
    cv2 = opencv()
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    counts /= counts.sum()
    levels = np.arange(256)
    mean = float(counts @ levels)
    spread = float(np.sqrt(counts @ (levels - mean) ** 2)) + 3
    skewness = float(counts @ (levels - mean) ** 3) / spread**3
    edges = cv2.convertScaleAbs(cv2.Laplacian(cv2.GaussianBlur(grey, (5, 5), 1.0), cv2.CV_16S))
    sums, squares = cv2.integral2(grey)
    edge_sums = cv2.integral(edges)
    narrow, broad = (_around(boxes, side, grey.shape) for side in (_NARROW_PX, _BROAD_PX))
    broad_mean = _mean(sums, broad)
    broad_spread = np.sqrt(np.maximum(_mean(squares, broad) - broad_mean**2, 0))
    inside, wider = _whole(boxes, grey.shape), _whole(_grown(boxes), grey.shape)
    level = _mean(sums, inside)
    area, wider_area = _area(inside), _area(wider)
    rim = (_mean(sums, wider) * wider_area - level * area) / np.maximum(wider_area - area, 1)
    contrast = (level - rim) / spread
    darker = np.interp(level, levels, np.cumsum(counts))
    return [
        mean / 64,
        spread / 30,
        skewness,
        np.log(edges.mean() + 0.5),
        np.log(_mean(edge_sums, narrow) + 0.5),
        np.log(_mean(edge_sums, broad) + 0.5),
        np.log(broad_spread + 2),
        (broad_mean - mean) / spread,
        contrast,
        np.abs(contrast),
        level / 64,
        darker,
    ]


def _grown(boxes: Floats) -> Floats:
    more = (boxes[:, 2:] - boxes[:, :2]) / 2 + 2
    return np.hstack([boxes[:, :2] - more, boxes[:, 2:] + more])


def _around(boxes: Floats, side_px: int, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    return _whole(np.hstack([middles - side_px / 2, middles + side_px / 2]), shape)


def _whole(boxes: Floats, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Boxes on whole pixels, inside the picture, of one pixel or more."""
    last = np.array((shape[1], shape[0]))
    low = np.clip(np.floor(boxes[:, :2]).astype(np.int64), 0, last - 1)
    high = np.clip(np.ceil(boxes[:, 2:]).astype(np.int64), low + 1, last)
    return np.hstack([low, high])


def _area(boxes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    area: npt.NDArray[np.int64] = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return area


def _mean(sums: Any, boxes: npt.NDArray[np.int64]) -> Floats:
    """Mean over boxes, from the table of sums over everything above and left (Crow 1984)."""
    left, top, right, bottom = boxes.T
    total = sums[bottom, right].astype(np.float64) - sums[top, right] - sums[bottom, left] + sums[top, left]
    mean: Floats = total / _area(boxes)
    return mean
