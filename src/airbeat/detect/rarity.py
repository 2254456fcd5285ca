"""First stage: where a frame differs from its surroundings, at the size of a person.

A local RX detector (Reed and Xiaoli Yu 1990): Mahalanobis distance of the colour and texture in a window the
size of a person from those in a ring around it, so that "unlike the ground here" counts and brightness as
such does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.frames.opencv import opencv

__all__ = ["WorkingImage", "colour_rarity", "peaks", "rarity_map", "slope_map", "working_image"]

Array = npt.NDArray[np.float32]

WORKING_GSD_M_PX = 0.05
"""A frame is searched at this GSD, or at its own where that is coarser [m/px]."""

_COARSE_GSD_M_PX = 0.10
_STATISTICS_GSD_M_PX = 0.40
_RING_OUTER_M = 9.0
_RING_INNER_M = 2.2
_WINDOWS_M = (0.3, 0.7)
_NOISE_FLOOR = np.array([2.0, 1.0, 1.0, 0.15], dtype=np.float32)
"""Smallest standard deviation believed of a background: L, a, b [8-bit units], log texture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingImage:
    """A frame brought to the GSD it is searched at.

    Attributes:
        lab: (height, width, 3) uint8, CIE L*a*b* as OpenCV scales it to 8 bits.
        gsd_m_px: its ground sampling distance [m/px].
        scale: working pixels per frame pixel.
    """

    lab: npt.NDArray[np.uint8]
    gsd_m_px: float
    scale: float


