"""The network detector on painted thermal frames; tests/bench measures how often it is right on real ones."""

from __future__ import annotations

import hashlib
import json
import math
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest

from airbeat.detect import network
from airbeat.detect.network import NetworkDetector, network_figures, prepare
from airbeat.errors import UsageError

PERSONS = ((120, 90), (410, 300), (520, 130))


def thermal_frame(
    persons: tuple[tuple[int, int], ...] = PERSONS, *, size: tuple[int, int] = (640, 512)
) -> np.ndarray:
    """Uneven cool ground with warm people seen aslant (middle x, y), 10 x 20 px."""
    width, height = size
    random = np.random.default_rng(5)
    rough = random.normal(0, 1, (height, width)).astype(np.float32)
    grey = 95 + 250 * cv2.GaussianBlur(rough, (0, 0), 30) + 4 * cv2.GaussianBlur(rough, (0, 0), 1)
    for x, y in persons:
        cv2.ellipse(grey, (x, y), (4, 7), 0, 0, 360, 205, -1, cv2.LINE_AA)
        cv2.circle(grey, (x, y - 8), 2, 225, -1, cv2.LINE_AA)
        cv2.line(grey, (x - 2, y + 5), (x - 2, y + 10), 185, 2, cv2.LINE_AA)
        cv2.line(grey, (x + 2, y + 5), (x + 3, y + 10), 185, 2, cv2.LINE_AA)
    blurred = cv2.GaussianBlur(grey, (0, 0), 0.7)
    return np.repeat(np.clip(blurred, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def middles(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def test_warm_people_on_cool_ground_are_found_and_nothing_else():
    found = NetworkDetector()(thermal_frame(), modality="thermal")
    assert len(found) == len(PERSONS)
    for person in PERSONS:
        assert np.hypot(*(middles(found.xyxy_px) - person).T).min() < 4
    sides = found.xyxy_px[:, 2:] - found.xyxy_px[:, :2]
    assert (sides > 6).all()
    assert (sides < 34).all()


def test_ground_without_people_has_no_candidate():
    assert len(NetworkDetector()(thermal_frame(()), modality="thermal")) == 0


def test_scores_fall_and_are_probabilities():
    scores = NetworkDetector(threshold=0.0)(thermal_frame(), modality="thermal").scores
    assert (np.diff(scores) <= 0).all()
    assert (scores >= 0).all()
    assert (scores <= 1).all()


def test_the_same_frame_gives_the_same_boxes_again_and_in_other_threads():
    frame, detector = thermal_frame(), NetworkDetector(threshold=0.0)
    first = detector(frame, modality="thermal")
    with ThreadPoolExecutor(3) as pool:
        others = list(pool.map(lambda _: detector(frame, modality="thermal"), range(6)))
    for other in others:
        np.testing.assert_array_equal(other.xyxy_px, first.xyxy_px)
        np.testing.assert_array_equal(other.scores, first.scores)


def test_tiles_find_what_the_whole_frame_shows(monkeypatch: pytest.MonkeyPatch):
    places = tuple((x, y) for y in range(60, 700, 83) for x in range(50, 1000, 97))
    frame = thermal_frame(places, size=(1024, 720))
    detector = NetworkDetector(threshold=0.3)
    whole = detector(frame, modality="thermal")
    monkeypatch.setattr(network, "_TILE_PX", 448)
    tiled = detector(frame, modality="thermal")
    assert len(whole) == len(tiled) == len(places)
    away = np.abs(middles(whole.xyxy_px)[:, None] - middles(tiled.xyxy_px)[None]).max(axis=2)
    assert away.min(axis=1).max() <= 2
    assert away.min(axis=0).max() <= 2


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (17, 33), (641, 15), (255, 257)])
def test_frames_of_any_size_are_searched(size: tuple[int, int]):
    width, height = size
    frame = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
    boxes = NetworkDetector(threshold=0.0)(frame, modality="thermal").xyxy_px
    assert (boxes >= 0).all()
    assert (boxes <= (width, height, width, height)).all()


def test_a_frame_of_unknown_gsd_is_searched_as_it_is():
    frame, low = thermal_frame(), network_figures("thermal").gsd_range_m_px[0]
    unknown = NetworkDetector()(frame, gsd_m_px=math.nan, modality="thermal")
    known = NetworkDetector()(frame, gsd_m_px=low * 1.5, modality="thermal")
    np.testing.assert_array_equal(unknown.xyxy_px, known.xyxy_px)


def test_a_frame_finer_than_trained_on_is_brought_to_what_was_trained_on():
    frame, low = thermal_frame(), network_figures("thermal").gsd_range_m_px[0]
    threefold = cv2.resize(frame, None, fx=3, fy=3, interpolation=cv2.INTER_LINEAR)
    found = NetworkDetector()(threefold, gsd_m_px=low / 3, modality="thermal")
    assert len(found) == len(PERSONS)
    for person in PERSONS:
        assert np.hypot(*(middles(found.xyxy_px) / 3 - person).T).min() < 4


def test_fewer_false_candidates_cost_a_higher_threshold():
    rates = (0.05, 0.2, 1.0, 5.0)
    thresholds = [NetworkDetector.for_false_candidates(r, modality="thermal").threshold for r in rates]
    assert thresholds == sorted(thresholds, reverse=True)
    assert len(set(thresholds)) == len(rates)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan])
