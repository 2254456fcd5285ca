"""Uploads over bad links end verified, or clearly refused, or unknown: never in a silent half mission."""

from __future__ import annotations

from typing import Any

import pytest

from airbeat.link.dialect import mavlink
from airbeat.link.download import DownloadMachine
from airbeat.link.items import MissionType, WireItem, compare_items
from airbeat.link.transfer import Outcome


def _never_half(result: Any, autopilot: Any, items: list[WireItem]) -> None:
    """Verified means that the vehicle holds it; refused with "no mission" means that it holds none."""
    held = autopilot.stored[result.mission_type]
    if result.outcome is Outcome.VERIFIED:
        assert compare_items(items, held) == []
    elif result.outcome is Outcome.REFUSED:
        assert result.remedy
        if result.on_vehicle.startswith("no "):
            assert [i for i in held if i.seq > 0] == []
        else:
            assert (
                "do not fly" in result.on_vehicle
                or "before" in result.on_vehicle
                or "other" in result.on_vehicle
            )
    else:
        assert "unknown" in result.on_vehicle
        assert result.read_back is None


def test_a_mission_is_uploaded_and_read_back_on_a_good_link(world: Any) -> None:
    items = world.waypoints(200)
    result, autopilot, _ = world.upload(items)
    assert result.outcome is Outcome.VERIFIED
    assert (result.attempts, result.repeats) == (1, 0)
    assert len(autopilot.stored[0]) == 201
    _never_half(result, autopilot, items)


@pytest.mark.parametrize("loss", [0.05, 0.15, 0.3])
@pytest.mark.parametrize("seed", range(6))
def test_lost_doubled_delayed_and_reordered_packets_do_not_spoil_an_upload(
    world: Any, loss: float, seed: int
) -> None:
    items = world.waypoints(20 + 8 * seed, seed=seed)
    network = world.network(seed=seed, loss=loss, duplicates=0.2, delay_s=(0.02, 1.0))
    result, autopilot, _ = world.upload(items, network=network)
    assert result.outcome is Outcome.VERIFIED, result
    _never_half(result, autopilot, items)


@pytest.mark.parametrize("seed", range(8))
def test_fences_and_rally_points_survive_a_bad_link(world: Any, seed: int) -> None:
    for kind, items in ((MissionType.FENCE, world.fence(5)), (MissionType.RALLY, world.rally(6))):
        network = world.network(seed=seed, loss=0.2, duplicates=0.1, delay_s=(0.02, 0.6))
        result, autopilot, _ = world.upload(items, mission_type=kind, network=network)
        assert result.outcome is Outcome.VERIFIED, result
        _never_half(result, autopilot, items)


def test_an_empty_fence_removes_the_old_one(world: Any) -> None:
    autopilot = world.autopilot()
    autopilot.stored[1] = world.fence(2)
    result, _, _ = world.upload([], mission_type=MissionType.FENCE, autopilot=autopilot)
    assert result.outcome is Outcome.VERIFIED
    assert autopilot.stored[1] == []


@pytest.mark.parametrize("cut_at_s", [0.0, 0.1, 0.4, 0.9])
def test_a_link_cut_for_20_s_is_outlived(world: Any, cut_at_s: float) -> None:
    items = world.waypoints(40)
    network = world.network(cuts_s=((cut_at_s, cut_at_s + 20.0),))
    result, autopilot, _ = world.upload(items, network=network)
    assert result.outcome is Outcome.VERIFIED, result
    _never_half(result, autopilot, items)


@pytest.mark.parametrize("cut_at_s", [0.0, 0.2, 0.7])
def test_a_link_that_never_comes_back_leaves_the_outcome_unknown(world: Any, cut_at_s: float) -> None:
    items = world.waypoints(40)
    result, autopilot, play = world.upload(items, network=world.network(cuts_s=((cut_at_s, 1e9),)))
    assert result.outcome is Outcome.UNKNOWN
    assert "30 s" in result.message
    assert play.now_s < 60
    _never_half(result, autopilot, items)


@pytest.mark.parametrize("at_s", [0.05, 0.3, 0.6])
def test_an_autopilot_that_reboots_in_the_middle_is_given_the_mission_again(world: Any, at_s: float) -> None:
    items = world.waypoints(40)
    autopilot = world.autopilot()
    result, _, _ = world.upload(
        items, autopilot=autopilot, script=lambda play: play.at(at_s, autopilot.reboot)
    )
    assert result.outcome is Outcome.VERIFIED, result
    assert result.attempts > 1
    _never_half(result, autopilot, items)


