"""Parallel sweep lines over any area, clipped to where the vehicle may fly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.planning.route import polygons_of

__all__ = ["Swath", "candidate_angles", "sweep_lines"]

_MIN_PIECE_SHARE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Swath:
    """What one line sees.

    Attributes:
        spacing_m: distance between neighbouring lines [m].
        across_m: footprint across the line [m].
        along_m: footprint along the line [m].
        overrun_m: how far lines run on beyond the area where the space allows [m].
    """

    spacing_m: float
    across_m: float
    along_m: float
    overrun_m: float


def candidate_angles(area: Any, *, step_deg: float = 15.0) -> list[float]:
    """Directions worth trying [rad, 0…π, from x towards y]: hull edges, long edges and a coarse grid."""
    angles: list[float] = []
    simple = area.simplify(math.sqrt(area.area) / 50)
    for polygon in polygons_of(simple):
        for ring in (polygon.convex_hull.exterior, polygon.exterior):
            edges = np.diff(shapely.get_coordinates(ring), axis=0)
            longest = np.argsort(-np.hypot(*edges.T), kind="stable")[:6]
            angles += [math.atan2(edges[k, 1], edges[k, 0]) % math.pi for k in longest]
    angles += np.radians(np.arange(0.0, 180.0, step_deg)).tolist()
    kept: list[float] = []
    for angle in angles:
        if all(abs((angle - k + math.pi / 2) % math.pi - math.pi / 2) > math.radians(1.5) for k in kept):
            kept.append(float(angle))
    return kept


def sweep_lines(area: Any, space: Any, angle_rad: float, swath: Swath) -> list[npt.NDArray[np.float64]]:
    """Lines (2, 2) whose rectangular footprints cover the area wherever a line inside the space can.

    The strips are spread evenly over the area's width; each connected piece of strip ∩ area gets the
    part of the strip's centre line it needs, clipped to the space. A piece beside which the centre line
    cannot be flown gets a line of its own inside the piece.
    """
    turn = _rotation(-angle_rad)
    flat_area, flat_space = _turned(area, turn), _turned(space, turn)
    shapely.prepare(flat_area)
    _, low, _, high = flat_area.bounds
    count = max(1, math.ceil((high - low) / swath.spacing_m - 1e-9))
    pitch = (high - low) / count
    lines: list[tuple[float, float, float]] = []
    for k in range(count):
        y = low + (k + 0.5) * pitch
        lines += _strip_lines(flat_area, flat_space, y, pitch / 2, swath)
    back = _rotation(angle_rad)
    return [np.array([[a, y], [b, y]]) @ back.T for a, b, y in lines]


def _strip_lines(
    area: Any, space: Any, y: float, half: float, swath: Swath
) -> list[tuple[float, float, float]]:
    x0, _, x1, _ = area.bounds
    band = shapely.intersection(shapely.box(x0 - 1, y - half, x1 + 1, y + half), area)
    wanted: list[tuple[float, float]] = []
    alone = []
    open_parts = _intervals(space, y)
    for piece in polygons_of(band):
        if piece.area < _MIN_PIECE_SHARE * swath.across_m**2:
            continue
        a, _, b, _ = piece.bounds
        a, b = a - swath.overrun_m, b + swath.overrun_m
        parts = [(max(a, p), min(b, q)) for p, q in open_parts if min(b, q) > max(a, p)]
        reached = [(p, q) for p, q in parts if _sees(piece, p, q, swath.along_m / 2)]
        if reached:
            wanted += reached
        else:
            alone.append(piece)
    found = [(a, b, y) for a, b in _merged(wanted)]
    for piece in alone:
        found += _line_inside(piece, space, swath)
    return found


def _sees(piece: Any, a: float, b: float, reach: float) -> bool:
    """Whether footprints flown from a to b overlap a piece at all."""
    low, _, high, _ = piece.bounds
    return bool(b + reach > low and a - reach < high)


def _line_inside(piece: Any, space: Any, swath: Swath) -> list[tuple[float, float, float]]:
    """A line at another height for a piece whose strip's centre line cannot be flown."""
    _, low, _, high = piece.bounds
    reach = swath.across_m / 2
    x0, _, x1, _ = piece.bounds
    for share in (0.5, 0.25, 0.75, 0.0, 1.0):
        y = low + share * (high - low)
        parts = [
            (max(x0 - swath.overrun_m, p), min(x1 + swath.overrun_m, q)) for p, q in _intervals(space, y)
        ]
        parts = [(p, q) for p, q in parts if q > p]
        if parts:
            return [(p, q, y) for p, q in parts]
    near = shapely.intersection(space, shapely.box(x0, low - reach, x1, high + reach))
    best = max(polygons_of(near), key=lambda g: g.area, default=None)
    if best is None:
        return []
    point = best.representative_point()
    a, _, b, _ = best.bounds
    return [(max(a, p), min(b, q), point.y) for p, q in _intervals(space, point.y) if p <= point.x <= q]


def _intervals(space: Any, y: float) -> list[tuple[float, float]]:
    """Where the horizontal line at y lies inside the space, as (from, to), ascending."""
    x0, _, x1, _ = space.bounds
    cut = shapely.intersection(space, shapely.LineString([(x0 - 1, y), (x1 + 1, y)]))
    parts = [g for g in shapely.get_parts(cut) if g.geom_type == "LineString" and g.length > 0.05]
    return sorted((g.bounds[0], g.bounds[2]) for g in parts)


def _merged(intervals: list[tuple[float, float]]) -> list[tuple[float, float]]:
    out: list[tuple[float, float]] = []
    for a, b in sorted(intervals):
        if out and a <= out[-1][1]:
            out[-1] = (out[-1][0], max(b, out[-1][1]))
        else:
            out.append((a, b))
    return out


def _rotation(angle_rad: float) -> npt.NDArray[np.float64]:
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[c, -s], [s, c]])


def _turned(geometry: Any, turn: npt.NDArray[np.float64]) -> Any:
    return shapely.transform(geometry, lambda xy: xy @ turn.T)
