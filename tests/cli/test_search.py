"""A case through the command line: start, update by an embedded vehicle's flight, status, papers, look."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
CASE = "missions/cases/koenigstuhl-walker.yaml"
MISSION = """\
airbeat: 1
kind: search
name: Strip on the slope
home: {lat: 49.39468, lon: 8.73060}
fence:
  inclusion: [{circle: {lat: 49.394481, lon: 8.730787, radius_m: 150}}]
  max_height_m: 100
area:
  - {lat: 49.39420, lon: 8.73030}
  - {lat: 49.39480, lon: 8.73030}
  - {lat: 49.39480, lon: 8.73180}
  - {lat: 49.39420, lon: 8.73180}
height: {value_m: 50, datum: home}
speed_m_s: 9
camera: embedded-12mp
airframe: arducopter-quad
search: {overlap: {side: 0.2, front: 0.2}}
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _simulator(folder: Path, port: int) -> Iterator[None]:
    command = ["sim", "strip.yaml", "--speedup", "20", "--photos", "photos", "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "airbeat", *command], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert "embedded vehicle (not ArduPilot)" in process.stdout.readline()
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)


def _photographed(airbeat: Run, workplace: Path) -> dict[str, Any]:
    """What a search of the photographs of a simulated flight gives; its ledger is written too."""
    (workplace / "strip.yaml").write_text(MISSION)
    port = _free_port()
    with _simulator(workplace, port):
        flown = airbeat(
            "fly",
            "strip.yaml",
            "--connect",
            f"tcp:127.0.0.1:{port}",
            "--yes",
            "--out",
            "flight",
            timeout_s=400,
        )
        assert flown.returncode == 0, flown.stderr
    deadline = time.monotonic() + 60
    while not (workplace / "photos-truth.json").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert airbeat("ledger", "strip.yaml", "--flight", "flight").returncode in (0, 1)
    assert airbeat("detect", "photos", "--out", "candidates", timeout_s=400).returncode == 0
    results: dict[str, Any] = json.loads((workplace / "candidates" / "candidates.json").read_text())
    return results


@pytest.mark.timeout(1200)
def test_a_flights_photographs_update_the_map_only_once_they_are_reviewed(
    airbeat: Run, workplace: Path
) -> None:
    results = _photographed(airbeat, workplace)
    taken = len(results["frames"])
    assert taken >= 2

    started = airbeat("search", "start", CASE, "--out", "case", "--json")
    assert started.returncode == 0, started.stderr
    before = json.loads(started.stdout)
    assert before["opos_low"] == pytest.approx(0.0, abs=1e-9)

    given = ("search", "update", "case", "--ledger", "ledger.json", "--candidates", "candidates")
    unreviewed = airbeat(*given)
    assert unreviewed.returncode == 2
    assert "no photograph counts" in unreviewed.stderr
    decisions = [{"candidate": c["id"], "decision": "no"} for c in results["candidates"]]
    if decisions:
        decisions[0]["decision"] = "clue"
    reviews = {"schema": "airbeat/reviews/1", "candidates": decisions}
    (workplace / "candidates" / "reviews.json").write_text(json.dumps(reviews))
    updated = airbeat(*given, "--looked-through", "all", "--json")
    assert updated.returncode == 0, updated.stderr
    record = json.loads(updated.stdout)
    assert record["images"]["counted"] == taken
    assert 0 < record["pos_low"] < record["pos_high"] < 1
    assert record["rest_of_world_after"] > record["rest_of_world_before"]
    again = airbeat(*given, "--looked-through", "all")
    assert again.returncode == 2
    assert "are in update 1 already" in again.stderr

    status = airbeat("search", "status", "case", "--picture", "case.png", "--json")
    assert status.returncode == 0, status.stderr
    now = json.loads(status.stdout)
    assert now["cleared"] is False
    assert now["opos_low"] == pytest.approx(record["pos_low"])
    assert len(now["finds"]) == min(1, len(decisions))
    slope = next(row for row in now["segments"] if row["name"] == "slope")
    assert slope["poa_after"] < slope["poa_before"]
    assert 0 < slope["gap"] < 1
    assert (workplace / "case.png").read_bytes().startswith(b"\x89PNG")
    shown = airbeat("search", "status", "case")
    assert "No ground is cleared" in shown.stdout
    assert "slope" in shown.stdout

    papers = airbeat("search", "papers", "case", "--flight", "flight", "--out", "papers.html")
    assert papers.returncode == 0, papers.stderr
    assert "ICS 214" in (workplace / "papers.html").read_text(encoding="utf-8")


