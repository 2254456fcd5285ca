"""Runs of mission items that a ground-control program can draw anew: surveys and corridor scans.

The items are flown as they are. The pattern says from which outline and with which settings the program
would make them again if somebody edits it; the names here are QGroundControl's settings with their units.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from airbeat.geo.coordinates import Altitude, LatLon

if TYPE_CHECKING:
    from airbeat.mission.plan import PlanItem

__all__ = ["EditablePattern", "PatternCamera", "PatternKind", "PatternTerrain"]


class PatternKind(StrEnum):
    """What a pattern lays its lines over."""

    SURVEY = "survey"
    """Parallel lines over a polygon."""
    CORRIDOR = "corridor"
    """Lines along a polyline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternCamera:
    """The camera that a pattern's spacing is computed for.

    Attributes:
        sensor_width_mm: sensor width [mm].
        sensor_height_mm: sensor height [mm].
        focal_length_mm: real focal length [mm].
        image_width_px: photograph width [px].
        image_height_px: photograph height [px].
        landscape: whether the image's width lies across the track.
        fixed_orientation: whether the camera cannot be turned on its mount.
        min_interval_s: shortest time between two photographs [s].
        frontal_overlap_percent: of neighbouring photographs on a line [%].
        side_overlap_percent: of photographs on neighbouring lines [%].
        gsd_cm_px: ground sampling distance [cm/px].
        height_is_set: whether the height was chosen and the GSD follows, or the other way round.
    """

    sensor_width_mm: float
    sensor_height_mm: float
    focal_length_mm: float
    image_width_px: int
    image_height_px: int
    landscape: bool
    fixed_orientation: bool
    min_interval_s: float
    frontal_overlap_percent: float
    side_overlap_percent: float
    gsd_cm_px: float
    height_is_set: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternTerrain:
    """How the program computed heights above the terrain.

    Attributes:
        tolerance_m: by how much the path may be off [m].
        climb_m_s: fastest climb along the path, 0 for no limit [m/s].
        descent_m_s: fastest descent along the path, 0 for no limit [m/s].
        speed_m_s: for which speed, or None if the file does not say [m/s].
    """

    tolerance_m: float
    climb_m_s: float
    descent_m_s: float
    speed_m_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditablePattern:
    """A survey or corridor scan, with the items of the plan that were made from it.

    Attributes:
        kind: survey or corridor.
        first: MAVLink number of its first item in the plan.
        items: its items, as they stood in the plan then.
        outline: a survey's polygon (the last vertex does not repeat the first), a corridor's line.
        angle_deg: bearing of a survey's lines [degrees]; 0 for a corridor.
        width_m: full width of a corridor [m]; 0 for a survey.
        altitude: of the lines; above home or sea level, or above the ground below.
        spacing_m: between neighbouring lines [m].
        trigger_distance_m: between photographs on a line [m]; 0 for none.
        entry: at which corner it begins, 0 to 3 as QGroundControl counts them.
        turnaround_m: how far lines go on beyond the edge [m].
        photos: how many photographs.
        photos_in_turns: whether the camera stays on in the turns.
        hover: whether the vehicle stops for each photograph.
        crosshatch: whether it is flown again at 90°.
        alternate: whether every other line is left for the way back.
        split_concave: whether concave outlines are split.
        track: the places of the lines, as the program shows them.
        camera_name: as the program calls it.
        camera: its figures; None where spacing and trigger distance were set by hand.
        terrain: how heights above the terrain were computed; None where they were not.
    """

    kind: PatternKind
    first: int
    items: tuple[PlanItem, ...]
    outline: tuple[LatLon, ...]
    angle_deg: float = 0.0
    width_m: float = 0.0
    altitude: Altitude
    spacing_m: float
    trigger_distance_m: float
    entry: int = 0
    turnaround_m: float = 0.0
    photos: int = 0
    photos_in_turns: bool = False
    hover: bool = False
    crosshatch: bool = False
    alternate: bool = False
    split_concave: bool = False
    track: tuple[LatLon, ...] = ()
    camera_name: str
    camera: PatternCamera | None = None
    terrain: PatternTerrain | None = None

    @property
    def last(self) -> int:
        """MAVLink number of its last item."""
        return self.first + len(self.items) - 1

    def __str__(self) -> str:
        kind = "survey" if self.kind is PatternKind.SURVEY else "corridor scan"
        return f"{kind} of items {self.first} to {self.last}"
