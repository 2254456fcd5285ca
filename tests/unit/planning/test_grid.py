"""The counts of what a path sees, against distances measured one by one."""

from __future__ import annotations

import numpy as np
import shapely

from airbeat.planning.grid import CoverGrid

AREA = shapely.Point(0, 0).buffer(100).difference(shapely.Point(20, 10).buffer(15))
RADIUS_M, CELL_M = 12.0, 2.0


def grid() -> CoverGrid:
    return CoverGrid(AREA, radius_m=RADIUS_M, cell_m=CELL_M, angle_rad=0.3)


def segments(seed: int, count: int) -> np.ndarray:
    """Random segments, the first a point and the second along the raster's rows."""
    found = np.random.default_rng(seed).uniform(-120, 120, (count, 4))
    found[0, 2:] = found[0, :2]
    found[1, 2:] = found[1, :2] + 30 * np.array([np.cos(0.38), np.sin(0.38)])
    return found


def turned(of: CoverGrid, legs: np.ndarray) -> np.ndarray:
    return of.turned(legs.reshape(-1, 2)).reshape(legs.shape)


def test_samples_lie_in_the_area_one_in_each_square() -> None:
    samples = grid().missing_samples()
    assert shapely.contains_xy(AREA.buffer(1e-6), samples[:, 0], samples[:, 1]).all()
    assert abs(len(samples) * CELL_M**2 / AREA.area - 1) < 0.01


def test_a_sample_is_seen_exactly_where_it_lies_within_half_a_swath_of_a_segment() -> None:
    for seed in range(20):
        legs = segments(seed, 8)
        covered = grid()
        samples = covered.missing_samples()
        covered.add(legs)
        away = shapely.distance(
            shapely.points(samples)[:, None], shapely.linestrings(legs.reshape(-1, 2, 2))[None]
        )
        clear = np.abs(away - RADIUS_M).min(axis=1) > 1e-3
        missing = covered.missing_samples()
        unseen = {tuple(p) for p in np.round(missing, 6).tolist()}
        for sample, seen in zip(samples[clear], (away[clear] <= RADIUS_M).any(axis=1), strict=True):
            assert (tuple(np.round(sample, 6).tolist()) in unseen) != seen
        assert covered.missing == len(missing)


def test_what_an_exchange_would_leave_unseen_is_what_it_leaves_unseen() -> None:
    for seed in range(20):
        legs = segments(seed, 8)
        new = segments(seed + 100, 30).reshape(10, 3, 4)
        new[1, 2] = new[4, 0] = new[7, 1:] = np.nan
        owner = np.repeat([0, 1], 5)
        now = np.stack([legs[:3], legs[3:6]])
        before = grid()
        before.add(legs)
        told = before.tally().more_missing(
            turned(before, now), turned(before, new), owner, np.array([3, 0]), 1000
        )
        for k, replacement in enumerate(new):
            after = grid()
            after.add(legs)
            after.exchange(now[owner[k]], replacement)
            assert after.missing - before.missing == told[k]


def test_exchanging_leaves_the_counts_of_a_grid_made_anew() -> None:
    for seed in range(20):
        legs, new = segments(seed, 8), segments(seed + 50, 3)
        new[2] = np.nan
        exchanged, anew = grid(), grid()
        exchanged.add(legs)
        exchanged.exchange(legs[:3], new)
        anew.add(np.concatenate([legs[3:], new[:2]]))
        assert (exchanged.count == anew.count).all()
        assert exchanged.missing == anew.missing


def test_missing_squares_of_a_box_are_counted_after_changes() -> None:
    covered = grid()
    first, after = covered.boxes(np.array([[-30.0, -20.0]]), np.array([[10.0, 50.0]]))
    for seed in range(5):
        covered.tally().missing_in(first, after)
        covered.exchange(np.empty((0, 4)), segments(seed, 3))
        (top, left), (bottom, right) = first[0], after[0]
        assert covered.tally().missing_in(first, after)[0] == np.count_nonzero(
            covered.count[top:bottom, left:right] <= 0
        )
