"""People cut out of photographs to train with."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
BOX = np.array([54.0, 40.0, 86.0, 60.0])
NOBODY = np.empty((0, 4))


@pytest.fixture
def cutouts(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(BENCH))
    return import_module("train.cutouts")


def paving(seed: int = 3) -> np.ndarray:
    """Grey ground with grain, 140 x 100 px."""
    grain = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 8, (100, 140, 3)), (0, 0), 1.0)
    return np.clip(120 + grain, 0, 255).astype(np.uint8)


def someone(bgr: np.ndarray) -> np.ndarray:
    """An ellipse in blue with a dark head fills `BOX`."""
    cv2.ellipse(bgr, (70, 50), (15, 9), 0, 0, 360, (140, 50, 20), -1, cv2.LINE_AA)
    cv2.circle(bgr, (66, 50), 4, (20, 25, 30), -1, cv2.LINE_AA)
    return bgr


def test_a_person_on_paving_is_cut_out_in_their_shape_without_the_ground(cutouts):
    sprite = cutouts.cut_out(someone(paving()), BOX, 0.03, NOBODY)
    assert sprite is not None
    assert sprite.gsd_m_px == pytest.approx(0.01)
    solid = sprite.alpha > 90
    y, x = (v / 3 for v in np.mgrid[0 : solid.shape[0], 0 : solid.shape[1]])
    left, top = (int(max(0, v - 0.6 * 32 - 4)) for v in BOX[:2])
    truth = ((x + left - 70) / 15.5) ** 2 + ((y + top - 50) / 9.5) ** 2 < 1
    assert (solid & truth).sum() / (solid | truth).sum() > 0.8
    assert not sprite.shadow.any()
    width, height = (sprite.box_px[2 + k] - sprite.box_px[k] for k in (0, 1))
    assert (width / 3, height / 3) == pytest.approx((31, 19), abs=3)


def test_the_body_keeps_its_colour_and_its_brightness_beside_the_ground(cutouts):
    module = import_module("train.render")
    sprite = cutouts.cut_out(someone(paving()), BOX, 0.03, NOBODY)
    light = (sprite.bgr[sprite.alpha > 250] / 255.0) ** 2 * module.FULL_SCALE
    wanted = np.array([(v / 255) ** 2.2 for v in (140, 50, 20)]) / (120 / 255) ** 2.2 * 0.13
    assert np.median(light, axis=0) == pytest.approx(wanted, rel=0.15, abs=0.004)


def test_where_body_and_ground_cannot_be_told_apart_nothing_is_cut_out(cutouts):
    assert cutouts.cut_out(paving(), BOX, 0.03, NOBODY) is None


def test_a_speck_in_a_large_box_is_not_taken_for_the_person(cutouts):
    bgr = paving()
    cv2.circle(bgr, (58, 44), 3, (20, 20, 200), -1)
    assert cutouts.cut_out(bgr, BOX, 0.03, NOBODY) is None


def test_people_nearby_are_not_taken_for_ground(cutouts):
    bgr = someone(paving())
    cv2.rectangle(bgr, (44, 30), (53, 70), (140, 50, 20), -1)
    others = np.array([[43.0, 29.0, 54.0, 71.0]])
    with_it = cutouts.cut_out(bgr, BOX, 0.03, others)
    assert with_it is not None
    assert (with_it.box_px[2] - with_it.box_px[0]) / 3 == pytest.approx(31, abs=4)


def test_a_box_at_the_rim_of_the_photograph_is_no_error(cutouts):
    bgr = someone(paving())[:, 58:]
    cutouts.cut_out(bgr, BOX - np.array([58.0, 0.0, 58.0, 0.0]), 0.03, NOBODY)
    assert cutouts.cut_out(bgr[:3, :3], np.array([0.0, 0.0, 3.0, 3.0]), 0.03, NOBODY) is None
