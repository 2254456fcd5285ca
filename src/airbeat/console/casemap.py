"""A case on the map: where the person may be, how well each piece of ground was searched, what was found.

The two maps are pictures whose pixels are those of Web Mercator, so that they lie where the ground is. POD is
told as a band, and of no ground is it ever said that it is clear.
"""

from __future__ import annotations

import contextlib
import io
import math
import tempfile
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from PIL import Image
from shapely.geometry import mapping

from airbeat.errors import AirbeatError
from airbeat.flight.casefolder import CaseFolder, start_case
from airbeat.flight.searchstatus import NOT_CLEARED, status_of
from airbeat.report.searchpicture import SCALE, poa_classes, pod_classes
from airbeat.search.grid import SearchGrid

__all__ = ["CaseMap", "class_picture", "segment_outline"]

_MOST_PX = 1200
_ALPHA = 150
_POA_SHARES = (None, 95, 75, 50, 25, 10)
_POD_FROM = (None, 0, 20, 40, 60, 80)


class CaseMap:
    """A case, read again when an update was written.

    Args:
        path: the folder that ``airbeat search start`` made, or a case file: its first map.

    Raises:
        AirbeatError: it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        self._version = 0
        self._updates = -1
        self._about: dict[str, Any] = {}
        self._pictures: dict[str, bytes] = {}
        self._ending = contextlib.ExitStack()
        if path.is_dir():
            self._folder = path
        else:
            place = self._ending.enter_context(tempfile.TemporaryDirectory(prefix="airbeat-case-"))
            self._folder = Path(place) / "case"
            start_case(path, self._folder)
        self._read()

    def close(self) -> None:
        """Take away what was made for a case file."""
        self._ending.close()

    def version(self) -> int:
        """Another number when the case was updated."""
        with self._lock:
            if self._count() != self._updates:
                self._read()
            return self._version

    def about(self) -> dict[str, Any]:
        """The case in numbers, its segments as GeoJSON, and what its colours mean."""
        with self._lock:
            return {"version": self._version, **self._about}

    def picture(self, name: str) -> bytes | None:
        """The PNG of ``poa`` or ``pod``; None for another name."""
        with self._lock:
            return self._pictures.get(name)

    def _count(self) -> int:
        return sum(1 for _ in (self._folder / "updates").glob("[0-9][0-9][0-9][0-9].json"))

    def _read(self) -> None:
        """Read the case; where an update cannot be read, the map stays as it was and says so."""
        count = self._count()
        try:
            case = CaseFolder(self._folder)
            about, pictures = _shown(case)
        except AirbeatError as error:
            if not self._about:
                raise
            about, pictures = {**self._about, "trouble": str(error)}, self._pictures
        self._about, self._pictures = about, pictures
        self._updates = count
        self._version += 1


def _shown(case: CaseFolder) -> tuple[dict[str, Any], dict[str, bytes]]:
    status, grid, now = status_of(case), case.model.grid, case.current()
    pod = case.effort().pod_low
    bounds, poa_png = class_picture(grid, poa_classes(now))
    _, pod_png = class_picture(grid, pod_classes(pod))
    shares = dict(case.model.segments)
    segments = [
        {
            "type": "Feature",
            "geometry": mapping(segment_outline(grid, shares[row.name])),
            "properties": {k: v for k, v in asdict(row).items() if isinstance(v, str) or math.isfinite(v)},
        }
        for row in status.segments
        if row.name in shares
    ]
    about = {
        "name": status.name,
        "note": NOT_CLEARED,
        "bounds": bounds,
        "updates": len(status.updates),
        "opos_low": status.success[0],
        "opos_high": status.success[1],
        "rest_now": status.rest_after,
        "next_best": status.next_best,
        "segments": segments,
        "last_known": _place(case.case.missing.last_known),
        "launches": [{"name": p.name, **_place(p.position)} for p in case.case.launches],
        "finds": [
            {"id": f.id, "decision": f.decision, **_place(f.position)} for f in status.finds if f.position
        ],
        "poa_scale": [{"colour": c, "share_percent": s} for c, s in zip(SCALE, _POA_SHARES, strict=True)][1:],
        "pod_scale": [{"colour": c, "from_percent": s} for c, s in zip(SCALE, _POD_FROM, strict=True)][1:],
        "trouble": "",
    }
    return about, {"poa": poa_png, "pod": pod_png}


def _place(position: Any) -> dict[str, float]:
    return {"lat_deg": position.lat_deg, "lon_deg": position.lon_deg}


def class_picture(grid: SearchGrid, classes: npt.NDArray[np.int64]) -> tuple[list[list[float]], bytes]:
    """Classes 0…5 of a grid's cells as a picture in Web Mercator; class 0 is clear.

    Returns:
        South-west and north-east corner [lat, lon degrees], and the bytes of a PNG file.
    """
    edge = shapely.segmentize(grid.outline(), max(grid.cell_m, math.sqrt(grid.area_m2) / 50))
    lon, lat = grid.frame.to_lon_lat(shapely.get_coordinates(edge))
    middle = grid.frame.origin.lon_deg
    lon = np.mod(lon - middle + 180.0, 360.0) - 180.0 + middle
    west, east = float(lon.min()), float(lon.max())
    low, high = (float(v) for v in _mercator(np.array([lat.min(), lat.max()])))
    side = max(grid.rows, grid.columns)
    scale = min(_MOST_PX, max(256, 2 * side))
    span_lon, span_y = math.radians(east - west), high - low
    columns = max(1, round(scale * min(1.0, span_lon / span_y)))
    rows = max(1, round(scale * min(1.0, span_y / span_lon)))
    x = west + (np.arange(columns) + 0.5) / columns * (east - west)
    y = high - (np.arange(rows) + 0.5) / rows * span_y
    lats = np.degrees(2 * np.arctan(np.exp(y)) - math.pi / 2)
    xy = grid.frame.from_lon_lat(*(v.ravel() for v in np.meshgrid(x, lats)))
    column = np.floor((xy[:, 0] - grid.west_m) / grid.cell_m).astype(int)
    row = np.floor((xy[:, 1] - grid.south_m) / grid.cell_m).astype(int)
    inside = (column >= 0) & (column < grid.columns) & (row >= 0) & (row < grid.rows)
    found = np.zeros(len(xy), dtype=np.int64)
    found[inside] = classes[row[inside], column[inside]]
    palette = np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] + [_ALPHA] for c in SCALE], dtype=np.uint8)
    palette[0] = 0
    stream = io.BytesIO()
    Image.fromarray(palette[found.reshape(rows, columns)], "RGBA").save(stream, "PNG")
    return [[float(lat.min()), west], [float(lat.max()), east]], stream.getvalue()


def _mercator(lat_deg: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """y of Web Mercator on a globe of radius 1."""
    return np.asarray(np.arcsinh(np.tan(np.radians(lat_deg))), dtype=np.float64)


def segment_outline(grid: SearchGrid, share: npt.NDArray[np.float64]) -> Any:
    """The cells of which at least half belong to a segment, as one geographic shape."""
    runs = []
    for number, inside in enumerate(share >= 0.5):
        steps = np.flatnonzero(np.diff(np.concatenate(([False], inside, [False])).astype(np.int8)))
        south = grid.south_m + number * grid.cell_m
        for first, last in steps.reshape(-1, 2):
            left, right = (grid.west_m + n * grid.cell_m for n in (first, last))
            runs.append(shapely.box(left, south, right, south + grid.cell_m))
    return grid.frame.to_geographic(shapely.union_all(runs))
