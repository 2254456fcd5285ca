"""Case files: what they mean, and refusals that say which number to change, with its place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airbeat.errors import MissionFileError
from airbeat.mission.case import Case, Category, Posture, Task, TerrainKind
from airbeat.mission.caseloader import load_case, parse_case
from airbeat.mission.loader import parse_mission

CASE = """\
airbeat: 1
kind: case
name: Test
missing:
  last_known: {lat: 47.0, lon: 11.0}
  category: child 4-6
  terrain: dry mountain
map: {cell_m: 25, reach_m: 1000, rest_of_world: 0.1}
"""
RING = "outline: [{lat: 47.0, lon: 11.0}, {lat: 47.001, lon: 11.0}, {lat: 47.001, lon: 11.002}]"
FAR = "outline: [{lat: 48.0, lon: 11.0}, {lat: 48.001, lon: 11.0}, {lat: 48.001, lon: 11.002}]"


def parse(text: str, base_dir: Path = Path()) -> Case:
    return parse_case(text.encode(), name="case.yaml", base_dir=base_dir)


def test_a_case_means_what_it_says() -> None:
    extra = f"""\
  last_seen: 2026-10-03T16:30:00+02:00
  posture: lying
regions: {{weight: 2, areas: [{{name: wood, weight: 3, {RING}}}]}}
visibility: {{canopy: 0.7, areas: [{{name: gorge, slope: 0.5, {RING}}}]}}
detection: {{task: detect}}
segments: [{{name: A1, {RING}}}]
launch: [{{lat: 47.0, lon: 11.0, amsl_m: 600}}]
drones:
  - {{name: one, camera: embedded-12mp, airframe: arducopter-quad, height: {{gsd_cm_px: 2}}, speed_m_s: 8}}
