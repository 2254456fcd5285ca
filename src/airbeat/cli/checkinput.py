"""What ``airbeat check`` is given beside the plans: fence, terrain, area, people, wind, time, rules."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.errors import PlanFileError, UsageError
from airbeat.language.words import Message, _

if TYPE_CHECKING:
    from airbeat.geo.terrain import Terrain
    from airbeat.mission.mission import Mission, Wind
    from airbeat.mission.plan import Fence, FlightPlan

__all__ = ["MOMENT", "WIND", "fence_of", "plans_of", "terrain_of"]

_ROOM_M = 500.0
_FARTHEST_M = 100_000.0
_MISSIONS = {".yaml", ".yml"}
_AREAS = {".geojson", ".json", ".kml", ".kmz", ".shp", ".zip", ".gpkg"}


class _WindType(click.ParamType["Wind"]):
    name = "FROM_DEG,SPEED"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Wind:
        from airbeat.mission.mission import Wind

        if isinstance(value, Wind):
            return value
        try:
            from_deg, speed_m_s = (float(p) for p in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not FROM_DEG,SPEED_M_S, e.g. 270,6", param, ctx)
        if not (0 <= from_deg <= 360 and 0 <= speed_m_s <= 60):
            self.fail(f"{value!r}: 0 to 360 degrees, 0 to 60 m/s", param, ctx)
        return Wind(from_deg=from_deg, speed_m_s=speed_m_s)


class _MomentType(click.ParamType[datetime]):
    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time, write e.g. 2026-05-01T20:30+02:00", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} has no time zone: add one, e.g. +02:00 or Z", param, ctx)
        return moment


WIND = _WindType()
"""click type: "270,6" to a wind from the west of 6 m/s."""
MOMENT = _MomentType()
"""click type: an ISO 8601 time with its zone."""


def plans_of(path: Path) -> tuple[tuple[FlightPlan, ...], Mission | None]:
    """The plans that a file means: a mission file is planned (one plan a sortie), a plan file read as it is.

    Raises:
        InputFileError: the file cannot be read or is wrong.
        PlanningError: no safe plan exists for the mission.
    """
    if path.suffix.lower() not in _MISSIONS:
        from airbeat.formats.files import read_any_plan_file

        plan, held = read_any_plan_file(path, as_is=True)
        if held.key in ("fence", "rally"):
            raise PlanFileError(
                Message("a {format} file, not a mission", format=held.title),
                where=str(path),
                remedy="give the mission's own file; a fence goes with --fence",
            )
        return (plan,), None
    from airbeat.cli.output import progress_bar
    from airbeat.flight.planned import sorties_of
    from airbeat.mission.loader import load_mission
    from airbeat.planning.plan import plan_mission

    mission = load_mission(path)
    with progress_bar(_("planning")) as progress:
        plan = plan_mission(mission, progress=progress)
    return sorties_of(mission, plan), mission


def fence_of(path: Path) -> Fence:
    """The fence in a plan file or a fence file, or the polygons of any area file: holes are keep-outs.

    Raises:
        PlanFileError: no zone in it.
        InputFileError: the file cannot be read.
    """
    from airbeat.formats.drawn import AREAS_BESIDE
    from airbeat.formats.files import read_any_plan_file

    try:
        plan, _uneditable = read_any_plan_file(path)
    except PlanFileError as error:
        return _drawn_fence(path, error)
    if AREAS_BESIDE in plan.notes:
        return _drawn_fence(path, PlanFileError("no fence zone in it", where=str(path)))
    if plan.fence is None or plan.fence.is_empty:
        raise PlanFileError("no fence zone in it", where=str(path), remedy="give a file with a fence")
    return plan.fence


def _drawn_fence(path: Path, error: PlanFileError) -> Fence:
    """The fence of a map of polygons; ``error`` says why the file is no plan."""
    import shapely

    from airbeat.errors import GeometryError
    from airbeat.geo.coordinates import LatLon
    from airbeat.mission.areafile import read_area_file
    from airbeat.mission.plan import Fence, FencePolygon

    def ring(coordinates: Any) -> tuple[LatLon, ...]:
        return tuple(LatLon(lat_deg=lat, lon_deg=lon) for lon, lat in list(coordinates.coords)[:-1])

    try:
        drawn = read_area_file(path)
    except GeometryError as also:
        if path.suffix.lower() in _AREAS:
            raise also from error
        raise error from also
    zones = []
    for polygon in shapely.get_parts(drawn.area):
        zones.append(FencePolygon(inclusion=True, vertices=ring(polygon.exterior)))
        zones += [FencePolygon(inclusion=False, vertices=ring(hole)) for hole in polygon.interiors]
    for keepout in drawn.keepouts:
        zones += [
            FencePolygon(inclusion=False, vertices=ring(p.exterior)) for p in shapely.get_parts(keepout)
        ]
    return Fence(polygons=tuple(zones))


def terrain_of(plan: FlightPlan, paths: tuple[Path, ...]) -> Terrain:
    """The height model round everything in a plan.

    Raises:
        TerrainError: a file cannot be read or has no heights there.
        UsageError: the plan reaches so far that no model is read.
    """
    from airbeat.geo.frame import LocalFrame
    from airbeat.geo.terrain import read_terrain

    frame = LocalFrame(plan.home)
    places = [plan.home, *(i.position for i in plan.items if i.position is not None)]
    places += [r.position for r in plan.rally or ()]
    xy = frame.to_xy(places)
    low, high = xy.min(axis=0) - _ROOM_M, xy.max(axis=0) + _ROOM_M
    if not math.isfinite(float(abs(xy).max())) or abs(xy).max() > _FARTHEST_M:
        raise UsageError(
            "the plan reaches more than 100 km from home: no height model is read for it",
            remedy="check it without --terrain first",
        )
    corners = frame.to_latlon(
        [(x, y) for x in (low[0], high[0]) for y in (low[1], (low[1] + high[1]) / 2, high[1])]
    )
    east = [(p.lon_deg - plan.home.lon_deg + 180.0) % 360.0 - 180.0 for p in corners]
    west, right = plan.home.lon_deg + min(east), plan.home.lon_deg + max(east)
    bounds = (
        (west + 180.0) % 360.0 - 180.0,
        min(p.lat_deg for p in corners),
        (right + 180.0) % 360.0 - 180.0,
        max(p.lat_deg for p in corners),
    )
    return read_terrain(list(paths), bounds)
