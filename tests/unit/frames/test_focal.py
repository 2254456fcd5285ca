"""Focal length in pixels: calibration, then a known camera, then the 35 mm equivalent, never a guess."""

from __future__ import annotations

from typing import Any

import pytest

from airbeat.frames.focal import focal_length_px, is_thermal

NOTHING: dict[str, Any] = {
    "width_px": 4000,
    "height_px": 3000,
    "model": "",
    "calibrated_px": None,
    "calibrated_centre_x_px": None,
    "focal_mm": None,
    "focal_35mm": None,
    "digital_zoom": None,
}


def test_the_makers_calibration_comes_first() -> None:
    focal, findings = focal_length_px(**NOTHING | {"calibrated_px": 3666.7, "focal_35mm": 24.0})
    assert focal == 3666.7
    assert findings == []


def test_a_calibration_of_a_larger_picture_is_scaled_and_said() -> None:
    given = {"calibrated_px": 3700.0, "calibrated_centre_x_px": 4000.0}
    focal, findings = focal_length_px(**NOTHING | given)
    assert focal == pytest.approx(1850.0)
    assert "scaled by 0.500" in findings[0]


def test_an_absurd_calibration_falls_back_and_is_named() -> None:
    focal, findings = focal_length_px(**NOTHING | {"calibrated_px": 2.0, "focal_35mm": 24.0})
    assert focal == pytest.approx(24.0 / 43.267 * 5000.0, rel=1e-4)
    assert "cannot be believed" in findings[0]


def test_a_known_camera_is_used_when_picture_and_lens_fit() -> None:
    fits = {"model": "FC6310", "width_px": 5472, "height_px": 3648, "focal_mm": 8.8}
    assert focal_length_px(**NOTHING | fits)[0] == pytest.approx(3648.0)
    assert focal_length_px(**NOTHING | fits | {"width_px": 2736, "height_px": 1824})[0] == pytest.approx(
        1824.0
    )
    assert focal_length_px(**NOTHING | fits | {"focal_mm": 24.0})[0] is None
    assert focal_length_px(**NOTHING | fits | {"height_px": 3078})[0] is None


def test_digital_zoom_leaves_the_focal_length_unknown() -> None:
    focal, findings = focal_length_px(**NOTHING | {"focal_35mm": 24.0, "digital_zoom": 2.0})
    assert focal is None
    assert "digital zoom 2" in findings[0]


def test_nothing_known_stays_unknown() -> None:
    focal, findings = focal_length_px(**NOTHING)
    assert focal is None
    assert "no focal length" in findings[0]


def test_the_wide_camera_of_a_thermal_drone_is_not_thermal() -> None:
    assert is_thermal("M3T", 640, 512)
    assert not is_thermal("M3T", 8000, 6000)
    assert not is_thermal("FC6310", 640, 512)
