"""Cameras over privacy zones: what is put between the items of a flight."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import shapely

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.beat import PointVisit
from airbeat.mission.beatloader import parse_beat
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import ItemRole, PlanItem
from airbeat.patrol.privacy import CameraZones, view_of
from airbeat.planning.items import camera_trigger, gimbal, waypoint
from airbeat.vehicle.camera import CAMERAS

HOME = LatLon(lat_deg=47.0, lon_deg=11.0)
FRAME = LocalFrame(HOME)
CAMERA = CAMERAS["embedded-12mp"]
HEIGHT_M = 50.0


def zones(rule: str) -> CameraZones:
    """A zone 300 to 400 m east of home, 200 m high."""
    corners = FRAME.to_latlon([(300, -100), (400, -100), (400, 100), (300, 100)])
    ring = ", ".join(f"{{lat: {p.lat_deg:.8f}, lon: {p.lon_deg:.8f}}}" for p in corners)
    text = f"""\
airbeat: 1
kind: patrol
name: Test
time_zone: UTC
launch:
  - name: pad
    lat: 47.0
    lon: 11.0
    drones:
      - {{name: a, camera: embedded-12mp, airframe: arducopter-quad, speed_m_s: 8,
         height: {{value_m: 50, datum: home}}}}
beat: {{points: [{{name: p, lat: 47.0, lon: 11.0}}]}}
privacy: [{{name: gardens, camera: {rule}, outline: [{ring}]}}]
"""
    beat = parse_beat(text.encode(), name="b.yaml", base_dir=Path())
    return CameraZones(beat, FRAME, CAMERA, HEIGHT_M)


def way(x: float, role: ItemRole = ItemRole.TRANSIT) -> PlanItem:
    return waypoint(FRAME.to_latlon([(x, 0.0)])[0], HEIGHT_M, role)


def told(items: list[PlanItem]) -> list[tuple[str, float]]:
    """What happens where: waypoints by their x [m], triggers by their distance, gimbal by its pitch."""
    found = []
    for item in items:
        if item.position is not None:
            found.append(("way", round(float(FRAME.to_xy([item.position])[0][0]), 1)))
        elif item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
            found.append(("trigger", item.params[0]))
        elif item.command == MavCmd.DO_MOUNT_CONTROL:
            found.append(("gimbal", item.params[0]))
        elif item.command == MavCmd.CONDITION_DELAY:
            found.append(("wait", item.params[0]))
    return found


REACH_M = math.hypot(*CAMERA.footprint_m(HEIGHT_M)) / 2


def test_photographs_stop_while_they_could_show_the_zone() -> None:
    line = [way(100), gimbal(-90), camera_trigger(20.0), way(700, ItemRole.SWEEP), camera_trigger(0.0)]
    kept, covered_m = zones("off").kept(line, (0.0, 0.0))
    before, behind = round(300 - REACH_M, 1), round(400 + REACH_M, 1)
    assert told(kept)[:9] == [
        ("way", 100.0),
        ("gimbal", -90.0),
        ("trigger", 20.0),
        ("way", before),
        ("trigger", 0.0),
        ("way", behind),
        ("trigger", 20.0),
        ("way", 700.0),
        ("trigger", 0.0),
    ]
    assert covered_m == pytest.approx(2 * (100 + 2 * REACH_M), abs=0.2)  # there, and on the way home


def test_the_gimbal_rises_on_the_way_over_a_zone_and_comes_down_behind_it() -> None:
    kept, _ = zones("up").kept([way(700)], (0.0, 0.0))
    before, behind = round(300 - REACH_M, 1), round(400 + REACH_M, 1)
    assert told(kept) == [
        ("way", before),
        ("gimbal", 0.0),
        ("way", behind),
        ("gimbal", -90.0),
        ("way", 700.0),
        ("way", behind),
        ("gimbal", 0.0),
        ("way", before),
        ("gimbal", -90.0),
    ]


def test_a_line_that_begins_over_a_zone_is_photographed_from_its_edge_on() -> None:
    line = [way(350), camera_trigger(20.0), way(700, ItemRole.SWEEP), camera_trigger(0.0)]
    found = told(zones("off").kept(line, (0.0, 0.0))[0])
    behind = round(400 + REACH_M, 1)
    assert found.index(("trigger", 20.0)) > found.index(("way", behind))


def test_no_photograph_is_taken_while_the_gimbal_still_comes_down() -> None:
    line = [way(100), camera_trigger(20.0), way(700, ItemRole.SWEEP), camera_trigger(0.0)]
    found = told(zones("up").kept(line, (0.0, 0.0))[0])
    behind = found.index(("way", round(400 + REACH_M, 1)))
    assert found[behind + 1 : behind + 4] == [("gimbal", -90.0), ("wait", 1.5), ("trigger", 20.0)]


def test_nothing_changes_where_no_zone_is_near() -> None:
    line = [way(100), camera_trigger(20.0), way(150, ItemRole.SWEEP), camera_trigger(0.0)]
    assert zones("off").kept(line, (0.0, 0.0)) == (line, 0.0)


def test_a_view_straight_down_is_the_footprint_and_a_tilted_one_lies_ahead() -> None:
    visit = PointVisit(name="p", position=HOME, heading_deg=90.0)
    down = view_of(visit, (0.0, 0.0), CAMERA, HEIGHT_M, -90.0)
    across, along = CAMERA.footprint_m(HEIGHT_M)
    assert down.area == pytest.approx(across * along, rel=1e-6)
    ahead = view_of(visit, (0.0, 0.0), CAMERA, HEIGHT_M, -45.0)
    assert ahead.centroid.x > 40.0
    assert abs(ahead.centroid.y) < 1e-6
    assert ahead.contains(shapely.Point(HEIGHT_M, 0.0))
