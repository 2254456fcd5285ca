"""DO_SET_RESUME_REPEAT_DIST: a mission that goes on after a pause is taken up some metres further back.

The last seven waypoints are remembered from the command on; going on leads back along them. Setting the
current item, a restart and disarming forget them and the distance.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from airbeat.sim.vehicle.items import StoredItem

__all__ = ["Rewind"]

_REMEMBERED = 7
_M_PER_E7 = 0.011131884
"""Metres of latitude in 1e-7 degrees, as ArduPilot counts."""


class Rewind:
    """The waypoints flown to since the command, and where going on leads.

    Attributes:
        distance_m: how far back; 0 is off.
        under_way: whether the vehicle is on its way back to where it was interrupted.
    """

    def __init__(self) -> None:
        self.distance_m = 0.0
        self.under_way = False
        self._passed: deque[int] = deque(maxlen=_REMEMBERED)

    def reset(self) -> None:
        """Forget everything."""
        self.distance_m = 0.0
        self.under_way = False
        self._passed.clear()

    def begun(self, seq: int, item: StoredItem) -> bool:
        """A waypoint is being flown to; True when this is the interrupted one again."""
        if self.distance_m <= 0.0 or (item.lat_e7 == 0 and item.lon_e7 == 0):
            return False
        if not self.under_way:
            self._passed.append(seq)
            return False
        if seq == self._passed[-1]:
            self.under_way = False
            return True
        return False

    def point(
        self, items: Sequence[StoredItem], left_at_e7: tuple[int, int]
    ) -> tuple[int, StoredItem] | None:
        """Where to take the mission up: the waypoint passed before it, moved to that place; None is off.

        Args:
            items: the mission.
            left_at_e7: where it was interrupted, latitude and longitude [1e-7 degrees].
        """
        if self.distance_m <= 0.0 or len(self._passed) < 2:
            return None
        left_m, place = self.distance_m, left_at_e7
        seq = self._passed[-2]
        for seq in list(self._passed)[-2::-1]:
            item = items[seq]
            here = (item.lat_e7, item.lon_e7)
            length_m = _distance_m(place, here)
            if length_m >= left_m > 0.0:
                return seq, _between(item, place, here, left_m / length_m)
            left_m -= length_m
            place = here
        return seq, items[seq]


def _distance_m(a: tuple[int, int], b: tuple[int, int]) -> float:
    squeeze = math.cos(math.radians(a[0] / 1e7))
    return math.hypot(b[0] - a[0], (b[1] - a[1]) * squeeze) * _M_PER_E7


def _between(item: StoredItem, start: tuple[int, int], end: tuple[int, int], share: float) -> StoredItem:
    """An item moved to a share of the way from one place to another."""
    lat = start[0] + (end[0] - start[0]) * share
    lon = start[1] + (end[1] - start[1]) * share
    return replace(item, lat_e7=round(lat), lon_e7=round(lon))
