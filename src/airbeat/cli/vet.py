"""What comes before a plan goes to a vehicle: its notes and the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airbeat.cli.output import console
from airbeat.cli.plan import print_findings, print_notes
from airbeat.language.words import ngettext

if TYPE_CHECKING:
    from airbeat.checks.findings import Finding
    from airbeat.mission.plan import FlightPlan

__all__ = ["vet"]


def vet(
    plan: FlightPlan,
    *,
    refused: str,
    as_json: bool,
    despite: bool = False,
    is_part: bool = False,
    in_sorties: bool = False,
) -> list[Finding]:
    """Print the plan's notes and findings, and stop on errors.

    Args:
        refused: begins the refusal, e.g. "not flown".
        despite: go on in spite of errors, and say so.
        is_part: whether it is the rest or a part of another plan.
        in_sorties: whether it is flown in parts, each of which is checked for its own battery.

    Raises:
        FindingsError: the checks found an error.
    """
    from rich.text import Text

    from airbeat.checks.conditions import Conditions
    from airbeat.checks.findings import Severity
    from airbeat.checks.plan import check_plan
    from airbeat.flight.planned import refuse_errors

    findings = check_plan(plan, Conditions(is_part=is_part, in_sorties=in_sorties))
    print_notes(plan, as_json=as_json)
    print_findings(findings, as_json=as_json)
    if not despite:
        refuse_errors(findings, refused=refused)
    errors = sum(f.severity is Severity.ERROR for f in findings)
    if errors:
        many = ngettext("going on in spite of {count} error", "going on in spite of {count} errors", errors)
        console(as_json).print(Text(many, style="bold red"))
    return findings
