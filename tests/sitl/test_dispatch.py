"""Drones sent to incidents, from their beat and from their pads, on the embedded vehicle and on ArduPilot."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airbeat.checks.coverage import outside_fence_m
from airbeat.errors import PlanningError, RefusedByVehicleError, UsageError
from airbeat.flight.divert import Ending, divert, require_flies, send_from_pad
from airbeat.flight.fly import continue_plan
from airbeat.flight.state import read_state
from airbeat.flight.units import state_over_link
from airbeat.flight.watch import FlightProgress, Watchers
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.link.connection import connect
from airbeat.link.telemetry import PositionFix
from airbeat.link.vehicle import Vehicle
from airbeat.mission.beat import Beat
from airbeat.mission.beatloader import parse_beat
from airbeat.mission.plan import FlightPlan
from airbeat.mission.units import DroneEntry
from airbeat.patrol.dispatch import ARM_S, DIVERT_S, Dispatcher, DroneState, Incident


def first_at(track: Sequence[PositionFix], place: LatLon) -> float:
    """When a track first came within 6 m of a place, by the vehicle's clock [s]."""
    return next(f.time_s for f in track if distance_m(f.position, place) <= 6.0)


def left_at(track: Sequence[PositionFix], place: LatLon) -> float:
    """When a track left a place [s]: how long the station took before that says nothing of the drone."""
    away = (n for n, f in enumerate(track) if distance_m(f.position, place) > 2.0)
    return track[max(next(away) - 1, 0)].time_s


def test_a_drone_leaves_its_beat_looks_and_goes_on_where_it_was_interrupted(
    patrol: Any, flying: Any, beat: Beat, tmp_path: Path
) -> None:
    order = patrol.order_for(beat, state_over_link(flying.link, DroneEntry(name="one")))
    state_file, watchers = tmp_path / "state.json", patrol.hurried(flying.link)
    ordered_s = Vehicle.on(flying.link).now.time_s
    done = divert(flying.link, order, flying.plan, confirmed=True, state_file=state_file, watchers=watchers)
    assert done.ending is Ending.BACK_ON_BEAT, done.explanation
    there, back = done.records
    # It looked from the end of its way, for as long as it was told.
    assert done.looked_s == pytest.approx(20.0, abs=4.0)
    assert min(distance_m(f.position, done.way[-1]) for f in there.track) < 3.0
    assert distance_m(done.way[-1], patrol.INCIDENT.position) < 25.0
    assert len(there.photos) == 1
    # Its flight there took as long as is foreseen from where it stopped; it arrived by its own clock.
    arrived_s = first_at(there.track, done.way[-1])
    flown_s = arrived_s - left_at(there.track, done.way[0])
    foreseen_s = order.again(done.way[0], height_m=40.0, battery_share=1.0).arrival.arrival_s
    assert foreseen_s is not None
    assert flown_s == pytest.approx(foreseen_s - DIVERT_S, rel=0.25)
    assert done.estimate_s == order.arrival.arrival_s
    assert done.arrived_s == pytest.approx(arrived_s - ordered_s, abs=2.0)
    # It came back to the place of the interruption and flew every place that was left.
    assert done.interrupted_at is not None
    assert min(distance_m(f.position, done.interrupted_at) for f in back.track) < 8.0
    left = [i.position for i in flying.plan.items[4:-1] if i.position]
    for place in left:
        assert min(distance_m(f.position, place) for f in back.track) < 4.0
    assert read_state(tmp_path / "state.json").outcome == "completed"
    # Never outside the fence or over the keep-out.
    fence = Dispatcher(beat).space.fence
    assert fence is not None
    for record in done.records:
        assert outside_fence_m([f.position for f in record.track], fence) < 1.0


def test_a_drone_that_flew_on_before_it_obeyed_finds_its_way_from_where_it_stopped(
    patrol: Any, flying: Any, beat: Beat, tmp_path: Path
) -> None:
    """Ordered north of the keep-out's edge, it stops south of it: the ordered leg would go over the roof."""
    fence = Dispatcher(beat).space.fence
    assert fence is not None
    north = LatLon(lat_deg=47.2719, lon_deg=11.4046)
    order = patrol.order_for(
        beat, DroneState(name="one", position=north, height_m=40.0, flying=True), look_s=10.0
    )
    assert outside_fence_m(order.arrival.way, fence) == 0.0
    patrol.fly_on(flying.link, lambda place: place.lat_deg < 47.2714)
    watchers, state_file = patrol.hurried(flying.link), tmp_path / "state.json"
    done = divert(flying.link, order, flying.plan, confirmed=True, state_file=state_file, watchers=watchers)
    assert outside_fence_m((done.way[0], *order.arrival.way[1:]), fence) > 10.0
    assert outside_fence_m(done.way, fence) == 0.0
    there, back = done.records
    assert outside_fence_m((there.track[0].position, *done.way[1:]), fence) == 0.0
    assert done.arrived_s is not None
    assert done.ending is Ending.BACK_ON_BEAT, done.explanation
    for record in (there, back):
        assert outside_fence_m([f.position for f in record.track], fence) < 1.0


