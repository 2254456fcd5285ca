"""What the map shows, as GeoJSON: plan with its fence, flown lines, footprints of searched photographs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shapely.geometry import mapping

from airbeat.errors import FrameError
from airbeat.formats.geojson import write_geojson
from airbeat.locate.ground import footprint
from airbeat.mission.plan import FlightPlan
from airbeat.report.flown import read_flight_file
from airbeat.report.searched import SearchResults

__all__ = ["map_layers"]


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


def _feature(geometry: Any, name: str) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": {"name": name}}
