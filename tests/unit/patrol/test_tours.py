"""Tours with windows, batteries and keep-outs, by each solver, and what is said where there are none."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable

import numpy as np
import pytest
import shapely

from airbeat.patrol.bulk import bulk_tours
from airbeat.patrol.collisions import why_unserved
from airbeat.patrol.insertion import solve_by_insertion
from airbeat.patrol.legtimes import UNREACHABLE_S, LegTimes
from airbeat.patrol.solve import solve_tours
from airbeat.patrol.tours import Choice, Slot, Tour, TourProblem, timed, total_s
from airbeat.planning.estimate import leg_times_s
from airbeat.planning.route import Router

Make = Callable[..., TourProblem]
EXTRA = importlib.util.find_spec("pyvrp") is not None
SOLVERS = [False, *([True] if EXTRA else [])]


def best_by_trying(problem: TourProblem) -> float:
    """Least cost of one flight over all stops, by trying every order."""
    orders = itertools.permutations(range(len(problem.choices)))
    timings = [(timed(problem, Tour(slot=0, choices=o)), o) for o in orders]
    return min(t.travel_s for t, _ in timings if t.feasible)


@pytest.mark.parametrize("extra", SOLVERS)
def test_a_handful_of_stops_is_toured_as_well_as_trying_every_order_does(problem: Make, extra: bool) -> None:
    places = [(300.0, 0.0), (-200.0, 400.0), (500.0, 500.0), (0.0, -600.0), (250.0, 250.0)]
    given = problem(places)
    tours, left = solve_tours(given, with_pyvrp=extra)
    assert left == []
    assert total_s(given, tours) == pytest.approx(best_by_trying(given), abs=0.5)


@pytest.mark.parametrize("extra", SOLVERS)
def test_windows_decide_the_order(problem: Make, extra: bool) -> None:
    places = [(100.0, 0.0), (200.0, 0.0), (300.0, 0.0)]
    given = problem(places, [(400.0, 500.0), (200.0, 300.0), (0.0, 100.0)])
    tours, left = solve_tours(given, with_pyvrp=extra)
    assert left == []
    assert tours[0].choices == (2, 1, 0)
    assert timed(given, tours[0]).feasible


def test_a_drone_waits_on_the_ground_rather_than_in_the_air(problem: Make) -> None:
    given = problem([(100.0, 0.0)], [(500.0, 600.0)])
    timing = timed(given, Tour(slot=0, choices=(0,)))
    assert timing.begin_s == (500.0,)
    assert timing.take_off_s == pytest.approx(500.0 - 20.0 - 14.0)
    assert timing.duration_s == pytest.approx(20 + 14 + 10 + 14 + 40)


@pytest.mark.parametrize("extra", SOLVERS)
def test_batteries_cut_a_tour_into_flights_that_each_last(problem: Make, extra: bool) -> None:
    places = [(float(x), float(y)) for x in (-600, 0, 600) for y in (-600, 600)]
    slots = [(0, 500.0 * k, 500.0 * k + 400.0) for k in range(8)]
    given = problem(places, battery_s=400.0, slots=slots, price_s=60.0)
    tours, left = solve_tours(given, with_pyvrp=extra)
    assert left == []
    assert len(tours) >= 2
    assert sorted(c for t in tours for c in t.choices) == list(range(6))
    assert all(timed(given, t).feasible for t in tours)


def test_ways_lead_round_keep_outs_whether_found_one_by_one_or_all_at_once() -> None:
    holes = [shapely.box(-50, -300, 50, 300), shapely.box(200, -100, 260, 500)]
    free = shapely.box(-1000, -1000, 1000, 1000).difference(shapely.union_all(holes))
    router = Router(free, lambda m: leg_times_s(np.asarray(m), speed_m_s=10.0, acceleration_m_s2=2.5))
    places = [(-400.0, 0.0), (120.0, 0.0), (400.0, 100.0), (-100.0, 350.0), (0.0, -600.0)]
    first, second = np.triu_indices(len(places), 1)
    times = router.times_s(np.array(places), first, second)
    for k, (i, j) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        found = router.route(places[i], places[j])
        assert found is not None
        assert times[k] == pytest.approx(found[0], abs=1e-6)


def test_of_many_places_ways_are_found_when_they_are_used() -> None:
    free = shapely.box(-100, -100, 1100, 1100).difference(shapely.box(450, -50, 550, 1050))
    router = Router(free, lambda m: leg_times_s(np.asarray(m), speed_m_s=10.0, acceleration_m_s2=2.5))
    rng = np.random.default_rng(3)
    places = [(float(x), float(y)) for x, y in rng.uniform(0, 1000, (60, 2)) if not 440 < x < 560]
    lazy = LegTimes(places, router, hubs=[0], everything=False)
    whole = LegTimes(places, router, everything=True)
    assert (lazy.time_s <= whole.time_s + 1e-9).all()
    assert (lazy.time_s < whole.time_s - 1.0).any()
    pairs = np.array(np.triu_indices(len(places), 1))
    assert lazy.make_exact(pairs[0], pairs[1])
    assert np.allclose(lazy.time_s, whole.time_s)
    assert not lazy.make_exact(pairs[0], pairs[1])


def test_a_place_behind_a_wall_is_out_of_reach() -> None:
    free = shapely.union_all([shapely.box(0, 0, 100, 100), shapely.box(200, 0, 300, 100)])
    router = Router(free, lambda m: leg_times_s(np.asarray(m), speed_m_s=10.0, acceleration_m_s2=2.5))
    legs = LegTimes([(50.0, 50.0), (250.0, 50.0)], router)
    assert legs.time_s[0, 1] == UNREACHABLE_S
    assert legs.way(0, 1) == []


# why not


def test_a_window_that_closes_before_the_drone_can_be_there_is_named_with_the_minutes(problem: Make) -> None:
    given = problem([(2000.0, 0.0)], [(0.0, 120.0)])
    tours, left = solve_by_insertion(given, iterations=1)
    assert left == [0]
    # 20 s up, 204 s of way, and the service of 10 s would have to begin at 110 s.
    assert why_unserved(given, tours, left) == [
        "stop 1 cannot be reached in its window: it is 1.9 min late at best"
    ]


def test_two_windows_that_collide_are_named_with_the_minutes(problem: Make) -> None:
    given = problem([(1000.0, 0.0), (-1000.0, 0.0)], [(200.0, 230.0), (220.0, 260.0)])
    tours, left = solve_tours(given, with_pyvrp=False)
    assert len(left) == 1
    # From 200 s on: 10 s of service and 204 s of way lead to 414 s; 250 s would be in time.
    assert why_unserved(given, tours, left) == [
        "stop 1 and stop 2 collide: one drone cannot serve all of them, the last is 2.8 min late at best"
    ]


def test_a_second_drone_resolves_what_one_cannot_serve(problem: Make) -> None:
    given = problem([(1000.0, 0.0), (-1000.0, 0.0)], [(200.0, 230.0), (220.0, 260.0)], drones=2)
    assert solve_tours(given, with_pyvrp=False)[1] == []


def test_three_windows_are_too_many_for_two_drones(problem: Make) -> None:
    places = [(1000.0, 0.0), (-1000.0, 0.0), (0.0, 1000.0)]
    given = problem(places, [(200.0, 230.0)] * 3, drones=2)
    tours, left = solve_tours(given, with_pyvrp=False)
    (reason,) = why_unserved(given, tours, left)
    assert reason.startswith("stop 1, stop 2 and stop 3 collide: 2 drones cannot serve all of them")


def test_a_stop_beyond_what_a_battery_flies_is_named(problem: Make) -> None:
    given = problem([(3000.0, 0.0)], battery_s=300.0)
    tours, left = solve_by_insertion(given, iterations=1)
    (reason,) = why_unserved(given, tours, left)
    assert "cannot be reached, served and left in one flight: 6.3 min too long for a battery" in reason


def test_the_same_seed_gives_the_same_tours(problem: Make) -> None:
    rng = np.random.default_rng(8)
    places = [(float(x), float(y)) for x, y in rng.uniform(-2000, 2000, (14, 2))]
    one = solve_by_insertion(problem(places), iterations=60, seed=4)
    other = solve_by_insertion(problem(places), iterations=60, seed=4)
    assert one == other


@pytest.mark.skipif(not EXTRA, reason="PyVRP (airbeat[patrol]) is not installed")
def test_the_extra_is_not_worse_than_insertion_and_gives_the_same_twice(problem: Make) -> None:
    rng = np.random.default_rng(8)
    drawn = rng.uniform(-2000, 2000, (60, 2)).tolist()
    places = [(x, y) for x, y in drawn if not (-310 < x < 310 and -910 < y < -190)][:40]
    windows = [(float(a), float(a) + 1500.0) for a in rng.uniform(400, 2400, 40)]
    given = problem(places, windows, drones=3, holes=[shapely.box(-300, -900, 300, -200)])
    own, left = solve_by_insertion(given, iterations=20)
    tours, unserved = solve_tours(given, with_pyvrp=True, effort=0.3)
    assert unserved == []
    assert all(timed(given, t).feasible for t in tours)
    assert left or total_s(given, tours) <= total_s(given, own) + 1e-6
    assert solve_tours(given, with_pyvrp=True, effort=0.3)[0] == tours


def _scattered(count: int, seed: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Places in a square of 4 km, and windows of 15 to 40 minutes in three hours."""
    rng = np.random.default_rng(seed)
    places = [(float(x), float(y)) for x, y in rng.uniform(-2000, 2000, (count, 2))]
    begins = rng.uniform(300.0, 9000.0, count)
    return places, [
        (float(b), float(b + w)) for b, w in zip(begins, rng.uniform(900, 2400, count), strict=True)
    ]


