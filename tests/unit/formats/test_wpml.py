"""DJI waylines: the elements DJI documents, and the traps of other people's files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from airbeat.errors import PlanFileError, UsageError
from airbeat.formats.wpml import AIRCRAFT, STOP, write_wpml
from airbeat.formats.wpml_read import read_wpml
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan, PlanItem

NS = {"k": "http://www.opengis.net/kml/2.2", "w": "http://www.dji.com/wpmz/1.0.2"}
HOME = LatLon(lat_deg=51.18, lon_deg=8.49)


def waypoint(north: float, east: float, height_m: float = 60.0, **changes: object) -> PlanItem:
    place = LatLon(lat_deg=HOME.lat_deg + north, lon_deg=HOME.lon_deg + east)
    item = PlanItem(
        command=MavCmd.NAV_WAYPOINT,
        position=place,
        altitude=Altitude(value_m=height_m, datum=AltitudeDatum.HOME),
    )
    return replace(item, **changes)


PLAN = FlightPlan(
    name="two lines",
    home=HOME,
    home_amsl_m=412.5,
    speed_m_s=9.0,
    items=(
        PlanItem(
            command=MavCmd.NAV_TAKEOFF,
            position=HOME,
            altitude=Altitude(value_m=60.0, datum=AltitudeDatum.HOME),
        ),
        PlanItem(command=MavCmd.DO_CHANGE_SPEED, params=(1.0, 9.0, -1.0, 0.0)),
        waypoint(0.001, 0.0),
        PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST, params=(12.5, 0.0, 1.0, 0.0)),
        waypoint(0.002, 0.0),
        PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST, params=(0.0, 0.0, 1.0, 0.0)),
        waypoint(0.002, 0.001, params=(5.0, 0.0, 0.0, 0.0)),
        PlanItem(command=MavCmd.DO_MOUNT_CONTROL, params=(-45.0, 0.0, 0.0, 0.0), extra=(0.0, 0.0, 2.0)),
        PlanItem(command=MavCmd.DO_DIGICAM_CONTROL, extra=(1.0, 0.0, 0.0)),
        PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),
    ),
)


def part(data: bytes, name: str) -> ET.Element:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return ET.fromstring(archive.read(f"wpmz/{name}"))


def changed(data: bytes, name: str, change: Callable[[str], str]) -> bytes:
    """The archive with the text of one member changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for member in old.namelist():
            text = old.read(member).decode()
            new.writestr(member, change(text) if member.endswith(name) else text)
    return buffer.getvalue()


def test_both_files_are_in_the_archive_because_flighthub_refuses_one_without_template() -> None:
    with zipfile.ZipFile(io.BytesIO(write_wpml(PLAN))) as archive:
        assert archive.namelist() == ["wpmz/template.kml", "wpmz/waylines.wpml"]


def test_the_wayline_says_what_the_aircraft_flies() -> None:
    root = part(write_wpml(PLAN), "waylines.wpml")
    folder = root.find("k:Document/k:Folder", NS)
    assert folder is not None
    assert folder.findtext("w:executeHeightMode", namespaces=NS) == "relativeToStartPoint"
    marks = folder.findall("k:Placemark", NS)
    assert [m.findtext("w:index", namespaces=NS) for m in marks] == ["0", "1", "2"]
    assert marks[0].findtext("k:Point/k:coordinates", namespaces=NS) == "8.49000000,51.18100000"
    assert marks[0].findtext("w:executeHeight", namespaces=NS) == "60.000"
    group = marks[0].find("w:actionGroup", NS)
    assert group is not None
    assert group.findtext("w:actionGroupStartIndex", namespaces=NS) == "0"
    assert group.findtext("w:actionGroupEndIndex", namespaces=NS) == "1"
    assert group.findtext("w:actionTrigger/w:actionTriggerType", namespaces=NS) == "multipleDistance"
    assert group.findtext("w:actionTrigger/w:actionTriggerParam", namespaces=NS) == "12.5"
    actions = marks[2].iter(f"{{{NS['w']}}}action")
    functions = [a.findtext("w:actionActuatorFunc", namespaces=NS) for a in actions]
    assert functions == ["hover", "gimbalRotate", "takePhoto"]


def test_action_group_numbers_are_unique_in_the_file() -> None:
    root = part(write_wpml(PLAN), "waylines.wpml")
    ids = [e.text for e in root.iter(f"{{{NS['w']}}}actionGroupId")]
    assert ids == ["0", "1"]


def test_the_reference_take_off_point_is_latitude_first_and_in_the_template_only() -> None:
    data = write_wpml(PLAN)
    template, waylines = part(data, "template.kml"), part(data, "waylines.wpml")
    point = template.findtext("k:Document/w:missionConfig/w:takeOffRefPoint", namespaces=NS)
    assert point == "51.18000000,8.49000000,412.500"
    assert waylines.find("k:Document/w:missionConfig/w:takeOffRefPoint", NS) is None


