"""Plans from one program's file into another's, through the command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_mission_becomes_a_dji_wayline_and_what_it_cannot_hold_is_listed(
    airbeat: Run, workplace: Path
) -> None:
    done = airbeat("convert", "missions/demo-hillside.yaml", "h.kmz", "--aircraft", "m3t")
    assert done.returncode == 0, done.stderr
    assert "not held: fence polygon 1" in done.stdout
    assert (workplace / "h.kmz").read_bytes()[:2] == b"PK"


def test_strict_writes_nothing_where_anything_is_lost(airbeat: Run, workplace: Path) -> None:
    done = airbeat("convert", "missions/demo-hillside.yaml", "h.kmz", "--strict", "--json")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert result["file"] is None
    assert result["losses"]
    assert not (workplace / "h.kmz").exists()


def test_strict_writes_where_nothing_is_lost(airbeat: Run, workplace: Path) -> None:
    done = airbeat("convert", "missions/school-gate-patrol.yaml", "s.plan", "--strict")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "holds everything" in done.stdout
    again = airbeat("convert", "s.plan", "s.kml", "--strict")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "only airbeat reads" in again.stdout


def test_a_file_that_is_there_is_not_replaced_unless_told(airbeat: Run, workplace: Path) -> None:
    (workplace / "s.gpx").write_text("mine")
    done = airbeat("convert", "missions/school-gate-patrol.yaml", "s.gpx")
    assert done.returncode == 2
    assert (workplace / "s.gpx").read_text() == "mine"


def test_an_unknown_suffix_is_refused_with_those_that_are_known(airbeat: Run) -> None:
    done = airbeat("convert", "missions/school-gate-patrol.yaml", "s.docx")
    assert done.returncode == 2
    assert ".waypoints" in done.stderr


@pytest.mark.parametrize(
    "suffix", [".plan", ".waypoints", ".fence", ".kmz", ".csv", ".kml", ".gpx", ".geojson"]
)
def test_what_was_converted_is_told_in_words(airbeat: Run, suffix: str) -> None:
    assert airbeat("convert", "missions/river-bridge-points.yaml", f"r{suffix}").returncode == 0
    done = airbeat("inspect", f"r{suffix}", "--items", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["home"]["lat_deg"] == pytest.approx(47.353, abs=0.01)
    if suffix != ".fence":
        assert sum(item["kind"] == "waypoint" for item in result["items"]) >= 6
        assert "waypoint at 47.3541000, 7.9043000" in done.stderr


def test_a_file_that_is_no_plan_is_refused_without_a_traceback(airbeat: Run, workplace: Path) -> None:
    (workplace / "x.kmz").write_bytes(b"PK\x03\x04 rubbish")
    done = airbeat("inspect", "x.kmz")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "archive is damaged" in done.stderr
