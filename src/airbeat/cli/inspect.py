"""``airbeat inspect``: what is in a plan file, in words."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.areas import area_words, areas_in, inspect_area, plan_in
from airbeat.cli.output import console, emit_json, json_option, table
from airbeat.language.words import _, translated

if TYPE_CHECKING:
    from airbeat.mission.editable import EditablePattern
    from airbeat.mission.plan import FlightPlan, PlanItem

__all__ = ["command", "item_words"]


@click.command("inspect")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--items", "show_items", is_flag=True, help="List every item in words.")
@json_option
def command(*, file: Path, show_items: bool, as_json: bool) -> int:
    """Say what is in FILE: any plan file, whoever made it, or an area file (GeoJSON, KML, GIS files).

    \b
    airbeat inspect survey.plan --items
    """
    from rich.text import Text

    from airbeat.formats.complete import lacking

    found = plan_in(file)
    if found is None:
        return inspect_area(file, as_json=as_json)
    plan, held = found
    facts = [*_facts(plan), *_areas_beside(plan, file)]
    table([("format", held.title if held else "mission file"), *facts], as_json=as_json, title=plan.name)
    out = console(as_json)
    if show_items:
        for number, item in plan.numbered():
            out.print(f"{number:>4}  {item_words(item)}")
    for lack in lacking(plan) if held is None or "items" in held.holds else ():
        out.print(
            Text(_("before it can be flown: {lack} (airbeat convert)", lack=translated(lack)), style="yellow")
        )
    for note in plan.notes:
        out.print(Text(_("note: {note}", note=translated(note)), style="yellow"))
    if as_json:
        emit_json(_json(plan, held.key if held else "mission"))
    return 0


def _areas_beside(plan: FlightPlan, file: Path) -> list[tuple[str, str]]:
    """The areas that a map draws beside its route."""
    from airbeat.formats.drawn import AREAS_BESIDE

    area = areas_in(file) if AREAS_BESIDE in plan.notes else None
    return (
        []
        if area is None
        else [("areas", _("{area_words}: airbeat plan --area", area_words=area_words(area)))]
    )


def _facts(plan: FlightPlan) -> list[tuple[str, str]]:
    from airbeat.geo.notation import decimal_degrees

    home = decimal_degrees(plan.home)
    if plan.home_amsl_m is not None:
        home += f", {plan.home_amsl_m:g} m above sea level"
    counts = Counter(item_kind(item) for item in plan.items)
    facts = [
        ("home", home),
        ("items", f"{len(plan.items)}: " + ", ".join(f"{n} {kind}" for kind, n in counts.most_common())),
        ("path", f"{_length_m(plan):.0f} m"),
        ("heights", _heights(plan)),
        ("camera", _camera(plan)),
        ("fence", _fence(plan)),
        ("rally points", str(len(plan.rally or ()))),
    ]
    facts += [("can be edited", _pattern_words(pattern)) for pattern in plan.editable_patterns]
    if plan.speed_m_s is not None:
        facts.append(("speed", f"{plan.speed_m_s:g} m/s"))
    return facts


def _pattern_words(pattern: EditablePattern) -> str:
    text = f"{pattern}: {len(pattern.outline)} corners, lines {pattern.spacing_m:g} m apart"
    text += f", {pattern.width_m:g} m wide" if pattern.width_m else f" at {pattern.angle_deg:g}°"
    text += f", {pattern.altitude.value_m:g} m {_DATUM_WORDS[pattern.altitude.datum.value]}"
    return f"{text}, camera: {pattern.camera_name}"


def item_kind(item: PlanItem) -> str:
    """An item's command in words, as its sort of thing."""
    from airbeat.mission.commands import command_name

    return command_name(item.command).removeprefix("NAV_").removeprefix("DO_").lower().replace("_", " ")


