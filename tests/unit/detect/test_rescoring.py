"""The second look on painted grey frames."""

from __future__ import annotations

import numpy as np
import pytest

from airbeat.detect.rescoring import EVIDENCE, SecondLook, evidence, rescored, terms

BOXES = np.array([[100.0, 100, 110, 120], [130, 100, 140, 120], [400, 300, 430, 330]])
LOG_ODDS = np.array([1.0, 0.0, -1.0])


def frame(*, spots: bool = True) -> np.ndarray:
    grey = np.random.default_rng(3).normal(90, 4, (512, 640))
    if spots:
        for x0, y0, x1, y1 in BOXES.astype(int):
            grey[y0:y1, x0:x1] += 80
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def column(values: np.ndarray, name: str) -> np.ndarray:
    return values[:, EVIDENCE.index(name)]


def test_every_box_has_every_evidence_and_no_box_has_none():
    assert evidence(frame(), BOXES, LOG_ODDS).shape == (3, len(EVIDENCE))
    assert evidence(frame(), np.empty((0, 4)), np.empty(0)).shape == (0, len(EVIDENCE))


def test_company_counts_the_others_within_reach_and_never_oneself():
    seen = evidence(frame(), BOXES, LOG_ODDS)
    chances = 1 / (1 + np.exp(-LOG_ODDS))
    assert column(seen, "log_persons_within_40_px") == pytest.approx(
        np.log([chances[1] + 0.1, chances[0] + 0.1, 0.1])
    )
    assert column(seen, "best_other_log_odds").tolist() == [0.0, 1.0, 1.0]
    assert column(evidence(frame(), BOXES[:1], LOG_ODDS[:1]), "best_other_log_odds").tolist() == [-5.0]


def test_a_box_larger_than_the_likely_ones_stands_out_by_its_size():
    size = column(evidence(frame(), BOXES, LOG_ODDS), "log_side_over_frame_mean")
    assert size[0] == pytest.approx(size[1])
    assert size[2] - size[0] == pytest.approx(np.log(30 / np.sqrt(200)))


def test_a_warm_spot_has_contrast_and_bare_ground_has_none():
    warm, bare = (column(evidence(frame(spots=s), BOXES, LOG_ODDS), "contrast") for s in (True, False))
    assert (warm > 5).all()
    assert np.abs(bare).max() < 0.5


def test_boxes_at_and_beyond_the_frames_edge_are_measured_inside_it():
    boxes = np.array([[-3.0, -3, 4, 4], [636, 508, 640, 512], [640, 512, 640, 512]])
    assert np.isfinite(evidence(frame(), boxes, LOG_ODDS)).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (17, 33)])
def test_frames_of_any_size_have_finite_evidence(size: tuple[int, int]):
    image = np.full((size[1], size[0], 3), 7, np.uint8)
    assert np.isfinite(evidence(image, np.array([[0.0, 0, *size]]), np.array([0.5]))).all()


def test_terms_are_the_evidence_in_its_spreads_and_its_products_cut_off_at_three():
    made = terms(np.array([[3.0, 30.0]]), (1.0, 10.0), (2.0, 1.0))
    assert made.tolist() == [[1.0, 3.0, 1.0, 3.0, 9.0]]


def test_the_second_look_is_the_weighted_evidence_at_the_scale_of_the_search():
    count = len(EVIDENCE)
    weights = [float(name == "log_side") for name in EVIDENCE] + [0.0] * (count * (count + 1) // 2)
    look = SecondLook(middle=(3.0,) * count, spread=(1.0,) * count, weights=tuple(weights), offset=0.25)
    plain, doubled = (rescored(frame(), BOXES, LOG_ODDS, scale=s, look=look) for s in (1.0, 2.0))
    assert plain == pytest.approx(0.25 + np.log([200, 200, 900]) / 2 - 3)
    assert doubled == pytest.approx(plain + np.log(2))
