"""``airbeat fly``: check, upload, arm, start and watch, until the vehicle has landed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.connecting import Address, connect_options, reach
from airbeat.cli.flightbar import FlightBar, flight_bar
from airbeat.cli.interrupt import CHOICES, Interrupts, StoppedError
from airbeat.cli.operation import operation_option, recording
from airbeat.cli.output import (
    ANOTHER_FOLDER,
    ANOTHER_NAME,
    console,
    emit_json,
    json_option,
    refuse_to_replace,
)
from airbeat.cli.plan import print_findings
from airbeat.cli.plans import load_plan
from airbeat.cli.upload import print_verdict
from airbeat.cli.vet import vet
from airbeat.errors import UsageError
from airbeat.language.words import Message, _, translated
from airbeat.ops.recorder import Aside, files_of

if TYPE_CHECKING:
    from airbeat.flight.begin import NextSortie
    from airbeat.flight.fly import Confirm
    from airbeat.flight.preflight import PreflightFinding
    from airbeat.flight.record import FlightRecord
    from airbeat.flight.state import FlightState, StateKeeper
    from airbeat.flight.upload import UploadVerdict
    from airbeat.flight.watch import FlightProgress, Watchers
    from airbeat.link.connection import Link
    from airbeat.link.telemetry import VehicleEvent
    from airbeat.mission.plan import FlightPlan

__all__ = ["command", "flight_bar"]


def _asking(*, as_json: bool) -> Confirm:
    def confirm(findings: tuple[PreflightFinding, ...], verdict: UploadVerdict) -> bool:
        print_verdict(verdict, as_json=as_json)
        print_findings(list(findings), as_json=as_json)
        return click.confirm(_("Is nobody near the vehicle, and may it arm and take off now?"), err=True)

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
        console(True).print(Text(f"{_(event.kind.value)}: {event.text}"))


_WARNING = 4
"""MAV_SEVERITY_WARNING."""


def _fresh(path: Path, *, overwrite: bool) -> Path:
    """A file that may be written, in a folder that exists.

    Raises:
        UsageError: it is there and may not be replaced, or it cannot be written.
    """
    refuse_to_replace(path, overwrite=overwrite, remedy=ANOTHER_NAME)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch()
    except OSError as error:
        raise UsageError(
            Message("{path} cannot be written: {reason}", path=path, reason=error.strerror)
        ) from error
    return path


def _restore(path: Path, address: Address, *, as_json: bool) -> int:
    from airbeat.flight.parameters import restore_parameters

    with reach(address) as link:
        lines = restore_parameters(link, path)
    for line in lines:
        console(as_json).print(line)
    if as_json:
        emit_json({"restored": str(path), "done": lines})
    return 0


def _warn_of_flying(record: FlightRecord, order: _Order) -> None:
    """Say loudly that nobody here watches a vehicle that is still in the air."""
    from rich.text import Text

    from airbeat.flight.record import FlightOutcome

    if record.landing_time_s is not None or record.outcome is FlightOutcome.COMPLETED:
        return
    words = _(
        "THE VEHICLE IS NOT KNOWN TO HAVE LANDED, AND THIS PROGRAM NO LONGER WATCHES IT. "
        "Take over with the transmitter's mode switch, or with any ground station at "
        "{url}: BRAKE to hover, RTL to return, LAND to land. To watch it again, or to go on "
        "when it hovers or has landed: airbeat fly FILE --resume {state} --connect {url}",
        url=order.address.url,
        state=order.folder / "state.json",
    )
    console(order.as_json).print(Text(words, style="bold red"))


@dataclass(frozen=True, kw_only=True)
class _Order:
    """What the command line asks for.

    Attributes:
        address: the vehicle.
        yes: arm without asking.
        folder: for the flight record, the state and changed parameters.
        overwrite: replace what is there.
        on_interrupt: what to do where nobody can be asked.
        tlog: telemetry log of the first flight; None for one beside its record.
        apply_params: set the parameters that preflight asks for.
        state: what to go on with, or None for a new flight.
        as_json: people's text goes to standard error.
        aside: tells the operation's log.
    """

    address: Address
    yes: bool
    folder: Path
    overwrite: bool
    on_interrupt: str
    tlog: Path | None
    apply_params: bool
    state: FlightState | None
    as_json: bool
    aside: Aside

    @property
    def sortie(self) -> int:
        """1 for a new flight; behind every record that is there for one that goes on."""
        if self.state is None:
            return 1
        number = self.state.sortie + 1
        while (self.folder / f"flight-{number}.json").exists():
            number += 1
        return number

    @property
    def record(self) -> Path:
        """The file of the flight's record."""
        return self.folder / ("flight.json" if self.sortie == 1 else f"flight-{self.sortie}.json")

    def telemetry(self) -> Path:
        """The telemetry log, fresh.

        Raises:
            UsageError: it cannot be written.
        """
        if self.tlog is not None:
            return self.tlog
        return _fresh(self.record.with_suffix(".tlog"), overwrite=True)

    def keep(self, record: FlightRecord) -> None:
        """Write the flight's record."""
        from airbeat.ops.happenings import Happening

        written = record.save(self.record, overwrite=self.overwrite)
        for path in written:
            console(self.as_json).print(_("wrote {path}", path=path))
        self.aside.tell(
            Happening.FLIGHT_ENDED, plan=record.plan_name, **_summary(record), files=files_of(written)
        )

    def heard(self, event: VehicleEvent) -> None:
        """Tell people and the operation what the vehicle said."""
        from airbeat.ops.happenings import Happening

        _tell(event)
        self.aside.tell(
            Happening.FLIGHT_SAID,
            kind=event.kind.value,
            text=event.text,
            severity=event.severity,
            time_s=event.time_s,
        )

    def say(self, text: str) -> None:
        """Tell people."""
        from rich.text import Text

        console(self.as_json).print(Text(text))


