"""GeoJSON and KML maps of a plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import shapely
from lxml import etree
from shapely.geometry import shape

from airbeat.formats.geojson import write_geojson
from airbeat.formats.geojson_read import read_geojson
from airbeat.formats.kml import write_kml
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.areafile import parse_area
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon, FlightPlan, ItemRole, PlanItem

KML = "{http://www.opengis.net/kml/2.2}"
# The order of elements in the OGC schema ogckml22.xsd, for the elements that are written.
ORDER = {
    "Document": ["name", "open", "description", "Style", "ExtendedData", "Folder"],
    "Folder": ["name", "Placemark"],
    "Placemark": [
        "name",
        "description",
        "styleUrl",
        "ExtendedData",
        "Point",
        "LineString",
        "Polygon",
        "MultiGeometry",
    ],
    "Style": ["IconStyle", "LabelStyle", "LineStyle", "PolyStyle"],
    "Point": ["altitudeMode", "coordinates"],
    "LineString": ["tessellate", "altitudeMode", "coordinates"],
    "Polygon": ["tessellate", "altitudeMode", "outerBoundaryIs", "innerBoundaryIs"],
}


def features(plan: FlightPlan, kind: str = "") -> list[dict[str, Any]]:
    found = json.loads(write_geojson(plan))["features"]
    return [f for f in found if kind in ("", f["properties"]["kind"])]


def placemarks(plan: FlightPlan, style: str) -> list[Any]:
    root = etree.fromstring(write_kml(plan).encode())
    return [p for p in root.iter(f"{KML}Placemark") if p.findtext(f"{KML}styleUrl") == f"#{style}"]


def test_every_geometry_is_valid_and_follows_the_right_hand_rule(full_plan: FlightPlan) -> None:
    for feature in features(full_plan):
        geometry = shape(feature["geometry"])
        assert geometry.is_valid
        for polygon in shapely.get_parts(geometry):
            if polygon.geom_type == "Polygon":
                assert polygon.exterior.is_ccw
                assert all(not ring.is_ccw for ring in polygon.interiors)


def test_the_map_shows_each_kind_of_thing(full_plan: FlightPlan) -> None:
    kinds = [f["properties"]["kind"] for f in features(full_plan)]
    assert set(kinds) == {
        "area",
        "unseen",
        "fence-inclusion",
        "fence-exclusion",
        "path",
        "waypoint",
        "home",
        "rally",
        "last-seen",
    }
    assert shape(features(full_plan, "area")[0]["geometry"]).equals(full_plan.survey.area)  # type: ignore[union-attr]
    assert features(full_plan, "home")[0]["geometry"]["coordinates"] == [8.49, 51.18]


def test_waypoints_carry_their_sequence_numbers_heights_and_datums(full_plan: FlightPlan) -> None:
    properties = [f["properties"] for f in features(full_plan, "waypoint")]
    assert [p["seq"] for p in properties] == [1, 3, 5, 6]
    assert [(p["height_m"], p["height_datum"]) for p in properties] == [
        (60.0, "home"),
        (60.0, "home"),
        (470.0, "amsl"),
        (61.5, "agl"),
    ]


def test_the_path_is_cut_by_role_and_ends_at_home(full_plan: FlightPlan) -> None:
    lines = features(full_plan, "path")
    assert [f["properties"]["leg_role"] for f in lines] == ["transit", "sweep", "visit", "return", "transit"]
    assert lines[3]["geometry"]["coordinates"][-1] == [8.49, 51.18]
    assert lines[4]["properties"]["first_item"] == 9  # the way back that DO_JUMP makes


def test_the_map_carries_notes_and_provenance(full_plan: FlightPlan) -> None:
    about = json.loads(write_geojson(full_plan))["airbeat"]
    assert about["notes"][0].startswith("unsurveyed")
    assert about["source_sha256"] == "ab" * 32
    kml = write_kml(full_plan)
    assert "unsurveyed" in kml
    assert "ab" * 32 in kml


def test_coordinates_have_at_most_eight_decimals(full_plan: FlightPlan) -> None:
    third = full_plan.items[2]
    moved = replace(third, position=LatLon(lat_deg=51.123456789012, lon_deg=8.49))
    plan = replace(full_plan, items=(moved,))
    assert features(plan, "waypoint")[0]["geometry"]["coordinates"] == [8.49, 51.12345679]


def test_a_circle_on_the_map_is_on_the_safe_side(full_plan: FlightPlan) -> None:
    centre = LatLon(lat_deg=51.18, lon_deg=8.49)
    frame = LocalFrame(centre)
    for inclusion in (True, False):
        zone = FenceCircle(inclusion=inclusion, centre=centre, radius_m=100.0)
        plan = replace(full_plan, fence=Fence(circles=(zone,)))
        kind = "fence-inclusion" if inclusion else "fence-exclusion"
        drawn = frame.to_local(shape(features(plan, kind)[0]["geometry"]))
        distances = [
            shapely.Point(0, 0).distance(drawn.exterior),
            drawn.exterior.hausdorff_distance(shapely.Point(0, 0)),
        ]
        assert distances == pytest.approx([100.0, 100.0], abs=0.11)
        assert max(distances) <= 100.001 if inclusion else min(distances) >= 99.999


def test_a_plan_across_the_antimeridian_is_cut_there() -> None:
    corners = [(-16.5, 179.99), (-16.5, -179.99), (-16.4, -179.99), (-16.4, 179.99)]
    fence = Fence(
        polygons=(
            FencePolygon(inclusion=True, vertices=tuple(LatLon(lat_deg=a, lon_deg=o) for a, o in corners)),
        )
    )
    height = Altitude(value_m=50.0, datum=AltitudeDatum.HOME)
    item = PlanItem(
        command=MavCmd.NAV_WAYPOINT,
        position=LatLon(lat_deg=-16.45, lon_deg=-179.995),
        altitude=height,
        role=ItemRole.TRANSIT,
    )
    plan = FlightPlan(
        name="Taveuni", home=LatLon(lat_deg=-16.45, lon_deg=179.995), items=(item,), fence=fence
    )
    zone = shape(features(plan, "fence-inclusion")[0]["geometry"])
    line = shape(features(plan, "path")[0]["geometry"])
    assert zone.geom_type == "MultiPolygon"
    assert line.geom_type == "MultiLineString"
    assert zone.area == pytest.approx(0.02 * 0.1)
    for geometry in (zone, line):
        assert all(max(p.bounds[2], p.bounds[0]) - min(p.bounds[0], p.bounds[2]) < 1 for p in geometry.geoms)
    assert "180.005" not in write_kml(plan)


def test_kml_elements_stand_in_the_order_of_the_standard(full_plan: FlightPlan) -> None:
    root = etree.fromstring(write_kml(full_plan).encode())
    assert root.tag == f"{KML}kml"
    seen = set()
    for element in root.iter():
        tag = element.tag.removeprefix(KML)
        if tag in ORDER:
            seen.add(tag)
            places = [ORDER[tag].index(child.tag.removeprefix(KML)) for child in element]
            assert places == sorted(places), tag
    assert seen == set(ORDER)


def test_kml_heights_are_absolute_when_home_is_known_and_above_ground_otherwise(
    full_plan: FlightPlan,
) -> None:
    first = placemarks(full_plan, "waypoint")[0].find(f"{KML}Point")
    assert first.findtext(f"{KML}altitudeMode") == "absolute"
    assert first.findtext(f"{KML}coordinates") == "8.49000000,51.18000000,472.50"
    unknown = placemarks(replace(full_plan, home_amsl_m=None), "waypoint")
    modes = [p.findtext(f"{KML}Point/{KML}altitudeMode") for p in unknown]
    assert modes == ["relativeToGround", "relativeToGround", "absolute", "relativeToGround"]
    assert "not known" in unknown[0].findtext(f"{KML}description")


def test_kml_text_from_outside_is_escaped_and_stays_xml(full_plan: FlightPlan) -> None:
    plan = replace(full_plan, name="a\x00b<script>&\ud800", notes=("]]>\x1b",))
    root = etree.fromstring(write_kml(plan).encode())
    assert root.findtext(f"{KML}Document/{KML}name") == "ab<script>&"


def test_a_plan_of_nothing_but_home_is_a_map_too() -> None:
    plan = FlightPlan(name="empty", home=LatLon(lat_deg=0.0, lon_deg=0.0))
    assert [f["properties"]["kind"] for f in features(plan)] == ["home"]
    assert len(placemarks(plan, "home")) == 1


@pytest.mark.parametrize(("write", "name"), [(write_geojson, "map.geojson"), (write_kml, "map.kml")])
def test_a_map_can_be_read_back_as_an_area_without_fence_and_path(
    full_plan: FlightPlan, write: Callable[[FlightPlan], str], name: str
) -> None:
    assert full_plan.survey is not None
    read = parse_area(write(full_plan).encode(), name=name)
    assert read.area.symmetric_difference(full_plan.survey.area).area < 1e-12
    assert read.keepouts == ()
    assert read.notes == (
        f"{name}: a plan's map, of which the area alone was read, not its fence or keep-outs",
    )


def test_zones_and_rally_points_carry_their_names(full_plan: FlightPlan) -> None:
    assert full_plan.fence is not None
    assert full_plan.rally
    polygon, *others = full_plan.fence.polygons
    fence = replace(full_plan.fence, polygons=(replace(polygon, name="wood"), *others))
    rally = (replace(full_plan.rally[0], name="hut"), *full_plan.rally[1:])
    titles = [f["properties"]["title"] for f in features(replace(full_plan, fence=fence, rally=rally))]
    assert any(t.endswith("polygon 1: wood") for t in titles)
    assert "Rally point 1: hut" in titles


def test_a_zone_across_the_antimeridian_that_crosses_itself_comes_back_as_it_was() -> None:
    corners = [(11.4914, 179.9866), (11.4778, 179.9676), (11.4795, -179.9994), (11.4667, 179.9727)]
    zone = FencePolygon(inclusion=False, vertices=tuple(LatLon(lat_deg=a, lon_deg=o) for a, o in corners))
    home = LatLon(lat_deg=11.48, lon_deg=179.985)
    plan = FlightPlan(name="Taveuni", home=home, items=(), fence=Fence(polygons=(zone,)))
    held = read_geojson(write_geojson(plan), name="x").fence
    assert held is not None
    assert len(held.polygons) == 1
    assert {(v.lat_deg, v.lon_deg) for v in held.polygons[0].vertices} == set(corners)
