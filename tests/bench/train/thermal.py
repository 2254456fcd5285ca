"""Train the thermal person network: `python -m train.thermal HIT_UAV_FOLDER` in tests/bench.

Without options it writes `src/airbeat/detect/person_thermal.onnx` from all pictures. With `--folds 3` it
trains one network per fold of flights and writes what each finds in the flights that it was not trained on.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from .augment import Cutting, cut, degraded, pasted
from .coco import Picture, load_set
from .loop import Recipe, Sample, Sampler, train
from .net import write_onnx

__all__ = ["flight_of", "folds_of", "thermal_sampler"]

SIDE_PX = 256
SCALES = (0.5, 1.6)
PASTE_MARGIN = 0.25
STEPS = 5000


def flight_of(picture: Picture) -> tuple[str, str, str]:
    """Date, day or night, and altitude: all pitches and all runs of a flight together."""
    light, altitude, _, weather, _ = picture.name.split("_")
    return picture.about["date_captured"], f"{'night' if light == '1' else 'day'} weather {weather}", altitude


def folds_of(pictures: list[Picture], count: int) -> list[int]:
    """Fold of every picture: whole flights, day and night dealt out separately, the fullest first.

    Every flight goes to the fold that has the fewest persons and pictures (a picture counting as one person)
    of its light so far.
    """
    flights: dict[tuple[str, str, str], int] = defaultdict(int)
    for picture in pictures:
        flights[flight_of(picture)] += len(picture.persons) + 1
    fold: dict[tuple[str, str, str], int] = {}
    for light in sorted({flight[1] for flight in flights}):
        load = [0] * count
        for flight in sorted((f for f in flights if f[1] == light), key=lambda f: (-flights[f], f)):
            fold[flight] = load.index(min(load))
            load[fold[flight]] += flights[flight]
    return [fold[flight_of(picture)] for picture in pictures]


def thermal_sampler(pictures: list[Picture]) -> Sampler:
    """Crops of thermal pictures: mostly around persons, scaled, turned, with persons of others pasted in."""
    peopled = [p for p in pictures if len(p.persons)]
    cutouts = [(p, box) for p in peopled for box in p.persons if min(box[2:] - box[:2]) >= 6]

    def paste(image: np.ndarray, taken: np.ndarray, scale: float, random: np.random.Generator) -> np.ndarray:
        added = []
        for _ in range(int(random.integers(1, 5))):
            source, box = cutouts[random.integers(len(cutouts))]
            wide, high = (box[2:] - box[:2]) * (1 + 2 * PASTE_MARGIN)
            resized = scale * math.exp(random.uniform(-0.35, 0.25))
            side = max(8, round(wide * resized)), max(8, round(high * resized))
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
        about_person = random.random() < 0.7
        source = peopled if about_person else pictures
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
        if random.random() < 0.4:
            persons = np.vstack([persons, paste(image, np.vstack([persons, ignored]), scale, random)])
        return Sample(degraded(image, random, invert=0.06), persons, ignored)

    return sample


def main() -> None:
    """Train on all pictures or by folds, and write the networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("../../src/airbeat/detect/person_thermal.onnx"))
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--only-fold", type=int, default=None)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--any-data", action="store_true", help="do not check the set's hash")
    options = parser.parse_args()
    pictures = load_set(options.folder, licensed_as=None if options.any_data else "hit-uav-thermal")
    recipe = Recipe(modality="thermal", steps=options.steps, side_px=SIDE_PX)
    if not options.folds:
        write_onnx(train(thermal_sampler(pictures), recipe), options.out)
        return
    folds = folds_of(pictures, options.folds)
    for held_out in range(options.folds):
        if options.only_fold in (None, held_out):
            kept = [p for p, fold in zip(pictures, folds, strict=True) if fold != held_out]
            path = options.out.with_name(f"{options.out.stem}_fold{held_out}of{options.folds}.onnx")
            write_onnx(train(thermal_sampler(kept), recipe), path)


if __name__ == "__main__":
    main()
