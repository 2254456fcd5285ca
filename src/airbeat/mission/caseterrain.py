"""The height model that a case file names, round its map, its launch places and its fence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely

from airbeat.errors import TerrainError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.terrain import Terrain, read_terrain
from airbeat.language.words import Message
from airbeat.mission.case import Extent, Launch
from airbeat.mission.casesources import Sources
from airbeat.mission.ground import bounds_round, model_note
from airbeat.mission.plan import Fence
from airbeat.mission.schema import TerrainSection
from airbeat.mission.yamltree import KeyPath

__all__ = ["resolve_case_terrain"]


def resolve_case_terrain(
    section: TerrainSection,
    sources: Sources,
    *,
    last_known: LatLon,
    extent: Extent,
    launches: Sequence[Launch],
    fence: Fence | None,
) -> Terrain | None:
    """The height model of a case's neighbourhood; None after reporting what is wrong.

    Whether it covers the map is looked at where the map's cells are known.
    """
    ledger = sources.ledger
    path: KeyPath = ("terrain", "file") if ("terrain", "file") in ledger.tree.places else ("terrain",)
    files = [found for name in section.file if (found := sources.path(name, path)) is not None]
    span = (extent.east_deg - extent.west_deg) % 360.0
    lon = extent.west_deg + np.linspace(0.0, span, 5)
    edge = [(float(x), y) for x in lon for y in (extent.south_deg, extent.north_deg)]
    places = [(p.position.lon_deg, p.position.lat_deg) for p in launches]
    circles = fence.circles if fence else ()
    places += [(v.lon_deg, v.lat_deg) for p in (fence.polygons if fence else ()) for v in p.vertices]
    places += [(c.centre.lon_deg, c.centre.lat_deg) for c in circles]
    bounds = bounds_round(
        [shapely.Point(place) for place in (*edge, *places)],
        last_known,
        more_m=max((c.radius_m for c in circles), default=0.0),
    )
    if len(files) < len(section.file):
        return None
    if bounds is None:
        ledger.add(path, "map, launch places or fence are more than 100 km apart", "check their coordinates")
        return None
    try:
        terrain = read_terrain(files, bounds)
    except TerrainError as error:
        ledger.refuse(path, error)
        return None
    sources.inputs |= dict(zip(section.file, terrain.sha256, strict=True))
    terrain = replace(terrain, name=", ".join(Path(name).name for name in section.file))
    ledger.notes.append(model_note(terrain))
    for number, launch in enumerate(launches):
        if not terrain.known(launch.position.lon_deg, launch.position.lat_deg)[0]:
            ledger.add(
                ("launch", number),
                Message("{terrain} has no height at {launch}", terrain=terrain.name, launch=launch.name),
                "use a height model that reaches the launch place",
            )
    return terrain
