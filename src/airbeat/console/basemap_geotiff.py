"""GeoTIFF as a base map: warped to Web Mercator tiles where the map looks, never as a whole.

Only the file itself is read: no driver but GeoTIFF's, no files beside it, nothing over a network. How much
of it one tile may take is limited, so zoomed far out it shows nothing unless it has overviews.
"""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.console.basemap import MAX_ZOOM, About, Bounds, Tile, plain_text
from airbeat.errors import DependencyError, InputFileError
from airbeat.language.words import Message

__all__ = ["GeoTiff"]

_TILE_PX = 256
_MOST_BLOCK_BYTES = 16_000_000
_MOST_TILE_SOURCE_PX = 36_000_000
_HALF_M = 20037508.342789244
"""Half the side of the Web Mercator square, π times the semi-major axis [m]."""
_ENV = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_NUM_THREADS": "1",
    "GDAL_CACHEMAX": 64,
    "CPL_DEBUG": False,
}


class GeoTiff:
    """A base map in a GeoTIFF file.

    Colours are shown as they are; one band of other values is stretched from dark to light between its 2nd
    and 98th percentile, as heights or a thermal mosaic need.

    Raises:
        InputFileError: damaged, without a place, or laid out so that a tile would need all of it.
        DependencyError: rasterio is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            import rasterio
            from rasterio.vrt import WarpedVRT
        except ImportError as error:
            raise DependencyError(
                "a GeoTIFF base map needs rasterio, which is not installed",
                remedy="pip install 'airbeat[terrain]', or give an MBTiles or PMTiles file",
            ) from error
        self._rasterio, self._path, self._lock = rasterio, path, Lock()
        self._errors = (rasterio.errors.RasterioError, rasterio.errors.RasterioIOError, ValueError, TypeError)
        try:
            with rasterio.Env(**_ENV), warnings.catch_warnings():
                warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)  # refused below
                self._raster = rasterio.open(path, driver="GTiff")
                self._check()
                self._warped = WarpedVRT
                with self._in_mercator() as whole:
                    self._metres, self._span = abs(whole.transform.a), whole.bounds
                self.about = self._about()
                self._range = self._stretch()
        except self._errors as error:
            if isinstance(error, InputFileError):
                raise
            raise self._unusable(error) from error

    def _in_mercator(self, **place: Any) -> Any:
        """The raster as Web Mercator: the whole, or with transform, width and height a piece."""
        near = self._rasterio.enums.Resampling.nearest
        return self._warped(
            self._raster,
            crs="EPSG:3857",
            resampling=self._rasterio.enums.Resampling.bilinear if self._palette is None else near,
            add_alpha=self._raster.nodata is None and not self._has_alpha,
            **place,
        )

    def _check(self) -> None:
        raster = self._raster
        if raster.crs is None or raster.transform.is_identity:
            raise InputFileError(
                "does not say where it lies (no coordinate system)",
                where=self._path.name,
                remedy="export it with its coordinate system",
            )
        rows, columns = (max(side) for side in zip(*raster.block_shapes, strict=True))
        together = sum(np.dtype(kind).itemsize for kind in raster.dtypes)
        if rows * columns * together > _MOST_BLOCK_BYTES:
            raise InputFileError(
                Message("is stored in blocks of {columns} × {rows} pixels", columns=columns, rows=rows),
                where=self._path.name,
                remedy="write it anew as a cloud-optimised GeoTIFF (gdal_translate -of COG)",
            )
        kinds = {np.dtype(kind).kind for kind in raster.dtypes}
        if not kinds <= {"u", "i", "f"} or raster.count > 64:
            raise InputFileError("has no bands that a map can show", where=self._path.name)
        self._palette = self._colours()
        self._has_alpha = raster.colorinterp[-1].name == "alpha"

    def _colours(self) -> npt.NDArray[np.uint8] | None:
        """(256, 4) colours of a paletted file."""
        raster = self._raster
        if raster.colorinterp[0].name != "palette" or raster.dtypes[0] != "uint8":
            return None
        table = np.zeros((256, 4), np.uint8)
        for value, colour in raster.colormap(1).items():
            if 0 <= value < 256:
                table[value] = colour
        return table

    def _about(self) -> About:
        metres = self._metres
        if not (math.isfinite(metres) and metres > 0):
            raise InputFileError("does not say where it lies", where=self._path.name)
        zoom = math.ceil(math.log2(2 * _HALF_M / _TILE_PX / metres))
        left, low, right, high = (max(-_HALF_M, min(_HALF_M, v)) for v in self._span)
        bounds: Bounds = (_lat_deg(low), _lon_deg(left), _lat_deg(high), _lon_deg(right))
        tags = self._raster.tags()
        return About(
            name=plain_text(tags.get("TIFFTAG_DOCUMENTNAME"), self._path.stem),
            attribution=plain_text(tags.get("TIFFTAG_COPYRIGHT")),
            max_zoom=max(0, min(MAX_ZOOM, zoom)),
            bounds=bounds if bounds[0] < bounds[2] and bounds[1] < bounds[3] else None,
        )

    def _stretch(self) -> tuple[float, float] | None:
        """What is black and what is white, where the values are no colours."""
        raster = self._raster
        if self._palette is not None or all(kind == "uint8" for kind in raster.dtypes):
            return None
        step = max(1.0, math.sqrt(raster.width * raster.height / 1e6))
        if self._source_px(raster.width, raster.height, 1024) > _MOST_TILE_SOURCE_PX:
            middle = self._rasterio.windows.Window(raster.width // 2, raster.height // 2, 1024, 1024)
            values = raster.read(1, window=middle, masked=True, boundless=False)
        else:
            shape = (max(1, int(raster.height / step)), max(1, int(raster.width / step)))
            values = raster.read(1, out_shape=shape, masked=True)
        there = values.compressed().astype(float)
        there = there[np.isfinite(there)]
        if not there.size:
            return 0.0, 1.0
        low, high = np.percentile(there, [2, 98])
        return float(low), float(max(high, low + 1e-9))

    def _source_px(self, columns: float, rows: float, out_px: int) -> float:
        """Pixels that are read for a window of so many, shown on so many a side."""
        step = max(columns, rows) / out_px
        there = [f for f in self._raster.overviews(1) if f <= step]
        best = max(there, default=1)
        return columns * rows / best**2

    def tile(self, z: int, x: int, y: int) -> Tile | None:
        """See ``BaseMap``."""
        side = 2 * _HALF_M / 2**z
        left, top = -_HALF_M + x * side, _HALF_M - y * side
        span = self._span
        if left >= span.right or left + side <= span.left or top <= span.bottom or top - side >= span.top:
            return None
        wide_m = min(left + side, span.right) - max(left, span.left)
        high_m = min(top, span.top) - max(top - side, span.bottom)
        if self._source_px(wide_m / self._metres, high_m / self._metres, _TILE_PX) > _MOST_TILE_SOURCE_PX:
            return None
        step = side / _TILE_PX
        place = {"transform": self._rasterio.Affine(step, 0.0, left, 0.0, -step, top)}
        try:
            with (
                self._lock,
                self._rasterio.Env(**_ENV),
                self._in_mercator(**place, width=_TILE_PX, height=_TILE_PX) as piece,
            ):
                return _png(self._picture(piece))
        except self._errors as error:
            raise self._unusable(error) from error

    def _picture(self, piece: Any) -> npt.NDArray[np.uint8]:
        """(256, 256, 4) red, green, blue and alpha."""
        bands = [1, 2, 3] if self._raster.count >= 3 + self._has_alpha else [1]
        values, mask = piece.read(bands), piece.dataset_mask()
        if self._palette is not None:
            colours: npt.NDArray[np.uint8] = self._palette[values[0]]
            colours[..., 3] = np.minimum(colours[..., 3], mask)
            return colours
        if self._range is not None:
            low, high = self._range
            share = np.clip((values.astype(np.float64) - low) / (high - low), 0.0, 1.0)
            values = np.nan_to_num(255.0 * share).astype(np.uint8)
        picture = np.empty((_TILE_PX, _TILE_PX, 4), np.uint8)
        picture[..., :3] = np.moveaxis(np.broadcast_to(values, (3, _TILE_PX, _TILE_PX)), 0, -1)
        picture[..., 3] = mask
        return picture

    def close(self) -> None:
        """See ``BaseMap``."""
        with self._lock:
            self._raster.close()

    def _unusable(self, error: BaseException) -> InputFileError:
        text = str(error).replace(str(self._path), self._path.name)
        return InputFileError(
            Message("cannot be used as GeoTIFF: {text}", text=plain_text(text) or Message("damaged")),
            where=self._path.name,
            remedy="write it anew with gdal_translate -of COG",
        )


def _png(picture: npt.NDArray[np.uint8]) -> Tile | None:
    from PIL import Image

    if not picture[..., 3].any():
        return None
    stream = io.BytesIO()
    Image.fromarray(picture, "RGBA").save(stream, "PNG", compress_level=1)
    return Tile(data=stream.getvalue(), media_type="image/png")


def _lon_deg(x_m: float) -> float:
    return x_m / _HALF_M * 180.0


def _lat_deg(y_m: float) -> float:
    return math.degrees(2 * math.atan(math.exp(y_m / _HALF_M * math.pi)) - math.pi / 2)
