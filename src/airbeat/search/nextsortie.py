"""The next sorties: where to fly and how densely, as missions that a pilot can load.

What flying finds in a cell is its probability times the detection of sweeps that lie so far apart. Several
distances are tried, the flights laid for each, and those that find most are planned with the vehicle model
and cut until they end within the time there is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.mission.mission import Mission, TrackLinePattern
from airbeat.mission.plan import FlightPlan
from airbeat.planning.plan import plan_mission
from airbeat.search.allocation import rank_once
from airbeat.search.crews import Crew, Searcher, closed_cells, crew_of, share_seen
from airbeat.search.field import Field, Points, cut_to, path_length_m, without_repeats
from airbeat.search.flights import ALL_ANGLES_RAD, Flights, Rough, finished, rough_flights
from airbeat.search.grid import ProbabilityMap
from airbeat.search.starts import flown_track, followed_track, starts_apart_s

__all__ = ["NextSorties", "Searcher", "Sortie", "plan_next"]

_DENSITIES = (1.0, 0.75, 0.5)
"""Distances between sweeps that are tried, as shares of the swath."""
_SLOWER = (0.7, 0.5)
"""Speeds that are tried beside the one asked for where the ground is followed, as shares of it."""
_STEEP = 0.98
"""Slower flight is tried where steep ground leaves less of what there is to find than this share."""
_TRIES = 8
_FIT_ROUNDS = 4
"""Flights whose times are still wrong after the last polishing are polished on so long, at most twice."""
_RIGHT = (0.05, 0.02, 0.04)
"""Times that are wrong by no more are right before the last polishing, after it, and once polished on."""
_SPARE = 0.02
"""So much of a flight's time may be left over."""
_SWAP_S = 120.0
"""On the ground between two flights of one aircraft."""
_STARTS = 6
"""Directions that are polished; the better half of them twice as long, and so on."""
_ROUNDS = 2


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
        speed_share: search speed as a share of that asked for; below 1 on steep ground.
    """

    sorties: tuple[Sortie, ...]
    found: float
    bound: float
    spacing_m: float
    detection: float
    notes: tuple[str, ...]
    speed_share: float = 1.0


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
    _refuse_nothing(now, visible, searchers, minutes)
    found = _best(now, visible, lambda share: _way(searchers, now, minutes, share), seed=seed, effort=effort)
    crews, flights = found.way.crews, found.way.flights
    if not any(len(path) for path in found.flights.paths):
        raise _too_short(now, visible, crews[0], minutes)
    sorties, tracks, seen = [], [], np.zeros(found.field.values.shape, dtype=bool)
    plans = found.plans or (None,) * len(flights)
    for (k, n, _), path, plan in zip(flights, found.flights.paths, plans, strict=True):
        sortie, flown = _planned(crews[k], (k, n + 1), path, now, found, plan=plan)
        if sortie is None:
            continue
        cells = found.field.seen(flown, found.spacing_m / 2) & ~seen
        seen |= cells
        sorties.append(replace(sortie, found=float(found.field.values[cells].sum())))
        duration_s = sortie.plan.estimate.duration_s if sortie.plan.estimate else crews[k].time_s
        if sortie.mission.terrain is None:
            tracks.append(
                flown_track(sortie.mission, flown, duration_s=duration_s, drone=k, launch=crews[0].launch)
            )
        else:
            tracks.append(followed_track(sortie.plan, now.grid.frame, duration_s=duration_s, drone=k))
    if not sorties:
        raise _too_short(now, visible, crews[0], minutes)
    starts = starts_apart_s(tracks, swap_s=_SWAP_S)
    return NextSorties(
        sorties=tuple(replace(s, start_s=t) for s, t in zip(sorties, starts, strict=True)),
        found=sum(s.found for s in sorties),
        bound=_bound(found, flights),
        spacing_m=found.spacing_m,
        detection=found.detection,
        notes=(*(note for crew in crews for note in crew.notes), *_steep(found, now, visible)),
        speed_share=found.way.speed_share,
    )


def _refuse_nothing(
    now: ProbabilityMap, visible: Points, searchers: Sequence[Searcher], minutes: float
) -> None:
    """Refuse a search without aircraft, time, or anything to find."""
    if not searchers:
        raise PlanningError("there is no aircraft to send", remedy="name at least one under drones")
    if not (math.isfinite(minutes) and minutes > 0):
        raise PlanningError(
            Message("{minutes:g} minutes are no flight time", minutes=minutes),
            remedy="give --minutes above 0",
        )
    if not (now.poa * visible > 0).any():
        raise PlanningError(
            "nothing can be found: the map holds no probability on ground that can be seen",
            remedy="give the map's layers some weight, or raise canopy and slope above 0",
        )


def _steep(found: _Found, now: ProbabilityMap, visible: Points) -> list[str]:
    """What must be known of ground that is steeper than the aircraft climb and descend."""
    notes: list[str] = []
    worth = now.poa * visible
    share = share_seen(found.way.crews, now.grid, found.flights.angle_rad)
    if not isinstance(share, float) and (lost := 1.0 - float((worth * share).sum() / worth.sum())) > 0.01:
        notes.append(
            Message(
                "the ground is steeper than the aircraft climb or descend at that speed: passing "
                "higher over it costs {lost:.0%} of what there is to find, which is taken off above",
                lost=lost,
            )
        )
    if found.way.speed_share < 1.0:
        notes.append(
            Message(
                "flown at {speed_share:.0%} of the speed asked for, to stay nearer to steep ground",
                speed_share=found.way.speed_share,
            )
        )
    return notes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Way:
    """The aircraft at one speed.

    Attributes:
        speed_share: of the speed asked for.
        crews: the aircraft.
        flights: (number of the aircraft, number of its flight from 0, what that may fly [m]).
    """

    speed_share: float
    crews: tuple[Crew, ...]
    flights: tuple[tuple[int, int, float], ...]

    def lengths_m(self) -> list[float]:
        return [length for *_, length in self.flights]

    def turn_m(self) -> float:
        return max(crew.turn_m for crew in self.crews)


def _way(searchers: Sequence[Searcher], now: ProbabilityMap, minutes: float, speed_share: float) -> _Way:
    """The aircraft at a share of the speed asked for."""
    slower = [replace(s.mission, speed_m_s=s.mission.speed_m_s * speed_share) for s in searchers]
    crews = tuple(
        crew_of(replace(s, mission=mission), now, minutes)
        for s, mission in zip(searchers, slower, strict=True)
    )
    flights = tuple((k, n, crew.length_m) for k, crew in enumerate(crews) for n in range(crew.sorties))
    return _Way(speed_share=speed_share, crews=crews, flights=flights)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    way: _Way
    flights: Flights
    field: Field
    spacing_m: float
    detection: float
    plans: tuple[FlightPlan | None, ...] = ()
    """Of the flights, where they are made already."""


def _best(
    now: ProbabilityMap, visible: Points, way_at: Callable[[float], _Way], *, seed: int, effort: int
) -> _Found:
    """The flights at the speed and distance between sweeps at which they find most."""
    way = way_at(1.0)
    closed = closed_cells(now, way.crews)
    tried: list[tuple[Rough, _Found]] = []
    angles: Sequence[float] = ALL_ANGLES_RAD  # then the best again
    for density in _DENSITIES:
        tried += _roughs(now, visible, way, density=density, angles=angles, closed=closed)
        rough, best = max(tried, key=lambda one: one[0].worth)
        angles = (rough.angle_rad,)
    share = share_seen(way.crews, now.grid, angles[0])
    worth = now.poa * visible
    if float((worth * share).sum()) < _STEEP * float(worth.sum()):
        density = best.spacing_m / _swath_m(way)
        for slower in map(way_at, _SLOWER):
            tried += _roughs(now, visible, slower, density=density, angles=angles, closed=closed)
    rough, best, rounds = _polished_on(tried, seed=seed, effort=effort)
    return _in_time(rough, best, now, seed=seed, rounds=rounds)


def _swath_m(way: _Way) -> float:
    return min(crew.lateral.swath_m for crew in way.crews)


def _roughs(
    now: ProbabilityMap,
    visible: Points,
    way: _Way,
    *,
    density: float,
    angles: Sequence[float],
    closed: npt.NDArray[np.bool_] | None,
) -> list[tuple[Rough, _Found]]:
    """Tracks in some directions at one speed and one distance, as a share of the swath."""
    p0 = min(crew.lateral.sweep_width_m / crew.lateral.swath_m for crew in way.crews)
    spacing = density * _swath_m(way)
    nothing = Flights(paths=tuple(np.zeros((0, 2)) for _ in way.flights), value=-1.0, angle_rad=0.0)
    detection = float(_detected(1.0 / density, np.array([p0]))[0])
    tried = []
    for angle in angles:
        share = share_seen(way.crews, now.grid, angle)
        field = Field(
            values=now.poa * _detected(1.0 / density, p0 * visible * share),
            cell_m=now.grid.cell_m,
            west_m=now.grid.west_m,
            south_m=now.grid.south_m,
            closed=closed,
        )
        roughs = rough_flights(
            field,
            way.lengths_m(),
            reach_m=spacing / 2,
            spacing_m=spacing,
            launch=way.crews[0].launch,
            turn_m=way.turn_m(),
            angles_rad=(angle,),
        )
        found = _Found(way=way, flights=nothing, field=field, spacing_m=spacing, detection=detection)
        tried += [(rough, found) for rough in roughs]
    return tried


def _polished_on(
    tried: Sequence[tuple[Rough, _Found]], *, seed: int, effort: int
) -> tuple[Rough, _Found, int]:
    """The best of the most promising directions, polished, the better half of them polished on.

    And for how many rounds that one is then to be polished.
    """
    promising: dict[tuple[float, float, float], tuple[Rough, _Found]] = {}
    for rough, found in sorted(tried, key=lambda one: -one[0].worth):
        promising.setdefault((found.way.speed_share, found.spacing_m, rough.angle_rad), (rough, found))
    kept = list(promising.values())[: _STARTS * effort]
    rounds = _ROUNDS
    while True:
        done: list[tuple[Rough, _Found]] = []
        for rough, found in kept:
            begun = found.flights if found.flights.value >= 0 else None
            way = found.way
            flights = finished(
                rough, way.lengths_m(), turn_m=way.turn_m(), rounds=rounds, seed=seed, begun=begun
            )
            done.append((rough, replace(found, flights=flights)))
        done.sort(key=lambda one: -one[1].flights.value)
        if len(done) <= 3:
            return (*done[0], 2 * rounds)
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


def _in_time(rough: Rough, found: _Found, now: ProbabilityMap, *, seed: int, rounds: int) -> _Found:
    """The flights polished on with the lengths for which their plans, climbs and real turns, leave time."""
    way, turn_m, lengths = found.way, found.way.turn_m(), found.way.lengths_m()
    crews = [way.crews[k] for k, *_ in way.flights]
    level = all(crew.ground_m is None for crew in crews)
    for number, more_rounds in enumerate((rounds, _FIT_ROUNDS, _FIT_ROUNDS)):
        paths = found.flights.paths
        if number or not level:
            plans = tuple(
                _plan(crew, _round_keepouts(path, crew, now), found, now)
                for crew, path in zip(crews, paths, strict=True)
            )
            left_s = [_left_s(crew, plan) for crew, plan in zip(crews, plans, strict=True)]
            spares_s = [_RIGHT[number] * crew.time_s for crew in crews]
            right = all(abs(left) <= spare for left, spare in zip(left_s, spares_s, strict=True))
            if right and number:
                return replace(found, plans=plans)
            if not right:
                lengths = [
                    max(0.0, length + left * crew.mission.speed_m_s)
                    for crew, length, left in zip(crews, lengths, left_s, strict=True)
                ]
        fitting = tuple(
            cut_to(path, length, launch=crews[0].launch, turn_m=turn_m)[0]
            for path, length in zip(paths, lengths, strict=True)
        )
        begun = replace(found.flights, paths=fitting)
        flights = finished(rough, lengths, turn_m=turn_m, rounds=more_rounds, seed=seed, begun=begun)
        found = replace(found, flights=flights)
    return found


def _mission(crew: Crew, path: Points, found: _Found, now: ProbabilityMap) -> Mission:
    line = tuple(now.grid.frame.to_latlon(path))
    return replace(crew.mission, pattern=TrackLinePattern(line=line, spacing_m=found.spacing_m))


def _plan(crew: Crew, path: Points, found: _Found, now: ProbabilityMap) -> FlightPlan | None:
    """The plan of a path; None where nothing is left of it."""
    return plan_mission(_mission(crew, path, found, now)) if len(path) > 1 else None


def _left_s(crew: Crew, plan: FlightPlan | None) -> float:
    """Time that a plan leaves, negative where it takes too long [s]; 0 without a plan."""
    if plan is None or plan.estimate is None:
        return 0.0
    left_s = crew.time_s - plan.estimate.duration_s
    return left_s if plan.estimate.batteries <= 1 else min(left_s, -1.0)


def _planned(
    crew: Crew,
    flight: tuple[int, int],
    path: Points,
    now: ProbabilityMap,
    found: _Found,
    *,
    plan: FlightPlan | None,
) -> tuple[Sortie | None, Points]:
    """The plan of a path, cut until it ends in time, and what is left of the path.

    A metre cut off a leg that leads homewards saves little, since the way back grows, and one off a leg
    outwards twice its time: the cut is sought by false position, where an end that stays counts half (the
    Illinois rule). ``plan`` is that of the whole path, where it is made already.
    """
    whole = _round_keepouts(path, crew, now)
    length_m, aim_s = path_length_m(whole), _SPARE / 2 * crew.time_s
    # What fits and what is too long: its length, and the time that it leaves beyond the aim.
    ends = {False: (0.0, crew.time_s), True: (length_m, -aim_s)}
    kept, before, over = None, None, False
    for attempt in range(_TRIES):
        cut = cut_to(whole, length_m)[0] if attempt else whole
        plan = plan if plan and not attempt else _plan(crew, cut, found, now)
        if plan is None:
            break
        left_s = _left_s(crew, plan)
        before, over = over if attempt else None, left_s < 0
        if not over:
            kept = (plan, cut)
            if not attempt or left_s <= 2 * aim_s:
                break
        ends[over] = (length_m, left_s - aim_s)
        if over is before:
            ends[not over] = (ends[not over][0], ends[not over][1] / 2)
        (fits_m, spare_s), (long_m, lacks_s) = ends[False], ends[True]
        length_m = fits_m + (long_m - fits_m) * spare_s / (spare_s - lacks_s)
    if kept is None:
        return None, path
    plan, cut = kept
    mission = _mission(crew, cut, found, now)
    sortie = Sortie(
        searcher=flight[0],
        number=flight[1],
        mission=mission,
        line=tuple(now.grid.frame.to_latlon(cut)),
        plan=plan,
        found=0.0,
    )
    return sortie, cut


def _round_keepouts(path: Points, crew: Crew, now: ProbabilityMap) -> Points:
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


def _too_short(now: ProbabilityMap, visible: Points, crew: Crew, minutes: float) -> PlanningError:
    """Why nothing is worth flying: the time to the nearest ground worth searching, and the minutes."""
    grid, mission = now.grid, crew.mission
    closed = closed_cells(now, [crew])
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
        Message(
            "{minutes:.1f} minutes are not enough: climbing, landing and the ways to the nearest "
            "ground worth searching, {nearest_m:.2f} km away, and back take {least_s:.1f}",
            minutes=min(minutes, crew.time_s / 60),
            nearest_m=nearest_m / 1000,
            least_s=least_s / 60,
        ),
        remedy=Message("give --minutes {least} or more, or launch nearer", least=math.ceil(least_s / 60 + 2))
        if minutes * 60 < airframe.endurance_s
        else "launch nearer, or send an aircraft that lasts longer",
    )
