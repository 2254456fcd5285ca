"""Clouds of surface points, from which `train.render` draws people and things alike.

A cloud carries its points' positions, outward normals and colours; what it was sampled from, a parametric
body or a few boxes and tubes, makes no difference to the renderer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Cloud", "box", "ellipsoid", "frustum", "joined", "moved", "rotation", "tube", "wheel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """Points on a surface; z is up and the ground is z = 0.

    Attributes:
        xyz_m: (n, 3) float32 positions [m].
        normals: (n, 3) float32 outward unit vectors.
        albedo: (n, 3) float32 linear reflectance of blue, green, red, 0…1.
        person: (n,) bool: whether the point counts for the person's box.
    """

    xyz_m: np.ndarray
    normals: np.ndarray
    albedo: np.ndarray
    person: np.ndarray


def rotation(axis: Sequence[float] | np.ndarray, angle_rad: float) -> np.ndarray:
    """(3, 3) rotation about an axis by the right-hand rule (Rodrigues)."""
    x, y, z = np.asarray(axis, dtype=float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle_rad) * cross + (1 - np.cos(angle_rad)) * cross @ cross


def joined(clouds: Sequence[Cloud]) -> Cloud:
    """All points of several clouds as one."""
    return Cloud(
        xyz_m=np.concatenate([c.xyz_m for c in clouds]),
        normals=np.concatenate([c.normals for c in clouds]),
        albedo=np.concatenate([c.albedo for c in clouds]),
        person=np.concatenate([c.person for c in clouds]),
    )


def moved(cloud: Cloud, turn: np.ndarray, shift_m: Sequence[float] | np.ndarray = (0, 0, 0)) -> Cloud:
    """A cloud rotated about the origin, then shifted."""
    turn = turn.astype(np.float32)
    return replace(
        cloud,
        xyz_m=(cloud.xyz_m @ turn.T + np.asarray(shift_m, np.float32)).astype(np.float32),
        normals=cloud.normals @ turn.T,
    )


def _cloud(xyz: np.ndarray, normals: np.ndarray, albedo: Sequence[float] | np.ndarray) -> Cloud:
    colours = np.broadcast_to(np.asarray(albedo, np.float32), xyz.shape).astype(np.float32)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return Cloud(
        xyz_m=xyz.astype(np.float32),
        normals=(normals / np.maximum(length, 1e-9)).astype(np.float32),
        albedo=colours,
        person=np.zeros(len(xyz), dtype=bool),
    )


def _count(area_m2: float, spacing_m: float) -> int:
    return max(12, int(2.2 * area_m2 / spacing_m**2))


def box(
    random: np.random.Generator,
    size_m: Sequence[float],
    middle_m: Sequence[float],
    albedo: Sequence[float],
    *,
    spacing_m: float,
) -> Cloud:
    """Surface of a box with sides along the axes."""
    a, b, c = size_m
    areas = np.array([b * c, b * c, a * c, a * c, a * b, a * b])
    n = _count(float(areas.sum()), spacing_m)
    face = random.choice(6, size=n, p=areas / areas.sum())
    xyz = random.uniform(-0.5, 0.5, (n, 3))
    axis, sign = face // 2, np.where(face % 2 == 0, 1.0, -1.0)
    rows = np.arange(n)
    xyz[rows, axis] = sign / 2
    normals = np.zeros((n, 3))
    normals[rows, axis] = sign
    return _cloud(xyz * np.asarray(size_m) + np.asarray(middle_m), normals, albedo)


def ellipsoid(
    random: np.random.Generator,
    radii_m: Sequence[float],
    middle_m: Sequence[float],
    albedo: Sequence[float],
    *,
    spacing_m: float,
    rough: float = 0.0,
) -> Cloud:
    """Surface of an ellipsoid; `rough` is the share by which low waves push it in and out."""
    a, b, c = radii_m
    n = _count(4 * np.pi * ((a * b + a * c + b * c) / 3), spacing_m)
    unit = random.normal(size=(n, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    reach = np.ones(n)
    if rough:
        for scale in (2.0, 4.0, 8.0):
            wave = random.normal(size=(3, 3)) * scale
            reach += rough / scale**0.5 * np.sin(unit @ wave + random.uniform(0, 6, 3)).mean(axis=1)
    xyz = unit * np.asarray(radii_m) * reach[:, None]
    normals = unit / np.asarray(radii_m)
    if rough:
        normals = (
            normals / np.linalg.norm(normals, axis=1, keepdims=True) + random.normal(size=(n, 3)) * rough
        )
    return _cloud(xyz + np.asarray(middle_m), normals, albedo)


def frustum(
    random: np.random.Generator,
    radii_m: tuple[float, float],
    flat: float,
    height_m: tuple[float, float],
    albedo: Sequence[float],
    *,
    spacing_m: float,
) -> Cloud:
    """Side and top of an upright cone piece: radii at the bottom and the top, y squeezed by `flat`."""
    low, high = height_m
    n = _count(2 * np.pi * max(radii_m) * (high - low) + np.pi * radii_m[1] ** 2, spacing_m)
    share = random.uniform(0, 1, n)
    turn = random.uniform(0, 2 * np.pi, n)
    radius = radii_m[0] + (radii_m[1] - radii_m[0]) * share
    normals = np.stack([np.cos(turn), np.sin(turn) / flat, np.full(n, (radii_m[0] - radii_m[1]))], axis=1)
    xyz = np.stack([radius * np.cos(turn), flat * radius * np.sin(turn), low + share * (high - low)], axis=1)
    top = random.uniform(size=n) < radii_m[1] / (sum(radii_m) + 2 * (high - low))
    xyz[top, :2] *= np.sqrt(random.uniform(size=(int(top.sum()), 1)))
    xyz[top, 2] = high
    normals[top] = (0, 0, 1)
    return _cloud(xyz, normals, albedo)


def tube(
    random: np.random.Generator,
    start_m: Sequence[float],
    end_m: Sequence[float],
    radius_m: float,
    albedo: Sequence[float],
    *,
    spacing_m: float,
) -> Cloud:
    """Side of a straight round tube between two points."""
    start, end = np.asarray(start_m, float), np.asarray(end_m, float)
    along = end - start
    length = float(np.linalg.norm(along))
    along /= max(length, 1e-9)
    aside = np.cross(along, (0, 0, 1) if abs(along[2]) < 0.9 else (1, 0, 0))
    aside /= np.linalg.norm(aside)
    across = np.cross(along, aside)
    n = _count(2 * np.pi * radius_m * length, min(spacing_m, radius_m))
    turn = random.uniform(0, 2 * np.pi, n)
    normals = np.cos(turn)[:, None] * aside + np.sin(turn)[:, None] * across
    xyz = start + random.uniform(0, length, n)[:, None] * along + radius_m * normals
    return _cloud(xyz, normals, albedo)


def wheel(
    random: np.random.Generator,
    radius_m: float,
    thick_m: float,
    middle_m: Sequence[float],
    albedo: Sequence[float],
    *,
    spacing_m: float,
) -> Cloud:
    """A tyre standing in the plane x = const."""
    n = _count(4 * np.pi**2 * radius_m * thick_m, min(spacing_m, thick_m))
    turn, around = random.uniform(0, 2 * np.pi, (2, n))
    normals = np.stack([np.sin(around), np.cos(around) * np.cos(turn), np.cos(around) * np.sin(turn)], axis=1)
    ring = np.stack([np.zeros(n), np.cos(turn), np.sin(turn)], axis=1)
    return _cloud(np.asarray(middle_m) + radius_m * ring + thick_m * normals, normals, albedo)
