"""Whether the battery carries the flight, and from every point of it the way home, in the wind given."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise

from airbeat.checks.catalogue import found
from airbeat.checks.conditions import Conditions
from airbeat.checks.findings import Finding
from airbeat.checks.flown import wind_to_m_s
from airbeat.checks.unrolled import Flight
from airbeat.errors import PlanningError
from airbeat.language.words import Message
from airbeat.mission.commands import MavCmd
from airbeat.vehicle.waypoint_flight import return_part

__all__ = ["check_energy"]

_ROUND_OFF = 1e-3
_CLIMB_SHARE = 1.02
_STEEP_LEG_M = 1.0


def check_energy(flight: Flight, conditions: Conditions) -> Iterator[Finding]:
    """Findings about energy, speed and climb; without an airframe only that they were not looked at."""
    plan = flight.plan
    if not plan.items:
        return
    if plan.airframe is None:
        yield found(
            "airframe-unknown",
            "the plan names no airframe: its energy, speeds and climbs were not checked",
            remedy="say which one flies it: airbeat check --airframe NAME",
        )
        return
    yield from _stated_share(flight)
    yield from _speeds(flight)
    yield from _climbs(flight)
    if not flight.stops or conditions.in_sorties:
        return
    if not flight.is_whole:
        yield found(
            "energy-unknown",
            "the mission goes round without end: its energy could not be counted",
            remedy="give jumps a number of repeats",
        )
        return
    try:
        yield from _energy(flight, conditions)
    except PlanningError as error:
        yield found("wind-too-strong", error.message, remedy=error.remedy)


def _stated_share(flight: Flight) -> Iterator[Finding]:
    estimate = flight.plan.estimate
    if estimate and estimate.battery_share > 1.0:
        yield found(
            "battery-share",
            Message(
                "the flight needs {battery_share:.2f} of the usable battery",
                battery_share=estimate.battery_share,
            ),
            remedy="split the plan into sorties, or fly faster, higher or a smaller area",
        )


def _energy(flight: Flight, conditions: Conditions) -> Iterator[Finding]:
    """The whole flight, and the return from its worst point.

    Energy used grows along a leg as the way home changes at most as fast, so that the worst point is a stop.
    """
    wind_to = wind_to_m_s(conditions.wind)
    parts = flight.parts(wind_to)
    usable_wh = flight.airframe.usable_energy_wh
    total_wh = sum(p.energy_wh for p in parts)
    stated = flight.plan.estimate.battery_share if flight.plan.estimate else 0.0
    reserve = Message(
        "{reserve_share:.0%} reserve of {battery_wh:g} Wh",
        reserve_share=flight.airframe.reserve_share,
        battery_wh=flight.airframe.battery_wh,
    )
    if total_wh > usable_wh * (1 + _ROUND_OFF) and stated <= 1.0:
        yield found(
            "energy-short",
            Message(
                "the flight needs {total_wh:.0f} Wh, {total_wh_2:.2f} of what the battery gives down "
                "to its {reserve}",
                total_wh=total_wh,
                total_wh_2=total_wh / usable_wh,
                reserve=reserve,
            ),
            remedy="split the plan into sorties, or fly a smaller area or in less wind",
        )
        return
    used = list(accumulate(p.energy_wh for p in parts[:-1]))[1:]
    needs = [
        wh + return_part(flight.airframe, s.place, wind_to_m_s=wind_to).energy_wh
        for wh, s in zip(used, flight.stops, strict=True)
    ]
    worst = max(range(len(needs)), key=needs.__getitem__)
    if needs[worst] > usable_wh * (1 + _ROUND_OFF) and stated <= 1.0:
        stop = flight.stops[worst]
        yield found(
            "return-energy-short",
            Message(
                "a return home from item {number} would need {needs:.0f} Wh with what is used by "
                "then, {needs_2:.2f} of what the battery gives down to its {reserve}",
                number=stop.number,
                needs=needs[worst],
                needs_2=needs[worst] / usable_wh,
                reserve=reserve,
            ),
            items=(stop.number,),
            place=stop.position,
            remedy="turn back earlier, or put a rally point nearer",
        )


def _speeds(flight: Flight) -> Iterator[Finding]:
    airframe, plan = flight.airframe, flight.plan
    changes = [(n, i) for n, i in plan.numbered() if i.command == MavCmd.DO_CHANGE_SPEED]
    speeds = {n: i.params[1] for n, i in changes if i.params[0] in (0.0, 1.0)}
    speeds[0] = plan.speed_m_s or 0.0
    fast = {n: v for n, v in speeds.items() if v > airframe.max_speed_m_s}
    if fast:
        yield found(
            "speed-above-airframe",
            Message(
                "{values:g} m/s, but {airframe} reaches {max_speed_m_s:g} m/s",
                values=max(fast.values()),
                airframe=airframe.name,
                max_speed_m_s=airframe.max_speed_m_s,
            ),
            items=tuple(sorted(n for n in fast if n)),
            remedy="plan with a speed that the airframe flies",
        )
    idle = [n for n, i in changes if not i.params[1] > 0 and i.params[1] not in (-1.0, -2.0)]
    if idle:
        yield found(
            "speed-not-positive",
            Message(
                "item {idle} sets a speed of {params:g} m/s: it changes nothing",
                idle=idle[0],
                params=plan.items[idle[0] - 1].params[1],
            ),
            items=tuple(idle),
            remedy="give a speed above 0, or -1 to leave it",
        )
    limits = {2.0: airframe.climb_m_s, 3.0: airframe.descent_m_s}
    steep = [n for n, i in changes if i.params[1] > limits.get(i.params[0], float("inf"))]
    if steep:
        yield found(
            "climb-above-airframe",
            Message(
                "item {steep} asks for {params:g} m/s up or down, more than {airframe} flies",
                steep=steep[0],
                params=plan.items[steep[0] - 1].params[1],
                airframe=airframe.name,
            ),
            items=tuple(steep),
            remedy="stay within what the airframe climbs and descends",
        )


def _climbs(flight: Flight) -> Iterator[Finding]:
    """Legs so steep that the vehicle slows down on them."""
    airframe = flight.airframe
    places = [(0.0, 0.0, flight.climb_m), *(s.place for s in flight.stops)]
    slow: dict[int, float] = {}
    for (a, b), stop in zip(pairwise(places), flight.stops, strict=True):
        along_m = ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) ** 0.5
        up_m = b[2] - a[2]
        limit_m_s = airframe.climb_m_s if up_m > 0 else airframe.descent_m_s
        if along_m < _STEEP_LEG_M or abs(up_m) < _STEEP_LEG_M:
            continue
        if abs(up_m) / along_m * stop.speed_m_s > limit_m_s * _CLIMB_SHARE:
            slow[stop.number] = limit_m_s * along_m / abs(up_m)
    if slow:
        number = min(slow, key=slow.__getitem__)
        yield found(
            "climb-slows-leg",
            Message(
                "{slow} legs climb or descend so steeply that the vehicle flies them slower than "
                "planned: {slow_2:.1f} m/s to item {number}",
                slow=len(slow),
                slow_2=slow[number],
                number=number,
            ),
            items=tuple(sorted(slow)),
            place=flight.plan.items[number - 1].position,
            remedy="climb before or behind these legs, or plan with this speed",
        )
