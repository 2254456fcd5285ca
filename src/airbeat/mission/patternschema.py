"""The block of a mission file that says what is flown: one model a pattern."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic import model_validator as _model_validator

from airbeat.language.words import Message
from airbeat.mission.sections import (
    MIN_DISTANCE_M,
    Bearing,
    HeightSection,
    LoopHeight,
    PlaceSection,
    PointSection,
    Section,
    Share,
    Text,
    complaint,
)

__all__ = [
    "PATTERNS",
    "ContourSection",
    "CorridorSection",
    "CreepingLineSection",
    "DatumSection",
    "DriftSection",
    "ExpandingSquareSection",
    "LawnmowerSection",
    "LoopSection",
    "OrbitSection",
    "OverlapSection",
    "ParallelSection",
    "PatternSection",
    "PerimeterSection",
    "SectorSection",
    "SurveySection",
    "SweepSection",
    "TrackLineSection",
    "WaypointSection",
    "WaypointsSection",
    "pattern_tag",
]

MAX_FIXED_POINTS = 500


def _angle(value: Any) -> float | None:
    if value == "auto":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 360:
        raise complaint(
            Message("must be auto or 0 to 360 (got {value!r})", value=value), "90 flies the lines east-west"
        )
    return float(value)


def pattern_tag(default: str) -> Discriminator:
    """Which pattern a block means, ``default`` where it does not say."""

    def tag(value: Any) -> str:
        chosen = value.get("pattern", default) if isinstance(value, dict) else default
        return chosen if isinstance(chosen, str) else f"{chosen!r}"

    return Discriminator(tag)


class OverlapSection(Section):
    """Overlap of footprints as shares: 0.3 is 30 %."""

    side: Share | None = None
    front: Share | None = None


def _refuse_two_distances(section: SurveySection | SweepSection) -> None:
    if section.spacing_m is not None and section.overlap.side is not None:
        raise complaint("spacing_m and overlap.side contradict each other", "keep one of the two")
    if section.trigger_distance_m is not None and section.overlap.front is not None:
        raise complaint("trigger_distance_m and overlap.front contradict each other", "keep one of the two")


class SurveySection(Section):
    """What every pattern of photographed lines shares."""

    overlap: OverlapSection = OverlapSection()
    spacing_m: float | None = Field(default=None, ge=MIN_DISTANCE_M, le=2000)
    trigger_distance_m: float | None = Field(default=None, ge=MIN_DISTANCE_M, le=2000)
    gimbal_pitch_deg: float | None = Field(default=None, ge=-90, le=-20)
    capture: Literal["moving", "hover"] = "moving"
    hover_s: float | None = Field(default=None, ge=0, le=60)
    turn_around_m: float = Field(default=0.0, ge=0, le=500)

    @_model_validator(mode="after")
    def _no_contradiction(self) -> Self:
        _refuse_two_distances(self)
        if self.hover_s is not None and self.capture != "hover":
            raise complaint("hover_s goes with capture: hover", "add capture: hover, or leave hover_s out")
        return self


class LawnmowerSection(SurveySection):
    """Parallel sweep lines."""

    pattern: Literal["lawnmower"] = "lawnmower"
    angle_deg: Annotated[float | None, BeforeValidator(_angle)] = None
    crosshatch: bool = False
    entry: PlaceSection | None = None
    start: Literal["nearest", "into_wind"] | None = None

    @_model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.start is not None and self.entry is not None:
            raise complaint("start and entry contradict each other", "keep one of the two")
        return self


class CorridorSection(SurveySection):
    """Lines side by side along a centre line."""

    pattern: Literal["corridor"] = "corridor"
    line: Annotated[list[PointSection], Field(min_length=2, max_length=2000)] | None = None
    file: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    width_m: float | None = Field(default=None, gt=0, le=5000)
    lines: Annotated[int, Field(ge=1, le=200)] | None = None

    @_model_validator(mode="after")
    def _one_line(self) -> Self:
        if (self.line is None) == (self.file is None):
            raise complaint(
                "must hold either line or file",
                "line: [{lat: 47.26931, lon: 11.40412}, …], or file: river.geojson",
            )
        if self.line is not None and self.width_m is None:
            raise complaint(
                "width_m is missing", "the full width to be photographed in metres, e.g. width_m: 60"
            )
        return self

    @_model_validator(mode="after")
    def _one_count(self) -> Self:
        if self.lines is not None and (self.spacing_m is not None or self.overlap.side is not None):
            raise complaint(
                "lines contradicts spacing_m and overlap.side", "say how many, or how far apart, not both"
            )
        return self


class WaypointSection(PlaceSection):
    """One fixed point."""

    name: Text = ""
    dwell_s: float = Field(default=0.0, ge=0, le=7200)
    heading_deg: Bearing | None = None
    gimbal_pitch_deg: float | None = Field(default=None, ge=-90, le=45)
    height: HeightSection | None = None
    photo: bool = False


class WaypointsSection(Section):
    """Fixed points, flown in the order given or on the shortest tour."""

    pattern: Literal["waypoints"] = "waypoints"
    order: Literal["given", "shortest"] = "given"
    points: Annotated[list[WaypointSection], Field(min_length=1, max_length=MAX_FIXED_POINTS)] = Field(
        description="the points in flying order: - {lat: 47.26931, lon: 11.40412, dwell_s: 20}"
    )


class LoopSection(Section):
    """What closed, photographed loops share."""

    direction: Literal["clockwise", "counterclockwise"] = "clockwise"
    heights_m: Annotated[list[LoopHeight], Field(min_length=1, max_length=50)] | None = None
    turns: int = Field(default=1, ge=1, le=20)
    trigger_distance_m: float | None = Field(default=None, ge=MIN_DISTANCE_M, le=2000)
    tolerance_m: float = Field(default=0.5, ge=0.1, le=10)


class OrbitSection(LoopSection):
    """Circles round a place."""

    pattern: Literal["orbit"] = "orbit"
    centre: PlaceSection = Field(description="what is circled, centre: {lat: 47.26931, lon: 11.40412}")
    radius_m: float = Field(ge=2, le=2000, description="radius in metres, e.g. radius_m: 40")
    photos_per_turn: Annotated[int, Field(ge=3, le=720)] | None = None
    target_height_m: float = Field(default=0.0, ge=-100, le=1000)

    @_model_validator(mode="after")
    def _one_distance(self) -> Self:
        if self.photos_per_turn is not None and self.trigger_distance_m is not None:
            raise complaint(
                "photos_per_turn and trigger_distance_m contradict each other", "keep one of the two"
            )
        if self.tolerance_m > self.radius_m / 4:
            raise complaint(
                Message(
                    "tolerance_m must be a quarter of radius_m or less (got {tolerance_m:g})",
                    tolerance_m=self.tolerance_m,
                ),
                "it says how far the straight legs may cut into the circle",
            )
        return self


class FrontOverlapSection(Section):
    """Overlap of successive photographs as a share."""

    front: Share | None = None


class PerimeterSection(LoopSection):
    """Closed loops along the area's edge."""

    pattern: Literal["perimeter"] = "perimeter"
    offset_m: float = Field(default=0.0, ge=-500, le=500)
    overlap: FrontOverlapSection = FrontOverlapSection()
    gimbal_pitch_deg: float | None = Field(default=None, ge=-90, le=20)
    look: Literal["ahead", "inward", "outward"] = "ahead"

    @_model_validator(mode="after")
    def _one_distance(self) -> Self:
        if self.trigger_distance_m is not None and self.overlap.front is not None:
            raise complaint(
                "trigger_distance_m and overlap.front contradict each other", "keep one of the two"
            )
        return self


