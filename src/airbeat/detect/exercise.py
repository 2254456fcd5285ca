"""The detector of exercises: people in the embedded camera's pictures, by two small networks."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.detect.calibration import threshold_for_rate
from airbeat.detect.detections import Detections
from airbeat.detect.exercise_networks import CELL_PX, cut_out, find, judge, palette, working_image
from airbeat.errors import FrameError
from airbeat.frames.opencv import opencv

__all__ = ["ExerciseDetector"]

_FIGURES_FILE = "exercise_figures.json"
_PEAKS_APART_CELLS = 5
_PLACES_PER_FRAME = 60
_ONE_PERSON_M = 1.3
"""Of two boxes closer than this only the better stays: a person and the person's shadow."""

_SIDE_M = (0.2, 2.5)
"""Sides of the box around a person seen from above; what measures otherwise is none."""

_LARGEST_SHIFT_M = 0.6


@dataclass(frozen=True, slots=True)
class _Figures:
    """What was measured when the networks were made: see the file's note."""

    finder_share: float
    threshold: float
    false_per_frame: tuple[tuple[float, float], ...]


@cache
def _figures() -> _Figures:
    text = resources.files("airbeat.detect").joinpath(_FIGURES_FILE).read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    curve = tuple((rate, threshold) for rate, threshold in data["false_per_frame"])
    return _Figures(data["finder_share"], data["threshold"], curve)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExerciseDetector:
    """A `Detector` of places that differ from the ground around them as a person seen from above does.

    A fully convolutional finder marks places at 5 cm/px, whatever the frame's GSD; a judge looks at 2.8 m
    views of them at 2.5 cm/px and measures the box, which must have a person's size. On photographs of
    embedded-camera seeds 130-134 (30 frames each, GSD 2.5 cm, 24 persons each, a third lying, half in earth
    colours), which were not trained on, 94 % of the looks at persons have a box at 0.5 false candidates per
    frame, which is the default threshold. On ten whole exercises (seeds 0-9) 232 of 240 have a candidate
    within 5 m, 20 to 24 of 24 a seed, at 0.22 to 0.56 false candidates per frame; see
    ``docs/model-exercise.md``.

    It was trained on the embedded camera's synthetic pictures. Do not rely on it on real photographs.

    Attributes:
        threshold: candidates scoring less are left out; None for the default.
    """

    threshold: float | None = None

    @classmethod
    def for_false_candidates(cls, max_per_frame: float) -> ExerciseDetector:
        """The detector with the lowest threshold whose measured rate of false candidates is not above this.

        The rates are those on the tuning frames of the embedded camera; real ground differs.

        Raises:
            UsageError: lower than was ever measured, or no number.
        """
        return cls(threshold=threshold_for_rate(_figures().false_per_frame, max_per_frame))

    @property
    def smallest_score(self) -> float:
        """The threshold that applies."""
        return _figures().threshold if self.threshold is None else self.threshold

    def __call__(
        self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float, modality: str = "rgb"
    ) -> Detections:
        """See `airbeat.detect.detections.Detector`; thermal frames are treated as grey photographs.

        Raises:
            FrameError: the GSD is not known; the embedded camera's pictures always say it.
        """
        if not gsd_m_px > 0:
            raise FrameError("the exercise detector needs the GSD", remedy="give it by hand")
        working = working_image(image_bgr, gsd_m_px)
        colours = palette(working)
        if colours.is_flat:
            return Detections.none()
        places, first = _peaks(find(working, colours))
        places /= working.scale
        views = [cut_out(image_bgr, x, y, gsd_m_px=gsd_m_px) for x, y in places]
        odds, boxes_m = judge(views, colours)
        scores = 1 / (1 + np.exp(-(odds + _figures().finder_share * first).astype(float)))
        middles = places + np.clip(boxes_m[:, :2], -_LARGEST_SHIFT_M, _LARGEST_SHIFT_M) / gsd_m_px
        sides_m = boxes_m[:, 2:]
        of_a_person = ((sides_m >= _SIDE_M[0]) & (sides_m <= _SIDE_M[1])).all(axis=1)
        good = of_a_person & (scores >= self.smallest_score)
        kept = _distinct(middles * gsd_m_px, np.where(good, scores, -1.0))
        half = sides_m[kept] / gsd_m_px / 2
        height, width = image_bgr.shape[:2]
        boxes = np.hstack([middles[kept] - half, middles[kept] + half])
        return Detections(xyxy_px=np.clip(boxes, 0, (width, height, width, height)), scores=scores[kept])


def _peaks(heat: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    """The highest local maxima: (n, 2) x, y [working px] and (n,) log odds, highest first, n at least 1."""
    cv2 = opencv()
    side = (_PEAKS_APART_CELLS, _PEAKS_APART_CELLS)
    y, x = np.nonzero(heat >= cv2.dilate(heat, np.ones(side, np.uint8)))
    best = np.argsort(-heat[y, x], kind="stable")[:_PLACES_PER_FRAME]
    middles = (np.column_stack([x, y])[best].astype(np.float64) + 0.5) * CELL_PX
    return middles, heat[y, x][best]


def _distinct(middles_m: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]) -> list[int]:
    """Places with a score of 0 or more, best first, without those beside a better one."""
    kept: list[int] = []
    for i in np.argsort(-scores, kind="stable").tolist():
        if scores[i] < 0:
            break
        if all(math.dist(middles_m[i], middles_m[k]) > _ONE_PERSON_M for k in kept):
            kept.append(i)
    return kept
