"""Where a plan flies over the ground of its height model; knows nothing of how the heights were planned."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.checks.findings import Finding, Severity
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.geo.terrain import Terrain
from airbeat.mission.legs import Leg, height_above_home_m, legs
from airbeat.mission.plan import FlightPlan, ItemRole

__all__ = ["check_terrain"]

LEAST_CLEARANCE_M = 10.0
"""Nearer to the ground of a model, flight is not safe: models err by metres and know no trees."""
RETURN_MARGIN_M = 10.0
DEFAULT_RETURN_M = 15.0
"""RTL_ALT, Copter's default: a return climbs to this height above home."""
_TOLERANCE_M = 1.0
_ON_THE_SPOT_M = 0.5
_STEP_SHARE = 0.5
_FINEST_STEP_M = 2.0
_MOST_STEPS = 2000
_ROOM_ROUND_HOME_M = 15.0
"""Take-off and landing are near the ground by nature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """One leg over the ground: its samples' places and heights above ground [m], NaN where unknown."""

    leg: Leg
    lon_lat: npt.NDArray[np.float64]
    from_home_m: npt.NDArray[np.float64]
    above_m: npt.NDArray[np.float64]


def check_terrain(plan: FlightPlan) -> Iterator[Finding]:
    """Findings about clearance, height on the lines, and the height to return at; none without a model."""
    terrain = plan.terrain
    if terrain is None:
        return
    base_m = float(terrain.heights_m(plan.home.lon_deg, plan.home.lat_deg)[0])
    if math.isnan(base_m):
        yield _unknown(terrain, plan.home, (0,))
        return
    frame = LocalFrame(plan.home)
    courses = [c for leg in legs(plan) if (c := _course(plan, leg, terrain, base_m, frame)) is not None]
    blind = [c for c in courses if np.isnan(c.above_m).any()]
    if blind:
        lon, lat = blind[0].lon_lat[int(np.argmax(np.isnan(blind[0].above_m)))]
        place = LatLon(lat_deg=float(lat), lon_deg=float(lon))
        yield _unknown(terrain, place, tuple(c.leg.number for c in blind))
    elif terrain.beyond_m is not None:
        yield from _assumed(terrain, courses)
    yield from _clearance(courses)
    yield from _lines(plan, courses)
    yield from _return_height(plan, courses, terrain, base_m)


def _unknown(terrain: Terrain, place: LatLon, items: tuple[int, ...]) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        code="terrain-unknown",
        message=f"{terrain.name} has no height under the flight: nothing there was compared with the ground",
        items=items,
        place=place,
        remedy="use a height model without voids that reaches as far as the flight",
    )


def _assumed(terrain: Terrain, courses: list[_Course]) -> Iterator[Finding]:
    """Legs over ground that the mission has taken as flat, the model having no height there."""
    unknown = [~terrain.known(*course.lon_lat.T) for course in courses]
    over = [n for n, legs_unknown in enumerate(unknown) if legs_unknown.any()]
    if over:
        lon, lat = courses[over[0]].lon_lat[int(np.argmax(unknown[over[0]]))]
        yield Finding(
            severity=Severity.WARNING,
            code="terrain-unknown",
            message=f"{terrain.name} has no height under {len(over)} leg{'s' if len(over) > 1 else ''}: flat "
            "ground as high as home was assumed there",
            items=tuple(courses[n].leg.number for n in over),
            place=LatLon(lat_deg=float(lat), lon_deg=float(lon)),
            remedy="use a height model without voids that reaches as far as the flight",
        )


def _course(plan: FlightPlan, leg: Leg, terrain: Terrain, base_m: float, frame: LocalFrame) -> _Course | None:
    """The leg over the ground; None for a climb on the spot, or where the items do not tell its height."""
    if leg.start_altitude is None or leg.end_altitude is None:
        return None
    ends = frame.to_xy([leg.start, leg.end])
    length_m = float(np.hypot(*(ends[1] - ends[0])))
    if length_m < _ON_THE_SPOT_M:
        return None
    step_m = max(_STEP_SHARE * terrain.resolution_m, _FINEST_STEP_M)
    count = min(max(math.ceil(length_m / step_m), 1), _MOST_STEPS) + 1
    share = np.linspace(0.0, 1.0, count)[:, None]
    xy = ends[0] + (ends[1] - ends[0]) * share
    lon_lat = shapely.get_coordinates(frame.to_geographic(shapely.multipoints(xy)))
    ground = terrain.heights_m(lon_lat[:, 0], lon_lat[:, 1]) - base_m
    heights = [
        _at(altitude, float(ground[k]), plan)
        for altitude, k in ((leg.start_altitude, 0), (leg.end_altitude, -1))
    ]
    if heights[0] is None or heights[1] is None:
        return None
    if leg.start_altitude.datum is leg.end_altitude.datum is AltitudeDatum.AGL:
        above = leg.start_altitude.value_m + share[:, 0] * (
            leg.end_altitude.value_m - leg.start_altitude.value_m
        )  # the vehicle follows the ground by itself
    else:
        above = heights[0] + share[:, 0] * (heights[1] - heights[0]) - ground
    return _Course(leg=leg, lon_lat=lon_lat, from_home_m=np.hypot(*xy.T), above_m=above)


