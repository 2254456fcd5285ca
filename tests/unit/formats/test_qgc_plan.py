"""QGroundControl plans: what is written, and what is read from plans drawn elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airbeat.errors import PlanFileError
from airbeat.formats.qgc_plan import read_qgc_plan, write_qgc_plan
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import Fence, FlightPlan, ItemRole, PlanItem, RallyPoint

GOLDEN = Path(__file__).parents[2] / "golden" / "formats"


def written(plan: FlightPlan) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(write_qgc_plan(plan))
    return document


def survey() -> FlightPlan:
    return read_qgc_plan((GOLDEN / "survey_drawn_in_qgc.plan").read_text(), name="survey_drawn_in_qgc.plan")


def edited(plan: FlightPlan, *path: str | int, value: object) -> str:
    """The plan's file with one value changed."""
    document = written(plan)
    target: Any = document
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return json.dumps(document)


def test_the_loader_of_qgroundcontrol_finds_every_object_it_requires(full_plan: FlightPlan) -> None:
    document = written(full_plan)
    assert (document["fileType"], document["version"]) == ("Plan", 1)
    assert (document["geoFence"]["version"], document["rallyPoints"]["version"]) == (2, 2)
    mission = document["mission"]
    assert (mission["version"], mission["firmwareType"], mission["vehicleType"]) == (2, 3, 2)
    assert mission["plannedHomePosition"] == [51.18, 8.49, 412.5]
    assert mission["globalPlanAltitudeMode"] == 0  # three datums in one plan
    assert (mission["cruiseSpeed"], mission["hoverSpeed"]) == (8.0, 8.0)


def test_items_have_seven_params_a_jump_id_and_the_altitude_keys_only_with_an_altitude(
    full_plan: FlightPlan,
) -> None:
    for number, (item, entry) in enumerate(
        zip(full_plan.items, written(full_plan)["mission"]["items"], strict=True), start=1
    ):
        assert len(entry["params"]) == 7
        assert entry["doJumpId"] == number
        triple = {"Altitude", "AltitudeMode", "AMSLAltAboveTerrain"} & set(entry)
        assert len(triple) == (3 if item.altitude else 0)


def test_frames_and_altitude_modes_agree(full_plan: FlightPlan) -> None:
    entries = written(full_plan)["mission"]["items"]
    assert [(e["frame"], e.get("AltitudeMode")) for e in entries] == [
        (3, 1),
        (2, None),
        (3, 1),
        (2, None),
        (0, 2),
        (10, 4),
        (2, None),
        (2, None),
        (2, None),
        (2, None),
    ]
    assert entries[4]["params"] == [0.0, 0.0, 0.0, None, 51.183, 8.491, 470.0]
    assert entries[7]["params"] == [-90.0, 0.0, 0.0, 0.0, 12.0, 0.0, 1.0]


def test_fence_and_rally_are_written_latitude_first_and_polygons_are_not_closed(
    full_plan: FlightPlan,
) -> None:
    document = written(full_plan)
    fence = document["geoFence"]
    assert [p["inclusion"] for p in fence["polygons"]] == [True, False]
    assert len(fence["polygons"][0]["polygon"]) == 4
    assert fence["circles"][0]["circle"]["radius"] == 25.5
    assert fence["breachReturn"][2] == 30.0
    assert document["rallyPoints"]["points"] == [[51.1805, 8.49, 25.0]]


def test_what_is_written_reads_back_as_the_same_plan(full_plan: FlightPlan) -> None:
    back = read_qgc_plan(write_qgc_plan(full_plan), name="m.plan")
    items = tuple(replace(i, command=int(i.command)) for i in full_plan.items)
    expected = replace(full_plan, items=items, survey=None, provenance=back.provenance)
    assert repr(back) == repr(expected)  # repr, because an unset yaw is NaN
    assert back.provenance.source_name == "m.plan"
    assert len(back.provenance.source_sha256) == 64


def test_a_plan_without_fence_and_rally_is_written_with_empty_lists_and_reads_back_without(
    full_plan: FlightPlan,
) -> None:
    bare = replace(full_plan, fence=None, rally=None)
    document = written(bare)
    assert document["geoFence"] == {"version": 2, "polygons": [], "circles": []}
    assert document["rallyPoints"] == {"version": 2, "points": []}
    back = read_qgc_plan(write_qgc_plan(bare), name="m.plan")
    assert back.fence is None
    assert back.rally is None


def test_a_fence_that_is_only_a_ceiling_survives(full_plan: FlightPlan) -> None:
    plan = replace(full_plan, fence=Fence(max_height_m=90.0))
    assert read_qgc_plan(write_qgc_plan(plan), name="m.plan").fence == Fence(max_height_m=90.0)


