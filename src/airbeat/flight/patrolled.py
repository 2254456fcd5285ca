"""From flight logs and photographs to what a proof of patrol judges: pictures and times in view.

Photographs must be those that the logs tell of, all of them, at the times that the logs say: one that is
missing, or a camera's clock that is off, is refused here, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from airbeat.errors import FrameError, GeometryError, InputFileError, UsageError
from airbeat.flight.flightlog import FlightLog, NamedFile
from airbeat.frames.clock import offset_by_shots
from airbeat.frames.folder import scan_folder
from airbeat.frames.meta import FrameMeta
from airbeat.frames.telemetry import Poses
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame, bearing_deg, distance_m
from airbeat.locate.gaze import gaze_at
from airbeat.locate.ground import footprint, pixel_of
from airbeat.mission.beat import Beat, PointLook, PointVisit, Visit
from airbeat.patrol.proof import Glimpse, Picture, glimpses_of_samples
from airbeat.vehicle.camera import Camera

__all__ = ["Frame", "Patrolled", "patrolled", "read_frames"]

Array = npt.NDArray[np.float64]

_SAME_MOMENT_S = 2.0
"""A photograph and its exposure in the log: the camera's stamp may be in whole seconds."""
_SAME_PLACE_M = 25.0
"""Between two receivers, and how far a drone flies within a second."""
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A photograph that is to prove something.

    Attributes:
        meta: what it says itself.
        time_utc: when it was taken.
    """

    meta: FrameMeta
    time_utc: datetime

    @property
    def file(self) -> NamedFile:
        """Its name and hash."""
        return NamedFile(name=self.meta.path.name, sha256=self.meta.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patrolled:
    """What flights show of a beat.

    Attributes:
        pictures: photographs, or where none were given the exposures that the logs tell of.
        glimpses: by the name of a point visit, the times in which a log has it in view finely enough.
        notes: what was assumed.
    """

    pictures: tuple[Picture, ...]
    glimpses: Mapping[str, tuple[Glimpse, ...]]
    notes: tuple[str, ...]


def read_frames(folders: Iterable[Path], *, time_zone: ZoneInfo) -> tuple[list[Frame], list[str]]:
    """The photographs of folders, in the order of their times, and notes.

    Args:
        folders: of photographs; folders below them are not looked into.
        time_zone: of cameras that write the local time.

    Raises:
        FrameError: a folder or a photograph in it cannot be read, or one does not say when it was taken.
    """
    frames: list[Frame] = []
    local = 0
    for folder in folders:
        scan = scan_folder(folder)
        if scan.refused:
            path, reason = scan.refused[0]
            raise FrameError(reason, where=str(path), remedy="give the photographs as the camera wrote them")
        for meta in scan.frames:
            moment = meta.time_utc
            if moment is None and meta.local_time is not None:
                local += 1
                moment = meta.local_time.replace(tzinfo=time_zone).astimezone(UTC)
            if moment is None:
                raise FrameError(
                    "it does not say when it was taken, so it proves nothing",
                    where=str(meta.path),
                    remedy="give the photographs as the camera wrote them",
                )
            frames.append(Frame(meta=meta, time_utc=moment))
    notes = [f"{local} photographs say the local time only: {time_zone.key} is assumed"] if local else []
    return sorted(frames, key=lambda f: (f.time_utc, f.meta.path.name)), notes


def patrolled(
    beat: Beat | None,
    logs: Sequence[FlightLog],
    frames: Sequence[Frame] | None,
    *,
    ground_height_m: float = 0.0,
) -> Patrolled:
    """Put flights and photographs together.

    Args:
        beat: what was to be visited; None where only the photographs are matched with the logs.
        logs: of the flights.
        frames: the photographs, or None: then the logs' exposures count by the autopilot's word.
        ground_height_m: of the ground above the launch sites [m].

    Raises:
        InputFileError: a photograph is missing, is of no exposure, or the clocks differ.
        UsageError: it is not known which drone's camera flew.
    """
    notes: list[str] = []
    taken: list[tuple[FrameMeta, datetime, str, bool]] = []
    for log in logs:
        notes += [f"{log.name}: {note}" for note in log.notes]
    if frames is None:
        notes.append("no photographs were given: exposures count by the autopilot's word")
        for log in logs:
            taken += _exposed(log, _camera(beat, log.drone)) if beat is not None else []
    else:
        owners = _matched(frames, logs)
        taken = [(f.meta, f.time_utc, log.drone, False) for f, log in zip(frames, owners, strict=True)]
    if beat is None:
        return Patrolled(pictures=(), glimpses={}, notes=tuple(notes))
    if any(planned for *_, planned in taken):
        notes.append("where the log says nothing of the gimbal the camera looked as planned")
    points = [v for v in beat.visits if isinstance(v, PointVisit)]
    pictures = [_picture(row, beat, points, ground_height_m) for row in taken]
    glimpses: dict[str, list[Glimpse]] = {visit.name: [] for visit in points}
    for log in logs:
        camera = _camera(beat, log.drone)
        for visit in points:
            glimpses[visit.name] += _in_view(log, visit, camera, ground_height_m)
    return Patrolled(
        pictures=tuple(pictures),
        glimpses={name: tuple(found) for name, found in glimpses.items()},
        notes=tuple(notes),
    )


def _camera(beat: Beat, drone: str) -> Camera:
    """The camera of a drone; where nobody said which, the one that all drones have.

    Raises:
        UsageError: no such drone, or cameras that differ.
    """
    by_name = {d.name: d.camera for _, d in beat.drones}
    if drone:
        if drone not in by_name:
            raise UsageError(f"no drone {drone!r} in this beat", remedy=f"there are: {', '.join(by_name)}")
        return by_name[drone]
    cameras = {(c.name, c.focal_length_px, c.image_width_px): c for c in by_name.values()}
    if len(cameras) > 1:
        raise UsageError(
            "the beat's drones have different cameras, and it is not said whose flight this is",
            remedy=f"say --flight NAME=PATH with one of: {', '.join(by_name)}",
        )
    return next(iter(cameras.values()))


# Photographs and exposures


def _matched(frames: Sequence[Frame], logs: Sequence[FlightLog]) -> list[FlightLog]:
    """The flight of each photograph, where every exposure of the logs has its photograph.

    Raises:
        InputFileError: they are not the photographs of these flights.
    """
    shots = [
        (float(t), LatLon(lat_deg=float(a), lon_deg=float(b)), log)
        for log in logs
        for t, a, b in zip(log.exposures.times_s, log.exposures.lat_deg, log.exposures.lon_deg, strict=True)
    ]
    if not shots:
        return [_by_track(frame, logs) for frame in frames]
    owners = _paired(frames, shots)
    paired = set(owners.values())
    if len(owners) == len(frames) and len(paired) == len(shots):
        return [shots[owners[n]][2] for n in range(len(frames))]
    _refuse_clock(frames, shots, matched=len(owners))
    missing = [shots[n] for n in range(len(shots)) if n not in paired]
    if missing:
        raise InputFileError(
            _missing_words(missing, len(shots)), remedy="give every photograph of the flights"
        )
    odd = next(frames[n] for n in range(len(frames)) if n not in owners)
    raise InputFileError(
        f"the log knows no exposure at {_utc(odd.time_utc)} and where this photograph says that it was taken",
        where=odd.meta.path.name,
        remedy="give the photographs of these flights alone",
    )


Shots = Sequence[tuple[float, LatLon, FlightLog]]


def _missing_words(missing: Shots, of: int) -> str:
    named = ", ".join(
        f"{_utc(datetime.fromtimestamp(t, UTC))} at {place}" for t, place, _ in missing[:_MOST_NAMED]
    )
    more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
    return (
        f"{len(missing)} of {of} photographs that the logs tell of are missing: taken {named}{more} "
        f"({missing[0][2].name})"
    )


def _paired(frames: Sequence[Frame], shots: Shots) -> dict[int, int]:
    """For each photograph the exposure of the same moment and place, nearest in time first, each once."""
    times = np.array([t for t, _, _ in shots])
    order = np.argsort(times, kind="stable")
    pairs = []
    for n, frame in enumerate(frames):
        at = frame.time_utc.timestamp()
        first, last = np.searchsorted(times[order], [at - _SAME_MOMENT_S, at + _SAME_MOMENT_S])
        for k in order[first:last]:
            t, place, _ = shots[int(k)]
            position = frame.meta.position
            if position is None or distance_m(position, place) <= _SAME_PLACE_M:
                pairs.append((abs(t - at), n, int(k)))
    found: dict[int, int] = {}
    used: set[int] = set()
    for _, n, k in sorted(pairs):
        if n not in found and k not in used:
            found[n] = k
            used.add(k)
    return found


def _refuse_clock(frames: Sequence[Frame], shots: Shots, *, matched: int) -> None:
    """Raises where another offset of the clocks than none explains the photographs better."""
    if 2 * matched > len(frames):
        return
    frame_s = np.array([f.time_utc.timestamp() for f in frames])
    try:
        offset = offset_by_shots(frame_s, np.sort(np.array([t for t, _, _ in shots])))
    except FrameError:
        return
    if abs(offset.offset_s) > _SAME_MOMENT_S and offset.matched > matched:
        words = "behind" if offset.offset_s > 0 else "ahead of"
        raise InputFileError(
            f"the camera's clock is {abs(offset.offset_s):.0f} s {words} the log's "
            f"({offset.matched} of {offset.of} photographs agree): nothing proves when anything was seen",
            where=frames[0].meta.path.parent.name,
            remedy="give log and photographs as they were written; set the camera's clock before a flight",
        )


def _by_track(frame: Frame, logs: Sequence[FlightLog]) -> FlightLog:
    """The flight whose track has the camera where a photograph says it was, for logs without exposures."""
    for log in logs:
        pose = log.track.at(frame.time_utc.timestamp()) if len(log.track) else None
        if pose is None:
            continue
        here = LatLon(lat_deg=float(pose.lat_deg[0]), lon_deg=float(pose.lon_deg[0]))
        if frame.meta.position is None or distance_m(frame.meta.position, here) <= _SAME_PLACE_M:
            return log
    raise InputFileError(
        f"no log has a drone where this photograph says that it was taken at {_utc(frame.time_utc)}",
        where=frame.meta.path.name,
        remedy="give logs and photographs of the same flights, and check the camera's clock",
    )


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _exposed(log: FlightLog, camera: Camera) -> list[tuple[FrameMeta, datetime, str, bool]]:
    """The exposures of a log as photographs; whether the camera's angles are as planned (NaN pitch)."""
    rows = []
    poses = log.exposures
    for n in range(len(poses)):
        yaw, pitch, roll = (float(a) for a in poses.gimbal[n])
        planned = not (math.isfinite(yaw) and math.isfinite(pitch))
        rows.append(
            (
                FrameMeta(
                    path=Path(f"{log.name}: photograph {n + 1}"),
                    width_px=camera.image_width_px,
                    height_px=camera.image_height_px,
                    position=LatLon(lat_deg=float(poses.lat_deg[n]), lon_deg=float(poses.lon_deg[n])),
                    height_above_home_m=float(poses.home_m[n]),
                    gimbal_yaw_deg=float(poses.airframe[n, 0]) if planned else yaw,
                    gimbal_pitch_deg=None if planned else pitch,
                    gimbal_roll_deg=0.0 if planned else roll,
                    focal_length_px=camera.focal_length_px,
                ),
                datetime.fromtimestamp(float(poses.times_s[n]), UTC),
                log.drone,
                planned,
            )
        )
    return rows


