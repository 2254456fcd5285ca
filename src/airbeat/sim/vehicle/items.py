"""What ArduCopter keeps of a mission item, and what it gives back: both are less than what was sent.

An item is stored in a few bytes, so that frames, heights and parameters come back rounded: heights in
whole centimetres, WAYPOINT with nothing but whole seconds of delay, turn radii over 255 m to 10 m.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from typing import Any

from airbeat.link.dialect import mavlink
from airbeat.mission.commands import MavCmd

__all__ = ["SET_RESUME_REPEAT_DIST", "StoredItem", "command_label", "has_location", "restore", "store"]

_RESULT = mavlink
_LOCATION_LIMIT_M = 83_000.0

_RELATIVE_FRAMES = {mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT, mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT}
_AMSL_FRAMES = {mavlink.MAV_FRAME_GLOBAL, mavlink.MAV_FRAME_GLOBAL_INT, mavlink.MAV_FRAME_MISSION}
_TERRAIN_FRAMES = {mavlink.MAV_FRAME_GLOBAL_TERRAIN_ALT, mavlink.MAV_FRAME_GLOBAL_TERRAIN_ALT_INT}

_LOITER_TO_ALT = 31
_CONTINUE_AND_CHANGE_ALT = 30
SET_RESUME_REPEAT_DIST = 215
_RETURN_PATH_START = 188
_PAUSE_CONTINUE = 193
_VTOL_TAKEOFF = 84
_REPEAT_RELAY, _REPEAT_SERVO, _PARACHUTE, _GRIPPER, _SPRAYER, _AUX_FUNCTION = 182, 184, 208, 211, 216, 218

_WITH_LOCATION = {
    MavCmd.NAV_WAYPOINT,
    MavCmd.NAV_LOITER_UNLIM,
    MavCmd.NAV_LOITER_TURNS,
    MavCmd.NAV_LOITER_TIME,
    MavCmd.NAV_LAND,
    MavCmd.NAV_TAKEOFF,
    _VTOL_TAKEOFF,
    _CONTINUE_AND_CHANGE_ALT,
    _LOITER_TO_ALT,
    MavCmd.NAV_SPLINE_WAYPOINT,
    MavCmd.NAV_GUIDED_ENABLE,
    MavCmd.DO_SET_HOME,
    _RETURN_PATH_START,
    MavCmd.DO_LAND_START,
    MavCmd.DO_SET_ROI,
}

_LABELS = {
    MavCmd.NAV_WAYPOINT: "WP",
    MavCmd.NAV_SPLINE_WAYPOINT: "SplineWP",
    MavCmd.NAV_RETURN_TO_LAUNCH: "RTL",
    MavCmd.NAV_LOITER_UNLIM: "LoitUnlim",
    MavCmd.NAV_LOITER_TIME: "LoitTime",
    MavCmd.NAV_LOITER_TURNS: "LoitTurns",
    _LOITER_TO_ALT: "LoitAltitude",
    MavCmd.NAV_GUIDED_ENABLE: "GuidedEnable",
    MavCmd.NAV_TAKEOFF: "Takeoff",
    MavCmd.NAV_LAND: "Land",
    _CONTINUE_AND_CHANGE_ALT: "ContinueAndChangeAlt",
    MavCmd.NAV_DELAY: "Delay",
    MavCmd.CONDITION_DELAY: "CondDelay",
    MavCmd.CONDITION_DISTANCE: "CondDist",
    MavCmd.CONDITION_YAW: "CondYaw",
    MavCmd.DO_CHANGE_SPEED: "ChangeSpeed",
    MavCmd.DO_SET_HOME: "SetHome",
    MavCmd.DO_SET_SERVO: "SetServo",
    MavCmd.DO_SET_RELAY: "SetRelay",
    MavCmd.DO_DIGICAM_CONFIGURE: "DigiCamCfg",
    MavCmd.DO_DIGICAM_CONTROL: "DigiCamCtrl",
    MavCmd.DO_SET_CAM_TRIGG_DIST: "SetCamTrigDst",
    MavCmd.DO_SET_ROI: "SetROI",
    MavCmd.DO_FENCE_ENABLE: "FenceEnable",
    MavCmd.DO_MOUNT_CONTROL: "MountControl",
    MavCmd.DO_JUMP: "Jump",
    MavCmd.DO_JUMP_TAG: "JumpToTag",
    MavCmd.JUMP_TAG: "Tag",
    MavCmd.DO_LAND_START: "LandStart",
    MavCmd.DO_GIMBAL_MANAGER_PITCHYAW: "GimbalPitchYaw",
    MavCmd.IMAGE_START_CAPTURE: "ImageStartCapture",
    MavCmd.IMAGE_STOP_CAPTURE: "ImageStopCapture",
    MavCmd.VIDEO_START_CAPTURE: "VideoStartCapture",
    MavCmd.VIDEO_STOP_CAPTURE: "VideoStopCapture",
    SET_RESUME_REPEAT_DIST: "SetRepeatDist",
    _RETURN_PATH_START: "ReturnPathStart",
    _PAUSE_CONTINUE: "PauseContinue",
    _VTOL_TAKEOFF: "VTOLTakeoff",
    _REPEAT_RELAY: "RepeatRelay",
    _REPEAT_SERVO: "RepeatServo",
    _PARACHUTE: "Parachute",
    _GRIPPER: "Gripper",
    _SPRAYER: "Sprayer",
    _AUX_FUNCTION: "AuxFunction",
}

# How params 1…4 are kept: "f" as a float, "i" and "s" as 16-bit whole numbers without
# and with a sign, "b" and "c" as bytes without and with one, "-" not at all.
_PARAMS = {
    MavCmd.NAV_WAYPOINT: "i---",
    MavCmd.NAV_SPLINE_WAYPOINT: "i---",
    MavCmd.NAV_TAKEOFF: "i---",
    MavCmd.NAV_RETURN_TO_LAUNCH: "----",
    _VTOL_TAKEOFF: "----",
    _REPEAT_RELAY: "bsf-",
    _REPEAT_SERVO: "bisf",
    _PARACHUTE: "i---",
    _GRIPPER: "bb--",
    _SPRAYER: "i---",
    _AUX_FUNCTION: "ib--",
    _CONTINUE_AND_CHANGE_ALT: "i---",
    MavCmd.NAV_GUIDED_ENABLE: "i---",
    MavCmd.NAV_DELAY: "fccc",
    MavCmd.CONDITION_DELAY: "f---",
    MavCmd.CONDITION_DISTANCE: "f---",
    MavCmd.CONDITION_YAW: "ffcb",
    MavCmd.DO_JUMP: "is--",
    MavCmd.DO_JUMP_TAG: "is--",
    MavCmd.JUMP_TAG: "i---",
    MavCmd.DO_CHANGE_SPEED: "bff-",
    MavCmd.DO_SET_HOME: "i---",
    MavCmd.DO_SET_RELAY: "bb--",
    MavCmd.DO_SET_SERVO: "bi--",
    _RETURN_PATH_START: "----",
    MavCmd.DO_LAND_START: "----",
    MavCmd.DO_SET_ROI: "i---",
    MavCmd.DO_DIGICAM_CONFIGURE: "bibb",
    MavCmd.DO_DIGICAM_CONTROL: "bbcb",
    MavCmd.DO_MOUNT_CONTROL: "fff-",
    MavCmd.DO_SET_CAM_TRIGG_DIST: "f-b-",
    MavCmd.DO_FENCE_ENABLE: "i---",
    MavCmd.DO_GIMBAL_MANAGER_PITCHYAW: "cscc",
    MavCmd.IMAGE_START_CAPTURE: "bfii",
    MavCmd.IMAGE_STOP_CAPTURE: "i---",
    MavCmd.VIDEO_START_CAPTURE: "b---",
    MavCmd.VIDEO_STOP_CAPTURE: "b---",
    SET_RESUME_REPEAT_DIST: "i---",
    _PAUSE_CONTINUE: "i---",
}

_SPECIAL = {MavCmd.NAV_LOITER_UNLIM, MavCmd.NAV_LOITER_TURNS, MavCmd.NAV_LOITER_TIME, MavCmd.NAV_LAND}
_NAN_PARAM4 = {MavCmd.NAV_WAYPOINT, MavCmd.NAV_LOITER_UNLIM, MavCmd.NAV_LAND, MavCmd.NAV_TAKEOFF, 84, 85}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredItem:
    """A mission item as the vehicle keeps it.

    Attributes:
        command: MAV_CMD number.
        params: param1…param4 as they will be read back.
        lat_e7: latitude [1e-7 degrees]; 0 with lon_e7 0 means "here".
        lon_e7: longitude [1e-7 degrees].
        altitude_cm: height [cm]; 0 means "keep".
        relative: height above home rather than above mean sea level.
        terrain: height above the ground right below.
        extra: param5…param7 of commands without a place.
    """

    command: int
    params: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    lat_e7: int = 0
    lon_e7: int = 0
    altitude_cm: int = 0
    relative: bool = False
    terrain: bool = False
    extra: tuple[int, int, float] = (0, 0, 0.0)


def has_location(command: int) -> bool:
    """Whether ArduCopter stores a place with the command."""
    return command in _WITH_LOCATION


def command_label(command: int) -> str:
    """ArduCopter's short name of a command, as in "Mission: 3 WP"."""
    return _LABELS.get(command, "?")


