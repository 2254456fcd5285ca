"""A case on a hill of 300 m through the command line: the sorties follow it, and so does a closer look."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from airbeat.geo.coordinates import LatLon
from airbeat.mission.loader import load_mission
from airbeat.planning.plan import plan_mission

Run = Callable[..., subprocess.CompletedProcess[str]]
PLACE = LatLon(lat_deg=47.0, lon_deg=11.0)
CASE = """\
airbeat: 1
kind: case
name: On the hill
missing: {last_known: {lat: 47.0, lon: 11.0}, category: dementia, terrain: mountain}
map: {cell_m: 50, reach_m: 1200, rest_of_world: 0.2}
terrain: {file: models/hill.tif, tolerance_m: 4}
launch: [{name: foot, lat: 46.9925, lon: 11.0}]
fence:
  margin_m: 5
  max_height_m: 450
  inclusion: [{circle: {lat: 47.0, lon: 11.0, radius_m: 1700}}]
drones:
  - name: one
    camera: embedded-12mp
    airframe: dji-mavic-3e
    height: {value_m: 70, datum: agl}
    speed_m_s: 8
  - name: two
    camera: embedded-12mp
    airframe: dji-mavic-3e
    height: {value_m: 70, datum: agl}
    speed_m_s: 8
"""


def hill(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """300 m high; nowhere steeper than 17°, which this aircraft climbs and descends at 8 m/s."""
    away = np.minimum(np.hypot(east, north - 200.0) / 1600.0, 1.0)
    return 800.0 + 150.0 * (1.0 + np.cos(np.pi * away))


@pytest.fixture
def case(airbeat: Run, workplace: Path, height_file: Callable[..., Path]) -> Path:
    (workplace / "models").mkdir()
    height_file(workplace / "models" / "hill.tif", PLACE, hill, half_m=2800.0, cell_m=20.0)
    (workplace / "case.yaml").write_text(CASE)
    done = airbeat("search", "start", "case.yaml", "--out", "case")
    assert done.returncode == 0, done.stderr
    assert "ground heights from hill.tif" in done.stdout
    assert "flat" not in done.stdout
    return workplace / "case"


def test_sorties_over_a_hill_follow_it_and_pass_the_checks(airbeat: Run, case: Path, workplace: Path) -> None:
    done = airbeat("search", "next", "case", "--minutes", "14", "--drones", "2", "--out", "far/out", "--json")

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert len(said["sorties"]) == 2
    for sortie in said["sorties"]:
        codes = {f["code"] for f in sortie["findings"]}
        assert not any(code.startswith("terrain") for code in codes - {"terrain-return-height"}), codes
        assert all(f["severity"] != "error" for f in sortie["findings"])
        file = workplace / sortie["file"]
        text = file.read_text(encoding="utf-8")
        assert "../../case/files/" in text
        assert "tolerance_m: 4" in text
        mission = load_mission(file)
        plan = plan_mission(mission)
        assert plan.terrain is not None
        heights = [item.altitude.value_m for _, item in plan.waypoints() if item.altitude]
        assert max(heights) - min(heights) > 100.0
        assert sortie["duration_s"] <= 14 * 60
        again = airbeat("plan", sortie["file"])
        assert again.returncode == 0, again.stderr
        assert "flat ground" not in again.stdout + again.stderr
    shown = airbeat("search", "next", "case", "--minutes", "14", "--drones", "1")
    assert "flat" not in shown.stdout
    assert "hill.tif" in shown.stdout


def test_a_closer_look_keeps_its_height_above_the_candidates_ground(
    airbeat: Run, case: Path, workplace: Path
) -> None:
    assert airbeat("search", "next", "case", "--minutes", "14", "--drones", "1").returncode == 0
    mission = "case/next/next-1-drone-1-sortie-1.yaml"
    folder = workplace / "candidates"
    folder.mkdir()
    frame = {"file": "A.JPG", "width_px": 4000, "height_px": 3000, "lat_deg": 47.001, "lon_deg": 11.0,
             "height_above_home_m": 320.0, "gimbal_yaw_deg": 0.0, "gimbal_pitch_deg": -90.0,
             "gimbal_roll_deg": 0.0, "focal_length_px": 2812.5, "gsd_m_px": 0.025,
             "ground_height_above_home_m": 0.0, "boxes": []}  # fmt: skip
    found = {"id": "C001", "lat_deg": 47.001, "lon_deg": 11.0, "ce90_m": 3.0, "score": 0.9,
             "frames_over_it": 1, "looks": [{"file": "A.JPG"}], "crop": ""}  # fmt: skip
    document = {"schema": "airbeat/candidates/1", "detector": {"name": "x", "threshold": 0.5},
                "positions": "WGS84; flat ground at ground_height_above_home_m of each frame",
                "frames": [frame], "not_searched": [], "candidates": [found]}  # fmt: skip
    (folder / "candidates.json").write_text(json.dumps(document))

    look = airbeat("search", "look", "C001", "--mission", mission, "--out", "new/look.yaml", "--json")

    assert look.returncode == 0, look.stderr
    assert "located on flat ground" in look.stderr
    said = json.loads(look.stdout)
    assert not any(f["code"] == "terrain-clearance" for f in said["findings"])
    assert any("camera pitch -45°, " in note for note in said["notes"])
    orbit = load_mission(workplace / "new" / "look.yaml")
    assert orbit.height.datum.value == "agl"
    assert orbit.height.value_m < 60.0
    assert orbit.terrain is not None
    _, highest = said["waypoint_heights_m"]["home"]
    ground = orbit.terrain.heights_m([11.0, 11.0], [47.001, 46.9925])
    assert highest - (ground[0] - ground[1]) == pytest.approx(orbit.height.value_m, abs=12.0)
    low = airbeat("search", "look", "C001", "--mission", mission, "--height-m", "15", "--out", "low.yaml")
    assert low.returncode == 0, low.stderr
    assert load_mission(workplace / "low.yaml").terrain_tolerance_m == pytest.approx(3.7)
    higher = airbeat("search", "look", "C001", "--mission", mission, "--height-m", "150", "--out", "b.yaml")
    assert higher.returncode == 2
    assert "that it was seen from" in higher.stderr


def test_a_fence_too_low_for_the_hill_is_said_with_how_much_lies_above_it(
    airbeat: Run, workplace: Path, height_file: Callable[..., Path]
) -> None:
    (workplace / "models").mkdir()
    height_file(workplace / "models" / "hill.tif", PLACE, hill, half_m=2800.0, cell_m=20.0)
    (workplace / "case.yaml").write_text(CASE.replace("max_height_m: 450", "max_height_m: 200"))
    assert airbeat("search", "start", "case.yaml", "--out", "case").returncode == 0
    done = airbeat("search", "next", "case", "--minutes", "14", "--drones", "1")
    said = done.stdout + done.stderr
    assert "over the ceiling of 200 m" in said or "over the fence's ceiling of 200 m" in said
    assert "Traceback" not in said
