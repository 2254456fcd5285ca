"""Where and when incidents are likelier: kernel density over the ground and over the hours of the week.

The density at a place and an hour is Σ exp(−d²/2b²)·exp(−h²/2c²) over the incidents, d being the distance
on the ground, h that on the circle of the week's 168 hours, b and c the bandwidths (Silverman 1986, product
kernel). Weights are multiplied by 1 … 1 + strength, in proportion to the density, the hottest place of the
beat in its hottest hour being 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.beat import HotSpots

__all__ = ["WEEK_H", "HeatMap", "hour_of_week"]

WEEK_H = 168


def hour_of_week(moment: datetime, time_zone: ZoneInfo) -> float:
    """Hours after Monday 00:00 on the local clock, 0…168."""
    local = moment.astimezone(time_zone)
    return local.weekday() * 24 + local.hour + local.minute / 60 + local.second / 3600


class HeatMap:
    """How much weights are multiplied by, at places and hours of the week.

    Args:
        hot_spots: incidents and bandwidths.
        places: where it is asked for.
        time_zone: of the hours.
    """

    def __init__(self, hot_spots: HotSpots, places: Sequence[LatLon], time_zone: ZoneInfo) -> None:
        frame = LocalFrame(places[0])
        here = frame.to_xy(places)
        there = frame.to_xy([i.position for i in hot_spots.incidents])
        apart = np.hypot(*(here[:, None] - there[None]).transpose(2, 0, 1))
        near = np.exp(-0.5 * (apart / hot_spots.bandwidth_m) ** 2)
        hours = np.array([hour_of_week(i.moment, time_zone) for i in hot_spots.incidents])
        of_week = np.arange(WEEK_H) + 0.5
        away = np.abs(of_week[None] - hours[:, None])
        away = np.minimum(away, WEEK_H - away)
        density = near @ np.exp(-0.5 * (away / hot_spots.bandwidth_h) ** 2)
        top = float(density.max())
        self._factor: npt.NDArray[np.float64] = 1.0 + hot_spots.strength * (
            density / top if top > 0 else density
        )

    def factor(self, place: int, hour: float) -> float:
        """By how much the weight of a place is multiplied in an hour of the week (0…168)."""
        return float(self._factor[place, int(hour) % WEEK_H])

    @property
    def hottest(self) -> tuple[int, int]:
        """Number of the place and the hour of the week with the highest factor."""
        place, hour = np.unravel_index(int(np.argmax(self._factor)), self._factor.shape)
        return int(place), int(hour)
