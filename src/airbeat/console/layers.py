"""What the map shows, as GeoJSON: plan with its fence, flown lines, footprints of searched photographs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from shapely.geometry import mapping

from airbeat.errors import FrameError
from airbeat.formats.geojson import write_geojson
from airbeat.locate.ground import footprint
from airbeat.mission.plan import FlightPlan
from airbeat.report.flown import read_flight_file
from airbeat.report.searched import SearchResults

__all__ = ["MapLayers", "map_layers"]


def map_layers(
    results: SearchResults, plan: FlightPlan | None, flights: Sequence[Path]
) -> dict[str, list[dict[str, Any]]]:
    """The map's layers, each a list of GeoJSON features in lon/lat degrees.

    Args:
        results: a search, for the footprints of its frames; frames without a place have none.
        plan: for area, fence, planned line and rally points, in the colours of its GeoJSON file.
        flights: records of flights (``flight.json``).

    Raises:
        InputFileError: a flight's record cannot be used.
    """
    planned = json.loads(write_geojson(plan))["features"] if plan is not None else []
    flown = []
    for path in flights:
        flight = read_flight_file(path)
        line = [[round(lon, 8), round(lat, 8)] for _, lat, lon, *_ in flight.track]
        if len(line) > 1:
            name = f"{path.parent.name}/{path.stem}, {flight.outcome}"
            flown.append(_feature({"type": "LineString", "coordinates": line}, name))
    footprints = []
    for row in results.frames:
        try:
            shape = footprint(row.meta(), ground_height_m=row.ground_height_above_home_m)
        except FrameError:
            continue
        footprints.append(_feature(mapping(shape), row.file))
    return {"planned": planned, "flown": flown, "footprints": footprints}


class MapLayers:
    """The map's layers, made again when a flight has been recorded or the search has gone on.

    Args:
        results: the search as it is now.
        plan: as for ``map_layers``.
        flights: records, or the folders of flights; folders without a record yet are passed over.
        shown: a plan in place of ``plan`` where there is one, and more records; asked each time.
    """

    def __init__(
        self,
        results: Callable[[], SearchResults],
        plan: FlightPlan | None,
        flights: Sequence[Path],
        *,
        shown: Callable[[], tuple[FlightPlan | None, Sequence[Path]]] = lambda: (None, ()),
    ) -> None:
        self._results, self._plan, self._shown = results, plan, shown
        self._flights = [f / "flight.json" if f.is_dir() else f for f in flights]
        self._lock = Lock()
        self._made_of: object = None
        self._layers: dict[str, list[dict[str, Any]]] = {}
        self._version = 0

    def version(self) -> int:
        """Another number when the layers have changed."""
        with self._lock:
            return self._fresh()

    def __call__(self) -> dict[str, list[dict[str, Any]]]:
        """The layers as of now.

        Raises:
            InputFileError: a flight's record cannot be used.
        """
        with self._lock:
            self._fresh()
            return self._layers

    def _fresh(self) -> int:
        results, (newer, more) = self._results(), self._shown()
        plan = newer or self._plan
        there = [path for path in (*self._flights, *more) if path.is_file()]
        made_of = (id(results), id(plan), [(path, path.stat().st_mtime_ns) for path in there])
        if made_of != self._made_of:
            self._layers = map_layers(results, plan, there)
            self._made_of = made_of
            self._version += 1
        return self._version


def _feature(geometry: Any, name: str) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": {"name": name}}
