"""Probability rasters that a case file names: CSV matrices and GeoTIFF files."""

from __future__ import annotations

import hashlib
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.errors import GeometryError
from airbeat.language.words import Message
from airbeat.mission.case import WeightedRaster
from airbeat.mission.caseschema import ExtentSection

__all__ = ["read_raster"]

Array = npt.NDArray[np.float64]

MAX_BYTES = 200_000_000
MAX_CELLS = 25_000_000


def read_raster(path: Path, extent: ExtentSection | None) -> tuple[WeightedRaster, str]:
    """A raster of densities and the file's SHA-256.

    Args:
        path: ``.csv`` (a matrix of numbers, the first line in the north, without a head line), or a GeoTIFF.
        extent: the outer edges of a CSV matrix; a GeoTIFF says its own.

    Raises:
        GeometryError: no such file, too large, a value that is no number of 0 or more (with line and column),
            nothing above 0, no place, or a GeoTIFF without rasterio.
    """
    try:
        if not path.is_file():
            raise GeometryError("no such file", where=path.name, remedy="paths start at the case file")
        if path.stat().st_size > MAX_BYTES:
            raise GeometryError(
                Message("larger than {max_bytes} MB", max_bytes=MAX_BYTES // 1_000_000), where=path.name
            )
        content = path.read_bytes()
    except OSError as error:
        raise GeometryError(
            Message("cannot be read: {reason}", reason=error.strerror), where=path.name
        ) from error
    is_csv = path.suffix.lower() == ".csv"
    raster = _csv(content, path.name, extent) if is_csv else _geotiff(path, extent)
    if not np.nansum(raster.values) > 0:
        raise GeometryError(
            "the values sum to nothing", where=path.name, remedy="give at least one cell a value above 0"
        )
    return raster, hashlib.sha256(content).hexdigest()


def _csv(content: bytes, name: str, extent: ExtentSection | None) -> WeightedRaster:
    if extent is None:
        raise GeometryError(
            "a CSV matrix does not say where it lies",
            where=name,
            remedy="give its extent: {south: …, west: …, north: …, east: …}",
        )
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise GeometryError("not UTF-8 text", where=name, remedy="save the file as UTF-8") from error
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        cells = line.split(";" if ";" in line else ",")
        rows.append([_value(cell, f"{name}, line {number}, column {c}") for c, cell in enumerate(cells, 1)])
        if len(rows[-1]) != len(rows[0]):
            raise GeometryError(
                Message(
                    "{rows} values in a line, {rows_2} in the first", rows=len(rows[-1]), rows_2=len(rows[0])
                ),
                where=f"{name}, line {number}",
            )
    if not rows:
        raise GeometryError("holds no numbers", where=name)
    values = np.array(rows, dtype=np.float64)
    height, width = values.shape
    west, north = extent.west, extent.north
    step_x = ((extent.east - west) % 360.0) / width
    step_y = (north - extent.south) / height

    def to_cells(lon_deg: Array, lat_deg: Array) -> tuple[Array, Array]:
        east = np.mod(lon_deg - west + 180.0, 360.0) - 180.0
        return east / step_x - 0.5, (north - lat_deg) / step_y - 0.5

    return WeightedRaster(values=values, to_cells=to_cells)


def _value(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise GeometryError(
            Message("{strip!r} is no number of 0 or more", strip=text.strip()[:40]),
            where=where,
            remedy="write 0 where nothing is known",
        )
    return value


def _geotiff(path: Path, extent: ExtentSection | None) -> WeightedRaster:
    if extent is not None:
        raise GeometryError("a GeoTIFF says where it lies", where=path.name, remedy="leave extent out")
    try:
        import rasterio
    except ImportError as error:
        raise GeometryError(
            "a GeoTIFF file needs rasterio, which is not installed",
            where=path.name,
            remedy="pip install 'airbeat[terrain]', or export the raster as CSV",
        ) from error
    from pyproj import CRS, Transformer
    from pyproj.exceptions import ProjError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)  # refused below
            raster = rasterio.open(path, driver="GTiff")
        with raster:
            if raster.crs is None:
                raise GeometryError(
                    "the file does not say where it lies (no coordinate system)", where=path.name
                )
            if raster.width * raster.height > MAX_CELLS:
                raise GeometryError(
                    Message("more than {max_cells} cells", max_cells=MAX_CELLS),
                    where=path.name,
                    remedy="use a coarser one",
                )
            crs = CRS.from_wkt(raster.crs.to_wkt())
            inverse: Any = ~raster.transform
            values = raster.read(1, masked=True).astype(np.float64)
    except (rasterio.errors.RasterioError, rasterio.errors.RasterioIOError, ProjError) as error:
        text = str(error).replace(str(path), path.name).splitlines()
        raise GeometryError(
            Message("cannot be read as GeoTIFF: {words}", words=text[0][:200] if text else "damaged"),
            where=path.name,
        ) from error
    _refuse_bad(values, path.name)
    forward = Transformer.from_crs("EPSG:4326", crs, always_xy=True)

    def to_cells(lon_deg: Array, lat_deg: Array) -> tuple[Array, Array]:
        x, y = (np.asarray(v, dtype=np.float64) for v in forward.transform(lon_deg, lat_deg))
        column = inverse.a * x + inverse.b * y + inverse.c - 0.5
        return column, inverse.d * x + inverse.e * y + inverse.f - 0.5

    return WeightedRaster(values=values.filled(np.nan), to_cells=to_cells)


def _refuse_bad(values: Any, name: str) -> None:
    """Refuse a value that is not marked as "no data" and is no number of 0 or more."""
    bad = ~np.ma.getmaskarray(values) & ~(np.isfinite(values.data) & (values.data >= 0))
    if bad.any():
        row, column = (int(v) for v in np.argwhere(bad)[0])
        raise GeometryError(
            Message("{data:g} is no number of 0 or more", data=values.data[row, column]),
            where=f"{name}, row {row + 1}, column {column + 1}",
            remedy="mark such cells as no data, or write 0",
        )
