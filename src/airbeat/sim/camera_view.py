"""True perspective: where a ground point falls in a photograph and where a pixel's ray meets the ground."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.errors import UsageError
from airbeat.language.words import Message
from airbeat.sim.ground import Ground
from airbeat.sim.shot import CameraShot
from airbeat.vehicle.camera import Camera

__all__ = ["View"]

Array = npt.NDArray[np.float64]

_MAX_OFF_NADIR_DEG = 68.0
_MAX_ITERATIONS = 30
_HEIGHT_TOLERANCE_M = 0.002


class View:
    """One exposure: a pinhole camera at its true pose over a ground.

    Pixel coordinates have their origin at the top-left corner, x right, y down. The image's up points where
    the gimbal's yaw points; positive roll lowers the camera's right side.

    Raises:
        UsageError: the camera stands below the ground, or a corner of the image looks so near to the
            horizon that the embedded ground cannot be drawn there.
    """

    def __init__(self, ground: Ground, camera: Camera, shot: CameraShot) -> None:
        self._ground = ground
        x, y = ground.frame.to_xy([shot.position])[0]
        self.eye: Array = np.array([x, y, shot.height_above_home_m])
        self.focal_px = camera.focal_length_px
        self.width_px, self.height_px = camera.image_width_px, camera.image_height_px
        self.right, self.up, self.ahead = _axes(shot)
        corners = self.rays(
            [(0, 0), (self.width_px, 0), (0, self.height_px), (self.width_px, self.height_px)]
        )
        off_nadir = math.degrees(math.acos(float(np.clip(-corners[:, 2].max(), -1, 1))))
        if off_nadir > _MAX_OFF_NADIR_DEG:
            raise UsageError(
                Message(
                    "photograph {index}: a corner looks {off_nadir:.0f}° off the vertical; the embedded "
                    "camera draws up to {max_off_nadir_deg:.0f}°",
                    index=shot.index,
                    off_nadir=off_nadir,
                    max_off_nadir_deg=_MAX_OFF_NADIR_DEG,
                ),
                remedy="point the gimbal further down",
            )
        self.clearance_m = float(self.eye[2] - ground.height_m([(x, y)])[0])
        if self.clearance_m < 2.0:
            raise UsageError(
                Message(
                    "photograph {index} was taken {clearance_m:.1f} m above the embedded ground",
                    index=shot.index,
                    clearance_m=self.clearance_m,
                ),
                remedy="fly at least 2 m above it",
            )

    def rays(self, pixels: npt.ArrayLike) -> Array:
        """Unit directions (n, 3) east, north, up of pixels (n, 2)."""
        p = np.asarray(pixels, dtype=float).reshape(-1, 2)
        u = (p[:, 0] - self.width_px / 2) / self.focal_px
        v = (self.height_px / 2 - p[:, 1]) / self.focal_px
        d = self.ahead + u[:, None] * self.right + v[:, None] * self.up
        unit: Array = d / np.linalg.norm(d, axis=1, keepdims=True)
        return unit

    def ground_points(self, pixels: npt.ArrayLike) -> Array:
        """Where the rays of pixels (n, 2) meet the ground: (n, 2) east, north [m].

        Fixed-point iteration on the height; it converges because slopes are far below 1/tan(off-nadir).
        """
        d = self.rays(pixels)
        run = d[:, :2] / d[:, 2:3]
        height = np.zeros(len(d))
        for _ in range(_MAX_ITERATIONS):
            before = height
            height = self._ground.height_m(self.eye[:2] + run * (height - self.eye[2])[:, None])
            if float(np.abs(height - before).max()) < _HEIGHT_TOLERANCE_M:
                break
        points: Array = self.eye[:2] + run * (height - self.eye[2])[:, None]
        return points

    def project(self, points: npt.ArrayLike) -> tuple[Array, Array]:
        """Pixels (n, 2) and depths (n,) [m] of points (n, 3) east, north, height above home [m]."""
        rel = np.asarray(points, dtype=float).reshape(-1, 3) - self.eye
        depth = rel @ self.ahead
        safe = np.maximum(depth, 0.1)
        x = self.width_px / 2 + self.focal_px * (rel @ self.right) / safe
        y = self.height_px / 2 - self.focal_px * (rel @ self.up) / safe
        return np.column_stack([x, y]), depth


def _axes(shot: CameraShot) -> tuple[Any, Any, Any]:
    """The camera's right, up and ahead as east, north, up unit vectors."""
    yaw, pitch, roll = (
        math.radians(v) for v in (shot.gimbal_yaw_deg, shot.gimbal_pitch_deg, shot.gimbal_roll_deg)
    )
    ahead = np.array([math.sin(yaw) * math.cos(pitch), math.cos(yaw) * math.cos(pitch), math.sin(pitch)])
    right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    up = np.cross(right, ahead)
    return (
        right * math.cos(roll) - up * math.sin(roll),
        up * math.cos(roll) + right * math.sin(roll),
        ahead,
    )
