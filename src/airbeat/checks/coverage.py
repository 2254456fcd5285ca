"""What photographs cover of an area, and whether a flown track stayed inside the fence.

Recomputed from geographic shapes alone, so that a report does not repeat what the planner claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import shapely

from airbeat.checks.zones import TOLERANCE_M, Zones
from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.geo.polygons import unite
from airbeat.mission.plan import Fence

__all__ = ["coverage_fraction", "outside_fence_m", "uncovered"]


_GRID_M = 0.001
"""Slivers narrower than this, left by round-off between neighbouring footprints, are nothing."""


def _rest(area: Any, footprints: Iterable[Any], frame: LocalFrame) -> tuple[Any, Any]:
    """The area and what no footprint covers of it, in local metres."""
    wanted = unite([shapely.make_valid(frame.to_local(area))])  # a spike would leave a line beside the area
    if wanted.area <= 0.0:
        raise GeometryError("an area of 0 m² has no coverage", remedy="give an area with an inside")
    seen = [
        unite([shapely.make_valid(frame.to_local(f))]) for f in footprints if f is not None and not f.is_empty
    ]
    return wanted, shapely.difference(wanted, shapely.union_all(seen), grid_size=_GRID_M) if seen else wanted


def coverage_fraction(area: Any, footprints: Iterable[Any], frame: LocalFrame) -> float:
    """Share of an area that lies in at least one footprint, 0…1.

    Args:
        area: geographic shapely (Multi)Polygon, lon/lat degrees.
        footprints: geographic shapely polygons, lon/lat degrees; empty ones and None are skipped.
        frame: local frame near the area, in which areas are measured.

    Raises:
        GeometryError: the area has no inside.
    """
    wanted, rest = _rest(area, footprints, frame)
    return min(1.0, max(0.0, 1.0 - float(rest.area / wanted.area)))


def uncovered(area: Any, footprints: Iterable[Any]) -> Any:
    """The part of an area that no footprint covers, as a geographic shapely geometry (may be empty).

    Raises:
        GeometryError: the area has no inside.
    """
    frame = LocalFrame.around(area)
    _, rest = _rest(area, footprints, frame)
    polygons = [p for p in shapely.get_parts(rest) if p.area > 0.0]
    return frame.to_geographic(shapely.union_all(polygons))


def outside_fence_m(track: Sequence[LatLon], fence: Fence, tolerance_m: float = TOLERANCE_M) -> float:
    """The furthest that a track is outside the fence or inside a keep-out [m]; 0.0 when it never is.

    The track is taken as straight between its positions. The ceiling is not part of this.

    Args:
        track: positions in the order flown.
        fence: the fence; one without zones has no outside.
        tolerance_m: what counts as inside still [m].
    """
    if not track or fence.is_empty:
        return 0.0
    frame = LocalFrame.around(shapely.MultiPoint([(p.lon_deg, p.lat_deg) for p in track]))
    zones = Zones(fence, frame=frame)
    xy = frame.to_xy(track)
    line = shapely.LineString(xy) if len(xy) > 1 else shapely.Point(xy[0])
    return zones.breach_m(line, tolerance_m=tolerance_m)[0]
