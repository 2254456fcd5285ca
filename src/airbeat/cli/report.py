"""``airbeat report``: the coordinator's report of a plan, a flight and its candidates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.output import console, emit_json, json_option
from airbeat.cli.plans import load_plan

if TYPE_CHECKING:
    from airbeat.mission.plan import FlightPlan
    from airbeat.report.content import Figure, ReportContent

__all__ = ["command", "gather", "write_report"]

FLAT_GROUND = (
    "Flat ground at the height stated with the photographs (by default that of the take-off place): on a "
    "slope, positions shift sideways and the GSD changes."
)
PLANNED_ON_MODEL = (
    "Heights above ground were planned by {name}, which knows nothing of trees, buildings and wires."
)
LOCATED_ON_MODEL = "Candidates were located on the ground of a {name}."
DETECTOR_LIMITS = (
    "The detector was trained on synthetic photographs; how it does on real ground is not known. It does not "
    "see through trees, into deep shadow, or under cover, and it misses people who look like the ground."
)
NOT_POD = "No probability of detection is given: nobody has reviewed the photographs yet."


def gather(
    plan: FlightPlan,
    *,
    flight_json: Path | None,
    candidates_json: Path | None,
    simulated: bool = False,
    exercise_figures: tuple[Figure, ...] = (),
) -> ReportContent:
    """Put together what a report shows, from the files that the earlier steps wrote.

    Raises:
        InputFileError: a file cannot be used.
    """
    from airbeat.checks.plan import check_plan
    from airbeat.report.content import ReportContent
    from airbeat.report.flown import flown_part, read_flight_file
    from airbeat.report.reviewed import decisions_beside
    from airbeat.report.searched import read_search_results, searched_part

    area = plan.survey.area if plan.survey else None
    flown = searched = None
    located_on = ""
    if flight_json is not None:
        flown = flown_part(read_flight_file(flight_json), plan=plan)
    if candidates_json is not None:
        results = read_search_results(candidates_json)
        located_on = results.positions
        folder = candidates_json.parent
        decisions = decisions_beside(folder, results)
        searched = searched_part(results, folder=folder, area=area, decisions=decisions)
    return ReportContent(
        plan=plan,
        flown=flown,
        searched=searched,
        warnings=tuple(str(f) for f in check_plan(plan)),
        assumptions=(*_ground(plan, located_on), *((DETECTOR_LIMITS, NOT_POD) if searched else ())),
        simulated=simulated or bool(flown and "embedded" in flown.vehicle),
        exercise_figures=exercise_figures,
    )


def _ground(plan: FlightPlan, positions: str) -> tuple[str, ...]:
    """What was taken for the ground, in planning and in locating, for people."""
    model = positions.partition("height model ")[2].partition(";")[0]
    planned = () if plan.terrain is None else (PLANNED_ON_MODEL.format(name=plan.terrain.name),)
    if model:
        return (*planned, LOCATED_ON_MODEL.format(name=model))
    return (*planned, FLAT_GROUND) if positions or plan.terrain is None else planned


def write_report(content: ReportContent, out: Path, *, overwrite: bool) -> None:
    """Write the report whole.

    Raises:
        UsageError: the file exists and may not be replaced, or the folder cannot be written.
    """
    from airbeat.formats.atomic import write_files
    from airbeat.report.html import report_html

    write_files({out: report_html(content)}, overwrite=overwrite)


def _inside(folder_or_file: Path | None, name: str) -> Path | None:
    if folder_or_file is None:
        return None
    return folder_or_file / name if folder_or_file.is_dir() else folder_or_file


@click.command("report")
@click.argument("mission", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--flight",
    type=click.Path(exists=True, path_type=Path),
    help="The folder that `airbeat fly --out` wrote, or its flight.json.",
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
@click.option("--overwrite", is_flag=True, help="Replace a report that is there already.")
@json_option
def command(
    *,
    mission: Path,
    flight: Path | None,
    candidates: Path | None,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Write one HTML file: map, figures, cut-outs with coordinates, what was assumed and not searched.

    It opens offline, prints, and holds no scripts.

    \b
    airbeat report missions/demo-hillside.yaml --flight flight --candidates candidates --out report.html
    """
    content = gather(
        load_plan(mission),
        flight_json=_inside(flight, "flight.json"),
        candidates_json=_inside(candidates, "candidates.json"),
    )
    write_report(content, out, overwrite=overwrite)
    out_text = console(as_json)
    if content.flown and content.flown.of_another_plan:
        out_text.print(f"warning: the flight was of another mission file: {content.flown.of_another_plan}")
    out_text.print(f"wrote {out}")
    if as_json:
        searched = content.searched
        emit_json(
            {
                "report": str(out),
                "candidates": len(searched.candidates) if searched else None,
                "coverage_fraction": searched.coverage_fraction if searched else None,
                "outside_fence_m": content.flown.outside_fence_m if content.flown else None,
            }
        )
    return 0
