"""What a map of a plan shows, once for every map format: area, fence, path, waypoints, places."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import shapely
from shapely.geometry import LineString, Point, Polygon

from airbeat import __version__
from airbeat.formats.carried import ITEMS_KEY, item_groups
from airbeat.geo.coordinates import Altitude, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.commands import command_name
from airbeat.mission.legs import Leg, legs
from airbeat.mission.plan import FenceCircle, FencePolygon, FlightPlan

__all__ = ["COLOURS", "MapFeature", "circle_ring", "document_properties", "map_features"]

COLOURS = {
    "area": "#1f6feb",
    "unseen": "#8250df",
    "fence-inclusion": "#1a7f37",
    "fence-exclusion": "#cf222e",
    "path": "#bc4c00",
    "waypoint": "#bc4c00",
    "home": "#1a7f37",
    "rally": "#9a6700",
    "last-seen": "#cf222e",
}
"""Line and symbol colour of each kind of feature."""

_CIRCLE_VERTICES = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFeature:
    """One thing on the map.

    Attributes:
        kind: a key of ``COLOURS``.
        title: what it is called.
        geometry: geographic shapely geometry, lon/lat degrees; polygons are oriented by the right-hand rule.
        heights: for points and lines, one height a vertex; None where a vertex has none.
        properties: what else is known about it, JSON values.
    """

    kind: str
    title: str
    geometry: Any
    heights: tuple[Altitude | None, ...] = ()
    properties: dict[str, Any] = field(default_factory=dict)


def document_properties(plan: FlightPlan) -> dict[str, Any]:
    """Name, notes and provenance: what every map of the plan carries."""
    p = plan.provenance
    return {
        "schema_version": p.schema_version,
        "tool_version": p.tool_version or __version__,
        "source_name": p.source_name,
        "source_sha256": p.source_sha256,
        "name": plan.name,
        "notes": list(plan.notes),
    }


def map_features(plan: FlightPlan) -> list[MapFeature]:
    """Everything of a plan that has a place, areas first so that paths and points lie on top of them."""
    result: list[MapFeature] = []
    if plan.survey:
        result.append(_shape("area", "Area to search", plan.survey.area))
        if plan.survey.unseen is not None and not plan.survey.unseen.is_empty:
            result.append(_shape("unseen", "Not seen by the camera", plan.survey.unseen))
    if plan.fence:
        result += [_fence_polygon(p, n) for n, p in enumerate(plan.fence.polygons, start=1)]
        result += [_fence_circle(c, n) for n, c in enumerate(plan.fence.circles, start=1)]
    result += _path(plan)
    groups = item_groups(plan)
    result += _waypoints(plan, groups)
    result.append(_place("home", "Home", plan.home, properties=_home_properties(plan, groups)))
    for number, rally in enumerate(plan.rally or (), start=1):
        result.append(
            _place(
                "rally", _titled(f"Rally point {number}", rally.name), rally.position, altitude=rally.altitude
            )
        )
    if plan.last_seen:
        result.append(_place("last-seen", "Last seen", plan.last_seen))
    return result


def _shape(kind: str, title: str, geometry: Any, **properties: object) -> MapFeature:
    oriented = shapely.orient_polygons(_unwrapped(geometry), exterior_cw=False)
    return MapFeature(kind=kind, title=title, geometry=oriented, properties=dict(properties))


def _titled(title: str, name: str) -> str:
    return f"{title}: {name}" if name else title


def _fence_polygon(zone: FencePolygon, number: int) -> MapFeature:
    kind = "fence-inclusion" if zone.inclusion else "fence-exclusion"
    title = _titled(f"{'Fence' if zone.inclusion else 'Keep-out'} polygon {number}", zone.name)
    return _shape(kind, title, Polygon([(v.lon_deg, v.lat_deg) for v in zone.vertices]))


def circle_ring(zone: FenceCircle) -> list[LatLon]:
    """A circle as the ring that maps draw, on the safe side: inside an inclusion, around an exclusion."""
    radius_m = zone.radius_m if zone.inclusion else zone.radius_m / math.cos(math.pi / _CIRCLE_VERTICES)
    angles = [2 * math.pi * n / _CIRCLE_VERTICES for n in range(_CIRCLE_VERTICES)]
    return LocalFrame(zone.centre).to_latlon(
        [(radius_m * math.cos(a), radius_m * math.sin(a)) for a in angles]
    )


def _fence_circle(zone: FenceCircle, number: int) -> MapFeature:
    kind = "fence-inclusion" if zone.inclusion else "fence-exclusion"
    title = _titled(f"{'Fence' if zone.inclusion else 'Keep-out'} circle {number}", zone.name)
    polygon = Polygon([(p.lon_deg, p.lat_deg) for p in circle_ring(zone)])
    centre = [zone.centre.lon_deg, zone.centre.lat_deg]
    return _shape(kind, title, polygon, radius_m=zone.radius_m, centre_lon_lat=centre)


def _unwrapped(geometry: Any) -> Any:
    """A shape across the antimeridian with longitudes that run on beyond 180."""
    west, _, east, _ = geometry.bounds
    if east - west <= 180.0:
        return geometry
    return shapely.transform(geometry, lambda c: c + (c[:, :1] < 0) * [[360.0, 0.0]])


def _path(plan: FlightPlan) -> Iterator[MapFeature]:
    """The planned path, one line for each run of legs with the same role."""
    flown = [leg for leg in legs(plan) if leg.start != leg.end]
    for (role, _), run in groupby(_chained(flown), key=lambda pair: (pair[0].role, pair[1])):
        chain = [leg for leg, _ in run]
        places = [chain[0].start, *(leg.end for leg in chain)]
        heights = [chain[0].start_altitude, *(leg.end_altitude for leg in chain)]
        yield MapFeature(
            kind="path",
            title=f"Planned path: {role.value}, items {chain[0].number} to {chain[-1].number}",
            geometry=_unwrapped(LineString([(p.lon_deg, p.lat_deg) for p in places])),
            heights=tuple(heights),
            properties={
                "leg_role": role.value,
                "first_item": chain[0].number,
                "last_item": chain[-1].number,
                "heights_m": [h.value_m if h else None for h in heights],
                "height_datums": [h.datum.value if h else None for h in heights],
            },
        )


def _chained(flown: list[Leg]) -> Iterator[tuple[Leg, int]]:
    """Legs with a counter that steps wherever a leg does not begin where the one before it ended."""
    chain, end = 0, None
    for leg in flown:
        chain += end is not None and leg.start != end
        end = leg.end
        yield leg, chain


def _home_properties(plan: FlightPlan, groups: Mapping[int, str]) -> dict[str, Any]:
    """What belongs to the whole plan and has no other place on a map."""
    fence = plan.fence
    return {
        "amsl_m": plan.home_amsl_m,
        "speed_m_s": plan.speed_m_s,
        "max_height_m": fence.max_height_m if fence else None,
        "breach_return": _breach_return(plan),
        ITEMS_KEY: groups.get(0),
    }


def _breach_return(plan: FlightPlan) -> str | None:
    if plan.fence is None or plan.fence.breach_return is None:
        return None
    place, height_m = plan.fence.breach_return
    return f"{place.lat_deg!r},{place.lon_deg!r},{height_m!r}"


def _waypoints(plan: FlightPlan, groups: Mapping[int, str]) -> Iterator[MapFeature]:
    for number, item in plan.waypoints():
        if item.position is not None:
            yield _place(
                "waypoint",
                str(number),
                item.position,
                altitude=item.altitude,
                properties={
                    "seq": number,
                    "command": command_name(item.command),
                    "leg_role": item.role.value,
                    ITEMS_KEY: groups[number],
                },
            )


def _place(
    kind: str,
    title: str,
    position: LatLon,
    *,
    altitude: Altitude | None = None,
    properties: dict[str, Any] | None = None,
) -> MapFeature:
    known = {k: v for k, v in (properties or {}).items() if v is not None}
    if altitude is not None:
        known |= {"height_m": altitude.value_m, "height_datum": altitude.datum.value}
    return MapFeature(
        kind=kind,
        title=title,
        geometry=Point(position.lon_deg, position.lat_deg),
        heights=(altitude,),
        properties=known,
    )
