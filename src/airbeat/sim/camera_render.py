"""Renders one photograph: ground by ray and texture, then objects, people and crowns from low to high."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.frames.opencv import opencv
from airbeat.sim.camera_sprites import CrownSprites
from airbeat.sim.camera_view import View
from airbeat.sim.ground import CELL_M, Ground
from airbeat.sim.ground_parts import Capsule, Crown, Facet, Thing
from airbeat.sim.ground_texture import TEXEL_M, TILE_PX

__all__ = ["Renderer", "SeenPerson"]

Image = npt.NDArray[np.uint8]

_BLOCK_PX = 500
_GRID_PX = 50
_NEAREST_M = 1.0


@dataclass(slots=True, kw_only=True)
class SeenPerson:
    """How one person shows in one photograph.

    Attributes:
        person_id: number of the person.
        xyxy_px: box about what is drawn of the body, cut at the image's edge [px].
        visible: share of the body that nothing covers and the edge does not cut, 0…1.
    """

    person_id: int
    xyxy_px: tuple[float, float, float, float]
    visible: float


@dataclass(slots=True)
class _Drawn:
    person_id: int
    left: int
    top: int
    alpha: npt.NDArray[np.float32]
    whole: float


class Renderer:
    """Draws photographs of one ground; safe to use from several threads."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._crowns = CrownSprites(ground.seed, ground.sun)
        rng = np.random.default_rng([ground.seed, 41])
        noise = np.repeat(rng.normal(0, 5.0, (1024, 1024, 1)), 3, axis=2)
        self._brighter = noise.clip(0, 255).astype(np.uint8)
        self._darker = (-noise).clip(0, 255).astype(np.uint8)
        self._cloth = rng.normal(0, 1, (256, 256)).astype(np.float32)

    def render(self, view: View, *, index: int) -> tuple[Image, list[SeenPerson]]:
        """The photograph, (h, w, 3) blue, green, red, and the people in it."""
        image = np.empty((view.height_px, view.width_px, 3), np.uint8)
        bounds = self._draw_ground(image, view)
        things, crowns = self._near(view, bounds)
        seen: list[_Drawn] = []
        solids: list[tuple[float, Thing | Crown]] = [(t.base_m + t.top_m, t) for t in things]
        solids += [(c.base_m + c.height_m, c) for c in crowns]
        for _, solid in sorted(solids, key=lambda s: s[0]):
            if isinstance(solid, Crown):
                self._draw_crown(image, view, solid, seen)
            else:
                self._draw_thing(image, view, solid, seen)
        self._add_noise(image, index)
        return image, [_summed(d) for d in seen if d.alpha.sum() > 1]

    # -- ground ---------------------------------------------------------------------------------------

    def _draw_ground(self, image: Image, view: View) -> tuple[float, float, float, float]:
        cv2 = opencv()
        h, w = image.shape[:2]
        gx, gy = np.arange(0, w + _GRID_PX, _GRID_PX), np.arange(0, h + _GRID_PX, _GRID_PX)
        px, py = np.meshgrid(gx, gy)
        xy = view.ground_points(np.column_stack([px.ravel(), py.ravel()])).reshape(*px.shape, 2)
        for top in range(0, h, _BLOCK_PX):
            for left in range(0, w, _BLOCK_PX):
                bottom, right = min(top + _BLOCK_PX, h), min(left + _BLOCK_PX, w)
                r, c = top // _GRID_PX, left // _GRID_PX
                rows, cols = -(-(bottom - top) // _GRID_PX), -(-(right - left) // _GRID_PX)
                corner = xy[r : r + rows + 1, c : c + cols + 1]
                mosaic, west, north = self._mosaic(corner)
                u = ((corner[..., 0] - west) / TEXEL_M - 0.5).astype(np.float32)
                v = ((north - corner[..., 1]) / TEXEL_M - 0.5).astype(np.float32)
                cv2.remap(
                    mosaic,
                    _densify(u)[: bottom - top, : right - left],
                    _densify(v)[: bottom - top, : right - left],
                    cv2.INTER_LINEAR,
                    dst=image[top:bottom, left:right],
                    borderMode=cv2.BORDER_REPLICATE,
                )
        return (
            float(xy[..., 0].min()),
            float(xy[..., 1].min()),
            float(xy[..., 0].max()),
            float(xy[..., 1].max()),
        )

    def _mosaic(self, corner: npt.NDArray[np.float64]) -> tuple[Image, float, float]:
        """Texture over the bounding box of some ground points, with its west and north edge [m]."""
        margin = 2 * TEXEL_M
        low, high = corner.min(axis=(0, 1)) - margin, corner.max(axis=(0, 1)) + margin
        x0, x1 = math.floor(low[0] / TEXEL_M), math.ceil(high[0] / TEXEL_M)
        y0, y1 = math.floor(low[1] / TEXEL_M), math.ceil(high[1] / TEXEL_M)
        mosaic = np.empty((y1 - y0, x1 - x0, 3), np.uint8)
        for iy in range(y0 // TILE_PX, (y1 - 1) // TILE_PX + 1):
            for ix in range(x0 // TILE_PX, (x1 - 1) // TILE_PX + 1):
                a0, a1 = max(x0, ix * TILE_PX), min(x1, (ix + 1) * TILE_PX)
                b0, b1 = max(y0, iy * TILE_PX), min(y1, (iy + 1) * TILE_PX)
                tile = self._ground.texture.tile(ix, iy)
                mosaic[y1 - b1 : y1 - b0, a0 - x0 : a1 - x0] = tile[
                    (iy + 1) * TILE_PX - b1 : (iy + 1) * TILE_PX - b0, a0 - ix * TILE_PX : a1 - ix * TILE_PX
                ]
        return mosaic, x0 * TEXEL_M, y1 * TEXEL_M

    def _near(self, view: View, bounds: tuple[float, float, float, float]) -> tuple[list[Thing], list[Crown]]:
        """Everything that may show in the photograph."""
        reach = 4.0
        cells = [
            (ix, iy)
            for ix in range(
                math.floor((bounds[0] - reach) / CELL_M), math.floor((bounds[2] + reach) / CELL_M) + 1
            )
            for iy in range(
                math.floor((bounds[1] - reach) / CELL_M), math.floor((bounds[3] + reach) / CELL_M) + 1
            )
        ]
        things = [t for cell in cells for t in self._ground.things(*cell)]
        crowns = [c for cell in cells for c in self._ground.crowns(*cell)]
        return (
            _in_view(view, things, [(t.xy_m[0], t.xy_m[1], t.base_m + 0.5, 2.2) for t in things]),
            _in_view(
                view, crowns, [(*c.xy_m, c.base_m + c.height_m * 0.7, c.radius_m * 1.5) for c in crowns]
            ),
        )

    # -- objects and people ---------------------------------------------------------------------------

    def _draw_thing(self, image: Image, view: View, thing: Thing, seen: list[_Drawn]) -> None:
        shapes = [_outline(view, thing, part) for part in thing.parts]
        points = np.concatenate([s.outline for s in shapes])
        left, top = (int(v) - 2 for v in np.floor(points.min(axis=0)))
        right, bottom = (int(v) + 3 for v in np.ceil(points.max(axis=0)))
        cv2 = opencv()
        large = max(right - left, bottom - top)
        finer = 4 if large < 400 else 2 if large < 1600 else 1
        side = ((bottom - top) * finer, (right - left) * finer)
        canvas = _Canvas(np.zeros((*side, 3), np.uint8), np.zeros(side, np.uint8), (left, top), finer)
        sun = float(view.right @ self._ground.sun), -float(view.up @ self._ground.sun)
        for shape in sorted(shapes, key=lambda s: -s.depth):
            shape.draw(canvas, shade=thing.shade, sun=sun)
        size = (right - left, bottom - top)
        alpha = cv2.resize(canvas.mask, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        small = cv2.resize(canvas.colour, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        first = round(abs(thing.xy_m[0]) * 1000)
        rows, cols = ((first + np.arange(n)) % len(self._cloth) for n in alpha.shape)
        small *= (1 + 0.08 * self._cloth[np.ix_(rows, cols)])[..., None]
        alpha = cv2.GaussianBlur(alpha, (3, 3), 0.55)
        small = cv2.GaussianBlur(small, (3, 3), 0.55)
        whole = float(alpha.sum())
        a0, b0 = max(left, 0), max(top, 0)
        a1, b1 = min(right, view.width_px), min(bottom, view.height_px)
        if a0 >= a1 or b0 >= b1:
            return
        part = (slice(b0 - top, b1 - top), slice(a0 - left, a1 - left))
        roi = image[b0:b1, a0:a1]
        roi[:] = np.clip(roi * (1 - alpha[part][..., None]) + small[part], 0, 255).astype(np.uint8)
        _cover(seen, a0, b0, alpha[part])
        if thing.person_id:
            seen.append(_Drawn(thing.person_id, a0, b0, alpha[part].copy(), whole))

    # -- crowns ---------------------------------------------------------------------------------------

    def _draw_crown(self, image: Image, view: View, crown: Crown, seen: list[_Drawn]) -> None:
        """Layers of the crown from low to high, each in its true place and size."""
        cv2 = opencv()
        yaw_deg = math.degrees(math.atan2(view.right[1], view.right[0]))
        for layer in self._crowns.layers(crown):
            (at,), (depth,) = view.project([(*crown.xy_m, crown.base_m + layer.height_m)])
            if depth < _NEAREST_M:
                continue
            radius = layer.radius_m * view.focal_px / depth
            left, top = math.floor(at[0] - radius) - 1, math.floor(at[1] - radius) - 1
            right, bottom = math.ceil(at[0] + radius) + 1, math.ceil(at[1] + radius) + 1
            a0, b0 = max(left, 0), max(top, 0)
            a1, b1 = min(right, view.width_px), min(bottom, view.height_px)
            if a0 >= a1 or b0 >= b1:
                continue
            half = layer.bgra.shape[0] / 2
            turn = cv2.getRotationMatrix2D((half, half), layer.turn_deg - yaw_deg, 2 * radius / (2 * half))
            turn[:, 2] += [at[0] - half - a0, at[1] - half - b0]
            patch = cv2.warpAffine(layer.bgra, turn, (a1 - a0, b1 - b0), flags=cv2.INTER_LINEAR)
            alpha = patch[..., 3].astype(np.float32) * (1 / 255)
            roi = image[b0:b1, a0:a1]
            roi[:] = cv2.blendLinear(np.ascontiguousarray(patch[..., :3]), roi, alpha, 1 - alpha)
            _cover(seen, a0, b0, alpha)

    def _add_noise(self, image: Image, index: int) -> None:
        """Sensor noise; another piece of it for every photograph and place."""
        cv2 = opencv()
        rng = np.random.default_rng([self._ground.seed, 42, index])
        h, w = image.shape[:2]
        side = 640
        for top in range(0, h, side):
            for left in range(0, w, side):
                roi = image[top : top + side, left : left + side]
                r, c = rng.integers(0, 1024 - side, 2)
                piece = (slice(r, r + roi.shape[0]), slice(c, c + roi.shape[1]))
                roi[:] = cv2.subtract(cv2.add(roi, self._brighter[piece]), self._darker[piece])


def _densify(grid: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Node values every ``_GRID_PX`` pixels to values at pixel centres (exact bilinear interpolation)."""
    cv2 = opencv()
    rows, cols = grid.shape
    # Nodes lie on pixel corners: node k at pixel coordinate k·g; resize puts them at (k + 0.5)·g - 0.5.
    big = cv2.resize(grid, (cols * _GRID_PX, rows * _GRID_PX), interpolation=cv2.INTER_LINEAR)
    cut = _GRID_PX // 2
    dense: npt.NDArray[np.float32] = big[cut:, cut:]
    return dense


def _in_view(view: View, items: list[Any], spheres: list[tuple[float, float, float, float]]) -> list[Any]:
    if not items:
        return []
    array = np.array(spheres)
    pixels, depth = view.project(array[:, :3])
    margin = array[:, 3] * view.focal_px / np.maximum(depth, 0.1)
    inside = (
        (depth > _NEAREST_M)
        & (pixels[:, 0] > -margin)
        & (pixels[:, 1] > -margin)
        & (pixels[:, 0] < view.width_px + margin)
        & (pixels[:, 1] < view.height_px + margin)
    )
    return [item for item, ok in zip(items, inside, strict=True) if ok]


@dataclass(slots=True)
class _Canvas:
    colour: Image
    mask: Image
    origin: tuple[int, int]
    finer: int


@dataclass(slots=True)
class _Shape:
    outline: npt.NDArray[np.float64]
    depth: float
    bgr: tuple[int, int, int]
    discs: tuple[tuple[npt.NDArray[np.float64], float], ...]

    def draw(self, canvas: _Canvas, *, shade: float, sun: tuple[float, float]) -> None:
        cv2 = opencv()

        def fill(points: npt.NDArray[np.float64], gain: float) -> None:
            hull = cv2.convexHull(np.round((points - canvas.origin) * (canvas.finer * 16)).astype(np.int32))
            bgr = tuple(min(255, int(c * gain * shade)) for c in self.bgr)
            cv2.fillConvexPoly(canvas.colour, hull, bgr, cv2.LINE_8, 4)
            cv2.fillConvexPoly(canvas.mask, hull, 255, cv2.LINE_8, 4)

        if not self.discs:
            fill(self.outline, 1.0)
            return
        fill(self.outline, 0.68)
        for size, gain in ((0.78, 0.95), (0.45, 1.15)):
            shift = np.array(sun) * (1 - size)
            fill(np.concatenate([_ring(c + shift * r, r * size) for c, r in self.discs]), gain)


def _ring(centre: npt.NDArray[np.float64], radius: float) -> npt.NDArray[np.float64]:
    angle = np.arange(14) * (2 * np.pi / 14)
    ring: npt.NDArray[np.float64] = centre + radius * np.column_stack([np.cos(angle), np.sin(angle)])
    return ring


def _outline(view: View, thing: Thing, part: Capsule | Facet) -> _Shape:
    if isinstance(part, Facet):
        pixels, depth = view.project(thing.world(part.corners))
        return _Shape(pixels, float(depth.mean()), part.bgr, ())
    pixels, depth = view.project(thing.world([part.start, part.end]))
    radii = np.array([part.start_radius_m, part.end_radius_m]) * view.focal_px / np.maximum(depth, 0.1)
    discs = tuple((p, float(r)) for p, r in zip(pixels, radii, strict=True))
    highest = float((depth - [part.start_radius_m, part.end_radius_m]).min())
    return _Shape(np.concatenate([_ring(c, r) for c, r in discs]), highest, part.bgr, discs)


def _cover(seen: list[_Drawn], left: int, top: int, alpha: Any) -> None:
    """Take what is now covered off the people drawn before."""
    h, w = alpha.shape
    for drawn in seen:
        dh, dw = drawn.alpha.shape
        x0, x1 = max(left, drawn.left), min(left + w, drawn.left + dw)
        y0, y1 = max(top, drawn.top), min(top + h, drawn.top + dh)
        if x0 < x1 and y0 < y1:
            body = drawn.alpha[y0 - drawn.top : y1 - drawn.top, x0 - drawn.left : x1 - drawn.left]
            body *= 1 - alpha[y0 - top : y1 - top, x0 - left : x1 - left]


def _summed(drawn: _Drawn) -> SeenPerson:
    rows = np.flatnonzero((drawn.alpha > 0.3).any(axis=1))
    cols = np.flatnonzero((drawn.alpha > 0.3).any(axis=0))
    if len(rows) == 0:
        rows, cols = np.arange(drawn.alpha.shape[0]), np.arange(drawn.alpha.shape[1])
    return SeenPerson(
        person_id=drawn.person_id,
        xyxy_px=(
            float(drawn.left + cols[0]),
            float(drawn.top + rows[0]),
            float(drawn.left + cols[-1] + 1),
            float(drawn.top + rows[-1] + 1),
        ),
        visible=round(float(drawn.alpha.sum()) / max(drawn.whole, 1e-6), 3),
    )
