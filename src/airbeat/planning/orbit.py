"""Orbits: circles round a place at one or several heights, nose and camera pointed at it.

Circles are waypoints near enough to one another that no leg cuts into the circle by more than a tolerance.
NAV_LOITER_TURNS is not used: ArduPilot stores its radius in metres up to 255 m and in tens of metres beyond,
enters the circle at its nearest edge, and a flight interrupted in it, or too long for one battery, could not
be taken up at the place where it stopped.
"""

from __future__ import annotations

import math
from dataclasses import replace

from airbeat.language.words import Message
from airbeat.mission.mission import Mission, OrbitPattern
from airbeat.mission.plan import FlightPlan
from airbeat.planning.common import follows_ground, routers
from airbeat.planning.follow import ground_above_home_m
from airbeat.planning.freespace import FlightSpace
from airbeat.planning.imaging import keeps_up
from airbeat.planning.items import look_at
from airbeat.planning.loops import (
    Ring,
    corners_of_circle,
    fly_rings,
    loop_heights,
    refuse_outside,
)

__all__ = ["plan_orbit"]

_FASTEST_TURN_DEG_S = 30.0
"""How fast the nose may have to follow the centre; ArduCopter turns at up to 60 °/s by default."""


def plan_orbit(mission: Mission, pattern: OrbitPattern, space: FlightSpace) -> FlightPlan:
    """Circle a place at each height, photographing by distance.

    Raises:
        PlanningError: the circle leaves the fence or meets a keep-out (with the place), cannot be reached, or
            has a height that cannot be flown.
    """
    heights, notes = loop_heights(mission, pattern)
    x, y = (float(v) for v in space.frame.to_xy([pattern.centre])[0])
    radius = pattern.radius_m
    ground_m = 0.0
    if mission.terrain is not None:
        ground_m = float(ground_above_home_m(mission.terrain, mission.home, [pattern.centre])[0])
    target_m = ground_m + pattern.target_height_m
    levels = [h.value_m + (ground_m if follows_ground(h, mission) else 0.0) for h in heights]
    slant_m = max(math.hypot(radius, level - target_m) for level in levels)
    trigger = pattern.trigger_distance_m or 2 * math.pi * radius / pattern.photos_per_turn
    mission, said = _slow_enough(mission, radius)
    speed, late = keeps_up(mission, trigger, slant_m)
    mission = replace(mission, speed_m_s=speed)
    _, router = routers(mission, space)
    corners = _corners(pattern, (x, y), space.gate)
    refuse_outside(
        corners,
        space,
        router,
        what=f"the circle of {radius:g} m",
        remedy="choose another radius, move the centre, or use a smaller margin",
    )
    pitches = [math.degrees(math.atan2(target_m - level, radius)) for level in levels]
    looks = f"{min(pitches):.0f}°" + (f" to {max(pitches):.0f}°" if len(pitches) > 1 else "")
    notes += [
        Message(
            "circles of {corners} legs that cut off {cut_m:.2f} m at most",
            corners=len(corners) - 1,
            cut_m=_cut_m(radius, len(corners) - 1),
        ),
        Message(
            "camera pitch {looks}, a photograph every {degrees:.0f}° ({trigger:.1f} m), GSD "
            "{gsd_m_px:.1f} cm at the centre",
            looks=looks,
            degrees=math.degrees(trigger / radius),
            trigger=trigger,
            gsd_m_px=mission.camera.gsd_m_px(slant_m) * 100,
        ),
        *said,
        *late,
    ]
    loop = (*corners, *(corners[1:] * (pattern.turns - 1)))
    return fly_rings(
        mission,
        space,
        [Ring(corners=loop, height=height) for height in heights],
        router=router,
        trigger_m=trigger,
        before=[look_at(pattern.centre, target_m)],
        after=[look_at(None)],
        notes=notes,
    )


def _corners(
    pattern: OrbitPattern, centre: tuple[float, float], gate: tuple[float, float]
) -> tuple[tuple[float, float], ...]:
    """Corners of one turn that begins and ends where the circle is nearest to the gate [m]."""
    count = corners_of_circle(pattern.radius_m, pattern.tolerance_m)
    first = math.atan2(gate[1] - centre[1], gate[0] - centre[0])
    step = (-1 if pattern.clockwise else 1) * 2 * math.pi / count
    around = [
        (
            centre[0] + pattern.radius_m * math.cos(first + k * step),
            centre[1] + pattern.radius_m * math.sin(first + k * step),
        )
        for k in range(count)
    ]
    return (*around, around[0])


def _cut_m(radius_m: float, corners: int) -> float:
    return radius_m * (1.0 - math.cos(math.pi / corners))


def _slow_enough(mission: Mission, radius_m: float) -> tuple[Mission, list[str]]:
    """The mission at a speed at which the nose can follow the centre."""
    fastest = radius_m * math.radians(_FASTEST_TURN_DEG_S)
    if mission.speed_m_s <= fastest:
        return mission, []
    note = (
        f"speed lowered from {mission.speed_m_s:g} to {fastest:.2g} m/s, so that the nose turns by no more "
        f"than {_FASTEST_TURN_DEG_S:g}° a second"
    )
    return replace(mission, speed_m_s=fastest), [note]
