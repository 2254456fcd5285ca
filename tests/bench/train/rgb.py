"""Train the RGB person network: `python -m train.rgb SETS FRAMES` in tests/bench.

SETS holds the free photographs (see `train.photos` and `train.towns`), FRAMES the embedded camera's dense
photographs, made by `python tests/bench/embedded_frames.py --dense FRAMES 200 … 211`. Everything else is
drawn: people, things, ground. Every round after the first also sees more of the ground that the one before
took for people. Drawing counts: the whole takes 90 minutes of processor time and prints what it took;
`--share 0.01` shows in a minute or two that it runs.
"""

from __future__ import annotations

import argparse
import os
import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .coco import WrongDataError
from .grounds import Grounds
from .loop import Recipe, train
from .mining import hardest
from .photos import digest_of_sources, load_photos
from .pyramid import PyramidNet, mean_of, write_pyramid
from .render import Sprite
from .scenes import Ground, Scenes, Variety, Views, draw_ground
from .simulated import simulated_grounds
from .sprites import Pool, draw_pool
from .towns import TO_TRAIN, town_grounds, town_people, towns

__all__ = ["ROUNDS", "VARIETY", "Material", "Round", "draw_material", "train_rgb"]

SETS_SHA256 = "16275de97b31e7376ab4af912f76072a71db63e04fe475b784b70d51cfdaba3e"
FRAME_SEEDS = list(range(200, 212))
SIDE_PX, GROUND_PX, BATCH = 224, 336, 12
PEOPLE, THINGS, GROUNDS, LEAVES = 4800, 1800, 3000, 120
TILES_PER_FRAME = 6
PIECES_PER_PERSON = 8
REAL_PER_DRAWN = 0.7
"""How many people on pasted pictures were cut out of photographs, per drawn one."""

HARDEST_SHARE, HARDEST_TIMES = 0.2, 2
CORE = 0.81
VARIETY = Variety(scattered=(0, 0, 2, 4, 8), odd_sizes=0.25, recoloured=0.25, dappled=0.12, soft=0.15)
SEED = 1


@dataclass(frozen=True, slots=True)
class Round:
    """Steps and highest learning rate."""

    steps: int
    peak_rate: float


ROUNDS = (Round(6000, 3e-3), Round(5500, 2e-3), Round(5500, 2e-3), Round(5500, 2e-3))


@dataclass(slots=True)
class Material:
    """What pictures are made of: grounds and sprites by view, leaves to hide behind."""

    grounds: dict[str, list[Ground]]
    leaves: list[np.ndarray]
    views: dict[str, Views]

    def sampler(self) -> Scenes:
        """Draws pictures of it."""
        return Scenes(self.grounds, self.leaves, self.views, side_px=SIDE_PX, variety=VARIETY)


def _with_real(drawn: Pool, real: list[Sprite]) -> Pool:
    """The drawn people, and those cut out of photographs as often as they must stand there to be met."""
    times = round(REAL_PER_DRAWN * len(drawn.sprites) / max(1, len(real)))
    sprites = real * max(1, times)
    return Pool(sprites=drawn.sprites + sprites, postures=drawn.postures + ["photographed"] * len(sprites))


def draw_material(sets: Path, frames: Path, *, workers: int, share: float = 1.0) -> Material:
    """Draw sprites and grounds, or a share of as many."""
    counted = {
        name: max(60, round(share * count))
        for name, count in (("people", PEOPLE), ("things", THINGS), ("grounds", GROUNDS))
    }
    views, photographed = {}, town_people(towns(sets, TO_TRAIN))
    for number, view in enumerate(("oblique", "steep")):
        people = draw_pool("people", view, counted["people"], 10 * SEED + 1 + number, workers=workers)
        things = draw_pool("things", view, counted["things"], 10 * SEED + 3 + number, workers=workers)
        views[view] = Views(people=_with_real(people, photographed[view]), things=things)
    more = Grounds(load_photos(sets, held_out=False), GROUND_PX)
    random = np.random.default_rng(SEED)
    grounds = {
        view: [draw_ground(random, more, view) for _ in range(counted["grounds"])]
        for view in ("steep", "oblique")
    }
    leaves = [more.crop(random, "oblique")[0] for _ in range(LEAVES)]
    grounds["steep"] += simulated_grounds(
        frames, FRAME_SEEDS, random, side_px=GROUND_PX, per_frame=TILES_PER_FRAME
    )
    pieces = town_grounds(
        sets,
        random,
        side_px=GROUND_PX,
        share=share,
        per_person=max(1, round(share * PIECES_PER_PERSON)),
    )
    for view, cut in pieces.items():
        grounds[view] += cut
    return Material(grounds=grounds, leaves=leaves, views=views)


def train_rgb(material: Material, out: Path, *, rounds: tuple[Round, ...] = ROUNDS) -> None:
    """Train round by round, each with what the ones before took for people, and write the last two's mean."""
    network = before = PyramidNet()
    for number, one in enumerate(rounds):
        recipe = Recipe(
            modality="rgb",
            steps=one.steps,
            batch=BATCH,
            side_px=SIDE_PX,
            seed=SEED + number,
            peak_rate=one.peak_rate,
            core=CORE,
        )
        before, network = network, train(material.sampler(), recipe, network=deepcopy(network))
        write_pyramid(network, out)
        if number + 1 < len(rounds):
            for kept in material.grounds.values():
                kept += hardest(out, kept, share=HARDEST_SHARE) * HARDEST_TIMES
    if len(rounds) > 1:
        write_pyramid(mean_of(before, network), out)


def main() -> None:
    """Draw, train and write the network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    parser.add_argument("frames", type=Path)
    parser.add_argument("--out", type=Path, default=Path("../../src/airbeat/detect/person_rgb.onnx"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--share", type=float, default=1.0, help="of the sprites, grounds and steps")
    parser.add_argument("--any-data", action="store_true", help="do not check the sets' hash")
    options = parser.parse_args()
    if not options.any_data and (digest := digest_of_sources(options.sets)) != SETS_SHA256:
        raise WrongDataError(f"{options.sets}: hash {digest[:12]}… is not {SETS_SHA256[:12]}…; or --any-data")
    cv2.setNumThreads(0)
    begun = time.monotonic()
    material = draw_material(options.sets, options.frames, workers=options.workers, share=options.share)
    drawn = time.monotonic()
    rounds = tuple(Round(max(2, round(options.share * r.steps)), r.peak_rate) for r in ROUNDS)
    train_rgb(material, options.out, rounds=rounds)
    used = sum(os.times()[:4]) / 60
    print(f"drawing {(drawn - begun) / 60:.1f} min, training {(time.monotonic() - drawn) / 60:.1f} min")
    print(f"{used:.1f} min CPU of all processes; {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
