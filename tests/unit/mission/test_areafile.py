"""Area files: roles, corridors, KML, antimeridian notations, hostile content."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.datums import MapDatum, from_wgs84
from airbeat.geo.frame import LocalFrame
from airbeat.mission.areafile import AreaFile, parse_area, read_area_file


def local_area_m2(geometry: Any) -> float:
    return float(LocalFrame.around(geometry).to_local(geometry).area)


def parse(document: Any) -> AreaFile:
    return parse_area(json.dumps(document).encode(), name="a.geojson")


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def feature(geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


SQUARE = [[7.45, 46.95], [7.46, 46.95], [7.46, 46.96], [7.45, 46.96], [7.45, 46.95]]
INNER = [[7.452, 46.952], [7.454, 46.952], [7.454, 46.954], [7.452, 46.952]]


@pytest.mark.parametrize(
    "document",
    [
        polygon(SQUARE, INNER),
        feature(polygon(SQUARE, INNER)),
        {"type": "FeatureCollection", "features": [feature(polygon(SQUARE, INNER), role="area")]},
        {"type": "MultiPolygon", "coordinates": [[SQUARE, INNER]]},
        {"type": "GeometryCollection", "geometries": [polygon(SQUARE, INNER)]},
    ],
)
def test_every_way_to_write_a_polygon_gives_the_same_area(document: dict[str, Any]) -> None:
    area = parse(document).area
    assert area.geom_type == "Polygon"
    assert len(area.interiors) == 1
    assert local_area_m2(area) == pytest.approx(829_500, rel=0.005)


def test_a_keep_out_that_crosses_the_boundary_leaves_the_free_area() -> None:
    beyond = [[7.455, 46.955], [7.47, 46.955], [7.47, 46.97], [7.455, 46.97], [7.455, 46.955]]
    read = parse(
        {
            "type": "FeatureCollection",
            "features": [feature(polygon(SQUARE)), feature(polygon(beyond), role="keepout")],
        }
    )
    assert local_area_m2(read.free) == pytest.approx(0.75 * local_area_m2(read.area), rel=1e-3)
    assert len(read.keepouts) == 1


def test_keep_outs_that_cover_everything_are_refused() -> None:
    read = parse(
        {
            "type": "FeatureCollection",
            "features": [feature(polygon(SQUARE)), feature(polygon(SQUARE), role="keepout")],
        }
    )
    with pytest.raises(GeometryError, match="cover the whole area"):
        _ = read.free


def test_a_corridor_is_kept_as_a_line_and_as_its_ground() -> None:
    line = {"type": "LineString", "coordinates": [[7.45, 46.95], [7.46, 46.95]]}
    read = parse(feature(line, role="corridor", corridor_width_m=100))
    (corridor,) = read.corridors
    assert corridor.width_m == 100.0
    assert corridor.line[0] == LatLon(lat_deg=46.95, lon_deg=7.45)
    length_m = 761.0
    assert local_area_m2(read.area) == pytest.approx(length_m * 100 + 3.06 * 50**2, rel=0.01)


def test_a_corridor_without_a_width_is_refused() -> None:
    line = {"type": "LineString", "coordinates": [[7.45, 46.95], [7.46, 46.95]]}
    with pytest.raises(GeometryError, match="no corridor_width_m"):
        parse(feature(line, role="corridor"))
    with pytest.raises(GeometryError, match="0 to 10000"):
        parse(feature(line, role="corridor", corridor_width_m=-5))


def test_all_notations_over_the_antimeridian_give_the_same_connected_area() -> None:
    jump = [[179.99, -16.85], [-179.99, -16.85], [-179.99, -16.84], [179.99, -16.84], [179.99, -16.85]]
    beyond = [[lon if lon > 0 else lon + 360, lat] for lon, lat in jump]
    west = [[179.99, -16.85], [180.0, -16.85], [180.0, -16.84], [179.99, -16.84], [179.99, -16.85]]
    east = [[-180.0, -16.85], [-179.99, -16.85], [-179.99, -16.84], [-180.0, -16.84], [-180.0, -16.85]]
    shapes = [
        parse(polygon(jump)).area,
        parse(polygon(beyond)).area,
        parse({"type": "MultiPolygon", "coordinates": [[west], [east]]}).area,
        parse(
            {"type": "FeatureCollection", "features": [feature(polygon(west)), feature(polygon(east))]}
        ).area,
    ]
    for shape in shapes:
        assert LocalFrame.around(shape).to_local(shape).geom_type == "Polygon"
        assert local_area_m2(shape) == pytest.approx(local_area_m2(shapes[0]), rel=1e-5)


def test_a_ring_that_touches_itself_is_repaired_and_a_bow_tie_refused_with_its_place() -> None:
    touching = [
        [7.45, 46.95],
        [7.46, 46.95],
        [7.455, 46.955],
        [7.46, 46.96],
        [7.45, 46.96],
        [7.455, 46.955],
        [7.45, 46.95],
    ]
    read = parse(polygon(touching))
    assert any("repaired" in note for note in read.notes)
    assert LocalFrame.around(read.area).to_local(read.area).is_valid
    bow_tie = [SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0]]
    with pytest.raises(GeometryError, match=r"crosses itself at 46\.95\d+, 7\.45\d+"):
        parse(polygon(bow_tie))


def test_coordinates_of_a_chinese_map_are_converted() -> None:
    true = [LatLon(lat_deg=lat - 7, lon_deg=lon + 109) for lon, lat in SQUARE]
    drawn = [[p.lon_deg, p.lat_deg] for p in from_wgs84(true, MapDatum.BD09)]
    read = parse_area(json.dumps(polygon(drawn)).encode(), name="a", datum=MapDatum.BD09)
    assert read.area.exterior.coords[0] == pytest.approx((true[0].lon_deg, true[0].lat_deg), abs=1e-9)


KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder>
<Placemark><name>wood</name><MultiGeometry>
<Polygon><outerBoundaryIs><LinearRing><coordinates>
7.45,46.95,0 7.46,46.95,0
7.46,46.96,0 7.45,46.96,0 7.45,46.95,0</coordinates></LinearRing></outerBoundaryIs>
<innerBoundaryIs><LinearRing><coordinates>7.452,46.952 7.454,46.952 7.454,46.954</coordinates></LinearRing>
</innerBoundaryIs>
</Polygon></MultiGeometry></Placemark>
<Placemark><ExtendedData><Data name="role"><value>keepout</value></Data></ExtendedData>
<Polygon><outerBoundaryIs><LinearRing><coordinates>7.456,46.956 7.457,46.956 7.457,46.957</coordinates>
</LinearRing></outerBoundaryIs></Polygon></Placemark>
<Placemark><Point><coordinates>7.45,46.95</coordinates></Point></Placemark>
</Folder></Document></kml>"""


