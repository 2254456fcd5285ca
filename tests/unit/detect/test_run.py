"""A folder of frames becomes candidates.json, candidates.geojson and cut-outs."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from airbeat.detect.detections import Detections
from airbeat.detect.prepare import PreparedFrames, prepared
from airbeat.detect.run import detect_folder, detect_frames, detect_source, search_settings
from airbeat.detect.search import SearchedFrame
from airbeat.errors import DependencyError, FrameError, UsageError
from airbeat.frames.sources import FolderSource, SourceFrame
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.locate.relief import terrain_for_frames

HOME = LocalFrame(LatLon(lat_deg=51.0, lon_deg=8.0))


class BlueFinder:
    """Boxes around pure blue squares; score by their size."""

    def __call__(self, image_bgr, *, gsd_m_px, modality):
        blue = (image_bgr[:, :, 0] > 200) & (image_bgr[:, :, 1] < 80)
        count, _, stats, _ = cv2.connectedComponentsWithStats(blue.astype(np.uint8))
        rows = [s for s in stats[1:count] if s[4] > 20]
        rows.sort(key=lambda s: -s[4])
        boxes = [(s[0], s[1], s[0] + s[2], s[1] + s[3]) for s in rows]
        return Detections(
            xyxy_px=np.array(boxes, dtype=float).reshape(-1, 4),
            scores=np.array([min(1.0, s[4] / 1000) for s in rows]),
        )


class HalfBlind(BlueFinder):
    """Fails on a marked frame as a broken picture would."""

    def __call__(self, image_bgr, **options):
        if image_bgr[0, 0].min() > 200:
            raise FrameError("the picture is broken", where="x", remedy="copy it again")
        return super().__call__(image_bgr, **options)


def picture(*squares, side=24):
    image = np.full((600, 800, 3), 90, np.uint8)
    for x, y in squares:
        image[y - side // 2 : y + side // 2, x - side // 2 : x + side // 2] = (255, 0, 0)
    return image


@pytest.fixture
def two_looks(card):
    """The same square in two frames, the second camera 10 m (200 px) further east; a second square in one."""
    return [
        card(picture((500, 200), (100, 500)), "DJI_0001.JPG"),
        card(picture((300, 200)), "DJI_0002.JPG", position=HOME.to_latlon([(10, 0)])[0]),
    ]


def test_looks_are_tied_located_and_written(two_looks, tmp_path):
    out = tmp_path / "out"
    seen = []
    run = detect_frames(
        two_looks,
        out_dir=out,
        detector=BlueFinder(),
        workers=1,
        progress=lambda done, of: seen.append((done, of)),
    )
    assert seen == [(1, 2), (2, 2)]
    report = json.loads((out / "candidates.json").read_text(encoding="utf-8"))
    assert report["schema"] == "airbeat/candidates/2"
    assert [f["file"] for f in report["frames"]] == ["DJI_0001.JPG", "DJI_0002.JPG"]
    assert [f["sha256"] for f in report["frames"]] == [m.sha256 for m in two_looks]
    assert [len(f["boxes"]) for f in report["frames"]] == [2, 1]
    by_looks = sorted(report["candidates"], key=lambda c: -c["frames_with_it"])
    assert [c["frames_with_it"] for c in by_looks] == [2, 1]
    # (500, 200) is 100 px right of and 100 px above the middle: 5 m east, 5 m north.
    place = LatLon(lat_deg=by_looks[0]["lat_deg"], lon_deg=by_looks[0]["lon_deg"])
    assert distance_m(place, HOME.to_latlon([(5, 5)])[0]) < 0.1
    assert by_looks[0]["frames_over_it"] == 2
    assert by_looks[1]["frames_over_it"] == 1
    assert len(run.candidates) == 2
    for candidate in report["candidates"]:
        assert candidate["status"] == "candidate"
        crop = cv2.imread(str(out / candidate["crop"]))
        yellow = (crop[:, :, 2] > 170) & (crop[:, :, 1] > 170) & (crop[:, :, 0] < 120)
        assert yellow.sum() > 40
    collection = json.loads((out / "candidates.geojson").read_text(encoding="utf-8"))
    assert collection["type"] == "FeatureCollection"
    assert {f["id"] for f in collection["features"]} == {c["id"] for c in report["candidates"]}
    for feature, candidate in zip(collection["features"], report["candidates"], strict=True):
        assert feature["geometry"]["coordinates"] == [candidate["lon_deg"], candidate["lat_deg"]]
        assert "not confirmed" in feature["properties"]["title"]
    assert sorted(p.name for p in out.iterdir()) == ["candidates.geojson", "candidates.json", "crops", "work"]


def test_the_result_does_not_depend_on_the_workers(card, paint, tmp_path):
    frames = [
        card(paint([(200 + 90 * i, 300, (30, 30, 220), (200, 60, 30))], seed=i), f"DJI_{i:04d}.JPG")
        for i in range(3)
    ]
    runs = [detect_frames(frames, out_dir=tmp_path / str(n), workers=n, threshold=0.0) for n in (1, 2)]
    assert runs[0].boxes > 0
    assert runs[0].json_path.read_bytes() == runs[1].json_path.read_bytes()


def test_a_place_that_a_frame_shows_without_a_box_is_counted(card, tmp_path):
    frames = [card(picture((400, 300)), "a.JPG"), card(picture((50, 50)), "b.JPG")]
    run = detect_frames(frames, out_dir=tmp_path / "out", detector=BlueFinder(), workers=1)
    middle = min(run.candidates, key=lambda c: distance_m(c.candidate.point.position, HOME.origin))
    assert (len(middle.candidate.looks), middle.covered_by) == (1, 2)


def test_frames_that_cannot_be_searched_are_listed_with_the_reason(card, tmp_path):
    blank = picture()
    blank[:2, :2] = 255
    frames = [
        card(picture((400, 300)), "good.JPG"),
        card(blank, "broken.JPG"),
        card(picture(), "too-high.JPG", height_above_home_m=500.0),
    ]
    gone = card(picture(), "gone.JPG")
    gone.path.unlink()
    run = detect_frames([*frames, gone], out_dir=tmp_path / "out", detector=HalfBlind(), workers=1)
    assert [f.meta.path.name for f in run.frames] == ["good.JPG"]
    reasons = {r.path.name: r.reason for r in run.refused}
    assert "broken" in reasons["broken.JPG"]
    assert "copy it again" in reasons["broken.JPG"]
    assert "too coarse" in reasons["too-high.JPG"]
    assert "gone.JPG" in reasons
    report = json.loads(run.json_path.read_text(encoding="utf-8"))
    assert len(report["not_searched"]) == 3
    assert report["summary"]["frames_not_searched"] == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"height_above_home_m": None}, "RelativeAltitude"), ({"gimbal_pitch_deg": 10.0}, "horizon")],
)
def test_a_frame_without_a_gsd_is_searched_by_detectors_that_need_none_and_says_so(
    card, tmp_path, changes, words
):
    frame = card(picture((400, 300)), **changes)
    run = detect_frames([frame], out_dir=tmp_path / "a", detector=BlueFinder(), workers=1)
    assert run.frames[0].gsd_m_px is None
    assert any("GSD is not known" in text and words in text for text in run.frames[0].findings)
    assert len(run.candidates) == 1
    assert json.loads(run.json_path.read_text(encoding="utf-8"))["frames"][0]["gsd_m_px"] is None
    needing = detect_frames([frame], out_dir=tmp_path / "b", detector="exercise", workers=1)
    assert words in needing.refused[0].reason


def test_a_frame_that_looks_far_is_searched_for_those_in_its_foreground(card, tmp_path):
    """At 15° below the horizon the middle has 19 cm/px, the lower edge 9 cm/px."""
    run = detect_frames(
        [card(picture((400, 300)), gimbal_pitch_deg=-15.0)], out_dir=tmp_path / "a", detector=BlueFinder()
    )
    assert run.frames[0].gsd_m_px is None
    assert any("19.3 cm/px in the middle" in text and "9.1" in text for text in run.frames[0].findings)
    farther = card(picture((400, 300)), gimbal_pitch_deg=-15.0, height_above_home_m=90.0)
    run = detect_frames([farther], out_dir=tmp_path / "b", detector=BlueFinder(), workers=1)
    assert "too coarse" in run.refused[0].reason


def test_a_gsd_finer_than_any_from_the_air_is_not_believed(card, tmp_path):
    """As where the drone took off on a hill, and flies at that hill's height over the valley."""
    frame = card(picture((400, 300)), height_above_home_m=0.4)
    run = detect_frames([frame], out_dir=tmp_path / "out", detector=BlueFinder(), workers=1)
    assert run.frames[0].gsd_m_px is None
    assert any("0.04 cm/px cannot be true" in text for text in run.frames[0].findings)


