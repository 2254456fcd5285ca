"""Boxes of two detectors made one list whose scores are probabilities.

Where both have a box at a place, the first one's box stays. Its log odds are a weighted sum of both
detectors' log odds; a box that only one has gets a sum of its own. The weights are fitted by logistic
regression on labelled photographs, each of the three cases by itself, so nothing is assumed about how
independent the two are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.detect.detections import Detections, Detector

__all__ = ["BOTH", "FIRST_ONLY", "SECOND_ONLY", "FusedDetector", "Paired", "fuse", "log_odds", "pair"]

Floats = npt.NDArray[np.float64]

BOTH, FIRST_ONLY, SECOND_ONLY = "both", "first", "second"
_SAME_PLACE_OVERLAP = 0.3
_LEAST_PROBABILITY = 1e-4


def log_odds(probability: Floats) -> Floats:
    """Log odds of probabilities, which are first kept away from 0 and 1 by a ten-thousandth."""
    p = np.clip(probability, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return np.asarray(np.log(p / (1 - p)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Boxes of two detectors, those at one place put together.

    Attributes:
        xyxy_px: (n, 4).
        first: (n,) the first detector's probability, NaN where it has no box.
        second: (n,) the second's.
        detectors: (n,) names of those that have a box, joined by +.
    """

    xyxy_px: Floats
    first: Floats
    second: Floats
    detectors: npt.NDArray[np.str_]


def pair(first: Detections, second: Detections) -> Paired:
    """Put the boxes of two detectors at one place together, the best of the first taken first.

    A pair is two boxes whose middles each lie in the other, or that overlap by 0.3 (intersection over union);
    of several the nearest.
    """
    a, b = first.xyxy_px, second.xyxy_px
    partner = np.full(len(a), -1)
    if len(a) and len(b):
        middles_a, middles_b = (a[:, :2] + a[:, 2:]) / 2, (b[:, :2] + b[:, 2:]) / 2
        apart = np.linalg.norm(middles_a[:, None] - middles_b[None], axis=2)
        allowed = (_holds(a, middles_b) & _holds(b, middles_a).T) | (_overlap(a, b) >= _SAME_PLACE_OVERLAP)
        for i in range(len(a)):
            choice = np.flatnonzero(allowed[i])
            if len(choice):
                partner[i] = choice[np.argmin(apart[i, choice])]
                allowed[:, partner[i]] = False
    has = partner >= 0
    left = np.ones(len(b), dtype=bool)
    left[partner[has]] = False
    names = [
        f"{n}+{second.detectors[k]}" if k >= 0 else n for n, k in zip(first.detectors, partner, strict=True)
    ]
    return Paired(
        xyxy_px=np.concatenate([a, b[left]]),
        first=np.concatenate([first.scores, np.full(int(left.sum()), np.nan)]),
        second=np.concatenate([_picked(second.scores, partner), second.scores[left]]),
        detectors=np.array([*names, *second.detectors[left]], dtype=np.str_),
    )


def _picked(scores: Floats, partner: npt.NDArray[np.int_]) -> Floats:
    picked = np.full(len(partner), np.nan)
    picked[partner >= 0] = scores[partner[partner >= 0]]
    return picked


def _holds(boxes: Floats, middles: Floats) -> npt.NDArray[np.bool_]:
    """(n, m): whether each box holds each middle."""
    inside = (middles[None] >= boxes[:, None, :2]) & (middles[None] <= boxes[:, None, 2:])
    return np.asarray(inside.all(axis=2))


def _overlap(a: Floats, b: Floats) -> Floats:
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(x[:, 2:] - x[:, :2]).prod(axis=1) for x in (a, b)]
    return np.asarray(common / np.maximum(areas[0][:, None] + areas[1][None] - common, 1e-9))


def fuse(paired: Paired, weights: dict[str, tuple[float, ...]]) -> Detections:
    """One list of boxes with probabilities, best first.

    Args:
        paired: the boxes.
        weights: for `BOTH` (constant, weight of the first, of the second), for `FIRST_ONLY` and `SECOND_ONLY`
            (constant, weight), all in log odds.
    """
    a, b = log_odds(paired.first), log_odds(paired.second)
    both, first, second = weights[BOTH], weights[FIRST_ONLY], weights[SECOND_ONLY]
    alone = np.where(np.isnan(a), second[0] + second[1] * b, first[0] + first[1] * a)
    together = both[0] + both[1] * a + both[2] * b
    odds = np.where(np.isnan(a) | np.isnan(b), alone, together)
    scores = 1 / (1 + np.exp(-odds))
    order = np.argsort(-scores, kind="stable")
    return Detections(xyxy_px=paired.xyxy_px[order], scores=scores[order], detectors=paired.detectors[order])


@dataclass(frozen=True, slots=True, kw_only=True)
class FusedDetector:
    """A `Detector` made of two.

    Attributes:
        first: its boxes are the better ones.
        second: the other; scores of both are probabilities, and both report everything.
        weights: see `fuse`.
        threshold: boxes of a lower probability are left out.
    """

    first: Detector
    second: Detector
    weights: tuple[tuple[str, tuple[float, ...]], ...]
    threshold: float

    @property
    def smallest_score(self) -> float:
        """The threshold."""
        return self.threshold

    def __call__(self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float, modality: str) -> Detections:
        """See `airbeat.detect.detections.Detector`."""
        found = [d(image_bgr, gsd_m_px=gsd_m_px, modality=modality) for d in (self.first, self.second)]
        fused = fuse(pair(found[0], found[1]), dict(self.weights))
        return fused.only(fused.scores >= self.threshold)
