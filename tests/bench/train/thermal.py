"""Train the thermal person network: `python -m train.thermal HIT_UAV_FOLDER` in tests/bench.

Without options it writes `src/airbeat/detect/person_thermal.onnx`, made from all pictures. With `--folds 3`
it trains one network per fold of flights, searches the flights that each was not trained on, and writes what
was found as `person_thermal.json` beside the weights.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import torch

from airbeat.detect.rescoring import EVIDENCE, SecondLook

from .augment import Cutting, cut, degraded, pasted
from .coco import LICENSED, Picture, load_set
from .figures import held_out, write_figures
from .loop import Recipe, Sample, Sampler, train
from .net import HeatNet, write_onnx
from .score import Judged
from .second import Found, judged_again

__all__ = ["flights_of", "fold_weights", "folds_of", "searched_by_folds", "thermal_sampler", "trusted"]

Flight = tuple[str, ...]

RUN_GAP = 60
SIDE_PX, BATCH, PEAK_RATE, WARM_UP = 192, 8, 2e-3, 300
SCALES = (0.75, 1.35)
WIDTHS, DEPTHS = (16, 32, 80), (1, 2, 3)
PASTE_MARGIN = 0.25
STEPS = 6000
SET = "hit-uav-thermal"
WEIGHTS = Path(__file__).parents[3] / "src/airbeat/detect/person_thermal.onnx"

UNLABELLED = ("1_130_90_0_0405", "1_130_90_0_0406", "1_130_90_0_0407")
"""Pictures beginning so are labelled as showing nobody, but all seven show six players. They train nothing
and do not count as pictures without persons; in all other figures they count as they are labelled."""

GSD_RANGE_M_PX = (0.03, 0.15)
"""Frames of these GSDs are searched as they are: persons of 8 to 30 px [m/px]."""

SCALES_SEARCHED = (1.0,)
MIRRORED = False
DOUBTFUL_PER_MEGAPIXEL = 24
"""Eight in a frame: a tenth of the time."""


def flights_of(pictures: list[Picture]) -> list[Flight]:
    """Flight of every picture: light, altitude, pitch, weather, date, and run of its number.

    The first four are fields of the file name. Pictures that share them and the date are one flight as long
    as their numbers, the last field, follow each other by no more than `RUN_GAP`.
    """
    fields = [(*p.name.split("_")[:4], p.about["date_captured"]) for p in pictures]
    numbers = [int(Path(p.name).stem.split("_")[4]) for p in pictures]
    flights: list[Flight] = [("",)] * len(pictures)
    run, before = 0, (("",), 0)
    for k in sorted(range(len(pictures)), key=lambda k: (fields[k], numbers[k])):
        if fields[k] != before[0] or numbers[k] - before[1] > RUN_GAP:
            run = numbers[k]
        before = (fields[k], numbers[k])
        flights[k] = (*fields[k], f"{run:05d}")
    return flights


def folds_of(pictures: list[Picture], count: int) -> list[int]:
    """Fold of every picture: whole flights, day and night dealt out separately, the fullest first.

    Every flight goes to the fold that has the fewest persons and pictures (a picture counting as one person)
    of its light so far.
    """
    sizes: dict[Flight, int] = defaultdict(int)
    flights = flights_of(pictures)
    for flight, picture in zip(flights, pictures, strict=True):
        sizes[flight] += len(picture.persons) + 1
    fold: dict[Flight, int] = {}
    for light in sorted({flight[0] for flight in sizes}):
        load = [0] * count
        for flight in sorted((f for f in sizes if f[0] == light), key=lambda f: (-sizes[f], f)):
            fold[flight] = load.index(min(load))
            load[fold[flight]] += sizes[flight]
    return [fold[flight] for flight in flights]


def thermal_sampler(pictures: list[Picture]) -> Sampler:
    """Crops of thermal pictures: mostly around persons, scaled, turned, with persons of others pasted in."""
    peopled = [p for p in pictures if len(p.persons)]
    empty = [p for p in pictures if not len(p.persons)] or pictures
    cutouts = [(p, box) for p in peopled for box in p.persons if min(box[2:] - box[:2]) >= 6]

    def paste(image: np.ndarray, taken: np.ndarray, scale: float, random: np.random.Generator) -> np.ndarray:
        added = []
        for _ in range(int(random.integers(1, 5))):
            source, box = cutouts[random.integers(len(cutouts))]
            wide, high = (box[2:] - box[:2]) * (1 + 2 * PASTE_MARGIN)
            resized = scale * math.exp(random.uniform(-0.35, 0.25))
            side = max(8, round(wide * resized)), max(8, round(high * resized))
            if max(side) >= SIDE_PX:
                continue
            middle = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
            patch = cv2.resize(cv2.getRectSubPix(source.bgr, (round(wide), round(high)), middle), side)
            if random.random() < 0.5:
                patch = np.ascontiguousarray(patch[:, ::-1])
            left, top = (int(random.integers(0, SIDE_PX - s)) for s in side)
            inner = (box[2:] - box[:2]) * resized / 2
            at = np.array([left + side[0] / 2, top + side[1] / 2])
            near = ((taken[:, :2] - inner < at) & (at < taken[:, 2:] + inner)).all(axis=1)
            if near.any():
                continue
            gain = math.exp(random.uniform(-0.5, 0.3)) * (-1 if random.random() < 0.1 else 1)
            pasted(image, patch, left, top, gain=gain)
            new = np.array([[*(at - inner), *(at + inner)]], np.float32)
            taken = np.vstack([taken, new])
            added.append(new)
        return np.vstack([np.empty((0, 4), np.float32), *added])

    def sample(random: np.random.Generator) -> Sample:
        kind = random.random()
        about_person = kind < 0.68
        source = peopled if about_person else empty if kind < 0.8 else pictures
        picture = source[random.integers(len(source))]
        height, width = picture.bgr.shape[:2]
        scale = math.exp(random.uniform(*np.log(SCALES)))
        reach = SIDE_PX / 2 / scale
        if about_person:
            box = picture.persons[random.integers(len(picture.persons))]
            middle = (box[:2] + box[2:]) / 2 + random.uniform(-0.8, 0.8, 2) * reach
        else:
            middle = random.uniform(0, 1, 2) * (width, height)
        keep = 0.85 * min(reach, width / 2, height / 2)
        x, y = (float(np.clip(m, keep, s - keep)) for m, s in zip(middle, (width, height), strict=True))
        turn_deg = random.uniform(-180, 180) if random.random() < 0.15 else random.normal(0, 8)
        cutting = Cutting((x, y), scale, turn_deg, bool(random.random() < 0.5), SIDE_PX)
        image, persons, ignored = cut(picture, cutting)
        image = image.astype(np.float32)
        if random.random() < 0.25:
            persons = np.vstack([persons, paste(image, np.vstack([persons, ignored]), scale, random)])
        if random.random() < 0.7:
            image = degraded(image, random, invert=0.03)
        return Sample(image, persons, ignored)

    return sample


def trained(pictures: list[Picture], recipe: Recipe) -> HeatNet:
    """The network after training on the pictures, from fresh weights drawn with the recipe's seed."""
    torch.manual_seed(recipe.seed)
    return train(thermal_sampler(pictures), recipe, network=HeatNet(WIDTHS, DEPTHS))


