"""``airbeat new``: a commented mission or beat file to start from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.output import console, emit_json, json_option
from airbeat.cli.positions import LAT_LON
from airbeat.errors import PlanningError, UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import _

if TYPE_CHECKING:
    from airbeat.mission.beat import Beat
    from airbeat.mission.mission import Mission

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
@click.option("--patrol", is_flag=True, help="Write a beat, which is seen again and again.")
@click.option("--time-zone", default="UTC", show_default=True, help="Of a beat's clock times.")
@click.option("--name", help="The operation's name. [default: New search, New beat]")
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
    patrol: bool,
    time_zone: str,
    name: str | None,
    camera: str,
    airframe: str,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Write MISSION, a commented mission file, from an area file or a last-seen point.

    With --patrol it is a beat file, from the launch place or an area file that is swept.

    \b
    airbeat new search.yaml --last-seen 51.1800,8.4900
    airbeat new search.yaml --area wood.kml --home 51.1790,8.4880
    airbeat new beat.yaml --patrol --home 48.2050,16.3600 --time-zone Europe/Vienna
    """
    from airbeat.formats.atomic import write_files
    from airbeat.vehicle.airframe import airframe_profile
    from airbeat.vehicle.camera import camera_profile

    if not patrol and area is None and last_seen is None:
        raise UsageError("nothing to search", remedy="give --area FILE or --last-seen LAT,LON")
    if patrol and last_seen is not None:
        raise UsageError("--last-seen goes with a search", remedy="leave out --last-seen, or --patrol")
    try:
        camera_profile(camera)
        airframe_profile(airframe)
    except PlanningError as error:
        raise UsageError(error.message, remedy=error.remedy) from error
    folder = mission.absolute().parent
    given = {
        "area_path": area,
        "area_text": None if area is None else Path(os.path.relpath(area.absolute(), folder)).as_posix(),
        "home": home,
        "camera": camera,
        "airframe": airframe,
    }
    read: Beat | Mission
    if patrol:
        text, read = _beat(mission, given | {"time_zone": time_zone, "name": name or "New beat"})
    else:
        more = {"last_seen": last_seen, "radius_m": radius_m, "name": name or "New search"}
        text, read = _search(mission, given | more)
    write_files({mission: text}, overwrite=overwrite)
    then = f"airbeat {'patrol plan' if patrol else 'plan'} {mission}"
    console(as_json).print(_("wrote {mission}; look at it, then: {then}", mission=mission, then=then))
    if as_json:
        emit_json({"file": str(mission), "name": read.name, "notes": list(read.notes)})
    return 0


def _search(path: Path, given: dict[str, Any]) -> tuple[str, Mission]:
    """A mission's text, and the mission that it is."""
    from airbeat.mission.loader import parse_mission
    from airbeat.mission.template import new_mission_text

    text = new_mission_text(**given)
    return text, parse_mission(text, name=path.name, base_dir=path.absolute().parent)


def _beat(path: Path, given: dict[str, Any]) -> tuple[str, Beat]:
    """A beat's text, and the beat that it is."""
    from airbeat.mission.beatloader import parse_beat
    from airbeat.mission.beattemplate import new_beat_text

    text = new_beat_text(**given)
    return text, parse_beat(text.encode(), name=path.name, base_dir=path.absolute().parent)
