"""Legs that follow the ground of a height model at a constant height above it.

The heights that are wanted along photographed legs are raised to the lowest profile that the aircraft can
climb and descend along at its cruise speed, never lowered; other ways may be steeper, and are flown slower.
A leg gets points in between only where a straight one would be off by more than a tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.geo.terrain import Terrain
from airbeat.language.words import Message
from airbeat.mission.mission import Mission
from airbeat.mission.plan import Estimate, ItemRole, PlanItem
from airbeat.planning.items import waypoint

__all__ = [
    "Followed",
    "climb_limited",
    "contour_angle_rad",
    "follow_ground",
    "ground_above_home_m",
    "grounded",
    "heights_over",
    "kept_points",
]

Array = npt.NDArray[np.float64]

_FINEST_STEP_M, _COARSEST_STEP_M = 2.0, 15.0
_MOST_SAMPLES = 100_000
_MOST_SAMPLES_ACROSS = 300
_AROUND_SHARE = 0.4
"""So much of the height is looked at round the area, as lines run on beyond it."""
_LEAST_AGL_M = 10.0
_STEEPEST = 1.0
"""How steep ways without photographs may be, metres a metre; the aircraft slows down on them by itself."""
_NOT_ZERO_M = 0.01
"""A height of exactly 0 keeps the height before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Items that follow the ground.

    Attributes:
        items: with heights above home.
        takeoff_m: height above home to take off to [m].
        return_m: height above home at which the return begins [m].
        slowed_s: time that ways steeper than the aircraft climbs at cruise speed take longer [s].
        added: points that were put in between, for the ground and for the return.
        lowest_agl_m: lowest height above ground on photographed legs, on all legs where none is [m].
        highest_agl_m: highest height above ground on the same legs [m].
    """

    items: tuple[PlanItem, ...]
    takeoff_m: float
    return_m: float
    slowed_s: float
    added: int
    lowest_agl_m: float
    highest_agl_m: float


@dataclass(slots=True, kw_only=True)
class _Node:
    """A place of the flight: item number (-1 for home), (x, y) [m], height and what it is measured from."""

    item: int
    xy: Array
    value_m: float
    follows: bool
    role: ItemRole


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profile:
    """A run of legs, sampled: distance, ground and flown height above home [m], first sample of each node."""

    xy: Array
    at_m: Array
    ground_m: Array
    height_m: Array
    firsts: list[int]


def ground_above_home_m(terrain: Terrain, home: LatLon, places: Sequence[LatLon] | Array) -> Array:
    """How much higher than at home the ground is at places [m].

    Args:
        terrain: the height model.
        home: take-off place.
        places: positions, or an (n, 2) array of longitudes and latitudes [degrees].

    Raises:
        PlanningError: the model has no height at home or at one of the places.
    """
    base = terrain.heights_m(home.lon_deg, home.lat_deg)[0]
    if math.isnan(base):
        raise _unknown(terrain, home)
    if isinstance(places, np.ndarray):
        lon_lat = places
    else:
        lon_lat = np.array([(p.lon_deg, p.lat_deg) for p in places], dtype=np.float64).reshape(-1, 2)
    ground = terrain.heights_m(lon_lat[:, 0], lon_lat[:, 1])
    missing = np.flatnonzero(np.isnan(ground))
    if len(missing):
        lon, lat = lon_lat[missing[0]]
        raise _unknown(terrain, LatLon(lat_deg=float(lat), lon_deg=float(lon)))
    return np.asarray(ground - base)


def _unknown(terrain: Terrain, place: LatLon) -> PlanningError:
    return PlanningError(
        Message("{terrain} has no height there", terrain=terrain.name),
        where=str(place),
        remedy="use a height model without voids that reaches beyond area, home and fence",
    )


def heights_over(area: Any, mission: Mission, terrain: Terrain, height_m: float) -> tuple[float, float]:
    """Lowest and highest height above the ground of an area, and a little around it, at one height [m].

    Lines run on beyond the area; where the model ends there, what it has counts.

    Args:
        area: geographic (Multi)Polygon.
        mission: home.
        terrain: the height model.
        height_m: height above home [m].

    Raises:
        PlanningError: the model has no height somewhere in the area, or the ground comes too near.
    """
    frame = LocalFrame(mission.home)
    drawn = frame.to_local(area)
    wide = drawn.buffer(_AROUND_SHARE * height_m)
    x0, y0, x1, y1 = wide.bounds
    step = max(terrain.resolution_m, max(x1 - x0, y1 - y0) / _MOST_SAMPLES_ACROSS)
    x, y = np.meshgrid(np.arange(x0, x1 + step, step), np.arange(y0, y1 + step, step))
    xy = np.column_stack([x.ravel(), y.ravel()])
    inside = np.vstack([xy[shapely.contains_xy(drawn, xy)], shapely.get_coordinates(drawn)])
    around = xy[shapely.contains_xy(wide, xy) & ~shapely.contains_xy(drawn, xy)]
    lon_lat = shapely.get_coordinates(frame.to_geographic(shapely.multipoints(np.vstack([inside, around]))))
    needed, spare = lon_lat[: len(inside)], lon_lat[len(inside) :]
    spare = spare[~np.isnan(terrain.heights_m(spare[:, 0], spare[:, 1]))]
    lon_lat = np.vstack([needed, spare])
    above = height_m - ground_above_home_m(terrain, mission.home, lon_lat)
    if above.min() < _LEAST_AGL_M:
        lon_deg, lat_deg = lon_lat[int(np.argmin(above))]
        raise PlanningError(
            Message(
                "{height_m:g} m above home is {min:.0f} m above the ground there (at least {least_agl_m:g})",
                height_m=height_m,
                min=above.min(),
                least_agl_m=_LEAST_AGL_M,
            ),
            where=f"{lat_deg:.6f}, {lon_deg:.6f}",
            remedy="fly higher, or give the height with datum: agl to follow the ground",
        )
    return float(above.min()), float(above.max())


def contour_angle_rad(area: Any, frame: LocalFrame, terrain: Terrain) -> float:
    """The direction along which the ground of an area rises and falls least [rad, from east towards north].

    The eigenvector of the smaller eigenvalue of the mean outer product of the ground's gradient: along the
    contour lines, on the whole. 0 where the ground is flat or unknown.

    Args:
        area: local (Multi)Polygon [m].
        frame: its local frame.
        terrain: the height model.
    """
    x0, y0, x1, y1 = area.bounds
    step = max(terrain.resolution_m, max(x1 - x0, y1 - y0) / _MOST_SAMPLES_ACROSS)
    x, y = np.meshgrid(np.arange(x0, x1 + 2 * step, step), np.arange(y0, y1 + 2 * step, step))
    lon_lat = shapely.get_coordinates(
        frame.to_geographic(shapely.multipoints(np.column_stack([x.ravel(), y.ravel()])))
    )
    ground = terrain.heights_m(lon_lat[:, 0], lon_lat[:, 1]).reshape(x.shape)
    rise_y, rise_x = np.gradient(ground, step)
    known = np.isfinite(rise_x) & np.isfinite(rise_y) & shapely.contains_xy(area, x, y)
    if not known.any():
        return 0.0
    slopes = np.column_stack([rise_x[known], rise_y[known]])
    _, vectors = np.linalg.eigh(slopes.T @ slopes)
    return math.atan2(vectors[1, 0], vectors[0, 0]) % math.pi


def climb_limited(wanted_m: Array, *, climb_m: Array, descent_m: Array) -> Array:
    """The lowest profile at or above the wanted one that rises and falls no faster than it may.

    It is the upper envelope of the cones that each wanted height spans backwards by the climb and forwards
    by the descent.

    Args:
        wanted_m: (n,) heights along the flight [m].
        climb_m: (n,) how much may be climbed from the first place to each [m], ascending.
        descent_m: (n,) how much may be descended from the first place to each [m], ascending.
    """
    falling = np.maximum.accumulate(wanted_m + descent_m) - descent_m
    rising = np.maximum.accumulate((wanted_m - climb_m)[::-1])[::-1] + climb_m
    return np.maximum(falling, rising)


def kept_points(at_m: Array, height_m: Array, tolerance_m: float) -> list[int]:
    """Numbers of the inner points to keep so that straight pieces are nowhere further off than a tolerance.

    Douglas and Peucker's method with the vertical distance.
    """
    kept: list[int] = []
    stack = [(0, len(at_m) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        inner = slice(first + 1, last)
        chord = np.interp(at_m[inner], at_m[[first, last]], height_m[[first, last]])
        off = np.abs(height_m[inner] - chord)
        worst = int(np.argmax(off))
        if off[worst] > tolerance_m:
            kept.append(first + 1 + worst)
            stack += [(first, first + 1 + worst), (first + 1 + worst, last)]
    return sorted(kept)


def follow_ground(items: Sequence[PlanItem], mission: Mission, terrain: Terrain) -> Followed:
    """Heights above ground turned into heights above home that follow the ground, with points in between.

    Args:
        items: what is flown between take-off and return; heights of datum AGL follow the ground, others stay.
        mission: home, airframe, cruise speed, fence and tolerance.
        terrain: the height model.

    Raises:
        PlanningError: the model has no height somewhere, or the flight would be above the fence's ceiling.
    """
    frame = LocalFrame(mission.home)
    nodes = _nodes(items, frame)
    before: dict[int, list[PlanItem]] = {}
    heights = {node.item: node.value_m for node in nodes}
    flown: list[tuple[_Profile, list[_Node]]] = []
    for run in _runs(nodes):
        profile = _profile(run, mission, terrain, frame)
        for (a, first), (b, last) in pairwise(zip(run, profile.firsts, strict=True)):
            piece = slice(first, last + 1)
            inner = kept_points(profile.at_m[piece], profile.height_m[piece], mission.terrain_tolerance_m)
            places = frame.to_latlon(profile.xy[piece][inner])
            before[b.item] = [
                waypoint(place, _height(profile.height_m[first + k]), b.role)
                for place, k in zip(places, inner, strict=True)
            ]
            heights[a.item] = _height(profile.height_m[first])
            heights[b.item] = _height(profile.height_m[last])
        flown.append((profile, run))
    result: list[PlanItem] = []
    for number, item in enumerate(items):
        result += before.get(number, [])
        if item.altitude is not None and number in heights:
            at = Altitude(value_m=heights[number], datum=AltitudeDatum.HOME)
            item = replace(item, altitude=at)
        result.append(item)
    return_m = _return_height_m(nodes[-1], heights[nodes[-1].item], mission, terrain, frame)
    if return_m > heights[nodes[-1].item]:
        place = frame.to_latlon([nodes[-1].xy])[0]
        result.append(waypoint(place, return_m, ItemRole.TRANSIT))
    _refuse_too_high(result, mission)
    lowest, highest = _heights_above_ground(flown, mission.terrain_tolerance_m)
    return Followed(
        items=tuple(result),
        takeoff_m=heights[-1],
        return_m=return_m,
        slowed_s=_slowed_s(result, mission, frame, heights[-1]),
        added=len(result) - len(items),
        lowest_agl_m=lowest,
        highest_agl_m=highest,
    )


def _height(value_m: float) -> float:
    rounded = round(float(value_m), 2)
    return _NOT_ZERO_M if rounded == 0.0 else rounded


def _nodes(items: Sequence[PlanItem], frame: LocalFrame) -> list[_Node]:
    """Home and every place that is flown to; home's height is that of the first one."""
    nodes: list[_Node] = []
    for number, item in enumerate(items):
        if item.is_nav and item.position is not None and item.altitude is not None:
            nodes.append(
                _Node(
                    item=number,
                    xy=frame.to_xy([item.position])[0],
                    value_m=item.altitude.value_m,
                    follows=item.altitude.datum is AltitudeDatum.AGL,
                    role=item.role,
                )
            )
    home = replace(nodes[0], item=-1, xy=np.zeros(2), role=ItemRole.TAKEOFF)
    return [home, *nodes]


