"""A model of ArduPilot's item protocol and a network that does everything networks do, on a played clock."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from airbeat.link.dialect import mavlink
from airbeat.link.items import MissionType, WireItem
from airbeat.link.transfer import Machine, Peer, TransferResult
from airbeat.link.upload import UploadMachine

_GCS = (255, 190)
_VEHICLE = (1, 1)
_OTHER_STATION = (254, 190)
_REASK_S = 1.0
_UPLOAD_TIMEOUT_S = 8.0

R = {e.name.removeprefix("MAV_MISSION_"): v for v, e in mavlink.enums["MAV_MISSION_RESULT"].items()}


def waypoints(count: int, *, seed: int = 0) -> list[WireItem]:
    """A mission of so many waypoints behind its home."""
    rng = random.Random(seed)
    return [
        WireItem(
            seq=seq,
            command=16,
            frame=3,
            params=(float(seq % 5), 0.0, 0.0, 0.0),
            x=511800000 + rng.randrange(100000),
            y=84900000 + rng.randrange(100000),
            z=30.0 + seq / 8,
        )
        for seq in range(count + 1)
    ]


def rally(count: int) -> list[WireItem]:
    """So many rally points."""
    return [
        WireItem(
            seq=n, command=5100, frame=3, x=511800000 + n, y=84900000, z=20.0, mission_type=MissionType.RALLY
        )
        for n in range(count)
    ]


def triangle_fence(polygons: int) -> list[WireItem]:
    """So many triangular inclusion zones."""
    return [
        WireItem(
            seq=n,
            command=5001,
            frame=0,
            params=(3.0, 0, 0, 0),
            x=511800000 + n * 1000,
            y=84900000 + n % 3 * 1000,
            mission_type=MissionType.FENCE,
        )
        for n in range(3 * polygons)
    ]


@dataclass
class Station:
    """Who uploads now, and how far it is."""

    who: tuple[int, int]
    count: int
    next_seq: int = 0
    heard_s: float = 0.0
    asked_s: float = -10.0
    buffer: list[WireItem] = field(default_factory=list)


class ModelAutopilot:
    """Answers as ArduPilot's MissionItemProtocol does: see the facts each method names."""

    def __init__(self, *, capacity: int = 650) -> None:
        self.capacity = capacity
        self.stored: dict[int, list[WireItem]] = {0: [], 1: [], 2: []}
        self.uploads: dict[int, Station] = {}
        self.dead_until_s = -1.0
        self.booted_at_s = -1.0
        self.bad_items: dict[int, str] = {}
        self.completion = "ACCEPTED"
        self.deaf = False

    def reboot(self, now_s: float, *, dead_s: float = 3.0, booting_s: float = 4.0) -> None:
        """Forgets its uploads; is silent, then answers NO_SPACE, then works."""
        self.uploads.clear()
        self.dead_until_s = now_s + dead_s
        self.booted_at_s = now_s + dead_s + booting_s

    def receive(self, m: Any, who: tuple[int, int], now_s: float) -> list[Any]:
        if now_s < self.dead_until_s or self.deaf:
            return []
        kind = m.get_type()
        handler = {
            "MISSION_COUNT": self._count,
            "MISSION_ITEM_INT": self._item,
            "MISSION_REQUEST_LIST": self._list,
            "MISSION_REQUEST_INT": self._send_item,
            "MISSION_CLEAR_ALL": self._clear,
        }.get(kind)
        return handler(m, who, now_s) if handler else []

    def tick(self, now_s: float) -> list[Any]:
        """Asks again each second; ends an upload after 8 s of silence."""
        if now_s < self.dead_until_s or self.deaf:
            return []
        out = []
        for kind, up in list(self.uploads.items()):
            if now_s - up.heard_s > _UPLOAD_TIMEOUT_S:
                del self.uploads[kind]
                out.append(self._ack(up.who, "OPERATION_CANCELLED", kind))
            elif now_s - up.asked_s >= _REASK_S:
                out += self._ask(kind, now_s)
        return out

    def _ack(self, who: tuple[int, int], name: str, kind: int) -> Any:
        return mavlink.MAVLink_mission_ack_message(*who, R[name], kind)

    def _ask(self, kind: int, now_s: float) -> list[Any]:
        up = self.uploads[kind]
        up.asked_s = now_s
        return [mavlink.MAVLink_mission_request_message(*up.who, up.next_seq, kind)]

    def _count(self, m: Any, who: tuple[int, int], now_s: float) -> list[Any]:
        kind = m.mission_type
        up = self.uploads.get(kind)
        if up is not None and up.who != who:
            return [self._ack(who, "DENIED", kind)]
        capacity = 0 if now_s < self.booted_at_s else self.capacity
        if m.count > capacity:
            text = f"Only {capacity} items are supported"
            return [mavlink.MAVLink_statustext_message(4, text.encode()), self._ack(who, "NO_SPACE", kind)]
        if kind != MissionType.FENCE:
            del self.stored[kind][m.count :]
        if m.count == 0:
            self.stored[kind] = []
            return [self._ack(who, "ACCEPTED", kind)]
        self.uploads[kind] = Station(who=who, count=m.count, heard_s=now_s)
        return self._ask(kind, now_s)

    def _item(self, m: Any, who: tuple[int, int], now_s: float) -> list[Any]:
        kind = m.mission_type
        up = self.uploads.get(kind)
        if up is None:
            return [self._ack(who, "ERROR", kind)]
        if up.who != who:
            return [self._ack(who, "DENIED", kind)]
        up.heard_s = now_s
        if m.seq != up.next_seq:
            return [self._ack(who, "INVALID_SEQUENCE", kind)]
        if m.seq in self.bad_items:
            del self.uploads[kind]
            return [self._ack(who, self.bad_items[m.seq], kind)]
        item = WireItem.from_message(m)
        if kind == MissionType.FENCE:
            up.buffer.append(item)
        else:
            self.stored[kind][m.seq : m.seq + 1] = [item]
        up.next_seq += 1
        if up.next_seq < up.count:
            return self._ask(kind, now_s)
        del self.uploads[kind]
        if kind == MissionType.FENCE and self.completion == "ACCEPTED":
            self.stored[kind] = up.buffer
        return [self._ack(who, self.completion, kind)]

    def _list(self, m: Any, who: tuple[int, int], now_s: float) -> list[Any]:
        if m.mission_type in self.uploads:
            return [self._ack(who, "DENIED", m.mission_type)]
        return [mavlink.MAVLink_mission_count_message(*who, len(self.stored[m.mission_type]), m.mission_type)]

    def _send_item(self, m: Any, who: tuple[int, int], now_s: float) -> list[Any]:
        content = self.stored[m.mission_type]
        if m.seq >= len(content):
            count = mavlink.MAVLink_mission_count_message(*who, len(content), m.mission_type)
            return [count, self._ack(who, "INVALID_SEQUENCE", m.mission_type)]
        held = content[m.seq]
        if m.mission_type == MissionType.MISSION and m.seq == 0:
            held = WireItem(seq=0, command=16, frame=0, x=1, y=2, z=3.0)
        held = replace(held, seq=m.seq, z=int(held.z * 100) / 100)
        return [held.message(target_system=who[0], target_component=who[1])]

    def _clear(self, m: Any, who: tuple[int, int], now_s: float) -> list[Any]:
        if m.mission_type in self.uploads:
            return [self._ack(who, "DENIED", m.mission_type)]
        self.stored[m.mission_type] = []
        return [self._ack(who, "ACCEPTED", m.mission_type)]


