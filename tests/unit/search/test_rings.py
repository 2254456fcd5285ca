"""The lost-person table, in kilometres, and the rings that it makes on a map."""

from __future__ import annotations

import numpy as np
import pytest

from airbeat.errors import UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.case import Category, TerrainKind
from airbeat.search.grid import SearchGrid
from airbeat.search.rings import KM_PER_MILE, RING_SHARES, ring_distances_m, ring_layer

# Koester, Lost Person Behavior, miles: temperate mountain, temperate flat, dry mountain, dry flat, urban.
TABLE = {
    Category.DEMENTIA: ".2/.5/1.2/5.1 .2/.6/1.5/7.9 .6/1.2/1.9/3.8 .3/1.0/2.2/7.3 .2/.7/2.0/7.8",
    Category.CHILD_1_3: ".1/.2/.6/2.0 .1/.2/.6/2.0 .4/.8/2.4/5.6 .4/.8/2.4/5.6 .1/.3/.5/.7",
    Category.CHILD_4_6: ".1/.5/.9/2.3 .1/.4/.9/4.1 .4/1.2/2.0/5.1 .4/1.2/2.0/5.1 .06/.3/.6/2.1",
    Category.CHILD_7_9: ".5/1/2/7 .1/.5/1.3/5 .3/.8/2/4.5 .3/.8/2/4.5 .1/.3/.9/3.2",
    Category.HIKER: ".7/1.9/3.6/11.3 .4/1.1/2.0/6.1 1/2/4/11.9 .8/1.3/4.1/8.1 –",
    Category.DESPONDENT: ".2/.7/2.0/13.3 .2/.5/1.4/10.7 .5/1.0/2.1/11.1 .3/1.2/2.3/12.8 .06/.3/.9/8.1",
    Category.HUNTER: ".6/1.3/3.0/10.7 .4/1.0/1.9/8.5 1.3/3/5/13.8 1/1.9/4/7 –",
    Category.GATHERER: ".9/2/4/8 .9/2/4/8 1/1.6/3.6/6.9 1/1.6/3.6/6.9 –",
}


@pytest.mark.parametrize("category", Category)
def test_every_distance_of_the_table_is_there_in_kilometres(category: Category) -> None:
    for terrain, cell in zip(TerrainKind, TABLE[category].split(), strict=True):
        if cell == "–":
            with pytest.raises(UsageError, match=f"no distances are known for {category.value} in urban"):
                ring_distances_m(category, terrain)
            continue
        miles = [float(v) for v in cell.split("/")]
        assert ring_distances_m(category, terrain) == pytest.approx([1609.344 * m for m in miles])


def test_the_table_names_every_category() -> None:
    assert set(TABLE) == set(Category)
    assert KM_PER_MILE == 1.609344
    assert sum(RING_SHARES) == pytest.approx(0.95)


def _grid(cell_m: float, half_m: float) -> SearchGrid:
    side = round(2 * half_m / cell_m)
    frame = LocalFrame(LatLon(lat_deg=47.0, lon_deg=11.0))
    return SearchGrid(frame=frame, west_m=-half_m, south_m=-half_m, cell_m=cell_m, rows=side, columns=side)


def test_each_annulus_holds_its_share_spread_over_its_area() -> None:
    distances = ring_distances_m(Category.CHILD_1_3, TerrainKind.MOUNTAIN)
    grid = _grid(40.0, 3400.0)
    layer = ring_layer(grid, (0.0, 0.0), distances)
    assert layer.sum() == pytest.approx(0.95, abs=1e-3)
    r = np.hypot(*np.meshgrid(grid.x_m(), grid.y_m()))
    inner = 0.0
    for share, radius in zip(RING_SHARES, distances, strict=True):
        middle = (r > inner + 40) & (r < radius - 40)
        expected = share * grid.cell_area_m2 / (np.pi * (radius**2 - inner**2))
        if middle.any():
            assert layer[middle] == pytest.approx(expected, rel=1e-3)
        inside = float(layer[r < radius].sum())
        assert inside == pytest.approx(sum(RING_SHARES[: distances.index(radius) + 1]), abs=0.03)
        inner = radius
    assert not layer[r > distances[-1] + 40].any()


def test_what_lies_beyond_the_map_is_missing_from_the_sum() -> None:
    distances = ring_distances_m(Category.HIKER, TerrainKind.FLAT)
    quarter = _grid(50.0, 2000.0)
    centred = ring_layer(quarter, (0.0, 0.0), distances).sum()
    assert 0.25 < centred < 0.95
    assert ring_layer(quarter, (2000.0, 0.0), distances).sum() < centred
