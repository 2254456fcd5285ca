"""Case files: from YAML text to a :class:`~airbeat.mission.case.Case`, or all problems at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from airbeat.errors import GeometryError, MissionFileError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.datums import MapDatum
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import Message
from airbeat.mission.case import (
    Case,
    Category,
    Cover,
    Drone,
    Extent,
    Launch,
    Missing,
    Posture,
    RasterSource,
    RegionSource,
    Task,
    TerrainKind,
    WeightedShape,
)
from airbeat.mission.caserasters import read_raster
from airbeat.mission.caseschema import (
    CaseFile,
    DetectionSection,
    DroneSection,
    GridSection,
    LaunchSection,
    MapSection,
    MissingSection,
    SegmentSection,
    VisibilitySection,
)
from airbeat.mission.casesources import Sources, resolve_ground, resolve_lines, resolve_regions
from airbeat.mission.caseterrain import resolve_case_terrain
from airbeat.mission.loader import (
    TOLERANCE_M,
    UNSURVEYED,
    draft_of,
    problems_in,
    provenance_of,
    read_content,
    read_tree,
)
from airbeat.mission.plan import Provenance
from airbeat.mission.resolve import (
    Ledger,
    check_vertices,
    resolve_airframe,
    resolve_camera,
    resolve_fence,
    resolve_height,
    resolve_place,
    resolve_wind,
)
from airbeat.mission.sanity import check_tolerance
from airbeat.mission.yamltree import KeyPath, dotted

__all__ = ["load_case", "parse_case"]

_NOT_URBAN = (Category.HIKER, Category.HUNTER, Category.GATHERER)
"""The ring table has no urban distances for these."""
_MAX_CURVE_BYTES = 1_000_000


def load_case(path: Path) -> Case:
    """Read a case file; files that it names are looked up beside it.

    Raises:
        MissionFileError: all problems of the file, with line and column.
    """
    return parse_case(read_content(path), name=str(path), base_dir=path.parent)


def parse_case(
    content: bytes, *, name: str, base_dir: Path, stored: Mapping[str, Path] | None = None
) -> Case:
    """Read a case from the content of its file.

    Args:
        content: of the file.
        name: stands in messages.
        base_dir: where files that it names are looked up.
        stored: copies of them that are read instead, by the name that the case gives them.

    Raises:
        MissionFileError: all problems of the file, with line and column.
    """
    ledger = Ledger(tree=read_tree(content, name))
    draft = draft_of(CaseFile, ledger)
    sources = Sources(base_dir=base_dir, ledger=ledger, stored=stored or {})
    case = _case(draft, sources, provenance_of(content, name), name)
    if case is None or ledger.problems or ledger.tree.problems:
        raise MissionFileError(name, problems_in(ledger))
    return case


def _case(draft: CaseFile, sources: Sources, provenance: Provenance, name: str) -> Case | None:
    ledger = sources.ledger

    def block(key: str) -> Any:
        return getattr(draft, key, None)

    ledger.datum = MapDatum(draft.datum)
    if draft.status == "unsurveyed":
        ledger.notes.append(UNSURVEYED)
    missing = _missing(block("missing"), ledger) if block("missing") else None
    extent = _extent(block("map"), missing, ledger) if block("map") else None
    regions = resolve_regions(block("regions"), sources) if block("regions") else None
    lines = resolve_lines(block("lines"), sources) if block("lines") else None
    rasters = tuple(_rasters(block("grids") or (), sources))
    covers = tuple(_covers(block("visibility"), sources)) if block("visibility") else ()
    segments = tuple(_segments(block("segments") or (), sources))
    detection = block("detection") or DetectionSection()
    curve = _curve(detection.curve, sources) if detection.curve else None
    fence = resolve_fence(block("fence"), ledger) if block("fence") else None
    launches = tuple(_launch(s, n, ledger) for n, s in enumerate(block("launch") or (), start=1))
    ground = block("terrain")
    tolerance_m = ground.tolerance_m if ground else None
    drones = tuple(d for n, s in enumerate(block("drones") or ()) if (d := _drone(s, n, tolerance_m, ledger)))
    check_vertices(ledger)
    if missing is None or extent is None or ledger.problems or ledger.tree.problems:
        return None
    _check_on_map(extent, missing, ledger, regions=regions, lines=lines, segments=segments)
    _check_weights(missing, regions, lines, rasters, ledger)
    terrain = None
    if ground is not None:
        terrain = resolve_case_terrain(
            ground, sources, last_known=missing.last_known, extent=extent, launches=launches, fence=fence
        )
    if ledger.problems:
        return None
    return Case(
        name=draft.name,
        missing=missing,
        extent=extent,
        rest_of_world=block("map").rest_of_world,
        regions=regions,
        lines=lines,
        rasters=rasters,
        covers=covers,
        task=Task(detection.task),
        curve=curve,
        curve_name=Path(detection.curve).name if detection.curve else "",
        segments=segments,
        launches=launches,
        drones=drones,
        fence=fence,
        terrain=terrain,
        terrain_tolerance_m=tolerance_m or TOLERANCE_M,
        flat_beyond=ground is not None and ground.beyond == "flat",
        wind=resolve_wind(block("wind")) if block("wind") else None,
        notes=tuple(dict.fromkeys([*ledger.datum_notes(), *ledger.notes])),
        provenance=provenance,
        inputs=tuple(sources.inputs.items()),
        places={dotted(k): f"{name}:{p.line}:{p.column}" for k, p in ledger.tree.places.items()},
    )


def _missing(section: MissingSection, ledger: Ledger) -> Missing:
    category = Category(section.category) if section.category else None
    terrain = TerrainKind(section.terrain)
    if terrain is TerrainKind.URBAN and category in _NOT_URBAN:
        known = ", ".join(k.value for k in TerrainKind if k is not TerrainKind.URBAN)
        ledger.add(
            ("missing", "terrain"),
            Message("no distances are known for {category} in urban terrain", category=category.value),
            Message("choose {known}; or leave category out and draw regions", known=known),
        )
    return Missing(
        last_known=resolve_place(section.last_known, ledger),
        category=category,
        terrain=terrain,
        weight=section.weight,
        posture=Posture(section.posture),
        last_seen_utc=section.last_seen,
    )


def _extent(section: MapSection, missing: Missing | None, ledger: Ledger) -> Extent | None:
    if section.extent is not None:
        e = section.extent
        if ledger.datum is not MapDatum.WGS84:
            ledger.notes.append("map.extent is taken as WGS84")
        return Extent(
            south_deg=e.south, west_deg=e.west, north_deg=e.north, east_deg=e.east, cell_m=section.cell_m
        )
    if missing is None or section.reach_m is None:
        return None
    r = section.reach_m
    sides = LocalFrame(missing.last_known).to_latlon([(0, -r), (-r, 0), (0, r), (r, 0)])
    south, west, north, east = sides
    return Extent(
        south_deg=south.lat_deg,
        west_deg=west.lon_deg,
        north_deg=north.lat_deg,
        east_deg=east.lon_deg,
        cell_m=section.cell_m,
        reach_m=r,
    )


def _rasters(sections: Any, sources: Sources) -> list[RasterSource]:
    found = []
    section: GridSection
    for number, section in enumerate(sections):
        at: KeyPath = ("grids", number, "file")
        path = sources.path(section.file, at)
        if path is None:
            continue
        try:
            raster, digest = read_raster(path, section.extent)
        except GeometryError as error:
            sources.refuse(at, error)
            continue
        sources.inputs[section.file] = digest
        found.append(
            RasterSource(name=section.name or Path(section.file).name, weight=section.weight, raster=raster)
        )
    return found


def _covers(section: VisibilitySection, sources: Sources) -> list[Cover]:
    covers = [Cover(name="everywhere else", canopy=section.canopy, slope=section.slope)]
    for number, area in enumerate(section.areas):
        geometry = resolve_ground(area, ("visibility", "areas", number), sources)
        if geometry is not None:
            name = area.name or f"cover {number + 1}"
            covers.append(Cover(name=name, canopy=area.canopy, slope=area.slope, geometry=geometry))
    return covers


def _segments(sections: Any, sources: Sources) -> list[WeightedShape]:
    found: dict[str, WeightedShape] = {}
    section: SegmentSection
    for number, section in enumerate(sections):
        geometry = resolve_ground(section, ("segments", number), sources)
        if section.name in found:
            sources.ledger.add(
                ("segments", number, "name"),
                Message("{name!r} is given twice", name=section.name),
                "names tell segments apart",
            )
        if geometry is not None:
            found[section.name] = WeightedShape(name=section.name, weight=1.0, geometry=geometry)
    return list(found.values())


def _curve(text: str, sources: Sources) -> Any | None:
    at: KeyPath = ("detection", "curve")
    path = sources.path(text, at)
    if path is None:
        return None
    try:
        if path.stat().st_size > _MAX_CURVE_BYTES:
            sources.ledger.add(
                at, Message("{name} is larger than 1 MB", name=path.name), "run airbeat evaluate --curve"
            )
            return None
        content = path.read_bytes()
        document = json.loads(content)
    except OSError as error:
        sources.ledger.add(
            at,
            Message("{name} cannot be read: {reason}", name=path.name, reason=error.strerror),
            "run airbeat evaluate --curve",
        )
        return None
    except (ValueError, RecursionError):
        sources.ledger.add(at, Message("{name} is not JSON", name=path.name), "run airbeat evaluate --curve")
        return None
    sources.inputs[text] = provenance_of(content, path.name).source_sha256
    return document


def _launch(section: LaunchSection, number: int, ledger: Ledger) -> Launch:
    return Launch(
        name=section.name or f"launch {number}",
        position=resolve_place(section, ledger),
        amsl_m=section.amsl_m,
    )


def _drone(section: DroneSection, number: int, tolerance_m: float | None, ledger: Ledger) -> Drone | None:
    at: KeyPath = ("drones", number)
    camera = resolve_camera(section.camera, ledger, path=(*at, "camera"))
    airframe = resolve_airframe(section.airframe, ledger, path=(*at, "airframe"))
    height = resolve_height(section.height, camera, (*at, "height"), ledger, tolerance_m=tolerance_m)
    if camera is None or airframe is None or height is None:
        return None
    check_tolerance(tolerance_m, height, ledger)
    if section.speed_m_s > airframe.max_speed_m_s:
        ledger.add(
            (*at, "speed_m_s"),
            Message(
                "must be {max_speed_m_s:g} or less, the most that {name} flies (got {speed_m_s:g})",
                max_speed_m_s=airframe.max_speed_m_s,
                name=airframe.name,
                speed_m_s=section.speed_m_s,
            ),
        )
    return Drone(
        name=section.name,
        camera=camera,
        airframe=airframe,
        height=height,
        speed_m_s=section.speed_m_s,
        batteries=section.batteries,
    )


# contradictions between blocks


def _box(extent: Extent) -> Any:
    """The map's rectangle, geographic; eastern edges beyond 180° stay so."""
    east = extent.east_deg if extent.east_deg > extent.west_deg else extent.east_deg + 360.0
    return shapely.box(extent.west_deg, extent.south_deg, east, extent.north_deg)


