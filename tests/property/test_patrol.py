"""Windows, intervals and idleness of patrols hold for any stops, weights, batteries and seeds."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from airbeat.patrol.batteries import Pack
from airbeat.patrol.insertion import solve_by_insertion
from airbeat.patrol.legtimes import LegTimes
from airbeat.patrol.rounds import Crew, Rounds, gaps_of, patrolled
from airbeat.patrol.template import Ground, best_cycle, flown_cycle
from airbeat.patrol.tours import Choice, Slot, Tour, TourProblem, timed
from airbeat.patrol.zones import balanced_cut
from airbeat.planning.estimate import leg_times_s
from airbeat.planning.route import Router

PLACES = st.lists(
    st.tuples(st.floats(-1500, 1500), st.floats(-1500, 1500)), min_size=1, max_size=8, unique=True
)
_ROUTER = Router(
    box(-5000, -5000, 5000, 5000).difference(box(-200, 100, 150, 700)),
    lambda m: leg_times_s(np.asarray(m), speed_m_s=10.0, acceleration_m_s2=2.5),
)


def _free(places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [p for p in places if not (-200 < p[0] < 150 and 100 < p[1] < 700)] or [(300.0, 0.0)]


@settings(max_examples=40, deadline=None)
@given(PLACES, st.integers(0, 999), st.floats(120, 2000), st.integers(1, 3))
def test_tours_keep_every_window_and_every_battery_and_serve_no_stop_twice(
    places: list[tuple[float, float]], seed: int, battery_s: float, drones: int
) -> None:
    places = _free(places)
    chance = random.Random(seed)
    legs = LegTimes([(0.0, 0.0), *places], _ROUTER)
    choices = []
    for stop in range(len(places)):
        early = chance.uniform(0, 2000)
        choices.append(
            Choice(stop=stop, start=stop + 1, end=stop + 1, service_s=chance.uniform(0, 60), early_s=early,
                   late_s=early + chance.uniform(0, 1200))
        )  # fmt: skip
    problem = TourProblem(
        names=tuple(map(str, range(len(places)))),
        choices=tuple(choices),
        slots=tuple(
            Slot(drone=d, place=0, up_s=20, down_s=40, early_s=2200.0 * k, late_s=2200.0 * (k + 1),
                 most_s=battery_s)
            for d in range(drones) for k in range(2)
        ),
        legs=(legs,),
    )  # fmt: skip
    tours, left = solve_by_insertion(problem, iterations=5, seed=seed)
    served = [problem.choices[c].stop for t in tours for c in t.choices]
    assert sorted([*served, *left]) == list(range(len(places)))
    for tour in tours:
        timing = timed(problem, tour)
        slot = problem.slots[tour.slot]
        assert timing.feasible
        assert timing.duration_s <= battery_s + 1e-6
        assert slot.early_s - 1e-6 <= timing.take_off_s
        assert timing.land_s <= slot.late_s + 1e-6
        for begin, number in zip(timing.begin_s, tour.choices, strict=True):
            choice = problem.choices[number]
            assert choice.early_s - 1e-6 <= begin <= choice.late_s + 1e-6


@settings(max_examples=60, deadline=None)
@given(PLACES, st.integers(0, 999), st.floats(0, 3000))
def test_leaving_later_never_ends_earlier_and_waiting_in_the_air_is_never_longer(
    places: list[tuple[float, float]], seed: int, later_s: float
) -> None:
    places = _free(places)
    chance = random.Random(seed)
    legs = LegTimes([(0.0, 0.0), *places], _ROUTER)
    choices = tuple(
        Choice(stop=k, start=k + 1, end=k + 1, service_s=10, early_s=(e := chance.uniform(0, 4000)),
               late_s=e + chance.uniform(0, 3000))
        for k in range(len(places))
    )  # fmt: skip
    slot = Slot(drone=0, place=0, up_s=20, down_s=40, early_s=0, late_s=1e6, most_s=1e6)
    problem = TourProblem(names=("",) * len(places), choices=choices, slots=(slot,), legs=(legs,))
    tour = Tour(slot=0, choices=tuple(range(len(places))))
    now, then = timed(problem, tour), timed(problem, tour, not_before_s=later_s)
    assert then.land_s >= now.land_s - 1e-6
    assert then.duration_s <= now.duration_s + 1e-6 or sum(then.late_s) >= sum(now.late_s) - 1e-6


@settings(max_examples=40, deadline=None)
@given(PLACES, st.integers(0, 999), st.floats(250, 1500), st.integers(1, 2))
def test_rounds_never_overlap_and_gaps_are_all_the_time_there_is(
    places: list[tuple[float, float]], seed: int, battery_s: float, drones: int
) -> None:
    places = _free(places)
    chance = random.Random(seed)
    both = np.array([*places, (0.0, 0.0)])
    legs = leg_times_s(
        np.hypot(*(both[:, None] - both[None]).transpose(2, 0, 1)), speed_m_s=10, acceleration_m_s2=2.5
    )
    pack = Pack(site=0, chargers=2, batteries=2, charge_s=900, swap_s=60, flight_s=battery_s)
    until = 6 * 3600.0
    least = [chance.choice([0.0, 600.0]) for _ in places]
    intervals = [chance.choice([1800.0, 3600.0, math.inf]) for _ in places]
    crew = Crew(
        legs_s=legs.tolist(), service_s=[10.0] * len(places), windows=[[(0.0, until)]] * len(places),
        interval=lambda stop, _t: intervals[stop], weight=lambda _s, _t: 1.0, least_s=least,
        packs=[pack] * drones, up_s=20, down_s=40, until_s=until,
    )  # fmt: skip
    rounds = patrolled(Rounds.begun(crew, list(range(len(places)))))
    by_drone: dict[int, list[tuple[float, float]]] = {}
    for sortie in rounds.sorties:
        assert sortie.land_s - sortie.take_off_s <= battery_s + 1e-6
        assert sortie.land_s <= until + 1e-6
        by_drone.setdefault(sortie.drone, []).append((sortie.take_off_s, sortie.land_s))
    for flown in by_drone.values():
        for (_, land), (take_off, _) in itertools.pairwise(flown):
            assert take_off >= land + 60 - 1e-6
    if drones == 1:
        for stop, apart in enumerate(least):
            times = sorted(b for s in rounds.sorties for k, b in s.visits if k == stop)
            assert all(b - a >= apart - 1e-6 for a, b in itertools.pairwise(times))
    gaps = gaps_of(crew, rounds.sorties)
    for stop in range(len(places)):
        own = [g for g in gaps if g.stop == stop]
        assert sum(g.length_s for g in own) == np.float64(until)
        assert all(g.over_s == max(0.0, g.length_s - intervals[stop]) for g in own)


@settings(max_examples=25, deadline=None)
@given(PLACES, st.integers(0, 999))
def test_worst_idleness_is_never_below_what_visiting_everything_takes(
    places: list[tuple[float, float]], seed: int
) -> None:
    """No cycle waits less than the bound of the decision record.

    Σ weight × (stay + twice half the way to the nearest other place), over the share of the time that
    batteries leave for it.
    """
    chance = random.Random(seed)
    both = np.array([*places, (0.0, 0.0)])
    apart = np.hypot(*(both[:, None] - both[None]).transpose(2, 0, 1))
    legs = np.where(apart < 1e-9, 0.0, leg_times_s(apart, speed_m_s=10, acceleration_m_s2=2.5))
    weights = [chance.choice([1.0, 2.0, 4.0]) for _ in places]
    stays = [chance.uniform(5, 60) for _ in places]
    ground = Ground(
        legs_s=legs.tolist(), service_s=stays, weight=weights, battery_s=2000, up_s=20, down_s=40, swap_s=60
    )
    cycle, flown = best_cycle(ground, iterations=60, seed=seed)
    assert set(cycle) == set(range(len(places)))
    assert flown_cycle(ground, cycle) == flown
    radius = [min(legs[k, j] for j in range(len(both)) if j != k) / 2 for k in range(len(places))]
    useful = (2000 - 20 - 40) / (2000 + 60)
    bound = sum(w * (s + 2 * r) for w, s, r in zip(weights, stays, radius, strict=True)) / useful
    assert flown.worst_s >= bound * (1 - 1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.1, 50), min_size=1, max_size=20), st.integers(1, 6), st.integers(0, 99))
def test_no_other_cut_of_a_tour_has_a_shorter_longest_piece(
    services: list[float], count: int, seed: int
) -> None:
    chance = random.Random(seed)
    steps = [chance.uniform(0, 20) for _ in services[1:]]
    pieces = balanced_cut(range(len(services)), steps, services, count)

    def length(piece: range | list[int]) -> float:
        return sum(services[k] for k in piece) + sum(steps[k] for k in list(piece)[:-1])

    assert [k for piece in pieces for k in piece] == list(range(len(services)))
    assert len(pieces) <= count
    least = max(map(length, pieces))
    best = [math.inf] * (len(services) + 1)
    best[0] = 0.0
    for _ in range(count):
        best = [
            min([best[end], *(max(best[a], length(range(a, end))) for a in range(end))])
            for end in range(len(services) + 1)
        ]
    assert least <= best[-1] + 2e-3
