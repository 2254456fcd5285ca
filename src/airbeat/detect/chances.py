"""In which frames a candidate should have been seen, whether it was or not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import shapely

from airbeat.detect.candidates import Candidate
from airbeat.detect.records import SearchedFrame
from airbeat.errors import FrameError
from airbeat.geo.frame import LocalFrame
from airbeat.locate.ground import footprint, pixel_of
from airbeat.locate.relief import TerrainGround

__all__ = ["missed_in"]

_FAINTEST_GSD_M_PX = 0.10
"""Farther away than where a pixel covers this much, nobody is expected to be seen."""

_RELIEF_M = 30.0
"""On a slope a picture's edge bends away from the straight line between its corners by no more than this."""


def missed_in(
    frames: Iterable[SearchedFrame],
    candidates: Sequence[Candidate],
    *,
    terrain: TerrainGround | None = None,
) -> list[list[int]]:
    """For each candidate the frames that show its place but have no look at it, by their numbers.

    A frame shows a place if that falls inside its picture, at the height of the ground assumed for the frame,
    and not so far away that a person would be smaller than can be found. Trees and walls are not known.

    Args:
        frames: in the order of their numbers; each is looked at once.
        candidates: those without a place are missed in no frame.
        terrain: the height model they were located on, None for flat ground.
    """
    missed: list[list[int]] = [[] for _ in candidates]
    placed = [(i, c.point.position) for i, c in enumerate(candidates) if c.point is not None]
    if not placed:
        return missed
    lon_lat = [(p.lon_deg, p.lat_deg) for _, p in placed]
    local = LocalFrame.around(shapely.MultiPoint(lon_lat))
    xy = local.to_xy(p for _, p in placed)
    tree = shapely.STRtree(shapely.points(xy))
    looked = {(look.frame, i) for i, _ in placed for look in candidates[i].looks}
    for number, frame in enumerate(frames):
        near = _near(frame, tree, local, terrain)
        if not near:
            continue
        pixels = pixel_of(
            frame.meta,
            [placed[k][1] for k in near],
            ground_height_m=frame.ground_height_m,
            terrain=terrain,
        )
        size = np.array([frame.meta.width_px, frame.meta.height_px])
        with np.errstate(invalid="ignore"):
            shown = np.atleast_1d(np.logical_and(pixels >= 0, pixels <= size).all(axis=1))
        for k, is_shown in zip(near, shown, strict=True):
            if is_shown and (number, placed[k][0]) not in looked:
                missed[placed[k][0]].append(number)
    return missed


def _near(
    frame: SearchedFrame, tree: shapely.STRtree, local: LocalFrame, terrain: TerrainGround | None
) -> list[int]:
    """Places that the frame may show, by their numbers in the tree."""
    meta = frame.meta
    if meta.position is None or meta.focal_length_px is None:
        return []
    camera = shapely.Point(local.to_xy([meta.position])[0])
    ground = camera.buffer(_FAINTEST_GSD_M_PX * meta.focal_length_px)
    try:
        shape = footprint(meta, ground_height_m=frame.ground_height_m, terrain=terrain)
        ground &= local.to_local(shape).buffer(1.0 if terrain is None else _RELIEF_M)
    except FrameError:  # a corner looks at the horizon, or the frame cannot say where it looks
        try:
            pixel_of(meta, [meta.position], ground_height_m=frame.ground_height_m, terrain=terrain)
        except FrameError:
            return []
    return sorted(int(k) for k in tree.query(ground, predicate="intersects"))
