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
    legs: Sequence[Leg],
    *,
    across_m: float,
    near_m: float,
    far_m: float,
    trigger_distance_m: float,
    chained: bool = False,
) -> Any:
    """Union of the footprints of all planned photographs, local metres.

    Args:
        legs: those with the camera on are photographed, the nose along the leg.
        across_m: width that each photograph shows [m].
        near_m: where a photograph begins, ahead of the vehicle (negative: behind it) [m].
        far_m: where it ends, ahead of the vehicle [m].
        trigger_distance_m: distance between photographs [m].
        chained: whether the camera stays on where a leg begins at the end of the one before, so that no
            photograph need be taken at the corner itself.
    """
    seen: list[Any] = []
    since_m, before = 0.0, None
    for number, leg in enumerate(legs):
        if leg.camera_on:
            goes_on = chained and before is not None and before.camera_on and before.end == leg.start
            onward = legs[number + 1] if number + 1 < len(legs) else None
            stays_on = chained and onward is not None and onward.camera_on and onward.start == leg.end
            first_m = trigger_distance_m - since_m if goes_on else 0.0
            last_m = _length(leg)
            if stays_on:
                steps = math.floor((last_m - first_m) / trigger_distance_m + 1e-9)
                last_m = first_m + steps * trigger_distance_m
            if first_m <= _length(leg) and last_m >= first_m:
                seen += _line_footprints(
                    leg, across_m, (near_m, far_m), trigger_distance_m, (first_m, last_m)
                )
                since_m = _length(leg) - last_m
            else:
                since_m += _length(leg)
        before = leg
    return shapely.union_all(seen)


def uncovered(area: Any, seen: Any) -> Any | None:
    """The parts of the area outside the footprints, or None."""
    left = [p for p in polygons_of(area.difference(seen)) if p.area > _NOT_WORTH_NAMING_M2]
    return shapely.union_all(left) if left else None


def _length(leg: Leg) -> float:
    return math.dist(leg.start, leg.end)


def _line_footprints(
    leg: Leg, across: float, ahead: tuple[float, float], trigger: float, between: tuple[float, float]
) -> list[Any]:
    """Footprints of the photographs from one distance along a leg to another."""
    length = max(_length(leg), 1e-9)
    d = (np.array(leg.end) - np.array(leg.start)) / length
    n = np.array([-d[1], d[0]]) * across / 2
    spans = [between]
    if trigger > ahead[1] - ahead[0]:
        spans = [(s, s) for s in (*np.arange(between[0], between[1], trigger), between[1])]
    out = []
    for a, b in spans:
        p, q = np.array(leg.start) + d * (a + ahead[0]), np.array(leg.start) + d * (b + ahead[1])
        out.append(shapely.Polygon([p - n, q - n, q + n, p + n]))
    return out
