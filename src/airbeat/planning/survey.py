"""Lawnmower surveys: spacing and trigger distance from the camera, lines over the area, one flown way."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import PlanningError
from airbeat.mission.mission import LawnmowerPattern, Mission
from airbeat.mission.plan import Estimate, FlightPlan, Survey
from airbeat.planning.common import finished_plan, height_above_home_m, routers
from airbeat.planning.estimate import estimate_flight, leg_times_s
from airbeat.planning.freespace import FlightSpace
from airbeat.planning.items import sweep_items
from airbeat.planning.photos import footprints, photo_count, uncovered
from airbeat.planning.route import Router, polygons_of
from airbeat.planning.sweep import Swath, candidate_angles, sweep_lines
from airbeat.planning.tour import Leg, fly_lines, with_gate

__all__ = ["plan_survey"]

Points = npt.NDArray[np.float64]

_GUARD_SHARE = 0.05
"""Lines run on by this share of the footprint beyond the area, against position and heading errors."""
_MAX_BLUR_PX = 1.0
_FULL_PLANS_PER_EFFORT = 3
_ORDER_ITERATIONS = 400
_REPAIR_ROUNDS = 2
_SEEN_ENOUGH = 0.99995
_MOST_LINES = 2000
_MOST_PHOTOS = 20_000
_COVERAGE_TRADE = 0.0005
"""Coverage that may be given up for a faster direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Imaging:
    """What the camera makes of height and overlap."""

    swath: Swath
    trigger_distance_m: float
    speed_m_s: float
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One survey to plan: everything that does not depend on the direction."""

    mission: Mission
    space: FlightSpace
    imaging: _Imaging
    height_m: float
    near: Router
    far: Router
    entry: tuple[float, float] | None
    seed: int
    effort: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """One fully planned direction."""

    angle_rad: float
    legs: list[Leg]
    estimate: Estimate
    seen: Any
    covered: float


def plan_survey(
    mission: Mission,
    pattern: LawnmowerPattern,
    space: FlightSpace,
    *,
    seed: int,
    effort: int,
    progress: Callable[[float], None] | None = None,
) -> FlightPlan:
    """Photograph the area in parallel lines.

    Raises:
        PlanningError: no area, no usable footprint, no line that can be reached from home, more than 2,000
            lines or about 20,000 photographs.
    """
    if space.area.is_empty:
        raise PlanningError("a lawnmower pattern needs an area", remedy="give the mission an area")
    height_m, height_notes = height_above_home_m(mission.height, mission)
    imaging = _imaging(mission, pattern, height_m)
    mission = replace(mission, speed_m_s=imaging.speed_m_s)
    near, far = routers(mission, space)
    task = _Task(
        mission=mission,
        space=space,
        imaging=imaging,
        height_m=height_m,
        near=near,
        far=far,
        entry=_entry(pattern, space),
        seed=seed,
        effort=effort,
    )
    angles = _angles(task, pattern)
    candidates = []
    for k, angle in enumerate(angles):
        candidates += _fly(task, angle)
        if progress:
            progress((k + 1) / (len(angles) + 1))
    if not candidates:
        raise PlanningError(
            "no part of the area can be reached from home inside the fence",
            remedy="move home, widen the fence, or use a smaller margin",
        )
    most = max(c.covered for c in candidates)
    best = min(
        (c for c in candidates if c.covered >= most - _COVERAGE_TRADE), key=lambda c: c.estimate.duration_s
    )
    return _finish(task, best, (*height_notes, *imaging.notes))


def _imaging(mission: Mission, pattern: LawnmowerPattern, height_m: float) -> _Imaging:
    camera = mission.camera
    across, along = camera.footprint_m(height_m)
    spacing = pattern.spacing_m or across * (1.0 - pattern.side_overlap)
    trigger = pattern.trigger_distance_m or along * (1.0 - pattern.front_overlap)
    if not (spacing > 0 and trigger > 0):
        raise PlanningError(
            f"line spacing {spacing:g} m and trigger distance {trigger:g} m must be positive",
            remedy="use overlaps below 1 and positive distances",
        )
    notes = []
    if spacing > across:
        notes.append(f"lines {spacing:.1f} m apart leave gaps: the footprint is {across:.1f} m wide")
    if trigger > along:
        notes.append(f"photographs {trigger:.1f} m apart leave gaps: the footprint is {along:.1f} m long")
    speed, fastest = mission.speed_m_s, trigger / camera.min_interval_s
    if speed > fastest:
        notes.append(
            f"speed lowered from {speed:g} to {fastest:.2g} m/s: {camera.name} needs "
            f"{camera.min_interval_s:g} s between photographs {trigger:.1f} m apart"
        )
        speed = fastest
    blur = camera.blur_px(speed, height_m)
    if blur > _MAX_BLUR_PX:
        notes.append(f"motion blur of {blur:.1f} px at {speed:.1f} m/s")
    swath = Swath(
        spacing_m=spacing,
        across_m=across,
        along_m=along,
        overrun_m=pattern.turn_around_m + _GUARD_SHARE * along,
    )
    return _Imaging(swath=swath, trigger_distance_m=trigger, speed_m_s=speed, notes=tuple(notes))


def _entry(pattern: LawnmowerPattern, space: FlightSpace) -> tuple[float, float] | None:
    if pattern.entry is None:
        return None
    x, y = space.frame.to_xy([pattern.entry])[0]
    return float(x), float(y)


def _angles(task: _Task, pattern: LawnmowerPattern) -> list[float]:
    """The directions to plan in full: the one asked for, or those with the least time in lines and hops."""
    _refuse_too_many_photos(task)
    if pattern.angle_deg is not None:
        asked = math.radians(90.0 - pattern.angle_deg)
        _refuse_too_many_lines(task, _line_count(task, asked))
        return [asked]
    swath, mission = task.imaging.swath, task.mission

    def rough(angle: float) -> float:
        lines = sweep_lines(task.space.area, task.space.sweep, angle, swath)
        hops = [swath.spacing_m] * max(0, len(lines) - 1)
        lengths = np.array([np.hypot(*(b - a)) for a, b in lines] + hops)
        times = leg_times_s(
            lengths, speed_m_s=mission.speed_m_s, acceleration_m_s2=mission.airframe.acceleration_m_s2
        )
        return float(times.sum())

    candidates = candidate_angles(task.space.area)
    counts = {angle: _line_count(task, angle) for angle in candidates}
    _refuse_too_many_lines(task, min(counts.values()))
    ranked = sorted((a for a in candidates if counts[a] <= _MOST_LINES), key=rough)
    return ranked[: _FULL_PLANS_PER_EFFORT * task.effort]


def _line_count(task: _Task, angle: float) -> float:
    """How many strips lie side by side across the area."""
    across = shapely.get_coordinates(task.space.area.convex_hull) @ [-math.sin(angle), math.cos(angle)]
    return float(np.ptp(across)) / task.imaging.swath.spacing_m


def _refuse_too_many_lines(task: _Task, count: float) -> None:
    if count > _MOST_LINES:
        raise PlanningError(
            f"about {count:.0f} lines {task.imaging.swath.spacing_m:g} m apart (at most {_MOST_LINES})",
            remedy="fly higher, choose a larger spacing or less sidelap, or split the area",
        )


def _refuse_too_many_photos(task: _Task) -> None:
    spacing, trigger = task.imaging.swath.spacing_m, task.imaging.trigger_distance_m
    count = task.space.area.area / spacing / trigger
    if count > _MOST_PHOTOS:
        raise PlanningError(
            f"about {count:.0f} photographs {trigger:g} m apart on lines {spacing:g} m apart "
            f"(at most {_MOST_PHOTOS})",
            remedy="fly higher, choose larger distances or less overlap, or split the area",
        )


def _fly(task: _Task, angle: float) -> list[_Candidate]:
    """The direction's full plan, or nothing where no line can be reached."""
    space, imaging = task.space, task.imaging
    legs, _ = fly_lines(
        _lines(task, angle),
        home=space.gate,
        near=task.near,
        far=task.far,
        iterations=_ORDER_ITERATIONS * task.effort,
        seed=task.seed,
        entry=task.entry,
    )
    if not any(leg.camera_on for leg in legs):
        return []
    legs = with_gate(legs, space)
    seen = _seen(legs, imaging)
    estimate = estimate_flight(
        [legs[0].start, *(leg.end for leg in legs)],
        airframe=task.mission.airframe,
        speed_m_s=task.mission.speed_m_s,
        height_m=task.height_m,
        photos=photo_count(legs, imaging.trigger_distance_m),
    )
    covered = space.area.intersection(seen).area / space.area.area
    return [_Candidate(angle_rad=angle, legs=legs, estimate=estimate, seen=seen, covered=covered)]


