"""Checks any plan, whoever drew it; knows nothing of how airbeat plans.

`airbeat.checks.catalogue` lists every code with its severity, its meaning and its remedy; the same list
stands in ``docs/findings.md``.
"""

from __future__ import annotations

from collections.abc import Iterator

from airbeat.checks.autopilot import check_autopilot
from airbeat.checks.catalogue import found
from airbeat.checks.conditions import Conditions
from airbeat.checks.energy import check_energy
from airbeat.checks.findings import Finding, Severity
from airbeat.checks.flown import check_flown
from airbeat.checks.photography import check_photography
from airbeat.checks.rulecheck import check_rules
from airbeat.checks.sequence import check_sequence
from airbeat.checks.space import check_space
from airbeat.checks.splines import check_splines
from airbeat.checks.terrain import check_terrain
from airbeat.checks.unrolled import fly
from airbeat.language.words import Message
from airbeat.mission.plan import OTHER_VEHICLE, FlightPlan

__all__ = ["check_plan", "in_order"]

_ORDER = list(Severity)
_SAYINGS = ("not for flight", "unsurveyed")


def check_plan(plan: FlightPlan, conditions: Conditions | None = None) -> list[Finding]:
    """Everything that is wrong with a plan, worst first, then by item number.

    Legs are checked as straight lines and as the vehicle flies them (corners, wind), heights over the whole
    leg against the height model where the plan has one, and the battery for the way home from every point.

    Args:
        plan: what is to be flown.
        conditions: what it is checked against; ArduPilot in still air where it is None.
    """
    conditions = conditions or Conditions()
    flight = fly(plan)
    findings = [
        *check_autopilot(plan, conditions.autopilot),
        *check_sequence(plan, conditions),
        *check_space(plan, conditions.autopilot),
        *check_flown(flight, conditions),
        *check_splines(flight),
        *check_terrain(plan),
        *check_photography(flight, conditions),
        *check_energy(flight, conditions),
        *check_rules(flight, conditions),
        *_said_by_plan(plan),
    ]
    return in_order(findings)


def in_order(findings: list[Finding]) -> list[Finding]:
    """Findings, worst first, then by item number and code."""
    return sorted(findings, key=lambda f: (_ORDER.index(f.severity), f.items[:1], f.code))


def _said_by_plan(plan: FlightPlan) -> Iterator[Finding]:
    said = [note for note in plan.notes if any(words in note.lower() for words in _SAYINGS)]
    if said:
        yield found(
            "not-for-flight",
            Message("the plan says of itself: {said}", said=said[0]),
            remedy="survey the place: obstacles, heights, people, permission; then remove the note",
        )
    other = [note for note in plan.notes if OTHER_VEHICLE in note]
    if other:
        yield found(
            "other-vehicle",
            Message("{other}: it does not turn, climb and stop as was checked here", other=other[0]),
            remedy="plan it for a multicopter, or check it in the program that drew it",
        )
