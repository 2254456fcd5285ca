"""The ledger: what was really photographed of a plan's area, and what was not.

A photograph counts by the ground that its own position, height and direction say it shows, on flat ground.
It says nothing of what can be seen on it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import shapely
from pydantic import Field
from shapely.geometry import mapping, shape

import airbeat
from airbeat.checks.coverage import coverage_fraction, uncovered
from airbeat.errors import FrameError, InputFileError, UsageError
from airbeat.flight.area import reported_frame
from airbeat.formats.atomic import write_files
from airbeat.frames.folder import scan_folder
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.geo.polygons import polygon_parts, unite
from airbeat.link.dataflash import logged_photos
from airbeat.locate.ground import footprint
from airbeat.mission.mission import CorridorPattern, LawnmowerPattern, Mission
from airbeat.mission.plan import Fence, FencePolygon, FlightPlan, Survey
from airbeat.report.artefact import Part, read_artefact

__all__ = [
    "Ledger",
    "LedgerFile",
    "gap_mission",
    "ledger_of_flight",
    "ledger_of_logs",
    "ledger_of_photographs",
    "read_ledger",
]

_GAP_SHOWN_M2 = 1.0
_GAP_OVERLAP_M = 3.0
"""Gaps are photographed again with so much of what lies around them, against position errors."""
_CUT_M = 0.1
_FLAT = "flat ground {height:g} m above home"
_MODELLED = "ground as high as in {name} below each photograph, level around it"
_AS_PLANNED = (
    "the camera looked {where} with the image's top towards the aircraft's nose: the autopilot tells "
    "the aircraft's attitude, not the gimbal's"
)


class _Shot(Part):
    """One photograph of a flight record."""

    index: int
    time_us: int
    lat_deg: float = Field(ge=-90, le=90)
    lon_deg: float = Field(ge=-180, le=180)
    height_above_home_m: float
    yaw_deg: float


class _Source(Part):
    """Where a plan came from."""

    source_sha256: str = ""


class _Flown(Part):
    """What a ledger takes from a flight record or a flight's state."""

    provenance: _Source = _Source()
    photos: list[_Shot]


class _Home(Part):
    """Where the flight took off."""

    lat_deg: float = Field(ge=-90, le=90)
    lon_deg: float = Field(ge=-180, le=180)


