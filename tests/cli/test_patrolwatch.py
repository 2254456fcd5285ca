"""``airbeat patrol watch``: what it writes, and what it refuses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from PIL import Image

Run = Callable[..., subprocess.CompletedProcess[str]]
BEATS = Path(__file__).resolve().parents[2] / "missions" / "beats"


def frames(folder: Path) -> Path:
    """Two pictures that say nothing of themselves, one of them damaged."""
    there = folder / "photos"
    there.mkdir()
    Image.new("RGB", (64, 48)).save(there / "a.jpg")
    (there / "b.jpg").write_bytes((there / "a.jpg").read_bytes()[:100])
    return there


def test_frames_that_say_nothing_are_told_and_raise_nothing(airbeat: Run, tmp_path: Path) -> None:
    out = tmp_path / "crowds"
    words = ("patrol", "watch", str(BEATS / "market-square.yaml"), "--frames", str(frames(tmp_path)))
    done = airbeat(*words, "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["frames"], found["not_read"], found["alerts"]) == (1, 1, [])
    assert set(found["zones"].values()) == {"green"}
    assert "a.jpg: it does not say when it was taken" in done.stderr
    assert "b.jpg" in done.stderr
    assert (out / "readings.csv").read_text().startswith("time,frame,zone,persons,low,high,")
    again = airbeat(*words, "--out", str(out))
    assert again.returncode == 2
    assert "readings.csv exists already" in again.stderr


def test_a_beat_that_watches_no_crowd_is_refused(airbeat: Run, tmp_path: Path) -> None:
    words = ("patrol", "watch", str(BEATS / "school-runs.yaml"), "--frames", str(frames(tmp_path)))
    done = airbeat(*words, "--out", str(tmp_path / "crowds"))
    assert done.returncode == 2
    assert "no crowd zone of this beat is watched" in done.stderr
    assert not (tmp_path / "crowds").exists()
