"""What was photographed, what was not, and the mission that fills the gaps."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from airbeat.checks.coverage import outside_fence_m
from airbeat.errors import InputFileError, UsageError
from airbeat.flight.ledger import gap_mission, ledger_of_flight, ledger_of_logs, read_ledger
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame, bearing_deg, distance_m
from airbeat.geo.terrain import HeightGrid, Terrain
from airbeat.mission.commands import MavCmd
from airbeat.mission.mission import CorridorPattern, LawnmowerPattern, Mission, MissionKind
from airbeat.mission.plan import Fence, FencePolygon, FlightPlan
from airbeat.planning.plan import plan_mission
from airbeat.vehicle.airframe import airframe_profile
from airbeat.vehicle.camera import camera_profile

FRAME = LocalFrame(LatLon(lat_deg=51.18, lon_deg=8.49))
HOLE = [(150, 100), (200, 100), (200, 150), (150, 150)]
AREA = shapely.Polygon([(0, 0), (400, 0), (400, 300), (0, 300)], [HOLE])
ZONE = FencePolygon(
    inclusion=True, vertices=tuple(FRAME.to_latlon([(-60, -60), (460, -60), (460, 360), (-60, 360)]))
)


def _mission(**changes: Any) -> Mission:
    values: dict[str, Any] = {
        "name": "hillside",
        "kind": MissionKind.SEARCH,
        "home": FRAME.to_latlon([(-30, -30)])[0],
        "pattern": LawnmowerPattern(),
        "height": Altitude(value_m=60, datum=AltitudeDatum.HOME),
        "speed_m_s": 8.0,
        "camera": camera_profile("embedded-12mp"),
        "airframe": airframe_profile("arducopter-quad"),
        "fence": Fence(polygons=(ZONE,), max_height_m=100),
        "area": FRAME.to_geographic(AREA),
        "margin_m": 5.0,
    }
    return Mission(**(values | changes))


def _photographed(plan: FlightPlan) -> Iterator[dict[str, float]]:
    """Photographs as the plan's camera commands take them, flown exactly."""
    here, every, count = plan.home, 0.0, 0
    for item in plan.items:
        if item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
            every = item.params[0]
        if item.position is None or not item.is_nav:
            continue
        length = distance_m(here, item.position)
        for s in [*np.arange(0, length, every), length] if every > 0 else []:
            part = s / length
            count += 1
            yield {
                "index": count,
                "time_us": count * 1_000_000,
                "lat_deg": here.lat_deg + (item.position.lat_deg - here.lat_deg) * part,
                "lon_deg": here.lon_deg + (item.position.lon_deg - here.lon_deg) * part,
                "height_above_home_m": 60.0,
                "yaw_deg": bearing_deg(here, item.position),
            }
        here = item.position


def _record(path: Path, photos: list[dict[str, float]]) -> Path:
    path.write_text(json.dumps({"photos": photos, "provenance": {"source_sha256": ""}}))
    return path


@pytest.fixture(scope="module")
def plan() -> FlightPlan:
    return plan_mission(_mission())


def test_a_plan_flown_whole_has_the_planned_coverage_and_no_gap(plan: FlightPlan, tmp_path: Path) -> None:
    ledger = ledger_of_flight(plan, [_record(tmp_path / "flight.json", list(_photographed(plan)))])
    assert plan.survey is not None
    assert ledger.coverage_fraction == pytest.approx(plan.survey.coverage_fraction, abs=0.001)
    assert ledger.gap_area_m2 < 0.002 * AREA.area
    assert any("not the gimbal's" in note for note in ledger.notes)


def test_the_autopilots_own_log_counts_as_what_it_reported(plan: FlightPlan, tmp_path: Path) -> None:
    """The same photographs as CAM messages of a DataFlash log."""
    shots = list(_photographed(plan))
    reported = ledger_of_flight(plan, [_record(tmp_path / "flight.json", shots)])
    length = 3 + struct.calcsize("<QIiiiH")
    columns = b"TimeUS,Img,Lat,Lng,RelAlt,Y"
    data = b"\xa3\x95\x80" + struct.pack("<BB4s16s64s", 97, length, b"CAM", b"QILLeC", columns)
    for n, s in enumerate(shots):
        lat_e7, lon_e7 = round(s["lat_deg"] * 1e7), round(s["lon_deg"] * 1e7)
        height_cm, yaw_cdeg = round(s["height_above_home_m"] * 100), round(s["yaw_deg"] * 100)
        data += b"\xa3\x95a" + struct.pack("<QIiiiH", n, n, lat_e7, lon_e7, height_cm, yaw_cdeg)
    log = tmp_path / "00000007.BIN"
    log.write_bytes(data)
    logged = ledger_of_logs(plan, [log, log])
    assert logged.source == "camera log"
    assert len(logged.footprints) == len(reported.footprints)
    assert logged.coverage_fraction == pytest.approx(reported.coverage_fraction, abs=1e-4)
    assert logged.inputs[0][0] == "00000007.BIN"


