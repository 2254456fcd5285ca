"""Kills the process at random moments during review and flight, and looks for what was acknowledged.

    python tests/bench/ops_kills.py                                   # 100 console, 40 review, 60 flight
    python tests/bench/ops_kills.py --place postgresql://HOST/DATABASE --console 15 --review 5 --flight 0
    python tests/bench/ops_kills.py --console 4 --review 3 --flight 0 --seed 3

Each kill is a SIGKILL at a moment drawn from a seed. After each, the log is opened, its whole chain verified,
and every event that was acknowledged, in this run and in all before it, must be there as it was:

- console: a reviewer decides by HTTP; a decision is acknowledged when its answer has come;
- review: `airbeat review --set`; a decision is acknowledged when the command has ended with 0;
- flight: `airbeat fly --operation` on the embedded vehicle; an event is acknowledged when another process
  reads it, a photograph when it is in ``state.json``. After each kill the flight is taken up again with
  ``--resume`` while the vehicle flies on, and after every third it is flown to its end.

Processes are forks of this one, which has everything imported, so that a kill costs no start of Python.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import uvicorn.loops.asyncio
import uvicorn.protocols.http.auto  # noqa: F401

import airbeat.cli.console
import airbeat.cli.fly
import airbeat.cli.review
import airbeat.console.app
import airbeat.flight.begin
import airbeat.flight.fly
from airbeat.cli.main import main as airbeat_main
from airbeat.flight.state import read_state
from airbeat.formats.wpl import write_wpl
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan, PlanItem
from airbeat.ops.log import Event, OperationsLog
from airbeat.report.reviewed import belongs_to
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

CANDIDATES = 40
VERDICTS = ("person", "clue", "no", "unsure")
HOME = LatLon(lat_deg=51.18, lon_deg=8.49)
HEIGHT = Altitude(value_m=20.0, datum=AltitudeDatum.HOME)
Place = Path | str


class LostError(Exception):
    """Something that was acknowledged is not there any more."""


class Forked:
    """A process that runs a function and ends; its standard output can be read."""

    def __init__(self, work: Callable[[], object]) -> None:
        reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(reading)
            os.dup2(writing, 1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb"), write_through=True)
            sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb"), write_through=True)
            signal.setitimer(signal.ITIMER_REAL, 0)
            code = 70
            try:
                work()
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 70
            finally:
                os._exit(code)
        os.close(writing)
        self.output = os.fdopen(reading, "r")
        self.status: int | None = None

    def kill(self) -> None:
        """SIGKILL, if it is still there."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Its exit code; negative for a signal."""
        if self.status is None:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.output.close()
        return self.status

    def has_ended(self) -> bool:
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None


def airbeat(*words: str) -> Forked:
    """A command in a process of its own."""
    return Forked(lambda: sys.exit(airbeat_main(list(words))))


