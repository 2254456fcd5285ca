"""How good detections are: the rule by which a box counts, and the figures that follow from it.

The rule, for one image. Boxes are taken best score first. A box *meets* a person if its middle lies in the
person's box grown on every side by a quarter of its width or height, at least 4 px, and it has at most 16
times the area; or if their intersection over union is 0.3 or more. A box is right if it meets a person whom
no better box has taken (of several the one whose middle is nearest); it counts for nothing if it meets only
persons who are taken already, or if it meets no one and lies in an ignored region (its middle in the region
grown by a tenth, at least 4 px, or intersection over union above 0.1); otherwise it is a false alarm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from airbeat.detect.detections import Detections

__all__ = [
    "FALSE_ALARM",
    "NEITHER",
    "PIXEL_EDGES",
    "RIGHT",
    "Interval",
    "Pool",
    "ScoredImage",
    "SizeBin",
    "bootstrap",
    "score_image",
    "wilson",
]

Floats = npt.NDArray[np.float64]

RIGHT, FALSE_ALARM, NEITHER = 1, 0, -1

PIXEL_EDGES = (0, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, math.inf)
"""Limits of the classes of pixels on target: the longest edge of a person's box [px]."""

_GROWN, _GROWN_AT_LEAST_PX, _OVERLAP, _HUGE = 0.25, 4.0, 0.3, 16.0
_IGNORED_GROWN, _IGNORED_OVERLAP = 0.1, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredImage:
    """One image's boxes, judged.

    Attributes:
        scores: (n,) descending.
        outcomes: (n,) `RIGHT`, `FALSE_ALARM` or `NEITHER`.
        persons: (n,) number of the person a right box has taken, -1 for others.
        sizes_px: (m,) longest edge of each person's box [px].
    """

    scores: Floats
    outcomes: npt.NDArray[np.int_]
    persons: npt.NDArray[np.int_]
    sizes_px: Floats


def _inside(xyxy: Floats, regions: Floats, grown: float) -> npt.NDArray[np.bool_]:
    """(n, m): whether the middle of each box lies in each region grown by a share of its sides."""
    middles = (xyxy[:, None, :2] + xyxy[:, None, 2:]) / 2
    more = np.maximum(grown * (regions[:, 2:] - regions[:, :2]), _GROWN_AT_LEAST_PX)
    low, high = regions[:, :2] - more, regions[:, 2:] + more
    return np.asarray(((middles >= low) & (middles <= high)).all(axis=2))


def _overlap(xyxy: Floats, others: Floats) -> Floats:
    """(n, m) intersection over union."""
    low = np.maximum(xyxy[:, None, :2], others[None, :, :2])
    high = np.minimum(xyxy[:, None, 2:], others[None, :, 2:])
    common: Floats = np.clip(high - low, 0, None).prod(axis=2)
    areas = _areas(xyxy)[:, None] + _areas(others)[None] - common
    return common / np.maximum(areas, 1e-9)


def _areas(xyxy: Floats) -> Floats:
    areas: Floats = np.clip(xyxy[:, 2:] - xyxy[:, :2], 0, None).prod(axis=1)
    return areas


