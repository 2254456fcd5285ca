"""Drones that are sent while something goes wrong: no word of the battery, no rest, no way home."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from airbeat.errors import PlanningError, RefusedByVehicleError
from airbeat.flight.begin import find_sortie
from airbeat.flight.divert import Ending, divert, require_flies
from airbeat.flight.state import read_state
from airbeat.flight.units import state_over_link
from airbeat.flight.watch import FlightProgress, Watchers
from airbeat.geo.frame import distance_m
from airbeat.link.connection import Link, connect
from airbeat.link.dialect import mavlink
from airbeat.link.vehicle import Vehicle
from airbeat.mission.beat import Beat
from airbeat.mission.beatloader import parse_beat
from airbeat.mission.units import DroneEntry
from airbeat.patrol.dispatch import Dispatcher


@pytest.fixture
def flying(patrol: Any, beat: Beat) -> Iterator[Any]:
    """Drone one on its round, the embedded vehicle: what it says is falsified on its way to the station."""
    with ExitStack() as stack:
        link = stack.enter_context(connect(patrol.embedded(stack, patrol.PAD).url))
        plan = patrol.round_of(beat)
        patrol.start_round(link, plan, item=5)
        yield patrol.Flying(link, plan)


def falsify(link: Link, change: Callable[[Any], bool]) -> None:
    """Have every message changed before the station hears it; those are lost for which it says False."""
    hear = link._dispatch

    def hearing(message: Any) -> None:
        if change(message):
            hear(message)

    link._dispatch = hearing  # type: ignore[method-assign]


def hurry_once_it_brakes(link: Link) -> None:
    """Have the time pass quickly for which it is waited to come to rest."""
    hurried: list[Any] = []

    def hurry(message: Any) -> bool:
        if Vehicle.on(link).now.mode == "BRAKE" and not hurried:
            hurried.append(message)
            link.send(mavlink.MAVLink_param_set_message(1, 1, b"SIM_SPEEDUP", 20.0, 9))
        return True

    falsify(link, hurry)


def order_of(patrol: Any, flying: Any, beat: Beat) -> Any:
    return patrol.order_for(beat, state_over_link(flying.link, DroneEntry(name="one")), look_s=10.0)


def flies_its_mission(patrol: Any, flying: Any) -> bool:
    """Whether it is in AUTO, gets on, and holds the mission that it flew."""
    here = Vehicle.on(flying.link).now.position
    assert here is not None
    patrol.fly_on(flying.link, lambda place: distance_m(place, here) > 20.0)
    require_flies(flying.link, flying.plan)
    return Vehicle.on(flying.link).now.mode == "AUTO"


def test_a_drone_that_does_not_come_to_rest_gets_its_mission_back(
    patrol: Any, flying: Any, beat: Beat, tmp_path: Path
) -> None:
    order, state_file = order_of(patrol, flying, beat), tmp_path / "state.json"

    def restless(message: Any) -> bool:
        if message.get_type() == "GLOBAL_POSITION_INT":
            message.vx, message.vy = 200, 0
        return True

    falsify(flying.link, restless)
    hurry_once_it_brakes(flying.link)
    with pytest.raises(RefusedByVehicleError, match="one did not come to rest: it goes on with its mission"):
        divert(flying.link, order, flying.plan, confirmed=True, state_file=state_file)
    assert flies_its_mission(patrol, flying)
    assert read_state(state_file).item == 5


def test_a_drone_that_does_not_say_where_it_is_after_braking_gets_its_mission_back(
    patrol: Any, flying: Any, beat: Beat
) -> None:
    """Where it stands is only known by a position that was heard after it came to rest."""
    order, vehicle = order_of(patrol, flying, beat), Vehicle.on(flying.link)
    falsify(flying.link, lambda m: m.get_type() != "GLOBAL_POSITION_INT" or vehicle.now.mode != "BRAKE")
    hurry_once_it_brakes(flying.link)
    with pytest.raises(RefusedByVehicleError, match="one did not come to rest: it goes on with its mission"):
        divert(flying.link, order, flying.plan, confirmed=True)
    assert flies_its_mission(patrol, flying)


def unknown(message: Any) -> bool:
    """The autopilot has no estimate of the battery: -1 in SYS_STATUS."""
    if message.get_type() == "SYS_STATUS":
        message.battery_remaining = -1
    return True


def untold(message: Any) -> bool:
    """SYS_STATUS comes no more."""
    return message.get_type() != "SYS_STATUS"


@pytest.mark.parametrize("silence", [unknown, untold])
def test_a_drone_that_stops_telling_its_battery_on_the_way_goes_home_after_the_look(
    patrol: Any, flying: Any, beat: Beat, tmp_path: Path, silence: Callable[[Any], bool]
) -> None:
    order, state_file = order_of(patrol, flying, beat), tmp_path / "state.json"
    hurried, silent = patrol.hurried(flying.link), []

    def progress(step: FlightProgress) -> None:
        hurried.progress(step)
        if step.phase == "flying" and not silent:
            silent.append(step)
            falsify(flying.link, silence)

    watchers = Watchers(progress=progress)
    done = divert(flying.link, order, flying.plan, confirmed=True, state_file=state_file, watchers=watchers)
    assert done.ending is Ending.BACK_ON_PAD, done.explanation
    assert done.arrived_s is not None
    assert done.explanation == "it does not say how full its battery is"
    assert done.holds.startswith("the vehicle holds the way to its pad: AUTO goes on with that")
    landed = Vehicle.on(flying.link).now
    assert landed.armed is False
    assert landed.position is not None
    assert distance_m(landed.position, patrol.PAD) < 5.0
    # What is left of its beat can be flown with another battery.
    state = read_state(state_file)
    assert (state.outcome, state.item) == ("", 5)
    assert find_sortie(flying.link, flying.plan, state).start is None


def test_a_drone_whose_battery_was_told_of_too_long_ago_is_not_sent_on(
    patrol: Any, flying: Any, beat: Beat
) -> None:
    order, vehicle = order_of(patrol, flying, beat), Vehicle.on(flying.link)
    told_s = vehicle.now.time_s
    falsify(flying.link, untold)
    patrol.hurry(flying.link, patrol.FAST)
    assert vehicle.wait(lambda t: t.time_s > told_s + 17.0, timeout_s=60.0)
    patrol.hurry(flying.link, patrol.CALM)
    with pytest.raises(PlanningError, match="how full its battery is; it goes on with its mission"):
        divert(flying.link, order, flying.plan, confirmed=True)
    assert vehicle.now.mode == "AUTO"
    require_flies(flying.link, flying.plan)


@pytest.mark.parametrize("with_mission", [True, False])
def test_a_drone_without_a_way_back_or_home_hovers_and_needs_its_pilot(
    patrol: Any, flying: Any, beat: Beat, tmp_path: Path, with_mission: bool
) -> None:
    """While it looks, a keep-out is closed between it and all that lies west."""
    order, state_file = order_of(patrol, flying, beat), tmp_path / "state.json"
    across = patrol.BEAT.replace("{lat: 47.2700, lon", "{lat: 47.2680, lon").replace(
        "{lat: 47.2715, lon", "{lat: 47.2740, lon"
    )
    divided = Dispatcher(parse_beat(across.encode(), name="beat.yaml", base_dir=Path()))
    hurried = patrol.hurried(flying.link)

    def progress(step: FlightProgress) -> None:
        hurried.progress(step)
        there = step.state.position
        if step.phase == "flying" and there and distance_m(there, order.arrival.way[-1]) < 6.0:
            vars(order.dispatcher).update(vars(divided))

    plan = flying.plan if with_mission else None
    watchers = Watchers(progress=progress)
    done = divert(flying.link, order, plan, confirmed=True, state_file=state_file, watchers=watchers)
    assert done.ending is Ending.NOT_FINISHED
    assert done.arrived_s is not None
    assert done.explanation.startswith("it hovers (BRAKE) and needs its pilot: no way inside the fence leads")
    assert done.holds.startswith("the vehicle holds the way to the incident: AUTO goes on with that")
    assert len(done.records) == 1
    vehicle = Vehicle.on(flying.link)
    assert not vehicle.wait(lambda t: t.mode != "BRAKE", timeout_s=5.0)
    assert vehicle.now.armed
    if with_mission:
        assert f"--resume {state_file}" in done.holds
        assert read_state(state_file).item == 5
    else:
        assert done.holds.endswith("to give it another one, upload that before AUTO is used")
        assert not state_file.exists()
