"""A plan from what a map file draws: airbeat's own maps whole, others as a route.

A map that airbeat wrote says what each shape is (``kind``) and carries the mission items with the waypoints;
places and outlines are taken from the drawing. Of any other map one line is a route, or else its points are
waypoints in the order of the file; what height they have is as good as the file says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from airbeat import __version__
from airbeat.errors import InputFileError, PlanFileError
from airbeat.formats.carried import ITEMS_KEY, carried_items
from airbeat.formats.features import circle_ring
from airbeat.formats.items import height_m, infer_roles
from airbeat.formats.limits import MAX_ITEMS, MAX_RALLY_POINTS, MAX_VERTICES, check_count, clean_text
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import (
    Fence,
    FenceCircle,
    FencePolygon,
    FlightPlan,
    PlanItem,
    Provenance,
    RallyPoint,
)

__all__ = [
    "AREAS_BESIDE",
    "NOTHING_TO_FLY",
    "NO_HEIGHTS",
    "WHICH_LINE",
    "Drawn",
    "drawn_latlon",
    "plan_of_drawing",
]

NOTHING_TO_FLY = "no line and no points: nothing to fly"
"""What is wrong with a map that draws areas alone."""
NO_HEIGHTS = "the file states no heights for some waypoints: give them before you fly"
"""The note of a route without heights."""
AREAS_BESIDE = "polygons of the file are not read as a fence; plan an area with --area instead"
"""The note of a map that draws areas beside its route."""
WHICH_LINE = "lines, and which of them is to be flown is not said"
"""What is wrong with a map that draws several lines."""
_CIRCLE_MOVED_M = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One shape of a map file.

    Attributes:
        kind: what airbeat says it is, or "" in a foreign file.
        form: "point", "line" or "polygon".
        places: its vertices; a polygon's outer ring, the last not repeating the first.
        heights: one for each place, or empty.
        properties: what else the file says of it, by name.
        where: for messages.
    """

    kind: str
    form: str
    places: tuple[LatLon, ...]
    heights: tuple[Altitude | None, ...] = ()
    properties: dict[str, Any] = field(default_factory=dict)
    where: str = ""


def drawn_latlon(lat_deg: float, lon_deg: float, *, where: str) -> LatLon:
    """A place of a map file; longitudes up to one turn too far are brought back.

    Raises:
        PlanFileError: not a place on Earth.
    """
    if 180.0 < abs(lon_deg) <= 540.0:
        lon_deg = (lon_deg + 180.0) % 360.0 - 180.0
    try:
        return LatLon(lat_deg=lat_deg, lon_deg=lon_deg)
    except InputFileError as error:
        raise PlanFileError(
            error.message, where=where, remedy=error.remedy or "longitude comes before latitude here"
        ) from None


def plan_of_drawing(
    shapes: Sequence[Drawn], *, name: str, file_name: str, notes: Sequence[str], sha256: str
) -> FlightPlan:
    """The plan that a map file draws.

    Args:
        shapes: in the order of the file.
        name: the plan's name.
        file_name: for provenance.
        notes: what the file's own notes say.
        sha256: of the file.

    Raises:
        PlanFileError: nothing that could be flown, more than one route, or numbers that are none.
    """
    said = list(notes)
    own = any(shape.kind == "home" or ITEMS_KEY in shape.properties for shape in shapes)
    builder = _own if own else _foreign
    home, items, fence, rally, extra = builder(shapes, said)
    return FlightPlan(
        name=name,
        home=home,
        items=items,
        fence=fence,
        rally=rally,
        notes=tuple(dict.fromkeys(said)),
        provenance=Provenance(tool_version=__version__, source_name=file_name, source_sha256=sha256),
        **extra,
    )


_Parts = tuple[LatLon, tuple[PlanItem, ...], Fence | None, tuple[RallyPoint, ...] | None, dict[str, Any]]


def _own(shapes: Sequence[Drawn], notes: list[str]) -> _Parts:
    homes = [s for s in shapes if s.kind == "home" and s.form == "point"]
    if len(homes) != 1:
        raise PlanFileError(
            Message("{homes} home points, exactly one is needed", homes=len(homes)),
            remedy="export the plan again",
        )
    home = homes[0]
    points = sorted(
        (s for s in shapes if s.kind == "waypoint" and s.form == "point"),
        key=lambda s: _number(s, "seq"),
    )
    check_count(len(points), MAX_ITEMS, what="waypoints", where="the drawing")
    text = home.properties.get(ITEMS_KEY)
    items = carried_items(str(text), None, where=home.where) if text else []
    for point in points:
        text = point.properties.get(ITEMS_KEY)
        if not text:
            raise PlanFileError(
                Message(
                    "the waypoint lost its {items_key}: another program saved this file", items_key=ITEMS_KEY
                ),
                where=point.where,
                remedy="export the plan again, or convert from the .plan",
            )
        items += carried_items(str(text), point.places[0], where=point.where)
    check_count(len(items), MAX_ITEMS, what="items", where="the drawing")
    seen = [s for s in shapes if s.kind == "last-seen" and s.form == "point"]
    extra = {
        "home_amsl_m": _optional(home, "amsl_m"),
        "speed_m_s": _optional(home, "speed_m_s"),
        "last_seen": seen[0].places[0] if seen else None,
    }
    return home.places[0], tuple(items), _fence(shapes, home, notes), _rally(shapes), extra


