"""The telemetry messages, built from the vehicle's state. Positions and headings are as measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airbeat.link.dialect import mavlink
from airbeat.sim.vehicle.fence import ALT_MAX, ALT_MIN
from airbeat.sim.vehicle.guidance import Phase
from airbeat.sim.vehicle.modes import FlightMode
from airbeat.sim.vehicle.runner import RunState

if TYPE_CHECKING:
    from airbeat.sim.vehicle.copter import Copter

__all__ = ["Messages"]

_SENSORS = (
    mavlink.MAV_SYS_STATUS_SENSOR_3D_GYRO
    | mavlink.MAV_SYS_STATUS_SENSOR_3D_ACCEL
    | mavlink.MAV_SYS_STATUS_SENSOR_3D_MAG
    | mavlink.MAV_SYS_STATUS_SENSOR_ABSOLUTE_PRESSURE
    | mavlink.MAV_SYS_STATUS_SENSOR_GPS
    | mavlink.MAV_SYS_STATUS_SENSOR_BATTERY
    | mavlink.MAV_SYS_STATUS_AHRS
)


class Messages:
    """Builds each message on demand; None where the vehicle has nothing to say yet.

    Attributes:
        builders: what builds a message, by its MAVLink id.
    """

    def __init__(self, copter: Copter) -> None:
        self._copter = copter
        self.builders: dict[int, Callable[[], Any | None]] = {
            0: self.heartbeat,
            1: self._sys_status,
            2: self._system_time,
            24: self._gps_raw,
            30: self._attitude,
            32: self._local_position,
            33: self._global_position,
            42: self.mission_current,
            49: self._gps_origin,
            62: self._nav_controller,
            74: self._vfr_hud,
            87: self._position_target,
            147: self._battery_status,
            148: self._autopilot_version,
            162: self.fence_status,
            168: self._wind,
            193: self._ekf_status,
            242: self.home_position,
            245: self._extended_state,
            285: self._gimbal_attitude,
        }

    def heartbeat(self) -> Any:
        copter = self._copter
        base = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | mavlink.MAV_MODE_FLAG_STABILIZE_ENABLED
        base |= mavlink.MAV_MODE_FLAG_MANUAL_INPUT_ENABLED
        if copter.mode in (FlightMode.AUTO, FlightMode.GUIDED, FlightMode.RTL, FlightMode.LOITER):
            base |= mavlink.MAV_MODE_FLAG_GUIDED_ENABLED
        if copter.armed:
            base |= mavlink.MAV_MODE_FLAG_SAFETY_ARMED
        state = mavlink.MAV_STATE_STANDBY
        if not copter.booted:
            state = mavlink.MAV_STATE_BOOT
        elif copter.armed and not copter.guidance.on_ground:
            state = mavlink.MAV_STATE_ACTIVE
        return mavlink.MAVLink_heartbeat_message(
            int(mavlink.MAV_TYPE_QUADROTOR),
            int(mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA),
            int(base),
            int(copter.mode),
            int(state),
            3,
        )

    def _sys_status(self) -> Any:
        copter, battery = self._copter, self._copter.guidance.battery
        present = enabled = int(_SENSORS)
        present |= mavlink.MAV_SYS_STATUS_GEOFENCE | mavlink.MAV_SYS_STATUS_PREARM_CHECK
        if copter.fence.enabled:
            enabled |= mavlink.MAV_SYS_STATUS_GEOFENCE
        enabled |= mavlink.MAV_SYS_STATUS_PREARM_CHECK
        health = present
        if not copter.position_ok:
            health &= ~(mavlink.MAV_SYS_STATUS_SENSOR_GPS | mavlink.MAV_SYS_STATUS_AHRS)
        if copter.fence.breaches:
            health &= ~mavlink.MAV_SYS_STATUS_GEOFENCE
        if copter.pre_arm_problem() is not None:
            health &= ~mavlink.MAV_SYS_STATUS_PREARM_CHECK
        return mavlink.MAVLink_sys_status_message(
            int(present),
            int(enabled),
            int(health),
            200,
            min(round(battery.voltage_v * 1000), 65535),
            min(round(battery.current_a * 100), 32767),
            round(battery.remaining_share * 100),
            0,
            0,
            0,
            0,
            0,
            0,
        )

    def _battery_status(self) -> Any:
        battery = self._copter.guidance.battery
        cell_mv = min(round(battery.voltage_v / battery.cells * 1000), 65534)
        voltages = [cell_mv] * min(battery.cells, 10) + [65535] * (10 - min(battery.cells, 10))
        return mavlink.MAVLink_battery_status_message(
            0,
            int(mavlink.MAV_BATTERY_FUNCTION_UNKNOWN),
            int(mavlink.MAV_BATTERY_TYPE_UNKNOWN),
            32767,
            voltages,
            min(round(battery.current_a * 100), 32767),
            round(battery.used_mah),
            round(battery.used_wh * 36.0),
            round(battery.remaining_share * 100),
        )

    def _system_time(self) -> Any:
        copter = self._copter
        unix = copter.epoch_s + copter.time_s if copter.position_ok else 0.0
        return mavlink.MAVLink_system_time_message(round(unix * 1e6), copter.time_boot_ms)

    def _gps_raw(self) -> Any:
        copter = self._copter
        if not copter.position_ok:
            return mavlink.MAVLink_gps_raw_int_message(0, 1, 0, 0, 0, 65535, 65535, 0, 65535, 0)
        place, height, _ = copter.measured()
        body = copter.guidance.body
        course = math.degrees(math.atan2(body.velocity[0], body.velocity[1])) % 360.0
        return mavlink.MAVLink_gps_raw_int_message(
            round((copter.epoch_s + copter.time_s) * 1e6),
            int(mavlink.GPS_FIX_TYPE_3D_FIX),
            round(place.lat_deg * 1e7),
            round(place.lon_deg * 1e7),
            round((height + copter.home_xyz[2] + copter.config.home_amsl_m) * 1000),
            80,
            120,
            round(math.hypot(body.velocity[0], body.velocity[1]) * 100),
            round(course * 100) % 36000,
            14,
        )

    def _attitude(self) -> Any:
        copter, body = self._copter, self._copter.guidance.body
        return mavlink.MAVLink_attitude_message(
            copter.time_boot_ms,
            math.radians(body.roll_deg),
            math.radians(body.pitch_deg),
            math.remainder(math.radians(copter.measured()[2]), 2.0 * math.pi),
            0.0,
            0.0,
            math.radians(body.yaw_rate_deg_s),
        )

    def _gimbal_attitude(self) -> Any | None:
        """The gimbal's attitude from north, with the compass's error; nothing without a camera."""
        copter = self._copter
        if not copter.shutter.fitted:
            return None
        body, t = copter.guidance.body, copter.guidance.flight_s
        roll, pitch, yaw = copter.gimbal.attitude(body, copter.noise.gimbal_deg(t))
        yaw += copter.measured()[2] - body.yaw_deg
        return mavlink.MAVLink_gimbal_device_attitude_status_message(
            0,
            0,
            copter.time_boot_ms,
            int(mavlink.GIMBAL_DEVICE_FLAGS_YAW_LOCK | mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME),
            _quaternion(math.radians(roll), math.radians(pitch), math.radians(yaw)),
            0.0,
            0.0,
            0.0,
            0,
        )

    def _global_position(self) -> Any:
        copter = self._copter
        if not copter.position_ok:
            return mavlink.MAVLink_global_position_int_message(copter.time_boot_ms, 0, 0, 0, 0, 0, 0, 0, 0)
        place, height, heading = copter.measured()
        v = copter.guidance.body.velocity
        return mavlink.MAVLink_global_position_int_message(
            copter.time_boot_ms,
            round(place.lat_deg * 1e7),
            round(place.lon_deg * 1e7),
            round((height + copter.home_xyz[2] + copter.config.home_amsl_m) * 1000),
            round(height * 1000),
            round(v[1] * 100),
            round(v[0] * 100),
            round(-v[2] * 100),
            round(heading * 100) % 36000,
        )

    def _local_position(self) -> Any | None:
        copter, body = self._copter, self._copter.guidance.body
        if not copter.position_ok:
            return None
        p, v = body.position, body.velocity
        return mavlink.MAVLink_local_position_ned_message(
            copter.time_boot_ms, p[1], p[0], -p[2], v[1], v[0], -v[2]
        )

    def _vfr_hud(self) -> Any:
        copter, body = self._copter, self._copter.guidance.body
        _, height, heading = copter.measured()
        throttle = 0 if copter.guidance.on_ground else 40 + round(body.lift * 5.0)
        return mavlink.MAVLink_vfr_hud_message(
            body.air_speed_m_s,
            math.hypot(body.velocity[0], body.velocity[1]),
            round(heading) % 360,
            min(max(throttle, 0), 100),
            height + copter.home_xyz[2] + copter.config.home_amsl_m,
            body.velocity[2],
        )

    def mission_current(self, seq: int | None = None) -> Any:
        """MISSION_CURRENT; its total leaves home out."""
        copter = self._copter
        count = max(copter.missions.count() - 1, 0)
        state = int(mavlink.MISSION_STATE_NO_MISSION)
        if count:
            state = {
                RunState.STOPPED: int(mavlink.MISSION_STATE_NOT_STARTED),
                RunState.RUNNING: int(mavlink.MISSION_STATE_ACTIVE),
                RunState.COMPLETE: int(mavlink.MISSION_STATE_COMPLETE),
            }[copter.runner.state]
            if copter.mode is FlightMode.AUTO and copter.guidance.paused:
                state = int(mavlink.MISSION_STATE_PAUSED)
        return mavlink.MAVLink_mission_current_message(
            copter.runner.nav_seq if seq is None else seq,
            count,
            state,
            1 if copter.mode is FlightMode.AUTO else 0,
        )

    def _nav_controller(self) -> Any:
        copter, guidance = self._copter, self._copter.guidance
        navigator = guidance.navigator
        bearing = distance = height_error = 0.0
        if navigator is not None:
            p, d = guidance.body.position, navigator.destination
            bearing = math.degrees(math.atan2(d[0] - p[0], d[1] - p[1]))
            distance = guidance.distance_to_destination_m()
            height_error = d[2] - p[2]
        return mavlink.MAVLink_nav_controller_output_message(
            guidance.body.roll_deg,
            guidance.body.pitch_deg,
            round(copter.measured()[2]) % 360,
            round(bearing),
            min(round(distance), 65535),
            height_error,
            0.0,
            0.0,
        )

    def _position_target(self) -> Any | None:
        copter, navigator = self._copter, self._copter.guidance.navigator
        if navigator is None:
            return None
        d = navigator.destination
        place = copter.latlon(d[0], d[1])
        return mavlink.MAVLink_position_target_global_int_message(
            copter.time_boot_ms,
            int(mavlink.MAV_FRAME_GLOBAL),
            0x0FF8,
            round(place.lat_deg * 1e7),
            round(place.lon_deg * 1e7),
            d[2] + copter.config.home_amsl_m,
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
        )

    def fence_status(self) -> Any | None:
        fence = self._copter.fence
        if not fence.enabled:
            return None
        kind = mavlink.FENCE_BREACH_NONE
        if fence.breaches & ALT_MIN:
            kind = mavlink.FENCE_BREACH_MINALT
        if fence.breaches & ALT_MAX:
            kind = mavlink.FENCE_BREACH_MAXALT
        if fence.breaches & ~(ALT_MIN | ALT_MAX):
            kind = mavlink.FENCE_BREACH_BOUNDARY
        return mavlink.MAVLink_fence_status_message(
            1 if fence.breaches else 0, fence.breach_count, int(kind), fence.breach_time_ms, 1
        )

    def _wind(self) -> Any:
        read = self._copter.params
        return mavlink.MAVLink_wind_message(read["SIM_WIND_DIR"], read["SIM_WIND_SPD"], 0.0)

    def _ekf_status(self) -> Any:
        flags = mavlink.EKF_ATTITUDE | mavlink.EKF_VELOCITY_VERT | mavlink.EKF_POS_VERT_ABS
        if self._copter.position_ok:
            flags |= mavlink.EKF_VELOCITY_HORIZ | mavlink.EKF_POS_HORIZ_REL | mavlink.EKF_POS_HORIZ_ABS
            flags |= mavlink.EKF_PRED_POS_HORIZ_REL | mavlink.EKF_PRED_POS_HORIZ_ABS
        else:
            flags |= mavlink.EKF_CONST_POS_MODE
        return mavlink.MAVLink_ekf_status_report_message(int(flags), 0.05, 0.05, 0.05, 0.05, 0.0, 0.0)

    def home_position(self) -> Any | None:
        copter = self._copter
        if not copter.home_set:
            return None
        home = copter.latlon(copter.home_xyz[0], copter.home_xyz[1])
        return mavlink.MAVLink_home_position_message(
            round(home.lat_deg * 1e7),
            round(home.lon_deg * 1e7),
            round((copter.config.home_amsl_m + copter.home_xyz[2]) * 1000),
            copter.home_xyz[1],
            copter.home_xyz[0],
            -copter.home_xyz[2],
            [1.0, 0.0, 0.0, 0.0],
            0.0,
            0.0,
            0.0,
        )

    def _gps_origin(self) -> Any | None:
        copter = self._copter
        if not copter.position_ok:
            return None
        return mavlink.MAVLink_gps_global_origin_message(
            round(copter.config.home.lat_deg * 1e7),
            round(copter.config.home.lon_deg * 1e7),
            round(copter.config.home_amsl_m * 1000),
        )

    def _extended_state(self) -> Any:
        copter, phase = self._copter, self._copter.guidance.phase
        landed = mavlink.MAV_LANDED_STATE_IN_AIR
        if copter.guidance.is_landed:
            landed = mavlink.MAV_LANDED_STATE_ON_GROUND
        elif phase in (Phase.DESCEND, Phase.TOUCHDOWN):
            landed = mavlink.MAV_LANDED_STATE_LANDING
        elif phase is Phase.CLIMB and not copter.guidance.takeoff_complete:
            landed = mavlink.MAV_LANDED_STATE_TAKEOFF
        return mavlink.MAVLink_extended_sys_state_message(int(mavlink.MAV_VTOL_STATE_UNDEFINED), int(landed))

    def _autopilot_version(self) -> Any:
        """AUTOPILOT_VERSION: what can be done, and that this is not ArduPilot."""
        from airbeat import __version__

        can = (
            mavlink.MAV_PROTOCOL_CAPABILITY_PARAM_FLOAT
            | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FLOAT
            | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_INT
            | mavlink.MAV_PROTOCOL_CAPABILITY_COMMAND_INT
            | mavlink.MAV_PROTOCOL_CAPABILITY_SET_POSITION_TARGET_GLOBAL_INT
            | mavlink.MAV_PROTOCOL_CAPABILITY_MAVLINK2
            | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FENCE
            | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_RALLY
            | mavlink.MAV_PROTOCOL_CAPABILITY_FTP
        )
        numbers = [int(part) for part in __version__.split(".")[:3] if part.isdigit()] + [0, 0, 0]
        version = numbers[0] << 24 | numbers[1] << 16 | numbers[2] << 8
        return mavlink.MAVLink_autopilot_version_message(
            int(can),
            version,
            0,
            0,
            0,
            list(b"airbeat\0"),
            list(b"embedded"),
            list(b"notAPM\0\0"),
            0,
            0,
            self._copter.config.seed & 0xFFFFFFFF,
        )


def _quaternion(roll: float, pitch: float, yaw: float) -> list[float]:
    """w, x, y, z of the turns yaw, pitch, roll [radians] about down, right and forward."""
    cr, sr = math.cos(roll / 2), math.sin(roll / 2)
    cp, sp = math.cos(pitch / 2), math.sin(pitch / 2)
    cy, sy = math.cos(yaw / 2), math.sin(yaw / 2)
    return [
        cr * cp * cy + sr * sp * sy,
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
    ]