def light_parts(pictures: list[Picture]) -> dict[str, list[int]]:
    """Numbers of the pictures by day and by night."""
    parts: dict[str, list[int]] = {"day": [], "night": []}
    for number, picture in enumerate(pictures):
        parts["night" if picture.name.startswith("1_") else "day"].append(number)
    return parts


def fold_weights(work: Path, steps: int, fold: int, count: int) -> Path:
    """Where the network of a fold is kept."""
    return work / f"thermal_{steps}_fold{fold}of{count}.onnx"


def searched_by_folds(pictures: list[Picture], weights: list[Path]) -> tuple[list[int], list[Found]]:
    """Fold of every picture, and what the network that never saw its flight finds: one network per fold."""
    folds = folds_of(pictures, len(weights))
    found: dict[int, Found] = {}
    for fold, path in enumerate(weights):
        numbers = [k for k, f in enumerate(folds) if f == fold]
        boxes = held_out(
            path,
            [pictures[k] for k in numbers],
            "thermal",
            scales=SCALES_SEARCHED,
            mirrored=MIRRORED,
            doubtful_per_megapixel=DOUBTFUL_PER_MEGAPIXEL,
        )
        found |= dict(zip(numbers, boxes, strict=True))
    return folds, [found[k] for k in range(len(pictures))]


