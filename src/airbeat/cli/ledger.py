"""``airbeat ledger``: what was really photographed, against what was planned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.output import console, emit_json, json_option, table
from airbeat.cli.plans import load_plan
from airbeat.errors import UsageError
from airbeat.language.words import Message, _, translated

if TYPE_CHECKING:
    from airbeat.flight.ledger import Ledger

__all__ = ["command"]


def _records(folders: tuple[Path, ...]) -> list[Path]:
    """The flight records and states in folders, and files that were named themselves."""
    files: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            files.append(folder)
            continue
        found = sorted([*folder.glob("flight*.json"), *folder.glob("state.json")])
        if not found:
            raise UsageError(
                Message("{folder} holds no flight record", folder=folder),
                remedy="give what airbeat fly --out wrote",
            )
        files += found
    return files


def _print(ledger: Ledger, *, as_json: bool) -> None:
    from rich.text import Text

    gaps = len(getattr(ledger.gaps, "geoms", [ledger.gaps])) if not ledger.gaps.is_empty else 0
    rows = [
        (
            "photographs that count",
            _("{footprints} (by {source})", footprints=len(ledger.footprints), source=ledger.source),
        ),
        (
            "photographed",
            _("{coverage_fraction:.2%} of the area", coverage_fraction=ledger.coverage_fraction),
        ),
        ("planned", f"{ledger.survey.coverage_fraction:.2%}"),
        ("gaps", f"{gaps}, {ledger.gap_area_m2:.0f} m²"),
    ]
    table(rows, as_json=as_json, title=ledger.plan.name)
    for name, reason in ledger.unusable:
        console(as_json).print(
            Text(_("does not count: {name}: {reason}", name=name, reason=translated(reason)), style="yellow")
        )
    for note in ledger.notes:
        console(as_json).print(Text(_("note: {note}", note=translated(note)), style="dim"))


@click.command("ledger")
@click.argument("mission", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--flight",
    "flights",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A folder that `airbeat fly --out` wrote, or one of its files; may be given several times.",
)
@click.option(
    "--log",
    "logs",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The autopilot's own log (.bin), whose CAM messages count; may be given several times.",
)
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of photographs, which count by their own EXIF and XMP.",
)
@click.option("--ground-height-m", type=float, default=0.0, help="Height of the ground above home [m].")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("ledger.json"),
    show_default=True,
    help="The JSON file to write; its map goes beside it as .geojson.",
)
@click.option("--overwrite", is_flag=True, help="Replace a ledger that is there already.")
@json_option
def command(
    *,
    mission: Path,
    flights: tuple[Path, ...],
    logs: tuple[Path, ...],
    photos: Path | None,
    ground_height_m: float,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Compare what was photographed with MISSION's area: coverage flown, and the gaps as polygons.

    It counts either what the autopilot reported in flight, or what it logged on board, or the photographs
    themselves. Photographed does not mean searched. `airbeat plan MISSION --gaps ledger.json` plans what is
    missing. Exit code 1 when there are gaps.

    \b
    airbeat ledger missions/demo-hillside.yaml --flight flight --out ledger.json
    """
    from airbeat.flight.ledger import ledger_of_flight, ledger_of_logs, ledger_of_photographs

    if [bool(flights), bool(logs), photos is not None].count(True) != 1:
        raise UsageError("say what counts", remedy="give one of --flight, --log and --photos")
    plan = load_plan(mission)
    if photos is not None:
        ledger = ledger_of_photographs(plan, photos, ground_height_m=ground_height_m)
    elif logs:
        ledger = ledger_of_logs(plan, logs, ground_height_m=ground_height_m)
    else:
        ledger = ledger_of_flight(plan, _records(flights), ground_height_m=ground_height_m)
    written = ledger.save(out, overwrite=overwrite)
    _print(ledger, as_json=as_json)
    for path in written:
        console(as_json).print(_("wrote {path}", path=path))
    if as_json:
        emit_json(ledger.to_json() | {"files": [str(p) for p in written]})
    return 0 if ledger.gaps.is_empty else 1
