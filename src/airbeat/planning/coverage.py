"""Coverage of any area by a swept disc in the least flight time found.

Layouts of lines are ordered as one tour, joined by shortest ways inside the free space, and the resulting
path is bent corner by corner until no more time can be saved without leaving area unseen. Pure: the same
input and seed give the same path.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import Message
from airbeat.planning.estimate import STOP_ANGLE_DEG, FlightModel, stop_lengths_m
from airbeat.planning.job import Draft, Job, make_job, unseen_parts, worth_visiting
from airbeat.planning.layout import Layout, layouts
from airbeat.planning.relax import Corner
from airbeat.planning.repair import free_area
from airbeat.planning.route import polygons_of
from airbeat.planning.tour import Links, entered

__all__ = ["CoveragePath", "plan_coverage"]

Points = npt.NDArray[np.float64]

TOLERANCE_M = 0.5
"""A path is outside only where it is more than this far out."""
_ORDER_ITERATIONS = 40
_SAME_M = 0.01
_PRICES = (3.0, 1.0)
"""The price round by round: nearly everything is seen at first, then what costs most time is given up."""
_DRAFTS = 2
"""How many layouts are ordered and joined at the least effort; one more for each step of effort."""
_MANY_TRACKS = 150
"""Above this, one draft fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveragePath:
    """A path that covers an area.

    Attributes:
        frame: the local frame.
        line: (n, 2) flown corners, x east, y north [m].
        transits: parts of the line, each (k, 2), flown outside the free area between disjoint parts.
        coverage_fraction: share of the free area within half a swath of the line, 0…1.
        outside_m: length of the line more than 0.5 m outside the space, transits excepted [m].
        keepout_m: length of the line more than 0.5 m inside keep-outs or holes [m].
        length_m: length of the line [m].
        turns: stops at corners.
        duration_s: flight time along the line [s].
        unseen: local (Multi)Polygon that the line does not see, or None.
        notes: repairs and what else the reader must know.
    """

    frame: LocalFrame
    line: Points
    transits: tuple[Points, ...]
    coverage_fraction: float
    outside_m: float
    keepout_m: float
    length_m: float
    turns: int
    duration_s: float
    unseen: Any | None
    notes: tuple[str, ...] = ()

    @property
    def unseen_area_m2(self) -> float:
        """Area that the line does not see [m²]."""
        return 0.0 if self.unseen is None else float(self.unseen.area)


def plan_coverage(
    area: Any,
    *,
    spacing_m: float,
    swath_m: float | None = None,
    keepouts: Sequence[Any] = (),
    fence: Any | None = None,
    corridor_width_m: float | None = None,
    margin_m: float = 0.0,
    home: LatLon | None = None,
    angle_deg: float | None = None,
    model: FlightModel | None = None,
    seed: int = 0,
    effort: int = 1,
    progress: Callable[[float], None] | None = None,
) -> CoveragePath:
    """Cover an area in the least flight time found.

    Args:
        area: geographic (Multi)Polygon, lon/lat degrees WGS84, or LineString of a corridor.
        spacing_m: distance between lines [m].
        swath_m: width that a line sees [m]; None for the spacing, that is, no overlap.
        keepouts: geographic polygons that may cross the area's outline.
        fence: geographic polygon to stay in; None stays in the free area, save on ways between its parts.
        corridor_width_m: full width of a corridor [m].
        margin_m: distance kept from the fence's edge and from keep-outs [m].
        home: where the flight begins and ends; None begins and ends anywhere.
        angle_deg: bearing of all lines [degrees clockwise from north]; None chooses freely.
        model: what legs cost.
        seed: of the ordering.
        effort: how many layouts are worked out, and for how long.
        progress: called with 0…1.

    Raises:
        GeometryError: a shape that cannot be repaired.
        PlanningError: nothing can be flown.
    """
    if not (spacing_m > 0 and math.isfinite(spacing_m)):
        raise PlanningError(
            Message("line spacing {spacing_m:g} m must be positive", spacing_m=spacing_m),
            remedy="give a positive spacing",
        )
    swath_m = spacing_m if swath_m is None else swath_m
    free = free_area(
        area, keepouts=keepouts, fence=fence, corridor_width_m=corridor_width_m, margin_m=margin_m
    )
    job = make_job(
        free,
        spacing_m=spacing_m,
        swath_m=swath_m,
        model=model or FlightModel(),
        home=home,
        seed=seed,
        effort=effort,
    )
    angle = None if angle_deg is None else math.radians(90.0 - angle_deg)
    path, unseen = _best(job, angle, progress)
    return _measured(job, path, unseen)


