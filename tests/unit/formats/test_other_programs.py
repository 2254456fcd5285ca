"""Litchi, GPX, KML, GeoJSON and fence files: by their standards, and as strangers write them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from airbeat.errors import PlanFileError
from airbeat.formats.catalogue import FORMATS, format_of
from airbeat.formats.files import read_any_plan_file, read_plan_bytes, read_plan_file
from airbeat.formats.geojson_read import read_geojson
from airbeat.formats.gpx import read_gpx, write_gpx
from airbeat.formats.kml_read import read_kml
from airbeat.formats.litchi import COLUMNS, read_litchi, write_litchi
from airbeat.formats.losses import losses
from airbeat.formats.wpl_zones import read_fence_wpl, read_rally_wpl, write_fence_wpl, write_rally_wpl
from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan, PlanItem

GPX = "{http://www.topografix.com/GPX/1/1}"


@pytest.fixture
def home_plan(full_plan: FlightPlan) -> FlightPlan:
    """The plan with every height above home, as DJI's and Litchi's programs want it."""
    above = Altitude(value_m=60.0, datum=AltitudeDatum.HOME)
    items = tuple(replace(i, altitude=above) if i.altitude else i for i in full_plan.items)
    return replace(full_plan, items=items)


def test_litchi_has_the_46_columns_of_its_export() -> None:
    assert len(COLUMNS) == 46
    assert COLUMNS[8:10] == ("actiontype1", "actionparam1")
    assert COLUMNS[-1] == "photo_distinterval"


def test_litchi_rows_carry_photographs_by_distance_on_the_leg_that_begins_there(
    home_plan: FlightPlan,
) -> None:
    rows = [line.split(",") for line in write_litchi(home_plan).splitlines()]
    assert all(len(row) == len(COLUMNS) for row in rows)
    distances = [row[COLUMNS.index("photo_distinterval")] for row in rows[1:]]
    assert "12.25" in distances
    assert distances[-1] == "-1"


def test_more_waypoints_than_litchi_takes_are_refused(home_plan: FlightPlan) -> None:
    item = next(i for _, i in home_plan.waypoints() if i.command == MavCmd.NAV_WAYPOINT)
    with pytest.raises(PlanFileError, match="Litchi takes 99"):
        write_litchi(replace(home_plan, items=(item,) * 100))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("51,8,nan,0,0,0,0,0", "not a number"),
        ("91,8,50,0,0,0,0,0", "latitude 91"),
        ("51,8", "2 fields"),
        ("", "no waypoint"),
    ],
)
def test_a_litchi_row_that_is_none_is_refused(row: str, says: str) -> None:
    text = ",".join(COLUMNS[:8]) + "\n" + row + "\n"
    with pytest.raises(PlanFileError, match=says):
        read_litchi(text, name="x.csv")


def test_a_litchi_file_above_ground_is_refused_because_no_terrain_is_known(home_plan: FlightPlan) -> None:
    lines = write_litchi(home_plan).splitlines()
    fields = lines[1].split(",")
    fields[COLUMNS.index("altitudemode")] = "1"
    with pytest.raises(PlanFileError, match="terrain model"):
        read_litchi("\n".join([lines[0], ",".join(fields)]), name="x.csv")


def test_gpx_has_the_elements_in_the_order_of_the_schema(full_plan: FlightPlan) -> None:
    root = ET.fromstring(write_gpx(full_plan))
    assert root.get("version") == "1.1"
    assert root.get("creator")
    order = [child.tag.removeprefix(GPX) for child in root]
    assert order == sorted(order, key=["metadata", "wpt", "rte"].index)
    for point in root.iter(f"{GPX}rtept"):
        names = [c.tag.removeprefix(GPX) for c in point]
        assert names == [n for n in ("ele", "name", "sym", "type", "extensions") if n in names]


def test_a_track_of_another_program_becomes_waypoints_above_sea_level() -> None:
    points = "".join(f'<trkpt lat="47.{n}" lon="8.5"><ele>{500 + n}</ele></trkpt>' for n in range(1, 4))
    track = f"<trk><trkseg>{points}</trkseg></trk>"
    text = f'<gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1">{track}</gpx>'
    plan = read_gpx(text.encode(), name="walk.gpx")
    assert [str(i.altitude) for i in plan.items] == ["501 m amsl", "502 m amsl", "503 m amsl"]
    assert any("no take-off place" in note for note in plan.notes)


def test_a_line_of_another_program_becomes_a_route_with_the_height_its_mode_says() -> None:
    places = "<coordinates>8.5,47.1,90 8.6,47.2,95</coordinates>"
    line = "<LineString><altitudeMode>{}</altitudeMode>" + places + "</LineString>"
    kml = '<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark>{}</Placemark></kml>'
    for mode, datum in (("absolute", AltitudeDatum.AMSL), ("relativeToGround", AltitudeDatum.AGL)):
        plan = read_kml(kml.format(line.format(mode)).encode(), name="x.kml")
        assert {i.altitude.datum for i in plan.items if i.altitude} == {datum}
    plan = read_kml(kml.format(line.format("clampToGround")).encode(), name="x.kml")
    assert all(i.altitude is None for i in plan.items)
    assert any("no heights" in note for note in plan.notes)


def test_two_lines_are_refused_because_nobody_said_which_to_fly() -> None:
    features = [
        {
            "type": "Feature",
            "properties": {},
            "geometry": {"type": "LineString", "coordinates": [[8, 47], [8.1, n]]},
        }
        for n in (47, 47.1)
    ]
    text = str({"type": "FeatureCollection", "features": features}).replace("'", '"')
    with pytest.raises(PlanFileError, match="2 lines"):
        read_geojson(text, name="x.geojson")


def test_a_waypoint_that_was_moved_on_the_map_is_flown_where_it_was_moved(full_plan: FlightPlan) -> None:
    known = next(f for f in FORMATS if f.key == "geojson")
    text = known.write(full_plan).decode()
    number, item = full_plan.waypoints()[2]
    assert item.position is not None
    old = f"[{item.position.lon_deg}, {item.position.lat_deg}]"
    moved = text.replace(f'"Point", "coordinates": {old}', '"Point", "coordinates": [8.4911, 51.1811]')
    assert moved != text
    back = read_geojson(moved, name="x.geojson")
    assert str(back.items[number - 1].position) == "51.1811000, 8.4911000"
    assert back.items[number - 1].command == item.command


def test_fence_and_rally_files_are_read_by_a_loader_that_others_wrote(
    full_plan: FlightPlan, tmp_path: Path
) -> None:
    fence, rally = tmp_path / "x.fence", tmp_path / "x.rally"
    fence.write_text(write_fence_wpl(full_plan))
    rally.write_text(write_rally_wpl(full_plan))
    for path, kind in ((fence, "Fence"), (rally, "Rally")):
        script = f"from pymavlink import mavwp; print(mavwp.MissionItemProtocol_{kind}().load({str(path)!r}))"
        done = subprocess.run(  # in a process of its own: it leaves its files open
            [sys.executable, "-c", script],
            env=os.environ | {"MAVLINK20": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(done.stdout.split()[-1]) == path.read_text().count("\n") - 1
    assert full_plan.fence is not None
    assert read_fence_wpl(fence.read_text(), name="x").polygons == full_plan.fence.polygons
    assert len(read_rally_wpl(rally.read_text(), name="x")) == len(full_plan.rally or ())


@pytest.mark.parametrize("count", ["0", "2", "900", "nan", "1e308", "-3", "3.5"])
def test_a_polygon_whose_number_of_vertices_is_no_number_of_rows_is_refused(
    full_plan: FlightPlan, count: str
) -> None:
    lines = write_fence_wpl(full_plan).splitlines()
    at = next(n for n, line in enumerate(lines) if line.split("\t")[3:4] == ["5001"])
    fields = lines[at].split("\t")
    fields[4] = count
    lines[at] = "\t".join(fields)
    with pytest.raises(PlanFileError, match="vertices"):
        read_fence_wpl("\n".join(lines), name="x.fence")


def test_a_fence_file_is_no_mission(full_plan: FlightPlan, tmp_path: Path) -> None:
    path = tmp_path / "x.waypoints"
    path.write_text(write_fence_wpl(full_plan))
    with pytest.raises(PlanFileError, match="not a mission"):
        read_plan_file(path)
    assert read_any_plan_file(path)[1].key == "fence"


def test_latitude_and_longitude_the_wrong_way_round_are_found_by_home(full_plan: FlightPlan) -> None:
    plan = replace(
        full_plan,
        items=tuple(
            replace(i, position=replace(i.position, lat_deg=i.position.lon_deg, lon_deg=i.position.lat_deg))
            if i.position and i.command == MavCmd.NAV_WAYPOINT
            else i
            for i in full_plan.items
        ),
    )
    known = FORMATS[0]
    with pytest.raises(PlanFileError, match="exchanged it would be near"):
        read_plan_bytes(known.write(plan), known, name="x.plan")


def test_latitude_0_longitude_0_is_not_a_place() -> None:
    text = '{"type": "LineString", "coordinates": [[0, 0], [0.001, 0.001]]}'
    known = format_of(text.encode(), name="x")
    with pytest.raises(PlanFileError, match="do not know a place"):
        read_plan_bytes(text.encode(), known, name="x.geojson")


@pytest.mark.parametrize("known", FORMATS, ids=lambda k: k.key)
def test_a_plan_without_anything_is_written_or_refused_in_words(known, full_plan: FlightPlan) -> None:
    empty = replace(full_plan, items=(), fence=None, rally=None, survey=None)
    if known.key in ("plan", "waypoints", "kml", "geojson", "gpx"):
        assert known.read(known.write(empty), "x").items == ()
    else:
        with pytest.raises(PlanFileError):
            known.write(empty)


def test_items_that_ride_along_with_a_waypoint_must_be_items(full_plan: FlightPlan) -> None:
    known = next(f for f in FORMATS if f.key == "kml")
    text = known.write(full_plan).decode()
    with pytest.raises(PlanFileError, match="airbeat_items"):
        read_kml(text.replace("[[16, ", '[["x", ').encode(), name="x.kml")


def test_a_servo_command_is_reported_lost_by_name(home_plan: FlightPlan) -> None:
    servo = PlanItem(command=MavCmd.DO_SET_SERVO, params=(9.0, 1700.0, 0.0, 0.0))
    item = next(i for _, i in home_plan.waypoints() if i.command == MavCmd.NAV_WAYPOINT)
    plan = replace(home_plan, items=(item, servo, item))
    known = next(f for f in FORMATS if f.key == "dji")
    lost = losses(plan, known.read(known.write(plan), "x"), precision=known.precision)
    assert "item 2 (DO_SET_SERVO): not held" in [str(loss) for loss in lost]
