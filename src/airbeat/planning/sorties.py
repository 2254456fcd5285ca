"""Coverage flown in sorties: each begins and ends at home with reserve left; several vehicles share them.

Route first, then cut: one path over the area (``coverage``), cut where it costs least (``splitting``), shared
among the vehicles (``fleet``), and kept apart in height and time (``airspace``). The sorties of one vehicle
are made better for the ways from and to home (``homeward``). Pure: the same input and seed give the same
sorties.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.planning.airspace import layer_heights_m
from airbeat.planning.coverage import CoveragePath, plan_coverage
from airbeat.planning.cutplan import cut_plan
from airbeat.planning.ferry import FlightRooms
from airbeat.planning.homeward import improved
from airbeat.planning.job import make_job
from airbeat.planning.repair import FreeArea, free_area
from airbeat.planning.sortie import Drone, FleetPlan, SortieTask

__all__ = ["MORE_EFFORT", "plan_sorties"]

_PROGRESS = ((0.0, 0.4), (0.4, 0.6))
"""Where the paths, and what is made of them, begin and how much of the whole they are."""
MORE_EFFORT = 1
"""A path for several batteries is worth more planning than a quick look: 1 to 2 % less time in the air."""


def plan_sorties(
    area: Any,
    *,
    drones: Sequence[Drone],
    spacing_m: float,
    swath_m: float | None = None,
    keepouts: Sequence[Any] = (),
    fence: Any | None = None,
    corridor_width_m: float | None = None,
    margin_m: float = 0.0,
    angle_deg: float | None = None,
    most_items: int = 650,
    swap_s: float = 0.0,
    seed: int = 0,
    effort: int = 1,
    paths: Sequence[CoveragePath] | None = None,
    progress: Callable[[float], None] | None = None,
) -> FleetPlan:
    """Cover an area in sorties that begin and end at home: fewest first, then least time.

    Several vehicles share the area so that the last one is done as early as possible.

    Args:
        area: geographic (Multi)Polygon, lon/lat degrees WGS84, or LineString of a corridor.
        drones: the vehicles.
        spacing_m: distance between lines [m].
        swath_m: width that a line sees [m]; None for the spacing.
        keepouts: geographic polygons that may cross the area's outline.
        fence: geographic polygon to stay in; None stays in the free area, save on ways that it cannot hold.
        corridor_width_m: full width of a corridor [m].
        margin_m: distance kept from the fence's edge and from keep-outs [m].
        angle_deg: bearing of all lines [degrees clockwise from north]; None chooses freely.
        most_items: mission items that the autopilot holds, home included.
        swap_s: time on the ground between two flights of a vehicle [s].
        seed: of the ordering.
        effort: how hard to look.
        paths: covering paths to cut, the best of which is taken as it is; None plans one from anywhere to
            anywhere and one from and to the launch place, and makes the sorties of one vehicle better.
        progress: called with 0…1.

    Raises:
        GeometryError: a shape that cannot be repaired.
        PlanningError: nothing can be flown, a place that cannot be reached and left on one battery, or a
            mission that the autopilot cannot hold.
    """
    if not drones:
        raise PlanningError("no drone to fly with", remedy="give at least one")
    ground: dict[str, Any] = {"keepouts": keepouts, "fence": fence, "margin_m": margin_m}
    ground["corridor_width_m"] = corridor_width_m
    lines = {"spacing_m": spacing_m, "swath_m": swath_m, "angle_deg": angle_deg, "seed": seed}
    free = free_area(area, **ground)
    task = _task(free, drones, spacing_m if swath_m is None else swath_m, most_items, swap_s)
    how = {**ground, **lines, "effort": effort + MORE_EFFORT}
    if paths is not None or len(drones) > 1:
        return _cut_best(task, paths or _paths(task, area, how, progress))
    return _for_one(task, area, how, progress)


def _for_one(
    task: SortieTask, area: Any, how: dict[str, Any], progress: Callable[[float], None] | None
) -> FleetPlan:
    """The sorties of one vehicle, cut from a path and made better."""
    first, rest = (None, None) if progress is None else (partial(_part, progress, *p) for p in _PROGRESS)
    job = make_job(
        task.free,
        spacing_m=how["spacing_m"],
        swath_m=task.swath_m,
        model=task.drones[0].model,
        home=task.drones[0].home,
        seed=how["seed"],
        effort=how["effort"] - MORE_EFFORT,
    )
    angle = None if how["angle_deg"] is None else math.radians(90.0 - how["angle_deg"])
    cut = _cut_best(task, _paths(task, area, how, first))
    return improved(task, job, cut, angle_rad=angle, progress=rest)


def _task(
    free: FreeArea, drones: Sequence[Drone], swath_m: float, most_items: int, swap_s: float
) -> SortieTask:
    homes = free.frame.to_xy([d.home for d in drones])
    return SortieTask(
        free=free,
        drones=tuple(drones),
        homes=homes,
        layers_m=layer_heights_m([d.height_m for d in drones]),
        rooms=FlightRooms(free, homes, drones[0].model),
        swath_m=swath_m,
        most_items=most_items,
        swap_s=swap_s,
    )


def _cut_best(task: SortieTask, paths: Sequence[CoveragePath]) -> FleetPlan:
    """The path whose cut plan is best."""
    return min((cut_plan(task, path) for path in paths), key=partial(_rank, task))


def _paths(
    task: SortieTask, area: Any, how: dict[str, Any], progress: Callable[[float], None] | None
) -> list[CoveragePath]:
    """A path from anywhere to anywhere, and one from and to the launch place."""
    gates: list[LatLon | None] = [None, _gate(task)]
    return [
        plan_coverage(
            area,
            home=gate,
            model=task.drones[0].model,
            progress=None if progress is None else partial(_part, progress, 0.5 * k, 0.5),
            **how,
        )
        for k, gate in enumerate(gates)
    ]


def _part(progress: Callable[[float], None], first: float, share: float, done: float) -> None:
    progress(first + share * done)


def _gate(task: SortieTask) -> LatLon:
    """Where the way from the first home enters the space: a path from there and back suits sorties."""
    way = shapely.shortest_line(shapely.Point(task.homes[0]), task.free.space)
    return task.free.frame.to_latlon(shapely.get_coordinates(way)[-1:])[0]


def _rank(task: SortieTask, plan: FleetPlan) -> tuple[float, float]:
    """Fewest sorties, then least time; for several vehicles the earliest end."""
    if len(task.drones) == 1:
        return float(len(plan.sorties)), plan.duration_s
    return plan.makespan_s, plan.duration_s
