"""``airbeat check``: whether a plan, whoever drew it, is safe to fly here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.checkinput import MOMENT, WIND, fence_of, plans_of, terrain_of
from airbeat.cli.output import console, emit_json, json_option, printable, refuse_to_replace
from airbeat.cli.picture import check_picture_path
from airbeat.cli.plan import findings_json, print_findings
from airbeat.errors import UsageError
from airbeat.language.words import Message, _, ngettext, translated

if TYPE_CHECKING:
    from airbeat.checks.conditions import Conditions
    from airbeat.checks.findings import Finding
    from airbeat.mission.mission import Wind
    from airbeat.mission.plan import FlightPlan

__all__ = ["command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """A plan, the file it came from, when it starts [s], and what was found."""

    file: Path
    name: str
    plan: FlightPlan
    start_s: float
    findings: list[Finding]


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=_FILE)
@click.option(
    "--fence",
    type=_FILE,
    help="Check against this fence (plan, fence or area file) instead of the plan's own.",
)
@click.option(
    "--terrain", type=_FILE, multiple=True, help="Height model: .hgt, or .tif with airbeat[terrain]."
)
@click.option("--airframe", metavar="NAME", help="What flies it: energy, speeds, climbs and corners.")
@click.option(
    "--autopilot",
    type=click.Choice(["ardupilot", "px4"]),
    default="ardupilot",
    show_default=True,
    help="What it is compiled for.",
)
@click.option("--camera", metavar="NAME", help="Camera of a plan that names none: shutter, blur, coverage.")
@click.option("--area", type=_FILE, help="What the photographs must cover (any area file).")
@click.option(
    "--coverage",
    type=click.FloatRange(0, 1),
    default=0.995,
    show_default=True,
    help="Share of --area that they must cover.",
)
@click.option("--wind", type=WIND, help="Wind to fly in: where from [degrees] and speed [m/s], e.g. 270,6.")
@click.option("--margin-m", type=click.FloatRange(0, 1000), help="Distance from fence edges to keep [m].")
@click.option(
    "--rules", multiple=True, metavar="RULES", help="Rules file, or china-2024, eu-open, us-part107."
)
@click.option("--people", type=_FILE, help="Where people are who have no part in it (area file).")
@click.option("--at", "starts", type=MOMENT, help="When it is flown, e.g. 2026-05-01T20:30+02:00.")
@click.option("--start-s", type=float, multiple=True, help="Take-off of each FILE after the first [s].")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw the findings (PNG).")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with a map of each finding."
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@json_option
def command(
    *,
    files: tuple[Path, ...],
    fence: Path | None,
    terrain: tuple[Path, ...],
    airframe: str | None,
    autopilot: str,
    camera: str | None,
    area: Path | None,
    coverage: float,
    wind: Wind | None,
    margin_m: float | None,
    rules: tuple[str, ...],
    people: Path | None,
    starts: datetime | None,
    start_s: tuple[float, ...],
    picture: Path | None,
    html: Path | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Check any plan FILE, whoever drew it: fence, ground, battery, autopilot, camera, rules.

    FILE is a mission file (it is planned) or any plan file that airbeat reads; it is checked as it is. Of
    several FILEs each is checked, and whether the aircraft stay apart. Exit code 1 means that there are
    errors. src/airbeat/docs/findings.md lists every finding with its remedy.

    \b
    airbeat check survey.plan --airframe dji-m30t --wind 270,6 --margin-m 5
    airbeat check survey.plan --rules eu-open --at 2026-05-01T20:30+02:00 --html findings.html
    airbeat check east.plan west.plan --start-s 0 --start-s 60
    """
    from airbeat.checks.findings import has_errors

    check_picture_path(picture, overwrite=overwrite)
    refuse_to_replace(html, overwrite=overwrite)
    conditions = _conditions(
        autopilot=autopilot,
        camera=camera,
        area=area,
        coverage=coverage,
        wind=wind,
        margin_m=margin_m,
        rules=rules,
        people=people,
        starts=starts,
    )
    checked = _check_files(files, conditions, start_s, fence=fence, terrain=terrain, airframe=airframe)
    between = _between(checked) if len(files) > 1 else []
    _print(checked, between, conditions, as_json=as_json)
    written = _write(checked, between, conditions, picture=picture, html=html, overwrite=overwrite)
    for path in written:
        console(as_json).print(_("wrote {path}", path=path))
    failed = has_errors((*between, *(f for c in checked for f in c.findings)))
    if as_json:
        emit_json(
            _json(checked, between, conditions) | {"files": [str(p) for p in written], "ok": not failed}
        )
    return 1 if failed else 0


def _conditions(
    *,
    autopilot: str,
    camera: str | None,
    area: Path | None,
    coverage: float,
    wind: Wind | None,
    margin_m: float | None,
    rules: tuple[str, ...],
    people: Path | None,
    starts: datetime | None,
) -> Conditions:
    from airbeat.checks.conditions import AUTOPILOTS, Conditions
    from airbeat.checks.rulesfile import load_rules, shapes_in
    from airbeat.mission.areafile import read_area_file
    from airbeat.vehicle.camera import camera_profile

    return Conditions(
        autopilot=AUTOPILOTS[autopilot],
        wind=wind,
        margin_m=margin_m,
        camera=camera_profile(camera) if camera else None,
        area=read_area_file(area).free if area else None,
        coverage=coverage,
        starts=starts,
        rules=tuple(load_rules(name) for name in rules),
        people=shapes_in(people) if people else None,
    )


