"""Our detectors and what others use, on the same photographs in one run: recall, false alarms, time, memory.

Run: python tests/bench/detect_peers.py DATA [--centernet centernet.onnx] [--sets …] [--most N] [--out FILE]
DATA holds a folder for each set with annotations.json and images/. centernet.onnx is made by
tests/bench/tfjs_to_onnx.py. The peers:

- RX: what ADIAT (github.com/crgrove/adiat) does, restated: the frame is blurred, cut into segments, and every
  pixel scored by its Mahalanobis distance from its segment's mean (Reed and Yu 1990); joined pixels above the
  threshold are a candidate. Its fixed threshold is lowered here, so that a curve can be drawn.
- mean + kσ, as ADIAT does on thermal frames, likewise.
- HOG: OpenCV's people detector (Dalal and Triggs 2005), tile by tile, also enlarged twice.
- CenterNet: MobileNetV3 trained on COCO, tile by tile at the frame's own scale.

Times are those of the slowest of as many processes as there are cores (--cores), each on one thread with its
share of the photographs, as `airbeat detect` works; reading files is not counted. Ratios are of this run.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from aerial_sets import RGB, THERMAL, Row, gsd_of, rows_of

from airbeat.detect.catalogue import detector_named
from airbeat.detect.detections import Detections
from airbeat.detect.scoring import Pool, ScoredImage, bootstrap, score_image
from airbeat.frames.reader import load_image, read_frame_meta

RATES = (0.1, 0.5, 1.0, 5.0)
OURS = ("auto", "network", "anomaly")
SYNTHETIC_PX = (8000, 6000)
Found = Callable[..., Detections]


def blobs(mask: np.ndarray, strength: np.ndarray, *, least_px: int, name: str) -> Detections:
    """Joined pixels as boxes, scored by their strongest pixel brought to 0…1."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    if count == 1:
        return Detections.none()
    peak = np.zeros(count)
    np.maximum.at(peak, labels[closed > 0], strength[closed > 0])
    kept = np.flatnonzero((stats[:, 4] >= least_px) & (np.arange(count) > 0))
    kept = kept[np.argsort(-peak[kept])][:300]
    boxes = np.hstack([stats[kept, :2], stats[kept, :2] + stats[kept, 2:4]]).astype(float)
    return Detections.best_first(boxes, peak[kept] / (peak[kept] + 10), detector=name)


