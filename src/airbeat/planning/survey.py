"""Lawnmower surveys: spacing and trigger distance from the camera, lines over the area, one flown way."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.language.words import Message
from airbeat.mission.mission import CorridorPattern, LawnmowerPattern, Mission
from airbeat.mission.plan import Estimate, FlightPlan, PlanItem, Survey
from airbeat.planning.common import finished_plan, flight_height, follows_ground, routers
from airbeat.planning.corridor import along_tracks, corridor_tracks
from airbeat.planning.estimate import estimate_flight, leg_times_s
from airbeat.planning.follow import contour_angle_rad, grounded, heights_over
from airbeat.planning.freespace import FlightSpace
from airbeat.planning.imaging import Imaging, crab_angle_rad, imaging_for
from airbeat.planning.items import sweep_items
from airbeat.planning.photos import footprints, hover_places, photo_count, uncovered
from airbeat.planning.route import Router, polygons_of
from airbeat.planning.sweep import Swath, candidate_angles, sweep_lines
from airbeat.planning.tour import Leg, fly_lines, with_gate
from airbeat.vehicle.waypoint_flight import FlightStop, flight_time_s

__all__ = ["plan_survey"]

Points = npt.NDArray[np.float64]

_FULL_PLANS_PER_EFFORT = 3
_ORDER_ITERATIONS = 400
_REPAIR_ROUNDS = 2
_SEEN_ENOUGH = 0.99995
_MOST_LINES = 2000
_MOST_PHOTOS = 20_000
_MOST_HOVERS = 300
"""Each takes two mission items; ArduPilot holds some 700."""
_HEIGHT_TRADE = 1.1
"""So much higher above ground than need be, at most, for a faster direction."""
_COVERAGE_TRADE = 0.0005
"""Coverage that may be given up for a faster direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One survey to plan: everything that does not depend on the direction."""

    mission: Mission
    pattern: LawnmowerPattern | CorridorPattern
    space: FlightSpace
    imaging: Imaging
    height: Altitude
    lowest_m: float
    highest_m: float
    near: Router
    far: Router
    seed: int
    effort: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """One fully planned direction."""

    angle_rad: float
    estimate: Estimate
    seen: Any
    covered: float
    imaging: Imaging
    items: list[PlanItem]
    takeoff_m: float
    highest_m: float
    notes: tuple[str, ...]


def plan_survey(
    mission: Mission,
    pattern: LawnmowerPattern | CorridorPattern,
    space: FlightSpace,
    *,
    seed: int,
    effort: int,
    progress: Callable[[float], None] | None = None,
) -> FlightPlan:
    """Photograph the area in parallel lines, or a corridor in lines along it.

    Raises:
        PlanningError: no area, no usable footprint, no line that can be reached from home, more than 2,000
            lines or about 20,000 photographs.
    """
    if space.area.is_empty:
        raise PlanningError("a lawnmower pattern needs an area", remedy="give the mission an area")
    height, height_notes = flight_height(mission.height, mission)
    lowest_m, highest_m = _heights_above_ground(mission, height.value_m)
    flat = imaging_for(mission, pattern, lowest_m)
    mission = replace(mission, speed_m_s=flat.speed_m_s)
    near, far = routers(mission, space)
    task = _Task(
        mission=mission,
        pattern=pattern,
        space=space,
        imaging=flat,
        height=height,
        lowest_m=lowest_m,
        highest_m=highest_m,
        near=near,
        far=far,
        seed=seed,
        effort=effort,
    )
    angles = _angles(task)
    candidates, why = [], None
    for k, angle in enumerate(angles):
        try:
            candidates += _fly(task, angle)
        except PlanningError as error:  # the ground, in this direction
            why = error
        if progress:
            progress((k + 1) / (len(angles) + 1))
    if not candidates:
        raise why or PlanningError(
            "no part of the area can be reached from home inside the fence",
            remedy="move home, widen the fence, or use a smaller margin",
        )
    best = _best(candidates)
    return _finish(task, best, (*height_notes, *best.imaging.notes, *best.notes))


def _best(candidates: list[_Candidate]) -> _Candidate:
    """The fastest of those that see the most, at heights above ground of which none is much greater."""
    most = max(c.covered for c in candidates)
    candidates = [c for c in candidates if c.covered >= most - _COVERAGE_TRADE]
    lowest = min(c.highest_m for c in candidates)
    return min(
        (c for c in candidates if c.highest_m <= _HEIGHT_TRADE * lowest), key=lambda c: c.estimate.duration_s
    )


def _heights_above_ground(mission: Mission, height_m: float) -> tuple[float, float]:
    """Lowest and highest height above ground on the lines [m], as far as known before they are drawn.

    Raises:
        PlanningError: the ground comes too near, or its height is unknown.
    """
    if mission.terrain is None or mission.area is None:
        return height_m, height_m
    if follows_ground(mission.height, mission):
        return height_m - mission.terrain_tolerance_m, height_m + mission.terrain_tolerance_m
    return heights_over(mission.area, mission, mission.terrain, height_m)


def _imaging_along(task: _Task, angle: float) -> Imaging:
    """Imaging on lines of a direction: the wind may turn the photographs.

    Raises:
        PlanningError: it turns them too far.
    """
    mission = task.mission
    crab = crab_angle_rad(mission.wind, speed_m_s=mission.speed_m_s, angle_rad=angle)
    if isinstance(task.pattern, LawnmowerPattern) and task.pattern.crosshatch:
        across = crab_angle_rad(mission.wind, speed_m_s=mission.speed_m_s, angle_rad=angle + math.pi / 2)
        crab = max(crab, across)
    if crab == 0.0:
        return task.imaging
    turned = imaging_for(mission, task.pattern, task.lowest_m, crab_rad=crab)
    return replace(turned, notes=(*turned.notes, *(n for n in task.imaging.notes if n not in turned.notes)))


def _entry(task: _Task, lines: list[Points]) -> tuple[float, float] | None:
    """Where the first line begins: as asked for, or at the downwind end of a line near home."""
    pattern, wind = task.pattern, task.mission.wind
    if not isinstance(pattern, LawnmowerPattern):
        return None
    if pattern.entry is not None:
        x, y = task.space.frame.to_xy([pattern.entry])[0]
        return float(x), float(y)
    if not pattern.start_into_wind or wind is None or not lines:
        return None
    toward = math.radians(270.0 - wind.from_deg)
    downwind = np.array([math.cos(toward), math.sin(toward)])
    ends = [line[int(np.argmax(line @ downwind))] for line in (np.asarray(one)[[0, -1]] for one in lines)]
    home = np.array(task.space.gate)
    x, y = min(ends, key=lambda p: float(np.hypot(*(p - home))))
    return float(x), float(y)


def _angles(task: _Task) -> list[float]:
    """The directions to plan in full: the one asked for, or those with the least time in lines and hops."""
    _refuse_too_many_photos(task)
    pattern = task.pattern
    if isinstance(pattern, CorridorPattern):
        (ax, ay), (bx, by) = task.space.frame.to_xy([pattern.line[0], pattern.line[-1]])
        return [math.atan2(by - ay, bx - ax)]
    if pattern.angle_deg is not None:
        asked = math.radians(90.0 - pattern.angle_deg)
        _refuse_too_many_lines(task, _line_count(task, asked))
        return [asked]
    mission = task.mission
    swath = task.imaging.swath

    def rough(angle: float) -> float:
        lines = _straight_lines(task, task.space.area, angle, swath)
        hops = [swath.spacing_m] * max(0, len(lines) - 1)
        lengths = np.array([np.hypot(*(b - a)) for a, b in lines] + hops)
        times = leg_times_s(
            lengths, speed_m_s=mission.speed_m_s, acceleration_m_s2=mission.airframe.acceleration_m_s2
        )
        share = _imaging_along(task, angle).swath.spacing_m / swath.spacing_m
        return float(times.sum()) / share

    candidates = candidate_angles(task.space.area)
    counts = {angle: _line_count(task, angle) for angle in candidates}
    _refuse_too_many_lines(task, min(counts.values()))
    ranked = sorted(_flyable(task, [a for a in candidates if counts[a] <= _MOST_LINES]), key=rough)
    ranked = ranked[: _FULL_PLANS_PER_EFFORT * task.effort]
    if task.height.datum is AltitudeDatum.AGL and mission.terrain is not None:
        along = contour_angle_rad(task.space.area, task.space.frame, mission.terrain)
        if _line_count(task, along) <= _MOST_LINES and _imaged(task, along):
            ranked.append(along)
    return ranked


def _flyable(task: _Task, angles: list[float]) -> list[float]:
    """The directions in which the wind leaves a strip that is seen without gaps.

    Raises:
        PlanningError: there are none.
    """
    kept = [angle for angle in angles if _imaged(task, angle)]
    if angles and not kept:
        _imaging_along(task, angles[0])  # says why
    return kept


def _imaged(task: _Task, angle: float) -> bool:
    """Whether lines of a direction see a strip without gaps in the wind there is."""
    try:
        _imaging_along(task, angle)
    except PlanningError:
        return False
    return True


def _straight_lines(task: _Task, part: Any, angle: float, swath: Swath) -> list[Points]:
    """Lines over a part of the area; a second set across the first where the pattern is a cross-hatch."""
    lines = sweep_lines(part, task.space.sweep, angle, swath)
    if isinstance(task.pattern, LawnmowerPattern) and task.pattern.crosshatch:
        lines += sweep_lines(part, task.space.sweep, angle + math.pi / 2, swath)
    return lines


def _line_count(task: _Task, angle: float) -> float:
    """How many strips lie side by side across the area."""
    across = shapely.get_coordinates(task.space.area.convex_hull) @ [-math.sin(angle), math.cos(angle)]
    return float(np.ptp(across)) / task.imaging.swath.spacing_m


def _refuse_too_many_lines(task: _Task, count: float) -> None:
    if count > _MOST_LINES:
        raise PlanningError(
            Message(
                "about {count:.0f} lines {spacing_m:g} m apart (at most {most_lines})",
                count=count,
                spacing_m=task.imaging.swath.spacing_m,
                most_lines=_MOST_LINES,
            ),
            remedy="fly higher, choose a larger spacing or less sidelap, or split the area",
        )


def _refuse_too_many_photos(task: _Task) -> None:
    spacing, trigger = task.imaging.swath.spacing_m, task.imaging.trigger_distance_m
    hovers = task.imaging.hover_s is not None
    most = _MOST_HOVERS if hovers else _MOST_PHOTOS
    passes = 2 if isinstance(task.pattern, LawnmowerPattern) and task.pattern.crosshatch else 1
    count = passes * task.space.area.area / spacing / trigger
    if count > most:
        raise PlanningError(
            Message(
                "about {count:.0f} photographs {trigger:g} m apart on lines {spacing:g} m apart (at most "
                "{most}{because})",
                count=count,
                trigger=trigger,
                spacing=spacing,
                most=most,
                because=Message(", because each is two mission items") if hovers else "",
            ),
            remedy=(
                "fly higher, choose larger distances or less overlap, split the area, or photograph in flight"
                if hovers
                else "fly higher, choose larger distances or less overlap, or split the area"
            ),
        )


def _fly(task: _Task, angle: float) -> list[_Candidate]:
    """The direction's full plan, or nothing where no line can be reached.

    Raises:
        PlanningError: following the ground takes it too high, or the ground's height is unknown.
    """
    space, imaging = task.space, _imaging_along(task, angle)
    tracks = _tracks(task, angle, imaging)
    if not tracks:
        return []
    legs, _ = fly_lines(
        [track[[0, -1]] for track in tracks],
        home=space.gate,
        near=task.near,
        far=task.far,
        iterations=_ORDER_ITERATIONS * task.effort,
        seed=task.seed,
        entry=_entry(task, tracks),
    )
    if not any(leg.camera_on for leg in legs):
        return []
    legs = with_gate(along_tracks(legs, tracks), space)
    seen = _seen(legs, imaging)
    estimate = estimate_flight(
        [legs[0].start, *(leg.end for leg in legs)],
        airframe=task.mission.airframe,
        speed_m_s=task.mission.speed_m_s,
        height_m=task.height.value_m,
        photos=photo_count(legs, imaging.trigger_distance_m, hovering=imaging.hover_s is not None),
    )
    if imaging.hover_s is not None:
        estimate = _hovering(task, legs, imaging, estimate)
    covered = space.area.intersection(seen).area / space.area.area
    items = sweep_items(
        legs[:-1],
        frame=space.frame,
        height=task.height,
        trigger_distance_m=imaging.trigger_distance_m,
        gimbal_pitch_deg=imaging.gimbal_pitch_deg,
        hover_s=imaging.hover_s,
    )
    takeoff_m, highest_m = task.height.value_m, task.highest_m
    notes: tuple[str, ...] = ()
    if task.height.datum is AltitudeDatum.AGL:
        followed, estimate, notes = grounded(items, task.mission, estimate, height_m=takeoff_m)
        items, takeoff_m, highest_m = [*followed.items], followed.takeoff_m, followed.highest_agl_m
    return [
        _Candidate(
            angle_rad=angle,
            estimate=estimate,
            seen=seen,
            covered=covered,
            imaging=imaging,
            items=items,
            takeoff_m=takeoff_m,
            highest_m=highest_m,
            notes=notes,
        )
    ]


def _hovering(task: _Task, legs: list[Leg], imaging: Imaging, estimate: Estimate) -> Estimate:
    """The estimate of a flight that stands still for each photograph: a stop, and the time stood, at each."""
    height_m, hold_s = task.height.value_m, float(math.ceil(imaging.hover_s or 0.0))
    stops: list[FlightStop] = []
    home = task.space.home
    for leg, places in zip(legs, hover_places(legs, imaging.trigger_distance_m), strict=True):
        held = [(float(x), float(y), hold_s) for x, y in places] if leg.camera_on else [(*leg.end, 0.0)]
        stops += [
            FlightStop(place=(x - home[0], y - home[1], height_m), hold_s=held_s, passes=held_s == 0.0)
            for x, y, held_s in held
        ]
    airframe = task.mission.airframe
    duration_s = flight_time_s(airframe, stops[:-1], speed_m_s=task.mission.speed_m_s)
    share = airframe.energy_wh(duration_s) / airframe.usable_energy_wh
    return replace(
        estimate, duration_s=duration_s, battery_share=share, batteries=max(1, math.ceil(share - 1e-9))
    )


def _tracks(task: _Task, angle: float, imaging: Imaging) -> list[Points]:
    """Sweep lines or a corridor's lines, and straight lines over what the first ones leave."""
    area, swath, pattern = task.space.area, imaging.swath, task.pattern
    if isinstance(pattern, CorridorPattern):
        line = task.space.frame.to_xy(pattern.line)
        tracks = corridor_tracks(line, task.space.sweep, swath, width_m=pattern.width_m, lines=pattern.lines)
        if pattern.lines is not None:
            return tracks
    else:
        tracks = _straight_lines(task, area, angle, swath)
    _refuse_too_many_lines(task, len(tracks))
    for _ in range(_REPAIR_ROUNDS):
        legs = [
            Leg(start=(float(a[0]), float(a[1])), end=(float(b[0]), float(b[1])), camera_on=True)
            for track in tracks
            for a, b in pairwise(track)
        ]
        left = uncovered(area, _seen(legs, imaging))
        if left is None or left.area < (1 - _SEEN_ENOUGH) * area.area:
            break
        tracks += [
            line for part in polygons_of(left) for line in sweep_lines(part, task.space.sweep, angle, swath)
        ]
    _refuse_too_many_lines(task, len(tracks))
    return tracks


