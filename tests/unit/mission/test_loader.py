"""The mission file's meaning: blocks, notes, provenance, limits."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from airbeat import __version__
from airbeat.errors import MissionFileError
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.datums import MapDatum, from_wgs84
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.mission.loader import MAX_BYTES, UNSURVEYED, load_mission, parse_mission
from airbeat.mission.mission import (
    LawnmowerPattern,
    Look,
    Mission,
    MissionKind,
    OrbitPattern,
    PerimeterPattern,
    WaypointPattern,
)

MISSIONS = Path(__file__).parents[3] / "missions"

BASE = """\
airbeat: 1
kind: search
name: Test
home: {lat: 47.0005, lon: 11.0005}
fence:
  inclusion:
    - circle: {lat: 47.0025, lon: 11.0025, radius_m: 600}
  max_height_m: 120
  margin_m: 10
area:
  - {lat: 47.0, lon: 11.0}
  - {lat: 47.005, lon: 11.0}
  - {lat: 47.005, lon: 11.005}
  - {lat: 47.0, lon: 11.005}
height: {value_m: 60, datum: home}
speed_m_s: 8
camera: embedded-12mp
airframe: arducopter-quad
search:
  overlap: {side: 0.4, front: 0.5}
"""
AREA = BASE[BASE.index("area:") : BASE.index("height:")]


def parse(text: str, base_dir: Path = Path()) -> Mission:
    return parse_mission(text, name="test.yaml", base_dir=base_dir)


def changed(*pairs: tuple[str, str]) -> str:
    text = BASE
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def problems(text: str) -> str:
    with pytest.raises(MissionFileError) as caught:
        parse(text)
    return str(caught.value)


def local_area_m2(mission: Mission) -> float:
    return float(LocalFrame.around(mission.area).to_local(mission.area).area)


def test_a_good_file_becomes_a_mission() -> None:
    mission = parse(BASE)
    assert mission.kind is MissionKind.SEARCH
    assert mission.home == LatLon(lat_deg=47.0005, lon_deg=11.0005)
    assert mission.height == Altitude(value_m=60.0, datum=AltitudeDatum.HOME)
    assert mission.pattern == LawnmowerPattern(side_overlap=0.4, front_overlap=0.5)
    assert (mission.speed_m_s, mission.margin_m) == (8.0, 10.0)
    assert mission.fence is not None
    assert mission.fence.max_height_m == 120.0
    assert mission.fence.circles[0].radius_m == 600.0
    assert mission.rally is None
    assert local_area_m2(mission) == pytest.approx(211_200, rel=0.002)
    assert mission.notes == ()


def test_provenance_holds_tool_name_and_hash(tmp_path: Path) -> None:
    path = tmp_path / "hill.yaml"
    path.write_text(BASE, encoding="utf-8")
    provenance = load_mission(path).provenance
    assert provenance.tool_version == __version__
    assert provenance.source_name == "hill.yaml"
    assert provenance.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert provenance == parse_mission(BASE, name="hill.yaml", base_dir=tmp_path).provenance


@pytest.mark.parametrize("path", sorted(MISSIONS.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_mission_reads_and_says_that_it_is_unsurveyed(path: Path) -> None:
    assert UNSURVEYED in path.read_text(encoding="utf-8").splitlines()[0]
    mission = load_mission(path)
    assert mission.notes[0] == UNSURVEYED
    assert mission.fence is not None
    assert not mission.fence.is_empty


def test_the_demo_mission_is_what_the_demo_promises() -> None:
    mission = load_mission(MISSIONS / "demo-hillside.yaml")
    area = LocalFrame.around(mission.area).to_local(mission.area)
    assert area.area == pytest.approx(100_000, rel=0.05)
    assert area.convex_hull.area > 1.1 * area.area
    assert mission.camera.name == "embedded-12mp"
    assert mission.camera.gsd_m_px(mission.height.value_m) <= 0.025
    assert mission.last_seen is not None
    assert mission.rally
    assert any(not p.inclusion for p in mission.fence.polygons)  # type: ignore[union-attr]


def test_height_follows_from_the_gsd_and_never_makes_it_coarser() -> None:
    mission = parse(changed(("{value_m: 60, datum: home}", "{gsd_cm_px: 1.7}")))
    gsd_m = mission.camera.gsd_m_px(mission.height.value_m)
    assert 0.0169 < gsd_m <= 0.017
    assert any("GSD of 1.7 cm" in note for note in mission.notes)


@pytest.mark.parametrize("datum", ["home", "agl", "amsl"])
def test_height_keeps_its_datum(datum: str) -> None:
    text = changed(
        ("{value_m: 60, datum: home}", f"{{value_m: 160, datum: {datum}}}"),
        ("lon: 11.0005}", "lon: 11.0005, amsl_m: 100}"),
        ("max_height_m: 120", "max_height_m: 200"),
    )
    assert parse(text).height == Altitude(value_m=160.0, datum=AltitudeDatum(datum))


def test_a_coarse_gsd_and_a_height_over_120_m_are_noted() -> None:
    notes = parse(changed(("value_m: 60", "value_m: 121"), ("max_height_m: 120", "max_height_m: 200"))).notes
    assert any("coarser than 3 cm" in note for note in notes)
    assert any("over 120 m" in note for note in notes)


def test_a_file_without_a_fence_says_so_and_one_without_a_margin_too() -> None:
    fence = BASE[BASE.index("fence:") : BASE.index("area:")]
    bare = parse(BASE.replace(fence, ""))
    assert bare.fence is None
    assert "the mission has no geofence" in bare.notes
    assert any("margin_m" in note for note in parse(changed(("  margin_m: 10\n", ""))).notes)


def test_area_outside_the_fence_is_noted_with_its_share() -> None:
    notes = parse(changed(("radius_m: 600", "radius_m: 300"))).notes
    assert any("of the area lies outside the fence" in note for note in notes)


def test_lines_farther_apart_than_the_footprint_are_noted() -> None:
    pattern = "  spacing_m: 200\n  trigger_distance_m: 150\n"
    notes = parse(changed(("  overlap: {side: 0.4, front: 0.5}\n", pattern))).notes
    assert any("strips of 115 m are not photographed" in note for note in notes)
    assert any("photographs 150 m apart" in note for note in notes)


def test_zones_and_rally_points_keep_their_names() -> None:
    rally = "rally:\n  - {lat: 47.001, lon: 11.001, height_m: 40, name: car park}\narea:"
    zone = "    - name: valley\n      circle: {lat"
    mission = parse(changed(("    - circle: {lat", zone), ("area:", rally)))
    assert mission.fence is not None
    assert mission.rally is not None
    assert [c.name for c in mission.fence.circles] == ["valley"]
    assert [r.name for r in mission.rally] == ["car park"]


@pytest.mark.parametrize(
    ("old", "new", "message", "remedy"),
    [
        ("name: Test", 'name: "   "', "must not be empty (got '   ')", ""),
        (
            "speed_m_s: 8",
            "speed_m_s: 0xFF",
            "must be a number (got '0xFF')",
            "write the number in decimal digits: 255",
        ),
        (
            "{value_m: 60, datum: home}",
            "{gsd_cm_px: 1.0e-7}",
            "must be 0.05 or more (got 1e-07)",
            "centimetres of ground a pixel: 2 shows a person",
        ),
        (AREA, "area: '..'\n", "..: is a folder", "name the area file inside it"),
    ],
)
def test_a_hint_fits_its_value(old: str, new: str, message: str, remedy: str) -> None:
    with pytest.raises(MissionFileError) as caught:
        parse(changed((old, new)))
    assert [(p.message, p.remedy) for p in caught.value.problems] == [(message, remedy)]


def test_a_spacing_below_half_a_metre_is_refused() -> None:
    pattern = "  spacing_m: 0.02\n  trigger_distance_m: 0.1\n"
    with pytest.raises(MissionFileError) as caught:
        parse(changed(("  overlap: {side: 0.4, front: 0.5}\n", pattern)))
    assert [p.message for p in caught.value.problems] == [
        "must be 0.5 or more (got 0.02)",
        "must be 0.5 or more (got 0.1)",
    ]


def test_fixed_points_keep_their_own_height_heading_and_gimbal() -> None:
    text = BASE[: BASE.index("search:\n")].replace("kind: search", "kind: patrol") + (
        "patrol:\n  points:\n    - {lat: 47.001, lon: 11.001, dwell_s: 20, heading_deg: 90, "
        "gimbal_pitch_deg: -45, photo: true, name: gate, height: {value_m: 40, datum: agl}}\n"
    )
    pattern = parse(text).pattern
    assert isinstance(pattern, WaypointPattern)
    (point,) = pattern.points
    assert (point.dwell_s, point.heading_deg, point.gimbal_pitch_deg) == (20.0, 90.0, -45.0)
    assert point.altitude == Altitude(value_m=40.0, datum=AltitudeDatum.AGL)
    assert (point.photo, point.name) == (True, "gate")


def test_a_profile_can_be_adapted_and_a_camera_given_inline() -> None:
    adapted = parse(changed(("camera: embedded-12mp", "camera: {profile: embedded-12mp, min_interval_s: 2}")))
    assert adapted.camera.min_interval_s == 2.0
    assert adapted.camera.name == "embedded-12mp (adapted)"
    inline = (
        "camera: {name: mine, sensor_width_mm: 6.4, sensor_height_mm: 4.8, focal_length_mm: 4.5, "
        "image_width_px: 4000, image_height_px: 3000}"
    )
    assert parse(changed(("camera: embedded-12mp", inline))).camera.name == "mine"


def test_an_area_with_a_hole_and_an_area_of_several_polygons_are_read() -> None:
    hole = "  holes:\n    - - {lat: 47.002, lon: 11.002}\n      - {lat: 47.003, lon: 11.002}\n"
    hole += "      - {lat: 47.003, lon: 11.003}\n"
    outline = "area:\n  outline:\n" + AREA[6:].replace("  - ", "    - ")
    with_hole = parse(changed((AREA, outline + hole)))
    assert len(with_hole.area.interiors) == 1
    east = AREA[6:].replace("  - ", "      - ").replace("11.0,", "11.00,").replace("11.0", "11.006")
    several = "area:\n  - outline:\n" + AREA[6:].replace("  - ", "      - ") + "  - outline:\n" + east
    text = changed((AREA, several), ("radius_m: 600", "radius_m: 40000"))
    mission = parse(text)
    assert mission.area.geom_type == "MultiPolygon"
    assert len(mission.area.geoms) == 2


def test_two_polygons_that_overlap_become_one_and_the_notes_say_so() -> None:
    second = AREA[6:].replace("  - ", "      - ").replace("47.0,", "47.001,").replace("47.005", "47.004")
    text = changed(
        (AREA, "area:\n  - outline:\n" + AREA[6:].replace("  - ", "      - ") + "  - outline:\n" + second)
    )
    mission = parse(text)
    assert mission.area.geom_type == "Polygon"
    assert any("overlapped" in note for note in mission.notes)


def square(lat: float, lon: float, size: float) -> list[list[list[float]]]:
    corners = [(0, 0), (size, 0), (size, size), (0, size), (0, 0)]
    return [[[round(lon + x, 7), round(lat + y, 7)] for x, y in corners]]


def test_keep_outs_of_an_area_file_leave_the_area_and_join_the_fence(tmp_path: Path) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"role": role},
            "geometry": {"type": "Polygon", "coordinates": ring},
        }
        for role, ring in (("area", square(47.0, 11.0, 0.005)), ("keepout", square(47.002, 11.002, 0.001)))
    ]
    content = json.dumps({"type": "FeatureCollection", "features": features})
    (tmp_path / "hill.geojson").write_text(content, encoding="utf-8")
    mission = parse(changed((AREA, "area: hill.geojson\n")), tmp_path)
    assert local_area_m2(mission) == pytest.approx(211_200 * 24 / 25, rel=0.002)
    assert mission.fence is not None
    (keepout,) = mission.fence.polygons
    assert not keepout.inclusion
    assert len(keepout.vertices) == 4
    assert any("hill.geojson (SHA-256 " in note for note in mission.notes)


def shifted_to_beijing(datum: MapDatum) -> str:
    """The base file as a Chinese map shows it, with 40, 116 for 47, 11."""

    def moved(match: re.Match[str]) -> str:
        true = LatLon(lat_deg=float(match[1]) - 7.0, lon_deg=float(match[2]) + 105.0)
        (shown,) = from_wgs84([true], datum)
        return f"lat: {shown.lat_deg:.9f}, lon: {shown.lon_deg:.9f}"

    text = re.sub(r"lat: ([\d.]+), lon: ([\d.]+)", moved, BASE)
    return text.replace("kind: search", f"kind: search\ndatum: {datum.value}")


@pytest.mark.parametrize("datum", [MapDatum.GCJ02, MapDatum.BD09])
def test_coordinates_of_a_chinese_map_are_converted_and_the_notes_say_by_how_much(datum: MapDatum) -> None:
    mission = parse(shifted_to_beijing(datum))
    assert distance_m(mission.home, LatLon(lat_deg=40.0005, lon_deg=116.0005)) < 0.01
    assert mission.fence is not None
    assert distance_m(mission.fence.circles[0].centre, LatLon(lat_deg=40.0025, lon_deg=116.0025)) < 0.01
    (note,) = mission.notes
    assert note.startswith(f"coordinates converted from {datum.label} to WGS84 (moved by about ")
    assert 300 < float(note.split("about ")[1].split(" m")[0]) < 1500


def test_a_chinese_datum_outside_china_changes_nothing_and_says_so() -> None:
    mission = parse(changed(("kind: search", "kind: search\ndatum: gcj02")))
    assert mission.home == LatLon(lat_deg=47.0005, lon_deg=11.0005)
    assert mission.notes == ("coordinates outside China were taken as WGS84: GCJ-02 has no offset there",)


def test_one_place_may_have_another_datum_than_the_file() -> None:
    text = shifted_to_beijing(MapDatum.GCJ02)
    line = next(line for line in text.splitlines() if line.startswith("home:"))
    mission = parse(text.replace(line, "home: {lat: 40.0005, lon: 116.0005, datum: wgs84}"))
    assert mission.home == LatLon(lat_deg=40.0005, lon_deg=116.0005)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "windows.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode())
    assert load_mission(path).name == "Test"


def test_a_file_over_the_size_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(MissionFileError, match="larger than 1 MB"):
        load_mission(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissionFileError, match="no such file"):
        load_mission(tmp_path / "none.yaml")
    with pytest.raises(MissionFileError, match="is a folder"):
        load_mission(tmp_path)
    with pytest.raises(MissionFileError):
        load_mission(Path("a\0b.yaml"))


def test_too_many_vertices_over_all_blocks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    zone = "    - polygon:\n" + AREA[6:].replace("  - ", "        - ")
    text = changed(("  max_height_m", "  exclusion:\n" + zone + "  max_height_m"))
    monkeypatch.setattr("airbeat.mission.resolve.MAX_VERTICES", 7)
    assert "8 vertices in all (at most 7)" in problems(text)


def test_more_than_fifty_problems_are_counted_not_listed() -> None:
    text = problems(BASE + "".join(f"extra{i}: 1\n" for i in range(70)))
    assert len(text.splitlines()) == 51
    assert text.splitlines()[-1].endswith("and 20 more problems from here on")


def test_an_alias_bomb_is_refused_before_it_expands() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )
    assert problems(bomb).startswith("test.yaml:2:8: YAML aliases are not read")


def test_a_last_seen_point_outside_the_area_is_noted() -> None:
    notes = parse(BASE + "last_seen: {lat: 46.999, lon: 11.0025}\n").notes
    assert "the last-seen point lies 111 m outside the area" in notes


ORBIT = """\
search:
  pattern: orbit
  centre: {lat: 47.0025, lon: 11.0025}
  radius_m: 40
  heights_m: [20, 35.5]
  direction: counterclockwise
  turns: 2
  target_height_m: 12
