"""The calendar of a beat: flights for days and weeks in which no visit waits longer than it may.

Each shift is flown by following each zone's cycle (``template``, ``rounds``). A flight leaves as late as
what follows allows, or at a random time before that: each departure is tried out by flying the rest of the
shift at once behind it, and taken only if nothing then waits longer than it may. So a random roster keeps the
same greatest intervals as a regular one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.mission.beat import Beat, Duty, RosterWish, Visit
from airbeat.patrol.batteries import Pack
from airbeat.patrol.crews import crews_of
from airbeat.patrol.field import Field
from airbeat.patrol.hotspots import HeatMap, hour_of_week
from airbeat.patrol.rounds import Crew, Gap, Rounds, Route, Sortie, gaps_of, patrolled
from airbeat.patrol.shifts import Shift, crowded_in, shifts_on, visit_windows
from airbeat.patrol.template import Ground, best_cycle

__all__ = ["Roster", "RosterFlight", "RosterVisit", "roster_of"]

_CYCLE_ITERATIONS = 1500
_BATTERY_SHARE = 0.92
"""How much of a battery rosters plan with; the finished items may take a little more than reckoned."""
_DELAYS = (1.0, 0.75, 0.5, 0.3, 0.15, 0.05)
"""Shares of the slack by which a departure is put off, tried in this order."""
_ORDERS = 4
"""Random orders of a flight that are tried."""
_CHOICE = 3
"""A random order goes on to one of so many nearest stops."""
_LATE_S = 1.0
_MOST_DAYS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterVisit:
    """A visit of a flight: which job, and when it begins."""

    job: int
    visit: Visit
    name: str
    begin: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterFlight:
    """A flight of the calendar.

    Attributes:
        drone: number of the drone.
        shift: in which it is flown.
        take_off, land: when.
        visits: in flying order.
        ground: what its plan is made with.
    """

    drone: int
    shift: Shift
    take_off: datetime
    land: datetime
    visits: tuple[RosterVisit, ...]
    ground: Field


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitGaps:
    """How a visit fared.

    Attributes:
        visit: which.
        gaps: all of them.
    """

    visit: Visit
    gaps: tuple[Gap, ...]

    @property
    def worst(self) -> Gap | None:
        """The one that is longest beside what it may last, or else the longest."""
        ranked = sorted(self.gaps, key=lambda g: (g.over_s, g.length_s))
        return ranked[-1] if ranked else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The calendar.

    Attributes:
        first, last: local days, both included.
        flights: in the order of their take-offs.
        visits: how each visit fared.
        shifts: how many shifts there are.
        over: what waits longer than it may, as sentences; empty where all intervals are kept.
        notes: what the reader must know.
    """

    first: date
    last: date
    flights: tuple[RosterFlight, ...]
    visits: tuple[VisitGaps, ...]
    shifts: int
    over: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Memory:
    """What shifts of one kind share: ground and cycles."""

    fields: dict[Any, tuple[Field, list[tuple[list[int], list[int]]]]] = field(default_factory=dict)
    cycles: dict[Any, list[int]] = field(default_factory=dict)


