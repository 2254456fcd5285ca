"""What a coverage problem is, and when a path sees enough of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.planning.estimate import FlightModel
from airbeat.planning.grid import CoverGrid
from airbeat.planning.relax import Corner, Relaxer
from airbeat.planning.repair import FreeArea
from airbeat.planning.route import Router, polygons_of

__all__ = ["Draft", "Job", "make_job", "unseen_parts", "worth_visiting"]

_SPACE_GROWN_M = 0.25
_SPACE_SIMPLIFIED_M = 0.15
_CELLS_PER_SWATH = 10
_MOST_CELLS = 1_500_000
_PRICE = 20.0
"""What unseen area costs, in the time that sweeping as much area takes: measured on the development areas,
where it gives a median coverage of 99.9 %."""
_PRICE_OVERLAPPED = 200.0
_LEAST_SHARE = 0.9983
_LEAST_SHARE_OVERLAPPED = 0.99992
_SAMPLING_RESERVE = 0.7
"""Samples miss thin pieces: no more than this share of what may stay unseen is given up by samples."""
_COMPLETIONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be covered, and how well.

    Attributes:
        free: the free area.
        target: local (Multi)Polygon that can be reached and seen.
        space: local (Multi)Polygon that may be flown in, grown by less than the tolerance.
        spacing_m: distance between lines [m].
        radius_m: half the width that a line sees [m].
        least_share: share of the target that must be seen, 0…1.
        price: what unseen area costs, in the time that sweeping as much area takes.
        model: what legs cost.
        near: router of the space.
        far: router of everything but keep-outs, or None where the space is one part and no home is given.
        home: where the flight begins and ends [m], or None.
        seed: of the ordering.
        effort: how hard to look, at least 1.
    """

    free: FreeArea
    target: Any
    space: Any
    spacing_m: float
    radius_m: float
    least_share: float
    price: float
    model: FlightModel
    near: Router
    far: Router | None
    home: tuple[float, float] | None
    seed: int
    effort: int

    def sample_price_s(self, cell_m: float) -> float:
        """What one unseen square of a grid costs [s]."""
        return self.price * cell_m**2 / (2 * self.radius_m * self.model.speed_m_s)

    def spare_samples(self, cells: int) -> int:
        """How many squares of a grid may stay unseen."""
        return int((1 - self.least_share) * _SAMPLING_RESERVE * cells)


def make_job(
    free: FreeArea,
    *,
    spacing_m: float,
    swath_m: float,
    model: FlightModel,
    home: LatLon | None,
    seed: int,
    effort: int,
) -> Job:
    """What is to be covered of a free area, from home if that is given.

    Raises:
        PlanningError: nothing can be seen or reached.
    """
    grown = free.space.buffer(_SPACE_GROWN_M, join_style="bevel")
    space = shapely.union_all(polygons_of(grown.simplify(_SPACE_SIMPLIFIED_M)))
    target = free.target
    if not free.space.covers(target):
        target = shapely.union_all(polygons_of(target.intersection(free.space.buffer(swath_m / 2))))
        if target.is_empty:
            raise PlanningError(
                "nothing of the area can be seen from inside the fence",
                remedy="use a larger fence or a smaller margin",
            )
    far = None
    home_xy = None
    if home is not None:
        x, y = free.frame.to_xy([home])[0]
        home_xy = (float(x), float(y))
    if len(polygons_of(space)) > 1 or home is not None:
        places = shapely.union_all([space, *([shapely.Point(home_xy)] if home_xy else [])])
        room = shapely.box(*places.buffer(20 * swath_m + 500).bounds)
        far = Router(room.difference(free.closed.buffer(-_SPACE_GROWN_M)), model.leg_times_s)
        space, target = _reachable(space, target, far, home_xy)
    return Job(
        free=free,
        target=target,
        space=space,
        spacing_m=spacing_m,
        radius_m=swath_m / 2,
        least_share=_LEAST_SHARE if swath_m <= spacing_m * 1.0001 else _LEAST_SHARE_OVERLAPPED,
        price=_PRICE if swath_m <= spacing_m * 1.0001 else _PRICE_OVERLAPPED,
        model=model,
        near=Router(space, model.leg_times_s),
        far=far,
        home=home_xy,
        seed=seed,
        effort=max(1, effort),
    )