def _aimed(meta: FrameMeta, visit: Visit) -> FrameMeta:
    """A photograph as planned for a visit: its pitch, an orbit's look at its middle, or straight down."""
    pitch = _planned_pitch_deg(visit, meta.height_above_home_m or 0.0)
    yaw = meta.gimbal_yaw_deg
    circles = isinstance(visit, PointVisit) and visit.look is PointLook.ORBIT
    if circles and isinstance(visit, PointVisit) and meta.position is not None:
        away_m = distance_m(meta.position, visit.position)
        if away_m > 1.0:
            yaw = bearing_deg(meta.position, visit.position)
            pitch = -math.degrees(math.atan2(meta.height_above_home_m or 0.0, away_m))
    return replace(meta, gimbal_pitch_deg=pitch, gimbal_yaw_deg=yaw)


def _planned_pitch_deg(visit: Visit, height_m: float) -> float:
    """The camera's pitch as a plan has it: the visit's, at the place from a stand-off, else straight down."""
    if visit.gimbal_pitch_deg is not None:
        return visit.gimbal_pitch_deg
    if isinstance(visit, PointVisit) and visit.stand_off_m > 0:
        return -math.degrees(math.atan2(height_m, visit.stand_off_m))
    return -90.0


def _picture(
    row: tuple[FrameMeta, datetime, str, bool],
    beat: Beat,
    points: Sequence[PointVisit],
    ground_height_m: float,
) -> Picture:
    meta, moment, drone, planned = row
    shows = frozenset(
        v.name for v in points if _is_in(_aimed(meta, v) if planned else meta, v, ground_height_m)
    )
    outlines: dict[str, Any] = {}
    if planned:
        ground = [v for v in beat.visits if not isinstance(v, PointVisit)]
        outlines = {v.name: _outline(_aimed(meta, v), ground_height_m) for v in ground}
    return Picture(
        name=meta.path.name,
        drone=drone,
        time_utc=moment,
        camera=meta.position or LatLon(lat_deg=0.0, lon_deg=0.0),
        height_m=(meta.height_above_home_m or 0.0) - ground_height_m,
        focal_length_px=meta.focal_length_px or 1.0,
        outline=None if planned else _outline(meta, ground_height_m),
        shows=shows,
        planned=outlines,
    )


