"""``airbeat report``: the coordinator's report of a plan, a flight and its candidates."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import click

from airbeat.cli.output import console, emit_json, json_option
from airbeat.cli.plans import load_plan
from airbeat.errors import UsageError
from airbeat.language.words import N_, Message, _, current_language

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airbeat.mission.plan import FlightPlan
    from airbeat.report.content import (
        DecisionRow,
        Figure,
        FlightRow,
        ReportContent,
        SearchedPart,
        SegmentsPart,
        TimelineRow,
    )
    from airbeat.report.searched import SearchResults

__all__ = ["command", "gather", "write_report"]

FLAT_GROUND = N_(
    "Flat ground at the height stated with the photographs (by default that of the take-off place): on a "
    "slope, positions shift sideways and the GSD changes."
)
PLANNED_ON_MODEL = N_(
    "Heights above ground were planned by {name}, which knows nothing of trees, buildings and wires."
)
LOCATED_ON_MODEL = N_("Candidates were located on the ground of a {name}.")
DETECTOR_LIMITS = N_(
    "The detector was trained on synthetic photographs; how it does on real ground is not known. It does not "
    "see through trees, into deep shadow, or under cover, and it misses people who look like the ground."
)
NOT_POD = N_("No probability of detection is given: nobody has reviewed the photographs yet.")
POD_IN_CASE = N_(
    "No probability of detection is given: airbeat search update makes one of reviewed photographs."
)


def _limits(searched: SearchedPart | None, *, has_case: bool) -> tuple[str, ...]:
    """What a search by program cannot say."""
    if searched is None:
        return ()
    if has_case:
        return (_(DETECTOR_LIMITS),)
    return (_(DETECTOR_LIMITS), _(POD_IN_CASE) if searched.reviewed else _(NOT_POD))


def gather(
    plan: FlightPlan,
    *,
    flights: Sequence[Path] = (),
    candidates_json: Path | None,
    case_folder: Path | None = None,
    operation: str | None = None,
    simulated: bool = False,
    exercise_figures: tuple[Figure, ...] = (),
) -> ReportContent:
    """Put together what a report shows, from the files that the earlier steps wrote.

    Args:
        plan: what the report is about.
        flights: records of its flights, the first of which the figures are of.
        candidates_json: the search's results.
        case_folder: the case that the flights belong to.
        operation: the operation's log; without one that of the search tells the timeline.
        simulated: whether vehicle and photographs are simulated.
        exercise_figures: figures that exist only because the exercise knows the truth.

    Raises:
        InputFileError: a file cannot be used.
    """
    from airbeat.checks.plan import check_plan
    from airbeat.report.content import ReportContent
    from airbeat.report.flown import flown_part, read_flight_file
    from airbeat.report.operation import flight_row
    from airbeat.report.reviewed import decisions_beside
    from airbeat.report.searched import read_search_results, searched_part

    area = plan.survey.area if plan.survey else None
    records = [(path, read_flight_file(path)) for path in flights]
    flown = flown_part(records[0][1], plan=plan) if records else None
    rows = tuple(flight_row(f"{path.parent.name}/{path.name}", record) for path, record in records)
    results = searched = None
    if candidates_json is not None:
        results = read_search_results(candidates_json)
        folder = candidates_json.parent
        decisions = decisions_beside(folder, results)
        searched = searched_part(results, folder=folder, area=area, decisions=decisions)
    said = _said(results, candidates_json, operation, rows)
    located_on = results.positions if results is not None else ""
    return ReportContent(
        plan=plan,
        flown=flown,
        searched=searched,
        warnings=tuple(f.told() for f in check_plan(plan)),
        assumptions=(*_ground(plan, located_on), *_limits(searched, has_case=case_folder is not None)),
        simulated=simulated or bool(flown and "embedded" in flown.vehicle),
        exercise_figures=exercise_figures,
        flights=rows,
        timeline=said.rows,
        timeline_left_out=said.left_out,
        decisions=said.decisions,
        segments=None if case_folder is None else _segments(case_folder),
    )


class _Said(NamedTuple):
    """What the log says."""

    rows: tuple[TimelineRow, ...] = ()
    left_out: int = 0
    decisions: tuple[DecisionRow, ...] = ()


def _said(
    results: SearchResults | None,
    candidates_json: Path | None,
    operation: str | None,
    flights: tuple[FlightRow, ...],
) -> _Said:
    """Timeline and decisions, of the operation's log or of that beside the candidates.

    Raises:
        InputFileError: the log was tampered with.
        UsageError: there is no such log.
    """
    from airbeat.ops.log import OperationsLog
    from airbeat.ops.reviews import Reviews
    from airbeat.ops.store import is_database_url
    from airbeat.report.operation import decision_rows, timeline
    from airbeat.report.reviewed import log_beside, reviewables

    place: Path | str | None = operation
    if place is None and candidates_json is not None:
        place = log_beside(candidates_json.parent)
    if place is None or (not is_database_url(str(place)) and not Path(place).is_file()):
        if operation is not None:
            raise UsageError(Message("{path} is no log", path=operation), remedy="name an operation's log")
        return _Said()
    with OperationsLog(place) as log:
        log.verify()
        rows, left_out = timeline(log, flights)
        decisions = () if results is None else decision_rows(Reviews(log, reviewables(results)))
    return _Said(rows, left_out, decisions)


def _segments(folder: Path) -> SegmentsPart:
    from airbeat.cli.search import case_png
    from airbeat.flight.casefolder import CaseFolder
    from airbeat.flight.searchstatus import status_of
    from airbeat.report.operation import segments_part

    case = CaseFolder(folder)
    status = status_of(case)
    return segments_part(case, status, picture_png=case_png(case, status))


def _ground(plan: FlightPlan, positions: str) -> tuple[str, ...]:
    """What was taken for the ground, in planning and in locating, for people."""
    model = positions.partition("height model ")[2].partition(";")[0]
    planned = () if plan.terrain is None else (_(PLANNED_ON_MODEL, name=plan.terrain.name),)
    if model:
        return (*planned, _(LOCATED_ON_MODEL, name=model))
    return (*planned, _(FLAT_GROUND)) if positions or plan.terrain is None else planned


def write_report(
    content: ReportContent,
    out: Path,
    *,
    overwrite: bool,
    pictures: Mapping[Path, bytes] = MappingProxyType({}),
) -> list[Path]:
    """Write the report and pictures for a briefing, all or none; the paths.

    Raises:
        UsageError: a file exists and may not be replaced, or the folder cannot be written.
    """
    from airbeat.formats.atomic import write_files
    from airbeat.report.html import report_html

    return write_files({out: report_html(content), **pictures}, overwrite=overwrite)


def _inside(folder_or_file: Path | None, name: str) -> Path | None:
    if folder_or_file is None:
        return None
    return folder_or_file / name if folder_or_file.is_dir() else folder_or_file


def _records(paths: tuple[Path, ...]) -> list[Path]:
    """The flight records that are meant, those of a folder in the order flown."""
    records: list[Path] = []
    for path in paths:
        if not path.is_dir():
            records.append(path)
            continue
        later = sorted(path.glob("flight-*.json"), key=lambda p: (len(p.name), p.name))
        records += [path / "flight.json", *later]
    return records


def _drawn(content: ReportContent, again: Callable[[], ReportContent], folder: Path) -> dict[Path, bytes]:
    """The pictures; their content is made again where they cannot be in the report's language."""
    from airbeat.report.briefing import briefing_pictures
    from airbeat.report.lettering import picture_language

    before = current_language()
    with picture_language():
        shown = content if current_language() == before else again()
        return {folder / name: png for name, png in briefing_pictures(shown).items()}


