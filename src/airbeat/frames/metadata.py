"""From a file's raw EXIF and XMP to what is known about a photograph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from airbeat.errors import GeometryError
from airbeat.frames.focal import focal_length_px, is_thermal
from airbeat.frames.lens import read_lens
from airbeat.frames.makers import Angles, Scheme, number, scheme_of
from airbeat.frames.meta import FrameMeta, LaserTarget
from airbeat.frames.shutter import readout_s
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.geo.geoid import geoid_height_m

__all__ = ["RawMetadata", "frame_meta"]

_ALTITUDE_LIMITS_M = (-1000.0, 12000.0)
_FASTEST_M_S = 60.0
_FARTHEST_LASER_M = 5000.0
_RTK = {"16", "34", "50"}
"""DJI's RtkFlag: single point, float, fix (Zenmuse P1 manual)."""


@dataclass(slots=True)
class RawMetadata:
    """A file's raw metadata.

    Attributes:
        format: Pillow's name of the file's format.
        width_px: picture width [px].
        height_px: picture height [px].
        main: EXIF tags of the picture.
        photo: EXIF tags of the exposure.
        gps: EXIF GPS tags.
        xmp: as `airbeat.frames.xmp.read_xmp` gives it.
        radiometric: whether the file carries raw thermal values behind its visible picture.
    """

    format: str
    width_px: int
    height_px: int
    main: Mapping[int, Any] = field(default_factory=dict)
    photo: Mapping[int, Any] = field(default_factory=dict)
    gps: Mapping[int, Any] = field(default_factory=dict)
    xmp: Mapping[str, str] = field(default_factory=dict)
    radiometric: bool = False


def frame_meta(path: Path, sha256: str, raw: RawMetadata, findings: list[str]) -> FrameMeta:
    """What the raw metadata say; what is missing or absurd is None and named in the findings.

    Args:
        path: the file.
        sha256: of the file.
        raw: its metadata.
        findings: what was found while reading it; the frame's findings begin with these.
    """
    findings = list(findings)
    make, model = _text(raw.main.get(0x010F)), _text(raw.main.get(0x0110))
    if not model:
        findings.append("no camera model")
    _say_what_the_picture_is(raw, findings)
    focal = _focal_px(raw, model, findings)
    shutter = raw.xmp.get("ShutterType", "")
    dewarped = raw.xmp.get("DewarpFlag", "").strip() == "1"
    lens, lens_findings = read_lens(
        raw.xmp, width_px=raw.width_px, height_px=raw.height_px, focal_px=focal, dewarped=dewarped
    )
    findings += lens_findings
    scheme = scheme_of(raw.xmp, make)
    camera = _camera_angles(raw, scheme, make, findings)
    airframe = _angles(raw, scheme.airframe, findings) if scheme.airframe else Angles()
    position = _position(raw, scheme, findings)
    amsl_m, ellipsoid_m = _altitudes(raw, scheme, model, position, findings)
    position_sigma_m, height_sigma_m = _accuracy(raw, scheme)
    velocity = _velocity(raw, scheme, findings)
    return FrameMeta(
        path=path,
        width_px=raw.width_px,
        height_px=raw.height_px,
        sha256=sha256,
        time_utc=_time_utc(raw, findings),
        local_time=_local_time(raw),
        position=position,
        height_above_home_m=_height_m(raw, scheme, findings),
        amsl_m=amsl_m,
        ellipsoid_m=ellipsoid_m,
        position_sigma_m=position_sigma_m,
        height_sigma_m=height_sigma_m,
        gimbal_yaw_deg=None if camera.yaw_deg is None else camera.yaw_deg % 360.0,
        gimbal_pitch_deg=camera.pitch_deg,
        gimbal_roll_deg=camera.roll_deg,
        flight_yaw_deg=None if airframe.yaw_deg is None else airframe.yaw_deg % 360.0,
        flight_pitch_deg=airframe.pitch_deg,
        flight_roll_deg=airframe.roll_deg,
        velocity_north_m_s=velocity[0],
        velocity_east_m_s=velocity[1],
        focal_length_px=focal,
        lens=lens,
        readout_s=readout_s(model, raw.width_px, raw.height_px, shutter),
        laser=_laser(raw, findings),
        maker=scheme.maker if raw.xmp else "",
        camera_model=model,
        modality="thermal" if _is_thermal(raw, model) else "rgb",
        software=_text(raw.main.get(0x0131)),
        findings=tuple(findings),
    )


