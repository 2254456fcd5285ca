"""``airbeat patrol roster``: the calendar of a beat for days and weeks."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.output import console, emit_json, json_option, progress_bar, table
from airbeat.cli.patrolplan import DAY, distinct, file_stem
from airbeat.errors import UsageError
from airbeat.language.words import Message, _, translated

if TYPE_CHECKING:
    from airbeat.checks.findings import Finding
    from airbeat.mission.beat import Beat
    from airbeat.mission.plan import FlightPlan
    from airbeat.patrol.roster import Roster, RosterFlight

__all__ = ["command"]

_MOST_PLANS = 400
_WEEK = 7


@click.command("roster")
@click.argument("beat", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "first", type=DAY, required=True, metavar="YYYY-MM-DD", help="First local day.")
@click.option("--to", "last", type=DAY, required=True, metavar="YYYY-MM-DD", help="Last local day.")
@click.option(
    "--out",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write calendar.ics, roster.json, a picture of each week and the plan files into this folder.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@click.option("--seed", type=int, help="Seed of random orders and departures. [default: the beat's]")
@json_option
def command(
    *,
    beat: Path,
    first: date,
    last: date,
    out_dir: Path | None,
    overwrite: bool,
    seed: int | None,
    as_json: bool,
) -> int:
    """Make the calendar of BEAT: when which drone flies which visits, day by day.

    No visit waits longer than its greatest interval; where the drones cannot do that it is said by how many
    minutes, and the exit code is 1. With order: random and departure: random in the beat nobody can know when
    the drone comes, and the intervals hold all the same; how unpredictable it is, and the chance that an
    event of event_min is seen, are printed. Incidents in hot_spots raise the weights of places and hours.

    \b
    airbeat patrol roster missions/beats/forest-edge.yaml --from 2026-08-03 --to 2026-08-09 --out week
    """
    from airbeat.mission.beatloader import load_beat
    from airbeat.patrol.roster import roster_of

    if last < first:
        raise UsageError(
            Message("--to {last} is before --from {first}", last=last, first=first), remedy="swap the two"
        )
    given = load_beat(beat)
    with progress_bar(_("planning")) as progress:
        found = roster_of(given, first, last, seed=seed, progress=progress)
    plans, findings, short = _plans(given, found)
    document = _document(given, found, plans, seed)
    _shown(given, found, document, as_json=as_json)
    from airbeat.checks.findings import has_errors
    from airbeat.cli.plan import findings_json, print_findings

    print_findings(distinct(findings), as_json=as_json)
    out = console(as_json)
    for reason in (*found.over, *short):
        out.print(_("not kept: {reason}", reason=translated(reason)), style="bold red")
    wrong = has_errors(findings)
    files: list[str] = []
    if out_dir is not None and not wrong:
        written = _written(given, found, document, plans, out_dir, stem=beat.stem, overwrite=overwrite)
        files = [str(p) for p in written]
        out.print(_("wrote {files} files into {out_dir}", files=len(files), out_dir=out_dir))
    elif out_dir is not None:
        out.print(_("nothing was written: the checks found errors"))
    failed = wrong or bool(found.over) or bool(short)
    if as_json:
        emit_json(document | {"findings": findings_json(findings), "files": files, "ok": not failed})
    return 1 if failed else 0


def _plans(beat: Beat, roster: Roster) -> tuple[dict[str, FlightPlan], list[Finding], list[str]]:
    """One plan for every different flight by its short name, what the checks find, and what is too long.

    Raises:
        UsageError: there are too many of them.
    """
    from airbeat.checks.plan import check_plan
    from airbeat.patrol.rosterplans import key_of, plan_of

    plans: dict[str, FlightPlan] = {}
    findings: dict[Finding, None] = {}
    short = []
    for flight in roster.flights:
        key = key_of(beat, flight)
        if key.short in plans:
            continue
        if len(plans) >= _MOST_PLANS:
            raise UsageError(
                Message(
                    "more than {most} different flights from {first} to {last}",
                    most=_MOST_PLANS,
                    first=roster.first,
                    last=roster.last,
                ),
                remedy="make the calendar of fewer days at a time",
            )
        plan = plan_of(beat, flight)
        plans[key.short] = plan
        findings.update(dict.fromkeys(check_plan(plan)))
        if plan.estimate is not None and plan.estimate.battery_share > 1.0:
            short.append(f"{key.drone} needs {plan.estimate.battery_share:.0%} of a battery for {key.short}")
    return plans, list(findings), short


def _document(beat: Beat, roster: Roster, plans: dict[str, FlightPlan], seed: int | None) -> dict[str, Any]:
    from airbeat import __version__
    from airbeat.patrol.chance import catch_chance, gap_variation, next_stop_entropy_bits
    from airbeat.patrol.document import stamp
    from airbeat.patrol.rosterplans import key_of

    gaps = [g.length_s for v in roster.visits for g in v.gaps]
    flown = [f for f in roster.flights if f.visits]
    weighted = [g.weighted_s for v in roster.visits for g in v.gaps]
    return {
        "airbeat": "patrol-roster",
        "schema_version": 1,
        "tool_version": __version__,
        "source_name": beat.provenance.source_name,
        "source_sha256": beat.provenance.source_sha256,
        "name": beat.name,
        "time_zone": beat.time_zone.key,
        "seed": beat.roster.seed if seed is None else seed,
        "from": roster.first.isoformat(),
        "to": roster.last.isoformat(),
        "shifts": roster.shifts,
        "worst_weighted_idleness_s": round(max(weighted, default=0.0), 1),
        "next_stop_entropy_bits": round(
            next_stop_entropy_bits([[v.name for v in f.visits] for f in flown]), 4
        ),
        "gap_variation": round(_mean_variation(roster, gap_variation), 4),
        "event_s": beat.roster.event_s,
        "catch_chance": round(catch_chance(gaps, beat.roster.event_s), 4),
        "visits": [_waits(v) for v in roster.visits],
        "flights": [
            {
                "drone": beat.drones[f.drone][1].name,
                "shift": f.shift.name,
                "take_off": stamp(f.take_off),
                "land": stamp(f.land),
                "plan": key_of(beat, f).short,
                "visits": [{"visit": v.name, "begin": stamp(v.begin)} for v in f.visits],
            }
            for f in roster.flights
        ],
        "plans": sorted(plans),
        "over": list(roster.over),
        "notes": list(roster.notes),
    }


def _mean_variation(roster: Roster, variation: Any) -> float:
    """Mean of the visits' coefficients of variation."""
    found = [variation([g.length_s for g in v.gaps]) for v in roster.visits if len(v.gaps) > 1]
    return sum(found) / len(found) if found else 0.0


