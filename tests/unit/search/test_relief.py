"""Cases on a height model: slope factors, cover of the map, refusals, and what is said of the ground."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from airbeat.errors import GeometryError, MissionFileError
from airbeat.geo.coordinates import AltitudeDatum, LatLon
from airbeat.mission.case import Case
from airbeat.mission.caseloader import parse_case
from airbeat.search.build import build_model
from airbeat.search.relief import FLAT_GROUND, SLOPE_RULE, slope_factor

PLACE = LatLon(lat_deg=47.0, lon_deg=11.0)
CASE = """\
airbeat: 1
kind: case
name: Test
missing: {last_known: {lat: 47.0, lon: 11.0}, category: dementia, terrain: mountain}
map: {cell_m: 20, reach_m: 300, rest_of_world: 0.2}
launch: [{name: hut, lat: 47.001, lon: 11.0}]
drones:
  - name: one
    camera: embedded-12mp
    airframe: arducopter-quad
    height: {gsd_cm_px: 2.5}
    speed_m_s: 8
terrain: model.tif
"""
Write = Callable[..., Path]


def case(text: str, folder: Path) -> Case:
    return parse_case(text.encode(), name="case.yaml", base_dir=folder)


def plane(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """Rises to the east by 30°."""
    return 1000.0 + east * math.tan(math.radians(30.0)) + 0.0 * north


def western_half(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    return np.where(east < 0.0, plane(east, north), np.nan)


def test_the_slope_factor_is_the_cosine_of_the_models_slope(tmp_path: Path, height_file: Write) -> None:
    height_file(tmp_path / "model.tif", PLACE, plane)
    found = case(CASE, tmp_path)
    model = build_model(found)
    assert model.slope_deg == pytest.approx(np.full(model.grid.shape, 30.0), abs=0.1)
    assert model.visible == pytest.approx(np.full(model.grid.shape, math.sqrt(0.75)), abs=2e-3)
    assert model.ground_m is not None
    rise_m = model.ground_m[0, -1] - model.ground_m[0, 0]
    assert rise_m == pytest.approx((model.grid.columns - 1) * 20 * math.tan(math.radians(30)), abs=0.5)
    assert SLOPE_RULE in model.notes
    assert FLAT_GROUND not in model.notes
    assert any(note.startswith("ground heights from model.tif (SHA-256 ") for note in model.notes)
    (drone,) = found.drones
    assert drone.height.datum is AltitudeDatum.AGL
    assert slope_factor(np.array([0.0, 60.0, np.nan])) == pytest.approx([1.0, 0.5, 1.0])


def test_a_stated_slope_factor_overrides_the_model_where_it_is_stated(
    tmp_path: Path, height_file: Write
) -> None:
    height_file(tmp_path / "model.tif", PLACE, plane)
    cover = """\
visibility:
  canopy: 0.5
  {slope}
  areas:
    - name: scree
      {own}
      outline:
        - {{lat: 46.99, lon: 10.99}}
        - {{lat: 46.99, lon: 11.0}}
        - {{lat: 47.01, lon: 11.0}}
        - {{lat: 47.01, lon: 10.99}}
"""
    cosine = math.sqrt(0.75)
    stated = build_model(case(CASE + cover.format(slope="slope: 0.7", own="canopy: 0.9"), tmp_path))
    assert stated.visible[0, -1] == pytest.approx(0.5 * 0.7)
    assert stated.visible[0, 0] == pytest.approx(0.9 * cosine, abs=2e-3)
    other = build_model(case(CASE + cover.format(slope="", own="slope: 0.4"), tmp_path))
    assert other.visible[0, -1] == pytest.approx(0.5 * cosine, abs=2e-3)
    assert other.visible[0, 0] == pytest.approx(0.4)
    assert SLOPE_RULE in other.notes
    whole = build_model(case(CASE + "visibility: {slope: 0.7}\n", tmp_path))
    assert np.all(whole.visible == 0.7)
    assert SLOPE_RULE not in whole.notes


def test_without_a_model_flat_ground_was_assumed_and_that_is_said(tmp_path: Path) -> None:
    model = build_model(case(CASE.replace("terrain: model.tif\n", ""), tmp_path))
    assert FLAT_GROUND in model.notes
    assert model.ground_m is None
    assert np.all(model.visible == 1.0)


def test_a_model_that_does_not_cover_the_map_is_refused_with_how_much_and_where(
    tmp_path: Path, height_file: Write
) -> None:
    height_file(tmp_path / "model.tif", PLACE, western_half)
    text = CASE.replace("lat: 47.001, lon: 11.0}", "lat: 47.001, lon: 10.998}")
    with pytest.raises(GeometryError) as caught:
        build_model(case(text, tmp_path))
    said = str(caught.value)
    assert ": terrain.file" in said
    assert "model.tif has no heights for 50% of the map (0.18 km², between 46.99739, " in said
    assert "beyond: flat" in said

    level = text.replace("terrain: model.tif", "terrain: {file: model.tif, beyond: flat}")
    model = build_model(case(level, tmp_path))
    assert any("no heights for 50% of the map" in n and "flat ground was assumed" in n for n in model.notes)
    assert model.ground_m is not None
    assert np.isnan(model.ground_m[:, -1]).all()
    assert np.all(model.visible[:, -1] == 1.0)


def refused(text: str, folder: Path) -> str:
    with pytest.raises(MissionFileError) as caught:
        case(text, folder)
    return str(caught.value)


def test_files_and_places_that_cannot_be_used_are_refused_with_their_place(
    tmp_path: Path, height_file: Write
) -> None:
    assert "model.tif: no such file" in refused(CASE, tmp_path)
    height_file(tmp_path / "model.tif", PLACE, western_half)
    away = CASE.replace("lat: 47.001, lon: 11.0}", "lat: 47.001, lon: 11.002}")
    assert "model.tif has no height at hut" in refused(away, tmp_path)
    far = LatLon(lat_deg=-30.0, lon_deg=100.0)
    height_file(tmp_path / "model.tif", far, plane)
    assert "no heights between" in refused(CASE, tmp_path)
    assert "must be a file's path" in refused(CASE.replace("model.tif", "https://x/y.tif"), tmp_path)
    coarse = CASE.replace("terrain: model.tif", "terrain: {file: model.tif, tolerance_m: 30}")
    assert "terrain.tolerance_m: must be" in refused(coarse, tmp_path)


@pytest.mark.parametrize(
    ("crs", "says"),
    [
        (None, "does not say where it lies"),
        ('LOCAL_CS["a building site",UNIT["metre",1]]', "model.tif"),
    ],
)
def test_a_model_in_no_coordinate_system_of_the_earth_is_refused(
    tmp_path: Path, crs: str | None, says: str
) -> None:
    rasterio = pytest.importorskip("rasterio", reason="rasterio (the extra 'terrain') is not installed")
    corner = rasterio.Affine(1, 0, 0, 0, -1, 9)
    size = {"width": 9, "height": 9, "count": 1, "dtype": "float32"}
    path = tmp_path / "model.tif"
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=corner, **size) as raster:
        raster.write(np.zeros((9, 9), np.float32), 1)
    assert says in refused(CASE, tmp_path)


def test_without_rasterio_the_remedy_is_named(
    tmp_path: Path, height_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    height_file(tmp_path / "model.tif", PLACE, plane)
    really = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name == "rasterio":
            raise ImportError(name)
        return really(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    assert "pip install 'airbeat[terrain]'" in refused(CASE, tmp_path)