def _runs(nodes: Sequence[_Node]) -> list[list[_Node]]:
    """Runs of places, one after another, that follow the ground."""
    runs: list[list[_Node]] = [[]]
    for node in nodes:
        if node.follows:
            runs[-1].append(node)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _profile(run: list[_Node], mission: Mission, terrain: Terrain, frame: LocalFrame) -> _Profile:
    lengths = [math.dist(a.xy, b.xy) for a, b in pairwise(run)]
    step = min(max(terrain.resolution_m / 2, _FINEST_STEP_M), _COARSEST_STEP_M)
    step = max(step, sum(lengths) / _MOST_SAMPLES)
    xy, agl, firsts = [run[0].xy[None]], [np.array([run[0].value_m])], [0]
    for (a, b), length in zip(pairwise(run), lengths, strict=True):
        share = np.linspace(0.0, 1.0, max(1, math.ceil(length / step)) + 1)[1:, None]
        xy.append(a.xy + (b.xy - a.xy) * share)
        agl.append((a.value_m + (b.value_m - a.value_m) * share)[:, 0])
        firsts.append(firsts[-1] + len(share))
    points = np.vstack(xy)
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    lon_lat = shapely.get_coordinates(frame.to_geographic(shapely.multipoints(points)))
    ground = ground_above_home_m(terrain, mission.home, lon_lat)
    limits = []
    for rate_m_s in (mission.airframe.climb_m_s, mission.airframe.descent_m_s):
        kept = rate_m_s / mission.speed_m_s
        steepest = [max(kept, _STEEPEST) if node.role is ItemRole.TRANSIT else kept for node in run[1:]]
        limits.append(np.concatenate([[0.0], np.cumsum(np.diff(at) * np.repeat(steepest, np.diff(firsts)))]))
    height = climb_limited(ground + np.concatenate(agl), climb_m=limits[0], descent_m=limits[1])
    return _Profile(xy=points, at_m=at, ground_m=ground, height_m=height, firsts=firsts)


