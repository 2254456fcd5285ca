"""The aircraft of a search with what follows from them: flight time, ground they may fly over, heights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.geo.coordinates import LatLon
from airbeat.mission.mission import Mission, TrackLinePattern
from airbeat.planning.common import follows_ground, usable_speed_m_s
from airbeat.planning.freespace import FlightSpace, flight_space
from airbeat.planning.imaging import imaging_for
from airbeat.planning.route import Router
from airbeat.search.climbs import Fading, raised_m
from airbeat.search.field import Place
from airbeat.search.grid import ProbabilityMap, SearchGrid
from airbeat.search.relief import cell_heights_m
from airbeat.search.sweepwidth import LateralRange

__all__ = ["Crew", "Searcher", "closed_cells", "crew_of", "heights_above_ground_m", "share_seen"]

_CLOSE_CELLS = 0.75
"""Cells nearer than this many cells to where the vehicle may not fly are closed."""
_LEAST_AGL_M = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Searcher:
    """An aircraft to be sent.

    Attributes:
        mission: its home, fence, height, speed, camera and airframe; the pattern is not looked at.
        lateral: what its camera and detector find beside its track.
        batteries: how many it has.
        lowest_m: least height above ground over which it photographs, None for the mission's height [m].
        fades: how detection fades where it passes higher; None where that is not looked at.
    """

    mission: Mission
    lateral: LateralRange
    batteries: int = 1
    lowest_m: float | None = None
    fades: Fading | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crew:
    """A searcher with all that follows from it."""

    mission: Mission
    lateral: LateralRange
    space: FlightSpace
    router: Router
    launch: Place
    time_s: float
    """Of one sortie, take-off to landing."""
    sorties: int
    length_m: float
    """What one sortie may fly at cruise speed, turns included."""
    turn_m: float
    notes: tuple[str, ...]
    ground_m: npt.NDArray[np.float64] | None = None
    """(rows, columns) height of the ground by the height model that is followed [m]."""
    fades: Fading | None = None

    def climbs_m_m(self) -> tuple[float, float]:
        """How much it climbs and descends on a metre of way at its speed [m/m]."""
        mission = self.mission
        return (
            mission.airframe.climb_m_s / mission.speed_m_s,
            mission.airframe.descent_m_s / mission.speed_m_s,
        )


def share_seen(crews: Sequence[Crew], grid: SearchGrid, angle_rad: float) -> npt.NDArray[np.float64] | float:
    """(rows, columns) what is left of detection where sweeps in one direction pass higher than asked for.

    That of the aircraft that passes highest; 1 without a height model that is followed.
    """
    share: npt.NDArray[np.float64] | None = None
    raised: dict[tuple[float, float], npt.NDArray[np.float64]] = {}
    for crew in crews:
        if crew.ground_m is None or crew.fades is None:
            continue
        limits = crew.climbs_m_m()
        if limits not in raised:
            raised[limits] = raised_m(
                grid, crew.ground_m, angle_rad, climb_m_m=limits[0], descent_m_m=limits[1]
            )
        own = crew.fades.at(raised[limits] + crew.mission.height.value_m)
        share = own if share is None else np.minimum(share, own)
    return 1.0 if share is None else share


def crew_of(searcher: Searcher, now: ProbabilityMap, minutes: float) -> Crew:
    grid = now.grid
    corners = shapely.get_coordinates(grid.frame.to_geographic(grid.outline()))
    around = tuple(LatLon(lat_deg=float(la), lon_deg=float(lo)) for lo, la in corners)
    mission = replace(searcher.mission, area=None, pattern=TrackLinePattern(line=around))
    speed, notes = usable_speed_m_s(mission)
    mission = replace(mission, speed_m_s=speed)
    lowest_m = mission.height.value_m if searcher.lowest_m is None else searcher.lowest_m
    imaging = imaging_for(mission, TrackLinePattern(line=around), lowest_m)
    mission = replace(mission, speed_m_s=imaging.speed_m_s)
    ground_m = _ground_m(mission, now)
    space, said = _below_ceiling(flight_space(mission), mission, now, ground_m)
    notes += said
    airframe, height = mission.airframe, mission.height.value_m
    wanted_s = minutes * 60.0
    sorties = max(1, min(searcher.batteries, math.ceil(wanted_s / airframe.endurance_s - 1e-9)))
    time_s = min(wanted_s / sorties, airframe.endurance_s)
    if sorties * time_s < wanted_s - 1.0:
        notes = (
            *notes,
            f"{mission.name}: {_batteries(searcher.batteries)} {sorties * time_s / 60:.1f} of "
            f"{minutes:g} minutes",
        )
    upright_s = airframe.climb_time_s(height) + airframe.landing_time_s(height)
    turn_m = imaging.speed_m_s**2 / airframe.acceleration_m_s2
    x, y = grid.frame.to_xy([mission.home])[0]
    return Crew(
        mission=mission,
        lateral=searcher.lateral,
        space=space,
        router=Router(space.sweep, lambda lengths: lengths),
        launch=(float(x), float(y)),
        time_s=time_s,
        sorties=sorties,
        length_m=max(0.0, (time_s - upright_s) * imaging.speed_m_s),
        turn_m=turn_m,
        notes=notes,
        ground_m=ground_m,
        fades=searcher.fades,
    )


def _batteries(count: int) -> str:
    return "1 battery lasts" if count == 1 else f"{count} batteries last"


def _ground_m(mission: Mission, now: ProbabilityMap) -> npt.NDArray[np.float64] | None:
    """Heights of the ground that a mission follows, home's where the model has none [m]; None without one."""
    if mission.terrain is None or not follows_ground(mission.height, mission):
        return None
    heights = cell_heights_m(now.grid, mission.terrain)
    home_m = float(mission.terrain.heights_m(mission.home.lon_deg, mission.home.lat_deg)[0])
    return np.where(np.isnan(heights), home_m, heights)