def test_kml_polygons_with_holes_and_roles_are_read() -> None:
    read = parse_area(KML.encode(), name="wood.kml")
    assert len(read.area.interiors) == 1
    assert len(read.keepouts) == 1
    assert local_area_m2(read.area) == pytest.approx(829_500, rel=0.005)
    assert read.vertices == 11


HOSTILE = {
    "entities": b'<!DOCTYPE k [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><kml>&c;</kml>',
    "deep xml": b"<kml>" + b"<a>" * 500_000,
    "deep json": b"[" * 500_000,
    "a zip": b"PK\x03\x04",
    "nothing": b"",
    "utf-16": KML.encode("utf-16"),
    "an unknown encoding": b'<?xml version="1.0" encoding="nonsense"?><kml/>',
    "a huge number": b'{"type": "Polygon", "coordinates": [[[' + b"9" * 5000 + b", 1]]]}",
    "no number": b'{"type": "Polygon", "coordinates": [[[NaN, 1]]]}',
    "metres": b'{"type": "Polygon", "coordinates": [[[2600000, 1200000], [1, 1], [1, 2]]]}',
    "another system": b'{"type": "Polygon", "crs": {"properties": {"name": "EPSG:2056"}}}',
    "the whole world": b'{"type": "Polygon", "coordinates": [[[-170, -80], [170, -80], [9, 80]]]}',
    "another role": b'{"type": "Feature", "properties": {"role": "x"}, "geometry": {"type": "Point"}}',
    "no polygon": b'{"type": "Point", "coordinates": [1, 2]}',
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_gets_the_typed_error_with_its_name(content: bytes) -> None:
    with pytest.raises(GeometryError) as caught:
        parse_area(content, name="hostile")
    assert caught.value.where.startswith("hostile")


def test_too_many_vertices_are_refused() -> None:
    ring = [[7.45 + i * 1e-6, 46.95] for i in range(20_001)]
    with pytest.raises(GeometryError, match="20001 vertices"):
        parse(polygon(ring))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match="no such area file"):
        read_area_file(tmp_path / "none.geojson")


@pytest.mark.shared_data
def test_the_development_areas_are_read_or_refused_as_they_expect(shared_data: Path) -> None:
    refused = []
    for path in sorted((shared_data / "areas").glob("*.geojson")):
        try:
            free = read_area_file(path).free
        except GeometryError:
            refused.append(path.stem)
            continue
        assert LocalFrame.around(free).to_local(free).is_valid
    assert refused == ["syn_bowtie_invalid_dev"]
