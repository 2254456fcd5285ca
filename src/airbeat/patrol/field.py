"""What rounds of one beat share: where drones may fly, how long they take, what there is to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airbeat.mission.beat import Beat, Visit
from airbeat.patrol.clock import DroneClock
from airbeat.patrol.legtimes import LegTimes
from airbeat.patrol.space import BeatSpace, beat_space
from airbeat.patrol.work import Job, jobs_of
from airbeat.planning.route import Router

__all__ = ["Field"]


class Field:
    """What rounds of one beat share: space, routers, clocks, jobs.

    Args:
        beat: what is patrolled.
        visits: those that are visited.
        crowded: names of the crowd zones that are kept away from.

    Raises:
        PlanningError: a visit or launch site that cannot be flown.
    """

    def __init__(self, beat: Beat, visits: Sequence[Visit], *, crowded: frozenset[str] = frozenset()) -> None:
        self.beat = beat
        self.space: BeatSpace = beat_space(beat, crowded=crowded)
        self.clocks = [DroneClock(beat, site, drone) for site, drone in beat.drones]
        self.sites = [beat.sites.index(site) for site, _ in beat.drones]
        self._profiles: dict[tuple[Any, ...], int] = {}
        self.routers: list[Router] = []
        for clock in self.clocks:
            key = (clock.drone.airframe, clock.way_speed_m_s)
            if key not in self._profiles:
                self._profiles[key] = len(self.routers)
                self.routers.append(Router(self.space.free, clock.legs_s))
        self.profile = [self._profiles[c.drone.airframe, c.way_speed_m_s] for c in self.clocks]
        reference = self._reference()
        self.jobs: list[Job] = jobs_of(
            beat, visits, self.clocks[reference], self.space, self.routers[self.profile[reference]]
        )
        self.places: list[tuple[float, float]] = list(self.space.gates)
        self.ends: list[list[tuple[int, int]]] = []
        known: dict[tuple[float, float], int] = {p: n for n, p in enumerate(self.places)}
        for job in self.jobs:
            pairs = []
            for way in job.ways:
                for place in (way.start, way.end):
                    if place not in known:
                        known[place] = len(self.places)
                        self.places.append(place)
                pairs.append((known[way.start], known[way.end]))
            self.ends.append(pairs)
        hubs = range(len(self.space.gates))
        self.legs = [LegTimes(self.places, router, hubs=hubs) for router in self.routers]

    def _reference(self) -> int:
        """The drone that sees least and flies slowest: what is laid out for it, all can fly."""

        def rank(number: int) -> tuple[float, float]:
            clock = self.clocks[number]
            return clock.drone.camera.footprint_m(clock.height_m)[0], clock.way_speed_m_s

        return min(range(len(self.clocks)), key=rank)
