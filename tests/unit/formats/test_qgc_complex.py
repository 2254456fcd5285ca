"""Surveys and corridor scans of QGroundControl: read, kept, written, and made from airbeat's own plans."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely

from airbeat.errors import PlanFileError
from airbeat.formats.catalogue import FORMATS
from airbeat.formats.editable import made_editable
from airbeat.formats.losses import losses
from airbeat.formats.qgc_plan import read_qgc_plan, write_qgc_plan
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.commands import MavCmd
from airbeat.mission.editable import EditablePattern, PatternKind
from airbeat.mission.loader import load_mission
from airbeat.mission.plan import FlightPlan, ItemRole, PlanItem
from airbeat.planning.plan import plan_mission

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "formats"
PLAN = FORMATS[0]

SURVEY_KEYS = {
    "version",
    "type",
    "complexItemType",
    "angle",
    "flyAlternateTransects",
    "splitConcavePolygons",
    "entryLocation",
    "polygon",
    "TransectStyleComplexItem",
}
CORRIDOR_KEYS = {
    "version",
    "type",
    "complexItemType",
    "CorridorWidth",
    "EntryPoint",
    "polyline",
    "TransectStyleComplexItem",
}
TRANSECT_KEYS = {
    "version",
    "TurnAroundDistance",
    "CameraTriggerInTurnAround",
    "HoverAndCapture",
    "Refly90Degrees",
    "CameraShots",
    "CameraCalc",
    "VisualTransectPoints",
    "Items",
}
MANUAL_KEYS = {
    "version",
    "AdjustedFootprintSide",
    "AdjustedFootprintFrontal",
    "DistanceToSurface",
    "DistanceMode",
    "CameraName",
}
CAMERA_KEYS = MANUAL_KEYS | {
    "SensorWidth",
    "SensorHeight",
    "ImageWidth",
    "ImageHeight",
    "FocalLength",
    "Landscape",
    "FixedOrientation",
    "MinTriggerInterval",
    "ValueSetIsDistance",
    "ImageDensity",
    "FrontalOverlap",
    "SideOverlap",
}


def drawn(name: str) -> FlightPlan:
    return read_qgc_plan((GOLDEN / name).read_text(), name=name)


def document(plan: FlightPlan) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(write_qgc_plan(plan))
    return result


def complex_items(plan: FlightPlan) -> list[dict[str, Any]]:
    return [item for item in document(plan)["mission"]["items"] if item["type"] == "ComplexItem"]


CORRIDOR_MISSION = """
airbeat: 1
kind: search
name: Bank
home: {lat: 51.18, lon: 8.49}
airframe: arducopter-quad
camera: embedded-12mp
speed_m_s: 8
height: {value_m: 60, datum: home}
search:
  pattern: corridor
  line: [{lat: 51.1805, lon: 8.4900}, {lat: 51.1830, lon: 8.4905}, {lat: 51.1850, lon: 8.4940}]
  width_m: 90
  overlap: {side: 0.3, front: 0.3}
