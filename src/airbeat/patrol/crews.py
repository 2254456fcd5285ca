"""Who patrols what in a roster: each drone, or the drones of one place, with stops of their own."""

from __future__ import annotations

from datetime import timedelta

from airbeat.mission.beat import Beat
from airbeat.patrol.plan import Field
from airbeat.patrol.shifts import Shift
from airbeat.patrol.zones import zones_of

__all__ = ["crews_of", "crowded_in"]


def crowded_in(beat: Beat, shift: Shift) -> frozenset[str]:
    """Names of the crowd zones where people are at some time of a shift."""

    def meets(names: tuple[str, ...]) -> bool:
        return any(
            begin < shift.end and end > shift.begin
            for day in (shift.day - timedelta(days=1), shift.day)
            for begin, end in beat.windows(names, day)
        )

    return frozenset(z.name for z in beat.crowds if not z.times or meets(z.times))


def crews_of(beat: Beat, ground: Field) -> list[tuple[list[int], list[int]]]:
    """Jobs and drones of each crew.

    Zones that the beat asks for are crews; drones of one zone must start from one place and have what its
    jobs need, else the first of them patrols it. Without zones every launch site with drones takes what is
    nearest to it; a place that needs a loudspeaker goes to the nearest site that has one.
    """
    if beat.zones is not None:
        zones = zones_of(beat, ground.jobs, ground.space, ground.legs[0], [pairs[0] for pairs in ground.ends])
        return _of_zones(ground, [(list(z.jobs), list(z.drones)) for z in zones])
    sites = sorted(set(ground.sites))
    legs = ground.legs[0].time_s
    jobs_of_site: dict[int, list[int]] = {s: [] for s in sites}
    for number, job in enumerate(ground.jobs):
        able = [
            s
            for s in sites
            if not job.needs_loudspeaker
            or any(ground.clocks[d].drone.loudspeaker for d, own in enumerate(ground.sites) if own == s)
        ]
        place = ground.ends[number][0][0]
        jobs_of_site[min(able or sites, key=lambda s: float(legs[s, place]))].append(number)
    groups = []
    for site, jobs in jobs_of_site.items():
        drones = [d for d, own in enumerate(ground.sites) if own == site]
        speaking = any(ground.jobs[j].needs_loudspeaker for j in jobs)
        if speaking:
            able_drones = [d for d in drones if ground.clocks[d].drone.loudspeaker]
            drones = able_drones or drones
        if jobs:
            groups.append((jobs, drones))
    return groups


def _of_zones(ground: Field, zones: list[tuple[list[int], list[int]]]) -> list[tuple[list[int], list[int]]]:
    """Zones with drones of one place; zones of one drone are joined."""
    by_drones: dict[tuple[int, ...], list[int]] = {}
    for jobs, drones in zones:
        home = ground.sites[drones[0]]
        same = tuple(d for d in drones if ground.sites[d] == home)
        by_drones.setdefault(same, []).extend(jobs)
    taken: set[int] = set()
    groups = []
    for crew, jobs in by_drones.items():
        own = [d for d in crew if d not in taken] or [crew[0]]
        taken.update(own)
        groups.append((jobs, own))
    return groups