class LedgerFile(Part):
    """What is read back of ``ledger.json``; those of earlier versions do not say home."""

    schema_name: Literal["airbeat/ledger/1"] = Field(alias="schema")
    source_sha256: str
    footprint_across_m: float = Field(gt=0, le=10_000)
    gaps: dict[str, Any]
    plan_name: str = ""
    home: _Home | None = None
    counted_by: str = ""
    photos: int = Field(default=0, ge=0)
    unusable: list[dict[str, Any]] = Field(default_factory=list)
    coverage_fraction: float | None = None
    notes: list[str] = Field(default_factory=list)

    def gap_geometry(self) -> Any:
        """The gaps, a geographic (Multi)Polygon; empty when there are none.

        Raises:
            InputFileError: it is no such shape.
        """
        try:
            geometry = shape(self.gaps)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, shapely.errors.ShapelyError):
            raise InputFileError("the gaps are no GeoJSON polygons", remedy="write the ledger anew") from None
        lon_lat = shapely.get_coordinates(geometry)
        usable = geometry.geom_type in ("Polygon", "MultiPolygon") and bool(
            (abs(lon_lat[:, 0]) <= 180).all() and (abs(lon_lat[:, 1]) <= 90).all()
        )
        if not usable:
            raise InputFileError("the gaps are no GeoJSON polygons", remedy="write the ledger anew")
        return geometry


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What was photographed of a plan's area.

    Attributes:
        plan: what was planned.
        survey: its survey.
        source: "camera feedback", "camera log" or "photographs".
        inputs: (name, SHA-256) of each file that was read.
        footprints: geographic polygons, one for each photograph that counts.
        unusable: photographs that do not count, with the reason.
        coverage_fraction: share of the area inside a footprint, 0…1.
        gaps: geographic (Multi)Polygon of the parts above 1 m² that no photograph shows; may be empty.
        gap_area_m2: their size [m²].
        notes: what was assumed, and what the reader must know.
    """

    plan: FlightPlan
    survey: Survey
    source: str
    inputs: tuple[tuple[str, str], ...]
    footprints: tuple[Any, ...]
    unusable: tuple[tuple[str, str], ...]
    coverage_fraction: float
    gaps: Any
    gap_area_m2: float
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The ledger as JSON; shapes as GeoJSON geometries."""
        return {
            "schema": "airbeat/ledger/1",
            "tool_version": airbeat.__version__,
            "plan_name": self.plan.name,
            "home": {"lat_deg": self.plan.home.lat_deg, "lon_deg": self.plan.home.lon_deg},
            "source_name": self.plan.provenance.source_name,
            "source_sha256": self.plan.provenance.source_sha256,
            "inputs": [{"file": name, "sha256": digest} for name, digest in self.inputs],
            "counted_by": self.source,
            "photos": len(self.footprints),
            "unusable": [{"photo": name, "reason": reason} for name, reason in self.unusable],
            "planned_coverage_fraction": self.survey.coverage_fraction,
            "coverage_fraction": self.coverage_fraction,
            "footprint_across_m": self.survey.footprint_across_m,
            "gap_area_m2": self.gap_area_m2,
            "gaps": _geometry(self.gaps),
            "notes": list(self.notes),
        }

    def to_geojson(self) -> dict[str, Any]:
        """Area, gaps and footprints as GeoJSON features (RFC 7946)."""
        shapes = [
            ("area", self.survey.area),
            *(("gap", gap) for gap in shapely.get_parts(self.gaps)),
            *(("footprint", outline) for outline in self.footprints),
        ]
        features = [
            {"type": "Feature", "geometry": _geometry(geometry), "properties": {"role": role}}
            for role, geometry in shapes
            if not geometry.is_empty
        ]
        return {"type": "FeatureCollection", "features": features}

    def save(self, path: Path, *, overwrite: bool = False) -> list[Path]:
        """Writes the ledger as JSON, and its map beside it as ``.geojson``, both or neither.

        Raises:
            UsageError: a file exists and ``overwrite`` is false, or the folder cannot be written.
        """
        return write_files(
            {
                path: json.dumps(self.to_json(), allow_nan=False) + "\n",
                path.with_suffix(".geojson"): json.dumps(self.to_geojson(), allow_nan=False) + "\n",
            },
            overwrite=overwrite,
        )


def _survey(plan: FlightPlan) -> Survey:
    if plan.survey is None:
        raise UsageError(
            "this plan states no area that was to be photographed", remedy="give the mission file (YAML)"
        )
    return plan.survey


def ledger_of_flight(plan: FlightPlan, files: Sequence[Path], *, ground_height_m: float = 0.0) -> Ledger:
    """The ledger of what the autopilot reported (CAMERA_FEEDBACK) in flight records.

    Args:
        plan: what was planned.
        files: ``flight.json`` or ``state.json`` of one or more sorties; a photograph in two of them counts
            once.
        ground_height_m: height of the ground above home [m].

    Raises:
        UsageError: the plan has no area.
        InputFileError: a file cannot be read.
    """
    survey = _survey(plan)
    shots: dict[tuple[int, int, float, float], _Shot] = {}
    notes, inputs = [_ground_note(plan, ground_height_m), _looking_note(survey)], []
    for path in files:
        flown = read_artefact(path, _Flown, remedy="give a folder that airbeat fly wrote")
        inputs.append((path.name, hashlib.sha256(path.read_bytes()).hexdigest()))
        made_from = flown.provenance.source_sha256
        if made_from and plan.provenance.source_sha256 not in ("", made_from):
            notes.append(f"{path.name} was flown from another version of the mission file")
        shots |= {(s.time_us, s.index, s.lat_deg, s.lon_deg): s for s in flown.photos}
    metas = [
        reported_frame(
            survey,
            position=LatLon(lat_deg=s.lat_deg, lon_deg=s.lon_deg),
            height_above_home_m=s.height_above_home_m,
            yaw_deg=s.yaw_deg,
            name=f"photograph {s.index}",
        )
        for s in sorted(shots.values(), key=lambda s: (s.time_us, s.index))
    ]
    return _ledger(plan, metas, (), ("camera feedback", tuple(inputs), notes), ground_height_m)


