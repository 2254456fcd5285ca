"""What a ground station's survey was drawn to photograph, held against what its items photograph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airbeat.checks.conditions import Conditions
from airbeat.checks.drawn import drawn_camera, drawn_ground
from airbeat.checks.plan import check_plan
from airbeat.formats.files import read_plan_file
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.editable import PatternKind
from airbeat.mission.plan import FlightPlan

DRAWN = Path(__file__).resolve().parents[2] / "golden" / "faulty" / "clean" / "drawn.plan"


@pytest.fixture
def drawn() -> FlightPlan:
    return read_plan_file(DRAWN)


def altered(plan: FlightPlan, *, camera: dict[str, Any] | None = None, **values: Any) -> FlightPlan:
    """The plan with other settings in its one survey, whose items stay as they are."""
    (pattern,) = plan.editable_patterns
    if camera is not None:
        assert pattern.camera is not None
        values["camera"] = replace(pattern.camera, **camera)
    return replace(plan, patterns=(replace(pattern, **values),))


def codes(plan: FlightPlan, **conditions: Any) -> set[str]:
    return {f.code for f in check_plan(plan, Conditions(**conditions))}


def test_the_camera_of_a_survey_is_the_one_that_is_checked(drawn: FlightPlan) -> None:
    camera = drawn_camera(drawn)
    assert camera is not None
    assert (camera.sensor_width_mm, camera.image_width_px, camera.focal_length_mm) == (6.4, 4000, 4.5)
    assert "shutter-too-slow" not in codes(drawn)
    assert "shutter-too-slow" in codes(altered(drawn, camera={"min_interval_s": 5.0}))


def test_a_camera_in_portrait_shows_its_height_across_the_track(drawn: FlightPlan) -> None:
    camera = drawn_camera(altered(drawn, camera={"landscape": False}))
    assert camera is not None
    assert (camera.sensor_width_mm, camera.sensor_height_mm) == (4.8, 6.4)
    assert (camera.image_width_px, camera.image_height_px) == (3000, 4000)


@pytest.mark.parametrize(
    "figures",
    [{"focal_length_mm": 0.0}, {"sensor_width_mm": 0.0}, {"image_width_px": 0}, {"sensor_height_mm": -1.0}],
)
def test_figures_of_no_camera_are_none(drawn: FlightPlan, figures: dict[str, Any]) -> None:
    assert drawn_camera(altered(drawn, camera=figures)) is None
    assert "coverage-short" not in codes(altered(drawn, camera=figures))


def test_ground_that_the_lines_do_not_photograph_is_found(drawn: FlightPlan) -> None:
    (pattern,) = drawn.editable_patterns
    frame = LocalFrame(drawn.home)
    grown = frame.to_latlon([(x * 1.6, y) for x, y in frame.to_xy(pattern.outline)])
    assert "coverage-short" not in codes(drawn)
    assert "coverage-short" in codes(altered(drawn, outline=tuple(grown)))


def test_an_area_that_is_asked_for_takes_the_place_of_the_survey_s(drawn: FlightPlan) -> None:
    (pattern,) = drawn.editable_patterns
    far = altered(drawn, outline=tuple(replace(p, lat_deg=p.lat_deg + 0.01) for p in pattern.outline))
    assert "coverage-short" in codes(far)
    assert codes(far, area=drawn_ground(drawn)) & {"coverage-short", "coverage-below-asked"} == set()
    assert "coverage-below-asked" in codes(drawn, area=drawn_ground(far))


def test_a_corridor_s_ground_is_as_wide_as_it_says(drawn: FlightPlan) -> None:
    frame = LocalFrame(drawn.home)
    line = tuple(frame.to_latlon([(0.0, 0.0), (100.0, 0.0)]))
    ground = drawn_ground(altered(drawn, kind=PatternKind.CORRIDOR, outline=line, width_m=30.0))
    assert float(frame.to_local(ground).area) == pytest.approx(3000.0, rel=0.01)


@pytest.mark.parametrize(
    "values",
    [
        {"trigger_distance_m": 0.0},
        {"outline": (LatLon(lat_deg=51.18, lon_deg=8.49),) * 2},
        {"outline": (LatLon(lat_deg=51.18, lon_deg=8.49),) * 5},
        {"outline": tuple(LatLon(lat_deg=lat, lon_deg=lon) for lat, lon in ((8, 51), (8, 52), (9, 51)))},
    ],
)
def test_a_survey_without_photographs_or_without_ground_near_home_claims_nothing(
    drawn: FlightPlan, values: dict[str, Any]
) -> None:
    assert drawn_ground(altered(drawn, **values)) is None
    assert codes(altered(drawn, **values)) & {"coverage-short", "camera-never-on"} == set()