@pytest.mark.parametrize("aircraft", AIRCRAFT)
def test_every_listed_aircraft_is_named_by_its_numbers(aircraft: str) -> None:
    root = part(write_wpml(PLAN, aircraft=aircraft), "waylines.wpml")
    config = root.find("k:Document/w:missionConfig", NS)
    assert config is not None
    known = AIRCRAFT[aircraft]
    assert config.findtext("w:droneInfo/w:droneEnumValue", namespaces=NS) == str(known.drone)
    assert config.findtext("w:payloadInfo/w:payloadEnumValue", namespaces=NS) == str(known.payload)


def test_an_aircraft_that_is_not_listed_is_refused() -> None:
    with pytest.raises(UsageError, match="m3e"):
        write_wpml(PLAN, aircraft="mavic-99")


def test_what_was_written_reads_back() -> None:
    back = read_wpml(write_wpml(PLAN), name="two lines.kmz")
    assert [i.command for i in back.items] == [i.command for i in PLAN.items]
    assert back.home == PLAN.home
    assert back.home_amsl_m == 412.5
    assert back.speed_m_s == 9.0


def test_heights_above_the_ground_below_are_refused_with_the_item() -> None:
    high = replace(
        PLAN, items=(waypoint(0.001, 0.0, altitude=Altitude(value_m=40.0, datum=AltitudeDatum.AGL)),)
    )
    with pytest.raises(PlanFileError, match="item 1"):
        write_wpml(high)


def test_heights_above_sea_level_become_heights_above_home_where_that_is_known() -> None:
    amsl = Altitude(value_m=472.5, datum=AltitudeDatum.AMSL)
    plan = replace(PLAN, items=(waypoint(0.001, 0.0, altitude=amsl), waypoint(0.002, 0.0)))
    back = read_wpml(write_wpml(plan), name="x.kmz")
    places = [i for i in back.items if i.command == MavCmd.NAV_WAYPOINT]
    assert str(places[0].altitude) == "60 m home"
    with pytest.raises(PlanFileError, match="above home is not known"):
        write_wpml(replace(plan, home_amsl_m=None))


def test_one_waypoint_is_no_wayline() -> None:
    with pytest.raises(PlanFileError, match="two waypoints"):
        write_wpml(replace(PLAN, items=(waypoint(0.001, 0.0),)))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("relativeToStartPoint", "WGS84", "executeHeightMode"),
        ("<wpml:index>1<", "<wpml:index>7<", "does not follow"),
        ("60.000", "NaN", "not a number"),
        ("8.49000000,51.18100000", "8.49000000;51.18100000", "longitude,latitude"),
        ("8.49000000,51.18100000", "8.49000000,151.18", "latitude 151.18"),
        ("<wpml:actionGroupEndIndex>1<", "<wpml:actionGroupEndIndex>900<", "of 3"),
        ("12.5<", "0<", "every 0 m"),
        ("<kml", "<!DOCTYPE k [<!ENTITY a 'b'>]><kml", "entities"),
        ("</Document>", "", "not readable as XML"),
    ],
)
def test_a_wayline_that_cannot_be_flown_is_refused_with_the_place(old: str, new: str, says: str) -> None:
    data = changed(write_wpml(PLAN), "waylines.wpml", lambda text: text.replace(old, new))
    with pytest.raises(PlanFileError, match=says) as caught:
        read_wpml(data, name="x.kmz")
    assert caught.value.where.startswith("x.kmz")


def test_what_has_no_mavlink_command_is_said() -> None:
    data = changed(write_wpml(PLAN), "waylines.wpml", lambda text: text.replace("takePhoto", "zoom", 2))
    back = read_wpml(data, name="x.kmz")
    assert any("'zoom' is not read" in note for note in back.notes)


def test_a_file_without_template_is_read_and_that_is_said() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(write_wpml(PLAN))) as old, zipfile.ZipFile(buffer, "w") as new:
        new.writestr("wpmz/waylines.wpml", old.read("wpmz/waylines.wpml"))
    back = read_wpml(buffer.getvalue(), name="x.kmz")
    assert any("FlightHub 2 would refuse" in note for note in back.notes)
    assert any("no take-off place" in note for note in back.notes)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("", "", "the file is for a Matrice 350 RTK with H20T (--aircraft m350-h20t writes one for it)"),
        ("EnumValue>89<", "EnumValue>99<", "an aircraft that airbeat does not know (drone 99/0, payload 43)"),
        ("goBack", "hover", "without radio contact: hover; that is not kept"),
        ("executeLostAction", "goContinue", "goes on with the wayline; that is not kept"),
        ("safely", "pointToPoint", "flyToWaylineMode pointToPoint"),
        (
            STOP,
            "coordinateTurn",
            "turn mode coordinateTurn of 3 waypoints (the first is 0) is read as a curve",
        ),
    ],
)
def test_what_a_wayline_says_and_a_plan_does_not_keep_is_said(old: str, new: str, says: str) -> None:
    data = write_wpml(PLAN, aircraft="m350-h20t")
    data = changed(data, "waylines.wpml", lambda text: text.replace(old, new) if old else text)
    assert any(says in note for note in read_wpml(data, name="x.kmz").notes)