@dataclass
class Network:
    """Both ways: loss, duplicates and delays, of which different delays reorder; and cuts."""

    seed: int = 0
    loss: float = 0.0
    duplicates: float = 0.0
    delay_s: tuple[float, float] = (0.005, 0.01)
    cuts_s: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def arrivals(self, now_s: float) -> list[float]:
        """When a packet sent now arrives: not at all, once or twice."""
        if any(a <= now_s < b for a, b in self.cuts_s) or self.rng.random() < self.loss:
            return []
        copies = 2 if self.rng.random() < self.duplicates else 1
        return [now_s + self.rng.uniform(*self.delay_s) for _ in range(copies)]


class Play:
    """Plays a machine against the model autopilot over the network."""

    def __init__(self, autopilot: ModelAutopilot, network: Network) -> None:
        self.autopilot = autopilot
        self.network = network
        self.events: list[tuple[float, int, Callable[[float], None]]] = []
        self.order = itertools.count()
        self.now_s = 0.0
        self.sent = 0
        self.machine: Machine | None = None

    def at(self, time_s: float, action: Callable[[float], None]) -> None:
        """Has something happen at a time."""
        heapq.heappush(self.events, (time_s, next(self.order), action))

    def to_vehicle(self, messages: Sequence[Any], who: tuple[int, int] = _GCS) -> None:
        for m in messages:
            self.sent += 1
            for t in self.network.arrivals(self.now_s):
                self.at(t, lambda now, m=m: self.to_station(self.autopilot.receive(m, who, now)))

    def to_station(self, messages: Sequence[Any]) -> None:
        for m in messages:
            for t in self.network.arrivals(self.now_s):
                self.at(t, lambda now, m=m: self._deliver(m, now))

    def _deliver(self, m: Any, now_s: float) -> None:
        assert self.machine is not None
        self.to_vehicle(self.machine.on_message(m, now_s))

    def _tick(self, now_s: float) -> None:
        self.to_station(self.autopilot.tick(now_s))
        self.at(now_s + 0.05, self._tick)

    def run(self, machine: Machine, *, limit_s: float = 1200.0) -> None:
        """Until the machine is done; a machine that never ends fails the test."""
        self.machine = machine
        self.at(0.0, self._tick)
        self.to_vehicle(machine.start(0.0))
        while not machine.done:
            if self.events[0][0] <= machine.next_time_s:
                self.now_s, _, action = heapq.heappop(self.events)
                action(self.now_s)
            else:
                self.now_s = max(self.now_s, machine.next_time_s)
                self.to_vehicle(machine.on_time(self.now_s))
            assert self.now_s < limit_s, "the machine never came to a verdict"


