"""The mission runner: which item is flown, which DO command runs when, jumps, resume, completion.

The order of things is ArduPilot's: a DO command belongs to the leg after the NAV command before it; the
first one runs when that leg begins, then one per step, and those not run when the leg ends are dropped.
A CONDITION command holds back the DO commands behind it. After the last NAV command one DO command runs.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

from airbeat.mission.commands import MavCmd, is_nav
from airbeat.sim.vehicle.items import StoredItem, command_label
from airbeat.sim.vehicle.rewind import Rewind
from airbeat.sim.vehicle.storage import MissionList

__all__ = ["MissionFlyer", "MissionRunner", "RunState"]

_JUMP_TYPES = {MavCmd.DO_JUMP, MavCmd.DO_JUMP_TAG}
_MAX_JUMPS = 64
_MAX_ITEMS_PER_ADVANCE = 255


class RunState(IntEnum):
    """Whether the mission runs."""

    STOPPED = 0
    RUNNING = 1
    COMPLETE = 2


class MissionFlyer(Protocol):
    """What the runner asks of the vehicle."""

    def start_item(self, seq: int, item: StoredItem) -> None:
        """Begin a command."""

    def item_done(self, seq: int, item: StoredItem) -> bool:
        """Whether a command has been carried out."""

    def mission_complete(self) -> None:
        """There is nothing left to fly."""

    def place_e7(self) -> tuple[int, int]:
        """Where the vehicle is: latitude and longitude [1e-7 degrees]."""


class MissionRunner:
    """Walks through the mission list for a flyer.

    Attributes:
        nav_seq: the item being flown, 0 when none is.
        do_seq: the DO or CONDITION command of the present leg, 0 when none is.
        state: whether the mission runs.
    """

    def __init__(self, missions: MissionList, flyer: MissionFlyer, say: Callable[[str], None]) -> None:
        self._missions = missions
        self._flyer = flyer
        self._say = say
        self.state = RunState.STOPPED
        self.nav_seq = 0
        self.do_seq = 0
        self._nav: StoredItem | None = None
        self._do: StoredItem | None = None
        self._do_all_done = False
        self._jumps_done: dict[int, int] = {}
        self._rewind = Rewind()
        self._left_at_e7 = (0, 0)

    @property
    def nav_item(self) -> StoredItem | None:
        """The NAV command being flown."""
        return self._nav

    def reset(self) -> None:
        """Back to the first item, jump counters at zero."""
        self.nav_seq = self.do_seq = 0
        self._nav = self._do = None
        self._do_all_done = False
        self._jumps_done.clear()
        self._rewind.reset()

    def forget(self) -> None:
        """The mission was cleared."""
        self.reset()
        self.state = RunState.STOPPED

    def stop(self) -> None:
        """The vehicle left AUTO."""
        if self.state is RunState.RUNNING:
            self.state = RunState.STOPPED
            self._left_at_e7 = self._flyer.place_e7()

    def repeat_on_resume(self, distance_m: float) -> None:
        """DO_SET_RESUME_REPEAT_DIST."""
        self._rewind.distance_m = distance_m
        self._say(f"Resume repeat dist set to {distance_m:.0f} m")

    def start(self) -> None:
        """Begin with the first item."""
        self.state = RunState.RUNNING
        self.reset()
        if not self._advance_nav(0):
            self._complete()

    def start_or_resume(self, *, restart: bool) -> None:
        """Begin or go on, as MIS_RESTART says."""
        if restart:
            self.start()
        else:
            self.resume()

    def resume(self) -> None:
        """Go on at the present index; a completed mission begins again."""
        if self.state is RunState.COMPLETE or self.nav_seq == 0:
            self.start()
            return
        self.state = RunState.RUNNING
        if self.nav_seq >= len(self._missions.items):
            self.start()
        elif self._go_back():
            return
        elif self._do is not None and self.do_seq:
            self._set_current(self.do_seq)
        elif self._nav is not None:
            self._set_current(self.nav_seq)

    def _go_back(self) -> bool:
        """Begin to fly back to where an interrupted mission is taken up again, if it is to be."""
        point = self._rewind.point(self._missions.items, self._left_at_e7)
        if point is None:
            return False
        self._rewind.under_way = True
        self.nav_seq, self._nav = point
        self._begin(*point)
        return True

    def restart_nav(self) -> bool:
        """Begin the present NAV command again, as after a mission change in flight."""
        return self.nav_seq > 0 and self._set_current(self.nav_seq)

    def set_current(self, seq: int) -> bool:
        """Make an item the current one; 0 restarts. False when there is no such item."""
        self._rewind.reset()
        return self._set_current(seq)

    def _set_current(self, seq: int) -> bool:
        count = len(self._missions.items)
        if seq >= count or count == 1:
            return False
        self.do_seq = 0
        self._do = self._nav = None
        self._do_all_done = False
        if seq == 0 or self.state is RunState.COMPLETE:
            self._jumps_done.clear()
            seq = max(seq, 1)
        if self.state is RunState.RUNNING:
            if not self._advance_nav(seq):
                self._complete()
                return False
            return True
        while self._nav is None:
            found = self._next(seq)
            if found is None:
                self.nav_seq = 0
                return False
            seq, item = found
            if is_nav(item.command):
                self.nav_seq, self._nav = seq, item
            elif self._do is None:
                self.do_seq, self._do = seq, item
            seq += 1
        self._do_all_done = self._do is None
        self.state = RunState.STOPPED
        return True

    def starts_with_takeoff(self, *, restart: bool) -> bool:
        """Whether the next NAV command is a take-off."""
        seq = 1 if restart or self.nav_seq == 0 else self.nav_seq
        for _ in range(_MAX_ITEMS_PER_ADVANCE):
            found = self._next(seq, count_jumps=False)
            if found is None:
                return False
            seq, item = found
            if item.command in (MavCmd.NAV_TAKEOFF, 84):
                return True
            if is_nav(item.command) and item.command not in (MavCmd.NAV_DELAY,):
                return False
            seq += 1
        return False

    def update(self) -> None:
        """One step: complete and begin commands. Called only while the mission runs."""
        if self.state is not RunState.RUNNING or not self._missions.items:
            return
        if self._nav is None or self.nav_seq == 0:
            if not self._advance_nav(0):
                self._complete()
                return
        elif self._flyer.item_done(self.nav_seq, self._nav):
            if self.state is not RunState.RUNNING:
                return
            self._nav = None
            if not self._advance_nav(0):
                self._complete()
                return
        if self._do is None:
            self._advance_do()
        elif self._flyer.item_done(self.do_seq, self._do):
            self._do = None

    def peek_nav(self, after: int) -> StoredItem | None:
        """The NAV command that follows an item, without counting jumps."""
        seq = after + 1
        for _ in range(_MAX_ITEMS_PER_ADVANCE):
            found = self._next(seq, count_jumps=False)
            if found is None:
                return None
            seq, item = found
            if is_nav(item.command):
                return item
            seq += 1
        return None

    def _complete(self) -> None:
        self.state = RunState.COMPLETE
        self._flyer.mission_complete()

    def _begin(self, seq: int, item: StoredItem) -> None:
        if item.command == MavCmd.JUMP_TAG:
            self._say(f"Mission: {seq} {command_label(item.command)} 0")
        else:
            self._say(f"Mission: {seq} {command_label(item.command)}")
        self._flyer.start_item(seq, item)

    def _advance_nav(self, starting: int) -> bool:
        """Begin the next NAV command and the first DO command on the way to it."""
        if self.state is not RunState.RUNNING or self._nav is not None:
            return False
        self.do_seq = 0
        self._do = None
        self._do_all_done = False
        seq = starting or (self.nav_seq + 1)
        for _ in range(_MAX_ITEMS_PER_ADVANCE):
            found = self._next(seq)
            if found is None:
                return False
            seq, item = found
            if is_nav(item.command):
                self.nav_seq, self._nav = seq, item
                self._begin(seq, item)
                if self._rewind.begun(seq, item):
                    self._say("Mission: Returned to interrupted WP")
                self._do_all_done = self._do is None
                return True
            if self._do is None:
                self.do_seq, self._do = seq, item
                self._begin(seq, item)
            seq += 1
        return False

    def _advance_do(self) -> None:
        if self._do_all_done:
            return
        found = self._next(self.do_seq + 1, count_jumps=False)
        if found is None or is_nav(found[1].command):
            self._do_all_done = True
            return
        self.do_seq, self._do = found
        self._begin(self.do_seq, self._do)

    def _next(self, seq: int, *, count_jumps: bool = True) -> tuple[int, StoredItem] | None:
        """The first item at or after seq that is not a jump, jumps followed."""
        items = self._missions.items
        for _ in range(_MAX_JUMPS):
            if seq >= len(items):
                return None
            item = items[seq]
            if item.command not in _JUMP_TYPES:
                return seq, item
            target = self._jump_target(item)
            if not 0 < target < len(items):
                return None
            times = int(item.params[1])
            done = self._jumps_done.get(seq, 0)
            if times == -1 or done < times:
                if count_jumps:
                    self._jumps_done[seq] = done + 1
                    of = "unlimited" if times == -1 else str(times)
                    self._say(f"Mission: {seq} Jump {done + 1}/{of}")
                seq = target
            else:
                seq += 1
        return None

    def _jump_target(self, item: StoredItem) -> int:
        wanted = int(item.params[0])
        if item.command == MavCmd.DO_JUMP:
            return wanted
        for seq, other in enumerate(self._missions.items):
            if other.command == MavCmd.JUMP_TAG and int(other.params[0]) == wanted:
                return seq
        return 0