def ledger_of_logs(plan: FlightPlan, files: Sequence[Path], *, ground_height_m: float = 0.0) -> Ledger:
    """The ledger of what the autopilot wrote into its own log (CAM messages): nothing is lost on a link.

    Args:
        plan: what was planned.
        files: DataFlash logs (``.bin``) of one or more sorties; other flights in them count where they
            photographed the plan's area.
        ground_height_m: height of the ground above home [m].

    Raises:
        UsageError: the plan has no area.
        InputFileError: a log cannot be read.
    """
    survey = _survey(plan)
    metas: list[FrameMeta] = []
    inputs = []
    for path in dict.fromkeys(files):
        metas += [
            reported_frame(
                survey,
                position=photo.position,
                height_above_home_m=photo.height_above_home_m,
                yaw_deg=photo.yaw_deg,
                name=f"{path.name}: photograph {photo.index}",
            )
            for photo in logged_photos(path)
        ]
        inputs.append((path.name, hashlib.sha256(path.read_bytes()).hexdigest()))
    notes = [_ground_note(plan, ground_height_m), _looking_note(survey)]
    return _ledger(plan, metas, (), ("camera log", tuple(inputs), notes), ground_height_m)


def ledger_of_photographs(plan: FlightPlan, folder: Path, *, ground_height_m: float = 0.0) -> Ledger:
    """The ledger of what a folder of photographs says of itself (EXIF and XMP).

    Raises:
        UsageError: the plan has no area.
        FrameError: the folder cannot be read.
    """
    _survey(plan)
    scan = scan_folder(folder)
    refused = [(path.name, reason) for path, reason in scan.refused]
    inputs = tuple((meta.path.name, meta.sha256) for meta in scan.frames)
    notes = [_ground_note(plan, ground_height_m)]
    return _ledger(plan, scan.frames, refused, ("photographs", inputs, notes), ground_height_m)


def _ledger(
    plan: FlightPlan,
    metas: Iterable[FrameMeta],
    refused: Iterable[tuple[str, str]],
    origin: tuple[str, tuple[tuple[str, str], ...], list[str]],
    ground_height_m: float,
) -> Ledger:
    survey = _survey(plan)
    outlines, unusable = [], list(refused)
    for meta in metas:
        try:
            outlines.append(footprint(meta, ground_height_m=_ground_m(plan, meta, ground_height_m)))
        except FrameError as error:
            unusable.append((meta.path.name, error.message))
    frame = LocalFrame.around(survey.area)
    missing = frame.to_local(uncovered(survey.area, outlines))
    gaps = unite([p for p in polygon_parts(missing) if p.area >= _GAP_SHOWN_M2])
    source, inputs, notes = origin
    return Ledger(
        plan=plan,
        survey=survey,
        source=source,
        inputs=inputs,
        footprints=tuple(outlines),
        unusable=tuple(unusable),
        coverage_fraction=coverage_fraction(survey.area, outlines, frame),
        gaps=frame.to_geographic(gaps),
        gap_area_m2=float(gaps.area),
        notes=tuple(notes),
    )


def _geometry(polygons: Any) -> Any:
    """A GeoJSON geometry; its rings follow the right-hand rule (RFC 7946, 3.1.6)."""
    return mapping(shapely.orient_polygons(polygons, exterior_cw=False))


def _looking_note(survey: Survey) -> str:
    tilt_deg = 90.0 + survey.gimbal_pitch_deg
    return _AS_PLANNED.format(
        where="straight down" if tilt_deg == 0 else f"{tilt_deg:g}° forward of straight down"
    )


def _ground_note(plan: FlightPlan, ground_height_m: float) -> str:
    if plan.terrain is not None:
        return _MODELLED.format(name=plan.terrain.name)
    return _FLAT.format(height=ground_height_m)


def _ground_m(plan: FlightPlan, meta: FrameMeta, ground_height_m: float) -> float:
    """Height of the ground below a photograph, above home [m].

    Raises:
        FrameError: the plan's height model has none there.
    """
    if plan.terrain is None or meta.position is None:
        return ground_height_m
    lon_deg, lat_deg = zip(*((p.lon_deg, p.lat_deg) for p in (plan.home, meta.position)), strict=True)
    home_m, here_m = plan.terrain.heights_m(lon_deg, lat_deg)
    if not math.isfinite(here_m - home_m):
        raise FrameError(
            f"{plan.terrain.name} has no height at {meta.position}",
            where=meta.path.name,
            remedy="use a height model that reaches as far as the flight",
        )
    return float(here_m - home_m)


