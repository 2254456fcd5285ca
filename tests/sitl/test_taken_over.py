"""A pilot who takes over while a drone is sent keeps it, and can give it its beat back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from airbeat.errors import RefusedByVehicleError
from airbeat.flight.begin import find_sortie, keeper_for
from airbeat.flight.dispatching import outcome_words
from airbeat.flight.divert import Diverted, Ending, divert, require_flies, send_from_pad
from airbeat.flight.fly import fly_plan, fly_sortie
from airbeat.flight.record import FlightOutcome
from airbeat.flight.state import read_state
from airbeat.flight.units import state_over_link
from airbeat.flight.watch import FlightProgress, Interruption, Watchers
from airbeat.geo.frame import distance_m
from airbeat.link.connection import Link, connect
from airbeat.link.dialect import mavlink
from airbeat.link.telemetry import modes_of
from airbeat.link.vehicle import Vehicle
from airbeat.mission.beat import Beat
from airbeat.mission.units import DroneEntry

MODES = modes_of(mavlink.MAV_TYPE_QUADROTOR)


def is_order(message: Any, command: int, *, mode: str | None = None) -> bool:
    """Whether a message is a command of this station, and sets a mode."""
    named = message.get_type() == "COMMAND_LONG" and message.command == command
    return named and (mode is None or message.param2 == MODES[mode])


def is_mode(message: Any, mode: str) -> bool:
    return is_order(message, mavlink.MAV_CMD_DO_SET_MODE, mode=mode)


def is_question(message: Any) -> bool:
    """Whether a message asks for a HEARTBEAT."""
    return is_order(message, mavlink.MAV_CMD_REQUEST_MESSAGE) and message.param1 == 0.0


class Meddled:
    """A link on which a pilot acts just before a message of this station leaves, and messages are lost.

    Attributes:
        orders: the modes that this station ordered.
        deaf: which messages of the vehicle are lost.
    """

    def __init__(self, link: Link) -> None:
        self.orders: list[float] = []
        self.deaf: Callable[[Any], bool] = lambda _m: False
        self._pilot: tuple[Callable[[Any], bool], str] | None = None
        self._send, self._dispatch = link.send, link._dispatch
        link.send, link._dispatch = self._sending, self._hearing  # type: ignore[method-assign]

    def pilot_before(self, message: Callable[[Any], bool], mode: str) -> None:
        """Has the pilot set a mode just before the next message of a kind leaves."""
        self._pilot = message, mode

    def _sending(self, *messages: Any) -> None:
        for message in messages:
            if self._pilot is not None and self._pilot[0](message):
                mode, self._pilot = self._pilot[1], None
                self._send(
                    mavlink.MAVLink_set_mode_message(
                        1, mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED, MODES[mode]
                    )
                )
            if is_order(message, mavlink.MAV_CMD_DO_SET_MODE):
                self.orders.append(message.param2)
            self._send(message)

    def _hearing(self, message: Any) -> None:
        if not self.deaf(message):
            self._dispatch(message)

    @property
    def modes(self) -> list[float]:
        """The modes that were ordered in turn; what is urgent is sent twice at once."""
        return [mode for mode, _ in groupby(self.orders)]

    def ordered(self, mode: str) -> int:
        """How often this station ordered a mode."""
        return self.orders.count(MODES[mode])


def at_phase(phase: str, action: Callable[[], None]) -> Watchers:
    """Watchers that do something when a flight first comes to a phase."""
    done: list[str] = []

    def progress(step: FlightProgress) -> None:
        if step.phase == phase and not done:
            done.append(phase)
            action()

    return Watchers(progress=progress)


def stays_in(vehicle: Vehicle, mode: str) -> bool:
    """Whether it is in a mode, and in no other for 5 s of its own time."""
    return vehicle.now.mode == mode and not vehicle.wait(lambda t: t.mode != mode, timeout_s=5.0)


def order_of(patrol: Any, flying: Any, beat: Beat) -> Any:
    return patrol.order_for(beat, state_over_link(flying.link, DroneEntry(name="one")), look_s=10.0)


def test_a_pilot_who_changes_the_mode_just_before_the_drone_would_brake_keeps_it(
    patrol: Any, flying: Any, beat: Beat
) -> None:
    order, link = order_of(patrol, flying, beat), Meddled(flying.link)
    link.pilot_before(is_question, "LOITER")
    with pytest.raises(RefusedByVehicleError, match="changed to LOITER: left to the pilot") as told:
        divert(flying.link, order, flying.plan, confirmed=True)
    assert "holds the mission that it flew, and AUTO goes on with that" in told.value.message
    assert link.orders == []
    assert stays_in(Vehicle.on(flying.link), "LOITER")
    require_flies(flying.link, flying.plan)


def test_a_pilot_who_changes_the_mode_just_before_the_drone_would_be_sent_off_keeps_it(
    patrol: Any, flying: Any, beat: Beat, tmp_path: Path
) -> None:
    """The last thing that is known is that it hovers: whoever does not ask anew would send it off."""
    order, link = order_of(patrol, flying, beat), Meddled(flying.link)
    off = at_phase("arming", lambda: link.pilot_before(is_question, "LOITER"))
    state_file = tmp_path / "state.json"
    with pytest.raises(RefusedByVehicleError, match="changed to LOITER: left to the pilot") as told:
        divert(flying.link, order, flying.plan, confirmed=True, state_file=state_file, watchers=off)
    assert "holds the way to the incident: AUTO goes on with that" in told.value.message
    assert f"airbeat fly FILE --resume {state_file}" in told.value.message
    assert link.ordered("AUTO") == 0
    assert stays_in(Vehicle.on(flying.link), "LOITER")


def test_a_pilot_who_acts_while_the_answer_is_lost_keeps_the_drone(
    patrol: Any, flying: Any, beat: Beat
) -> None:
    """It was sent off, which nobody heard; the order is not given again over what he did then."""
    order, link = order_of(patrol, flying, beat), Meddled(flying.link)

    def told_of_the_mode(message: Any) -> bool:
        if link.ordered("AUTO") == 0:
            return False
        answer = message.get_type() == "COMMAND_ACK" and message.command == mavlink.MAV_CMD_DO_SET_MODE
        return answer or (message.get_type() == "HEARTBEAT" and message.custom_mode == MODES["AUTO"])

    link.deaf = told_of_the_mode

    def asks_again(message: Any) -> bool:
        return is_question(message) and link.ordered("AUTO") == 1

    off = at_phase("arming", lambda: link.pilot_before(asks_again, "LOITER"))
    with pytest.raises(RefusedByVehicleError, match="changed to LOITER: left to the pilot"):
        divert(flying.link, order, flying.plan, confirmed=True, watchers=off)
    assert link.ordered("AUTO") == 1
    assert stays_in(Vehicle.on(flying.link), "LOITER")


def test_a_pilot_whose_change_crosses_an_order_on_its_way_gets_his_mode_back(patrol: Any, beat: Beat) -> None:
    with ExitStack() as stack:
        vehicle = patrol.embedded(stack, patrol.PAD)
        link = stack.enter_context(connect(vehicle.url))
        plan = patrol.round_of(beat)
        patrol.start_round(link, plan, item=5)
        order = patrol.order_for(beat, state_over_link(link, DroneEntry(name="one")), look_s=10.0)
        meddled = Meddled(link)
        crossing = at_phase("arming", lambda: meddled.pilot_before(lambda m: is_mode(m, "AUTO"), "LOITER"))
        with pytest.raises(RefusedByVehicleError, match="changed to LOITER: left to the pilot"):
            divert(link, order, plan, confirmed=True, watchers=crossing)
        assert meddled.modes == [MODES["BRAKE"], MODES["AUTO"], MODES["LOITER"]]
        assert stays_in(Vehicle.on(link), "LOITER")


@pytest.mark.parametrize("before", ["the question", "the order"])
def test_a_pilot_who_changes_the_mode_of_an_armed_drone_before_it_is_started_keeps_it(
    patrol: Any, beat: Beat, before: str
) -> None:
    """MISSION_START would switch it to AUTO from any mode; one that crosses his change is taken back."""
    with ExitStack() as stack:
        link = stack.enter_context(connect(patrol.embedded(stack, patrol.PAD).url))
        vehicle, meddled = Vehicle.on(link), Meddled(link)

        def is_start(message: Any) -> bool:
            return is_order(message, mavlink.MAV_CMD_MISSION_START)

        def is_question_once_armed(message: Any) -> bool:
            return is_question(message) and vehicle.now.armed is True

        meddled.pilot_before(is_start if before == "the order" else is_question_once_armed, "LOITER")
        with pytest.raises(RefusedByVehicleError, match="changed to LOITER: left to the pilot"):
            fly_plan(link, patrol.round_of(beat), confirmed=True)
        assert meddled.modes == [MODES["GUIDED"], *([MODES["LOITER"]] if before == "the order" else [])]
        assert stays_in(vehicle, "LOITER")


def taken_over_on_the_way(patrol: Any, flying: Any, beat: Beat, state_file: Path) -> Diverted:
    """Sent to the incident; its pilot takes it over between the beat and there."""
    order, link = order_of(patrol, flying, beat), Meddled(flying.link)
    hurried = patrol.hurried(flying.link)
    taken: list[float] = []

    def progress(step: FlightProgress) -> None:
        hurried.progress(step)
        flies = step.phase == "flying" and step.state.mode == "AUTO" and (step.state.speed_m_s or 0.0) > 5.0
        if flies and not taken:
            taken.append(step.state.time_s)
            link._send(mavlink.MAVLink_set_mode_message(1, 1, MODES["LOITER"]))

    watchers = Watchers(progress=progress)
    return divert(flying.link, order, flying.plan, confirmed=True, state_file=state_file, watchers=watchers)


def test_a_drone_that_its_pilot_took_over_on_the_way_gets_its_beat_back_by_its_state(
    patrol: Any, flying: Any, beat: Beat, tmp_path: Path
) -> None:
    state_file, vehicle = tmp_path / "state.json", Vehicle.on(flying.link)
    done = taken_over_on_the_way(patrol, flying, beat, state_file)
    assert done.ending is Ending.LEFT_TO_PILOT
    words = outcome_words("one", done)
    assert "the vehicle holds the way to the incident: AUTO goes on with that, not with its mission" in words
    assert f"airbeat fly FILE --resume {state_file} --connect {flying.link.url}" in words
    # It is as they say: what it holds is not its beat.
    with pytest.raises(RefusedByVehicleError, match="flies another mission"):
        require_flies(flying.link, flying.plan)
    # Resumed from where it hovers it flies every place that was left.
    assert vehicle.wait(lambda t: (t.speed_m_s or 0.0) < 0.5, timeout_s=30.0)
    state = read_state(state_file)
    sortie = find_sortie(flying.link, flying.plan, state)
    assert sortie.start is not None
    keeper = keeper_for(sortie, flying.plan, state_file, earlier=state, number=2, say=lambda _text: None)
    hurried = patrol.hurried(flying.link)

    def progress(step: FlightProgress) -> None:
        hurried.progress(step)
        keeper.progress(step)

    watchers = Watchers(progress=progress, keep=keeper.finish)
    record = fly_sortie(
        flying.link, sortie, watchers=watchers, confirm=None, agree=lambda: True, say=lambda _text: None
    )
    assert record.outcome is FlightOutcome.COMPLETED, record.explanation
    for place in [i.position for i in flying.plan.items[4:-1] if i.position]:
        assert min(distance_m(f.position, place) for f in record.track) < 4.0
    assert read_state(state_file).outcome == "completed"


def test_a_drone_whose_pilot_gives_it_auto_on_the_way_goes_on_to_the_incident_as_he_was_told(
    patrol: Any, flying: Any, beat: Beat, tmp_path: Path
) -> None:
    done = taken_over_on_the_way(patrol, flying, beat, tmp_path / "state.json")
    assert "holds the way to the incident" in done.holds
    Vehicle.on(flying.link).set_mode("AUTO")
    patrol.fly_on(flying.link, lambda place: distance_m(place, done.way[-1]) < 6.0)


def test_a_pilot_who_takes_over_while_the_way_back_is_uploaded_is_told_what_the_drone_holds(
    patrol: Any, beat: Beat, tmp_path: Path
) -> None:
    """It has looked and hovers: it is not sent on, and what was flown is told all the same."""
    with ExitStack() as stack:
        link = stack.enter_context(connect(patrol.embedded(stack, patrol.PAD).url))
        plan, state_file = patrol.round_of(beat), tmp_path / "state.json"
        patrol.start_round(link, plan, item=5)
        order = patrol.order_for(beat, state_over_link(link, DroneEntry(name="one")), look_s=10.0)
        meddled, hurried, begun = Meddled(link), patrol.hurried(link), []

        def progress(step: FlightProgress) -> None:
            hurried.progress(step)
            if step.phase == "arming" and begun[-1:] != ["arming"] and begun.count("uploading") == 2:
                meddled.pilot_before(is_question, "LOITER")
            if begun[-1:] != [step.phase]:
                begun.append(step.phase)

        watchers = Watchers(progress=progress)
        done = divert(link, order, plan, confirmed=True, state_file=state_file, watchers=watchers)
        assert done.ending is Ending.LEFT_TO_PILOT
        assert done.arrived_s is not None
        assert done.explanation == "the mode was changed to LOITER: left to the pilot"
        assert done.holds == "the vehicle holds the rest of its mission, and AUTO goes on with that"
        assert meddled.ordered("AUTO") == 1
        assert stays_in(Vehicle.on(link), "LOITER")
        assert find_sortie(link, plan, read_state(state_file)).start is not None


@pytest.mark.parametrize(("wish", "mode"), [(Interruption.RETURN, "RTL"), (Interruption.PAUSE, "BRAKE")])
def test_people_who_call_a_drone_off_on_its_way_to_an_incident_are_obeyed_at_once(
    patrol: Any, beat: Beat, wish: Interruption, mode: str
) -> None:
    """The page offers it from the take-off on; it was only done when the drone had looked."""
    with ExitStack() as stack:
        link = stack.enter_context(connect(patrol.embedded(stack, patrol.PAD).url))
        plan = patrol.round_of(beat)
        patrol.start_round(link, plan, item=5)
        order = patrol.order_for(beat, state_over_link(link, DroneEntry(name="one")), look_s=10.0)
        vehicle, hurried, wished = Vehicle.on(link), patrol.hurried(link), []

        def interrupt(paused: bool) -> Interruption | None:
            if not wished and (vehicle.now.speed_m_s or 0.0) > 5.0:
                wished.append(wish)
                return wish
            return Interruption.LEAVE if paused and (vehicle.now.speed_m_s or 0.0) < 0.5 else None

        watchers = Watchers(progress=hurried.progress, interrupt=interrupt)
        done = divert(link, order, plan, confirmed=True, watchers=watchers)
        assert done.arrived_s is None
        assert len(done.records) == 1
        assert done.records[0].outcome is FlightOutcome.INTERRUPTED
        assert vehicle.now.mode == mode
        assert "holds the way to the incident" in done.holds


def test_people_who_call_a_drone_off_that_has_taken_off_to_an_incident_are_obeyed(
    patrol: Any, beat: Beat
) -> None:
    with ExitStack() as stack:
        link = stack.enter_context(connect(patrol.embedded(stack, patrol.PAD).url))
        order = patrol.order_for(beat, state_over_link(link, DroneEntry(name="one")), look_s=10.0)
        vehicle, wished = Vehicle.on(link), []

        def interrupt(_paused: bool) -> Interruption | None:
            if not wished and (vehicle.now.height_above_home_m or 0.0) > 10.0:
                wished.append(vehicle.now.mode)
                return Interruption.LAND
            return None

        watchers = Watchers(progress=patrol.hurried(link).progress, interrupt=interrupt)
        done = send_from_pad(link, order, confirmed=True, watchers=watchers)
        assert wished == ["AUTO"]
        assert done.arrived_s is None
        assert done.explanation.startswith("landed where it was because this station told it to")
