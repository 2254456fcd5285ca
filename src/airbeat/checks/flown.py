"""Where the vehicle really flies: corners that it cuts, wind that pushes it, returns from anywhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from airbeat.checks.catalogue import found
from airbeat.checks.conditions import Conditions
from airbeat.checks.findings import Finding
from airbeat.checks.space import MOST_BREACHES, RALLY_LIMIT_M, is_remote
from airbeat.checks.splines import curves, is_curved
from airbeat.checks.unrolled import Flight, Stop
from airbeat.checks.zones import Zones
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.mission.mission import Wind
from airbeat.vehicle.airframe import Airframe
from airbeat.vehicle.tracking import pushed_off_m
from airbeat.vehicle.waypoint_flight import NavLimits, Vector, corner_points

__all__ = ["check_flown", "wind_to_m_s"]

_ROUND_OFF_M = 0.1
_NEAR_M = 3.0
"""Corners further from every edge than this are not flown in detail: a Copter cuts less than 2 m."""
_LEAST_CORNER_M = 0.02

Leg = tuple[Vector, Vector, int]
"""Begin, end and item of a leg of the flight."""


def wind_to_m_s(wind: Wind | None) -> tuple[float, float]:
    """Velocity of the air, east and north [m/s]."""
    if wind is None:
        return (0.0, 0.0)
    angle = math.radians(wind.from_deg)
    return (-wind.speed_m_s * math.sin(angle), -wind.speed_m_s * math.cos(angle))


def check_flown(flight: Flight, conditions: Conditions) -> Iterator[Finding]:
    """Findings about what the vehicle makes of the legs; none for a plan without fence zones."""
    fence = flight.plan.fence
    if fence is None or fence.is_empty or not flight.stops or is_remote(flight.plan):
        return
    zones = Zones(fence, frame=flight.frame)
    ways = _legs(flight)
    inside = _inside(ways, zones)
    corners = _corners(flight, conditions, zones)
    yield from _cut_corners(flight, corners, inside, zones)
    if conditions.margin_m is not None:
        yield from _margin(flight, conditions.margin_m, inside, corners, zones)
    yield from _overshoots(flight, conditions.wind, inside, zones)
    if conditions.wind is not None and conditions.wind.speed_m_s > 0:
        yield from _pushed(flight, conditions.wind, inside, zones)
    yield from _returns(ways, zones)
    yield from _fence_itself(flight, zones)


def _inside(ways: list[Leg], zones: Zones) -> list[Leg]:
    """The legs that stay inside; where very many do not, those behind them are not looked at."""
    inside: list[Leg] = []
    for compared, leg in enumerate(ways):
        if compared - len(inside) >= MOST_BREACHES:
            break
        if zones.breach_m(_line([leg[0], leg[1]]))[0] == 0.0:
            inside.append(leg)
    return inside


def _line(points: Sequence[Vector] | NDArray[np.float64]) -> Any:
    return shapely.LineString([p[:2] for p in points])


def _legs(flight: Flight) -> list[Leg]:
    """From home over the stops to the return."""
    places = [(0.0, 0.0, flight.climb_m), *(s.place for s in flight.stops)]
    result = [(a, b, s.number) for (a, b), s in zip(pairwise(places), flight.stops, strict=True)]
    if flight.ends and not flight.lands_there:
        result.append((places[-1], (0.0, 0.0, places[-1][2]), flight.ends))
    return list(dict.fromkeys(result))


def _corners(flight: Flight, conditions: Conditions, zones: Zones) -> list[tuple[Stop, list[Vector]]]:
    """The ways round the corners near an edge that the vehicle does not stop at."""
    result = []
    known = set()
    margin_m = conditions.margin_m or 0.0
    places = [(0.0, 0.0, flight.climb_m), *(s.place for s in flight.stops)]
    for (before, at), (stop, following) in zip(pairwise(places), pairwise(flight.stops), strict=False):
        corner = (before, at, following.place, stop.speed_m_s, following.speed_m_s)
        if is_curved(flight, stop) or is_curved(flight, following):
            continue  # a spline joins its neighbours without a corner
        if not stop.passes or stop.hold_s > 0 or corner in known:
            continue
        known.add(corner)
        reach_m = stop.acceptance_m or conditions.autopilot.acceptance_m or _NEAR_M
        if zones.margin_m(shapely.Point(at[:2])) > margin_m + max(reach_m, _NEAR_M):
            continue
        if conditions.autopilot.acceptance_m is not None:
            radius_m = stop.acceptance_m or conditions.autopilot.acceptance_m
            points = _chord(before, at, following.place, radius_m)
        else:
            points = (
                [at] if _is_straight(before, at, following.place) else _flown(flight, before, stop, following)
            )
        if len(points) > 1:
            result.append((stop, points))
    return result


def _is_straight(before: Vector, at: Vector, after: Vector) -> bool:
    """Whether the corner bends so little that cutting it changes nothing."""
    way = math.dist(before[:2], after[:2])
    if way < _LEAST_CORNER_M:
        return False
    across = (after[0] - before[0]) * (at[1] - before[1]) - (after[1] - before[1]) * (at[0] - before[0])
    return abs(across) / way < _LEAST_CORNER_M and math.dist(before, at) + math.dist(at, after) < 2 * way


def _flown(flight: Flight, before: Vector, stop: Stop, following: Stop) -> list[Vector]:
    return corner_points(
        before,
        stop.place,
        following.place,
        arriving=NavLimits.of(flight.airframe, stop.speed_m_s),
        leaving=NavLimits.of(flight.airframe, following.speed_m_s),
    )


def _chord(before: Vector, at: Vector, after: Vector, radius_m: float) -> list[Vector]:
    """The shortest way that an autopilot may take which turns as soon as it is so near."""
    ends = []
    for other in (before, after):
        length_m = math.dist(at, other)
        if length_m < _LEAST_CORNER_M:
            return [at]
        share = min(radius_m / length_m, 1.0)
        ends.append(tuple(a + (b - a) * share for a, b in zip(at, other, strict=True)))
    return [(e[0], e[1], e[2]) for e in ends]


def _cut_corners(
    flight: Flight, corners: list[tuple[Stop, list[Vector]]], inside: list[Leg], zones: Zones
) -> Iterator[Finding]:
    good = {number for _, _, number in inside}
    for stop, points in corners:
        line = _line(points)
        if stop.number not in good:
            continue
        out_m, xy = zones.breach_m(line)
        if out_m > 0:
            yield found(
                "corner-outside-fence",
                Message(
                    "the vehicle cuts the corner at item {number} and comes {out_m:.1f} m outside the "
                    "fence or into a keep-out, although the legs stay where they may be",
                    number=stop.number,
                    out_m=out_m,
                ),
                items=(stop.number,),
                place=flight.frame.to_latlon([xy])[0],
                remedy="move the corner away from the edge, or let the vehicle stop there (hold 1 s)",
            )


def _margin(
    flight: Flight,
    wanted_m: float,
    inside: list[Leg],
    corners: list[tuple[Stop, list[Vector]]],
    zones: Zones,
) -> Iterator[Finding]:
    lines = [(number, _line([a, b])) for a, b, number in inside]
    good = {number for number, _ in lines}
    lines += [(stop.number, _line(points)) for stop, points in corners if stop.number in good]
    lines += [(number, _line(places)) for number, places in curves(flight) if number in good]
    thin: dict[int, float] = {}
    worst: tuple[float, Any] = (math.inf, None)
    for number, line in lines:
        margin_m = zones.margin_m(line)
        if margin_m < wanted_m - _ROUND_OFF_M:
            thin[number] = min(margin_m, thin.get(number, math.inf))
            worst = min(worst, (margin_m, line), key=lambda entry: entry[0])
    if thin:
        edges = shapely.union_all([z.boundary for z in (zones.inside, zones.exclusion) if z is not None])
        near = shapely.get_coordinates(shapely.shortest_line(worst[1], edges))[0]
        yield found(
            "margin-short",
            Message(
                "{thin} legs come nearer to the fence's edge or a keep-out than the {wanted_m:g} m "
                "asked for; the nearest is {worst:.1f} m away",
                thin=len(thin),
                wanted_m=wanted_m,
                worst=worst[0],
            ),
            items=tuple(sorted(thin)),
            place=flight.frame.to_latlon([near])[0],
            remedy="move these legs away from the edge, or ask for less",
        )


def _velocity(leg: Leg | None, speed_m_s: float) -> tuple[float, float]:
    if leg is None:
        return (0.0, 0.0)
    east, north = leg[1][0] - leg[0][0], leg[1][1] - leg[0][1]
    length = math.hypot(east, north)
    return (0.0, 0.0) if length < 1e-6 else (east / length * speed_m_s, north / length * speed_m_s)


def _overshoots(flight: Flight, wind: Wind | None, inside: list[Leg], zones: Zones) -> Iterator[Finding]:
    """How far the vehicle flies on beyond the end of a leg before it has turned or stopped."""
    speeds = {s.number: min(s.speed_m_s, flight.airframe.max_speed_m_s) for s in flight.stops}
    beyond: dict[int, tuple[float, tuple[float, float]]] = {}
    for a, b, number in inside:
        length_m = math.dist(a[:2], b[:2])
        if length_m < 1.0 or number not in speeds:
            continue
        reached_m_s = min(speeds[number], math.sqrt(flight.airframe.acceleration_m_s2 * length_m))
        velocity = _velocity((a, b, number), reached_m_s)
        over_m = pushed_off_m(flight.airframe, velocity, (0.0, 0.0), wind_to_m_s=wind_to_m_s(wind))
        share = 1.0 + over_m / length_m
        tip = (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, b[2])
        out_m, xy = zones.breach_m(_line([b, tip]))
        if out_m > 0:
            beyond[number] = max((out_m, xy), beyond.get(number, (0.0, xy)))
    if beyond:
        number = max(beyond, key=lambda n: beyond[n][0])
        out_m, xy = beyond[number]
        yield found(
            "overshoot-outside-fence",
            Message(
                "{beyond} legs end so near to the fence's edge or a keep-out that the vehicle may "
                "overshoot it, by {out_m:.1f} m at item {number}",
                beyond=len(beyond),
                out_m=out_m,
                number=number,
            ),
            items=tuple(sorted(beyond)),
            place=flight.frame.to_latlon([xy])[0],
            remedy="end these legs a metre or two before the edge, or fly slower",
        )


def _pushed(flight: Flight, wind: Wind, inside: list[Leg], zones: Zones) -> Iterator[Finding]:
    wind_to = wind_to_m_s(wind)
    speeds = {s.number: min(s.speed_m_s, flight.airframe.max_speed_m_s) for s in flight.stops}
    cruise_m_s = flight.stops[-1].speed_m_s
    worst: dict[int, tuple[float, float, Vector]] = {}
    for index, leg in enumerate(inside):
        speed_m_s = speeds.get(leg[2], cruise_m_s)
        own = _velocity(leg, speed_m_s)
        others = [(0.0, 0.0)]
        for k in (index - 1, index + 1):
            if 0 <= k < len(inside):
                others.append(_velocity(inside[k], speeds.get(inside[k][2], cruise_m_s)))
        push_m = max(_push_m(flight.airframe, own, other, wind_to) for other in others)
        room_m = zones.margin_m(_line([leg[0], leg[1]]))
        if push_m > room_m and push_m > worst.get(leg[2], (0.0, 0.0, leg[1]))[0]:
            worst[leg[2]] = (push_m, room_m, leg[1])
    if worst:
        number = max(worst, key=lambda n: worst[n][0] - worst[n][1])
        push_m, room_m, place = worst[number]
        yield found(
            "wind-outside-fence",
            Message(
                "a wind of {speed_m_s:g} m/s may push the vehicle {push_m:.1f} m off the leg to item "
                "{number}, which is {room_m:.1f} m from the fence's edge or a keep-out",
                speed_m_s=wind.speed_m_s,
                push_m=push_m,
                number=number,
                room_m=room_m,
            ),
            items=tuple(sorted(worst)),
            place=flight.frame.to_latlon([place[:2]])[0],
            remedy="keep these legs further from the edge, or fly slower or in less wind",
        )


def _push_m(
    airframe: Airframe, a: tuple[float, float], b: tuple[float, float], wind_to: tuple[float, float]
) -> float:
    return max(
        pushed_off_m(airframe, a, b, wind_to_m_s=wind_to), pushed_off_m(airframe, b, a, wind_to_m_s=wind_to)
    )


def _returns(ways: list[Leg], zones: Zones) -> Iterator[Finding]:
    """Straight ways home from anywhere, as a failsafe takes them."""
    crossing = []
    inside = None if zones.inside is None else zones.inside.buffer(_ROUND_OFF_M)
    shapely.prepare(inside)
    for a, b, number in ways:
        swept = shapely.MultiPoint([a[:2], b[:2], (0.0, 0.0)]).convex_hull
        out = inside is not None and not inside.covers(swept)
        if out or zones.exclusion.intersection(swept).area > _ROUND_OFF_M:
            crossing.append(number)
    if crossing:
        crossing = sorted(set(crossing))
        yield found(
            "return-crosses-fence",
            Message(
                "a return straight home from {crossing} of {number} legs would cross the fence's "
                "edge or a keep-out: a failsafe looks for no way round",
                crossing=len(crossing),
                number=len({n for _, _, n in ways}),
            ),
            items=tuple(crossing),
            remedy="know where the vehicle would cross, set rally points, or move home",
        )


def _fence_itself(flight: Flight, zones: Zones) -> Iterator[Finding]:
    fence, plan = flight.plan.fence, flight.plan
    if fence is not None and fence.breach_return is not None:
        place = fence.breach_return[0]
        far = distance_m(plan.home, place) > 100 * RALLY_LIMIT_M
        if far or zones.breach_m(shapely.Point(flight.frame.to_xy([place])[0]))[0] > 0:
            yield found(
                "breach-return-outside-fence",
                "the point to return to after a breach is outside the fence or in a keep-out",
                place=place,
                remedy="move it inside",
            )
    if zones.inside is not None and not zones.exclusion.is_empty:
        idle = [e for e in shapely.get_parts(zones.exclusion) if not e.intersects(zones.inside)]
        if idle:
            x, y = idle[0].representative_point().coords[0]
            yield found(
                "keepout-outside-fence",
                Message("{idle} keep-outs lie wholly outside the fence and keep nothing out", idle=len(idle)),
                place=flight.frame.to_latlon([(x, y)])[0],
                remedy="check that they are where they are meant to be",
            )
