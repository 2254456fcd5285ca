"""Mission Planner's .fen and .ral files, and those that older MAVProxy saved."""

from __future__ import annotations

from pathlib import Path

import pytest
from pymavlink import mavwp

from airbeat.errors import PlanFileError
from airbeat.formats.catalogue import format_of
from airbeat.formats.files import read_any_plan_file, read_plan_bytes
from airbeat.geo.coordinates import LatLon
from airbeat.mission.plan import FlightPlan

FENCE = """#saved by Mission Planner 1.3.80
51.1800000 8.4900000
51.1780000 8.4880000
51.1780000 8.4940000
51.1840000 8.4940000
51.1780000 8.4880000
"""
RALLY = (
    "#saved by Mission Planner 1.3.80\nRALLY\t51.18\t8.49\t100\t40\t0\t0\nRALLY\t51.181\t8.49\t30\t0\t0\t0\n"
)


def read(text: str, name: str = "x.fen") -> FlightPlan:
    data = text.encode()
    return read_plan_bytes(data, format_of(data, name=name), name=name)


def test_an_old_fence_file_is_a_point_to_return_to_and_a_closed_polygon() -> None:
    fence = read(FENCE).fence
    assert fence is not None
    (polygon,) = fence.polygons
    assert polygon.inclusion
    assert polygon.vertices == tuple(
        LatLon(lat_deg=lat, lon_deg=lon) for lat, lon in ((51.178, 8.488), (51.178, 8.494), (51.184, 8.494))
    )
    assert fence.breach_return == (LatLon(lat_deg=51.18, lon_deg=8.49), 0.0)


def test_an_old_rally_file_has_heights_above_home_and_what_planes_need_is_said_to_be_lost() -> None:
    plan = read(RALLY, "x.ral")
    assert plan.rally is not None
    assert [(p.position.lat_deg, str(p.altitude)) for p in plan.rally] == [
        (51.18, "100 m home"),
        (51.181, "30 m home"),
    ]
    assert any("break heights" in note for note in plan.notes)


def test_the_files_that_pymavlink_saves_are_read(tmp_path: Path) -> None:
    fence, rally = mavwp.MAVFenceLoader(), mavwp.MAVRallyLoader()
    for lat, lon in ((51.18, 8.49), (51.1, 8.4), (51.1, 8.5), (51.2, 8.5), (51.1, 8.4)):
        fence.add_latlon(lat, lon)
    rally.create_and_append_rally_point(511800000, 84900000, 60, 0, 0, 0)
    fence.save(str(tmp_path / "fence.txt"))
    rally.save(str(tmp_path / "rally.txt"))
    plan, known = read_any_plan_file(tmp_path / "fence.txt")
    assert known.key == "fence"
    assert plan.fence is not None
    assert len(plan.fence.polygons[0].vertices) == 3
    plan, known = read_any_plan_file(tmp_path / "rally.txt")
    assert known.key == "rally"
    assert plan.rally is not None
    assert str(plan.rally[0].altitude) == "60 m home"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (FENCE.replace("51.1840000 8.4940000\n", ""), "closed polygon"),
        (FENCE.rpartition("51.178")[0], "closed polygon"),
        (FENCE.replace("51.1840000 8.4940000", "51.184 8.494 60"), "3 fields"),
        (FENCE.replace("51.1840000", "151.184"), "latitude 151.184"),
        (FENCE.replace("51.1840000", "51.1.84"), "not a number"),
        (FENCE + "51.1 8.4\n" * 3000, "at most"),
        (RALLY + "RALLY 51 8\n", "six numbers"),
        (RALLY.replace("100", "nan"), "not a number"),
        (RALLY.replace("100", "1e9"), "cannot be a height"),
    ],
)
def test_an_old_file_that_is_wrong_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(PlanFileError, match=says) as refusal:
        read(text)
    assert refusal.value.where.startswith("x.fen")
    assert refusal.value.message
