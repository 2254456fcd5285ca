"""Base maps from files on this machine: one interface to MBTiles, PMTiles and GeoTIFF.

Files are hostile until they have been read with limits; what leaves here is PNG, JPEG or WebP whose first
bytes say so, of a size that a map may ask for.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

from airbeat.errors import InputFileError
from airbeat.language.words import Message

__all__ = [
    "MAX_TILE_BYTES",
    "MAX_ZOOM",
    "About",
    "BaseMap",
    "Bounds",
    "Shelf",
    "Tile",
    "checked_tile",
    "open_base",
    "plain_text",
]

MAX_ZOOM = 24
MAX_TILE_BYTES = 2_000_000
_MAX_TILE_PX = 1024
_KEPT_BYTES = 64_000_000
_MOST_TEXT = 300
_REMEDY = "give an MBTiles or PMTiles file with PNG, JPEG or WebP tiles, or a GeoTIFF"

Bounds = tuple[float, float, float, float]
"""South, west, north, east [degrees]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One picture of a base map.

    Attributes:
        data: as the browser gets it.
        media_type: image/png, image/jpeg or image/webp.
    """

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a base map says of itself.

    Attributes:
        name: for people.
        attribution: whose it is, as plain text.
        max_zoom: the deepest level that it has.
        bounds: where it has pictures, or None where it does not say.
    """

    name: str
    attribution: str
    max_zoom: int
    bounds: Bounds | None


class BaseMap(Protocol):
    """A base map that is open; safe to use from several threads."""

    @property
    def about(self) -> About:
        """What it says of itself."""

    def tile(self, z: int, x: int, y: int) -> Tile | None:
        """A tile by the usual scheme (Web Mercator, y from the north); None where it has none.

        Raises:
            InputFileError: the file is damaged there.
        """

    def close(self) -> None:
        """Close the file."""


def open_base(path: Path) -> BaseMap:
    """Open a base map by what its first bytes say.

    Raises:
        InputFileError: no such file, or not one that can be used.
        DependencyError: a GeoTIFF without rasterio.
    """
    try:
        with path.open("rb") as file:
            head = file.read(127)
    except OSError as error:
        raise InputFileError(
            Message("cannot be read: {reason}", reason=error.strerror), where=path.name, remedy=_REMEDY
        ) from error
    if head.startswith(b"SQLite format 3\0"):
        from airbeat.console.basemap_mbtiles import MBTiles

        return MBTiles(path)
    if head.startswith(b"PMTiles"):
        from airbeat.console.basemap_pmtiles import PMTiles

        return PMTiles(path)
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        from airbeat.console.basemap_geotiff import GeoTiff

        return GeoTiff(path)
    raise InputFileError("is no base map", where=path.name, remedy=_REMEDY)


def checked_tile(data: bytes, *, where: str) -> Tile:
    """A tile from a file, if it is a picture that a map may show.

    Raises:
        InputFileError: too large, or no PNG, JPEG or WebP.
    """
    from PIL import Image

    if len(data) > MAX_TILE_BYTES:
        raise InputFileError(
            Message("a tile is larger than {most_mb} MB", most_mb=MAX_TILE_BYTES // 1_000_000),
            where=where,
        )
    kind = _media_type(data)
    if kind is None:
        raise InputFileError("a tile is no PNG, JPEG or WebP picture", where=where, remedy=_REMEDY)
    try:
        with Image.open(io.BytesIO(data), formats=[kind.partition("/")[2]]) as picture:
            width, height = picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputFileError("a tile is a damaged picture", where=where) from error
    if max(width, height) > _MAX_TILE_PX:
        raise InputFileError(
            Message(
                "a tile has {width} × {height} pixels, at most {max_tile_px} × {max_tile_px} are shown",
                width=width,
                height=height,
                max_tile_px=_MAX_TILE_PX,
            ),
            where=where,
        )
    return Tile(data=data, media_type=kind)


def _media_type(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def plain_text(value: object, otherwise: str = "") -> str:
    """What a file says, as one short line without markup."""
    import re

    text = re.sub(r"<[^>]*>", " ", str(value)[: 4 * _MOST_TEXT]) if isinstance(value, str) else ""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text[:_MOST_TEXT] or otherwise


class Shelf:
    """The base maps of a console, and the tiles asked for last."""

    def __init__(self, bases: list[BaseMap]) -> None:
        self._bases = bases
        self._lock = Lock()
        self._kept: OrderedDict[tuple[int, int, int, int], Tile | None] = OrderedDict()
        self._kept_bytes = 0

    def listed(self) -> list[dict[str, object]]:
        """What a page must know of them; two of one name are told apart by their numbers."""
        names = [base.about.name for base in self._bases]
        return [
            {
                "number": number,
                "name": name if names.count(name) == 1 else f"{name} ({number + 1})",
                "attribution": base.about.attribution,
                "max_zoom": base.about.max_zoom,
                "bounds": None
                if base.about.bounds is None
                else [base.about.bounds[:2], base.about.bounds[2:]],
            }
            for number, (base, name) in enumerate(zip(self._bases, names, strict=True))
        ]

    def tile(self, number: int, z: int, x: int, y: int) -> Tile | None:
        """A tile of one of the maps; None where there is none.

        Raises:
            InputFileError: the file is damaged there.
        """
        if not (0 <= number < len(self._bases) and 0 <= z <= MAX_ZOOM):
            return None
        if not (0 <= x < 2**z and 0 <= y < 2**z):
            return None
        key = (number, z, x, y)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        tile = self._bases[number].tile(z, x, y)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = tile
                self._kept_bytes += _size(tile)
            while self._kept_bytes > _KEPT_BYTES:
                self._kept_bytes -= _size(self._kept.popitem(last=False)[1])
        return tile

    def close(self) -> None:
        """Close all files."""
        for base in self._bases:
            base.close()


def _size(tile: Tile | None) -> int:
    """What a kept tile costs; also the knowledge that there is none costs something [bytes]."""
    return 200 + (len(tile.data) if tile is not None else 0)
