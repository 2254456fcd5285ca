"""What is written as KML, GPX and GeoJSON is valid by the published schemas (``tests/golden/schemas``)."""

from __future__ import annotations

import importlib.util
import json
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely

from airbeat.formats.areas import AREA_FORMATS
from airbeat.formats.geojson import write_geojson
from airbeat.formats.gpx import write_gpx
from airbeat.formats.kml import write_kml
from airbeat.formats.sighting import Sighting
from airbeat.formats.sighting_xml import write_sightings_gpx, write_sightings_kml
from airbeat.geo.coordinates import LatLon
from airbeat.mission.areafile import parse_features
from airbeat.mission.loader import load_mission
from airbeat.mission.plan import FlightPlan
from airbeat.planning.plan import plan_mission

etree = pytest.importorskip("lxml.etree", reason="lxml is not installed")
jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")

ROOT = Path(__file__).parents[3]
SCHEMAS = ROOT / "tests" / "golden" / "schemas"
MISSIONS = sorted((ROOT / "missions").glob("*.yaml"))


class _Shipped(etree.Resolver):
    """Finds what a schema imports among the files beside it, and nothing on the network."""

    def resolve(self, url: str, public_id: str, context: Any) -> Any:
        name = url.rsplit("/", 1)[-1]
        return self.resolve_filename(str(SCHEMAS / ("xal-none.xsd" if name == "xAL.xsd" else name)), context)


def xml_schema(name: str) -> Any:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Shipped())
    return etree.XMLSchema(etree.parse(str(SCHEMAS / name), parser))


KML, GPX = xml_schema("ogckml22.xsd"), xml_schema("gpx11.xsd")
GEOJSON = jsonschema.Draft7Validator(json.loads((SCHEMAS / "geojson-FeatureCollection.json").read_text()))


def errors_of_xml(schema: Any, text: str | bytes) -> list[str]:
    schema.validate(etree.fromstring(text if isinstance(text, bytes) else text.encode()))
    return [str(error) for error in schema.error_log]


def errors_of_geojson(text: str | bytes) -> list[str]:
    document = json.loads(text)
    found = [error.message for error in GEOJSON.iter_errors(document)]
    for feature in document["features"]:
        found += _ring_errors(feature["geometry"])
    return found


def _ring_errors(geometry: dict[str, Any] | None) -> list[str]:
    """What RFC 7946 says of rings and a JSON schema cannot: closed, and the outline counter-clockwise."""
    if geometry is None or geometry["type"] not in ("Polygon", "MultiPolygon"):
        return []
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    found = []
    for rings in polygons:
        for number, ring in enumerate(rings):
            if ring[0] != ring[-1]:
                found.append("a ring is not closed")
            elif shapely.LinearRing(ring).is_ccw is not (number == 0):
                found.append("a ring goes round the wrong way")
    return found


VALID: list[tuple[Callable[[FlightPlan], str], Callable[[str], list[str]]]] = [
    (write_kml, lambda text: errors_of_xml(KML, text)),
    (write_gpx, lambda text: errors_of_xml(GPX, text)),
    (write_geojson, errors_of_geojson),
]
IDS = ["kml", "gpx", "geojson"]


def test_the_schemas_refuse_what_is_wrong(full_plan: FlightPlan) -> None:
    assert errors_of_xml(
        KML, write_kml(full_plan).replace("<Point>", "<Punkt>").replace("</Point>", "</Punkt>")
    )
    assert errors_of_xml(GPX, write_gpx(full_plan).replace('lat="51', 'lat="91'))
    assert errors_of_xml(GPX, write_gpx(full_plan).replace("<ele>", "<ele>1e-7 "))
    assert errors_of_geojson(write_geojson(full_plan).replace('"Polygon"', '"Polygone"'))


@pytest.mark.parametrize(("write", "errors"), VALID, ids=IDS)
def test_a_plan_with_everything_in_it_is_valid(
    write: Callable[[FlightPlan], str], errors: Callable[[str], list[str]], full_plan: FlightPlan
) -> None:
    assert errors(write(full_plan)) == []
    bare = replace(full_plan, items=(), fence=None, rally=None, survey=None, last_seen=None, notes=())
    assert errors(write(bare)) == []


@pytest.mark.parametrize("path", MISSIONS, ids=lambda path: path.stem)
def test_the_maps_of_every_mission_are_valid(path: Path) -> None:
    plan = plan_mission(load_mission(path))
    for write, errors in VALID:
        assert errors(write(plan)) == []


def _roundtrip() -> Any:
    path = ROOT / "tests" / "bench" / "formats_roundtrip.py"
    spec = importlib.util.spec_from_file_location("formats_roundtrip_for_schemas", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("write", "errors"), VALID, ids=IDS)
def test_generated_plans_anywhere_on_earth_are_valid(
    write: Callable[[FlightPlan], str], errors: Callable[[str], list[str]]
) -> None:
    bench = _roundtrip()
    for number in range(60):
        plan = bench.random_plan(random.Random(f"schema-{number}"))
        assert errors(write(plan)) == [], f"plan {number}"


@pytest.mark.parametrize("lon_deg", [180.0, -180.0, 179.999999999, 1e-9])
def test_places_on_the_antimeridian_are_valid(lon_deg: float, full_plan: FlightPlan) -> None:
    place = LatLon(lat_deg=1e-9, lon_deg=lon_deg)
    items = tuple(replace(i, position=place) if i.position else i for i in full_plan.items)
    plan = replace(full_plan, home=place, items=items, last_seen=place, fence=None, rally=None, survey=None)
    for write, errors in VALID:
        assert errors(write(plan)) == []


def test_sightings_are_valid() -> None:
    seen = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
    sighting = Sighting(
        id="A1",
        uid="airbeat-3f2a",
        verdict="person",
        status="confirmed",
        position=LatLon(lat_deg=51.18, lon_deg=8.49),
        ce90_m=4.2,
        hae_m=460.0,
        msl_m=412.5,
        method="flat ground",
        seen_utc=seen,
        file="DJI_0001.JPG",
        sha256="ab" * 32,
        xyxy_px=(10.0, 20.0, 30.0, 40.0),
        score=0.91,
        looks=2,
        reviewer="R & <D>",
        decided_utc=seen,
        note="lies by the path",
    )
    unknown = replace(
        sighting, msl_m=None, hae_m=None, seen_utc=None, position=LatLon(lat_deg=0, lon_deg=180)
    )
    assert errors_of_xml(KML, write_sightings_kml([sighting, replace(unknown, uid="airbeat-2")])) == []
    assert errors_of_xml(GPX, write_sightings_gpx([sighting, unknown])) == []


def test_area_files_are_valid() -> None:
    text = (ROOT / "tests" / "golden" / "formats" / "corridor_drawn_in_qgc.plan").read_bytes()
    wood = json.dumps(shapely.geometry.mapping(shapely.box(8.49, 51.18, 8.50, 51.19, ccw=False))).encode()
    features = (*parse_features(text, name="c.plan")[0], *parse_features(wood, name="w.geojson")[0])
    by_key = {known.key: known for known in AREA_FORMATS}
    assert errors_of_xml(KML, by_key["kml"].write(features)) == []
    assert errors_of_geojson(by_key["geojson"].write(features)) == []
