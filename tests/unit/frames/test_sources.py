"""Where frames come from."""

from __future__ import annotations

import math
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from airbeat.errors import FrameError, UsageError
from airbeat.frames.arriving import Arriving
from airbeat.frames.folder import list_folder
from airbeat.frames.reader import has_its_end, read_frame_meta
from airbeat.frames.sources import FolderSource, FollowedFolder, VideoSource
from airbeat.frames.subtitles import read_subtitles
from airbeat.frames.video import VideoSampling


def names(source):
    return [frame.name for frame in source if frame is not None]


def test_folders_below_are_listed_by_name_and_results_and_hidden_files_are_not(tmp_path: Path) -> None:
    for name in ("b/2.JPG", "a/1.tif", "3.png", "b/.hidden.jpg", "b/._2.JPG", ".trash/4.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "old" / "crops").mkdir(parents=True)
    (tmp_path / "old" / "candidates.json").write_text("{}")
    (tmp_path / "old" / "crops" / "C001.jpg").write_bytes(b"x")
    listed = list_folder(tmp_path)
    assert listed.files == ("3.png", "a/1.tif", "b/2.JPG")
    assert listed.ignored == 1
    assert listed.left_out == ("old",)


def test_a_link_to_a_folder_above_does_not_go_round_in_circles(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(b"x")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert list_folder(tmp_path).files == ("a/1.jpg",)


def test_a_folder_that_fills_gives_files_once_they_have_stopped_growing(tmp_path: Path) -> None:
    folder = tmp_path / "card"
    folder.mkdir()
    (folder / "1.jpg").write_bytes(b"whole")
    source = FollowedFolder(
        name="card", folder=folder, frames_dir=tmp_path / "frames", quiet_s=1.0, poll_s=0.02
    )
    sizes = {}

    def fill() -> None:
        with (folder / "2.jpg").open("wb") as stream:
            for _ in range(30):
                stream.write(b"x" * 1000)
                stream.flush()
                time.sleep(0.01)

    writer = threading.Thread(target=fill)
    writer.start()
    for frame in source:
        if frame is not None:
            sizes[frame.name] = frame.path.stat().st_size
    writer.join()
    assert sorted(sizes) == ["1.jpg", "2.jpg"]


def test_a_followed_folder_ends_when_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"x")
    source = FollowedFolder(
        name="card", folder=tmp_path, frames_dir=tmp_path / "frames", quiet_s=600, stopped=lambda: True
    )
    assert names(source) == []


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Four seconds at ten frames a second: a still second, then a pan by 8 px a frame."""
    av = pytest.importorskip("av")
    path = tmp_path / "card" / "clip.mp4"
    path.parent.mkdir()
    random = np.random.default_rng(1)
    ground = np.kron(random.integers(0, 255, (30, 120, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    with av.open(str(path), "w") as container:
        container.metadata["creation_time"] = "2024-05-01T10:00:00.000000Z"
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(40):
            x = max(0, number - 10) * 8
            frame = av.VideoFrame.from_ndarray(ground[:, x : x + 320], format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_one_frame_a_second_is_kept_as_a_photograph_that_says_its_time(clip: Path, tmp_path: Path) -> None:
    source = FolderSource(name="card", folder=clip.parent, frames_dir=tmp_path / "frames")
    frames = [f for f in source if f is not None]
    assert [f.name for f in frames] == [f"clip.mp4/{s:010.3f}.jpg" for s in (0, 1, 2, 3)]
    meta = read_frame_meta(frames[2].path)
    assert (meta.width_px, meta.height_px) == (320, 240)
    assert meta.time_utc == datetime(2024, 5, 1, 10, 0, 2, tzinfo=UTC)
    before = [f.path.read_bytes() for f in frames]
    assert [f.path.read_bytes() for f in source if f is not None] == before


def test_frames_are_taken_earlier_where_the_picture_moves(clip: Path, tmp_path: Path) -> None:
    sampling = VideoSampling(every_s=2.0, overlap=0.7)
    source = VideoSource(name="clip", address=str(clip), frames_dir=tmp_path / "frames", sampling=sampling)
    seconds = [float(Path(name).stem) for name in names(source)]
    moving = [s for s in seconds if s > 1.0]
    assert len(moving) >= 2
    assert max(np.diff(moving), default=0) <= 1.7


SUBTITLES = (
    "{n}\n00:00:0{s},000 --> 00:00:0{s},999\n2031-07-09 23:00:0{s}.000\n[fnum: 280] "
    "[focal_len: 240] [dzoom_ratio: 10000, delta:0] [latitude: 47.00000{s}] [longitude: 11.5] "
    "[rel_alt: 62.5 abs_alt: 900.0] "
    "[gb_yaw: 90.0 gb_pitch: -60.0 gb_roll: 0.0]\n\n"
)


def test_frames_of_a_video_are_placed_by_the_subtitles_beside_it_whatever_the_clocks_say(
    clip: Path, tmp_path: Path
) -> None:
    video = tmp_path / "DJI_0007.MP4"
    video.write_bytes(clip.read_bytes())
    (tmp_path / "DJI_0007.SRT").write_text("".join(SUBTITLES.format(n=s + 1, s=s) for s in range(3)))
    source = VideoSource(name="v", address=str(video), frames_dir=tmp_path / "frames")
    frames = [frame for frame in source if frame is not None]
    assert len(frames) > 2
    metas = [frame.meta for frame in frames if frame.meta is not None]
    assert [m.position.lat_deg for m in metas if m.position is not None][:3] == [47.0, 47.000001, 47.000002]
    first = metas[0]
    assert (first.height_above_home_m, first.amsl_m, first.gimbal_pitch_deg) == (62.5, 900.0, -60.0)
    across = math.hypot(first.width_px, first.height_px)
    assert first.focal_length_px == pytest.approx(24.0 / math.hypot(36, 24) * across)
    assert any("DJI_0007.SRT (second 0.0 of the video)" in finding for finding in first.findings)
    (tmp_path / "DJI_0007.SRT").write_text("nothing")
    frames = [frame for frame in source if frame is not None]
    assert frames[0].meta is not None
    assert "nothing was taken from DJI_0007.SRT" in frames[0].meta.findings[-1]


@pytest.mark.parametrize(
    ("written", "focal_35mm"),
    [
        ("[focal_len: 24.00] [dzoom_ratio: 1.00]", 24.0),
        ("[focal_len : 240] [dzoom_ratio: 10000, delta:0]", 24.0),
        ("[focal_len: 162.00]", 162.0),
        ("[focal_len: 24.00] [dzoom_ratio: 2.00]", math.nan),
        ("", math.nan),
    ],
)
def test_the_focal_length_of_subtitles_is_read_in_each_models_unit_and_not_through_digital_zoom(
    tmp_path: Path, written: str, focal_35mm: float
) -> None:
    path = tmp_path / "a.srt"
    path.write_text(f"1\n00:00:00,000 --> 00:00:01,000\n{written} [latitude: 47.5] [longitude: 11.5]\n")
    assert read_subtitles(path)[0].focal_35mm == pytest.approx(focal_35mm, nan_ok=True)


def test_a_video_that_breaks_off_is_refused_after_what_could_be_read(clip: Path, tmp_path: Path) -> None:
    (clip.parent / "broken.mp4").write_bytes(b"this is no video at all")
    source = FolderSource(name="card", folder=clip.parent, frames_dir=tmp_path / "frames")
    assert len(names(source)) == 4
    assert [name for name, _, _ in source.refused] == ["broken.mp4"]
    assert "cannot be opened" in source.refused[0][2]


@pytest.mark.parametrize("values", [{"every_s": 0.0}, {"every_s": float("nan")}, {"overlap": 1.0}])
def test_a_sampling_that_makes_no_sense_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        VideoSampling(**values)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match="cannot be read"):
        list_folder(tmp_path / "nowhere")


def test_a_photograph_is_all_there_when_its_end_mark_is(tmp_path: Path) -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8))
    for suffix in ("jpg", "png"):
        path = tmp_path / f"whole.{suffix}"
        picture.save(path)
        data = path.read_bytes()
        assert has_its_end(path)
        (tmp_path / f"cut.{suffix}").write_bytes(data[:-1])
        assert not has_its_end(tmp_path / f"cut.{suffix}")
    (tmp_path / "any.tif").write_bytes(b"II*\0")
    assert has_its_end(tmp_path / "any.tif") is None
    assert has_its_end(tmp_path / "gone.jpg") is False


def test_a_file_that_changes_after_it_was_taken_is_given_again(tmp_path: Path) -> None:
    path = tmp_path / "1.jpg"
    picture = Image.new("RGB", (80, 60))
    picture.save(path)
    ended: list[bool] = []
    source = FollowedFolder(
        name="card",
        folder=tmp_path,
        frames_dir=tmp_path / "frames",
        poll_s=0.01,
        stopped=lambda: bool(ended),
    )
    given = []
    for frame in Arriving(name="card", inner=source, stopped=lambda: bool(ended)):
        if frame is None:
            continue
        given.append(frame.name)
        if len(given) == 2:
            ended.append(True)
        else:
            Image.new("RGB", (90, 60)).save(path)
    assert given == ["1.jpg", "1.jpg"]


def test_what_goes_wrong_while_a_source_is_waited_for_is_raised_where_its_frames_are_taken(
    tmp_path: Path,
) -> None:
    source = FolderSource(name="card", folder=tmp_path / "nowhere", frames_dir=tmp_path / "frames")
    with pytest.raises(FrameError, match="cannot be read"):
        list(Arriving(name="card", inner=source, stopped=lambda: False))
