"""What a search keeps: finished frames are not searched again, whatever happened in between."""

from __future__ import annotations

import json
import os

import cv2
import numpy as np
import pytest

from airbeat.detect.detections import Detections
from airbeat.detect.journal import Journal
from airbeat.detect.run import detect_folder
from airbeat.errors import InputFileError, UsageError

calls: list[float] = []


class Counting:
    """One box in every frame, and a count of the frames it saw."""

    def __call__(self, image_bgr, *, gsd_m_px, modality):
        calls.append(gsd_m_px)
        return Detections(
            xyxy_px=np.array([[100.0, 100, 140, 150]]), scores=np.array([image_bgr.mean() / 255])
        )


class Mortal(Counting):
    """Ends its process on a dark frame, as a system does that has no memory left."""

    def __call__(self, image_bgr, **options):
        if image_bgr.mean() < 20:
            os._exit(9)
        return super().__call__(image_bgr, **options)


@pytest.fixture
def folder(tmp_path):
    """Three photographs of different grey that say nothing of themselves."""
    (tmp_path / "card").mkdir()
    for number in range(3):
        grey(tmp_path / "card" / f"{number}.png", 60 + 50 * number)
    calls.clear()
    return tmp_path / "card"


def grey(path, value):
    cv2.imwrite(str(path), np.full((240, 320, 3), value, np.uint8))


def search(folder, **options):
    out = folder.parent / options.pop("out", "out")
    return detect_folder(
        folder, out_dir=out, **({"detector": Counting(), "gsd_m_px": 0.05, "workers": 1} | options)
    )


def test_a_second_run_searches_only_what_is_new(folder):
    first = search(folder)
    grey(folder / "0a.png", 200)
    second = search(folder)
    assert len(calls) == 4
    assert (first.reused, second.reused) == (0, 3)
    assert second.names == ["0.png", "0a.png", "1.png", "2.png"]
    fresh = search(folder, out="fresh")
    assert fresh.json_path.read_bytes() == second.json_path.read_bytes()


def test_a_photograph_that_was_renamed_or_touched_is_known_by_its_bytes(folder):
    search(folder)
    (folder / "1.png").rename(folder / "9.png")
    os.utime(folder / "2.png", ns=(1, 1))
    again = search(folder)
    assert len(calls) == 3
    assert again.names == ["0.png", "2.png", "9.png"]
    assert json.loads(again.json_path.read_text())["frames"][2]["file"] == "9.png"


def test_a_photograph_that_was_replaced_is_searched_again(folder):
    search(folder)
    grey(folder / "1.png", 233)
    search(folder)
    assert len(calls) == 4


def test_other_settings_search_everything_again_and_the_first_ones_are_remembered(folder):
    search(folder)
    search(folder, gsd_m_px=0.04)
    assert len(calls) == 6
    assert search(folder).reused == 3
    assert len(calls) == 6


@pytest.mark.parametrize("workers", [1, 2])
def test_copies_and_links_are_listed_and_searched_once(folder, workers):
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    (folder / "link.png").hardlink_to(folder / "1.png")
    run = search(folder, workers=workers)
    assert run.duplicates == (("copy.png", "0.png"), ("link.png", "1.png"))
    assert run.names == ["0.png", "1.png", "2.png"]
    again = search(folder, workers=workers)
    assert again.duplicates == run.duplicates
    assert again.reused == 3


def test_a_line_that_was_cut_short_and_crops_of_no_line_are_dropped(folder):
    first = search(folder)
    work = folder.parent / "out" / "work"
    whole = first.json_path.read_bytes()
    lines = (work / "frames.jsonl").read_bytes().splitlines(keepends=True)
    (work / "frames.jsonl").write_bytes(b"".join(lines[:2]) + lines[2][:50])
    with (work / "crops.pack").open("ab") as stream:
        stream.write(b"half a cut-out")
    again = search(folder)
    assert again.reused == 2
    assert again.json_path.read_bytes() == whole
    assert len((work / "frames.jsonl").read_bytes().splitlines()) == 3


def test_lines_whose_cut_outs_are_lost_are_searched_again(folder):
    first = search(folder)
    crops = folder.parent / "out" / "work" / "crops.pack"
    os.truncate(crops, crops.stat().st_size // 2)
    whole = first.json_path.read_bytes()
    assert search(folder).reused < 3
    assert first.json_path.read_bytes() == whole


@pytest.mark.skipif(os.name != "posix", reason="flock")
def test_a_kept_frame_that_was_damaged_is_named_with_the_remedy(folder):
    search(folder)
    lines = folder.parent / "out" / "work" / "frames.jsonl"
    lines.write_bytes(lines.read_bytes().replace(b'"score":', b'"scare":'))
    with pytest.raises(InputFileError, match="delete the folder work"):
        search(folder)


def test_two_searches_do_not_write_to_one_folder(tmp_path):
    first = Journal(tmp_path, "a")
    with pytest.raises(UsageError, match="another search"):
        Journal(tmp_path, "a")
    first.close()
    Journal(tmp_path, "a").close()


def test_a_photograph_on_which_a_worker_dies_is_refused_and_the_others_are_searched(folder):
    grey(folder / "1a.png", 5)
    run = search(folder, detector=Mortal(), workers=2)
    assert [r.name for r in run.refused] == ["1a.png"]
    assert "died" in run.refused[0].reason
    assert run.names == ["0.png", "1.png", "2.png"]


def test_a_photograph_whose_name_is_no_text_is_searched_and_named_with_its_bytes_written_out(folder):
    (folder / "0.png").rename(folder / os.fsdecode(b"\xd5\xd5\xc6\xac.png"))
    search(folder)
    calls.clear()
    assert [frame.name for frame in search(folder).frames] == ["1.png", "2.png", r"\xd5\xd5Ƭ.png"]
    assert calls == []
    report = (folder.parent / "out" / "candidates.json").read_text()
    assert json.loads(report)["frames"][2]["file"].encode("utf-8")
