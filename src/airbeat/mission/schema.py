"""The mission file ``airbeat: 1`` as pydantic models: what may stand where, in which range.

Each model is one block of the YAML file. Ranges that depend on other blocks (height against the fence,
speed against the airframe) are checked in :mod:`airbeat.mission.sanity`. Field descriptions are shown as
hints when the key is missing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic import model_validator as _model_validator

from airbeat.language.words import Message
from airbeat.mission.patternschema import (
    CorridorSection,
    LawnmowerSection,
    LoopSection,
    OrbitSection,
    OverlapSection,
    PatternSection,
    PerimeterSection,
    SurveySection,
    WaypointSection,
    WaypointsSection,
    pattern_tag,
)
from airbeat.mission.sections import (
    Bearing,
    Datum,
    HeightSection,
    PlaceSection,
    PointSection,
    Section,
    Share,
    Text,
    complaint,
)

__all__ = [
    "MAX_VERTICES",
    "AirframeSection",
    "AreaSection",
    "CameraSection",
    "CorridorSection",
    "Datum",
    "FenceSection",
    "HeightSection",
    "HomeSection",
    "LawnmowerSection",
    "LoopSection",
    "MissionFile",
    "OrbitSection",
    "OutlineSection",
    "OverlapSection",
    "PerimeterSection",
    "PlaceSection",
    "PointSection",
    "RallySection",
    "Section",
    "SurveySection",
    "TerrainSection",
    "Text",
    "WaypointSection",
    "WaypointsSection",
    "WindSection",
    "ZoneSection",
    "complaint",
]

MAX_VERTICES = 20_000
"""Most vertices that one mission may hold, area file included."""

MAX_ZONES = 100
MAX_RALLY_POINTS = 20


def version(value: Any) -> Any:
    if isinstance(value, bool):  # true equals 1 in Python
        raise complaint("must be 1 (got true)" if value else "must be 1 (got false)", "write airbeat: 1")
    return value


def _flown(value: Any) -> Any:
    if value == "case":
        raise complaint("is a case, not a flight", "airbeat search start reads it")
    return value


def with_profile(value: Any) -> Any:
    return {"profile": value} if isinstance(value, str) else value


def _area(value: Any) -> Any:
    if isinstance(value, str):
        return {"file": value}
    if isinstance(value, list):
        several = bool(value) and isinstance(value[0], dict) and "outline" in value[0]
        return {"polygons": value} if several else {"outline": value}
    return value


def with_file(value: Any) -> Any:
    return {"file": value} if isinstance(value, str | list) else value


def _paths(value: Any) -> Any:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise complaint(
            Message("must be a file's path (got {value!r:.60})", value=value), "write file: N47E011.hgt"
        )
    return value


class HomeSection(PlaceSection):
    """The take-off place."""

    amsl_m: float | None = Field(default=None, ge=-450, le=8900)


class CircleSection(PointSection):
    """A circle of the fence."""

    radius_m: float = Field(gt=0, le=50_000, description="radius in metres, e.g. radius_m: 150")


Ring = Annotated[list[PointSection], Field(min_length=3, max_length=MAX_VERTICES)]


class ZoneSection(Section):
    """One zone of the fence: a polygon or a circle."""

    name: Text = ""
    polygon: Ring | None = None
    circle: CircleSection | None = None

    @_model_validator(mode="after")
    def _one_shape(self) -> ZoneSection:
        if (self.polygon is None) == (self.circle is None):
            raise complaint("must hold either polygon or circle", "one zone is one shape")
        return self


Zones = Annotated[list[ZoneSection], Field(max_length=MAX_ZONES)]


class FenceSection(Section):
    """The geofence: stay in at least one inclusion zone, out of every exclusion zone."""

    datum: Datum | None = None
    inclusion: Zones = Field(default_factory=list)
    exclusion: Zones = Field(default_factory=list)
    max_height_m: float | None = Field(default=None, gt=0, le=5000)
    margin_m: float | None = Field(default=None, ge=0, le=500)


class RallySection(PlaceSection):
    """An alternative landing place; its height is above home."""

    height_m: float = Field(gt=0, le=5000, description="height above home in metres, e.g. height_m: 40")
    name: Text = ""


class OutlineSection(Section):
    """One of several polygons."""

    outline: Ring = Field(description="the corners, one after another: - {lat: 47.26931, lon: 11.40412}")
    holes: list[Ring] = Field(default_factory=list)


class AreaSection(Section):
    """The ground to look at, drawn here or in another file."""

    datum: Datum | None = None
    file: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    outline: Ring | None = None
    holes: list[Ring] = Field(default_factory=list)
    polygons: Annotated[list[OutlineSection], Field(min_length=1, max_length=1000)] | None = None

    @_model_validator(mode="after")
    def _one_source(self) -> AreaSection:
        given = [k for k in ("file", "outline", "polygons") if getattr(self, k) is not None]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            raise complaint(
                Message("must hold one of file, outline, polygons (got {got})", got=got), "draw the area once"
            )
        if self.holes and self.outline is None:
            raise complaint("holes stand beside an outline", "put holes into the polygon that they belong to")
        return self


class TerrainSection(Section):
    """Height models of the ground, and how closely it is followed."""

    file: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=1000)]],
        Field(min_length=1, max_length=16),
        BeforeValidator(_paths),
    ] = Field(description="the height model's path beside this file, e.g. file: N47E011.hgt")
    tolerance_m: float = Field(default=5.0, ge=0.5, le=50)
    beyond: Literal["refuse", "flat"] = "refuse"


class WindSection(Section):
    """The wind to plan for."""

    from_deg: Bearing = Field(description="where the wind comes from: 270 is a west wind")
    speed_m_s: float = Field(ge=0, le=40, description="its speed in metres a second, e.g. speed_m_s: 5")
    nose: Literal["track", "wind"] = "track"


Positive = Annotated[float, Field(gt=0, le=1e6)]


class CameraSection(Section):
    """A camera profile by name, some of its values replaced, or all of them given."""

    profile: Text | None = None
    name: Text | None = None
    sensor_width_mm: Positive | None = None
    sensor_height_mm: Positive | None = None
    focal_length_mm: Positive | None = None
    image_width_px: Annotated[int, Field(ge=64, le=100_000)] | None = None
    image_height_px: Annotated[int, Field(ge=64, le=100_000)] | None = None
    min_interval_s: Annotated[float, Field(gt=0, le=60)] | None = None
    exposure_s: Annotated[float, Field(gt=0, le=1)] | None = None
    modality: Literal["rgb", "thermal"] | None = None


class AirframeSection(Section):
    """An airframe profile by name, some of its values replaced, or all of them given."""

    profile: Text | None = None
    name: Text | None = None
    max_speed_m_s: Annotated[float, Field(gt=0, le=60)] | None = None
    acceleration_m_s2: Annotated[float, Field(gt=0, le=50)] | None = None
    corner_acceleration_m_s2: Annotated[float, Field(gt=0, le=50)] | None = None
    climb_m_s: Annotated[float, Field(gt=0, le=30)] | None = None
    descent_m_s: Annotated[float, Field(gt=0, le=30)] | None = None
    land_speed_m_s: Annotated[float, Field(gt=0, le=5)] | None = None
    land_slow_height_m: Annotated[float, Field(ge=0, le=100)] | None = None
    battery_wh: Positive | None = None
    hover_power_w: Positive | None = None
    reserve_share: Share | None = None
    mass_kg: Positive | None = None
    autopilot: Literal["ardupilot", "px4", "dji"] | None = None


class MissionFile(Section):
    """The whole file. The block named after ``kind`` says what is flown."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, validate_assignment=True)

    airbeat: Annotated[Literal[1], BeforeValidator(version)] = Field(
        description="the first line of every mission file is airbeat: 1"
    )
    kind: Annotated[Literal["search", "patrol", "waypoints"], BeforeValidator(_flown)] = Field(
        description="kind: search, patrol or waypoints"
    )
    name: Annotated[Text, Field(min_length=1)] = Field(description="what the operation is called")
    status: Literal["unsurveyed", "surveyed"] | None = None
    datum: Datum = "wgs84"
    home: HomeSection = Field(description="the take-off place, home: {lat: 47.26931, lon: 11.40412}")
    fence: FenceSection | None = None
    rally: Annotated[list[RallySection], Field(max_length=MAX_RALLY_POINTS)] | None = None
    area: Annotated[AreaSection, BeforeValidator(_area)] | None = None
    last_seen: PlaceSection | None = None
    height: HeightSection = Field(
        description="height: {value_m: 60, datum: home}, or {gsd_cm_px: 2.5} from which the height follows"
    )
    speed_m_s: float = Field(gt=0, le=60, description="cruise speed in metres a second, e.g. speed_m_s: 8")
    camera: Annotated[CameraSection, BeforeValidator(with_profile)] = Field(
        description="a camera profile's name or its values"
    )
    airframe: Annotated[AirframeSection, BeforeValidator(with_profile)] = Field(
        description="an airframe profile's name or its values"
    )
    wind: WindSection | None = None
    terrain: Annotated[TerrainSection, BeforeValidator(with_file)] | None = None
    search: Annotated[PatternSection, pattern_tag("lawnmower")] | None = None
    patrol: Annotated[PatternSection, pattern_tag("waypoints")] | None = None
    waypoints: Annotated[PatternSection, pattern_tag("waypoints")] | None = None