def _unrolled(geometry: Any, west_deg: float) -> Any:
    """A geographic geometry with longitudes from ``west_deg`` − 180° on, as the map's rectangle has them."""
    return shapely.transform(
        geometry,
        lambda c: np.column_stack([np.mod(c[:, 0] - west_deg + 180.0, 360.0) - 180.0 + west_deg, c[:, 1]]),
    )


def _text(extent: Extent) -> str:
    return (
        f"{extent.south_deg:.5f} to {extent.north_deg:.5f} north, "
        f"{extent.west_deg:.5f} to {extent.east_deg:.5f} east"
    )


def _check_inside(missing: Missing, extent: Extent, ledger: Ledger) -> None:
    if not _shows(_box(extent), _point(missing.last_known), extent):
        ledger.add(
            ("missing", "last_known"),
            Message(
                "{lat_deg:.5f}, {lon_deg:.5f} lies outside the map ({extent})",
                lat_deg=missing.last_known.lat_deg,
                lon_deg=missing.last_known.lon_deg,
                extent=_text(extent),
            ),
            "change last_known or map.extent",
        )


def _point(position: LatLon) -> Any:
    return shapely.Point(position.lon_deg, position.lat_deg)


def _shows(box: Any, geometry: Any, extent: Extent) -> bool:
    return bool(box.intersects(_unrolled(geometry, extent.west_deg)))


