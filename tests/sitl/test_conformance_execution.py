"""How a mission is flown: order of commands, what is said on the way, starting, changing and resuming."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from airbeat.geo.coordinates import LatLon
from airbeat.link.dialect import mavlink as mav
from airbeat.sim.ardupilot_station import COPTER_MODES, Item, Station, item

Shift = Callable[..., LatLon]
Pace = Callable[[str], None]
RTL = item(mav.MAV_CMD_NAV_RETURN_TO_LAUNCH)
LAND = item(mav.MAV_CMD_NAV_LAND)
HEIGHT_M = 10.0
ON_GROUND_M = 3.0
"""Noise of the height stays below it; a take-off is above it after 6 s (the motors need 3 s)."""


def takeoff(height_m: float = HEIGHT_M) -> Item:
    return item(mav.MAV_CMD_NAV_TAKEOFF, height_m=height_m)


def way(place: LatLon, height_m: float = HEIGHT_M, hold_s: float = 0.0) -> Item:
    return item(mav.MAV_CMD_NAV_WAYPOINT, place, height_m, params=(hold_s,))


def speed(speed_m_s: float) -> Item:
    return item(mav.MAV_CMD_DO_CHANGE_SPEED, params=(1.0, speed_m_s, -1.0))


def fly(station: Station, items: list[Item]) -> int:
    """Upload and start; returns the mark before the start."""
    assert station.upload(items) == mav.MAV_MISSION_ACCEPTED
    mark = station.mark()
    station.start_mission()
    return mark


def announced(station: Station, mark: int) -> list[str]:
    """Item numbers of "Mission: n NAME", in order; the firmware may say the first one twice."""
    said = [t.split()[1] for t in station.texts(mark) if t.startswith("Mission: ")]
    return [number for number, _ in itertools.groupby(said)]


def wait_current(station: Station, number: int, timeout_s: float = 90.0) -> None:
    mark = station.mark()
    station.expect("MISSION_CURRENT", after=mark, where=lambda m: m.seq == number, timeout_s=timeout_s)


LANDED = 0


def moments(station: Station, mark: int) -> dict[int, float]:
    """When each item became current, and, as item 0, when it disarmed after that [s of the vehicle's clock].

    By what was heard before it: on a busy machine the station reads in heaps.
    """
    found: dict[int, float] = {}
    now_s = 0.0
    for message in station.since(mark):
        now_s = getattr(message, "time_boot_ms", now_s * 1000.0) / 1000.0
        if message.get_type() == "MISSION_CURRENT" and message.seq > 0:
            found.setdefault(message.seq, now_s)
        elif message.get_type() == "HEARTBEAT" and len(found) > 1:
            armed = message.base_mode & mav.MAV_MODE_FLAG_SAFETY_ARMED
            if not armed:
                found.setdefault(LANDED, now_s)
    return found


def test_arming_does_not_start_and_starting_does_not_arm(station: Station, shift: Shift) -> None:
    """GUIDED → arm → MISSION_START; it does not arm, and params other than 0 are DENIED."""
    assert station.upload([takeoff(), way(shift(station.position, 30.0)), LAND]) == mav.MAV_MISSION_ACCEPTED
    station.set_mode("GUIDED")
    station.command(mav.MAV_CMD_MISSION_START)
    station.sleep(6.0)
    assert not station.is_armed
    assert station.height_m < ON_GROUND_M
    station.set_mode("GUIDED")
    assert station.arm() == mav.MAV_RESULT_ACCEPTED
    assert station.command(mav.MAV_CMD_MISSION_START, 1.0) == mav.MAV_RESULT_DENIED
    station.sleep(6.0)
    assert station.height_m < ON_GROUND_M
    assert station.command(mav.MAV_CMD_MISSION_START) == mav.MAV_RESULT_ACCEPTED
    station.wait(lambda: station.height_m > 5.0, "the take-off", 30.0)
    assert station.mode == 3


def test_a_mission_that_does_not_begin_with_a_takeoff_does_not_start(station: Station, shift: Shift) -> None:
    """The first NAV must be a takeoff: "Missing Takeoff Cmd", and the vehicle stays where it is."""
    assert station.upload([way(shift(station.position, 30.0)), LAND]) == mav.MAV_MISSION_ACCEPTED
    mark = station.mark()
    station.set_mode("GUIDED")
    assert station.arm() == mav.MAV_RESULT_ACCEPTED
    assert station.command(mav.MAV_CMD_MISSION_START) != mav.MAV_RESULT_ACCEPTED
    station.wait(lambda: any("Missing Takeoff Cmd" in t for t in station.texts(mark)), "the reason")
    station.sleep(6.0)
    assert station.height_m < ON_GROUND_M


def test_reached_command_is_said_for_every_waypoint(station: Station, shift: Shift) -> None:
    """STATUSTEXT "Reached command #n" comes for every WAYPOINT, also before a DO; not for take-off."""
    here = station.position
    mark = fly(station, [takeoff(), way(shift(here, 20.0)), speed(4.0), way(shift(here, 40.0)), LAND])
    wait_current(station, 5)
    said = [t for t in station.texts(mark) if t.startswith("Reached command")]
    assert said == ["Reached command #2", "Reached command #4"]


def test_the_mission_announces_its_commands_in_order(station: Station, shift: Shift) -> None:
    """Each item is announced with its number and name when it starts ("Mission: 2 WP")."""
    here = station.position
    mark = fly(station, [takeoff(), way(shift(here, 20.0)), speed(4.0), way(shift(here, 40.0)), LAND])
    wait_current(station, 5)
    station.sleep(1.0)
    assert announced(station, mark) == ["1", "2", "3", "4", "5"]
    said = [t.split()[2] for t in station.texts(mark) if t.startswith("Mission: ")]
    assert list(dict.fromkeys(said)) == ["Takeoff", "WP", "ChangeSpeed", "Land"]


def test_do_commands_run_at_the_start_of_the_leg_after_their_nav(station: Station, shift: Shift) -> None:
    """DO commands belong to the leg after the preceding NAV, and run as it begins."""
    here = station.position
    mark = fly(station, [takeoff(), way(shift(here, 15.0)), speed(3.0), way(shift(here, 215.0)), LAND])
    wait_current(station, 5, 200.0)
    began_s = moments(station, mark)
    fixes = station.since(mark, "GLOBAL_POSITION_INT")
    moved_s = next(m.heard_s for m in fixes if m.heard_s > began_s[4] and m.vx > 250)
    fix = next(m for m in fixes if m.heard_s > moved_s + 15.0)
    assert fix.heard_s < began_s[5]
    assert (fix.vx**2 + fix.vy**2) ** 0.5 / 100.0 == pytest.approx(3.0, abs=0.3)
    reached = next(m for m in station.since(mark, "STATUSTEXT") if m.text == "Reached command #2")
    said = next(m for m in station.since(mark, "STATUSTEXT") if m.text.startswith("Mission: 3 "))
    assert said.heard_at > reached.heard_at


def test_do_commands_left_over_when_the_next_nav_is_done_are_dropped(station: Station, shift: Shift) -> None:
    """The first DO runs at once, the others one per loop; a condition holds those behind it back, and
    those left when the next NAV finishes are dropped."""
    here = station.position
    wait = item(mav.MAV_CMD_CONDITION_DELAY, params=(60.0,))
    mark = fly(
        station,
        [
            takeoff(),
            way(shift(here, 10.0)),
            wait,
            speed(3.0),
            way(shift(here, 30.0)),
            way(shift(here, 40.0)),
            LAND,
        ],
    )
    wait_current(station, 7)
    said = announced(station, mark)
    assert "3" in said
    assert "4" not in said


def test_a_condition_holds_back_the_do_commands_behind_it(station: Station, shift: Shift) -> None:
    """CONDITION_DISTANCE blocks the DOs behind it until that close to the next NAV."""
    here = station.position
    near = item(mav.MAV_CMD_CONDITION_DISTANCE, params=(20.0,))
    mark = fly(station, [takeoff(), way(shift(here, 5.0)), near, speed(3.0), way(shift(here, 80.0)), LAND])
    said = station.expect(
        "STATUSTEXT", after=mark, where=lambda m: m.text.startswith("Mission: 4 "), timeout_s=90.0
    )
    fix = next(m for m in reversed(station.heard[: said.heard_at]) if m.get_type() == "GLOBAL_POSITION_INT")
    target = shift(here, 80.0)
    assert (target.lat_deg - fix.lat / 1e7) * 111_200.0 == pytest.approx(20.0, abs=4.0)


def test_after_the_last_nav_only_one_do_command_runs(station: Station, shift: Shift) -> None:
    """After the last NAV only one DO runs; the mission then is complete."""
    here = station.position
    mark = fly(station, [takeoff(), way(shift(here, 15.0)), speed(3.0), speed(2.0), speed(1.0)])
    station.wait(lambda: station.get("MISSION_CURRENT").mission_state == 5, "mission complete", 90.0)
    station.sleep(3.0)
    said = announced(station, mark)
    assert said == ["1", "2", "3"]


def test_mission_current_counts_without_home_and_says_the_state(
    station: Station, shift: Shift, pace: Pace
) -> None:
    """MISSION_CURRENT: total excludes home; state 1 none, 2 not started or stopped by a mode
    change, 3 active, 4 paused by DO_PAUSE_CONTINUE, 5 complete. Landed and disarmed, it is at item 1."""
    assert station.get("MISSION_CURRENT").mission_state == 1
    here = station.position
    items = [takeoff(), way(shift(here, 30.0)), way(shift(here, 60.0)), LAND]
    assert station.upload(items) == mav.MAV_MISSION_ACCEPTED
    station.sleep(1.0)
    before = station.get("MISSION_CURRENT")
    assert (before.mission_state, before.total) == (2, 4)
    pace("calm")
    station.start_mission()
    wait_current(station, 2)
    assert station.get("MISSION_CURRENT").mission_state == 3
    assert station.command(mav.MAV_CMD_DO_PAUSE_CONTINUE, 0.0) == mav.MAV_RESULT_ACCEPTED
    station.sleep(1.0)
    assert station.get("MISSION_CURRENT").mission_state == 4
    assert station.command(mav.MAV_CMD_DO_PAUSE_CONTINUE, 1.0) == mav.MAV_RESULT_ACCEPTED
    station.sleep(1.0)
    assert station.get("MISSION_CURRENT").mission_state == 3
    station.set_mode("BRAKE")
    station.sleep(1.0)
    assert station.get("MISSION_CURRENT").mission_state == 2
    pace("fast")
    station.set_mode("AUTO")
    station.wait(lambda: not station.is_armed, "landing", 200.0)
    station.sleep(2.0)
    assert station.get("MISSION_CURRENT").seq == 1


def test_a_mission_is_paused_and_goes_on_with_the_same_item(
    station: Station, shift: Shift, pace: Pace
) -> None:
    """Leaving AUTO keeps the current item; AUTO again goes on to it (MIS_RESTART 0)."""
    here = station.position
    pace("calm")
    fly(station, [takeoff(), way(shift(here, 15.0)), way(shift(here, 90.0)), LAND])
    wait_current(station, 3)
    station.set_mode("BRAKE")
    station.sleep(4.0)
    assert station.current == 3
    station.set_mode("AUTO")
    station.sleep(1.0)
    assert station.current == 3
    wait_current(station, 4)


def test_a_repeat_distance_leads_a_paused_mission_back_within_one_armed_flight_only(
    station: Station, shift: Shift, pace: Pace
) -> None:
    """DO_SET_RESUME_REPEAT_DIST: going on after a pause leads so many metres back along the way flown, and
    then on. It works within one armed flight only: disarming forgets it, and the next flight goes on."""
    here = station.position
    repeat = item(215, params=(30.0,))

    def left_at_80_m() -> LatLon:
        """Where it left AUTO; it hovers for some seconds, 20 m further on, and then goes on in AUTO."""
        pace("calm")
        station.wait(lambda: station.position.lat_deg > shift(here, 80.0).lat_deg, "80 m", 90.0)
        mark = station.mark()
        station.set_mode("BRAKE")
        braking = next(m for m in station.since(mark, "HEARTBEAT") if m.custom_mode == COPTER_MODES["BRAKE"])
        heard = reversed(station.heard[: braking.heard_at])
        fix = next(m for m in heard if m.get_type() == "GLOBAL_POSITION_INT")
        station.sleep(4.0)
        station.set_mode("AUTO")
        pace("fast")
        return LatLon(lat_deg=fix.lat / 1e7, lon_deg=fix.lon / 1e7)

    def southmost_deg() -> float:
        """How far back it flew before it was beyond where it had hovered."""
        mark, beyond = station.mark(), shift(here, 130.0).lat_deg
        station.wait(lambda: station.position.lat_deg > beyond, "being back on its way", 90.0)
        return min(m.lat / 1e7 for m in station.since(mark, "GLOBAL_POSITION_INT"))

    first, last = way(shift(here, 15.0)), way(shift(here, 180.0))
    mark = fly(station, [takeoff(), repeat, first, last, LAND])
    left = left_at_80_m()
    assert shift(left, -36.0).lat_deg < southmost_deg() < shift(left, -11.0).lat_deg
    assert "Resume repeat dist set to 30 m" in station.texts(mark)
    assert "Mission: Returned to interrupted WP" in station.texts(mark)
    station.land()
    here = station.position
    fly(station, [takeoff(), way(shift(here, 15.0)), way(shift(here, 180.0)), LAND])
    left = left_at_80_m()
    assert southmost_deg() > shift(left, -2.0).lat_deg


def test_a_new_mission_in_the_air_goes_on_at_the_old_number(
    station: Station, shift: Shift, pace: Pace
) -> None:
    """A new mission uploaded in the air resumes at the old index: always set current."""
    here = station.position
    pace("calm")
    fly(station, [takeoff(), way(shift(here, 10.0)), way(shift(here, 20.0)), way(shift(here, 90.0)), LAND])
    wait_current(station, 4)
    station.set_mode("BRAKE")
    east = [takeoff(), *(way(shift(here, 20.0, 15.0 * i)) for i in range(1, 5)), LAND]
    assert station.upload(east) == mav.MAV_MISSION_ACCEPTED
    station.set_mode("AUTO")
    station.sleep(1.0)
    assert station.current == 4
    assert station.command(mav.MAV_CMD_DO_SET_MISSION_CURRENT, 2.0) == mav.MAV_RESULT_ACCEPTED
    station.wait(lambda: station.get("MISSION_CURRENT").seq == 2, "item 2", 10.0)


def test_setting_a_current_item_that_is_not_there_is_refused(station: Station, shift: Shift) -> None:
    """DO_SET_MISSION_CURRENT beyond the end is not accepted, and the current item stays."""
    assert station.upload([takeoff(), way(shift(station.position, 30.0)), LAND]) == mav.MAV_MISSION_ACCEPTED
    assert station.command(mav.MAV_CMD_DO_SET_MISSION_CURRENT, 9.0) != mav.MAV_RESULT_ACCEPTED
    assert station.get("MISSION_CURRENT").seq <= 1


def test_disarming_puts_the_mission_back_to_its_beginning(station: Station, shift: Shift) -> None:
    """Disarm resets the index, so resuming after a battery swap is the ground station's work."""
    here = station.position
    fly(station, [takeoff(), way(shift(here, 10.0)), way(shift(here, 90.0)), LAND])
    wait_current(station, 3)
    station.land()
    station.sleep(2.0)
    assert station.get("MISSION_CURRENT").seq <= 1


def test_an_upload_abandoned_in_flight_leaves_a_cut_mission(station: Station, shift: Shift) -> None:
    """An abandoned upload in flight truncates the mission."""
    here = station.position
    fly(station, [takeoff(), *(way(shift(here, 10.0 * i)) for i in range(1, 7)), LAND])
    wait_current(station, 2)
    station.set_mode("BRAKE")
    mark = station.send_count(4)
    station.request(mark, 0)
    assert station.ack(mark, timeout_s=20.0) == mav.MAV_MISSION_OPERATION_CANCELLED
    assert station.count() == 4


def test_a_running_mission_can_be_emptied(station: Station, shift: Shift) -> None:
    """MISSION_COUNT 0 is accepted mid-flight."""
    here = station.position
    fly(station, [takeoff(), way(shift(here, 10.0)), way(shift(here, 60.0)), LAND])
    wait_current(station, 3)
    assert station.ack(station.send_count(0)) == mav.MAV_MISSION_ACCEPTED
    assert station.count() <= 1


def test_altitude_zero_keeps_the_height_and_position_zero_means_here(station: Station, shift: Shift) -> None:
    """altitude 0 means "keep", lat/lon 0 means "here"."""
    here = station.position
    keep = item(mav.MAV_CMD_NAV_WAYPOINT, shift(here, 30.0), 0.0)
    up = item(mav.MAV_CMD_NAV_WAYPOINT, height_m=15.0)
    mark = fly(station, [takeoff(), keep, up, way(shift(here, 60.0), 15.0), LAND])
    wait_current(station, 5)
    began_s, fixes = moments(station, mark), station.since(mark, "GLOBAL_POSITION_INT")
    before_up, before_last = (next(m for m in fixes if m.heard_s >= began_s[n]) for n in (3, 4))
    assert before_up.relative_alt / 1000.0 == pytest.approx(HEIGHT_M, abs=1.5)
    assert before_last.relative_alt / 1000.0 == pytest.approx(15.0, abs=2.5)
    assert (before_last.lat / 1e7 - here.lat_deg) * 111_200.0 == pytest.approx(30.0, abs=6.0)


def test_legs_are_flown_at_ten_metres_a_second_by_default(station: Station, shift: Shift) -> None:
    """WPNAV_SPEED default 10 m/s; corners are flown with S-curves, so the speed changes smoothly."""
    here = station.position
    mark = fly(station, [takeoff(), way(shift(here, 10.0)), way(shift(here, 210.0)), LAND])
    wait_current(station, 4)
    speeds = [(m.time_boot_ms / 1e3, m.vx / 100.0) for m in station.since(mark, "GLOBAL_POSITION_INT")]
    assert max(v for _, v in speeds) == pytest.approx(10.0, abs=0.3)
    changes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(speeds) if b[0] - a[0] > 0.05]
    assert max(map(abs, changes)) < 4.0