def _lines(task: _Task, angle: float) -> list[Points]:
    """Sweep lines, and more of them over what the first ones leave."""
    area, swath = task.space.area, task.imaging.swath
    lines = sweep_lines(area, task.space.sweep, angle, swath)
    _refuse_too_many_lines(task, len(lines))
    for _ in range(_REPAIR_ROUNDS):
        legs = [
            Leg(start=(float(a[0]), float(a[1])), end=(float(b[0]), float(b[1])), camera_on=True)
            for a, b in lines
        ]
        left = uncovered(area, _seen(legs, task.imaging))
        if left is None or left.area < (1 - _SEEN_ENOUGH) * area.area:
            break
        lines += [
            line for part in polygons_of(left) for line in sweep_lines(part, task.space.sweep, angle, swath)
        ]
    _refuse_too_many_lines(task, len(lines))
    return lines


def _seen(legs: list[Leg], imaging: _Imaging) -> Any:
    return footprints(
        legs,
        across_m=imaging.swath.across_m,
        along_m=imaging.swath.along_m,
        trigger_distance_m=imaging.trigger_distance_m,
    )


def _finish(task: _Task, best: _Candidate, notes: tuple[str, ...]) -> FlightPlan:
    swath, frame, mission = task.imaging.swath, task.space.frame, task.mission
    unseen = uncovered(task.space.area, best.seen)
    if unseen is not None and 1.0 - best.covered > _COVERAGE_TRADE:
        notes = (
            *notes,
            f"{unseen.area:.0f} m² ({100 * (1 - best.covered):.2f} %) of the area cannot be seen "
            "by a camera that stays inside the fence and its margin",
        )
    survey = Survey(
        area=frame.to_geographic(task.space.area),
        camera=mission.camera,
        height_agl_m=task.height_m,
        gsd_m_px=mission.camera.gsd_m_px(task.height_m),
        footprint_across_m=swath.across_m,
        footprint_along_m=swath.along_m,
        spacing_m=swath.spacing_m,
        trigger_distance_m=task.imaging.trigger_distance_m,
        sweep_angle_deg=(90.0 - math.degrees(best.angle_rad)) % 180.0,
        coverage_fraction=min(1.0, best.covered),
        unseen=None if unseen is None else frame.to_geographic(unseen),
        margin_m=mission.margin_m,
    )
    items = sweep_items(
        best.legs[:-1],
        frame=frame,
        height_m=task.height_m,
        trigger_distance_m=task.imaging.trigger_distance_m,
    )
    return finished_plan(
        mission,
        items=tuple(items),
        height_m=task.height_m,
        estimate=best.estimate,
        survey=survey,
        notes=notes,
    )
