"""What a box looks like, in few numbers: the colours in it that its surroundings do not have.

It only helps to tell people apart who stand close together; the same person looks different from another
side, in another light.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from airbeat.frames.opencv import opencv

__all__ = ["LENGTH", "appearance", "unlikeness"]

_SIDE = 6
_LIGHTS = 5
LENGTH = _SIDE * _SIDE + _LIGHTS
"""Numbers of an appearance."""

_CHROMA = 96.0
"""Lab's a and b are sorted into bins over -48…48; farther ones count for the outermost."""
_LARGEST_PX = 64
_LEAST_DIFFERENCE = 4.0


def appearance(image_bgr: npt.NDArray[np.uint8], xyxy_px: npt.NDArray[np.float64]) -> tuple[int, ...]:
    """The appearance of a box: a histogram of Lab chroma and one of lightness, against its surroundings.

    Args:
        image_bgr: (height, width, 3) uint8.
        xyxy_px: (4,) left, top, right, bottom [px].

    Returns:
        `LENGTH` numbers 0…255: square roots of shares, so that the scalar product is the Bhattacharyya
        coefficient.
    """
    cv2 = opencv()
    height, width = image_bgr.shape[:2]
    x0, y0, x1, y1 = (float(v) for v in xyxy_px)
    grown = 0.5 * max(x1 - x0, y1 - y0) + 2
    left, top = max(0, int(x0 - grown)), max(0, int(y0 - grown))
    right, bottom = min(width, int(x1 + grown) + 1), min(height, int(y1 + grown) + 1)
    piece = image_bgr[top:bottom, left:right]
    if piece.size == 0:
        return (0,) * LENGTH
    scale = min(1.0, _LARGEST_PX / max(piece.shape[:2]))
    size = (max(1, round(piece.shape[1] * scale)), max(1, round(piece.shape[0] * scale)))
    small = cv2.resize(piece, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    lab = cv2.cvtColor(small, cv2.COLOR_BGR2LAB).reshape(-1, 3)
    y, x = np.divmod(np.arange(size[0] * size[1]), size[0])
    x, y = left + (x + 0.5) / scale, top + (y + 0.5) / scale
    inside = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
    if not inside.any() or inside.all():
        inside[:] = True
        around = np.median(lab, axis=0)
    else:
        around = np.median(lab[~inside], axis=0)
    return _histogram(lab[inside], around)


def _histogram(lab: npt.NDArray[np.float32], around: npt.NDArray[np.float32]) -> tuple[int, ...]:
    difference = np.linalg.norm(lab - around, axis=1)
    weight = np.maximum(difference - _LEAST_DIFFERENCE, 0) + 1e-3
    weight /= weight.sum()
    chroma = np.clip((lab[:, 1:] + _CHROMA / 2) / _CHROMA * _SIDE - 0.5, 0, _SIDE - 1.001)
    cell = np.floor(chroma).astype(int)
    part = chroma - cell
    colours = np.zeros((_SIDE, _SIDE))
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):  # each pixel counts for the four bins around it
        share = np.abs(1 - i - part[:, 0]) * np.abs(1 - j - part[:, 1])
        np.add.at(colours, (cell[:, 0] + i, cell[:, 1] + j), share * weight)
    light = np.clip(lab[:, 0] / 100 * _LIGHTS - 0.5, 0, _LIGHTS - 1.001)
    step = np.floor(light).astype(int)
    lights = np.bincount(step, weight * (1 - (light - step)), _LIGHTS)
    lights += np.bincount(step + 1, weight * (light - step), _LIGHTS)
    shares = np.concatenate([0.7 * colours.ravel(), 0.3 * lights[:_LIGHTS]])
    return tuple(int(v) for v in np.round(255 * np.sqrt(shares / shares.sum())))


def unlikeness(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """How different appearances are: Hellinger distance, 0 the same, 1 nothing in common.

    Args:
        a: (n, LENGTH).
        b: (m, LENGTH).

    Returns:
        (n, m); 0 where one of the two is not known (all zero).
    """
    left, right = (np.asarray(v, dtype=float).reshape(-1, LENGTH) for v in (a, b))
    sizes = [np.linalg.norm(v, axis=1) for v in (left, right)]
    left, right = (v / np.where(s > 0, s, 1)[:, None] for v, s in zip((left, right), sizes, strict=True))
    distance: npt.NDArray[np.float64] = np.sqrt(np.clip(1 - left @ right.T, 0, 1))
    return np.where((sizes[0] > 0)[:, None] & (sizes[1] > 0)[None, :], distance, 0.0)
