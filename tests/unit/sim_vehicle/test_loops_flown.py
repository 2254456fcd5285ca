"""Orbits and perimeters flown by the embedded vehicle: where it photographs, and what the camera looks at."""

from __future__ import annotations

import math
from typing import Any

import pytest
import shapely

from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.link.items import mission_items
from airbeat.mission.mission import (
    FixedPoint,
    Look,
    Mission,
    MissionKind,
    OrbitPattern,
    PerimeterPattern,
    SectorPattern,
    WaypointPattern,
)
from airbeat.mission.plan import FlightPlan
from airbeat.planning.plan import plan_mission
from airbeat.vehicle.airframe import airframe_profile
from airbeat.vehicle.camera import camera_profile

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)
FRAME = LocalFrame(HOME)
CENTRE = FRAME.to_latlon([(60.0, 80.0)])[0]


def planned(pattern: Any, *, area: Any = None) -> FlightPlan:
    return plan_mission(
        Mission(
            name="structure",
            kind=MissionKind.SEARCH,
            home=HOME,
            pattern=pattern,
            height=Altitude(value_m=25.0, datum=AltitudeDatum.HOME),
            speed_m_s=5.0,
            camera=camera_profile("embedded-12mp"),
            airframe=airframe_profile("arducopter-quad"),
            area=None if area is None else FRAME.to_geographic(area),
        )
    )


def fly(station: Any, plan: FlightPlan) -> float:
    wire = mission_items(plan)[1:]
    return float(
        station.fly(
            [
                {
                    "command": i.command,
                    "frame": i.frame,
                    **{f"param{k}": v for k, v in enumerate(i.params, start=1)},
                    "x": i.x,
                    "y": i.y,
                    "z": i.z,
                }
                for i in wire
            ]
        )
    )


def off_deg(a_deg: float, b_deg: float) -> float:
    return abs((a_deg - b_deg + 180.0) % 360.0 - 180.0)


def test_the_camera_looks_at_the_centre_from_all_round_and_at_each_height(desk: Any) -> None:
    station = desk()
    plan = planned(OrbitPattern(centre=CENTRE, radius_m=30.0, heights_m=(15.0, 25.0), target_height_m=10.0))
    flown_s = fly(station, plan)
    assert plan.estimate is not None
    assert flown_s == pytest.approx(plan.estimate.duration_s, rel=0.05, abs=5.0)
    assert abs(len(station.shots) - plan.estimate.photos) <= 2
    around = set()
    for shot in station.shots:
        east, north = FRAME.to_xy([shot.position])[0] - [60.0, 80.0]
        assert math.hypot(east, north) == pytest.approx(30.0, abs=1.5)
        to_centre_deg = math.degrees(math.atan2(-east, -north))
        assert off_deg(shot.gimbal_yaw_deg, to_centre_deg) < 10.0
        around.add(round(to_centre_deg / 30.0) % 12)
    assert len(around) == 12
    pitches = [shot.gimbal_pitch_deg for shot in station.shots]
    assert pitches[5] == pytest.approx(math.degrees(math.atan2(10.0 - 15.0, 30.0)), abs=3.0)
    assert pitches[-5] == pytest.approx(math.degrees(math.atan2(10.0 - 25.0, 30.0)), abs=3.0)
    assert station.copter.guidance.roi is None  # let go of before the return


def test_the_nose_faces_the_wall_from_the_stand_off(desk: Any) -> None:
    station = desk()
    house = shapely.box(40.0, 60.0, 90.0, 90.0)
    plan = planned(PerimeterPattern(offset_m=15.0, look=Look.INWARD, gimbal_pitch_deg=-20.0), area=house)
    fly(station, plan)
    assert plan.estimate is not None
    assert abs(len(station.shots) - plan.estimate.photos) <= 2
    facing = 0
    for shot in station.shots:
        here = shapely.Point(FRAME.to_xy([shot.position])[0])
        assert house.distance(here) == pytest.approx(15.0, abs=1.5)
        assert shot.gimbal_pitch_deg == pytest.approx(-20.0, abs=2.0)
        (ax, ay), (bx, by) = shapely.get_coordinates(shapely.shortest_line(here, house))
        facing += off_deg(shot.yaw_deg, math.degrees(math.atan2(bx - ax, by - ay))) < 20.0
    assert facing >= 0.8 * len(station.shots)


def test_a_heading_without_a_gimbal_pitch_is_turned_to(desk: Any) -> None:
    station = desk()
    point = FixedPoint(position=CENTRE, heading_deg=200.0, dwell_s=12.0, photo=True)
    fly(station, planned(WaypointPattern(points=(point,))))
    assert len(station.shots) == 1
    assert off_deg(station.shots[0].yaw_deg, 200.0) < 3.0


def test_a_sector_search_is_flown_through_its_datum_on_every_diameter(desk: Any) -> None:
    station = desk()
    plan = planned(SectorPattern(centre=CENTRE, radius_m=80.0, first_leg_deg=40.0))
    flown_s = fly(station, plan)
    assert plan.estimate is not None
    assert flown_s == pytest.approx(plan.estimate.duration_s, rel=0.05, abs=5.0)
    assert abs(len(station.shots) - plan.estimate.photos) <= 2
    away = [math.hypot(*(FRAME.to_xy([shot.position])[0] - [60.0, 80.0])) for shot in station.shots]
    assert max(away) == pytest.approx(80.0, abs=3.0)
    visits = sum(a > 15.0 >= b for a, b in zip([99.0, *away[:-1]], away, strict=True))
    assert visits == 4
