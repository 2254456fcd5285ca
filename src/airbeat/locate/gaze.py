"""Whether a camera that moves and turns has a place in its picture, for many moments at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["gaze_at"]

Array = npt.NDArray[np.float64]


def gaze_at(
    place_m: Array, angles_deg: Array, *, size_px: tuple[int, int], focal_length_px: float
) -> tuple[npt.NDArray[np.bool_], Array]:
    """Whether a place lies inside the pictures of n poses of a camera without distortion, and how fine.

    The angles turn the camera as `airbeat.locate.camera_model` says: yaw clockwise from north, pitch up, roll
    right side down.

    Args:
        place_m: (n, 3) east, north, up from the camera to the place [m].
        angles_deg: (n, 3) yaw, pitch, roll of the camera [degrees]; NaN: not in view.
        size_px: width and height of the picture [px].
        focal_length_px: [px].

    Returns:
        (n,) whether it is inside, and (n,) distance over focal length [m/px].
    """
    yaw, pitch, roll = np.radians(angles_deg).T
    zero = np.zeros_like(yaw)
    right = np.column_stack([np.cos(yaw), -np.sin(yaw), zero])
    sight = np.column_stack([np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
    up = np.cross(right, sight)
    turned_right = right * np.cos(roll)[:, None] - up * np.sin(roll)[:, None]
    turned_up = up * np.cos(roll)[:, None] + right * np.sin(roll)[:, None]
    depth = (place_m * sight).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = (place_m * turned_right).sum(axis=1) / depth * focal_length_px
        y = (place_m * turned_up).sum(axis=1) / depth * focal_length_px
        inside = (depth > 0) & (np.abs(x) <= size_px[0] / 2) & (np.abs(y) <= size_px[1] / 2)
    return inside, np.linalg.norm(place_m, axis=1) / focal_length_px
