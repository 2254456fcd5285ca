"""Measures how wrong counting persons over a zone is, and writes it into src/airbeat/detect/calibration.json.

Run: python tests/bench/crowd_error.py DATA --kind thermal --folds FOLDS [--every 2] [--write]
     python tests/bench/crowd_error.py DATA --kind rgb [--write]
     python tests/bench/crowd_error.py RENDERED --kind exercise [--write]

Zones are quarters of frames, and whole frames; those with ignored regions are left out. Of the ways to count
(boxes above a probability, each as one or as its probability) and their factors the one that errs least is
chosen on one half of the flights and judged on the other, and the other way round; of photographs on all
places but one, and judged on that one. Photographs are also searched enlarged. ``--folds`` names the
folder of ``train.thermal --folds 3``: each frame is then searched by a network and a second look that were
not trained on its flight.
RENDERED is what ``embedded_frames.py --dense`` wrote. ``--table`` prints every way beside every other.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import shapely
from aerial_sets import RGB, THERMAL, Row, gsd_of, rows_of, write_tables

import airbeat.detect
import airbeat.detect.network as networks
from airbeat.detect.catalogue import detector_named
from airbeat.detect.cocofile import CocoImage
from airbeat.detect.crowd import CrowdError, counted
from airbeat.detect.detections import Detections
from airbeat.frames.reader import load_image, read_frame_meta
from airbeat.locate.ground import gsd_m_px

OUT = Path(airbeat.detect.__file__).parent / "calibration.json"
LEAST = (0.02, 0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.5, 0.6)
ENLARGED = (1.0, 1.5)
"""Photographs of a known GSD are searched so many times larger than for single persons."""
WAYS = tuple(
    (least, weighted, k) for k in range(len(ENLARGED)) for least in LEAST for weighted in (True, False)
)
MANY = 5
"""Relative errors are told of zones with at least so many persons."""
SEEN_SHARE = 0.5
"""Rendered persons of whom less is visible count as hidden, and are not asked for."""

_EDGE_PX = 1e-6
"""A zone that ignored regions were cut out of still touches them."""

Zone = shapely.Polygon


def quarters(width: int, height: int) -> list[Zone]:
    x, y = (0, width / 2, width), (0, height / 2, height)
    return [shapely.box(x[i], y[j], x[i + 1], y[j + 1]) for i in (0, 1) for j in (0, 1)]


def whole(width: int, height: int) -> list[Zone]:
    return [shapely.box(0, 0, width, height)]


def table_of(
    found: Sequence[Sequence[Detections]], rows: Sequence[Row], zones: Callable[[int, int], list[Zone]]
) -> np.ndarray:
    """(zones, 2 + ways): number of the flight, persons, and what each way counts.

    Boxes are those of each frame by enlargement. Thermal zones with ignored regions are left out; nearly
    every photograph has some, and they are cut out of it.
    """
    flights = {name: n for n, name in enumerate(dict.fromkeys(map(flight_of, rows)))}
    table = []
    for boxes, row in zip(found, rows, strict=True):
        image = row[1]
        persons = (image.persons_xyxy[:, :2] + image.persons_xyxy[:, 2:]) / 2
        ignored = shapely.union_all([shapely.box(*r) for r in image.ignored_xyxy])
        for zone in zones(image.width_px, image.height_px):
            if row[0] not in THERMAL:
                zone = zone.difference(ignored)
            if not zone.is_empty and not zone.intersects(ignored.buffer(-_EDGE_PX)):
                truth = int(shapely.intersects_xy(zone, persons[:, 0], persons[:, 1]).sum())
                ways = [counted(boxes[k % len(boxes)], zone, least=a, weighted=b) for a, b, k in WAYS]
                table.append((flights[flight_of(row)], truth, *ways))
    return np.array(table, float).reshape(-1, 2 + len(WAYS))


def flight_of(row: Row) -> str:
    """The flight, or of photographs the place: what is counted there is measured at others alone.

    HIT-UAV names light, altitude, pitch and weather, SDD the place; DAC-SDC and drawn frames stand alone.
    """
    name = row[1].path.name
    if row[0] in THERMAL:
        return "_".join(name.split("_")[:4])
    if row[0] == "sdd-nadir":
        return name.split("_")[0]
    return row[0] if row[0] in ("boruszyn-kite", "brighton-nadir40", "unicamp-oblique") else str(row[1].path)


def fitted(table: np.ndarray, way: int | None = None) -> tuple[int, CrowdError]:
    """The way that errs least on a table, its factor by ratio of sums, and the deviation's two parts.

    The parts are found by least squares on squared errors.
    """
    truth = table[:, 1]
    ways = range(len(WAYS)) if way is None else [way]
    factors = {w: truth.sum() / max(table[:, 2 + w].sum(), 1e-9) for w in ways}
    best = min(ways, key=lambda w: float(np.abs(factors[w] * table[:, 2 + w] - truth).sum()))
    count = factors[best] * table[:, 2 + best]
    squared = (count - truth) ** 2
    empty = truth == 0
    floor = float(squared[empty].mean()) if empty.any() else float(squared.min())
    rest = np.clip(squared[~empty] - floor, 0, None).sum() / max((count[~empty] ** 2).sum(), 1e-9)
    error = CrowdError(
        factor=float(factors[best]),
        floor_persons=floor**0.5,
        share=float(rest**0.5),
        least=WAYS[best][0],
        weighted=WAYS[best][1],
        enlarged=ENLARGED[WAYS[best][2]],
    )
    return best, error


def told(tables: Sequence[tuple[np.ndarray, int, CrowdError]]) -> dict[str, float]:
    """Errors over tables, each counted in the way and with the factor that the others gave."""
    parts = [(t[:, 1], e.factor * t[:, 2 + way], e) for t, way, e in tables]
    truth = np.concatenate([t for t, _, _ in parts])
    count = np.concatenate([c for _, c, _ in parts])
    reach = np.concatenate([1.959964 * np.array([e.deviation(c) for c in cs]) for _, cs, e in parts])
    wrong = np.abs(count - truth)
    many = truth >= MANY
    return {
        "zones": len(truth),
        "persons": float(truth.sum()),
        "counted": float(count.sum()),
        "absolute_error_share": float(wrong.sum() / max(truth.sum(), 1.0)),
        "zones_with_5_or_more": int(many.sum()),
        "their_mean_relative_error": float((wrong[many] / truth[many]).mean()) if many.any() else 0.0,
        "in_95_interval": float((wrong <= reach).mean()),
    }


def crossed(table: np.ndarray, way: int | None = None, *, parts: int = 2) -> dict[str, float]:
    """Errors on each part of the flights (every so many-th), counted as the others say."""
    part = table[:, 0] % parts
    judged = []
    for k in np.unique(part):
        if (part != k).any():
            judged.append((table[part == k], *fitted(table[part != k], way)))
    return told(judged)


def _used_by_fold(folder: Path, weights: Path) -> Callable[[str], None]:
    """Sets the thermal network and the second look that know nothing of a frame's flight, by its name."""
    from train.coco import load_set
    from train.second import looks_without
    from train.thermal import STEPS, fold_weights, searched_by_folds, trusted

    pictures = load_set(folder)
    paths = [fold_weights(weights, STEPS, k, 3) for k in range(3)]
    folds, found = searched_by_folds(pictures, paths)
    looks, _, _ = looks_without(pictures, found, folds, trusted(pictures))
    nets = [cv2.dnn.readNetFromONNX(str(path)) for path in paths]
    fold_of = {Path(p.name).name: fold for p, fold in zip(pictures, folds, strict=True)}
    shipped = networks.network_figures("thermal")

    def use(name: str) -> None:
        figures = replace(shipped, second_look=looks[fold_of[name]])
        networks.network_figures = lambda _modality: figures
        networks._per_thread.networks["thermal"] = nets[fold_of[name]]

    return use


