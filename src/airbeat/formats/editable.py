"""A plan's survey as a pattern that QGroundControl can edit, where it could lay such lines again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.formats.qgc_complex import MANUAL_CAMERA
from airbeat.geo.coordinates import Altitude, LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.mission.commands import MavCmd
from airbeat.mission.editable import EditablePattern, PatternCamera, PatternKind
from airbeat.mission.plan import FlightPlan, ItemRole, PlanItem, Survey

__all__ = ["made_editable"]

_CUSTOM_CAMERA = "Custom Camera"
"""CameraCalc::canonicalCustomCameraName: figures of a camera that QGroundControl's list does not have."""
_SAME_HEIGHT_M = 0.01
_NADIR_DEG = -90.0


def made_editable(plan: FlightPlan) -> tuple[FlightPlan, str]:
    """The plan with its survey or corridor as an editable pattern; its items stay as they are.

    Returns:
        The plan, and why QGroundControl could not draw the pattern anew; empty where it can.
    """
    if plan.editable_patterns:
        return plan, ""
    survey = plan.survey
    run = _run(plan.items)
    if survey is None or run is None:
        return plan, "the plan does not say which area its lines cover"
    outline, why = _outline(survey)
    altitude = _altitude(plan.items[run.start : run.stop])
    if not why and altitude is None:
        why = "its lines are not at one height, which QGroundControl would give them"
    if why or altitude is None:
        return plan, why
    pattern = _pattern(
        survey,
        plan.items[run.start : run.stop],
        first=run.start + 1,
        outline=outline,
        altitude=altitude,
        photos=plan.estimate.photos if plan.estimate else 0,
    )
    return replace(plan, patterns=(pattern,)), ""


def _run(items: Sequence[PlanItem]) -> range | None:
    """Indices of the lines: from the waypoint where the first begins to the last action at the end."""
    sweeps = [n for n, item in enumerate(items) if item.role is ItemRole.SWEEP]
    if not sweeps:
        return None
    first, last = sweeps[0], sweeps[-1] + 1
    before = [n for n in range(first) if items[n].is_nav]
    if before and items[before[-1]].command == MavCmd.NAV_WAYPOINT:
        first = before[-1]
    while last < len(items) and not items[last].is_nav:
        last += 1
    return range(first, last)


def _outline(survey: Survey) -> tuple[tuple[LatLon, ...], str]:
    if survey.corridor_line:
        return survey.corridor_line, ""
    parts = list(getattr(survey.area, "geoms", [survey.area]))
    if len(parts) != 1:
        return (), f"its area has {len(parts)} parts, a survey in QGroundControl has one"
    holes = len(parts[0].interiors)
    if holes:
        return (), f"its area has {holes} holes or keep-outs, over which QGroundControl would fly"
    ring = shapely.get_coordinates(parts[0].exterior)[:-1].tolist()
    return tuple(LatLon(lat_deg=lat, lon_deg=lon) for lon, lat in ring), ""


def _altitude(items: Sequence[PlanItem]) -> Altitude | None:
    """The one height that all places of the lines have; None where they differ."""
    found = [item.altitude for item in items if item.is_nav and item.position is not None]
    first = found[0] if found else None
    if first is None:
        return None
    same = all(
        a is not None and a.datum is first.datum and abs(a.value_m - first.value_m) <= _SAME_HEIGHT_M
        for a in found
    )
    return first if same else None


def _pattern(
    survey: Survey,
    items: tuple[PlanItem, ...],
    *,
    first: int,
    outline: tuple[LatLon, ...],
    altitude: Altitude,
    photos: int,
) -> EditablePattern:
    track = tuple(item.position for item in items if item.is_nav and item.position is not None)
    corridor = bool(survey.corridor_line)
    camera = _camera(survey, altitude)
    return EditablePattern(
        kind=PatternKind.CORRIDOR if corridor else PatternKind.SURVEY,
        first=first,
        items=items,
        outline=outline,
        angle_deg=0.0 if corridor else survey.sweep_angle_deg,
        width_m=survey.corridor_width_m,
        altitude=altitude,
        spacing_m=survey.spacing_m,
        trigger_distance_m=survey.trigger_distance_m,
        entry=_corridor_entry(outline, track) if corridor else _survey_entry(outline, track, survey),
        turnaround_m=survey.turn_around_m,
        photos=photos,
        hover=not any(_triggers(item) for item in items),
        track=track,
        camera_name=MANUAL_CAMERA if camera is None else _CUSTOM_CAMERA,
        camera=camera,
    )