def test_survey_legs_take_the_time_that_was_measured(station: Station, shift: Shift) -> None:
    """300 m legs at 10 m/s take 33 s each, a side step of 40 m 7 s, RTL from 50 m and landing about 86 s."""
    here = station.position
    corners = [shift(here, n, e) for n, e in ((0, 10), (300, 10), (300, 50), (0, 50), (0, 200))]
    mark = fly(station, [takeoff(50.0), *(way(p, 50.0) for p in corners), RTL])
    station.wait(lambda: station.current >= 7, "the return", 240.0)
    station.wait(lambda: not station.is_armed, "landing", 150.0)
    began_s = moments(station, mark)
    legs_s = [began_s[n + 1] - began_s[n] for n in (3, 4, 5)]
    assert legs_s == pytest.approx([33.0, 7.0, 33.0], abs=1.5)
    assert began_s[LANDED] - began_s[7] == pytest.approx(86.0, abs=8.0)


def test_a_jump_repeats_and_then_goes_on(station: Station, shift: Shift) -> None:
    """DO_JUMP flies its loop the number of times of param 2, then goes on."""
    here = station.position
    jump = item(mav.MAV_CMD_DO_JUMP, params=(2.0, 2.0))
    mark = fly(station, [takeoff(), way(shift(here, 10.0)), way(shift(here, 20.0)), jump, LAND])
    wait_current(station, 5, 180.0)
    said = announced(station, mark)
    assert [n for n in said if n in ("2", "3")] == ["2", "3"] * 3


