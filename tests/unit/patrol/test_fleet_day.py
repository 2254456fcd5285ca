"""A short fleet day: beats against pads, by the bench that measures the long one."""

from __future__ import annotations

import importlib.util
import sys
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from airbeat.mission.beatloader import load_beat
from airbeat.patrol.dispatch import Dispatcher
from airbeat.patrol.plan import plan_round
from airbeat.patrol.shifts import shifts_on
from airbeat.patrol.whereabouts import Whereabouts

ROOT = Path(__file__).resolve().parents[3]
CITY = ROOT / "missions" / "beats" / "city-in-twelve-zones.yaml"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("patrol_day", ROOT / "tests" / "bench" / "patrol_day.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["patrol_day"] = module
    spec.loader.exec_module(module)
    return module


def test_beats_are_no_later_than_pads_at_nineteen_of_twenty_incidents(bench: ModuleType) -> None:
    beats, pads, flown = bench.fleet_day(load_beat(CITY), count=40, seed=1, effort=0.1)
    assert flown["sorties"] >= 12
    assert beats.late_s <= pads.late_s
    assert beats.median_s < pads.median_s
    assert beats.within(180.0) >= pads.within(180.0)


def test_drones_are_where_their_sorties_have_them() -> None:
    beat = load_beat(ROOT / "missions" / "beats" / "school-runs.yaml")
    shift = shifts_on(beat, date(2026, 9, 7))[0]
    sorties = plan_round(beat, shift, effort=0.1).sorties
    where = Whereabouts(beat, sorties)
    first = sorties[0]
    (before,) = where.at(first.take_off - (first.land - first.take_off))
    assert not before.flying
    assert before.battery_share == 1.0
    visit = first.visits[0]
    (then,) = where.at(visit.begin + (visit.end - visit.begin) / 2)
    assert then.flying
    assert then.height_m == pytest.approx(45.0, abs=1.0)
    assert 0.3 < then.battery_share < 1.0
    frame = Dispatcher(beat).space.frame
    at, place = frame.to_xy([then.position, visit.visit.position])  # type: ignore[attr-defined]
    assert float(((at - place) ** 2).sum()) ** 0.5 < 60.0
    (after,) = where.at(sorties[-1].land)
    assert after.ready_s == pytest.approx(beat.drones[0][1].swap_s)
