"""Fence, rally points and failsafes: what is refused on upload, what stops arming, what a breach does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airbeat.geo.coordinates import LatLon
from airbeat.link.dialect import mavlink as mav
from airbeat.sim.ardupilot_station import COPTER_MODES, Item, Station, item

Shift = Callable[..., LatLon]
SetParameter = Callable[[str, float], None]
FENCE = mav.MAV_MISSION_TYPE_FENCE
RALLY = mav.MAV_MISSION_TYPE_RALLY
POLYGONS = 4.0
CEILING = 1.0
CIRCLE = 2.0


def square(
    shift: Shift,
    centre: LatLon,
    half_m: float,
    *,
    inclusion: bool = True,
    counts: tuple[int, ...] = (4, 4, 4, 4),
) -> list[Item]:
    command = 5001 if inclusion else 5002
    corners = [(-half_m, -half_m), (half_m, -half_m), (half_m, half_m), (-half_m, half_m)]
    return [
        item(command, shift(centre, n, e), params=(count,), frame=mav.MAV_FRAME_GLOBAL)
        for (n, e), count in zip(corners, counts, strict=True)
    ]


def takeoff(height_m: float = 10.0) -> Item:
    return item(mav.MAV_CMD_NAV_TAKEOFF, height_m=height_m)


def way(place: LatLon, height_m: float = 10.0) -> Item:
    return item(mav.MAV_CMD_NAV_WAYPOINT, place, height_m)


def go(station: Station, items: list[Item]) -> int:
    assert station.upload(items) == mav.MAV_MISSION_ACCEPTED
    mark = station.mark()
    station.start_mission()
    return mark


def enable(set_parameter: SetParameter, kinds: float) -> None:
    set_parameter("FENCE_TYPE", kinds)
    set_parameter("FENCE_ENABLE", 1.0)


def enable_inside(station: Station, set_parameter: SetParameter, kinds: float) -> None:
    """Enable the fence around a vehicle that is inside it, and wait until the vehicle says so.

    Changed fence parameters are taken up 10 times a second and breaches looked for 25 times a second. While
    the fence is off nobody looks, so that the breach which ended the test before stands until the first look
    after enabling: arming before that is refused with "Vehicle breaching". SYS_STATUS tells.
    """
    enable(set_parameter, kinds)
    station.stream(mav.MAVLINK_MSG_ID_SYS_STATUS, 10.0)
    mark = station.mark()
    bit = mav.MAV_SYS_STATUS_GEOFENCE
    station.expect(
        "SYS_STATUS",
        after=mark,
        where=lambda m: m.onboard_control_sensors_enabled & m.onboard_control_sensors_health & bit,
        timeout_s=20.0,
    )


@pytest.mark.parametrize(
    "counts",
    [(4, 4, 4, 3), (4, 4, 4, 5), (3, 3, 3, 3), (5, 5, 5, 5), (2, 2, 2, 2), (0, 0, 0, 0)],
    ids=lambda c: "".join(map(str, c)),
)
def test_a_fence_whose_vertex_counts_disagree_is_refused_and_the_old_one_stays(
    station: Station, shift: Shift, counts: tuple[int, ...]
) -> None:
    """Every vertex item carries its polygon's vertex count; a bad set: ERROR, the old fence stays."""
    here = station.position
    old = square(shift, here, 300.0)
    assert station.upload(old, FENCE) == mav.MAV_MISSION_ACCEPTED
    assert station.upload(square(shift, here, 200.0, counts=counts), FENCE) not in (
        mav.MAV_MISSION_ACCEPTED,
        mav.MAV_MISSION_OPERATION_CANCELLED,
    )
    assert [m.x for m in station.download(FENCE)] == [v["x"] for v in old]


def test_vertices_of_two_polygons_may_not_be_mixed(station: Station, shift: Shift) -> None:
    """A polygon's vertices are contiguous: an exclusion vertex inside an inclusion polygon is an ERROR."""
    here = station.position
    mixed = square(shift, here, 300.0)
    mixed[2:2] = square(shift, here, 20.0, inclusion=False)
    assert station.upload(mixed, FENCE) == mav.MAV_MISSION_ERROR
    assert station.count(FENCE) == 0


def test_a_fence_comes_back_with_its_kinds_counts_and_radii(station: Station, shift: Shift) -> None:
    """Polygons and circles of both kinds are stored; radii are floats."""
    here = station.position
    circles = [
        item(5003, here, params=(400.5,), frame=mav.MAV_FRAME_GLOBAL),
        item(5004, shift(here, 150.0), params=(12.25,), frame=mav.MAV_FRAME_GLOBAL),
    ]
    sent = square(shift, here, 300.0) + square(shift, shift(here, 100.0), 20.0, inclusion=False) + circles
    assert station.upload(sent, FENCE) == mav.MAV_MISSION_ACCEPTED
    stored = station.download(FENCE)
    assert [(m.command, m.param1, m.x, m.y) for m in stored] == [
        (f["command"], f["param1"], f["x"], f["y"]) for f in sent
    ]


