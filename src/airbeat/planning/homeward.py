"""Sorties of one vehicle made better for the ways from and to home.

The cut path is bent together with its ways (``together``), lines are laid out for home (``petals``), gentle
corners become arcs (``rounding``), and the best of all that is flown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import PlanningError
from airbeat.planning.coverage import CoveragePath
from airbeat.planning.cutplan import cut_plan
from airbeat.planning.job import Job, unseen_parts
from airbeat.planning.petals import petals
from airbeat.planning.rounding import rounded
from airbeat.planning.sortie import OTHER_ITEMS, FleetPlan, Flight, SortieTask
from airbeat.planning.sortiefigures import measured
from airbeat.planning.thinning import thinned
from airbeat.planning.tightbends import straightened
from airbeat.planning.together import bent_together

__all__ = ["improved"]

Points = npt.NDArray[np.float64]

_LOSS = 1e-4
"""Share of the area by which a plan may see less than the path that is cut, as the cut plan may."""
_SHARES = (1.06, 1.03, 1.0)
"""Batteries that sorties are cut for before they are bent, in shares of the real ones: bending saves time."""
_THINNED_M = (0.1, 0.2)
"""How far paths with many points may be flown beside their gentle curves."""
_FULL = 0.9
"""A sortie that takes this share of what the autopilot holds was cut for that, not for the battery."""
_LINE_SPACINGS = 2.0
"""Legs longer than so many spacings are taken for sweep lines when sorties are bent."""


def improved(
    task: SortieTask,
    job: Job,
    cut: FleetPlan,
    *,
    angle_rad: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> FleetPlan:
    """The best of the cut plan and of what else was found: fewest sorties, then least time.

    Args:
        task: for one vehicle.
        job: what is covered, with the vehicle's home.
        cut: a path cut into sorties.
        angle_rad: the only direction of lines; None chooses.
        progress: called with 0…1.
    """
    # Half of what may be lost is left to the tolerance of samples and circles.
    job = replace(job, least_share=max(job.least_share, cut.path.coverage_fraction - _LOSS / 2))
    plans = [cut]
    for lines in _candidates(task, job, cut, angle_rad, progress):
        plan = measured(task, cut.path, [_photographing(job, line) for line in lines])
        if _is_sound(task, plan, cut):
            plans.append(plan)
    return min(plans, key=lambda plan: (len(plan.sorties), plan.duration_s))


def _candidates(
    task: SortieTask,
    job: Job,
    cut: FleetPlan,
    angle_rad: float | None,
    progress: Callable[[float], None] | None,
) -> Iterator[list[Points]]:
    """Corners of the sorties of other plans, home first and last."""
    most = task.most_items - OTHER_ITEMS + 2
    yield rounded(job, [s.line for s in cut.sorties], most_points=most)
    if len(cut.sorties) == 1:
        return
    for path in _paths(task, job, cut):
        if path is not cut.path:
            with suppress(PlanningError):
                yield rounded(job, [s.line for s in cut_plan(task, path).sorties], most_points=most)
        bent = _bent(task, job, path, most)
        if bent is not None:
            yield bent
    try:
        lines = petals(task, job, angle_rad=angle_rad, most_points=most, progress=progress)
    except PlanningError:
        return  # the cut plan stands where some track cannot be reached
    if lines is not None:
        yield lines


def _paths(task: SortieTask, job: Job, cut: FleetPlan) -> Iterator[CoveragePath]:
    """The path that was cut; and with fewer points, where those set the number of sorties."""
    path = cut.path
    yield path
    if max(s.items for s in cut.sorties) < _FULL * task.most_items:
        return
    (line,) = straightened(job, [path.line])
    for tolerance_m in _THINNED_M:
        thin = thinned(line, tolerance_m=tolerance_m, turn_radius_m=job.model.turn_radius_m)
        unseen_m2 = sum(p.area for p in unseen_parts(job, [(x, y) for x, y in thin], task.free.target))
        yield replace(path, line=thin, coverage_fraction=1.0 - unseen_m2 / task.free.target.area)


def _bent(task: SortieTask, job: Job, path: CoveragePath, most_points: int) -> list[Points] | None:
    """The path cut for batteries of another size, its sorties bent together: the first that fit."""
    drone = task.drones[0]
    usable_s = drone.usable_s(task.layers_m[0])
    long_m = _LINE_SPACINGS * job.spacing_m
    for share in _SHARES:
        larger = replace(drone, endurance_s=drone.endurance_s * share)
        try:
            cut = cut_plan(replace(task, drones=(larger,)), path)
        except PlanningError:
            continue
        legs = [(s.line, np.hypot(*np.diff(s.line, axis=0).T) > long_m) for s in cut.sorties]
        lines = rounded(job, bent_together(job, legs, angle_rad=0.0), most_points=most_points)
        if all(job.model.path_time_s([(x, y) for x, y in line]) <= usable_s for line in lines):
            return lines
    return None


def _is_sound(task: SortieTask, plan: FleetPlan, cut: FleetPlan) -> bool:
    """Whether a plan sees enough, stays where the cut one stays, and fits batteries and memory."""
    drone, layer_m = task.drones[0], task.layers_m[0]
    longest_s = drone.usable_s(layer_m) + drone.vertical_s(layer_m)
    return (
        plan.coverage_fraction >= min(cut.coverage_fraction, cut.path.coverage_fraction - _LOSS)
        and plan.outside_m <= cut.outside_m
        and plan.keepout_m <= cut.keepout_m
        and all(s.duration_s <= longest_s + 1e-6 and s.items <= task.most_items for s in plan.sorties)
    )


def _photographing(job: Job, line: Points) -> Flight:
    """A flight that photographs from where it enters the space to where it leaves it for home."""
    inside = np.flatnonzero(job.near.clear(line[:-1], line[1:]))
    if len(inside) == 0:
        return Flight(drone=0, out=line[:1], work=line, back=line[-1:])
    first, last = int(inside[0]), int(inside[-1]) + 1
    out, work, back = line[: first + 1], line[first : last + 1], line[last:]
    if len(out) > 1:
        gate = _gate(job, out[-1], out[-2])
        out, work = np.vstack([out[:-1], gate]), np.vstack([gate, work])
    if len(back) > 1:
        gate = _gate(job, back[0], back[1])
        work, back = np.vstack([work, gate]), np.vstack([gate, back[1:]])
    return Flight(drone=0, out=out, work=work, back=back)


def _gate(job: Job, inner: Points, outer: Points) -> Points:
    """(1, 2) where the leg from a place in the space to one beyond it first leaves the space."""
    legs = shapely.get_parts(shapely.LineString([inner, outer]).intersection(job.space))
    here = shapely.Point(inner)
    own = [leg for leg in legs if leg.geom_type == "LineString" and leg.distance(here) < 0.01]
    ends: Sequence[Points] = [p for leg in own for p in shapely.get_coordinates(leg)]
    far = max(ends, key=lambda p: float(np.hypot(*(p - inner))), default=inner)
    return np.asarray(far)[None]
