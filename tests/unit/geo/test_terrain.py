"""HGT tiles: heights between cells, voids, seams between tiles, and files that are none."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from airbeat.errors import TerrainError
from airbeat.geo import terrain as module
from airbeat.geo.terrain import Terrain, read_terrain

NEAR = (11.2, 47.3, 11.3, 47.4)


def _tile(folder: Path, name: str = "N47E011.hgt", side: int = 1201) -> Path:
    """A tile whose height is 1000 m at its south-west corner, +500 m a degree east, +300 m a degree north."""
    north, east = np.meshgrid(np.linspace(1, 0, side), np.linspace(0, 1, side), indexing="ij")
    path = folder / name
    np.round(1000 + 500 * east + 300 * north).astype(">i2").tofile(path)
    return path


def _height(terrain: Terrain, lon: float, lat: float) -> float:
    return float(terrain.heights_m(lon, lat)[0])


@pytest.mark.parametrize("side", [1201, 3601])
def test_heights_lie_where_the_tile_says(tmp_path: Path, side: int) -> None:
    terrain = read_terrain([_tile(tmp_path, side=side)], NEAR)
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(11.2, 11.3, 200), rng.uniform(47.3, 47.4, 200)
    expected = 1000 + 500 * (lon - 11) + 300 * (lat - 47)
    assert np.abs(terrain.heights_m(lon, lat) - expected).max() < 0.6, "whole metres, straight between"
    assert terrain.resolution_m == pytest.approx(111_320 / (side - 1), rel=1e-3)
    assert len(terrain.sha256[0]) == 64


def test_only_the_neighbourhood_is_kept_in_memory(tmp_path: Path) -> None:
    terrain = read_terrain([_tile(tmp_path)], NEAR)
    assert terrain.grids[0].heights_m.size < 130 * 130
    assert np.isnan(_height(terrain, 11.8, 47.8))


def test_the_southern_and_western_half_of_the_earth_is_read_too(tmp_path: Path) -> None:
    terrain = read_terrain([_tile(tmp_path, "S34W071.hgt")], (-70.6, -33.6, -70.5, -33.5))
    assert _height(terrain, -70.55, -33.55) == pytest.approx(1000 + 500 * 0.45 + 300 * 0.45, abs=0.6)


def test_a_void_is_unknown_and_spoils_only_what_lies_beside_it(tmp_path: Path) -> None:
    path = _tile(tmp_path)
    values = np.fromfile(path, dtype=">i2").reshape(1201, 1201)
    row, column = 1200 - 420, 300  # 47.35, 11.25
    values[row, column] = -32768
    values.tofile(path)
    terrain = read_terrain([path], NEAR)
    cell = 1 / 1200
    assert np.isnan(_height(terrain, 11.25, 47.35))
    assert np.isnan(_height(terrain, 11.25 + 0.4 * cell, 47.35 - 0.4 * cell))
    assert _height(terrain, 11.25 + cell, 47.35) == pytest.approx(1230, abs=1.0)


def test_neighbouring_tiles_join_without_a_seam(tmp_path: Path) -> None:
    west, east = _tile(tmp_path), _tile(tmp_path, "N47E012.hgt")
    values = np.fromfile(east, dtype=">i2") + 500
    values.astype(">i2").tofile(east)
    terrain = read_terrain([west, east], (11.98, 47.4, 12.02, 47.5))
    heights = terrain.heights_m(np.linspace(11.985, 12.015, 301), np.full(301, 47.45))
    assert not np.isnan(heights).any()
    assert np.abs(np.diff(heights)).max() < 1.1


def test_a_flight_across_the_antimeridian_finds_both_tiles(tmp_path: Path) -> None:
    tiles = [_tile(tmp_path, "S17E179.hgt"), _tile(tmp_path, "S17W180.hgt")]
    terrain = read_terrain(tiles, (179.95, -16.6, -179.95, -16.5))
    assert _height(terrain, 179.97, -16.55) == pytest.approx(1000 + 500 * 0.97 + 300 * 0.45, abs=0.6)
    assert _height(terrain, -179.97, -16.55) == pytest.approx(1000 + 500 * 0.03 + 300 * 0.45, abs=0.6)


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("hills.hgt", 1201 * 1201 * 2, "its name"),
        ("N47E011.hgt", 1000, "1000 bytes are no HGT tile"),
        ("N95E011.hgt", 1201 * 1201 * 2, "no place on Earth"),
    ],
)
def test_what_is_no_tile_is_refused_with_its_name(tmp_path: Path, name: str, size: int, said: str) -> None:
    (tmp_path / name).write_bytes(bytes(size))
    with pytest.raises(TerrainError, match=said) as caught:
        read_terrain([tmp_path / name], NEAR)
    assert caught.value.where == name
    assert caught.value.exit_code == 3


def test_a_tile_of_another_place_or_of_voids_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TerrainError, match="no heights between"):
        read_terrain([_tile(tmp_path, "N10E011.hgt")], NEAR)
    empty = tmp_path / "N47E011.hgt"
    np.full(1201 * 1201, -32768, dtype=">i2").tofile(empty)
    with pytest.raises(TerrainError, match="no heights between"):
        read_terrain([empty], NEAR)


def test_a_missing_or_far_too_large_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TerrainError, match="no such file"):
        read_terrain([tmp_path / "N47E011.hgt"], NEAR)
    path = _tile(tmp_path)
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    with pytest.raises(TerrainError, match="larger than"):
        read_terrain([path], NEAR)
    with pytest.raises(TerrainError, match="0 height files"):
        read_terrain([], NEAR)


def test_a_geotiff_without_rasterio_names_the_extra_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dem.tif").write_bytes(b"II*\0")
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(TerrainError, match="needs rasterio") as caught:
        read_terrain([tmp_path / "dem.tif"], NEAR)
    assert "airbeat[terrain]" in caught.value.remedy


def test_a_model_can_be_handed_to_another_process(tmp_path):
    heights = np.arange(1201 * 1201, dtype=np.int64).reshape(1201, 1201) % 900
    (tmp_path / "N51E008.hgt").write_bytes(heights.astype(">i2").tobytes())
    terrain = read_terrain([tmp_path / "N51E008.hgt"], (8.2, 51.2, 8.3, 51.3))
    other = pickle.loads(pickle.dumps(terrain))
    assert other.heights_m(8.25, 51.25) == terrain.heights_m(8.25, 51.25)
    assert pickle.dumps(other) == pickle.dumps(pickle.loads(pickle.dumps(other)))
