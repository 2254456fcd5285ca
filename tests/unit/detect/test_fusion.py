"""Two detectors' boxes made one list, and scores made probabilities."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field

import numpy as np
import pytest

from airbeat.detect.calibration import CalibratedDetector, calibration, threshold_for_rate
from airbeat.detect.detections import Detections
from airbeat.detect.fusion import BOTH, FIRST_ONLY, SECOND_ONLY, FusedDetector, fuse, pair
from airbeat.errors import UsageError

WEIGHTS = {BOTH: (0.5, 1.0, 0.5), FIRST_ONLY: (-0.2, 1.0), SECOND_ONLY: (-1.0, 0.8)}


def boxes(*rows, name="a"):
    """Boxes of 20 px around places with their scores."""
    table = np.array(rows, float).reshape(-1, 3)
    xyxy = np.hstack([table[:, :2] - 10, table[:, :2] + 10])
    return Detections.best_first(xyxy, table[:, 2], detector=name)


@dataclass(frozen=True)
class Fixed:
    rows: tuple = field(default=())
    name: str = "fixed"

    def __call__(self, image_bgr, *, gsd_m_px, modality):
        return boxes(*self.rows, name=self.name)


def log_odds(p):
    return np.log(p / (1 - p))


def test_boxes_at_one_place_become_one_and_the_others_stay():
    paired = pair(boxes((50, 50, 0.8), (200, 50, 0.6)), boxes((53, 48, 0.5), (100, 100, 0.4), name="b"))
    assert paired.first.tolist() == pytest.approx([0.8, 0.6, np.nan], nan_ok=True)
    assert paired.second.tolist() == pytest.approx([0.5, np.nan, 0.4], nan_ok=True)
    assert paired.detectors.tolist() == ["a+b", "a", "b"]
    assert paired.xyxy_px[0].tolist() == [40, 40, 60, 60]


def test_a_box_is_paired_once_with_the_nearest():
    paired = pair(boxes((50, 50, 0.8)), boxes((56, 50, 0.9), (51, 50, 0.2), name="b"))
    assert paired.second.tolist() == [0.2, 0.9]
    assert np.isnan(paired.first[1])


@pytest.mark.parametrize("rows", [((), ()), (((5, 5, 0.5),), ()), ((), ((5, 5, 0.5),))])
def test_one_or_both_may_have_found_nothing(rows):
    paired = pair(boxes(*rows[0]), boxes(*rows[1], name="b"))
    assert len(fuse(paired, WEIGHTS)) == len(rows[0]) + len(rows[1])


def test_log_odds_are_summed_with_the_weights_of_the_case():
    first, second = boxes((50, 50, 0.8), (200, 50, 0.6)), boxes((50, 50, 0.7), (300, 300, 0.9), name="b")
    found = fuse(pair(first, second), WEIGHTS)
    wanted = {
        "a+b": 0.5 + log_odds(0.8) + 0.5 * log_odds(0.7),
        "a": -0.2 + log_odds(0.6),
        "b": -1.0 + 0.8 * log_odds(0.9),
    }
    assert (np.diff(found.scores) <= 0).all()
    for score, name in zip(found.scores, found.detectors, strict=True):
        assert log_odds(score) == pytest.approx(wanted[name])


def test_certainty_of_a_detector_is_not_certainty_of_both():
    found = fuse(pair(boxes((50, 50, 1.0)), boxes((50, 50, 0.0), name="b")), WEIGHTS)
    assert 0 < found.scores[0] < 1


def test_the_fused_detector_keeps_what_reaches_its_threshold():
    fused = FusedDetector(
        first=Fixed(((50, 50, 0.8), (200, 50, 0.1))),
        second=Fixed(((50, 50, 0.7),), "b"),
        weights=tuple(WEIGHTS.items()),
        threshold=0.5,
    )
    image = np.zeros((10, 10, 3), np.uint8)
    found = pickle.loads(pickle.dumps(fused))(image, gsd_m_px=0.02, modality="rgb")
    assert found.detectors.tolist() == ["fixed+b"]
    assert fused.smallest_score == 0.5


def test_a_table_makes_probabilities_of_scores_in_the_same_order():
    detector = CalibratedDetector(
        raw=Fixed(((50, 50, 0.9), (200, 50, 0.5), (90, 90, 0.1))),
        probability=((0.0, 0.0), (0.5, 0.1), (1.0, 0.6)),
        threshold=0.05,
    )
    found = detector(np.zeros((10, 10, 3), np.uint8), gsd_m_px=0.02, modality="rgb")
    assert found.scores == pytest.approx([0.5, 0.1])
    assert found.detectors.tolist() == ["fixed", "fixed"]


def test_a_rate_gives_the_lowest_threshold_that_keeps_it():
    curve = ((0.1, 0.8), (0.5, 0.6), (1.0, 0.4))
    assert threshold_for_rate(curve, 0.7) == 0.6
    assert threshold_for_rate(curve, 50) == 0.4
    for rate in (0.05, float("nan")):
        with pytest.raises(UsageError, match="never measured"):
            threshold_for_rate(curve, rate)


@pytest.mark.parametrize("modality", ["rgb", "thermal"])
def test_the_shipped_tables_rise_and_their_curves_fall(modality):
    table = calibration("anomaly", modality)
    assert table is not None
    scores, shares = np.array(table.probability).T
    assert (np.diff(scores) > 0).all()
    assert (np.diff(shares) >= 0).all()
    assert 0 <= shares.min() <= shares.max() <= 1
    rates, thresholds = np.array(table.false_per_frame).T
    assert (np.diff(rates) > 0).all()
    assert (np.diff(thresholds) <= 0).all()
    assert 0 < table.threshold <= 1
    assert calibration("nobody", modality) is None
