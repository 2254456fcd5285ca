"""Tight bends round few corners: fewer stops, no more unseen than allowed, never out of the space."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.planning.estimate import FlightModel, stop_lengths_m
from airbeat.planning.job import Job, make_job
from airbeat.planning.repair import free_area
from airbeat.planning.tightbends import straightened

FRAME = LocalFrame(LatLon(lat_deg=47.0, lon_deg=8.0))
MODEL = FlightModel()


def job_over(area: Any, spacing_m: float) -> Job:
    free = free_area(FRAME.to_geographic(area))
    return make_job(free, spacing_m=spacing_m, swath_m=spacing_m, model=MODEL, home=None, seed=0, effort=1)


def there(job: Job, points: np.ndarray) -> np.ndarray:
    """Places of the test's frame in that of the job."""
    return np.asarray(job.free.frame.to_xy(FRAME.to_latlon(points)))


def bend(radius_m: float, *, step_deg: float = 7.5, straight_m: float = 300.0) -> np.ndarray:
    """Straight, a right angle in small steps, straight."""
    angle = np.radians(np.arange(-90.0, step_deg / 2, step_deg))
    curve = radius_m * np.column_stack([np.cos(angle), 1.0 + np.sin(angle)])
    return np.vstack([[-straight_m, 0.0], curve, [radius_m, radius_m + straight_m]])


def stops(line: np.ndarray) -> int:
    return len(stop_lengths_m([(x, y) for x, y in line], turn_radius_m=MODEL.turn_radius_m)) - 1


def time_s(line: np.ndarray) -> float:
    return MODEL.path_time_s([(x, y) for x, y in line])


def unseen_share(job: Job, lines: list[np.ndarray]) -> float:
    seen = shapely.union_all([shapely.LineString(x).buffer(job.radius_m, quad_segs=32) for x in lines])
    return job.target.difference(seen).area / job.target.area


def test_a_tight_bend_in_small_steps_gets_few_stops_and_little_is_lost() -> None:
    line = bend(15.0)
    job = job_over(shapely.LineString(line).buffer(30.0), 60.0)
    old = there(job, line)
    (new,) = straightened(job, [old])
    assert stops(old) > 5
    assert stops(new) <= 3
    assert time_s(new) < time_s(old) - 3.0
    assert np.allclose(new[[0, -1]], old[[0, -1]])
    assert unseen_share(job, [new]) <= 1 - job.least_share + 1e-4
    assert job.near.clear(new[:-1], new[1:]).all()


def test_gentle_curves_and_single_corners_stay_as_they_are() -> None:
    for line in (bend(80.0, step_deg=2.0), np.array([[0.0, 0.0], [300.0, 0.0], [300.0, 300.0]])):
        job = job_over(shapely.LineString(line).buffer(30.0), 60.0)
        old = there(job, line)
        assert np.array_equal(straightened(job, [old])[0], old)


def test_a_bend_stays_where_the_space_has_no_room_beside_it() -> None:
    line = bend(30.0)
    job = job_over(shapely.LineString(line).buffer(0.4), 60.0)
    (new,) = straightened(job, [there(job, line)])
    assert job.near.clear(new[:-1], new[1:]).all()
    assert shapely.hausdorff_distance(shapely.LineString(new), shapely.LineString(there(job, line))) < 2.0


def test_ground_that_two_bends_see_is_not_given_up_by_both() -> None:
    line = bend(15.0)
    job = job_over(shapely.LineString(line).buffer(30.0), 60.0)
    old = there(job, line)
    lines = straightened(job, [old, old[::-1].copy()])
    assert unseen_share(job, lines) <= max(unseen_share(job, [old]), 1 - job.least_share) + 1e-4
