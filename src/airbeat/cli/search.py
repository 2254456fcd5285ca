"""``airbeat search``: a case from its first map to what is known after each flight."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.output import console, emit_json, json_option
from airbeat.language.words import _, translated

if TYPE_CHECKING:
    from airbeat.flight.casefolder import CaseFolder, ImagesRow
    from airbeat.flight.searchstatus import Status

__all__ = ["CASE_FOLDER", "command", "print_status"]

CASE_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group("search")
def command() -> None:
    """Search for one missing person: where to look, and how well each piece of ground was searched.

    A case file (kind: case) becomes a folder with a probability map; each flight's reviewed photographs
    update it. No ground is ever called clear.

    \b
    airbeat search start missions/cases/koenigstuhl-walker.yaml --out case
    airbeat search update case --ledger ledger.json --candidates candidates --looked-through all
    airbeat search status case --picture case.png
    """


@command.command("start")
@click.argument("case_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the case. [default: the file's name with -case, here]",
)
@json_option
def start(*, case_file: Path, out: Path | None, as_json: bool) -> int:
    """Make the probability map of CASE_FILE, and the folder that keeps the case.

    The folder holds copies of the case file and of every file that it names.

    \b
    airbeat search start missions/cases/koenigstuhl-walker.yaml --out case
    """
    from airbeat.flight.casefolder import start_case
    from airbeat.flight.searchstatus import status_of

    folder = out or Path(f"{case_file.stem}-case")
    case = start_case(case_file, folder)
    status = status_of(case)
    grid = case.model.grid
    out_console = console(as_json)
    out_console.print(
        _(
            "{status}: {rows} × {columns} cells of {cell_m:g} m",
            status=status.name,
            rows=grid.rows,
            columns=grid.columns,
            cell_m=grid.cell_m,
        ),
        markup=False,
    )
    for name, weight, inside in case.model.layers:
        out_console.print(
            _(
                "layer {name}: weight {weight:g}, {inside:.0%} of it on the map",
                name=name,
                weight=weight,
                inside=inside,
            ),
            markup=False,
        )
    print_status(status, as_json=as_json)
    out_console.print(
        _("wrote {folder}; next: airbeat search status {folder} --picture case.png", folder=folder),
        markup=False,
    )
    if as_json:
        layers = [{"name": n, "weight": w, "on_the_map": s} for n, w, s in case.model.layers]
        emit_json(status.to_json() | {"folder": str(folder), "layers": layers})
    return 0


@command.command("status")
@click.argument("case_folder", type=CASE_FOLDER)
@click.option(
    "--picture", type=click.Path(dir_okay=False, path_type=Path), help="PNG file of the map to write."
)
@click.option("--overwrite", is_flag=True, help="Replace a picture that is there already.")
@json_option
def status(*, case_folder: Path, picture: Path | None, overwrite: bool, as_json: bool) -> int:
    """Print the segment table of CASE_FOLDER, and draw its map.

    For each segment: area, POA before, sweep width W, length L, coverage C from the footprints of
    photographs that count, the POD band (exponential to inverse cube), the gap, POS, POA now, and the
    success that one more minute of flight there would add. OPOS is the overall success.

    \b
    airbeat search status case --picture case.png
    """
    from airbeat.flight.casefolder import CaseFolder
    from airbeat.flight.searchstatus import status_of
    from airbeat.formats.atomic import write_files

    case = CaseFolder(case_folder)
    now = status_of(case)
    print_status(now, as_json=as_json)
    files: list[str] = []
    if picture is not None:
        write_files({picture: case_png(case, now)}, overwrite=overwrite)
        files.append(str(picture))
        console(as_json).print(_("wrote {path}", path=picture), markup=False)
    if as_json:
        emit_json(now.to_json() | {"files": files})
    return 0


def print_status(status: Status, *, as_json: bool) -> None:
    """The segment table and what must be known with it."""
    from rich.text import Text

    from airbeat.flight.searchstatus import NOT_CLEARED

    _print_segments(status, as_json=as_json)
    _print_success(status, as_json=as_json)
    out = console(as_json)
    for note in status.notes:
        out.print(Text(_("note: {note}", note=translated(note)), style="dim"))
    out.print(Text(_(NOT_CLEARED), style="bold"))


def _print_segments(status: Status, *, as_json: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from airbeat.report.searchpapers import SEGMENT_HEADS, segment_cells

    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    grid.add_column(_(SEGMENT_HEADS[0]), max_width=22, overflow="fold")
    for head in SEGMENT_HEADS[1:]:
        grid.add_column(_(head), justify="right", no_wrap=True)
    for row in status.segments:
        mark = " ◄" if row.name == status.next_best else ""
        grid.add_row(*(Text(cell) for cell in segment_cells(row)[:-1]), Text(segment_cells(row)[-1] + mark))
    outside = [f"{status.rest_before:.1%}", *("–",) * 6, f"{status.rest_after:.1%}", "–"]
    grid.add_row(Text(_("rest of the world")), Text("–"), *(Text(cell) for cell in outside))
    console(as_json).print(grid)


def _print_success(status: Status, *, as_json: bool) -> None:
    """What the searches are worth together, what was found, and what comes next."""
    from rich.text import Text

    from airbeat.geo.notation import decimal_degrees
    from airbeat.report.searchpapers import segment_name

    out = console(as_json)
    low, high = status.success
    text = _(
        "OPOS {low:.1%} to {high:.1%}: the chance that all searches so far would have found the person",
        low=low,
        high=high,
    )
    out.print(Text(text))
    out.print(Text(images_line(status.images)))
    for find in status.finds:
        place = decimal_degrees(find.position) if find.position else _("an unknown place")
        text = _("{decision}: {find} at {place}", decision=_(find.decision), find=find.id, place=place)
        out.print(Text(text, style="bold"))
    if status.undecided:
        text = _("{undecided} candidates are not decided: look at them first", undecided=status.undecided)
        out.print(Text(text, style="yellow"))
    if status.next_best:
        text = _(
            "next best: {next_best} ({next_basis})",
            next_best=segment_name(status.next_best),
            next_basis=translated(status.next_basis),
        )
        out.print(Text(text))


def images_line(images: ImagesRow) -> str:
    """Photographs from the camera to the number, as one line."""
    return _(
        "photographs: {expected} expected, {received} received, {reviewed} reviewed, {counted} counted",
        expected=images.expected,
        received=images.received,
        reviewed=images.reviewed,
        counted=images.counted,
    )


def case_png(case: CaseFolder, status: Status) -> bytes:
    """The picture of a case."""
    import shapely

    from airbeat.flight.searchstatus import NOT_CLEARED
    from airbeat.flight.searchupdate import EXERCISE
    from airbeat.report.lettering import picture_language
    from airbeat.report.searchpicture import CasePicture, draw_case

    low, high = status.success
    warning = [n for n in status.notes if "not for flight" in n or n == EXERCISE]
    with picture_language():
        return draw_case(
            CasePicture(
                title=status.name,
                now=case.current(),
                pod=case.effort().pod_low,
                segments=case.model.segments,
                last_known=case.case.missing.last_known,
                launches=[launch.position for launch in case.case.launches],
                finds=[(f.position, f.id) for f in status.finds if f.position is not None],
                footprints=[shapely.Polygon(ring) for r in status.updates for ring in r.footprints],
                lines=[
                    _(NOT_CLEARED),
                    _("overall success so far (OPOS) {low:.1%} to {high:.1%}", low=low, high=high),
                    _(
                        "beyond the map: {before:.1%} before any search, {now:.1%} now",
                        before=status.rest_before,
                        now=status.rest_after,
                    ),
                    _(
                        "{images}, updates: {count}",
                        images=images_line(status.images),
                        count=len(status.updates),
                    ),
                    *map(translated, status.notes),
                ],
                warning=" · ".join(map(translated, warning)),
            )
        )


def _add_others() -> None:
    """The commands that live in modules of their own."""
    for name in ("searchupdate", "searchlook", "searchpapers", "searchnext"):
        if importlib.util.find_spec(f"airbeat.cli.{name}") is not None:
            module: Any = importlib.import_module(f"airbeat.cli.{name}")
            command.add_command(module.command)


_add_others()