def _reachable(space: Any, target: Any, far: Router, home: tuple[float, float] | None) -> tuple[Any, Any]:
    """The parts of space and target that can be reached from home, or else from the largest part.

    Raises:
        PlanningError: none can.
    """
    parts = sorted(polygons_of(space), key=lambda p: -p.area)
    places = [p.representative_point().coords[0] for p in parts]
    start = places[0] if home is None else home
    kept = [p for p, place in zip(parts, places, strict=True) if far.route(start, place) is not None]
    if not kept:
        raise PlanningError(
            "no part of the area can be reached from home without crossing a keep-out",
            remedy="move home or open a way through the keep-outs",
        )
    if len(kept) == len(parts):
        return space, target
    space = shapely.union_all(kept)
    return space, shapely.union_all(polygons_of(target.intersection(space)))


def worth_visiting(job: Job) -> list[Any]:
    """The connected parts, largest first, without those too small to matter for the coverage."""
    parts = sorted(polygons_of(job.target), key=lambda p: -p.area)
    spare = (1 - job.least_share) / 4 * job.target.area
    while len(parts) > 1 and parts[-1].area < spare:
        spare -= parts.pop().area
    return parts


class Draft:
    """A path that is bent step by step.

    Args:
        job: what is to be covered.
        corners: the path's corners in flying order.
        angle_rad: main direction of its lines.
        gentle_rad: corners that turn by no more than this are to be flown as arcs.
    """

    def __init__(
        self, job: Job, corners: Sequence[Corner], *, angle_rad: float, gentle_rad: float = 0.0
    ) -> None:
        self.job = job
        grid = CoverGrid(job.target, radius_m=job.radius_m, cell_m=_cell_m(job), angle_rad=angle_rad)
        self.relaxer = Relaxer(corners, grid=grid, router=job.near, model=job.model, gentle_rad=gentle_rad)
        self.price = job.sample_price_s(grid.cell)

    def expected_s(self) -> float:
        """Flight time with the price of what is unseen so far [s]."""
        return self.job.model.path_time_s(self.relaxer.points) + self.price * self.relaxer.missing

    def improve(self, times_price: float) -> None:
        """One round over all corners, at some multiple of the price of unseen area."""
        self.relaxer.insert(self.price * times_price)
        self.relaxer.round(self.price * times_price)

    def completed(self) -> tuple[list[tuple[float, float]], list[Any]]:
        """The path once enough is seen, and what it does not see."""
        price, budget = self.price, self.job.spare_samples(self.relaxer.grid.cells)
        for _ in range(_COMPLETIONS):
            if self.relaxer.missing <= budget:
                break
            price *= 1.6
            self.relaxer.insert(price, down_to=budget)
            self.relaxer.round(price, budget)
        return _reached(self.job, self.relaxer)


def _cell_m(job: Job) -> float:
    """Side of the sample squares: small against the swath and against the width of a thin area."""
    target = job.target
    mean_width = 2 * target.area / target.length
    fine = min(2 * job.radius_m / _CELLS_PER_SWATH, mean_width / 2)
    x0, y0, x1, y1 = target.bounds
    return float(max(fine, math.sqrt((x1 - x0) * (y1 - y0) / _MOST_CELLS)))


def _reached(job: Job, relaxer: Relaxer) -> tuple[list[tuple[float, float]], list[Any]]:
    """The path once its true coverage, not only that of the samples, is enough; and what it leaves unseen."""
    allowed_m2 = (1 - job.least_share) * job.target.area
    left = unseen_parts(job, relaxer.points, job.target)
    for _ in range(_COMPLETIONS):
        missing_m2 = sum(p.area for p in left)
        if missing_m2 <= allowed_m2:
            break
        for piece in left:
            if missing_m2 <= allowed_m2:
                break
            # The outline, not the polygon: GEOS empties thin polygons that it divides.
            if relaxer.visit(shapely.get_coordinates(shapely.segmentize(piece.boundary, job.radius_m / 2))):
                missing_m2 -= piece.area
        left = unseen_parts(job, relaxer.points, job.target)
    return relaxer.points, left


def unseen_parts(job: Job, path: Sequence[tuple[float, float]], area: Any) -> list[Any]:
    """What a path leaves unseen of an area, largest first."""
    line = np.array(path)
    segments = shapely.linestrings(np.stack([line[:-1], line[1:]], axis=1))
    seen = shapely.union_all(shapely.buffer(segments, job.radius_m, quad_segs=16))
    return sorted(polygons_of(area.difference(seen)), key=lambda p: -p.area)