def test_a_booting_autopilot_without_room_is_waited_for(world: Any) -> None:
    autopilot = world.autopilot()
    autopilot.booted_at_s = 12.0
    result, _, play = world.upload(world.waypoints(10), autopilot=autopilot)
    assert result.outcome is Outcome.VERIFIED
    assert play.now_s > 12.0


def test_a_mission_beyond_the_capacity_is_refused_with_the_capacity(world: Any) -> None:
    autopilot = world.autopilot(capacity=30)
    old = world.waypoints(5, seed=9)
    autopilot.stored[0] = list(old)
    items = world.waypoints(40)
    result, _, _ = world.upload(items, autopilot=autopilot)
    assert result.outcome is Outcome.REFUSED
    assert result.result == "NO_SPACE"
    assert "30 items" in result.message
    assert autopilot.stored[0] == old
    assert "before" in result.on_vehicle


def test_full_storage_that_says_nothing_of_its_capacity_is_refused_after_a_while(world: Any) -> None:
    autopilot = world.autopilot(capacity=5)
    network = world.network()
    play_ack = autopilot._count
    autopilot._count = lambda m, who, now: [a for a in play_ack(m, who, now) if a.get_type() != "STATUSTEXT"]
    result, _, _ = world.upload(world.waypoints(10), autopilot=autopilot, network=network)
    assert (result.outcome, result.result) == (Outcome.REFUSED, "NO_SPACE")
    assert "started" in result.remedy


@pytest.mark.parametrize("name", ["INVALID_PARAM4", "UNSUPPORTED", "UNSUPPORTED_FRAME", "ERROR"])
@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_a_refused_item_is_named_and_no_half_mission_stays(world: Any, name: str, loss: float) -> None:
    autopilot = world.autopilot()
    autopilot.stored[0] = world.waypoints(30, seed=5)
    autopilot.bad_items[17] = name
    items = world.waypoints(25)
    result, _, _ = world.upload(
        items, autopilot=autopilot, network=world.network(seed=3, loss=loss, delay_s=(0.01, 0.3))
    )
    assert result.outcome is Outcome.REFUSED, result
    assert (result.item, result.result) == (17, name)
    assert autopilot.stored[0] == []
    assert result.on_vehicle == "no mission (the incomplete one was cleared)"


def test_a_fence_refused_as_a_whole_leaves_the_old_fence(world: Any) -> None:
    autopilot = world.autopilot()
    old = world.fence(1)
    autopilot.stored[1] = list(old)
    autopilot.completion = "ERROR"
    result, _, _ = world.upload(world.fence(3), mission_type=MissionType.FENCE, autopilot=autopilot)
    assert (result.outcome, result.result) == (Outcome.REFUSED, "ERROR")
    assert autopilot.stored[1] == old
    assert "before" in result.on_vehicle


def test_a_lost_final_acknowledgement_is_decided_by_reading_back(world: Any) -> None:
    autopilot = world.autopilot()
    ack = autopilot._ack
    autopilot._ack = lambda who, name, kind: (
        ack((77, 77), name, kind) if name == "ACCEPTED" else ack(who, name, kind)
    )
    result, _, _ = world.upload(world.waypoints(12), autopilot=autopilot)
    assert result.outcome is Outcome.VERIFIED
    assert result.attempts == 1


def test_stale_acknowledgements_of_an_earlier_upload_decide_nothing(world: Any) -> None:
    items = world.waypoints(30)

    def stale(play: Any) -> None:
        for n, name in enumerate(["ACCEPTED", "INVALID_PARAM1", "ERROR", "OPERATION_CANCELLED", "NO_SPACE"]):
            value = getattr(mavlink, f"MAV_MISSION_{name}")
            message = mavlink.MAVLink_mission_ack_message(255, 190, value, 0)
            play.at(0.03 + 0.1 * n, lambda now, m=message: play.to_station([m]))

    result, autopilot, _ = world.upload(items, script=stale)
    assert result.outcome is Outcome.VERIFIED, result
    _never_half(result, autopilot, items)


