"""Whether a plan's photographs can be taken, can show a person, and cover what they should."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import shapely

from airbeat.checks.catalogue import found
from airbeat.checks.conditions import Conditions
from airbeat.checks.coverage import uncovered
from airbeat.checks.drawn import drawn_camera, drawn_ground
from airbeat.checks.findings import Finding
from airbeat.checks.footprints import NADIR_DEG, Shot, footprints, gimbal_pitches, shots
from airbeat.checks.unrolled import Flight
from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import Message
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan, Survey
from airbeat.vehicle.camera import Camera

__all__ = ["check_photography"]

COARSEST_GSD_M_PX = 0.03
MOST_BLUR_PX = 1.0
LEAST_COVERAGE = 0.995
UNSEEN_WORTH_SAYING_M2 = 1.0
_OVERCLAIMED = 0.005
_ROUND_OFF = 1e-9
_GIMBAL_DEG = (-90.0, 20.0)
"""MNT1_PITCH_MIN and MNT1_PITCH_MAX, ArduPilot's defaults; a gimbal's maker may say otherwise."""
_PITCH_DIFFERS_DEG = 1.0


def check_photography(flight: Flight, conditions: Conditions) -> Iterator[Finding]:
    """Findings about GSD, coverage, shutter interval, gimbal and motion blur.

    Nothing but the gimbal's range is looked at where neither the plan, nor its surveys, nor the conditions
    name a camera.
    """
    plan, survey = flight.plan, flight.plan.survey
    camera = survey.camera if survey else conditions.camera or drawn_camera(plan)
    yield from _gimbal(flight, survey)
    if camera is None:
        return
    taken = shots(flight)
    if survey is not None:
        yield from _claims(survey)
    yield from _gsd(survey, camera, taken)
    yield from _triggers(plan, camera, survey, taken)
    area = _ground(flight, conditions)
    if area is not None and _is_never_on(plan):
        yield found(
            "camera-never-on",
            "there is an area to photograph, but nothing triggers the camera",
            remedy="set DO_SET_CAM_TRIGG_DIST on the sweep lines",
        )
    if taken:
        yield from _over_horizon(camera, taken, flight)
    if area is not None and taken is not None and not _is_never_on(plan):
        yield from _coverage(flight, conditions, camera, area, taken)


def _ground(flight: Flight, conditions: Conditions) -> Any | None:
    """What the photographs should show: the plan's own area, the one asked for, or that of its surveys."""
    survey = flight.plan.survey
    if survey is not None:
        return survey.area
    if conditions.area is not None or conditions.is_part:
        return conditions.area
    return drawn_ground(flight.plan)


def _is_never_on(plan: FlightPlan) -> bool:
    return not any(
        (i.command == MavCmd.DO_SET_CAM_TRIGG_DIST and i.params[0] > 0)
        or (i.command == MavCmd.DO_DIGICAM_CONTROL and i.extra[0] == 1.0)
        or i.command == MavCmd.IMAGE_START_CAPTURE
        for i in plan.items
    )


def _claims(survey: Survey) -> Iterator[Finding]:
    if survey.coverage_fraction < LEAST_COVERAGE:
        yield found(
            "coverage-short",
            Message(
                "the photographs show {coverage_fraction:.1%} of the area",
                coverage_fraction=survey.coverage_fraction,
            ),
            remedy="search the rest another way; the plan says which part is unseen",
        )
    if survey.unseen is None or survey.unseen.is_empty:
        return
    frame = LocalFrame.around(survey.area)
    unseen_m2 = float(frame.to_local(survey.unseen).area)
    share = unseen_m2 / float(frame.to_local(survey.area).area)
    if unseen_m2 > UNSEEN_WORTH_SAYING_M2:
        yield found(
            "area-unseen",
            Message(
                "{unseen_m2:.0f} m² of the area ({share:.2%}) are on no photograph of this plan",
                unseen_m2=unseen_m2,
                share=share,
            ),
            remedy="search them another way; the map shows where they are",
        )


