"""``airbeat sim``: the embedded vehicle, for any ground station to connect to."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.output import console, emit_json, json_option
from airbeat.cli.positions import LAT_LON
from airbeat.errors import UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message, _

if TYPE_CHECKING:
    from airbeat.mission.mission import Mission
    from airbeat.sim.camera import EmbeddedCamera
    from airbeat.sim.ground import Ground

__all__ = ["command"]


def _camera(mission: Mission | None, photos: Path, seed: int) -> tuple[Ground, EmbeddedCamera]:
    from airbeat.sim.camera import EmbeddedCamera
    from airbeat.sim.exercise import exercise_ground

    if mission is None:
        raise UsageError("--photos needs a mission file with an area", remedy="give the mission file")
    if photos.exists() and any(photos.iterdir()):
        raise UsageError(
            Message("{folder} is not empty", folder=photos), remedy="name a new folder for the photographs"
        )
    ground = exercise_ground(mission, seed=seed)
    return ground, EmbeddedCamera(ground, mission.camera, photos)


def _stand(mission: Mission | None, home: LatLon | None, home_amsl_m: float | None) -> tuple[LatLon, float]:
    """Where the vehicle stands, and the height of that place above mean sea level [m].

    Raises:
        UsageError: nothing says where.
    """
    if mission is not None:
        home = home or mission.home
        home_amsl_m = mission.home_amsl_m if home_amsl_m is None else home_amsl_m
    if home is None:
        raise UsageError("no place to stand", remedy="give a mission file or --home LAT,LON")
    return home, home_amsl_m or 0.0


def _keep_photographs(ground: Ground, camera: EmbeddedCamera, photos: Path) -> str:
    """Wait for the last photographs, and write where people lie on the ground; what was written."""
    if camera.pending:
        click.echo(
            _("ended; {pending} photographs are still to be written: wait", pending=camera.pending),
            err=True,
        )
    written = camera.close()
    truth = photos.with_name(photos.name + "-truth.json")
    ground.write_truth(truth, camera.seen)
    return _(
        "wrote {written} photographs to {photos}, the truth to {truth}",
        written=len(written),
        photos=photos,
        truth=truth,
    )


def _wait_for_the_end() -> None:
    """Return on Ctrl-C or when asked to terminate."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    while not ended.wait(0.5):
        pass


@click.command("sim")
@click.argument("mission", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--home", type=LAT_LON, metavar="LAT,LON", help="Where it stands. [default: the mission's home]"
)
@click.option("--home-amsl-m", type=float, help="Height of that place above mean sea level [m].")
@click.option("--port", type=click.IntRange(0, 65535), default=5760, show_default=True, help="TCP port.")
@click.option("--udp-port", type=click.IntRange(0, 65535), help="Listen on this UDP port as well.")
@click.option("--listen", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--speedup",
    type=float,
    default=1.0,
    show_default=True,
    help="Simulated seconds per second; 0: as fast as it can.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of gusts, noise and ground.")
@click.option("--wind-m-s", type=float, default=0.0, show_default=True, help="Steady wind [m/s].")
@click.option("--wind-from-deg", type=float, default=180.0, show_default=True, help="Where it comes from.")
@click.option(
    "--photos",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a photograph for each camera trigger into this new folder (needs MISSION).",
)
@json_option
def command(
    *,
    mission: Path | None,
    home: LatLon | None,
    home_amsl_m: float | None,
    port: int,
    udp_port: int | None,
    listen: str,
    speedup: float,
    seed: int,
    wind_m_s: float,
    wind_from_deg: float,
    photos: Path | None,
    as_json: bool,
) -> int:
    """Run the embedded vehicle until Ctrl-C: a simulated MAVLink 2 copter, not ArduPilot.

    With --photos it also photographs a synthetic ground on which people are planted; where they are goes to
    PHOTOS-truth.json, which no detector reads.

    \b
    airbeat sim missions/demo-hillside.yaml --speedup 10 --photos photos
    """
    from airbeat.mission.loader import load_mission
    from airbeat.sim.vehicle.config import VehicleConfig
    from airbeat.sim.vehicle.server import EmbeddedVehicle

    loaded = load_mission(mission) if mission is not None else None
    place, amsl_m = _stand(loaded, home, home_amsl_m)
    config = VehicleConfig(
        home=place,
        home_amsl_m=amsl_m,
        seed=seed,
        speedup=speedup,
        wind_m_s=wind_m_s,
        wind_from_deg=wind_from_deg,
    )
    ground, camera = _camera(loaded, photos, seed) if photos is not None else (None, None)
    on_shot = camera.capture if camera is not None else None
    with EmbeddedVehicle(config, port, host=listen, udp_port=udp_port, on_shot=on_shot) as vehicle:
        out = console(as_json)
        out.print(f"embedded vehicle (not ArduPilot) at {place}: {vehicle.url} {vehicle.udp_url}".rstrip())
        out.print("Ctrl-C ends it" + (", then it finishes its photographs" if camera is not None else ""))
        if as_json:
            emit_json({"vehicle": "embedded", "url": vehicle.url, "udp_url": vehicle.udp_url, "seed": seed})
        _wait_for_the_end()
    if camera is not None and ground is not None and photos is not None:
        out.print(_keep_photographs(ground, camera, photos))
    return 0
