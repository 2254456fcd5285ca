"""``airbeat plan --area``: a quick look at the path over an area file, without a mission file."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airbeat.cli.output import console, emit_json, progress_bar, table

if TYPE_CHECKING:
    from airbeat.geo.coordinates import LatLon
    from airbeat.mission.areafile import AreaFile
    from airbeat.planning.coverage import CoveragePath
    from airbeat.report.picture_content import PlanPicture

__all__ = ["QuickPlan", "quick_plan"]

_QUICK_LOOK = "quick look; not for flight as it is"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickPlan:
    """What the command line asked for.

    Attributes:
        area: GeoJSON or KML file with the area, corridor and keep-outs.
        spacing_m: distance between lines, and width that a line sees [m].
        home: where the flight begins and ends, or None for anywhere.
        speed_m_s: cruise speed [m/s].
        fence: file with the polygon to stay in, or None for the free area itself.
        seed: of the ordering.
        effort: how hard to look.
    """

    area: Path
    spacing_m: float
    home: LatLon | None
    speed_m_s: float
    fence: Path | None
    seed: int
    effort: int


def _path(asked: QuickPlan, area: AreaFile, fence: Any | None) -> CoveragePath:
    from shapely.geometry import LineString

    from airbeat.planning.coverage import plan_coverage
    from airbeat.planning.estimate import FlightModel

    shape: Any = area.area
    width_m: float | None = None
    if len(area.corridors) == 1 and area.only_corridors:
        corridor = area.corridors[0]
        shape = LineString([(p.lon_deg, p.lat_deg) for p in corridor.line])
        width_m = corridor.width_m
    with progress_bar("planning") as progress:
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


def _figures(path: CoveragePath, seconds: float) -> dict[str, Any]:
    return {
        "coverage_fraction": path.coverage_fraction,
        "outside_fence_m": path.outside_m,
        "keepout_m": path.keepout_m,
        "length_m": path.length_m,
        "turns": path.turns,
        "duration_s": path.duration_s,
        "photos": None,
        "sorties": 1,
        "plan_time_s": seconds,
        "unseen_area_m2": path.unseen_area_m2,
    }


def _feature(path: CoveragePath, xy: Any, properties: dict[str, Any]) -> dict[str, Any]:
    line = [[round(p.lon_deg, 8), round(p.lat_deg, 8)] for p in path.frame.to_latlon(xy)]
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "LineString", "coordinates": line},
    }


def _features(path: CoveragePath) -> list[dict[str, Any]]:
    features = [_feature(path, path.line, {"role": "path", "sortie": 1, "drone": 1})]
    features += [_feature(path, t, {"role": "transit", "sortie": 1, "drone": 1}) for t in path.transits]
    return features


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


def _draw(
    asked: QuickPlan, path: CoveragePath, area: AreaFile, fence: Any | None, rows: list[tuple[str, str]]
) -> PlanPicture:
    from airbeat.mission.plan import Provenance
    from airbeat.report.picture_content import picture_of_features

    return picture_of_features(
        _features(path),
        title=asked.area.stem,
        area=area.area,
        keepouts=area.keepouts,
        fence=fence,
        unseen=None if path.unseen is None else path.frame.to_geographic(path.unseen),
        home=asked.home,
        figures=[row for row in rows if row[0] != "planned in"],
        notes=(_QUICK_LOOK, *area.notes, *path.notes),
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
    started = time.perf_counter()
    path = _path(asked, area, fence)
    figures = _figures(path, time.perf_counter() - started)
    minutes, seconds = divmod(round(path.duration_s), 60)
    rows = [
        ("line spacing", f"{asked.spacing_m:g} m"),
        ("length", f"{path.length_m / 1000:.2f} km"),
        ("time along the path", f"{minutes} min {seconds:02d} s at {asked.speed_m_s:g} m/s"),
        ("corners", str(path.turns)),
        ("covered", f"{path.coverage_fraction:.2%} ({path.unseen_area_m2:.0f} m² unseen)"),
        ("outside the fence", f"{path.outside_m:.1f} m"),
        ("in keep-outs", f"{path.keepout_m:.1f} m"),
        ("planned in", f"{figures['plan_time_s']:.2f} s"),
    ]
    table(rows, as_json=as_json, title=asked.area.name)
    for note in (*area.notes, *path.notes):
        console(as_json).print(f"note: {note}")
    written = []
    if out_dir is not None:
        text = _geojson(_features(path), area)
        written = write_files({out_dir / "plan.geojson": text}, overwrite=overwrite)
    if picture is not None:
        written += write_picture(picture, _draw(asked, path, area, fence, rows), overwrite=overwrite)
    for file in written:
        console(as_json).print(f"wrote {file}")
    if as_json:
        emit_json(figures | {"notes": [*area.notes, *path.notes], "files": [str(p) for p in written]})
    return 1 if figures["outside_fence_m"] > 0 or figures["keepout_m"] > 0 else 0