def working_image(image_bgr: npt.NDArray[np.uint8], gsd_m_px: float) -> WorkingImage:
    """Shrink a frame to the working GSD and turn it into L*a*b*."""
    cv2 = opencv()
    scale = min(1.0, gsd_m_px / WORKING_GSD_M_PX)
    small = (
        image_bgr
        if scale == 1.0
        else cv2.resize(image_bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    )
    return WorkingImage(lab=cv2.cvtColor(small, cv2.COLOR_BGR2LAB), gsd_m_px=gsd_m_px / scale, scale=scale)


def _shrunk(image: Any, factor: float) -> Any:
    cv2 = opencv()
    if factor >= 1.0:
        return image
    height, width = image.shape[:2]
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _box(image: Any, side_m: float, gsd: float) -> Any:
    cv2 = opencv()
    side = max(1, round(side_m / gsd)) | 1
    return cv2.blur(image, (side, side), borderType=cv2.BORDER_REFLECT)


def slope_map(working: WorkingImage) -> npt.NDArray[np.uint8]:
    """(height, width) steepness of L [8-bit units]."""
    cv2 = opencv()
    light = working.lab[:, :, 0]
    slope: npt.NDArray[np.uint8] = cv2.addWeighted(
        cv2.convertScaleAbs(cv2.Sobel(light, cv2.CV_16S, 1, 0)),
        0.5,
        cv2.convertScaleAbs(cv2.Sobel(light, cv2.CV_16S, 0, 1)),
        0.5,
        0,
    )
    return slope


_LEVELS = (13, 24, 24)
_STEP = (20, 5, 5)
_START = (0, 68, 68)
_TILE_M = 12.0
_GLOBAL_SHARE = 0.3


def colour_rarity(working: WorkingImage) -> Array:
    """How seldom each pixel's colour is around it and in the whole frame: -log of its share.

    Histograms of L*a*b* in tiles of 12 m; a tile's own is that of the nine tiles around it, mixed with the
    frame's. Several kinds of ground, and shadow on each of them, are all common colours.

    Returns:
        (height, width), about 2 (common) to 11.5 (seen nowhere else).
    """
    cv2 = opencv()
    smooth = cv2.blur(working.lab, (3, 3))
    codes = np.zeros(smooth.shape[:2], dtype=np.uint16)
    for channel, (levels, step, start) in enumerate(zip(_LEVELS, _STEP, _START, strict=True)):
        table = np.clip((np.arange(256) - start) // step, 0, levels - 1).astype(np.uint8)
        codes = codes * np.uint16(levels) + cv2.LUT(np.ascontiguousarray(smooth[:, :, channel]), table)
    height, width = codes.shape
    side = _TILE_M / working.gsd_m_px
    rows = np.linspace(0, height, max(1, round(height / side)) + 1).astype(int)
    columns = np.linspace(0, width, max(1, round(width / side)) + 1).astype(int)
    tiles = [
        [(slice(rows[j], rows[j + 1]), slice(columns[i], columns[i + 1])) for i in range(len(columns) - 1)]
        for j in range(len(rows) - 1)
    ]
    size = math.prod(_LEVELS)
    counts = np.array([[np.bincount(codes[t].ravel(), minlength=size) for t in row] for row in tiles])
    frame = counts.sum(axis=(0, 1)) / codes.size
    rarity = np.empty(codes.shape, dtype=np.float32)
    for j, row in enumerate(tiles):
        for i, tile in enumerate(row):
            near = counts[max(0, j - 1) : j + 2, max(0, i - 1) : i + 2].sum(axis=(0, 1))
            share = ((1 - _GLOBAL_SHARE) * near / near.sum() + _GLOBAL_SHARE * frame).reshape(_LEVELS)
            for axis in range(3):
                share = (np.roll(share, 1, axis) + 2 * share + np.roll(share, -1, axis)) / 4
            rarity[tile] = -np.log(share.ravel() + 1e-5).astype(np.float32)[codes[tile]]
    return rarity


def _channels(working: WorkingImage, slope: npt.NDArray[np.uint8]) -> tuple[Array, float]:
    """(height, width, 4) of L, a, b and log texture at the coarse GSD, and that GSD."""
    factor = min(1.0, working.gsd_m_px / _COARSE_GSD_M_PX)
    colour = _shrunk(working.lab, factor).astype(np.float32)
    texture = np.log1p(_shrunk(slope, factor).astype(np.float32))
    return np.dstack([colour, texture]), working.gsd_m_px / factor


def _ring_statistics(channels: Array, gsd: float) -> tuple[Array, Array]:
    """Mean (h, w, 4) and inverse covariance (h, w, 4, 4) of the ring around every statistics cell."""
    factor = min(1.0, gsd / _STATISTICS_GSD_M_PX)
    cell = gsd / factor
    small = _shrunk(channels, factor)
    count = small.shape[2]
    rows, columns = np.triu_indices(count)
    moments = np.concatenate([small, small[:, :, rows] * small[:, :, columns]], axis=2)
    outer, inner = (max(1, round(side / cell)) | 1 for side in (_RING_OUTER_M, _RING_INNER_M))
    share = (inner / outer) ** 2
    planes = [
        (
            _box(np.ascontiguousarray(moments[:, :, i]), _RING_OUTER_M, cell)
            - share * _box(np.ascontiguousarray(moments[:, :, i]), _RING_INNER_M, cell)
        )
        / (1 - share)
        for i in range(moments.shape[2])
    ]
    ring = np.dstack(planes)
    mean = ring[:, :, :count]
    covariance = np.empty((*ring.shape[:2], count, count), dtype=np.float32)
    for k, (i, j) in enumerate(zip(rows, columns, strict=True)):
        value = ring[:, :, count + k] - mean[:, :, i] * mean[:, :, j]
        covariance[:, :, i, j] = covariance[:, :, j, i] = value
    covariance += np.diag(_NOISE_FLOOR**2)
    return mean, np.linalg.inv(covariance).astype(np.float32)


def _upsampled(plane: Any, size: tuple[int, int]) -> Any:
    cv2 = opencv()
    return cv2.resize(np.ascontiguousarray(plane), size, interpolation=cv2.INTER_LINEAR)


def rarity_map(working: WorkingImage, slope: npt.NDArray[np.uint8], colours: Array) -> tuple[Array, float]:
    """How unlike its surroundings every place is.

    Args:
        working: the frame.
        slope: its `slope_map`.
        colours: its `colour_rarity`.

    Returns:
        (height, width) Mahalanobis distance, largest over the windows, times the mean colour rarity in half a
        metre, and the map's GSD [m/px].
    """
    channels, gsd = _channels(working, slope)
    height, width = channels.shape[:2]
    best = np.zeros((height, width), dtype=np.float32)
    for window_m in _WINDOWS_M:
        smooth = _box(channels, window_m, gsd)
        mean, inverse = _ring_statistics(smooth, gsd)
        difference = smooth - _upsampled(mean, (width, height))
        distance = np.zeros((height, width), dtype=np.float32)
        count = difference.shape[2]
        for i in range(count):
            for j in range(i, count):
                weight = _upsampled(inverse[:, :, i, j], (width, height))
                distance += (1 if i == j else 2) * weight * difference[:, :, i] * difference[:, :, j]
        np.maximum(best, np.sqrt(np.maximum(distance, 0)), out=best)
    rare = _box(_upsampled(_shrunk(colours, working.gsd_m_px / gsd), (width, height)), 0.5, gsd)
    return best * rare, gsd


def peaks(rarity: Array, gsd_m_px: float, *, apart_m: float, limit: int) -> npt.NDArray[np.float64]:
    """The highest local maxima.

    Returns:
        (n, 3) x, y [px of the rarity map, pixel centres at .5] and value, highest first, n up to `limit`.
    """
    cv2 = opencv()
    side = max(1, math.ceil(apart_m / gsd_m_px)) | 1
    top = cv2.dilate(rarity, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    y, x = np.nonzero((rarity >= top) & (rarity > 0))
    value = rarity[y, x]
    order = np.argsort(-value, kind="stable")[:limit]
    return np.column_stack([x[order] + 0.5, y[order] + 0.5, value[order]]).astype(float)