def _camera_angles(raw: RawMetadata, scheme: Scheme, make: str, findings: list[str]) -> Angles:
    """Where the camera looked, and what is doubtful about it."""
    camera = scheme.convert(_angles(raw, scheme.camera, findings))
    camera = _with_compass(raw, camera, findings)
    if camera.roll_deg is not None and abs(camera.roll_deg) > 90.0:
        findings.append(
            f"{scheme.camera[2]} {camera.roll_deg:g}: the gimbal hangs upside down; taken as it stands"
        )
    if scheme.maker == "autel" or (scheme.maker == "pix4d" and make.lower().startswith("autel")):
        findings.append("headings of Autel cameras were seen to be wrong; check them against a known place")
    return camera


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return str(value).replace("\x00", "").strip()[:200] if value is not None else ""


def _is_thermal(raw: RawMetadata, model: str) -> bool:
    known = is_thermal(model, raw.width_px, raw.height_px)
    return known or raw.xmp.get("ImageSource", "") == "InfraredCamera"


def _say_what_the_picture_is(raw: RawMetadata, findings: list[str]) -> None:
    orientation = number(raw.main.get(0x0112))
    if orientation not in {None, 0.0, 1.0}:
        findings.append(
            f"EXIF orientation {orientation:g}: pixel coordinates are those of the stored picture"
        )
    if raw.radiometric:
        findings.append("radiometric thermal file: its visible picture is read, not its temperatures")


def _focal_px(raw: RawMetadata, model: str, findings: list[str]) -> float | None:
    skydio = number(raw.xmp.get("CalibratedFocalLength.X"))
    zoom = number(raw.photo.get(0xA404))
    if skydio is not None and zoom is not None and 1.0 <= zoom <= 200.0:
        skydio, zoom = skydio * zoom, None  # Skydio's calibration is that of the picture without zoom
    centre = "CalibratedOpticalCenter.X" if skydio is not None else "CalibratedOpticalCenterX"
    calibrated = skydio if skydio is not None else number(raw.xmp.get("CalibratedFocalLength"))
    focal, said = focal_length_px(
        width_px=raw.width_px,
        height_px=raw.height_px,
        model=model,
        calibrated_px=calibrated,
        calibrated_centre_x_px=number(raw.xmp.get(centre)),
        focal_mm=number(raw.photo.get(0x920A)) or _pix4d_focal_mm(raw),
        focal_35mm=number(raw.photo.get(0xA405)),
        digital_zoom=zoom,
        pixels_per_mm=_pixels_per_mm(raw),
    )
    findings += said
    return focal


def _pix4d_focal_mm(raw: RawMetadata) -> float | None:
    units = raw.xmp.get("Camera:PerspectiveFocalLengthUnits", "mm")
    return number(raw.xmp.get("Camera:PerspectiveFocalLength")) if units == "mm" else None


def _pixels_per_mm(raw: RawMetadata) -> float | None:
    """EXIF FocalPlaneXResolution, for this picture's width (EXIF 2.32, tags A20E, A210 and A002)."""
    per_unit = number(raw.photo.get(0xA20E))
    unit_mm = {2: 25.4, 3: 10.0, 4: 1.0}.get(int(number(raw.photo.get(0xA210)) or 2))
    if per_unit is None or unit_mm is None or per_unit <= 0:
        return None
    taken_width = number(raw.photo.get(0xA002)) or raw.width_px
    return per_unit / unit_mm * raw.width_px / taken_width if taken_width > 0 else None


# Angles


def _in_range(value: Any, name: str, limits: tuple[float, float], findings: list[str]) -> float | None:
    if value is None:
        findings.append(f"no {name}")
        return None
    result = number(value)
    if result is None or not limits[0] <= result <= limits[1]:
        findings.append(f"{name} {_text(value)!r} cannot be believed; left out")
        return None
    return result


def _angles(raw: RawMetadata, names: tuple[str, str, str], findings: list[str]) -> Angles:
    yaw, pitch, roll = names
    return Angles(
        yaw_deg=_in_range(raw.xmp.get(yaw), yaw, (-360.0, 360.0), findings),
        pitch_deg=_in_range(raw.xmp.get(pitch), pitch, (-180.0, 180.0), findings),
        roll_deg=_in_range(raw.xmp.get(roll), roll, (-180.0, 180.0), findings),
    )