@click.command("report")
@click.argument("mission", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--flight",
    "flights",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="The folder that `airbeat fly --out` wrote, or one of its records; may be given several times.",
)
@click.option(
    "--candidates",
    type=click.Path(exists=True, path_type=Path),
    help="The folder that `airbeat detect --out` wrote, or its candidates.json.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="The HTML file to write.",
)
@click.option(
    "--case",
    "case_folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the case (airbeat search start), for its segments with their POD.",
)
@click.option(
    "--operation",
    envvar="AIRBEAT_OPERATION",
    metavar="FILE|URL",
    help="The operation's log, for the timeline. [default: that of the candidates' folder]",
)
@click.option(
    "--briefing",
    type=click.Path(file_okay=False, path_type=Path),
    help="Draw map, candidates and timeline for a briefing into this folder (PNG, 1920 by 1080).",
)
@click.option("--overwrite", is_flag=True, help="Replace a report that is there already.")
@json_option
def command(
    *,
    mission: Path,
    flights: tuple[Path, ...],
    candidates: Path | None,
    case_folder: Path | None,
    operation: str | None,
    briefing: Path | None,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Write one HTML file: map, figures, cut-outs with coordinates, what was assumed and not searched.

    With the flights, the case and the operation's log it also holds every flight, the segments with their
    POD, each reviewer's decisions and the timeline. It opens offline, holds no scripts, and prints on A4; the
    browser's print makes the PDF.

    \b
    airbeat report missions/demo-hillside.yaml --flight flight --candidates candidates --out report.html
    """
    made = partial(
        gather,
        load_plan(mission),
        flights=_records(flights),
        candidates_json=_inside(candidates, "candidates.json"),
        case_folder=case_folder,
        operation=operation,
    )
    content = made()
    pictures = _drawn(content, made, briefing) if briefing is not None else {}
    written = write_report(content, out, overwrite=overwrite, pictures=pictures)
    out_text = console(as_json)
    if content.flown and content.flown.of_another_plan:
        out_text.print(
            _(
                "warning: the flight was of another mission file: {of_another_plan}",
                of_another_plan=content.flown.of_another_plan,
            )
        )
    for path in written:
        out_text.print(_("wrote {path}", path=path))
    if as_json:
        searched = content.searched
        emit_json(
            {
                "report": str(out),
                "candidates": len(searched.candidates) if searched else None,
                "coverage_fraction": searched.coverage_fraction if searched else None,
                "outside_fence_m": content.flown.outside_fence_m if content.flown else None,
                "flights": len(content.flights),
                "timeline": len(content.timeline),
                "disputed": len({row.candidate for row in content.decisions if row.disputed}),
                "briefing": [str(path) for path in pictures],
            }
        )
    return 0
