"""The geofence as ArduCopter keeps and watches it: buffered upload, four kinds of fence, breaches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from airbeat.link.dialect import mavlink
from airbeat.mission.commands import MavCmd

__all__ = [
    "ALT_MAX",
    "ALT_MIN",
    "CIRCLE",
    "POLYGON",
    "FenceItem",
    "FenceWatch",
    "fence_item",
    "fence_names",
    "fence_problem",
]

ALT_MAX, CIRCLE, POLYGON, ALT_MIN = 1, 2, 4, 8
_NAMES = {ALT_MAX: "Max Alt", CIRCLE: "Circle", POLYGON: "Polygon", ALT_MIN: "Min Alt"}
_UNION_OPTION = 2
_BACKUP_HEIGHT_M = 20.0
_BACKUP_RADIUS_M = 20.0

_POLYGONS = {
    MavCmd.NAV_FENCE_POLYGON_VERTEX_INCLUSION: 98,
    MavCmd.NAV_FENCE_POLYGON_VERTEX_EXCLUSION: 97,
}
_CIRCLES = {MavCmd.NAV_FENCE_CIRCLE_INCLUSION: 92, MavCmd.NAV_FENCE_CIRCLE_EXCLUSION: 93}
_RETURN_POINT_TYPE = 95

XY = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceItem:
    """One stored fence item; ``value`` is the polygon's vertex count or the circle's radius [m]."""

    command: int
    value: float
    lat_e7: int
    lon_e7: int


def fence_item(packet: Any) -> FenceItem | int:
    """A MISSION_ITEM_INT of a fence as it is kept, or the MAV_MISSION_RESULT that refuses it."""
    if packet.frame not in (0, 3, 5, 6, 10, 11):
        return int(mavlink.MAV_MISSION_UNSUPPORTED_FRAME)
    value = float(packet.param1)
    if packet.command in _POLYGONS:
        if not value <= 255.0:
            return int(mavlink.MAV_MISSION_INVALID_PARAM1)
        value = float(max(int(value), 0))
    elif packet.command == MavCmd.NAV_FENCE_RETURN_POINT:
        value = 0.0
    elif packet.command not in _CIRCLES:
        return int(mavlink.MAV_MISSION_UNSUPPORTED)
    return FenceItem(command=packet.command, value=value, lat_e7=int(packet.x), lon_e7=int(packet.y))


def _type_number(command: int) -> int:
    return _POLYGONS.get(MavCmd(command)) or _CIRCLES.get(MavCmd(command)) or _RETURN_POINT_TYPE


def fence_problem(items: Sequence[FenceItem]) -> str | None:
    """Why a whole set of fence items cannot be used, in ArduPilot's words; None when it can."""
    left = count = 0
    kind = 0
    returns = 0
    for item in items:
        if item.command in _POLYGONS:
            if item.value < 3:
                return f"Invalid vertex count ({int(item.value)})"
            if left == 0:
                left = count = int(item.value)
                kind = item.command
            elif item.command != kind:
                want, got = _type_number(kind), _type_number(item.command)
                return f"Received incorrect vertex type (want={want} got={got})"
            elif item.value != count:
                return f"Unexpected vertex count want={count} got={int(item.value)}"
            left -= 1
        elif left:
            return f"Received incorrect type (want={_type_number(kind)} got={_type_number(item.command)})"
        elif item.command == MavCmd.NAV_FENCE_RETURN_POINT:
            returns += 1
            if returns > 1:
                return "Multiple return points"
        elif not item.value > 0.0:
            return "Non-positive circle radius"
        if abs(item.lat_e7) > 900_000_000 or abs(item.lon_e7) > 1_800_000_000:
            return "Bad lat or lon"
    return "Incorrect item count" if left else None


def fence_names(fences: int) -> str:
    """ArduPilot's words for a set of fences, e.g. "Max Alt and Polygon fences"."""
    names = [name for bit, name in _NAMES.items() if fences & bit]
    joined = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
    return f"{joined} fence{'s' if len(names) > 1 else ''}"


def _inside(point: XY, polygon: Sequence[XY]) -> bool:
    x, y = point
    inside = False
    x1, y1 = polygon[-1]
    for x2, y2 in polygon:
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
        x1, y1 = x2, y2
    return inside


