"""Cutting and sharing of tours against trying everything, and random areas flown in sorties."""

from __future__ import annotations

import math
import random
from itertools import combinations, pairwise, permutations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.planning.airspace import Slot, starts_s
from airbeat.planning.cutting import CutTour, Legs, Piece, pairs
from airbeat.planning.estimate import FlightModel
from airbeat.planning.ferry import Ferry, FlightRooms
from airbeat.planning.fleet import share_tour
from airbeat.planning.repair import free_area
from airbeat.planning.sortie import Drone
from airbeat.planning.sorties import plan_sorties
from airbeat.planning.splitting import best_pieces, piece_prices_s

FRAME = LocalFrame(LatLon(lat_deg=61.0, lon_deg=-149.0))
seeds = st.integers(min_value=0, max_value=10**6)


def zigzag(rng: random.Random, corners: int) -> np.ndarray:
    return np.array([(rng.uniform(-400, 400), rng.uniform(-400, 400)) for _ in range(corners)])


def open_rooms() -> FlightRooms:
    free = free_area(FRAME.to_geographic(shapely.box(-600, -600, 600, 600)))
    return FlightRooms(free, np.zeros((1, 2)), FlightModel())


ROOMS = open_rooms()


@given(seeds)
def test_times_between_nodes_are_those_of_the_path_between_them(seed: int) -> None:
    rng = random.Random(seed)
    model = FlightModel(speed_m_s=rng.choice([4.0, 10.0, 15.0]))
    tour = CutTour(zigzag(rng, rng.randrange(2, 9)), model=FlightModel(), step_m=rng.choice([90.0, 5000.0]))
    legs = Legs(tour, model)
    first = rng.randrange(len(tour.arc_m) - 1)
    for last, time_s in enumerate(legs.from_node_s(first), start=first + 1):
        flown_s = model.path_time_s(pairs(tour.part(Piece(first, last))))
        assert time_s == pytest.approx(flown_s, abs=1e-3)


@given(seeds)
def test_the_cuts_are_the_best_of_all(seed: int) -> None:
    rng = random.Random(seed)
    tour = CutTour(zigzag(rng, rng.randrange(3, 9)), model=FlightModel(), step_m=5000.0)
    ferry = Ferry(ROOMS, np.array([rng.uniform(-300, 300), -500.0]), tour, FlightModel())
    usable_s, most = rng.uniform(150, 500), rng.choice([4, 6, 100])
    last = len(tour.arc_m) - 1

    def price(cut: tuple[int, ...]) -> tuple[int, float]:
        total = 0.0
        for a, b in pairwise((0, *cut, last)):
            flight_s = ferry.flights_s(a)[b - a - 1]
            if flight_s > usable_s or ferry.corners(a)[b - a - 1] > most:
                return 10**6, math.inf
            total += flight_s
        return len(cut) + 1, total

    inner = range(1, last)
    best = min(price(cut) for n in range(last) for cut in combinations(inner, n))
    found = best_pieces(tour, ferry, usable_s=usable_s, most_corners=most)
    if found is None:
        assert best[1] == math.inf
        return
    assert [p.first for p in found] == [0, *(p.last for p in found[:-1])]
    assert found[-1].last == last
    assert price(tuple(p.last for p in found[:-1])) == pytest.approx(best)


@given(seeds)
def test_prices_of_stretches_are_those_of_their_best_cuts(seed: int) -> None:
    rng = random.Random(seed)
    tour = CutTour(zigzag(rng, rng.randrange(3, 8)), model=FlightModel(), step_m=5000.0)
    ferry = Ferry(ROOMS, np.array([0.0, 0.0]), tour, FlightModel())
    usable_s, swap_s = rng.uniform(120, 400), rng.choice([0.0, 60.0])
    nodes = np.arange(len(tour.arc_m))
    table = piece_prices_s(tour, ferry, nodes, usable_s=usable_s, most_corners=99, swap_s=swap_s)
    for a, b in combinations(nodes.tolist(), 2):
        inner = range(a + 1, b)
        least = math.inf
        for n in range(b - a):
            for cut in combinations(inner, n):
                flights = [ferry.flights_s(i)[j - i - 1] for i, j in pairwise((a, *cut, b))]
                if max(flights) <= usable_s:
                    least = min(least, sum(flights) + n * swap_s)
        assert table[a, b] == pytest.approx(least)