PEER = Peer(system=1, component=1, own_system=255, own_component=190)


def upload(
    items: Sequence[WireItem],
    *,
    mission_type: MissionType = MissionType.MISSION,
    autopilot: ModelAutopilot | None = None,
    network: Network | None = None,
    script: Callable[[Play], None] | None = None,
    patience_s: float = 30.0,
) -> tuple[TransferResult, ModelAutopilot, Play]:
    """Plays one upload to its verdict."""
    autopilot = autopilot or ModelAutopilot()
    play = Play(autopilot, network or Network())
    if script is not None:
        script(play)
    machine = UploadMachine(PEER, mission_type, items, patience_s=patience_s)
    play.run(machine)
    assert machine.result is not None
    return machine.result, autopilot, play


@dataclass(frozen=True)
class LinkWorld:
    """What the tests of this folder need, handed over by a fixture."""

    upload: Callable[..., tuple[TransferResult, ModelAutopilot, Play]] = upload
    autopilot: type[ModelAutopilot] = ModelAutopilot
    network: type[Network] = Network
    play: type[Play] = Play
    waypoints: Callable[..., list[WireItem]] = waypoints
    rally: Callable[[int], list[WireItem]] = rally
    fence: Callable[[int], list[WireItem]] = triangle_fence
    peer: Peer = PEER
    other_station: tuple[int, int] = _OTHER_STATION


@pytest.fixture
def world() -> LinkWorld:
    """The model autopilot, the network and what to upload."""
    return LinkWorld()
