"""``airbeat console``: the review desk and the map in a browser."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.operation import operation_option
from airbeat.cli.output import console as output
from airbeat.cli.output import emit_json, json_option
from airbeat.errors import DependencyError, UsageError
from airbeat.language.words import _

if TYPE_CHECKING:
    from airbeat.console.actstate import Act
    from airbeat.console.basemap import Shelf
    from airbeat.console.casemap import CaseMap
    from airbeat.mission.plan import FlightPlan

__all__ = ["command"]

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


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
        reason = error.strerror if isinstance(error, OSError) else "no such port"
        raise UsageError(
            f"{host}:{port} cannot be listened on: {reason}", remedy="choose another --port"
        ) from error
    return listening


def _password(path: Path | None, host: str) -> str:
    """The password; beyond this machine there must be one.

    Raises:
        UsageError: there is none, or it is short.
    """
    if path is None:
        if host not in _LOOPBACK:
            raise UsageError(f"--listen {host} lets others in", remedy="give --password-file with a password")
        return ""
    try:
        words = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    password = words[0].strip() if words else ""
    if len(password) < 10:
        raise UsageError(f"the password in {path} is shorter than 10 characters", remedy="write a longer one")
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
    try:
        import uvicorn

        from airbeat.console.app import Console, console_app
    except ImportError as error:
        raise DependencyError(
            f"the console needs a package that is not installed: {error.name}",
            remedy="pip install 'airbeat[console]'",
        ) from error
    from airbeat.cli.plans import MISSION_SUFFIXES, load_plan
    from airbeat.console.actstate import Act
    from airbeat.console.desk import Desk
    from airbeat.console.feeds import Feeds, named_addresses
    from airbeat.console.fleet import Fleet
    from airbeat.console.layers import MapLayers
    from airbeat.console.live import Live
    from airbeat.console.sessions import Sessions
    from airbeat.formats.atomic import made_folder
    from airbeat.ops.log import OperationsLog
    from airbeat.report.reviewed import belongs_to, log_beside

    sessions = Sessions(password=_password(password_file, host))
    plan: FlightPlan | None = load_plan(plan_file) if plan_file is not None else None
    made_folder(out_dir)
    if operation is not None:
        belongs_to(out_dir, operation)
    with OperationsLog(log_beside(out_dir)) as log, _bound(host, port) as listening, ExitStack() as ending:
        log.verify()
        desk = Desk(out_dir, photographs, log, second_look=second_look)
        fleet, addresses = Fleet(), named_addresses(vehicles)
        feeds = Feeds(
            fleet,
            vehicles=addresses,
            folders=[f for f in flights if f.is_dir()],
            survey=plan.survey if plan is not None else None,
        )
        ending.callback(feeds.close)
        act = Act(
            desk,
            load_plan=load_plan,
            fleet=fleet,
            control=not no_control,
            vehicles=addresses,
            units=units,
            mission=plan_file if plan_file is not None and plan_file.suffix in MISSION_SUFFIXES else None,
            borrow=feeds.lent,
        )
        ending.callback(_ended, act, as_json=as_json)
        layers = MapLayers(lambda: desk.results, plan, flights, shown=act.shown)
        live = Live(
            fleet=fleet,
            bases=_shelf(bases, ending),
            case=_case(case_path, ending),
            layers_version=layers.version,
        )
        taken = listening.getsockname()[1]
        known = frozenset(
            f"[{n}]:{taken}" if ":" in n else f"{n}:{taken}".lower()
            for n in {*_LOOPBACK, *names, *({host} - {"0.0.0.0", "::"})}  # noqa: S104 - compared, not bound
        )
        console = Console(
            desk=desk,
            sessions=sessions,
            layers=layers,
            hosts=lambda: known,
            name=plan.name if plan is not None else out_dir.resolve().name,
            ending=lambda: server.should_exit,
            live=live,
            act=act,
        )
        shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
        url = f"http://{f'[{shown}]' if ':' in shown else shown}:{taken}/enter?token={sessions.link()}"
        output(as_json).print(_("open {url}", url=url))
        output(as_json).print(
            _("the link lets one browser in, within a quarter of an hour; Ctrl-C ends the console")
        )
        if as_json:
            emit_json({"url": url, "port": taken})
        config = uvicorn.Config(
            console_app(console),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            limit_concurrency=200,
        )
        server = uvicorn.Server(config)
        server.run(sockets=[listening])
    return 0


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