def rx(image: np.ndarray, *, gsd_m_px: float = math.nan, modality: str = "rgb") -> Detections:
    """Global RX on 2 × 2 segments."""
    blurred = cv2.blur(image, (5, 5))
    height, width = image.shape[:2]
    score = np.zeros((height, width), np.float32)
    for rows in (slice(0, height // 2), slice(height // 2, height)):
        for columns in (slice(0, width // 2), slice(width // 2, width)):
            pixels = blurred[rows, columns].reshape(-1, 3).astype(np.float32)
            apart = pixels - pixels.mean(axis=0)
            inverse = np.linalg.inv(np.cov(apart, rowvar=False) + 1e-3 * np.eye(3)).astype(np.float32)
            distance = np.einsum("ij,jk,ik->i", apart, inverse, apart, optimize=True)
            score[rows, columns] = np.sqrt(distance).reshape(blurred[rows, columns].shape[:2])
    return blobs(score > 5, score, least_px=10, name="rx")


def mean_sigma(image: np.ndarray, *, gsd_m_px: float = math.nan, modality: str = "rgb") -> Detections:
    """Grey above the frame's mean by k standard deviations."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    score = (grey - grey.mean()) / max(float(grey.std()), 1e-3)
    return blobs(score > 2.5, score, least_px=10, name="mean+ks")


def tiles(image: np.ndarray, side: int, overlap: int) -> Any:
    height, width = image.shape[:2]

    def starts(length: int) -> list[int]:
        count = max(1, math.ceil((length - overlap) / (side - overlap)))
        return [round(i * max(0, length - side) / max(1, count - 1)) for i in range(count)]

    for y in starts(height):
        for x in starts(width):
            yield x, y, image[y : y + side, x : x + side]


def distinct(boxes: list[list[float]], scores: list[float], *, name: str) -> Detections:
    if not boxes:
        return Detections.none()
    array = np.array(boxes)
    sides = np.hstack([array[:, :2], array[:, 2:] - array[:, :2]])
    kept = np.array(cv2.dnn.NMSBoxes(sides.tolist(), scores, 0.0, 0.45)).ravel().astype(int)
    return Detections.best_first(array[kept], np.array(scores)[kept], detector=name)


def hog(image: np.ndarray, *, gsd_m_px: float = math.nan, modality: str = "rgb") -> Detections:
    people = cv2.HOGDescriptor()
    people.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
    boxes, scores = [], []
    for x, y, tile in tiles(image, 640, 128):
        large = cv2.resize(tile, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
        found, sure = people.detectMultiScale(large, hitThreshold=-0.5, winStride=(8, 8), scale=1.08)
        for (left, top, wide, high), value in zip(found, np.ravel(sure), strict=True):
            # the descriptor's window holds a margin of an eighth around the person
            box = [left + wide / 8, top + high / 16, left + wide * 7 / 8, top + high * 15 / 16]
            boxes.append([box[0] / 2 + x, box[1] / 2 + y, box[2] / 2 + x, box[3] / 2 + y])
            scores.append(float(1 / (1 + np.exp(-2 * value))))
    return distinct(boxes, scores, name="hog")


class CenterNet:
    """A COCO network; class 0 is a person."""

    def __init__(self, path: Path) -> None:
        self.network = cv2.dnn.readNetFromONNX(str(path))

    def __call__(self, image: np.ndarray, *, gsd_m_px: float = math.nan, modality: str = "rgb") -> Detections:
        boxes, scores = [], []
        for x, y, tile in tiles(image, 512, 96):
            whole = np.zeros((512, 512, 3), np.uint8)
            whole[: tile.shape[0], : tile.shape[1]] = tile
            self.network.setInput(cv2.dnn.blobFromImage(whole, 1.0, swapRB=True))
            sure, edges = self.network.forward(["tower_0/keypoints", "tower_0/wh"])
            heat = sure[0, 0]
            rows, columns = np.nonzero((heat >= cv2.dilate(heat, np.ones((3, 3)))) & (heat > 0.03))
            left, top, right, bottom = edges[0][:, rows, columns]
            across, down = columns * 4 + x, rows * 4 + y
            boxes += np.column_stack([across - left, down - top, across + right, down + bottom]).tolist()
            scores += heat[rows, columns].astype(float).tolist()
        return distinct(boxes, scores, name="centernet")


def detectors(modality: str, centernet: Path | None, wanted: Sequence[str]) -> dict[str, Found]:
    every: dict[str, Found] = {name: detector_named(name, threshold=0.0) for name in OURS}
    if modality == "thermal":
        every["thermal"] = detector_named("thermal", threshold=0.0)
    every |= {"peer: RX": rx, "peer: mean + kσ": mean_sigma, "peer: HOG": hog}
    if centernet is not None:
        every["peer: CenterNet"] = CenterNet(centernet)
    return {n: d for n, d in every.items() if not wanted or any(w in n for w in wanted)}


Run = tuple[list[ScoredImage], float, float]
"""Judged images, seconds, megapixels."""


def share(detector: Found, rows: Sequence[Row], modality: str) -> Run:
    """One core's part."""
    scored, seconds, megapixels = [], 0.0, 0.0
    for name, labelled in rows:
        image = load_image(read_frame_meta(labelled.path))
        began = time.perf_counter()
        found = detector(image, gsd_m_px=gsd_of(name), modality=modality)
        seconds += time.perf_counter() - began
        megapixels += image.shape[0] * image.shape[1] / 1e6
        scored.append(score_image(found, labelled.persons_xyxy, labelled.ignored_xyxy))
    return scored, seconds, megapixels


def run(detector: Found, rows: Sequence[Row], modality: str, cores: int) -> Run:
    """All photographs over all cores; the seconds are the slowest core's."""
    receivers = []
    context = multiprocessing.get_context(
        "fork"
    )  # detectors hold networks, which cannot be sent to a process
    for core in range(cores):
        receiver, sender = context.Pipe(duplex=False)

        def part(sender: Any = sender, core: int = core) -> None:
            sender.send(share(detector, rows[core::cores], modality))

        context.Process(target=part, daemon=True).start()
        sender.close()
        receivers.append(receiver)
    parts = [receiver.recv() for receiver in receivers]
    images = [p[0][i] for i in range(max(len(p[0]) for p in parts)) for p in parts if i < len(p[0])]
    return images, max(p[1] for p in parts), sum(p[2] for p in parts)


def line(images: Sequence[ScoredImage], seconds: float, megapixels: float) -> dict[str, Any]:
    pool = Pool(images)
    row: dict[str, Any] = {
        "images": len(images),
        "persons": int(pool.persons.sum()),
        "ms_per_megapixel": 1000 * seconds / megapixels,
    }
    for rate in RATES:
        span = bootstrap(pool, partial(pool.recall_at, rate), draws=500)
        row[f"recall_at_{rate:g}"] = [span.value, span.low, span.high]
    row["average_precision"] = pool.average_precision()
    row["ten_best_hold_all"] = pool.whole_among_best(10).value
    return row


def said(label: str, row: dict[str, Any]) -> str:
    at = [f"{row[f'recall_at_{r:g}'][0]:.2f}" for r in RATES]
    low, high = row["recall_at_1"][1:]
    return (
        f"| {label} | {row['persons']} | {' | '.join(at)} | {low:.2f}–{high:.2f} | "
        f"{row['average_precision']:.2f} | {row['ten_best_hold_all']:.2f} | "
        f"{row['ms_per_megapixel']:.0f} |"
    )


MEMORY = """
import resource, numpy as np
from airbeat.detect.catalogue import detector_named
random = np.random.default_rng(0)
image = np.empty(({1}, {0}, 3), np.uint8)
for row in range(0, {1}, 500):
    image[row:row + 500] = random.integers(60, 200, (500, {0}, 3), dtype=np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
detector_named("{2}")(image, gsd_m_px={3}, modality="{4}")
print(before * 1.024e-3, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1.024e-3)
"""


def memory(modality: str) -> str:
    """Peak memory of the default detector on a made picture of 48 megapixels, in a process of its own."""
    code = MEMORY.format(*SYNTHETIC_PX, "auto", 0.02, modality)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = (float(v) for v in done.stdout.split())
    return f"{modality}: 48 megapixels, peak {after:.0f} MB, of which {before:.0f} MB Python and the picture"


Parts = dict[str, Run]


def pooled(parts: Parts, *, without: str = "") -> dict[str, Any]:
    kept = [p for name, p in parts.items() if name != without]
    return line([i for p in kept for i in p[0]], sum(p[1] for p in kept), sum(p[2] for p in kept))


def compared(name: str, rows: dict[str, dict[str, Any]]) -> str:
    """Ours against the best peer of the same set."""
    peers = {label: r for label, r in rows.items() if label.startswith("peer")}
    if not peers or "auto" not in rows:
        return ""
    best = max(peers, key=lambda label: peers[label]["recall_at_1"][0])
    ours = rows["auto"]["ms_per_megapixel"]
    times = [
        f"{label.removeprefix('peer: ')} {ours / r['ms_per_megapixel']:.2f}" for label, r in peers.items()
    ]
    return (
        f"{name}: recall at 1: auto {rows['auto']['recall_at_1'][0]:.3f}, best peer ({best}) "
        f"{peers[best]['recall_at_1'][0]:.3f}; auto's time over theirs: {', '.join(times)}"
    )


def measure(
    options: argparse.Namespace, modality: str, names: Sequence[str], results: dict[str, dict[str, Any]]
) -> None:
    """Every detector of a modality on every set; printed as it comes."""
    for label, detector in detectors(modality, options.centernet, options.detectors).items():
        parts: Parts = {}
        for name in names:
            rows = rows_of(options.data, [name])
            step = max(1, len(rows) // options.most) if options.most else 1
            parts[name] = run(detector, rows[::step], modality, options.cores)
            results.setdefault(name, {})[label] = line(*parts[name])
            print(said(f"{name}: {label}", results[name][label]), flush=True)
        if len(parts) > 1:
            for title, without in (("pooled", ""), ("pooled without backgrounds", "backgrounds")):
                results.setdefault(title, {})[label] = pooled(parts, without=without)
                print(said(f"{title}: {label}", results[title][label]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--centernet", type=Path)
    parser.add_argument("--sets", nargs="*", default=[*RGB, *THERMAL])
    parser.add_argument("--detectors", nargs="*", default=())
    parser.add_argument("--most", type=int, help="Images per set, evenly chosen.")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    results: dict[str, dict[str, Any]] = {}
    print(
        "| set: detector | persons | R@0.1 | R@0.5 | R@1 | R@5 | R@1 95 % | AP | ten best hold all | ms/MP |"
    )
    for modality, names in (("rgb", RGB), ("thermal", THERMAL)):
        chosen = [n for n in names if n in options.sets]
        if chosen:
            measure(options, modality, chosen, results)
    for name, rows in results.items():
        print(compared(name, rows))
    if not options.detectors:
        for modality in ("rgb", "thermal"):
            print(memory(modality), flush=True)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
