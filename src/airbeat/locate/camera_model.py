"""The frame camera as a pinhole: pixels to rays, places to pixels.

Directions are east, north, up (ENU) at the camera. The gimbal's angles turn the camera in the order yaw
(about the vertical, clockwise from above), pitch (about the camera's right, up positive), roll (about the
line of sight, right side down positive), as DJI's XMP fields and the embedded camera write them. At yaw 0
and pitch -90 degrees the image's up is north and its right is east.

Lens distortion is Brown's (`airbeat.frames.lens`). A rolling shutter exposes the rows one after the other:
the metadata's place is taken as that of the middle row, and the other rows' by the aircraft's speed; turning
within one picture is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from airbeat.errors import FrameError
from airbeat.frames.lens import Lens
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import N_, Message

__all__ = ["CameraPose", "camera_pose"]

Array = npt.NDArray[np.float64]

_LIMITS = {
    "gimbal_yaw_deg": 720.0,
    "gimbal_pitch_deg": 180.0,
    "gimbal_roll_deg": 180.0,
    "height_above_home_m": 20_000.0,
}
_NAMES = {
    "position": N_("the position (EXIF GPSLatitude and GPSLongitude)"),
    "height_above_home_m": N_("the height above home (XMP RelativeAltitude)"),
    "gimbal_yaw_deg": N_("the camera's yaw (XMP GimbalYawDegree)"),
    "gimbal_pitch_deg": N_("the camera's pitch (XMP GimbalPitchDegree)"),
    "focal_length_px": N_("the focal length (XMP CalibratedFocalLength or EXIF FocalLength)"),
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
        lens: principal point and distortion; None: the image's middle, none.
        row_east_m: how far east the aircraft flies while one row follows the other [m].
        row_north_m: the same, north [m].
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
    lens: Lens | None = None
    row_east_m: float = 0.0
    row_north_m: float = 0.0

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

        Raises:
            FrameError: the lens that the metadata describe shows nothing at a pixel.
        """
        xy = np.asarray(pixels, dtype=float).reshape(-1, 2)
        seen = (xy - self._centre()) / self.focal_length_px
        if self.lens is not None:
            seen = self.lens.undistorted(seen)
            if not np.isfinite(seen).all():
                raise FrameError(
                    "the lens that the metadata describe shows nothing at this pixel", where=self.name
                )
        directions = np.column_stack([seen, np.ones(len(xy))]) @ self.axes().T
        unit: Array = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        return unit

    def offsets_m(self, pixels: npt.ArrayLike) -> Array:
        """(n, 2) east, north of the position: where the camera was when the pixels' rows were exposed [m]."""
        rows = np.asarray(pixels, dtype=float).reshape(-1, 2)[:, 1] - self.height_px / 2
        return np.column_stack([rows * self.row_east_m, rows * self.row_north_m])

    def project(self, offsets_m: npt.ArrayLike) -> Array:
        """Pixels at which places are seen.

        Args:
            offsets_m: (n, 3) east, north, up of the camera's position [m].

        Returns:
            (n, 2) x, y [px], possibly outside the image; NaN for places behind the camera or beyond the
            lens's reach.
        """
        places = np.asarray(offsets_m, dtype=float).reshape(-1, 3)
        pixels = self._projected(places)
        if self.row_east_m or self.row_north_m:
            for _ in range(3):  # a row is exposed elsewhere, and from there the place is in another row
                moved = np.nan_to_num(self.offsets_m(pixels))
                pixels = self._projected(places - np.column_stack([moved, np.zeros(len(places))]))
        return pixels

    def _projected(self, places: Array) -> Array:
        camera = places @ self.axes()
        depth = np.where(camera[:, 2] > 0, camera[:, 2], np.nan)
        seen = camera[:, :2] / depth[:, None]
        if self.lens is not None:
            seen = self.lens.distorted(seen)
        pixels: Array = seen * self.focal_length_px + self._centre()
        return pixels

    def _centre(self) -> Array:
        if self.lens is None:
            return np.array([self.width_px / 2, self.height_px / 2])
        return np.array([self.lens.centre_x_px, self.lens.centre_y_px])


def _both(first: Message, second: Message) -> Message:
    return Message("{first} and {second}", first=first, second=second)


def camera_pose(meta: FrameMeta) -> CameraPose:
    """The pose a frame's metadata give. A roll that is not written counts as 0.

    Raises:
        FrameError: something needed is missing or absurd; the message names the field.
    """
    values = {name: getattr(meta, name) for name in _NAMES}
    missing = [Message(_NAMES[name]) for name, value in values.items() if value is None]
    if missing:
        raise FrameError(
            Message("the metadata lack {missing}", missing=reduce(_both, missing)),
            where=meta.path.name,
            remedy="use the original files of the drone, not copies from a messenger or an image editor",
        )
    values["gimbal_roll_deg"] = 0.0 if meta.gimbal_roll_deg is None else meta.gimbal_roll_deg
    for name, limit in _LIMITS.items():
        if not (math.isfinite(values[name]) and abs(values[name]) <= limit):
            raise FrameError(
                Message("{name} = {value} cannot be true", name=name, value=values[name]),
                where=meta.path.name,
            )
    if not (math.isfinite(values["focal_length_px"]) and values["focal_length_px"] > 0):
        raise FrameError(
            Message(
                "{name} = {value} cannot be true", name="focal_length_px", value=values["focal_length_px"]
            ),
            where=meta.path.name,
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
        lens=meta.lens,
        row_east_m=_a_row(meta, meta.velocity_east_m_s),
        row_north_m=_a_row(meta, meta.velocity_north_m_s),
    )


def _a_row(meta: FrameMeta, speed_m_s: float | None) -> float:
    """Metres flown while one row follows the other; 0 where the shutter or the speed is not known."""
    known = meta.readout_s is not None and speed_m_s is not None and math.isfinite(speed_m_s)
    return (meta.readout_s or 0.0) * (speed_m_s or 0.0) / meta.height_px if known else 0.0
