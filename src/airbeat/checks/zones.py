"""A fence as shapes in local metres, and how far a line is outside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

from airbeat.geo.frame import LocalFrame
from airbeat.geo.polygons import is_scribble
from airbeat.mission.plan import Fence

__all__ = ["TOLERANCE_M", "Zones"]

TOLERANCE_M = 0.5
"""How far outside a line may be before it counts: round-off in files, not room to fly in [m]."""

_QUAD_SEGMENTS = 128
_THIN_TOLERANCE_M = 0.01
_FINEST_STEP_M = 0.02
_MOST_STEPS = 1000
_MANY_CORNERS = 1000
"""From here on an index of the edges pays; the middle of a circle is equally far from all of them."""


def _enclosed(shape: Any) -> Any:
    """The area of a shape, without the lines and points that repairing a crossed polygon may leave."""
    parts = shapely.get_parts(shapely.make_valid(shape))
    nested = shapely.get_parts(parts)
    return shapely.MultiPolygon([p for p in nested if p.geom_type == "Polygon"])


class Zones:
    """The fence's zones in a local frame (x east, y north, metres).

    Circles become polygons of 512 sides on the safe side: inside an inclusion circle, around an exclusion
    circle (2e-5 of the radius). A zone that crosses itself is taken as the area it encloses.

    Attributes:
        inclusions: one shape per inclusion zone.
        inside: their union, or None where the fence has no inclusion zone.
        exclusion: union of the exclusion zones.
        crossed: numbers, from 1, and names of the polygons that cross themselves or have no area.
        scribbles: those of them that cross themselves so often that nothing is compared with them.
    """

    def __init__(self, fence: Fence, *, frame: LocalFrame) -> None:
        self.inclusions: list[Any] = []
        exclusions: list[Any] = []
        self.crossed: list[str] = []
        self.scribbles: list[str] = []
        for number, polygon in enumerate(fence.polygons, start=1):
            shape = shapely.Polygon(frame.to_xy(polygon.vertices)) if len(polygon.vertices) > 2 else None
            is_good = shape is not None and shape.is_valid and shape.area > 0.0
            if not is_good:
                self.crossed.append(f"{number} ({polygon.name})" if polygon.name else f"{number}")
            if shape is not None and not is_good and is_scribble(shape):
                self.scribbles.append(self.crossed[-1])
            elif shape is not None:
                (self.inclusions if polygon.inclusion else exclusions).append(_enclosed(shape))
        for circle in fence.circles:
            widen = 1.0 if circle.inclusion else 1.0 / math.cos(math.pi / 4 / _QUAD_SEGMENTS)
            centre = shapely.Point(frame.to_xy([circle.centre])[0])
            shape = centre.buffer(circle.radius_m * widen, quad_segs=_QUAD_SEGMENTS)
            (self.inclusions if circle.inclusion else exclusions).append(shape)
        self.inside = _enclosed(shapely.union_all(self.inclusions)) if self.inclusions else None
        self.exclusion = _enclosed(shapely.union_all(exclusions))
        shapely.prepare([zone for zone in (self.inside, self.exclusion) if zone is not None])
        self._thin: dict[float, Any] = {}
        self._edges: dict[int, shapely.STRtree] = {}

    def breach_m(self, line: Any, *, tolerance_m: float = TOLERANCE_M) -> tuple[float, tuple[float, float]]:
        """How far the line leaves the fence [m], and the (x, y) where it is furthest out.

        A line that stays within ``tolerance_m`` of where it may be is 0 m out. A keep-out too narrow to be
        ``tolerance_m`` deep (a power line drawn as a strip) may not be crossed all the same.
        """
        outside = self._furthest(line, self.inside, wanted_inside=True)
        entered = self._furthest(line, self.exclusion, wanted_inside=False)
        if entered[0] <= tolerance_m and not self._crosses_thin_part(line, tolerance_m):
            entered = (0.0, entered[1])
        if outside[0] <= tolerance_m:
            outside = (0.0, outside[1])
        return max(outside, entered)

    def _furthest(self, line: Any, zone: Any, *, wanted_inside: bool) -> tuple[float, tuple[float, float]]:
        nowhere = (0.0, (0.0, 0.0))
        if zone is None or (wanted_inside and zone.covers(line)):
            return nowhere
        wrong = line.difference(zone) if wanted_inside else line.intersection(zone)
        if wrong.is_empty:
            return nowhere
        parts = shapely.get_parts(wrong)
        steps_m = np.maximum(_FINEST_STEP_M, shapely.length(parts) / _MOST_STEPS)
        coordinates = shapely.get_coordinates(shapely.segmentize(parts, steps_m))
        depths = self._to_edge_m(shapely.points(coordinates), zone)
        worst = int(np.argmax(depths))
        return float(depths[worst]), (float(coordinates[worst, 0]), float(coordinates[worst, 1]))

    def _to_edge_m(self, points: Any, zone: Any) -> Any:
        """How far points are from the zone's nearest edge [m]."""
        if shapely.get_num_coordinates(zone) < _MANY_CORNERS:
            return shapely.distance(points, zone.boundary)
        tree = self._edges.get(id(zone))
        if tree is None:
            rings = [ring for p in shapely.get_parts(zone) for ring in (p.exterior, *p.interiors)]
            corners = [shapely.get_coordinates(ring) for ring in rings]
            edges = np.concatenate([np.stack([c[:-1], c[1:]], axis=1) for c in corners])
            tree = self._edges[id(zone)] = shapely.STRtree(shapely.linestrings(edges))
        _, distances_m = tree.query_nearest(points, return_distance=True, all_matches=False)
        return distances_m

    def _crosses_thin_part(self, line: Any, tolerance_m: float) -> bool:
        if self.exclusion.is_empty or not self.exclusion.intersects(line):
            return False
        if tolerance_m not in self._thin:
            # 1.5 covers the corners of 84 degrees and more that eroding and growing back rounds off.
            opened = self.exclusion.buffer(-tolerance_m).buffer(1.5 * tolerance_m)
            self._thin[tolerance_m] = self.exclusion.difference(opened).buffer(-_THIN_TOLERANCE_M)
        return bool(self._thin[tolerance_m].intersects(line))

    def margin_m(self, line: Any) -> float:
        """Distance from a line to the nearest edge of the fence or a keep-out [m]; inf without any."""
        edges: Sequence[Any] = [z.boundary for z in (self.inside, self.exclusion) if z is not None]
        return min((float(e.distance(line)) for e in edges if not e.is_empty), default=math.inf)