class FenceWatch:
    """Keeps the fence items and tells when the vehicle leaves them.

    Args:
        parameter: reads a FENCE_ parameter by name.
        to_local: (lat_e7, lon_e7) to metres east and north of the vehicle's start.
    """

    def __init__(self, parameter: Callable[[str], float], to_local: Callable[[int, int], XY]) -> None:
        self._parameter = parameter
        self._to_local = to_local
        self.items: tuple[FenceItem, ...] = ()
        self._polygons: list[tuple[bool, list[XY]]] = []
        self._circles: list[tuple[bool, XY, float]] = []
        self.breaches = 0
        self.breach_count = 0
        self.breach_time_ms = 0
        self._backup_height = self._backup_radius = 0.0
        self._distance = {ALT_MAX: 0.0, CIRCLE: 0.0}

    def replace(self, items: Sequence[FenceItem]) -> None:
        """Take a checked set of items."""
        self.items = tuple(items)
        self._polygons, self._circles = [], []
        index = 0
        while index < len(items):
            item = items[index]
            if item.command in _POLYGONS:
                count = int(item.value)
                corners = [self._to_local(i.lat_e7, i.lon_e7) for i in items[index : index + count]]
                self._polygons.append((item.command == MavCmd.NAV_FENCE_POLYGON_VERTEX_INCLUSION, corners))
                index += count
                continue
            if item.command in _CIRCLES:
                centre = self._to_local(item.lat_e7, item.lon_e7)
                inclusion = item.command == MavCmd.NAV_FENCE_CIRCLE_INCLUSION
                self._circles.append((inclusion, centre, item.value))
            index += 1

    @property
    def enabled(self) -> bool:
        """FENCE_ENABLE."""
        return self._parameter("FENCE_ENABLE") > 0

    @property
    def kinds(self) -> int:
        """FENCE_TYPE: which fences are watched when the fence is enabled."""
        return int(self._parameter("FENCE_TYPE"))

    def zones_left(self, point: XY) -> bool:
        """Whether a place is outside the inclusion zones or inside an exclusion zone."""
        inclusions = outside = 0
        for inclusion, corners in self._polygons:
            inside = _inside(point, corners)
            if inclusion:
                inclusions += 1
                outside += not inside
            elif inside:
                return True
        for inclusion, centre, radius in self._circles:
            distance = math.dist(point, centre)
            if inclusion:
                inclusions += 1
                outside += distance > radius
            elif distance < radius:
                return True
        if int(self._parameter("FENCE_OPTIONS")) & _UNION_OPTION:
            return inclusions > 0 and outside == inclusions
        return outside > 0

    def allows(self, point: XY, height_m: float, home: XY) -> bool:
        """Whether a destination is inside every enabled fence."""
        if not self.enabled:
            return True
        kinds = self.kinds
        return not (
            (kinds & ALT_MAX and height_m > self._parameter("FENCE_ALT_MAX"))
            or (kinds & ALT_MIN and height_m < self._parameter("FENCE_ALT_MIN"))
            or (kinds & CIRCLE and math.dist(point, home) > self._parameter("FENCE_RADIUS"))
            or (kinds & POLYGON and self.zones_left(point))
        )

    def check(self, point: XY, height_m: float, home: XY, *, landed: bool, time_ms: int) -> int:
        """New breaches as a bit mask; ``breaches`` holds those that go on."""
        if not self.enabled:
            self.breaches = 0
            return 0
        kinds = self.kinds
        self.breaches &= kinds
        new = 0
        over = height_m - self._parameter("FENCE_ALT_MAX")
        if kinds & ALT_MAX:
            backup = self._backup_height and height_m >= self._backup_height
            if over >= 0.0 and (not self.breaches & ALT_MAX or backup):
                new |= ALT_MAX
                self._backup_height = height_m + _BACKUP_HEIGHT_M
            self._settle(ALT_MAX, over >= 0.0, over)
        beyond = math.dist(point, home) - self._parameter("FENCE_RADIUS")
        if kinds & CIRCLE:
            distance = math.dist(point, home)
            backup = self._backup_radius and distance >= self._backup_radius
            if beyond >= 0.0 and (not self.breaches & CIRCLE or backup):
                new |= CIRCLE
                self._backup_radius = distance + _BACKUP_RADIUS_M
            self._settle(CIRCLE, beyond >= 0.0, beyond)
        if kinds & POLYGON:
            left = self.zones_left(point)
            if left and not self.breaches & POLYGON:
                new |= POLYGON
            self._settle(POLYGON, left, 0.0)
        if kinds & ALT_MIN and not landed:
            low = height_m <= self._parameter("FENCE_ALT_MIN")
            if low and not self.breaches & ALT_MIN:
                new |= ALT_MIN
            self._settle(ALT_MIN, low, 0.0)
        if new:
            self.breach_count = min(self.breach_count + 1, 65535)
            self.breach_time_ms = time_ms
        return new

    def _settle(self, kind: int, breached: bool, distance: float) -> None:
        if breached:
            self.breaches |= kind
            self._distance[kind] = distance
            return
        self.breaches &= ~kind
        if kind == ALT_MAX:
            self._backup_height = 0.0
        elif kind == CIRCLE:
            self._backup_radius = 0.0

    def breach_distance_m(self, kinds: int) -> float:
        """How far outside the vehicle is [m]; zones give no distance, as in ArduCopter."""
        return max((d for kind, d in self._distance.items() if kinds & kind), default=0.0)

    def pre_arm_problem(self) -> str | None:
        """Why the fence forbids arming, in ArduPilot's words."""
        read = self._parameter
        if self.enabled and not self.kinds:
            return "Fences enabled, but none selected"
        if not self.enabled:
            return None
        if read("FENCE_RADIUS") < 0:
            return "Invalid Circle FENCE_RADIUS value"
        if read("FENCE_RADIUS") < read("FENCE_MARGIN"):
            return "Circle FENCE_MARGIN is less than FENCE_RADIUS"
        if read("FENCE_ALT_MAX") < 0:
            return "Invalid FENCE_ALT_MAX value"
        if self.breaches:
            return f"Vehicle breaching {fence_names(self.breaches)}"
        if read("FENCE_MARGIN") < 0:
            return "Invalid FENCE_MARGIN value"
        if read("FENCE_ALT_MAX") - read("FENCE_ALT_MIN") <= 2.0 * read("FENCE_MARGIN"):
            return "FENCE_MARGIN too big"
        return None
