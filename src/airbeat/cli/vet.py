"""What comes before a plan goes to a vehicle: its notes, the checks, and a word before connecting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.output import console
from airbeat.cli.plan import print_findings, print_notes
from airbeat.errors import FindingsError

if TYPE_CHECKING:
    from airbeat.checks.findings import Finding
    from airbeat.link.connection import Link
    from airbeat.mission.plan import FlightPlan

__all__ = ["reach", "vet"]

_HEARTBEAT_S = 30.0


def vet(plan: FlightPlan, *, refused: str, as_json: bool, despite: bool = False) -> list[Finding]:
    """Print the plan's notes and findings, and stop on errors.

    Args:
        refused: begins the refusal, e.g. "not flown".
        despite: go on in spite of errors, and say so.

    Raises:
        FindingsError: the checks found an error.
    """
    from rich.text import Text

    from airbeat.checks.findings import Severity
    from airbeat.checks.plan import check_plan

    findings = check_plan(plan)
    print_notes(plan, as_json=as_json)
    print_findings(findings, as_json=as_json)
    errors = [f for f in findings if f.severity is Severity.ERROR]
    if not errors:
        return findings
    many = f"{len(errors)} error{'s' if len(errors) > 1 else ''}"
    if not despite:
        raise FindingsError(
            f"{refused}: the checks found {many}: " + "; ".join(f.message for f in errors),
            remedy=errors[0].remedy,
        )
    console(as_json).print(Text(f"going on in spite of {many}", style="bold red"))
    return findings


def reach(url: str, *, tlog: Path | None = None) -> Link:
    """Connect to a vehicle, and say meanwhile what is waited for.

    Raises:
        UsageError: the URL cannot be understood.
        LinkError: no vehicle was heard.
    """
    from airbeat.link.connection import connect

    click.echo(f"waiting for a heartbeat on {url} (at most {_HEARTBEAT_S:.0f} s)", err=True)
    return connect(url, timeout_s=_HEARTBEAT_S, tlog=tlog)
