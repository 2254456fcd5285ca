"""Counting persons over a zone, and what is said of the error."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from airbeat.detect import crowd
from airbeat.detect.crowd import CrowdError, count_crowd, counted
from airbeat.detect.detections import Detections
from airbeat.errors import GeometryError, UsageError

ZONE = shapely.box(0, 0, 100, 100)


def boxes(*rows):
    table = np.array(rows, float).reshape(-1, 3)
    return Detections.best_first(np.hstack([table[:, :2] - 5, table[:, :2] + 5]), table[:, 2])


def test_probabilities_of_the_boxes_in_the_zone_are_summed():
    found = boxes((10, 10, 0.9), (99, 50, 0.4), (101, 50, 0.8), (50, 50, 0.04))
    assert counted(found, ZONE, least=0.05) == pytest.approx(1.3)
    assert counted(boxes(), ZONE, least=0.05) == 0


def test_boxes_can_count_as_one_each():
    found = boxes((10, 10, 0.9), (99, 50, 0.4), (101, 50, 0.8), (50, 50, 0.04))
    assert counted(found, ZONE, least=0.3, weighted=False) == 2
    assert counted(found, ZONE, least=0.5, weighted=False) == 1


def test_a_hole_and_a_second_part_of_the_zone_are_kept():
    holed = shapely.Polygon(ZONE.exterior.coords, [shapely.box(40, 40, 60, 60).exterior.coords])
    both = shapely.MultiPolygon([holed, shapely.box(200, 0, 300, 100)])
    found = boxes((50, 50, 0.9), (250, 50, 0.5), (10, 10, 0.25))
    assert counted(found, both, least=0.05) == pytest.approx(0.75)


def test_a_zone_that_crosses_itself_or_is_empty_is_refused():
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    for zone in (bow, shapely.Polygon()):
        with pytest.raises(GeometryError, match="crosses itself"):
            counted(boxes((5, 5, 0.9)), zone, least=0.05)


def test_the_count_is_brought_up_by_what_is_missed_and_has_the_measured_interval(monkeypatch):
    error = CrowdError(factor=1.25, floor_persons=0.5, share=0.1)
    monkeypatch.setattr(crowd, "crowd_error", lambda modality: error)
    monkeypatch.setattr(
        crowd,
        "detector_named",
        lambda name, threshold: lambda image, **_: boxes((10, 10, 0.9), (50, 50, 0.7)),
    )
    count = count_crowd(np.zeros((100, 100, 3), np.uint8), ZONE, gsd_m_px=0.1, modality="thermal")
    assert count.persons == pytest.approx(2.0)
    assert count.high - 2.0 == pytest.approx(1.96 * np.hypot(0.5, 0.2), rel=1e-3)
    assert count.low == pytest.approx(2.0 - (count.high - 2.0))


def test_a_count_is_never_below_nobody(monkeypatch):
    monkeypatch.setattr(
        crowd, "crowd_error", lambda modality: CrowdError(factor=1.0, floor_persons=2.0, share=0.1)
    )
    monkeypatch.setattr(crowd, "detector_named", lambda name, threshold: lambda image, **_: boxes())
    count = count_crowd(np.zeros((100, 100, 3), np.uint8), ZONE, gsd_m_px=0.1, modality="thermal")
    assert (count.persons, count.low) == (0, 0)
    assert count.high > 3


def test_a_modality_on_which_counting_was_not_measured_is_refused():
    with pytest.raises(UsageError, match="not measured on sonar"):
        count_crowd(np.zeros((10, 10, 3), np.uint8), ZONE, gsd_m_px=0.1, modality="sonar")


def test_frames_are_searched_as_much_larger_as_was_measured(monkeypatch):
    told = []

    def detector(image, *, gsd_m_px, modality):
        told.append(gsd_m_px)
        return boxes((10, 10, 0.9))

    monkeypatch.setattr(crowd, "crowd_error", lambda kind: ENLARGED)
    monkeypatch.setattr(crowd, "detector_named", lambda name, threshold: detector)
    count_crowd(np.zeros((100, 100, 3), np.uint8), ZONE, gsd_m_px=0.02, modality="rgb")
    count_crowd(np.zeros((100, 100, 3), np.uint8), ZONE, gsd_m_px=np.nan, modality="rgb")
    assert told[0] == pytest.approx(0.03)
    assert np.isnan(told[1])


ENLARGED = CrowdError(factor=1.0, floor_persons=1.0, share=0.5, enlarged=1.5)
