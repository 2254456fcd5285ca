"""Layers become one map, and cases become models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.case import Case, Category, TerrainKind
from airbeat.mission.caseloader import load_case, parse_case
from airbeat.search.build import build_model
from airbeat.search.grid import SearchGrid
from airbeat.search.layers import DEFAULT_REST, Layer, combined, raster_layer, region_layer
from airbeat.search.rings import ring_distances_m, ring_layer
from airbeat.search.segments import Effort, blocks, segment_rows

MISSIONS = Path(__file__).resolve().parents[3] / "missions"
GRID = SearchGrid(
    frame=LocalFrame(LatLon(lat_deg=47.0, lon_deg=11.0)), west_m=0, south_m=0, cell_m=10, rows=10, columns=10
)

CASE = """\
airbeat: 1
kind: case
name: Test
missing: {last_known: {lat: 47.0, lon: 11.0}, category: dementia, terrain: flat}
map: {cell_m: 25, reach_m: 1000}
"""


def case(text: str, base_dir: Path = Path()) -> Case:
    return parse_case(text.encode(), name="case.yaml", base_dir=base_dir)


# layers


def test_regions_hold_their_shares_spread_over_their_own_areas() -> None:
    wood, field = shapely.box(0, 0, 20, 100), shapely.box(50, 0, 100, 100)
    layer = region_layer(GRID, [(wood, 3.0), (field, 1.0)])
    assert layer.sum() == pytest.approx(1.0)
    assert layer[:, :2].sum() == pytest.approx(0.75)
    assert layer[4, 7] == pytest.approx(0.25 / 50)
    assert not layer[:, 3].any()


def test_the_part_of_a_region_beyond_the_map_is_lost_to_the_rest_of_the_world() -> None:
    assert region_layer(GRID, [(shapely.box(50, 0, 150, 100), 1.0)]).sum() == pytest.approx(0.5)


def test_regions_without_weight_or_area_are_refused() -> None:
    with pytest.raises(GeometryError, match="weights sum to nothing"):
        region_layer(GRID, [(shapely.box(0, 0, 9, 9), 0.0)])
    with pytest.raises(GeometryError, match="no area"):
        region_layer(GRID, [(shapely.LineString([(0, 0), (9, 9)]), 1.0)])


def test_a_raster_counts_in_proportion_and_unknown_places_as_nothing() -> None:
    def density(xy: np.ndarray) -> np.ndarray:
        return np.where(xy[:, 0] < 50, 3.0, np.where(xy[:, 0] < 80, 1.0, np.nan))

    layer = raster_layer(GRID, density)
    assert layer.sum() == pytest.approx(1.0)
    assert layer[0, 0] == pytest.approx(3 * layer[0, 6])
    assert not layer[:, 8:].any()
    with pytest.raises(GeometryError, match="sum to nothing"):
        raster_layer(GRID, lambda xy: np.full(len(xy), np.nan))
    with pytest.raises(GeometryError, match="negative"):
        raster_layer(GRID, lambda xy: np.full(len(xy), -1.0))


def test_layers_are_averaged_by_weight_and_their_missing_parts_are_the_rest() -> None:
    a, b = np.zeros(GRID.shape), np.zeros(GRID.shape)
    a[0, 0], b[1, 1] = 1.0, 0.4
    made = combined(GRID, [Layer(name="a", weight=3, poa=a), Layer(name="b", weight=1, poa=b)], rest=None)
    assert made.poa[0, 0] == pytest.approx(0.75)
    assert made.poa[1, 1] == pytest.approx(0.1)
    assert made.rest == pytest.approx(0.15)
    stated = combined(GRID, [Layer(name="a", weight=3, poa=a), Layer(name="b", weight=1, poa=b)], rest=0.5)
    assert stated.poa[0, 0] == pytest.approx(0.5 * 0.75 / 0.85)
    assert combined(GRID, [], rest=None).rest == pytest.approx(DEFAULT_REST)
    with pytest.raises(GeometryError, match="weights sum to nothing"):
        combined(GRID, [Layer(name="a", weight=0, poa=a)], rest=None)
    with pytest.raises(GeometryError, match="beyond the map"):
        combined(GRID, [Layer(name="a", weight=1, poa=np.zeros(GRID.shape))], rest=None)


# cases


def test_a_case_of_rings_alone_has_the_rings_map() -> None:
    model = build_model(case(CASE))
    grid = model.grid
    assert grid.shape == (80, 80)
    rings = ring_layer(grid, (0.0, 0.0), ring_distances_m(Category.DEMENTIA, TerrainKind.FLAT))
    assert model.first.poa == pytest.approx(rings, abs=1e-5)
    assert model.first.rest == pytest.approx(1 - rings.sum(), abs=1e-3)
    assert len(model.segments) == 9
    assert sum(share.sum() for _, share in model.segments) == 80 * 80


def test_the_case_of_the_missions_folder_uses_all_kinds_of_layers() -> None:
    model = build_model(load_case(MISSIONS / "cases" / "koenigstuhl-walker.yaml"))
    assert [name for name, _, _ in model.layers] == [
        "rings of dementia, mountain",
        "regions",
        "linear features",
    ]
    assert model.first.rest == pytest.approx(0.25)
    names = [name for name, _ in model.segments]
    assert names == ["slope", "wood below the slope", "clearing and car park", "rest of the map"]
    assert model.visible.min() == pytest.approx(0.4)
    assert model.visible.max() == pytest.approx(0.8)
    assert any("not for flight" in note for note in model.notes)


def test_lines_count_as_far_as_their_buffers() -> None:
    line = "lines: {weight: 1, features: [{name: track, weight: 1, buffer_m: 50, line: [" \
           "{lat: 47.0, lon: 10.995}, {lat: 47.0, lon: 11.005}]}]}\n"  # fmt: skip
    model = build_model(case(CASE.replace(", category: dementia, terrain: flat", "") + line))
    y = model.grid.y_m()
    rows = model.first.poa.sum(axis=1)
    assert rows[np.abs(y) < 40].min() > 0
    assert not rows[np.abs(y) > 75].any()


def test_a_raster_in_a_csv_file_lies_where_its_extent_says(tmp_path: Path) -> None:
    (tmp_path / "heat.csv").write_text("0,0\n0,8\n")
    block = "grids: [{file: heat.csv, extent: {south: 46.995, west: 10.99, north: 47.005, east: 11.01}}]\n"
    text = CASE.replace(", category: dementia, terrain: flat", "") + block
    first = build_model(case(text, tmp_path)).first
    rows, columns = first.grid.shape
    south_east = first.poa[: rows // 2, columns // 2 :].sum()
    assert south_east == pytest.approx(first.poa.sum(), rel=0.02)


def test_a_raster_in_a_geotiff_lies_where_the_file_says(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio", reason="rasterio (the extra 'terrain') is not installed")
    values = np.zeros((40, 40), dtype=np.float32)
    values[:20, :20] = 2.0
    profile = {"driver": "GTiff", "width": 40, "height": 40, "count": 1, "dtype": "float32", "nodata": -1,
               "crs": "EPSG:4326", "transform": rasterio.Affine(0.001, 0.0, 10.98, 0.0, -0.001, 47.02),
               }  # fmt: skip
    with rasterio.open(tmp_path / "heat.tif", "w", **profile) as raster:
        raster.write(values, 1)
    text = CASE.replace(", category: dementia, terrain: flat", "") + "grids: [{file: heat.tif}]\n"
    first = build_model(case(text, tmp_path)).first
    rows, columns = first.grid.shape
    assert first.poa[rows // 2 :, : columns // 2].sum() == pytest.approx(first.poa.sum(), rel=0.02)


def test_regions_of_a_file_have_their_names_and_weights(tmp_path: Path) -> None:
    def feature(name: str, weight: float, west: float) -> dict[str, object]:
        ring = [
            [west, 46.998],
            [west + 0.002, 46.998],
            [west + 0.002, 47.001],
            [west, 47.001],
            [west, 46.998],
        ]
        return {"type": "Feature", "properties": {"name": name, "weight": weight},
                "geometry": {"type": "Polygon", "coordinates": [ring]}}  # fmt: skip

    collection = {"type": "FeatureCollection", "features": [feature("a", 3, 10.995), feature("b", 1, 11.002)]}
    (tmp_path / "regions.geojson").write_text(json.dumps(collection))
    text = CASE.replace(", category: dementia, terrain: flat", "") + "regions: {file: regions.geojson}\n"
    model = build_model(case(text, tmp_path))
    shares = {name: float((share * model.first.poa).sum()) for name, share in model.segments}
    assert shares["a"] == pytest.approx(3 * shares["b"], rel=0.02)
    assert model.first.rest == pytest.approx(DEFAULT_REST)


def test_too_fine_a_grid_is_refused_with_the_number_to_change() -> None:
    text = CASE.replace("cell_m: 25, reach_m: 1000", "cell_m: 2, reach_m: 5000")
    with pytest.raises(GeometryError) as caught:
        build_model(case(text))
    assert caught.value.where.startswith("case.yaml:5:7: map.cell_m")
    assert "cell_m: 10 or more" in caught.value.remedy


def test_a_map_over_the_antimeridian_is_an_ordinary_map() -> None:
    text = CASE.replace("lat: 47.0, lon: 11.0", "lat: -17.0, lon: 179.999")
    model = build_model(case(text))
    assert model.grid.shape == (80, 80)
    assert model.first.poa.sum() > 0.2
    middle = model.first.poa[38:42, 38:42].mean()
    assert middle == pytest.approx(model.first.poa.max(), rel=1e-3)


# segments


def test_blocks_are_named_from_the_north_west() -> None:
    found = dict(blocks(GRID, 2))
    assert list(found) == ["A1", "A2", "B1", "B2"]
    assert found["A1"][9, 0] == 1
    assert found["B2"][0, 9] == 1


def test_a_segment_row_adds_up() -> None:
    weights = np.ones(GRID.shape)
    weights[:, :5] = 3.0
    first = combined(GRID, [Layer(name="all", weight=1, poa=weights / weights.sum())], rest=0.2)
    west = np.zeros(GRID.shape)
    west[:, :5] = 1.0
    pod = np.zeros(GRID.shape)
    pod[:5, :5] = 0.8
    effort = Effort(
        coverage=pod * 2,
        pod_low=pod,
        pod_high=pod + 0.1 * (pod > 0),
        seen=(pod > 0).astype(float),
        length_m=west * 4,
        swept_m2=west * 4 * 30,
    )
    (row,) = segment_rows(
        [("west", west)], first=first, now=first, effort=effort, visible=np.full(GRID.shape, 0.5),
        next_sweep_width_m=20.0, speed_m_s=10.0,
    )  # fmt: skip
    assert row.area_m2 == pytest.approx(5000)
    assert row.poa_before == pytest.approx(0.6)
    assert row.length_m == pytest.approx(200)
    assert row.sweep_width_m == pytest.approx(30)
    assert row.coverage == pytest.approx(0.8)
    assert row.pod_low == pytest.approx(0.4)
    assert row.gap == pytest.approx(0.5)
    assert row.pos_low == pytest.approx(0.24)
    assert row.pos_high == pytest.approx(0.27)
    assert row.next_best == pytest.approx(0.6 * (1 - np.exp(-0.5 * 20 * 10 * 60 / 5000)))