@pytest.mark.parametrize("name", ["INVALID_PARAM2", "UNSUPPORTED_FRAME", "ERROR", "DENIED"])
@pytest.mark.parametrize("at_s", [0.05, 0.5, 1.5, 3.0])
def test_an_old_refusal_before_a_slow_vehicle_answers_decides_nothing(
    world: Any, name: str, at_s: float
) -> None:
    """The count is still under way when an acknowledgement of an earlier upload arrives."""
    items = world.waypoints(24)
    value = getattr(mavlink, f"MAV_MISSION_{name}")
    ack = mavlink.MAVLink_mission_ack_message(255, 190, value, 0)
    autopilot = world.autopilot()
    autopilot.stored[0] = world.waypoints(40, seed=99)
    result, autopilot, _ = world.upload(
        items,
        autopilot=autopilot,
        network=world.network(seed=1, delay_s=(0.8, 0.9)),
        script=lambda play: play.at(at_s, lambda now: play.to_station([ack])),
    )
    assert result.outcome is Outcome.VERIFIED, result
    _never_half(result, autopilot, items)


def test_a_mission_cut_by_a_count_whose_answers_were_lost_is_not_called_the_old_one(world: Any) -> None:
    """The vehicle took the count, and its questions never came."""
    autopilot = world.autopilot()
    autopilot.stored[0] = world.waypoints(40, seed=99)
    items = world.waypoints(24)
    autopilot._ask = lambda kind, now: []
    result, autopilot, _ = world.upload(items, autopilot=autopilot)
    assert result.outcome is not Outcome.VERIFIED
    assert len(autopilot.stored[0]) in (0, 1, len(items))
    assert "before" not in result.on_vehicle


def test_messages_of_another_mission_type_or_for_another_station_are_ignored(world: Any) -> None:
    items = world.waypoints(30)

    def noise(play: Any) -> None:
        for n in range(20):
            wrong_type = mavlink.MAVLink_mission_ack_message(255, 190, mavlink.MAV_MISSION_ERROR, n % 2 + 1)
            not_ours = mavlink.MAVLink_mission_ack_message(254, 190, mavlink.MAV_MISSION_DENIED, 0)
            strange = mavlink.MAVLink_mission_count_message(255, 190, 999, 255)
            request = mavlink.MAVLink_mission_request_int_message(255, 190, 900, 0)
            play.at(0.02 * n, lambda now, m=(wrong_type, not_ours, strange, request): play.to_station(m))

    result, _, _ = world.upload(items, script=noise)
    assert result.outcome is Outcome.VERIFIED
    assert result.attempts == 1


def test_another_station_that_uploads_is_waited_for(world: Any) -> None:
    autopilot = world.autopilot()
    count = mavlink.MAVLink_mission_count_message(1, 1, 20, 0)
    result, _, play = world.upload(
        world.waypoints(10),
        autopilot=autopilot,
        script=lambda play: autopilot.receive(count, world.other_station, 0.0),
    )
    assert result.outcome is Outcome.VERIFIED
    assert play.now_s > 8.0, "the other upload times out first"


def test_another_station_that_goes_on_uploading_is_named_in_the_refusal(world: Any) -> None:
    autopilot = world.autopilot()
    count = mavlink.MAVLink_mission_count_message(1, 1, 20, 0)

    def busy(play: Any) -> None:
        def again(now: float) -> None:
            autopilot.receive(count, world.other_station, now)
            play.at(now + 2.0, again)

        again(0.0)

    result, _, _ = world.upload(world.waypoints(10), autopilot=autopilot, script=busy)
    assert (result.outcome, result.result) == (Outcome.REFUSED, "DENIED")
    assert "another ground station" in result.message


def test_a_vehicle_that_holds_something_else_after_accepting_is_refused(world: Any) -> None:
    autopilot = world.autopilot()
    send = autopilot._send_item

    def wrong_height(m: Any, who: tuple[int, int], now: float) -> list[Any]:
        out = send(m, who, now)
        if m.seq == 7:
            out[0].z += 5.0
        return out

    autopilot._send_item = wrong_height
    result, _, _ = world.upload(world.waypoints(10), autopilot=autopilot)
    assert (result.outcome, result.result) == (Outcome.REFUSED, "READ_BACK_DIFFERS")
    assert any("item 7" in d and "height" in d for d in result.differences)
    assert "do not fly" in result.on_vehicle


