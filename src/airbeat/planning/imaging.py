"""What camera, overlap, wind and height make of a survey: spacing, trigger distance, speed, notes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from airbeat.errors import PlanningError
from airbeat.language.words import Message
from airbeat.mission.mission import CorridorPattern, Mission, SurveyPattern, Wind
from airbeat.planning.sweep import Swath
from airbeat.vehicle.camera import GroundView

__all__ = ["Imaging", "crab_angle_rad", "imaging_for", "keeps_up"]

_GUARD_SHARE = 0.05
"""Lines run on by this share of the footprint beyond the area, against position and heading errors."""
_MAX_BLUR_PX = 1.0
_NADIR_DEG = -90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Imaging:
    """How the lines are photographed.

    Attributes:
        swath: what one line sees.
        near_m: where a photograph begins, ahead of the vehicle (negative: behind it) [m].
        far_m: where it ends, ahead of the vehicle [m].
        trigger_distance_m: distance between photographs [m].
        speed_m_s: cruise speed [m/s].
        gsd_m_px: coarsest ground sampling distance across the picture [m/px].
        gimbal_pitch_deg: camera pitch to command [degrees], or None.
        hover_s: how long the vehicle stands still for each photograph [s], or None.
        notes: what the reader must know.
    """

    swath: Swath
    near_m: float
    far_m: float
    trigger_distance_m: float
    speed_m_s: float
    gsd_m_px: float
    gimbal_pitch_deg: float | None
    hover_s: float | None
    notes: tuple[str, ...]


def crab_angle_rad(wind: Wind | None, *, speed_m_s: float, angle_rad: float) -> float:
    """How far the nose is turned against the track when it points into the air flow [rad, 0…π].

    The air flows past the vehicle at its velocity over ground less the wind's; lines are flown both ways,
    and the greater angle counts. 0 without wind, or with the nose along the track.

    Args:
        wind: the wind, or None.
        speed_m_s: speed over ground [m/s].
        angle_rad: direction of the line, from east towards north [rad].
    """
    if wind is None or not wind.nose_into_wind:
        return 0.0
    toward = math.radians(270.0 - wind.from_deg)
    along = wind.speed_m_s * math.cos(toward - angle_rad)
    across = wind.speed_m_s * math.sin(toward - angle_rad)
    return max(abs(math.atan2(across, speed_m_s - way * along)) for way in (1.0, -1.0))


def imaging_for(
    mission: Mission, pattern: SurveyPattern, height_agl_m: float, *, crab_rad: float = 0.0
) -> Imaging:
    """Spacing, trigger distance and speed for photographs from a height.

    Photographs turned by the crab angle χ show without gaps a strip of W·cos χ - L·sin χ, W across and L
    along being the footprint: that far from the line they are as long along the track as straight ones.

    Args:
        mission: camera, airframe and the speed asked for.
        pattern: overlaps, distances, gimbal pitch, hovering.
        height_agl_m: lowest height above ground [m].
        crab_rad: how far photographs are turned against the track [rad].

    Raises:
        PlanningError: nothing usable comes out.
    """
    camera = mission.camera
    pitch = _NADIR_DEG if pattern.gimbal_pitch_deg is None else pattern.gimbal_pitch_deg
    view = camera.view(height_agl_m, pitch_deg=pitch)
    across, along = _strip_m(view, crab_rad), view.along_m
    spacing = _spacing_m(pattern, across)
    trigger = pattern.trigger_distance_m or along * (1.0 - pattern.front_overlap)
    if not (spacing > 0 and trigger > 0):
        raise PlanningError(
            Message(
                "line spacing {spacing:g} m and trigger distance {trigger:g} m must be positive",
                spacing=spacing,
                trigger=trigger,
            ),
            remedy="use overlaps below 1 and positive distances",
        )
    notes = _gaps_and_turns(
        view, across, spacing=spacing, trigger=trigger, crab_rad=crab_rad, pitch_deg=pitch
    )
    speed, said = _speed(mission, pattern, trigger, height_agl_m)
    return Imaging(
        swath=Swath(
            spacing_m=spacing,
            across_m=across,
            along_m=along,
            overrun_m=pattern.turn_around_m + _GUARD_SHARE * along + max(0.0, view.near_m),
        ),
        near_m=view.near_m,
        far_m=view.far_m,
        trigger_distance_m=trigger,
        speed_m_s=speed,
        gsd_m_px=view.gsd_far_m_px,
        gimbal_pitch_deg=pattern.gimbal_pitch_deg,
        hover_s=pattern.hover_s,
        notes=(*notes, *said),
    )


def _strip_m(view: GroundView, crab_rad: float) -> float:
    """Width of the strip that turned photographs show without gaps [m].

    Raises:
        PlanningError: there is none.
    """
    if crab_rad <= 0:
        return view.across_m
    across_m = view.across_m * math.cos(crab_rad) - view.along_m * math.sin(crab_rad)
    if across_m <= 0:
        raise PlanningError(
            Message(
                "the wind turns photographs by {degrees:.0f}° against the track: no strip is seen "
                "without gaps",
                degrees=math.degrees(crab_rad),
            ),
            remedy="fly along the wind, faster, or with nose: track",
        )
    return across_m


def _gaps_and_turns(
    view: GroundView, across: float, *, spacing: float, trigger: float, crab_rad: float, pitch_deg: float
) -> list[str]:
    """What must be known of distances that leave gaps, and of turned or tilted photographs."""
    notes: list[str] = []
    if spacing > across:
        notes.append(
            Message(
                "lines {spacing:.1f} m apart leave gaps: the footprint is {across:.1f} m wide",
                spacing=spacing,
                across=across,
            )
        )
    if trigger > view.along_m:
        notes.append(
            Message(
                "photographs {trigger:.1f} m apart leave gaps: the footprint is {along_m:.1f} m long",
                trigger=trigger,
                along_m=view.along_m,
            )
        )
    if crab_rad > math.radians(1.0):
        notes.append(
            Message(
                "the wind turns photographs by up to {degrees:.0f}°: {across:.1f} m of "
                "{across_m:.1f} m count",
                degrees=math.degrees(crab_rad),
                across=across,
                across_m=view.across_m,
            )
        )
    if pitch_deg > _NADIR_DEG:
        notes.append(
            Message(
                "camera pitched {pitch_deg:g}°: photographs show {near_m:.0f} to {far_m:.0f} m "
                "ahead, GSD {gsd_near_m_px:.1f} cm to {gsd_far_m_px:.1f} cm",
                pitch_deg=pitch_deg,
                near_m=view.near_m,
                far_m=view.far_m,
                gsd_near_m_px=view.gsd_near_m_px * 100,
                gsd_far_m_px=view.gsd_far_m_px * 100,
            )
        )
    return notes


def _spacing_m(pattern: SurveyPattern, across_m: float) -> float:
    if isinstance(pattern, CorridorPattern) and pattern.lines is not None:
        return pattern.width_m / pattern.lines
    return pattern.spacing_m or across_m * (1.0 - pattern.side_overlap)


def _speed(
    mission: Mission, pattern: SurveyPattern, trigger_m: float, height_agl_m: float
) -> tuple[float, list[str]]:
    """The speed at which the camera keeps up, and what must be known of it; any where it hovers."""
    if pattern.hover_s is not None:
        return mission.speed_m_s, []
    return keeps_up(mission, trigger_m, height_agl_m)


def keeps_up(mission: Mission, trigger_m: float, distance_m: float) -> tuple[float, list[str]]:
    """The speed at which the camera keeps up [m/s], and what must be known of it.

    Args:
        mission: camera and the speed asked for.
        trigger_m: distance between photographs [m].
        distance_m: from the camera to what it looks at [m].
    """
    camera, speed = mission.camera, mission.speed_m_s
    notes: list[str] = []
    fastest = trigger_m / camera.min_interval_s
    if speed > fastest:
        notes.append(
            Message(
                "speed lowered from {speed:g} to {fastest:.2g} m/s: {camera} needs "
                "{min_interval_s:g} s between photographs {trigger_m:.1f} m apart",
                speed=speed,
                fastest=fastest,
                camera=camera.name,
                min_interval_s=camera.min_interval_s,
                trigger_m=trigger_m,
            )
        )
        speed = fastest
    blur = camera.blur_px(speed, distance_m)
    if blur > _MAX_BLUR_PX:
        sharp = math.floor(camera.sharp_speed_m_s(distance_m) * 10) / 10
        notes.append(
            Message(
                "motion blur of {blur:.1f} px at {speed:.1f} m/s: set speed_m_s to {sharp:g} or "
                "less, or expose shorter",
                blur=blur,
                speed=speed,
                sharp=sharp,
            )
        )
    return speed, notes
