"""Gentle curves round fewer corners: the same shape and time, no stop, as much ground on both sides."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from airbeat.planning.estimate import FlightModel, stop_lengths_m
from airbeat.planning.thinning import thinned

MODEL = FlightModel()
RADIUS_M = MODEL.turn_radius_m


def stops(line: np.ndarray) -> int:
    return len(stop_lengths_m([(x, y) for x, y in line], turn_radius_m=RADIUS_M)) - 1


def arc(radius_m: float, turn_deg: float, step_deg: float) -> np.ndarray:
    angle = np.radians(np.arange(0.0, turn_deg + step_deg / 2, step_deg))
    return radius_m * np.column_stack([np.cos(angle), np.sin(angle)])


@pytest.mark.parametrize("radius_m", [70.0, 150.0, 600.0])
@pytest.mark.parametrize("tolerance_m", [0.1, 0.3])
def test_a_gentle_curve_keeps_its_shape_and_needs_no_stop_with_fewer_corners(
    radius_m: float, tolerance_m: float
) -> None:
    line = arc(radius_m, 150.0, 0.5)
    new = thinned(line, tolerance_m=tolerance_m, turn_radius_m=RADIUS_M)
    assert len(new) < 0.5 * len(line)
    assert stops(new) == stops(line) == 0
    assert shapely.hausdorff_distance(shapely.LineString(line), shapely.LineString(new)) <= tolerance_m
    assert np.array_equal(new[[0, -1]], line[[0, -1]])


def test_a_thinned_curve_takes_as_much_ground_on_both_sides_of_the_old_one() -> None:
    line = arc(200.0, 120.0, 0.5)
    new = thinned(line, tolerance_m=0.3, turn_radius_m=RADIUS_M)
    inside = shapely.Polygon([*line, (0.0, 0.0)])
    chords = shapely.Polygon([*(200.0 * new / np.hypot(*new.T)[:, None]), (0.0, 0.0)])
    lost_m2 = inside.area - chords.area
    assert abs(inside.area - shapely.Polygon([*new, (0.0, 0.0)]).area) < 0.3 * lost_m2


def test_corners_with_a_stop_stay_where_they_are() -> None:
    first = arc(300.0, 40.0, 1.0)
    line = np.vstack([first, first[-1] + [-5.0, -300.0], first[-1] + [200.0, -320.0], [900.0, 0.0]])
    new = thinned(line, tolerance_m=0.3, turn_radius_m=RADIUS_M)
    assert stops(new) == stops(line) == 3
    for corner in line[-4:]:
        assert np.hypot(*(new - corner).T).min() < 1e-9


def test_tight_bends_are_left_alone_and_repeated_points_go() -> None:
    tight = arc(20.0, 180.0, 6.0)
    assert np.array_equal(thinned(tight, tolerance_m=0.5, turn_radius_m=RADIUS_M), tight)
    twice = np.repeat(np.array([[0.0, 0.0], [100.0, 0.0], [100.0, 100.0]]), 2, axis=0)
    assert len(thinned(twice, tolerance_m=0.5, turn_radius_m=RADIUS_M)) == 3
    two = np.array([[0.0, 0.0], [50.0, 0.0]])
    assert np.array_equal(thinned(two, tolerance_m=0.5, turn_radius_m=RADIUS_M), two)


@pytest.mark.parametrize("seed", range(20))
def test_no_random_line_gets_slower_or_leaves_its_place(seed: int) -> None:
    rng = np.random.default_rng(seed)
    heading = np.cumsum(rng.normal(0.0, 0.03, 300) + (rng.random(300) < 0.02) * rng.uniform(-2.0, 2.0, 300))
    steps = rng.uniform(2.0, 15.0, 300)[:, None] * np.column_stack([np.cos(heading), np.sin(heading)])
    line = np.vstack([[0.0, 0.0], np.cumsum(steps, axis=0)])
    new = thinned(line, tolerance_m=0.2, turn_radius_m=RADIUS_M)
    assert math.isclose(math.dist(new[-1], line[-1]), 0.0)
    assert shapely.hausdorff_distance(shapely.LineString(line), shapely.LineString(new)) < 0.4
    assert MODEL.path_time_s([(x, y) for x, y in new]) <= MODEL.path_time_s([(x, y) for x, y in line]) + 0.5
