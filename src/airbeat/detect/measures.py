"""Second stage: measurements of a rare place by which a person is told from the ground's clutter.

All lengths are metres on the ground through the GSD, all colours are relative to the ground right around,
and nothing depends on how the frame is turned: the only direction used is that in which shadows fall,
estimated from the frame itself.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.detect.rarity import WorkingImage
from airbeat.frames.opencv import opencv

__all__ = ["MEASURES", "Measured", "measure"]

Array = npt.NDArray[np.float32]

_PATCH_RADIUS_M = 2.0
_RING_FROM_M = 1.1
_SEED_REACH_M = 0.45
_LONGEST_M = 2.4
_LARGEST_OFFSET_M = 0.35
_PULL_RADIUS_M = 0.5
_NOISE_FLOOR = np.array([3.0, 1.2, 1.2], dtype=np.float32)
"""Smallest standard deviation believed of the ground around: L, a, b [8-bit units]."""

_DISCS_M = (0.2, 0.4, 0.7, 1.1)
_SHADOW_ALONG_M = (-1.2, -0.8, -0.4, 0.0, 0.4, 0.8, 1.2, 1.6, 2.0)
_SHADOW_ACROSS_M = (0.0, 0.2, 0.5, 0.9)
_CHANNELS = ("light", "green_red", "blue_yellow", "rarity", "slope")
_KINDS = ("skin", "grey_light", "grey_dark", "green", "darker", "flow_along", "flow_across")
_MOMENTS = ("rare", "unlike", "dark")

_SHAPE = ("length", "width", "area", "fill", "rim_slope", "variety", "halves", "contrast")
MEASURES: tuple[str, ...] = (
    "peak",
    *(f"{channel}_within_{r}m" for r in _DISCS_M for channel in _CHANNELS),
    *(f"{channel}_spread_{r}m" for r in (0.4, 0.7) for channel in _CHANNELS),
    *(f"{kind}_within_{r}m" for r in (0.4, 1.1) for kind in _KINDS),
    *(f"{name}_{axis}" for name in _MOMENTS for axis in ("mass", "long", "short", "offset")),
    "rarest",
    *(f"rare_{name}" for name in ("light", "green_red", "blue_yellow", "light_spread", "colour_spread")),
    *(f"ground_{name}" for name in ("light", "green_red", "blue_yellow", "light_sd", "slope", "green")),
    *_SHAPE,
    "twins",
    "sun",
    *(
        f"{channel}_shadow_{a}_{c}"
        for channel in ("light", "rarity")
        for a in _SHADOW_ALONG_M[:-1]
        for c in _SHADOW_ACROSS_M[:-1]
    ),
)
"""Names of the measurements, in the order of the columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Measured places of one frame.

    Attributes:
        values: (n, len(MEASURES)) measurements.
        xyxy_px: (n, 4) bounding boxes of the outlines [px of the full frame].
        length_m: (n,) longer side of the smallest rectangle around each outline [m].
        width_m: (n,) its shorter side [m].
    """

    values: Array
    xyxy_px: npt.NDArray[np.float64]
    length_m: Array
    width_m: Array


def _patches(plane: Any, centres: npt.NDArray[np.int_], radius: int) -> Array:
    """(n, side², channels) pieces around places, the edges mirrored."""
    cv2 = opencv()
    padded = cv2.copyMakeBorder(plane, radius, radius, radius, radius, cv2.BORDER_REFLECT)
    if padded.ndim == 2:
        padded = padded[:, :, None]
    side = 2 * radius + 1
    out = np.empty((len(centres), side * side, padded.shape[2]), dtype=np.float32)
    for k, (x, y) in enumerate(centres):
        out[k] = padded[y : y + side, x : x + side].reshape(side * side, -1)
    return out


def _pulled(rarity: Any, places: npt.NDArray[np.float64], gsd: float) -> npt.NDArray[np.int_]:
    """Places moved to the middle of what is rare near them, whole pixels."""
    height, width = rarity.shape
    centres = np.clip(np.floor(places[:, :2]).astype(int), 0, (width - 1, height - 1))
    radius = max(1, round(_PULL_RADIUS_M / gsd))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (np.hypot(x, y) <= radius).ravel().astype(np.float32)
    pieces = _patches(rarity, centres, radius)[:, :, 0]
    weight = np.maximum(pieces - np.median(pieces, axis=1, keepdims=True), 0) * disc + 1e-6
    offsets = weight @ np.column_stack([x.ravel(), y.ravel()]) / weight.sum(axis=1, keepdims=True)
    moved: npt.NDArray[np.int_] = np.clip(np.rint(centres + offsets).astype(int), 0, (width - 1, height - 1))
    return moved


def _ground(colours: Array, ring: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """Mean (n, 3) and covariance (n, 3, 3) of the ground in the ring, outliers left out twice."""
    pixels = colours[:, ring][:, ::2]
    mean = pixels.mean(axis=1)
    for _ in range(2):
        spread = np.maximum(np.abs(pixels - mean[:, None]).mean(axis=1) * 1.25, _NOISE_FLOOR)
        usual = (np.abs(pixels - mean[:, None]) < 2.5 * spread[:, None]).all(axis=2)
        weight = (usual / np.maximum(usual.sum(axis=1, keepdims=True), 1)).astype(np.float32)
        mean = np.einsum("nk,nkc->nc", weight, pixels)
    centred = pixels - mean[:, None]
    covariance = np.matmul((centred * weight[:, :, None]).transpose(0, 2, 1), centred) + np.diag(
        _NOISE_FLOOR**2
    )
    return mean, covariance.astype(np.float32)


def _masks_mean(planes: Array, masks: Array) -> Array:
    """(n, masks, channels) means of (n, pixels, channels) planes under (pixels, masks) masks."""
    shares = (masks / np.maximum(masks.sum(axis=0), 1)).T.astype(np.float32)
    mean: Array = np.matmul(shares, planes)
    return mean


def _kinds(colours: Array, light: Array, light_sd: Array) -> Array:
    """(n, pixels, 5) shares 0 or 1: skin, light grey, dark grey, green, darker than the ground.

    Skin of any tone in daylight is orange of middling colourfulness (hue 35…75° in a*b*).
    """
    green_red, blue_yellow = colours[:, :, 1] - 128, colours[:, :, 2] - 128
    chroma = np.hypot(green_red, blue_yellow)
    orange = (green_red > 0.27 * blue_yellow) & (green_red < 1.43 * blue_yellow)
    grey = chroma < 7
    kinds: Array = np.stack(
        [
            orange & (chroma > 10) & (chroma < 45) & (colours[:, :, 0] > 90) & (light > 0),
            grey & (light > 0),
            grey & (light < 0),
            green_red < -8,
            light < -2 * light_sd[:, None],
        ],
        axis=2,
    ).astype(np.float32)
    return kinds


def _moments(weights: Array, x: Array, y: Array) -> Array:
    """(n, 4) of (n, pixels) weights: log mass, log long and short axis of their spread [m], offset [m]."""
    mass = weights.sum(axis=1) + 1e-3
    sums = weights @ np.column_stack([x, y, x * x, y * y, x * y]).astype(np.float32) / mass[:, None]
    mx, my = sums[:, 0], sums[:, 1]
    xx, yy, xy = sums[:, 2] - mx**2, sums[:, 3] - my**2, sums[:, 4] - mx * my
    root = np.sqrt(np.maximum((xx - yy) ** 2 / 4 + xy**2, 0))
    long, short = (np.sqrt(np.maximum((xx + yy) / 2 + sign * root, 1e-4)) for sign in (1, -1))
    moments: Array = np.column_stack([np.log(mass), np.log(long), np.log(short), np.hypot(mx, my)])
    return moments


def _flow(light: Array, side: int) -> Array:
    """(n, pixels, 3) structure tensor of L: xx + yy, xx - yy, 2xy."""
    square = light.reshape(-1, side, side)
    dy, dx = np.zeros_like(square), np.zeros_like(square)
    dy[:, 1:-1] = square[:, 2:] - square[:, :-2]
    dx[:, :, 1:-1] = square[:, :, 2:] - square[:, :, :-2]
    tensor: Array = np.stack([dx * dx + dy * dy, dx * dx - dy * dy, 2 * dx * dy], axis=3)
    return tensor.reshape(len(light), side * side, 3)


def _shadow_direction(light: Array, light_sd: Array, x: Array, y: Array) -> tuple[float, float]:
    """Image direction in which shadows fall [radians], and how much the frame agrees on it, 0…1.

    What is darker than the ground 0.5 to 1.6 m from every rare place, as one resultant over the frame.
    """
    distance = np.hypot(x, y)
    near = (distance > 0.5) & (distance < 1.6)
    dark = np.maximum(-light[:, near] - 1.5 * light_sd[:, None], 0)
    total = (dark / np.maximum(dark.sum(axis=1, keepdims=True), 1e-6)).sum(axis=0)
    right, down = (total * x[near] / distance[near]).sum(), (total * y[near] / distance[near]).sum()
    return float(np.arctan2(down, right)), float(np.hypot(right, down) / max(total.sum(), 1e-6))


def _outline(distance: Any, reach: int) -> npt.NDArray[np.bool_]:
    """The connected piece around the rarest pixel near the middle, down to half its rarity."""
    cv2 = opencv()
    middle = distance.shape[0] // 2
    near = distance[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
    seed_y, seed_x = np.unravel_index(int(near.argmax()), near.shape)
    mask = (distance >= max(2.0, 0.45 * float(near.max()))).astype(np.uint8)
    mask[middle - reach + seed_y, middle - reach + seed_x] = 1
    _, labels = cv2.connectedComponents(mask, connectivity=4)
    piece: npt.NDArray[np.bool_] = labels == labels[middle - reach + seed_y, middle - reach + seed_x]
    return piece


def _shape(piece: Any, colours: Any, distance: Any, slope: Any, gsd: float) -> tuple[float, ...]:
    """The measurements named in `_SHAPE`."""
    cv2 = opencv()
    rows, columns = np.nonzero(piece)
    points = np.column_stack([columns, rows]).astype(np.float32)
    _, (side_a, side_b), angle = cv2.minAreaRect(points)
    length, width = max(side_a, side_b) + 1, min(side_a, side_b) + 1
    turn = np.radians(angle if side_a >= side_b else angle + 90)
    inside = colours[piece]
    along = (points - points.mean(axis=0)) @ (np.cos(turn), np.sin(turn))
    first = along > 0
    halves = 0.0
    if first.any() and not first.all():
        halves = float(np.linalg.norm(inside[first].mean(axis=0) - inside[~first].mean(axis=0)))
    mask = piece.astype(np.uint8)
    rim = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).astype(bool)
    return (
        float(np.log(length * gsd)),
        float(np.log(width * gsd)),
        float(np.log(len(points) * gsd**2)),
        len(points) / (length * width),
        float(slope[rim].mean()),
        float(np.sqrt(inside.var(axis=0).sum())),
        halves,
        float(np.log(distance[piece].mean())),
    )


def _twins(colours: Array, area: Array) -> Array:
    """log of 1 + how many places of the frame have the like colour and area: what comes often is ground."""
    like = (np.abs(colours[:, None] - colours[None]) < (20, 6, 6)).all(axis=2)
    like &= np.abs(area[:, None] - area[None]) < 0.9
    count: Array = np.log(like.sum(axis=1)).astype(np.float32)
    return count


def measure(
    working: WorkingImage, rarity: Array, slope: npt.NDArray[np.uint8], places: npt.NDArray[np.float64]
) -> Measured:
    """Outline and measure what is rare at places of the working image.

    Args:
        working: the frame at its working GSD.
        rarity: (height, width) rarity of every pixel's colour, same size.
        slope: (height, width) steepness of L, same size.
        places: (n, 3) x, y [px of the working image], first stage's value; n > 0.
    """
    gsd = working.gsd_m_px
    radius = max(4, round(_PATCH_RADIUS_M / gsd))
    side = 2 * radius + 1
    axis_m = np.arange(-radius, radius + 1, dtype=np.float32) * gsd
    x, y = (np.ascontiguousarray(g).ravel() for g in np.meshgrid(axis_m, axis_m))
    distance = np.hypot(x, y)
    centres = _pulled(rarity, places, gsd)
    colours = _patches(working.lab, centres, radius)
    planes = np.concatenate(
        [colours, _patches(rarity, centres, radius), _patches(slope, centres, radius)], axis=2
    )
    ring = (distance >= _RING_FROM_M) & (distance <= _PATCH_RADIUS_M)
    mean, covariance = _ground(colours, ring)
    planes[:, :, :3] -= mean[:, None]
    light_sd = np.sqrt(covariance[:, 0, 0])
    factor = np.linalg.cholesky(np.linalg.inv(covariance)).astype(np.float32)
    unlike = np.sqrt((np.matmul(planes[:, :, :3], factor) ** 2).sum(axis=2))

    core = np.nonzero(distance <= _DISCS_M[-1])[0]
    direction, sun = _shadow_direction(planes[:, :, 0], light_sd, x, y)
    shapes, boxes = _outlines(unlike, colours, planes[:, :, 4], centres, side=side, gsd=gsd)
    rare = _rare_colour(planes[:, core], distance[core])
    ground_planes = np.stack([planes[:, ring, 4], colours[:, ring, 1] < 120], axis=2).mean(axis=1)
    values = np.column_stack(
        [
            np.log(np.maximum(places[:, 2], 0.1)),
            _disc_values(planes[:, core], distance[core]),
            _kind_values(colours, planes[:, :, 0], light_sd, core, distance=distance[core], side=side),
            _moments(np.maximum(planes[:, core, 3] - 5.0, 0), x[core], y[core]),
            _moments(np.maximum(unlike[:, core] - 2.0, 0), x[core], y[core]),
            _moments(np.maximum(-planes[:, :, 0] / light_sd[:, None] - 1.5, 0), x, y),
            rare,
            mean,
            light_sd,
            ground_planes,
            shapes,
            _twins(rare[:, 1:4] + mean, shapes[:, 2]),
            np.full(len(places), sun),
            _shadow_values(planes[:, :, [0, 3]], x, y, direction),
        ]
    ).astype(np.float32)
    return Measured(
        values=values,
        xyxy_px=boxes / working.scale,
        length_m=np.exp(shapes[:, 0]),
        width_m=np.exp(shapes[:, 1]),
    )


def _disc_values(planes: Array, distance: Array) -> Array:
    """Means in all discs and spreads in the middle two, channels innermost."""
    discs = np.column_stack([distance <= r for r in _DISCS_M]).astype(np.float32)
    within = _masks_mean(planes, discs)
    squares = _masks_mean(planes**2, discs[:, 1:3])
    spread = np.sqrt(np.maximum(squares - within[:, 1:3] ** 2, 0))
    both: Array = np.column_stack([within.reshape(len(planes), -1), spread.reshape(len(planes), -1)])
    return both


def _kind_values(
    colours: Array,
    light: Array,
    light_sd: Array,
    core: npt.NDArray[np.int_],
    *,
    distance: Array,
    side: int,
) -> Array:
    """Shares of the kinds of surface, and how much edges run one way, in two discs."""
    discs = np.column_stack([distance <= r for r in (0.4, 1.1)]).astype(np.float32)
    kinds = _masks_mean(_kinds(colours[:, core], light[:, core], light_sd), discs)
    tensor = _masks_mean(_flow(light, side)[:, core], discs)
    one_way = np.hypot(tensor[:, :, 1], tensor[:, :, 2])
    flow = np.log1p(np.stack([(tensor[:, :, 0] + one_way) / 2, (tensor[:, :, 0] - one_way) / 2], axis=2))
    values: Array = np.concatenate([kinds, flow], axis=2).reshape(len(colours), -1)
    return values


def _rare_colour(planes: Array, distance: Array) -> Array:
    """(n, 6): the rarest tenth's rarity; mean and spread of L, a, b within 0.7 m, weighted by rarity."""
    body = distance <= 0.7
    weight = np.maximum(planes[:, body, 3] - 4.0, 0.01)
    weight /= weight.sum(axis=1, keepdims=True)
    rare = np.einsum("np,npc->nc", weight, planes[:, body, :3])
    variance = np.maximum(np.einsum("np,npc->nc", weight, planes[:, body, :3] ** 2) - rare**2, 0)
    tenth = max(1, int(0.1 * body.sum()))
    rarest = np.partition(planes[:, body, 3], -tenth, axis=1)[:, -tenth:].mean(axis=1)
    values: Array = np.column_stack(
        [rarest, rare, np.sqrt(variance[:, 0]), np.sqrt(variance[:, 1:].sum(axis=1))]
    )
    return values


