"""Plans of a calendar's flights: one for every different flight, however often it is flown."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from airbeat.mission.beat import Beat
from airbeat.mission.plan import FlightPlan
from airbeat.patrol.field import Field
from airbeat.patrol.flights import Stage, flight_of
from airbeat.patrol.roster import RosterFlight

__all__ = ["FlightKey", "key_of", "plan_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightKey:
    """What makes two flights the same: the drone, and the visits with their ways in their order."""

    drone: str
    visits: tuple[str, ...]
    crowded: tuple[str, ...]

    @property
    def short(self) -> str:
        """Eight letters and digits that stand for it."""
        text = "\n".join((self.drone, *self.crowded, "", *self.visits))
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def key_of(beat: Beat, flight: RosterFlight) -> FlightKey:
    """The key of a flight."""
    fence = flight.ground.space.fence
    zones = tuple(p.name for p in fence.polygons if not p.inclusion) if fence else ()
    return FlightKey(
        drone=beat.drones[flight.drone][1].name,
        visits=tuple(v.name for v in flight.visits),
        crowded=zones,
    )


def plan_of(beat: Beat, flight: RosterFlight) -> FlightPlan:
    """The plan of a flight.

    Raises:
        PlanningError: a place that cannot be reached inside the fence.
    """
    ground = flight.ground
    ways = _ways(ground, flight.drone, [v.job for v in flight.visits])
    stages = [
        Stage(job=ground.jobs[v.job], way=ground.jobs[v.job].ways[w])
        for v, w in zip(flight.visits, ways, strict=True)
    ]
    plan, _ = flight_of(
        beat,
        stages,
        ground.clocks[flight.drone],
        space=ground.space,
        site=ground.sites[flight.drone],
        router=ground.routers[ground.profile[flight.drone]],
        name=f"{beat.name}: {beat.drones[flight.drone][1].name}",
    )
    return plan


def _ways(ground: Field, drone: int, jobs: Sequence[int]) -> list[int]:
    """The way of each job with which the flight takes least time."""
    legs = ground.legs[ground.profile[drone]]
    pad = ground.sites[drone]
    best: list[tuple[float, list[int]]] = [(0.0, [])]
    places = [pad]
    for job in jobs:
        options = ground.ends[job]
        following = []
        for number, (start, _) in enumerate(options):
            tried = [
                (cost + float(legs.time_s[at, start]), ways)
                for (cost, ways), at in zip(best, places, strict=True)
            ]
            cost, ways = min(tried, key=lambda t: t[0])
            service_s = ground.jobs[job].ways[number].service_s
            following.append((cost + service_s, [*ways, number]))
        best, places = following, [end for _, end in options]
    home = [(cost + float(legs.time_s[at, pad]), ways) for (cost, ways), at in zip(best, places, strict=True)]
    return min(home, key=lambda t: t[0])[1]
