"""A command is never sent over a pilot's head: lost answers, late heartbeats, a pilot between two tries."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from airbeat.link.dialect import mavlink
from airbeat.link.guarded import NO_ANSWER, OVERRULED, GuardedCommandMachine
from airbeat.link.telemetry import is_armed, mode_of, modes_of

MODES = modes_of(mavlink.MAV_TYPE_QUADROTOR)
ASK, SET, ARM, START = (
    mavlink.MAV_CMD_REQUEST_MESSAGE,
    mavlink.MAV_CMD_DO_SET_MODE,
    mavlink.MAV_CMD_COMPONENT_ARM_DISARM,
    mavlink.MAV_CMD_MISSION_START,
)


@dataclass
class ModelCopter:
    """Answers as ArduCopter does: COMMAND_ACK, then HEARTBEAT; one HEARTBEAT a second, and at each change."""

    mode: str = "BRAKE"
    armed: bool = True
    orders: list[int] = field(default_factory=list)
    given_s: list[float] = field(default_factory=list)
    refuses: dict[int, int] = field(default_factory=dict)
    beats: bool = True
    tells: bool = False
    beaten_s: float = 0.0
    told_s: float = 0.0

    def heartbeat(self) -> Any:
        base = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED
        base |= mavlink.MAV_MODE_FLAG_SAFETY_ARMED if self.armed else 0
        return mavlink.MAVLink_heartbeat_message(
            mavlink.MAV_TYPE_QUADROTOR, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, base, MODES[self.mode], 4, 3
        )

    def pilot(self, mode: str) -> list[Any]:
        """The pilot's switch."""
        self.mode = mode
        return [self.heartbeat()]

    def receive(self, m: Any, who: tuple[int, int], now_s: float) -> list[Any]:
        self.orders.append(m.command)
        if m.command == SET:
            self.given_s.append(now_s)
        answer = mavlink.MAVLink_command_ack_message(m.command, self.refuses.get(m.command, 0), 0, 0, *who)
        before = self.mode, self.armed
        if m.command not in self.refuses:
            if m.command == SET:
                self.mode = next(name for name, number in MODES.items() if number == m.param2)
            elif m.command == ARM:
                self.armed = m.param1 == 1.0
            elif m.command == START:
                self.mode = "AUTO"
        told = m.command == ASK and m.command not in self.refuses
        return [answer, *([self.heartbeat()] if told or (self.mode, self.armed) != before else [])]

    def tick(self, now_s: float) -> list[Any]:
        said = []
        if self.beats and now_s - self.beaten_s >= 1.0:
            self.beaten_s = now_s
            said.append(self.heartbeat())
        if self.tells and now_s - self.told_s >= 0.2:
            self.told_s = now_s
            said.append(mavlink.MAVLink_global_position_int_message(0, 511800000, 84900000, 0, 0, 0, 0, 0, 0))
        return said

    def given(self, command: int = SET) -> int:
        """How often a command reached it."""
        return self.orders.count(command)


@dataclass
class Lossy:
    """A link on which each packet takes as long as the last, and those that a test names are lost."""

    delay_s: float = 0.05
    lost: Callable[[Any, float], bool] = lambda _m, _now_s: False


def play(
    world: Any,
    copter: ModelCopter,
    machine: GuardedCommandMachine,
    *,
    link: Lossy | None = None,
    pilot: tuple[tuple[float, str], ...] = (),
) -> None:
    """Play a machine to its end over a link, with a pilot who sets modes at some times."""
    lossy = link or Lossy()
    stage = world.play(copter, world.network(delay_s=(lossy.delay_s, lossy.delay_s)))
    whole_up, whole_down = stage.to_vehicle, stage.to_station

    def to_vehicle(messages: Any, *who: Any) -> None:
        whole_up([m for m in messages if not lossy.lost(m, stage.now_s)], *who)

    def to_station(messages: Any) -> None:
        whole_down([m for m in messages if not lossy.lost(m, stage.now_s)])

    stage.to_vehicle, stage.to_station = to_vehicle, to_station
    for time_s, mode in pilot:
        stage.at(time_s, lambda _now_s, mode=mode: stage.to_station(copter.pilot(mode)))
    stage.run(machine, limit_s=60.0)


