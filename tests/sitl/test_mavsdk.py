"""MAVSDK, a program of others: it imports our files, and what it uploads is what was meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from airbeat.formats.editable import made_editable
from airbeat.formats.qgc_plan import write_qgc_plan
from airbeat.formats.wpl import write_wpl
from airbeat.link.items import WireItem, compare_items, fence_items, mission_items, rally_items
from airbeat.mission.loader import load_mission
from airbeat.mission.plan import FlightPlan
from airbeat.planning.plan import plan_mission
from airbeat.sim.ardupilot_station import Station

mission_raw = pytest.importorskip("mavsdk.plugins.mission_raw", reason="MAVSDK is not installed")

MISSION = """
airbeat: 1
kind: search
name: Interop
home: {lat: 47.2692, lon: 11.4041, amsl_m: 600}
airframe: arducopter-quad
camera: embedded-12mp
speed_m_s: 8
height: {value_m: 60, datum: home}
area:
  - {lat: 47.2694, lon: 11.4042}
  - {lat: 47.2694, lon: 11.4064}
  - {lat: 47.2708, lon: 11.4064}
  - {lat: 47.2708, lon: 11.4042}
fence:
  inclusion:
    - circle: {lat: 47.2700, lon: 11.4050, radius_m: 280}
  exclusion:
    - polygon:
        - {lat: 47.2712, lon: 11.4050}
        - {lat: 47.2712, lon: 11.4052}
        - {lat: 47.2714, lon: 11.4051}
  max_height_m: 90
rally:
  - {lat: 47.2691, lon: 11.4043, height_m: 30}
search:
  pattern: lawnmower
  overlap: {side: 0.3, front: 0.3}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> FlightPlan:
    path = tmp_path_factory.mktemp("mavsdk") / "m.yaml"
    path.write_text(MISSION)
    return plan_mission(load_mission(path))


@contextmanager
def mavsdk(url: str) -> Iterator[Any]:
    """MAVSDK's mission plugin, connected to the vehicle at ``url``."""
    from mavsdk.component_type import ComponentType
    from mavsdk.mavsdk import Configuration, Mavsdk

    client = Mavsdk(Configuration.create_with_component_type(ComponentType.GROUND_STATION))
    try:
        client.add_any_connection(url.replace("tcp:", "tcpout://", 1))
        system = client.first_autopilot(30.0)
        assert system is not None, "MAVSDK found no autopilot"
        yield mission_raw.MissionRaw(system)
    finally:
        client.destroy()


def wire(items: Sequence[Any]) -> list[WireItem]:
    """MAVSDK's items as ours, number for number."""
    return [
        WireItem(
            seq=item.seq,
            frame=item.frame,
            command=item.command,
            params=(item.param1, item.param2, item.param3, item.param4),
            x=item.x,
            y=item.y,
            z=item.z,
            autocontinue=bool(item.autocontinue),
            mission_type=item.mission_type,
        )
        for item in items
    ]


def same(read: Sequence[WireItem], meant: Sequence[WireItem]) -> None:
    """Every field the same, to a float's precision; frames 5 and 6 say of a height what 0 and 3 do."""
    assert len(read) == len(meant)
    for one, other in zip(read, meant, strict=True):
        assert (one.command, one.frame % 5, one.mission_type) == (
            other.command,
            other.frame % 5,
            other.mission_type,
        )
        assert abs(one.x - other.x) <= 1
        assert abs(one.y - other.y) <= 1
        for mine, theirs in zip((*one.params, one.z), (*other.params, other.z), strict=True):
            assert mine == pytest.approx(theirs, rel=1e-6, nan_ok=True)


def test_mavsdk_imports_and_uploads_what_was_meant(vehicle_address: str, plan: FlightPlan) -> None:
    """A .plan, the same with an editable survey, and .waypoints; then mission, fence and rally points."""
    editable, why = made_editable(plan)
    assert why == ""
    assert plan.fence is not None
    meant = mission_items(plan)
    with mavsdk(vehicle_address) as raw:
        for text in (write_qgc_plan(plan), write_qgc_plan(editable)):
            read = raw.import_qgroundcontrol_mission_from_string(text)
            same(wire(read.mission_items), meant)
            zones = [replace(i, frame=0) for i in fence_items(plan.fence)]  # MAVSDK says nothing of heights
            imported = wire(read.geofence_items)
            assert sorted((i.command, i.params[0], i.x, i.y) for i in imported) == sorted(
                (i.command, i.params[0], i.x, i.y) for i in zones
            )
            same(wire(read.rally_items), rally_items(plan.rally or ()))
        rows = raw.import_mission_planner_mission_from_string(write_wpl(plan)).mission_items
        same(wire(rows)[-len(meant) + 1 :], meant[1:])

        raw.upload_mission(read.mission_items)
        raw.upload_geofence(read.geofence_items)
        raw.upload_rally_points(read.rally_items)
    with Station(vehicle_address) as station:
        held = [[WireItem.from_message(m) for m in station.download(kind)] for kind in (0, 1, 2)]
    assert compare_items(meant, held[0]) == []
    assert sorted((i.command, i.x, i.y) for i in held[1]) == sorted(
        (i.command, i.x, i.y) for i in fence_items(plan.fence)
    )
    assert compare_items(rally_items(plan.rally or ()), held[2]) == []


def test_mavsdk_uploads_every_row_of_a_waypoints_file(vehicle_address: str, plan: FlightPlan) -> None:
    """MAVSDK takes row 0 for an item too, whoever wrote the file, and puts a copy of it in front as home."""
    meant = mission_items(plan)
    with mavsdk(vehicle_address) as raw:
        rows = raw.import_mission_planner_mission_from_string(write_wpl(plan)).mission_items
        same(wire(rows)[:2], [meant[0], meant[0]])
        same(wire(rows)[1:], meant)
        raw.upload_mission(rows)
    with Station(vehicle_address) as station:
        held = [WireItem.from_message(m) for m in station.download(0)]
    sent = [meant[0], *(replace(item, seq=n) for n, item in enumerate(meant, start=1))]
    assert compare_items(sent, held) == []
