"""What a flight's log says of where a drone and its camera were, by UTC: records, ``.tlog`` and DataFlash."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from airbeat.errors import InputFileError, UsageError
from airbeat.flight.record import record_sha256
from airbeat.frames.telemetry import Poses, read_telemetry
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.report.artefact import Part, read_artefact

__all__ = ["FlightLog", "NamedFile", "log_files", "read_flight_log"]

Array = npt.NDArray[np.float64]

_LATE_UTC_S = 946_684_800.0
"""A photograph's time before 2000 counts from the vehicle's boot [s]."""
_OFF_GROUND_M = 2.0
"""Barometers drift: a vehicle on its pad may say half a metre."""
_REMEDY = "give what airbeat fly wrote, a .tlog, or an ArduPilot .bin"
_CHANGED = "it was changed after it was written: its content no longer has the hash that it names"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFile:
    """A file that went into a proof: its name and the SHA-256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlightLog:
    """One flight's log.

    Attributes:
        files: what was read.
        drone: whose flight it is, as it was named; "" where nobody said.
        clock: whose clock the times are by.
        track: poses along the flight, times UTC since 1970 [s]; may be empty (DataFlash).
        exposures: poses at which the camera was triggered; the same clock.
        notes: what the reader must know.
    """

    files: tuple[NamedFile, ...]
    drone: str
    clock: str
    track: Poses
    exposures: Poses
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The first file's name."""
        return self.files[0].name

    @property
    def span_utc_s(self) -> tuple[float, float]:
        """First and last moment in the air, by the track, else by the exposures [s]."""
        poses = self.track if len(self.track) else self.exposures
        times = poses.times_s
        if len(self.track):
            up = np.flatnonzero(poses.home_m > _OFF_GROUND_M)
            times = times[up[0] : up[-1] + 1] if len(up) else times
        return float(times[0]), float(times[-1])

    @property
    def length_m(self) -> float:
        """Length of the flown way over ground [m]."""
        poses = self.track if len(self.track) else self.exposures
        places = [
            LatLon(lat_deg=float(a), lon_deg=float(b))
            for a, b in zip(poses.lat_deg[::5], poses.lon_deg[::5], strict=True)
        ]
        return sum(distance_m(a, b) for a, b in pairwise(places))


class _Photo(Part):
    time_us: int
    vehicle_time_s: float
    lat_deg: float = Field(ge=-90, le=90)
    lon_deg: float = Field(ge=-180, le=180)
    height_above_home_m: float
    amsl_m: float = math.nan
    roll_deg: float = 0.0
    pitch_deg: float = 0.0
    yaw_deg: float


class _Record(Part):
    """What is taken from ``flight.json``."""

    sha256: str = ""
    begun_utc: datetime
    boot_utc_s: float | None = None
    track_columns: list[str]
    track: list[list[float | None]]
    photos: list[_Photo]


def log_files(path: Path) -> list[tuple[Path, ...]]:
    """The flights in a folder that ``airbeat fly --out`` wrote, or one log that was named itself.

    Returns:
        For each flight its files: the one that is read first (a telemetry log before the record).

    Raises:
        UsageError: nothing there.
    """
    if not path.is_dir():
        return [(path,)]
    flights: list[tuple[Path, ...]] = []
    for record in sorted(path.glob("flight*.json")):
        tlog = record.with_suffix(".tlog")
        flights.append((tlog, record) if tlog.is_file() and tlog.stat().st_size else (record,))
    if not flights:
        flights = [(p,) for p in sorted([*path.glob("*.tlog"), *path.glob("*.bin")])]
    if not flights:
        raise UsageError(f"{path} holds no flight log", remedy=_REMEDY)
    return flights


