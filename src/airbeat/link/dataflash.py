"""ArduPilot's DataFlash logs (``.bin``): the photographs that the autopilot logged itself (CAM messages).

A log is a row of messages: 0xA3 0x95, the type's number, the fields. Type 128 (FMT) describes the types,
itself included; columns and format letters are read from the log, so that all versions are understood.
Format: https://ardupilot.org/dev/docs/code-overview-adding-a-new-log-message.html
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from airbeat.errors import InputFileError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message

__all__ = ["LoggedPhoto", "logged_photos"]

_HEAD = b"\xa3\x95"
_FMT = 128
_FMT_BYTES = 89
_MOST_PHOTOS = 1_000_000
_GPS_EPOCH_S = 315_964_800.0
"""1980-01-06 in seconds since 1970."""
_LEAP_S = 18.0
"""GPS time is ahead of UTC by this since 2017 (IERS Bulletin C)."""
_LETTERS: Mapping[str, tuple[str, float | None]] = {
    "a": ("64s", None),
    "b": ("b", 1.0),
    "B": ("B", 1.0),
    "h": ("h", 1.0),
    "H": ("H", 1.0),
    "i": ("i", 1.0),
    "I": ("I", 1.0),
    "f": ("f", 1.0),
    "d": ("d", 1.0),
    "g": ("e", 1.0),
    "n": ("4s", None),
    "N": ("16s", None),
    "Z": ("64s", None),
    "c": ("h", 0.01),
    "C": ("H", 0.01),
    "e": ("i", 0.01),
    "E": ("I", 0.01),
    "L": ("i", 1e-7),
    "M": ("B", 1.0),
    "q": ("q", 1.0),
    "Q": ("Q", 1.0),
}
"""Format letters: how a field is packed, and what it is multiplied with; texts with nothing."""
_NEEDED = ("TimeUS", "Lat", "Lng", "RelAlt", "Y")
_REMEDY = "give a log as the autopilot wrote it, downloaded whole (.bin)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedPhoto:
    """One CAM message: where the aircraft was when the camera was triggered.

    Attributes:
        index: the autopilot's image number.
        time_us: since the autopilot's boot [µs].
        position: WGS84.
        height_above_home_m: [m].
        roll_deg: the aircraft's, not the gimbal's [degrees].
        pitch_deg: the aircraft's [degrees].
        yaw_deg: the aircraft's heading [degrees].
        amsl_m: [m]; None in logs that lack it.
        utc_s: GPS time brought to UTC, since 1970 [s]; None while the receiver had no time.
    """

    index: int
    time_us: int
    position: LatLon
    height_above_home_m: float
    roll_deg: float
    pitch_deg: float
    yaw_deg: float
    amsl_m: float | None = None
    utc_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Kind:
    """A message type as its FMT message describes it."""

    name: str
    length: int
    columns: tuple[str, ...]
    fields: struct.Struct
    factors: tuple[float | None, ...]

    @classmethod
    def read(cls, body: bytes) -> tuple[int, _Kind] | None:
        """The number and the type that an FMT message describes; None for one that makes no sense."""
        number, length, name, letters, columns = struct.unpack("<BB4s16s64s", body)
        names = tuple(c for c in _text(columns).split(",") if c)
        packed = [_LETTERS.get(letter) for letter in _text(letters)]
        if None in packed or len(packed) != len(names):
            return None
        known = [p for p in packed if p is not None]
        fields = struct.Struct("<" + "".join(p for p, _ in known))
        if fields.size + 3 != length:
            return None
        return number, cls(_text(name), length, names, fields, tuple(f for _, f in known))

    def values(self, body: bytes) -> dict[str, float]:
        """The fields that are numbers, in SI units or degrees."""
        raw = self.fields.unpack(body)
        return {
            name: value * factor if factor != 1.0 else value
            for name, value, factor in zip(self.columns, raw, self.factors, strict=True)
            if factor is not None
        }


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("ascii", errors="replace")


def logged_photos(path: Path) -> list[LoggedPhoto]:
    """The photographs in a DataFlash log, in order; damaged parts of the log are passed over.

    Raises:
        InputFileError: the file cannot be read, is no such log, or says that it has more than a million
            photographs.
    """
    try:
        if path.stat().st_size == 0:  # which cannot be mapped
            raise InputFileError("the log is empty", where=str(path), remedy=_REMEDY)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _photos(data, path)
    except OSError as error:
        raise InputFileError(
            Message("the log cannot be read: {reason}", reason=error.strerror),
            where=str(path),
            remedy=_REMEDY,
        ) from None


def _photos(data: mmap.mmap, path: Path) -> list[LoggedPhoto]:
    found: list[LoggedPhoto] = []
    described = False
    for kind, body in _messages(data):
        described = True
        if kind.name != "CAM":
            continue
        values = kind.values(body)
        if any(name not in values for name in _NEEDED):
            raise InputFileError(
                Message(
                    "its CAM messages lack {needed}", needed=", ".join(n for n in _NEEDED if n not in values)
                ),
                where=str(path),
                remedy="give the log of a newer firmware",
            )
        photo = _photo(values)
        if photo is not None:
            found.append(photo)
        if len(found) > _MOST_PHOTOS:
            raise InputFileError(
                Message("more than {most_photos} photographs", most_photos=_MOST_PHOTOS),
                where=str(path),
                remedy=_REMEDY,
            )
    if not described:
        raise InputFileError("this is no ArduPilot log", where=str(path), remedy=_REMEDY)
    return found


def _photo(values: Mapping[str, float]) -> LoggedPhoto | None:
    """None where the autopilot knew no position."""
    lat, lon = values["Lat"], values["Lng"]
    if (lat == 0.0 and lon == 0.0) or not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
        return None
    return LoggedPhoto(
        index=int(values.get("Img", 0)),
        time_us=int(values["TimeUS"]),
        position=LatLon(lat_deg=lat, lon_deg=lon),
        height_above_home_m=values["RelAlt"],
        roll_deg=values.get("R", 0.0),
        pitch_deg=values.get("P", 0.0),
        yaw_deg=values["Y"],
        amsl_m=values.get("Alt"),
        utc_s=_utc_s(values.get("GPSWeek", 0.0), values.get("GPSTime", 0.0)),
    )


def _utc_s(gps_week: float, gps_ms: float) -> float | None:
    return _GPS_EPOCH_S + gps_week * 604_800.0 + gps_ms / 1000.0 - _LEAP_S if gps_week > 0 else None


def _messages(data: mmap.mmap) -> Iterator[tuple[_Kind, bytes]]:
    """Messages with their types; where the row is broken, on from the next beginning of a known one."""
    kinds: dict[int, _Kind] = {}
    at, end = 0, len(data)
    while at + 3 <= end:
        if data[at : at + 2] != _HEAD:
            at = data.find(_HEAD, at + 1)
            if at < 0:
                return
            continue
        number = data[at + 2]
        if number == _FMT and at + _FMT_BYTES <= end:
            described = _Kind.read(data[at + 3 : at + _FMT_BYTES])
            if described is not None:
                kinds[described[0]] = described[1]
                at += _FMT_BYTES
                continue
        kind = kinds.get(number)
        if kind is None or number == _FMT or at + kind.length > end:
            at += 2
            continue
        yield kind, data[at + 3 : at + kind.length]
        at += kind.length