def _gsd(survey: Survey | None, camera: Camera, taken: list[Shot] | None) -> Iterator[Finding]:
    gsd_m_px = 0.0
    items: tuple[int, ...] = ()
    if survey is not None:
        gsd_m_px = survey.gsd_m_px
    elif taken:
        highest = max(taken, key=lambda shot: shot.above_m)
        gsd_m_px, items = camera.gsd_m_px(highest.above_m), (highest.number,)
    if gsd_m_px > COARSEST_GSD_M_PX + _ROUND_OFF and camera.modality == "rgb":
        yield found(
            "gsd-coarse",
            Message(
                "GSD {gsd_m_px:.1f} cm: a person is hard to tell from clutter above 3 cm",
                gsd_m_px=gsd_m_px * 100,
            ),
            items=items,
            remedy="fly lower, or use a camera with a longer focal length",
        )


def _gimbal(flight: Flight, survey: Survey | None) -> Iterator[Finding]:
    pitches = gimbal_pitches(flight)
    beyond = {n: p for n, p in pitches.items() if not _GIMBAL_DEG[0] <= p <= _GIMBAL_DEG[1]}
    if beyond:
        number = next(iter(beyond))
        yield found(
            "gimbal-beyond-limits",
            Message(
                "item {number} points the camera to {beyond:g}°; gimbals reach {gimbal_deg:g}° to "
                "{gimbal_deg_2:g}° unless their parameters say more",
                number=number,
                beyond=beyond[number],
                gimbal_deg=_GIMBAL_DEG[0],
                gimbal_deg_2=_GIMBAL_DEG[1],
            ),
            items=tuple(beyond),
            remedy="stay within the gimbal's range: -90 looks straight down, 0 ahead",
        )
    if survey is None:
        return
    commanded = set(pitches.values())
    if commanded and all(abs(p - survey.gimbal_pitch_deg) > _PITCH_DIFFERS_DEG for p in commanded):
        yield found(
            "gimbal-differs",
            Message(
                "the plan's figures are for a camera at {gimbal_pitch_deg:g}°, its items command {commanded}",
                gimbal_pitch_deg=survey.gimbal_pitch_deg,
                commanded=", ".join(f"{p:g}°" for p in sorted(commanded)),
            ),
            items=tuple(pitches),
            remedy="plan again with the pitch that is to be flown",
        )


def _over_horizon(camera: Camera, taken: list[Shot], flight: Flight) -> Iterator[Finding]:
    first = {shot.pitch_deg: shot for shot in reversed(taken)}
    for shot in first.values():
        try:
            camera.view(1.0, pitch_deg=shot.pitch_deg)
        except PlanningError:
            yield found(
                "gimbal-over-horizon",
                Message(
                    "photographs are taken with the camera at {pitch_deg:g}°: they look over the horizon",
                    pitch_deg=shot.pitch_deg,
                ),
                items=(shot.number,),
                place=flight.frame.to_latlon([shot.place])[0],
                remedy="pitch the camera down before the first photograph",
            )
            return