def switch(world: Any, wanted: str = "AUTO", *known: str, urgent: bool = False) -> GuardedCommandMachine:
    return GuardedCommandMachine(
        world.peer,
        SET,
        (1.0, float(MODES[wanted])),
        allowed=lambda heartbeat: mode_of(heartbeat) in (known or ("BRAKE",)),
        reached=lambda heartbeat: mode_of(heartbeat) == wanted,
        urgent=urgent,
    )


def verdict(machine: GuardedCommandMachine) -> str:
    assert machine.result is not None
    assert machine.result.accepted == (machine.result.result == "ACCEPTED")
    return machine.result.result


def losing(*indexes: int, of: Callable[[Any], bool]) -> Callable[[Any, float], bool]:
    """Loses the n-th packets of a kind, counted from 0."""
    count = itertools.count()
    return lambda m, _now_s: of(m) and next(count) in indexes


def answers(command: int) -> Callable[[Any], bool]:
    return lambda m: m.get_type() == "COMMAND_ACK" and m.command == command


def orders(command: int) -> Callable[[Any], bool]:
    return lambda m: m.get_type() == "COMMAND_LONG" and m.command == command


def test_a_mode_is_set_once_after_the_vehicle_was_asked_how_it_is(world: Any) -> None:
    copter, machine = ModelCopter(), switch(world)
    play(world, copter, machine)
    assert verdict(machine) == "ACCEPTED"
    assert copter.orders == [ASK, SET]
    assert copter.mode == "AUTO"


def test_a_pilot_who_changed_the_mode_just_before_keeps_it(world: Any) -> None:
    """His change, and the heartbeat that told it at once, is lost: the station knows of nothing yet."""
    copter, machine = ModelCopter(mode="LOITER"), switch(world)
    play(world, copter, machine)
    assert verdict(machine) == OVERRULED
    assert machine.overruled_by is not None
    assert mode_of(machine.overruled_by) == "LOITER"
    assert copter.given() == 0
    assert not machine.done_anyway


def test_a_heartbeat_from_before_the_question_does_not_count(world: Any) -> None:
    """It lay in a buffer when the pilot took over, and comes before the answer to the question."""
    machine = switch(world)
    machine.start(0.0)
    assert machine.on_message(ModelCopter(mode="BRAKE").heartbeat(), 0.01) == []
    answer = mavlink.MAVLink_command_ack_message(ASK, 0, 0, 0, 255, 190)
    assert machine.on_message(answer, 0.02) == []
    assert machine.on_message(ModelCopter(mode="LOITER").heartbeat(), 0.03) == []
    assert verdict(machine) == OVERRULED
    assert machine.sent == 0


def test_the_answer_to_somebody_elses_question_does_not_count(world: Any) -> None:
    machine = switch(world)
    machine.start(0.0)
    machine.on_message(mavlink.MAVLink_command_ack_message(ASK, 0, 0, 0, 254, 190), 0.02)
    assert machine.on_message(ModelCopter(mode="BRAKE").heartbeat(), 0.03) == []
    assert machine.sent == 0


def test_a_lost_order_is_given_again_while_the_mode_is_as_it_was(world: Any) -> None:
    copter, machine = ModelCopter(tells=True), switch(world)
    play(world, copter, machine, link=Lossy(lost=losing(0, 1, of=orders(SET))))
    assert verdict(machine) == "ACCEPTED"
    assert machine.sent == 3
    assert copter.given() == 1


def test_an_order_whose_answer_is_lost_is_known_to_be_done_by_the_heartbeat(world: Any) -> None:
    copter, machine = ModelCopter(tells=True), switch(world)
    play(world, copter, machine, link=Lossy(lost=losing(0, of=answers(SET))))
    assert verdict(machine) == "ACCEPTED"
    assert copter.given() == 1


@pytest.mark.parametrize("theirs", ["LOITER", "RTL", "STABILIZE"])
@pytest.mark.parametrize("after_s", [0.2, 0.5, 0.9, 1.2])
def test_a_pilot_between_the_order_and_its_repetition_keeps_the_drone(
    world: Any, theirs: str, after_s: float
) -> None:
    """The answer and the heartbeat at the change are lost: plain COMMAND_LONG would be sent again at 1 s."""
    copter, machine = ModelCopter(tells=True), switch(world)
    deaf_s = (0.1, after_s - 0.05)
    lost = Lossy(lost=lambda m, now_s: deaf_s[0] < now_s < deaf_s[1] and m.get_type() != "COMMAND_LONG")
    play(world, copter, machine, link=lost, pilot=((after_s, theirs),))
    assert copter.given() == 1
    assert copter.mode == theirs
    assert verdict(machine) in ("ACCEPTED", OVERRULED)


