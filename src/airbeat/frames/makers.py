"""What each maker's XMP means: names, signs, and what heights are measured from.

All are brought to `airbeat.frames.meta.FrameMeta`'s conventions: yaw clockwise from true north, pitch above
the horizon (-90 straight down), roll with the right side down positive, in the order yaw, pitch, roll.

DJI (``drone-dji``)
    ``GimbalYaw/Pitch/RollDegree`` are the camera's, in the NED system, not relative to the airframe
    (rotation order ZYX; Mavic 3M Image Processing Guide, DJI 2023). ``RelativeAltitude`` is above the
    take-off place. ``AbsoluteAltitude`` is, without RTK, a height above sea level (EGM96) that other programs
    found 10 to 50 m wrong on some models; with RTK (``RtkFlag`` 16, 34, 50; ``AltitudeType`` RtkAlt) it is
    geodetic, above the ellipsoid (Zenmuse P1 manual, "XMP Data List"; OpenAthena takes it so too).
    ``FlightXSpeed`` is the speed north, ``FlightYSpeed`` east (same manual). ``RtkStdLon/Lat/Hgt`` are
    standard deviations [m]. ``LRFTarget…`` is what the laser range finder met. ``GpsLongtitude`` [sic] is
    older firmware's spelling.
Autel (``drone``, and ``Camera`` on older firmware)
    Newer firmware writes DJI's names; ``AbsoluteAltitude`` is then above the ellipsoid (OpenAthena). Older
    firmware writes ``Camera:Pitch``, where 0 is straight down and 90 forward. OpenAthena's users saw wrong
    headings of Autel cameras; a finding says so.
Parrot (``drone-parrot``, ``Camera``)
    ``CameraYaw/Pitch/RollDegree`` in the NED system; ``Camera:Yaw/Pitch/Roll`` are the same in Pix4D's
    convention; ``Camera:AboveGroundAltitude`` is a fraction [m]; ``Camera:GPSXYAccuracy`` and
    ``GPSZAccuracy`` are one standard deviation (Parrot PDrAW, "Embedded Photo Metadata"). The ANAFI Ai's
    altitude is above the ellipsoid, other models' above sea level (OpenAthena).
Skydio (``drone-skydio``)
    ``CameraOrientationNED`` {Yaw, Pitch, Roll}; ``AbsoluteAltitude`` is above sea level (EGM96) on Skydio 2
    and X2, above the ellipsoid where ``VertCS`` says so (X10, which adds ``GpsMslHeight``);
    ``CalibratedFocalLength`` {X, Y} is that of the picture without digital zoom (Skydio support, "camera and
    metadata overview"; OpenAthena).
Pix4D's ``Camera`` schema (senseFly, Sentera, MicaSense, old Autel)
    Pitch 0 looks straight down, 90 forward; yaw is where the picture's up points when it looks down; order
    yaw, pitch, roll about the down, right and forward axes of a level airframe.
ArduPilot and PX4 geotags
    EXIF alone: position, and an altitude above sea level. No attitude; telemetry completes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Angles", "Scheme", "angles_of", "gimbal_angles_of_pix4d", "number", "scheme_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Angles:
    """Yaw, pitch and roll in FrameMeta's conventions [degrees]; None where not known."""

    yaw_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None


def _as_written(angles: Angles) -> Angles:
    return angles


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """The names of one maker's values.

    Attributes:
        maker: "dji", "autel", "parrot", "skydio", "pix4d", or "" for none of them.
        camera: names of the camera's yaw, pitch and roll.
        airframe: names of the airframe's yaw, pitch and roll; empty if the maker writes none.
        height: name of the height above home.
        latitude: name of the latitude.
        longitude: names of the longitude, the first that is there counts.
        convert: from the maker's camera angles to FrameMeta's.
    """

    maker: str
    camera: tuple[str, str, str]
    airframe: tuple[str, str, str] | tuple[()]
    height: str
    latitude: str
    longitude: tuple[str, ...]
    convert: Callable[[Angles], Angles] = _as_written