def _seen(legs: list[Leg], imaging: Imaging) -> Any:
    return footprints(
        legs,
        across_m=imaging.swath.across_m,
        near_m=imaging.near_m,
        far_m=imaging.far_m,
        trigger_distance_m=imaging.trigger_distance_m,
    )


def _finish(task: _Task, best: _Candidate, notes: tuple[str, ...]) -> FlightPlan:
    imaging, frame, mission = best.imaging, task.space.frame, task.mission
    swath = imaging.swath
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
        height_agl_m=task.lowest_m,
        gsd_m_px=imaging.gsd_m_px * max(best.highest_m, task.lowest_m) / task.lowest_m,
        footprint_across_m=swath.across_m,
        footprint_along_m=swath.along_m,
        spacing_m=swath.spacing_m,
        trigger_distance_m=imaging.trigger_distance_m,
        sweep_angle_deg=(90.0 - math.degrees(best.angle_rad)) % 180.0,
        coverage_fraction=min(1.0, best.covered),
        unseen=None if unseen is None else frame.to_geographic(unseen),
        margin_m=mission.margin_m,
        gimbal_pitch_deg=-90.0 if imaging.gimbal_pitch_deg is None else imaging.gimbal_pitch_deg,
        corridor_line=task.pattern.line if isinstance(task.pattern, CorridorPattern) else (),
        turn_around_m=task.pattern.turn_around_m,
        corridor_width_m=task.pattern.width_m if isinstance(task.pattern, CorridorPattern) else 0.0,
    )
    return finished_plan(
        mission,
        items=best.items,
        height_m=best.takeoff_m,
        estimate=best.estimate,
        survey=survey,
        notes=notes,
    )
