"""``airbeat sitl``: find, fetch and run a real ArduPilot SITL."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.output import console, emit_json, json_option, progress_bar
from airbeat.errors import LinkError, UsageError
from airbeat.language.words import Message, _

if TYPE_CHECKING:
    from airbeat.sim.ardupilot import ArduPilotSitl

__all__ = ["command"]


@click.group("sitl")
def command() -> None:
    """Find, fetch or run ArduPilot SITL: the real firmware, flying a simulated copter.

    \b
    airbeat sitl find
    airbeat sitl fetch --version 4.6.3
    airbeat sitl run --home 47.2692,11.4041,600,0 --speedup 10
    """


@command.command("find")
@json_option
def find(*, as_json: bool) -> int:
    """Say which binary would be used, and what was looked at. Exit code 1 when there is none."""
    from airbeat.sim.ardupilot_binary import look_for_binaries

    looked = look_for_binaries()
    used = next((entry.binary for entry in looked if entry.binary), None)
    for entry in looked:
        console(as_json).print(str(entry))
    console(as_json).print(
        f"used: {used}" if used else "there is none: see `airbeat sitl fetch`", markup=False
    )
    if as_json:
        emit_json(
            {
                "path": str(used.path) if used else None,
                "version": used.version if used else None,
                "git_hash": used.git_hash if used else None,
                "source": used.source if used else None,
                "looked": [
                    {
                        "place": e.place,
                        "version": e.binary.version if e.binary else None,
                        "problem": e.problem,
                    }
                    for e in looked
                ],
            }
        )
    return 0 if used else 1


@command.command("fetch")
@click.option(
    "--version",
    default="stable",
    show_default=True,
    help="stable, beta, latest, or a number: 4.6.3 from ArduPilot, 3.3 from dronekit-sitl's archive.",
)
@json_option
def fetch(*, version: str, as_json: bool) -> int:
    """Download a binary, check it and put it where `find` and dronekit-sitl look. Needs a network."""
    from airbeat.sim.ardupilot_fetch import fetch_binary

    with progress_bar(_("ArduCopter {version}", version=version)) as progress:
        binary = fetch_binary(version, progress=progress)
    console(as_json).print(str(binary))
    if as_json:
        emit_json({"path": str(binary.path), "version": binary.version, "git_hash": binary.git_hash})
    return 0


def _home(text: str) -> tuple[float, float, float, float]:
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError as error:
        raise UsageError(
            Message("--home {text!r} is not made of numbers", text=text), remedy="write LAT,LON,ALT,HEADING"
        ) from error
    if not 2 <= len(numbers) <= 4:
        raise UsageError(
            Message("--home {text!r} has {numbers} numbers", text=text, numbers=len(numbers)),
            remedy="write LAT,LON[,ALT[,HEADING]]",
        )
    lat_deg, lon_deg, amsl_m, heading_deg = (*numbers, 0.0, 0.0)[:4]
    return lat_deg, lon_deg, amsl_m, heading_deg


def _state_folder(instance: int) -> Path:
    base = os.environ.get("XDG_STATE_HOME")
    root = Path(base) if base else Path.home() / ".local" / "state"
    return root / "airbeat" / "sitl" / f"instance-{instance}"


@command.command("run")
@click.option(
    "--home",
    default="47.2692,11.4041,600,0",
    show_default=True,
    help="Where the vehicle stands: LAT,LON[,ALT[,HEADING]], degrees and metres above mean sea level.",
)
@click.option("--speedup", type=click.FloatRange(0.1, 1000), default=1.0, show_default=True)
@click.option(
    "--instance",
    type=click.IntRange(0, 99),
    default=0,
    show_default=True,
    help="Instance N listens on TCP 5760, 5762 and 5763, each + 10 N.",
)
@click.option("--wipe", is_flag=True, help="Forget the parameters and missions of earlier runs.")
@json_option
def run(*, home: str, speedup: float, instance: int, wipe: bool, as_json: bool) -> int:
    """Run ArduPilot SITL until Ctrl-C; it boots when the first client connects.

    Parameters, missions and logs of an instance are kept from run to run, as on an aircraft.
    """
    from airbeat.geo.coordinates import LatLon
    from airbeat.sim.ardupilot import ArduPilotSitl

    lat_deg, lon_deg, amsl_m, heading_deg = _home(home)
    folder = _state_folder(instance)
    sitl = ArduPilotSitl(
        home=LatLon(lat_deg=lat_deg, lon_deg=lon_deg),
        home_amsl_m=amsl_m,
        heading_deg=heading_deg,
        speedup=speedup,
        instance=instance,
        state_folder=folder,
        wipe=wipe,
    )
    try:
        with sitl:
            _announce(sitl, folder, as_json=as_json)
            while sitl.is_running:
                time.sleep(0.2)
            raise LinkError(
                Message("ArduPilot SITL ended by itself: {output}", output=sitl.output.strip()[-300:])
            )
    except KeyboardInterrupt:
        console(as_json).print(_("stopped"))
        return 0


def _announce(sitl: ArduPilotSitl, folder: Path, *, as_json: bool) -> None:
    out = console(as_json)
    out.print(_("{version}, speed-up {speedup:g}", version=sitl.version, speedup=sitl.speedup))
    out.print(
        _(
            "connect to {url} (then also {urls}, {urls_2}); Ctrl-C stops it",
            url=sitl.url,
            urls=sitl.urls[1],
            urls_2=sitl.urls[2],
        )
    )
    out.print(_("parameters, missions and logs: {folder}", folder=folder))
    if as_json:
        emit_json(
            {
                "url": sitl.url,
                "urls": list(sitl.urls),
                "version": sitl.version,
                "path": str(sitl.binary.path),
                "working_folder": str(folder),
                "speedup": sitl.speedup,
            }
        )
