"""What a plan is checked against beside what it says itself: the autopilot, the wind, the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airbeat.checks.rules import RuleSet
from airbeat.mission.commands import MavCmd
from airbeat.mission.mission import Wind
from airbeat.vehicle.camera import Camera

__all__ = ["ARDUPILOT", "AUTOPILOTS", "PX4", "Autopilot", "Conditions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Autopilot:
    """What an autopilot holds and accepts.

    Attributes:
        key: as the command line calls it.
        title: as messages call it.
        max_items: mission items, home included.
        max_fence_vertices: fence vertices and circles.
        max_rally_points: rally points.
        accepted: the commands it takes in missions; None for all but ``refused``.
        refused: commands that it answers with "unsupported".
        refused_by_some: commands that some of its versions refuse.
        nan_refused: whether NaN is refused where a command has no use for it.
        terrain_frame: whether heights above terrain (frame 10) are accepted.
        needs_takeoff: whether a mission does not start without a take-off as its first movement.
        intersects_inclusions: whether several inclusion zones mean where all of them overlap.
        acceptance_m: how far from a waypoint it turns to the next one where the item does not say so [m];
            None where the corner follows from the vehicle model.
    """

    key: str
    title: str
    max_items: int
    max_fence_vertices: int
    max_rally_points: int
    accepted: frozenset[int] | None = None
    refused: frozenset[int] = frozenset()
    refused_by_some: frozenset[int] = frozenset()
    nan_refused: bool = True
    terrain_frame: bool = True
    needs_takeoff: bool = True
    intersects_inclusions: bool = True
    acceptance_m: float | None = None


ARDUPILOT = Autopilot(
    key="ardupilot",
    title="ArduPilot",
    max_items=650,
    max_fence_vertices=70,
    max_rally_points=46,
    refused=frozenset(
        {MavCmd.DO_MOUNT_CONFIGURE, MavCmd.DO_SET_CAM_TRIGG_INTERVAL, MavCmd.SET_CAMERA_MODE, 4501}
    ),
    refused_by_some=frozenset({MavCmd.DO_SET_ROI_LOCATION, MavCmd.DO_SET_ROI_NONE}),
)
"""ArduCopter 4.7 as measured (see the decision records); other boards may hold less."""

_PX4_COMMANDS = frozenset(
    {16, 17, 19, 20, 21, 22, 31, 80, 84, 85, 93, 112, 114, 177, 178, 179, 183, 189, 195, 196, 197, 200, 201}
    | {203, 204, 205, 206, 214, 260, 301, 302, 530, 531, 532, 1000, 1001, 2000, 2001, 2003, 2500, 2501, 3000}
    | {4501}
)
"""What PX4's ``parse_mavlink_mission_item`` accepts (src/modules/mavlink/mavlink_mission.cpp)."""

PX4 = Autopilot(
    key="px4",
    title="PX4",
    max_items=500,
    max_fence_vertices=64,
    max_rally_points=32,
    accepted=_PX4_COMMANDS,
    nan_refused=False,
    terrain_frame=False,
    needs_takeoff=False,
    intersects_inclusions=False,
    acceptance_m=10.0,
)
"""PX4 1.15 by its source: dataman.h (fence 64, safe points 32), the least mission store of its boards (500),
NAV_ACC_RAD 10 m. Read, not measured."""

AUTOPILOTS: Mapping[str, Autopilot] = {a.key: a for a in (ARDUPILOT, PX4)}
"""The autopilots that plans are checked for, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a plan is checked against.

    Attributes:
        autopilot: what flies it.
        wind: the wind to fly in, or None for still air.
        margin_m: distance from fence edges and keep-outs that is asked for [m], or None for the plan's own.
        camera: camera of a plan that does not name its own, or None.
        area: geographic (Multi)Polygon that the photographs must cover, or None for the plan's own.
        coverage: share of ``area`` that they must cover, 0…1.
        starts: when it is flown, with its time zone, or None when that is not known.
        rules: the rules to keep.
        people: geographic geometry of where people are who have no part in the flight, or None.
        is_part: whether the plan is the rest or a part of another, whose coverage and landing it states.
        in_sorties: whether it is flown in parts, each of which is checked for its own battery.
    """

    autopilot: Autopilot = ARDUPILOT
    wind: Wind | None = None
    margin_m: float | None = None
    camera: Camera | None = None
    area: Any | None = field(default=None, compare=False)
    coverage: float = 0.995
    starts: datetime | None = None
    rules: tuple[RuleSet, ...] = ()
    people: Any | None = field(default=None, compare=False)
    is_part: bool = False
    in_sorties: bool = False
