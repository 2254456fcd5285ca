"""The curves that the checker lays out for spline waypoints are those that ArduCopter flies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import shapely

from airbeat.checks.splines import curves
from airbeat.checks.unrolled import fly
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.link.dialect import mavlink as mav
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan, PlanItem
from airbeat.sim.ardupilot_station import Station, item

HEIGHT_M = 10.0
OFF_CURVE_M = 3.0
"""Position noise of the simulated GPS, and how far a Copter trails behind its target in a bend."""
BULGE_M = 8.0


@pytest.mark.ardupilot
def test_the_copter_flies_the_curve_that_is_checked_and_not_the_straight_leg(
    start_vehicle: Callable[..., Station], shift: Callable[..., LatLon]
) -> None:
    """60 m east, a curve 100 m north of that, a curve to the north-west, and straight back."""
    station = start_vehicle("ardupilot")
    station.start_clock()
    station.wait_ready()
    here = station.position
    ways = [
        (MavCmd.NAV_WAYPOINT, shift(here, 0.0, 60.0)),
        (MavCmd.NAV_SPLINE_WAYPOINT, shift(here, 100.0, 60.0)),
        (MavCmd.NAV_SPLINE_WAYPOINT, shift(here, 140.0, -20.0)),
        (MavCmd.NAV_WAYPOINT, shift(here, 60.0, -20.0)),
    ]
    takeoff = item(mav.MAV_CMD_NAV_TAKEOFF, height_m=HEIGHT_M)
    flown = [item(int(command), place, HEIGHT_M) for command, place in ways]
    assert station.upload([takeoff, *flown, item(mav.MAV_CMD_NAV_LAND)]) == mav.MAV_MISSION_ACCEPTED
    station.stream(mav.MAVLINK_MSG_ID_GLOBAL_POSITION_INT, 10.0)
    mark = station.mark()
    station.start_mission()
    station.wait(lambda: station.current >= 6, "the landing", 180.0)

    frame, height = LocalFrame(here), Altitude(value_m=HEIGHT_M, datum=AltitudeDatum.HOME)
    plan = FlightPlan(
        name="curves",
        home=here,
        items=(
            PlanItem(command=MavCmd.NAV_TAKEOFF, position=here, altitude=height),
            *(PlanItem(command=command, position=place, altitude=height) for command, place in ways),
            PlanItem(command=MavCmd.NAV_LAND),
        ),
    )
    for number, laid_out in curves(fly(plan)):
        track = _track(station, mark, number, frame)
        away_m = shapely.distance(shapely.points(track), shapely.LineString(laid_out[:, :2]))
        straight_m = shapely.distance(shapely.points(track), shapely.LineString(laid_out[[0, -1], :2]))
        assert len(track) > 20
        assert away_m.max() < OFF_CURVE_M, number
        assert straight_m.max() > BULGE_M, number


def _track(station: Station, mark: int, number: int, frame: LocalFrame) -> np.ndarray:
    """Where it was while an item was the current one, east and north [m]."""
    places: list[LatLon] = []
    current = 0
    for message in station.since(mark):
        if message.get_type() == "MISSION_CURRENT":
            current = message.seq
        elif message.get_type() == "GLOBAL_POSITION_INT" and current == number:
            places.append(LatLon(lat_deg=message.lat / 1e7, lon_deg=message.lon / 1e7))
    return frame.to_xy(places)