def _check_files(
    files: tuple[Path, ...],
    conditions: Conditions,
    start_s: tuple[float, ...],
    *,
    fence: Path | None,
    terrain: tuple[Path, ...],
    airframe: str | None,
) -> list[_Checked]:
    """Every sortie of every file.

    Raises:
        UsageError: times of take-off are given, and not one for each file.
    """
    if start_s and len(start_s) != len(files):
        raise UsageError(
            Message("{count} times --start-s for {files} files", count=len(start_s), files=len(files)),
            remedy="give one for each file, or none",
        )
    found: list[_Checked] = []
    for path, start in zip(files, start_s or [0.0] * len(files), strict=True):
        found += _check_file(path, conditions, start_s=start, fence=fence, terrain=terrain, airframe=airframe)
    return found


def _check_file(
    path: Path,
    conditions: Conditions,
    *,
    start_s: float,
    fence: Path | None,
    terrain: tuple[Path, ...],
    airframe: str | None,
) -> list[_Checked]:
    """Every sortie of a file, one after the other."""
    from airbeat.checks.plan import check_plan
    from airbeat.vehicle.airframe import airframe_profile

    plans, mission = plans_of(path)
    if mission is not None and conditions.wind is None:
        conditions = replace(conditions, wind=mission.wind)
    result = []
    for number, read in enumerate(plans, start=1):
        plan = read
        if airframe is not None:
            plan = replace(plan, airframe=airframe_profile(airframe))
        if fence is not None:
            plan = replace(plan, fence=fence_of(fence))
        if terrain:
            plan = replace(plan, terrain=terrain_of(plan, terrain))
        name = path.name if len(plans) == 1 else f"{path.name}, sortie {number}"
        findings = check_plan(plan, conditions)
        result.append(_Checked(file=path, name=name, plan=plan, start_s=start_s, findings=findings))
        start_s += plan.estimate.duration_s if plan.estimate else 0.0
    return result


def _between(checked: list[_Checked]) -> list[Finding]:
    """What is found between aircraft of different files."""
    from itertools import combinations

    from airbeat.checks.plan import in_order
    from airbeat.checks.separation import Departure, check_separation

    found: list[Finding] = []
    for a, b in combinations(checked, 2):
        if a.file != b.file:
            pair = [Departure(name=c.name, plan=c.plan, start_s=c.start_s) for c in (a, b)]
            found += check_separation(pair)
    return in_order(found)


def _counts(findings: list[Finding]) -> str:
    errors, warnings, notes = (
        sum(f.severity.value == s for f in findings) for s in ("error", "warning", "note")
    )
    words = (
        ngettext("{count} error", "{count} errors", errors),
        ngettext("{count} warning", "{count} warnings", warnings),
        ngettext("{count} note", "{count} notes", notes),
    )
    return ", ".join(words)


def _print(checked: list[_Checked], between: list[Finding], conditions: Conditions, *, as_json: bool) -> None:
    from rich.text import Text

    out = console(as_json)
    for one in checked:
        out.print(Text(f"{printable(one.name)}: {_counts(one.findings)}", style="bold"))
        print_findings(one.findings, as_json=as_json)
        for note in one.plan.notes:
            out.print(Text(_("note: {note}", note=printable(note)), style="dim"))
    if between:
        out.print(Text(_("between the aircraft: {counts}", counts=_counts(between)), style="bold"))
        print_findings(between, as_json=as_json)
    if conditions.rules:
        from airbeat.checks.rules import PILOT_REMAINS

        out.print(translated(PILOT_REMAINS))


def _json(checked: list[_Checked], between: list[Finding], conditions: Conditions) -> dict[str, Any]:
    from airbeat import __version__
    from airbeat.checks.rules import PILOT_REMAINS

    wind = conditions.wind
    return {
        "schema_version": 1,
        "tool_version": __version__,
        "autopilot": conditions.autopilot.key,
        "wind": None if wind is None else {"from_deg": wind.from_deg, "speed_m_s": wind.speed_m_s},
        "margin_m": conditions.margin_m,
        "rules": [
            {"name": r.key, "title": r.title, "looked_up": r.looked_up, "sha256": r.sha256}
            for r in conditions.rules
        ],
        "responsibility": PILOT_REMAINS if conditions.rules else "",
        "plans": [
            {
                "file": str(one.file),
                "name": one.name,
                "source_sha256": one.plan.provenance.source_sha256,
                "start_s": one.start_s,
                "findings": findings_json(one.findings),
                "notes": list(one.plan.notes),
            }
            for one in checked
        ],
        "between": findings_json(between),
    }


def _write(
    checked: list[_Checked],
    between: list[Finding],
    conditions: Conditions,
    *,
    picture: Path | None,
    html: Path | None,
    overwrite: bool,
) -> list[Path]:
    """The picture and the page, both or none."""
    if picture is None and html is None:
        return []
    from airbeat.checks.rules import PILOT_REMAINS
    from airbeat.formats.atomic import write_files
    from airbeat.report.checked import CheckedPlan, checked_page, checked_picture

    plans = [CheckedPlan(name=c.name, plan=c.plan, findings=tuple(c.findings)) for c in checked]
    texts: dict[Path, str | bytes] = {}
    if picture is not None:
        texts[picture] = checked_picture(plans, tuple(between))
    if html is not None:
        said = PILOT_REMAINS if conditions.rules else ""
        texts[html] = checked_page(plans, tuple(between), responsibility=said)
    return write_files(texts, overwrite=overwrite)
