"""The search manuals' patterns as plans: parallel, creeping, square, sector, track line, contour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import Altitude
from airbeat.language.words import Message
from airbeat.mission.mission import (
    ContourPattern,
    CreepingLinePattern,
    DatumPattern,
    ExpandingSquarePattern,
    Mission,
    ParallelPattern,
    SearchPattern,
    SectorPattern,
    TrackLinePattern,
)
from airbeat.mission.plan import FlightPlan, Survey
from airbeat.planning.common import flight_height, follows_ground, routers
from airbeat.planning.estimate import leg_times_s
from airbeat.planning.follow import heights_over
from airbeat.planning.freespace import FlightSpace
from airbeat.planning.imaging import Imaging, imaging_for
from airbeat.planning.items import gimbal
from airbeat.planning.loops import Ring, fly_rings, refuse_outside
from airbeat.planning.photos import footprints, uncovered
from airbeat.planning.route import Router
from airbeat.planning.searchlines import (
    area_mean,
    area_range,
    contour_lines,
    drifted,
    expanding_square,
    long_axis_rad,
    sector_search,
    swept_legs,
    track_passes,
)
from airbeat.planning.tour import Leg

__all__ = ["plan_search_pattern"]

Points = npt.NDArray[np.float64]

_MOST_LEGS = 2000
_FLATTEST_STEP_M = 1.0
_CONTOUR_CELLS = 150
"""Most cells along a side of the raster in which contours are followed."""
_SEAM_M = 0.05
"""Between strips that touch, round-off leaves seams thinner than twice this [m]."""
_CONTOUR_STRAIGHT_M = 2.0
"""How far a contour's straight legs may lie beside it [m]."""


def plan_search_pattern(mission: Mission, pattern: SearchPattern, space: FlightSpace) -> FlightPlan:
    """Fly a pattern of the search manuals with the camera on.

    Raises:
        PlanningError: a leg that leaves the fence or meets a keep-out (with the place), nothing to fly,
            ground too flat for contours, or a height that cannot be flown.
    """
    height, notes = flight_height(mission.height, mission)
    lowest_m, highest_m = _heights_above_ground(mission, pattern, space, height)
    imaging = imaging_for(mission, pattern, lowest_m)
    mission = replace(mission, speed_m_s=imaging.speed_m_s)
    _, router = routers(mission, space)
    runs, said = _runs(mission, pattern, space, imaging)
    if not runs:
        raise PlanningError(
            "no leg of the pattern lies where the vehicle may fly",
            remedy="widen the fence, use a smaller margin, or move the pattern",
        )
    if sum(len(run) - 1 for run in runs) > _MOST_LEGS:
        raise PlanningError(
            Message(
                "the pattern has {count} legs (at most {most_legs})",
                count=sum(len(run) - 1 for run in runs),
                most_legs=_MOST_LEGS,
            ),
            remedy="choose a larger spacing_m, or a smaller area or radius_m",
        )
    if not isinstance(pattern, ParallelPattern | CreepingLinePattern | ContourPattern):
        _refuse(runs, pattern, space, router)
    plan = fly_rings(
        mission,
        space,
        [Ring(corners=tuple((float(x), float(y)) for x, y in run), height=height) for run in runs],
        router=router,
        trigger_m=imaging.trigger_distance_m,
        before=[] if imaging.gimbal_pitch_deg is None else [gimbal(imaging.gimbal_pitch_deg)],
        notes=[*notes, *said, *imaging.notes],
    )
    return replace(plan, survey=_survey(mission, space, imaging, runs, agl_m=(lowest_m, highest_m)))


def _refuse(runs: Sequence[Points], pattern: SearchPattern, space: FlightSpace, router: Router) -> None:
    name = {ExpandingSquarePattern: "expanding square", SectorPattern: "sector search"}
    for run in runs:
        refuse_outside(
            [(float(x), float(y)) for x, y in run],
            space,
            router,
            what=f"the {name.get(type(pattern), 'track line')}",
            remedy="move it, make it smaller, widen the fence, or use a smaller margin",
        )


def _heights_above_ground(
    mission: Mission, pattern: SearchPattern, space: FlightSpace, height: Altitude
) -> tuple[float, float]:
    """Lowest and highest height above ground on the legs [m], as far as known before they are drawn."""
    if mission.terrain is None:
        return height.value_m, height.value_m
    if follows_ground(mission.height, mission):
        return height.value_m - mission.terrain_tolerance_m, height.value_m + mission.terrain_tolerance_m
    ground = mission.area
    if isinstance(pattern, DatumPattern | TrackLinePattern):
        places = space.frame.to_xy(pattern.extent())
        ground = space.frame.to_geographic(shapely.MultiPoint(places).convex_hull.buffer(1.0))
    return heights_over(ground, mission, mission.terrain, height.value_m)


