"""Colours tell people apart who stand closer together than positions are known."""

from __future__ import annotations

import numpy as np
import pytest

from airbeat.detect.appearance import LENGTH, appearance, unlikeness
from airbeat.detect.candidates import Look, tie
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.locate.accuracy import ErrorTerm, ground_point

FRAME = LocalFrame(LatLon(lat_deg=51.0, lon_deg=8.0))
RED, BLUE, WHITE = (30, 30, 220), (200, 60, 30), (230, 230, 230)


def seen(colour, *, seed=0, light=1.0):
    """The appearance of a jacket on grass, under a light."""
    random = np.random.default_rng(seed)
    image = np.array((55.0, 105, 90)) + random.normal(0, 8, (80, 80, 3))
    image[30:50, 34:46] = np.array(colour) + random.normal(0, 8, (20, 12, 3))
    image = np.clip(image * light, 0, 255).astype(np.uint8)
    return appearance(image, np.array([32.0, 28, 48, 52]))


def apart(a, b):
    return float(unlikeness(np.array([a], np.uint8), np.array([b], np.uint8))[0, 0])


def test_one_jacket_in_two_lights_is_more_alike_than_two_jackets():
    for colour, other in ((RED, BLUE), (BLUE, WHITE), (WHITE, RED)):
        same = apart(seen(colour), seen(colour, seed=1, light=0.8))
        assert same < 0.45
        assert apart(seen(colour), seen(other, seed=1)) > same + 0.2


def test_an_appearance_is_a_row_of_bytes_even_at_the_pictures_corner():
    image = np.full((20, 20, 3), 100, np.uint8)
    for box in ([-5.0, -5, 3, 3], [0, 0, 20, 20], [18, 18, 30, 30], [40, 40, 50, 50]):
        row = appearance(image, np.array(box, dtype=float))
        assert len(row) == LENGTH
        assert all(0 <= v <= 255 for v in row)


def test_what_is_not_known_is_like_everything():
    assert apart([0] * LENGTH, seen(RED)) == 0


def look(frame, box, xy, colour):
    terms = [
        ErrorTerm(source="east", east_m=2.0, north_m=0.0, shared=0.0),
        ErrorTerm(source="north", east_m=0.0, north_m=2.0, shared=0.0),
    ]
    point = ground_point(FRAME.to_latlon([xy])[0], terms)
    return Look(frame=frame, box=box, score=0.5, point=point, appearance=seen(colour, seed=frame))


@pytest.mark.parametrize("seed", range(5))
def test_people_closer_together_than_positions_are_known_are_told_apart_by_their_colours(seed):
    random = np.random.default_rng(seed)
    looks = [
        look(f, b, np.array([1.5 * b, 0.0]) + random.normal(0, 1.2, 2), colour)
        for f in range(4)
        for b, colour in enumerate((RED, BLUE))
    ]
    candidates = [c for c in tie(looks) if len(c.looks) > 1]
    assert len(candidates) == 2
    for candidate in candidates:
        assert len({k.box for k in candidate.looks}) == 1


def test_ten_thousand_looks_at_one_place_become_as_many_candidates_as_there_are_people():
    places = [(0.0, 0.0), (6.0, 0.0), (0.0, 6.0)]
    terms = [
        ErrorTerm(source="east", east_m=0.3, north_m=0.0, shared=0.0),
        ErrorTerm(source="north", east_m=0.0, north_m=0.3, shared=0.0),
    ]
    points = [ground_point(FRAME.to_latlon([xy])[0], terms) for xy in places]
    looks = [Look(frame=f, box=b, score=0.5, point=points[b]) for f in range(3400) for b in range(3)]
    candidates = tie(looks)
    assert [len(c.looks) for c in candidates] == [3400, 3400, 3400]
