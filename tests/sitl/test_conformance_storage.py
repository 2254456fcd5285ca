"""What is stored of what was sent: refusals, and the ways in which reading back differs from writing."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from airbeat.geo.coordinates import LatLon
from airbeat.link.dialect import mavlink as mav
from airbeat.sim.ardupilot_station import Station, item

HERE = LatLon(lat_deg=47.27, lon_deg=11.405)
RALLY = mav.MAV_MISSION_TYPE_RALLY
NAN = math.nan


def test_item_zero_is_home_and_writing_it_changes_nothing(station: Station) -> None:
    """seq 0 is live home: writes are silently ignored."""
    assert station.upload([item(mav.MAV_CMD_NAV_WAYPOINT, HERE, 30.0)]) == mav.MAV_MISSION_ACCEPTED
    home = station.fetch(0)
    assert (home.command, home.frame) == (mav.MAV_CMD_NAV_WAYPOINT, mav.MAV_FRAME_GLOBAL)
    assert home.x == pytest.approx(472692000, abs=2000)
    assert home.z == pytest.approx(600.0, abs=3.0)


def test_home_reads_zero_until_there_is_a_position(kind: str, start_vehicle: Callable[..., Station]) -> None:
    """seq 0 reads 0,0,0 before the EKF origin is set."""
    station = start_vehicle(kind)
    station.start_clock()
    home = station.fetch(0) if station.count() else None
    if home is not None:
        assert (home.x, home.y, home.z) == (0, 0, 0)
    station.wait_ready()
    assert station.upload([item(mav.MAV_CMD_NAV_WAYPOINT, HERE, 30.0)]) == mav.MAV_MISSION_ACCEPTED
    station.wait(lambda: station.fetch(0).x != 0, "home to be set", 60.0)


@pytest.mark.parametrize(
    ("command", "result"),
    [
        (mav.MAV_CMD_NAV_WAYPOINT, mav.MAV_MISSION_ACCEPTED),
        (mav.MAV_CMD_NAV_LOITER_UNLIM, mav.MAV_MISSION_ACCEPTED),
        (mav.MAV_CMD_NAV_TAKEOFF, mav.MAV_MISSION_ACCEPTED),
        (mav.MAV_CMD_NAV_LAND, mav.MAV_MISSION_ACCEPTED),
        (mav.MAV_CMD_NAV_LOITER_TIME, mav.MAV_MISSION_INVALID_PARAM4),
        (mav.MAV_CMD_NAV_LOITER_TURNS, mav.MAV_MISSION_INVALID_PARAM4),
        (mav.MAV_CMD_NAV_SPLINE_WAYPOINT, mav.MAV_MISSION_INVALID_PARAM4),
        (mav.MAV_CMD_DO_CHANGE_SPEED, mav.MAV_MISSION_INVALID_PARAM4),
    ],
)
def test_nan_in_param_4_is_taken_only_where_a_yaw_is_meant(
    station: Station, command: int, result: int
) -> None:
    """NaN in param 4: accepted for WAYPOINT, LOITER_UNLIM, TAKEOFF, LAND; otherwise INVALID_PARAM4."""
    assert station.upload([item(command, HERE, 30.0, params=(1, 0, 0, NAN))]) == result


@pytest.mark.parametrize("place", [1, 2, 3])
def test_nan_in_params_1_to_3_is_refused_with_the_parameters_number(station: Station, place: int) -> None:
    """NaN in param 1, 2 or 3: INVALID_PARAM1, 2 or 3, for every command."""
    params = [0.0, 0.0, 0.0, 0.0]
    params[place - 1] = NAN
    answer = station.upload([item(mav.MAV_CMD_NAV_WAYPOINT, HERE, 30.0, params=params)])
    assert answer == mav.MAV_MISSION_INVALID_PARAM1 + place - 1


@pytest.mark.parametrize(
    "command",
    [
        mav.MAV_CMD_DO_SET_ROI_LOCATION,
        mav.MAV_CMD_DO_SET_ROI_NONE,
        mav.MAV_CMD_DO_MOUNT_CONFIGURE,
        mav.MAV_CMD_DO_SET_CAM_TRIGG_INTERVAL,
        mav.MAV_CMD_SET_CAMERA_MODE,
        4501,
    ],
)
def test_commands_that_missions_do_not_know_are_unsupported(station: Station, command: int) -> None:
    """Refused in missions on 4.7-dev: 195, 197, 204, 214, 530, 4501."""
    assert station.upload([item(command, HERE, 10.0)]) == mav.MAV_MISSION_UNSUPPORTED


@pytest.mark.parametrize(
    "command",
    [
        mav.MAV_CMD_DO_SET_ROI,
        mav.MAV_CMD_DO_CHANGE_SPEED,
        mav.MAV_CMD_DO_SET_CAM_TRIGG_DIST,
        mav.MAV_CMD_CONDITION_YAW,
        mav.MAV_CMD_CONDITION_DELAY,
        mav.MAV_CMD_CONDITION_DISTANCE,
        mav.MAV_CMD_DO_DIGICAM_CONTROL,
        mav.MAV_CMD_DO_MOUNT_CONTROL,
        mav.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW,
        mav.MAV_CMD_IMAGE_START_CAPTURE,
        mav.MAV_CMD_IMAGE_STOP_CAPTURE,
        mav.MAV_CMD_NAV_LOITER_TIME,
        mav.MAV_CMD_NAV_LOITER_TURNS,
        mav.MAV_CMD_NAV_SPLINE_WAYPOINT,
        mav.MAV_CMD_NAV_DELAY,
        mav.MAV_CMD_NAV_RETURN_TO_LAUNCH,
        mav.MAV_CMD_DO_SET_HOME,
        mav.MAV_CMD_DO_SET_SERVO,
        mav.MAV_CMD_DO_SET_RELAY,
        mav.MAV_CMD_DO_LAND_START,
        mav.MAV_CMD_DO_FENCE_ENABLE,
    ],
)
def test_commands_of_a_survey_are_stored(station: Station, command: int) -> None:
    """201 DO_SET_ROI works everywhere; so do the other commands that survey missions are made of."""
    sent = item(command, HERE, 10.0, params=(1.0, 0.0, 0.0, 0.0))
    assert station.upload([sent]) == mav.MAV_MISSION_ACCEPTED
    assert station.fetch(1).command == command


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (mav.MAV_FRAME_GLOBAL, mav.MAV_FRAME_GLOBAL),
        (mav.MAV_FRAME_GLOBAL_RELATIVE_ALT, mav.MAV_FRAME_GLOBAL_RELATIVE_ALT),
        (mav.MAV_FRAME_GLOBAL_INT, mav.MAV_FRAME_GLOBAL),
        (mav.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT, mav.MAV_FRAME_GLOBAL_RELATIVE_ALT),
        (mav.MAV_FRAME_GLOBAL_TERRAIN_ALT, mav.MAV_FRAME_GLOBAL_TERRAIN_ALT),
        (mav.MAV_FRAME_GLOBAL_TERRAIN_ALT_INT, mav.MAV_FRAME_GLOBAL_TERRAIN_ALT),
        (mav.MAV_FRAME_MISSION, mav.MAV_FRAME_GLOBAL),
    ],
)
def test_frames_come_back_in_their_short_form(station: Station, sent: int, stored: int) -> None:
    """Frames 6/5/11 come back as 3/0/10; frame 2 on a waypoint is stored as AMSL (0)."""
    assert (
        station.upload([item(mav.MAV_CMD_NAV_WAYPOINT, HERE, 30.0, frame=sent)]) == mav.MAV_MISSION_ACCEPTED
    )
    assert station.fetch(1).frame == stored


@pytest.mark.parametrize(
    "frame",
    [
        mav.MAV_FRAME_LOCAL_NED,
        mav.MAV_FRAME_LOCAL_ENU,
        mav.MAV_FRAME_LOCAL_OFFSET_NED,
        mav.MAV_FRAME_BODY_NED,
    ],
)
def test_local_frames_are_refused(station: Station, frame: int) -> None:
    """LOCAL frames: UNSUPPORTED_FRAME."""
    answer = station.upload([item(mav.MAV_CMD_NAV_WAYPOINT, HERE, 30.0, frame=frame)])
    assert answer == mav.MAV_MISSION_UNSUPPORTED_FRAME


def test_altitudes_come_back_in_whole_centimetres(station: Station) -> None:
    """Read-back is lossy: altitude in cm (cut off, not rounded)."""
    heights = (12.3456, 30.0, -1.239, 0.009)
    assert station.upload([item(mav.MAV_CMD_NAV_WAYPOINT, HERE, h) for h in heights]) == 0
    stored = [station.fetch(n).z for n in range(1, 5)]
    assert stored == pytest.approx([math.trunc(h * 100) / 100 for h in heights], abs=1e-4)


def test_a_waypoint_keeps_only_whole_seconds_of_its_first_parameter(station: Station) -> None:
    """Copter keeps only param 1 (whole seconds) of a WAYPOINT; the rest comes back as 0."""
    assert station.upload([item(mav.MAV_CMD_NAV_WAYPOINT, HERE, 30.0, params=(4.7, 3.0, 2.0, 90.0))]) == 0
    stored = station.fetch(1)
    assert (stored.param1, stored.param2, stored.param3, stored.param4) == (4.0, 0.0, 0.0, 0.0)


def test_rally_heights_come_back_in_whole_metres(station: Station) -> None:
    """Rally altitude is an int16 of metres."""
    sent = [item(mav.MAV_CMD_NAV_RALLY_POINT, HERE, h) for h in (30.7, 45.2)]
    assert station.upload(sent, RALLY) == mav.MAV_MISSION_ACCEPTED
    assert [m.z for m in station.download(RALLY)] == [30.0, 45.0]


@pytest.mark.parametrize(("sent", "stored"), [(40.0, 40.0), (255.0, 255.0), (259.0, 250.0), (333.0, 330.0)])
def test_a_large_turn_radius_is_kept_in_tens_of_metres(station: Station, sent: float, stored: float) -> None:
    """Turn radius > 255 m is kept in tens of metres, cut off."""
    turns = item(mav.MAV_CMD_NAV_LOITER_TURNS, HERE, 30.0, params=(2.0, 0.0, sent, 0.0))
    assert station.upload([turns]) == mav.MAV_MISSION_ACCEPTED
    assert (station.fetch(1).param1, station.fetch(1).param3) == (2.0, stored)


@pytest.mark.parametrize("target", [0, 4, 60])
def test_a_jump_to_home_or_beyond_the_end_ends_the_upload_with_error(station: Station, target: int) -> None:
    """DO_JUMP to 0 or beyond the end: ERROR."""
    way = item(mav.MAV_CMD_NAV_WAYPOINT, HERE, 30.0)
    jump = item(mav.MAV_CMD_DO_JUMP, params=(float(target), 2.0))
    assert station.upload([way, way, jump]) == mav.MAV_MISSION_ERROR


def test_a_jump_within_the_mission_and_jump_tags_are_stored(station: Station) -> None:
    """DO_JUMP inside the mission, JUMP_TAG (600) and DO_JUMP_TAG (601) are stored with their numbers."""
    sent = [
        item(mav.MAV_CMD_JUMP_TAG, params=(7.0,)),
        item(mav.MAV_CMD_NAV_WAYPOINT, HERE, 30.0),
        item(mav.MAV_CMD_DO_JUMP_TAG, params=(7.0, 3.0)),
        item(mav.MAV_CMD_DO_JUMP, params=(2.0, 5.0)),
    ]
    assert station.upload(sent) == mav.MAV_MISSION_ACCEPTED
    stored = [station.fetch(n) for n in range(1, 5)]
    assert [(m.command, m.param1, m.param2) for m in stored] == [
        (600, 7.0, 0.0),
        (16, 0.0, 0.0),
        (601, 7.0, 3.0),
        (177, 2.0, 5.0),
    ]


@pytest.mark.parametrize(
    ("command", "params", "stored"),
    [
        (mav.MAV_CMD_DO_CHANGE_SPEED, (1.0, 7.5, -1.0, 0.0), (1.0, 7.5, -1.0, 0.0)),
        (mav.MAV_CMD_DO_SET_CAM_TRIGG_DIST, (12.5, 0.0, 1.0, 0.0), (12.5, 0.0, 1.0, 0.0)),
        (mav.MAV_CMD_CONDITION_DELAY, (3.0, 0.0, 0.0, 0.0), (3.0, 0.0, 0.0, 0.0)),
        (mav.MAV_CMD_CONDITION_DISTANCE, (25.0, 0.0, 0.0, 0.0), (25.0, 0.0, 0.0, 0.0)),
        (mav.MAV_CMD_CONDITION_YAW, (90.0, 20.0, 1.0, 0.0), (90.0, 20.0, 1.0, 0.0)),
        (mav.MAV_CMD_NAV_LOITER_TIME, (8.6, 0.0, 0.0, 0.0), (8.0, 0.0, 1.0, 0.0)),
        (mav.MAV_CMD_NAV_LAND, (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)),
        (mav.MAV_CMD_DO_SET_RELAY, (1.0, 1.0, 0.0, 0.0), (1.0, 1.0, 0.0, 0.0)),
        (mav.MAV_CMD_DO_SET_SERVO, (9.0, 1500.0, 0.0, 0.0), (9.0, 1500.0, 0.0, 0.0)),
    ],
)
def test_parameters_of_common_commands_come_back_as_the_firmware_keeps_them(
    station: Station, command: int, params: tuple[float, ...], stored: tuple[float, ...]
) -> None:
    """Each command keeps what it uses; LOITER_TIME whole seconds and, as LAND in param 4, 1 for clockwise."""
    assert station.upload([item(command, HERE, 30.0, params=params)]) == mav.MAV_MISSION_ACCEPTED
    back = station.fetch(1)
    assert (back.param1, back.param2, back.param3, back.param4) == pytest.approx(stored, abs=0.01)
