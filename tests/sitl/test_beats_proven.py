"""The beats of ``missions/beats``, planned, flown on embedded vehicles and proven by the command."""

from __future__ import annotations

import json
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from airbeat.cli.main import main
from airbeat.flight.fly import fly_plan
from airbeat.flight.record import FlightOutcome
from airbeat.link.connection import connect
from airbeat.mission.beatloader import load_beat
from airbeat.patrol.plan import PlannedSortie, PlannedVisit, plan_round
from airbeat.patrol.shifts import shifts_on
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

BEATS = Path(__file__).resolve().parents[2] / "missions" / "beats"
ON_PAD = timedelta(seconds=12)
"""Simulated time between the vehicle's beginning and its take-off."""


@dataclass(frozen=True)
class Proven:
    """A round of a beat on a day of its own, and which sorties of it are flown (drone, number); none: all."""

    name: str
    day: date
    shift: str
    flown: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.shift}"


SHOWN = [
    Proven("school-runs", date(2026, 9, 7), "before school"),
    Proven("school-runs", date(2026, 9, 7), "after school"),
    Proven("motorway-holiday", date(2026, 10, 3), "outbound"),
    Proven("market-square", date(2026, 9, 12), "market"),
    Proven("sixty-two-junctions", date(2026, 9, 7), "early", (("roof 1", 1),)),
    Proven("city-in-twelve-zones", date(2026, 9, 7), "day", (("drone 7", 1),)),
    Proven("forest-edge", date(2026, 8, 1), "watch", (("tower 1", 2),)),
]
WHOLE = [
    Proven("motorway-holiday", date(2026, 10, 4), "return"),
    Proven("sixty-two-junctions", date(2026, 9, 7), "early"),
    Proven("sixty-two-junctions", date(2026, 9, 7), "late"),
    Proven("city-in-twelve-zones", date(2026, 9, 7), "day"),
    Proven("city-in-twelve-zones", date(2026, 9, 11), "evening"),
    Proven("forest-edge", date(2026, 8, 1), "watch"),
]
"""What the quick form leaves out."""


def flown(sortie: PlannedSortie, folder: Path) -> Path:
    """The telemetry log of a sortie that took off when it was planned to."""
    log = folder / f"{sortie.drone}-{sortie.number}.tlog"
    config = VehicleConfig(
        home=sortie.plan.home,
        home_amsl_m=sortie.plan.home_amsl_m or 0.0,
        speedup=0.0,
        epoch_utc=sortie.take_off - ON_PAD,
        params={"FENCE_ENABLE": 0.0},
        **({"airframe": sortie.plan.airframe} if sortie.plan.airframe else {}),
    )
    with EmbeddedVehicle(config) as vehicle, connect(vehicle.url, tlog=log) as link:
        record = fly_plan(link, sortie.plan, confirmed=True)
    assert record.outcome is FlightOutcome.COMPLETED, record.explanation
    return log


def patrol(*words: str) -> dict[str, Any]:
    """What ``airbeat patrol … --json`` prints."""
    out = StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit):
        main(["patrol", *words, "--json"])
    return dict(json.loads(out.getvalue()))


def proven(case: Proven, folder: Path) -> None:
    """Each visit that was flown whole is seen; a round does not meet intervals: they take the calendar."""
    path = BEATS / f"{case.name}.yaml"
    beat = load_beat(path)
    shift = next(s for s in shifts_on(beat, case.day) if s.name == case.shift)
    sorties = [
        s
        for s in plan_round(beat, shift, effort=0.2, with_pyvrp=False).sorties
        if not case.flown or (s.drone, s.number) in case.flown
    ]
    assert len(sorties) >= max(1, len(case.flown))
    flights = [word for s in sorties for word in ("--flight", f"{s.drone}={flown(s, folder)}")]
    with chdir(folder):
        proof = patrol("prove", str(path), *flights, "--day", case.day.isoformat())
        document = next(Path("proofs").glob("*.json"))
        checked = patrol("verify", str(document), "--beat", str(path), *flights)
    assert (checked["holds"], checked["problems"]) == (True, [])
    pieces: dict[tuple[str, datetime], list[PlannedVisit]] = {}
    for visit in (v for s in sorties for v in s.visits):
        pieces.setdefault((visit.visit.name, visit.window[0]), []).append(visit)
    whole = [found[0] for found in pieces.values() if len(found) == found[0].piece[1]]
    assert whole
    assert {v.name: why for v in whole if (why := missed(proof, v))} == {}


def missed(proof: dict[str, Any], planned: PlannedVisit) -> str:
    """Why a visit was not seen in its window; empty where it was."""
    row = next(
        row
        for row in proof["visits"]
        if row["visit"] == planned.visit.name
        and datetime.fromisoformat(row["begin"]) <= planned.begin
        and planned.end <= datetime.fromisoformat(row["end"])
    )
    return "" if row["at"] else str(row["why"])


@pytest.mark.parametrize("case", SHOWN, ids=str)
def test_a_round_that_was_flown_proves_its_visits(case: Proven, tmp_path: Path) -> None:
    proven(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", WHOLE, ids=str)
def test_whole_rounds_that_were_flown_prove_all_their_visits(case: Proven, tmp_path: Path) -> None:
    proven(case, tmp_path)
