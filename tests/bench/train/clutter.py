"""What lies about people and over them, drawn straight onto a picture.

Small things that are no people: patches, spots, marks, posts and bare shadows.
They are as large as people, as sharp, and cast the same shadows, so that neither an edge, nor a shadow, nor a
foreign colour tells a person: only the shape does. And the shade of leaves, which falls on everything alike.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from .render import Sprite

__all__ = ["dappled", "scatter"]

Random = np.random.Generator

_FINE = 4
"""Shapes are drawn this many times larger and averaged down."""


def _window(
    middle: np.ndarray, shape: tuple[int, ...], side: int
) -> tuple[slice, slice, slice, slice] | None:
    """Rows and columns of the picture and of the layer of `shape` about a middle; None if they don't meet."""
    spans = []
    for at, length in ((middle[1], shape[0]), (middle[0], shape[1])):
        first = round(float(at)) - length // 2
        low, high = max(0, first), min(side, first + length)
        if low >= high:
            return None
        spans += [slice(low, high), slice(low - first, high - first)]
    return spans[0], spans[2], spans[1], spans[3]


def _lay(picture: np.ndarray, middle: np.ndarray, cover: np.ndarray, colour: np.ndarray) -> None:
    """Blend a colour, (3,) or as large as the cover, over the picture where the cover is 1."""
    window = _window(middle, cover.shape, picture.shape[0])
    if window is None:
        return
    rows, columns, own_rows, own_columns = window
    share = cover[own_rows, own_columns, None]
    paint = colour if colour.ndim == 1 else colour[own_rows, own_columns]
    place = picture[rows, columns]
    place += share * (paint - place)


def _darken(picture: np.ndarray, middle: np.ndarray, cover: np.ndarray, depth: float) -> None:
    """Take light away where the cover is 1; the rest is a little blue."""
    window = _window(middle, cover.shape, picture.shape[0])
    if window is None:
        return
    rows, columns, own_rows, own_columns = window
    left = 1 - cover[own_rows, own_columns, None] * depth * np.array([0.93, 1.0, 1.04], np.float32)
    picture[rows, columns] *= np.maximum(left, 0.02) ** np.float32(1 / 2.2)