def test_a_frame_without_position_is_searched_and_its_boxes_say_they_have_no_place(card, tmp_path):
    frame = card(picture((400, 300)), position=None)
    run = detect_frames([frame], out_dir=tmp_path / "out", detector=BlueFinder(), workers=1)
    assert run.boxes == 1
    assert run.boxes_without_place == 1
    (candidate,) = json.loads(run.json_path.read_text(encoding="utf-8"))["candidates"]
    assert (candidate["lat_deg"], candidate["lon_deg"], candidate["ce90_m"]) == (None, None, None)
    assert candidate["looks"][0]["file"] == "DJI_0001.JPG"
    assert json.loads(run.geojson_path.read_text(encoding="utf-8"))["features"] == []
    assert any("GPSLatitude" in text for text in run.frames[0].findings)


def test_a_gsd_given_by_hand_searches_frames_that_do_not_know_theirs(card, tmp_path):
    frame = card(picture((400, 300)), height_above_home_m=None, focal_length_px=None)
    run = detect_frames([frame], out_dir=tmp_path / "out", detector=BlueFinder(), workers=1, gsd_m_px=0.04)
    assert isinstance(run.frames[0], SearchedFrame)
    assert run.frames[0].gsd_m_px == 0.04
    assert any("by hand" in text for text in run.frames[0].findings)


