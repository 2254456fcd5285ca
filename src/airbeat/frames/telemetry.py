"""What a flight's telemetry says of the camera's places, whatever file it comes from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from airbeat.errors import InputFileError
from airbeat.frames.subtitles import read_subtitles
from airbeat.language.words import Message
from airbeat.link.dataflash import LoggedPhoto, logged_photos
from airbeat.link.tlog import LoggedFlight, read_tlog

__all__ = ["Poses", "Telemetry", "poses_of", "read_telemetry"]

Array = npt.NDArray[np.float64]

_LONGEST_GAP_S = 3.0
"""Between samples farther apart than this nothing is interpolated."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Poses:
    """Where the camera was at n times; NaN where the file does not say.

    Attributes:
        times_s: (n,) rising, by the file's clock [s].
        lat_deg: (n,) [degrees].
        lon_deg: (n,) [degrees].
        home_m: (n,) height above the take-off place [m].
        amsl_m: (n,) height above sea level [m].
        airframe: (n, 3) yaw, pitch, roll of the airframe [degrees].
        gimbal: (n, 3) yaw from north, pitch, roll of the camera [degrees].
    """

    times_s: Array
    lat_deg: Array
    lon_deg: Array
    home_m: Array
    amsl_m: Array
    airframe: Array
    gimbal: Array

    def __len__(self) -> int:
        return len(self.times_s)

    def row(self, index: int) -> Poses:
        """One sample."""
        at = slice(index, index + 1)
        return Poses(
            times_s=self.times_s[at],
            lat_deg=self.lat_deg[at],
            lon_deg=self.lon_deg[at],
            home_m=self.home_m[at],
            amsl_m=self.amsl_m[at],
            airframe=self.airframe[at],
            gimbal=self.gimbal[at],
        )

    def at(self, time_s: float) -> Poses | None:
        """The pose between the two samples around a time; None before, after, and in gaps of over 3 s."""
        after = int(np.searchsorted(self.times_s, time_s))
        if after < len(self) and self.times_s[after] == time_s:
            return self.row(after)
        if not 0 < after < len(self):
            return None
        before = after - 1
        gap = self.times_s[after] - self.times_s[before]
        if gap > _LONGEST_GAP_S:
            return None
        share = (time_s - self.times_s[before]) / gap

        def between(values: Array) -> Array:
            return np.asarray(values[before : before + 1] * (1 - share) + values[after : after + 1] * share)

        def turned(angles: Array) -> Array:
            change = (angles[after] - angles[before] + 180.0) % 360.0 - 180.0
            return np.asarray((angles[before] + share * change)[None])

        return Poses(
            times_s=np.array([time_s]),
            lat_deg=between(self.lat_deg),
            lon_deg=between(self.lon_deg),
            home_m=between(self.home_m),
            amsl_m=between(self.amsl_m),
            airframe=turned(self.airframe),
            gimbal=turned(self.gimbal),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Telemetry:
    """A telemetry file.

    Attributes:
        name: the file's name.
        clock: whose time it is by, in words.
        utc: whether its times are UTC since 1970; otherwise since the autopilot's boot, or of the camera's
            own clock.
        track: samples along the flight.
        exposures: samples at which the camera was triggered.
        findings: what is to be said about it.
    """

    name: str
    clock: str
    utc: bool
    track: Poses
    exposures: Poses
    findings: tuple[str, ...] = field(default=())


def poses_of(rows: Sequence[Sequence[float]] | Array) -> Poses:
    """Rows of time, latitude, longitude, home, amsl, airframe's three angles, gimbal's three angles."""
    table = np.array(rows, dtype=float).reshape(-1, 11)
    table = table[np.argsort(table[:, 0], kind="stable")]
    return Poses(
        times_s=table[:, 0],
        lat_deg=table[:, 1],
        lon_deg=table[:, 2],
        home_m=table[:, 3],
        amsl_m=table[:, 4],
        airframe=table[:, 5:8],
        gimbal=table[:, 8:11],
    )


def read_telemetry(path: Path) -> Telemetry:
    """Read a telemetry log (``.tlog``), an ArduPilot log (``.bin``), or DJI's subtitles (``.srt``).

    Raises:
        InputFileError: another kind of file, or one that cannot be read.
    """
    kind = path.suffix.lower()
    if kind == ".tlog":
        return _of_tlog(path.name, read_tlog(path))
    if kind in {".bin", ".log"}:
        return _of_dataflash(path.name, logged_photos(path))
    if kind == ".srt":
        rows = read_subtitles(path)
        return Telemetry(
            name=path.name,
            clock="the camera",
            utc=False,
            track=poses_of([r.row() for r in rows]),
            exposures=poses_of([]),
        )
    raise InputFileError(
        Message("telemetry in a file named {kind} is not known", kind=kind or Message("without an ending")),
        where=str(path),
        remedy="give a .tlog, an ArduPilot .bin, or a DJI .srt file",
    )


def _of_dataflash(name: str, photos: Sequence[LoggedPhoto]) -> Telemetry:
    utc = bool(photos) and all(p.utc_s is not None for p in photos)
    return Telemetry(
        name=name,
        clock="the vehicle's GPS" if utc else "the autopilot since its boot",
        utc=utc,
        track=poses_of([]),
        exposures=poses_of([_photo_row(p, p.utc_s if utc else None) for p in photos]),
    )


def _photo_row(photo: LoggedPhoto, utc_s: float | None) -> tuple[float, ...]:
    nan = math.nan
    return (
        photo.time_us / 1e6 if utc_s is None else utc_s,
        photo.position.lat_deg,
        photo.position.lon_deg,
        photo.height_above_home_m,
        nan if photo.amsl_m is None else photo.amsl_m,
        photo.yaw_deg,
        photo.pitch_deg,
        photo.roll_deg,
        nan,
        nan,
        nan,
    )


def _of_tlog(name: str, flight: LoggedFlight) -> Telemetry:
    track = flight.track
    rows = np.full((len(track), 11), np.nan)
    rows[:, :5] = track
    rows[:, 5:8] = _angles_at(track[:, 0], flight.airframe)
    rows[:, 8:11] = _angles_at(track[:, 0], flight.gimbal)
    exposures = [_photo_row(p, p.utc_s) for p in flight.photos]
    if exposures:
        shots = np.array(exposures)
        shots[:, 8:11] = _angles_at(shots[:, 0], flight.gimbal)
        exposures = [tuple(row) for row in shots]
    return Telemetry(
        name=name, clock=flight.utc_source, utc=True, track=poses_of(rows), exposures=poses_of(exposures)
    )


def _angles_at(times_s: Array, table: Array) -> Array:
    """(n, 3) angles of the samples nearest in time; NaN where none is within a second."""
    result = np.full((len(times_s), 3), np.nan)
    if len(table) == 0 or len(times_s) == 0:
        return result
    after = np.clip(np.searchsorted(table[:, 0], times_s), 1, max(len(table) - 1, 1))
    after = np.minimum(after, len(table) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.abs(table[before, 0] - times_s) <= np.abs(table[after, 0] - times_s)
    nearest = np.where(nearer, before, after)
    near = np.abs(table[nearest, 0] - times_s) <= 1.0
    result[near] = table[nearest[near], 1:4]
    return result
