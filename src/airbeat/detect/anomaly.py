"""The anomaly detector: places whose colour or texture is rare against the ground around them. Not trained.

A local RX detector (Reed and Yu 1990: Mahalanobis distance of a place's mean from that of the ring around
it) on features that shadow and water change little: log-chromaticities, which a change of brightness leaves
as they are; log brightness, where dark counts for less than bright; and the energy of texture. It runs at
several sizes of a person. How rare the colour is in the whole frame counts too: what stands out but is
everywhere is no person.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.detect.detections import Detections
from airbeat.frames.opencv import opencv

__all__ = ["AnomalyDetector"]

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_TARGET_PX = 5
"""Side of the window that a person is looked for with, at the working scale of each size [px]."""

_RING = 6
"""Outer side of the ring over the side of the window."""

_SIZES_M = (0.45, 0.9)
"""Sides of the window on the ground: a person from above, and a lying one [m]."""

_SIZES_PX = (16.0, 40.0)
"""Sides of the window where the GSD is not known [px of the frame]."""

_LONGEST_M = (0.25, 2.6)
"""Longest edge of a box that can hold a person [m]."""

_DARK_COUNTS, _BRIGHT_COUNTS, _TEXTURE_COUNTS = 0.15, 0.35, 0.2
_LEAST_CHROMA, _LEAST_BRIGHTNESS, _LEAST_TEXTURE = 0.02, 0.10, 0.25
"""Spreads below these are sensor noise and JPEG, not ground."""

_LIFT = 12.0
"""Added to every colour before the logarithm, so that near black is not all hues at once."""

_COMMON = 1.0
"""Colours of more than a tenth of the frame are not rare at all [-log10 of the share]."""

_HALF_STRENGTH = 20.0
"""Contrast × rarity that scores 0.5."""

_MOST_PLACES_PER_SIZE = 100
_LONGEST_OVER_WINDOW, _TOO_LONG_COUNTS = 3.2, 0.3
_SAME_PLACE = 0.5
"""Of two boxes whose middles are nearer than this share of the longer edge, only the stronger stays."""

_LEAST_SIDE_PX = 8
_MOST_WORKING_PX = 8e6


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyDetector:
    """A `Detector` of places that are rare in colour or texture; see the module.

    Its scores are contrast × rarity brought to 0…1; `airbeat.detect.calibration` makes probabilities of them.

    Attributes:
        threshold: places scoring less are left out.
    """

    threshold: float = 0.0

    @property
    def smallest_score(self) -> float:
        """The threshold."""
        return self.threshold

    def __call__(
        self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float, modality: str = "rgb"
    ) -> Detections:
        """See `airbeat.detect.detections.Detector`; without a GSD, persons of 15 to 100 px are looked for."""
        known = gsd_m_px > 0
        sizes_px = [size / gsd_m_px for size in _SIZES_M] if known else list(_SIZES_PX)
        found = [_search(image_bgr, size) for size in sizes_px]
        boxes = np.concatenate([np.empty((0, 4)), *(b for b, _ in found)])
        strengths = np.concatenate([np.empty(0), *(s for _, s in found)])
        scores = strengths / (strengths + _HALF_STRENGTH)
        good = scores >= max(self.threshold, 1e-6)
        if known:
            longest_m = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0.0) * gsd_m_px
            good &= (longest_m >= _LONGEST_M[0]) & (longest_m <= _LONGEST_M[1])
        found_here = Detections.best_first(boxes[good], scores[good], detector="anomaly")
        return found_here.only(_distinct(found_here.xyxy_px))


def _features(bgr: Image) -> Array:
    """(height, width, 4): two log-chromaticities, log brightness, log energy of texture."""
    cv2 = opencv()
    logs = cv2.log(bgr.astype(np.float32) + _LIFT)
    blue, green, red = cv2.split(logs)
    light = (blue + green + red) / 3
    detail = light - cv2.boxFilter(light, -1, (3, 3))
    energy = cv2.log(cv2.boxFilter(detail * detail, -1, (5, 5)) + 1e-4) / 2
    merged: Array = cv2.merge([red - green, blue - green, light, energy])
    return merged


def _rarity(features: Array) -> Array:
    """How rare each pixel's colour is in the frame: -log10 of the share of pixels of much the same colour."""
    cv2 = opencv()
    bins = 24
    low, high = np.percentile(features[::5, ::5, :3].reshape(-1, 3), (0.1, 99.9), axis=0)
    span = np.maximum(high - low, (0.15, 0.15, 0.4))
    index = np.clip((features[..., :3] - low) * (bins / span), 0, bins - 1).astype(np.int32)
    flat = (index[..., 0] * bins + index[..., 1]) * bins + index[..., 2]
    counts = np.bincount(flat.ravel(), minlength=bins**3).reshape(bins, bins, bins).astype(np.float64)
    for axis in range(3):  # a colour's neighbours count as the same colour
        counts = counts + (np.roll(counts, -1, axis) + np.roll(counts, 1, axis)) / 2
    share = counts / (8 * flat.size)
    table = -np.log10(np.maximum(share, 0.5 / flat.size)).astype(np.float32).ravel()
    rare: Array = cv2.blur(table[flat], (3, 3))
    return rare


