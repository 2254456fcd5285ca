"""Plans from one program's file into another's, through the command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_mission_becomes_a_dji_wayline_and_what_it_cannot_hold_is_listed(
    airbeat: Run, workplace: Path
) -> None:
    done = airbeat("convert", "missions/demo-hillside.yaml", "h.kmz", "--aircraft", "m3t")
    assert done.returncode == 0, done.stderr
    assert "not held: fence polygon 1" in done.stdout
    assert (workplace / "h.kmz").read_bytes()[:2] == b"PK"


def test_strict_writes_nothing_where_anything_is_lost(airbeat: Run, workplace: Path) -> None:
    done = airbeat("convert", "missions/demo-hillside.yaml", "h.kmz", "--strict", "--json")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert result["file"] is None
    assert result["losses"]
    assert not (workplace / "h.kmz").exists()


def test_strict_writes_where_nothing_is_lost(airbeat: Run, workplace: Path) -> None:
    done = airbeat("convert", "missions/school-gate-patrol.yaml", "s.plan", "--strict")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "holds everything" in done.stdout
    again = airbeat("convert", "s.plan", "s.kml", "--strict")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "only airbeat reads" in again.stdout


def test_a_file_that_is_there_is_not_replaced_unless_told(airbeat: Run, workplace: Path) -> None:
    (workplace / "s.gpx").write_text("mine")
    done = airbeat("convert", "missions/school-gate-patrol.yaml", "s.gpx")
    assert done.returncode == 2
    assert (workplace / "s.gpx").read_text() == "mine"


def test_an_unknown_suffix_is_refused_with_those_that_are_known(airbeat: Run) -> None:
    done = airbeat("convert", "missions/school-gate-patrol.yaml", "s.docx")
    assert done.returncode == 2
    assert ".waypoints" in done.stderr


@pytest.mark.parametrize(
    "suffix", [".plan", ".waypoints", ".fence", ".kmz", ".csv", ".kml", ".gpx", ".geojson"]
)
def test_what_was_converted_is_told_in_words(airbeat: Run, suffix: str) -> None:
    assert airbeat("convert", "missions/river-bridge-points.yaml", f"r{suffix}").returncode == 0
    done = airbeat("inspect", f"r{suffix}", "--items", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["home"]["lat_deg"] == pytest.approx(47.353, abs=0.01)
    if suffix != ".fence":
        assert sum(item["kind"] == "waypoint" for item in result["items"]) >= 6
        assert "waypoint at 47.3541000, 7.9043000" in done.stderr


def test_a_survey_is_written_as_one_that_qgroundcontrol_can_edit(airbeat: Run, workplace: Path) -> None:
    done = airbeat("convert", "missions/demo-hillside.yaml", "h.plan", "--complex", "--strict")
    assert done.returncode == 0, done.stdout + done.stderr
    items = json.loads((workplace / "h.plan").read_text())["mission"]["items"]
    assert [i.get("complexItemType") for i in items].count("survey") == 1
    shown = airbeat("inspect", "h.plan")
    assert "can be edited" in shown.stdout
    assert "survey of items 3 to 34" in shown.stdout
    assert airbeat("convert", "h.plan", "again.plan", "--strict").returncode == 0
    assert json.loads((workplace / "again.plan").read_text())["mission"]["items"] == items


def test_why_a_survey_cannot_be_edited_is_a_loss(airbeat: Run, workplace: Path) -> None:
    done = airbeat("convert", "missions/forest-edge-sweep.yaml", "f.plan", "--complex", "--strict")
    assert done.returncode == 1
    assert "survey: written as single items" in done.stdout
    assert not (workplace / "f.plan").exists()
    assert airbeat("convert", "missions/demo-hillside.yaml", "h.kml", "--complex").returncode == 2


def test_a_route_without_heights_says_what_it_lacks_and_takes_it(airbeat: Run, workplace: Path) -> None:
    line = {"type": "LineString", "coordinates": [[8.49, 51.18], [8.5, 51.18]]}
    (workplace / "t.geojson").write_text(json.dumps(line))
    assert "before it can be flown: 2 waypoints have no height" in airbeat("inspect", "t.geojson").stdout
    done = airbeat("convert", "t.geojson", "t.plan", "--height-m", "60", "--takeoff", "--strict", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["lacking"] == []


def test_a_file_that_is_no_plan_is_refused_without_a_traceback(airbeat: Run, workplace: Path) -> None:
    (workplace / "x.kmz").write_bytes(b"PK\x03\x04 rubbish")
    done = airbeat("inspect", "x.kmz")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "archive is damaged" in done.stderr


WOOD = {
    "type": "Polygon",
    "coordinates": [[[8.49, 51.18], [8.5, 51.18], [8.5, 51.185], [8.49, 51.185], [8.49, 51.18]]],
}


def test_an_area_goes_into_a_gis_file_and_back_and_is_planned_from_it(airbeat: Run, workplace: Path) -> None:
    pytest.importorskip("pyogrio", reason="pyogrio is not installed (airbeat[gis])")
    (workplace / "wood.geojson").write_text(json.dumps(WOOD))
    done = airbeat("convert", "wood.geojson", "wood.gpkg", "--strict")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = airbeat("inspect", "wood.gpkg", "--json")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["area_m2"] == pytest.approx(388_800, rel=0.01)
    assert "nothing to fly yet" in shown.stderr
    planned = airbeat("plan", "--area", "wood.gpkg", "--spacing-m", "60", "--json")
    assert planned.returncode == 0, planned.stderr
    assert json.loads(planned.stdout)["coverage_fraction"] > 0.99


def test_an_area_is_no_plan_and_a_mission_no_area(airbeat: Run, workplace: Path) -> None:
    (workplace / "wood.geojson").write_text(json.dumps(WOOD))
    done = airbeat("convert", "wood.geojson", "wood.plan")
    assert done.returncode == 2
    assert "airbeat plan --area" in done.stderr
    assert airbeat("convert", "wood.geojson", "w.kml", "--height-m", "50").returncode == 2
    assert airbeat("convert", "missions/demo-hillside.yaml", "d.gpkg").returncode == 2
    assert not list(workplace.glob("w.kml"))


def test_what_an_area_file_cannot_hold_is_listed(airbeat: Run, workplace: Path) -> None:
    feature = {"type": "Feature", "properties": {"owner": "forest office"}, "geometry": WOOD}
    (workplace / "wood.geojson").write_text(json.dumps(feature))
    done = airbeat("convert", "wood.geojson", "wood.kml", "--strict")
    assert done.returncode == 1
    assert "properties not held: owner" in done.stdout
    assert not (workplace / "wood.kml").exists()


def test_a_fence_file_is_written_for_the_program_that_loads_it(airbeat: Run, workplace: Path) -> None:
    for program, row in (("mavproxy", "# home"), ("mission-planner", "0\t1\t0\t16")):
        name = f"{program}.fence"
        done = airbeat("convert", "missions/demo-hillside.yaml", name, "--zones-for", program)
        assert done.returncode == 0, done.stderr
        assert (workplace / name).read_text().splitlines()[1].startswith(row)
        assert airbeat("convert", name, f"{program}.kml", "--strict").returncode == 0
