"""Area files in ``airbeat convert`` and ``airbeat inspect``: ground that is not planned yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airbeat.cli.output import console, emit_json, printable, table
from airbeat.cli.plans import MISSION_SUFFIXES, load_plan
from airbeat.errors import PlanFileError, UsageError
from airbeat.language.words import Message, _, translated

if TYPE_CHECKING:
    from airbeat.formats.catalogue import PlanFormat
    from airbeat.mission.areafile import AreaFile
    from airbeat.mission.plan import FlightPlan

__all__ = ["area_words", "areas_in", "convert_area", "inspect_area", "plan_in"]

_GIS_SUFFIXES = (".gpkg", ".zip")


def plan_in(source: Path, target: Path | None = None) -> tuple[FlightPlan, PlanFormat | None] | None:
    """The plan in a file and the file's format, None for a mission file's; None where it draws areas alone.

    Args:
        source: any mission, plan or area file.
        target: what it is to be converted to; None to look only. The result is None too where the target
            holds areas alone, or where a map that is looked at draws areas and more lines than one.

    Raises:
        InputFileError: a file that cannot be used.
        PlanningError: no safe plan exists for a mission file.
        UsageError: a target that a mission file's plan cannot be written to.
    """
    from airbeat.formats.areas import is_gis
    from airbeat.formats.catalogue import format_for
    from airbeat.formats.drawn import NOTHING_TO_FLY, WHICH_LINE
    from airbeat.formats.files import read_any_plan_file
    from airbeat.formats.limits import read_bytes

    if target is not None and target.suffix.lower() in _GIS_SUFFIXES:
        return None
    if source.suffix.lower() in MISSION_SUFFIXES:
        if target is not None:
            format_for(target)  # a name that cannot be written is refused before anything is planned
        return load_plan(source), None
    if is_gis(read_bytes(source)):
        return None
    try:
        return read_any_plan_file(source)
    except PlanFileError as error:
        several = target is None and error.message.endswith(WHICH_LINE) and areas_in(source) is not None
        if error.message != NOTHING_TO_FLY and not several:
            raise
        return None


def areas_in(file: Path) -> AreaFile | None:
    """The areas that a map file draws, or None where it draws none that can be used."""
    from airbeat.errors import GeometryError
    from airbeat.mission.areafile import read_area_file

    try:
        return read_area_file(file)
    except GeometryError:
        return None


def convert_area(source: Path, target: Path, *, strict: bool, overwrite: bool, as_json: bool) -> int:
    """Write the areas of one file as another; the losses as ``airbeat convert`` reports them.

    Raises:
        InputFileError: a source that cannot be used.
        UsageError: a target that holds no areas, or exists.
    """
    from rich.text import Text

    from airbeat.formats.areas import area_format_for, area_losses
    from airbeat.formats.atomic import write_files
    from airbeat.mission.areafile import area_content, parse_features

    if source.suffix.lower() in MISSION_SUFFIXES:
        raise UsageError(
            "a mission file holds a plan, and that kind of file areas only", remedy="convert its area file"
        )
    wanted = area_format_for(target)
    features, notes = parse_features(area_content(source), name=source.name)
    if not features:
        raise UsageError(
            Message("{name!r} draws no polygon and no line", name=source.name),
            remedy="nothing would be written",
        )
    data = wanted.write(features)
    held, _notes = parse_features(data, name=target.name)
    lost = area_losses(features, held)
    refused = bool(lost) and strict
    if not refused:
        write_files({target: data}, overwrite=overwrite)
    out = console(as_json)
    for note in notes:
        out.print(Text(_("note: {note}", note=translated(note)), style="yellow"))
    for loss in lost:
        out.print(Text(_("not held: {loss}", loss=loss), style="yellow"))
    kept = f"holds all but {len(lost)} things" if lost else "holds everything"
    name = printable(str(target))
    out.print(
        f"{name} not written: {kept} (--strict)" if refused else f"wrote {name}: {wanted.title}, {kept}"
    )
    if as_json:
        emit_json(
            {
                "from": "area",
                "to": wanted.key,
                "file": None if refused else str(target),
                "features": len(features),
                "losses": [{"where": loss.where, "text": loss.text} for loss in lost],
                "notes": list(notes),
            }
        )
    return 1 if refused else 0


def inspect_area(file: Path, *, as_json: bool) -> int:
    """Say which areas a file draws.

    Raises:
        InputFileError: a file that cannot be used.
    """
    from rich.text import Text

    from airbeat.mission.areafile import read_area_file

    area = read_area_file(file)
    figures = _figures(area)
    rows = [
        ("holds", "areas, nothing to fly yet: airbeat plan --area, or name it in a mission file"),
        ("area", _("{area_m2:.2f} ha, keep-outs taken off", area_m2=figures["area_m2"] / 1e4)),
        ("outlines", area_words(area)),
        ("keep-outs", str(len(area.keepouts))),
        ("corridors", ", ".join(f"{c.width_m:g} m wide" for c in area.corridors) or "none"),
        ("middle", f"{figures['middle_lat_deg']:.6f}, {figures['middle_lon_deg']:.6f}"),
    ]
    table(rows, as_json=as_json, title=file.name)
    for note in area.notes:
        console(as_json).print(Text(_("note: {note}", note=translated(note)), style="yellow"))
    if as_json:
        emit_json(
            {
                "format": "area",
                **figures,
                "vertices": area.vertices,
                "keepouts": len(area.keepouts),
                "corridors": [{"width_m": c.width_m, "vertices": len(c.line)} for c in area.corridors],
                "notes": list(area.notes),
                "source_sha256": area.source_sha256,
            }
        )
    return 0


def area_words(area: AreaFile) -> str:
    """How many outlines, holes and vertices it has."""
    figures = _figures(area)
    return f"{figures['outlines']} with {figures['holes']} holes, {area.vertices} vertices"


def _figures(area: AreaFile) -> dict[str, Any]:
    import shapely

    from airbeat.geo.frame import LocalFrame

    frame = LocalFrame.around(area.area)
    parts = shapely.get_parts(area.area)
    middle = frame.to_latlon([frame.to_local(area.area).centroid.coords[0]])[0]
    return {
        "area_m2": float(frame.to_local(area.free).area),
        "outlines": len(parts),
        "holes": int(shapely.get_num_interior_rings(parts).sum()),
        "middle_lat_deg": middle.lat_deg,
        "middle_lon_deg": middle.lon_deg,
    }
