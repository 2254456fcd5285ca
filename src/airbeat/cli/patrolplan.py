"""``airbeat patrol plan``: one round of a beat, as flights that a pilot can load."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.output import console, emit_json, json_option, progress_bar, table
from airbeat.errors import UsageError
from airbeat.language.words import Message, _, translated

if TYPE_CHECKING:
    from airbeat.checks.findings import Finding
    from airbeat.mission.beat import Beat
    from airbeat.patrol.plan import PatrolPlan, PlannedSortie
    from airbeat.patrol.shifts import Shift

__all__ = ["DAY", "command", "distinct", "file_stem", "next_day_on_duty", "sortie_rows"]

_DAYS_AHEAD = 400
_MOST_ROWS = 60


class _DayType(click.ParamType[date]):
    """A day as YYYY-MM-DD."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day.

        Raises:
            click.BadParameter: it is none.
        """
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day; write year, month and day: 2026-09-07", param, ctx)


DAY = _DayType()


@click.command("plan")
@click.argument("beat", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--day", type=DAY, metavar="YYYY-MM-DD", help="Local day. [default: the next one on duty]")
@click.option("--shift", help="Only this shift. [default: all of the day]")
@click.option(
    "--out",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write plan files of each sortie, a picture of each shift and patrol.json into this folder.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the tour search.")
@click.option(
    "--effort",
    type=click.FloatRange(0.05, 20),
    default=1.0,
    show_default=True,
    help="How long to look for shorter tours.",
)
@json_option
def command(
    *,
    beat: Path,
    day: date | None,
    shift: str | None,
    out_dir: Path | None,
    overwrite: bool,
    seed: int,
    effort: float,
    as_json: bool,
) -> int:
    """Plan one round of BEAT: every visit once in each of its windows, in flights that batteries allow.

    Tours keep windows, dwell, batteries, chargers, the fence and its margin, and stay off privacy zones and
    crowds. With several drones the beat is divided among them, in zones balanced by time where the file asks
    for zones. Stops that cannot be served are named with the windows that collide, and the exit code is 1.
    With airbeat[patrol] tours come from PyVRP; without it a search of its own does for a handful of stops.

    \b
    airbeat patrol plan missions/beats/school-runs.yaml --day 2026-09-07 --out round
    airbeat patrol plan missions/beats/school-runs.yaml --shift "after school" --json
    """
    from airbeat.mission.beatloader import load_beat
    from airbeat.patrol.plan import plan_round

    given = load_beat(beat)
    shifts = _shifts(given, day, shift)
    plans: list[PatrolPlan] = []
    with progress_bar(_("planning")) as progress:
        for number, one in enumerate(shifts):

            def update(share: float, number: int = number) -> None:
                progress((number + share) / len(shifts))

            plans.append(plan_round(given, one, seed=seed, effort=effort, progress=update))
    return _finish(given, plans, stem=beat.stem, out_dir=out_dir, overwrite=overwrite, as_json=as_json)


def _shifts(beat: Beat, day: date | None, name: str | None) -> list[Shift]:
    from airbeat.patrol.shifts import shifts_on

    day = day or next_day_on_duty(beat)
    found = shifts_on(beat, day)
    wanted = [s for s in found if name in (None, s.name)]
    if not wanted:
        names = ", ".join(dict.fromkeys(s.name for s in found)) or Message("none")
        raise UsageError(
            Message("nobody is on duty on {day} in {shift!r}", day=day, shift=name[:60])
            if name
            else Message("nobody is on duty on {day}", day=day),
            remedy=Message("choose another --day; shifts that day: {names}", names=names),
        )
    return wanted


def next_day_on_duty(beat: Beat) -> date:
    """Today, or the first day after it on which somebody is on duty.

    Raises:
        UsageError: nobody is for more than a year.
    """
    from airbeat.patrol.shifts import shifts_on

    today = datetime.now(beat.time_zone).date()
    for ahead in range(_DAYS_AHEAD):
        if shifts_on(beat, today + timedelta(days=ahead)):
            return today + timedelta(days=ahead)
    raise UsageError("nobody is on duty in the next year", remedy="say --day YYYY-MM-DD, or change the times")


def file_stem(*parts: str) -> str:
    """A file name without suffix from names that people gave."""
    text = "-".join(re.sub(r"[^\w.]+", "-", part.strip().lower()).strip("-.") for part in parts if part)
    return text[:120] or "sortie"


def _stems(plans: list[PatrolPlan], stem: str) -> dict[int, str]:
    """File names of the sorties by their ``id``; the hour tells two shifts of one name apart."""
    stems: dict[int, str] = {}
    for plan in plans:
        twice = sum(p.shift.name == plan.shift.name for p in plans) > 1
        hour = f"{plan.shift.begin:%H%M}" if twice else ""
        for sortie in plan.sorties:
            stems[id(sortie)] = file_stem(stem, plan.shift.name, hour, sortie.drone, str(sortie.number))
    return stems


def distinct(findings: list[Finding]) -> list[Finding]:
    """All errors, and of each other kind the first: sorties of one beat share most of them."""
    from airbeat.checks.findings import Severity

    kept: dict[Any, Finding] = {}
    for number, finding in enumerate(findings):
        own = number if finding.severity is Severity.ERROR else finding.code
        kept.setdefault(own, finding)
    return list(kept.values())


def sortie_rows(beat: Beat, sorties: list[PlannedSortie]) -> list[tuple[str, str]]:
    """One line for each sortie: when, how long, how many visits, how much of the battery."""
    rows = []
    for sortie in sorties:
        out, back = (m.astimezone(beat.time_zone) for m in (sortie.take_off, sortie.land))
        estimate = sortie.plan.estimate
        names = ", ".join(v.name for v in sortie.visits)
        share = f", {estimate.battery_share:.0%} of the battery" if estimate else ""
        zone = f"{sortie.zone}, " if sortie.zone else ""
        rows.append(
            (
                f"{sortie.drone}, {sortie.number}",
                f"{out:%H:%M:%S} to {back:%H:%M:%S}{share}, {zone}{len(sortie.visits)} visits: "
                + (names if len(names) <= 160 else f"{names[:157]}..."),
            )
        )
    return rows


def _finish(
    beat: Beat,
    plans: list[PatrolPlan],
    *,
    stem: str,
    out_dir: Path | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Check, print and write; the exit code."""
    from airbeat.checks.findings import has_errors
    from airbeat.checks.plan import check_plan
    from airbeat.cli.plan import findings_json, print_findings
    from airbeat.patrol.document import patrol_document

    out = console(as_json)
    stems = _stems(plans, stem)
    findings: list[Finding] = []
    for plan in plans:
        begin, end = (m.astimezone(beat.time_zone) for m in (plan.shift.begin, plan.shift.end))
        title = f"{beat.name}: {plan.shift.name}, {begin:%Y-%m-%d %H:%M} to {end:%H:%M}"
        rows = sortie_rows(beat, list(plan.sorties[:_MOST_ROWS]))
        if len(plan.sorties) > _MOST_ROWS:
            rows.append(("", _("and {sorties} more sorties", sorties=len(plan.sorties) - _MOST_ROWS)))
        table(rows or [("sorties", "none")], as_json=as_json, title=title)
        for reason in plan.unserved:
            out.print(_("not served: {reason}", reason=translated(reason)), style="bold red")
        findings += [f for s in plan.sorties for f in check_plan(s.plan)]
    notes = dict.fromkeys([n for p in plans for n in p.notes])
    notes |= dict.fromkeys(n for p in plans for s in p.sorties for n in s.plan.notes)
    for note in notes:
        out.print(_("note: {note}", note=translated(note)), style="yellow")
    findings = list(dict.fromkeys(findings))
    print_findings(distinct(findings), as_json=as_json)
    wrong = has_errors(findings)
    document = patrol_document(beat, plans, stems)
    files: list[str] = []
    if out_dir is not None and not wrong:
        files = [str(p) for p in _written(beat, plans, document, stems, out_dir, overwrite=overwrite)]
        out.print(_("wrote {files} files into {out_dir}", files=len(files), out_dir=out_dir))
    elif out_dir is not None:
        out.print(_("nothing was written: the checks found errors"))
    failed = wrong or any(p.unserved for p in plans)
    if as_json:
        emit_json(document | {"findings": findings_json(findings), "files": files, "ok": not failed})
    return 1 if failed else 0