@given(seeds)
def test_the_tour_is_shared_as_well_as_it_can_be(seed: int) -> None:
    rng = random.Random(seed)
    n, counts = rng.randrange(2, 7), [rng.randrange(1, 3) for _ in range(rng.randrange(1, 3))]
    prices = []
    for _ in counts:
        table = np.full((n, n), np.inf)
        for i, j in combinations(range(n), 2):
            if rng.random() < 0.9:
                table[i, j] = rng.uniform(1, 3) * (j - i) + rng.uniform(0, 4)
        prices.append(table)
    drones = [kind for kind, count in enumerate(counts) for _ in range(count)]
    least = math.inf
    for used in range(1, len(drones) + 1):
        for order in set(permutations(drones, used)):
            for cut in combinations(range(1, n - 1), used - 1):
                ends = list(pairwise((0, *cut, n - 1)))
                longest = max(prices[kind][i, j] for kind, (i, j) in zip(order, ends, strict=True))
                least = min(least, longest)
    shares = share_tour(prices, counts)
    if shares is None:
        assert least == math.inf
        return
    assert [s.first for s in shares] == [0, *(s.last for s in shares[:-1])]
    assert shares[-1].last == n - 1
    assert all(sum(s.kind == kind for s in shares) <= count for kind, count in enumerate(counts))
    assert max(prices[s.kind][s.first, s.last] for s in shares) <= least * 1.001 + 1e-9


@given(seeds)
def test_a_launch_place_serves_one_at_a_time_and_nobody_flies_twice_at_once(seed: int) -> None:
    rng = random.Random(seed)
    places = [(0.0, 0.0), (3.0, 0.0), (200.0, 0.0)]
    slots = []
    for vehicle in range(rng.randrange(1, 6)):
        place = rng.choice(places)
        for _ in range(rng.randrange(1, 4)):
            up, down = rng.uniform(1, 60), rng.uniform(1, 90)
            slots.append(
                Slot(
                    vehicle=vehicle,
                    place=place,
                    duration_s=up + down + rng.uniform(0, 900),
                    up_s=up,
                    down_s=down,
                )
            )
    starts = starts_s(slots, swap_s=30.0)
    kept = []
    for slot, start in zip(slots, starts, strict=True):
        end = start + slot.duration_s
        pad = "far" if slot.place[0] > 100 else "near"
        kept += [(pad, start, start + slot.up_s), (pad, end - slot.down_s, end)]
    for pad in ("far", "near"):
        own = sorted((a, b) for p, a, b in kept if p == pad)
        assert all(after[0] >= before[1] - 1e-6 for before, after in pairwise(own))
    for vehicle in {s.vehicle for s in slots}:
        times = [(t, t + s.duration_s) for s, t in zip(slots, starts, strict=True) if s.vehicle == vehicle]
        assert all(b[0] >= a[1] + 30 - 1e-6 for a, b in pairwise(times))
    assert min(starts) == 0.0


def blob(rng: random.Random, x: float, y: float, size: float) -> shapely.Geometry:
    corners = rng.randrange(3, 14)
    angles = sorted(rng.uniform(0, 2 * math.pi) for _ in range(corners))
    radii = [size * (1 - 0.6 * rng.random()) for _ in angles]
    ring = [(x + r * math.cos(a), y + r * math.sin(a)) for a, r in zip(angles, radii, strict=True)]
    return shapely.make_valid(shapely.Polygon(ring))