def test_the_ground_under_the_camera_can_be_given(card, tmp_path):
    frame = card(picture((600, 300)))
    run = detect_frames(
        [frame], out_dir=tmp_path / "out", detector=BlueFinder(), workers=1, ground_height_m=lambda meta: 25.0
    )
    place = run.candidates[0].candidate.point.position
    assert distance_m(place, HOME.to_latlon([(5, 0)])[0]) < 0.1
    assert run.frames[0].gsd_m_px == pytest.approx(0.025)


def test_boxes_below_the_threshold_are_left_out(card, tmp_path):
    image = picture((200, 200), side=30)
    image[400:408, 400:408] = (255, 0, 0)
    frame = card(image)
    everything = detect_frames([frame], out_dir=tmp_path / "a", detector=BlueFinder(), workers=1)
    some = detect_frames([frame], out_dir=tmp_path / "b", detector=BlueFinder(), workers=1, threshold=0.5)
    assert (everything.boxes, some.boxes) == (2, 1)


def test_a_second_run_replaces_the_first_and_leaves_nothing_of_it(card, tmp_path):
    out = tmp_path / "out"
    detect_frames([card(picture((200, 200), (400, 400)))], out_dir=out, detector=BlueFinder(), workers=1)
    run = detect_frames([card(picture((600, 100)))], out_dir=out, detector=BlueFinder(), workers=1)
    assert [p.name for p in (out / "crops").iterdir()] == [run.candidates[0].crop.name]


