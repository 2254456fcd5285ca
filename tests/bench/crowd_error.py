"""Measures how wrong counting persons over a zone is, and writes it into src/airbeat/detect/calibration.json.

Run: python tests/bench/crowd_error.py DATA --sets hit-uav-thermal [--detector network] [--most N] [--write]
Every frame is cut into four zones. The factor is persons over the sum of probabilities; it and the error are
found on one half of the frames and the error told of the other, and the other way round.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
from aerial_sets import THERMAL, Row, rows_of, searched, write_tables

import airbeat.detect
from airbeat.detect.catalogue import detector_named
from airbeat.detect.crowd import LEAST_PROBABILITY, CrowdError, expected_persons
from airbeat.detect.detections import Detections

OUT = Path(airbeat.detect.__file__).parent / "calibration.json"


def quarters(width: int, height: int) -> list[shapely.Polygon]:
    x, y = (0, width / 2, width), (0, height / 2, height)
    return [shapely.box(x[i], y[j], x[i + 1], y[j + 1]) for i in (0, 1) for j in (0, 1)]


def table_of(found: Sequence[Detections], rows: Sequence[Row]) -> np.ndarray:
    """(zones, 3): number of the frame, sum of probabilities, persons; zones with ignored regions left out."""
    table = []
    for number, (boxes, (_, image)) in enumerate(zip(found, rows, strict=True)):
        persons = (image.persons_xyxy[:, :2] + image.persons_xyxy[:, 2:]) / 2
        ignored = shapely.union_all([shapely.box(*r) for r in image.ignored_xyxy])
        for zone in quarters(image.width_px, image.height_px):
            if not zone.intersects(ignored):
                truth = int(shapely.intersects_xy(zone, persons[:, 0], persons[:, 1]).sum())
                table.append((number, expected_persons(boxes, zone), truth))
    return np.array(table, float).reshape(-1, 3)


def fitted(table: np.ndarray) -> CrowdError:
    """Factor by ratio of sums; the deviation's two parts by least squares on squared errors."""
    factor = table[:, 2].sum() / max(table[:, 1].sum(), 1e-9)
    count = factor * table[:, 1]
    squared = (count - table[:, 2]) ** 2
    empty = table[:, 2] == 0
    floor = float(squared[empty].mean()) if empty.any() else float(squared.min())
    rest = np.clip(squared[~empty] - floor, 0, None).sum() / max((count[~empty] ** 2).sum(), 1e-9)
    return CrowdError(factor=float(factor), floor_persons=floor**0.5, share=float(rest**0.5))


def told(table: np.ndarray, error: CrowdError) -> dict[str, float]:
    count = error.factor * table[:, 1]
    wrong = count - table[:, 2]
    reach = 1.959964 * np.array([error.deviation(c) for c in count])
    many = table[:, 2] >= 5
    return {
        "zones": len(table),
        "persons": float(table[:, 2].sum()),
        "counted": float(count.sum()),
        "mean_absolute_error": float(np.abs(wrong).mean()),
        "bias_per_zone": float(wrong.mean()),
        "zones_with_5_or_more": int(many.sum()),
        "their_relative_error": float((np.abs(wrong[many]) / table[many, 2]).mean()) if many.any() else 0.0,
        "in_95_interval": float((np.abs(wrong) <= reach).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=list(THERMAL))
    parser.add_argument("--detector", default="network")
    parser.add_argument("--most", type=int)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    modality = "thermal" if set(options.sets) <= set(THERMAL) else "rgb"
    rows = rows_of(options.data, options.sets)
    rows = rows[:: max(1, len(rows) // options.most)] if options.most else rows
    detector = detector_named(options.detector, threshold=LEAST_PROBABILITY)
    table = table_of(searched(detector, rows, modality=modality), rows)
    halves = [table[table[:, 0] % 2 == k] for k in (0, 1)]
    parts = [told(halves[1 - k], fitted(halves[k])) for k in (0, 1) if len(halves[k]) and len(halves[1 - k])]
    for part in parts:
        print({k: round(v, 3) for k, v in part.items()})
    error = fitted(table)
    print(error)
    if options.write:
        document = json.loads(OUT.read_text(encoding="utf-8"))
        entry = {
            "factor": round(error.factor, 4),
            "floor_persons": round(error.floor_persons, 4),
            "share": round(error.share, 4),
            "sets": options.sets,
            "held_out": [{k: round(v, 3) for k, v in p.items()} for p in parts],
        }
        document.setdefault("crowd", {})[modality] = entry
        write_tables(OUT, document)


if __name__ == "__main__":
    main()