"""
    lines = CASE.splitlines(keepends=True)
    found = parse("".join([*lines[:7], *extra.splitlines(keepends=True)[:2], lines[7],
                           *extra.splitlines(keepends=True)[2:]]))  # fmt: skip
    assert found.missing.category is Category.CHILD_4_6
    assert found.missing.terrain is TerrainKind.DRY_MOUNTAIN
    assert found.missing.posture is Posture.LYING
    assert found.missing.last_seen_utc == datetime(2026, 10, 3, 14, 30, tzinfo=UTC)
    assert found.regions is not None
    assert found.regions.weight == 2
    assert found.regions.shapes[0].name == "wood"
    assert [(c.name, c.canopy, c.slope) for c in found.covers] == [
        ("everywhere else", 0.7, None),
        ("gorge", 1.0, 0.5),
    ]
    assert found.task is Task.DETECT
    assert found.segments[0].name == "A1"
    assert found.launches[0].amsl_m == 600
    assert found.drones[0].height.value_m == pytest.approx(56.2)
    assert found.where("regions.areas[1].weight") == "case.yaml:11:43: regions.areas[1].weight"
    assert found.where("nothing.at.all").startswith("case.yaml")


def refused(text: str, base_dir: Path = Path()) -> str:
    with pytest.raises(MissionFileError) as caught:
        parse(text, base_dir)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            CASE.replace("lat: 47.0, lon: 11.0}", "lat: 47.0}"),
            "case.yaml:5:3: missing.last_known.lon: is missing",
        ),
        (
            CASE.replace("child 4-6", "child 5"),
            "case.yaml:6:3: missing.category: must be dementia, child 1-3",
        ),
        (CASE.replace("cell_m: 25", "cell_m: 0"), "case.yaml:8:7: map.cell_m: must be 2 or more (got 0)"),
        (
            CASE.replace("rest_of_world: 0.1", "rest_of_world: 1"),
            "map.rest_of_world: must be less than 1 (got 1)",
        ),
        (CASE.replace("reach_m: 1000, ", ""), "case.yaml:8:1: map: must hold either reach_m or extent"),
        (CASE.replace("kind: case", "kind: search"), "case.yaml:2:1: kind: must be case (got 'search')"),
        (CASE + "region: {}\n", "case.yaml:9:1: region: unknown key (did you mean regions?)"),
        (CASE.replace("terrain: dry mountain", "last_seen: 2026-10-03T16:30:00"), "has no time zone"),
        (CASE.replace("terrain: dry mountain", "last_seen: yesterday"), "is no date and time"),
        (
            CASE.replace("child 4-6", "hiker").replace("dry mountain", "urban"),
            "case.yaml:7:3: missing.terrain: no distances are known for hiker in urban terrain",
        ),
    ],
)
def test_single_values_are_refused_with_their_place(text: str, message: str) -> None:
    assert message in refused(text)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            f"regions: {{areas: [{{name: a, weight: 0, {RING}}}, {{name: b, weight: 0, {RING}}}]}}",
            "case.yaml:9:11: regions.areas: the weights sum to nothing (give at least one a weight above 0)",
        ),
        (
            f"regions: {{areas: [{{name: far, weight: 1, {FAR}}}]}}",
            "case.yaml:9:19: regions.areas[1]: far lies outside the map: it begins at 48.00000, 11.00000",
        ),
        (f"segments: [{{name: far, {FAR}}}]", "segments[1]: far lies outside the map"),
        (f"segments: [{{name: A, {RING}}}, {{name: A, {RING}}}]", "segments[2].name: 'A' is given twice"),
        ("regions: {weight: 1}", "regions: must hold either file or areas"),
        (
            "regions: {areas: [{name: a, weight: 1}]}",
            "must hold one of file, outline, polygons (got none of them)",
        ),
        ("regions: {file: none.geojson}", "case.yaml:9:11: regions.file: none.geojson: no such area file"),
        ("grids: [{file: none.csv}]", "case.yaml:9:10: grids[1].file: none.csv: no such file"),
        (
            "lines: {features: [{weight: 1, buffer_m: 0, file: a.geojson}]}",
            "buffer_m: must be more than 0 (got 0)",
        ),
        (
            "lines: {features: [{weight: 1, buffer_m: 5, line: [{lat: 47, lon: 11}, {lat: 47, lon: 11}]}]}",
            "lines.features[1].line: holds no line of two different places",
        ),
        ("visibility: {canopy: 1.5}", "visibility.canopy: must be 1 or less (got 1.5)"),
        ("detection: {curve: none.json}", "detection.curve: none.json cannot be read"),
        (
            "drones: [{name: a, camera: nikon, airframe: arducopter-quad, "
            "height: {gsd_cm_px: 2}, speed_m_s: 8}]",
            "case.yaml:9:20: drones[1].camera: no such profile (got 'nikon')",
        ),
        (
            "drones: [{name: a, camera: embedded-12mp, airframe: arducopter-quad, height: {gsd_cm_px: 2}, "
            "speed_m_s: 55}]",
            "drones[1].speed_m_s: must be",
        ),
    ],
)
def test_blocks_that_contradict_themselves_are_refused(block: str, message: str) -> None:
    assert message in refused(CASE + block + "\n")


def test_a_point_outside_the_map_is_refused_with_the_maps_edges() -> None:
    text = CASE.replace("reach_m: 1000", "extent: {south: 46.9, west: 10.9, north: 46.95, east: 11.1}")
    message = refused(text)
    assert "case.yaml:5:3: missing.last_known: 47.00000, 11.00000 lies outside the map" in message
    assert "46.90000 to 46.95000 north" in message
    swapped = CASE.replace("reach_m: 1000", "extent: {south: 47.1, west: 10.9, north: 46.9, east: 11.1}")
    assert "north 46.9 is not north of south 47.1" in refused(swapped)


def test_all_layers_without_weight_are_refused() -> None:
    text = CASE.replace("category: child 4-6", "category: child 4-6\n  weight: 0")
    assert "missing.weight: the layers' weights sum to nothing" in refused(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,2\n3,nan\n", "heat.csv, line 2, column 2: 'nan' is no number of 0 or more"),
        ("1,2\n3,-4\n", "heat.csv, line 2, column 2: '-4' is no number of 0 or more"),
        ("1,2\n3\n", "heat.csv, line 2: 1 values in a line, 2 in the first"),
        ("0,0\n0,0\n", "heat.csv: the values sum to nothing"),
        ("\n", "heat.csv: holds no numbers"),
    ],
)
def test_a_csv_grid_that_cannot_be_is_refused_with_line_and_column(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "heat.csv").write_text(content)
    block = "grids: [{file: heat.csv, extent: {south: 46.99, west: 10.99, north: 47.01, east: 11.01}}]\n"
    found = refused(CASE + block, tmp_path)
    assert f"case.yaml:9:10: grids[1].file: {message}" in found
    (tmp_path / "heat.csv").write_text("1,2\n3,4\n")
    assert "does not say where it lies" in refused(CASE + "grids: [{file: heat.csv}]\n", tmp_path)


def test_a_geotiff_with_nan_that_is_not_marked_as_no_data_is_refused(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio", reason="rasterio (the extra 'terrain') is not installed")
    import numpy as np

    values = np.ones((3, 4), dtype=np.float32)
    values[1, 2] = np.nan
    profile = {"driver": "GTiff", "width": 4, "height": 3, "count": 1, "dtype": "float32",
               "crs": "EPSG:4326", "transform": rasterio.Affine(0.005, 0.0, 10.99, 0.0, -0.005, 47.01),
               }  # fmt: skip
    with rasterio.open(tmp_path / "heat.tif", "w", **profile) as raster:
        raster.write(values, 1)
    assert "heat.tif, row 2, column 3: nan is no number" in refused(
        CASE + "grids: [{file: heat.tif}]\n", tmp_path
    )


def test_regions_of_a_file_need_weights(tmp_path: Path) -> None:
    ring = [[11.0, 47.0], [11.002, 47.0], [11.002, 47.001], [11.0, 47.0]]
    feature = {"type": "Feature", "properties": {"name": "wood"},
               "geometry": {"type": "Polygon", "coordinates": [ring]}}  # fmt: skip
    (tmp_path / "r.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert "feature 1 (wood) has no weight of 0 or more" in refused(
        CASE + "regions: {file: r.geojson}\n", tmp_path
    )


def test_files_are_read_once_and_their_hashes_kept(tmp_path: Path) -> None:
    track = {"type": "LineString", "coordinates": [[11.0, 47.0], [11.003, 47.001]]}
    (tmp_path / "roads.geojson").write_text(json.dumps(track))
    block = "lines: {features: [{name: roads, file: roads.geojson, buffer_m: 20, weight: 1}]}\n"
    (tmp_path / "case.yaml").write_text(CASE + block)
    found = load_case(tmp_path / "case.yaml")
    assert [name for name, _ in found.inputs] == ["roads.geojson"]
    copy = tmp_path / "elsewhere.geojson"
    (tmp_path / "roads.geojson").rename(copy)
    stored = {"roads.geojson": copy}
    again = parse_case((CASE + block).encode(), name="case.yaml", base_dir=tmp_path, stored=stored)
    assert again.inputs == found.inputs


def test_a_case_given_as_a_mission_says_which_command_reads_it() -> None:
    with pytest.raises(MissionFileError, match="is a case, not a flight \\(airbeat search start reads it\\)"):
        parse_mission(CASE, name="case.yaml", base_dir=Path())
