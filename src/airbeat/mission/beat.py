"""Beat: what a beat file means once it has been read, checked and converted to WGS84.

A beat is what is patrolled again and again: places, lines and areas with the times and intervals at which
they must be seen, what must not be filmed or flown over on the way, and the drones there are to do it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from airbeat.geo.coordinates import Altitude, LatLon
from airbeat.mission.mission import Wind
from airbeat.mission.plan import Fence, Provenance, RallyPoint
from airbeat.vehicle.airframe import Airframe
from airbeat.vehicle.camera import Camera

__all__ = [
    "Beat",
    "BeatDrone",
    "Broadcast",
    "CameraRule",
    "CrowdWatch",
    "CrowdZone",
    "Duty",
    "HotSpots",
    "Incident",
    "LaunchSite",
    "LineVisit",
    "PointLook",
    "PointVisit",
    "PrivacyZone",
    "RosterWish",
    "SweepVisit",
    "Times",
    "Visit",
    "ZoneWish",
]

DAY_MIN = 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Hours of the day on some days, in the beat's time zone.

    Several of them may have one name: they then count together.

    Attributes:
        name: what visits and shifts call it.
        begin_min: first minute after midnight.
        end_min: last minute; over 1440 where it lies after the next midnight.
        weekdays: of the day on which it begins; 0 is Monday.
        first, last: days between which it holds (both count), or None.
        only: the only days on which it holds; empty for all that the rest allows.
        without: days on which it does not hold.
    """

    name: str
    begin_min: int
    end_min: int
    weekdays: frozenset[int] = frozenset(range(7))
    first: date | None = None
    last: date | None = None
    only: frozenset[date] = frozenset()
    without: frozenset[date] = frozenset()

    def holds_on(self, day: date) -> bool:
        """Whether it begins on that day."""
        return (
            day.weekday() in self.weekdays
            and (self.first is None or day >= self.first)
            and (self.last is None or day <= self.last)
            and (not self.only or day in self.only)
            and day not in self.without
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """How often something must be seen, and how much it counts.

    Attributes:
        weight: beside the others; idleness is multiplied by it.
        min_interval_s: least time between two visits [s].
        max_interval_s: most time between two visits while somebody is on duty [s], or None.
        times: names of the times in which visits count; empty for the whole shift. Each of these windows
            needs a visit of its own.
        during: (name of times, duty) that holds then instead of this one; the first that fits counts.
    """

    weight: float = 1.0
    min_interval_s: float = 0.0
    max_interval_s: float | None = None
    times: tuple[str, ...] = ()
    during: tuple[tuple[str, Duty], ...] = ()


class PointLook(StrEnum):
    """How a point is looked at."""

    STARE = "stare"
    ORBIT = "orbit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """What the loudspeaker says, and the command that makes it.

    Attributes:
        text: what is said; for the operator and for the log, the autopilot never sees it.
        servo: number of the servo output, or None.
        pwm_us: pulse that starts it [µs].
        rest_pwm_us: pulse afterwards [µs].
        relay: number of the relay, or None.
    """

    text: str
    servo: int | None = None
    pwm_us: int = 1900
    rest_pwm_us: int = 1100
    relay: int | None = None


RECOGNISED_GSD_M_PX = 0.10
"""Where a visit asks for none, what is coarser was not seen. Half of all observers recognise what has four
pairs of lines, eight pixels, across its lesser side (Johnson 1958, Analysis of image forming systems): a
person, √(1.7 × 0.4) = 0.8 m, has them at 10 cm/px. Photographs coarser than that are not searched either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What every visit has.

    Attributes:
        name: unique in the beat.
        duty: how often.
        altitude: at which it is flown; None for the drone's own.
        gimbal_pitch_deg: camera pitch [degrees; -90 looks straight down], or None to leave it alone.
        gsd_m_px: coarsest ground sampling distance that proves it was seen [m/px], or None for
            `RECOGNISED_GSD_M_PX`.
        key: dotted key of the visit in the file.
    """

    name: str
    duty: Duty = field(default_factory=Duty)
    altitude: Altitude | None = None
    gimbal_pitch_deg: float | None = None
    gsd_m_px: float | None = None
    key: str = ""

    @property
    def coarsest_m_px(self) -> float:
        """Coarsest ground sampling distance that proves it was seen [m/px]."""
        return RECOGNISED_GSD_M_PX if self.gsd_m_px is None else self.gsd_m_px


@dataclass(frozen=True, slots=True, kw_only=True)
class PointVisit(Visit):
    """A place to look at.

    Attributes:
        position: of what is looked at.
        look: standing still, or circling.
        dwell_s: how long [s]; an orbit makes as many whole turns as that needs, at least one.
        heading_deg: where the camera looks while it stands [degrees from north], or None.
        stand_off_m: how far from the place the drone stands, on the side away from ``heading_deg`` [m].
        radius_m: of the orbit [m].
        photo: whether a photograph is taken.
        broadcast: what is said here, or None.
    """

    position: LatLon
    look: PointLook = PointLook.STARE
    dwell_s: float = 0.0
    heading_deg: float | None = None
    stand_off_m: float = 0.0
    radius_m: float = 30.0
    photo: bool = True
    broadcast: Broadcast | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineVisit(Visit):
    """A road, river or fence to fly along, from end to end.

    Attributes:
        line: at least two places.
        width_m: full width that must be in the picture [m].
        side_offset_m: how far to the right of the line (as drawn) the drone flies [m]; negative to the left.
        either_way: whether it may be entered at either end.
    """

    line: tuple[LatLon, ...]
    width_m: float
    side_offset_m: float = 0.0
    either_way: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepVisit(Visit):
    """An area to photograph.

    Attributes:
        area: geographic shapely (Multi)Polygon, lon/lat degrees.
        side_overlap, front_overlap: of neighbouring photographs, as shares.
        spacing_m: distance of the lines [m], or None where the overlap says it.
        angle_deg: bearing of the lines [degrees], or None for the fastest.
    """

    area: Any
    side_overlap: float = 0.3
    front_overlap: float = 0.3
    spacing_m: float | None = None
    angle_deg: float | None = None


class CameraRule(StrEnum):
    """What the camera does over a privacy zone."""

    OFF = "off"
    UP = "up"
    """The gimbal looks at the horizon."""
    ON = "on"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyZone:
    """Ground that must not be filmed, or not be flown over.

    Attributes:
        name: what people call it.
        area: geographic shapely (Multi)Polygon.
        camera: what the camera does while the zone is below.
        overflight: whether it may be flown over.
        stand_off_m: distance that the drone keeps where it may not [m].
    """

    name: str
    area: Any
    camera: CameraRule = CameraRule.OFF
    overflight: bool = True
    stand_off_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdWatch:
    """When a crowd becomes an alert.

    Attributes:
        measure: "density" in persons per square metre, or "count" of persons.
        thresholds: least value of blue, yellow, orange and red, rising; below blue is green.
        persist_s: how long a value must last before it becomes an alert [s].
        escalate_s: after how long an alert that lasts is raised again [s].
    """

    measure: str
    thresholds: tuple[float, float, float, float]
    persist_s: float = 60.0
    escalate_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdZone:
    """Ground where people gather.

    Attributes:
        name: what people call it.
        area: geographic shapely (Multi)Polygon.
        stand_off_m: distance that the drone keeps from it while people are there [m].
        times: names of the times at which people are there; empty for always.
        watch: when the crowd becomes an alert, or None where it is not counted.
    """

    name: str
    area: Any
    stand_off_m: float = 0.0
    times: tuple[str, ...] = ()
    watch: CrowdWatch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatDrone:
    """A drone of a launch site.

    Attributes:
        name: its call sign, unique in the beat.
        camera, airframe: what it looks with and how it flies.
        altitude: at which it patrols, above the launch site.
        speed_m_s: at which it patrols [m/s].
        batteries: how many it has.
        charge_s: time to charge a battery that came back empty [s].
        swap_s: time on the ground between two flights, with a full battery at hand [s].
        loudspeaker: whether it can serve broadcast points.
    """

    name: str
    camera: Camera
    airframe: Airframe
    altitude: Altitude
    speed_m_s: float
    batteries: int = 1
    charge_s: float = 3600.0
    swap_s: float = 120.0
    loudspeaker: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSite:
    """A place to take off and land, with its drones and chargers.

    Attributes:
        name: unique in the beat.
        position: of the pad.
        amsl_m: its height above mean sea level [m], or None.
        chargers: how many batteries charge at once.
        drones: that start here.
    """

    name: str
    position: LatLon
    amsl_m: float | None = None
    chargers: int = 1
    drones: tuple[BeatDrone, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneWish:
    """How the beat is divided among drones.

    Attributes:
        count: how many zones the planner makes, balanced by time; 0 where ``areas`` draws them.
        areas: (name, geographic (Multi)Polygon) drawn zones.
    """

    count: int = 0
    areas: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One line of an incident table: when, where, of what kind."""

    moment: datetime
    position: LatLon
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HotSpots:
    """Where and when incidents happened, and how far they spread.

    Attributes:
        incidents: in the order of their times, with a time zone.
        bandwidth_m: of the kernel on the ground [m].
        bandwidth_h: of the kernel over the hours of the week [h].
        strength: how much the hottest place and hour counts beside one without incidents: weights are
            multiplied by 1 … 1 + strength.
    """

    incidents: tuple[Incident, ...]
    bandwidth_m: float = 150.0
    bandwidth_h: float = 1.5
    strength: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterWish:
    """How the calendar is made.

    Attributes:
        seed: of the random choices.
        random_order: whether the order of visits changes from sortie to sortie.
        random_departure: whether sorties leave at random times, within what the intervals allow.
        event_s: length of an event that should be caught, for the chance that is reported [s].
    """

    seed: int = 1
    random_order: bool = False
    random_departure: bool = False
    event_s: float = 1200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A beat file after reading: everything in WGS84, files loaded.

    Attributes:
        name: of the beat.
        time_zone: in which hours and dates are meant.
        times: named hours.
        shifts: names of the times in which somebody is on duty; empty for the times of all visits, and for
            the whole day where no visit has any.
        sites: where drones start, at least one with a drone.
        visits: points, lines and sweeps, in the order of the file.
        privacy: ground that must not be filmed or flown over.
        crowds: ground where people gather.
        zones: how the beat is divided, or None.
        roster: how the calendar is made.
        hot_spots: from a table of incidents, or None.
        fence, margin_m, rally, wind: as a mission has them.
        notes: what every output must say.
        provenance: name and SHA-256 of the beat file.
        inputs: (name, SHA-256) of every other file that was read.
        places: "file:line:column" by dotted key, for later refusals.
    """

    name: str
    time_zone: ZoneInfo
    sites: tuple[LaunchSite, ...]
    visits: tuple[Visit, ...]
    times: tuple[Times, ...] = ()
    shifts: tuple[str, ...] = ()
    privacy: tuple[PrivacyZone, ...] = ()
    crowds: tuple[CrowdZone, ...] = ()
    zones: ZoneWish | None = None
    roster: RosterWish = RosterWish()
    hot_spots: HotSpots | None = None
    fence: Fence | None = None
    margin_m: float = 0.0
    rally: tuple[RallyPoint, ...] | None = None
    wind: Wind | None = None
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    inputs: tuple[tuple[str, str], ...] = ()
    places: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def drones(self) -> tuple[tuple[LaunchSite, BeatDrone], ...]:
        """Every drone with the site where it starts."""
        return tuple((site, drone) for site in self.sites for drone in site.drones)

    def windows(self, names: tuple[str, ...], day: date) -> list[tuple[datetime, datetime]]:
        """The hours of named times that begin on a local day, in order; with time zone.

        Where the clock is changed the ends are what the clock shows, so that a window may be an hour longer
        or shorter than its text says.
        """
        found = []
        for times in self.times:
            if times.name in names and times.holds_on(day):
                found.append((self.at(day, times.begin_min), self.at(day, times.end_min)))
        return sorted(found)

    def at(self, day: date, minute: int) -> datetime:
        """What the local clock shows so many minutes after a local day's midnight."""
        days, rest = divmod(minute, DAY_MIN)
        local = datetime(day.year, day.month, day.day, rest // 60, rest % 60) + timedelta(days=days)
        return local.replace(tzinfo=self.time_zone)

    def where(self, key: str) -> str:
        """``file:line:column: key`` of a dotted key, or of the nearest block round it that the file has."""
        at = key
        while at and at not in self.places:
            at = at[: max(at.rfind("."), at.rfind("["), 0)]
        return f"{self.places.get(at, self.provenance.source_name)}: {key}"
