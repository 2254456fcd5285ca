"""Uploads with faults to the embedded vehicle's core, on a played clock: the same seed, the same run."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from fault_verdicts import Contents, Judgement, content_of, judge
from link_faults import Faults, Way, is_heartbeat, seeded_plan, stale_ack

from airbeat.geo.coordinates import LatLon
from airbeat.link.dialect import mavlink
from airbeat.link.ftp_choice import Via
from airbeat.link.ftp_download import ViaDownloadMachine
from airbeat.link.ftp_upload import ViaUploadMachine
from airbeat.link.items import MissionType, WireItem
from airbeat.link.transfer import Machine, Outcome, Peer, TransferResult
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.copter import STEP_S, Copter

HOME = LatLon(lat_deg=46.5, lon_deg=8.0)
_DEAD_S = 3.0
_BOOT_S = 4.0
_LONGEST_RUN_S = 900.0


class _Station:
    """A ground station on a link of its own; ``machine`` is what it does at present."""

    def __init__(self, number: int, system: int, faults: Faults | None) -> None:
        self.number = number
        self.peer = Peer(system=1, component=1, own_system=system, own_component=190)
        self.ways = {name: Way(faults, f"{name} {faults.seed if faults else 0}") for name in ("up", "down")}
        self.machine: Machine | None = None
        self.on_packet: Callable[[float], None] = lambda _now_s: None
        self._encoders = {
            "up": mavlink.MAVLink(None, srcSystem=system, srcComponent=190),
            "down": mavlink.MAVLink(None, srcSystem=1, srcComponent=1),
        }
        self._decoders = {"up": mavlink.MAVLink(None), "down": mavlink.MAVLink(None)}
        for decoder in self._decoders.values():
            decoder.robust_parsing = True

    def send(self, way: str, messages: Sequence[Any], now_s: float) -> None:
        """Messages set out."""
        encoder = self._encoders[way]
        for message in messages:
            packet = message.pack(encoder)
            encoder.seq = (encoder.seq + 1) % 256
            if way == "up" and not is_heartbeat(packet):
                self.on_packet(now_s)
            self.ways[way].put(packet, now_s)

    def arrived(self, way: str, now_s: float) -> list[Any]:
        """Messages that have arrived."""
        return [
            message
            for packet in self.ways[way].due(now_s)
            for message in self._decoders[way].parse_buffer(packet) or []
            if message.get_type() != "BAD_DATA"
        ]


class FaultyEmbedded:
    """Embedded vehicles to which uploads are made: a new one each run."""

    version = "embedded vehicle"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def run(self, faults: Faults) -> tuple[Judgement, dict[str, Any]]:
        """One upload; what came of it, and notes for the result file."""
        return _Run(faults).play()


class _Run:
    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._now_s = 0.0
        self._packets = 0
        self._dead_until_s = 0.0
        self._copter = Copter(VehicleConfig(home=HOME, home_amsl_m=600.0, boot_s=_BOOT_S))
        self._bad = _Station(1, 255, faults)
        self._clean = _Station(2, 252, None)
        self._rival = _Station(3, 254, None)
        self._stations = {s.number: s for s in (self._bad, self._clean, self._rival)}
        self._bad.on_packet = self._happen
        for number in self._stations:
            self._copter.connect(number)

    def play(self) -> tuple[Judgement, dict[str, Any]]:
        f = self._faults
        rng = random.Random(f"old {f.seed}")
        old = content_of(seeded_plan(f"old {f.seed}", items=rng.randint(5, 30), home=HOME, zones=f.zones))
        sent = content_of(seeded_plan(f"new {f.seed}", items=f.items, home=HOME, zones=f.zones))
        other = seeded_plan(f"rival {f.seed}", items=rng.randint(10, 60), home=HOME, zones=False)
        self._rival_items = content_of(other)[MissionType.MISSION]
        while self._now_s < 2 * _BOOT_S:
            self._tick()
        for kind, items in old.items():
            assert self._upload(self._clean, kind, items, Via.ITEM).outcome is Outcome.VERIFIED
        self._packets = 0
        start_s = self._now_s
        transfers = []
        for kind in (MissionType.FENCE, MissionType.RALLY, MissionType.MISSION):
            if kind in sent:
                transfers.append(self._upload(self._bad, kind, sent[kind], Via(f.via)))
                if transfers[-1].outcome is not Outcome.VERIFIED:
                    break
        took_s = self._now_s - start_s
        self._bad.ways = {"up": Way(None, ""), "down": Way(None, "")}
        rival = self._rival.machine
        if rival is not None:
            self._until_done(self._rival)
        held = {kind: self._read(kind) for kind in sent}
        contents = Contents(
            old=old, sent=sent, rival=self._rival_items if rival is not None else None, held=held
        )
        notes = {
            "error": "",
            "said": [t.to_json() | {"differences": list(t.differences)[:3]} for t in transfers],
            "held": {kind.name.lower(): (len(held[kind]), contents.name(kind)) for kind in held},
            "rebooted": self._copter.reboots > 0,
            "rival": rival.result.outcome.value
            if isinstance(rival, ViaUploadMachine) and rival.result
            else "",
            "sim_s": round(took_s, 1),
        }
        return judge(transfers, contents), notes

    def _happen(self, now_s: float) -> None:
        f = self._faults
        self._packets += 1
        if self._packets == f.cut_at:
            for way in self._bad.ways.values():
                way.cut(now_s + f.cut_s)
        if self._packets == f.rival_at and self._rival.machine is None:
            machine = ViaUploadMachine(self._rival.peer, MissionType.MISSION, self._rival_items, via=Via.ITEM)
            self._rival.machine = machine
            self._rival.send("up", machine.start(now_s), now_s)
        if self._packets == f.reboot_at:
            self._copter.reboot()
            self._dead_until_s = now_s + _DEAD_S
        for at, result in f.stale_acks:
            if self._packets == at:
                self._bad.send("down", [stale_ack(result, (255, 190))], now_s)

    def _upload(
        self, station: _Station, kind: MissionType, items: list[WireItem], via: Via
    ) -> TransferResult:
        machine = ViaUploadMachine(station.peer, kind, items, via=via)
        self._start(station, machine)
        self._until_done(station)
        assert machine.result is not None
        return machine.result

    def _read(self, kind: MissionType) -> tuple[WireItem, ...]:
        for _ in range(10):
            machine = ViaDownloadMachine(self._clean.peer, kind, via=Via.ITEM)
            self._start(self._clean, machine)
            self._until_done(self._clean)
            if machine.items is not None:
                return machine.items
            until_s = self._now_s + 10.0  # it ends an upload first
            while self._now_s < until_s:
                self._tick()
        raise AssertionError("the vehicle cannot be read over the clean link")

    def _start(self, station: _Station, machine: Machine) -> None:
        station.machine = machine
        station.send("up", machine.start(self._now_s), self._now_s)

    def _until_done(self, station: _Station) -> None:
        limit_s = self._now_s + _LONGEST_RUN_S
        while station.machine is not None and not station.machine.done:
            if self._now_s > limit_s:
                raise AssertionError(f"no verdict after {_LONGEST_RUN_S:.0f} s")
            self._tick()

    def _tick(self) -> None:
        """One step of the vehicle; a vehicle that restarts neither hears nor speaks."""
        self._now_s += STEP_S
        alive = self._now_s >= self._dead_until_s
        if alive:
            self._copter.step()
        for station in self._stations.values():
            for message in station.arrived("up", self._now_s):
                if alive:
                    self._copter.handle(station.number, message)
        outbox, self._copter.outbox = self._copter.outbox, []
        for number, message in outbox:
            for station in self._stations.values() if number is None else [self._stations[number]]:
                station.send("down", [message], self._now_s)
        for station in self._stations.values():
            machine = station.machine
            messages = station.arrived("down", self._now_s)
            if machine is None or machine.done:
                continue
            for message in messages:
                station.send("up", machine.on_message(message, self._now_s), self._now_s)
            station.send("up", machine.on_time(self._now_s), self._now_s)