class SweepSection(Section):
    """What the search patterns share: lines photographed in flight."""

    overlap: OverlapSection = OverlapSection()
    spacing_m: float | None = Field(default=None, ge=MIN_DISTANCE_M, le=2000)
    trigger_distance_m: float | None = Field(default=None, ge=MIN_DISTANCE_M, le=2000)
    gimbal_pitch_deg: float | None = Field(default=None, ge=-90, le=-20)

    @_model_validator(mode="after")
    def _no_contradiction(self) -> Self:
        _refuse_two_distances(self)
        return self


class ParallelSection(SweepSection):
    """Legs along the long axis of the area, the first half a spacing inside its edge."""

    pattern: Literal["parallel"] = "parallel"
    angle_deg: Annotated[float | None, BeforeValidator(_angle)] = None


class CreepingLineSection(SweepSection):
    """Legs across the long axis, beginning at the end where the person is likelier to be."""

    pattern: Literal["creeping-line"] = "creeping-line"
    angle_deg: Annotated[float | None, BeforeValidator(_angle)] = None
    start: PlaceSection | None = None


class DriftSection(Section):
    """How the datum moves with wind or water while it is searched for."""

    toward_deg: Bearing = Field(description="where it drifts to: 90 is towards the east")
    speed_m_s: float = Field(gt=0, le=5, description="its speed in metres a second, e.g. speed_m_s: 0.3")
    elapsed_min: float = Field(default=0.0, ge=0, le=2880)


