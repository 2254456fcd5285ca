"""What is known about one photograph."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from airbeat.geo.coordinates import LatLon

__all__ = ["FrameMeta"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameMeta:
    """One photograph and what its own metadata say; None where they say nothing.

    Pixel coordinates have their origin at the top-left corner of the image, x to the right, y down;
    the centre of the first pixel is (0.5, 0.5). The image's up direction points where the gimbal's yaw
    points; at gimbal pitch -90° the camera looks straight down.

    Attributes:
        path: the file.
        sha256: its SHA-256, hexadecimal.
        width_px: image width [px].
        height_px: image height [px].
        time_utc: when it was taken.
        position: where the camera was, WGS84.
        height_above_home_m: height above the take-off place [m] (DJI RelativeAltitude).
        amsl_m: height above mean sea level [m].
        gimbal_yaw_deg: degrees clockwise from true north.
        gimbal_pitch_deg: degrees above the horizon; -90 looks straight down.
        gimbal_roll_deg: degrees.
        flight_yaw_deg: the airframe's heading [degrees clockwise from true north].
        flight_pitch_deg: the airframe's pitch [degrees, nose up positive].
        flight_roll_deg: the airframe's roll [degrees, right side down positive].
        focal_length_px: focal length in pixels of this image.
        camera_model: as the file says.
        modality: "rgb" or "thermal".
        software: the program that wrote the file, as the file says.
        findings: what was missing, absurd or assumed, one sentence each.
    """

    path: Path
    width_px: int
    height_px: int
    sha256: str = ""
    time_utc: datetime | None = None
    position: LatLon | None = None
    height_above_home_m: float | None = None
    amsl_m: float | None = None
    gimbal_yaw_deg: float | None = None
    gimbal_pitch_deg: float | None = None
    gimbal_roll_deg: float | None = None
    flight_yaw_deg: float | None = None
    flight_pitch_deg: float | None = None
    flight_roll_deg: float | None = None
    focal_length_px: float | None = None
    camera_model: str = ""
    modality: str = "rgb"
    software: str = ""
    findings: tuple[str, ...] = ()
