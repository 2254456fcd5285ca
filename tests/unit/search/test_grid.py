"""Grids and probability maps: shares are exact, sums are one, nothing is changed afterwards."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.search.grid import ProbabilityMap, SearchGrid

FRAME = LocalFrame(LatLon(lat_deg=47.0, lon_deg=11.0))
GRID = SearchGrid(frame=FRAME, west_m=-100, south_m=-50, cell_m=10, rows=10, columns=20)


def test_row_0_is_the_south_and_column_0_the_west() -> None:
    assert GRID.y_m()[0] == -45
    assert GRID.x_m()[0] == -95
    share = GRID.shares(shapely.box(-100, -50, -90, -40))
    assert share[0, 0] == 1
    assert share.sum() == 1


def test_the_shares_of_a_shape_sum_to_its_area() -> None:
    disc = shapely.Point(3, -2).buffer(33)
    assert GRID.shares(disc).sum() * GRID.cell_area_m2 == pytest.approx(disc.area)
    holed = disc.difference(shapely.box(-5, -5, 9, 4))
    assert GRID.shares(holed).sum() * GRID.cell_area_m2 == pytest.approx(holed.area)
    half = shapely.box(90, -50, 200, 50)
    assert GRID.shares(half).sum() * GRID.cell_area_m2 == pytest.approx(1000)
    assert not GRID.shares(shapely.box(500, 500, 600, 600)).any()
    assert not GRID.shares(shapely.Polygon()).any()


def test_boxes_and_shares_agree() -> None:
    triangle = shapely.Polygon([(-70, -40), (55, -31), (12, 44)])
    by_box = shapely.area(shapely.intersection(GRID.boxes(), triangle)) / GRID.cell_area_m2
    assert GRID.shares(triangle) == pytest.approx(by_box)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"rows": 0}, "0 × 20 cells"),
        ({"rows": 2000, "columns": 2000}, "larger cells"),
        ({"cell_m": 0.0}, "cells of 0 m"),
        ({"west_m": math.nan}, "no grid begins"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(what: dict[str, float], message: str) -> None:
    values = {"west_m": -100.0, "south_m": -50.0, "cell_m": 10.0, "rows": 10, "columns": 20} | what
    with pytest.raises(GeometryError, match=message):
        SearchGrid(frame=FRAME, **values)  # type: ignore[arg-type]


def test_a_map_must_sum_to_one_with_the_rest_of_the_world() -> None:
    even = np.full(GRID.shape, 0.9 / 200)
    ProbabilityMap(grid=GRID, poa=even, rest=0.1)
    with pytest.raises(GeometryError, match=r"sum to 0\.95"):
        ProbabilityMap(grid=GRID, poa=even, rest=0.05)
    with pytest.raises(GeometryError, match="shape"):
        ProbabilityMap(grid=GRID, poa=even.T, rest=0.1)
    for bad in (math.nan, -0.1, math.inf):
        broken = even.copy()
        broken[3, 4] = bad
        with pytest.raises(GeometryError, match="negative or not finite"):
            ProbabilityMap(grid=GRID, poa=broken, rest=0.1)


def test_a_map_is_a_copy_that_nobody_can_write_to() -> None:
    given = np.full(GRID.shape, 1 / 200)
    made = ProbabilityMap(grid=GRID, poa=given, rest=0.0)
    given[0, 0] = 7
    assert made.poa[0, 0] == 1 / 200
    with pytest.raises(ValueError, match="read-only"):
        made.poa[0, 0] = 1.0


def test_weights_become_a_map_in_their_proportions() -> None:
    weights = np.zeros(GRID.shape)
    weights[2, 3], weights[4, 5] = 3.0, 1.0
    made = ProbabilityMap.normalised(GRID, weights, 0.2)
    assert made.poa[2, 3] == pytest.approx(0.6)
    assert made.poa[4, 5] == pytest.approx(0.2)
    assert made.rest == pytest.approx(0.2)
    assert made.density_per_m2()[2, 3] == pytest.approx(0.006)
    with pytest.raises(GeometryError, match="sum to nothing"):
        ProbabilityMap.normalised(GRID, np.zeros(GRID.shape), 0.2)
    with pytest.raises(GeometryError, match="rest of the world holds 1"):
        ProbabilityMap.normalised(GRID, weights, 1.0)
    weights[0, 0] = math.nan
    with pytest.raises(GeometryError, match="not finite"):
        ProbabilityMap.normalised(GRID, weights, 0.2)
