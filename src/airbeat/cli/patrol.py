"""``airbeat patrol``: a beat from its file to tours, a calendar and the proof that it was flown."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import click

__all__ = ["command"]


@click.group("patrol")
def command() -> None:
    """Patrol a beat: places, lines and areas that must be seen again and again, in their hours.

    A beat file (kind: patrol with a block beat) names what must be seen, when and how often, what must not
    be filmed, and the drones there are.

    \b
    airbeat patrol plan missions/beats/school-runs.yaml --day 2026-09-07 --out round
    """


def _add_commands() -> None:
    """The commands that live in modules of their own."""
    for name in ("patrolplan", "patrolroster", "patrolprove", "patrolverify", "patrolmonth", "patrolwatch"):
        if importlib.util.find_spec(f"airbeat.cli.{name}") is not None:
            module: Any = importlib.import_module(f"airbeat.cli.{name}")
            command.add_command(module.command)


_add_commands()