def _coverage(
    flight: Flight, conditions: Conditions, camera: Camera, area: Any, taken: list[Shot]
) -> Iterator[Finding]:
    """The coverage that is claimed or asked for against the footprints of the photographs in the items."""
    survey = flight.plan.survey
    frame = LocalFrame.around(area)
    wanted_m2 = float(frame.to_local(area).area)
    if not wanted_m2 > 0:
        return
    prints = footprints(taken, camera)
    prints = prints[shapely.intersects(prints, shapely.make_valid(flight.frame.to_local(area)).envelope)]
    seen = flight.frame.to_geographic(shapely.union_all(prints)) if len(prints) else None
    rest = uncovered(area, [seen])
    share = 1.0 - min(1.0, float(frame.to_local(rest).area) / wanted_m2)
    place = _middle_of_largest(rest, frame)
    if survey is not None and not conditions.is_part and share < survey.coverage_fraction - _OVERCLAIMED:
        yield found(
            "coverage-overclaimed",
            Message(
                "the plan claims to photograph {coverage_fraction:.1%} of the area; the footprints "
                "of its {taken} photographs cover {share:.1%}",
                coverage_fraction=survey.coverage_fraction,
                taken=len(taken),
                share=share,
            ),
            place=place,
            remedy="plan again: spacing, height or trigger distance were changed after the claim",
        )
    elif survey is None and conditions.area is None and share < LEAST_COVERAGE:
        yield found(
            "coverage-short",
            Message(
                "the footprints of {taken} photographs cover {share:.1%} of the ground that the "
                "plan's surveys were drawn over",
                taken=len(taken),
                share=share,
            ),
            place=place,
            remedy="open the survey again where it was drawn: its lines or its camera were changed since",
        )
    elif survey is None and conditions.area is not None and share < conditions.coverage:
        yield found(
            "coverage-below-asked",
            Message(
                "the footprints of {taken} photographs cover {share:.1%} of the area, {coverage:.1%} "
                "are asked for",
                taken=len(taken),
                share=share,
                coverage=conditions.coverage,
            ),
            place=place,
            remedy="add lines where the map shows none, or search the rest another way",
        )


def _middle_of_largest(rest: Any, frame: LocalFrame) -> LatLon | None:
    parts = [p for p in shapely.get_parts(frame.to_local(rest)) if p.area > 0]
    if not parts:
        return None
    x, y = max(parts, key=lambda p: p.area).representative_point().coords[0]
    return frame.to_latlon([(x, y)])[0]


def _down(speed_m_s: float) -> str:
    """A speed rounded down to a tenth."""
    return f"{math.floor(speed_m_s * 10 + _ROUND_OFF) / 10:g}"


def _triggers(
    plan: FlightPlan, camera: Camera, survey: Survey | None, taken: list[Shot] | None
) -> Iterator[Finding]:
    """Shutter interval and motion blur of every triggered leg, at the speed in force on it."""
    heights = [s.above_m for s in taken or () if s.pitch_deg == NADIR_DEG and s.above_m > 0]
    height_m = survey.height_agl_m if survey else min(heights, default=0.0)
    speed_m_s = plan.speed_m_s or 0.0
    slow: dict[int, float] = {}
    keeps_up_m_s: list[float] = []
    blurred: dict[int, float] = {}
    trigger, distance_m = 0, 0.0
    for number, item in plan.numbered():
        if item.command == MavCmd.DO_CHANGE_SPEED and item.params[1] > 0 and item.params[0] in (0.0, 1.0):
            speed_m_s = item.params[1]
        elif item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
            trigger, distance_m = number, item.params[0]
        elif item.is_nav and distance_m > 0 and speed_m_s > 0:
            interval_s = distance_m / speed_m_s
            if interval_s < camera.min_interval_s - _ROUND_OFF:
                slow[trigger] = min(interval_s, slow.get(trigger, interval_s))
                keeps_up_m_s.append(distance_m / camera.min_interval_s)
            blur_px = camera.blur_px(speed_m_s, height_m) if height_m > 0 else 0.0
            if blur_px > MOST_BLUR_PX:
                blurred[trigger] = max(blur_px, blurred.get(trigger, blur_px))
    if slow:
        yield found(
            "shutter-too-slow",
            Message(
                "a photograph every {values:.2f} s, but {camera} needs {min_interval_s:g} s: "
                "photographs would be missing",
                values=min(slow.values()),
                camera=camera.name,
                min_interval_s=camera.min_interval_s,
            ),
            items=tuple(slow),
            remedy=Message(
                "fly {down} m/s or slower, or with less overlap along the track",
                down=_down(min(keeps_up_m_s)),
            ),
        )
    if blurred:
        yield found(
            "motion-blur",
            Message(
                "motion blur of {values:.1f} px at an exposure of {exposure_s:g} ms",
                values=max(blurred.values()),
                exposure_s=camera.exposure_s * 1000,
            ),
            items=tuple(blurred),
            remedy=Message(
                "fly {down} m/s or slower, or expose shorter", down=_down(camera.sharp_speed_m_s(height_m))
            ),
        )