def test_a_pilot_who_went_back_to_the_mode_before_while_nothing_was_heard_keeps_the_drone(world: Any) -> None:
    """It was AUTO for a second that nobody here heard of; what is heard then looks as if nothing was done."""
    copter, machine = ModelCopter(tells=True), switch(world)
    lost = Lossy(lost=lambda m, now_s: 0.1 < now_s < 2.2 and m.get_type() != "COMMAND_LONG")
    play(world, copter, machine, link=lost, pilot=((1.5, "BRAKE"),))
    assert copter.given() == 1
    assert copter.mode == "BRAKE"
    assert verdict(machine) == NO_ANSWER


@pytest.mark.parametrize("delay_s", [0.05, 0.4, 1.3])
def test_an_order_that_crosses_a_pilots_change_is_found_out(world: Any, delay_s: float) -> None:
    """The one window that is left, half a round trip each way: he acts while the answer is on its way."""
    copter, machine = ModelCopter(tells=True), switch(world)
    play(world, copter, machine, link=Lossy(delay_s=delay_s), pilot=((delay_s * 2, "LOITER"),))
    assert verdict(machine) == OVERRULED
    assert machine.done_anyway
    assert machine.overruled_by is not None
    assert mode_of(machine.overruled_by) == "LOITER"
    assert copter.mode == "AUTO"


def test_a_slow_link_is_not_answered_with_a_second_order(world: Any) -> None:
    """With 2.6 s there and back, questions are repeated before they are answered; the order is not."""
    copter, machine = ModelCopter(tells=True), switch(world)
    play(world, copter, machine, link=Lossy(delay_s=1.3))
    assert verdict(machine) == "ACCEPTED"
    assert copter.given() == 1


def test_a_late_answer_to_an_earlier_question_does_not_count_for_a_later_one(world: Any) -> None:
    """What comes behind it may have been said before the order arrived, and it would be given twice."""
    machine, brakes = switch(world), ModelCopter(mode="BRAKE").heartbeat()
    answer = mavlink.MAVLink_command_ack_message(ASK, 0, 0, 0, 255, 190)
    machine.start(0.0)
    assert len(machine.on_time(1.0)) == 1
    machine.on_message(answer, 1.5)
    assert is_order(machine.on_message(brakes, 1.5))
    for tenths in range(16, 46):
        machine.on_message(mavlink.MAVLink_attitude_message(0, 0, 0, 0, 0, 0, 0), tenths / 10)
    assert len(machine.on_time(4.5)) == 1
    machine.on_message(answer, 4.6)
    assert not is_order(machine.on_message(brakes, 4.6))
    machine.on_message(answer, 4.7)
    assert is_order(machine.on_message(brakes, 4.7))


def is_order(messages: list[Any]) -> bool:
    return [m.command for m in messages] == [SET]


def test_a_vehicle_that_does_not_know_the_question_is_waited_for(world: Any) -> None:
    """Its refusal is an answer too: the heartbeat that comes next by itself is a new one."""
    copter = ModelCopter(refuses={ASK: mavlink.MAV_RESULT_UNSUPPORTED})
    machine = switch(world)
    play(world, copter, machine)
    assert verdict(machine) == "ACCEPTED"
    assert copter.given() == 1


def test_nothing_is_ordered_where_nothing_is_heard(world: Any) -> None:
    copter, machine = ModelCopter(beats=False), switch(world)
    play(world, copter, machine, link=Lossy(lost=lambda m, _now_s: m.get_type() != "COMMAND_LONG"))
    assert verdict(machine) == NO_ANSWER
    assert copter.given() == 0


def test_a_refusal_is_told_as_it_is(world: Any) -> None:
    copter, machine = ModelCopter(refuses={SET: mavlink.MAV_RESULT_FAILED}), switch(world)
    play(world, copter, machine)
    assert verdict(machine) == "FAILED"
    assert (copter.given(), copter.mode) == (1, "BRAKE")


def test_a_mode_that_is_there_already_is_not_set(world: Any) -> None:
    copter, machine = ModelCopter(mode="AUTO"), switch(world)
    play(world, copter, machine)
    assert verdict(machine) == "ACCEPTED"
    assert copter.given() == 0


def test_an_order_in_progress_is_not_given_again(world: Any) -> None:
    copter, machine = ModelCopter(refuses={SET: mavlink.MAV_RESULT_IN_PROGRESS}), switch(world)
    play(world, copter, machine)
    assert verdict(machine) == NO_ANSWER
    assert copter.given() == 1


