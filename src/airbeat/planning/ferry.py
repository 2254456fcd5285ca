"""Ways between a launch place and a path: inside the fence where there is one, clear of keep-outs always."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.planning.cutting import CutTour, Legs
from airbeat.planning.estimate import FlightModel
from airbeat.planning.repair import FreeArea
from airbeat.planning.route import Router

__all__ = ["Ferry", "FlightRooms", "Way"]

Points = npt.NDArray[np.float64]
Way = list[tuple[float, float]]

_GROWN_M = 0.3
"""Paths may lie this far outside the space."""
_ROOM_M = 500.0


class FlightRooms:
    """The space and, for ways that it does not hold, everything round it but keep-outs.

    Args:
        free: the free area.
        homes: (n, 2) launch places [m].
        model: what legs cost.
    """

    def __init__(self, free: FreeArea, homes: Points, model: FlightModel) -> None:
        self.near = Router(free.space.buffer(_GROWN_M, join_style="bevel"), model.leg_times_s)
        places = shapely.union_all([free.space, shapely.MultiPoint(homes)])
        size = max(np.ptp(shapely.get_coordinates(free.space), axis=0))
        room = shapely.box(*places.buffer(_ROOM_M + 0.1 * size).bounds)
        self._far_room = room.difference(free.closed.buffer(-_GROWN_M))
        self._model = model
        self._far: Router | None = None

    @property
    def far(self) -> Router:
        """Ways outside the space, made on first use."""
        if self._far is None:
            self._far = Router(self._far_room, self._model.leg_times_s)
        return self._far

    def way(self, a: Iterable[float], b: Iterable[float]) -> Way | None:
        """The way from a to b: inside the space if there is one, else clear of keep-outs, else None."""
        a, b = tuple(a), tuple(b)
        found = self.near.route(a, b) or self.far.route(a, b)
        return None if found is None else found[1]


class Ferry:
    """Ways between a launch place and the nodes of a tour, and the flights they make, for a vehicle model.

    Args:
        rooms: where ways may run.
        home: the launch place [m].
        tour: the path and its nodes.
        model: what legs cost.

    Attributes:
        times_s: (m,) time of the way to each node, the same as back; inf where there is none [s].
    """

    def __init__(self, rooms: FlightRooms, home: Points, tour: CutTour, model: FlightModel) -> None:
        self._rooms, self._home, self._tour = rooms, home, tour
        self._legs = Legs(tour, model)
        self.times_s = model.leg_times_s(np.hypot(*(tour.xy - home).T))
        self._corners = np.full(len(tour.xy), 2)
        clear = rooms.near.clear(np.broadcast_to(home, tour.xy.shape), tour.xy)
        for node in np.flatnonzero(~clear).tolist():
            way = self.way(node)
            self.times_s[node] = np.inf if way is None else model.path_time_s(way)
            self._corners[node] = 0 if way is None else len(way)

    def way(self, node: int) -> Way | None:
        """Corners from home to a node, both included, or None."""
        return self._rooms.way(self._home, self._tour.xy[node])

    def flights_s(self, node: int) -> Points:
        """Times of the flights from home over the stretches from a node to each later one, and home [s]."""
        return np.asarray(self.times_s[node] + self._legs.from_node_s(node) + self.times_s[node + 1 :])

    def corners(self, node: int) -> npt.NDArray[np.int64]:
        """Corners of those flights, home not counted."""
        ways = self._corners[node] + self._corners[node + 1 :] - 2
        return np.asarray(ways + self._tour.corners[node + 1 :] - self._tour.corners[node])
