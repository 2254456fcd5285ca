"""Completes photographs with what the flight's telemetry says of their places and attitudes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from airbeat.errors import FrameError, GeometryError
from airbeat.frames.clock import ClockOffset, offset_by_places, offset_by_shots
from airbeat.frames.meta import FrameMeta
from airbeat.frames.telemetry import Poses, Telemetry, read_telemetry
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import Message

__all__ = ["complete_from_telemetry", "completed", "filled", "with_camera_pitch"]

Array = npt.NDArray[np.float64]

_LARGEST_BETWEEN_UTC_S = 30.0
"""Two clocks that both say UTC: leap seconds, and seconds of error, no more."""
_LONGEST_OFFSET_S = 1e6
_SMALLEST_SPREAD_M = 20.0
_LEAST_PLACES = 3


def complete_from_telemetry(
    frames: Sequence[FrameMeta], telemetry: Path, *, camera_pitch_deg: float | None = None
) -> tuple[FrameMeta, ...]:
    """Fill in what photographs do not say themselves: position, heights, attitude.

    The clocks' offset is estimated first: from the photographs' own positions along the track where they
    have them, else from the sequence of their times against the logged exposures, else both clocks are UTC
    and are taken at their word; photographs without any time are paired in the order of their names if
    there are as many as logged exposures. What a photograph says itself is kept. Every completed frame's
    findings name the file, the offset and what is left; a frame outside the telemetry gets a finding and
    stays as it is.

    Args:
        frames: the photographs of one flight, in the order of their names.
        telemetry: a ``.tlog``, an ArduPilot ``.bin``, or a DJI ``.srt`` file.
        camera_pitch_deg: pitch of a camera that turns with the airframe, for telemetry that says nothing of
            the camera; -90 looks straight down. The camera's yaw is then the airframe's, its roll 0.

    Returns:
        The frames in the same order.

    Raises:
        InputFileError: the file cannot be read.
        FrameError: the clocks' offset cannot be told, with the reason.
    """
    return completed(frames, read_telemetry(telemetry), camera_pitch_deg=camera_pitch_deg)


def completed(
    frames: Sequence[FrameMeta], telemetry: Telemetry, *, camera_pitch_deg: float | None = None
) -> tuple[FrameMeta, ...]:
    """As `complete_from_telemetry`, with telemetry already read."""
    try:
        pairing = _pair(frames, telemetry)
    except FrameError as error:
        raise FrameError(error.message, where=telemetry.name, remedy=error.remedy) from None
    result = []
    for meta, pose in zip(frames, pairing.poses, strict=True):
        if pose is None:
            said = f"{telemetry.name} says nothing of the time of this photograph"
            result.append(replace(meta, findings=(*meta.findings, said)))
        else:
            result.append(filled(meta, pose, telemetry.name, pairing.method, camera_pitch_deg))
    return tuple(result)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairing:
    poses: list[Poses | None]
    method: str


def _pair(frames: Sequence[FrameMeta], telemetry: Telemetry) -> _Pairing:
    times, utc = _times(frames)
    timed = np.isfinite(times)
    if not timed.any():
        return _by_order(frames, telemetry)
    offset, how = _offset(frames, times, utc, telemetry)
    poses: list[Poses | None] = [None] * len(frames)
    taken = _nearest_exposures(frames, times + offset.offset_s, telemetry.exposures, offset.tolerance_s)
    for i in map(int, np.flatnonzero(timed)):
        at = taken.get(i)
        if at is not None:
            poses[i] = telemetry.exposures.row(at)
        elif len(telemetry.track):
            poses[i] = telemetry.track.at(float(times[i]) + offset.offset_s)
    method = (
        f"{_in_words(offset.offset_s, telemetry.clock)}, {how}:"
        f" {offset.matched} of {offset.of} photographs agree, residual {offset.residual}"
    )
    return _Pairing(poses=poses, method=method)


def _in_words(offset_s: float, clock: str) -> str:
    """The offset; for a log that counts from its own beginning, when that was by the camera's clock."""
    if abs(offset_s) < _LONGEST_OFFSET_S:
        return f"clock offset {offset_s:+.2f} s to {clock}"
    begun = datetime.fromtimestamp(-offset_s, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-4]
    return f"the log of {clock} begins at {begun} by the camera's clock"