def item_words(item: PlanItem) -> str:
    """One item as a sentence."""
    text = item_kind(item)
    if item.position is not None:
        text += f" at {item.position}"
    if item.altitude is not None:
        text += f", {item.altitude.value_m:g} m {_DATUM_WORDS[item.altitude.datum.value]}"
    params = [f"p{n} {p:g}" for n, p in enumerate((*item.params, *item.extra), start=1) if p]
    return text + (f" ({', '.join(params)})" if params else "")


_DATUM_WORDS = {"home": "above home", "amsl": "above sea level", "agl": "above ground"}


def _length_m(plan: FlightPlan) -> float:
    from airbeat.geo.frame import distance_m
    from airbeat.mission.legs import legs

    return sum(distance_m(leg.start, leg.end) for leg in legs(plan))


def _heights(plan: FlightPlan) -> str:
    found: dict[str, list[float]] = {}
    for _number, item in plan.waypoints():
        if item.altitude is not None:
            found.setdefault(item.altitude.datum.value, []).append(item.altitude.value_m)
    texts = [f"{min(v):g} to {max(v):g} m {_DATUM_WORDS[d]}" for d, v in found.items()]
    missing = sum(item.altitude is None for _number, item in plan.waypoints())
    if missing:
        texts.append(f"{missing} waypoints without height")
    return "; ".join(texts) or "none"


def _camera(plan: FlightPlan) -> str:
    from airbeat.mission.commands import MavCmd

    every_m = sorted(
        {i.params[0] for i in plan.items if i.command == MavCmd.DO_SET_CAM_TRIGG_DIST and i.params[0] > 0}
    )
    single = sum(i.command in (MavCmd.DO_DIGICAM_CONTROL, MavCmd.IMAGE_START_CAPTURE) for i in plan.items)
    texts = [f"a photograph every {m:g} m" for m in every_m]
    if single:
        texts.append(f"{single} single photographs")
    return "; ".join(texts) or "no photographs"


def _fence(plan: FlightPlan) -> str:
    if plan.fence is None:
        return "none: the vehicle's own stays as it is"
    inside = [p.inclusion for p in plan.fence.polygons] + [c.inclusion for c in plan.fence.circles]
    text = f"{sum(inside)} inclusion and {len(inside) - sum(inside)} exclusion zones"
    ceiling = plan.fence.max_height_m
    return text if ceiling is None else f"{text}, ceiling {ceiling:g} m"


def _json(plan: FlightPlan, key: str) -> dict[str, Any]:
    from airbeat.formats.complete import lacking

    return {
        "format": key,
        "name": plan.name,
        "home": {"lat_deg": plan.home.lat_deg, "lon_deg": plan.home.lon_deg, "amsl_m": plan.home_amsl_m},
        "items": [
            {
                "seq": number,
                "command": item.command,
                "kind": item_kind(item),
                "lat_deg": item.position.lat_deg if item.position else None,
                "lon_deg": item.position.lon_deg if item.position else None,
                "height_m": item.altitude.value_m if item.altitude else None,
                "height_datum": item.altitude.datum.value if item.altitude else None,
                "params": [*item.params, *item.extra],
            }
            for number, item in plan.numbered()
        ],
        "length_m": _length_m(plan),
        "fence_zones": len(plan.fence.polygons) + len(plan.fence.circles) if plan.fence else None,
        "rally_points": len(plan.rally or ()),
        "speed_m_s": plan.speed_m_s,
        "patterns": [
            {
                "kind": pattern.kind.value,
                "first": pattern.first,
                "last": pattern.last,
                "outline": [[place.lat_deg, place.lon_deg] for place in pattern.outline],
                "spacing_m": pattern.spacing_m,
                "angle_deg": pattern.angle_deg,
                "width_m": pattern.width_m,
                "trigger_distance_m": pattern.trigger_distance_m,
                "camera": pattern.camera_name,
            }
            for pattern in plan.editable_patterns
        ],
        "lacking": list(lacking(plan)),
        "notes": list(plan.notes),
        "source_sha256": plan.provenance.source_sha256,
    }
