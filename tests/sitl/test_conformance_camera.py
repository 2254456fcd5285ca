"""The camera: when photographs are taken, and what is said of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from airbeat.geo.coordinates import LatLon
from airbeat.link.dialect import mavlink as mav
from airbeat.sim.ardupilot_station import Item, Station, item

Shift = Callable[..., LatLon]
SetParameter = Callable[[str, float], None]
LAND = item(mav.MAV_CMD_NAV_LAND)


def takeoff(height_m: float = 10.0) -> Item:
    return item(mav.MAV_CMD_NAV_TAKEOFF, height_m=height_m)


def way(place: LatLon, height_m: float = 10.0) -> Item:
    return item(mav.MAV_CMD_NAV_WAYPOINT, place, height_m)


def trigger(distance_m: float, now: float = 0.0) -> Item:
    return item(mav.MAV_CMD_DO_SET_CAM_TRIGG_DIST, params=(distance_m, 0.0, now))


def go(station: Station, items: list[Item]) -> int:
    assert station.upload(items) == mav.MAV_MISSION_ACCEPTED
    mark = station.mark()
    station.start_mission()
    return mark


def passes(station: Station, number: int) -> None:
    mark = station.mark()
    station.expect("MISSION_CURRENT", after=mark, where=lambda m: m.seq >= number, timeout_s=120.0)


def test_photographs_are_spaced_by_the_distance_and_end_when_it_is_zero(
    station: Station, shift: Shift, distance_m: Callable[[LatLon, LatLon], float]
) -> None:
    """DO_SET_CAM_TRIGG_DIST fires once per distance flown until set to 0; CAMERA_FEEDBACK per photograph."""
    here = station.position
    mark = go(
        station,
        [
            takeoff(),
            way(shift(here, 5.0)),
            trigger(10.0),
            way(shift(here, 105.0)),
            trigger(0.0),
            way(shift(here, 150.0)),
            LAND,
        ],
    )
    passes(station, 7)
    shots = station.since(mark, "CAMERA_FEEDBACK")
    places = [LatLon(lat_deg=m.lat / 1e7, lon_deg=m.lng / 1e7) for m in shots]
    assert 9 <= len(shots) <= 11
    gaps = [distance_m(a, b) for a, b in itertools.pairwise(places)]
    assert gaps == pytest.approx([10.0] * len(gaps), abs=1.5)
    assert [m.img_idx for m in shots] == list(range(shots[0].img_idx, shots[0].img_idx + len(shots)))
    assert max(p.lat_deg for p in places) <= shift(here, 106.0).lat_deg


def test_the_first_photograph_comes_at_once_if_asked_for(station: Station, shift: Shift) -> None:
    """Param 3 = 1 fires once immediately, before the first distance is flown."""
    here = station.position
    mark = go(station, [takeoff(), way(shift(here, 5.0)), trigger(50.0, 1.0), way(shift(here, 40.0)), LAND])
    passes(station, 5)
    shots = station.since(mark, "CAMERA_FEEDBACK")
    assert len(shots) == 1
    assert shots[0].lat / 1e7 < shift(here, 9.0).lat_deg


def test_the_trigger_keeps_firing_outside_auto(
    station: Station, shift: Shift, set_parameter: SetParameter, pace: Callable[[str], None]
) -> None:
    """DO_SET_CAM_TRIGG_DIST keeps firing outside AUTO: always switch it off before RTL."""
    here = station.position
    set_parameter("RTL_ALT", 1000.0)
    pace("calm")
    go(
        station,
        [
            takeoff(),
            way(shift(here, 5.0)),
            trigger(8.0),
            way(shift(here, 80.0)),
            way(shift(here, 120.0)),
            LAND,
        ],
    )
    passes(station, 5)
    mark = station.mark()
    station.set_mode("RTL")
    station.sleep(8.0)
    assert len(station.since(mark, "CAMERA_FEEDBACK")) >= 2
    assert station.command(mav.MAV_CMD_DO_SET_CAM_TRIGG_DIST, 0.0) == mav.MAV_RESULT_ACCEPTED
    mark = station.mark()
    station.sleep(4.0)
    assert not station.since(mark, "CAMERA_FEEDBACK")


def test_cam_auto_only_stops_it_outside_auto(
    station: Station, shift: Shift, set_parameter: SetParameter
) -> None:
    """CAM_AUTO_ONLY=1: photographs by distance in AUTO only."""
    here = station.position
    set_parameter("CAM_AUTO_ONLY", 1.0)
    set_parameter("RTL_ALT", 1000.0)
    first = go(
        station,
        [
            takeoff(),
            way(shift(here, 5.0)),
            trigger(8.0),
            way(shift(here, 80.0)),
            way(shift(here, 120.0)),
            LAND,
        ],
    )
    passes(station, 5)
    assert station.since(first, "CAMERA_FEEDBACK")
    station.set_mode("RTL")
    station.sleep(1.0)
    mark = station.mark()
    station.sleep(8.0)
    assert not station.since(mark, "CAMERA_FEEDBACK")
    station.command(mav.MAV_CMD_DO_SET_CAM_TRIGG_DIST, 0.0)


def test_feedback_carries_the_aircrafts_attitude_and_no_image_captured_comes(
    station: Station, shift: Shift
) -> None:
    """CAMERA_FEEDBACK carries the aircraft's attitude, not the gimbal's, and heights above sea and home;
    CAMERA_IMAGE_CAPTURED is not sent."""
    here = station.position
    mark = go(
        station,
        [
            takeoff(),
            way(shift(here, 5.0)),
            trigger(5.0),
            way(shift(here, 60.0)),
            trigger(0.0),
            way(shift(here, 70.0)),
            LAND,
        ],
    )
    passes(station, 7)
    shots = station.since(mark, "CAMERA_FEEDBACK")
    assert len(shots) >= 8
    assert max(abs(m.pitch) for m in shots) > 1.0
    assert max(abs(m.pitch) for m in shots) < 35.0
    assert all(m.alt_rel == pytest.approx(10.0, abs=1.5) for m in shots)
    assert all(m.alt_msl - m.alt_rel == pytest.approx(600.0, abs=4.0) for m in shots)
    assert not station.since(mark, "CAMERA_IMAGE_CAPTURED")


def test_a_single_photograph_is_taken_on_command(station: Station) -> None:
    """DO_DIGICAM_CONTROL with param 5 = 1 takes one photograph, also on the ground."""
    mark = station.mark()
    assert station.command(mav.MAV_CMD_DO_DIGICAM_CONTROL, 0, 0, 0, 0, 1) == mav.MAV_RESULT_ACCEPTED
    station.expect("CAMERA_FEEDBACK", after=mark)
    station.sleep(2.0)
    assert len(station.since(mark, "CAMERA_FEEDBACK")) == 1


def test_without_a_camera_type_there_is_no_feedback(kind: str, start_vehicle: Callable[..., Station]) -> None:
    """CAM1_TYPE must be non-zero (and needs a reboot) before CAMERA_FEEDBACK arrives."""
    station = start_vehicle(kind, {"CAM1_TYPE": 0.0})
    station.start_clock()
    station.sleep(3.0)
    mark = station.mark()
    station.command(mav.MAV_CMD_DO_DIGICAM_CONTROL, 0, 0, 0, 0, 1)
    station.sleep(2.0)
    assert not station.since(mark, "CAMERA_FEEDBACK")
    station.set_parameter("CAM1_TYPE", 1.0)
    station.command(mav.MAV_CMD_DO_DIGICAM_CONTROL, 0, 0, 0, 0, 1)
    station.sleep(2.0)
    assert not station.since(mark, "CAMERA_FEEDBACK")
