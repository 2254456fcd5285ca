"""What reviewed photographs showed of a case's map: from their own metadata, not from the plan.

Each photograph is laid on the ground of the case's height model, or on level ground at its stated height
where there is none. At points of every cell inside it the person's size in pixels follows from the camera's
pose and the ground's height there, the chance of being found from the detection curve. Hills in between hide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import FrameError
from airbeat.frames.meta import FrameMeta
from airbeat.locate.camera_model import CameraPose, camera_pose
from airbeat.locate.ground import footprint, gsd_m_px
from airbeat.locate.relief import TerrainGround
from airbeat.mission.case import Posture
from airbeat.search.build import SearchModel
from airbeat.search.detection import LYING_M, SHOULDER_M, STANDING_M, by_posture
from airbeat.search.grid import SearchGrid
from airbeat.search.looks import Searched, ViewLedger, view_bins
from airbeat.search.sweepwidth import gsd_advice

__all__ = ["GroundSearched", "Shown", "search_ground"]

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_FINE_CELLS = 250_000
"""Up to so many cells each is looked at in 3 × 3 points, in one beyond: a look is held for every point."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_LINE_STEPS = 200
_FLAT_SIGHT = 0.7
"""Lines of sight flatter than 35° off straight down (tangent) are looked along for hills in between."""
_UNEVEN = 0.5
_SIGHT_STEPS = 24
_OVER_M = 1.0
"""Ground that rises less over a line of sight does not count as hiding: models are no better [m]."""
_LONGEST_STEP = 3.0
"""Photographs further apart than this times the median belong to different legs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One photograph that counts: its metadata and the ground's height under it above home [m]."""

    meta: FrameMeta
    ground_height_m: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroundSearched:
    """What photographs that count are worth; arrays (rows, columns), row 0 in the south.

    Attributes:
        searched: coverage, POD band and share seen.
        length_m: track between them over each cell [m].
        swept_m2: sweep width times that length, hidden ground taken off [m²].
        gsd_m_px: finest and coarsest GSD at the photographs' middles [m/px], or None without any.
        heights_m: least and greatest height above ground [m], or None.
        sweep_width_m: mean W of the photographs in the open [m].
        outlines: geographic footprints.
        unusable: photographs that show no ground of known place, or too coarsely, with the reason.
        beside: how many show nothing of the map.
    """

    searched: Searched
    length_m: Array
    swept_m2: Array
    gsd_m_px: tuple[float, float] | None
    heights_m: tuple[float, float] | None
    sweep_width_m: float
    outlines: tuple[shapely.Polygon, ...]
    unusable: tuple[tuple[str, str], ...]
    beside: int


def search_ground(
    model: SearchModel,
    shown: Sequence[Shown],
    posture: Posture,
    *,
    terrain: TerrainGround | None = None,
    coarsest_gsd_m_px: float = math.inf,
) -> GroundSearched:
    """Lay photographs on the map and add up what they are worth.

    Args:
        model: the case's grid, visibility and detection curve.
        shown: photographs that were received and reviewed, in any order.
        posture: how the person is thought to be.
        terrain: the height model and home's height in it; where it has no height, or without it, the ground
            is level at the height stated with each photograph.
        coarsest_gsd_m_px: photographs coarser at their middle are unusable [m/px].
    """
    grid = model.grid
    ledger = ViewLedger(grid, 3 if grid.rows * grid.columns <= _FINE_CELLS else 1)
    outlines, unusable, beside = [], [], 0
    places: list[tuple[datetime, Array, float]] = []
    gsds, heights = [], []
    for one in sorted(shown, key=lambda s: (s.meta.time_utc or _NEVER, s.meta.path.name)):
        try:
            view, gsd = _view(one, grid, terrain)
            if gsd > coarsest_gsd_m_px:
                raise FrameError(gsd_advice(gsd), where=one.meta.path.name)
        except FrameError as error:
            unusable.append((one.meta.path.name, error.message))
            continue
        gsds.append(gsd)
        heights.append(view.height_m)
        outlines.append(view.outline)
        width_m = _sweep_width_m(view.pose, view.height_m, model, posture)
        places.append((one.meta.time_utc or _NEVER, view.at, width_m))
        beside += not _add_look(ledger, model, view, posture)
    length, swept = _track(grid, places, model.visible)
    return GroundSearched(
        searched=ledger.searched(),
        length_m=length,
        swept_m2=swept,
        gsd_m_px=(min(gsds), max(gsds)) if gsds else None,
        heights_m=(min(heights), max(heights)) if heights else None,
        sweep_width_m=float(np.mean([w for _, _, w in places])) if places else 0.0,
        outlines=tuple(outlines),
        unusable=tuple(unusable),
        beside=beside,
    )


