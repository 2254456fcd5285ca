"""Who patrols what in a roster: each drone, or the drones of one place, with stops of their own."""

from __future__ import annotations

import numpy as np

from airbeat.mission.beat import Beat
from airbeat.patrol.field import Field
from airbeat.patrol.zones import shared_among, zones_of

__all__ = ["crews_of"]

_WAY_SHARE = 0.5
"""A site patrols what takes no more of a battery than this to reach and leave."""


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
    owner = _owners(ground, sites)
    jobs_of_site: dict[int, list[int]] = {s: [] for s in sites}
    for number, job in enumerate(ground.jobs):
        able = [
            s
            for s in sites
            if not job.needs_loudspeaker
            or any(ground.clocks[d].drone.loudspeaker for d, own in enumerate(ground.sites) if own == s)
        ]
        place = ground.ends[number][0][0]
        near = min(able or sites, key=lambda s: float(legs[s, place]))
        own = owner[number]
        jobs_of_site[own if own in able and _reached(ground, number, own) else near].append(number)
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


def _owners(ground: Field, sites: list[int]) -> list[int]:
    """The site of each job, such that every drone has as much to do: visits often wanted count more often."""
    if len(sites) == 1 or not ground.jobs:
        return [sites[0]] * len(ground.jobs)
    loads = []
    for job, pairs in zip(ground.jobs, ground.ends, strict=True):
        end = pairs[0][1]
        others = [float(ground.legs[0].time_s[end, p[0][0]]) for p in ground.ends if p is not pairs]
        step = min(others, default=0.0)
        duty = job.visit.duty
        often = 3600.0 / duty.max_interval_s if duty.max_interval_s else duty.weight
        loads.append(often * (job.ways[0].service_s + step))
    middles = np.array([job.middle for job in ground.jobs])
    homes = np.array([ground.space.sites[s] for s in sites])
    shares = np.array([ground.sites.count(s) for s in sites], dtype=np.float64)
    chosen = shared_among(middles, np.maximum(np.array(loads), 1e-6), homes, shares / shares.sum())
    return [sites[int(k)] for k in chosen]


def _reached(ground: Field, job: int, site: int) -> bool:
    """Whether half a battery lasts from a site to a job and back."""
    legs = ground.legs[0].time_s
    start, end = ground.ends[job][0]
    clock = ground.clocks[ground.sites.index(site)]
    way = float(legs[site, start]) + float(legs[end, site])
    rest = clock.battery_s - clock.up_s - clock.down_s
    return way <= _WAY_SHARE * rest and way + ground.jobs[job].ways[0].service_s <= 0.9 * rest


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