def test_a_drone_without_a_way_from_where_it_stopped_goes_on_with_its_mission(
    patrol: Any, flying: Any, beat: Beat, tmp_path: Path
) -> None:
    order = patrol.order_for(beat, state_over_link(flying.link, DroneEntry(name="one")))
    across = patrol.BEAT.replace("{lat: 47.2700, lon", "{lat: 47.2680, lon").replace(
        "{lat: 47.2715, lon", "{lat: 47.2740, lon"
    )
    divided = Dispatcher(parse_beat(across.encode(), name="beat.yaml", base_dir=Path()))
    with pytest.raises(PlanningError, match=r"no way inside the fence; it goes on with its mission"):
        divert(flying.link, replace(order, dispatcher=divided), flying.plan, confirmed=True)
    vehicle = Vehicle.on(flying.link)
    assert vehicle.now.mode == "AUTO"
    here = vehicle.now.position
    assert here is not None
    patrol.fly_on(flying.link, lambda place: distance_m(place, here) > 20.0)
    require_flies(flying.link, flying.plan)


def test_a_drone_whose_way_back_to_its_beat_is_closed_goes_home_by_another(
    patrol: Any, beat: Beat, tmp_path: Path
) -> None:
    """A keep-out of the beat that the mission does not know lies north of the other, on the shortest way."""
    wall = """\
    - polygon: [{lat: 47.2714, lon: 11.4055}, {lat: 47.2714, lon: 11.4060},
                {lat: 47.2731, lon: 11.4060}, {lat: 47.2731, lon: 11.4055}]
beat:
"""
    walled = parse_beat(patrol.BEAT.replace("beat:\n", wall).encode(), name="beat.yaml", base_dir=Path())
    with ExitStack() as stack:
        link = stack.enter_context(connect(patrol.embedded(stack, patrol.PAD).url))
        plan = patrol.round_of(beat)
        patrol.start_round(link, plan, item=5)
        order = patrol.order_for(walled, state_over_link(link, DroneEntry(name="one")), look_s=10.0)
        state_file = tmp_path / "state.json"
        done = divert(link, order, plan, confirmed=True, state_file=state_file, watchers=patrol.hurried(link))
        assert done.ending is Ending.BACK_ON_PAD
        assert done.explanation == "the way back to its beat would leave the fence or enter a keep-out"
        assert order.fence is not None
        for record in done.records:
            assert outside_fence_m([f.position for f in record.track], order.fence) < 1.0
        assert read_state(state_file).item == 5


def test_a_pilot_who_takes_over_while_the_way_is_uploaded_keeps_the_drone(
    patrol: Any, flying: Any, beat: Beat
) -> None:
    vehicle = Vehicle.on(flying.link)

    def progress(step: FlightProgress) -> None:
        if step.phase == "uploading":
            vehicle.set_mode("LOITER")

    order = patrol.order_for(beat, state_over_link(flying.link, DroneEntry(name="one")))
    with pytest.raises(RefusedByVehicleError, match="changed to LOITER: left to the pilot"):
        divert(flying.link, order, flying.plan, confirmed=True, watchers=Watchers(progress=progress))
    vehicle.wait(lambda _t: False, timeout_s=3.0)
    assert vehicle.now.mode == "LOITER"


def test_a_drone_that_was_moved_since_its_way_was_found_is_not_sent_off(patrol: Any, flying: Any) -> None:
    vehicle = Vehicle.on(flying.link)
    found_from = vehicle.now.position
    assert found_from is not None
    patrol.fly_on(flying.link, lambda place: distance_m(place, found_from) > 20.0)
    vehicle.set_mode("BRAKE")
    with pytest.raises(RefusedByVehicleError, match=r"not sent off: the vehicle is \d+ m from where"):
        continue_plan(flying.link, flying.plan, confirmed=True, start=found_from, watchers=Watchers())
    assert vehicle.now.mode == "BRAKE"


