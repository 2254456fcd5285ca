"""Maps as CalTopo, Google Earth and GPS programs write them: what is read, and what is said to be left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from airbeat.cli.main import cli
from airbeat.errors import GeometryError, PlanFileError
from airbeat.formats.geojson_read import read_geojson
from airbeat.formats.gpx import read_gpx
from airbeat.mission.areafile import parse_area

RING = [[8.49, 51.18], [8.493, 51.18], [8.493, 51.183], [8.49, 51.183], [8.49, 51.18]]
KML = '<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{}</Document></kml>'
GPX = '<gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1">{}</gpx>'


def feature(title: str, geometry: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": title,
        "properties": {"title": title, "folderId": "folder", **properties},
        "geometry": {"type": geometry, "coordinates": coordinates},
    }


def caltopo(*features: dict[str, Any]) -> str:
    """A CalTopo export: a folder is a feature without a geometry, markers and shapes name it."""
    folder = {
        "type": "Feature",
        "id": "folder",
        "properties": {"title": "Day 1", "class": "Folder", "visible": True},
        "geometry": None,
    }
    return json.dumps({"type": "FeatureCollection", "features": [folder, *features]})


SEGMENT = feature("Segment 1", "Polygon", [RING], **{"class": "Assignment"})
MARKER = feature("IPP", "Point", [8.491, 51.181, 0, 0], **{"class": "Marker"})
LINES = [
    feature(f"Line {n}", "LineString", [[8.49, 51.18], [8.491, 51.18 + n / 1000]], **{"class": "Shape"})
    for n in (1, 2)
]


def test_a_marker_beside_the_segments_of_a_caltopo_map_is_said_to_be_left_out() -> None:
    area = parse_area(caltopo(SEGMENT, MARKER).encode(), name="map.json")
    assert area.notes == ("map.json: 1 point(s) left out (IPP): areas and lines alone are read",)
    assert area.vertices == 5


def test_points_and_tracks_of_a_kml_map_are_said_to_be_left_out() -> None:
    ring = " ".join(f"{lon},{lat}" for lon, lat in RING)
    polygon = (
        f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates></LinearRing>"
        "</outerBoundaryIs></Polygon>"
    )
    point = "<Placemark><name>Car</name><Point><coordinates>8.49,51.18</coordinates></Point></Placemark>"
    track = (
        '<Placemark><gx:Track xmlns:gx="http://www.google.com/kml/ext/2.2"><gx:coord>8 51 9</gx:coord>'
        "</gx:Track></Placemark>"
    )
    text = KML.format(f"<Placemark>{polygon}</Placemark>{point}{track}")
    notes = parse_area(text.encode(), name="map.kml").notes
    assert any("1 point(s) left out (Car)" in note for note in notes)
    assert any("1 gx:Track(s) left out" in note for note in notes)


def test_the_points_of_a_map_that_airbeat_wrote_need_no_note(full_plan: Any) -> None:
    from airbeat.formats.geojson import write_geojson
    from airbeat.formats.kml import write_kml

    for text in (write_geojson(full_plan), write_kml(full_plan)):
        assert not any("left out" in note for note in parse_area(text.encode(), name="own").notes)


def test_points_beside_the_line_that_is_the_route_are_said_to_be_left() -> None:
    plan = read_geojson(caltopo(LINES[0], MARKER), name="map.json")
    assert len(plan.items) == 2
    assert any("1 points beside the line" in note for note in plan.notes)


def test_a_waypoint_of_another_program_that_calls_itself_one_is_a_place_of_the_route() -> None:
    points = [feature(str(n), "Point", [8.49, 51.18 + n / 1000], **{"kind": "waypoint"}) for n in range(3)]
    assert len(read_geojson(caltopo(*points), name="x.geojson").items) == 3


def test_a_collection_of_geometries_is_read_part_by_part() -> None:
    collection = {
        "type": "GeometryCollection",
        "geometries": [
            LINES[0]["geometry"],
            {"type": "GeometryCollection", "geometries": [SEGMENT["geometry"]]},
        ],
    }
    plan = read_geojson(json.dumps(collection), name="x.geojson")
    assert len(plan.items) == 2
    assert any("polygons of the file" in note for note in plan.notes)
    for _ in range(10):
        collection = {"type": "GeometryCollection", "geometries": [collection]}
    with pytest.raises(PlanFileError, match="nested too deep"):
        read_geojson(json.dumps(collection), name="x.geojson")


def test_a_route_in_another_reference_system_is_refused_by_its_name() -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}}
    text = json.dumps(
        {"type": "LineString", "coordinates": [[473000, 5670000], [473100, 5670000]], "crs": crs}
    )
    with pytest.raises(GeometryError, match="EPSG::25832"):
        read_geojson(text, name="x.geojson")


@pytest.mark.parametrize(
    "read", [lambda t: read_geojson(t, name="x"), lambda t: parse_area(t.encode(), name="x")]
)
def test_a_million_positions_are_refused_before_they_are_read(read: Any) -> None:
    text = '{"type": "LineString", "coordinates": [' + ",".join(["[8,51]"] * 1_000_000) + "]}"
    with pytest.raises((PlanFileError, GeometryError), match="lists and objects"):
        read(text)


def test_a_number_of_thousands_of_digits_is_refused_in_our_own_words() -> None:
    with pytest.raises(PlanFileError, match="a number of thousands of digits") as refusal:
        read_geojson('{"type": "Point", "coordinates": [' + "9" * 10_000 + ", 1]}", name="x.geojson")
    assert "sys." not in str(refusal.value)


def points(tag: str, *lats: float) -> str:
    return "".join(f'<{tag} lat="{lat}" lon="8.5"/>' for lat in lats)


def test_a_track_beside_a_route_and_the_gaps_of_a_track_are_said() -> None:
    track = f"<trk><trkseg>{points('trkpt', 51.0, 51.001)}</trkseg></trk>"
    plan = read_gpx(
        GPX.format(f"{points('wpt', 51.0)}<rte>{points('rtept', 51.0, 51.002)}</rte>{track}").encode(),
        name="x",
    )
    assert len(plan.items) == 2
    assert any("tracks of the file are not read" in note for note in plan.notes)
    assert any("1 points beside the line" in note for note in plan.notes)
    two = track.replace("</trkseg>", f"</trkseg><trkseg>{points('trkpt', 51.003)}</trkseg>", 1)
    plan = read_gpx(GPX.format(two).encode(), name="x")
    assert len(plan.items) == 3
    assert any("several segments" in note for note in plan.notes)


def test_an_empty_route_does_not_hide_the_track() -> None:
    track = f"<trk><trkseg>{points('trkpt', 51.0, 51.001)}</trkseg></trk>"
    assert len(read_gpx(GPX.format(f"<rte><name>x</name></rte>{track}").encode(), name="x").items) == 2


@pytest.mark.parametrize(
    ("features", "says"),
    [
        ([SEGMENT, *LINES], "areas, nothing to fly yet"),
        ([SEGMENT, MARKER], "1 with 0 holes, 5 vertices: airbeat plan --area"),
    ],
)
def test_inspect_tells_the_areas_of_a_map_with_lines_and_markers(
    tmp_path: Path, features: list[dict[str, Any]], says: str
) -> None:
    path = tmp_path / "map.json"
    path.write_text(caltopo(*features), encoding="utf-8")
    done = CliRunner().invoke(cli, ["inspect", str(path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert says in done.stdout


def test_two_lines_without_an_area_are_refused_by_inspect_too(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    path.write_text(caltopo(*LINES), encoding="utf-8")
    with pytest.raises(PlanFileError, match="2 lines"):
        CliRunner().invoke(cli, ["inspect", str(path)], catch_exceptions=False, standalone_mode=False)


def test_a_polygon_of_very_many_holes_is_refused_before_they_are_read() -> None:
    hole = [[8.4901, 51.1801], [8.4902, 51.1801], [8.4902, 51.1802], [8.4901, 51.1801]]
    text = json.dumps({"type": "Polygon", "coordinates": [RING, *[hole] * 26_000]})
    with pytest.raises(GeometryError, match="104005 vertices"):
        parse_area(text.encode(), name="x.geojson")


def test_a_tag_of_very_many_attributes_is_refused_before_it_is_parsed() -> None:
    attributes = " ".join(f'a{n}="1"' for n in range(30_000))
    with pytest.raises(PlanFileError, match="a tag of more than 200 kB"):
        read_gpx(f"<gpx {attributes}/>".encode(), name="x.gpx")
