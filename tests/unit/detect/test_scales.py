"""The network detector at several scales, with a stand-in: every bright spot is a person of 16 px."""

from __future__ import annotations

import hashlib
import json
import math
from importlib import resources

import numpy as np
import pytest

from airbeat.detect import network
from airbeat.detect.network import NetworkDetector, NetworkFigures, search

FIGURES = NetworkFigures(
    gsd_range_m_px=(0.04, 0.04),
    unknown_gsd_scales=(1.0, 0.5),
    mirrored=False,
    least_log_odds=-2.0,
    probability=((-2.0, 0.1), (6.0, 0.9)),
    threshold=0.2,
    false_per_frame=((1.0, 0.2),),
    longest_side_m=(0.5, 3.0),
)


class Spots:
    """Answers as the network would if every bright spot were the middle of a person 16 px tall and wide."""

    def __init__(self) -> None:
        self.given: list[tuple[int, int]] = []

    def setInput(self, blob: np.ndarray) -> None:  # noqa: N802
        self.picture = blob[0].mean(axis=0)
        self.given.append(self.picture.shape)

    def forward(self) -> np.ndarray:
        rows, columns = (side // 4 for side in self.picture.shape)
        cells = self.picture.reshape(rows, 2, 2, columns, 2, 2).mean(axis=(2, 5))
        odds = cells.transpose(1, 3, 0, 2).reshape(4, rows, columns) * 6 - 4
        return np.concatenate([odds, np.zeros((2, rows, columns))])[None]


def spotted(*places: tuple[int, int, int], size: tuple[int, int] = (320, 256)) -> np.ndarray:
    """A dark picture with bright squares (x, y of the middle, half the side)."""
    picture = np.full((size[1], size[0], 3), 60, np.uint8)
    for x, y, half in places:
        picture[y - half : y + half, x - half : x + half] = 255
    return picture


@pytest.fixture
def spots(monkeypatch: pytest.MonkeyPatch) -> Spots:
    """The stand-in, in the place of the RGB network."""
    made = Spots()
    monkeypatch.setattr(network, "network_figures", lambda modality: FIGURES)
    monkeypatch.setattr(network._per_thread, "network", lambda modality: made)
    return made


def test_a_person_seen_at_two_scales_is_one_box():
    boxes, _ = search(Spots(), spotted((100, 80, 2)), modality="rgb", scales=(1.0, 0.5), least_log_odds=-2)
    assert len(boxes) == 1


def test_two_people_beside_each_other_stay_two_at_two_scales():
    picture = spotted((100, 80, 2), (130, 80, 2))
    boxes, _ = search(Spots(), picture, modality="rgb", scales=(1.0, 0.5), least_log_odds=-2)
    assert sorted(round(float(x)) for x in boxes[:, [0, 2]].mean(axis=1)) == pytest.approx([100, 130], abs=2)


def test_boxes_of_a_coarser_scale_are_as_much_larger_on_the_picture():
    picture = spotted((160, 120, 6))
    for scale in (1.0, 0.5, 0.25):
        boxes, _ = search(Spots(), picture, modality="rgb", scales=(scale,), least_log_odds=-2)
        assert boxes[0, 2] - boxes[0, 0] == pytest.approx(16 / scale, rel=0.02)


def test_an_unknown_gsd_is_searched_at_every_scale_and_a_known_one_at_its_own(spots):
    NetworkDetector()(spotted((100, 80, 2)), gsd_m_px=math.nan, modality="rgb")
    assert spots.given == [(256, 320), (128, 160)]
    spots.given.clear()
    NetworkDetector()(spotted((100, 80, 2)), gsd_m_px=0.02, modality="rgb")
    assert spots.given == [(128, 160)]


@pytest.mark.parametrize(("gsd_m_px", "found"), [(0.04, 1), (0.5, 0)])
def test_where_the_gsd_is_known_a_box_of_no_persons_size_is_none(spots, gsd_m_px, found):
    assert len(NetworkDetector()(spotted((100, 80, 2)), gsd_m_px=gsd_m_px, modality="rgb")) == found


def test_the_rgb_figures_belong_to_the_weights_and_the_weights_are_small():
    folder = resources.files("airbeat.detect")
    weights = folder.joinpath("person_rgb.onnx").read_bytes()
    figures = json.loads(folder.joinpath("person_rgb.json").read_text(encoding="utf-8"))
    assert hashlib.sha256(weights).hexdigest() == figures["weights_sha256"]
    assert len(weights) < 2_000_000
    shares = [share for _, share in figures["probability"]]
    assert shares == sorted(set(shares))
    rates, thresholds = zip(*figures["false_per_frame"], strict=True)
    assert list(rates) == sorted(rates)
    assert list(thresholds) == sorted(thresholds, reverse=True)
