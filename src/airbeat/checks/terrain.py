"""Where a plan flies over the ground of its height model; knows nothing of how the heights were planned."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.checks.catalogue import found
from airbeat.checks.findings import Finding
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.geo.terrain import Terrain
from airbeat.language.words import Message
from airbeat.mission.legs import Leg, height_above_home_m, legs
from airbeat.mission.plan import FlightPlan, ItemRole

__all__ = ["Course", "check_terrain", "courses_of"]

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
_HOME_DIFFERS_M = 20.0
_ROOM_ROUND_HOME_M = 15.0
"""Take-off and landing are near the ground by nature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One leg over the ground, in samples.

    Attributes:
        leg: which leg.
        lon_lat: (n, 2) longitudes and latitudes [degrees].
        from_home_m: (n,) distances from home [m].
        above_m: (n,) heights above ground [m], NaN where the ground is not known.
        above_home_m: (n,) heights above home [m], NaN where they are not known.
    """

    leg: Leg
    lon_lat: npt.NDArray[np.float64]
    from_home_m: npt.NDArray[np.float64]
    above_m: npt.NDArray[np.float64]
    above_home_m: npt.NDArray[np.float64]


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
    yield from _ceiling(plan, courses)
    yield from _lines(plan, courses)
    yield from _return_height(plan, courses, terrain, base_m)
    yield from _rally_heights(plan, terrain, base_m)
    if plan.home_amsl_m is not None and abs(plan.home_amsl_m - base_m) > _HOME_DIFFERS_M:
        yield found(
            "terrain-home-differs",
            Message(
                "home is {home_amsl_m:g} m above sea level by the plan and {base_m:.0f} m by {terrain}",
                home_amsl_m=plan.home_amsl_m,
                base_m=base_m,
                terrain=terrain.name,
            ),
            items=(0,),
            place=plan.home,
            remedy="check home's height and the model's datum; only differences from home count here",
        )


def courses_of(plan: FlightPlan) -> list[Course]:
    """The plan's legs over the ground; flat ground at home's height where it has no height model."""
    frame = LocalFrame(plan.home)
    terrain, base_m = plan.terrain, 0.0
    if terrain is not None:
        base_m = float(terrain.heights_m(plan.home.lon_deg, plan.home.lat_deg)[0])
        if math.isnan(base_m):
            terrain, base_m = None, 0.0
    return [c for leg in legs(plan) if (c := _course(plan, leg, terrain, base_m, frame)) is not None]


def _unknown(terrain: Terrain, place: LatLon, items: tuple[int, ...]) -> Finding:
    return found(
        "terrain-unknown",
        Message(
            "{terrain} has no height under the flight: nothing there was compared with the ground",
            terrain=terrain.name,
        ),
        items=items,
        place=place,
        remedy="use a height model without voids that reaches as far as the flight",
    )


def _assumed(terrain: Terrain, courses: list[Course]) -> Iterator[Finding]:
    """Legs over ground that the mission has taken as flat, the model having no height there."""
    unknown = [~terrain.known(*course.lon_lat.T) for course in courses]
    over = [n for n, legs_unknown in enumerate(unknown) if legs_unknown.any()]
    if over:
        lon, lat = courses[over[0]].lon_lat[int(np.argmax(unknown[over[0]]))]
        yield found(
            "terrain-unknown",
            Message(
                "{terrain} has no height under {legs} legs: flat ground as high as home was assumed there"
                if len(over) > 1
                else "{terrain} has no height under {legs} leg: flat ground as high as home was "
                "assumed there",
                terrain=terrain.name,
                legs=len(over),
            ),
            items=tuple(courses[n].leg.number for n in over),
            place=LatLon(lat_deg=float(lat), lon_deg=float(lon)),
            remedy="use a height model without voids that reaches as far as the flight",
        )


def _course(
    plan: FlightPlan, leg: Leg, terrain: Terrain | None, base_m: float, frame: LocalFrame
) -> Course | None:
    """The leg over the ground; None where the items do not tell its height, and for climbs over a model."""
    if leg.start_altitude is None or leg.end_altitude is None:
        return None
    ends = frame.to_xy([leg.start, leg.end])
    length_m = float(np.hypot(*(ends[1] - ends[0])))
    if length_m < _ON_THE_SPOT_M and terrain is not None:
        return None
    step_m = length_m if terrain is None else max(_STEP_SHARE * terrain.resolution_m, _FINEST_STEP_M)
    count = min(max(math.ceil(length_m / step_m), 1) if step_m > 0 else 1, _MOST_STEPS) + 1
    share = np.linspace(0.0, 1.0, count)[:, None]
    xy = ends[0] + (ends[1] - ends[0]) * share
    lon_lat = shapely.get_coordinates(frame.to_geographic(shapely.multipoints(xy)))
    ground = np.zeros(count)
    if terrain is not None:
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
    return Course(
        leg=leg,
        lon_lat=lon_lat,
        from_home_m=np.hypot(*xy.T),
        above_m=above,
        above_home_m=above + ground,
    )


def _at(altitude: Altitude, ground_m: float, plan: FlightPlan) -> float | None:
    """A height above home [m]."""
    if altitude.datum is AltitudeDatum.AGL:
        return ground_m + altitude.value_m
    return height_above_home_m(altitude, home_amsl_m=plan.home_amsl_m)


def _clearance(courses: list[Course]) -> Iterator[Finding]:
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
        yield found(
            "terrain-clearance",
            Message(
                "{legs} legs come nearer to the ground than {least_m:g} m; the lowest is "
                "{lowest_m:.0f} m above it"
                if len(low) > 1
                else "{legs} leg comes nearer to the ground than {least_m:g} m; the lowest is "
                "{lowest_m:.0f} m above it",
                legs=len(low),
                least_m=LEAST_CLEARANCE_M,
                lowest_m=worst[0],
            ),
            items=tuple(low),
            place=worst[1],
            remedy="fly higher there, or give heights above ground (datum: agl) to follow it",
        )


def _ceiling(plan: FlightPlan, courses: list[Course]) -> Iterator[Finding]:
    """Legs that follow the ground over the fence's ceiling, also between their ends."""
    ceiling_m = plan.fence.max_height_m if plan.fence else None
    if ceiling_m is None:
        return
    high: dict[int, float] = {}
    worst: tuple[float, LatLon] | None = None
    for course in courses:
        altitudes = (course.leg.start_altitude, course.leg.end_altitude)
        follows = any(a is not None and a.datum is AltitudeDatum.AGL for a in altitudes)
        if not follows or np.isnan(course.above_home_m).all():
            continue
        k = int(np.nanargmax(course.above_home_m))
        height_m = float(course.above_home_m[k])
        if height_m > ceiling_m + _TOLERANCE_M:
            high[course.leg.number] = height_m
            if worst is None or height_m > worst[0]:
                lon, lat = course.lon_lat[k]
                worst = (height_m, LatLon(lat_deg=float(lat), lon_deg=float(lon)))
    if worst is not None:
        yield found(
            "terrain-above-ceiling",
            Message(
                "{high} legs that follow the ground rise to {worst:.0f} m above home; the ceiling is "
                "{ceiling_m:g} m",
                high=len(high),
                worst=worst[0],
                ceiling_m=ceiling_m,
            ),
            items=tuple(sorted(high)),
            place=worst[1],
            remedy="fly lower over the ground there, or raise the ceiling if the rules there allow it",
        )


