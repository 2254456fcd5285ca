"""EXIF and XMP as DJI cameras write them, put into a JPEG."""

from __future__ import annotations

import math
from datetime import datetime

from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from airbeat import __version__
from airbeat.sim.shot import CameraShot
from airbeat.vehicle.camera import Camera

__all__ = ["SIMULATED_SOFTWARE", "with_metadata"]

SIMULATED_SOFTWARE = f"airbeat {__version__} embedded simulation (synthetic image)"

_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="airbeat embedded simulation: synthetic image"
    xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/"
{attributes}/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


def _signed_yaw(yaw_deg: float) -> float:
    return (yaw_deg + 180.0) % 360.0 - 180.0


def _dms(value_deg: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Degrees, minutes and seconds to a millionth of a second (0.03 mm)."""
    micro = round(abs(value_deg) * 3_600_000_000)
    degrees, rest = divmod(micro, 3_600_000_000)
    minutes, rest = divmod(rest, 60_000_000)
    return IFDRational(degrees, 1), IFDRational(minutes, 1), IFDRational(rest, 1_000_000)


def _xmp(shot: CameraShot, camera: Camera, amsl_m: float, taken: datetime) -> bytes:
    yaw_error = shot.measured_yaw_deg - shot.yaw_deg
    fields = {
        "xmp:CreateDate": taken.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "tiff:Make": "airbeat",
        "tiff:Model": "embedded camera",
        "drone-dji:GpsLatitude": f"{shot.measured_position.lat_deg:+.8f}",
        "drone-dji:GpsLongitude": f"{shot.measured_position.lon_deg:+.8f}",
        "drone-dji:AbsoluteAltitude": f"{amsl_m:+.2f}",
        "drone-dji:RelativeAltitude": f"{shot.measured_height_above_home_m:+.2f}",
        "drone-dji:GimbalRollDegree": f"{shot.gimbal_roll_deg:+.2f}",
        "drone-dji:GimbalYawDegree": f"{_signed_yaw(shot.gimbal_yaw_deg + yaw_error):+.2f}",
        "drone-dji:GimbalPitchDegree": f"{shot.gimbal_pitch_deg:+.2f}",
        "drone-dji:FlightRollDegree": f"{shot.roll_deg:+.2f}",
        "drone-dji:FlightYawDegree": f"{_signed_yaw(shot.measured_yaw_deg):+.2f}",
        "drone-dji:FlightPitchDegree": f"{shot.pitch_deg:+.2f}",
        "drone-dji:CalibratedFocalLength": f"{camera.focal_length_px:.6f}",
        "drone-dji:CalibratedOpticalCenterX": f"{camera.image_width_px / 2:.6f}",
        "drone-dji:CalibratedOpticalCenterY": f"{camera.image_height_px / 2:.6f}",
    }
    attributes = "\n".join(f'    {name}="{value}"' for name, value in fields.items())
    return _XMP.format(attributes=attributes).encode("utf-8")


def _exif(shot: CameraShot, camera: Camera, amsl_m: float, taken: datetime) -> bytes:
    exif = Image.Exif()
    stamp = taken.strftime("%Y:%m:%d %H:%M:%S")
    exif[0x010E] = "Synthetic image of the airbeat embedded simulation"
    exif[0x010F] = "airbeat"
    exif[0x0110] = "airbeat embedded camera"
    exif[0x0112] = 1
    exif[0x0131] = SIMULATED_SOFTWARE
    exif[0x0132] = stamp
    photo = exif.get_ifd(0x8769)
    photo[0x9000] = b"0230"
    photo[0x9003] = stamp
    photo[0x9004] = stamp
    photo[0x9010] = "+00:00"
    photo[0x9011] = "+00:00"
    photo[0x9291] = f"{taken.microsecond // 1000:03d}"
    photo[0x829A] = IFDRational(1, max(1, round(1 / camera.exposure_s)))
    photo[0x920A] = IFDRational(round(camera.focal_length_mm * 1000), 1000)
    photo[0xA002] = camera.image_width_px
    photo[0xA003] = camera.image_height_px
    diagonal_mm = math.hypot(camera.sensor_width_mm, camera.sensor_height_mm)
    photo[0xA405] = round(camera.focal_length_mm * math.hypot(36.0, 24.0) / diagonal_mm)
    gps = exif.get_ifd(0x8825)
    at = shot.measured_position
    gps[0] = b"\x02\x03\x00\x00"
    gps[1], gps[2] = ("N" if at.lat_deg >= 0 else "S"), _dms(at.lat_deg)
    gps[3], gps[4] = ("E" if at.lon_deg >= 0 else "W"), _dms(at.lon_deg)
    gps[5], gps[6] = (b"\x00" if amsl_m >= 0 else b"\x01"), IFDRational(round(abs(amsl_m) * 1000), 1000)
    seconds = taken.second * 1000 + taken.microsecond // 1000
    gps[7] = (IFDRational(taken.hour, 1), IFDRational(taken.minute, 1), IFDRational(seconds, 1000))
    gps[18] = "WGS-84"
    gps[29] = taken.strftime("%Y:%m:%d")
    return exif.tobytes()


def with_metadata(jpeg: bytes, *, shot: CameraShot, camera: Camera, taken: datetime) -> bytes:
    """The JPEG with the EXIF and XMP of a shot, as measured on board.

    Args:
        jpeg: an encoded image, starting with the SOI marker.
        shot: the pose; only what sensors measured is written, save for the gimbal's own angles.
        camera: the camera that took it.
        taken: when, UTC.
    """
    amsl_m = shot.amsl_m - shot.height_above_home_m + shot.measured_height_above_home_m
    exif = _exif(shot, camera, amsl_m, taken)
    xmp = b"http://ns.adobe.com/xap/1.0/\x00" + _xmp(shot, camera, amsl_m, taken)
    segments = b"".join(b"\xff\xe1" + (len(s) + 2).to_bytes(2, "big") + s for s in (exif, xmp))
    return jpeg[:2] + segments + jpeg[2:]