def _return_height_m(
    last: _Node, height_m: float, mission: Mission, terrain: Terrain, frame: LocalFrame
) -> float:
    """The height above home at which the straight way home keeps the last place's height above ground."""
    length = float(np.hypot(*last.xy))
    count = max(2, math.ceil(length / max(terrain.resolution_m / 2, _FINEST_STEP_M)))
    xy = last.xy * np.linspace(1.0, 0.0, min(count, _MOST_SAMPLES))[:, None]
    lon_lat = shapely.get_coordinates(frame.to_geographic(shapely.multipoints(xy)))
    ground = ground_above_home_m(terrain, mission.home, lon_lat)
    wanted = last.value_m if last.follows else 0.0
    needed = float(ground.max()) + wanted - mission.terrain_tolerance_m
    return _height(needed) if needed > height_m else height_m


def _slowed_s(items: Sequence[PlanItem], mission: Mission, frame: LocalFrame, takeoff_m: float) -> float:
    """How much longer legs take on which the climb, and not the way, takes most time [s]."""
    placed = [(i.position, i.altitude.value_m) for i in items if i.is_nav and i.position and i.altitude]
    xy = frame.to_xy([mission.home, *(position for position, _ in placed)])
    way_s = np.hypot(*np.diff(xy, axis=0).T) / mission.speed_m_s
    rises = np.diff([takeoff_m, *(height for _, height in placed)])
    climb_s = [mission.airframe.climb_time_s(float(rise)) for rise in rises]
    return float(np.maximum(np.array(climb_s) - way_s, 0.0).sum())


