"""Detectors by name, and which of them a frame is searched with."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from airbeat.detect import catalogue
from airbeat.detect.calibration import CalibratedDetector, Calibration, calibration
from airbeat.detect.catalogue import (
    NAMES,
    AutoDetector,
    detector_for,
    detector_named,
    smallest_score,
)
from airbeat.detect.detections import Detections
from airbeat.detect.exercise import ExerciseDetector
from airbeat.detect.fusion import FusedDetector
from airbeat.detect.network import NetworkFigures
from airbeat.errors import UsageError
from airbeat.frames.meta import FrameMeta
from airbeat.sim.camera_exif import SIMULATED_SOFTWARE


@dataclass(frozen=True)
class Named:
    name: str
    smallest_score: float = 0.5

    def __call__(self, image_bgr, *, gsd_m_px, modality):
        return Detections.best_first(np.zeros((1, 4)), np.ones(1), detector=self.name)


AUTO = AutoDetector(rgb=Named("rgb", 0.4), thermal=Named("thermal", 0.3), exercise=Named("exercise", 0.6))


def frame(**changes):
    return FrameMeta(**({"path": Path("a.jpg"), "width_px": 40, "height_px": 30} | changes))


def test_a_picture_of_the_embedded_camera_is_searched_by_the_exercise_detector():
    assert detector_for(AUTO, frame(software=SIMULATED_SOFTWARE)).name == "exercise"


@pytest.mark.parametrize("modality", ["rgb", "thermal"])
def test_any_other_picture_is_searched_by_the_detector_of_its_modality(modality):
    meta = frame(modality=modality, software="10.01.0.5")
    assert detector_for(AUTO, meta).name == modality
    image = np.zeros((30, 40, 3), np.uint8)
    found = AUTO(image, gsd_m_px=float("nan"), modality=modality)
    assert found.detectors.tolist() == [modality]


def test_a_detector_that_does_not_choose_by_the_frame_stays_the_same():
    detector = Named("plain")
    assert detector_for(detector, frame(software=SIMULATED_SOFTWARE)) is detector


def test_the_least_score_of_the_default_is_that_of_its_most_lenient_part():
    assert smallest_score(AUTO) == 0.3
    assert smallest_score(lambda image, **_: Detections.none()) == 0.0


def test_every_detector_goes_to_worker_processes_as_it_is():
    for name in NAMES:
        detector = detector_named(name)
        assert pickle.loads(pickle.dumps(detector)) == detector


def test_the_exercise_detector_takes_a_threshold_or_a_rate():
    assert detector_named("exercise", threshold=0.25) == ExerciseDetector(threshold=0.25)
    assert smallest_score(detector_named("exercise", max_false_per_frame=0.25)) > smallest_score(
        detector_named("exercise", max_false_per_frame=2)
    )


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("yolo", {}, "no detector 'yolo'"),
        ("auto", {"threshold": 1.5}, "outside 0…1"),
        ("auto", {"threshold": float("nan")}, "outside 0…1"),
        ("auto", {"threshold": 0.5, "max_false_per_frame": 1.0}, "exclude each other"),
        ("auto", {"max_false_per_frame": 0.0}, "never measured"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(name, options, says):
    with pytest.raises(UsageError, match=says):
        detector_named(name, **options)


def test_detections_are_put_in_order_and_keep_who_found_them():
    boxes = np.arange(12.0).reshape(3, 4)
    found = Detections.best_first(boxes, np.array([0.2, 0.9, 0.4]), detector="a")
    assert found.scores.tolist() == [0.9, 0.4, 0.2]
    assert found.xyxy_px[0].tolist() == boxes[1].tolist()
    some = found.only(found.scores > 0.3)
    assert len(some) == 2
    assert some.detectors.tolist() == ["a", "a"]


def test_detections_whose_arrays_disagree_are_refused():
    with pytest.raises(ValueError, match="detectors: expected shape"):
        Detections(xyxy_px=np.zeros((2, 4)), scores=np.zeros(2), detectors=np.array(["a"]))


FIGURES = NetworkFigures(
    gsd_range_m_px=(0.01, 0.1),
    unknown_gsd_scales=(1.0,),
    mirrored=False,
    least_log_odds=-4.0,
    probability=((-4.0, 0.0), (4.0, 1.0)),
    threshold=0.4,
    false_per_frame=((0.5, 0.6), (2.0, 0.3)),
)


def test_without_a_network_the_default_searches_for_what_is_rare(monkeypatch):
    def none_ships(modality):
        raise UsageError(f"no person network for {modality} pictures ships with airbeat")

    monkeypatch.setattr(catalogue, "network_figures", none_ships)
    auto = detector_named("auto")
    assert isinstance(auto.rgb, CalibratedDetector)
    assert isinstance(auto.exercise, ExerciseDetector)
    assert detector_named("network").smallest_score == 0.0


def test_with_a_network_the_default_is_the_network_or_what_was_fused_and_measured(monkeypatch):
    monkeypatch.setattr(catalogue, "network_figures", lambda modality: FIGURES)
    tables = {
        "anomaly": calibration("anomaly", "rgb"),
        "auto": Calibration(
            probability=((0.0, 0.0), (1.0, 1.0)),
            threshold=0.35,
            false_per_frame=((0.5, 0.5), (1.0, 0.2)),
            fusion={"both": (0.0, 1.0, 0.3), "first": (0.0, 1.0), "second": (-2.0, 0.5)},
        ),
    }
    monkeypatch.setattr(
        catalogue,
        "calibration",
        lambda name, modality: tables[name] if modality == "rgb" or name == "anomaly" else None,
    )
    auto = detector_named("auto")
    assert isinstance(auto.rgb, FusedDetector)
    assert auto.rgb.threshold == 0.35
    assert auto.rgb.second.threshold == 0.0
    assert auto.thermal.name == "network"
    assert smallest_score(auto.thermal) == 0.4
    by_rate = detector_named("auto", max_false_per_frame=0.7)
    assert by_rate.rgb.threshold == 0.5
    assert smallest_score(by_rate.thermal) == 0.6
    assert pickle.loads(pickle.dumps(auto)) == auto


def test_detectors_without_a_measured_curve_take_no_rate():
    for name in ("thermal", "motion"):
        with pytest.raises(UsageError, match="no curve"):
            detector_named(name, max_false_per_frame=1)


def test_boxes_say_who_found_them():
    image = np.full((80, 80, 3), 90, np.uint8)
    image[30:40, 30:40] = 250
    found = detector_named("thermal", threshold=0.0)(image, gsd_m_px=0.1, modality="thermal")
    assert set(found.detectors.tolist()) == {"thermal"}
