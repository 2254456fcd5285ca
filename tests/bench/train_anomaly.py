"""Makes src/airbeat/detect/anomaly_weights.json from photographs of the embedded camera.

Run: python tests/bench/embedded_frames.py FRAMES 100 101 … (tuning seeds, never those that are reported)
     python tests/bench/train_anomaly.py FRAMES 100 101 …

The measurements are those of `airbeat.detect.measures`; the judge is a logistic regression with one hidden
layer, seeded, trained by L-BFGS on every place of every frame (1: in the box of a person at least 30 %
visible).
Threshold and false-candidate curve come from predictions for seeds left out of the training, in three folds.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

import airbeat.detect
from airbeat.detect.anomaly import distinct, measured_places
from airbeat.detect.measures import MEASURES, Measured
from airbeat.frames.reader import load_image, scan_folder

VISIBLE = 0.3
GSD_M_PX = 0.025
"""Nominal, as embedded_frames.py flies; barometer errors of a per cent are left out of the training."""

HIDDEN = 12
DECAY = 2e-3
MEMBERS = 1
PERSON_WEIGHT = 3.0
RATES = (0.1, 0.25, 0.5, 0.7, 1.0, 2.0, 5.0)
SHIPPED_RATE = 0.7


@dataclass
class Table:
    """Measured places of one frame and whom they show: 0 nobody, -1 somebody hardly visible."""

    seed: int
    measured: Measured
    person: np.ndarray
    visible_persons: int


def centre_in(centre: np.ndarray, box: list[float]) -> bool:
    """Whether a box centre lies in a truth box grown by a quarter, at least 4 px."""
    margin = np.maximum((np.array(box[2:]) - box[:2]) / 4, 4)
    return bool((centre >= np.array(box[:2]) - margin).all() and (centre <= np.array(box[2:]) + margin).all())


def tables(frames: Path, seed: int) -> list[Table]:
    """Every frame of a seed."""
    truth = json.loads((frames / f"{seed}.truth.json").read_text(encoding="utf-8"))
    shown: dict[str, list[tuple[int, list[float], float]]] = {}
    for person in truth["persons"]:
        for look in person["frames"]:
            shown.setdefault(look["frame"], []).append((person["id"], look["xyxy_px"], look["visible"]))
    rows = []
    for meta in scan_folder(frames / str(seed)):
        measured = measured_places(load_image(meta), gsd_m_px=GSD_M_PX)
        assert measured is not None
        boxes = shown.get(meta.path.name, [])
        person = np.zeros(len(measured.values), dtype=int)
        for k, xyxy in enumerate(measured.xyxy_px):
            for number, box, visible in boxes:
                if centre_in((xyxy[:2] + xyxy[2:]) / 2, box):
                    person[k] = number if visible >= VISIBLE else -1
        seen = sum(visible >= VISIBLE for _, _, visible in boxes)
        rows.append(Table(seed=seed, measured=measured, person=person, visible_persons=seen))
    return rows


def fit(x: np.ndarray, y: np.ndarray, weight: np.ndarray, *, seed: int) -> dict[str, Any]:
    """Weights of the judge by L-BFGS on the weighted log loss with weight decay."""
    random = np.random.default_rng(seed)
    k, h = x.shape[1], HIDDEN
    cuts = np.cumsum([k * h, h, h, k])

    def parts(p: np.ndarray) -> list[np.ndarray]:
        return np.split(p, cuts)

    def loss(p: np.ndarray) -> tuple[float, np.ndarray]:
        w, b, v, u, c = parts(p)
        hidden = np.tanh(x @ w.reshape(k, h) + b)
        z = hidden @ v + x @ u + c
        value = (weight * (np.logaddexp(0, z) - y * z)).sum() / weight.sum()
        slope = weight * (1 / (1 + np.exp(-z)) - y) / weight.sum()
        back = np.outer(slope, v) * (1 - hidden**2)
        gradient = np.concatenate(
            [
                (x.T @ back).ravel() + DECAY * w,
                back.sum(axis=0),
                hidden.T @ slope + DECAY * v,
                x.T @ slope + DECAY * u,
                [slope.sum()],
            ]
        )
        return value + DECAY / 2 * float(w @ w + v @ v + u @ u), gradient

    start = np.concatenate(
        [
            random.normal(0, 0.5 / np.sqrt(k), k * h),
            np.zeros(h),
            random.normal(0, 0.3, h),
            np.zeros(k),
            [-4.0],
        ]
    )
    w, b, v, u, c = parts(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 150}).x)
    return {"hidden": w.reshape(k, h), "hidden_offset": b, "output": v, "direct": u, "offset": float(c[0])}


def judge(rows: list[Table]) -> dict[str, Any]:
    """The mean of a few seeded fits, written as one layer."""
    values = np.vstack([t.measured.values for t in rows]).astype(float)
    person = np.concatenate([t.person for t in rows])
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-6
    x = np.clip((values - mean) / scale, -5, 5)
    weight = np.where(person > 0, PERSON_WEIGHT, np.where(person < 0, 0.0, 1.0))
    fits = [fit(x, (person > 0).astype(float), weight, seed=s) for s in range(MEMBERS)]
    return {
        "mean": mean,
        "scale": scale,
        "hidden": np.hstack([f["hidden"] for f in fits]),
        "hidden_offset": np.concatenate([f["hidden_offset"] for f in fits]),
        "output": np.concatenate([f["output"] for f in fits]) / MEMBERS,
        "direct": np.mean([f["direct"] for f in fits], axis=0),
        "offset": float(np.mean([f["offset"] for f in fits])),
    }


def scores(weights: dict[str, Any], values: np.ndarray) -> np.ndarray:
    """As the detector computes them."""
    x = np.clip((values - weights["mean"]) / weights["scale"], -5, 5)
    odds = np.tanh(x @ weights["hidden"] + weights["hidden_offset"]) @ weights["output"]
    return 1 / (1 + np.exp(-(odds + x @ weights["direct"] + weights["offset"])))


def curve(judged: list[tuple[Table, np.ndarray]]) -> list[tuple[float, float, float]]:
    """(false candidates per frame, threshold, share of visible persons' looks found) at `RATES`."""
    items: list[tuple[float, bool]] = []
    for table, score in judged:
        seen: set[int] = set()
        for k in distinct(table.measured, score, gsd_m_px=GSD_M_PX):
            who = int(table.person[k])
            if who == 0 or (who > 0 and who not in seen):
                items.append((float(score[k]), who > 0))
            seen.add(who)
    items.sort(key=lambda item: -item[0])
    false, found, out = 0, 0, []
    looks = sum(t.visible_persons for t, _ in judged)
    for score, right in items:
        found, false = found + right, false + (not right)
        while len(out) < len(RATES) and false > RATES[len(out)] * len(judged):
            out.append((RATES[len(out)], round(score + 1e-4, 4), round(found / looks, 3)))
    return out


def main() -> None:
    """Measure, train, choose the threshold, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frames", type=Path)
    parser.add_argument("seeds", type=int, nargs="+")
    options = parser.parse_args()
    rows = [row for seed in options.seeds for row in tables(options.frames, seed)]
    write(rows, options.seeds)


def write(rows: list[Table], seeds: list[int]) -> None:
    """Train and write the weights file."""
    judged = []
    for fold in (seeds[i::3] for i in range(3)):
        weights = judge([t for t in rows if t.seed not in fold])
        judged += [(t, scores(weights, t.measured.values)) for t in rows if t.seed in fold]
    points = curve(judged)
    for rate, threshold, recall in points:
        print(f"{rate:5.2f} false per frame: threshold {threshold:.3f}, looks found {recall:.3f}")
    weights = judge(rows)
    data = {
        "note": "made by tests/bench/train_anomaly.py; rates are those of seeds left out of the training",
        "seeds": seeds,
        "measures": list(MEASURES),
        "threshold": next(threshold for rate, threshold, _ in points if rate == SHIPPED_RATE),
        "false_per_frame": [(rate, threshold) for rate, threshold, _ in points],
        **{
            k: np.round(v, 5).tolist() if isinstance(v, np.ndarray) else round(v, 5)
            for k, v in weights.items()
        },
    }
    path = Path(airbeat.detect.__file__).with_name("anomaly_weights.json")
    path.write_text(json.dumps(data) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
