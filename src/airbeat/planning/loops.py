"""Closed loops flown with the camera on, at one or several heights: what orbits and perimeters share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.language.words import Message
from airbeat.mission.mission import LoopPattern, Mission
from airbeat.mission.plan import Estimate, FlightPlan, ItemRole, PlanItem
from airbeat.planning.common import finished_plan, flight_height
from airbeat.planning.estimate import estimate_flight
from airbeat.planning.follow import grounded
from airbeat.planning.freespace import FlightSpace
from airbeat.planning.items import begun, camera_trigger, heading, waypoint
from airbeat.planning.photos import photo_count
from airbeat.planning.route import Router
from airbeat.planning.tour import Leg

__all__ = ["Ring", "corners_of_circle", "fly_rings", "loop_heights", "refuse_outside"]

Place = tuple[float, float]

_SAME_PLACE_M = 0.02
_MOST_PHOTOS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """A loop to fly.

    Attributes:
        corners: (x, y) in flying order, the first again at the end [m].
        height: of all of it.
        side_deg: where the nose points against the track [degrees clockwise], or None to leave it.
    """

    corners: tuple[Place, ...]
    height: Altitude
    side_deg: float | None = None


def corners_of_circle(radius_m: float, tolerance_m: float) -> int:
    """Least number of corners on a circle whose chords come no nearer to the centre than r - tolerance.

    A chord that spans the angle α lies r·(1 - cos(α/2)) inside the circle.
    """
    if tolerance_m >= radius_m / 2:
        return 3
    return max(3, math.ceil(math.pi / math.acos(1.0 - tolerance_m / radius_m) - 1e-9))


def loop_heights(mission: Mission, pattern: LoopPattern) -> tuple[list[Altitude], list[str]]:
    """Heights of the loops, and what must be known of them.

    Raises:
        PlanningError: one that cannot be flown, or several that should follow the ground.
    """
    datum = mission.height.datum
    wanted = [Altitude(value_m=h, datum=datum) for h in pattern.heights_m] or [mission.height]
    found = [flight_height(altitude, mission) for altitude in wanted]
    heights = [height for height, _ in found]
    if len(heights) > 1 and heights[0].datum is AltitudeDatum.AGL:
        raise PlanningError(
            "loops at several heights cannot follow a height model: they would not stay above one another",
            remedy="give the heights with datum home or amsl, or fly one height",
        )
    return heights, sorted({note for _, notes in found for note in notes})


def refuse_outside(
    corners: Sequence[Place], space: FlightSpace, router: Router, *, what: str, remedy: str
) -> None:
    """Refuse a loop of which a leg leaves the free space.

    Raises:
        PlanningError: one does; the message has the first place where.
    """
    line = np.array(corners)
    clear = router.clear(line[:-1], line[1:])
    if clear.all():
        return
    first = int(np.argmin(clear))
    outside = shapely.LineString(line[first : first + 2]).difference(router.free)
    x, y = line[first] if outside.is_empty else shapely.get_coordinates(outside)[0]
    raise PlanningError(
        Message(
            "{what} leaves the fence or its margin, or meets a keep-out: {sum} of {clear} legs",
            what=what,
            sum=int((~clear).sum()),
            clear=len(clear),
        ),
        where=str(space.frame.to_latlon([(x, y)])[0]),
        remedy=remedy,
    )


def fly_rings(
    mission: Mission,
    space: FlightSpace,
    rings: Sequence[Ring],
    *,
    router: Router,
    trigger_m: float,
    before: Sequence[PlanItem] = (),
    after: Sequence[PlanItem] = (),
    notes: Sequence[str] = (),
) -> FlightPlan:
    """Take off, fly each ring with the camera on, return.

    Args:
        mission: what is flown.
        space: where it may fly.
        rings: in flying order; those that begin where the one before ended are reached by a climb or descent.
        router: of the ways to, between and from the rings.
        trigger_m: distance between photographs [m].
        before: camera commands ahead of the first leg.
        after: camera commands behind the last ring.
        notes: what must be known.

    Raises:
        PlanningError: a ring that cannot be reached inside the fence, or too many photographs.
    """
    _refuse_many_photographs(rings, trigger_m)
    path = [space.home] if space.gate == space.home else [space.home, space.gate]
    items = [*before, *_transits(path[1:], rings[0].height, space)]
    legs: list[Leg] = []
    level_m = rings[0].height.value_m
    for ring in rings:
        start = ring.corners[0]
        if math.dist(path[-1], start) > _SAME_PLACE_M or ring.height.value_m != level_m:
            way = _way(router, path[-1], start, space)
            items += _transits(way, ring.height, space)
            path += way
            legs.append(Leg(start=path[-2], end=start, camera_on=False))
        items += _ring_items(ring, space, trigger_m)
        legs += [Leg(start=a, end=b, camera_on=True) for a, b in pairwise(ring.corners)]
        path += ring.corners[1:]
        level_m = ring.height.value_m
    back = _way(router, path[-1], space.gate, space)
    back += [space.home] if space.gate != space.home else []
    items += [*after, *_transits(back[:-1], rings[-1].height, space)]
    levels = [ring.height.value_m for ring in rings]
    estimate = estimate_flight(
        [*path, *back],
        airframe=mission.airframe,
        speed_m_s=mission.speed_m_s,
        height_m=levels[-1],
        photos=photo_count(legs, trigger_m),
        climbing_s=sum(mission.airframe.climb_time_s(b - a) for a, b in pairwise([levels[0], *levels])),
    )
    return _finished(mission, items, rings, estimate, list(notes))


def _refuse_many_photographs(rings: Sequence[Ring], trigger_m: float) -> None:
    """Refuse loops with more photographs than a flight can take.

    Raises:
        PlanningError: they have more.
    """
    length_m = sum(math.dist(a, b) for ring in rings for a, b in pairwise(ring.corners))
    if length_m / trigger_m > _MOST_PHOTOS:
        raise PlanningError(
            Message(
                "about {length_m:.0f} photographs {trigger_m:g} m apart (at most {most_photos})",
                length_m=length_m / trigger_m,
                trigger_m=trigger_m,
                most_photos=_MOST_PHOTOS,
            ),
            remedy="choose a larger distance between photographs, or fewer turns or heights",
        )


def _finished(
    mission: Mission, items: list[PlanItem], rings: Sequence[Ring], estimate: Estimate, notes: list[str]
) -> FlightPlan:
    takeoff_m = rings[0].height.value_m
    if any(i.is_nav and i.altitude and i.altitude.datum is AltitudeDatum.AGL for i in items):
        followed, estimate, said = grounded(items, mission, estimate, height_m=takeoff_m)
        items, takeoff_m, notes = [*followed.items], followed.takeoff_m, [*notes, *said]
    return finished_plan(
        mission, items=items, height_m=takeoff_m, estimate=estimate, survey=None, notes=notes
    )


def _transits(corners: Sequence[Place], height: Altitude, space: FlightSpace) -> list[PlanItem]:
    return [
        waypoint(p, height.value_m, ItemRole.TRANSIT, datum=height.datum)
        for p in space.frame.to_latlon(corners)
    ]


def _way(router: Router, start: Place, goal: Place, space: FlightSpace) -> list[Place]:
    """Places of the way behind its start; the goal alone where it is there already."""
    found = router.route(start, goal)
    if found is None:
        raise PlanningError(
            "no way inside the fence leads to this place of the loop",
            where=str(space.frame.to_latlon([goal])[0]),
            remedy="widen the fence, use a smaller margin, or move home",
        )
    return found[1][1:]


def _ring_items(ring: Ring, space: FlightSpace, trigger_m: float) -> list[PlanItem]:
    """Camera on, the legs with the nose turned on each of them, camera off."""
    items = [camera_trigger(trigger_m)]
    places = space.frame.to_latlon(ring.corners)
    for (a, b), place in zip(pairwise(ring.corners), places[1:], strict=True):
        if ring.side_deg is not None:
            track_deg = math.degrees(math.atan2(b[0] - a[0], b[1] - a[1]))
            items += [begun()] if items[-1].is_nav else []
            items.append(heading(track_deg + ring.side_deg))
        items.append(waypoint(place, ring.height.value_m, ItemRole.SWEEP, datum=ring.height.datum))
    return [*items, camera_trigger(0.0)]
