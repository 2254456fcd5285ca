"""Tours without the extra: cheapest insertion, then ruin and recreate. For a handful of stops.

Stops are put in one after another where they cost least travel and nothing becomes late; then some near one
another are taken out and put back, again and again, and what is cheaper is kept (Shaw 1998; Schrimpf et al.
2000). The budget is iterations, so that the same input and seed give the same tours.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from airbeat.patrol.tours import Tour, TourProblem, timed
from airbeat.planning.order import order_tracks

__all__ = ["solve_by_insertion"]

_MOST_REMOVED = 8
_ORDERED_FROM = 40
"""From so many stops on the insertion follows a tour over all of them, which fast-tsp or its like finds."""
_ORDER_ITERATIONS = 2000
_TRIED_PLACES = 40
"""So many of the cheapest places are tried for a stop."""
_Routes = dict[int, list[int]]


def solve_by_insertion(
    problem: TourProblem, *, iterations: int, seed: int = 0
) -> tuple[list[Tour], list[int]]:
    """Tours, and the numbers of the stops that fit in none.

    Args:
        problem: what is served.
        iterations: how often some stops are taken out and put back.
        seed: of the choice of what is taken out.
    """
    search = _Search(problem, random.Random(seed))
    routes, left = search.inserted({}, search.first_order())
    best = search.cost(routes, left)
    for _ in range(iterations if len(problem.names) > 1 else 0):
        tried, removed = search.ruined(routes)
        tried, unserved = search.inserted(tried, [*removed, *left])
        cost = search.cost(tried, unserved)
        if cost < best:
            routes, left, best = tried, unserved, cost
    tours = [Tour(slot=k, choices=tuple(route)) for k, route in sorted(routes.items()) if route]
    return tours, sorted(left)


class _Search:
    def __init__(self, problem: TourProblem, chance: random.Random) -> None:
        self.problem = problem
        self._chance = chance
        self._legs = [legs.time_s for legs in problem.legs]

    def first_order(self) -> list[int]:
        """Stops in the order of their latest beginnings, or along a tour over all of them."""
        problem = self.problem
        stops = list(range(len(problem.names)))
        if len(stops) < _ORDERED_FROM or self._have_windows():
            return sorted(stops, key=lambda s: max(problem.choices[c].late_s for c in problem.of_stop(s)))
        firsts = [problem.choices[problem.of_stop(s)[0]] for s in stops]
        ends = np.array([place for c in firsts for place in (c.start, c.end)])
        home = problem.slots[0].place
        order = order_tracks(
            self._legs[0][np.ix_(ends, ends)],
            start=self._legs[0][home, ends],
            finish=self._legs[0][ends, home],
            iterations=_ORDER_ITERATIONS,
        )
        return [stop for stop, _ in order]

    def _have_windows(self) -> bool:
        return len({(c.early_s, c.late_s + c.service_s) for c in self.problem.choices}) > 1

    def cost(self, routes: _Routes, left: Sequence[int]) -> tuple[int, float]:
        """Stops that are not served, then travel and the price of flights [s]."""
        travel = 0.0
        for slot, route in routes.items():
            if route:
                travel += self.problem.sortie_price_s + self.problem.slots[slot].price_s
                travel += timed(self.problem, Tour(slot=slot, choices=tuple(route))).travel_s
        return len(left), travel

    def ruined(self, routes: _Routes) -> tuple[_Routes, list[int]]:
        """The routes without some stops that are near one another, and those stops."""
        problem = self.problem
        served = [c for route in routes.values() for c in route]
        if not served:
            return routes, []
        first = self._chance.choice(served)
        here = problem.choices[first].end
        near = sorted(served, key=lambda c: float(self._legs[0][here, problem.choices[c].start]))
        count = self._chance.randint(1, min(_MOST_REMOVED, len(served)))
        out = set(near[:count])
        kept = {slot: [c for c in route if c not in out] for slot, route in routes.items()}
        stops = [problem.choices[c].stop for c in near[:count]]
        self._chance.shuffle(stops)
        return kept, stops

    def inserted(self, routes: _Routes, stops: Sequence[int]) -> tuple[_Routes, list[int]]:
        """The routes with stops put in, and those that fit nowhere."""
        routes = {slot: list(route) for slot, route in routes.items()}
        left = []
        for stop in stops:
            for _, slot, choice, at in sorted(self._places(routes, stop))[:_TRIED_PLACES]:
                route = [*routes.get(slot, ()), choice]
                route = [*route[:at], choice, *route[at:-1]]
                if timed(self.problem, Tour(slot=slot, choices=tuple(route))).feasible:
                    routes[slot] = route
                    break
            else:
                left.append(stop)
        return routes, left

    def _places(self, routes: _Routes, stop: int) -> list[tuple[float, int, int, int]]:
        """Where a stop could go: (more travel [s], slot, choice, position); one empty slot of each kind."""
        problem, found = self.problem, []
        empty_seen: set[tuple[float, ...]] = set()
        for number, slot in enumerate(problem.slots):
            if not problem.may_fly(slot, stop):
                continue
            route = routes.get(number) or []
            price = 0.0
            if not route:
                kind = (slot.early_s, slot.late_s, slot.most_s, slot.profile, slot.place)
                if kind in empty_seen:
                    continue
                empty_seen.add(kind)
                price = problem.sortie_price_s + slot.price_s + slot.up_s + slot.down_s
            legs = self._legs[slot.profile]
            for choice in problem.of_stop(stop):
                mine = problem.choices[choice]
                for at in range(len(route) + 1):
                    before = problem.choices[route[at - 1]].end if at else slot.place
                    after = problem.choices[route[at]].start if at < len(route) else slot.place
                    gap = float(legs[before, after]) if route else 0.0
                    more = float(legs[before, mine.start]) + float(legs[mine.end, after]) - gap
                    found.append((more + price, number, choice, at))
        return found
