"""COMMAND_LONG and COMMAND_INT: what the vehicle does when told to, and the MAV_RESULT it answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airbeat.link.dialect import mavlink
from airbeat.mission.commands import MavCmd
from airbeat.sim.vehicle.items import StoredItem
from airbeat.sim.vehicle.modes import FlightMode

if TYPE_CHECKING:
    from airbeat.sim.vehicle.copter import Copter

__all__ = ["CommandHandler"]

_ACCEPTED = int(mavlink.MAV_RESULT_ACCEPTED)
_DENIED = int(mavlink.MAV_RESULT_DENIED)
_UNSUPPORTED = int(mavlink.MAV_RESULT_UNSUPPORTED)
_FAILED = int(mavlink.MAV_RESULT_FAILED)

_MAGIC_FORCE_ARM = 2989
_MAGIC_FORCE = 21196
_RELATIVE_FRAMES = (3, 6)
_CHANGE_MODE_FLAG = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command in one form: params 1…4, place in 1e-7 degrees, height in metres and its frame."""

    link: int
    number: int
    params: tuple[float, float, float, float]
    x: int
    y: int
    z: float
    frame: int


def _whole(value: float) -> int:
    """A parameter as a whole number; -1 for anything that is none."""
    return int(value) if math.isfinite(value) and abs(value) < 2**31 else -1


def _result(ok: bool) -> int:
    return _ACCEPTED if ok else _FAILED


