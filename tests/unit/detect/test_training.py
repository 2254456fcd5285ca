"""What trains the networks: scoring, distortion, and, where PyTorch is installed, two steps of the loop."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch):
    """Imports a module of the package `train`."""
    monkeypatch.syspath_prepend(str(BENCH))

    def load(name: str) -> ModuleType:
        return import_module(f"train.{name}")

    return load


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, float).reshape(-1, 4)


def test_a_person_counts_once_and_a_second_box_on_it_is_neither_right_nor_false(module):
    judged = module("score").judge(
        boxes((10, 10, 20, 30), (11, 11, 21, 31), (100, 100, 110, 120)),
        np.array([0.9, 0.8, 0.7]),
        boxes((10, 10, 20, 30)),
        boxes(),
    )
    assert judged.right.tolist() == [0.9]
    assert judged.false.tolist() == [0.7]


def test_a_box_in_an_ignored_region_is_not_false(module):
    found, scores = boxes((10, 10, 20, 30)), np.array([0.9])
    judged = module("score").judge(found, scores, boxes(), boxes((0, 0, 50, 50)))
    assert len(judged.right) == len(judged.false) == 0


def test_a_huge_box_is_right_by_overlap_only(module):
    persons = boxes((45, 45, 55, 55))
    judged = module("score").judge(boxes((0, 0, 100, 100)), np.array([0.9]), persons, boxes())
    assert judged.false.tolist() == [0.9]


def test_average_precision_and_recall_follow_the_ranking(module):
    score = module("score")
    one = score.judge(
        boxes((0, 0, 10, 10), (50, 50, 60, 60), (30, 0, 40, 10)),
        np.array([0.9, 0.8, 0.7]),
        boxes((0, 0, 10, 10), (30, 0, 40, 10)),
        boxes(),
    )
    assert score.average_precision([one]) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert score.recall_at([one], 0.5) == (0.5, 0.9)
    assert score.recall_at([one], 1.0) == (1.0, 0.7)


def test_calibration_rises_and_follows_the_share_of_right_boxes(module):
    score = module("score")
    random = np.random.default_rng(0)
    scores = random.uniform(-3, 3, 4000)
    right = random.random(4000) < 1 / (1 + np.exp(-scores))
    judged = score.Judged(scores[right], scores[~right], scores[right], np.ones(right.sum()))
    odds, shares = zip(*score.calibrate([judged]), strict=True)
    assert list(odds) == sorted(odds)
    assert list(shares) == sorted(set(shares))
    assert np.interp(0, odds, shares) == pytest.approx(0.5, abs=0.08)


def test_a_warp_takes_boxes_where_it_takes_pixels(module):
    augment = module("augment")
    image = np.zeros((200, 300, 3), np.uint8)
    image[80:100, 150:160] = 255
    for turn_deg, mirror in ((0, False), (90, False), (30, True), (-75, False)):
        cutting = augment.Cutting((140.0, 95.0), 1.5, turn_deg, mirror, 128)
        y, x = np.nonzero(cutting.image(image, 0)[:, :, 0] > 127)
        box = cutting.boxes(boxes((150, 80, 160, 100)))[0]
        assert (box[:2] + box[2:]) / 2 == pytest.approx((x.mean() + 0.5, y.mean() + 0.5), abs=0.6)


def test_a_person_cut_off_by_the_crop_is_ignored(module):
    augment, coco = module("augment"), module("coco")
    picture = coco.Picture(
        name="a",
        bgr=np.zeros((200, 200, 3), np.uint8),
        persons=boxes((95, 90, 105, 110), (25, 90, 45, 110)),
        ignored=boxes(),
        about={},
    )
    _, persons, ignored = augment.cut(picture, augment.Cutting((100.0, 100.0), 1.0, 0.0, False, 120))
    assert persons.tolist() == [[55, 50, 65, 70]]
    assert ignored.tolist() == [[-15, 50, 5, 70]]


def test_a_set_with_other_bytes_is_refused(module, tmp_path: Path):
    coco = module("coco")
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "1_60_30_0_1.jpg"), np.zeros((8, 8, 3), np.uint8))
    record = {"images": [{"id": 1, "file_name": "images/1_60_30_0_1.jpg"}], "annotations": []}
    (tmp_path / "annotations.json").write_text(json.dumps(record))
    with pytest.raises(coco.WrongDataError, match="hit-uav-thermal"):
        coco.load_set(tmp_path, licensed_as="hit-uav-thermal")
    assert len(coco.load_set(tmp_path)) == 1


def _trained(loop: ModuleType, network, start, sampler, recipe):
    network.load_state_dict(start)
    return loop.train(sampler, recipe, network=network, log=lambda message: None)


@pytest.mark.parametrize("kind", ["thermal", "rgb"])
def test_two_steps_of_training_give_a_network_that_opencv_runs_alike(module, tmp_path: Path, kind: str):
    torch = pytest.importorskip("torch", reason="PyTorch (extra train) is not installed")
    pytest.importorskip("onnx", reason="onnx (extra train) is not installed")
    loop = module("loop")
    made, write = (
        (module("net").HeatNet, module("net").write_onnx)
        if kind == "thermal"
        else (module("pyramid").PyramidNet, module("pyramid").write_pyramid)
    )

    def sampler(random: np.random.Generator):
        image = random.uniform(0, 255, (64, 64, 3)).astype(np.float32)
        return loop.Sample(image, boxes((20, 20, 30, 40)), boxes((0, 0, 10, 10)))

    recipe = loop.Recipe(modality=kind, steps=2, batch=2, side_px=64, warm_up=1)
    torch.manual_seed(0)
    start = made().state_dict()
    first, again = (_trained(loop, made(), start, sampler, recipe) for _ in range(2))
    for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    path = tmp_path / "net.onnx"
    write(first, path)
    given = np.random.default_rng(0).normal(0, 1, (1, 3, 64, 96)).astype(np.float32)
    opened = cv2.dnn.readNetFromONNX(str(path))
    opened.setInput(given)
    with torch.no_grad():
        np.testing.assert_allclose(opened.forward(), first(torch.from_numpy(given)).numpy(), atol=1e-3)


def test_the_mean_of_two_networks_lies_halfway_and_leaves_both_as_they_were(module):
    torch = pytest.importorskip("torch", reason="PyTorch (extra train) is not installed")
    pytest.importorskip("onnx", reason="onnx (extra train) is not installed")
    pyramid = module("pyramid")
    torch.manual_seed(0)
    one, other = pyramid.PyramidNet(), pyramid.PyramidNet()
    before = {name: value.clone() for name, value in one.state_dict().items()}
    mean = pyramid.mean_of(one, other).state_dict()
    for name, value in one.state_dict().items():
        assert torch.equal(value, before[name])
        if value.dtype.is_floating_point:
            torch.testing.assert_close(mean[name], (value + other.state_dict()[name]) / 2)


def test_weights_kept_at_half_precision_halve_the_file_and_hardly_change_the_answer(module, tmp_path: Path):
    torch = pytest.importorskip("torch", reason="PyTorch (extra train) is not installed")
    pytest.importorskip("onnx", reason="onnx (extra train) is not installed")
    net = module("net")
    torch.manual_seed(0)
    network = net.HeatNet((8, 16, 32), (1, 1, 1))
    given = np.random.default_rng(0).normal(0, 1, (1, 3, 48, 80)).astype(np.float32)
    answers, sizes = [], []
    for half in (False, True):
        path = tmp_path / f"{half}.onnx"
        net.write_onnx(network, path, half=half)
        opened = cv2.dnn.readNetFromONNX(str(path))
        opened.setInput(given)
        answers.append(opened.forward())
        sizes.append(path.stat().st_size)
    assert sizes[1] < 0.6 * sizes[0]
    np.testing.assert_allclose(answers[1], answers[0], atol=5e-3)


def test_a_second_look_learns_from_other_folds_that_persons_are_the_small_boxes(module):
    coco, second = module("coco"), module("second")
    random = np.random.default_rng(0)
    pictures, found = [], []
    for number in range(12):
        x, y = random.integers(40, 200, 2)
        person, lamp = boxes((x, y, x + 10, y + 20)), boxes((x + 200, y + 100, x + 240, y + 140))
        grey = random.integers(80, 90, (512, 640, 3), dtype=np.uint8)
        pictures.append(coco.Picture(name=f"{number}", bgr=grey, persons=person, ignored=boxes(), about={}))
        found.append((np.vstack([lamp, person]).astype(float), np.array([0.5, 0.0])))
    judged, look = second.judged_again(pictures, found, [0, 1, 2] * 4, [True] * 12)
    assert all(j.found[0] > j.false[0] for j in judged)
    assert np.isfinite(look.weights).all()
