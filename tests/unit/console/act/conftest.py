"""A console on an empty folder that plans, exports and flies, and what its jobs come to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from airbeat.checks.findings import Finding, Severity
from airbeat.console.actstate import Act
from airbeat.console.app import Console
from airbeat.console.desk import Desk
from airbeat.console.sessions import Sessions
from airbeat.flight.planned import PlannedMission, planned
from airbeat.mission.loader import load_mission
from airbeat.ops.log import OperationsLog
from airbeat.planning.plan import plan_mission

DEMO = Path(__file__).resolve().parents[4] / "missions" / "demo-hillside.yaml"
HOST = "127.0.0.1:8631"
PATIENT_S = 240.0


@pytest.fixture
def console(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Console]:
    """A console on an empty folder; ``control`` and ``units`` by indirect parameters."""
    wanted: dict[str, Any] = getattr(request, "param", {})
    folder = tmp_path / "operation"
    folder.mkdir()
    with OperationsLog(folder / "operations.sqlite") as log:
        desk = Desk(folder, None, log, second_look=False)
        act = Act(
            desk,
            load_plan=lambda path: plan_mission(load_mission(path)),
            control=wanted.get("control", True),
            units=wanted.get("units"),
            vehicles={"D1": "tcp:127.0.0.1:1"},
        )
        yield Console(
            desk=desk,
            sessions=Sessions(),
            layers=lambda: {"planned": [], "flown": [], "footprints": []},
            hosts=lambda: frozenset({HOST}),
            name="operation",
            act=act,
        )
        act.close()


@pytest.fixture
def job_of() -> Callable[[Any, Any], dict[str, Any]]:
    """The job that an answer began."""

    def find(client: Any, answer: Any) -> dict[str, Any]:
        assert answer.status_code == 202, answer.text
        return next(j for j in client.get("/api/act").json()["jobs"] if j["id"] == answer.json()["job"])

    return find


@pytest.fixture
def until(job_of: Callable[[Any, Any], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """The job that an answer began, once it is in one of some states."""

    def wait(client: Any, answer: Any, *states: str) -> dict[str, Any]:
        end_s = time.monotonic() + PATIENT_S
        while (job := job_of(client, answer))["state"] not in states:
            assert job["state"] in ("running", "asking"), job
            assert time.monotonic() < end_s, job
            time.sleep(0.05)
        return job

    return wait


@cache
def planned_once(mission: Path) -> PlannedMission:
    """What planning a mission gives."""
    loaded = load_mission(mission)
    return planned(loaded, fence=loaded.fence)


@pytest.fixture
def kept(console: Console) -> Callable[..., str]:
    """Call it: a plan that is there already, by its id."""

    def keep(*, mission: Path = DEMO, failed: bool = False) -> str:
        result, plans = planned_once(mission), console.act.plans
        if failed:
            found = Finding(
                severity=Severity.ERROR, code="x", message="it leaves the fence", remedy="draw anew"
            )
            result = replace(result, found=((found,),))
        return plans.add(plans.new_id(), mission.read_text(), result, by="Desk A", sketch=None).id

    return keep
