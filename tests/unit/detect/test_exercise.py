"""The exercise detector on painted ground. How often it is right is measured in tests/bench."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from airbeat.detect.exercise import ExerciseDetector
from airbeat.detect.exercise_networks import CELL_PX, cut_out, find, judge, palette, working_image
from airbeat.errors import UsageError

RED_AND_BLUE = ((30, 30, 220), (200, 60, 30))
FIGURES = [(200, 150, *RED_AND_BLUE), (560, 380, (230, 225, 230), (60, 30, 120))]


def holds(box, x, y):
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def test_figures_in_vivid_clothes_are_the_first_candidates(paint):
    found = ExerciseDetector(threshold=0.0)(paint(FIGURES), gsd_m_px=0.05)
    for x, y, *_ in FIGURES:
        ranks = [i for i, b in enumerate(found.xyxy_px) if holds(b, x, y) or holds(b, x, y + 12)]
        assert ranks
        assert ranks[0] < 4
    assert (np.diff(found.scores) <= 0).all()


def test_the_same_ground_at_a_finer_gsd_gives_the_same_places(paint):
    image = paint(FIGURES)
    finer = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    coarse = ExerciseDetector(threshold=0.0)(image, gsd_m_px=0.05)
    fine = ExerciseDetector(threshold=0.0)(finer, gsd_m_px=0.025)
    assert fine.xyxy_px[0] / 2 == pytest.approx(coarse.xyxy_px[0], abs=4)


def test_boxes_stay_inside_the_frame_and_have_a_persons_size(paint):
    image = paint([(4, 10, *RED_AND_BLUE), (790, 580, *RED_AND_BLUE)])
    boxes = ExerciseDetector(threshold=0.0)(image, gsd_m_px=0.05).xyxy_px
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2] <= 800).all()
    assert (boxes[:, 3] <= 600).all()
    assert ((boxes[:, 2:] - boxes[:, :2]).max(axis=1) * 0.05 <= 3.0).all()


def test_one_person_is_one_candidate(paint):
    boxes = ExerciseDetector(threshold=0.0)(paint(FIGURES), gsd_m_px=0.05).xyxy_px
    middles = (boxes[:, :2] + boxes[:, 2:])[:, None] / 2
    apart_m = np.linalg.norm(middles - middles.transpose(1, 0, 2), axis=2) * 0.05
    inside = (boxes[:, :2] > 0).all(axis=1) & (boxes[:, 2] < 800) & (boxes[:, 3] < 600)
    others = apart_m[inside][:, inside] + 99 * np.eye(inside.sum())
    assert others.min() > 1.2


def test_a_frame_of_one_colour_has_no_candidates():
    flat = np.full((600, 800, 3), 120, np.uint8)
    assert len(ExerciseDetector(threshold=0.0)(flat, gsd_m_px=0.05)) == 0


@pytest.mark.parametrize("shape", [(40, 60), (8, 8), (300, 20), (1, 1), (1, 500)])
@pytest.mark.parametrize("gsd_m_px", [0.004, 0.05, 0.4])
def test_a_tiny_frame_is_searched_without_complaint(shape, gsd_m_px):
    image = np.random.default_rng(1).integers(0, 255, (*shape, 3), dtype=np.uint8)
    found = ExerciseDetector(threshold=0.0)(image, gsd_m_px=gsd_m_px)
    assert np.isfinite(found.scores).all()
    assert np.isfinite(found.xyxy_px).all()


def test_the_same_frame_gives_the_same_boxes(paint):
    image = paint(FIGURES)
    first, second = (ExerciseDetector(threshold=0.0)(image, gsd_m_px=0.05) for _ in range(2))
    assert np.array_equal(first.xyxy_px, second.xyxy_px)
    assert np.array_equal(first.scores, second.scores)


def test_a_darker_frame_of_strong_contrasts_gives_the_same_scores(paint):
    image = paint(FIGURES)
    image[:, :300] = (image[:, :300] * 0.3).astype(np.uint8)
    darker = (image * 0.9).astype(np.uint8)
    bright, dark = (ExerciseDetector(threshold=0.0)(i, gsd_m_px=0.05) for i in (image, darker))
    assert palette(working_image(darker, 0.05)).spread > 20
    assert dark.xyxy_px[0] == pytest.approx(bright.xyxy_px[0], abs=4)
    assert dark.scores[0] == pytest.approx(bright.scores[0], abs=0.1)


def test_a_frame_searched_in_tiles_gives_the_map_of_one_searched_whole(paint, monkeypatch):
    working = working_image(np.tile(paint(FIGURES), (2, 2, 1)), 0.05)
    colours = palette(working)
    in_tiles = find(working, colours)
    monkeypatch.setattr("airbeat.detect.exercise_networks._TILE_PX", 4096)
    whole = find(working, colours)
    assert in_tiles.shape == whole.shape == (1200 // CELL_PX, 1600 // CELL_PX)
    assert in_tiles == pytest.approx(whole, abs=1e-3)


def test_a_coarse_frame_is_enlarged_no_further_than_memory_allows():
    small, large = np.zeros((100, 100, 3), np.uint8), np.zeros((3000, 4000, 3), np.uint8)
    assert working_image(small, 0.1).scale == 2
    enlarged = working_image(large, 0.2)
    assert enlarged.bgr.size <= 3 * 16.1e6
    assert enlarged.gsd_m_px * enlarged.scale == pytest.approx(0.2)


@pytest.mark.parametrize("gsd_m_px", [0.01, 0.025, 0.04])
@pytest.mark.parametrize(("x", "y"), [(150.0, 100.0), (2.0, 3.0), (299.0, 199.0)])
def test_the_judges_view_has_the_place_in_its_middle_at_a_fixed_gsd(gsd_m_px, x, y):
    image = np.full((200, 300, 3), 60, np.uint8)
    half = 0.1 / gsd_m_px
    cv2.rectangle(
        image, (round(x - half), round(y - half)), (round(x + half), round(y + half)), (255, 255, 255), -1
    )
    view = cut_out(image, x, y, gsd_m_px=gsd_m_px)
    assert view.shape == (112, 112, 3)
    bright = view[:, :, 0] > 200
    assert bright[53:59, 53:59].all()
    assert not bright[:36].any()
    assert not bright[:, :36].any()


def test_the_judge_sees_the_vivid_figure_and_not_the_grass(paint):
    image = paint(FIGURES)
    colours = palette(working_image(image, 0.05))
    views = [cut_out(image, x, y, gsd_m_px=0.05) for x, y in ((200, 157), (400, 300))]
    odds, boxes_m = judge(views, colours)
    assert odds[0] > odds[1]
    assert np.abs(boxes_m[0, :2]).max() < 0.6
    assert (boxes_m[0, 2:] > 0.2).all()


def test_a_lower_rate_of_false_candidates_needs_a_higher_threshold():
    strict, loose = (ExerciseDetector.for_false_candidates(rate) for rate in (0.25, 2.0))
    assert strict.smallest_score > ExerciseDetector().smallest_score > loose.smallest_score


def test_a_rate_that_was_never_measured_is_refused():
    with pytest.raises(UsageError, match="never measured"):
        ExerciseDetector.for_false_candidates(0.001)
    with pytest.raises(UsageError):
        ExerciseDetector.for_false_candidates(float("nan"))


@pytest.mark.parametrize("noise", [0.0, 6.0])
def test_how_the_pixels_fall_on_the_working_grid_makes_little_difference(paint, noise):
    image = cv2.resize(paint(FIGURES), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    image = image + np.random.default_rng(3).normal(0, noise, image.shape)
    image = np.clip(image, 0, 255).astype(np.uint8)
    scores = []
    for gsd_m_px in (0.025, 0.02525, 0.0255):
        found = ExerciseDetector(threshold=0.0)(image, gsd_m_px=gsd_m_px)
        scores.append(
            [
                max(
                    s for s, b in zip(found.scores, found.xyxy_px, strict=True) if holds(b, 2 * x, 2 * y + 14)
                )
                for x, y, *_ in FIGURES
            ]
        )
    assert np.ptp(scores, axis=0).max() < 0.35
    assert np.min(scores) > 0.5
