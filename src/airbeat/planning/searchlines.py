"""The exact geometry of the search manuals' patterns, in local metres, x east and y north.

Formulas: IAMSAR Manual volume II, chapter 5. Courses are degrees clockwise from north.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.planning.route import polygons_of

__all__ = [
    "area_mean",
    "area_range",
    "contour_lines",
    "drifted",
    "expanding_square",
    "long_axis_rad",
    "sector_search",
    "swept_legs",
    "track_passes",
]

Points = npt.NDArray[np.float64]
Place = tuple[float, float]

_SHORTEST_M = 1.0
_MITRE_LIMIT = 4.0


def _course(course_deg: float) -> Points:
    """Unit vector of a course."""
    turn = math.radians(course_deg)
    return np.array([math.sin(turn), math.cos(turn)])


def expanding_square(
    *, radius_m: float, reach_m: float, spacing_m: float, first_leg_deg: float, starboard: bool = True
) -> Points:
    """Corners (n + 1, 2) of an expanding square about the origin, where it begins.

    Leg k is ⌈k/2⌉·S long, and all turns are 90° one way. To see the square of half-side R with a reach of
    w/2 to either side, m = ⌈(R - w/2)/S⌉ and n = 4m + 1 legs are flown, (2m + 1)²·S long together.

    Args:
        radius_m: half the side of the square, R [m].
        reach_m: half the sweep width, w/2 [m].
        spacing_m: S [m].
        first_leg_deg: course of the first leg.
        starboard: whether the turns are to the right.
    """
    rounds = max(0, math.ceil((radius_m - reach_m) / spacing_m - 1e-9))
    turn = 90.0 if starboard else -90.0
    steps = [
        _course(first_leg_deg + turn * (k - 1)) * (spacing_m * math.ceil(k / 2))
        for k in range(1, 4 * rounds + 2)
    ]
    return np.vstack([np.zeros((1, 2)), np.cumsum(steps, axis=0)])


def sector_search(*, radius_m: float, first_leg_deg: float, sector_deg: float = 60.0) -> Points:
    """Corners (n, 2) of a sector search that begins and ends at the origin, all turns to starboard.

    Out along the first course, then by chords of 2R·sin(α/2), after turns of 90° + α/2, from one diameter
    to the next. With α = 60° these are the nine legs of R on ψ + {0, 120, 240, 240, 0, 120, 120, 240, 0}°,
    9R together. The datum is a corner of its own on every diameter.
    """
    places = [np.zeros(2)]
    at_deg = first_leg_deg
    places.append(_course(at_deg) * radius_m)
    for number in range(round(180.0 / sector_deg)):
        at_deg += sector_deg
        places.append(_course(at_deg) * radius_m)
        places.append(np.zeros(2))
        if number < round(180.0 / sector_deg) - 1:
            at_deg += 180.0
            places.append(_course(at_deg) * radius_m)
    return np.array(places)


def long_axis_rad(area: Any) -> float:
    """Direction of the long side of the smallest rectangle round an area, from east towards north [rad]."""
    corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(area))
    sides = np.diff(corners, axis=0)[:2]
    dx, dy = sides[int(np.argmax(np.hypot(*sides.T)))]
    return math.atan2(dy, dx) % math.pi


def swept_legs(area: Any, free: Any, *, angle_rad: float, spacing_m: float, begin: Place) -> list[Points]:
    """Legs (2, 2) side by side over an area, flown to and fro, the first half a spacing inside its edge.

    The last leg lies half a spacing inside the far edge, nearer to the one before where the width is no
    multiple of the spacing; an area narrower than that gets one leg along its middle.

    Args:
        area: local (Multi)Polygon.
        free: local (Multi)Polygon that no leg may leave.
        angle_rad: direction of the legs, from east towards north [rad].
        spacing_m: distance between legs [m].
        begin: the place near which the first leg begins.
    """
    along, across = _axes(angle_rad)
    outline = shapely.get_coordinates(area)
    u, v = outline @ along, outline @ across
    width = float(np.ptp(v))
    count = max(1, math.ceil(width / spacing_m - 1e-9))
    offsets = [min((k + 0.5) * spacing_m, width - spacing_m / 2) for k in range(count)]
    if count == 1:
        offsets = [width / 2]
    far_side = float(np.dot(begin, across)) > v.min() + width / 2
    onward = float(np.dot(begin, along)) <= u.min() + float(np.ptp(u)) / 2
    inside = area.intersection(free)
    legs = []
    for offset in offsets:
        level = v.max() - offset if far_side else v.min() + offset
        ends = [along * reach + across * level for reach in (u.min() - 1.0, u.max() + 1.0)]
        cut = shapely.intersection(inside, shapely.LineString(ends))
        pieces = [
            shapely.get_coordinates(part)[[0, -1]]
            for part in shapely.get_parts(cut)
            if part.geom_type == "LineString" and part.length > _SHORTEST_M
        ]
        pieces = [p if float((p[1] - p[0]) @ along) > 0 else p[::-1] for p in pieces]
        pieces.sort(key=lambda p: float(p[0] @ along))
        legs += pieces if onward else [p[::-1] for p in reversed(pieces)]
        onward = not onward
    return legs


def _axes(angle_rad: float) -> tuple[Points, Points]:
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([c, s]), np.array([-s, c])


def track_passes(line: Points, *, passes: int, spacing_m: float) -> list[Points]:
    """Passes (n, 2) along a line: on it, a spacing to its right on the way back, to its left, and so on."""
    centre = shapely.LineString(line)
    tracks = []
    for number in range(passes):
        offset = -(number + 1) // 2 * spacing_m if number % 2 else number // 2 * spacing_m
        track = centre
        if number:
            track = shapely.offset_curve(centre, offset, join_style="mitre", mitre_limit=_MITRE_LIMIT)
        for part in shapely.get_parts(track):
            points = shapely.get_coordinates(part)
            tracks.append(points[::-1] if number % 2 else points)
    return tracks


def drifted(corners: Points, leg_s: Sequence[float], *, velocity_m_s: Place, elapsed_s: float) -> Points:
    """Corners (n, 2) of a pattern laid over ground that drifts, each shifted by the drift until then.

    Args:
        corners: as flown about a datum that stays.
        leg_s: (n - 1,) time of each leg [s].
        velocity_m_s: of the drift, east and north [m/s].
        elapsed_s: how long it has drifted when the first corner is reached [s].
    """
    reached = elapsed_s + np.concatenate([[0.0], np.cumsum(leg_s)])
    return np.asarray(corners + reached[:, None] * np.array(velocity_m_s)[None, :])


def contour_lines(
    x_m: Points, y_m: Points, height_m: Points, levels_m: Sequence[float], inside: Any
) -> list[Points]:
    """Lines (n, 2) of equal height on a raster, level by level, cut to an area.

    Each cell is two triangles, in which the height is linear, so that no cell is ambiguous.

    Args:
        x_m: (columns,) ascending.
        y_m: (rows,) ascending.
        height_m: (rows, columns); NaN where unknown, which no line enters.
        levels_m: in the order of the lines.
        inside: local (Multi)Polygon.
    """
    grid = np.stack([*np.broadcast_arrays(x_m[None, :], y_m[:, None]), height_m], axis=-1)
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
    triangles = np.concatenate([np.stack(t, axis=-2).reshape(-1, 3, 3) for t in ((a, b, c), (a, c, d))])
    triangles = triangles[np.isfinite(triangles[..., 2]).all(axis=1)]
    lines: list[Points] = []
    for level in levels_m:
        pieces = _crossings(triangles, level)
        if not len(pieces):
            continue
        merged = shapely.line_merge(shapely.union_all(shapely.linestrings(pieces)))
        cut = shapely.intersection(merged, inside)
        joined = shapely.line_merge(cut) if cut.geom_type == "MultiLineString" else cut
        lines += [
            shapely.get_coordinates(part)
            for part in shapely.get_parts(joined)
            if part.geom_type == "LineString" and part.length > _SHORTEST_M
        ]
    return lines


def _crossings(triangles: Points, level: float) -> Points:
    """(n, 2, 2) where the level crosses triangles; a corner on the level counts as above it."""
    above = triangles[..., 2] >= level
    crossed = triangles[above.any(axis=1) & ~above.all(axis=1)]
    above = crossed[..., 2] >= level
    lone = np.where(above.sum(axis=1) == 1, above.argmax(axis=1), (~above).argmax(axis=1))
    row = np.arange(len(crossed))
    ends = []
    for step in (1, 2):
        p, q = crossed[row, lone], crossed[row, (lone + step) % 3]
        share = (level - p[:, 2]) / (q[:, 2] - p[:, 2])
        ends.append(np.round(p[:, :2] + share[:, None] * (q[:, :2] - p[:, :2]), 6))
    pieces = np.stack(ends, axis=1)
    return np.asarray(pieces[np.hypot(*(pieces[:, 1] - pieces[:, 0]).T) > 1e-6])


def area_mean(values: Points, x_m: Points, y_m: Points, area: Any) -> float:
    """Mean of raster values (rows, columns) whose places lie in an area; NaN where none do."""
    known = _within(values, x_m, y_m, area)
    return float(known.mean()) if known.size else math.nan


def area_range(values: Points, x_m: Points, y_m: Points, area: Any) -> tuple[float, float]:
    """Greatest and least of raster values (rows, columns) whose places lie in an area; NaN where none do."""
    known = _within(values, x_m, y_m, area)
    return (float(known.max()), float(known.min())) if known.size else (math.nan, math.nan)


def _within(values: Points, x_m: Points, y_m: Points, area: Any) -> Points:
    x, y = np.meshgrid(x_m, y_m)
    within = np.zeros(values.shape, dtype=bool)
    for part in polygons_of(area):
        within |= shapely.contains_xy(part, x, y)
    return np.asarray(values[within & np.isfinite(values)])
