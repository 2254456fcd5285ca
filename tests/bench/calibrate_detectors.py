"""Measures what detectors' scores are worth and writes src/airbeat/detect/calibration.json.

Run: python tests/bench/calibrate_detectors.py DATA [--only anomaly]
DATA holds a folder for each set with annotations.json and images/, as tests/bench/detect_peers.py takes it.
A table is made by pooling adjacent violators over runs of boxes in the order of their scores. Weights of the
fusion are fitted by logistic regression, each case by itself.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from aerial_sets import RGB, THERMAL, Row, judged, rows_of, searched, write_tables

import airbeat.detect
from airbeat.detect.anomaly import AnomalyDetector
from airbeat.detect.detections import Detections
from airbeat.detect.fusion import BOTH, FIRST_ONLY, SECOND_ONLY, fuse, log_odds, pair
from airbeat.detect.network import NetworkDetector
from airbeat.detect.scoring import NEITHER, RIGHT, Pool, ScoredImage, score_image

OUT = Path(airbeat.detect.__file__).parent / "calibration.json"
SETS = {"rgb": RGB, "thermal": THERMAL}
RATES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
DEFAULT_RATE = 0.2
"""False alarms per image without persons at the default threshold."""


def table_of(images: Sequence[ScoredImage], *, least: int = 40) -> list[list[float]]:
    """Score to share of right boxes, rising; each point a run of boxes, smoothed by half a box each way."""
    pool = Pool(images)
    scores, right = pool.scores[::-1], pool.right[::-1]
    runs: list[list[float]] = []
    for part in np.array_split(np.arange(len(scores)), max(1, len(scores) // least)):
        runs.append([scores[part].sum(), right[part].sum(), len(part)])
        while len(runs) > 1 and runs[-2][1] / runs[-2][2] >= runs[-1][1] / runs[-1][2]:
            last = runs.pop()
            runs[-1] = [a + b for a, b in zip(runs[-1], last, strict=True)]
    points = [[s / n, (r + 0.5) / (n + 1)] for s, r, n in runs]
    rising = [points[0]]
    for point in points[1:]:
        if point[0] > rising[-1][0] and point[1] > rising[-1][1]:
            rising.append(point)
    if len(rising) == 1:
        rising.append([rising[0][0] + 1e-6, rising[0][1]])
    return [[0.0, rising[0][1] / 2], *rising]


def probable(found: Detections, table: list[list[float]]) -> Detections:
    scores, shares = np.array(table).T
    return Detections(
        xyxy_px=found.xyxy_px, scores=np.interp(found.scores, scores, shares), detectors=found.detectors
    )


def limits(images: Sequence[ScoredImage]) -> dict[str, Any]:
    """The curve of false alarms per image, and the default threshold from the images without persons."""
    pool, empty = Pool(images), Pool([i for i in images if not len(i.sizes_px)])
    known = [(rate, pool.threshold_at(rate)) for rate in RATES]
    curve = [[rate, round(float(t), 5)] for rate, t in known if np.isfinite(t)]
    threshold = empty.threshold_at(DEFAULT_RATE) if len(empty.images) else pool.threshold_at(1.0)
    return {"threshold": round(float(min(1.0, threshold)), 5), "false_per_frame": curve}


def logistic(inputs: np.ndarray, right: np.ndarray, *, steps: int = 200) -> list[float]:
    """Constant and weights of a logistic regression by Newton's method, pulled weakly to a plain mean."""
    x = np.column_stack([np.ones(len(inputs)), inputs])
    start = np.array([0.0, *np.full(inputs.shape[1], 1.0 / inputs.shape[1])])
    w, pull = start.copy(), np.diag([1e-3, *np.full(inputs.shape[1], 1.0)])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        gradient = x.T @ (p - right) + pull @ (w - start)
        curvature = (x * (p * (1 - p))[:, None]).T @ x + pull
        w = w - np.linalg.solve(curvature, gradient)
    return [round(float(v), 4) for v in w]