"""


def planned(tmp_path: Path, text: str) -> FlightPlan:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    return plan_mission(load_mission(path))


@pytest.mark.parametrize("name", ["survey_drawn_in_qgc.plan", "corridor_drawn_in_qgc.plan"])
def test_a_pattern_drawn_in_qgroundcontrol_is_written_with_the_settings_it_came_with(name: str) -> None:
    theirs = next(
        item
        for item in json.loads((GOLDEN / name).read_text())["mission"]["items"]
        if item["type"] == "ComplexItem"
    )
    (ours,) = complex_items(drawn(name))
    theirs["TransectStyleComplexItem"].pop("Items")
    ours["TransectStyleComplexItem"].pop("Items")
    assert ours == theirs


def test_a_corridor_is_read_with_its_line_width_camera_and_terrain() -> None:
    plan = drawn("corridor_drawn_in_qgc.plan")
    (pattern,) = plan.editable_patterns
    assert (pattern.kind, pattern.first, pattern.last) == (PatternKind.CORRIDOR, 2, 5)
    assert pattern.outline == (LatLon(lat_deg=47.398, lon_deg=8.545), LatLon(lat_deg=47.399, lon_deg=8.547))
    assert (pattern.width_m, pattern.entry, pattern.spacing_m) == (50.0, 2, 45.5)
    assert pattern.camera is not None
    assert (pattern.camera.sensor_width_mm, pattern.camera.image_width_px) == (23.2, 5456)
    assert pattern.altitude == Altitude(value_m=60.0, datum=AltitudeDatum.AGL)
    assert pattern.terrain is not None
    assert pattern.terrain.speed_m_s == 5.0
    assert [i.altitude and i.altitude.value_m for i in plan.items] == [50.0, 492.5, None, 486.25, None, None]


def test_a_plan_for_px4_says_so() -> None:
    assert any("PX4 (firmwareType 12)" in note for note in drawn("corridor_drawn_in_qgc.plan").notes)
    assert not any("firmwareType" in note for note in drawn("survey_drawn_in_qgc.plan").notes)


@pytest.mark.parametrize("name", ["survey_drawn_in_qgc.plan", "corridor_drawn_in_qgc.plan"])
def test_what_was_read_and_written_again_reads_the_same(name: str) -> None:
    plan = drawn(name)
    back = read_qgc_plan(write_qgc_plan(plan), name=name)
    assert not losses(plan, back, precision=PLAN.precision)
    assert back.editable_patterns[0].outline == plan.editable_patterns[0].outline


def test_other_formats_report_that_a_survey_can_no_longer_be_edited() -> None:
    plan = drawn("survey_drawn_in_qgc.plan")
    known = next(f for f in FORMATS if f.key == "waypoints")
    texts = [
        str(loss) for loss in losses(plan, known.read(known.write(plan), "x"), precision=known.precision)
    ]
    assert any(
        text.startswith("survey of items 2 to ") and "not as one that can be edited" in text for text in texts
    )


def test_a_setting_that_was_changed_is_named() -> None:
    plan = drawn("survey_drawn_in_qgc.plan")
    other = replace(plan, patterns=(replace(plan.patterns[0], spacing_m=30.0, entry=3),))
    (loss,) = losses(plan, other, precision=PLAN.precision)
    assert "settings not held: spacing_m, entry" in str(loss)


def test_items_that_were_changed_are_no_longer_written_as_the_pattern() -> None:
    plan = drawn("survey_drawn_in_qgc.plan")
    first = plan.patterns[0].first
    moved = replace(plan.items[first], params=(5.0, 0.0, 0.0, 0.0))
    edited = replace(plan, items=(*plan.items[:first], moved, *plan.items[first + 1 :]))
    assert not edited.editable_patterns
    assert not complex_items(edited)
    assert len(document(edited)["mission"]["items"]) == len(plan.items)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("polygon",), [[47.0, 8.0], [47.1, 8.1]]),
        (("angle",), "north"),
        (("entryLocation",), 7),
        (("TransectStyleComplexItem", "HoverAndCapture"), 1),
        (("TransectStyleComplexItem", "CameraCalc", "DistanceMode"), 0),
        (("TransectStyleComplexItem", "CameraCalc", "CameraName"), None),
        (("TransectStyleComplexItem", "CameraCalc"), []),
    ],
)
def test_settings_that_qgroundcontrol_cannot_load_are_left_out_with_a_note(
    path: tuple[str, ...], value: object
) -> None:
    whole = json.loads((GOLDEN / "survey_drawn_in_qgc.plan").read_text())
    target = next(item for item in whole["mission"]["items"] if item["type"] == "ComplexItem")
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    plan = read_qgc_plan(json.dumps(whole), name="x.plan")
    assert not plan.patterns
    assert len(plan.items) == len(drawn("survey_drawn_in_qgc.plan").items)
    assert any("its settings are not kept, its items are" in note for note in plan.notes)


def test_the_settings_of_older_files_are_read_as_qgroundcontrol_upgrades_them() -> None:
    whole = json.loads((GOLDEN / "survey_drawn_in_qgc.plan").read_text())
    item = next(item for item in whole["mission"]["items"] if item["type"] == "ComplexItem")
    inner = item["TransectStyleComplexItem"]
    inner["version"] = inner["CameraCalc"]["version"] = 1
    del inner["CameraCalc"]["DistanceMode"], inner["CameraShots"]
    for follow, relative, datum in ((False, False, "amsl"), (False, True, "home")):
        inner["FollowTerrain"], inner["CameraCalc"]["DistanceToSurfaceRelative"] = follow, relative
        (pattern,) = read_qgc_plan(json.dumps(whole), name="x.plan").patterns
        assert pattern.altitude.datum.value == datum
        assert pattern.photos == 0


def test_a_survey_without_items_is_refused_because_nothing_would_be_flown() -> None:
    whole = json.loads((GOLDEN / "survey_drawn_in_qgc.plan").read_text())
    item = next(item for item in whole["mission"]["items"] if item["type"] == "ComplexItem")
    item["TransectStyleComplexItem"]["Items"] = []
    with pytest.raises(PlanFileError, match="nothing of it would be flown"):
        read_qgc_plan(json.dumps(whole), name="x.plan")


def test_a_planned_survey_is_written_as_one_that_qgroundcontrol_can_edit() -> None:
    plan = plan_mission(load_mission(ROOT / "missions" / "demo-hillside.yaml"))
    editable, why = made_editable(plan)
    assert why == ""
    assert editable.items == plan.items
    (item,) = complex_items(editable)
    inner = item["TransectStyleComplexItem"]
    assert set(item) == SURVEY_KEYS
    assert (item["version"], inner["version"], inner["CameraCalc"]["version"]) == (5, 2, 2)
    assert set(inner) == TRANSECT_KEYS
    assert set(inner["CameraCalc"]) == CAMERA_KEYS
    assert all(
        set(i) == {"type", "command", "frame", "autoContinue", "doJumpId", "params"} for i in inner["Items"]
    )
    assert not losses(editable, read_qgc_plan(write_qgc_plan(editable), name="x"), precision=PLAN.precision)


def test_the_camera_written_gives_qgroundcontrol_the_spacing_that_was_planned() -> None:
    plan, _ = made_editable(plan_mission(load_mission(ROOT / "missions" / "demo-hillside.yaml")))
    (item,) = complex_items(plan)
    camera = item["TransectStyleComplexItem"]["CameraCalc"]
    density = (
        camera["DistanceToSurface"]
        * camera["SensorWidth"]
        * 100
        / (camera["ImageWidth"] * camera["FocalLength"])
    )
    side = camera["ImageWidth"] * density / 100 * (100 - camera["SideOverlap"]) / 100
    frontal = camera["ImageHeight"] * density / 100 * (100 - camera["FrontalOverlap"]) / 100
    assert plan.survey is not None
    assert camera["ImageDensity"] == pytest.approx(density)
    assert side == pytest.approx(plan.survey.spacing_m)
    assert frontal == pytest.approx(plan.survey.trigger_distance_m)


def test_a_planned_corridor_is_written_as_a_corridor_scan(tmp_path: Path) -> None:
    plan, why = made_editable(planned(tmp_path, CORRIDOR_MISSION))
    assert why == ""
    (item,) = complex_items(plan)
    assert set(item) == CORRIDOR_KEYS
    assert (item["version"], item["CorridorWidth"]) == (2, 90)
    assert item["polyline"] == [[51.1805, 8.49], [51.183, 8.4905], [51.185, 8.494]]
    back = read_qgc_plan(write_qgc_plan(plan), name="x")
    assert not losses(plan, back, precision=PLAN.precision)


def test_the_corner_of_a_corridor_is_the_one_where_the_first_line_begins(tmp_path: Path) -> None:
    plan, _ = made_editable(planned(tmp_path, CORRIDOR_MISSION))
    pattern = plan.patterns[0]
    mirrored = replace(plan.survey, corridor_line=tuple(reversed(pattern.outline))) if plan.survey else None
    other, _ = made_editable(replace(plan, survey=mirrored, patterns=()))
    assert {pattern.entry, other.patterns[0].entry} in ({0, 3}, {1, 2})  # seen from the other end: both turn


CLOCKWISE = [(0, 0), (0, 100), (200, 100), (200, 0)]
COUNTER = [(0, 0), (200, 0), (200, 100), (0, 100)]


@pytest.mark.parametrize(
    ("ring", "angle_deg", "first_line", "entry"),
    [
        # lines lie from west to east, and the outline's first edge that they cross is where each begins
        (CLOCKWISE, 0.0, [(23, 100), (23, 0)], 0),
        (CLOCKWISE, 0.0, [(188, 100), (188, 0)], 1),
        (CLOCKWISE, 0.0, [(23, 0), (23, 100)], 2),
        (CLOCKWISE, 0.0, [(188, 0), (188, 100)], 3),
        (COUNTER, 0.0, [(23, 0), (23, 100)], 0),
        (COUNTER, 0.0, [(188, 100), (188, 0)], 3),
        (CLOCKWISE, 60.0, [(0, 81), (33, 100)], 0),
        (CLOCKWISE, 60.0, [(200, 6), (189, 0)], 3),
        (COUNTER, 120.0, [(33, 0), (0, 19)], 0),
        (COUNTER, 120.0, [(200, 94), (189, 100)], 1),
    ],
)
def test_the_corner_of_a_survey_is_the_one_where_qgroundcontrol_would_begin(
    ring: list[tuple[float, float]],
    angle_deg: float,
    first_line: list[tuple[float, float]],
    entry: int,
    full_plan: FlightPlan,
) -> None:
    assert full_plan.survey is not None
    height = Altitude(value_m=60.0, datum=AltitudeDatum.HOME)
    area = shapely.Polygon([(p.lon_deg, p.lat_deg) for p in rectangle(ring)])
    items = tuple(
        PlanItem(command=MavCmd.NAV_WAYPOINT, position=place, altitude=height, role=role)
        for place, role in zip(rectangle(first_line), (ItemRole.TRANSIT, ItemRole.SWEEP), strict=True)
    )
    survey = replace(full_plan.survey, area=area, spacing_m=33.0, sweep_angle_deg=angle_deg, unseen=None)
    plan, why = made_editable(replace(full_plan, items=items, survey=survey))
    assert why == ""
    assert plan.patterns[0].entry == entry


@pytest.mark.parametrize("change", ["holes", "parts", "heights", "no area"])
def test_what_qgroundcontrol_would_draw_wrongly_is_not_made_editable(
    change: str, full_plan: FlightPlan
) -> None:
    plan = plan_mission(load_mission(ROOT / "missions" / "demo-hillside.yaml"))
    assert plan.survey is not None
    assert full_plan.survey is not None
    if change == "holes":
        plan = replace(plan, survey=replace(plan.survey, area=full_plan.survey.area))
    elif change == "parts":
        parts = shapely.MultiPolygon([shapely.box(8.0, 51.0, 8.1, 51.1), shapely.box(8.2, 51.0, 8.3, 51.1)])
        plan = replace(plan, survey=replace(plan.survey, area=parts))
    elif change == "heights":
        number, item = plan.waypoints()[4]
        assert item.altitude is not None
        higher = replace(item, altitude=replace(item.altitude, value_m=item.altitude.value_m + 5))
        plan = replace(plan, items=(*plan.items[: number - 1], higher, *plan.items[number:]))
    else:
        plan = replace(plan, survey=None)
    made, why = made_editable(plan)
    assert why
    assert not made.patterns


def rectangle(angle_points: list[tuple[float, float]]) -> tuple[LatLon, ...]:
    return tuple(LocalFrame(LatLon(lat_deg=51.18, lon_deg=8.49)).to_latlon(angle_points))


def test_patterns_may_not_overlap() -> None:
    item = PlanItem(command=MavCmd.NAV_WAYPOINT)
    pattern = EditablePattern(
        kind=PatternKind.SURVEY,
        first=1,
        items=(item, item),
        outline=rectangle([(0, 0), (100, 0), (100, 100)]),
        altitude=Altitude(value_m=50.0, datum=AltitudeDatum.HOME),
        spacing_m=20.0,
        trigger_distance_m=0.0,
        camera_name="Manual (no camera specs)",
    )
    home = LatLon(lat_deg=51.18, lon_deg=8.49)
    plan = FlightPlan(name="x", home=home, items=(item,) * 4, patterns=(pattern, replace(pattern, first=2)))
    assert [p.first for p in plan.editable_patterns] == [1]
    assert [
        p.first for p in replace(plan, patterns=(replace(pattern, first=3), pattern)).editable_patterns
    ] == [1, 3]
