"""In which frames a candidate should have been seen, whether it was or not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.detect.candidates import Candidate
from airbeat.detect.records import SearchedFrame
from airbeat.errors import FrameError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.locate.ground import footprint, pixel_of
from airbeat.locate.relief import TerrainGround

__all__ = ["ShownBefore", "missed_in"]

Floats = npt.NDArray[np.float64]

_FAINTEST_GSD_M_PX = 0.10
"""Farther away than where a pixel covers this much, nobody is expected to be seen."""

_DEGREE_M = 111_320.0
_POLAR_DEG = 88.0

_RELIEF_M = 30.0
"""On a slope a picture's edge bends away from the straight line between its corners by no more than this."""


class ShownBefore:
    """Which frames show which places, so that a further frame, or place, costs only its own."""

    def __init__(self) -> None:
        self._reach: dict[str, _Reach | None] = {}
        self._shown: dict[tuple[str, LatLon], bool] = {}

    def reach(self, frame: SearchedFrame, terrain: TerrainGround | None) -> _Reach | None:
        """Where a frame may show somebody."""
        key = frame.meta.sha256
        if not key:
            return _reach(frame, terrain)
        if key not in self._reach:
            self._reach[key] = _reach(frame, terrain)
        return self._reach[key]

    def shown(
        self, frame: SearchedFrame, reach: _Reach, places: Sequence[LatLon], terrain: TerrainGround | None
    ) -> list[bool]:
        """Whether a frame shows each of these places."""
        key = frame.meta.sha256
        fresh = [p for p in places if not key or (key, p) not in self._shown]
        found = dict(zip(fresh, _shown(frame, reach, fresh, terrain), strict=True)) if fresh else {}
        if key:
            self._shown |= {(key, place): is_shown for place, is_shown in found.items()}
        return [found[p] if p in found else self._shown[key, p] for p in places]


@dataclass(frozen=True, slots=True)
class _Reach:
    """The ground on which a frame may show somebody: a polygon in the camera's local frame [m]."""

    local: LocalFrame
    ground: shapely.Geometry

    def may_hold(self, lat_deg: Floats, lon_deg: Floats) -> npt.NDArray[np.bool_]:
        """Which places are not far outside its bounds, roughly and fast."""
        here = self.local.origin
        if abs(here.lat_deg) > _POLAR_DEG:
            return np.ones(len(lat_deg), dtype=bool)
        west, south, east, north = self.ground.bounds
        x = (lon_deg - here.lon_deg + 180) % 360 - 180
        x = x * (_DEGREE_M * math.cos(math.radians(here.lat_deg)))
        y = (lat_deg - here.lat_deg) * _DEGREE_M
        margin = 5.0 + 0.02 * max(east - west, north - south)
        fits = (x >= west - margin) & (x <= east + margin) & (y >= south - margin) & (y <= north + margin)
        return np.asarray(fits)


def missed_in(
    frames: Iterable[SearchedFrame],
    candidates: Sequence[Candidate],
    *,
    terrain: TerrainGround | None = None,
    before: ShownBefore | None = None,
) -> list[list[int]]:
    """For each candidate the frames that show its place but have no look at it, by their numbers.

    A frame shows a place if that falls inside its picture, at the height of the ground assumed for the frame,
    and not so far away that a person would be smaller than can be found. Trees and walls are not known.

    Args:
        frames: in the order of their numbers; each is looked at once.
        candidates: those without a place are missed in no frame.
        terrain: the height model they were located on, None for flat ground.
        before: remembers what was found; for searches to which more frames come.
    """
    before = before or ShownBefore()
    missed: list[list[int]] = [[] for _ in candidates]
    placed = [(i, c.point.position) for i, c in enumerate(candidates) if c.point is not None]
    if not placed:
        return missed
    lat_deg = np.array([p.lat_deg for _, p in placed])
    lon_deg = np.array([p.lon_deg for _, p in placed])
    looked = {(look.frame, i) for i, _ in placed for look in candidates[i].looks}
    for number, frame in enumerate(frames):
        reach = before.reach(frame, terrain)
        if reach is None:
            continue
        near = np.flatnonzero(reach.may_hold(lat_deg, lon_deg)).tolist()
        if not near:
            continue
        shown = before.shown(frame, reach, [placed[k][1] for k in near], terrain)
        for k, is_shown in zip(near, shown, strict=True):
            if is_shown and (number, placed[k][0]) not in looked:
                missed[placed[k][0]].append(number)
    return missed


def _shown(
    frame: SearchedFrame, reach: _Reach, places: Sequence[LatLon], terrain: TerrainGround | None
) -> list[bool]:
    near = shapely.intersects_xy(reach.ground, reach.local.to_xy(places))
    pixels = pixel_of(frame.meta, places, ground_height_m=frame.ground_height_m, terrain=terrain)
    size = np.array([frame.meta.width_px, frame.meta.height_px])
    with np.errstate(invalid="ignore"):
        inside = np.logical_and(pixels >= 0, pixels <= size).all(axis=1)
    return [bool(v) for v in near & inside]


def _reach(frame: SearchedFrame, terrain: TerrainGround | None) -> _Reach | None:
    """Where a frame may show somebody; None for nowhere."""
    meta = frame.meta
    if meta.position is None or meta.focal_length_px is None:
        return None
    local = LocalFrame(meta.position)
    ground = shapely.Point(0, 0).buffer(_FAINTEST_GSD_M_PX * meta.focal_length_px)
    try:
        shape = footprint(meta, ground_height_m=frame.ground_height_m, terrain=terrain)
        ground &= local.to_local(shape).buffer(1.0 if terrain is None else _RELIEF_M)
    except FrameError:  # a corner looks at the horizon, or the frame cannot say where it looks
        try:
            pixel_of(meta, [meta.position], ground_height_m=frame.ground_height_m, terrain=terrain)
        except FrameError:
            return None
    if ground.is_empty:
        return None
    shapely.prepare(ground)
    return _Reach(local, ground)