def _fly_all(plan: FlightPlan, order: _Order) -> tuple[FlightRecord, bool]:
    """Fly sortie by sortie; the last record, and whether anything is left to fly."""
    from airbeat.flight.state import SORTIE_FLOWN, read_state

    file = order.folder / "state.json"
    while True:
        record = _fly(plan, order)
        state = read_state(file)
        if state.outcome != SORTIE_FLOWN:
            return record, False
        order.say(
            _(
                "sortie {sortie} was flown: behind item {until} of {items} there is more",
                sortie=state.sortie,
                until=state.until,
                items=state.items,
            )
        )
        if order.yes or not click.confirm(
            _("Is the battery changed, and shall the next sortie begin?"), err=True
        ):
            order.say(
                _("change the battery, then go on: airbeat fly FILE --resume {file} --connect …", file=file)
            )
            return record, True
        order = replace(order, state=state, tlog=None)


def _fly(plan: FlightPlan, order: _Order) -> FlightRecord:
    """Connect, set parameters, fly and keep the record.

    Raises:
        StoppedError: stopped before arming.
    """
    from airbeat.flight.begin import keeper_for
    from airbeat.flight.fly import fly_sortie
    from airbeat.flight.parameters import applied_parameters
    from airbeat.ops.happenings import Happening

    with ExitStack() as stack:
        link = stack.enter_context(reach(order.address, tlog=order.telemetry()))
        bar = stack.enter_context(flight_bar())
        interrupts = stack.enter_context(Interrupts(order.on_interrupt, before_asking=bar.clear))
        try:
            sortie = _next_sortie(link, plan, order)
            if order.apply_params and sortie.start is None and not sortie.attached:
                file = order.folder / "parameters.json"
                stack.enter_context(applied_parameters(link, sortie.plan, file, say=order.say))
            keeper = keeper_for(
                sortie,
                plan,
                order.folder / "state.json",
                earlier=order.state,
                number=order.sortie,
                say=order.say,
            )
            order.aside.tell(Happening.FLIGHT_BEGUN, plan=sortie.plan.name, vehicle=order.address.url)
            return fly_sortie(
                link,
                sortie,
                watchers=_watchers(plan, order, keeper=keeper, interrupts=interrupts, bar=bar),
                confirm=None if order.yes else _asking(as_json=order.as_json),
                agree=lambda: (
                    order.yes or click.confirm(_("Go on with the mission from where it hovers?"), err=True)
                ),
                say=order.say,
            )
        except (KeyboardInterrupt, click.Abort):
            part = interrupts.phase == "uploading"
            raise StoppedError(
                "stopped before arming; nothing was armed",
                remedy="the vehicle may hold part of the plan: upload it again before anybody flies it"
                if part
                else "",
            ) from None


def _next_sortie(link: Link, plan: FlightPlan, order: _Order) -> NextSortie:
    """What is left to fly now: the whole plan, or the part of it that one battery carries, checked.

    Raises:
        UsageError: nothing is left.
        FindingsError: the checks found an error.
        PlanningError: no way to the interrupted leg, or too far for one battery.
        RefusedByVehicleError: the vehicle is on its way down.
    """
    from airbeat.flight.begin import find_sortie

    sortie = find_sortie(link, plan, order.state)
    if sortie.plan is not plan and not sortie.attached:
        vet(sortie.as_flown(), refused=Message("not flown"), as_json=order.as_json, is_part=True)
    if sortie.until is not None and not sortie.attached:
        order.say(
            _(
                "one battery does not carry all that is left: this sortie ends behind item {until} "
                "of {items}",
                until=sortie.until,
                items=len(plan.items),
            )
        )
    return sortie


def _watchers(
    plan: FlightPlan, order: _Order, *, keeper: StateKeeper, interrupts: Interrupts, bar: FlightBar
) -> Watchers:
    """Who is told of the flight: the one who may interrupt it, the state on disk, the bar and the record."""
    from airbeat.flight.area import photographed_before
    from airbeat.flight.watch import Watchers

    def progress(step: FlightProgress) -> None:
        interrupts.progress(step)
        keeper.progress(step)
        bar(step)

    def keep(record: FlightRecord) -> None:
        keeper.finish(record)
        order.keep(record)

    return Watchers(
        progress=progress,
        on_event=order.heard,
        on_photo=keeper.photo,
        interrupt=interrupts,
        keep=keep,
        area=photographed_before(plan, order.state),
    )


