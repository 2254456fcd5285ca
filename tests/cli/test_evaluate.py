"""``airbeat evaluate`` as a user calls it."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest


@pytest.fixture
def labelled(workplace):
    random = np.random.default_rng(0)
    image = random.integers(90, 120, (300, 400, 3), dtype=np.uint8)
    cv2.ellipse(image, (200, 150), (6, 14), 0, 0, 360, (30, 30, 220), -1)
    cv2.imwrite(str(workplace / "a.png"), image)
    rows = {
        "images": [{"id": 1, "file_name": "a.png", "width": 400, "height": 300}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [194, 136, 12, 28]}],
    }
    (workplace / "labels.json").write_text(json.dumps(rows), encoding="utf-8")
    return workplace


def test_detectors_are_compared_in_one_table(airbeat, labelled):
    done = airbeat(
        *("evaluate", "--coco", "labels.json", "--images", "."),
        *("--gsd-m-px", "0.05", "--detector", "anomaly", "--detector", "exercise"),
    )
    assert done.returncode == 0, done.stderr
    assert "anomaly" in done.stdout
    assert "exercise" in done.stdout
    assert "recall at 1 false alarms per image" in done.stdout
    assert "24 to 32 px" in done.stdout


def test_curve_and_picture_are_written_once_and_json_says_the_same(airbeat, labelled):
    call = (
        *("evaluate", "--coco", "labels.json", "--images", ".", "--gsd-m-px", "0.05"),
        *("--detector", "anomaly", "--curve", "curve.json", "--picture", "curve.png", "--json"),
    )
    done = airbeat(*call)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    curve = json.loads((labelled / "curve.json").read_text(encoding="utf-8"))
    assert told["schema"] == "airbeat/evaluation/1"
    assert told["persons"] == curve["persons"] == 1
    assert told["detectors"][0]["recall_by_pixels"] == curve["operating_points"][0]["by_pixels"]
    assert (labelled / "curve.png").read_bytes()[:4] == b"\x89PNG"
    again = airbeat(*call)
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_a_photograph_that_is_missing_is_said_and_the_exit_code_is_1(airbeat, labelled):
    (labelled / "a.png").unlink()
    done = airbeat("evaluate", "--coco", "labels.json", "--images", ".", "--detector", "anomaly")
    assert done.returncode == 1
    assert "not searched: a.png" in done.stdout


def test_without_one_photograph_that_can_be_searched_no_curve_is_written_and_that_is_said(airbeat, labelled):
    (labelled / "a.png").unlink()
    call = ("evaluate", "--coco", "labels.json", "--images", ".", "--detector", "anomaly")
    done = airbeat(*call, "--curve", "curve.json", "--picture", "curve.png")
    assert done.returncode == 1, done.stderr
    assert "there is no curve to write" in done.stdout
    assert not [p.name for p in labelled.glob("curve.*")]


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--detector", "yolo"), 2, "no detector 'yolo'"),
        (("--detector", "anomaly", "--detector", "auto", "--curve", "c.json"), 2, "one detector"),
        (("--detector", "anomaly", "--gsd-m-px", "9"), 2, "outside 0.001…1"),
        (("--picture", "c.jpg"), 2, "no PNG"),
    ],
)
def test_what_cannot_be_is_refused(airbeat, labelled, options, code, says):
    done = airbeat("evaluate", "--coco", "labels.json", "--images", ".", *options)
    assert done.returncode == code
    assert says in done.stderr


def test_a_file_that_is_no_coco_file_is_named_with_the_place(airbeat, labelled):
    (labelled / "labels.json").write_text('{"images": 3}', encoding="utf-8")
    done = airbeat("evaluate", "--coco", "labels.json", "--images", ".")
    assert done.returncode == 3
    assert "labels.json: no list 'annotations'" in done.stderr