def _refuse_too_high(items: Sequence[PlanItem], mission: Mission) -> None:
    ceiling = mission.fence.max_height_m if mission.fence else None
    placed = [(i.altitude.value_m, i.position) for i in items if i.altitude and i.position]
    highest, place = max(placed, key=lambda entry: entry[0])
    if ceiling is not None and highest > ceiling:
        raise PlanningError(
            Message(
                "following the ground takes the flight {highest:.0f} m above home, over the fence's "
                "ceiling of {ceiling:g} m",
                highest=highest,
                ceiling=ceiling,
            ),
            where=str(place),
            remedy="fly lower, raise the ceiling, or take off from higher ground",
        )


def _heights_above_ground(
    flown: Sequence[tuple[_Profile, list[_Node]]], tolerance_m: float
) -> tuple[float, float]:
    """Lowest and highest height above ground on photographed legs, on all legs where none is [m]."""
    work: list[Array] = []
    rest: list[Array] = []
    for profile, run in flown:
        for node, (first, last) in zip(run[1:], pairwise(profile.firsts), strict=True):
            piece = slice(first, last + 1)
            at, height = profile.at_m[piece], profile.height_m[piece]
            corners = [0, *kept_points(at, height, tolerance_m), last - first]
            above = np.interp(at, at[corners], height[corners]) - profile.ground_m[piece]
            (work if node.role in (ItemRole.SWEEP, ItemRole.VISIT) else rest).append(above)
    chosen = np.concatenate(work or rest or [np.zeros(1)])
    return float(chosen.min()), float(chosen.max())


