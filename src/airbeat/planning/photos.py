"""Where the planned photographs are taken, and what they cover."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.planning.route import polygons_of
from airbeat.planning.tour import Leg

__all__ = ["footprints", "hover_places", "photo_count", "uncovered"]

_NOT_WORTH_NAMING_M2 = 0.5


def photo_count(legs: Sequence[Leg], trigger_distance_m: float, *, hovering: bool = False) -> int:
    """Photographs taken: one at each line's start, one every trigger distance, one at its end.

    Photographed legs that follow one another are one line.
    """
    if hovering:
        return sum(len(places) for places in hover_places(legs, trigger_distance_m))
    lengths_m: list[float] = []
    before: Leg | None = None
    for leg in legs:
        if leg.camera_on and before is not None and before.camera_on and before.end == leg.start:
            lengths_m[-1] += _length(leg)
        elif leg.camera_on:
            lengths_m.append(_length(leg))
        before = leg
    return sum(2 + math.floor(length / trigger_distance_m - 1e-9) for length in lengths_m)


def hover_places(legs: Sequence[Leg], trigger_distance_m: float) -> list[npt.NDArray[np.float64]]:
    """For each leg the (n, 2) places [m] at which the vehicle stands still for a photograph.

    They divide the leg evenly, no further apart than the trigger distance, both ends among them; a start
    that is the end of a photographed leg is left out.
    """
    result = []
    before: Leg | None = None
    for leg in legs:
        places = np.empty((0, 2))
        if leg.camera_on:
            steps = max(1, math.ceil(_length(leg) / trigger_distance_m - 1e-9))
            places = np.linspace(leg.start, leg.end, steps + 1)
            if before is not None and before.camera_on and before.end == leg.start:
                places = places[1:]
        result.append(places)
        before = leg
    return result


def footprints(
    legs: Sequence[Leg], *, across_m: float, near_m: float, far_m: float, trigger_distance_m: float
) -> Any:
    """Union of the footprints of all planned photographs, local metres.

    Args:
        legs: those with the camera on are photographed, the nose along the leg.
        across_m: width that each photograph shows [m].
        near_m: where a photograph begins, ahead of the vehicle (negative: behind it) [m].
        far_m: where it ends, ahead of the vehicle [m].
        trigger_distance_m: distance between photographs [m].
    """
    return shapely.union_all(
        [
            rectangle
            for leg in legs
            if leg.camera_on
            for rectangle in _line_footprints(leg, across_m, (near_m, far_m), trigger_distance_m)
        ]
    )


def uncovered(area: Any, seen: Any) -> Any | None:
    """The parts of the area outside the footprints, or None."""
    left = [p for p in polygons_of(area.difference(seen)) if p.area > _NOT_WORTH_NAMING_M2]
    return shapely.union_all(left) if left else None


def _length(leg: Leg) -> float:
    return math.dist(leg.start, leg.end)


def _line_footprints(leg: Leg, across: float, ahead: tuple[float, float], trigger: float) -> list[Any]:
    length = max(_length(leg), 1e-9)
    d = (np.array(leg.end) - np.array(leg.start)) / length
    n = np.array([-d[1], d[0]]) * across / 2
    spans = [(0.0, length)]
    if trigger > ahead[1] - ahead[0]:
        spans = [(s, s) for s in (*np.arange(0.0, length, trigger), length)]
    out = []
    for a, b in spans:
        p, q = np.array(leg.start) + d * (a + ahead[0]), np.array(leg.start) + d * (b + ahead[1])
        out.append(shapely.Polygon([p - n, q - n, q + n, p + n]))
    return out