def test_an_empty_geofence_by_qgroundcontrol_reads_as_no_fence_and_says_so() -> None:
    plan = survey()
    assert plan.fence is None
    assert any("no fence" in note for note in plan.notes)


def test_a_home_height_of_zero_by_another_program_is_unknown(full_plan: FlightPlan) -> None:
    document = written(full_plan)
    del document["airbeat"]
    document["mission"]["plannedHomePosition"][2] = 0
    back = read_qgc_plan(json.dumps(document), name="m.plan")
    assert back.home_amsl_m is None
    assert any("above sea level" in note for note in back.notes)


def test_a_survey_is_expanded_and_what_ardupilot_refuses_is_converted_or_dropped() -> None:
    plan = survey()
    assert [i.command for i in plan.items] == [22, 16, 16, 206, 16, 206, 206, 16, 177, 20]
    notes = "\n".join(plan.notes)
    assert "survey expanded into its 5 items" in notes
    assert "530" in notes
    assert "item 3.2: CONDITION_GATE (4501) converted to a waypoint" in notes
    assert "converted to a trigger every 12 m at 6 m/s" in notes
    assert plan.speed_m_s == 6.0


def test_the_gate_of_a_survey_becomes_a_waypoint_at_its_own_place() -> None:
    gate = survey().items[2]
    assert gate.command == MavCmd.NAV_WAYPOINT
    assert gate.position == LatLon(lat_deg=47.3981, lon_deg=8.5456)
    assert gate.altitude == Altitude(value_m=50.0, datum=AltitudeDatum.HOME)


def test_a_jump_follows_its_target_when_items_before_it_are_dropped() -> None:
    jump = survey().items[8]
    assert jump.command == MavCmd.DO_JUMP
    assert jump.params[:2] == (8.0, 2.0)  # doJumpId 9, one item was dropped before it


def test_roles_are_inferred_from_the_camera_when_the_file_has_none() -> None:
    roles = [i.role for i in survey().items]
    assert roles[0] is ItemRole.TAKEOFF
    assert roles[1:5] == [ItemRole.TRANSIT, ItemRole.TRANSIT, ItemRole.ACTION, ItemRole.SWEEP]
    assert roles[-1] is ItemRole.RETURN


def test_unset_parameters_that_ardupilot_refuses_become_zero_and_yaw_stays_unset() -> None:
    waypoint = survey().items[7]
    assert waypoint.params[0] == 0.0
    assert waypoint.params[3] != waypoint.params[3]  # NaN: unset yaw
    assert any("read as 0 in items 8" in note for note in survey().notes)


def test_a_camera_interval_without_a_known_speed_is_dropped_and_said(full_plan: FlightPlan) -> None:
    interval = PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_INTERVAL, params=(1000.0, 0.0, 0.0, 0.0))
    plan = replace(full_plan, items=(full_plan.items[0], interval), speed_m_s=None)
    back = read_qgc_plan(write_qgc_plan(plan), name="m.plan")
    assert len(back.items) == 1
    assert any("no photographs" in note for note in back.notes)


def test_display_keys_that_contradict_what_is_flown_are_reported(full_plan: FlightPlan) -> None:
    text = edited(full_plan, "mission", "items", 2, "Altitude", value=120)
    assert any("Altitude 120 contradicts" in n for n in read_qgc_plan(text, name="m").notes)
    text = edited(full_plan, "mission", "items", 2, "AltitudeMode", value=2)
    assert any("AltitudeMode 2 contradicts frame 3" in n for n in read_qgc_plan(text, name="m").notes)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("firmwareType", 12, "drawn for PX4"),
        ("firmwareType", 77, "firmwareType 77 is not known"),
        ("vehicleType", 1, "a fixed-wing aircraft (vehicleType 1), not for a multicopter"),
        ("vehicleType", 20, "a VTOL aircraft (vehicleType 20), not for a multicopter"),
        ("vehicleType", 99, "another kind of vehicle (vehicleType 99), not for a multicopter"),
    ],
)
def test_what_a_plan_was_drawn_for_is_said_where_it_is_not_an_ardupilot_multicopter(
    full_plan: FlightPlan, key: str, value: int, says: str
) -> None:
    (note,) = set(read_qgc_plan(edited(full_plan, "mission", key, value=value), name="x.plan").notes) - set(
        full_plan.notes
    )
    assert says in note


@pytest.mark.parametrize("kind", [2, 13, 14, 15, 29])
def test_a_plan_for_any_multicopter_needs_no_note(full_plan: FlightPlan, kind: int) -> None:
    read = read_qgc_plan(edited(full_plan, "mission", "vehicleType", value=kind), name="x.plan")
    assert set(read.notes) == set(full_plan.notes)