def grounded(
    items: Sequence[PlanItem], mission: Mission, estimate: Estimate, *, height_m: float
) -> tuple[Followed, Estimate, tuple[str, ...]]:
    """Items made to follow the mission's height model, the estimate of that flight, and what must be known.

    Args:
        items: what is flown between take-off and return.
        mission: with a height model.
        estimate: of the flight with take-off to ``height_m`` and the return at that height.
        height_m: height above home that the estimate assumed [m].

    Raises:
        PlanningError: no height model, one without a height somewhere, or a flight above the ceiling.
    """
    terrain, airframe = mission.terrain, mission.airframe
    if terrain is None:
        raise PlanningError("no height model to follow", remedy="give the mission a terrain file")
    followed = follow_ground(items, mission, terrain)
    extra_s = airframe.climb_time_s(followed.takeoff_m) - airframe.climb_time_s(height_m)
    extra_s += airframe.landing_time_s(followed.return_m) - airframe.landing_time_s(height_m)
    duration_s = estimate.duration_s + extra_s + followed.slowed_s
    share = airframe.energy_wh(duration_s) / airframe.usable_energy_wh
    notes = [
        Message(
            "follows the ground of {terrain} {lowest_agl_m:.0f} m to {highest_agl_m:.0f} m above "
            "it, with {added} more points",
            terrain=terrain.name,
            lowest_agl_m=followed.lowest_agl_m,
            highest_agl_m=followed.highest_agl_m,
            added=followed.added,
        ),
        Message("a model of bare ground knows nothing of trees, buildings, masts and wires"),
    ]
    asked_m = max(i.altitude.value_m for i in items if i.altitude)
    if followed.highest_agl_m > asked_m + mission.terrain_tolerance_m + 1.0:
        notes.append(
            Message(
                "the ground is steeper than the aircraft climbs ({climb_m_s:g} m/s) or descends "
                "({descent_m_s:g} m/s) at {speed_m_s:g} m/s: fly slower to stay closer to it",
                climb_m_s=airframe.climb_m_s,
                descent_m_s=airframe.descent_m_s,
                speed_m_s=mission.speed_m_s,
            )
        )
    return (
        followed,
        replace(
            estimate,
            duration_s=duration_s,
            battery_share=share,
            batteries=max(1, math.ceil(share - 1e-9)),
        ),
        tuple(notes),
    )
