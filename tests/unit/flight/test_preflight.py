"""Preflight names what would end the flight, and the parameter that settles it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airbeat.checks.findings import Severity
from airbeat.flight.preflight import PreflightFinding, judge
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.link.telemetry import Telemetry
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import Estimate, Fence, FencePolygon, FlightPlan, PlanItem, RallyPoint
from airbeat.vehicle.airframe import AIRFRAMES

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)
READY = Telemetry(
    gps_fix=3,
    satellites=12,
    hdop=0.8,
    ekf_flags=831,
    armed=False,
    mode="STABILIZE",
    battery_share=1.0,
    position=HOME,
    amsl_m=400.0,
    prearm_ok=True,
)
GOOD = {
    "FENCE_ENABLE": 1.0,
    "FENCE_TYPE": 7.0,
    "FENCE_RADIUS": 1000.0,
    "FENCE_ALT_MAX": 120.0,
    "FENCE_OPTIONS": 0.0,
    "RTL_ALT": 5000.0,
    "CAM1_TYPE": 1.0,
    "BATT_FS_LOW_ACT": 2.0,
    "FS_GCS_ENABLE": 1.0,
}


def _at(north_m: float) -> LatLon:
    return LatLon(lat_deg=51.18 + north_m / 111_250, lon_deg=8.49)


def _zone() -> FencePolygon:
    return FencePolygon(inclusion=True, vertices=(_at(-50), _at(900), LatLon(lat_deg=51.18, lon_deg=8.6)))


def _plan(**fields: Any) -> FlightPlan:
    height = Altitude(value_m=60, datum=AltitudeDatum.HOME)
    base = FlightPlan(
        name="x",
        home=HOME,
        home_amsl_m=400.0,
        items=(
            PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=height),
            PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST, params=(10, 0, 1, 0)),
            PlanItem(command=MavCmd.NAV_WAYPOINT, position=_at(400), altitude=height),
            PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),
        ),
        fence=Fence(polygons=(_zone(),)),
    )
    return replace(base, **fields)


def _found(code: str, findings: tuple[PreflightFinding, ...]) -> PreflightFinding:
    (finding,) = [f for f in findings if f.code == code]
    assert finding.remedy
    return finding


def test_a_ready_vehicle_has_no_errors_and_no_warnings() -> None:
    assert {f.severity for f in judge(_plan(), READY, GOOD)} <= {Severity.NOTE}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"gps_fix": 1}, "gps-fix"),
        ({"gps_fix": None}, "gps-fix"),
        ({"ekf_flags": 128 | 831}, "ekf"),
        ({"ekf_flags": 1}, "ekf"),
        ({"armed": True}, "armed"),
        ({"prearm_ok": False}, "prearm"),
        ({"position": _at(5000)}, "home-distance"),
    ],
)
def test_a_vehicle_that_is_not_ready_is_an_error(change: dict[str, Any], code: str) -> None:
    finding = _found(code, judge(_plan(), replace(READY, **change), GOOD))
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"satellites": 4}, "gps-satellites"),
        ({"hdop": 3.0}, "gps-hdop"),
        ({"unhealthy": ("3d_mag",)}, "sensors"),
        ({"battery_share": None}, "battery"),
        ({"position": _at(100)}, "home-distance"),
        ({"home_amsl_m": 450.0}, "home-height"),
    ],
)
def test_a_doubtful_vehicle_is_a_warning(change: dict[str, Any], code: str) -> None:
    finding = _found(code, judge(_plan(), replace(READY, **change), GOOD))
    assert finding.severity is Severity.WARNING


def test_the_autopilots_own_reasons_are_passed_on() -> None:
    findings = judge(_plan(), replace(READY, prearm_ok=False), GOOD, texts=["PreArm: Compass not calibrated"])
    assert "Compass not calibrated" in _found("prearm", findings).message


@pytest.mark.parametrize(("share", "expected"), [(0.9, False), (0.6, True)])
def test_a_battery_that_does_not_reach_to_the_reserve_is_an_error(share: float, expected: bool) -> None:
    estimate = Estimate(length_m=1, duration_s=1, photos=1, turns=1, battery_share=0.6, batteries=1)
    plan = _plan(estimate=estimate, airframe=AIRFRAMES["arducopter-quad"])
    findings = judge(plan, replace(READY, battery_share=share), GOOD)
    assert any(f.code == "battery" and f.severity is Severity.ERROR for f in findings) is expected


def test_the_300_m_circle_that_comes_with_the_fence_is_an_error_with_the_radius_to_set() -> None:
    finding = _found("fence-radius", judge(_plan(), READY, GOOD | {"FENCE_RADIUS": 300.0}))
    assert finding.severity is Severity.ERROR
    assert finding.parameter == "FENCE_RADIUS"
    assert finding.value is not None
    assert 420 <= finding.value <= 450


def test_a_fence_that_is_off_is_a_warning_that_knows_of_the_circle() -> None:
    off = GOOD | {"FENCE_ENABLE": 0.0, "FENCE_RADIUS": 300.0}
    finding = _found("fence-off", judge(_plan(), READY, off))
    assert finding.severity is Severity.WARNING
    assert "FENCE_RADIUS" in finding.remedy
    assert not [f for f in judge(_plan(), READY, off) if f.code == "fence-radius"]


def test_a_plan_without_fence_does_not_ask_for_one() -> None:
    codes = {f.code for f in judge(_plan(fence=None), READY, GOOD | {"FENCE_ENABLE": 0.0})}
    assert not any(code.startswith("fence") for code in codes)


def test_a_mission_above_the_ceiling_is_an_error() -> None:
    finding = _found(
        "fence-ceiling", judge(_plan(), READY, GOOD | {"FENCE_ALT_MAX": 50.0, "RTL_ALT": 1500.0})
    )
    assert (finding.severity, finding.parameter, finding.value) == (Severity.ERROR, "FENCE_ALT_MAX", 70.0)


def test_heights_above_sea_level_are_judged_above_home() -> None:
    high = PlanItem(
        command=MavCmd.NAV_WAYPOINT,
        position=_at(100),
        altitude=Altitude(value_m=525.0, datum=AltitudeDatum.AMSL),
    )
    assert _found("fence-ceiling", judge(_plan(items=(high,)), READY, GOOD)).value == 135.0


def test_a_return_above_the_ceiling_is_an_error_in_the_parameters_own_unit() -> None:
    old = _found("return-height", judge(_plan(), READY, GOOD | {"RTL_ALT": 15000.0}))
    assert (old.parameter, old.value) == ("RTL_ALT", 11000.0)
    metres = {name: value for name, value in GOOD.items() if name != "RTL_ALT"} | {"RTL_ALT_M": 150.0}
    new = _found("return-height", judge(_plan(), READY, metres))
    assert (new.parameter, new.value) == ("RTL_ALT_M", 110.0)


def test_the_plans_ceiling_must_be_kept_by_the_vehicle() -> None:
    plan = _plan(fence=Fence(polygons=(_zone(),), max_height_m=80.0))
    finding = _found("fence-ceiling-unset", judge(plan, READY, GOOD))
    assert (finding.parameter, finding.value) == ("FENCE_ALT_MAX", 80.0)


def test_several_inclusion_zones_need_the_option_that_makes_one_enough() -> None:
    plan = _plan(fence=Fence(polygons=(_zone(), _zone())))
    finding = _found("fence-zones", judge(plan, READY, GOOD))
    assert (finding.severity, finding.parameter, finding.value) == (Severity.ERROR, "FENCE_OPTIONS", 2.0)
    assert not [f for f in judge(plan, READY, GOOD | {"FENCE_OPTIONS": 3.0}) if f.code == "fence-zones"]


def test_a_fence_type_without_polygons_ignores_the_plans_fence() -> None:
    assert _found("fence-type", judge(_plan(), READY, GOOD | {"FENCE_TYPE": 3.0})).value == 7.0


def test_a_survey_without_a_camera_set_up_is_a_warning() -> None:
    assert _found("camera", judge(_plan(), READY, GOOD | {"CAM1_TYPE": 0.0})).parameter == "CAM1_TYPE"
    silent = _plan(items=(PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),))
    assert not [f for f in judge(silent, READY, GOOD | {"CAM1_TYPE": 0.0}) if f.code == "camera"]


def test_rally_points_beyond_the_limit_are_named() -> None:
    point = RallyPoint(position=_at(450), altitude=Altitude(value_m=20, datum=AltitudeDatum.HOME))
    finding = _found("rally-limit", judge(_plan(rally=(point,)), READY, GOOD | {"RALLY_LIMIT_KM": 0.3}))
    assert finding.value == 0.5


def test_more_items_than_small_boards_hold_is_a_warning() -> None:
    items = tuple(PlanItem(command=MavCmd.DO_CHANGE_SPEED) for _ in range(400))
    assert "401" in _found("capacity", judge(_plan(items=items), READY, GOOD)).message


def test_findings_come_worst_first() -> None:
    order = list(Severity)
    ranks = [order.index(f.severity) for f in judge(_plan(), replace(READY, gps_fix=0), {})]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("name", ["SYSID_MYGCS", "MAV_GCS_SYSID"])
def test_a_link_failsafe_that_listens_to_somebody_else_is_a_warning(name: str) -> None:
    guarded = GOOD | {"FS_GCS_ENABLE": 1.0, name: 255.0}
    finding = _found("failsafe-link-id", judge(_plan(), READY, guarded, own_system=254))
    assert "--system-id 255" in finding.remedy
    silent = [judge(_plan(), READY, guarded, own_system=255)]
    silent.append(judge(_plan(), READY, guarded | {"FS_GCS_ENABLE": 0.0}, own_system=254))
    assert not [f for findings in silent for f in findings if f.code == "failsafe-link-id"]