def _best(
    job: Job, angle: float | None, progress: Callable[[float], None] | None
) -> tuple[list[tuple[float, float]], list[Any]]:
    """The fastest path found, and what it leaves unseen.

    Raises:
        PlanningError: no line fits.
    """
    candidates = _layouts(job, angle)
    if sum(len(layout.tracks) for layout in candidates[:1]) > _MANY_TRACKS:
        candidates = candidates[: max(2, len(candidates) - 1)]
    drafts = [Draft(job, _toured(job, layout), angle_rad=layout.angle_rad) for layout in candidates]
    if not drafts:
        raise PlanningError("no line fits into the area", remedy="use a smaller spacing or margin")
    # A draft that is behind before it is bent mostly stays behind: only the best are worked out.
    drafts = sorted(drafts, key=Draft.expected_s)[: job.effort]
    prices = (*_PRICES, *[1.0] * 2 * (job.effort - 1))
    for k, price in enumerate(prices):
        for draft in drafts:
            draft.improve(price)
        if progress:
            progress((k + 1) / (len(prices) + 1))
    best = min((draft.completed() for draft in drafts), key=lambda found: job.model.path_time_s(found[0]))
    if progress:
        progress(1.0)
    return best


def _layouts(job: Job, angle: float | None) -> list[Layout]:
    """Layouts of the whole area: the best of each connected part, then the second best, …"""
    parts = worth_visiting(job)
    ranked = []
    for part in parts:
        ranked.append(
            layouts(
                part,
                job.space,
                spacing_m=job.spacing_m,
                radius_m=job.radius_m,
                model=job.model,
                allowance_m2=(1 - job.least_share) * part.area / 2,
                centre=job.free.centre,
                centre_width_m=job.free.centre_width_m,
                angle_rad=angle,
            )
        )
    ranked = [r for r in ranked if r]
    count = min(_DRAFTS + job.effort - 1, max((len(r) for r in ranked), default=0))
    out = []
    for k in range(count):
        chosen = [r[min(k, len(r) - 1)] for r in ranked]
        out.append(
            Layout(
                tracks=[t for c in chosen for t in c.tracks],
                angle_rad=chosen[0].angle_rad,
                time_s=sum(c.time_s for c in chosen),
            )
        )
    return out


