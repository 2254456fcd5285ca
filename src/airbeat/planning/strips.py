"""Sweep lines for a swept disc: parallel strips, each line only as long as its strip needs."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.planning.grid import crossings, ring_edges

__all__ = ["Shape", "strip_lines"]

Points = npt.NDArray[np.float64]
Spans = list[tuple[float, float]]

_EDGE_SHARE = 0.1
"""No line is nearer to the target's edge than this share of the spacing."""
_REACH_SHARE = 0.6
_ROWS = 8
"""Heights within a strip at which the area is looked at."""


class Shape:
    """The edges of a (Multi)Polygon, for looking at it along many directions."""

    def __init__(self, geometry: Any) -> None:
        self.start, self.end = ring_edges(geometry)

    def turned(self, angle_rad: float) -> tuple[Points, Points]:
        """Edges turned so that the direction lies along x."""
        turn = rotation(-angle_rad).T
        return self.start @ turn, self.end @ turn

    def edge_sum(self, angles_rad: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Half the sum of the edges' extents across each direction [m].

        Divided by the line spacing this is the expected number of lines, pieces counted singly.
        """
        edges = self.end - self.start
        normal = np.stack([-np.sin(angles_rad), np.cos(angles_rad)])
        return np.asarray(np.abs(edges @ normal).sum(axis=0) / 2)


def rotation(angle_rad: float) -> Points:
    """The matrix that turns column vectors by an angle."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[c, -s], [s, c]])


def strip_lines(
    target: Shape,
    space: Shape,
    angle_rad: float,
    *,
    spacing_m: float,
    radius_m: float,
    shift: float | None = None,
) -> tuple[list[Points], float]:
    """Lines (2, 2) of one direction over a target, flown inside a space, and what they leave unseen [m²].

    Args:
        target: what is to be seen.
        space: where lines may run.
        angle_rad: direction of the lines.
        spacing_m: distance between lines.
        radius_m: half the swath of a line.
        shift: where in the slack between the target's width and whole strips the first strip lies, 0…1;
            None spreads the lines evenly instead.
    """
    t_start, t_end = target.turned(angle_rad)
    low, high = float(t_start[:, 1].min()), float(t_start[:, 1].max())
    count = max(1, math.ceil((high - low) / spacing_m - 1e-3))
    pitch = spacing_m if shift is not None else (high - low) / count
    overhang = (count * pitch - (high - low)) * (0.5 if shift is None else shift)
    centres = low - overhang + (np.arange(count) + 0.5) * pitch
    centres = np.clip(centres, low + _EDGE_SHARE * spacing_m, high - _EDGE_SHARE * spacing_m)
    if count == 1:
        centres = np.array([(low + high) / 2])
    offsets = ((np.arange(_ROWS) + 0.5) / _ROWS - 0.5) * spacing_m
    reach = _REACH_SHARE * np.sqrt(np.maximum(radius_m**2 - offsets**2, 0.0))
    heights = np.asarray((centres[:, None] + offsets[None, :]).ravel(), dtype=np.float64)
    wanted = _row_spans(t_start, t_end, heights)
    open_spans = _row_spans(*space.turned(angle_rad), np.asarray(centres, dtype=np.float64))
    back = rotation(angle_rad).T
    lines = []
    unseen = 0.0
    true_reach = np.sqrt(np.maximum(radius_m**2 - offsets**2, 0.0)).tolist()
    for k, y in enumerate(centres):
        strip = wanted[k * _ROWS : (k + 1) * _ROWS]
        spans = _strip_spans(list(zip(strip, reach.tolist(), strict=True)), open_spans[k], 2 * radius_m)
        lines += [np.array([[a, y], [b, y]]) @ back for a, b in spans]
        unseen += sum(_outside(row, spans, far) for row, far in zip(strip, true_reach, strict=True))
    return lines, unseen * spacing_m / _ROWS


def _outside(row: Spans, lines: Spans, reach: float) -> float:
    """How much of a row no line on its strip's centre sees [m]."""
    total = 0.0
    for u, v in row:
        total += v - u
        for a, b in lines:
            total -= max(0.0, min(v, b + reach) - max(u, a - reach))
    return total


def _row_spans(start: Points, end: Points, ys: Points) -> list[Spans]:
    """What each horizontal line cuts out of a shape, as ascending (from, to)."""
    ascending = np.argsort(ys, kind="stable")
    row, x = crossings(start, end, ys[ascending])
    row = ascending[row]
    order = np.lexsort((x, row))
    row, x = row[order], x[order]
    bounds = np.searchsorted(row, np.arange(len(ys) + 1)).tolist()
    values = x.tolist()
    return [list(zip(values[i:j:2], values[i + 1 : j : 2], strict=True)) for i, j in pairwise(bounds)]


def _strip_spans(rows: list[tuple[Spans, float]], open_spans: Spans, join: float) -> Spans:
    """The shortest spans of the centre line that see all of the strip that can be seen from it."""
    found: Spans = []
    for p, q in open_spans:
        needs: Spans = []
        touches: Spans = []
        for spans, reach in rows:
            for u, v in spans:
                if v > p - reach and u < q + reach:
                    a, b = min(max(u + reach, p), q), min(max(v - reach, p), q)
                    if a <= b:
                        needs.append((a, b))
                    else:
                        touches.append((b, a))
        found += _touching(_joined(needs, join), touches, join)
    return found


def _joined(needs: Spans, join: float) -> Spans:
    """Spans that are near one another become one."""
    out: Spans = []
    for a, b in sorted(needs):
        if out and a <= out[-1][1] + join:
            out[-1] = (out[-1][0], max(b, out[-1][1]))
        else:
            out.append((a, b))
    return out


def _touching(spans: Spans, touches: Spans, join: float) -> Spans:
    """Spans grown, or added as points, so that each interval to be touched has a place in one of them."""
    for a, b in sorted(touches, key=lambda t: t[1]):
        if any(p <= b and q >= a for p, q in spans):
            continue
        gap, k = min(((max(p - b, a - q), k) for k, (p, q) in enumerate(spans)), default=(math.inf, -1))
        if gap <= join:
            p, q = spans[k]
            spans[k] = (min(p, b), max(q, a))
        else:
            spans.append(((a + b) / 2, (a + b) / 2))
    return _joined(spans, 0.0)