def _runs(
    mission: Mission, pattern: SearchPattern, space: FlightSpace, imaging: Imaging
) -> tuple[list[Points], list[str]]:
    """What is flown with the camera on, run by run, and what must be known of it."""
    spacing = imaging.swath.spacing_m
    if isinstance(pattern, ParallelPattern):
        angle = _angle_rad(pattern.angle_deg, space.area)
        legs = swept_legs(space.area, space.sweep, angle_rad=angle, spacing_m=spacing, begin=space.gate)
        return legs, [f"parallel sweep: {len(legs)} legs {spacing:.1f} m apart on {_course(angle)}"]
    if isinstance(pattern, CreepingLinePattern):
        advance = _angle_rad(pattern.angle_deg, space.area)
        begin = space.gate
        if pattern.start is not None:
            x, y = space.frame.to_xy([pattern.start])[0]
            begin = (float(x), float(y))
        across = advance + math.pi / 2
        legs = swept_legs(space.area, space.sweep, angle_rad=across, spacing_m=spacing, begin=begin)
        return legs, [f"creeping line: {len(legs)} legs {spacing:.1f} m apart on {_course(across)}"]
    if isinstance(pattern, TrackLinePattern):
        line = space.frame.to_xy(pattern.line)
        passes = track_passes(line, passes=pattern.passes, spacing_m=spacing)
        return passes, [f"track line: {pattern.passes} passes {spacing:.1f} m apart"]
    if isinstance(pattern, ContourPattern):
        return _contours(mission, pattern, space, spacing)
    return _about_datum(mission, pattern, space, imaging)


def _angle_rad(bearing_deg: float | None, area: Any) -> float:
    return long_axis_rad(area) if bearing_deg is None else math.radians(90.0 - bearing_deg)


def _course(angle_rad: float) -> str:
    bearing = round(90.0 - math.degrees(angle_rad)) % 180
    return f"{bearing:03d}°/{bearing + 180:03d}°"


def _about_datum(
    mission: Mission, pattern: ExpandingSquarePattern | SectorPattern, space: FlightSpace, imaging: Imaging
) -> tuple[list[Points], list[str]]:
    """An expanding square or sector search about its datum, which may drift."""
    course = _first_course_deg(mission, pattern)
    swath = imaging.swath
    if isinstance(pattern, ExpandingSquarePattern):
        corners = expanding_square(
            radius_m=pattern.radius_m,
            reach_m=swath.across_m / 2,
            spacing_m=swath.spacing_m,
            first_leg_deg=course,
            starboard=pattern.starboard,
        )
        what = f"expanding square: {len(corners) - 1} legs, S {swath.spacing_m:.1f} m"
    else:
        corners = sector_search(
            radius_m=pattern.radius_m, first_leg_deg=course, sector_deg=pattern.sector_deg
        )
        if pattern.passes == 2:
            again = sector_search(
                radius_m=pattern.radius_m,
                first_leg_deg=course + pattern.sector_deg / 2,
                sector_deg=pattern.sector_deg,
            )
            corners = np.vstack([corners, again[1:]])
        what = f"sector search: {pattern.passes} × {round(540 / pattern.sector_deg)} legs"
    length = float(np.hypot(*np.diff(corners, axis=0).T).sum())
    notes: list[str] = [
        Message(
            "{what}, {length:.0f} m, the first on {course:03.0f}°", what=what, length=length, course=course
        )
    ]
    if pattern.drift is not None:
        drift = pattern.drift
        lengths = np.hypot(*np.diff(corners, axis=0).T)
        times = leg_times_s(
            lengths, speed_m_s=mission.speed_m_s, acceleration_m_s2=mission.airframe.acceleration_m_s2
        )
        toward = math.radians(drift.toward_deg)
        velocity = (drift.speed_m_s * math.sin(toward), drift.speed_m_s * math.cos(toward))
        corners = drifted(corners, times.tolist(), velocity_m_s=velocity, elapsed_s=drift.elapsed_s)
        notes.append(
            Message(
                "the datum drifts {speed_m_s:g} m/s towards {toward_deg:03.0f}°: the pattern is laid "
                "over it from {elapsed_s:g} min on, and holds for a take-off at that time only",
                speed_m_s=drift.speed_m_s,
                toward_deg=drift.toward_deg,
                elapsed_s=drift.elapsed_s / 60,
            )
        )
    return [corners + space.frame.to_xy([pattern.centre])[0]], notes


def _first_course_deg(mission: Mission, pattern: DatumPattern) -> float:
    """The course asked for; else downdrift, else upwind, else north."""
    if pattern.first_leg_deg is not None:
        return pattern.first_leg_deg
    if pattern.drift is not None:
        return pattern.drift.toward_deg
    return 0.0 if mission.wind is None else mission.wind.from_deg


