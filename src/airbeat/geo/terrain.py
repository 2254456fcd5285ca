"""Heights of the ground from elevation models: HGT tiles (SRTM, Copernicus) and GeoTIFF files.

Heights are metres above the model's own sea level (EGM96, EGM2008 or the like), so differences between two
places of one model can be trusted further than the heights themselves. A model of bare ground knows nothing
of trees, buildings, masts and wires. GeoTIFF files need rasterio (``pip install "airbeat[terrain]"``).
"""

from __future__ import annotations

import hashlib
import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.errors import TerrainError
from airbeat.language.words import Message

__all__ = ["EDGE_CELLS", "HeightGrid", "Terrain", "read_terrain"]

Array = npt.NDArray[np.float64]
Bounds = tuple[float, float, float, float]

MAX_BYTES = 2_000_000_000
MAX_CELLS = 25_000_000
"""Most cells of one file that are held in memory; 500 km² at 5 m are 20 million."""
MAX_FILES = 16
_HGT_NAME = re.compile(r"([NS])(\d{2})([EW])(\d{3})", re.IGNORECASE)
_HGT_SIDES = {2 * n * n: n for n in (1201, 1801, 3601)}
_LOWEST_M, _HIGHEST_M = -500.0, 9000.0
"""Values outside are voids: -32768, -9999, 32767 and the like."""
_METRES = ("", "m", "metre", "meter", "metres", "meters")
EDGE_CELLS = 0.51
"""Places this far beyond the outermost cells' middles still belong to them."""
_ROUND_OFF = 1e-6
_KM_PER_DEG = 111.32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeightGrid:
    """One raster of heights.

    Attributes:
        heights_m: (rows, columns) heights [m], rows from the top; NaN where the model has none.
        to_cells: longitudes and latitudes [degrees] to fractional (columns, rows), whole numbers being the
            middles of cells.
        resolution_m: distance between cells [m].
        range_m: lowest and highest height [m]; NaN where there is none.
    """

    heights_m: npt.NDArray[np.float32]
    to_cells: Callable[[Array, Array], tuple[Array, Array]]
    resolution_m: float
    range_m: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        known = self.heights_m[np.isfinite(self.heights_m)]
        ends = (float(known.min()), float(known.max())) if known.size else (math.nan, math.nan)
        object.__setattr__(self, "range_m", ends)

    def at(self, lon_deg: Array, lat_deg: Array) -> Array:
        """Heights [m] between the four nearest cells (bilinear); NaN outside, and next to a void."""
        return self.at_cells(*self.to_cells(lon_deg, lat_deg))

    def at_cells(self, column: Array, row: Array) -> Array:
        """As `at`, for fractional columns and rows."""
        rows, columns = self.heights_m.shape
        inside = (column > -EDGE_CELLS) & (column < columns - 1 + EDGE_CELLS)
        inside &= (row > -EDGE_CELLS) & (row < rows - 1 + EDGE_CELLS)
        inside &= np.isfinite(column) & np.isfinite(row)
        c = np.clip(np.where(inside, column, 0.0), 0.0, columns - 1.0)
        r = np.clip(np.where(inside, row, 0.0), 0.0, rows - 1.0)
        left = np.minimum(c.astype(np.int64), max(columns - 2, 0))
        top = np.minimum(r.astype(np.int64), max(rows - 2, 0))
        right, bottom = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
        u, v = c - left, r - top
        total = np.zeros(len(c))
        for y, x, share in (
            (top, left, (1 - u) * (1 - v)),
            (top, right, u * (1 - v)),
            (bottom, left, (1 - u) * v),
            (bottom, right, u * v),
        ):
            total += np.where(share > _ROUND_OFF, share * self.heights_m[y, x], 0.0)
        return np.where(inside, total, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terrain:
    """A model of the ground's height from one or more files; where they overlap the first one counts.

    Attributes:
        grids: the rasters.
        name: file names.
        sha256: SHA-256 of each file.
        beyond_m: height that is taken where the files have none [m]; None for NaN.
    """

    grids: tuple[HeightGrid, ...]
    name: str
    sha256: tuple[str, ...] = field(default=())
    beyond_m: float | None = None

    @property
    def resolution_m(self) -> float:
        """Distance between the cells of the finest file [m]."""
        return min(grid.resolution_m for grid in self.grids)

    def heights_m(self, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Array:
        """Heights of the ground above the model's sea level [m].

        Where the files have none it is ``beyond_m``, or NaN.

        Args:
            lon_deg: (n,) longitudes [degrees].
            lat_deg: (n,) latitudes [degrees].
        """
        heights = self._from_files(lon_deg, lat_deg)
        return heights if self.beyond_m is None else np.where(np.isnan(heights), self.beyond_m, heights)

    def known(self, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether the files have a height at places; arguments as of `heights_m`."""
        return ~np.isnan(self._from_files(lon_deg, lat_deg))

    def _from_files(self, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Array:
        lon, lat = np.atleast_1d(np.asarray(lon_deg, float)), np.atleast_1d(np.asarray(lat_deg, float))
        heights = np.full(len(lon), np.nan)
        for grid in self.grids:
            unknown = np.isnan(heights)
            if not unknown.any():
                break
            heights[unknown] = grid.at(lon[unknown], lat[unknown])
        return heights


def read_terrain(paths: Sequence[Path], bounds_deg: Bounds) -> Terrain:
    """The height model of a neighbourhood from files; what lies outside is not kept.

    Args:
        paths: HGT tiles, named as ``N47E011.hgt``, and GeoTIFF files.
        bounds_deg: west, south, east, north [degrees] of what is needed; east is less than west across the
            antimeridian.

    Raises:
        TerrainError: a file cannot be read, has no heights there, or rasterio is missing.
    """
    if not paths or len(paths) > MAX_FILES:
        raise TerrainError(
            Message("{paths} height files (1 to {max_files})", paths=len(paths), max_files=MAX_FILES),
            remedy="merge them into one",
        )
    grids, digests = [], []
    for path in paths:
        digests.append(_digest(path))
        grid = _hgt(path, bounds_deg) if path.suffix.lower() == ".hgt" else _geotiff(path, bounds_deg)
        if grid is not None:
            grids.append(grid)
    name = ", ".join(path.name for path in paths)
    if not any(np.isfinite(grid.heights_m).any() for grid in grids):
        west, south, east, north = bounds_deg
        raise TerrainError(
            Message(
                "no heights between {south:.3f}, {west:.3f} and {north:.3f}, {east:.3f}",
                south=south,
                west=west,
                north=north,
                east=east,
            ),
            where=name,
            remedy="get the tile of this neighbourhood",
        )
    return Terrain(grids=tuple(grids), name=name, sha256=tuple(digests))


def _digest(path: Path) -> str:
    try:
        if not path.is_file():
            raise TerrainError("no such file", where=path.name, remedy="check the path")
        if path.stat().st_size > MAX_BYTES:
            raise TerrainError(
                Message("larger than {max_bytes} GB", max_bytes=MAX_BYTES // 10**9),
                where=path.name,
                remedy="cut out the neighbourhood",
            )
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise TerrainError(
            Message("cannot be read: {reason}", reason=error.strerror), where=path.name
        ) from error


def _cleaned(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    heights = values.astype(np.float32)
    heights[~((heights >= _LOWEST_M) & (heights <= _HIGHEST_M))] = np.nan
    return heights


def _refuse_too_many(cells: int, path: Path) -> None:
    if cells > MAX_CELLS:
        raise TerrainError(
            Message(
                "{cells:.0f} million cells of this neighbourhood (at most {max_cells:.0f} million)",
                cells=cells / 1e6,
                max_cells=MAX_CELLS / 1e6,
            ),
            where=path.name,
            remedy="use a coarser model, or cut out a smaller piece",
        )


# HGT


def _hgt(path: Path, bounds_deg: Bounds) -> HeightGrid | None:
    """One tile of one degree: big-endian 16-bit metres, rows from the north, edges shared with neighbours."""
    named = _HGT_NAME.search(path.stem)
    if named is None:
        raise TerrainError(
            "an HGT file's place is in its name alone, and this name says none",
            where=path.name,
            remedy="name it as N47E011.hgt, after its south-west corner",
        )
    size = path.stat().st_size
    side = _HGT_SIDES.get(size)
    if side is None:
        raise TerrainError(
            Message(
                "{size} bytes are no HGT tile (1201, 1801 or 3601 rows and columns of 2 bytes)", size=size
            ),
            where=path.name,
            remedy="unpack the file, or download it again",
        )
    south = float(named[2]) * (1 if named[1].upper() == "N" else -1)
    west = float(named[4]) * (1 if named[3].upper() == "E" else -1)
    if not (-90 <= south < 90 and -180 <= west < 180):
        raise TerrainError("the name is no place on Earth", where=path.name)
    steps = side - 1
    w, s, e, n = bounds_deg
    first_column = math.floor(_east_of(w, west) * steps) - 1
    last_column = first_column + math.ceil(_span_deg(w, e) * steps) + 3
    first_row = math.floor((south + 1 - n) * steps) - 1
    last_row = math.ceil((south + 1 - s) * steps) + 1
    c0, c1 = max(first_column, 0), min(last_column, steps)
    r0, r1 = max(first_row, 0), min(last_row, steps)
    if c0 > c1 or r0 > r1:
        return None
    values = np.memmap(path, dtype=">i2", mode="r", shape=(side, side))
    heights = _cleaned(np.asarray(values[r0 : r1 + 1, c0 : c1 + 1]))

    to_cells = _TileCells(west_deg=west, north_deg=south + 1.0, steps=steps, first=(c0, r0))
    return HeightGrid(heights_m=heights, to_cells=to_cells, resolution_m=_KM_PER_DEG * 1000.0 / steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class _TileCells:
    """From degrees to the cells of an HGT tile's part that begins at ``first`` (column, row)."""

    west_deg: float
    north_deg: float
    steps: int
    first: tuple[int, int]

    def __call__(self, lon: Array, lat: Array) -> tuple[Array, Array]:
        east = np.mod(lon - self.west_deg + 180.0, 360.0) - 180.0
        return east * self.steps - self.first[0], (self.north_deg - lat) * self.steps - self.first[1]


def _east_of(lon_deg: float, west_deg: float) -> float:
    """How far a longitude is east of another [degrees, -180…180)."""
    return (lon_deg - west_deg + 180.0) % 360.0 - 180.0


def _span_deg(west_deg: float, east_deg: float) -> float:
    return (east_deg - west_deg) % 360.0


# GeoTIFF


def _rasterio(path: Path) -> Any:
    try:
        import rasterio
    except ImportError as error:
        raise TerrainError(
            "a GeoTIFF file needs rasterio, which is not installed",
            where=path.name,
            remedy="pip install 'airbeat[terrain]', or use an HGT tile",
        ) from error
    return rasterio


@dataclass(frozen=True, slots=True, kw_only=True)
class _RasterCells:
    """From degrees to the cells of a raster's part that begins at ``first`` (column, row).

    Attributes:
        forward: from degrees to the raster's coordinates (pyproj).
        inverse: from those to cells: a, b, c, d, e, f of the affine map.
        left_deg: its western edge, for rasters in degrees.
    """

    forward: Any
    inverse: tuple[float, ...]
    left_deg: float | None
    first: tuple[int, int] = (0, 0)

    def __call__(self, lon: Array, lat: Array) -> tuple[Array, Array]:
        x, y = self.forward.transform(lon, lat)
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if self.left_deg is not None:
            x = self.left_deg + np.mod(x - self.left_deg + 180.0, 360.0) - 180.0
        a, b, c, d, e, f = self.inverse
        column = a * x + b * y + c - 0.5 - self.first[0]
        row = d * x + e * y + f - 0.5 - self.first[1]
        return np.asarray(column), np.asarray(row)


def _geotiff(path: Path, bounds_deg: Bounds) -> HeightGrid | None:
    rasterio = _rasterio(path)
    from pyproj import CRS, Transformer
    from pyproj.exceptions import ProjError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)  # refused below
            raster = rasterio.open(path, driver="GTiff")
        with raster:
            if raster.crs is None:
                raise TerrainError(
                    "the file does not say where it lies (no coordinate system)", where=path.name
                )
            if (raster.units[0] or "").lower() not in _METRES:
                raise TerrainError(
                    Message("heights in {units}, not in metres", units=raster.units[0]), where=path.name
                )
            crs = CRS.from_wkt(raster.crs.to_wkt())
            forward = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
            geographic = crs.is_geographic
            to_raster = _RasterCells(
                forward=forward,
                inverse=tuple(~raster.transform)[:6],
                left_deg=raster.bounds.left if geographic else None,
            )
            window = _window(to_raster, bounds_deg, raster.width, raster.height)
            if window is None:
                return None
            c0, r0, c1, r1 = window
            _refuse_too_many((c1 - c0) * (r1 - r0), path)
            values = raster.read(1, window=((r0, r1), (c0, c1)), masked=True).astype(np.float64)
            heights = _cleaned(values.filled(np.nan) * raster.scales[0] + raster.offsets[0])
            across = math.hypot(raster.transform.a, raster.transform.d)
    except (rasterio.errors.RasterioError, rasterio.errors.RasterioIOError, ProjError) as error:
        text = str(error).replace(str(path), path.name).splitlines()
        raise TerrainError(
            Message("cannot be read as GeoTIFF: {words}", words=text[0][:200] if text else "damaged"),
            where=path.name,
            remedy="check that it is a GeoTIFF height model",
        ) from error
    unit_m = _KM_PER_DEG * 1000.0 if geographic else crs.axis_info[0].unit_conversion_factor
    to_cells = replace(to_raster, first=(c0, r0))
    return HeightGrid(heights_m=heights, to_cells=to_cells, resolution_m=across * unit_m)


def _window(
    to_raster: Callable[[Array, Array], tuple[Array, Array]], bounds_deg: Bounds, width: int, height: int
) -> tuple[int, int, int, int] | None:
    """First and last + 1 column and row that hold the bounds, as (c0, r0, c1, r1); None beside the raster."""
    west, south, east, north = bounds_deg
    share = np.linspace(0.0, 1.0, 21)
    lon = west + share * _span_deg(west, east)
    lat = south + share * (north - south)
    lons, lats = np.meshgrid(np.where(lon > 180.0, lon - 360.0, lon), lat)
    column, row = to_raster(lons.ravel(), lats.ravel())
    known = np.isfinite(column) & np.isfinite(row)
    if not known.any():
        return None
    low, high = [], []
    for values, most in ((column[known], width), (row[known], height)):
        low.append(max(math.floor(values.min()) - 2, 0))
        high.append(min(math.ceil(values.max()) + 3, most))
    if low[0] >= high[0] or low[1] >= high[1]:
        return None
    return low[0], low[1], high[0], high[1]
