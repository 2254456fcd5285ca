"""Cameras over privacy zones: photographs off while a zone is below, the gimbal up where the beat says so.

Works on finished mission items. A leg whose pictures could show a zone is cut where that begins and ends, and
the camera commands are put there. What counts as below a zone is the zone and all round it as far as a corner
of a picture looking straight down reaches.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from airbeat.geo.frame import LocalFrame
from airbeat.mission.beat import Beat, CameraRule, PointVisit
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import ItemRole, PlanItem
from airbeat.planning.items import camera_trigger, gimbal, wait
from airbeat.vehicle.camera import Camera

__all__ = ["CameraZones", "view_of"]

Place = tuple[float, float]

_HORIZON_DEG = 0.0
_SAME_PLACE_M = 0.5
"""Nearer to a waypoint than this a leg is not cut: the commands go to the waypoint."""
_COMES_DOWN_S = 1.5
"""Until a gimbal that was up looks down again [s]."""
_FARTHEST_VIEW_DEG = 5.0
"""What a picture shows less than this below the horizon is not counted as shown."""


@dataclass(slots=True)
class _State:
    """What the plan wants of the camera at a place of the flight, and what it was told.

    Attributes:
        trigger_m, pitch_deg: what the plan wants.
        told_m, told_deg: what the camera was told.
        tracking: whether the gimbal keeps on a place by itself.
        covered: whether a zone is below.
    """

    trigger_m: float = 0.0
    pitch_deg: float = -90.0
    told_m: float = 0.0
    told_deg: float = -90.0
    tracking: bool = False
    covered: bool = False

    def change(self, *, covered: bool, up: bool) -> list[PlanItem]:
        """Commands where a zone begins to be below, or no longer is."""
        self.covered = covered
        trigger_m = 0.0 if covered else self.trigger_m
        pitch_deg = _HORIZON_DEG if up and not self.tracking else self.pitch_deg
        told = [camera_trigger(trigger_m)] if trigger_m != self.told_m else []
        turned = [gimbal(pitch_deg)] if pitch_deg != self.told_deg and not self.tracking else []
        self.told_m = trigger_m
        if turned:
            self.told_deg = pitch_deg
        if covered or not (told and turned):
            return [*told, *turned]
        # A photograph while the gimbal still comes down would show the zone, and not what is below.
        return [*turned, wait(_COMES_DOWN_S), *told]

    def takes(self, item: PlanItem) -> bool:
        """Follow a command of the plan; whether the camera is told it now."""
        if item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
            self.trigger_m = item.params[0]
            wanted = 0.0 if self.covered else self.trigger_m
            if self.covered and wanted == self.told_m:
                return False
            self.told_m = wanted
        elif item.command == MavCmd.DO_MOUNT_CONTROL:
            self.pitch_deg = self.told_deg = item.params[0]
        elif item.command == MavCmd.DO_SET_ROI:
            self.tracking = item.position is not None
        return True


class CameraZones:
    """The zones of a beat where the camera is off or up.

    Args:
        beat: whose zones.
        frame: local frame.
        camera: of the drone.
        height_m: at which it flies [m].
    """

    def __init__(self, beat: Beat, frame: LocalFrame, camera: Camera, height_m: float) -> None:
        across, along = camera.footprint_m(height_m)
        self.frame = frame
        self.reach_m = math.hypot(across, along) / 2
        zones = [z for z in beat.privacy if z.camera is not CameraRule.ON]
        self.names = tuple(z.name for z in zones)
        self.zones = [frame.to_local(z.area) for z in zones]
        self._off = shapely.union_all([z.buffer(self.reach_m) for z in self.zones])
        up = [
            z.buffer(self.reach_m)
            for z, wish in zip(self.zones, zones, strict=True)
            if wish.camera is CameraRule.UP
        ]
        self._up = shapely.union_all(up)

    @property
    def empty(self) -> bool:
        """Whether there are none."""
        return not self.zones

    def shown_by(self, view: Any) -> list[str]:
        """Names of the zones that a view (local polygon) shows."""
        shown = zip(self.names, self.zones, strict=True)
        return [name for name, zone in shown if zone.intersection(view).area > 0.5]

    def kept(self, items: Sequence[PlanItem], home: Place) -> tuple[list[PlanItem], float]:
        """The items with legs cut and camera commands put in, and the length flown with the camera so [m].

        Args:
            items: between take-off and return, with waypoints and camera commands.
            home: (x, y) of the launch site, where the first leg begins and the last ends.
        """
        if self.empty:
            return list(items), 0.0
        state = _State()
        kept: list[PlanItem] = []
        here = home
        length = 0.0
        end = PlanItem(
            command=MavCmd.NAV_WAYPOINT, position=self.frame.to_latlon([home])[0], role=ItemRole.RETURN
        )
        for item in [*items, end]:
            if not (item.is_nav and item.position is not None):
                kept += [item] if state.takes(item) else []
                continue
            x, y = (float(v) for v in self.frame.to_xy([item.position])[0])
            there = (x, y)
            altitude = item.altitude or next(i.altitude for i in reversed(kept) if i.altitude is not None)
            added, covered_m = self._leg(here, there, replace(item, altitude=altitude), state)
            kept += added
            length += covered_m
            here = there
            if item is not end:
                kept.append(item)
        return kept, length

    def _leg(self, a: Place, b: Place, item: PlanItem, state: _State) -> tuple[list[PlanItem], float]:
        """What goes before the waypoint at the end of a leg, and how much of the leg is covered [m]."""
        whole = math.dist(a, b)
        if whole < _SAME_PLACE_M:
            return [], 0.0
        line = shapely.LineString([a, b])
        added: list[PlanItem] = []
        length, at = 0.0, 0.0
        for low, high, up in self._stretches(line):
            if low > at + _SAME_PLACE_M:
                added += self._changed(line, at, item, state.change(covered=False, up=False))
            added += self._changed(line, low, item, state.change(covered=True, up=up))
            length += high - low
            at = high
        if at < whole - _SAME_PLACE_M:
            added += self._changed(line, at, item, state.change(covered=False, up=False))
        return added, length

    def _changed(self, line: Any, at_m: float, item: PlanItem, commands: list[PlanItem]) -> list[PlanItem]:
        """Commands at a place of a leg, with a waypoint before them where the leg does not begin there."""
        if not commands or at_m <= _SAME_PLACE_M:
            return commands
        return [self._cut(line, at_m, item), *commands]

    def _cut(self, line: Any, at_m: float, item: PlanItem) -> PlanItem:
        place = shapely.get_coordinates(shapely.line_interpolate_point(line, at_m))[0]
        role = ItemRole.TRANSIT if item.role in (ItemRole.RETURN, ItemRole.VISIT) else item.role
        return PlanItem(
            command=MavCmd.NAV_WAYPOINT,
            position=self.frame.to_latlon([place])[0],
            altitude=item.altitude,
            role=role,
        )

    def _stretches(self, line: Any) -> list[tuple[float, float, bool]]:
        """Where a leg has a zone below: (from, to [m], whether the gimbal goes up)."""
        found: list[tuple[float, float, bool]] = []
        for shape, up in ((self._up, True), (self._off.difference(self._up), False)):
            part = line.intersection(shape)
            for piece in shapely.get_parts(part):
                if piece.geom_type == "LineString" and piece.length > 0.01:
                    ends = [
                        float(shapely.line_locate_point(line, shapely.Point(c)))
                        for c in shapely.get_coordinates(piece)[[0, -1]]
                    ]
                    found.append((min(ends), max(ends), up))
        return sorted(found)


def view_of(visit: PointVisit, stand: Place, camera: Camera, height_m: float, pitch_deg: float) -> Any:
    """What a picture of a point shows of flat ground, as a local polygon; rays near the horizon cut off.

    Args:
        visit: for the heading.
        stand: (x, y) of the drone [m].
        camera: of the drone.
        height_m: above the ground [m].
        pitch_deg: of the camera; -90 looks straight down.
    """
    half_along = math.radians(camera.fov_along_deg) / 2
    half_across = math.tan(math.radians(camera.fov_across_deg) / 2)
    pitch = math.radians(pitch_deg)
    heading = math.radians(visit.heading_deg or 0.0)
    corners = []
    for v in (-half_along, half_along):
        down = max(-(pitch + v), math.radians(_FARTHEST_VIEW_DEG))
        ahead = height_m / math.tan(down)
        slant = math.hypot(height_m, ahead) * math.cos(v)
        for u in (-half_across, half_across) if v < 0 else (half_across, -half_across):
            corners.append((slant * u, ahead))
    local = np.array(corners)
    east = stand[0] + local[:, 0] * math.cos(heading) + local[:, 1] * math.sin(heading)
    north = stand[1] - local[:, 0] * math.sin(heading) + local[:, 1] * math.cos(heading)
    return shapely.Polygon(np.column_stack([east, north])).convex_hull


def named(names: Iterable[str]) -> str:
    """Names in a sentence."""
    return ", ".join(dict.fromkeys(names))