def _times(frames: Sequence[FrameMeta]) -> tuple[Array, bool]:
    """Times of one clock for all frames [s], NaN where a frame has none; whether they are UTC."""
    utc = np.array([f.time_utc.timestamp() if f.time_utc else np.nan for f in frames])
    local = np.array(
        [f.local_time.replace(tzinfo=UTC).timestamp() if f.local_time else np.nan for f in frames]
    )
    if np.isfinite(utc).sum() >= np.isfinite(local).sum():
        return utc, True
    return local, False


def _offset(
    frames: Sequence[FrameMeta], times: Array, utc: bool, telemetry: Telemetry
) -> tuple[ClockOffset, str]:
    both_utc = utc and telemetry.utc
    poses = telemetry.track if len(telemetry.track) > len(telemetry.exposures) else telemetry.exposures
    placed = [i for i in map(int, np.flatnonzero(np.isfinite(times))) if frames[i].position is not None]
    if len(placed) >= _LEAST_PLACES and len(poses) >= 2:
        here = LocalFrame(LatLon(lat_deg=float(poses.lat_deg[0]), lon_deg=float(poses.lon_deg[0])))
        frame_xy = here.to_xy([p for i in placed if (p := frames[i].position) is not None])
        if np.ptp(frame_xy, axis=0).max() >= _SMALLEST_SPREAD_M:
            pose_xy = here.to_xy(
                LatLon(lat_deg=float(a), lon_deg=float(b))
                for a, b in zip(poses.lat_deg, poses.lon_deg, strict=True)
            )
            largest_s = _LARGEST_BETWEEN_UTC_S if both_utc else None
            offset = offset_by_places(times[placed], frame_xy, poses.times_s, pose_xy, largest_s=largest_s)
            return offset, "by the photographs' own positions"
    known = times[np.isfinite(times)]
    if len(telemetry.exposures) >= _LEAST_PLACES:
        try:
            return offset_by_shots(known, telemetry.exposures.times_s), "by the times of the exposures"
        except FrameError:
            if not both_utc:
                raise
    if both_utc:
        return (
            ClockOffset(offset_s=0.0, matched=0, of=len(known), tolerance_s=0.75, residual="not known"),
            "both clocks say UTC and nothing else tells their offset",
        )
    raise FrameError(
        "the photographs have no positions and the telemetry no exposures, and the clocks differ by an"
        " unknown time",
        remedy="give a log with exposures (CAM or CAMERA_FEEDBACK)",
    )


def _nearest_exposures(
    frames: Sequence[FrameMeta], times: Array, exposures: Poses, tolerance_s: float
) -> dict[int, int]:
    """For each frame the exposure nearest in time; no exposure for two frames of one camera."""
    pairs = []
    for i, time in enumerate(times):
        if not math.isfinite(time) or len(exposures) == 0:
            continue
        after = int(np.searchsorted(exposures.times_s, time))
        for j in (after - 1, after):
            if 0 <= j < len(exposures):
                away = abs(float(exposures.times_s[j]) - time)
                if away <= tolerance_s:
                    pairs.append((away, i, j))
    taken: dict[int, int] = {}
    used: set[tuple[str, str, int]] = set()
    for _, i, j in sorted(pairs):
        camera = (frames[i].camera_model, frames[i].modality, j)
        if i not in taken and camera not in used:
            taken[i] = j
            used.add(camera)
    return taken


def _by_order(frames: Sequence[FrameMeta], telemetry: Telemetry) -> _Pairing:
    exposures = telemetry.exposures
    if len(exposures) != len(frames) or not frames:
        raise FrameError(
            Message(
                "the photographs say no time, and there are {frames} of them for {exposures} logged "
                "exposures",
                frames=len(frames),
                exposures=len(exposures),
            ),
            remedy="give the photographs as the camera wrote them, all of one flight",
        )
    return _Pairing(
        poses=[exposures.row(i) for i in range(len(frames))],
        method="photographs without times, paired with the exposures in the order of their names",
    )


