"""A fleet day: random incidents, and how soon a drone looks at them, from beats and from pads.

Run: python tests/bench/patrol_day.py [--beat missions/beats/city-in-twelve-zones.yaml] [--incidents 200]
     [--seed 1] [--every 60] [--wind 5 240] [--at-visits] [--charging]

The round of the beat is planned and flown again and again, every ``--every`` minutes or as soon as it ends,
by the vehicle model. Incidents happen at random moments of a round and at random places of the ground that is
patrolled (the hull of the visits inside the fence), or, with ``--at-visits``, within 100 m of a random visit.
Each incident stands alone: the drones go where the first is wanted. The same incidents are put to the same
drones waiting on their pads with full batteries.

With ``--charging`` incidents happen at random moments of the whole shift: each drone flies its part of the
round again as soon as a battery of its own is charged and changed, and one that stands on its pad without a
full battery cannot go before there is one. With ``--wind`` the rounds are planned in that wind too.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import shapely

from airbeat.mission.beat import Beat
from airbeat.mission.beatloader import load_beat
from airbeat.mission.mission import Wind
from airbeat.patrol.batteries import BatteryBook
from airbeat.patrol.clock import DroneClock
from airbeat.patrol.dispatch import RINGS_S, Dispatcher, DroneState, Incident
from airbeat.patrol.plan import PlannedSortie, plan_round
from airbeat.patrol.shifts import shifts_on
from airbeat.patrol.space import visit_geometry
from airbeat.patrol.whereabouts import Whereabouts

DEFAULT = Path(__file__).parents[2] / "missions" / "beats" / "city-in-twelve-zones.yaml"
DAY = date(2026, 9, 7)


@dataclass(frozen=True)
class Figures:
    """Arrival times of one way of standing by [s]; infinite where nobody could go."""

    arrivals_s: tuple[float, ...]

    @property
    def median_s(self) -> float:
        return float(np.percentile(self.arrivals_s, 50, method="higher"))

    @property
    def late_s(self) -> float:
        """95th percentile."""
        return float(np.percentile(self.arrivals_s, 95, method="higher"))

    def within(self, ring_s: float) -> float:
        return float(np.mean(np.array(self.arrivals_s) <= ring_s))

    def row(self) -> dict[str, float]:
        rings = {f"within_{ring / 60:.0f}_min": round(self.within(ring), 3) for ring in RINGS_S}
        return {"median_s": round(self.median_s, 1), "p95_s": round(self.late_s, 1)} | rings


def incidents(
    beat: Beat, dispatcher: Dispatcher, count: int, rng: random.Random, *, at_visits: bool
) -> list[Incident]:
    """Random places."""
    space = dispatcher.space
    shapes = [space.frame.to_local(visit_geometry(v)) for v in beat.visits]
    ground = shapely.union_all(shapes).convex_hull.intersection(space.free)
    west, south, east, north = ground.bounds
    found: list[Incident] = []
    while len(found) < count:
        if at_visits:
            x, y = shapely.get_coordinates(rng.choice(shapes).representative_point())[0]
            x, y = x + rng.uniform(-100, 100), y + rng.uniform(-100, 100)
        else:
            x, y = rng.uniform(west, east), rng.uniform(south, north)
        if ground.intersects(shapely.Point(x, y)):
            found.append(Incident(position=space.frame.to_latlon([(x, y)])[0], kind="drawn"))
    return found


def fleet_day(
    beat: Beat,
    *,
    count: int,
    seed: int,
    every_min: float = 0.0,
    wind: tuple[float, float] | None = None,
    at_visits: bool = False,
    charging: bool = False,
    effort: float = 1.0,
) -> tuple[Figures, Figures, dict[str, float]]:
    """Figures of the beats as planned and of drones on their pads, and what was flown."""
    shift = shifts_on(beat, DAY)[0]
    if wind is not None:
        beat = replace(beat, wind=Wind(speed_m_s=wind[0], from_deg=wind[1]))
    sorties = plan_round(beat, shift, seed=seed, effort=effort).sorties
    begin = min(s.take_off for s in sorties)
    period_s = max(every_min * 60.0, (max(s.land for s in sorties) - begin).total_seconds())
    if charging:
        sorties = whole_shift(beat, sorties, end=shift.end, every_s=every_min * 60.0)
        period_s = (shift.end - begin).total_seconds()
    dispatcher = Dispatcher(beat, wind=wind)
    where = Whereabouts(beat, sorties)
    rng = random.Random(seed)
    places = incidents(beat, dispatcher, count, rng, at_visits=at_visits)
    waiting = [DroneState(name=d.name, position=s.position) for s, d in beat.drones]
    times = {"beats": [], "pads": []}
    flying = 0
    for incident in places:
        moment: datetime = begin + timedelta(seconds=rng.uniform(0.0, period_s))
        states = where.at(moment)
        flying += sum(s.flying for s in states)
        for name, drones in (("beats", states), ("pads", waiting)):
            times[name].append(first_s(dispatcher, incident, drones))
    flown = {
        "sorties": len(sorties),
        "period_min": round(period_s / 60, 1),
        "flying_share": round(flying / (count * len(waiting)), 3),
    }
    return Figures(tuple(times["beats"])), Figures(tuple(times["pads"])), flown


def whole_shift(
    beat: Beat, sorties: Sequence[PlannedSortie], *, end: datetime, every_s: float
) -> tuple[PlannedSortie, ...]:
    """The sorties of a round flown again and again, each drone's as soon as its batteries allow."""
    names = [drone.name for _, drone in beat.drones]
    book = BatteryBook(
        [DroneClock(beat, site, drone).pack(beat, beat.sites.index(site)) for site, drone in beat.drones]
    )
    own = {name: [s for s in sorties if s.drone == name] for name in names}
    begin = min(s.take_off for s in sorties)
    due = {name: (flights[0].take_off - begin).total_seconds() for name, flights in own.items() if flights}
    turn = dict.fromkeys(due, 0)
    flown: list[PlannedSortie] = []
    while due:
        name = min(due, key=lambda n: (max(due[n], book.ready_s(names.index(n))), n))
        take_off_s = max(due[name], book.ready_s(names.index(name)))
        sortie = own[name][turn[name] % len(own[name])]
        take_off = begin + timedelta(seconds=take_off_s)
        land = take_off + (sortie.land - sortie.take_off)
        if land > end:
            del due[name]
            continue
        book.fly(names.index(name), take_off_s, (land - begin).total_seconds())
        flown.append(replace(sortie, take_off=take_off, land=land))
        turn[name] += 1
        due[name] = take_off_s + (every_s if turn[name] % len(own[name]) == 0 else 0.0)
    return tuple(flown)


def first_s(dispatcher: Dispatcher, incident: Incident, drones: Sequence[DroneState]) -> float:
    """When the first of them looks at the incident [s]."""
    best = dispatcher.rank(incident, drones)[0].arrival_s
    return float("inf") if best is None else best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beat", type=Path, default=DEFAULT)
    parser.add_argument("--incidents", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=0.0, help="minutes between the beginnings of rounds")
    parser.add_argument("--wind", type=float, nargs=2, metavar=("M_S", "FROM_DEG"))
    parser.add_argument("--at-visits", action="store_true")
    parser.add_argument("--charging", action="store_true")
    parser.add_argument("--effort", type=float, default=1.0)
    options = parser.parse_args()
    beats, pads, flown = fleet_day(
        load_beat(options.beat),
        count=options.incidents,
        seed=options.seed,
        every_min=options.every,
        wind=tuple(options.wind) if options.wind else None,
        at_visits=options.at_visits,
        charging=options.charging,
        effort=options.effort,
    )
    print(json.dumps({"beats": beats.row(), "pads": pads.row(), "flown": flown}, indent=1))


if __name__ == "__main__":
    main()
