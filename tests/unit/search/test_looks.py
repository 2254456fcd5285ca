"""Looks from one direction count once, other directions multiply, and gaps are not made up for."""

from __future__ import annotations

import numpy as np
import pytest

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.search.grid import SearchGrid
from airbeat.search.looks import ViewLedger, sample_points, view_bins
from airbeat.search.pod import exponential_pod, inverse_cube_pod

GRID = SearchGrid(
    frame=LocalFrame(LatLon(lat_deg=47.0, lon_deg=11.0)), west_m=0, south_m=0, cell_m=30, rows=2, columns=3
)


def _look(ledger: ViewLedger, cells: list[tuple[int, int]], direction: int, chance: float) -> None:
    n = ledger.per_side
    points = [(r * n + i, c * n + j) for r, c in cells for i in range(n) for j in range(n)]
    rows, columns = (np.array(v, dtype=np.int64) for v in zip(*points, strict=True))
    p = np.full(len(points), chance)
    ledger.add(rows, columns, np.full(len(points), direction, dtype=np.int64), (p, p, p))


def test_directions_are_straight_down_and_four_quadrants() -> None:
    east = np.array([0.0, 5.0, 0.0, 90.0, 0.0, -90.0, 60.0])
    north = np.array([0.0, 5.0, 90.0, 0.0, -90.0, 0.0, 61.0])
    bins, off = view_bins(east, north, np.full(7, 50.0))
    assert bins.tolist() == [0, 0, 1, 2, 3, 4, 1]
    assert off[2] == pytest.approx(np.degrees(np.arctan2(90, 50)))


def test_a_second_look_from_the_same_direction_adds_nothing() -> None:
    once, twice = ViewLedger(GRID), ViewLedger(GRID)
    _look(once, [(0, 0)], 0, 0.6)
    for chance in (0.6, 0.4, 0.6):
        _look(twice, [(0, 0)], 0, chance)
    assert twice.searched().coverage == pytest.approx(once.searched().coverage)
    assert twice.independent_pod()[0, 0] == pytest.approx(0.6)


def test_looks_from_other_directions_multiply() -> None:
    ledger = ViewLedger(GRID)
    for direction, chance in ((0, 0.6), (1, 0.5), (3, 0.2)):
        _look(ledger, [(1, 2)], direction, chance)
    assert ledger.independent_pod()[1, 2] == pytest.approx(1 - 0.4 * 0.5 * 0.8)
    found = ledger.searched()
    assert found.coverage[1, 2] == pytest.approx(1.3)
    assert found.pod_low[1, 2] == pytest.approx(float(exponential_pod(1.3)))
    assert found.pod_high[1, 2] == pytest.approx(float(inverse_cube_pod(1.3)))
    assert found.pod_low[1, 2] < ledger.independent_pod()[1, 2] <= found.pod_high[1, 2]


def test_ground_seen_twice_does_not_make_up_for_ground_not_seen() -> None:
    ledger = ViewLedger(GRID)
    top = np.array([0, 0, 0], dtype=np.int64), np.array([0, 1, 2], dtype=np.int64)  # a third of one cell
    p = np.full(3, 0.9)
    for direction in (0, 1, 2, 3, 4):
        ledger.add(*top, np.full(3, direction, dtype=np.int64), (p, p, p))
    found = ledger.searched()
    assert found.seen[0, 0] == pytest.approx(1 / 3)
    assert found.pod_low[0, 0] == pytest.approx(float(exponential_pod(4.5)) / 3)
    assert found.pod_high[0, 0] <= 1 / 3 + 1e-6
    assert not found.pod_low[1].any()


def test_the_band_takes_the_curves_lower_and_upper_end() -> None:
    ledger = ViewLedger(GRID)
    everywhere = np.arange(9, dtype=np.int64)
    for row in range(6):
        ends = (np.full(9, 0.3), np.full(9, 0.5), np.full(9, 0.7))
        ledger.add(np.full(9, row, dtype=np.int64), everywhere, np.zeros(9, dtype=np.int64), ends)
    found = ledger.searched()
    assert found.pod_low == pytest.approx(np.full((2, 3), float(exponential_pod(0.3))), abs=1e-6)
    assert found.pod_high == pytest.approx(np.full((2, 3), float(inverse_cube_pod(0.7))), abs=1e-6)
    assert found.coverage == pytest.approx(np.full((2, 3), 0.5))


def test_a_chance_beyond_one_is_refused() -> None:
    with pytest.raises(GeometryError, match="outside 0 to 1"):
        _look(ViewLedger(GRID), [(0, 0)], 0, 1.1)


def test_sample_points_lie_in_their_cells() -> None:
    points = sample_points(GRID, 3)
    assert points.shape == (6, 9, 2)
    assert points[0, 0].tolist() == [5.0, 5.0]
    assert points[5, 8].tolist() == [85.0, 55.0]
