"""Composes training pictures: people and things from the pools on photographed or composed ground.

A picture is at the network's working scale: steep views at 2.6 to 5.2 cm per pixel, oblique views with
people standing 17 to 64 pixels tall. The camera's faults (blur, sharpening, noise, JPEG, white balance, haze)
are laid over the finished picture, so that what is pasted shares them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from .clutter import dappled, scatter
from .faults import camera_faults, overprint
from .grounds import Grounds
from .loop import Sample
from .render import FULL_SCALE, Sprite
from .sprites import Pool

__all__ = ["Ground", "Scenes", "Variety", "Views", "draw_ground", "mixing"]

Random = np.random.Generator

STEEP_GSD_M_PX = (0.026, 0.052)
OBLIQUE_TALL_PX = (17.0, 64.0)
PHOTO_SHARE = {"steep": 0.5, "oblique": 0.45}
TALL_M = 1.7
_LEAST_VISIBLE = 0.5
_SOLID = 0.35
"""Cover from which a pixel counts for the box."""

_LEAST_SIDE_PX = 6.0
_LEAST_CONTRAST = 16.0
"""People who change the picture by less (8-bit units) are neither to be found nor to be left out."""
_LEAST_SPREAD = 3.5
"""So are people about whom the finished picture's grey values spread by less (8-bit units)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Pools of one view."""

    people: Pool
    things: Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Variety:
    """What happens to training pictures beyond people and things.

    Attributes:
        scattered: how many small things that are drawn in place, one of these.
        odd_sizes: share of things seen aslant that are of another size than theirs, as near or far ones are.
        recoloured: share of sprites whose colours are mixed anew.
        dappled: share of pictures over which, people included, the shade of leaves is laid.
        soft: share of pictures as soft as those of a poor lens, or of shake and compression.
    """

    scattered: tuple[int, ...] = (0,)
    odd_sizes: float = 0.0
    recoloured: float = 0.0
    dappled: float = 0.0
    soft: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sky:
    """Light on a picture: what a white level surface in the open sends back (1 is white), sun or not."""

    exposure: float
    overcast: bool


@dataclass(slots=True, kw_only=True)
class _Placed:
    """A person on the picture: cover, box, cover were nothing in the way [px], mean change of the picture."""

    cover: np.ndarray
    box_px: tuple[float, float, float, float]
    whole: float
    contrast: float