def _float32(value: float) -> float:
    unpacked: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return unpacked


def _whole(value: float, low: int, high: int) -> float:
    return float(min(max(int(value), low), high))


def _kept(kind: str, value: float) -> float:
    if kind == "f":
        return _float32(value)
    if kind == "i":
        return _whole(value, 0, 65535)
    if kind == "b":
        return _whole(value, 0, 255)
    if kind == "c":
        return _whole(value, -128, 127)
    if kind == "s":
        return _whole(value, -32768, 32767)
    return 0.0


def _bad_param(command: int, params: tuple[float, ...]) -> int | None:
    for index, value in enumerate(params, start=1):
        may_be_nan = (index == 4 and command in _NAN_PARAM4) or (index == 3 and command == 85)
        if math.isinf(value) or (math.isnan(value) and not may_be_nan):
            return int(_RESULT.MAV_MISSION_INVALID_PARAM1) + index - 1
    return None


def _special_params(command: int, p: tuple[float, ...]) -> tuple[float, float, float, float]:
    """Loiter and land commands, which share bytes between turns, radius and direction."""
    sign = -1.0 if p[2] < 0 else 1.0
    tangent = 1.0 if p[3] > 0 else 0.0
    if command == MavCmd.NAV_LOITER_UNLIM:
        return (0.0, 0.0, sign * _whole(abs(p[2]), 0, 65535), 0.0)
    if command == MavCmd.NAV_LOITER_TIME:
        return (_whole(p[0], 0, 65535), 0.0, sign, tangent)
    if command == MavCmd.NAV_LAND:
        backwards = not math.isnan(p[3]) and p[3] < 0
        return (_whole(p[0], 0, 65535), 0.0, 0.0, -1.0 if backwards else 1.0)
    turns = _whole(p[0] * 256.0, 0, 255) / 256.0 if 0.0 < p[0] < 1.0 else _whole(p[0], 0, 255)
    radius = abs(p[2])
    kept = _whole(radius, 0, 255) if radius <= 255.0 else 10.0 * _whole(radius * 0.1, 0, 255)
    return (turns, 0.0, sign * kept, tangent)


