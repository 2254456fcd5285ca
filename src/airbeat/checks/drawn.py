"""What a plan's surveys and corridor scans were drawn to photograph, and with which camera.

A ground station's survey is a claim: these lines photograph this ground. The figures of its camera are enough
to hold it against the footprints of the photographs that the items really take.
"""

from __future__ import annotations

from typing import Any

import shapely

from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.mission.editable import EditablePattern, PatternCamera, PatternKind
from airbeat.mission.plan import FlightPlan
from airbeat.vehicle.camera import Camera

__all__ = ["drawn_camera", "drawn_ground"]

_FARTHEST_M = 100_000.0
_SENSOR_MM = (0.5, 100.0)
_FOCAL_MM = (0.5, 2000.0)
_IMAGE_PX = (16, 100_000)


def drawn_camera(plan: FlightPlan) -> Camera | None:
    """The camera of the plan's surveys; None where they state none, or different ones.

    Its exposure is the usual one of a `Camera`: ground stations do not state it.
    """
    cameras = {_camera(pattern) for pattern in _photographed(plan)}
    return cameras.pop() if len(cameras) == 1 else None


def drawn_ground(plan: FlightPlan) -> Any | None:
    """The ground of the plan's surveys and corridor scans as a geographic geometry; None for none.

    A corridor is as wide as it says and ends square where its line ends.
    """
    patterns = _photographed(plan)
    if not patterns:
        return None
    frame = LocalFrame(plan.home)
    grounds = []
    for pattern in patterns:
        xy = frame.to_xy(pattern.outline)
        if pattern.kind is PatternKind.SURVEY:
            grounds.append(shapely.make_valid(shapely.Polygon(xy)))
        else:
            grounds.append(shapely.LineString(xy).buffer(pattern.width_m / 2, cap_style="flat"))
    ground = shapely.union_all([part for g in grounds for part in shapely.get_parts(g) if part.area > 0])
    return None if ground.is_empty else frame.to_geographic(ground)


def _photographed(plan: FlightPlan) -> list[EditablePattern]:
    """Those that take photographs and enclose some ground near home."""
    return [
        p
        for p in plan.editable_patterns
        if (p.trigger_distance_m > 0 or p.hover)
        and len(p.outline) >= (3 if p.kind is PatternKind.SURVEY else 2)
        and (p.kind is PatternKind.SURVEY or p.width_m > 0)
        and all(distance_m(plan.home, place) <= _FARTHEST_M for place in p.outline)
    ]


def _camera(pattern: EditablePattern) -> Camera | None:
    own = pattern.camera
    if own is None or not _can_be(own):
        return None
    sensor = (own.sensor_width_mm, own.sensor_height_mm)
    image = (own.image_width_px, own.image_height_px)
    if not own.landscape:
        sensor, image = sensor[::-1], image[::-1]
    return Camera(
        name=pattern.camera_name,
        sensor_width_mm=sensor[0],
        sensor_height_mm=sensor[1],
        focal_length_mm=own.focal_length_mm,
        image_width_px=image[0],
        image_height_px=image[1],
        min_interval_s=own.min_interval_s,
    )


def _can_be(camera: PatternCamera) -> bool:
    """Whether its figures are those of a camera, and not zeros that a ground station fills in."""
    sides = (camera.sensor_width_mm, camera.sensor_height_mm)
    pixels = (camera.image_width_px, camera.image_height_px)
    return (
        all(_SENSOR_MM[0] <= side <= _SENSOR_MM[1] for side in sides)
        and _FOCAL_MM[0] <= camera.focal_length_mm <= _FOCAL_MM[1]
        and all(_IMAGE_PX[0] <= count <= _IMAGE_PX[1] for count in pixels)
        and camera.min_interval_s >= 0.0
    )
