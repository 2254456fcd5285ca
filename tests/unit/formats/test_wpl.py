"""QGC WPL 110: rows as every program reads them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from pymavlink import mavwp

from airbeat.errors import PlanFileError
from airbeat.formats.wpl import read_wpl, write_wpl
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.mission.plan import FlightPlan

GOLDEN = Path(__file__).parents[2] / "golden" / "formats"
HEADER = "QGC WPL 110\n"
HOME = "0\t1\t0\t16\t0\t0\t0\t0\t51.18\t8.49\t412.5\t1\n"


def test_rows_have_twelve_tab_separated_fields_and_row_0_is_home(full_plan: FlightPlan) -> None:
    lines = write_wpl(full_plan).split("\n")
    assert lines[0] == "QGC WPL 110"
    assert lines[1] == "0\t1\t0\t16" + "\t0.00000000" * 4 + "\t51.18000000\t8.49000000\t412.50000000\t1"
    rows = [line.split("\t") for line in lines[1:-1]]
    assert all(len(row) == 12 for row in rows)
    assert [row[0] for row in rows] == [str(n) for n in range(len(full_plan.items) + 1)]
    assert lines[-1] == ""


def test_a_loader_that_others_wrote_reads_the_same_values(full_plan: FlightPlan, tmp_path: Path) -> None:
    path = tmp_path / "m.waypoints"
    path.write_text(write_wpl(full_plan))
    loader = mavwp.MAVWPLoader()
    assert loader.load(str(path)) == len(full_plan.items) + 1
    home = loader.wp(0)
    assert (home.x, home.y, home.z) == (51.18, 8.49, 412.5)
    for number, item in full_plan.numbered():
        row = loader.wp(number)
        assert (row.seq, row.command, bool(row.autocontinue)) == (number, item.command, item.autocontinue)
        params = [0.0 if math.isnan(p) else p for p in item.params]
        assert [row.param1, row.param2, row.param3, row.param4] == pytest.approx(params, abs=1e-8)
        place = (item.position.lat_deg, item.position.lon_deg) if item.position else item.extra[:2]
        assert (row.x, row.y) == pytest.approx(place, abs=5e-9)
        assert row.z == pytest.approx(item.altitude.value_m if item.altitude else item.extra[2])
    assert [loader.wp(n).frame for n in (1, 2, 5, 6)] == [3, 2, 0, 10]


def test_a_file_by_that_loader_is_read(full_plan: FlightPlan, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.waypoints", tmp_path / "theirs.txt"
    ours.write_text(write_wpl(full_plan))
    loader = mavwp.MAVWPLoader()
    loader.load(str(ours))
    loader.save(str(theirs))
    back = read_wpl(theirs.read_text(), name="theirs.txt")
    assert [i.command for i in back.items] == [i.command for i in full_plan.items]


def test_what_is_written_reads_back_to_eight_decimals(full_plan: FlightPlan) -> None:
    back = read_wpl(write_wpl(full_plan), name="m.waypoints")
    assert back.home == full_plan.home
    assert back.home_amsl_m == full_plan.home_amsl_m
    assert back.fence is None
    assert back.rally is None
    assert any("no fence" in note for note in back.notes)
    for ours, theirs in zip(full_plan.items, back.items, strict=True):
        assert (theirs.command, theirs.altitude, theirs.extra) == (ours.command, ours.altitude, ours.extra)
        assert (theirs.position is None) == (ours.position is None)
        if ours.position and theirs.position:
            assert theirs.position.lat_deg == pytest.approx(ours.position.lat_deg, abs=5.1e-9)
            assert theirs.position.lon_deg == pytest.approx(ours.position.lon_deg, abs=5.1e-9)
        assert theirs.params == tuple(0.0 if math.isnan(p) else p for p in ours.params)
        assert theirs.autocontinue is ours.autocontinue


def test_mission_planner_writes_home_with_command_0_carriage_returns_and_zero_places() -> None:
    text = (GOLDEN / "mission_planner.waypoints").read_bytes().decode()
    plan = read_wpl(text, name="mission_planner.waypoints")
    assert plan.name == "mission_planner"
    assert plan.home == LatLon(lat_deg=47.537849, lon_deg=-122.307327)
    assert plan.home_amsl_m == 4.51
    take_off, terrain, jump, absolute, home = plan.items
    assert take_off.position is None
    assert take_off.altitude == Altitude(value_m=40.0, datum=AltitudeDatum.HOME)
    assert terrain.altitude == Altitude(value_m=35.0, datum=AltitudeDatum.AGL)
    assert jump.params == (2.0, 1.0, 0.0, 0.0)
    assert absolute.altitude == Altitude(value_m=52.25, datum=AltitudeDatum.AMSL)
    assert absolute.autocontinue is False
    assert home.position is None


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("", "no rows"),
        (HOME.replace("\t1\n", "\n"), "m.txt:2: 11 fields"),
        (HOME + HOME, "m.txt:3: row 1 has index 0"),
        (HOME.replace("51.18", "91"), "latitude 91"),
        (HOME.replace("51.18", "inf"), "latitude is 'inf'"),
        (HOME.replace("51.18", "51,18"), "'51,18', which is not a number"),
        (HOME.replace("51.18", "1_0"), "not a number"),
        (HOME.replace("51.18", "٥١"), "not a number"),
        (HOME.replace("51.18", "nan"), "home: position"),
        (HOME.replace("\t16\t", "\t16.5\t"), "whole numbers"),
        (HOME.replace("\t16\t", "\t5001\t"), "a fence or rally file"),
        (HOME.replace("\t16\t", "\t22\t"), "no home"),
        (HOME + "1\t0\t1\t16\t0\t0\t0\t0\t51\t8\t9\t1\n", "m.txt:3: item 1: frame 1 is not a global frame"),
        (HOME + "1\t0\t3\t177\t5\t0\t0\t0\t0\t0\t0\t1\n", "DO_JUMP to item 5"),
        (HOME + "1\t0\t3\t16\t1e39\t0\t0\t0\t51\t8\t9\t1\n", "too large for MAVLink"),
        (HOME + "1" * 5000 + "\n", "too many fields"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(rows: str, says: str) -> None:
    with pytest.raises(PlanFileError) as caught:
        read_wpl(HEADER + rows, name="m.txt")
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["", "QGC WPL 100\n", "QGC WPL 120\n" + HOME, HOME])
def test_another_header_is_refused(text: str) -> None:
    with pytest.raises(PlanFileError, match="first line"):
        read_wpl(text, name="m.txt")


def test_a_home_whose_height_is_zero_or_not_above_sea_level_is_unknown() -> None:
    assert read_wpl(HEADER + HOME.replace("412.5", "0"), name="m").home_amsl_m is None
    assert read_wpl(HEADER + HOME.replace("\t0\t16", "\t3\t16"), name="m").home_amsl_m is None


def test_an_item_that_mavlink_cannot_carry_is_not_written(full_plan: FlightPlan) -> None:
    item = replace(full_plan.items[1], params=(math.inf, 0.0, 0.0, 0.0))
    with pytest.raises(PlanFileError, match="item 1: parameter 1"):
        write_wpl(replace(full_plan, items=(item,)))
