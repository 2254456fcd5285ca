"""From the shapes a pilot draws to a valid free area in local metres: repaired and said, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from airbeat.errors import GeometryError, PlanningError
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import Message
from airbeat.planning.route import polygons_of

__all__ = ["FreeArea", "free_area"]

_WIDEST_M = 200_000.0
_LEAST_PART_M2 = 1.0
_SEAM_M = 0.05
"""Parts that lie this near to one another are one part: a cut along the antimeridian leaves such seams."""
_CORRIDOR_QUAD_SEGMENTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeArea:
    """What is to be seen and where it may be flown, in one local frame [m].

    Attributes:
        frame: centred on the area.
        target: (Multi)Polygon to be seen.
        space: (Multi)Polygon that may be flown in.
        closed: keep-outs and holes, which not even a way between parts may cross.
        centre: the corridor's centre line, or None.
        centre_width_m: the corridor's full width [m]; 0 where there is none.
        notes: repairs that were made.
    """

    frame: LocalFrame
    target: Any
    space: Any
    closed: Any
    centre: Any | None
    centre_width_m: float
    notes: tuple[str, ...]


def free_area(
    area: Any,
    *,
    keepouts: Sequence[Any] = (),
    fence: Any | None = None,
    corridor_width_m: float | None = None,
    margin_m: float = 0.0,
) -> FreeArea:
    """The free area of geographic shapes (lon, lat degrees).

    Args:
        area: Polygon or MultiPolygon; or LineString with ``corridor_width_m``. Holes are keep-outs.
        keepouts: polygons that may cross the area's outline.
        fence: polygon that the flight stays in; None flies inside the free area only.
        corridor_width_m: full width of a corridor.
        margin_m: distance kept from the fence's edge and from keep-outs.

    Raises:
        GeometryError: no surface, not a number, or larger than the local frame can hold.
        PlanningError: keep-outs leave nothing.
    """
    coords = shapely.get_coordinates([area, *keepouts, *([] if fence is None else [fence])])
    if not np.isfinite(coords).all():
        raise GeometryError("the area has coordinates that are not numbers")
    frame = LocalFrame.around(area)
    notes: list[str] = []
    local = frame.to_local(area)
    _refuse_wide(local)
    centre = None
    if local.geom_type in ("LineString", "MultiLineString"):
        if not corridor_width_m or corridor_width_m <= 0:
            raise GeometryError("a line is no area", remedy="give the corridor's width")
        centre = local
        local = local.buffer(corridor_width_m / 2, quad_segs=_CORRIDOR_QUAD_SEGMENTS)
    target = _repaired(local, frame, "area", notes)
    holes = [shapely.Polygon(ring) for p in polygons_of(target) for ring in p.interiors]
    closed = shapely.union_all(
        [*holes, *(_repaired(frame.to_local(k), frame, "keep-out", notes) for k in keepouts)]
    )
    target = _with_surface(target.difference(closed))
    space = target
    if fence is not None:
        outer = _repaired(frame.to_local(fence), frame, "fence", notes)
        space = _with_surface(outer.difference(closed))
    if margin_m > 0:
        space = _with_surface(space.buffer(-margin_m, quad_segs=4, join_style="mitre"))
    if target.is_empty or space.is_empty:
        raise PlanningError(
            "keep-outs, fence and margin leave nothing to fly", remedy="check keep-outs and margin"
        )
    return FreeArea(
        frame=frame,
        target=target,
        space=space,
        closed=closed,
        centre=centre,
        centre_width_m=corridor_width_m or 0.0,
        notes=tuple(notes),
    )


def _refuse_wide(local: Any) -> None:
    """Refuse a local shape larger than its frame can hold.

    Raises:
        GeometryError: it is.
    """
    size = np.ptp(shapely.get_coordinates(local), axis=0).max()
    if not np.isfinite(size) or size > _WIDEST_M:
        raise GeometryError(
            Message("the area is {size:.0f} km wide", size=size / 1000),
            remedy=Message("use areas of less than {widest_m:.0f} km", widest_m=_WIDEST_M / 1000),
        )


def _repaired(shape: Any, frame: LocalFrame, what: str, notes: list[str]) -> Any:
    """A valid shape with surface; parts that only a seam keeps apart are joined."""
    if not shape.is_valid:
        reason = shapely.is_valid_reason(shape)
        notes.append(
            Message("the {what}'s outline was repaired: {placed}", what=what, placed=_placed(reason, frame))
        )
        shape = shapely.make_valid(shape)
    parts = polygons_of(shape)
    if not parts:
        raise GeometryError(
            Message("the {what} has no surface", what=what),
            remedy="draw an outline with at least three different corners",
        )
    if len(parts) > 1:
        return (
            shapely.union_all(parts)
            .buffer(_SEAM_M, join_style="mitre")
            .buffer(-_SEAM_M, join_style="mitre")
            .intersection(shapely.union_all(parts).buffer(_SEAM_M))
        )
    return parts[0]


def _placed(reason: str, frame: LocalFrame) -> str:
    """GEOS' reason with its place as latitude and longitude."""
    text, _, place = reason.partition("[")
    try:
        x, y = (float(v) for v in place.rstrip("]").split()[:2])
    except ValueError:
        return text.strip() or reason
    return f"{text.strip()} at {frame.to_latlon([[x, y]])[0]}"


def _with_surface(shape: Any) -> Any:
    return shapely.union_all([p for p in polygons_of(shape) if p.area > _LEAST_PART_M2])