def _with_compass(raw: RawMetadata, camera: Angles, findings: list[str]) -> Angles:
    """EXIF's GPSImgDirection as the camera's yaw where no maker's value says it."""
    direction = number(raw.gps.get(17))
    if camera.yaw_deg is not None or direction is None or not 0.0 <= direction <= 360.0:
        return camera
    if _text(raw.gps.get(16)).upper() != "T":
        findings.append(f"EXIF GPSImgDirection {direction:g} is not from true north; left out")
        return camera
    findings.append(f"the camera's yaw, {direction:g}, is EXIF's GPSImgDirection")
    return Angles(yaw_deg=direction, pitch_deg=camera.pitch_deg, roll_deg=camera.roll_deg)


def _velocity(
    raw: RawMetadata, scheme: Scheme, findings: list[str]
) -> tuple[float, float] | tuple[None, None]:
    if scheme.maker != "dji" or "FlightXSpeed" not in raw.xmp or "FlightYSpeed" not in raw.xmp:
        return None, None
    north, east = number(raw.xmp["FlightXSpeed"]), number(raw.xmp["FlightYSpeed"])
    if north is None or east is None or max(abs(north), abs(east)) > _FASTEST_M_S:
        findings.append("FlightXSpeed and FlightYSpeed cannot be believed; left out")
        return None, None
    return north, east


# Heights


def _height_m(raw: RawMetadata, scheme: Scheme, findings: list[str]) -> float | None:
    height = _in_range(raw.xmp.get(scheme.height), scheme.height, (-1000.0, 10000.0), findings)
    if height is not None and scheme.height == "Camera:AboveGroundAltitude":
        findings.append(
            f"the height, {height:.1f} m, is above ground by the file's word; taken as above home"
        )
    return height


def _exif_altitude_m(raw: RawMetadata) -> float | None:
    height = number(raw.gps.get(6))
    below = raw.gps.get(5) in {b"\x01", 1, b"\x03", 3}
    return -height if height is not None and below else height


def _altitudes(
    raw: RawMetadata, scheme: Scheme, model: str, position: LatLon | None, findings: list[str]
) -> tuple[float | None, float | None]:
    """(above mean sea level, above the ellipsoid) [m]; each maker's datum as `airbeat.frames.makers` says."""
    if "AbsoluteAltitude" in raw.xmp:
        name, value = "AbsoluteAltitude", number(raw.xmp["AbsoluteAltitude"])
        shown: Any = raw.xmp["AbsoluteAltitude"]
        rtk = raw.xmp.get("RtkFlag", "").strip() in _RTK or raw.xmp.get("AltitudeType") == "RtkAlt"
        geodetic = (
            scheme.maker == "autel"
            or (scheme.maker == "dji" and rtk)
            or "ellips" in raw.xmp.get("VertCS", "").lower()
        )
    else:
        name, value, shown = "GPSAltitude", _exif_altitude_m(raw), raw.gps.get(6)
        geodetic = scheme.maker == "parrot" and model.replace(" ", "").lower() == "anafiai"
    height = _in_range(None if shown is None else value if value is not None else shown, name,
                       _ALTITUDE_LIMITS_M, findings)  # fmt: skip
    if height is None or not geodetic:
        return height, None
    amsl = number(raw.xmp.get("GpsMslHeight"))
    if amsl is None and position is not None and (geoid := geoid_height_m(position)) is not None:
        amsl = height - geoid
    if amsl is None:
        findings.append(f"{name} is above the ellipsoid; its height above the sea is not known")
    return amsl, height


def _accuracy(raw: RawMetadata, scheme: Scheme) -> tuple[float | None, float | None]:
    """One standard deviation of the position per axis and of the altitude [m], by the file's own word."""

    def first(*names: str) -> float | None:
        values = [number(raw.xmp.get(name)) for name in names]
        known = [v for v in values if v is not None and 0.0 < v < 1000.0]
        return max(known) if known else None

    if scheme.maker == "skydio":
        return first("GpsHorizontalAccuracy"), first("GpsVerticalAccuracy")
    rtk = first("RtkStdLon", "RtkStdLat"), first("RtkStdHgt")
    return rtk[0] or first("Camera:GPSXYAccuracy"), rtk[1] or first("Camera:GPSZAccuracy")