def _below_ceiling(
    space: FlightSpace, mission: Mission, now: ProbabilityMap, ground_m: npt.NDArray[np.float64] | None
) -> tuple[FlightSpace, tuple[str, ...]]:
    """The space less the ground over which keeping a height above it would break the fence's ceiling."""
    ceiling_m = mission.fence.max_height_m if mission.fence else None
    if ceiling_m is None or mission.terrain is None or ground_m is None:
        return space, ()
    grid = now.grid
    home_m = float(mission.terrain.heights_m(mission.home.lon_deg, mission.home.lat_deg)[0])
    above_m = ground_m - home_m + mission.height.value_m
    high = above_m > ceiling_m
    if not high.any():
        return space, ()
    ground = space.frame.to_local(grid.frame.to_geographic(shapely.union_all(grid.boxes()[high])))
    note = (
        f"{mission.name}: {now.poa[high].sum():.1%} of the probability lies on ground so high that "
        f"{mission.height.value_m:g} m above it is over the ceiling of {ceiling_m:g} m; it is not flown"
    )
    return replace(space, sweep=space.sweep.difference(ground)), (note,)


def heights_above_ground_m(mission: Mission, now: ProbabilityMap) -> tuple[float, float]:
    """Lowest and highest height above the ground of the map at which a mission photographs [m].

    Following the ground, its height less and plus the tolerance; at one height above home, what the ground of
    cells that hold probability leaves of it, but at least 10 m.
    """
    height_m, terrain = mission.height.value_m, mission.terrain
    if terrain is None:
        return height_m, height_m
    if follows_ground(mission.height, mission):
        return height_m - mission.terrain_tolerance_m, height_m + mission.terrain_tolerance_m
    home_m = float(terrain.heights_m(mission.home.lon_deg, mission.home.lat_deg)[0])
    above = height_m - (cell_heights_m(now.grid, terrain)[now.poa > 0] - home_m)
    return max(float(np.nanmin(above)), _LEAST_AGL_M), max(float(np.nanmax(above)), _LEAST_AGL_M)


def closed_cells(now: ProbabilityMap, crews: Sequence[Crew]) -> npt.NDArray[np.bool_] | None:
    """(rows, columns) cells over which some aircraft may not fly; None where all may everywhere."""
    grid = now.grid
    if all(crew.mission.fence is None for crew in crews):
        return None
    free = shapely.intersection_all(
        [grid.frame.to_local(crew.space.frame.to_geographic(crew.space.sweep)) for crew in crews]
    ).buffer(-_CLOSE_CELLS * grid.cell_m)
    shapely.prepare(free)
    inside = shapely.contains_xy(free, grid.x_m()[None, :], grid.y_m()[:, None])
    return np.asarray(~inside)
