"""Train the RGB person network: `python -m train.rgb SETS FRAMES` in tests/bench.

SETS holds the free photographs (see `train.photos`), FRAMES the embedded camera's dense photographs, made by
`python tests/bench/embedded_frames.py --dense FRAMES 200 … 211`. Everything else is drawn: people, things,
ground. Two rounds: the second on ground on which the first was most wrong. Drawing counts: the whole takes
less than an hour on two cores, and prints what it took.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from .coco import WrongDataError
from .grounds import Grounds
from .loop import Recipe, train
from .mining import hardest
from .net import HeatNet, write_onnx
from .photos import digest_of_sources, load_photos
from .scenes import Ground, Scenes, Views, draw_ground
from .simulated import simulated_grounds
from .sprites import draw_pool

__all__ = ["WIDTHS", "Material", "draw_material", "train_rgb"]

SETS_SHA256 = "16275de97b31e7376ab4af912f76072a71db63e04fe475b784b70d51cfdaba3e"
FRAME_SEEDS = list(range(200, 212))
SIDE_PX, GROUND_PX, CLUTTER_PX = 208, 336, 256
PEOPLE, THINGS, GROUNDS, LEAVES = 2400, 800, 1500, 120
TILES_PER_FRAME = 6
WIDTHS, DEPTHS = (16, 24, 56), (0, 2, 3)
ROUNDS = (2600, 2600)
RATES = (3e-3, 1.5e-3)
MINED_OF, MINED = 2500, 500
SEED = 1


@dataclass(slots=True)
class Material:
    """What pictures are made of: grounds and sprites by view, leaves to hide behind."""

    grounds: dict[str, list[Ground]]
    leaves: list[np.ndarray]
    views: dict[str, Views]

    def sampler(self) -> Scenes:
        """Draws pictures of it."""
        return Scenes(self.grounds, self.leaves, self.views, side_px=SIDE_PX)


def draw_material(sets: Path, frames: Path, *, workers: int) -> tuple[Material, Grounds]:
    """Draw sprites and grounds, and load photographs; also gives what draws more ground."""
    views = {}
    for number, view in enumerate(("oblique", "steep")):
        people = draw_pool("people", view, PEOPLE, 10 * SEED + 1 + number, workers=workers)
        things = draw_pool("things", view, THINGS, 10 * SEED + 3 + number, workers=workers)
        views[view] = Views(people=people, things=things)
    more = Grounds(load_photos(sets, held_out=False), GROUND_PX)
    random = np.random.default_rng(SEED)
    grounds = {
        view: [draw_ground(random, more, view) for _ in range(GROUNDS)] for view in ("steep", "oblique")
    }
    leaves = [more.crop(random, "oblique")[0] for _ in range(LEAVES)]
    grounds["steep"] += simulated_grounds(
        frames, FRAME_SEEDS, random, side_px=GROUND_PX, per_frame=TILES_PER_FRAME
    )
    return Material(grounds=grounds, leaves=leaves, views=views), more


def train_rgb(material: Material, more: Grounds, out: Path, *, rounds: tuple[int, int]) -> None:
    """Train in two rounds and write the network."""
    network = HeatNet(WIDTHS, DEPTHS)
    for number, steps in enumerate(rounds):
        recipe = Recipe(
            modality="rgb",
            steps=steps,
            side_px=SIDE_PX,
            seed=SEED + number,
            peak_rate=RATES[number],
            samplers=1,
        )
        network = train(material.sampler(), recipe, network=network)
        write_onnx(network, out)
        if number == 0:
            for view, kept in material.grounds.items():
                draw = partial(draw_ground, np.random.default_rng(SEED + 100), more, view)
                kept += hardest(out, draw, of=MINED_OF, keep=MINED)


def main() -> None:
    """Draw, train and write the network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    parser.add_argument("frames", type=Path)
    parser.add_argument("--out", type=Path, default=Path("../../src/airbeat/detect/person_rgb.onnx"))
    parser.add_argument("--steps", type=int, nargs=2, default=ROUNDS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--any-data", action="store_true", help="do not check the sets' hash")
    options = parser.parse_args()
    if not options.any_data and (digest := digest_of_sources(options.sets)) != SETS_SHA256:
        raise WrongDataError(f"{options.sets}: hash {digest[:12]}… is not {SETS_SHA256[:12]}…; or --any-data")
    cv2.setNumThreads(0)
    begun = time.monotonic()
    material, more = draw_material(options.sets, options.frames, workers=options.workers)
    drawn = time.monotonic()
    train_rgb(material, more, options.out, rounds=tuple(options.steps))
    used = sum(os.times()[:4]) / 60
    print(f"drawing {(drawn - begun) / 60:.1f} min, training {(time.monotonic() - drawn) / 60:.1f} min")
    print(f"{used:.1f} min CPU of all processes; {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
