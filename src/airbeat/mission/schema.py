"""The mission file ``airbeat: 1`` as pydantic models: what may stand where, in which range.

Each model is one block of the YAML file. Ranges that depend on other blocks (height against the fence,
speed against the airframe) are checked in :mod:`airbeat.mission.sanity`. Field descriptions are shown as
hints when the key is missing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic import model_validator as _model_validator
from pydantic_core import PydanticCustomError

__all__ = [
    "MAX_VERTICES",
    "AirframeSection",
    "AreaSection",
    "CameraSection",
    "CorridorSection",
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
    "SurveySection",
    "TerrainSection",
    "WaypointSection",
    "WaypointsSection",
    "WindSection",
    "ZoneSection",
    "complaint",
]

MAX_VERTICES = 20_000
"""Most vertices that one mission may hold, area file included."""

MIN_DISTANCE_M = 0.5
"""Least distance between lines, and between photographs [m]."""
MAX_FIXED_POINTS = 500
MAX_ZONES = 100
MAX_RALLY_POINTS = 20


def complaint(message: str, hint: str = "") -> PydanticCustomError:
    """A validation error in the project's own words."""
    return PydanticCustomError("airbeat", "{text}", {"text": message, "hint": hint})


def _angle(value: Any) -> float | None:
    if value == "auto":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 360:
        raise complaint(f"must be auto or 0 to 360 (got {value!r})", "90 flies the lines east-west")
    return float(value)


def version(value: Any) -> Any:
    if isinstance(value, bool):  # true equals 1 in Python
        raise complaint("must be 1 (got true)" if value else "must be 1 (got false)", "write airbeat: 1")
    return value


def _flown(value: Any) -> Any:
    if value == "case":
        raise complaint("is a case, not a flight", "airbeat search start reads it")
    return value


def _one_line(value: str) -> str:
    if not value.isprintable():
        raise complaint("must be one line of printable text", "leave out line breaks and control characters")
    return value.strip()


def with_profile(value: Any) -> Any:
    return {"profile": value} if isinstance(value, str) else value


def _area(value: Any) -> Any:
    if isinstance(value, str):
        return {"file": value}
    if isinstance(value, list):
        several = bool(value) and isinstance(value[0], dict) and "outline" in value[0]
        return {"polygons": value} if several else {"outline": value}
    return value


def _terrain(value: Any) -> Any:
    return {"file": value} if isinstance(value, str | list) else value


def _paths(value: Any) -> Any:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise complaint(f"must be a file's path (got {value!r:.60})", "write file: N47E011.hgt")
    return value


def _pattern_tag(default: str) -> Discriminator:
    def tag(value: Any) -> str:
        chosen = value.get("pattern", default) if isinstance(value, dict) else default
        return chosen if isinstance(chosen, str) else f"{chosen!r}"

    return Discriminator(tag)


Text = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
Datum = Literal["wgs84", "gcj02", "bd09"]
HeightDatum = Literal["home", "amsl", "agl"]
Share = Annotated[float, Field(ge=0, lt=1)]
Bearing = Annotated[float, Field(ge=0, le=360)]
LoopHeight = Annotated[float, Field(gt=-450, le=9000)]


class Section(BaseModel):
    """A block of the file: unknown keys, text for numbers, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class PointSection(Section):
    """A corner of an outline."""

    lat: float = Field(ge=-90, le=90, description="latitude in degrees north, e.g. lat: 47.26931")
    lon: float = Field(ge=-180, le=180, description="longitude in degrees east, e.g. lon: 11.40412")


class PlaceSection(PointSection):
    """A place of its own; ``datum`` where it differs from the file's."""

    datum: Datum | None = None


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
    inclusion: Zones = []
    exclusion: Zones = []
    max_height_m: float | None = Field(default=None, gt=0, le=5000)
    margin_m: float | None = Field(default=None, ge=0, le=500)