class DatumSection(SweepSection):
    """What the patterns about one place share; the place is last_seen unless said otherwise."""

    centre: PlaceSection | None = None
    first_leg_deg: Bearing | None = None
    drift: DriftSection | None = None


class ExpandingSquareSection(DatumSection):
    """Legs that grow by a spacing at every second turn."""

    pattern: Literal["expanding-square"] = "expanding-square"
    radius_m: float = Field(
        ge=5, le=5000, description="half the side of the square that is searched, e.g. radius_m: 150"
    )
    turn: Literal["right", "left"] = "right"


class SectorSection(DatumSection):
    """Diameters through one place, joined by chords."""

    pattern: Literal["sector"] = "sector"
    radius_m: float = Field(ge=10, le=5000, description="length of a leg in metres, e.g. radius_m: 200")
    passes: Annotated[int, Field(ge=1, le=2)] = 1
    sector_deg: Annotated[float, Field(ge=10, le=90)] = 60.0

    @_model_validator(mode="after")
    def _divides(self) -> Self:
        count = 180.0 / self.sector_deg
        if abs(count - round(count)) > 1e-6:
            raise complaint(
                Message("sector_deg {sector_deg:g} does not divide 180", sector_deg=self.sector_deg),
                "choose 10, 12, 15, 20, 30, 36, 45, 60 or 90",
            )
        return self


class TrackLineSection(SweepSection):
    """Passes along a line, and back beside it."""

    pattern: Literal["track-line"] = "track-line"
    line: Annotated[list[PointSection], Field(min_length=2, max_length=2000)] | None = None
    file: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    passes: Annotated[int, Field(ge=1, le=50)] = 1

    @_model_validator(mode="after")
    def _one_line(self) -> Self:
        if (self.line is None) == (self.file is None):
            raise complaint(
                "must hold either line or file",
                "line: [{lat: 47.26931, lon: 11.40412}, …], or file: river.geojson",
            )
        return self


class ContourSection(SweepSection):
    """Rings of one height each along the ground, from the top down."""

    pattern: Literal["contour"] = "contour"
    step_m: float | None = Field(default=None, ge=1, le=500)


PatternSection: TypeAlias = (
    Annotated[LawnmowerSection, Tag("lawnmower")]
    | Annotated[CorridorSection, Tag("corridor")]
    | Annotated[WaypointsSection, Tag("waypoints")]
    | Annotated[OrbitSection, Tag("orbit")]
    | Annotated[PerimeterSection, Tag("perimeter")]
    | Annotated[ParallelSection, Tag("parallel")]
    | Annotated[CreepingLineSection, Tag("creeping-line")]
    | Annotated[ExpandingSquareSection, Tag("expanding-square")]
    | Annotated[SectorSection, Tag("sector")]
    | Annotated[TrackLineSection, Tag("track-line")]
    | Annotated[ContourSection, Tag("contour")]
)
"""Any of them, told apart by ``pattern``."""

PATTERNS = (
    "lawnmower",
    "corridor",
    "waypoints",
    "orbit",
    "perimeter",
    "parallel",
    "creeping-line",
    "expanding-square",
    "sector",
    "track-line",
    "contour",
)
"""Their names, as messages list them."""
