"""The motion detector: what moved against the ground between neighbouring frames.

The neighbours are laid over the frame by a homography, found from ORB features (Rublee 2011) by RANSAC and
refined by ECC (Evangelidis 2008) on small pictures; what differs from every neighbour that shows the place,
and measures as a person does, is a candidate. With one neighbour alone the place that something has left
differs as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.detect.detections import Detections, Detector
from airbeat.errors import FrameError
from airbeat.frames.meta import FrameMeta
from airbeat.frames.opencv import opencv
from airbeat.frames.reader import load_image

__all__ = ["MotionDetector", "registration"]

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_WORKING_PX = 2.0e6
_REGISTERING_PX = 0.6e6
_FEATURES, _LEAST_MATCHES, _RANSAC_PX = 1500, 25, 2.0
_LEAST_SIDE_PX = 32
_LEAST_ALIKE = 0.55
"""Correlation below which two frames are not taken for overlapping."""

_LARGEST_SCALE_CHANGE = 1.5
_BLUR_PX = 1.2
_SHIFT_PX = 1
"""Registration is wrong by so much; a difference that a shift by it explains is none."""

_NOISE_TIMES = 5.0
_LEAST_DIFFERENCE = 12.0
_HALF_STRENGTH = 8.0
_LONGEST_M = (0.25, 3.0)
_LONGEST_PX = (6.0, 160.0)
_SPREAD_M, _SPREAD_PX = 0.3, 4.0
_MOST_BOXES = 100
_MOST_NEIGHBOURS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionDetector:
    """A `Detector` of what moves, given the frames taken before and after.

    Its scores say how much a place differs, 0…1; they are no probabilities. Without neighbours, or where none
    can be laid over the frame (water, too little overlap), it finds nothing.

    Attributes:
        neighbours: frames taken just before and after, nearest first; at most two are used.
        threshold: boxes scoring less are left out.
    """

    neighbours: tuple[FrameMeta, ...] = field(default=())
    threshold: float = 0.5

    @property
    def smallest_score(self) -> float:
        """The threshold."""
        return self.threshold

    def for_frame(self, meta: FrameMeta, neighbours: Sequence[FrameMeta] = ()) -> Detector:
        """See `airbeat.detect.catalogue.PerFrameDetector`."""
        return MotionDetector(neighbours=tuple(neighbours[:_MOST_NEIGHBOURS]), threshold=self.threshold)

    def __call__(
        self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float = math.nan, modality: str = "rgb"
    ) -> Detections:
        """See `airbeat.detect.detections.Detector`; a neighbour that cannot be read is passed over."""
        others = []
        for meta in self.neighbours:
            try:
                others.append(load_image(meta))
            except FrameError:  # it is told of when its own turn comes
                continue
        return self.compare(image_bgr, others, gsd_m_px=gsd_m_px)

    def compare(self, image_bgr: Image, others: Sequence[Image], *, gsd_m_px: float = math.nan) -> Detections:
        """What moved in a picture against others of the same ground.

        Args:
            image_bgr: (height, width, 3).
            others: pictures taken before or after, of the same shape or another.
            gsd_m_px: ground sampling distance [m/px]; NaN where it is not known.
        """
        height, width = image_bgr.shape[:2]
        scale = min(1.0, math.sqrt(_WORKING_PX / (height * width)))
        here = _grey(image_bgr, scale)
        least = None
        for other in others:
            there = _grey(other, scale)
            matrix = registration(here, there)
            if matrix is None:
                continue
            apart = _difference(here, there, matrix)
            least = apart if least is None else np.minimum(least, apart)
        if least is None:
            return Detections.none()
        least[np.isinf(least)] = 0
        return self._boxes(least, 1 / scale, gsd_m_px, (width, height))

    def _boxes(
        self, difference: Array, unit_px: float, gsd_m_px: float, size_px: tuple[int, int]
    ) -> Detections:
        """Boxes around what differs by more than the frame's own noise.

        Args:
            difference: (rows, columns) grey levels.
            unit_px: pixels of the frame per pixel of it.
            gsd_m_px: of the frame [m/px], or NaN.
            size_px: width and height of the frame.
        """
        cv2 = opencv()
        noise = float(np.median(difference[difference > 0])) if (difference > 0).any() else 0.0
        least = max(_LEAST_DIFFERENCE, _NOISE_TIMES * noise)
        known = gsd_m_px > 0
        reach = (_SPREAD_M / gsd_m_px if known else _SPREAD_PX) / unit_px
        side = max(3, round(reach) | 1)
        moved = (difference >= least).astype(np.uint8)
        joined = cv2.morphologyEx(moved, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
        if count == 1:
            return Detections.none()
        total = np.bincount(labels.ravel(), (difference * moved).ravel(), minlength=count)
        strength = total / np.maximum(np.bincount(labels.ravel(), moved.ravel(), minlength=count), 1)
        corners = stats[1:, :2].astype(float) * unit_px
        boxes = np.hstack([corners, corners + stats[1:, 2:4] * unit_px])
        longest = stats[1:, 2:4].max(axis=1) * unit_px * (gsd_m_px if known else 1.0)
        low, high = _LONGEST_M if known else _LONGEST_PX
        over = strength[1:] / least
        scores = over / (over + _HALF_STRENGTH / _NOISE_TIMES)
        good = (longest >= low) & (longest <= high) & (scores >= self.threshold)
        best = Detections.best_first(
            np.clip(boxes[good], 0, (*size_px, *size_px)), scores[good], detector="motion"
        )
        return best.only(np.arange(len(best)) < _MOST_BOXES)


def _grey(image_bgr: Image, scale: float) -> Array:
    cv2 = opencv()
    grey = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    smooth: Array = cv2.GaussianBlur(grey, (0, 0), _BLUR_PX).astype(np.float32)
    return smooth


def registration(here: Array, there: Array) -> Floats | None:
    """The homography that takes places of one grey picture to those of another.

    Args:
        here: (height, width) float32, 0…255.
        there: the other picture.

    Returns:
        (3, 3), from pixels of ``here`` to pixels of ``there``; None where they do not overlap.
    """
    cv2 = opencv()
    if min(*here.shape, *there.shape) < _LEAST_SIDE_PX:
        return None
    scale = min(1.0, math.sqrt(_REGISTERING_PX / here.size))
    small = [
        cv2.resize(g, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8)
        for g in (here, there)
    ]
    matrix = _by_features(small[0], small[1])
    if matrix is None:
        return None
    matrix, alike = _refined(small[0], small[1], matrix)
    if alike < _LEAST_ALIKE:
        return None
    edge = (1 / scale - 1) / 2
    zoom = np.array([[1 / scale, 0, edge], [0, 1 / scale, edge], [0, 0, 1.0]])
    full = zoom @ matrix @ np.linalg.inv(zoom)
    return np.asarray(full / full[2, 2], dtype=np.float64)


def _by_features(here: Image, there: Image) -> Floats | None:
    cv2 = opencv()
    orb = cv2.ORB_create(nfeatures=_FEATURES, fastThreshold=8)
    (points, marks), (other_points, other_marks) = (orb.detectAndCompute(g, None) for g in (here, there))
    if marks is None or other_marks is None or min(len(points), len(other_points)) < _LEAST_MATCHES:
        return None
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(marks, other_marks)
    if len(matches) < _LEAST_MATCHES:
        return None
    source = np.array([points[m.queryIdx].pt for m in matches], dtype=np.float32)
    target = np.array([other_points[m.trainIdx].pt for m in matches], dtype=np.float32)
    cv2.setRNGSeed(0)
    matrix, inliers = cv2.findHomography(source, target, cv2.RANSAC, _RANSAC_PX)
    if matrix is None or int(inliers.sum()) < _LEAST_MATCHES:
        return None
    stretch = math.sqrt(abs(float(np.linalg.det(matrix[:2, :2]))))
    alike = 1 / _LARGEST_SCALE_CHANGE <= stretch <= _LARGEST_SCALE_CHANGE
    return np.asarray(matrix, dtype=np.float64) if alike else None


def _refined(here: Image, there: Image, matrix: Floats) -> tuple[Floats, float]:
    """The homography after ECC, and the correlation of the two pictures; 0 where it did not converge."""
    cv2 = opencv()
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 1e-4)
    try:
        alike, refined = cv2.findTransformECC(
            here, there, matrix.astype(np.float32), cv2.MOTION_HOMOGRAPHY, stop, None, 3
        )
    except cv2.error:
        return matrix, 0.0
    return refined.astype(np.float64), float(alike)


def _difference(here: Array, there: Array, matrix: Floats) -> Array:
    """Grey levels by which each place differs from every place of the other within the registration's error.

    Brightness and contrast of the other are first brought to those of the frame. Infinite where the other
    does not show the place.
    """
    cv2 = opencv()
    size, flags = (here.shape[1], here.shape[0]), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpPerspective(there, matrix, size, flags=flags)
    seen = cv2.warpPerspective(np.full(there.shape, 255, np.uint8), matrix, size, flags=flags) == 255
    if seen.sum() < _LEAST_MATCHES:
        return np.full_like(here, math.inf)
    gain = here[seen].std() / max(float(laid[seen].std()), 1.0)
    laid = (laid - laid[seen].mean()) * gain + here[seen].mean()
    square = np.ones((2 * _SHIFT_PX + 1, 2 * _SHIFT_PX + 1), np.uint8)
    above, below = here - cv2.dilate(laid, square), cv2.erode(laid, square) - here
    apart: Any = np.maximum(np.maximum(above, below), 0)
    inner = cv2.erode(seen.astype(np.uint8), np.ones((9, 9), np.uint8))
    apart[inner == 0] = math.inf
    return np.asarray(apart, dtype=np.float32)