class CommandHandler:
    """Carries out commands and acknowledges them."""

    def __init__(self, copter: Copter) -> None:
        self._copter = copter
        self._handlers: dict[int, Callable[[Command], int]] = {
            int(mavlink.MAV_CMD_COMPONENT_ARM_DISARM): self._arm,
            int(mavlink.MAV_CMD_DO_SET_MODE): self._set_mode,
            int(mavlink.MAV_CMD_MISSION_START): self._mission_start,
            int(mavlink.MAV_CMD_DO_SET_MISSION_CURRENT): self._set_current,
            int(mavlink.MAV_CMD_NAV_TAKEOFF): self._take_off,
            int(mavlink.MAV_CMD_NAV_LAND): lambda _: _result(copter.set_mode(FlightMode.LAND)),
            int(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH): lambda _: _result(copter.set_mode(FlightMode.RTL)),
            int(mavlink.MAV_CMD_NAV_LOITER_UNLIM): lambda _: _result(copter.set_mode(FlightMode.LOITER)),
            int(mavlink.MAV_CMD_DO_REPOSITION): self._reposition,
            int(mavlink.MAV_CMD_DO_PAUSE_CONTINUE): self._pause,
            int(mavlink.MAV_CMD_DO_CHANGE_SPEED): self._change_speed,
            int(mavlink.MAV_CMD_CONDITION_YAW): self._yaw,
            int(mavlink.MAV_CMD_DO_SET_HOME): self._set_home,
            int(mavlink.MAV_CMD_DO_SET_ROI): self._roi,
            int(mavlink.MAV_CMD_DO_SET_ROI_LOCATION): self._roi,
            int(mavlink.MAV_CMD_DO_SET_ROI_NONE): self._roi_none,
            int(mavlink.MAV_CMD_DO_DIGICAM_CONTROL): self._digicam,
            int(mavlink.MAV_CMD_DO_SET_CAM_TRIGG_DIST): self._trigger_distance,
            int(mavlink.MAV_CMD_IMAGE_START_CAPTURE): self._capture,
            int(mavlink.MAV_CMD_IMAGE_STOP_CAPTURE): lambda _: _result(copter.shutter.stop()),
            int(mavlink.MAV_CMD_DO_MOUNT_CONTROL): self._mount,
            int(mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW): self._gimbal,
            int(mavlink.MAV_CMD_DO_FENCE_ENABLE): self._fence_enable,
            int(mavlink.MAV_CMD_RUN_PREARM_CHECKS): self._pre_arm,
            int(mavlink.MAV_CMD_REQUEST_MESSAGE): self._request_message,
            int(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL): self._set_interval,
            int(mavlink.MAV_CMD_GET_MESSAGE_INTERVAL): self._get_interval,
            int(mavlink.MAV_CMD_REQUEST_AUTOPILOT_CAPABILITIES): self._capabilities,
            int(mavlink.MAV_CMD_GET_HOME_POSITION): self._get_home,
            int(mavlink.MAV_CMD_DO_SEND_BANNER): self._banner,
            int(mavlink.MAV_CMD_BATTERY_RESET): self._battery_reset,
        }

    def on_long(self, link: int, message: Any) -> None:
        """COMMAND_LONG: places are degrees as floats."""
        m = message
        scaled = [v * 1e7 if math.isfinite(v) and abs(v) <= 214.0 else 0.0 for v in (m.param5, m.param6)]
        command = Command(
            link=link,
            number=int(m.command),
            params=(m.param1, m.param2, m.param3, m.param4),
            x=round(m.param5) if self._raw_place(m) else round(scaled[0]),
            y=round(m.param6) if self._raw_place(m) else round(scaled[1]),
            z=m.param7,
            frame=3,
        )
        if command.number == mavlink.MAV_CMD_DO_REPOSITION:
            self._ack(link, message, command, _UNSUPPORTED)
        else:
            self._run(link, message, command)

    @staticmethod
    def _raw_place(message: Any) -> bool:
        plain = message.command in (mavlink.MAV_CMD_DO_DIGICAM_CONTROL, mavlink.MAV_CMD_DO_MOUNT_CONTROL)
        return plain and all(math.isfinite(v) and abs(v) < 2**31 for v in (message.param5, message.param6))

    def on_int(self, link: int, message: Any) -> None:
        """COMMAND_INT: places are whole 1e-7 degrees, with a frame."""
        m = message
        command = Command(
            link=link,
            number=int(m.command),
            params=(m.param1, m.param2, m.param3, m.param4),
            x=int(m.x),
            y=int(m.y),
            z=m.z,
            frame=int(m.frame),
        )
        self._run(link, message, command)

    def _run(self, link: int, message: Any, command: Command) -> None:
        copter = self._copter
        if command.number == mavlink.MAV_CMD_PREFLIGHT_REBOOT_SHUTDOWN:
            self._reboot(link, message, command)
            return
        handler = self._handlers.get(command.number)
        answers = len(copter.outbox)
        result = _UNSUPPORTED if handler is None else handler(command)
        said, copter.outbox[answers:] = copter.outbox[answers:], []
        self._ack(link, message, command, result)
        copter.outbox += said
        if handler is not None and command.number == mavlink.MAV_CMD_DO_SET_MISSION_CURRENT:
            copter.send(link, copter.telemetry.mission_current())

    def _ack(self, link: int, message: Any, command: Command, result: int) -> None:
        self._copter.send(
            link,
            mavlink.MAVLink_command_ack_message(
                command.number, result, 0, 0, message.get_srcSystem(), message.get_srcComponent()
            ),
        )

    # -- flight -----------------------------------------------------------------------------------

    def _arm(self, c: Command) -> int:
        magic = c.params[1]
        if c.params[0] == 1:
            return _result(self._copter.arm(force=magic in (_MAGIC_FORCE_ARM, _MAGIC_FORCE)))
        if c.params[0] == 0:
            if not self._copter.armed:
                return _ACCEPTED
            return _result(self._copter.disarm(force=magic == _MAGIC_FORCE))
        return _UNSUPPORTED

    def _set_mode(self, c: Command) -> int:
        if not max(_whole(c.params[0]), 0) & mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED:
            return _DENIED
        return _result(self._copter.set_mode(_whole(c.params[1])))

    def _mission_start(self, c: Command) -> int:
        if c.params[0] != 0 or c.params[1] != 0:
            return _DENIED
        return _result(self._copter.start_mission())

    def _set_current(self, c: Command) -> int:
        copter, seq = self._copter, _whole(c.params[0])
        if not 0 <= seq < copter.missions.count():
            return _DENIED
        reset = c.params[1] == 1
        if reset:
            copter.runner.reset()
        if not copter.runner.set_current(seq):
            return _FAILED
        if reset and copter.mode is FlightMode.AUTO:
            copter.runner.resume()
        return _ACCEPTED

    def _take_off(self, c: Command) -> int:
        if c.frame not in _RELATIVE_FRAMES:
            return _DENIED
        return _result(math.isfinite(c.z) and self._copter.take_off(c.z))

    def _reposition(self, c: Command) -> int:
        copter = self._copter
        change_mode = max(_whole(c.params[1]), 0) & _CHANGE_MODE_FLAG
        if copter.mode is not FlightMode.GUIDED and not change_mode:
            return _DENIED
        place = self._place(c)
        if place is None or (c.x == 0 and c.y == 0):
            return _DENIED
        if copter.mode is not FlightMode.GUIDED and not copter.set_mode(FlightMode.GUIDED):
            return _FAILED
        return _result(copter.go_to(place))

    def _place(self, c: Command) -> tuple[float, float, float] | None:
        """The command's place in the vehicle's frame, or None when it is none."""
        if abs(c.x) > 900_000_000 or abs(c.y) > 1_800_000_000:
            return None
        if not math.isfinite(c.z) or abs(c.z) > 83_000 or c.frame not in (0, 3, 5, 6):
            return None
        item = StoredItem(
            command=MavCmd.NAV_WAYPOINT,
            lat_e7=c.x,
            lon_e7=c.y,
            altitude_cm=int(c.z * 100),
            relative=c.frame in _RELATIVE_FRAMES,
        )
        return self._copter.item_place(item, self._copter.guidance.body.position)

    def _pause(self, c: Command) -> int:
        """Pause (0) or continue (1) a leg of AUTO or GUIDED."""
        copter, wanted = self._copter, c.params[0]
        if wanted not in (0.0, 1.0):
            return _DENIED
        can = copter.mode in (FlightMode.AUTO, FlightMode.GUIDED)
        if wanted == 0.0 and not (can and copter.guidance.pause()):
            copter.say(mavlink.MAV_SEVERITY_INFO, "Failed to pause")
            return _FAILED
        if wanted == 1.0:
            if not can:
                copter.say(mavlink.MAV_SEVERITY_INFO, "Failed to resume")
                return _FAILED
            copter.guidance.go_on()
        return _ACCEPTED

    def _change_speed(self, c: Command) -> int:
        kind, speed = c.params[0], c.params[1]
        if not (math.isfinite(kind) and math.isfinite(speed)) or speed <= 0:
            return _FAILED
        name = "down" if kind > 2.9 else "up" if kind > 1.9 else "xy"
        self._copter.guidance.change_speed(name, speed)
        return _ACCEPTED

    def _yaw(self, c: Command) -> int:
        angle, rate, direction, relative = c.params
        if not 0.0 <= angle <= 360.0 or relative not in (0.0, 1.0) or not math.isfinite(rate):
            return _FAILED
        self._copter.guidance.face(angle, rate, _whole(direction), relative=relative == 1.0)
        return _ACCEPTED

    def _set_home(self, c: Command) -> int:
        copter = self._copter
        if not copter.position_ok:
            return _FAILED
        if c.params[0] == 1:
            copter.set_home(copter.guidance.body.position, lock=True)
            return _ACCEPTED
        place = self._place(c)
        if place is None or (c.x == 0 and c.y == 0):
            return _DENIED
        copter.set_home(place, lock=True)
        return _ACCEPTED

    def _fence_enable(self, c: Command) -> int:
        if c.params[0] not in (0.0, 1.0):
            return _FAILED
        self._copter.params.set("FENCE_ENABLE", c.params[0])
        return _ACCEPTED

    def _pre_arm(self, c: Command) -> int:
        problem = self._copter.pre_arm_problem()
        if problem is not None:
            self._copter.say(mavlink.MAV_SEVERITY_CRITICAL, f"PreArm: {problem}")
        return _ACCEPTED

    def _reboot(self, link: int, message: Any, c: Command) -> None:
        copter = self._copter
        if copter.armed and c.y != 20190226:
            self._ack(link, message, c, _FAILED)
        elif c.params[0] not in (1.0, 3.0):
            self._ack(link, message, c, _UNSUPPORTED)
        else:
            self._ack(link, message, c, _ACCEPTED)
            copter.reboot()

    def _battery_reset(self, c: Command) -> int:
        """A fresh battery: only on the ground, disarmed."""
        if self._copter.armed:
            return _FAILED
        self._copter.guidance.battery.swap()
        return _ACCEPTED

    # -- camera -----------------------------------------------------------------------------------

    def _roi(self, c: Command) -> int:
        if c.x == 0 and c.y == 0 and c.z == 0:
            return self._roi_none(c)
        place = self._place(c)
        if place is None:
            return _DENIED
        self._copter.set_roi(place)
        return _ACCEPTED

    def _roi_none(self, c: Command) -> int:
        self._copter.set_roi(None)
        return _ACCEPTED

    def _digicam(self, c: Command) -> int:
        return _result(self._copter.shutter.once()) if c.x == 1 else _ACCEPTED

    def _trigger_distance(self, c: Command) -> int:
        if not math.isfinite(c.params[0]) or not self._copter.shutter.fitted:
            return _FAILED
        self._copter.shutter.every_distance(c.params[0], at_once=c.params[2] == 1)
        return _ACCEPTED

    def _capture(self, c: Command) -> int:
        if not math.isfinite(c.params[1]):
            return _DENIED
        return _result(self._copter.shutter.every_interval(c.params[1], max(_whole(c.params[2]), 0)))

    def _mount(self, c: Command) -> int:
        if not (math.isfinite(c.params[0]) and math.isfinite(c.params[2])):
            return _FAILED
        if math.isfinite(c.z) and c.z in (0.0, 1.0):
            self._copter.gimbal.nadir()
        else:
            self._copter.gimbal.point(c.params[0], c.params[2])
        return _ACCEPTED

    def _gimbal(self, c: Command) -> int:
        if not (math.isfinite(c.params[0]) and math.isfinite(c.params[1])):
            return _FAILED
        self._copter.gimbal.point(c.params[0], c.params[1])
        return _ACCEPTED

    # -- telling ----------------------------------------------------------------------------------

    def _request_message(self, c: Command) -> int:
        return _result(self._copter.telemetry.send_now(c.link, _whole(c.params[0])))

    def _set_interval(self, c: Command) -> int:
        interval = c.params[1]
        if not math.isfinite(interval):
            return _DENIED
        message_id = _whole(c.params[0])
        if not self._copter.telemetry.set_interval(c.link, message_id, interval):
            self._copter.say(
                mavlink.MAV_SEVERITY_INFO, f"No ap_message for mavlink id ({message_id & 0xFFFFFFFF})"
            )
            return _DENIED
        return _ACCEPTED

    def _get_interval(self, c: Command) -> int:
        message_id = _whole(c.params[0])
        if not self._copter.telemetry.knows(message_id):
            return _FAILED
        interval = self._copter.telemetry.interval_us(c.link, message_id)
        self._copter.send(c.link, mavlink.MAVLink_message_interval_message(message_id, interval))
        return _ACCEPTED

    def _capabilities(self, c: Command) -> int:
        if c.params[0] != 1:
            return _DENIED
        return _result(self._copter.telemetry.send_now(c.link, 148))

    def _get_home(self, c: Command) -> int:
        if not self._copter.home_set:
            return _FAILED
        return _result(self._copter.telemetry.send_now(c.link, 242))

    def _banner(self, c: Command) -> int:
        from airbeat.sim.vehicle.copter import BANNER

        self._copter.say(mavlink.MAV_SEVERITY_INFO, BANNER)
        return _ACCEPTED
