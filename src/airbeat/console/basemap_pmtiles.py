"""PMTiles version 3: tiles in one file, found through directories of Hilbert numbers.

The layout is that of the PMTiles specification 3.4 (https://github.com/protomaps/PMTiles, spec/v3).
Directories and metadata are unpacked up to limits, and every offset is held against the file's length.
"""

from __future__ import annotations

import json
import struct
import zlib
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from airbeat.console.basemap import MAX_ZOOM, About, Bounds, Tile, checked_tile, plain_text
from airbeat.errors import InputFileError
from airbeat.language.words import Message

__all__ = ["PMTiles", "tile_number"]

_HEADER = struct.Struct("<7sB11QBBBBBBiiiiBii")
_HEADER_BYTES = 127
_MAX_PACKED, _MAX_UNPACKED = 4_000_000, 16_000_000
_MAX_TILE_PACKED = 4_000_000
_MOST_ENTRIES = 250_000
_KEPT_LEAVES = 16
_DEEPEST = 4
_NONE, _GZIP = 1, 2
_RASTER = {2, 3, 4}


@dataclass(frozen=True, slots=True)
class _Directory:
    """Entries by their first tile number; a run of 0 leads to another directory."""

    numbers: list[int]
    runs: list[int]
    lengths: list[int]
    offsets: list[int]


