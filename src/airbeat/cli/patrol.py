"""``airbeat patrol``: beats, from the file to the proof that they were flown."""

from __future__ import annotations

import click

from airbeat.cli import patrolprove

__all__ = ["command"]


@click.group("patrol")
def command() -> None:
    """Patrol a beat: places, lines and areas that are to be seen again and again.

    \b
    airbeat patrol prove missions/beats/school-runs.yaml --flight flight --frames photos
    """


for _part in (patrolprove.prove, patrolprove.verify, patrolprove.month):
    command.add_command(_part)