def searched_rgb_thermal(options: argparse.Namespace) -> tuple[list[list[Detections]], list[Row]]:
    """Boxes of the labelled sets, from the shipped networks or from those of ``--folds``, by enlargement."""
    sets = THERMAL if options.kind == "thermal" else [n for n in RGB if n != "backgrounds"]
    rows = rows_of(options.data, sets)[:: options.every]
    detector = detector_named("network", threshold=min(LEAST))
    use = _used_by_fold(options.data / sets[0], options.folds) if options.folds else None
    found = []
    for name, image in rows:
        if use is not None:
            use(image.path.name)
        picture = load_image(read_frame_meta(image.path))
        sizes = ENLARGED if options.kind == "rgb" else ENLARGED[:1]
        gsds = [size * gsd_of(name) for size in sizes]
        found.append([detector(picture, gsd_m_px=gsd, modality=options.kind) for gsd in gsds])
    return found, rows


def searched_rendered(options: argparse.Namespace) -> tuple[list[list[Detections]], list[Row]]:
    """Boxes of drawn frames by the exercise detector, and the persons that are visible in them."""
    detector = detector_named("exercise", threshold=min(LEAST))
    found, rows = [], []
    for truth in sorted(options.data.glob("*.truth.json")):
        seen: dict[str, list[list[float]]] = {}
        for person in json.loads(truth.read_text())["persons"]:
            for look in person["frames"]:
                if look["visible"] >= SEEN_SHARE:
                    seen.setdefault(look["frame"], []).append(look["xyxy_px"])
        for path in sorted((options.data / truth.name.split(".")[0]).glob("*.JPG"))[:: options.every]:
            meta = read_frame_meta(path)
            boxes = np.array(seen.get(path.name, []), float).reshape(-1, 4)
            image = CocoImage(
                path=path,
                width_px=meta.width_px,
                height_px=meta.height_px,
                persons_xyxy=boxes,
                ignored_xyxy=np.empty((0, 4)),
            )
            rows.append(("rendered", image))
            found.append([detector(load_image(meta), gsd_m_px=gsd_m_px(meta), modality="rgb")])
    return found, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--kind", choices=("thermal", "rgb", "exercise"), required=True)
    parser.add_argument("--folds", type=Path)
    parser.add_argument("--every", type=int, default=1, help="only every so many frames")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    search = searched_rendered if options.kind == "exercise" else searched_rgb_thermal
    found, rows = search(options)
    tables = {
        "quarters of frames": table_of(found, rows, quarters),
        "whole frames": table_of(found, rows, whole),
    }
    parts = len(set(map(flight_of, rows))) if options.kind == "rgb" else 2
    held_out = {name: crossed(table, parts=parts) for name, table in tables.items()}
    for name, figures in held_out.items():
        print(name, {k: round(v, 3) for k, v in figures.items()})
    if options.table:
        for way, (least, weighted, size) in enumerate(WAYS):
            for name, table in tables.items():
                figures = crossed(table, way, parts=parts)
                print(
                    f"{'sum' if weighted else 'boxes'} >= {least:g}, {ENLARGED[size]:g} times, {name}: "
                    f"{figures['absolute_error_share']:.3f} of all persons, "
                    f"{figures['their_mean_relative_error']:.3f} where {MANY} or more"
                )
    _, error = fitted(np.vstack(list(tables.values())))
    print(error)
    if options.write:
        document = json.loads(OUT.read_text(encoding="utf-8"))
        entry = {
            "factor": round(error.factor, 4),
            "floor_persons": round(error.floor_persons, 4),
            "share": round(error.share, 4),
            "least": error.least,
            "weighted": error.weighted,
            "enlarged": error.enlarged,
            "frames": len(rows),
            "sets": sorted({name for name, _ in rows}),
            "held_out_by_flight": {
                name: {k: round(v, 3) for k, v in figures.items()} for name, figures in held_out.items()
            },
            "networks_not_trained_on_the_flight": bool(options.folds) or options.kind != "thermal",
        }
        document.setdefault("crowd", {})[options.kind] = entry
        write_tables(OUT, document)


if __name__ == "__main__":
    main()
