"""What the flight modes are made of: take off, fly to, hold, land, turn; and the body that follows.

It reads no clock: the vehicle steps it with a fixed dt.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum

from airbeat.sim.vehicle.physics import (
    Battery,
    Body,
    PositionController,
    Wind,
    flight_power_w,
    wrap_180,
)
from airbeat.sim.vehicle.trajectory import AxisShaper, LegNavigator, Target
from airbeat.vehicle.airframe import Airframe
from airbeat.vehicle.power import drag_coefficient
from airbeat.vehicle.waypoint_flight import NavLimits, Vector, snap_m_s4

__all__ = ["Guidance", "Phase", "YawMode"]

SPOOL_UP_S = 2.0
"""Motors from idle to full range (ArduCopter MOT_SPOOL_TIME, twice)."""
LIFT_OFF_S = 1.2
"""From full range to the first movement: the thrust is raised until the airframe leaves the ground."""
LANDED_S = 1.0
"""On the ground for so long: landed (ArduCopter's land detector)."""
SPOOL_DOWN_S = 1.0
_JERK_Z_M_S3 = 5.0


class Phase(Enum):
    """What the vehicle does with its height."""

    GROUND = "ground"
    SPOOL_UP = "spool up"
    CLIMB = "climb"
    NAVIGATE = "navigate"
    DESCEND = "descend"
    TOUCHDOWN = "touchdown"


class YawMode(Enum):
    """Where the nose points."""

    HOLD = "hold"
    LOOK_AHEAD = "look ahead"
    FIXED = "fixed"
    ROI = "roi"


class Guidance:
    """Moves the body: phases of a flight, the position controller, wind, battery, yaw."""

    def __init__(self, airframe: Airframe, seed: int, parameter: Callable[[str], float]) -> None:
        self._parameter = parameter
        self._airframe = airframe
        self._wind = Wind(seed)
        self._drag = drag_coefficient(airframe)
        self.battery = Battery(airframe)
        self.body = Body()
        self.controller = PositionController(parameter("ANGLE_MAX") / 100.0)
        self.target = Target(self.body.position)
        self.phase = Phase.GROUND
        self.flight_s = 0.0
        self.started = False
        self.speed_override: dict[str, float] = {}
        self.navigator: LegNavigator | None = None
        self._climb: AxisShaper | None = None
        self._goal_z = 0.0
        self._phase_s = 0.0
        self._pace = 1.0
        self._descent = AxisShaper(0.0, 0.0)
        self.takeoff_complete = False
        self._take_off_when_armed = False
        self.yaw_mode = YawMode.HOLD
        self.yaw_goal_deg = 0.0
        self.yaw_rate_deg_s = 60.0
        self.roi: Vector | None = None

    # -- limits -----------------------------------------------------------------------------------

    def limits(self, *, speed_m_s: float | None = None) -> NavLimits:
        """Limits of waypoint flight from the parameters and DO_CHANGE_SPEED."""
        read, override = self._parameter, self.speed_override
        acceleration = max(read("WPNAV_ACCEL") / 100.0, 0.5)
        corner = read("WPNAV_ACCEL_C") / 100.0
        jerk = read("WPNAV_JERK") if read("WPNAV_JERK") > 0 else acceleration
        speed = speed_m_s or override.get("xy") or read("WPNAV_SPEED") / 100.0
        return NavLimits(
            speed_m_s=min(max(speed, 0.1), max(self._airframe.max_speed_m_s, 1.0)),
            climb_m_s=max(override.get("up") or read("WPNAV_SPEED_UP") / 100.0, 0.1),
            descent_m_s=max(override.get("down") or read("WPNAV_SPEED_DN") / 100.0, 0.1),
            acceleration_m_s2=acceleration,
            acceleration_z_m_s2=max(read("WPNAV_ACCEL_Z") / 100.0, 0.5),
            corner_acceleration_m_s2=corner if corner > 0 else 2.0 * acceleration,
            jerk_m_s3=jerk,
            snap_m_s4=snap_m_s4(jerk),
            radius_m=max(read("WPNAV_RADIUS") / 100.0, 0.05),
        )

    # -- state ------------------------------------------------------------------------------------

    @property
    def on_ground(self) -> bool:
        """Whether the airframe stands on the ground."""
        return self.phase in (Phase.GROUND, Phase.SPOOL_UP, Phase.TOUCHDOWN)

    @property
    def is_landed(self) -> bool:
        """Whether the vehicle knows that it stands on the ground."""
        return self.phase in (Phase.GROUND, Phase.SPOOL_UP)

    @property
    def reached(self) -> bool:
        """Whether the last destination has been reached."""
        return self.navigator is not None and self.navigator.reached

    def distance_to_destination_m(self) -> float:
        """Horizontal distance to the destination [m]."""
        if self.navigator is None:
            return 0.0
        d, p = self.navigator.destination, self.body.position
        return math.hypot(d[0] - p[0], d[1] - p[1])

    # -- orders -----------------------------------------------------------------------------------

    def begin_flight(self) -> None:
        """Armed: the next take-off is a new flight."""
        self.flight_s = 0.0
        self.started = False
        self.speed_override = {}
        self.controller = PositionController(self._parameter("ANGLE_MAX") / 100.0)
        self.target = Target(self.body.position)
        self.navigator = None
        self.takeoff_complete = False
        self.yaw_mode, self.yaw_goal_deg = YawMode.HOLD, self.body.yaw_deg

    def take_off(self, height_z: float) -> None:
        """Climb straight up to a height [m above the start]."""
        self._goal_z = max(height_z, self.body.position[2] + (1.0 if self.is_landed else 0.0))
        self.takeoff_complete = False
        self.hold_yaw()
        if self.phase is Phase.GROUND:
            self._take_off_when_armed = True
        elif self.phase is not Phase.SPOOL_UP:
            self._start_climb()

    def _start_climb(self) -> None:
        self.navigator = LegNavigator(self.limits(), self.target)
        self._climb = AxisShaper(
            self.target.position[2], self.target.velocity[2], self.target.acceleration[2]
        )
        self.phase = Phase.CLIMB

    def hold(self) -> None:
        """Stop here and stay."""
        self._take_off_when_armed = False
        if self.phase is Phase.SPOOL_UP:
            self.phase = Phase.GROUND
        if not self.on_ground:
            self.navigator = LegNavigator(self.limits(), self.target)
            self.phase = Phase.NAVIGATE
            self._pace = 1.0

    def navigate_from_here(self, *, speed_m_s: float | None = None) -> None:
        """Prepare waypoint flight: the first leg starts where the vehicle can stop."""
        if self.on_ground:
            return
        target = self.target
        if self.phase is Phase.CLIMB and self.takeoff_complete:
            p = (target.position[0], target.position[1], self._goal_z)
            target = Target(p, (target.velocity[0], target.velocity[1], 0.0))
        self.navigator = LegNavigator(self.limits(speed_m_s=speed_m_s), target)
        self.phase = Phase.NAVIGATE
        self._pace = 1.0

    def fly_to(self, place: Vector, following: Vector | None = None) -> None:
        """Fly to a place; without stopping there when a following one is given."""
        if self.on_ground:
            return
        navigator = self.navigator
        if self.phase is not Phase.NAVIGATE or navigator is None or not navigator.reached:
            self.navigate_from_here(speed_m_s=navigator.limits.speed_m_s if navigator else None)
        assert self.navigator is not None  # noqa: S101 - set by navigate_from_here
        self.navigator.set_destination(place, following)

    @property
    def paused(self) -> bool:
        """Whether waypoint flight is paused."""
        return self.navigator is not None and self.navigator.paused

    def pause(self) -> bool:
        """Stop on the leg and wait there; False when no leg is being flown."""
        if self.navigator is None or self.phase is not Phase.NAVIGATE or self.navigator.reached:
            return False
        self.navigator.paused = True
        return True

    def go_on(self) -> None:
        """Go on along the leg."""
        if self.navigator is not None:
            self.navigator.paused = False

    def land(self) -> None:
        """Descend here."""
        if self.on_ground:
            return
        if self.phase is not Phase.NAVIGATE or not self.reached:
            self.navigator = LegNavigator(self.limits(), self.target)
        self._descent = AxisShaper(self.target.position[2], self.target.velocity[2])
        self.phase = Phase.DESCEND
        self.hold_yaw()

    def stop_motors(self) -> None:
        """Disarmed."""
        self._take_off_when_armed = False
        self.navigator = None
        if self.on_ground:
            self.phase = Phase.GROUND

    def change_speed(self, kind: str, speed_m_s: float) -> None:
        """DO_CHANGE_SPEED: "xy", "up" or "down"."""
        self.speed_override[kind] = speed_m_s
        self.refresh_limits()

    def refresh_limits(self) -> None:
        """Take changed speeds into the present leg."""
        if self.navigator is not None and self.phase is Phase.NAVIGATE:
            self.navigator.change_limits(self.limits())

    def hold_yaw(self) -> None:
        """Keep the present heading."""
        self.yaw_mode, self.yaw_goal_deg = YawMode.HOLD, self.body.yaw_deg
        self.yaw_rate_deg_s = self._slew()

    def look_ahead(self) -> None:
        """Point where the vehicle flies."""
        self.yaw_mode, self.yaw_goal_deg = YawMode.LOOK_AHEAD, self.body.yaw_deg
        self.yaw_rate_deg_s = self._slew()

    def face(self, heading_deg: float, rate_deg_s: float, direction: int, *, relative: bool) -> None:
        """CONDITION_YAW: turn to a heading; direction -1, 0 or 1."""
        goal = self.body.yaw_deg + heading_deg * (direction or 1) if relative else heading_deg
        self.yaw_mode, self.yaw_goal_deg = YawMode.FIXED, goal % 360.0
        self.yaw_rate_deg_s = min(rate_deg_s, self._slew()) if rate_deg_s > 0 else self._slew()

    def face_place(self, place: Vector | None) -> None:
        """Keep the nose on a place, or let go of it."""
        self.roi = place
        if place is None:
            self.look_ahead() if self.phase is Phase.NAVIGATE else self.hold_yaw()
        else:
            self.yaw_mode = YawMode.ROI
            self.yaw_rate_deg_s = self._slew()

    @property
    def yaw_reached(self) -> bool:
        """Within 2° of the heading asked for."""
        return abs(wrap_180(self.yaw_goal_deg - self.body.yaw_deg)) <= 2.0

    def _slew(self) -> float:
        return max(self._parameter("ATC_SLEW_YAW") / 100.0, 5.0)

    # -- step -------------------------------------------------------------------------------------

    def step(self, dt: float, *, armed: bool) -> None:
        """Advance the body by dt."""
        self._phase_s += dt
        if self.started:
            self.flight_s += dt
        if self.on_ground:
            self._on_ground(armed, dt)
            return
        limits = self.navigator.limits if self.navigator else self.limits()
        target = self._next_target(dt, limits)
        self.target = target
        body = self.body
        height = body.position[2]
        wind = self._wind.velocity(
            self.flight_s,
            self._parameter("SIM_WIND_SPD"),
            self._parameter("SIM_WIND_DIR"),
            min(max(height, 0.0) / 10.0, 1.0) * 0.6 + 0.4,
        )
        body.move(self.controller.acceleration(target, body, dt), wind, self._drag, dt)
        self._turn(target, dt)
        self.battery.draw(flight_power_w(self._airframe, body), dt)
        if self.phase is Phase.DESCEND and body.position[2] <= 0.0:
            body.rest(0.0)
            self.target = Target(body.position)
            self.phase, self._phase_s = Phase.TOUCHDOWN, 0.0

    def _on_ground(self, armed: bool, dt: float) -> None:
        idle = 0.25 if armed else 0.02
        self.battery.draw(self._airframe.hover_power_w * idle, dt)
        if self.phase is Phase.GROUND and armed and self._take_off_when_armed:
            self._take_off_when_armed = False
            self.phase, self._phase_s, self.started = Phase.SPOOL_UP, 0.0, True
        elif self.phase is Phase.SPOOL_UP and self._phase_s >= SPOOL_UP_S + LIFT_OFF_S:
            self.target = Target(self.body.position)
            self._start_climb()
        elif self.phase is Phase.TOUCHDOWN and self._phase_s >= LANDED_S + SPOOL_DOWN_S:
            self.phase = Phase.GROUND

    def _next_target(self, dt: float, limits: NavLimits) -> Target:
        assert self.navigator is not None  # noqa: S101 - every phase off the ground has one
        self._pace += (self._wanted_pace() - self._pace) * dt * limits.jerk_m_s3 / limits.acceleration_m_s2
        target = self.navigator.advance(dt, self._pace, self.body.position)
        if self.phase is Phase.CLIMB and self._climb is not None:
            z, vz, az = self._climb.step(
                self._goal_z,
                speed_up=limits.climb_m_s,
                speed_down=limits.descent_m_s,
                acceleration=limits.acceleration_z_m_s2,
                jerk=_JERK_Z_M_S3,
                gain=2.0,
                dt=dt,
            )
            near = 0.5 * (0.1 * limits.climb_m_s) ** 2 / limits.acceleration_z_m_s2
            self.takeoff_complete = z >= self._goal_z - near and vz < 0.1 * limits.climb_m_s
            return _with_height(target, z, vz, az)
        if self.phase is Phase.DESCEND:
            return self._descending(target, limits, dt)
        return target

    def _descending(self, target: Target, limits: NavLimits, dt: float) -> Target:
        """ArduCopter's landing: full descent speed down to LAND_ALT_LOW, then LAND_SPEED."""
        slow = max(self._parameter("LAND_SPEED") / 100.0, 0.05)
        fast = self._parameter("LAND_SPEED_HIGH") / 100.0 or limits.descent_m_s
        above = max(self.body.position[2] - max(self._parameter("LAND_ALT_LOW") / 100.0, 1.0), 0.0)
        acceleration = limits.acceleration_z_m_s2
        braking = (
            above if above < acceleration else math.sqrt(2.0 * acceleration * (above - acceleration / 2))
        )
        rate = -max(min(braking, fast), slow)
        p, v, a = self._descent.state
        a_wanted = min(max((rate - v) * 3.0, -acceleration), acceleration)
        a += min(max(a_wanted - a, -_JERK_Z_M_S3 * dt), _JERK_Z_M_S3 * dt)
        v += a * dt
        self._descent.state = (p + v * dt, v, a)
        return _with_height(target, p + v * dt, v, a)

    def _wanted_pace(self) -> float:
        """How fast the target may move on, 0…1, for a vehicle that falls behind it."""
        tv = self.target.velocity
        speed = math.sqrt(tv[0] * tv[0] + tv[1] * tv[1] + tv[2] * tv[2])
        if speed < 1e-3:
            return 1.0
        p, v, tp = self.body.position, self.body.velocity, self.target.position
        along = error = 0.0
        for i in range(3):
            along += v[i] * tv[i] / speed
            error += (tp[i] - p[i]) * tv[i] / speed
        return min(max(0.05 + (along - error) / speed, 0.0), 1.0)

    def _turn(self, target: Target, dt: float) -> None:
        vx, vy = target.velocity[0], target.velocity[1]
        if self.yaw_mode is YawMode.LOOK_AHEAD:
            limits = self.navigator.limits if self.navigator else self.limits()
            if math.hypot(vx, vy) > 0.05 * limits.speed_m_s:
                self.yaw_goal_deg = math.degrees(math.atan2(vx, vy)) % 360.0
        elif self.yaw_mode is YawMode.ROI and self.roi is not None:
            p = self.body.position
            if math.hypot(self.roi[0] - p[0], self.roi[1] - p[1]) > 1.0:
                self.yaw_goal_deg = math.degrees(math.atan2(self.roi[0] - p[0], self.roi[1] - p[1])) % 360.0
        self.body.turn(self.yaw_goal_deg, self.yaw_rate_deg_s, dt)


def _with_height(target: Target, z: float, vz: float, az: float) -> Target:
    p, v, a = target.position, target.velocity, target.acceleration
    return Target((p[0], p[1], z), (v[0], v[1], vz), (a[0], a[1], az))
