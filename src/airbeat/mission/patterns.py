"""The block that says what is flown, to the pattern that it means: places in WGS84, lines looked up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import shapely

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import Message
from airbeat.mission.areafile import read_area_file
from airbeat.mission.mission import (
    ContourPattern,
    CorridorPattern,
    CreepingLinePattern,
    Drift,
    ExpandingSquarePattern,
    FixedPoint,
    LawnmowerPattern,
    Look,
    OrbitPattern,
    ParallelPattern,
    Pattern,
    PerimeterPattern,
    SearchPattern,
    SectorPattern,
    SurveyPattern,
    TrackLinePattern,
    WaypointPattern,
)
from airbeat.mission.patternschema import (
    ContourSection,
    CorridorSection,
    CreepingLineSection,
    DatumSection,
    ExpandingSquareSection,
    LawnmowerSection,
    LoopSection,
    OrbitSection,
    ParallelSection,
    PatternSection,
    PerimeterSection,
    SectorSection,
    SurveySection,
    SweepSection,
    TrackLineSection,
    WaypointsSection,
)
from airbeat.mission.resolve import Ledger, resolve_height, resolve_place
from airbeat.mission.yamltree import KeyPath
from airbeat.vehicle.camera import Camera

__all__ = ["corridor_ground", "line_path", "resolve_pattern"]

_HOVER_S = 2.0
"""How long a vehicle stands still for a photograph unless the mission says otherwise [s]."""


def _lines_photographed(section: SurveySection) -> dict[str, Any]:
    """The arguments that the patterns of :class:`SurveySection` share."""
    hover_s = _HOVER_S if section.hover_s is None else section.hover_s
    return _swept(section) | {
        "hover_s": hover_s if section.capture == "hover" else None,
        "turn_around_m": section.turn_around_m,
    }


def _swept(section: SurveySection | SweepSection) -> dict[str, Any]:
    """The arguments that every :class:`SurveyPattern` shares."""
    default = SurveyPattern()
    side, front = section.overlap.side, section.overlap.front
    return {
        "side_overlap": default.side_overlap if side is None else side,
        "front_overlap": default.front_overlap if front is None else front,
        "spacing_m": section.spacing_m,
        "trigger_distance_m": section.trigger_distance_m,
        "gimbal_pitch_deg": section.gimbal_pitch_deg,
    }


_PHOTOS_PER_TURN = 36
"""Photographs on a circle unless the mission says otherwise: one every 10°."""


def _looped(section: LoopSection) -> dict[str, Any]:
    """The arguments that every :class:`LoopPattern` shares."""
    return {
        "clockwise": section.direction == "clockwise",
        "heights_m": tuple(section.heights_m or ()),
        "turns": section.turns,
        "trigger_distance_m": section.trigger_distance_m,
        "tolerance_m": section.tolerance_m,
    }


def _centre_line(
    section: CorridorSection, key: str, base_dir: Path, ledger: Ledger
) -> tuple[tuple[LatLon, ...], float] | None:
    """A corridor's line in WGS84 and its width [m], from the mission file or the file that it names."""
    if section.line is not None and section.width_m is not None:
        ledger.vertices += len(section.line)
        return ledger.wgs84(section.line, ledger.datum), section.width_m
    found = _line_in_file(section.file or "", key, base_dir, ledger)
    return None if found is None else (found[0], section.width_m or found[1])


def _line_in_file(
    text: str, key: str, base_dir: Path, ledger: Ledger
) -> tuple[tuple[LatLon, ...], float] | None:
    """The one corridor of a file: its line in WGS84 and its width [m]; None after reporting."""
    path = (key, "file")
    if "://" in text or not text.isprintable():
        ledger.add(
            path,
            Message("must be a file's path (got {text!r})", text=text[:60]),
            "save the file beside the mission",
        )
        return None
    try:
        read = read_area_file(base_dir / text, datum=ledger.datum)
    except GeometryError as error:
        ledger.refuse(path, error)
        return None
    if len(read.corridors) != 1 or not read.only_corridors:
        ledger.add(
            path,
            Message(
                "{file} draws {corridors} corridors"
                if read.only_corridors
                else "{file} draws {corridors} corridors and other areas",
                file=read.source_name,
                corridors=len(read.corridors),
            ),
            "one LineString with the properties role: corridor and corridor_width_m is wanted",
        )
        return None
    ledger.vertices += read.vertices
    if read.moved is not None:
        ledger.record_move([read.moved[0]], [read.moved[1]], ledger.datum)
    ledger.notes.append(
        Message(
            "corridor read from {source_name} (SHA-256 {source_sha256})",
            source_name=read.source_name,
            source_sha256=read.source_sha256[:16],
        )
    )
    ledger.notes += list(read.notes)
    corridor = read.corridors[0]
    return corridor.line, corridor.width_m


def line_path(key: str, ledger: Ledger) -> KeyPath:
    """Where the mission file says how a corridor runs."""
    return (key, "file") if (key, "file") in ledger.tree.places else (key, "line")


def corridor_ground(pattern: CorridorPattern, key: str, ledger: Ledger) -> Any | None:
    """The ground of a corridor, a geographic (Multi)Polygon; None after reporting why there is none."""
    drawn = shapely.LineString([(p.lon_deg, p.lat_deg) for p in pattern.line])
    frame = LocalFrame.around(drawn)
    line = frame.to_local(drawn)
    if not np.isfinite(shapely.get_coordinates(line)).all() or line.length > _LONGEST_CORRIDOR_M:
        ledger.add(
            line_path(key, ledger),
            Message(
                "the line is longer than {most_km:.0f} km",
                most_km=_LONGEST_CORRIDOR_M / 1000,
            ),
            "check for swapped or mistyped coordinates",
        )
        return None
    if line.length < 1.0:
        ledger.add(line_path(key, ledger), "the line has no length", "give its two ends different places")
        return None
    return frame.to_geographic(line.buffer(pattern.width_m / 2, cap_style="flat"))


