"""Drones of one beat kept apart: one at a time over a pad, none near another at one height.

Where two come too near, the one that leaves later waits on the ground, ten seconds at a time, as far as its
windows allow. What is still near then is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import shapely

from airbeat.geo.frame import LocalFrame
from airbeat.mission.forecast import forecast
from airbeat.mission.plan import FlightPlan
from airbeat.planning.airspace import LAYER_STEP_M
from airbeat.planning.separation import APART_M, Track, nearest_m

__all__ = ["Departure", "kept_apart"]

_STEP_S = 10.0
_TRIES = 400
_PAD_OUT_S = 15.0
_PAD_IN_S = 25.0
"""A take-off and a landing keep the pad to themselves for so long."""
_MOST_COMPARED = 300
"""Of more sorties than this only the pads are looked at."""


@dataclass(slots=True, kw_only=True)
class Departure:
    """A sortie and when it leaves.

    Attributes:
        drone: number of the drone.
        site: number of the launch site.
        take_off_s: when it leaves [s].
        duration_s: take-off to landing [s].
        slack_s: how much later it may leave than planned at first [s].
        swap_s: time the drone needs on the ground behind it [s].
        plan: what it flies.
    """

    drone: int
    site: int
    take_off_s: float
    duration_s: float
    slack_s: float
    swap_s: float
    plan: FlightPlan

    @property
    def land_s(self) -> float:
        """When it is on the ground again [s]."""
        return self.take_off_s + self.duration_s


class _Flights:
    def __init__(self, departures: Sequence[Departure], frame: LocalFrame) -> None:
        self.departures = departures
        self._frame = frame

    @cached_property
    def tracks(self) -> list[Track]:
        """Where each sortie is when."""
        return [_track(d, self._frame) for d in self.departures]

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Sorties of two drones that could come near one another at one height."""
        if len(self.departures) > _MOST_COMPARED:
            return []
        lines = [shapely.LineString(t.xy).buffer(APART_M) for t in self.tracks]
        return [
            (i, j)
            for i, j in combinations(range(len(lines)), 2)
            if self.departures[i].drone != self.departures[j].drone
            and _share_a_height(self.tracks[i], self.tracks[j])
            and lines[i].intersects(lines[j])
        ]

    def near(self, i: int, j: int) -> float:
        """How near two sorties come at one height [m]."""
        starts = [self.departures[k].take_off_s for k in (i, j)]
        return nearest_m([self.tracks[i], self.tracks[j]], starts)[0]


def kept_apart(departures: Sequence[Departure], frame: LocalFrame) -> float:
    """Delay sorties until pads and heights are free; how near two come at one height then [m].

    Args:
        departures: changed in place: ``take_off_s``, and what is left of ``slack_s``.
        frame: local frame.
    """
    flights = _Flights(departures, frame)
    for _ in range(_TRIES):
        conflict = _pad_conflict(departures) or _air_conflict(flights)
        if conflict is None:
            break
        later, earlier = sorted(conflict, key=lambda k: -departures[k].take_off_s)
        if not (_delayed(departures, later) or _delayed(departures, earlier)):
            break
    return min((flights.near(i, j) for i, j in flights.pairs), default=math.inf)


def _delayed(departures: Sequence[Departure], number: int) -> bool:
    """Delay a sortie by one step, and those of the same drone behind it; whether that was possible."""
    moved: list[tuple[Departure, float]] = [(departures[number], _STEP_S)]
    own = sorted(
        (d for d in departures if d.drone == departures[number].drone and d is not departures[number]),
        key=lambda d: d.take_off_s,
    )
    land = departures[number].land_s + _STEP_S + departures[number].swap_s
    for other in own:
        if other.take_off_s > departures[number].take_off_s and other.take_off_s < land:
            moved.append((other, land - other.take_off_s))
            land += other.duration_s + other.swap_s
    if any(d.slack_s < by - 1e-9 for d, by in moved):
        return False
    for departure, by in moved:
        departure.take_off_s += by
        departure.slack_s -= by
    return True


def _pad_conflict(departures: Sequence[Departure]) -> tuple[int, int] | None:
    by_site: dict[int, list[tuple[float, float, int]]] = {}
    for number, d in enumerate(departures):
        spans = by_site.setdefault(d.site, [])
        spans.append((d.take_off_s, d.take_off_s + _PAD_OUT_S, number))
        spans.append((d.land_s - _PAD_IN_S, d.land_s, number))
    for spans in by_site.values():
        spans.sort()
        for k, (_, end, number) in enumerate(spans):
            for begin, _, other in spans[k + 1 :]:
                if begin >= end - 1e-9:
                    break
                if other != number and departures[other].drone != departures[number].drone:
                    return number, other
    return None


def _air_conflict(flights: _Flights) -> tuple[int, int] | None:
    for i, j in flights.pairs:
        if flights.near(i, j) < APART_M:
            return i, j
    return None


def _share_a_height(a: Track, b: Track) -> bool:
    """Whether two sorties are at one height anywhere but over their pads."""
    spans = (s for s in a.spans[1:-1] for t in b.spans[1:-1] if _overlap(s, t))
    return next(spans, None) is not None


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[2] < b[3] + LAYER_STEP_M / 2 and b[2] < a[3] + LAYER_STEP_M / 2


def _track(departure: Departure, frame: LocalFrame) -> Track:
    """Where a sortie is when, by the forecast of its items."""
    plan = departure.plan
    foreseen = forecast(plan)
    x, y = (float(v) for v in frame.to_xy([plan.home])[0])
    times, places = [0.0], [(x, y)]
    heights = [i.altitude.value_m for _, i in plan.waypoints() if i.altitude is not None]
    low, high = min(heights, default=0.0), max(heights, default=0.0)
    clock = 0.0
    up_s = 0.0
    back_s = departure.duration_s
    for number, item in plan.numbered():
        if foreseen is None or number not in foreseen.items:
            continue
        part = foreseen.items[number]
        clock += part.duration_s
        if item.position is not None:
            px, py = (float(v) for v in frame.to_xy([item.position])[0])
            hold = item.params[0]
            times.append(clock - min(hold, part.duration_s))
            places.append((px, py))
            if hold:
                times.append(clock)
                places.append((px, py))
        up_s = up_s or clock
    landing_s = plan.airframe.landing_time_s(high) if plan.airframe else 0.0
    back_s = max(times[-1], clock - landing_s)
    times += [back_s, clock]
    places += [(x, y), (x, y)]
    spans = (
        (0.0, up_s, 0.0, high),
        (up_s, back_s, low, high),
        (back_s, clock, 0.0, high),
    )
    return Track(
        drone=departure.drone,
        times_s=np.maximum.accumulate(np.array(times)),
        xy=np.array(places),
        spans=spans,
    )
