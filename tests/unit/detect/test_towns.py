"""Photographs of towns that training sees: the boxes drawn on them, and pieces cut out of them."""

from __future__ import annotations

import dataclasses
import json
import math
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture
def towns(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(BENCH))
    return import_module("train.towns")


def painted(towns, view: str):
    """Grey ground at 2.4 cm per pixel with a red ellipse for a person, and its box."""
    y, x = np.mgrid[0:1200, 0:1600]
    bgr = np.full((1200, 1600, 3), 90, np.uint8)
    bgr[((x - 700) / 40) ** 2 + ((y - 500) / 20) ** 2 < 1] = (0, 0, 250)
    box = np.array([[660.0, 480.0, 740.0, 520.0]])
    return towns.Town(name="a.jpg", view=view, bgr=bgr, gsd_m_px=0.024, persons=box, unclear=box + 400.0)


@pytest.mark.parametrize("view", ["steep", "oblique"])
def test_boxes_follow_the_people_however_a_piece_is_turned_and_scaled(towns, monkeypatch, view):
    monkeypatch.setattr(towns, "_RECOLOURED", 0.0)
    town, random = painted(towns, view), np.random.default_rng(4)
    whole = 0
    for _ in range(30):
        piece = towns._cut(random, town, 336, np.array([700.0, 500.0]))
        red = np.argwhere(piece.bgr[..., 2].astype(int) - piece.bgr[..., 1] > 80)[:, ::-1]
        assert len(red)
        assert len(piece.persons) == 1
        if (red.min(axis=0) < 3).any() or (red.max(axis=0) > 332).any():
            continue
        whole += 1
        found = np.concatenate([red.min(axis=0), red.max(axis=0) + 1])
        assert np.abs(found - piece.persons[0]).max() < 2.5
    assert whole >= 15


def test_a_piece_keeps_to_the_photograph_so_that_no_mirrored_person_goes_unmarked(towns):
    town, random = painted(towns, "steep"), np.random.default_rng(1)
    town.bgr[:, :10] = (0, 0, 250)
    for _ in range(20):
        piece = towns._cut(random, town, 200, np.array([5.0, 300.0]))
        assert 0.024 <= piece.gsd_m_px <= 0.052 + 1e-9
        red = (piece.bgr[..., 2].astype(int) - piece.bgr[..., 1] > 80).mean()
        assert red <= 10 * town.gsd_m_px / piece.gsd_m_px * 200 * math.sqrt(2) / 200**2


def test_every_box_of_the_labels_lies_on_its_photograph(towns):
    labels = json.loads((BENCH / "train" / "towns.json").read_text(encoding="utf-8"))
    assert all(len(digest) == 64 for digest in labels)
    assert {about["use"] for about in labels.values()} == {
        "train",
        "held out",
        "beside held out",
        "evaluation",
    }
    for about in labels.values():
        boxes = np.array(about["persons"] + about["unclear"], dtype=float).reshape(-1, 4)
        assert (boxes[:, 2:] - boxes[:, :2] > 1).all(), about["file"]
        sides = boxes[: len(about["persons"])]
        assert (sides[:, 2:] - sides[:, :2] > 6).all(), about["file"]
        assert (boxes >= 0).all(), about["file"]
        assert (boxes <= (4000, 2250, 4000, 2250)).all(), about["file"]


def test_people_of_cloudy_photographs_are_cut_out_and_those_with_shadows_are_not(towns):
    cloudy, sunny = painted(towns, "steep"), painted(towns, "oblique")
    people = towns.town_people([cloudy, dataclasses.replace(sunny, sunny=True)])
    assert [len(people[view]) for view in ("steep", "oblique")] == [1, 0]
    assert people["steep"][0].gsd_m_px == pytest.approx(0.024 / 3)


def test_every_repository_is_credited_with_its_licence_and_those_that_bind_are_not_trained_on(towns):
    labels = json.loads((BENCH / "train" / "towns.json").read_text(encoding="utf-8"))
    card = (BENCH.parents[1] / "src/airbeat/docs/model-person-rgb.md").read_text(encoding="utf-8")
    for about in labels.values():
        name = about["file"].split("/")[0]
        (credit,) = [credit for credit in towns.CREDITS if f"/{name} at " in credit]
        assert credit.split(": ")[1].split(" at ")[0] in card
        assert about["use"] == towns.TO_EVALUATE or not credit.endswith("CC BY-SA"), about["file"]


@pytest.mark.parametrize("content", [None, b"another picture"])
def test_a_missing_or_other_photograph_is_refused_by_name(towns, monkeypatch, tmp_path, content):
    labels = tmp_path / "labels.json"
    about = {"file": "a.jpg", "view": "steep", "gsd_m_px": 0.02, "use": "train", "persons": [], "unclear": []}
    labels.write_text(json.dumps({"0" * 64: about}), encoding="utf-8")
    monkeypatch.setattr(towns, "_LABELS", labels)
    if content is not None:
        (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(import_module("train.coco").WrongDataError, match=r"a\.jpg"):
        next(towns.towns(tmp_path, towns.TO_TRAIN))


def test_nothing_is_pasted_over_people_who_are_there(towns):
    scenes = import_module("train.scenes")
    there = np.array([[100.0, 100.0, 140.0, 130.0]])
    assert scenes._covers(there, np.array([90.0, 120.0]), 30.0)
    assert not scenes._covers(there, np.array([60.0, 120.0]), 30.0)
    assert not scenes._covers(np.empty((0, 4)), np.array([60.0, 120.0]), 30.0)