def _waits(visit: Any) -> dict[str, Any]:
    worst = visit.worst
    return {
        "visit": visit.visit.name,
        "gaps": len(visit.gaps),
        "longest_wait_s": round(max((g.length_s for g in visit.gaps), default=0.0), 1),
        "may_wait_s": None if worst is None else worst.allowed_s,
        "worst_weighted_s": round(max((g.weighted_s for g in visit.gaps), default=0.0), 1),
    }


def _shown(beat: Beat, roster: Roster, document: dict[str, Any], *, as_json: bool) -> None:
    """The figures, and the visits that wait longest beside what they may."""
    hours = sum((f.land - f.take_off).total_seconds() for f in roster.flights) / 3600
    rows = [
        (
            "flights",
            _(
                "{flights} in {shifts} shifts, {hours:.1f} h in the air",
                flights=len(roster.flights),
                shifts=roster.shifts,
                hours=hours,
            ),
        ),
        ("different flights", _("{plans} plans", plans=len(document["plans"]))),
        (
            "worst weighted idleness",
            _(
                "{idleness_min:.0f} min (weight × wait)",
                idleness_min=document["worst_weighted_idleness_s"] / 60,
            ),
        ),
        (
            "next stop",
            _(
                "{next_stop_entropy_bits:.2f} bits of entropy",
                next_stop_entropy_bits=document["next_stop_entropy_bits"],
            ),
        ),
        ("waits vary by", _("{gap_variation:.0%} of their mean", gap_variation=document["gap_variation"])),
        (
            "events seen",
            _(
                "{catch_chance:.0%} of those that last {event_min:g} min",
                catch_chance=document["catch_chance"],
                event_min=beat.roster.event_s / 60,
            ),
        ),
    ]
    ranked = sorted(document["visits"], key=_nearness, reverse=True)
    for row in ranked[:12]:
        limit = row["may_wait_s"]
        most = f" of {limit / 60:.0f}" if limit and limit < 1e9 else ""
        rows.append((row["visit"], f"waits {row['longest_wait_s'] / 60:.0f} min{most} at most"))
    table(
        rows,
        as_json=as_json,
        title=_("{beat}, {first} to {last}", beat=beat.name, first=roster.first, last=roster.last),
    )
    for note in roster.notes:
        console(as_json).print(_("note: {note}", note=translated(note)), style="yellow")


