"""When the sorties of a search take off, so that two aircraft are never near one another at one height."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from airbeat.mission.mission import Mission
from airbeat.planning.airspace import LAYER_STEP_M
from airbeat.planning.separation import APART_M, Track
from airbeat.search.field import Place, Points

__all__ = ["flown_track", "starts_apart_s"]

_WAIT_S = 5.0


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
