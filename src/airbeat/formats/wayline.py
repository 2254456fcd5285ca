"""A flight as DJI's and Litchi's programs see it: places with actions, and how it ends.

Both file formats state, for each place, what is done there; a MAVLink mission states commands that run
behind a place. A DO command belongs to the place before it, a change of speed to the leg that begins there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from airbeat.errors import PlanFileError
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.language.words import Message
from airbeat.mission.commands import MavCmd
from airbeat.mission.legs import height_above_home_m
from airbeat.mission.plan import FlightPlan, PlanItem

__all__ = ["Action", "ActionKind", "Finish", "PhotoSpan", "Wayline", "WaylinePoint", "items_of", "wayline_of"]

_MOUNT_MODE_MAVLINK_TARGETING = 2.0


class ActionKind(StrEnum):
    """What is done at a place."""

    PHOTO = "photo"
    HOVER = "hover"
    """value: seconds."""
    GIMBAL_PITCH = "gimbal-pitch"
    """value: degrees; -90 looks straight down."""
    HEADING = "heading"
    """value: degrees clockwise from north."""
    RECORD = "record"
    STOP_RECORDING = "stop-recording"


class Finish(StrEnum):
    """What the aircraft does behind the last place."""

    STAY = "stay"
    RETURN = "return"
    LAND = "land"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing done at a place; ``value`` is in the unit of its kind."""

    kind: ActionKind
    value: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaylinePoint:
    """A place to fly to.

    Attributes:
        position: where.
        height_m: height above the take-off place [m].
        speed_m_s: on the leg that begins here [m/s]; None for the wayline's own.
        actions: done here, in this order.
        smooth: whether the aircraft flies past in a curve instead of stopping.
    """

    position: LatLon
    height_m: float
    speed_m_s: float | None = None
    actions: tuple[Action, ...] = ()
    smooth: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoSpan:
    """Photographs every so many metres [m] from one point to another, both counted from 0."""

    first: int
    last: int
    distance_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wayline:
    """A whole flight.

    Attributes:
        home: take-off place, or None where the file does not say.
        home_amsl_m: its height above mean sea level [m], or None.
        take_off_height_m: height above home to climb to first [m], or None.
        speed_m_s: cruise speed [m/s], or None.
        approach_speed_m_s: on the way to the first place [m/s]; None for the cruise speed.
        points: at least one.
        spans: where photographs are taken by distance.
        finish: what happens behind the last place.
    """

    home: LatLon | None
    home_amsl_m: float | None = None
    take_off_height_m: float | None = None
    speed_m_s: float | None = None
    approach_speed_m_s: float | None = None
    points: tuple[WaylinePoint, ...]
    spans: tuple[PhotoSpan, ...] = ()
    finish: Finish = Finish.STAY


class _Builder:
    """Reads a plan's items one by one."""

    def __init__(self, plan: FlightPlan) -> None:
        self.plan = plan
        self.points: list[WaylinePoint] = []
        self.spans: list[PhotoSpan] = []
        self.take_off_height_m: float | None = None
        self.approach_speed_m_s: float | None = None
        self.speed_m_s = plan.speed_m_s
        self.finish = Finish.STAY
        self.height_m: float | None = None
        self._photos_from: tuple[int, float] | None = None

    def take(self, number: int, item: PlanItem) -> None:
        """One item; what has no place in a wayline is left out."""
        command = item.command
        if item.altitude is not None and item.is_nav:
            self.height_m = self._height(number, item.altitude)
        if command == MavCmd.NAV_TAKEOFF and not self.points:
            self.take_off_height_m = self.height_m
        elif command in (MavCmd.NAV_WAYPOINT, MavCmd.NAV_SPLINE_WAYPOINT, MavCmd.NAV_LOITER_TIME):
            self._place(number, item)
        elif command == MavCmd.NAV_RETURN_TO_LAUNCH:
            self.finish = Finish.RETURN
        elif command == MavCmd.NAV_LAND and item.position is None:
            self.finish = Finish.LAND
        elif command == MavCmd.DO_CHANGE_SPEED and item.params[1] > 0:
            self._speed(item.params[1])
        elif command == MavCmd.DO_SET_CAM_TRIGG_DIST:
            self._photos(item.params[0])
        elif (action := _action(item)) is not None and self.points:
            last = self.points[-1]
            self.points[-1] = replace(last, actions=(*last.actions, action))

    def _height(self, number: int, altitude: Altitude) -> float:
        height = height_above_home_m(altitude, home_amsl_m=self.plan.home_amsl_m)
        if height is None:
            raise PlanFileError(
                Message(
                    "its height is {altitude}, and how high that is above home is not known",
                    altitude=altitude,
                ),
                where=f"item {number}",
                remedy="give heights above home, or the height of home above sea level",
            )
        return height

    def _place(self, number: int, item: PlanItem) -> None:
        if item.position is None:
            return
        if self.height_m is None:
            raise PlanFileError(
                "no height is stated here or before",
                where=f"item {number}",
                remedy="give the waypoint its height above home",
            )
        hold = (Action(kind=ActionKind.HOVER, value=item.params[0]),) if item.params[0] > 0 else ()
        self.points.append(
            WaylinePoint(
                position=item.position,
                height_m=self.height_m,
                speed_m_s=self.speed_m_s,
                actions=hold,
                smooth=item.command == MavCmd.NAV_SPLINE_WAYPOINT,
            )
        )

    def _speed(self, speed_m_s: float) -> None:
        self.speed_m_s = speed_m_s
        if self.points:
            self.points[-1] = replace(self.points[-1], speed_m_s=speed_m_s)
        else:
            self.approach_speed_m_s = speed_m_s

    def _photos(self, distance_m: float) -> None:
        at = max(0, len(self.points) - 1)
        self._end_span(at)
        if distance_m > 0:
            self._photos_from = (at, distance_m)

    def _end_span(self, at: int) -> None:
        if self._photos_from is not None and at > self._photos_from[0]:
            first, distance_m = self._photos_from
            self.spans.append(PhotoSpan(first=first, last=at, distance_m=distance_m))
        self._photos_from = None

    def built(self) -> Wayline:
        self._end_span(len(self.points) - 1)
        if not self.points:
            raise PlanFileError("the plan has no waypoint", remedy="such a file holds waypoints only")
        return Wayline(
            home=self.plan.home,
            home_amsl_m=self.plan.home_amsl_m,
            take_off_height_m=self.take_off_height_m,
            speed_m_s=self.plan.speed_m_s,
            approach_speed_m_s=self.approach_speed_m_s,
            points=tuple(self.points),
            spans=tuple(self.spans),
            finish=self.finish,
        )


