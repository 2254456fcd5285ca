"""``airbeat dispatch``: who is at an incident first, and sending the drone that is."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.output import console, emit_json, json_option
from airbeat.cli.positions import LAT_LON
from airbeat.errors import AirbeatError, LinkError, UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message, _, translated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airbeat.flight.divert import Diverted, Order
    from airbeat.flight.watch import Watchers
    from airbeat.link.connection import Link
    from airbeat.mission.beat import Beat
    from airbeat.mission.units import DroneEntry, Units
    from airbeat.patrol.dispatch import Arrival, Dispatcher, DroneState, Incident

__all__ = ["command"]

_LOG = "dispatch-log.sqlite"


def _links(units: Units, stack: ExitStack, folder: Path) -> dict[str, Link]:
    """Open links to the drones that have an address; those that do not answer are told and left out."""
    from airbeat.cli.connecting import Address, reach

    links: dict[str, Link] = {}
    for entry in units.drones:
        if entry.connect is None or entry.out_of_service:
            continue
        try:
            tlog = folder / f"{_stem(entry.name)}.tlog"
            folder.mkdir(parents=True, exist_ok=True)
            links[entry.name] = stack.enter_context(reach(Address(url=entry.connect), tlog=tlog))
        except LinkError as error:
            click.echo(_("airbeat: {entry}: {error}", entry=entry.name, error=error), err=True)
        except OSError as error:
            raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
    return links


def _stem(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


def _row(arrival: Arrival, incident: Incident) -> dict[str, Any]:
    from airbeat.geo.frame import distance_m

    return {
        "unit": arrival.unit,
        "kind": "drone" if arrival.drone else "ground",
        "flying": arrival.flying,
        "arrival_s": arrival.arrival_s,
        "ring": arrival.ring,
        "why_not": arrival.why_not,
        "distance_m": round(distance_m(arrival.way[0], incident.position), 1) if arrival.way else None,
        "bearing_deg": round(arrival.bearing_deg, 1),
        "way_m": round(arrival.length_m, 1),
        "look_s": round(arrival.look_s, 1),
        "battery_share": round(arrival.battery_share, 4),
        "way": [[p.lat_deg, p.lon_deg] for p in arrival.way],
        "notes": list(arrival.notes),
    }


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


def _order(dispatcher: Dispatcher, arrival: Arrival, incident: Incident, beat: Beat) -> Order:
    from airbeat.flight.divert import Order

    site, drone = next((s, d) for s, d in beat.drones if d.name == arrival.unit)
    return Order(
        arrival=arrival,
        incident=incident,
        site=site,
        drone=drone,
        fence=dispatcher.space.fence,
        rally=beat.rally,
        margin_m=beat.margin_m,
    )


def _vetted(order: Order, *, as_json: bool) -> None:
    """The way through the checks, as it is flown."""
    from airbeat.cli.vet import vet
    from airbeat.flight.begin import NextSortie

    start = order.arrival.way[0] if order.arrival.flying else None
    plan = order.plan(start)
    vet(
        NextSortie(plan=plan, rest=plan, start=start).as_flown(), refused=Message("not sent"), as_json=as_json
    )


def _sent(link: Link, order: Order, entry: DroneEntry, folder: Path, *, yes: bool, as_json: bool) -> Diverted:
    """Fly there after a yes.

    Raises:
        UsageError: nobody said yes.
    """
    from airbeat.cli.plans import load_plan
    from airbeat.flight.divert import divert, require_flies, send_from_pad
    from airbeat.flight.state import read_state

    arrival = order.arrival
    plan = known = None
    if arrival.flying and entry.plan is not None:
        plan = load_plan(entry.plan)
        known = read_state(entry.state) if entry.state else None
        if known is None:
            require_flies(link, plan)
        else:
            known.require_plan(plan)
    if arrival.flying:
        question = _(
            "Shall {unit} leave its beat, look for {look_s:.0f} s, then go on with its beat?"
            if plan is not None
            else "Shall {unit} leave its beat, look for {look_s:.0f} s, then return to its pad?",
            unit=arrival.unit,
            look_s=arrival.look_s,
        )
    else:
        question = _("Is nobody near {unit}, and may it arm, take off and go there now?", unit=arrival.unit)
    if not yes and not click.confirm(question, err=True):
        raise UsageError(f"not confirmed: {arrival.unit} was not sent", remedy="")
    watchers = _watchers(folder, arrival.unit, as_json=as_json)
    if not arrival.flying:
        return send_from_pad(link, order, confirmed=True, watchers=watchers)
    state_file = entry.state or folder / f"{_stem(arrival.unit)}-state.json"
    return divert(link, order, plan, confirmed=True, known=known, state_file=state_file, watchers=watchers)


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
    unit = order.arrival.unit
    _vetted(order, as_json=as_json)
    _log(folder, "dispatch.order", document | {"sent": unit})
    try:
        done = _sent(link, order, entry, folder, yes=yes, as_json=as_json)
    except AirbeatError as error:
        _log(folder, "dispatch.failed", {"unit": unit, "why": str(error)})
        raise
    document["sent"] = _outcome(unit, done)
    _log(folder, "dispatch.done", document["sent"])
    _print_outcome(unit, done, as_json=as_json)
    return done


def _watchers(folder: Path, unit: str, *, as_json: bool) -> Watchers:
    """Keeps every record in a file of its own."""
    from airbeat.flight.record import FlightRecord
    from airbeat.flight.watch import Watchers

    def keep(record: FlightRecord) -> None:
        number = 1
        while (path := folder / f"{_stem(unit)}-{number}.json").exists():
            number += 1
        for written in record.save(path):
            console(as_json).print(_("wrote {path}", path=written))

    return Watchers(keep=keep)


def _first_to_send(arrivals: Sequence[Arrival], links: dict[str, Link]) -> Arrival:
    """The first drone that can be reached.

    Raises:
        UsageError: none can go.
    """
    for arrival in arrivals:
        if arrival.drone and arrival.arrival_s is not None and arrival.unit in links:
            return arrival
    raise UsageError(
        "no drone with an address can go", remedy="name one in the units file: connect: udpin:0.0.0.0:14550"
    )


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
            crowded=_crowded(beat, moment),
            wind=None if wind_m_s is None else (wind_m_s, wind_from_deg),
        )
        ground = ground_states(units.ground, now=moment)
        states: tuple[DroneState, ...] = drone_states(units, beat, links)
        arrivals = dispatcher.rank(incident, states, ground, look_s=look_s)
        _print_ranking(arrivals, incident, as_json=as_json)
        document = _document(incident, moment, arrivals)
        done = None
        if send:
            arrival = _first_to_send(arrivals, links)
            entry = next(e for e in units.drones if e.name == arrival.unit)
            order = _order(dispatcher, arrival, incident, beat)
            done = _send(links[arrival.unit], order, entry, out_dir, document, yes=yes, as_json=as_json)
    if as_json:
        emit_json(document)
    return _exit_code(arrivals, done)


def _document(incident: Incident, moment: datetime, arrivals: Sequence[Arrival]) -> dict[str, Any]:
    """The ranking for programs and for the log; nobody was sent yet."""
    return {
        "kind": incident.kind,
        "lat_deg": incident.position.lat_deg,
        "lon_deg": incident.position.lon_deg,
        "now": moment.isoformat(timespec="seconds"),
        "units": [_row(a, incident) for a in arrivals],
        "sent": None,
    }


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
        raise UsageError(f"--now {text}: no date and time", remedy="write 2026-09-07T07:31+02:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _crowded(beat: Beat, moment: datetime) -> frozenset[str]:
    """Names of the crowd zones where people are at a moment."""
    day = moment.astimezone(beat.time_zone).date()
    return frozenset(
        zone.name
        for zone in beat.crowds
        if not zone.times or any(a <= moment <= b for a, b in beat.windows(zone.times, day))
    )


def _log(folder: Path, kind: str, payload: dict[str, Any]) -> None:
    import getpass

    from airbeat.ops.log import OperationsLog

    try:
        actor = getpass.getuser()
    except (OSError, KeyError):
        actor = "unknown"
    with OperationsLog(folder / _LOG) as log:
        log.append(kind, payload, actor=actor)


def _outcome(unit: str, done: Diverted) -> dict[str, Any]:
    place = done.interrupted_at
    return {
        "unit": unit,
        "estimate_s": round(done.estimate_s, 1),
        "arrived_s": None if done.arrived_s is None else round(done.arrived_s, 1),
        "ring": done.ring,
        "looked_s": round(done.looked_s, 1),
        "ending": done.ending.value,
        "explanation": done.explanation,
        "interrupted_at": None if place is None else [place.lat_deg, place.lon_deg],
    }


def _print_outcome(unit: str, done: Diverted, *, as_json: bool) -> None:
    from rich.text import Text

    if done.arrived_s is None:
        words = _(
            "{unit} did not arrive: {ending} ({explanation})",
            unit=unit,
            ending=_(done.ending.value),
            explanation=translated(done.explanation),
        )
    else:
        words = _(
            "{unit} arrived after {arrived_s:.0f} s ({ring}; {estimate_s:.0f} s estimated), "
            "looked {looked_s:.0f} s, {ending} ({explanation})",
            unit=unit,
            arrived_s=done.arrived_s,
            ring=done.ring,
            estimate_s=done.estimate_s,
            looked_s=done.looked_s,
            ending=_(done.ending.value),
            explanation=translated(done.explanation),
        )
    console(as_json).print(Text(words, style="bold"))