def test_a_drone_that_its_pilot_disarmed_is_not_armed_again_by_a_repetition(world: Any) -> None:
    copter = ModelCopter(mode="GUIDED", armed=False, tells=True)
    machine = GuardedCommandMachine(
        world.peer,
        ARM,
        (1.0,),
        allowed=lambda heartbeat: not is_armed(heartbeat) and mode_of(heartbeat) == "GUIDED",
        reached=is_armed,
    )

    def disarms(m: Any, now_s: float) -> bool:
        if orders(ASK)(m) and copter.armed:
            copter.armed = False
        return answers(ARM)(m)

    play(world, copter, machine, link=Lossy(lost=disarms))
    assert copter.given(ARM) == 1
    assert verdict(machine) == "ACCEPTED"


def test_a_mission_is_not_started_over_a_pilot_who_took_over_after_arming(world: Any) -> None:
    copter = ModelCopter(mode="LOITER")
    machine = GuardedCommandMachine(
        world.peer,
        START,
        (),
        allowed=lambda heartbeat: is_armed(heartbeat) and mode_of(heartbeat) == "GUIDED",
        reached=lambda heartbeat: mode_of(heartbeat) == "AUTO",
    )
    play(world, copter, machine)
    assert verdict(machine) == OVERRULED
    assert (copter.given(START), copter.mode) == (0, "LOITER")


@pytest.mark.parametrize("seed", range(60))
def test_on_a_bad_link_no_order_reaches_a_drone_later_than_a_round_trip_after_its_pilot_took_over(
    world: Any, seed: int
) -> None:
    """With 30 % lost each way, and whenever he acts."""
    rng = random.Random(seed)
    taken_s, delay_s = rng.uniform(0.0, 5.0), rng.uniform(0.01, 0.6)
    copter, machine = ModelCopter(tells=True), switch(world)
    lossy = Lossy(delay_s=delay_s, lost=lambda _m, _now_s: rng.random() < 0.3)
    play(world, copter, machine, link=lossy, pilot=((taken_s, "LOITER"),))
    assert all(given_s <= taken_s + 2 * delay_s + 1e-6 for given_s in copter.given_s)


def test_an_urgent_order_goes_out_to_a_vehicle_that_answers_no_question(world: Any) -> None:
    """Whoever wants it to return does not wait for an answer that never comes; its heartbeats are heard."""
    copter = ModelCopter(mode="AUTO", tells=True)
    machine = switch(world, "RTL", "AUTO", urgent=True)
    play(world, copter, machine, link=Lossy(lost=lambda m, _now_s: orders(ASK)(m)))
    assert verdict(machine) == "ACCEPTED"
    assert copter.mode == "RTL"
    assert copter.given_s[0] < 3.5


def test_an_urgent_order_is_given_again_after_a_silence_in_which_it_was_lost(world: Any) -> None:
    copter = ModelCopter(mode="AUTO", tells=True)
    machine = switch(world, "RTL", "AUTO", urgent=True)
    play(world, copter, machine, link=Lossy(lost=lambda _m, now_s: 0.09 < now_s < 2.5))
    assert verdict(machine) == "ACCEPTED"
    assert copter.mode == "RTL"


def test_an_urgent_order_leaves_a_pilot_his_mode_also_where_no_question_is_answered(world: Any) -> None:
    copter = ModelCopter(mode="LOITER", tells=True)
    machine = switch(world, "RTL", "AUTO", urgent=True)
    play(world, copter, machine, link=Lossy(lost=lambda m, _now_s: orders(ASK)(m)))
    assert verdict(machine) == OVERRULED
    assert (copter.given(), copter.mode) == (0, "LOITER")


def test_an_urgent_order_gets_through_a_bad_link(world: Any) -> None:
    """With 30 % lost each way it reaches the drone within the 8 s of one try, but for one in a hundred."""
    late = 0
    for seed in range(300):
        rng = random.Random(seed)
        copter = ModelCopter(mode="AUTO", tells=True)
        machine = switch(world, "RTL", "AUTO", urgent=True)
        delay_s = rng.uniform(0.01, 0.6)
        lossy = Lossy(delay_s=delay_s, lost=lambda _m, _now_s, rng=rng: rng.random() < 0.3)
        play(world, copter, machine, link=lossy)
        late += copter.mode != "RTL"
    assert late <= 6