def test_unknown_keys_are_ignored(full_plan: FlightPlan) -> None:
    text = edited(full_plan, "mission", "items", 2, "colour", value={"deep": [1, 2]})
    assert len(read_qgc_plan(text, name="m").items) == len(full_plan.items)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("fileType",), "Mission", "fileType"),
        (("mission",), None, "mission must be an object"),
        (("geoFence",), [], "geoFence must be an object"),
        (("rallyPoints",), 3, "rallyPoints must be an object"),
        (("mission", "items"), {}, "items must be a list"),
        (("mission", "items", 2), 7, "item 3"),
        (("mission", "items", 2, "type"), "Waypoint", "not SimpleItem"),
        (("mission", "items", 2, "params"), [0] * 6, "exactly 7"),
        (("mission", "items", 2, "params"), [0] * 8, "at most 7"),
        (("mission", "items", 2, "params", 0), "1", "parameter 1 must be a number"),
        (("mission", "items", 2, "params", 0), True, "parameter 1 must be a number"),
        (("mission", "items", 2, "params", 0), 1e39, "too large for MAVLink"),
        (("mission", "items", 2, "params", 4), 151.18, "latitude 151.18"),
        (("mission", "items", 2, "params", 6), 1e7, "cannot be a height"),
        (("mission", "items", 2, "frame"), 1, "not a global frame"),
        (("mission", "items", 2, "frame"), 99, "not a MAV_FRAME"),
        (("mission", "items", 2, "command"), 16.5, "whole number"),
        (("mission", "items", 2, "command"), -1, "not a MAV_CMD"),
        (("mission", "items", 2, "command"), 10**400, "must be a number"),
        (("mission", "items", 8, "params", 0), 77, "DO_JUMP to item 77"),
        (("mission", "plannedHomePosition"), [51.0], "a place must be"),
        (("mission", "plannedHomePosition", 1), 200, "longitude 200"),
        (("geoFence", "polygons", 0, "polygon"), [[51, 8], [51, 9]], "a polygon needs 3"),
        (("geoFence", "polygons", 0, "inclusion"), "yes", "inclusion must be"),
        (("geoFence", "circles", 0, "circle", "radius"), -5, "radius -5"),
        (("geoFence", "breachReturn"), [51, 8], "latitude, longitude, height"),
        (("rallyPoints", "points", 0), [51, 8], "latitude, longitude, height"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(
    full_plan: FlightPlan, path: tuple[str | int, ...], value: object, says: str
) -> None:
    with pytest.raises(PlanFileError, match=r"m\.plan") as caught:
        read_qgc_plan(edited(full_plan, *path, value=value), name="m.plan")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"fileType": NaN}', "[" * 100_000, '{"a":' * 50_000, "9" * 10_000, "\x00", '"\ud800"'],
)
def test_text_that_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(PlanFileError):
        read_qgc_plan(text, name="m.plan")


def test_a_complex_item_that_holds_no_items_is_refused(full_plan: FlightPlan) -> None:
    structure = {"type": "ComplexItem", "complexItemType": "StructureScan"}
    with pytest.raises(PlanFileError, match="'StructureScan' cannot be read"):
        read_qgc_plan(edited(full_plan, "mission", "items", 2, value=structure), name="m")
    empty = {"type": "ComplexItem", "complexItemType": "survey", "TransectStyleComplexItem": {"Items": []}}
    with pytest.raises(PlanFileError, match="holds no items"):
        read_qgc_plan(edited(full_plan, "mission", "items", 2, value=empty), name="m")


def test_a_rally_height_above_sea_level_becomes_one_above_home(full_plan: FlightPlan) -> None:
    rally = RallyPoint(position=full_plan.home, altitude=Altitude(value_m=450.0, datum=AltitudeDatum.AMSL))
    plan = replace(full_plan, rally=(rally,))
    assert written(plan)["rallyPoints"]["points"][0][2] == 37.5
    with pytest.raises(PlanFileError, match="rally point 1"):
        write_qgc_plan(replace(plan, home_amsl_m=None))


@pytest.mark.parametrize("value", [[], {}, "50", True, 10**400])
@pytest.mark.parametrize("key", ["Altitude", "AltitudeMode"])
def test_display_keys_must_be_numbers(full_plan: FlightPlan, key: str, value: object) -> None:
    with pytest.raises(PlanFileError, match=f"item 3: {key} must be"):
        read_qgc_plan(edited(full_plan, "mission", "items", 2, key, value=value), name="m")
