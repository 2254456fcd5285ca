"""What a plan takes to fly: item by item, in still air and in wind, and where the items do not tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.mission.commands import MavCmd
from airbeat.mission.forecast import forecast
from airbeat.mission.loader import load_mission
from airbeat.mission.plan import FlightPlan, PlanItem, RallyPoint
from airbeat.planning.plan import plan_mission
from airbeat.vehicle.airframe import AIRFRAMES

QUAD = AIRFRAMES["arducopter-quad"]
MISSIONS = Path(__file__).resolve().parents[3] / "missions"
HOME = LatLon(lat_deg=51.18, lon_deg=8.49)


def _height(value_m: float) -> Altitude:
    return Altitude(value_m=value_m, datum=AltitudeDatum.HOME)


def _way(north_m: float, height_m: float = 40.0, hold_s: float = 0.0) -> PlanItem:
    place = LatLon(lat_deg=51.18 + north_m / 111_250, lon_deg=8.49)
    return PlanItem(
        command=MavCmd.NAV_WAYPOINT, position=place, altitude=_height(height_m), params=(hold_s, 0, 0, 0)
    )


TAKE_OFF = PlanItem(command=MavCmd.NAV_TAKEOFF, position=HOME, altitude=_height(40.0))
RETURN = PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH)


def _plan(*items: PlanItem) -> FlightPlan:
    return FlightPlan(name="x", home=HOME, speed_m_s=8.0, airframe=QUAD, items=items)


def _takes_s(*items: PlanItem) -> float:
    found = forecast(_plan(TAKE_OFF, *items, RETURN))
    assert found is not None
    return found.duration_s


@pytest.mark.parametrize(
    ("mission", "flown_s"),
    [
        ("demo-hillside", 434.1),
        ("forest-edge-sweep", 856.4),
        ("river-bridge-points", 324.3),
        ("school-gate-patrol", 393.6),
    ],
)
def test_the_missions_take_what_arducopter_took(mission: str, flown_s: float) -> None:
    """Flown on SITL 4.7.0-dev (76aed8f8), from leaving the ground to touching it, without wind."""
    found = forecast(plan_mission(load_mission(MISSIONS / f"{mission}.yaml")))
    assert found is not None
    assert found.duration_s == pytest.approx(flown_s, rel=0.03)


def test_every_nav_item_has_its_share_of_the_flight() -> None:
    found = forecast(_plan(TAKE_OFF, _way(100), _way(300, hold_s=20), RETURN))
    assert found is not None
    assert list(found.items) == [1, 2, 3, 4]
    assert found.duration_s == pytest.approx(sum(p.duration_s for p in found.items.values()))
    assert found.items[3].duration_s > 20 + 200 / 8


def test_a_change_of_speed_holds_for_the_legs_behind_it_but_not_for_the_return() -> None:
    slow = PlanItem(command=MavCmd.DO_CHANGE_SPEED, params=(1, 4, -1, 0))
    assert _takes_s(_way(400), slow, _way(0)) - _takes_s(_way(400), _way(0)) == pytest.approx(50, abs=3)
    assert _takes_s(_way(400), slow) == pytest.approx(_takes_s(_way(400)))
    climb_rate = PlanItem(command=MavCmd.DO_CHANGE_SPEED, params=(2, 1, -1, 0))
    assert _takes_s(climb_rate, _way(400)) == pytest.approx(_takes_s(_way(400)))


def test_a_low_flight_climbs_to_the_return_height_unless_it_is_close_to_home() -> None:
    def back_s(north_m: float) -> float:
        items = (replace(TAKE_OFF, altitude=_height(8.0)), _way(north_m, 8.0), RETURN)
        found = forecast(_plan(*items))
        assert found is not None
        return found.items[3].duration_s

    # 7 m up from rest to rest (2.5 m/s, 1 m/s², 1 m/s³), 200 m home at 10 m/s, waiting, down from 15 m
    up_s, home_s, down_s = 7 / 2.5 + 2.5 + 1.2, 200 / 10 + 10 / 2.5 + 2.8, 5 / 1.5 + 10 / 0.5
    assert back_s(200) == pytest.approx(up_s + home_s + 7.7 + down_s, abs=1.0)
    assert back_s(2) < 30


def test_the_return_leads_to_a_rally_point_nearer_than_home_and_not_to_a_far_one() -> None:
    def back_s(*north_m: float) -> float:
        points = tuple(RallyPoint(position=_way(n).position or HOME, altitude=_height(30.0)) for n in north_m)
        found = forecast(replace(_plan(TAKE_OFF, _way(800), RETURN), rally=points))
        assert found is not None
        return found.items[3].duration_s

    assert back_s() - back_s(700.0) == pytest.approx(700 / 10, abs=0.2)
    assert back_s(300.0, 700.0) == back_s(700.0)
    assert back_s(450.0) == back_s(), "350 m away is beyond RALLY_LIMIT_KM"


def test_a_landing_ends_the_flight_where_it_is() -> None:
    land = PlanItem(command=MavCmd.NAV_LAND, position=_way(300).position)
    found = forecast(_plan(TAKE_OFF, _way(100), land))
    assert found is not None
    assert found.items[3].duration_s == pytest.approx(200 / 8 + 40, abs=8)


def test_wind_costs_energy_and_from_some_speed_on_time() -> None:
    plan = _plan(TAKE_OFF, _way(600), RETURN)
    still, breeze, storm = (forecast(plan, wind_to_m_s=(0.0, -w)) for w in (0.0, 8.0, 16.0))
    assert still is not None
    assert breeze is not None
    assert storm is not None
    assert breeze.duration_s == pytest.approx(still.duration_s)
    assert breeze.energy_wh > 1.02 * still.energy_wh
    assert storm.duration_s > still.duration_s + 10
    with pytest.raises(PlanningError, match="wind of 30 m/s is too strong"):
        forecast(plan, wind_to_m_s=(0.0, -30.0))


@pytest.mark.parametrize(
    "items",
    [
        (),
        (TAKE_OFF,),
        (TAKE_OFF, RETURN),
        (_way(100), RETURN),
        (TAKE_OFF, _way(100)),
        (TAKE_OFF, _way(100), RETURN, _way(200), RETURN),
        (TAKE_OFF, PlanItem(command=MavCmd.NAV_LOITER_TURNS, params=(2, 0, 0, 0)), RETURN),
        (TAKE_OFF, _way(100), PlanItem(command=MavCmd.DO_JUMP, params=(2, 3, 0, 0)), RETURN),
    ],
)
def test_a_plan_whose_items_do_not_tell_has_no_forecast(items: tuple[PlanItem, ...]) -> None:
    assert forecast(_plan(*items)) is None
