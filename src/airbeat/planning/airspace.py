"""Vehicles kept apart: a height layer for each one's transits, one vehicle at a time over a launch place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["COLUMN_S", "LAYER_STEP_M", "Slot", "layer_heights_m", "starts_s"]

LAYER_STEP_M = 5.0
"""Height between the layers of two vehicles."""
COLUMN_S = 10.0
"""How long a take-off or a landing keeps a launch place where the height of the flight is not known."""
_SAME_PLACE_M = 10.0
"""Launch places nearer than this to one another are one place."""


def layer_heights_m(heights_m: Sequence[float | None]) -> list[float]:
    """Heights of the transits above the height at which each vehicle photographs [m].

    Args:
        heights_m: heights at which the vehicles photograph; None is taken for the highest of the others.

    A single vehicle needs none. Several fly their transits above all that photograph, each in a layer of its
    own: transits may cross on the map but never at one height, and change height only over their own launch
    place and over their own part of the area.
    """
    if len(heights_m) == 1:
        return [0.0]
    top_m = max((h for h in heights_m if h is not None), default=0.0)
    own_m = [top_m if h is None else h for h in heights_m]
    return [top_m - h + LAYER_STEP_M * (k + 1) for k, h in enumerate(own_m)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A flight to be given a start.

    Attributes:
        vehicle: number of the vehicle, which flies its flights in the order given.
        place: launch place (x, y) [m].
        duration_s: take-off to landing [s].
        up_s: time that the take-off keeps the launch place [s].
        down_s: time that the landing keeps it [s].
        not_before_s: earliest start [s].
    """

    vehicle: int
    place: tuple[float, float]
    duration_s: float
    up_s: float
    down_s: float
    not_before_s: float = 0.0


def starts_s(slots: Sequence[Slot], *, swap_s: float) -> list[float]:
    """The start of each flight after the first one's [s], such that every launch place serves one at a time.

    A flight waits on the ground until the launch place is free both for its take-off and for its landing.
    Of vehicles that are ready at once, the one that has most left to fly goes first, or the one that has
    least: whichever ends earlier.

    Args:
        slots: flights; those of one vehicle in their order.
        swap_s: time a vehicle needs on the ground between two flights [s].
    """
    tried = [_starts_s(slots, swap_s, first) for first in (-1.0, 1.0)]
    return min(
        tried, key=lambda starts: max(s + slot.duration_s for s, slot in zip(starts, slots, strict=True))
    )


def _starts_s(slots: Sequence[Slot], swap_s: float, first: float) -> list[float]:
    """The starts, most to fly first (-1) or least first (1)."""
    waiting: dict[int, list[int]] = {}
    for number, slot in enumerate(slots):
        waiting.setdefault(slot.vehicle, []).append(number)
    ready = dict.fromkeys(waiting, 0.0)
    taken: list[tuple[tuple[float, float], float, float]] = []
    starts = [0.0] * len(slots)
    while any(waiting.values()):
        left = {v: sum(slots[n].duration_s for n in numbers) for v, numbers in waiting.items() if numbers}
        vehicle = min(left, key=lambda v: (ready[v], first * left[v], v))
        number = waiting[vehicle].pop(0)
        slot = slots[number]
        starts[number] = _earliest(slot, max(ready[vehicle], slot.not_before_s), taken)
        end = starts[number] + slot.duration_s
        ready[vehicle] = end + swap_s
        taken += [
            (slot.place, starts[number], starts[number] + slot.up_s),
            (slot.place, end - slot.down_s, end),
        ]
    return starts


def _earliest(slot: Slot, ready_s: float, taken: Sequence[tuple[tuple[float, float], float, float]]) -> float:
    """The first start from ``ready_s`` on at which take-off and landing find the place free [s]."""
    here = [(a, b) for place, a, b in taken if math.dist(place, slot.place) < _SAME_PLACE_M]
    windows = ((0.0, slot.up_s), (slot.duration_s - slot.down_s, slot.duration_s))
    start = ready_s
    while True:
        later = [
            b - first
            for a, b in here
            for first, last in windows
            if start + first < b - 1e-9 and a < start + last - 1e-9
        ]
        if not later:
            return start
        start = min(later)
