"""The flight modes: STABILIZE, ALT_HOLD, AUTO, GUIDED, LOITER, RTL, LAND and BRAKE, as ArduCopter flies them.

Nobody holds a transmitter: the modes that a pilot flies by hand hold the position.
"""

from __future__ import annotations

import math
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

from airbeat.link.dialect import mavlink
from airbeat.mission.commands import MavCmd
from airbeat.sim.vehicle.guidance import Phase
from airbeat.sim.vehicle.items import SET_RESUME_REPEAT_DIST, StoredItem
from airbeat.sim.vehicle.runner import RunState
from airbeat.vehicle.waypoint_flight import Vector

if TYPE_CHECKING:
    from airbeat.sim.vehicle.copter import Copter

__all__ = ["AutoMode", "FlightMode", "ReturnToLaunch"]

_CORNER_COMMANDS = (MavCmd.NAV_WAYPOINT, MavCmd.NAV_LOITER_UNLIM, MavCmd.NAV_LOITER_TIME)
_TAKEOFFS = (MavCmd.NAV_TAKEOFF, 84)
_RTL_ALT_MIN_M = 2.0
_MIN_CONE_SLOPE = 0.5


class FlightMode(IntEnum):
    """ArduCopter's custom_mode numbers."""

    STABILIZE = 0
    ALT_HOLD = 2
    AUTO = 3
    GUIDED = 4
    LOITER = 5
    RTL = 6
    LAND = 9
    BRAKE = 17

    @property
    def needs_position(self) -> bool:
        """Whether the mode cannot be entered without a position estimate."""
        return self not in (FlightMode.STABILIZE, FlightMode.ALT_HOLD, FlightMode.LAND)

    @property
    def can_arm(self) -> bool:
        """Whether the vehicle may be armed in it (AUTO: with AUTO_OPTIONS bit 0)."""
        return self in (FlightMode.STABILIZE, FlightMode.ALT_HOLD, FlightMode.LOITER, FlightMode.GUIDED)


class _Stage(Enum):
    CLIMB = 1
    RETURN = 2
    LOITER = 3
    FINAL = 4
    LAND = 5


class ReturnToLaunch:
    """Climb to RTL_ALT, fly straight to home or the nearest rally point, wait, descend, land."""

    def __init__(self, copter: Copter) -> None:
        self._copter = copter
        self._stage = _Stage.CLIMB
        self._goal: Vector = (0.0, 0.0, 0.0)
        self._since_s = 0.0

    @property
    def is_landing(self) -> bool:
        """Whether it is on its way down."""
        return self._stage in (_Stage.LAND, _Stage.FINAL)

    @property
    def landed(self) -> bool:
        """Whether it has come down."""
        return self._stage is _Stage.LAND and self._copter.guidance.is_landed

    def begin(self) -> None:
        """Work out the way home and start to climb."""
        copter, guidance = self._copter, self._copter.guidance
        guidance.speed_override = {}
        guidance.navigate_from_here(speed_m_s=copter.params["RTL_SPEED"] / 100.0 or None)
        self._goal = self._return_target()
        self._stage = _Stage.CLIMB
        guidance.hold_yaw()
        if guidance.navigator is not None:
            stop = guidance.navigator.destination
            guidance.fly_to((stop[0], stop[1], self._goal[2]), self._goal)

    def _return_target(self) -> Vector:
        copter = self._copter
        read = copter.params
        here = copter.guidance.body.position
        place = copter.best_rally_or_home(here)
        home_z = copter.home_xyz[2]
        height = here[2] - home_z
        lowest = max(_RTL_ALT_MIN_M, height + max(0.0, read["RTL_CLIMB_MIN"] / 100.0))
        wanted = max(place[2] - home_z, 0.0, read["RTL_ALT"] / 100.0, lowest)
        slope = read["RTL_CONE_SLOPE"]
        if slope >= _MIN_CONE_SLOPE:
            distance = math.hypot(place[0] - here[0], place[1] - here[1])
            wanted = min(wanted, max(distance * slope, lowest))
        if copter.fence.enabled and copter.fence.kinds & 1:
            ceiling = read["FENCE_ALT_MAX"] - read["FENCE_MARGIN"]
            wanted = min(wanted, max(ceiling, 0.0)) if wanted > ceiling else wanted
        return (place[0], place[1], home_z + max(wanted, 0.0))

    def step(self) -> None:
        """Move on to the next stage where the present one is done."""
        copter, guidance = self._copter, self._copter.guidance
        if guidance.on_ground:
            self._stage = _Stage.LAND
        elif self._stage is _Stage.CLIMB and guidance.reached:
            self._stage = _Stage.RETURN
            guidance.fly_to(self._goal)
            copter.default_yaw(returning=True)
        elif self._stage is _Stage.RETURN and guidance.reached:
            self._stage = _Stage.LOITER
            self._since_s = copter.time_s
            if copter.params["WP_YAW_BEHAVIOR"] != 2:
                guidance.face(copter.armed_heading_deg, 0.0, 0, relative=False)
        elif self._stage is _Stage.LOITER:
            waited = copter.time_s - self._since_s >= copter.params["RTL_LOIT_TIME"] / 1000.0
            if waited and (copter.params["WP_YAW_BEHAVIOR"] == 2 or guidance.yaw_reached):
                self._descend()

    def _descend(self) -> None:
        final_m = self._copter.params["RTL_ALT_FINAL"] / 100.0
        if final_m > 0:
            self._stage = _Stage.FINAL
            goal = self._goal
            self._copter.guidance.fly_to((goal[0], goal[1], self._copter.home_xyz[2] + final_m))
        else:
            self._stage = _Stage.LAND
            self._copter.guidance.land()


