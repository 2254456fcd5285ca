"""Nothing reaches a vehicle before the plan was checked and its notes were said."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airbeat.geo.coordinates import LatLon
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

Run = Callable[..., subprocess.CompletedProcess[str]]

NOTHING_LISTENS = "tcp:127.0.0.1:9"


@pytest.fixture
def vehicle() -> Iterator[EmbeddedVehicle]:
    config = VehicleConfig(home=LatLon(lat_deg=51.18, lon_deg=8.49), home_amsl_m=400.0, speedup=0.0)
    with EmbeddedVehicle(config) as running:
        yield running


def _plan_with_a_leg_outside_the_fence(airbeat: Run, folder: Path) -> str:
    assert airbeat("plan", "missions/demo-hillside.yaml", "--out", "p").returncode == 0
    path = folder / "p" / "demo-hillside.plan"
    value = json.loads(path.read_text())
    item = next(i for i in value["mission"]["items"][5:] if i.get("command") == 16)
    item["params"][4] += 0.05
    path.write_text(json.dumps(value))
    return "p/demo-hillside.plan"


def test_a_plan_that_leaves_the_fence_is_refused_before_anything_is_connected(
    airbeat: Run, workplace: Path
) -> None:
    plan = _plan_with_a_leg_outside_the_fence(airbeat, workplace)
    done = airbeat("upload", plan, "--connect", NOTHING_LISTENS)
    assert done.returncode == 1, done.stderr
    assert "not uploaded: the checks found" in done.stderr
    assert "heartbeat" not in done.stderr


def test_findings_and_notes_are_in_the_uploads_json(
    airbeat: Run, workplace: Path, vehicle: EmbeddedVehicle
) -> None:
    plan = _plan_with_a_leg_outside_the_fence(airbeat, workplace)
    done = airbeat("upload", plan, "--connect", vehicle.url, "--despite-findings", "--json")
    assert done.returncode == 0, done.stderr
    assert f"waiting for a heartbeat on {vehicle.url} (at most 30 s)" in done.stderr
    assert "going on in spite of" in done.stderr
    result = json.loads(done.stdout)
    assert "error" in {f["severity"] for f in result["findings"]}
    whole = airbeat("upload", "missions/demo-hillside.yaml", "--connect", vehicle.url, "--json")
    assert whole.returncode == 0, whole.stderr
    result = json.loads(whole.stdout)
    assert "error" not in {f["severity"] for f in result["findings"]}
    assert "unsurveyed; not for flight as it is" in result["notes"]


def test_names_in_square_brackets_are_printed_as_they_are(airbeat: Run) -> None:
    done = airbeat("plan", "missions/river-bridge-points.yaml", "--out", "plans [red] [/b]")
    assert done.returncode == 0, done.stderr
    assert "wrote plans [red] [/b]/river-bridge-points.plan" in done.stdout
