"""How good found boxes are: the rule, the curve, its interval, and what a score is worth.

A box is right if its middle lies in a box around a person grown by a quarter of its sides (at least 4 px) or
covers one by 0.3 (intersection over union); every person counts once, a second box on the same person is
neither right nor false, nor is one in an ignored box. A box of more than 16 times the person's area is right
by overlap only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np

__all__ = ["Judged", "average_precision", "calibrate", "interval", "judge", "recall_at"]

_GROWN_BY, _AT_LEAST_PX, _OVERLAP, _HUGE = 0.25, 4.0, 0.3, 16.0
_IGNORE_GROWN_BY, _IGNORE_OVERLAP = 0.1, 0.1


@dataclass(frozen=True, slots=True)
class Judged:
    """One picture: scores of right and of false boxes, the score every person was found with, sides.

    Attributes:
        right: (n,) scores of the right boxes.
        false: (m,) scores of the false boxes.
        found: (persons,) score of the box that found the person, -inf for none.
        sides_px: (persons,) root of the person's box area.
    """

    right: np.ndarray
    false: np.ndarray
    found: np.ndarray
    sides_px: np.ndarray


def _inside(middle: np.ndarray, boxes: np.ndarray, grown_by: float) -> np.ndarray:
    grown = np.maximum((boxes[:, 2:] - boxes[:, :2]) * grown_by, _AT_LEAST_PX)
    return ((middle >= boxes[:, :2] - grown) & (middle <= boxes[:, 2:] + grown)).all(axis=1)


def _overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    common = np.clip(sides, 0, None).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return common / (areas - common + 1e-9)


def judge(boxes: np.ndarray, scores: np.ndarray, persons: np.ndarray, ignored: np.ndarray) -> Judged:
    """Judge one picture's boxes (n, 4) xyxy by the rule above, the best score first."""
    found, false = np.full(len(persons), -np.inf), []
    areas = (persons[:, 2:] - persons[:, :2]).prod(axis=1)
    for k in np.argsort(-scores, kind="stable"):
        box = boxes[k].astype(float)
        middle = (box[:2] + box[2:]) / 2
        huge = (box[2:] - box[:2]).prod() > _HUGE * areas
        hits = (_inside(middle, persons, _GROWN_BY) & ~huge) | (_overlap(box, persons) >= _OVERLAP)
        free = np.flatnonzero(hits & np.isinf(found))
        if len(free):
            away = np.hypot(*((persons[free, :2] + persons[free, 2:]) / 2 - middle).T)
            found[free[away.argmin()]] = scores[k]
        elif (
            not hits.any()
            and not (
                _inside(middle, ignored, _IGNORE_GROWN_BY) | (_overlap(box, ignored) > _IGNORE_OVERLAP)
            ).any()
        ):
            false.append(scores[k])
    return Judged(found[np.isfinite(found)], np.array(false), found, np.sqrt(areas))


def _ranked(judged: list[Judged]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, falling; right and false boxes down to each; only the last of equal scores is kept."""
    right = np.concatenate([j.right for j in judged])
    false = np.concatenate([j.false for j in judged])
    scores = np.concatenate([right, false])
    order = np.argsort(-scores, kind="stable")
    is_right = (np.arange(len(scores)) < len(right))[order]
    scores = scores[order]
    last = np.append(scores[:-1] != scores[1:], True) if len(scores) else np.zeros(0, bool)
    return scores[last], np.cumsum(is_right)[last], np.cumsum(~is_right)[last]


def recall_at(judged: list[Judged], false_per_picture: float) -> tuple[float, float]:
    """Share of persons found at a rate of false boxes, and the lowest score that keeps to the rate."""
    scores, right, false = _ranked(judged)
    persons = sum(len(j.found) for j in judged)
    kept = np.flatnonzero(false <= false_per_picture * len(judged))
    if not len(kept) or not persons:
        return 0.0, float("inf")
    return right[kept[-1]] / persons, float(scores[kept[-1]])


def average_precision(judged: list[Judged]) -> float:
    """Area under precision over recall, precision made falling from the right."""
    _, right, false = _ranked(judged)
    persons = sum(len(j.found) for j in judged)
    precision = np.maximum.accumulate((right / np.maximum(right + false, 1))[::-1])[::-1]
    return float((np.diff(right, prepend=0) / persons * precision).sum())


def interval(
    judged: list[Judged],
    groups: list[Hashable],
    measure: Callable[[list[Judged]], float],
    *,
    draws: int = 200,
) -> tuple[float, float]:
    """95 % interval of a measure by drawing whole groups with replacement (seed 0)."""
    members: dict[Hashable, list[Judged]] = {}
    for one, group in zip(judged, groups, strict=True):
        members.setdefault(group, []).append(one)
    pools, random = list(members.values()), np.random.default_rng(0)
    values = []
    for _ in range(draws):
        drawn = [one for k in random.integers(0, len(pools), len(pools)) for one in pools[k]]
        values.append(measure(drawn))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def calibrate(judged: list[Judged], *, least: int = 60) -> list[tuple[float, float]]:
    """Score to share of right boxes, rising: pool adjacent violators over runs of `least` boxes or more.

    Every point is a run's mean score and its share, smoothed by one right and one false box.
    """
    right = np.concatenate([j.right for j in judged])
    false = np.concatenate([j.false for j in judged])
    scores = np.concatenate([right, false])
    order = np.argsort(scores, kind="stable")
    truth = (np.arange(len(scores)) < len(right))[order].astype(float)
    runs: list[list[float]] = []
    for part, hits in zip(
        np.array_split(scores[order], max(1, len(scores) // least)),
        np.array_split(truth, max(1, len(scores) // least)),
        strict=True,
    ):
        runs.append([part.sum(), hits.sum(), len(part)])
        while len(runs) > 1 and _share(runs[-2]) >= _share(runs[-1]):
            last = runs.pop()
            runs[-1] = [a + b for a, b in zip(runs[-1], last, strict=True)]
    return [(run[0] / run[2], _share(run)) for run in runs]


def _share(run: list[float]) -> float:
    """Of a run's boxes (sum of scores, right ones, all), those that are right, smoothed."""
    return (run[1] + 1) / (run[2] + 2)