def _laser(raw: RawMetadata, findings: list[str]) -> LaserTarget | None:
    """What DJI's laser range finder met at the picture's middle."""
    x = raw.xmp
    if "LRFTargetDistance" not in x:
        return None
    status = x.get("LRFStatus", "")
    distance = number(x["LRFTargetDistance"])
    if status != "Normal" or distance is None or not 0.5 < distance < _FARTHEST_LASER_M:
        return None
    lat, lon = number(x.get("LRFTargetLat")), number(x.get("LRFTargetLon"))
    return LaserTarget(
        distance_m=distance,
        position=_lat_lon(lat, lon, "LRFTarget", findings),
        altitude_m=number(x.get("LRFTargetAbsAlt")),
    )


# Place and time


def _dms(value: Any, reference: Any, negative: str) -> float | None:
    try:
        parts = [number(v) for v in value]
    except TypeError:
        return None
    if len(parts) != 3 or any(p is None or p < 0 for p in parts):
        return None
    degrees = sum((p or 0.0) / scale for p, scale in zip(parts, (1, 60, 3600), strict=True))
    return -degrees if _text(reference).upper() == negative else degrees


def _lat_lon(lat: float | None, lon: float | None, origin: str, findings: list[str]) -> LatLon | None:
    if lat is None or lon is None:
        return None
    if lat == 0.0 and lon == 0.0:
        findings.append(f"{origin} position 0, 0 means that the receiver had no fix; left out")
        return None
    try:
        return LatLon(lat_deg=lat, lon_deg=lon)
    except GeometryError:
        findings.append(f"{origin} position {lat:g}, {lon:g} is not on Earth; left out")
        return None


def _position(raw: RawMetadata, scheme: Scheme, findings: list[str]) -> LatLon | None:
    x = raw.xmp
    longitude = next((x[name] for name in scheme.longitude if name in x), None)
    fine = _lat_lon(number(x.get(scheme.latitude)), number(longitude), "XMP", findings)
    exif = _lat_lon(
        _dms(raw.gps.get(2), raw.gps.get(1), "S"),
        _dms(raw.gps.get(4), raw.gps.get(3), "W"),
        "EXIF",
        findings,
    )
    if fine is not None and exif is not None and (apart := distance_m(fine, exif)) > 3.0:
        findings.append(f"XMP and EXIF positions are {apart:.0f} m apart; the XMP position is used")
    if fine is None and exif is None:
        findings.append("no position")
    return fine or exif


def _local_time(raw: RawMetadata) -> datetime | None:
    """EXIF DateTimeOriginal with its fraction of a second, as the camera's clock showed it."""
    stamp, fraction = _text(raw.photo.get(0x9003)), _text(raw.photo.get(0x9291))
    try:
        moment = datetime.strptime(stamp, "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    if fraction.isdecimal():
        moment += timedelta(seconds=float(f"0.{fraction}"))
    return moment


def _time_utc(raw: RawMetadata, findings: list[str]) -> datetime | None:
    """GPS time, else a time that names its zone; a time without a zone is not a time in UTC."""
    day, clock = _text(raw.gps.get(29)), raw.gps.get(7)
    try:
        if day and clock is not None:
            hour, minute, second = (float(v) for v in clock)
            start = datetime.strptime(day, "%Y:%m:%d").replace(tzinfo=UTC)
            return start + timedelta(hours=hour, minutes=minute, seconds=second)
        exposed = raw.xmp.get("UTCAtExposure", "")
        if exposed:
            return datetime.fromisoformat(exposed).replace(tzinfo=UTC)
        stamp, offset = _text(raw.photo.get(0x9003)), _text(raw.photo.get(0x9011))
        if stamp and offset:
            sign = -1 if offset.startswith("-") else 1
            hours, _, minutes = offset.lstrip("+-").partition(":")
            zone = timezone(sign * timedelta(hours=int(hours), minutes=int(minutes or 0)))
            moment = _local_time(raw) or datetime.strptime(stamp, "%Y:%m:%d %H:%M:%S")
            return moment.replace(tzinfo=zone).astimezone(UTC)
        created = raw.xmp.get("CreateDate", "")
        if "T" in created and (moment := datetime.fromisoformat(created)).tzinfo is not None:
            return moment.astimezone(UTC)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        findings.append(f"the time cannot be read ({error})")
        return None
    findings.append(f"local time {stamp} without a time zone; time left out" if stamp else "no time")
    return None
