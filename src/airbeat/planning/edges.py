"""Stops at corners on the very edge of the fence or of a keep-out, which the vehicle would cut across it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import shapely

from airbeat.geo.frame import LocalFrame
from airbeat.mission.commands import MavCmd
from airbeat.mission.legs import height_above_home_m
from airbeat.mission.plan import FlightPlan, PlanItem
from airbeat.planning.freespace import fence_zones
from airbeat.vehicle.airframe import AIRFRAMES
from airbeat.vehicle.waypoint_flight import NavLimits, Vector, corner_points

__all__ = ["stopped_at_edges"]

_CUT_M = 2.5
"""A Copter cuts corners by less than WPNAV_RADIUS, 2 m; those further from every edge are free."""
_TOLERANCE_M = 0.05
_HOLD_S = 1.0


def stopped_at_edges(plan: FlightPlan) -> FlightPlan:
    """The plan with a hold of one second at each corner that would else be cut out of the fence.

    A plan that keeps a margin of 2.5 m or more comes back as it is.
    """
    if plan.fence is None or plan.fence.is_empty:
        return plan
    frame = LocalFrame(plan.home)
    inside, outside = fence_zones(plan.fence, frame)
    edges = shapely.union_all([z.boundary for z in (inside, outside) if z is not None])
    moves = [(n, i) for n, i in plan.waypoints() if i.command == MavCmd.NAV_WAYPOINT]
    if not moves:
        return plan
    xy = frame.to_xy([i.position for _, i in moves if i.position is not None])
    near = shapely.distance(shapely.points(xy), edges) < _CUT_M
    if not near.any():
        return plan
    heights = [_height_m(item, plan) for _, item in moves]
    places: list[Vector] = [(float(x), float(y), h) for (x, y), h in zip(xy, heights, strict=True)]
    speed_m_s = plan.speed_m_s or 5.0
    limits = NavLimits.of(plan.airframe or AIRFRAMES["arducopter-quad"], speed_m_s)
    items = list(plan.items)
    befores = [(0.0, 0.0, places[0][2]), *places]
    for k, (before, at) in enumerate(pairwise(befores)):
        number, item = moves[k]
        if near[k] and not item.params[0] > 0 and k + 1 < len(places):
            way = corner_points(before, at, places[k + 1], arriving=limits, leaving=limits)
            if len(way) > 1 and _leaves(way, inside, outside):
                items[number - 1] = replace(item, params=(_HOLD_S, *item.params[1:]))
    return replace(plan, items=tuple(items))


def _leaves(way: list[Vector], inside: Any | None, outside: Any) -> bool:
    line = shapely.LineString([p[:2] for p in way])
    out = inside is not None and not inside.buffer(_TOLERANCE_M).covers(line)
    return out or bool(outside.buffer(-_TOLERANCE_M).intersects(line))


def _height_m(item: PlanItem, plan: FlightPlan) -> float:
    height_m = None
    if item.altitude is not None:
        height_m = height_above_home_m(item.altitude, home_amsl_m=plan.home_amsl_m)
    return height_m if height_m is not None else (item.altitude.value_m if item.altitude else 0.0)
