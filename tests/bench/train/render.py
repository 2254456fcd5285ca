"""Draws a cloud of surface points as a sprite: what a camera sees of it in sun and skylight, and its shadow.

Orthographic, since a person is small beside the distance: the camera looks along +y and down by its pitch, so
that -90 degrees is nadir with +y up in the picture. Points are splatted far to near at a multiple of the
sprite's resolution and averaged down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from .shapes import Cloud

__all__ = ["Light", "Sprite", "render"]

_SHADOW_CELL_M = 0.03
_SHADOW_BIAS_M = 0.05
_TURNED_AWAY = 0.05
"""Points whose normals point away from the camera by more are not drawn, so that none shines through."""

FULL_SCALE = 2.0
"""Reflected light that a sprite's 255 stands for, in units of what a white level surface sends back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """Light on the scene.

    Attributes:
        sun_azimuth_rad: where the sun stands, from +x towards +y.
        sun_elevation_rad: above the horizon.
        sky_share: light from the sky as a share of all that falls on level ground; 1 is overcast.
    """

    sun_azimuth_rad: float
    sun_elevation_rad: float
    sky_share: float

    def to_sun(self) -> np.ndarray:
        """(3,) unit vector to the sun."""
        level = math.cos(self.sun_elevation_rad)
        return np.array(
            [
                level * math.cos(self.sun_azimuth_rad),
                level * math.sin(self.sun_azimuth_rad),
                math.sin(self.sun_elevation_rad),
            ],
            dtype=np.float32,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sprite:
    """A drawn thing on transparent ground.

    Attributes:
        bgr: (height, width, 3) uint8, square root of reflected light over `FULL_SCALE`.
        alpha: (height, width) uint8 cover.
        shadow: (height, width) uint8 share of the sun taken from the ground.
        box_px: left, top, right, bottom of the person, or of the whole thing where it is none.
        foot_px: x, y of the origin on the ground.
        light: what it was lit with.
        gsd_m_px: metres per pixel across the line of sight.
    """

    bgr: np.ndarray
    alpha: np.ndarray
    shadow: np.ndarray
    box_px: tuple[float, float, float, float]
    foot_px: tuple[float, float]
    light: Light
    gsd_m_px: float


def screen(xyz_m: np.ndarray, pitch_rad: float) -> tuple[np.ndarray, np.ndarray]:
    """Project points: (n, 2) right and down [m], (n,) distance from the camera plane [m]."""
    dip = -pitch_rad
    down = -(math.sin(dip) * xyz_m[:, 1] + math.cos(dip) * xyz_m[:, 2])
    depth = math.cos(dip) * xyz_m[:, 1] - math.sin(dip) * xyz_m[:, 2]
    return np.stack([xyz_m[:, 0], down], axis=1), depth


def _in_sun(xyz_m: np.ndarray, facing: np.ndarray, to_sun: np.ndarray) -> np.ndarray:
    """(n,) bool: whether no other point of the cloud stands between a point and the sun."""
    aside = np.cross(to_sun, (0.0, 0.0, 1.0) if to_sun[2] < 0.95 else (1.0, 0.0, 0.0))
    aside /= np.linalg.norm(aside)
    across = np.cross(to_sun, aside)
    cell = np.stack([xyz_m @ aside, xyz_m @ across], axis=1) / _SHADOW_CELL_M
    cell = (cell - cell.min(axis=0)).astype(np.int64)
    index = cell[:, 0] * (int(cell[:, 1].max()) + 1) + cell[:, 1]
    height = xyz_m @ to_sun
    highest = np.full(int(index.max()) + 1, -np.inf, np.float32)
    np.maximum.at(highest, index, height.astype(np.float32))
    slope = np.sqrt(1 - np.clip(facing, 0.15, 1) ** 2) / np.clip(facing, 0.15, 1)
    return height > highest[index] - (_SHADOW_BIAS_M + _SHADOW_CELL_M * slope)


def shade(cloud: Cloud, light: Light) -> np.ndarray:
    """(n, 3) reflected light of every point, over what falls on level ground in the open."""
    to_sun = light.to_sun()
    sun = (1 - light.sky_share) / max(0.1, float(to_sun[2]))
    facing = np.maximum(0, cloud.normals @ to_sun)
    direct = sun * facing * _in_sun(cloud.xyz_m, facing, to_sun)
    open_sky = 0.5 + 0.5 * cloud.normals[:, 2]
    sky = light.sky_share * (0.25 + 0.75 * open_sky)
    bounce = 0.15 * (1 - open_sky)
    bluish = np.array([1.18, 1.0, 0.88], np.float32) if light.sky_share < 0.9 else np.ones(3, np.float32)
    warm = np.array([0.95, 1.0, 1.03], np.float32)
    lit: np.ndarray = cloud.albedo * (sky[:, None] * bluish + (direct + bounce)[:, None] * warm)
    return lit.astype(np.float32)


def _splat(cells: np.ndarray, size: tuple[int, int], values: np.ndarray | None = None) -> np.ndarray:
    """Write points into a picture, the later over the earlier; without values a mask."""
    width, height = size
    picture = np.zeros(
        (height, width) if values is None else (height, width, values.shape[1]),
        np.uint8 if values is None else np.float32,
    )
    picture[cells[:, 1], cells[:, 0]] = 255 if values is None else values
    return picture


def _box(alpha: np.ndarray) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(alpha.max(axis=1) > 90)[0], np.nonzero(alpha.max(axis=0) > 90)[0]
    if not len(rows) or not len(columns):
        return (0.0, 0.0, 0.0, 0.0)
    return (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def render(cloud: Cloud, *, pitch_rad: float, light: Light, gsd_m_px: float, fine: int = 3) -> Sprite:
    """Draw a cloud.

    Args:
        cloud: what, in the camera's frame: +y away from the camera or, at nadir, up in the picture.
        pitch_rad: of the camera, -pi/2 (nadir) to 0.
        light: sun and sky.
        gsd_m_px: resolution across the line of sight [m/px].
        fine: pixels drawn per side of a pixel of the sprite.
    """
    shown, depth = screen(cloud.xyz_m, pitch_rad)
    to_sun = light.to_sun()
    fallen = cloud.xyz_m - (np.maximum(0, cloud.xyz_m[:, 2]) / max(0.12, float(to_sun[2])))[:, None] * to_sun
    fallen[:, 2] = 0
    cast, _ = screen(fallen, pitch_rad)
    sunny = light.sky_share < 0.95
    reach = np.concatenate([shown, cast, np.zeros((1, 2), np.float32)]) if sunny else shown
    first = np.floor(reach.min(axis=0) / gsd_m_px) - 2
    last = np.ceil(reach.max(axis=0) / gsd_m_px) + 2
    width, height = (int(v) for v in (last - first))
    size = (width * fine, height * fine)
    scale = fine / gsd_m_px

    def cells(points: np.ndarray) -> np.ndarray:
        return ((points - first * gsd_m_px) * scale).astype(np.int32)

    kernel = np.ones((3, 3), np.uint8)
    at = cells(shown)
    cover = cv2.morphologyEx(_splat(at, size), cv2.MORPH_CLOSE, kernel)
    ahead = np.array([0, math.cos(pitch_rad), math.sin(pitch_rad)], np.float32)
    front = np.nonzero(cloud.normals @ ahead < _TURNED_AWAY)[0]
    front = front[np.argsort(-depth[front], kind="stable")]
    colour = _splat(at[front], size, shade(cloud, light)[front])
    hole = (colour.max(axis=2) <= 0) & (cover > 0)
    for _ in range(2):
        if hole.any():
            colour[hole] = cv2.dilate(colour, kernel)[hole]
            hole = (colour.max(axis=2) <= 0) & (cover > 0)
    shadow = np.zeros((height, width), np.uint8)
    if sunny:
        mask = cv2.morphologyEx(_splat(cells(cast), size), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        shadow = cv2.resize(
            cv2.GaussianBlur(mask, (0, 0), fine * 0.6), (width, height), interpolation=cv2.INTER_AREA
        )
    share = cv2.resize(cover, (width, height), interpolation=cv2.INTER_AREA)
    weighted = cv2.resize(
        colour * (cover[..., None] > 0), (width, height), interpolation=cv2.INTER_AREA
    ) / np.maximum(share[..., None] / 255, 1 / 255)
    counts = cloud.person
    if counts.any() and not counts.all():
        part = cv2.morphologyEx(_splat(at[counts], size), cv2.MORPH_CLOSE, kernel)
        box = _box(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA))
    else:
        box = _box(share)
    return Sprite(
        bgr=np.clip(255 * np.sqrt(np.clip(weighted, 0, None) / FULL_SCALE), 0, 255).astype(np.uint8),
        alpha=share,
        shadow=shadow,
        box_px=box,
        foot_px=(float(-first[0]), float(-first[1])),
        light=light,
        gsd_m_px=gsd_m_px,
    )
