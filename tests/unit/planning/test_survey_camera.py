"""Cross-hatch, hovering, tilted cameras, wind and corridors: what the plan then flies and photographs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from airbeat.checks.findings import Severity
from airbeat.checks.plan import check_plan
from airbeat.errors import MissionFileError, PlanningError
from airbeat.mission.commands import MavCmd
from airbeat.mission.loader import parse_mission
from airbeat.mission.mission import CorridorPattern, LawnmowerPattern, Wind
from airbeat.mission.plan import FlightPlan, ItemRole
from airbeat.planning.imaging import crab_angle_rad, imaging_for
from airbeat.planning.plan import plan_mission


def _sweeps(hillside: Any, plan: FlightPlan) -> list[tuple[np.ndarray, np.ndarray]]:
    """Start and end of every photographed leg, in local metres."""
    legs = []
    before = hillside.frame.to_xy([plan.home])[0]
    for item in plan.items:
        if item.position is not None:
            here = hillside.frame.to_xy([item.position])[0]
            if item.role is ItemRole.SWEEP:
                legs.append((before, here))
            before = here
    return legs


def _bearings(hillside: Any, plan: FlightPlan) -> np.ndarray:
    steps = np.array([b - a for a, b in _sweeps(hillside, plan)])
    return np.degrees(np.arctan2(steps[:, 0], steps[:, 1])) % 360


def _errors(plan: FlightPlan) -> list[str]:
    return [f.code for f in check_plan(plan) if f.severity is Severity.ERROR]


def test_a_crosshatch_sees_the_area_from_two_directions_at_90_degrees(hillside: Any) -> None:
    once = plan_mission(hillside.mission(pattern=LawnmowerPattern(angle_deg=20.0)))
    twice = plan_mission(hillside.mission(pattern=LawnmowerPattern(angle_deg=20.0, crosshatch=True)))
    survey = twice.survey
    assert survey is not None
    along = _bearings(hillside, twice) % 180
    first = np.minimum(abs(along - 20), 180 - abs(along - 20)) < 0.5
    second = abs(along - 110) < 0.5
    assert (first | second).all()
    for chosen in (first, second):
        legs = [leg for leg, is_it in zip(_sweeps(hillside, twice), chosen, strict=True) if is_it]
        strips = shapely.union_all(
            [
                shapely.LineString([a, b]).buffer(survey.footprint_across_m / 2, cap_style="flat")
                for a, b in legs
            ]
        )
        assert hillside.area.difference(strips.buffer(survey.footprint_along_m / 2)).area < 1.0
    assert once.estimate is not None
    assert twice.estimate is not None
    assert 1.5 < twice.estimate.photos / once.estimate.photos < 3.0
    assert hillside.metres_outside(twice, margin_m=4.9) == 0.0
    assert _errors(twice) == []


def test_hovering_stops_for_every_photograph_and_none_is_further_apart_than_asked(hillside: Any) -> None:
    pattern = LawnmowerPattern(hover_s=2.0)
    plan = plan_mission(hillside.mission(pattern=pattern))
    assert plan.survey is not None
    assert plan.estimate is not None
    shots = [n for n, i in enumerate(plan.items) if i.command == MavCmd.DO_DIGICAM_CONTROL]
    assert len(shots) == plan.estimate.photos
    assert not any(i.command == MavCmd.DO_SET_CAM_TRIGG_DIST for i in plan.items)
    for n in shots:
        assert plan.items[n - 1].command == MavCmd.NAV_WAYPOINT
        assert plan.items[n - 1].params[0] == 2.0, "it stands still before the photograph"
    for a, b in _sweeps(hillside, plan):
        assert np.hypot(*(b - a)) <= plan.survey.trigger_distance_m + 0.01
    moving = plan_mission(hillside.mission())
    assert moving.estimate is not None
    slower_s = plan.estimate.duration_s - moving.estimate.duration_s
    assert slower_s > 2.0 * len(shots)
    assert hillside.metres_outside(plan, margin_m=4.9) == 0.0
    assert _errors(plan) == []


def test_hovering_photographs_cover_the_area_when_they_are_recomputed_one_by_one(hillside: Any) -> None:
    plan = plan_mission(hillside.mission(pattern=LawnmowerPattern(hover_s=1.0, angle_deg=0.0)))
    survey = plan.survey
    assert survey is not None
    shots = []
    for n, item in enumerate(plan.items):
        if item.command == MavCmd.DO_DIGICAM_CONTROL:
            x, y = hillside.frame.to_xy([plan.items[n - 1].position])[0]
            half_x, half_y = survey.footprint_across_m / 2, survey.footprint_along_m / 2
            shots.append(shapely.box(x - half_x, y - half_y, x + half_x, y + half_y))
    seen = shapely.union_all(shots).intersection(hillside.area).area / hillside.area.area
    assert seen == pytest.approx(survey.coverage_fraction, abs=2e-3)
    assert seen > 0.99


def test_more_hovering_photographs_than_an_autopilot_holds_items_for_are_refused(hillside: Any) -> None:
    pattern = LawnmowerPattern(hover_s=1.0, spacing_m=10.0, trigger_distance_m=10.0)
    with pytest.raises(PlanningError, match="two mission items") as caught:
        plan_mission(hillside.mission(pattern=pattern))
    assert "photograph in flight" in caught.value.remedy


def test_a_straight_down_view_is_the_nadir_footprint(hillside: Any) -> None:
    camera = hillside.mission().camera
    view = camera.view(60.0)
    across, along = camera.footprint_m(60.0)
    assert (view.across_m, view.along_m) == pytest.approx((across, along))
    assert (view.near_m, view.far_m) == pytest.approx((-along / 2, along / 2))
    assert view.gsd_near_m_px == view.gsd_far_m_px == pytest.approx(camera.gsd_m_px(60.0))


@pytest.mark.parametrize("pitch_deg", [-80.0, -60.0, -45.0])
def test_a_tilted_view_is_where_the_picture_corners_meet_the_ground(hillside: Any, pitch_deg: float) -> None:
    camera = hillside.mission().camera
    view = camera.view(50.0, pitch_deg=pitch_deg)
    tilt = math.radians(-pitch_deg)
    forward = np.array([0.0, math.cos(tilt), -math.sin(tilt)])
    up = np.array([0.0, math.sin(tilt), math.cos(tilt)])
    right = np.array([1.0, 0.0, 0.0])
    for sign, ahead in ((-1, view.near_m), (1, view.far_m)):
        ray = forward * camera.focal_length_mm + up * sign * camera.sensor_height_mm / 2
        ray = ray + right * camera.sensor_width_mm / 2
        ground = ray * (50.0 / -ray[2])
        assert ground[1] == pytest.approx(ahead)
        if sign < 0:
            assert 2 * ground[0] == pytest.approx(view.across_m)
    with pytest.raises(PlanningError, match="horizon"):
        camera.view(50.0, pitch_deg=-20.0)


def test_an_oblique_survey_commands_the_gimbal_once_and_lines_begin_before_what_they_show(
    hillside: Any,
) -> None:
    pattern = LawnmowerPattern(gimbal_pitch_deg=-45.0, angle_deg=0.0, side_overlap=0.2)
    wide = [(-300, -300), (700, -300), (700, 700), (-300, 700)]
    fence = replace(hillside.fence, polygons=(hillside.zone(wide, inclusion=True),), circles=())
    field = shapely.box(0, 0, 400, 300)
    plan = plan_mission(
        hillside.mission(pattern=pattern, fence=fence, area=hillside.frame.to_geographic(field))
    )
    survey = plan.survey
    assert survey is not None
    gimbal = [i for i in plan.items if i.command == MavCmd.DO_MOUNT_CONTROL]
    assert [i.params[0] for i in gimbal] == [-45.0]
    first_sweep = next(k for k, i in enumerate(plan.items) if i.role is ItemRole.SWEEP)
    assert plan.items.index(gimbal[0]) < first_sweep
    view = hillside.mission().camera.view(60.0, pitch_deg=-45.0)
    assert view.near_m > 0
    assert survey.gsd_m_px == pytest.approx(view.gsd_far_m_px)
    assert survey.gimbal_pitch_deg == -45.0
    seen = []
    for a, b in _sweeps(hillside, plan):
        way = (b - a) / np.hypot(*(b - a))
        line = shapely.LineString([a + way * view.near_m, b + way * view.far_m])
        seen.append(line.buffer(view.across_m / 2, cap_style="flat"))
    covered = shapely.union_all(seen).intersection(field).area / field.area
    assert covered == pytest.approx(survey.coverage_fraction, abs=1e-4)
    assert covered > 0.999
    assert any("pitched -45°" in note for note in plan.notes)
    assert _errors(plan) == []


def test_an_oblique_view_that_the_fence_does_not_leave_room_for_is_reported_unseen(hillside: Any) -> None:
    plan = plan_mission(hillside.mission(pattern=LawnmowerPattern(gimbal_pitch_deg=-45.0, angle_deg=0.0)))
    assert plan.survey is not None
    assert plan.survey.unseen is not None
    assert plan.survey.coverage_fraction < 0.999
    assert hillside.metres_outside(plan, margin_m=4.9) == 0.0


def test_the_crab_angle_follows_from_the_wind_triangle() -> None:
    wind = Wind(from_deg=270.0, speed_m_s=5.0, nose_into_wind=True)
    north, east = math.pi / 2, 0.0
    assert crab_angle_rad(wind, speed_m_s=10.0, angle_rad=north) == pytest.approx(math.atan2(5, 10))
    assert crab_angle_rad(wind, speed_m_s=10.0, angle_rad=east) == pytest.approx(0.0, abs=1e-9)
    diagonal = crab_angle_rad(wind, speed_m_s=10.0, angle_rad=math.pi / 4)
    part = 5 * math.sqrt(0.5)
    assert diagonal == pytest.approx(math.atan2(part, 10 - part)), "the way with the wind counts"
    assert crab_angle_rad(replace(wind, nose_into_wind=False), speed_m_s=10.0, angle_rad=north) == 0.0
    assert crab_angle_rad(None, speed_m_s=10.0, angle_rad=north) == 0.0


def test_the_strip_of_turned_photographs_is_seen_without_gaps(hillside: Any) -> None:
    mission = hillside.mission()
    crab = math.radians(20.0)
    imaging = imaging_for(mission, LawnmowerPattern(side_overlap=0.0, front_overlap=0.0), 60.0, crab_rad=crab)
    across, along = mission.camera.footprint_m(60.0)
    shots = []
    for k in range(-20, 21):
        shot = shapely.affinity.rotate(shapely.box(-across / 2, -along / 2, across / 2, along / 2), 20.0)
        shots.append(shapely.affinity.translate(shot, 0.0, k * imaging.trigger_distance_m))
    half = imaging.swath.across_m / 2
    strip = shapely.box(-half, -200, half, 200)
    assert strip.difference(shapely.union_all(shots)).area < 1e-6
    assert imaging.swath.spacing_m == pytest.approx(imaging.swath.across_m)
    wider = shapely.box(-half - 4, -200, half + 4, 200)
    assert wider.difference(shapely.union_all(shots)).area > 1.0, "no more than that"


def test_with_the_nose_in_the_wind_lines_across_it_lie_closer(hillside: Any) -> None:
    wind = Wind(from_deg=270.0, speed_m_s=4.0, nose_into_wind=True)
    spacing = {}
    for angle in (0.0, 90.0):
        survey = plan_mission(hillside.mission(pattern=LawnmowerPattern(angle_deg=angle), wind=wind)).survey
        assert survey is not None
        assert survey.coverage_fraction > 0.995
        spacing[angle] = survey.spacing_m
    still = plan_mission(hillside.mission(pattern=LawnmowerPattern(angle_deg=0.0))).survey
    assert still is not None
    assert spacing[90.0] == pytest.approx(still.spacing_m)
    assert spacing[0.0] < 0.75 * still.spacing_m


def test_the_speed_leaves_room_for_the_wind(hillside: Any) -> None:
    plan = plan_mission(hillside.mission(speed_m_s=14.0, wind=Wind(from_deg=0.0, speed_m_s=5.0)))
    assert plan.speed_m_s == 10.0
    assert any("against the wind" in note for note in plan.notes)
    with pytest.raises(PlanningError, match="cannot be flown against"):
        plan_mission(hillside.mission(wind=Wind(from_deg=0.0, speed_m_s=20.0)))


@pytest.mark.parametrize("from_deg", [0.0, 45.0, 180.0])
def test_a_start_into_the_wind_flies_the_first_line_against_it(hillside: Any, from_deg: float) -> None:
    pattern = LawnmowerPattern(angle_deg=10.0, start_into_wind=True)
    plan = plan_mission(hillside.mission(pattern=pattern, wind=Wind(from_deg=from_deg, speed_m_s=3.0)))
    first = _bearings(hillside, plan)[0]
    assert abs((first - from_deg + 180) % 360 - 180) < 90
    assert hillside.metres_outside(plan, margin_m=4.9) == 0.0


def test_blur_and_shutter_say_the_speed_to_set(hillside: Any) -> None:
    camera = replace(hillside.mission().camera, exposure_s=1 / 200, min_interval_s=0.1)
    plan = plan_mission(hillside.mission(camera=camera))
    note = next(n for n in plan.notes if "motion blur" in n)
    sharp = math.floor(camera.sharp_speed_m_s(60.0) * 10) / 10
    assert f"set speed_m_s to {sharp:g} or less" in note
    finding = next(f for f in check_plan(plan) if f.code == "motion-blur")
    assert f"fly {sharp:g} m/s or slower" in finding.remedy
    quiet = plan_mission(hillside.mission(camera=camera, speed_m_s=sharp))
    assert not any("motion blur" in n for n in quiet.notes)
    assert "motion-blur" not in [f.code for f in check_plan(quiet)]
    assert plan.survey is not None
    slow = replace(plan, survey=replace(plan.survey, camera=replace(camera, min_interval_s=20.0)))
    finding = next(f for f in check_plan(slow) if f.code == "shutter-too-slow")
    fits = math.floor(plan.survey.trigger_distance_m / 20.0 * 10) / 10
    assert f"fly {fits:g} m/s or slower" in finding.remedy


BEND = [(-20, 20), (180, 60), (260, 170), (420, 200)]


def _corridor(hillside: Any, **changes: Any) -> Any:
    line = tuple(hillside.place(x, y) for x, y in BEND)
    pattern = CorridorPattern(**({"line": line, "width_m": 90.0, "spacing_m": 30.0} | changes))
    area = shapely.LineString(BEND).buffer(45, cap_style="flat")
    fence = replace(
        hillside.fence,
        polygons=(hillside.zone([(-150, -150), (600, -150), (600, 420), (-150, 420)], inclusion=True),),
        circles=(),
    )
    return hillside.mission(pattern=pattern, area=hillside.frame.to_geographic(area), fence=fence)


def test_a_corridor_is_flown_in_several_lines_that_follow_its_bends(hillside: Any) -> None:
    plan = plan_mission(_corridor(hillside))
    survey = plan.survey
    assert survey is not None
    assert survey.coverage_fraction > 0.999
    line = shapely.LineString(BEND)
    offsets = []
    for a, b in _sweeps(hillside, plan):
        middle = shapely.Point((a + b) / 2)
        side = line.distance(middle)
        offsets.append(round(side / 30))
        assert abs(side - 30 * round(side / 30)) < 1.0, "on the centre line or 30 m beside it"
    assert sorted(set(offsets)) == [0, 1]
    switched = [i.params[0] for i in plan.items if i.command == MavCmd.DO_SET_CAM_TRIGG_DIST]
    assert len(switched) == 6, "on and off once for each of three lines, not at the bends"
    assert _errors(plan) == []


def test_a_corridor_flies_as_many_lines_as_it_is_told_to(hillside: Any) -> None:
    for lines in (1, 2, 5):
        plan = plan_mission(_corridor(hillside, spacing_m=None, lines=lines))
        switched = [i for i in plan.items if i.command == MavCmd.DO_SET_CAM_TRIGG_DIST]
        assert len(switched) == 2 * lines
        assert plan.survey is not None
        assert plan.survey.spacing_m == pytest.approx(90.0 / lines)


def test_a_corridor_goes_round_a_keep_out_across_it(hillside: Any) -> None:
    mission = _corridor(hillside)
    wall = hillside.zone([(100, -20), (120, -20), (120, 150), (100, 150)], inclusion=False)
    fence = replace(mission.fence, polygons=(*mission.fence.polygons, wall))
    plan = plan_mission(replace(mission, fence=fence))
    assert hillside.metres_outside(plan, fence, margin_m=4.9) == 0.0
    assert plan.survey is not None
    assert plan.survey.coverage_fraction > 0.9


def test_a_corridor_in_a_mission_file_needs_no_area() -> None:
    text = """\
