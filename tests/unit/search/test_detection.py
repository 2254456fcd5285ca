"""Detection curves, pixels on a person, lateral range and sweep width."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from airbeat.errors import InputFileError, PlanningError
from airbeat.mission.case import Posture, Task
from airbeat.search.detection import CURVE_SCHEMA, DetectionCurve, johnson_curve, measured_curve, person_px
from airbeat.search.sweepwidth import gsd_advice, lateral_range
from airbeat.vehicle.camera import camera_profile

CAMERA = camera_profile("embedded-12mp")


@pytest.mark.parametrize(("task", "px"), [(Task.DETECT, 4), (Task.RECOGNISE, 15), (Task.IDENTIFY, 25)])
def test_johnson_gives_79_percent_at_4_15_and_25_pixels(task: Task, px: float) -> None:
    curve = johnson_curve(task)
    assert float(curve.probability(px)) == pytest.approx(0.79, abs=5e-4)
    rising = curve.probability(np.linspace(1, 200, 500))
    assert (np.diff(rising) >= 0).all()
    assert rising[-1] > 0.999
    assert not curve.measured


def test_at_1_6_cm_a_person_has_28_pixels_standing_and_106_lying() -> None:
    assert round(float(person_px(0.016, 0.0, Posture.STANDING))) == 28
    assert round(float(person_px(0.016, 0.0, Posture.LYING))) == 106
    assert float(person_px(0.016, 0.0, Posture.EITHER)) == float(person_px(0.016, 0.0, Posture.STANDING))
    aside = float(person_px(0.016, 45.0, Posture.STANDING))
    assert aside == pytest.approx(1.70 / 0.016)


def _curve(p0: float) -> DetectionCurve:
    flat = np.array([p0, p0])
    return DetectionCurve(
        name="flat", px=np.array([0.0, 1e6]), low=flat, mean=flat, high=flat, smallest_px=0.0, measured=True
    )


def test_a_flat_curve_makes_a_sweep_width_of_p0_times_the_swath() -> None:
    found = lateral_range(CAMERA, 60.0, _curve(0.7))
    assert found.swath_m == pytest.approx(2 * 60.0 * math.tan(math.radians(CAMERA.fov_across_deg / 2)))
    assert found.sweep_width_m == pytest.approx(0.7 * found.swath_m)
    assert found.gsd_m_px == pytest.approx(60.0 * 6.4 / (4.5 * 4000))


def test_canopy_and_slope_factors_take_their_share_of_the_sweep_width() -> None:
    whole = lateral_range(CAMERA, 60.0, _curve(0.9)).sweep_width_m
    hidden = lateral_range(CAMERA, 60.0, _curve(0.9), canopy=0.5, slope=0.8).sweep_width_m
    assert hidden == pytest.approx(0.4 * whole)
    with pytest.raises(PlanningError, match=r"canopy factor 1\.2"):
        lateral_range(CAMERA, 60.0, _curve(0.9), canopy=1.2)
    with pytest.raises(PlanningError, match="0 m above the ground"):
        lateral_range(CAMERA, 0.0, _curve(0.9))


def test_flying_higher_widens_the_swath_until_persons_become_too_small() -> None:
    widths = {h: lateral_range(CAMERA, h, johnson_curve()).sweep_width_m for h in (20.0, 60.0, 400.0, 2000.0)}
    assert widths[60.0] > widths[20.0]
    assert widths[2000.0] < widths[400.0]


def _document(*bins: dict[str, Any]) -> dict[str, Any]:
    return {"schema": CURVE_SCHEMA, "bins": list(bins), "false_per_image": 0.5}


def _bin(start: float, end: float | None, persons: int, found: int) -> dict[str, Any]:
    recall = found / persons if persons else 0.0
    return {"px_from": start, "px_to": end, "persons": persons, "found": found,
            "low": max(0.0, recall - 0.1), "high": min(1.0, recall + 0.1)}  # fmt: skip


def test_a_measured_curve_has_each_bins_recall_at_its_middle_and_nothing_below_the_first() -> None:
    document = _document(_bin(4, 8, 0, 0), _bin(8, 16, 40, 20), _bin(16, 32, 50, 40), _bin(32, None, 10, 10))
    curve = measured_curve(json.loads(json.dumps(document)), name="curve.json")
    assert curve.measured
    assert curve.probability([7.9, 12.0, 24.0, 18.0, 500.0]) == pytest.approx([0.0, 0.5, 0.8, 0.65, 1.0])
    assert curve.probability_low([12.0]) == pytest.approx([0.4])
    assert curve.probability_high([12.0]) == pytest.approx([0.6])
    assert "100 persons" in curve.name


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"schema": "other"}, "no detection curve"),
        (_document(), "bins must be"),
        (_document(_bin(8, 16, 0, 0)), "no bin holds a person"),
        (_document(_bin(8, 16, 4, 2), _bin(12, 20, 4, 2)), "bin 2: px_from 12 lies before the end 16"),
        (_document(_bin(8, 16, 4, 2) | {"found": 9}), "9 found of 4"),
        (_document(_bin(8, 16, 4, 2) | {"low": 0.8}), "must rise"),
        (_document(_bin(8, 16, 4, 2) | {"persons": "4"}), "must be numbers"),
        (_document(_bin(8, 16, 4, 2) | {"px_from": math.nan}), "must be numbers"),
        (_document(_bin(16, 8, 4, 2)), "from 16 to 8 px cannot be"),
        ([1, 2], "no detection curve"),
    ],
)
def test_a_curve_that_cannot_be_is_refused(document: Any, message: str) -> None:
    with pytest.raises(InputFileError, match=message):
        measured_curve(document, name="curve.json")


def test_coarse_photographs_are_warned_of() -> None:
    assert gsd_advice(0.02) == ""
    assert "coarser than 3 cm" in gsd_advice(0.04)
    assert "fly lower" in gsd_advice(0.12)
