"""What is known about one photograph."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from airbeat.frames.lens import Lens
from airbeat.geo.coordinates import LatLon

__all__ = ["FrameMeta", "LaserTarget"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaserTarget:
    """What a laser range finder met where the middle of the picture looks.

    Attributes:
        distance_m: from the camera along the line of sight [m].
        position: where the drone says that it lies, WGS84.
        altitude_m: its altitude, in the datum of the drone's own altitude [m].
    """

    distance_m: float
    position: LatLon | None = None
    altitude_m: float | None = None


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
        local_time: when it was taken by the camera's own clock, whose zone and error are not known (naive).
        position: where the camera was, WGS84.
        height_above_home_m: height above the take-off place [m] (DJI RelativeAltitude).
        amsl_m: height above mean sea level [m].
        ellipsoid_m: height above the WGS84 ellipsoid [m].
        position_sigma_m: one standard deviation of the position per axis, by the file's own word [m].
        height_sigma_m: one standard deviation of the altitude, by the file's own word [m].
        gimbal_yaw_deg: degrees clockwise from true north.
        gimbal_pitch_deg: degrees above the horizon; -90 looks straight down.
        gimbal_roll_deg: degrees.
        flight_yaw_deg: the airframe's heading [degrees clockwise from true north].
        flight_pitch_deg: the airframe's pitch [degrees, nose up positive].
        flight_roll_deg: the airframe's roll [degrees, right side down positive].
        velocity_north_m_s: the airframe's speed north [m/s].
        velocity_east_m_s: the airframe's speed east [m/s].
        focal_length_px: focal length in pixels of this image.
        lens: principal point and distortion; None: the image's middle, none.
        readout_s: time from the exposure of the first row to that of the last [s].
        laser: what the laser range finder met.
        maker: whose names the metadata use ("dji", "autel", "parrot", "skydio", "pix4d"), or "".
        camera_model: as the file says.
        modality: "rgb" or "thermal".
        software: the program that wrote the file, as the file says.
        telemetry: name of the file that completed the pose; "" if the photograph's own metadata say it all.
        findings: what was missing, absurd or assumed, one sentence each.
    """

    path: Path
    width_px: int
    height_px: int
    sha256: str = ""
    time_utc: datetime | None = None
    local_time: datetime | None = None
    position: LatLon | None = None
    height_above_home_m: float | None = None
    amsl_m: float | None = None
    ellipsoid_m: float | None = None
    position_sigma_m: float | None = None
    height_sigma_m: float | None = None
    gimbal_yaw_deg: float | None = None
    gimbal_pitch_deg: float | None = None
    gimbal_roll_deg: float | None = None
    flight_yaw_deg: float | None = None
    flight_pitch_deg: float | None = None
    flight_roll_deg: float | None = None
    velocity_north_m_s: float | None = None
    velocity_east_m_s: float | None = None
    focal_length_px: float | None = None
    lens: Lens | None = None
    readout_s: float | None = None
    laser: LaserTarget | None = None
    maker: str = ""
    camera_model: str = ""
    modality: str = "rgb"
    software: str = ""
    telemetry: str = ""
    findings: tuple[str, ...] = ()