@settings(max_examples=5, deadline=None)
@given(seeds)
def test_random_areas_are_covered_in_sorties_from_random_places(seed: int) -> None:
    rng = random.Random(seed)
    area = blob(rng, 0, 0, 300.0)
    keepouts = [blob(rng, rng.uniform(-300, 300), rng.uniform(-300, 300), 80.0)]
    if area.difference(shapely.union_all(keepouts)).area < 20_000:
        return
    x, y = rng.uniform(-400, 400), rng.uniform(-400, 400)
    if keepouts[0].buffer(5).intersects(shapely.Point(x, y)):
        return
    home = FRAME.to_latlon([[x, y]])[0]
    reserve = rng.choice([0.0, 0.25])
    drones = [Drone(home=home, endurance_s=rng.uniform(400, 700), reserve_share=reserve)] * rng.randrange(
        1, 4
    )
    plan = plan_sorties(
        FRAME.to_geographic(area),
        drones=drones,
        spacing_m=rng.uniform(50, 100),
        keepouts=[FRAME.to_geographic(k) for k in keepouts],
    )
    assert plan.coverage_fraction >= plan.path.coverage_fraction - 1.1e-4
    assert plan.keepout_m == plan.outside_m == 0
    closed = keepouts[0].buffer(-0.5)
    for s in plan.sorties:
        line = FRAME.to_local(plan.frame.to_geographic(shapely.LineString(s.line)))
        ends = shapely.get_coordinates(line)[[0, -1]]
        assert np.hypot(*(ends - (x, y)).T).max() < 0.05
        assert line.intersection(closed).length < 0.05
        assert s.duration_s <= drones[0].endurance_s * (1 - reserve) + 1e-6
    assert all(a.intersection(b).area < 0.01 for a, b in combinations(plan.parts, 2))
    layers = [{s.layer_m for s in plan.sorties if s.drone == d} for d in {s.drone for s in plan.sorties}]
    assert len({h for some in layers for h in some}) == len(layers)


@settings(max_examples=6, deadline=None)
@given(seeds)
def test_the_sorties_of_one_drone_see_all_fit_the_battery_and_stay_inside(seed: int) -> None:
    rng = random.Random(seed)
    area = blob(rng, 0, 0, 450.0)
    keepouts = [blob(rng, rng.uniform(-300, 300), rng.uniform(-300, 300), 70.0)]
    free = area.difference(keepouts[0])
    if free.area < 100_000:
        return
    spacing_m = rng.uniform(40, 80)
    home = FRAME.to_latlon([free.representative_point().coords[0]])[0]
    sweep_s = free.area / spacing_m / 10.0
    drone = Drone(home=home, endurance_s=max(260.0, 1.5 * sweep_s / rng.randrange(2, 6)))
    plan = plan_sorties(
        FRAME.to_geographic(area),
        drones=[drone],
        spacing_m=spacing_m,
        keepouts=[FRAME.to_geographic(k) for k in keepouts],
        angle_deg=rng.choice([None, 30.0]),
        most_items=rng.choice([650, 90]),
    )
    assert plan.coverage_fraction >= plan.path.coverage_fraction - 1.1e-4
    lines = [FRAME.to_local(plan.frame.to_geographic(shapely.LineString(s.line))) for s in plan.sorties]
    seen = shapely.union_all([line.buffer(spacing_m / 2, quad_segs=16) for line in lines])
    assert seen.intersection(free).area >= (plan.coverage_fraction - 1e-4) * free.area
    parts = shapely.get_parts(free)
    for line, s in zip(lines, plan.sorties, strict=True):
        assert s.duration_s <= drone.endurance_s + 1e-6
        assert s.items <= 650
        assert line.intersection(keepouts[0].buffer(-0.5)).length < 0.05
        if len(parts) == 1:
            assert line.difference(free.buffer(0.5)).length < 0.05
