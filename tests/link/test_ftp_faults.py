"""Uploads by MAVFTP over links and to vehicles that do everything wrong, on a played clock.

The vehicle is the embedded one's storage with its item protocol and its MAVFTP server, so that falling
back is played too.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from airbeat.link.dialect import mavlink
from airbeat.link.ftp_choice import Via
from airbeat.link.ftp_download import ViaDownloadMachine
from airbeat.link.ftp_upload import ViaUploadMachine
from airbeat.link.ftp_wire import FtpError, FtpOpcode, FtpPacket
from airbeat.link.items import MissionType, WireItem, compare_items
from airbeat.link.transfer import Outcome, TransferResult
from airbeat.sim.vehicle.fence import FenceWatch
from airbeat.sim.vehicle.ftp import FtpServer
from airbeat.sim.vehicle.itemprotocol import Transfer
from airbeat.sim.vehicle.storage import FenceList, MissionList, RallyList

Messages = list[Any]
_FTP_BIT = mavlink.MAV_PROTOCOL_CAPABILITY_FTP


class PlayedVehicle:
    """Answers by both protocols; ``spoil`` may change or swallow FTP requests on their way in."""

    def __init__(self, *, capacity: int = 650, offers_ftp: bool = True) -> None:
        self.time_s = 0.0
        self.offers_ftp = offers_ftp
        self.heard: list[str] = []
        self.spoil: Callable[[FtpPacket], FtpPacket | None] = lambda packet: packet
        self.dead_until_s = -1.0
        self._outbox: Messages = []
        self._beat_s = 0.0
        watch = FenceWatch(lambda _: 0.0, lambda lat, lon: (lat / 1e2, lon / 1e2))
        self.lists = (
            MissionList(capacity, lambda: (1, 2, 3)),
            FenceList(70, watch),
            RallyList(46),
        )
        self.transfers = {
            items.mission_type: Transfer(items, self.send, self.say, lambda: True) for items in self.lists
        }
        self.ftp = FtpServer(self)  # type: ignore[arg-type]

    def send(self, _link: int | None, message: Any) -> None:
        self._outbox.append(message)

    def say(self, severity: int, words: str) -> None:
        self._outbox.append(mavlink.MAVLink_statustext_message(severity, words.encode()[:50]))

    def reboot(self, now_s: float, *, dead_s: float = 4.0) -> None:
        """Stored lists stay; sessions and uploads are forgotten."""
        self.dead_until_s = now_s + dead_s
        self.ftp = FtpServer(self)  # type: ignore[arg-type]
        for transfer in self.transfers.values():
            transfer.drop()

    def _flush(self) -> Messages:
        out, self._outbox = self._outbox, []
        return out

    def receive(self, m: Any, who: tuple[int, int], now_s: float) -> Messages:
        if now_s < self.dead_until_s:
            return []
        self.time_s = now_s
        m._header.srcSystem, m._header.srcComponent = who
        kind = m.get_type()
        self.heard.append(kind)
        if kind == "FILE_TRANSFER_PROTOCOL":
            packet = self.spoil(FtpPacket.from_message(m))
            if packet is not None:
                spoiled = packet.message(target_system=1, target_component=1)
                spoiled._header.srcSystem, spoiled._header.srcComponent = who
                self.ftp.handle(0, spoiled)
        elif kind == "COMMAND_LONG":
            capabilities = _FTP_BIT if self.offers_ftp else 0
            zeros = b"\0" * 8
            self.send(
                0,
                mavlink.MAVLink_autopilot_version_message(
                    capabilities, 0, 0, 0, 0, zeros, zeros, zeros, 0, 0, 0
                ),
            )
        elif kind.startswith("MISSION_"):
            self._item_protocol(kind, m, now_s)
        return self._flush()

    def _item_protocol(self, kind: str, m: Any, now_s: float) -> None:
        transfer = self.transfers[m.mission_type]
        if kind == "MISSION_COUNT":
            transfer.on_count(0, m, now_s)
        elif kind == "MISSION_ITEM_INT":
            transfer.on_item(0, m, now_s)
        elif kind == "MISSION_REQUEST_LIST":
            transfer.on_request_list(0, m)
        elif kind == "MISSION_REQUEST_INT":
            transfer.on_request(0, m)
        elif kind == "MISSION_CLEAR_ALL":
            transfer.on_clear(0, m)

    def tick(self, now_s: float) -> Messages:
        if now_s < self.dead_until_s:
            return []
        self.time_s = now_s
        for transfer in self.transfers.values():
            transfer.update(now_s)
        if now_s >= self._beat_s:
            self._beat_s = now_s + 1.0
            self.send(None, mavlink.MAVLink_heartbeat_message(2, 3, 81, 0, 3, 3))
        return self._flush()

    def held(self, mission_type: int = 0) -> list[WireItem]:
        """What is stored."""
        items = self.lists[mission_type]
        fields = [items.fields(seq) for seq in range(items.count())]
        return [
            WireItem.from_message(mavlink.MAVLink_mission_item_int_message(255, 190, **f))
            for f in fields
            if isinstance(f, dict)
        ]


class Uploads:
    """Plays uploads to a verdict."""

    def __init__(self, world: Any) -> None:
        self.world = world

    def __call__(
        self,
        items: Sequence[WireItem],
        *,
        vehicle: PlayedVehicle | None = None,
        via: Via = Via.AUTO,
        network: Any = None,
        script: Callable[[Any], None] | None = None,
    ) -> tuple[TransferResult, PlayedVehicle, Any]:
        vehicle = vehicle or PlayedVehicle()
        play = self.world.play(vehicle, network or self.world.network())
        if script is not None:
            script(play)
        machine = ViaUploadMachine(self.world.peer, items[0].mission_type, items, via=via)
        play.run(machine)
        assert machine.result is not None
        return machine.result, vehicle, play


@pytest.fixture
def uploads(world: Any) -> Uploads:
    return Uploads(world)


def _the_same(items: Sequence[WireItem], vehicle: PlayedVehicle) -> bool:
    return not compare_items(items, vehicle.held(items[0].mission_type))


@pytest.mark.parametrize("via", [Via.AUTO, Via.FTP])
@pytest.mark.parametrize("kind", list(MissionType))
def test_what_is_offered_by_mavftp_goes_by_mavftp(uploads: Uploads, kind: MissionType, via: Via) -> None:
    world = uploads.world
    items = (world.waypoints(50), world.fence(4), world.rally(7))[kind]
    result, vehicle, _ = uploads(items, via=via)
    assert result.outcome is Outcome.VERIFIED
    assert "by MAVFTP" in result.message
    assert _the_same(items, vehicle)
    assert "MISSION_COUNT" not in vehicle.heard
    assert result.read_back is not None
    assert result.sha256


def test_a_vehicle_that_does_not_offer_mavftp_gets_items(uploads: Uploads) -> None:
    items = uploads.world.waypoints(20)
    result, vehicle, _ = uploads(items, vehicle=PlayedVehicle(offers_ftp=False))
    assert result.outcome is Outcome.VERIFIED
    assert "FILE_TRANSFER_PROTOCOL" not in vehicle.heard
    assert _the_same(items, vehicle)


def test_via_item_never_sends_a_file(uploads: Uploads) -> None:
    result, vehicle, _ = uploads(uploads.world.waypoints(20), via=Via.ITEM)
    assert result.outcome is Outcome.VERIFIED
    assert set(vehicle.heard) & {"FILE_TRANSFER_PROTOCOL", "COMMAND_LONG"} == set()


FAULTS = {
    "loss 10 %": {"loss": 0.1},
    "loss 30 %": {"loss": 0.3},
    "duplicates": {"duplicates": 0.5},
    "reordering": {"delay_s": (0.01, 0.4)},
    "long delay": {"delay_s": (0.9, 1.0)},
    "everything": {"loss": 0.15, "duplicates": 0.2, "delay_s": (0.05, 0.6)},
    "link cut for 20 s": {"cuts_s": ((0.1, 20.1),), "delay_s": (0.04, 0.05)},
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_link_delays_an_upload_but_never_halves_it(uploads: Uploads, fault: str, seed: int) -> None:
    items = uploads.world.waypoints(60, seed=seed)
    network = uploads.world.network(seed=seed, **FAULTS[fault])
    result, vehicle, _ = uploads(items, network=network, via=Via.FTP)
    assert result.outcome is Outcome.VERIFIED, result.message
    assert _the_same(items, vehicle)


def test_200_items_over_300_ms_and_5_percent_loss_take_a_median_below_4_s(uploads: Uploads) -> None:
    items = uploads.world.waypoints(199)
    times = []
    for seed in range(20):
        network = uploads.world.network(seed=seed, loss=0.05, delay_s=(0.15, 0.155))
        result, _, _ = uploads(items, network=network)
        assert result.outcome is Outcome.VERIFIED
        assert "by MAVFTP" in result.message
        times.append(result.duration_s)
    assert statistics.median(times) < 4.0
    assert max(times) < 10.0


def test_a_link_of_57_kbit_s_is_filled_but_not_flooded(uploads: Uploads) -> None:
    class Radio(uploads.world.network):  # type: ignore[misc,name-defined]
        """A packet takes 45 ms of the air; what would wait for more than a second is dropped."""

        free_s, dropped, sent = 0.0, 0, 0

        def arrivals(self, now_s: float) -> list[float]:
            self.sent += 1
            self.free_s = max(self.free_s, now_s)
            if self.free_s - now_s > 1.0:
                self.dropped += 1
                return []
            self.free_s += 0.045
            return [self.free_s + 0.02]

    radio = Radio()
    items = uploads.world.waypoints(199)
    result, vehicle, _ = uploads(items, network=radio, via=Via.FTP)
    assert result.outcome is Outcome.VERIFIED
    assert _the_same(items, vehicle)
    assert radio.dropped < 0.3 * radio.sent


def test_silence_for_good_leaves_the_outcome_unknown(uploads: Uploads) -> None:
    network = uploads.world.network(cuts_s=((0.1, 1e9),), delay_s=(0.04, 0.05))
    result, _, _ = uploads(uploads.world.waypoints(60), network=network)
    assert result.outcome is Outcome.UNKNOWN
    assert "not known" in result.message


@pytest.mark.parametrize("at_s", [0.03, 0.05, 0.07, 0.1])
def test_a_reboot_in_the_middle_only_costs_time(uploads: Uploads, at_s: float) -> None:
    vehicle = PlayedVehicle()
    items = uploads.world.waypoints(100)
    result, _, _ = uploads(items, vehicle=vehicle, script=lambda play: play.at(at_s, vehicle.reboot))
    assert result.outcome is Outcome.VERIFIED
    assert _the_same(items, vehicle)


def _swallow_all(_: FtpPacket) -> None:
    return None


def test_a_vehicle_that_offers_mavftp_and_does_not_answer_gets_items(uploads: Uploads) -> None:
    vehicle = PlayedVehicle()
    vehicle.spoil = _swallow_all
    items = uploads.world.waypoints(20)
    result, _, _ = uploads(items, vehicle=vehicle)
    assert result.outcome is Outcome.VERIFIED
    assert "by the item protocol" in result.message
    assert _the_same(items, vehicle)


def test_forced_mavftp_that_does_not_answer_is_refused_with_the_old_mission_named(uploads: Uploads) -> None:
    vehicle = PlayedVehicle()
    old = uploads.world.waypoints(10)
    uploads(old, vehicle=vehicle)
    vehicle.spoil = _swallow_all
    result, _, _ = uploads(uploads.world.waypoints(20, seed=5), vehicle=vehicle, via=Via.FTP)
    assert result.outcome is Outcome.REFUSED
    assert "does not answer by MAVFTP" in result.message
    assert result.on_vehicle == "the mission it had before (10 items)"
    assert _the_same(old, vehicle)


def test_firmware_without_mission_files_gets_items(uploads: Uploads) -> None:
    vehicle = PlayedVehicle()

    def rename(packet: FtpPacket) -> FtpPacket:
        unknown = b"nowhere"
        if packet.opcode != FtpOpcode.CREATE_FILE:
            return packet
        return FtpPacket(
            seq=packet.seq, session=packet.session, opcode=packet.opcode, size=len(unknown), data=unknown
        )

    vehicle.spoil = rename
    result, _, _ = uploads(uploads.world.waypoints(20), vehicle=vehicle)
    assert result.outcome is Outcome.VERIFIED
    assert "FILE_NOT_FOUND" in result.message


def _with_bad_item(items: list[WireItem], at: int) -> list[WireItem]:
    bad = WireItem(seq=at, command=16, frame=1, x=items[at].x, y=items[at].y, z=30.0)
    return [*items[:at], bad, *items[at + 1 :]]


def test_a_bad_item_is_named_and_nothing_of_the_mission_stays(uploads: Uploads) -> None:
    items = _with_bad_item(uploads.world.waypoints(30), 17)
    result, vehicle, _ = uploads(items)
    assert result.outcome is Outcome.REFUSED
    assert (result.item, result.result) == (17, "UNSUPPORTED_FRAME")
    assert len(vehicle.held()) <= 1
    assert result.on_vehicle.startswith("no mission")


def test_a_bad_item_by_forced_mavftp_leaves_no_half_mission(uploads: Uploads) -> None:
    items = _with_bad_item(uploads.world.waypoints(30), 17)
    result, vehicle, _ = uploads(items, via=Via.FTP)
    assert result.outcome is Outcome.REFUSED
    assert len(vehicle.held()) <= 1
    assert result.on_vehicle.startswith("no mission")


@pytest.mark.parametrize("via", [Via.AUTO, Via.FTP])
def test_a_full_storage_leaves_no_half_mission(uploads: Uploads, via: Via) -> None:
    vehicle = PlayedVehicle(capacity=40)
    result, _, _ = uploads(uploads.world.waypoints(60), vehicle=vehicle, via=via)
    assert result.outcome is Outcome.REFUSED
    assert len(vehicle.held()) <= 1
    assert result.on_vehicle.startswith("no mission")


def test_a_bad_fence_leaves_the_old_one(uploads: Uploads) -> None:
    vehicle = PlayedVehicle()
    old = uploads.world.fence(2)
    uploads(old, vehicle=vehicle)
    result, _, _ = uploads(uploads.world.fence(3)[:-1], vehicle=vehicle)
    assert result.outcome is Outcome.REFUSED
    assert result.on_vehicle == "the fence it had before (6 items)"
    assert _the_same(old, vehicle)


def _other_station(opcode: FtpOpcode, seq: int, data: bytes = b"") -> Any:
    packet = FtpPacket(seq=seq, session=251, opcode=int(opcode), size=len(data), data=data)
    return packet.message(target_system=1, target_component=1)


def test_another_stations_session_is_waited_for(uploads: Uploads) -> None:
    vehicle = PlayedVehicle()
    items = uploads.world.waypoints(30)

    def script(play: Any) -> None:
        opening = _other_station(FtpOpcode.OPEN_FILE_RO, 1, b"@MISSION/mission.dat")
        play.at(0.001, lambda _: play.to_vehicle([opening], uploads.world.other_station))

    result, _, _ = uploads(items, vehicle=vehicle, script=script)
    assert result.outcome is Outcome.VERIFIED
    assert "by MAVFTP" in result.message
    assert result.duration_s > 2.0


def test_a_session_that_another_station_keeps_is_left_to_it(uploads: Uploads) -> None:
    vehicle = PlayedVehicle()
    items = uploads.world.waypoints(30)

    def script(play: Any) -> None:
        opening = _other_station(FtpOpcode.OPEN_FILE_RO, 1, b"@MISSION/mission.dat")
        play.at(0.001, lambda _: play.to_vehicle([opening], uploads.world.other_station))
        for n in range(60):
            again = _other_station(FtpOpcode.READ_FILE, 10 + 2 * n)
            play.at(0.5 * n + 0.1, lambda _, m=again: play.to_vehicle([m], uploads.world.other_station))

    result, _, _ = uploads(items, vehicle=vehicle, script=script)
    assert result.outcome is Outcome.VERIFIED
    assert "another ground station" in result.message
    assert _the_same(items, vehicle)


def test_a_damaged_write_is_found_by_reading_back(uploads: Uploads) -> None:
    vehicle = PlayedVehicle()

    def damage(packet: FtpPacket) -> FtpPacket:
        if packet.opcode != FtpOpcode.WRITE_FILE or packet.offset:
            return packet
        data = bytearray(packet.data)
        data[10 + 2 * 38 + 20] ^= 1
        return FtpPacket(
            seq=packet.seq, session=packet.session, opcode=packet.opcode, size=packet.size, data=bytes(data)
        )

    vehicle.spoil = damage
    items = uploads.world.waypoints(30)
    result, _, _ = uploads(items, vehicle=vehicle, via=Via.FTP)
    assert result.outcome is Outcome.REFUSED
    assert any("item 2" in words for words in result.differences)
    result, _, _ = uploads(items, vehicle=vehicle)
    assert result.outcome is Outcome.VERIFIED
    assert "by the item protocol" in result.message
    assert _the_same(items, vehicle)


def test_a_checksum_that_never_agrees_makes_the_read_back_go_by_items(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airbeat.sim.vehicle.ftp.file_crc32", lambda _: 1)
    items = uploads.world.waypoints(30)
    result, vehicle, _ = uploads(items)
    assert result.outcome is Outcome.VERIFIED
    assert "MISSION_REQUEST_INT" in vehicle.heard
    assert "MISSION_COUNT" not in vehicle.heard
    assert "checksum" in result.message


@pytest.mark.parametrize("loss", [0.0, 0.2])
@pytest.mark.parametrize("kind", list(MissionType))
def test_what_is_read_by_file_is_what_is_read_by_items(
    uploads: Uploads, kind: MissionType, loss: float
) -> None:
    world = uploads.world
    vehicle = PlayedVehicle()
    uploads((world.waypoints(80), world.fence(4), world.rally(7))[kind], vehicle=vehicle)
    read = {}
    for via in (Via.ITEM, Via.FTP, Via.AUTO):
        machine = ViaDownloadMachine(world.peer, kind, via=via)
        world.play(vehicle, world.network(loss=loss, seed=3)).run(machine)
        assert machine.items is not None, machine.failure
        read[via] = machine.items
    assert not compare_items(read[Via.ITEM], read[Via.FTP])
    assert not compare_items(read[Via.ITEM], read[Via.AUTO])


def test_a_longer_mission_before_is_gone_after_a_shorter_one(uploads: Uploads) -> None:
    vehicle = PlayedVehicle()
    uploads(uploads.world.waypoints(90), vehicle=vehicle)
    items = uploads.world.waypoints(12, seed=2)
    result, _, _ = uploads(items, vehicle=vehicle)
    assert result.outcome is Outcome.VERIFIED
    assert len(vehicle.held()) == 13


def test_the_reasons_of_refusals_have_names() -> None:
    nak = FtpPacket(seq=1, session=1, opcode=int(FtpOpcode.NAK), size=2, data=bytes([2, 28]))
    assert nak.error == FtpError.FAIL_ERRNO
    assert nak.error_words == "FAIL_ERRNO 28"
