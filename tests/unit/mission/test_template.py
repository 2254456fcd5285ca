"""What `airbeat new` writes is a mission that reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import shapely

from airbeat.errors import PlanningError, UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.datums import MapDatum, to_wgs84
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.mission.areafile import read_area_file
from airbeat.mission.loader import UNSURVEYED, load_mission, parse_mission
from airbeat.mission.template import new_mission_text

SEEN = LatLon(lat_deg=47.3, lon_deg=8.5)


def test_a_last_seen_point_becomes_a_circle_to_search() -> None:
    mission = parse_mission(
        new_mission_text(last_seen=SEEN, radius_m=250, name='Anna: "the dog"'), name="n.yaml", base_dir=Path()
    )
    assert mission.name == 'Anna: "the dog"'
    assert mission.last_seen is not None
    assert distance_m(mission.last_seen, SEEN) < 0.02
    local = LocalFrame(SEEN).to_local(mission.area)
    assert local.area == pytest.approx(3.1416 * 250**2, rel=0.01)
    assert UNSURVEYED in mission.notes


def test_an_area_file_is_named_and_fenced(tmp_path: Path) -> None:
    ring = [[8.5, 47.3], [8.505, 47.3], [8.505, 47.304], [8.5, 47.304], [8.5, 47.3]]
    (tmp_path / "wood.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    text = new_mission_text(area_path=tmp_path / "wood.geojson", area_text="wood.geojson")
    (tmp_path / "m.yaml").write_text(text, encoding="utf-8")
    mission = load_mission(tmp_path / "m.yaml")
    assert mission.area.equals(shapely.Polygon(ring))
    assert mission.fence is not None
    (fence,) = mission.fence.polygons
    frame = LocalFrame.around(mission.area)
    area, zone = frame.to_local(mission.area), shapely.Polygon(frame.to_xy(fence.vertices))
    assert zone.contains(area.buffer(30.0))


def test_a_home_some_way_off_is_inside_the_proposed_fence() -> None:
    home = LatLon(lat_deg=47.294, lon_deg=8.5)
    text = new_mission_text(last_seen=SEEN, home=home)
    assert parse_mission(text, name="n.yaml", base_dir=Path()).home == home
    assert "as given" in text


def test_contradictions_are_refused() -> None:
    with pytest.raises(UsageError, match="nothing to search"):
        new_mission_text()
    with pytest.raises(UsageError, match="radius"):
        new_mission_text(last_seen=SEEN, radius_m=float("nan"))
    with pytest.raises(UsageError, match="km from the area"):
        new_mission_text(last_seen=SEEN, home=LatLon(lat_deg=8.5, lon_deg=47.3))
    with pytest.raises(PlanningError, match="no camera profile"):
        new_mission_text(last_seen=SEEN, camera="box")


@pytest.mark.shared_data
def test_development_areas_make_missions(shared_data: Path) -> None:
    paths = [p for p in sorted((shared_data / "areas").glob("*.geojson")) if "bowtie" not in p.name]
    assert len(paths) > 20
    for path in paths[::5]:
        mission = parse_mission(new_mission_text(area_path=path), name="n.yaml", base_dir=Path("/"))
        frame = LocalFrame.around(mission.area)
        assert frame.to_local(mission.area).symmetric_difference(
            frame.to_local(read_area_file(path).free)
        ).area == pytest.approx(0, abs=0.1)


IN_CHINA = LatLon(lat_deg=30.25, lon_deg=120.15)


def test_coordinates_of_a_chinese_map_are_written_as_given_and_converted_when_read() -> None:
    text = new_mission_text(last_seen=IN_CHINA, datum=MapDatum.GCJ02)
    assert "last_seen: {lat: 30.2500000, lon: 120.1500000}" in text
    mission = parse_mission(text, name="n.yaml", base_dir=Path())
    assert mission.last_seen is not None
    (wgs84,) = to_wgs84([IN_CHINA], MapDatum.GCJ02)
    assert distance_m(mission.last_seen, wgs84) < 0.02
    assert distance_m(mission.last_seen, IN_CHINA) > 100
    assert any("converted from GCJ-02" in note for note in mission.notes)


def test_a_place_in_china_taken_as_wgs84_is_said_to_be() -> None:
    note = "This place is in or near China"
    assert note in new_mission_text(last_seen=IN_CHINA)
    assert note not in new_mission_text(last_seen=IN_CHINA, datum=MapDatum.BD09)
    assert note not in new_mission_text(last_seen=SEEN)