airbeat: 1
kind: search
name: Along the river
home: {lat: 47.0005, lon: 11.0005}
fence:
  inclusion:
    - circle: {lat: 47.0025, lon: 11.0025, radius_m: 900}
  margin_m: 5
height: {gsd_cm_px: 2.5}
speed_m_s: 8
camera: embedded-12mp
airframe: arducopter-quad
wind: {from_deg: 250, speed_m_s: 2, nose: wind}
search:
  pattern: corridor
  line:
    - {lat: 47.001, lon: 11.001}
    - {lat: 47.003, lon: 11.002}
    - {lat: 47.0035, lon: 11.003}
  width_m: 80
  capture: hover
  gimbal_pitch_deg: -70
"""
    mission = parse_mission(text, name="river.yaml", base_dir=Path())
    assert isinstance(mission.pattern, CorridorPattern)
    assert mission.pattern.hover_s == 2.0
    assert mission.wind == Wind(from_deg=250.0, speed_m_s=2.0, nose_into_wind=True)
    plan = plan_mission(mission)
    assert plan.survey is not None
    assert plan.survey.gsd_m_px == pytest.approx(0.025, rel=0.01), "nowhere coarser than asked for"
    assert plan.survey.coverage_fraction > 0.98
    assert _errors(plan) == []


def test_a_corridor_comes_from_a_file_with_its_width(tmp_path: Path) -> None:
    import json

    line = [[11.001, 47.001], [11.002, 47.003], [11.003, 47.0035]]
    feature = {
        "type": "Feature",
        "properties": {"role": "corridor", "corridor_width_m": 70},
        "geometry": {"type": "LineString", "coordinates": line},
    }
    (tmp_path / "river.geojson").write_text(json.dumps(feature))
    text = """\
