"""Plans become MISSION_ITEM_INT fields and back, and the comparison knows what ArduPilot loses."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from airbeat.errors import PlanFileError
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.link.items import (
    MissionType,
    WireItem,
    canonical_sha256,
    compare_items,
    fence_from_items,
    fence_items,
    losses,
    mission_items,
    plan_items_from_wire,
    rally_from_items,
    rally_items,
)
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon, FlightPlan, PlanItem, RallyPoint

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)
WEST_SOUTH = LatLon(lat_deg=-33.8567844, lon_deg=-70.1234567)


def _height(value_m: float, datum: AltitudeDatum = AltitudeDatum.HOME) -> Altitude:
    return Altitude(value_m=value_m, datum=datum)


def _mission(*items: PlanItem) -> list[WireItem]:
    return mission_items(FlightPlan(name="x", home=HOME, home_amsl_m=400.0, items=items))


def test_home_is_item_0_above_sea_level() -> None:
    home = _mission()[0]
    assert (home.seq, home.command, home.frame) == (0, 16, 0)
    assert (home.x, home.y, home.z) == (511800000, 84900000, 400.0)


def test_a_waypoint_carries_degrees_times_1e7_and_the_frame_of_its_datum() -> None:
    for datum, frame in ((AltitudeDatum.HOME, 3), (AltitudeDatum.AMSL, 0), (AltitudeDatum.AGL, 10)):
        item = _mission(
            PlanItem(command=MavCmd.NAV_WAYPOINT, position=WEST_SOUTH, altitude=_height(50.5, datum))
        )[1]
        assert (item.x, item.y, item.z, item.frame) == (-338567844, -701234567, 50.5, frame)


def test_nan_is_kept_only_where_ardupilot_accepts_it() -> None:
    nan = math.nan
    waypoint, roi = _mission(
        PlanItem(command=MavCmd.NAV_WAYPOINT, params=(nan, 0, 0, nan), position=HOME, altitude=_height(9)),
        PlanItem(command=MavCmd.DO_SET_ROI, params=(0, 0, 0, nan), position=HOME, altitude=_height(9)),
    )[1:]
    assert waypoint.params[0] == 0.0
    assert math.isnan(waypoint.params[3])
    assert roi.params[3] == 0.0


def test_a_number_that_mavlink_cannot_carry_is_refused_with_its_item() -> None:
    with pytest.raises(PlanFileError, match="item 1"):
        _mission(PlanItem(command=MavCmd.DO_CHANGE_SPEED, params=(0, math.inf, 0, 0)))
    with pytest.raises(PlanFileError, match="item 1"):
        _mission(PlanItem(command=MavCmd.IMAGE_START_CAPTURE, extra=(3e10, 0, 0)))


def test_fence_vertices_carry_their_count_and_polygons_stay_together() -> None:
    triangle = tuple(LatLon(lat_deg=51 + n / 100, lon_deg=8 + n % 2 / 100) for n in range(3))
    square = tuple(LatLon(lat_deg=52 + n / 100, lon_deg=8 + n % 2 / 100) for n in range(4))
    fence = Fence(
        polygons=(
            FencePolygon(inclusion=True, vertices=square),
            FencePolygon(inclusion=False, vertices=triangle),
        ),
        circles=(FenceCircle(inclusion=False, centre=HOME, radius_m=33.3),),
    )
    items = fence_items(fence)
    assert [i.command for i in items] == [5001] * 4 + [5002] * 3 + [5004]
    assert [i.params[0] for i in items] == [4.0] * 4 + [3.0] * 3 + [33.3]
    assert [i.seq for i in items] == list(range(8))
    assert fence_from_items(items) == fence


def test_an_incomplete_fence_polygon_is_refused() -> None:
    triangle = tuple(LatLon(lat_deg=51 + n / 100, lon_deg=8 + n % 2 / 100) for n in range(3))
    items = fence_items(Fence(polygons=(FencePolygon(inclusion=True, vertices=triangle),)))
    with pytest.raises(PlanFileError, match="incomplete"):
        fence_from_items(items[:2])
    with pytest.raises(PlanFileError, match="no fence item"):
        fence_from_items([replace(items[0], command=16)])


def test_rally_points_come_back() -> None:
    rally = (RallyPoint(position=WEST_SOUTH, altitude=_height(30.0)),)
    assert rally_from_items(rally_items(rally)) == rally


def test_mission_items_come_back() -> None:
    items = (
        PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=_height(40.0)),
        PlanItem(
            command=MavCmd.NAV_WAYPOINT, position=WEST_SOUTH, altitude=_height(60.0, AltitudeDatum.AMSL)
        ),
        PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST, params=(12.5, 0, 1, 0)),
        PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),
    )
    assert plan_items_from_wire(_mission(*items)) == items


def _waypoint(**fields: object) -> WireItem:
    base = WireItem(seq=1, command=16, frame=3, x=511800000, y=84900000, z=50.05)
    return replace(base, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sent", "held"),
    [
        (_waypoint(frame=6), _waypoint(frame=3)),
        (_waypoint(frame=5), _waypoint(frame=0)),
        (_waypoint(frame=11), _waypoint(frame=10)),
        (_waypoint(z=50.0567), _waypoint(z=50.05)),
        (_waypoint(params=(2.7, 0, 0, 0)), _waypoint(params=(2.0, 0, 0, 0))),
        (_waypoint(params=(0, 5.0, 1.0, math.nan)), _waypoint()),
        (
            _waypoint(command=18, params=(2, 0, 264.0, 0)),
            _waypoint(command=18, params=(2, 0, 260.0, 0)),
        ),
        (
            _waypoint(command=178, frame=2, x=0, y=0, z=0, params=(1, 8.1, -1, 0)),
            _waypoint(command=178, frame=0, x=0, y=0, z=0, params=(1, 8.100000381, -1, 0)),
        ),
        (
            WireItem(seq=0, command=5100, frame=3, x=1, y=2, z=30.7, mission_type=MissionType.RALLY),
            WireItem(seq=0, command=5100, frame=3, x=1, y=2, z=30.0, mission_type=MissionType.RALLY),
        ),
    ],
)
def test_what_ardupilot_is_known_to_lose_is_no_difference(sent: WireItem, held: WireItem) -> None:
    assert compare_items([sent], [held]) == []


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (_waypoint(z=50.07), "height"),
        (_waypoint(x=511800001), "position"),
        (_waypoint(frame=0), "frame"),
        (_waypoint(command=17), "NAV_LOITER_UNLIM"),
        (_waypoint(params=(1.0, 0, 0, 0)), "parameter 1"),
        (_waypoint(z=math.nan), "height"),
    ],
)
def test_every_other_difference_is_named(held: WireItem, words: str) -> None:
    differences = compare_items([_waypoint()], [held])
    assert len(differences) == 1
    assert words in differences[0]
    assert differences[0].startswith("item 1")


def test_a_missing_item_is_a_difference() -> None:
    assert compare_items([_waypoint(), _waypoint(seq=2)], [_waypoint()]) == [
        "sent 2 items, the vehicle holds 1"
    ]


def test_the_vehicles_live_home_is_no_difference() -> None:
    sent = [_waypoint(seq=0), _waypoint()]
    assert compare_items(sent, [_waypoint(seq=0, x=0, y=0, z=0), _waypoint()]) == []


def test_what_a_copter_will_not_keep_is_said() -> None:
    words = losses([_waypoint(params=(1.5, 4.0, 0, 0)), _waypoint(seq=2, params=(0, 4.0, 0, 0))])
    assert words == [
        "NAV_WAYPOINT: ArduCopter does not keep parameter 1 as given (items 1)",
        "NAV_WAYPOINT: ArduCopter does not keep parameter 2 as given (items 1, 2)",
    ]


def test_the_canonical_hash_tells_content_apart_and_nothing_else() -> None:
    base = [_waypoint(seq=0), _waypoint()]
    assert canonical_sha256(base) == canonical_sha256([_waypoint(seq=0, z=7), _waypoint(frame=6)])
    assert canonical_sha256(base) != canonical_sha256([_waypoint(seq=0), _waypoint(z=51)])
