"""The frame camera as a pinhole: pixels to rays, places to pixels.

Directions are east, north, up (ENU) at the camera. The gimbal's angles turn the camera in the order yaw
(about the vertical, clockwise from above), pitch (about the camera's right, up positive), roll (about the
line of sight, right side down positive), as DJI's XMP fields and the embedded camera write them. At yaw 0
and pitch -90 degrees the image's up is north and its right is east. Lens distortion is not modelled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.errors import FrameError
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon

__all__ = ["CameraPose", "camera_pose"]

Array = npt.NDArray[np.float64]

_LIMITS = {
    "gimbal_yaw_deg": 720.0,
    "gimbal_pitch_deg": 180.0,
    "gimbal_roll_deg": 180.0,
    "height_above_home_m": 20_000.0,
}
_NAMES = {
    "position": "the position (EXIF GPSLatitude and GPSLongitude)",
    "height_above_home_m": "the height above home (XMP RelativeAltitude)",
    "gimbal_yaw_deg": "the camera's yaw (XMP GimbalYawDegree)",
    "gimbal_pitch_deg": "the camera's pitch (XMP GimbalPitchDegree)",
    "focal_length_px": "the focal length (XMP CalibratedFocalLength or EXIF FocalLength)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraPose:
    """Where a frame's camera was, where it looked, and how its pixels spread.

    Attributes:
        name: the frame's file name, for messages.
        position: WGS84.
        height_above_home_m: height above the take-off place [m].
        yaw_deg: degrees clockwise from true north.
        pitch_deg: degrees above the horizon.
        roll_deg: degrees, right side down positive.
        focal_length_px: focal length [px].
        width_px: image width [px].
        height_px: image height [px].
    """

    name: str
    position: LatLon
    height_above_home_m: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    focal_length_px: float
    width_px: int
    height_px: int

    def axes(self) -> Array:
        """(3, 3) array: its columns are the image's right, its down and the line of sight, in ENU."""
        yaw, pitch, roll = (math.radians(a) for a in (self.yaw_deg, self.pitch_deg, self.roll_deg))
        right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
        sight = np.array([math.sin(yaw) * math.cos(pitch), math.cos(yaw) * math.cos(pitch), math.sin(pitch)])
        up = np.cross(right, sight)
        rolled_right = right * math.cos(roll) - up * math.sin(roll)
        rolled_up = up * math.cos(roll) + right * math.sin(roll)
        return np.column_stack([rolled_right, -rolled_up, sight])

    def rays(self, pixels: npt.ArrayLike) -> Array:
        """Directions in which pixels look.

        Args:
            pixels: (n, 2) x, y [px].

        Returns:
            (n, 3) unit vectors, ENU.
        """
        xy = np.asarray(pixels, dtype=float).reshape(-1, 2)
        camera = np.column_stack(
            [
                (xy[:, 0] - self.width_px / 2) / self.focal_length_px,
                (xy[:, 1] - self.height_px / 2) / self.focal_length_px,
                np.ones(len(xy)),
            ]
        )
        directions = camera @ self.axes().T
        unit: Array = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        return unit

    def project(self, offsets_m: npt.ArrayLike) -> Array:
        """Pixels at which places are seen.

        Args:
            offsets_m: (n, 3) east, north, up of the camera [m].

        Returns:
            (n, 2) x, y [px], possibly outside the image; NaN for places behind the camera.
        """
        camera = np.asarray(offsets_m, dtype=float).reshape(-1, 3) @ self.axes()
        depth = np.where(camera[:, 2] > 0, camera[:, 2], np.nan)
        centre = np.array([self.width_px / 2, self.height_px / 2])
        pixels: Array = camera[:, :2] / depth[:, None] * self.focal_length_px + centre
        return pixels


def camera_pose(meta: FrameMeta) -> CameraPose:
    """The pose a frame's metadata give. A roll that is not written counts as 0.

    Raises:
        FrameError: something needed is missing or absurd; the message names the field.
    """
    values = {name: getattr(meta, name) for name in _NAMES}
    missing = [_NAMES[name] for name, value in values.items() if value is None]
    if missing:
        raise FrameError(
            f"the metadata lack {' and '.join(missing)}",
            where=meta.path.name,
            remedy="use the original files of the drone, not copies from a messenger or an image editor",
        )
    values["gimbal_roll_deg"] = 0.0 if meta.gimbal_roll_deg is None else meta.gimbal_roll_deg
    for name, limit in _LIMITS.items():
        if not (math.isfinite(values[name]) and abs(values[name]) <= limit):
            raise FrameError(f"{name} = {values[name]} cannot be true", where=meta.path.name)
    if not (math.isfinite(values["focal_length_px"]) and values["focal_length_px"] > 0):
        raise FrameError(
            f"focal_length_px = {values['focal_length_px']} cannot be true", where=meta.path.name
        )
    return CameraPose(
        name=meta.path.name,
        position=values["position"],
        height_above_home_m=values["height_above_home_m"],
        yaw_deg=values["gimbal_yaw_deg"],
        pitch_deg=values["gimbal_pitch_deg"],
        roll_deg=values["gimbal_roll_deg"],
        focal_length_px=values["focal_length_px"],
        width_px=meta.width_px,
        height_px=meta.height_px,
    )
