"""One round of a beat: every visit once in each of its windows, in flights that batteries and fence allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from airbeat.errors import PlanningError
from airbeat.language.words import Message
from airbeat.mission.beat import Beat, Visit
from airbeat.mission.plan import FlightPlan
from airbeat.patrol.apart import Departure, kept_apart
from airbeat.patrol.batteries import BatteryBook, Pack, full_flights
from airbeat.patrol.collisions import why_unserved
from airbeat.patrol.field import Field
from airbeat.patrol.flights import FlownVisit, Stage, flight_of
from airbeat.patrol.shifts import Shift, crowded_in, visit_windows
from airbeat.patrol.solve import solve_tours
from airbeat.patrol.tours import Choice, Slot, Tour, TourProblem, timed
from airbeat.patrol.zones import Zone, zones_of
from airbeat.planning.separation import APART_M

__all__ = ["PatrolPlan", "PlannedSortie", "PlannedVisit", "plan_round"]

_SORTIE_PRICE_S = 240.0
"""What a flight more costs beside its time in the air: a battery to swap, a take-off, a landing."""
_LATER_PRICE = 0.02
"""What a flight costs more for each second that its slot begins later: early flights are used first."""
_PHASES = (1.0, 0.5, 0.25, 0.75)
"""Where the first flights end, as shares of a battery: tried until all windows are met."""
_BATTERY_SHARES = (0.97, 0.92, 0.86, 0.8)
"""How much of a battery tours plan with; the finished items may take a little more than reckoned."""
_WINDOW_SLACK_S = 5.0
"""A visit that begins so little outside its window by the forecast counts as in it [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedVisit:
    """A visit of a sortie.

    Attributes:
        visit: what is visited.
        piece: number of the piece, and how many there are.
        name: as tables call it.
        begin, end: when, by the forecast of the finished items.
        window: in which it must be.
        first_item, last_item: numbers of its mission items.
    """

    visit: Visit
    piece: tuple[int, int]
    name: str
    begin: datetime
    end: datetime
    window: tuple[datetime, datetime]
    first_item: int
    last_item: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSortie:
    """A flight of a drone.

    Attributes:
        drone, site: names.
        number: of the flight of that drone, from 1.
        zone: name of the zone; empty where the beat is one.
        take_off, land: when.
        visits: in flying order.
        plan: what a pilot loads.
    """

    drone: str
    site: str
    number: int
    zone: str
    take_off: datetime
    land: datetime
    visits: tuple[PlannedVisit, ...]
    plan: FlightPlan

    @property
    def duration_s(self) -> float:
        """Take-off to landing [s]."""
        return (self.land - self.take_off).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class PatrolPlan:
    """One round of a beat in one shift.

    Attributes:
        shift: when.
        sorties: in the order of their take-offs.
        zones: the parts of the beat.
        frame: local frame of the zones' outlines.
        unserved: why stops are not served; empty where all are.
        notes: what the reader must know.
    """

    shift: Shift
    sorties: tuple[PlannedSortie, ...]
    zones: tuple[Zone, ...]
    frame: Any
    unserved: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stop:
    """A job in the windows of one of its times."""

    job: int
    name: str
    window: tuple[float, float]


def plan_round(
    beat: Beat,
    shift: Shift,
    *,
    seed: int = 0,
    effort: float = 1.0,
    with_pyvrp: bool | None = None,
    progress: Callable[[float], None] | None = None,
) -> PatrolPlan:
    """Every visit of a shift once in each of its windows.

    Args:
        beat: what is patrolled.
        shift: when.
        seed: of the search.
        effort: 1 for the usual budget.
        with_pyvrp: whether to use the extra; None uses it where it is installed.
        progress: called with 0…1.

    Raises:
        PlanningError: a visit or launch site that cannot be flown, or none that is due in this shift.
    """
    windows = [(v, visit_windows(beat, v, shift)) for v in beat.visits]
    due = [(v, w) for v, w in windows if w]
    if not due:
        raise PlanningError(
            Message("no visit is due in {shift} on {day}", shift=shift.name, day=shift.day),
            where=beat.where("beat"),
            remedy="choose another day or shift",
        )
    ground = Field(beat, [v for v, _ in due], crowded=crowded_in(beat, shift))
    stops = _stops(ground, {v.name: w for v, w in due}, shift)
    zones = zones_of(beat, ground.jobs, ground.space, ground.legs[0], [pairs[0] for pairs in ground.ends])
    sorties: list[PlannedSortie] = []
    unserved: list[str] = []
    tasks = _tasks(ground, shift, stops, zones, seed=seed, effort=effort, with_pyvrp=with_pyvrp)
    for number, task in enumerate(tasks, start=1):
        found, reasons = _planned(task)
        sorties += found
        unserved += reasons
        if progress:
            progress(number / len(tasks))
    sorties, nearest_m = _apart(sorties, ground, shift)
    said: tuple[str, ...] = ()
    if nearest_m < APART_M:
        said = (f"two drones come within {nearest_m:.0f} m at one height: give them heights 5 m apart",)
    return PatrolPlan(
        shift=shift,
        sorties=tuple(sorties),
        zones=tuple(zones),
        frame=ground.space.frame,
        unserved=tuple(unserved),
        notes=(*beat.notes, *said),
    )


def _apart(
    sorties: Sequence[PlannedSortie], ground: Field, shift: Shift
) -> tuple[list[PlannedSortie], float]:
    """The sorties, delayed until drones are apart over pads and in the air, and how near two come [m]."""
    names = [drone.name for _, drone in ground.beat.drones]
    departures = []
    for sortie in sorties:
        number = names.index(sortie.drone)
        ends = [shift.end - sortie.land, *(v.window[1] - v.end for v in sortie.visits)]
        departures.append(
            Departure(
                drone=number,
                site=ground.sites[number],
                take_off_s=(sortie.take_off - shift.begin).total_seconds(),
                duration_s=sortie.duration_s,
                slack_s=min(e.total_seconds() for e in ends),
                swap_s=ground.clocks[number].drone.swap_s,
                plan=sortie.plan,
            )
        )
    before = [d.take_off_s for d in departures]
    nearest_m = kept_apart(departures, ground.space.frame)
    moved = [
        _later(sortie, departure.take_off_s - was)
        for sortie, departure, was in zip(sorties, departures, before, strict=True)
    ]
    return sorted(moved, key=lambda s: (s.take_off, s.drone)), nearest_m


def _later(sortie: PlannedSortie, by_s: float) -> PlannedSortie:
    """A sortie that leaves later."""
    by = timedelta(seconds=by_s)
    return replace(
        sortie,
        take_off=sortie.take_off + by,
        land=sortie.land + by,
        visits=tuple(replace(v, begin=v.begin + by, end=v.end + by) for v in sortie.visits),
    )


def _stops(ground: Field, windows: dict[str, list[tuple[datetime, datetime]]], shift: Shift) -> list[_Stop]:
    stops = []
    for number, job in enumerate(ground.jobs):
        of_visit = windows[job.visit.name]
        for begin, end in of_visit:
            name = job.name
            if job.visit.duty.times:
                local = [m.astimezone(ground.beat.time_zone) for m in (begin, end)]
                name += f" ({local[0]:%H:%M} to {local[1]:%H:%M})"
            window = ((begin - shift.begin).total_seconds(), (end - shift.begin).total_seconds())
            stops.append(_Stop(job=number, name=name, window=window))
    return stops


def _groups(zones: Sequence[Zone]) -> list[list[int]]:
    """Zones that share a drone are planned together."""
    groups: list[tuple[set[int], list[int]]] = []
    for number, zone in enumerate(zones):
        drones, members = set(zone.drones), [number]
        rest = []
        for other, theirs in groups:
            if other & drones:
                drones |= other
                members = [*theirs, *members]
            else:
                rest.append((other, theirs))
        groups = [*rest, (drones, members)]
    return [sorted(members) for _, members in groups]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Task:
    ground: Field
    shift: Shift
    stops: list[_Stop]
    drones: list[int]
    zone_of: dict[int, str]
    seed: int
    effort: float
    with_pyvrp: bool | None

    def packs(self, share: float) -> list[Pack]:
        """Batteries of the drones, each used to a share of what it holds above its reserve."""
        ground = self.ground
        return [ground.clocks[d].pack(ground.beat, ground.sites[d], share=share) for d in self.drones]


def _tasks(
    ground: Field,
    shift: Shift,
    stops: Sequence[_Stop],
    zones: Sequence[Zone],
    *,
    seed: int,
    effort: float,
    with_pyvrp: bool | None,
) -> list[_Task]:
    """What is planned at once: the stops and drones of zones that share a drone."""
    tasks = []
    for group in _groups(zones):
        jobs = {k for z in group for k in zones[z].jobs}
        tasks.append(
            _Task(
                ground=ground,
                shift=shift,
                stops=[s for s in stops if s.job in jobs],
                drones=sorted({d for z in group for d in zones[z].drones}),
                zone_of={k: zones[z].name for z in group for k in zones[z].jobs},
                seed=seed,
                effort=effort,
                with_pyvrp=with_pyvrp,
            )
        )
    return tasks


def _planned(task: _Task) -> tuple[list[PlannedSortie], list[str]]:
    """The sorties of some drones, and why stops are not served."""
    for share in _BATTERY_SHARES:
        problem, tours, left = _toured(task, share)
        if left:
            return [], why_unserved(problem, tours, left)
        sorties = _scheduled(task, problem, tours, share)
        short = [s for s in sorties if s.plan.estimate and s.plan.estimate.battery_share > 1.0]
        if not short:
            return sorties, _late(sorties)
    worst = max(short, key=lambda s: s.plan.estimate.battery_share if s.plan.estimate else 0.0)
    names = ", ".join(v.name for v in worst.visits)
    return [], [f"{names} take more than one battery of {worst.drone}"]


def _late(sorties: Sequence[PlannedSortie]) -> list[str]:
    """What the forecast of the finished items brings outside its window."""
    said = []
    for sortie in sorties:
        for visit in sortie.visits:
            late_s = max(
                (visit.window[0] - visit.begin).total_seconds(),
                (visit.end - visit.window[1]).total_seconds(),
            )
            if late_s > _WINDOW_SLACK_S:
                said.append(f"{visit.name} is {late_s:.0f} s outside its window in flight")
    return said


def _toured(task: _Task, share: float) -> tuple[TourProblem, list[Tour], list[int]]:
    """Tours by a share of the battery; the ends of the first flights are moved where windows need it."""
    best: tuple[TourProblem, list[Tour], list[int]] | None = None
    for phase in _PHASES:
        problem = _problem(task, share, phase)
        tours, left = solve_tours(problem, seed=task.seed, effort=task.effort, with_pyvrp=task.with_pyvrp)
        if best is None or len(left) < len(best[2]):
            best = (problem, tours, left)
        if not left:
            break
    assert best is not None  # noqa: S101 - there is a first phase
    return best


def _problem(task: _Task, share: float, phase: float) -> TourProblem:
    ground = task.ground
    clocks = [ground.clocks[d] for d in task.drones]
    packs = task.packs(share)
    shortest = min(c.up_s + c.down_s for c in clocks)
    first = None if phase == 1.0 else phase * min(p.flight_s for p in packs)
    flights = full_flights(packs, until_s=task.shift.duration_s, shortest_s=shortest, first_s=first)
    slots = [
        Slot(
            drone=drone,
            place=ground.sites[task.drones[drone]],
            up_s=clocks[drone].up_s,
            down_s=clocks[drone].down_s,
            early_s=begin,
            late_s=end,
            most_s=packs[drone].flight_s,
            loudspeaker=clocks[drone].drone.loudspeaker,
            profile=ground.profile[task.drones[drone]],
            price_s=_LATER_PRICE * begin,
        )
        for drone, begin, end in flights
    ]
    choices = []
    for number, stop in enumerate(task.stops):
        job = ground.jobs[stop.job]
        for way, (start, end) in enumerate(ground.ends[stop.job]):
            service_s = job.ways[way].service_s
            choices.append(
                Choice(
                    stop=number,
                    way=way,
                    start=start,
                    end=end,
                    service_s=service_s,
                    early_s=stop.window[0],
                    late_s=stop.window[1] - service_s,
                )
            )
    return TourProblem(
        names=tuple(s.name for s in task.stops),
        choices=tuple(choices),
        slots=tuple(slots),
        legs=tuple(ground.legs),
        speaking=frozenset(n for n, s in enumerate(task.stops) if ground.jobs[s.job].needs_loudspeaker),
        sortie_price_s=_SORTIE_PRICE_S,
    )


def _scheduled(task: _Task, problem: TourProblem, tours: Sequence[Tour], share: float) -> list[PlannedSortie]:
    """The tours at the earliest times that batteries, pads and windows allow, as plans."""
    book = BatteryBook(task.packs(share))
    numbers = [0] * len(task.drones)
    sorties = []
    waiting = sorted(tours, key=lambda t: problem.slots[t.slot].early_s)
    for tour in waiting:
        slot = problem.slots[tour.slot]
        timing = timed(problem, tour, not_before_s=min(book.ready_s(slot.drone), slot.early_s))
        numbers[slot.drone] += 1
        sortie = _sortie(task, problem, tour, timing.take_off_s, numbers[slot.drone])
        book.fly(slot.drone, timing.take_off_s, timing.take_off_s + sortie.duration_s)
        sorties.append(sortie)
    return sorties


def _sortie(task: _Task, problem: TourProblem, tour: Tour, take_off_s: float, number: int) -> PlannedSortie:
    ground, beat = task.ground, task.ground.beat
    slot = problem.slots[tour.slot]
    drone = task.drones[slot.drone]
    site, craft = beat.drones[drone]
    chosen = [problem.choices[c] for c in tour.choices]
    stops = [task.stops[c.stop] for c in chosen]
    stages = [
        Stage(job=ground.jobs[s.job], way=ground.jobs[s.job].ways[c.way])
        for s, c in zip(stops, chosen, strict=True)
    ]
    plan, flown = flight_of(
        beat,
        stages,
        ground.clocks[drone],
        space=ground.space,
        site=ground.sites[drone],
        router=ground.routers[ground.profile[drone]],
        name=f"{beat.name}: {craft.name}, sortie {number}",
    )
    duration_s = plan.estimate.duration_s if plan.estimate else 0.0
    take_off = task.shift.begin + timedelta(seconds=math.ceil(take_off_s))
    zones = dict.fromkeys(z for s in stops if (z := task.zone_of.get(s.job, "")))
    return PlannedSortie(
        drone=craft.name,
        site=site.name,
        number=number,
        zone=", ".join(zones),
        take_off=take_off,
        land=take_off + timedelta(seconds=duration_s),
        visits=tuple(_visit(task, stop, part, take_off) for stop, part in zip(stops, flown, strict=True)),
        plan=plan,
    )


def _visit(task: _Task, stop: _Stop, part: FlownVisit, take_off: datetime) -> PlannedVisit:
    job = task.ground.jobs[stop.job]
    begin, end = (task.shift.begin + timedelta(seconds=s) for s in stop.window)
    return PlannedVisit(
        visit=job.visit,
        piece=job.piece,
        name=job.name,
        begin=take_off + timedelta(seconds=part.begin_s),
        end=take_off + timedelta(seconds=part.end_s),
        window=(begin, end),
        first_item=part.first_item,
        last_item=part.last_item,
    )