class PMTiles:
    """A raster base map in a PMTiles file.

    Raises:
        InputFileError: not PMTiles version 3, damaged, packed in a way that is not read, or of vector tiles.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._lock = Lock()
        try:
            self._file = path.open("rb")
            self._size = path.stat().st_size
        except OSError as error:
            raise self._unusable(error.strerror or Message("it cannot be read")) from error
        try:
            self._open(path.stem)
        except BaseException:
            self._file.close()
            raise

    def _open(self, stem: str) -> None:
        head = self._at(0, _HEADER_BYTES, most=_HEADER_BYTES)
        magic, version, *words = _HEADER.unpack(head)
        root_at, root_bytes, meta_at, meta_bytes = words[:4]
        self._leaves_at, self._leaves_bytes, self._tiles_at, self._tiles_bytes = words[4:8]
        self._packed, self._tile_packed, kind, _, deepest, *bounds = words[12:21]
        if magic != b"PMTiles" or version != 3:
            raise self._unusable(Message("it is of version {version}, not 3", version=version))
        if kind not in _RASTER:
            raise InputFileError(
                "holds no PNG, JPEG or WebP tiles",
                where=self._name,
                remedy="export raster tiles; vector tiles are not shown",
            )
        if self._packed not in (_NONE, _GZIP) or self._tile_packed not in (0, _NONE, _GZIP):
            raise self._unusable(Message("it is packed with Brotli or Zstandard, only gzip is read"))
        if deepest > MAX_ZOOM:
            raise self._unusable(
                Message("its deepest level is {deepest}, not 0 to {most}", deepest=deepest, most=MAX_ZOOM)
            )
        self._root = self._directory(root_at, root_bytes)
        self._leaves: OrderedDict[tuple[int, int], _Directory] = OrderedDict()
        said = self._metadata(meta_at, meta_bytes)
        self.about = About(
            name=plain_text(said.get("name"), stem),
            attribution=plain_text(said.get("attribution")),
            max_zoom=deepest,
            bounds=_bounds(*bounds),
        )

    def tile(self, z: int, x: int, y: int) -> Tile | None:
        """See ``BaseMap``."""
        number = tile_number(z, x, y)
        directory = self._root
        for _ in range(_DEEPEST):
            at = bisect_right(directory.numbers, number) - 1
            if at < 0:
                return None
            offset, length, run = directory.offsets[at], directory.lengths[at], directory.runs[at]
            if run == 0:
                directory = self._leaf(offset, length)
                continue
            if number >= directory.numbers[at] + run:
                return None
            if offset + length > self._tiles_bytes:
                raise self._unusable(Message("a tile lies beyond the tiles"))
            data = self._at(self._tiles_at + offset, length, most=_MAX_TILE_PACKED)
            if self._tile_packed == _GZIP:
                data = self._unpacked(data)
            return checked_tile(data, where=self._name)
        raise self._unusable(Message("its directories lead to one another without end"))

    def close(self) -> None:
        """See ``BaseMap``."""
        with self._lock:
            self._file.close()

    def _leaf(self, offset: int, length: int) -> _Directory:
        if offset + length > self._leaves_bytes:
            raise self._unusable(Message("a directory lies beyond the directories"))
        key = (offset, length)
        with self._lock:
            if key in self._leaves:
                self._leaves.move_to_end(key)
                return self._leaves[key]
        leaf = self._directory(self._leaves_at + offset, length)
        with self._lock:
            self._leaves[key] = leaf
            while len(self._leaves) > _KEPT_LEAVES:
                self._leaves.popitem(last=False)
        return leaf

    def _at(self, offset: int, length: int, *, most: int) -> bytes:
        """Bytes of the file.

        Raises:
            InputFileError: more than ``most``, or beyond the file's end.
        """
        if length > most or offset + length > self._size:
            raise self._unusable(Message("it ends too early, or names more than can be right"))
        with self._lock:
            self._file.seek(offset)
            data = self._file.read(length)
        if len(data) != length:
            raise self._unusable(Message("it ends too early"))
        return data

    def _unpacked(self, data: bytes) -> bytes:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            found = unpacker.decompress(data, _MAX_UNPACKED)
        except zlib.error as error:
            raise self._unusable(Message("it is damaged")) from error
        if not unpacker.eof:
            raise self._unusable(Message("it is damaged, or larger unpacked than can be right"))
        return found

    def _part(self, offset: int, length: int) -> bytes:
        data = self._at(offset, length, most=_MAX_PACKED)
        return self._unpacked(data) if self._packed == _GZIP else data

    def _directory(self, offset: int, length: int) -> _Directory:
        numbers = _Varints(self._part(offset, length))
        try:
            count = numbers.next()
            if not 0 < count <= _MOST_ENTRIES:
                raise self._unusable(Message("a directory has {count} entries", count=count))
            ids, number = [], 0
            for _ in range(count):
                number += numbers.next()
                ids.append(number)
            runs = [numbers.next() for _ in range(count)]
            lengths = [numbers.next() for _ in range(count)]
            offsets: list[int] = []
            for at in range(count):
                word = numbers.next()
                if word == 0 and at == 0:
                    raise self._unusable(Message("a directory begins with the end of another"))
                offsets.append(word - 1 if word else offsets[-1] + lengths[at - 1])
        except IndexError as error:
            raise self._unusable(Message("a directory ends too early")) from error
        return _Directory(ids, runs, lengths, offsets)

    def _metadata(self, offset: int, length: int) -> dict[str, object]:
        try:
            said = json.loads(self._part(offset, length) or b"{}")
        except (ValueError, RecursionError) as error:
            raise self._unusable(Message("its metadata are no JSON")) from error
        return said if isinstance(said, dict) else {}

    def _unusable(self, why: str) -> InputFileError:
        return InputFileError(
            Message("cannot be used as PMTiles: {why}", why=why),
            where=self._name,
            remedy="give a whole PMTiles file of version 3 with raster tiles",
        )


class _Varints:
    """Whole numbers of seven bits a byte, the lowest first."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def next(self) -> int:
        """The next number.

        Raises:
            IndexError: there is none, or it has more than 64 bits.
        """
        value = 0
        for shift in range(0, 70, 7):
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise IndexError


def tile_number(z: int, x: int, y: int) -> int:
    """The number of a tile: the tiles of all levels above, and its place on its own level's Hilbert curve."""
    number = 0
    side = 1 << z >> 1
    while side:
        right, low = int(bool(x & side)), int(bool(y & side))
        number += side * side * ((3 * right) ^ low)
        if low == 0:
            if right:
                x, y = (1 << z) - 1 - x, (1 << z) - 1 - y
            x, y = y, x
        side //= 2
    return ((1 << 2 * z) - 1) // 3 + number


def _bounds(west_e7: int, south_e7: int, east_e7: int, north_e7: int) -> Bounds | None:
    west, south, east, north = (v / 1e7 for v in (west_e7, south_e7, east_e7, north_e7))
    inside = -90 <= south < north <= 90 and -180 <= west < east <= 180
    return (south, west, north, east) if inside else None