class _View(NamedTuple):
    """A photograph's pose, footprint, camera place on the map's frame [m] and height above ground [m].

    ``below_m`` gives how far the ground at places (n, 2) of the map's frame is below the camera [m];
    ``room`` is the share of the footprint's size by which uneven ground may reach beyond its corners.
    """

    pose: CameraPose
    outline: shapely.Polygon
    at: Array
    height_m: float
    below_m: Callable[[Array], Array]
    room: float


def _view(one: Shown, grid: SearchGrid, terrain: TerrainGround | None) -> tuple[_View, float]:
    """A photograph on its ground, and the GSD at its middle [m/px].

    Raises:
        FrameError: it shows no ground of known place.
    """
    pose = camera_pose(one.meta)
    at = grid.frame.to_xy([pose.position])[0]
    stated_m = one.ground_height_m

    def below_m(xy: Array) -> Array:
        ground = np.full(len(xy), stated_m)
        if terrain is not None:
            lon_lat = shapely.get_coordinates(grid.frame.to_geographic(shapely.multipoints(xy)))
            heights = terrain.terrain.heights_m(lon_lat[:, 0], lon_lat[:, 1]) - terrain.home_height_m
            ground = np.where(np.isnan(heights), stated_m, heights)
        return np.asarray(pose.height_above_home_m - ground)

    height_m = float(below_m(at[None])[0])
    if not height_m > 0:
        raise FrameError(
            f"the camera, {pose.height_above_home_m:.0f} m above home, is below the height model's ground",
            where=pose.name,
            remedy="check that the photographs' heights are above the take-off place of the ledger",
        )
    try:
        outline = footprint(one.meta, ground_height_m=stated_m, terrain=terrain)
        gsd = gsd_m_px(one.meta, ground_height_m=stated_m, terrain=terrain)
    except FrameError:
        if terrain is None:
            raise
        level_m = pose.height_above_home_m - height_m  # it looks past the model's edge
        outline = footprint(one.meta, ground_height_m=level_m)
        gsd = gsd_m_px(one.meta, ground_height_m=level_m)
    return _View(pose, outline, at, height_m, below_m, 0.0 if terrain is None else _UNEVEN), gsd


