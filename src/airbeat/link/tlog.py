"""Telemetry logs of ground stations (``.tlog``): where the aircraft and its camera were, and its photographs.

A ``.tlog`` is a row of records: 8 bytes, big-endian, microseconds since 1970 by the ground station's clock;
then one MAVLink packet of version 1 or 2 as it came (Mission Planner, QGroundControl, MAVProxy, and ours).
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.errors import InputFileError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.link.dataflash import LoggedPhoto
from airbeat.link.dialect import mavlink

__all__ = ["LoggedFlight", "read_tlog"]

Array = npt.NDArray[np.float64]

_REMEDY = "give a telemetry log as the ground station wrote it (.tlog)"
_SIGNATURE_BYTES = 13
_FIRST_US, _LAST_US = 946_684_800_000_000, 4_102_444_800_000_000
"""A record's time must lie between 2000 and 2100, or it is no record."""
_MOST_RECORDS = 20_000_000
_NAN = math.nan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoggedFlight:
    """What a telemetry log says of one vehicle's flight.

    Attributes:
        utc_source: whose clock the times are by: "the vehicle's GPS", or "the ground station".
        track: (n, 5) UTC since 1970 [s], latitude, longitude [degrees], height above home, above sea level
            [m]; times rise.
        airframe: (n, 4) UTC [s], yaw, pitch, roll [degrees].
        gimbal: (n, 4) UTC [s], yaw from true north, pitch, roll of the camera [degrees].
        photos: the autopilot's photographs, ``utc_s`` set.
    """

    utc_source: str
    track: Array
    airframe: Array
    gimbal: Array
    photos: tuple[LoggedPhoto, ...]


@dataclass(slots=True)
class _Reading:
    """Rows collected so far, with times since the vehicle's boot [s]."""

    track: list[tuple[float, ...]] = field(default_factory=list)
    airframe: list[tuple[float, ...]] = field(default_factory=list)
    gimbal: list[tuple[float, ...]] = field(default_factory=list)
    photos: list[tuple[float, bool, Any]] = field(default_factory=list)
    station: list[float] = field(default_factory=list)
    gps: list[float] = field(default_factory=list)
    system: int | None = None
    stamp_s: float = _NAN
    yaw_deg: float = _NAN


def read_tlog(path: Path) -> LoggedFlight:
    """Read a telemetry log; damaged parts, and vehicles other than the first, are passed over.

    Raises:
        InputFileError: it cannot be read, is no such log, or holds no position.
    """
    reading = _Reading()
    try:
        if path.stat().st_size == 0:  # which cannot be mapped
            raise InputFileError("the log is empty", where=str(path), remedy=_REMEDY)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for stamp_s, message in _messages(data):
                if reading.system is None:
                    reading.system = message.get_srcSystem()
                if message.get_srcSystem() == reading.system:
                    reading.stamp_s = stamp_s
                    _HANDLERS[message.get_msgId()](reading, message)
    except OSError as error:
        raise InputFileError(
            Message("the log cannot be read: {reason}", reason=error.strerror),
            where=str(path),
            remedy=_REMEDY,
        ) from None
    if not reading.track and not reading.photos:
        raise InputFileError("no position of a vehicle in this log", where=str(path), remedy=_REMEDY)
    return _finished(reading)


def _finished(reading: _Reading) -> LoggedFlight:
    by_gps = bool(reading.gps)
    offset_s = float(np.median(reading.gps or reading.station or [0.0]))
    return LoggedFlight(
        utc_source="the vehicle's GPS" if by_gps else "the ground station",
        track=_table(reading.track, 5, offset_s),
        airframe=_table(reading.airframe, 4, offset_s),
        gimbal=_table(reading.gimbal, 4, offset_s),
        photos=tuple(_photo(at_s if utc else at_s + offset_s, m) for at_s, utc, m in reading.photos),
    )


def _table(rows: list[tuple[float, ...]], width: int, offset_s: float) -> Array:
    table = np.array(rows, dtype=float).reshape(-1, width)
    table[:, 0] += offset_s
    order = np.argsort(table[:, 0], kind="stable")
    table = table[order]
    first = np.concatenate([[True], np.diff(table[:, 0]) > 0])[: len(table)]
    return np.asarray(table[first])


