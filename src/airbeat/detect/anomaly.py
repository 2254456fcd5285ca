"""The anomaly detector: rare against the ground around it, of a person's size, measured like a person."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.detect.detections import Detections
from airbeat.detect.measures import MEASURES, Measured, measure
from airbeat.detect.rarity import colour_rarity, peaks, rarity_map, slope_map, working_image
from airbeat.errors import UsageError

__all__ = ["AnomalyDetector"]

_WEIGHTS_FILE = "anomaly_weights.json"
_PEAKS_APART_M = 0.8
_PEAKS_PER_FRAME = 200
_ONE_PERSON_M = 1.3
"""Of two boxes closer than this only the better stays: a person and the person's shadow."""

_LENGTH_M = (0.25, 3.0)
_WIDTH_M = (0.1, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weights:
    """A logistic regression with one hidden layer on standardised measurements."""

    mean: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    hidden: npt.NDArray[np.float64]
    hidden_offset: npt.NDArray[np.float64]
    output: npt.NDArray[np.float64]
    direct: npt.NDArray[np.float64]
    offset: float
    threshold: float
    false_per_frame: tuple[tuple[float, float], ...]

    def score(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """(n,) scores 0…1 of (n, len(MEASURES)) measurements."""
        standard = np.clip((values - self.mean) / self.scale, -5.0, 5.0)
        odds = np.tanh(standard @ self.hidden + self.hidden_offset) @ self.output
        odds += standard @ self.direct + self.offset
        scores: npt.NDArray[np.float64] = 1 / (1 + np.exp(-odds))
        return scores


@cache
def _weights() -> _Weights:
    text = resources.files("airbeat.detect").joinpath(_WEIGHTS_FILE).read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    if tuple(data["measures"]) != MEASURES:
        raise ValueError(f"{_WEIGHTS_FILE} was made for other measurements; run tests/bench/train_anomaly.py")
    return _Weights(
        **{
            name: np.array(data[name], dtype=float)
            for name in ("mean", "scale", "hidden", "hidden_offset", "output", "direct")
        },
        offset=data["offset"],
        threshold=data["threshold"],
        false_per_frame=tuple((rate, threshold) for rate, threshold in data["false_per_frame"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyDetector:
    """A `Detector` of places that differ from the ground and have a person's size and surroundings.

    Measured with the default threshold, which was fixed on embedded-camera seeds 100–105 and 107–113 for 0.7
    false candidates per frame: on seeds 0–9 (30 frames of 12 megapixels each, GSD 2.5 cm, 24 persons each, a
    third lying, half in earth colours) 178 of 240 persons were found within 5 m (0.74; per seed 0.67…0.83) at
    0.66 false candidates per frame (per seed 0.37…0.90), before fusion. Those it misses wear earth colours.

    It does not carry over to photographs yet: on the few real ones at hand it found 2 of 4 persons at 7.4
    false candidates per frame (nadir, 1.7 cm) and 0 of 5 at none (kite, 4.5 cm). Do not rely on it there.

    Attributes:
        threshold: candidates scoring less are left out; None for the default.
    """

    threshold: float | None = None

    @classmethod
    def for_false_candidates(cls, max_per_frame: float) -> AnomalyDetector:
        """The detector with the lowest threshold whose measured rate of false candidates is not above this.

        The rates are those on the tuning frames of the embedded camera; real ground differs.

        Raises:
            UsageError: lower than was ever measured, or no number.
        """
        curve = _weights().false_per_frame
        fitting = [threshold for rate, threshold in curve if rate <= max_per_frame]
        if not fitting:
            raise UsageError(
                f"a rate of {max_per_frame:g} false candidates per frame was never measured",
                remedy=f"give {min(rate for rate, _ in curve):g} or more",
            )
        return cls(threshold=min(fitting))

    @property
    def smallest_score(self) -> float:
        """The threshold that applies."""
        return _weights().threshold if self.threshold is None else self.threshold

    def __call__(
        self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float, modality: str = "rgb"
    ) -> Detections:
        """See `airbeat.detect.detections.Detector`; thermal frames are treated as grey photographs."""
        measured = measured_places(image_bgr, gsd_m_px=gsd_m_px)
        if measured is None:
            return Detections(xyxy_px=np.empty((0, 4)), scores=np.empty(0))
        scores = _weights().score(measured.values)
        kept = distinct(measured, np.where(scores >= self.smallest_score, scores, 0.0), gsd_m_px=gsd_m_px)
        height, width = image_bgr.shape[:2]
        boxes = np.clip(measured.xyxy_px[kept], 0, (width, height, width, height))
        return Detections(xyxy_px=boxes, scores=scores[kept])


def measured_places(image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float) -> Measured | None:
    """The rarest places of a frame, measured but not judged; None where there are none."""
    working = working_image(image_bgr, gsd_m_px)
    slope, colours = slope_map(working), colour_rarity(working)
    rarity, coarse_gsd = rarity_map(working, slope, colours)
    places = peaks(rarity, coarse_gsd, apart_m=_PEAKS_APART_M, limit=_PEAKS_PER_FRAME)
    if len(places) == 0:
        return None
    places[:, :2] *= coarse_gsd / working.gsd_m_px
    return measure(working, colours, slope, places)


def distinct(measured: Measured, scores: npt.NDArray[np.float64], *, gsd_m_px: float) -> list[int]:
    """Places of a person's size with a score above 0, best first, without those beside a better one."""
    middles = (measured.xyxy_px[:, :2] + measured.xyxy_px[:, 2:]) / 2 * gsd_m_px
    kept: list[int] = []
    for i in np.argsort(-scores, kind="stable").tolist():
        if scores[i] <= 0:
            break
        size_fits = (
            _LENGTH_M[0] <= measured.length_m[i] <= _LENGTH_M[1]
            and _WIDTH_M[0] <= measured.width_m[i] <= _WIDTH_M[1]
        )
        if size_fits and all(math.dist(middles[i], middles[k]) > _ONE_PERSON_M for k in kept):
            kept.append(i)
    return kept