def test_what_is_missing_is_a_gap_and_a_photograph_in_two_files_counts_once(
    plan: FlightPlan, tmp_path: Path
) -> None:
    photos = list(_photographed(plan))
    first = _record(tmp_path / "flight.json", photos[: len(photos) // 2])
    again = _record(tmp_path / "state.json", photos[len(photos) // 4 : len(photos) // 2])
    one, two = ledger_of_flight(plan, [first]), ledger_of_flight(plan, [first, again])
    assert one.coverage_fraction == two.coverage_fraction
    assert len(one.footprints) == len(two.footprints) == len(photos) // 2
    assert 0.2 < one.coverage_fraction < 0.8
    assert one.gap_area_m2 == pytest.approx((1 - one.coverage_fraction) * AREA.area, rel=0.01)
    assert [name for name, digest in two.inputs if len(digest) == 64] == ["flight.json", "state.json"]


def test_the_mission_for_the_gaps_photographs_what_was_missing_and_no_more_than_needed(
    plan: FlightPlan, tmp_path: Path
) -> None:
    photos = list(_photographed(plan))
    part = [p for n, p in enumerate(photos) if not (20 <= n < 45 or 70 <= n < 74)]
    ledger = ledger_of_flight(plan, [_record(tmp_path / "flight.json", part)])
    ledger.save(tmp_path / "ledger.json")
    mission = gap_mission(_mission(), read_ledger(tmp_path / "ledger.json"))
    filling = replace(plan_mission(mission), fence=_mission().fence)
    more = [p | {"time_us": p["time_us"] + 10**10} for p in _photographed(filling)]
    total = ledger_of_flight(plan, [_record(tmp_path / "flight.json", part + more)])
    assert ledger.coverage_fraction < 0.93
    assert (
        total.coverage_fraction
        >= ledger_of_flight(plan, [_record(tmp_path / "whole.json", photos)]).coverage_fraction - 0.001
    )
    assert filling.estimate is not None
    assert plan.estimate is not None
    assert filling.estimate.photos < 0.5 * plan.estimate.photos
    hole = FencePolygon(inclusion=False, vertices=tuple(FRAME.to_latlon(HOLE)))
    track = [plan.home, *(i.position for _, i in filling.waypoints() if i.position), plan.home]
    assert outside_fence_m(track, Fence(polygons=(ZONE, hole))) == 0.0


def test_without_a_fence_the_gaps_are_filled_from_inside_the_area(tmp_path: Path) -> None:
    mission = _mission(fence=None, margin_m=0.0)
    whole = plan_mission(mission)
    photos = list(_photographed(whole))
    ledger = ledger_of_flight(whole, [_record(tmp_path / "flight.json", photos[:20] + photos[26:])])
    ledger.save(tmp_path / "ledger.json")
    filling = plan_mission(gap_mission(mission, read_ledger(tmp_path / "ledger.json")))
    more = [p | {"time_us": p["time_us"] + 10**10} for p in _photographed(filling)]
    total = ledger_of_flight(whole, [_record(tmp_path / "f.json", photos[:20] + photos[26:] + more)])
    assert total.coverage_fraction > 0.999


def test_ground_that_lies_higher_shrinks_what_was_photographed(plan: FlightPlan, tmp_path: Path) -> None:
    path = _record(tmp_path / "flight.json", list(_photographed(plan))[:10])
    flat, high = ledger_of_flight(plan, [path]), ledger_of_flight(plan, [path], ground_height_m=30.0)
    assert high.coverage_fraction < 0.4 * flat.coverage_fraction
    below = ledger_of_flight(plan, [path], ground_height_m=80.0)
    assert below.coverage_fraction == 0.0
    assert len(below.unusable) == 10


def test_a_ledger_without_gaps_and_one_of_another_place_are_refused(plan: FlightPlan, tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    body = {"schema": "airbeat/ledger/1", "source_sha256": "", "footprint_across_m": 80.0}
    path.write_text(json.dumps(body | {"gaps": {"type": "MultiPolygon", "coordinates": []}}))
    with pytest.raises(UsageError, match="nothing to fill"):
        gap_mission(_mission(), read_ledger(path))
    ring = [[10.0, 50.0], [10.1, 50.0], [10.1, 50.1], [10.0, 50.0]]
    path.write_text(json.dumps(body | {"gaps": {"type": "Polygon", "coordinates": [ring]}}))
    with pytest.raises(UsageError, match="outside this mission's area"):
        gap_mission(_mission(), read_ledger(path))


@pytest.mark.parametrize(
    "gaps",
    [{}, {"type": "Point", "coordinates": [8, 51]}, {"type": "Polygon", "coordinates": "x"},
     {"type": "Polygon", "coordinates": [[[1, 2]]]},
     {"type": "Polygon", "coordinates": [[[500, 1], [501, 1], [501, 2], [500, 1]]]}],
)  # fmt: skip
def test_a_hostile_ledger_is_refused_as_a_bad_file(tmp_path: Path, gaps: dict[str, Any]) -> None:
    path = tmp_path / "ledger.json"
    body = {"schema": "airbeat/ledger/1", "source_sha256": "", "footprint_across_m": 80.0, "gaps": gaps}
    path.write_text(json.dumps(body))
    with pytest.raises(InputFileError):
        gap_mission(_mission(), read_ledger(path))


def test_the_gaps_of_a_corridor_are_filled_with_lines_over_them_alone(tmp_path: Path) -> None:
    line = [(0, 50), (400, 50)]
    area = shapely.box(0, 10, 400, 90)
    pattern = CorridorPattern(
        line=tuple(FRAME.to_latlon(line)), width_m=80.0, lines=2, gimbal_pitch_deg=-80.0
    )
    mission = _mission(pattern=pattern, area=FRAME.to_geographic(area))
    plan = plan_mission(mission)
    photos = [p for p in _photographed(plan) if not 0.0018 < p["lon_deg"] - 8.49 < 0.0034]
    ledger = ledger_of_flight(plan, [_record(tmp_path / "flight.json", photos)])
    assert any("10° forward" in note for note in ledger.notes)
    ledger.save(tmp_path / "ledger.json")
    filling = gap_mission(mission, read_ledger(tmp_path / "ledger.json"))
    assert isinstance(filling.pattern, LawnmowerPattern)
    assert (filling.pattern.spacing_m, filling.pattern.gimbal_pitch_deg) == (40.0, -80.0)
    assert plan.estimate is not None
    estimate = plan_mission(filling).estimate
    assert estimate is not None
    assert estimate.photos < plan.estimate.photos


def test_a_photograph_shows_less_of_ground_that_its_plans_height_model_has_nearer(
    plan: FlightPlan, tmp_path: Path
) -> None:
    photos = list(_photographed(plan))[:1]
    record = _record(tmp_path / "flight.json", photos)
    home = plan.home
    hill = HeightGrid(
        heights_m=np.array([[500.0, 530.0], [500.0, 530.0]], dtype=np.float32),
        to_cells=lambda lon, lat: (np.where(abs(lon - home.lon_deg) < 1e-9, 0.0, 1.0), 0.0 * lat),
        resolution_m=10.0,
    )
    model = replace(plan, terrain=Terrain(grids=(hill,), name="hill.hgt"))
    flat, high = ledger_of_flight(plan, [record]), ledger_of_flight(model, [record])
    area = [FRAME.to_local(one.footprints[0]).area for one in (flat, high)]
    assert area[1] == pytest.approx(area[0] / 4, rel=0.01), "half as far away"
    assert any("ground as high as in hill.hgt" in note for note in high.notes)


def test_the_ledgers_map_is_drawn_by_the_right_hand_rule(plan: FlightPlan, tmp_path: Path) -> None:
    photos = list(_photographed(plan))[:5]
    ledger = ledger_of_flight(plan, [_record(tmp_path / "flight.json", photos)])
    shapes = [f["geometry"] for f in ledger.to_geojson()["features"]] + [ledger.to_json()["gaps"]]
    rings = 0
    for geometry in shapes:
        for polygon in shapely.get_parts(shapely.geometry.shape(geometry)):
            assert polygon.exterior.is_ccw
            assert not any(hole.is_ccw for hole in polygon.interiors)
            rings += 1 + len(polygon.interiors)
    assert rings > 6
