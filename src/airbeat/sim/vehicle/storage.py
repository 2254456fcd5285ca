"""The vehicle's three lists: mission, fence, rally.

Behaviour follows ArduPilot's: missions are written item by item into place, fences are buffered and
swapped at the end. The item protocol that fills and reads them is in ``itemprotocol``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airbeat.link.dialect import mavlink
from airbeat.mission.commands import MavCmd
from airbeat.sim.vehicle.fence import FenceItem, FenceWatch, fence_item, fence_problem
from airbeat.sim.vehicle.items import StoredItem, restore, store

__all__ = ["FenceList", "ItemList", "MissionList", "RallyList", "RallyPlace"]


_ACCEPTED = int(mavlink.MAV_MISSION_ACCEPTED)
_ERROR = int(mavlink.MAV_MISSION_ERROR)
_INVALID_SEQUENCE = int(mavlink.MAV_MISSION_INVALID_SEQUENCE)


class ItemList(ABC):
    """One of the vehicle's lists, as the item protocol sees it."""

    mission_type: int
    label: str

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity

    @abstractmethod
    def count(self) -> int:
        """Items stored."""

    @abstractmethod
    def begin(self, count: int) -> None:
        """An upload of so many items begins."""

    @abstractmethod
    def put(self, packet: Any, last: int) -> int:
        """Take an item; the MAV_MISSION_RESULT."""

    @abstractmethod
    def finish(self) -> tuple[int, list[tuple[int, str]]]:
        """All items are in: the MAV_MISSION_RESULT and texts to send (severity, words)."""

    @abstractmethod
    def abandon(self) -> None:
        """The upload ended early."""

    @abstractmethod
    def clear(self) -> bool:
        """Remove everything; False when that is not allowed now."""

    @abstractmethod
    def fields(self, seq: int) -> dict[str, Any] | int:
        """MISSION_ITEM_INT fields of an item, or the MAV_MISSION_RESULT that refuses."""


class MissionList(ItemList):
    """The mission. Item 0 is the live home position: writing it is ignored."""

    mission_type = int(mavlink.MAV_MISSION_TYPE_MISSION)
    label = "Mission"

    def __init__(self, capacity: int, home: Callable[[], tuple[int, int, int]]) -> None:
        super().__init__(capacity)
        self._home = home
        self.items: list[StoredItem] = []
        self.changes = 0
        self.may_clear: Callable[[], bool] = lambda: True
        self.on_clear: Callable[[], None] = lambda: None

    def count(self) -> int:
        return len(self.items)

    def begin(self, count: int) -> None:
        if count < len(self.items):
            del self.items[count:]
            self.changes += 1

    def put(self, packet: Any, last: int) -> int:
        seq = int(packet.seq)
        if seq > len(self.items):
            return _ERROR
        item = store(packet)
        if isinstance(item, int):
            return item
        target = int(item.params[0])
        if item.command == MavCmd.DO_JUMP and (target == 0 or (target >= len(self.items) and target > last)):
            return _ERROR
        self.changes += 1
        if seq < len(self.items):
            if seq:
                self.items[seq] = item
            return _ACCEPTED
        if not self.items:
            # The first item of an empty mission goes behind home, so that one item leaves two.
            self.items.append(StoredItem(command=MavCmd.NAV_WAYPOINT))
        if len(self.items) >= self.capacity:
            return _ERROR
        self.items.append(item)
        return _ACCEPTED

    def finish(self) -> tuple[int, list[tuple[int, str]]]:
        return _ACCEPTED, [(int(mavlink.MAV_SEVERITY_INFO), "Flight plan received")]

    def abandon(self) -> None:
        """What has been written stays: missions are not atomic."""

    def clear(self) -> bool:
        if not self.may_clear():
            return False
        self.items.clear()
        self.changes += 1
        self.on_clear()
        return True

    def fields(self, seq: int) -> dict[str, Any] | int:
        if seq and seq >= len(self.items):
            return _INVALID_SEQUENCE
        if seq == 0:
            lat_e7, lon_e7, altitude_cm = self._home()
            place = StoredItem(
                command=MavCmd.NAV_WAYPOINT, lat_e7=lat_e7, lon_e7=lon_e7, altitude_cm=altitude_cm
            )
            return restore(place, 0)
        return restore(self.items[seq], seq)


