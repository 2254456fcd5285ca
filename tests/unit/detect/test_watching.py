"""A search that stays: names that stay, results that are the same, and frames completed as they come."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from airbeat.detect.candidates import Look, LookTable, TiedBefore, tie
from airbeat.detect.completing import FromTelemetry
from airbeat.detect.detections import Detections
from airbeat.detect.naming import Names
from airbeat.detect.run import detect_folder, on_this_machine, search_settings
from airbeat.detect.watching import watch_source
from airbeat.errors import InputFileError, UsageError
from airbeat.frames.reader import read_frame_meta
from airbeat.frames.sources import FrameSource, SourceFrame
from airbeat.geo.coordinates import LatLon
from airbeat.locate.accuracy import ErrorTerm, GroundPoint


def key(name, box=0.0):
    return (name, (box, box, box + 1, box + 1))


def test_a_candidate_keeps_its_name_when_a_better_one_comes_before_it():
    names = Names({})
    assert names([[key("a")], [key("b")]]) == ["C001", "C002"]
    assert names([[key("c")], [key("a"), key("d")], [key("b")]]) == ["C003", "C001", "C002"]
    assert names([[key("d")]]) == ["C001"]


def test_of_two_that_become_one_the_older_name_stays_and_no_name_is_given_twice():
    names = Names({"C001": [key("a")], "C002": [key("b")]}, given=7)
    assert names([[key("b"), key("a")]]) == ["C001"]
    assert names([[key("b")], [key("a")], [key("x")]]) == ["C001", "C008", "C009"]


def brightness(image_bgr, *, gsd_m_px, modality):
    return Detections(xyxy_px=np.array([[100.0, 100, 140, 150]]), scores=np.array([image_bgr.mean() / 255]))


class Handed(FrameSource):
    """Gives the frames of a folder in an order of its own, and looks at the results after each."""

    def __init__(self, folder, order, look):
        super().__init__(name=str(folder))
        self.folder, self.order, self.look = folder, order, look

    def __iter__(self):
        for name in self.order:
            before = found(self.folder)
            yield SourceFrame(path=self.folder / name, name=name)
            for _ in range(50):
                yield None
                if found(self.folder) != before:
                    break
                time.sleep(0.02)
            self.look(name)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    (tmp_path / "card").mkdir()
    for number in range(4):
        grey(tmp_path / "card" / f"{number}.png", 60 + 40 * number)
    return tmp_path / "card"


def grey(path, value):
    cv2.imwrite(str(path), np.full((240, 320, 3), value, np.uint8))


def watched(card, order, *, look=lambda name: None, told=lambda run: None, **options):
    return watch_source(
        Handed(card, order, look),
        search_settings(detector=brightness, gsd_m_px=0.05),
        out_dir=card.parent / "out",
        told=told,
        path_of=lambda name: card / name,
        searching=on_this_machine(1),
        **options,
    )


def found(card):
    return json.loads((card.parent / "out" / "candidates.json").read_text())


def test_results_are_there_from_the_start_and_after_every_frame(card):
    counts = []
    last = watched(
        card,
        ["2.png", "0.png", "3.png"],
        look=lambda name: counts.append(len(found(card)["candidates"])),
        told=lambda run: counts.append(len(run.frames)),
    )
    assert counts[0] == 0
    assert sorted(counts) == counts
    assert {1, 2, 3} <= set(counts)
    assert [c["id"] for c in found(card)["candidates"]] == ["C003", "C001", "C002"]
    assert last.names_given == 3


def test_a_watch_finds_what_a_search_of_the_whole_folder_finds(card):
    watched(card, ["3.png", "1.png", "0.png", "2.png"])
    whole = detect_folder(card, out_dir=card.parent / "whole", detector=brightness, gsd_m_px=0.05, workers=1)

    def without_ids(results):
        for row in results["candidates"]:
            row["crop"] = row["crop"].split("-")[1]
            row["id"] = ""
        for frame in results["frames"]:
            for box in frame["boxes"]:
                box["candidate"] = ""
        results["summary"].pop("names_given", None)
        return results

    assert without_ids(found(card)) == without_ids(json.loads(whole.json_path.read_text()))


def test_a_watch_goes_on_with_the_names_that_a_search_gave(card):
    detect_folder(card, out_dir=card.parent / "out", detector=brightness, gsd_m_px=0.05, workers=1)
    before = {c["id"]: c["looks"] for c in found(card)["candidates"]}
    grey(card / "9.png", 250)
    watched(card, ["9.png", "0.png"])
    after = {c["id"]: c["looks"] for c in found(card)["candidates"]}
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {"C005"}


def test_a_file_that_changes_is_searched_again_and_counts_once(card):
    def change(name):
        if name == "0.png":
            grey(card / "0.png", 240)

    run = watched(card, ["0.png", "1.png", "0.png"], look=change)
    assert run.names == ["0.png", "1.png"]
    assert [round(c["score"], 2) for c in found(card)["candidates"]] == [0.94, 0.39]


def test_a_file_that_becomes_whole_is_no_longer_refused_and_a_copy_takes_the_place_of_what_it_was(card):
    whole = (card / "1.png").read_bytes()
    (card / "1.png").write_bytes(whole[:60])
    (card / "copy.png").write_bytes((card / "0.png").read_bytes())

    def change(name):
        if name == "1.png" and found(card)["not_searched"]:
            (card / "1.png").write_bytes(whole)
        if name == "copy.png":
            assert found(card)["duplicates"] == [{"file": "copy.png", "same_as": "0.png"}]
            grey(card / "0.png", 240)

    run = watched(card, ["1.png", "0.png", "copy.png", "1.png", "0.png"], look=change)
    assert run.refused == ()
    assert run.names == ["0.png", "1.png", "copy.png"]
    assert run.duplicates == ()


def test_other_settings_do_not_take_candidates_off_the_desk_before_theirs_are_there(card):
    watched(card, ["0.png", "1.png"])
    seen = []
    watch_source(
        Handed(card, ["0.png", "1.png"], lambda name: seen.append(len(found(card)["candidates"]))),
        search_settings(detector=brightness, gsd_m_px=0.06),
        out_dir=card.parent / "out",
        told=lambda run: None,
        path_of=lambda name: card / name,
        searching=on_this_machine(1),
    )
    assert min(seen) >= 1
    assert len(found(card)["candidates"]) == 2


def test_results_of_another_source_are_refused_and_broken_ones_named(card, tmp_path):
    watched(card, ["0.png"])
    with pytest.raises(UsageError, match="holds the results of"):
        watched(card.rename(tmp_path / "other"), ["0.png"])
    (tmp_path / "out" / "candidates.json").write_text("[]")
    with pytest.raises(InputFileError, match="not what a search writes"):
        watched(tmp_path / "other", ["0.png"])


def looks_of(frames, *, seed):
    """Looks at the corners of a grid of 7 m, some metres off, with an error that is partly shared."""
    random = np.random.default_rng(seed)
    for frame in range(frames):
        for box in range(6):
            east, north = 7.0 * random.integers(0, 12, 2) + random.normal(0, 1.0, 2)
            position = LatLon(lat_deg=51 + north * 8.983e-6, lon_deg=8 + east * 1.427e-5)
            terms = (
                ErrorTerm(source="gps", east_m=1.0, north_m=0.3, shared=0.8),
                ErrorTerm(source="pitch", east_m=0.2, north_m=1.0, shared=0.0),
            )
            point = GroundPoint(
                position=position,
                ce90_m=3.0,
                semi_major_m=3.0,
                semi_minor_m=2.0,
                major_bearing_deg=0.0,
                terms=terms,
            )
            yield Look(frame=frame, box=box, score=float(random.uniform()), point=point)


def test_what_is_remembered_of_a_tie_does_not_change_it():
    before, looks = TiedBefore(), list(looks_of(30, seed=4))
    for count in (60, 61, 120, 180):
        table = LookTable()
        for look in looks[:count]:
            table.add(look)
        before.begin([(look.frame, look.box) for look in looks[:count]])
        remembered = tie(table, before=before)
        afresh = tie(looks[:count])
        assert [[(k.frame, k.box) for k in c.looks] for c in remembered] == [
            [(k.frame, k.box) for k in c.looks] for c in afresh
        ]
        assert np.allclose([c.point.ce90_m for c in remembered], [c.point.ce90_m for c in afresh])
    assert any(len(c.looks) > 3 for c in remembered)


SUBTITLES = (
    "1\n00:00:00,000 --> 00:00:01,000\n2024-05-01 10:00:0{second}.000\n"
    "[latitude: 51.000000] [longitude: 8.000000] [rel_alt: 50.0 abs_alt: 350.0]\n\n"
)


def test_a_frame_that_the_log_cannot_place_says_why_and_has_no_place(card, tmp_path):
    log = tmp_path / "flight.srt"
    log.write_text(SUBTITLES.format(second=0))
    run = watched(card, ["0.png"], completing=FromTelemetry(log))
    assert run.boxes_without_place == 1
    assert any("nothing was taken from flight.srt" in f for f in run.frames[0].findings)
    with pytest.raises(InputFileError, match="cannot be read"):
        FromTelemetry(tmp_path / "nowhere.tlog")


class OfVideo(FrameSource):
    """Gives one frame of a video, with what the subtitles beside it say."""

    def __init__(self, folder, said):
        super().__init__(name=str(folder))
        self.path, self.said = folder / "0.png", said

    def __iter__(self):
        meta = replace(read_frame_meta(self.path), findings=(self.said,))
        yield SourceFrame(path=self.path, name="0.png", meta=meta, video=self.path.with_name("0.MP4"))


def watched_video(card, said, completing=None):
    return watch_source(
        OfVideo(card, said),
        search_settings(detector=brightness, gsd_m_px=0.05),
        out_dir=card.parent / "out",
        told=lambda run: None,
        path_of=lambda name: card / name,
        searching=on_this_machine(1),
        completing=completing,
    )


def test_a_videos_frame_that_subtitles_place_later_takes_the_place_of_what_it_was(card):
    watched(card, ["0.png"])
    watched_video(card, "no place")
    run = watched_video(card, "51 N, 8 E")
    assert [frame.name for frame in run.frames] == ["0.png"]
    assert "51 N, 8 E" in run.frames[0].findings
    assert [len(record.candidate.looks) for record in run.candidates] == [1]


def test_a_videos_frame_that_a_log_completes_is_not_searched_again_by_the_next_watch(card):
    class Counting:
        calls = 0

        def key(self):
            return "log"

        def __call__(self, frame):
            self.calls += 1
            return replace(frame.meta, findings=(f"paired with {self.calls} others",))

    log = Counting()
    watched_video(card, "51 N, 8 E", log)
    run = watched_video(card, "51 N, 8 E", log)
    assert (len(run.frames), run.reused, log.calls) == (1, 1, 1)