def test_a_pilot_who_takes_over_on_the_way_keeps_the_drone(
    patrol: Any, flying: Any, beat: Beat, tmp_path: Path
) -> None:
    vehicle = Vehicle.on(flying.link)
    photos: list[float] = []

    def progress(step: object) -> None:
        now = vehicle.now
        if not photos and now.mode == "AUTO" and (now.speed_m_s or 0.0) > 5.0 and (now.mission_seq or 0) >= 3:
            photos.append(now.time_s)
            threading.Thread(target=lambda: vehicle.set_mode("LOITER")).start()

    done, _ = patrol.sent(flying, beat, tmp_path, watchers=Watchers(progress=progress))
    assert done.ending is Ending.LEFT_TO_PILOT
    assert len(done.records) == 1
    time.sleep(0.5)
    assert vehicle.now.mode == "LOITER"


def test_a_drone_that_is_flown_by_hand_is_not_sent(
    patrol: Any, flying: Any, beat: Beat, tmp_path: Path
) -> None:
    order = patrol.order_for(beat, state_over_link(flying.link, DroneEntry(name="one")))
    Vehicle.on(flying.link).set_mode("LOITER")
    state = state_over_link(flying.link, DroneEntry(name="one"))
    assert state.why_not == "it is flown by hand (LOITER)"
    assert Dispatcher(beat).drone(patrol.INCIDENT, state).arrival_s is None
    with pytest.raises(RefusedByVehicleError, match="whoever set that has priority"):
        divert(flying.link, order, flying.plan, confirmed=True)
    assert Vehicle.on(flying.link).now.mode == "LOITER"


def test_nothing_flies_without_a_yes(patrol: Any, flying: Any, beat: Beat) -> None:
    order = patrol.order_for(beat, state_over_link(flying.link, DroneEntry(name="one")))
    with pytest.raises(UsageError, match="nobody has confirmed"):
        divert(flying.link, order, flying.plan)
    assert Vehicle.on(flying.link).now.mode == "AUTO"
    with pytest.raises(UsageError, match="nobody has confirmed"):
        send_from_pad(flying.link, order)


def test_a_drone_that_flies_another_mission_is_refused(patrol: Any, flying: Any, beat: Beat) -> None:
    order = patrol.order_for(beat, state_over_link(flying.link, DroneEntry(name="one")))
    other = FlightPlan(name="other", home=patrol.PAD, items=flying.plan.items[:4])
    with pytest.raises(RefusedByVehicleError, match="flies a mission of 8 items, this plan has 4"):
        divert(flying.link, order, other, confirmed=True)
    assert Vehicle.on(flying.link).now.mode == "AUTO"


def test_of_several_drones_the_first_there_is_sent_and_the_others_fly_on(
    patrol: Any, beat: Beat, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        vehicles = [patrol.embedded(stack, site.position) for site, _ in beat.drones]
        links = [stack.enter_context(connect(v.url)) for v in vehicles]
        plan = patrol.round_of(beat)
        patrol.start_round(links[0], plan, item=4)
        states = [
            state_over_link(link, DroneEntry(name=name))
            for link, name in zip(links, ("one", "two"), strict=True)
        ]
        patrol.hurry(links[1], patrol.CALM)
        near = Incident(position=LatLon(lat_deg=47.2695, lon_deg=11.4083), kind="fire")
        ranked = Dispatcher(beat).rank(near, states, look_s=20.0)
        assert [a.unit for a in ranked] == ["two", "one"]  # from its pad, and still before the one in the air
        order = patrol.order_for(beat, states[1], incident=near)
        done = send_from_pad(links[1], order, confirmed=True, watchers=patrol.hurried(links[1]))
        assert done.ending is Ending.BACK_ON_PAD, done.explanation
        (record,) = done.records
        assert record.takeoff_time_s is not None
        flown_s = first_at(record.track, order.arrival.way[-1]) - record.takeoff_time_s
        assert flown_s == pytest.approx(done.estimate_s - ARM_S, rel=0.25)
        assert done.looked_s == pytest.approx(20.0, abs=4.0)
        assert Vehicle.on(links[0]).now.mode in ("AUTO", "RTL")


def test_a_battery_that_does_not_carry_the_rest_brings_the_drone_home(
    patrol: Any, beat: Beat, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        vehicle = patrol.embedded(stack, patrol.PAD)
        link = stack.enter_context(connect(vehicle.url))
        plan = patrol.round_of(beat)
        patrol.start_round(link, plan, item=5)
        state = state_over_link(link, DroneEntry(name="one"))
        order = patrol.order_for(beat, state)
        _, drone = beat.drones[0]
        hungry = replace(drone, airframe=replace(drone.airframe, battery_wh=10.0))
        done = divert(
            link,
            replace(order, drone=hungry),
            plan,
            confirmed=True,
            state_file=tmp_path / "state.json",
            watchers=patrol.hurried(link),
        )
        assert done.ending is Ending.BACK_ON_PAD, done.explanation
        assert "the battery lacks" in done.explanation
        state_left = read_state(tmp_path / "state.json")
        assert state_left.outcome == ""
        assert state_left.item == 5
