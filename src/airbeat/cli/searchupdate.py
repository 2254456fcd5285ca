"""``airbeat search update``: what a flight's reviewed photographs say about where the person is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.output import console, emit_json, json_option, printable, table
from airbeat.errors import InputFileError, UsageError
from airbeat.language.words import Message, _, translated

if TYPE_CHECKING:
    from airbeat.flight.searchupdate import UpdateResult
    from airbeat.report.searched import SearchResults

__all__ = ["command"]

_MAX_LIST_BYTES = 10_000_000


def _looked_through(text: str | None, results: SearchResults) -> frozenset[str]:
    """Names of the photographs that people looked through: all, or those in a text file, one a line."""
    known = {row.file for row in results.frames}
    if text is None:
        return frozenset()
    if text == "all":
        return frozenset(known)
    path = Path(text)
    try:
        if path.stat().st_size > _MAX_LIST_BYTES:
            raise InputFileError("is larger than 10 MB", where=text, remedy="one file name a line")
        names = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, ValueError) as error:
        if isinstance(error, InputFileError):
            raise
        raise UsageError(
            Message("--looked-through {text}: no readable text file", text=text),
            remedy="say all, or give a file with names",
        ) from error
    for number, name in enumerate(names, start=1):
        if name and name not in known:
            raise InputFileError(
                Message("{name!r} is no searched photograph", name=name[:80]),
                where=f"{text}, line {number}",
                remedy="check the name",
            )
    return frozenset(name for name in names if name)


def _print(result: UpdateResult, *, as_json: bool) -> None:
    from rich.text import Text

    record, images, out = result.record, result.record.images, console(as_json)
    gsd = record.gsd_m_px or (0.0, 0.0)
    heights = record.heights_m or (0.0, 0.0)
    rows = [
        ("photographs expected", str(images.expected)),
        ("received", str(images.received)),
        ("reviewed", str(images.reviewed)),
        ("counted", f"{images.counted}, {record.method}"),
        ("GSD", _("{gsd:.1f} to {gsd_2:.1f} cm/px", gsd=100 * gsd[0], gsd_2=100 * gsd[1])),
        (
            "height above ground",
            _(
                "{heights:.0f} to {heights_2:.0f} m ({altitude_source})",
                heights=heights[0],
                heights_2=heights[1],
                altitude_source=record.altitude_source,
            ),
        ),
        ("sweep width in the open", f"{record.sweep_width_m:.0f} m"),
        (
            "POS of this update",
            _("{success:.1%} to {success_2:.1%}", success=result.success[0], success_2=result.success[1]),
        ),
        (
            "rest of the world",
            _("{rest:.1%} before, {rest_2:.1%} now", rest=result.before.rest, rest_2=result.after.rest),
        ),
    ]
    table(rows, as_json=as_json, title=_("update {number}", number=record.number))
    reasons: dict[str, int] = {}
    for row in record.left_out:
        kind = row.reason.split(":")[0]
        reasons[kind] = reasons.get(kind, 0) + 1
    for reason, count in list(reasons.items())[:10]:
        out.print(
            Text(
                _("does not count: {count} photographs: {reason}", count=count, reason=printable(reason)),
                style="yellow",
            )
        )
    for note in record.notes:
        out.print(Text(_("note: {note}", note=translated(note)), style="dim"))
    out.print(
        Text(
            _(
                "wrote {path}; the map: airbeat search status {parent}",
                path=result.path,
                parent=result.path.parent.parent,
            )
        )
    )


@click.command("update")
@click.argument("case_folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--ledger",
    "ledgers",
    multiple=True,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What airbeat ledger wrote of the flight; may be given several times.",
)
@click.option(
    "--candidates",
    "candidates",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="The folder that airbeat detect wrote for the flight's photographs.",
)
@click.option(
    "--reviews",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What people decided. [default: reviews.json in the candidates' folder, where there is one]",
)
@click.option(
    "--looked-through",
    metavar="all|FILE",
    help="Photographs that people looked through whole: all, or a file with one name a line.",
)
@click.option("--force", is_flag=True, help="Count photographs coarser than 10 cm a pixel all the same.")
@json_option
def command(
    *,
    case_folder: Path,
    ledgers: tuple[Path, ...],
    candidates: Path,
    reviews: Path | None,
    looked_through: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Update the map of CASE_FOLDER by what a flight's photographs show (Bayes).

    A photograph counts when people looked through the whole of it, or when the case has a measured detection
    curve, the detector searched it, and every candidate in it is decided. Photographs that were not received
    or not reviewed count for nothing. The same update is not made twice; one of the same photographs with
    more of them reviewed replaces the earlier one. Exit code 1 when photographs were left out.

    \b
    airbeat search update case --ledger ledger.json --candidates candidates --looked-through all
    """
    from datetime import UTC, datetime

    from airbeat.flight.casefolder import CaseFolder
    from airbeat.flight.reviews import find_reviews
    from airbeat.flight.searchupdate import update_case
    from airbeat.report.searched import read_search_results

    path = candidates / "candidates.json" if candidates.is_dir() else candidates
    results = read_search_results(path)
    review, digest = find_reviews(reviews, path.parent, results)
    result = update_case(
        CaseFolder(case_folder),
        ledgers=ledgers,
        candidates_json=path,
        review=review,
        reviews_sha256=digest,
        looked_through=_looked_through(looked_through, results),
        made_utc=datetime.now(UTC),
        force=force,
    )
    _print(result, as_json=as_json)
    if as_json:
        record = result.record.model_dump(by_alias=True, exclude={"footprints", "frames_sha256"})
        emit_json(
            record
            | {
                "file": str(result.path),
                "pos_low": result.success[0],
                "pos_high": result.success[1],
                "rest_of_world_before": result.before.rest,
                "rest_of_world_after": result.after.rest,
            }
        )
    return 1 if result.record.left_out else 0
