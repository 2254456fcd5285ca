"""Fits the second look, `airbeat.detect.rescoring`, to the boxes found in pictures not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from airbeat.detect.rescoring import SecondLook, evidence, terms

from .coco import Picture
from .score import NEITHER, RIGHT, Judged, judge, verdicts

__all__ = ["Found", "fitted", "judged_again", "looks_without"]

Found = tuple[np.ndarray, np.ndarray]
"""Boxes (n, 4) xyxy and log odds (n,) of one picture."""

PULL, STEPS = 100.0, 12
LEAST_SPREAD = 1e-3
"""What hardly varies is not blown up."""


def fitted(pictures: Sequence[Picture], seen: Sequence[np.ndarray], found: Sequence[Found]) -> SecondLook:
    """A second look by logistic regression (Newton's method).

    Boxes that are neither right nor false do not count. Weights of the terms, in units of each term's spread,
    are pulled towards 0 by `PULL`: as by so many boxes that tell nothing.

    Args:
        pictures: that were searched.
        seen: `evidence` of each picture's boxes.
        found: the boxes.
    """
    verdict = np.concatenate(
        [verdicts(*f, p.persons, p.ignored)[0] for p, f in zip(pictures, found, strict=True)]
    )
    counts = verdict != NEITHER
    x, right = np.concatenate(list(seen))[counts], (verdict[counts] == RIGHT).astype(float)
    middle, spread = x.mean(axis=0), np.maximum(x.std(axis=0), LEAST_SPREAD)
    x = terms(x, middle, spread)
    level, width = x.mean(axis=0), np.maximum(x.std(axis=0), LEAST_SPREAD)
    x = np.column_stack([(x - level) / width, np.ones(len(x))])
    pull = np.diag([*np.full(len(level), PULL), 0.0])
    weights = np.zeros(len(pull))
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        curvature = (x * (chance * (1 - chance))[:, None]).T @ x + pull
        weights += np.linalg.solve(curvature, x.T @ (right - chance) - pull @ weights)
    slopes = weights[:-1] / width
    return SecondLook(
        middle=rounded(middle),
        spread=rounded(spread),
        weights=rounded(slopes),
        offset=round(float(weights[-1] - slopes @ level), 6),
    )


def rounded(values: np.ndarray) -> tuple[float, ...]:
    """As they are written into the figures' file."""
    return tuple(round(float(v), 6) for v in values)


def looks_without(
    pictures: Sequence[Picture], found: Sequence[Found], folds: Sequence[int], counts: Sequence[bool]
) -> tuple[dict[int, SecondLook], SecondLook, list[np.ndarray]]:
    """For each fold a second look fitted to the other folds, one fitted to all, and the evidence.

    Args:
        pictures: all that were searched.
        found: what the networks that were not trained on them found.
        folds: fold of every picture.
        counts: pictures whose labels are trusted; the others fit nothing.
    """
    seen = [evidence(p.bgr, *f) for p, f in zip(pictures, found, strict=True)]

    def fit_to(numbers: list[int]) -> SecondLook:
        return fitted(*([part[k] for k in numbers] for part in (pictures, seen, found)))

    trusted = [k for k, counted in enumerate(counts) if counted]
    looks = {fold: fit_to([k for k in trusted if folds[k] != fold]) for fold in set(folds)}
    return looks, fit_to(trusted), seen


def judged_again(
    pictures: Sequence[Picture], found: Sequence[Found], folds: Sequence[int], counts: Sequence[bool]
) -> tuple[list[Judged], SecondLook]:
    """Every picture judged after a second look that was fitted to the other folds; and one fitted to all.

    Arguments are those of `looks_without`.
    """
    looks, of_all, evidences = looks_without(pictures, found, folds, counts)
    judged = []
    for picture, seen, (boxes, _), fold in zip(pictures, evidences, found, folds, strict=True):
        look = looks[fold]
        odds = terms(seen, look.middle, look.spread) @ np.array(look.weights) + look.offset
        judged.append(judge(boxes, odds, picture.persons, picture.ignored))
    return judged, of_all
