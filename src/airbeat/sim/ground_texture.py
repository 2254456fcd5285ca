"""The ground's skin: seeded orthographic texture tiles, made when first seen and kept while memory allows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.frames.opencv import opencv
from airbeat.sim.ground_fields import GroundFields

__all__ = ["TEXEL_M", "TILE_M", "TILE_PX", "GroundTexture"]

TEXEL_M = 0.025
TILE_M = 20.0
TILE_PX = 800

Image = npt.NDArray[np.uint8]

_GRID_M = 0.5
_PAD = 2  # grid cells around a tile, so that neighbouring tiles meet without a seam
_PERIODS_PX = (2048, 1664, 1216)

# Ramps from deep shade to full light; blue, green, red.
_RAMPS: dict[str, Sequence[tuple[int, int, int]]] = {
    "grass": [(14, 24, 18), (26, 46, 36), (40, 72, 60), (60, 100, 88), (92, 138, 126), (130, 170, 164)],
    "straw": [(22, 34, 38), (40, 62, 70), (66, 98, 110), (96, 132, 146), (128, 162, 178), (170, 196, 208)],
    "earth": [(24, 32, 40), (48, 62, 76), (76, 96, 114), (106, 126, 144), (140, 158, 172), (184, 196, 206)],
    "litter": [(12, 17, 22), (26, 36, 46), (42, 58, 76), (62, 84, 106), (90, 112, 134), (130, 148, 164)],
    "water": [(30, 28, 18), (44, 42, 28), (56, 56, 38), (70, 70, 50), (92, 92, 72), (150, 150, 136)],
    "shrub": [(10, 18, 14), (20, 38, 28), (32, 60, 44), (46, 84, 62), (72, 116, 92), (112, 152, 132)],
}


def _ramp(name: str) -> Image:
    anchors = np.array(_RAMPS[name], dtype=float)
    at = np.linspace(0, len(anchors) - 1, 256)
    table = np.stack([np.interp(at, np.arange(len(anchors)), anchors[:, c]) for c in range(3)], axis=1)
    return table.astype(np.uint8).reshape(256, 1, 3)


def _periodic_noise(
    rng: np.random.Generator, period_px: int, weights: dict[int, float]
) -> npt.NDArray[np.float32]:
    """Noise octaves of given cell sizes [px], standard deviation 1, that repeats without a seam."""
    cv2 = opencv()
    total = np.zeros((period_px, period_px), np.float32)
    for cell_px, weight in weights.items():
        n = period_px // cell_px
        small = np.pad(rng.standard_normal((n, n)).astype(np.float32), 2, mode="wrap")
        side = (n + 4) * cell_px
        octave = small if cell_px == 1 else cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
        cut = 2 * cell_px
        octave = octave[cut : cut + period_px, cut : cut + period_px]
        total += np.float32(weight) * octave / np.float32(octave.std())
    return np.asarray(total / np.float32(total.std()), np.float32)


def _wrapped(texture: Image) -> Image:
    """A periodic texture with one tile's width repeated, so that every crop is a view."""
    wrapped: Image = np.pad(texture, ((0, TILE_PX), (0, TILE_PX)), mode="wrap")
    return wrapped


def _centred(noise: npt.NDArray[np.float32], contrast: float, middle: float = 128.0) -> Image:
    return np.clip(noise * contrast + middle, 0, 255).astype(np.uint8)