def _is_in(meta: FrameMeta, visit: PointVisit, ground_height_m: float) -> bool:
    try:
        x, y = pixel_of(meta, [visit.position], ground_height_m=ground_height_m)[0]
    except FrameError:
        return False
    return bool(0 <= x <= meta.width_px and 0 <= y <= meta.height_px)


def _outline(meta: FrameMeta, ground_height_m: float) -> Any | None:
    try:
        return footprint(meta, ground_height_m=ground_height_m)
    except (FrameError, GeometryError):
        return None


# Times in view


def _in_view(log: FlightLog, visit: PointVisit, camera: Camera, ground_height_m: float) -> list[Glimpse]:
    track = log.track
    if not len(track):
        return []
    xy = -LocalFrame(visit.position).from_lon_lat(track.lon_deg, track.lat_deg)
    down = ground_height_m - track.home_m
    inside, gsd = gaze_at(
        np.column_stack([xy, down]),
        _angles(track, visit, xy, down),
        size_px=(camera.image_width_px, camera.image_height_px),
        focal_length_px=camera.focal_length_px,
    )
    inside = inside & (track.home_m - ground_height_m > 1.0)
    return glimpses_of_samples(track.times_s, inside, gsd, coarsest_m_px=visit.coarsest_m_px, drone=log.drone)


def _angles(track: Poses, visit: PointVisit, xy: Array, down: Array) -> Array:
    """(n, 3) yaw, pitch, roll of the camera: as logged, else as planned for the visit."""
    angles = track.gimbal.copy()
    unknown = ~np.isfinite(angles[:, :2]).all(axis=1)
    if not unknown.any():
        return angles
    pitch = np.array([_planned_pitch_deg(visit, float(-below)) for below in down])
    planned = np.column_stack([track.airframe[:, 0], pitch, np.zeros(len(track))])
    if visit.look is PointLook.ORBIT:
        away = np.hypot(*xy.T)
        planned[:, 0] = np.degrees(np.arctan2(xy[:, 0], xy[:, 1]))
        planned[:, 1] = np.degrees(np.arctan2(down, away))
    planned[pitch == -90.0, 0] = np.nan_to_num(planned[pitch == -90.0, 0])
    angles[unknown] = planned[unknown]
    angles[:, 2] = np.nan_to_num(angles[:, 2])
    return angles