class AutoMode:
    """AUTO: flies the mission. It is the runner's MissionFlyer."""

    def __init__(self, copter: Copter) -> None:
        self._copter = copter
        self._rtl = ReturnToLaunch(copter)
        self._waiting_to_start = False
        self._arrived_s: float | None = None
        self._hold_s = 0.0
        self._condition_until_s = 0.0
        self._condition_m = 0.0
        self._landing_place_reached = False
        self._seen_changes = 0
        self._seen_items: tuple[StoredItem | None, ...] = ()
        self._circle: tuple[Vector, float, float, float] | None = None

    @property
    def is_landing(self) -> bool:
        """Whether the mission is landing the vehicle."""
        item = self._copter.runner.nav_item
        if item is None:
            return False
        if item.command == MavCmd.NAV_RETURN_TO_LAUNCH:
            return self._rtl.is_landing
        return item.command == MavCmd.NAV_LAND and self._copter.guidance.phase in (
            Phase.DESCEND,
            Phase.TOUCHDOWN,
        )

    def begin(self) -> bool:
        """Enter AUTO; False when there is nothing to fly or it does not begin with a take-off."""
        copter = self._copter
        if copter.armed and copter.missions.count() < 2:
            return False
        restart = copter.params["MIS_RESTART"] == 1
        if (
            copter.armed
            and copter.guidance.is_landed
            and not copter.runner.starts_with_takeoff(restart=restart)
        ):
            copter.say(mavlink.MAV_SEVERITY_CRITICAL, "Auto: Missing Takeoff Cmd")
            return False
        copter.guidance.speed_override = {}
        copter.guidance.hold()
        self._waiting_to_start = True
        self._remember_mission()
        return True

    def start_mission(self) -> None:
        """MISSION_START: begin at once where the mission does not run yet."""
        runner = self._copter.runner
        if runner.state is not RunState.RUNNING:
            runner.start_or_resume(restart=self._copter.params["MIS_RESTART"] == 1)

    def leave(self) -> None:
        """Another mode takes over."""
        self._copter.runner.stop()
        self._copter.gimbal.release_roi()

    def step(self) -> None:
        """One step of AUTO."""
        copter, runner = self._copter, self._copter.runner
        if self._waiting_to_start:
            self._waiting_to_start = False
            runner.start_or_resume(restart=copter.params["MIS_RESTART"] == 1)
            self._remember_mission()
        else:
            if self._mission_changed() and runner.state is RunState.RUNNING and self._on_waypoint():
                restarted = runner.restart_nav()
                words = ", restarted command" if restarted else " but failed to restart command"
                copter.say(mavlink.MAV_SEVERITY_CRITICAL, f"Auto mission changed{words}")
            runner.update()
        item = runner.nav_item
        if item is None or runner.state is not RunState.RUNNING:
            return
        if item.command == MavCmd.NAV_RETURN_TO_LAUNCH:
            self._rtl.step()
        elif item.command == MavCmd.NAV_LOITER_TURNS and self._circle is not None:
            self._fly_circle()

    def _on_waypoint(self) -> bool:
        item = self._copter.runner.nav_item
        return item is not None and item.command == MavCmd.NAV_WAYPOINT

    def _mission_window(self) -> tuple[StoredItem | None, ...]:
        runner = self._copter.runner
        items = self._copter.missions.items
        here = items[runner.nav_seq] if 0 < runner.nav_seq < len(items) else None
        return (here, runner.peek_nav(runner.nav_seq))

    def _remember_mission(self) -> None:
        self._seen_changes = self._copter.missions.changes
        self._seen_items = self._mission_window()

    def _mission_changed(self) -> bool:
        window = self._mission_window()
        if self._seen_changes == self._copter.missions.changes:
            self._seen_items = window
            return False
        changed = window != self._seen_items
        self._remember_mission()
        return changed

    # -- MissionFlyer -----------------------------------------------------------------------------

    def start_item(self, seq: int, item: StoredItem) -> None:
        """Begin a mission command."""
        copter, guidance = self._copter, self._copter.guidance
        command, p = item.command, item.params
        if command in _TAKEOFFS:
            guidance.take_off(copter.height_z(item, guidance.body.position[2]))
        elif command in (*_CORNER_COMMANDS, MavCmd.NAV_SPLINE_WAYPOINT):
            self._start_waypoint(seq, item)
        elif command == MavCmd.NAV_LOITER_TURNS:
            self._start_circle(item)
        elif command == MavCmd.NAV_LAND:
            self._start_landing(item)
        elif command == MavCmd.NAV_RETURN_TO_LAUNCH:
            self._rtl.begin()
        elif command == MavCmd.NAV_DELAY:
            self._condition_until_s = copter.time_s
            self._hold_s = copter.time_s + max(p[0], 0.0)
            guidance.hold()
        elif command == MavCmd.CONDITION_DELAY:
            self._condition_until_s = copter.time_s + p[0]
        elif command == MavCmd.CONDITION_DISTANCE:
            self._condition_m = p[0]
        elif command == MavCmd.CONDITION_YAW:
            guidance.face(p[0], p[1], int(p[2]), relative=p[3] > 0)
        elif command == SET_RESUME_REPEAT_DIST:
            copter.runner.repeat_on_resume(p[0])
        else:
            copter.do_command(item)

    def _start_waypoint(self, seq: int, item: StoredItem) -> None:
        copter, guidance = self._copter, self._copter.guidance
        navigator = guidance.navigator
        here = guidance.body.position
        if navigator is not None and guidance.phase is Phase.NAVIGATE and navigator.reached:
            here = navigator.destination
        elif guidance.phase is Phase.CLIMB:
            guidance.navigate_from_here()
        place = copter.item_place(item, here)
        self._arrived_s = None
        self._hold_s = math.inf if item.command == MavCmd.NAV_LOITER_UNLIM else item.params[0]
        following: Vector | None = None
        after = copter.runner.peek_nav(seq)
        passes = item.command in (MavCmd.NAV_WAYPOINT, MavCmd.NAV_SPLINE_WAYPOINT) and self._hold_s == 0
        if passes and after and after.command in (*_CORNER_COMMANDS, MavCmd.NAV_SPLINE_WAYPOINT):
            following = copter.item_place(after, place)
        guidance.fly_to(place, following)
        copter.default_yaw()

    def _start_circle(self, item: StoredItem) -> None:
        copter, guidance = self._copter, self._copter.guidance
        here = guidance.body.position
        centre = copter.item_place(item, here)
        turns, radius = item.params[0], abs(item.params[2]) or 10.0
        angle = math.atan2(here[0] - centre[0], here[1] - centre[1])
        direction = -1.0 if item.params[2] < 0 else 1.0
        self._circle = (centre, radius, direction * turns * 2.0 * math.pi, angle)
        edge = (centre[0] + radius * math.sin(angle), centre[1] + radius * math.cos(angle), centre[2])
        guidance.fly_to(edge, self._circle_point(angle, direction))
        copter.default_yaw()

    def _circle_point(self, angle: float, direction: float) -> Vector:
        assert self._circle is not None  # noqa: S101 - called while circling
        centre, radius = self._circle[0], self._circle[1]
        ahead = angle + direction * math.pi / 12
        return (centre[0] + radius * math.sin(ahead), centre[1] + radius * math.cos(ahead), centre[2])

    def _fly_circle(self) -> None:
        """The circle is flown as 24 short legs a turn, corners rounded."""
        guidance = self._copter.guidance
        if self._circle is None or not guidance.reached:
            return
        centre, radius, left, angle = self._circle
        if left == 0.0:
            return
        direction = math.copysign(1.0, left)
        done = min(math.pi / 12, abs(left))
        angle += direction * done
        left -= direction * done
        self._circle = (centre, radius, left if abs(left) > 1e-6 else 0.0, angle)
        point = (centre[0] + radius * math.sin(angle), centre[1] + radius * math.cos(angle), centre[2])
        guidance.fly_to(point, self._circle_point(angle, direction) if self._circle[2] else None)

    def _start_landing(self, item: StoredItem) -> None:
        guidance = self._copter.guidance
        self._landing_place_reached = item.lat_e7 == 0 and item.lon_e7 == 0
        if self._landing_place_reached:
            guidance.land()
            return
        place = self._copter.item_place(item, guidance.body.position)
        guidance.fly_to((place[0], place[1], guidance.body.position[2]))
        self._copter.default_yaw()

    def item_done(self, seq: int, item: StoredItem) -> bool:
        """Whether a command has been carried out; says so to the ground station."""
        copter = self._copter
        if copter.mode is not FlightMode.AUTO:
            return False
        if item.command in (MavCmd.DO_SET_CAM_TRIGG_DIST, MavCmd.DO_DIGICAM_CONTROL, MavCmd.JUMP_TAG):
            return True
        done = self._verify(seq, item)
        if done:
            copter.note_item_reached(seq)
        return done

    def _verify(self, seq: int, item: StoredItem) -> bool:
        copter, guidance = self._copter, self._copter.guidance
        command = item.command
        if command in _TAKEOFFS:
            return guidance.phase is Phase.CLIMB and guidance.takeoff_complete
        if command in (*_CORNER_COMMANDS, MavCmd.NAV_SPLINE_WAYPOINT):
            return self._waypoint_done(seq, item)
        if command == MavCmd.NAV_LOITER_TURNS:
            return guidance.reached and self._circle is not None and self._circle[2] == 0.0
        if command == MavCmd.NAV_LAND:
            if not self._landing_place_reached and guidance.reached:
                self._landing_place_reached = True
                guidance.land()
            if self._landing_place_reached and guidance.is_landed and copter.armed:
                after = copter.runner.peek_nav(seq)
                if after is None or after.command != MavCmd.NAV_TAKEOFF:
                    copter.disarm()
                    return False
                return True
            return False
        if command == MavCmd.NAV_RETURN_TO_LAUNCH:
            return self._rtl.landed
        if command == MavCmd.NAV_DELAY:
            return copter.time_s >= self._hold_s
        if command == MavCmd.CONDITION_DELAY:
            return copter.time_s > self._condition_until_s
        if command == MavCmd.CONDITION_DISTANCE:
            return guidance.distance_to_destination_m() < max(self._condition_m, 0.0)
        if command == MavCmd.CONDITION_YAW:
            return guidance.yaw_reached
        return True

    def _waypoint_done(self, seq: int, item: StoredItem) -> bool:
        copter = self._copter
        if item.command == MavCmd.NAV_LOITER_UNLIM or not copter.guidance.reached:
            return False
        if self._arrived_s is None:
            self._arrived_s = copter.time_s
        if copter.time_s - self._arrived_s < self._hold_s:
            return False
        copter.say(mavlink.MAV_SEVERITY_INFO, f"Reached command #{seq}")
        return True

    def place_e7(self) -> tuple[int, int]:
        """Where the vehicle is: latitude and longitude [1e-7 degrees]."""
        place = self._copter.true_position()
        return round(place.lat_deg * 1e7), round(place.lon_deg * 1e7)

    def mission_complete(self) -> None:
        """Nothing left: hold in the air, disarm on the ground."""
        if self._copter.guidance.is_landed:
            if self._copter.armed:
                self._copter.disarm()
        else:
            self._copter.guidance.hold()
