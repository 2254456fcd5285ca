"""``airbeat convert``: a plan from one program's file into another's, and what the new file cannot hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.output import console, emit_json, json_option, printable
from airbeat.cli.plans import MISSION_SUFFIXES, load_plan
from airbeat.formats.wpml import AIRCRAFT, DEFAULT_AIRCRAFT

if TYPE_CHECKING:
    from airbeat.formats.catalogue import PlanFormat
    from airbeat.formats.losses import Loss
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
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@json_option
def command(
    *, source: Path, target: Path, strict: bool, aircraft: str, overwrite: bool, as_json: bool
) -> int:
    """Convert the plan in IN to the format that OUT's suffix names.

    IN may be a mission file (YAML) or any plan file: QGroundControl .plan, QGC WPL .waypoints (mission,
    fence or rally), DJI .kmz, Litchi .csv, KML/KMZ, GPX, GeoJSON; what is in it decides, not its name. OUT:
    .plan, .waypoints, .fence, .rally, .kmz (DJI), .csv (Litchi), .kml, .gpx or .geojson.

    OUT is read back and compared with IN before it is written: what it does not hold is listed item by item.
    The exit code is 1 if there is any loss and --strict was given; nothing is written then.

    \b
    airbeat convert missions/demo-hillside.yaml hillside.kmz --aircraft m3t
    """
    from airbeat.formats.atomic import write_files
    from airbeat.formats.catalogue import format_for
    from airbeat.formats.files import read_plan_bytes
    from airbeat.formats.losses import losses

    wanted = format_for(target)
    plan, came = _source(source)
    data = _written(plan, wanted, aircraft)
    held = read_plan_bytes(data, wanted, name=target.name)
    lost = losses(plan, held, precision=wanted.precision)
    refused = bool(lost) and strict
    if not refused:
        write_files({target: data}, overwrite=overwrite)
    _print(lost, plan, wanted, target=target, refused=refused, as_json=as_json)
    if as_json:
        emit_json(_json(lost, plan, came=came, wanted=wanted, target=None if refused else target))
    return 1 if refused else 0


def _source(source: Path) -> tuple[FlightPlan, str]:
    from airbeat.formats.files import read_any_plan_file

    if source.suffix.lower() in MISSION_SUFFIXES:
        return load_plan(source), "mission"
    plan, came = read_any_plan_file(source)
    return plan, came.key


def _written(plan: FlightPlan, wanted: PlanFormat, aircraft: str) -> bytes:
    from airbeat.formats.wpml import write_wpml

    return write_wpml(plan, aircraft=aircraft) if wanted.key == "dji" else wanted.write(plan)


def _print(
    lost: tuple[Loss, ...],
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
        out.print(Text(f"note: {note}", style="yellow"))
    for loss in lost:
        out.print(Text(f"not held: {loss}", style="yellow"))
    if wanted.others:
        out.print(f"{wanted.title}: {wanted.others}")
    if wanted.key == "waypoints" and (plan.fence is not None or plan.rally):
        out.print("fence and rally points: convert also to .fence and .rally")
    name = printable(str(target))
    if refused:
        out.print(f"{name} not written: {wanted.title} holds all but {len(lost)} things (--strict)")
    else:
        kept = "holds everything" if not lost else f"holds all but {len(lost)} things"
        out.print(f"wrote {name}: {wanted.title}, {kept}")


def _json(
    lost: tuple[Loss, ...], plan: FlightPlan, *, came: str, wanted: PlanFormat, target: Path | None
) -> dict[str, Any]:
    return {
        "from": came,
        "to": wanted.key,
        "file": None if target is None else str(target),
        "items": len(plan.items),
        "losses": [{"where": loss.where, "text": loss.text} for loss in lost],
        "notes": list(plan.notes),
        "source_sha256": plan.provenance.source_sha256,
    }
