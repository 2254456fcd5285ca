"""``airbeat dispatch``: who is at an incident first, and sending the drone that is."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.operation import user_name
from airbeat.cli.output import console, emit_json, json_option
from airbeat.cli.positions import LAT_LON
from airbeat.errors import AirbeatError, LinkError, UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message, _, translated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airbeat.flight.divert import Diverted
    from airbeat.flight.order import Order
    from airbeat.link.connection import Link
    from airbeat.mission.units import DroneEntry, Units
    from airbeat.patrol.dispatch import Arrival, DroneState, Incident

__all__ = ["command"]

_LOG = "dispatch-log.sqlite"
_HEARTBEAT_S = 15.0
"""So long each drone is waited for: an incident does not wait for one that is silent."""


def _links(units: Units, stack: ExitStack, folder: Path) -> dict[str, Link]:
    """Open links to the drones that have an address; those that do not answer are told and left out."""
    from airbeat.cli.connecting import Address, reach
    from airbeat.flight.dispatching import file_stem

    links: dict[str, Link] = {}
    for entry in units.drones:
        if entry.connect is None or entry.out_of_service:
            continue
        try:
            tlog = folder / f"{file_stem(entry.name)}.tlog"
            folder.mkdir(parents=True, exist_ok=True)
            link = reach(Address(url=entry.connect), tlog=tlog, limit_s=_HEARTBEAT_S)
            links[entry.name] = stack.enter_context(link)
        except LinkError as error:
            click.echo(_("airbeat: {entry}: {error}", entry=entry.name, error=error.told()), err=True)
        except OSError as error:
            raise UsageError(
                Message("{folder} cannot be written: {reason}", folder=folder, reason=error.strerror)
            ) from error
    return links


def _told(arrival: Arrival) -> str:
    """The way that a unit is told."""
    way = {"length_m": arrival.length_m, "bearing_deg": arrival.bearing_deg}
    if not arrival.drone:
        return _("go {length_m:.0f} m, {bearing_deg:03.0f}°", **way)
    return _(
        "fly {length_m:.0f} m, {bearing_deg:03.0f}°, look {look_s:.0f} s, {battery_share:.0%} of a battery",
        **way,
        look_s=arrival.look_s,
        battery_share=arrival.battery_share,
    )


def _print_ranking(arrivals: Sequence[Arrival], incident: Incident, *, as_json: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from airbeat.geo.notation import mgrs_grid

    out = console(as_json)
    out.print(
        Text(
            _(
                "{kind} at {position} ({mgrs_grid})",
                kind=incident.kind,
                position=incident.position,
                mgrs_grid=mgrs_grid(incident.position),
            ),
            style="bold",
        )
    )
    grid = Table(box=None, pad_edge=False)
    for title in (_("unit"), "", _("there in"), _("ring"), _("told")):
        grid.add_column(title, justify="right" if title == _("there in") else "left")
    for arrival in arrivals:
        kind = _("drone, flying") if arrival.flying else _("drone, on its pad")
        kind = kind if arrival.drone else _("ground unit")
        if arrival.arrival_s is None:
            why_not = Text(translated(arrival.why_not), style="yellow")
            grid.add_row(Text(arrival.unit), Text(kind), "-", "-", why_not)
            continue
        told = "; ".join([_told(arrival), *map(translated, arrival.notes)])
        minutes, seconds = divmod(round(arrival.arrival_s), 60)
        grid.add_row(
            Text(arrival.unit), Text(kind), f"{minutes}:{seconds:02d}", Text(arrival.ring), Text(told)
        )
    out.print(grid)


def _vetted(order: Order, *, as_json: bool) -> None:
    """The way through the checks, as it is flown."""
    from airbeat.cli.vet import vet
    from airbeat.flight.dispatching import as_flown

    vet(as_flown(order), refused=Message("not sent"), as_json=as_json)


def _sent(link: Link, order: Order, entry: DroneEntry, folder: Path, *, yes: bool, as_json: bool) -> Diverted:
    """Fly there after a yes.

    Raises:
        UsageError: nobody said yes.
    """
    from airbeat.cli.plans import load_plan
    from airbeat.flight.dispatching import keeping, send_order
    from airbeat.flight.watch import Watchers

    keep = keeping(
        folder, order.arrival.unit, lambda path: console(as_json).print(_("wrote {path}", path=path))
    )
    return send_order(
        link,
        order,
        entry,
        folder=folder,
        load_plan=load_plan,
        confirm=lambda question: yes or click.confirm(translated(question), err=True),
        watchers=Watchers(keep=keep),
    )


def _send(
    link: Link,
    order: Order,
    entry: DroneEntry,
    folder: Path,
    document: dict[str, Any],
    *,
    yes: bool,
    as_json: bool,
) -> Diverted:
    """Check the way, ask, fly, and keep order and outcome in the log; the outcome goes into the document."""
    from rich.text import Text

    from airbeat.flight.dispatching import outcome_json, outcome_words

    unit = order.arrival.unit
    _vetted(order, as_json=as_json)
    _log(folder, "dispatch.order", document | {"sent": unit})
    try:
        done = _sent(link, order, entry, folder, yes=yes, as_json=as_json)
    except AirbeatError as error:
        _log(folder, "dispatch.failed", {"unit": unit, "why": str(error)})
        raise
    document["sent"] = outcome_json(unit, done)
    _log(folder, "dispatch.done", document["sent"])
    console(as_json).print(Text(translated(outcome_words(unit, done)), style="bold"))
    return done


@click.command("dispatch")
@click.argument("place", type=LAT_LON, metavar="LAT,LON")
@click.option("--kind", default="incident", show_default=True, help="What happened, in a word or two.")
@click.option(
    "--units",
    "units_file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The units file (kind: units): the beat, its drones and who is on the ground.",
)
@click.option("--now", help="Time that counts as now, ISO 8601. [default: the present]")
@click.option(
    "--look-s", type=click.FloatRange(10, 3600), default=180.0, show_default=True, help="Look so long [s]."
)
@click.option("--wind-m-s", type=click.FloatRange(0, 40), help="Wind now [m/s]. [default: the beat's]")
@click.option("--wind-from-deg", type=float, default=0.0, show_default=True, help="Where that comes from.")
@click.option("--send", is_flag=True, help="Send the drone that is there first, after a question.")
@click.option("--yes", is_flag=True, help="Send it without asking.")
@click.option(
    "--out",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("dispatch"),
    show_default=True,
    help=f"Folder for flight records, telemetry and the hash-chained log ({_LOG}).",
)
@json_option
def command(
    *,
    place: LatLon,
    kind: str,
    units_file: Path,
    now: str | None,
    look_s: float,
    wind_m_s: float | None,
    wind_from_deg: float,
    send: bool,
    yes: bool,
    out_dir: Path,
    as_json: bool,
) -> int:
    """Rank the units of a units file by when they are at LAT,LON; with --send fly the first drone there.

    Drones are reckoned with their fence-safe way, wind, climb and battery, units on the ground by the
    straight line and a third more. A drone that flies its beat pauses it, looks, and goes on exactly where it
    was interrupted; whoever changes its mode has taken over. Nothing flies without a yes. Exit code 1 when
    nobody can go, or the drone that was sent did not come back to its beat or its pad.

    \b
    airbeat dispatch 47.58000,7.65000 --kind burglary --units missions/units/school-runs.yaml
    """
    import sys

    from airbeat.flight.dispatching import crowded_zones, dispatch_json, first_to_send, order_for
    from airbeat.flight.units import drone_states, ground_states
    from airbeat.mission.beatloader import load_beat
    from airbeat.mission.units import load_units
    from airbeat.patrol.dispatch import Dispatcher, Incident

    send = send or yes
    if send and not yes and not sys.stdin.isatty():
        raise UsageError("nobody is there to say yes", remedy="say --yes if the drone may fly")
    moment = _moment(now)
    units = load_units(units_file)
    beat = load_beat(units.beat)
    incident = Incident(position=place, kind=kind)
    with ExitStack() as stack:
        links = _links(units, stack, out_dir)
        dispatcher = Dispatcher(
            beat,
            crowded=crowded_zones(beat, moment),
            wind=None if wind_m_s is None else (wind_m_s, wind_from_deg),
        )
        ground = ground_states(units.ground, now=moment)
        states: tuple[DroneState, ...] = drone_states(units, beat, links)
        arrivals = dispatcher.rank(incident, states, ground, look_s=look_s)
        _print_ranking(arrivals, incident, as_json=as_json)
        document = dispatch_json(incident, moment, arrivals)
        done = None
        if send:
            arrival = first_to_send(arrivals, frozenset(links))
            entry = next(e for e in units.drones if e.name == arrival.unit)
            order = order_for(dispatcher, arrival, incident, beat)
            done = _send(links[arrival.unit], order, entry, out_dir, document, yes=yes, as_json=as_json)
    if as_json:
        emit_json(document)
    return _exit_code(arrivals, done)


def _exit_code(arrivals: Sequence[Arrival], done: Diverted | None) -> int:
    from airbeat.flight.divert import Ending

    if done is not None:
        fine = done.ending in (Ending.BACK_ON_BEAT, Ending.BACK_ON_PAD) and done.arrived_s is not None
        return 0 if fine else 1
    return 0 if any(a.arrival_s is not None for a in arrivals) else 1


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            Message("--now {text}: no date and time", text=text), remedy="write 2026-09-07T07:31+02:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _log(folder: Path, kind: str, payload: dict[str, Any]) -> None:
    from airbeat.ops.log import OperationsLog

    with OperationsLog(folder / _LOG) as log:
        log.append(kind, payload, actor=user_name())
