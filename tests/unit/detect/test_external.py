"""A user's own network: the layouts that are understood, and what is refused. Tiny networks are made here."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from airbeat.detect.catalogue import detector_named
from airbeat.detect.external import ExternalDetector
from airbeat.errors import InputFileError, UsageError

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402 - only where it is installed

SIDE = 64


def write_network(path, table, *, names="", dynamic=False, size=(SIDE, SIDE), beside=None):
    """A network that answers the same table whatever it sees, and nothing where it sees grey alone.

    The table is multiplied by how far the brightest pixel is above the letterbox's grey, 0 or 1.
    """
    table = np.asarray(table, np.float32)[None]
    zero = numpy_helper.from_array(np.zeros(1, np.float32), "zero")
    one = numpy_helper.from_array(np.ones(1, np.float32), "one")
    high = numpy_helper.from_array(np.array([1000.0], np.float32), "high")
    grey = numpy_helper.from_array(np.array([0.6], np.float32), "grey")
    rank = [1] * table.ndim
    shape = numpy_helper.from_array(np.array(rank, np.int64), "shape")
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["brightest"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Sub", ["brightest", "grey"], ["above"]),
        helper.make_node("Mul", ["above", "high"], ["far"]),
        helper.make_node("Clip", ["far", "zero0", "one0"], ["lit"]),
        helper.make_node("Reshape", ["lit", "shape"], ["lit1"]),
        helper.make_node("Mul", ["table", "lit1"], ["output0"]),
    ]
    sides = ["h", "w"] if dynamic else [size[1], size[0]]
    outputs = {"output0": table.shape}
    if beside is not None:
        nodes.append(helper.make_node("Reshape", ["images", "beside"], ["output1"]))
        outputs["output1"] = beside
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, *sides])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, list(s)) for n, s in outputs.items()],
        [
            numpy_helper.from_array(table, "table"),
            zero,
            one,
            high,
            grey,
            shape,
            numpy_helper.from_array(np.array(beside or [1], np.int64), "beside"),
            numpy_helper.from_array(np.array(0, np.float32), "zero0"),
            numpy_helper.from_array(np.array(1, np.float32), "one0"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=8)
    if names:
        helper.set_model_props(model, {"names": names})
    onnx.save(model, str(path))
    return path


BOX = (30.0, 20.0, 12.0, 24.0)
"""Middle x, y, width, height."""

CORNERS = [24.0, 8.0, 36.0, 32.0]


def v8_table(*columns, places=40):
    """(4 + classes, places) with the given columns and nothing else."""
    table = np.zeros((len(columns[0]), places), np.float32)
    table[:, : len(columns)] = np.array(columns, np.float32).T
    return table


def picture(height=SIDE, width=SIDE):
    return np.full((height, width, 3), 200, np.uint8)


def search(path, image, **options):
    return ExternalDetector(path=path, **options)(image, gsd_m_px=float("nan"), modality="rgb")


@pytest.fixture(autouse=True)
def _small_sides(monkeypatch):
    monkeypatch.setattr("airbeat.detect.external._SIDES_PX", (SIDE, 96))
    monkeypatch.setattr("airbeat.detect.external._OVERLAP_PX", 16)


def test_an_output_of_v8_and_v11_is_read_by_class(tmp_path):
    table = v8_table((*BOX, 0.9, 0.1), (*BOX, 0.1, 0.8))
    path = write_network(tmp_path / "v8.onnx", table)
    first, second = search(path, picture()), search(path, picture(), class_number=1)
    assert first.scores == pytest.approx([0.9])
    assert second.scores == pytest.approx([0.8])
    assert first.xyxy_px[0] == pytest.approx(CORNERS)
    assert first.detectors.tolist() == ["external"]


def test_an_output_of_v5_is_multiplied_by_how_sure_it_is_of_anything(tmp_path):
    table = v8_table((*BOX, 0.9, 0.5, 0.4)).T
    found = search(write_network(tmp_path / "v5.onnx", table), picture())
    assert found.scores == pytest.approx([0.45])
    assert found.xyxy_px[0] == pytest.approx(CORNERS)


def test_an_end_to_end_output_is_read_as_corners_score_and_class(tmp_path):
    table = np.zeros((20, 6), np.float32)
    table[:2] = [[*CORNERS, 0.8, 0], [*CORNERS, 0.9, 2]]
    found = search(write_network(tmp_path / "v10.onnx", table), picture())
    assert found.scores == pytest.approx([0.8])
    assert found.xyxy_px[0] == pytest.approx(CORNERS)


def test_the_class_is_the_one_that_the_file_calls_person(tmp_path):
    table = v8_table((*BOX, 0.3, 0.7))
    path = write_network(tmp_path / "named.onnx", table, names="{0: 'car', 1: 'Person'}")
    assert search(path, picture()).scores == pytest.approx([0.7])


def test_a_large_picture_is_searched_in_overlapping_tiles_and_one_person_stays_one(tmp_path):
    path = write_network(tmp_path / "v8.onnx", v8_table((*BOX, 0.9)))
    found = search(path, picture(SIDE, 2 * SIDE - 16))
    assert sorted(found.xyxy_px[:, 0].tolist()) == pytest.approx([24.0, 24.0 + SIDE - 16])
    twice = write_network(tmp_path / "two.onnx", v8_table((*BOX, 0.9), (31.0, 21.0, 12.0, 24.0, 0.6)))
    assert search(twice, picture()).scores == pytest.approx([0.9])


def test_a_small_picture_is_set_into_grey_and_boxes_stay_inside_it(tmp_path):
    path = write_network(tmp_path / "v8.onnx", v8_table((*BOX, 0.9)))
    found = search(path, picture(20, 30))
    assert found.xyxy_px[0] == pytest.approx([24.0, 8.0, 30.0, 20.0])


def test_weak_boxes_and_boxes_that_are_none_are_left_out(tmp_path):
    rows = [(*BOX, 0.2), (10.0, 10.0, 0.0, 5.0, 0.9), (np.nan, 1.0, 5.0, 5.0, 0.9), (*BOX, 0.5)]
    path = write_network(tmp_path / "v8.onnx", v8_table(*rows))
    assert search(path, picture(), threshold=0.3).scores == pytest.approx([0.5])


def test_the_side_that_the_network_takes_is_found_by_trying(tmp_path):
    path = write_network(tmp_path / "fixed.onnx", v8_table((*BOX, 0.9)), dynamic=True)
    assert len(search(path, picture(96, 96))) >= 1


@pytest.mark.parametrize("size", [(96, 48), (40, 88)])
def test_a_network_of_any_fixed_size_is_given_pictures_of_that_size(tmp_path, size):
    path = write_network(tmp_path / "wide.onnx", v8_table((*BOX, 0.9)), size=size)
    found = search(path, picture(size[1], 2 * size[0] - 16))
    assert sorted(found.xyxy_px[:, 0].tolist()) == pytest.approx([24.0, 24.0 + size[0] - 16])


def test_masks_beside_the_boxes_are_passed_over_and_names_may_be_a_list(tmp_path):
    table = v8_table((*BOX, 0.3, 0.7))
    path = write_network(tmp_path / "s.onnx", table, names="['car', 'person']", beside=[1, 3, 32, 128])
    assert search(path, picture()).scores == pytest.approx([0.7])


def test_a_network_of_an_absurd_size_is_refused_before_memory_is_asked_for(tmp_path):
    path = write_network(tmp_path / "huge.onnx", v8_table((*BOX, 0.9)), size=(100_000, 100_000))
    with pytest.raises(InputFileError, match="takes pictures of 100000×100000 px"):
        search(path, picture())


def test_by_name_it_takes_a_threshold_and_goes_to_worker_processes(tmp_path):
    path = write_network(tmp_path / "v8.onnx", v8_table((*BOX, 0.4)))
    detector = pickle.loads(pickle.dumps(detector_named(f"external:{path}", threshold=0.5)))
    assert len(detector(picture(), gsd_m_px=0.02, modality="rgb")) == 0
    lenient = detector_named(f"external:{path}")
    assert len(lenient(picture(), gsd_m_px=0.02, modality="rgb")) == 1
    with pytest.raises(UsageError, match="no curve"):
        detector_named(f"external:{path}", max_false_per_frame=1)


def test_a_class_that_the_network_does_not_have_is_refused(tmp_path):
    path = write_network(tmp_path / "v8.onnx", v8_table((*BOX, 0.4)))
    with pytest.raises(UsageError, match="has 1 classes"):
        search(path, picture(), class_number=3)


@pytest.mark.parametrize("table", [np.zeros((4, 40)), np.zeros(40), np.zeros((2, 3, 40)), np.zeros((3, 3))])
def test_an_output_of_another_layout_is_refused_with_its_shape(tmp_path, table):
    path = write_network(tmp_path / "other.onnx", table)
    with pytest.raises(InputFileError, match="is no layout of YOLO"):
        search(path, picture())


@pytest.mark.parametrize(
    "content", [b"", b"no network at all, only text", b"\x08\x07\x12\x00" * 50, b"\x00" * 5000]
)
def test_a_file_that_is_no_network_is_refused(tmp_path, content):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(InputFileError, match=r"bad\.onnx"):
        search(path, picture())


def test_a_network_cut_short_or_changed_is_refused_or_answers(tmp_path):
    whole = write_network(tmp_path / "v8.onnx", v8_table((*BOX, 0.9))).read_bytes()
    random = np.random.default_rng(2)
    refused = 0
    for number in range(40):
        data = bytearray(whole[: len(whole) // 2] if number % 2 else whole)
        for place in random.integers(0, len(data), 6):
            data[place] = int(random.integers(0, 256))
        path = tmp_path / f"{number}.onnx"
        path.write_bytes(bytes(data))
        try:
            found = search(path, picture())
        except InputFileError:
            refused += 1
        else:
            assert np.isfinite(found.xyxy_px).all()
    assert refused >= 20


def test_a_file_that_is_not_there_is_refused_at_once(tmp_path):
    with pytest.raises(UsageError, match="no file"):
        detector_named(f"external:{tmp_path / 'none.onnx'}")