def test_the_fences_defaults_are_a_ceiling_of_100_m_and_a_circle_of_300_m(station: Station) -> None:
    """Copter's defaults: FENCE_ENABLE 0, FENCE_ALT_MAX 100 m, FENCE_RADIUS 300 m, FENCE_ACTION 1 (RTL)."""
    names = ("FENCE_ENABLE", "FENCE_ALT_MAX", "FENCE_RADIUS", "FENCE_ACTION")
    assert [station.parameter(n) for n in names] == [0.0, 100.0, 300.0, 1.0]


def test_disjoint_inclusion_polygons_stop_arming_until_they_are_united(
    station: Station, shift: Shift, set_parameter: SetParameter
) -> None:
    """Several inclusion polygons are intersected by default: two disjoint zones block arming until
    FENCE_OPTIONS bit 1."""
    here = station.position
    zones = square(shift, here, 50.0) + square(shift, shift(here, 300.0), 50.0)
    assert station.upload(zones, FENCE) == mav.MAV_MISSION_ACCEPTED
    enable(set_parameter, POLYGONS)
    station.set_mode("GUIDED")
    mark = station.mark()
    station.sleep(2.0)
    assert station.arm() != mav.MAV_RESULT_ACCEPTED
    station.wait(lambda: any("fence" in t.lower() for t in station.texts(mark)), "a text about the fence")
    set_parameter("FENCE_OPTIONS", 3.0)
    station.sleep(2.0)
    assert station.arm() == mav.MAV_RESULT_ACCEPTED


def test_arming_outside_the_fence_is_refused(
    station: Station, shift: Shift, set_parameter: SetParameter
) -> None:
    """A vehicle that stands outside the enabled fence does not arm."""
    zone = square(shift, shift(station.position, 300.0), 50.0)
    assert station.upload(zone, FENCE) == mav.MAV_MISSION_ACCEPTED
    enable(set_parameter, POLYGONS)
    station.set_mode("GUIDED")
    station.sleep(2.0)
    assert station.arm() != mav.MAV_RESULT_ACCEPTED


def test_a_mission_that_leaves_the_fence_is_taken_flown_and_ended_by_the_breach(
    station: Station, shift: Shift, set_parameter: SetParameter
) -> None:
    """AUTO waypoints are not checked against the fence: it uploads, arms, flies, breaches, returns."""
    here = station.position
    assert station.upload(square(shift, here, 60.0), FENCE) == mav.MAV_MISSION_ACCEPTED
    enable_inside(station, set_parameter, POLYGONS)
    mark = go(station, [takeoff(), way(shift(here, 200.0)), item(mav.MAV_CMD_NAV_LAND)])
    station.wait(lambda: station.mode == COPTER_MODES["RTL"], "RTL after the breach", 90.0)
    assert station.position.lat_deg > shift(here, 55.0).lat_deg
    station.wait(lambda: any("fence" in t.lower() for t in station.texts(mark)), "a text about the fence")


def test_an_exclusion_zone_is_breached_from_outside(
    station: Station, shift: Shift, set_parameter: SetParameter
) -> None:
    """Flying into an exclusion polygon is a breach: RTL."""
    here = station.position
    zones = square(shift, here, 400.0) + square(shift, shift(here, 100.0), 30.0, inclusion=False)
    assert station.upload(zones, FENCE) == mav.MAV_MISSION_ACCEPTED
    enable_inside(station, set_parameter, POLYGONS)
    go(station, [takeoff(), way(shift(here, 200.0)), item(mav.MAV_CMD_NAV_LAND)])
    station.wait(lambda: station.mode == COPTER_MODES["RTL"], "RTL after the breach", 90.0)
    assert shift(here, 60.0).lat_deg < station.position.lat_deg < shift(here, 140.0).lat_deg


def test_the_circle_around_home_ends_longer_missions(
    station: Station, shift: Shift, set_parameter: SetParameter
) -> None:
    """With FENCE_TYPE 7, Copter's default, a 300 m circle around home counts as soon as it is enabled."""
    here = station.position
    assert station.upload(square(shift, here, 900.0), FENCE) == mav.MAV_MISSION_ACCEPTED
    enable_inside(station, set_parameter, CEILING + CIRCLE + POLYGONS)
    go(station, [takeoff(), way(shift(here, 450.0)), item(mav.MAV_CMD_NAV_LAND)])
    station.wait(lambda: station.mode == COPTER_MODES["RTL"], "RTL at the circle", 120.0)
    assert shift(here, 280.0).lat_deg < station.position.lat_deg < shift(here, 345.0).lat_deg


