"""What the planned photographs cover."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

from airbeat.planning.route import polygons_of
from airbeat.planning.tour import Leg

__all__ = ["footprints", "photo_count", "uncovered"]

_NOT_WORTH_NAMING_M2 = 0.5


def photo_count(legs: Sequence[Leg], trigger_distance_m: float) -> int:
    """Photographs taken: one at each line's start, one every trigger distance, one at its end."""
    return sum(2 + math.floor(_length(leg) / trigger_distance_m - 1e-9) for leg in legs if leg.camera_on)


def footprints(legs: Sequence[Leg], *, across_m: float, along_m: float, trigger_distance_m: float) -> Any:
    """Union of the rectangular footprints of all planned photographs, local metres."""
    return shapely.union_all(
        [
            rectangle
            for leg in legs
            if leg.camera_on
            for rectangle in _line_footprints(leg, across_m, along_m, trigger_distance_m)
        ]
    )


def uncovered(area: Any, seen: Any) -> Any | None:
    """The parts of the area outside the footprints, or None."""
    left = [p for p in polygons_of(area.difference(seen)) if p.area > _NOT_WORTH_NAMING_M2]
    return shapely.union_all(left) if left else None


def _length(leg: Leg) -> float:
    return math.dist(leg.start, leg.end)


def _line_footprints(leg: Leg, across: float, along: float, trigger: float) -> list[Any]:
    length = max(_length(leg), 1e-9)
    d = (np.array(leg.end) - np.array(leg.start)) / length
    n = np.array([-d[1], d[0]]) * across / 2
    stations = [0.0, length] if trigger <= along else [*np.arange(0.0, length, trigger), length]
    spans = [(0.0, length)] if trigger <= along else [(s, s) for s in stations]
    out = []
    for a, b in spans:
        p, q = np.array(leg.start) + d * (a - along / 2), np.array(leg.start) + d * (b + along / 2)
        out.append(shapely.Polygon([p - n, q - n, q + n, p + n]))
    return out
