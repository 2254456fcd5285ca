"""Whether a plan keeps the rules that are given as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import shapely

from airbeat.checks.catalogue import found
from airbeat.checks.conditions import Conditions
from airbeat.checks.findings import Finding, Severity
from airbeat.checks.rules import PILOT_REMAINS, Rule, RuleKind, RuleSet
from airbeat.checks.terrain import Course, courses_of
from airbeat.checks.unrolled import Flight
from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.sun import sun_altitude_deg
from airbeat.language.words import Message

__all__ = ["check_rules"]

_ROUND_OFF_M = 0.01
_EARTH_LIMIT_M = 200_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One rule and what is compared with it."""

    rule: Rule
    flight: Flight
    conditions: Conditions
    courses: list[Course]


def check_rules(flight: Flight, conditions: Conditions) -> Iterator[Finding]:
    """Findings about each rule that the plan does not keep or that could not be compared."""
    if not conditions.rules:
        return
    courses = courses_of(flight.plan)
    for rules in conditions.rules:
        for rule in rules.rules:
            if rule.holds_for(flight.plan.airframe.mass_kg if flight.plan.airframe else None):
                case = _Case(rule=rule, flight=flight, conditions=conditions, courses=courses)
                yield from _CHECKS[rule.kind](case)
        yield from _for_the_pilot(rules)


def _said(rule: Rule, what: str) -> str:
    return Message(
        "{what}. Rule {rule}: {says} ({source}; {dated})",
        what=Message(what),
        rule=rule.name,
        says=rule.says,
        source=rule.source,
        dated=rule.dated,
    )


def _broken(code: str, rule: Rule, what: str, remedy: str, **where: Any) -> Finding:
    return found(code, _said(rule, what), remedy=remedy, severity=rule.severity, **where)


def _missing(rule: Rule, what: str, remedy: str) -> Finding:
    return found(
        "rule-not-checked",
        Message(
            "rule {rule} was not checked: {what} ({source})",
            rule=rule.name,
            what=Message(what),
            source=rule.source,
        ),
        remedy=remedy,
    )


def _height(case: _Case) -> Iterator[Finding]:
    rule, flight, courses = case.rule, case.flight, case.courses
    most_m = rule.most or 0.0
    high: dict[int, float] = {}
    worst: tuple[float, LatLon] | None = None
    for course in courses:
        if np.isnan(course.above_m).all():
            continue
        k = int(np.nanargmax(course.above_m))
        if course.above_m[k] > most_m + _ROUND_OFF_M:
            high[course.leg.number] = max(float(course.above_m[k]), high.get(course.leg.number, 0.0))
            if worst is None or course.above_m[k] > worst[0]:
                lon, lat = course.lon_lat[k]
                worst = (float(course.above_m[k]), LatLon(lat_deg=float(lat), lon_deg=float(lon)))
    if worst is not None:
        ground = Message("the ground" if flight.plan.terrain is not None else "home (flat ground assumed)")
        yield _broken(
            "rule-height",
            rule,
            Message(
                "{legs} legs are higher than {most_m:g} m above {ground}, the highest {highest_m:.1f} m",
                legs=len(high),
                most_m=most_m,
                ground=ground,
                highest_m=worst[0],
            ),
            "fly lower there, or follow the ground with a height model",
            items=tuple(sorted(high)),
            place=worst[1],
        )


def _local(flight: Flight, shapes: Any) -> Any:
    """Shapes in local metres without those on the other side of the earth, where the frame has no sense."""
    parts = [
        p
        for p in shapely.get_parts(flight.frame.to_local(shapes))
        if np.isfinite(p.bounds).all() and max(map(abs, p.bounds)) < _EARTH_LIMIT_M
    ]
    return shapely.make_valid(shapely.union_all([shapely.make_valid(p) for p in parts]))


def _near(flight: Flight, shapes: Any, least_m: float) -> tuple[list[int], float, LatLon | None]:
    """Items whose legs come within a distance of shapes, the least distance [m], and where that is."""
    there = _local(flight, shapes)
    items: list[int] = []
    worst: tuple[float, LatLon | None] = (float("inf"), None)
    if there.is_empty:
        return items, worst[0], None
    places = [(0.0, 0.0), *(s.place[:2] for s in flight.stops)]
    numbers = [s.number for s in flight.stops]
    if flight.ends and not flight.lands_there:
        places.append((0.0, 0.0))
        numbers.append(flight.ends)
    for number, a, b in zip(numbers, places, places[1:], strict=False):
        line = shapely.LineString([a, b])
        away_m = float(there.distance(line))
        if away_m < least_m or (least_m == 0.0 and away_m == 0.0):
            items.append(number)
            if away_m < worst[0]:
                near = shapely.get_coordinates(shapely.shortest_line(line, there))[0]
                worst = (away_m, flight.frame.to_latlon([near])[0])
    return sorted(set(items)), worst[0], worst[1]


def _no_fly(case: _Case) -> Iterator[Finding]:
    rule, flight = case.rule, case.flight
    items, away_m, place = _near(flight, rule.shapes, rule.most or 0.0)
    if items:
        yield _broken(
            "rule-no-fly",
            rule,
            Message(
                "{legs} legs fly over ground that may not be flown over"
                if away_m == 0.0
                else "{legs} legs come within {away_m:.0f} m of ground that may not be flown over",
                legs=len(items),
                away_m=away_m,
            ),
            "fly elsewhere, or get the permission",
            items=tuple(items),
            place=place,
        )