def _fence(shapes: Sequence[Drawn], home: Drawn, notes: list[str]) -> Fence | None:
    polygons: list[FencePolygon] = []
    circles: list[FenceCircle] = []
    for shape in shapes:
        if shape.kind not in ("fence-inclusion", "fence-exclusion") or shape.form != "polygon":
            continue
        inclusion = shape.kind == "fence-inclusion"
        circle = _circle(shape, inclusion, notes)
        if circle is not None:
            circles.append(circle)
        else:
            polygons.append(FencePolygon(inclusion=inclusion, vertices=shape.places))
    check_count(sum(len(p.vertices) for p in polygons), MAX_VERTICES, what="fence vertices", where="fence")
    ceiling = _optional(home, "max_height_m")
    breach = _breach_return(home)
    if not polygons and not circles and ceiling is None and breach is None:
        return None
    return Fence(polygons=tuple(polygons), circles=tuple(circles), max_height_m=ceiling, breach_return=breach)


def _breach_return(home: Drawn) -> tuple[LatLon, float] | None:
    text = home.properties.get("breach_return")
    if not text:
        return None
    parts = str(text).split(",")
    values = [_as_number(part, "breach_return", home.where) for part in parts]
    if len(values) != 3:
        raise PlanFileError("breach_return is not latitude,longitude,height", where=home.where)
    return drawn_latlon(values[0], values[1], where=home.where), height_m(values[2], where=home.where)


def _circle(shape: Drawn, inclusion: bool, notes: list[str]) -> FenceCircle | None:
    """The circle that a drawn ring stands for; None for a polygon, or a ring that was moved since."""
    centre = shape.properties.get("centre_lon_lat")
    if "radius_m" not in shape.properties or centre is None:
        return None
    parts = centre if isinstance(centre, list) else str(centre).split()
    values = [_as_number(part, "centre_lon_lat", shape.where) for part in parts]
    radius_m = _number(shape, "radius_m")
    if len(values) != 2 or not 0 < radius_m < 1e6:
        raise PlanFileError("a circle needs a centre and a radius in metres", where=shape.where)
    place = drawn_latlon(values[1], values[0], where=shape.where)
    circle = FenceCircle(inclusion=inclusion, centre=place, radius_m=radius_m)
    if not _is_ring_of(shape.places, circle):
        notes.append(
            Message(
                "{where}: the ring is not the circle it was written for; read as a polygon", where=shape.where
            )
        )
        return None
    return circle


def _is_ring_of(places: Sequence[LatLon], circle: FenceCircle) -> bool:
    """Whether a drawn ring is still the one that airbeat draws for a circle, either way round."""
    ring = circle_ring(circle)
    if len(ring) != len(places):
        return False
    return all(
        min(distance_m(place, ring[n]), distance_m(place, ring[-n])) <= _CIRCLE_MOVED_M
        for n, place in enumerate(places)
    )


def _rally(shapes: Sequence[Drawn]) -> tuple[RallyPoint, ...] | None:
    points = [s for s in shapes if s.kind == "rally" and s.form == "point"]
    check_count(len(points), MAX_RALLY_POINTS, what="rally points", where="the drawing")
    rally = []
    for shape in points:
        datum = str(shape.properties.get("height_datum", "home"))
        if datum not in {d.value for d in AltitudeDatum}:
            raise PlanFileError(
                Message("height_datum {clean_text!r}", clean_text=clean_text(datum, limit=40)),
                where=shape.where,
            )
        value_m = height_m(_number(shape, "height_m"), where=shape.where)
        altitude = Altitude(value_m=value_m, datum=AltitudeDatum(datum))
        rally.append(RallyPoint(position=shape.places[0], altitude=altitude))
    return tuple(rally) or None


def _foreign(shapes: Sequence[Drawn], notes: list[str]) -> _Parts:
    lines = [s for s in shapes if s.form == "line"]
    if len(lines) > 1:
        raise PlanFileError(
            Message("{lines} {which_line}", lines=len(lines), which_line=Message(WHICH_LINE)),
            where=lines[1].where,
            remedy="keep one line in the file",
        )
    points = [s for s in shapes if s.form == "point"]
    chosen = lines or points
    places = [place for shape in chosen for place in shape.places]
    heights = [h for shape in chosen for h in (shape.heights or (None,) * len(shape.places))]
    if not places:
        raise PlanFileError(
            NOTHING_TO_FLY, remedy="draw a route as one line, or plan the polygons: airbeat plan --area"
        )
    check_count(len(places), MAX_ITEMS, what="waypoints", where=chosen[0].where)
    if lines and points:
        notes.append(
            Message("{points} points beside the line are not read: the line is the route", points=len(points))
        )
    if any(s.form == "polygon" for s in shapes):
        notes.append(AREAS_BESIDE)
    if any(h is None for h in heights):
        notes.append(NO_HEIGHTS)
    notes.append(Message("the file states no take-off place: the first waypoint stands for it"))
    items = tuple(
        PlanItem(command=MavCmd.NAV_WAYPOINT, position=place, altitude=height)
        for place, height in zip(places, heights, strict=True)
    )
    return places[0], infer_roles(items), None, None, {}


def _number(shape: Drawn, key: str) -> float:
    return _as_number(shape.properties.get(key), key, shape.where)


def _optional(shape: Drawn, key: str) -> float | None:
    return None if shape.properties.get(key) in (None, "") else _number(shape, key)


def _as_number(value: Any, key: str, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise PlanFileError(
            Message(
                "{key} is {clean_text!r}, not a number", key=key, clean_text=clean_text(str(value), limit=40)
            ),
            where=where,
        )
    return number