def _contours(
    mission: Mission, pattern: ContourPattern, space: FlightSpace, spacing_m: float
) -> tuple[list[Points], list[str]]:
    """Lines of equal ground height from the top down, each begun at its end nearer to the one before.

    Raises:
        PlanningError: no height model, or ground too flat to have contours a spacing apart.
    """
    if mission.terrain is None:
        raise PlanningError("a contour pattern needs a height model", remedy="name one under terrain")
    x0, y0, x1, y1 = space.area.bounds
    cell = max(mission.terrain.resolution_m, max(x1 - x0, y1 - y0) / _CONTOUR_CELLS)
    x = np.arange(x0 - cell, x1 + 2 * cell, cell)
    y = np.arange(y0 - cell, y1 + 2 * cell, cell)
    places = space.frame.to_latlon(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    heights = mission.terrain.heights_m([p.lon_deg for p in places], [p.lat_deg for p in places])
    ground = np.asarray(heights, dtype=np.float64).reshape(len(y), len(x))
    slope = math.atan(area_mean(np.hypot(*np.gradient(ground, cell)), x, y, space.area))
    step = pattern.step_m or spacing_m * math.sin(slope)
    if not step >= _FLATTEST_STEP_M:
        raise PlanningError(
            Message(
                "the ground is too flat for contours: a slope of {degrees:.1f}° puts them {step:.2f} "
                "m of height apart",
                degrees=math.degrees(slope),
                step=step,
            ),
            remedy="fly pattern: parallel, or give step_m",
        )
    top, bottom = area_range(ground, x, y, space.area)
    levels = np.arange(top - step / 2, bottom, -step)
    lines = contour_lines(x, y, ground, levels.tolist(), space.area.intersection(space.sweep))
    lines = [
        shapely.get_coordinates(shapely.simplify(shapely.LineString(line), _CONTOUR_STRAIGHT_M))
        for line in lines
        if len(line) > 1
    ]
    note = (
        f"contours {step:.1f} m of height apart, for {spacing_m:.1f} m on a mean slope of "
        f"{math.degrees(slope):.0f}°: {len(lines)} lines from {top - step / 2:.0f} m AMSL down"
    )
    return _begun_near(lines, space.gate), [note]


def _begun_near(lines: list[Points], begin: tuple[float, float]) -> list[Points]:
    """The lines in their order, each turned, or a closed one begun, where it is nearest to the one before."""
    at = np.array(begin)
    result = []
    for line in lines:
        if np.hypot(*(line[0] - line[-1])) < 1e-3:
            first = int(np.argmin(np.hypot(*(line[:-1] - at).T)))
            line = np.vstack([line[first:-1], line[: first + 1]])
        elif np.hypot(*(line[-1] - at)) < np.hypot(*(line[0] - at)):
            line = line[::-1]
        at = line[-1]
        result.append(line)
    return result


def _survey(
    mission: Mission,
    space: FlightSpace,
    imaging: Imaging,
    runs: Sequence[Points],
    *,
    agl_m: tuple[float, float],
) -> Survey:
    """What the pattern photographs: the mission's area, or the strips along its legs."""
    swath, frame = imaging.swath, space.frame
    legs = [
        Leg(start=(float(a[0]), float(a[1])), end=(float(b[0]), float(b[1])), camera_on=True)
        for run in runs
        for a, b in pairwise(run)
    ]
    seen = footprints(
        legs,
        across_m=swath.across_m,
        near_m=imaging.near_m,
        far_m=imaging.far_m,
        trigger_distance_m=imaging.trigger_distance_m,
        chained=True,
    )
    area = space.area
    if area.is_empty:
        half_m = min(swath.spacing_m, swath.across_m) / 2
        ends = "square" if half_m <= swath.along_m / 2 else "flat"
        area = shapely.union_all(
            [shapely.LineString([leg.start, leg.end]).buffer(half_m, cap_style=ends) for leg in legs]
        )
        area = area.buffer(_SEAM_M, join_style="mitre").buffer(-_SEAM_M, join_style="mitre")
    missed = uncovered(area, seen)
    covered = 1.0 - (0.0 if missed is None else missed.area / area.area)
    along = runs[0][1] - runs[0][0]
    return Survey(
        area=frame.to_geographic(area),
        camera=mission.camera,
        height_agl_m=agl_m[0],
        gsd_m_px=imaging.gsd_m_px * max(agl_m) / agl_m[0],
        footprint_across_m=swath.across_m,
        footprint_along_m=swath.along_m,
        spacing_m=swath.spacing_m,
        trigger_distance_m=imaging.trigger_distance_m,
        sweep_angle_deg=math.degrees(math.atan2(along[0], along[1])) % 180.0,
        coverage_fraction=min(1.0, covered),
        unseen=None if missed is None else frame.to_geographic(missed),
        margin_m=mission.margin_m,
        gimbal_pitch_deg=-90.0 if imaging.gimbal_pitch_deg is None else imaging.gimbal_pitch_deg,
    )
