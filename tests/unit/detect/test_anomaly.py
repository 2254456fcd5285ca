"""The anomaly detector on painted ground; how often it is right on photographs is measured in tests/bench."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from airbeat.detect.anomaly import AnomalyDetector
from airbeat.detect.catalogue import detector_named
from airbeat.errors import UsageError

RED_AND_BLUE = ((30, 30, 220), (200, 60, 30))
FIGURES = [(200, 150, *RED_AND_BLUE), (560, 380, (230, 225, 230), (60, 30, 120))]


def search(image, gsd_m_px=0.05, **options):
    return AnomalyDetector(**options)(image, gsd_m_px=gsd_m_px, modality="rgb")


def rank(found, x, y, margin=4):
    inside = (found.xyxy_px[:, :2] - margin <= (x, y)) & (found.xyxy_px[:, 2:] + margin >= (x, y))
    places = np.flatnonzero(inside.all(axis=1))
    return int(places[0]) if len(places) else None


def test_figures_in_vivid_clothes_are_the_first_candidates(paint):
    found = search(paint(FIGURES))
    ranks = [
        min(r for r in (rank(found, x, y), rank(found, x, y + 14)) if r is not None) for x, y, *_ in FIGURES
    ]
    assert max(ranks) < 4
    assert (np.diff(found.scores) <= 0).all()


@pytest.mark.parametrize("zoom", [1, 2, 3])
def test_the_gsd_and_not_the_pixels_says_how_large_a_person_is(paint, zoom):
    image = cv2.resize(paint(FIGURES), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    found = search(image, gsd_m_px=0.05 / zoom)
    assert rank(found, 200 * zoom, 154 * zoom, margin=4 * zoom) in range(4)
    assert (found.xyxy_px[:, 2:] - found.xyxy_px[:, :2]).max() * 0.05 / zoom <= 2.6


def test_without_a_gsd_figures_of_usual_sizes_are_still_found(paint):
    assert rank(search(paint(FIGURES), gsd_m_px=float("nan")), 200, 154) in range(6)


def test_shadow_and_a_pond_score_less_than_half_of_a_figure(paint):
    image = paint(FIGURES)
    image[400:560, 100:180] = (image[400:560, 100:180] * 0.35).astype(np.uint8)
    cv2.circle(image, (700, 130), 60, (95, 75, 50), -1, cv2.LINE_AA)
    found = search(image)
    figure = rank(found, 200, 154)
    in_shadow = [
        i for i, b in enumerate(found.xyxy_px) if b[0] < 185 and b[2] > 95 and b[1] < 565 and b[3] > 395
    ]
    assert figure is not None
    assert found.scores[in_shadow].max() < 0.5 * found.scores[figure]


def test_a_colour_that_is_everywhere_is_no_anomaly(paint):
    alone = search(paint([(400, 300, *RED_AND_BLUE)]))
    crowd = search(paint([(x, y, *RED_AND_BLUE) for x in range(40, 780, 40) for y in range(40, 580, 60)]))
    one = alone.scores[rank(alone, 400, 304)]
    assert np.median(crowd.scores[:50]) < one


def test_boxes_stay_inside_the_frame(paint):
    found = search(paint([(4, 10, *RED_AND_BLUE), (795, 590, *RED_AND_BLUE)]))
    assert (found.xyxy_px[:, :2] >= 0).all()
    assert (found.xyxy_px[:, 2:] <= (800, 600)).all()
    assert (found.xyxy_px[:, 2:] > found.xyxy_px[:, :2]).all()


def test_the_threshold_leaves_out_what_scores_less(paint):
    everything = search(paint(FIGURES))
    some = search(paint(FIGURES), threshold=float(everything.scores[3]))
    assert len(some) == 4


@pytest.mark.parametrize("shape", [(40, 60), (8, 8), (300, 20), (1, 1), (1, 500)])
@pytest.mark.parametrize("gsd_m_px", [0.004, 0.05, 0.4, float("nan")])
def test_a_tiny_frame_is_searched_without_complaint(shape, gsd_m_px):
    image = np.random.default_rng(1).integers(0, 255, (*shape, 3), dtype=np.uint8)
    found = search(image, gsd_m_px=gsd_m_px)
    assert np.isfinite(found.scores).all()
    assert np.isfinite(found.xyxy_px).all()


def test_a_frame_of_one_colour_has_no_candidates():
    assert len(search(np.full((300, 400, 3), 120, np.uint8))) == 0


def test_by_name_its_scores_are_probabilities_and_a_rate_chooses_the_threshold(paint):
    image = paint(FIGURES)
    lenient = detector_named("anomaly", max_false_per_frame=5)
    strict = detector_named("anomaly", max_false_per_frame=0.1)
    found = [d(image, gsd_m_px=0.05, modality="rgb") for d in (lenient, strict)]
    assert len(found[0]) >= len(found[1])
    assert found[0].scores.max() < 1
    assert set(found[0].detectors.tolist()) == {"anomaly"}
    with pytest.raises(UsageError, match="never measured"):
        detector_named("anomaly", max_false_per_frame=0.0001)


@pytest.mark.shared_data
def test_walkers_in_red_on_a_field_are_the_best_candidates(shared_data):
    from airbeat.detect.cocofile import read_coco
    from airbeat.detect.evaluate import search_labelled
    from airbeat.detect.scoring import Pool

    folder = shared_data / "aerial-person" / "boruszyn-kite"
    evaluation = search_labelled(read_coco(folder / "annotations.json", folder).images, "anomaly", 0.045)
    pool = Pool(evaluation.images)
    assert pool.persons.sum() == 5
    assert pool.whole_among_best(5).value == 1
    assert pool.recall_at(1.0) >= 0.8
