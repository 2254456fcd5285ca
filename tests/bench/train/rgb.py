"""Train the RGB person network: `python -m train.rgb SETS FRAMES` in tests/bench.

SETS holds the free photographs (see `train.photos`), FRAMES the embedded camera's dense photographs, made by
`python tests/bench/embedded_frames.py --dense FRAMES 200 … 211`. Everything else is drawn: people, things,
ground. The second and third round also see more of the ground that the first took for people, and average two
networks each. Drawing counts: the whole takes less than an hour on two cores, and prints what it took.
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
import torch

from .coco import WrongDataError
from .grounds import Grounds
from .loop import Recipe, train
from .mining import hardest
from .net import HeatNet, write_onnx
from .photos import digest_of_sources, load_photos
from .scenes import Ground, Scenes, Views, draw_ground
from .simulated import simulated_grounds
from .sprites import draw_pool

__all__ = ["ROUNDS", "WIDTHS", "Material", "Round", "draw_material", "train_rgb"]

SETS_SHA256 = "16275de97b31e7376ab4af912f76072a71db63e04fe475b784b70d51cfdaba3e"
FRAME_SEEDS = list(range(200, 212))
SIDE_PX, GROUND_PX = 208, 336
PEOPLE, THINGS, GROUNDS, LEAVES = 2400, 900, 1500, 120
TILES_PER_FRAME = 6
WIDTHS, DEPTHS = (16, 24, 56), (0, 2, 3)
HARDEST_SHARE, HARDEST_TIMES = 0.2, 2
SEED = 1


@dataclass(frozen=True, slots=True)
class Round:
    """Steps, highest learning rate, and how many networks are trained side by side and averaged."""

    steps: int
    peak_rate: float
    networks: int


ROUNDS = (Round(2600, 3e-3, 1), Round(1350, 2.2e-3, 2), Round(850, 1.3e-3, 2))


@dataclass(slots=True)
class Material:
    """What pictures are made of: grounds and sprites by view, leaves to hide behind."""

    grounds: dict[str, list[Ground]]
    leaves: list[np.ndarray]
    views: dict[str, Views]

    def sampler(self) -> Scenes:
        """Draws pictures of it."""
        return Scenes(self.grounds, self.leaves, self.views, side_px=SIDE_PX)


def draw_material(sets: Path, frames: Path, *, workers: int) -> Material:
    """Draw sprites and grounds."""
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
    return Material(grounds=grounds, leaves=leaves, views=views)


def _averaged(networks: list[HeatNet]) -> HeatNet:
    """A network whose weights are the mean of the others'."""
    mean = deepcopy(networks[0])
    states = [network.state_dict() for network in networks]
    for name, value in mean.state_dict().items():
        value.copy_(torch.stack([state[name].float() for state in states]).mean(dim=0).to(value.dtype))
    return mean


def train_rgb(material: Material, out: Path, *, rounds: tuple[Round, ...] = ROUNDS) -> None:
    """Train round by round, from the second on with the ground that the first took for people, and write."""
    network = HeatNet(WIDTHS, DEPTHS)
    seed = SEED
    for number, one in enumerate(rounds):
        trained = []
        for _ in range(one.networks):
            recipe = Recipe(
                modality="rgb",
                steps=one.steps,
                side_px=SIDE_PX,
                seed=seed,
                peak_rate=one.peak_rate,
                samplers=1,
            )
            trained.append(train(material.sampler(), recipe, network=deepcopy(network)))
            seed += 1
        network = _averaged(trained)
        write_onnx(network, out)
        if number == 0:
            for kept in material.grounds.values():
                kept += hardest(out, kept, share=HARDEST_SHARE) * HARDEST_TIMES


def main() -> None:
    """Draw, train and write the network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    parser.add_argument("frames", type=Path)
    parser.add_argument("--out", type=Path, default=Path("../../src/airbeat/detect/person_rgb.onnx"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--any-data", action="store_true", help="do not check the sets' hash")
    options = parser.parse_args()
    if not options.any_data and (digest := digest_of_sources(options.sets)) != SETS_SHA256:
        raise WrongDataError(f"{options.sets}: hash {digest[:12]}… is not {SETS_SHA256[:12]}…; or --any-data")
    cv2.setNumThreads(0)
    begun = time.monotonic()
    material = draw_material(options.sets, options.frames, workers=options.workers)
    drawn = time.monotonic()
    train_rgb(material, options.out)
    used = sum(os.times()[:4]) / 60
    print(f"drawing {(drawn - begun) / 60:.1f} min, training {(time.monotonic() - drawn) / 60:.1f} min")
    print(f"{used:.1f} min CPU of all processes; {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
