"""Reads photographs and what their EXIF and XMP say of where and how they were taken."""

from __future__ import annotations

import hashlib
import io
import math
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from airbeat.errors import FrameError, GeometryError
from airbeat.frames.focal import focal_length_px, is_thermal
from airbeat.frames.meta import FrameMeta
from airbeat.frames.opencv import opencv
from airbeat.frames.xmp import read_xmp
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m

__all__ = ["MAX_FILE_BYTES", "MAX_PIXELS", "load_image", "read_frame_meta"]

MAX_FILE_BYTES = 200_000_000
MAX_PIXELS = 170_000_000

_FORMATS = ("JPEG", "PNG", "TIFF")  # a JPEG with more pictures behind it opens as MPO
_EXIF_ERRORS = (OSError, ValueError, SyntaxError, KeyError, TypeError, struct.error, OverflowError, EOFError)
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825


def _read_bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise FrameError(
                f"the file has {size} bytes, more than {MAX_FILE_BYTES}",
                where=str(path),
                remedy="give single photographs, not archives",
            )
        return path.read_bytes()
    except OSError as error:
        raise FrameError(f"the file cannot be read: {error.strerror}", where=str(path)) from error


def read_frame_meta(path: Path) -> FrameMeta:
    """What one photograph's own metadata say.

    What is missing or absurd is None and named in ``findings``; nothing is guessed.

    Raises:
        FrameError: not a photograph, cut short, too large, or unreadable.
    """
    data = _read_bytes(path)
    findings: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        source = _open(path, data, findings)
    findings += [
        f"while reading: {w.message}" for w in caught if w.category is not Image.DecompressionBombWarning
    ]
    if source.format in {"JPEG", "MPO"} and not _jpeg_is_whole(data):
        lost = _lost_rows(data)
        if lost:
            raise FrameError(
                f"the file is cut short: the lowest {lost} of {source.height_px} rows are missing",
                where=str(path),
                remedy="copy it from the card again",
            )
        findings.append("the end-of-image marker is missing; a few pixels of the last rows are lost")
    return _meta(path, hashlib.sha256(data).hexdigest(), source, findings)


