"""``airbeat patrol month``: a month's totals by kind of duty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from airbeat.cli.output import console, emit_json, json_option
from airbeat.language.words import _

__all__ = ["command"]


@click.command("month")
@click.argument("log_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--month", "of_month", required=True, type=click.DateTime(["%Y-%m"]), help="Year and month, 2026-09."
)
@click.option(
    "--csv", "csv_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the table here too."
)
@click.option("--overwrite", is_flag=True, help="Replace a table that is there already.")
@json_option
def command(*, log_file: Path, of_month: Any, csv_file: Path | None, overwrite: bool, as_json: bool) -> int:
    """Print a month's totals by kind of duty, from the proofs in LOG_FILE.

    \b
    airbeat patrol month proofs/patrol-log.sqlite --month 2026-09
    """
    from dataclasses import asdict

    from rich.table import Table

    from airbeat.flight.proof import proven_documents
    from airbeat.formats.atomic import write_files
    from airbeat.patrol.month import month_totals

    totals = month_totals(proven_documents(log_file), year=of_month.year, month=of_month.month)
    grid = Table(box=None, pad_edge=False, title=of_month.strftime("%Y-%m"), title_justify="left")
    for title in ("duty", "days", "flights", "hours", "km", "pictures", "visits seen", "asked for"):
        grid.add_column(title, justify="left" if title == "duty" else "right")
    rows = [
        (
            t.duty.value,
            str(t.days),
            str(t.flights),
            f"{t.flight_s / 3600:.2f}",
            f"{t.length_m / 1000:.1f}",
            str(t.pictures),
            str(t.seen),
            str(t.required),
        )
        for t in totals
    ]
    for row in rows:
        grid.add_row(*row)
    console(as_json).print(grid)
    if csv_file is not None:
        head = "duty,days,flights,hours,km,pictures,visits_seen,visits_asked_for"
        write_files({csv_file: "\n".join([head, *map(",".join, rows)]) + "\n"}, overwrite=overwrite)
        console(as_json).print(_("wrote {path}", path=csv_file))
    if as_json:
        emit_json({"month": of_month.strftime("%Y-%m"), "duties": [asdict(t) for t in totals]})
    return 0
