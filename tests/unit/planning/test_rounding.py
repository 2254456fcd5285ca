"""Corners flown as arcs: no stop, nothing lost that matters, no leg outside the fence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.planning.estimate import FlightModel, stop_lengths_m
from airbeat.planning.job import Job, make_job
from airbeat.planning.repair import free_area
from airbeat.planning.rounding import rounded

FRAME = LocalFrame(LatLon(lat_deg=47.0, lon_deg=8.0))
MODEL = FlightModel()


def job_over(area: Any, spacing_m: float = 80.0) -> Job:
    free = free_area(FRAME.to_geographic(area))
    made = make_job(free, spacing_m=spacing_m, swath_m=spacing_m, model=MODEL, home=None, seed=0, effort=1)
    assert made.free.frame is free.frame
    return made


def there(job: Job, points: list[tuple[float, float]]) -> np.ndarray:
    """Places of the test's frame in that of the job."""
    return np.asarray(job.free.frame.to_xy(FRAME.to_latlon(points)))


def seen(lines: list[np.ndarray], radius_m: float) -> Any:
    return shapely.union_all([shapely.LineString(line).buffer(radius_m, quad_segs=32) for line in lines])


def stops(line: np.ndarray) -> int:
    return len(stop_lengths_m([(x, y) for x, y in line], turn_radius_m=MODEL.turn_radius_m)) - 1


@pytest.mark.parametrize("turn_deg", [8.0, 25.0, 50.0])
def test_a_gentle_corner_is_flown_without_a_stop(turn_deg: float) -> None:
    turn = math.radians(turn_deg)
    path = [(-400.0, 0.0), (0.0, 0.0), (400 * math.cos(turn), 400 * math.sin(turn))]
    job = job_over(shapely.LineString(path).buffer(30.0))
    line = there(job, path)
    assert stops(line) == 1
    (arc,) = rounded(job, [line], most_points=100)
    assert stops(arc) == 0
    assert np.allclose(arc[[0, -1]], line[[0, -1]])
    assert MODEL.path_time_s([(x, y) for x, y in arc]) < MODEL.path_time_s([(x, y) for x, y in line]) - 3.5


def test_no_more_is_left_unseen_than_the_job_allows() -> None:
    area = shapely.box(0, 0, 1000, 480)
    rows = [[(40.0, 40.0 + 80 * k), (960.0, 40.0 + 80 * k)] for k in range(6)]
    path = [p for k, row in enumerate(rows) for p in (row if k % 2 == 0 else row[::-1])]
    job = job_over(area)
    line = there(job, path)
    (arc,) = rounded(job, [line], most_points=1000)
    before, after = (1 - job.target.difference(seen([x], 40.0)).area / job.target.area for x in (line, arc))
    assert after >= min(before, job.least_share) - 1e-5


def test_arcs_stay_in_the_space_and_points_within_what_the_autopilot_holds() -> None:
    # The inside of this corner lies outside the area: an arc would cut across it.
    area = shapely.LineString([(0, 0), (600, 0), (600, 600)]).buffer(3.0, join_style="mitre")
    job = job_over(area)
    line = there(job, [(0.0, 0.0), (600.0, 0.0), (600.0, 600.0)])
    assert np.array_equal(rounded(job, [line], most_points=100)[0], line)
    wide = job_over(shapely.LineString([(0, 0), (600, 0), (1100, 300)]).buffer(30.0))
    gentle = there(wide, [(0.0, 0.0), (600.0, 0.0), (1100.0, 300.0)])
    assert len(rounded(wide, [gentle], most_points=3)[0]) == 3
    assert len(rounded(wide, [gentle], most_points=100)[0]) > 3


def test_corners_too_near_to_one_another_share_their_leg() -> None:
    path = [(0.0, 0.0), (300.0, 0.0), (318.0, 18.0), (318.0, 300.0)]
    job = job_over(shapely.LineString(path).buffer(30.0))
    line = there(job, path)
    (arc,) = rounded(job, [line], most_points=100)
    lengths = np.hypot(*np.diff(arc, axis=0).T)
    assert (lengths > 0).all()
    assert shapely.LineString(arc).is_simple
    assert stops(arc) == 1