def test_a_waypoint_is_held_for_its_seconds(station: Station, shift: Shift) -> None:
    """Param 1 of a WAYPOINT holds the vehicle there for that many seconds."""
    here = station.position
    mark = fly(station, [takeoff(), way(shift(here, 20.0), hold_s=12.0), way(shift(here, 30.0)), LAND])
    wait_current(station, 3)
    began_s = moments(station, mark)
    assert began_s[3] - began_s[2] > 12.0
    assert "Reached command #2" in station.texts(mark)


def test_return_to_launch_climbs_to_its_height_and_lands_at_home(
    station: Station, shift: Shift, distance_m: Callable[[LatLon, LatLon], float]
) -> None:
    """RTL climbs to RTL_ALT (15 m by default) first, comes home, waits, lands and disarms itself."""
    here = station.position
    mark = fly(station, [takeoff(), way(shift(here, 40.0)), RTL])
    station.wait(lambda: not station.is_armed, "landing at home", 240.0)
    highest = max(m.relative_alt / 1000.0 for m in station.since(mark, "GLOBAL_POSITION_INT"))
    assert highest == pytest.approx(15.0, abs=2.0)
    assert distance_m(station.position, here) < 3.0


def test_a_heartbeat_comes_behind_the_answer_to_who_asked_for_it_and_at_once_when_the_mode_changes(
    station: Station,
) -> None:
    """REQUEST_MESSAGE for HEARTBEAT: COMMAND_ACK first, then the HEARTBEAT, so that what comes behind the
    answer was said after the question. A mode change is told by a HEARTBEAT at once, not within a second."""

    def behind(command: int, *params: float) -> Any:
        mark = station.mark()
        assert station.command(command, *params) == mav.MAV_RESULT_ACCEPTED
        answer = next(m for m in station.since(mark, "COMMAND_ACK") if m.command == command)
        beat = station.expect("HEARTBEAT", after=answer.heard_at)
        assert beat.heard_s - answer.heard_s < 0.3
        return beat

    for mode in ("STABILIZE", "GUIDED", "LOITER"):
        behind(mav.MAV_CMD_REQUEST_MESSAGE, 0.0)
        beat = behind(mav.MAV_CMD_DO_SET_MODE, 1.0, float(COPTER_MODES[mode]))
        assert beat.custom_mode == COPTER_MODES[mode]


