"""The beat file (``kind: patrol`` with a ``beat`` block) as pydantic models: what may stand where.

Clock times are ``07:15`` in the beat's time zone, dates ``2026-09-01``, intervals whole or broken minutes.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from airbeat.language.words import Message
from airbeat.mission.beat import DAY_MIN
from airbeat.mission.caseschema import FileName, ShapeSection, Weight
from airbeat.mission.patternschema import OverlapSection
from airbeat.mission.schema import (
    AirframeSection,
    CameraSection,
    Datum,
    FenceSection,
    HeightSection,
    PlaceSection,
    PointSection,
    RallySection,
    Section,
    Text,
    WindSection,
    complaint,
    version,
    with_profile,
)
from airbeat.mission.sections import Bearing

__all__ = [
    "BeatFile",
    "BeatPointSection",
    "BeatSection",
    "BroadcastSection",
    "CrowdSection",
    "DroneSection",
    "DutySection",
    "HotSpotsSection",
    "LaunchSection",
    "LineSection",
    "PrivacySection",
    "RosterSection",
    "SweepSection",
    "TimesSection",
    "ZonesSection",
]

MAX_VISITS = 5000
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])")
_NAME_HINT = "every visit needs a name of its own, e.g. name: main gate"

Name = Annotated[Text, Field(min_length=1)]
Minutes = Annotated[float, Field(gt=0, le=100_000)]
Interval = Annotated[float, Field(ge=0, le=100_000)]
PulseWidth = Annotated[int, Field(ge=500, le=2500)]


def _clock(value: Any) -> int:
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    minute = int(match[1]) * 60 + int(match[2]) if match else DAY_MIN + 1
    if minute > DAY_MIN:
        raise complaint(
            Message("is no time of day (got {value!r:.40})", value=value), "write hours and minutes: 07:15"
        )
    return minute


def _date(value: Any) -> date:
    try:
        if isinstance(value, str):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise complaint(
        Message("is no date (got {value!r:.40})", value=value), "write year, month and day: 2026-09-01"
    )


def _weekdays(value: Any) -> list[int]:
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list) or not parts:
        raise complaint(
            Message("must be days of the week (got {value!r:.40})", value=value),
            "mon-fri, or [mon, wed, fri]",
        )
    found: set[int] = set()
    for part in parts:
        ends = [p.strip().lower() for p in part.split("-")] if isinstance(part, str) else [""]
        if len(ends) > 2 or any(e not in _DAYS for e in ends):
            raise complaint(
                Message("is no day of the week (got {part!r:.40})", part=part),
                Message("days: {days}", days=", ".join(_DAYS)),
            )
        first, last = _DAYS.index(ends[0]), _DAYS.index(ends[-1])
        found |= {(first + n) % 7 for n in range((last - first) % 7 + 1)}
    return sorted(found)


def _names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _zone_count(value: Any) -> Any:
    return {"count": value} if isinstance(value, int) and not isinstance(value, bool) else value


def _known_time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise complaint(
            Message("no such time zone (got {number!r})", number=value[:60]), "e.g. Europe/Berlin"
        ) from None
    return value


Clock = Annotated[int, BeforeValidator(_clock)]
Day = Annotated[date, BeforeValidator(_date)]
Names = Annotated[list[Name], Field(min_length=1, max_length=50), BeforeValidator(_names)]


class TimesSection(Section):
    """Hours of the day on some days."""

    name: Name = Field(description="what visits and shifts call these hours, name: school run")
    begin: Clock = Field(description="when they begin, begin: 07:15")
    end: Clock = Field(description="when they end, end: 08:15; before begin it means the next day")
    weekdays: Annotated[list[int], BeforeValidator(_weekdays)] | None = None
    first: Day | None = None
    last: Day | None = None
    only: Annotated[list[Day], Field(min_length=1, max_length=400)] | None = None
    without: Annotated[list[Day], Field(max_length=400)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _dates_rise(self) -> Self:
        if self.first and self.last and self.last < self.first:
            raise complaint(
                Message("last {last} is before first {first}", last=self.last, first=self.first),
                "swap the two",
            )
        return self


class DutyFields(Section):
    """Weight and intervals."""

    weight: Weight | None = None
    min_interval_min: Interval | None = None
    max_interval_min: Minutes | None = None

    @model_validator(mode="after")
    def _interval_is_open(self) -> Self:
        low, high = self.min_interval_min, self.max_interval_min
        if low is not None and high is not None and low > high:
            raise complaint(
                Message(
                    "min_interval_min {low:g} is more than max_interval_min {high:g}", low=low, high=high
                ),
                "swap the two",
            )
        return self


class DuringSection(DutyFields):
    """Another weight and other intervals in some hours."""

    times: Name = Field(description="the name of those hours, times: peak")


class DutySection(DutyFields):
    """How often something must be seen."""

    times: Names | None = None
    during: Annotated[list[DuringSection], Field(max_length=20)] = Field(default_factory=list)


class VisitSection(DutySection):
    """What every visit has."""

    name: Name = Field(description=_NAME_HINT)
    height: HeightSection | None = None
    gimbal_pitch_deg: Annotated[float, Field(ge=-90, le=20)] | None = None
    gsd_cm_px: Annotated[float, Field(ge=0.05, le=100)] | None = None


class ServoSection(Section):
    """A servo output that starts something."""

    channel: int = Field(ge=1, le=32, description="number of the output, channel: 9")
    pwm_us: PulseWidth = 1900
    rest_pwm_us: PulseWidth = 1100


class BroadcastSection(Section):
    """What the loudspeaker says."""

    text: Annotated[Text, Field(min_length=1)] = Field(description="what is said, for the operator")
    servo: ServoSection | None = None
    relay: Annotated[int, Field(ge=0, le=15)] | None = None

    @model_validator(mode="after")
    def _one_command(self) -> Self:
        if (self.servo is None) == (self.relay is None):
            raise complaint("must hold either servo or relay", "servo: {channel: 9}, or relay: 0")
        return self


class BeatPointSection(VisitSection, PlaceSection):
    """A place to look at."""

    look: Literal["stare", "orbit"] = "stare"
    dwell_s: float = Field(default=0.0, ge=0, le=7200)
    heading_deg: Bearing | None = None
    stand_off_m: float = Field(default=0.0, ge=0, le=1000)
    radius_m: Annotated[float, Field(ge=5, le=500)] | None = None
    photo: bool = True
    broadcast: BroadcastSection | None = None

    @model_validator(mode="after")
    def _fits_its_look(self) -> Self:
        if self.look == "orbit" and (self.heading_deg is not None or self.stand_off_m > 0):
            raise complaint("heading_deg and stand_off_m go with look: stare", "an orbit looks inward")
        if self.look == "stare" and self.radius_m is not None:
            raise complaint("radius_m goes with look: orbit", "add look: orbit, or leave radius_m out")
        if self.stand_off_m > 0 and self.heading_deg is None:
            raise complaint("stand_off_m needs heading_deg", "heading_deg says where it is looked from")
        return self


class LineSection(VisitSection):
    """A road, river or fence to fly along."""

    datum: Datum | None = None
    line: Annotated[list[PointSection], Field(min_length=2, max_length=2000)] | None = None
    file: FileName | None = None
    width_m: float = Field(gt=0, le=1000, description="full width to be seen in metres, e.g. width_m: 30")
    side_offset_m: float = Field(default=0.0, ge=-500, le=500)
    direction: Literal["either", "drawn"] = "either"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.line is None) == (self.file is None):
            raise complaint("must hold either line or file", "line: [{lat: …, lon: …}, …]")
        return self


class SweepSection(VisitSection, ShapeSection):
    """An area to photograph."""

    name: Name = Field(description=_NAME_HINT)
    overlap: OverlapSection = OverlapSection()
    spacing_m: float | None = Field(default=None, ge=0.5, le=2000)
    angle_deg: Bearing | None = None

    @model_validator(mode="after")
    def _one_distance(self) -> Self:
        if self.spacing_m is not None and self.overlap.side is not None:
            raise complaint("spacing_m and overlap.side contradict each other", "keep one of the two")
        return self


class BeatSection(Section):
    """What must be seen."""

    points: Annotated[list[BeatPointSection], Field(max_length=MAX_VISITS)] = Field(default_factory=list)
    lines: Annotated[list[LineSection], Field(max_length=MAX_VISITS)] = Field(default_factory=list)
    sweeps: Annotated[list[SweepSection], Field(max_length=200)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _some(self) -> Self:
        count = len(self.points) + len(self.lines) + len(self.sweeps)
        if not 1 <= count <= MAX_VISITS:
            raise complaint(
                Message(
                    "must hold 1 to {max_visits} points, lines and sweeps (got {count})",
                    max_visits=MAX_VISITS,
                    count=count,
                ),
                "points: [{name: main gate, lat: 47.26931, lon: 11.40412, dwell_s: 60}]",
            )
        return self


class PrivacySection(ShapeSection):
    """Ground that must not be filmed, or not be flown over."""

    name: Name = Field(description="what people call it, name: gardens")
    camera: Literal["off", "up", "on"] = "off"
    overflight: bool = True
    stand_off_m: float = Field(default=0.0, ge=0, le=500)

    @model_validator(mode="after")
    def _forbids_something(self) -> Self:
        if self.camera == "on" and self.overflight:
            raise complaint("forbids nothing", "write camera: off, camera: up or overflight: false")
        if self.stand_off_m > 0 and self.overflight:
            raise complaint("stand_off_m goes with overflight: false", "add it, or leave stand_off_m out")
        return self


class WatchSection(Section):
    """When a crowd becomes an alert."""

    measure: Literal["density", "count"] = "density"
    blue: float = Field(gt=0, le=1e6, description="least value of the colour; below it is green")
    yellow: float = Field(gt=0, le=1e6, description="least value of the colour")
    orange: float = Field(gt=0, le=1e6, description="least value of the colour")
    red: float = Field(gt=0, le=1e6, description="least value of the colour")
    persist_s: float = Field(default=60.0, ge=0, le=86_400)
    escalate_s: float = Field(default=300.0, gt=0, le=86_400)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if not self.blue < self.yellow < self.orange < self.red:
            raise complaint("blue, yellow, orange and red must rise", "e.g. 0.5, 1, 2 and 4")
        return self


class CrowdSection(ShapeSection):
    """Ground where people gather."""

    name: Name = Field(description="what people call it, name: market square")
    stand_off_m: float = Field(default=0.0, ge=0, le=500)
    times: Names | None = None
    watch: WatchSection | None = None


class DroneSection(Section):
    """A drone of a launch site."""

    name: Name = Field(description="its call sign, name: drone 1")
    camera: Annotated[CameraSection, BeforeValidator(with_profile)] = Field(
        description="a camera profile's name or its values"
    )
    airframe: Annotated[AirframeSection, BeforeValidator(with_profile)] = Field(
        description="an airframe profile's name or its values"
    )
    height: HeightSection = Field(description="height: {value_m: 60, datum: home}, or {gsd_cm_px: 2}")
    speed_m_s: float = Field(gt=0, le=60, description="cruise speed in metres a second, e.g. speed_m_s: 8")
    batteries: Annotated[int, Field(ge=1, le=100)] = 1
    charge_min: Annotated[float, Field(gt=0, le=1440)] = 60.0
    swap_min: Annotated[float, Field(ge=0, le=240)] = 2.0
    loudspeaker: bool = False


class LaunchSection(PlaceSection):
    """A place to take off, with its drones."""

    name: Name = Field(description="what people call it, name: station roof")
    amsl_m: float | None = Field(default=None, ge=-450, le=8900)
    chargers: Annotated[int, Field(ge=1, le=100)] = 1
    drones: Annotated[list[DroneSection], Field(max_length=100)] = Field(
        description="drones: [{name: drone 1, camera: …, airframe: …, height: …, speed_m_s: 8}]"
    )


class ZoneAreaSection(ShapeSection):
    """A zone that somebody drew."""

    name: Name = Field(description="what people call it, name: north")


class ZonesSection(Section):
    """How the beat is divided: into so many zones, or as drawn."""

    count: Annotated[int, Field(ge=1, le=200)] | None = None
    areas: Annotated[list[ZoneAreaSection], Field(min_length=1, max_length=200)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.count is None) == (self.areas is None):
            raise complaint("must hold either count or areas", "count: 12 divides the beat by time")
        return self


class RosterSection(Section):
    """How the calendar is made."""

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    order: Literal["fixed", "random"] = "fixed"
    departure: Literal["fixed", "random"] = "fixed"
    event_min: Minutes = 20.0


class HotSpotsSection(Section):
    """Where incidents happened."""

    file: FileName = Field(description="a CSV table with time, lat, lon and kind, file: incidents.csv")
    datum: Datum | None = None
    kinds: Names | None = None
    bandwidth_m: float = Field(default=150.0, ge=10, le=5000)
    bandwidth_h: float = Field(default=1.5, ge=0.25, le=24)
    strength: float = Field(default=2.0, gt=0, le=100)


class BeatFile(Section):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, validate_assignment=True)

    airbeat: Annotated[Literal[1], BeforeValidator(version)] = Field(
        description="the first line of every beat file is airbeat: 1"
    )
    kind: Literal["patrol"] = Field(description="kind: patrol")
    name: Name = Field(description="what the beat is called")
    status: Literal["unsurveyed", "surveyed"] | None = None
    datum: Datum = "wgs84"
    time_zone: Annotated[Name, AfterValidator(_known_time_zone)] = Field(
        description="in which hours and dates are meant, time_zone: Europe/Berlin"
    )
    times: Annotated[list[TimesSection], Field(min_length=1, max_length=200)] | None = None
    shifts: Names | None = None
    launch: Annotated[list[LaunchSection], Field(min_length=1, max_length=100)] = Field(
        description="launch: [{name: station, lat: 47.26931, lon: 11.40412, drones: [...]}]"
    )
    beat: BeatSection = Field(description="beat: {points: [...], lines: [...], sweeps: [...]}")
    privacy: Annotated[list[PrivacySection], Field(max_length=500)] | None = None
    crowds: Annotated[list[CrowdSection], Field(max_length=200)] | None = None
    zones: Annotated[ZonesSection, BeforeValidator(_zone_count)] | None = None
    roster: RosterSection = RosterSection()
    hot_spots: HotSpotsSection | None = None
    fence: FenceSection | None = None
    rally: Annotated[list[RallySection], Field(max_length=20)] | None = None
    wind: WindSection | None = None