def _folder_for(out_dir: Path | None, state_file: Path | None, *, overwrite: bool) -> Path:
    """The folder of the flight: of the record of an earlier one, or of its state, nothing is written over.

    Raises:
        UsageError: there is one.
    """
    folder = out_dir or (state_file.parent if state_file else Path("flight"))
    if overwrite or (state_file is not None and folder.resolve() == state_file.parent.resolve()):
        return folder
    target, state = folder / "flight.json", folder / "state.json"
    refuse_to_replace(target, overwrite=False, remedy=ANOTHER_FOLDER)
    if state.exists():
        raise UsageError(
            Message("{state} is there, of a flight that was not finished", state=state),
            remedy=Message(
                "go on with it by --resume {state}, choose another folder, or say --overwrite", state=state
            ),
        )
    return folder


def _vetted(file: Path, state_file: Path | None, *, as_json: bool) -> tuple[FlightPlan, FlightState | None]:
    """The plan of a file, checked as it will be flown, and the state of its flight to go on with.

    Raises:
        InputFileError: a file cannot be read or is wrong.
        PlanningError: no safe plan exists.
        FindingsError: the checks found an error.
        UsageError: the state is of another plan.
    """
    from airbeat.flight.begin import for_batteries
    from airbeat.flight.state import read_state

    plan = load_plan(file)
    whole = for_batteries(plan)
    vet(whole, refused=Message("not flown"), as_json=as_json, in_sorties=whole is not plan)
    state = None if state_file is None else read_state(state_file)
    if state is not None:
        state.require_plan(plan)
    return plan, state


@click.command("fly")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@connect_options
@click.option("--yes", is_flag=True, help="Arm and take off without asking: nobody is near the vehicle.")
@click.option(
    "--out",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for flight.json, flight.geojson, flight.tlog and state.json.  "
    "[default: flight, or that of STATE]",
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
    "--tlog",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Record all telemetry in this file.  [default: flight.tlog in the folder]",
)
@click.option(
    "--apply-params",
    is_flag=True,
    help="Set the parameters that preflight asks for; give the old ones back after landing.",
)
@click.option(
    "--resume",
    "state_file",
    metavar="STATE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Go on with an interrupted flight of FILE: the state.json in its folder.",
)
@click.option(
    "--restore-params",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Fly nothing: give the vehicle the parameters back that an interrupted flight left in this file.",
)
@operation_option
@json_option
def command(
    *,
    file: Path | None,
    operation: str | None,
    address: Address,
    yes: bool,
    out_dir: Path | None,
    overwrite: bool,
    on_interrupt: str,
    tlog: Path | None,
    apply_params: bool,
    state_file: Path | None,
    restore_params: Path | None,
    as_json: bool,
) -> int:
    """Fly FILE (mission YAML, .plan or .waypoints): checks, upload, arming, start, landing.

    It asks before arming unless --yes is given. A pilot who changes the mode has taken over: the program
    only watches from then on. Ctrl-C in flight asks whether to pause, return, land, go on or leave. Exit
    code 1 when the mission was not flown to its end; --resume goes on with it then, also after a battery
    change, a restart of the vehicle or of this computer. A mission that one battery does not carry is flown
    sortie by sortie, with a question between them, or with --yes one sortie at a time.

    \b
    airbeat fly missions/demo-hillside.yaml --connect tcp:127.0.0.1:5760 --out flight
    """
    import sys

    from airbeat.flight.record import FlightOutcome

    if restore_params is not None:
        if file is not None:
            raise UsageError("--restore-params flies nothing", remedy="leave the mission file out")
        return _restore(restore_params, address, as_json=as_json)
    if file is None:
        raise UsageError("there is nothing to fly", remedy="give a mission file")
    folder = _folder_for(out_dir, state_file, overwrite=overwrite)
    if not yes and not sys.stdin.isatty():
        raise UsageError("nobody is there to confirm the take-off", remedy="say --yes if it is safe to arm")
    plan, state = _vetted(file, state_file, as_json=as_json)
    out = console(as_json)
    with recording(operation) as recorder, Aside(recorder, say=out.print) as aside:
        order = _Order(
            address=address,
            yes=yes,
            folder=folder,
            overwrite=overwrite,
            on_interrupt=on_interrupt,
            tlog=None if tlog is None else _fresh(tlog, overwrite=overwrite),
            apply_params=apply_params,
            state=state,
            as_json=as_json,
            aside=aside,
        )
        record, more = _fly_all(plan, order)
    out.print(f"{_(record.outcome.value)}: {translated(record.explanation)}")
    _warn_of_flying(record, order)
    if as_json:
        emit_json(_summary(record) | {"more_to_fly": more, "notes": list(plan.notes)})
    return 0 if record.outcome is FlightOutcome.COMPLETED and not more else 1
