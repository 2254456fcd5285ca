"""The case file (``kind: case``) as pydantic models: what may stand where, in which range."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from airbeat.language.words import Message
from airbeat.mission.schema import (
    MAX_VERTICES,
    AirframeSection,
    CameraSection,
    Datum,
    FenceSection,
    HeightSection,
    OutlineSection,
    PlaceSection,
    PointSection,
    Ring,
    Section,
    TerrainSection,
    Text,
    WindSection,
    complaint,
    version,
    with_file,
    with_profile,
)

__all__ = [
    "CaseFile",
    "CoverSection",
    "DroneSection",
    "GridSection",
    "LineSection",
    "RegionSection",
    "SegmentSection",
    "ShapeSection",
]

FileName = Annotated[str, Field(min_length=1, max_length=1000)]
Weight = Annotated[float, Field(ge=0, le=1e6)]
Share = Annotated[float, Field(ge=0, le=1)]


def aware_moment(value: Any) -> Any:
    if not isinstance(value, str):
        raise complaint(
            Message("must be a date and time (got {value!r:.40})", value=value), "write 2026-11-25T16:30:00Z"
        )
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise complaint(
            Message("is no date and time (got {number!r})", number=value[:40]), "write 2026-11-25T16:30:00Z"
        ) from None
    if moment.tzinfo is None:
        raise complaint(
            Message("has no time zone (got {number!r})", number=value[:40]),
            "end it with Z for UTC, or with +01:00",
        )
    return moment.astimezone(UTC)


class MissingSection(Section):
    """Who is missing."""

    last_known: PlaceSection = Field(
        description="where the person was last known to be, last_known: {lat: 47.26931, lon: 11.40412}"
    )
    category: (
        Literal[
            "dementia",
            "child 1-3",
            "child 4-6",
            "child 7-9",
            "hiker",
            "despondent",
            "hunter",
            "gatherer",
        ]
        | None
    ) = None
    terrain: Literal["mountain", "flat", "dry mountain", "dry flat", "urban"] = "flat"
    weight: Weight = 1.0
    posture: Literal["standing", "lying", "either"] = "either"
    last_seen: Annotated[datetime, BeforeValidator(aware_moment)] | None = None


class ExtentSection(Section):
    """The edges of a rectangle in degrees."""

    south: float = Field(ge=-90, le=90, description="its southern edge in degrees north, south: 47.25")
    west: float = Field(ge=-180, le=180, description="its western edge in degrees east, west: 11.38")
    north: float = Field(ge=-90, le=90, description="its northern edge in degrees north, north: 47.29")
    east: float = Field(ge=-180, le=180, description="its eastern edge in degrees east, east: 11.44")

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.north <= self.south:
            raise complaint(
                Message(
                    "north {north:g} is not north of south {south:g}", north=self.north, south=self.south
                ),
                "swap the two",
            )
        if (self.east - self.west) % 360.0 == 0.0 or (self.east - self.west) % 360.0 > 180.0:
            raise complaint(
                Message("east {east:g} is not east of west {west:g}", east=self.east, west=self.west),
                "swap the two",
            )
        return self


class MapSection(Section):
    """The map: a rectangle, or so far round the point last known."""

    cell_m: float = Field(ge=2, le=1000, description="side of a cell in metres, e.g. cell_m: 25")
    reach_m: float | None = Field(default=None, ge=50, le=50_000)
    extent: ExtentSection | None = None
    rest_of_world: Annotated[float, Field(ge=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.reach_m is None) == (self.extent is None):
            raise complaint(
                "must hold either reach_m or extent",
                "reach_m: 2000 is a square round last_known; extent: {south: …, west: …, north: …, east: …}",
            )
        return self


class ShapeSection(Section):
    """A piece of ground, drawn here or in another file."""

    name: Text = ""
    datum: Datum | None = None
    file: FileName | None = None
    outline: Ring | None = None
    holes: list[Ring] = Field(default_factory=list)
    polygons: Annotated[list[OutlineSection], Field(min_length=1, max_length=1000)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [k for k in ("file", "outline", "polygons") if getattr(self, k) is not None]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            raise complaint(
                Message("must hold one of file, outline, polygons (got {got})", got=got), "draw it once"
            )
        if self.holes and self.outline is None:
            raise complaint("holes stand beside an outline", "put holes into the polygon that they belong to")
        return self


class RegionSection(ShapeSection):
    """A region with its weight."""

    weight: Weight = Field(description="how likely beside the other regions, e.g. weight: 3")


class RegionsSection(Section):
    """The coordinator's regions: here, or all in one file whose features have name and weight."""

    weight: Weight = 1.0
    file: FileName | None = None
    areas: Annotated[list[RegionSection], Field(min_length=1, max_length=500)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.file is None) == (self.areas is None):
            raise complaint(
                "must hold either file or areas", "areas: [{name: wood, weight: 3, outline: [...]}]"
            )
        return self