def _camera(survey: Survey, altitude: Altitude) -> PatternCamera | None:
    """QGroundControl's figures for the camera that give this spacing; None where none do.

    CameraCalc::_recalcTriggerDistance: GSD = height · sensor width / (image width · focal length), footprint
    = image size · GSD, spacing = footprint · (100 - overlap) / 100, for a camera that looks straight down.
    """
    camera = survey.camera
    if survey.gimbal_pitch_deg != _NADIR_DEG or not altitude.value_m > 0:
        return None
    gsd_m_px = camera.gsd_m_px(altitude.value_m)
    side = 100.0 * (1.0 - survey.spacing_m / (camera.image_width_px * gsd_m_px))
    frontal = 100.0 * (1.0 - survey.trigger_distance_m / (camera.image_height_px * gsd_m_px))
    if not (0.0 <= side < 100.0 and 0.0 <= frontal < 100.0):
        return None
    return PatternCamera(
        sensor_width_mm=camera.sensor_width_mm,
        sensor_height_mm=camera.sensor_height_mm,
        focal_length_mm=camera.focal_length_mm,
        image_width_px=camera.image_width_px,
        image_height_px=camera.image_height_px,
        landscape=True,
        fixed_orientation=False,
        min_interval_s=camera.min_interval_s,
        frontal_overlap_percent=frontal,
        side_overlap_percent=side,
        gsd_cm_px=100.0 * gsd_m_px,
        height_is_set=True,
    )


def _survey_entry(outline: Sequence[LatLon], track: Sequence[LatLon], survey: Survey) -> int:
    """The corner, as SurveyComplexItem counts them, at which the first line begins.

    Its lines lie from west to east, turned clockwise by the angle brought to -90…90, and each runs from the
    outline's earlier edge to the later one; 1 stands for the last line first, 2 for each line the other way.
    """
    angle_deg = survey.sweep_angle_deg
    turned = math.radians(angle_deg - 180.0 if angle_deg > 90.0 else angle_deg)
    frame = LocalFrame(outline[0])
    corners, xy = (np.array(frame.to_xy(places)) for places in (outline, track))
    centre = (corners.min(axis=0) + corners.max(axis=0)) / 2.0
    axes = np.array([[math.cos(turned), math.sin(turned)], [-math.sin(turned), math.cos(turned)]])
    ring, path = (corners - centre) @ axes, (xy - centre) @ axes
    from_east = path[0, 0] > (ring[:, 0].min() + ring[:, 0].max()) / 2.0
    northward = len(path) > 1 and path[1, 1] > path[0, 1]
    return int(from_east) + 2 * int(northward != _runs_north(ring, survey.spacing_m))


def _runs_north(ring: npt.NDArray[np.float64], spacing_m: float) -> bool:
    """Whether QGroundControl would fly the first line northward, in axes where its lines run north.

    SurveyComplexItem::_intersectLinesWithPolygon: a line's first end is on the edge that comes first.
    """
    size = np.ptp(ring, axis=0)
    offset = -(float(size.max()) + 2000.0) / 2.0
    first = offset + spacing_m * math.ceil((float(ring[:, 0].min()) - offset) / spacing_m)
    found: list[float] = []
    for (ax, ay), (bx, by) in itertools.pairwise([*ring, ring[0]]):
        if (ax <= first) != (bx <= first):
            found.append(ay + (by - ay) * (first - ax) / (bx - ax))
    if len(found) < 2:
        return False
    return found.index(min(found)) < found.index(max(found))


def _corridor_entry(line: Sequence[LatLon], track: Sequence[LatLon]) -> int:
    """The corner, as CorridorScanComplexItem counts them: 1 for the right side first, 2 for the far end."""
    frame = LocalFrame(line[0])
    (ax, ay), (bx, by) = (frame.to_xy([p])[0] for p in _end_of(line, track[0]))
    x, y = frame.to_xy([track[0]])[0]
    right = (bx - ax) * (y - ay) - (by - ay) * (x - ax) < 0.0
    far = distance_m(track[0], line[-1]) < distance_m(track[0], line[0])
    return int(right) + 2 * int(far)


def _end_of(line: Sequence[LatLon], place: LatLon) -> tuple[LatLon, LatLon]:
    """The first or the last piece of a line, whichever a place is nearer to the end of."""
    far = distance_m(place, line[-1]) < distance_m(place, line[0])
    return (line[-2], line[-1]) if far else (line[0], line[1])


def _triggers(item: PlanItem) -> bool:
    return item.command == MavCmd.DO_SET_CAM_TRIGG_DIST and item.params[0] > 0