def _rally_heights(plan: FlightPlan, terrain: Terrain, base_m: float) -> Iterator[Finding]:
    for index, rally in enumerate(plan.rally or (), start=1):
        ground = float(terrain.heights_m(rally.position.lon_deg, rally.position.lat_deg)[0]) - base_m
        height_m = height_above_home_m(rally.altitude, home_amsl_m=plan.home_amsl_m)
        if height_m is None or math.isnan(ground) or height_m - ground >= RETURN_MARGIN_M:
            continue
        yield found(
            "rally-terrain",
            Message(
                "rally point {index} is {height_m:g} m above home, but the ground there is "
                "{ground:.0f} m above it",
                index=index,
                height_m=height_m,
                ground=ground,
            ),
            place=rally.position,
            remedy=Message("give it a height of {ceil} m or more", ceil=math.ceil(ground + RETURN_MARGIN_M)),
        )


def _lines(plan: FlightPlan, courses: list[Course]) -> Iterator[Finding]:
    """Whether photographed lines are as far above the ground as their spacing and GSD suppose."""
    survey = plan.survey
    swept = [c for c in courses if c.leg.role is ItemRole.SWEEP and not np.isnan(c.above_m).all()]
    if survey is None or not swept:
        return
    low = {c.leg.number: float(np.nanmin(c.above_m)) for c in swept}
    low = {n: m for n, m in low.items() if m < survey.height_agl_m - _TOLERANCE_M}
    if low:
        yield found(
            "terrain-lines-low",
            Message(
                "{low} photographed legs come down to {values:.0f} m above the ground, but the "
                "lines' spacing is for {height_agl_m:.0f} m: gaps between them",
                low=len(low),
                values=min(low.values()),
                height_agl_m=survey.height_agl_m,
            ),
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
        yield found(
            "terrain-gsd",
            Message(
                "GSD {values:.2f} cm where the ground falls away; the plan states {gsd_m_px:.2f} cm",
                values=max(coarse.values()) * 100,
                gsd_m_px=survey.gsd_m_px * 100,
            ),
            items=tuple(coarse),
            remedy="follow the ground (datum: agl), more slowly where it is steep, or fly lower",
        )


def _return_height(
    plan: FlightPlan, courses: list[Course], terrain: Terrain, base_m: float
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
    between = np.column_stack(frame.to_lon_lat(xy)) if len(xy) else np.empty((0, 2))
    lon_lat = np.vstack([between, *(c.lon_lat for c in courses)])
    ground = terrain.heights_m(lon_lat[:, 0], lon_lat[:, 1]) - base_m
    if np.isnan(ground).all():
        return
    k = int(np.nanargmax(ground))
    needed_m = float(ground[k]) + RETURN_MARGIN_M
    if needed_m > DEFAULT_RETURN_M:
        lon, lat = lon_lat[k]
        yield found(
            "terrain-return-height",
            Message("a return from anywhere may cross ground {ground:.0f} m above home", ground=ground[k]),
            place=LatLon(lat_deg=float(lat), lon_deg=float(lon)),
            remedy=Message(
                "set RTL_ALT to {ceil} (cm) or more, {return_margin_m:g} m above that ground",
                ceil=math.ceil(needed_m / 5 - 0.01) * 500,
                return_margin_m=RETURN_MARGIN_M,
            ),
        )
