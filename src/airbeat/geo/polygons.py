"""Rings drawn by people to shapes that can be flown: validated, repaired where that is safe, or refused.

A ring that touches itself, or crosses itself by so little that the enclosed ground hardly changes, is
repaired and the repair is said. A ring whose crossing leaves open which ground was meant (a bow tie) is
refused with the place: guessing would leave ground unsearched.

Everything is decided in the local metric frame, so the antimeridian and the poles are ordinary places.
Geographic results hold longitudes in -180…180; a ring over the antimeridian jumps, and means what it should
only through :class:`~airbeat.geo.frame.LocalFrame`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import Message

__all__ = [
    "Outline",
    "RingError",
    "Shape",
    "assemble",
    "check_simple_ring",
    "clean_ring",
    "frame_around",
    "is_scribble",
    "polygon_parts",
    "unite",
]

MIN_AREA_M2 = 1.0
MAX_EXTENT_M = 500_000.0
_REPAIR_SHARE = 0.001
_SEAM_DEG = 2e-7
_SEAM_GAP_M = 0.05
_SAMPLED_EDGES = 300
_EDGES_AT_ONCE = 10
_MEETING_EDGES = 20
"""Each edge of an honest ring meets itself and its two neighbours, seldom more."""
_DUST_M2 = 0.01


class RingError(GeometryError):
    """A ring that cannot be used.

    Attributes:
        polygon: index of the polygon it belongs to.
        hole: index of the hole, or None for the outline.
    """

    def __init__(self, message: str, *, remedy: str = "", polygon: int = 0, hole: int | None = None) -> None:
        where = f"polygon {polygon + 1}" + ("" if hole is None else f", hole {hole + 1}")
        super().__init__(message, where=where, remedy=remedy)
        self.polygon = polygon
        self.hole = hole


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One polygon as it was drawn: an outline and its holes; vertices may be repeated at the end."""

    shell: tuple[LatLon, ...]
    holes: tuple[tuple[LatLon, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A usable shape.

    Attributes:
        geometry: valid geographic shapely Polygon or MultiPolygon (lon, lat degrees).
        notes: repairs, each a sentence.
    """

    geometry: Any
    notes: tuple[str, ...] = field(default=())


def clean_ring(points: Sequence[LatLon]) -> tuple[LatLon, ...]:
    """The ring without repeated neighbours and without its closing vertex; longitude -180 becomes 180."""
    ring: list[LatLon] = []
    for point in points:
        seam = abs(point.lon_deg) > 180.0 - _SEAM_DEG
        vertex = LatLon(lat_deg=point.lat_deg, lon_deg=180.0) if seam else point
        if not ring or vertex != ring[-1]:
            ring.append(vertex)
    while len(ring) > 1 and ring[0] == ring[-1]:
        ring.pop()
    return tuple(ring)


def frame_around(points: Sequence[LatLon]) -> LocalFrame:
    """A local frame centred on the points.

    Raises:
        GeometryError: no points, or points more than 500 km from their middle.
    """
    frame = LocalFrame.around(shapely.multipoints([(p.lon_deg, p.lat_deg) for p in points]))
    xy = frame.to_xy(points)
    if not np.all(np.isfinite(xy)) or np.max(np.hypot(xy[:, 0], xy[:, 1])) > MAX_EXTENT_M:
        raise GeometryError(
            "the shape spans more than 1000 km", remedy="check for swapped or mistyped coordinates"
        )
    return frame


def polygon_parts(geometry: Any) -> list[Any]:
    """The polygons of any geometry, without lines, points and dust below 0.01 m² (local coordinates)."""
    parts = shapely.get_parts(geometry, return_index=False)
    polygons: list[Any] = []
    for part in parts:
        if part.geom_type in ("MultiPolygon", "GeometryCollection"):
            polygons.extend(polygon_parts(part))
        elif part.geom_type == "Polygon" and part.area > _DUST_M2:
            polygons.append(part)
    return polygons


def unite(geometries: Sequence[Any]) -> Any:
    """Union of local geometries as a Polygon or MultiPolygon; empty when nothing is left."""
    parts = polygon_parts(shapely.union_all(list(geometries)))
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def check_simple_ring(points: Sequence[LatLon]) -> tuple[LatLon, ...]:
    """A cleaned ring that encloses ground and neither touches nor crosses itself (what a fence must be).

    Raises:
        RingError: it does not; the message names the place.
    """
    ring = clean_ring(points)
    _require_three(ring)
    frame = frame_around(ring)
    polygon = Polygon(frame.to_xy(ring))
    _require_ground(polygon, ring)
    if not polygon.is_valid:
        raise RingError(
            Message(
                "the ring crosses or touches itself at {trouble_spot}",
                trouble_spot=_trouble_spot(polygon, frame),
            ),
            remedy="list the corners in the order in which one walks round the area",
        )
    return ring


def assemble(outlines: Sequence[Outline]) -> Shape:
    """One shape out of polygons as they were drawn.

    Polygons that overlap, or that were cut at the antimeridian, become one.

    Raises:
        RingError: fewer than three corners, no ground enclosed, a crossing that cannot be repaired safely, or
            a hole outside its outline; with the polygon's and the hole's index.
        GeometryError: no polygons, or more than 1000 km across.
    """
    rings = [(clean_ring(o.shell), tuple(clean_ring(h) for h in o.holes)) for o in outlines]
    for index, (shell, holes) in enumerate(rings):
        _require_three(shell, index)
        for number, hole in enumerate(holes):
            _require_three(hole, index, number)
    if not rings:
        raise GeometryError("no polygon at all")
    frame = frame_around([p for shell, holes in rings for ring in (shell, *holes) for p in ring])
    notes: list[str] = []
    exact = True
    locals_: list[Any] = []
    for index, (shell, holes) in enumerate(rings):
        part, is_exact = _polygon(shell, holes, frame, index, notes)
        exact = exact and is_exact
        locals_.append(part)
    united = _join(locals_, rings, notes)
    if exact and united is None:
        drawn = [
            Polygon([(p.lon_deg, p.lat_deg) for p in s], [[(p.lon_deg, p.lat_deg) for p in h] for h in hs])
            for s, hs in rings
        ]
        return Shape(geometry=drawn[0] if len(drawn) == 1 else MultiPolygon(drawn), notes=tuple(notes))
    if united is None:
        united = unite(locals_)
    return Shape(geometry=frame.to_geographic(united), notes=tuple(notes))


def _require_three(ring: Sequence[LatLon], polygon: int = 0, hole: int | None = None) -> None:
    if len(set(ring)) < 3:
        raise RingError(
            Message("a ring needs at least 3 different points (got {set})", set=len(set(ring))),
            remedy="list every corner once",
            polygon=polygon,
            hole=hole,
        )


def _require_ground(
    polygon: Any,
    ring: Sequence[LatLon],
    index: int = 0,
    hole: int | None = None,
    *,
    area_m2: float | None = None,
) -> None:
    area_m2 = polygon.area if area_m2 is None else area_m2
    if area_m2 < MIN_AREA_M2:
        raise RingError(
            Message("the ring of {ring} points encloses {area_m2:.1f} m²", ring=len(ring), area_m2=area_m2),
            remedy="at least 1 m² is needed; are the points on one line?",
            polygon=index,
            hole=hole,
        )


def _trouble_spot(polygon: Any, frame: LocalFrame) -> str:
    reason = shapely.is_valid_reason(polygon)
    inside = reason[reason.find("[") + 1 : reason.find("]")].split()
    if len(inside) != 2:
        return "an unknown place"
    return str(frame.to_latlon([[float(inside[0]), float(inside[1])]])[0])


def is_scribble(polygon: Any) -> bool:
    """Whether so many edges meet that untangling them could take hours: judged on a sample of the edges.

    Args:
        polygon: shapely polygon without holes, valid or not.
    """
    corners = shapely.get_coordinates(polygon)
    edges = shapely.linestrings(np.stack([corners[:-1], corners[1:]], axis=1))
    sample = edges[:: max(1, len(edges) // _SAMPLED_EDGES)]
    tree = shapely.STRtree(edges)
    hits = 0
    for few in np.array_split(sample, max(1, len(sample) // _EDGES_AT_ONCE)):  # a scribble shows at the first
        hits += tree.query(few, predicate="intersects").shape[1]
        if hits > _MEETING_EDGES * len(sample):
            return True
    return False


def _ring(
    points: Sequence[LatLon], frame: LocalFrame, index: int, hole: int | None, notes: list[str]
) -> tuple[Any, bool]:
    """The ring's polygon in the frame, and whether it was usable as drawn."""
    drawn = Polygon(frame.to_xy(points))
    if drawn.is_valid:
        _require_ground(drawn, points, index, hole)
        return drawn, True
    spot = _trouble_spot(drawn, frame)
    if is_scribble(drawn):
        raise RingError(
            Message("the ring crosses itself at {spot} and in very many other places", spot=spot),
            remedy="list the corners in the order in which one walks round the area",
            polygon=index,
            hole=hole,
        )
    repaired = unite([shapely.make_valid(drawn)])
    _require_ground(repaired, points, index, hole)
    changed_m2 = abs(drawn.area - repaired.area)
    what = Message("outline") if hole is None else Message("hole {number}", number=hole + 1)
    if changed_m2 > max(MIN_AREA_M2, _REPAIR_SHARE * repaired.area):
        raise RingError(
            Message(
                "the {what} crosses itself at {spot}, and it is open which ground is meant",
                what=what,
                spot=spot,
            ),
            remedy="list the corners in the order in which one walks round the area",
            polygon=index,
            hole=hole,
        )
    notes.append(
        Message(
            "the {what} touched or crossed itself at {spot}: repaired, {changed_m2:.1f} m² affected",
            what=what,
            spot=spot,
            changed_m2=changed_m2,
        )
    )
    return repaired, False


def _polygon(
    shell: Sequence[LatLon],
    holes: Sequence[Sequence[LatLon]],
    frame: LocalFrame,
    index: int,
    notes: list[str],
) -> tuple[Any, bool]:
    outline, exact = _ring(shell, frame, index, None, notes)
    cut: list[Any] = []
    for number, ring in enumerate(holes):
        hole, hole_exact = _ring(ring, frame, index, number, notes)
        exact = exact and hole_exact
        if not outline.intersects(hole):
            raise RingError(
                Message("hole {number} lies outside its outline", number=number + 1),
                remedy="a hole must lie inside the polygon that it belongs to",
                polygon=index,
                hole=number,
            )
        beyond_m2 = hole.difference(outline).area
        if beyond_m2 > MIN_AREA_M2:
            notes.append(
                Message(
                    "hole {number} reaches {beyond_m2:.0f} m² beyond its outline: only its inside counts",
                    number=number + 1,
                    beyond_m2=beyond_m2,
                )
            )
        cut.append(hole)
    if not cut:
        return outline, exact
    as_drawn = Polygon(outline.exterior, [h.exterior for h in cut]) if exact else None
    if as_drawn is not None and as_drawn.is_valid:
        return as_drawn, True
    left = unite([outline.difference(shapely.union_all(cut))])
    if left.area < MIN_AREA_M2:
        raise RingError("the holes leave nothing of the polygon", polygon=index)
    return left, False


def _join(parts: list[Any], rings: Sequence[tuple[Sequence[LatLon], Any]], notes: list[str]) -> Any | None:
    """The union of parts that overlap or meet at the antimeridian; None when they are apart."""
    if len(parts) == 1:
        return None
    seams = [any(p.lon_deg == 180.0 for p in shell) for shell, _ in rings]
    at_seam = [p for p, seam in zip(parts, seams, strict=True) if seam]
    if len(at_seam) > 1:
        grown = shapely.union_all([p.buffer(_SEAM_GAP_M, join_style="mitre") for p in at_seam])
        parts = [p for p, seam in zip(parts, seams, strict=True) if not seam]
        parts.append(grown.buffer(-_SEAM_GAP_M, join_style="mitre"))
    union = unite(parts)
    overlap_m2 = sum(p.area for p in parts) - union.area
    if overlap_m2 > MIN_AREA_M2:
        notes.append(
            Message("polygons overlapped by {overlap_m2:.0f} m²: taken as one", overlap_m2=overlap_m2)
        )
    apart = MultiPolygon([q for p in parts for q in polygon_parts(p)]).is_valid
    return None if apart and len(at_seam) < 2 else union
