"""What comes before a plan goes to a vehicle: its notes and the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airbeat.cli.output import console
from airbeat.cli.plan import print_findings, print_notes
from airbeat.errors import FindingsError
from airbeat.language.words import Message, ngettext

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

    findings = check_plan(plan, Conditions(is_part=is_part, in_sorties=in_sorties))
    print_notes(plan, as_json=as_json)
    print_findings(findings, as_json=as_json)
    errors = [f for f in findings if f.severity is Severity.ERROR]
    if not errors:
        return findings
    if not despite:
        raise FindingsError(_refusal(refused, errors), remedy=errors[0].remedy)
    many = ngettext("going on in spite of {count} error", "going on in spite of {count} errors", len(errors))
    console(as_json).print(Text(many, style="bold red"))
    return findings


def _refusal(refused: str, errors: list[Finding]) -> Message:
    found = "; ".join(f.message for f in errors)
    if len(errors) == 1:
        return Message("{refused}: the checks found 1 error: {found}", refused=refused, found=found)
    return Message(
        "{refused}: the checks found {count} errors: {found}",
        refused=refused,
        count=len(errors),
        found=found,
    )
