"""``airbeat search papers``: assignment sheets, debrief and activity log."""

from __future__ import annotations

from pathlib import Path

import click

from airbeat.cli.output import console, emit_json, json_option
from airbeat.errors import UsageError
from airbeat.language.words import Message, _

__all__ = ["command"]


def _records(paths: tuple[Path, ...]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("flight*.json")) if path.is_dir() else [path]
        if not found:
            raise UsageError(
                Message("{path} holds no flight record", path=path),
                remedy="give what airbeat fly --out wrote",
            )
        files += found
    return files


@click.command("papers")
@click.argument("case_folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--flight",
    "flights",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="What airbeat fly wrote, for the activity log; may be given several times.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("papers.html"),
    show_default=True,
    help="The HTML file to write.",
)
@click.option("--overwrite", is_flag=True, help="Replace papers that are there already.")
@json_option
def command(
    *, case_folder: Path, flights: tuple[Path, ...], out: Path, overwrite: bool, as_json: bool
) -> int:
    """Write the papers of CASE_FOLDER as one HTML file that prints on A4.

    Map and segment table, an assignment sheet for each segment (ICS 204, SAR 104), the debrief with what was
    not searched and why, and the activity log (ICS 214). What people have to say is left empty.

    \b
    airbeat search papers case --flight flight --out papers.html
    """
    from airbeat.cli.search import case_png
    from airbeat.flight.casefolder import CaseFolder
    from airbeat.flight.searchstatus import status_of
    from airbeat.formats.atomic import write_files
    from airbeat.report.flown import read_flight_file
    from airbeat.report.searchpapers import papers_html

    case = CaseFolder(case_folder)
    status = status_of(case)
    records = [(path.name, read_flight_file(path)) for path in _records(flights)]
    text = papers_html(case, status, picture_png=case_png(case, status), flights=records)
    write_files({out: text}, overwrite=overwrite)
    console(as_json).print(_("wrote {path}", path=out), markup=False)
    if as_json:
        emit_json({"file": str(out), "segments": len(status.segments), "updates": len(status.updates)})
    return 0