def filled(meta: FrameMeta, pose: Poses, name: str, method: str, camera_pitch_deg: float | None) -> FrameMeta:
    """A photograph with what a pose says that it does not say itself.

    Args:
        meta: the photograph.
        pose: one sample.
        name: the telemetry file's.
        method: how the two were paired, in words.
        camera_pitch_deg: as for `complete_from_telemetry`.
    """
    known: dict[str, float | LatLon] = {}
    findings = []
    try:
        known["position"] = LatLon(lat_deg=float(pose.lat_deg[0]), lon_deg=float(pose.lon_deg[0]))
    except GeometryError:
        findings.append(f"{name} says no position here that could be true")
    for attribute, value in (
        ("height_above_home_m", pose.home_m[0]),
        ("amsl_m", pose.amsl_m[0]),
        ("flight_yaw_deg", pose.airframe[0, 0] % 360.0),
        ("flight_pitch_deg", pose.airframe[0, 1]),
        ("flight_roll_deg", pose.airframe[0, 2]),
    ):
        if math.isfinite(value):
            known[attribute] = float(value)
    said, camera = _camera_angles(meta, pose, camera_pitch_deg)
    known |= camera
    missing = {a: v for a, v in known.items() if getattr(meta, a) is None}
    if not missing:
        return meta
    names = ", ".join(sorted({_WORDS[a] for a in missing}))
    return replace(
        meta,
        **missing,  # type: ignore[arg-type]
        telemetry=name,
        findings=(*meta.findings, *findings, f"{names} from {name} ({method})", *said),
    )


def with_camera_pitch(meta: FrameMeta, camera_pitch_deg: float | None) -> FrameMeta:
    """A photograph that does not say its camera's pitch, with the one that was given by hand.

    The camera is taken to turn with the airframe: where only that says its heading, it is the camera's too.
    """
    if camera_pitch_deg is None or meta.gimbal_pitch_deg is not None:
        return meta
    return replace(
        meta,
        gimbal_pitch_deg=camera_pitch_deg,
        gimbal_yaw_deg=meta.flight_yaw_deg if meta.gimbal_yaw_deg is None else meta.gimbal_yaw_deg,
        gimbal_roll_deg=0.0 if meta.gimbal_roll_deg is None else meta.gimbal_roll_deg,
        findings=(*meta.findings, f"the camera's pitch, {camera_pitch_deg:g}°, was given by hand"),
    )


_WORDS = {
    "position": "position",
    "height_above_home_m": "height",
    "amsl_m": "height",
    "flight_yaw_deg": "the airframe's attitude",
    "flight_pitch_deg": "the airframe's attitude",
    "flight_roll_deg": "the airframe's attitude",
    "gimbal_yaw_deg": "the camera's attitude",
    "gimbal_pitch_deg": "the camera's attitude",
    "gimbal_roll_deg": "the camera's attitude",
}


def _camera_angles(
    meta: FrameMeta, pose: Poses, camera_pitch_deg: float | None
) -> tuple[list[str], dict[str, float | LatLon]]:
    yaw, pitch, roll = (float(a) for a in pose.gimbal[0])
    if math.isfinite(yaw) and math.isfinite(pitch):
        angles: dict[str, float | LatLon] = {"gimbal_yaw_deg": yaw % 360.0, "gimbal_pitch_deg": pitch}
        return [], angles | ({"gimbal_roll_deg": roll} if math.isfinite(roll) else {})
    if meta.gimbal_yaw_deg is not None and meta.gimbal_pitch_deg is not None:
        return [], {}
    heading = float(pose.airframe[0, 0])
    if camera_pitch_deg is not None and math.isfinite(heading):
        return [f"the camera is taken to turn with the airframe and to look {camera_pitch_deg:g}° up"], {
            "gimbal_yaw_deg": heading % 360.0,
            "gimbal_pitch_deg": camera_pitch_deg,
            "gimbal_roll_deg": 0.0,
        }
    return ["the telemetry says nothing of the camera's angles; give its pitch"], {}
