"""Tours over fixed points against trying every order, and against the order given."""

from __future__ import annotations

import random
from itertools import permutations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from airbeat.planning.estimate import leg_times_s
from airbeat.planning.route import Router
from airbeat.planning.visits import EXACT_PLACES, VisitTimes, shortest_tour
from airbeat.vehicle.airframe import airframe_profile

QUAD = airframe_profile("arducopter-quad")
seeds = st.integers(min_value=0, max_value=10**6)


def router_round(blocks: list[shapely.Polygon]) -> Router:
    free = shapely.box(-500, -500, 500, 500).difference(shapely.union_all(blocks))
    return Router(free, lambda lengths: leg_times_s(lengths, speed_m_s=8.0, acceleration_m_s2=2.5))


ROUTER = router_round([shapely.box(-100, -500, -60, 300), shapely.box(80, -200, 120, 500)])


def visit_times(rng: random.Random, count: int) -> VisitTimes:
    places: list[tuple[float, float]] = []
    while len(places) < count:
        place = (rng.uniform(-450, 450), rng.uniform(-450, 450))
        if ROUTER.inside(np.array([place]))[0]:
            places.append(place)
    heights = [rng.choice([20.0, 40.0, 90.0]) for _ in places]
    return VisitTimes((0.0, -400.0), places, heights, router=ROUTER, airframe=QUAD)


@settings(max_examples=25)
@given(seeds)
def test_a_short_tour_is_the_best_of_every_order(seed: int) -> None:
    rng = random.Random(seed)
    times = visit_times(rng, rng.randrange(1, 7))
    order = shortest_tour(times, iterations=100, seed=seed)
    count = len(times.places) - 1
    assert sorted(order) == list(range(count))
    best_s = min(times.tour_s(p) for p in permutations(range(count)))
    assert times.tour_s(order) == pytest.approx(best_s, abs=0.02)


@settings(max_examples=5, deadline=None)
@given(seeds)
def test_a_long_tour_visits_every_place_once_and_no_change_of_one_place_shortens_it(seed: int) -> None:
    rng = random.Random(seed)
    times = visit_times(rng, EXACT_PLACES + rng.randrange(1, 20))
    order = shortest_tour(times, iterations=400, seed=seed)
    assert sorted(order) == list(range(len(order)))
    taken_s = times.tour_s(order)
    assert taken_s <= times.tour_s(range(len(order))) + 1e-6
    for k in order:
        rest = [p for p in order if p != k]
        moved_s = min(times.tour_s([*rest[:at], k, *rest[at:]]) for at in range(len(order)))
        assert moved_s >= 0.99 * taken_s


def test_a_long_tour_is_the_same_for_the_same_seed() -> None:
    tours = [shortest_tour(visit_times(random.Random(3), 30), iterations=400, seed=5) for _ in range(2)]
    assert tours[0] == tours[1]
