"""The segment table: how well each named piece of ground was searched, and where more effort pays most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.search.grid import ProbabilityMap, SearchGrid

__all__ = ["Effort", "SegmentRow", "block_names", "blocks", "segment_rows"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Effort:
    """What all searches so far were worth; arrays (rows, columns).

    Attributes:
        coverage: C summed over the searches.
        pod_low: cumulative POD, lower end of the band.
        pod_high: upper end.
        seen: share of each cell that any photograph that counts shows, at least one search's, 0…1.
        length_m: track flown over each cell, of photographs that count [m].
        swept_m2: sweep width times that length, hidden ground taken off [m²].
    """

    coverage: Array
    pod_low: Array
    pod_high: Array
    seen: Array
    length_m: Array
    swept_m2: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """One line of the segment table; probabilities as shares 0…1.

    Attributes:
        name: of the segment.
        area_m2: A [m²].
        poa_before: before any search.
        sweep_width_m: W of camera, height, detection curve and what hides the ground, mean over L [m]; 0
            without any.
        length_m: L, track of the photographs that count [m].
        coverage: C from the footprints of photographs that count, not from W·L/A: looks from one direction
            count once, and ground beside the map or in no photograph not at all.
        pod_low: mean over the ground, weighted by where the person may be; lower end of the band.
        pod_high: upper end.
        gap: share of the area that no photograph that counts shows.
        pos_low: POA before × POD, lower end.
        pos_high: upper end.
        poa_after: after all searches, by the lower end.
        next_best: success to be gained by one more minute of flight here, by the exponential law,
            POA·(1 − e^(−W·v·60 s/A)); where it is greatest the next minute pays most.
    """

    name: str
    area_m2: float
    poa_before: float
    sweep_width_m: float
    length_m: float
    coverage: float
    pod_low: float
    pod_high: float
    gap: float
    pos_low: float
    pos_high: float
    poa_after: float
    next_best: float


def blocks(grid: SearchGrid, per_side: int = 3) -> list[tuple[str, Array]]:
    """The map in named blocks, A1 in the north-west: for a case without segments of its own.

    Returns:
        Names and (rows, columns) shares of each cell, 0 or 1.
    """
    rows = np.array_split(np.arange(grid.rows)[::-1], min(per_side, grid.rows))
    columns = np.array_split(np.arange(grid.columns), min(per_side, grid.columns))
    found = []
    for letter, row in zip(block_names(len(rows)), rows, strict=True):
        for number, column in enumerate(columns, start=1):
            share = np.zeros(grid.shape)
            share[np.ix_(row, column)] = 1.0
            found.append((f"{letter}{number}", share))
    return found


def block_names(count: int) -> list[str]:
    """A, B, C … for the rows of blocks, from the north."""
    return [chr(ord("A") + n) for n in range(count)]


def segment_rows(
    segments: Sequence[tuple[str, Array]],
    *,
    first: ProbabilityMap,
    now: ProbabilityMap,
    effort: Effort,
    visible: Array,
    next_sweep_width_m: float,
    speed_m_s: float,
) -> list[SegmentRow]:
    """One row for each segment.

    Args:
        segments: names and (rows, columns) shares of each cell inside, 0…1.
        first: the map before any search.
        now: the map after all of them.
        effort: what they were worth.
        visible: (rows, columns) share of the ground that nothing hides, 0…1.
        next_sweep_width_m: W of the next flight in the open [m].
        speed_m_s: its speed [m/s].
    """
    cell_m2 = first.grid.cell_area_m2
    rows = []
    for name, share in segments:
        area = float(share.sum()) * cell_m2
        before, after = float((share * first.poa).sum()), float((share * now.poa).sum())
        length = float((share * effort.length_m).sum())
        pos_low = float((share * first.poa * effort.pod_low).sum())
        pos_high = float((share * first.poa * effort.pod_high).sum())

        def mean(values: Array, share: Array = share) -> float:
            total = float(share.sum())
            return float((share * values).sum()) / total if total > 0 else 0.0

        rows.append(
            SegmentRow(
                name=name,
                area_m2=area,
                poa_before=before,
                sweep_width_m=float((share * effort.swept_m2).sum()) / length if length > 0 else 0.0,
                length_m=length,
                coverage=mean(effort.coverage),
                pod_low=pos_low / before if before > 0 else mean(effort.pod_low),
                pod_high=pos_high / before if before > 0 else mean(effort.pod_high),
                gap=1.0 - mean(effort.seen),
                pos_low=pos_low,
                pos_high=pos_high,
                poa_after=after,
                next_best=_gain_a_minute(after, area, next_sweep_width_m * mean(visible), speed_m_s),
            )
        )
    return rows


def _gain_a_minute(poa: float, area_m2: float, sweep_width_m: float, speed_m_s: float) -> float:
    """Success to be had from one more minute, were it spread over the segment: POA·(1 − e^(−W·v·60/A))."""
    if area_m2 <= 0:
        return 0.0
    return -poa * math.expm1(-sweep_width_m * speed_m_s * 60.0 / area_m2)
