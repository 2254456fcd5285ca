"""The figures that ship beside weights, all from held-out pictures: curve, calibration, threshold, sizes."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Hashable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from airbeat.detect.network import search

from .coco import Picture
from .score import Judged, average_precision, calibrate, interval, recall_at

__all__ = ["held_out", "measured", "write_figures"]

LEAST_LOG_ODDS = -3.0
RATES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
SIDES_PX = (0, 8, 10, 12, 14, 16, 18, 20, 24, 32, 48, 64, 96, math.inf)
SHIPPED_RATE, SHIPPED_RATE_EMPTY = 1.0, 0.2


def held_out(
    weights: Path,
    pictures: Sequence[Picture],
    modality: str,
    *,
    scales: tuple[float, ...],
    mirrored: bool,
    doubtful_per_megapixel: float = 0.0,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """What weights find in each of the pictures, which they were not trained on: boxes and log odds."""
    cv2.setNumThreads(1)
    network = cv2.dnn.readNetFromONNX(str(weights))
    return [
        search(
            network,
            picture.bgr,
            modality=modality,
            scales=scales,
            mirrored=mirrored,
            least_log_odds=LEAST_LOG_ODDS,
            doubtful_per_megapixel=doubtful_per_megapixel,
        )
        for picture in pictures
    ]


def wilson(found: int, persons: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    z, share = 1.96, found / persons
    middle = (share + z * z / (2 * persons)) / (1 + z * z / persons)
    half = z / (1 + z * z / persons) * math.sqrt(share * (1 - share) / persons + z * z / (4 * persons**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def measured(judged: list[Judged], groups: list[Hashable], threshold: float) -> dict[str, Any]:
    """Recall at rates of false boxes and average precision with 95 % intervals; recall by size at a score.

    Args:
        judged: one per picture.
        groups: what the interval draws with replacement: the group of every picture.
        threshold: lowest score that counts for the figures at the shipped threshold.
    """

    def with_interval(measure: Any) -> list[float]:
        return [round(v, 4) for v in (measure(judged), *interval(judged, groups, measure))]

    empty = [j for j in judged if not len(j.found)]
    found = np.concatenate([j.found for j in judged])
    sides = np.concatenate([j.sides_px for j in judged])
    by_side = []
    for low, high in pairwise(SIDES_PX):
        these = found[(sides >= low) & (sides < high)] >= threshold
        if len(these):
            counts = int(these.sum()), len(these)
            share = [round(v, 4) for v in wilson(*counts)]
            upper = None if math.isinf(high) else high
            by_side.append([low, upper, *counts, *share])
    return {
        "pictures": len(judged),
        "pictures_without_persons": len(empty),
        "persons": len(found),
        "groups": len(set(groups)),
        "recall_at_false_per_picture": {
            str(rate): with_interval(lambda j, rate=rate: recall_at(j, rate)[0]) for rate in (0.1, 0.5, 1, 5)
        },
        "average_precision": with_interval(average_precision),
        "at_threshold": {
            "recall": round(float((found >= threshold).mean()), 4),
            "false_per_picture": round(_rate(judged, threshold), 4),
            "false_per_picture_without_persons": round(_rate(empty, threshold), 4) if empty else None,
        },
        "recall_by_side_px": by_side,
    }


def _least_on_empty(empty: list[Judged]) -> float:
    """The lowest score that keeps to `SHIPPED_RATE_EMPTY` on pictures without persons."""
    false = np.sort(np.concatenate([np.empty(0), *(j.false for j in empty)]))[::-1]
    allowed = math.floor(SHIPPED_RATE_EMPTY * len(empty))
    return float(false[allowed]) + 1e-6 if len(false) > allowed else -math.inf


def _rate(judged: list[Judged], threshold: float) -> float:
    return float(np.mean([(j.false >= threshold).sum() for j in judged]))


def write_figures(
    path: Path,
    judged: list[Judged],
    groups: list[Hashable],
    *,
    about: dict[str, Any],
    parts: dict[str, list[int]],
    unlabelled: Sequence[bool] | None = None,
) -> dict[str, Any]:
    """Write the JSON file beside the weights `path` and return what was written.

    The shipped threshold is the lowest that keeps to `SHIPPED_RATE` false boxes per picture and to
    `SHIPPED_RATE_EMPTY` on those without persons.

    Args:
        path: of the ONNX file.
        judged: one per held-out picture; scores are log odds.
        groups: group of every picture.
        about: what else goes into the file, see `airbeat.detect.network.NetworkFigures`.
        parts: name of a part of the pictures, and their numbers, measured by themselves too.
        unlabelled: which pictures show persons that nobody labelled: they do not count as without persons.
    """
    probability = calibrate(judged)
    odds, shares = (np.array(column) for column in zip(*probability, strict=True))
    curve = [(rate, recall_at(judged, rate)[1]) for rate in RATES]
    shown = unlabelled or [False] * len(judged)
    empty = [j for j, persons in zip(judged, shown, strict=True) if not persons and not len(j.found)]
    least = max(recall_at(judged, SHIPPED_RATE)[1], _least_on_empty(empty))

    def scored(log_odds: float) -> float:
        return math.floor(float(np.interp(log_odds, odds, shares)) * 1e5) / 1e5

    result = {
        **about,
        "weights_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "least_log_odds": LEAST_LOG_ODDS,
        "probability": [[round(a, 4), round(b, 5)] for a, b in probability],
        "threshold": scored(least),
        "false_per_frame": [[rate, scored(log_odds)] for rate, log_odds in curve],
        "measured": measured(judged, groups, least),
        "false_per_labelled_picture_without_persons": round(_rate(empty, least), 4) if empty else None,
        "measured_parts": {
            name: measured([judged[k] for k in numbers], [groups[k] for k in numbers], least)
            for name, numbers in parts.items()
        },
    }
    path.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result
