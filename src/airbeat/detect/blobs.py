"""Second stage: the outline of what is rare at a place, and measurements a person is judged by."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.detect.rarity import WorkingImage
from airbeat.frames.opencv import opencv

__all__ = ["Blob", "measure_blobs"]

Array = npt.NDArray[np.float32]

_PATCH_RADIUS_M = 2.0
_RING_FROM_M = 1.1
_SEED_REACH_M = 0.45
_NOISE_FLOOR = np.array([3.0, 1.2, 1.2], dtype=np.float32)
"""Smallest standard deviation believed of the ground around a blob: L, a, b [8-bit units]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """What was measured of one rare thing.

    Attributes:
        xyxy_px: bounding box in the full frame [px].
        rarity: first stage's distance from the surroundings [standard deviations].
        contrast: the outline's median distance from the ground right around it [standard deviations].
        chroma_change: |a, b| difference of blob and ground [8-bit units].
        light_change: L difference of blob and ground, brighter positive [8-bit units].
        chroma: the blob's own colourfulness [8-bit units].
        length_m: longer side of the smallest rectangle around it [m].
        width_m: its shorter side [m].
        fill: share of that rectangle which is blob, 0…1.
        variety: spread of colour within the blob [8-bit units].
        halves: colour difference of the two halves along the longer side [8-bit units].
        edge: mean slope of L, a, b along the outline [8-bit units per px].
        roughness: spread of L in the ground around [8-bit units].
        unusual: -log of the blob's colour's share of the frame.
        twins: log of 1 + the number of blobs in the frame of like colour and size.
        shade: share of the surroundings within half a metre that is darker than the ground, hue unchanged.
    """

    xyxy_px: tuple[float, float, float, float]
    rarity: float
    contrast: float
    chroma_change: float
    light_change: float
    chroma: float
    length_m: float
    width_m: float
    fill: float
    variety: float
    halves: float
    edge: float
    roughness: float
    unusual: float
    twins: float
    shade: float

    def measurements(self) -> dict[str, float]:
        """All scalar measurements by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "xyxy_px"}


def _patches(working: WorkingImage, centres: npt.NDArray[np.float64], radius: int) -> Array:
    """(n, side, side, 3) pieces of the working image around places, its edges mirrored."""
    cv2 = opencv()
    padded = cv2.copyMakeBorder(working.lab, radius, radius, radius, radius, cv2.BORDER_REFLECT)
    height, width = working.lab.shape[:2]
    x, y = np.clip(np.floor(centres[:, :2]).astype(int), 0, (width - 1, height - 1)).T
    side = 2 * radius + 1
    return np.stack([padded[j : j + side, i : i + side] for i, j in zip(x, y, strict=True)]).astype(
        np.float32
    )


def _distances(patches: Array, ring: npt.NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Mahalanobis distance of every patch pixel from its ring; the ring's mean and spread of L, a, b."""
    pixels = patches[:, ring]
    mean = pixels.mean(axis=1)
    for _ in range(2):
        spread = np.maximum(np.abs(pixels - mean[:, None]).mean(axis=1) * 1.25, _NOISE_FLOOR)
        usual = (np.abs(pixels - mean[:, None]) < 2.5 * spread[:, None]).all(axis=2)
        weight = usual / np.maximum(usual.sum(axis=1, keepdims=True), 1)
        mean = np.einsum("nk,nkc->nc", weight, pixels).astype(np.float32)
    centred = pixels - mean[:, None]
    covariance = np.einsum("nk,nki,nkj->nij", weight, centred, centred) + np.diag(_NOISE_FLOOR**2)
    factor = np.linalg.cholesky(np.linalg.inv(covariance)).astype(np.float32)
    whitened = np.matmul((patches - mean[:, None, None]).reshape(len(patches), -1, 3), factor)
    distance = np.sqrt((whitened**2).sum(axis=2)).reshape(patches.shape[:3])
    return distance, mean, np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))