def _shadow_values(planes: Array, x: Array, y: Array, direction: float) -> Array:
    """Means of L and rarity in cells along and across the direction in which shadows fall."""
    along = x * np.cos(direction) + y * np.sin(direction)
    across = np.abs(y * np.cos(direction) - x * np.sin(direction))
    cells = np.column_stack(
        [
            (along >= a0) & (along < a1) & (across >= c0) & (across < c1)
            for a0, a1 in itertools.pairwise(_SHADOW_ALONG_M)
            for c0, c1 in itertools.pairwise(_SHADOW_ACROSS_M)
        ]
    ).astype(np.float32)
    values: Array = _masks_mean(planes, cells).transpose(0, 2, 1).reshape(len(planes), -1)
    return values


def _outlines(
    unlike: Array, colours: Array, slope: Array, centres: npt.NDArray[np.int_], *, side: int, gsd: float
) -> tuple[Array, npt.NDArray[np.float64]]:
    """(n, len(_SHAPE)) measurements and (n, 4) boxes [working px] of the outline at every place.

    An outline that leaves a person's size, or runs off into the surroundings, says nothing of where a person
    is; its box is then a square of a metre around the place.
    """
    reach = max(1, round(_SEED_REACH_M / gsd))
    middle = side // 2
    shapes, boxes = [], []
    for k, centre in enumerate(centres):
        distance = unlike[k].reshape(side, side)
        piece = _outline(distance, reach)
        shape = _shape(piece, colours[k].reshape(side, side, 3), distance, slope[k].reshape(side, side), gsd)
        shapes.append(shape)
        rows, columns = np.nonzero(piece.any(axis=1))[0], np.nonzero(piece.any(axis=0))[0]
        box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) - middle
        offset = np.hypot(box[0] + box[2], box[1] + box[3]) / 2 * gsd
        if np.exp(shape[0]) > _LONGEST_M or offset > _LARGEST_OFFSET_M:
            box = np.array([-1, -1, 1, 1]) * round(0.5 / gsd)
        boxes.append(box + (*centre, *centre))  # noqa: RUF005
    return np.array(shapes, dtype=np.float32), np.array(boxes, dtype=float)