def store(packet: Any) -> StoredItem | int:
    """A MISSION_ITEM_INT as ArduCopter keeps it, or the MAV_MISSION_RESULT that refuses it."""
    command = int(packet.command)
    params = (packet.param1, packet.param2, packet.param3, packet.param4)
    bad = _bad_param(command, params)
    if bad is not None:
        return bad
    if command in (0, 1):
        return int(_RESULT.MAV_MISSION_INVALID)
    if command in _SPECIAL:
        kept = _special_params(command, params)
    elif command == _LOITER_TO_ALT:
        tangent = 1.0 if params[3] > 0 else 0.0
        kept = (0.0, math.copysign(_whole(abs(params[1]), 0, 65535), params[1]), 0.0, tangent)
    elif command in _PARAMS:
        clean = tuple(0.0 if math.isnan(v) else v for v in params)
        kinds = _PARAMS[command]
        kept = (
            _kept(kinds[0], clean[0]),
            _kept(kinds[1], clean[1]),
            _kept(kinds[2], clean[2]),
            _kept(kinds[3], clean[3]),
        )
    else:
        return int(_RESULT.MAV_MISSION_UNSUPPORTED)
    item = StoredItem(command=command, params=kept)
    return _with_place(item, packet) if has_location(command) else _with_extra(item, packet)


