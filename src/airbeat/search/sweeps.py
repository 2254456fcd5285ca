"""Sweep lines over a probability map: the serpentine that finds the most within the lengths to be flown.

For one direction, the map becomes parallel tracks a spacing apart, cut into bins. A serpentine flies one
stretch of each of several neighbouring tracks; which stretches, each in which direction, and where it begins
and ends is a longest path over (track, bin), solved exactly for a price of a metre flown. A bisection over
the price meets the lengths there are; several flights share one serpentine, cut one behind the other, so
that their areas are disjoint. Turns and the ways from and to the launch place are paid within each length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.search.field import Field, Place, Points, charged_m, cut_to, without_repeats

__all__ = ["Tracks", "serpentines", "tracks_over"]

_MET = 0.9995


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tracks:
    """Parallel tracks along the rows of a field.

    Attributes:
        y_m: (tracks,) where they run, evenly spaced [m].
        start_m: x where their first bin begins [m].
        bin_m: length of a bin [m].
        worth: (tracks, bins) what flying over the bin finds; -inf where it may not be flown.
    """

    y_m: Points
    start_m: float
    bin_m: float
    worth: Points

    def worth_along(self, paths: Sequence[Points]) -> float:
        """What the stretches of serpentines over these tracks are worth, counted by bins."""
        worth = np.where(np.isfinite(self.worth), self.worth, 0.0)
        done = np.concatenate([np.zeros((len(worth), 1)), np.cumsum(worth, axis=1)], axis=1)
        edges = self.start_m + np.arange(done.shape[1]) * self.bin_m
        total = 0.0
        for path in paths:
            level = np.abs(np.diff(path[:, 1])) < 1e-6
            for k in np.flatnonzero(level):
                track = int(np.abs(self.y_m - path[k, 1]).argmin())
                a, b = np.interp(path[k : k + 2, 0], edges, done[track])
                total += abs(float(b - a))
        return total


def tracks_over(field: Field, *, offset_m: float, spacing_m: float, reach_m: float, bin_m: float) -> Tracks:
    """Tracks along the rows of a field, and what each of their bins is worth.

    A cell belongs to the nearest track, if that passes its middle within reach.

    Args:
        field: the map.
        offset_m: y of one of the tracks [m].
        spacing_m: distance between tracks [m].
        reach_m: half the sweep width [m].
        bin_m: length of a bin [m].
    """
    x, y = field.x_m(), field.y_m()
    number = np.rint((y - offset_m) / spacing_m).astype(int)
    near = np.abs(y - offset_m - number * spacing_m) <= reach_m + 1e-9
    columns = np.flatnonzero((field.values > 0).any(axis=0))
    rows = np.flatnonzero((field.values > 0).any(axis=1) & near)
    if not (columns.size and rows.size):
        return Tracks(y_m=np.zeros(0), start_m=0.0, bin_m=bin_m, worth=np.zeros((0, 0)))
    start = float(x[columns[0]] - field.cell_m / 2)
    bins = ((x[columns[0] : columns[-1] + 1] - start) / bin_m).astype(int)
    first = int(number[rows[0]])
    count = int(number[rows[-1]]) - first + 1
    by_track = np.zeros((count, len(bins)))
    np.add.at(by_track, number[rows] - first, field.values[rows, columns[0] : columns[-1] + 1])
    begins = np.flatnonzero(np.diff(bins, prepend=-1))
    worth = np.add.reduceat(by_track, begins, axis=1)
    y_m: Points = np.asarray(offset_m + (first + np.arange(count)) * spacing_m)
    if field.closed is not None:
        row = np.clip(((y_m - field.south_m) / field.cell_m).astype(int), 0, field.values.shape[0] - 1)
        shut = field.closed[row, columns[0] : columns[-1] + 1]
        worth[np.logical_or.reduceat(shut, begins, axis=1)] = -np.inf
    return Tracks(y_m=y_m, start_m=start, bin_m=bin_m, worth=worth)


def serpentines(
    tracks: Tracks,
    lengths_m: Sequence[float],
    *,
    launch: Place | None = None,
    turn_m: float = 0.0,
    bisections: int = 20,
) -> list[Points]:
    """One path (n, 2) for each length, together worth most; an empty path where nothing fits.

    Args:
        tracks: what there is to fly.
        lengths_m: what each flight may fly, its ways from and to the launch place and turns included [m].
        launch: the launch place, or None for paths that begin and end anywhere.
        turn_m: what a turn costs, as a length at cruise speed [m].
        bisections: how closely the lengths are met; with fewer, more is cut off the last path.
    """
    nothing = [np.zeros((0, 2)) for _ in lengths_m]
    if not (tracks.worth > 0).any():
        return nothing
    ways = _ways(tracks, launch, turn_m)
    low, high = 0.0, float(tracks.worth.max()) / tracks.bin_m
    best, over = nothing, None
    for _ in range(bisections):
        price = (low + high) / 2
        path = _solve(tracks, ways, price)
        pieces, rest = _shared(path, lengths_m, launch=launch, turn_m=turn_m)
        if len(rest):
            low, over = price, pieces
        else:
            high = price
            best = pieces if len(path) else best
            flown = sum(charged_m(p, launch=launch, turn_m=turn_m) for p in pieces)
            if flown > _MET * sum(lengths_m):
                break
    if over is not None and tracks.worth_along(over) > tracks.worth_along(best):
        best = over
    return best


def _shared(
    path: Points, lengths_m: Sequence[float], *, launch: Place | None, turn_m: float
) -> tuple[list[Points], Points]:
    """A path cut into pieces that fit the lengths, and what is left over."""
    pieces = []
    for length_m in lengths_m:
        piece, path = cut_to(path, length_m, launch=launch, turn_m=turn_m) if len(path) else (path, path)
        pieces.append(piece)
    return pieces, path


@dataclass(frozen=True, slots=True)
class _Ways:
    edges_m: Points
    """(edges,) x of the bin edges [m]."""
    hop_m: Points
    """(edges, edges) from an edge of one track to one of the next, turns included [m]."""
    launch_m: Points
    """(tracks, edges) from the launch place [m]."""


def _ways(tracks: Tracks, launch: Place | None, turn_m: float) -> _Ways:
    edges = tracks.start_m + np.arange(tracks.worth.shape[1] + 1) * tracks.bin_m
    step_m = float(tracks.y_m[1] - tracks.y_m[0]) if len(tracks.y_m) > 1 else 0.0
    hop = np.hypot(edges[:, None] - edges[None, :], step_m) + 2 * turn_m
    away = np.zeros((len(tracks.y_m), len(edges)))
    if launch is not None:
        away = np.hypot(edges[None, :] - launch[0], tracks.y_m[:, None] - launch[1]) + turn_m
    return _Ways(edges, hop, away)


def _solve(tracks: Tracks, ways: _Ways, price: float) -> Points:
    """The serpentine of greatest worth less price times length; empty where none is worth its price.

    Outside the tracks and bins between which some bin is worth more than its price, nothing is gained: by the
    triangle inequality no way is shorter through there. They are left out, which changes no result.
    """
    never = -4.0 * float(tracks.worth[np.isfinite(tracks.worth)].sum())  # no serpentine makes up for that
    gain = np.where(np.isfinite(tracks.worth), tracks.worth - price * tracks.bin_m, never)
    rows, columns = np.flatnonzero((gain > 0).any(axis=1)), np.flatnonzero((gain > 0).any(axis=0))
    if not rows.size:
        return np.zeros((0, 2))
    row, column = int(rows[0]), int(columns[0])
    gain = gain[row : rows[-1] + 1, column : columns[-1] + 1]
    count, size = gain.shape
    gained = np.concatenate([np.zeros((count, 1)), np.cumsum(gain, axis=1)], axis=1)
    hop = price * ways.hop_m[: size + 1, : size + 1]  # between even edges, so the same for any first edge
    launch = price * ways.launch_m[row : row + count, column : column + size + 1]
    index = np.arange(size + 1)
    entered = np.empty((count, size + 1), dtype=np.int64)  # edge where the stretch on this track began
    came = np.full((count, size + 1), -1)  # edge left on the track before, by entry; -1: none
    best_end, best_value = (-1, -1), 0.0
    value = np.zeros(0)
    for k in range(count):
        entry = -launch[k]
        if k:
            hops = value[:, None] - hop
            before = hops.argmax(axis=0)
            hopped = hops[before, index]
            came[k] = np.where(hopped > entry, before, -1)
            entry = np.maximum(hopped, entry)
        forward, begun = _running_max(entry - gained[k], index)
        backward, begun_back = _running_max((entry + gained[k])[::-1], index)
        onward, back = forward + gained[k], backward[::-1] - gained[k]
        value = np.maximum(onward, back)
        entered[k] = np.where(onward >= back, begun, size - begun_back[::-1])
        ended = value - launch[k]
        at = int(ended.argmax())
        if ended[at] > best_value:
            best_value, best_end = float(ended[at]), (k, at)
    return _traced(tracks.y_m[row:], ways.edges_m[column:], entered, came, best_end)


def _running_max(values: Points, index: npt.NDArray[np.int64]) -> tuple[Points, npt.NDArray[np.int64]]:
    """The greatest value so far, and its place."""
    most = np.maximum.accumulate(values)
    place = np.where(values == most, index, 0)
    return most, np.maximum.accumulate(place)


def _traced(
    y_m: Points,
    edges_m: Points,
    entered: npt.NDArray[np.int64],
    came: npt.NDArray[np.int64],
    end: tuple[int, int],
) -> Points:
    track, edge = end
    places: list[tuple[float, float]] = []
    while track >= 0:
        first = int(entered[track, edge])
        y = float(y_m[track])
        places += [(float(edges_m[edge]), y), (float(edges_m[first]), y)]
        track, edge = (track - 1, int(came[track, first])) if came[track, first] >= 0 else (-1, -1)
    return without_repeats(np.array(places[::-1]).reshape(-1, 2))
