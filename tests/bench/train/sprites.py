"""Pools of sprites: thousands of people and things, drawn once and kept in a file, pasted many times.

Sprites are drawn at `SPRITE_GSD_M_PX`, steep ones (camera 58 to 90 degrees down, to be turned any way) apart
from oblique ones (12 to 58 degrees down, feet below heads).
"""

from __future__ import annotations

import math
import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .bodies import POSTURES, dressed, posed
from .render import Light, Sprite, render
from .shapes import Cloud, moved, rotation
from .things import thing

__all__ = ["PITCH_DEG", "SPRITE_GSD_M_PX", "Pool", "draw_pool"]

SPRITE_GSD_M_PX = 0.022
PITCH_DEG = {"steep": (-90.0, -58.0), "oblique": (-58.0, -12.0)}
_OUTFITS, _VIEWS = 2, 3
_OVERCAST = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Sprites of one kind and view with their postures ("" for things)."""

    sprites: list[Sprite]
    postures: list[str]

    def save(self, path: Path) -> None:
        """Write the pool as one .npz file."""
        numbers = [
            (
                *s.box_px,
                *s.foot_px,
                s.light.sun_azimuth_rad,
                s.light.sun_elevation_rad,
                s.light.sky_share,
                s.gsd_m_px,
            )
            for s in self.sprites
        ]
        np.savez(
            path,
            shapes=np.array([s.alpha.shape for s in self.sprites]),
            numbers=np.array(numbers),
            postures=np.array(self.postures),
            bgr=np.concatenate([s.bgr.reshape(-1) for s in self.sprites]),
            alpha=np.concatenate([s.alpha.reshape(-1) for s in self.sprites]),
            shadow=np.concatenate([s.shadow.reshape(-1) for s in self.sprites]),
        )

    @classmethod
    def load(cls, path: Path) -> Pool:
        """Read what `save` wrote."""
        with np.load(path) as file:
            data = {name: file[name] for name in file.files}
        sprites, at = [], 0
        for (height, width), n in zip(data["shapes"].tolist(), data["numbers"].tolist(), strict=True):
            end = at + height * width
            light = Light(sun_azimuth_rad=n[6], sun_elevation_rad=n[7], sky_share=n[8])
            sprites.append(
                Sprite(
                    bgr=data["bgr"][3 * at : 3 * end].reshape(height, width, 3),
                    alpha=data["alpha"][at:end].reshape(height, width),
                    shadow=data["shadow"][at:end].reshape(height, width),
                    box_px=tuple(n[:4]),
                    foot_px=tuple(n[4:6]),
                    light=light,
                    gsd_m_px=n[9],
                )
            )
            at = end
        return cls(sprites=sprites, postures=data["postures"].tolist())


def _light(random: np.random.Generator) -> Light:
    overcast = random.random() < _OVERCAST
    return Light(
        sun_azimuth_rad=random.uniform(0, 2 * math.pi),
        sun_elevation_rad=math.radians(10 + 70 * random.beta(1.6, 1.4)),
        sky_share=1.0 if overcast else random.uniform(0.16, 0.5),
    )


def _drawn(random: np.random.Generator, cloud: Cloud, view: str) -> Sprite:
    pitch = math.radians(random.uniform(*PITCH_DEG[view]))
    return render(cloud, pitch_rad=pitch, light=_light(random), gsd_m_px=SPRITE_GSD_M_PX, fine=2)


def _people(job: tuple[int, int, str]) -> list[tuple[Sprite, str]]:
    seed, count, view = job
    random = np.random.default_rng(seed)
    names, shares = list(POSTURES), np.array(list(POSTURES.values()))
    made: list[tuple[Sprite, str]] = []
    while len(made) < count:
        body = posed(random, names[int(random.choice(len(names), p=shares / shares.sum()))])
        for _ in range(_OUTFITS):
            cloud = dressed(random, body)
            for _ in range(_VIEWS):
                turned = moved(cloud, rotation((0, 0, 1), random.uniform(0, 2 * math.pi)))
                sprite = _drawn(random, turned, view)
                made.append((sprite, body.posture))
    return made[:count]


def _things(job: tuple[int, int, str]) -> list[tuple[Sprite, str]]:
    seed, count, view = job
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        cloud = thing(random)
        made.append((_drawn(random, cloud, view), ""))
    return made


def draw_pool(kind: str, view: str, count: int, seed: int, *, workers: int = 2) -> Pool:
    """Draw a pool, the same for the same arguments whatever the number of workers.

    Args:
        kind: "people" or "things".
        view: "steep" or "oblique".
        count: sprites.
        seed: of everything drawn.
        workers: processes.
    """
    piece = 60
    jobs = [(seed * 100_000 + k, min(piece, count - k), view) for k in range(0, count, piece)]
    make = {"people": _people, "things": _things}[kind]
    if workers == 1:
        parts = [make(job) for job in jobs]
    else:
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            parts = pool.map(make, jobs, chunksize=1)
    flat = [pair for part in parts for pair in part]
    return Pool(sprites=[s for s, _ in flat], postures=[p for _, p in flat])
