"""Tours over thousands of stops: insertion that looks at all places of all tours at once.

Stops are put in where they cost least travel, the farthest first (Solomon 1987); then neighbours of what is
left out are taken out and put back behind it (Schrimpf et al. 2000). For each place in a tour it is kept when
the drone leaves the stop before, and when it must be at the stop behind at the latest (Savelsbergh 1992), so
that a place is tried in constant time, and all of them in one array.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from airbeat.patrol.tours import Tour, TourProblem, timed

__all__ = ["bulk_tours"]

_TRIED = 6
"""So many of the cheapest places are timed exactly."""
_TAKEN_OUT = 24
"""So many neighbours of a stop that fits nowhere are taken out for it."""
_ROUNDS = 60
"""How often that is tried."""
_WIDEN = 16

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


def bulk_tours(
    problem: TourProblem, *, seed: int = 0, begun: Sequence[Tour] = ()
) -> tuple[list[Tour], list[int]]:
    """Tours, and the numbers of the stops that fit in none.

    Args:
        problem: what is served.
        seed: of the order in which neighbours are put back.
        begun: tours to go on from; stops with which they are late are taken out and put in elsewhere.
    """
    chance = random.Random(seed)
    best: tuple[list[Tour], list[int]] | None = None
    for by_time in (False, True):
        bulk = _Bulk(problem)
        for tour in begun:
            bulk.go_on_from(tour)
        served = {problem.choices[c].stop for route in bulk.routes for c in route}
        waiting = (s for s in range(len(problem.names)) if s not in served)
        left = bulk.inserted(sorted(waiting, key=bulk.latest_s if by_time else bulk.nearness_s))
        for _ in range(_ROUNDS):
            left = bulk.made_room(left, chance) if left else left
        if best is None or len(left) < len(best[1]):
            tours = [Tour(slot=k, choices=tuple(route)) for k, route in enumerate(bulk.routes) if route]
            best = tours, sorted(left)
        if not left:
            break
    assert best is not None  # noqa: S101 - there are two orders
    return best


class _Bulk:
    """Tours that grow. In the tables row k is slot k, column p the place before the stop p of its tour."""

    def __init__(self, problem: TourProblem) -> None:
        self.problem = problem
        self.routes: list[list[int]] = [[] for _ in problem.slots]
        self._legs = [legs.time_s for legs in problem.legs]
        self._profiles = np.array([s.profile for s in problem.slots])
        self._homes = np.array(sorted({s.place for s in problem.slots}))
        self._speaks = np.array([s.loudspeaker for s in problem.slots])
        slots = len(self.routes)
        self._before = np.zeros((slots, 0), dtype=np.int64)
        self._behind = np.zeros((slots, 0), dtype=np.int64)
        self._leave_s = np.zeros((slots, 0))
        self._latest_s = np.zeros((slots, 0))
        self._saved_s = np.zeros((slots, 0))
        self._widen()
        for slot in range(slots):
            self._refresh(slot)

    def _widen(self) -> None:
        """Room in the tables for longer tours; a place that no tour has takes no stop."""
        more = ((0, 0), (0, _WIDEN))
        self._before = np.pad(self._before, more)
        self._behind = np.pad(self._behind, more)
        self._leave_s = np.pad(self._leave_s, more)
        self._latest_s = np.pad(self._latest_s, more, constant_values=-np.inf)
        self._saved_s = np.pad(self._saved_s, more)

    def latest_s(self, stop: int) -> float:
        """When a stop must have begun [s]."""
        return max(self.problem.choices[c].late_s for c in self.problem.of_stop(stop))

    def nearness_s(self, stop: int) -> float:
        """Less for stops that are farther from all launch places [s]."""
        start = self.problem.choices[self.problem.of_stop(stop)[0]].start
        return -float(self._legs[0][start, self._homes].min())

    def go_on_from(self, tour: Tour) -> None:
        """Take over a tour, without the stops with which it would be late."""
        self.routes[tour.slot] = list(tour.choices)
        while self.routes[tour.slot] and not self._feasible(tour.slot, self.routes[tour.slot]):
            route = self.routes[tour.slot]
            timing = timed(self.problem, Tour(slot=tour.slot, choices=tuple(route)))
            late = [k for k, s in enumerate(timing.late_s) if s > 0]
            del route[late[0] if late else len(route) - 1]
        self._refresh(tour.slot)

    def inserted(self, stops: Iterable[int]) -> list[int]:
        """Put stops in one after another; those that fit nowhere."""
        return [stop for stop in stops if not self._insert(stop)]

    def made_room(self, left: Sequence[int], chance: random.Random) -> list[int]:
        """Take out neighbours of a stop that fits nowhere, put it in, and them; what then fits nowhere."""
        problem = self.problem
        kept = [list(route) for route in self.routes]
        stop = chance.choice(list(left))
        here = problem.choices[problem.of_stop(stop)[0]].start
        served = np.array([c for route in self.routes for c in route], dtype=np.int64)
        if not len(served):
            return list(left)
        starts = np.array([problem.choices[c].start for c in served])
        near = np.argsort(self._legs[0][here, starts], kind="stable")[: chance.randint(4, _TAKEN_OUT)]
        out = {int(c) for c in served[near]}
        touched = [k for k, route in enumerate(self.routes) if out & set(route)]
        for slot in touched:
            self.routes[slot] = [c for c in self.routes[slot] if c not in out]
            self._refresh(slot)
        back = [problem.choices[c].stop for c in out]
        chance.shuffle(back)
        others = [s for s in left if s != stop]
        unserved = self.inserted([stop, *sorted(back, key=self.latest_s), *others])
        if len(unserved) <= len(left):
            return unserved
        for slot, route in enumerate(kept):
            if route != self.routes[slot]:
                self.routes[slot] = route
                self._refresh(slot)
        return list(left)

    def _insert(self, stop: int) -> bool:
        for _, slot, at, choice in self._places(stop):
            route = [*self.routes[slot][:at], choice, *self.routes[slot][at:]]
            if self._feasible(slot, route):
                self.routes[slot] = route
                self._refresh(slot)
                return True
        return False

    def _feasible(self, slot: int, route: Sequence[int]) -> bool:
        return timed(self.problem, Tour(slot=slot, choices=tuple(route))).feasible

    def _places(self, stop: int) -> list[tuple[float, int, int, int]]:
        """The cheapest places of a stop: (cost [s], slot, position, choice)."""
        found: list[tuple[float, int, int, int]] = []
        for choice in self.problem.of_stop(stop):
            for profile in range(len(self._legs)):
                rows = self._profiles == profile
                if stop in self.problem.speaking:
                    rows = rows & self._speaks
                found += self._places_of(choice, np.flatnonzero(rows), self._legs[profile])
        return sorted(found)[:_TRIED]

    def _places_of(self, choice: int, slots: Numbers, legs: Array) -> list[tuple[float, int, int, int]]:
        if not len(slots):
            return []
        mine = self.problem.choices[choice]
        # Leg times are symmetric, and a row lies together in memory.
        to = legs[mine.start][self._before[slots]]
        fro = legs[mine.end][self._behind[slots]]
        begin = np.maximum(self._leave_s[slots] + to, mine.early_s)
        arrive = begin + mine.service_s + fro
        fits = (begin <= mine.late_s) & (arrive <= self._latest_s[slots])
        cost = np.where(fits, to + fro - self._saved_s[slots], np.inf).ravel()
        count = min(_TRIED, cost.size)
        best = np.argpartition(cost, count - 1)[:count]
        width = self._before.shape[1]
        return [
            (float(cost[k]), int(slots[k // width]), int(k % width), choice)
            for k in best
            if np.isfinite(cost[k])
        ]

    def _refresh(self, slot_number: int) -> None:
        """The row of a tour, made anew."""
        problem, route = self.problem, self.routes[slot_number]
        slot = problem.slots[slot_number]
        legs = self._legs[slot.profile]
        chosen = [problem.choices[c] for c in route]
        count = len(route) + 1
        while count > self._before.shape[1]:
            self._widen()
        before = [slot.place, *(c.end for c in chosen)]
        behind = [*(c.start for c in chosen), slot.place]
        ways = [float(legs[a, b]) for a, b in zip(before, behind, strict=True)]
        leave = [slot.early_s + slot.up_s]
        for choice, way in zip(chosen, ways[:-1], strict=True):
            leave.append(max(leave[-1] + way, choice.early_s) + choice.service_s)
        latest = [slot.late_s - slot.down_s]
        for choice, way in zip(reversed(chosen), reversed(ways), strict=False):
            latest.append(min(latest[-1] - way - choice.service_s, choice.late_s))
        opening = problem.sortie_price_s + slot.price_s + slot.up_s + slot.down_s
        row = slice(0, count)
        self._before[slot_number, row] = before
        self._behind[slot_number, row] = behind
        self._leave_s[slot_number, row] = leave
        self._latest_s[slot_number, row] = latest[::-1]
        self._latest_s[slot_number, count:] = -np.inf
        self._saved_s[slot_number, row] = ways if route else [-opening]
