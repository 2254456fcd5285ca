"""Passes along the middle of long, narrow areas: corridors, rings, spirals, valleys.

Where an area has about the same width all along, lines that follow it need far fewer turns than straight
ones across it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.planning.route import polygons_of

__all__ = ["centre_line", "lengthened", "passes_along"]

Points = npt.NDArray[np.float64]

_SAMPLES = 600
_EVEN_WIDTH = 0.75
"""A ribbon's mean width is at least this share of its greatest width."""
_LENGTH_TO_WIDTH = 3.0
_CORNER_CUT_M = 1.0
_INSET_SHARE = 0.85
"""The middle is looked for between the sides of the ribbon after so much of its half width is taken off."""


def centre_line(polygon: Any) -> Points | None:
    """The middle of a ribbon-like polygon, (n, 2), closed for rings; None where it is no ribbon."""
    if len(polygon.interiors) > 1:
        return None
    circle = shapely.maximum_inscribed_circle(polygon, tolerance=math.sqrt(polygon.area) / 500)
    radius = circle.length
    half_outline = polygon.length / 2
    if polygon.area / half_outline < _EVEN_WIDTH * 2 * radius or half_outline < _LENGTH_TO_WIDTH * 2 * radius:
        return None
    if len(polygon.interiors) == 1:
        return _between(polygon.exterior, polygon.interiors[0])
    inset = _INSET_SHARE * radius
    core = polygons_of(polygon.buffer(-inset, quad_segs=4))
    middle = _along(core[0].exterior, radius) if len(core) == 1 else None
    return None if middle is None else lengthened(middle, inset)


def _between(outer: Any, inner: Any) -> Points:
    """The closed line half-way between two rings."""
    at = np.linspace(0.0, outer.length, _SAMPLES, endpoint=False)
    out = shapely.line_interpolate_point(outer, at)
    into = shapely.line_interpolate_point(inner, shapely.line_locate_point(inner, out))
    middle = (shapely.get_coordinates(out) + shapely.get_coordinates(into)) / 2
    return np.vstack([middle, middle[:1]])


def _along(outline: Any, radius: float) -> Points | None:
    """The line half-way between the two long sides of a closed outline, from tip to tip."""
    at = np.linspace(0.0, outline.length, _SAMPLES, endpoint=False)
    ring = shapely.get_coordinates(shapely.line_interpolate_point(outline, at))
    half = _SAMPLES // 2
    steps = np.arange(half + 1)
    ahead = (np.arange(_SAMPLES)[:, None] + steps[None]) % _SAMPLES
    behind = (np.arange(_SAMPLES)[:, None] - steps[None]) % _SAMPLES
    apart = np.hypot(*(ring[ahead] - ring[behind]).transpose(2, 0, 1)).mean(axis=1)
    tip = int(np.argmin(apart))
    if apart[tip] > 2.0 * radius:
        return None
    one, other = ring[ahead[tip]], shapely.LineString(ring[behind[tip]])
    points = shapely.points(one)
    facing = shapely.get_coordinates(
        shapely.line_interpolate_point(other, shapely.line_locate_point(other, points))
    )
    return np.asarray((one + facing) / 2)


def lengthened(line: Points, by: float) -> Points:
    """A line with straight pieces added at both ends."""
    k = min(3, len(line) - 1)
    first, last = line[0] - line[k], line[-1] - line[-1 - k]
    start = line[0] + first / max(float(np.hypot(*first)), 1e-9) * by
    end = line[-1] + last / max(float(np.hypot(*last)), 1e-9) * by
    return np.vstack([start, line, end])


def passes_along(
    centre: Points, space: Any, *, width_m: float, spacing_m: float, smooth_m: float, turn_radius_m: float
) -> list[Points]:
    """Lines side by side along a centre line, each (n, 2), clipped to the space.

    Args:
        centre: (n, 2); closed when its ends coincide.
        space: where lines may run.
        width_m: of the ribbon.
        spacing_m: greatest distance between passes.
        smooth_m: length over which the centre line is evened out, so that it has no needless corners.
        turn_radius_m: turns tighter than this are flown corner by corner.
    """
    count = max(1, math.ceil(width_m / spacing_m - 0.02))
    pitch = width_m / count
    line = shapely.LineString(_evened(centre, smooth_m))
    tracks: list[Points] = []
    for k in range(count):
        offset = (k - (count - 1) / 2) * pitch
        if abs(offset) < 1e-6:
            curve = line
        elif line.is_closed:
            curve = _ring_offset(line, offset)
        else:
            curve = shapely.offset_curve(line, offset, quad_segs=16, join_style="round")
        inside = shapely.intersection(curve, space)
        merged = shapely.line_merge(inside) if inside.geom_type == "MultiLineString" else inside
        for part in shapely.get_parts(merged):
            if part.geom_type == "LineString" and part.length > 0.5 * spacing_m:
                tracks.append(_eased(shapely.get_coordinates(part.simplify(0.05)), turn_radius_m))
    return tracks


def _eased(track: Points, turn_radius: float) -> Points:
    """The track with its tight turns drawn with few corners: a stop at each is quicker than at every step."""
    if len(track) < 4:
        return track
    step = np.hypot(*np.diff(track, axis=0).T)
    at = np.concatenate([[0.0], np.cumsum(step)])
    heading = np.unwrap(np.arctan2(*np.diff(track, axis=0).T[::-1]))
    bent = np.concatenate([[heading[0]], (heading[1:] + heading[:-1]) / 2, [heading[-1]]])
    half = turn_radius / 2
    before, after = np.interp(at - half, at, bent), np.interp(at + half, at, bent)
    tight = np.abs(after - before) > 2 * half / turn_radius
    keep = ~tight
    k = 0
    while k < len(track):
        if tight[k]:
            last = k
            while last + 1 < len(track) and tight[last + 1]:
                last += 1
            few = shapely.LineString(track[k : last + 1]).simplify(_CORNER_CUT_M) if last > k else None
            if few is not None:
                corners = shapely.get_coordinates(few)
                keep[k : last + 1] = (track[k : last + 1, None] == corners[None]).all(axis=2).any(axis=1)
            else:
                keep[k] = True
            k = last
        k += 1
    keep[[0, -1]] = True
    return np.asarray(track[keep])


def _ring_offset(ring: Any, offset: float) -> Any:
    shifted = polygons_of(shapely.Polygon(ring).buffer(offset, quad_segs=16))
    largest = max(shifted, key=lambda p: p.area, default=None)
    return shapely.LineString() if largest is None else shapely.LineString(largest.exterior.coords)


def _evened(centre: Points, length: float) -> Points:
    """A moving average along the line, ends kept."""
    line = shapely.LineString(centre)
    if length <= 0:
        return centre
    step = length / 6
    count = max(8, math.ceil(line.length / step))
    at = np.linspace(0.0, line.length, count + 1)
    points = shapely.get_coordinates(shapely.line_interpolate_point(line, at))
    for _ in range(2):
        if line.is_closed:
            ring = points[:-1]
            points = np.mean([np.roll(ring, s, axis=0) for s in range(-3, 4)], axis=0)
            points = np.vstack([points, points[:1]])
        else:
            padded = np.vstack([2 * points[0] - points[3:0:-1], points, 2 * points[-1] - points[-2:-5:-1]])
            points = np.mean([padded[s : s + len(points)] for s in range(7)], axis=0)
    return np.asarray(points, dtype=np.float64)
