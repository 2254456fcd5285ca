"""``airbeat convert``: a plan from one program's file into another's, and what the new file cannot hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.areas import convert_area, plan_in
from airbeat.cli.output import console, emit_json, json_option, printable
from airbeat.errors import UsageError
from airbeat.formats.wpml import AIRCRAFT, DEFAULT_AIRCRAFT
from airbeat.language.words import _, translated

if TYPE_CHECKING:
    from airbeat.formats.catalogue import PlanFormat
    from airbeat.formats.convert import Converted
    from airbeat.mission.plan import FlightPlan

__all__ = ["command"]


@click.command("convert")
@click.argument("source", metavar="IN", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--strict", is_flag=True, help="Write nothing if OUT cannot hold everything.")
@click.option(
    "--aircraft",
    type=click.Choice(list(AIRCRAFT)),
    default=DEFAULT_AIRCRAFT,
    show_default=True,
    help="The aircraft a DJI .kmz is for.",
)
@click.option(
    "--zones-for",
    "zones_for",
    type=click.Choice(["mavproxy", "mission-planner"]),
    default="mavproxy",
    show_default=True,
    help="The program a .fence or .rally is for: Mission Planner wants home in its first row.",
)
@click.option(
    "--complex",
    "editable",
    is_flag=True,
    help="In a .plan: the lines as a Survey or CorridorScan that QGroundControl can edit.",
)
@click.option("--height-m", type=float, help="Height above home for waypoints that have none [m].")
@click.option("--takeoff", is_flag=True, help="Add a take-off and a return to a route that lacks them.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@json_option
def command(
    *,
    source: Path,
    target: Path,
    strict: bool,
    aircraft: str,
    zones_for: str,
    editable: bool,
    height_m: float | None,
    takeoff: bool,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Convert the plan in IN to the format that OUT's suffix names.

    IN may be a mission file (YAML) or any plan file: QGroundControl .plan, QGC WPL .waypoints (mission,
    fence or rally), DJI .kmz, Litchi .csv, KML/KMZ, GPX, GeoJSON; what is in it decides, not its name. OUT:
    .plan, .waypoints, .fence, .rally, .kmz (DJI), .csv (Litchi), .kml, .gpx or .geojson. Area files (also
    shapefiles, .shp or .zip, and GeoPackages) become .geojson, .kml, .gpkg or .zip (shapefile).

    OUT is read back and compared with IN before it is written: what it does not hold is listed item by item.
    The exit code is 1 if there is any loss and --strict was given; nothing is written then. What a route must
    still be given before it can be flown (heights, a take-off) is said too.

    \b
    airbeat convert missions/demo-hillside.yaml hillside.kmz --aircraft m3t
    airbeat convert track.gpx track.plan --height-m 60 --takeoff
    """
    from airbeat.formats.atomic import write_files
    from airbeat.formats.catalogue import format_for
    from airbeat.formats.complete import completed
    from airbeat.formats.convert import converted

    if editable and target.suffix.lower() != ".plan":
        raise UsageError("--complex is for QGroundControl's .plan", remedy="give OUT the suffix .plan")
    found = plan_in(source, target)
    if found is None:
        if editable or takeoff or height_m is not None:
            raise UsageError(
                "an area is not flown yet: --complex, --height-m and --takeoff are for plans",
                remedy="plan it first: airbeat plan --area",
            )
        return convert_area(source, target, strict=strict, overwrite=overwrite, as_json=as_json)
    wanted = format_for(target)
    plan, came = found[0], found[1].key if found[1] else "mission"
    plan = completed(plan, height_m=height_m, takeoff=takeoff)
    result = converted(
        plan, wanted, name=target.name, aircraft=aircraft, zones_for=zones_for, editable=editable
    )
    lost = result.losses
    refused = bool(lost) and strict
    if not refused:
        write_files({target: result.data}, overwrite=overwrite)
    _print(result, plan, wanted, target=target, refused=refused, as_json=as_json)
    if as_json:
        emit_json(_json(result, plan, came=came, wanted=wanted, target=None if refused else target))
    return 1 if refused else 0


def _print(
    result: Converted,
    plan: FlightPlan,
    wanted: PlanFormat,
    *,
    target: Path,
    refused: bool,
    as_json: bool,
) -> None:
    from rich.text import Text

    out = console(as_json)
    for note in plan.notes:
        out.print(Text(_("note: {note}", note=translated(note)), style="yellow"))
    for lack in result.lacking:
        out.print(Text(_("before it can be flown: {lack}", lack=translated(lack)), style="yellow"))
    lost = result.losses
    for loss in lost:
        out.print(Text(_("not held: {loss}", loss=loss), style="yellow"))
    if wanted.others:
        out.print(f"{wanted.title}: {wanted.others}")
    if wanted.key == "waypoints" and (plan.fence is not None or plan.rally):
        out.print(_("fence and rally points: convert also to .fence and .rally"))
    name = printable(str(target))
    if refused:
        out.print(
            _(
                "{name} not written: {title} holds all but {lost} things (--strict)",
                name=name,
                title=wanted.title,
                lost=len(lost),
            )
        )
    else:
        kept = "holds everything" if not lost else f"holds all but {len(lost)} things"
        out.print(_("wrote {name}: {title}, {kept}", name=name, title=wanted.title, kept=kept))


def _json(
    result: Converted, plan: FlightPlan, *, came: str, wanted: PlanFormat, target: Path | None
) -> dict[str, Any]:
    return {
        "from": came,
        "to": wanted.key,
        "file": None if target is None else str(target),
        "items": len(plan.items),
        "losses": [{"where": loss.where, "text": loss.text} for loss in result.losses],
        "lacking": list(result.lacking),
        "notes": list(plan.notes),
        "source_sha256": plan.provenance.source_sha256,
    }
