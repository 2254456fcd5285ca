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
_Weighted = tuple[Image, float]

_GRID_M = 0.5
_PAD = 2  # grid cells around a tile, so that neighbouring tiles meet without a seam
_PERIODS_PX = (2048, 1664, 1216)
_ROUGHNESS = 0.6
_LEAST_RANK = 30

# Ramps from deep shade to full light; blue, green, red.
_RAMPS: dict[str, Sequence[tuple[int, int, int]]] = {
    "grass": [(18, 32, 26), (34, 62, 52), (52, 94, 80), (74, 124, 110), (108, 156, 146), (150, 190, 184)],
    "straw": [(30, 44, 50), (54, 78, 88), (84, 118, 132), (116, 154, 170), (150, 186, 202), (192, 216, 226)],
    "earth": [(32, 42, 52), (58, 74, 90), (90, 112, 132), (122, 144, 164), (158, 178, 192), (202, 212, 220)],
    "litter": [(14, 20, 28), (30, 42, 56), (50, 68, 90), (74, 98, 124), (106, 130, 154), (150, 170, 186)],
    "water": [(40, 40, 28), (54, 56, 40), (68, 70, 52), (84, 88, 68), (108, 112, 94), (170, 172, 160)],
    "shrub": [(10, 20, 16), (20, 42, 32), (34, 66, 52), (52, 94, 76), (80, 126, 108), (124, 166, 150)],
    "stone": [(44, 48, 52), (74, 80, 86), (104, 112, 118), (134, 142, 148), (166, 172, 178), (208, 212, 214)],
}
_LIGHT = (0.15, 1.9)
"""Least and most light on steep ground, as shares of that on level ground."""
_LEVELS = 36  # shades of each ramp, so that all ramps fit into one byte


def _palette() -> Image:
    """All ramps behind one another, (256, 1, 3); a material's shade k is at ``36·material + k``."""
    palette = np.zeros((256, 1, 3), np.uint8)
    for number, ramp in enumerate(_RAMPS.values()):
        anchors = np.array(ramp, dtype=float)
        at = np.linspace(0, len(anchors) - 1, _LEVELS)
        for c in range(3):
            shades = np.interp(at, np.arange(len(anchors)), anchors[:, c])
            palette[number * _LEVELS : (number + 1) * _LEVELS, 0, c] = shades.astype(np.uint8)
    return palette


_FIRST_SHADE = {name: number * _LEVELS for number, name in enumerate(_RAMPS)}


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
    centred: Image = np.clip(noise * contrast + middle, 0, 255).astype(np.uint8)
    return centred


def _shades(material: str, first: tuple[Image, float], second: tuple[Image, float], offset: float) -> Image:
    """A material's palette numbers from two weighted noise textures and an offset (0…255 of light)."""
    cv2 = opencv()
    k = _LEVELS / 256
    shades = cv2.addWeighted(first[0], first[1] * k, second[0], second[1] * k, offset * k)
    cv2.min(shades, _LEVELS - 1, dst=shades)
    return cv2.add(shades, float(_FIRST_SHADE[material]))  # type: ignore[no-any-return]


