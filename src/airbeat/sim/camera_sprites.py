"""Pictures of tree and bush crowns from above, in layers that stand at different heights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.frames.opencv import opencv
from airbeat.sim.ground_parts import Crown

__all__ = ["CrownLayer", "CrownSprites"]

Image = npt.NDArray[np.uint8]

_SIDE_PX = 224
_KINDS = 12
_TURNS = 16
# Share of the height, share of the radius, light.
_TREE_LAYERS = ((0.5, 1.0, 0.62), (0.72, 0.8, 0.9), (0.92, 0.5, 1.14))
_BUSH_LAYERS = ((0.45, 1.0, 0.9), (0.85, 0.7, 1.2))
_TINTS = ((40, 70, 58), (46, 80, 66), (50, 84, 78), (42, 62, 58), (60, 90, 90), (36, 58, 46))


@dataclass(frozen=True, slots=True)
class CrownLayer:
    """One layer of a crown.

    Attributes:
        bgra: its picture, square, blue, green, red, alpha.
        height_m: how high it stands above the ground [m].
        radius_m: half the picture's side [m].
        turn_deg: how it is turned [degrees].
    """

    bgra: Image
    height_m: float
    radius_m: float
    turn_deg: float


class CrownSprites:
    """A dozen crowns, lit by one sun whatever their turn."""

    def __init__(self, seed: int, sun: tuple[float, float, float]) -> None:
        rng = np.random.default_rng([seed, 31])
        self._leaves = [_leaves(rng) for _ in range(3)]
        self._tints = [
            np.clip(np.array(_TINTS[k % len(_TINTS)]) * rng.uniform(0.85, 1.2), 0, 255) for k in range(_KINDS)
        ]
        self._shapes = [_shape(rng) for _ in range(_KINDS)]
        self._sun = sun
        self._pictures = {
            (kind, layer, bush): self._picture(kind, layer, bush)
            for kind in range(_KINDS)
            for bush in (False, True)
            for layer in range(len(_BUSH_LAYERS if bush else _TREE_LAYERS))
        }

    def layers(self, crown: Crown) -> list[CrownLayer]:
        """The layers of one crown, lowest first."""
        bush = crown.height_m < 2.2
        return [
            CrownLayer(
                self._pictures[crown.sprite % _KINDS, k, bush],
                crown.height_m * height,
                crown.radius_m * radius * 1.1,
                0.0,
            )
            for k, (height, radius, _) in enumerate(_BUSH_LAYERS if bush else _TREE_LAYERS)
        ]

    def _picture(self, kind: int, layer: int, bush: bool) -> Image:
        light = (_BUSH_LAYERS if bush else _TREE_LAYERS)[layer][2]
        v, u = np.mgrid[-1 : 1 : _SIDE_PX * 1j, -1 : 1 : _SIDE_PX * 1j] * 1.1
        angle = np.arctan2(v, u) + 0.7 * layer
        rim = np.interp(
            angle % (2 * math.pi), np.linspace(0, 2 * math.pi, len(self._shapes[kind])), self._shapes[kind]
        )
        leaf = np.roll(self._leaves[(kind + layer) % 3], 37 * kind + 71 * layer, axis=(0, 1))
        inside = rim - np.hypot(u, v) + 0.13 * leaf
        alpha = np.clip(inside * 14, 0, 1) * np.where(leaf < -1.5, 0.35, 1.0)
        slope = 0.34 * (u * self._sun[0] - v * self._sun[1])
        value = light * (0.92 + slope + 0.3 * leaf)
        bgr = np.clip(self._tints[kind] * value[..., None] * 1.25, 4, 235)
        return np.dstack([bgr, alpha * 255]).astype(np.uint8)


def _leaves(rng: np.random.Generator) -> Any:
    cv2 = opencv()
    total = np.zeros((_SIDE_PX, _SIDE_PX), np.float32)
    for cells, weight in ((112, 0.6), (56, 0.9), (28, 0.8), (14, 0.7)):
        octave = rng.standard_normal((cells, cells)).astype(np.float32)
        octave = cv2.resize(octave, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_CUBIC)
        total += weight * octave / octave.std()
    return total / total.std()


def _shape(rng: np.random.Generator) -> Any:
    """Rim radius of a crown over a full turn, 0.7…1."""
    angle = np.linspace(0, 2 * math.pi, 73)
    rim = np.full_like(angle, 0.86)
    for waves in (2, 3, 5, 8, 13):
        rim += 0.05 * rng.standard_normal() * np.sin(waves * angle + rng.uniform(0, 6.28))
    return np.clip(rim, 0.65, 1.0)
