"""Lines side by side along a centre line, clipped to where the vehicle may fly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.planning.sweep import Swath
from airbeat.planning.tour import Leg

__all__ = ["along_tracks", "corridor_tracks"]

Points = npt.NDArray[np.float64]

_SHORTEST_M = 0.5
_MITRE_LIMIT = 4.0


def corridor_tracks(
    line: Points, space: Any, swath: Swath, *, width_m: float, lines: int | None = None
) -> list[Points]:
    """Tracks (k, 2) beside a centre line, spread evenly over the width, each inside the space.

    Args:
        line: (n, 2) corners of the centre line [m].
        space: local (Multi)Polygon [m] that no track may leave.
        swath: what one line sees; tracks run on by its overrun where the space allows.
        width_m: full width of the corridor [m].
        lines: how many tracks; None for as many as the spacing needs.
    """
    count = lines or max(1, math.ceil(width_m / swath.spacing_m - 1e-9))
    centre = shapely.LineString(_longer(line, swath.overrun_m))
    tracks: list[Points] = []
    for k in range(count):
        offset = (k + 0.5) * width_m / count - width_m / 2
        track = centre
        if abs(offset) > 1e-6:
            track = shapely.offset_curve(centre, offset, join_style="mitre", mitre_limit=_MITRE_LIMIT)
        inside = shapely.intersection(shapely.line_merge(track), space)
        merged = shapely.line_merge(inside) if inside.geom_type == "MultiLineString" else inside
        for part in shapely.get_parts(merged):
            if part.geom_type == "LineString" and part.length > _SHORTEST_M:
                tracks.append(shapely.get_coordinates(shapely.remove_repeated_points(part, 0.01)))
    return tracks


def _longer(line: Points, by_m: float) -> Points:
    """A line with both ends drawn out straight."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    line = line[np.concatenate([[True], steps > 1e-6])]
    first, last = line[0] - line[1], line[-1] - line[-2]
    return np.vstack(
        [line[0] + first / np.hypot(*first) * by_m, line[1:-1], line[-1] + last / np.hypot(*last) * by_m]
    )


def along_tracks(legs: Sequence[Leg], tracks: Sequence[Points]) -> list[Leg]:
    """Legs in which each photographed leg from one end of a track to the other follows that track."""
    by_ends: dict[tuple[float, ...], Points] = {}
    for track in tracks:
        by_ends[_key(track[0], track[-1])] = track
        by_ends[_key(track[-1], track[0])] = track[::-1]
    result: list[Leg] = []
    for leg in legs:
        found = by_ends.get(_key(leg.start, leg.end)) if leg.camera_on else None
        if found is None:
            result.append(leg)
        else:
            corners = [(float(x), float(y)) for x, y in found]
            result += [Leg(start=a, end=b, camera_on=True) for a, b in pairwise(corners)]
    return result


def _key(start: Any, end: Any) -> tuple[float, ...]:
    return tuple(round(float(v), 6) for v in (*start, *end))
