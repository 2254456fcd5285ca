"""The anomaly detector on painted ground. How often it is right on photographs is measured in tests/bench."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from airbeat.detect.anomaly import AnomalyDetector, measured_places
from airbeat.detect.measures import MEASURES
from airbeat.detect.rarity import colour_rarity, peaks, rarity_map, slope_map, working_image
from airbeat.errors import UsageError

RED_AND_BLUE = ((30, 30, 220), (200, 60, 30))
FIGURES = [(200, 150, *RED_AND_BLUE), (560, 380, (230, 225, 230), (60, 30, 120))]


def holds(box, x, y):
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def test_figures_in_vivid_clothes_are_the_first_candidates(paint):
    found = AnomalyDetector(threshold=0.0)(paint(FIGURES), gsd_m_px=0.05)
    for x, y, *_ in FIGURES:
        ranks = [i for i, b in enumerate(found.xyxy_px) if holds(b, x, y) or holds(b, x, y + 12)]
        assert ranks
        assert ranks[0] < 4
    assert (np.diff(found.scores) <= 0).all()


def test_the_same_ground_at_a_finer_gsd_gives_the_same_places(paint):
    image = paint(FIGURES)
    finer = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    coarse = AnomalyDetector(threshold=0.0)(image, gsd_m_px=0.05)
    fine = AnomalyDetector(threshold=0.0)(finer, gsd_m_px=0.025)
    assert fine.xyxy_px[0] / 2 == pytest.approx(coarse.xyxy_px[0], abs=3)


def test_boxes_stay_inside_the_frame_and_have_a_persons_size(paint):
    image = paint([(4, 10, *RED_AND_BLUE), (790, 580, *RED_AND_BLUE)])
    boxes = AnomalyDetector(threshold=0.0)(image, gsd_m_px=0.05).xyxy_px
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2] <= 800).all()
    assert (boxes[:, 3] <= 600).all()
    assert ((boxes[:, 2:] - boxes[:, :2]).max(axis=1) * 0.05 <= 3.0).all()


def test_a_thing_of_a_cars_size_is_no_candidate_as_a_whole(paint):
    image = paint()
    image[200:300, 300:345] = (240, 240, 240)  # 5.0 x 2.25 m
    boxes = AnomalyDetector(threshold=0.0)(image, gsd_m_px=0.05).xyxy_px
    assert not any((b[2] - b[0]) * 0.05 > 2.0 and (b[3] - b[1]) * 0.05 > 4.0 for b in boxes)


def test_a_frame_of_one_colour_has_no_candidates():
    flat = np.full((600, 800, 3), 120, np.uint8)
    assert len(AnomalyDetector()(flat, gsd_m_px=0.05)) == 0


@pytest.mark.parametrize("shape", [(40, 60), (8, 8), (300, 20)])
def test_a_tiny_frame_is_searched_without_complaint(shape):
    image = np.random.default_rng(1).integers(0, 255, (*shape, 3), dtype=np.uint8)
    found = AnomalyDetector(threshold=0.0)(image, gsd_m_px=0.05)
    assert np.isfinite(found.scores).all()


def test_the_same_frame_gives_the_same_boxes(paint):
    image = paint(FIGURES)
    first, second = (AnomalyDetector(threshold=0.0)(image, gsd_m_px=0.05) for _ in range(2))
    assert np.array_equal(first.xyxy_px, second.xyxy_px)
    assert np.array_equal(first.scores, second.scores)


def test_a_colour_seen_nowhere_else_is_rare_and_shadowed_ground_is_not(paint):
    image = paint([(200, 150, *RED_AND_BLUE)])
    shadow = image.copy()
    shadow[:, 400:] = (image[:, 400:] * 0.45).astype(np.uint8)
    rarity = colour_rarity(working_image(shadow, 0.05))
    assert rarity[145:155, 198:203].mean() > 8
    assert rarity[100:500, 450:750].mean() < 5


def test_rarity_peaks_at_the_figure_not_at_the_edge_of_two_grounds(paint):
    image = paint([(600, 300, *RED_AND_BLUE)])
    image[:, :300] = (image[:, :300].astype(float) * (0.9, 0.8, 1.3)).clip(0, 255).astype(np.uint8)
    working = working_image(image, 0.05)
    rarity, gsd = rarity_map(working, slope_map(working), colour_rarity(working))
    best = peaks(rarity, gsd, apart_m=0.8, limit=1)[0]
    assert abs(best[0] * gsd - 600 * 0.05) < 1.0
    assert abs(best[1] * gsd - 300 * 0.05) < 1.5


def test_every_measurement_has_a_name_and_is_a_number(paint):
    measured = measured_places(paint(FIGURES), gsd_m_px=0.05)
    assert measured is not None
    assert measured.values.shape[1] == len(MEASURES) == len(set(MEASURES))
    assert np.isfinite(measured.values).all()


def test_a_lower_rate_of_false_candidates_needs_a_higher_threshold():
    strict, loose = (AnomalyDetector.for_false_candidates(rate) for rate in (0.25, 2.0))
    assert strict.smallest_score > AnomalyDetector().smallest_score > loose.smallest_score


def test_a_rate_that_was_never_measured_is_refused():
    with pytest.raises(UsageError, match="never measured"):
        AnomalyDetector.for_false_candidates(0.001)
    with pytest.raises(UsageError):
        AnomalyDetector.for_false_candidates(float("nan"))