def roster_of(
    beat: Beat,
    first: date,
    last: date,
    *,
    seed: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Roster:
    """The calendar of a beat from one day to another.

    Args:
        beat: what is patrolled.
        first, last: local days, both included.
        seed: of random orders and departures; None for the beat's own.
        progress: called with 0…1.

    Raises:
        PlanningError: the days are none or too many, nobody is on duty, or a visit cannot be flown.
    """
    days = _days(first, last)
    memory = _Memory()
    chance = random.Random(beat.roster.seed if seed is None else seed)
    flights: list[RosterFlight] = []
    gaps: dict[str, list[Gap]] = {v.name: [] for v in beat.visits}
    over: list[str] = []
    shifts = 0
    for number, day in enumerate(days, start=1):
        for shift in shifts_on(beat, day):
            found, own = _shift(beat, shift, memory, chance)
            flights += found
            shifts += 1
            for name, some in own.items():
                gaps[name] += some
            over += _over(beat, shift, own)
        if progress:
            progress(number / len(days))
    if not shifts:
        raise PlanningError(
            Message("nobody is on duty from {first} to {last}", first=first, last=last),
            where=beat.where("times"),
            remedy="choose other days, or change the times",
        )
    flights.sort(key=lambda f: (f.take_off, f.drone))
    return Roster(
        first=first,
        last=last,
        flights=tuple(flights),
        visits=tuple(VisitGaps(visit=v, gaps=tuple(gaps[v.name])) for v in beat.visits),
        shifts=shifts,
        over=tuple(over),
        notes=beat.notes,
    )


def _days(first: date, last: date) -> list[date]:
    """Each day of a calendar.

    Raises:
        PlanningError: they are none or too many.
    """
    days = (last - first).days + 1
    if not 1 <= days <= _MOST_DAYS:
        raise PlanningError(
            Message(
                "{first} to {last} are {days} days (1 to {most_days})",
                first=first,
                last=last,
                days=days,
                most_days=_MOST_DAYS,
            ),
            remedy="choose --from and --to anew",
        )
    return [first + timedelta(days=number) for number in range(days)]


def _over(beat: Beat, shift: Shift, gaps: dict[str, list[Gap]]) -> list[str]:
    """What waits longer than it may in a shift."""
    said = []
    for name, some in gaps.items():
        worst = max(some, key=lambda g: g.over_s, default=None)
        if worst is not None and worst.over_s > _LATE_S:
            begin = (shift.begin + timedelta(seconds=worst.begin_s)).astimezone(beat.time_zone)
            said.append(
                f"{name} waits {worst.length_s / 60:.0f} min from {begin:%Y-%m-%d %H:%M} on, "
                f"{worst.over_s / 60:.1f} min longer than it may"
            )
    return said


def _shift(
    beat: Beat, shift: Shift, memory: _Memory, chance: random.Random
) -> tuple[list[RosterFlight], dict[str, list[Gap]]]:
    """The flights of a shift, and the gaps of each visit."""
    due = [(v, w) for v in beat.visits if (w := visit_windows(beat, v, shift))]
    gaps: dict[str, list[Gap]] = {v.name: [] for v, _ in due}
    if not due:
        return [], gaps
    crowded = crowded_in(beat, shift)
    key = (tuple(v.name for v, _ in due), crowded)
    if key not in memory.fields:
        ground = Field(beat, [v for v, _ in due], crowded=crowded)
        memory.fields[key] = ground, crews_of(beat, ground)
    ground, groups = memory.fields[key]
    windows = {v.name: w for v, w in due}
    heat = _heat(beat, ground)
    flights: list[RosterFlight] = []
    busy: dict[int, list[float]] = {}
    for number, (jobs, drones) in enumerate(groups):
        crew = _crew(ground, shift, (jobs, drones), windows, heat)
        weights = _urgencies(crew)
        cycle_key = (key, number, tuple(round(w, 6) for w in weights))
        if cycle_key not in memory.cycles:
            memory.cycles[cycle_key] = _cycle(crew, weights)
        sorties = _flown(crew, memory.cycles[cycle_key], _Whim(beat.roster, chance), busy)
        busy.setdefault(ground.sites[drones[0]], []).extend(s.take_off_s for s in sorties)
        flights += [_flight(ground, shift, jobs, drones, s) for s in sorties]
        for gap in gaps_of(crew, sorties):
            gaps[ground.jobs[jobs[gap.stop]].visit.name].append(gap)
    return flights, gaps


def _heat(beat: Beat, ground: Field) -> HeatMap | None:
    if beat.hot_spots is None:
        return None
    middles = ground.space.frame.to_latlon([job.middle for job in ground.jobs])
    return HeatMap(beat.hot_spots, [LatLon(lat_deg=p.lat_deg, lon_deg=p.lon_deg) for p in middles],
                   beat.time_zone)  # fmt: skip


def _crew(
    ground: Field,
    shift: Shift,
    group: tuple[Sequence[int], Sequence[int]],
    windows: dict[str, list[tuple[datetime, datetime]]],
    heat: HeatMap | None,
) -> Crew:
    """Drones and stops of a zone in a shift; the group is its jobs and its drones."""
    beat, (jobs, drones) = ground.beat, group
    clock = ground.clocks[drones[0]]
    slowest = max(drones, key=lambda d: ground.clocks[d].up_s + ground.clocks[d].down_s)
    legs = ground.legs[ground.profile[drones[0]]]
    ends = [ground.ends[j][0] for j in jobs]
    pad = ground.sites[drones[0]]
    leave = np.array([*(e for _, e in ends), pad])
    enter = np.array([*(s for s, _ in ends), pad])
    legs.make_exact(*_pairs(leave, enter))
    visits = [ground.jobs[j].visit for j in jobs]
    duties = [_duties(beat, shift, v) for v in visits]
    first_hour = hour_of_week(shift.begin, beat.time_zone)

    def duty(stop: int, now_s: float) -> Duty:
        own = duties[stop]
        return next((d for begin, end, d in own if begin <= now_s < end), visits[stop].duty)

    def weight(stop: int, now_s: float) -> float:
        hot = heat.factor(jobs[stop], first_hour + now_s / 3600.0) if heat else 1.0
        return duty(stop, now_s).weight * hot

    def interval(stop: int, now_s: float) -> float:
        most = duty(stop, now_s).max_interval_s
        return math.inf if most is None else most

    return Crew(
        legs_s=legs.time_s[np.ix_(leave, enter)].tolist(),
        service_s=[ground.jobs[j].ways[0].service_s for j in jobs],
        windows=[
            [
                ((a - shift.begin).total_seconds(), (b - shift.begin).total_seconds())
                for a, b in windows[v.name]
            ]
            for v in visits
        ],
        interval=interval,
        weight=weight,
        least_s=[v.duty.min_interval_s for v in visits],
        packs=[_pack(ground, d) for d in drones],
        up_s=ground.clocks[slowest].up_s,
        down_s=max(clock.down_s, ground.clocks[slowest].down_s),
        until_s=shift.duration_s,
    )


def _pack(ground: Field, number: int) -> Pack:
    """The batteries of a drone, by its number."""
    site, clock = ground.sites[number], ground.clocks[number]
    return Pack(
        site=site,
        chargers=ground.beat.sites[site].chargers,
        batteries=clock.drone.batteries,
        charge_s=clock.drone.charge_s,
        swap_s=clock.drone.swap_s,
        flight_s=_BATTERY_SHARE * clock.battery_s,
    )


def _pairs(leave: np.ndarray, enter: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.repeat(leave, len(enter)), np.tile(enter, len(leave))
    different = first != second
    return first[different], second[different]


def _duties(beat: Beat, shift: Shift, visit: Visit) -> list[tuple[float, float, Duty]]:
    """Other duties of a visit in a shift: from, until [s], which."""
    found = []
    for name, duty in visit.duty.during:
        for day in (shift.day - timedelta(days=1), shift.day, shift.day + timedelta(days=1)):
            for begin, end in beat.windows((name,), day):
                a, b = ((m - shift.begin).total_seconds() for m in (begin, end))
                if b > 0 and a < shift.duration_s:
                    found.append((a, b, duty))
    return found


def _urgencies(crew: Crew) -> list[float]:
    """Weight of each stop in the cycle: the inverse of what it may wait at its most urgent."""
    samples = np.linspace(0.0, crew.until_s, 13)[:-1].tolist()
    rates = []
    for stop in range(crew.stops):
        inside = [t for t in samples if any(a <= t < b for a, b in crew.windows[stop])] or [
            crew.windows[stop][0][0]
        ]
        heavy = sum(crew.weight(stop, t) for t in inside) / len(inside)
        shortest = min(crew.interval(stop, t) for t in inside)
        rates.append((heavy, shortest))
    known = [w * i for w, i in rates if math.isfinite(i)]
    scale = float(np.median(known)) if known else 1.0
    return [w / scale if not math.isfinite(i) else max(1.0 / i, w / scale / 4.0) for w, i in rates]


def _cycle(crew: Crew, weights: Sequence[float]) -> list[int]:
    """The cycle that the crew follows."""
    pack = crew.packs[0]
    ground = Ground(
        legs_s=crew.legs_s,
        service_s=crew.service_s,
        weight=[w / max(weights) for w in weights],
        battery_s=pack.flight_s,
        up_s=crew.up_s,
        down_s=crew.down_s,
        swap_s=pack.swap_s,
    )
    return best_cycle(ground, iterations=_CYCLE_ITERATIONS)[0]


@dataclass(frozen=True, slots=True)
class _Whim:
    """What is left to chance, and the chance."""

    wish: RosterWish
    chance: random.Random


def _flown(crew: Crew, cycle: list[int], whim: _Whim, busy: Mapping[int, Sequence[float]]) -> list[Sortie]:
    """The flights of a crew in a shift."""
    rounds = Rounds.begun(crew, cycle, busy=busy)
    eager = _excess_s(patrolled(rounds.copied()))
    waited = 0.0
    while (ready := rounds.next_ready(waited)) is not None:
        drone, take_off = ready
        route = rounds.next_route(drone, take_off)
        waited = 0.0
        if route is None:
            waited = take_off + 60.0
            continue
        if whim.wish.random_order:
            _turned(rounds, whim.chance)
        route = _departure(rounds, (drone, take_off), eager, whim) or route
        if whim.wish.random_order:
            route = _shuffled(rounds, route, eager, whim.chance)
        rounds.fly(route)
    return rounds.sorties


def _excess_s(rounds: Rounds) -> float:
    """By how much gaps are longer than they may, together [s]."""
    return sum(g.over_s for g in gaps_of(rounds.crew, rounds.sorties))


def _allowed(rounds: Rounds, route: Route, eager: float) -> bool:
    """Whether the rest of the shift, flown at once behind a flight, keeps all intervals."""
    tried = rounds.copied()
    tried.fly(route)
    return _excess_s(patrolled(tried)) <= eager + _LATE_S


def _departure(rounds: Rounds, ready: tuple[int, float], eager: float, whim: _Whim) -> Route | None:
    """The flight as late as what follows allows, or at a random time before that."""
    drone, take_off = ready
    slack = _slack_s(rounds, drone, take_off)
    if not math.isfinite(slack) or slack <= 30.0:
        return None
    for share in _DELAYS:
        delay = slack * share
        if whim.wish.random_departure:
            delay *= whim.chance.random()
        later = rounds.book.pad_free_s(drone, take_off + math.floor(delay / 5.0) * 5.0)
        route = rounds.next_route(drone, later)
        if route is not None and _allowed(rounds, route, eager):
            return route
    return None


def _slack_s(rounds: Rounds, drone: int, take_off: float) -> float:
    """How much later a flight could leave as far as its own visits are concerned [s]."""
    route = rounds.next_route(drone, take_off)
    if route is None:
        return 0.0
    slack = math.inf
    for stop, begin in route.sortie().visits:
        due = rounds.due_s(stop, begin)
        if due is not None:
            slack = min(slack, due[1] - begin)
    return slack


def _turned(rounds: Rounds, chance: random.Random) -> None:
    """Follow the cycle the other way round from here on, every second time."""
    if chance.random() < 0.5:
        rounds.loop.reverse()
        rounds.at = (len(rounds.loop) - rounds.at) % len(rounds.loop)


def _shuffled(rounds: Rounds, route: Route, eager: float, chance: random.Random) -> Route:
    """The flight in a random order, where that keeps all intervals."""
    before = list(route.visits)
    if len(set(before)) != len(before) or len(before) < 3:
        return route
    legs = rounds.crew.legs_s
    for _ in range(_ORDERS):
        left, here, order = list(before), rounds.crew.stops, []
        while left:
            near = sorted(left, key=lambda s: legs[here][s])[:_CHOICE]
            here = chance.choice(near)
            left.remove(here)
            order.append(here)
        if route.reorder(order) and _allowed(rounds, route, eager):
            return route
        route.reorder(before)
    return route


def _flight(
    ground: Field, shift: Shift, jobs: Sequence[int], drones: Sequence[int], sortie: Sortie
) -> RosterFlight:
    def at(seconds: float) -> datetime:
        return shift.begin + timedelta(seconds=round(seconds, 1))

    return RosterFlight(
        drone=drones[sortie.drone],
        shift=shift,
        take_off=at(sortie.take_off_s),
        land=at(sortie.land_s),
        visits=tuple(
            RosterVisit(
                job=jobs[stop],
                visit=ground.jobs[jobs[stop]].visit,
                name=ground.jobs[jobs[stop]].name,
                begin=at(begin),
            )
            for stop, begin in sortie.visits
        ),
        ground=ground,
    )
