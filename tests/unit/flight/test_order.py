"""What a drone is sent for: its way again from wherever it stopped, never over a keep-out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from airbeat.checks.coverage import outside_fence_m
from airbeat.errors import PlanningError
from airbeat.flight.divert import _from_where_it_stands
from airbeat.flight.order import Order
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.link.telemetry import Telemetry
from airbeat.mission.beatloader import parse_beat
from airbeat.mission.legs import legs
from airbeat.patrol.dispatch import Dispatcher, DroneState, Incident

ORIGIN = LatLon(lat_deg=47.2700, lon_deg=11.4000)
FRAME = LocalFrame(ORIGIN)
MARGIN_M = 3.0


def at(east_m: float, north_m: float) -> LatLon:
    return FRAME.to_latlon([(east_m, north_m)])[0]


def box(west_m: float, south_m: float, east_m: float, north_m: float) -> str:
    corners = [(west_m, south_m), (east_m, south_m), (east_m, north_m), (west_m, north_m)]
    places = [at(x, y) for x, y in corners]
    return ", ".join(f"{{lat: {p.lat_deg:.8f}, lon: {p.lon_deg:.8f}}}" for p in places)


# The keep-out is 100 m wide and 100 m high, its south-west corner at the origin; the pad lies west of it.
BEAT = f"""\
airbeat: 1
kind: patrol
name: Corner
time_zone: UTC
launch:
  - name: pad
    lat: {at(-60, 50).lat_deg}
    lon: {at(-60, 50).lon_deg}
    drones: [{{name: one, camera: embedded-12mp, airframe: arducopter-quad,
              height: {{value_m: 40, datum: home}}, speed_m_s: 8}}]
fence:
  margin_m: {MARGIN_M}
  inclusion:
    - polygon: [{box(-120, -120, 220, 220)}]
  exclusion:
    - polygon: [{box(0, 0, 100, 100)}]
beat:
  points: [{{name: gate, lat: {at(-50, 150).lat_deg}, lon: {at(-50, 150).lon_deg}}}]
"""
EAST = Incident(position=at(130, 60))


@pytest.fixture(scope="module")
def dispatcher() -> Dispatcher:
    return Dispatcher(parse_beat(BEAT.encode(), name="beat.yaml", base_dir=Path()))


def order_from(dispatcher: Dispatcher, place: LatLon) -> Order:
    state = DroneState(name="one", position=place, height_m=40.0, flying=True)
    arrival = dispatcher.drone(EAST, state, look_s=20.0)
    site, drone = dispatcher.beat.drones[0]
    return Order(arrival=arrival, incident=EAST, site=site, drone=drone, dispatcher=dispatcher)


def flown(order: Order, start: LatLon) -> Iterator[LatLon]:
    """Where the drone goes from where it stands, without the return at the end."""
    yield start
    yield from (leg.end for leg in legs(order.plan(start))[1:-1])


def outside_m(order: Order, start: LatLon) -> float:
    assert order.fence is not None
    return outside_fence_m(list(flown(order, start)), order.fence)


@pytest.mark.parametrize("flown_on_m", [10.0, 15.0, 20.0])
@pytest.mark.parametrize("beside_m", [3.5, 10.0, 30.0])
def test_the_first_leg_is_clear_from_where_a_drone_stopped_and_the_ordered_one_was_not(
    dispatcher: Dispatcher, beside_m: float, flown_on_m: float
) -> None:
    """Southwards past the north-west corner: from above it the next place is the north-east one."""
    ordered_at, stopped_at = at(-beside_m, 103.5), at(-beside_m, 103.5 - flown_on_m)
    ordered = order_from(dispatcher, ordered_at)
    assert outside_m(ordered, ordered_at) == 0.0
    assert outside_m(ordered, stopped_at) > 3.0
    again = ordered.again(stopped_at, height_m=40.0, battery_share=0.8)
    assert again.arrival.way[0] == stopped_at
    assert outside_m(again, stopped_at) == 0.0
    assert again.arrival.look_s == ordered.arrival.look_s


def test_ways_from_everywhere_round_a_keep_out_are_clear_even_from_within_its_margin(
    dispatcher: Dispatcher,
) -> None:
    ordered = order_from(dispatcher, at(-30, 150))
    for east_m in range(-118, 220, 13):
        for north_m in range(-118, 220, 13):
            here = at(east_m, north_m)
            if -0.5 < east_m < 100.5 and -0.5 < north_m < 100.5:
                continue
            again = ordered.again(here, height_m=40.0, battery_share=1.0)
            assert outside_m(again, here) == 0.0, (east_m, north_m)
            assert ordered.is_clear((here, *ordered.way_home(here))), (east_m, north_m)


def test_from_within_a_margin_the_drone_first_leaves_it_by_the_shortest_way(dispatcher: Dispatcher) -> None:
    beside = at(50, 101)
    again = order_from(dispatcher, at(-30, 150)).again(beside, height_m=40.0, battery_share=1.0)
    assert distance_m(again.arrival.way[1], at(50, 100 + MARGIN_M)) < 0.1
    assert distance_m(again.way_home(beside)[0], at(50, 100 + MARGIN_M)) < 0.1


def test_from_above_a_keep_out_no_way_is_flown(dispatcher: Dispatcher) -> None:
    ordered = order_from(dispatcher, at(-30, 150))
    with pytest.raises(PlanningError, match="would leave the fence or enter a keep-out"):
        ordered.again(at(10, 50), height_m=40.0, battery_share=1.0)


def test_a_battery_that_was_emptied_meanwhile_refuses_the_order(dispatcher: Dispatcher) -> None:
    ordered = order_from(dispatcher, at(-30, 150))
    with pytest.raises(PlanningError, match=r"battery: 15 % carries it there and back with 0 s to look"):
        ordered.again(at(-30, 120), height_m=40.0, battery_share=0.15)


def test_without_a_fence_every_way_is_clear(dispatcher: Dispatcher) -> None:
    free = Dispatcher(replace(dispatcher.beat, fence=None))
    assert order_from(free, at(-30, 150)).is_clear((at(-30, 50), at(130, 50)))


class Braked:
    """A vehicle that stands in BRAKE and says what it is told to say; its modes are written down."""

    def __init__(self, **said: object) -> None:
        self.now = Telemetry(mode="BRAKE", armed=True, **said)  # type: ignore[arg-type]
        self.modes: list[str] = []

    def set_mode(self, mode: str, *, only_from: set[str]) -> None:
        assert only_from == {"BRAKE"}, "a pilot's own mode would be overridden"
        self.modes.append(mode)


def test_a_drone_that_does_not_say_how_full_its_battery_is_is_not_sent_on_but_given_its_mission_back(
    dispatcher: Dispatcher,
) -> None:
    order = order_from(dispatcher, at(-20, 150))
    silent = Braked(height_above_home_m=40.0, battery_share=None)
    with pytest.raises(PlanningError, match="how full its battery is; it goes on with its mission"):
        _from_where_it_stands(silent, order, at(-20, 140))  # type: ignore[arg-type]
    assert silent.modes == ["AUTO"]
    saying = Braked(height_above_home_m=40.0, battery_share=0.9)
    assert _from_where_it_stands(saying, order, at(-20, 140)).arrival.way[0] == at(-20, 140)  # type: ignore[arg-type]
    assert saying.modes == []
