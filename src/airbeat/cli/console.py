"""``airbeat console``: the review desk and the map in a browser."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.operation import operation_option
from airbeat.cli.output import console as output
from airbeat.cli.output import emit_json, json_option
from airbeat.errors import DependencyError, UsageError
from airbeat.language.words import Message, _

if TYPE_CHECKING:
    from airbeat.console.actstate import Act
    from airbeat.console.app import Console
    from airbeat.console.basemap import Shelf
    from airbeat.console.casemap import CaseMap
    from airbeat.console.sessions import Sessions
    from airbeat.mission.plan import FlightPlan
    from airbeat.ops.log import OperationsLog

__all__ = ["command"]

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What the pages show and what may be done from them; the options of these names, and the plan read."""

    out_dir: Path
    photographs: Path | None
    plan_file: Path | None
    plan: FlightPlan | None
    flights: tuple[Path, ...]
    vehicles: tuple[str, ...]
    bases: tuple[Path, ...]
    case_path: Path | None
    control: bool
    units: Path | None
    second_look: bool


def _bound(host: str, port: int) -> socket.socket:
    """A listening socket, so that its port is known before anything is printed.

    Raises:
        UsageError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)  # who follows the link at once waits, and is not refused
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else Message("no such port")
        raise UsageError(
            Message("{host}:{port} cannot be listened on: {reason}", host=host, port=port, reason=reason),
            remedy="choose another --port",
        ) from error
    return listening


def _password(path: Path | None, host: str) -> str:
    """The password; beyond this machine there must be one.

    Raises:
        UsageError: there is none, or it is short.
    """
    if path is None:
        if host not in _LOOPBACK:
            raise UsageError(
                Message("--listen {host} lets others in", host=host),
                remedy="give --password-file with a password",
            )
        return ""
    try:
        words = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(Message("{path} cannot be read: {error}", path=path, error=error)) from error
    password = words[0].strip() if words else ""
    if len(password) < 10:
        raise UsageError(
            Message("the password in {path} is shorter than 10 characters", path=path),
            remedy="write a longer one",
        )
    return password


@click.command("console")
@click.argument("out_dir", metavar="OUT", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--photographs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the photographs. [default: where airbeat detect found them]",
)
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Mission or plan file for the map.",
)
@click.option(
    "--flight",
    "flights",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Flight record, or the folder that airbeat fly wrote, for the map; may be given several times.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8631, show_default=True, help="0 takes a free one."
)
@click.option(
    "--listen",
    "host",
    default="127.0.0.1",
    show_default=True,
    help="Address; others than this machine's need --password-file.",
)
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File whose first line is the password that other machines need.",
)
@click.option(
    "--name", "names", multiple=True, help="Name under which other machines reach this one, with --listen."
)
@click.option(
    "--vehicle",
    "vehicles",
    multiple=True,
    metavar="[NAME=]URL",
    help="Vehicle to watch on the live map, and to choose for upload and flight, as for airbeat fly "
    "--connect; what only watches it tells it nothing. May be given several times.",
)
@click.option(
    "--base",
    "bases",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Base map: MBTiles, PMTiles or GeoTIFF; may be given several times. [default: a graticule]",
)
@click.option(
    "--case",
    "case_path",
    type=click.Path(exists=True, path_type=Path),
    help="Folder that airbeat search start made, or a case file: its probability map and POD.",
)
@click.option("--no-control", is_flag=True, help="Nothing is uploaded, flown or dispatched from the pages.")
@click.option(
    "--units",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Units file (kind: units) for dispatch to a candidate.",
)
@click.option("--second-look", is_flag=True, help="Each candidate needs two reviewers, blind to one another.")
@operation_option
@json_option
def command(
    *,
    out_dir: Path,
    photographs: Path | None,
    plan_file: Path | None,
    flights: tuple[Path, ...],
    port: int,
    host: str,
    password_file: Path | None,
    names: tuple[str, ...],
    vehicles: tuple[str, ...],
    bases: tuple[Path, ...],
    case_path: Path | None,
    no_control: bool,
    units: Path | None,
    second_look: bool,
    operation: str | None,
    as_json: bool,
) -> int:
    """Review the candidates in OUT, which airbeat detect wrote, in a browser; several people at once.

    OUT may be new: missions are drawn, planned, exported, uploaded and flown from the page Plan, and what is
    searched then comes to the desk. Nothing flies before somebody has typed the vehicle's name there; with
    --no-control nothing is flown, uploaded or dispatched at all.

    Beside the desk there is a live map: vehicles that are watched, what is planned, flown and photographed,
    the probability map of a case, candidates, and alerts with a sound.

    It prints a link that lets one browser in; more links are made at the desk. It listens on this machine
    only unless told otherwise, needs no internet, and ends with Ctrl-C.

    \b
    airbeat console candidates --plan missions/demo-hillside.yaml --flight flight
    airbeat console candidates --vehicle D1=udpin:0.0.0.0:14551 --base area.mbtiles --case case
    """
    _require_packages()
    from airbeat.cli.plans import load_plan
    from airbeat.console.sessions import Sessions

    sessions = Sessions(password=_password(password_file, host))
    order = _Order(
        out_dir=out_dir,
        photographs=photographs,
        plan_file=plan_file,
        plan=load_plan(plan_file) if plan_file is not None else None,
        flights=flights,
        vehicles=vehicles,
        bases=bases,
        case_path=case_path,
        control=not no_control,
        units=units,
        second_look=second_look,
    )
    _run(order, sessions, (host, port, names), operation=operation, as_json=as_json)
    return 0


def _run(
    order: _Order,
    sessions: Sessions,
    address: tuple[str, int, tuple[str, ...]],
    *,
    operation: str | None,
    as_json: bool,
) -> None:
    """Open the desk on an address (host, port, names of this machine) and serve it until it is stopped."""
    from airbeat.formats.atomic import made_folder
    from airbeat.ops.log import OperationsLog
    from airbeat.report.reviewed import belongs_to, log_beside

    host, port, names = address
    made_folder(order.out_dir)
    if operation is not None:
        belongs_to(order.out_dir, operation)
    with (
        OperationsLog(log_beside(order.out_dir)) as log,
        _bound(host, port) as listening,
        ExitStack() as ending,
    ):
        log.verify()
        taken = listening.getsockname()[1]
        console = _opened(order, log, sessions, _names(host, names, taken), ending, as_json=as_json)
        _say_link(host, taken, sessions.link(), as_json=as_json)
        _serve(console, listening)


def _require_packages() -> None:
    """Refuse before anything is read or made.

    Raises:
        DependencyError: a package of the extra ``console`` is not installed.
    """
    try:
        import uvicorn  # noqa: F401

        import airbeat.console.app  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            Message("the console needs a package that is not installed: {package}", package=error.name),
            remedy="pip install 'airbeat[console]'",
        ) from error


def _names(host: str, names: tuple[str, ...], port: int) -> frozenset[str]:
    """Every ``host:port`` under which the console may be asked for."""
    anywhere = {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
    return frozenset(
        f"[{n}]:{port}" if ":" in n else f"{n}:{port}".lower()
        for n in {*_LOOPBACK, *names, *({host} - anywhere)}
    )


def _opened(
    order: _Order,
    log: OperationsLog,
    sessions: Sessions,
    known: frozenset[str],
    ending: ExitStack,
    *,
    as_json: bool,
) -> Console:
    """The desk, the map and what is done from the pages, closed at the end."""
    from airbeat.cli.plans import MISSION_SUFFIXES, load_plan
    from airbeat.console.actstate import Act
    from airbeat.console.app import Console
    from airbeat.console.desk import Desk
    from airbeat.console.feeds import Feeds, named_addresses
    from airbeat.console.fleet import Fleet
    from airbeat.console.layers import MapLayers
    from airbeat.console.live import Live

    plan, plan_file = order.plan, order.plan_file
    desk = Desk(order.out_dir, order.photographs, log, second_look=order.second_look)
    fleet, addresses = Fleet(), named_addresses(order.vehicles)
    feeds = Feeds(
        fleet,
        vehicles=addresses,
        folders=[f for f in order.flights if f.is_dir()],
        survey=plan.survey if plan is not None else None,
    )
    ending.callback(feeds.close)
    act = Act(
        desk,
        load_plan=load_plan,
        fleet=fleet,
        control=order.control,
        vehicles=addresses,
        units=order.units,
        mission=plan_file if plan_file is not None and plan_file.suffix in MISSION_SUFFIXES else None,
        borrow=feeds.lent,
    )
    ending.callback(_ended, act, as_json=as_json)
    layers = MapLayers(lambda: desk.results, plan, order.flights, shown=act.shown)
    live = Live(
        fleet=fleet,
        bases=_shelf(order.bases, ending),
        case=_case(order.case_path, ending),
        layers_version=layers.version,
    )
    return Console(
        desk=desk,
        sessions=sessions,
        layers=layers,
        hosts=lambda: known,
        name=plan.name if plan is not None else order.out_dir.resolve().name,
        live=live,
        act=act,
    )


def _say_link(host: str, port: int, token: str, *, as_json: bool) -> None:
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
    url = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/enter?token={token}"
    output(as_json).print(_("open {url}", url=url))
    output(as_json).print(
        _("the link lets one browser in, within a quarter of an hour; Ctrl-C ends the console")
    )
    if as_json:
        emit_json({"url": url, "port": port})


def _serve(console: Console, listening: socket.socket) -> None:
    """Answer browsers until Ctrl-C or SIGTERM."""
    import uvicorn

    from airbeat.console.app import console_app

    config = uvicorn.Config(
        console_app(replace(console, ending=lambda: server.should_exit)),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        limit_concurrency=200,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[listening])


def _ended(act: Act, *, as_json: bool) -> None:
    """End what runs, and say loudly which flights nobody here watches any more."""
    flying = act.flying()
    act.close()
    for flight in flying:
        output(as_json).print(_("STILL IN THE AIR, AND NO LONGER WATCHED FROM HERE: {flight}", flight=flight))


def _shelf(paths: tuple[Path, ...], ending: ExitStack) -> Shelf:
    """The base maps, closed at the end."""
    from airbeat.console.basemap import Shelf, open_base

    opened = []
    for path in paths:
        opened.append(open_base(path))
        ending.callback(opened[-1].close)
    return Shelf(opened)


def _case(path: Path | None, ending: ExitStack) -> CaseMap | None:
    from airbeat.console.casemap import CaseMap

    if path is None:
        return None
    case = CaseMap(path)
    ending.callback(case.close)
    return case
