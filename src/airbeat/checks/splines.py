"""The curves that ArduCopter flies to spline waypoints, against the fence and its ceiling.

A spline leg is the cubic Hermite curve between its two places (AP_Math's SplineCurve): it begins in the
direction of the leg or the curve before it and ends towards the next place; before another curve it ends in
the direction from its own beginning to the next place. Where the vehicle stops, the tangent is zero. Tangents
longer together than four times the leg are scaled down to that (AC_WPNav's ``set_spline_destination``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from airbeat.checks.catalogue import found
from airbeat.checks.findings import Finding
from airbeat.checks.space import is_remote
from airbeat.checks.unrolled import Flight, Stop
from airbeat.checks.zones import Zones
from airbeat.language.words import Message
from airbeat.mission.commands import MavCmd

__all__ = ["Curve", "check_splines", "curves", "is_curved"]

_LONGEST_TANGENTS = 4.0
"""SPLINE_FACTOR."""
_STEP_M = 2.0
_LEAST_STEPS, _MOST_STEPS = 24, 500
_ROUND_OFF_M = 0.1

Curve = tuple[int, NDArray[np.float64]]
"""The item that a curve is flown to, and (n, 3) places along it: east, north, height above home [m]."""


def is_curved(flight: Flight, stop: Stop) -> bool:
    """Whether the leg to a stop is a spline."""
    return flight.plan.items[stop.number - 1].command == MavCmd.NAV_SPLINE_WAYPOINT


def curves(flight: Flight) -> list[Curve]:
    """The curves of a flight in the order flown, each shape once."""
    result: list[Curve] = []
    known: set[tuple[object, ...]] = set()
    stops = flight.stops
    arriving = np.zeros(3)
    place = np.array([0.0, 0.0, flight.climb_m])
    before: Stop | None = None
    for index, stop in enumerate(stops):
        end = np.array(stop.place)
        following = stops[index + 1] if index + 1 < len(stops) else None
        if not is_curved(flight, stop):
            arriving = end - place if stop.passes and stop.hold_s == 0 else np.zeros(3)
        else:
            begins = arriving if before is None or _same_datum(before, stop) else np.zeros(3)
            leaving = _leaving(flight, place, stop, following)
            shape = (stop.number, *place, *begins, *leaving)
            if shape not in known and math.dist(place, end) > 0:
                known.add(shape)
                result.append((stop.number, _hermite(place, end, begins, leaving)))
            arriving = leaving
        place, before = end, stop
    return result


def _leaving(
    flight: Flight, start: NDArray[np.float64], stop: Stop, following: Stop | None
) -> NDArray[np.float64]:
    """The tangent at the end of a curve [m]."""
    if following is None or stop.hold_s > 0 or not _same_datum(stop, following):
        return np.zeros(3)
    begins = start if is_curved(flight, following) else np.array(stop.place)
    tangent: NDArray[np.float64] = np.array(following.place) - begins
    return tangent


def _same_datum(a: Stop, b: Stop) -> bool:
    """Whether both heights count from the ground, or neither does; else the vehicle stops between them."""
    return (a.above_m is None) is (b.above_m is None)


def _hermite(
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    begins: NDArray[np.float64],
    leaving: NDArray[np.float64],
) -> NDArray[np.float64]:
    length_m = float(np.linalg.norm(end - start))
    tangents_m = float(np.linalg.norm(begins) + np.linalg.norm(leaving))
    if tangents_m > _LONGEST_TANGENTS * length_m:
        scale = _LONGEST_TANGENTS * length_m / tangents_m
        begins, leaving = begins * scale, leaving * scale
    steps = int(min(max((length_m + tangents_m) / _STEP_M, _LEAST_STEPS), _MOST_STEPS))
    t = np.linspace(0.0, 1.0, steps + 1)[:, None]
    places: NDArray[np.float64] = (
        start
        + begins * t
        + (3 * (end - start) - 2 * begins - leaving) * t**2
        + (2 * (start - end) + begins + leaving) * t**3
    )
    return places


def check_splines(flight: Flight) -> Iterator[Finding]:
    """Curves that leave the fence where their straight legs do not, or rise over its ceiling."""
    fence = flight.plan.fence
    bends = curves(flight) if fence is not None else []
    if fence is None or not bends:
        return
    if fence.max_height_m is not None:
        ends = {stop.number: stop.place[2] for stop in flight.stops}
        for number, places in bends:
            highest_m = float(places[:, 2].max())
            if highest_m > max(fence.max_height_m, ends[number]) + _ROUND_OFF_M:
                yield found(
                    "above-ceiling",
                    Message(
                        "the curve to item {number} rises to {highest_m:.0f} m above home, the ceiling is "
                        "{max_height_m:g} m",
                        number=number,
                        highest_m=highest_m,
                        max_height_m=fence.max_height_m,
                    ),
                    items=(number,),
                    place=flight.frame.to_latlon([places[places[:, 2].argmax(), :2]])[0],
                    remedy="fly it with ordinary waypoints, or lower them",
                )
    if fence.is_empty or is_remote(flight.plan):
        return
    zones = Zones(fence, frame=flight.frame)
    for number, places in bends:
        straight_m, _ = zones.breach_m(shapely.LineString(places[[0, -1], :2]))
        out_m, xy = zones.breach_m(shapely.LineString(places[:, :2]))
        if straight_m == 0.0 and out_m > 0:
            yield found(
                "curve-outside-fence",
                Message(
                    "the curve to item {number} comes {out_m:.1f} m outside the fence or into a "
                    "keep-out, although the straight leg stays where it may be",
                    number=number,
                    out_m=out_m,
                ),
                items=(number,),
                place=flight.frame.to_latlon([xy])[0],
                remedy="fly it with ordinary waypoints, or move it away from the edge",
            )
