"""Perimeters: closed loops along the edge of an area, inside it or at a stand-off outside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import PlanningError
from airbeat.language.words import Message
from airbeat.mission.mission import Look, Mission, PerimeterPattern
from airbeat.mission.plan import FlightPlan
from airbeat.planning.common import routers
from airbeat.planning.freespace import FlightSpace
from airbeat.planning.imaging import keeps_up
from airbeat.planning.items import gimbal
from airbeat.planning.loops import (
    Ring,
    corners_of_circle,
    fly_rings,
    loop_heights,
    refuse_outside,
)
from airbeat.planning.route import Router, polygons_of
from airbeat.planning.visits import VisitTimes, shortest_tour

__all__ = ["plan_perimeter"]

Points = npt.NDArray[np.float64]
Place = tuple[float, float]

_SHORTEST_M = 2.0
_MITRE_LIMIT = 5.0
_TOUR_ITERATIONS = 1000


def plan_perimeter(
    mission: Mission, pattern: PerimeterPattern, space: FlightSpace, *, seed: int = 0
) -> FlightPlan:
    """Fly along the edge of each part of the area at each height, photographing by distance.

    Inside the area the loop gives way to keep-outs and the fence's margin; outside it gives way to keep-outs,
    and is refused where it leaves the fence. Holes in the area get no loop of their own.

    Raises:
        PlanningError: no area, nothing left at that offset, a loop that leaves the fence (with the place) or
            cannot be reached, or no way to tell the distance between photographs.
    """
    if space.area.is_empty:
        raise PlanningError("a perimeter pattern needs an area", remedy="give the mission an area")
    heights, notes = loop_heights(mission, pattern)
    lowest_m, highest_m = min(h.value_m for h in heights), max(h.value_m for h in heights)
    trigger = pattern.trigger_distance_m or _trigger_m(mission, pattern, lowest_m)
    away_m = pattern.offset_m if _at_wall(pattern) else highest_m
    speed, said = keeps_up(mission, trigger, away_m)
    mission = replace(mission, speed_m_s=speed)
    _, router = routers(mission, space)
    loops = [_corners(loop, pattern, router, space) for loop in _loops(pattern, space)]
    for loop in loops:
        refuse_outside(
            loop,
            space,
            router,
            what=f"the loop {pattern.offset_m:g} m from the edge",
            remedy="choose another offset_m, widen the fence, or use a smaller margin",
        )
    loops = _ordered(loops, mission, space, router, height_m=heights[0].value_m, seed=seed)
    notes.append(_note(mission, pattern, trigger, away_m))
    if any(len(p.interiors) for p in polygons_of(space.area)):
        notes.append(Message("the loop follows the area's outer edge; its holes are not flown round"))
    return fly_rings(
        mission,
        space,
        [
            Ring(corners=_turned(loop, pattern.turns), height=height, side_deg=_side_deg(pattern))
            for loop in loops
            for height in heights
        ],
        router=router,
        trigger_m=trigger,
        before=[] if pattern.gimbal_pitch_deg is None else [gimbal(pattern.gimbal_pitch_deg)],
        notes=[*notes, *said],
    )


def _at_wall(pattern: PerimeterPattern) -> bool:
    """Whether the camera looks from outside at what stands on the area's edge."""
    return pattern.offset_m > 0 and pattern.look is Look.INWARD


def _trigger_m(mission: Mission, pattern: PerimeterPattern, height_m: float) -> float:
    """Distance between photographs from the overlap: of walls at the stand-off, else of the ground [m].

    Raises:
        PlanningError: what is photographed has no known distance.
    """
    if _at_wall(pattern):
        seen_m = 2.0 * pattern.offset_m * math.tan(math.radians(mission.camera.fov_across_deg) / 2)
    else:
        pitch = -90.0 if pattern.gimbal_pitch_deg is None else pattern.gimbal_pitch_deg
        try:
            view = mission.camera.view(height_m, pitch_deg=pitch)
        except PlanningError as error:
            raise PlanningError(
                Message("a camera pitched {pitch:g}° sees no certain length of ground", pitch=pitch),
                remedy="give trigger_distance_m, or a steeper gimbal_pitch_deg",
            ) from error
        seen_m = view.along_m if pattern.look is Look.AHEAD else view.across_m
    return seen_m * (1.0 - pattern.front_overlap)