def _at(altitude: Altitude, ground_m: float, plan: FlightPlan) -> float | None:
    """A height above home [m]."""
    if altitude.datum is AltitudeDatum.AGL:
        return ground_m + altitude.value_m
    return height_above_home_m(altitude, home_amsl_m=plan.home_amsl_m)


def _clearance(courses: list[_Course]) -> Iterator[Finding]:
    low: dict[int, float] = {}
    worst: tuple[float, LatLon] | None = None
    for course in courses:
        away = course.from_home_m > _ROOM_ROUND_HOME_M
        above = np.where(away & ~np.isnan(course.above_m), course.above_m, np.inf)
        k = int(np.argmin(above))
        if above[k] < LEAST_CLEARANCE_M:
            low[course.leg.number] = min(float(above[k]), low.get(course.leg.number, math.inf))
            if worst is None or above[k] < worst[0]:
                lon, lat = course.lon_lat[k]
                worst = (float(above[k]), LatLon(lat_deg=float(lat), lon_deg=float(lon)))
    if worst is not None:
        yield Finding(
            severity=Severity.ERROR,
            code="terrain-clearance",
            message=f"{len(low)} leg{'s come' if len(low) > 1 else ' comes'} nearer to the ground than "
            f"{LEAST_CLEARANCE_M:g} m; the lowest is {worst[0]:.0f} m above it",
            items=tuple(low),
            place=worst[1],
            remedy="fly higher there, or give heights above ground (datum: agl) to follow it",
        )


def _lines(plan: FlightPlan, courses: list[_Course]) -> Iterator[Finding]:
    """Whether photographed lines are as far above the ground as their spacing and GSD suppose."""
    survey = plan.survey
    swept = [c for c in courses if c.leg.role is ItemRole.SWEEP and not np.isnan(c.above_m).all()]
    if survey is None or not swept:
        return
    low = {c.leg.number: float(np.nanmin(c.above_m)) for c in swept}
    low = {n: m for n, m in low.items() if m < survey.height_agl_m - _TOLERANCE_M}
    if low:
        yield Finding(
            severity=Severity.WARNING,
            code="terrain-lines-low",
            message=f"{len(low)} photographed legs come down to {min(low.values()):.0f} m above the ground, "
            f"but the lines' spacing is for {survey.height_agl_m:.0f} m: gaps between them",
            items=tuple(low),
            remedy="plan with the height model, or with more overlap",
        )
    pitch_deg = survey.gimbal_pitch_deg
    gsd = {
        c.leg.number: survey.camera.view(float(np.nanmax(c.above_m)), pitch_deg=pitch_deg).gsd_far_m_px
        for c in swept
        if np.nanmax(c.above_m) > 0
    }
    coarse = {
        n: g
        for n, g in gsd.items()
        if g > survey.gsd_m_px * (1 + _TOLERANCE_M / max(survey.height_agl_m, 1.0))
    }
    if coarse:
        yield Finding(
            severity=Severity.WARNING,
            code="terrain-gsd",
            message=f"GSD {max(coarse.values()) * 100:.1f} cm where the ground falls away; the plan states "
            f"{survey.gsd_m_px * 100:.1f} cm",
            items=tuple(coarse),
            remedy="follow the ground (datum: agl), more slowly where it is steep, or fly lower",
        )


def _return_height(
    plan: FlightPlan, courses: list[_Course], terrain: Terrain, base_m: float
) -> Iterator[Finding]:
    """What a return straight home from anywhere on the flight may have to clear."""
    if not courses:
        return
    frame = LocalFrame(plan.home)
    places = shapely.MultiPoint(np.vstack([c.lon_lat for c in courses]))
    hull = shapely.union_all([frame.to_local(places), shapely.Point(0.0, 0.0)]).convex_hull.buffer(1.0)
    x0, y0, x1, y1 = hull.bounds
    step_m = max(terrain.resolution_m, max(x1 - x0, y1 - y0) / 300)
    x, y = np.meshgrid(np.arange(x0, x1 + step_m, step_m), np.arange(y0, y1 + step_m, step_m))
    inside = shapely.contains_xy(hull, x.ravel(), y.ravel())
    xy = np.column_stack([x.ravel(), y.ravel()])[inside]
    if not len(xy):
        return
    lon_lat = shapely.get_coordinates(frame.to_geographic(shapely.multipoints(xy)))
    ground = terrain.heights_m(lon_lat[:, 0], lon_lat[:, 1]) - base_m
    if np.isnan(ground).all():
        return
    k = int(np.nanargmax(ground))
    needed_m = float(ground[k]) + RETURN_MARGIN_M
    if needed_m > DEFAULT_RETURN_M:
        lon, lat = lon_lat[k]
        yield Finding(
            severity=Severity.NOTE,
            code="terrain-return-height",
            message=f"a return from anywhere may cross ground {ground[k]:.0f} m above home",
            place=LatLon(lat_deg=float(lat), lon_deg=float(lon)),
            remedy=f"set RTL_ALT to {math.ceil(needed_m / 5 - 0.01) * 500} (cm) or more, "
            f"{RETURN_MARGIN_M:g} m above that ground",
        )
