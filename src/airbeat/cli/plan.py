"""``airbeat plan``: from a mission file to figures, findings and the files a pilot loads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.operation import operation_option, recording
from airbeat.cli.output import console, emit_json, json_option, progress_bar, table
from airbeat.cli.plans import PLAN_SUFFIXES
from airbeat.cli.quickoptions import QuickOptions, quick_options
from airbeat.errors import UsageError
from airbeat.language.words import Message, _, translated
from airbeat.ops.recorder import files_of
from airbeat.report.planfigures import findings_json, plan_json, plan_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airbeat.checks.findings import Finding
    from airbeat.mission.mission import Mission
    from airbeat.mission.plan import FlightPlan


__all__ = ["command", "findings_json", "plan_json", "print_findings", "print_notes", "print_plan"]


def print_plan(plan: FlightPlan, *, as_json: bool) -> None:
    """The figures pilots ask for, and what the reader must know."""
    table(plan_rows(plan), as_json=as_json, title=plan.name)
    print_notes(plan, as_json=as_json)


def print_notes(plan: FlightPlan, *, as_json: bool) -> None:
    """What the reader of a plan must know, e.g. that coordinates were converted from another datum."""
    from rich.text import Text

    for note in plan.notes:
        console(as_json).print(Text(_("note: {note}", note=translated(note)), style="yellow"))


def print_findings(findings: list[Finding], *, as_json: bool) -> None:
    """Findings, worst first, one line each."""
    from rich.text import Text

    style = {"error": "bold red", "warning": "yellow", "note": "dim"}
    for finding in findings:
        console(as_json).print(Text(finding.told(), style=style[finding.severity.value]))


def _gap_mission(mission: Mission, ledger: Path) -> Mission:
    from airbeat.flight.ledger import gap_mission, read_ledger

    return gap_mission(mission, read_ledger(ledger))


@click.command("plan")
@click.argument("mission", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@quick_options
@click.option(
    "--out",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write .plan, .waypoints, .geojson and .kml files (with --area: plan.geojson) into this folder.",
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the plan for a briefing into this PNG file.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the route search.")
@click.option(
    "--effort",
    type=click.IntRange(1, 10),
    default=1,
    show_default=True,
    help="How hard to look for a faster route.",
)
@click.option(
    "--gaps",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Plan only what this ledger (airbeat ledger) says was not photographed.",
)
@operation_option
@json_option
def command(
    *,
    mission: Path | None,
    operation: str | None,
    quick: QuickOptions,
    out_dir: Path | None,
    picture: Path | None,
    overwrite: bool,
    seed: int,
    effort: int,
    gaps: Path | None,
    as_json: bool,
) -> int:
    """Plan MISSION (a YAML mission file): area, length, time, batteries, photographs, spacing, GSD.

    The plan is checked; exit code 1 means that the checks found an error. With --area instead of a mission
    it covers an area file with lines, for a quick look or for comparing planners.

    \b
    airbeat plan missions/demo-hillside.yaml --out plans
    airbeat plan --area wood.geojson --spacing-m 60 --out plans --json
    airbeat plan --area wood.geojson --spacing-m 60 --home 51.18,8.49 --drones 4 --endurance-min 25
    """
    from airbeat.cli.picture import check_picture_path

    check_picture_path(picture, overwrite=overwrite)
    if quick.area is not None:
        from airbeat.cli.quickplan import quick_plan

        if mission is not None or gaps is not None:
            raise UsageError("--area is for a plan without a mission file", remedy="leave one of them out")
        asked = quick.asked(quick.area, seed=seed, effort=effort)
        return quick_plan(asked, out_dir=out_dir, picture=picture, overwrite=overwrite, as_json=as_json)
    if mission is None:
        raise UsageError("nothing to plan", remedy="give a mission file, or --area FILE --spacing-m METRES")
    return _plan_mission_file(
        mission,
        out_dir=out_dir,
        picture=picture,
        overwrite=overwrite,
        seed=seed,
        effort=effort,
        gaps=gaps,
        operation=operation,
        as_json=as_json,
    )


def _draw(
    sorties: Sequence[FlightPlan],
    plan: FlightPlan,
    findings: list[Finding],
    picture: Path,
    *,
    overwrite: bool,
) -> list[Path]:
    """The picture of a plan in its sorties; what the checks found stands in it."""
    from airbeat.cli.picture import write_picture
    from airbeat.report.picture_content import picture_of_plans

    errors, warnings, notes = (sum(f.severity == s for f in findings) for s in ("error", "warning", "note"))
    counts = Message(
        "{errors} errors, {warnings} warnings, {notes} notes", errors=errors, warnings=warnings, notes=notes
    )
    figures = [*plan_rows(plan), ("checks", counts)]
    return write_picture(picture, picture_of_plans(list(sorties), figures=figures), overwrite=overwrite)


def _plan_mission_file(
    mission: Path,
    *,
    out_dir: Path | None,
    picture: Path | None,
    overwrite: bool,
    seed: int,
    effort: int,
    gaps: Path | None,
    operation: str | None,
    as_json: bool,
) -> int:
    """Plan, check, print and write one mission file; the exit code."""
    from airbeat.cli.sortiefiles import sorties_json, sorties_shown, sorties_written
    from airbeat.flight.planned import planned
    from airbeat.mission.loader import load_mission
    from airbeat.ops.happenings import Happening

    if mission.suffix.lower() in PLAN_SUFFIXES:
        raise UsageError(
            Message("{mission} is a plan file; plan takes a mission file (.yaml)", mission=mission),
            remedy="airbeat upload and airbeat fly take plan files as they are",
        )
    given = load_mission(mission)
    wanted = given if gaps is None else _gap_mission(given, gaps)
    with progress_bar(_("planning")) as progress:
        result = planned(wanted, fence=given.fence, seed=seed, effort=effort, progress=progress)
    plan, sorties, failed = result.plan, result.sorties, result.failed
    findings = list(result.findings)
    print_plan(plan, as_json=as_json)
    sorties_shown(sorties, as_json=as_json)
    print_findings(findings, as_json=as_json)
    written: list[Path] = []
    if out_dir is not None and not failed:
        stem = mission.stem if gaps is None else f"{mission.stem}-gaps"
        written = sorties_written(sorties, out_dir, stem=stem, overwrite=overwrite)
    if picture is not None and not failed:
        written += _draw(sorties, plan, findings, picture, overwrite=overwrite)
    for path in written:
        console(as_json).print(_("wrote {path}", path=path))
    if written:
        with recording(operation) as recorder:
            recorder.tell(
                Happening.MISSION_PLANNED, plan=plan.name, items=len(plan.items), files=files_of(written)
            )
    if failed and (out_dir is not None or picture is not None):
        console(as_json).print(_("nothing was written: the checks found errors"))
    if as_json:
        emit_json(
            plan_json(plan)
            | sorties_json(sorties, result.found, plan_json=plan_json, findings_json=findings_json)
            | {"findings": findings_json(findings), "files": [str(p) for p in written], "ok": not failed}
        )
    return 1 if failed else 0
