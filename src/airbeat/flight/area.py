"""How much of a plan's area has been photographed so far, kept up to date while it is flown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import shapely

from airbeat.errors import FrameError
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.locate.ground import footprint
from airbeat.mission.plan import FlightPlan, Survey

if TYPE_CHECKING:
    from airbeat.flight.state import FlightState

__all__ = ["PhotographedArea", "photographed_before", "reported_frame"]

_GRID_M = 0.001
"""Slivers narrower than this, left by round-off between neighbouring footprints, are nothing."""


def reported_frame(
    survey: Survey, *, position: LatLon, height_above_home_m: float, yaw_deg: float, name: str
) -> FrameMeta:
    """A photograph tilted as planned, the image's top towards the nose, as an autopilot reports it."""
    camera = survey.camera
    return FrameMeta(
        path=Path(name),
        width_px=camera.image_width_px,
        height_px=camera.image_height_px,
        position=position,
        height_above_home_m=height_above_home_m,
        gimbal_yaw_deg=yaw_deg,
        gimbal_pitch_deg=survey.gimbal_pitch_deg,
        gimbal_roll_deg=0.0,
        focal_length_px=camera.focal_length_px,
    )


class PhotographedArea:
    """The share of a survey's area that lies in a photograph's footprint, on flat ground at home's height."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        self._frame = LocalFrame.around(survey.area)
        self._missing = shapely.make_valid(self._frame.to_local(survey.area))
        self._whole_m2 = float(self._missing.area)

    @property
    def share(self) -> float:
        """0…1."""
        return 1.0 - float(self._missing.area) / self._whole_m2 if self._whole_m2 > 0.0 else 0.0

    def add(self, *, position: LatLon, height_above_home_m: float, yaw_deg: float) -> None:
        """One photograph; one that shows no ground (taken on the ground, for instance) adds nothing."""
        frame = reported_frame(
            self._survey,
            position=position,
            height_above_home_m=height_above_home_m,
            yaw_deg=yaw_deg,
            name="photograph",
        )
        try:
            seen = self._frame.to_local(footprint(frame))
        except FrameError:
            return
        self._missing = shapely.difference(self._missing, shapely.make_valid(seen), grid_size=_GRID_M)


def photographed_before(plan: FlightPlan, earlier: FlightState | None) -> PhotographedArea | None:
    """What is photographed of the plan's area before a flight.

    Args:
        plan: the whole plan.
        earlier: of the flights of it before this one, or None.

    Returns:
        None where the plan states no area.
    """
    if plan.survey is None:
        return None
    area = PhotographedArea(plan.survey)
    for photo in earlier.photos if earlier else ():
        area.add(
            position=photo.position, height_above_home_m=photo.height_above_home_m, yaw_deg=photo.yaw_deg
        )
    return area
