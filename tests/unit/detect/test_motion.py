"""What moved between frames of the same ground, seen from places a little apart."""

from __future__ import annotations

import json
import pickle

import cv2
import numpy as np
import pytest

from airbeat.detect.catalogue import detector_for, detector_named
from airbeat.detect.cocofile import read_coco
from airbeat.detect.evaluate import figures, search_labelled
from airbeat.detect.motion import MotionDetector, registration

STEP = np.array([[1.01, 0.02, 24.0], [-0.02, 1.01, -15.0], [1e-5, 0, 1.0]])
"""Takes places of a frame to those of the next."""


@pytest.fixture(scope="module")
def ground() -> np.ndarray:
    """Stony ground with bushes, larger than what a frame shows."""
    random = np.random.default_rng(5)
    image = np.full((900, 1100, 3), (70, 110, 120), np.float32)
    for size in (1.5, 5, 20):
        noise = cv2.GaussianBlur(random.normal(0, 1, (900, 1100, 1)).astype(np.float32), (0, 0), size)
        image += 22 * (noise / noise.std())[..., None]
    for x, y, r in random.integers((0, 0, 6), (1100, 900, 25), (90, 3)):
        cv2.circle(image, (int(x), int(y)), int(r), (40, 70, 45), -1, cv2.LINE_AA)
    return np.clip(image, 0, 255).astype(np.uint8)


def seen(ground, matrix, *people):
    """What a frame shows whose places are those of the ground after the matrix, with people on the ground."""
    image = ground.copy()
    for x, y in people:
        cv2.ellipse(image, (x, y), (6, 12), 0, 0, 360, (40, 40, 210), -1, cv2.LINE_AA)
    shift = np.array([[1, 0, -100.0], [0, 1, -100], [0, 0, 1]])
    return cv2.warpPerspective(image, matrix @ shift, (800, 600))


def covers(box, x, y, margin=6):
    return box[0] - margin <= x <= box[2] + margin and box[1] - margin <= y <= box[3] + margin


def test_one_who_walks_is_found_and_one_who_stands_is_not(ground):
    still = (600, 300)
    before = seen(ground, np.linalg.inv(STEP), (380, 400), still)
    here = seen(ground, np.eye(3), (400, 400), still)
    after = seen(ground, STEP, (420, 400), still)
    found = MotionDetector().compare(here, [before, after], gsd_m_px=0.05)
    assert len(found) == 1
    assert covers(found.xyxy_px[0], 300, 300)
    assert (found.xyxy_px[0, 2:] - found.xyxy_px[0, :2]).max() < 40
    assert found.detectors.tolist() == ["motion"]


def test_what_only_one_neighbour_shows_is_compared_with_that_one(ground):
    far = np.array([[1, 0, 500.0], [0, 1, 0], [0, 0, 1]])
    here, before = seen(ground, np.eye(3), (400, 400)), seen(ground, np.linalg.inv(STEP), (380, 400))
    found = MotionDetector().compare(here, [before, seen(ground, far, (420, 400))], gsd_m_px=0.05)
    assert any(covers(box, 300, 300) for box in found.xyxy_px)


def test_a_frame_that_is_brighter_is_not_a_frame_in_which_everything_moved(ground):
    here, other = seen(ground, np.eye(3)), seen(ground, STEP)
    brighter = np.clip(other * 1.15 + 10.0, 0, 255).astype(np.uint8)
    assert len(MotionDetector().compare(here, [brighter], gsd_m_px=0.05)) == 0


def test_frames_of_other_ground_are_not_laid_over_each_other(ground):
    here = seen(ground, np.eye(3))
    noise = np.random.default_rng(1).integers(0, 255, here.shape, dtype=np.uint8)
    assert len(MotionDetector().compare(here, [noise], gsd_m_px=0.05)) == 0
    assert len(MotionDetector().compare(here, [np.zeros_like(here)], gsd_m_px=0.05)) == 0
    assert len(MotionDetector().compare(here, [], gsd_m_px=0.05)) == 0


def test_the_registration_is_right_to_half_a_pixel(ground):
    grey = [cv2.cvtColor(seen(ground, m), cv2.COLOR_BGR2GRAY).astype(np.float32) for m in (np.eye(3), STEP)]
    matrix = registration(*grey)
    places = np.array([[[100.0, 100]], [[700, 80]], [[400, 500]]])
    wanted, got = (cv2.perspectiveTransform(places, m) for m in (STEP, matrix))
    assert np.abs(wanted - got).max() < 0.5


def test_a_car_is_no_person_where_the_gsd_is_known(ground):
    here = seen(ground, np.eye(3))
    cv2.rectangle(here, (300, 200), (390, 240), (230, 230, 230), -1)
    other = seen(ground, STEP)
    assert len(MotionDetector().compare(here, [other], gsd_m_px=0.05)) == 0
    assert len(MotionDetector().compare(here, [other], gsd_m_px=0.02)) == 1


def test_the_neighbours_of_a_frame_are_read_from_their_files(ground, card):
    metas = [
        card(seen(ground, m, place), f"DJI_000{n}.JPG")
        for n, (m, place) in enumerate(
            ((np.linalg.inv(STEP), (380, 400)), (np.eye(3), (400, 400)), (STEP, (420, 400)))
        )
    ]
    detector = detector_for(detector_named("motion"), metas[1], [metas[0], metas[2]])
    detector = pickle.loads(pickle.dumps(detector))
    found = detector(cv2.imread(str(metas[1].path)), gsd_m_px=0.05, modality="rgb")
    assert any(covers(box, 300, 300) for box in found.xyxy_px)
    metas[0].path.unlink()
    metas[2].path.write_bytes(b"no picture")
    assert len(detector(cv2.imread(str(metas[1].path)), gsd_m_px=0.05, modality="rgb")) == 0


def test_it_is_measured_with_the_photographs_around_each_as_a_search_gives_them(ground, tmp_path):
    images = []
    steps = ((np.linalg.inv(STEP), (380, 400)), (np.eye(3), (400, 400)), (STEP, (420, 400)))
    for n, (matrix, place) in enumerate(steps):
        cv2.imwrite(str(tmp_path / f"{n}.png"), seen(ground, matrix, place))
        images.append({"id": n, "file_name": f"{n}.png", "width": 800, "height": 600, "gsd_m_px": 0.05})
    people = [{"image_id": 1, "category_id": 1, "bbox": [292, 286, 16, 28]}]
    (tmp_path / "labels.json").write_text(json.dumps({"images": images, "annotations": people}))
    labelled = read_coco(tmp_path / "labels.json", tmp_path)
    assert figures(search_labelled(labelled.images, "motion"), draws=20).recall_at[5.0].value == 1.0


def test_a_picture_of_a_few_pixels_has_nothing_to_be_laid_over(ground):
    here = seen(ground, np.eye(3))
    assert len(MotionDetector().compare(here, [here[:1], here[:, :2]])) == 0
    assert len(MotionDetector().compare(here[:1], [here])) == 0