def read_flight_log(files: Sequence[Path], *, drone: str = "") -> FlightLog:
    """Read the log of one flight.

    Args:
        files: a ``.tlog``, a DataFlash ``.bin`` or a record (``.json``); further ones belong to the same
            flight and are only hashed, records also checked against the hash that they name.
        drone: whose flight it is.

    Raises:
        InputFileError: it cannot be read, knows no UTC, or a record was changed after it was written.
    """
    first = files[0]
    for path in files:
        if path.suffix.lower() == ".json":
            _check_record(path)
    named = tuple(NamedFile(name=p.name, sha256=_sha256(p)) for p in files)
    if first.suffix.lower() == ".json":
        return _of_record(first, named, drone)
    telemetry = read_telemetry(first)
    if not telemetry.utc:
        raise InputFileError(
            "the log does not know the date and time (UTC), so it cannot prove when anything was seen",
            where=str(first),
            remedy="give a log of a flight with a GPS fix",
        )
    if not len(telemetry.track) and not len(telemetry.exposures):
        raise InputFileError("the log holds no position", where=str(first), remedy=_REMEDY)
    return FlightLog(
        files=named, drone=drone, clock=telemetry.clock, track=telemetry.track, exposures=telemetry.exposures
    )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputFileError(f"cannot be read: {error.strerror}", where=str(path), remedy=_REMEDY) from error


def _check_record(path: Path) -> None:
    """Refuses a record whose content is not what its own hash says; one without a hash passes."""
    read_artefact(path, _Record, remedy=_REMEDY)
    document: Any = json.loads(path.read_bytes())
    named = document.get("sha256")
    if named is not None and record_sha256(document) != named:
        raise InputFileError(_CHANGED, where=str(path), remedy="take the record from a copy made before")


def _of_record(path: Path, named: tuple[NamedFile, ...], drone: str) -> FlightLog:
    record = read_artefact(path, _Record, remedy=_REMEDY)
    offset_s, clock, notes = _utc_offset(record)
    columns = {name: n for n, name in enumerate(record.track_columns)}
    needed = ("time_s", "lat_deg", "lon_deg", "height_above_home_m")
    missing = [name for name in needed if name not in columns]
    if missing or any(len(row) != len(columns) for row in record.track):
        raise InputFileError("its track has no usable columns", where=str(path), remedy=_REMEDY)

    def column(name: str) -> Array:
        values = [row[columns[name]] if name in columns else None for row in record.track]
        return np.array([math.nan if v is None else v for v in values], dtype=float)

    nan = np.full(len(record.track), math.nan)
    track = Poses(
        times_s=column("time_s") + offset_s,
        lat_deg=column("lat_deg"),
        lon_deg=column("lon_deg"),
        home_m=column("height_above_home_m"),
        amsl_m=column("amsl_m"),
        airframe=np.column_stack([column("heading_deg"), nan, nan]),
        gimbal=np.column_stack([nan, nan, nan]),
    )
    if not len(track) and not record.photos:
        raise InputFileError("the record holds no position", where=str(path), remedy=_REMEDY)
    return FlightLog(
        files=named,
        drone=drone,
        clock=clock,
        track=track,
        exposures=_exposures(record, offset_s),
        notes=notes,
    )


def _exposures(record: _Record, offset_s: float) -> Poses:
    rows = sorted(
        (
            p.time_us / 1e6 if p.time_us / 1e6 > _LATE_UTC_S else p.vehicle_time_s + offset_s,
            p.lat_deg,
            p.lon_deg,
            p.height_above_home_m,
            p.amsl_m,
            p.yaw_deg,
            p.pitch_deg,
            p.roll_deg,
        )
        for p in record.photos
    )
    table = np.array(rows, dtype=float).reshape(-1, 8)
    return Poses(
        times_s=table[:, 0],
        lat_deg=table[:, 1],
        lon_deg=table[:, 2],
        home_m=table[:, 3],
        amsl_m=table[:, 4],
        airframe=table[:, 5:8],
        gimbal=np.full((len(table), 3), math.nan),
    )


def _utc_offset(record: _Record) -> tuple[float, str, tuple[str, ...]]:
    """What must be added to the vehicle's time to get UTC [s], whose clock that is, and notes."""
    if record.boot_utc_s is not None:
        return record.boot_utc_s, "the vehicle's GPS", ()
    told = [p.time_us / 1e6 - p.vehicle_time_s for p in record.photos if p.time_us / 1e6 > _LATE_UTC_S]
    if told:
        return float(np.median(told)), "the vehicle's GPS", ()
    begun = record.begun_utc if record.begun_utc.tzinfo else record.begun_utc.replace(tzinfo=UTC)
    first = record.track[0][0] if record.track and record.track[0] else 0.0
    note = "the vehicle told no UTC: times are by the ground station's clock, from when it began to watch"
    return begun.timestamp() - (first or 0.0), "the ground station", (note,)
