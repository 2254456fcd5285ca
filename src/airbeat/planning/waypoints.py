"""Fixed waypoints, in the order given or on the shortest tour, with the ways led round keep-outs."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import AltitudeDatum
from airbeat.language.words import Message
from airbeat.mission.mission import Mission, WaypointPattern
from airbeat.mission.plan import FlightPlan, ItemRole
from airbeat.planning.common import finished_plan, flight_height, routers
from airbeat.planning.estimate import estimate_flight
from airbeat.planning.follow import grounded
from airbeat.planning.freespace import FlightSpace
from airbeat.planning.items import hold_s, visit_items, waypoint
from airbeat.planning.route import Router
from airbeat.planning.visits import VisitTimes, shortest_tour

__all__ = ["plan_waypoints"]


_ORDER_ITERATIONS = 2000
_MOST_NAMED = 60
"""So many points are named in the note about the order."""


def plan_waypoints(
    mission: Mission, pattern: WaypointPattern, space: FlightSpace, *, seed: int = 0, effort: int = 1
) -> FlightPlan:
    """Take off, visit each point, return; the plan's notes say the order where it was chosen.

    A chosen order is never slower than the one given: both are planned, by the same flight model.

    Args:
        mission: what to fly.
        pattern: the points.
        space: where it may fly.
        seed: of the ordering.
        effort: how long to look for an order.

    Raises:
        PlanningError: no points, or a point that cannot be reached inside the fence.
    """
    if not pattern.points:
        raise PlanningError("there are no points to fly to", remedy="give at least one point")
    _, router = routers(mission, space)
    given = _in_order(mission, pattern, space, router)
    if not pattern.shortest:
        return given
    order = _shortest(mission, pattern, space, router, seed=seed, iterations=_ORDER_ITERATIONS * effort)
    best, taken = given, list(range(len(order)))
    for way in (order, order[::-1]):
        points = tuple(pattern.points[k] for k in way)
        plan = _in_order(mission, replace(pattern, points=points), space, router)
        if _duration_s(plan) < _duration_s(best):
            best, taken = plan, way
    return replace(
        best, notes=(*best.notes, _order_note(pattern, taken, _duration_s(given) - _duration_s(best)))
    )


def _duration_s(plan: FlightPlan) -> float:
    return plan.estimate.duration_s if plan.estimate else math.inf


def _order_note(pattern: WaypointPattern, order: list[int], saved_s: float) -> str:
    if order == sorted(order):
        return Message("the order given is the shortest found for the {order} points", order=len(order))
    called = [pattern.points[k].name or str(k + 1) for k in order[:_MOST_NAMED]]
    rest = len(order) - len(called)
    said = ", ".join(called) + (f" and {rest} more" if rest else "")
    return Message(
        "points flown in the order {said}: {saved_s:.0f} s less than in the order given",
        said=said,
        saved_s=saved_s,
    )


def _shortest(
    mission: Mission,
    pattern: WaypointPattern,
    space: FlightSpace,
    router: Router,
    *,
    seed: int,
    iterations: int,
) -> list[int]:
    """Numbers of the points on the tour that takes least time."""
    places = space.frame.to_xy([p.position for p in pattern.points])
    times = VisitTimes(
        space.gate,
        [(float(x), float(y)) for x, y in places],
        [flight_height(p.altitude or mission.height, mission)[0].value_m for p in pattern.points],
        router=router,
        airframe=mission.airframe,
    )
    return shortest_tour(times, iterations=iterations, seed=seed)


def _in_order(mission: Mission, pattern: WaypointPattern, space: FlightSpace, router: Router) -> FlightPlan:
    """The plan that visits the points one after another.

    Raises:
        PlanningError: a point that cannot be reached inside the fence.
    """
    places = space.frame.to_xy([p.position for p in pattern.points])
    heights = [flight_height(p.altitude or mission.height, mission) for p in pattern.points]
    first, last = heights[0][0], heights[-1][0]
    path = [space.home] if space.gate == space.home else [space.home, space.gate]
    items = [
        waypoint(p, first.value_m, ItemRole.TRANSIT, datum=first.datum)
        for p in space.frame.to_latlon(path[1:])
    ]
    for number, (point, xy, (height, _)) in enumerate(
        zip(pattern.points, places, heights, strict=True), start=1
    ):
        found = router.route(path[-1], xy)
        if found is None:
            raise PlanningError(
                Message("point {point} cannot be reached inside the fence", point=point.name or number),
                where=str(point.position),
                remedy="move it, or widen the fence or the margin",
            )
        for corner in space.frame.to_latlon(found[1][1:-1]):
            items.append(waypoint(corner, height.value_m, ItemRole.TRANSIT, datum=height.datum))
        items += visit_items(point, height)
        path += found[1][1:]
    way_home = router.route(path[-1], space.gate)
    if way_home is None:
        raise PlanningError("no way back to home inside the fence", remedy="widen the fence or the margin")
    back = [*way_home[1][1:], *([space.home] if space.gate != space.home else [])]
    items += [
        waypoint(corner, last.value_m, ItemRole.TRANSIT, datum=last.datum)
        for corner in space.frame.to_latlon(back[:-1])
    ]
    levels = [first.value_m, *(h.value_m for h, _ in heights)]
    climbs = sum(mission.airframe.climb_time_s(b - a) for a, b in pairwise(levels))
    estimate = estimate_flight(
        [*path, *back],
        airframe=mission.airframe,
        speed_m_s=mission.speed_m_s,
        height_m=last.value_m,
        photos=sum(p.photo for p in pattern.points),
        dwell_s=sum(math.ceil(hold_s(p)) for p in pattern.points),
        climbing_s=climbs,
    )
    notes = sorted({note for _, ns in heights for note in ns})
    takeoff_m = first.value_m
    if any(i.altitude is not None and i.altitude.datum is AltitudeDatum.AGL for i in items):
        followed, estimate, said = grounded(items, mission, estimate, height_m=last.value_m)
        items, takeoff_m, notes = [*followed.items], followed.takeoff_m, [*notes, *said]
    return finished_plan(
        mission, items=items, height_m=takeoff_m, estimate=estimate, survey=None, notes=notes
    )