def test_a_closer_look_is_a_mission_that_can_be_planned(airbeat: Run, workplace: Path) -> None:
    folder = workplace / "candidates"
    folder.mkdir()
    frame = {"file": "A.JPG", "width_px": 4000, "height_px": 3000, "lat_deg": 49.3950, "lon_deg": 8.7314,
             "height_above_home_m": 70.0, "gimbal_yaw_deg": 0.0, "gimbal_pitch_deg": -90.0,
             "gimbal_roll_deg": 0.0, "focal_length_px": 2812.5, "gsd_m_px": 0.025,
             "ground_height_above_home_m": 0.0, "boxes": []}  # fmt: skip
    found = {"id": "C001", "lat_deg": 49.39503, "lon_deg": 8.7314, "ce90_m": 3.0, "score": 0.9,
             "frames_over_it": 1, "looks": [{"file": "A.JPG"}], "crop": ""}  # fmt: skip
    document = {"schema": "airbeat/candidates/1", "detector": {"name": "x", "threshold": 0.5},
                "frames": [frame], "not_searched": [], "candidates": [found]}  # fmt: skip
    (folder / "candidates.json").write_text(json.dumps(document))
    look = airbeat("search", "look", "C001", "--mission", "missions/demo-hillside.yaml", "--json")
    assert look.returncode == 0, look.stderr
    assert json.loads(look.stdout)["waypoint_heights_m"]["home"][1] == pytest.approx(19.9)
    assert airbeat("plan", "look-C001.yaml").returncode == 0
    higher = airbeat("search", "look", "C001", "--mission", "missions/demo-hillside.yaml", "--height-m", "90")
    assert higher.returncode == 2
    assert "not lower than the 70 m" in higher.stderr


def test_a_case_that_makes_no_map_is_a_bad_file_with_its_place(airbeat: Run, workplace: Path) -> None:
    text = (Path(__file__).resolve().parents[2] / CASE).read_text(encoding="utf-8")
    (workplace / "case.yaml").write_text(
        text.replace("reach_m: 600 ", "reach_m: 40000 ").replace("koenigstuhl-tracks", "none")
    )
    done = airbeat("search", "start", "case.yaml", "--json")
    assert done.returncode == 3
    assert "none.geojson: no such area file" in done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "mission-file"
    assert not list(workplace.glob("*-case"))


def test_a_list_of_photographs_that_are_not_in_the_search_is_refused(airbeat: Run, workplace: Path) -> None:
    assert airbeat("search", "start", CASE, "--out", "case").returncode == 0
    folder = workplace / "candidates"
    folder.mkdir()
    document = {"schema": "airbeat/candidates/1", "detector": {"name": "x", "threshold": 0.5}, "frames": [],
                "not_searched": [], "candidates": []}  # fmt: skip
    (folder / "candidates.json").write_text(json.dumps(document))
    (workplace / "list.txt").write_text("A.JPG\n")
    (workplace / "ledger.json").write_text("{}")
    given = ("search", "update", "case", "--ledger", "ledger.json", "--candidates", "candidates")
    listed = airbeat(*given, "--looked-through", "list.txt")
    assert listed.returncode == 3
    assert "list.txt, line 1" in listed.stderr
    assert airbeat(*given).returncode == 3  # no ledger
    assert "Traceback" not in listed.stderr
    look = airbeat("search", "look", "C001", "--mission", "missions/demo-hillside.yaml")
    assert look.returncode == 2
    assert "no candidate 'C001'" in look.stderr
    assert sorted(p.name for p in (workplace / "case").iterdir()) == ["case.json", "case.yaml", "files"]
