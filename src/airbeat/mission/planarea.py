"""The areas that a QGroundControl ``.plan`` draws: polygons of surveys, lines of corridor scans."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.polygons import Outline
from airbeat.language.words import Message
from airbeat.mission.areafeature import check_length

__all__ = ["PlanArea", "is_qgc_plan", "plan_areas"]

MAX_ITEMS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanArea:
    """A survey's polygon, or a corridor's line with its full width [m]."""

    outlines: tuple[Outline, ...] = ()
    line: tuple[LatLon, ...] = ()
    width_m: float | None = None


def is_qgc_plan(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a QGroundControl plan."""
    return document.get("fileType") == "Plan"


def plan_areas(document: Mapping[str, Any]) -> Iterator[PlanArea]:
    """The areas of the plan's complex items, in order; other items draw none.

    Raises:
        GeometryError: no such item, or one whose outline is none.
    """
    mission = document.get("mission")
    items = mission.get("items") if isinstance(mission, dict) else None
    found = False
    for number, item in enumerate(items[:MAX_ITEMS] if isinstance(items, list) else (), start=1):
        kind = item.get("complexItemType") if isinstance(item, dict) else None
        where = f"item {number}"
        if kind == "survey":
            found = True
            yield PlanArea(outlines=(Outline(shell=_places(item.get("polygon"), where)),))
        elif kind == "CorridorScan":
            found = True
            yield PlanArea(
                line=_places(item.get("polyline"), where), width_m=_width(item.get("CorridorWidth"), where)
            )
    if not found:
        raise GeometryError(
            "the plan draws no area: it holds no Survey and no Corridor Scan",
            remedy="draw one in QGroundControl, or give the area as GeoJSON or KML",
        )


def _places(value: Any, where: str) -> tuple[LatLon, ...]:
    if not isinstance(value, list):
        raise GeometryError("its outline is not a list of places", where=where)
    check_length(len(value))
    return tuple(_place(pair, where) for pair in value)


def _place(pair: Any, where: str) -> LatLon:
    numbers = pair[:2] if isinstance(pair, list) else []
    if len(numbers) != 2 or not all(_is_number(v) for v in numbers):
        raise GeometryError(
            Message("not a place: {pair!r}", pair=str(pair)[:60]), where=where, remedy="[latitude, longitude]"
        )
    return LatLon(lat_deg=float(numbers[0]), lon_deg=float(numbers[1]))


def _width(value: Any, where: str) -> float:
    if not _is_number(value) or not 0 < value <= 10_000.0:
        raise GeometryError(
            Message("a corridor {number} m wide", number=str(value)[:40]), where=where, remedy="0 to 10000 m"
        )
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