"""
PERIMETER = """\
search:
  pattern: perimeter
  offset_m: 12
  look: inward
  gimbal_pitch_deg: 10
  overlap: {front: 0.7}
"""
LAWNMOWER = BASE[BASE.index("search:") :]


def test_an_orbit_means_what_it_says() -> None:
    pattern = parse(changed((LAWNMOWER, ORBIT), (AREA, ""))).pattern
    assert pattern == OrbitPattern(
        centre=LatLon(lat_deg=47.0025, lon_deg=11.0025),
        radius_m=40.0,
        heights_m=(20.0, 35.5),
        clockwise=False,
        turns=2,
        target_height_m=12.0,
    )


def test_the_centre_of_an_orbit_may_be_a_keep_out() -> None:
    keep_out = "  exclusion:\n    - circle: {lat: 47.0025, lon: 11.0025, radius_m: 20}\n  max_height_m: 120\n"
    mission = parse(changed((LAWNMOWER, ORBIT), (AREA, ""), ("  max_height_m: 120\n", keep_out)))
    assert mission.fence is not None
    assert len(mission.fence.circles) == 2


def test_a_perimeter_means_what_it_says() -> None:
    pattern = parse(changed((LAWNMOWER, PERIMETER))).pattern
    assert pattern == PerimeterPattern(
        offset_m=12.0, look=Look.INWARD, gimbal_pitch_deg=10.0, front_overlap=0.7
    )


def test_what_a_perimeter_goes_round_outside_may_be_a_keep_out() -> None:
    keep_out = (
        "  exclusion:\n    - circle: {lat: 47.0025, lon: 11.0025, radius_m: 500}\n  max_height_m: 120\n"
    )
    home = ("home: {lat: 47.0005, lon: 11.0005}", "home: {lat: 46.9975, lon: 11.0005}")
    text = changed((LAWNMOWER, PERIMETER), ("  max_height_m: 120\n", keep_out), home)
    text = text.replace("radius_m: 600", "radius_m: 700")
    assert isinstance(parse(text).pattern, PerimeterPattern)
    assert "wholly in the fence's exclusion zones" in problems(text.replace("offset_m: 12", "offset_m: -12"))


def test_points_may_be_flown_in_the_shortest_order() -> None:
    points = "search:\n  pattern: waypoints\n  order: shortest\n  points:\n    - {lat: 47.001, lon: 11.001}\n"
    pattern = parse(changed((LAWNMOWER, points))).pattern
    assert isinstance(pattern, WaypointPattern)
    assert pattern.shortest
