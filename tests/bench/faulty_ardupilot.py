"""Uploads with faults to a real ArduPilot SITL: a bad link, and all clocks at the simulation's pace."""

from __future__ import annotations

import contextlib
import itertools
import math
import random
import selectors
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from badlink import whole_packets
from fault_verdicts import Contents, Judgement, content_of, judge
from link_faults import Faults, Way, is_heartbeat, seeded_plan, stale_ack

from airbeat.errors import AirbeatError, LinkError
from airbeat.flight.upload import upload_plan
from airbeat.geo.coordinates import LatLon
from airbeat.link.connection import Link
from airbeat.link.dialect import mavlink
from airbeat.link.ftp_choice import Via
from airbeat.link.items import MissionType, WireItem
from airbeat.link.transfer import Machine, Outcome, TransferResult
from airbeat.link.transport import open_transport
from airbeat.link.vehicle import Vehicle
from airbeat.sim.ardupilot import ArduPilotSitl

HOME = LatLon(lat_deg=46.5, lon_deg=8.0)
CHEAPER = {"SIM_RATE_HZ": 400.0, "SCHED_LOOP_RATE": 50.0}
"""Nothing flies here: ArduCopter's main loop at 50 Hz instead of 400 lets more vehicles share a machine."""
_LONGEST_RUN_S = 900.0


class ScaledLink(Link):
    """A link whose timers run at the simulation's pace."""

    def __init__(self, url: str, *, pace: float, source_system: int = 255) -> None:
        self._pace = pace
        super().__init__(
            url, open_transport(url, timeout_s=10.0), source_system=source_system, source_component=190
        )
        self.wait_for_vehicle(30.0)

    @property
    def silence_s(self) -> float:
        return super().silence_s * self._pace

    def run(self, machine: Machine, *, progress: Callable[[], None] | None = None) -> None:
        with self.subscribe() as messages:
            self.send(*machine.start(time.monotonic() * self._pace))
            while not machine.done:
                wait_s = min(max(machine.next_time_s - time.monotonic() * self._pace, 0.0), 1.0)
                message = messages.get(wait_s / self._pace)
                if self._closing.is_set():
                    raise LinkError(f"{self.url}: the link was closed")
                now_s = time.monotonic() * self._pace
                if message is not None:
                    self.send(*machine.on_message(message, now_s))
                self.send(*machine.on_time(now_s))


class FaultyLink:
    """A TCP port in front of a vehicle's, with the faults of a seed in between once ``begin`` is called."""

    def __init__(self, vehicle: tuple[str, int], *, pace: float) -> None:
        self.rival_wanted = threading.Event()
        self.rebooted = False
        self._pace = pace
        self._address = vehicle
        self._vehicle: socket.socket | None = None
        self._client: socket.socket | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, "new")
        self._buffers = {"up": bytearray(), "down": bytearray()}
        self._lock = threading.Lock()
        self._mav = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
        self._stop = threading.Event()
        self.end()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        for sock in (self._vehicle, self._listener, self._client):
            if sock is not None:
                sock.close()
        self._selector.close()

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"tcp:127.0.0.1:{self._listener.getsockname()[1]}"

    def begin(self, faults: Faults | None) -> None:
        """These faults from now on."""
        with self._lock:
            self._faults = faults
            self._sent = 0
            self.rebooted = False
            self.rival_wanted.clear()
            seed = faults.seed if faults else 0
            self._ways = {"up": Way(faults, f"up {seed}"), "down": Way(faults, f"down {seed}")}

    def end(self) -> None:
        """No more faults."""
        self.begin(None)

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._vehicle is None and not self._connect():
                time.sleep(0.05)
            now_s = time.monotonic() * self._pace
            times = [w.next_s for w in self._ways.values() if w.next_s is not None]
            wait_s = (min(times) - now_s) / self._pace if times else 0.05
            for key, _ in self._selector.select(min(max(wait_s, 0.0), 0.05)):
                self._ready(key.data)
            with self._lock:
                for name, way in self._ways.items():
                    for packet in way.due(time.monotonic() * self._pace):
                        self._deliver(name, packet)

    def _connect(self) -> bool:
        try:
            self._vehicle = socket.create_connection(self._address, timeout=1.0)
        except OSError:
            return False
        self._vehicle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(self._vehicle, selectors.EVENT_READ, "down")
        return True

    def _ready(self, what: str) -> None:
        if what == "new":
            self._hang_up("up")
            self._client, _ = self._listener.accept()
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(self._client, selectors.EVENT_READ, "up")
            return
        source = self._vehicle if what == "down" else self._client
        try:
            data = source.recv(65536) if source is not None else b""
        except OSError:
            data = b""
        if not data:
            self._hang_up(what)
            return
        self._buffers[what] += data
        with self._lock:
            for packet in whole_packets(self._buffers[what]):
                now_s = time.monotonic() * self._pace
                if what == "up" and not is_heartbeat(packet):
                    self._sent += 1
                    self._happen(now_s)
                self._ways[what].put(packet, now_s)

    def _happen(self, now_s: float) -> None:
        f = self._faults
        if f is None:
            return
        if self._sent == f.cut_at:
            for way in self._ways.values():
                way.cut(now_s + f.cut_s)
        if self._sent == f.rival_at:
            self.rival_wanted.set()
        if self._sent == f.reboot_at:
            self.rebooted = True
            message = mavlink.MAVLink_command_long_message(1, 1, 246, 0, 1, 0, 0, 0, 0, 0, 0)
            self._deliver("up", message.pack(mavlink.MAVLink(None, srcSystem=253, srcComponent=190)))
        for at, result in f.stale_acks:
            if self._sent == at:
                self._deliver("down", stale_ack(result, (255, 190)).pack(self._mav))

    def _deliver(self, way: str, packet: bytes) -> None:
        target = self._client if way == "down" else self._vehicle
        if target is not None:
            with contextlib.suppress(OSError):
                target.sendall(packet)

    def _hang_up(self, what: str) -> None:
        sock = self._client if what == "up" else self._vehicle
        if sock is not None:
            self._selector.unregister(sock)
            sock.close()
        if what == "up":
            self._client = None
        else:
            self._vehicle = None
        self._buffers[what].clear()