def gimbal_angles_of_pix4d(angles: Angles) -> Angles:
    """Angles of a level airframe whose camera looks down, as those of a camera that looks forward.

    With the axes of the turned airframe (forward, right, down): the picture's up is forward, its right is
    right, and the camera looks down. From these the camera's own yaw, pitch and roll are read off.
    """
    if angles.yaw_deg is None or angles.pitch_deg is None:
        return Angles(
            yaw_deg=angles.yaw_deg,
            pitch_deg=None if angles.pitch_deg is None else angles.pitch_deg - 90.0,
            roll_deg=angles.roll_deg,
        )
    yaw, pitch, roll = (math.radians(a) for a in (angles.yaw_deg, angles.pitch_deg, angles.roll_deg or 0.0))
    north = np.array([0.0, 1.0, 0.0])  # vectors are east, north, up
    east, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
    ahead = math.cos(yaw) * north + math.sin(yaw) * east
    right = math.cos(yaw) * east - math.sin(yaw) * north
    forward = math.cos(pitch) * ahead + math.sin(pitch) * up
    down = math.sin(pitch) * ahead - math.cos(pitch) * up
    right, down = (
        math.cos(roll) * right + math.sin(roll) * down,
        math.cos(roll) * down - math.sin(roll) * right,
    )
    return angles_of(sight=down, right=right, up=forward)


def angles_of(*, sight: np.ndarray, right: np.ndarray, up: np.ndarray) -> Angles:
    """Yaw, pitch and roll of a camera from its axes in ENU; at the nadir all turning is yaw."""
    pitch = math.asin(float(np.clip(sight[2], -1.0, 1.0)))
    if math.hypot(sight[0], sight[1]) < 1e-6:
        heading = up if sight[2] < 0 else -up
        yaw, roll = math.atan2(heading[0], heading[1]), 0.0
    else:
        yaw = math.atan2(sight[0], sight[1])
        level = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
        roll = math.atan2(-float(right @ np.cross(level, sight)), float(right @ level))
    return Angles(
        yaw_deg=math.degrees(yaw) % 360.0, pitch_deg=math.degrees(pitch), roll_deg=math.degrees(roll)
    )


_GIMBAL = ("GimbalYawDegree", "GimbalPitchDegree", "GimbalRollDegree")
_FLIGHT = ("FlightYawDegree", "FlightPitchDegree", "FlightRollDegree")
_DJI = Scheme(
    maker="dji",
    camera=_GIMBAL,
    airframe=_FLIGHT,
    height="RelativeAltitude",
    latitude="GpsLatitude",
    longitude=("GpsLongitude", "GpsLongtitude"),
)
_AUTEL = Scheme(
    maker="autel",
    camera=_GIMBAL,
    airframe=(),
    height="RelativeAltitude",
    latitude="GpsLatitude",
    longitude=("GpsLongitude", "GpsLongtitude"),
)
_SKYDIO = Scheme(
    maker="skydio",
    camera=("CameraOrientationNED.Yaw", "CameraOrientationNED.Pitch", "CameraOrientationNED.Roll"),
    airframe=(),
    height="RelativeAltitude",
    latitude="Latitude",
    longitude=("Longitude",),
)
_PARROT = Scheme(
    maker="parrot",
    camera=("CameraYawDegree", "CameraPitchDegree", "CameraRollDegree"),
    airframe=(),
    height="Camera:AboveGroundAltitude",
    latitude="GpsLatitude",
    longitude=("GpsLongitude",),
)
_PIX4D = Scheme(
    maker="pix4d",
    camera=("Camera:Yaw", "Camera:Pitch", "Camera:Roll"),
    airframe=(),
    height="Camera:AboveGroundAltitude",
    latitude="GpsLatitude",
    longitude=("GpsLongitude",),
    convert=gimbal_angles_of_pix4d,
)


def scheme_of(xmp: Mapping[str, str], make: str) -> Scheme:
    """Whose names a picture's XMP uses; DJI's where it uses none, so that those are named as missing."""
    if "CameraOrientationNED.Pitch" in xmp:
        return _SKYDIO
    if "CameraPitchDegree" in xmp:
        return _PARROT
    if "GimbalPitchDegree" in xmp:
        return _AUTEL if make.lower().startswith("autel") else _DJI
    if "Camera:Pitch" in xmp:
        return _PIX4D
    return _DJI


def number(value: object) -> float | None:
    """A finite number of a text, a fraction ("845389/2097152") or EXIF's rational; None for anything else."""
    try:
        if isinstance(value, str) and "/" in value:
            above, _, below = value.partition("/")
            result = float(above) / float(below)
        else:
            result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return result if math.isfinite(result) else None