def trusted(pictures: list[Picture]) -> list[bool]:
    """Which pictures are labelled."""
    return [not p.name.startswith(UNLABELLED) for p in pictures]


def cross_validate(
    pictures: list[Picture], recipe: Recipe, count: int, work: Path
) -> tuple[list[Judged], SecondLook]:
    """Train a network per fold, or take the one in `work`, and judge each on the flights it never saw.

    The second look at what a fold's network found is fitted to what the others found in theirs; one fitted to
    all is returned too.
    """
    folds, weights = folds_of(pictures, count), []
    for fold in range(count):
        weights.append(path := fold_weights(work, recipe.steps, fold, count))
        if not path.exists():
            write_onnx(trained(without(pictures, folds, fold), recipe), path, half=True)
    _, found = searched_by_folds(pictures, weights)
    return judged_again(pictures, found, folds, trusted(pictures))


def without(pictures: list[Picture], folds: Iterable[int], fold: int) -> list[Picture]:
    """The pictures of all folds but one, those that are not labelled left out too."""
    return [
        p for p, f in zip(pictures, folds, strict=True) if f != fold and not p.name.startswith(UNLABELLED)
    ]


def main() -> None:
    """Train on all pictures, or cross-validate by flights and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the set hit-uav-thermal")
    parser.add_argument(
        "--folds", type=int, default=0, help="cross-validate by flights and write the figures"
    )
    parser.add_argument("--only-fold", type=int, default=None, help="train the network of this fold, no more")
    parser.add_argument("--work", type=Path, default=Path(), help="where the folds' networks are kept")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--any-data", action="store_true", help="do not check the set's hash")
    options = parser.parse_args()
    pictures = load_set(options.folder, licensed_as=None if options.any_data else SET)
    trained_on = [p for p in pictures if not p.name.startswith(UNLABELLED)]
    recipe = Recipe(
        modality="thermal",
        steps=options.steps,
        batch=BATCH,
        side_px=SIDE_PX,
        peak_rate=PEAK_RATE,
        warm_up=WARM_UP,
    )
    if not options.folds:
        write_onnx(trained(trained_on, recipe), options.out, half=True)
        return
    if options.only_fold is not None:
        path = fold_weights(options.work, recipe.steps, options.only_fold, options.folds)
        kept = without(pictures, folds_of(pictures, options.folds), options.only_fold)
        write_onnx(trained(kept, recipe), path, half=True)
        return
    judged, look = cross_validate(pictures, recipe, options.folds, options.work)
    groups = flights_of(pictures)
    about = {
        "note": f"made by tests/bench/train/thermal.py --folds {options.folds}",
        "modality": "thermal",
        "trained_on": {SET: {"sha256": LICENSED[SET].sha256, "licence": LICENSED[SET].licence}},
        "unlabelled": UNLABELLED,
        "steps": options.steps,
        "gsd_range_m_px": GSD_RANGE_M_PX,
        "unknown_gsd_scales": SCALES_SEARCHED,
        "mirrored": MIRRORED,
        "doubtful_per_megapixel": DOUBTFUL_PER_MEGAPIXEL,
        "second_look": {
            "offset": look.offset,
            "evidence": dict(zip(EVIDENCE, zip(look.middle, look.spread, strict=True), strict=True)),
            "weights": look.weights,
        },
    }
    unlabelled = [p.name.startswith(UNLABELLED) for p in pictures]
    parts = light_parts(pictures)
    result = write_figures(options.out, judged, groups, about=about, parts=parts, unlabelled=unlabelled)
    print(json.dumps({key: result[key] for key in ("threshold", "measured", "measured_parts")}, indent=1))


if __name__ == "__main__":
    main()
