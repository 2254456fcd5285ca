"""Hand-over files say everything that teams on the ground need, and their formats hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from airbeat.formats.sighting import Sighting
from airbeat.formats.sighting_json import write_sightings_caltopo, write_sightings_geojson
from airbeat.formats.sighting_xml import write_cot, write_sightings_gpx, write_sightings_kml
from airbeat.geo.coordinates import LatLon
from airbeat.report.contact_sheet import SheetEntry, contact_sheets
from airbeat.report.handover import write_handover

GPX = "{http://www.topografix.com/GPX/1/1}"
KML = "{http://www.opengis.net/kml/2.2}"


def sighting(**changes):
    values = {
        "id": "C003",
        "uid": "airbeat-0123456789abcdef",
        "verdict": "person",
        "status": "confirmed",
        "position": LatLon(lat_deg=-33.5, lon_deg=-70.25),
        "ce90_m": 4.2,
        "hae_m": 1031.5,
        "msl_m": 1003.2,
        "method": "flat ground",
        "seen_utc": datetime(2024, 5, 1, 10, 2, 3, 500_000, tzinfo=UTC),
        "file": "DCIM/DJI_0042.JPG",
        "sha256": "ab" * 32,
        "xyxy_px": (10.0, 20.0, 30.0, 44.0),
        "score": 0.873,
        "looks": 3,
        "reviewer": "Desk K",
        "decided_utc": datetime(2024, 5, 1, 10, 30, tzinfo=UTC),
        "note": "waves <both> arms & \x07 runs",
    }
    return Sighting(**(values | changes))


def test_people_find_every_fact_in_the_description():
    text = sighting().description()
    for words in (
        "person, confirmed by Desk K at 2024-05-01 10:30:00 UTC",
        "19H",
        "-33.500000, -70.250000",
        "33° 30.000' S 070° 15.000' W",
        "CE90: 4.2 m",
        "height MSL: 1003.2 m",
        "height HAE: 1031.5 m",
        "DCIM/DJI_0042.JPG, box 10, 20, 30, 44 px",
        "ab" * 32,
        "0.87 in 3 photographs",
    ):
        assert words in text
    unknown = sighting(hae_m=None, msl_m=None, seen_utc=None).description()
    assert "height MSL: not known" in unknown
    assert "height HAE: not known" in unknown


def test_gpx_has_latitude_and_longitude_as_attributes_and_the_height_above_the_sea():
    root = ET.fromstring(write_sightings_gpx([sighting(), sighting(msl_m=None)]))
    first, second = root.findall(f"{GPX}wpt")
    assert (first.attrib["lat"], first.attrib["lon"]) == ("-33.5000000", "-70.2500000")
    assert first.findtext(f"{GPX}ele") == "1003.2"
    assert first.findtext(f"{GPX}time") == "2024-05-01T10:02:03.500Z"
    assert second.find(f"{GPX}ele") is None
    order = [child.tag.removeprefix(GPX) for child in first]
    assert order == ["ele", "time", "name", "desc", "src", "sym", "type", "extensions"]  # the schema's


def test_kml_says_how_its_height_is_meant():
    root = ET.fromstring(write_sightings_kml([sighting(), sighting(msl_m=None)]))
    points = list(root.iter(f"{KML}Point"))
    assert points[0].findtext(f"{KML}altitudeMode") == "absolute"
    assert points[0].findtext(f"{KML}coordinates") == "-70.2500000,-33.5000000,1003.2"
    assert points[1].findtext(f"{KML}altitudeMode") == "clampToGround"
    assert points[1].findtext(f"{KML}coordinates") == "-70.2500000,-33.5000000"


def test_cot_has_a_stable_uid_the_height_above_the_ellipsoid_and_a_week_to_live():
    event = ET.fromstring(write_cot(sighting()))
    assert event.attrib == {
        "version": "2.0",
        "uid": "airbeat-0123456789abcdef",
        "type": "a-u-G",
        "how": "h-c",
        "time": "2024-05-01T10:30:00.000Z",
        "start": "2024-05-01T10:30:00.000Z",
        "stale": "2024-05-08T10:30:00.000Z",
    }
    point = event.find("point")
    assert point.attrib == {
        "lat": "-33.5000000",
        "lon": "-70.2500000",
        "hae": "1031.5",
        "ce": "4.2",
        "le": "9999999.0",
    }
    assert event.find("detail/contact").attrib["callsign"] == "C003 person, confirmed"
    unknown = ET.fromstring(write_cot(sighting(hae_m=None)))
    assert unknown.find("point").attrib["hae"] == "9999999.0"


def test_geojson_keeps_heights_apart_by_their_datum_and_caltopo_gets_its_classes():
    (feature,) = json.loads(write_sightings_geojson([sighting()]))["features"]
    assert feature["geometry"]["coordinates"] == [-70.25, -33.5]
    assert (feature["properties"]["ground_hae_m"], feature["properties"]["ground_msl_m"]) == (1031.5, 1003.2)
    folder, marker, clue = json.loads(
        write_sightings_caltopo([sighting(), sighting(verdict="clue", uid="other")])
    )["features"]
    assert [f["properties"]["class"] for f in (folder, marker, clue)] == ["Folder", "Marker", "Clue"]
    assert marker["properties"]["folderId"] == clue["properties"]["folderId"] == folder["id"]
    assert "MGRS" in marker["properties"]["description"]


def test_files_of_what_is_no_longer_confirmed_are_taken_away(tmp_path):
    write_handover(tmp_path, [sighting(), sighting(id="C007", uid="other")])
    assert len(list(tmp_path.iterdir())) == 6
    write_handover(tmp_path, [sighting()])
    assert not (tmp_path / "C007.cot.xml").exists()
    assert write_handover(tmp_path, []) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("count", "sheets"), [(0, 0), (1, 1), (20, 1), (21, 2)])
def test_contact_sheets_hold_twenty_candidates_each_and_need_no_cut_outs(tmp_path, count, sheets):
    Image.new("RGB", (300, 200), (200, 30, 30)).save(tmp_path / "a.jpg")
    entries = [
        SheetEntry(
            id=f"C{n:03d}",
            crop=tmp_path / ("a.jpg" if n else "gone.jpg"),
            score=0.5,
            place="32U MB 64354 69965",
            looks="seen in 2 of 3 photographs",
        )
        for n in range(count)
    ]
    drawn = list(contact_sheets(entries, title="card", total=count, note="not confirmed"))
    assert len(drawn) == sheets
    assert all(jpeg.startswith(b"\xff\xd8") for jpeg in drawn)