def _check_on_map(
    extent: Extent,
    missing: Missing,
    ledger: Ledger,
    *,
    regions: RegionSource | None,
    lines: RegionSource | None,
    segments: Sequence[WeightedShape],
) -> None:
    """Note what lies outside the map."""
    _check_inside(missing, extent, ledger)
    box = _box(extent)
    west = box.bounds[0]
    shapes: dict[KeyPath, Sequence[WeightedShape]] = {
        ("regions", "areas"): regions.shapes if regions else (),
        ("lines", "features"): lines.shapes if lines else (),
        ("segments",): segments,
    }
    for listed, some in shapes.items():
        for n, shape in enumerate(some):
            if not box.intersects(_unrolled(shape.geometry, west)):
                lon, lat = shapely.get_coordinates(shape.geometry)[0]
                ledger.add(
                    (*listed, n),
                    Message(
                        "{name} lies outside the map: it begins at {lat:.5f}, {lon:.5f}",
                        name=shape.name,
                        lat=lat,
                        lon=lon,
                    ),
                    "change its coordinates or map.extent",
                )


def _check_weights(
    missing: Missing, regions: Any, lines: Any, rasters: tuple[RasterSource, ...], ledger: Ledger
) -> None:
    weights = [missing.weight] if missing.category else []
    weights += [source.weight for source in (regions, lines) if source is not None]
    weights += [raster.weight for raster in rasters]
    if weights and not sum(weights) > 0:
        key = "missing" if missing.category else "regions" if regions else "lines" if lines else "grids"
        ledger.add((key, "weight"), "the layers' weights sum to nothing", "give one of them a weight above 0")
