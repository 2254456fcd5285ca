"""Short forms of what ``tests/bench/patrol_tours.py`` and ``patrol_idleness.py`` measure."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from airbeat.patrol.solve import solve_tours
from airbeat.patrol.tours import timed, total_s
from airbeat.patrol.vrp import solve_with_pyvrp

BENCH = Path(__file__).resolve().parents[2] / "bench"


def bench(name: str) -> ModuleType:
    """A benchmark as a module, beside those that it uses."""
    if str(BENCH) not in sys.path:
        sys.path.append(str(BENCH))
    spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(importlib.util.find_spec("pyvrp") is None, reason="airbeat[patrol] is not installed")
def test_a_hundred_stops_are_toured_within_two_per_cent_of_three_times_the_search() -> None:
    given = bench("patrol_tours").problem(100, 1)
    tours, left = solve_tours(given, seed=1, effort=1.0)
    assert left == []
    assert all(timed(given, t).feasible for t in tours)
    reference = solve_with_pyvrp(given, iterations=18_000, seed=1)
    assert reference is not None
    assert total_s(given, tours) <= 1.02 * total_s(given, reference)


@pytest.mark.skipif(importlib.util.find_spec("pyvrp") is None, reason="airbeat[patrol] is not installed")
def test_of_many_stops_only_the_ways_that_are_used_are_found_and_all_are_served() -> None:
    module = bench("patrol_tours")
    given = module.problem(150, 2)
    whole = given.legs[0].time_s.copy()
    lazy = module.problem(150, 2, everything=False)
    assert not lazy.legs[0].complete
    tours, left = solve_tours(lazy, seed=2, effort=0.2)
    assert left == []
    np.copyto(given.legs[0].time_s, whole)
    assert total_s(lazy, tours) == pytest.approx(total_s(given, tours))
    assert all(timed(given, t).feasible for t in tours)


@pytest.mark.parametrize("seed", [1, 2])
def test_idleness_stays_within_thirty_per_cent_of_the_bound(seed: int) -> None:
    module = bench("patrol_idleness")
    given = module.instance(50, seed, (60.0, 180.0))
    found = module.patrol(*given, iterations=2000, seed=seed)
    bound = module.lower_bound_s(module.patrolled(*given))
    assert bound <= found <= 1.3 * bound


@pytest.mark.parametrize("stops", [12, 20])
def test_no_cycle_of_a_few_stops_is_better_than_the_bound(stops: int) -> None:
    """Of so many that a cycle takes more than a battery, far apart and near one another."""
    module = bench("patrol_idleness")
    for seed, scale in ((0, 0.2), (1, 1.0), (2, 2.0)):
        places, homes, weights, stays = module.instance(stops, seed, (120.0, 180.0))
        given = (places * scale, homes * scale, weights, stays)
        bound = module.lower_bound_s(module.patrolled(*given))
        assert 0.0 < bound <= module.patrol(*given, iterations=300, seed=seed)