@contextmanager
def killed_after(process: Forked, seconds: float) -> Iterator[None]:
    """Kill a process so long after now, in the midst of whatever is being done."""
    signal.signal(signal.SIGALRM, lambda *_: process.kill())
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class Acknowledged:
    """What was acknowledged of one log, and whether all of it is there."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.kills: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()
        self.unacknowledged: Counter[str] = Counter()
        self._wanted: dict[int, Callable[[Event], bool]] = {}
        self._events: dict[int, str] = {}

    def event(self, number: int, holds: Callable[[Event], bool], phase: str) -> None:
        """The event of that number was acknowledged, and is what ``holds`` says."""
        self._wanted[number] = holds
        self.acknowledged[phase] += 1

    def killed(self, phase: str) -> list[Event]:
        """After a kill: open the log, verify it, and look for everything.

        Raises:
            LostError: something is not there, or is not what it was.
        """
        self.kills[phase] += 1
        with OperationsLog(self.place) as log:
            log.verify()
            events = log.events()
        by_number = {e.number: e for e in events}
        for number, holds in self._wanted.items():
            if number not in by_number or not holds(by_number[number]):
                raise LostError(f"{phase}: event {number} was acknowledged, and is {by_number.get(number)}")
        for number, sha256 in self._events.items():
            if number not in by_number or by_number[number].sha256 != sha256:
                raise LostError(f"{phase}: event {number} was there and is not, or is another")
        fresh = [e for e in events if e.number not in self._events]
        self._events = {e.number: e.sha256 for e in events}
        self.unacknowledged[phase] += sum(
            e.number not in self._wanted and e.kind.startswith("review.") for e in fresh
        )
        return fresh


def write_search(folder: Path) -> None:
    """A search with candidates in one photograph, as `airbeat detect` writes it."""
    picture = cv2.imencode(".jpg", np.full((600, 800, 3), 120, np.uint8))[1].tobytes()
    (folder / "crops").mkdir(parents=True)
    (folder / "crops" / "C.jpg").write_bytes(picture)
    sha256 = "a" * 64
    frame = {"file": "1.JPG", "sha256": sha256, "width_px": 800, "height_px": 600, "lat_deg": 51.0}
    frame |= {"lon_deg": 8.0, "height_above_home_m": 50.0, "gimbal_yaw_deg": 0.0, "gimbal_pitch_deg": -90.0}
    frame |= {"gimbal_roll_deg": 0.0, "focal_length_px": 700.0, "gsd_m_px": 0.07, "boxes": []}
    frame |= {"ground_height_above_home_m": 0.0}
    candidates = [
        {"id": f"C{n:03d}", "lat_deg": 51.0, "lon_deg": 8.0, "ce90_m": 4.0, "score": 0.5, "frames_over_it": 1}
        | {"looks": [{"file": "1.JPG", "sha256": sha256, "xyxy_px": [n, 5.0, n + 9.0, 30.0]}]}
        | {"crop": "crops/C.jpg"}
        for n in range(1, CANDIDATES + 1)
    ]
    results = {"schema": "airbeat/candidates/2", "source": str(folder), "not_searched": []}
    results |= {"detector": {"name": "bench", "threshold": 0.5}, "frames": [frame], "candidates": candidates}
    (folder / "candidates.json").write_text(json.dumps(results))


class Browser:
    """Signs in to a console and decides."""

    def __init__(self, link: str) -> None:
        host, _, enter = link.removeprefix("http://").partition("/")
        self._connection = http.client.HTTPConnection(host, timeout=30)
        self._headers = {"content-type": "application/json", "origin": f"http://{host}"}
        answer, _ = self.ask("GET", f"/{enter}")
        self._headers["cookie"] = answer.getheader("set-cookie", "").partition(";")[0]
        self._headers["x-airbeat-csrf"] = self.ask("GET", "/api/me")[1]["csrf"]
        self.ask("POST", "/api/me", {"name": "bench"})

    def ask(self, method: str, path: str, body: Any = None) -> tuple[http.client.HTTPResponse, Any]:
        """An answer; what is broken off raises."""
        self._connection.request(method, path, json.dumps(body) if body is not None else None, self._headers)
        answer = self._connection.getresponse()
        data = answer.read()
        is_json = answer.getheader("content-type", "").startswith("application/json")
        return answer, json.loads(data) if is_json else data


def is_decision(candidate: str, verdict: str) -> Callable[[Event], bool]:
    return lambda e: (e.payload["candidate"], e.payload["verdict"], e.actor) == (candidate, verdict, "bench")


def kill_console(told: Acknowledged, folder: Path, chance: random.Random) -> None:
    """One console that is killed while it is decided on, or while it starts."""
    process = airbeat("console", str(folder), "--port", "0")
    starting = chance.random() < 0.15
    with killed_after(process, chance.uniform(0.0, 0.5) if starting else 60.0):
        try:
            link = process.output.readline().removeprefix("open ").strip()
            if not link:
                raise BrokenPipeError("killed before it said its address")
            browser = Browser(link)
            if not starting:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.001, 2.5))
            while True:
                candidate, verdict = f"C{chance.randint(1, CANDIDATES):03d}", chance.choice(VERDICTS)
                body = {"candidate": candidate, "verdict": verdict, "seen_event": 1 << 40, "despite": True}
                answer, said = browser.ask("POST", "/api/decide", body)
                if answer.status != 200:
                    raise RuntimeError(f"the console answered {answer.status}: {said}")
                told.event(said["event"], is_decision(candidate, verdict), "console")
        except (OSError, http.client.HTTPException):
            pass  # it is gone, and what was asked last has no answer
    process.kill()
    process.wait()
    told.killed("console starting" if starting else "console")


def kill_review(told: Acknowledged, folder: Path, chance: random.Random) -> None:
    """Commands that decide, one after the other, until one is killed."""
    sets = []
    end_s = time.monotonic() + chance.uniform(0.05, 3.0)
    while True:
        candidate, verdict = f"C{chance.randint(1, CANDIDATES):03d}", chance.choice(VERDICTS)
        words = ("review", str(folder), "--set", f"{candidate}={verdict}", "--reviewer", "bench")
        process = airbeat(*words)
        with killed_after(process, max(0.001, end_s - time.monotonic())):
            code = process.wait()
        if code == -signal.SIGKILL:
            break
        if code != 0:
            raise LostError(f"airbeat review ended with {code}")
        sets.append((candidate, verdict))
    fresh = [e for e in told.killed("review") if e.kind == "review.decision"]
    said = [(e.payload["candidate"], e.payload["verdict"]) for e in fresh]
    if said[: len(sets)] != sets or len(said) > len(sets) + 1:
        raise LostError(f"review: {sets} were acknowledged, the log has {said}")
    for event, (candidate, verdict) in zip(fresh, sets, strict=False):
        told.event(event.number, is_decision(candidate, verdict), "review")
        told.unacknowledged["review"] -= 1


def a_plan() -> FlightPlan:
    """Take-off, three lines with the camera on, return."""

    def at(east_m: float, north_m: float) -> LatLon:
        return LatLon(lat_deg=51.18 + north_m * 8.98e-6, lon_deg=8.49 + east_m * 1.43e-5)

    corners = [(20, 0), (20, 80), (40, 80), (40, 0), (60, 0), (60, 80)]
    items = [
        PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=HEIGHT),
        PlanItem(command=MavCmd.DO_CHANGE_SPEED, params=(1, 6, -1, 0)),
        PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST, params=(10, 0, 1, 0)),
        *(PlanItem(command=MavCmd.NAV_WAYPOINT, position=at(*c), altitude=HEIGHT) for c in corners),
        PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST, params=(0, 0, 1, 0)),
        PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),
    ]
    return FlightPlan(name="three lines", home=HOME, items=tuple(items), speed_m_s=6.0)


def a_vehicle(seed: int) -> tuple[Forked, str]:
    """The embedded vehicle in a process of its own, and its address."""

    def fly() -> None:
        config = VehicleConfig(home=HOME, home_amsl_m=400.0, speedup=8.0, seed=seed)
        with EmbeddedVehicle(config) as vehicle:
            print(vehicle.url, flush=True)
            time.sleep(600)

    process = Forked(fly)
    return process, process.output.readline().strip()


class Flight:
    """One flight that is killed and taken up again, and in the end flown to its end."""

    def __init__(self, told: Acknowledged, work: Path, seed: int) -> None:
        self.told = told
        self.folder = work / f"flight-{seed}"
        self.state = self.folder / "state.json"
        (work / "plan.waypoints").write_text(write_wpl(a_plan()))
        self.words = ["fly", str(work / "plan.waypoints"), "--yes", "--out", str(self.folder)]
        self.vehicle, url = a_vehicle(seed)
        self.words += ["--connect", url, "--operation", str(told.place), "--overwrite"]
        self.photos = 0

    def begun(self, *more: str) -> Forked:
        """The flight, or the rest of it."""
        resumed = ["--resume", str(self.state)] if self.state.exists() else []
        return airbeat(*self.words, *resumed, *more)

    def kill(self, seconds: float) -> None:
        """Let it fly for so long, reading what it has acknowledged all the time, and kill it."""
        process = self.begun()
        phase = "flight starting"
        with OperationsLog(self.told.place) as log, killed_after(process, seconds):
            number = log.last_number()
            while not process.has_ended():
                for event in log.events(after=number):
                    number = event.number
                    self.told.event(number, _same(event), "flight")
                if self.state.exists():
                    state = read_state(self.state)
                    self.photos = max(self.photos, len(state.photos))
                    phase = "flight, photographs" if state.photos else "flight, before photographs"
                time.sleep(0.02)
        if process.wait() != -signal.SIGKILL:
            return  # it was over before
        self.told.killed(phase)
        if self.state.exists() and len(read_state(self.state).photos) < self.photos:
            raise LostError(f"state.json had {self.photos} photographs, and has fewer")

    def end(self) -> str:
        """Take it up again and fly it to its end; what became of it."""
        process = self.begun("--json")
        words = process.output.read()
        code = process.wait()
        self.vehicle.kill()
        self.vehicle.wait()
        outcome = read_state(self.state).outcome
        if code not in {0, 1, 2}:
            raise LostError(f"airbeat fly --resume ended with {code}: {words[-500:]}")
        said = json.loads(words)
        why = said["error"]["message"] if code == 2 else said.get("explanation", "")
        if len(read_state(self.state).photos) < self.photos:
            raise LostError(f"state.json had {self.photos} photographs, and has fewer at the end")
        return f"{outcome or 'no outcome'}, exit {code}" + (f": {why}" if code else "")


def _same(event: Event) -> Callable[[Event], bool]:
    return lambda e: e.sha256 == event.sha256


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--console", type=int, default=100, help="kills while it is decided by HTTP")
    parser.add_argument("--review", type=int, default=40, help="kills of airbeat review --set")
    parser.add_argument("--flight", type=int, default=60, help="kills of airbeat fly")
    parser.add_argument("--flight-s", type=float, default=15.0, help="the longest time until a kill [s]")
    parser.add_argument("--place", help="a PostgreSQL database instead of an SQLite file")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    ends: Counter[str] = Counter()
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        place: Place = args.place or work / "operation.sqlite"
        told = Acknowledged(place)
        folder = work / "found"
        write_search(folder)
        belongs_to(folder, str(place))
        for number in range(args.console):
            kill_console(told, folder, chance)
            _say(number, told)
        for number in range(args.review):
            kill_review(told, folder, chance)
            _say(number, told)
        killed = 0
        while killed < args.flight:
            flight = Flight(told, work, seed=1000 * args.seed + killed)
            before = sum(told.kills.values())
            for _ in range(min(3, args.flight - killed)):
                flight.kill(chance.uniform(0.3, args.flight_s))
            killed += max(1, sum(told.kills.values()) - before)
            ends[flight.end()] += 1
            _say(killed, told)
        with OperationsLog(place) as log:
            count = log.verify()
    print(f"{sum(told.kills.values())} kills, seed {args.seed}: {dict(told.kills)}")
    print(f"acknowledged {dict(told.acknowledged)}, lost 0; {count} events, the chain is whole")
    print(f"decisions that were written and not yet acknowledged when killed: {dict(told.unacknowledged)}")
    if ends:
        print(f"flights taken up again to their end: {dict(ends)}")
    print(f"{time.monotonic() - begun_s:.0f} s")
    return 0


def _say(number: int, told: Acknowledged) -> None:
    if number % 10 == 0:
        print(f"… {dict(told.kills)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
