"""The height model that a mission file names, cut to the mission's neighbourhood."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from airbeat.errors import TerrainError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.geo.terrain import Terrain, read_terrain
from airbeat.language.words import Message
from airbeat.mission.mission import DatumPattern, OrbitPattern, TrackLinePattern, WaypointPattern
from airbeat.mission.resolve import Ledger
from airbeat.mission.sanity import Parts
from airbeat.mission.schema import TerrainSection
from airbeat.mission.yamltree import KeyPath

__all__ = ["bounds_round", "model_note", "resolve_terrain"]

Bounds = tuple[float, float, float, float]

_ROOM_M = 500.0
"""The model is kept so far beyond everything in the mission [m]."""
_HOME_DIFFERS_M = 20.0
_SAMPLES_ACROSS = 101


def resolve_terrain(section: TerrainSection, parts: Parts, base_dir: Path, ledger: Ledger) -> Terrain | None:
    """The height model round everything that the mission names; None after reporting what is wrong."""
    path: KeyPath = ("terrain", "file") if ("terrain", "file") in ledger.tree.places else ("terrain",)
    for name in section.file:
        if "://" in name or not name.isprintable():
            ledger.add(
                path,
                Message("must be a file's path (got {name!r})", name=name[:60]),
                "save the file beside the mission",
            )
            return None
    bounds = _bounds(parts)
    if bounds is None:
        return None
    try:
        terrain = read_terrain([_beside(base_dir, name) for name in section.file], bounds)
    except TerrainError as error:
        ledger.refuse(path, error)
        return None
    ledger.notes.append(model_note(terrain))
    _check_home(parts, terrain, ledger)
    return _level_beyond(terrain, parts, bounds, ledger) if section.beyond == "flat" else terrain


def _beside(base_dir: Path, name: str) -> Path:
    """The path of a file that a mission in a folder names; the folder itself need not be there yet."""
    path = base_dir / name
    return path if path.exists() else Path(os.path.normpath(path))


def model_note(terrain: Terrain) -> str:
    """Which height model is used, for people."""
    digests = ", ".join(digest[:16] for digest in terrain.sha256)
    return Message(
        "ground heights from {terrain} (SHA-256 {digests}), a value every {resolution_m:.0f} m",
        terrain=terrain.name,
        digests=digests,
        resolution_m=terrain.resolution_m,
    )


def _bounds(parts: Parts) -> Bounds | None:
    """West, south, east, north [degrees] of everything, with room; None without a home near it."""
    if parts.home is None:
        return None
    shapes: list[Any] = [shapely.Point(parts.home.lon_deg, parts.home.lat_deg)]
    places = [parts.last_seen, *(r.position for r in parts.rally or ())]
    if isinstance(parts.pattern, WaypointPattern):
        places += [p.position for p in parts.pattern.points]
    if isinstance(parts.pattern, OrbitPattern | DatumPattern | TrackLinePattern):
        places += parts.pattern.extent()
    if parts.fence is not None:
        places += [v for polygon in parts.fence.polygons for v in polygon.vertices]
        places += [circle.centre for circle in parts.fence.circles]
    shapes += [shapely.Point(p.lon_deg, p.lat_deg) for p in places if p is not None]
    shapes += [] if parts.area is None else [parts.area]
    radii = [c.radius_m for c in parts.fence.circles] if parts.fence else []
    return bounds_round(shapes, parts.home, more_m=max(radii, default=0.0))


def bounds_round(shapes: Sequence[Any], origin: LatLon, *, more_m: float = 0.0) -> Bounds | None:
    """West, south, east, north [degrees] of shapes with room round them; None beyond 100 km.

    Args:
        shapes: geographic shapely geometries.
        origin: a place among them.
        more_m: room beside the usual 500 m [m].
    """
    frame = LocalFrame(origin)
    x0, y0, x1, y1 = shapely.total_bounds([frame.to_local(s) for s in shapes])
    room = _ROOM_M + more_m
    reach = max(abs(v) for v in (x0, y0, x1, y1))
    if not math.isfinite(reach) or reach > 100_000.0:
        return None  # places that far away are reported elsewhere
    corners = frame.to_latlon(
        [(x, y) for x in (x0 - room, x1 + room) for y in (y0 - room, (y0 + y1) / 2, y1 + room)]
    )
    south, north = min(p.lat_deg for p in corners), max(p.lat_deg for p in corners)
    east_of_origin = [(p.lon_deg - origin.lon_deg + 180.0) % 360.0 - 180.0 for p in corners]
    west, east = origin.lon_deg + min(east_of_origin), origin.lon_deg + max(east_of_origin)
    return (west + 180.0) % 360.0 - 180.0, south, (east + 180.0) % 360.0 - 180.0, north


def _level_beyond(terrain: Terrain, parts: Parts, bounds: Bounds, ledger: Ledger) -> Terrain:
    """The model with level ground as high as at home where it has none, and a note of how much that is."""
    if parts.home is None:
        return terrain
    west, south, east, north = bounds
    lon = west + np.linspace(0.0, (east - west) % 360.0, _SAMPLES_ACROSS)
    lat = np.linspace(south, north, _SAMPLES_ACROSS)
    lons, lats = (v.ravel() for v in np.meshgrid((lon + 180.0) % 360.0 - 180.0, lat))
    share = 1.0 - float(terrain.known(lons, lats).mean())
    if share > 0:
        ledger.notes.append(
            Message(
                "{name} has no heights for {share:.0%} of the neighbourhood: flat ground as high as home "
                "was assumed there; look at a map before you fly it",
                name=terrain.name,
                share=max(share, 0.01),
            )
        )
    home_m = float(terrain.heights_m(parts.home.lon_deg, parts.home.lat_deg)[0])
    return terrain if math.isnan(home_m) else replace(terrain, beyond_m=home_m)


def _check_home(parts: Parts, terrain: Terrain, ledger: Ledger) -> None:
    if parts.home is None:
        return
    model_m = float(terrain.heights_m(parts.home.lon_deg, parts.home.lat_deg)[0])
    if math.isnan(model_m):
        ledger.add(
            ("home",),
            Message("{name} has no height at home", name=terrain.name),
            "use a model that reaches home",
        )
    elif parts.home_amsl_m is not None and abs(parts.home_amsl_m - model_m) > _HOME_DIFFERS_M:
        ledger.notes.append(
            Message(
                "home.amsl_m is {home_amsl_m:g} m, but {name} has {model_m:.0f} m there: only its "
                "differences from home are used",
                home_amsl_m=parts.home_amsl_m,
                name=terrain.name,
                model_m=model_m,
            )
        )
