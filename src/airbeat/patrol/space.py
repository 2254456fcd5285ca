"""Where a beat's drones may fly: the fence, less margins, privacy zones and crowds with their stand-off."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import Message
from airbeat.mission.beat import Beat, LineVisit, PointVisit, SweepVisit, Visit
from airbeat.mission.plan import Fence, FencePolygon
from airbeat.planning.freespace import fence_zones
from airbeat.planning.route import polygons_of

__all__ = ["BeatSpace", "beat_space", "visit_geometry"]

Place = tuple[float, float]

_ROOM_M = 500.0
"""Without an inclusion fence, ways may use this much room round everything."""
_MITRE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatSpace:
    """The space of a beat in one local frame [m].

    Attributes:
        frame: the local frame.
        free: where drones may fly; margins and stand-offs taken off.
        fence: the beat's fence with the zones that may not be flown over among its exclusions; None where
            there is neither.
        sites: (x, y) of each launch site.
        gates: where the way from each site enters ``free``: the site itself unless it lies in the margin.
    """

    frame: LocalFrame
    free: Any
    fence: Fence | None
    sites: tuple[Place, ...]
    gates: tuple[Place, ...]


def visit_geometry(visit: Visit) -> Any:
    """What a visit looks at, as a geographic shapely geometry."""
    if isinstance(visit, PointVisit):
        return shapely.Point(visit.position.lon_deg, visit.position.lat_deg)
    if isinstance(visit, LineVisit):
        return shapely.LineString([(p.lon_deg, p.lat_deg) for p in visit.line])
    if isinstance(visit, SweepVisit):
        return visit.area
    raise TypeError(Message("no geometry of a {name__}", name__=type(visit).__name__))


def beat_space(beat: Beat, *, crowded: Collection[str] = ()) -> BeatSpace:
    """The space of a beat.

    Args:
        beat: what is patrolled.
        crowded: names of the crowd zones from which drones keep their stand-off.

    Raises:
        PlanningError: a launch site where no drone may fly, or nothing is left to fly in.
    """
    everything = [visit_geometry(v) for v in beat.visits]
    everything += [shapely.Point(s.position.lon_deg, s.position.lat_deg) for s in beat.sites]
    frame = LocalFrame(_middle(everything, beat.sites[0].position))
    fence = _with_keepouts(beat, frame, crowded)
    inclusion, exclusion = fence_zones(fence, frame)
    if inclusion is None:
        local = [frame.to_local(g) for g in everything]
        inclusion = shapely.union_all(local).convex_hull.buffer(_ROOM_M)
    closed = inclusion.difference(exclusion)
    free = closed
    if beat.margin_m > 0:
        free = closed.buffer(-beat.margin_m, quad_segs=4, join_style="mitre")
    free = shapely.union_all(polygons_of(free))
    if free.is_empty:
        raise PlanningError(
            Message(
                "nothing is left to fly in once {margin_m:g} m of margin are taken off",
                margin_m=beat.margin_m,
            ),
            where=beat.where("fence"),
            remedy="use a smaller margin, a larger fence or fewer zones",
        )
    xy = frame.to_xy([s.position for s in beat.sites])
    sites = [(float(x), float(y)) for x, y in xy]
    gates = [_gate(place, free, closed, beat, number) for number, place in enumerate(sites)]
    return BeatSpace(frame=frame, free=free, fence=fence, sites=tuple(sites), gates=tuple(gates))


def _middle(geometries: list[Any], near: LatLon) -> LatLon:
    """The middle of everything, reckoned from one place, so that the antimeridian is an ordinary place."""
    frame = LocalFrame(near)
    places = np.vstack([shapely.get_coordinates(frame.to_local(g)) for g in geometries])
    return frame.to_latlon([(places.min(axis=0) + places.max(axis=0)) / 2])[0]


def _with_keepouts(beat: Beat, frame: LocalFrame, crowded: Collection[str]) -> Fence | None:
    zones = [(z.name, z.area, z.stand_off_m) for z in beat.privacy if not z.overflight]
    zones += [(z.name, z.area, z.stand_off_m) for z in beat.crowds if z.name in crowded and z.stand_off_m > 0]
    added = []
    for name, area, stand_off_m in zones:
        local = frame.to_local(area)
        if stand_off_m > 0:
            local = local.buffer(stand_off_m, join_style="mitre", mitre_limit=_MITRE)
        for part in polygons_of(local):
            ring = frame.to_latlon(shapely.get_coordinates(part.exterior)[:-1])
            added.append(FencePolygon(inclusion=False, vertices=tuple(ring), name=name))
    if not added:
        return beat.fence
    fence = beat.fence or Fence()
    return replace(fence, polygons=(*fence.polygons, *added))


def _gate(place: Place, free: Any, closed: Any, beat: Beat, number: int) -> Place:
    here = shapely.Point(place)
    if free.intersects(here):
        return place
    site = beat.sites[number]
    where = beat.where(f"launch[{number + 1}]")
    if not closed.buffer(0.01).intersects(here):
        raise PlanningError(
            Message(
                "launch site {site} lies outside the fence or in a zone that may not be flown over",
                site=site.name,
            ),
            where=where,
            remedy="move it, or redraw the fence",
        )
    way = shapely.shortest_line(here, free)
    if not closed.buffer(0.01).covers(way):
        raise PlanningError(
            Message(
                "launch site {site} lies within {margin_m:g} m of the fence or a keep-out, with no "
                "free way out",
                site=site.name,
                margin_m=beat.margin_m,
            ),
            where=where,
            remedy="move it, or use a smaller margin",
        )
    x, y = shapely.get_coordinates(way)[-1]
    return float(x), float(y)