def _outline(distance: Any, middle: int, reach: int) -> npt.NDArray[np.bool_] | None:
    """The connected piece around the rarest pixel near the middle, down to half its rarity."""
    cv2 = opencv()
    near = distance[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
    seed_y, seed_x = np.unravel_index(int(near.argmax()), near.shape)
    level = max(2.5, 0.45 * float(near.max()))
    if near.max() < 3.0:
        return None
    mask = (distance > level).astype(np.uint8)
    _, labels = cv2.connectedComponents(mask, connectivity=4)
    piece: npt.NDArray[np.bool_] = labels == labels[middle - reach + seed_y, middle - reach + seed_x]
    return piece


def _usualness(working: WorkingImage) -> Any:
    """Smoothed histogram of the frame's colours: (8, 32, 32) shares."""
    cv2 = opencv()
    sizes, ranges = [16, 32, 32], [0, 256, 64, 192, 64, 192]
    histogram = cv2.calcHist([working.lab[::2, ::2]], [0, 1, 2], None, sizes, ranges)
    for axis in range(3):
        histogram = (np.roll(histogram, 1, axis) + 2 * histogram + np.roll(histogram, -1, axis)) / 4
    return histogram / max(histogram.sum(), 1)


def _unusual(shares: Any, colour: Any) -> float:
    index = np.clip([colour[0] / 16, (colour[1] - 64) / 4, (colour[2] - 64) / 4], 0, [15, 31, 31]).astype(int)
    return float(-np.log(shares[tuple(index)] + 1e-7))


def _halves(points: Any, colours: Any, angle_deg: float) -> float:
    direction = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    along = (points - points.mean(axis=0)) @ direction
    if not ((along > 0).any() and (along <= 0).any()):
        return 0.0
    return float(np.linalg.norm(colours[along > 0].mean(axis=0) - colours[along <= 0].mean(axis=0)))


def _measure(
    patch: Any, distance: Any, piece: Any, mean: Any, spread: Any, *, gsd: float, rarity: float, shares: Any
) -> dict[str, Any]:
    cv2 = opencv()
    points = np.argwhere(piece)[:, ::-1].astype(np.float32)
    colours = patch[piece]
    (_, (side_a, side_b), angle) = cv2.minAreaRect(points)
    length, width = max(side_a, side_b) + 1, min(side_a, side_b) + 1
    colour = np.median(colours, axis=0)
    change = colour - mean
    grown = cv2.dilate(piece.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    rim = grown & ~cv2.erode(piece.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    slope = sum(
        np.abs(np.diff(patch, axis=axis, prepend=patch.take([0], axis=axis)))[rim].mean() for axis in (0, 1)
    )
    reach = max(1, round(0.5 / gsd))
    around = cv2.dilate(piece.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)).astype(
        bool
    )
    offset = patch[around & ~grown] - mean
    dark = (offset[:, 0] < -2 * spread[0]) & (
        np.hypot(offset[:, 1], offset[:, 2]) < 4 * np.hypot(*spread[1:])
    )
    return {
        "rarity": rarity,
        "contrast": float(np.median(distance[piece])),
        "chroma_change": float(np.hypot(*change[1:])),
        "light_change": float(change[0]),
        "chroma": float(np.hypot(*(colour[1:] - 128))),
        "length_m": float(length * gsd),
        "width_m": float(width * gsd),
        "fill": float(len(points) / (length * width)),
        "variety": float(np.sqrt(colours.var(axis=0).sum())),
        "halves": _halves(points, colours, angle if side_a >= side_b else angle + 90),
        "edge": float(slope),
        "roughness": float(spread[0]),
        "unusual": _unusual(shares, colour),
        "shade": float(dark.mean()) if len(dark) else 0.0,
        "colour": colour,
    }


def measure_blobs(working: WorkingImage, places: npt.NDArray[np.float64]) -> list[Blob]:
    """Outline and measure what is rare at places of the working image.

    Args:
        working: the frame at its working GSD.
        places: (n, 3) x, y [px of the working image], rarity.

    Returns:
        Blobs, at most one a place; a piece reached from two places comes once.
    """
    if len(places) == 0:
        return []
    gsd = working.gsd_m_px
    radius = max(4, round(_PATCH_RADIUS_M / gsd))
    offset = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1])
    ring = (offset * gsd >= _RING_FROM_M) & (offset <= radius)
    patches = _patches(working, places, radius)
    distances, means, spreads = _distances(patches, ring)
    shares = _usualness(working)
    found: dict[tuple[float, ...], dict[str, Any]] = {}
    for place, patch, distance, mean, spread in zip(places, patches, distances, means, spreads, strict=True):
        piece = _outline(distance, radius, max(1, round(_SEED_REACH_M / gsd)))
        if piece is None:
            continue
        rows, columns = np.nonzero(piece.any(axis=1))[0], np.nonzero(piece.any(axis=0))[0]
        corner = np.floor(place[:2]) - radius
        corners = np.array([(columns[0], rows[0]), (columns[-1] + 1, rows[-1] + 1)]) + corner
        key = tuple(float(v) for v in corners.ravel() / working.scale)
        if key not in found:
            found[key] = _measure(
                patch, distance, piece, mean, spread, gsd=gsd, rarity=float(place[2]), shares=shares
            )
    return _with_twins(found)


def _with_twins(found: dict[tuple[float, ...], dict[str, Any]]) -> list[Blob]:
    """Blobs with the count of their like in the frame: what comes often is part of the ground."""
    colours = np.array([m.pop("colour") for m in found.values()]).reshape(-1, 3)
    sizes = np.log([m["length_m"] * m["width_m"] for m in found.values()])
    blobs = []
    for i, (box, values) in enumerate(found.items()):
        like = (np.abs(colours - colours[i]) < (20, 6, 6)).all(axis=1) & (np.abs(sizes - sizes[i]) < 0.9)
        blobs.append(Blob(xyxy_px=box, twins=float(np.log(like.sum())), **values))  # type: ignore[arg-type]
    return blobs
