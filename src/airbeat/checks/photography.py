"""Whether a plan's photographs can be taken, and can show a person."""

from __future__ import annotations

import math
from collections.abc import Iterator

from airbeat.checks.findings import Finding, Severity
from airbeat.geo.frame import LocalFrame
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan, Survey

__all__ = ["check_photography"]

COARSEST_GSD_M_PX = 0.03
MOST_BLUR_PX = 1.0
LEAST_COVERAGE = 0.995
UNSEEN_WORTH_SAYING_M2 = 1.0
_ROUND_OFF = 1e-9


def check_photography(plan: FlightPlan) -> Iterator[Finding]:
    """Findings about GSD, coverage, shutter interval and motion blur; none for a plan without a survey."""
    survey = plan.survey
    if survey is None:
        return
    if survey.gsd_m_px > COARSEST_GSD_M_PX + _ROUND_OFF and survey.camera.modality == "rgb":
        yield Finding(
            severity=Severity.WARNING,
            code="gsd-coarse",
            message=f"GSD {survey.gsd_m_px * 100:.1f} cm: a person is hard to tell from clutter above 3 cm",
            remedy="fly lower, or use a camera with a longer focal length",
        )
    if survey.coverage_fraction < LEAST_COVERAGE:
        yield Finding(
            severity=Severity.WARNING,
            code="coverage-short",
            message=f"the photographs show {survey.coverage_fraction:.1%} of the area",
            remedy="search the rest another way; the plan says which part is unseen",
        )
    yield from _unseen(survey)
    yield from _triggers(plan, survey)


def _unseen(survey: Survey) -> Iterator[Finding]:
    if survey.unseen is None or survey.unseen.is_empty:
        return
    frame = LocalFrame.around(survey.area)
    unseen_m2 = float(frame.to_local(survey.unseen).area)
    share = unseen_m2 / float(frame.to_local(survey.area).area)
    if unseen_m2 > UNSEEN_WORTH_SAYING_M2:
        yield Finding(
            severity=Severity.NOTE,
            code="area-unseen",
            message=f"{unseen_m2:.0f} m² of the area ({share:.2%}) are on no photograph of this plan",
            remedy="search them another way; the map shows where they are",
        )


def _down(speed_m_s: float) -> str:
    """A speed rounded down to a tenth."""
    return f"{math.floor(speed_m_s * 10 + _ROUND_OFF) / 10:g}"


def _triggers(plan: FlightPlan, survey: Survey) -> Iterator[Finding]:
    speed_m_s = plan.speed_m_s or 0.0
    slow: dict[int, float] = {}
    keeps_up_m_s: list[float] = []
    blurred: dict[int, float] = {}
    trigger, distance_m, triggered = 0, 0.0, False
    for number, item in plan.numbered():
        if item.command == MavCmd.DO_CHANGE_SPEED and item.params[1] > 0:
            speed_m_s = item.params[1]
        elif item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
            trigger, distance_m = number, item.params[0]
            triggered = triggered or distance_m > 0
        elif item.command == MavCmd.DO_DIGICAM_CONTROL:
            triggered = triggered or item.extra[0] == 1.0
        elif item.is_nav and distance_m > 0 and speed_m_s > 0:
            interval_s = distance_m / speed_m_s
            if interval_s < survey.camera.min_interval_s - _ROUND_OFF:
                slow[trigger] = min(interval_s, slow.get(trigger, interval_s))
                keeps_up_m_s.append(distance_m / survey.camera.min_interval_s)
            blur_px = survey.camera.blur_px(speed_m_s, survey.height_agl_m)
            if blur_px > MOST_BLUR_PX:
                blurred[trigger] = max(blur_px, blurred.get(trigger, blur_px))
    if not triggered:
        yield Finding(
            severity=Severity.ERROR,
            code="camera-never-on",
            message="the plan has an area to photograph, but nothing triggers the camera",
            remedy="set DO_SET_CAM_TRIGG_DIST on the sweep lines",
        )
    if slow:
        yield Finding(
            severity=Severity.ERROR,
            code="shutter-too-slow",
            message=f"a photograph every {min(slow.values()):.2f} s, but {survey.camera.name} needs "
            f"{survey.camera.min_interval_s:g} s: photographs would be missing",
            items=tuple(slow),
            remedy=f"fly {_down(min(keeps_up_m_s))} m/s or slower, or with less overlap along the track",
        )
    if blurred:
        yield Finding(
            severity=Severity.WARNING,
            code="motion-blur",
            message=f"motion blur of {max(blurred.values()):.1f} px at an exposure of "
            f"{survey.camera.exposure_s * 1000:g} ms",
            items=tuple(blurred),
            remedy=f"fly {_down(survey.camera.sharp_speed_m_s(survey.height_agl_m))} m/s or slower, "
            "or expose shorter",
        )
