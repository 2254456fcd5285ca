"""The ledger and the plan for its gaps, through the command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
MISSION = "missions/demo-hillside.yaml"


@pytest.fixture
def flown(workplace: Path) -> Path:
    """A record with one photograph in the middle of the area."""
    shot = {"index": 1, "time_us": 1, "lat_deg": 49.3949, "lon_deg": 8.7310, "height_above_home_m": 70.0,
            "yaw_deg": 90.0}  # fmt: skip
    (workplace / "flight").mkdir()
    path = workplace / "flight" / "flight.json"
    path.write_text(json.dumps({"photos": [shot]}))
    return path


def test_gaps_are_written_and_planned(airbeat: Run, workplace: Path, flown: Path) -> None:
    done = airbeat("ledger", MISSION, "--flight", "flight", "--json")
    assert done.returncode == 1, done.stderr
    ledger = json.loads(done.stdout)
    assert 0.01 < ledger["coverage_fraction"] < 0.1
    assert ledger["inputs"][0]["file"] == "flight.json"
    roles = [
        f["properties"]["role"] for f in json.loads((workplace / "ledger.geojson").read_text())["features"]
    ]
    assert {"area", "gap", "footprint"} == set(roles)
    planned = airbeat("plan", MISSION, "--gaps", "ledger.json", "--out", "plans", "--json")
    assert planned.returncode == 0, planned.stderr
    assert (workplace / "plans" / "demo-hillside-gaps.plan").is_file()
    assert json.loads(planned.stdout)["area_km2"] < 0.099


def test_a_ledger_needs_exactly_one_source_and_does_not_replace_another(airbeat: Run, flown: Path) -> None:
    assert airbeat("ledger", MISSION).returncode == 2
    assert airbeat("ledger", MISSION, "--flight", "flight", "--photos", "flight").returncode == 2
    assert airbeat("ledger", MISSION, "--flight", "flight", "--log", "flight/flight.json").returncode == 2
    assert airbeat("ledger", MISSION, "--flight", "flight").returncode == 1
    again = airbeat("ledger", MISSION, "--flight", "flight")
    assert again.returncode == 2
    assert "--overwrite" in again.stderr


def test_a_broken_record_is_a_bad_file_without_a_traceback(airbeat: Run, flown: Path) -> None:
    flown.write_text('{"photos": [{"index": 1}]}')
    done = airbeat("ledger", MISSION, "--flight", "flight")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_a_log_that_is_none_is_a_bad_file_without_a_traceback(airbeat: Run, flown: Path) -> None:
    done = airbeat("ledger", MISSION, "--log", str(flown))
    assert done.returncode == 3
    assert "no ArduPilot log" in done.stderr
    assert "Traceback" not in done.stderr
