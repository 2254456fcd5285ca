"""The detection curve: recall by pixels on target, as a file for search planning.

``airbeat/detection-curve/1`` is described in ``docs/detection-curve.md``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from airbeat import __version__
from airbeat.detect.evaluate import RATES, Evaluation
from airbeat.detect.scoring import Interval, Pool, SizeBin

__all__ = ["bin_json", "curve_json", "interval_json"]

_TARGETS_M = {
    "standing person seen from above": 0.6,
    "lying person": 1.7,
    "standing person from the side": 1.7,
}
"""Longest edges on the ground for turning a GSD into pixels on target [m]."""


def interval_json(interval: Interval) -> dict[str, float | None]:
    """A figure and its 95 % interval; what is not known is null."""
    values = {"value": interval.value, "low": interval.low, "high": interval.high}
    return {name: None if math.isnan(v) else round(v, 4) for name, v in values.items()}


def bin_json(size: SizeBin) -> dict[str, float | None]:
    """One class of pixels on target; an open upper limit is null."""
    return {
        "from_px": size.from_px,
        "to_px": None if math.isinf(size.to_px) else size.to_px,
        "persons": size.persons,
        "found": size.found,
        "recall": round(size.recall.value, 4),
        "low": round(size.recall.low, 4),
        "high": round(size.recall.high, 4),
    }


def curve_json(evaluation: Evaluation, *, coco_sha256: str, modality: str | None) -> dict[str, Any]:
    """The detection curve of one detector at its own threshold and at fixed rates of false alarms.

    Args:
        evaluation: its judged boxes.
        coco_sha256: hash of the labels it was measured on, hexadecimal.
        modality: as given by hand, None for that of each photograph.
    """
    pool = Pool(evaluation.images)
    points = [_point(pool, "default", evaluation.threshold)]
    points += [
        _point(pool, f"{rate:g} false alarms per image", pool.threshold_at(rate))
        for rate in RATES
        if math.isfinite(pool.threshold_at(rate))
    ]
    gsds = [g for g in evaluation.gsds_m_px if math.isfinite(g)]
    return {
        "schema": "airbeat/detection-curve/1",
        "airbeat": __version__,
        "detector": evaluation.detector,
        "modality": modality,
        "labels_sha256": coco_sha256,
        "images": len(evaluation.images),
        "persons": int(pool.persons.sum()),
        "interval": "95 %, Wilson score",
        "pixels_on_target": {
            "is": "longest edge of the box around the person [px]",
            "from_gsd": "target_m / gsd_m_px",
            "target_m": _TARGETS_M,
        },
        "gsd_m_px": {
            "known_for_images": len(gsds),
            "least": min(gsds, default=None),
            "median": float(np.median(gsds)) if gsds else None,
            "most": max(gsds, default=None),
        },
        "operating_points": points,
    }


def _point(pool: Pool, name: str, threshold: float) -> dict[str, Any]:
    return {
        "name": name,
        "threshold": round(threshold, 5),
        "false_per_image": round(pool.false_above(threshold), 4),
        "recall": _none_if_nan(pool.recall_above(threshold)),
        "by_pixels": [bin_json(b) for b in pool.recall_by_pixels(threshold)],
    }


def _none_if_nan(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
