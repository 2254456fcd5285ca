"""Serpentines, polishing and flights: within their lengths, nothing counted twice, off closed ground."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airbeat.search.field import Field, charged_m, cut_to, path_length_m, turned_path
from airbeat.search.flights import best_flights
from airbeat.search.polish import Cover, polished
from airbeat.search.sweeps import Tracks, serpentines, tracks_over


def field(values: np.ndarray, *, closed: np.ndarray | None = None, cell_m: float = 10.0) -> Field:
    return Field(values=values, cell_m=cell_m, west_m=0.0, south_m=0.0, closed=closed)


def hill(rows: int = 40, columns: int = 40, *, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    values = np.exp(-((x - 22) ** 2 + (y - 17) ** 2) / 90.0) + 0.2 * rng.random((rows, columns))
    return values / values.sum()


def best_by_trying(worth: np.ndarray, length: float) -> float:
    """The most that a serpentine over unit bins and unit steps finds within a length, by trying all."""
    tracks, bins = worth.shape
    best = 0.0
    for first, last in itertools.combinations_with_replacement(range(tracks), 2):
        stretches = [(a, b) for a in range(bins + 1) for b in range(bins + 1)]
        for chosen in itertools.product(stretches, repeat=last - first + 1):
            flown = sum(abs(b - a) for a, b in chosen)
            flown += sum(math.hypot(1.0, q[0] - p[1]) for p, q in itertools.pairwise(chosen))
            if flown <= length + 1e-9:
                rows = worth[first : last + 1]
                best = max(
                    best, sum(float(r[min(s) : max(s)].sum()) for r, s in zip(rows, chosen, strict=True))
                )
    return best


@pytest.mark.parametrize("seed", range(2))
def test_a_serpentine_for_a_price_is_the_best_of_all_serpentines_of_its_length(seed: int) -> None:
    worth = np.random.default_rng(seed).random((3, 3))
    tracks = Tracks(y_m=np.arange(3.0), start_m=0.0, bin_m=1.0, worth=worth)

    for length in (2.0, 5.0, 11.0):
        (path,) = serpentines(tracks, [length])
        flown = path_length_m(path) if len(path) else 0.0
        found = tracks.worth_along([path]) if len(path) else 0.0
        assert flown <= length + 1e-6
        assert found <= best_by_trying(worth, length) + 1e-9 or flown % 1.0 > 1e-6  # cut inside a bin
        assert found >= best_by_trying(worth, length - 2.0) - 1e-9


def test_a_serpentine_pays_for_launch_and_turns() -> None:
    tracks = tracks_over(field(hill()), offset_m=15.0, spacing_m=30.0, reach_m=15.0, bin_m=10.0)

    (free,) = serpentines(tracks, [2500.0])
    (paid,) = serpentines(tracks, [2500.0], launch=(0.0, 0.0), turn_m=20.0)

    assert charged_m(paid, launch=(0.0, 0.0), turn_m=20.0) <= 2500.0 + 1e-6
    assert path_length_m(paid) < path_length_m(free) <= 2500.0 + 1e-6
    assert tracks.worth_along([paid]) < tracks.worth_along([free])


def test_several_flights_have_disjoint_stretches_within_their_lengths() -> None:
    tracks = tracks_over(field(hill()), offset_m=15.0, spacing_m=30.0, reach_m=15.0, bin_m=10.0)

    paths = serpentines(tracks, [900.0, 700.0, 800.0], launch=(200.0, 0.0))

    for path, length in zip(paths, (900.0, 700.0, 800.0), strict=True):
        assert 0.8 * length < charged_m(path, launch=(200.0, 0.0), turn_m=0.0) <= length + 1e-6
    flat = field(np.ones((40, 40)))
    counts = [flat.seen(path, 14.0) for path in paths]
    assert sum(c.sum() for c in counts) <= 1.05 * np.logical_or.reduce(counts).sum()


def test_no_stretch_crosses_closed_ground_and_only_hops_are_left_to_be_led_round_it() -> None:
    closed = np.zeros((40, 40), dtype=bool)
    closed[:, 18:21] = True

    tracks = tracks_over(
        field(hill(), closed=closed), offset_m=15.0, spacing_m=30.0, reach_m=15.0, bin_m=10.0
    )
    (path,) = serpentines(tracks, [2500.0])

    level = np.abs(np.diff(path[:, 1])) < 1e-6
    xs = np.stack([path[:-1, 0], path[1:, 0]], axis=1)[level]
    assert len(xs) > 5
    assert ((xs <= 180.0).all(axis=1) | (xs >= 210.0).all(axis=1)).all()


def test_polishing_never_finds_less_and_keeps_the_lengths() -> None:
    ground = field(hill())
    tracks = tracks_over(ground, offset_m=15.0, spacing_m=30.0, reach_m=15.0, bin_m=10.0)
    before = serpentines(tracks, [1200.0, 900.0])

    after, value = polished(ground, before, [1200.0, 900.0], reach_m=15.0, step_m=7.5, rounds=5, seed=1)

    def together(paths: list[np.ndarray]) -> float:
        seen = np.logical_or.reduce([ground.seen(path, 15.0) for path in paths])
        return float(ground.values[seen].sum())

    assert value == pytest.approx(together(after))
    assert value > together(before)
    assert [path_length_m(p) <= limit + 1e-6 for p, limit in zip(after, (1200.0, 900.0), strict=True)] == [
        True,
        True,
    ]


def test_the_same_seed_gives_the_same_flights() -> None:
    ground = field(hill())

    first, second = (best_flights(ground, [1500.0], reach_m=15.0, spacing_m=30.0, seed=5) for _ in range(2))

    assert first.value == second.value
    assert (first.paths[0] == second.paths[0]).all()


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=6, unique=True))
def test_a_cover_counts_each_cell_once_whatever_is_added_and_taken(places: list[tuple[int, int]]) -> None:
    ground = field(hill(30, 30))
    cover = Cover(ground, 25.0)
    corners = [(10.0 * x, 10.0 * y) for x, y in places]
    for a, b in itertools.pairwise(corners):
        cover.add(a, b)
        cover.add(a, b)
        cover.take(b, a)

    seen = ground.seen(np.array(corners), 25.0)
    assert cover.value == pytest.approx(float(ground.values[seen].sum()))


@given(angle=st.floats(0, math.pi))
def test_a_turned_field_keeps_its_worth(angle: float) -> None:
    ground = field(hill())

    turned = ground.turned(angle, 2.5)

    assert turned.values.sum() == pytest.approx(1.0, abs=0.01)


def test_a_turned_path_sees_on_the_turned_field_what_it_sees_on_the_field() -> None:
    ground = field(hill(), cell_m=10.0)
    path = np.array([[50.0, 60.0], [330.0, 250.0]])

    turned = ground.turned(0.6, 2.0)
    seen = turned.values[turned.seen(turned_path(path, -0.6), 40.0)].sum()

    assert seen == pytest.approx(ground.values[ground.seen(path, 40.0)].sum(), rel=0.05)


def test_a_path_is_cut_where_the_way_home_still_fits() -> None:
    path = np.array([[0.0, 0.0], [1000.0, 0.0]])

    begun, rest = cut_to(path, 600.0, launch=(0.0, 0.0))

    assert begun[-1] == pytest.approx([300.0, 0.0], abs=0.1)
    assert rest[0] == pytest.approx(begun[-1])
    assert rest[-1].tolist() == [1000.0, 0.0]


def test_a_map_without_worth_gives_no_path() -> None:
    flights = best_flights(field(np.zeros((10, 10))), [500.0], reach_m=15.0, spacing_m=30.0)

    assert [len(path) for path in flights.paths] == [0]
    assert flights.value == 0.0