def test_a_rate_that_was_never_measured_is_refused_with_the_lowest(rate: float):
    with pytest.raises(UsageError, match="never measured"):
        NetworkDetector.for_false_candidates(rate, modality="thermal")


def test_a_modality_without_weights_is_refused():
    with pytest.raises(UsageError, match="no person network for radar"):
        NetworkDetector()(thermal_frame(), modality="radar")


def test_the_figures_belong_to_the_weights_and_the_weights_are_small():
    folder = resources.files("airbeat.detect")
    weights = folder.joinpath("person_thermal.onnx").read_bytes()
    figures = json.loads(folder.joinpath("person_thermal.json").read_text(encoding="utf-8"))
    assert hashlib.sha256(weights).hexdigest() == figures["weights_sha256"]
    assert len(weights) < 2_000_000
    shares = [share for _, share in figures["probability"]]
    assert shares == sorted(set(shares))


def test_what_the_network_sees_of_a_thermal_frame_does_not_depend_on_level():
    frame = thermal_frame().astype(np.float32)
    dark, light = prepare(frame * 0.9, "thermal"), prepare(frame * 0.9 + 20, "thermal")
    np.testing.assert_allclose(dark[1:], light[1:], atol=0.02)
    assert not np.allclose(dark[0], light[0], atol=0.02)


@pytest.mark.shared_data
def test_the_shipped_weights_find_at_the_shipped_threshold_what_their_card_promises(shared_data: Path):
    """They were trained on these pictures, so they must do better here: files, reading and scoring agree."""
    folder = shared_data / "aerial-person" / "hit-uav-thermal"
    record = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    promised = json.loads(
        resources.files("airbeat.detect").joinpath("person_thermal.json").read_text(encoding="utf-8")
    )["measured"]["at_threshold"]["recall"]
    detector, persons, found = NetworkDetector(), 0, 0
    for image in record["images"][::20]:
        boxes = detector(cv2.imread(str(folder / image["file_name"])), modality="thermal").xyxy_px
        free = list(middles(boxes))
        for entry in record["annotations"]:
            if entry["image_id"] != image["id"] or entry["iscrowd"]:
                continue
            x, y, width, height = entry["bbox"]
            grown_x, grown_y = max(4, width / 4), max(4, height / 4)
            hits = [
                k
                for k, (a, b) in enumerate(free)
                if x - grown_x <= a <= x + width + grown_x and y - grown_y <= b <= y + height + grown_y
            ]
            persons += 1
            if hits:
                found += 1
                del free[hits[0]]
    assert persons > 100
    assert found / persons >= promised
