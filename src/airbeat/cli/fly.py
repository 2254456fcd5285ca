"""``airbeat fly``: check, upload, arm, start and watch, until the vehicle has landed."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.output import ProgressCallback, console, emit_json, json_option, progress_bar
from airbeat.cli.plan import print_findings
from airbeat.cli.plans import load_plan
from airbeat.cli.upload import connect_option, print_verdict
from airbeat.errors import FindingsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airbeat.flight.fly import Confirm, FlightProgress
    from airbeat.flight.preflight import PreflightFinding
    from airbeat.flight.record import FlightRecord
    from airbeat.flight.upload import UploadVerdict
    from airbeat.mission.plan import FlightPlan

__all__ = ["command", "flight_bar", "refuse_faulty"]


def refuse_faulty(plan: FlightPlan, *, as_json: bool) -> None:
    """Print the plan's findings and stop on errors.

    Raises:
        FindingsError: the checks found an error.
    """
    from airbeat.checks.findings import Severity
    from airbeat.checks.plan import check_plan

    findings = check_plan(plan)
    print_findings(findings, as_json=as_json)
    errors = [f for f in findings if f.severity is Severity.ERROR]
    if errors:
        raise FindingsError(f"not flown: the checks found {len(errors)} errors", remedy=errors[0].remedy)


@contextmanager
def flight_bar() -> Iterator[Callable[[FlightProgress], None]]:
    """A progress bar that also says item, height and the ETA on the vehicle's own clock.

    It appears with the take-off, so that nothing is drawn over the question before it.
    """
    with ExitStack() as stack:
        bar: ProgressCallback | None = None

        def show(now: FlightProgress) -> None:
            nonlocal bar
            if now.phase not in {"flying", "landed"}:
                return
            bar = bar or stack.enter_context(progress_bar("flight"))
            minutes, seconds = divmod(round(now.eta_s), 60)
            height = now.state.height_above_home_m
            words = f"item {now.item}/{now.items}"
            words += f", {height:.0f} m" if height is not None else ""
            words += f", {now.photos} photographs, lands in {minutes}:{seconds:02d}"
            bar(now.fraction, label=words)

        yield show


def _asking(*, as_json: bool) -> Confirm:
    def confirm(findings: tuple[PreflightFinding, ...], verdict: UploadVerdict) -> bool:
        print_verdict(verdict, as_json=as_json)
        print_findings(list(findings), as_json=as_json)
        return click.confirm("Is nobody near the vehicle, and may it arm and take off now?", err=True)

    return confirm


def _summary(record: FlightRecord) -> dict[str, object]:
    return {
        "outcome": record.outcome.value,
        "explanation": record.explanation,
        "vehicle": record.vehicle.to_json(),
        "duration_s": record.duration_s,
        "photos": len(record.photos),
        "last_item": record.last_item,
        "items": record.items,
    }


@click.command("fly")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@connect_option
@click.option("--yes", is_flag=True, help="Arm and take off without asking: nobody is near the vehicle.")
@click.option(
    "--out",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("flight"),
    show_default=True,
    help="Folder for flight.json and flight.geojson.",
)
@click.option("--overwrite", is_flag=True, help="Replace the record of an earlier flight.")
@json_option
def command(*, file: Path, url: str, yes: bool, out_dir: Path, overwrite: bool, as_json: bool) -> int:
    """Fly FILE (mission YAML, .plan or .waypoints): checks, upload, arming, start, landing.

    It asks before arming unless --yes is given. A pilot who changes the mode has taken over: the program
    only watches from then on. Exit code 1 when the mission was not flown to its end.

    \b
    airbeat fly missions/demo-hillside.yaml --connect tcp:127.0.0.1:5760 --out flight
    """
    import sys

    from airbeat.flight.fly import fly_plan
    from airbeat.flight.record import FlightOutcome
    from airbeat.link.connection import connect

    target = out_dir / "flight.json"
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists already", remedy="choose another folder, or say --overwrite")
    if not yes and not sys.stdin.isatty():
        raise UsageError("nobody is there to confirm the take-off", remedy="say --yes if it is safe to arm")
    plan = load_plan(file)
    refuse_faulty(plan, as_json=as_json)
    with connect(url) as link:
        confirm = None if yes else _asking(as_json=as_json)
        with flight_bar() as show:
            record = fly_plan(link, plan, confirmed=yes, confirm=confirm, progress=show)
    for path in record.save(target, overwrite=overwrite):
        console(as_json).print(f"wrote {path}")
    console(as_json).print(f"{record.outcome.value}: {record.explanation}")
    if as_json:
        emit_json(_summary(record))
    return 0 if record.outcome is FlightOutcome.COMPLETED else 1