def fusion_of(
    first: Sequence[Detections], second: Sequence[Detections], rows: Sequence[Row]
) -> dict[str, Any]:
    """Weights of the three cases, from the judged boxes of both detectors."""
    cases: dict[str, list[np.ndarray]] = {BOTH: [], FIRST_ONLY: [], SECOND_ONLY: []}
    for a, b, (_, image) in zip(first, second, rows, strict=True):
        paired = pair(a, b)
        best = np.nan_to_num(paired.first, nan=-1) + 1e-3 * np.nan_to_num(paired.second)
        order = np.argsort(-best, kind="stable")
        ranked = Detections(xyxy_px=paired.xyxy_px[order], scores=np.linspace(1, 0, len(order)))
        outcome = score_image(ranked, image.persons_xyxy, image.ignored_xyxy).outcomes
        odds = np.column_stack([log_odds(paired.first[order]), log_odds(paired.second[order]), outcome])
        odds = odds[outcome != NEITHER]
        has = ~np.isnan(odds[:, :2])
        cases[BOTH].append(odds[has.all(axis=1)])
        cases[FIRST_ONLY].append(odds[has[:, 0] & ~has[:, 1]])
        cases[SECOND_ONLY].append(odds[~has[:, 0] & has[:, 1]])
    weights = {}
    for case, columns in ((BOTH, [0, 1]), (FIRST_ONLY, [0]), (SECOND_ONLY, [1])):
        table = np.concatenate(cases[case])
        weights[case] = logistic(table[:, columns], (table[:, 2] == RIGHT).astype(float))
        print(f"  {case}: {len(table)} boxes, {int((table[:, 2] == RIGHT).sum())} right, {weights[case]}")
    return weights


def described(images: Sequence[ScoredImage], rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "sets": sorted({name for name, _ in rows}),
        "images": len(images),
        "persons": int(Pool(images).persons.sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", choices=("anomaly", "auto"))
    parser.add_argument("--modality", choices=tuple(SETS), nargs="*", default=list(SETS))
    options = parser.parse_args()
    known = json.loads(OUT.read_text(encoding="utf-8"))["detectors"] if OUT.exists() else {}
    for modality in options.modality:
        rows = rows_of(options.data, SETS[modality])
        raw = searched(AnomalyDetector(), rows, modality=modality)
        if options.only != "auto":
            table = table_of(judged(raw, rows))
            images = judged([probable(f, table) for f in raw], rows)
            rounded = [[round(a, 5), round(b, 5)] for a, b in table]
            entry = {"probability": rounded, **limits(images), **described(images, rows)}
            known.setdefault("anomaly", {})[modality] = entry
            print(modality, "anomaly", entry["threshold"], f"AP {Pool(images).average_precision():.3f}")
        if options.only != "anomaly" and modality == "rgb":
            first = searched(NetworkDetector(threshold=0.0), rows, modality=modality)
            table = known["anomaly"][modality]["probability"]
            second = [probable(f, table) for f in raw]
            weights = fusion_of(first, second, rows)
            fused = [fuse(pair(a, b), weights) for a, b in zip(first, second, strict=True)]
            images, alone = judged(fused, rows), Pool(judged(first, rows))
            entry = {"probability": [[0.0, 0.0], [1.0, 1.0]], "fusion": weights, **limits(images)}
            known.setdefault("auto", {})[modality] = entry | described(images, rows)
            pool = Pool(images)
            for rate in (0.1, 0.5, 1.0, 5.0):
                print(
                    f"  recall at {rate:g}: fused {pool.recall_at(rate):.3f}, "
                    f"network alone {alone.recall_at(rate):.3f}"
                )
    note = "made by tests/bench/calibrate_detectors.py; pooled sets, so in-sample for them"
    document = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    document |= {"schema": "airbeat/calibration/1", "note": note, "detectors": known}
    write_tables(OUT, document)


if __name__ == "__main__":
    main()