class RallySection(PlaceSection):
    """An alternative landing place; its height is above home."""

    height_m: float = Field(gt=0, le=5000, description="height above home in metres, e.g. height_m: 40")
    name: Text = ""


class OutlineSection(Section):
    """One of several polygons."""

    outline: Ring = Field(description="the corners, one after another: - {lat: 47.26931, lon: 11.40412}")
    holes: list[Ring] = []


class AreaSection(Section):
    """The ground to look at, drawn here or in another file."""

    datum: Datum | None = None
    file: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    outline: Ring | None = None
    holes: list[Ring] = []
    polygons: Annotated[list[OutlineSection], Field(min_length=1, max_length=1000)] | None = None

    @_model_validator(mode="after")
    def _one_source(self) -> AreaSection:
        given = [k for k in ("file", "outline", "polygons") if getattr(self, k) is not None]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            raise complaint(f"must hold one of file, outline, polygons (got {got})", "draw the area once")
        if self.holes and self.outline is None:
            raise complaint("holes stand beside an outline", "put holes into the polygon that they belong to")
        return self


class HeightSection(Section):
    """Flight height: a value with its datum, or the GSD from which it follows."""

    value_m: float | None = Field(default=None, gt=-450, le=9000)
    datum: HeightDatum | None = None
    gsd_cm_px: float | None = Field(default=None, ge=0.05)

    @_model_validator(mode="after")
    def _one_way(self) -> HeightSection:
        if (self.value_m is None) == (self.gsd_cm_px is None):
            raise complaint(
                "must hold either value_m or gsd_cm_px",
                "write {value_m: 60, datum: home} or {gsd_cm_px: 2.5}",
            )
        if self.value_m is not None and self.datum is None:
            raise complaint(
                f"value_m {self.value_m:g} has no datum",
                "datum: home is above the take-off place, amsl above sea level, agl above the ground below",
            )
        if self.gsd_cm_px is not None and self.datum == "amsl":
            raise complaint("gsd_cm_px goes with datum home or agl", "leave datum out for home")
        return self


class OverlapSection(Section):
    """Overlap of footprints as shares: 0.3 is 30 %."""

    side: Share | None = None
    front: Share | None = None


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
        if self.spacing_m is not None and self.overlap.side is not None:
            raise complaint("spacing_m and overlap.side contradict each other", "keep one of the two")
        if self.trigger_distance_m is not None and self.overlap.front is not None:
            raise complaint(
                "trigger_distance_m and overlap.front contradict each other", "keep one of the two"
            )
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


class TerrainSection(Section):
    """Height models of the ground, and how closely it is followed."""

    file: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=1000)]],
        Field(min_length=1, max_length=16),
        BeforeValidator(_paths),
    ] = Field(description="the height model's path beside this file, e.g. file: N47E011.hgt")
    tolerance_m: float = Field(default=5.0, ge=0.5, le=50)


class WindSection(Section):
    """The wind to plan for."""

    from_deg: Bearing = Field(description="where the wind comes from: 270 is a west wind")
    speed_m_s: float = Field(ge=0, le=40, description="its speed in metres a second, e.g. speed_m_s: 5")
    nose: Literal["track", "wind"] = "track"


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
                f"tolerance_m must be a quarter of radius_m or less (got {self.tolerance_m:g})",
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


_Pattern = (
    Annotated[LawnmowerSection, Tag("lawnmower")]
    | Annotated[CorridorSection, Tag("corridor")]
    | Annotated[WaypointsSection, Tag("waypoints")]
    | Annotated[OrbitSection, Tag("orbit")]
    | Annotated[PerimeterSection, Tag("perimeter")]
)

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
    terrain: Annotated[TerrainSection, BeforeValidator(_terrain)] | None = None
    search: Annotated[_Pattern, _pattern_tag("lawnmower")] | None = None
    patrol: Annotated[_Pattern, _pattern_tag("waypoints")] | None = None
    waypoints: Annotated[_Pattern, _pattern_tag("waypoints")] | None = None