def test_the_ceiling_is_a_breach_too(station: Station, shift: Shift, set_parameter: SetParameter) -> None:
    """Climbing through FENCE_ALT_MAX is a breach: RTL."""
    here = station.position
    set_parameter("FENCE_ALT_MAX", 25.0)
    enable_inside(station, set_parameter, CEILING)
    go(station, [takeoff(), way(shift(here, 10.0), 60.0), item(mav.MAV_CMD_NAV_LAND)])
    station.wait(lambda: station.mode == COPTER_MODES["RTL"], "RTL at the ceiling", 60.0)
    assert station.height_m < 40.0


def test_a_second_breach_far_outside_lands_where_it_is(
    station: Station, shift: Shift, set_parameter: SetParameter
) -> None:
    """Breach further than 100 m outside: LAND instead of RTL."""
    here = station.position
    go(station, [takeoff(), way(shift(here, 250.0)), item(mav.MAV_CMD_NAV_LAND)])
    station.wait(lambda: station.position.lat_deg > shift(here, 200.0).lat_deg, "being far out", 90.0)
    set_parameter("FENCE_RADIUS", 60.0)
    enable(set_parameter, CIRCLE)
    station.wait(lambda: station.mode in (COPTER_MODES["LAND"], COPTER_MODES["RTL"]), "an action", 20.0)
    assert station.mode == COPTER_MODES["LAND"]


def test_a_near_rally_point_is_returned_to_and_a_far_one_is_ignored(
    station: Station,
    shift: Shift,
    set_parameter: SetParameter,
    distance_m: Callable[[LatLon, LatLon], float],
) -> None:
    """RTL goes to a rally point; those beyond RALLY_LIMIT_KM (0.3 on Copter) are ignored."""
    assert station.parameter("RALLY_LIMIT_KM") == pytest.approx(0.3)
    here = station.position
    near, far = shift(here, 0.0, 60.0), shift(here, 0.0, 900.0)
    points = [item(mav.MAV_CMD_NAV_RALLY_POINT, p, 20.0) for p in (far, near)]
    assert station.upload(points, RALLY) == mav.MAV_MISSION_ACCEPTED
    go(station, [takeoff(), way(shift(here, 40.0, 60.0)), item(mav.MAV_CMD_NAV_RETURN_TO_LAUNCH)])
    station.wait(lambda: not station.is_armed, "landing", 240.0)
    assert distance_m(station.position, near) < 4.0


def test_a_rally_point_outside_the_fence_is_ignored(
    station: Station,
    shift: Shift,
    set_parameter: SetParameter,
    distance_m: Callable[[LatLon, LatLon], float],
) -> None:
    """Rally points outside the fence are ignored: RTL comes home, although one is nearer."""
    here = station.position
    assert station.upload(square(shift, here, 100.0), FENCE) == mav.MAV_MISSION_ACCEPTED
    outside = shift(here, 130.0)
    assert station.upload([item(mav.MAV_CMD_NAV_RALLY_POINT, outside, 20.0)], RALLY) == 0
    enable_inside(station, set_parameter, POLYGONS)
    go(station, [takeoff(), way(shift(here, 80.0)), item(mav.MAV_CMD_NAV_RETURN_TO_LAUNCH)])
    station.wait(lambda: not station.is_armed, "landing", 240.0)
    assert distance_m(station.position, here) < 4.0


def test_without_heartbeats_nothing_happens_unless_the_failsafe_is_set(
    station: Station, shift: Shift, set_parameter: SetParameter, pace: Callable[[str], None]
) -> None:
    """FS_GCS_ENABLE 0, the default: no GCS failsafe. Set to 1: RTL after FS_GCS_TIMEOUT without heartbeats
    of SYSID_MYGCS (255); another station's heartbeats do not count."""
    here = station.position
    set_parameter("FS_GCS_TIMEOUT", 5.0)
    go(station, [takeoff(), way(shift(here, 20.0)), way(shift(here, 20.0), 11.0), item(17, height_m=11.0)])
    station.expect("MISSION_CURRENT", after=station.mark(), where=lambda m: m.seq == 4, timeout_s=90.0)
    station.beats = False
    station.sleep(15.0)
    assert station.mode == COPTER_MODES["AUTO"]
    beat = mav.MAVLink_heartbeat_message(mav.MAV_TYPE_GCS, mav.MAV_AUTOPILOT_INVALID, 0, 0, 0, 3)
    pace("calm")  # between two of our heartbeats 5 s of simulation time must not pass
    station.send(beat)
    set_parameter("FS_GCS_ENABLE", 1.0)
    until_s = station.now_s + 4.0
    while station.now_s < until_s:
        station.send(beat)
        station.pump(0.02)
    assert station.mode == COPTER_MODES["AUTO"]

    def strangers_only() -> bool:
        station.send(beat, as_system=99)
        return station.mode == COPTER_MODES["RTL"]

    station.wait(strangers_only, "RTL for want of heartbeats", 20.0)
