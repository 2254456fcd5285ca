"""``airbeat new``: a commented mission file to start from."""

from __future__ import annotations

import os
from pathlib import Path

import click

from airbeat.cli.output import console, emit_json, json_option
from airbeat.cli.positions import LAT_LON
from airbeat.errors import PlanningError, UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import _

__all__ = ["command"]


@click.command("new")
@click.argument("mission", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--area",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Area file: GeoJSON, KML, KMZ, shapefile, GeoPackage.",
)
@click.option("--last-seen", type=LAT_LON, metavar="LAT,LON", help="Where the person was last seen.")
@click.option("--radius-m", type=float, default=300.0, show_default=True, help="Circle round --last-seen.")
@click.option("--home", type=LAT_LON, metavar="LAT,LON", help="Take-off place. [default: a proposal]")
@click.option("--name", default="New search", show_default=True, help="The operation's name.")
@click.option("--camera", default="embedded-12mp", show_default=True, help="Camera profile.")
@click.option("--airframe", default="arducopter-quad", show_default=True, help="Airframe profile.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
@json_option
def command(
    *,
    mission: Path,
    area: Path | None,
    last_seen: LatLon | None,
    radius_m: float,
    home: LatLon | None,
    name: str,
    camera: str,
    airframe: str,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Write MISSION, a commented mission file, from an area file or a last-seen point.

    \b
    airbeat new search.yaml --last-seen 51.1800,8.4900
    airbeat new search.yaml --area wood.kml --home 51.1790,8.4880
    """
    from airbeat.formats.atomic import write_files
    from airbeat.mission.loader import parse_mission
    from airbeat.mission.template import new_mission_text
    from airbeat.vehicle.airframe import airframe_profile
    from airbeat.vehicle.camera import camera_profile

    if area is None and last_seen is None:
        raise UsageError("nothing to search", remedy="give --area FILE or --last-seen LAT,LON")
    try:
        camera_profile(camera)
        airframe_profile(airframe)
    except PlanningError as error:
        raise UsageError(error.message, remedy=error.remedy) from error
    folder = mission.absolute().parent
    text = new_mission_text(
        area_path=area,
        area_text=None if area is None else Path(os.path.relpath(area.absolute(), folder)).as_posix(),
        last_seen=last_seen,
        home=home,
        radius_m=radius_m,
        name=name,
        camera=camera,
        airframe=airframe,
    )
    parsed = parse_mission(text, name=mission.name, base_dir=folder)
    write_files({mission: text}, overwrite=overwrite)
    console(as_json).print(_("wrote {mission}; look at it, then: airbeat plan {mission}", mission=mission))
    if as_json:
        emit_json({"file": str(mission), "name": parsed.name, "notes": list(parsed.notes)})
    return 0