def test_results_are_not_replaced_where_that_was_not_allowed(card, tmp_path):
    out = tmp_path / "out"
    frame = card(picture((200, 200)))
    first = detect_frames([frame], out_dir=out, detector=BlueFinder(), workers=1)
    before = first.json_path.read_bytes()
    with pytest.raises(UsageError, match="overwrite"):
        detect_frames([], out_dir=out, detector=BlueFinder(), workers=1, overwrite=False)
    assert first.json_path.read_bytes() == before
    assert first.candidates[0].crop.exists()


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0.5, "max_false_per_frame": 1.0},
        {"detector": BlueFinder(), "max_false_per_frame": 1.0},
        {"threshold": 1.5},
        {"gsd_m_px": 2.5},
        {"ground_height_m": float("nan")},
        {"ground_height_m": float("-inf")},
        {"max_false_per_frame": 0.0},
        {"workers": 0},
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options):
    with pytest.raises(UsageError):
        detect_frames([], out_dir=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_photographs_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(FrameError, match="no photographs"):
        detect_folder(tmp_path, out_dir=tmp_path / "out")


def test_an_opencv_that_cannot_be_loaded_is_named_before_any_worker_starts(card, tmp_path, monkeypatch):
    def broken():
        raise DependencyError("OpenCV cannot be loaded", remedy="install another package")

    monkeypatch.setattr("airbeat.detect.workers.opencv", broken)
    with pytest.raises(DependencyError, match="install another package"):
        detect_frames([card(picture((500, 200)), "DJI_0001.JPG")], out_dir=tmp_path / "out", workers=2)


def test_folders_below_are_searched_and_what_is_no_photograph_is_counted(card, tmp_path):
    card(picture((400, 300)), "DJI_0001.JPG")
    below = tmp_path / "card" / "DCIM" / "101MEDIA"
    below.mkdir(parents=True)
    (tmp_path / "card" / "DJI_0001.JPG").rename(below / "DJI_0001.JPG")
    (below / "DJI_0001.SRT").write_text("1")
    run = detect_folder(
        tmp_path / "card", out_dir=tmp_path / "out", workers=1, detector=BlueFinder(), gsd_m_px=0.05
    )
    assert run.names == ["DCIM/101MEDIA/DJI_0001.JPG"]
    assert (run.ignored, run.folders) == (1, ())
    assert len(run.candidates) == 1


def test_an_output_folder_inside_the_photographs_is_not_searched(card, tmp_path):
    card(picture((400, 300)))
    folder = tmp_path / "card"
    options = {"workers": 1, "detector": BlueFinder(), "gsd_m_px": 0.05}
    first = detect_folder(folder, out_dir=folder / "found", **options)
    again = detect_folder(folder, out_dir=folder / "second", **options)
    assert first.names == again.names == ["DJI_0001.JPG"]
    assert again.folders == ("found",)


def test_results_among_the_photographs_are_refused_before_anything_is_written(card, tmp_path):
    """Cut-outs and contact sheets would be searched as photographs the next time."""
    folder = card(picture((200, 200))).path.parent
    with pytest.raises(UsageError, match="among its photographs"):
        detect_folder(folder, out_dir=folder / ".." / folder.name, detector=BlueFinder(), workers=1)
    assert [p.name for p in folder.iterdir()] == ["DJI_0001.JPG"]


def test_an_unreadable_photograph_in_a_folder_is_listed(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "DJI_0001.JPG").write_bytes(b"\xff\xd8 this is no photograph")
    run = detect_folder(folder, out_dir=tmp_path / "out", workers=1)
    assert [r.path.name for r in run.refused] == ["DJI_0001.JPG"]
    assert json.loads(run.json_path.read_text(encoding="utf-8"))["summary"]["frames_not_searched"] == 1


def test_a_photograph_that_lost_its_lower_part_and_yet_ends_as_it_should_says_so(card, tmp_path, paint):
    """As recovery tools leave them: the data stop halfway, and the end mark follows."""
    meta = card(paint())
    data = meta.path.read_bytes()
    meta.path.write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    run = detect_folder(meta.path.parent, out_dir=tmp_path / "out", detector=BlueFinder(), workers=1)
    assert any("rows are of one colour" in finding for finding in run.frames[0].findings)


def test_a_detectors_own_mistake_is_not_taken_for_a_broken_photograph(card, tmp_path):
    def broken(image_bgr, *, gsd_m_px, modality):
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        detect_frames([card(picture())], out_dir=tmp_path / "out", detector=broken, workers=1)
    assert not (tmp_path / "out" / "candidates.json").exists()


def test_a_height_model_moves_places_to_where_the_ground_is(tmp_path, card):
    """Ground 10 m above home: the camera is 40 m above it, and 100 px are 4 m instead of 5."""
    heights = np.full((1201, 1201), 310, dtype=">i2")
    (tmp_path / "N50E008.hgt").write_bytes(heights.tobytes())
    (tmp_path / "N51E008.hgt").write_bytes(heights.tobytes())
    frame = card(picture((500, 300)), position=LatLon(lat_deg=51.01, lon_deg=8.01), amsl_m=350.0)
    terrain = terrain_for_frames([tmp_path / "N51E008.hgt", tmp_path / "N50E008.hgt"], [frame])
    run = detect_frames([frame], out_dir=tmp_path / "out", detector=BlueFinder(), workers=1, terrain=terrain)
    place = run.candidates[0].candidate.point.position
    expected = LocalFrame(frame.position).to_latlon([(4, 0)])[0]
    assert distance_m(place, expected) < 0.1
    report = json.loads(run.json_path.read_text(encoding="utf-8"))
    assert report["candidates"][0]["ground_amsl_m"] == 310.0
    assert "height model" in report["positions"]
    assert report["frames"][0]["gsd_m_px"] == pytest.approx(0.04)


def test_photographs_without_a_position_get_theirs_from_telemetry(tmp_path, monkeypatch):
    """The log is read by `airbeat.frames.pairing`; here it says one place for all."""
    folder = tmp_path / "card"
    folder.mkdir()
    cv2.imwrite(str(folder / "1.png"), picture((400, 300)))
    (folder / "2.png").write_bytes(b"no photograph")
    place = LatLon(lat_deg=51.0, lon_deg=8.0)

    def complete(frames, telemetry, *, camera_pitch_deg):
        assert telemetry.name == "flight.tlog"
        return tuple(
            replace(
                f,
                position=place,
                height_above_home_m=50.0,
                gimbal_yaw_deg=0.0,
                gimbal_pitch_deg=camera_pitch_deg,
                focal_length_px=1000.0,
            )
            for f in frames
        )

    monkeypatch.setattr("airbeat.detect.prepare.complete_from_telemetry", complete)
    source = FolderSource(name="card", folder=folder, frames_dir=tmp_path / "frames")
    ready, terrain = prepared(source, telemetry=tmp_path / "flight.tlog", camera_pitch_deg=-90.0)
    assert terrain is None
    run = detect_source(ready, search_settings(detector=BlueFinder()), out_dir=tmp_path / "out", workers=1)
    assert distance_m(run.candidates[0].candidate.point.position, place) < 0.1
    assert [r.name for r in run.refused] == ["2.png"]


def test_subtitles_given_for_a_video_are_taken_by_the_videos_time_though_no_clock_agrees(tmp_path):
    """The drone hovers, and the photograph beside the video is no frame of it."""
    video, frames = tmp_path / "DJI_0001.MP4", []
    for second in range(3):
        path = tmp_path / f"{second}.png"
        cv2.imwrite(str(path), picture((400, 300)))
        frames.append(SourceFrame(path=path, name=path.name, video=video, second_s=float(second)))
    entry = (
        "{n}\n00:00:0{s},000 --> 00:00:0{s},999\n2031-07-09 23:00:0{s}.000\n[focal_len: 24.00] "
        "[latitude: 51.0] [longitude: 8.0] [rel_alt: 5{s}.0] [gb_yaw: 0.0 gb_pitch: -90.0 gb_roll: 0.0]\n\n"
    )
    (tmp_path / "b.SRT").write_text("".join(entry.format(n=s + 1, s=s) for s in range(3)))
    source = PreparedFrames(name="v", frames=frames)
    ready, _ = prepared(source, telemetry=tmp_path / "b.SRT")
    heights = [f.meta.height_above_home_m for f in ready.frames if f.meta is not None]
    assert heights == [50.0, 51.0, 52.0]
