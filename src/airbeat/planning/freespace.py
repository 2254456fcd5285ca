"""Where a mission may fly: fence and area, less keep-outs, less the margin, in the local metric frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from airbeat.errors import GeometryError, PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import Message
from airbeat.mission.mission import (
    DatumPattern,
    Mission,
    OrbitPattern,
    PerimeterPattern,
    TrackLinePattern,
    WaypointPattern,
)
from airbeat.mission.plan import Fence
from airbeat.planning.route import polygons_of

__all__ = ["FlightSpace", "fence_zones", "flight_space"]

_ROOM_ROUND_HOME_M = 500.0
"""Without an inclusion fence, the way between home and the area may use this much room round both."""
_CIRCLE_QUAD_SEGMENTS = 32
_CLEAR_OF_LOOPS_M = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightSpace:
    """The spaces of one mission, all in one local frame [m].

    Attributes:
        frame: the local frame.
        area: what is to be photographed; empty for fixed waypoints.
        sweep: where sweep lines and the ways between them may run; margins taken off.
        transit: where the ways from and to home may run; margins taken off.
        closed: keep-outs and everything outside an inclusion fence is not in here; no margin taken off.
        home: (x, y) of home.
        gate: where the way from home enters ``transit``: home itself unless home lies in the margin.
        notes: what the reader must know.
    """

    frame: LocalFrame
    area: Any
    sweep: Any
    transit: Any
    closed: Any
    home: tuple[float, float]
    gate: tuple[float, float]
    notes: tuple[str, ...] = ()


def fence_zones(fence: Fence | None, frame: LocalFrame) -> tuple[Any | None, Any]:
    """(union of inclusion zones or None, union of exclusion zones) in the local frame.

    Circles become polygons on the safe side: inscribed for inclusion, circumscribed for exclusion.
    """
    inside: list[Any] = []
    outside: list[Any] = []
    for zone in fence.polygons if fence else ():
        polygon = shapely.make_valid(shapely.Polygon(frame.to_xy(zone.vertices)))
        (inside if zone.inclusion else outside).append(polygon)
    for circle in fence.circles if fence else ():
        centre = shapely.Point(frame.to_xy([circle.centre])[0])
        if circle.inclusion:
            inside.append(centre.buffer(circle.radius_m, quad_segs=_CIRCLE_QUAD_SEGMENTS))
        else:
            reach = circle.radius_m / math.cos(math.pi / 4 / _CIRCLE_QUAD_SEGMENTS)
            outside.append(centre.buffer(reach, quad_segs=_CIRCLE_QUAD_SEGMENTS))
    return (shapely.union_all(inside) if inside else None), shapely.union_all(outside)


def flight_space(mission: Mission) -> FlightSpace:
    """The spaces of a mission.

    Raises:
        GeometryError: the area has no surface.
        PlanningError: home is where the vehicle may not fly, or nothing is left to fly in.
    """
    points = shapely.MultiPoint([(p.lon_deg, p.lat_deg) for p in _places(mission)])
    frame = LocalFrame.around(mission.area if mission.area is not None else points)
    notes: list[str] = []
    area = _area(mission, frame, notes)
    home_x, home_y = frame.to_xy([mission.home])[0]
    home = (float(home_x), float(home_y))
    inclusion, exclusion = fence_zones(mission.fence, frame)
    keep_out = shapely.union_all([exclusion, *_holes(area, home, notes)])
    everywhere = shapely.union_all([area, shapely.Point(home), frame.to_local(points)]).convex_hull.buffer(
        _ROOM_ROUND_HOME_M
    )
    closed = (everywhere if inclusion is None else inclusion).difference(keep_out)
    if not closed.buffer(0.01).intersects(shapely.Point(home)):
        raise PlanningError(
            "home lies outside the fence or inside a keep-out",
            where=str(mission.home),
            remedy="move home or redraw the fence",
        )
    transit = _shrunk(closed, mission.margin_m)
    sweep = transit
    if inclusion is None and mission.area is not None and not _goes_round(mission):
        sweep = _shrunk(area.difference(keep_out), mission.margin_m)
    structure = _structure(mission, area, frame)
    if structure.intersects(shapely.Point(home)):
        notes.append(
            Message("home lies inside the loop that is flown: the ways out and back cross what it goes round")
        )
    elif not structure.is_empty:
        transit, sweep = transit.difference(structure), sweep.difference(structure)
    if sweep.is_empty:
        raise PlanningError(
            Message(
                "nothing is left to fly in once {margin_m:g} m of margin are taken off",
                margin_m=mission.margin_m,
            ),
            remedy="use a smaller margin, a larger fence or fewer keep-outs",
        )
    return FlightSpace(
        frame=frame, area=area, sweep=sweep, transit=transit, closed=closed,
        home=home, gate=_gate(home, transit, closed, mission), notes=tuple(notes),
    )  # fmt: skip


def _gate(home: tuple[float, float], transit: Any, closed: Any, mission: Mission) -> tuple[float, float]:
    here = shapely.Point(home)
    if transit.intersects(here):
        return home
    way = shapely.shortest_line(here, transit)
    if transit.is_empty or not closed.buffer(0.01).covers(way):
        raise PlanningError(
            Message(
                "home lies within {margin_m:g} m of the fence or a keep-out, with no free way out",
                margin_m=mission.margin_m,
            ),
            where=str(mission.home),
            remedy="move home or use a smaller margin",
        )
    x, y = shapely.get_coordinates(way)[-1]
    return float(x), float(y)


def _places(mission: Mission) -> list[LatLon]:
    pattern = mission.pattern
    fixed: list[LatLon] = []
    if isinstance(pattern, WaypointPattern):
        fixed = [p.position for p in pattern.points]
    elif isinstance(pattern, OrbitPattern | DatumPattern | TrackLinePattern):
        fixed = pattern.extent()
    return [mission.home, *fixed]


def _goes_round(mission: Mission) -> bool:
    """Whether loops are flown outside what they go round, and not over the area."""
    pattern = mission.pattern
    return isinstance(pattern, OrbitPattern) or (
        isinstance(pattern, PerimeterPattern) and pattern.offset_m > 0
    )


def _structure(mission: Mission, area: Any, frame: LocalFrame) -> Any:
    """What loops are flown round and no way may cross: all that lies nearer than their legs come."""
    pattern = mission.pattern
    if isinstance(pattern, OrbitPattern):
        reach = pattern.radius_m - pattern.tolerance_m - _CLEAR_OF_LOOPS_M
        return shapely.Point(frame.to_xy([pattern.centre])[0]).buffer(max(reach, 0.0))
    if isinstance(pattern, PerimeterPattern) and pattern.offset_m > 0:
        return area.buffer(max(pattern.offset_m - pattern.tolerance_m - _CLEAR_OF_LOOPS_M, 0.0))
    return shapely.Polygon()


def _area(mission: Mission, frame: LocalFrame, notes: list[str]) -> Any:
    if mission.area is None:
        return shapely.Polygon()
    area = frame.to_local(mission.area)
    if not np.isfinite(shapely.get_coordinates(area)).all():
        raise GeometryError("the area has coordinates that are not numbers")
    if not area.is_valid:
        notes.append(
            Message(
                "the area's outline was repaired: {is_valid_reason} (local metres)",
                is_valid_reason=shapely.is_valid_reason(area),
            )
        )
        area = shapely.make_valid(area)
    parts = polygons_of(area)
    if not parts:
        raise GeometryError("the area has no surface", remedy="draw an outline with at least three corners")
    return shapely.union_all(parts)


def _holes(area: Any, home: tuple[float, float], notes: list[str]) -> list[Any]:
    """The area's holes, which are flown around, except one that home itself lies in."""
    holes = []
    for polygon in polygons_of(area):
        for ring in polygon.interiors:
            hole = shapely.Polygon(ring)
            if hole.intersects(shapely.Point(home)):
                notes.append(
                    Message("home lies in a hole of the area; that hole is flown over to leave and return")
                )
            else:
                holes.append(hole)
    return holes


def _shrunk(space: Any, margin_m: float) -> Any:
    if margin_m <= 0:
        return space
    return shapely.union_all(polygons_of(space.buffer(-margin_m, quad_segs=4, join_style="mitre")))
