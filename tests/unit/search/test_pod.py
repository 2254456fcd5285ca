"""Coverage, POD, cumulation, Bayes and overall success follow their formulas to the digit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.search.grid import ProbabilityMap, SearchGrid
from airbeat.search.pod import (
    coverage,
    cumulative_pod,
    definite_range_pod,
    exponential_pod,
    inverse_cube_pod,
    overall_success,
    parallel_sweep_pod,
    pod_band,
    success,
    updated,
)

GRID = SearchGrid(
    frame=LocalFrame(LatLon(lat_deg=47.0, lon_deg=11.0)), west_m=-20, south_m=0, cell_m=20, rows=1, columns=3
)
FIRST = ProbabilityMap(grid=GRID, poa=np.array([[0.5, 0.2, 0.1]]), rest=0.2)


def test_coverage_is_sweep_width_times_length_over_area_and_width_over_spacing_for_parallel_sweeps() -> None:
    assert coverage(40.0, 2500.0, 100_000.0) == pytest.approx(1.0)
    width, spacing, side = 30.0, 50.0, 1000.0
    assert coverage(width, side / spacing * side, side * side) == pytest.approx(width / spacing)
    with pytest.raises(GeometryError, match="cannot be covered"):
        coverage(40.0, 1.0, 0.0)


def test_at_coverage_one_the_laws_give_the_textbook_values() -> None:
    assert exponential_pod(1.0) == pytest.approx(1 - math.exp(-1), abs=1e-15)
    assert round(float(exponential_pod(1.0)), 3) == 0.632
    assert inverse_cube_pod(1.0) == pytest.approx(math.erf(math.sqrt(math.pi) / 2), abs=1e-15)
    assert round(float(inverse_cube_pod(1.0)), 3) == 0.790
    assert definite_range_pod([0.4, 1.0, 3.0]).tolist() == [0.4, 1.0, 1.0]


def test_many_coverages_at_once_are_as_exact_as_one() -> None:
    values = np.random.default_rng(5).uniform(0.0, 9.0, 50_000)
    together = inverse_cube_pod(values)
    single = [math.erf(math.sqrt(math.pi) * c / 2) for c in values[:500]]
    assert np.abs(together[:500] - single).max() < 1e-8
    assert together.max() <= 1.0


def test_the_band_runs_from_the_exponential_to_the_inverse_cube_law() -> None:
    band = pod_band([0.5, 2.0])
    assert band.low == pytest.approx(exponential_pod([0.5, 2.0]))
    assert band.high == pytest.approx(inverse_cube_pod([0.5, 2.0]))
    assert (band.low < band.high).all()
    assert pod_band(0.4, 0.6).high == pytest.approx(inverse_cube_pod(0.6))


@pytest.mark.parametrize(("overlap", "pod"), [(0.0, 0.700), (0.2, 0.752), (0.3, 0.790), (0.5, 0.910)])
def test_parallel_sweeps_with_a_flat_curve_have_the_exact_pod(overlap: float, pod: float) -> None:
    swath = 80.0
    found = parallel_sweep_pod(swath, swath * (1 - overlap), 0.7)
    assert found == pytest.approx(pod, abs=6e-4)
    # The same by laying sweeps over a line and counting looks at every point of it.
    spacing = swath * (1 - overlap)
    tracks = np.arange(-20, 21) * spacing
    x = np.linspace(0.0, spacing, 200_001)
    looks = (np.abs(x[:, None] - tracks) < swath / 2).sum(axis=1)
    assert found == pytest.approx(float((1 - 0.3**looks).mean()), abs=1e-4)


def test_a_sweep_that_cannot_be_is_refused() -> None:
    for swath, spacing, p0 in ((0, 1, 0.5), (1, 0, 0.5), (1, 1, 1.5), (1, 1, math.nan)):
        with pytest.raises(GeometryError, match="no sweep"):
            parallel_sweep_pod(swath, spacing, p0)


def test_searches_cumulate_by_the_product_of_their_misses() -> None:
    assert cumulative_pod([[0.5, 0.0], [0.5, 0.3], [0.2, 0.0]]) == pytest.approx([0.8, 0.3])
    assert cumulative_pod(np.zeros((0, 2))) == pytest.approx([0.0, 0.0])


def test_a_miss_moves_probability_by_bayes_and_the_rest_of_the_world_gains() -> None:
    pod = np.array([[0.8, 0.0, 0.5]])
    after = updated(FIRST, pod)
    miss = 1 - (0.5 * 0.8 + 0.1 * 0.5)
    assert after.poa == pytest.approx(np.array([[0.5 * 0.2, 0.2, 0.1 * 0.5]]) / miss)
    assert after.rest == pytest.approx(0.2 / miss)
    assert after.poa.sum() + after.rest == pytest.approx(1.0, abs=1e-12)
    assert after.rest > FIRST.rest
    assert success(FIRST, pod) == pytest.approx(np.array([[0.4, 0.0, 0.05]]))


def test_overall_success_is_the_sum_of_what_each_search_found_of_what_was_left() -> None:
    pods = [np.array([[0.8, 0.0, 0.5]]), np.array([[0.3, 0.6, 0.0]])]
    now, found, left = FIRST, 0.0, 1.0
    for pod in pods:
        chance = float(success(now, pod).sum())
        found += left * chance
        left *= 1 - chance
        now = updated(now, pod)
    assert overall_success(FIRST, pods) == pytest.approx(found, abs=1e-12)
    by_formula = 1 - (0.5 * 0.2 * 0.7 + 0.2 * 0.4 + 0.1 * 0.5 + 0.2)
    assert overall_success(FIRST, pods) == pytest.approx(by_formula, abs=1e-12)
    assert overall_success(FIRST, []) == pytest.approx(0.0, abs=1e-12)


def test_two_updates_are_the_same_in_either_order() -> None:
    a, b = np.array([[0.8, 0.0, 0.5]]), np.array([[0.3, 0.6, 0.0]])
    assert updated(updated(FIRST, a), b).poa == pytest.approx(updated(updated(FIRST, b), a).poa)


def test_wrong_pods_are_refused() -> None:
    with pytest.raises(GeometryError, match="outside 0 to 1"):
        updated(FIRST, np.array([[0.1, 1.2, 0.0]]))
    with pytest.raises(GeometryError, match="outside 0 to 1"):
        updated(FIRST, np.array([[0.1, math.nan, 0.0]]))
    with pytest.raises(GeometryError, match="shape"):
        updated(FIRST, np.zeros((2, 2)))
    certain = ProbabilityMap(grid=GRID, poa=np.array([[1.0, 0.0, 0.0]]), rest=0.0)
    with pytest.raises(GeometryError, match="no place to be"):
        updated(certain, np.array([[1.0, 0.0, 0.0]]))
