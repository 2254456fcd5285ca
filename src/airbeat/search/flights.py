"""The flights that find the most: directions and spacings tried, the best of them polished."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from airbeat.search.field import Field, Place, Points, turned_path
from airbeat.search.polish import polished
from airbeat.search.sweeps import Tracks, serpentines, tracks_over

__all__ = ["ALL_ANGLES_RAD", "Flights", "Rough", "best_flights", "finished", "rough_flights"]

_ANGLE_STEP_DEG = 20
ALL_ANGLES_RAD = tuple(math.radians(a) for a in range(0, 180, _ANGLE_STEP_DEG))
"""Directions of sweeps that are tried, from east towards north [rad]."""
_OFFSETS = 2
_ROUGH = 9
"""Bisections while directions are compared."""
_BINS = 90
"""Most bins of a track, unless whole cells count."""
_CELLS_ACROSS = 6
"""Cells of the turned map across a sweep."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flights:
    """What is flown.

    Attributes:
        paths: (n, 2) places of each flight [m], without the ways from and to the launch place; empty where
            a flight is not needed.
        value: what they find together.
        angle_rad: direction of the sweeps, from east towards north [rad].
    """

    paths: tuple[Points, ...]
    value: float
    angle_rad: float


def best_flights(
    field: Field,
    lengths_m: Sequence[float],
    *,
    reach_m: float,
    spacing_m: float,
    launch: Place | None = None,
    turn_m: float = 0.0,
    on_cells: bool = False,
    angles_rad: Sequence[float] | None = None,
    starts: int = 2,
    rounds: int = 8,
    seed: int = 0,
) -> Flights:
    """Disjoint sweeps, one for each length, that find the most.

    Args:
        field: what there is to find, and what is closed.
        lengths_m: what each flight may fly, ways from and to the launch place and turns included [m].
        reach_m: half the sweep width [m].
        spacing_m: distance between sweeps [m].
        launch: the launch place, or None.
        turn_m: what a turn costs, as a length at cruise speed [m].
        on_cells: whether a cell counts as seen as a whole, by its middle, as map cells do; the sweeps then
            run along rows and columns. Else the ground counts by its area, in every direction.
        angles_rad: directions to try, from east towards north; None for all in steps of 20°, or of 90°
            where whole cells count [rad].
        starts: how many directions and offsets are polished.
        rounds: how long each is.
        seed: of the polishing.
    """
    tried = rough_flights(
        field,
        lengths_m,
        reach_m=reach_m,
        spacing_m=spacing_m,
        launch=launch,
        turn_m=turn_m,
        on_cells=on_cells,
        angles_rad=angles_rad,
    )
    best = Flights(paths=tuple(np.zeros((0, 2)) for _ in lengths_m), value=0.0, angle_rad=0.0)
    for one in tried[:starts]:
        flights = finished(one, lengths_m, turn_m=turn_m, rounds=rounds, seed=seed)
        best = flights if flights.value > best.value else best
    return best


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rough:
    """Tracks in one direction, to be finished if they promise most.

    Attributes:
        worth: what rough serpentines over them find, counted by bins.
        angle_rad: direction of the sweeps, from east towards north [rad].
        field: the map, turned that way.
        tracks: over it.
        launch: the launch place in the turned axes, or None.
        reach_m: half the sweep width [m].
        step_m: by how much corners are moved at least [m].
    """

    worth: float
    angle_rad: float
    field: Field
    tracks: Tracks
    launch: Place | None
    reach_m: float
    step_m: float


def rough_flights(
    field: Field,
    lengths_m: Sequence[float],
    *,
    reach_m: float,
    spacing_m: float,
    launch: Place | None = None,
    turn_m: float = 0.0,
    on_cells: bool = False,
    angles_rad: Sequence[float] | None = None,
) -> list[Rough]:
    """Each direction and offset with what it promises, the best first; arguments as of best_flights."""
    tried: list[Rough] = []
    for angle in _angles(on_cells) if angles_rad is None else angles_rad:
        cell_m = field.cell_m if on_cells else min(field.cell_m, 2 * reach_m / _CELLS_ACROSS)
        map_ = field.turned(angle, cell_m)
        from_ = None if launch is None else _turned_place(launch, -angle)
        for offset in _offsets(map_, spacing_m, on_cells):
            tracks = tracks_over(
                map_, offset_m=offset, spacing_m=spacing_m, reach_m=reach_m, bin_m=_bin_m(map_, on_cells)
            )
            rough = serpentines(tracks, lengths_m, launch=from_, turn_m=turn_m, bisections=_ROUGH)
            tried.append(
                Rough(
                    worth=tracks.worth_along(rough),
                    angle_rad=angle,
                    field=map_,
                    tracks=tracks,
                    launch=from_,
                    reach_m=reach_m,
                    step_m=field.cell_m if on_cells else spacing_m / 4,
                )
            )
    return sorted(tried, key=lambda one: -one.worth)


def finished(
    rough: Rough,
    lengths_m: Sequence[float],
    *,
    turn_m: float,
    rounds: int = 8,
    seed: int = 0,
    begun: Flights | None = None,
) -> Flights:
    """The flights of one direction and offset, solved closely and polished; arguments as of best_flights.

    ``begun`` are flights of this direction that are polished on, instead.
    """
    if begun is None:
        paths = serpentines(rough.tracks, lengths_m, launch=rough.launch, turn_m=turn_m)
    else:
        paths = [turned_path(path, -rough.angle_rad).round(6) for path in begun.paths]
    paths, value = polished(
        rough.field,
        paths,
        lengths_m,
        reach_m=rough.reach_m,
        step_m=rough.step_m,
        launch=rough.launch,
        turn_m=turn_m,
        rounds=rounds,
        seed=seed,
    )
    turned = tuple(turned_path(path, rough.angle_rad) for path in paths)
    return Flights(paths=turned, value=value, angle_rad=rough.angle_rad)


def _angles(on_cells: bool) -> Sequence[float]:
    return (0.0, math.pi / 2) if on_cells else ALL_ANGLES_RAD


def _offsets(field: Field, spacing_m: float, on_cells: bool) -> list[float]:
    """y of a track in each set of tracks that is tried [m]."""
    if not on_cells:
        return [k * spacing_m / _OFFSETS for k in range(_OFFSETS)]
    middle = field.south_m + field.cell_m / 2
    return [middle + k * field.cell_m / 2 for k in range(max(1, round(2 * spacing_m / field.cell_m)))]


def _bin_m(field: Field, on_cells: bool) -> float:
    """Length of a bin [m]."""
    return field.cell_m * (1 if on_cells else math.ceil(field.values.shape[1] / _BINS))


def _turned_place(place: Place, angle_rad: float) -> Place:
    x, y = turned_path(np.array([place]), angle_rad)[0]
    return float(x), float(y)
