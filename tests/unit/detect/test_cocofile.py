"""COCO files from outside: what is read, and what is refused with its place."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from airbeat.detect.cocofile import read_coco
from airbeat.errors import InputFileError


def document(**changes):
    base = {
        "images": [{"id": 1, "file_name": "images/a.jpg", "width": 64, "height": 48}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 20, 5, 8], "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "iscrowd": 1},
            {"id": 3, "image_id": 1, "category_id": 2, "bbox": [1, 1, 2, 2]},
        ],
        "categories": [{"id": 1, "name": "Person"}, {"id": 2, "name": "car"}],
    }
    return base | changes


def read(tmp_path: Path, content):
    path = tmp_path / "labels.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return read_coco(path, tmp_path)


def test_persons_ignored_regions_and_other_things_are_told_apart(tmp_path):
    found = read(tmp_path, document())
    assert found.persons == 1
    assert found.images[0].persons_xyxy.tolist() == [[10, 20, 15, 28]]
    assert found.images[0].ignored_xyxy.tolist() == [[0, 0, 9, 9]]
    assert math.isnan(found.images[0].gsd_m_px)
    assert len(found.sha256) == 64


def test_a_photograph_is_looked_for_as_written_and_then_by_its_last_part(tmp_path):
    assert read(tmp_path, document()).images[0].path == tmp_path / "a.jpg"
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(b"")
    assert read(tmp_path, document()).images[0].path == tmp_path / "images" / "a.jpg"


def test_the_only_category_is_taken_whatever_its_name_and_none_means_persons(tmp_path):
    one = document(categories=[{"id": 1, "name": "Mensch"}])
    assert read(tmp_path, one).persons == 1
    none = document(categories=[])
    assert read(tmp_path, none).persons == 2


def test_every_category_of_persons_is_taken_where_a_file_tells_several_apart(tmp_path):
    """VisDrone has pedestrians, who walk or stand, and people, who do something else."""
    several = [{"id": 1, "name": "pedestrian"}, {"id": 2, "name": "people"}, {"id": 3, "name": "car"}]
    assert read(tmp_path, document(categories=several)).persons == 2


def test_a_gsd_beside_an_image_is_read(tmp_path):
    rows = [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48, "gsd_m_px": 0.02}]
    assert read(tmp_path, document(images=rows)).images[0].gsd_m_px == 0.02


def image_row(**changes):
    return document(images=[{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48} | changes])


def annotation_row(**changes):
    return document(annotations=[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]} | changes])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"{\n\n  nonsense}", "labels.json:3:3: not JSON"),
        (b"\xff\xfe\x00", "not usable as JSON"),
        (b'{"images": [' + b"9" * 5000 + b"]}", "not usable as JSON"),
        (b"[" * 200_000, "nested too deep"),
        (b"[1]", "not a JSON object"),
        (document(images=None), "no list 'images'"),
        (document(annotations={}), "no list 'annotations'"),
        (document(images=[], annotations=[]), "no images"),
        (document(images=[3]), r"images\[0\]: not an object"),
        (document(categories=[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]), "called person"),
        (document(images=document()["images"] * 2), "id 1 occurs twice"),
        (image_row(id=None), r"images\[0\]: id must be"),
        (image_row(width=0), r"images\[0\]: width 0 is no size"),
        (image_row(width="64"), "width must be a finite number"),
        (image_row(height=1e9), "height 1e"),
        (image_row(file_name="../../etc/passwd"), "leads out of the folder"),
        (image_row(file_name="/etc/passwd"), "leads out of the folder"),
        (image_row(file_name="a\x00.jpg"), "must be a file's name"),
        (image_row(file_name="\ud800.jpg"), "must be a file's name"),
        (image_row(file_name="a" * 300), "must be a file's name"),
        (image_row(file_name=""), "must be a file's name"),
        (image_row(gsd_m_px=50), "outside 0.001…1"),
        (annotation_row(bbox=[1, 2, 3]), r"annotations\[0\]: bbox must be"),
        (annotation_row(bbox=[1, 2, "3", 4]), "bbox must be a finite number"),
        (annotation_row(bbox=[1, 2, float("nan"), 4]), "bbox must be a finite number"),
        (annotation_row(bbox=[1, 2, 10**400, 4]), "bbox must be a finite number"),
        (annotation_row(bbox=[1, 2, 0, 4]), "is no box of a photograph"),
        (annotation_row(bbox=[1, 2, -3, 4]), "is no box of a photograph"),
        (annotation_row(iscrowd=2), "iscrowd must be 0 or 1"),
        (annotation_row(iscrowd=[1]), "iscrowd must be 0 or 1"),
        (annotation_row(category_id=None), r"annotations\[0\]: category_id must be"),
        (annotation_row(image_id=7), "image 7, which is not in the file"),
        (annotation_row(image_id=True), "image_id must be"),
    ],
)
def test_what_is_no_coco_file_of_persons_is_refused_with_its_place(tmp_path, content, says):
    with pytest.raises(InputFileError, match=says):
        read(tmp_path, content)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputFileError, match="cannot be read"):
        read_coco(tmp_path / "none.json", tmp_path)


@pytest.mark.shared_data
def test_every_development_set_is_read(shared_data):
    counts = {}
    for folder in sorted((shared_data / "aerial-person").iterdir()):
        if folder.is_dir():
            found = read_coco(folder / "annotations.json", folder)
            assert all(i.path.is_file() for i in found.images)
            counts[folder.name] = (len(found.images), found.persons)
    assert counts["hit-uav-thermal"] == (670, 3479)
    assert counts["sdd-nadir"] == (13, 191)
    assert counts["brighton-nadir40"] == (5, 4)