class FenceList(ItemList):
    """The fence: nothing changes before the whole set has arrived and is consistent."""

    mission_type = int(mavlink.MAV_MISSION_TYPE_FENCE)
    label = "Fence"

    def __init__(self, capacity: int, watch: FenceWatch) -> None:
        super().__init__(capacity)
        self.watch = watch
        self._new: list[FenceItem | None] | None = None

    def count(self) -> int:
        return len(self._new) if self._new is not None else len(self.watch.items)

    def begin(self, count: int) -> None:
        self._new = [None] * count

    def put(self, packet: Any, last: int) -> int:
        if self._new is None:
            return _ERROR
        if packet.seq >= len(self._new):
            return _INVALID_SEQUENCE
        item = fence_item(packet)
        if isinstance(item, int):
            return item
        self._new[packet.seq] = item
        return _ACCEPTED

    def finish(self) -> tuple[int, list[tuple[int, str]]]:
        items = [item for item in self._new or () if item is not None]
        self._new = None
        problem = fence_problem(items)
        if problem is not None:
            severity = mavlink.MAV_SEVERITY_INFO if "item count" in problem else mavlink.MAV_SEVERITY_WARNING
            warning = int(mavlink.MAV_SEVERITY_WARNING)
            return _ERROR, [(int(severity), problem), (warning, "Fence validation failed")]
        self.watch.replace(items)
        return _ACCEPTED, [(int(mavlink.MAV_SEVERITY_INFO), "Fence Indexed OK")]

    def abandon(self) -> None:
        self._new = None

    def clear(self) -> bool:
        self._new = None
        self.watch.replace(())
        return True

    def fields(self, seq: int) -> dict[str, Any] | int:
        if seq >= len(self.watch.items):
            return _INVALID_SEQUENCE
        item = self.watch.items[seq]
        where = (item.lat_e7, item.lon_e7, 0.0)
        return _plain_fields(
            seq, self.mission_type, command=item.command, param1=item.value, where=where, frame=0
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RallyPlace:
    """A stored rally point: whole metres, in frame 0 (AMSL), 3 (above home) or 10 (above ground)."""

    lat_e7: int
    lon_e7: int
    altitude_m: int
    frame: int


class RallyList(ItemList):
    """Rally points, written into place like a mission."""

    mission_type = int(mavlink.MAV_MISSION_TYPE_RALLY)
    label = "Rally"

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.places: list[RallyPlace] = []

    def count(self) -> int:
        return len(self.places)

    def begin(self, count: int) -> None:
        del self.places[count:]

    def put(self, packet: Any, last: int) -> int:
        if packet.command != MavCmd.NAV_RALLY_POINT:
            return int(mavlink.MAV_MISSION_UNSUPPORTED)
        if abs(packet.x) > 900_000_000:
            return int(mavlink.MAV_MISSION_INVALID_PARAM5_X)
        if abs(packet.y) > 1_800_000_000:
            return int(mavlink.MAV_MISSION_INVALID_PARAM6_Y)
        if not -32768 <= packet.z <= 32767:
            return int(mavlink.MAV_MISSION_INVALID_PARAM7)
        frame = {0: 0, 5: 0, 3: 3, 6: 3, 10: 10, 11: 10}.get(packet.frame)
        if frame is None:
            return int(mavlink.MAV_MISSION_UNSUPPORTED_FRAME)
        place = RallyPlace(lat_e7=int(packet.x), lon_e7=int(packet.y), altitude_m=int(packet.z), frame=frame)
        if packet.seq < len(self.places):
            self.places[packet.seq] = place
        elif packet.seq == len(self.places) < self.capacity:
            self.places.append(place)
        else:
            return _ERROR
        return _ACCEPTED

    def finish(self) -> tuple[int, list[tuple[int, str]]]:
        return _ACCEPTED, []

    def abandon(self) -> None:
        """What has been written stays."""

    def clear(self) -> bool:
        self.places.clear()
        return True

    def fields(self, seq: int) -> dict[str, Any] | int:
        if seq >= len(self.places):
            return _INVALID_SEQUENCE
        place = self.places[seq]
        where = (place.lat_e7, place.lon_e7, float(place.altitude_m))
        return _plain_fields(
            seq,
            self.mission_type,
            command=MavCmd.NAV_RALLY_POINT,
            param1=0.0,
            where=where,
            frame=place.frame,
        )


def _plain_fields(
    seq: int, mission_type: int, *, command: int, param1: float, where: tuple[int, int, float], frame: int
) -> dict[str, Any]:
    return {
        "seq": seq,
        "frame": frame,
        "command": int(command),
        "current": 0,
        "autocontinue": 0,
        "param1": param1,
        "param2": 0.0,
        "param3": 0.0,
        "param4": 0.0,
        "x": where[0],
        "y": where[1],
        "z": where[2],
        "mission_type": mission_type,
    }
