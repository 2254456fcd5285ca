"""Damaged files of every format, the short form of ``tests/bench/formats_mutated.py``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from airbeat.formats.catalogue import FORMATS, PlanFormat


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = Path(__file__).parents[1] / "bench" / "formats_mutated.py"
    spec = importlib.util.spec_from_file_location("formats_mutated", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.key)
def test_five_hundred_damaged_files_are_read_or_refused(known: PlanFormat, bench: ModuleType) -> None:
    wrongs: list[str] = []
    tally = bench.run(known, 500, 1, wrongs.append, most_seconds=10.0)
    assert not wrongs
    assert tally.read + tally.refused == 500
    assert tally.refused > 100
