"""A mission for more than one battery, flown sortie by sortie by the program, on the embedded vehicle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from airbeat.cli import fly
from airbeat.cli.main import cli
from airbeat.flight.ledger import ledger_of_flight
from airbeat.flight.sorties import sorties
from airbeat.flight.state import read_state
from airbeat.geo.frame import distance_m
from airbeat.mission.loader import load_mission
from airbeat.mission.plan import FlightPlan
from airbeat.planning.plan import plan_mission
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

MISSION = Path(__file__).resolve().parents[2] / "missions" / "demo-hillside.yaml"
BATTERY_WH = 44.0
"""Of which 33 Wh may be used: the mission needs about 42."""


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> FlightPlan:
    """The demo's mission with a small battery, as the program loads it."""
    whole = plan_mission(load_mission(MISSION))
    assert whole.airframe is not None
    small = replace(whole, airframe=replace(whole.airframe, battery_wh=BATTERY_WH))
    monkeypatch.setattr(fly, "load_plan", lambda _file: small)
    return small


@pytest.fixture
def vehicle(plan: FlightPlan) -> Iterator[EmbeddedVehicle]:
    config = VehicleConfig(home=plan.home, home_amsl_m=plan.home_amsl_m or 0.0, speedup=60.0)
    with EmbeddedVehicle(config) as running:
        yield running


@pytest.mark.slow
def test_each_sortie_lands_at_home_and_the_next_one_goes_on_behind_it(
    plan: FlightPlan, vehicle: EmbeddedVehicle, tmp_path: Path
) -> None:
    """Battery by battery, until everything is photographed and nothing but the joints twice."""
    planned = sorties(plan)
    assert len(planned) == 2
    state = tmp_path / "flight" / "state.json"
    words = ["fly", str(MISSION), "--connect", vehicle.url, "--yes", "--json", "--out", str(state.parent)]
    first = CliRunner().invoke(cli, words, catch_exceptions=False, standalone_mode=False)
    assert first.return_value == 1, first.output
    assert json.loads(first.stdout)["more_to_fly"] is True
    assert json.loads(first.stdout)["outcome"] == "completed"
    assert "change the battery" in first.stderr
    held = read_state(state)
    assert (held.outcome, held.until) == ("sortie flown", planned[0].until)
    assert not vehicle.armed
    assert distance_m(vehicle.track[-1].position, plan.home) < 3.0
    taken = len(vehicle.shots)
    assert 0 < taken < (plan.estimate.photos if plan.estimate else 0)
    words += ["--resume", str(state)]
    second = CliRunner().invoke(cli, words, catch_exceptions=False, standalone_mode=False)
    assert second.return_value == 0, second.output
    assert json.loads(second.stdout)["more_to_fly"] is False
    assert read_state(state).outcome == "completed"
    records = [state.parent / "flight.json", state.parent / "flight-2.json"]
    assert ledger_of_flight(plan, records).coverage_fraction >= 0.995
    assert plan.estimate is not None
    assert len(vehicle.shots) <= plan.estimate.photos + 4
