"""A sortie of a search over a hill, flown by the embedded vehicle: it keeps its height above the ground."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from airbeat.cli.main import cli
from airbeat.geo.coordinates import LatLon
from airbeat.mission.loader import load_mission
from airbeat.mission.plan import ItemRole
from airbeat.planning.plan import plan_mission
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

PLACE = LatLon(lat_deg=47.0, lon_deg=11.0)
AGL_M, TOLERANCE_M = 60.0, 5.0
_FLOWN_M = 3.0
"""The vehicle's own noise of height, and the rounding of corners."""
CASE = f"""\
airbeat: 1
kind: case
name: On the hill
missing: {{last_known: {{lat: 47.0, lon: 11.0}}, category: dementia, terrain: mountain}}
map: {{cell_m: 25, reach_m: 250, rest_of_world: 0.2}}
terrain: {{file: hill.tif, tolerance_m: {TOLERANCE_M}}}
launch: [{{name: foot, lat: 46.9975, lon: 11.0}}]
drones:
  - name: one
    camera: embedded-12mp
    airframe: arducopter-quad
    height: {{value_m: {AGL_M}, datum: agl}}
    speed_m_s: 6
"""


def hill(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """60 m high, nowhere steeper than 11°, which the aircraft descends at 6 m/s."""
    away = np.minimum(np.hypot(east, north - 50.0) / 500.0, 1.0)
    return 500.0 + 30.0 * (1.0 + np.cos(np.pi * away))


def run(*words: str) -> str:
    done = CliRunner().invoke(cli, list(words), catch_exceptions=False, standalone_mode=False)
    assert done.return_value == 0, done.output
    return done.output


@pytest.mark.timeout(900)
def test_the_flown_height_above_ground_stays_within_the_tolerance(
    tmp_path: Path, height_file: Callable[..., Path]
) -> None:
    """Every second of the sweeps, by the track that the vehicle told, over the model of the case."""
    height_file(tmp_path / "hill.tif", PLACE, hill, half_m=1200.0)
    (tmp_path / "case.yaml").write_text(CASE)
    run("search", "start", str(tmp_path / "case.yaml"), "--out", str(tmp_path / "case"))
    run("search", "next", str(tmp_path / "case"), "--minutes", "6", "--out", str(tmp_path / "next"))
    (file,) = (tmp_path / "next").glob("*.yaml")
    plan = plan_mission(load_mission(file))
    assert plan.terrain is not None
    config = VehicleConfig(home=plan.home, home_amsl_m=plan.home_amsl_m or 0.0, speedup=40.0)
    with EmbeddedVehicle(config) as vehicle:
        run("fly", str(file), "--connect", vehicle.url, "--yes", "--out", str(tmp_path / "flight"))
    record = json.loads((tmp_path / "flight" / "flight.json").read_text())
    photos = record["photos"]
    assert len(photos) >= 10
    keys = ("lat_deg", "lon_deg", "height_above_home_m")
    lat, lon, height = (np.array([photo[key] for photo in photos]) for key in keys)
    home_m = plan.terrain.heights_m(plan.home.lon_deg, plan.home.lat_deg)[0]
    above = height - (plan.terrain.heights_m(lon, lat) - home_m)
    assert np.ptp(plan.terrain.heights_m(lon, lat)) > 25.0
    assert above.min() > AGL_M - TOLERANCE_M - _FLOWN_M
    assert above.max() < AGL_M + TOLERANCE_M + _FLOWN_M
    sweeps = [item for _, item in plan.waypoints() if item.role is ItemRole.SWEEP]
    assert len({round(item.altitude.value_m) for item in sweeps if item.altitude}) > 3
