"""``airbeat fly``: check, upload, arm, start and watch, until the vehicle has landed."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.interrupt import CHOICES
from airbeat.cli.output import ProgressCallback, console, emit_json, json_option, progress_bar
from airbeat.cli.plan import print_findings
from airbeat.cli.plans import load_plan
from airbeat.cli.upload import connect_option, print_verdict
from airbeat.errors import FindingsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airbeat.flight.fly import Confirm
    from airbeat.flight.preflight import PreflightFinding
    from airbeat.flight.record import FlightRecord
    from airbeat.flight.upload import UploadVerdict
    from airbeat.flight.watch import FlightProgress
    from airbeat.link.telemetry import VehicleEvent
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


class FlightBar:
    """A progress bar that also says item, height and the ETA on the vehicle's own clock.

    It appears with the take-off, so that nothing is drawn over the question before it; ``clear`` takes it
    off the screen until the next call.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._bar: ProgressCallback | None = None

    def __call__(self, now: FlightProgress) -> None:
        """Show where the flight is."""
        if now.phase not in {"flying", "landed"}:
            return
        self._bar = self._bar or self._stack.enter_context(progress_bar("flight"))
        minutes, seconds = divmod(round(now.eta_s), 60)
        height = now.state.height_above_home_m
        words = f"item {now.item}/{now.items}"
        words += f", {height:.0f} m" if height is not None else ""
        words += f", {now.photos} photographs, lands in {minutes}:{seconds:02d}"
        self._bar(now.fraction, label=words)

    def clear(self) -> None:
        """Take the bar off the screen."""
        self._stack.close()
        self._bar = None


@contextmanager
def flight_bar() -> Iterator[FlightBar]:
    """A progress bar for one flight."""
    bar = FlightBar()
    try:
        yield bar
    finally:
        bar.clear()


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


def _tell(event: VehicleEvent) -> None:
    """Modes, link trouble and what the vehicle says of warnings, above the progress bar."""
    from rich.text import Text

    if event.kind.value in {"mode", "link", "reboot"} or event.severity <= _WARNING:
        console(True).print(Text(f"{event.kind.value}: {event.text}"))


_WARNING = 4
"""MAV_SEVERITY_WARNING."""


def _fresh(path: Path, *, overwrite: bool) -> Path:
    """A file that may be written, in a folder that exists.

    Raises:
        UsageError: it is there and may not be replaced, or it cannot be written.
    """
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists already", remedy="choose another name, or say --overwrite")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch()
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _restore(path: Path, url: str, *, as_json: bool) -> int:
    from airbeat.flight.parameters import restore_parameters
    from airbeat.link.connection import connect

    with connect(url) as link:
        lines = restore_parameters(link, path)
    for line in lines:
        console(as_json).print(line)
    if as_json:
        emit_json({"restored": str(path), "done": lines})
    return 0


def _warn_of_flying(record: FlightRecord, url: str, *, as_json: bool) -> None:
    """Say loudly that nobody here watches a vehicle that is still in the air."""
    from rich.text import Text

    from airbeat.flight.record import FlightOutcome

    if record.landing_time_s is not None or record.outcome is FlightOutcome.COMPLETED:
        return
    words = (
        "THE VEHICLE IS NOT KNOWN TO HAVE LANDED, AND THIS PROGRAM NO LONGER WATCHES IT. "
        "Take over with the transmitter's mode switch, or with any ground station at "
        f"{url}: BRAKE to hover, RTL to return, LAND to land."
    )
    console(as_json).print(Text(words, style="bold red"))


@dataclass(frozen=True, kw_only=True)
class _Order:
    """What the command line asks for.

    Attributes:
        url: the vehicle.
        yes: arm without asking.
        target: the flight record.
        overwrite: replace what is there.
        on_interrupt: what to do where nobody can be asked.
        tlog: telemetry log, or None.
        parameters: where changed parameters' old values go, or None to change nothing.
        as_json: people's text goes to standard error.
    """

    url: str
    yes: bool
    target: Path
    overwrite: bool
    on_interrupt: str
    tlog: Path | None
    parameters: Path | None
    as_json: bool