def load_image(meta: FrameMeta, *, shrink: int = 1) -> npt.NDArray[np.uint8]:
    """The picture, (height, width, 3), blue, green, red, as stored (no EXIF rotation).

    Args:
        meta: the photograph.
        shrink: 1, 2, 4 or 8: decode at this fraction of its size (sides rounded up), which is faster.

    Raises:
        FrameError: the file is gone, changed its size, or cannot be decoded.
        DependencyError: OpenCV does not work on this machine.
        ValueError: another ``shrink``.
    """
    if shrink not in {1, 2, 4, 8}:
        raise ValueError(f"shrink: expected 1, 2, 4 or 8, got {shrink}")
    image = _decode(_read_bytes(meta.path), shrink)
    if image is None:
        raise FrameError("the picture cannot be decoded", where=str(meta.path), remedy="copy it again")
    if image.shape[:2] != (-(-meta.height_px // shrink), -(-meta.width_px // shrink)):
        raise FrameError(
            f"the picture decodes to {image.shape[1]}×{image.shape[0]} px, its header said "
            f"{meta.width_px}×{meta.height_px} before shrinking by {shrink}",
            where=str(meta.path),
            remedy="copy it again",
        )
    return image


def _decode(data: bytes, shrink: int = 1) -> npt.NDArray[np.uint8] | None:
    cv2 = opencv()
    if data[:2] == b"\xff\xd8" and not _jpeg_is_whole(data):
        data += b"\xff\xd9"  # without it OpenCV gives up on a picture that is otherwise there
    flags = {
        1: cv2.IMREAD_COLOR,
        2: cv2.IMREAD_REDUCED_COLOR_2,
        4: cv2.IMREAD_REDUCED_COLOR_4,
        8: cv2.IMREAD_REDUCED_COLOR_8,
    }
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags[shrink] | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    picture: npt.NDArray[np.uint8] | None = image
    return picture


def _lost_rows(data: bytes) -> int:
    """How many rows at the bottom the decoder had to fill with one colour."""
    image = _decode(data)
    if image is None:
        return 1 << 16
    flat = np.ptp(image, axis=1).max(axis=1) == 0
    return int(len(flat) if flat.all() else flat[::-1].argmin())


@dataclass(slots=True)
class _Source:
    """A file's raw metadata."""

    format: str
    width_px: int
    height_px: int
    main: Mapping[int, Any] = field(default_factory=dict)
    photo: Mapping[int, Any] = field(default_factory=dict)
    gps: Mapping[int, Any] = field(default_factory=dict)
    xmp: Mapping[str, str] = field(default_factory=dict)


def _open(path: Path, data: bytes, findings: list[str]) -> _Source:
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise FrameError(
                    f"the picture has {width}×{height} px, more than {MAX_PIXELS}", where=str(path)
                )
            source = _Source(format=str(image.format), width_px=width, height_px=height)
            _read_exif(image, source, findings)
            xmp = _xmp_bytes(image)
    except Image.DecompressionBombError as error:
        raise FrameError(f"the picture is too large: {error}", where=str(path)) from error
    except UnidentifiedImageError as error:
        raise FrameError(
            "not a photograph that can be read", where=str(path), remedy="give JPEG, PNG or TIFF files"
        ) from error
    except (OSError, ValueError, SyntaxError, struct.error, MemoryError) as error:
        raise FrameError(f"the picture cannot be opened: {error}", where=str(path)) from error
    if xmp:
        source.xmp, problems = read_xmp(xmp)
        findings += problems
    else:
        findings.append("no XMP: no height above home and no gimbal angles")
    return source


def _read_exif(image: Image.Image, source: _Source, findings: list[str]) -> None:
    try:
        exif = image.getexif()
        source.main = dict(exif)
        source.photo = dict(exif.get_ifd(_EXIF_IFD))
        source.gps = dict(exif.get_ifd(_GPS_IFD))
    except _EXIF_ERRORS as error:
        findings.append(f"the EXIF block is damaged ({error})")
    if not source.main:
        findings.append("no EXIF")


def _xmp_bytes(image: Image.Image) -> bytes:
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    if not xmp:
        prefix = b"http://ns.adobe.com/xap/1.0/\x00"
        for marker, segment in getattr(image, "applist", []):
            if marker == "APP1" and segment.startswith(prefix):
                return bytes(segment[len(prefix) :])
    return xmp.encode("utf-8") if isinstance(xmp, str) else bytes(xmp)


def _jpeg_is_whole(data: bytes) -> bool:
    """Whether the first picture's entropy-coded data end with the end-of-image marker.

    Inside the coded data 0xFF is always followed by 0x00 or a restart marker, so the first FF D9 after the
    start of scan is the end (ITU-T T.81, B.1.1).
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xDA:
            return data.find(b"\xff\xd9", at) >= 0
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return str(value).replace("\x00", "").strip()[:200] if value is not None else ""


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _meta(path: Path, sha256: str, source: _Source, findings: list[str]) -> FrameMeta:
    model = _text(source.main.get(0x0110))
    if not model:
        findings.append("no camera model")
    orientation = _number(source.main.get(0x0112))
    if orientation not in {None, 0.0, 1.0}:
        findings.append(
            f"EXIF orientation {orientation:g}: pixel coordinates are those of the stored picture"
        )
    thermal = is_thermal(model, source.width_px, source.height_px)
    focal, focal_findings = focal_length_px(
        width_px=source.width_px,
        height_px=source.height_px,
        model=model,
        calibrated_px=_number(source.xmp.get("CalibratedFocalLength")),
        calibrated_centre_x_px=_number(source.xmp.get("CalibratedOpticalCenterX")),
        focal_mm=_number(source.photo.get(0x920A)),
        focal_35mm=_number(source.photo.get(0xA405)),
        digital_zoom=_number(source.photo.get(0xA404)),
    )
    findings += focal_findings

    def angle(name: str, low: float, high: float) -> float | None:
        return _in_range(source.xmp.get(name), name, (low, high), findings)

    def heading(name: str) -> float | None:
        value = angle(name, -360.0, 360.0)
        return None if value is None else value % 360.0

    gimbal_roll = angle("GimbalRollDegree", -180.0, 180.0)
    if gimbal_roll is not None and abs(gimbal_roll) > 90.0:
        findings.append(f"GimbalRollDegree {gimbal_roll:g}: the gimbal hangs upside down; taken as it stands")
    return FrameMeta(
        path=path,
        width_px=source.width_px,
        height_px=source.height_px,
        sha256=sha256,
        time_utc=_time_utc(source, findings),
        position=_position(source, findings),
        height_above_home_m=angle("RelativeAltitude", -1000.0, 10000.0),
        amsl_m=_amsl_m(source, findings),
        gimbal_yaw_deg=heading("GimbalYawDegree"),
        gimbal_pitch_deg=angle("GimbalPitchDegree", -180.0, 180.0),
        gimbal_roll_deg=gimbal_roll,
        flight_yaw_deg=heading("FlightYawDegree"),
        flight_pitch_deg=angle("FlightPitchDegree", -180.0, 180.0),
        flight_roll_deg=angle("FlightRollDegree", -180.0, 180.0),
        focal_length_px=focal,
        camera_model=model,
        modality="thermal" if thermal else "rgb",
        software=_text(source.main.get(0x0131)),
        findings=tuple(findings),
    )


def _in_range(value: Any, name: str, limits: tuple[float, float], findings: list[str]) -> float | None:
    if value is None:
        findings.append(f"no {name}")
        return None
    number = _number(value)
    if number is None or not limits[0] <= number <= limits[1]:
        findings.append(f"{name} {_text(value)!r} cannot be believed; left out")
        return None
    return number


def _amsl_m(source: _Source, findings: list[str]) -> float | None:
    limits = (-1000.0, 12000.0)
    if "AbsoluteAltitude" in source.xmp:
        return _in_range(source.xmp["AbsoluteAltitude"], "AbsoluteAltitude", limits, findings)
    height = _number(source.gps.get(6))
    if height is not None and source.gps.get(5) in {b"\x01", 1}:
        height = -height
    return _in_range(height, "GPSAltitude", limits, findings)


def _dms(value: Any, reference: Any, negative: str) -> float | None:
    try:
        parts = [_number(v) for v in value]
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


def _position(source: _Source, findings: list[str]) -> LatLon | None:
    x = source.xmp
    fine = _lat_lon(
        _number(x.get("GpsLatitude")),
        _number(x.get("GpsLongitude", x.get("GpsLongtitude"))),  # older DJI firmware misspells it
        "XMP",
        findings,
    )
    exif = _lat_lon(
        _dms(source.gps.get(2), source.gps.get(1), "S"),
        _dms(source.gps.get(4), source.gps.get(3), "W"),
        "EXIF",
        findings,
    )
    if fine is not None and exif is not None and (apart := distance_m(fine, exif)) > 3.0:
        findings.append(f"XMP and EXIF positions are {apart:.0f} m apart; the XMP position is used")
    if fine is None and exif is None:
        findings.append("no position")
    return fine or exif


def _time_utc(source: _Source, findings: list[str]) -> datetime | None:
    """GPS time, else a time that names its zone; a time without a zone is not a time in UTC."""
    day, clock = _text(source.gps.get(29)), source.gps.get(7)
    try:
        if day and clock is not None:
            hour, minute, second = (float(v) for v in clock)
            start = datetime.strptime(day, "%Y:%m:%d").replace(tzinfo=UTC)
            return start + timedelta(hours=hour, minutes=minute, seconds=second)
        stamp, offset = _text(source.photo.get(0x9003)), _text(source.photo.get(0x9011))
        if stamp and offset:
            sign = -1 if offset.startswith("-") else 1
            hours, _, minutes = offset.lstrip("+-").partition(":")
            zone = timezone(sign * timedelta(hours=int(hours), minutes=int(minutes or 0)))
            return datetime.strptime(stamp, "%Y:%m:%d %H:%M:%S").replace(tzinfo=zone).astimezone(UTC)
        created = source.xmp.get("CreateDate", "")
        if "T" in created and (moment := datetime.fromisoformat(created)).tzinfo is not None:
            return moment.astimezone(UTC)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        findings.append(f"the time cannot be read ({error})")
        return None
    findings.append(f"local time {stamp} without a time zone; time left out" if stamp else "no time")
    return None
