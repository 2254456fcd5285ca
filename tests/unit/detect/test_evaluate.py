"""Detectors measured on labelled photographs that are made here."""

from __future__ import annotations

import json
import math

import cv2
import numpy as np
import pytest

from airbeat.detect.cocofile import read_coco
from airbeat.detect.curve import curve_json
from airbeat.detect.evaluate import evaluate, figures, search_labelled
from airbeat.detect.scoring import Pool
from airbeat.errors import UsageError
from airbeat.report.curve_picture import CurveLine, draw_curves

FIGURES = [(200, 150, (30, 30, 220), (200, 60, 30)), (560, 380, (230, 225, 230), (60, 30, 120))]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory, paint):
    """Three photographs: two figures, one figure, none."""
    folder = tmp_path_factory.mktemp("labelled")
    images, annotations = [], []
    for number, people in enumerate((FIGURES, FIGURES[:1], [])):
        name = f"{number}.png"
        cv2.imwrite(str(folder / name), paint(people, seed=number))
        images.append({"id": number, "file_name": name, "width": 800, "height": 600, "gsd_m_px": 0.05})
        annotations += [
            {"image_id": number, "category_id": 1, "bbox": [x - 6, y - 14, 12, 40]} for x, y, *_ in people
        ]
    path = folder / "labels.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations}), encoding="utf-8")
    return read_coco(path, folder)


@pytest.fixture(scope="module")
def evaluation(labelled):
    return search_labelled(labelled.images, "anomaly")


def test_figures_are_those_of_the_judged_boxes(evaluation):
    told = figures(evaluation, draws=50)
    assert (told.images, told.persons) == (3, 3)
    assert told.recall_at[5.0].value == pytest.approx(Pool(evaluation.images).recall_at(5))
    assert told.recall_at[0.1].value <= told.recall_at[5.0].value
    assert told.recall_at[5.0].value >= 2 / 3
    assert told.ms_per_megapixel > 0
    assert 20 < told.peak_memory_mb < 4000
    assert evaluation.megapixels == pytest.approx(3 * 0.48)
    assert evaluation.gsds_m_px == (0.05, 0.05, 0.05)


def test_several_detectors_are_measured_each_in_a_process_of_its_own(labelled, evaluation):
    calls = []
    both = evaluate(labelled, ["anomaly", "exercise"], progress=lambda done, of: calls.append((done, of)))
    assert [e.detector for e in both] == ["anomaly", "exercise"]
    assert calls[-1] == (6, 6)
    for one, again in zip(both[0].images, evaluation.images, strict=True):
        assert np.array_equal(one.scores, again.scores)


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (["anomaly", "anomaly"], {}),
        (["yolo"], {}),
        (["anomaly"], {"gsd_m_px": 5.0}),
        (["anomaly"], {"gsd_m_px": math.nan}),
    ],
)
def test_what_cannot_be_measured_is_refused(labelled, names, options):
    with pytest.raises(UsageError):
        evaluate(labelled, names, **options)


def test_a_photograph_that_cannot_be_read_is_named_and_the_others_are_measured(tmp_path, paint):
    cv2.imwrite(str(tmp_path / "good.png"), paint())
    cv2.imwrite(str(tmp_path / "other.png"), paint()[:100])
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 nothing")
    rows = [
        {"id": n, "file_name": f, "width": 800, "height": 600}
        for n, f in enumerate(("good.png", "other.png", "broken.jpg", "none.jpg"))
    ]
    (tmp_path / "labels.json").write_text(json.dumps({"images": rows, "annotations": []}), encoding="utf-8")
    found = search_labelled(read_coco(tmp_path / "labels.json", tmp_path).images, "anomaly", 0.05)
    assert len(found.images) == 1
    assert [name for name, _ in found.refused] == ["other.png", "broken.jpg", "none.jpg"]
    assert "the COCO file says 800×600" in found.refused[0][1]


def test_the_curve_file_holds_what_was_counted(evaluation):
    document = curve_json(evaluation, coco_sha256="ab" * 32, modality="rgb")
    assert document["schema"] == "airbeat/detection-curve/1"
    assert (document["images"], document["persons"]) == (3, 3)
    assert document["gsd_m_px"] == {"known_for_images": 3, "least": 0.05, "median": 0.05, "most": 0.05}
    names = [p["name"] for p in document["operating_points"]]
    assert names[0] == "default"
    assert "1 false alarms per image" in names
    for point in document["operating_points"]:
        bins = point["by_pixels"]
        assert [(b["from_px"], b["to_px"], b["persons"]) for b in bins] == [(32, 48, 3)]
        assert 0 <= bins[0]["low"] <= bins[0]["recall"] <= bins[0]["high"] <= 1
        assert bins[0]["found"] == round(bins[0]["recall"] * 3)
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_the_curve_is_drawn(evaluation):
    bins = Pool(evaluation.images).recall_by_pixels(evaluation.threshold)
    png = draw_curves("Recall", [CurveLine(label="anomaly", bins=bins), CurveLine(label="none", bins=())])
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (620, 1000, 3)
    blue = (np.abs(image.astype(int) - (165, 95, 11)).max(axis=2) < 30).sum()
    assert blue > 50


@pytest.mark.shared_data
def test_the_gsd_is_that_of_the_photographs_own_metadata(shared_data):
    folder = shared_data / "aerial-person" / "brighton-nadir40"
    images = read_coco(folder / "annotations.json", folder).images[:1]
    assert search_labelled(images, "anomaly").gsds_m_px[0] == pytest.approx(0.0175, rel=0.05)
