"""pymavlink's and MAVProxy's own loaders read our mission, fence and rally files as they were meant."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airbeat.formats.items import to_raw
from airbeat.formats.wpl import write_wpl
from airbeat.formats.wpl_zones import write_fence_wpl, write_rally_wpl
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan

LOADS = Path(__file__).with_name("mavproxy_loads.py")


@pytest.fixture
def files(full_plan: FlightPlan, tmp_path: Path) -> list[Path]:
    texts = {
        "m.waypoints": write_wpl(full_plan),
        "m.fence": write_fence_wpl(full_plan),
        "m.rally": write_rally_wpl(full_plan),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return [tmp_path / name for name in texts]


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"MAVLINK20": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def loaded(files: list[Path]) -> dict[str, Any]:
    pytest.importorskip("MAVProxy", reason="MAVProxy is not installed")
    result: dict[str, Any] = json.loads(run(str(LOADS), *map(str, files)))
    return result


def meant_mission(plan: FlightPlan) -> list[list[float]]:
    home = [16, 0, 0.0, 0.0, 0.0, 0.0, plan.home.lat_deg, plan.home.lon_deg, plan.home_amsl_m or 0.0, 1]
    rows = [to_raw(item, number=number) for number, item in plan.numbered()]
    return [home, *([raw.command, raw.frame, *raw.params, int(raw.autocontinue)] for raw in rows)]


def test_mavproxy_reads_the_mission_that_was_meant(loaded: dict[str, Any], full_plan: FlightPlan) -> None:
    # what is unset is written as 0, as ArduPilot wants it
    for read, meant in zip(loaded["mission"], meant_mission(full_plan), strict=True):
        assert read == pytest.approx([0.0 if math.isnan(v) else v for v in meant], abs=1e-8)
    assert loaded["sent"][0] == [len(full_plan.items) + 1, 0]


def test_mavproxy_reads_the_fence_that_was_meant(loaded: dict[str, Any], full_plan: FlightPlan) -> None:
    fence = full_plan.fence
    assert fence is not None
    assert fence.breach_return is not None
    vertices = [(p, v) for p in fence.polygons for v in p.vertices]
    meant = [[MavCmd.NAV_FENCE_RETURN_POINT, 0.0, *_pair(fence.breach_return[0])]]
    meant += [
        [
            MavCmd.NAV_FENCE_POLYGON_VERTEX_INCLUSION
            if p.inclusion
            else MavCmd.NAV_FENCE_POLYGON_VERTEX_EXCLUSION,
            float(len(p.vertices)),
            *_pair(v),
        ]
        for p, v in vertices
    ]
    meant += [[MavCmd.NAV_FENCE_CIRCLE_EXCLUSION, c.radius_m, *_pair(c.centre)] for c in fence.circles]
    read = [[row[0], row[2], row[6], row[7]] for row in loaded["fence"]]
    assert read == [pytest.approx(row, abs=1e-8) for row in meant]
    assert loaded["inclusion_polygons"] == [4]
    assert loaded["exclusion_polygons"] == [3]
    assert loaded["exclusion_circles"] == [25.5]
    assert loaded["inclusion_circles"] == []
    assert loaded["sent"][1] == [len(meant), 1], (
        "every row of the file is sent to the vehicle as a fence item"
    )


def test_mavproxy_reads_the_rally_points_that_were_meant(
    loaded: dict[str, Any], full_plan: FlightPlan
) -> None:
    (point,) = full_plan.rally or ()
    (row,) = loaded["rally"]
    assert row[:2] == [MavCmd.NAV_RALLY_POINT, 3]
    assert row[6:9] == pytest.approx([*_pair(point.position), point.altitude.value_m], abs=1e-8)
    assert loaded["rally_count"] == 1
    assert loaded["sent"][2] == [1, 2]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_pymavlink_reads_a_row_for_each_item(files: list[Path], number: int, full_plan: FlightPlan) -> None:
    loader = ("MAVWPLoader", "MissionItemProtocol_Fence", "MissionItemProtocol_Rally")[number]
    script = f"from pymavlink import mavwp; print(mavwp.{loader}().load({str(files[number])!r}))"
    count = int(run("-c", script).split()[-1])
    assert full_plan.fence is not None
    zones = 1 + sum(len(p.vertices) for p in full_plan.fence.polygons) + len(full_plan.fence.circles)
    assert count == (len(full_plan.items) + 1, zones, len(full_plan.rally or ()))[number]


def _pair(place: Any) -> list[float]:
    return [place.lat_deg, place.lon_deg]
