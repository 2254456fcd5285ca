"""The next sorties: where to fly and how densely, as missions that a pilot can load.

What flying finds in a cell is its probability times the detection of sweeps that lie so far apart. Several
distances are tried, the flights laid for each, and those that find most are planned with the vehicle model
and cut until they end within the time there is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.mission.mission import Mission, TrackLinePattern
from airbeat.mission.plan import FlightPlan
from airbeat.planning.common import usable_speed_m_s
from airbeat.planning.freespace import FlightSpace, flight_space
from airbeat.planning.imaging import imaging_for
from airbeat.planning.plan import plan_mission
from airbeat.planning.route import Router
from airbeat.search.allocation import rank_once
from airbeat.search.field import Field, Place, Points, cut_to, path_length_m, without_repeats
from airbeat.search.flights import Flights, Rough, finished, rough_flights
from airbeat.search.grid import ProbabilityMap
from airbeat.search.starts import flown_track, starts_apart_s
from airbeat.search.sweepwidth import LateralRange

__all__ = ["NextSorties", "Searcher", "Sortie", "plan_next"]

_DENSITIES = (1.0, 0.75, 0.5)
"""Distances between sweeps that are tried, as shares of the swath."""
_CLOSE_CELLS = 0.75
"""Cells nearer than this many cells to where the vehicle may not fly are closed."""
_TRIES = 8
_SWAP_S = 120.0
"""On the ground between two flights of one aircraft."""
_STARTS = 6
"""Directions that are polished; the better half of them twice as long, and so on."""
_ROUNDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Searcher:
    """An aircraft to be sent.

    Attributes:
        mission: its home, fence, height, speed, camera and airframe; the pattern is not looked at.
        lateral: what its camera and detector find beside its track.
        batteries: how many it has.
    """

    mission: Mission
    lateral: LateralRange
    batteries: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sortie:
    """One flight.

    Attributes:
        searcher: number of the aircraft.
        number: of the flight of that aircraft, from 1.
        mission: what it flies, a track line.
        line: its corners.
        plan: its plan.
        found: probability that it finds the person, beyond what the sorties before it in the list find.
        start_s: when it takes off at the earliest, after the first [s]; so no two are near at one height.
    """

    searcher: int
    number: int
    mission: Mission
    line: tuple[LatLon, ...]
    plan: FlightPlan
    found: float
    start_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NextSorties:
    """What is flown next.

    Attributes:
        sorties: the flights.
        found: probability that they find the person together.
        bound: what no flights of that length could exceed, transit and turns not counted.
        spacing_m: distance between sweeps [m].
        detection: probability of detection on open ground between them, 0…1.
        notes: what the reader must know.
    """

    sorties: tuple[Sortie, ...]
    found: float
    bound: float
    spacing_m: float
    detection: float
    notes: tuple[str, ...]


def plan_next(
    now: ProbabilityMap,
    visible: Points,
    searchers: Sequence[Searcher],
    *,
    minutes: float,
    seed: int = 0,
    effort: int = 1,
) -> NextSorties:
    """The sorties that find most within a flight time.

    Args:
        now: the map as it is.
        visible: (rows, columns) canopy × slope factor of each cell, 0…1.
        searchers: the aircraft; all of them take off at the home of the first.
        minutes: flight time of each, take-off to landing [min]; no longer than its batteries last.
        seed: of the local search.
        effort: how long to look for better paths.

    Raises:
        PlanningError: no aircraft, no time for the ways out and back, nothing to be found, or a launch
            place where none may fly; each says which number to change.
    """
    if not searchers:
        raise PlanningError("there is no aircraft to send", remedy="name at least one under drones")
    if not (math.isfinite(minutes) and minutes > 0):
        raise PlanningError(f"{minutes:g} minutes are no flight time", remedy="give --minutes above 0")
    if not (now.poa * visible > 0).any():
        raise PlanningError(
            "nothing can be found: the map holds no probability on ground that can be seen",
            remedy="give the map's layers some weight, or raise canopy and slope above 0",
        )
    crews = [_crew(s, now, minutes) for s in searchers]
    flights = [(k, n, crew.length_m) for k, crew in enumerate(crews) for n in range(crew.sorties)]
    found = _best(now, visible, crews, [length for *_, length in flights], seed=seed, effort=effort)
    if not any(len(path) for path in found.flights.paths):
        raise _too_short(now, visible, crews[0], minutes)
    sorties, tracks, seen = [], [], np.zeros(found.field.values.shape, dtype=bool)
    for (k, n, _), path in zip(flights, found.flights.paths, strict=True):
        sortie, flown = _planned(crews[k], (k, n + 1), path, now, found)
        if sortie is None:
            continue
        cells = found.field.seen(flown, found.spacing_m / 2) & ~seen
        seen |= cells
        sorties.append(replace(sortie, found=float(found.field.values[cells].sum())))
        duration_s = sortie.plan.estimate.duration_s if sortie.plan.estimate else crews[k].time_s
        tracks.append(
            flown_track(sortie.mission, flown, duration_s=duration_s, drone=k, launch=crews[0].launch)
        )
    if not sorties:
        raise _too_short(now, visible, crews[0], minutes)
    starts = starts_apart_s(tracks, swap_s=_SWAP_S)
    return NextSorties(
        sorties=tuple(replace(s, start_s=t) for s, t in zip(sorties, starts, strict=True)),
        found=sum(s.found for s in sorties),
        bound=_bound(found, flights),
        spacing_m=found.spacing_m,
        detection=found.detection,
        notes=tuple(note for crew in crews for note in crew.notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Crew:
    """A searcher with all that follows from it."""

    mission: Mission
    lateral: LateralRange
    space: FlightSpace
    router: Router
    launch: Place
    time_s: float
    """Of one sortie, take-off to landing."""
    sorties: int
    length_m: float
    """What one sortie may fly at cruise speed, turns included."""
    turn_m: float
    notes: tuple[str, ...]


def _crew(searcher: Searcher, now: ProbabilityMap, minutes: float) -> _Crew:
    grid = now.grid
    corners = shapely.get_coordinates(grid.frame.to_geographic(grid.outline()))
    around = tuple(LatLon(lat_deg=float(la), lon_deg=float(lo)) for lo, la in corners)
    mission = replace(searcher.mission, area=None, pattern=TrackLinePattern(line=around))
    speed, notes = usable_speed_m_s(mission)
    mission = replace(mission, speed_m_s=speed)
    imaging = imaging_for(mission, TrackLinePattern(line=around), mission.height.value_m)
    mission = replace(mission, speed_m_s=imaging.speed_m_s)
    space = flight_space(mission)
    airframe, height = mission.airframe, mission.height.value_m
    wanted_s = minutes * 60.0
    sorties = max(1, min(searcher.batteries, math.ceil(wanted_s / airframe.endurance_s - 1e-9)))
    time_s = min(wanted_s / sorties, airframe.endurance_s)
    if sorties * time_s < wanted_s - 1.0:
        notes = (
            *notes,
            f"{mission.name}: {searcher.batteries} batteries last {sorties * time_s / 60:.1f} of "
            f"{minutes:g} minutes",
        )
    upright_s = airframe.climb_time_s(height) + airframe.landing_time_s(height)
    turn_m = imaging.speed_m_s**2 / airframe.acceleration_m_s2
    x, y = grid.frame.to_xy([mission.home])[0]
    return _Crew(
        mission=mission,
        lateral=searcher.lateral,
        space=space,
        router=Router(space.sweep, lambda lengths: lengths),
        launch=(float(x), float(y)),
        time_s=time_s,
        sorties=sorties,
        length_m=max(0.0, (time_s - upright_s) * imaging.speed_m_s),
        turn_m=turn_m,
        notes=notes,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    flights: Flights
    field: Field
    spacing_m: float
    detection: float


def _best(
    now: ProbabilityMap,
    visible: Points,
    crews: Sequence[_Crew],
    lengths_m: Sequence[float],
    *,
    seed: int,
    effort: int,
) -> _Found:
    """The flights at the distance between sweeps at which they find most."""
    swath = min(crew.lateral.swath_m for crew in crews)
    p0 = min(crew.lateral.sweep_width_m / crew.lateral.swath_m for crew in crews)
    closed = _closed(now, crews)
    turn_m = max(crew.turn_m for crew in crews)
    angles: tuple[float, ...] | None = None  # all, then the best again
    tried: list[tuple[Rough, _Found]] = []
    for density in _DENSITIES:
        spacing = density * swath
        field = Field(
            values=now.poa * _detected(1.0 / density, p0 * visible),
            cell_m=now.grid.cell_m,
            west_m=now.grid.west_m,
            south_m=now.grid.south_m,
            closed=closed,
        )
        roughs = rough_flights(
            field,
            lengths_m,
            reach_m=spacing / 2,
            spacing_m=spacing,
            launch=crews[0].launch,
            turn_m=turn_m,
            angles_rad=angles,
        )
        nothing = Flights(paths=tuple(np.zeros((0, 2)) for _ in lengths_m), value=-1.0, angle_rad=0.0)
        detection = float(_detected(1.0 / density, np.array([p0]))[0])
        found = _Found(flights=nothing, field=field, spacing_m=spacing, detection=detection)
        tried += [(rough, found) for rough in roughs]
        angles = (max(tried, key=lambda one: one[0].worth)[0].angle_rad,)
    return _polished_on(tried, lengths_m, turn_m=turn_m, seed=seed, effort=effort)


def _polished_on(
    tried: Sequence[tuple[Rough, _Found]],
    lengths_m: Sequence[float],
    *,
    turn_m: float,
    seed: int,
    effort: int,
) -> _Found:
    """The best of the most promising directions, polished, half of them polished on."""
    promising: dict[tuple[float, float], tuple[Rough, _Found]] = {}
    for rough, found in sorted(tried, key=lambda one: -one[0].worth):
        promising.setdefault((found.spacing_m, rough.angle_rad), (rough, found))
    kept = list(promising.values())[: _STARTS * effort]
    rounds = _ROUNDS
    while True:
        done: list[tuple[Rough, _Found]] = []
        for rough, found in kept:
            begun = found.flights if found.flights.value >= 0 else None
            flights = finished(rough, lengths_m, turn_m=turn_m, rounds=rounds, seed=seed, begun=begun)
            done.append((rough, replace(found, flights=flights)))
        done.sort(key=lambda one: -one[1].flights.value)
        if len(done) == 1:
            return done[0][1]
        kept = done[: len(done) // 2]
        rounds *= 2


def _detected(looks: float, p0: Points) -> Points:
    """POD of parallel sweeps of which each spot lies in n = w/S swaths: k = ⌊n⌋, or k + 1 for a share n - k.

    With p the detection of one: (1 - φ)(1 - (1 - p)^k) + φ(1 - (1 - p)^(k + 1)), φ = n - k.
    """
    whole = math.floor(looks + 1e-9)
    part = max(0.0, looks - whole)
    missed = (1.0 - p0) ** whole
    return np.asarray((1.0 - part) * (1.0 - missed) + part * (1.0 - missed * (1.0 - p0)))


def _closed(now: ProbabilityMap, crews: Sequence[_Crew]) -> np.ndarray | None:
    """(rows, columns) cells over which some aircraft may not fly; None where all may everywhere."""
    grid = now.grid
    if all(crew.mission.fence is None for crew in crews):
        return None
    free = shapely.intersection_all(
        [grid.frame.to_local(crew.space.frame.to_geographic(crew.space.sweep)) for crew in crews]
    ).buffer(-_CLOSE_CELLS * grid.cell_m)
    shapely.prepare(free)
    inside = shapely.contains_xy(free, grid.x_m()[None, :], grid.y_m()[:, None])
    return np.asarray(~inside)


def _planned(
    crew: _Crew, flight: tuple[int, int], path: Points, now: ProbabilityMap, found: _Found
) -> tuple[Sortie | None, Points]:
    """The plan of a path, cut until it ends in time, and what is left of the path."""
    frame = now.grid.frame
    path = _round_keepouts(path, crew, now)
    length_m = path_length_m(path)
    for _ in range(_TRIES):
        if len(path) < 2:
            return None, path
        pattern = TrackLinePattern(line=tuple(frame.to_latlon(path)), spacing_m=found.spacing_m)
        mission = replace(crew.mission, pattern=pattern)
        plan = plan_mission(mission)
        duration_s = plan.estimate.duration_s if plan.estimate else math.inf
        over_s = duration_s - crew.time_s
        if over_s <= 0 and (plan.estimate is None or plan.estimate.batteries <= 1):
            sortie = Sortie(
                searcher=flight[0], number=flight[1], mission=mission, line=pattern.line, plan=plan, found=0.0
            )
            return sortie, path
        length_m -= max(over_s * mission.speed_m_s, 0.01 * length_m)
        path, _ = cut_to(path, max(length_m, 0.0))
    return None, path


def _round_keepouts(path: Points, crew: _Crew, now: ProbabilityMap) -> Points:
    """The path with legs that are not free led round what is in their way; cut where no way leads on."""
    if len(path) < 2:
        return path
    frame, own = now.grid.frame, crew.space.frame
    places = own.to_xy(frame.to_latlon(path))
    clear = crew.router.clear(places[:-1], places[1:])
    if clear.all():
        return path
    led = [places[0]]
    for free, place in zip(clear, places[1:], strict=True):
        if free:
            led.append(place)
            continue
        way = crew.router.route(led[-1], place)
        if way is None:
            break
        led += [np.array(corner) for corner in way[1][1:]]
    return without_repeats(np.asarray(frame.to_xy(own.to_latlon(np.array(led)))))


def _bound(found: _Found, flights: Sequence[tuple[int, int, float]]) -> float:
    """What flights of that length find at most: the densest cells, each looked at once, nothing else paid."""
    values = found.field.values.ravel()
    cost = np.full(values.size, found.field.cell_m**2 / found.spacing_m)
    return rank_once(values, cost, sum(length for *_, length in flights)).found


def _too_short(now: ProbabilityMap, visible: Points, crew: _Crew, minutes: float) -> PlanningError:
    """Why nothing is worth flying: the time to the nearest ground worth searching, and the minutes."""
    grid, mission = now.grid, crew.mission
    closed = _closed(now, [crew])
    worth = now.poa * visible > 0
    worth &= True if closed is None else ~closed
    if not worth.any():
        return PlanningError(
            "no ground that holds probability may be flown over",
            remedy="widen the fence, use a smaller margin, or fewer keep-outs",
        )
    away = np.hypot(grid.x_m()[None, :] - crew.launch[0], grid.y_m()[:, None] - crew.launch[1])
    nearest_m = float(away[worth].min())
    airframe, height = mission.airframe, mission.height.value_m
    least_s = airframe.climb_time_s(height) + airframe.landing_time_s(height)
    least_s += 2 * airframe.leg_time_s(nearest_m + grid.cell_m, mission.speed_m_s)
    return PlanningError(
        f"{min(minutes, crew.time_s / 60):.1f} minutes are not enough: climbing, landing and the ways to the "
        f"nearest ground worth searching, {nearest_m / 1000:.2f} km away, and back take {least_s / 60:.1f}",
        remedy=f"give --minutes {math.ceil(least_s / 60 + 2)} or more, or launch nearer"
        if minutes * 60 < airframe.endurance_s
        else "launch nearer, or send an aircraft that lasts longer",
    )