def _nearness(row: dict[str, Any]) -> float:
    limit = row["may_wait_s"]
    return float(row["longest_wait_s"] / limit) if limit else 0.0


def _written(
    beat: Beat,
    roster: Roster,
    document: dict[str, Any],
    plans: dict[str, FlightPlan],
    out_dir: Path,
    *,
    stem: str,
    overwrite: bool,
) -> list[Path]:
    """All files, or none."""
    from airbeat.formats.atomic import write_files
    from airbeat.formats.files import plan_texts

    contents: dict[Path, str | bytes] = plan_texts(
        {file_stem(stem, key): plan for key, plan in plans.items()}, out_dir
    )
    contents[out_dir / "calendar.ics"] = _calendar(beat, roster, stem)
    contents[out_dir / "roster.json"] = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    monday = roster.first
    while monday <= roster.last:
        days = [d for k in range(_WEEK) if (d := monday + timedelta(days=k)) <= roster.last]
        contents[out_dir / f"week-{monday.isoformat()}.png"] = _week(beat, roster, days, document)
        monday += timedelta(days=_WEEK)
    return write_files(contents, overwrite=overwrite)


def _calendar(beat: Beat, roster: Roster, stem: str) -> bytes:
    from airbeat.formats.calendar import CalendarEvent, write_calendar
    from airbeat.patrol.rosterplans import key_of

    def entry(flight: RosterFlight) -> CalendarEvent:
        site, drone = beat.drones[flight.drone]
        lines = [f"{v.begin.astimezone(beat.time_zone):%H:%M:%S} {v.name}" for v in flight.visits]
        plan = file_stem(stem, key_of(beat, flight).short)
        return CalendarEvent(
            begin=flight.take_off,
            end=flight.land,
            title=f"{drone.name}: {len(flight.visits)} visits ({flight.shift.name})",
            text="\n".join([f"plan {plan}.plan", *lines, *beat.notes]),
            place=site.name,
            who=drone.name,
        )

    first = datetime(roster.first.year, roster.first.month, roster.first.day, tzinfo=beat.time_zone)
    return write_calendar(
        beat.name,
        [entry(f) for f in roster.flights],
        stamp=first,
        source=beat.provenance.source_sha256,
    )


def _week(beat: Beat, roster: Roster, days: list[date], document: dict[str, Any]) -> bytes:
    from airbeat.patrol.shifts import shifts_on
    from airbeat.report.weekpicture import WeekBar, WeekPicture, draw_week

    zone = beat.time_zone
    waits = [
        (
            row["visit"],
            row["longest_wait_s"] / 60,
            row["may_wait_s"] / 60 if row["may_wait_s"] and row["may_wait_s"] < 1e9 else None,
        )
        for row in document["visits"]
    ]
    warning = next((n for n in beat.notes if "not for flight" in n), "")
    flights = [f for f in roster.flights if f.take_off.astimezone(zone).date() in days]
    return draw_week(
        WeekPicture(
            title=_("{beat}, {first} to {last}", beat=beat.name, first=days[0], last=days[-1]),
            days=days,
            shifts=[
                (s.begin.astimezone(zone), s.end.astimezone(zone)) for d in days for s in shifts_on(beat, d)
            ],
            bars=[
                WeekBar(begin=f.take_off.astimezone(zone), end=f.land.astimezone(zone), drone=f.drone)
                for f in flights
            ],
            drones=[drone.name for _, drone in beat.drones],
            waits=waits,
            figures=f"{len(flights)} flights; {document['catch_chance']:.0%} of events of "
            f"{beat.roster.event_s / 60:g} min are seen; entropy of the next stop "
            f"{document['next_stop_entropy_bits']:.2f} bits",
            warning=warning,
            provenance=beat.provenance,
        )
    )
