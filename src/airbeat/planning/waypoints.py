"""Fixed waypoints in the order given, with the ways between them led round keep-outs."""

from __future__ import annotations

import math
from itertools import pairwise

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import AltitudeDatum
from airbeat.mission.mission import Mission, WaypointPattern
from airbeat.mission.plan import FlightPlan, ItemRole
from airbeat.planning.common import finished_plan, flight_height, routers
from airbeat.planning.estimate import estimate_flight
from airbeat.planning.follow import grounded
from airbeat.planning.freespace import FlightSpace
from airbeat.planning.items import hold_s, visit_items, waypoint

__all__ = ["plan_waypoints"]


def plan_waypoints(mission: Mission, pattern: WaypointPattern, space: FlightSpace) -> FlightPlan:
    """Take off, visit each point in order, return.

    Raises:
        PlanningError: no points, or a point that cannot be reached inside the fence.
    """
    if not pattern.points:
        raise PlanningError("there are no points to fly to", remedy="give at least one point")
    _, router = routers(mission, space)
    places = space.frame.to_xy([p.position for p in pattern.points])
    heights = [flight_height(p.altitude or mission.height, mission) for p in pattern.points]
    first, last = heights[0][0], heights[-1][0]
    path = [space.home] if space.gate == space.home else [space.home, space.gate]
    items = [
        waypoint(p, first.value_m, ItemRole.TRANSIT, datum=first.datum)
        for p in space.frame.to_latlon(path[1:])
    ]
    for point, xy, (height, _) in zip(pattern.points, places, heights, strict=True):
        found = router.route(path[-1], xy)
        if found is None:
            raise PlanningError(
                f"point {point.name or len(path)} cannot be reached inside the fence",
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