def _note(mission: Mission, pattern: PerimeterPattern, trigger_m: float, away_m: float) -> str:
    where = "outside" if pattern.offset_m > 0 else "inside"
    what = "the wall" if _at_wall(pattern) else "the ground below"
    return (
        f"loop {abs(pattern.offset_m):g} m {where} the edge, nose {pattern.look.value}, a photograph every "
        f"{trigger_m:.1f} m, GSD {mission.camera.gsd_m_px(away_m) * 100:.1f} cm on {what}"
    )


def _side_deg(pattern: PerimeterPattern) -> float | None:
    if pattern.look is Look.AHEAD:
        return None
    return 90.0 if (pattern.look is Look.INWARD) is pattern.clockwise else -90.0


def _loops(pattern: PerimeterPattern, space: FlightSpace) -> list[Any]:
    """The closed lines to fly, as LinearRings.

    Raises:
        PlanningError: none is left.
    """
    offset = pattern.offset_m
    if offset > 0:
        outlines = shapely.union_all([shapely.Polygon(p.exterior) for p in polygons_of(space.area)])
        sides = corners_of_circle(offset, pattern.tolerance_m)
        region = outlines.buffer(offset, quad_segs=math.ceil(sides / 4))
        gaps = [shapely.Polygon(r) for p in polygons_of(space.transit) for r in p.interiors]
        region = shapely.union_all([region, *(gap for gap in gaps if gap.intersects(region))])
    else:
        inner = space.area.buffer(offset, join_style="mitre", mitre_limit=_MITRE_LIMIT)
        region = inner.intersection(space.sweep)
    rings = [p.exterior for p in polygons_of(region) if p.exterior.length > _SHORTEST_M]
    if not rings:
        raise PlanningError(
            Message(
                "nothing of the area is left {offset:g} m inside its edge, within the fence and its margin",
                offset=-offset,
            ),
            remedy="choose an offset_m nearer to 0, or a smaller margin",
        )
    return rings


def _corners(ring: Any, pattern: PerimeterPattern, router: Router, space: FlightSpace) -> tuple[Place, ...]:
    """A loop made simpler, in the direction asked for, from its corner nearest to home."""
    line = shapely.get_coordinates(shapely.remove_repeated_points(ring, 0.01))
    for candidate in _simpler(ring, pattern):
        simpler = shapely.get_coordinates(candidate)
        if len(simpler) >= 4 and router.clear(simpler[:-1], simpler[1:]).all():
            line = simpler
            break
    if shapely.LinearRing(line).is_ccw is pattern.clockwise:
        line = line[::-1]
    around = line[:-1]
    around = np.roll(around, -int(np.argmin(np.hypot(*(around - np.array(space.gate)).T))), axis=0)
    corners = [(float(x), float(y)) for x, y in around]
    return (*corners, corners[0])


def _simpler(ring: Any, pattern: PerimeterPattern) -> Iterator[Any]:
    """The loop with fewer corners, off by no more than the tolerance: the simplest first.

    The second is moved away from the edge by half the tolerance first, so that being off by the other half it
    still lies on the right side of all that it goes along.
    """
    yield ring.simplify(pattern.tolerance_m)
    half_m = pattern.tolerance_m / 2
    moved = shapely.Polygon(ring).buffer(half_m if pattern.offset_m > 0 else -half_m, join_style="mitre")
    largest = max(polygons_of(moved), key=lambda p: p.area, default=None)
    if largest is not None:
        yield largest.exterior.simplify(half_m)
    yield ring.simplify(pattern.tolerance_m / 20)


def _turned(loop: Sequence[Place], turns: int) -> tuple[Place, ...]:
    return (*loop, *(tuple(loop[1:]) * (turns - 1)))


def _ordered(
    loops: Iterable[tuple[Place, ...]],
    mission: Mission,
    space: FlightSpace,
    router: Router,
    *,
    height_m: float,
    seed: int,
) -> list[tuple[Place, ...]]:
    """Loops in the order of the shortest tour over where they begin."""
    loops = list(loops)
    starts = [loop[0] for loop in loops]
    times = VisitTimes(space.gate, starts, [height_m] * len(starts), router=router, airframe=mission.airframe)
    return [loops[k] for k in shortest_tour(times, iterations=_TOUR_ITERATIONS, seed=seed)]