_LONGEST_CORRIDOR_M = 200_000.0


def resolve_pattern(
    section: PatternSection,
    key: str,
    camera: Camera | None,
    ledger: Ledger,
    *,
    base_dir: Path,
    tolerance_m: float | None = None,
    last_seen: LatLon | None = None,
) -> Pattern | None:
    """What to fly, with places in WGS84; None after reporting why there is nothing.

    Args:
        section: the block.
        key: its name.
        camera: for heights that follow from a GSD.
        ledger: takes problems and notes.
        base_dir: where files are looked up.
        tolerance_m: as in :func:`resolve_height`.
        last_seen: the datum of the patterns about one place, unless they name another.
    """
    if isinstance(section, SweepSection):
        return _search_pattern(section, key, ledger, base_dir=base_dir, last_seen=last_seen)
    if isinstance(section, LawnmowerSection):
        return LawnmowerPattern(
            **_lines_photographed(section),
            angle_deg=section.angle_deg,
            crosshatch=section.crosshatch,
            entry=resolve_place(section.entry, ledger) if section.entry else None,
            start_into_wind=section.start == "into_wind",
        )
    if isinstance(section, CorridorSection):
        centre = _centre_line(section, key, base_dir, ledger)
        if centre is None:
            return None
        line, width_m = centre
        return CorridorPattern(
            **_lines_photographed(section), line=line, width_m=width_m, lines=section.lines
        )
    if isinstance(section, OrbitSection):
        return OrbitPattern(
            **_looped(section),
            centre=resolve_place(section.centre, ledger),
            radius_m=section.radius_m,
            photos_per_turn=section.photos_per_turn or _PHOTOS_PER_TURN,
            target_height_m=section.target_height_m,
        )
    if isinstance(section, PerimeterSection):
        default = PerimeterPattern()
        front = section.overlap.front
        return PerimeterPattern(
            **_looped(section),
            offset_m=section.offset_m,
            front_overlap=default.front_overlap if front is None else front,
            gimbal_pitch_deg=section.gimbal_pitch_deg,
            look=Look(section.look),
        )
    return WaypointPattern(
        points=_fixed_points(section, key, camera, ledger, tolerance_m),
        shortest=section.order == "shortest",
    )


def _fixed_points(
    section: WaypointsSection,
    key: str,
    camera: Camera | None,
    ledger: Ledger,
    tolerance_m: float | None,
) -> tuple[FixedPoint, ...]:
    return tuple(
        FixedPoint(
            position=resolve_place(point, ledger),
            altitude=resolve_height(
                point.height, camera, (key, "points", number, "height"), ledger, tolerance_m=tolerance_m
            )
            if point.height
            else None,
            dwell_s=point.dwell_s,
            heading_deg=point.heading_deg,
            gimbal_pitch_deg=point.gimbal_pitch_deg,
            photo=point.photo,
            name=point.name,
        )
        for number, point in enumerate(section.points)
    )


def _search_pattern(
    section: SweepSection, key: str, ledger: Ledger, *, base_dir: Path, last_seen: LatLon | None
) -> SearchPattern | None:
    swept = _swept(section)
    if isinstance(section, ParallelSection):
        return ParallelPattern(**swept, angle_deg=section.angle_deg)
    if isinstance(section, CreepingLineSection):
        start = resolve_place(section.start, ledger) if section.start else None
        return CreepingLinePattern(**swept, angle_deg=section.angle_deg, start=start)
    if isinstance(section, TrackLineSection):
        if section.line is not None:
            ledger.vertices += len(section.line)
            line = ledger.wgs84(section.line, ledger.datum)
        else:
            found = _line_in_file(section.file or "", key, base_dir, ledger)
            if found is None:
                return None
            line = found[0]
        return TrackLinePattern(**swept, line=line, passes=section.passes)
    if isinstance(section, ContourSection):
        return ContourPattern(**swept, step_m=section.step_m)
    return (
        _datum_pattern(section, key, ledger, swept, last_seen) if isinstance(section, DatumSection) else None
    )


def _datum_pattern(
    section: DatumSection, key: str, ledger: Ledger, swept: dict[str, Any], last_seen: LatLon | None
) -> ExpandingSquarePattern | SectorPattern | None:
    centre = resolve_place(section.centre, ledger) if section.centre else last_seen
    if centre is None:
        ledger.add(
            (key, "centre"),
            "is missing",
            "centre: {lat: 47.26931, lon: 11.40412}, or give the file's last_seen",
        )
        return None
    drift = None
    if section.drift is not None:
        drift = Drift(
            toward_deg=section.drift.toward_deg,
            speed_m_s=section.drift.speed_m_s,
            elapsed_s=section.drift.elapsed_min * 60.0,
        )
    swept |= {"centre": centre, "first_leg_deg": section.first_leg_deg, "drift": drift}
    if isinstance(section, ExpandingSquareSection):
        return ExpandingSquarePattern(**swept, radius_m=section.radius_m, starboard=section.turn == "right")
    if isinstance(section, SectorSection):
        return SectorPattern(
            **swept, radius_m=section.radius_m, passes=section.passes, sector_deg=section.sector_deg
        )
    return None
