"""What is stated of located places holds: on real photographs of fixed objects, and on a simulated slope."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from airbeat.locate.heading import checked_headings, heading_by_pictures


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "bench" / "locate_table.py"
    spec = importlib.util.spec_from_file_location("locate_table", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["locate_table"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.mark.shared_data
def test_fixed_objects_in_two_photographs_lie_within_the_stated_circle(
    bench: ModuleType, shared_data: Path
) -> None:
    """Within the mean of the two circles in nine of ten pairs, and on one leg within the smaller.

    Against the one photograph of the leg flown the other way all five objects lie outside the smaller (3.9
    to 5.5 m, stated 3.5 m), so that all photographs together reach 37 of 42 there.
    """
    frames = checked_headings(bench.photographs(shared_data), look=heading_by_pictures)
    found = bench.spreads(frames)
    assert len(found) >= 40
    assert sum(s.spread_m <= s.mean_ce90_m for s in found) >= 0.9 * len(found)
    leg = {"DJI_0026.JPG", "DJI_0027.JPG", "brighton_DJI_0028.JPG"}
    near = [s for s in found if {s.first, s.second} <= leg]
    assert len(near) >= 15
    assert sum(s.spread_m <= s.ce90_m[0] for s in near) >= 0.9 * len(near)


def test_errors_on_a_slope_stay_within_the_stated_circle_as_often_as_it_says(bench: ModuleType) -> None:
    """Short form: 120 cases; 88 to 95 % are shown on more by the bench."""
    found = bench.cases(7, 120)
    held = np.mean([c.error_m <= c.ce90_m for c in found])
    assert 0.83 <= held <= 0.98