class _Patterns:
    """The periodic noise textures that every tile is cut from; about half a second to make."""

    def __init__(self, seed: int, sun: tuple[float, float, float]) -> None:
        rng = np.random.default_rng([seed, 21])
        a, b, c = _PERIODS_PX
        fine = _periodic_noise(rng, a, {1: 0.5, 2: 0.8, 4: 0.8, 8: 0.7, 16: 0.5})
        clump = _periodic_noise(rng, b, {4: 0.5, 8: 0.6, 16: 0.9, 32: 0.9, 64: 0.7})
        edge = _periodic_noise(rng, c, {2: 0.3, 4: 0.5, 8: 0.7, 16: 0.8, 32: 0.6})
        domes, rank = _domes(rng, c, sun)
        self.fine = _wrapped(_centred(fine, 30))
        self.clump = _wrapped(_centred(clump, 26))
        self.edge = _wrapped(_centred(edge, 32))
        self.domes, self.dome_rank = _wrapped(domes), _wrapped(rank)
        self.palette = _palette()


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
        self._seed = seed
        self._patterns: _Patterns | None = None

    def tile(self, ix: int, iy: int) -> Image:
        """The tile whose south-west corner is at (20·ix, 20·iy) m, (800, 800, 3), do not write to it."""
        key = (ix, iy)
        with self._lock:
            if self._patterns is None:
                self._patterns = _Patterns(self._seed, self._sun)
            patterns = self._patterns
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
            made = self._make(patterns, ix, iy)
        except BaseException as error:
            mine.set_exception(error)
            raise
        mine.set_result(made)
        return made

    def clear(self) -> None:
        """Forget all tiles and patterns; they are made again, the same, when they are asked for."""
        with self._lock:
            self._tiles.clear()
            self._patterns = None

    @staticmethod
    def _crop(texture: Image, ix: int, iy: int, shift_px: int = 0) -> Image:
        period = texture.shape[0] - TILE_PX
        col, row = (ix * TILE_PX + shift_px) % period, (-iy * TILE_PX + shift_px) % period
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

    def _make(self, patterns: _Patterns, ix: int, iy: int) -> Image:
        cv2 = opencv()
        n = round(TILE_M / _GRID_M)
        at = (np.arange(-_PAD, n + _PAD) + 0.5) * _GRID_M
        x, y = np.meshgrid(ix * TILE_M + at, iy * TILE_M + at[::-1])
        fields = self._fields
        fine, clump, edge = (self._crop(t, ix, iy) for t in (patterns.fine, patterns.clump, patterns.edge))
        dry, wood, bare = fields.dry(x, y), fields.wood(x, y), fields.bare(x, y)
        path_m, stream_m = fields.path_distance_m(x, y), fields.stream_distance_m(x, y) - 0.7 * bare

        def lay(mask: Image | None, material: str, first: _Weighted, second: _Weighted, light: int) -> None:
            if mask is not None:
                cv2.copyTo(_shades(material, first, second, light), mask, soil)

        soil = _shades("grass", (fine, 0.75), (clump, 0.65), -46)
        lay(self._mask(dry, 90, 112, edge, clump), "straw", (fine, 0.75), (clump, 0.6), -40)
        lay(self._mask(wood, 120, 98, clump, edge), "litter", (fine, 0.8), (edge, 0.6), -52)
        shrubs = self._grown(100.0 * wood - 70.0 * dry + 84.0, self._crop(patterns.dome_rank, ix, iy))
        lay(shrubs, "shrub", (self._crop(patterns.domes, ix, iy), 1.0), (fine, 0.1), -12)
        open_earth = np.maximum(bare, 0.62 - 0.42 * path_m)
        open_earth = np.maximum(open_earth, 0.9 - 0.55 * stream_m)
        lay(self._mask(open_earth, 150, 46, edge), "earth", (fine, 0.5), (clump, 0.35), 28)
        stones = np.where(open_earth > 0.45, 26.0 + 70 * (bare > 0.3) + 90 * (stream_m < 1.5), 0.0)
        stones = np.where((path_m < 0.3) | (stream_m < -0.4), 0.0, stones)
        rank, domes = (self._crop(t, ix, iy, shift_px=433) for t in (patterns.dome_rank, patterns.domes))
        lay(self._grown(stones, rank), "stone", (domes, 0.9), (fine, 0.25), 12)
        lay(self._mask(-stream_m, 90, 128, edge), "water", (clump, 0.3), (fine, 0.12), 66)
        tile = cv2.LUT(cv2.merge([soil] * 3), patterns.palette)
        return self._lit(tile, ix, iy, x=x, y=y, dry=dry)

    def _mask(
        self, field: npt.NDArray[np.float64], scale: float, offset: float, *rough: Image
    ) -> Image | None:
        """Where a field, roughened by noise, passes the middle; None where it cannot."""
        cv2 = opencv()
        if float(field.max()) * scale + offset + len(rough) * _ROUGHNESS * 127 <= 128:
            return None
        mask = self._up(field, scale, offset)
        for noise in rough:
            mask = cv2.addWeighted(mask, 1.0, noise, _ROUGHNESS, -_ROUGHNESS * 128)
        return cv2.compare(mask, 128, cv2.CMP_GT)  # type: ignore[no-any-return]

    def _grown(self, density: npt.NDArray[np.float64], rank: Image) -> Image | None:
        """Where domes are dense enough for those of a rank to stand; None where none do."""
        cv2 = opencv()
        if float(density.max()) < _LEAST_RANK:
            return None
        return cv2.compare(self._up(density, 1, 0), rank, cv2.CMP_GT)  # type: ignore[no-any-return]

    def _lit(self, tile: Image, ix: int, iy: int, *, x: Any, y: Any, dry: Any) -> Image:
        """Relief shading, slow changes of hue, and the shadows of what stands there."""
        cv2 = opencv()
        north, east = np.gradient(self._fields.height_m(x, y), -_GRID_M, _GRID_M)
        lambert = (-east * self._sun[0] - north * self._sun[1] + self._sun[2]) / self._sun[2]
        lambert = np.clip(lambert, *_LIGHT)
        hue = 0.05 * np.sin(x / 37.0 + 2 * dry) + 0.04 * np.sin(y / 23.0 - x / 51.0)
        gains = [self._up(lambert * (1 + k * hue), 145, 0) for k in (1.0, -0.3, -0.5)]
        shadow = np.full((TILE_PX // 2, TILE_PX // 2), 255, np.uint8)
        self._draw_shadows(shadow, ix, iy)
        if int(shadow.min()) < 255:
            shadow = cv2.resize(shadow, (TILE_PX, TILE_PX), interpolation=cv2.INTER_LINEAR)
            # The sky still lights a shadow, and the sky is blue.
            gains = [
                cv2.multiply(gain, cv2.addWeighted(shadow, 1 - sky, shadow, 0, 255 * sky), scale=1 / 255)
                for gain, sky in zip(gains, (0.54, 0.48, 0.44), strict=True)
            ]
        return cv2.multiply(tile, cv2.merge(gains), scale=1 / 128)  # type: ignore[no-any-return]


def _domes(rng: np.random.Generator, period_px: int, sun: tuple[float, float, float]) -> tuple[Image, Image]:
    """Small domes (tussocks, low shrubs, stones) from above: their light, and a rank for each by which they
    can be thinned out."""
    light = np.full((period_px, period_px), 90, np.uint8)
    rank = np.full((period_px, period_px), 255, np.uint8)
    height = np.zeros((period_px, period_px), np.float32)
    grain = _periodic_noise(rng, 256, {1: 0.5, 2: 0.9, 4: 0.8, 8: 0.5})
    for _ in range(2400):
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
        rank[at] = np.where(over, rng.integers(_LEAST_RANK, 250), rank[at])
        height[at] = np.where(over, dome * radius, height[at])
    return light, rank