class _Rival(threading.Thread):
    """A second ground station: when it is wanted, it uploads a mission of its own over a clean link."""

    def __init__(self, url: str, faulty: FaultyLink, items: list[WireItem], *, pace: float) -> None:
        super().__init__(daemon=True)
        self.result: TransferResult | None = None
        self.over = threading.Event()
        self._url, self._faulty, self._items, self._pace = url, faulty, items, pace
        self.start()

    def run(self) -> None:
        while not self._faulty.rival_wanted.wait(0.02):
            if self.over.is_set():
                return
        with (
            contextlib.suppress(AirbeatError),
            contextlib.closing(ScaledLink(self._url, pace=self._pace, source_system=254)) as link,
        ):
            self.result = Vehicle.on(link).upload(MissionType.MISSION, self._items, via=Via.ITEM)


class FaultyArduPilot:
    """A running ArduPilot to which uploads are made."""

    def __init__(self, *, pace: float) -> None:
        self._pace = pace
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        sitl = self._stack.enter_context(
            ArduPilotSitl(home=HOME, home_amsl_m=600.0, speedup=self._pace, parameters=CHEAPER)
        )
        self.version = sitl.version
        self._rival_url = sitl.urls[2]
        port = int(sitl.url.rsplit(":", 1)[1])
        self._faulty = self._stack.enter_context(FaultyLink(("127.0.0.1", port), pace=self._pace))
        self._clean = self._stack.enter_context(
            contextlib.closing(ScaledLink(sitl.urls[1], pace=self._pace, source_system=252))
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _time_s(self) -> float:
        """The vehicle's clock."""
        with self._clean.subscribe({"SYSTEM_TIME"}) as times:
            Vehicle.on(self._clean).command(
                mavlink.MAV_CMD_REQUEST_MESSAGE, mavlink.MAVLINK_MSG_ID_SYSTEM_TIME
            )
            message = times.get(2.0)
        return float("nan") if message is None else message.time_boot_ms / 1000.0

    def _read(self, kind: MissionType) -> tuple[WireItem, ...]:
        """What the vehicle holds, over the clean link; it may be starting, or end an upload first."""
        for attempt in itertools.count():
            try:
                return Vehicle.on(self._clean).download(kind, via=Via.ITEM)
            except LinkError:
                if attempt == 9:
                    raise
                time.sleep(10.0 / self._pace)
        raise AssertionError

    def _prepare(self, old: dict[MissionType, list[WireItem]]) -> None:
        """Puts a known content on the vehicle."""
        for kind, items in old.items():
            for _ in range(10):
                result = Vehicle.on(self._clean).upload(kind, items, via=Via.ITEM)
                if result.outcome is Outcome.VERIFIED:
                    break
                time.sleep(5.0 / self._pace)
            else:
                raise LinkError(f"cannot prepare the vehicle: {result.message}")

    def run(self, faults: Faults) -> tuple[Judgement, dict[str, Any]]:
        """One upload; what came of it, and notes for the result file."""
        rng = random.Random(f"old {faults.seed}")
        old = content_of(
            seeded_plan(f"old {faults.seed}", items=rng.randint(5, 30), home=HOME, zones=faults.zones)
        )
        self._prepare(old)
        plan = seeded_plan(f"new {faults.seed}", items=faults.items, home=HOME, zones=faults.zones)
        sent = content_of(plan)
        rival = content_of(
            seeded_plan(f"rival {faults.seed}", items=rng.randint(10, 60), home=HOME, zones=False)
        )[MissionType.MISSION]
        transfers: tuple[TransferResult, ...] = ()
        error = ""
        self._faulty.end()
        with contextlib.closing(ScaledLink(self._faulty.url, pace=self._pace)) as link:
            Vehicle.on(link)
            time.sleep(1.5 / self._pace)
            self._faulty.begin(faults)
            other = _Rival(self._rival_url, self._faulty, rival, pace=self._pace)
            vehicle_s, start_s = self._time_s(), time.monotonic()
            watchdog = threading.Timer(_LONGEST_RUN_S / self._pace, link.close)
            watchdog.start()
            try:
                verdict = upload_plan(link, plan, via=faults.via)
                transfers = verdict.transfers
            except AirbeatError as e:
                error = f"{type(e).__name__}: {e}"
            finally:
                watchdog.cancel()
            wall_s = time.monotonic() - start_s
            rebooted = self._faulty.rebooted
            pace = float("nan") if rebooted or wall_s < 0.5 else (self._time_s() - vehicle_s) / wall_s
            other.over.set()
            other.join(_LONGEST_RUN_S / self._pace)
            self._faulty.end()
        held = {kind: self._read(kind) for kind in sent}
        took_part = other.result is not None
        contents = Contents(old=old, sent=sent, rival=rival if took_part else None, held=held)
        notes = {
            "error": error,
            "said": [t.to_json() | {"differences": list(t.differences)[:3]} for t in transfers],
            "held": {kind.name.lower(): (len(held[kind]), contents.name(kind)) for kind in held},
            "rebooted": rebooted,
            "rival": other.result.outcome.value if other.result else "stuck" if other.is_alive() else "",
            "sim_s": round(wall_s * self._pace, 1),
            "speedup": None if math.isnan(pace) else round(pace, 1),
        }
        return judge(transfers, contents, error=error), notes
