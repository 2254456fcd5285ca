"""Damaged and generated files of every format, the short forms of two benches."""

from __future__ import annotations

import importlib.util
import random
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from airbeat.errors import PlanFileError
from airbeat.formats.catalogue import FORMATS, PlanFormat
from airbeat.mission.plan import FlightPlan


def _bench(name: str) -> ModuleType:
    path = Path(__file__).parents[1] / "bench" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


mutated = _bench("formats_mutated")
roundtrip = _bench("formats_roundtrip")


@pytest.mark.parametrize("kind", mutated.kinds(), ids=lambda kind: kind.key)
def test_five_hundred_damaged_files_are_read_or_refused(kind: mutated.Kind) -> None:
    wrongs: list[str] = []
    tally = mutated.run(kind, 500, 1, wrongs.append, most_seconds=10.0)
    assert not wrongs
    assert tally.read + tally.refused == 500
    assert tally.refused > 100


def test_areas_of_every_sort_are_damaged() -> None:
    pytest.importorskip("pyogrio", reason="pyogrio is not installed (airbeat[gis])")
    assert {kind.key for kind in mutated.kinds()} >= {"area-gpkg", "area-shapefile", "area-plan", "area-kml"}


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.key)
def test_two_hundred_generated_plans_come_back_or_are_reported(known: PlanFormat) -> None:
    wrongs: list[str] = []
    tally = roundtrip.run(known, 200, 1, wrongs.append)
    assert not wrongs
    assert tally.whole + tally.refused == 200
    assert tally.whole > 60


def _refused(known: PlanFormat, plan: FlightPlan) -> bool:
    try:
        known.write(plan)
    except PlanFileError:
        return True
    return False


@pytest.mark.parametrize("key", ["plan", "waypoints", "fence", "rally", "kml", "geojson", "gpx", "dji"])
def test_a_home_at_sea_level_is_held_or_reported(key: str) -> None:
    known = next(known for known in FORMATS if known.key == key)
    plan = next(
        plan
        for plan in (roundtrip.random_plan(random.Random(f"sea-{n}")) for n in range(200))
        if plan.fence is not None and plan.fence.polygons and plan.rally and not _refused(known, plan)
    )
    plan = replace(plan, home_amsl_m=0.0)
    held = known.read(known.write(plan), "x")
    lost = roundtrip.losses(plan, held, precision=known.precision)
    assert (held.home_amsl_m == 0.0) is not any(loss.where == "home" for loss in lost)
    assert not list(roundtrip.wrongs_of(known, plan))


def test_a_loss_that_is_not_reported_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roundtrip, "losses", lambda *_, **__: ())
    wrongs: list[str] = []
    for known in FORMATS:
        roundtrip.run(known, 20, 1, wrongs.append)
    text = "\n".join(wrongs)
    for what in ("fence polygon 1", "rally point 1", "speed", "last-seen point", "item 2", "survey of items"):
        assert f"{what} did not come back and is not reported" in text or f"{what} " in text


def test_a_thing_that_is_reported_and_came_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    made = roundtrip.Loss(where="home", text="not held")
    monkeypatch.setattr(roundtrip, "losses", lambda *_, **__: (made,))
    wrongs: list[str] = []
    roundtrip.run(FORMATS[0], 5, 1, wrongs.append)
    assert any("home is reported and came back" in text for text in wrongs)
