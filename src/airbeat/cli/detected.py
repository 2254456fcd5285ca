"""What a search found, as ``detect`` and ``watch`` end: contact sheets, lines for people, JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airbeat.cli.output import console, emit_json, printable, table
from airbeat.language.words import Message, _, translated

if TYPE_CHECKING:
    from airbeat.detect.run import CandidateRecord, DetectionRun
    from airbeat.frames.sources import FrameSource

__all__ = ["show_results"]

_SHOWN = 10
_MOST_SHEETS = 20


def show_results(run: DetectionRun, *, as_json: bool, compared: FrameSource | None = None) -> int:
    """Draw the contact sheets and tell what was found; the exit code.

    Args:
        run: the search.
        as_json: whether JSON is printed, and people's text goes to standard error.
        compared: the frames searched, where their headings were compared with one another.

    Raises:
        UsageError: a contact sheet cannot be written.
    """
    sheets = _write_contact_sheets(run)
    _print_detection(run, as_json=as_json)
    more = {} if compared is None else {"headings": _print_headings(compared, as_json=as_json)}
    console(as_json).print(
        _(
            "wrote {json_path}, {geojson_path} and {sheets} contact sheets",
            json_path=run.json_path,
            geojson_path=run.geojson_path,
            sheets=len(sheets),
        )
    )
    if as_json:
        emit_json(_detection_json(run) | {"contact_sheets": [str(p) for p in sheets]} | more)
    return 1 if run.refused else 0


def _detection_json(run: DetectionRun) -> dict[str, Any]:
    """What ``--json`` prints of a search through photographs."""
    return {
        "frames_searched": len(run.frames),
        "frames_taken_over": run.reused,
        "frames_not_searched": len(run.refused),
        "duplicates": len(run.duplicates),
        "files_ignored": run.ignored,
        "folders_not_read": list(run.folders),
        "boxes": run.boxes,
        "boxes_without_place": run.boxes_without_place,
        "candidates": len(run.candidates),
        "threshold": run.threshold,
        "detector": run.detector,
        "candidates_json": str(run.json_path),
        "candidates_geojson": str(run.geojson_path),
        "not_searched": [{"file": r.name, "reason": r.reason} for r in run.refused],
    }


def _print_detection(run: DetectionRun, *, as_json: bool) -> None:
    """What was searched, what was not and why, and the first places to look."""
    _print_counts(run, as_json=as_json)
    _print_left_out(run, as_json=as_json)
    _print_first_candidates(run, as_json=as_json)


def _print_counts(run: DetectionRun, *, as_json: bool) -> None:
    rows = [("photographs searched", str(len(run.frames)))]
    if run.reused:
        rows.append(("of them finished before", str(run.reused)))
    rows.append(("not searched", str(len(run.refused))))
    if run.duplicates:
        rows.append(("the same as another", str(len(run.duplicates))))
    rows.append(
        (
            "candidates",
            _(
                "{candidates}, none confirmed; the photographs are not cleared",
                candidates=len(run.candidates),
            ),
        ),
    )
    table(rows, as_json=as_json)


def _print_left_out(run: DetectionRun, *, as_json: bool) -> None:
    """Files and folders that were not searched, and boxes without a place."""
    from rich.text import Text

    out = console(as_json)
    for refusal in run.refused:
        text = _("not searched: {refusal}: {reason}", refusal=printable(refusal.name), reason=refusal.reason)
        out.print(Text(text, style="yellow"))
    if run.ignored:
        text = _("not looked at: {ignored} files that are no photographs by their names", ignored=run.ignored)
        out.print(Text(text))
    if run.folders:
        names = ", ".join(printable(name) for name in run.folders[:5])
        text = _("not looked at: {folders} folders inside: {names}", folders=len(run.folders), names=names)
        out.print(Text(text, style="yellow"))
    if run.boxes_without_place:
        text = _(
            "{count} boxes have no place on the ground; each is a candidate of its own",
            count=run.boxes_without_place,
        )
        out.print(Text(text, style="yellow"))


def _print_first_candidates(run: DetectionRun, *, as_json: bool) -> None:
    from rich.text import Text

    out = console(as_json)
    names = run.names
    for record in run.candidates[:_SHOWN]:
        place = _place(record) or _(
            "no position, in {frame}", frame=printable(names[record.candidate.looks[0].frame])
        )
        text = _(
            "{record}  {place}  score {score:.2f}  {looks}",
            record=record.id,
            place=place,
            score=record.candidate.score,
            looks=translated(_looks(record)),
        )
        out.print(Text(text))
    if len(run.candidates) > _SHOWN:
        more = len(run.candidates) - _SHOWN
        out.print(_("… and {candidates} more in {json_path}", candidates=more, json_path=run.json_path))


def _place(record: CandidateRecord) -> str:
    from airbeat.geo.notation import decimal_degrees, mgrs_grid

    point = record.candidate.point
    if point is None:
        return ""
    return f"{decimal_degrees(point.position)}  {mgrs_grid(point.position)}  CE90 {point.ce90_m:.1f} m"


def _looks(record: CandidateRecord) -> str:
    return Message("{looks} of {all} photographs", looks=len(record.candidate.looks), all=record.covered_by)


def _write_contact_sheets(run: DetectionRun) -> list[Path]:
    """Write ``contact-sheet.jpg``, ``contact-sheet-2.jpg``, … of the best candidates beside the results."""
    from airbeat.detect.results import NOTE
    from airbeat.formats.atomic import write_files
    from airbeat.geo.notation import mgrs_grid
    from airbeat.report.contact_sheet import SheetEntry, contact_sheets

    def entries() -> Iterator[SheetEntry]:
        for record in run.candidates:
            point = record.candidate.point
            place: str = Message("no position")
            if point is not None:
                place = f"{mgrs_grid(point.position)}  ± {point.ce90_m:.0f} m"
            yield SheetEntry(
                id=record.id,
                crop=record.crop,
                score=record.candidate.score,
                place=place,
                looks=Message("seen in {looks}", looks=_looks(record)),
            )

    folder = run.json_path.parent
    sheets = contact_sheets(
        entries(), title=Path(run.source).name or "search", total=len(run.candidates), note=NOTE
    )
    written: list[Path] = []
    for number, jpeg in zip(range(1, _MOST_SHEETS + 1), sheets, strict=False):
        name = "contact-sheet.jpg" if number == 1 else f"contact-sheet-{number}.jpg"
        written += write_files({folder / name: jpeg}, overwrite=True)
    for path in set(folder.glob("contact-sheet*.jpg")) - set(written):
        path.unlink(missing_ok=True)
    return written


def _print_headings(frames: FrameSource, *, as_json: bool) -> list[str]:
    """Say where a flight's headings were wrong or cannot be trusted: places follow from them."""
    from rich.text import Text

    from airbeat.detect.prepare import PreparedFrames
    from airbeat.frames.sources import FollowedFolder

    said = list(frames.headings) if isinstance(frames, PreparedFrames) else []
    for text in said:
        console(as_json).print(Text(_("heading: {words}", words=text), style="bold yellow"))
    if isinstance(frames, FollowedFolder):
        console(as_json).print(_("headings were not compared: search the folder again once it is full"))
    return said
