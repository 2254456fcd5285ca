"""A plan in figures, and what the checks found in it: for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airbeat.language.words import Message

if TYPE_CHECKING:
    from airbeat.checks.findings import Finding
    from airbeat.mission.plan import Estimate, FlightPlan, Survey

__all__ = ["area_m2", "findings_json", "plan_json", "plan_rows"]


def area_m2(plan: FlightPlan) -> float:
    """Size of the plan's search area [m²], 0 without one."""
    if plan.survey is None:
        return 0.0
    from airbeat.geo.frame import LocalFrame

    return float(LocalFrame.around(plan.survey.area).to_local(plan.survey.area).area)


def _heights_m(plan: FlightPlan) -> dict[str, tuple[float, float]]:
    """Lowest and highest waypoint [m], by datum: home, amsl or agl."""
    heights: dict[str, list[float]] = {}
    for _number, item in plan.waypoints():
        if item.altitude is not None:
            heights.setdefault(item.altitude.datum.value, []).append(item.altitude.value_m)
    return {datum: (min(values), max(values)) for datum, values in heights.items()}


def plan_json(plan: FlightPlan) -> dict[str, Any]:
    """What ``--json`` prints of a plan."""
    survey, estimate = plan.survey, plan.estimate
    value: dict[str, Any] = {
        "schema_version": plan.provenance.schema_version,
        "tool_version": plan.provenance.tool_version,
        "source_sha256": plan.provenance.source_sha256,
        "name": plan.name,
        "items": len(plan.items),
        "speed_m_s": plan.speed_m_s,
        "waypoint_heights_m": _heights_m(plan),
        "notes": list(plan.notes),
    }
    if survey:
        value |= {
            "area_km2": area_m2(plan) / 1e6,
            "coverage_fraction": survey.coverage_fraction,
            "gsd_cm_px": survey.gsd_m_px * 100,
            "height_agl_m": survey.height_agl_m,
            "spacing_m": survey.spacing_m,
            "trigger_distance_m": survey.trigger_distance_m,
            "sweep_angle_deg": survey.sweep_angle_deg,
            "footprint_across_m": survey.footprint_across_m,
            "footprint_along_m": survey.footprint_along_m,
            "gimbal_pitch_deg": survey.gimbal_pitch_deg,
        }
    if estimate:
        value |= {
            "length_m": estimate.length_m,
            "duration_s": estimate.duration_s,
            "turns": estimate.turns,
            "photos": estimate.photos,
            "batteries": estimate.batteries,
            "battery_share": estimate.battery_share,
        }
    return value


def plan_rows(plan: FlightPlan) -> list[tuple[str, str]]:
    """The figures pilots ask for, each with what it is called."""
    rows: list[tuple[str, str]] = []
    if plan.survey:
        size = area_m2(plan)
        rows.append(("area", f"{size / 1e6:.3f} km² ({size / 1e4:.1f} ha)"))
    if plan.estimate:
        rows += _estimate_rows(plan.estimate)
    if plan.survey:
        rows += _survey_rows(plan.survey, height_above_ground=plan.height_above_ground)
    rows += _height_rows(plan)
    rows.append(("mission items", str(len(plan.items))))
    if plan.speed_m_s:
        rows.append(("speed", f"{plan.speed_m_s:g} m/s"))
    return rows


def _estimate_rows(estimate: Estimate) -> list[tuple[str, str]]:
    minutes, seconds = divmod(round(estimate.duration_s), 60)
    return [
        ("length", f"{estimate.length_m / 1000:.2f} km"),
        (
            "time",
            Message("{minutes} min {seconds:02d} s, take-off to landing", minutes=minutes, seconds=seconds),
        ),
        (
            "batteries",
            Message(
                "{batteries} ({battery_share:.0%} of one, above the reserve)",
                batteries=estimate.batteries,
                battery_share=estimate.battery_share,
            ),
        ),
        ("photographs", str(estimate.photos)),
    ]


def _survey_rows(survey: Survey, *, height_above_ground: str) -> list[tuple[str, str]]:
    return [
        (
            "line spacing",
            Message(
                "{spacing_m:.1f} m, lines at {sweep_angle_deg:.0f}°",
                spacing_m=survey.spacing_m,
                sweep_angle_deg=survey.sweep_angle_deg,
            ),
        ),
        ("photograph every", f"{survey.trigger_distance_m:.1f} m"),
        ("GSD", f"{survey.gsd_m_px * 100:.2f} cm/px"),
        ("height above ground", height_above_ground),
        (
            "footprint",
            f"{survey.footprint_across_m:.0f} m across × {survey.footprint_along_m:.0f} m along"
            + (f", pitched {survey.gimbal_pitch_deg:g}°" if survey.gimbal_pitch_deg != -90.0 else ""),
        ),
        (
            "planned coverage",
            Message("{coverage_fraction:.2%} of the area", coverage_fraction=survey.coverage_fraction),
        ),
    ]


def _height_rows(plan: FlightPlan) -> list[tuple[str, str]]:
    """Lowest and highest waypoint, a row for each datum."""
    rows: list[tuple[str, str]] = []
    for datum, (low, high) in _heights_m(plan).items():
        above = {"home": Message("home"), "amsl": Message("sea level"), "agl": Message("ground")}[datum]
        rows.append(
            (
                Message("waypoints above {above}", above=above),
                f"{low:g} m" if low == high else f"{low:g} to {high:g} m",
            )
        )
    return rows


def findings_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Findings as JSON values."""
    return [
        {
            "severity": f.severity.value,
            "code": f.code,
            "message": f.message,
            "items": list(f.items),
            "place": None if f.place is None else [f.place.lat_deg, f.place.lon_deg],
            "remedy": f.remedy,
        }
        for f in findings
    ]