@pytest.mark.parametrize("seed", range(60))
def test_random_mixtures_of_faults_never_leave_a_silent_half_mission(world: Any, seed: int) -> None:
    network = world.network(
        seed=seed,
        loss=(seed % 7) * 0.05,
        duplicates=(seed % 4) * 0.1,
        delay_s=(0.01, 0.05 + (seed % 5) * 0.25),
        cuts_s=((0.5, 0.5 + (seed % 3) * 7.0),),
    )
    autopilot = world.autopilot()
    autopilot.stored[0] = world.waypoints(seed % 50, seed=99)
    if seed % 6 == 0:
        autopilot.bad_items[seed % 20 + 1] = "INVALID_PARAM2"
    items = world.waypoints(20 + seed % 40, seed=seed)

    def script(play: Any) -> None:
        if seed % 5 == 0:
            play.at(0.2 + seed * 0.05, autopilot.reboot)

    result, _, _ = world.upload(items, autopilot=autopilot, network=network, script=script)
    if seed % 6 == 0:
        assert result.outcome is Outcome.REFUSED, result
    else:
        assert result.outcome is Outcome.VERIFIED, result
    _never_half(result, autopilot, items)


def test_a_download_over_a_bad_link_gets_every_item(world: Any) -> None:
    autopilot = world.autopilot()
    autopilot.stored[0] = world.waypoints(80)
    machine = DownloadMachine(world.peer, MissionType.MISSION)
    world.play(autopilot, world.network(seed=4, loss=0.25, duplicates=0.2, delay_s=(0.05, 0.9))).run(machine)
    assert machine.items is not None
    assert compare_items(world.waypoints(80), machine.items) == []


def test_a_download_from_a_silent_vehicle_gives_up_and_says_so(world: Any) -> None:
    autopilot = world.autopilot()
    autopilot.deaf = True
    machine = DownloadMachine(world.peer, MissionType.FENCE)
    world.play(autopilot, world.network()).run(machine)
    assert machine.items is None
    assert "no answer for 30 s" in machine.failure


def test_a_download_begins_again_when_somebody_else_shortens_the_mission_meanwhile(world: Any) -> None:
    autopilot = world.autopilot()
    autopilot.stored[0] = world.waypoints(80)
    other = world.waypoints(30, seed=5)
    play = world.play(autopilot, world.network(delay_s=(0.1, 0.2)))
    play.at(0.5, lambda _now: autopilot.stored.update({0: other}))
    machine = DownloadMachine(world.peer, MissionType.MISSION)
    play.run(machine)
    assert machine.items is not None
    assert compare_items(other, machine.items) == []


def test_a_download_during_which_somebody_else_uploads_is_not_a_mixture(world: Any) -> None:
    autopilot = world.autopilot()
    autopilot.stored[0] = world.waypoints(40)
    other = world.waypoints(40, seed=5)

    def begin(_now_s: float) -> None:
        autopilot.rival = True

    def end(_now_s: float) -> None:
        autopilot.rival = False
        autopilot.stored[0] = other

    answer = autopilot.receive

    def receive(m: Any, who: tuple[int, int], now_s: float) -> list[Any]:
        if getattr(autopilot, "rival", False):
            return [mavlink.MAVLink_mission_ack_message(*who, mavlink.MAV_MISSION_DENIED, 0)]
        return answer(m, who, now_s)  # type: ignore[no-any-return]

    autopilot.receive = receive
    play = world.play(autopilot, world.network(delay_s=(0.1, 0.2)))
    play.at(0.45, begin)
    play.at(0.8, end)
    machine = DownloadMachine(world.peer, MissionType.MISSION)
    play.run(machine)
    assert machine.items is not None
    assert compare_items(other, machine.items) == []


@pytest.mark.parametrize("at_s", [0.0, 0.3, 0.9])
def test_an_autopilot_that_answers_unsupported_while_it_starts_is_asked_again(
    world: Any, at_s: float
) -> None:
    autopilot = world.autopilot()
    items = world.waypoints(40)
    answer = autopilot.receive

    def receive(m: Any, who: tuple[int, int], now_s: float) -> list[Any]:
        if at_s <= now_s < at_s + 3.0:
            autopilot.uploads.clear()
            return [mavlink.MAVLink_mission_ack_message(*who, mavlink.MAV_MISSION_UNSUPPORTED, 0)]
        return answer(m, who, now_s)  # type: ignore[no-any-return]

    autopilot.receive = receive
    result, _, _ = world.upload(items, autopilot=autopilot, network=world.network(delay_s=(0.02, 0.05)))
    assert result.outcome is Outcome.VERIFIED, result
    _never_half(result, autopilot, items)
