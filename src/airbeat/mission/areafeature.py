"""One geometry of an area file, with what it is for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.polygons import Outline
from airbeat.language.words import Message

__all__ = ["AreaRole", "Feature", "check_length", "is_shown_only", "points_left_out", "role_of", "width_of"]

MAX_CORRIDOR_WIDTH_M = 10_000.0
MAX_RING = 100_000
"""Vertices of one ring or line that are looked at at all."""


class AreaRole(StrEnum):
    """What a feature of an area file is for."""

    AREA = "area"
    CORRIDOR = "corridor"
    KEEPOUT = "keepout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One geometry with its role, as it stands in the file; ``shown_only`` if it is part of a plan's map.

    ``properties`` are those of the GeoJSON feature, or the KML placemark's ExtendedData as text.
    """

    role: AreaRole | None
    width_m: float | None
    outlines: tuple[Outline, ...] = ()
    line: tuple[LatLon, ...] = ()
    shown_only: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict, compare=False)


def check_length(vertices: int) -> None:
    """Refuses a ring or line before its vertices become places.

    Raises:
        GeometryError: more vertices than are looked at.
    """
    if vertices > MAX_RING:
        raise GeometryError(
            Message(
                "{vertices} vertices in one line (at most {max_ring})", vertices=vertices, max_ring=MAX_RING
            ),
            remedy="simplify the outline to a few metres",
        )


def is_shown_only(kind: Any) -> bool:
    """Whether a feature of a map that airbeat wrote is something else than the area."""
    return kind is not None and kind != "area"


def points_left_out(titles: Sequence[str]) -> str:
    """The note on single points of an area file, which are no area; with what the file calls them."""
    named = [title for title in titles if title]
    if not named:
        return Message("{points} point(s) left out: areas and lines alone are read", points=len(titles))
    return Message(
        "{points} point(s) left out ({names}): areas and lines alone are read",
        points=len(titles),
        names=", ".join(t[:40] for t in named[:5]) + (", …" if len(named) > 5 else ""),
    )


def role_of(properties: Mapping[str, Any]) -> AreaRole | None:
    """What a feature says it is for; None where it does not say.

    Raises:
        GeometryError: a role that there is not.
    """
    role = properties.get("role")
    if role is None:
        return None
    try:
        return AreaRole(role)
    except ValueError:
        raise GeometryError(
            Message("unknown role {role!r}", role=str(role)[:40]),
            remedy=Message("roles: {AreaRole}; or leave it out", AreaRole=", ".join(AreaRole)),
        ) from None


def width_of(properties: Mapping[str, Any]) -> float | None:
    """The corridor width that a feature states [m]; None where it does not.

    Raises:
        GeometryError: not a width.
    """
    value = properties.get("corridor_width_m")
    if value is None:
        return None
    try:
        width_m = float(value)
    except (TypeError, ValueError, OverflowError):
        width_m = math.nan
    if isinstance(value, bool) or not 0 < width_m <= MAX_CORRIDOR_WIDTH_M:
        raise GeometryError(
            Message("corridor_width_m must be 0 to 10000 (got {number!r})", number=str(value)[:40])
        )
    return width_m