def test_heights_above_terrain_need_terrain_to_arm(station: Station, shift: Shift) -> None:
    """Frame 10 (terrain) needs terrain data to arm: without it arming in AUTO's mission is refused."""
    far = item(
        mav.MAV_CMD_NAV_WAYPOINT,
        shift(station.position, 50.0),
        HEIGHT_M,
        frame=mav.MAV_FRAME_GLOBAL_TERRAIN_ALT,
    )
    assert station.upload([takeoff(), far, LAND]) == mav.MAV_MISSION_ACCEPTED
    mark = station.mark()
    station.set_mode("GUIDED")
    station.sleep(2.0)
    assert station.arm() != mav.MAV_RESULT_ACCEPTED
    station.wait(lambda: any("terrain" in t.lower() for t in station.texts(mark)), "a text about terrain")


def test_a_jump_tag_is_found_after_the_mission_was_edited(station: Station, shift: Shift) -> None:
    """JUMP_TAG (600/601) survives edits: the jump goes to the tag, wherever it now is."""
    here = station.position
    tag, jump = item(mav.MAV_CMD_JUMP_TAG, params=(5.0,)), item(mav.MAV_CMD_DO_JUMP_TAG, params=(5.0, 1.0))
    spots = [way(shift(here, 8.0 * i)) for i in range(1, 4)]
    mark = fly(station, [takeoff(), spots[0], tag, spots[1], spots[2], jump, LAND])
    wait_current(station, 7, 180.0)
    said = announced(station, mark)
    assert [n for n in said if n in ("2", "4", "5")] == ["2", "4", "5", "4", "5"]


def test_item_reached_has_one_slot_and_cannot_be_followed_alone(station: Station, shift: Shift) -> None:
    """MISSION_ITEM_REACHED has one slot per link: with a DO after the NAV it may carry the DO's number."""
    here = station.position
    mark = fly(station, [takeoff(), way(shift(here, 20.0)), speed(4.0), way(shift(here, 40.0)), LAND])
    wait_current(station, 5)
    station.sleep(1.0)
    reached = [m.seq for m in station.since(mark, "MISSION_ITEM_REACHED")]
    assert set(reached) <= {1, 2, 3, 4}
    assert 2 not in reached or 3 not in reached
    assert 4 in reached