class GroundTexture:
    """Texture tiles of 20 m by 20 m, row 0 at the north; ``TEXEL_M`` to a pixel.

    Tiles depend on the seed and their place alone, never on the order in which they are asked for.
    Safe to use from several threads.

    Args:
        seed: the ground's seed.
        fields: what the ground is made of.
        sun: direction to the sun, east, north, up.
        draw_shadows: draws shadows into a tile's light map (255 is full sun), given the tile's index.
        cache_tiles: how many tiles to keep, 1.9 MB each.
    """

    def __init__(
        self,
        seed: int,
        fields: GroundFields,
        *,
        sun: tuple[float, float, float],
        draw_shadows: Callable[[Image, int, int], None],
        cache_tiles: int,
    ) -> None:
        self._fields = fields
        self._sun = sun
        self._draw_shadows = draw_shadows
        self._cache_tiles = cache_tiles
        self._tiles: OrderedDict[tuple[int, int], Future[Image]] = OrderedDict()
        self._lock = threading.Lock()
        rng = np.random.default_rng([seed, 21])
        a, b, c = _PERIODS_PX
        self._fine = _wrapped(
            _centred(_periodic_noise(rng, a, {1: 0.5, 2: 0.8, 4: 0.8, 8: 0.7, 16: 0.5}), 30)
        )
        self._clump = _wrapped(
            _centred(_periodic_noise(rng, b, {4: 0.5, 8: 0.6, 16: 0.9, 32: 0.9, 64: 0.7}), 26)
        )
        self._edge = _wrapped(
            _centred(_periodic_noise(rng, c, {2: 0.3, 4: 0.5, 8: 0.7, 16: 0.8, 32: 0.6}), 32)
        )
        domes, rank = _domes(rng, a, self._sun)
        self._shrub, self._shrub_rank = _wrapped(domes), _wrapped(rank)
        self._ramps = {name: _ramp(name) for name in _RAMPS}

    def tile(self, ix: int, iy: int) -> Image:
        """The tile whose south-west corner is at (20·ix, 20·iy) m, (800, 800, 3), do not write to it."""
        key = (ix, iy)
        with self._lock:
            waiting = self._tiles.get(key)
            if waiting is not None:
                self._tiles.move_to_end(key)
            else:
                mine: Future[Image] = Future()
                self._tiles[key] = mine
                while len(self._tiles) > self._cache_tiles:
                    self._tiles.popitem(last=False)
        if waiting is not None:
            return waiting.result()
        try:
            made = self._make(ix, iy)
        except BaseException as error:
            mine.set_exception(error)
            raise
        mine.set_result(made)
        return made

    def _crop(self, texture: Image, ix: int, iy: int) -> Image:
        period = texture.shape[0] - TILE_PX
        col, row = (ix * TILE_PX) % period, (-iy * TILE_PX) % period
        return texture[row : row + TILE_PX, col : col + TILE_PX]

    def _up(self, grid: npt.NDArray[np.float64], scale: float, offset: float) -> Image:
        """A field on the padded grid to a whole tile, as value·scale + offset in bytes."""
        cv2 = opencv()
        factor = round(_GRID_M / TEXEL_M)
        small = np.clip(grid * scale + offset, 0, 255).astype(np.uint8)
        side = small.shape[0] * factor
        big = cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
        cut = _PAD * factor
        up: Image = big[cut : cut + TILE_PX, cut : cut + TILE_PX]
        return up

    def _make(self, ix: int, iy: int) -> Image:
        cv2 = opencv()
        n = round(TILE_M / _GRID_M)
        at = (np.arange(-_PAD, n + _PAD) + 0.5) * _GRID_M
        x, y = np.meshgrid(ix * TILE_M + at, iy * TILE_M + at[::-1])
        fine, clump, edge = (self._crop(t, ix, iy) for t in (self._fine, self._clump, self._edge))
        light = cv2.addWeighted(fine, 0.75, clump, 0.65, -46)
        dry, wood = self._fields.dry(x, y), self._fields.wood(x, y)
        tile = cv2.LUT(cv2.merge([light] * 3), self._ramps["grass"])
        self._lay(tile, "straw", light, self._mask(dry, 90, 118, edge, clump))
        self._lay(tile, "litter", light, self._mask(wood, 110, 96, clump, edge))
        self._lay_shrubs(tile, ix, iy, 0.5 * wood - 0.35 * dry + 0.22)
        bare = np.maximum(self._fields.bare(x, y), 0.62 - 0.42 * self._fields.path_distance_m(x, y))
        self._lay(
            tile, "earth", cv2.addWeighted(fine, 0.55, clump, 0.25, 34), self._mask(bare, 150, 46, edge)
        )
        stream_m = self._fields.stream_distance_m(x, y)
        self._lay(
            tile, "earth", cv2.addWeighted(fine, 0.9, clump, 0.2, 10), self._mask(-stream_m, 60, 200, edge)
        )
        self._lay(
            tile, "water", cv2.addWeighted(clump, 0.35, fine, 0.12, 60), self._mask(-stream_m, 90, 128, edge)
        )
        return self._lit(tile, ix, iy, x=x, y=y, dry=dry)

    def _mask(self, field: npt.NDArray[np.float64], scale: float, offset: float, *rough: Image) -> Image:
        """Where a field, roughened by noise, passes the middle."""
        cv2 = opencv()
        mask = self._up(field, scale, offset)
        for noise in rough:
            mask = cv2.addWeighted(mask, 1.0, noise, 0.6, -0.6 * 128)
        return cv2.compare(mask, 128, cv2.CMP_GT)  # type: ignore[no-any-return]

    def _lay(self, tile: Image, ramp: str, light: Image, mask: Image) -> None:
        cv2 = opencv()
        if not mask.any():
            return
        cv2.copyTo(cv2.LUT(cv2.merge([light] * 3), self._ramps[ramp]), mask, tile)

    def _lay_shrubs(self, tile: Image, ix: int, iy: int, density_field: Any) -> None:
        cv2 = opencv()
        density = self._up(density_field, 200, 40)
        rank = self._crop(self._shrub_rank, ix, iy)
        mask = cv2.compare(density, rank, cv2.CMP_GT)
        self._lay(tile, "shrub", self._crop(self._shrub, ix, iy), mask)

    def _lit(self, tile: Image, ix: int, iy: int, *, x: Any, y: Any, dry: Any) -> Image:
        """Relief shading, slow changes of hue, and the shadows of what stands there."""
        cv2 = opencv()
        gx = self._fields.height_m(x + 1.0, y) - self._fields.height_m(x - 1.0, y)
        gy = self._fields.height_m(x, y + 1.0) - self._fields.height_m(x, y - 1.0)
        lambert = (-gx / 2 * self._sun[0] - gy / 2 * self._sun[1] + self._sun[2]) / self._sun[2]
        hue = 0.06 * np.sin(x / 37.0 + 2 * dry) + 0.05 * np.sin(y / 23.0 - x / 51.0)
        gains = [self._up(lambert * (1 + k * hue), 128, 0) for k in (1.6, -0.4, -1.2)]
        shadow = np.full((TILE_PX // 2, TILE_PX // 2), 255, np.uint8)
        self._draw_shadows(shadow, ix, iy)
        if int(shadow.min()) < 255:
            shadow = cv2.resize(shadow, (TILE_PX, TILE_PX), interpolation=cv2.INTER_LINEAR)
            # The sky still lights a shadow, and the sky is blue.
            gains = [
                cv2.multiply(gain, cv2.addWeighted(shadow, 1 - sky, shadow, 0, 255 * sky), scale=1 / 255)
                for gain, sky in zip(gains, (0.44, 0.36, 0.31), strict=True)
            ]
        return cv2.multiply(tile, cv2.merge(gains), scale=1 / 128)  # type: ignore[no-any-return]


def _domes(rng: np.random.Generator, period_px: int, sun: tuple[float, float, float]) -> tuple[Image, Image]:
    """Low shrubs and tussocks from above: their light, and for each a rank from which on it grows."""
    light = np.full((period_px, period_px), 90, np.uint8)
    rank = np.full((period_px, period_px), 255, np.uint8)
    height = np.zeros((period_px, period_px), np.float32)
    grain = _periodic_noise(rng, 256, {1: 0.5, 2: 0.9, 4: 0.8, 8: 0.5})
    for _ in range(6500):
        radius = int(rng.integers(4, 15))
        row, col = (int(v) for v in rng.integers(0, period_px, 2))
        rows = np.arange(row - radius, row + radius + 1) % period_px
        cols = np.arange(col - radius, col + radius + 1) % period_px
        v, u = np.mgrid[-1 : 1 : (2 * radius + 1) * 1j, -1 : 1 : (2 * radius + 1) * 1j]
        cut = int(rng.integers(0, 256 - 31))
        rough = grain[cut : cut + 2 * radius + 1, cut : cut + 2 * radius + 1]
        dome = 1 - (u * u + v * v) * (1 + 0.35 * rough)
        shade = 105 + 62 * (u * sun[0] - v * sun[1]) + 34 * rough
        at = np.ix_(rows, cols)
        over = (dome > 0.05) & (dome * radius > height[at])
        light[at] = np.where(over, np.clip(shade, 12, 250), light[at]).astype(np.uint8)
        rank[at] = np.where(over, rng.integers(30, 250), rank[at])
        height[at] = np.where(over, dome * radius, height[at])
    return light, rank
