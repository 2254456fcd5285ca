"""Orbits and perimeters: closed loops inside the fence, the camera on what they go round."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from airbeat.checks.plan import check_plan
from airbeat.errors import PlanningError
from airbeat.formats.files import read_plan_file, write_plan_files
from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.geo.frame import distance_m
from airbeat.mission.commands import MavCmd
from airbeat.mission.mission import LawnmowerPattern, Look, OrbitPattern, PerimeterPattern
from airbeat.mission.plan import FlightPlan, ItemRole
from airbeat.planning.batteries import split_flight
from airbeat.planning.loops import corners_of_circle
from airbeat.planning.plan import plan_mission


def orbit(hillside: Any, **changes: Any) -> Any:
    values = {"centre": hillside.place(320, 220), "radius_m": 45.0} | changes
    return hillside.mission(area=None, pattern=OrbitPattern(**values))


def perimeter(hillside: Any, *, area: Any = None, **changes: Any) -> Any:
    ground = hillside.area if area is None else area
    return hillside.mission(area=hillside.frame.to_geographic(ground), pattern=PerimeterPattern(**changes))


def swept(hillside: Any, plan: FlightPlan) -> list[np.ndarray]:
    """The photographed lines, each (n, 2) [m], from where the camera is switched on."""
    lines: list[list[Any]] = []
    here, camera_on = plan.home, False
    for item in plan.items:
        if item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
            camera_on = item.params[0] > 0
            if camera_on:
                lines.append([here])
        elif item.is_nav and item.position is not None:
            here = item.position
            if camera_on:
                lines[-1].append(here)
    return [hillside.frame.to_xy(line) for line in lines]


def errors(plan: FlightPlan) -> list[str]:
    return [str(f) for f in check_plan(plan) if f.severity.value == "error"]


@pytest.mark.parametrize("tolerance_m", [0.1, 0.5, 3.0])
def test_an_orbits_legs_cut_no_more_off_the_circle_than_the_tolerance(
    hillside: Any, tolerance_m: float
) -> None:
    plan = plan_mission(orbit(hillside, tolerance_m=tolerance_m))
    (line,) = swept(hillside, plan)
    centre = shapely.Point(320, 220)
    radii = np.hypot(*(line - [320, 220]).T)
    assert radii == pytest.approx(45.0, abs=0.02)
    assert 45.0 - shapely.LineString(line).distance(centre) <= tolerance_m + 0.02
    assert len(line) - 1 == corners_of_circle(45.0, tolerance_m)
    fewer = 45.0 * (1 - math.cos(math.pi / (len(line) - 2)))
    assert fewer > tolerance_m


def test_an_orbit_points_the_camera_at_the_centre_and_lets_go_before_the_return(hillside: Any) -> None:
    plan = plan_mission(orbit(hillside, target_height_m=12.0))
    looks = [(k, i) for k, i in enumerate(plan.items) if i.command == MavCmd.DO_SET_ROI]
    assert [i.position for _, i in looks] == [hillside.place(320, 220), None]
    assert looks[0][1].altitude == Altitude(value_m=12.0, datum=AltitudeDatum.HOME)
    sweeps = [k for k, i in enumerate(plan.items) if i.role is ItemRole.SWEEP]
    assert looks[0][0] < sweeps[0]
    assert sweeps[-1] < looks[1][0] < len(plan.items) - 1
    assert errors(plan) == []


def test_an_orbit_is_flown_the_way_round_and_as_often_as_asked(hillside: Any) -> None:
    for clockwise, turns in ((True, 1), (False, 2)):
        plan = plan_mission(orbit(hillside, clockwise=clockwise, turns=turns))
        (line,) = swept(hillside, plan)
        bearing = np.unwrap(np.arctan2(*(line - [320, 220]).T))
        assert bearing[-1] - bearing[0] == pytest.approx((1 if clockwise else -1) * turns * 2 * math.pi)


def test_each_height_has_its_circle_one_above_the_other(hillside: Any) -> None:
    plan = plan_mission(orbit(hillside, heights_m=(20.0, 35.0, 50.0)))
    lines = swept(hillside, plan)
    assert len(lines) == 3
    assert np.allclose(lines[0], lines[2], atol=0.02)
    heights = [i.altitude.value_m for i in plan.items if i.role is ItemRole.SWEEP and i.altitude]
    assert sorted(set(heights)) == [20.0, 35.0, 50.0]
    assert heights == sorted(heights)
    assert plan.estimate is not None
    assert plan.estimate.photos == 3 * 37
    assert errors(plan) == []


def test_the_ways_to_and_from_a_circle_do_not_cross_it(hillside: Any) -> None:
    mission = orbit(hillside, centre=hillside.place(300, 200), radius_m=60.0)
    plan = plan_mission(mission)
    inner = shapely.Point(300, 200).buffer(59.0)
    assert not shapely.LineString(hillside.corners(plan)).intersects(inner)
    assert hillside.metres_outside(plan, margin_m=4.9) == 0.0


def test_a_circle_through_a_keep_out_is_refused_with_the_place(hillside: Any) -> None:
    with pytest.raises(PlanningError, match="the circle of 90 m leaves the fence") as caught:
        plan_mission(orbit(hillside, centre=hillside.place(290, 250), radius_m=90.0))
    assert caught.value.where.startswith("51.18")
    assert "another radius" in caught.value.remedy


def test_a_small_circle_is_flown_no_faster_than_the_nose_turns(hillside: Any) -> None:
    plan = plan_mission(orbit(hillside, radius_m=6.0, trigger_distance_m=20.0))
    assert plan.speed_m_s == pytest.approx(6.0 * math.radians(30.0))
    assert any("the nose turns" in n for n in plan.notes)


def test_an_orbit_too_long_for_one_battery_is_cut_between_its_circles(hillside: Any) -> None:
    heights = tuple(float(h) for h in range(20, 110, 5))
    mission = orbit(hillside, heights_m=heights, turns=2)
    plan = plan_mission(mission)
    assert plan.estimate is not None
    assert plan.estimate.batteries > 1
    sorties = split_flight(mission, plan, most_items=650)
    assert len(sorties) > 1
    assert sum(len(swept(hillside, s)) for s in sorties) == len(heights)
    for sortie in sorties:
        looks = [i.position for i in sortie.items if i.command == MavCmd.DO_SET_ROI]
        assert looks == [hillside.place(320, 220), None]
        assert sortie.estimate is not None
        assert sortie.estimate.battery_share <= 1.0
        assert errors(sortie) == []


def test_a_perimeter_runs_inside_the_edge_and_gives_way_to_keep_outs(hillside: Any) -> None:
    plan = plan_mission(perimeter(hillside, offset_m=-10.0))
    (line,) = swept(hillside, plan)
    assert np.allclose(line[0], line[-1], atol=0.02)
    assert hillside.metres_outside(plan, margin_m=4.9) == 0.0
    loop = shapely.LineString(line)
    outer = shapely.Polygon(hillside.area.exterior)
    assert outer.contains(loop)
    assert loop.distance(outer.exterior) == pytest.approx(10.0, abs=0.6)
    assert shapely.LinearRing(line).is_ccw is False
    assert errors(plan) == []


def test_a_perimeter_outside_a_building_keeps_its_distance_and_faces_the_wall(hillside: Any) -> None:
    house = shapely.box(310, 200, 350, 240)
    mission = perimeter(
        hillside, area=house, offset_m=20.0, look=Look.INWARD, gimbal_pitch_deg=-10.0, heights_m=(10.0, 20.0)
    )
    plan = plan_mission(mission)
    lines = swept(hillside, plan)
    assert len(lines) == 2
    for line in lines:
        loop = shapely.LineString(line)
        assert loop.distance(house) == pytest.approx(20.0, abs=0.6)
        away = shapely.distance(house, shapely.points(line))
        assert away.max() <= 20.6
    headings = [i.params[0] for i in plan.items if i.command == MavCmd.CONDITION_YAW]
    legs = [b - a for line in lines for a, b in pairwise(line)]
    assert len(headings) == len(legs)
    for heading_deg, (east, north) in zip(headings, legs, strict=True):
        inward_deg = (math.degrees(math.atan2(east, north)) + 90.0) % 360.0  # clockwise: to the right
        assert abs((heading_deg - inward_deg + 180.0) % 360.0 - 180.0) < 1.0
    assert not shapely.LineString(hillside.corners(plan)).intersects(house.buffer(19.0))
    pitches = [i.params[0] for i in plan.items if i.command == MavCmd.DO_MOUNT_CONTROL]
    assert pitches == [-10.0]
    assert hillside.metres_outside(plan, margin_m=4.9) == 0.0
    assert errors(plan) == []


def test_photographs_of_a_wall_overlap_as_asked(hillside: Any) -> None:
    house = shapely.box(310, 200, 350, 240)
    mission = perimeter(hillside, area=house, offset_m=20.0, look=Look.INWARD, front_overlap=0.5)
    plan = plan_mission(mission)
    wide_m = 20.0 * mission.camera.sensor_width_mm / mission.camera.focal_length_mm
    triggers = [i.params[0] for i in plan.items if i.command == MavCmd.DO_SET_CAM_TRIGG_DIST]
    assert triggers == [pytest.approx(wide_m / 2), 0.0]
    assert plan.estimate is not None
    (line,) = swept(hillside, plan)
    length_m = shapely.LineString(line).length
    assert plan.estimate.photos == pytest.approx(length_m / (wide_m / 2), abs=2.0)


def test_a_stand_off_beyond_the_fence_is_refused_with_the_place(hillside: Any) -> None:
    with pytest.raises(PlanningError, match="the loop 60 m from the edge leaves the fence") as caught:
        plan_mission(perimeter(hillside, offset_m=60.0))
    assert caught.value.where
    assert "offset_m" in caught.value.remedy


def test_an_offset_that_leaves_nothing_of_the_area_is_refused(hillside: Any) -> None:
    with pytest.raises(PlanningError, match="nothing of the area is left 300 m inside"):
        plan_mission(perimeter(hillside, offset_m=-300.0))


def test_several_parts_each_get_their_loop(hillside: Any) -> None:
    parts = shapely.MultiPolygon([shapely.box(10, 10, 90, 90), shapely.box(290, 210, 390, 290)])
    plan = plan_mission(perimeter(hillside, area=parts, offset_m=-5.0, turns=2))
    lines = swept(hillside, plan)
    assert len(lines) == 2
    for line in lines:
        around = len(line) // 2
        assert np.allclose(line[: around + 1], line[around:], atol=0.02)
    assert hillside.metres_outside(plan, margin_m=4.9) == 0.0


def test_a_camera_that_looks_over_the_horizon_needs_a_distance_between_photographs(hillside: Any) -> None:
    with pytest.raises(PlanningError, match="no certain length of ground") as caught:
        plan_mission(perimeter(hillside, gimbal_pitch_deg=-5.0))
    assert "trigger_distance_m" in caught.value.remedy
    plan = plan_mission(perimeter(hillside, gimbal_pitch_deg=-5.0, trigger_distance_m=12.0))
    assert {i.params[0] for i in plan.items if i.command == MavCmd.DO_SET_CAM_TRIGG_DIST} == {12.0, 0.0}


def test_a_perimeter_of_too_many_items_is_cut_at_its_corners_and_flown_whole(hillside: Any) -> None:
    bay = shapely.Point(200, 150).buffer(140, quad_segs=40)
    mission = perimeter(hillside, area=bay, offset_m=-5.0, look=Look.OUTWARD, tolerance_m=0.1)
    plan = plan_mission(mission)
    (whole,) = swept(hillside, plan)
    sorties = split_flight(mission, plan, most_items=60)
    assert len(sorties) > 1
    lines = [line for s in sorties for line in swept(hillside, s)]
    assert np.allclose(np.vstack([lines[0], *(line[1:] for line in lines[1:])]), whole, atol=0.02)
    for sortie in sorties:
        assert len(sortie.items) < 60
        turns = sum(i.command == MavCmd.CONDITION_YAW for i in sortie.items)
        assert turns == sum(i.role is ItemRole.SWEEP for i in sortie.items)
        assert errors(sortie) == []


def test_an_oblique_survey_keeps_its_gimbal_pitch_in_every_sortie(hillside: Any) -> None:
    mission = hillside.mission(pattern=LawnmowerPattern(gimbal_pitch_deg=-60.0, spacing_m=15.0))
    plan = plan_mission(mission)
    sorties = split_flight(mission, plan, most_items=50)
    assert len(sorties) > 1
    for sortie in sorties:
        pitches = [i.params[0] for i in sortie.items if i.command == MavCmd.DO_MOUNT_CONTROL]
        assert pitches == [-60.0]


@pytest.mark.parametrize("target_height_m", [0.0, 12.0])
def test_an_orbit_read_back_from_its_files_is_the_same(
    hillside: Any, tmp_path: Path, target_height_m: float
) -> None:
    plan = plan_mission(orbit(hillside, target_height_m=target_height_m))
    paths = {p.suffix: p for p in write_plan_files(plan, tmp_path, stem="tower")}
    assert set(paths) == {".plan", ".waypoints", ".geojson", ".kml"}
    assert read_plan_file(paths[".plan"]).items == plan.items
    held = read_plan_file(paths[".waypoints"]).items
    assert [i.command for i in held] == [i.command for i in plan.items]
    there, let_go = (i.position for i in held if i.command == MavCmd.DO_SET_ROI)
    assert let_go is None
    assert there is not None
    assert distance_m(there, hillside.place(320, 220)) < 0.01