def test_hundreds_of_stops_are_all_served_in_their_windows_on_their_batteries(problem: Make) -> None:
    places, windows = _scattered(320, 3)
    slots = [(d, 1800.0 * k, 1800.0 * k + 1700.0) for d in range(8) for k in range(7)]
    given = problem(places, windows, slots=slots, battery_s=1600.0)
    tours, left = solve_tours(given, with_pyvrp=False)
    assert left == []
    assert sorted(given.choices[c].stop for t in tours for c in t.choices) == list(range(320))
    assert all(timed(given, t).feasible for t in tours)


def test_tours_over_hundreds_of_stops_use_no_way_that_is_only_reckoned() -> None:
    places, windows = _scattered(310, 4)
    wall = shapely.box(-1500, -50, 1500, 50)
    places = [p for p in places if not wall.buffer(1.0).contains(shapely.Point(p))]
    free = shapely.box(-5000, -5000, 5000, 5000).difference(wall)
    router = Router(free, lambda m: leg_times_s(np.asarray(m), speed_m_s=10.0, acceleration_m_s2=2.5))
    given = TourProblem(
        names=tuple(str(k) for k in range(len(places))),
        choices=tuple(
            Choice(stop=k, start=k + 1, end=k + 1, service_s=10.0, early_s=a, late_s=b)
            for k, (a, b) in enumerate(windows[: len(places)])
        ),
        slots=tuple(
            Slot(drone=d, place=0, up_s=20.0, down_s=40.0, early_s=0.0, late_s=2e4, most_s=2e4)
            for d in range(9)
        ),
        legs=(LegTimes([(0.0, 500.0), *places], router, hubs=[0], everything=False),),
    )
    assert len(places) >= 300
    tours, left = solve_tours(given, with_pyvrp=False)
    assert left == []
    for tour in tours:
        way = np.array([0, *(given.choices[c].start for c in tour.choices), 0])
        assert not given.legs[0].make_exact(way[:-1], way[1:])
        assert timed(given, tour).feasible


def test_stops_that_make_a_tour_late_are_put_elsewhere(problem: Make) -> None:
    given = problem([(100.0, 0.0), (200.0, 0.0)], [(0.0, 2000.0), (0.0, 100.0)], drones=1)
    tours, left = bulk_tours(given, begun=[Tour(slot=0, choices=(1, 0))])
    assert left == []
    assert [t.choices for t in tours] == [(1, 0)]
    hurried = problem([(800.0, 0.0), (100.0, 0.0)], [(0.0, 2000.0), (0.0, 60.0)], drones=1)
    assert not timed(hurried, Tour(slot=0, choices=(0, 1))).feasible
    tours, left = bulk_tours(hurried, begun=[Tour(slot=0, choices=(0, 1))])
    assert (tours[0].choices, left) == ((1, 0), [])


def test_a_stop_that_can_never_be_served_in_time_is_named_and_the_others_are_served(problem: Make) -> None:
    given = problem([(100.0, 0.0), (4000.0, 0.0), (0.0, 200.0)], [(0.0, 900.0), (0.0, 120.0), (0.0, 900.0)])
    tours, left = bulk_tours(given)
    assert left == [1]
    assert sorted(c for t in tours for c in t.choices) == [0, 2]
