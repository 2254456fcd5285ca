"""``airbeat plan --area``: a quick look at the path over an area file, without a mission file."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airbeat.cli.output import console, emit_json, progress_bar, table
from airbeat.language.words import Message, _, translated

if TYPE_CHECKING:
    from airbeat.cli.sortieplan import Photography, Vehicles
    from airbeat.geo.coordinates import LatLon
    from airbeat.geo.frame import LocalFrame
    from airbeat.mission.areafile import AreaFile
    from airbeat.planning.coverage import CoveragePath
    from airbeat.planning.sortie import FleetPlan
    from airbeat.report.picture_content import PlanPicture

__all__ = ["QuickPlan", "quick_plan"]

_QUICK_LOOK = "quick look; not for flight as it is"
_MOST_SORTIES_DRAWN = 6
"""Of more, a picture has no room for a row of figures each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickPlan:
    """What the command line asked for.

    Attributes:
        area: file with the area, corridor and keep-outs.
        spacing_m: distance between lines, and width that a line sees [m].
        home: where the flight begins and ends, or None for anywhere.
        speed_m_s: cruise speed [m/s].
        fence: file with the polygon to stay in, or None for the free area itself.
        seed: of the ordering.
        effort: how hard to look.
        vehicles: the drones that share the area in sorties, or None for one flight.
        photography: what photographs are counted by.
        height_m: height above home [m], or None where it does not matter.
    """

    area: Path
    spacing_m: float
    home: LatLon | None
    speed_m_s: float
    fence: Path | None
    seed: int
    effort: int
    vehicles: Vehicles | None
    photography: Photography
    height_m: float | None


def _shape(area: AreaFile) -> tuple[Any, float | None]:
    """What planning takes: an area, or a corridor's line with its width [m]."""
    from shapely.geometry import LineString

    if len(area.corridors) == 1 and area.only_corridors:
        corridor = area.corridors[0]
        return LineString([(p.lon_deg, p.lat_deg) for p in corridor.line]), corridor.width_m
    return area.area, None


def _path(asked: QuickPlan, area: AreaFile, fence: Any | None) -> CoveragePath:
    from airbeat.planning.coverage import plan_coverage
    from airbeat.planning.estimate import FlightModel

    shape, width_m = _shape(area)
    with progress_bar(_("planning")) as progress:
        return plan_coverage(
            shape,
            spacing_m=asked.spacing_m,
            keepouts=area.keepouts,
            fence=fence,
            corridor_width_m=width_m,
            home=asked.home,
            model=FlightModel(speed_m_s=asked.speed_m_s),
            seed=asked.seed,
            effort=asked.effort,
            progress=progress,
        )


def _sorties(asked: QuickPlan, vehicles: Vehicles, area: AreaFile, fence: Any | None) -> FleetPlan:
    from airbeat.checks.autopilot import MAX_ITEMS
    from airbeat.planning.sorties import plan_sorties

    shape, width_m = _shape(area)
    with progress_bar(_("planning")) as progress:
        return plan_sorties(
            shape,
            drones=vehicles.drones(asked.height_m),
            spacing_m=asked.spacing_m,
            keepouts=area.keepouts,
            fence=fence,
            corridor_width_m=width_m,
            most_items=MAX_ITEMS,
            seed=asked.seed,
            effort=asked.effort,
            progress=progress,
        )


def _figures(plan: CoveragePath | FleetPlan, seconds: float) -> dict[str, Any]:
    return {
        "coverage_fraction": plan.coverage_fraction,
        "outside_fence_m": plan.outside_m,
        "keepout_m": plan.keepout_m,
        "length_m": plan.length_m,
        "turns": plan.turns,
        "duration_s": plan.duration_s,
        "photos": None,
        "sorties": 1,
        "plan_time_s": seconds,
        "unseen_area_m2": plan.unseen_area_m2,
    }


def _feature(frame: LocalFrame, xy: Any, properties: dict[str, Any]) -> dict[str, Any]:
    line = [[round(p.lon_deg, 8), round(p.lat_deg, 8)] for p in frame.to_latlon(xy)]
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "LineString", "coordinates": line},
    }


def _geojson(features: list[dict[str, Any]], area: AreaFile) -> str:
    from airbeat import __version__

    collection = {
        "type": "FeatureCollection",
        "airbeat": {
            "schema_version": 1,
            "tool_version": __version__,
            "source_name": area.source_name,
            "source_sha256": area.source_sha256,
        },
        "features": features,
    }
    return json.dumps(collection) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """A plan as it is printed, drawn and written: figures, rows for people, notes, features, unseen area."""

    figures: dict[str, Any]
    rows: list[tuple[str, str]]
    notes: tuple[str, ...]
    features: list[dict[str, Any]]
    unseen: Any | None


def _one_flight(asked: QuickPlan, area: AreaFile, fence: Any | None) -> _Planned:
    started = time.perf_counter()
    path = _path(asked, area, fence)
    figures = _figures(path, time.perf_counter() - started)
    figures["photos"] = asked.photography.count(path.length_m)
    features = [_feature(path.frame, path.line, {"role": "path", "sortie": 1, "drone": 1})]
    features += [_feature(path.frame, t, {"role": "transit", "sortie": 1, "drone": 1}) for t in path.transits]
    speed = f"{asked.speed_m_s:g} m/s"
    rows: list[tuple[str, str]] = [
        (
            "time along the path",
            Message("{minutes} at {speed}", minutes=_minutes(path.duration_s), speed=speed),
        )
    ]
    return _Planned(
        figures=figures,
        rows=rows,
        notes=path.notes,
        features=features,
        unseen=None if path.unseen is None else path.frame.to_geographic(path.unseen),
    )