def _turned(sprite: Sprite, scale: float, turn: float, flip: bool) -> tuple[np.ndarray, np.ndarray]:
    """Scale, mirror and turn a sprite.

    Returns:
        (height, width, 5) float32: light times cover, cover, shadow 0…1; (2, 3) matrix to its pixels.
    """
    light = (sprite.bgr.astype(np.float32) / 255) ** 2 * FULL_SCALE
    cover = sprite.alpha.astype(np.float32)[..., None] / 255
    body = np.concatenate([light * cover, cover], axis=2)
    shadow = sprite.shadow.astype(np.float32) / 255
    height, width = shadow.shape
    small = (max(2, round(width * scale)), max(2, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    body, shadow = (cv2.resize(layer, small, interpolation=way) for layer in (body, shadow))
    matrix = np.array([[small[0] / width, 0, 0], [0, small[1] / height, 0]])
    if flip:
        body, shadow = body[:, ::-1].copy(), shadow[:, ::-1].copy()
        matrix = np.array([[-1, 0, small[0]], [0, 1, 0], [0, 0, 1]])[:2] @ np.vstack([matrix, (0, 0, 1)])
    if turn:
        cos, sin = math.cos(turn), math.sin(turn)
        size = (
            math.ceil(abs(cos) * small[0] + abs(sin) * small[1]) + 2,
            math.ceil(abs(sin) * small[0] + abs(cos) * small[1]) + 2,
        )
        spin = np.array([[cos, sin, 0], [-sin, cos, 0]])
        spin[:, 2] = np.array(size) / 2 - spin[:, :2] @ (np.array(small) / 2)
        body, shadow = (cv2.warpAffine(layer, spin, size, flags=cv2.INTER_LINEAR) for layer in (body, shadow))
        matrix = spin @ np.vstack([matrix, (0, 0, 1)])
    return np.dstack([body, shadow]), matrix


def _turn(random: Random, sprite: Sprite, azimuth: float, flip: bool) -> float:
    """How far to turn a sprite seen from above, so that its shadow falls as the others' do [rad]."""
    if sprite.light.sky_share > 0.9:
        return random.uniform(0, 2 * math.pi)
    own = math.pi - sprite.light.sun_azimuth_rad if flip else sprite.light.sun_azimuth_rad
    return azimuth - own + random.normal() * 0.05


def _gain(random: Random, picture: np.ndarray, spot: np.ndarray, sky: _Sky) -> tuple[float, bool]:
    """Brightness of what is pasted at a spot, and whether it lies in the shade."""
    side = picture.shape[0]
    x, y = (int(np.clip(v, 0, side - 1)) for v in spot)
    around = picture[max(0, y - 14) : y + 15, max(0, x - 14) : x + 15]
    near, usual = float(np.mean((around / 255) ** 2.2)), sky.exposure * 0.18
    in_shade = near < 0.42 * usual
    gain = sky.exposure
    if in_shade or random.random() < 0.3:
        gain *= float(np.clip(near / usual, 0.25, 1.6))
    return float(np.clip(gain * math.exp(random.normal() * 0.15), 0.12, 2.2)), in_shade


def _covers(boxes: np.ndarray, spot: np.ndarray, margin_px: float) -> bool:
    """Whether a spot is in a box or less than a margin beside it."""
    return bool(((spot > boxes[:, :2] - margin_px) & (spot < boxes[:, 2:] + margin_px)).all(axis=1).any())


def mixing(random: Random) -> np.ndarray:
    """(3, 3) matrix that exchanges colours in part and leaves greys grey."""
    share = random.uniform(0.1, 0.8)
    mixed = (1 - share) * np.eye(3) + share * np.eye(3)[random.permutation(3)]
    return mixed.astype(np.float32)


def _window(at: int, length: int, side: int) -> tuple[slice, slice]:
    """Where a layer of `length` beginning at `at` overlaps the picture: slices of both."""
    first, last = max(0, at), min(side, at + length)
    return slice(first, max(first, last)), slice(first - at, max(first, last) - at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Ground to paste on.

    Attributes:
        bgr: (side, side, 3) uint8.
        marked: (n, 4) boxes not to be judged [px].
        gsd_m_px: of ground across the line of sight.
        persons: (n, 4) boxes of people who are on it already [px].
    """

    bgr: np.ndarray
    marked: np.ndarray
    gsd_m_px: float
    persons: np.ndarray = field(default_factory=lambda: np.empty((0, 4)))


def draw_ground(random: Random, grounds: Grounds, view: str) -> Ground:
    """Photographed or composed ground at a random scale."""
    if view == "steep":
        gsd = math.exp(random.uniform(*np.log(STEEP_GSD_M_PX)))
    else:
        gsd = TALL_M / math.exp(random.uniform(*np.log(OBLIQUE_TALL_PX)))
    choice = random.random()
    if choice < PHOTO_SHARE[view]:
        picture, marked = grounds.crop(random, view, gsd)
        return Ground(bgr=picture, marked=marked, gsd_m_px=gsd)
    made = grounds.composed(random, gsd) if view == "steep" else grounds.oblique_composed(random, gsd)
    if random.random() < 0.45:
        made = grounds.shaded(random, made)
    return Ground(bgr=np.clip(made, 0, 255).astype(np.uint8), marked=np.empty((0, 4)), gsd_m_px=gsd)


class Scenes:
    """A sampler for `train.loop`: draws one composed picture with its boxes.

    Args:
        kept: grounds by "steep" and "oblique", larger than the pictures.
        leaves: pictures of vegetation to hide people behind, of the pictures' size or larger.
        views: pools by "steep" and "oblique".
        side_px: of the pictures.
        oblique_share: share of oblique pictures.
        people_share: share of pictures with people.
        crowd: how many people there are then, one of these.
        clutter: how many things there are, one of these.
        variety: what else happens to pictures; None for nothing.
    """

    def __init__(
        self,
        kept: dict[str, list[Ground]],
        leaves: list[np.ndarray],
        views: dict[str, Views],
        *,
        side_px: int,
        oblique_share: float = 0.5,
        people_share: float = 0.75,
        crowd: tuple[int, ...] = (1, 1, 2, 2, 3, 4, 6),
        clutter: tuple[int, ...] = (0, 0, 1, 2, 4, 7),
        variety: Variety | None = None,
    ) -> None:
        self.kept, self.leaves, self.views, self.side = kept, leaves, views, side_px
        self.oblique_share, self.people_share = oblique_share, people_share
        self.crowd, self.clutter, self.variety = crowd, clutter, variety or Variety()

    def __call__(self, random: Random) -> Sample:
        """Draw a picture."""
        view = "oblique" if random.random() < self.oblique_share else "steep"
        ground = self.kept[view][int(random.integers(len(self.kept[view])))]
        picture, there, ignored = self._cut(random, ground, turn=view == "steep")
        azimuth = random.uniform(0, 2 * math.pi)
        count = int(random.choice(self.variety.scattered))
        if count and not len(there):
            scatter(
                random,
                picture,
                count=count,
                grain=self.leaves[int(random.integers(len(self.leaves)))],
                sprites=self.views[view].people.sprites,
                gsd_m_px=ground.gsd_m_px,
                sun_rad=-azimuth,
                oblique=view == "oblique",
            )
        placed = self._populate(random, picture, view, ground.gsd_m_px, azimuth=azimuth, there=there)
        self._occlude(random, picture, placed)
        if random.random() < self.variety.dappled:
            dappled(random, picture)
        persons, hidden = self._boxes(placed)
        if random.random() < 0.04:
            overprint(random, picture)
        if random.random() < self.variety.soft:
            picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(1.0, 2.4))
        faulty = camera_faults(random, picture)
        shown = np.vstack([there, np.array(persons, dtype=float).reshape(-1, 4)])
        faint = np.array([_spread(faulty, box) < _LEAST_SPREAD for box in shown], dtype=bool)
        return Sample(
            image=faulty,
            persons=shown[~faint],
            ignored=np.vstack([ignored, np.array(hidden, dtype=float).reshape(-1, 4), shown[faint]]),
        )

    def _cut(
        self, random: Random, ground: Ground, *, turn: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A piece of the ground, mirrored at random and turned by quarters.

        Returns:
            float32 picture; boxes of people there; boxes not to be judged.
        """
        side, spare = self.side, ground.bgr.shape[0] - self.side
        left, top = (int(v) for v in random.integers(0, spare + 1, 2))
        picture = ground.bgr[top : top + side, left : left + side]
        boxes = np.vstack([ground.persons, ground.marked]) - (left, top, left, top)
        for _ in range(int(random.integers(4)) if turn else 0):
            picture = np.rot90(picture)
            boxes = np.stack([boxes[:, 1], side - boxes[:, 2], boxes[:, 3], side - boxes[:, 0]], axis=1)
        if random.random() < 0.5:
            picture = picture[:, ::-1]
            boxes = np.stack([side - boxes[:, 2], boxes[:, 1], side - boxes[:, 0], boxes[:, 3]], axis=1)
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        people = np.arange(len(boxes)) < len(ground.persons)
        inside = people & ((middles >= 0) & (middles < side)).all(axis=1)
        touching = ~inside & (boxes[:, 2:] > 0).all(axis=1) & (boxes[:, :2] < side).all(axis=1)
        return np.ascontiguousarray(picture, dtype=np.float32), boxes[inside], boxes[touching]

    def _populate(
        self,
        random: Random,
        picture: np.ndarray,
        view: str,
        gsd: float,
        *,
        azimuth: float,
        there: np.ndarray,
    ) -> list[_Placed]:
        """Paste people and things, though not on the people who are there."""
        pools = self.views[view]
        people = int(random.choice(self.crowd)) if random.random() < self.people_share else 0
        things = int(random.choice(self.clutter))
        side = self.side
        spots = []
        middle = random.uniform(0.1, 0.9, 2) * side
        grouped = random.random() < 0.3
        for k in range(people + things):
            spot = random.uniform(-0.02, 1.02, 2) * side
            if grouped and k < people:
                spot = middle + random.normal(size=2) * 1.2 / gsd
            spots.append((k < people, spot))
        spots = [(kind, spot) for kind, spot in spots if not _covers(there, spot, 1.3 / gsd)]
        if view == "oblique":
            spots.sort(key=lambda pair: float(pair[1][1]))
        else:
            random.shuffle(spots)
        reference = float(np.median((picture[::8, ::8] / 255) ** 2.2))
        exposure = max(0.08, reference) / math.exp(random.uniform(math.log(0.08), math.log(0.34)))
        sky = _Sky(exposure=exposure, overcast=bool(random.random() < 0.3))
        placed: list[_Placed] = []
        for is_person, spot in spots:
            pool = pools.people if is_person else pools.things
            sprite = pool.sprites[int(random.integers(len(pool.sprites)))]
            scale = sprite.gsd_m_px / gsd * math.exp(random.normal() * 0.06)
            if not is_person and view == "oblique" and random.random() < self.variety.odd_sizes:
                scale *= math.exp(random.uniform(-0.7, 1.0))
            flip = bool(random.random() < 0.5)
            turn = _turn(random, sprite, azimuth, flip) if view == "steep" else 0.0
            new = self._paste(random, picture, sprite, (scale, turn, flip), spot, sky=sky)
            if new is None:
                continue
            for other in placed:
                other.cover *= 1 - new.cover
            if is_person:
                placed.append(new)
        return placed

    def _paste(
        self,
        random: Random,
        picture: np.ndarray,
        sprite: Sprite,
        how: tuple[float, float, bool],
        spot: np.ndarray,
        *,
        sky: _Sky,
    ) -> _Placed | None:
        """Put a sprite's shadow and body on the picture, its middle at a spot; None if it falls outside."""
        side = self.side
        layers, matrix = _turned(sprite, *how)
        x0, y0, x1, y1 = sprite.box_px
        middle = matrix @ np.array([(x0 + x1) / 2, (y0 + y1) / 2, 1])
        left, top = (int(v) for v in np.round(spot - middle))
        columns, inner_x = _window(left, layers.shape[1], side)
        rows, inner_y = _window(top, layers.shape[0], side)
        if columns.start >= columns.stop or rows.start >= rows.stop:
            return None
        piece, before = layers[inner_y, inner_x], picture[rows, columns]
        gain, in_shade = _gain(random, picture, spot, sky)
        sky_share = sprite.light.sky_share
        cast = piece[..., 4:5] * (1 - min(0.92, sky_share * random.uniform(0.8, 1.3)))
        if sky.overcast or in_shade or sky_share > 0.9:
            cast = cast * 0
        tint = gain * np.exp(random.normal(size=3) * 0.05).astype(np.float32)
        cover = piece[..., 3:4]
        light = piece[..., :3] * tint
        if random.random() < self.variety.recoloured:
            light = light @ mixing(random)
        ground = (before / 255) ** 2.2 * (1 - cast * np.array([0.93, 1, 1.04], np.float32))
        shown = 255 * np.clip(ground * (1 - cover) + light, 0, 1) ** (1 / 2.2)
        change = float((np.abs(shown - before).max(axis=2) * cover[..., 0]).sum() / max(cover.sum(), 1e-6))
        picture[rows, columns] = shown
        full = np.zeros((side, side), np.float32)
        full[rows, columns] = cover[..., 0]
        solid = np.nonzero(layers[..., 3] > _SOLID)
        box = (0.0, 0.0, 0.0, 0.0)
        if len(solid[0]):
            y, x = solid
            box = (left + x.min(), top + y.min(), left + x.max() + 1.0, top + y.max() + 1.0)
        return _Placed(cover=full, box_px=box, whole=float(layers[..., 3].sum()), contrast=change)

    def _occlude(self, random: Random, picture: np.ndarray, placed: list[_Placed]) -> None:
        """Hide some of the people partly behind leaves, which are the photographs' own texture."""
        if random.random() > 0.3:
            return
        side = self.side
        leaves = self.leaves[int(random.integers(len(self.leaves)))][:side, :side]
        leaves = leaves.astype(np.float32) * random.uniform(0.6, 1.1)
        field = np.zeros((side, side), np.float32)
        targets = [p.box_px for p in placed] or [(side * 0.3, side * 0.3, side * 0.6, side * 0.6)]
        for x0, y0, x1, y1 in targets:
            if random.random() < 0.5:
                continue
            reach = max(x1 - x0, y1 - y0, 10.0)
            turn = random.uniform(0, 2 * math.pi)
            middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2]) + reach * random.uniform(0.25, 0.75) * np.array(
                [math.cos(turn), math.sin(turn)]
            )
            y, x = np.mgrid[0:side, 0:side].astype(np.float32)
            spread = reach * random.uniform(0.3, 0.6)
            np.maximum(
                field, np.exp(-(((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / (2 * spread**2))), out=field
            )
        rough = cv2.resize(random.normal(size=(side // 3, side // 3)).astype(np.float32), (side, side))
        rough = cv2.GaussianBlur(rough, (0, 0), random.uniform(0.5, 2.0)) * random.uniform(0.1, 0.5)
        cover = np.clip((field + rough - 0.55) * 6, 0, 1) * (field > 0.1)
        cover = cover.astype(np.float32)
        picture *= 1 - cover[..., None]
        picture += leaves * cover[..., None]
        for person in placed:
            person.cover *= 1 - cover

    def _boxes(self, placed: list[_Placed]) -> tuple[list[list[float]], list[list[float]]]:
        """Boxes of people seen well enough, and of those who are not."""
        side = self.side
        persons, hidden = [], []
        for p in placed:
            solid = p.cover > _SOLID
            box = [float(np.clip(v, 0, side)) for v in p.box_px]
            share = float(p.cover.sum()) / max(p.whole, 1e-6)
            if share > 0.05:
                rows, columns = np.nonzero(solid.any(axis=1))[0], np.nonzero(solid.any(axis=0))[0]
                if len(rows) and len(columns):
                    box = [float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)]
            large = max(box[2] - box[0], box[3] - box[1]) >= _LEAST_SIDE_PX
            if share >= _LEAST_VISIBLE and large and p.contrast >= _LEAST_CONTRAST:
                persons.append(box)
            elif box[2] > box[0] and box[3] > box[1] and share > 0.03:
                hidden.append(box)
        return persons, hidden


def _spread(picture: np.ndarray, box: np.ndarray) -> float:
    """Standard deviation of the grey values in and about a box [8-bit units]."""
    x0, y0, x1, y1 = box
    x, y = 2 + 0.2 * (x1 - x0), 2 + 0.2 * (y1 - y0)
    piece = picture[max(0, int(y0 - y)) : math.ceil(y1 + y), max(0, int(x0 - x)) : math.ceil(x1 + x)]
    return float(piece.mean(axis=2).std()) if piece.size else 0.0
