"""The beats of ``missions/beats``, planned, flown on embedded vehicles, and proven from their logs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

from airbeat.flight.flightlog import FlightLog, read_flight_log
from airbeat.flight.fly import fly_plan
from airbeat.flight.patrolled import patrolled
from airbeat.flight.record import FlightOutcome
from airbeat.link.connection import connect
from airbeat.mission.beatloader import load_beat
from airbeat.patrol.plan import PlannedSortie, plan_round
from airbeat.patrol.proof import judge_day
from airbeat.patrol.shifts import shifts_on
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

BEATS = Path(__file__).resolve().parents[2] / "missions" / "beats"


@dataclass(frozen=True)
class Proven:
    """A beat's shift on a day of its own."""

    name: str
    day: date
    shift: str


SHOWN = [
    Proven("market-square", date(2026, 9, 12), "market"),
]


def flown(sortie: PlannedSortie, folder: Path) -> FlightLog:
    """The telemetry log of a sortie, its clock set so that it took off when it was planned to.

    How much simulated time passes on the pad depends on how fast the machine uploads.
    """
    log = folder / f"{sortie.drone}-{sortie.number}.tlog"
    config = VehicleConfig(
        home=sortie.plan.home,
        home_amsl_m=sortie.plan.home_amsl_m or 0.0,
        speedup=0.0,
        epoch_utc=sortie.take_off,
        params={"FENCE_ENABLE": 0.0},
        **({"airframe": sortie.plan.airframe} if sortie.plan.airframe else {}),
    )
    with EmbeddedVehicle(config) as vehicle, connect(vehicle.url, tlog=log) as link:
        record = fly_plan(link, sortie.plan, confirmed=True)
    assert record.outcome is FlightOutcome.COMPLETED, record.explanation
    read = read_flight_log([log], drone=sortie.drone)
    late_s = read.span_utc_s[0] - sortie.take_off.timestamp()
    return replace(
        read,
        track=replace(read.track, times_s=read.track.times_s - late_s),
        exposures=replace(read.exposures, times_s=read.exposures.times_s - late_s),
    )


@pytest.mark.parametrize("case", SHOWN, ids=lambda c: f"{c.name} {c.shift}")
def test_a_round_that_was_flown_proves_every_visit_of_its_shift(case: Proven, tmp_path: Path) -> None:
    """Each visit is seen once; a round does not meet intervals, which take the whole calendar."""
    beat = load_beat(BEATS / f"{case.name}.yaml")
    shift = next(s for s in shifts_on(beat, case.day) if s.name == case.shift)
    sorties = plan_round(beat, shift, effort=0.2, with_pyvrp=False).sorties
    logs = [flown(sortie, tmp_path) for sortie in sorties]
    shown = patrolled(beat, logs, None)
    judged = judge_day(beat, case.day, shown.pictures, shown.glimpses)
    asked = [j for j in judged if shift.begin <= j.requirement.begin and j.requirement.end <= shift.end]
    assert asked
    missed = {j.requirement.visit.name: j.why for j in asked if not j.visits}
    assert missed == {}