def _in_sorties(asked: QuickPlan, vehicles: Vehicles, area: AreaFile, fence: Any | None) -> _Planned:
    from functools import partial

    from airbeat.cli.sortieplan import sortie_features, sortie_rows

    started = time.perf_counter()
    plan = _sorties(asked, vehicles, area, fence)
    figures = _figures(plan, time.perf_counter() - started)
    per_sortie = sortie_rows(plan, asked.photography)
    figures |= {
        "photos": None if asked.photography.trigger_m is None else sum(r["photos"] for r in per_sortie),
        "sorties": len(plan.sorties),
        "drones": vehicles.count,
        "makespan_s": plan.makespan_s,
        "nearest_m": plan.nearest_m,
        "per_sortie": per_sortie,
    }
    rows: list[tuple[str, str]] = [
        (
            "time in the air",
            Message(
                "{minutes} in {sorties} sorties", minutes=_minutes(plan.duration_s), sorties=len(plan.sorties)
            ),
        ),
        ("last landing after", _minutes(plan.makespan_s)),
    ]
    for r in per_sortie:
        taken = "" if r["photos"] is None else f", {r['photos']} photographs"
        rows.append(
            (
                Message("sortie {sortie}", sortie=r["sortie"]),
                Message(
                    "drone {drone}, {minutes}, {length_m:.2f} km{taken}",
                    drone=r["drone"],
                    minutes=_minutes(r["duration_s"]),
                    length_m=r["length_m"] / 1000,
                    taken=taken,
                ),
            )
        )
    features = sortie_features(plan, per_sortie, partial(_feature, plan.frame))
    notes = plan.notes
    if asked.height_m is None and vehicles.endurances_min:
        notes = (*notes, "climbs and landings are not counted: say --height-m")
    return _Planned(
        figures=figures,
        rows=rows,
        notes=notes,
        features=features,
        unseen=None if plan.unseen is None else plan.frame.to_geographic(plan.unseen),
    )


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def _draw(
    asked: QuickPlan, planned: _Planned, area: AreaFile, fence: Any | None, rows: list[tuple[str, str]]
) -> PlanPicture:
    from airbeat.mission.plan import Provenance
    from airbeat.report.picture_content import picture_of_features

    one_by_one = sum(label.startswith("sortie ") for label, _ in rows) <= _MOST_SORTIES_DRAWN
    figures = [r for r in rows if r[0] != "planned in" and (one_by_one or not r[0].startswith("sortie "))]
    return picture_of_features(
        planned.features,
        title=asked.area.stem,
        area=area.area,
        keepouts=area.keepouts,
        fence=fence,
        unseen=planned.unseen,
        home=asked.home,
        figures=figures,
        notes=(_QUICK_LOOK, *area.notes, *planned.notes),
        provenance=Provenance(source_name=area.source_name, source_sha256=area.source_sha256),
    )


def quick_plan(
    asked: QuickPlan, *, out_dir: Path | None, picture: Path | None, overwrite: bool, as_json: bool
) -> int:
    """Plan, print the figures, and write ``plan.geojson`` into a folder, and a picture; the exit code.

    Raises:
        InputFileError: an area or fence file that cannot be used.
        PlanningError: nothing can be flown.
        UsageError: the output exists and may not be replaced.
    """
    from airbeat.cli.picture import write_picture
    from airbeat.formats.atomic import write_files
    from airbeat.mission.areafile import read_area_file

    area = read_area_file(asked.area)
    fence = None if asked.fence is None else read_area_file(asked.fence).free
    if asked.vehicles is None:
        planned = _one_flight(asked, area, fence)
    else:
        planned = _in_sorties(asked, asked.vehicles, area, fence)
    figures = planned.figures
    rows: list[tuple[str, str]] = [
        ("line spacing", f"{asked.spacing_m:g} m"),
        ("length", f"{figures['length_m'] / 1000:.2f} km"),
        *planned.rows,
        ("corners", str(figures["turns"])),
        *([] if figures["photos"] is None else [("photographs", str(figures["photos"]))]),
        (
            "covered",
            Message(
                "{coverage_fraction:.2%} ({unseen_area_m2:.0f} m² unseen)",
                coverage_fraction=figures["coverage_fraction"],
                unseen_area_m2=figures["unseen_area_m2"],
            ),
        ),
        ("outside the fence", f"{figures['outside_fence_m']:.1f} m"),
        ("in keep-outs", f"{figures['keepout_m']:.1f} m"),
        ("planned in", f"{figures['plan_time_s']:.2f} s"),
    ]
    table(rows, as_json=as_json, title=asked.area.name)
    notes = [*area.notes, *planned.notes, *asked.photography.notes]
    for note in notes:
        console(as_json).print(_("note: {note}", note=translated(note)))
    written = []
    if out_dir is not None:
        text = _geojson(planned.features, area)
        written = write_files({out_dir / "plan.geojson": text}, overwrite=overwrite)
    if picture is not None:
        written += write_picture(picture, _draw(asked, planned, area, fence, rows), overwrite=overwrite)
    for file in written:
        console(as_json).print(_("wrote {file}", file=file))
    if as_json:
        emit_json(figures | {"notes": notes, "files": [str(p) for p in written]})
    return 1 if figures["outside_fence_m"] > 0 or figures["keepout_m"] > 0 else 0