def _fly(plan: FlightPlan, order: _Order) -> FlightRecord:
    """Connect, set parameters, fly and keep the record.

    Raises:
        UsageError: stopped before arming.
    """
    from rich.text import Text

    from airbeat.cli.interrupt import Interrupts
    from airbeat.flight.fly import fly_plan
    from airbeat.flight.parameters import applied_parameters
    from airbeat.link.connection import connect

    out = console(order.as_json)

    def keep(record: FlightRecord) -> None:
        for path in record.save(order.target, overwrite=order.overwrite):
            out.print(f"wrote {path}")

    def say(text: str) -> None:
        out.print(Text(text))

    with ExitStack() as stack:
        link = stack.enter_context(connect(order.url, tlog=order.tlog))
        bar = stack.enter_context(flight_bar())
        interrupts = stack.enter_context(Interrupts(order.on_interrupt, before_asking=bar.clear))

        def progress(step: FlightProgress) -> None:
            interrupts.progress(step)
            bar(step)

        try:
            if order.parameters is not None:
                stack.enter_context(applied_parameters(link, plan, order.parameters, say=say))
            return fly_plan(
                link,
                plan,
                confirmed=order.yes,
                confirm=None if order.yes else _asking(as_json=order.as_json),
                progress=progress,
                on_event=_tell,
                interrupt=interrupts,
                keep=keep,
            )
        except (KeyboardInterrupt, click.Abort):
            part = interrupts.phase == "uploading"
            raise UsageError(
                "stopped before arming; nothing was armed",
                remedy="the vehicle may hold part of the plan: upload it again before anybody flies it"
                if part
                else "",
            ) from None


@click.command("fly")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
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
@click.option(
    "--on-interrupt",
    type=click.Choice(CHOICES),
    default="leave",
    show_default=True,
    help="What Ctrl-C does without a terminal, and what SIGTERM does: hover, RTL, LAND, or fly on.",
)
@click.option(
    "--tlog", type=click.Path(dir_okay=False, path_type=Path), help="Record all telemetry in this file."
)
@click.option(
    "--apply-params",
    is_flag=True,
    help="Set the parameters that preflight asks for; give the old ones back after landing.",
)
@click.option(
    "--restore-params",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Fly nothing: give the vehicle the parameters back that an interrupted flight left in this file.",
)
@json_option
def command(
    *,
    file: Path | None,
    url: str,
    yes: bool,
    out_dir: Path,
    overwrite: bool,
    on_interrupt: str,
    tlog: Path | None,
    apply_params: bool,
    restore_params: Path | None,
    as_json: bool,
) -> int:
    """Fly FILE (mission YAML, .plan or .waypoints): checks, upload, arming, start, landing.

    It asks before arming unless --yes is given. A pilot who changes the mode has taken over: the program
    only watches from then on. Ctrl-C in flight asks whether to pause, return, land, go on or leave. Exit
    code 1 when the mission was not flown to its end.

    \b
    airbeat fly missions/demo-hillside.yaml --connect tcp:127.0.0.1:5760 --out flight
    """
    import sys

    from airbeat.flight.record import FlightOutcome

    if restore_params is not None:
        if file is not None:
            raise UsageError("--restore-params flies nothing", remedy="leave the mission file out")
        return _restore(restore_params, url, as_json=as_json)
    if file is None:
        raise UsageError("there is nothing to fly", remedy="give a mission file")
    target = out_dir / "flight.json"
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists already", remedy="choose another folder, or say --overwrite")
    if not yes and not sys.stdin.isatty():
        raise UsageError("nobody is there to confirm the take-off", remedy="say --yes if it is safe to arm")
    plan = load_plan(file)
    refuse_faulty(plan, as_json=as_json)
    order = _Order(
        url=url,
        yes=yes,
        target=target,
        overwrite=overwrite,
        on_interrupt=on_interrupt,
        tlog=None if tlog is None else _fresh(tlog, overwrite=overwrite),
        parameters=out_dir / "parameters.json" if apply_params else None,
        as_json=as_json,
    )
    record = _fly(plan, order)
    console(as_json).print(f"{record.outcome.value}: {record.explanation}")
    _warn_of_flying(record, url, as_json=as_json)
    if as_json:
        emit_json(_summary(record))
    return 0 if record.outcome is FlightOutcome.COMPLETED else 1