class LineSection(Section):
    """A road, stream or edge: how far round it, and its weight."""

    name: Text = ""
    weight: Weight = Field(description="how likely beside the other lines, e.g. weight: 3")
    buffer_m: float = Field(
        gt=0, le=2000, description="how far to each side of the line in metres, e.g. buffer_m: 30"
    )
    datum: Datum | None = None
    file: FileName | None = None
    line: Annotated[list[PointSection], Field(min_length=2, max_length=MAX_VERTICES)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.file is None) == (self.line is None):
            raise complaint(
                "must hold either file or line", "file: roads.geojson, or line: [{lat: …, lon: …}, …]"
            )
        return self


class LinesSection(Section):
    """Linear features."""

    weight: Weight = 1.0
    features: Annotated[list[LineSection], Field(min_length=1, max_length=200)] = Field(
        description="features: [{name: forest roads, file: roads.geojson, buffer_m: 30, weight: 3}]"
    )


class GridSection(Section):
    """A map from elsewhere: a GeoTIFF, or a CSV matrix with its edges."""

    name: Text = ""
    weight: Weight = 1.0
    file: FileName = Field(description="file: heat.tif, or file: heat.csv with its extent")
    extent: ExtentSection | None = None


class CoverSection(ShapeSection):
    """Ground that hides people; without a slope factor it follows from the height model."""

    canopy: Share = 1.0
    slope: Share | None = None


class VisibilitySection(Section):
    """What hides the ground: everywhere, and in named places."""

    canopy: Share = 1.0
    slope: Share | None = None
    areas: Annotated[list[CoverSection], Field(max_length=200)] = Field(default_factory=list)


class DetectionSection(Section):
    """How surely a person of so many pixels is found."""

    task: Literal["detect", "recognise", "identify"] = "recognise"
    curve: FileName | None = None


class SegmentSection(ShapeSection):
    """A segment of the table."""

    name: Annotated[Text, Field(min_length=1)] = Field(description="what people call it, name: A1")


class LaunchSection(PlaceSection):
    """A place to take off."""

    name: Text = ""
    amsl_m: float | None = Field(default=None, ge=-450, le=8900)


class DroneSection(Section):
    """An aircraft that is there."""

    name: Annotated[Text, Field(min_length=1)] = Field(description="its call sign, name: drone 1")
    camera: Annotated[CameraSection, BeforeValidator(with_profile)] = Field(
        description="a camera profile's name or its values"
    )
    airframe: Annotated[AirframeSection, BeforeValidator(with_profile)] = Field(
        description="an airframe profile's name or its values"
    )
    height: HeightSection = Field(description="height: {value_m: 60, datum: home}, or {gsd_cm_px: 2}")
    speed_m_s: float = Field(gt=0, le=60, description="search speed in metres a second, e.g. speed_m_s: 8")
    batteries: Annotated[int, Field(ge=1, le=100)] = 1


class CaseFile(Section):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, validate_assignment=True)

    airbeat: Annotated[Literal[1], BeforeValidator(version)] = Field(
        description="the first line of every case file is airbeat: 1"
    )
    kind: Literal["case"] = Field(description="kind: case")
    name: Annotated[Text, Field(min_length=1)] = Field(description="what the operation is called")
    status: Literal["unsurveyed", "surveyed"] | None = None
    datum: Datum = "wgs84"
    missing: MissingSection = Field(
        description="missing: {last_known: {lat: 47.26931, lon: 11.40412}, category: hiker}"
    )
    map: MapSection = Field(description="map: {cell_m: 25, reach_m: 2000}")
    regions: RegionsSection | None = None
    lines: LinesSection | None = None
    grids: Annotated[list[GridSection], Field(max_length=20)] | None = None
    visibility: VisibilitySection | None = None
    detection: DetectionSection | None = None
    segments: Annotated[list[SegmentSection], Field(min_length=1, max_length=200)] | None = None
    launch: Annotated[list[LaunchSection], Field(min_length=1, max_length=20)] | None = None
    drones: Annotated[list[DroneSection], Field(min_length=1, max_length=20)] | None = None
    fence: FenceSection | None = None
    terrain: Annotated[TerrainSection, BeforeValidator(with_file)] | None = None
    wind: WindSection | None = None
