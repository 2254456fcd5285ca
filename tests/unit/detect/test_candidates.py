"""Tying looks into candidates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from airbeat.detect.candidates import Look, tie
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.locate.ground import locate_pixel, pixel_of

FRAME = LocalFrame(LatLon(lat_deg=51.0, lon_deg=8.0))


def camera_at(x, y, **changes):
    values = {
        "path": Path("a.jpg"),
        "width_px": 4000,
        "height_px": 3000,
        "position": FRAME.to_latlon([(x, y)])[0],
        "height_above_home_m": 70.0,
        "gimbal_yaw_deg": 0.0,
        "gimbal_pitch_deg": -90.0,
        "gimbal_roll_deg": 0.0,
        "focal_length_px": 2800.0,
    }
    return FrameMeta(**(values | changes))


def look(frame, box, place, *, score=0.5, camera=(0.0, 0.0), shift=(0.0, 0.0)):
    """A look at a local place from a camera whose GPS is off by `shift`."""
    true = camera_at(*camera)
    said = camera_at(camera[0] + shift[0], camera[1] + shift[1])
    pixel = pixel_of(true, FRAME.to_latlon([place]))[0]
    return Look(frame=frame, box=box, score=score, point=locate_pixel(said, *pixel))


def test_overlapping_frames_of_one_person_give_one_candidate():
    looks = [
        look(0, 0, (20, 10), score=0.4, shift=(0.6, -0.4)),
        look(1, 0, (20, 10), score=0.9, camera=(0, 30), shift=(-0.5, 0.5)),
        look(2, 0, (20, 10), score=0.6, camera=(40, 0), shift=(0.2, 0.6)),
    ]
    (candidate,) = tie(looks)
    assert [k.frame for k in candidate.looks] == [1, 2, 0]
    assert candidate.score == 0.9
    assert distance_m(candidate.point.position, FRAME.to_latlon([(20, 10)])[0]) < 0.6
    assert candidate.point.ce90_m < min(k.point.ce90_m for k in looks)


def test_people_side_by_side_stay_two_candidates():
    looks = [
        look(f, b, (20 + 1.2 * b, 10), camera=(0, 10 * f), shift=(0.3 * f, 0))
        for f in range(3)
        for b in range(2)
    ]
    candidates = tie(looks)
    assert len(candidates) == 2
    for candidate in candidates:
        assert len(candidate.looks) == 3
        assert len({k.box for k in candidate.looks}) == 1


def test_places_far_apart_are_not_tied():
    assert len(tie([look(0, 0, (0, 0)), look(1, 0, (0, 15))])) == 2


def test_boxes_of_one_frame_are_never_tied():
    assert len(tie([look(0, 0, (0, 0)), look(0, 1, (0.3, 0))])) == 2


def test_the_order_of_the_looks_does_not_matter():
    random = np.random.default_rng(2)
    looks = [
        look(f, b, place, score=float(random.uniform()), shift=random.normal(0, 0.5, 2))
        for f in range(4)
        for b, place in enumerate([(0, 0), (3, 1), (12, -4)])
    ]
    first = tie(looks)
    random.shuffle(looks)
    assert tie(looks) == first
    assert [c.score for c in first] == sorted((c.score for c in first), reverse=True)


def test_a_chain_of_neighbours_does_not_grow_without_bound():
    """Looks 4 m apart in a row, each in a frame of its own, must not become one candidate of 40 m."""
    looks = [look(i, 0, (4.0 * i, 0.0)) for i in range(10)]
    for candidate in tie(looks):
        places = FRAME.to_xy(k.point.position for k in candidate.looks)
        assert np.ptp(places[:, 0]) <= 8.0 + 1e-6


def test_no_looks_are_no_candidates():
    assert tie([]) == []


@pytest.mark.parametrize("count", [1, 5])
def test_a_single_look_keeps_its_own_circle(count):
    looks = [look(0, b, (10.0 * b, 0)) for b in range(count)]
    for candidate in tie(looks):
        assert candidate.point == candidate.looks[0].point