def _toured(job: Job, layout: Layout) -> list[Corner]:
    tracks = layout.tracks
    links = Links(
        np.vstack([t[[0, -1]] for t in tracks]),
        job.near,
        job.far,
        setback_m=job.radius_m,
        straight=np.array([len(t) == 2 for t in tracks]),
    )
    start = None
    if job.home is not None and job.far is not None:
        far, home = job.far, job.home
        found = [far.route(home, p) for p in links.ends]
        start = np.array([1e7 if f is None else f[0] for f in found])
    order = links.solve(start=start, finish=start, iterations=_ORDER_ITERATIONS * job.effort, seed=job.seed)
    corners: list[Corner] = []
    if job.home is not None:
        corners.append(Corner(at=job.home, fixed=True))
    before = -1
    for first, last in entered(order):
        track = tracks[first // 2] if first < last else tracks[first // 2][::-1]
        entry = (float(track[0][0]), float(track[0][1]))
        leaves = False
        if before >= 0:
            leaves = _join(job, corners, links.way_between(before, first))
        elif job.home is not None:
            leaves = _join(job, corners, links.way(job.home, entry))
        before = last
        smooth = len(track) > 2
        fixed = [leaves, *_gentle(track), False]
        if smooth and corners and math.dist(corners[-1].at, entry) < _SAME_M:
            corners.pop()
            fixed[0] = True
        for k, (x, y) in enumerate(track.tolist()):
            corners.append(Corner(at=(x, y), line_ahead=k < len(track) - 1, fixed=fixed[k]))
    if job.home is not None:
        _join(job, corners, links.way(corners[-1].at, job.home))
        corners.append(Corner(at=job.home, fixed=True))
    return corners


def _gentle(track: Points) -> list[bool]:
    """Which inner corners of a track are steps of a curve, and no stops by themselves."""
    heading = np.arctan2(*np.diff(track, axis=0).T[::-1])
    change = np.abs((np.diff(heading) + math.pi) % (2 * math.pi) - math.pi)
    return [bool(c < math.radians(STOP_ANGLE_DEG)) for c in change]


def _join(job: Job, corners: list[Corner], way: list[tuple[float, float]]) -> bool:
    """Add the inner corners of a way to a path; returns whether the way leaves the space.

    Where it does, its corners and both its ends are fixed: a part that it alone leads to must not be lost.
    """
    points = np.array(way)
    leaves = not bool(job.near.clear(points[:-1], points[1:]).all())
    corners[-1].fixed |= leaves
    corners += [Corner(at=p, fixed=leaves) for p in way[1:-1]]
    return leaves


def _measured(job: Job, path: list[tuple[float, float]], left: list[Any]) -> CoveragePath:
    """The path with its figures, recomputed from its corners and what they leave unseen alone."""
    line = np.array(path)
    target = job.free.target
    segments = shapely.linestrings(np.stack([line[:-1], line[1:]], axis=1))
    beyond = shapely.union_all(polygons_of(target.difference(job.target)))
    hidden = [] if beyond.is_empty else unseen_parts(job, path, beyond)
    unseen = [*left, *hidden]
    allowed = job.free.space.buffer(TOLERANCE_M)
    shapely.prepare(allowed)
    out = segments[~shapely.covers(allowed, segments)]
    inside_closed = job.free.closed.buffer(-TOLERANCE_M)
    keepout = float(shapely.length(shapely.intersection(out, inside_closed)).sum()) if len(out) else 0.0
    transits, outside = _transits(job, line, allowed)
    lengths = stop_lengths_m(path, turn_radius_m=job.model.turn_radius_m)
    missing = sum(p.area for p in unseen)
    return CoveragePath(
        frame=job.free.frame,
        line=line,
        transits=tuple(transits),
        coverage_fraction=1.0 - missing / target.area,
        outside_m=outside,
        keepout_m=keepout,
        length_m=float(sum(lengths)),
        turns=max(0, len(lengths) - 1),
        duration_s=sum(map(job.model.leg_time_s, lengths)),
        unseen=shapely.union_all(unseen) if unseen else None,
        notes=(*job.free.notes, *_hidden_note(hidden)),
    )


def _hidden_note(hidden: Sequence[Any]) -> list[str]:
    hidden_m2 = sum(p.area for p in hidden)
    if hidden_m2 < TOLERANCE_M:
        return []
    return [f"{hidden_m2:.0f} m² of the area cannot be reached or seen from inside the fence and its margin"]


def _transits(job: Job, line: Points, allowed: Any) -> tuple[list[Points], float]:
    """Runs of legs that leave the space, if it has several parts, and the metres outside that are none."""
    legs = shapely.linestrings(np.stack([line[:-1], line[1:]], axis=1))
    leaves = ~shapely.covers(allowed, legs)
    if job.far is None:
        return [], float(shapely.length(shapely.difference(legs[leaves], allowed)).sum())
    runs: list[Points] = []
    k = 0
    while k < len(legs):
        if leaves[k]:
            last = k
            while last + 1 < len(legs) and leaves[last + 1]:
                last += 1
            runs.append(line[k : last + 2])
            k = last
        k += 1
    return runs, 0.0