def _people(case: _Case) -> Iterator[Finding]:
    rule, flight, conditions = case.rule, case.flight, case.conditions
    if conditions.people is None:
        yield _missing(rule, "nothing says where people are", "give their ground: --people FILE.geojson")
        return
    least_m = rule.least or 0.0
    items, away_m, place = _near(flight, conditions.people, least_m)
    if items:
        over = away_m == 0.0
        yield _broken(
            "rule-over-people" if least_m == 0.0 else "rule-people-distance",
            rule,
            Message(
                "{legs} legs are over people" if over else "{legs} legs come within {away_m:.0f} m of people",
                legs=len(items),
                away_m=away_m,
            ),
            "fly elsewhere, or keep people away during the flight",
            items=tuple(items),
            place=place,
        )


def _night(case: _Case) -> Iterator[Finding]:
    rule, flight, conditions = case.rule, case.flight, case.conditions
    if conditions.starts is None:
        yield _missing(rule, "nothing says when it is flown", "give the time: --at 2026-05-01T20:30+02:00")
        return
    least_deg = rule.least or 0.0
    try:
        duration_s = sum(p.duration_s for p in flight.parts())
    except PlanningError:
        duration_s = 0.0
    ends = conditions.starts + timedelta(seconds=duration_s)
    sun = [sun_altitude_deg(flight.plan.home, when) for when in (conditions.starts, ends)]
    if min(sun) < least_deg:
        yield _broken(
            "rule-night",
            rule,
            Message(
                "the sun is {lowest_deg:.1f}° high during the flight ({starts} to {ends})",
                lowest_deg=min(sun),
                starts=conditions.starts.isoformat(),
                ends=ends.isoformat(timespec="minutes"),
            ),
            "fly by day, or fly as this rule says",
        )


def _mass(case: _Case) -> Iterator[Finding]:
    rule, flight = case.rule, case.flight
    airframe = flight.plan.airframe
    if airframe is None:
        yield _missing(rule, "the plan names no airframe", "say which one flies it: --airframe NAME")
    elif airframe.mass_kg > (rule.most or 0.0):
        yield _broken(
            "rule-mass",
            rule,
            Message(
                "{name} takes off with {mass_kg:g} kg, the rule holds to {most:g} kg",
                name=airframe.name,
                mass_kg=airframe.mass_kg,
                most=rule.most,
            ),
            "fly a lighter aircraft, or under the rules for heavier ones",
        )


def _speed(case: _Case) -> Iterator[Finding]:
    rule, flight = case.rule, case.flight
    fast = {s.number: s.speed_m_s for s in flight.stops if s.speed_m_s > (rule.most or 0.0)}
    if fast:
        yield _broken(
            "rule-speed",
            rule,
            Message(
                "{fastest_m_s:g} m/s, the rule says at most {most:g} m/s",
                fastest_m_s=max(fast.values()),
                most=rule.most,
            ),
            "fly slower",
            items=tuple(sorted(fast)),
        )


def _distance(case: _Case) -> Iterator[Finding]:
    rule, flight = case.rule, case.flight
    away = {s.number: float(np.hypot(*s.place[:2])) for s in flight.stops}
    far = {n: m for n, m in away.items() if m > (rule.most or 0.0) + _ROUND_OFF_M}
    if far:
        number = max(far, key=far.__getitem__)
        yield _broken(
            "rule-distance",
            rule,
            Message(
                "item {number} is {away_m:.0f} m from home, the rule says at most {most:g} m",
                number=number,
                away_m=far[number],
                most=rule.most,
            ),
            "take off nearer",
            items=tuple(sorted(far)),
            place=next(s.position for s in flight.stops if s.number == number),
        )


def _wind(case: _Case) -> Iterator[Finding]:
    rule, conditions = case.rule, case.conditions
    if conditions.wind is None:
        yield _missing(rule, "nothing says how strong the wind is", "give it: --wind 270,6")
    elif conditions.wind.speed_m_s > (rule.most or 0.0):
        yield _broken(
            "rule-wind",
            rule,
            Message(
                "a wind of {speed_m_s:g} m/s, the rule says at most {most:g} m/s",
                speed_m_s=conditions.wind.speed_m_s,
                most=rule.most,
            ),
            "wait for less wind",
        )


def _nothing(_case: _Case) -> Iterator[Finding]:
    yield from ()


_Check = Callable[[_Case], Iterator[Finding]]
_CHECKS: dict[RuleKind, _Check] = {
    RuleKind.HEIGHT_ABOVE_GROUND: _height,
    RuleKind.NO_FLY: _no_fly,
    RuleKind.NIGHT: _night,
    RuleKind.PEOPLE: _people,
    RuleKind.MASS: _mass,
    RuleKind.SPEED: _speed,
    RuleKind.DISTANCE: _distance,
    RuleKind.WIND: _wind,
    RuleKind.PILOT: _nothing,
}


def _for_the_pilot(rules: RuleSet) -> Iterator[Finding]:
    """One note a rule set: what no program can tell, and that the pilot remains responsible."""
    own = "; ".join(f"{r.says} ({r.source})" for r in rules.rules if r.kind is RuleKind.PILOT)
    yield found(
        "rule-for-pilot",
        Message(
            "{title} (looked up {looked_up}): {own}. {note}",
            title=rules.title,
            looked_up=rules.looked_up,
            own=own or "no rule is left to the pilot alone",
            note=rules.note,
        ),
        remedy=PILOT_REMAINS,
        severity=Severity.NOTE,
    )
