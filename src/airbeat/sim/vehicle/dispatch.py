"""What the vehicle does with each message it receives. Anything may arrive, in any order, with any values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airbeat.link.dialect import mavlink
from airbeat.mission.commands import MavCmd
from airbeat.sim.vehicle.commands import CommandHandler
from airbeat.sim.vehicle.ftp import FtpServer
from airbeat.sim.vehicle.items import StoredItem

if TYPE_CHECKING:
    from airbeat.sim.vehicle.copter import Copter

__all__ = ["Dispatcher"]

_RELATIVE = (3, 6)
_AMSL = (0, 5)
_COMPONENT = 1


class Dispatcher:
    """Routes messages to the vehicle's parts."""

    def __init__(self, copter: Copter) -> None:
        self._copter = copter
        self._commands = CommandHandler(copter)
        self.ftp = FtpServer(copter)
        self._gcs_heard_s: float | None = None
        self._handlers: dict[str, Callable[[int, Any], None]] = {
            "HEARTBEAT": self._heartbeat,
            "PARAM_REQUEST_LIST": lambda link, _: copter.telemetry.list_parameters(link),
            "PARAM_REQUEST_READ": self._param_read,
            "PARAM_SET": self._param_set,
            "MISSION_COUNT": lambda link, m: self._transfer(link, m, "on_count"),
            "MISSION_WRITE_PARTIAL_LIST": lambda link, m: self._transfer(link, m, "on_write_partial"),
            "MISSION_ITEM_INT": self._item_int,
            "MISSION_ITEM": self._item,
            "MISSION_REQUEST_LIST": lambda link, m: self._transfer(link, m, "on_request_list"),
            "MISSION_REQUEST_INT": lambda link, m: self._transfer(link, m, "on_request"),
            "MISSION_REQUEST": self._old_request,
            "MISSION_CLEAR_ALL": lambda link, m: self._transfer(link, m, "on_clear"),
            "MISSION_SET_CURRENT": self._set_current,
            "FILE_TRANSFER_PROTOCOL": self.ftp.handle,
            "COMMAND_LONG": self._commands.on_long,
            "COMMAND_INT": self._commands.on_int,
            "SET_MODE": self._set_mode,
            "SET_POSITION_TARGET_GLOBAL_INT": self._position_target,
            "REQUEST_DATA_STREAM": self._data_stream,
            "TIMESYNC": self._timesync,
            "PING": self._ping,
        }

    def gcs_silence_s(self) -> float | None:
        """Since when the ground station SYSID_MYGCS is silent [s]; None when it was never heard."""
        return None if self._gcs_heard_s is None else self._copter.time_s - self._gcs_heard_s

    def handle(self, link: int, message: Any) -> None:
        """Take one message; those for another system or component, or unknown, are ignored."""
        system = getattr(message, "target_system", 0)
        component = getattr(message, "target_component", 0)
        own = int(self._copter.params["SYSID_THISMAV"])
        if system not in (0, own) or component not in (0, _COMPONENT):
            return
        handler = self._handlers.get(message.get_type())
        if handler is not None:
            handler(link, message)

    # -- link -------------------------------------------------------------------------------------

    def _heartbeat(self, link: int, message: Any) -> None:
        if message.get_srcSystem() == int(self._copter.params["SYSID_MYGCS"]):
            self._gcs_heard_s = self._copter.time_s

    def _timesync(self, link: int, message: Any) -> None:
        if message.tc1 == 0:
            now_ns = round(self._copter.time_s * 1e9)
            self._copter.send(link, mavlink.MAVLink_timesync_message(now_ns, message.ts1))

    def _ping(self, link: int, message: Any) -> None:
        if message.target_system == 0 and message.target_component == 0:
            answer = mavlink.MAVLink_ping_message(
                message.time_usec, message.seq, message.get_srcSystem(), message.get_srcComponent()
            )
            self._copter.send(link, answer)

    def _data_stream(self, link: int, message: Any) -> None:
        on = message.start_stop == 1
        self._copter.telemetry.request_stream(
            link, message.req_stream_id, min(message.req_message_rate, 50), on=on
        )

    # -- parameters -------------------------------------------------------------------------------

    def _param_read(self, link: int, message: Any) -> None:
        params, telemetry = self._copter.params, self._copter.telemetry
        if message.param_index >= 0:
            if message.param_index < len(params.names):
                self._copter.send(link, telemetry.param_value(params.names[message.param_index]))
            return
        name = _param_name(message.param_id)
        if name in params:
            self._copter.send(link, telemetry.param_value(name))

    def _param_set(self, link: int, message: Any) -> None:
        copter = self._copter
        name = _param_name(message.param_id)
        if name not in copter.params:
            return
        if not copter.params.is_read_only(name) and copter.params.set(name, message.param_value):
            copter.parameter_changed(name)
        copter.send(None, copter.telemetry.param_value(name, listed=False))

    # -- missions ---------------------------------------------------------------------------------

    def _transfer(self, link: int, message: Any, method: str) -> None:
        copter = self._copter
        transfer = copter.transfers.get(message.mission_type)
        if transfer is None:
            copter.send(
                link,
                mavlink.MAVLink_mission_ack_message(
                    message.get_srcSystem(),
                    message.get_srcComponent(),
                    int(mavlink.MAV_MISSION_UNSUPPORTED),
                    message.mission_type,
                ),
            )
        elif method == "on_count":
            transfer.on_count(link, message, copter.time_s)
        elif method == "on_write_partial":
            transfer.on_write_partial(link, message, copter.time_s)
        elif method == "on_request_list":
            transfer.on_request_list(link, message)
        elif method == "on_request":
            transfer.on_request(link, message)
        elif method == "on_clear":
            transfer.on_clear(link, message)
        elif method == "on_item":
            transfer.on_item(link, message, copter.time_s)
        elif method == "on_old_item":
            transfer.on_item(link, message, copter.time_s, old_format=True)
        elif method == "on_old_request":
            transfer.on_request(link, message, old_format=True)

    def _item_int(self, link: int, message: Any) -> None:
        if message.mission_type == 0 and message.current in (2, 3):
            self._guided_item(link, message)
        else:
            self._transfer(link, message, "on_item")

    def _item(self, link: int, message: Any) -> None:
        """MISSION_ITEM: degrees as floats, accurate to about a metre."""
        scale = 1.0 if message.command in (MavCmd.DO_DIGICAM_CONFIGURE, MavCmd.DO_DIGICAM_CONTROL) else 1e7
        x, y = message.x * scale, message.y * scale
        if not (math.isfinite(x) and math.isfinite(y) and abs(x) < 2**31 and abs(y) < 2**31):
            bad = mavlink.MAV_MISSION_INVALID_PARAM5_X
            if math.isfinite(x) and abs(x) < 2**31:
                bad = mavlink.MAV_MISSION_INVALID_PARAM6_Y
            copter = self._copter
            copter.send(
                link,
                mavlink.MAVLink_mission_ack_message(
                    message.get_srcSystem(), message.get_srcComponent(), int(bad), message.mission_type
                ),
            )
            return
        message.x, message.y = int(x), int(y)
        if message.mission_type == 0 and message.current in (2, 3):
            self._guided_item(link, message)
        else:
            self._transfer(link, message, "on_old_item")

    def _old_request(self, link: int, message: Any) -> None:
        self._transfer(link, message, "on_old_request")

    def _guided_item(self, link: int, message: Any) -> None:
        """The old way to send a GUIDED target: an item with current = 2 (3 changes the height only)."""
        copter = self._copter
        ok = False
        z = message.z
        if copter.mode.name == "GUIDED" and math.isfinite(z) and abs(z) < 83_000:
            here = copter.guidance.body.position
            place = copter.item_place(
                StoredItem(
                    command=MavCmd.NAV_WAYPOINT,
                    lat_e7=message.x if message.current == 2 else 0,
                    lon_e7=message.y if message.current == 2 else 0,
                    altitude_cm=int(z * 100),
                    relative=message.frame in _RELATIVE,
                ),
                here,
            )
            ok = copter.go_to(place)
        copter.transfers[0].ack(
            link, message, int(mavlink.MAV_MISSION_ACCEPTED if ok else mavlink.MAV_MISSION_ERROR)
        )

    def _set_current(self, link: int, message: Any) -> None:
        copter = self._copter
        if copter.runner.set_current(message.seq):
            copter.send(link, copter.telemetry.mission_current(message.seq))

    # -- flight -----------------------------------------------------------------------------------

    def _set_mode(self, link: int, message: Any) -> None:
        if message.base_mode & mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED:
            self._copter.set_mode(message.custom_mode)

    def _position_target(self, link: int, message: Any) -> None:
        """A GUIDED position target; velocity and acceleration targets are not followed."""
        copter = self._copter
        ignores_position = message.type_mask & 7
        if copter.mode.name != "GUIDED" or ignores_position or not math.isfinite(message.alt):
            return
        if abs(message.lat_int) > 900_000_000 or abs(message.lon_int) > 1_800_000_000:
            return
        if message.coordinate_frame not in _RELATIVE + _AMSL or abs(message.alt) > 83_000:
            return
        x, y = copter.e7_to_xy(message.lat_int, message.lon_int)
        relative = message.coordinate_frame in _RELATIVE
        z = copter.home_xyz[2] + message.alt if relative else message.alt - copter.config.home_amsl_m
        copter.go_to((x, y, z))


def _param_name(raw: str | bytes) -> str:
    text = raw.decode("ascii", "replace") if isinstance(raw, bytes) else raw
    return text.split("\0", 1)[0]