airbeat: 1
kind: search
name: Along the river
home: {lat: 47.0005, lon: 11.0005}
fence:
  inclusion:
    - circle: {lat: 47.0025, lon: 11.0025, radius_m: 900}
  margin_m: 5
height: {value_m: 60, datum: home}
speed_m_s: 8
camera: embedded-12mp
airframe: arducopter-quad
search: {pattern: corridor, file: river.geojson}
"""
    mission = parse_mission(text, name="river.yaml", base_dir=tmp_path)
    assert isinstance(mission.pattern, CorridorPattern)
    assert mission.pattern.width_m == 70.0
    assert [[p.lon_deg, p.lat_deg] for p in mission.pattern.line] == line
    assert any("corridor read from river.geojson (SHA-256" in note for note in mission.notes)
    wider = text.replace("file: river.geojson", "file: river.geojson, width_m: 100")
    pattern = parse_mission(wider, name="river.yaml", base_dir=tmp_path).pattern
    assert isinstance(pattern, CorridorPattern)
    assert pattern.width_m == 100.0
    assert plan_mission(mission).survey is not None
    feature["geometry"] = {"type": "Polygon", "coordinates": [[*line, line[0]]]}
    feature["properties"] = {}
    (tmp_path / "river.geojson").write_text(json.dumps(feature))
    with pytest.raises(MissionFileError, match=r"13:29: search.file: river.geojson draws 0 corridors and"):
        parse_mission(text, name="river.yaml", base_dir=tmp_path)