def _written(
    beat: Beat,
    plans: list[PatrolPlan],
    document: dict[str, Any],
    stems: dict[int, str],
    out_dir: Path,
    *,
    overwrite: bool,
) -> list[Path]:
    """All files, or none."""
    from airbeat.formats.atomic import write_files
    from airbeat.formats.files import plan_texts

    contents: dict[Path, str | bytes] = {}
    for plan in plans:
        contents |= plan_texts({stems[id(s)]: s.plan for s in plan.sorties}, out_dir)
        if plan.sorties:
            hour = f"{plan.shift.begin:%H%M}" if _stem_is_twice(plans, plan) else ""
            name = file_stem(plan.shift.name, hour)
            contents[out_dir / f"{name}.png"] = picture_of(beat, plan)
    contents[out_dir / "patrol.json"] = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    return write_files(contents, overwrite=overwrite)


def _stem_is_twice(plans: list[PatrolPlan], plan: PatrolPlan) -> bool:
    return sum(p.shift.name == plan.shift.name for p in plans) > 1


def picture_of(beat: Beat, plan: PatrolPlan) -> bytes:
    """The picture of a round."""
    from dataclasses import replace

    from airbeat.report.picture import draw_picture
    from airbeat.report.picture_content import picture_of_plans

    sorties = plan.sorties
    begin, end = (m.astimezone(beat.time_zone) for m in (plan.shift.begin, plan.shift.end))
    figures = [
        ("shift", _("{shift}, {begin:%H:%M} to {end:%H:%M}", shift=plan.shift.name, begin=begin, end=end)),
        (
            "sorties",
            _("{sorties} by {value} drones", sorties=len(sorties), value=len({s.drone for s in sorties})),
        ),
        ("visits", str(sum(len(s.visits) for s in sorties))),
        ("in the air", _("{count:.0f} min together", count=sum(s.duration_s for s in sorties) / 60)),
        ("not served", str(len(plan.unserved))),
    ]
    drawn = picture_of_plans([s.plan for s in sorties], figures=figures)
    lines = tuple(
        replace(line, name=f"{s.drone}, {s.number}") for line, s in zip(drawn.lines, sorties, strict=True)
    )
    return draw_picture(replace(drawn, title=beat.name, lines=lines))