def score_image(found: Detections, persons_xyxy: Floats, ignored_xyxy: Floats) -> ScoredImage:
    """Judge one image's boxes by the rule of this module.

    Args:
        found: the boxes, best first.
        persons_xyxy: (m, 4) boxes of the persons [px].
        ignored_xyxy: (k, 4) regions where a box that meets no one counts for nothing [px].
    """
    xyxy, count = found.xyxy_px, len(found)
    overlap = _overlap(xyxy, persons_xyxy)
    small = _areas(xyxy)[:, None] <= _HUGE * _areas(persons_xyxy)[None]
    meets = (_inside(xyxy, persons_xyxy, _GROWN) & small) | (overlap >= _OVERLAP)
    ignored = _inside(xyxy, ignored_xyxy, _IGNORED_GROWN) | (_overlap(xyxy, ignored_xyxy) > _IGNORED_OVERLAP)
    outcomes = np.where(meets.any(axis=1) | ignored.any(axis=1), NEITHER, FALSE_ALARM)
    taken_by = np.full(count, -1)
    middles = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    targets = (persons_xyxy[:, :2] + persons_xyxy[:, 2:]) / 2
    free = np.ones(len(persons_xyxy), dtype=bool)
    for i in np.flatnonzero(meets.any(axis=1)):
        choice = np.flatnonzero(meets[i] & free)
        if len(choice):
            apart = np.square(targets[choice] - middles[i]).sum(axis=1)
            person = choice[np.argmin(apart)]
            free[person] = False
            outcomes[i], taken_by[i] = RIGHT, person
    sides = persons_xyxy[:, 2:] - persons_xyxy[:, :2]
    return ScoredImage(
        scores=found.scores, outcomes=outcomes, persons=taken_by, sizes_px=sides.max(axis=1, initial=0.0)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its 95 % interval; NaN where there is nothing to count."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeBin:
    """Recall of persons of one class of pixels on target.

    Attributes:
        from_px: least longest edge in this class [px].
        to_px: longest edges are below this [px].
        persons: how many there were.
        found: how many of them had a box.
        recall: found / persons with its Wilson interval.
    """

    from_px: float
    to_px: float
    persons: int
    found: int
    recall: Interval


def wilson(found: int, of: int) -> Interval:
    """Share with its 95 % score interval (Wilson 1927)."""
    if of == 0:
        return Interval(value=math.nan, low=math.nan, high=math.nan)
    z = 1.959964
    share = found / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return Interval(value=share, low=max(0.0, middle - half), high=min(1.0, middle + half))


class Pool:
    """The judged boxes of many images, put together, best score first.

    Every figure takes weights, how often each image counts, so that a bootstrap can draw images anew.
    """

    def __init__(self, images: Sequence[ScoredImage]) -> None:
        self.images = tuple(images)
        self.persons = np.array([len(i.sizes_px) for i in images], dtype=float)
        of_image = np.repeat(np.arange(len(images)), [len(i.scores) for i in images])
        scores = np.concatenate([np.empty(0), *(i.scores for i in images)])
        outcomes = np.concatenate([np.empty(0, dtype=int), *(i.outcomes for i in images)])
        counted = outcomes != NEITHER
        order = np.argsort(-scores[counted], kind="stable")
        self.scores: Floats = scores[counted][order]
        self.right = (outcomes[counted][order] == RIGHT).astype(float)
        self._of_image = of_image[counted][order]
        self._false_alarms = np.cumsum(1 - self.right)
        self._cut = np.append(self.scores[1:] != self.scores[:-1], True)[: len(self.scores)]

    def _weights(self, weights: Floats | None) -> Floats:
        return np.ones(len(self.images)) if weights is None else weights

    def _above(self, threshold: float) -> int:
        """How many boxes score at least this."""
        return int(np.searchsorted(-self.scores, -threshold, side="right"))

    def _running(self, weights: Floats, first: int | None = None) -> tuple[Floats, Floats]:
        """Right boxes and false alarms down to each score at which a threshold can lie.

        Args:
            weights: of the images.
            first: look at so many of the best boxes only.
        """
        each, cut = weights[self._of_image[:first]], self._cut[:first]
        right = np.cumsum(each * self.right[:first])[cut]
        return right, np.cumsum(each * (1 - self.right[:first]))[cut]

    def recall_at(self, false_per_image: float, weights: Floats | None = None) -> float:
        """Largest recall of any threshold with at most so many false alarms; NaN without persons."""
        w = self._weights(weights)
        persons = float(w @ self.persons)
        if persons == 0:
            return math.nan
        most = false_per_image * w.sum() + 1e-9
        few = int(np.searchsorted(self._false_alarms, 2 * most + 50, side="right"))
        right, false = self._running(w, few)
        if few < len(self.scores) and (not len(false) or false[-1] <= most):
            right, false = self._running(w)
        fits = np.searchsorted(false, most, side="right")
        return float(right[fits - 1] / persons) if fits else 0.0

    def threshold_at(self, false_per_image: float) -> float:
        """Lowest threshold with at most so many false alarms; infinite if there is none."""
        _, false = self._running(self._weights(None))
        fits = int(np.searchsorted(false, false_per_image * len(self.images) + 1e-9, side="right"))
        return float(self.scores[self._cut][fits - 1]) if fits else math.inf

    def average_precision(self, weights: Floats | None = None) -> float:
        """Area under the precision-recall curve, precision made monotone, all points; NaN without persons."""
        w = self._weights(weights)
        persons = float(w @ self.persons)
        if persons == 0:
            return math.nan
        right, false = self._running(w)
        precision = np.maximum.accumulate((right / np.maximum(right + false, 1e-9))[::-1])[::-1]
        return float((np.diff(right / persons, prepend=0.0) * precision).sum())

    def recall_above(self, threshold: float, weights: Floats | None = None) -> float:
        """Recall of boxes that score at least this; NaN without persons."""
        w = self._weights(weights)
        persons = float(w @ self.persons)
        above = self._above(threshold)
        right = float(w[self._of_image[:above]] @ self.right[:above])
        return right / persons if persons else math.nan

    def false_above(self, threshold: float, weights: Floats | None = None) -> float:
        """False alarms per image among boxes that score at least this."""
        w = self._weights(weights)
        above = self._above(threshold)
        false = float(w[self._of_image[:above]] @ (1 - self.right[:above]))
        return false / w.sum() if w.sum() else math.nan

    def precision_above(self, threshold: float) -> Interval:
        """Share of right ones among counted boxes that score at least this, with its Wilson interval."""
        above = self._above(threshold)
        return wilson(int(self.right[:above].sum()), above)

    def calibration_error(self, classes: int = 10) -> float:
        """Mean difference of score and share of right boxes over classes of score, weighted by boxes.

        (Expected calibration error, Naeini et al. 2015.) NaN without boxes.
        """
        if not len(self.scores):
            return math.nan
        of = np.clip((self.scores * classes).astype(int), 0, classes - 1)
        size = np.bincount(of, minlength=classes)
        said = np.bincount(of, self.scores, minlength=classes)
        true = np.bincount(of, self.right, minlength=classes)
        return float(np.abs(said - true).sum() / size.sum())

    def recall_by_pixels(
        self, threshold: float, edges_px: Sequence[float] = PIXEL_EDGES
    ) -> tuple[SizeBin, ...]:
        """Recall at a threshold in classes of pixels on target; classes without persons are left out."""
        bins = []
        sizes = np.concatenate([np.empty(0), *(i.sizes_px for i in self.images)])
        found = np.concatenate([np.empty(0, dtype=bool), *(_found(i, threshold) for i in self.images)])
        for low, high in pairwise(edges_px):
            here = (sizes >= low) & (sizes < high)
            if here.any():
                persons, hits = int(here.sum()), int(found[here].sum())
                share = wilson(hits, persons)
                bins.append(SizeBin(from_px=low, to_px=high, persons=persons, found=hits, recall=share))
        return tuple(bins)

    def whole_among_best(self, count: int, *, most_persons: int = 10) -> Interval:
        """Share of the images with 1 … `most_persons` persons whose best boxes hold every one of them.

        Args:
            count: how many of an image's best boxes are looked at; those that count for nothing count here.
            most_persons: images with more are left out.
        """
        images = [i for i in self.images if 1 <= len(i.sizes_px) <= most_persons]
        whole = sum(int((i.outcomes[:count] == RIGHT).sum()) == len(i.sizes_px) for i in images)
        return wilson(whole, len(images))


def _found(image: ScoredImage, threshold: float) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(image.sizes_px), dtype=bool)
    found[image.persons[(image.outcomes == RIGHT) & (image.scores >= threshold)]] = True
    return found


def bootstrap(pool: Pool, figure: Callable[[Floats], float], *, seed: int = 0, draws: int = 1000) -> Interval:
    """A figure of a pool with its 95 % interval by drawing images anew (percentile bootstrap).

    Boxes of one image are not independent of each other, so images are drawn, not boxes.

    Args:
        pool: the judged images.
        figure: takes weights of the images, gives the figure.
        seed: of the draws.
        draws: how many.
    """
    count = len(pool.images)
    value = figure(np.ones(count))
    if math.isnan(value):
        return Interval(value=value, low=value, high=value)
    random = np.random.default_rng(seed)
    chance = np.full(count, 1 / count)
    values = [figure(random.multinomial(count, chance).astype(float)) for _ in range(draws)]
    known = [v for v in values if not math.isnan(v)]
    low, high = np.percentile(known, (2.5, 97.5)) if known else (math.nan, math.nan)
    return Interval(value=value, low=float(low), high=float(high))
