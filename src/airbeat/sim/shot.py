"""CameraShot: where the embedded camera was when it was triggered (the truth, not a measurement)."""

from __future__ import annotations

from dataclasses import dataclass

from airbeat.geo.coordinates import LatLon

__all__ = ["CameraShot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraShot:
    """True pose of the camera at one trigger, and what the vehicle's sensors measured then.

    Attributes:
        index: number of the photograph in this flight, from 1.
        time_s: simulation time [s].
        position: true position, WGS84.
        height_above_home_m: true height above home [m].
        amsl_m: true height above mean sea level [m].
        roll_deg: airframe roll [degrees, right side down positive].
        pitch_deg: airframe pitch [degrees, nose up positive].
        yaw_deg: airframe heading [degrees clockwise from true north].
        gimbal_pitch_deg: camera pitch [degrees above the horizon; -90 looks straight down].
        gimbal_yaw_deg: camera yaw [degrees clockwise from true north].
        gimbal_roll_deg: camera roll [degrees].
        measured_position: what the GPS said, written to EXIF.
        measured_height_above_home_m: what the barometer said, written to XMP [m].
        measured_yaw_deg: what the compass said, written to XMP [degrees].
        flight_s: time since this flight began its take-off [s]; the same for the same seed, while
            ``time_s`` also holds how long the vehicle stood before.
    """

    index: int
    time_s: float
    position: LatLon
    height_above_home_m: float
    amsl_m: float
    roll_deg: float
    pitch_deg: float
    yaw_deg: float
    gimbal_pitch_deg: float
    gimbal_yaw_deg: float
    gimbal_roll_deg: float
    measured_position: LatLon
    measured_height_above_home_m: float
    measured_yaw_deg: float
    flight_s: float = 0.0
