"""GeoTIFF height models: in degrees and in metres, with voids, and files that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import Transformer

from airbeat.errors import TerrainError
from airbeat.geo import terrain as module
from airbeat.geo.terrain import read_terrain

rasterio = pytest.importorskip("rasterio", reason="rasterio (the extra 'terrain') is not installed")

NEAR = (11.2, 47.3, 11.3, 47.4)
_AREA = Transformer.from_crs("EPSG:4326", "EPSG:32632", always_xy=True)


def _plane(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Ground that rises 1 m every 20 m east and every 50 m north of 47.3, 11.2."""
    x0, y0 = _AREA.transform(11.2, 47.3)
    return 900 + (x - x0) / 20 + (y - y0) / 50


def _write(path: Path, values: np.ndarray, transform: Any, crs: str | None, **more: Any) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype=values.dtype, crs=crs, transform=transform, **more,
    ) as raster:  # fmt: skip
        raster.write(values, 1)
    return path


def _utm(path: Path, **more: Any) -> Path:
    x0, y1 = _AREA.transform(11.1, 47.5)
    transform = rasterio.Affine(25.0, 0.0, x0, 0.0, -25.0, y1)
    column, row = np.meshgrid(np.arange(1200), np.arange(1200))
    x, y = x0 + 25 * (column + 0.5), y1 - 25 * (row + 0.5)
    return _write(path, _plane(x, y).astype(np.float32), transform, "EPSG:32632", **more)


def _degrees(path: Path, west: float = 11.1) -> Path:
    step = 1 / 1200
    transform = rasterio.Affine(step, 0.0, west, 0.0, -step, 47.5)
    lon, lat = np.meshgrid(11.1 + step * (np.arange(400) + 0.5), 47.5 - step * (np.arange(400) + 0.5))
    x, y = _AREA.transform(lon, lat)
    return _write(path, _plane(np.asarray(x), np.asarray(y)).astype(np.float32), transform, "EPSG:4326")


@pytest.mark.parametrize("make", [_utm, _degrees], ids=["metres", "degrees"])
def test_heights_lie_where_the_raster_says(tmp_path: Path, make: Any) -> None:
    terrain = read_terrain([make(tmp_path / "dem.tif")], NEAR)
    rng = np.random.default_rng(2)
    lon, lat = rng.uniform(11.2, 11.3, 300), rng.uniform(47.3, 47.4, 300)
    x, y = _AREA.transform(lon, lat)
    assert np.abs(terrain.heights_m(lon, lat) - _plane(np.asarray(x), np.asarray(y))).max() < 0.05
    assert 20 < terrain.resolution_m < 95


def test_only_the_neighbourhood_is_read(tmp_path: Path) -> None:
    terrain = read_terrain([_utm(tmp_path / "dem.tif")], (11.25, 47.35, 11.26, 47.36))
    assert terrain.grids[0].heights_m.size < 60 * 70
    assert not np.isnan(terrain.heights_m([11.25, 11.26], [47.35, 47.36])).any()


def test_no_data_scale_and_offset_of_the_file_are_kept_to(tmp_path: Path) -> None:
    path = _utm(tmp_path / "dem.tif", nodata=-9999.0)
    with rasterio.open(path, "r+") as raster:
        values = raster.read(1)
        values[600:650, 300:350] = -9999.0
        raster.write(values, 1)
        raster.scales, raster.offsets = (2.0,), (-900.0,)
    terrain = read_terrain([path], NEAR)
    x0, y1 = _AREA.transform(11.1, 47.5)
    back = Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True)
    lon, lat = back.transform(x0 + 25 * 325, y1 - 25 * 625)
    assert np.isnan(terrain.heights_m(lon, lat)[0])
    x, y = _AREA.transform(11.28, 47.32)
    assert terrain.heights_m(11.28, 47.32)[0] == pytest.approx(2 * float(_plane(x, y)) - 900, abs=0.1)


def test_a_raster_in_longitudes_beyond_180_is_found(tmp_path: Path) -> None:
    terrain = read_terrain([_degrees(tmp_path / "dem.tif", west=371.1)], NEAR)
    assert terrain.heights_m(11.2, 47.3)[0] == pytest.approx(900, abs=0.5)


def test_a_raster_of_another_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TerrainError, match="no heights between"):
        read_terrain([_utm(tmp_path / "dem.tif")], (-70.0, -33.0, -69.9, -32.9))


def test_a_raster_that_does_not_say_where_it_lies_or_counts_in_feet_is_refused(tmp_path: Path) -> None:
    plain = _write(
        tmp_path / "plain.tif",
        np.ones((9, 9), np.float32),
        rasterio.Affine(1.0, 0.0, 5.0, 0.0, -1.0, 5.0),
        None,
    )
    with pytest.raises(TerrainError, match="coordinate system"):
        read_terrain([plain], NEAR)
    feet = _utm(tmp_path / "feet.tif")
    with rasterio.open(feet, "r+") as raster:
        raster.units = ("ft",)
    with pytest.raises(TerrainError, match="ft, not in metres"):
        read_terrain([feet], NEAR)


@pytest.mark.parametrize("content", [b"", b"II*\0", b"GIF89a" * 50, b"II*\0" + bytes(range(256)) * 8])
def test_a_damaged_file_is_refused_by_name_without_its_folder(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.tif"
    path.write_bytes(content)
    with pytest.raises(TerrainError, match="GeoTIFF") as caught:
        read_terrain([path], NEAR)
    assert caught.value.where == "broken.tif"
    assert str(tmp_path) not in str(caught.value)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = _utm(tmp_path / "dem.tif", compress="deflate")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(TerrainError):
        read_terrain([path], NEAR)


def test_more_cells_than_fit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CELLS", 1000)
    with pytest.raises(TerrainError, match="million cells") as caught:
        read_terrain([_utm(tmp_path / "dem.tif")], NEAR)
    assert "coarser" in caught.value.remedy