def _add_look(ledger: ViewLedger, model: SearchModel, view: _View, posture: Posture) -> bool:
    """Add one photograph's look; whether it shows anything of the map."""
    pose = view.pose
    rows, columns, xy = _points_below(model.grid, ledger.per_side, view.outline, view.room)
    if len(xy) == 0:
        return False
    offsets = np.column_stack([xy - view.at, -view.below_m(xy)])
    feet = pose.project(offsets)
    with np.errstate(invalid="ignore"):
        inside = ((feet >= 0) & (feet <= (pose.width_px, pose.height_px))).all(axis=1)
    shown = np.flatnonzero(inside)
    shown = shown[~_behind_a_hill(view, offsets[shown])]
    if not len(shown):
        return False
    rows, columns, offsets, feet = rows[shown], columns[shown], offsets[shown], feet[shown]
    bins, _ = view_bins(-offsets[:, 0], -offsets[:, 1], -offsets[:, 2])
    px = _person_px(pose, offsets, feet, posture)
    cells = (rows // ledger.per_side, columns // ledger.per_side)
    hidden = model.visible[cells]
    curve = model.curve
    ledger.add(
        rows,
        columns,
        bins,
        (
            curve.probability_low(px) * hidden,
            curve.probability(px) * hidden,
            curve.probability_high(px) * hidden,
        ),
    )
    return True


def _behind_a_hill(view: _View, offsets: Array) -> npt.NDArray[np.bool_]:
    """(n,) whether ground rises over the line from the camera to places (n, 3 offsets, up is +).

    Looked at along flat lines of sight alone: steeper ones would need ground as steep as they are.
    """
    hidden = np.zeros(len(offsets), dtype=bool)
    across = np.hypot(offsets[:, 0], offsets[:, 1])
    flat = np.flatnonzero(across > -offsets[:, 2] * _FLAT_SIGHT)
    if not len(flat):
        return hidden
    share = np.linspace(0.0, 1.0, _SIGHT_STEPS + 2)[1:-1]
    along = offsets[flat, None, :] * share[:, None]
    ground_m = view.below_m((along[..., :2] + view.at).reshape(-1, 2)).reshape(len(flat), -1)
    hidden[flat] = (-along[..., 2] > ground_m + _OVER_M).any(axis=1)
    return hidden


def _points_below(
    grid: SearchGrid, per_side: int, outline: shapely.Polygon, room: float
) -> tuple[Integers, Integers, Array]:
    """Rows, columns and places of the sample points within a footprint's bounding box, widened by a share."""
    x0, y0, x1, y1 = grid.frame.to_local(outline).bounds
    wide, high = room * (x1 - x0), room * (y1 - y0)
    x0, y0, x1, y1 = x0 - wide, y0 - high, x1 + wide, y1 + high
    step = grid.cell_m / per_side
    spans = []
    for low, high, origin, count in (
        (y0, y1, grid.south_m, grid.rows),
        (x0, x1, grid.west_m, grid.columns),
    ):
        first = int(np.floor((low - origin) / step))
        last = int(np.ceil((high - origin) / step))
        most = count * per_side
        spans.append(np.arange(min(max(first, 0), most), min(max(last, 0), most), dtype=np.int64))
    rows, columns = (v.ravel() for v in np.meshgrid(*spans, indexing="ij"))
    x = grid.west_m + (columns + 0.5) * step
    y = grid.south_m + (rows + 0.5) * step
    return rows, columns, np.column_stack([x, y])


def _person_px(pose: CameraPose, offsets: Array, feet: Array, posture: Posture) -> Array:
    """(n,) pixels on the longest edge of a person at places in a photograph.

    Standing: from feet to head as projected, but at least the shoulders. Lying: the shorter of lying along
    the line of sight and across it, but at least the shoulders.
    """
    depth = offsets @ pose.axes()[:, 2]
    shoulders = SHOULDER_M * pose.focal_length_px / depth
    head = pose.project(offsets + np.array([0.0, 0.0, STANDING_M]))
    standing = np.nan_to_num(np.hypot(*(head - feet).T), nan=0.0)
    flat = offsets[:, :2]
    away = np.hypot(*flat.T)
    along = np.where(away[:, None] > 1e-6, flat / np.maximum(away, 1e-6)[:, None], [1.0, 0.0])
    lying = np.full(len(offsets), np.inf)
    for east, north in ((along[:, 0], along[:, 1]), (-along[:, 1], along[:, 0])):
        half = np.column_stack([east, north, np.zeros(len(offsets))]) * (LYING_M / 2)
        ends = pose.project(offsets + half) - pose.project(offsets - half)
        lying = np.minimum(lying, np.nan_to_num(np.hypot(*ends.T), nan=0.0))
    return by_posture(np.maximum(standing, shoulders), np.maximum(lying, shoulders), posture)


def _sweep_width_m(pose: CameraPose, height_m: float, model: SearchModel, posture: Posture) -> float:
    """W = ∫p(x)dx of one photograph across its middle row, in the open [m].

    Of a picture turned against the track the part across it is not searched for: the middle row is taken as
    the lateral range.
    """
    x = np.linspace(0.0, pose.width_px, _LINE_STEPS + 1)
    rays = pose.rays(np.column_stack([x, np.full(len(x), pose.height_px / 2)]))
    offsets = rays * (height_m / -rays[:, 2:3])
    chance = model.curve.probability(_person_px(pose, offsets, pose.project(offsets), posture))
    steps = np.hypot(*np.diff(offsets[:, :2], axis=0).T)
    return float(((chance[1:] + chance[:-1]) / 2 * steps).sum())


def _track(
    grid: SearchGrid, places: Sequence[tuple[datetime, Array, float]], visible: Array
) -> tuple[Array, Array]:
    """Length flown over each cell, and that times the sweep width, along legs of photographs that count."""
    length, swept = np.zeros(grid.shape), np.zeros(grid.shape)
    steps = [float(np.hypot(*(b[1] - a[1]))) for a, b in pairwise(places)]
    if not steps:
        return length, swept
    longest = _LONGEST_STEP * float(np.median(steps))
    for (a, b), step_m in zip(pairwise(places), steps, strict=True):
        if not 0 < step_m <= longest:
            continue
        count = max(1, int(np.ceil(4 * step_m / grid.cell_m)))
        share = (np.arange(count) + 0.5) / count
        xy = a[1] + share[:, None] * (b[1] - a[1])
        column = np.floor((xy[:, 0] - grid.west_m) / grid.cell_m).astype(np.int64)
        row = np.floor((xy[:, 1] - grid.south_m) / grid.cell_m).astype(np.int64)
        on = (column >= 0) & (column < grid.columns) & (row >= 0) & (row < grid.rows)
        width_m = (a[2] + b[2]) / 2
        np.add.at(length, (row[on], column[on]), step_m / count)
        np.add.at(swept, (row[on], column[on]), step_m / count * width_m * visible[row[on], column[on]])
    return length, swept
