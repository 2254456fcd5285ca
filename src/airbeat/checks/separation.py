"""Whether aircraft that fly at the same time stay apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.checks.catalogue import found
from airbeat.checks.findings import Finding
from airbeat.checks.unrolled import Flight, fly
from airbeat.errors import PlanningError
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.language.words import Message
from airbeat.mission.plan import FlightPlan

__all__ = ["APART_M", "LAYER_M", "Departure", "check_separation"]

APART_M = 15.0
"""Aircraft at one height are nowhere nearer to one another than this."""
LAYER_M = 5.0
"""Aircraft whose heights differ by this much are at different heights."""
SLACK_S = 30.0
"""Departures and flight times are this uncertain, each way."""
_SAMPLE_S = 1.0
_FARTHEST_M = 100_000.0

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """An aircraft that takes off at a time.

    Attributes:
        name: as messages call it.
        plan: what it flies.
        start_s: take-off after the first one's [s].
    """

    name: str
    plan: FlightPlan
    start_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Track:
    times_s: Points
    places: Points
    numbers: npt.NDArray[np.int64]


def check_separation(departures: Sequence[Departure]) -> Iterator[Finding]:
    """Findings about every pair of aircraft, in the local frame of the first one's home.

    Heights above home of aircraft with different homes are compared by their heights above sea level, and as
    they are where those are not known.
    """
    if len(departures) < 2:
        return
    frame = LocalFrame(departures[0].plan.home)
    tracks: dict[str, _Track] = {}
    for departure in departures:
        track = _track(fly(departure.plan), departure, departures[0].plan, frame)
        if track is not None:
            tracks[departure.name] = track
    for a, b in combinations(departures, 2):
        if a.name in tracks and b.name in tracks:
            yield from _pair(a, tracks[a.name], b, tracks[b.name], frame)


def _track(flight: Flight, departure: Departure, first: FlightPlan, frame: LocalFrame) -> _Track | None:
    """Where the aircraft is over time: straight between its waypoints; None where it does not fly."""
    if not flight.stops or distance_m(first.home, flight.plan.home) > _FARTHEST_M:
        return None
    try:
        parts = flight.parts()
    except PlanningError:
        return None
    homes = (flight.plan.home_amsl_m, first.home_amsl_m)
    lift_m = homes[0] - homes[1] if homes[0] is not None and homes[1] is not None else 0.0
    ends = list(accumulate((p.duration_s for p in parts), initial=departure.start_s))
    home_xy = tuple(float(v) for v in frame.to_xy([flight.plan.home])[0])
    times, places, numbers = [ends[0], ends[1]], [(*home_xy, 0.0), (*home_xy, flight.climb_m)], [0, 0]
    here = [tuple(map(float, xy)) for xy in frame.to_xy([s.position for s in flight.stops])]
    for stop, xy, end_s in zip(flight.stops, here, ends[2:], strict=False):
        moved_s = max(end_s - stop.hold_s, times[-1])
        times += [moved_s, end_s]
        places += [(*xy, stop.place[2])] * 2
        numbers += [stop.number] * 2
    down = here[-1] if flight.lands_there else home_xy
    height_m = flight.stops[-1].place[2]
    landing_s = min(flight.airframe.landing_time_s(height_m), ends[-1] - times[-1])
    times += [ends[-1] - landing_s, ends[-1]]
    places += [(*down, height_m), (*down, 0.0)]
    numbers += [flight.ends] * 2
    array = np.array(places, dtype=float)
    array[:, 2] += lift_m
    return _Track(times_s=np.array(times), places=array, numbers=np.array(numbers))


def _at(track: _Track, times_s: Points) -> Points:
    return np.column_stack([np.interp(times_s, track.times_s, track.places[:, k]) for k in range(3)])


def _pair(a: Departure, one: _Track, b: Departure, two: _Track, frame: LocalFrame) -> Iterator[Finding]:
    meeting = _meeting(one, two)
    if meeting is not None:
        time_s, distance, place, numbers = meeting
        yield found(
            "aircraft-too-near",
            Message(
                "{a} and {b} come within {distance:.0f} m of one another at one height, about "
                "{time_s:.0f} min after the first take-off (departures may be {slack_s:g} s off); on "
                "the way to item {numbers} and item {numbers_2}",
                a=a.name,
                b=b.name,
                distance=distance,
                time_s=time_s / 60,
                slack_s=SLACK_S,
                numbers=numbers[0],
                numbers_2=numbers[1],
            ),
            items=numbers,
            place=frame.to_latlon([place])[0],
            remedy=Message(
                "fly {layer_m:g} m apart in height, or let one start when the other has passed",
                layer_m=LAYER_M,
            ),
        )
        return
    crossing = _crossing(one, two)
    if crossing is not None:
        yield found(
            "aircraft-paths-cross",
            Message(
                "the paths of {a} and {b} come within {apart_m:g} m at one height, at different times",
                a=a.name,
                b=b.name,
                apart_m=APART_M,
            ),
            place=frame.to_latlon([crossing])[0],
            remedy="keep to the departures; a late start brings them together",
        )


def _meeting(one: _Track, two: _Track) -> tuple[float, float, tuple[float, float], tuple[int, int]] | None:
    """When and where two aircraft are nearest within the slack, if that is too near.

    Each moment of the first is compared with what the second may be at within the slack of it.
    """
    begin = max(one.times_s[0], two.times_s[0] - SLACK_S)
    end = min(one.times_s[-1], two.times_s[-1] + SLACK_S)
    if end <= begin:
        return None
    times = np.arange(begin, end, _SAMPLE_S)
    first = _at(one, times)
    best: tuple[float, int, float] | None = None
    for shift in np.arange(-SLACK_S, SLACK_S + _SAMPLE_S, _SAMPLE_S):
        now = times + shift
        flying = (now >= two.times_s[0]) & (now <= two.times_s[-1])
        second = _at(two, now)
        apart = np.hypot(*(first[:, :2] - second[:, :2]).T)
        meets = flying & (np.abs(first[:, 2] - second[:, 2]) < LAYER_M) & (apart < APART_M)
        if meets.any():
            k = int(np.argmin(np.where(meets, apart, math.inf)))
            if best is None or apart[k] < best[0]:
                best = (float(apart[k]), k, float(shift))
    if best is None:
        return None
    distance, k, shift = best
    numbers = tuple(
        int(t.numbers[min(np.searchsorted(t.times_s, when), len(t.numbers) - 1)])
        for t, when in ((one, times[k]), (two, times[k] + shift))
    )
    return float(times[k]), distance, (float(first[k, 0]), float(first[k, 1])), (numbers[0], numbers[1])


def _crossing(one: _Track, two: _Track) -> tuple[float, float] | None:
    """Where two paths come near at one height, whenever they are flown; near both homes is not counted."""
    for k in range(1, len(one.places)):
        a, b = one.places[k - 1], one.places[k]
        line = shapely.LineString([a[:2], b[:2]])
        for j in range(1, len(two.places)):
            c, d = two.places[j - 1], two.places[j]
            if max(a[2], b[2]) + LAYER_M <= min(c[2], d[2]) or max(c[2], d[2]) + LAYER_M <= min(a[2], b[2]):
                continue
            other = shapely.LineString([c[:2], d[:2]])
            if line.distance(other) < APART_M:
                near = shapely.get_coordinates(shapely.shortest_line(line, other))[0]
                return float(near[0]), float(near[1])
    return None
