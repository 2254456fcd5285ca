"""Ground without people to put people on: crops of free aerial photographs, and scenes made of their grain.

What is composed (roads, paving, roofs, walls, shade) takes its grain from the photographs of `train.photos`,
since free photographs of towns from the air are few (those of `train.towns` are cut there).
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from .photos import SOURCES, Photo

__all__ = ["Grounds"]

Random = np.random.Generator


_EARTH = (
    (0.42, 0.42, 0.43), (0.30, 0.30, 0.32), (0.55, 0.53, 0.50), (0.68, 0.65, 0.60), (0.62, 0.54, 0.42),
    (0.45, 0.36, 0.27), (0.56, 0.34, 0.28), (0.30, 0.36, 0.18), (0.42, 0.47, 0.24), (0.24, 0.30, 0.17),
    (0.52, 0.50, 0.30), (0.80, 0.78, 0.74), (0.16, 0.24, 0.27), (0.20, 0.34, 0.36), (0.68, 0.55, 0.50),
)  # fmt: skip


def _noise(random: Random, side: int, cells: float) -> np.ndarray:
    """(side, side) smooth noise of mean 0 and spread about 1, with `cells` waves across."""
    n = max(2, int(cells) + 2)
    small = random.normal(size=(n, n)).astype(np.float32)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC) * 1.5


class Grounds:
    """Draws square pictures of ground.

    Args:
        photos: what `load_photos` returned.
        side_px: of the pictures.
    """

    def __init__(self, photos: list[Photo], side_px: int) -> None:
        self.side = side_px
        self._levels: dict[tuple[str, int], np.ndarray] = {}
        by_source: dict[str, list[Photo]] = {}
        for photo in photos:
            by_source.setdefault(photo.source, []).append(photo)
        self.steep = {k: v for k, v in by_source.items() if SOURCES[k].view == "steep"}
        self.oblique = {k: v for k, v in by_source.items() if SOURCES[k].view == "oblique"}

    def _photo(self, random: Random, view: str) -> Photo:
        sources = self.steep if view == "steep" else self.oblique
        names = list(sources)
        weights = np.array([len(sources[n]) ** 0.5 for n in names])
        photos = sources[names[int(random.choice(len(names), p=weights / weights.sum()))]]
        return photos[int(random.integers(len(photos)))]

    def _reduced(self, photo: Photo, halvings: int) -> np.ndarray:
        """A photograph at 1 / 2^halvings of its sides, kept."""
        key = (photo.name, halvings)
        if key not in self._levels:
            factor = 0.5**halvings
            self._levels[key] = (
                cv2.resize(photo.bgr, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
                if halvings
                else photo.bgr
            )
        return self._levels[key]

    def crop(
        self, random: Random, view: str, gsd_m_px: float | None = None, *, side: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """A piece of a photograph, turned any way if steep: uint8 BGR, and the (n, 4) marked boxes on it."""
        side = side or self.side
        photo = self._photo(random, view)
        height, width = photo.bgr.shape[:2]
        if view == "steep" and gsd_m_px is not None:
            scale = photo.gsd_m_px / gsd_m_px * math.exp(random.uniform(-0.25, 0.25))
        else:
            scale = math.exp(random.uniform(math.log(0.22), 0.1))
        turn = random.uniform(0, 2 * math.pi) if view == "steep" else random.normal() * 0.06
        reach = side / scale * (abs(math.cos(turn)) + abs(math.sin(turn))) / 2
        scale *= max(1.0, 2 * reach / min(height, width) * 1.001)
        reach = min(reach, min(height, width) / 2)
        middle = (random.uniform(reach, width - reach), random.uniform(reach, height - reach))
        flip = -1.0 if random.random() < 0.5 else 1.0
        cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
        linear = np.array([[flip * cos, -flip * sin], [sin, cos]])
        matrix = np.hstack([linear, (side / 2 - linear @ np.array(middle))[:, None]])
        halvings = 0 if scale > 0.75 else min(4, max(0, math.floor(math.log2(0.75 / scale)) + 1))
        source = self._reduced(photo, halvings)
        matrix = matrix @ np.diag([2.0**halvings, 2.0**halvings, 1])
        picture = cv2.warpAffine(
            source, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        boxes = []
        full = np.hstack([linear, (side / 2 - linear @ np.array(middle))[:, None]])
        for x0, y0, x1, y1 in photo.marked:
            corners = np.array([[x0, y0, 1], [x1, y0, 1], [x0, y1, 1], [x1, y1, 1]]) @ full.T
            boxes.append([*corners.min(axis=0), *corners.max(axis=0)])
        return picture, np.array(boxes, dtype=float).reshape(-1, 4)

    def texture(self, random: Random, gsd_m_px: float, *, side: int | None = None) -> np.ndarray:
        """The grain of a photograph in the colour of some other ground, float32 BGR 0…255."""
        side = side or self.side
        grain, _ = self.crop(random, "steep", gsd_m_px * math.exp(random.uniform(-0.7, 0.7)), side=side)
        grain = grain.astype(np.float32)
        grain -= grain.mean(axis=(0, 1))
        if random.random() < 0.7:
            grain = grain.mean(axis=2, keepdims=True) * np.array([0.9, 1.0, 1.05], np.float32)
        spread = max(float(grain.std()), 1.0)
        grain *= min(3.0, math.exp(random.uniform(math.log(2.5), math.log(26))) / spread)
        red, green, blue = _EARTH[int(random.integers(len(_EARTH)))]
        colour = 255 * np.array([blue, green, red], np.float32) * random.uniform(0.7, 1.25)
        wave = 1 + 0.06 * _noise(random, side, random.uniform(1, 4))
        return np.clip((grain + colour) * wave[..., None], 2, 253)

    def _paving(self, random: Random, ground: np.ndarray, gsd_m_px: float) -> None:
        """Draw joints of slabs, boards or tiles over the whole picture."""
        side = ground.shape[0]
        turn = random.uniform(0, math.pi)
        y, x = np.mgrid[0:side, 0:side].astype(np.float32)
        along, across = (
            (x * math.cos(turn) + y * math.sin(turn)) * gsd_m_px,
            (y * math.cos(turn) - x * math.sin(turn)) * gsd_m_px,
        )
        step = random.uniform(0.2, 1.6)
        ratio = random.choice((1.0, 1.0, 2.0, 6.0, 1e6))
        joint = max(gsd_m_px * 0.9, random.uniform(0.01, 0.06))
        factor = random.uniform(0.55, 0.95) if random.random() < 0.8 else random.uniform(1.05, 1.3)
        row = np.floor(across / step)
        tile = (row * 7 + np.floor((along + 0.5 * step * ratio * (row % 2)) / (step * ratio)) * 13) % 5
        ground *= (1 + (tile - 2) * random.uniform(0, 0.03))[..., None]
        lines = ((across % step) < joint) | ((along % (step * ratio)) < joint)
        ground[lines] *= factor

    def _region(self, random: Random) -> np.ndarray:
        """(side, side) 0…1: one side of a straight or wavy border, or a disc."""
        side = self.side
        y, x = np.mgrid[0:side, 0:side].astype(np.float32)
        if random.random() < 0.2:
            middle, radius = random.uniform(0, side, 2), random.uniform(0.1, 0.5) * side
            signed = radius - np.hypot(x - middle[0], y - middle[1])
        else:
            turn, at = random.uniform(0, 2 * math.pi), random.uniform(-0.35, 0.35) * side
            signed = (x - side / 2) * math.cos(turn) + (y - side / 2) * math.sin(turn) - at
        if random.random() < 0.35:
            signed = signed + _noise(random, side, random.uniform(2, 10)) * random.uniform(2, 14)
        return np.clip(signed + 0.5, 0, 1)

    def _markings(self, random: Random, ground: np.ndarray, gsd_m_px: float) -> None:
        """Road lines, arrows and letters in white or yellow."""
        side = ground.shape[0]
        mask = np.zeros((side, side), np.uint8)
        for _ in range(int(random.integers(1, 4))):
            start = random.uniform(-0.2, 1.2, 2) * side
            turn, wide = random.uniform(0, 2 * math.pi), max(1, round(random.uniform(0.08, 0.45) / gsd_m_px))
            way = np.array([math.cos(turn), math.sin(turn)]) * side * 2
            if random.random() < 0.25:
                text = "".join(random.choice(list("SLOWFIRELANE0123P<>"), int(random.integers(1, 4))))
                at = tuple(int(v) for v in random.uniform(0, side * 0.8, 2))
                cv2.putText(mask, text, at, 0, random.uniform(0.8, 2.5), 255, wide, cv2.LINE_AA)
            elif random.random() < 0.25:
                tip = start + way / 2 * random.uniform(0.08, 0.25) / 1.0
                ends = (tuple(start.astype(int).tolist()), tuple(tip.astype(int).tolist()))
                cv2.arrowedLine(mask, *ends, 255, 2 * wide, cv2.LINE_AA, 0, random.uniform(0.25, 0.5))
            elif random.random() < 0.4:
                for share in np.arange(0, 1, random.uniform(0.06, 0.15)):
                    a, b = start + way * share, start + way * (share + 0.04)
                    cv2.line(
                        mask,
                        tuple(a.astype(int).tolist()),
                        tuple(b.astype(int).tolist()),
                        255,
                        wide,
                        cv2.LINE_AA,
                    )
            else:
                end = (start + way).astype(int).tolist()
                begin = (start - way).astype(int).tolist()
                cv2.line(mask, tuple(begin), tuple(end), 255, wide, cv2.LINE_AA)
        paint = np.array([[230, 235, 235], [60, 190, 235]][int(random.random() < 0.25)], np.float32)
        cover = mask[..., None] / np.float32(255) * random.uniform(0.4, 0.95)
        ground *= 1 - cover
        ground += paint * cover * random.uniform(0.75, 1.0)

    def composed(self, random: Random, gsd_m_px: float) -> np.ndarray:
        """A piece of made ground seen from above, float32 BGR: areas, joints and markings, without shade."""
        ground = self.texture(random, gsd_m_px)
        if random.random() < 0.45:
            self._paving(random, ground, gsd_m_px)
        if random.random() < 0.4:
            self._markings(random, ground, gsd_m_px)
        for _ in range(int(random.integers(0, 3))):
            other = self.texture(random, gsd_m_px)
            if random.random() < 0.4:
                self._paving(random, other, gsd_m_px)
            region = self._region(random)[..., None]
            edge = region * (1 - region) * 4
            kerb = random.uniform(0.6, 1.3) if random.random() < 0.4 else 1.0
            ground = ground * (1 - region) + other * region
            ground = np.clip(ground * (1 + (kerb - 1) * edge), 0, 255)
        if random.random() < 0.3:
            stains = np.clip(
                _noise(random, self.side, random.uniform(4, 18)) - random.uniform(1.0, 2.0), 0, 1
            )
            ground *= 1 - 0.5 * stains[..., None]
        return ground

    def shaded(self, random: Random, ground: np.ndarray) -> np.ndarray:
        """Lay the shade of trees or houses over a float32 picture."""
        side = self.side
        depth = random.uniform(0.25, 0.65)
        if random.random() < 0.5:
            shade = self._region(random)
        else:
            field = _noise(random, side, random.uniform(1.5, 4)) + 0.6 * _noise(
                random, side, random.uniform(9, 26)
            )
            shade = np.clip((field - random.uniform(-0.3, 0.9)) * random.uniform(2, 6), 0, 1)
        shade = cv2.GaussianBlur(shade.astype(np.float32), (0, 0), random.uniform(0.6, 2.0))[..., None]
        tint = np.array([1.12, 1.0, 0.93], np.float32)
        return ground * (1 - shade * (1 - depth * tint))

    def oblique_composed(self, random: Random, gsd_m_px: float) -> np.ndarray:
        """Made ground under a low camera: composed ground foreshortened, walls, hedges and woods behind."""
        side = self.side
        ground = self.composed(random, gsd_m_px)
        squeeze, narrow = random.uniform(0.3, 0.8), random.uniform(0.0, 0.32)
        corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
        far = side * narrow
        target = np.array(
            [[far, 0], [side - far, 0], [side * 1.15, side * squeeze], [-side * 0.15, side * squeeze]]
        )
        target[:, 1] *= 1 / squeeze
        spread = target * (1 + 2 * narrow) - (side * narrow, 0)
        turn = cv2.getPerspectiveTransform(corners, spread.astype(np.float32))
        ground = cv2.warpPerspective(
            ground, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        if random.random() < 0.4:
            self._wall(random, ground)
        return ground

    def _wall(self, random: Random, ground: np.ndarray) -> None:
        """Put a house front, wall or wood into the upper part of the picture."""
        side = self.side
        foot = [random.uniform(0.1, 0.7) * side for _ in range(2)]
        ends = np.array([[0, -5], [side, -5], [side, foot[1]], [0, foot[0]]], np.int32)
        mask = np.zeros((side, side), np.uint8)
        cv2.fillConvexPoly(mask, ends, 255, cv2.LINE_AA)
        front = self.texture(random, 0.05)
        if random.random() < 0.4:
            front = self.crop(random, "oblique")[0].astype(np.float32) * random.uniform(0.7, 1.1)
        elif random.random() < 0.75:
            wide, high = random.uniform(8, 45), random.uniform(10, 45)
            pane = np.array(random.uniform(15, 110, 3), np.float32)
            x0, gap_x, gap_y = (
                random.uniform(0, 30),
                wide * random.uniform(1.2, 3),
                high * random.uniform(1.2, 2.2),
            )
            for x in np.arange(-x0, side, gap_x):
                for y in np.arange(-10, side, gap_y):
                    colour = (pane * random.uniform(0.7, 1.3)).tolist()
                    cv2.rectangle(front, (int(x), int(y)), (int(x + wide), int(y + high)), colour, -1)
                    if random.random() < 0.6:
                        cv2.rectangle(
                            front, (int(x), int(y)), (int(x + wide), int(y + high)), (200, 200, 200), 1
                        )
        cover = mask[..., None] / np.float32(255)
        ground *= 1 - cover
        ground += front * cover
