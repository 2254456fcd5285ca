"""Ground with people from the embedded camera's synthetic photographs (`tests/bench/embedded_frames.py`)."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np

from airbeat.frames.reader import scan_folder

from .scenes import STEEP_GSD_M_PX, Ground

__all__ = ["VISIBLE", "simulated_grounds"]

VISIBLE = 0.5
"""People of whom less is seen are neither to be found nor to be left out."""


def simulated_grounds(
    frames: Path, seeds: list[int], random: np.random.Generator, *, side_px: int, per_frame: int
) -> list[Ground]:
    """Tiles of dense photographs brought to a random working GSD: those with most people, and as many others.

    Args:
        frames: folder with `<seed>/` and `<seed>.truth.json`.
        seeds: which.
        random: draws scales and tiles.
        side_px: of a tile.
        per_frame: tiles of a photograph.
    """
    grounds: list[Ground] = []
    for seed in seeds:
        truth = json.loads((frames / f"{seed}.truth.json").read_text(encoding="utf-8"))
        shown: dict[str, list[list[float]]] = {}
        for person in truth["persons"]:
            for look in person["frames"]:
                shown.setdefault(look["frame"], []).append([*look["xyxy_px"], look["visible"]])
        for meta in scan_folder(frames / str(seed)).frames:
            own = meta.height_above_home_m / meta.focal_length_px
            gsd = math.exp(random.uniform(*np.log(STEEP_GSD_M_PX)))
            scale = own / gsd
            picture = cv2.imread(str(meta.path))
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            looks = np.array(shown.get(meta.path.name, []), dtype=float).reshape(-1, 5)
            looks[:, :4] *= scale
            grounds += _tiles(random, picture, looks, gsd, side=side_px, count=per_frame)
    return grounds


def _tiles(
    random: np.random.Generator, picture: np.ndarray, looks: np.ndarray, gsd: float, *, side: int, count: int
) -> list[Ground]:
    tiles = []
    for top in range(0, picture.shape[0] - side + 1, side):
        for left in range(0, picture.shape[1] - side + 1, side):
            boxes = looks[:, :4] - (left, top, left, top)
            near = (boxes[:, 2:] > 0).all(axis=1) & (boxes[:, :2] < side).all(axis=1)
            seen = looks[:, 4] >= VISIBLE
            tiles.append(
                Ground(
                    bgr=picture[top : top + side, left : left + side].copy(),
                    persons=boxes[near & seen],
                    marked=boxes[near & ~seen],
                    gsd_m_px=gsd,
                )
            )
    tiles.sort(key=lambda g: -len(g.persons))
    rest = tiles[count // 2 :]
    chosen = random.permutation(len(rest))[: count - count // 2]
    return tiles[: count // 2] + [rest[int(k)] for k in chosen]
