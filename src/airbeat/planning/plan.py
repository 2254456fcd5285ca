"""From a mission to a FlightPlan: pure, so that the same mission and seed give the same plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from airbeat.mission.mission import (
    CorridorPattern,
    LawnmowerPattern,
    Mission,
    OrbitPattern,
    PerimeterPattern,
    WaypointPattern,
)
from airbeat.mission.plan import FlightPlan
from airbeat.planning.common import usable_speed_m_s
from airbeat.planning.freespace import flight_space
from airbeat.planning.orbit import plan_orbit
from airbeat.planning.perimeter import plan_perimeter
from airbeat.planning.searchplan import plan_search_pattern
from airbeat.planning.survey import plan_survey
from airbeat.planning.waypoints import plan_waypoints

__all__ = ["plan_mission"]


def plan_mission(
    mission: Mission,
    *,
    seed: int = 0,
    effort: int = 1,
    progress: Callable[[float], None] | None = None,
) -> FlightPlan:
    """The plan of a mission.

    Args:
        mission: what to fly, in WGS84, profiles resolved.
        seed: of the ordering search.
        effort: 1 plans in about a second; higher values search longer for a faster flight.
        progress: called with 0…1 while planning.

    Raises:
        PlanningError: nothing can be flown; the message says why and what to change.
        GeometryError: the area has no surface.
    """
    speed_m_s, speed_notes = usable_speed_m_s(mission)
    space = flight_space(mission)
    mission = replace(mission, speed_m_s=speed_m_s, notes=(*mission.notes, *space.notes, *speed_notes))
    if isinstance(mission.pattern, WaypointPattern):
        plan = plan_waypoints(mission, mission.pattern, space, seed=seed, effort=max(1, effort))
    elif isinstance(mission.pattern, OrbitPattern):
        plan = plan_orbit(mission, mission.pattern, space)
    elif isinstance(mission.pattern, PerimeterPattern):
        plan = plan_perimeter(mission, mission.pattern, space, seed=seed)
    elif isinstance(mission.pattern, LawnmowerPattern | CorridorPattern):
        plan = plan_survey(
            mission, mission.pattern, space, seed=seed, effort=max(1, effort), progress=progress
        )
    else:
        plan = plan_search_pattern(mission, mission.pattern, space)
    if progress:
        progress(1.0)
    return plan
