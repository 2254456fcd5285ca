"""MBTiles 1.3: tiles in an SQLite file, rows counted from the south.

The file may hold anything that SQLite can: it is opened for reading only, its views and triggers may call
nothing that the console did not allow, and a query that works too long is stopped.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote

from airbeat.console.basemap import (
    MAX_TILE_BYTES,
    MAX_ZOOM,
    About,
    Bounds,
    Tile,
    checked_tile,
    plain_text,
)
from airbeat.errors import InputFileError
from airbeat.language.words import Message

__all__ = ["MBTiles"]

_STEPS = 200_000
"""SQLite's instructions after which it is asked whether to go on."""
_MOST_ASKED = 20
_MOST_ROWS = 200
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 2 * MAX_TILE_BYTES,
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 50,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}


class MBTiles:
    """A raster base map in an MBTiles file.

    Raises:
        InputFileError: not an MBTiles file, damaged, or one of vector tiles.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._lock = Lock()
        self._asked = 0
        try:
            self._file = sqlite3.connect(
                f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._unusable(plain_text(str(error))) from error
        try:
            for limit, most in _LIMITS.items():
                self._file.setlimit(limit, most)
            self._file.execute("PRAGMA trusted_schema=OFF")
            self._file.execute("PRAGMA cell_size_check=ON")
            self._file.set_authorizer(_authorised)
            self._file.set_progress_handler(self._too_long, _STEPS)
            self.about = self._read_about(path.stem)
        except sqlite3.Error as error:
            self._file.close()
            raise self._unusable(plain_text(str(error))) from error
        except InputFileError:
            self._file.close()
            raise

    def tile(self, z: int, x: int, y: int) -> Tile | None:
        """See ``BaseMap``."""
        query = "SELECT tile_data FROM tiles WHERE zoom_level=? AND tile_column=? AND tile_row=?"
        try:
            rows = self._rows(query, (z, x, 2**z - 1 - y), most=1)
        except sqlite3.Error as error:
            raise self._unusable(plain_text(str(error))) from error
        if not rows or rows[0][0] is None:
            return None
        if not isinstance(rows[0][0], bytes):
            raise self._unusable(Message("a tile is no picture"))
        return checked_tile(rows[0][0], where=self._name)

    def close(self) -> None:
        """See ``BaseMap``."""
        with self._lock:
            self._file.close()

    def _rows(self, query: str, values: tuple[int, ...] = (), *, most: int) -> list[Any]:
        with self._lock:
            self._asked = 0
            return self._file.execute(query, values).fetchmany(most)

    def _too_long(self) -> bool:
        self._asked += 1
        return self._asked > _MOST_ASKED

    def _read_about(self, stem: str) -> About:
        rows = self._rows("SELECT name, value FROM metadata", most=_MOST_ROWS)
        said = {name: value for name, value in rows if isinstance(name, str) and isinstance(value, str)}
        if said.get("format", "").lower() in {"pbf", "mvt"}:
            raise InputFileError(
                "holds vector tiles, which are not shown",
                where=self._name,
                remedy="export raster tiles (PNG, JPEG or WebP)",
            )
        (deepest,) = self._rows("SELECT max(zoom_level) FROM tiles", most=1)[0]
        if not isinstance(deepest, int) or not 0 <= deepest <= MAX_ZOOM:
            raise self._unusable(
                Message(
                    "its deepest level is {deepest}, not 0 to {most}",
                    deepest=str(deepest)[:20],
                    most=MAX_ZOOM,
                )
            )
        return About(
            name=plain_text(said.get("name"), stem),
            attribution=plain_text(said.get("attribution")),
            max_zoom=deepest,
            bounds=_bounds(said.get("bounds", "")),
        )

    def _unusable(self, why: str) -> InputFileError:
        return InputFileError(
            Message("cannot be used as MBTiles: {why}", why=why or Message("damaged")),
            where=self._name,
            remedy="give a whole MBTiles file with raster tiles",
        )


def _authorised(action: int, _one: str | None, two: str | None, _base: str | None, _by: str | None) -> int:
    """Reading, and what the queries here and exporters' views call; nothing else."""
    reads = action in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and two in {"max", "coalesce"})
    return sqlite3.SQLITE_OK if reads else sqlite3.SQLITE_DENY


def _bounds(text: str) -> Bounds | None:
    """``west,south,east,north`` as MBTiles writes it; None for anything else."""
    try:
        west, south, east, north = (float(word) for word in text.split(","))
    except ValueError:
        return None
    inside = -90 <= south < north <= 90 and -180 <= west < east <= 180
    return (south, west, north, east) if inside else None