def wayline_of(plan: FlightPlan) -> Wayline:
    """What of a plan such a file can say; the rest is left out.

    Raises:
        PlanFileError: no waypoint, or a height that cannot be told above home.
    """
    builder = _Builder(plan)
    for number, item in plan.numbered():
        builder.take(number, item)
    return builder.built()


def _action(item: PlanItem) -> Action | None:
    command, params = item.command, item.params
    if command == MavCmd.DO_DIGICAM_CONTROL and item.extra[0] == 1:
        return Action(kind=ActionKind.PHOTO)
    if command == MavCmd.IMAGE_START_CAPTURE and params[2] == 1:
        return Action(kind=ActionKind.PHOTO)
    if command == MavCmd.NAV_DELAY and params[0] > 0:
        return Action(kind=ActionKind.HOVER, value=params[0])
    if command == MavCmd.CONDITION_YAW and params[3] == 0:
        return Action(kind=ActionKind.HEADING, value=params[0] % 360.0)
    if command == MavCmd.DO_MOUNT_CONTROL and item.extra[2] == _MOUNT_MODE_MAVLINK_TARGETING:
        return Action(kind=ActionKind.GIMBAL_PITCH, value=params[0])
    if command == MavCmd.DO_GIMBAL_MANAGER_PITCHYAW:
        return Action(kind=ActionKind.GIMBAL_PITCH, value=params[0])
    if command == MavCmd.VIDEO_START_CAPTURE:
        return Action(kind=ActionKind.RECORD)
    if command == MavCmd.VIDEO_STOP_CAPTURE:
        return Action(kind=ActionKind.STOP_RECORDING)
    return None


def items_of(wayline: Wayline) -> tuple[PlanItem, ...]:
    """The mission items that fly a wayline, as `wayline_of` reads them."""
    return tuple(_items(wayline))


def _items(wayline: Wayline) -> Iterator[PlanItem]:
    if wayline.take_off_height_m is not None:
        height = _above_home(wayline.take_off_height_m)
        yield PlanItem(command=MavCmd.NAV_TAKEOFF, position=wayline.home, altitude=height)
    current = wayline.speed_m_s
    if wayline.approach_speed_m_s is not None:
        current = wayline.approach_speed_m_s
        yield _speed_item(current)
    starts = {span.first: span.distance_m for span in wayline.spans}
    ends = {span.last for span in wayline.spans}
    for index, point in enumerate(wayline.points):
        actions = list(point.actions)
        hold_s = 0.0
        if actions and actions[0].kind is ActionKind.HOVER:
            hold_s = actions.pop(0).value
        yield PlanItem(
            command=MavCmd.NAV_SPLINE_WAYPOINT if point.smooth else MavCmd.NAV_WAYPOINT,
            params=(hold_s, 0.0, 0.0, 0.0),
            position=point.position,
            altitude=_above_home(point.height_m),
        )
        if index in ends and index not in starts:
            yield _trigger(0.0)
        if point.speed_m_s is not None and point.speed_m_s != current:
            current = point.speed_m_s
            yield _speed_item(current)
        if index in starts:
            yield _trigger(starts[index])
        yield from (_item_of(action) for action in actions)
    if wayline.finish is Finish.RETURN:
        yield PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH)
    elif wayline.finish is Finish.LAND:
        yield PlanItem(command=MavCmd.NAV_LAND)


def _above_home(height_m: float) -> Altitude:
    return Altitude(value_m=height_m, datum=AltitudeDatum.HOME)


def _speed_item(speed_m_s: float) -> PlanItem:
    return PlanItem(command=MavCmd.DO_CHANGE_SPEED, params=(1.0, speed_m_s, -1.0, 0.0))


def _trigger(distance_m: float) -> PlanItem:
    return PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST, params=(distance_m, 0.0, 1.0, 0.0))


def _item_of(action: Action) -> PlanItem:
    value = action.value
    if action.kind is ActionKind.PHOTO:
        return PlanItem(command=MavCmd.DO_DIGICAM_CONTROL, extra=(1.0, 0.0, 0.0))
    if action.kind is ActionKind.HOVER:
        return PlanItem(command=MavCmd.NAV_DELAY, params=(value, 0.0, 0.0, 0.0))
    if action.kind is ActionKind.HEADING:
        return PlanItem(command=MavCmd.CONDITION_YAW, params=(value, 0.0, 0.0, 0.0))
    if action.kind is ActionKind.GIMBAL_PITCH:
        return PlanItem(
            command=MavCmd.DO_MOUNT_CONTROL,
            params=(value, 0.0, 0.0, 0.0),
            extra=(0.0, 0.0, _MOUNT_MODE_MAVLINK_TARGETING),
        )
    command = MavCmd.VIDEO_START_CAPTURE if action.kind is ActionKind.RECORD else MavCmd.VIDEO_STOP_CAPTURE
    return PlanItem(command=command)
