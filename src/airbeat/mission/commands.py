"""The MAV_CMD numbers that airbeat plans, reads and checks (MAVLink common.xml), without pymavlink."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["NAV_LAST", "MavCmd", "command_name", "is_nav", "takes_place"]

NAV_LAST = 95
"""MAV_CMD_NAV_LAST: commands up to this number move the vehicle and hold the mission until done."""


class MavCmd(IntEnum):
    """MAV_CMD values by their MAVLink names (without the prefix)."""

    NAV_WAYPOINT = 16
    NAV_LOITER_UNLIM = 17
    NAV_LOITER_TURNS = 18
    NAV_LOITER_TIME = 19
    NAV_RETURN_TO_LAUNCH = 20
    NAV_LAND = 21
    NAV_TAKEOFF = 22
    NAV_SPLINE_WAYPOINT = 82
    NAV_GUIDED_ENABLE = 92
    NAV_DELAY = 93
    CONDITION_DELAY = 112
    CONDITION_DISTANCE = 114
    CONDITION_YAW = 115
    DO_SET_MODE = 176
    DO_JUMP = 177
    DO_CHANGE_SPEED = 178
    DO_SET_HOME = 179
    DO_SET_RELAY = 181
    DO_SET_SERVO = 183
    DO_LAND_START = 189
    DO_SET_ROI_LOCATION = 195
    DO_SET_ROI_NONE = 197
    DO_SET_ROI = 201
    DO_DIGICAM_CONFIGURE = 202
    DO_DIGICAM_CONTROL = 203
    DO_MOUNT_CONFIGURE = 204
    DO_MOUNT_CONTROL = 205
    DO_SET_CAM_TRIGG_DIST = 206
    DO_FENCE_ENABLE = 207
    DO_SET_CAM_TRIGG_INTERVAL = 214
    SET_CAMERA_MODE = 530
    JUMP_TAG = 600
    DO_JUMP_TAG = 601
    DO_GIMBAL_MANAGER_PITCHYAW = 1000
    IMAGE_START_CAPTURE = 2000
    IMAGE_STOP_CAPTURE = 2001
    VIDEO_START_CAPTURE = 2500
    VIDEO_STOP_CAPTURE = 2501
    NAV_FENCE_RETURN_POINT = 5000
    NAV_FENCE_POLYGON_VERTEX_INCLUSION = 5001
    NAV_FENCE_POLYGON_VERTEX_EXCLUSION = 5002
    NAV_FENCE_CIRCLE_INCLUSION = 5003
    NAV_FENCE_CIRCLE_EXCLUSION = 5004
    NAV_RALLY_POINT = 5100


_PLACE_COMMANDS = frozenset(
    {
        MavCmd.NAV_WAYPOINT,
        MavCmd.NAV_LOITER_UNLIM,
        MavCmd.NAV_LOITER_TURNS,
        MavCmd.NAV_LOITER_TIME,
        MavCmd.NAV_LAND,
        MavCmd.NAV_TAKEOFF,
        30,  # NAV_CONTINUE_AND_CHANGE_ALT: a height only
        31,  # NAV_LOITER_TO_ALT
        80,  # NAV_ROI
        MavCmd.NAV_SPLINE_WAYPOINT,
        84,  # NAV_VTOL_TAKEOFF
        85,  # NAV_VTOL_LAND
        94,  # NAV_PAYLOAD_PLACE
        MavCmd.DO_SET_HOME,
        188,  # DO_RETURN_PATH_START
        MavCmd.DO_LAND_START,
        191,  # DO_GO_AROUND
        MavCmd.DO_SET_ROI_LOCATION,
        MavCmd.DO_SET_ROI,
        4501,  # CONDITION_GATE
    }
)


def takes_place(command: int) -> bool:
    """Whether param5…param7 of a mission command are a place and a height.

    From ArduPilot's AP_Mission::stored_in_location, and the place commands of common.xml beside it.
    """
    return command in _PLACE_COMMANDS


def is_nav(command: int) -> bool:
    """Whether a command moves the vehicle and holds the mission until it is done."""
    return command <= NAV_LAST


def command_name(command: int) -> str:
    """The MAVLink name of a command, or its number where airbeat does not know it."""
    try:
        return MavCmd(command).name
    except ValueError:
        return f"MAV_CMD {command}"