def _blob(random: Random, length_px: float, aspect: float) -> np.ndarray:
    """Cover of a rounded, rough or angular outline, turned at random."""
    reach = math.ceil(length_px / 2 * 1.5) + 2
    fine = 2 * reach * _FINE
    count = int(random.choice((4, 5, 6, 24, 24, 24)))
    angle = np.sort(random.uniform(0, 2 * math.pi, count)) if count < 24 else np.arange(24) * (math.pi / 12)
    radius = np.ones(count)
    for wave in range(1, 5):
        radius += random.normal() * random.uniform(0.02, 0.16) * np.sin(wave * angle + random.uniform(0, 6.3))
    outline = np.stack([np.cos(angle) * radius, np.sin(angle) * radius / aspect], axis=1)
    turn = random.uniform(0, math.pi)
    cos, sin = math.cos(turn), math.sin(turn)
    points = outline @ np.array([[cos, sin], [-sin, cos]]) * length_px / 2 * _FINE + fine / 2
    mask = np.zeros((fine, fine), np.uint8)
    cv2.fillPoly(mask, [points.round().astype(np.int32)], 255)
    small = cv2.resize(mask, (2 * reach, 2 * reach), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255


def _colour(random: Random, near: np.ndarray) -> np.ndarray:
    """A colour like the ground's, or any: BGR."""
    kind = random.random()
    if kind < 0.5:
        return np.clip(near * math.exp(random.normal() * 0.5) + random.normal(size=3) * 14, 3, 252)
    grey = random.uniform(8, 250)
    spread = random.uniform(0, 1) ** 2 * 110
    return np.clip(grey + random.uniform(-1, 1, 3) * spread, 3, 252)


def _ground(picture: np.ndarray, middle: np.ndarray) -> np.ndarray:
    side = picture.shape[0]
    x, y = (int(np.clip(v, 0, side - 1)) for v in middle)
    return picture[max(0, y - 6) : y + 7, max(0, x - 6) : x + 7].mean(axis=(0, 1))


def _patch(random: Random, picture: np.ndarray, middle: np.ndarray, grain: np.ndarray, sun: float) -> None:
    """A stone, clod, bag or scrap: an outline filled with a photograph's texture, lit from one side."""
    length, aspect = math.exp(random.uniform(math.log(5), math.log(42))), random.uniform(1, 3.2)
    cover = _blob(random, length, aspect)
    high, wide = cover.shape
    way = np.array([math.cos(sun), math.sin(sun)])
    if random.random() < 0.6:
        fall = length * random.uniform(0.1, 0.7)
        depth = random.uniform(0.4, 0.9)
        for share in (0.33, 0.66, 1.0):
            _darken(picture, middle - way * fall * share, cover, depth * 0.45)
    top, left = (
        int(random.integers(0, max(1, n - m))) for n, m in zip(grain.shape, cover.shape, strict=False)
    )
    texture = grain[top : top + high, left : left + wide].astype(np.float32)
    if texture.shape[:2] != cover.shape:
        return
    colour = _colour(random, _ground(picture, middle)).astype(np.float32)
    texture = (texture - texture.mean(axis=(0, 1))) * random.uniform(0.2, 1.2) + colour
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    slope = ((x - wide / 2) * way[0] + (y - high / 2) * way[1]) / max(length, 1)
    texture *= 1 + (slope * random.uniform(0, 1.0))[..., None]
    _lay(picture, middle, cover * random.uniform(0.75, 1), np.clip(texture, 0, 255))


def _spot(random: Random, picture: np.ndarray, middle: np.ndarray) -> None:
    """A hole, stain, puddle or tuft: a soft spot, or some beside each other."""
    for _ in range(int(random.choice((1, 1, 2, 4)))):
        cover = cv2.GaussianBlur(
            _blob(random, math.exp(random.uniform(math.log(4), math.log(34))), random.uniform(1, 3.5)),
            (0, 0),
            random.uniform(0.5, 3.5),
        )
        at = middle + random.normal(size=2) * 6
        if random.random() < 0.5:
            _darken(picture, at, cover, random.uniform(0.2, 0.85))
        else:
            _lay(picture, at, cover * random.uniform(0.3, 0.9), _colour(random, _ground(picture, at)))


def _strokes(random: Random, fine: int) -> np.ndarray:
    """A ring, arrow, letter, cross, square or bar as a uint8 mask."""
    mask = np.zeros((fine, fine), np.uint8)
    half, thick = fine // 2, max(1, round(fine * random.uniform(0.05, 0.16)))
    kind = int(random.integers(6))
    reach = int(fine * 0.33)
    if kind == 0:
        axes = (reach, round(reach * random.uniform(0.4, 1)))
        hollow = random.random() < 0.6
        cv2.ellipse(mask, (half, half), axes, 0, 0, 360, 255, thick if hollow else -1)
    elif kind == 1:
        tip = random.uniform(0.3, 0.6)
        cv2.arrowedLine(mask, (half, half + reach), (half, half - reach), 255, thick, cv2.LINE_8, 0, tip)
    elif kind == 2:
        letters = "".join(random.choice(list("AEFHKLMNRSTXY4579"), int(random.integers(1, 3))))
        cv2.putText(mask, letters, (fine // 6, half + reach), 0, fine / 50, 255, thick)
    elif kind == 3:
        arm = round(reach * random.uniform(0.2, 1))
        cv2.line(mask, (half - reach, half), (half + reach, half), 255, thick)
        cv2.line(
            mask, (half + round(arm * random.uniform(-1, 1)), half - arm), (half, half + reach), 255, thick
        )
    else:
        wide, high = (round(reach * random.uniform(0.15, 1)) for _ in range(2))
        hollow = random.random() < 0.3
        cv2.rectangle(
            mask, (half - wide, half - high), (half + wide, half + high), 255, thick if hollow else -1
        )
    turn = cv2.getRotationMatrix2D((half, half), random.uniform(0, 360), 1)
    return cv2.warpAffine(mask, turn, (fine, fine))


def _mark(random: Random, picture: np.ndarray, middle: np.ndarray) -> None:
    """Something painted or set into the ground: flat, without a shadow."""
    side = round(math.exp(random.uniform(math.log(12), math.log(80))))
    mask = cv2.resize(_strokes(random, side * 2), (side, side), interpolation=cv2.INTER_AREA)
    white = random.random() < 0.5
    colour = np.full(3, random.uniform(170, 250)) if white else _colour(random, _ground(picture, middle))
    _lay(picture, middle, mask.astype(np.float32) / 255 * random.uniform(0.4, 1), colour)


def _piece(
    way: np.ndarray, span: tuple[float, float], half_px: float, tall_px: float, side: int
) -> np.ndarray:
    """Cover of a bar along `way` from and to shares `span` of a thing's height, its foot in the middle."""
    across = np.array([way[1], -way[0]]) / max(float(np.hypot(*way)), 1e-6)
    foot = np.array([side / 2, side / 2])
    ends = [foot + share * tall_px * way for share in span]
    corners = [ends[0] - half_px * across, ends[0] + half_px * across]
    corners += [ends[1] + half_px * across, ends[1] - half_px * across]
    mask = np.zeros((2 * side, 2 * side), np.uint8)
    cv2.fillPoly(mask, [(2 * np.array(corners)).round().astype(np.int32)], 255)
    return cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _post(random: Random, picture: np.ndarray, middle: np.ndarray, sun: float, lean: float) -> None:
    """Something upright of stacked pieces: a post, sign, bin, hydrant or cone, with its shadow."""
    tall = math.exp(random.uniform(math.log(9), math.log(60)))
    up = np.array([math.sin(lean), -math.cos(lean)])
    fall = np.array([math.cos(sun), math.sin(sun)]) * -random.uniform(0.3, 1.6)
    side = 2 * (math.ceil(tall * 1.9) + 3)
    at, width, pieces = 0.0, random.uniform(0.06, 0.3), []
    for _ in range(int(random.integers(1, 5))):
        end = at + random.uniform(0.12, 0.6)
        pieces.append(((at, end), max(0.7, width * random.uniform(0.4, 1.6) * tall / 2)))
        at = end * random.uniform(0.9, 1.05)
        if at > 1:
            break
    if random.random() < 0.7:
        shade = np.max([_piece(fall, span, half, tall, side) for span, half in pieces], axis=0)
        _darken(picture, middle, shade, random.uniform(0.3, 0.9))
    near = _ground(picture, middle)
    for span, half in pieces:
        cover = _piece(up, span, half, tall, side)
        if random.random() < 0.3:
            cover = np.clip(cv2.GaussianBlur(cover, (0, 0), max(0.5, half / 2)) * 1.6 - 0.3, 0, 1)
        _lay(picture, middle, cover, _colour(random, near))
    if random.random() < 0.35:
        head = _blob(random, tall * random.uniform(0.15, 0.6), random.uniform(1, 1.6))
        _lay(picture, middle + up * tall * at, head, _colour(random, near))


def _bare_shadow(
    random: Random, picture: np.ndarray, middle: np.ndarray, sprite: Sprite, scale: float
) -> None:
    """The shadow of somebody or something, without what throws it."""
    high, wide = sprite.shadow.shape
    size = (max(3, round(wide * scale)), max(3, round(high * scale)))
    cover = cv2.resize(sprite.shadow, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    if random.random() < 0.5:
        cover = cover[:, ::-1]
    _darken(picture, middle, np.rot90(cover, int(random.integers(4))), random.uniform(0.3, 0.9))


def _crown(random: Random, picture: np.ndarray, middle: np.ndarray, grain: np.ndarray, sun: float) -> None:
    """A tree's crown or a bed of plants: a photograph's own texture in a ragged outline, with its shadow."""
    length = math.exp(random.uniform(math.log(40), math.log(170)))
    cover = _blob(random, length, random.uniform(1, 1.8))
    high, wide = cover.shape
    if high > grain.shape[0] or wide > grain.shape[1]:
        return
    count = max(3, round(high / random.uniform(3, 12)))
    rough = cv2.resize(random.normal(size=(count, count)).astype(np.float32), (wide, high))
    cover = np.clip((cv2.GaussianBlur(cover, (0, 0), 3) + 0.25 * rough - 0.5) * 5 + 0.5, 0, 1)
    if random.random() < 0.7:
        fall = length * random.uniform(0.1, 0.6) * np.array([math.cos(sun), math.sin(sun)])
        _darken(picture, middle - fall, cover, random.uniform(0.4, 0.9))
    top, left = (
        int(random.integers(0, n - m + 1)) for n, m in ((grain.shape[0], high), (grain.shape[1], wide))
    )
    texture = grain[top : top + high, left : left + wide].astype(np.float32) * random.uniform(0.5, 1.2)
    _lay(picture, middle, cover, np.clip(texture, 0, 255))


def _roof(random: Random, picture: np.ndarray, middle: np.ndarray, sun: float) -> None:
    """A roof, wagon, awning or planter: a box of two slopes with hatches on it, and its shadow."""
    long = math.exp(random.uniform(math.log(40), math.log(220)))
    side = round(long * 1.5) + 4
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), random.uniform(0, 180), 1)
    wide = long * random.uniform(0.25, 1)
    paint = np.zeros((side, side, 3), np.float32)
    colour = _colour(random, _ground(picture, middle))
    first, last = (np.array([side - wide, side - long]) / 2), (np.array([side + wide, side + long]) / 2)
    corners = [(round(float(x)), round(float(y))) for x, y in (first, last)]
    solid = np.zeros((side, side), np.uint8)
    cv2.rectangle(solid, *corners, 255, -1)
    paint[:] = colour
    paint[:, side // 2 :] *= random.uniform(0.55, 1.1)
    for _ in range(int(random.choice((0, 2, 5, 9)))):
        at = random.uniform(first, last)
        size = random.uniform(2, 16, 2)
        ends = [tuple(int(v) for v in at + sign * size / 2) for sign in (-1, 1)]
        cv2.rectangle(
            paint, *ends, [float(v) for v in _colour(random, colour)], int(random.choice((-1, -1, 1)))
        )
    solid, paint = cv2.warpAffine(solid, turn, (side, side)), cv2.warpAffine(paint, turn, (side, side))
    cover = solid.astype(np.float32) / 255
    if random.random() < 0.8:
        way = np.array([math.cos(sun), math.sin(sun)]) * random.uniform(4, 40)
        for share in (0.25, 0.5, 0.75, 1.0):
            _darken(picture, middle - way * share, cover, 0.3)
    noise = random.normal(size=(side, side, 1)).astype(np.float32) * random.uniform(0, 6)
    _lay(picture, middle, cover, np.clip(paint + noise, 0, 255))


def scatter(
    random: Random,
    picture: np.ndarray,
    *,
    count: int,
    grain: np.ndarray,
    sprites: list[Sprite],
    gsd_m_px: float,
    sun_rad: float,
    oblique: bool,
) -> None:
    """Draw small things, and some large ones below them, onto a square float32 BGR picture, in place.

    Args:
        random: where chance comes from.
        picture: (side, side, 3) float32 0…255.
        count: how many small things.
        grain: a photograph whose texture fills patches, at least 70 px a side.
        sprites: whose shadows are used bare.
        gsd_m_px: of the picture, across the line of sight.
        sun_rad: direction of the sun in the picture, from +x to +y; shadows fall the other way.
        oblique: whether what stands upright is seen from aside, its top up in the picture.
    """
    side = picture.shape[0]
    kinds = random.choice(5, size=count, p=(0.34, 0.16, 0.18, 0.2, 0.12))
    for _ in range(int(random.choice((0, 0, 1, 2)))):
        middle = random.uniform(0, side, 2)
        if random.random() < 0.5:
            _crown(random, picture, middle, grain, sun_rad)
        else:
            _roof(random, picture, middle, sun_rad)
    for kind in kinds:
        middle = random.uniform(0, side, 2)
        if kind == 0:
            _patch(random, picture, middle, grain, sun_rad)
        elif kind == 1:
            _spot(random, picture, middle)
        elif kind == 2:
            _mark(random, picture, middle)
        elif kind == 3:
            lean = random.normal() * 0.08 if oblique else random.uniform(0, 2 * math.pi)
            _post(random, picture, middle, sun_rad, lean)
        else:
            sprite = sprites[int(random.integers(len(sprites)))]
            _bare_shadow(random, picture, middle, sprite, sprite.gsd_m_px / gsd_m_px)


def dappled(random: Random, picture: np.ndarray) -> None:
    """Lay the shade of leaves over a square float32 picture and all that is on it, in place."""
    side = picture.shape[0]
    field = np.zeros((side, side), np.float32)
    for cells, weight in ((random.uniform(2, 5), 1.0), (random.uniform(8, 34), random.uniform(0.5, 1.2))):
        count = round(cells) + 2
        small = random.normal(size=(count, count)).astype(np.float32)
        field += weight * cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
    shade = np.clip((field - random.uniform(-0.8, 0.8)) * random.uniform(1.5, 6), 0, 1)
    depth = random.uniform(0.3, 0.75) * np.array([0.9, 1.0, 1.05], np.float32)
    picture *= (1 - shade[..., None] * depth) ** np.float32(1 / 1.6)