def _messages(data: mmap.mmap) -> Iterator[tuple[float, Any]]:
    """(ground station's time [s], message) of the messages that matter."""
    parser = mavlink.MAVLink(None)
    at, end = 0, len(data)
    for _ in range(_MOST_RECORDS):
        if at + 8 + 8 > end:
            return
        stamp_us = int.from_bytes(data[at : at + 8], "big")
        length = _packet_length(data, at + 8)
        if length == 0 or not _FIRST_US < stamp_us < _LAST_US or at + 8 + length > end:
            at += 1
            continue
        packet = data[at + 8 : at + 8 + length]
        number = int.from_bytes(packet[7:10], "little") if packet[0] == 0xFD else packet[5]
        at += 8 + length
        if number not in _HANDLERS:
            continue
        try:
            yield stamp_us / 1e6, parser.decode(bytearray(packet))
        except mavlink.MAVError:
            continue


def _packet_length(data: mmap.mmap, at: int) -> int:
    """Bytes of the packet that begins there; 0 if none does."""
    if data[at] == 0xFE:
        return data[at + 1] + 8
    if data[at] == 0xFD:
        return data[at + 1] + 12 + (_SIGNATURE_BYTES if data[at + 2] & 1 else 0)
    return 0


def _is_place(lat_e7: int, lon_e7: int) -> bool:
    """0, 0 is what a receiver without a fix says."""
    return (lat_e7, lon_e7) != (0, 0) and abs(lat_e7) <= 900_000_000 and abs(lon_e7) <= 1_800_000_000


# One handler a message; angles of MAVLink are radians, roll with the right side down, pitch nose up.


def _position(reading: _Reading, m: Any) -> None:
    if not _is_place(m.lat, m.lon):
        return
    boot_s = m.time_boot_ms / 1000
    reading.station.append(reading.stamp_s - boot_s)
    reading.track.append((boot_s, m.lat / 1e7, m.lon / 1e7, m.relative_alt / 1000, m.alt / 1000))


def _attitude(reading: _Reading, m: Any) -> None:
    angles = [math.degrees(a) for a in (m.yaw, m.pitch, m.roll)]
    if all(math.isfinite(a) for a in angles):
        reading.yaw_deg = angles[0]
        reading.airframe.append((m.time_boot_ms / 1000, *angles))


def _system_time(reading: _Reading, m: Any) -> None:
    if m.time_unix_usec > _FIRST_US:
        reading.gps.append(m.time_unix_usec / 1e6 - m.time_boot_ms / 1000)


def _mount_orientation(reading: _Reading, m: Any) -> None:
    yaw = m.yaw_absolute if m.yaw_absolute != 0 else reading.yaw_deg + m.yaw
    row = (m.time_boot_ms / 1000, yaw, m.pitch, m.roll)
    if all(math.isfinite(v) for v in row):
        reading.gimbal.append(row)


def _gimbal_attitude(reading: _Reading, m: Any) -> None:
    """A quaternion of the NED axes, or of the airframe's heading, by the message's flags."""
    w, x, y, z = m.q
    size = math.sqrt(w * w + x * x + y * y + z * z)
    if not 0.5 < size < 2.0:
        return
    roll = math.degrees(math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y)))
    pitch = math.degrees(math.asin(max(-1.0, min(1.0, 2 * (w * y - z * x)))))
    yaw = math.degrees(math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))
    from_north = m.flags & (
        mavlink.GIMBAL_DEVICE_FLAGS_YAW_LOCK | mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME
    )
    if not from_north or m.flags & mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME:
        yaw += reading.yaw_deg
    if math.isfinite(yaw):
        reading.gimbal.append((m.time_boot_ms / 1000, yaw, pitch, roll))


def _photograph(reading: _Reading, m: Any) -> None:
    if not _is_place(m.lat, m.lng):
        return
    utc = m.time_usec > _FIRST_US
    if any(
        other.img_idx == m.img_idx and other.time_usec == m.time_usec for _, _, other in reading.photos[-3:]
    ):
        return
    reading.photos.append((m.time_usec / 1e6, utc, m))


def _photo(utc_s: float, m: Any) -> LoggedPhoto:
    return LoggedPhoto(
        index=m.img_idx,
        time_us=m.time_usec,
        position=LatLon(lat_deg=m.lat / 1e7, lon_deg=m.lng / 1e7),
        height_above_home_m=m.alt_rel,
        roll_deg=m.roll,
        pitch_deg=m.pitch,
        yaw_deg=m.yaw,
        amsl_m=m.alt_msl,
        utc_s=utc_s,
    )


_HANDLERS: dict[int, Callable[[_Reading, Any], None]] = {
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: _position,
    mavlink.MAVLINK_MSG_ID_ATTITUDE: _attitude,
    mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: _system_time,
    mavlink.MAVLINK_MSG_ID_MOUNT_ORIENTATION: _mount_orientation,
    mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: _gimbal_attitude,
    mavlink.MAVLINK_MSG_ID_CAMERA_FEEDBACK: _photograph,
}
