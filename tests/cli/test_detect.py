"""Searching photographs from the command line: what is written, what goes wrong, and what a restart keeps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

Run = Callable[..., subprocess.CompletedProcess[str]]
Photograph = Callable[..., Path]

LOOSE = ("--detector", "exercise", "--threshold", "0.05", "--workers", "2", "--out", "found")


def _wait_for(what: Callable[[], bool], timeout_s: float = 600.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not what() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert what()


def test_a_person_in_overlapping_photographs_of_two_folders_is_one_candidate_with_a_contact_sheet(
    airbeat: Run, workplace: Path, photograph: Photograph
) -> None:
    for number, north_m in enumerate((0.0, 4.0, -4.0)):
        photograph(
            workplace / "card" / f"10{number}MEDIA" / f"DJI_000{number}.JPG", seed=number, north_m=north_m
        )
    done = airbeat("detect", "card", *LOOSE, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["frames_searched"], result["frames_taken_over"]) == (3, 0)
    report = json.loads((workplace / "found" / "candidates.json").read_text())
    assert [f["file"] for f in report["frames"]] == [
        "100MEDIA/DJI_0000.JPG",
        "101MEDIA/DJI_0001.JPG",
        "102MEDIA/DJI_0002.JPG",
    ]
    assert all(f["boxes"][0]["detector"] for f in report["frames"])
    best = max(report["candidates"], key=lambda c: len(c["looks"]))
    assert len(best["looks"]) == 3
    assert best["missed_in"] == []
    assert abs(best["lat_deg"] - 51.0) < 1e-5
    assert abs(best["lon_deg"] - 8.0) < 1e-5
    assert abs(best["ground_amsl_m"] - 300) < 0.1
    with Image.open(workplace / result["contact_sheets"][0]) as sheet:
        assert sheet.width > 900
    again = airbeat("detect", "card", *LOOSE)
    assert again.returncode == 2
    assert "--overwrite" in again.stderr


def test_files_that_cannot_be_searched_are_listed_and_the_exit_code_says_so(
    airbeat: Run, workplace: Path, photograph: Photograph
) -> None:
    whole = photograph(workplace / "card" / "a.JPG", seed=1)
    (workplace / "card" / "copy.JPG").hardlink_to(whole)
    (workplace / "card" / "broken.JPG").write_bytes(b"\xff\xd8 this is no photograph")
    data = photograph(workplace / "card" / "cut.JPG", seed=2).read_bytes()
    (workplace / "card" / "cut.JPG").write_bytes(data[: len(data) // 2])
    with (workplace / "card" / "huge.JPG").open("wb") as stream:
        stream.truncate(300_000_000)
    done = airbeat("detect", "card", *LOOSE, "--json")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert (result["frames_searched"], result["frames_not_searched"], result["duplicates"]) == (1, 3, 1)
    reasons = {row["file"]: row["reason"] for row in result["not_searched"]}
    assert "cut short" in reasons["cut.JPG"]
    assert "300000000 bytes" in reasons["huge.JPG"]
    assert "not searched: broken.JPG" in done.stderr
    report = json.loads((workplace / "found" / "candidates.json").read_text())
    assert report["duplicates"] == [{"file": "copy.JPG", "same_as": "a.JPG"}]


@pytest.mark.timeout(900)
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_search_that_is_killed_and_started_again_gives_the_same_bytes_as_one_that_was_not(
    airbeat: Run, workplace: Path, photograph: Photograph
) -> None:
    for number in range(12):
        photograph(workplace / "card" / f"DJI_{number:04d}.JPG", seed=number, north_m=3.0 * number - 15)
    assert airbeat("detect", "card", *LOOSE[:-1], "whole", "--workers", "1").returncode == 0
    journal = workplace / "found" / "work" / "frames.jsonl"

    def finished() -> int:
        return journal.read_bytes().count(b"\n") if journal.exists() else 0

    for goal in (3, 7):
        with subprocess.Popen(
            [sys.executable, "-m", "airbeat", "detect", "card", *LOOSE],
            cwd=workplace,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            _wait_for(lambda goal=goal, process=process: finished() >= goal or process.poll() is not None)  # type: ignore[misc]
            process.send_signal(signal.SIGKILL)
    assert not (workplace / "found" / "candidates.json").exists()
    with journal.open("ab") as stream:
        stream.write(b'{"key": "torn')  # as when a line is being written
    done = airbeat("detect", "card", *LOOSE, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames_taken_over"] >= 7
    for name in ("candidates.json", "candidates.geojson", "contact-sheet.jpg"):
        assert (workplace / "found" / name).read_bytes() == (workplace / "whole" / name).read_bytes(), name


@pytest.mark.timeout(900)
@pytest.mark.skipif(os.name != "posix", reason="SIGINT")
def test_a_folder_that_fills_is_followed_until_ctrl_c_and_what_came_is_written(
    workplace: Path, photograph: Photograph
) -> None:
    photograph(workplace / "card" / "DJI_0001.JPG", seed=1)
    journal = workplace / "found" / "work" / "frames.jsonl"
    with subprocess.Popen(
        [sys.executable, "-m", "airbeat", "detect", "card", *LOOSE, "--follow", "--quiet-s", "600", "--json"],
        cwd=workplace,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
    ) as process:
        _wait_for(lambda: journal.exists() and journal.read_bytes().count(b"\n") == 1)
        photograph(workplace / "card" / "DJI_0002.JPG", seed=2)
        _wait_for(lambda: journal.read_bytes().count(b"\n") == 2)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=200)
    assert process.returncode == 0, stderr
    assert "stopping" in stderr
    assert json.loads(stdout)["frames_searched"] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere",), "neither a folder nor a video"),
        (("missions", "--detector", "oracle"), "no detector 'oracle'"),
        (("missions", "--gsd-m-px", "2.5"), "outside 0.001"),
        (("missions", "--video-overlap", "1.5"), "overlap"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(
    airbeat: Run, words: tuple[str, ...], message: str
) -> None:
    done = airbeat("detect", *words, "--out", "out")
    assert done.returncode == 2
    assert message in done.stderr
