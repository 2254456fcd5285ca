"""When the sorties of a search take off, so that two aircraft are never near one another at one height."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from airbeat.geo.frame import LocalFrame
from airbeat.mission.mission import Mission
from airbeat.mission.plan import FlightPlan
from airbeat.planning.airspace import LAYER_STEP_M
from airbeat.planning.separation import APART_M, Track
from airbeat.search.field import Place, Points
from airbeat.vehicle.airframe import AIRFRAMES

__all__ = ["flown_track", "followed_track", "starts_apart_s"]

_WAIT_S = 5.0
_CRUISE_M_S = 8.0
"""Assumed of a plan that states no speed."""


def flown_track(mission: Mission, path: Points, *, duration_s: float, drone: int, launch: Place) -> Track:
    """Where a sortie is when: climbing and landing over its launch place, at its height between.

    Args:
        mission: with its height and airframe.
        path: (n, 2) what is flown between the ways out and back [m].
        duration_s: take-off to landing [s].
        drone: number of the aircraft.
        launch: the launch place (x, y) [m].
    """
    airframe, height_m = mission.airframe, mission.height.value_m
    up_s, down_s = airframe.climb_time_s(height_m), airframe.landing_time_s(height_m)
    line = np.vstack([launch, path, launch])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    level_s = max(duration_s - up_s - down_s, 1.0)
    end_s = up_s + level_s + down_s
    return Track(
        drone=drone,
        times_s=np.concatenate([[0.0], up_s + along / along[-1] * level_s, [end_s]]),
        xy=np.vstack([line[:1], line, line[-1:]]),
        spans=(
            (0.0, up_s, 0.0, height_m),
            (up_s, up_s + level_s, height_m, height_m),
            (up_s + level_s, end_s, 0.0, height_m),
        ),
    )


def followed_track(plan: FlightPlan, frame: LocalFrame, *, duration_s: float, drone: int) -> Track:
    """Where a sortie that follows the ground is when, at the heights above home of its items.

    Each leg takes its length at cruise speed or its climb, whichever is longer; the whole is stretched to the
    flight's duration.

    Args:
        plan: with an airframe and a cruise speed, heights above home.
        frame: of the track's coordinates.
        duration_s: take-off to landing [s].
        drone: number of the aircraft.
    """
    stops = [(i.position, i.altitude.value_m) for _, i in plan.waypoints() if i.position and i.altitude]
    heights = np.array([stops[0][1], *(height for _, height in stops), stops[-1][1]])
    line = frame.to_xy([plan.home, *(place for place, _ in stops), plan.home])
    airframe = plan.airframe or AIRFRAMES["arducopter-quad"]
    up_s, down_s = airframe.climb_time_s(heights[0]), airframe.landing_time_s(heights[-1])
    climbs_s = np.array([airframe.climb_time_s(float(rise)) for rise in np.diff(heights)])
    legs_s = np.maximum(np.hypot(*np.diff(line, axis=0).T) / (plan.speed_m_s or _CRUISE_M_S), climbs_s)
    along = np.concatenate([[0.0], np.cumsum(legs_s)])
    level_s = max(duration_s - up_s - down_s, 1.0)
    times = up_s + along / max(along[-1], 1e-9) * level_s
    end_s = up_s + level_s + down_s
    legs = zip(times[:-1], times[1:], heights[:-1], heights[1:], strict=True)
    return Track(
        drone=drone,
        times_s=np.concatenate([[0.0], times, [end_s]]),
        xy=np.vstack([line[:1], line, line[-1:]]),
        spans=(
            (0.0, up_s, 0.0, heights[0]),
            *((begin, end, min(a, b), max(a, b)) for begin, end, a, b in legs),
            (up_s + level_s, end_s, 0.0, heights[-1]),
        ),
    )


def starts_apart_s(tracks: Sequence[Track], *, swap_s: float) -> list[float]:
    """The start of each flight [s]: the earliest, in steps of 5 s, at which no other in the air is near.

    Near is within 15 m on the map with heights less than half a layer of 5 m apart, the launch place not
    excepted: while one climbs or lands, no other passes through its column.

    Args:
        tracks: flights; those of one aircraft in their order.
        swap_s: time an aircraft needs on the ground between two flights [s].
    """
    starts: list[float] = []
    ready: dict[int, float] = {}
    for number, track in enumerate(tracks):
        start = ready.get(track.drone, 0.0)
        while any(_near(track, start, tracks[k], starts[k]) for k in range(number)):
            start += _WAIT_S  # ends when all others have landed, if not before
        starts.append(start)
        ready[track.drone] = start + float(track.times_s[-1]) + swap_s
    return starts


def _near(a: Track, a_start_s: float, b: Track, b_start_s: float) -> bool:
    """Whether two flights come near one another at one height, looked at every half second."""
    begin = max(a_start_s, b_start_s)
    end = min(a_start_s + float(a.times_s[-1]), b_start_s + float(b.times_s[-1]))
    if a.drone == b.drone or end <= begin:
        return False
    times = np.arange(begin, end, 0.5)
    places, spans = [], []
    for track, start in ((a, a_start_s), (b, b_start_s)):
        now = times - start
        places.append(np.column_stack([np.interp(now, track.times_s, track.xy[:, k]) for k in (0, 1)]))
        spans.append(track.heights(now))
    (a_low, a_high), (b_low, b_high) = spans
    slack = LAYER_STEP_M / 2
    meet = (a_low < b_high + slack) & (b_low < a_high + slack)
    return bool((meet & (np.hypot(*(places[0] - places[1]).T) < APART_M)).any())