def read_ledger(path: Path) -> LedgerFile:
    """Reads ``ledger.json``.

    Raises:
        InputFileError: it is not what ``airbeat ledger`` writes.
    """
    return read_artefact(path, LedgerFile, remedy="give a file that airbeat ledger wrote")


def gap_mission(mission: Mission, ledger: LedgerFile) -> Mission:
    """The mission that photographs what a ledger lacks: its area is the gaps and a little around them.

    It never reaches beyond the mission's own area. Holes of that area stay closed to flight: they are
    exclusion zones of the new mission's fence, which serves planning alone; what is uploaded should be the
    mission's own fence.

    Raises:
        UsageError: the mission has no area, the ledger has no gaps, or they lie elsewhere.
        InputFileError: the ledger's shapes cannot be used.
    """
    if mission.area is None:
        raise UsageError("a mission of fixed points has no gaps", remedy="give the mission with the area")
    gaps = ledger.gap_geometry()
    if gaps.is_empty:
        raise UsageError("the ledger has no gaps: there is nothing to fill")
    frame = LocalFrame.around(mission.area)
    whole = shapely.make_valid(frame.to_local(mission.area))
    reach = _GAP_OVERLAP_M
    if mission.fence is None or not _inclusion_zones(mission.fence):
        # Without an inclusion fence the plan keeps inside its area, so that has to hold a line.
        reach += mission.margin_m + ledger.footprint_across_m / 2
    around = shapely.make_valid(frame.to_local(gaps)).buffer(reach, join_style="mitre", mitre_limit=2.0)
    holes = [
        shapely.Polygon(ring)
        for polygon in polygon_parts(whole)
        for ring in polygon.interiors
        if not shapely.Polygon(ring).contains(shapely.Point(frame.to_xy([mission.home])[0]))
    ]
    area = _without_islands(unite([around.intersection(whole)]))
    if area.is_empty:
        raise UsageError("the ledger's gaps lie outside this mission's area", remedy="give its own mission")
    fence = mission.fence or Fence()
    closed = tuple(
        FencePolygon(inclusion=False, vertices=tuple(frame.to_latlon(hole.exterior.coords[:-1])))
        for hole in holes
    )
    notes = [*mission.notes, f"fills the gaps of a ledger: {frame.to_local(gaps).area:.0f} m²"]
    if ledger.source_sha256 != mission.provenance.source_sha256:
        notes.append("the ledger belongs to another version of the mission file")
    return replace(
        mission,
        name=f"{mission.name}, gaps",
        pattern=_lines_over(mission),
        area=frame.to_geographic(area),
        fence=replace(fence, polygons=(*fence.polygons, *closed)),
        notes=tuple(notes),
    )


def _lines_over(mission: Mission) -> Any:
    """The mission's pattern; for a corridor straight lines photographed as its own are."""
    pattern = mission.pattern
    if not isinstance(pattern, CorridorPattern):
        return pattern
    return LawnmowerPattern(
        side_overlap=pattern.side_overlap,
        front_overlap=pattern.front_overlap,
        spacing_m=pattern.width_m / pattern.lines if pattern.lines else pattern.spacing_m,
        trigger_distance_m=pattern.trigger_distance_m,
        gimbal_pitch_deg=pattern.gimbal_pitch_deg,
        hover_s=pattern.hover_s,
        turn_around_m=pattern.turn_around_m,
    )


def _inclusion_zones(fence: Fence) -> bool:
    return any(p.inclusion for p in fence.polygons) or any(c.inclusion for c in fence.circles)


def _without_islands(area: Any) -> Any:
    """The area with each hole opened to the outside by a narrow cut.

    Planning flies round the holes of an area; those of a gap are photographed ground, free to fly over.
    """
    cuts = []
    for polygon in polygon_parts(area):
        for ring in polygon.interiors:
            inside = shapely.Polygon(ring).representative_point()
            far = (polygon.bounds[0] - 1.0, inside.y)
            cuts.append(shapely.LineString([inside, far]).buffer(_CUT_M / 2, cap_style="flat"))
    return unite([area.difference(shapely.union_all(cuts))]) if cuts else area