def _with_place(item: StoredItem, packet: Any) -> StoredItem | int:
    if abs(packet.x) > 900_000_000:
        return int(_RESULT.MAV_MISSION_INVALID_PARAM5_X)
    if abs(packet.y) > 1_800_000_000:
        return int(_RESULT.MAV_MISSION_INVALID_PARAM6_Y)
    if math.isnan(packet.z) or abs(packet.z) >= _LOCATION_LIMIT_M:
        return int(_RESULT.MAV_MISSION_INVALID_PARAM7)
    if packet.frame not in _RELATIVE_FRAMES | _AMSL_FRAMES | _TERRAIN_FRAMES:
        return int(_RESULT.MAV_MISSION_UNSUPPORTED_FRAME)
    return replace(
        item,
        lat_e7=int(packet.x),
        lon_e7=int(packet.y),
        altitude_cm=int(_float32(_float32(packet.z) * 100.0)),
        relative=packet.frame in _RELATIVE_FRAMES | _TERRAIN_FRAMES,
        terrain=packet.frame in _TERRAIN_FRAMES,
    )


def _with_extra(item: StoredItem, packet: Any) -> StoredItem:
    z = packet.z if math.isfinite(packet.z) else 0.0
    if item.command == MavCmd.DO_DIGICAM_CONTROL:
        return replace(item, extra=(int(_whole(packet.x, 0, 255)), int(_whole(packet.y, 0, 255)), 0.0))
    if item.command == MavCmd.DO_DIGICAM_CONFIGURE:
        x, y = int(_whole(packet.x, 0, 255)), int(_whole(packet.y, 0, 255))
        return replace(item, extra=(x, y, _whole(z, 0, 255)))
    if item.command == MavCmd.DO_MOUNT_CONTROL:
        return replace(item, extra=(0, 0, float(mavlink.MAV_MOUNT_MODE_MAVLINK_TARGETING)))
    if item.command == MavCmd.DO_GIMBAL_MANAGER_PITCHYAW:
        return replace(item, extra=(int(_whole(packet.x, 0, 255)), 0, _whole(z, 0, 255)))
    return item


def restore(item: StoredItem, seq: int) -> dict[str, Any]:
    """The fields of MISSION_ITEM_INT that the vehicle sends for a stored item."""
    frame = int(mavlink.MAV_FRAME_GLOBAL)
    x, y, z = item.extra
    if has_location(item.command):
        x, y, z = item.lat_e7, item.lon_e7, item.altitude_cm * 0.01
        if item.terrain:
            frame = int(mavlink.MAV_FRAME_GLOBAL_TERRAIN_ALT)
        elif item.relative:
            frame = int(mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT)
    return {
        "seq": seq,
        "frame": frame,
        "command": item.command,
        "current": 0,
        "autocontinue": 1,
        "param1": item.params[0],
        "param2": item.params[1],
        "param3": item.params[2],
        "param4": item.params[3],
        "x": x,
        "y": y,
        "z": z,
        "mission_type": int(mavlink.MAV_MISSION_TYPE_MISSION),
    }