def _contrast(features: Array, window: int) -> Array:
    """RX distance of every place's window from the ring around it, its square root."""
    cv2 = opencv()
    guard, outer = 2 * window + 1, _RING * window + 1
    inside = cv2.blur(features, (window, window))

    def ring(values: Array) -> Any:
        wide = cv2.blur(values, (outer, outer), borderType=cv2.BORDER_REFLECT)
        near = cv2.blur(values, (guard, guard), borderType=cv2.BORDER_REFLECT)
        return (wide * outer**2 - near * guard**2) / (outer**2 - guard**2)

    mean = ring(features)
    spread = ring(features * features) - mean * mean
    common = ring(features[..., 0] * features[..., 1]) - mean[..., 0] * mean[..., 1]
    apart = inside - mean
    var = np.maximum(spread, 0)
    a, d = var[..., 0] + _LEAST_CHROMA**2, var[..., 1] + _LEAST_CHROMA**2
    x, y = apart[..., 0], apart[..., 1]
    chroma = (d * x * x - 2 * common * x * y + a * y * y) / np.maximum(a * d - common * common, 1e-9)
    light = apart[..., 2] ** 2 / (var[..., 2] + _LEAST_BRIGHTNESS**2)
    light *= np.where(apart[..., 2] < 0, _DARK_COUNTS, _BRIGHT_COUNTS)
    texture = _TEXTURE_COUNTS * apart[..., 3] ** 2 / (var[..., 3] + _LEAST_TEXTURE**2)
    total: Array = np.sqrt(np.maximum(chroma, 0) + light + texture)
    return total


def _search(image_bgr: Image, size_px: float) -> tuple[Floats, Floats]:
    """Places of one size: (n, 4) boxes [px of the frame], (n,) contrast × rarity, in any order."""
    cv2 = opencv()
    height, width = image_bgr.shape[:2]
    scale = min(1.0, _TARGET_PX / size_px, math.sqrt(_MOST_WORKING_PX / (height * width)))
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    if min(shape) < _LEAST_SIDE_PX:
        return np.empty((0, 4)), np.empty(0)
    small = cv2.resize(image_bgr, shape, interpolation=cv2.INTER_AREA)
    window = max(3, round(size_px * scale) | 1)
    features = _features(small)
    strength = _contrast(features, window) * np.maximum(_rarity(features) - _COMMON, 0)
    highest = strength >= cv2.dilate(strength, np.ones((window, window), np.uint8))
    y, x = np.nonzero(highest & (strength > 0))
    best = np.argsort(-strength[y, x], kind="stable")[:_MOST_PLACES_PER_SIZE]
    boxes, strengths = np.empty((len(best), 4)), strength[y, x][best].astype(float)
    for number, i in enumerate(best):
        boxes[number] = _measured(strength, int(x[i]), int(y[i]), window)
    longest = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0.0)
    strengths[longest > _LONGEST_OVER_WINDOW * window] *= _TOO_LONG_COUNTS
    ratio = np.array([width / shape[0], height / shape[1]] * 2)
    return np.clip(boxes * ratio, 0, (width, height, width, height)), strengths


def _measured(strength: Array, x: int, y: int, window: int) -> tuple[float, float, float, float]:
    """Box around what is at least half as strong as a place and joined to it [working px].

    The window smears a thing by half its side on every side; that is taken off again.
    """
    cv2 = opencv()
    reach = int(2.5 * window)
    left, top = max(0, x - reach), max(0, y - reach)
    piece = strength[top : y + reach + 1, left : x + reach + 1]
    strong = (piece >= 0.5 * strength[y, x]).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(strong, connectivity=4)
    first_x, first_y, across, down, _ = stats[labels[y - top, x - left]].tolist()
    smear = window // 2
    if max(across, down) - 2 * smear < window / 2:
        half = 0.4 * window
        return x + 0.5 - half, y + 0.5 - half, x + 0.5 + half, y + 0.5 + half
    trim_x, trim_y = min(smear, (across - 1) // 2), min(smear, (down - 1) // 2)
    return (
        float(left + first_x + trim_x),
        float(top + first_y + trim_y),
        float(left + first_x + across - trim_x),
        float(top + first_y + down - trim_y),
    )


def _distinct(xyxy_px: Floats) -> npt.NDArray[np.bool_]:
    """Which boxes, best first, stay when those beside a better one are left out."""
    middles = (xyxy_px[:, :2] + xyxy_px[:, 2:]) / 2
    longest = (xyxy_px[:, 2:] - xyxy_px[:, :2]).max(axis=1, initial=0.0)
    kept = np.zeros(len(xyxy_px), dtype=bool)
    for i in range(len(xyxy_px)):
        apart = np.linalg.norm(middles[kept] - middles[i], axis=1)
        kept[i] = bool((apart > _SAME_PLACE * np.maximum(longest[kept], longest[i])).all())
    return kept
