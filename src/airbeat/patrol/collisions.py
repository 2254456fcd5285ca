"""Why a beat cannot be served: which windows collide, and by how many minutes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from airbeat.patrol.tours import Choice, Slot, Tour, TourProblem, timed

__all__ = ["why_unserved"]

_MOST_SAID = 12
_MOST_PAIRED = 200
_ROUND_S = 0.05


def why_unserved(problem: TourProblem, tours: Sequence[Tour], unserved: Sequence[int]) -> list[str]:
    """What stands in the way of each stop that no tour serves, as sentences.

    A stop that cannot be reached within its window at all says by how many minutes. Two stops of which a
    drone can serve either but not both collide: the sentence says how late the second is at best. Where
    there are as many drones as that and one stop more, all of them are named. Everything else says how late
    the stop would be at best among the tours found.
    """
    reasons: list[str] = []
    named: set[int] = set()
    for stop in unserved:
        if stop in named:
            continue
        alone = _alone(problem, stop)
        if alone is not None:
            reasons.append(alone)
            continue
        found = _crowd(problem, stop)
        if found is None:
            reasons.append(_among(problem, tours, stop))
            continue
        stops, late_s = found
        named.update(stops)
        drones = len({slot.drone for slot in problem.slots})
        names = [_window(problem, s) for s in stops]
        listed = f"{', '.join(names[:-1])} and {names[-1]}"
        who = "one drone" if drones == 1 else f"{drones} drones"
        reasons.append(
            f"{listed} collide: {who} cannot serve all of them, the last is {_minutes(late_s)} late at best"
        )
    if len(reasons) > _MOST_SAID:
        reasons = [*reasons[:_MOST_SAID], f"and {len(reasons) - _MOST_SAID} more stops"]
    return reasons


def _minutes(seconds: float) -> str:
    minutes = math.ceil(seconds / 6.0 - 1e-9) / 10.0
    return f"{minutes:g} min"


def _window(problem: TourProblem, stop: int) -> str:
    """A stop's name; the tours' names say the window where there are several."""
    return problem.names[stop]


def _alone(problem: TourProblem, stop: int) -> str | None:
    """Why a stop cannot be served even by a drone that does nothing else; None where it can."""
    name = problem.names[stop]
    slots = [s for s in problem.slots if problem.may_fly(s, stop)]
    if not slots:
        return f"{name} needs a loudspeaker, and no drone that could go there has one"
    best_late, best_over = math.inf, math.inf
    for number, slot in enumerate(problem.slots):
        if slot not in slots:
            continue
        for choice in problem.of_stop(stop):
            if problem.choices[choice].late_s < problem.choices[choice].early_s - _ROUND_S:
                short = problem.choices[choice].early_s - problem.choices[choice].late_s
                best_late = min(best_late, short)
                continue
            timing = timed(problem, Tour(slot=number, choices=(choice,)))
            if timing.feasible:
                return None
            if timing.late_s[0] > _ROUND_S:
                best_late = min(best_late, timing.late_s[0])
            else:
                best_over = min(best_over, timing.over_s)
    if math.isfinite(best_over):
        return (
            f"{name} cannot be reached, served and left in one flight: {_minutes(best_over)} too long for a "
            "battery or for the time on duty"
        )
    return f"{name} cannot be reached in its window: it is {_minutes(best_late)} late at best"


def _crowd(problem: TourProblem, stop: int) -> tuple[list[int], float] | None:
    """So many stops that one more than there are drones cannot be served, and by how much at best."""
    drones = len({slot.drone for slot in problem.slots})
    others = [s for s in range(len(problem.names)) if s != stop]
    others.sort(key=lambda s: _apart_s(problem, stop, s))
    rivals: list[int] = []
    least = math.inf
    for other in others[:_MOST_PAIRED]:
        lates = [_pair_late_s(problem, mine, other) for mine in [stop, *rivals]]
        if min(lates) > _ROUND_S:
            rivals.append(other)
            least = min(least, *lates)
        if len(rivals) == drones:
            return [*sorted([stop, *rivals], key=lambda s: (_first(problem, s).early_s, s))], least
    return None


def _first(problem: TourProblem, stop: int) -> Choice:
    return problem.choices[problem.of_stop(stop)[0]]


def _apart_s(problem: TourProblem, a: int, b: int) -> float:
    """How far apart in time the windows of two stops are [s]; less than nothing where they overlap."""
    one, other = _first(problem, a), _first(problem, b)
    return max(one.early_s, other.early_s) - min(one.late_s, other.late_s)


def _pair_late_s(problem: TourProblem, a: int, b: int) -> float:
    """How late the second of two stops is at best when a drone serves both in one flight or in two [s]."""
    best = math.inf
    slots = {(s.place, s.profile): s for s in problem.slots}
    for first, second in ((a, b), (b, a)):
        for one, two in itertools.product(problem.of_stop(first), problem.of_stop(second)):
            for slot in slots.values():
                best = min(best, _late_s(problem, slot, problem.choices[one], problem.choices[two]))
                if best <= 0.0:
                    return 0.0
    return best


def _late_s(problem: TourProblem, slot: Slot, one: Choice, two: Choice) -> float:
    """How late the second choice begins at best after the first [s]."""
    legs = problem.legs[slot.profile].time_s
    begins = max(one.early_s, slot.up_s + float(legs[slot.place, one.start]))
    late = max(0.0, begins - one.late_s)
    arrives = begins + one.service_s + float(legs[one.end, two.start])
    return late + max(0.0, arrives - two.late_s)


def _among(problem: TourProblem, tours: Sequence[Tour], stop: int) -> str:
    """How late a stop would be, or make others, at the best place in the tours found."""
    best = math.inf
    by_slot = {t.slot: t for t in tours}
    for number, slot in enumerate(problem.slots):
        if not problem.may_fly(slot, stop):
            continue
        route = by_slot[number].choices if number in by_slot else ()
        for choice in problem.of_stop(stop):
            for at in range(len(route) + 1):
                timing = timed(problem, Tour(slot=number, choices=(*route[:at], choice, *route[at:])))
                best = min(best, sum(timing.late_s) + timing.over_s)
    return (
        f"{problem.names[stop]} fits into no flight beside the others: {_minutes(best)} are missing at its "
        "best place"
    )
