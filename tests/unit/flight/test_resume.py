"""What is flown after an interruption: the rest, from the right place, with everything as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from airbeat.checks.findings import Severity
from airbeat.checks.plan import check_plan
from airbeat.errors import InputFileError, PlanningError, UsageError
from airbeat.flight.resume import resume_plan, resume_point
from airbeat.flight.state import FlightState, Place, ResumePoint, StatePhoto, plan_sha256
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.geo.terrain import HeightGrid, Terrain
from airbeat.mission.commands import MavCmd
from airbeat.mission.legs import legs
from airbeat.mission.plan import Fence, FencePolygon, FlightPlan, PlanItem

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)
FRAME = LocalFrame(HOME)


def _at(east_m: float, north_m: float) -> LatLon:
    return FRAME.to_latlon([(east_m, north_m)])[0]


def _go(east_m: float, north_m: float, *, hold_s: float = 0.0, height_m: float = 50.0) -> PlanItem:
    height = Altitude(value_m=height_m, datum=AltitudeDatum.HOME)
    return PlanItem(
        command=MavCmd.NAV_WAYPOINT, params=(hold_s, 0, 0, 0), position=_at(east_m, north_m), altitude=height
    )


def _do(command: MavCmd, *params: float) -> PlanItem:
    p = (*params, 0.0, 0.0, 0.0, 0.0)
    return PlanItem(command=command, params=(p[0], p[1], p[2], p[3]))


TAKEOFF = PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=Altitude(value_m=30, datum=AltitudeDatum.HOME))
ON, OFF = _do(MavCmd.DO_SET_CAM_TRIGG_DIST, 20, 0, 1), _do(MavCmd.DO_SET_CAM_TRIGG_DIST, 0, 0, 1)
SPEED = _do(MavCmd.DO_CHANGE_SPEED, 1, 7, -1)
RETURN = _do(MavCmd.NAV_RETURN_TO_LAUNCH)
PLAN = FlightPlan(
    name="two lines",
    home=HOME,
    # 1        2      3            4   5              6    7              8   9            10   11
    items=(TAKEOFF, SPEED, _go(50, 0), ON, _go(50, 300), OFF, _go(100, 300), ON, _go(100, 0), OFF, RETURN),
    speed_m_s=7.0,
)  # fmt: skip


def _photo(item: int, east_m: float, north_m: float) -> StatePhoto:
    place = _at(east_m, north_m)
    return StatePhoto(item=item, index=1, time_us=1, lat_deg=place.lat_deg, lon_deg=place.lon_deg,
                      height_above_home_m=50, yaw_deg=0)  # fmt: skip


FIRST_LINE = [_photo(5, 50, n) for n in (*range(0, 300, 20), 300)]


def _state(plan: FlightPlan = PLAN, **fields: Any) -> FlightState:
    values: dict[str, Any] = {"plan_sha256": plan_sha256(plan), "items": len(plan.items), "sortie": 1}
    return FlightState(schema="airbeat/flight-state/1", **(values | fields))


def _commands(plan: FlightPlan) -> list[int]:
    return [i.command for i in plan.items]


def test_a_line_is_taken_up_one_spacing_before_its_last_photograph() -> None:
    state = _state(item=9, photos=[*FIRST_LINE, *(_photo(9, 101, n) for n in (300, 280, 260, 240))])
    resumed = resume_plan(PLAN, state)
    entry = resumed.items.index(ON) - 1
    assert distance_m(resumed.items[entry].position or HOME, _at(100, 260)) < 1.5
    assert resumed.items[entry + 1 :] == PLAN.items[7:]
    assert resumed.items[0].command == MavCmd.NAV_TAKEOFF
    assert resumed.items[0].altitude == PLAN.items[2].altitude, "it climbs before it goes there"
    assert resumed.items[1] == SPEED


def test_without_a_fence_the_way_there_is_on_the_plans_own_legs() -> None:
    state = _state(item=9, photos=[*FIRST_LINE, _photo(9, 100, 300), _photo(9, 100, 280)])
    flown = {(round(x), round(y)) for one in legs(PLAN) for x, y in FRAME.to_xy([one.start, one.end])}
    way = [i for i in resume_plan(PLAN, state).items[2:] if i.position is not None][:-2]
    assert way
    assert {(round(x), round(y)) for x, y in FRAME.to_xy([i.position for i in way if i.position])} <= flown


def test_inside_a_fence_the_way_there_goes_round_the_keep_out() -> None:
    zone = FencePolygon(inclusion=True, vertices=(_at(-50, -50), _at(200, -50), _at(200, 400), _at(-50, 400)))
    keep_out = FencePolygon(inclusion=False, vertices=(_at(10, 60), _at(40, 60), _at(40, 120), _at(10, 120)))
    plan = replace(PLAN, fence=Fence(polygons=(zone, keep_out)))
    state = _state(plan, item=5, photos=FIRST_LINE[:10])
    resumed = resume_plan(plan, state)
    assert not [f for f in check_plan(resumed) if f.severity is Severity.ERROR]
    assert resumed.items.index(ON) <= 5, "not along the whole line"
    with pytest.raises(PlanningError, match="inside the fence"):
        resume_plan(plan, state, start=_at(25, 90))


def test_a_vehicle_beside_its_leg_goes_straight_on_unless_a_keep_out_lies_between() -> None:
    """A fence without an inclusion zone: ways are not looked for, and 20 m beside a leg is on it still."""

    def fenced(west_m: float, east_m: float) -> FlightPlan:
        corners = [(west_m, 100), (east_m, 100), (east_m, 200), (west_m, 200)]
        zone = FencePolygon(inclusion=False, vertices=tuple(_at(x, y) for x, y in corners))
        return replace(PLAN, fence=Fence(polygons=(zone,)))

    start = _at(115, 150)
    place = Place(lat_deg=_at(100, 150).lat_deg, lon_deg=_at(100, 150).lon_deg)
    beside, between = fenced(120, 130), fenced(105, 110)
    rest = resume_plan(beside, _state(beside, item=9, place=place), start=start)
    assert distance_m(rest.items[2].position or HOME, _at(100, 170)) < 1.0
    with pytest.raises(PlanningError, match=r"no way from .* is known to be inside the fence"):
        resume_plan(between, _state(between, item=9, place=place), start=start)


def test_a_line_whose_last_photograph_is_missing_is_ended_first() -> None:
    state = _state(item=7, photos=FIRST_LINE[:-2], place=Place.of(_at(70, 300)))
    point = resume_point(PLAN, state)
    assert point is not None
    assert (point.item, point.along_m) == (5, pytest.approx(240, abs=1))
    whole = _state(item=7, photos=FIRST_LINE, place=Place.of(_at(70, 300)))
    assert resume_plan(PLAN, whole).items[-5:] == PLAN.items[-5:]
    assert OFF not in resume_plan(PLAN, whole).items[:-2]


def test_without_any_feedback_the_last_place_flown_counts() -> None:
    state = _state(item=5, place=Place.of(_at(51, 150)))
    point = resume_point(PLAN, state)
    assert point is not None
    assert (point.item, point.along_m) == (5, pytest.approx(130, abs=1))


def test_a_second_interruption_before_the_leg_was_reached_loses_nothing() -> None:
    state = _state(item=9, photos=FIRST_LINE, resumed_at=ResumePoint(item=9, along_m=120.0))
    assert resume_point(PLAN, state) == ResumePoint(item=9, along_m=120.0)


def test_gimbal_heading_and_a_photograph_not_yet_taken_are_restored_at_the_place() -> None:
    gimbal = replace(_do(MavCmd.DO_MOUNT_CONTROL, -60), extra=(0.0, 0.0, 2.0))
    yaw, wait = _do(MavCmd.CONDITION_YAW, 90), _do(MavCmd.CONDITION_DELAY, 2)
    shot = replace(_do(MavCmd.DO_DIGICAM_CONTROL), extra=(1.0, 0.0, 0.0))
    items = (TAKEOFF, SPEED, gimbal, _go(50, 0), yaw, wait, shot, _go(50, 0, hold_s=8), _go(90, 0), RETURN)
    plan = FlightPlan(name="visit", home=HOME, items=items)
    before = resume_plan(plan, _state(plan, item=8, place=Place.of(_at(50, 0))))
    arrive = next(n for n, i in enumerate(before.items) if i.command == MavCmd.NAV_WAYPOINT)
    assert before.items[arrive + 1 :] == (gimbal, yaw, wait, shot, *items[7:])
    after = resume_plan(plan, _state(plan, item=8, place=Place.of(_at(50, 0)), photos=[_photo(8, 50, 0)]))
    assert MavCmd.DO_DIGICAM_CONTROL not in _commands(after)
    assert MavCmd.CONDITION_YAW in _commands(after)


def test_what_is_not_repeated_is_said() -> None:
    drop = _do(MavCmd.DO_SET_SERVO, 9, 1900)
    plan = replace(PLAN, items=(*PLAN.items[:3], drop, *PLAN.items[3:]))
    resumed = resume_plan(plan, _state(plan, item=6, photos=[_photo(6, 50, 100)]))
    assert drop not in resumed.items
    assert "not done again: DO_SET_SERVO" in resumed.notes


def test_before_the_take_off_the_whole_plan_is_flown() -> None:
    assert resume_plan(PLAN, _state(item=0)) is PLAN
    assert resume_plan(PLAN, _state(item=1)) is PLAN


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"item": 11, "photos": [*FIRST_LINE, _photo(9, 100, 0)]}, UsageError, "nothing is left"),
        ({"item": 5, "outcome": "completed"}, UsageError, "flown to its end"),
        ({"item": 12}, InputFileError, "item 12 of 11"),
        ({"item": 5, "plan_sha256": "0" * 64}, UsageError, "another plan"),
    ],
)
def test_what_cannot_be_gone_on_with_is_refused(
    fields: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        resume_plan(PLAN, _state(**fields))


def test_a_mission_with_jumps_is_refused() -> None:
    plan = replace(PLAN, items=(*PLAN.items[:-1], _do(MavCmd.DO_JUMP, 3, 2), RETURN))
    with pytest.raises(UsageError, match="jumps"):
        resume_plan(plan, _state(plan, item=5))


def _ridge() -> Terrain:
    """Ground 40 m higher between 90 m and 150 m north of home."""
    x, y = np.meshgrid(np.arange(-200.0, 400.0, 5.0), np.arange(-200.0, 600.0, 5.0))
    heights = np.where((y > 90) & (y < 150), 40.0, 0.0) + 0 * x

    def to_cells(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        xy = np.array(FRAME.to_xy([LatLon(lat_deg=a, lon_deg=o) for o, a in zip(lon, lat, strict=True)]))
        return (xy[:, 0] + 200) / 5, (xy[:, 1] + 200) / 5

    grid = HeightGrid(heights_m=heights.astype(np.float32), to_cells=to_cells, resolution_m=5.0)
    return Terrain(grids=(grid,), name="ridge.hgt")


@pytest.mark.parametrize("start", [None, (60.0, 20.0)])
def test_the_way_back_to_a_line_behind_a_ridge_clears_it(start: tuple[float, float] | None) -> None:
    zone = FencePolygon(inclusion=True, vertices=(_at(-50, -50), _at(200, -50), _at(200, 400), _at(-50, 400)))
    plan = replace(PLAN, fence=Fence(polygons=(zone,)), terrain=_ridge())
    low = replace(plan, items=(*plan.items[:6], _go(100, 300, height_m=35), *plan.items[7:]))
    state = _state(low, item=9, photos=[*FIRST_LINE, _photo(9, 100, 300), _photo(9, 100, 280)])
    place = None if start is None else _at(*start)
    resumed = resume_plan(low, state, start=place)
    way = [i for i in resumed.items[: resumed.items.index(ON)] if i.position is not None]
    heights = [i.altitude.value_m for i in way if i.altitude]
    assert max(heights) == pytest.approx(40 + 30, abs=0.5)
    assert heights[-1] < 60, "and the line is flown at its own height again"
    assert "terrain-clearance" not in [f.code for f in check_plan(resumed) if f.items and f.items[0] < 6]
    flat = resume_plan(replace(low, terrain=None), state, start=place)
    assert max(i.altitude.value_m for i in flat.items if i.altitude) <= 50
