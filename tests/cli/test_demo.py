"""The exercise, whole: what it prints is what it wrote, and it reaches what it promises."""

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

Run = Callable[..., subprocess.CompletedProcess[str]]

KEYS = (
    "area_km2",
    "coverage_fraction",
    "outside_fence_m",
    "planned_duration_s",
    "flown_duration_s",
    "frames",
    "persons_planted",
    "persons_found",
    "false_candidates_per_frame",
    "median_position_error_m",
    "wall_s",
    "report",
)


def _heed_ctrl_c() -> None:
    """A background job of a shell is started deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.timeout(600)
def test_the_exercise_flies_photographs_searches_and_reports_within_its_bounds(
    airbeat: Run, workplace: Path
) -> None:
    done = airbeat("demo", "--seed", "3", "--out", "exercise", "--json", timeout_s=500)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(KEYS) <= set(result)
    assert 0.09 < result["area_km2"] < 0.11
    assert result["coverage_fraction"] >= 0.995
    assert result["outside_fence_m"] == 0
    assert result["persons_planted"] >= 20
    assert result["persons_found"] / result["persons_planted"] >= 0.8
    assert result["false_candidates_per_frame"] <= 1
    assert result["median_position_error_m"] <= 3
    assert abs(result["flown_duration_s"] / result["planned_duration_s"] - 1) < 0.1

    out = workplace / "exercise"
    assert len(list((out / "photos").glob("DJI_*.JPG"))) == result["frames"]
    truth = json.loads((out / "truth.json").read_text())["persons"]
    assert len(truth) == result["persons_planted"]
    assert sum(p["posture"] == "lying" for p in truth) >= len(truth) // 3
    assert sum(p["earth_colours"] for p in truth) >= len(truth) // 2
    found = json.loads((out / "candidates" / "candidates.json").read_text())
    assert len(found["candidates"]) == result["candidates"]
    report = (workplace / result["report"]).read_text(encoding="utf-8")
    assert "this area is not cleared" in report
    assert "not ArduPilot" in report
    assert report.count('<article class="card"') == result["candidates"]
    assert "embedded" in json.loads((out / "flight.json").read_text())["vehicle"]["name"]


def test_a_folder_that_holds_something_else_is_left_alone(airbeat: Run, workplace: Path) -> None:
    keep = workplace / "mine" / "notes.txt"
    keep.parent.mkdir()
    keep.write_text("do not lose this")
    refused = airbeat("demo", "--out", "mine")
    assert refused.returncode == 2
    assert "not empty" in refused.stderr
    forced = airbeat("demo", "--out", "mine", "--overwrite")
    assert forced.returncode == 2
    assert "was not made by the demo" in forced.stderr
    assert keep.read_text() == "do not lose this"


@pytest.mark.skipif(os.name != "posix", reason="SIGINT")
def test_an_exercise_that_is_stopped_ends_soon_and_can_be_begun_anew(airbeat: Run, workplace: Path) -> None:
    arguments = [sys.executable, "-m", "airbeat", "demo", "--out", "exercise"]
    with subprocess.Popen(
        arguments,
        cwd=workplace,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509 - no threads in the tests
    ) as process:
        deadline = time.monotonic() + 120
        while not list((workplace / "exercise").glob("photos/*.JPG")) and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=30)
        assert process.returncode == 130
    assert "airbeat: stopping" in words
    assert "Traceback" not in words
    assert not (workplace / "exercise" / "truth.json").exists()
    assert (workplace / "exercise" / ".airbeat-demo").is_file()
    refused = airbeat("demo", "--out", "exercise")
    assert refused.returncode == 2
    assert "--overwrite" in refused.stderr
